//! Programs that are plugins.

use std::time::Duration;

use proptest::prelude::*;
use wanbox_wire::nsctl;

use super::*;

/// A chain with a program that was asked what it wants.
fn with_program(names: &[&str], settings: Settings) -> (Chain, ProgramId) {
    let mut chain = Chain::new(settings);
    for name in names {
        chain.load(now(), name).unwrap();
    }
    let started = work(&mut chain).into_iter().find_map(|work| match work {
        Work::Start { program, .. } => Some(program),
        _ => None,
    });
    let program = started.unwrap();
    chain.started(now(), program);
    let line = written(&mut chain).pop().unwrap();
    assert_eq!((&line["id"], &line["event"]), (&0.into(), &"init".into()));
    (chain, program)
}

fn written(chain: &mut Chain) -> Vec<serde_json::Value> {
    let lines = work(chain).into_iter().filter_map(|work| match work {
        Work::Write { line, .. } => Some(line),
        _ => None,
    });
    lines
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect()
}

fn say(chain: &mut Chain, program: ProgramId, line: &str) {
    chain.receive_line(now(), program, line.as_bytes(), &Table::with("joe"));
}

const WANTS_ALL: &str = r#"{"id":0,"events":["pre_auth","post_auth","control","radius_account","new_session"],"help":["  greet USER\n"]}"#;

#[test]
fn a_program_changes_a_login() {
    let (mut chain, program) = with_program(&["mine", "stripdomain"], Settings::default());
    let table = Table::default();
    // What comes before it is ready waits for it.
    chain.start(now(), 1, pre_auth("a@b"), &table);
    assert!(written(&mut chain).is_empty() && chain.poll_outcome().is_none());
    say(&mut chain, program, WANTS_ALL);
    let line = written(&mut chain).pop().unwrap();
    assert_eq!(line["event"], "pre_auth");
    assert_eq!(line["username"], "a@b");
    assert_eq!(line["password"], "pw");
    assert_eq!(line["protocol"], "pap");
    assert_eq!(line["session"], 7);
    assert_eq!(line["calling"], "0211");
    let id = &line["id"];
    say(
        &mut chain,
        program,
        &format!(
            r#"{{"id":{id},"username":"c@d","password":"new","continue_auth":true,"actions":[{{"do":"throttle","session":7,"in":64}}]}}"#
        ),
    );
    let (key, event) = chain.poll_outcome().unwrap();
    assert_eq!(key, 1);
    assert!(
        matches!(event, Event::PreAuth { username, password: Some(password), .. }
        if username == "c" && password == "new")
    );
    assert_eq!(changes(&mut chain), [throttle(Some(64), None)]);
    // What it does not want does not wait.
    assert_eq!(through(&mut chain, response("a", "b")), response("a", "b"));
    // An answer counts once.
    say(&mut chain, program, &format!(r#"{{"id":{id}}}"#));
    assert_eq!(chain.counters().malformed, 1);
    assert_eq!(chain.poll_outcome(), None);
}

#[test]
fn stop_and_error_end_the_way() {
    let (mut chain, program) = with_program(&["mine", "stripdomain"], Settings::default());
    say(&mut chain, program, WANTS_ALL);
    for result in ["stop", "error", "nonsense"] {
        chain.start(now(), 1, pre_auth("a@b"), &Table::default());
        let id = &written(&mut chain).pop().unwrap()["id"];
        say(
            &mut chain,
            program,
            &format!(r#"{{"id":{id},"result":"{result}"}}"#),
        );
        let (_, event) = chain.poll_outcome().unwrap();
        assert_eq!(event, pre_auth("a@b"), "{result}");
    }
}

#[test]
fn a_program_has_commands() {
    let (mut chain, program) = with_program(&["sessionctl", "mine"], Settings::default());
    say(&mut chain, program, WANTS_ALL);
    let table = Table::with("joe");
    assert_eq!(
        nsctl(&mut chain, &table, &["help"]).1.last().unwrap(),
        "  greet USER"
    );
    for (answer, wanted) in [
        (
            r#""response":"ok","additional":["hello","joe"]"#,
            (true, vec!["hello", "joe"]),
        ),
        (
            r#""response":"error","additional":["no"]"#,
            (false, vec!["no"]),
        ),
        (
            r#""response":"what""#,
            (false, vec!["unrecognised response value from plugin"]),
        ),
        (
            r#""result":"error""#,
            (false, vec!["error returned by plugin"]),
        ),
        (r#""result":"ok""#, (false, vec!["unhandled action"])),
    ] {
        let request = nsctl::emit(nsctl::Kind::Control, ["greet", "joe"]).unwrap();
        chain.nsctl(now(), 9, &request, &table);
        let line = written(&mut chain).pop().unwrap();
        assert_eq!(line["arguments"][1], "joe");
        say(
            &mut chain,
            program,
            &format!(r#"{{"id":{},{answer}}}"#, line["id"]),
        );
        let (done, lines) = answered(&mut chain);
        assert_eq!((done, lines.iter().map(String::as_str).collect()), wanted);
    }
}

#[test]
fn nsctl_waits_for_the_program_it_loads() {
    let table = Table::default();
    let request = nsctl::emit(nsctl::Kind::Load, ["mine"]).unwrap();
    for (says, loads) in [
        (Some(WANTS_ALL), true),
        (Some(r#"{"id":0,"events":["x"]}"#), false),
        (None, false),
    ] {
        let mut chain = Chain::new(Settings::default());
        chain.nsctl(now(), 9, &request, &table);
        assert_eq!(chain.poll_nsctl(), None);
        let Some(Work::Start { program, .. }) = chain.poll_work() else {
            panic!("the program is not started");
        };
        if let Some(line) = says {
            chain.started(now(), program);
            say(&mut chain, program, line);
        } else {
            chain.ended(now(), program, "no such file", &table);
        }
        let wanted = if loads {
            vec![]
        } else {
            vec!["error loading plugin".to_owned()]
        };
        assert_eq!(answered(&mut chain), (loads, wanted));
        assert_eq!(chain.plugins().count(), usize::from(loads));
    }
}

#[test]
fn late_answers_follow_the_policy() {
    for policy in [Policy::Open, Policy::Closed] {
        let settings = Settings {
            policy,
            ..Settings::default()
        };
        let (mut chain, program) = with_program(&["mine", "garden"], settings);
        say(&mut chain, program, WANTS_ALL);
        let table = Table::default();
        let begun = now();
        chain.start(begun, 1, pre_auth("joe"), &table);
        chain.start(begun, 2, post_auth(true), &table);
        let id = written(&mut chain)[0]["id"].clone();
        let due = chain.poll_timeout().unwrap();
        assert!(due <= now() + settings.time_limit);
        chain.handle_timeout(due + Duration::from_millis(1), &table);
        let closed = policy == Policy::Closed;
        let outcomes: Vec<_> = std::iter::from_fn(|| chain.poll_outcome()).collect();
        assert!(matches!(outcomes[..], [
            (1, Event::PreAuth { continue_auth, .. }),
            (2, Event::PostAuth { auth_allowed, .. }),
        ] if continue_auth != closed && auth_allowed != closed));
        assert_eq!(chain.counters().late, 2);
        // Too late.
        say(
            &mut chain,
            program,
            &format!(r#"{{"id":{id},"continue_auth":false}}"#),
        );
        assert_eq!(chain.poll_outcome(), None);
    }
}

#[test]
fn a_program_that_ends_is_started_again() {
    let (mut chain, program) = with_program(&["mine"], Settings::default());
    let table = Table::default();
    let mut now = now();
    for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
        chain.start(now, 1, pre_auth("joe"), &table);
        chain.ended(now, program, "it ended", &table);
        assert_eq!(chain.poll_outcome().unwrap().0, 1);
        // Nobody waits for one that is not there.
        chain.start(now, 2, pre_auth("joe"), &table);
        assert_eq!(chain.poll_outcome().unwrap().0, 2);
        assert!(work(&mut chain).contains(&Work::Stop(program)));
        now += Duration::from_secs(delay);
        assert_eq!(chain.poll_timeout(), Some(now));
        chain.handle_timeout(now, &table);
        assert!(matches!(&*work(&mut chain), [Work::Start { .. }]));
    }
    // Nor for one that does not say what it wants.
    chain.start(now, 3, pre_auth("joe"), &table);
    now += Duration::from_secs(10);
    chain.handle_timeout(now, &table);
    assert_eq!(chain.poll_outcome().unwrap().0, 3);
    assert!(work(&mut chain).contains(&Work::Stop(program)));
}

#[test]
fn a_silent_program_is_started_again() {
    let (mut chain, program) = with_program(&["mine"], Settings::default());
    say(&mut chain, program, WANTS_ALL);
    let table = Table::default();
    let mut now = now();
    for key in 0..8 {
        assert!(!work(&mut chain).contains(&Work::Stop(program)));
        chain.start(now, key, pre_auth("joe"), &table);
        now += Duration::from_secs(3);
        chain.handle_timeout(now, &table);
        assert_eq!(chain.poll_outcome().unwrap().0, key);
    }
    assert!(work(&mut chain).contains(&Work::Stop(program)));
}

#[test]
fn only_so_many_events_wait() {
    let (mut chain, program) = with_program(&["mine"], Settings::default());
    say(&mut chain, program, WANTS_ALL);
    let table = Table::default();
    for key in 0..2000 {
        chain.start(now(), key, pre_auth("joe"), &table);
    }
    assert_eq!(
        std::iter::from_fn(|| chain.poll_outcome()).count(),
        2000 - 1024
    );
    assert_eq!(chain.counters().unasked, 2000 - 1024);
    // Unloaded, it keeps nobody waiting.
    chain.remove(now(), "mine", &table).unwrap();
    assert_eq!(std::iter::from_fn(|| chain.poll_outcome()).count(), 1024);
    assert_eq!(chain.poll_timeout(), None);
}

#[test]
fn seconds_are_told_to_those_who_ask() {
    let (mut chain, program) = with_program(&["mine"], Settings::default());
    let table = Table::default();
    say(&mut chain, program, r#"{"id":0,"events":["timer"]}"#);
    let second = chain.poll_timeout().unwrap();
    chain.handle_timeout(second, &table);
    assert_eq!(written(&mut chain)[0]["event"], "timer");
    // An idle chain does not wake up.
    chain.remove(now(), "mine", &table).unwrap();
    chain.handle_timeout(second + Duration::from_secs(2), &table);
    assert_eq!(chain.poll_timeout(), None);
}

#[test]
fn actions_and_their_faults() {
    let (mut chain, program) = with_program(&["mine"], Settings::default());
    say(&mut chain, program, WANTS_ALL);
    for (action, wanted) in [
        (
            r#""do":"drop","reason":"x""#,
            Some(Change::Shutdown {
                reason: "x".to_owned(),
            }),
        ),
        (
            r#""do":"snoop","to":"10.0.0.1:9""#,
            Some(Change::Snoop(Some("10.0.0.1:9".parse().unwrap()))),
        ),
        (r#""do":"snoop""#, Some(Change::Snoop(None))),
        (
            r#""do":"filter","in":"a","out":"""#,
            Some(Change::Filter {
                input: Some("a".to_owned()),
                output: Some(String::new()),
            }),
        ),
        (r#""do":"garden""#, Some(Change::Garden)),
        (r#""do":"ungarden""#, None),
        (r#""do":"throttle""#, None),
        (r#""do":"snoop","to":"x""#, None),
        (r#""do":"dance""#, None),
    ] {
        let before = chain.counters().refused;
        say(
            &mut chain,
            program,
            &format!(r#"{{"actions":[{{"session":7,{action}}}]}}"#),
        );
        assert_eq!(
            chain.counters().refused - before,
            u64::from(wanted.is_none()),
            "{action}"
        );
        assert_eq!(changes(&mut chain), Vec::from_iter(wanted), "{action}");
    }
    say(&mut chain, program, "[1]");
    say(&mut chain, program, "{");
    assert_eq!(chain.counters().malformed, 2);
    work(&mut chain);
    say(&mut chain, program, r#"{"log":"hello\u001b","level":1}"#);
    let text = "plugin mine: hello\\u{1b}".to_owned();
    assert_eq!(work(&mut chain), [Work::Log { level: 1, text }]);
}

proptest! {
    #[test]
    fn any_input(octets in proptest::collection::vec(any::<u8>(), 0..512)) {
        fuzz_plugin(now(), &octets);
    }

    #[test]
    fn any_lines(lines in proptest::collection::vec((any::<u8>(), 0..14usize, 0..6u64), 0..60)) {
        let mut octets = Vec::new();
        for (first, which, id) in lines {
            octets.push(if first == b'\n' { 0 } else { first });
            let rest = [
                r#"{"id":0,"events":["pre_auth","post_auth","control","timer"]}"#,
                r#"{"id":0,"events":[]}"#, r#"{"id":0,"events":["x"]}"#,
                "", "{}", "[]", "{", r#"{"actions":[{"do":"drop","session":1},{"do":"garden","session":1}]}"#,
                "\u{90}", r#"{"id":"#, r#"{"id":"#, r#"{"id":"#, r#"{"id":"#, r#"{"id":"#,
            ][which];
            octets.extend_from_slice(rest.as_bytes());
            if rest == r#"{"id":"# {
                octets.extend_from_slice(format!("{id},\"result\":\"{}\"}}", ["ok", "stop", "error"][(id % 3) as usize]).as_bytes());
            }
            octets.push(b'\n');
        }
        fuzz_plugin(now(), &octets);
    }
}
