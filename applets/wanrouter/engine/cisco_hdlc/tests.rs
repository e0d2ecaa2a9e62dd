//! Tests of the engine, event by event.

use super::*;
use crate::Marks;
use wanbox_sim::Clock;
use wanbox_wire::cisco_hdlc::{Frame, Slarp};

const CHANNEL: ChannelId = ChannelId(7);
const ONE: Ipv4Addr = Ipv4Addr::new(201, 1, 1, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(201, 1, 1, 2);
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);
const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config {
        channel: CHANNEL,
        ..Config::default()
    }
}

/// An engine, its clock and what to do with both.
struct Bench {
    clock: Clock,
    engine: CiscoHdlc,
}

impl Bench {
    fn new(config: Config) -> Self {
        let clock = Clock::new();
        let engine = CiscoHdlc::new(config, clock.now(), 1).unwrap();
        Self { clock, engine }
    }

    fn with_carrier(config: Config) -> Self {
        let mut bench = Self::new(config);
        bench.engine.carrier(bench.clock.now(), true);
        bench
    }

    /// Up, with the one keepalive that takes.
    fn up(config: Config) -> Self {
        let mut bench = Self::with_carrier(config);
        assert_eq!(bench.messages().len(), 1);
        bench.keepalive(1000, 1);
        assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
        bench
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.engine.handle_timeout(self.clock.now());
    }

    fn frames(&mut self) -> Vec<Vec<u8>> {
        self.engine.handle_timeout(self.clock.now());
        let mut frames = Vec::new();
        let mut frame = vec![0xa5; 100];
        while self.engine.poll_transmit(&mut frame) {
            frames.push(frame.clone());
        }
        frames
    }

    fn messages(&mut self) -> Vec<SlarpMessage> {
        self.frames()
            .iter()
            .map(|octets| {
                let frame = Frame::parse(octets).unwrap();
                let header = FrameRepr::parse(&frame).unwrap();
                assert!(header.broadcast && header.protocol == Protocol::Slarp);
                SlarpRepr::parse(&Slarp::parse(frame.payload()).unwrap())
                    .unwrap()
                    .message
            })
            .collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    fn slarp(&mut self, message: SlarpMessage) {
        let frame = slarp(message);
        assert_eq!(self.engine.receive(self.clock.now(), &frame), None);
    }

    fn keepalive(&mut self, sequence: u32, last_received: u32) {
        self.slarp(SlarpMessage::Keepalive {
            sequence,
            last_received,
        });
    }
}

fn slarp(message: SlarpMessage) -> Vec<u8> {
    let mut frame = vec![0x8f, 0, 0x80, 0x35];
    frame.extend_from_slice(
        &SlarpRepr {
            message,
            reliability: RELIABILITY,
            uptime_ms: 0,
        }
        .octets(),
    );
    frame
}

fn keepalive(sequence: u32, last_received: u32) -> SlarpMessage {
    SlarpMessage::Keepalive {
        sequence,
        last_received,
    }
}

#[test]
fn the_first_frames_are_those_of_real_routers() {
    let mut bench = Bench::new(Config {
        slarp_request_ms: 5000,
        ..config()
    });
    assert!(bench.frames().is_empty(), "nothing without a carrier");
    assert_eq!(bench.engine.poll_timeout(), None, "nor a wake-up");
    bench.pass(SECOND);
    bench.engine.carrier(bench.clock.now(), true);
    let frames = bench.frames();
    assert_eq!(
        frames,
        [
            [
                0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 3,
                0xe8
            ],
            [
                0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 3,
                0xe8
            ]
        ]
    );
    let stats = bench.engine.stats();
    assert_eq!((stats.keepalives_tx, stats.slarp_requests_tx), (1, 1));
    assert_eq!((stats.tx_frames, stats.tx_octets), (2, 44));
    assert_eq!(stats.tx_broadcast, 2);
}

#[test]
fn an_answer_to_our_count_brings_the_link_up() {
    let mut bench = Bench::with_carrier(config());
    assert_eq!(bench.messages(), [keepalive(1, 0)]);
    bench.keepalive(40, 0);
    bench.keepalive(41, 9);
    assert!(!bench.engine.link_up());
    assert_eq!(bench.events(), []);
    bench.keepalive(42, 1);
    assert!(bench.engine.link_up());
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
    assert_eq!(bench.engine.sequences(), (1, 42));
    bench.pass(SECOND * 10);
    assert_eq!(bench.messages(), [keepalive(2, 42)]);
    bench.keepalive(43, 2);
    assert_eq!(bench.events(), [], "once");
    assert_eq!(bench.engine.stats().link_up, 1);
    assert_eq!(bench.engine.stats().keepalives_rx, 4);
}

#[test]
fn the_link_goes_down_after_the_tolerance_exactly() {
    let mut bench = Bench::up(config());
    for missed in 1..=3 {
        assert!(bench.engine.link_up());
        bench.pass(SECOND * 10 - Duration::from_millis(1));
        assert_eq!(bench.engine.stats().keepalive_timeouts, missed - 1);
        bench.pass(Duration::from_millis(1));
        assert_eq!(bench.engine.stats().keepalive_timeouts, missed);
        assert_eq!(bench.messages().len(), 1);
    }
    assert!(!bench.engine.link_up());
    assert_eq!(bench.events(), [Event::LinkDown(Cause::Keepalive)]);
    assert_eq!(bench.engine.stats().down_keepalive, 1);
    // The peer is heard, but hears nothing.
    bench.keepalive(1001, 1);
    assert!(!bench.engine.link_up());
    let (own, _) = bench.engine.sequences();
    bench.keepalive(1002, own);
    assert!(bench.engine.link_up());
}

#[test]
fn a_late_look_at_the_clock_counts_what_was_missed() {
    let mut bench = Bench::up(config());
    bench.pass(SECOND * 100_000);
    assert_eq!(bench.events(), [Event::LinkDown(Cause::Keepalive)]);
    assert_eq!(bench.engine.stats().keepalive_timeouts, 3);
    assert_eq!(bench.messages().len(), 1, "one keepalive, not ten thousand");
}

#[test]
fn one_answer_in_time_is_enough() {
    let mut bench = Bench::up(config());
    for _ in 0..100 {
        bench.pass(SECOND * 29);
        bench.messages();
        let (own, heard) = bench.engine.sequences();
        bench.keepalive(heard + 1, own);
    }
    assert_eq!(bench.events(), []);
    assert!(bench.engine.link_up());
}

#[test]
fn without_carrier_everything_stops() {
    let mut bench = Bench::up(config());
    bench.pass(SECOND);
    bench.engine.carrier(bench.clock.now(), false);
    assert_eq!(bench.events(), [Event::LinkDown(Cause::Carrier)]);
    assert_eq!(bench.engine.poll_timeout(), None);
    bench.keepalive(1001, 1);
    assert_eq!(bench.engine.stats().rx_inactive, 1);
    assert!(!bench.engine.link_up());
    bench.engine.carrier(bench.clock.now(), true);
    assert_eq!(bench.messages(), [keepalive(2, 0)], "the peer is forgotten");
    bench.keepalive(500, 2);
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
    let stats = bench.engine.stats();
    assert_eq!((stats.link_up, stats.down_carrier), (2, 1));
    assert_eq!((stats.dcd_changes, stats.cts_changes), (3, 3));
}

#[test]
fn ignored_modem_signals_do_not_matter() {
    for (ignore_dcd, ignore_cts, dcd, cts, there) in [
        (false, false, true, true, true),
        (false, false, true, false, false),
        (false, false, false, true, false),
        (true, false, false, true, true),
        (true, false, true, false, false),
        (false, true, true, false, true),
        (false, true, false, true, false),
        (true, true, false, false, true),
    ] {
        let mut bench = Bench::new(Config {
            ignore_dcd,
            ignore_cts,
            ..config()
        });
        bench.engine.modem(bench.clock.now(), dcd, cts);
        assert_eq!(!bench.messages().is_empty(), there);
        assert_eq!(bench.engine.modem_status(), (dcd, cts));
    }
}

#[test]
fn with_keepalives_ignored_the_carrier_decides() {
    let mut bench = Bench::with_carrier(Config {
        ignore_keepalive: true,
        ..config()
    });
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
    assert_eq!(bench.engine.poll_timeout(), None, "an idle link sleeps");
    bench.pass(SECOND * 3600);
    assert_eq!(bench.messages(), []);
    bench.keepalive(1, 0);
    assert_eq!(bench.engine.stats().keepalives_rx, 1);
    assert!(bench.engine.link_up());
    bench.engine.carrier(bench.clock.now(), false);
    assert_eq!(bench.events(), [Event::LinkDown(Cause::Carrier)]);
}

#[test]
fn with_everything_ignored_the_link_is_always_up() {
    let mut bench = Bench::new(Config {
        ignore_dcd: true,
        ignore_cts: true,
        ignore_keepalive: true,
        ..config()
    });
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
    bench.engine.carrier(bench.clock.now(), true);
    bench.engine.carrier(bench.clock.now(), false);
    assert_eq!(bench.events(), []);
}

#[test]
fn without_own_keepalives_the_peers_are_enough() {
    let mut bench = Bench::with_carrier(Config {
        keepalive_tx_ms: 0,
        ..config()
    });
    assert_eq!(bench.messages(), []);
    bench.keepalive(1, 0);
    assert!(bench.engine.link_up());
    bench.pass(SECOND * 30);
    assert_eq!(
        bench.events().last(),
        Some(&Event::LinkDown(Cause::Keepalive))
    );
}

#[test]
fn a_new_peer_is_answered_soon_but_not_too_often() {
    let mut bench = Bench::up(config());
    // Heard first at once after our first keepalive.
    bench.pass(SECOND - Duration::from_millis(1));
    assert_eq!(bench.messages(), []);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.messages(), [keepalive(2, 1000)]);
    // It restarts, and restarts, and restarts.
    for count in (1..=1000).rev() {
        bench.pass(Duration::from_millis(10));
        bench.keepalive(count, 0);
    }
    assert!(bench.engine.stats().keepalives_tx <= 12);
    assert!(bench.engine.stats().peer_restarts > 990);
    assert!(bench.engine.link_up());
}

#[test]
fn a_restarted_peer_does_not_take_the_link_down() {
    let mut bench = Bench::up(config());
    for _ in 0..20 {
        bench.pass(SECOND * 10);
        bench.messages();
        let (own, heard) = bench.engine.sequences();
        bench.keepalive(heard + 1, own);
    }
    bench.pass(SECOND * 5);
    bench.keepalive(1, 0);
    let (own, _) = bench.engine.sequences();
    assert_eq!(
        bench.messages(),
        [keepalive(own + 1, 1)],
        "answered at once"
    );
    bench.keepalive(2, own + 1);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.engine.stats().peer_restarts, 1);
    assert_eq!(bench.engine.stats().link_up, 1);
}

#[test]
fn a_looped_line_is_found_and_left() {
    let mut bench = Bench::up(config());
    let mut down = None;
    for second in 0..40 {
        for message in bench.messages() {
            bench.slarp(message);
        }
        if let Some(event) = bench.events().first() {
            down = Some((second, *event));
            break;
        }
        bench.pass(SECOND);
    }
    assert!(
        matches!(down, Some((..=12, Event::LinkDown(Cause::Looped)))),
        "{down:?}"
    );
    assert!(bench.engine.looped());
    for _ in 0..100 {
        bench.pass(SECOND);
        for message in bench.messages() {
            bench.slarp(message);
        }
        assert!(bench.engine.looped() && !bench.engine.link_up());
    }
    assert_eq!(bench.events(), [], "said once");
    assert_eq!(bench.engine.stats().looped, 1);
    let (own, _) = bench.engine.sequences();
    bench.keepalive(77, own);
    assert!(bench.engine.link_up() && !bench.engine.looped());
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
}

#[test]
fn a_line_looped_from_the_start_says_so() {
    let mut bench = Bench::with_carrier(config());
    for _ in 0..5 {
        for message in bench.messages() {
            bench.slarp(message);
        }
        bench.pass(SECOND);
    }
    assert_eq!(bench.events(), [Event::LinkDown(Cause::Looped)]);
    // The loop goes, and nobody is there.
    bench.pass(SECOND * 30);
    assert!(!bench.engine.looped());
    assert_eq!(bench.events(), []);
}

#[test]
fn an_address_is_asked_for_until_it_is_given() {
    let mut bench = Bench::with_carrier(Config {
        slarp_request_ms: 1000,
        ignore_keepalive: true,
        ..config()
    });
    bench.events();
    let request = SlarpMessage::Request {
        address: Ipv4Addr::UNSPECIFIED,
        mask: Ipv4Addr::UNSPECIFIED,
    };
    for asked in 1..=5 {
        assert_eq!(bench.messages(), [request]);
        assert_eq!(bench.engine.stats().request_timeouts, asked - 1);
        bench.pass(SECOND);
    }
    assert_eq!(bench.engine.slarp_state(), SlarpState::Requesting);
    for (address, mask) in [
        (Ipv4Addr::new(201, 1, 1, 3), MASK),
        (ONE, Ipv4Addr::new(255, 0, 255, 0)),
        (ONE, Ipv4Addr::UNSPECIFIED),
    ] {
        bench.slarp(SlarpMessage::Reply { address, mask });
    }
    assert_eq!(bench.engine.stats().reply_bad_address, 1);
    assert_eq!(bench.engine.stats().reply_bad_mask, 2);
    assert_eq!(bench.events(), []);
    bench.slarp(SlarpMessage::Reply {
        address: ONE,
        mask: MASK,
    });
    assert_eq!(
        bench.events(),
        [
            Event::LocalAddress(CHANNEL, TWO, MASK),
            Event::PeerAddress(CHANNEL, ONE)
        ]
    );
    assert_eq!(bench.engine.slarp_state(), SlarpState::Resolved);
    assert_eq!(bench.engine.local_address(), Some((TWO, MASK)));
    assert_eq!(bench.engine.poll_timeout(), None);
    // Another reply changes nothing.
    bench.slarp(SlarpMessage::Reply {
        address: Ipv4Addr::new(10, 0, 0, 1),
        mask: MASK,
    });
    assert_eq!(bench.engine.stats().reply_unsolicited, 1);
    assert_eq!(bench.engine.local_address(), Some((TWO, MASK)));
    // When the line returns it is asked for again; the same answer is no news.
    bench.engine.carrier(bench.clock.now(), false);
    bench.engine.carrier(bench.clock.now(), true);
    bench.events();
    assert_eq!(bench.messages(), [request]);
    bench.slarp(SlarpMessage::Reply {
        address: ONE,
        mask: MASK,
    });
    assert_eq!(bench.events(), []);
    bench.engine.carrier(bench.clock.now(), false);
    bench.engine.carrier(bench.clock.now(), true);
    bench.slarp(SlarpMessage::Reply {
        address: TWO,
        mask: MASK,
    });
    assert!(
        bench
            .events()
            .contains(&Event::LocalAddress(CHANNEL, ONE, MASK))
    );
}

#[test]
fn requests_are_answered_with_our_address() {
    let mut bench = Bench::up(config());
    let request = SlarpMessage::Request {
        address: Ipv4Addr::UNSPECIFIED,
        mask: Ipv4Addr::UNSPECIFIED,
    };
    bench.slarp(request);
    assert_eq!(bench.messages(), [], "we have none");
    assert_eq!(bench.engine.stats().requests_unanswered, 1);
    bench.engine.set_local_address(Some((ONE, MASK)));
    for _ in 0..1000 {
        bench.slarp(request);
    }
    let reply = SlarpMessage::Reply {
        address: ONE,
        mask: MASK,
    };
    assert_eq!(bench.messages(), [reply], "a flood is answered once a turn");
    assert_eq!(bench.engine.stats().slarp_requests_rx, 1001);
    assert_eq!(bench.engine.stats().slarp_replies_tx, 1);
}

#[test]
fn a_looped_line_gives_no_address() {
    let mut bench = Bench::with_carrier(Config {
        slarp_request_ms: 1000,
        ..config()
    });
    bench.engine.set_local_address(Some((TWO, MASK)));
    for _ in 0..20 {
        for frame in bench.frames() {
            bench.engine.receive(bench.clock.now(), &frame);
        }
        bench.pass(SECOND);
    }
    assert_eq!(bench.engine.slarp_state(), SlarpState::Requesting);
    assert_eq!(bench.engine.stats().slarp_replies_tx, 0);
    assert_eq!(bench.engine.local_address(), Some((TWO, MASK)));
}

#[test]
fn packets_pass_while_the_link_is_up() {
    let mut bench = Bench::with_carrier(config());
    let four = [0x0f, 0, 0x08, 0x00, 0x45, 1, 2, 3];
    let six = [0x8f, 0, 0x86, 0xdd, 0x60, 1, 2, 3];
    let now = bench.clock.now();
    let send = |bench: &mut Bench, channel, kind, octets| {
        bench.engine.encapsulate(now, channel, kind, octets)
    };
    assert_eq!(bench.engine.receive(now, &four), None);
    assert_eq!(bench.engine.stats().rx_inactive, 1);
    assert_eq!(
        send(&mut bench, CHANNEL, PayloadKind::Ipv4, 100),
        Err(Refusal::LinkDown)
    );

    let mut bench = Bench::up(config());
    let delivery = bench.engine.receive(now, &four).unwrap();
    assert_eq!(delivery.channel, CHANNEL);
    assert_eq!(delivery.kind, PayloadKind::Ipv4);
    assert_eq!(delivery.payload, &four[4..]);
    let delivery = bench.engine.receive(now, &six).unwrap();
    assert_eq!(delivery.kind, PayloadKind::Ipv6);

    bench.engine.flush(now);
    let header = send(&mut bench, CHANNEL, PayloadKind::Ipv4, 1500).unwrap();
    assert_eq!(header.as_ref(), [0x0f, 0, 0x08, 0x00]);
    let header = send(&mut bench, CHANNEL, PayloadKind::Ipv6, 40).unwrap();
    assert_eq!(header.as_ref(), [0x0f, 0, 0x86, 0xdd]);
    assert_eq!(
        send(&mut bench, CHANNEL, PayloadKind::Ipv4, 1501),
        Err(Refusal::TooLong { limit: 1500 })
    );
    assert_eq!(
        send(&mut bench, ChannelId(8), PayloadKind::Ipv4, 1),
        Err(Refusal::ChannelDown)
    );
    for kind in [PayloadKind::Ethernet, PayloadKind::Raw(Marks::default())] {
        assert_eq!(
            send(&mut bench, CHANNEL, kind, 1),
            Err(Refusal::Unsupported)
        );
    }
    assert_eq!(
        *bench.engine.stats(),
        Stats {
            tx_frames: 2,
            tx_octets: 1548,
            tx_too_long: 1,
            tx_wrong_channel: 1,
            tx_unsupported: 2,
            ..Stats::default()
        }
    );
}

#[test]
fn every_bad_frame_has_its_counter() {
    let long = {
        let mut frame = vec![0x0f, 0, 8, 0, 0x45];
        frame.resize(4 + 1501, 0);
        frame
    };
    let code_3 = {
        let mut frame = slarp(keepalive(1, 0));
        frame[7] = 3;
        frame
    };
    let short_slarp = slarp(keepalive(1, 0))[..21].to_vec();
    type Counter = fn(&Stats) -> u64;
    let cases: [(&[u8], Counter); 14] = [
        (&[], |s| s.rx_short),
        (&[0x0f, 0, 8], |s| s.bad_header),
        (&[0xff, 0x03, 0, 0x21], |s| s.bad_address),
        (&[0x0f, 0x03, 8, 0], |s| s.bad_control),
        (&[0x0f, 0, 0x12, 0x34], |s| s.bad_type),
        (&[0x0f, 0, 8, 0], |s| s.bad_payload),
        (&[0x0f, 0, 8, 0, 0x60], |s| s.bad_payload),
        (&[0x0f, 0, 0x86, 0xdd, 0x45], |s| s.bad_payload),
        (&[0x8f, 0, 0x20, 0, 1, 180], |s| s.cdp_rx),
        (&[0x0f, 0, 0x81, 0x37, 0xff, 0xff], |s| s.ipx_rx),
        (&long, |s| s.rx_long),
        (&long, |s| s.bad_length),
        (&short_slarp, |s| s.bad_slarp_length),
        (&code_3, |s| s.bad_slarp_code),
    ];
    for (frame, counter) in cases {
        let mut bench = Bench::up(config());
        bench.engine.flush(bench.clock.now());
        assert_eq!(bench.engine.receive(bench.clock.now(), frame), None);
        let stats = bench.engine.stats();
        assert_eq!(counter(stats), 1, "{frame:02x?}: {stats:?}");
        assert_eq!((stats.rx_frames, stats.rx_octets), (1, frame.len() as u64));
    }
}

#[test]
fn streaming_hands_whole_frames_over() {
    let mut bench = Bench::with_carrier(Config {
        streaming: true,
        slarp_request_ms: 1000,
        ..config()
    });
    assert_eq!(bench.events(), [Event::LinkUp, Event::ChannelUp(CHANNEL)]);
    assert_eq!(bench.engine.poll_timeout(), None);
    assert_eq!(bench.engine.slarp_state(), SlarpState::Configured);
    let now = bench.clock.now();
    for (frame, kind) in [
        (&[0x45, 0, 0][..], PayloadKind::Ipv4),
        (&[0x60], PayloadKind::Ipv6),
        (&[0x0f, 0, 8, 0, 0x45], PayloadKind::Raw(Marks::default())),
        (&slarp(keepalive(1, 0)), PayloadKind::Raw(Marks::default())),
    ] {
        let delivery = bench.engine.receive(now, frame).unwrap();
        assert_eq!((delivery.kind, delivery.payload), (kind, frame));
    }
    assert_eq!(bench.engine.receive(now, &[]), None);
    assert_eq!(bench.engine.receive(now, &[0; 1501]), None);
    assert_eq!(
        (
            bench.engine.stats().rx_short,
            bench.engine.stats().rx_long,
            bench.engine.stats().bad_length
        ),
        (1, 1, 0)
    );
    for kind in [
        PayloadKind::Ipv4,
        PayloadKind::Ipv6,
        PayloadKind::Raw(Marks::default()),
    ] {
        let header = bench.engine.encapsulate(now, CHANNEL, kind, 100).unwrap();
        assert!(header.as_ref().is_empty());
    }
}

#[test]
fn a_raw_channel_gets_every_type_but_slarp() {
    let mut bench = Bench::up(Config {
        raw: true,
        ..config()
    });
    let now = bench.clock.now();
    let of = |protocol| {
        PayloadKind::Raw(Marks {
            protocol,
            ..Marks::default()
        })
    };
    for (kind, frame) in [
        (0x0800, &[0x0f, 0, 0x08, 0x00, 0xff, 1][..]),
        (0x2000, &[0x8f, 0, 0x20, 0x00, 1, 180]),
        (0x1234, &[0x0f, 0, 0x12, 0x34]),
    ] {
        let delivery = bench.engine.receive(now, frame).unwrap();
        assert_eq!((delivery.kind, delivery.payload), (of(kind), &frame[4..]));
    }
    let keepalive = slarp(keepalive(1, 0));
    assert_eq!(bench.engine.receive(now, &keepalive), None);
    let send = |bench: &mut Bench, kind| bench.engine.encapsulate(now, CHANNEL, kind, 10);
    let header = send(&mut bench, of(0x1234)).unwrap();
    assert_eq!(header.as_ref(), [0x0f, 0, 0x12, 0x34]);
    assert_eq!(
        send(&mut bench, of(0x8035)),
        Err(Refusal::Unsupported),
        "keepalives are the engine's"
    );
}

#[test]
fn wrong_configurations_name_key_and_range() {
    let wrong = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        CiscoHdlc::new(config, Clock::new().now(), 0)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        wrong(|c| c.keepalive_rx_ms = 9),
        "KEEPALIVE_RX_TIMER: 9 is out of range: 10 to 60000 is allowed"
    );
    assert_eq!(
        wrong(|c| c.keepalive_tx_ms = 60_001),
        "KEEPALIVE_TX_TIMER: 60001 is out of range: 0 to 60000 is allowed"
    );
    assert_eq!(
        wrong(|c| c.keepalive_tolerance = 0),
        "KEEPALIVE_ERR_MARGIN: 0 is out of range: 1 to 20 is allowed"
    );
    assert_eq!(
        wrong(|c| c.keepalive_tolerance = 21),
        "KEEPALIVE_ERR_MARGIN: 21 is out of range: 1 to 20 is allowed"
    );
    assert_eq!(
        wrong(|c| c.slarp_request_ms = 60_001),
        "SLARP_TIMER: 60001 is out of range: 0 to 60000 is allowed"
    );
    assert_eq!(
        wrong(|c| c.mtu = 127),
        "MTU: 127 is out of range: 128 to 15354 is allowed"
    );
    assert!(Config::default().check().is_ok());
}

#[test]
fn events_that_nobody_fetches_are_bounded() {
    let mut bench = Bench::new(Config {
        ignore_keepalive: true,
        ..config()
    });
    for turn in 0..1000 {
        bench.engine.carrier(bench.clock.now(), turn % 2 == 0);
    }
    let events = bench.events();
    assert_eq!(events.len(), EVENT_LIMIT);
    assert_eq!(events.last(), Some(&Event::LinkDown(Cause::Carrier)));
    assert_eq!(
        bench.engine.stats().events_lost,
        1500 - EVENT_LIMIT as u64,
        "nothing vanishes without a trace"
    );
}
