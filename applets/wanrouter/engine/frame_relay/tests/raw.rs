//! Channels whose payloads are neither read nor wrapped.

use super::*;

const RAW: ChannelId = ChannelId(0);

fn open(now: Instant, config: ChannelConfig) -> FrameRelay {
    let mut link = FrameRelay::new(cpe(Signalling::None)).unwrap();
    link.add_channel(now, RAW, config).unwrap();
    link.carrier(now, true);
    assert!(all_up(&link));
    link
}

fn raw() -> ChannelConfig {
    ChannelConfig {
        raw: true,
        ..ChannelConfig::new(16)
    }
}

#[test]
fn what_follows_the_address_passes_as_it_is_with_its_marks() {
    let now = Clock::new().now();
    let mut link = open(now, raw());
    let marks = Marks {
        command_response: true,
        fecn: true,
        becn: false,
        discard_eligible: true,
        ..Marks::default()
    };
    let header = link
        .encapsulate(now, RAW, PayloadKind::Raw(marks), 3)
        .unwrap();
    assert_eq!(header.as_ref(), [0x06, 0x0b]);
    // What another channel would take for ARP, for IP, and for nothing at all.
    for payload in [
        &[3, 0, 0x80, 0, 0, 0, 8, 6, 0, 15][..],
        &[3, 0xcc, 0x45],
        &[0xff],
        &[],
    ] {
        let frame = [&[0x06, 0x0b], payload].concat();
        let delivery = Engine::receive(&mut link, now, &frame).unwrap();
        assert_eq!(delivery.kind, PayloadKind::Raw(marks));
        assert_eq!((delivery.channel, delivery.payload), (RAW, payload));
    }
    assert!(frames(&mut link).is_empty(), "nobody answers ARP");
}

#[test]
fn packets_are_not_for_raw_channels_nor_raw_payloads_for_others() {
    let now = Clock::new().now();
    let mut link = open(now, raw());
    for kind in [PayloadKind::Ipv4, PayloadKind::Ipv6, PayloadKind::Ethernet] {
        let refused = link.encapsulate(now, RAW, kind, 1);
        assert_eq!(refused, Err(Refusal::Unsupported));
    }
    let kind = PayloadKind::Raw(Marks::default());
    assert!(link.encapsulate(now, RAW, kind, 1508).is_ok());
    assert_eq!(
        link.encapsulate(now, RAW, kind, 1509),
        Err(Refusal::TooLong { limit: 1508 })
    );
    let mut other = open(now, ChannelConfig::new(16));
    let refused = other.encapsulate(now, RAW, kind, 1);
    assert_eq!(refused, Err(Refusal::Unsupported));
}

#[test]
fn the_committed_rate_holds_and_marks_raw_frames_too() {
    let now = Clock::new().now();
    let committed = Some(CommittedRate {
        cir: 64_000,
        bc: 8_000,
        be: 8_000,
    });
    let mut link = open(now, ChannelConfig { committed, ..raw() });
    let kind = PayloadKind::Raw(Marks::default());
    let header = link.encapsulate(now, RAW, kind, 1000).unwrap();
    assert_eq!(header.as_ref(), [0x04, 0x01]);
    let header = link.encapsulate(now, RAW, kind, 1000).unwrap();
    assert_eq!(header.as_ref(), [0x04, 0x03], "discard eligible");
    assert!(matches!(
        link.encapsulate(now, RAW, kind, 1000),
        Err(Refusal::Hold(until)) if until > now
    ));
}
