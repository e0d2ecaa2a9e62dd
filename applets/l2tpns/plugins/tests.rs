use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use wanbox_l2tpns_engine::plugin::Wall;
use wanbox_runtime::event_loop::Handler;

use super::garden::script;
use super::*;

const OWNER: u32 = 3;

struct Host(Plugins);

impl Handler for Host {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.0.ready(lp, token.id, readiness);
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        self.0.timer(lp, token.id);
    }

    fn child(&mut self, lp: &mut Loop, token: Token, _: u32, status: io::Result<ExitStatus>) {
        self.0.child(lp, token.id, status);
    }
}

/// A directory with one program, removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn with(program: &str) -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wanbox-plugin-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let file = path.join("mine");
        fs::write(&file, format!("#!/bin/sh\n{program}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ID: ProgramId = ProgramId(5);

/// What a program does until it says so many things.
fn said(program: &str, lines: &[&str], count: usize) -> Vec<Said> {
    let directory = Directory::with(program);
    let mut lp = Loop::new().unwrap();
    let mut host = Host(Plugins::new(
        OWNER,
        directory.0.clone(),
        "/nonexistent".into(),
        Filter::Nft,
    ));
    let name = "mine".to_owned();
    host.0.work(&mut lp, Work::Start { program: ID, name });
    for line in lines {
        let line = format!("{line}\n");
        host.0.work(&mut lp, Work::Write { program: ID, line });
    }
    let mut said = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while said.len() < count && Instant::now() < deadline {
        said.extend(host.0.poll());
        lp.turn(&mut host, Some(Instant::now() + Duration::from_millis(20)))
            .unwrap();
    }
    host.0.work(&mut lp, Work::Stop(ID));
    while !host.0.ending.is_empty() {
        assert!(Instant::now() < deadline, "a program does not end");
        lp.turn(&mut host, Some(deadline)).unwrap();
    }
    said
}

fn line(text: &str) -> Said {
    Said::Line(ID, text.as_bytes().to_vec())
}

fn ended(said: &Said, why: &str) -> bool {
    matches!(said, Said::Ended(ID, text) if text.contains(why))
}

#[test]
fn lines_go_both_ways() {
    let said = said("cat", &["one", "", "three"], 4);
    assert_eq!(
        said,
        [Said::Started(ID), line("one"), line(""), line("three")]
    );
}

#[test]
fn last_words_count() {
    let said = said("echo bye; exit 3", &[], 3);
    assert_eq!(said[..2], [Said::Started(ID), line("bye")]);
    assert!(ended(&said[2], "it "), "{said:?}");
    assert_eq!(said.len(), 3);
}

#[test]
fn faults_end_a_program() {
    let endless = said("head -c 200000 /dev/zero; sleep 60", &[], 2);
    assert!(ended(&endless[1], "without end"), "{endless:?}");
    let long = "x".repeat(60_000);
    let deaf = said("sleep 60", &vec![&*long; 100], 2);
    assert!(ended(&deaf[1], "does not read"), "{deaf:?}");
    // One that ignores the request to end is killed.
    assert_eq!(
        said("trap '' TERM; echo up; while :; do sleep 1; done", &[], 2).len(),
        2
    );
}

#[test]
fn what_is_no_program() {
    let mut lp = Loop::new().unwrap();
    let mut plugins = Plugins::new(
        OWNER,
        "/nonexistent".into(),
        "/nonexistent".into(),
        Filter::Nft,
    );
    let name = "mine".to_owned();
    plugins.work(&mut lp, Work::Start { program: ID, name });
    let said = plugins.poll().unwrap();
    assert!(ended(&said, "/nonexistent/mine"), "{said:?}");
    assert_eq!(plugins.poll(), None);
}

#[test]
fn scripts_leave_foreign_rules_alone() {
    let address = Ipv4Addr::new(10, 0, 0, 1);
    let all = [
        Wall::Build,
        Wall::Add(address),
        Wall::Delete(address),
        Wall::Remove,
    ];
    for filter in [Filter::Iptables, Filter::Nft] {
        let text = script(filter, &all, Path::new("/etc/it's"));
        assert!(
            !text.contains("-F PREROUTING") && !text.contains("flush"),
            "{text}"
        );
        assert!(text.contains("/etc/it'\\''s"), "{text}");
        let checked = std::process::Command::new("/bin/sh")
            .args(["-n", "-c", &text])
            .status()
            .unwrap();
        assert!(checked.success(), "{text}");
    }
}
