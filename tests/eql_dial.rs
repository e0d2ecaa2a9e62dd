//! `eql_dial`: lines that are dialled by scripts, with a master that keeps record.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use wanbox_rig::{Need, Result, Router, ensure, until, wait_for};
use wanbox_runtime::daemon::PidFile;

use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip")];

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(90);

pub fn tests() -> Vec<Trial> {
    vec![
        test("eql_dial::keeps_two_lines_up", NEEDS, keeps_up),
        test("eql_dial::tries_again_and_holds", NEEDS, tries_again),
        test("eql_dial::lock_files", NEEDS, lock_files),
        test("eql_dial::once_from_cron", NEEDS, once),
        test("eql_dial::takes_over_what_was_left", NEEDS, takes_over),
        test(
            "eql_dial::slaves_of_an_eqld",
            &[Need::Namespaces, Need::Tun, Need::Tool("ip")],
            with_eqld,
        ),
        test("eql_dial::reads_its_file_again", NEEDS, reload),
        test("eql_dial::pppd_tells_the_interface", NEEDS, told_by_pppd),
        test("eql_dial::pppd_without_a_daemon", NEEDS, told_alone),
        test(
            "eql_dial::commands_that_return",
            NEEDS,
            commands_that_return,
        ),
        test("eql_dial::schedules_in_local_time", NEEDS, schedules),
        test("eql_dial::bad_input", NEEDS, bad_input),
    ]
}

/// A router with a dial script. What its lines run ends with it.
struct Site {
    router: Router,
}

/// Makes an interface, and lives as long as it.
const DIAL: &str = "#!/bin/sh
trap 'ip link del $1; exit 0' TERM
ip link del $1 2>/dev/null
ip link add $1 type veth peer name f$1 || exit 1
ip link set f$1 up
ip link set $1 up
while :; do sleep 0.05; done
";

impl Site {
    fn new() -> Result<Self> {
        let site = Self {
            router: Router::new(&crate::wanbox())?,
        };
        fs::create_dir_all(site.router.path("/var/lock"))?;
        site.script("/dial", DIAL)?;
        Ok(site)
    }

    fn script(&self, name: &str, text: &str) -> Result {
        self.router.write(name, text)?;
        let path = self.router.path(name);
        Ok(fs::set_permissions(
            path,
            fs::Permissions::from_mode(0o755),
        )?)
    }

    /// The configuration; `@` stands for the router's directory.
    fn configure(&self, text: &str) -> Result {
        let top = self.router.path("/");
        let top = top.to_string_lossy();
        let text = text.replace('@', top.trim_end_matches('/'));
        self.router.write("/etc/wanpipe/eql_dial.conf", &text)
    }

    fn start(&self) -> Result {
        let log = self.router.path("/var/log/eql_dial");
        fs::create_dir_all(self.router.path("/var/log"))?;
        self.router
            .ok(&format!("eql_dial --log-file {}", log.display()))?;
        Ok(())
    }

    fn status(&self, line: &str) -> Result<Value> {
        let text = self.router.ok(&format!("eql_dial status --json {line}"))?;
        let all: Value = serde_json::from_str(&text)?;
        Ok(all[0].clone())
    }

    fn wait(&self, line: &str, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        let waited = wait_for(&format!("{line}: {what}"), LIMIT, || {
            last = self.status(line)?;
            Ok(is(&last).then(|| last.clone()))
        });
        waited.map_err(|error| {
            let known = self.router.netns.ip("neigh").unwrap_or_default();
            let logs = self.router.logs();
            wanbox_rig::Error::new(format!("{error}\n{last}\n--- ip neigh\n{known}{logs}"))
        })
    }

    fn wait_state(&self, line: &str, state: &str) -> Result<Value> {
        self.wait(line, state, |status| status["state"] == state)
    }

    fn daemon(&self) -> Result<Pid> {
        let text = self.router.read("/run/wanbox/eql_dial.pid")?;
        Ok(Pid::from_raw(text.trim().parse()?))
    }

    /// Kills the daemon, without a chance to tidy up.
    fn murder(&self) -> Result {
        let pid = self.daemon()?;
        kill(pid, Signal::SIGKILL)?;
        until("the daemon to be gone", LIMIT, || {
            Ok(self.router.run("eql_dial status")?.code == 3)
        })?;
        Ok(())
    }

    fn has(&self, interface: &str) -> bool {
        self.router
            .netns
            .ip(&format!("link show {interface}"))
            .is_ok()
    }

    fn records(&self) -> Vec<Value> {
        let files = fs::read_dir(self.router.path("/run/wanbox/eql_dial"));
        let files = files.into_iter().flatten().flatten();
        files
            .filter_map(|file| serde_json::from_str(&fs::read_to_string(file.path()).ok()?).ok())
            .collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.router.run("eql_dial stop");
        let top = self.router.path("/");
        for record in self.records() {
            let Some(pid) = record["process"][0].as_i64() else {
                continue;
            };
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let top = top.to_string_lossy();
            let top = top.trim_end_matches('/').as_bytes();
            // Only what belongs to this router.
            if environment.windows(top.len()).any(|part| part == top) {
                let _ = kill(Pid::from_raw(-(pid as i32)), Signal::SIGKILL);
            }
        }
    }
}

fn pid(status: &Value) -> Result<Pid> {
    let number = status["pid"].as_i64();
    let number = number.ok_or_else(|| wanbox_rig::Error::new(format!("no pid: {status}")))?;
    Ok(Pid::from_raw(number as i32))
}

/// An eqld that only keeps record of what it is asked.
struct Master {
    _pid_file: PidFile,
    slaves: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Master {
    fn start(router: &Router) -> Result<Self> {
        fs::create_dir_all(router.path("/run/wanbox"))?;
        let socket = router.path("/run/wanbox/eqld-eql.sock");
        let listener = UnixListener::bind(socket)?;
        let pid_file = PidFile::claim(&router.path("/run/wanbox/eqld-eql.pid"))
            .map_err(|error| wanbox_rig::Error::new(error.to_string()))?;
        let master = Self {
            _pid_file: pid_file,
            slaves: Arc::default(),
            asked: Arc::default(),
        };
        let (slaves, asked) = (master.slaves.clone(), master.asked.clone());
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &slaves, &asked);
            }
        });
        Ok(master)
    }

    fn slaves(&self) -> Vec<String> {
        self.slaves.lock().unwrap().clone()
    }

    fn wait(&self, slaves: &[&str]) -> Result {
        until(&format!("the slaves {slaves:?}"), LIMIT, || {
            let mut now = self.slaves();
            now.sort();
            Ok(now == slaves)
        })?;
        Ok(())
    }

    /// What was asked last about a slave.
    fn last(&self, slave: &str) -> Value {
        let asked = self.asked.lock().unwrap();
        let last = asked.iter().rev().find(|asked| asked["slave"] == slave);
        last.cloned().unwrap_or_default()
    }
}

fn answer(stream: UnixStream, slaves: &Mutex<Vec<String>>, asked: &Mutex<Vec<Value>>) -> Result {
    let mut writer = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let name = request["slave"].as_str().unwrap_or_default().to_owned();
        let mut slaves = slaves.lock().unwrap();
        let there = slaves.contains(&name);
        let reply = match request["op"].as_str() {
            Some("status") => {
                let list: Vec<Value> = slaves.iter().map(|name| slave_status(name)).collect();
                json!({"ok": {
                    "reply": "status", "master": "eql", "driver": "eqld", "up": true, "mtu": 1500,
                    "scheduler": "finish", "order": "none", "max_slaves": 4, "min_slaves": 1,
                    "sent_packets": 0, "sent_octets": 0, "dropped": {}, "slaves": list,
                }})
            }
            Some("enslave") if !there => {
                slaves.push(name);
                json!({"ok": {"reply": "done"}})
            }
            Some("emancipate") if there => {
                slaves.retain(|slave| *slave != name);
                json!({"ok": {"reply": "done"}})
            }
            _ => json!({"error": {"text": "not so", "code": 1}}),
        };
        asked.lock().unwrap().push(request);
        writeln!(writer, "{reply}")?;
    }
    Ok(())
}

fn slave_status(name: &str) -> Value {
    json!({
        "name": name, "state": "up", "rate": {"fixed": 1}, "measured_bps": null, "priority": 1,
        "queued_packets": 0, "queued_octets": 0, "sent_packets": 0, "sent_octets": 0, "lost": {},
        "sticky": false, "next_hop": null,
    })
}

fn keeps_up() -> Result {
    let site = Site::new()?;
    let master = Master::start(&site.router)?;
    site.configure(
        "[one]\nCOMMAND = @/dial w0\nINTERFACE = w0\nMASTER = eql\nRATE = 28800\nREDIAL = 200ms\n\
         MIN_UP = 0\n[two]\nCOMMAND = @/dial w1\nINTERFACE = w1\nMASTER = eql\nRATE = auto\n\
         STICKY = YES\nREDIAL = 200ms\nMIN_UP = 0\nON_UP = sh -c 'echo up $interface >>@/hooks'\n\
         ON_DOWN = sh -c 'echo down $line >>@/hooks'\n",
    )?;
    site.start()?;
    ensure!(
        site.router
            .run("eql_dial")?
            .stderr
            .contains("already running"),
        "a second copy was not refused"
    );
    master.wait(&["w0", "w1"])?;
    let one = site.wait_state("one", "up")?;
    ensure!(one["enslaved"] == true && one["rate"] == 28_800, "{one}");
    ensure!(
        master.last("w0")["rate"] == json!({"fixed": 28_800}),
        "{}",
        master.last("w0")
    );
    let two = master.last("w1");
    ensure!(two["rate"] == "auto" && two["sticky"] == true, "{two}");
    let shown = site.router.ok("eql_dial status")?;
    ensure!(
        shown.contains("one") && shown.contains("28800") && shown.contains("w1"),
        "{shown}"
    );

    // A dialer that dies is seen at once, and replaced.
    kill(pid(&one)?, Signal::SIGKILL)?;
    let again = site.wait("one", "another process", |now| {
        now["state"] == "up" && now["enslaved"] == true && now["pid"] != one["pid"]
    })?;
    ensure!(again["attempts"] == 2, "{again}");
    master.wait(&["w0", "w1"])?;

    // An interface that goes and comes back, with its process alive.
    site.router.netns.ip("link set w0 down")?;
    master.wait(&["w1"])?;
    site.wait_state("one", "dialing")?;
    site.router.netns.ip("link set w0 up")?;
    master.wait(&["w0", "w1"])?;
    let same = site.wait_state("one", "up")?;
    ensure!(same["pid"] == again["pid"], "{same}");

    // By hand.
    site.router.ok("eql_dial down two")?;
    let down = site.wait_state("two", "down")?;
    ensure!(down["by_hand"] == "down" && !site.has("w1"), "{down}");
    master.wait(&["w0"])?;
    site.router.ok("eql_dial up two")?;
    site.wait_state("two", "up")?;
    let hooks = wait_for("the hooks", LIMIT, || {
        let text = site.router.read("/hooks").unwrap_or_default();
        Ok((text.lines().count() == 3).then_some(text))
    })?;
    ensure!(hooks == "up w1\ndown two\nup w1\n", "{hooks}");

    // Slaves are released before anything is hung up.
    site.router.ok("eql_dial stop")?;
    ensure!(master.slaves().is_empty(), "{:?}", master.slaves());
    ensure!(!site.has("w0") && !site.has("w1"), "an interface is left");
    ensure!(
        site.router.run("eql_dial status")?.code == 3,
        "status of nobody"
    );
    ensure!(
        site.router.run("eql_dial down one")?.code == 3,
        "down of nobody"
    );
    Ok(())
}

fn tries_again() -> Result {
    let site = Site::new()?;
    site.script(
        "/stubborn",
        "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.05; done\n",
    )?;
    site.configure(
        "[bad]\nCOMMAND = false\nINTERFACE = w0\nREDIAL = 100ms\nREDIAL_MAX = 400ms\n\
         [held]\nCOMMAND = sh -c 'exit 8'\nINTERFACE = w1\nREDIAL = 50ms\nMAX_FAILURES = 3\n\
         HOLD = 1h\n[hangs]\nCOMMAND = @/stubborn\n\
         INTERFACE = w2\nDIAL_TIMEOUT = 300ms\nSTOP_TIMEOUT = 300ms\nREDIAL = 1h\nREDIAL_MAX = 1h\n\
         [absent]\nCOMMAND = /no/such/program\nINTERFACE = w3\nREDIAL = 1h\nREDIAL_MAX = 1h\n",
    )?;
    site.start()?;
    let bad = site.wait("bad", "four failures", |now| {
        now["failures"].as_u64() >= Some(4)
    })?;
    ensure!(
        bad["trouble"] == "dialing failed: exit status: 1" && bad["connects"] == 0,
        "{bad}"
    );
    let held = site.wait_state("held", "held")?;
    ensure!(
        held["attempts"] == 3 && held["next_seconds"].as_f64() > Some(3500.0),
        "{held}"
    );
    // Asked for by a person it is tried at once.
    site.router.ok("eql_dial up held")?;
    site.wait("held", "three more", |now| {
        now["attempts"] == 6 && now["state"] == "held"
    })?;
    let hangs = site.wait("hangs", "the kill", |now| now["state"] == "waiting")?;
    ensure!(hangs["kills"] == 1 && hangs["failures"] == 1, "{hangs}");
    let absent = site.status("absent")?;
    ensure!(
        absent["trouble"]
            .as_str()
            .is_some_and(|t| t.contains("cannot run /no/such/program")),
        "{absent}"
    );
    site.router.ok("eql_dial stop")?;
    Ok(())
}

/// A process that is somebody else's.
struct Stranger(Child);

impl Stranger {
    fn new() -> Result<Self> {
        Ok(Self(Command::new("sleep").arg("1000").spawn()?))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lock_files() -> Result {
    let site = Site::new()?;
    let stranger = Stranger::new()?;
    let lock = |n: u32| site.router.path(&format!("/var/lock/LCK..eqltest{n}"));
    let write = |n: u32, text: &str, age: u64| -> Result {
        fs::write(lock(n), text)?;
        let time = std::time::SystemTime::now() - Duration::from_secs(age);
        fs::OpenOptions::new()
            .write(true)
            .open(lock(n))?
            .set_modified(time)?;
        Ok(())
    };
    // Nobody's, garbage, and the number of a process that began after it was written.
    write(0, "   4194305\n", 5)?;
    write(1, "garbage\n", 60)?;
    write(2, &format!("{:>10}\n", stranger.0.id()), 3600)?;
    // And one of the living.
    write(3, &format!("{:>10}\n", stranger.0.id()), 0)?;
    let mut text = String::new();
    for n in 0..4 {
        text.push_str(&format!(
            "[l{n}]\nCOMMAND = @/dial w{n}\nINTERFACE = w{n}\nDEVICE = eqltest{n}\n\
             REDIAL = 200ms\n"
        ));
    }
    site.configure(&text)?;
    site.start()?;
    for n in 0..3 {
        let line = site.wait_state(&format!("l{n}"), "up")?;
        let text = fs::read_to_string(lock(n))?;
        let wanted = format!("{:>10}\n", pid(&line)?);
        ensure!(
            text == wanted,
            "l{n}: the lock holds {text:?}, not the dialer's number"
        );
    }
    let busy = site.wait("l3", "two refusals", |now| now["busy"].as_u64() >= Some(2))?;
    ensure!(
        busy["failures"] == 0
            && site
                .router
                .logs()
                .contains(&format!("is in use by process {}", stranger.0.id())),
        "{busy}\n{}",
        site.router.logs()
    );
    ensure!(
        !site.has("w3"),
        "dialled on a device that is somebody else's"
    );
    drop(stranger);
    site.wait_state("l3", "up")?;
    site.router.ok("eql_dial stop")?;
    for n in 0..4 {
        ensure!(!lock(n).exists(), "the lock of l{n} is left");
    }
    Ok(())
}

fn once() -> Result {
    let site = Site::new()?;
    let master = Master::start(&site.router)?;
    site.configure(
        "[one]\nCOMMAND = @/dial w0\nINTERFACE = w0\nDEVICE = eqltest0\nMASTER = eql\n\
         RATE = 28800\nREDIAL = 10ms\nMIN_UP = 0\n\
         [two]\nCOMMAND = @/dial w1\nINTERFACE = w1\nKEEP = manual\n",
    )?;
    site.router.ok("eql_dial --once")?;
    ensure!(master.slaves() == ["w0"], "{:?}", master.slaves());
    ensure!(site.has("w0") && !site.has("w1"), "not what is to be up");
    let record = || -> Result<Value> {
        let all = site.records();
        let one = all.into_iter().find(|record| record["name"] == "one");
        one.ok_or_else(|| wanbox_rig::Error::new("nothing is left of the line"))
    };
    let first = record()?;
    let lock = site.router.path("/var/lock/LCK..eqltest0");
    ensure!(lock.exists(), "the lock went with the command");
    // Every minute: it is up.
    for _ in 0..2 {
        site.router.ok("eql_dial --once")?;
        ensure!(record()?["process"] == first["process"], "dialled again");
        ensure!(master.slaves() == ["w0"], "{:?}", master.slaves());
    }
    // It died meanwhile; its lock is stale.
    let number = first["process"][0].as_i64().unwrap_or_default();
    kill(Pid::from_raw(number as i32), Signal::SIGKILL)?;
    until("it to be gone", LIMIT, || {
        site.router.ok("eql_dial --once")?;
        Ok(record()?["process"] != first["process"] && site.has("w0"))
    })?;
    ensure!(master.slaves() == ["w0"], "{:?}", master.slaves());
    // One that fails: said once, tried again after its pause and not before.
    site.configure("[bad]\nCOMMAND = false\nINTERFACE = w2\nREDIAL = 1h\nREDIAL_MAX = 1h\n")?;
    let failed = site.router.run("eql_dial --once")?;
    ensure!(
        failed.code == 1
            && failed
                .stderr
                .contains("bad: dialing failed: exit status: 1"),
        "{failed:?}"
    );
    // The line that is in the file no more was hung up.
    ensure!(
        !site.has("w0") && master.slaves().is_empty() && !lock.exists(),
        "it is left"
    );
    let waits = site.router.run("eql_dial --once")?;
    ensure!(waits.code == 1 && waits.stderr.is_empty(), "{waits:?}");
    Ok(())
}

fn takes_over() -> Result {
    let site = Site::new()?;
    let master = Master::start(&site.router)?;
    let line = |n: u32, more: &str| {
        format!(
            "[l{n}]\nCOMMAND = @/dial w{n}\nINTERFACE = w{n}\nDEVICE = eqltest{n}\n\
             MASTER = eql\nRATE = 28800\nREDIAL = 100ms\nMIN_UP = 0\n{more}"
        )
    };
    site.configure(&[line(0, ""), line(1, ""), line(2, ""), line(3, "")].concat())?;
    site.start()?;
    master.wait(&["w0", "w1", "w2", "w3"])?;
    let before: Vec<Value> = (0..4)
        .map(|n| site.wait_state(&format!("l{n}"), "up"))
        .collect::<Result<_>>()?;
    site.murder()?;
    ensure!(
        site.has("w0") && site.has("w3"),
        "the lines went with the daemon"
    );
    // One dies, one is changed, one is taken out of the file.
    kill(pid(&before[3])?, Signal::SIGKILL)?;
    let changed = line(1, "OUTPUT = /dev/null\n");
    site.configure(&[line(0, ""), changed, line(3, "")].concat())?;
    site.start()?;
    // The first is what it was, and was never released.
    let adopted = site.status("l0")?;
    ensure!(
        adopted["state"] == "up" && adopted["pid"] == before[0]["pid"] && adopted["attempts"] == 0,
        "{adopted}"
    );
    ensure!(
        master.last("w0")["op"] == "enslave",
        "{}",
        master.last("w0")
    );
    for n in [1, 3] {
        site.wait(&format!("l{n}"), "a new process", |now| {
            now["state"] == "up" && now["enslaved"] == true && now["pid"] != before[n]["pid"]
        })?;
    }
    until("the line that is no more to go", LIMIT, || {
        Ok(!site.has("w2"))
    })?;
    master.wait(&["w0", "w1", "w3"])?;
    ensure!(
        site.records().iter().all(|record| record["name"] != "l2"),
        "word of it is left"
    );
    // The end of a process that is not its child is seen at once, too.
    kill(pid(&adopted)?, Signal::SIGKILL)?;
    site.wait("l0", "a new process", |now| {
        now["state"] == "up" && now["pid"] != before[0]["pid"]
    })?;
    site.router.ok("eql_dial stop")?;
    ensure!(master.slaves().is_empty(), "{:?}", master.slaves());
    Ok(())
}

fn reload() -> Result {
    let site = Site::new()?;
    let master = Master::start(&site.router)?;
    let keep = "[keep]\nCOMMAND = @/dial w0\nINTERFACE = w0\nREDIAL = 100ms\nMIN_UP = 0\n";
    site.configure(&format!(
        "{keep}MASTER = eql\nRATE = 9600\n[gone]\nCOMMAND = @/dial w1\nINTERFACE = w1\n\
         [other]\nCOMMAND = @/dial w2\nINTERFACE = w2\nMIN_UP = 0\nREDIAL = 100ms\n"
    ))?;
    site.start()?;
    let before = site.wait_state("keep", "up")?;
    for line in ["gone", "other"] {
        site.wait_state(line, "up")?;
    }
    master.wait(&["w0"])?;
    // With an error nothing changes.
    site.configure("[keep]\nCOMMAND = x\nRATE = 0\n")?;
    kill(site.daemon()?, Signal::SIGHUP)?;
    until("word of the error", LIMIT, || {
        Ok(site.router.logs().contains("nothing was changed"))
    })?;
    site.wait_state("gone", "up")?;
    // Another rate, another command, a line less and a line more.
    site.configure(&format!(
        "{keep}MASTER = eql\nRATE = 19200\n[other]\nCOMMAND = @/dial w3\nINTERFACE = w3\n\
         MIN_UP = 0\nREDIAL = 100ms\n[new]\nCOMMAND = @/dial w4\nINTERFACE = w4\n"
    ))?;
    kill(site.daemon()?, Signal::SIGHUP)?;
    site.wait("other", "its new interface", |now| {
        now["state"] == "up" && now["interface"] == "w3"
    })?;
    until("the others", LIMIT, || {
        Ok(!site.has("w1") && !site.has("w2") && site.has("w4"))
    })?;
    let after = site.wait_state("keep", "up")?;
    ensure!(
        after["pid"] == before["pid"],
        "the line was hung up: {after}"
    );
    until("the new rate", LIMIT, || {
        Ok(master.last("w0")["rate"] == json!({"fixed": 19_200}))
    })?;
    ensure!(
        site.router.run("eql_dial status gone")?.code == 3,
        "it is there still"
    );
    site.router.ok("eql_dial stop")?;
    Ok(())
}

/// A pppd: makes an interface of whatever name is free, and calls ip-up and ip-down.
fn pppd(site: &Site, background: bool) -> String {
    let eql_dial = site.router.applet("eql_dial");
    let program = Path::new(eql_dial.get_program()).display().to_string();
    let (detach, end) = if background {
        ("(", ") & exit 0")
    } else {
        ("", "")
    };
    format!(
        "#!/bin/sh\n{detach}\n[ $1 = nodetach ] || exit 2\nset -- ppp$2 f$2\n\
         PPPD_PID=$(sh -c 'echo $PPID'); export PPPD_PID\n\
         trap 'ip link set '$1' down; {program} down '$1'; ip link del '$1'; exit 5' TERM\n\
         ip link del $1 2>/dev/null\n\
         ip link add $1 type veth peer name $2 && ip link set $2 up && ip link set $1 up || exit 1\n\
         ip_up() {{ DEVICE=/dev/eqltest0 {program} up $1 28800; }}\n\
         ip_up $1 2>@/ip-up || exit 10\n\
         while :; do sleep 0.05; done\n{end}\n"
    )
}

fn told_by_pppd() -> Result {
    for background in [false, true] {
        let site = Site::new()?;
        let master = Master::start(&site.router)?;
        let top = site.router.path("/");
        let top = top.to_string_lossy();
        let script = pppd(&site, background).replace('@', top.trim_end_matches('/'));
        site.script("/pppd", &script)?;
        site.configure(
            "[one]\nCOMMAND = @/pppd 7\nDEVICE = eqltest0\nMASTER = eql\nREDIAL = 100ms\n\
             MIN_UP = 0\n[two]\nCOMMAND = @/dial w1\nINTERFACE = w1\nKEEP = manual\n",
        )?;
        site.start()?;
        let up = site.wait_state("one", "up")?;
        ensure!(
            up["interface"] == "ppp7" && up["rate"] == 28_800 && up["enslaved"] == true,
            "{up}\n{}",
            site.router.read("/ip-up").unwrap_or_default()
        );
        ensure!(
            master.last("ppp7")["rate"] == json!({"fixed": 28_800}),
            "{}",
            master.last("ppp7")
        );
        // The last word of an earlier connection, which came late.
        let mut late = site.router.applet("eql_dial");
        late.args(["down", "ppp7"]);
        late.envs([("PPPD_PID", "4194305"), ("DEVICE", "/dev/eqltest0")]);
        site.router.netns.finish(&mut late, LIMIT)?.ok()?;
        let same = site.status("one")?;
        ensure!(
            same["state"] == "up" && same["enslaved"] == true && same["pid"] == up["pid"],
            "{same}"
        );
        // Whatever keeps it is known, also where that went to the background.
        kill(pid(&up)?, Signal::SIGKILL)?;
        let again = site.wait("one", "another process", |now| {
            now["state"] == "up" && now["pid"] != up["pid"] && now["enslaved"] == true
        })?;
        let lock = site.router.read("/var/lock/LCK..eqltest0")?;
        ensure!(
            lock == format!("{:>10}\n", pid(&again)?),
            "the lock holds {lock:?}"
        );
        site.router.ok("eql_dial down one")?;
        site.wait_state("one", "down")?;
        ensure!(
            master.slaves().is_empty() && !site.has("ppp7"),
            "not hung up"
        );
        let nobody = site.router.run("eql_dial up ppp9 28800")?;
        ensure!(
            nobody.code == 3 && nobody.stderr.contains("ppp9 belongs to no line"),
            "{nobody:?}"
        );
        site.router.ok("eql_dial stop")?;
    }
    Ok(())
}

fn told_alone() -> Result {
    let site = Site::new()?;
    let master = Master::start(&site.router)?;
    site.configure(
        "[one]\nCOMMAND = pppd\nDEVICE = eqltest0\nMASTER = eql\n\
         [two]\nCOMMAND = slattach\nINTERFACE = sl0\nMASTER = eql\nRATE = 14400\n",
    )?;
    let call = |line: &str, environment: &[(&str, &str)]| {
        let mut words = line.split_whitespace();
        let mut command = site.router.applet(words.next().unwrap_or_default());
        command.args(words).envs(environment.iter().copied());
        site.router.netns.finish(&mut command, LIMIT)
    };
    let device = [("DEVICE", "/dev/eqltest0"), ("PPPD_PID", "4194305")];
    call("eql_dial up ppp3 28800", &device)?.ok()?;
    ensure!(master.slaves() == ["ppp3"], "{:?}", master.slaves());
    ensure!(
        master.last("ppp3")["rate"] == json!({"fixed": 28_800}),
        "not pppd's rate"
    );
    call("eql_dial up sl0 115200", &[])?.ok()?;
    ensure!(
        master.last("sl0")["rate"] == json!({"fixed": 14_400}),
        "not the file's rate"
    );
    call("eql_dial down ppp3", &device)?.ok()?;
    ensure!(master.slaves() == ["sl0"], "{:?}", master.slaves());
    let nobody = call("eql_dial up ppp9 28800", &[])?;
    ensure!(
        nobody.code == 3 && nobody.stderr.contains("belongs to no line"),
        "{nobody:?}"
    );
    // By hand there is nobody to ask.
    ensure!(
        call("eql_dial up one", &[])?.code == 3,
        "by hand without a daemon"
    );
    Ok(())
}

fn commands_that_return() -> Result {
    let site = Site::new()?;
    site.script(
        "/start",
        "#!/bin/sh\nip link add $1 type veth peer name f$1 && ip link set f$1 up && \
         ip link set $1 up\n",
    )?;
    site.script("/stop", "#!/bin/sh\nip link del $1\necho stopped >>$2\n")?;
    site.configure(
        "[one]\nCOMMAND = @/start $interface\nSTOP = @/stop $interface @/stopped\n\
         INTERFACE = w0\nREDIAL = 100ms\nMIN_UP = 0\n\
         [two]\nCOMMAND = @/start w1\nINTERFACE = w1\nREDIAL = 100ms\nMIN_UP = 0\n",
    )?;
    site.start()?;
    for line in ["one", "two"] {
        site.wait(line, "up without a process", |now| {
            now["state"] == "up" && now["pid"].is_null()
        })?;
    }
    // Nothing but the interface tells of its end.
    site.router.netns.ip("link del w0")?;
    site.wait("one", "another attempt", |now| {
        now["attempts"] == 2 && now["state"] == "up"
    })?;
    // A killed daemon's successor goes by the interface as well.
    site.murder()?;
    site.start()?;
    let one = site.status("one")?;
    ensure!(one["state"] == "up" && one["attempts"] == 0, "{one}");
    site.router.ok("eql_dial down one")?;
    site.wait_state("one", "down")?;
    ensure!(
        site.router.read("/stopped")? == "stopped\n" && !site.has("w0"),
        "not stopped"
    );
    // Without STOP nothing is left but to take the interface down.
    site.router.ok("eql_dial down two")?;
    site.wait_state("two", "down")?;
    let link = site.router.netns.ip_json("link show w1")?;
    ensure!(link[0]["operstate"] == "DOWN", "{link}");
    site.router.ok("eql_dial stop")?;
    Ok(())
}

/// The weekday (Monday is 0) and hour at a place so many hours ahead of UTC.
fn clock(ahead: i64) -> (usize, i64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let local = now.unwrap_or_default().as_secs() as i64 + ahead * 3600;
    let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    ((day + 3).rem_euclid(7) as usize, second / 3600)
}

fn schedules() -> Result {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let site = Site::new()?;
    // Twelve hours behind: what is today here is another time there.
    let (day, hour) = clock(-12);
    let now = format!(
        "{} {hour:02}:00-{:02}:00, {} {:02}:00-{:02}:00",
        DAYS[day],
        (hour + 2) % 24,
        DAYS[(day + 6) % 7],
        hour,
        (hour + 2) % 24
    );
    let (day, hour) = clock(0);
    let elsewhere = format!("{} {hour:02}:00-{:02}:00", DAYS[day], (hour + 2) % 24);
    site.configure(&format!(
        "[now]\nCOMMAND = @/dial w0\nINTERFACE = w0\nSCHEDULE = {now}\n\
         [later]\nCOMMAND = @/dial w1\nINTERFACE = w1\nSCHEDULE = {elsewhere}\n"
    ))?;
    let mut command = site.router.applet("eql_dial");
    // POSIX has the sign the other way round.
    command.env("TZ", "XXX12");
    site.router.netns.finish(&mut command, LIMIT)?.ok()?;
    let up = site.wait_state("now", "up")?;
    ensure!(
        up["wanted"] == true && up["schedule_changes"].as_i64().is_some(),
        "{up}"
    );
    let later = site.status("later")?;
    ensure!(
        later["state"] == "down" && later["wanted"] == false,
        "{later}"
    );
    // By hand until the schedule says something new.
    site.router.ok("eql_dial up later")?;
    let up = site.wait_state("later", "up")?;
    ensure!(up["by_hand"] == "up" && up["keep"] == "schedule", "{up}");
    site.router.ok("eql_dial auto later")?;
    site.wait_state("later", "down")?;
    site.router.ok("eql_dial stop")?;
    Ok(())
}

fn bad_input() -> Result {
    let site = Site::new()?;
    let router = &site.router;
    let absent = router.run("eql_dial")?;
    ensure!(
        absent.code == 1 && absent.stderr.contains("eql_dial.conf"),
        "{absent:?}"
    );
    site.configure("[one]\nCOMMAND = pppd\nRATES = 3\n")?;
    for command in [
        "eql_dial",
        "eql_dial --check",
        "eql_dial --once",
        "eql_dial up ppp0 9600",
    ] {
        let wrong = router.run(command)?;
        ensure!(
            wrong.code == 1
                && wrong
                    .stderr
                    .contains(":3: RATES: unknown key; allowed: COMMAND"),
            "{command}: {wrong:?}"
        );
    }
    site.configure("[one]\nCOMMAND = pppd\n")?;
    ensure!(
        router.run("eql_dial --check")?.code == 0,
        "a good file was refused"
    );
    for (command, code, what) in [
        ("eql_dial status", 3, "not running"),
        ("eql_dial stop", 3, "not running"),
        ("eql_dial up one", 3, "not running"),
        ("eql_dial auto one", 3, "not running"),
        (
            "eql_dial up a234567890123456 9600",
            2,
            "is not an interface name",
        ),
        ("eql_dial up ppp0 -1", 2, ""),
        ("eql_dial up ppp0 fast", 2, "is no rate of a line"),
        ("eql_dial up ppp0 99999999999999", 2, "is no rate"),
        ("eql_dial up", 2, ""),
        ("eql_dial nonsense", 2, ""),
        ("eql_dial --nonsense", 2, ""),
        ("eql_dial --once status", 2, "go without a command"),
        ("eql_dial -c a --runslip b", 2, "exclude each other"),
        ("eql_dial -c /no/such/file --check", 1, "/no/such/file"),
        ("eql_dial -c /dev --check", 1, "not a regular file"),
    ] {
        let finished = router.run(command)?;
        ensure!(
            finished.code == code && finished.stderr.contains(what) && !finished.stderr.is_empty(),
            "{command}: {finished:?}"
        );
    }
    ensure!(site.records().is_empty(), "something is left of it");
    // A daemon that runs knows its lines.
    site.configure("[one]\nCOMMAND = @/dial w0\nINTERFACE = w0\nMASTER = none\nRATE = 9600\n")?;
    site.start()?;
    let up = site.wait("one", "the refusal", |now| !now["trouble"].is_null())?;
    ensure!(
        up["trouble"].as_str().is_some_and(
            |t| t.starts_with("none does not take w0: none: there is no such interface")
        ),
        "{up}"
    );
    let wrong = router.run("eql_dial down other")?;
    ensure!(
        wrong.code == 3 && wrong.stderr.contains("other is not a line; there are: one"),
        "{wrong:?}"
    );
    let wrong = router.run("eql_dial up w5 9600")?;
    ensure!(
        wrong.code == 3 && wrong.stderr.contains("belongs to no line"),
        "{wrong:?}"
    );
    router.ok("eql_dial stop")?;
    Ok(())
}

/// The real master: enslaved when the line is up, again when it is redialled, and again when the
/// eqld is another one.
fn with_eqld() -> Result {
    let site = Site::new()?;
    site.script(
        "/dial",
        &DIAL.replace(
            "ip link set $1 up\n",
            "ip addr add 192.0.2.1/24 dev $1\nip link set $1 up\n\
             ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev $1\n",
        ),
    )?;
    let log = site.router.path("/var/log/eqld");
    fs::create_dir_all(site.router.path("/var/log"))?;
    let eqld = || -> Result {
        // The one before may not be gone altogether.
        until("a master", LIMIT, || {
            Ok(site
                .router
                .run(&format!("eqld eql --log-file {}", log.display()))?
                .code
                == 0)
        })?;
        site.router.netns.ip("link set eql mtu 1500 up")?;
        Ok(())
    };
    eqld()?;
    site.configure(
        "[one]\nCOMMAND = @/dial w0\nINTERFACE = w0\nMASTER = eql\nRATE = auto\n\
         NEXT_HOP = 192.0.2.2\nREDIAL = 200ms\nMIN_UP = 0\n",
    )?;
    site.start()?;
    let enslaved = |pid: &Value| {
        site.wait("one", "a slave", |now| {
            now["state"] == "up" && now["enslaved"] == true && now["pid"] != *pid
        })?;
        until("the eqld to say so", LIMIT, || {
            let text = site.router.ok("eql_status --json eql")?;
            let status: Value = serde_json::from_str(&text)?;
            Ok(text.contains("\"name\":\"w0\"") && !status.is_null())
        })?;
        site.status("one")
    };
    let first = enslaved(&Value::Null)?;
    kill(pid(&first)?, Signal::SIGKILL)?;
    enslaved(&first["pid"])?;
    let text = site.router.read("/run/wanbox/eqld-eql.pid")?;
    kill(Pid::from_raw(text.trim().parse()?), Signal::SIGTERM)?;
    site.wait("one", "the master's end", |_| !site.has("eql"))?;
    eqld()?;
    enslaved(&Value::Null)?;
    site.router.ok("eql_dial stop")?;
    let text = site.router.ok("eql_status --json eql")?;
    ensure!(!text.contains("w0"), "{text}");
    Ok(())
}
