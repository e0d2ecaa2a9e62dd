use std::fs;

use super::*;
use crate::daemons::testing::{Scratch, hold};

fn text(run: &Path, name: &str) -> String {
    fs::read_to_string(directory(run).join(name)).unwrap()
}

#[test]
fn two_daemons_share_the_tables() {
    let scratch = Scratch::new("proc-share");
    let run = scratch.path();
    let _one = hold(run, "wanpipe1");
    let ten = hold(run, "wanpipe10");
    publish(run, &sample("wanpipe1")).unwrap();
    publish(run, &sample("wanpipe10")).unwrap();
    let names: Vec<String> = text(run, "status")
        .lines()
        .skip(1)
        .map(|line| line[..15].trim_end().to_owned())
        .collect();
    assert_eq!(names, ["wanpipe10", "wanpipe1"]);
    assert_eq!(text(run, "Status"), text(run, "status"));
    assert_eq!(text(run, "Config"), text(run, "config"));
    assert_eq!(text(run, "interfaces").lines().count(), 3);
    assert!(text(run, "wanpipe10").starts_with("        total packets received:"));

    withdraw(run, "wanpipe10").unwrap();
    drop(ten);
    assert_eq!(text(run, "status").lines().count(), 2);
    assert!(!directory(run).join("wanpipe10").exists());
    assert!(directory(run).join("wanpipe1").exists());
}

#[test]
fn rows_of_dead_daemons_are_dropped() {
    let scratch = Scratch::new("proc-dead");
    let run = scratch.path();
    let held = hold(run, "wanpipe1");
    let _two = hold(run, "wanpipe2");
    publish(run, &sample("wanpipe1")).unwrap();
    publish(run, &sample("wanpipe2")).unwrap();
    drop(held);
    let left = refresh(run).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].device, "wanpipe2");
    assert!(!text(run, "status").contains("wanpipe1 "));
    assert!(!directory(run).join("wanpipe1").exists());
}

#[test]
fn an_unreadable_row_is_dropped() {
    let scratch = Scratch::new("proc-bad");
    let run = scratch.path();
    let _one = hold(run, "wanpipe1");
    let _two = hold(run, "wanpipe2");
    publish(run, &sample("wanpipe1")).unwrap();
    publish(run, &sample("wanpipe2")).unwrap();
    fs::write(row_file(&directory(run), "wanpipe2"), b"{\"device\":").unwrap();
    let left = refresh(run).unwrap();
    assert_eq!(left.len(), 1);
    assert!(!row_file(&directory(run), "wanpipe2").exists());
}

#[test]
fn half_written_files_are_cleaned_up() {
    let scratch = Scratch::new("proc-half");
    let run = scratch.path();
    let _one = hold(run, "wanpipe1");
    publish(run, &sample("wanpipe1")).unwrap();
    fs::write(directory(run).join(".status.4711"), b"half").unwrap();
    refresh(run).unwrap();
    assert!(!directory(run).join(".status.4711").exists());
}

#[test]
fn names_that_cannot_be_files_are_refused() {
    let scratch = Scratch::new("proc-names");
    for name in [
        "",
        "config",
        "Status",
        "../etc",
        ".rows",
        "a/b",
        "interfaces",
    ] {
        let error = publish(scratch.path(), &sample(name)).unwrap_err();
        assert!(
            error.to_string().contains("cannot name a device"),
            "{error}"
        );
        let error = withdraw(scratch.path(), name).unwrap_err();
        assert!(
            error.to_string().contains("cannot name a device"),
            "{error}"
        );
    }
}

#[test]
fn nothing_published_is_no_error() {
    let scratch = Scratch::new("proc-none");
    assert!(refresh(scratch.path()).unwrap().is_empty());
    withdraw(scratch.path(), "wanpipe1").unwrap();
    assert!(!directory(scratch.path()).exists());
}

#[test]
fn a_stuck_neighbour_does_not_stop_a_daemon() {
    let scratch = Scratch::new("proc-stuck");
    let run = scratch.path();
    let _one = hold(run, "wanpipe1");
    publish(run, &sample("wanpipe1")).unwrap();
    let stuck = lock(&directory(run).join(".lock")).unwrap();
    let mut changed = sample("wanpipe1");
    changed.mtu = 777;
    let error = publish(run, &changed).unwrap_err();
    assert!(matches!(error.problem, FileProblem::Locked), "{error}");
    drop(stuck);
    refresh(run).unwrap();
    assert!(text(run, "status").contains("|  777|"));
}
