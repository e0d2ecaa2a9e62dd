//! The table of tunnels.

use wanbox_wire::l2tp::stop_result;

use super::*;

fn ask(rig: &mut Rig, port: u16, theirs: u16) -> Vec<Vec<u8>> {
    let mut avps = request();
    avps[5] = Avp::AssignedTunnel(theirs);
    let header = ControlHeader {
        tunnel: 0,
        session: 0,
        ns: 0,
        nr: 0,
    };
    let message = whole(header, &octets(&avps));
    rig.from.set_port(port);
    rig.tunnels
        .receive(rig.now, SocketId(0), rig.from, &message);
    let mut sent = Vec::new();
    let mut message = Vec::new();
    while rig.tunnels.poll_transmit(rig.now, &mut message).is_some() {
        sent.push(message.clone());
    }
    sent
}

#[test]
fn several_lacs_behind_one_address() {
    let mut rig = Rig::new(Config::default());
    for (port, theirs) in [(1701, 1), (1701, 2), (40_000, 1), (40_001, 1)] {
        let replies = ask(&mut rig, port, theirs);
        assert_eq!(types(&replies), [MessageType::SCCRP]);
        assert_eq!(read(&replies[0]).0.tunnel, theirs);
    }
    assert_eq!(rig.tunnels.len(), 4);
}

#[test]
fn a_repeated_request_is_the_same_one() {
    let mut rig = Rig::new(Config::default());
    assert_eq!(types(&ask(&mut rig, 1701, 1)), [MessageType::SCCRP]);
    let replies = ask(&mut rig, 1701, 1);
    assert_eq!(replies.len(), 1);
    assert!(read(&replies[0]).1.is_empty());
    assert_eq!(rig.tunnels.len(), 1);
    assert_eq!(rig.tunnels.stats().duplicates, 1);
}

#[test]
fn a_restarted_lac_gets_a_new_tunnel() {
    let mut rig = Rig::established(Config::default());
    let old = rig.id();
    let replies = ask(&mut rig, 1701, THEIRS);
    assert_eq!(types(&replies), [MessageType::SCCRP]);
    assert_eq!(rig.tunnels.len(), 2);
    assert_eq!(rig.tunnels.get(old).unwrap().state(), State::Established);
}

#[test]
fn tunnels_have_a_limit() {
    let mut rig = Rig::new(Config::default());
    rig.tunnels = Tunnels::new(
        Arc::new(Config::default()),
        Limits {
            tunnels: 2,
            half_open: 10,
        },
        1,
    );
    ask(&mut rig, 1, 1);
    ask(&mut rig, 2, 1);
    let replies = ask(&mut rig, 3, 9);
    assert_eq!(types(&replies), [MessageType::STOP_CCN]);
    let (header, avps) = read(&replies[0]);
    assert_eq!((header.tunnel, header.ns, header.nr), (9, 0, 1));
    assert_eq!(
        result(&replies[0]),
        (2, Some(4), "too many tunnels".to_owned())
    );
    assert!(
        avps.iter()
            .any(|avp| matches!(avp, Avp::AssignedTunnel(id) if *id != 0))
    );
    let config = Arc::new(Config::default());
    assert_eq!(
        rig.tunnels.dial(rig.now, SocketId(0), rig.from, config),
        Err(Full)
    );
    assert_eq!(
        (rig.tunnels.len(), rig.tunnels.table_stats().refused),
        (2, 1)
    );
}

#[test]
fn forged_requests_shut_nobody_out() {
    let mut rig = Rig::new(Config::default());
    rig.tunnels = Tunnels::new(
        Arc::new(Config::default()),
        Limits {
            tunnels: 100,
            half_open: 10,
        },
        1,
    );
    for port in 1..=1000 {
        assert_eq!(types(&ask(&mut rig, port, 5)), [MessageType::SCCRP]);
        assert!(rig.tunnels.len() <= 10);
    }
    assert_eq!(rig.tunnels.table_stats().half_open_forgotten, 990);
    assert!(rig.tunnels.poll_timeout().is_some());
    rig.wait(Duration::from_secs(60));
    assert!(rig.tunnels.is_empty());
}

#[test]
fn about_to_stop() {
    let mut rig = Rig::established(Config::default());
    rig.tunnels.set_stopping(true);
    let replies = ask(&mut rig, 2000, 9);
    assert_eq!(result(&replies[0]).0, stop_result::SHUTTING_DOWN);
    assert_eq!(rig.tunnels.len(), 1);
    rig.tunnels.set_stopping(false);
    assert_eq!(types(&ask(&mut rig, 2000, 9)), [MessageType::SCCRP]);
}

#[test]
fn another_version_is_refused() {
    for (version, refused) in [(0x0100, false), (0, false), (0x0101, true), (0x0200, true)] {
        let mut rig = Rig::new(Config::default());
        let mut avps = request();
        avps[1] = Avp::ProtocolVersion(version);
        let replies = rig.send(0, &avps);
        if refused {
            let (code, error, _) = result(&replies[0]);
            assert_eq!((code, error), (stop_result::VERSION, Some(0x0100)));
        } else {
            assert_eq!(types(&replies), [MessageType::SCCRP]);
        }
    }
}

#[test]
fn refusals_are_bounded() {
    let mut rig = Rig::new(Config::default());
    rig.tunnels.set_stopping(true);
    let header = ControlHeader {
        tunnel: 0,
        session: 0,
        ns: 0,
        nr: 0,
    };
    let message = whole(header, &octets(&request()));
    for _ in 0..1000 {
        rig.tunnels
            .receive(rig.now, SocketId(0), rig.from, &message);
    }
    let stats = rig.tunnels.table_stats();
    assert_eq!((stats.refused, stats.unsent_refusals), (1000, 1000 - 64));
}

#[test]
fn a_caller_that_gives_up_before_it_knows_our_number() {
    let mut rig = Rig::new(Config::default());
    ask(&mut rig, 1701, 9);
    let header = ControlHeader {
        tunnel: 0,
        session: 0,
        ns: 1,
        nr: 0,
    };
    let stop = [
        Avp::MessageType(MessageType::STOP_CCN),
        Reason::result(1).avp(),
        Avp::AssignedTunnel(9),
    ]
    .map(|avp| octets(&[avp]))
    .concat();
    rig.raw(&whole(header, &stop));
    assert!(matches!(
        rig.event(),
        Some(Event::Down { by: By::Peer, .. })
    ));
    rig.wait(Duration::from_secs(31));
    assert!(rig.tunnels.is_empty());
}

#[test]
fn the_lower_tie_breaker_wins() {
    for (we_say, they_say) in [
        (false, None),
        (true, None),
        (false, Some(5)),
        (true, Some(0)),
        (true, Some(u64::MAX)),
    ] {
        let mut rig = Rig::new(Config::default());
        let config = Arc::new(Config {
            tie_breaker: we_say,
            ..Config::default()
        });
        let ours = rig
            .tunnels
            .dial(rig.now, SocketId(0), rig.from, config)
            .unwrap();
        rig.take();
        (rig.number, rig.nr) = (0, 0);
        let mut avps = request();
        avps.extend(they_say.map(Avp::TieBreaker));
        let replies = rig.send(0, &avps);
        let ours_remains = rig
            .tunnels
            .get(ours)
            .is_some_and(|t| t.state() == State::WaitReply);
        let what = format!("{we_say} {they_say:?}");
        let they_win = match (we_say, they_say) {
            (_, None) => !we_say,
            (false, Some(_)) => true,
            (true, Some(number)) => number == 0,
        };
        assert_eq!(
            types(&replies).as_slice() == [MessageType::SCCRP],
            they_win,
            "{what}"
        );
        assert_eq!(ours_remains, !they_win || they_say.is_none(), "{what}");
        if !ours_remains {
            assert!(matches!(
                rig.event(),
                Some(Event::Down {
                    by: By::TieBreaker,
                    ..
                })
            ));
        }
        assert_eq!(rig.tunnels.table_stats().tie_breaker, u32::from(!they_win));
    }
}

#[test]
fn both_families_of_addresses() {
    let mut rig = Rig::new(Config::default());
    rig.from = "[2001:db8::1]:1701".parse().unwrap();
    assert_eq!(types(&rig.send(0, &request())), [MessageType::SCCRP]);
    rig.send(0, &[Avp::MessageType(MessageType::SCCCN)]);
    assert_eq!(rig.event(), Some(Event::Up));
    assert!(rig.tunnel().address().is_ipv6());
}

#[test]
fn the_table_holds_65535_tunnels() {
    let mut rig = Rig::new(Config::default());
    let limits = Limits {
        half_open: 100_000,
        ..Limits::default()
    };
    rig.tunnels = Tunnels::new(Arc::new(Config::default()), limits, 1);
    for theirs in 1..=u16::MAX {
        assert_eq!(ask(&mut rig, 1701, theirs).len(), 1);
    }
    assert_eq!(rig.tunnels.len(), 65535);
    assert_eq!(result(&ask(&mut rig, 1702, 1)[0]).0, stop_result::ERROR);
}

#[test]
fn any_datagrams() {
    let mut random = wanbox_sim::Random::new(1);
    let start = wanbox_sim::Clock::new().now();
    for _ in 0..wanbox_sim::random_frames() / 200 {
        let mut input = vec![random.next_u64() as u8];
        for _ in 0..random.below(30) {
            input.push(random.next_u64() as u8 | if random.chance(0.6) { 4 } else { 0 });
            let mut frame = vec![random.between(1, 17) as u8, random.next_u64() as u8];
            for _ in 0..random.below(3) {
                let mut value = vec![0; *random.pick(&[0, 2, 2, 4, 16])];
                random.fill(&mut value);
                let kind = random.below(48) as u16;
                frame.extend_from_slice(&raw(random.chance(0.5), 0, kind, &value));
            }
            if random.chance(0.2) {
                random.damage(&mut frame);
            }
            frame.truncate(255);
            input.push(frame.len() as u8);
            input.extend_from_slice(&frame);
        }
        fuzz::fuzz_tunnels(start, &input);
    }
}
