use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use wanbox_wire::ip::{Ip, Ipv4Repr, Ipv6Repr, TcpFlags, TcpRepr, UdpRepr, VirtioHeader, protocol};

use super::fuzz::fuzz_plane;
use super::left::Left;
use super::*;
use crate::concentrator::Direction;

mod bundle;
mod down;
mod features;
mod up;

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);
const SUBSCRIBER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const SESSION: SessionId = SessionId(1);

fn peer() -> SocketAddr {
    "198.51.100.7:1701".parse().unwrap()
}

fn v6(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last)
}

fn call(number: u16) -> Call {
    Call {
        tunnel: TunnelId(7),
        call: CallId(number),
        peer_tunnel: 0x77,
        peer_call: 0x100 + number,
        sequencing: false,
        way: Way {
            socket: SocketId(0),
            peer: peer(),
        },
    }
}

const OPEN: Settings = Settings {
    ipv4: true,
    ipv6: true,
    acfc: false,
    pfc: false,
    mru: 1462,
    clamp: 0,
    bundle: false,
};

struct Bench {
    plane: Plane,
    now: Instant,
    left: Left,
}

impl Bench {
    /// Session 1 with an address, a network and a prefix.
    fn new(config: Config) -> Self {
        let now = wanbox_sim::Clock::new().now();
        let config = Config {
            icmp_source: Some(OURS),
            icmpv6_source: Some(v6(0xffff)),
            ..config
        };
        let mut plane = Plane::new(now, config);
        plane.insert(now, SESSION, call(1));
        assert!(plane.update(SESSION, OPEN));
        plane.add_route(SESSION, SUBSCRIBER.into(), 32);
        plane.add_route(SESSION, IpAddr::from([10, 5, 0, 0]), 16);
        plane.add_route(SESSION, v6(0).into(), 64);
        Self {
            plane,
            now,
            left: Left::default(),
        }
    }

    /// A frame of session 1 from its peer.
    fn up(&mut self, frame: &[u8]) -> Up<'static> {
        let mut message = vec![0, 2, 0, 7, 0, 1];
        message.extend_from_slice(frame);
        self.up_from(peer(), &mut message)
    }

    fn up_from(&mut self, from: SocketAddr, message: &mut [u8]) -> Up<'static> {
        let (plane, left) = (&mut self.plane, &mut self.left);
        match plane.up(self.now, SocketId(0), from, message, left) {
            Up::Control => Up::Control,
            Up::Ppp { session, .. } => Up::Ppp {
                session,
                frame: &[],
            },
            Up::Passed => Up::Passed,
            Up::Part => Up::Part,
            Up::Waits => Up::Waits,
            Up::Dropped(cause) => Up::Dropped(cause),
        }
    }

    fn down(&mut self, packet: &[u8]) -> Result<(), Cause> {
        let mut packet = packet.to_vec();
        let header = VirtioHeader::FINISHED;
        self.plane
            .down(self.now, &header, &mut packet, &mut self.left)
    }

    fn counters(&self) -> Counters {
        *self.plane.counters(SESSION).unwrap()
    }
}

/// A frame with an IP packet, with all of its header.
fn frame_of(packet: &[u8]) -> Vec<u8> {
    let number = if packet[0] >> 4 == 4 { 0x21 } else { 0x57 };
    let mut frame = vec![0xff, 3, 0, number];
    frame.extend_from_slice(packet);
    frame
}

/// An IPv4 packet of TCP with these flags, an option and as much behind it, to port 80.
fn tcp(src: Ipv4Addr, dst: Ipv4Addr, flags: TcpFlags, octets: usize) -> Vec<u8> {
    let mut packet = vec![0; 44 + octets];
    packet[40..44].copy_from_slice(&[2, 4, 5, 0xb4]);
    let header = Ipv4Repr {
        tos: 0,
        ident: 1,
        dont_fragment: true,
        ttl: 64,
        protocol: protocol::TCP,
        src,
        dst,
        payload_len: (24 + octets) as u16,
    };
    header.emit(&mut packet).unwrap();
    let tcp = TcpRepr {
        src_port: 1025,
        dst_port: 80,
        seq: 1,
        ack: 2,
        flags,
        window: 100,
    };
    tcp.emit(&mut packet[20..], 4, header.pseudo_header())
        .unwrap();
    packet
}

/// An IPv4 packet of UDP of this length in all.
fn udp(src: Ipv4Addr, dst: Ipv4Addr, length: usize, dont_fragment: bool) -> Vec<u8> {
    let mut packet = vec![0; length];
    let header = Ipv4Repr {
        tos: 0,
        ident: 1,
        dont_fragment,
        ttl: 64,
        protocol: protocol::UDP,
        src,
        dst,
        payload_len: (length - 20) as u16,
    };
    header.emit(&mut packet).unwrap();
    let udp = UdpRepr {
        src_port: 1025,
        dst_port: 53,
    };
    udp.emit(&mut packet[20..], header.pseudo_header()).unwrap();
    packet
}

/// An IPv6 packet of UDP of this length in all.
fn udp6(src: Ipv6Addr, dst: Ipv6Addr, length: usize) -> Vec<u8> {
    let mut packet = vec![0; length];
    let header = Ipv6Repr {
        traffic_class: 0,
        flow_label: 0,
        next_header: protocol::UDP,
        hop_limit: 64,
        src,
        dst,
        payload_len: (length - 40) as u16,
    };
    header.emit(&mut packet).unwrap();
    let udp = UdpRepr {
        src_port: 1025,
        dst_port: 53,
    };
    udp.emit(&mut packet[40..], header.pseudo_header()).unwrap();
    packet
}

#[test]
fn a_network_that_another_session_took_is_not_lost_with_the_first_one() {
    let mut bench = Bench::new(Config::default());
    let plane = &mut bench.plane;
    plane.insert(bench.now, SessionId(2), call(2));
    assert!(plane.add_route(SessionId(2), SUBSCRIBER.into(), 32));
    assert_eq!(plane.session_of(SUBSCRIBER.into()), Some(SessionId(2)));
    assert!(plane.remove(SESSION).is_some());
    assert_eq!(plane.session_of(SUBSCRIBER.into()), Some(SessionId(2)));
    assert_eq!(plane.session_of(IpAddr::from([10, 5, 1, 1])), None);
    assert!(plane.remove_route(SessionId(2), SUBSCRIBER.into(), 32));
    assert!(!plane.remove_route(SessionId(2), SUBSCRIBER.into(), 32));
    assert!(plane.remove(SessionId(2)).is_some());
    assert!(plane.is_empty() && plane.remove(SESSION).is_none());
    assert!(!plane.add_route(SESSION, SUBSCRIBER.into(), 32));
    assert!(!plane.update(SESSION, OPEN));
}

#[test]
fn a_call_whose_numbers_come_again_ends_the_old_session() {
    let mut bench = Bench::new(Config::default());
    bench.plane.insert(bench.now, SessionId(9), call(1));
    assert_eq!(bench.plane.len(), 1);
    assert!(bench.plane.counters(SESSION).is_none());
    let frame = [0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0];
    assert_eq!(
        bench.up(&frame),
        Up::Ppp {
            session: SessionId(9),
            frame: &[]
        }
    );
}

#[test]
fn many_sessions_come_and_go() {
    let mut bench = Bench::new(Config::default());
    let address = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + n));
    for n in 2..20_000u32 {
        let call = Call {
            tunnel: TunnelId((n >> 8) as u16 + 100),
            call: CallId((n & 0xff) as u16 + 1),
            ..call(1)
        };
        bench.plane.insert(bench.now, SessionId(n), call);
        bench.plane.add_route(SessionId(n), address(n), 32);
    }
    assert_eq!(bench.plane.len(), 19_999);
    for n in 2..20_000u32 {
        assert_eq!(bench.plane.session_of(address(n)), Some(SessionId(n)));
        bench.plane.remove(SessionId(n));
    }
    assert_eq!(bench.plane.len(), 1);
    assert_eq!(bench.plane.prefixes.len(), 3);
    assert_eq!(bench.plane.by_call.len(), 1);
    assert_eq!(bench.plane.by_tunnel.len(), 1);
    assert_eq!(bench.plane.tunnels.len(), 1);
}

/// Messages as a socket would get them: the peers and what each gets.
type Sent = Vec<(Way, Vec<Vec<u8>>)>;

fn transmitted(batch: &mut Batch) -> Sent {
    let mut sent: Sent = Vec::new();
    batch.transmit(|way, slices| {
        assert!((1..=64).contains(&slices.len()));
        let octets = slices.iter().map(|slice| slice.to_vec());
        match sent.iter_mut().find(|(known, _)| known == way) {
            Some((_, messages)) => messages.extend(octets),
            None => sent.push((*way, octets.collect())),
        }
        Some(slices.len())
    });
    sent
}

/// A message of this length of a session, with a number.
fn numbered(session: u16, number: u16, length: usize) -> Vec<u8> {
    let mut message = vec![0, 2, 0, 7];
    message.extend(session.to_be_bytes());
    message.extend(number.to_be_bytes());
    message.resize(length, 0xa5);
    message
}

/// How many messages leave together, of sessions with these lengths in this order.
fn calls(messages: &[(u16, usize)]) -> Vec<usize> {
    let mut batch = Batch::new(false, false);
    let way = call(1).way;
    for (number, (session, length)) in messages.iter().enumerate() {
        batch.push(&way, &numbered(*session, number as u16, *length));
    }
    let mut calls = Vec::new();
    batch.transmit(|_, slices| {
        calls.push(slices.len());
        Some(slices.len())
    });
    calls
}

#[test]
fn messages_of_one_length_leave_together() {
    // Those of different sessions may overtake each other.
    let mixed: Vec<_> = (0..60)
        .map(|n| (n, [100, 900, 400][usize::from(n % 3)]))
        .collect();
    assert_eq!(calls(&mixed), [20, 20, 20]);
    // Those of one may not.
    let one: Vec<_> = mixed.iter().map(|(_, length)| (1, *length)).collect();
    assert_eq!(calls(&one).iter().sum::<usize>(), 60);
    assert!(calls(&one).len() >= 40);
    // What was one super-packet is one again, with its shorter end.
    let bulk: Vec<_> = (0..90)
        .map(|n| (1, if n % 45 == 44 { 300 } else { 1400 }))
        .collect();
    assert_eq!(calls(&bulk), [45, 45]);
    // The messages of a control connection keep their order, whatever the calls.
    let mut batch = Batch::new(false, false);
    for (number, length) in [40_u8, 60, 40, 60].into_iter().enumerate() {
        let mut message = vec![
            0xc8,
            2,
            0,
            length,
            0,
            7,
            0,
            number as u8,
            0,
            0,
            0,
            number as u8,
        ];
        message.resize(length.into(), 0);
        batch.push(&call(1).way, &message);
    }
    let sent = transmitted(&mut batch);
    let numbers = sent[0].1.iter().map(|message| message[7]);
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn what_a_full_socket_does_not_take_stays_within_bounds() {
    let mut batch = Batch::new(false, false);
    let ways = [0, 1].map(|socket| Way {
        socket: SocketId(socket),
        peer: peer(),
    });
    for number in 0..100 {
        for way in &ways {
            batch.push(way, &numbered(1, number, 50));
        }
    }
    let mut left = 10;
    batch.transmit(|way, slices| {
        let taken = if way.socket.0 == 1 {
            slices.len()
        } else {
            left.min(slices.len())
        };
        left -= if way.socket.0 == 1 { 0 } else { taken };
        Some(taken)
    });
    assert!(batch.is_waiting() && batch.waits_for(SocketId(0)) && !batch.waits_for(SocketId(1)));
    for number in 100..10_000 {
        batch.push(&ways[0], &numbered(1, number, 50));
    }
    let refused = batch.stats().refused;
    assert!(refused > 9000, "{refused}");
    let sent = transmitted(&mut batch);
    let numbers: Vec<u16> = sent[0]
        .1
        .iter()
        .map(|m| u16::from_be_bytes([m[6], m[7]]))
        .collect();
    assert!(numbers.iter().copied().eq(10..10 + numbers.len() as u16));
    assert_eq!(numbers.len() as u64 + 10 + refused, 10_000);
    assert!(!batch.is_waiting() && sent.len() == 1);
    // A socket that is gone keeps nothing waiting.
    batch.push(&ways[0], &numbered(1, 1, 50));
    batch.transmit(|_, _| None);
    assert!(!batch.is_waiting() && batch.stats().refused == refused + 1);
}

/// Packets of these flows for the TUN, and how many writes they took in all and after the first half.
fn written(packets: impl Iterator<Item = u32>) -> (usize, usize, usize) {
    let mut batch = Batch::new(true, true);
    let (mut count, mut half, mut writes) = (0, 0, 0);
    let mut idents = [0u16; 4096];
    let mut last = [0u16; 4096];
    let mut check = |header: &[u8; VirtioHeader::LEN], packet: &[u8]| {
        // Those of a flow come in their order, whether they were merged or not.
        let header = VirtioHeader::parse(header).unwrap();
        let flow = usize::from(u16::from_be_bytes([packet[14], packet[15]]));
        let ident = u16::from_be_bytes([packet[4], packet[5]]);
        let size = usize::from(header.gso_size).max(1);
        let merged = if header.gso_size == 0 {
            1
        } else {
            (packet.len() - 28).div_ceil(size)
        };
        assert_eq!(ident, last[flow] + 1);
        last[flow] += merged as u16;
        writes += 1;
    };
    let packets: Vec<u32> = packets.collect();
    for flow in &packets {
        let mut packet = udp(Ipv4Addr::from_bits(0x0a00_0000 + flow), HOST, 100, true);
        let ident = &mut idents[*flow as usize];
        *ident += 1;
        packet[4..6].copy_from_slice(&ident.to_be_bytes());
        packet[10..12].fill(0);
        let sum = wanbox_wire::ip::Sum::new().octets(&packet[..20]).checksum();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        batch.outlet(&mut check).host(&packet);
        count += 1;
        if count % 64 == 0 {
            batch.flush(&mut check);
        }
        if count == packets.len() / 2 {
            half = batch.coalesced().packets as usize;
        }
    }
    batch.flush(&mut check);
    assert_eq!(idents, last, "every packet was written");
    (writes, half, batch.coalesced().packets as usize)
}

#[test]
fn bulk_flows_are_merged_and_thin_ones_are_left_alone() {
    let (writes, _, merged) = written((0..20_000).map(|n| n / 64 % 3));
    assert!(writes < 20_000 / 30 && merged == 20_000);
    // Alternating bulk flows too.
    let (writes, _, _) = written((0..20_000).map(|n| n % 4));
    assert!(writes < 20_000 / 10);
    let (writes, half, looked_at) = written((0..20_000).map(|n| n % 1000));
    assert_eq!(writes, 20_000);
    assert!(
        looked_at < 1000 && half > 0,
        "{looked_at} of 20000 were looked at"
    );
    // A bulk flow that begins among them is found again.
    let (writes, _, _) = written((0..40_000).map(|n| if n < 10_000 { n % 1000 } else { 0 }));
    assert!(writes < 16_000, "{writes}");
}

proptest! {
    /// Sessions of several peers, messages of any length, sockets that are full now and then.
    #[test]
    fn a_batch_keeps_the_order_of_each_session(
        steps in prop::collection::vec((0u8..4, 0u16..6, 8usize..12, 0usize..20), 0..400),
    ) {
        let mut batch = Batch::new(false, false);
        let way = |peer: u8| Way { socket: SocketId(peer & 1), peer: ([10, 0, 0, peer], 1701).into() };
        let mut left: Vec<(Way, Vec<u8>)> = Vec::new();
        for (number, (peer, session, length, room)) in steps.iter().enumerate() {
            let message = numbered(*session, number as u16, *length);
            let (head, body) = message.split_at(6);
            let mut nowhere = |_: &[u8; VirtioHeader::LEN], _: &[u8]| {};
            let mut outlet = batch.outlet(&mut nowhere);
            outlet.peer(&way(*peer), head, body.len(), |room| {
                room.copy_from_slice(body);
                true
            });
            // What cannot be written is not there.
            outlet.peer(&way(*peer), &[9; 9], 5, |_| false);
            if *room < 3 {
                batch.transmit(|way, slices| {
                    let taken = slices.len().min(*room);
                    left.extend(slices.iter().take(taken).map(|slice| (*way, slice.to_vec())));
                    Some(taken)
                });
            }
        }
        for (way, messages) in transmitted(&mut batch) {
            left.extend(messages.into_iter().map(|message| (way, message)));
        }
        prop_assert_eq!(batch.stats().refused, 0);
        prop_assert!(transmitted(&mut batch).is_empty(), "nothing is sent twice");
        prop_assert_eq!(left.len(), steps.len());
        for peer in 0..4 {
            for session in 0..6 {
                let expected = steps.iter().enumerate()
                    .filter(|(_, step)| (step.0, step.1) == (peer, session))
                    .map(|(number, step)| numbered(session, number as u16, step.2));
                let got = left.iter()
                    .filter(|(to, message)| {
                        *to == way(peer) && message[4..6] == session.to_be_bytes()
                    })
                    .map(|(_, message)| message.clone());
                prop_assert!(got.eq(expected), "peer {} session {}", peer, session);
            }
        }
    }

    #[test]
    fn any_packets_in_any_order(
        steps in prop::collection::vec(
            (any::<u8>(), any::<[u8; 4]>(), any::<[u8; 4]>(), 0usize..900, any::<(bool, bool, u8)>()),
            0..40,
        ),
    ) {
        let mut input = Vec::new();
        for (what, src, dst, octets, (is_tcp, changed, at)) in steps {
            let mut packet = if is_tcp {
                tcp(src.into(), dst.into(), TcpFlags(at), octets)
            } else {
                udp(src.into(), dst.into(), octets + 28, at & 1 == 0)
            };
            if changed && let Some(octet) = packet.get_mut(usize::from(at)) {
                *octet ^= what;
            }
            let head: &[u8] = match what & 7 {
                0 => &[0x21],
                3 => &[1, 1, 44, 0, 100, 0, 20, 0, 16, 0],
                _ => &[],
            };
            packet.splice(..0, head.iter().copied());
            packet.resize(packet.len().next_multiple_of(4).min(1020), 0);
            input.extend([what, (packet.len() / 4) as u8]);
            input.extend(packet);
        }
        fuzz_plane(wanbox_sim::Clock::new().now(), &input);
    }

    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_plane(wanbox_sim::Clock::new().now(), &octets);
    }
}
