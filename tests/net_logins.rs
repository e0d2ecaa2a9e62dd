//! Two stations and the air between them, which is AX.25 in datagrams: consoles for guests, programs for those who
//! have an account.

use std::fs;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::terminal::Terminal;
use wanbox_rig::{Need, Result, Router, ensure, until};

use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tool("ip")];
const LIMIT: Duration = Duration::from_secs(60);
/// An account that nobody has.
const UID: u32 = 28_412;

pub fn tests() -> Vec<Trial> {
    vec![test("net_logins::guests_and_programs", NEEDS, logins)]
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

/// Whether the guest's last program runs.
fn sleeps() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line == b"sleep\x0028412\0")
}

fn logins() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    for (file, call, port, other, at) in [
        ("/etc/net.rc", "DB0AAA", 10_093, "DB0AAB", 10_094),
        ("/far/etc/net.rc", "DB0AAB", 10_094, "DB0AAA", 10_093),
    ] {
        let lines = format!(
            "hostname {}\nax25 mycall {call}\nattach axip axip udp {port}\n\
             axip route add {other} 127.0.0.1:{at}\nax25 route add axip default\n\
             ax25 jumpstart {other} on\nstart ax25\n",
            call.to_ascii_lowercase()
        );
        router.write(file, &lines)?;
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
    until("the program", LIMIT, || Ok(sleeps()))?;
    desk.press("\x1d")?;
    desk.answer("db0aaa>", "close\r")?;
    desk.wait("Disconn (Normal)")?;
    until("the program's end", LIMIT, || Ok(!sleeps()))?;
    // An account that programs may not run as gets the console.
    alone()?;
    desk = attach()?;
    tell(&router, &format!("login minuid {}", UID + 1))?;
    desk.answer("db0aaa>", "connect db0aab\r")?;
    desk.answer("Connected\ndb0aab>", "bye\r")?;
    desk.wait("Disconn (Normal)")?;
    tell(&router, "exit")?;
    router.ok("net -e exit")?;
    Ok(())
}
