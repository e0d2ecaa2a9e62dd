use std::fs;

use super::*;
use crate::control::Request;
use crate::daemons::testing::{Daemon, Scratch, script};
use crate::proc_files::sample;

const FR: &str = "[devices]\nwanpipe1 = WAN_FR, Comment\n[interfaces]\nwp1fr16 = wanpipe1, 16, WANPIPE\n\
    wp1fr17 = wanpipe1, 17, WANPIPE\n[wanpipe1]\nLINE = cable:demo\nSTATION = CPE\nSIGNALLING = ANSI\n";

struct Router {
    scratch: Scratch,
    launcher: Launcher,
}

impl Router {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(name);
        fs::create_dir_all(scratch.path().join("etc/wanpipe/interfaces")).unwrap();
        fs::create_dir_all(scratch.path().join("run/wanbox")).unwrap();
        fs::write(scratch.path().join("etc/wanpipe/wanpipe1.conf"), FR).unwrap();
        for interface in ["wp1fr16", "wp1fr17"] {
            let path = scratch
                .path()
                .join("etc/wanpipe/interfaces")
                .join(interface);
            fs::write(path, "IPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\n").unwrap();
        }
        let program = scratch.path().join("daemon");
        let record = scratch.path().join("launched");
        script(
            &program,
            &format!("echo \"$@\" >> '{0}'\ncat >> '{0}.text'", record.display()),
        );
        let launcher = Launcher {
            program,
            root: None,
        };
        Self { scratch, launcher }
    }

    fn run_dir(&self) -> PathBuf {
        self.scratch.path().join("run/wanbox")
    }

    fn daemon(&self) -> Daemon {
        Daemon::start(&self.run_dir(), sample("wanpipe1"))
    }

    fn say(&self, line: &str) -> (Exit, String, String) {
        let root = self.scratch.path().display().to_string();
        let line = line.replace("ROOT", &root);
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let command: Command = argv::read(NAME, &words).map_err(|_| ()).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let prefix = Root::new(Some(self.scratch.path()));
        let exit = execute(command, &prefix, &self.launcher, &mut out, &mut err);
        let text = |octets| String::from_utf8(octets).unwrap().replace(&root, "ROOT");
        (exit, text(out), text(err))
    }

    fn file(&self, name: &str) -> String {
        let text = fs::read_to_string(self.scratch.path().join(name)).unwrap_or_default();
        text.replace(&self.scratch.path().display().to_string(), "ROOT")
    }
}

fn quiet(exit: Exit) -> (Exit, String, String) {
    (exit, String::new(), String::new())
}

#[test]
fn start_a_file() {
    let router = Router::new("file");
    assert_eq!(
        router.say("-f ROOT/etc/wanpipe/wanpipe1.conf -a /etc/adsl.list"),
        quiet(Exit::DONE)
    );
    assert_eq!(
        router.file("launched"),
        "-c ROOT/etc/wanpipe/wanpipe1.conf wanpipe1\n"
    );
    let log = router.file("var/log/wanrouter");
    assert!(
        log.contains(" * Parsing configuration file ROOT/etc/wanpipe/wanpipe1.conf ...\n"),
        "{log}"
    );
    assert!(
        log.contains(" * Configuring device wanpipe1 (Comment)\n"),
        "{log}"
    );
    assert!(log.contains(" wanpipe1 started\n"), "{log}");
}

#[test]
fn verbose_goes_to_the_terminal_too() {
    let router = Router::new("verbose");
    let (exit, out, _) = router.say("-v -y ROOT/own.log card wanpipe1 start");
    assert_eq!(exit, Exit::DONE);
    assert!(out.starts_with("WAN Router Configurator (wanbox "), "{out}");
    assert!(out.contains(" * Setting STATION to CPE\n"), "{out}");
    assert!(
        out.contains(" * Configuring channel wp1fr17 (no description). Media address: 17\n"),
        "{out}"
    );
    assert!(out.ends_with(" * wanpipe1 started\n"), "{out}");
    assert!(
        router
            .file("own.log")
            .contains(" * Setting STATION to CPE\n")
    );
    assert_eq!(router.file("var/log/wanrouter"), "");
}

#[test]
fn files_that_are_wrong_or_missing() {
    let router = Router::new("wrong");
    let (exit, _, err) = router.say("-f ROOT/none.conf");
    assert_eq!(
        (exit, err.as_str()),
        (
            Exit::ABSENT,
            "wanconfig: Error: ROOT/none.conf not found!\n"
        )
    );
    let (exit, _, err) = router.say("card wanpipe7 start");
    assert_eq!(exit, Exit::ABSENT);
    assert!(err.contains("wanpipe7.conf not found!"), "{err}");
    fs::write(router.scratch.path().join("etc/wanpipe/wanpipe7.conf"), FR).unwrap();
    let (exit, _, err) = router.say("card wanpipe7 start");
    assert_eq!(exit, Exit::ABSENT);
    assert!(
        err.contains("[devices] has no wanpipe7; it has: wanpipe1"),
        "{err}"
    );
    fs::write(
        router.scratch.path().join("bad.conf"),
        FR.replace("LINE =", "LNE ="),
    )
    .unwrap();
    let (exit, _, err) = router.say("-f ROOT/bad.conf");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.contains("wanconfig: ROOT/bad.conf:"), "{err}");
    assert!(
        router.file("var/log/wanrouter").contains("invalid"),
        "'wanrouter debug' looks for the word"
    );
    assert_eq!(router.file("launched"), "");
}

#[test]
fn stop_the_devices_of_a_file() {
    let router = Router::new("down");
    let (exit, _, err) = router.say("-d ROOT/etc/wanpipe/wanpipe1.conf");
    assert_eq!(exit, Exit::ABSENT);
    assert!(err.contains("none of its devices runs: wanpipe1"), "{err}");
    let _daemon = router.daemon();
    assert_eq!(
        router.say("-d ROOT/etc/wanpipe/wanpipe1.conf"),
        quiet(Exit::DONE)
    );
    assert_eq!(router.say("card wanpipe1 stop").0, Exit::ABSENT);
    assert_eq!(router.say("stop").2, "wanconfig: no device is running\n");
}

#[test]
fn a_device_without_any_file() {
    let router = Router::new("arguments");
    let (exit, _, err) = router.say(
        "-U [devices] wanpipe2 WAN_CHDLC [interfaces] wp2 wanpipe2 - WANPIPE [wanpipe2] LINE cable:demo",
    );
    assert_eq!((exit, err.as_str()), (Exit::DONE, ""));
    assert_eq!(router.file("launched"), "-c - wanpipe2\n");
    assert_eq!(
        router.file("launched.text"),
        "[devices]\nwanpipe2 = WAN_CHDLC\n[interfaces]\nwp2 = wanpipe2, , WANPIPE\n[wanpipe2]\nLINE = cable:demo\n"
    );
}

#[test]
fn wrong_arguments() {
    let router = Router::new("arguments-wrong");
    let (exit, _, err) = router.say("-U [interfaces] wp2 wanpipe2 -");
    assert_eq!(exit, Exit::USAGE);
    assert!(
        err.contains("No devices found, Incomplete Argument List"),
        "{err}"
    );
    assert!(
        err.contains("Insuficient/Too many Interface arguments"),
        "{err}"
    );
    let (exit, _, err) = router.say(
        "-U [devices] wanpipe2 WAN_CHDLC [interfaces] wp2 wanpipe2 - API [wanpipe2] LNE cable:demo",
    );
    assert_eq!(exit, Exit::USAGE);
    assert!(err.contains("command line"), "{err}");
    assert_eq!(router.file("launched"), "");
}

#[test]
fn what_runs_cannot_be_started() {
    let router = Router::new("busy");
    let _daemon = router.daemon();
    let (exit, _, err) = router.say("card wanpipe1 start");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.starts_with("wanconfig: WAN device wanpipe1 driver load failed !!\nwanconfig: wanpipe1 is already running"), "{err}");
    assert!(
        err.ends_with("see ROOT/var/log/wanrouter and /var/log/messages for more\n"),
        "{err}"
    );
}

#[test]
fn interfaces_come_and_go() {
    let router = Router::new("interfaces");
    let daemon = router.daemon();
    assert_eq!(
        router.say("card wanpipe1 dev wp1fr17 up"),
        quiet(Exit::DONE)
    );
    let (exit, _, err) = router.say("card wanpipe1 dev wp1fr17 up");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.contains("Interface wp1fr17 setup failed !!"), "{err}");
    assert_eq!(
        router.say("card wanpipe1 dev wp1fr17 restart"),
        quiet(Exit::DONE)
    );
    assert_eq!(
        router.say("card wanpipe1 dev wp1fr16 reconfig"),
        quiet(Exit::DONE)
    );
    assert_eq!(
        router.say("card wanpipe1 dev wp1fr17 del"),
        quiet(Exit::DONE)
    );
    assert_eq!(router.say("card wanpipe1 dev wp1fr17 del").0, Exit::ABSENT);
    assert_eq!(router.say("card wanpipe1 dev wp1fr99 up").0, Exit::ABSENT);
    let changes: Vec<String> = daemon
        .asked
        .try_iter()
        .filter_map(|request| match request {
            Request::AddInterface { interface } => Some(format!("+{}", interface.name)),
            Request::RemoveInterface { name } => Some(format!("-{name}")),
            Request::Stop => Some("stop".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            "+wp1fr17", "-wp1fr17", "+wp1fr17", "-wp1fr16", "+wp1fr16", "-wp1fr17"
        ]
    );
}

#[test]
fn without_interfaces() {
    let router = Router::new("nodev");
    assert_eq!(router.say("card wanpipe1 nodev start"), quiet(Exit::DONE));
    let text = router.file("launched.text");
    assert!(
        text.contains("LINE = cable:demo") && !text.contains("wp1fr"),
        "{text}"
    );
}

#[test]
fn reconfigure_sends_the_whole_device() {
    let router = Router::new("reconfig");
    assert_eq!(router.say("card wanpipe1 reconfig").0, Exit::ABSENT);
    let daemon = router.daemon();
    let (exit, out, _) = router.say("card wanpipe1 reconfig");
    assert_eq!(
        (exit, out.as_str()),
        (Exit::DONE, "wp1_fr17: added\nwp1_fr16: CIR 16 -> 32\n")
    );
    let sent = daemon.asked.try_iter().find_map(|request| match request {
        Request::Reconfigure { device } => Some(device),
        _ => None,
    });
    assert_eq!(sent.unwrap().interfaces.len(), 2);
    let (_, out, _) = router.say("card wanpipe1 reconfig --json");
    assert_eq!(
        out,
        "{\"changes\":[\"wp1_fr17: added\",\"wp1_fr16: CIR 16 -> 32\"]}\n"
    );
}

#[test]
fn a_wrong_configuration_disturbs_nothing() {
    let router = Router::new("disturb");
    let daemon = router.daemon();
    fs::write(
        router.scratch.path().join("etc/wanpipe/wanpipe1.conf"),
        FR.replace("LINE =", "LNE ="),
    )
    .unwrap();
    for line in [
        "card wanpipe1 restart",
        "restart",
        "card wanpipe1 reconfig",
        "card wanpipe1 dev wp1fr16 restart",
    ] {
        let (exit, _, err) = router.say(line);
        assert_eq!(exit, Exit::FAILED, "{line}");
        assert!(err.contains("wanpipe1.conf:"), "{err}");
    }
    assert!(
        daemon
            .asked
            .try_iter()
            .all(|request| matches!(request, Request::Status))
    );
}

#[test]
fn restart_stops_and_starts() {
    let router = Router::new("restart");
    let daemon = router.daemon();
    assert_eq!(router.say("card wanpipe1 reload"), quiet(Exit::DONE));
    assert!(
        daemon
            .asked
            .try_iter()
            .any(|request| matches!(request, Request::Stop))
    );
    assert_eq!(
        router.file("launched"),
        "-c ROOT/etc/wanpipe/wanpipe1.conf wanpipe1\n"
    );
}

#[test]
fn texts_and_counters() {
    let router = Router::new("texts");
    for line in [
        "",
        "status",
        "card wanpipe1 status",
        "config",
        "card wanpipe1 counters",
    ] {
        assert_eq!(router.say(line).0, Exit::ABSENT, "{line}");
    }
    let _daemon = router.daemon();
    let (exit, out, _) = router.say("");
    assert_eq!(exit, Exit::DONE);
    assert!(out.ends_with("\nwanpipe1       | FR     | CPE   | V.35    |external|  2048000| 1500|  1 |connected   \n"), "{out}");
    assert!(
        router
            .say("config")
            .1
            .starts_with("Device name    | port |IRQ")
    );
    assert_eq!(router.say("card wanpipe1 show").1.lines().count(), 17);
    assert_eq!(
        router.say("card wanpipe1 counters").1,
        "line:\n  rx_frames            7\n"
    );
    assert_eq!(
        router.say("card wanpipe1 counters --json").1,
        "{\"line\":{\"rx_frames\":7}}\n"
    );
    let json: serde_json::Value = serde_json::from_str(&router.say("--json").1).unwrap();
    assert_eq!(json["devices"][0]["baud_rate"], 2_048_000);
    let json: serde_json::Value =
        serde_json::from_str(&router.say("--json card wanpipe1").1).unwrap();
    assert_eq!(json["protocol"], "FR");
}

#[test]
fn line_capture_and_flush() {
    let router = Router::new("line");
    let daemon = router.daemon();
    for line in ["line cut", "line join", "capture ROOT/a.pcap", "flush"] {
        assert_eq!(
            router.say(&format!("card wanpipe1 {line}")),
            quiet(Exit::DONE)
        );
    }
    let (exit, _, err) = router.say("card wanpipe1 capture off");
    assert_eq!(
        (exit, err.as_str()),
        (Exit::FAILED, "wanconfig: wanpipe1: no capture runs\n")
    );
    let asked: Vec<Request> = daemon.asked.try_iter().collect();
    let file = router.scratch.path().join("a.pcap");
    assert!(
        matches!(
            &asked[..],
            [
                Request::Cut { cut: true },
                Request::Cut { cut: false },
                Request::Capture { file: Some(path) },
                Request::FlushCounters,
                Request::Capture { file: None },
            ] if *path == file
        ),
        "{asked:?}"
    );
}

#[test]
fn wrong_usage() {
    let router = Router::new("usage");
    for (line, what) in [
        ("-f a -d b", "only one of -f and -d"),
        ("-f a start", "words cannot be combined with -f"),
        ("start stop", "only one of 'start' and 'stop'"),
        ("-x", "daemon mode of the original is not offered"),
        ("card wanpipe1 explode", "unknown word 'explode'"),
    ] {
        let (exit, _, err) = router.say(line);
        assert_eq!(exit, Exit::USAGE, "{line}");
        assert!(
            err.contains(what) && err.contains("try 'wanconfig --help'"),
            "{line}: {err}"
        );
    }
}

#[test]
fn help_and_version() {
    let router = Router::new("help");
    for line in ["-h", "help"] {
        let (exit, out, _) = router.say(line);
        assert_eq!(exit, Exit::DONE);
        assert!(out.contains("wanconfig"), "{out}");
    }
    assert!(router.say("-V").1.starts_with("wanconfig (wanbox) "));
}
