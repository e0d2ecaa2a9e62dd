//! The options of IPCP (RFC 1332 section 3, RFC 1877).

use std::net::Ipv4Addr;

use super::lcp::exact;
use super::{Protocol, RawOption};
use crate::ParseError;

/// The numbers of the options.
pub mod kind {
    /// IP-Compression-Protocol (RFC 1332 section 3.2).
    pub const COMPRESSION: u8 = 2;
    /// IP-Address (RFC 1332 section 3.3).
    pub const ADDRESS: u8 = 3;
    /// Primary DNS Server Address (RFC 1877 section 1.1).
    pub const DNS_PRIMARY: u8 = 129;
    /// Secondary DNS Server Address (RFC 1877 section 1.3).
    pub const DNS_SECONDARY: u8 = 131;
}

/// One option. An address of 0.0.0.0 asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcpOption<'p> {
    /// The sender reads Van Jacobson's compressed headers (RFC 1332 section 4).
    VanJacobson {
        /// Its highest connection slot: one less than their number.
        max_slot: u8,
        /// Whether it understands headers without the slot's number.
        compress_slot: bool,
    },
    /// The sender's address.
    Address(Ipv4Addr),
    /// The first name server that the sender wants to use.
    DnsPrimary(Ipv4Addr),
    /// The second.
    DnsSecondary(Ipv4Addr),
    /// Any other, among them other compressions and NetBIOS name servers.
    Other(RawOption<'p>),
}

impl<'p> IpcpOption<'p> {
    /// Reads an option.
    ///
    /// # Errors
    /// [`ParseError::Length`] when a known option has another length than it must,
    /// [`ParseError::Invalid`] when its flag is neither 0 nor 1.
    pub fn parse(option: RawOption<'p>) -> Result<Self, ParseError> {
        let address = |what| exact::<4>(what, option.data).map(Ipv4Addr::from);
        Ok(match (option.kind, option.data) {
            (kind::COMPRESSION, &[high, low, ref rest @ ..])
                if u16::from_be_bytes([high, low]) == Protocol::VJ_COMPRESSED.0 =>
            {
                let [max_slot, compress_slot] = exact("IP-Compression-Protocol", rest)?;
                Self::VanJacobson {
                    max_slot,
                    compress_slot: match compress_slot {
                        0 => false,
                        1 => true,
                        other => {
                            return Err(ParseError::Invalid {
                                what: "Comp-Slot-Id",
                                value: other.into(),
                                expected: "0 or 1",
                            });
                        }
                    },
                }
            }
            (kind::ADDRESS, _) => Self::Address(address("IP-Address")?),
            (kind::DNS_PRIMARY, _) => Self::DnsPrimary(address("Primary-DNS-Address")?),
            (kind::DNS_SECONDARY, _) => Self::DnsSecondary(address("Secondary-DNS-Address")?),
            _ => Self::Other(option),
        })
    }

    /// Appends the option to a list.
    pub fn append(&self, list: &mut Vec<u8>) {
        let mut put = |kind, data: &[u8]| RawOption { kind, data }.append(list);
        match *self {
            Self::VanJacobson {
                max_slot,
                compress_slot,
            } => {
                let [high, low] = Protocol::VJ_COMPRESSED.0.to_be_bytes();
                put(
                    kind::COMPRESSION,
                    &[high, low, max_slot, compress_slot.into()],
                );
            }
            Self::Address(address) => put(kind::ADDRESS, &address.octets()),
            Self::DnsPrimary(address) => put(kind::DNS_PRIMARY, &address.octets()),
            Self::DnsSecondary(address) => put(kind::DNS_SECONDARY, &address.octets()),
            Self::Other(option) => option.append(list),
        }
    }
}
