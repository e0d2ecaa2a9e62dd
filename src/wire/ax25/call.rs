//! Call signs, the addresses of AX.25 (section 3.12).

use std::fmt;

/// Octets of an address.
pub const LENGTH: usize = 7;
/// A blank, which fills a short call sign.
const BLANK: u8 = b' ' << 1;
/// The bits of the last octet that are always sent as ones.
const RESERVED: u8 = 0x60;
/// The bits of the last octet with the SSID.
const SSID: u8 = 0x1e;

/// A call sign with its SSID: six characters shifted by one bit, then the SSID without the bits that belong to
/// the place in a header (command, repeated, last).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call([u8; LENGTH]);

impl Call {
    /// Everybody: where ARP requests and broadcasts go.
    pub const QST: Self = Self::named(*b"QST   ");
    /// Everybody who is a node of NET/ROM.
    pub const NODES: Self = Self::named(*b"NODES ");
    /// No call sign: blanks.
    pub const NONE: Self = Self::named(*b"      ");
    /// An unknown station, which a compressed header does not name.
    pub const UNKNOWN: Self = Self::named(*b"?     ");

    /// The call sign of these six characters, blank at its end, with SSID 0.
    #[must_use]
    pub const fn named(name: [u8; LENGTH - 1]) -> Self {
        let [a, b, c, d, e, f] = name;
        Self([a << 1, b << 1, c << 1, d << 1, e << 1, f << 1, RESERVED])
    }

    /// The call sign in an address field; the bits that are not of the address are put right.
    #[must_use]
    pub const fn from_octets(octets: &[u8; LENGTH]) -> Self {
        let [a, b, c, d, e, f, last] = *octets;
        Self([
            a & !1,
            b & !1,
            c & !1,
            d & !1,
            e & !1,
            f & !1,
            last & SSID | RESERVED,
        ])
    }

    /// The seven octets, with none of a header's bits.
    #[must_use]
    pub const fn octets(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// A call sign such as `DB0AAA-9`, in any case: one to six letters and digits, and an SSID up to 15.
    ///
    /// # Errors
    /// What is wrong with the word.
    pub fn parse(word: &str) -> Result<Self, BadCall> {
        let (name, ssid) = match word.split_once('-') {
            Some((name, digits))
                if digits.len() <= 2 && digits.bytes().all(|d| d.is_ascii_digit()) =>
            {
                (name, digits.parse().map_err(|_| BadCall::Ssid)?)
            }
            Some(_) => return Err(BadCall::Ssid),
            None => (word, 0),
        };
        if name.is_empty() {
            return Err(BadCall::Empty);
        }
        let mut call = Self::NONE;
        let (octets, _) = call.0.split_at_mut(LENGTH - 1);
        if name.len() > octets.len() {
            return Err(BadCall::Long);
        }
        for (octet, character) in octets.iter_mut().zip(name.bytes()) {
            if !character.is_ascii_alphanumeric() {
                return Err(BadCall::Character);
            }
            *octet = character.to_ascii_uppercase() << 1;
        }
        if ssid > 15 {
            return Err(BadCall::Ssid);
        }
        Ok(call.with_ssid(ssid))
    }

    /// The number of the station of a call sign, 0 to 15.
    #[must_use]
    pub const fn ssid(self) -> u8 {
        (self.0[LENGTH - 1] & SSID) >> 1
    }

    /// Another station of the same call sign; of `ssid` only the low four bits count.
    #[must_use]
    pub const fn with_ssid(self, ssid: u8) -> Self {
        let [a, b, c, d, e, f, _] = self.0;
        Self([a, b, c, d, e, f, RESERVED | ssid << 1 & SSID])
    }

    /// The six characters as ASCII, blank at the end.
    #[must_use]
    pub const fn name(self) -> [u8; LENGTH - 1] {
        let [a, b, c, d, e, f, _] = self.0;
        [a >> 1, b >> 1, c >> 1, d >> 1, e >> 1, f >> 1]
    }

    /// Whether it means everybody: frames to it are never repeated nor connected.
    #[must_use]
    pub fn is_multicast(self) -> bool {
        self == Self::QST || self == Self::NODES
    }

    /// Whether there is no call sign: it begins with a blank or zero.
    #[must_use]
    pub const fn is_none(self) -> bool {
        matches!(self.0[0], BLANK | 0)
    }
}

/// Without blanks at the end; the SSID only when it is not 0.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; LENGTH + 2];
        let name = self.name();
        let length = name
            .iter()
            .rposition(|octet| *octet != b' ')
            .map_or(0, |last| last + 1);
        for (to, octet) in text.iter_mut().zip(name) {
            *to = if octet.is_ascii_graphic() {
                octet
            } else {
                b'.'
            };
        }
        let mut end = length;
        let ssid = self.ssid();
        let digits = [b'-', b'0' + ssid / 10, b'0' + ssid % 10];
        for (at, octet) in digits.into_iter().enumerate() {
            if ssid > 0 && (at != 1 || ssid > 9) {
                if let Some(to) = text.get_mut(end) {
                    *to = octet;
                }
                end += 1;
            }
        }
        let text = text.get(..end).unwrap_or_default();
        f.pad(std::str::from_utf8(text).unwrap_or_default())
    }
}

/// Why a word is no call sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCall {
    /// Nothing, or nothing before the SSID.
    Empty,
    /// More than six characters.
    Long,
    /// A character that is neither letter nor digit.
    Character,
    /// An SSID that is no number from 0 to 15.
    Ssid,
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a call sign has at least one character",
            Self::Long => "a call sign has at most six characters",
            Self::Character => "a call sign has only letters and digits",
            Self::Ssid => "an SSID is a number from 0 to 15",
        })
    }
}

impl std::error::Error for BadCall {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_signs_are_shifted_by_one_bit() {
        let call = Call::parse("n0pra").unwrap();
        assert_eq!(call.octets(), &[0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60]);
        assert_eq!(call.to_string(), "N0PRA");
        assert_eq!(Call::parse("DB0SAO-1").unwrap().octets()[6], 0x62);
        assert_eq!(Call::parse("QST"), Ok(Call::QST));
        assert!(Call::NODES.is_multicast() && !Call::NODES.with_ssid(1).is_multicast());
        assert!(Call::NONE.is_none() && Call::from_octets(&[0; 7]).is_none());
        assert!(!call.is_none());
    }

    #[test]
    fn bits_of_headers_are_no_part_of_an_address() {
        let call = Call::parse("DB0ID-9").unwrap();
        for bits in [0x00, 0x80, 0xe1, 0x61] {
            let mut octets = *call.octets();
            octets[6] = octets[6] & 0x1e | bits;
            assert_eq!(Call::from_octets(&octets), call);
        }
        assert_eq!(call.with_ssid(16 + 3).ssid(), 3);
        assert_eq!(&call.name(), b"DB0ID ");
    }

    #[test]
    fn words_and_texts() {
        for ssid in 0..16 {
            let call = Call::named(*b"DB0AAA").with_ssid(ssid);
            assert_eq!(Call::parse(&call.to_string()), Ok(call));
        }
        assert_eq!(format!("{:<9}|", Call::QST), "QST      |");
        assert_eq!(
            format!("{:>10}", Call::named(*b"DB0AAA").with_ssid(15)),
            " DB0AAA-15"
        );
        for (word, why) in [
            ("", BadCall::Empty),
            ("-1", BadCall::Empty),
            ("TOOLONG", BadCall::Long),
            ("A-16", BadCall::Ssid),
            ("A-x", BadCall::Ssid),
            ("A-", BadCall::Ssid),
            ("A-+1", BadCall::Ssid),
            ("A-001", BadCall::Ssid),
            ("A B", BadCall::Character),
            ("É0A", BadCall::Character),
        ] {
            assert_eq!(Call::parse(word), Err(why), "{word}");
        }
        let strange = [0x01, 0x41, 0x84, 0x40, 0x40, 0x40, 0x60];
        assert_eq!(Call::from_octets(&strange).to_string(), "..B");
        assert_eq!(Call::NONE.to_string(), "");
    }
}
