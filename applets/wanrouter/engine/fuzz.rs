//! Whole engines under arbitrary frames, times and orders: for fuzzing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::lapb;
use wanbox_link::ppp::{Profile, ipcp, lcp};
use wanbox_link::x25::{Channels, Parameters};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::{Address, FacilityList, Lci};

use crate::cisco_hdlc::{self, CiscoHdlc};
use crate::frame_relay::{self, ChannelConfig, FrameRelay, Signalling, Station};
use crate::ppp::{self, Ppp};
use crate::x25::{self, Accept, Circuit, Encapsulation, Owner, PortConfig, X25};
use crate::{ChannelId, Engine, Header, Marks, PayloadKind};

/// The most control frames that an engine may have ready at one time.
const CONTROL_FRAMES: usize = 1024;

/// Any octets drive a Frame Relay link: the first says how it is configured, the rest what
/// happens to it. `start` is any moment.
pub fn fuzz_frame_relay_link(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let config = frame_relay::Config {
        station: if kind & 1 == 0 {
            Station::Cpe
        } else {
            Station::Node
        },
        signalling: match kind >> 1 & 7 {
            0 => Signalling::Ansi,
            1 => Signalling::Q933,
            2 => Signalling::Lmi,
            3 => Signalling::None,
            _ => Signalling::Auto,
        },
        nonce: 1,
        ..Default::default()
    };
    let Ok(mut link) = FrameRelay::new(config) else {
        return;
    };
    for (id, dlci) in [(0, 16), (1, 17), (2, 991), (3, 18)] {
        let channel = ChannelConfig {
            inarp: id == 0,
            bridged: id == 2,
            raw: id == 3,
            ..ChannelConfig::new(dlci)
        };
        let added = link.add_channel(start, ChannelId(id), channel);
        assert!(added.is_ok(), "{added:?}");
    }
    drive(&mut link, start, input);
}

/// As [`fuzz_frame_relay_link`], for a Cisco HDLC link.
pub fn fuzz_cisco_hdlc_link(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let config = cisco_hdlc::Config {
        slarp_request_ms: if kind & 1 == 0 { 0 } else { 1000 },
        ignore_keepalive: kind & 2 != 0,
        ignore_dcd: kind & 4 != 0,
        streaming: kind & 8 != 0,
        raw: kind & 16 != 0,
        ..Default::default()
    };
    if let Ok(mut link) = CiscoHdlc::new(config, start, 1) {
        drive(&mut link, start, input);
    }
}

/// Any octets drive a PPP link, alone or as the first of a bundle: the first says which, the rest
/// what happens to it. `start` is any moment.
pub fn fuzz_ppp_link(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let bundled = kind & 1 != 0;
    let multilink = bundled.then(|| lcp::Multilink {
        mrru: 1500,
        short_sequence: kind & 2 != 0,
        endpoint: [1, 1].into(),
        on_request: false,
    });
    let van_jacobson = (kind & 4 != 0).then(ipcp::Slots::default);
    let profile = Profile {
        lcp: lcp::Config {
            multilink,
            ..Default::default()
        },
        ipv4: Some(ipcp::Config {
            van_jacobson,
            ..ipcp::Config::of_peer()
        }),
        ..Default::default()
    };
    let sharing = ppp::Sharing {
        rate_bps: 64_000,
        min_fragment: 64,
        patience: Duration::from_secs(1),
    };
    let config = ppp::Config {
        profile: Arc::new(profile),
        mtu: 1500,
        role: match (bundled, kind & 8) {
            (true, _) => ppp::Role::First(sharing),
            (false, 0) => ppp::Role::Alone,
            (false, _) => ppp::Role::Member,
        },
    };
    if let Ok(mut link) = Ppp::new(config, start, 1) {
        drive(&mut link, start, input);
    }
}

/// Any octets drive an X.25 device with interfaces of every kind and an application: the first says
/// which layers there are, the rest what happens. `start` is any moment.
pub fn fuzz_x25_device(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let role = if kind & 1 == 0 { Role::Dte } else { Role::Dce };
    let alone = kind & 2 != 0;
    let channels = Channels {
        permanent: Some(1..=2),
        two_way: Some(3..=6),
        ..Channels::default()
    };
    let config = x25::Config {
        lapb: (alone || kind & 4 != 0).then(|| (role, lapb::Parameters::default())),
        packets: (!alone).then(|| Parameters::new(role, channels)),
    };
    let Ok(mut device) = X25::new(config, start) else {
        return;
    };
    let port = |circuit, encapsulation| PortConfig {
        circuit,
        calling: Address::NONE,
        accept: Accept::default(),
        encapsulation,
        user_data: None,
        facilities: FacilityList::new(),
        idle: Duration::from_secs(9),
        hold: Duration::from_secs(3),
        mtu: 256,
    };
    let permanent = Lci::new(1).map_or(Circuit::Link, Circuit::Permanent);
    let called = "1".parse().unwrap_or(Address::NONE);
    let ports: &[PortConfig] = if alone {
        &[port(Circuit::Link, Encapsulation::Ip)]
    } else {
        &[
            port(permanent, Encapsulation::Ip),
            port(Circuit::Switched(called), Encapsulation::Null),
            port(Circuit::Switched(called), Encapsulation::Snap),
            port(Circuit::Switched(Address::NONE), Encapsulation::Ip),
            port(Circuit::Switched(Address::NONE), Encapsulation::Raw),
        ]
    };
    for (id, port) in (0..).map(ChannelId).zip(ports) {
        let added = device.add_channel(start, id, port.clone());
        assert!(added.is_ok(), "{added:?}");
    }
    let listens = Accept {
        destination: Some(x25::Pattern::new("7*")),
        ..Accept::default()
    };
    device.listen(Owner(1), listens);
    drive(&mut device, start, input);
    assert!(device.is_consistent(), "{device:?}");
    while device.poll_application().is_some() {}
    device.release(start, Owner(1));
    assert!(device.circuits_of(Owner(1)).next().is_none());
}

/// Steps of one octet each, some with more behind it.
fn drive(engine: &mut impl Engine, start: Instant, mut input: &[u8]) {
    let mut now = start;
    let mut control = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        input = rest;
        match step & 7 {
            0 => engine.carrier(now, step & 8 != 0),
            1 => now += Duration::from_millis(u64::from(step >> 3) * 1000),
            2 => engine.handle_timeout(now),
            3 => {
                let kind = match step >> 3 & 3 {
                    0 => PayloadKind::Ipv4,
                    1 => PayloadKind::Ipv6,
                    2 => PayloadKind::Ethernet,
                    _ => PayloadKind::Raw(Marks {
                        fecn: true,
                        protocol: u16::from(step) << 8,
                        ..Marks::default()
                    }),
                };
                let id = ChannelId(u16::from(step >> 5));
                if let Ok(header) = engine.encapsulate(now, id, kind, 100) {
                    assert!(header.as_ref().len() <= Header::CAPACITY);
                }
                let packet = [step; 100];
                // Refused while the link is down, as most of the time.
                let _ = engine.send(now, id, kind, &packet, &mut |_, head, data| {
                    assert!(head.len() + data.len() <= 400);
                });
            }
            _ => {
                let Some((&length, rest)) = input.split_first() else {
                    break;
                };
                let (frame, rest) = rest.split_at(usize::from(length).min(rest.len()));
                input = rest;
                if let Some(delivery) = engine.receive(now, frame) {
                    assert!(delivery.kind.fits(delivery.payload));
                    assert!(
                        matches!(delivery.kind, PayloadKind::Raw(_))
                            || frame.as_ptr_range().contains(&delivery.payload.as_ptr())
                    );
                }
            }
        }
        while let Some((_, kind)) = engine.poll_packet(&mut control) {
            assert!(kind.fits(&control));
        }
        let mut sent = 0;
        while engine.poll_transmit(&mut control) {
            assert!(!control.is_empty());
            sent += 1;
            assert!(sent <= CONTROL_FRAMES, "control frames without end");
        }
        let mut events = 0;
        while engine.poll_event().is_some() {
            events += 1;
            assert!(events <= CONTROL_FRAMES, "events without end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::Random;

    #[test]
    fn random_steps() {
        let start = wanbox_sim::Clock::new().now();
        let mut random = Random::new(3);
        let mut input = [0; 400];
        for _ in 0..20_000 {
            random.fill(&mut input);
            fuzz_frame_relay_link(start, &input);
            fuzz_cisco_hdlc_link(start, &input);
            fuzz_x25_device(start, &input);
        }
    }

    /// Packets that mean something, on few channels, between times and packets of our own.
    #[test]
    fn random_packets() {
        const KINDS: [u8; 12] = [
            0x0b, 0x0f, 0x13, 0x17, 0x1b, 0x1f, 0x23, 0x27, 0xfb, 0xff, 0x00, 0x01,
        ];
        let start = wanbox_sim::Clock::new().now();
        let mut random = Random::new(4);
        for _ in 0..20_000 {
            let mut input = vec![random.between(0, 1) as u8, 8];
            for packet in [[0x10, 0, 0xff, 0, 0], [0x10, 0, 0xfb, 0, 0]] {
                input.extend_from_slice(&[4, 5]);
                input.extend_from_slice(&packet);
            }
            for _ in 0..random.between(1, 60) {
                match random.between(0, 5) {
                    0 => input.push(random.between(0, 31) as u8 * 8 + 3),
                    1 => input.push(random.between(0, 9) as u8 * 8 + 1),
                    2 => input.push(2),
                    _ => {
                        let kind = KINDS[random.between(0, 11) as usize];
                        let mut packet = vec![0x10, random.between(0, 7) as u8, kind];
                        match kind {
                            0x0b => {
                                let called = [0x70, 0x10, 0x00][random.between(0, 2) as usize];
                                packet.extend_from_slice(&[0x01, called, 0]);
                                packet
                                    .push([0xcc, 0x00, 0x80, 0x42][random.between(0, 3) as usize]);
                            }
                            0x00 => packet.extend_from_slice(&[0x45; 20]),
                            _ => packet.extend_from_slice(&[0, 0][..random.between(0, 2) as usize]),
                        }
                        input.push(4);
                        input.push(packet.len() as u8);
                        input.extend_from_slice(&packet);
                    }
                }
            }
            fuzz_x25_device(start, &input);
        }
    }
}
