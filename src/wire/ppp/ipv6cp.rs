//! The options of IPV6CP (RFC 5072 section 4).

use super::RawOption;
use super::lcp::exact;
use crate::ParseError;

/// The numbers of the options.
pub mod kind {
    /// Interface-Identifier (RFC 5072 section 4.1).
    pub const INTERFACE_IDENTIFIER: u8 = 1;
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6cpOption<'p> {
    /// The lower half of the sender's link-local address; 0 asks for one.
    InterfaceIdentifier(u64),
    /// Any other, among them IPv6-Compression-Protocol.
    Other(RawOption<'p>),
}

impl<'p> Ipv6cpOption<'p> {
    /// Reads an option.
    ///
    /// # Errors
    /// [`ParseError::Length`] when the identifier has not eight octets.
    pub fn parse(option: RawOption<'p>) -> Result<Self, ParseError> {
        Ok(match option.kind {
            kind::INTERFACE_IDENTIFIER => Self::InterfaceIdentifier(u64::from_be_bytes(exact(
                "Interface-Identifier",
                option.data,
            )?)),
            _ => Self::Other(option),
        })
    }

    /// Appends the option to a list.
    pub fn append(&self, list: &mut Vec<u8>) {
        match *self {
            Self::InterfaceIdentifier(identifier) => RawOption {
                kind: kind::INTERFACE_IDENTIFIER,
                data: &identifier.to_be_bytes(),
            }
            .append(list),
            Self::Other(option) => option.append(list),
        }
    }
}
