//! Packets (RFC 2865 section 3).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Attribute, Attributes, Kind, Prefix6, Vendor};
use crate::ParseError;

/// Octets before the attributes.
pub const HEADER: usize = 20;
/// The longest packet, octets.
pub const MAX_PACKET: usize = 4096;
/// Where the authenticator is.
pub const AUTHENTICATOR: std::ops::Range<usize> = 4..HEADER;

/// The authenticator of a request or of a reply.
pub type Authenticator = [u8; 16];

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

impl Code {
    /// RFC 2865 section 4.1.
    pub const ACCESS_REQUEST: Self = Self(1);
    /// RFC 2865 section 4.2.
    pub const ACCESS_ACCEPT: Self = Self(2);
    /// RFC 2865 section 4.3.
    pub const ACCESS_REJECT: Self = Self(3);
    /// RFC 2866 section 4.1.
    pub const ACCOUNTING_REQUEST: Self = Self(4);
    /// RFC 2866 section 4.2.
    pub const ACCOUNTING_RESPONSE: Self = Self(5);
    /// RFC 2865 section 4.4.
    pub const ACCESS_CHALLENGE: Self = Self(11);
    /// RFC 5176 section 2.1.
    pub const DISCONNECT_REQUEST: Self = Self(40);
    /// RFC 5176 section 2.1.
    pub const DISCONNECT_ACK: Self = Self(41);
    /// RFC 5176 section 2.1.
    pub const DISCONNECT_NAK: Self = Self(42);
    /// RFC 5176 section 2.2.
    pub const COA_REQUEST: Self = Self(43);
    /// RFC 5176 section 2.2.
    pub const COA_ACK: Self = Self(44);
    /// RFC 5176 section 2.2.
    pub const COA_NAK: Self = Self(45);
}

/// A packet whose lengths are right, those of its attributes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    code: Code,
    identifier: u8,
    authenticator: &'p Authenticator,
    octets: &'p [u8],
}

impl<'p> Packet<'p> {
    /// Reads a datagram; what is behind the packet's length is padding (section 3).
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below 20 octets; [`ParseError::Length`] for a packet length below
    /// 20, above 4096 or beyond the datagram, and for an attribute length below 2 or beyond the
    /// packet.
    pub fn parse(datagram: &'p [u8]) -> Result<Self, ParseError> {
        let Some((&[code, identifier, high, low], rest)) = datagram.split_first_chunk() else {
            return Err(ParseError::Truncated {
                what: "RADIUS packet",
                need: HEADER,
                have: datagram.len(),
            });
        };
        let Some((authenticator, _)) = rest.split_first_chunk() else {
            return Err(ParseError::Truncated {
                what: "RADIUS packet",
                need: HEADER,
                have: datagram.len(),
            });
        };
        let claimed = usize::from(u16::from_be_bytes([high, low]));
        let octets = datagram
            .get(..claimed)
            .filter(|_| (HEADER..=MAX_PACKET).contains(&claimed))
            .ok_or(ParseError::Length {
                what: "RADIUS packet length",
                claimed,
                have: datagram.len(),
            })?;
        let mut rest = octets.get(HEADER..).unwrap_or_default();
        while !rest.is_empty() {
            rest = Attribute::split(rest)?.1;
        }
        Ok(Self {
            code: Code(code),
            identifier,
            authenticator,
            octets,
        })
    }

    /// What it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What tells answers to one request from answers to another.
    #[must_use]
    pub const fn identifier(&self) -> u8 {
        self.identifier
    }

    /// Its authenticator.
    #[must_use]
    pub const fn authenticator(&self) -> &'p Authenticator {
        self.authenticator
    }

    /// The packet without padding.
    #[must_use]
    pub const fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// Its attributes, in order.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'p> {
        Attributes::new(self.octets.get(HEADER..).unwrap_or_default())
    }

    /// The first attribute of a type.
    #[must_use]
    pub fn find(&self, kind: Kind) -> Option<Attribute<'p>> {
        self.attributes().find(|attribute| attribute.kind == kind)
    }
}

/// Writes a packet, attribute by attribute.
///
/// What does not fit (a value above 253 octets, a packet above 4096) is left out whole, and the
/// call says so.
#[derive(Debug)]
pub struct Writer<'v> {
    octets: &'v mut Vec<u8>,
}

impl<'v> Writer<'v> {
    /// Begins a packet in a buffer, over what it held. Its authenticator is zeros, as in what is
    /// digested, until [`Writer::finish`].
    pub fn new(octets: &'v mut Vec<u8>, code: Code, identifier: u8) -> Self {
        octets.clear();
        octets.extend_from_slice(&[code.0, identifier, 0, 0]);
        octets.extend_from_slice(&[0; 16]);
        Self { octets }
    }

    /// Appends an attribute.
    pub fn attribute(&mut self, kind: Kind, value: &[u8]) -> bool {
        let room = MAX_PACKET.saturating_sub(self.octets.len());
        let length = value.len() + 2;
        if length > usize::from(u8::MAX) || length > room {
            return false;
        }
        self.octets.extend_from_slice(&[kind.0, length as u8]);
        self.octets.extend_from_slice(value);
        true
    }

    /// Appends a number.
    pub fn u32(&mut self, kind: Kind, value: u32) -> bool {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Appends an address.
    pub fn ipv4(&mut self, kind: Kind, address: Ipv4Addr) -> bool {
        self.attribute(kind, &address.octets())
    }

    /// Appends an address.
    pub fn ipv6(&mut self, kind: Kind, address: Ipv6Addr) -> bool {
        self.attribute(kind, &address.octets())
    }

    /// Appends a prefix (RFC 3162 section 2.3).
    pub fn prefix6(&mut self, kind: Kind, prefix: &Prefix6) -> bool {
        self.attribute(kind, prefix.emit().as_slice())
    }

    /// Appends an attribute of a vendor, in a Vendor-Specific of its own.
    pub fn vendor(&mut self, vendor: Vendor, kind: u8, value: &[u8]) -> bool {
        let length = value.len() + 2;
        if length + 4 > Attribute::MAX_VALUE {
            return false;
        }
        let mut whole = Vec::with_capacity(length + 4);
        whole.extend_from_slice(&vendor.0.to_be_bytes());
        whole.extend_from_slice(&[kind, length as u8]);
        whole.extend_from_slice(value);
        self.attribute(Kind::VENDOR_SPECIFIC, &whole)
    }

    /// Where in the buffer the next attribute begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.octets.len()
    }

    /// Writes the length and the authenticator.
    pub fn finish(self, authenticator: &Authenticator) {
        // At most MAX_PACKET, of which every attribute was checked.
        let length = self.octets.len() as u16;
        if let Some(field) = self.octets.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        if let Some(field) = self.octets.get_mut(AUTHENTICATOR) {
            field.copy_from_slice(authenticator);
        }
    }
}
