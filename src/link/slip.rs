//! SLIP (RFC 1055): packets on a stream of octets. KISS puts its frames on a line in the same way.
//!
//! ```text
//! C0 | packet; C0 as DB DC, DB as DB DD | C0
//! ```

/// Begins and ends a packet.
pub const END: u8 = 0xc0;
/// The next octet stands for another one.
const ESC: u8 = 0xdb;
/// [`END`], behind an escape.
const ESC_END: u8 = 0xdc;
/// [`ESC`], behind an escape.
const ESC_ESC: u8 = 0xdd;

/// Appends a packet as it is on the line. What a disturbed line left before it ends with its first octet.
pub fn encode(packet: &[u8], out: &mut Vec<u8>) {
    out.push(END);
    let mut rest = packet;
    while let Some(place) = rest.iter().position(|octet| is_special(*octet)) {
        let (plain, behind) = rest.split_at(place);
        out.extend_from_slice(plain);
        let Some((octet, behind)) = behind.split_first() else {
            break;
        };
        let stands = if *octet == END { ESC_END } else { ESC_ESC };
        out.extend_from_slice(&[ESC, stands]);
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(END);
}

fn is_special(octet: u8) -> bool {
    matches!(octet, END | ESC)
}

/// What a decoder threw away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets that the sender aborted (an escape before the end).
    pub aborts: u64,
    /// Octets behind an escape that stand for nothing; they are kept as they are.
    pub escapes: u64,
    /// Packets longer than the longest.
    pub too_long: u64,
}

/// Where a decoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a packet.
    Inside,
    /// In a packet, behind an escape.
    Escaped,
    /// In a packet that is too long: nothing of it counts.
    Beyond,
}

/// Reads packets, whatever pieces the octets come in.
#[derive(Clone, Debug)]
pub struct Decoder {
    place: Place,
    packet: Vec<u8>,
    longest: usize,
    stats: Stats,
}

impl Decoder {
    /// A decoder of packets of at most `longest` octets. Its memory grows with the longest one that came.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        Self {
            place: Place::Inside,
            packet: Vec::new(),
            longest,
            stats: Stats {
                aborts: 0,
                escapes: 0,
                too_long: 0,
            },
        }
    }

    /// What was thrown away so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Reads octets and gives every packet in them to `each`, or `None` for one that is damaged.
    pub fn decode(&mut self, mut octets: &[u8], each: &mut dyn FnMut(Option<&mut [u8]>)) {
        while let Some((&octet, rest)) = octets.split_first() {
            if !is_special(octet) && self.place != Place::Escaped {
                let end = octets.iter().position(|octet| is_special(*octet));
                let (plain, rest) = octets.split_at(end.unwrap_or(octets.len()));
                self.append(plain);
                octets = rest;
                continue;
            }
            octets = rest;
            match (self.place, octet) {
                (place, END) => self.end(place, each),
                (Place::Escaped, _) => {
                    self.place = Place::Inside;
                    let stands = match octet {
                        ESC_END => END,
                        ESC_ESC => ESC,
                        _ => {
                            self.stats.escapes += 1;
                            octet
                        }
                    };
                    self.append(&[stands]);
                }
                (Place::Inside, _) => self.place = Place::Escaped,
                (Place::Beyond, _) => {}
            }
        }
    }

    fn end(&mut self, place: Place, each: &mut dyn FnMut(Option<&mut [u8]>)) {
        self.place = Place::Inside;
        match place {
            Place::Inside if self.packet.is_empty() => return,
            Place::Inside => each(Some(&mut self.packet)),
            Place::Escaped => {
                self.stats.aborts += 1;
                each(None);
            }
            Place::Beyond => {
                self.stats.too_long += 1;
                each(None);
            }
        }
        self.packet.clear();
    }

    fn append(&mut self, octets: &[u8]) {
        if self.place == Place::Beyond {
        } else if self.packet.len() + octets.len() > self.longest {
            self.place = Place::Beyond;
        } else {
            self.packet.extend_from_slice(octets);
        }
    }
}

/// Any octets in any pieces: what is decoded is within the bounds, and is read the same once encoded again.
/// For fuzzing and replayed tests.
pub fn fuzz_slip(octets: &[u8]) {
    const LONGEST: usize = 64;
    let (piece, octets) = octets.split_first().unwrap_or((&1, &[]));
    let read = |octets: &[u8], piece: u8| {
        let mut decoder = Decoder::new(LONGEST);
        let mut packets: Vec<Vec<u8>> = Vec::new();
        let mut damaged = 0;
        for piece in octets.chunks(usize::from(piece).max(1)) {
            decoder.decode(piece, &mut |packet| match packet {
                Some(packet) => packets.push(packet.to_vec()),
                None => damaged += 1,
            });
        }
        let stats = *decoder.stats();
        assert_eq!(damaged, stats.aborts + stats.too_long);
        (packets, stats)
    };
    let (packets, stats) = read(octets, *piece);
    assert_eq!(read(octets, 255), (packets.clone(), stats));
    let mut again = Vec::new();
    for packet in &packets {
        assert!((1..=LONGEST).contains(&packet.len()));
        encode(packet, &mut again);
    }
    assert_eq!(read(&again, *piece), (packets, Stats::default()));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use wanbox_wire::kiss::{Check, Kiss};

    use super::*;

    fn decoded(decoder: &mut Decoder, octets: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut packets = Vec::new();
        decoder.decode(octets, &mut |packet| {
            packets.push(packet.map(|packet| packet.to_vec()));
        });
        packets
    }

    #[test]
    fn two_octets_stand_for_end_and_escape() {
        let mut out = Vec::new();
        encode(&[0x45, 0xc0, 0xdb, 0x00], &mut out);
        assert_eq!(out, [0xc0, 0x45, 0xdb, 0xdc, 0xdb, 0xdd, 0x00, 0xc0]);
        let mut decoder = Decoder::new(4);
        let packets = decoded(&mut decoder, &out);
        assert_eq!(packets, [Some(vec![0x45, 0xc0, 0xdb, 0x00])]);
        assert_eq!(*decoder.stats(), Stats::default());
    }

    /// A datagram of AX.25 from N0PRA to QST as a TNC gets it.
    #[test]
    fn frames_of_kiss() {
        let mut frame = b"\xa2\xa6\xa8\x40\x40\x40\xe0\x9c\x60\xa0\xa4\x82\x40\x61".to_vec();
        let line = [b"\xc0\x00", &frame[..], b"\x03\xf0A\xdb\xdcB\xdb\xddC\xc0"].concat();
        frame.extend(b"\x03\xf0A\xc0B\xdbC");
        let mut octets = Vec::new();
        Kiss::data(Check::None, &frame).append(&mut octets);
        let mut out = Vec::new();
        encode(&octets, &mut out);
        assert_eq!(out, line);
    }

    #[test]
    fn what_is_damaged_is_told() {
        let mut decoder = Decoder::new(4);
        // Empty packets are none; noise before the first END is one.
        let packets = decoded(&mut decoder, &[0xc0, 0xc0, b'a', 0xc0, 0xc0]);
        assert_eq!(packets, [Some(vec![b'a'])]);
        // An escape before END aborts; behind an escape anything else is kept.
        let packets = decoded(&mut decoder, &[b'a', 0xdb, 0xc0, b'b', 0xdb, b'c', 0xc0]);
        assert_eq!(packets, [None, Some(vec![b'b', b'c'])]);
        let packets = decoded(&mut decoder, b"12345\xdb\xdd67\xc0ok\xc0");
        assert_eq!(packets, [None, Some(b"ok".to_vec())]);
        let stats = Stats {
            aborts: 1,
            escapes: 1,
            too_long: 1,
        };
        assert_eq!(*decoder.stats(), stats);
    }

    proptest! {
        #[test]
        fn packets_pass_in_any_pieces(
            packets in vec(vec(any::<u8>(), 1..200), 1..20),
            piece in 1..50usize,
        ) {
            let mut octets = Vec::new();
            for packet in &packets {
                encode(packet, &mut octets);
            }
            let mut decoder = Decoder::new(200);
            let mut got = Vec::new();
            for piece in octets.chunks(piece) {
                got.extend(decoded(&mut decoder, piece));
            }
            prop_assert_eq!(got, packets.into_iter().map(Some).collect::<Vec<_>>());
        }

        #[test]
        fn any_octets(octets in vec(any::<u8>(), 0..400)) {
            fuzz_slip(&octets);
        }

        #[test]
        fn any_special_octets(octets in vec(proptest::sample::select(vec![0xc0, 0xdb, 0xdc, 0xdd, 0x61]), 0..400)) {
            fuzz_slip(&octets);
        }
    }
}
