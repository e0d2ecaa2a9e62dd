use proptest::collection::vec;
use proptest::prelude::*;
use wanbox_sim::{Random, for_each_seed};
use wanbox_wire::ip::Ip;

use super::*;

/// One packet of a connection.
#[derive(Clone, Debug)]
struct Spec {
    connection: u8,
    tos: u8,
    ident: u16,
    fragment: u16,
    ttl: u8,
    ip_options: Vec<u8>,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    urgent: u16,
    tcp_options: Vec<u8>,
    data: Vec<u8>,
}

const ACKED: u8 = TcpFlags::ACK.0;

impl Spec {
    fn new(connection: u8) -> Self {
        Self {
            connection,
            tos: 0,
            ident: 100,
            fragment: 0x4000,
            ttl: 64,
            ip_options: Vec::new(),
            seq: 1000,
            ack: 2000,
            flags: ACKED,
            window: 8192,
            urgent: 0,
            tcp_options: Vec::new(),
            data: vec![0x55; 100],
        }
    }

    /// The next packet after this one: behind its data.
    fn next(&self) -> Self {
        let mut next = self.clone();
        next.ident = next.ident.wrapping_add(1);
        next.seq = next.seq.wrapping_add(self.data.len() as u32);
        next
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    fn octets(&self) -> Vec<u8> {
        let header = 20 + self.ip_options.len();
        let tcp_header = 20 + self.tcp_options.len();
        let total = (header + tcp_header + self.data.len()) as u16;
        let mut octets = vec![0x40 | (header / 4) as u8, self.tos];
        octets.extend(total.to_be_bytes());
        octets.extend(self.ident.to_be_bytes());
        octets.extend(self.fragment.to_be_bytes());
        octets.extend([self.ttl, protocol::TCP, 0, 0]);
        octets.extend([10, 0, 0, self.connection, 10, 9, 9, 9]);
        octets.extend(&self.ip_options);
        let sum = Sum::new().octets(&octets).checksum();
        octets[10..12].copy_from_slice(&sum.to_be_bytes());
        octets.extend([0x04, self.connection, 0, 23]);
        octets.extend(self.seq.to_be_bytes());
        octets.extend(self.ack.to_be_bytes());
        octets.extend([(tcp_header / 4) as u8 * 16, self.flags]);
        octets.extend(self.window.to_be_bytes());
        octets.extend([0, 0]);
        octets.extend(self.urgent.to_be_bytes());
        octets.extend(&self.tcp_options);
        octets.extend(&self.data);
        let pseudo = Ip::parse(&octets)
            .unwrap()
            .pseudo_header(protocol::TCP, octets.len() - header);
        let sum = pseudo.octets(&octets[header..]).checksum();
        octets[header + 16..header + 18].copy_from_slice(&sum.to_be_bytes());
        octets
    }
}

/// The frame that a compressor makes of a packet.
fn frame(compressor: &mut Compressor, packet: &[u8]) -> (Kind, Vec<u8>) {
    let mut octets = Vec::new();
    let head = compressor.compress(packet, &mut octets);
    octets.extend_from_slice(&packet[head.replaces..]);
    (head.kind, octets)
}

fn restore(decompressor: &mut Decompressor, kind: Kind, frame: &[u8]) -> Result<Vec<u8>, Error> {
    let mut packet = Vec::new();
    let data = decompressor.decompress(kind, frame, &mut packet);
    if data.is_err() {
        assert!(packet.is_empty());
    }
    packet.extend_from_slice(&frame[data?]);
    Ok(packet)
}

/// What becomes of `second` behind `first`, without the data; it is restored as it was.
#[track_caller]
fn behind(first: &Spec, second: &Spec) -> (Kind, Vec<u8>) {
    let mut compressor = Compressor::new(15, true);
    let mut decompressor = Decompressor::new(15);
    for spec in [first, second] {
        let packet = spec.octets();
        let (kind, octets) = frame(&mut compressor, &packet);
        assert_eq!(restore(&mut decompressor, kind, &octets), Ok(packet));
        if std::ptr::eq(spec, second) {
            let head = octets.len() - second.data.len();
            return (kind, octets[..head].to_vec());
        }
    }
    unreachable!("the second is the second");
}

/// The checksum of a packet, as compressed headers carry it.
fn sum(spec: &Spec) -> [u8; 2] {
    let at = 20 + spec.ip_options.len() + 16;
    spec.octets()[at..at + 2].try_into().unwrap()
}

#[test]
fn compressed_headers_octet_by_octet() {
    let first = Spec::new(1);
    let next = first.next();
    let check = |second: &Spec, mask: u8, fields: &[u8]| {
        let [high, low] = sum(second);
        let expected = [&[mask, high, low], fields].concat();
        assert_eq!(behind(&first, second), (Kind::Compressed, expected));
    };
    // Data one way; it echoed; with PSH.
    check(&next, 0x0f, &[]);
    check(&next.with(|s| s.ack += 100), 0x0b, &[]);
    check(&next.with(|s| s.flags |= 0x08), 0x1f, &[]);
    // Fields, small and large, and a window that goes down.
    check(&next.with(|s| s.ack += 101), 0x0c, &[101, 100]);
    check(&next.with(|s| s.ack += 65_535), 0x0c, &[0, 255, 255, 100]);
    check(&next.with(|s| s.window -= 1), 0x0a, &[0, 255, 255, 100]);
    check(&next.with(|s| s.seq += 156), 0x08, &[0, 1, 0]);
    // Identification: the same again, and back.
    check(&next.with(|s| s.ident -= 1), 0x2f, &[0, 0, 0]);
    check(&next.with(|s| s.ident += 6), 0x2f, &[7]);
    check(&next.with(|s| s.ident = 0), 0x2f, &[0, 255, 156]);
    // An acknowledgement alone.
    let alone = first.with(|s| {
        s.data.clear();
        s.seq += 100;
        s.ack += 9;
        s.ident += 1;
    });
    check(&alone, 0x0c, &[9, 100]);
    // An urgent pointer, its value itself.
    let urgent = next.with(|s| {
        s.flags |= 0x20;
        s.urgent = 0;
    });
    check(&urgent, 0x09, &[0, 0, 0, 100]);
}

#[test]
fn the_slot_is_named_when_it_changes_or_always() {
    for omit in [true, false] {
        let mut compressor = Compressor::new(3, omit);
        let mut heads = Vec::new();
        let (mut one, mut two) = (Spec::new(1), Spec::new(2));
        for spec in [1, 2, 2, 1, 1] {
            let of = if spec == 1 { &mut one } else { &mut two };
            let (kind, octets) = frame(&mut compressor, &of.octets());
            *of = of.next();
            heads.push((kind, octets[0]));
        }
        let named = (Kind::Compressed, 0x4f);
        let other = if omit {
            (Kind::Compressed, 0x0f)
        } else {
            named
        };
        let whole = (Kind::Uncompressed, 0x45);
        assert_eq!(heads, [whole, whole, other, named, other]);
    }
}

#[test]
fn what_needs_a_whole_header() {
    let plain = Spec::new(1);
    let first = plain.with(|s| {
        s.ip_options = vec![1, 1, 1, 0];
        s.tcp_options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        s.window = 100;
    });
    let next = first.next();
    assert_eq!(behind(&first, &next).0, Kind::Compressed);
    let whole: [(&str, Spec); 16] = [
        ("type of service", next.with(|s| s.tos = 0x10)),
        ("congestion mark", next.with(|s| s.tos = 0x03)),
        ("flag DF", next.with(|s| s.fragment = 0)),
        ("time to live", next.with(|s| s.ttl -= 1)),
        ("IP options", next.with(|s| s.ip_options[0] = 0)),
        ("length of IP options", next.with(|s| s.ip_options.clear())),
        ("TCP options", next.with(|s| s.tcp_options[7] = 2)),
        (
            "length of TCP options",
            next.with(|s| s.tcp_options.clear()),
        ),
        ("flag ECE", next.with(|s| s.flags |= 0x40)),
        ("flag CWR", next.with(|s| s.flags |= 0x80)),
        ("urgent pointer without URG", next.with(|s| s.urgent = 1)),
        ("sequence back", next.with(|s| s.seq -= 101)),
        ("sequence far ahead", next.with(|s| s.seq += 65_536)),
        ("acknowledgement back", next.with(|s| s.ack -= 1)),
        ("sent again", first.with(|s| s.ident += 1)),
        (
            "S, W and U together",
            next.with(|s| {
                s.flags |= 0x20;
                s.window += 1;
            }),
        ),
    ];
    for (what, second) in &whole {
        assert_eq!(behind(&first, second).0, Kind::Uncompressed, "{what}");
    }
    // The same acknowledgement again means something; data behind an acknowledgement is new.
    let empty = plain.with(|s| s.data.clear());
    assert_eq!(behind(&empty, &empty).0, Kind::Uncompressed);
    let with_data = empty.with(|s| s.data = vec![1; 10]);
    assert_eq!(behind(&empty, &with_data).0, Kind::Compressed);
    let probe = plain.with(|s| s.window += 1);
    assert_eq!(behind(&plain, &probe).0, Kind::Uncompressed);
}

#[test]
fn a_stream_behind_urgent_data_is_told_in_full() {
    let first = Spec::new(1).with(|s| {
        s.flags |= 0x20;
        s.urgent = 5;
    });
    let second = first.next().with(|s| s.flags = ACKED);
    let (kind, head) = behind(&first, &second);
    assert_eq!((kind, head[0]), (Kind::Compressed, 0x08));
    // One that was not so careful is understood.
    let mut decompressor = Decompressor::new(0);
    let (kind, octets) = frame(&mut Compressor::new(0, true), &first.octets());
    restore(&mut decompressor, kind, &octets).unwrap();
    let [high, low] = sum(&second);
    let careless = [&[0x0f, high, low], &second.data[..]].concat();
    let restored = restore(&mut decompressor, Kind::Compressed, &careless);
    assert_eq!(restored, Ok(second.octets()));
}

#[test]
fn what_passes_as_it_is() {
    let right = Spec::new(1);
    let mut packets: Vec<Vec<u8>> = [0x02, 0x12, 0x11, 0x14, 0x04, 0x00]
        .into_iter()
        .map(|flags| right.with(|s| s.flags = flags).octets())
        .collect();
    packets.push(right.with(|s| s.fragment = 0x2000).octets());
    packets.push(right.with(|s| s.fragment = 0x0001).octets());
    let mut damage = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = right.octets();
        change(&mut octets);
        packets.push(octets);
    };
    damage(&|o| o[9] = 17);
    damage(&|o| o[10] ^= 1);
    damage(&|o| o.push(0));
    damage(&|o| o.truncate(39));
    damage(&|o| o[0] = 0x65);
    damage(&|o| o[32] = 0x40);
    damage(&|o| {
        let short = right.with(|s| s.data.truncate(10));
        *o = short.octets();
        o[32] = 0xf0;
    });
    damage(&Vec::clear);
    let mut compressor = Compressor::new(15, true);
    let mut decompressor = Decompressor::new(15);
    frame(&mut compressor, &right.octets());
    for packet in &packets {
        let (kind, octets) = frame(&mut compressor, packet);
        assert_eq!((kind, &octets), (Kind::Ip, packet));
        assert_eq!(restore(&mut decompressor, kind, &octets), Ok(octets));
    }
    assert_eq!(compressor.stats().ip, packets.len() as u64);
    // They left no trace in the slot.
    let (kind, _) = frame(&mut compressor, &right.next().octets());
    assert_eq!(kind, Kind::Compressed);
}

#[test]
fn the_slot_that_was_not_used_for_longest_goes() {
    let mut compressor = Compressor::new(3, true);
    let mut use_of = |connection| {
        let (kind, octets) = frame(&mut compressor, &Spec::new(connection).octets());
        assert_eq!(kind, Kind::Uncompressed);
        octets[9]
    };
    let slots = [1, 2, 3, 4].map(&mut use_of);
    let mut sorted = slots;
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3]);
    assert_eq!(use_of(1), slots[0]);
    assert_eq!(use_of(5), slots[1]);
    assert_eq!(use_of(2), slots[2]);
    assert_eq!(compressor.stats().new_connections, 6);
}

#[test]
fn wrong_frames_are_refused_and_counted() {
    let (first, mut compressor) = (Spec::new(1), Compressor::new(3, false));
    let (_, whole) = frame(&mut compressor, &first.octets());
    let (_, short) = frame(&mut compressor, &first.next().octets());
    let mut decompressor = Decompressor::new(3);
    let mut wrong = |kind, octets: &[u8], is: fn(&Error) -> bool| {
        let error = restore(&mut decompressor, kind, octets).unwrap_err();
        assert!(is(&error), "{error:?}");
        assert!(!error.to_string().is_empty());
    };
    let slot = short[1];
    wrong(Kind::Compressed, &short, |e| {
        matches!(e, Error::EmptySlot(_))
    });
    wrong(Kind::Compressed, &[0x0f, 0, 0], |e| *e == Error::Tossed);
    wrong(Kind::Compressed, &[], |e| matches!(e, Error::Cut(_)));
    wrong(Kind::Compressed, &[0x40, 4, 0, 0], |e| {
        *e == Error::NoSuchSlot(4)
    });
    for length in 0..40 {
        wrong(Kind::Uncompressed, &whole[..length], |e| {
            matches!(e, Error::Header(_))
        });
    }
    let mut other = whole.clone();
    other[9] = 4;
    wrong(Kind::Uncompressed, &other, |e| *e == Error::NoSuchSlot(4));
    other[9] = slot;
    other[8] ^= 1;
    wrong(Kind::Uncompressed, &other, |e| *e == Error::NotRight);
    // Padding behind a whole header is left out.
    let padded = [&whole[..], &[0; 6]].concat();
    let restored = restore(&mut decompressor, Kind::Uncompressed, &padded);
    assert_eq!(restored, Ok(first.octets()));
    let long = [&short[..], &[0; 65_500]].concat();
    assert_eq!(
        restore(&mut decompressor, Kind::Compressed, &long),
        Err(Error::TooLong)
    );
    // Nothing of all that has changed the slot.
    let restored = restore(&mut decompressor, Kind::Compressed, &short);
    assert_eq!(restored, Ok(first.next().octets()));
    let stats = decompressor.stats();
    assert_eq!(
        (stats.uncompressed, stats.compressed, stats.tossed),
        (1, 1, 1)
    );
    assert_eq!(stats.errors, 46);
}

#[test]
fn after_a_lost_frame_the_connection_must_be_named() {
    let mut compressor = Compressor::new(3, true);
    let mut decompressor = Decompressor::new(3);
    let (one, two) = (Spec::new(1), Spec::new(2));
    for spec in [&two, &one] {
        let (kind, octets) = frame(&mut compressor, &spec.octets());
        restore(&mut decompressor, kind, &octets).unwrap();
    }
    // This one gets lost, which the line tells; the next is of the same connection.
    let two = two.next();
    frame(&mut compressor, &two.octets());
    decompressor.line_error();
    let two = two.next();
    let (kind, octets) = frame(&mut compressor, &two.octets());
    let lost = restore(&mut decompressor, kind, &octets);
    assert_eq!(lost, Err(Error::Tossed));
    // The other connection, which lost nothing, goes on.
    let one = one.next();
    let (kind, octets) = frame(&mut compressor, &one.octets());
    assert_eq!(kind, Kind::Compressed);
    assert_eq!(restore(&mut decompressor, kind, &octets), Ok(one.octets()));
    // What was lost is sent again.
    let again = two.with(|s| s.seq -= 100);
    let (kind, octets) = frame(&mut compressor, &again.octets());
    assert_eq!(kind, Kind::Uncompressed);
    assert_eq!(
        restore(&mut decompressor, kind, &octets),
        Ok(again.octets())
    );
    let two = again.next();
    let (kind, octets) = frame(&mut compressor, &two.octets());
    assert_eq!(kind, Kind::Compressed);
    assert_eq!(restore(&mut decompressor, kind, &octets), Ok(two.octets()));
}

/// What hosts do next, likely and unlikely.
fn go_on(random: &mut Random, spec: &Spec) -> Spec {
    let mut next = spec.next();
    next.flags &= !0x28;
    match random.below(20) {
        0..=7 => {}
        8..=9 => next.ack = next.ack.wrapping_add(spec.data.len() as u32),
        10..=11 => next.ack = next.ack.wrapping_add(random.below(3000) as u32),
        12 => next.window = random.next_u64() as u16,
        13 => next.seq = next.seq.wrapping_sub(random.below(3000) as u32),
        14 => {
            next.flags |= 0x20;
            next.urgent = random.below(2000) as u16;
        }
        15 => match random.below(6) {
            0 => next.tos = random.next_u64() as u8,
            1 => next.ttl = random.next_u64() as u8,
            2 => next.fragment ^= 0x4000,
            3 => next.flags ^= 0x40,
            4 => next.urgent = random.below(3) as u16,
            _ => next.seq = random.next_u64() as u32,
        },
        16 => {
            next.tcp_options = vec![1; random.below(11) as usize * 4];
            next.ip_options = vec![1; random.below(11) as usize * 4];
        }
        17 => next.flags ^= 1 << random.below(8),
        18 => next.ident = random.next_u64() as u16,
        _ => return spec.clone(),
    }
    next.flags |= if random.chance(0.3) { 0x08 } else { 0 };
    if next.flags & 0x17 != ACKED && random.chance(0.8) {
        next.flags = ACKED;
    }
    if random.chance(0.5) {
        let length = if random.chance(0.4) {
            0
        } else {
            random.below(600)
        };
        next.data = vec![0; length as usize];
        random.fill(&mut next.data);
    }
    next
}

/// A line for frames of some connections.
struct Traffic {
    random: Random,
    specs: Vec<Spec>,
    compressor: Compressor,
    decompressor: Decompressor,
}

impl Traffic {
    fn new(seed: u64, omit_slot: bool) -> Self {
        let mut random = Random::new(seed);
        let max_slot = random.below(8) as u8;
        let count = random.between(1, 10) as u8;
        Self {
            specs: (0..count).map(Spec::new).collect(),
            compressor: Compressor::new(max_slot, omit_slot),
            decompressor: Decompressor::new(max_slot),
            random,
        }
    }

    /// The next packet and its frame.
    fn next(&mut self) -> (Vec<u8>, Kind, Vec<u8>) {
        let place = self.random.below(self.specs.len() as u64) as usize;
        self.specs[place] = go_on(&mut self.random, &self.specs[place]);
        let packet = self.specs[place].octets();
        let (kind, octets) = frame(&mut self.compressor, &packet);
        (packet, kind, octets)
    }
}

#[test]
fn on_a_good_line_everything_comes_out_as_it_was() {
    let mut saved = 0;
    for_each_seed(2000, |seed| {
        let mut traffic = Traffic::new(seed, seed & 1 == 0);
        for _ in 0..200 {
            let (packet, kind, octets) = traffic.next();
            saved += packet.len() - octets.len();
            let restored = restore(&mut traffic.decompressor, kind, &octets);
            assert_eq!(restored, Ok(packet));
        }
        let (sent, got) = (traffic.compressor.stats(), traffic.decompressor.stats());
        assert_eq!(sent.ip + sent.uncompressed + sent.compressed, 200);
        assert_eq!(sent.uncompressed, got.uncompressed);
        assert_eq!(sent.compressed, got.compressed);
        assert_eq!((got.tossed, got.errors), (0, 0));
    });
    assert!(saved > 0 || std::env::var_os(wanbox_sim::SEED_VARIABLE).is_some());
}

/// Whether a host would take a packet.
fn host_takes(packet: &[u8]) -> bool {
    let ip = Ipv4::parse(packet).unwrap();
    assert!(ip.checksum_is_valid());
    let segment = Tcp::parse(ip.payload()).unwrap();
    let pseudo = ip.pseudo_header(protocol::TCP, ip.payload().len());
    segment.checksum_is_valid(pseudo)
}

/// What the TCP checksum covers: addresses and segment.
fn covered(packet: &[u8]) -> (&[u8], &[u8]) {
    let header = usize::from(packet[0] & 0x0f) * 4;
    (&packet[ADDRESSES..OPTIONS], &packet[header..])
}

#[test]
fn on_a_bad_line_the_hosts_find_what_is_wrong_and_whole_headers_put_it_right() {
    let (mut taken, mut unseen, mut exact) = (0_u64, 0_u64, 0_u64);
    for_each_seed(2000, |seed| {
        // Whether the line tells of lost frames.
        let told = seed & 1 == 0;
        let mut traffic = Traffic::new(seed, seed & 2 == 0);
        // The slots in which both ends have the same header, and whether both mean the same slot.
        let (mut agreed, mut last, mut both) = ([false; 256], 0, true);
        for _ in 0..200 {
            let (packet, kind, octets) = traffic.next();
            let slot = match kind {
                Kind::Ip => continue,
                Kind::Uncompressed => octets[9],
                Kind::Compressed if octets[0] & 0x40 != 0 => octets[1],
                Kind::Compressed => last,
            };
            let named = kind == Kind::Uncompressed || octets[0] & 0x40 != 0;
            last = slot;
            if traffic.random.chance(0.1) {
                agreed[usize::from(slot)] = false;
                both = false;
                if told {
                    traffic.decompressor.line_error();
                }
                continue;
            }
            both |= named;
            let restored = restore(&mut traffic.decompressor, kind, &octets);
            let in_step = kind == Kind::Uncompressed || agreed[usize::from(slot)];
            agreed[usize::from(slot)] = in_step && both;
            match restored {
                Ok(restored) if in_step && both => {
                    assert_eq!(restored, packet);
                    exact += 1;
                }
                Ok(restored) => {
                    if !both {
                        // What was not for it has spoiled a slot.
                        assert!(!told, "a frame without a slot is tossed");
                        agreed = [false; 256];
                    }
                    if host_takes(&restored) {
                        taken += 1;
                        unseen += u64::from(covered(&restored) != covered(&packet));
                    }
                }
                Err(Error::Tossed) => agreed[usize::from(slot)] = false,
                Err(error) => assert!(!in_step, "{error}"),
            }
        }
    });
    if std::env::var_os(wanbox_sim::SEED_VARIABLE).is_none() {
        assert!(exact > 100_000 && taken > 0, "{exact} {taken}");
        assert!(unseen < 10, "{unseen} of {taken}");
    }
}

proptest! {
    #[test]
    fn any_octets(input in vec(any::<u8>(), 0..400)) {
        fuzz_vj(&input);
    }

    #[test]
    fn nearly_packets(
        setup: u8,
        steps in vec((any::<u8>(), vec(any::<u8>(), 0..60), 0..2_u8), 0..20),
    ) {
        let mut input = vec![setup];
        for (step, data, connection) in steps {
            let mut octets = Spec::new(connection).with(|s| s.data = data).octets();
            if step & 0x40 != 0 {
                octets[9] = step & 3;
            }
            input.extend([step, octets.len() as u8]);
            input.extend(octets);
        }
        fuzz_vj(&input);
    }
}
