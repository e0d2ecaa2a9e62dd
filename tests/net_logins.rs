//! Two stations and the air between them, which is AX.25 in datagrams: consoles for guests, programs for those who
//! have an account, accounts for those who have none; and the host's own login, by Telnet too.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::need::find_tool;
use wanbox_rig::terminal::Terminal;
use wanbox_rig::{Error, Need, Result, Router, ensure, until};

use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip")];
/// As above; real accounts, in a mount namespace.
const HOST: &[Need] = &[
    Need::Namespaces,
    Need::Root,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("unshare"),
    Need::Tool("telnet"),
    Need::Tool("login"),
    Need::Tool("busybox"),
    Need::Tool("useradd"),
    Need::Tool("userdel"),
];
const LIMIT: Duration = Duration::from_secs(60);
/// An account that nobody has.
const UID: u32 = 28_412;

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_logins::guests_and_programs", NEEDS, logins),
        test("net_logins::the_hosts_login_and_accounts", HOST, host),
    ]
}

/// The station that others come to: its files are below `/far` of the first.
fn far(router: &Router) -> Command {
    let mut command = router.applet("net");
    command.env("WANBOX_ROOT", router.path("/far"));
    command
}

fn tell(router: &Router, line: &str) -> Result<String> {
    let mut command = far(router);
    let done = router.netns.finish(command.args(["-e", line]), LIMIT)?;
    done.ok()
}

/// Whether somebody's last program runs.
fn sleeps(seconds: u32) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line == format!("sleep\0{seconds}\0").as_bytes())
}

/// The lines that both stations begin with, which hear each other.
fn startup(call: &str, port: u16, (other, at): (&str, u16)) -> String {
    format!(
        "hostname {}\nax25 mycall {call}\nattach axip axip udp {port}\n\
         axip route add {other} 127.0.0.1:{at}\nax25 route add axip default\n\
         ax25 jumpstart {other} on\nstart ax25\n",
        call.to_ascii_lowercase()
    )
}

fn logins() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    for (file, call, port, other, at) in [
        ("/etc/net.rc", "DB0AAA", 10_093, "DB0AAB", 10_094),
        ("/far/etc/net.rc", "DB0AAB", 10_094, "DB0AAA", 10_093),
    ] {
        router.write(file, &startup(call, port, (other, at)))?;
    }
    router.write(
        "/far/etc/passwd",
        &format!("guest:x:{UID}:{UID}::/tmp:/bin/sh\n"),
    )?;
    router.ok("net -d")?;
    let started = router
        .netns
        .finish(far(&router).args(["-d", "--logins"]), LIMIT)?;
    started.ok()?;
    let attach = || {
        let mut command = router.applet("net");
        command.arg("--attach");
        router
            .netns
            .inside(|| Terminal::start(&mut command, 100, 40))
    };
    let mut desk = attach()?;
    // Whoever comes gets the console of guests.
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("Connected\ndb0aab>", "heard\r")?;
    desk.answer("DB0AAA ", "shell id\r")?;
    desk.answer("Unknown command", "bye\r")?;
    desk.wait("Disconn (Normal)")?;
    // With a program: those with an account get that.
    tell(&router, "login program /bin/sh")?;
    tell(&router, "login logfiledir /logs")?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer(
        "$",
        "echo $(id -u)-$(id -g)-$REMOTE_CALL-$REMOTE_PROTOCOL; tty\r",
    )?;
    desk.wait(&format!("\n{UID}-{UID}-DB0AAA-AX25\n/dev/pts/"))?;
    desk.answer(
        "$",
        "grep -c . /proc/self/environ; grep CapEff /proc/self/status\r",
    )?;
    desk.wait("CapEff: 0000000000000000")?;
    desk.answer("$", "exit\r")?;
    desk.wait("Disconn (Normal)")?;
    let logs = fs::read_dir(router.path("/far/logs"))?.flatten();
    let logs: Vec<String> = logs
        .map(|log| fs::read_to_string(log.path()).unwrap_or_default())
        .collect();
    ensure!(logs.len() == 1, "{logs:?}");
    for log in logs {
        let first = log.lines().next().unwrap_or_default();
        ensure!(
            first.starts_with("AX25 at ") && first.ends_with(" by DB0AAA"),
            "{log}"
        );
        ensure!(!log.contains('\r'), "{log:?}");
    }
    // Who goes takes the program along. On screens of their own, so that nothing of before is on them.
    let alone = || {
        let none = || Ok(!router.ok("net -e session")?.contains("DB0AAB"));
        until("the end of the session", LIMIT, none)
    };
    alone()?;
    desk = attach()?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("$", "exec sleep 28412\r")?;
    until("the program", LIMIT, || Ok(sleeps(UID)))?;
    desk.press("\x1d")?;
    desk.answer("db0aaa>", "close\r")?;
    desk.wait("Disconn (Normal)")?;
    until("the program's end", LIMIT, || Ok(!sleeps(UID)))?;
    // An account that programs may not run as gets the console.
    alone()?;
    desk = attach()?;
    tell(&router, &format!("login minuid {}", UID + 1))?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("Connected\ndb0aab>", "bye\r")?;
    desk.wait("Disconn (Normal)")?;
    // Who is heard stands in the place of what was shown, until a key.
    desk = attach()?;
    desk.answer("db0aaa>", "ax25 heard live\r")?;
    let view = || {
        let text = desk.text();
        let others = text.lines().any(|line| line.starts_with("DB0AAB "));
        Ok(text.starts_with("Station ") && others && !text.contains("db0aaa>"))
    };
    until("the view of who is heard", LIMIT, view)?;
    desk.press("\r")?;
    desk.answer("db0aaa>", "bye\r")?;
    ensure!(desk.end()? == 0, "an attached console ends with 0");
    tell(&router, "exit")?;
    router.ok("net -e exit")?;
    Ok(())
}

/// What the station says to a line.
fn rule(router: &Router, line: &str) -> Result<String> {
    let mut command = router.applet("net");
    let done = router.netns.finish(command.args(["-e", line]), LIMIT)?;
    done.ok()
}

/// Somebody whose password is "secret".
const JOE: u32 = 28_413;

/// Starts the station where its files are those of the host.
fn start_as_host(router: &Router) -> Result {
    let joe = format!("dl1joe:x:{JOE}:{JOE}::/tmp:/bin/sh\n");
    router.write("/etc/passwd", &format!("root:x:0:0::/root:/bin/sh\n{joe}"))?;
    router.write(
        "/etc/shadow",
        "root:*:20000::::::\ndl1joe:$1$saltsalt$9xy1btjgzLYfb7hivXtC//:20000::::::\n",
    )?;
    router.write("/etc/group", "root:x:0:\ntty:x:5:\nradio:x:28400:\n")?;
    for (tool, place) in [
        ("login", "/bin/login"),
        ("useradd", "/usr/sbin/useradd"),
        ("userdel", "/usr/sbin/userdel"),
    ] {
        let path = router.path(place);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        symlink(find_tool(tool).unwrap_or_default(), path)?;
    }
    let script = "cd \"$WANBOX_ROOT\"; mkdir home
        for file in pam.d pam.conf security default login.defs nsswitch.conf ld.so.cache environment; do
            test ! -e /etc/$file || cp -R /etc/$file etc
        done
        mount --bind etc /etc
        mount --bind home /home
        mount -t tmpfs none /var/log
        mount -t tmpfs none /run
        exec sbin/net -d --logins";
    let mut command = Command::new(find_tool("unshare").unwrap_or_default());
    command
        .args(["-m", "/bin/sh", "-ec", script])
        .env("WANBOX_ROOT", router.path("/"));
    router.netns.finish(&mut command, LIMIT)?.ok()?;
    Ok(())
}

fn host() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    let lines = startup("DB0AAB", 10_094, ("DB0AAA", 10_093));
    router.write(
        "/etc/net.rc",
        &format!(
            "{lines}attach ni ni0 44.1.1.1\nifconfig ni0 ipaddress 44.1.1.2\n\
             route add 44.1.1.1 ni0\nlog net.log\nlogin logfiledir /logs\n\
             login telnet host\nlogin auto off\nstart telnet\n"
        ),
    )?;
    router.write("/var/lib/net/hosts", "44.1.1.1 dl1joe\n")?;
    router.write(
        "/far/etc/net.rc",
        &startup("DB0AAA", 10_093, ("DB0AAB", 10_094)),
    )?;
    start_as_host(&router)?;
    let started = router.netns.finish(far(&router).arg("-d"), LIMIT)?;
    started.ok()?;
    // A wrong password, and the right one: terminal and window are theirs.
    let telnet = find_tool("telnet").ok_or_else(|| Error::new("telnet is missing"))?;
    let call = || {
        let mut command = Command::new(&telnet);
        command.arg("44.1.1.2");
        router
            .netns
            .inside(|| Terminal::start(&mut command, 100, 40))
    };
    let mut desk = call()?;
    desk.answer("login:", "dl1joe\r")?;
    desk.answer("Password:", "amiss\r")?;
    desk.answer("Login incorrect", "\x1d")?;
    desk.answer("telnet>", "quit\r")?;
    desk.end()?;
    // The name is the host's now, which the station knows; the password is asked for all the same.
    rule(&router, "login auto on")?;
    desk = call()?;
    desk.answer("Password:", "secret\r")?;
    ensure!(!desk.text().contains("login:"), "{}", desk.text());
    desk.answer("\n$", "echo $(id -u)-$TERM-$(stty size)-$USER\r")?;
    desk.wait(&format!("\n{JOE}-xterm-40 100-dl1joe\n"))?;
    desk.answer("$", "grep CapEff /proc/self/status | tr '\\t' ' '\r")?;
    desk.wait("\nCapEff: 0000000000000000\n")?;
    desk.press("echo two words\r")?;
    desk.wait("\ntwo words\n")?;
    // Who hangs up takes all along.
    desk.press(&format!("exec sleep {JOE}\r"))?;
    until("the program", LIMIT, || Ok(sleeps(JOE)))?;
    desk.press("\x1d")?;
    desk.answer("telnet>", "quit\r")?;
    desk.end()?;
    until("the program's end", LIMIT, || Ok(!sleeps(JOE)))?;
    let log = || router.read("/var/lib/net/net.log");
    until("the line in the log", LIMIT, || {
        Ok(log()?.contains(" - close TELNET"))
    })?;
    ensure!(log()?.contains(" - open TELNET"), "{}", log()?);
    let logs = sessions(&router)?;
    ensure!(
        logs.len() == 2 && logs.iter().all(|log| log.starts_with("TELNET at ")),
        "{logs:?}"
    );
    // Small hosts have busybox's login.
    let login = router.path("/bin/login");
    fs::remove_file(&login)?;
    symlink(find_tool("busybox").unwrap_or_default(), &login)?;
    desk = call()?;
    desk.answer("Password:", "secret\r")?;
    desk.answer("$", "echo $(id -u)-$TERM-$USER\r")?;
    desk.answer(&format!("\n{JOE}-xterm-dl1joe\n"), "exit\r")?;
    desk.wait("Connection closed by foreign host.")?;
    desk.end()?;
    fs::remove_file(&login)?;
    symlink(find_tool("login").unwrap_or_default(), &login)?;
    radio(&router)?;
    unlocked(&router)?;
    let all = sessions(&router)?.concat();
    ensure!(
        all.contains("two words") && !all.contains("secret") && !all.contains("amiss"),
        "{all}"
    );
    tell(&router, "exit")?;
    router.ok("net -e exit")?;
    Ok(())
}

/// What was written down of sessions.
fn sessions(router: &Router) -> Result<Vec<String>> {
    let logs = fs::read_dir(router.path("/logs"))?.flatten();
    Ok(logs
        .map(|log| fs::read_to_string(log.path()).unwrap_or_default())
        .collect())
}

/// A console of the station that calls.
fn caller(router: &Router) -> Result<Terminal> {
    let mut command = far(router);
    command.arg("--attach");
    router
        .netns
        .inside(|| Terminal::start(&mut command, 100, 40))
}

/// The same by radio, and accounts for those who come that way.
fn radio(router: &Router) -> Result {
    let attach = || caller(router);
    let alone = || {
        let none = || Ok(!tell(router, "session")?.contains("DB0AAB"));
        until("the end of the session", LIMIT, none)
    };
    let rule = |line: &str| rule(router, line);
    // Without a program there is the console, whatever else is said.
    rule("login auto off")?;
    let mut desk = attach()?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("Connected\ndb0aab>", "bye\r")?;
    desk.wait("Disconn (Normal)")?;
    alone()?;
    rule("login program shell")?;
    desk = attach()?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("login:", "dl1joe\r")?;
    desk.answer("Password:", "secret\r")?;
    desk.answer("$", "id -u\r")?;
    desk.answer(&format!("\n{JOE}\n"), "exit\r")?;
    desk.wait("Disconn (Normal)")?;
    alone()?;
    // An account is made once, and no password opens it.
    for line in [
        "login auto on",
        "login gid 28400",
        "login minuid 28500",
        "login maxuid 28501",
        "login homedir /home/radio",
        "login shell /bin/sh",
        "login create on",
    ] {
        rule(line)?;
    }
    let there = "db0aaa:x:28500:28400:Amateur DB0AAA:/home/radio/db0.../db0aaa:/bin/sh";
    for _ in 0..2 {
        desk = attach()?;
        desk.answer("db0aaa>", "connect db0aab\r")?;
        desk.answer("$", "echo $(id -u)-$(id -g)-$PWD\r")?;
        desk.wait("\n28500-28400-/home/radio/db0.../db0aaa\n")?;
        desk.press("exit\r")?;
        desk.wait("Disconn (Normal)")?;
        alone()?;
        let [passwd, shadow] = ["/etc/passwd", "/etc/shadow"].map(|file| router.read(file));
        let (passwd, shadow) = (passwd?, shadow?);
        let ours = passwd.lines().filter(|line| *line == there).count();
        ensure!((ours, passwd.lines().count()) == (1, 3), "{passwd}");
        ensure!(shadow.contains("\ndb0aaa:!:"), "{shadow}");
    }
    let log = router.read("/var/lib/net/net.log")?;
    ensure!(log.contains(" db0aaa - account made"), "{log}");
    Ok(())
}

/// An account that a password would open does not stay, and is the last that is made.
fn unlocked(router: &Router) -> Result {
    let tool = router.path("/usr/sbin/useradd");
    fs::remove_file(&tool)?;
    router.write(
        "/usr/sbin/useradd",
        "#!/bin/sh
        for name; do :; done
        echo $name:x:28501:28400::/tmp:/bin/sh >> /etc/passwd
        echo $name::20000:::::: >> /etc/shadow\n",
    )?;
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755))?;
    for file in ["/etc/passwd", "/etc/shadow"] {
        let text = router.read(file)?;
        let others = text
            .split_inclusive('\n')
            .filter(|line| !line.contains("db0aaa"));
        router.write(file, &others.collect::<String>())?;
    }
    let mut desk = caller(router)?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("Connected\ndb0aab>", "bye\r")?;
    desk.wait("Disconn (Normal)")?;
    until("the end of the account", LIMIT, || {
        Ok(!router.read("/etc/passwd")?.contains("db0aaa"))
    })?;
    ensure!(!router.read("/etc/shadow")?.contains("db0aaa"), "it stayed");
    let log = router.read("/var/lib/net/net.log")?;
    let why = " db0aaa - no account: its password is not locked: userdel takes it away";
    ensure!(log.contains(why), "{log}");
    let creates = rule(router, "login create")?;
    ensure!(creates == "Create account: off\n", "{creates}");
    Ok(())
}
