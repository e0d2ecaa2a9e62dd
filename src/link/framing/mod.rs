//! Octet-stuffed HDLC: frames on a stream of octets (RFC 1662 section 4, ISO/IEC 13239).
//!
//! ```text
//! 7E | frame and FCS-16; 7D, 7E and mapped control octets as 7D and the octet xor 20 | 7E
//! ```

use wanbox_wire::fcs::{FCS16_LEN, fcs16_octets, strip_fcs16};

#[cfg(test)]
mod tests;

/// Begins and ends a frame.
pub const FLAG: u8 = 0x7e;
/// The next octet was changed by [`TRANSPARENCY`].
const ESCAPE: u8 = 0x7d;
/// What an escaped octet is changed by.
const TRANSPARENCY: u8 = 0x20;
/// The shortest frame: two octets and the FCS.
const SHORTEST: usize = 2 + FCS16_LEN;
/// The beginning of a PPP frame that carries LCP, whatever was negotiated.
const LCP: [u8; 4] = [0xff, 0x03, 0xc0, 0x21];

/// Which octets are escaped: a bit each.
#[derive(Clone, Copy, Debug)]
struct Map([u32; 8]);

impl Map {
    /// Flag, escape, and these of the control octets 00 to 1F.
    const fn new(accm: u32) -> Self {
        Self([accm, 0, 0, 1 << 29 | 1 << 30, 0, 0, 0, 0])
    }

    fn has(&self, octet: u8) -> bool {
        let word = self.0.get(usize::from(octet >> 5)).copied().unwrap_or(0);
        word >> (octet & 31) & 1 != 0
    }
}

/// Writes frames.
#[derive(Clone, Debug)]
pub struct Encoder {
    map: Map,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Encoder {
    /// An encoder that escapes these control octets (the other side's ACCM; bit n is octet n).
    #[must_use]
    pub const fn new(accm: u32) -> Self {
        Self {
            map: Map::new(accm),
        }
    }

    /// The longest encoding of a frame of so many octets.
    #[must_use]
    pub const fn longest(octets: usize) -> usize {
        2 * (octets + FCS16_LEN) + 2
    }

    /// Appends a frame with its FCS. `first`: nothing is before it on the line, so that it needs a
    /// flag at its beginning; else the end of the frame before is its beginning.
    pub fn encode(&self, frame: &[u8], first: bool, out: &mut Vec<u8>) {
        if first {
            out.push(FLAG);
        }
        // RFC 1662 section 7: LCP's packets are readable before anything is negotiated.
        let all = Map::new(u32::MAX);
        let map = if frame.starts_with(&LCP) {
            &all
        } else {
            &self.map
        };
        stuff(map, frame, out);
        stuff(map, &fcs16_octets(frame), out);
        out.push(FLAG);
    }
}

fn stuff(map: &Map, mut octets: &[u8], out: &mut Vec<u8>) {
    while let Some(place) = octets.iter().position(|&octet| map.has(octet)) {
        let (plain, rest) = octets.split_at(place);
        out.extend_from_slice(plain);
        let Some((octet, rest)) = rest.split_first() else {
            return;
        };
        out.extend_from_slice(&[ESCAPE, octet ^ TRANSPARENCY]);
        octets = rest;
    }
    out.extend_from_slice(octets);
}

/// What a decoder threw away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames with a wrong FCS.
    pub crc: u64,
    /// Frames that the sender aborted (an escape before a flag).
    pub aborts: u64,
    /// Frames of less than two octets and the FCS.
    pub too_short: u64,
    /// Frames longer than the longest.
    pub too_long: u64,
    /// Control octets that the line itself put in: they should have been escaped.
    pub stray: u64,
}

/// Where a decoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first flag, or behind what is too long: up to the next flag nothing counts.
    Outside,
    /// In a frame.
    Inside,
    /// In a frame, behind an escape.
    Escaped,
}

/// Reads frames, whatever pieces the octets come in.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// What ends a run of plain octets.
    map: Map,
    place: Place,
    frame: Vec<u8>,
    longest: usize,
    stats: Stats,
}

impl Decoder {
    /// A decoder of frames of at most `longest` octets without FCS. Control octets of `accm` that
    /// come unescaped are not the sender's.
    #[must_use]
    pub fn new(longest: usize, accm: u32) -> Self {
        Self {
            map: Map::new(accm),
            place: Place::Outside,
            frame: Vec::with_capacity(longest + FCS16_LEN),
            longest,
            stats: Stats::default(),
        }
    }

    /// Another map of control octets, from the next octet on.
    pub const fn set_accm(&mut self, accm: u32) {
        self.map = Map::new(accm);
    }

    /// Forgets what it has of a frame: the line was away.
    pub fn reset(&mut self) {
        self.place = Place::Outside;
        self.frame.clear();
    }

    /// What was thrown away so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Reads octets and gives every frame in them to `each`, without its FCS.
    pub fn decode(&mut self, mut octets: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some((&octet, rest)) = octets.split_first() {
            match self.place {
                Place::Outside => match octets.iter().position(|&octet| octet == FLAG) {
                    Some(place) => {
                        self.place = Place::Inside;
                        octets = octets.get(place + 1..).unwrap_or_default();
                    }
                    None => return,
                },
                Place::Escaped => {
                    octets = rest;
                    if octet == FLAG {
                        self.stats.aborts += 1;
                        self.frame.clear();
                        self.place = Place::Inside;
                    } else if octet < 0x20 && self.map.has(octet) {
                        // Flow control of the line may come in between.
                        self.stats.stray += 1;
                    } else {
                        self.place = Place::Inside;
                        self.append(&[octet ^ TRANSPARENCY]);
                    }
                }
                Place::Inside if !self.map.has(octet) => {
                    let end = octets.iter().position(|&octet| self.map.has(octet));
                    let (plain, rest) = octets.split_at(end.unwrap_or(octets.len()));
                    self.append(plain);
                    octets = rest;
                }
                Place::Inside => {
                    octets = rest;
                    match octet {
                        FLAG => self.finish(&mut each),
                        ESCAPE => self.place = Place::Escaped,
                        _ => self.stats.stray += 1,
                    }
                }
            }
        }
    }

    fn append(&mut self, octets: &[u8]) {
        if self.frame.len() + octets.len() > self.longest + FCS16_LEN {
            self.stats.too_long += 1;
            self.reset();
        } else {
            self.frame.extend_from_slice(octets);
        }
    }

    fn finish(&mut self, each: &mut impl FnMut(&[u8])) {
        if self.frame.len() >= SHORTEST {
            match strip_fcs16(&self.frame) {
                Some(frame) => each(frame),
                None => self.stats.crc += 1,
            }
        } else if !self.frame.is_empty() {
            self.stats.too_short += 1;
        }
        self.frame.clear();
    }
}

/// Any octets in any pieces: what is decoded is within the bounds, and is read the same once
/// encoded again. For fuzzing and replayed tests.
pub fn fuzz_framing(octets: &[u8]) {
    const LONGEST: usize = 64;
    let (&[first, piece], octets) = octets.split_first_chunk().unwrap_or((&[0, 1], &[]));
    let accm = u32::from(first) * 0x0101_0101;
    let mut decoder = Decoder::new(LONGEST, accm);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for piece in octets.chunks(usize::from(piece).max(1)) {
        decoder.decode(piece, |frame| frames.push(frame.to_vec()));
    }
    let encoder = Encoder::new(accm);
    let mut again = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        assert!((2..=LONGEST).contains(&frame.len()));
        encoder.encode(frame, n == 0, &mut again);
    }
    let mut decoder = Decoder::new(LONGEST, accm);
    let mut reread = Vec::new();
    decoder.decode(&again, |frame| reread.push(frame.to_vec()));
    assert_eq!(reread, frames);
    assert_eq!(*decoder.stats(), Stats::default());
}
