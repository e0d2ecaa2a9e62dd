//! Compressed TCP/IP headers (Van Jacobson, RFC 1144 section 3.2.2).
//!
//! ```text
//! 0 C I P S A W U | connection, if C | TCP checksum, 2 | urgent pointer, if U | window, if W
//! acknowledgement, if A | sequence, if S | IP identification, if I | data
//! ```
//!
//! But for the urgent pointer the fields are what was added since the packet before. Each is one
//! octet for 1 to 255, or an octet 0 and two more. S, W and U together mean no fields of theirs but
//! echoed interactive traffic, with A too a stream of data one way. The highest bit of the first
//! octet is not part of the header: SLIP marks compressed packets with it.

use crate::ParseError;

const CONNECTION: u8 = 0x40;
const IDENT: u8 = 0x20;
const PUSH: u8 = 0x10;
const SEQ: u8 = 0x08;
const ACK: u8 = 0x04;
const WINDOW: u8 = 0x02;
const URGENT: u8 = 0x01;
const ECHOED: u8 = SEQ | WINDOW | URGENT;
const ONE_WAY: u8 = SEQ | ACK | WINDOW | URGENT;

/// The longest compressed header, octets.
pub const MAX_HEADER: usize = 4 + 5 * 3;

/// What a compressed header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The connection; `None`: that of the packet before.
    pub connection: Option<u8>,
    /// The packet's PSH flag.
    pub push: bool,
    /// The packet's TCP checksum, as the sender's host computed it.
    pub checksum: u16,
    /// What changed in the TCP header.
    pub change: Change,
    /// What was added to the IP identification; `None`: one.
    pub ident: Option<u16>,
}

/// What changed in a TCP header since the packet before of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sequence number and acknowledgement moved by the octets of data in the packet before.
    Echoed,
    /// The sequence number moved by the octets of data in the packet before.
    OneWay,
    /// Each field on its own.
    Fields(Fields),
}

/// Changed fields; `None`: unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The URG flag is set, and this is the urgent pointer; `None`: it is not set.
    pub urgent: Option<u16>,
    /// What was added to the window, modulo 65536.
    pub window: Option<u16>,
    /// What was added to the acknowledgement.
    pub ack: Option<u16>,
    /// What was added to the sequence number.
    pub seq: Option<u16>,
}

impl Fields {
    fn mask(&self) -> u8 {
        let bit = |field: Option<u16>, bit| if field.is_some() { bit } else { 0 };
        bit(self.urgent, URGENT)
            | bit(self.window, WINDOW)
            | bit(self.ack, ACK)
            | bit(self.seq, SEQ)
    }

    /// Whether a header can say it: S, W and U together have another meaning.
    #[must_use]
    pub fn can_be_said(&self) -> bool {
        !matches!(self.mask(), ECHOED | ONE_WAY)
    }
}

impl Header {
    /// Reads a header; behind it comes the data.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when a field is cut.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let mut rest = octets;
        let mask = octet("VJ header", &mut rest)?;
        let connection = match mask & CONNECTION {
            0 => None,
            _ => Some(octet("VJ connection", &mut rest)?),
        };
        let high = octet("VJ checksum", &mut rest)?;
        let low = octet("VJ checksum", &mut rest)?;
        let mut field = |what, bit| match mask & bit {
            0 => Ok(None),
            _ => delta(what, &mut rest).map(Some),
        };
        let change = match mask & ONE_WAY {
            ECHOED => Change::Echoed,
            ONE_WAY => Change::OneWay,
            _ => Change::Fields(Fields {
                urgent: field("VJ urgent pointer", URGENT)?,
                window: field("VJ window", WINDOW)?,
                ack: field("VJ acknowledgement", ACK)?,
                seq: field("VJ sequence", SEQ)?,
            }),
        };
        let header = Self {
            connection,
            push: mask & PUSH != 0,
            checksum: u16::from_be_bytes([high, low]),
            change,
            ident: field("VJ identification", IDENT)?,
        };
        Ok((header, rest))
    }

    /// Appends the header, at most [`MAX_HEADER`] octets; `false` and nothing is appended when its
    /// fields [cannot be said](Fields::can_be_said).
    pub fn append(&self, head: &mut Vec<u8>) -> bool {
        let (changed, fields) = match self.change {
            Change::Echoed => (ECHOED, Fields::default()),
            Change::OneWay => (ONE_WAY, Fields::default()),
            Change::Fields(fields) if fields.can_be_said() => (fields.mask(), fields),
            Change::Fields(_) => return false,
        };
        let mut mask = changed;
        if self.push {
            mask |= PUSH;
        }
        if self.ident.is_some() {
            mask |= IDENT;
        }
        match self.connection {
            Some(connection) => head.extend_from_slice(&[mask | CONNECTION, connection]),
            None => head.push(mask),
        }
        head.extend_from_slice(&self.checksum.to_be_bytes());
        let fields = [
            fields.urgent,
            fields.window,
            fields.ack,
            fields.seq,
            self.ident,
        ];
        for field in fields.into_iter().flatten() {
            match u8::try_from(field) {
                Ok(short @ 1..) => head.push(short),
                _ => {
                    head.push(0);
                    head.extend_from_slice(&field.to_be_bytes());
                }
            }
        }
        true
    }
}

fn octet(what: &'static str, rest: &mut &[u8]) -> Result<u8, ParseError> {
    let (&first, behind) = rest.split_first().ok_or(ParseError::Truncated {
        what,
        need: 1,
        have: 0,
    })?;
    *rest = behind;
    Ok(first)
}

fn delta(what: &'static str, rest: &mut &[u8]) -> Result<u16, ParseError> {
    Ok(match octet(what, rest)? {
        0 => u16::from_be_bytes([octet(what, rest)?, octet(what, rest)?]),
        short => short.into(),
    })
}

/// Any octets: a header that is read is written again and reads the same. For fuzzing and replayed
/// tests.
pub fn fuzz_vj_header(octets: &[u8]) {
    let Ok((header, data)) = Header::parse(octets) else {
        return;
    };
    assert!(octets.ends_with(data));
    let mut again = Vec::new();
    assert!(header.append(&mut again));
    assert!(again.len() <= MAX_HEADER && again.len() + data.len() <= octets.len());
    assert_eq!(Header::parse(&again), Ok((header, &[][..])));
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn header(change: Change) -> Header {
        Header {
            connection: None,
            push: false,
            checksum: 0xabcd,
            change,
            ident: None,
        }
    }

    #[track_caller]
    fn same(header: Header, octets: &[u8]) {
        let mut written = Vec::new();
        assert!(header.append(&mut written));
        assert_eq!(written, octets);
        let followed = [octets, b"data"].concat();
        assert_eq!(Header::parse(&followed), Ok((header, &b"data"[..])));
    }

    #[test]
    fn headers_octet_by_octet() {
        same(header(Change::OneWay), &[0x0f, 0xab, 0xcd]);
        same(header(Change::Echoed), &[0x0b, 0xab, 0xcd]);
        same(header(Change::Fields(Fields::default())), &[0, 0xab, 0xcd]);
        let all_but_window = Fields {
            urgent: Some(0),
            window: None,
            ack: Some(255),
            seq: Some(256),
        };
        let whole = Header {
            connection: Some(3),
            push: true,
            checksum: 0x0102,
            change: Change::Fields(all_but_window),
            ident: Some(0xffff),
        };
        same(
            whole,
            &[0x7d, 3, 1, 2, 0, 0, 0, 255, 0, 1, 0, 0, 0xff, 0xff],
        );
    }

    #[test]
    fn what_has_another_meaning_is_not_written() {
        for ack in [None, Some(1)] {
            let fields = Fields {
                urgent: Some(1),
                window: Some(1),
                ack,
                seq: Some(1),
            };
            let mut written = Vec::new();
            assert!(!header(Change::Fields(fields)).append(&mut written));
            assert!(written.is_empty());
        }
    }

    #[test]
    fn cut_headers_are_refused() {
        let whole = [0x7d, 3, 1, 2, 0, 0, 0, 255, 0, 1, 0, 0, 0xff, 0xff];
        for length in 0..whole.len() {
            assert!(Header::parse(&whole[..length]).is_err(), "{length}");
        }
        // The mark of SLIP is not looked at; a long form of a short value is taken.
        let (read, _) = Header::parse(&[0x88, 0, 0, 0, 0, 7]).unwrap();
        let fields = Fields {
            seq: Some(7),
            ..Fields::default()
        };
        assert_eq!(read.change, Change::Fields(fields));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            connection: Option<u8>, push: bool, checksum: u16, ident: Option<u16>,
            kind in 0..3, urgent: Option<u16>, window: Option<u16>, ack: Option<u16>,
            seq: Option<u16>,
        ) {
            let change = match kind {
                0 => Change::Echoed,
                1 => Change::OneWay,
                _ => Change::Fields(Fields { urgent, window, ack, seq }),
            };
            let header = Header { connection, push, checksum, change, ident };
            let mut written = Vec::new();
            if header.append(&mut written) {
                prop_assert!(written.len() <= MAX_HEADER);
                prop_assert_eq!(Header::parse(&written), Ok((header, &[][..])));
            } else {
                prop_assert!(urgent.is_some() && window.is_some() && seq.is_some());
            }
        }

        #[test]
        fn any_octets(octets in vec(any::<u8>(), 0..30)) {
            fuzz_vj_header(&octets);
        }
    }
}
