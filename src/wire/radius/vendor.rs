//! Attributes of vendors (RFC 2865 section 5.26).

use super::{Attribute, Kind};
use crate::ParseError;

/// A vendor, by its private enterprise number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vendor(pub u32);

impl Vendor {
    /// Cisco.
    pub const CISCO: Self = Self(9);
    /// Cisco: `key=value` (text).
    pub const CISCO_AVPAIR: u8 = 1;

    /// Microsoft (RFC 2548).
    pub const MICROSOFT: Self = Self(311);
    /// Microsoft: identifier and text of a refusal (RFC 2548 section 2.1.5).
    pub const MS_CHAP_ERROR: u8 = 2;
    /// Microsoft: the challenge (section 2.1.2).
    pub const MS_CHAP_CHALLENGE: u8 = 11;
    /// Microsoft: the response of version 2 (section 2.3.2).
    pub const MS_CHAP2_RESPONSE: u8 = 25;
    /// Microsoft: identifier and proof of the authenticator (section 2.3.3).
    pub const MS_CHAP2_SUCCESS: u8 = 26;
    /// Microsoft: IPv4 address of a name server (section 2.6.1).
    pub const MS_PRIMARY_DNS_SERVER: u8 = 28;
    /// Microsoft: that of a second one (section 2.6.2).
    pub const MS_SECONDARY_DNS_SERVER: u8 = 29;

    /// Ascend.
    pub const ASCEND: Self = Self(529);
    /// Ascend: IPv4 address of a name server.
    pub const ASCEND_CLIENT_PRIMARY_DNS: u8 = 135;
    /// Ascend: that of a second one.
    pub const ASCEND_CLIENT_SECONDARY_DNS: u8 = 136;
}

/// One attribute of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorAttribute<'p> {
    /// Whose.
    pub vendor: Vendor,
    /// Its type, as the vendor numbers it.
    pub kind: u8,
    /// Its value.
    pub value: &'p [u8],
}

impl<'p> VendorAttribute<'p> {
    /// The same as an attribute, for reading its value.
    #[must_use]
    pub const fn attribute(&self) -> Attribute<'p> {
        Attribute {
            kind: Kind(self.kind),
            value: self.value,
        }
    }
}

/// The attributes of one Vendor-Specific, in order. After an error there are no more.
#[derive(Clone, Copy, Debug)]
pub struct VendorAttributes<'p> {
    vendor: Vendor,
    rest: &'p [u8],
}

impl<'p> VendorAttributes<'p> {
    /// Reads the value of a Vendor-Specific attribute.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below four octets.
    pub fn parse(value: &'p [u8]) -> Result<Self, ParseError> {
        match value.split_first_chunk() {
            Some((vendor, rest)) => Ok(Self {
                vendor: Vendor(u32::from_be_bytes(*vendor)),
                rest,
            }),
            None => Err(ParseError::Truncated {
                what: "RADIUS vendor",
                need: 4,
                have: value.len(),
            }),
        }
    }
}

impl<'p> Iterator for VendorAttributes<'p> {
    type Item = Result<VendorAttribute<'p>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let list = std::mem::take(&mut self.rest);
        if list.is_empty() {
            return None;
        }
        match Attribute::split(list) {
            Ok((Attribute { kind, value }, rest)) => {
                self.rest = rest;
                Some(Ok(VendorAttribute {
                    vendor: self.vendor,
                    kind: kind.0,
                    value,
                }))
            }
            Err(error) => Some(Err(error)),
        }
    }
}
