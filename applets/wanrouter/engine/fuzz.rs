//! Whole engines under arbitrary frames, times and orders: for fuzzing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::ppp::{Profile, ipcp, lcp};

use crate::cisco_hdlc::{self, CiscoHdlc};
use crate::frame_relay::{self, ChannelConfig, FrameRelay, Signalling, Station};
use crate::ppp::{self, Ppp};
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
        }
    }
}
