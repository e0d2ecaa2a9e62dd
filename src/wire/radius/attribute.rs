//! Attributes and their values (RFC 2865 section 5, RFC 3162 section 2).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Kind;
use crate::ParseError;

/// An attribute as it stands in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'p> {
    /// Its type.
    pub kind: Kind,
    /// Its value, at most [`Attribute::MAX_VALUE`] octets.
    pub value: &'p [u8],
}

impl<'p> Attribute<'p> {
    /// The longest value, octets.
    pub const MAX_VALUE: usize = 253;

    /// The first attribute of a list, and what is behind it.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below two octets, [`ParseError::Length`] for a length below two
    /// or beyond the list.
    pub(super) fn split(list: &'p [u8]) -> Result<(Self, &'p [u8]), ParseError> {
        let &[kind, length, ..] = list else {
            return Err(ParseError::Truncated {
                what: "RADIUS attribute",
                need: 2,
                have: list.len(),
            });
        };
        let length = usize::from(length);
        match (list.get(2..length), list.get(length..)) {
            (Some(value), Some(rest)) => Ok((
                Self {
                    kind: Kind(kind),
                    value,
                },
                rest,
            )),
            _ => Err(ParseError::Length {
                what: "RADIUS attribute length",
                claimed: length,
                have: list.len(),
            }),
        }
    }

    fn fixed<const N: usize>(&self, what: &'static str) -> Result<[u8; N], ParseError> {
        self.value.try_into().map_err(|_| ParseError::Length {
            what,
            claimed: N,
            have: self.value.len(),
        })
    }

    /// The value as a number.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has four octets.
    pub fn u32(&self) -> Result<u32, ParseError> {
        self.fixed("RADIUS number").map(u32::from_be_bytes)
    }

    /// The value as an eight-octet number: an interface identifier.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has eight octets.
    pub fn u64(&self) -> Result<u64, ParseError> {
        self.fixed("RADIUS interface identifier")
            .map(u64::from_be_bytes)
    }

    /// The value as an address.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has four octets.
    pub fn ipv4(&self) -> Result<Ipv4Addr, ParseError> {
        self.fixed::<4>("RADIUS IPv4 address").map(Ipv4Addr::from)
    }

    /// The value as an address.
    ///
    /// # Errors
    /// [`ParseError::Length`] unless it has 16 octets.
    pub fn ipv6(&self) -> Result<Ipv6Addr, ParseError> {
        self.fixed::<16>("RADIUS IPv6 address").map(Ipv6Addr::from)
    }

    /// The value as a prefix (RFC 3162 section 2.3): a reserved octet, the length, and as many
    /// octets of the prefix as the server found needed. Bits behind its length count as zeros.
    ///
    /// # Errors
    /// [`ParseError::Length`] for fewer than 2 or more than 18 octets, and for fewer than the
    /// length in bits needs; [`ParseError::Invalid`] for a length above 128.
    pub fn prefix6(&self) -> Result<Prefix6, ParseError> {
        let wrong = |claimed| ParseError::Length {
            what: "RADIUS IPv6 prefix",
            claimed,
            have: self.value.len(),
        };
        let Some((&[_, length], prefix)) = self.value.split_first_chunk() else {
            return Err(wrong(2));
        };
        if length > 128 {
            return Err(ParseError::Invalid {
                what: "RADIUS IPv6 prefix length",
                value: length.into(),
                expected: "0 to 128",
            });
        }
        let needed = usize::from(length).div_ceil(8);
        if prefix.len() < needed || prefix.len() > 16 {
            return Err(wrong(2 + needed));
        }
        let mut address = [0; 16];
        for (octet, from) in address.iter_mut().zip(prefix) {
            *octet = *from;
        }
        Ok(Prefix6::new(Ipv6Addr::from(address), length))
    }
}

/// An IPv6 prefix; its bits behind the length are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix6 {
    /// The first address of the prefix.
    pub network: Ipv6Addr,
    /// How many bits count, 0 to 128.
    pub length: u8,
}

impl Prefix6 {
    /// The prefix that an address is in; a length above 128 counts as 128.
    #[must_use]
    pub fn new(address: Ipv6Addr, length: u8) -> Self {
        let length = length.min(128);
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        Self {
            network: Ipv6Addr::from(u128::from(address) & mask),
            length,
        }
    }

    /// The value of an attribute: with no more octets than are needed.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(18);
        value.extend_from_slice(&[0, self.length]);
        let needed = usize::from(self.length).div_ceil(8);
        value.extend(self.network.octets().iter().take(needed));
        value
    }
}

/// The attributes of a packet, in order.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'p> {
    rest: &'p [u8],
}

impl<'p> Attributes<'p> {
    /// The attributes of a list whose lengths were checked; it ends where one is wrong.
    pub(super) const fn new(list: &'p [u8]) -> Self {
        Self { rest: list }
    }
}

impl<'p> Iterator for Attributes<'p> {
    type Item = Attribute<'p>;

    fn next(&mut self) -> Option<Self::Item> {
        let (attribute, rest) = Attribute::split(self.rest).ok()?;
        self.rest = rest;
        Some(attribute)
    }
}
