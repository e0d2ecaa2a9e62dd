use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use wanbox_wire::ip::{
    Ip, Ipv4Repr, Ipv6Repr, Tcp, TcpFlags, TcpRepr, Udp, UdpRepr, VirtioHeader, protocol,
};

use super::*;

/// One packet of a test flow.
#[derive(Clone, Debug)]
struct Spec {
    v6: bool,
    tcp: bool,
    flow: u8,
    ident: u16,
    dont_fragment: bool,
    ttl: u8,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    timestamp: Option<u32>,
    payload: Vec<u8>,
}

impl Spec {
    fn new(seq: u32, payload: usize) -> Self {
        Self {
            v6: false,
            tcp: true,
            flow: 0,
            ident: 7,
            dont_fragment: true,
            ttl: 64,
            seq,
            ack: 99,
            flags: TcpFlags::ACK,
            timestamp: None,
            payload: (0..payload)
                .map(|n| (n as u32).wrapping_add(seq) as u8)
                .collect(),
        }
    }

    fn octets(&self) -> Vec<u8> {
        let options = self.timestamp.map(|t| {
            let [a, b, c, d] = t.to_be_bytes();
            vec![1, 1, 8, 10, a, b, c, d, 0, 0, 0, 1]
        });
        let options = options.unwrap_or_default();
        let header = if self.tcp { 20 + options.len() } else { 8 };
        let len = (header + self.payload.len()) as u16;
        let number = if self.tcp {
            protocol::TCP
        } else {
            protocol::UDP
        };
        let mut octets = vec![0xa5; if self.v6 { 40 } else { 20 }];
        let pseudo_header = if self.v6 {
            let repr = Ipv6Repr {
                traffic_class: 0,
                flow_label: 5,
                next_header: number,
                hop_limit: self.ttl,
                src: Ipv6Addr::LOCALHOST,
                dst: Ipv6Addr::from(u128::from(self.flow)),
                payload_len: len,
            };
            repr.emit(&mut octets).unwrap();
            repr.pseudo_header()
        } else {
            let repr = Ipv4Repr {
                tos: 0,
                ident: self.ident,
                dont_fragment: self.dont_fragment,
                ttl: self.ttl,
                protocol: number,
                src: Ipv4Addr::new(10, 0, 0, 1),
                dst: Ipv4Addr::new(10, 0, 0, self.flow),
                payload_len: len,
            };
            repr.emit(&mut octets).unwrap();
            repr.pseudo_header()
        };
        let start = octets.len();
        octets.resize(start + header - options.len() * usize::from(self.tcp), 0xa5);
        if self.tcp {
            octets.extend(&options);
        }
        octets.extend(&self.payload);
        if self.tcp {
            TcpRepr {
                src_port: 1000,
                dst_port: 80,
                seq: self.seq,
                ack: self.ack,
                flags: self.flags,
                window: 500,
            }
            .emit(&mut octets[start..], options.len(), pseudo_header)
            .unwrap();
        } else {
            UdpRepr {
                src_port: 1000,
                dst_port: 53,
            }
            .emit(&mut octets[start..], pseudo_header)
            .unwrap();
        }
        octets
    }
}

fn coalesce(coalescer: &mut Coalescer, packets: &[Vec<u8>]) -> Vec<(VirtioHeader, Vec<u8>)> {
    let mut out = Vec::new();
    let mut sink = |header: &[u8; 10], packet: &[u8]| {
        out.push((VirtioHeader::parse(header).unwrap(), packet.to_vec()));
    };
    for packet in packets {
        coalescer.push(packet, &mut sink);
    }
    coalescer.flush(&mut sink);
    out
}

fn segment(header: &VirtioHeader, packet: &[u8]) -> Vec<Vec<u8>> {
    let mut segmenter = Segmenter::new(header, packet, 0).unwrap();
    let mut out = Vec::new();
    let mut buffer = vec![0xa5; MAX_PACKET];
    while let Some(len) = segmenter.next_into(&mut buffer).unwrap() {
        out.push(buffer[..len].to_vec());
    }
    out
}

/// The packet with what may change taken out: the identification of one that is never fragmented.
fn comparable(packet: &[u8]) -> Vec<u8> {
    let mut copy = packet.to_vec();
    if let Ok(Ip::V4(ip)) = Ip::parse(packet)
        && ip.dont_fragment()
    {
        assert!(ip.checksum_is_valid());
        copy[4..6].fill(0);
        copy[10..12].fill(0);
    }
    copy
}

/// Packets of one flow, in order.
fn of_flow(packets: &[Vec<u8>], wanted: (bool, u8, u8)) -> Vec<Vec<u8>> {
    let flow = |p: &&Vec<u8>| match Ip::parse(p).unwrap() {
        Ip::V4(ip) => (false, ip.protocol(), ip.dst().octets()[3]) == wanted,
        Ip::V6(ip) => (true, ip.next_header(), ip.dst().octets()[15]) == wanted,
    };
    packets.iter().filter(flow).map(|p| comparable(p)).collect()
}

fn assert_valid(packet: &[u8]) {
    let ip = Ip::parse(packet).unwrap();
    let (found, octets) = ip.transport().unwrap();
    assert!(
        ip.pseudo_header(found, octets.len())
            .octets(octets)
            .is_valid()
    );
}

fn tcp_of(packet: &[u8]) -> Tcp<'_> {
    Tcp::parse(Ip::parse(packet).unwrap().transport().unwrap().1).unwrap()
}

#[test]
fn a_bulk_transfer_becomes_one_packet_and_back() {
    for v6 in [false, true] {
        let packets: Vec<_> = (0..40u32)
            .map(|n| {
                let mut spec = Spec::new(
                    n.wrapping_mul(1448).wrapping_sub(5000),
                    if n == 39 { 100 } else { 1448 },
                );
                (spec.v6, spec.ident, spec.timestamp) = (v6, (n as u16).wrapping_sub(3), Some(77));
                if n == 39 {
                    spec.flags = spec.flags.with(TcpFlags::PSH);
                }
                spec.octets()
            })
            .collect();
        let mut coalescer = Coalescer::new(4, false);
        let merged = coalesce(&mut coalescer, &packets);
        assert_eq!(merged.len(), 1);
        let (header, packet) = &merged[0];
        assert!(header.needs_checksum());
        assert_eq!(header.gso, if v6 { Gso::TcpV6 } else { Gso::TcpV4 });
        assert_eq!(usize::from(header.header_len), if v6 { 72 } else { 52 });
        assert!(tcp_of(packet).flags().contains(TcpFlags::PSH));
        assert_eq!(segment(header, packet), packets);
        let stats = coalescer.stats();
        assert_eq!((stats.packets, stats.writes, stats.merged), (40, 1, 1));
    }
}

#[test]
fn bounds_on_one_super_packet() {
    let small: Vec<_> = (0..100u32)
        .map(|n| {
            Spec {
                ident: n as u16,
                ..Spec::new(n * 10, 10)
            }
            .octets()
        })
        .collect();
    let merged = coalesce(&mut Coalescer::new(1, false), &small);
    assert_eq!(merged.len(), 2, "64 and 36 segments");
    let large: Vec<_> = (0..20u32)
        .map(|n| {
            Spec {
                ident: n as u16,
                ..Spec::new(n * 9000, 9000)
            }
            .octets()
        })
        .collect();
    let merged = coalesce(&mut Coalescer::new(1, false), &large);
    assert_eq!(merged.len(), 3, "7, 7 and 6 segments of 9000 octets");
    assert!(merged.iter().all(|(_, p)| p.len() <= MAX_PACKET));
}

#[test]
fn what_differs_is_not_merged() {
    let first = Spec::new(0, 100);
    let next = Spec {
        ident: 8,
        ..Spec::new(100, 100)
    };
    let count = |second: &Spec| {
        coalesce(
            &mut Coalescer::new(4, true),
            &[first.octets(), second.octets()],
        )
        .len()
    };
    assert_eq!(count(&next), 1);
    assert_eq!(
        count(&Spec {
            ident: 7,
            ..next.clone()
        }),
        1,
        "constant, never fragmented"
    );
    let others = [
        Spec {
            ident: 9,
            ..next.clone()
        },
        Spec {
            dont_fragment: false,
            ..next.clone()
        },
        Spec {
            ttl: 63,
            ..next.clone()
        },
        Spec {
            seq: 101,
            ..next.clone()
        },
        Spec {
            seq: 0,
            ..next.clone()
        },
        Spec {
            ack: 100,
            ..next.clone()
        },
        Spec {
            timestamp: Some(1),
            ..next.clone()
        },
        Spec {
            flags: TcpFlags::ACK.with(TcpFlags::FIN),
            ..next.clone()
        },
        Spec {
            flags: TcpFlags::ACK.with(TcpFlags::ECE),
            ..next.clone()
        },
        Spec {
            flags: TcpFlags::ACK.with(TcpFlags::URG),
            ..next.clone()
        },
        Spec {
            flow: 1,
            ..next.clone()
        },
        Spec {
            payload: vec![1; 101],
            ..next.clone()
        },
        Spec {
            payload: vec![],
            ..next.clone()
        },
        Spec {
            tcp: false,
            ..next.clone()
        },
    ];
    for other in &others {
        assert_eq!(count(other), 2, "{other:?}");
    }
    // Without "do not fragment" a constant identification would be a lie.
    let a = Spec {
        dont_fragment: false,
        ..first.clone()
    };
    let b = Spec {
        dont_fragment: false,
        ident: 7,
        ..next.clone()
    };
    assert_eq!(
        coalesce(&mut Coalescer::new(4, true), &[a.octets(), b.octets()]).len(),
        2
    );
}

#[test]
fn a_wrong_checksum_is_passed_on_as_it_is() {
    let mut packets = vec![
        Spec::new(0, 100).octets(),
        Spec {
            ident: 8,
            ..Spec::new(100, 100)
        }
        .octets(),
    ];
    *packets[1].last_mut().unwrap() ^= 1;
    let out = coalesce(&mut Coalescer::new(4, true), &packets);
    assert_eq!(
        out.iter().map(|(_, p)| p.clone()).collect::<Vec<_>>(),
        packets
    );
    let no_checksum = {
        let mut packet = Spec {
            tcp: false,
            ..Spec::new(0, 10)
        }
        .octets();
        packet[26..28].fill(0);
        packet
    };
    assert_eq!(
        coalesce(
            &mut Coalescer::new(4, true),
            &[no_checksum.clone(), no_checksum]
        )
        .len(),
        2
    );
}

#[test]
fn datagrams_are_merged_only_where_the_tun_takes_them() {
    let packets: Vec<_> = [500, 500, 500, 20]
        .iter()
        .enumerate()
        .map(|(n, &size)| {
            Spec {
                tcp: false,
                ident: n as u16,
                ..Spec::new(n as u32, size)
            }
            .octets()
        })
        .collect();
    assert_eq!(coalesce(&mut Coalescer::new(4, false), &packets).len(), 4);
    let merged = coalesce(&mut Coalescer::new(4, true), &packets);
    assert_eq!(merged.len(), 1);
    let (header, packet) = &merged[0];
    assert_eq!((header.gso, header.gso_size), (Gso::UdpL4, 500));
    let udp = Udp::parse(&packet[20..]).unwrap();
    assert_eq!(udp.payload().len(), 1520);
    assert_eq!(segment(header, packet), packets);
}

#[test]
fn several_flows_at_once_and_a_full_table() {
    let packets: Vec<_> = (0..60u32)
        .map(|n| {
            Spec {
                flow: (n % 3) as u8,
                ident: (n / 3) as u16,
                ..Spec::new(n / 3 * 50, 50)
            }
            .octets()
        })
        .collect();
    assert_eq!(coalesce(&mut Coalescer::new(3, false), &packets).len(), 3);
    let mut small = Coalescer::new(2, false);
    assert_eq!(coalesce(&mut small, &packets).len(), 60);
    assert_eq!(small.stats().evicted, 58);
}

#[test]
fn cut_flags_follow_the_first_and_the_last() {
    let spec = Spec {
        flags: TcpFlags::ACK
            .with(TcpFlags::PSH)
            .with(TcpFlags::FIN)
            .with(TcpFlags::CWR),
        ..Spec::new(10, 250)
    };
    let header = VirtioHeader {
        gso: Gso::TcpV4,
        ecn: true,
        header_len: 40,
        gso_size: 100,
        checksum_start: 20,
        checksum_offset: 16,
        ..VirtioHeader::FINISHED
    }
    .with_needs_checksum(true);
    let out = segment(&header, &spec.octets());
    assert_eq!(out.len(), 3);
    for (n, packet) in out.iter().enumerate() {
        assert_valid(packet);
        let tcp = tcp_of(packet);
        assert_eq!(tcp.seq(), 10 + 100 * n as u32);
        assert_eq!(tcp.flags().contains(TcpFlags::CWR), n == 0);
        assert_eq!(
            tcp.flags().contains(TcpFlags::PSH.with(TcpFlags::FIN)),
            n == 2
        );
    }
    let mut ethernet = vec![0xee; 14];
    ethernet.extend(spec.octets());
    let header = VirtioHeader {
        checksum_start: 34,
        ..header
    };
    let mut segmenter = Segmenter::new(&header, &ethernet, 14).unwrap();
    assert_eq!(segmenter.remaining(), 3);
    let mut buffer = [0; 200];
    for packet in &out {
        assert_eq!(
            segmenter.next_into(&mut buffer),
            Ok(Some(packet.len() + 14))
        );
        assert_eq!(&buffer[..14], &[0xee; 14]);
        assert_eq!(&buffer[14..14 + packet.len()], &packet[..]);
    }
    assert_eq!(segmenter.next_into(&mut buffer), Ok(None));
}

#[test]
fn a_single_packet_gets_its_checksum() {
    let finished = Spec {
        tcp: false,
        ..Spec::new(0, 31)
    }
    .octets();
    let mut packet = finished.clone();
    let partial = match Ip::parse(&finished).unwrap() {
        Ip::V4(ip) => ip.pseudo_header(protocol::UDP, 39).folded(),
        Ip::V6(_) => unreachable!(),
    };
    packet[26..28].copy_from_slice(&partial.to_be_bytes());
    let header = VirtioHeader {
        checksum_start: 20,
        checksum_offset: 6,
        ..VirtioHeader::FINISHED
    }
    .with_needs_checksum(true);
    assert_eq!(segment(&header, &packet), std::slice::from_ref(&finished));
    complete(&header, &mut packet).unwrap();
    assert_eq!(packet, finished);
    assert_eq!(
        segment(&VirtioHeader::FINISHED, b"anything"),
        [b"anything".to_vec()]
    );
}

#[test]
fn contradictions_are_named() {
    let packet = Spec::new(0, 100).octets();
    let good = VirtioHeader {
        gso: Gso::TcpV4,
        header_len: 40,
        gso_size: 10,
        checksum_start: 20,
        checksum_offset: 16,
        ..VirtioHeader::FINISHED
    };
    let error = |header: VirtioHeader| Segmenter::new(&header, &packet, 0).unwrap_err();
    assert_eq!(
        error(VirtioHeader {
            gso_size: 0,
            ..good
        }),
        OffloadError::ZeroSize
    );
    assert_eq!(
        error(VirtioHeader {
            gso: Gso::Other(3),
            ..good
        }),
        OffloadError::Unsupported(Gso::Other(3))
    );
    for gso in [Gso::TcpV6, Gso::UdpL4] {
        assert!(matches!(
            error(VirtioHeader { gso, ..good }),
            OffloadError::Mismatch(_)
        ));
    }
    assert!(matches!(
        error(VirtioHeader {
            checksum_start: 24,
            ..good
        }),
        OffloadError::ChecksumPlace {
            start: 24,
            offset: 16
        }
    ));
    let single = VirtioHeader {
        gso: Gso::None,
        checksum_start: 139,
        ..good
    }
    .with_needs_checksum(true);
    assert!(matches!(error(single), OffloadError::ChecksumPlace { .. }));
    let mut segmenter = Segmenter::new(&good, &packet, 0).unwrap();
    assert_eq!(
        segmenter.next_into(&mut [0; 49]),
        Err(OffloadError::Room { need: 50, have: 49 })
    );
    assert_eq!(segmenter.remaining(), 10, "nothing was consumed");
}

/// Mostly a bulk transfer, now and then something else.
fn step() -> impl Strategy<Value = (u8, u8, u8, usize)> {
    (
        0u8..3,
        0u8..4,
        0u8..40,
        prop_oneof![8 => Just(100usize), 1 => 0usize..100, 1 => 100usize..300],
    )
}

proptest! {
    #[test]
    fn segmenting_undoes_coalescing(steps in proptest::collection::vec(step(), 0..200), table in 1usize..6, start: u32) {
        let mut seqs = [[start; 4]; 3];
        let mut idents = [[start as u16; 4]; 3];
        let packets: Vec<_> = steps.iter().map(|&(flow, kind, oddity, size)| {
            let (f, k) = (usize::from(flow), usize::from(kind));
            let mut spec = Spec::new(seqs[f][k], size);
            spec.flow = flow;
            spec.v6 = kind & 1 != 0;
            spec.tcp = kind & 2 != 0;
            spec.ident = idents[f][k];
            spec.dont_fragment = flow != 1;
            seqs[f][k] = seqs[f][k].wrapping_add(size as u32);
            idents[f][k] = idents[f][k].wrapping_add(1);
            match oddity {
                0 => spec.flags = spec.flags.with(TcpFlags::PSH),
                1 => spec.flags = spec.flags.with(TcpFlags::FIN),
                2 => spec.ttl -= 1,
                3 => spec.ack += 1,
                4 => spec.seq = spec.seq.wrapping_sub(7),
                5 => spec.timestamp = Some(start),
                6 => spec.ident = spec.ident.wrapping_sub(1),
                _ => {}
            }
            spec.octets()
        }).collect();
        let mut coalescer = Coalescer::new(table, true);
        let merged = coalesce(&mut coalescer, &packets);
        prop_assert_eq!(coalescer.stats().writes, merged.len() as u64);
        let again: Vec<_> = merged.iter().flat_map(|(h, p)| segment(h, p)).collect();
        prop_assert_eq!(again.len(), packets.len());
        for v6 in [false, true] {
            for number in [protocol::TCP, protocol::UDP] {
                for flow in 0..3 {
                    let wanted = (v6, number, flow);
                    prop_assert_eq!(of_flow(&again, wanted), of_flow(&packets, wanted));
                }
            }
        }
    }

    #[test]
    fn segments_add_up(size in 1u16..3000, payload in 0usize..20_000, v6: bool, tcp: bool, start: u32) {
        let spec = Spec { v6, tcp, ..Spec::new(start, payload) };
        let packet = spec.octets();
        let ip = if v6 { 40 } else { 20 };
        let header = VirtioHeader {
            gso: match (tcp, v6) { (true, false) => Gso::TcpV4, (true, true) => Gso::TcpV6, _ => Gso::UdpL4 },
            gso_size: size,
            checksum_start: ip,
            checksum_offset: if tcp { 16 } else { 6 },
            ..VirtioHeader::FINISHED
        }.with_needs_checksum(true);
        let out = segment(&header, &packet);
        prop_assert_eq!(out.len(), payload.div_ceil(usize::from(size)).max(1));
        let headers = usize::from(ip) + if tcp { 20 } else { 8 };
        let mut all: Vec<u8> = Vec::new();
        for packet in &out {
            assert_valid(packet);
            prop_assert!(packet.len() <= headers + usize::from(size));
            all.extend(&packet[headers..]);
        }
        prop_assert_eq!(all, spec.payload);
    }

    #[test]
    fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 0..150), gso in 0u8..7, v4: bool, fix: bool) {
        if fix && octets.len() > 60 {
            let len = octets.len() - 10;
            octets[1] = gso;
            octets[10] = if v4 { 0x45 } else { 0x60 };
            octets[6] = if v4 { 20 } else { 40 };
            octets[7] = 0;
            octets[8] = if gso == 5 { 6 } else { 16 };
            octets[9] = 0;
            if v4 {
                octets[12..14].copy_from_slice(&(len as u16).to_be_bytes());
                octets[16..18].fill(0);
                octets[19] = if gso == 5 { protocol::UDP } else { protocol::TCP };
            } else {
                octets[14..16].copy_from_slice(&(len as u16 - 40).to_be_bytes());
                octets[16] = if gso == 5 { protocol::UDP } else { protocol::TCP };
            }
        }
        fuzz_segment(&octets);
        let mut coalescer = Coalescer::new(2, true);
        let mut total = 0;
        coalescer.push(&octets, &mut |_, p| total += p.len());
        coalescer.flush(&mut |_, p| total += p.len());
        prop_assert_eq!(total, octets.len());
    }
}
