//! The framing of serial lines between NET/ROM nodes (NRS).
//!
//! ```text
//! 02 | frame; 02, 03 and 10 behind an octet 10 | 03 | sum of the frame's octets | 00 00
//! ```
//!
//! The sum is of eight bits, and is not escaped.

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const DLE: u8 = 0x10;

/// Appends a frame as it is on the line.
pub fn encode(frame: &[u8], out: &mut Vec<u8>) {
    out.push(STX);
    for octet in frame {
        if is_special(*octet) {
            out.push(DLE);
        }
        out.push(*octet);
    }
    out.extend_from_slice(&[ETX, sum(frame), 0, 0]);
}

fn is_special(octet: u8) -> bool {
    matches!(octet, STX | ETX | DLE)
}

fn sum(frame: &[u8]) -> u8 {
    frame.iter().fold(0, |sum, octet| sum.wrapping_add(*octet))
}

/// What a decoder saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames whose sum was right.
    pub frames: u64,
    /// Frames whose sum was wrong.
    pub checksum: u64,
    /// Frames that began anew before they had ended.
    pub restarts: u64,
    /// Frames longer than the longest.
    pub too_long: u64,
}

/// Where a decoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between frames, or in one that is too long.
    Outside,
    /// In a frame.
    Inside,
    /// In a frame, behind an escape.
    Escaped,
    /// Behind a frame, before its sum.
    Sum,
}

/// Reads frames, whatever pieces the octets come in.
#[derive(Clone, Debug)]
pub struct Decoder {
    place: Place,
    frame: Vec<u8>,
    longest: usize,
    stats: Stats,
}

impl Decoder {
    /// A decoder of frames of at most `longest` octets. Its memory grows with the longest one that came.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        Self {
            place: Place::Outside,
            frame: Vec::new(),
            longest,
            stats: Stats {
                frames: 0,
                checksum: 0,
                restarts: 0,
                too_long: 0,
            },
        }
    }

    /// What came so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Octets of a frame that is not complete yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match self.place {
            Place::Outside => 0,
            _ => self.frame.len(),
        }
    }

    /// Reads octets and gives every frame in them to `each`, or `None` for one that is damaged.
    pub fn decode(&mut self, octets: &[u8], each: &mut dyn FnMut(Option<&mut [u8]>)) {
        for &octet in octets {
            match (self.place, octet) {
                (Place::Outside, STX) => {
                    self.frame.clear();
                    self.place = Place::Inside;
                }
                (Place::Outside, _) => {}
                (Place::Inside, STX) => {
                    self.stats.restarts += 1;
                    self.frame.clear();
                    each(None);
                }
                (Place::Inside, ETX) => self.place = Place::Sum,
                (Place::Inside, DLE) => self.place = Place::Escaped,
                (Place::Inside | Place::Escaped, _) => {
                    self.place = Place::Inside;
                    if self.frame.len() < self.longest {
                        self.frame.push(octet);
                    } else {
                        self.stats.too_long += 1;
                        self.place = Place::Outside;
                        each(None);
                    }
                }
                (Place::Sum, _) => {
                    self.place = Place::Outside;
                    if octet == sum(&self.frame) {
                        self.stats.frames += 1;
                        each(Some(&mut self.frame));
                    } else {
                        self.stats.checksum += 1;
                        each(None);
                    }
                }
            }
        }
    }
}

/// Any octets in any pieces: what is decoded is within the bounds, and is read the same once encoded again.
/// For fuzzing and replayed tests.
pub fn fuzz_nrs(octets: &[u8]) {
    const LONGEST: usize = 64;
    let (piece, octets) = octets.split_first().unwrap_or((&1, &[]));
    let read = |octets: &[u8], piece: u8| {
        let mut decoder = Decoder::new(LONGEST);
        let mut frames: Vec<Vec<u8>> = Vec::new();
        let mut damaged = 0;
        for piece in octets.chunks(usize::from(piece).max(1)) {
            decoder.decode(piece, &mut |frame| match frame {
                Some(frame) => frames.push(frame.to_vec()),
                None => damaged += 1,
            });
        }
        let stats = *decoder.stats();
        assert_eq!(stats.frames, frames.len() as u64);
        assert_eq!(damaged, stats.checksum + stats.restarts + stats.too_long);
        frames
    };
    let frames = read(octets, *piece);
    assert_eq!(read(octets, 255), frames);
    let mut again = Vec::new();
    for frame in &frames {
        assert!(frame.len() <= LONGEST);
        encode(frame, &mut again);
    }
    assert_eq!(read(&again, *piece), frames);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn decoded(decoder: &mut Decoder, octets: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut frames = Vec::new();
        decoder.decode(octets, &mut |frame| {
            frames.push(frame.map(|frame| frame.to_vec()));
        });
        frames
    }

    #[test]
    fn a_frame_with_octets_that_are_escaped() {
        // UI from N0PRA to DB0SAO, whose control octet is 03.
        let mut frame = b"\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61".to_vec();
        let mut line = vec![STX];
        line.extend(&frame);
        frame.extend([0x03, 0xf0, 0x02, 0x41, 0x10]);
        line.extend(b"\x10\x03\xf0\x10\x02\x41\x10\x10\x03\xbb\x00\x00");
        let mut out = Vec::new();
        encode(&frame, &mut out);
        assert_eq!(out, line);
        assert_eq!(decoded(&mut Decoder::new(100), &out), [Some(frame)]);
    }

    #[test]
    fn what_is_damaged_is_told() {
        let mut decoder = Decoder::new(4);
        let octets = b"noise\x02ab\x02a\x03\x61\x00\x00\x02b\x03\x63\x0212345\x03\x02\x03\x00";
        let (good, empty) = (Some(b"a".to_vec()), Some(Vec::new()));
        assert_eq!(
            decoded(&mut decoder, octets),
            [None, good, None, None, empty]
        );
        let stats = Stats {
            frames: 2,
            checksum: 1,
            restarts: 1,
            too_long: 1,
        };
        assert_eq!(*decoder.stats(), stats);
    }

    proptest! {
        #[test]
        fn frames_pass_in_any_pieces(
            frames in vec(vec(any::<u8>(), 0..200), 1..20),
            piece in 1..50usize,
        ) {
            let mut octets = Vec::new();
            for frame in &frames {
                encode(frame, &mut octets);
            }
            let mut decoder = Decoder::new(200);
            let mut got = Vec::new();
            for piece in octets.chunks(piece) {
                got.extend(decoded(&mut decoder, piece));
            }
            prop_assert_eq!(got, frames.into_iter().map(Some).collect::<Vec<_>>());
        }

        #[test]
        fn any_octets(octets in vec(any::<u8>(), 0..400)) {
            fuzz_nrs(&octets);
        }

        #[test]
        fn any_special_octets(octets in vec(0_u8..0x12, 0..400)) {
            fuzz_nrs(&octets);
        }
    }
}
