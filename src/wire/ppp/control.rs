//! Packets of the control protocols and the options in them (RFC 1661 sections 5 and 6).
//! PAP and CHAP packets have the same header.

use super::truncated;
use crate::ParseError;

/// Octets before a control packet's data.
pub const HEADER: usize = 4;

/// What a packet of LCP or of a network control protocol is (RFC 1661 section 5).
/// NCPs know the codes 1 to 7 only. PAP and CHAP number theirs on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// 1: the options that the sender wants (section 5.1).
    ConfigureRequest,
    /// 2: all of them are accepted (section 5.2).
    ConfigureAck,
    /// 3: some values are not accepted; these would be (section 5.3).
    ConfigureNak,
    /// 4: these options are unknown or not negotiable (section 5.4).
    ConfigureReject,
    /// 5: the sender wants to close (section 5.5).
    TerminateRequest,
    /// 6: the sender agrees to close (section 5.5).
    TerminateAck,
    /// 7: a packet with an unknown code, returned (section 5.6).
    CodeReject,
    /// 8: a packet of an unknown protocol, returned (section 5.7); LCP only.
    ProtocolReject,
    /// 9: asks for an echo (section 5.8); LCP only.
    EchoRequest,
    /// 10: the echo (section 5.8); LCP only.
    EchoReply,
    /// 11: to be thrown away (section 5.9); LCP only.
    DiscardRequest,
    /// 12: a text about the sender (RFC 1570 section 1.1); LCP only.
    Identification,
    /// 13: the time that is left (RFC 1570 section 1.2); LCP only.
    TimeRemaining,
    /// Any other.
    Other(u8),
}

impl From<u8> for Code {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::ConfigureRequest,
            2 => Self::ConfigureAck,
            3 => Self::ConfigureNak,
            4 => Self::ConfigureReject,
            5 => Self::TerminateRequest,
            6 => Self::TerminateAck,
            7 => Self::CodeReject,
            8 => Self::ProtocolReject,
            9 => Self::EchoRequest,
            10 => Self::EchoReply,
            11 => Self::DiscardRequest,
            12 => Self::Identification,
            13 => Self::TimeRemaining,
            other => Self::Other(other),
        }
    }
}

impl From<Code> for u8 {
    fn from(code: Code) -> Self {
        match code {
            Code::ConfigureRequest => 1,
            Code::ConfigureAck => 2,
            Code::ConfigureNak => 3,
            Code::ConfigureReject => 4,
            Code::TerminateRequest => 5,
            Code::TerminateAck => 6,
            Code::CodeReject => 7,
            Code::ProtocolReject => 8,
            Code::EchoRequest => 9,
            Code::EchoReply => 10,
            Code::DiscardRequest => 11,
            Code::Identification => 12,
            Code::TimeRemaining => 13,
            Code::Other(other) => other,
        }
    }
}

/// A control packet whose length is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    /// What it is; [`Code`] for LCP and the NCPs.
    pub code: u8,
    /// What tells answers to one request from answers to another.
    pub identifier: u8,
    /// Everything behind the header that the length field covers.
    pub data: &'p [u8],
}

impl<'p> Packet<'p> {
    /// Reads a packet from an information field; what is behind its length is padding.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below four octets, [`ParseError::Length`] for a length field
    /// below four or beyond the octets there.
    pub fn parse(information: &'p [u8]) -> Result<Self, ParseError> {
        let Some((&[code, identifier, high, low], rest)) = information.split_first_chunk() else {
            return Err(truncated("control packet", HEADER, information));
        };
        let claimed = usize::from(u16::from_be_bytes([high, low]));
        let data = claimed
            .checked_sub(HEADER)
            .and_then(|len| rest.get(..len))
            .ok_or(ParseError::Length {
                what: "control packet length",
                claimed,
                have: information.len(),
            })?;
        Ok(Self {
            code,
            identifier,
            data,
        })
    }
}

/// One option as it stands in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOption<'p> {
    /// What it is, as the protocol numbers it.
    pub kind: u8,
    /// Its value, at most [`Self::MAX_DATA`] octets.
    pub data: &'p [u8],
}

impl RawOption<'_> {
    /// Octets before an option's value.
    pub const HEADER: usize = 2;
    /// The longest value.
    pub const MAX_DATA: usize = 253;

    /// Appends the option to a list; one with more than [`Self::MAX_DATA`] octets is cut there.
    pub fn append(&self, list: &mut Vec<u8>) {
        let data = self.data.get(..Self::MAX_DATA).unwrap_or(self.data);
        list.push(self.kind);
        list.push((data.len() + Self::HEADER) as u8);
        list.extend_from_slice(data);
    }
}

/// The options of a packet, in order. After an error there are no more.
#[derive(Clone, Copy, Debug)]
pub struct Options<'p> {
    rest: &'p [u8],
}

impl<'p> Options<'p> {
    /// The options in a packet's data.
    #[must_use]
    pub const fn new(data: &'p [u8]) -> Self {
        Self { rest: data }
    }
}

impl<'p> Iterator for Options<'p> {
    type Item = Result<RawOption<'p>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let all = std::mem::take(&mut self.rest);
        let (kind, claimed) = match *all {
            [] => return None,
            [_] => return Some(Err(truncated("option", RawOption::HEADER, all))),
            [kind, length, ..] => (kind, usize::from(length)),
        };
        let Some(data) = all.get(RawOption::HEADER..claimed) else {
            return Some(Err(ParseError::Length {
                what: "option length",
                claimed,
                have: all.len(),
            }));
        };
        self.rest = all.get(claimed..).unwrap_or_default();
        Some(Ok(RawOption { kind, data }))
    }
}

/// Appends a control packet to a frame, piece by piece.
#[derive(Debug)]
pub struct Writer<'v> {
    frame: &'v mut Vec<u8>,
    start: usize,
}

impl<'v> Writer<'v> {
    /// Begins a packet behind what the frame holds.
    pub fn new(frame: &'v mut Vec<u8>, code: u8, identifier: u8) -> Self {
        let start = frame.len();
        frame.extend_from_slice(&[code, identifier, 0, 0]);
        Self { frame, start }
    }

    /// Appends data.
    pub fn data(&mut self, octets: &[u8]) {
        self.frame.extend_from_slice(octets);
    }

    /// Appends an option.
    pub fn option(&mut self, kind: u8, data: &[u8]) {
        RawOption { kind, data }.append(self.frame);
    }

    /// Writes the length.
    ///
    /// # Errors
    /// [`ParseError::Length`] when the packet has more than 65535 octets.
    pub fn finish(self) -> Result<(), ParseError> {
        let have = self.frame.len().saturating_sub(self.start);
        let length = u16::try_from(have).map_err(|_| ParseError::Length {
            what: "control packet length",
            claimed: usize::from(u16::MAX),
            have,
        })?;
        if let Some(field) = self.frame.get_mut(self.start + 2..self.start + HEADER) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }
}
