//! The command line of `l2tpns`: a telnet client of Debian at its prompt, `l2tpns -e`, and the same
//! keys at the prompt of Debian's l2tpns 2.4.1.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use wanbox_rig::debian::NEEDED;
use wanbox_rig::error::Context;
use wanbox_rig::need::find_tool;
use wanbox_rig::terminal::{Terminal, UP};
use wanbox_rig::{
    Debian, Error, Need, Netns, Result, Router, Running, ensure, netns, uninterrupted, until,
};

use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];

/// As above, and a telnet client.
const TELNET: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("telnet"),
];

/// As above, and Debian's l2tpns, whose files are at fixed places.
const DEBIAN: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Root,
    Need::Tool("l2tpns"),
];

const LIMIT: Duration = Duration::from_secs(60);

/// How long nothing comes when all has come.
const QUIET: Duration = Duration::from_millis(250);

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns_cli::at_a_terminal", TELNET, terminal),
        test("l2tpns_cli::from_a_shell", NEEDS, shell),
        test("l2tpns_cli::who_is_let_in", NEEDS, strangers),
        test("l2tpns_cli::the_keys_of_the_original", DEBIAN, original),
    ]
}

/// A running server.
struct Server {
    program: Running,
    router: Router,
}

const CONFIG: &str = "/etc/l2tpns/startup-config";

impl Server {
    fn start(router: Router, config: &str, users: Option<&str>) -> Result<Self> {
        router.netns.ip("link set lo up")?;
        let common = "set debug 3\nset hostname lns\nset l2tp_secret hush\n";
        router.write(CONFIG, &format!("{common}{config}"))?;
        router.write("/etc/l2tpns/ip_pool", "10.9.0.0/24\n")?;
        let mut secret = vec![CONFIG];
        if let Some(users) = users {
            router.write("/etc/l2tpns/users", users)?;
            secret.push("/etc/l2tpns/users");
        }
        for file in secret {
            fs::set_permissions(router.path(file), fs::Permissions::from_mode(0o600))?;
        }
        let log = fs::File::create(router.path("/log"))?;
        let mut command = router.applet("l2tpns");
        let program = router.netns.spawn(command.stderr(log))?.into();
        let server = Self { program, router };
        until("the server", LIMIT, || {
            Ok(server.log().contains(" is up, "))
        })
        .context(server.log())?;
        Ok(server)
    }

    fn log(&self) -> String {
        self.router.read("/log").unwrap_or_default()
    }

    /// A command from a shell: what it printed, and its exit code.
    fn execute(&self, options: &[&str]) -> Result<(String, String, i32)> {
        let done = self
            .router
            .netns
            .finish(self.router.applet("l2tpns").args(options), LIMIT)?;
        let code = done.code;
        Ok((done.stdout, done.stderr, code))
    }
}

/// Somebody logs in, looks around, pages, changes something and leaves.
fn terminal() -> Result {
    let users = "joe:$1$saltsalt$9xy1btjgzLYfb7hivXtC//\nenable:{crypt}xHLfQ5yTJjV3Q\n";
    let server = Server::start(Router::new(&wanbox())?, "", Some(users))?;
    let telnet = find_tool("telnet").ok_or_else(|| Error::new("telnet is missing"))?;
    let mut command = Command::new(telnet);
    command.arg("127.0.0.1");
    let netns = &server.router.netns;
    let mut desk = netns.inside(|| Terminal::start(&mut command, 80, 24))?;
    desk.answer("Username:", "joe\r")?;
    desk.answer("Password:", "wrong\r")?;
    desk.answer("Access denied\n\nUsername:", "joe\r")?;
    desk.answer("denied\n\nUsername: joe\nPassword:", "secret\r")?;
    desk.answer("Password:\n\nlns>", "show running-config\r")?;
    desk.answer("\"show running-config\"\n\nlns>", "en\r")?;
    desk.answer("lns> en\nPassword:", "secret\r")?;
    desk.answer("Password:\nlns#", "sho ver\t\r")?;
    desk.wait("lns# sho version\nL2TPNS 2.4.1 (wanbox)\n\nlns#")?;
    // The line before, changed: to what another command shows.
    desk.press(&format!("{UP}\x17cou\t| include session_cre\r"))?;
    desk.wait("lns# sho counters | include session_cre\nsession_created               0\n\nlns#")?;
    desk.press("help\r")?;
    desk.answer("associated TBFs\n--More--", " ")?;
    desk.answer("of a certain level of debugging\n--More--", " ")?;
    desk.wait("Disconnect a session\n\nlns#")?;
    desk.press("show running-config\r")?;
    desk.answer("\n--More--", "q")?;
    desk.press("conf t\rset radius_interim 90\r")?;
    desk.wait("Setting \"radius_interim\" to \"90\"\n\nlns(config)#")?;
    desk.press("ip access-list standard web\rpermit host 10.0.0.1\r\x1a")?;
    desk.wait("lns(config-std-nacl)#\nlns#")?;
    desk.press("show access-list web\r")?;
    desk.wait("Standard IP access list web\n permit host 10.0.0.1\n")?;
    desk.press("write memory\r")?;
    desk.wait("Writing configuration\n\nlns#")?;
    desk.press("quit\r")?;
    desk.end()?;
    let written = server.router.read(CONFIG)?;
    ensure!(written.contains("set radius_interim 90\n"), "{written}");
    ensure!(written.contains(" permit host 10.0.0.1\n"), "{written}");
    let log = server.log();
    for line in ["joe logged in from 127.0.0.1", "set radius_interim"] {
        ensure!(log.contains(line), "{line} is not in\n{log}");
    }
    ensure!(!log.contains("hush") && !log.contains("wrong"), "{log}");
    Ok(())
}

/// Commands from scripts: their output, errors, exit codes, JSON.
fn shell() -> Result {
    let server = Server::start(Router::new(&wanbox())?, "", None)?;
    let first = |options: &[&str]| server.execute(options);
    let (out, err, code) = first(&["-e", "show version", "-e", "show users | count"])?;
    ensure!(
        (out.as_str(), err.as_str(), code) == ("L2TPNS 2.4.1 (wanbox)\n0\n", "", 0),
        "{out}{err}{code}"
    );
    for (line, says, exit) in [
        ("nonsense", "l2tpns: Invalid command \"nonsense\"\n", 2),
        ("drop user joe", "l2tpns: User joe is not connected\n", 3),
        ("show session 5", "l2tpns: Session 5 is not active.\n", 3),
        ("drop tunnel 5", "l2tpns: Tunnel 5 is not connected\n", 3),
    ] {
        let (out, err, code) = first(&["-e", line])?;
        ensure!((out.as_str(), code) == ("", exit), "{line}: {out}{code}");
        ensure!(err == says, "{line}: {err}");
    }
    let json = |line: &str| -> Result<serde_json::Value> {
        let (out, err, code) = first(&["--json", "-e", line])?;
        ensure!(code == 0 && err.is_empty(), "{line}: {err}");
        serde_json::from_str(&out).context(format!("{line}: {out}"))
    };
    for list in [
        "show session",
        "show tunnels",
        "show users",
        "show throttle",
        "show tbf",
    ] {
        ensure!(json(list)? == serde_json::json!([]), "{list}");
    }
    ensure!(json("show version")?["version"] == "2.4.1", "the version");
    ensure!(
        json("show counters")?["named"]["session_created"] == 0,
        "counters"
    );
    ensure!(
        json("show pool all")?.as_array().map(Vec::len) == Some(254),
        "the pool"
    );
    ensure!(json("uptime")?["users"] == 0, "uptime");
    // Every view there is, as text.
    for view in [
        "access-list web",
        "banana",
        "bgp",
        "cluster",
        "counters",
        "histogram idle",
        "histogram open",
        "ipcache",
        "plugins",
        "pool",
        "radius",
        "radius all",
        "remotelns-conf",
        "running-config",
        "session",
        "tbf",
        "throttle",
        "tunnels",
        "tunnels all",
        "users",
    ] {
        let (out, err, code) = first(&[
            "-e",
            "configure terminal",
            "-e",
            "ip access-list extended web",
            "-e",
            "exit",
            "-e",
            "exit",
            "-e",
            &format!("show {view}"),
        ])?;
        ensure!(code == 0 && err.is_empty(), "{view}: {out}{err}");
    }
    let (_, err, code) = first(&["-e", "uptime", "-d"])?;
    ensure!(
        code == 2 && err.contains("-e is for a daemon that runs already"),
        "{err}"
    );
    first(&["-e", "shutdown"])?;
    let mut server = server;
    server.program.end(LIMIT)?;
    let (_, err, code) = server.execute(&["-e", "uptime"])?;
    ensure!(code == 3 && err.contains("not running"), "{code} {err}");
    Ok(())
}

/// From other machines only those are served who can log in.
fn strangers() -> Result {
    let router = Router::new(&wanbox())?;
    let other = Netns::new()?;
    netns::veth(&other, "eth0", &router.netns, "eth0")?;
    other.ip("addr add 192.0.2.2/24 dev eth0")?;
    router.netns.ip("addr add 192.0.2.1/24 dev eth0")?;
    let connect = |from: &Netns, to: [u8; 4]| -> Result<Prompt> {
        Prompt::open(from.inside(|| Ok(TcpStream::connect((Ipv4Addr::from(to), 23))?))?)
    };
    let server = Server::start(router, "set cli_bind_address 0.0.0.0\n", None)?;
    let shown = connect(&other, [192, 0, 2, 1])?.quiet()?;
    ensure!(shown.is_empty(), "a stranger sees {shown:?}");
    connect(&server.router.netns, [127, 0, 0, 1])?.until("\r\nlns> ")?;
    // Users are read again, too.
    server.router.write("/etc/l2tpns/users", "joe:plain\n")?;
    let users = server.router.path("/etc/l2tpns/users");
    fs::set_permissions(users, fs::Permissions::from_mode(0o600))?;
    server.execute(&["-e", "reload"])?;
    for (from, to) in [
        (&other, [192, 0, 2, 1]),
        (&server.router.netns, [127, 0, 0, 1]),
    ] {
        let mut prompt = connect(from, to)?;
        prompt.until("\r\nUsername: ")?;
        prompt.press("joe\r\nplain\r\n")?;
        let shown = prompt.until("lns> ")?;
        ensure!(shown == "joe\r\nPassword: \r\n\r\nlns> ", "{shown:?}");
    }
    Ok(())
}

/// A connection to a prompt, without a client.
struct Prompt {
    stream: TcpStream,
}

impl Prompt {
    fn open(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(QUIET))?;
        Ok(Self { stream })
    }

    fn press(&mut self, keys: &str) -> Result {
        Ok(self.stream.write_all(keys.as_bytes())?)
    }

    /// What comes until it ends so, and nothing more comes.
    fn until(&mut self, end: &str) -> Result<String> {
        let (mut shown, until) = (String::new(), Instant::now() + LIMIT);
        while !shown.ends_with(end) {
            ensure!(
                Instant::now() < until,
                "{shown:?} does not end with {end:?}"
            );
            shown += &self.quiet()?;
        }
        Ok(shown)
    }

    /// What comes until nothing more comes for a moment: on a busy machine that is not all.
    fn quiet(&mut self) -> Result<String> {
        let mut octets = Vec::new();
        let until = Instant::now() + LIMIT;
        while Instant::now() < until {
            let mut some = [0; 4096];
            match uninterrupted(|| self.stream.read(&mut some)) {
                Ok(0) => break,
                Ok(count) => octets.extend_from_slice(some.get(..count).unwrap_or_default()),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }
}

/// Keys at both prompts, and the same answers. Where we differ on purpose, ours is told.
const KEYS: &[&str] = &[
    "\r\n",
    "foo bar\r\n",
    "show\r\n",
    "show running-config\r\n",
    "sho t?",
    "\r\n",
    "show histogram ?",
    "\x15",
    "show version ?",
    "\x15",
    "sh users x\r\n",
    "show session abc\r\n",
    "show tunnel xx\r\n",
    "show access-list nope\r\n",
    "show session\r\n",
    "show tunnels\r\n",
    "show users\r\n",
    "show throttle\r\n",
    "show ver | ?",
    "\x15",
    "show tbf | count\r\n",
    "show tbf | count x\r\n",
    "show tbf | foo\r\n",
    "show tbf |\r\n",
    "show tbf | grep -v \"[A-Z]\"\r\n",
    "show tbf | begin entries\r\n",
    "show tbf | between Sid used\r\n",
    "show tbf | exclude entries\r\n",
    "enable\r\n",
    "sh ver\r\n",
    "clear counters\r\n",
    "snoop\r\n",
    "snoop a b c\r\n",
    "throttle\r\n",
    "throttle a\r\n",
    "filter a\r\n",
    "no snoop\r\n",
    "no throttle a\r\n",
    "no filter\r\n",
    "drop user\r\n",
    "drop user a b\r\n",
    "drop session\r\n",
    "drop session 1\r\n",
    "drop tunnel\r\n",
    "drop tunnel 5\r\n",
    "no\r\n",
    "no foo\r\n",
    "debug\r\n",
    "no debug\r\n",
    "debug c\r\n",
    "debug all\r\n",
    "debug\r\n",
    "no debug ca\r\n",
    "debug\r\n",
    "no debug\r\n",
    "debug\r\n",
    "show ?",
    "\x15",
    "drop ?",
    "\x15",
    "debug ?",
    "\x15",
    "throttle joe ?",
    "\x15",
    "filter joe ?",
    "\x15",
    "show counters ?",
    "\x15",
    "configure\r\n",
    "conf t\r\n",
    "?",
    "\r\n",
    "help\r\n",
    "show version\r\n",
    "set deb 4\r\n",
    "set debug\r\n",
    "set debug 3\r\n",
    "set debug ?",
    "\x15",
    "load plugin\r\n",
    "remove plugin xx\r\n",
    "ip access-list\r\n",
    "ip access-list foo bar\r\n",
    "ip access-list standard b.r\r\n",
    "ip access-list extended foo\r\n",
    "?",
    "\r\n",
    "permit ?",
    "\r\n",
    "permit ip\r\n",
    "permit tcp any any eq 5\r\n",
    "set debug 3\r\n",
    "ip access-list standard bar\r\n",
    "permit host\r\n",
    "permit any\r\n",
    "exit\r\n",
    "no ip access-list standard nop\r\n",
    "setforward ?",
    "\x15",
    "router bgp 65000\r\n",
    "?",
    "\r\n",
    "exit\r\n",
    "\x1a",
    "disable\r\n",
    "disable\r\n",
];

fn original() -> Result {
    let server = Server::start(Router::new(&wanbox())?, "", None)?;
    let local = (Ipv4Addr::LOCALHOST, 23);
    let ours = server
        .router
        .netns
        .inside(|| Ok(TcpStream::connect(local)?))?;
    let debian = Debian::alone(&format!("set debug 0\n{NEEDED}"))?;
    let theirs = debian.netns.inside(|| Ok(TcpStream::connect(local)?))?;
    let (mut ours, mut theirs) = (Prompt::open(ours)?, Prompt::open(theirs)?);
    answers_alike("", &mut ours, &mut theirs)?;
    // What its log says stands between; ours is asked what it says, too.
    for prompt in [&mut ours, &mut theirs] {
        prompt.press("no debug\r\n")?;
        prompt.until("lns> ")?;
    }
    for keys in KEYS {
        theirs.press(keys)?;
        ours.press(keys)?;
        answers_alike(keys, &mut ours, &mut theirs)?;
    }
    Ok(())
}

/// Waits until both have answered the same.
fn answers_alike(keys: &str, ours: &mut Prompt, theirs: &mut Prompt) -> Result {
    let (mut shown, mut wanted) = (String::new(), String::new());
    let until = Instant::now() + LIMIT;
    loop {
        wanted += &theirs.quiet()?;
        shown += &ours.quiet()?;
        let (shown, wanted) = (same(&shown), same(&wanted));
        // There is no key without an answer.
        if shown == wanted && !shown.is_empty() {
            return Ok(());
        }
        ensure!(
            Instant::now() < until,
            "{keys:?}: we answer\n{shown}\nDebian's\n{wanted}"
        );
    }
}

/// What is compared: without what only one of them has.
fn same(shown: &str) -> String {
    let ours =
        |line: &&str| line.starts_with("  terminal ") || line.ends_with(" has no effect yet\r\n");
    shown
        .split_inclusive("\r\n")
        .filter(|line| !ours(line))
        .map(|line| {
            line.replace("2.4.1 (wanbox)", "2.4.1")
                .replace("Conlfigure", "Configure")
        })
        .collect()
}
