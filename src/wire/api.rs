//! Messages between `wanpiped` and an application on the socket of an interface used as API.
//!
//! Every message of the socket (SOCK_SEQPACKET) is a header of [`HEADER`] octets and what its
//! kind says behind it. Numbers are in network byte order. `man/wanapi.7` has the same for
//! people. Parsing never panics.
//!
//! ```text
//! 0      1      2             4             6             8
//! +------+------+-------------+-------------+-------------+
//! | ver  | kind | flags       | DLCI        | length      |
//! +------+------+-------------+-------------+-------------+
//! | tag                       | protocol    | 0           |
//! +---------------------------+-------------+-------------+
//! | time: nanoseconds since 1970-01-01 00:00 UTC          |
//! +-------------------------------------------------------+
//! | `length` octets                                       |
//! ```

use crate::ParseError;

/// Octets of the header.
pub const HEADER: usize = 24;
/// The version of these messages.
pub const VERSION: u8 = 1;

/// Bits of [`Repr::flags`].
pub mod flags {
    /// Forward explicit congestion notification.
    pub const FECN: u16 = 0x0001;
    /// Backward explicit congestion notification.
    pub const BECN: u16 = 0x0002;
    /// Discard eligible.
    pub const DE: u16 = 0x0004;
    /// The command/response bit.
    pub const CR: u16 = 0x0008;
    /// A break is behind these characters.
    pub const BREAK: u16 = 0x0010;
    /// The application wants to be told when the line has this frame.
    pub const ACK: u16 = 0x0100;
    /// Every flag there is.
    pub const ALL: u16 = FECN | BECN | DE | CR | BREAK | ACK;
}

/// What a message is. The upper half of the numbers is for messages of the daemon alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A frame: from the line, or for it. Its octets follow; with [`flags::BREAK`] there may be
    /// none.
    Data,
    /// Asks for the status, without octets; or is the status: [`Status`] follows.
    Status,
    /// The line has the frame with this tag. Nothing follows.
    Sent,
    /// The message with this tag was refused: [`Refused`] follows.
    Refused,
    /// Frames from the line are missing at this place: their number follows, 8 octets.
    Lost,
}

impl Kind {
    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 0x01,
            Self::Status => 0x02,
            Self::Sent => 0x81,
            Self::Refused => 0x82,
            Self::Lost => 0x83,
        }
    }

    /// The kind of this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0x01 => Self::Data,
            0x02 => Self::Status,
            0x81 => Self::Sent,
            0x82 => Self::Refused,
            0x83 => Self::Lost,
            _ => return None,
        })
    }
}

/// The fields of a header, whatever its kinds and flags are: those of this socket, or of the one
/// for X.25 circuits ([`crate::x25api`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub kind: u8,
    /// Its flags.
    pub flags: u16,
    /// A channel of the line.
    pub channel: u16,
    /// Octets behind the header.
    pub length: u16,
    /// What answers are known by.
    pub tag: u32,
    /// What the channel's protocol says of the message.
    pub protocol: u16,
    /// Nanoseconds since 1970.
    pub time_ns: u64,
}

impl Header {
    /// The header and the octets behind it. Kinds and flags are not looked at.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below [`HEADER`] octets, [`ParseError::Invalid`] for another
    /// version or a spare field that is not 0, [`ParseError::Length`] when the length is not that
    /// of the message.
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let Some((header, payload)) = message.split_first_chunk::<HEADER>() else {
            return Err(ParseError::Truncated {
                what: "API header",
                need: HEADER,
                have: message.len(),
            });
        };
        let &[
            version,
            kind,
            f1,
            f0,
            c1,
            c0,
            l1,
            l0,
            t3,
            t2,
            t1,
            t0,
            p1,
            p0,
            s1,
            s0,
            ref time @ ..,
        ] = header;
        if version != VERSION {
            return Err(invalid("API version", version.into(), "1"));
        }
        let spare = u16::from_be_bytes([s1, s0]);
        if spare != 0 {
            return Err(invalid("API spare field", spare, "0"));
        }
        let length = u16::from_be_bytes([l1, l0]);
        if usize::from(length) != payload.len() {
            return Err(ParseError::Length {
                what: "API length",
                claimed: length.into(),
                have: payload.len(),
            });
        }
        let header = Self {
            kind,
            flags: u16::from_be_bytes([f1, f0]),
            channel: u16::from_be_bytes([c1, c0]),
            length,
            tag: u32::from_be_bytes([t3, t2, t1, t0]),
            protocol: u16::from_be_bytes([p1, p0]),
            time_ns: u64::from_be_bytes(*time),
        };
        Ok((header, payload))
    }

    /// The tag of a message that was not understood, as far as it can be told.
    pub fn tag_of(message: &[u8]) -> u32 {
        let tag = message.get(8..12).and_then(|octets| octets.first_chunk());
        tag.map_or(0, |octets| u32::from_be_bytes(*octets))
    }

    /// Its octets.
    pub fn octets(&self) -> [u8; HEADER] {
        let [f1, f0] = self.flags.to_be_bytes();
        let [c1, c0] = self.channel.to_be_bytes();
        let [l1, l0] = self.length.to_be_bytes();
        let [t3, t2, t1, t0] = self.tag.to_be_bytes();
        let [p1, p0] = self.protocol.to_be_bytes();
        let [n7, n6, n5, n4, n3, n2, n1, n0] = self.time_ns.to_be_bytes();
        [
            VERSION, self.kind, f1, f0, c1, c0, l1, l0, t3, t2, t1, t0, p1, p0, 0, 0, n7, n6, n5,
            n4, n3, n2, n1, n0,
        ]
    }
}

pub(crate) fn invalid(what: &'static str, value: u16, expected: &'static str) -> ParseError {
    ParseError::Invalid {
        what,
        value: value.into(),
        expected,
    }
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What the message is.
    pub kind: Kind,
    /// See [`flags`].
    pub flags: u16,
    /// The DLCI of a Frame Relay channel; 0 elsewhere. The daemon does not look at it in what
    /// applications send.
    pub dlci: u16,
    /// Octets behind the header.
    pub length: u16,
    /// A number of the application's choice, returned in [`Kind::Sent`], [`Kind::Refused`] and
    /// the answer to a question for the status. 0 in everything that answers nothing.
    pub tag: u32,
    /// The type of a Cisco HDLC frame; 0 elsewhere.
    pub protocol: u16,
    /// When the frame came in or the event happened, nanoseconds since 1970. The daemon does not
    /// look at it in what applications send.
    pub time_ns: u64,
}

impl Repr {
    /// A header of this kind with nothing else in it.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            flags: 0,
            dlci: 0,
            length: 0,
            tag: 0,
            protocol: 0,
            time_ns: 0,
        }
    }

    /// The header and the octets behind it.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below [`HEADER`] octets, [`ParseError::Invalid`] for another
    /// version, an unknown kind or flag, or a spare field that is not 0, [`ParseError::Length`]
    /// when the length is not that of the message.
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (header, payload) = Header::parse(message)?;
        let Some(kind) = Kind::from_number(header.kind) else {
            let expected = "01 data, 02 status, 81 sent, 82 refused or 83 lost";
            return Err(invalid("API kind", header.kind.into(), expected));
        };
        if header.flags & !flags::ALL != 0 {
            let expected = "0001 FECN, 0002 BECN, 0004 DE, 0008 CR, 0010 BREAK and 0100 ACK";
            return Err(invalid("API flags", header.flags, expected));
        }
        let repr = Self {
            kind,
            flags: header.flags,
            dlci: header.channel,
            length: header.length,
            tag: header.tag,
            protocol: header.protocol,
            time_ns: header.time_ns,
        };
        Ok((repr, payload))
    }

    /// The tag of a message that was not understood, as far as it can be told.
    pub fn tag_of(message: &[u8]) -> u32 {
        Header::tag_of(message)
    }

    /// The octets of the header.
    pub fn octets(&self) -> [u8; HEADER] {
        let header = Header {
            kind: self.kind.number(),
            flags: self.flags,
            channel: self.dlci,
            length: self.length,
            tag: self.tag,
            protocol: self.protocol,
            time_ns: self.time_ns,
        };
        header.octets()
    }
}

/// Why the daemon refused a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The header is wrong, the message is empty, or it is one that only the daemon sends.
    Malformed,
    /// The link is down.
    LinkDown,
    /// The channel is down.
    ChannelDown,
    /// Longer than the limit.
    TooLong,
    /// The channel does not carry it: a Cisco HDLC type that is the protocol's own, a break on
    /// what is no serial port.
    Unsupported,
    /// The line failed before it had the frame.
    LineLost,
    /// Another application has the interface. The connection ends.
    Busy,
    /// A number that this version does not know.
    Other(u16),
}

impl From<u16> for Reason {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::Malformed,
            2 => Self::LinkDown,
            3 => Self::ChannelDown,
            4 => Self::TooLong,
            5 => Self::Unsupported,
            6 => Self::LineLost,
            7 => Self::Busy,
            other => Self::Other(other),
        }
    }
}

impl From<Reason> for u16 {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Malformed => 1,
            Reason::LinkDown => 2,
            Reason::ChannelDown => 3,
            Reason::TooLong => 4,
            Reason::Unsupported => 5,
            Reason::LineLost => 6,
            Reason::Busy => 7,
            Reason::Other(other) => other,
        }
    }
}

/// What follows [`Kind::Refused`]: the reason (2 octets), 2 octets of 0, the limit (4 octets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// With [`Reason::TooLong`] the longest payload, octets; else 0.
    pub limit: u32,
}

impl Refused {
    /// Octets of it.
    pub const LEN: usize = 8;

    /// Reads it. Octets behind it are those of a later version.
    ///
    /// # Errors
    /// [`ParseError::Truncated`].
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let &[r1, r0, _, _, l3, l2, l1, l0] = first(payload, "API refusal")?;
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

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// What follows the Q.922 address.
    FrameRelay,
    /// Whole HDLC frames without FCS.
    Hdlc,
    /// What follows the header of a Cisco HDLC frame; its type is in [`Repr::protocol`].
    CiscoHdlc,
    /// Characters of an asynchronous line: a piece of them.
    Characters,
    /// Whole messages of an X.25 circuit: what its packets carry, M sequences put together.
    X25,
    /// A number that this version does not know.
    Other(u8),
}

impl From<u8> for Content {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::FrameRelay,
            2 => Self::Hdlc,
            3 => Self::CiscoHdlc,
            4 => Self::Characters,
            5 => Self::X25,
            other => Self::Other(other),
        }
    }
}

impl From<Content> for u8 {
    fn from(content: Content) -> Self {
        match content {
            Content::FrameRelay => 1,
            Content::Hdlc => 2,
            Content::CiscoHdlc => 3,
            Content::Characters => 4,
            Content::X25 => 5,
            Content::Other(other) => other,
        }
    }
}

/// What follows [`Kind::Status`] from the daemon, each after the other: link up, channel up,
/// content, 0 (1 octet each), the longest payload (4 octets), and six counters of 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The protocol is up.
    pub link_up: bool,
    /// The channel carries frames.
    pub channel_up: bool,
    /// What the frames are.
    pub content: Content,
    /// The longest payload that may be sent, octets.
    pub limit: u32,
    /// Frames given to applications.
    pub rx_frames: u64,
    /// Their octets.
    pub rx_octets: u64,
    /// Frames dropped because the application was slow.
    pub rx_lost: u64,
    /// Frames given to the line.
    pub tx_frames: u64,
    /// Their octets.
    pub tx_octets: u64,
    /// Messages refused.
    pub tx_refused: u64,
}

impl Status {
    /// Octets of it.
    pub const LEN: usize = 56;

    /// Reads it. Octets behind it are those of a later version.
    ///
    /// # Errors
    /// [`ParseError::Truncated`].
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let octets: &[u8; Self::LEN] = first(payload, "API status")?;
        let &[link, channel, content, _, l3, l2, l1, l0, ref counters @ ..] = octets;
        let mut counters = counters.as_chunks().0.iter().copied();
        let mut next = || counters.next().map_or(0, u64::from_be_bytes);
        Ok(Self {
            link_up: link != 0,
            channel_up: channel != 0,
            content: content.into(),
            limit: u32::from_be_bytes([l3, l2, l1, l0]),
            rx_frames: next(),
            rx_octets: next(),
            rx_lost: next(),
            tx_frames: next(),
            tx_octets: next(),
            tx_refused: next(),
        })
    }

    /// Its octets.
    pub fn octets(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let (head, counters) = octets.split_at_mut(8);
        let [l3, l2, l1, l0] = self.limit.to_be_bytes();
        head.copy_from_slice(&[
            self.link_up.into(),
            self.channel_up.into(),
            self.content.into(),
            0,
            l3,
            l2,
            l1,
            l0,
        ]);
        let values = [
            self.rx_frames,
            self.rx_octets,
            self.rx_lost,
            self.tx_frames,
            self.tx_octets,
            self.tx_refused,
        ];
        for (place, value) in counters.as_chunks_mut().0.iter_mut().zip(values) {
            *place = value.to_be_bytes();
        }
        octets
    }
}

/// Reads the number that follows [`Kind::Lost`].
///
/// # Errors
/// [`ParseError::Truncated`].
pub fn parse_lost(payload: &[u8]) -> Result<u64, ParseError> {
    first(payload, "API loss").map(|octets| u64::from_be_bytes(*octets))
}

pub(crate) fn first<'p, const N: usize>(
    payload: &'p [u8],
    what: &'static str,
) -> Result<&'p [u8; N], ParseError> {
    payload.first_chunk().ok_or(ParseError::Truncated {
        what,
        need: N,
        have: payload.len(),
    })
}

/// Fuzz entry: a message that parses is written back octet for octet, and so is what follows.
pub fn fuzz_api(octets: &[u8]) {
    let Ok((repr, payload)) = Repr::parse(octets) else {
        // A wrong message is answered with its tag.
        let _ = Repr::tag_of(octets);
        return;
    };
    assert_eq!(octets.get(..HEADER), Some(&repr.octets()[..]));
    assert_eq!(payload.len(), usize::from(repr.length));
    assert_eq!(repr.tag, Repr::tag_of(octets));
    if let Ok(status) = Status::parse(payload) {
        assert_eq!(Status::parse(&status.octets()), Ok(status));
    }
    if let Ok(refused) = Refused::parse(payload) {
        assert_eq!(Refused::parse(&refused.octets()), Ok(refused));
    }
    let _ = parse_lost(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As in man/wanapi.7.
    #[test]
    fn the_documented_message() {
        let message = [
            1, 1, 0x01, 0x04, 0, 16, 0, 3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x9a, 0xca, 0,
            0xaa, 0xbb, 0xcc,
        ];
        let (repr, payload) = Repr::parse(&message).unwrap();
        let expected = Repr {
            flags: flags::DE | flags::ACK,
            dlci: 16,
            length: 3,
            tag: 7,
            time_ns: 1_000_000_000,
            ..Repr::new(Kind::Data)
        };
        assert_eq!((repr, payload), (expected, &[0xaa, 0xbb, 0xcc][..]));
        assert_eq!(repr.octets(), message[..HEADER]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let right = Repr::new(Kind::Data).octets();
        let wrong = |place: usize, octet: u8| {
            let mut message = right;
            message[place] = octet;
            Repr::parse(&message).unwrap_err().to_string()
        };
        assert_eq!(wrong(0, 2), "API version: 0x2 where 1 is expected");
        assert!(wrong(1, 3).starts_with("API kind: 0x3"));
        assert!(wrong(2, 2).starts_with("API flags: 0x200"));
        assert_eq!(wrong(7, 1), "API length: claims 1 octets, 0 are there");
        assert_eq!(wrong(15, 1), "API spare field: 0x1 where 0 is expected");
        let cut = Repr::parse(&right[..23]).unwrap_err().to_string();
        assert_eq!(cut, "API header: 23 octets where 24 are needed");
        assert_eq!(Repr::tag_of(&[1; 12]), 0x0101_0101);
        assert_eq!(Repr::tag_of(&[1; 11]), 0);
    }

    #[test]
    fn numbers_there_and_back() {
        for number in 0..=u8::MAX {
            assert_eq!(u8::from(Content::from(number)), number);
            if let Some(kind) = Kind::from_number(number) {
                assert_eq!(kind.number(), number);
            }
        }
        for number in 0..=u16::MAX {
            assert_eq!(u16::from(Reason::from(number)), number);
        }
        assert_eq!(parse_lost(&[0, 0, 0, 0, 0, 0, 1, 2, 9]), Ok(258));
        assert!(parse_lost(&[0; 7]).is_err());
        assert!(Refused::parse(&[0; 7]).is_err());
        assert!(Status::parse(&[0; 55]).is_err());
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(
            kind in prop_oneof![
                Just(Kind::Data), Just(Kind::Status), Just(Kind::Sent), Just(Kind::Refused), Just(Kind::Lost)
            ],
            flags: u16, dlci: u16, tag: u32, protocol: u16, time_ns: u64,
            payload in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let repr = Repr {
                kind, flags: flags & flags::ALL, dlci, length: payload.len() as u16, tag, protocol, time_ns,
            };
            let message = [&repr.octets()[..], &payload].concat();
            prop_assert_eq!(Repr::parse(&message), Ok((repr, &payload[..])));
            fuzz_api(&message);
            fuzz_api(&message[1..]);
        }

        #[test]
        fn states_and_refusals(
            link_up: bool, channel_up: bool, content: u8, limit: u32, counters: [u64; 6], reason: u16,
        ) {
            let [rx_frames, rx_octets, rx_lost, tx_frames, tx_octets, tx_refused] = counters;
            let status = Status {
                link_up, channel_up, content: content.into(), limit,
                rx_frames, rx_octets, rx_lost, tx_frames, tx_octets, tx_refused,
            };
            prop_assert_eq!(Status::parse(&status.octets()), Ok(status));
            let refused = Refused { reason: reason.into(), limit };
            prop_assert_eq!(Refused::parse(&refused.octets()), Ok(refused));
        }

        #[test]
        fn hostile_messages_do_no_harm(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
            fuzz_api(&octets);
        }
    }
}
