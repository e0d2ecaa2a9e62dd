use std::fs;
use std::path::Path;

use super::*;
use crate::control::Request;
use crate::daemons::testing::{Daemon, Scratch, hold, script};
use crate::proc_files::{self, sample};

const FR: &str = "[devices]\nwanpipe1 = WAN_FR\n[interfaces]\nwp1fr16 = wanpipe1, 16, WANPIPE\n\
    wp1fr17 = wanpipe1, 17, WANPIPE\n[wanpipe1]\nLINE = cable:demo\nSTATION = CPE\nSIGNALLING = ANSI\n";

/// A router in a directory, with a program that stands for the daemon.
struct Router {
    scratch: Scratch,
    launcher: Launcher,
}

impl Router {
    fn new(name: &str, devices: &str) -> Self {
        let scratch = Scratch::new(name);
        let conf = scratch.path().join("etc/wanpipe");
        fs::create_dir_all(conf.join("scripts")).unwrap();
        fs::create_dir_all(conf.join("interfaces")).unwrap();
        fs::create_dir_all(scratch.path().join("run/wanbox")).unwrap();
        fs::write(
            conf.join("wanrouter.rc"),
            format!("WAN_DEVICES=\"{devices}\"\n"),
        )
        .unwrap();
        for interface in ["wp1fr16", "wp1fr17", "wp2fr16", "wp2fr17"] {
            let text = "IPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\nNETMASK=255.255.255.255\n";
            fs::write(conf.join("interfaces").join(interface), text).unwrap();
        }
        let program = scratch.path().join("daemon");
        // Its word for wanpipe9 is no; what it is asked to do is kept.
        let record = scratch.path().join("launched");
        script(
            &program,
            &format!(
                "for last; do :; done\necho \"$@\" >> '{}'\n\
                 [ $last != wanpipe9 ] || {{ echo 'wanpiped: cable:x: taken' >&2; exit 1; }}\ncat >> '{}.text'",
                record.display(),
                record.display()
            ),
        );
        let launcher = Launcher {
            program,
            root: Some(scratch.path().to_owned()),
        };
        Self { scratch, launcher }
    }

    fn root(&self) -> &Path {
        self.scratch.path()
    }

    fn run_dir(&self) -> PathBuf {
        self.root().join("run/wanbox")
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.root().join(file), text).unwrap();
    }

    fn conf(&self, device: &str) {
        let number = device.trim_start_matches("wanpipe");
        let text = FR
            .replace("wanpipe1", device)
            .replace("wp1", &format!("wp{number}"));
        self.write(&format!("etc/wanpipe/{device}.conf"), &text);
    }

    /// Runs a command line; what it said on both outputs.
    fn say(&self, line: &str) -> (Exit, String, String) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let command: Command = argv::read(NAME, &words).map_err(|_| ()).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let root = Root::new(Some(self.root()));
        let exit = execute(command, &root, &self.launcher, &mut out, &mut err);
        let text = |octets| {
            let text: String = String::from_utf8(octets).unwrap();
            text.replace(&self.root().display().to_string(), "ROOT")
        };
        (exit, text(out), text(err))
    }

    fn launched(&self) -> String {
        let text = fs::read_to_string(self.root().join("launched")).unwrap_or_default();
        text.replace(&self.root().display().to_string(), "ROOT")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root().join("var/log/wanrouter")).unwrap_or_default()
    }
}

#[test]
fn start_one() {
    let router = Router::new("start-one", "wanpipe1");
    router.conf("wanpipe1");
    router.write(
        "etc/wanpipe/scripts/wanpipe1-wp1fr17-start",
        "echo $1 $2 > \"${0%/etc/*}/script-ran\"\n",
    );
    let (exit, out, err) = router.say("start");
    assert_eq!(
        out,
        "\nStarting WAN Router...\nStarting up device: wanpipe1\n\
         Configuring interfaces: wp1fr16 wp1fr17 done.\n\n"
    );
    assert_eq!((exit, err.as_str()), (Exit::DONE, ""));
    assert_eq!(
        router.launched(),
        "--root ROOT -c ROOT/etc/wanpipe/wanpipe1.conf wanpipe1\n"
    );
    assert_eq!(
        fs::read_to_string(router.root().join("script-ran")).unwrap(),
        "wanpipe1 wp1fr17\n"
    );
    let log = router.log();
    assert!(
        log.contains("Starting up device: wanpipe1\n * Parsing configuration file"),
        "{log}"
    );
    assert!(log.contains(" * Setting LINE to cable:demo\n"), "{log}");
}

#[test]
fn one_that_fails_leaves_the_others() {
    let router = Router::new("start-several", "wanpipe1 wanpipe9 wanpipe3 wanpipe2");
    for device in ["wanpipe1", "wanpipe2", "wanpipe9"] {
        router.conf(device);
    }
    for interface in ["wp9fr16", "wp9fr17"] {
        router.write(
            &format!("etc/wanpipe/interfaces/{interface}"),
            "IPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\n",
        );
    }
    let (exit, out, err) = router.say("start");
    assert_eq!(exit, Exit::FAILED);
    assert!(
        out.contains("Configuring interfaces: wp1fr16 wp1fr17 done.\n"),
        "{out}"
    );
    assert!(
        out.contains("Configuring interfaces: wp2fr16 wp2fr17 done.\n"),
        "{out}"
    );
    assert_eq!(
        err,
        "wanrouter: Error: ROOT/etc/wanpipe/wanpipe3.conf not found!\n\
         wanrouter: wanpipe9: not started: cable:x: taken\n"
    );
    assert!(
        router
            .log()
            .contains("wanpipe9: not started: cable:x: taken")
    );
}

#[test]
fn start_of_what_runs() {
    let router = Router::new("start-running", "wanpipe1");
    router.conf("wanpipe1");
    let _daemon = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let (exit, out, err) = router.say("start wanpipe1");
    assert_eq!((exit, out.as_str()), (Exit::FAILED, "\n\n"));
    let pid = std::process::id();
    assert_eq!(
        err,
        format!("wanrouter: device wanpipe1 is already running (process {pid})\n")
    );
    assert_eq!(router.launched(), "");
    assert!(
        router.root().join("var/lock/wanrouter").exists(),
        "something runs"
    );
}

#[test]
fn start_is_refused() {
    let router = Router::new("start-refused", "wanpipe1");
    router.conf("wanpipe1");
    router.write("etc/wanpipe/wanrouter.rc", "ROUTER_BOOT=NO\n");
    let (exit, _, err) = router.say("start");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.contains("ROUTER_BOOT=NO"), "{err}");
    assert_eq!(
        router.say("start wanpipe1").0,
        Exit::DONE,
        "one device all the same"
    );
    let (exit, out, _) = router.say("start eth0");
    assert_eq!(
        (exit, out.as_str()),
        (Exit::FAILED, "\nError: Incorrect device name syntax !\n\n")
    );
    let (exit, _, err) = router.say("start ft1_wanpipe1");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.contains("no such hardware is driven"), "{err}");
    fs::remove_file(router.root().join("etc/wanpipe/wanrouter.rc")).unwrap();
    let (exit, out, err) = router.say("start");
    assert_eq!(
        (exit, out.as_str(), err.as_str()),
        (
            Exit::FAILED,
            "",
            "wanrouter: Error: ROOT/etc/wanpipe/wanrouter.rc not found!\n"
        )
    );
    let (exit, _, err) = router.say("start wanpipe1 a b");
    assert_eq!(
        (exit, err.as_str()),
        (
            Exit::FAILED,
            "wanrouter: Error: ROOT/etc/wanpipe/wanrouter.rc not found!\n"
        )
    );
}

#[test]
fn too_many_words_and_none() {
    let router = Router::new("words", "wanpipe1");
    let (exit, _, err) = router.say("stop wanpipe1 a b");
    assert_eq!(exit, Exit::USAGE);
    assert!(err.starts_with("wanrouter: unexpected word 'b'"), "{err}");
    let (exit, _, err) = router.say("");
    assert_eq!(exit, Exit::USAGE);
    assert!(err.starts_with("wanrouter: no command"), "{err}");
}

#[test]
fn stop_all_in_reverse_order() {
    let router = Router::new("stop-all", "wanpipe1 wanpipe2");
    let _one = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let _two = Daemon::start(&router.run_dir(), sample("wanpipe2"));
    let three = hold(&router.run_dir(), "wanpipe3");
    let (exit, out, err) = router.say("stop");
    assert_eq!(
        out,
        "\nShutting down wanpipe2 interface: wp1fr16\nShutting down device: wanpipe2\n\
         Shutting down wanpipe1 interface: wp1fr16\nShutting down device: wanpipe1\n\
         Devices Still Running:\n\twanpipe3\n\n"
    );
    assert_eq!((exit, err.as_str()), (Exit::DONE, ""));
    drop(three);
    let (exit, out, _) = router.say("stop");
    assert_eq!(
        (exit, out.as_str()),
        (Exit::FAILED, "\nRouter is already stopped !\n\n")
    );
    assert!(!router.root().join("var/lock/wanrouter").exists());
}

#[test]
fn stop_one_device() {
    let router = Router::new("stop-one", "wanpipe1");
    let _one = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let (exit, _, err) = router.say("stop wanpipe2");
    assert_eq!(
        (exit, err.as_str()),
        (Exit::ABSENT, "wanrouter: device wanpipe2 is not running\n")
    );
    let (exit, out, _) = router.say("stop wanpipe1");
    assert_eq!(exit, Exit::DONE);
    assert!(
        out.ends_with("Shutting down device: wanpipe1\nNo devices running\n\n"),
        "{out}"
    );
}

#[test]
fn a_wrong_configuration_stops_nothing() {
    let router = Router::new("restart-wrong", "wanpipe1");
    router.conf("wanpipe1");
    router.write("etc/wanpipe/wanpipe1.conf", &FR.replace("LINE =", "LNE ="));
    let daemon = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    for line in ["restart", "restart wanpipe1", "restart wanpipe1 wp1fr16"] {
        let (exit, _, err) = router.say(line);
        assert_eq!(exit, Exit::FAILED, "{line}");
        assert!(err.contains("wanpipe1.conf:"), "{err}");
    }
    assert!(
        daemon
            .asked
            .try_iter()
            .all(|request| !matches!(request, Request::Stop | Request::RemoveInterface { .. }))
    );
    assert!(crate::daemons::pid(&router.run_dir(), "wanpipe1").is_some());
}

#[test]
fn restart_stops_and_starts() {
    let router = Router::new("restart", "wanpipe1");
    router.conf("wanpipe1");
    let _daemon = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let (exit, out, err) = router.say("restart");
    assert_eq!(
        out,
        "\nShutting down wanpipe1 interface: wp1fr16\nShutting down device: wanpipe1\n\
         Starting WAN Router...\nStarting up device: wanpipe1\n\
         Configuring interfaces: wp1fr16 wp1fr17 done.\n\n"
    );
    assert_eq!((exit, err.as_str()), (Exit::DONE, ""));
}

#[test]
fn one_interface_more_and_less() {
    let router = Router::new("interface", "wanpipe1");
    router.conf("wanpipe1");
    let daemon = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let (exit, out, _) = router.say("start wanpipe1 wp1fr17");
    assert_eq!(
        (exit, out.as_str()),
        (
            Exit::DONE,
            "\nConfiguring interface: wp1fr17\nInterface wp1fr17 up.\n\n"
        )
    );
    let (exit, out, _) = router.say("start wanpipe1 wp1fr17");
    assert_eq!(exit, Exit::FAILED);
    assert!(out.contains("Interface wp1fr17 is already up!"), "{out}");
    let (exit, _, err) = router.say("start wanpipe1 wp1fr99");
    assert_eq!(exit, Exit::ABSENT);
    assert!(
        err.contains("no interface 'wp1fr99'") && err.contains("it has: wp1fr16, wp1fr17"),
        "{err}"
    );
    let (exit, out, _) = router.say("restart wanpipe1 wp1fr16");
    assert_eq!(
        (exit, out.as_str()),
        (
            Exit::DONE,
            "\nUnconfiguring interface: wp1fr16\nConfiguring interface: wp1fr16\nInterface wp1fr16 up.\n\n"
        )
    );
    let (exit, out, _) = router.say("stop wanpipe1 wp1fr17");
    assert_eq!(exit, Exit::DONE);
    assert!(
        out.contains("Interface wp1fr17 down\nDevices Still Running:\n\twanpipe1\n"),
        "{out}"
    );
    assert_eq!(router.say("stop wanpipe1 wp1fr17").0, Exit::ABSENT);
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
    assert_eq!(changes, ["+wp1fr17", "-wp1fr16", "+wp1fr16", "-wp1fr17"]);
    let (exit, out, _) = router.say("stop wanpipe1 wp1fr16");
    assert_eq!(exit, Exit::DONE);
    assert!(
        out.contains(
            "Shutting down device: wanpipe1\nInterface wp1fr16 down\nNo devices running\n"
        ),
        "{out}"
    );
}

#[test]
fn an_interface_of_a_device_that_does_not_run() {
    let router = Router::new("interface-first", "wanpipe1");
    router.conf("wanpipe1");
    assert_eq!(router.say("start wanpipe1 wp1fr17").0, Exit::DONE);
    assert_eq!(router.launched(), "--root ROOT -c - wanpipe1\n");
    let text = fs::read_to_string(router.root().join("launched.text")).unwrap();
    assert!(
        text.contains("wp1fr17 = wanpipe1, 17") && !text.contains("wp1fr16"),
        "{text}"
    );
}

#[test]
fn status_and_list() {
    let router = Router::new("status", "wanpipe1");
    assert_eq!(
        router.say("list"),
        (
            Exit::DONE,
            "\nRouter is stopped !\n\n".into(),
            String::new()
        )
    );
    assert_eq!(
        router.say("status"),
        (
            Exit::DONE,
            "\nRouter is stopped !\n\n".into(),
            String::new()
        )
    );
    assert_eq!(
        router.say("status wanpipe1"),
        (
            Exit::ABSENT,
            String::new(),
            "wanrouter: wanpipe1 is not running\n".into()
        )
    );
    let _ten = Daemon::start(&router.run_dir(), sample("wanpipe10"));
    let _one = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    assert_eq!(
        router.say("list").1,
        "\nDevices currently active:\n\twanpipe1 wanpipe10\n\n"
    );
    assert_eq!(
        router.say("list --json").1,
        "{\"devices\":[\"wanpipe1\",\"wanpipe10\"]}\n"
    );
    assert_eq!(
        router.say("status").1,
        "
Devices currently active:
\twanpipe1 wanpipe10

Wanpipe Config:

Device name    | port |IRQ|DMA|  mem.addr  |mem.size|option1|option2|option3|option4
wanpipe10      |0x0   |  0|  0| 0x0        |0x0     |      0|      0|      0|      0
wanpipe1       |0x0   |  0|  0| 0x0        |0x0     |      0|      0|      0|      0

Wanrouter Status:

Device name    |protocol|station|interface|clocking|baud rate| MTU |ndev|link state
wanpipe10      | FR     | CPE   | V.35    |external|  2048000| 1500|  1 |connected   
wanpipe1       | FR     | CPE   | V.35    |external|  2048000| 1500|  1 |connected   

"
    );
    let (_, out, _) = router.say("status wanpipe1");
    for part in [
        "wanpipe1       | FR     | CPE",
        "wp1fr16        | wanpipe1    | 16",
        "line: cable:demo",
        "total packets received:",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let (_, out, _) = router.say("status --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["devices"][1]["device"], "wanpipe1");
    assert_eq!(json["devices"][1]["interfaces"][0]["dlci"], 16);
    let (_, out, _) = router.say("status wanpipe10 --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["state"], "connected");
}

#[test]
fn a_daemon_that_is_gone_leaves_the_texts() {
    for command in ["status", "list", "stop"] {
        let router = Router::new("gone", "wanpipe1");
        let held = hold(&router.run_dir(), "wanpipe1");
        proc_files::publish(&router.run_dir(), &sample("wanpipe1")).unwrap();
        drop(held);
        router.say(command);
        let status = proc_files::directory(&router.run_dir()).join("status");
        let text = fs::read_to_string(status).unwrap();
        assert_eq!(text.lines().count(), 1, "{command}");
    }
}

#[test]
fn summary_of_files() {
    let router = Router::new("summary", "wanpipe1");
    router.conf("wanpipe1");
    router.conf("wanpipe10");
    router.conf("wanpipe2");
    router.write("etc/wanpipe/wanpipe3.conf.tmp", FR);
    let _one = Daemon::start(&router.run_dir(), sample("wanpipe2"));
    let (exit, out, _) = router.say("summary");
    assert_eq!(exit, Exit::DONE);
    assert_eq!(
        out,
        format!(
            "\nConfiguration File Summary in : ROOT/etc/wanpipe/\n\n\
             Device\t\tProtocol\tType   Cpu/Io Slot/Irq  Bus\t\tState\n{}\n\
             wanpipe1\tWAN_FR\tLINE\tcable:demo\tn/a\tn/a\tInactive\n\
             wanpipe2\tWAN_FR\tLINE\tcable:demo\tn/a\tn/a\tConnected\n\
             wanpipe10\tWAN_FR\tLINE\tcable:demo\tn/a\tn/a\tInactive\n\n",
            "-".repeat(72)
        )
    );
    let (_, out, _) = router.say("summary --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["devices"][1]["state"], "Connected");
}

#[test]
fn debug_tells_reason_and_solution() {
    let router = Router::new("debug", "wanpipe1 wanpipe2");
    router.conf("wanpipe1");
    router.write("etc/wanpipe/wanpipe1.conf", &FR.replace("LINE =", "LNE ="));
    let mut cut = sample("wanpipe4");
    cut.cut = true;
    cut.state = crate::control::LinkState::Disconnected;
    let _four = Daemon::start(&router.run_dir(), cut);
    let (exit, out, _) = router.say("debug");
    assert_eq!(exit, Exit::FAILED);
    assert!(
        out.contains(
            "Error:\t\twanpipe2 of WAN_DEVICES has no configuration file\n\
             Reason:\t\tROOT/etc/wanpipe/wanpipe2.conf is not there\nSolution:\t"
        ),
        "{out}"
    );
    assert!(
        out.contains(
            "Error:\t\twanpipe1.conf cannot be used\nReason:\t\tROOT/etc/wanpipe/wanpipe1.conf:"
        ),
        "{out}"
    );
    assert!(
        out.contains("Warning:\t\twanpipe4 is disconnected\n"),
        "{out}"
    );
    assert!(
        out.contains("plug it in: wanconfig card wanpipe4 line join"),
        "{out}"
    );
    assert!(!out.contains("operation OK"));
}

#[test]
fn debug_of_an_interface() {
    let router = Router::new("debug-if", "wanpipe1");
    let _one = Daemon::start(&router.run_dir(), sample("wanpipe1"));
    let (exit, out, err) = router.say("debug wp1fr16");
    assert_eq!((exit, err.as_str()), (Exit::DONE, ""));
    for part in [
        "Device wanpipe1:",
        "line: cable:demo",
        "rx_frames",
        "link down",
        "fpipemon -i wp1fr16 -c ti",
    ] {
        assert!(out.contains(part), "{out}");
    }
    let (exit, _, err) = router.say("debug wp9");
    assert_eq!(exit, Exit::ABSENT);
    assert!(
        err.contains("no device that runs has an interface wp9"),
        "{err}"
    );
}

#[test]
fn logs() {
    let router = Router::new("logs", "wanpipe1");
    let (exit, _, err) = router.say("conflog");
    assert_eq!(exit, Exit::FAILED);
    assert!(err.contains("ROOT/var/log/wanrouter"), "{err}");
    assert_eq!(router.say("messages").0, Exit::FAILED);
    fs::create_dir_all(router.root().join("var/log")).unwrap();
    router.write("var/log/wanrouter", "one\ntwo \u{1b}[31mred\n");
    let (exit, out, _) = router.say("conflog");
    assert_eq!(exit, Exit::DONE);
    assert!(
        out.contains("Start WANPIPE ROOT/var/log/wanrouter"),
        "{out}"
    );
    assert!(
        out.contains("\none\ntwo [31mred\n"),
        "no escape sequences: {out}"
    );
    assert!(out.contains("End of ROOT/var/log/wanrouter"), "{out}");
    let many: String = (0..500).map(|n| format!("line {n}\n")).collect();
    router.write("var/log/syslog", &many);
    let (_, out, _) = router.say("messages");
    assert!(
        !out.contains("line 299\n") && out.contains("line 300\n") && out.contains("line 499\n")
    );
}

#[test]
fn a_second_wanrouter_is_told_who_runs() {
    let router = Router::new("second", "wanpipe1");
    router.conf("wanpipe1");
    let path = router.root().join("var/lock/wanrouter_lock");
    let held = mutex::Mutex::take(&path, Duration::ZERO).unwrap();
    let (exit, _, err) = router.say("start");
    assert_eq!(exit, Exit::FAILED);
    let pid = std::process::id();
    assert_eq!(
        err,
        format!("wanrouter: ERROR: wanrouter script already running! (process {pid})\n")
    );
    drop(held);
    assert_eq!(router.say("start").0, Exit::DONE);
}

#[test]
fn version_says_what_scripts_look_for() {
    let router = Router::new("version", "wanpipe1");
    let (exit, out, _) = router.say("version");
    assert_eq!(exit, Exit::DONE);
    assert_eq!(
        out,
        format!("WANPIPE Release: {} (wanbox)\n", env!("CARGO_PKG_VERSION"))
    );
}
