//! What a station does while something does not take what it writes: disks that are full or read-only, consoles that
//! are stopped, terminals that nobody reads.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wanbox_rig::error::Context;
use wanbox_rig::terminal::Terminal;
use wanbox_rig::{Error, Need, Result, Router, ensure, resident, until, wait_for};

use crate::{test, wanbox};

const DISKS: &[Need] = &[
    Need::Namespaces,
    Need::Tool("ip"),
    Need::Tool("mount"),
    Need::Tool("unshare"),
    Need::Tool("nsenter"),
];
const HOST: &[Need] = &[Need::Namespaces, Need::Tool("ip"), Need::Tun];
const LIMIT: Duration = Duration::from_secs(60);
/// An account that nobody has.
const UID: u32 = 28_413;
/// Octets of the disk.
const SIZE: usize = 64 << 10;

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_full::disks", DISKS, disks),
        test("net_full::consoles_that_are_stopped", HOST, stopped),
    ]
}

/// A small disk that only some processes see. Dropped, it is gone.
struct Disk {
    holder: Child,
    at: PathBuf,
}

impl Disk {
    /// One at a directory of a router.
    fn new(router: &Router, at: &str) -> Result<Self> {
        let at = router.path(at);
        fs::create_dir_all(&at)?;
        let script = format!(
            "mount -t tmpfs -o size={SIZE},mode=755 tmpfs \"$0\" && echo ready && exec cat"
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .arg(&at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut holder = command.spawn().context("unshare")?;
        let mut said = [0; 6];
        let output = holder
            .stdout
            .as_mut()
            .ok_or_else(|| Error::new("no output"))?;
        output.read_exact(&mut said).context("the disk")?;
        Ok(Self { holder, at })
    }

    /// A program that sees it.
    fn inside(&self, program: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()))
            .arg(program.get_program())
            .args(program.get_args());
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    /// Where a file is for everybody else.
    fn path(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let at = self.at.strip_prefix("/").unwrap_or(&self.at);
        root.join(at).join(name)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.path(name)).context(name)
    }

    /// Leaves room for so many octets.
    fn fill(&self, room: usize) -> Result {
        let mut file = File::create(self.path("fill"))?;
        while file.write_all(&[b'x'; 4096]).is_ok() {}
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(room as u64))?;
        Ok(())
    }

    /// Makes room.
    fn empty(&self) -> Result {
        Ok(fs::remove_file(self.path("fill"))?)
    }

    fn remount(&self, how: &str) -> Result {
        let mut command = Command::new("mount");
        command
            .args(["-o", &format!("remount,{how}")])
            .arg(&self.at);
        let done = self.inside(&command).status()?;
        ensure!(done.success(), "remount,{how}");
        Ok(())
    }

    /// The names of its files, also of hidden ones.
    fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(self.path(""))?.flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It waits for its input, and was not reaped.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The packets of a capture, which is whole.
fn packets(capture: &[u8]) -> Result<usize> {
    let mut rest = capture.get(24..).ok_or_else(|| Error::new("no header"))?;
    ensure!(capture.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]), "no capture");
    let mut count = 0;
    while !rest.is_empty() {
        let length = rest.get(8..12).ok_or_else(|| Error::new("half a record"))?;
        let length = u32::from_le_bytes(length.try_into().context("four octets")?) as usize;
        rest = rest
            .get(16 + length..)
            .ok_or_else(|| Error::new("half a packet"))?;
        count += 1;
    }
    Ok(count)
}

/// Logs, traces, captures, records and what outlives the station, on a disk that is full, gets full, or cannot be
/// written: everything is said once, nothing is spoiled, and what can go on goes on.
fn disks() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    let lines = |call: &str, port: u16, other: &str, at: u16| {
        format!(
            "hostname {}\nax25 mycall {call}\nattach axip axip udp {port}\n\
             axip route add {other} 127.0.0.1:{at}\nax25 route add axip default\n\
             ax25 jumpstart {other} on\nstart ax25\n",
            call.to_ascii_lowercase()
        )
    };
    router.write("/etc/net.rc", &lines("DB0AAA", 10_093, "DB0AAB", 10_094))?;
    let passwd = format!("guest:x:{UID}:{UID}::/tmp:/bin/sh\n");
    router.write("/far/etc/passwd", &passwd)?;
    let disk = Disk::new(&router, "/far/tcp")?;
    let startup = lines("DB0AAB", 10_094, "DB0AAA", 10_093)
        + "login program /bin/sh\nlogin logfiledir /tcp/logs\nlog /tcp/net.log\n\
           trace axip input /tcp/air.pcap\ntrace axip output /tcp/air.pcap\n";
    fs::write(disk.path("net.rc"), startup)?;
    let far = |words: &[&str]| {
        let mut command = router.applet("net");
        command.env("WANBOX_ROOT", router.path("/far")).args(words);
        command
    };
    let start = || {
        let mut command = disk.inside(&far(&["-d", "--logins"]));
        router.netns.finish(&mut command, LIMIT)?.ok()
    };
    let tell = |line: &str| router.netns.finish(&mut far(&["-e", line]), LIMIT)?.ok();
    let end = || -> Result {
        tell("exit")?;
        let lock = router.path("/far/run/wanbox/net.pid");
        until("the end of the station", LIMIT, || Ok(!lock.exists()))?;
        Ok(())
    };
    let attach = |mut command: Command| {
        command.arg("--attach");
        router
            .netns
            .inside(|| Terminal::start(&mut command, 160, 60))
    };
    router.ok("net -d")?;

    // Something that outlives it.
    ensure!(start()?.is_empty(), "its start");
    tell("route add 44.2.2.0/24 axip 0 3 50000")?;
    end()?;
    let learned = disk.read("route_data")?;
    ensure!(start()?.is_empty(), "its second start");

    // A disk that gets full under a session, whose log is there, as the capture.
    let mut far_desk = attach(far(&[]))?;
    let mut desk = attach(router.applet("net"))?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("$", "echo on$((1))e\r")?;
    desk.wait("on1e")?;
    disk.fill(4096)?;
    let is_full = |desk: &mut Terminal| -> Result {
        for number in 0..400 {
            desk.press(&format!("echo {number} {}\r", "x".repeat(60)))?;
            desk.wait(&format!("\n{number} "))?;
            if far_desk.text().contains("packets are lost")
                && far_desk.text().contains("octets are lost")
            {
                return Ok(());
            }
        }
        Err(Error::new(format!("it was not told:\n{}", far_desk.text())))
    };
    is_full(&mut desk)?;
    for text in ["air.pcap", "logs/log."] {
        let said = far_desk.text();
        let lines = said.lines().filter(|line| line.contains("cannot write "));
        let about: Vec<_> = lines.filter(|line| line.contains(text)).collect();
        ensure!(
            about.len() == 1 && about[0].contains("No space left on device"),
            "{text}: {about:?}"
        );
    }
    let before = packets(&disk.read("air.pcap")?)?;
    desk.press("echo tw$((2))o\r")?;
    desk.wait("tw2o")?;
    // There is room again.
    disk.empty()?;
    thread::sleep(Duration::from_secs(21));
    desk.press("echo thr$((3))e\r")?;
    desk.wait("thr3e")?;
    far_desk.wait("air.pcap is written again: ")?;
    until("more packets", LIMIT, || {
        Ok(packets(&disk.read("air.pcap")?)? > before)
    })?;
    let mut logs = fs::read_dir(disk.path("logs"))?.flatten();
    let log = logs.next().ok_or_else(|| Error::new("no log"))?;
    let log = fs::read_to_string(log.path())?;
    ensure!(
        log.contains(" octets were lost\n") && log.contains("thr3e"),
        "{log}"
    );
    desk.press("exit\r")?;
    desk.wait("Disconn (Normal)")?;

    // A session that is recorded goes on without that.
    disk.fill(0)?;
    let none = || Ok(!tell("ax25 status")?.contains("DB0AAA"));
    until("the end of the connection", LIMIT, none)?;
    far_desk.press("connect db0aaa\r")?;
    far_desk.answer("Connected", "\x1d")?;
    far_desk.answer("\ndb0aab>", "record /tcp/rec\r")?;
    far_desk.answer("Recording into /tcp/rec", "\rsession 0\r")?;
    far_desk.press("heard\r")?;
    far_desk.wait("Can't write /tcp/rec: No space left on device")?;
    far_desk.press("\x1d")?;
    thread::sleep(Duration::from_millis(300));
    far_desk.press("record\r")?;
    far_desk.wait("Recording off")?;
    far_desk.press("reset\r")?;

    // What is learned cannot be saved: it is said, and the old is left.
    tell("route add 44.3.3.0/24 axip 0 3 50000")?;
    disk.fill(0)?;
    end()?;
    far_desk.wait("route_data: No space left on device")?;
    ensure!(disk.read("route_data")? == learned, "the old file");
    let hidden: Vec<_> = disk
        .names()?
        .into_iter()
        .filter(|name| name.starts_with('.'))
        .collect();
    ensure!(hidden.is_empty(), "{hidden:?}");

    // It starts on a full disk, says what it cannot do, and goes on when there is room.
    let mut log = OpenOptions::new().append(true).open(disk.path("net.log"))?;
    while log.write_all(b"\n").is_ok() {}
    drop(log);
    let said = start()?;
    let full = |file: &str| format!("Can't write to /tcp/{file}: No space left on device\n");
    ensure!(said.contains(&full("net.log")), "{said}");
    ensure!(tell("log")? == "Logging to /tcp/net.log\n", "the log");
    let route = tell("route")?;
    ensure!(route.contains("44.2.2.0"), "{route}");
    disk.empty()?;
    tell("route add 44.3.3.0/24 axip 0 3 50000")?;
    end()?;
    ensure!(
        disk.read("route_data")?.len() > learned.len(),
        "the new file"
    );
    let text = String::from_utf8_lossy(&disk.read("net.log")?).into_owned();
    let lost = text.lines().filter(|line| line.contains("lines were lost"));
    ensure!(lost.count() > 0, "{text}");

    // A disk that cannot be written at all.
    let learned = disk.read("route_data")?;
    disk.remount("ro")?;
    let said = start()?;
    for file in ["net.log", "air.pcap"] {
        let wanted = format!("Can't write to /tcp/{file}: Read-only file system\n");
        ensure!(said.contains(&wanted), "{said}");
    }
    far_desk = attach(far(&[]))?;
    far_desk.press("record /tcp/rec\r")?;
    tell("route add 44.4.4.0/24 axip 0 3 50000")?;
    end()?;
    far_desk.wait("route_data: Read-only file system")?;
    disk.remount("rw")?;
    ensure!(disk.read("route_data")? == learned, "the old file");
    router.ok("net -e exit")?;
    Ok(())
}

/// Processes of a router's station that are attached, in the order of their coming.
fn attached(router: &Router) -> Result<Vec<Pid>> {
    let root = router.path("/");
    let root = root.to_string_lossy();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&read("environ")).contains(root.trim_end_matches('/'));
        if ours && read("cmdline").ends_with(b"net\0--attach\0") {
            found.push(Pid::from_raw(pid));
        }
    }
    found.sort();
    Ok(found)
}

/// The processor's part of a second that a process takes while nobody does anything.
fn load(pid: Pid) -> Result<Duration> {
    let times = || wanbox_rig::times(pid.as_raw().cast_unsigned());
    let before = times()?;
    thread::sleep(Duration::from_secs(1));
    let after = times()?;
    Ok((after.user + after.system).saturating_sub(before.user + before.system))
}

/// Consoles with traces and sessions that are stopped, and one whose terminal nobody reads.
fn stopped() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    let commands = "hostname alpha\nattach ni ni0 44.1.1.1\nifconfig ni0 ipaddress 44.1.1.2\n\
                    route add 44.1.1.1 ni0\n";
    router.write("/tcp/net.rc", commands)?;
    router.ok("net -d")?;
    let station: i32 = router.read("/run/wanbox/net.pid")?.trim().parse()?;
    let station = Pid::from_raw(station);
    let attach = || {
        let mut command = router.applet("net");
        command.arg("--attach");
        router
            .netns
            .inside(|| Terminal::start(&mut command, 80, 40))
    };
    let listener = router
        .netns
        .inside(|| Ok(TcpListener::bind("44.1.1.1:9000")?))?;

    let mut traces = attach()?;
    traces.answer("alpha>", "trace ni0 input\r")?;
    let first = attached(&router)?;
    let mut session = attach()?;
    session.answer("alpha>", "telnet 44.1.1.1 9000\r")?;
    let (mut server, _) = listener.accept()?;
    session.wait("Estab")?;
    let both = attached(&router)?;
    ensure!(first.len() == 1 && both.len() == 2, "{first:?} {both:?}");
    let mut other = attach()?;
    // One whose terminal nobody reads, which traces to itself.
    let deaf = openpty(None, None).context("a terminal")?;
    let mut command = router.applet("net");
    let end = || deaf.slave.try_clone().map(Stdio::from);
    command
        .arg("--attach")
        .stdin(end()?)
        .stdout(end()?)
        .stderr(Stdio::null());
    let mut unread = router.netns.spawn(&mut command)?;
    let mut keys = File::from(deaf.master.try_clone()?);
    keys.write_all(b"repeat 1 ip status\r")?;

    for pid in &both {
        kill(*pid, Signal::SIGSTOP).context("SIGSTOP")?;
    }
    // Much for each of them.
    let sent = thread::spawn(move || -> std::io::Result<usize> {
        let mut octets = 0;
        for number in 0..40_000 {
            let line = format!("line {number} of what the server says\r\n");
            server.write_all(line.as_bytes())?;
            octets += line.len();
        }
        server.write_all(b"that was all\r\n")?;
        Ok(octets)
    });
    let noise = router.netns.inside(|| Ok(UdpSocket::bind("44.1.1.1:0")?))?;
    for _ in 0..20_000 {
        // It may be refused by an answer to one before.
        let _ = noise.send_to(&[b'x'; 400], "44.1.1.2:9");
    }
    // Others are served at once, with commands and consoles.
    for _ in 0..5 {
        let began = Instant::now();
        ensure!(router.ok("net -e hostname")? == "alpha\n", "a command");
        let took = began.elapsed();
        ensure!(took < Duration::from_secs(5), "{took:?}");
    }
    other.answer("alpha>", "ip ttl\r")?;
    other.wait("Time-to-live")?;
    let memory = resident(station.as_raw().cast_unsigned())?;
    ensure!(memory < 40_000 * 1024, "{memory} octets");
    ensure!(!sent.is_finished(), "the server has waited for nobody");
    // It waits for them, and does nothing else.
    let busy = load(station)?;
    ensure!(busy < Duration::from_millis(500), "{busy:?} in a second");

    // A terminal that nobody reads is no reason not to end.
    let pid = Pid::from_raw(unread.id().cast_signed());
    kill(pid, Signal::SIGTERM).context("SIGTERM")?;
    let status = wait_for("the end of the unread", LIMIT, || Ok(unread.try_wait()?))?;
    ensure!(status.code() == Some(1), "{status}");
    drop(deaf);

    kill(both[0], Signal::SIGCONT).context("SIGCONT")?;
    traces.wait(" texts were left out")?;
    traces.press("trace ni0 off\r")?;
    traces.press("hostname\r")?;
    traces.wait("\nalpha\n")?;
    kill(both[1], Signal::SIGCONT).context("SIGCONT")?;
    session.wait("line 39999 of what the server says\nthat was all")?;
    let octets = sent.join().map_err(|_| Error::new("the server"))??;
    ensure!(octets > 1_000_000, "{octets} octets");
    other.press("exit\r")?;
    let lock = router.path("/run/wanbox/net.pid");
    until("the end of the station", LIMIT, || Ok(!lock.exists()))?;
    Ok(())
}
