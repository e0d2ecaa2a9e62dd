//! AGWPE's protocol between a packet-radio engine and programs, over TCP.
//!
//! ```text
//! port, 1 | 0, 3 | kind, 1 | 0, 1 | PID, 1 | 0, 1 | from, 10 | to, 10 | length of the data, 4 | user, 4 | data
//! ```
//!
//! Call signs end with a zero octet; numbers have the least octet first.

use crate::ParseError;
use crate::ax25::{BadCall, Call, Digis};

/// Octets of a call sign.
const NAME: usize = 10;

/// What frames are. Letters of both directions may mean something different each.
pub mod kind {
    /// A program's name and password; nobody asks for them here.
    pub const LOGIN: u8 = b'P';
    /// Takes a call sign; the answer has one octet, 1 when it was taken.
    pub const REGISTER: u8 = b'X';
    /// Gives a call sign back.
    pub const UNREGISTER: u8 = b'x';
    /// How many ports there are, and what they are called.
    pub const PORTS: u8 = b'G';
    /// What a port is able to do.
    pub const CAPABILITIES: u8 = b'g';
    /// Frames are to be shown as text, or not any more.
    pub const MONITOR: u8 = b'm';
    /// Frames are to be shown as they are, or not any more; also such a frame, and one to be sent.
    pub const RAW: u8 = b'k';
    /// A frame as it is.
    pub const RAW_FRAME: u8 = b'K';
    /// The version.
    pub const VERSION: u8 = b'R';
    /// Who was heard on a port.
    pub const HEARD: u8 = b'H';
    /// How many frames wait for a port.
    pub const WAITING: u8 = b'y';
    /// How many frames of a connection are not acknowledged.
    pub const OUTSTANDING: u8 = b'Y';
    /// A UI frame to be sent.
    pub const UNPROTO: u8 = b'M';
    /// A UI frame to be sent by digipeaters.
    pub const UNPROTO_VIA: u8 = b'V';
    /// A connection is wanted, or there.
    pub const CONNECT: u8 = b'C';
    /// A connection by digipeaters is wanted.
    pub const CONNECT_VIA: u8 = b'v';
    /// A connection for another PID than text is wanted.
    pub const CONNECT_PID: u8 = b'c';
    /// Data of a connection.
    pub const DATA: u8 = b'D';
    /// A connection is to end, or has ended.
    pub const DISCONNECT: u8 = b'd';
    /// A UI frame of others, as text.
    pub const SHOWN_UNPROTO: u8 = b'U';
    /// A supervisory or unnumbered frame of others, as text.
    pub const SHOWN_SUPERVISORY: u8 = b'S';
    /// An I frame of others, as text.
    pub const SHOWN_INFORMATION: u8 = b'I';
    /// A frame that was sent here, as text.
    pub const SHOWN_OWN: u8 = b'T';
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The port; 0 is the first.
    pub port: u8,
    /// One of [`kind`].
    pub kind: u8,
    /// The PID.
    pub pid: u8,
    /// A call sign, as it was said.
    pub from: Name,
    /// Another one.
    pub to: Name,
    /// The rest.
    pub data: &'a [u8],
}

/// A call sign with zeros behind it, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Name([u8; NAME]);

impl Name {
    /// None.
    pub const NONE: Self = Self([0; NAME]);

    /// The call sign. What follows a zero octet is not looked at, nor are blanks at the end.
    ///
    /// # Errors
    /// It is none.
    pub fn call(&self) -> Result<Call, BadCall> {
        let name = self.0.split(|octet| *octet == 0).next();
        let word = std::str::from_utf8(name.unwrap_or_default()).map_err(|_| BadCall::Character)?;
        Call::parse(word.trim_end_matches(' '))
    }
}

impl From<Call> for Name {
    fn from(call: Call) -> Self {
        let mut name = [0; NAME];
        for (to, octet) in name.iter_mut().zip(call.to_string().bytes()) {
            *to = octet;
        }
        Self(name)
    }
}

impl<'a> Frame<'a> {
    /// Octets of the header.
    pub const HEADER: usize = 36;
    /// The most data that are taken.
    pub const MOST: usize = 65_536;

    /// One with no more than its kind.
    #[must_use]
    pub const fn new(port: u8, kind: u8, data: &'a [u8]) -> Self {
        Self {
            port,
            kind,
            pid: 0,
            from: Name::NONE,
            to: Name::NONE,
            data,
        }
    }

    /// Reads the frame that octets begin with, and how many octets it has; `None` when there is more to come.
    ///
    /// # Errors
    /// It claims more data than [`Frame::MOST`].
    pub fn parse(octets: &'a [u8]) -> Result<Option<(Self, usize)>, ParseError> {
        let Some((header, rest)) = octets.split_first_chunk::<36>() else {
            return Ok(None);
        };
        let &[port, _, _, _, kind, _, pid, _, ref names_and_more @ ..] = header;
        let (from, rest_of_header) = name(names_and_more);
        let (to, rest_of_header) = name(rest_of_header);
        let length = rest_of_header
            .first_chunk()
            .map_or(0, |length| u32::from_le_bytes(*length));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > Self::MOST {
            return Err(ParseError::Length {
                what: "AGWPE data",
                claimed: length,
                have: Self::MOST,
            });
        }
        let frame = rest.get(..length).map(|data| {
            let frame = Self {
                port,
                kind,
                pid,
                from,
                to,
                data,
            };
            (frame, Self::HEADER + length)
        });
        Ok(frame)
    }

    /// Appends the frame.
    pub fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.port, 0, 0, 0, self.kind, 0, self.pid, 0]);
        out.extend_from_slice(&self.from.0);
        out.extend_from_slice(&self.to.0);
        out.extend_from_slice(&(self.data.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(self.data);
    }
}

fn name(octets: &[u8]) -> (Name, &[u8]) {
    match octets.split_first_chunk::<NAME>() {
        Some((name, rest)) => (Name(*name), rest),
        None => (Name::NONE, &[]),
    }
}

/// The digipeaters that data of [`kind::UNPROTO_VIA`] and [`kind::CONNECT_VIA`] begin with, and what follows.
///
/// ```text
/// how many, 1 | call signs, 10 each
/// ```
///
/// # Errors
/// There are fewer than that, more than eight, or one is none.
pub fn digipeaters(data: &[u8]) -> Result<(Digis, &[u8]), ParseError> {
    let (&count, mut rest) = data.split_first().ok_or(ParseError::Truncated {
        what: "AGWPE digipeaters",
        need: 1,
        have: 0,
    })?;
    let mut digis = Digis::NONE;
    for _ in 0..count {
        let (digi, after) = rest
            .split_first_chunk::<NAME>()
            .ok_or(ParseError::Truncated {
                what: "AGWPE digipeaters",
                need: 1 + NAME * usize::from(count),
                have: data.len(),
            })?;
        rest = after;
        let call = Name(*digi).call().map_err(|_| ParseError::Invalid {
            what: "AGWPE digipeater",
            value: digi[0].into(),
            expected: "a call sign",
        })?;
        if !digis.push(crate::ax25::Digi::new(call)) {
            return Err(ParseError::Length {
                what: "AGWPE digipeaters",
                claimed: count.into(),
                have: Digis::MOST,
            });
        }
    }
    Ok((digis, rest))
}

/// Any octets: what is accepted is written again, and reads the same. For fuzzing and replayed tests.
pub fn fuzz_agwpe(octets: &[u8]) {
    let mut rest = octets;
    while let Ok(Some((frame, length))) = Frame::parse(rest) {
        let mut again = Vec::new();
        frame.append(&mut again);
        assert_eq!(again.len(), length);
        assert_eq!(Frame::parse(&again), Ok(Some((frame, length))));
        if let Ok(call) = frame.from.call() {
            assert_eq!(Name::from(call).call(), Ok(call));
        }
        if let Ok((digis, data)) = digipeaters(frame.data) {
            assert_eq!(1 + NAME * digis.len() + data.len(), frame.data.len());
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_both_ways() {
        let frame = Frame {
            port: 1,
            kind: kind::DATA,
            pid: 0xf0,
            from: Call::parse("N0PRA-15").unwrap().into(),
            to: Call::parse("DB0SAO").unwrap().into(),
            data: b"hello",
        };
        let mut octets = Vec::new();
        frame.append(&mut octets);
        assert_eq!(octets.len(), 41);
        assert_eq!(octets[..8], [1, 0, 0, 0, b'D', 0, 0xf0, 0]);
        assert_eq!(&octets[8..28], b"N0PRA-15\0\0DB0SAO\0\0\0\0");
        assert_eq!(octets[28..36], [5, 0, 0, 0, 0, 0, 0, 0]);
        for length in 0..octets.len() {
            assert_eq!(Frame::parse(&octets[..length]), Ok(None), "{length}");
        }
        octets.push(7);
        assert_eq!(Frame::parse(&octets), Ok(Some((frame, 41))));
        assert_eq!(frame.from.call(), Call::parse("N0PRA-15"));
        // What was there before is left behind the zero.
        octets[8..18].copy_from_slice(b"N0P \0RA-15");
        let (frame, _) = Frame::parse(&octets).unwrap().unwrap();
        assert_eq!(frame.from.call(), Call::parse("N0P"));
        octets[8..18].copy_from_slice(&[0; 10]);
        let (frame, _) = Frame::parse(&octets).unwrap().unwrap();
        assert_eq!(frame.from.call(), Err(BadCall::Empty));
        octets[30] = 1;
        octets[28] = 1;
        assert!(Frame::parse(&octets).is_err());
    }

    #[test]
    fn digipeaters_before_data() {
        let (digis, rest) = digipeaters(b"\x02DB0ID\0\0\0\0\0DB0SAO-1\0\0hello").unwrap();
        let calls = digis.iter().map(|digi| digi.call.to_string());
        assert!(calls.eq(["DB0ID", "DB0SAO-1"]));
        assert_eq!(rest, b"hello");
        assert_eq!(
            digipeaters(b"\0hello").unwrap(),
            (Digis::NONE, &b"hello"[..])
        );
        assert!(digipeaters(b"").is_err());
        assert!(digipeaters(b"\x01DB0ID").is_err());
        assert!(digipeaters(b"\x01DB0 ID\0\0\0\0").is_err());
        let nine = [&[9][..], &b"DB0ID\0\0\0\0\0".repeat(9)].concat();
        assert!(digipeaters(&nine).is_err());
    }

    proptest! {
        #[test]
        fn any_octets(octets in vec(any::<u8>(), 0..40), length in 0u8..60) {
            fuzz_agwpe(&octets);
            let mut whole = [&[0; 28][..], &[length, 0, 0, 0, 0, 0, 0, 0, 2], &octets].concat();
            whole[8..13].copy_from_slice(b"N0PRA");
            fuzz_agwpe(&whole);
        }
    }
}
