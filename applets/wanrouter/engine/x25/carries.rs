//! What packets of a circuit are, and what calls say of it (RFC 1356 section 3).

use wanbox_wire::x25::protocol::Protocol;

use crate::{Marks, PayloadKind};

/// Ethernet types in SNAP.
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// How packets are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// The circuit is for IP, and says so in one octet.
    Ip,
    /// The same in a SNAP header.
    Snap,
    /// Each packet says what it is.
    Null,
    /// An application's messages, as they are.
    Raw,
}

impl Encapsulation {
    /// What the user data of a call say of it.
    pub(super) fn identifier(self) -> Option<Protocol> {
        match self {
            Self::Ip => Some(Protocol::Ipv4),
            Self::Snap => Some(Protocol::Snap {
                organization: 0,
                protocol: ETHERTYPE_IPV4,
            }),
            Self::Null => Some(Protocol::Multiplexed),
            Self::Raw => None,
        }
    }

    pub(super) fn carries(self) -> Carries {
        match self {
            Self::Ip | Self::Snap => Carries::Ipv4,
            Self::Null => Carries::Any,
            Self::Raw => Carries::Raw,
        }
    }
}

/// What packets of a circuit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Bare IPv4.
    Ipv4,
    /// Bare IPv6.
    Ipv6,
    /// What their identifier says.
    Any,
    /// Whatever an application makes of them.
    Raw,
}

impl Carries {
    /// What the user data of a call say; `None`: nothing that an interface carries.
    pub(super) fn of_call(user_data: &[u8]) -> Option<Self> {
        const IPV4: Protocol = Protocol::Snap {
            organization: 0,
            protocol: ETHERTYPE_IPV4,
        };
        const IPV6: Protocol = Protocol::Snap {
            organization: 0,
            protocol: ETHERTYPE_IPV6,
        };
        match Protocol::parse(user_data).ok()?.0 {
            Protocol::Ipv4 | IPV4 => Some(Self::Ipv4),
            Protocol::Ipv6 | IPV6 => Some(Self::Ipv6),
            Protocol::Multiplexed => Some(Self::Any),
            _ => None,
        }
    }

    /// The identifier before a packet; `None`: it is not carried. No octet where there is none.
    pub(super) fn identifier(self, kind: PayloadKind) -> Option<Option<u8>> {
        match (self, kind) {
            (Self::Ipv4, PayloadKind::Ipv4)
            | (Self::Ipv6, PayloadKind::Ipv6)
            | (Self::Raw, PayloadKind::Raw(_)) => Some(None),
            (Self::Any, PayloadKind::Ipv4) => Some(Some(0xcc)),
            (Self::Any, PayloadKind::Ipv6) => Some(Some(0x8e)),
            _ => None,
        }
    }

    /// What a packet is, and how many octets stand before it; `None`: nothing for an interface.
    pub(super) fn of_packet(self, packet: &[u8]) -> Option<(PayloadKind, usize)> {
        let (kind, inner) = match self {
            Self::Raw => return Some((PayloadKind::Raw(Marks::default()), 0)),
            Self::Ipv4 => (PayloadKind::Ipv4, packet),
            Self::Ipv6 => (PayloadKind::Ipv6, packet),
            Self::Any => {
                let (_, inner) = Protocol::parse(packet).ok()?;
                match Self::of_call(packet)? {
                    Self::Ipv4 => (PayloadKind::Ipv4, inner),
                    Self::Ipv6 => (PayloadKind::Ipv6, inner),
                    Self::Any | Self::Raw => return None,
                }
            }
        };
        kind.fits(inner)
            .then_some((kind, packet.len() - inner.len()))
    }
}
