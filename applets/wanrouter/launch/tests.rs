use std::fs;

use super::*;
use crate::daemons::testing::Scratch;

/// A program that stands for the daemon.
fn program(scratch: &Scratch, body: &str) -> Launcher {
    let path = scratch.path().join("daemon");
    crate::daemons::testing::script(&path, body);
    Launcher {
        program: path,
        root: Some(scratch.path().to_owned()),
    }
}

fn file(device: &str) -> Launch {
    Launch {
        device: device.to_owned(),
        source: Source::File(format!("/conf/{device}").into()),
    }
}

fn results(
    launcher: &Launcher,
    launches: &[Launch],
    patience: Duration,
) -> Vec<(String, Result<(), String>)> {
    let mut results = Vec::new();
    launcher.start(launches, patience, |launch, result| {
        results.push((launch.device.clone(), result));
    });
    results
}

#[test]
fn several_start_at_the_same_time_and_one_fails() {
    let scratch = Scratch::new("launch-several");
    let launcher = program(
        &scratch,
        "for last; do :; done; sleep 0.4
         [ $last != wanpipe2 ] || { echo 'wanpiped: cable:x: taken' >&2; exit 1; }",
    );
    let start = Instant::now();
    let mut seen = results(
        &launcher,
        &[file("wanpipe1"), file("wanpipe2"), file("wanpipe3")],
        PATIENCE,
    );
    assert!(
        start.elapsed() < Duration::from_millis(1100),
        "one after the other"
    );
    seen.sort();
    assert_eq!(
        seen,
        [
            ("wanpipe1".to_owned(), Ok(())),
            ("wanpipe2".to_owned(), Err("cable:x: taken".to_owned())),
            ("wanpipe3".to_owned(), Ok(())),
        ]
    );
}

#[test]
fn the_command_line_and_the_text() {
    let scratch = Scratch::new("launch-text");
    let record = scratch.path().join("record");
    let launcher = program(
        &scratch,
        &format!("{{ echo \"$@\"; cat; }} > '{}'", record.display()),
    );
    let text = Launch {
        device: "wanpipe4".to_owned(),
        source: Source::Text("[devices]\nwanpipe4 = WAN_FR\n".to_owned()),
    };
    assert_eq!(
        results(&launcher, &[text], PATIENCE),
        [("wanpipe4".to_owned(), Ok(()))]
    );
    assert_eq!(
        fs::read_to_string(record).unwrap(),
        format!(
            "--root {} -c - wanpipe4\n[devices]\nwanpipe4 = WAN_FR\n",
            scratch.path().display()
        )
    );
}

#[test]
fn one_that_hangs_is_ended_and_the_others_are_reported() {
    let scratch = Scratch::new("launch-hang");
    let launcher = program(
        &scratch,
        "for last; do :; done; [ $last != wanpipe1 ] || exec sleep 60",
    );
    let seen = results(
        &launcher,
        &[file("wanpipe1"), file("wanpipe2")],
        Duration::from_secs(1),
    );
    assert_eq!(
        seen,
        [
            ("wanpipe2".to_owned(), Ok(())),
            (
                "wanpipe1".to_owned(),
                Err("not ready within 1 s".to_owned())
            ),
        ]
    );
}

#[test]
fn a_silent_failure_and_a_missing_program() {
    let scratch = Scratch::new("launch-silent");
    let launcher = program(&scratch, "exit 5");
    let seen = results(&launcher, &[file("wanpipe1")], PATIENCE);
    assert!(
        matches!(&seen[..], [(_, Err(e))] if e.contains("exit status: 5")),
        "{seen:?}"
    );
    let launcher = Launcher {
        program: "/nonexistent/daemon".into(),
        root: None,
    };
    let seen = results(&launcher, &[file("wanpipe1")], PATIENCE);
    assert!(
        matches!(&seen[..], [(_, Err(e))] if e.contains("/nonexistent/daemon")),
        "{seen:?}"
    );
}
