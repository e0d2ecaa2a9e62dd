//! The Multilink Protocol (RFC 1990): fragment headers and the discriminator of an endpoint.
//!
//! ```text
//! long (section 3.1):  B E 0 0 0 0 0 0 | sequence, 24 bits | data
//! short (section 3.1): B E 0 0 | sequence, 12 bits | data
//! ```
//!
//! A fragment is the information field of a frame of protocol 003D. Its data, put together, is a
//! PPP packet from its Protocol field on: address and control are left out (section 3).

use std::fmt;
use std::net::Ipv4Addr;

use crate::ParseError;

use super::truncated;

/// The bit of a fragment that begins a packet.
const BEGIN: u8 = 0x80;
/// The bit of a fragment that ends a packet.
const END: u8 = 0x40;

/// The LCP option for the Maximum Receive Reconstructed Unit (RFC 1990 section 5.1.1); its data
/// is the number of octets, 2.
pub const OPTION_MRRU: u8 = 17;
/// The LCP option for short sequence numbers (section 5.1.2), without data.
pub const OPTION_SHORT_SEQUENCE: u8 = 18;
/// The LCP option for the [`Discriminator`] (section 5.1.3).
pub const OPTION_DISCRIMINATOR: u8 = 19;

/// How sequence numbers are written, in one direction of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// 24 bits, a header of four octets.
    #[default]
    Long,
    /// 12 bits, a header of two octets.
    Short,
}

impl Format {
    /// Bits of a sequence number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Long => 24,
            Self::Short => 12,
        }
    }

    /// The largest sequence number.
    #[must_use]
    pub const fn mask(self) -> u32 {
        (1 << self.bits()) - 1
    }

    /// Octets of the header.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::Long => 4,
            Self::Short => 2,
        }
    }

    /// The sequence number `count` behind this one.
    #[must_use]
    pub const fn advance(self, sequence: u32, count: u32) -> u32 {
        sequence.wrapping_add(count) & self.mask()
    }

    /// How far `to` is after `from`, modulo the numbers there are: negative when it is before.
    #[must_use]
    pub const fn distance(self, from: u32, to: u32) -> i32 {
        let unused = 32 - self.bits();
        (to.wrapping_sub(from) << unused) as i32 >> unused
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Long => "24-bit sequence numbers",
            Self::Short => "12-bit sequence numbers",
        })
    }
}

/// A fragment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'f> {
    /// Its header.
    pub header: FragmentRepr,
    /// Its part of the packet; may be empty.
    pub data: &'f [u8],
}

impl<'f> Fragment<'f> {
    /// Reads a fragment. The reserved bits are not looked at (section 3.1 only asks senders to
    /// have them 0).
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when the header is cut.
    pub fn parse(format: Format, octets: &'f [u8]) -> Result<Self, ParseError> {
        let (flags, sequence, data) = match (format, octets) {
            (Format::Long, &[flags, a, b, c, ref data @ ..]) => {
                (flags, u32::from_be_bytes([0, a, b, c]), data)
            }
            (Format::Short, &[flags, low, ref data @ ..]) => {
                (flags, u32::from_be_bytes([0, 0, flags & 0x0f, low]), data)
            }
            _ => return Err(truncated("multilink header", format.header_len(), octets)),
        };
        let header = FragmentRepr {
            begin: flags & BEGIN != 0,
            end: flags & END != 0,
            sequence,
        };
        Ok(Self { header, data })
    }
}

/// The header of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentRepr {
    /// The packet begins here.
    pub begin: bool,
    /// The packet ends here.
    pub end: bool,
    /// The sequence number, at most [`Format::mask`]; higher bits are not written.
    pub sequence: u32,
}

impl FragmentRepr {
    /// The longest header.
    pub const MAX_LEN: usize = 4;

    /// The header in the first octets, and their number.
    #[must_use]
    pub const fn octets(&self, format: Format) -> ([u8; Self::MAX_LEN], usize) {
        let flags = (self.begin as u8 * BEGIN) | (self.end as u8 * END);
        let [_, a, b, c] = self.sequence.to_be_bytes();
        match format {
            Format::Long => ([flags, a, b, c], 4),
            Format::Short => ([flags | (b & 0x0f), c, 0, 0], 2),
        }
    }

    /// Appends the header to a frame.
    pub fn append(&self, format: Format, frame: &mut Vec<u8>) {
        let (octets, len) = self.octets(format);
        frame.extend(octets.iter().take(len));
    }
}

/// Whose an end of a link is: links whose ends have the same discriminator, and the same
/// authenticated name, are one bundle (section 5.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Discriminator {
    class: u8,
    len: u8,
    address: [u8; Self::MAX_ADDRESS],
}

impl Discriminator {
    /// The longest address, octets.
    pub const MAX_ADDRESS: usize = 20;
    /// Class 0: none.
    pub const NULL: u8 = 0;
    /// Class 1: an address of local meaning, up to 20 octets.
    pub const LOCAL: u8 = 1;
    /// Class 2: an IPv4 address.
    pub const IPV4: u8 = 2;
    /// Class 3: a globally assigned MAC address.
    pub const MAC: u8 = 3;
    /// Class 4: up to five magic numbers.
    pub const MAGIC: u8 = 4;
    /// Class 5: a number of the public switched network, up to 15 digits.
    pub const DIRECTORY: u8 = 5;

    /// A discriminator of local meaning, such as a random number.
    ///
    /// # Errors
    /// [`ParseError::Length`] above [`Self::MAX_ADDRESS`] octets.
    pub fn local(address: &[u8]) -> Result<Self, ParseError> {
        Self::new(Self::LOCAL, address)
    }

    /// A discriminator of any class.
    ///
    /// # Errors
    /// [`ParseError::Length`] when the address is longer than the class allows or not as long
    /// as it demands. Unknown classes may have up to [`Self::MAX_ADDRESS`] octets.
    pub fn new(class: u8, address: &[u8]) -> Result<Self, ParseError> {
        let fits = match class {
            Self::NULL => address.is_empty(),
            Self::IPV4 => address.len() == 4,
            Self::MAC => address.len() == 6,
            Self::MAGIC => address.len() <= 20 && address.len().is_multiple_of(4),
            Self::DIRECTORY => address.len() <= 15,
            _ => address.len() <= Self::MAX_ADDRESS,
        };
        if !fits {
            return Err(ParseError::Length {
                what: "endpoint discriminator",
                claimed: address.len(),
                have: Self::MAX_ADDRESS,
            });
        }
        let mut octets = [0; Self::MAX_ADDRESS];
        for (to, from) in octets.iter_mut().zip(address) {
            *to = *from;
        }
        Ok(Self {
            class,
            len: address.len() as u8,
            address: octets,
        })
    }

    /// Reads the data of an option.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] without a class; [`ParseError::Length`] as [`Self::new`].
    pub fn parse(data: &[u8]) -> Result<Self, ParseError> {
        let Some((&class, address)) = data.split_first() else {
            return Err(truncated("endpoint discriminator", 1, data));
        };
        Self::new(class, address)
    }

    /// The class.
    #[must_use]
    pub const fn class(&self) -> u8 {
        self.class
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &[u8] {
        self.address
            .get(..usize::from(self.len))
            .unwrap_or_default()
    }

    /// Appends the data of the option.
    pub fn append(&self, data: &mut Vec<u8>) {
        data.push(self.class);
        data.extend_from_slice(self.address());
    }
}

impl fmt::Display for Discriminator {
    /// The class and the address in hexadecimal, an IPv4 address as such: `local:0011aa`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Self::NULL => return f.write_str("null"),
            Self::LOCAL => f.write_str("local:")?,
            Self::IPV4 => {
                if let Ok(octets) = <[u8; 4]>::try_from(self.address()) {
                    return write!(f, "IP:{}", Ipv4Addr::from(octets));
                }
                f.write_str("IP:")?;
            }
            Self::MAC => f.write_str("MAC:")?,
            Self::MAGIC => f.write_str("magic:")?,
            Self::DIRECTORY => f.write_str("directory:")?,
            class => write!(f, "class {class}:")?,
        }
        for octet in self.address() {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Discriminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Any octets: a fragment that is accepted is written again the same but for its reserved bits,
/// a discriminator wholly the same. For fuzzing and replayed tests.
pub fn fuzz_multilink(octets: &[u8]) {
    for format in [Format::Long, Format::Short] {
        let Ok(fragment) = Fragment::parse(format, octets) else {
            assert!(octets.len() < format.header_len());
            continue;
        };
        assert!(fragment.header.sequence <= format.mask());
        assert_eq!(
            fragment.data.len() + format.header_len(),
            octets.len(),
            "the data is all behind the header"
        );
        let mut again = Vec::new();
        fragment.header.append(format, &mut again);
        again.extend_from_slice(fragment.data);
        assert_eq!(Fragment::parse(format, &again), Ok(fragment));
    }
    if let Ok(discriminator) = Discriminator::parse(octets) {
        let mut again = Vec::new();
        discriminator.append(&mut again);
        assert_eq!(again, octets);
        assert!(!discriminator.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_figures_of_section_3() {
        let long = [0xc0, 0x12, 0x34, 0x56, 0x00, 0x21];
        let fragment = Fragment::parse(Format::Long, &long).unwrap();
        assert!(fragment.header.begin && fragment.header.end);
        assert_eq!(fragment.header.sequence, 0x12_3456);
        assert_eq!(fragment.data, [0x00, 0x21]);
        let short = [0x8a, 0xbc, 0x21];
        let fragment = Fragment::parse(Format::Short, &short).unwrap();
        assert!(fragment.header.begin && !fragment.header.end);
        assert_eq!(fragment.header.sequence, 0xabc);
        assert_eq!(fragment.data, [0x21]);
    }

    #[test]
    fn a_cut_header_is_refused() {
        for len in 0..4 {
            let error = Fragment::parse(Format::Long, &[0xff; 4][..len]).unwrap_err();
            assert!(error.to_string().contains("multilink"));
        }
        assert!(Fragment::parse(Format::Short, &[0x80]).is_err());
        assert!(Fragment::parse(Format::Short, &[0x80, 1]).is_ok());
    }

    #[test]
    fn sequence_numbers_wrap() {
        for format in [Format::Long, Format::Short] {
            let last = format.mask();
            assert_eq!(format.advance(last, 1), 0);
            assert_eq!(format.distance(last, 0), 1);
            assert_eq!(format.distance(0, last), -1);
            assert_eq!(format.distance(5, 5), 0);
            let half = 1 << (format.bits() - 1);
            assert_eq!(format.distance(0, half - 1), half as i32 - 1);
            assert_eq!(format.distance(0, half), -(half as i32));
        }
    }

    #[test]
    fn discriminators_in_words() {
        let mac = Discriminator::parse(&[3, 0, 0x11, 0x22, 0x33, 0x44, 0x55]).unwrap();
        assert_eq!(mac.to_string(), "MAC:001122334455");
        let ip = Discriminator::new(Discriminator::IPV4, &[192, 0, 2, 1]).unwrap();
        assert_eq!(ip.to_string(), "IP:192.0.2.1");
        let local = Discriminator::local(b"\x01\x02").unwrap();
        assert_eq!(local.to_string(), "local:0102");
        assert_eq!(Discriminator::parse(&[0]).unwrap().to_string(), "null");
        assert_eq!(
            Discriminator::parse(&[9, 1]).unwrap().to_string(),
            "class 9:01"
        );
        for wrong in [&[][..], &[0, 1], &[2, 1, 2, 3], &[3, 1], &[4, 1], &[1; 22]] {
            assert!(Discriminator::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_again(begin: bool, end: bool, sequence: u32, short: bool) {
            let format = if short { Format::Short } else { Format::Long };
            let header = FragmentRepr { begin, end, sequence: sequence & format.mask() };
            let mut octets = Vec::new();
            header.append(format, &mut octets);
            prop_assert_eq!(octets.len(), format.header_len());
            let read = Fragment::parse(format, &octets).unwrap();
            prop_assert_eq!(read.header, header);
        }

        #[test]
        fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            fuzz_multilink(&octets);
        }
    }
}
