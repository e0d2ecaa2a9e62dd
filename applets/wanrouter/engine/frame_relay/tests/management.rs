//! Local management, procedure by procedure.

use super::*;
use wanbox_wire::lmi::{Keepalive, ReportType};

const ANSI_FIRST: &[u8] = &[0, 1, 3, 8, 0, 0x75, 0x95, 1, 1, 0, 3, 2, 1, 0];

/// A status message for a CPE.
fn report(
    dialect: Dialect,
    report: ReportType,
    (send, receive): (u8, u8),
    pvcs: &[PvcStatus],
) -> Vec<u8> {
    let repr = Repr {
        dialect,
        message_type: MessageType::Status,
        report,
        keepalive: (report != ReportType::SinglePvc).then_some(Keepalive { send, receive }),
    };
    let mut frame = vec![0xa5; repr.len(pvcs.len())];
    repr.emit(pvcs.iter().copied(), &mut frame).unwrap();
    frame
}

fn enquiry(dialect: Dialect, report: ReportType, send: u8, receive: u8) -> Vec<u8> {
    let repr = Repr {
        dialect,
        message_type: MessageType::StatusEnquiry,
        report,
        keepalive: Some(Keepalive { send, receive }),
    };
    let mut frame = vec![0xa5; repr.len(0)];
    repr.emit(std::iter::empty(), &mut frame).unwrap();
    frame
}

fn active(dlci: u16) -> PvcStatus {
    PvcStatus {
        dlci,
        active: true,
        ..PvcStatus::default()
    }
}

/// Lets the deadline of the link pass.
fn tick(link: &mut FrameRelay) -> Instant {
    let at = Engine::poll_timeout(link).unwrap();
    Engine::handle_timeout(link, at);
    at
}

#[test]
fn ranges_are_named() {
    let good = Config::default();
    let faults = [
        (
            Config {
                t391: SECOND * 4,
                ..good
            },
            "T391 4000 ms: 5000 to 30000 ms is allowed",
        ),
        (
            Config {
                t392: SECOND * 31,
                ..good
            },
            "T392 31000 ms: 5000 to 30000 ms is allowed",
        ),
        (
            Config { n391: 256, ..good },
            "N391 256: 1 to 255 is allowed",
        ),
        (Config { n393: 11, ..good }, "N393 11: 1 to 10 is allowed"),
        (Config { n392: 5, ..good }, "N392 5: 1 to 4 is allowed"),
        (
            Config {
                max_information: 63,
                ..good
            },
            "longest status message 63 octets: 64 to 15354 octets is allowed",
        ),
    ];
    for (config, text) in faults {
        assert_eq!(FrameRelay::new(config).unwrap_err().to_string(), text);
    }
}

#[test]
fn cpe_polls_as_the_standard_says() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Ansi), &[16]);
    assert_eq!(frames(&mut cpe), [ANSI_FIRST]);
    assert_eq!(Engine::poll_timeout(&cpe), Some(now + SECOND * 10));
    let status = report(
        Dialect::AnnexD,
        ReportType::FullStatus,
        (1, 1),
        &[active(16)],
    );
    assert!(Engine::receive(&mut cpe, now, &status).is_none());
    assert_eq!(
        events(&mut cpe),
        [Event::LinkUp, Event::ChannelUp(ChannelId(0))]
    );
    // N391 is 6: five link verifications, then a full status enquiry.
    for (poll, kind) in (2..).zip([1, 1, 1, 1, 1, 0, 1]) {
        let at = tick(&mut cpe);
        let sent = frames(&mut cpe);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0][6..], [0x95, 1, 1, kind, 3, 2, poll, poll - 1]);
        let kind = match kind {
            0 => ReportType::FullStatus,
            _ => ReportType::LinkIntegrity,
        };
        let status = report(Dialect::AnnexD, kind, (poll, poll), &[active(16)]);
        Engine::receive(&mut cpe, at, &status);
    }
    assert!(all_up(&cpe));
    assert_eq!(events(&mut cpe), []);
    let stats = cpe.link_stats();
    assert_eq!((stats.user_tx_full, stats.user_tx_integrity), (2, 6));
    assert_eq!((stats.user_rx_full, stats.user_rx_integrity), (2, 6));
    assert_eq!((stats.send_sequence, stats.receive_sequence), (8, 8));
    assert_eq!(stats.n392_current, 0);
}

#[test]
fn sequence_numbers_skip_zero() {
    let mut pair = pair(cpe(Signalling::Q933), node(Signalling::Q933), &[16]);
    pair.run_for(SECOND * 10 * 600);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    let stats = pair.a.link_stats();
    assert_eq!(stats.bad_receive_sequence + stats.bad_send_sequence, 0);
    assert_eq!(pair.b.link_stats().bad_receive_sequence, 0);
    assert_eq!(stats.user_tx_full + stats.user_tx_integrity, 601);
    assert_eq!(stats.downs + stats.t391_timeouts, 0);
    // 601 enquiries from 1, each 255 a round.
    assert_eq!(u64::from(stats.send_sequence), 601 - 2 * 255);
}

#[test]
fn cpe_goes_down_after_n392_errors_and_recovers_after_n392_good_ones() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Q933), &[16]);
    let full = |send, receive| {
        report(
            Dialect::AnnexA,
            ReportType::FullStatus,
            (send, receive),
            &[active(16)],
        )
    };
    Engine::receive(&mut cpe, now, &full(1, 1));
    events(&mut cpe);
    for expected in [&[][..], &[], &[Event::LinkDown(Cause::Keepalive)]] {
        frames(&mut cpe);
        tick(&mut cpe);
        tick_back(&mut cpe, expected);
    }
    let stats = cpe.link_stats();
    assert_eq!((stats.n392_reached, stats.downs), (1, 1));
    assert!(stats.t391_consecutive >= 3);
    // Down: every enquiry asks for a full status.
    let sent = frames(&mut cpe);
    assert_eq!(sent.last().unwrap()[8], 0);
    for good in 1..=3 {
        let send = cpe.link_stats().send_sequence;
        Engine::receive(&mut cpe, now, &full(good, send));
        assert_eq!(cpe.link_up(), good == 3, "after {good} good exchanges");
        assert_eq!(cpe.channel_up(ChannelId(0)), good == 3);
        tick(&mut cpe);
    }
    assert_eq!(
        events(&mut cpe),
        [Event::LinkUp, Event::ChannelUp(ChannelId(0))]
    );
}

/// The first unanswered poll is an error only when its T391 passed: so the third error is the fourth tick.
fn tick_back(cpe: &mut FrameRelay, expected: &[Event]) {
    let errors = cpe.link_stats().n392_current;
    if errors < 3 && expected.is_empty() {
        assert!(cpe.link_up());
        return;
    }
    while cpe.link_up() {
        tick(cpe);
    }
    assert_eq!(events(cpe), expected);
}

#[test]
fn wrong_answers_are_counted_and_do_not_bring_the_link_up() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Ansi), &[16]);
    let mut frame = |dialect, send, receive| {
        let status = report(
            dialect,
            ReportType::FullStatus,
            (send, receive),
            &[active(16)],
        );
        Engine::receive(&mut cpe, now, &status);
        assert!(!cpe.link_up());
        cpe.link_stats()
    };
    assert_eq!(frame(Dialect::AnnexD, 1, 0).bad_receive_sequence, 1);
    assert_eq!(frame(Dialect::AnnexD, 1, 9).bad_receive_sequence, 2);
    assert_eq!(frame(Dialect::AnnexD, 0, 1).bad_send_sequence, 1);
    assert_eq!(frame(Dialect::AnnexA, 1, 1).wrong_dialect, 1);
    assert_eq!(cpe.diagnosis(), Diagnosis::WrongDialect(Dialect::AnnexA));
    let good = report(
        Dialect::AnnexD,
        ReportType::FullStatus,
        (1, 1),
        &[active(16)],
    );
    Engine::receive(&mut cpe, now, &good);
    assert!(cpe.link_up());
    assert_eq!(cpe.diagnosis(), Diagnosis::None);
    Engine::receive(&mut cpe, now, &good);
    assert_eq!(cpe.link_stats().unsolicited, 1);
}

#[test]
fn full_status_deletes_what_it_does_not_name() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Lmi), &[16, 17, 18]);
    let mut full = |sequence, pvcs: &[PvcStatus]| {
        let status = report(
            Dialect::GangOfFour,
            ReportType::FullStatus,
            (sequence, sequence),
            pvcs,
        );
        Engine::receive(&mut cpe, now, &status);
        let list: Vec<_> = cpe.pvc_list().collect();
        cpe.enquire_now(now, true);
        (list, events(&mut cpe))
    };
    let up = status::INCLUDED | status::ACTIVE;
    let new = PvcStatus {
        new: true,
        ..active(17)
    };
    let (list, told) = full(1, &[active(16), new, active(40)]);
    assert_eq!(
        list,
        [
            (16, up),
            (17, up | status::NEW),
            (18, status::DELETED),
            (40, up)
        ]
    );
    assert_eq!(
        told,
        [
            Event::LinkUp,
            Event::ChannelUp(ChannelId(0)),
            Event::ChannelUp(ChannelId(1)),
            Event::UnconfiguredDlci {
                dlci: 40,
                present: true
            },
        ]
    );
    let inactive = PvcStatus {
        active: false,
        ..active(16)
    };
    let deleted = PvcStatus {
        deleted: true,
        ..active(17)
    };
    let (list, told) = full(2, &[inactive, deleted]);
    assert_eq!(
        list,
        [
            (16, status::INCLUDED),
            (17, status::DELETED),
            (18, status::DELETED)
        ]
    );
    assert_eq!(
        told,
        [
            Event::ChannelDown(ChannelId(0)),
            Event::ChannelDown(ChannelId(1)),
            Event::UnconfiguredDlci {
                dlci: 40,
                present: false
            },
        ]
    );
    full(3, &[active(16), active(17)]);
    // Taken away and added again between two reports: down and up.
    let (_, told) = full(4, &[active(16), new]);
    assert_eq!(
        told,
        [
            Event::ChannelDown(ChannelId(1)),
            Event::ChannelUp(ChannelId(1))
        ]
    );
    let (_, told) = full(5, &[active(16), new]);
    assert_eq!(told, [], "the same news once more");
}

#[test]
fn single_pvc_reports_change_known_pvcs_only() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Ansi), &[16]);
    let single = |pvc| report(Dialect::AnnexD, ReportType::SinglePvc, (0, 0), &[pvc]);
    Engine::receive(&mut cpe, now, &single(active(16)));
    assert!(!cpe.link_up());
    let full = report(
        Dialect::AnnexD,
        ReportType::FullStatus,
        (1, 1),
        &[active(16)],
    );
    Engine::receive(&mut cpe, now, &full);
    let inactive = PvcStatus {
        active: false,
        ..active(16)
    };
    Engine::receive(&mut cpe, now, &single(inactive));
    assert!(!cpe.channel_up(ChannelId(0)));
    Engine::receive(&mut cpe, now, &single(active(16)));
    assert!(cpe.channel_up(ChannelId(0)));
    frames(&mut cpe);
    Engine::receive(&mut cpe, now, &single(active(50)));
    assert!(cpe.pvc_list().all(|(dlci, _)| dlci == 16));
    tick(&mut cpe);
    assert_eq!(frames(&mut cpe)[0][9], 0, "a full status is asked for");
    assert_eq!(cpe.link_stats().single_pvc_rx, 4);
}

#[test]
fn node_answers_and_confirms_new_pvcs() {
    let now = Clock::new().now();
    let mut node = link(now, node(Signalling::Ansi), &[16, 17]);
    frames(&mut node);
    node.set_channel_admin(now, ChannelId(1), false).unwrap();
    Engine::receive(&mut node, now, ANSI_FIRST);
    let new = |pvc: PvcStatus| PvcStatus { new: true, ..pvc };
    let down = PvcStatus {
        dlci: 17,
        ..PvcStatus::default()
    };
    let full = |sequence, pvcs: &[PvcStatus]| {
        report(Dialect::AnnexD, ReportType::FullStatus, sequence, pvcs)
    };
    assert_eq!(
        frames(&mut node),
        [full((1, 1), &[new(active(16)), new(down)])]
    );
    assert_eq!(
        events(&mut node),
        [Event::LinkUp, Event::ChannelUp(ChannelId(0))]
    );
    // Not confirmed: told again, also to a link verification.
    Engine::receive(
        &mut node,
        now,
        &enquiry(Dialect::AnnexD, ReportType::LinkIntegrity, 2, 0),
    );
    assert_eq!(
        frames(&mut node),
        [full((2, 2), &[new(active(16)), new(down)])]
    );
    assert_eq!(node.link_stats().bad_receive_sequence, 1);
    Engine::receive(
        &mut node,
        now,
        &enquiry(Dialect::AnnexD, ReportType::LinkIntegrity, 3, 2),
    );
    let integrity = |sequence| report(Dialect::AnnexD, ReportType::LinkIntegrity, sequence, &[]);
    assert_eq!(frames(&mut node), [integrity((3, 3))]);
    // A change is told at once and with the next report.
    node.set_channel_admin(now, ChannelId(1), true).unwrap();
    assert_eq!(
        frames(&mut node),
        [report(
            Dialect::AnnexD,
            ReportType::SinglePvc,
            (0, 0),
            &[active(17)]
        )]
    );
    assert_eq!(events(&mut node), [Event::ChannelUp(ChannelId(1))]);
    Engine::receive(
        &mut node,
        now,
        &enquiry(Dialect::AnnexD, ReportType::LinkIntegrity, 4, 3),
    );
    assert_eq!(frames(&mut node), [full((4, 4), &[active(16), active(17)])]);
    Engine::receive(
        &mut node,
        now,
        &enquiry(Dialect::AnnexD, ReportType::LinkIntegrity, 5, 4),
    );
    assert_eq!(frames(&mut node), [integrity((5, 5))]);
    let stats = node.link_stats();
    assert_eq!((stats.node_rx_full, stats.node_rx_integrity), (1, 4));
    assert_eq!((stats.node_tx_full, stats.node_tx_integrity), (3, 2));
}

#[test]
fn node_goes_down_when_nobody_asks_and_recovers() {
    let mut pair = pair(cpe(Signalling::Lmi), node(Signalling::Lmi), &[16]);
    pair.run_for(SECOND);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    events(&mut pair.b);
    pair.line.cut();
    // T392 is 16 s, N392 3.
    pair.run_for(SECOND * 47);
    assert!(pair.b.link_up());
    pair.run_for(SECOND * 11);
    assert_eq!(events(&mut pair.b), [Event::LinkDown(Cause::Keepalive)]);
    assert_eq!(pair.b.link_stats().t392_timeouts, 3);
    pair.line.join();
    pair.run_for(SECOND * 40);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    assert_eq!(
        events(&mut pair.b),
        [Event::LinkUp, Event::ChannelUp(ChannelId(0))]
    );
}

#[test]
fn without_signalling_channels_follow_the_carrier() {
    let now = Clock::new().now();
    for config in [cpe(Signalling::None), node(Signalling::None)] {
        let mut link = link(now, config, &[16, 17]);
        assert!(all_up(&link));
        assert_eq!(Engine::poll_timeout(&link), None);
        assert_eq!(frames(&mut link), [[0; 0]; 0]);
        assert_eq!(events(&mut link).len(), 3);
        Engine::receive(&mut link, now, ANSI_FIRST);
        assert_eq!(link.link_stats().unexpected_signalling, 1);
        link.carrier(now, false);
        assert_eq!(events(&mut link), [Event::LinkDown(Cause::Carrier)]);
        link.carrier(now, true);
        assert_eq!(events(&mut link).len(), 3);
    }
}

#[test]
fn many_pvcs_come_in_continued_reports() {
    let dlcis: Vec<u16> = (1..=991).collect();
    for (signalling, parts) in [
        (Signalling::Ansi, 4),
        (Signalling::Q933, 4),
        (Signalling::Lmi, 6),
    ] {
        let mut pair = pair(cpe(signalling), node(signalling), &dlcis);
        pair.run_for(SECOND);
        assert!(all_up(&pair.a), "{signalling:?}");
        assert_eq!(pair.b.link_stats().node_tx_full, parts);
        // Confirmed part by part: no longer new.
        pair.run_for(SECOND * 70);
        assert!(
            pair.a
                .pvc_list()
                .all(|(_, bits)| bits == status::INCLUDED | status::ACTIVE)
        );
        assert_eq!(pair.a.pvc_list().count(), 991);
        assert_eq!(pair.a.link_stats().downs, 0);
        let now = pair.now();
        pair.b.remove_channel(now, ChannelId(500)).unwrap();
        pair.run_for(SECOND);
        assert!(!pair.a.channel_up(ChannelId(500)));
        assert!(pair.a.channel_up(ChannelId(499)) && pair.a.channel_up(ChannelId(501)));
    }
}

#[test]
fn endless_continuation_is_refused() {
    let now = Clock::new().now();
    let mut cpe = link(now, cpe(Signalling::Ansi), &[16]);
    let mut asked = 0;
    for _ in 0..100 {
        asked += frames(&mut cpe).len();
        let send = cpe.link_stats().send_sequence;
        let part = report(
            Dialect::AnnexD,
            ReportType::FullStatusContinued,
            (1, send),
            &[active(16)],
        );
        Engine::receive(&mut cpe, now, &part);
    }
    assert_eq!(asked, 2, "the first enquiry and one continuation");
    assert_eq!(cpe.link_stats().bad_signalling, 1);
}

#[test]
fn auto_dlci_takes_what_the_switch_has() {
    let mut pair = Pair::new(
        1,
        Impairments::NONE,
        |now| {
            let mut link = FrameRelay::new(cpe(Signalling::Ansi)).unwrap();
            link.add_channel(now, ChannelId(3), ChannelConfig::default())
                .unwrap();
            link.carrier(now, true);
            link
        },
        |now| link(now, node(Signalling::Ansi), &[100, 200]),
    );
    let auto = ChannelId(3);
    assert_eq!(pair.a.channel_dlci(auto), None);
    pair.run_for(SECOND);
    assert_eq!(pair.a.channel_dlci(auto), Some(100));
    assert_eq!(
        events(&mut pair.a),
        [
            Event::LinkUp,
            Event::ChannelUp(auto),
            Event::UnconfiguredDlci {
                dlci: 200,
                present: true
            }
        ]
    );
    let now = pair.now();
    pair.b.remove_channel(now, ChannelId(0)).unwrap();
    pair.run_for(SECOND * 20);
    assert_eq!(pair.a.channel_dlci(auto), Some(200));
    assert!(pair.a.channel_up(auto));
    assert_eq!(
        pair.a
            .add_channel(now, ChannelId(4), ChannelConfig::new(16)),
        Err(ChannelError::AutoNotAlone)
    );
    assert_eq!(
        pair.b
            .add_channel(now, ChannelId(4), ChannelConfig::default()),
        Err(ChannelError::AutoNotAlone)
    );
}

#[test]
fn channels_come_and_go_without_disturbing_others() {
    let mut pair = pair(cpe(Signalling::Q933), node(Signalling::Q933), &[16]);
    pair.run_for(SECOND);
    events(&mut pair.a);
    let now = pair.now();
    for link in [&mut pair.a, &mut pair.b] {
        link.add_channel(now, ChannelId(7), ChannelConfig::new(50))
            .unwrap();
    }
    pair.run_for(SECOND);
    assert_eq!(events(&mut pair.a), [Event::ChannelUp(ChannelId(7))]);
    let moved = ChannelConfig::new(51);
    let now = pair.now();
    pair.a
        .reconfigure_channel(now, ChannelId(7), moved)
        .unwrap();
    assert_eq!(events(&mut pair.a)[0], Event::ChannelDown(ChannelId(7)));
    pair.b
        .reconfigure_channel(now, ChannelId(7), moved)
        .unwrap();
    pair.run_for(SECOND * 11);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    let now = pair.now();
    pair.a.remove_channel(now, ChannelId(7)).unwrap();
    pair.b.remove_channel(now, ChannelId(7)).unwrap();
    pair.run_for(SECOND * 100);
    assert!(all_up(&pair.a));
    assert_eq!(pair.a.pvc_list().count(), 1);
    assert_eq!(pair.a.link_stats().downs, 0);

    let now = pair.now();
    let taken = pair
        .a
        .add_channel(now, ChannelId(9), ChannelConfig::new(16));
    assert_eq!(taken, Err(ChannelError::DlciTaken(16)));
    let taken = pair
        .a
        .add_channel(now, ChannelId(0), ChannelConfig::new(17));
    assert_eq!(taken, Err(ChannelError::IdTaken(ChannelId(0))));
    let missing = pair.a.remove_channel(now, ChannelId(9));
    assert_eq!(missing, Err(ChannelError::NoSuchChannel(ChannelId(9))));
    for (id, dlci) in [(1, 0), (1, 992), (1024, 16)] {
        let refused = pair
            .a
            .add_channel(now, ChannelId(id), ChannelConfig::new(dlci));
        assert!(matches!(refused, Err(ChannelError::Range(_))));
    }
}
