//! The header (RFC 2661 section 3.1).

use super::{VERSION, truncated};
use crate::ParseError;

/// A control message.
const CONTROL: u16 = 0x8000;
/// The length field is there.
const LENGTH: u16 = 0x4000;
/// Ns and Nr are there.
const SEQUENCE: u16 = 0x0800;
/// The offset size is there.
const OFFSET: u16 = 0x0200;
/// Should be preferred to others.
const PRIORITY: u16 = 0x0100;

/// Sequence numbers of a message; both count modulo 65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// This message's number.
    pub ns: u16,
    /// In control messages the number that the sender expects next; without meaning in data.
    pub nr: u16,
}

/// The header of a data message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataHeader {
    /// The message should be preferred to others in queues.
    pub priority: bool,
    /// The header says how long the message is.
    pub length: bool,
    /// The receiver's number of the tunnel.
    pub tunnel: u16,
    /// The receiver's number of the session.
    pub session: u16,
    /// The message is numbered.
    pub sequence: Option<Sequence>,
    /// Octets between the header and the payload; what they hold does not matter.
    pub offset: Option<u16>,
}

impl DataHeader {
    /// Octets of a header with nothing optional in it.
    pub const PLAIN_LEN: usize = 6;

    /// A header with nothing optional in it.
    #[must_use]
    pub const fn plain(tunnel: u16, session: u16) -> [u8; Self::PLAIN_LEN] {
        let ([t1, t0], [s1, s0]) = (tunnel.to_be_bytes(), session.to_be_bytes());
        [0, VERSION, t1, t0, s1, s0]
    }

    /// Reads a data message: its header and its payload, which may be empty. Reserved bits are
    /// ignored.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] and [`ParseError::Length`] when the header does not fit in the
    /// octets or in its own length; [`ParseError::Invalid`] for a control message and for other
    /// versions.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        if let [0, VERSION, t1, t0, s1, s0, payload @ ..] = octets {
            let header = Self {
                tunnel: u16::from_be_bytes([*t1, *t0]),
                session: u16::from_be_bytes([*s1, *s0]),
                ..Self::default()
            };
            return Ok((header, payload));
        }
        Self::parse_options(octets)
    }

    /// As [`DataHeader::parse`], with any flags.
    fn parse_options(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        const WHAT: &str = "L2TP data header";
        let (flags, rest) = flags(octets, WHAT)?;
        if flags & CONTROL != 0 {
            return Err(ParseError::Invalid {
                what: "L2TP flags of data",
                value: flags.into(),
                expected: "T clear",
            });
        }
        let mut rest = rest;
        let mut next = || -> Result<u16, ParseError> {
            let (&field, behind) = rest
                .split_first_chunk()
                .ok_or_else(|| truncated(WHAT, octets.len() + 2, octets))?;
            rest = behind;
            Ok(u16::from_be_bytes(field))
        };
        let length = if flags & LENGTH != 0 {
            Some(next()?)
        } else {
            None
        };
        let (tunnel, session) = (next()?, next()?);
        let sequence = if flags & SEQUENCE != 0 {
            Some(Sequence {
                ns: next()?,
                nr: next()?,
            })
        } else {
            None
        };
        let offset = if flags & OFFSET != 0 {
            Some(next()?)
        } else {
            None
        };
        let header = Self {
            priority: flags & PRIORITY != 0,
            length: length.is_some(),
            tunnel,
            session,
            sequence,
            offset,
        };
        let end = length.map_or(octets.len(), usize::from);
        let payload = octets.get(header.len()..end).ok_or(ParseError::Length {
            what: "L2TP data length",
            claimed: end,
            have: octets.len(),
        })?;
        Ok((header, payload))
    }

    /// Octets of the header, the offset's included.
    #[must_use]
    pub fn len(&self) -> usize {
        Self::PLAIN_LEN
            + if self.length { 2 } else { 0 }
            + self.sequence.map_or(0, |_| 4)
            + self.offset.map_or(0, |pad| 2 + usize::from(pad))
    }

    /// Never; a header has six octets at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Appends the header of a message with a payload of this many octets.
    ///
    /// # Errors
    /// [`ParseError::Length`] when the message has a length field and more than 65535 octets;
    /// nothing is appended.
    pub fn append(&self, payload: usize, message: &mut Vec<u8>) -> Result<(), ParseError> {
        let mut flags = u16::from(VERSION);
        let total = self.len() + payload;
        let length = u16::try_from(total).map_err(|_| ParseError::Length {
            what: "L2TP data length",
            claimed: u16::MAX.into(),
            have: total,
        });
        let set = |flag: u16, set: bool| if set { flag } else { 0 };
        flags |= set(LENGTH, self.length)
            | set(SEQUENCE, self.sequence.is_some())
            | set(OFFSET, self.offset.is_some())
            | set(PRIORITY, self.priority);
        let length = if self.length { Some(length?) } else { None };
        let mut put = |field: u16| message.extend_from_slice(&field.to_be_bytes());
        put(flags);
        if let Some(length) = length {
            put(length);
        }
        put(self.tunnel);
        put(self.session);
        if let Some(Sequence { ns, nr }) = self.sequence {
            put(ns);
            put(nr);
        }
        if let Some(pad) = self.offset {
            put(pad);
            message.resize(message.len() + usize::from(pad), 0);
        }
        Ok(())
    }
}

/// The header of a control message: T, L and S set, O and P clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlHeader {
    /// The receiver's number of the tunnel; 0 while the sender does not know it.
    pub tunnel: u16,
    /// The receiver's number of the session; 0 for what concerns the tunnel, and while the
    /// sender does not know it.
    pub session: u16,
    /// This message's number; that of the next one in a message without body.
    pub ns: u16,
    /// The number that the sender expects next.
    pub nr: u16,
}

impl ControlHeader {
    /// Octets of the header.
    pub const LEN: usize = 12;
    /// Its flags and version.
    const FLAGS: u16 = CONTROL | LENGTH | SEQUENCE | VERSION as u16;

    /// Reads a control message: its header and its AVPs, none in an acknowledgement (ZLB).
    /// What is behind its length is no part of it.
    ///
    /// # Errors
    /// [`ParseError::Invalid`] for flags that a control message cannot have, and for other
    /// versions; [`ParseError::Truncated`] and [`ParseError::Length`] for wrong lengths.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (found, _) = flags(octets, "L2TP control header")?;
        if found & (CONTROL | LENGTH | SEQUENCE | OFFSET | PRIORITY) != CONTROL | LENGTH | SEQUENCE
        {
            return Err(ParseError::Invalid {
                what: "L2TP flags of control",
                value: found.into(),
                expected: "T, L and S set, O and P clear",
            });
        }
        let Some((&[_, _, l1, l0, t1, t0, s1, s0, ns1, ns0, nr1, nr0], _)) =
            octets.split_first_chunk::<{ Self::LEN }>()
        else {
            return Err(truncated("L2TP control header", Self::LEN, octets));
        };
        let claimed = usize::from(u16::from_be_bytes([l1, l0]));
        let body = octets.get(Self::LEN..claimed).ok_or(ParseError::Length {
            what: "L2TP control length",
            claimed,
            have: octets.len(),
        })?;
        let header = Self {
            tunnel: u16::from_be_bytes([t1, t0]),
            session: u16::from_be_bytes([s1, s0]),
            ns: u16::from_be_bytes([ns1, ns0]),
            nr: u16::from_be_bytes([nr1, nr0]),
        };
        Ok((header, body))
    }

    /// The header of a message of this many octets, its own included.
    #[must_use]
    pub fn octets(&self, length: u16) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let fields = [
            Self::FLAGS,
            length,
            self.tunnel,
            self.session,
            self.ns,
            self.nr,
        ];
        for (place, field) in octets.chunks_exact_mut(2).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        octets
    }

    /// Puts other numbers into a message that begins with a header; one that does not is left
    /// alone.
    pub fn renumber(message: &mut [u8], ns: u16, nr: u16) {
        if let Some(field) = message.get_mut(8..10) {
            field.copy_from_slice(&ns.to_be_bytes());
        }
        if let Some(field) = message.get_mut(10..Self::LEN) {
            field.copy_from_slice(&nr.to_be_bytes());
        }
    }
}

/// A message of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    /// Of the control connection: the header and the AVPs.
    Control(ControlHeader, &'m [u8]),
    /// Of a session: the header and the payload.
    Data(DataHeader, &'m [u8]),
}

impl<'m> Message<'m> {
    /// Whether octets are a control message, if they are a message at all.
    #[must_use]
    #[inline]
    pub fn is_control(octets: &[u8]) -> bool {
        octets.first().is_some_and(|first| first & 0x80 != 0)
    }

    /// Reads a message.
    ///
    /// # Errors
    /// As [`DataHeader::parse`] and [`ControlHeader::parse`].
    pub fn parse(octets: &'m [u8]) -> Result<Self, ParseError> {
        if Self::is_control(octets) {
            ControlHeader::parse(octets).map(|(header, avps)| Self::Control(header, avps))
        } else {
            DataHeader::parse(octets).map(|(header, payload)| Self::Data(header, payload))
        }
    }
}

/// The first field, when its version is ours, and what follows it.
fn flags<'m>(octets: &'m [u8], what: &'static str) -> Result<(u16, &'m [u8]), ParseError> {
    let (&first, rest) = octets
        .split_first_chunk()
        .ok_or_else(|| truncated(what, DataHeader::PLAIN_LEN, octets))?;
    let flags = u16::from_be_bytes(first);
    if flags & 0xf == u16::from(VERSION) {
        return Ok((flags, rest));
    }
    Err(ParseError::Invalid {
        what: "L2TP version",
        value: (flags & 0xf).into(),
        expected: "2",
    })
}
