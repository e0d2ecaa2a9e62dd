//! Frames between a host and its packet-radio controller (KISS), with the check sequences of SMACK and RMNC.
//!
//! ```text
//! type: port in the high half, command in the low | data | check sequence, 2, of some data frames
//! ```
//!
//! A data frame with a check sequence says so in its type: bit 7 for SMACK (CRC-16, low octet first), bit 5
//! for that of RMNC (high octet first). On the line frames are as SLIP's packets.

use crate::ParseError;

/// The bit of a type that tells of a SMACK check sequence.
const SMACK: u8 = 0x80;
/// The bit of a type that tells of an RMNC check sequence.
const RMNC: u8 = 0x20;
/// The type that ends KISS; it has no port.
pub const RETURN: u8 = 0xff;
/// The command of data frames that begin with two octets, which the controller returns when the frame was sent.
pub const ACKMODE: u8 = 0x0c;

/// The check sequence of a data frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// None.
    None,
    /// CRC-16, of SMACK.
    Smack,
    /// That of RMNC.
    Rmnc,
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kiss<'a> {
    /// The type without the bit of a check sequence; 0: data for or from the first port.
    pub kind: u8,
    /// Its check sequence.
    pub check: Check,
    /// What is in it: of data frames a frame of AX.25 without FCS, of commands a value.
    pub data: &'a [u8],
}

impl<'a> Kiss<'a> {
    /// Data for the first port.
    #[must_use]
    pub const fn data(check: Check, data: &'a [u8]) -> Self {
        Self {
            kind: 0,
            check,
            data,
        }
    }

    /// The command: 0 data, 1 TxDelay, 2 Persist, 3 SlotTime, 4 TxTail, 5 FullDup, 6 Hardware.
    #[must_use]
    pub const fn command(&self) -> u8 {
        self.kind & 0x0f
    }

    /// Reads a frame without its framing. `checks`: data frames may have check sequences; otherwise these bits
    /// are of the port.
    ///
    /// # Errors
    /// It is empty, or its check sequence is wrong.
    pub fn parse(frame: &'a [u8], checks: bool) -> Result<Self, ParseError> {
        let truncated = |need| ParseError::Truncated {
            what: "KISS frame",
            need,
            have: frame.len(),
        };
        let (&kind, data) = frame.split_first().ok_or(truncated(1))?;
        let check = match kind {
            _ if !checks || kind & 0x0f != 0 => Check::None,
            _ if kind & SMACK != 0 => Check::Smack,
            _ if kind & RMNC != 0 => Check::Rmnc,
            _ => Check::None,
        };
        if check == Check::None {
            return Ok(Self { kind, check, data });
        }
        let Some((data, sequence)) = data.split_last_chunk::<2>() else {
            return Err(truncated(3));
        };
        let (body, _) = frame.split_at(frame.len() - 2);
        let (bit, right) = sequence_of(check, body);
        if right != *sequence {
            return Err(ParseError::Invalid {
                what: "KISS check sequence",
                value: u16::from_be_bytes(*sequence).into(),
                expected: "that of the frame",
            });
        }
        let kind = kind & !bit;
        Ok(Self { kind, check, data })
    }

    /// Appends the frame without its framing.
    pub fn append(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(self.kind);
        out.extend_from_slice(self.data);
        let bit = match self.check {
            Check::None => return,
            Check::Smack => SMACK,
            Check::Rmnc => RMNC,
        };
        if let Some(kind) = out.get_mut(start) {
            *kind |= bit;
        }
        let (_, sequence) = sequence_of(self.check, out.get(start..).unwrap_or_default());
        out.extend_from_slice(&sequence);
    }
}

/// The bit of a type for a check sequence, and the sequence of a frame in the order of the line.
fn sequence_of(check: Check, frame: &[u8]) -> (u8, [u8; 2]) {
    match check {
        Check::None => (0, [0; 2]),
        Check::Smack => (SMACK, crc16(frame).to_le_bytes()),
        Check::Rmnc => (RMNC, crc_rmnc(frame).to_be_bytes()),
    }
}

/// A register shifted by an octet, bit by bit: the lines are slow.
fn shifted(start: u16, polynomial: u16) -> u16 {
    (0..8).fold(start, |value, _| {
        (value >> 1) ^ (polynomial & (value & 1).wrapping_neg())
    })
}

/// CRC-16: x^16 + x^15 + x^2 + 1, the lowest bit first, from zero.
#[must_use]
pub fn crc16(octets: &[u8]) -> u16 {
    octets
        .iter()
        .fold(0, |crc, octet| shifted(crc ^ u16::from(*octet), 0xa001))
}

/// The check sequence of RMNC: the terms of the lowest bit first, but shifted out at the other end.
#[must_use]
pub fn crc_rmnc(octets: &[u8]) -> u16 {
    octets.iter().fold(u16::MAX, |crc, octet| {
        let [high, low] = crc.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ shifted((high ^ octet).into(), 0x8408) ^ 0x0f87
    })
}

/// Any octets: a frame that is read is written again and reads the same. For fuzzing and replayed tests.
pub fn fuzz_kiss(octets: &[u8]) {
    for checks in [false, true] {
        let Ok(frame) = Kiss::parse(octets, checks) else {
            continue;
        };
        assert!(checks || frame.check == Check::None);
        assert!(frame.data.len() < octets.len());
        let mut again = Vec::new();
        frame.append(&mut again);
        assert_eq!(again, octets);
    }
    for check in [Check::None, Check::Smack, Check::Rmnc] {
        let mut frame = Vec::new();
        Kiss::data(check, octets).append(&mut frame);
        assert_eq!(Kiss::parse(&frame, true), Ok(Kiss::data(check, octets)));
        let at = octets.first().map_or(0, |first| usize::from(*first)) % frame.len();
        if let (Some(octet), true) = (frame.get_mut(at), check != Check::None && at > 0) {
            *octet ^= 0x10;
            assert!(Kiss::parse(&frame, true).is_err());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// SABM with the poll bit from N0PRA to DB0SAO.
    const SABM: &[u8] = b"\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x3f";

    #[test]
    fn check_values() {
        assert_eq!(crc16(b"123456789"), 0xbb3d);
        assert_eq!(crc_rmnc(b"123456789"), 0x9fb5);
        assert_eq!(crc_rmnc(b""), 0xffff);
    }

    #[test]
    fn frames_with_and_without_check_sequences() {
        for (check, kind, sequence) in [
            (Check::None, 0, &[][..]),
            (Check::Smack, 0x80, &[0x2b, 0x77]),
            (Check::Rmnc, 0x20, &[0xd8, 0x72]),
        ] {
            let whole = [&[kind], SABM, sequence].concat();
            let mut made = Vec::new();
            Kiss::data(check, SABM).append(&mut made);
            assert_eq!(made, whole, "{check:?}");
            assert_eq!(Kiss::parse(&whole, true), Ok(Kiss::data(check, SABM)));
        }
        // TxDelay of 400 ms; the end of KISS.
        let command = Kiss::parse(&[1, 40], true).unwrap();
        assert_eq!((command.command(), command.data), (1, &[40][..]));
        assert_eq!(Kiss::parse(&[RETURN, 0], true).unwrap().kind, RETURN);
    }

    #[test]
    fn wrong_sequences_are_refused_where_there_may_be_any() {
        let mut frame = [&[0x80], SABM, &[0x2b, 0x78]].concat();
        assert!(Kiss::parse(&frame, true).is_err());
        let port_8 = Kiss::parse(&frame, false).unwrap();
        assert_eq!((port_8.kind, port_8.check), (0x80, Check::None));
        assert_eq!(port_8.data.len(), SABM.len() + 2);
        frame.truncate(2);
        assert!(Kiss::parse(&frame, true).is_err());
        assert!(Kiss::parse(&[], false).is_err());
    }

    proptest! {
        #[test]
        fn any_octets(octets in vec(any::<u8>(), 0..100)) {
            fuzz_kiss(&octets);
        }
    }
}
