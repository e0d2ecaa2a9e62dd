//! Addresses as people type them: up to four decimal fields, missing ones are zero from the right.

use std::net::Ipv4Addr;

/// Whether a word is meant as a number and not as a name: digits, dots and brackets only.
#[must_use]
pub fn is_numeric(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit() || first == '[')
        && word
            .bytes()
            .all(|octet| matches!(octet, b'0'..=b'9' | b'.' | b'[' | b']'))
}

/// A numeric address: `44.130` is 44.130.0.0. `None` for a name, a field above 255 or more than four fields.
#[must_use]
pub fn parse(word: &str) -> Option<Ipv4Addr> {
    if !is_numeric(word) {
        return None;
    }
    let word = word.strip_prefix('[').unwrap_or(word);
    let word = word.strip_suffix(']').unwrap_or(word);
    let mut octets = [0; 4];
    let mut fields = octets.iter_mut();
    // A dot at the end says no more than its absence.
    for field in word.strip_suffix('.').unwrap_or(word).split('.') {
        *fields.next()? = field.parse().ok()?;
    }
    Some(octets.into())
}

/// A netmask as `0xffffff00` or `255.255.255.0`. `None` when it is neither, or its ones are not at the left.
#[must_use]
pub fn parse_netmask(word: &str) -> Option<u32> {
    let mask = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None if word.contains('.') => parse(word)?.to_bits(),
        None => u32::from_str_radix(word, 16).ok()?,
    };
    (mask.leading_ones() + mask.trailing_zeros() >= 32).then_some(mask)
}

/// The netmask of a prefix of so many bits.
#[must_use]
pub fn mask(bits: u8) -> u32 {
    u32::MAX
        .checked_shl(32u32.saturating_sub(bits.into()))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_missing() {
        for (word, address) in [
            ("44.130", Some([44, 130, 0, 0])),
            ("44", Some([44, 0, 0, 0])),
            ("[44.128.4.5]", Some([44, 128, 4, 5])),
            ("44.", Some([44, 0, 0, 0])),
            ("44.256", None),
            ("1.2.3.4.5", None),
            ("44..1", None),
            ("db0xx", None),
            ("", None),
        ] {
            assert_eq!(parse(word), address.map(Ipv4Addr::from), "{word}");
        }
    }

    #[test]
    fn masks_are_hexadecimal_or_dotted() {
        for (word, expected) in [
            ("0xffffff00", Some(0xffff_ff00)),
            ("ff000000", Some(0xff00_0000)),
            ("255.255.0.0", Some(0xffff_0000)),
            ("0", Some(0)),
            ("0xff00ff00", None),
            ("x", None),
        ] {
            assert_eq!(parse_netmask(word), expected, "{word}");
        }
        assert_eq!([mask(0), mask(8), mask(32)], [0, 0xff00_0000, u32::MAX]);
    }
}
