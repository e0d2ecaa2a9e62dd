//! X.25 over TCP (RFC 1613): one connection a circuit, without restarts and without LAPB.
//!
//! ```text
//! version, 2 (0) | length, 2 | a packet of that many octets
//! PVC set-up: GFI LCI, 2 | F5 | version, 1 (81) | status | initiator name length
//!   | initiator LCN, 2 | responder name length | responder LCN, 2 | incoming window
//!   | outgoing window | incoming packet size | outgoing packet size | both names
//! ```

use std::fmt;

use super::facility::PacketSize;
use super::{Lci, MAX_PACKET};
use crate::ParseError;

/// The TCP port.
pub const PORT: u16 = 1998;
/// Octets of the header before each packet.
pub const HEADER: usize = 4;
/// The type identifier of a PVC set-up packet, which X.25 does not use.
pub const PVC_SETUP: u8 = 0xf5;
/// Octets of a PVC set-up packet without the names.
const FIXED: usize = 15;
/// The version of PVC set-up.
const VERSION: u8 = 0x81;

/// The header before a packet of `length` octets.
#[must_use]
pub fn header(length: u16) -> [u8; HEADER] {
    let [high, low] = length.to_be_bytes();
    [0, 0, high, low]
}

/// The first packet of what a connection brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split<'s> {
    /// The packet, without the header.
    pub packet: &'s [u8],
    /// What came behind it.
    pub rest: &'s [u8],
}

/// Finds the first packet: nothing while octets of it are missing. What an attacker claims is
/// bounded by [`MAX_PACKET`], and a PVC set-up packet is never longer than that.
///
/// # Errors
/// Another version than 0, a length that no packet has. The connection is to be closed then,
/// since nothing says where the next packet begins.
pub fn split(stream: &[u8]) -> Result<Option<Split<'_>>, ParseError> {
    let Some((&[v0, v1, high, low], rest)) = stream.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    if [v0, v1] != [0, 0] {
        return Err(ParseError::Invalid {
            what: "XOT version",
            value: u16::from_be_bytes([v0, v1]).into(),
            expected: "0",
        });
    }
    let length = u16::from_be_bytes([high, low]);
    if !(3..=MAX_PACKET).contains(&length.into()) {
        return Err(ParseError::Invalid {
            what: "XOT length",
            value: length.into(),
            expected: "3 to 4100 octets",
        });
    }
    let found = rest.split_at_checked(length.into());
    Ok(found.map(|(packet, rest)| Split { packet, rest }))
}

/// The states of a permanent virtual circuit over TCP. Only [`Status::WAITING`] and those from
/// [`Status::NO_INTERFACE`] on are said in PVC set-up packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// The initiator asks; the responder agrees.
    pub const WAITING: Self = Self(0x00);
    /// Destination disconnected.
    pub const DISCONNECTED: Self = Self(0x08);
    /// PVC/TCP connection refused.
    pub const REFUSED: Self = Self(0x09);
    /// PVC/TCP routing error.
    pub const ROUTING: Self = Self(0x0a);
    /// PVC/TCP connect timed out.
    pub const TIMED_OUT: Self = Self(0x0b);
    /// Trying to connect via TCP.
    pub const TRYING: Self = Self(0x10);
    /// Awaiting PVC set-up reply.
    pub const AWAITING: Self = Self(0x11);
    /// Connected.
    pub const CONNECTED: Self = Self(0x12);
    /// No such destination interface.
    pub const NO_INTERFACE: Self = Self(0x13);
    /// Destination interface is not up.
    pub const INTERFACE_DOWN: Self = Self(0x14);
    /// Non-X.25 destination interface.
    pub const NOT_X25: Self = Self(0x15);
    /// No such destination PVC.
    pub const NO_PVC: Self = Self(0x16);
    /// Destination PVC configuration mismatch, also when it is connected already.
    pub const MISMATCH: Self = Self(0x17);
    /// Mismatched flow control values.
    pub const FLOW_MISMATCH: Self = Self(0x18);
    /// Can't support flow control values.
    pub const FLOW_UNSUPPORTED: Self = Self(0x19);
    /// PVC set-up protocol error.
    pub const PROTOCOL_ERROR: Self = Self(0x1a);
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::WAITING => "waiting to connect",
            Self::DISCONNECTED => "destination disconnected",
            Self::REFUSED => "TCP connection refused",
            Self::ROUTING => "routing error",
            Self::TIMED_OUT => "TCP connect timed out",
            Self::TRYING => "trying to connect via TCP",
            Self::AWAITING => "awaiting PVC set-up reply",
            Self::CONNECTED => "connected",
            Self::NO_INTERFACE => "no such destination interface",
            Self::INTERFACE_DOWN => "destination interface is not up",
            Self::NOT_X25 => "destination interface is not X.25",
            Self::NO_PVC => "no such destination PVC",
            Self::MISMATCH => "destination PVC configuration mismatch",
            Self::FLOW_MISMATCH => "flow control values do not match",
            Self::FLOW_UNSUPPORTED => "flow control values are not supported",
            Self::PROTOCOL_ERROR => "PVC set-up protocol error",
            Self(other) => return write!(f, "status {other:#04x}"),
        })
    }
}

/// One end of a permanent virtual circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End<'p> {
    /// The name of the interface, in ASCII; large and small letters are the same.
    pub interface: &'p [u8],
    /// The logical channel on it.
    pub lci: Lci,
}

/// A PVC set-up packet: the first in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PvcSetup<'p> {
    /// The logical channel in the packet's own header.
    pub lci: Lci,
    /// What is asked, or answered.
    pub status: Status,
    /// The end that opened the connection.
    pub initiator: End<'p>,
    /// The other end.
    pub responder: End<'p>,
    /// The window for what comes in from the sender's interface, packets.
    pub incoming_window: u8,
    /// The window for what goes out there, packets.
    pub outgoing_window: u8,
    /// The greatest packet that comes in there.
    pub incoming_size: PacketSize,
    /// The greatest packet that goes out there.
    pub outgoing_size: PacketSize,
}

impl<'p> PvcSetup<'p> {
    /// Whether it is such a packet: nothing else has its type.
    #[must_use]
    pub fn is(packet: &[u8]) -> bool {
        packet.get(2) == Some(&PVC_SETUP)
    }

    /// Reads the packet.
    ///
    /// # Errors
    /// Another type or version, lengths that do not fit, channels and packet sizes that there
    /// cannot be.
    pub fn parse(packet: &'p [u8]) -> Result<Self, ParseError> {
        let Some((&fixed, names)) = packet.split_first_chunk::<FIXED>() else {
            return Err(ParseError::Truncated {
                what: "XOT PVC set-up",
                need: FIXED,
                have: packet.len(),
            });
        };
        let [
            _,
            _,
            kind,
            version,
            status,
            n,
            i0,
            i1,
            m,
            r0,
            r1,
            incoming_window,
            outgoing_window,
            incoming_size,
            outgoing_size,
        ] = fixed;
        if kind != PVC_SETUP || version != VERSION {
            return Err(ParseError::Invalid {
                what: "XOT PVC set-up type and version",
                value: u16::from_be_bytes([kind, version]).into(),
                expected: "0xf581",
            });
        }
        let length = ParseError::Length {
            what: "XOT PVC interface names",
            claimed: usize::from(n) + usize::from(m),
            have: names.len(),
        };
        let (initiator, responder) = names.split_at_checked(n.into()).ok_or(length)?;
        if responder.len() != usize::from(m) {
            return Err(length);
        }
        let channel = |octets| {
            let number = u16::from_be_bytes(octets);
            Lci::new(number).ok_or(ParseError::Invalid {
                what: "XOT PVC logical channel",
                value: number.into(),
                expected: "0 to 4095",
            })
        };
        let size = |log2| {
            PacketSize::from_log2(log2).ok_or(ParseError::Invalid {
                what: "XOT PVC packet size",
                value: log2.into(),
                expected: "4 to 12 (16 to 4096 octets)",
            })
        };
        Ok(Self {
            lci: Lci::of(packet).unwrap_or_default(),
            status: Status(status),
            initiator: End {
                interface: initiator,
                lci: channel([i0, i1])?,
            },
            responder: End {
                interface: responder,
                lci: channel([r0, r1])?,
            },
            incoming_window,
            outgoing_window,
            incoming_size: size(incoming_size)?,
            outgoing_size: size(outgoing_size)?,
        })
    }

    /// Writes the packet at the end of `octets`. Of names only the first 255 octets are written.
    pub fn append(&self, octets: &mut Vec<u8>) {
        let name = |end: &End<'p>| {
            let length = u8::try_from(end.interface.len()).unwrap_or(u8::MAX);
            let name = end.interface.get(..length.into()).unwrap_or_default();
            (length, name)
        };
        let [high, low] = self.lci.get().to_be_bytes();
        octets.extend_from_slice(&[0x10 | high, low, PVC_SETUP, VERSION, self.status.0]);
        for end in [&self.initiator, &self.responder] {
            let [high, low] = end.lci.get().to_be_bytes();
            octets.extend_from_slice(&[name(end).0, high, low]);
        }
        octets.extend_from_slice(&[
            self.incoming_window,
            self.outgoing_window,
            self.incoming_size.log2(),
            self.outgoing_size.log2(),
        ]);
        octets.extend_from_slice(name(&self.initiator).1);
        octets.extend_from_slice(name(&self.responder).1);
    }
}
