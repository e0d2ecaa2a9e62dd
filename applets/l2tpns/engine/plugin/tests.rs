//! The plugins as their owner sees them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::nsctl::{self, Message};

use super::*;
use crate::TunnelId;

mod program;

#[derive(Default)]
struct Table(BTreeMap<u32, Facts>);

impl Sessions for Table {
    fn session(&self, id: SessionId) -> Option<Facts> {
        self.0.get(&id.0).cloned()
    }

    fn session_of(&self, user: &str) -> Option<SessionId> {
        let own = |facts: &&Facts| facts.user == user && !facts.garden;
        self.0.values().find(own).map(|facts| facts.session)
    }
}

impl Table {
    fn with(user: &str) -> Self {
        let mut table = Self::default();
        table.0.insert(7, facts(7, user));
        table
    }

    fn change(&mut self, with: impl FnOnce(&mut Facts)) {
        with(self.0.get_mut(&7).unwrap());
    }
}

fn facts(session: u32, user: &str) -> Facts {
    Facts {
        tunnel: TunnelId(2),
        session: SessionId(session),
        user: user.to_owned(),
        address: Some(Ipv4Addr::new(10, 0, 0, session as u8)),
        calling: "0211".to_owned(),
        called: String::new(),
        throttle_in: 0,
        throttle_out: 0,
        snoop: None,
        garden: false,
    }
}

fn now() -> Instant {
    wanbox_sim::Clock::new().now()
}

fn loaded(names: &[&str]) -> Chain {
    let settings = Settings {
        snoop: Some("10.9.9.9:4000".parse().unwrap()),
        ..Settings::default()
    };
    let mut chain = Chain::new(settings);
    for name in names {
        chain.load(now(), name).unwrap();
    }
    chain
}

/// What an event is when built-in plugins have seen it.
fn through(chain: &mut Chain, event: Event) -> Event {
    chain.start(now(), 5, event, &Table::default());
    let (key, event) = chain.poll_outcome().unwrap();
    assert_eq!((key, chain.poll_outcome()), (5, None));
    event
}

fn pre_auth(name: &str) -> Event {
    Event::PreAuth {
        about: facts(7, ""),
        protocol: Protocol::Pap,
        username: name.to_owned(),
        password: Some("pw".to_owned()),
        continue_auth: true,
    }
}

fn post_auth(allowed: bool) -> Event {
    Event::PostAuth {
        about: facts(7, "joe"),
        protocol: Protocol::Chap,
        auth_allowed: allowed,
        tx_speed: 512,
        rx_speed: 0,
    }
}

fn response(key: &str, value: &str) -> Event {
    Event::RadiusResponse {
        about: facts(7, "joe"),
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn changes(chain: &mut Chain) -> Vec<Change> {
    std::iter::from_fn(|| chain.poll_effect())
        .inspect(|effect| assert_eq!(effect.session, SessionId(7)))
        .map(|effect| effect.change)
        .collect()
}

fn work(chain: &mut Chain) -> Vec<Work> {
    std::iter::from_fn(|| chain.poll_work()).collect()
}

fn throttle(input: Option<u32>, output: Option<u32>) -> Change {
    Change::Throttle { input, output }
}

#[test]
fn without_plugins_everything_stays() {
    for event in [pre_auth("a@b"), post_auth(false), Event::Timer] {
        assert_eq!(through(&mut loaded(&[]), event.clone()), event);
    }
}

#[test]
fn domains_are_stripped() {
    for (name, left) in [
        ("joe@isp.net", "joe"),
        ("joe", "joe"),
        ("@", ""),
        ("a@b@c", "a"),
    ] {
        let event = through(&mut loaded(&["stripdomain"]), pre_auth(name));
        let Event::PreAuth { username, .. } = event else {
            panic!("another event came back");
        };
        assert_eq!(username, left);
    }
}

#[test]
fn receive_speeds_are_guessed() {
    for (allowed, wanted) in [(true, 128), (false, 0)] {
        let event = through(&mut loaded(&["setrxspeed"]), post_auth(allowed));
        assert!(matches!(event, Event::PostAuth { rx_speed, .. } if rx_speed == wanted));
    }
}

#[test]
fn rates_come_from_radius() {
    for (key, value, wanted) in [
        ("throttle", "yes", Some(throttle(Some(28), Some(28)))),
        ("throttle", "no", Some(throttle(Some(0), Some(0)))),
        ("throttle", "512", Some(throttle(Some(512), Some(512)))),
        ("throttle", "fast", None),
        ("throttles", "1", None),
        (
            "lcp:interface-config#1",
            "service-policy input 128",
            Some(throttle(Some(128), None)),
        ),
        (
            "lcp:interface-config",
            "serv o 64",
            Some(throttle(None, Some(64))),
        ),
        ("lcp:interface-config", "ser o 64", None),
        ("lcp:interface-config", "service-policy both 64", None),
        ("lcp:interface-config", "ip mtu 1400", None),
    ] {
        let mut chain = loaded(&["autothrottle"]);
        through(&mut chain, response(key, value));
        assert_eq!(changes(&mut chain), Vec::from_iter(wanted), "{key}={value}");
    }
}

#[test]
fn interception_comes_from_radius() {
    for (value, wanted) in [
        ("10.1.1.1:9", Some("10.1.1.1:9")),
        ("yes", Some("10.9.9.9:4000")),
        ("no", None),
        ("10.1.1.1", None),
        ("10.1.1.1:0", None),
    ] {
        let mut chain = loaded(&["autosnoop"]);
        through(&mut chain, response("intercept", value));
        let to = wanted.map(|to| to.parse().unwrap());
        assert_eq!(changes(&mut chain), [Change::Snoop(to)], "{value}");
    }
}

#[test]
fn accounting_tells_rates_and_interception() {
    let mut chain = loaded(&["autosnoop", "autothrottle"]);
    let mut about = facts(7, "joe");
    about.snoop = Some("10.1.1.1:9".parse().unwrap());
    for (input, output, wanted) in [
        (0, 0, &[][..]),
        (0, 64, &["lcp:interface-config#1=service-policy output 64"]),
        (
            128,
            64,
            &[
                "lcp:interface-config#1=service-policy input 128",
                "lcp:interface-config#2=service-policy output 64",
            ],
        ),
    ] {
        (about.throttle_in, about.throttle_out) = (input, output);
        let event = Event::RadiusAccount {
            about: about.clone(),
            kind: Accounting::Stop,
            pairs: Vec::new(),
        };
        let Event::RadiusAccount { pairs, .. } = through(&mut chain, event) else {
            panic!("another event came back");
        };
        assert_eq!(pairs[0], "intercept=10.1.1.1:9");
        assert_eq!(pairs[1..], *wanted);
    }
    // A CoA takes both back, but only what there is.
    through(&mut chain, Event::RadiusReset(about));
    assert_eq!(
        changes(&mut chain),
        [Change::Snoop(None), throttle(Some(0), Some(0))]
    );
    through(&mut chain, Event::RadiusReset(facts(7, "joe")));
    assert_eq!(changes(&mut chain), []);
}

#[test]
fn the_rejected_get_into_the_garden() {
    let mut chain = loaded(&["garden"]);
    assert_eq!(work(&mut chain), [Work::Garden(Wall::Build)]);
    let event = through(&mut chain, post_auth(false));
    let Event::PostAuth {
        about,
        auth_allowed,
        ..
    } = event
    else {
        panic!("another event came back");
    };
    assert!(auth_allowed && about.garden);
    assert_eq!(through(&mut chain, post_auth(true)), post_auth(true));
    let address = about.address.unwrap();
    through(&mut chain, Event::NewSession(facts(8, "other")));
    through(&mut chain, Event::NewSession(about.clone()));
    through(&mut chain, Event::NewSession(about.clone()));
    assert_eq!(work(&mut chain), [Work::Garden(Wall::Add(address))]);
    through(&mut chain, Event::KillSession(facts(8, "other")));
    through(&mut chain, Event::KillSession(about.clone()));
    through(&mut chain, Event::KillSession(about.clone()));
    assert_eq!(work(&mut chain), [Work::Garden(Wall::Delete(address))]);
    // Who is inside when it closes would be free.
    through(&mut chain, Event::NewSession(about));
    chain.remove(now(), "garden", &Table::default()).unwrap();
    assert!(matches!(&*changes(&mut chain), [Change::Shutdown { .. }]));
    assert_eq!(work(&mut chain).last(), Some(&Work::Garden(Wall::Remove)));
}

/// What nsctl is answered.
fn nsctl(chain: &mut Chain, table: &Table, words: &[&str]) -> (bool, Vec<String>) {
    let (kind, words) = match words {
        ["load_plugin", rest @ ..] => (nsctl::Kind::Load, rest),
        ["unload_plugin", rest @ ..] => (nsctl::Kind::Unload, rest),
        ["help"] => (nsctl::Kind::Help, &[][..]),
        _ => (nsctl::Kind::Control, words),
    };
    chain.nsctl(now(), 9, &nsctl::emit(kind, words).unwrap(), table);
    answered(chain)
}

fn answered(chain: &mut Chain) -> (bool, Vec<String>) {
    let (key, octets) = chain.poll_nsctl().unwrap();
    assert_eq!((key, chain.poll_nsctl()), (9, None));
    let message = Message::parse(&octets).unwrap();
    let lines = message
        .arguments()
        .map(|line| String::from_utf8(line.to_vec()).unwrap());
    (message.kind == nsctl::Kind::Ok, lines.collect())
}

#[test]
fn nsctl_loads_and_unloads() {
    let mut chain = loaded(&[]);
    let table = Table::default();
    let mut ask = |words: &[&str]| nsctl(&mut chain, &table, words);
    let error = |text: &str| (false, vec![text.to_owned()]);
    assert_eq!(ask(&["load_plugin", "sessionctl"]), (true, vec![]));
    assert_eq!(
        ask(&["load_plugin", "sessionctl"]),
        error("plugin already loaded")
    );
    assert_eq!(ask(&["load_plugin"]), error("name of plugin required"));
    assert_eq!(
        ask(&["load_plugin", "a", "b"]),
        error("name of plugin required")
    );
    assert_eq!(ask(&["load_plugin", ""]), error("error loading plugin"));
    assert_eq!(
        ask(&["load_plugin", "/etc/passwd"]),
        error("error loading plugin")
    );
    assert_eq!(ask(&["help"]).1.len(), 2);
    assert_eq!(ask(&["unload_plugin"]), error("name of plugin required"));
    assert_eq!(ask(&["unload_plugin", "sessionctl"]), (true, vec![]));
    assert_eq!(
        ask(&["unload_plugin", "sessionctl"]),
        error("plugin not loaded")
    );
    assert_eq!(
        ask(&["unload_plugin", "nonsense"]),
        error("plugin not found")
    );
    assert_eq!(ask(&["drop", "joe"]), error("unhandled action"));
    assert_eq!(ask(&["help"]), (true, vec![]));
    chain.nsctl(now(), 9, b"\x90\x13\x13", &table);
    assert_eq!(
        answered(&mut chain),
        error("error unpacking control packet")
    );
}

#[test]
fn commands_and_their_errors() {
    let mut chain = loaded(&["sessionctl", "snoopctl", "throttlectl", "garden"]);
    work(&mut chain);
    let mut table = Table::with("joe");
    let mut case = |table: &Table, line: &str, error: &str, change: Option<Change>| {
        let words: Vec<&str> = line.split(' ').collect();
        let lines = if error.is_empty() {
            vec![]
        } else {
            vec![error.to_owned()]
        };
        assert_eq!(
            nsctl(&mut chain, table, &words),
            (error.is_empty(), lines),
            "{line}"
        );
        assert_eq!(changes(&mut chain), Vec::from_iter(change), "{line}");
    };
    let snoop = |to: &str| Some(Change::Snoop(Some(to.parse().unwrap())));
    let reason = |text: &str| text.to_owned();
    for (line, error, change) in [
        (
            "drop",
            "requires username or session id and optional reason",
            None,
        ),
        ("drop nobody", "session not found", None),
        ("drop 8", "session not found", None),
        ("drop 99999999999", "session not found", None),
        (
            "drop joe",
            "",
            Some(Change::Shutdown {
                reason: reason("Requested by administrator."),
            }),
        ),
        (
            "kill 7 debts",
            "",
            Some(Change::Kill {
                reason: reason("debts"),
            }),
        ),
        (
            "snoop joe 1.2.3.4",
            "requires username or session id and host, port",
            None,
        ),
        ("snoop Joe 1.2.3 0", "session not found", None),
        ("snoop joe 1.2.3 0", "invalid ip address", None),
        ("snoop joe 1.2.3.4 0", "invalid port", None),
        ("snoop joe 1.2.3.4 65536", "invalid port", None),
        ("snoop joe 1.2.3.4 9", "", snoop("1.2.3.4:9")),
        ("unsnoop", "requires username or session id", None),
        ("unsnoop joe", "not intercepted", None),
        (
            "throttle",
            "requires username or session id and optional rate(s)",
            None,
        ),
        (
            "throttle joe in 1 out 2 3",
            "requires username or session id and optional rate(s)",
            None,
        ),
        ("throttle joe", "", Some(throttle(Some(28), Some(28)))),
        ("throttle joe 64", "", Some(throttle(Some(64), Some(64)))),
        ("throttle joe out 64", "", Some(throttle(None, Some(64)))),
        (
            "throttle joe in 1 out 2",
            "",
            Some(throttle(Some(1), Some(2))),
        ),
        ("throttle joe 0", "invalid rate", None),
        ("throttle joe in", "invalid rate", None),
        ("throttle joe up 5", "invalid rate", None),
        ("throttle joe in 5 out", "invalid rate", None),
        ("unthrottle joe", "not throttled", None),
        ("ungarden 7", "not in walled garden", None),
        ("ungarden joe", "session not found", None),
        (
            "ungarden",
            "requires session id and optional username",
            None,
        ),
        ("garden", "requires username or session id", None),
        ("garden joe", "", Some(Change::Garden)),
        ("frobnicate", "unhandled action", None),
        ("Drop joe", "unhandled action", None),
    ] {
        case(&table, line, error, change);
    }
    table.change(|joe| {
        joe.snoop = Some("1.2.3.4:9".parse().unwrap());
        (joe.throttle_in, joe.throttle_out) = (64, 64);
        joe.garden = true;
    });
    for (line, error, change) in [
        ("snoop 7 1.2.3.4 9", "already intercepted", None),
        ("unsnoop 7", "", Some(Change::Snoop(None))),
        ("throttle 7 64", "already throttled", None),
        ("throttle 7 32", "", Some(throttle(Some(32), Some(32)))),
        ("unthrottle 7", "", Some(throttle(Some(0), Some(0)))),
        ("garden joe", "session not found", None),
        ("garden 7", "already in walled garden", None),
        (
            "ungarden 7 jim",
            "",
            Some(Change::Ungarden {
                user: Some("jim".to_owned()),
            }),
        ),
    ] {
        case(&table, line, error, change);
    }
    let address = Ipv4Addr::new(10, 0, 0, 7);
    assert_eq!(
        work(&mut chain),
        [
            Work::Garden(Wall::Add(address)),
            Work::Garden(Wall::Delete(address))
        ]
    );
}
