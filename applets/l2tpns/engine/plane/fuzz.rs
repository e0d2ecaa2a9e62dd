//! A plane with some sessions under arbitrary packets, times and changes: for fuzzing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use wanbox_link::access_list::{Action, Protocol, Rule};
use wanbox_link::ppp::multilink::{self, MemberConfig};
use wanbox_wire::ip::{Ip, VirtioHeader};

use super::{Call, Config, Plane, Settings, Sink, Up, Way};
use crate::concentrator::Direction;
use crate::{BundleId, CallId, SessionId, SocketId, TunnelId};

/// What leaves is checked and forgotten.
#[derive(Default)]
struct Checked {
    octets: Vec<u8>,
}

impl Sink for Checked {
    fn host(&mut self, packet: &[u8]) {
        let length = Ip::parse(packet).map(|ip| ip.octets().len());
        assert_eq!(length, Ok(packet.len()), "not one whole packet");
    }

    fn peer(&mut self, _: &Way, head: &[u8], octets: usize, write: impl FnOnce(&mut [u8]) -> bool) {
        assert!((7..=20).contains(&head.len()));
        self.octets.clear();
        self.octets.resize(octets, 0);
        if write(&mut self.octets) {
            assert!(octets <= 600, "longer than the peer takes");
        }
    }

    fn copy(&mut self, _: SocketAddr, packet: &[u8]) {
        assert!(!packet.is_empty());
    }

    fn icmp(&mut self, packet: &[u8]) {
        self.host(packet);
    }
}

/// Any octets: the first of each step says what comes, the second how many octets it has.
///
/// # Panics
/// Something is forwarded that is no packet, or is neither forwarded nor counted.
pub fn fuzz_plane(start: Instant, mut input: &[u8]) {
    let peer = SocketAddr::from(([192, 0, 2, 1], 1701));
    let mut plane = prepared(start, peer);
    let mut sink = Checked::default();
    let mut now = start;
    while let Some((&[what, length], rest)) = input.split_first_chunk() {
        let (octets, rest) = rest.split_at(rest.len().min(usize::from(length) * 4));
        input = rest;
        let mut octets = octets.to_vec();
        now += Duration::from_millis(u64::from(what >> 4));
        let before = *plane.stats();
        match what & 7 {
            0 => {
                // A message of one of the sessions.
                let mut message = vec![0, 2, 0, 7, 0, what >> 3 & 3, 0xff, 3, 0];
                message.append(&mut octets);
                plane.up(now, SocketId(0), peer, &mut message, &mut sink);
            }
            1 => {
                let up = plane.up(now, SocketId(0), peer, &mut octets, &mut sink);
                let counted = plane.stats().dropped_in_all() - before.dropped_in_all();
                assert!(up == Up::Part || matches!(up, Up::Dropped(_)) == (counted == 1));
            }
            2 => {
                let header = VirtioHeader::FINISHED;
                let down = plane.down(now, &header, &mut octets, &mut sink);
                let counted = plane.stats().dropped_in_all() - before.dropped_in_all();
                assert!(down.is_ok() || counted > 0, "dropped and not counted");
            }
            3 => {
                if let Ok(header) = VirtioHeader::parse(&octets) {
                    octets.drain(..VirtioHeader::LEN);
                    let _ = plane.down(now, &header, &mut octets, &mut sink);
                }
            }
            4 => {
                // A fragment over one of the bundle's links.
                let call = 3 + (what >> 3 & 1);
                let mut message = vec![0, 2, 0, 7, 0, call, 0, 0x3d];
                message.append(&mut octets);
                plane.up(now, SocketId(0), peer, &mut message, &mut sink);
                while let Some((session, frame)) = plane.poll_frame() {
                    assert!(session.0 >= 3 && !frame.is_empty());
                }
            }
            5 => plane.handle_timeout(now, &mut sink),
            6 if what & 8 != 0 => {
                // The second link goes or comes.
                let link = MemberConfig {
                    rate_bps: 0,
                    mru: 200,
                    acfc: true,
                    pfc: true,
                };
                plane.leave(now, SessionId(4));
                if length & 1 == 0 {
                    let heard = length & 2 != 0;
                    assert!(plane.join(now, BundleId(0), SessionId(4), &link, heard));
                }
            }
            6 => {
                let direction = if length & 1 == 0 {
                    Direction::In
                } else {
                    Direction::Out
                };
                plane.set_throttle(now, SessionId(1), direction, u32::from(length) / 2);
            }
            _ => {
                plane.set_filter(
                    SessionId(1),
                    Direction::In,
                    (length & 1 == 0).then_some("web"),
                );
            }
        }
    }
}

fn prepared(start: Instant, peer: SocketAddr) -> Plane {
    let mut plane = Plane::new(
        start,
        Config {
            icmp_rate: 5,
            icmp_source: Some(Ipv4Addr::new(10, 9, 0, 1)),
            icmpv6_source: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
            ..Config::default()
        },
    );
    for number in 1..=4 {
        let session = SessionId(number.into());
        let call = Call {
            tunnel: TunnelId(7),
            call: CallId(number),
            peer_tunnel: 9,
            peer_call: number,
            sequencing: number == 2,
            way: Way {
                socket: SocketId(0),
                peer,
            },
        };
        plane.insert(start, session, call);
        plane.update(
            session,
            Settings {
                ipv4: number < 4,
                ipv6: number < 4,
                mru: 600,
                clamp: 600,
                bundle: number == 3,
                ..Settings::default()
            },
        );
        if number == 4 {
            break;
        }
        // All addresses belong to somebody: a half each, of the last session a part of the second one's.
        let first = if number == 1 { 0 } else { 128 };
        let length = if number == 3 { 3 } else { 1 };
        let v6 = Ipv6Addr::from_bits(u128::from(first) << 120);
        plane.add_route(session, IpAddr::from([first, 0, 0, 0]), length);
        plane.add_route(session, v6.into(), length);
    }
    let web = Rule {
        protocol: Protocol::Tcp,
        ..Rule::any(Action::Permit)
    };
    let bundle = plane.open_bundle(multilink::Config {
        max_octets: 4096,
        max_fragments: 16,
        ..multilink::Config::default()
    });
    assert_eq!(bundle, Ok(BundleId(0)));
    assert!(plane.set_head(BundleId(0), SessionId(3)));
    let link = MemberConfig {
        rate_bps: 0,
        mru: 600,
        acfc: false,
        pfc: false,
    };
    assert!(plane.join(start, BundleId(0), SessionId(3), &link, true));
    plane.set_list("web", [web]);
    plane.set_copy(SessionId(2), Some(peer));
    plane
}
