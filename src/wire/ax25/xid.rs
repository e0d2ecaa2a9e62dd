//! The information of XID: what a station of version 2.2 can do (section 4.3.3.7).
//!
//! ```text
//! 0x82 | 0x80 | length of all that follows, 2 | parameters: identifier, 1 | length, 1 | value
//! ```
//!
//! Bits of the values are numbered from the lowest of the first octet. All numbers have the highest octet first.

use crate::ParseError;

/// Format identifier: general purpose.
const FORMAT: u8 = 0x82;
/// Group identifier: parameter negotiation.
const GROUP: u8 = 0x80;
/// Octets before the parameters.
const HEAD: usize = 4;

/// Identifiers of parameters. 5 and 7, what a station sends at most, need no negotiation.
mod identifier {
    pub const CLASSES: u8 = 2;
    pub const FUNCTIONS: u8 = 3;
    pub const N1: u8 = 6;
    pub const WINDOW: u8 = 8;
    pub const T1: u8 = 9;
    pub const N2: u8 = 10;
}

/// Classes of procedures.
pub mod classes {
    /// Balanced, asynchronous: always set.
    pub const BALANCED: u16 = 0x0100;
    /// Two-way alternate: one station sends at a time.
    pub const HALF_DUPLEX: u16 = 0x2000;
    /// Two-way simultaneous.
    pub const FULL_DUPLEX: u16 = 0x4000;
}

/// Optional functions of HDLC, in 24 bits.
pub mod functions {
    /// REJ.
    pub const REJ: u32 = 0x02_0000;
    /// SREJ; with [`REJ`] both may be sent.
    pub const SREJ: u32 = 0x04_0000;
    /// Extended addresses: always set.
    pub const EXTENDED_ADDRESS: u32 = 0x80_0000;
    /// Numbers modulo 8.
    pub const MODULO_8: u32 = 0x00_0400;
    /// Numbers modulo 128.
    pub const MODULO_128: u32 = 0x00_0800;
    /// TEST: always set.
    pub const TEST: u32 = 0x00_2000;
    /// FCS of 16 bits: always set.
    pub const FCS_16: u32 = 0x00_8000;
    /// Synchronous transmission: always set.
    pub const SYNCHRONOUS: u32 = 0x00_0002;
    /// SREJ that names several frames.
    pub const MULTIPLE_SREJ: u32 = 0x00_0020;
    /// Segmentation.
    pub const SEGMENTS: u32 = 0x00_0040;
    /// What every station says.
    pub const ALWAYS: u32 = EXTENDED_ADDRESS | TEST | FCS_16 | SYNCHRONOUS;
}

/// Parameters of a link. Those that are absent keep what was agreed on before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Xid {
    /// [`classes`] of procedures.
    pub classes: Option<u16>,
    /// Optional [`functions`]; 24 bits.
    pub functions: Option<u32>,
    /// N1, the longest information that the sender of the XID takes, in bits.
    pub n1_bits: Option<u32>,
    /// k, the most I frames that the sender takes before it acknowledges.
    pub window: Option<u8>,
    /// T1, in milliseconds.
    pub t1: Option<u32>,
    /// N2, the most times that a frame is sent again.
    pub n2: Option<u8>,
}

impl Xid {
    /// Reads the field. Parameters that are not known are passed over.
    ///
    /// # Errors
    /// It is none of parameters, or cut short.
    pub fn parse(information: &[u8]) -> Result<Self, ParseError> {
        let have = information.len();
        let (head, rest) =
            information
                .split_first_chunk::<HEAD>()
                .ok_or(ParseError::Truncated {
                    what: "XID",
                    need: HEAD,
                    have,
                })?;
        let [format, group, high, low] = *head;
        if (format, group) != (FORMAT, GROUP) {
            return Err(ParseError::Invalid {
                what: "XID format and group",
                value: u16::from_be_bytes([format, group]).into(),
                expected: "0x8280",
            });
        }
        let claimed = usize::from(u16::from_be_bytes([high, low]));
        let too_long = |what, claimed, have| ParseError::Length {
            what,
            claimed,
            have,
        };
        let mut rest = rest
            .get(..claimed)
            .ok_or(too_long("XID", claimed, rest.len()))?;
        let mut xid = Self::default();
        while let Some((&[name, length], after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(length);
            let (value, after) = after.split_at_checked(length).ok_or(too_long(
                "XID parameter",
                length,
                after.len(),
            ))?;
            rest = after;
            if !(1..=4).contains(&length) {
                continue;
            }
            let number = value
                .iter()
                .fold(0u32, |number, octet| number << 8 | u32::from(*octet));
            // Numbers that are too great for a field mean the greatest.
            let small = u8::try_from(number).unwrap_or(u8::MAX);
            match name {
                identifier::CLASSES => xid.classes = u16::try_from(number).ok(),
                identifier::FUNCTIONS => xid.functions = (length == 3).then_some(number),
                identifier::N1 => xid.n1_bits = Some(number),
                identifier::WINDOW => xid.window = Some(small),
                identifier::T1 => xid.t1 = Some(number),
                identifier::N2 => xid.n2 = Some(small),
                _ => {}
            }
        }
        if rest.is_empty() {
            Ok(xid)
        } else {
            Err(too_long("XID parameter", 2, rest.len()))
        }
    }

    /// Appends the field. N1 and T1 have two octets unless they need more.
    pub fn append(&self, frame: &mut Vec<u8>) {
        let start = frame.len();
        frame.extend_from_slice(&[FORMAT, GROUP, 0, 0]);
        let long = |value: u32| if value > 0xffff { 4 } else { 2 };
        for (name, value, octets) in [
            (identifier::CLASSES, self.classes.map(u32::from), 2),
            (identifier::FUNCTIONS, self.functions, 3),
            (identifier::N1, self.n1_bits, self.n1_bits.map_or(2, long)),
            (identifier::WINDOW, self.window.map(u32::from), 1),
            (identifier::T1, self.t1, self.t1.map_or(2, long)),
            (identifier::N2, self.n2.map(u32::from), 1),
        ] {
            if let Some(value) = value {
                frame.extend_from_slice(&[name, octets]);
                let all = value.to_be_bytes();
                frame.extend_from_slice(all.get(4 - usize::from(octets)..).unwrap_or_default());
            }
        }
        // Six parameters have fewer than 256 octets.
        let length = (frame.len() - start - HEAD) as u8;
        if let Some(low) = frame.get_mut(start + HEAD - 1) {
            *low = length;
        }
    }
}
