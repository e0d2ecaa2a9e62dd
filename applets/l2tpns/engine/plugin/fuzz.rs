//! Any lines of a program, and any requests of nsctl.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::{Accounting, Chain, Event, Facts, Protocol, Sessions, Settings, Work};
use crate::{SessionId, TunnelId};

/// One session, number 1, of the user `joe`.
struct Joe;

impl Sessions for Joe {
    fn session(&self, id: SessionId) -> Option<Facts> {
        (id == SessionId(1)).then(joe)
    }

    fn session_of(&self, user: &str) -> Option<SessionId> {
        (user == "joe").then_some(SessionId(1))
    }
}

fn joe() -> Facts {
    Facts {
        tunnel: TunnelId(1),
        session: SessionId(1),
        user: "joe".to_owned(),
        address: Some(Ipv4Addr::new(10, 0, 0, 1)),
        calling: String::new(),
        called: String::new(),
        throttle_in: 0,
        throttle_out: 64,
        snoop: None,
        garden: false,
    }
}

fn event(which: u8) -> Event {
    let (about, protocol) = (joe(), Protocol::Pap);
    match which % 9 {
        0 => Event::PreAuth {
            about,
            protocol,
            username: "joe@isp".to_owned(),
            password: Some("secret".to_owned()),
            continue_auth: true,
        },
        1 => Event::PostAuth {
            about,
            protocol,
            auth_allowed: false,
            tx_speed: 256,
            rx_speed: 0,
        },
        2 => Event::NewSession(about),
        3 => Event::KillSession(about),
        4 => Event::RadiusResponse {
            about,
            key: "throttle".to_owned(),
            value: "64".to_owned(),
        },
        5 => Event::RadiusReset(about),
        6 => Event::RadiusAccount {
            about,
            kind: Accounting::Stop,
            pairs: Vec::new(),
        },
        7 => Event::Control {
            arguments: vec!["drop".to_owned(), "joe".to_owned()],
            answer: None,
        },
        _ => Event::Timer,
    }
}

/// Fuzz entry: the first octet of each line says whether it is one of a program, a request of
/// nsctl, an event or time that passes. Every event is over once, and never twice.
pub fn fuzz_plugin(mut now: Instant, octets: &[u8]) {
    let mut chain = Chain::new(Settings::default());
    for name in ["garden", "first", "sessionctl", "autothrottle", "second"] {
        assert_eq!(chain.load(now, name), Ok(()));
    }
    let (mut begun, mut asked) = (0, 0);
    let (mut over, mut answered) = (Vec::new(), 0);
    let mut programs = Vec::new();
    let mut take = |chain: &mut Chain, programs: &mut Vec<_>, answered: &mut u64| {
        while let Some(work) = chain.poll_work() {
            match work {
                Work::Start { program, .. } => programs.push(program),
                Work::Stop(program) => programs.retain(|known| *known != program),
                Work::Write { line, .. } => assert!(line.ends_with('\n')),
                Work::Garden(_) | Work::Log { .. } => {}
            }
        }
        while let Some((key, _)) = chain.poll_outcome() {
            over.push(key);
        }
        while chain.poll_effect().is_some() {}
        while chain.poll_nsctl().is_some() {
            *answered += 1;
        }
    };
    for line in octets.split(|octet| *octet == b'\n') {
        let Some((&first, rest)) = line.split_first() else {
            continue;
        };
        let program = programs.get(usize::from(first >> 4) % 2).copied();
        match (first % 8, program) {
            (0, Some(program)) => chain.started(now, program),
            (1, Some(program)) => chain.ended(now, program, "it ended", &Joe),
            (2, _) => {
                now += Duration::from_millis(u64::from(first) * 10);
                chain.handle_timeout(now, &Joe);
            }
            (3, _) => {
                chain.nsctl(now, asked, rest, &Joe);
                asked += 1;
            }
            (4 | 5, _) => {
                chain.start(now, begun, event(first >> 3), &Joe);
                begun += 1;
            }
            (_, Some(program)) => chain.receive_line(now, program, rest, &Joe),
            (_, None) => {}
        }
        take(&mut chain, &mut programs, &mut answered);
    }
    // However silent the programs are, everything ends.
    for _ in 0..20 {
        now += Duration::from_secs(5);
        chain.handle_timeout(now, &Joe);
        take(&mut chain, &mut programs, &mut answered);
    }
    over.sort_unstable();
    assert!(over.iter().copied().eq(0..begun));
    assert_eq!(answered, asked);
}
