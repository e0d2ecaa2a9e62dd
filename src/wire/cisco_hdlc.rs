//! Cisco HDLC framing and its Serial Line Address Resolution Protocol (SLARP).
//!
//! No standard describes them; the formats are those that Cisco routers and the
//! Linux kernel's `hdlc_cisco` speak. All fields are big-endian. Frames are
//! taken without the HDLC flags and FCS.
//!
//! ```text
//! address (0F or 8F) | control (00) | protocol, 2 octets | payload
//! SLARP payload:
//!   code, 4 | address or own sequence, 4 | mask or last sequence heard, 4
//!   | reliability, 2 | milliseconds since start, 4 | padding, 0 or 2
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use crate::ParseError;

/// Address octet of a frame for the far end.
pub const UNICAST: u8 = 0x0f;
/// Address octet of a broadcast frame; SLARP uses it.
pub const BROADCAST: u8 = 0x8f;
/// The only control octet.
pub const CONTROL: u8 = 0x00;
/// The reliability that everybody sends.
pub const RELIABILITY: u16 = 0xffff;

/// What a frame carries: an Ethernet type, or one of Cisco's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// IPv4, 0800.
    Ipv4,
    /// IPv6, 86DD.
    Ipv6,
    /// SLARP, 8035 (Ethernet's number for RARP).
    Slarp,
    /// Cisco Discovery Protocol, 2000.
    Cdp,
    /// IPX, 8137.
    Ipx,
    /// Any other number.
    Other(u16),
}

impl From<u16> for Protocol {
    fn from(number: u16) -> Self {
        match number {
            0x0800 => Self::Ipv4,
            0x86dd => Self::Ipv6,
            0x8035 => Self::Slarp,
            0x2000 => Self::Cdp,
            0x8137 => Self::Ipx,
            other => Self::Other(other),
        }
    }
}

impl From<Protocol> for u16 {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Ipv4 => 0x0800,
            Protocol::Ipv6 => 0x86dd,
            Protocol::Slarp => 0x8035,
            Protocol::Cdp => 0x2000,
            Protocol::Ipx => 0x8137,
            Protocol::Other(number) => number,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4 => f.write_str("IPv4"),
            Self::Ipv6 => f.write_str("IPv6"),
            Self::Slarp => f.write_str("SLARP"),
            Self::Cdp => f.write_str("CDP"),
            Self::Ipx => f.write_str("IPX"),
            Self::Other(number) => write!(f, "protocol {number:04x}"),
        }
    }
}

/// A frame whose header is there. Address and control may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    header: &'f [u8; FrameRepr::LEN],
    payload: &'f [u8],
}

impl<'f> Frame<'f> {
    /// Octets before the payload.
    pub const HEADER: usize = FrameRepr::LEN;

    /// Checks the length.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below four octets.
    pub fn parse(octets: &'f [u8]) -> Result<Self, ParseError> {
        let (header, payload) = octets
            .split_first_chunk()
            .ok_or_else(|| truncated("Cisco HDLC header", Self::HEADER, octets))?;
        Ok(Self { header, payload })
    }

    /// The address octet: [`UNICAST`], [`BROADCAST`], or wrong.
    #[must_use]
    pub fn address(&self) -> u8 {
        self.header[0]
    }

    /// The control octet: [`CONTROL`], or wrong.
    #[must_use]
    pub fn control(&self) -> u8 {
        self.header[1]
    }

    /// What the payload is.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        Protocol::from(u16::from_be_bytes([self.header[2], self.header[3]]))
    }

    /// Everything behind the header.
    #[must_use]
    pub fn payload(&self) -> &'f [u8] {
        self.payload
    }
}

/// A correct header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRepr {
    /// Whether the frame is broadcast ([`BROADCAST`]) or for the far end ([`UNICAST`]).
    pub broadcast: bool,
    /// What the payload is.
    pub protocol: Protocol,
}

impl FrameRepr {
    /// Octets of the header.
    pub const LEN: usize = 4;

    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`ParseError::Invalid`] for another address than 0F and 8F and another control than 0.
    pub fn parse(frame: &Frame<'_>) -> Result<Self, ParseError> {
        let broadcast = match frame.address() {
            UNICAST => false,
            BROADCAST => true,
            other => {
                return Err(ParseError::Invalid {
                    what: "Cisco HDLC address",
                    value: other.into(),
                    expected: "0x0f or 0x8f",
                });
            }
        };
        if frame.control() != CONTROL {
            return Err(ParseError::Invalid {
                what: "Cisco HDLC control",
                value: frame.control().into(),
                expected: "0",
            });
        }
        Ok(Self {
            broadcast,
            protocol: frame.protocol(),
        })
    }

    /// The header.
    #[must_use]
    pub fn octets(&self) -> [u8; Self::LEN] {
        let address = if self.broadcast { BROADCAST } else { UNICAST };
        let [high, low] = u16::from(self.protocol).to_be_bytes();
        [address, CONTROL, high, low]
    }

    /// Writes the header over the first octets of a frame.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when there is no room.
    pub fn emit(&self, octets: &mut [u8]) -> Result<(), ParseError> {
        write("Cisco HDLC header", &self.octets(), octets)
    }
}

impl fmt::Display for FrameRepr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cast = if self.broadcast {
            "broadcast"
        } else {
            "unicast"
        };
        write!(f, "Cisco HDLC {cast}, {}", self.protocol)
    }
}

/// A SLARP packet of a correct length. The code may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slarp<'f> {
    octets: &'f [u8; SlarpRepr::LEN],
}

impl<'f> Slarp<'f> {
    /// Octets that everybody sends.
    pub const LEN: usize = SlarpRepr::LEN;
    /// Octets with padding that some peers send.
    pub const PADDED_LEN: usize = 20;

    /// Checks the length: 18 octets, or 20 with two octets of padding.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below 18 octets, [`ParseError::Length`] for other lengths.
    pub fn parse(octets: &'f [u8]) -> Result<Self, ParseError> {
        let (octets, padding) = octets
            .split_first_chunk()
            .ok_or_else(|| truncated("SLARP packet", Self::LEN, octets))?;
        match padding.len() {
            0 | 2 => Ok(Self { octets }),
            more => Err(ParseError::Length {
                what: "SLARP packet of 18 or 20 octets",
                claimed: Self::LEN,
                have: Self::LEN + more,
            }),
        }
    }

    /// What the packet says: 0 request, 1 reply, 2 keepalive.
    #[must_use]
    pub fn code(&self) -> u32 {
        self.u32_at(0)
    }

    /// The address of a request or reply, or a keepalive's own sequence.
    #[must_use]
    pub fn first(&self) -> u32 {
        self.u32_at(4)
    }

    /// The mask of a request or reply, or the sequence a keepalive's sender heard last.
    #[must_use]
    pub fn second(&self) -> u32 {
        self.u32_at(8)
    }

    /// The reliability; FFFF in practice.
    #[must_use]
    pub fn reliability(&self) -> u16 {
        u16::from_be_bytes([self.octets[12], self.octets[13]])
    }

    /// Milliseconds since the sender started; wraps after 49 days.
    #[must_use]
    pub fn uptime_ms(&self) -> u32 {
        self.u32_at(14)
    }

    /// `at` is one of this type's constants, at most 14.
    fn u32_at(&self, at: usize) -> u32 {
        let o = self.octets;
        u32::from_be_bytes([o[at], o[at + 1], o[at + 2], o[at + 3]])
    }
}

/// What a SLARP packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlarpMessage {
    /// "What is my address?" Both fields are unspecified (0) by habit.
    Request {
        /// The sender's address, if it has one.
        address: Ipv4Addr,
        /// Its mask.
        mask: Ipv4Addr,
    },
    /// "Mine is this one", from which the receiver derives its own.
    Reply {
        /// The sender's address.
        address: Ipv4Addr,
        /// Its mask.
        mask: Ipv4Addr,
    },
    /// "I am here, and this is what I heard of you."
    Keepalive {
        /// The sender's sequence.
        sequence: u32,
        /// The last sequence it heard; 0 when none.
        last_received: u32,
    },
}

/// A correct SLARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlarpRepr {
    /// What it says.
    pub message: SlarpMessage,
    /// [`RELIABILITY`] in practice.
    pub reliability: u16,
    /// Milliseconds since the sender started; wraps after 49 days.
    pub uptime_ms: u32,
}

impl SlarpRepr {
    /// Octets of a packet that is sent.
    pub const LEN: usize = 18;

    /// Reads and checks the packet.
    ///
    /// # Errors
    /// [`ParseError::Invalid`] for an unknown code.
    pub fn parse(slarp: &Slarp<'_>) -> Result<Self, ParseError> {
        let message = match slarp.code() {
            0 => SlarpMessage::Request {
                address: slarp.first().into(),
                mask: slarp.second().into(),
            },
            1 => SlarpMessage::Reply {
                address: slarp.first().into(),
                mask: slarp.second().into(),
            },
            2 => SlarpMessage::Keepalive {
                sequence: slarp.first(),
                last_received: slarp.second(),
            },
            other => {
                return Err(ParseError::Invalid {
                    what: "SLARP code",
                    value: other.into(),
                    expected: "0 (request), 1 (reply) or 2 (keepalive)",
                });
            }
        };
        Ok(Self {
            message,
            reliability: slarp.reliability(),
            uptime_ms: slarp.uptime_ms(),
        })
    }

    /// The packet.
    #[must_use]
    pub fn octets(&self) -> [u8; Self::LEN] {
        let (code, first, second): (u32, u32, u32) = match self.message {
            SlarpMessage::Request { address, mask } => (0, address.into(), mask.into()),
            SlarpMessage::Reply { address, mask } => (1, address.into(), mask.into()),
            SlarpMessage::Keepalive {
                sequence,
                last_received,
            } => (2, sequence, last_received),
        };
        let mut octets = [0; Self::LEN];
        octets[0..4].copy_from_slice(&code.to_be_bytes());
        octets[4..8].copy_from_slice(&first.to_be_bytes());
        octets[8..12].copy_from_slice(&second.to_be_bytes());
        octets[12..14].copy_from_slice(&self.reliability.to_be_bytes());
        octets[14..18].copy_from_slice(&self.uptime_ms.to_be_bytes());
        octets
    }

    /// Writes the packet over the first octets of a payload.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when there is no room.
    pub fn emit(&self, octets: &mut [u8]) -> Result<(), ParseError> {
        write("SLARP packet", &self.octets(), octets)
    }
}

impl fmt::Display for SlarpRepr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            SlarpMessage::Request { .. } => f.write_str("SLARP request")?,
            SlarpMessage::Reply { address, mask } => {
                write!(f, "SLARP reply, address {address}, mask {mask}")?;
            }
            SlarpMessage::Keepalive {
                sequence,
                last_received,
            } => {
                write!(
                    f,
                    "SLARP keepalive, sequence {sequence}, last received {last_received}"
                )?;
            }
        }
        write!(f, ", up {} ms", self.uptime_ms)
    }
}

fn truncated(what: &'static str, need: usize, octets: &[u8]) -> ParseError {
    ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    }
}

fn write(what: &'static str, from: &[u8], to: &mut [u8]) -> Result<(), ParseError> {
    let have = to.len();
    to.get_mut(..from.len())
        .ok_or(ParseError::Truncated {
            what,
            need: from.len(),
            have,
        })?
        .copy_from_slice(from);
    Ok(())
}

/// Any octets: a frame and a SLARP packet that are accepted are written again
/// as they were, and nothing is lost or made up. For fuzzing and replayed tests.
pub fn fuzz_cisco_hdlc(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else {
        assert!(octets.len() < Frame::HEADER);
        return;
    };
    assert_eq!(frame.payload().len() + Frame::HEADER, octets.len());
    match FrameRepr::parse(&frame) {
        Ok(repr) => {
            assert_eq!(octets.get(..FrameRepr::LEN), Some(&repr.octets()[..]));
        }
        Err(_) => assert!(
            frame.control() != CONTROL || (frame.address() | 0x80) != BROADCAST,
            "a correct header was refused"
        ),
    }
    let Ok(slarp) = Slarp::parse(frame.payload()) else {
        assert!(![Slarp::LEN, Slarp::PADDED_LEN].contains(&frame.payload().len()));
        return;
    };
    match SlarpRepr::parse(&slarp) {
        Ok(repr) => {
            assert_eq!(
                frame.payload().get(..SlarpRepr::LEN),
                Some(&repr.octets()[..])
            );
            assert!(!repr.to_string().is_empty());
        }
        Err(_) => assert!(slarp.code() > 2, "a correct code was refused"),
    }
}

#[cfg(test)]
mod tests;
