//! Messages between `wanpiped` and an application on the X.25 socket of a device.
//!
//! Every message of the socket (SOCK_SEQPACKET) is the [`Header`] of [`crate::api`] and what its
//! kind says behind it; where that has a protocol, there are cause and diagnostic code here. A
//! connection has one circuit, or listens; an incoming call that a listener is told of is
//! accepted on another connection, by its number. `man/x25api.7` has the same for people.
//! Parsing never panics.
//!
//! ```text
//! 0      1      2             4             6             8
//! +------+------+-------------+-------------+-------------+
//! | ver  | kind | flags       | channel     | length      |
//! +------+------+-------------+------+------+-------------+
//! | tag                       | cause| diag.| 0           |
//! +---------------------------+------+------+-------------+
//! | time: nanoseconds since 1970-01-01 00:00 UTC          |
//! +-------------------------------------------------------+
//! | `length` octets                                       |
//! ```

use std::fmt;

use crate::ParseError;
use crate::api::{self, Header, first, invalid};

mod call;
mod pattern;
mod status;
#[cfg(test)]
mod tests;

pub use crate::api::{HEADER, VERSION};
pub use call::Call;
pub use pattern::{Pattern, is_pattern};
pub use status::{State, Status};

/// The most octets behind a header.
pub const MAX_PAYLOAD: usize = 32 * 1024;
/// The most user data of an interrupt, octets.
pub const MAX_INTERRUPT: usize = 32;

/// Bits of [`Repr::flags`].
pub mod flags {
    /// Data: the Q bit, qualified data.
    pub const Q: u16 = 0x0001;
    /// Data: the D bit, delivery confirmation. Call, accept: it is to be used on the circuit.
    pub const D: u16 = 0x0002;
    /// Data: the M bit, more of the same message follows.
    pub const M: u16 = 0x0004;
    /// Data: the application wants to be told when the other end has acknowledged it.
    pub const ACK: u16 = 0x0100;
    /// Clear: only when the other end has acknowledged all data that were sent before; from the
    /// daemon, it had.
    pub const AFTER: u16 = 0x0200;
    /// Call, accept: the application says with [`super::Kind::Sent`] when data with D are
    /// delivered; else they are when it has them.
    pub const WITHHOLD: u16 = 0x0400;
    /// Every flag there is.
    pub const ALL: u16 = Q | D | M | ACK | AFTER | WITHHOLD;
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// User data of the circuit: from an application any number of octets, cut into packets; from
    /// the daemon a packet.
    Data,
    /// Asks for the status, without octets; or is the status: [`Status`] follows.
    Status,
    /// The address of this application, or a pattern of those that it listens for: text.
    Bind,
    /// Incoming calls are wanted: the first octets of their user data follow, none for any.
    Listen,
    /// Places a call; from the daemon, an incoming call, with a tag to accept it by. A [`Call`]
    /// follows.
    Call,
    /// Accepts the incoming call with this tag; from the daemon, the circuit is there. A [`Call`]
    /// follows, or from applications nothing.
    Accept,
    /// Clears the circuit, or the incoming call with this tag; from the daemon, it was cleared. A
    /// [`Call`] or nothing follows.
    Clear,
    /// Resets the circuit; from the daemon, it was reset.
    Reset,
    /// An interrupt: 1 to [`MAX_INTERRUPT`] octets follow.
    Interrupt,
    /// Confirms the interrupt of the other end.
    Confirm,
    /// Takes the permanent circuit of the channel in the header.
    Attach,
    /// The other end has acknowledged the data with this tag; from an application that withholds,
    /// the oldest data with D are delivered.
    Sent,
    /// The message with this tag was refused: [`Refused`] follows.
    Refused,
    /// What the message with this tag asked for is done.
    Done,
}

impl Kind {
    const ALL: [(Self, u8); 14] = [
        (Self::Data, 0x01),
        (Self::Status, 0x02),
        (Self::Bind, 0x03),
        (Self::Listen, 0x04),
        (Self::Call, 0x05),
        (Self::Accept, 0x06),
        (Self::Clear, 0x07),
        (Self::Reset, 0x08),
        (Self::Interrupt, 0x09),
        (Self::Confirm, 0x0a),
        (Self::Attach, 0x0b),
        (Self::Sent, 0x81),
        (Self::Refused, 0x82),
        (Self::Done, 0x84),
    ];

    /// Its number.
    pub fn number(self) -> u8 {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or(0, |(_, number)| *number)
    }

    /// The kind of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, other)| *other == number);
        found.map(|(kind, _)| *kind)
    }
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What the message is.
    pub kind: Kind,
    /// See [`flags`].
    pub flags: u16,
    /// The logical channel of the circuit, 0 while there is none. The daemon looks at it in
    /// [`Kind::Attach`] alone.
    pub channel: u16,
    /// Octets behind the header.
    pub length: u16,
    /// A number of the application's choice, returned in answers; that of an incoming call.
    pub tag: u32,
    /// The cause of a clear or a reset (X.25 tables 5-7 and 5-8), 0 in other messages.
    pub cause: u8,
    /// Its diagnostic code (X.25 annex E).
    pub diagnostic: u8,
    /// When the packet came in or the event happened, nanoseconds since 1970. The daemon does not
    /// look at it in what applications send.
    pub time_ns: u64,
}

impl Repr {
    /// A header of this kind with nothing else in it.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            flags: 0,
            channel: 0,
            length: 0,
            tag: 0,
            cause: 0,
            diagnostic: 0,
            time_ns: 0,
        }
    }

    /// The header and the octets behind it.
    ///
    /// # Errors
    /// Those of [`Header::parse`], and [`ParseError::Invalid`] for an unknown kind or flag.
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (header, payload) = Header::parse(message)?;
        let Some(kind) = Kind::from_number(header.kind) else {
            let expected = "01 to 0b, 81, 82 or 84";
            return Err(invalid("X.25 API kind", header.kind.into(), expected));
        };
        if header.flags & !flags::ALL != 0 {
            let expected = "0001 Q, 0002 D, 0004 M, 0100 ACK, 0200 AFTER and 0400 WITHHOLD";
            return Err(invalid("X.25 API flags", header.flags, expected));
        }
        let [cause, diagnostic] = header.protocol.to_be_bytes();
        let repr = Self {
            kind,
            flags: header.flags,
            channel: header.channel,
            length: header.length,
            tag: header.tag,
            cause,
            diagnostic,
            time_ns: header.time_ns,
        };
        Ok((repr, payload))
    }

    /// The octets of the header.
    pub fn octets(&self) -> [u8; HEADER] {
        let header = Header {
            kind: self.kind.number(),
            flags: self.flags,
            channel: self.channel,
            length: self.length,
            tag: self.tag,
            protocol: u16::from_be_bytes([self.cause, self.diagnostic]),
            time_ns: self.time_ns,
        };
        header.octets()
    }

    /// A whole message; the length is that of the payload, of which what is longer than
    /// [`u16::MAX`] is left out.
    pub fn message(&self, payload: &[u8]) -> Vec<u8> {
        let payload = payload.get(..u16::MAX.into()).unwrap_or(payload);
        let header = Self {
            length: payload.len() as u16,
            ..*self
        };
        [&header.octets(), payload].concat()
    }
}

/// Why the daemon refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The header or what follows it is wrong, or it is a message that only the daemon sends.
    Malformed,
    /// The link is down.
    LinkDown,
    /// Nothing that this connection may ask for in its state.
    State,
    /// Longer than the limit.
    TooLong,
    /// A facility, an address or user data that cannot be had.
    Unsupported,
    /// Another application listens for just this, or has the circuit.
    Busy,
    /// No logical channel is free.
    NoChannel,
    /// There is no incoming call with this tag any more, or no such permanent circuit.
    Absent,
    /// More applications or calls than the daemon has room for.
    Limit,
    /// A reset came before the other end had acknowledged it.
    Lost,
    /// A number that this version does not know.
    Other(u16),
}

impl Reason {
    const ALL: [(Self, u16, &'static str); 10] = [
        (Self::Malformed, 1, "the message is malformed"),
        (Self::LinkDown, 2, "the link is down"),
        (Self::State, 3, "not in this state of the connection"),
        (Self::TooLong, 4, "too long"),
        (
            Self::Unsupported,
            5,
            "a facility, address or user data that cannot be had",
        ),
        (Self::Busy, 6, "another application has it"),
        (Self::NoChannel, 7, "no logical channel is free"),
        (Self::Absent, 8, "there is no such call or circuit"),
        (Self::Limit, 9, "too many applications or calls"),
        (Self::Lost, 10, "lost with a reset"),
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::ALL.iter().find(|(reason, ..)| reason == self) {
            Some((.., text)) => f.write_str(text),
            None => write!(f, "reason {}", u16::from(*self)),
        }
    }
}

impl From<u16> for Reason {
    fn from(number: u16) -> Self {
        let found = Self::ALL.iter().find(|(_, other, _)| *other == number);
        found.map_or(Self::Other(number), |(reason, ..)| *reason)
    }
}

impl From<Reason> for u16 {
    fn from(reason: Reason) -> Self {
        if let Reason::Other(number) = reason {
            return number;
        }
        let found = Reason::ALL.iter().find(|(other, ..)| *other == reason);
        found.map_or(0, |(_, number, _)| *number)
    }
}

/// What follows [`Kind::Refused`]: the reason (2 octets), 2 octets of 0, the limit (4 octets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// With [`Reason::TooLong`] the longest payload, octets; with [`Reason::Limit`] how many there
    /// may be; else 0.
    pub limit: u32,
}

impl Refused {
    /// Octets of it.
    pub const LEN: usize = api::Refused::LEN;

    /// Reads it. Octets behind it are those of a later version.
    ///
    /// # Errors
    /// [`ParseError::Truncated`].
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let &[r1, r0, _, _, l3, l2, l1, l0]: &[u8; Self::LEN] = first(payload, "X.25 API refusal")?;
        Ok(Self {
            reason: u16::from_be_bytes([r1, r0]).into(),
            limit: u32::from_be_bytes([l3, l2, l1, l0]),
        })
    }

    /// Its octets.
    pub fn octets(&self) -> [u8; Self::LEN] {
        let [r1, r0] = u16::from(self.reason).to_be_bytes();
        let [l3, l2, l1, l0] = self.limit.to_be_bytes();
        [r1, r0, 0, 0, l3, l2, l1, l0]
    }
}

/// Fuzz entry: a message that parses is written back octet for octet, and so is what follows; a
/// pattern matches what it is made of.
pub fn fuzz_x25api(octets: &[u8]) {
    let Ok((repr, payload)) = Repr::parse(octets) else {
        // A wrong message is answered with its tag.
        let _ = Header::tag_of(octets);
        return;
    };
    assert_eq!(octets, repr.message(payload));
    assert_eq!(repr.tag, Header::tag_of(octets));
    if let Ok(status) = Status::parse(payload) {
        assert_eq!(Status::parse(&status.octets()), Ok(status));
    }
    if let Ok(refused) = Refused::parse(payload) {
        assert_eq!(Refused::parse(&refused.octets()), Ok(refused));
    }
    if let Ok(call) = Call::parse(payload) {
        assert_eq!(call.octets(), payload);
    }
    if let Some(pattern) = Pattern::parse(payload) {
        let digits = pattern.as_str().replace(['*', '?'], "7");
        assert!(pattern.matches(&digits));
        assert!(pattern.digits() <= pattern.as_str().len());
    }
}
