//! User data, addresses and committed rates.

use super::*;

const NONE: ChannelId = ChannelId(9);
const FIRST: ChannelId = ChannelId(0);

/// A link without signalling and one channel.
fn open(now: Instant, config: ChannelConfig) -> FrameRelay {
    let mut link = FrameRelay::new(cpe(Signalling::None)).unwrap();
    link.add_channel(now, FIRST, config).unwrap();
    link.carrier(now, true);
    events(&mut link);
    link
}

fn rate(cir: u64, bc: u64, be: u64) -> ChannelConfig {
    ChannelConfig {
        committed: Some(CommittedRate { cir, bc, be }),
        ..ChannelConfig::new(16)
    }
}

#[test]
fn packets_of_every_kind_pass_and_others_are_refused() {
    let now = Clock::new().now();
    for (style, bridged, kind, head) in [
        (
            Style::Ietf,
            false,
            PayloadKind::Ipv4,
            &[0x04, 0x01, 0x03, 0xcc][..],
        ),
        (
            Style::Ietf,
            false,
            PayloadKind::Ipv6,
            &[0x04, 0x01, 0x03, 0x8e],
        ),
        (
            Style::Cisco,
            false,
            PayloadKind::Ipv4,
            &[0x04, 0x01, 0x08, 0x00],
        ),
        (
            Style::Ietf,
            true,
            PayloadKind::Ethernet,
            &[0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0x00, 0x07],
        ),
    ] {
        let mut link = open(
            now,
            ChannelConfig {
                encapsulation: style,
                bridged,
                ..ChannelConfig::new(16)
            },
        );
        let header = link.encapsulate(now, FIRST, kind, 100).unwrap();
        assert_eq!(header.as_ref(), head);
        let packet = match kind {
            PayloadKind::Ipv6 => [0x60; 100],
            _ => [0x45; 100],
        };
        let frame = [head, &packet].concat();
        let delivery = Engine::receive(&mut link, now, &frame).unwrap();
        assert_eq!((delivery.channel, delivery.kind), (FIRST, kind));
        assert_eq!(delivery.payload, packet);
        let information = (head.len() - 2 + 100) as u64;
        let stats = link.channel_stats(FIRST).unwrap();
        assert_eq!((stats.tx_frames, stats.rx_frames), (1, 1));
        assert_eq!(
            (stats.tx_octets, stats.rx_octets),
            (information, information)
        );

        let limit = if bridged { 1518 } else { 1500 };
        assert!(link.encapsulate(now, FIRST, kind, limit).is_ok());
        assert_eq!(
            link.encapsulate(now, FIRST, kind, limit + 1),
            Err(Refusal::TooLong { limit })
        );
        let other = if bridged {
            PayloadKind::Ipv4
        } else {
            PayloadKind::Ethernet
        };
        assert_eq!(
            link.encapsulate(now, FIRST, other, 1),
            Err(Refusal::Unsupported)
        );
        assert_eq!(
            link.encapsulate(now, NONE, kind, 1),
            Err(Refusal::ChannelDown)
        );
        link.set_channel_admin(now, FIRST, false).unwrap();
        assert_eq!(
            link.encapsulate(now, FIRST, kind, 1),
            Err(Refusal::ChannelDown)
        );
        assert!(Engine::receive(&mut link, now, &frame).is_none());
        link.carrier(now, false);
        assert_eq!(
            link.encapsulate(now, FIRST, kind, 1),
            Err(Refusal::LinkDown)
        );
        assert!(Engine::receive(&mut link, now, &frame).is_none());
        let stats = link.channel_stats(FIRST).unwrap();
        assert_eq!(
            [
                stats.tx_too_long,
                stats.tx_unsupported,
                stats.tx_down,
                stats.rx_inactive
            ],
            [1; 4]
        );
        let stats = link.link_stats();
        assert_eq!(
            [
                stats.tx_unknown_channel,
                stats.tx_link_down,
                stats.rx_without_carrier
            ],
            [1; 3]
        );
        assert!(link.flush_channel_stats(now, FIRST));
        assert_eq!(link.channel_stats(FIRST), Some(&ChannelStats::new(now)));
        link.flush_link_stats();
        assert_eq!(link.link_stats().tx_link_down, 0);
    }
}

#[test]
fn bad_frames_are_counted_by_cause() {
    let now = Clock::new().now();
    let mut link = open(now, ChannelConfig::new(16));
    for frame in [
        &[][..],
        &[4],
        &[5, 1],
        &[4, 0, 0],
        &[4, 0x11, 3, 0xcc],
        &[4, 1, 3],
        &[4, 1, 3, 0xcf, 1],
        &[4, 1, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7, 1],
        &[4, 1, 3, 0, 0x80, 0, 0, 0, 8, 6, 1],
        &[0; 15357],
        &[0, 1, 3, 8, 0],
    ] {
        assert!(Engine::receive(&mut link, now, frame).is_none());
    }
    let stats = link.link_stats();
    assert_eq!(
        [
            stats.rx_too_short,
            stats.rx_bad_address,
            stats.rx_unknown_dlci,
            stats.rx_format_error,
            stats.rx_too_long,
            stats.unexpected_signalling,
        ],
        [2, 2, 1, 1, 1, 1]
    );
    let stats = link.channel_stats(FIRST).unwrap();
    assert_eq!(
        (stats.rx_frames, stats.rx_dropped, stats.arp_refused),
        (4, 3, 1)
    );
}

#[test]
fn committed_rate_marks_and_holds() {
    let now = Clock::new().now();
    let mut link = open(now, rate(64_000, 16_000, 8_000));
    let mut send = |octets| link.encapsulate(now, FIRST, PayloadKind::Ipv4, octets);
    assert_eq!(send(998).unwrap().as_ref(), [0x04, 0x01, 0x03, 0xcc]);
    assert_eq!(send(998).unwrap().as_ref(), [0x04, 0x01, 0x03, 0xcc]);
    assert_eq!(send(998).unwrap().as_ref(), [0x04, 0x03, 0x03, 0xcc], "DE");
    let Err(Refusal::Hold(until)) = send(998) else {
        panic!("nothing is left");
    };
    assert_eq!((until - now).as_millis(), 125);
    assert!(
        link.encapsulate(until, FIRST, PayloadKind::Ipv4, 998)
            .is_ok(),
        "at the time that was named"
    );
    let stats = link.channel_stats(FIRST).unwrap();
    assert_eq!(
        (stats.tx_frames, stats.tx_discard_eligible, stats.tx_held),
        (4, 1, 1)
    );
    assert_eq!(stats.throughput(now + SECOND), (32_000, 0));
}

#[test]
fn becn_takes_the_excess_burst_away_for_a_while() {
    let now = Clock::new().now();
    let mut link = open(now, rate(64_000, 16_000, 64_000));
    let becn = [0x04, 0x05, 0x03, 0xcc, 0x45];
    let clear = [0x04, 0x01, 0x03, 0xcc, 0x45];
    let packets = |link: &mut FrameRelay, now| {
        (0..100)
            .take_while(|_| link.encapsulate(now, FIRST, PayloadKind::Ipv4, 998).is_ok())
            .count()
    };
    Engine::receive(&mut link, now, &becn);
    Engine::receive(&mut link, now, &becn);
    assert!(link.channel_throttled(now, FIRST));
    assert_eq!(packets(&mut link, now), 2, "the committed burst alone");
    for _ in 0..16 {
        assert!(link.channel_throttled(now, FIRST));
        Engine::receive(&mut link, now, &clear);
    }
    assert!(!link.channel_throttled(now, FIRST));
    assert_eq!(packets(&mut link, now), 8, "the excess burst");
    Engine::receive(&mut link, now, &becn);
    assert!(!link.channel_throttled(now + SECOND, FIRST));
    let stats = link.channel_stats(FIRST).unwrap();
    assert_eq!((stats.rx_becn, stats.tx_throttled), (3, 2));

    // Without a committed rate it is only counted.
    let mut link = open(now, ChannelConfig::new(16));
    Engine::receive(&mut link, now, &[0x04, 0x0f, 0x03, 0xcc, 0x45]);
    assert!(!link.channel_throttled(now, FIRST));
    let stats = link.channel_stats(FIRST).unwrap();
    assert_eq!(
        [stats.rx_fecn, stats.rx_becn, stats.rx_discard_eligible],
        [1; 3]
    );
}

#[test]
fn what_is_no_packet_of_its_kind_is_dropped_and_counted() {
    let now = Clock::new().now();
    for (bridged, frame) in [
        (false, &[0x04, 0x01, 0x03, 0xcc][..]),
        (false, &[0x04, 0x01, 0x03, 0xcc, 0x60]),
        (false, &[0x04, 0x01, 0x03, 0x8e, 0x45]),
        (
            true,
            &[
                0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0x00, 0x07, 1, 2, 3,
            ],
        ),
    ] {
        let mut link = open(
            now,
            ChannelConfig {
                bridged,
                ..ChannelConfig::new(16)
            },
        );
        assert_eq!(Engine::receive(&mut link, now, frame), None);
        assert_eq!(link.channel_stats(FIRST).unwrap().rx_dropped, 1);
        assert_eq!(link.link_stats().rx_format_error, 1);
    }
}

#[test]
fn received_beyond_the_committed_burst_is_counted() {
    let now = Clock::new().now();
    let mut link = open(now, rate(64_000, 16_000, 0));
    let mut frame = vec![0x04, 0x01, 0x03, 0xcc];
    frame.resize(1002, 0x45);
    for _ in 0..5 {
        assert!(Engine::receive(&mut link, now, &frame).is_some());
    }
    assert_eq!(link.channel_stats(FIRST).unwrap().rx_over_cir, 3);
}

#[test]
fn rates_are_checked() {
    let now = Clock::new().now();
    let mut link = open(now, ChannelConfig::new(16));
    let refused = link.add_channel(
        now,
        NONE,
        ChannelConfig {
            committed: Some(CommittedRate::from_kbits(0, None, None)),
            ..ChannelConfig::new(17)
        },
    );
    assert!(matches!(refused, Err(ChannelError::Rate(_))));
    let rate = CommittedRate::from_kbits(64, None, Some(16));
    assert_eq!((rate.cir, rate.bc, rate.be), (64_000, 64_000, 16_000));
    assert_eq!(link.channel_of(17), None);
}

fn asking(local: Ipv4Addr, mask: Ipv4Addr) -> ChannelConfig {
    ChannelConfig {
        inarp: true,
        local: Some((local, mask)),
        ..ChannelConfig::new(16)
    }
}

const LEFT: Ipv4Addr = Ipv4Addr::new(201, 1, 1, 1);
const RIGHT: Ipv4Addr = Ipv4Addr::new(201, 1, 1, 2);
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

#[test]
fn inverse_arp_of_the_reference() {
    let now = Clock::new().now();
    let mut left = open(now, asking(LEFT, MASK));
    let mut right = open(
        now,
        ChannelConfig {
            inarp: false,
            inarp_rx: true,
            ..asking(RIGHT, MASK)
        },
    );
    assert_eq!(Engine::poll_timeout(&left), Some(now));
    assert_eq!(Engine::poll_timeout(&right), None);
    Engine::handle_timeout(&mut left, now);
    let request = frames(&mut left);
    assert_eq!(
        request,
        [[
            0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00,
            0x02, 0x04, 0x00, 0x08, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x01, 0, 0, 0, 0, 0, 0
        ]]
    );
    // Asked again every ten seconds.
    assert_eq!(Engine::poll_timeout(&left), Some(now + SECOND * 10));
    Engine::handle_timeout(&mut left, now + SECOND * 10);
    assert_eq!(frames(&mut left), request);
    assert!(Engine::receive(&mut right, now, &request[0]).is_none());
    let reply = frames(&mut right);
    assert_eq!(
        reply,
        [[
            0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00,
            0x02, 0x04, 0x00, 0x09, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x02, 0, 0, 0xc9, 0x01, 0x01, 1
        ]]
    );
    assert_eq!(events(&mut right), [Event::PeerAddress(FIRST, LEFT)]);
    Engine::receive(&mut left, now, &reply[0]);
    assert_eq!(events(&mut left), [Event::PeerAddress(FIRST, RIGHT)]);
    assert_eq!(left.channel_peer(FIRST), Some(RIGHT));
    // Answered: no more requests. A new address of our own asks again.
    Engine::handle_timeout(&mut left, now + SECOND * 20);
    assert_eq!(frames(&mut left).len(), 0);
    let later = now + SECOND * 30;
    left.set_local_address(later, FIRST, Some((LEFT, MASK)))
        .unwrap();
    assert_eq!(left.channel_peer(FIRST), Some(RIGHT));
    let other = Ipv4Addr::new(201, 1, 1, 9);
    left.set_local_address(later, FIRST, Some((other, MASK)))
        .unwrap();
    Engine::handle_timeout(&mut left, later);
    assert_eq!(frames(&mut left).len(), 1);
    let stats = left.channel_stats(FIRST).unwrap();
    assert_eq!((stats.inarp_requests, stats.arp_rx), (3, 1));
}

#[test]
fn implausible_peers_are_refused() {
    let now = Clock::new().now();
    let mut request = [
        0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00, 0x02,
        0x04, 0x00, 0x08, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x01, 0, 0, 0, 0, 0, 0,
    ];
    let mut link = open(now, asking(LEFT, MASK));
    for sender in [
        [201, 1, 1, 1],
        [201, 1, 2, 2],
        [0; 4],
        [224, 0, 0, 1],
        [255; 4],
    ] {
        request[20..24].copy_from_slice(&sender);
        Engine::receive(&mut link, now, &request);
        assert_eq!(frames(&mut link).len(), 0, "{sender:?}");
    }
    assert_eq!(link.channel_stats(FIRST).unwrap().arp_refused, 5);
    // With a host mask any other host may be the peer.
    let mut link = open(now, asking(LEFT, Ipv4Addr::BROADCAST));
    request[20..24].copy_from_slice(&[10, 0, 0, 7]);
    Engine::receive(&mut link, now, &request);
    assert_eq!(link.channel_peer(FIRST), Some(Ipv4Addr::new(10, 0, 0, 7)));
    // Not for channels that do no ARP, have no address, or are bridged.
    for config in [
        ChannelConfig {
            inarp: false,
            ..asking(LEFT, MASK)
        },
        ChannelConfig {
            local: None,
            ..asking(LEFT, MASK)
        },
        ChannelConfig {
            bridged: true,
            ..asking(LEFT, MASK)
        },
    ] {
        let mut link = open(now, config);
        request[20..24].copy_from_slice(&RIGHT.octets());
        Engine::receive(&mut link, now, &request);
        Engine::handle_timeout(&mut link, now);
        assert_eq!(frames(&mut link).len(), 0);
        assert_eq!(link.channel_peer(FIRST), None);
    }
}

#[test]
fn ordinary_arp_is_answered_for_our_address_only() {
    let now = Clock::new().now();
    let mut link = open(now, asking(LEFT, MASK));
    let mut request = [
        0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00, 0x02,
        0x04, 0x00, 0x01, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x02, 0, 0, 0xc9, 0x01, 0x01, 0x01,
    ];
    Engine::receive(&mut link, now, &request);
    assert_eq!(
        frames(&mut link),
        [[
            0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00,
            0x02, 0x04, 0x00, 0x02, 0x04, 0x01, 0xc9, 0x01, 0x01, 0x01, 0, 0, 0xc9, 0x01, 0x01, 2
        ]]
    );
    request[29] = 7;
    Engine::receive(&mut link, now, &request);
    assert_eq!(frames(&mut link).len(), 0);
}
