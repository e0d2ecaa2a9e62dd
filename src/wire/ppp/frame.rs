//! The frame header: address, control and protocol, each possibly left out or shortened.

use super::{Protocol, truncated};
use crate::ParseError;

/// The address octet: all stations.
pub const ADDRESS: u8 = 0xff;
/// The control octet: unnumbered information.
pub const CONTROL: u8 = 0x03;

/// A frame taken apart.
///
/// The compressed forms can be told from the plain ones by their octets alone: FF is neither the
/// first octet of a protocol number nor one of one octet (RFC 1661 section 6.6), and a protocol's
/// first octet is odd only when it is its last. So all forms are always read, as RFC 1662 section
/// 3.1 wishes, and [`Frame::acfc`] and [`Frame::pfc`] say which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    /// What the information field is.
    pub protocol: Protocol,
    /// The information field and the padding, which only the protocol can tell from it.
    pub information: &'f [u8],
    /// Address and control were left out.
    pub acfc: bool,
    /// The protocol had one octet.
    pub pfc: bool,
}

impl<'f> Frame<'f> {
    /// Reads the header. The information field may be empty.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when the header is cut; [`ParseError::Invalid`] for an address
    /// FF without control 03, and for a protocol number whose second octet is even.
    pub fn parse(octets: &'f [u8]) -> Result<Self, ParseError> {
        let (acfc, rest) = match *octets {
            [ADDRESS, CONTROL, ..] => (false, octets.get(2..).unwrap_or_default()),
            [ADDRESS, control, ..] => {
                return Err(ParseError::Invalid {
                    what: "PPP control",
                    value: control.into(),
                    expected: "0x03",
                });
            }
            _ => (true, octets),
        };
        let (number, pfc) = match *rest {
            [low, ..] if low & 1 == 1 && low != ADDRESS => (u16::from(low), true),
            [high, low, ..] => (u16::from_be_bytes([high, low]), false),
            _ => return Err(truncated("PPP protocol", 2, rest)),
        };
        let protocol = Protocol(number);
        if !protocol.is_well_formed() {
            return Err(ParseError::Invalid {
                what: "PPP protocol",
                value: number.into(),
                expected: "an even octet, then an odd one",
            });
        }
        Ok(Self {
            protocol,
            information: rest.get(if pfc { 1 } else { 2 }..).unwrap_or_default(),
            acfc,
            pfc,
        })
    }
}

/// The octets before an information field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRepr {
    /// What the information field is.
    pub protocol: Protocol,
    /// Leave address and control out (Address-and-Control-Field-Compression, RFC 1661 section
    /// 6.6). Not obeyed for LCP, which is never compressed.
    pub acfc: bool,
    /// Write protocols below 0100 as one octet (Protocol-Field-Compression, section 6.5).
    pub pfc: bool,
}

impl FrameRepr {
    /// The longest header.
    pub const MAX_LEN: usize = 4;

    /// The full header that every receiver understands.
    #[must_use]
    pub const fn plain(protocol: Protocol) -> Self {
        Self {
            protocol,
            acfc: false,
            pfc: false,
        }
    }

    /// The header in the first octets, and their number.
    #[must_use]
    pub const fn octets(&self) -> ([u8; Self::MAX_LEN], usize) {
        let [high, low] = self.protocol.0.to_be_bytes();
        let acfc = self.acfc && self.protocol.0 != Protocol::LCP.0;
        match (acfc, self.pfc && self.protocol.is_compressible()) {
            (true, true) => ([low, 0, 0, 0], 1),
            (true, false) => ([high, low, 0, 0], 2),
            (false, true) => ([ADDRESS, CONTROL, low, 0], 3),
            (false, false) => ([ADDRESS, CONTROL, high, low], 4),
        }
    }

    /// Octets of the header: 1 to 4.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        self.octets().1
    }

    /// Writes the header; the number of octets written, `None` when the buffer is too short.
    pub fn emit(&self, buffer: &mut [u8]) -> Option<usize> {
        let (octets, len) = self.octets();
        buffer.get_mut(..len)?.copy_from_slice(octets.get(..len)?);
        Some(len)
    }

    /// Appends the header to a frame.
    pub fn append(&self, frame: &mut Vec<u8>) {
        let (octets, len) = self.octets();
        frame.extend(octets.iter().take(len));
    }
}
