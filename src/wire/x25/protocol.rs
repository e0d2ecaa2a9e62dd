//! Which protocol a circuit carries: the first octets of call user data (RFC 1356, RFC 1490's
//! SNAP, ISO/IEC TR 9577).
//!
//! On a multiplexed circuit ([`Protocol::Multiplexed`]) the same identifier stands before each
//! packet instead.

use crate::ParseError;

/// What a circuit, or a packet of a multiplexed one, carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 00: each packet begins with an identifier of its own.
    Multiplexed,
    /// CC: IP version 4.
    Ipv4,
    /// 8E: IP version 6.
    Ipv6,
    /// 80 and five octets: IEEE 802's SNAP.
    Snap {
        /// The organization, 0 for Ethernet types.
        organization: u32,
        /// Its protocol.
        protocol: u16,
    },
    /// Another network layer protocol, or none that is registered.
    Other(u8),
}

const MULTIPLEXED: u8 = 0x00;
const SNAP: u8 = 0x80;
const IPV6: u8 = 0x8e;
const IPV4: u8 = 0xcc;

impl Protocol {
    /// IPX, as the originals call for it: its Ethernet type.
    pub const IPX: Self = Self::Snap {
        organization: 0,
        protocol: 0x8137,
    };

    /// Reads the identifier; also returns what is behind it. For call user data those octets have
    /// no meaning, and are usually missing.
    ///
    /// # Errors
    /// No octet at all, SNAP without its five.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let truncated = |need| ParseError::Truncated {
            what: "X.25 protocol identifier",
            need,
            have: octets.len(),
        };
        let (&first, rest) = octets.split_first().ok_or(truncated(1))?;
        Ok(match first {
            MULTIPLEXED => (Self::Multiplexed, rest),
            IPV4 => (Self::Ipv4, rest),
            IPV6 => (Self::Ipv6, rest),
            SNAP => {
                let (&[a, b, c, high, low], rest) = rest.split_first_chunk().ok_or(truncated(6))?;
                let protocol = Self::Snap {
                    organization: u32::from_be_bytes([0, a, b, c]),
                    protocol: u16::from_be_bytes([high, low]),
                };
                (protocol, rest)
            }
            other => (Self::Other(other), rest),
        })
    }

    /// Writes the identifier at the end of `octets`.
    pub fn append(self, octets: &mut Vec<u8>) {
        match self {
            Self::Multiplexed => octets.push(MULTIPLEXED),
            Self::Ipv4 => octets.push(IPV4),
            Self::Ipv6 => octets.push(IPV6),
            Self::Other(other) => octets.push(other),
            Self::Snap {
                organization,
                protocol,
            } => {
                let [_, organization @ ..] = organization.to_be_bytes();
                octets.push(SNAP);
                octets.extend_from_slice(&organization);
                octets.extend_from_slice(&protocol.to_be_bytes());
            }
        }
    }
}
