//! The packet-radio station as a program: its start, its consoles, scripts, the log, what outlives it, its end.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wanbox_rig::error::Context;
use wanbox_rig::terminal::{Terminal, UP};
use wanbox_rig::{Error, Need, Result, Router, Running, ensure, resident, uninterrupted, until};

use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip")];

/// As above, and an interface of the host.
const HOST: &[Need] = &[Need::Namespaces, Need::Tool("ip"), Need::Tun];

const LIMIT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test("net::startup_and_scripts", NEEDS, scripts),
        test("net::what_goes_together", NEEDS, usage),
        test("net::attached_consoles", NEEDS, consoles),
        test("net::its_own_terminal", NEEDS, terminal),
        test("net::without_a_terminal", NEEDS, without_terminal),
        test("net::what_outlives_it", HOST, outlives),
        test("net::gates", HOST, gates),
        test("net::strangers_at_its_sockets", NEEDS, strangers),
    ]
}

/// A running station. Dropped, it is killed.
struct Station {
    router: Router,
}

impl Station {
    /// A station in the background, and what its start printed.
    fn start(commands: &str) -> Result<(Self, String)> {
        let router = Router::new(&wanbox())?;
        router.netns.ip("link set lo up")?;
        router.write("/tcp/net.rc", commands)?;
        let station = Self { router };
        let said = station.router.ok("net -d")?;
        Ok((station, said))
    }

    /// A command from a shell: what it printed, what went wrong, its exit code.
    fn execute(&self, options: &[&str]) -> Result<(String, String, i32)> {
        let mut command = self.router.applet("net");
        let done = self.router.netns.finish(command.args(options), LIMIT)?;
        Ok((done.stdout, done.stderr, done.code))
    }

    /// One that must succeed.
    fn ok(&self, line: &str) -> Result<String> {
        match self.execute(&["-e", line])? {
            (out, err, 0) if err.is_empty() => Ok(out),
            (out, err, code) => Err(Error::new(format!("{line}: {out}{err}{code}"))),
        }
    }

    fn pid(&self) -> Result<Pid> {
        let text = self.router.read("/run/wanbox/net.pid")?;
        Ok(Pid::from_raw(text.trim().parse().context("a pid")?))
    }

    /// Waits until it is gone.
    fn gone(&self) -> Result {
        let lock = self.router.path("/run/wanbox/net.pid");
        until("the end of the station", LIMIT, || Ok(!lock.exists()))?;
        Ok(())
    }

    /// A console on a terminal, in a shell that says afterwards how the terminal is set.
    fn attach(&self) -> Result<Terminal> {
        self.on_terminal("--attach")
    }

    fn on_terminal(&self, words: &str) -> Result<Terminal> {
        on_terminal(&self.router, words)
    }

    fn socket(&self, name: &str) -> Result<UnixStream> {
        let path = self.router.path("/run/wanbox").join(name);
        let stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(stream)
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            // Ended already, as a rule.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// The program on a terminal, in a shell that says afterwards how it ended and how the terminal is set.
fn on_terminal(router: &Router, words: &str) -> Result<Terminal> {
    let mut command = Command::new("/bin/sh");
    let applet = router.applet("net");
    let script = format!(
        "\"$0\" {words}; echo \"ended $?\"; stty -a | tr -s ' ;' '\\n\\n' | grep -x -e icanon -e echo -e isig"
    );
    command.args(["-c", &script]).arg(applet.get_program());
    for (name, value) in applet.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    router
        .netns
        .inside(|| Terminal::start(&mut command, 80, 40))
}

/// The terminal is what it was.
fn restored(terminal: &Terminal, code: i32) -> Result {
    terminal.wait(&format!("ended {code}\n"))?;
    for word in ["icanon", "echo", "isig"] {
        terminal.wait(&format!("\n{word}\n"))?;
    }
    Ok(())
}

/// The startup file with its errors, commands from shells, their exit codes, the log, the end.
fn scripts() -> Result {
    let commands = "# a station\nhostname alpha # its name\n\nbogus\nroute drop\nlog /tcp/net.log\nip ttl 30\n";
    let (station, said) = Station::start(commands)?;
    let wanted = "Unknown command; type \"?\" for list\ninput line: bogus\n\
                  Usage: route drop <dest addr>[/<bits>]\ninput line: route drop\n";
    ensure!(said == wanted, "{said}");
    ensure!(station.ok("hostname")? == "alpha\n", "the name");
    ensure!(station.ok("ip ttl")?.contains("30"), "the TTL");
    for (line, says) in [
        ("bogus", "Unknown command; type \"?\" for list"),
        (
            "delete /no/such/file",
            "Can't delete /no/such/file: No such file or directory",
        ),
        ("ping nobody.invalid.", "Host nobody.invalid. unknown"),
    ] {
        let (out, err, code) = station.execute(&["-e", line])?;
        let wanted = format!("net: {says}\n");
        ensure!((out.as_str(), code) == ("", 1), "{line}: {out}{err}{code}");
        ensure!(err == wanted, "{line}: {err}");
    }
    // However much it says.
    let much = "hostname\n".repeat(1000) + "bogus\n";
    station.router.write("/tcp/much", &much)?;
    let (out, err, code) = station.execute(&["-e", "source much"])?;
    ensure!((out.as_str(), code) == ("", 1), "{out}{err}{code}");
    let wanted = format!(
        "net: {}{}\n",
        "alpha\n".repeat(1000),
        "Unknown command; type \"?\" for list"
    );
    ensure!(err == wanted, "{err}");
    // Up to the first that fails.
    let (out, _, code) =
        station.execute(&["-e", "hostname beta", "-e", "bogus", "-e", "hostname gamma"])?;
    ensure!((out.as_str(), code) == ("", 1), "{out}{code}");
    ensure!(station.ok("hostname")? == "beta\n", "the name after");
    let (out, _, code) = station.execute(&["--json", "-e", "route", "-e", "ip status"])?;
    ensure!(code == 0, "{out}");
    let values: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&out)
        .into_iter()
        .collect::<std::result::Result<_, serde_json::Error>>()
        .context(&out)?;
    ensure!(values.len() == 2 && values[0].is_array(), "{out}");
    ensure!(values[1]["ip_default_ttl"] == 30, "{out}");
    // Commands of the host.
    let (out, err, code) = station.execute(&["-e", "! echo out; echo err >&2; pwd; exit 3"])?;
    let pwd = station.router.path("/tcp");
    ensure!(
        out == format!("out\nerr\n{}\n", pwd.display()),
        "{out}{err}"
    );
    ensure!((err.as_str(), code) == ("", 1), "{err}{code}");
    // A job that stays in the background holds nobody up.
    ensure!(
        station.ok("! sleep 30 & echo done")? == "done\n",
        "a job in the background"
    );
    // One at a time.
    let (_, err, code) = station.execute(&["-d"])?;
    ensure!(
        code == 1 && err.contains("already running as process"),
        "{err}{code}"
    );
    // The log is put aside.
    fs::rename(
        station.router.path("/tcp/net.log"),
        station.router.path("/tcp/old.log"),
    )?;
    kill(station.pid()?, Signal::SIGHUP).context("SIGHUP")?;
    until("the log", LIMIT, || {
        Ok(station.router.path("/tcp/net.log").exists())
    })?;
    ensure!(station.ok("exit")?.is_empty(), "exit");
    station.gone()?;
    let times = |text: &str| -> Vec<String> {
        let line = |line: &str| line.get(24..).unwrap_or("?").to_owned();
        text.lines().map(line).collect()
    };
    let old = times(&station.router.read("/tcp/old.log")?);
    let new = times(&station.router.read("/tcp/net.log")?);
    ensure!(
        old.len() == 1 && old[0].starts_with(" - NOS was started at "),
        "{old:?}"
    );
    ensure!(
        new.len() == 1 && new[0].starts_with(" - NOS was stopped at "),
        "{new:?}"
    );
    let (_, err, code) = station.execute(&["-e", "hostname"])?;
    ensure!(code == 3 && err.contains("not running"), "{err}{code}");
    let (_, err, code) = station.execute(&["--attach"])?;
    ensure!(code == 3 && err.contains("not running"), "{err}{code}");
    Ok(())
}

/// Options that exclude each other; -v; a startup file that is not there.
fn usage() -> Result {
    let router = Router::new(&wanbox())?;
    for line in [
        "net --json",
        "net --attach -d",
        "net -x",
        "net one two",
        "net -v -e ps",
    ] {
        let done = router.run(line)?;
        ensure!(
            done.code == 2 && done.stdout.is_empty(),
            "{line}: {}",
            done.code
        );
        ensure!(done.stderr.starts_with("net: "), "{line}: {}", done.stderr);
    }
    router.write("/my.rc", "hostname alpha\n# words\n")?;
    let file = router.path("/my.rc");
    let mut command = router.applet("net");
    let said = router
        .netns
        .finish(command.args(["-dgv"]).arg(&file), LIMIT)?
        .ok()?;
    let station = Station { router };
    ensure!(said == "hostname alpha\n# words\n", "{said}");
    station.ok("exit")?;
    station.gone()?;
    // Nothing of it outlives it, and there is no directory of the original.
    let state = station.router.path("/var/lib/net");
    ensure!(
        fs::read_dir(&state)?.count() == 0,
        "something in {}",
        state.display()
    );
    let said = station.router.ok("net -d")?;
    ensure!(
        said.starts_with("Can't read config file ")
            && said.ends_with("/etc/net.rc: No such file or directory\n"),
        "{said}"
    );
    station.ok("exit")?;
    station.gone()
}

/// Two people at one station; history; bye; the end of the station while somebody is there.
fn consoles() -> Result {
    let (station, _) = Station::start("hostname alpha\n")?;
    let mut first = station.attach()?;
    first.answer("alpha>", "ip ttl 77\r")?;
    first.answer("alpha> ip ttl 77\nalpha>", "bogus\r")?;
    first.wait("Unknown command; type \"?\" for list\nalpha>")?;
    let mut second = station.attach()?;
    second.answer("alpha>", "ip ttl\r")?;
    second.wait("77\n")?;
    // The line before the last, again, changed.
    first.press(&format!("{UP}{UP}\x7f8\r"))?;
    first.wait("alpha> ip ttl 78\nalpha>")?;
    second.press("\x12ttl\r")?;
    second.press("\r")?;
    second.wait("78\n")?;
    // A console of lines that somebody pipes into it.
    let mut command = station.router.applet("net");
    command.arg("--attach");
    let script = "echo hostname | \"$0\" --attach";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).arg(command.get_program());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let piped = station.router.netns.finish(&mut shell, LIMIT)?.ok()?;
    ensure!(piped.replace('\r', "").contains("\nalpha\n"), "{piped}");
    first.press("bye\r")?;
    restored(&first, 0)?;
    first.end()?;
    // A console that is killed by a signal gives its terminal back, too.
    let third = station.attach()?;
    third.wait("alpha>")?;
    let attached = |name: &str| -> Result<Vec<Pid>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else {
                continue;
            };
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let root = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let prefix = station.router.path("/");
            let ours = String::from_utf8_lossy(&root)
                .contains(prefix.to_string_lossy().trim_end_matches('/'));
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if ours && line.trim_end().ends_with(name) && !line.contains("sh -c") {
                found.push(Pid::from_raw(pid));
            }
        }
        Ok(found)
    };
    let mut both = attached("--attach")?;
    both.sort();
    ensure!(both.len() == 2, "{both:?}");
    kill(both[1], Signal::SIGTERM).context("SIGTERM")?;
    restored(&third, 1)?;
    // Resizing is nobody's business.
    kill(both[0], Signal::SIGWINCH).context("SIGWINCH")?;
    second.answer("alpha>", "hostname beta\r")?;
    second.answer("beta>", "exit\r")?;
    restored(&second, 0)?;
    station.gone()
}

/// The station at its terminal: banner, commands, a shell in between, exit; a signal.
fn terminal() -> Result {
    let router = Router::new(&wanbox())?;
    router.write("/tcp/net.rc", "hostname alpha\nbogus\n")?;
    let mut desk = on_terminal(&router, "")?;
    desk.wait(" net of wanbox ")?;
    desk.wait("Unknown command; type \"?\" for list\ninput line: bogus\nalpha>")?;
    // bye is for others.
    desk.press("bye\r")?;
    desk.press("! read x; echo got $x; stty -a | grep -o -w -e -echo -e echo\r")?;
    thread::sleep(Duration::from_millis(300));
    desk.press("word\r")?;
    desk.wait("got word\necho\n")?;
    // A key that interrupts ends the command and not the station.
    desk.answer("echo\nalpha>", "! echo begun; sleep 60\r")?;
    desk.answer("begun\n", "\x03")?;
    desk.answer("alpha>", "hostname\r")?;
    desk.wait("hostname\nalpha\n")?;
    let mut command = router.applet("net");
    let done = router
        .netns
        .finish(command.args(["-e", "hostname"]), LIMIT)?
        .ok()?;
    ensure!(done == "alpha\n", "{done}");
    desk.press("exit\r")?;
    restored(&desk, 0)?;
    desk.end()?;
    let desk = on_terminal(&router, "")?;
    desk.wait("alpha>")?;
    let station = Station { router };
    kill(station.pid()?, Signal::SIGTERM).context("SIGTERM")?;
    restored(&desk, 0)?;
    station.gone()
}

/// Neither a terminal nor -d: it goes on in the foreground, and says nothing.
fn without_terminal() -> Result {
    let router = Router::new(&wanbox())?;
    router.write("/tcp/net.rc", "hostname alpha\nbogus\n")?;
    let mut running = Running::from(router.spawn("net")?);
    let station = Station { router };
    until("the station", LIMIT, || {
        Ok(station.execute(&["-e", "hostname"])?.2 == 0)
    })?;
    ensure!(station.ok("hostname")? == "alpha\n", "the name");
    running.signal(Signal::SIGINT)?;
    ensure!(running.end(LIMIT)?.success(), "its end");
    Ok(())
}

/// What was learned survives the end of the program; a killed one is replaced.
fn outlives() -> Result {
    let commands = "hostname alpha\nattach ni ni0 44.1.1.1\nifconfig ni0 ipaddress 44.1.1.2\n\
                    route add 44.1.1.1 ni0\n";
    let (station, said) = Station::start(commands)?;
    ensure!(said.is_empty(), "{said}");
    station.ok("route add 44.2.2.0/24 ni0 0 3 5000")?;
    station.ok("exit")?;
    station.gone()?;
    ensure!(
        fs::metadata(station.router.path("/tcp/route_data"))?.len() == 29,
        "the file"
    );
    station.router.ok("net -d")?;
    let routes = station.ok("route")?;
    let line = routes.lines().find(|line| line.starts_with("44.2.2.0 "));
    ensure!(line.is_some_and(|line| line.contains(" 3 ")), "{routes}");
    kill(station.pid()?, Signal::SIGKILL).context("SIGKILL")?;
    until("its death", LIMIT, || {
        Ok(station.execute(&["-e", "hostname"])?.2 == 3)
    })?;
    station.router.ok("net -d")?;
    ensure!(
        station.ok("route")?.contains("44.2.2.0"),
        "after it was killed"
    );
    station.ok("exit")?;
    station.gone()?;
    // With -g nothing is read, nor written.
    station.router.ok("net -dg")?;
    ensure!(!station.ok("route")?.contains("44.2.2.0"), "with -g");
    station.ok("exit")?;
    station.gone()?;
    ensure!(
        fs::metadata(station.router.path("/tcp/route_data"))?.len() == 29,
        "the file after"
    );
    // A file that is none is no reason not to start.
    station.router.write("/tcp/route_data", "\u{3}rubbish")?;
    station.router.ok("net -d")?;
    station.ok("exit")?;
    station.gone()
}

/// Connections of the network that lead to sockets of the host, by numbers, by name, and to a Unix socket.
fn gates() -> Result {
    let commands = "hostname alpha\nattach ni ni0 44.1.1.1\nifconfig ni0 ipaddress 44.1.1.2\n\
                    route add 44.1.1.1 ni0\nlog /tcp/net.log\n\
                    start tcpgate 7000 127.0.0.1:9000\nstart tcpgate 7001 localhost:9000\n\
                    start tcpgate 7002 unix:/sock\nstart tcpgate 7003 127.0.0.1:9\n";
    let (station, _) = Station::start(commands)?;
    let netns = &station.router.netns;
    let unix = std::os::unix::net::UnixListener::bind(station.router.path("/sock"))?;
    let tcp = netns.inside(|| Ok(TcpListener::bind("127.0.0.1:9000")?))?;
    let text: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    for port in [7000, 7001, 7002] {
        let mut near = netns.inside(|| Ok(TcpStream::connect(("44.1.1.2", port))?))?;
        let mut far: Box<dyn Both + Send> = match port {
            7002 => Box::new(unix.accept()?.0),
            _ => Box::new(tcp.accept()?.0),
        };
        near.set_read_timeout(Some(LIMIT))?;
        let sent = text.clone();
        let mut sender = near.try_clone()?;
        let thread = thread::spawn(move || sender.write_all(&sent));
        let mut got = vec![0; text.len()];
        far.read_exact(&mut got)?;
        ensure!(got == text, "port {port}: there");
        thread.join().map_err(|_| Error::new("the sender"))??;
        // And closes it.
        let sent = text.clone();
        let thread = thread::spawn(move || far.write_all(&sent));
        let mut got = Vec::new();
        near.read_to_end(&mut got)?;
        thread.join().map_err(|_| Error::new("the answer"))??;
        ensure!(got == text, "port {port}: back");
    }
    // Nobody is there.
    let mut near = netns.inside(|| Ok(TcpStream::connect("44.1.1.2:7003")?))?;
    near.set_read_timeout(Some(LIMIT))?;
    let mut rest = Vec::new();
    match near.read_to_end(&mut rest) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => return Err(Error::new(format!("{other:?}"))),
    }
    station.ok("exit")?;
    station.gone()?;
    let log = station.router.read("/tcp/net.log")?;
    ensure!(log.contains("44.1.1.1:"), "{log}");
    Ok(())
}

/// A socket of either kind.
trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// Whoever comes to the sockets with rubbish, with nothing, or reads nothing.
fn strangers() -> Result {
    let (station, _) = Station::start("hostname alpha\n")?;
    for name in ["net.sock", "net.console"] {
        let path = station.router.path("/run/wanbox").join(name);
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "{name} has mode {mode:o}");
    }
    let answer = |name: &str, octets: &[u8]| -> Result<String> {
        let mut stream = station.socket(name)?;
        stream.write_all(octets)?;
        let mut text = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut text);
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let said = answer("net.console", b"command ps\n")?;
    ensure!(said.starts_with("*** "), "{said}");
    answer("net.console", &[0xff; 5000])?;
    let mut rubbish = station.socket("net.sock")?;
    rubbish.write_all(b"{\"execute\": 5}\nrubbish\n")?;
    let mut octets = [0; 1024];
    let count = uninterrupted(|| rubbish.read(&mut octets))?;
    ensure!(
        String::from_utf8_lossy(&octets[..count]).contains("error"),
        "an answer to rubbish"
    );
    // More who say nothing than there are places.
    let silent: Vec<UnixStream> = (0..100)
        .map(|_| station.socket("net.console"))
        .collect::<Result<_>>()?;
    let desk = station.attach()?;
    desk.wait("alpha>")?;
    drop(silent);
    // More consoles than there may be.
    let mut many = Vec::new();
    for _ in 0..31 {
        let mut console = station.socket("net.console")?;
        console.write_all(b"console\n")?;
        let mut answer = [0; 8];
        console.read_exact(&mut answer)?;
        ensure!(answer == *b"console\n", "{answer:?}");
        many.push(console);
    }
    let (out, err, code) = station.execute(&["--attach"])?;
    let wanted = ("", "net: there are too many consoles\n", 1);
    ensure!(
        (out.as_str(), err.as_str(), code) == wanted,
        "{out}{err}{code}"
    );
    drop(many);
    // One that asks for much and reads nothing.
    let mut deaf = station.socket("net.console")?;
    deaf.write_all(b"console\n")?;
    deaf.set_write_timeout(Some(Duration::from_millis(500)))?;
    for _ in 0..20_000 {
        if deaf.write_all(b"ip status\ntcp status\n").is_err() {
            break;
        }
    }
    // And all keys there are.
    let mut keys = station.socket("net.console")?;
    keys.write_all(b"console\n")?;
    let all: Vec<u8> = (0..=255u8).filter(|key| !b"\r\n".contains(key)).collect();
    for _ in 0..50 {
        if keys.write_all(&all).is_err() {
            break;
        }
    }
    ensure!(
        station.ok("hostname")? == "alpha\n",
        "while others are deaf"
    );
    let pid = station.pid()?;
    let resident = resident(pid.as_raw().cast_unsigned())?;
    ensure!(resident < 60_000 * 1024, "{resident} octets");
    station.ok("exit")?;
    station.gone()
}
