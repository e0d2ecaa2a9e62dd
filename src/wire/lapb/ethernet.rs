//! LAPB frames in Ethernet frames, as Linux's `lapbether` device sends them.
//!
//! ```text
//! destination, 6 (all) | source, 6 | type, 2 | length, 2 (least octet first) | LAPB frame without FCS
//! ```
//!
//! The length counts the LAPB frame alone: an Ethernet lengthens short frames, and all LAPB frames
//! but long I frames are short.

use crate::ParseError;

/// The type of such frames (DEC's experimental one, `ETH_P_DEC`).
pub const ETHERTYPE: u16 = 0x6000;

/// Octets of an Ethernet header.
const ETHERNET: usize = 14;

/// Octets of the length, which an Ethernet counts as data.
pub const LENGTH: usize = 2;

/// Octets before the LAPB frame.
pub const OVERHEAD: usize = ETHERNET + LENGTH;

/// What comes before a frame of so many octets from the host of this address.
#[must_use]
pub fn header(source: [u8; 6], octets: u16) -> [u8; OVERHEAD] {
    let [s0, s1, s2, s3, s4, s5] = source;
    let [type_high, type_low] = ETHERTYPE.to_be_bytes();
    let [low, high] = octets.to_le_bytes();
    #[rustfmt::skip]
    let header = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        s0, s1, s2, s3, s4, s5,
        type_high, type_low,
        low, high,
    ];
    header
}

/// The LAPB frame in an Ethernet frame.
///
/// # Errors
/// The header is cut short, the type is another, or the length field claims more than there is.
pub fn frame(octets: &[u8]) -> Result<&[u8], ParseError> {
    let truncated = ParseError::Truncated {
        what: "LAPB in an Ethernet frame",
        need: OVERHEAD,
        have: octets.len(),
    };
    let (header, rest) = octets.split_first_chunk::<OVERHEAD>().ok_or(truncated)?;
    let [.., type_high, type_low, low, high] = *header;
    let ethertype = u16::from_be_bytes([type_high, type_low]);
    if ethertype != ETHERTYPE {
        return Err(ParseError::Invalid {
            what: "the type of an Ethernet frame with LAPB",
            value: ethertype.into(),
            expected: "0x6000",
        });
    }
    let claimed = usize::from(u16::from_le_bytes([low, high]));
    rest.get(..claimed).ok_or(ParseError::Length {
        what: "LAPB in an Ethernet frame",
        claimed,
        have: rest.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 1];

    #[test]
    fn a_frame_is_found_before_the_padding() {
        let mut octets = header(SOURCE, 2).to_vec();
        assert_eq!(octets[..6], [0xff; 6]);
        assert_eq!(octets[6..12], SOURCE);
        assert_eq!(octets[12..], [0x60, 0x00, 2, 0]);
        octets.extend([0x01, 0x3f]);
        octets.resize(60, 0);
        assert_eq!(frame(&octets), Ok(&[0x01, 0x3f][..]));
    }

    #[test]
    fn the_length_has_its_least_octet_first() {
        let mut octets = header(SOURCE, 0x0102).to_vec();
        assert_eq!(octets[14..], [0x02, 0x01]);
        octets.resize(OVERHEAD + 0x0102, 7);
        assert_eq!(frame(&octets), Ok(&[7; 0x0102][..]));
    }

    #[test]
    fn what_is_none_is_refused() {
        let whole = [&header(SOURCE, 3)[..], &[1, 2, 3]].concat();
        assert_eq!(frame(&whole), Ok(&[1, 2, 3][..]));
        for length in 0..whole.len() {
            assert!(frame(&whole[..length]).is_err(), "{length}");
        }
        let mut other = whole;
        other[13] = 1;
        assert!(frame(&other).is_err());
    }
}
