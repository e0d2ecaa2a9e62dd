use super::testing::{Daemon, Scratch, hold};
use super::*;
use crate::proc_files::sample;

#[test]
fn device_names() {
    for name in ["wanpipe1", "wanpipe16", "wanpipe9999"] {
        assert!(is_device(name), "{name}");
    }
    for name in [
        "",
        "wanpipe",
        "wanpipe0",
        "wanpipe01",
        "wanpipe1x",
        "wanpiped",
        "eth0",
        "wanpipe12345",
    ] {
        assert!(!is_device(name), "{name}");
    }
}

#[test]
fn names_are_ordered_as_people_count() {
    let mut names = ["wanpipe10", "wanpipe2", "wanpipe1", "eth3", "wanpipe"];
    names.sort_by(|a, b| natural(a, b));
    assert_eq!(
        names,
        ["eth3", "wanpipe", "wanpipe1", "wanpipe2", "wanpipe10"]
    );
}

#[test]
fn who_runs() {
    let scratch = Scratch::new("daemons-running");
    let run = scratch.path();
    assert!(running(&run.join("nothing")).is_empty());
    let held = hold(run, "wanpipe10");
    let _two = hold(run, "wanpipe2");
    let _other = hold(run, "l2tpns");
    std::fs::write(run.join("wanpipe3.pid"), "1\n").unwrap();
    assert_eq!(running(run), ["wanpipe2", "wanpipe10"]);
    assert_eq!(pid(run, "wanpipe10"), Some(std::process::id()));
    drop(held);
    assert_eq!(running(run), ["wanpipe2"]);
    assert_eq!(pid(run, "wanpipe10"), None);
}

#[test]
fn answers() {
    let scratch = Scratch::new("daemons-answers");
    let run = scratch.path();
    assert!(matches!(
        status(run, "wanpipe1"),
        Err(Unanswered::Absent { device }) if device == "wanpipe1"
    ));
    let _daemon = Daemon::start(run, sample("wanpipe1"));
    assert_eq!(status(run, "wanpipe1").unwrap().line, "cable:demo");
    let error = order(run, "wanpipe1", &Request::Capture { file: None }).unwrap_err();
    assert_eq!(error.to_string(), "wanpipe1: no capture runs");
    let error = order(run, "wanpipe1", &Request::Status).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("answered 'status' to another question"),
        "{error}"
    );
    stop(run, "wanpipe1").unwrap();
    assert!(running(run).is_empty());
}

#[test]
fn a_reason_that_names_the_device() {
    let refused = |reason: &str| Unanswered::Refused {
        device: "wanpipe1".to_owned(),
        reason: reason.to_owned(),
    };
    assert_eq!(refused("no").to_string(), "wanpipe1: no");
    assert_eq!(refused("wanpipe1: no").to_string(), "wanpipe1: no");
}

#[test]
fn a_daemon_that_is_killed_while_it_is_asked() {
    let scratch = Scratch::new("daemons-killed");
    let run = scratch.path();
    let held = hold(run, "wanpipe1");
    let listener =
        std::os::unix::net::UnixListener::bind(control::socket(run, "wanpipe1")).unwrap();
    let killed = std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
    });
    let error = status(run, "wanpipe1").unwrap_err();
    assert!(matches!(error, Unanswered::Absent { .. }), "{error}");
    killed.join().unwrap();
}

#[test]
fn a_daemon_that_does_not_listen() {
    let scratch = Scratch::new("daemons-deaf");
    let _held = hold(scratch.path(), "wanpipe1");
    let error = status(scratch.path(), "wanpipe1").unwrap_err();
    assert!(matches!(error, Unanswered::Broken { .. }), "{error}");
}
