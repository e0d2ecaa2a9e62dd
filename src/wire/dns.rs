//! Messages of the Domain Name System (RFC 1034, RFC 1035 section 4).
//!
//! Names come out in lower case with dots between labels and none at the end, the root as an empty name;
//! octets that are not printable, and dots within labels, come out as `\` and three digits. A pointer must point
//! before the name that it is in, so that every name ends.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::ParseError;

/// Octets of a header.
pub const HEADER: usize = 12;
/// The most octets of a name on the wire.
const LONGEST_NAME: usize = 255;
/// The most octets of a label.
const LONGEST_LABEL: usize = 63;

/// Types of records (IANA).
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// Another name of a host.
    pub const CNAME: u16 = 5;
    /// The name of an address.
    pub const PTR: u16 = 12;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// Every type, in questions.
    pub const ANY: u16 = 255;
}

/// The class of the Internet.
pub const CLASS_IN: u16 = 1;

/// Bits of the header's flags.
pub mod flag {
    /// A response.
    pub const RESPONSE: u16 = 0x8000;
    /// From who is responsible for the name.
    pub const AUTHORITATIVE: u16 = 0x0400;
    /// Cut.
    pub const TRUNCATED: u16 = 0x0200;
    /// Whoever is asked shall ask others.
    pub const RECURSION_DESIRED: u16 = 0x0100;
    /// Whoever was asked does ask others.
    pub const RECURSION_AVAILABLE: u16 = 0x0080;
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: String,
    /// The type that is asked for.
    pub kind: u16,
    /// The class.
    pub class: u16,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'p> {
    /// An address.
    Address(Ipv4Addr),
    /// A name: of a CNAME or a PTR record.
    Name(String),
    /// The octets of a type that is not read here.
    Other(&'p [u8]),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'p> {
    /// Whose it is.
    pub name: String,
    /// Its type.
    pub kind: u16,
    /// Its class.
    pub class: u16,
    /// How long it may be kept, seconds.
    pub ttl: u32,
    /// What it says.
    pub data: Data<'p>,
}

/// A message whose header is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'p> {
    octets: &'p [u8],
}

fn cut(what: &'static str, octets: &[u8], need: usize) -> ParseError {
    ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    }
}

/// Reads a name; where what is behind it begins.
fn name(octets: &[u8], start: usize) -> Result<(String, usize), ParseError> {
    let (mut at, mut end, mut limit) = (start, None, start);
    let mut text = String::new();
    let mut length = 1;
    loop {
        let label = usize::from(
            *octets
                .get(at)
                .ok_or_else(|| cut("DNS name", octets, at + 1))?,
        );
        match label {
            0 => return Ok((text, end.unwrap_or(at + 1))),
            1..=LONGEST_LABEL => {
                let next = at + 1 + label;
                let label = octets.get(at + 1..next);
                let label = label.ok_or_else(|| cut("DNS name", octets, next))?;
                length += label.len() + 1;
                if length > LONGEST_NAME {
                    return Err(ParseError::Invalid {
                        what: "DNS name length",
                        value: length as u64,
                        expected: "at most 255 octets",
                    });
                }
                if !text.is_empty() {
                    text.push('.');
                }
                for octet in label.iter().map(u8::to_ascii_lowercase) {
                    if octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\') {
                        text.push(octet.into());
                    } else {
                        let _ = write!(text, "\\{octet:03}");
                    }
                }
                at = next;
            }
            0xc0..=0xff => {
                let low = octets.get(at + 1);
                let low = *low.ok_or_else(|| cut("DNS name", octets, at + 2))?;
                let to = (label & 0x3f) << 8 | usize::from(low);
                end = end.or(Some(at + 2));
                if to >= limit {
                    return Err(ParseError::Invalid {
                        what: "DNS name pointer",
                        value: to as u64,
                        expected: "a place before the name",
                    });
                }
                (at, limit) = (to, to);
            }
            other => {
                return Err(ParseError::Invalid {
                    what: "DNS label type",
                    value: other as u64,
                    expected: "a length up to 63 or a pointer",
                });
            }
        }
    }
}

impl<'p> Message<'p> {
    /// Checks that there is a header.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        if octets.len() < HEADER {
            return Err(cut("DNS header", octets, HEADER));
        }
        Ok(Self { octets })
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        let field = self.octets.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*field))
    }

    fn header(&self, at: usize) -> u16 {
        self.u16_at(at).unwrap_or_default()
    }

    /// What joins question and answer.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.header(0)
    }

    /// The bits of [`flag`], the operation and the result.
    #[must_use]
    pub fn flags(&self) -> u16 {
        self.header(2)
    }

    /// Whether all of these bits are set.
    #[must_use]
    pub fn has(&self, flags: u16) -> bool {
        self.flags() & flags == flags
    }

    /// The operation; 0 is a query.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        (self.flags() >> 11 & 15) as u8
    }

    /// The result: 0 is success, 3 that there is no such name.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        (self.flags() & 15) as u8
    }

    /// How many questions, answers, records of servers and further records are said to be there.
    #[must_use]
    pub fn counts(&self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| self.header(at))
    }

    fn question_at(&self, at: usize) -> Result<(Question, usize), ParseError> {
        let (name, at) = name(self.octets, at)?;
        let fields = self.u16_at(at).zip(self.u16_at(at + 2));
        let (kind, class) = fields.ok_or_else(|| cut("DNS question", self.octets, at + 4))?;
        Ok((Question { name, kind, class }, at + 4))
    }

    fn record_at(&self, at: usize) -> Result<(Record<'p>, usize), ParseError> {
        let (owner, at) = name(self.octets, at)?;
        let fixed = self
            .octets
            .get(at..)
            .and_then(|rest| rest.first_chunk::<10>());
        let Some(&[k0, k1, c0, c1, t0, t1, t2, t3, l0, l1]) = fixed else {
            return Err(cut("DNS record", self.octets, at + 10));
        };
        let (kind, start) = (u16::from_be_bytes([k0, k1]), at + 10);
        let end = start + usize::from(u16::from_be_bytes([l0, l1]));
        let data = self.octets.get(start..end);
        let data = data.ok_or_else(|| cut("DNS record", self.octets, end))?;
        let wrong_length = || ParseError::Length {
            what: "DNS record",
            claimed: data.len(),
            have: end,
        };
        let data = match kind {
            kind::A => {
                let address = <[u8; 4]>::try_from(data).map_err(|_| wrong_length())?;
                Data::Address(address.into())
            }
            kind::CNAME | kind::PTR => {
                let (name, behind) = name(self.octets, start)?;
                if behind != end {
                    return Err(wrong_length());
                }
                Data::Name(name)
            }
            _ => Data::Other(data),
        };
        let record = Record {
            name: owner,
            kind,
            class: u16::from_be_bytes([c0, c1]),
            ttl: u32::from_be_bytes([t0, t1, t2, t3]),
            data,
        };
        Ok((record, end))
    }

    /// The questions, and the records of each of the three sections.
    ///
    /// # Errors
    /// One of them is malformed. No more memory is taken than what is there is worth.
    pub fn read(&self) -> Result<(Vec<Question>, [Vec<Record<'p>>; 3]), ParseError> {
        let [count, sections @ ..] = self.counts();
        let mut at = HEADER;
        let mut questions = Vec::new();
        for _ in 0..count {
            let (question, next) = self.question_at(at)?;
            questions.push(question);
            at = next;
        }
        let mut records = [const { Vec::new() }; 3];
        for (records, count) in records.iter_mut().zip(sections) {
            for _ in 0..count {
                let (record, next) = self.record_at(at)?;
                records.push(record);
                at = next;
            }
        }
        Ok((questions, records))
    }
}

/// Writes a name. `false`: a label is empty or too long, or the name is.
fn put_name(octets: &mut Vec<u8>, name: &str) -> bool {
    let start = octets.len();
    let name = name.strip_suffix('.').unwrap_or(name);
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let place = octets.len();
        octets.push(0);
        let mut rest = label.bytes();
        while let Some(octet) = rest.next() {
            let octet = match octet {
                b'\\' => {
                    let digits = [rest.next(), rest.next(), rest.next()];
                    let value = digits.into_iter().try_fold(0u32, |value, digit| {
                        let digit = char::from(digit?).to_digit(10)?;
                        Some(value * 10 + digit)
                    });
                    match value.and_then(|value| u8::try_from(value).ok()) {
                        Some(octet) => octet,
                        None => return false,
                    }
                }
                plain => plain,
            };
            octets.push(octet);
        }
        let length = octets.len() - place - 1;
        match octets.get_mut(place) {
            Some(field) if (1..=LONGEST_LABEL).contains(&length) => *field = length as u8,
            _ => return false,
        }
    }
    octets.push(0);
    octets.len() - start <= LONGEST_NAME
}

/// Writes a message: a header, questions, then records.
#[derive(Debug)]
pub struct Writer {
    octets: Vec<u8>,
    /// The name of the first question, to which records may point.
    asked: Option<String>,
}

impl Writer {
    /// A message with these flags.
    #[must_use]
    pub fn new(id: u16, flags: u16) -> Self {
        let mut octets = id.to_be_bytes().to_vec();
        octets.extend_from_slice(&flags.to_be_bytes());
        octets.extend_from_slice(&[0; 8]);
        Self {
            octets,
            asked: None,
        }
    }

    fn count(&mut self, section: usize) {
        let at = 4 + 2 * section;
        let field = self
            .octets
            .get_mut(at..)
            .and_then(|rest| rest.first_chunk_mut::<2>());
        if let Some(field) = field {
            *field = (u16::from_be_bytes(*field).wrapping_add(1)).to_be_bytes();
        }
    }

    /// Adds a question. `false`: the name cannot be written.
    pub fn question(&mut self, question: &Question) -> bool {
        let before = self.octets.len();
        if !put_name(&mut self.octets, &question.name) {
            self.octets.truncate(before);
            return false;
        }
        self.octets.extend_from_slice(&question.kind.to_be_bytes());
        self.octets.extend_from_slice(&question.class.to_be_bytes());
        if before == HEADER {
            self.asked = Some(question.name.to_ascii_lowercase());
        }
        self.count(0);
        true
    }

    /// Adds a record to a section: 1 to 3, answers, servers, others. `false`: a name cannot be written.
    pub fn record(&mut self, section: usize, record: &Record<'_>) -> bool {
        let before = self.octets.len();
        if self.put_record(record) {
            self.count(section.clamp(1, 3));
            return true;
        }
        self.octets.truncate(before);
        false
    }

    fn put_record(&mut self, record: &Record<'_>) -> bool {
        if self.asked.as_deref() == Some(&record.name) {
            self.octets.extend_from_slice(&[0xc0, HEADER as u8]);
        } else if !put_name(&mut self.octets, &record.name) {
            return false;
        }
        self.octets.extend_from_slice(&record.kind.to_be_bytes());
        self.octets.extend_from_slice(&record.class.to_be_bytes());
        self.octets.extend_from_slice(&record.ttl.to_be_bytes());
        let place = self.octets.len();
        self.octets.extend_from_slice(&[0; 2]);
        match &record.data {
            Data::Address(address) => self.octets.extend_from_slice(&address.octets()),
            Data::Name(name) => {
                if !put_name(&mut self.octets, name) {
                    return false;
                }
            }
            Data::Other(data) => self.octets.extend_from_slice(data),
        }
        let length = u16::try_from(self.octets.len() - place - 2);
        let field = self
            .octets
            .get_mut(place..)
            .and_then(|rest| rest.first_chunk_mut::<2>());
        match (length, field) {
            (Ok(length), Some(field)) => {
                *field = length.to_be_bytes();
                true
            }
            _ => false,
        }
    }

    /// The octets.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.octets
    }
}

/// Any octets: what parses is written, and parses the same again. For fuzzing.
pub fn fuzz_dns(octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    let Ok((questions, sections)) = message.read() else {
        return;
    };
    let mut writer = Writer::new(message.id(), message.flags());
    for question in &questions {
        assert!(writer.question(question), "a name that was read");
    }
    for (at, records) in sections.iter().enumerate() {
        for record in records {
            assert!(writer.record(at + 1, record), "a record that was read");
        }
    }
    let again = writer.finish();
    let message = Message::parse(&again);
    assert_eq!(
        message.and_then(|message| message.read()),
        Ok((questions, sections))
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: [u8; 48] = [
        0x12, 0x34, 0x81, 0, 0, 1, 0, 1, 0, 0, 0, 0, 5, b'n', b'0', b'p', b'r', b'a', 4, b'a',
        b'm', b'p', b'r', 3, b'o', b'r', b'g', 0, 0, 1, 0, 1, 0xc0, 0x0c, 0, 1, 0, 1, 0, 1, 0x51,
        0x80, 0, 4, 0x2c, 0x80, 4, 4,
    ];

    fn asked() -> Question {
        Question {
            name: "n0pra.ampr.org".into(),
            kind: kind::A,
            class: CLASS_IN,
        }
    }

    #[test]
    fn question_and_answer_of_the_reference() {
        let mut writer = Writer::new(0x1234, flag::RECURSION_DESIRED);
        assert!(writer.question(&asked()));
        let query = writer.finish();
        assert_eq!(query[..4], [0x12, 0x34, 1, 0]);
        assert_eq!(query[12..], ANSWER[12..32]);
        let message = Message::parse(&ANSWER).unwrap();
        assert!(message.has(flag::RESPONSE | flag::RECURSION_DESIRED));
        assert_eq!(
            (message.id(), message.opcode(), message.rcode()),
            (0x1234, 0, 0)
        );
        let record = Record {
            name: "n0pra.ampr.org".into(),
            kind: kind::A,
            class: CLASS_IN,
            ttl: 86_400,
            data: Data::Address(Ipv4Addr::new(44, 128, 4, 4)),
        };
        let (questions, [answers, ..]) = message.read().unwrap();
        assert_eq!((questions, answers), (vec![asked()], vec![record.clone()]));
        let mut writer = Writer::new(0x1234, message.flags());
        assert!(writer.question(&asked()) && writer.record(1, &record));
        assert_eq!(writer.finish(), ANSWER);
    }

    #[test]
    fn names_end() {
        let read = |octets: &[u8], at| name(octets, at);
        assert_eq!(read(b"\x03Www\x00", 0), Ok(("www".into(), 5)));
        assert_eq!(read(b"\x01a\x00\x01b\xc0\x00", 3), Ok(("b.a".into(), 7)));
        assert_eq!(read(b"\x03a.\x07\x00", 0), Ok(("a\\046\\007".into(), 5)));
        for loops in [
            &b"\xc0\x00"[..],
            b"\x01a\xc0\x00",
            b"\xc0\x02\x00",
            b"\x40a\x00",
        ] {
            assert!(matches!(read(loops, 0), Err(ParseError::Invalid { .. })));
        }
        for cut in [&b""[..], b"\x01", b"\x02a", b"\x01a", b"\xc0"] {
            assert!(matches!(read(cut, 0), Err(ParseError::Truncated { .. })));
        }
        let long =
            b"\x3f0123456789012345678901234567890123456789012345678901234567890123".repeat(5);
        assert!(read(&long, 0).is_err());
        let mut octets = Vec::new();
        for wrong in [
            "a..b",
            &"x".repeat(64),
            "a\\99",
            "a\\999",
            &"abc.".repeat(64),
        ] {
            assert!(!put_name(&mut octets, wrong), "{wrong}");
        }
        assert!(put_name(&mut octets, "") && put_name(&mut octets, "a.b."));
    }

    proptest! {
        #[test]
        fn any_octets(mut octets in prop::collection::vec(any::<u8>(), 0..200), like in 0usize..4, at in 0usize..48, value: u8) {
            fuzz_dns(&octets);
            if like > 0 {
                octets.splice(0..octets.len().min(48), ANSWER);
                octets[at] = value;
                fuzz_dns(&octets);
            }
        }

        #[test]
        fn what_is_written_is_read(labels in prop::collection::vec("[a-z0-9-]{1,20}", 0..6), ttl: u32, alias: bool) {
            let name = labels.join(".");
            let question = Question { name: name.clone(), kind: kind::ANY, class: CLASS_IN };
            let data = if alias { Data::Name(format!("x.{name}")) } else { Data::Address(Ipv4Addr::LOCALHOST) };
            let data = if alias && name.is_empty() { Data::Name("x".into()) } else { data };
            let kind = if alias { kind::CNAME } else { kind::A };
            let record = Record { name, kind, class: CLASS_IN, ttl, data };
            let mut writer = Writer::new(7, flag::RESPONSE);
            prop_assert!(writer.question(&question) && writer.record(1, &record) && writer.record(3, &record));
            let octets = writer.finish();
            let message = Message::parse(&octets).unwrap();
            prop_assert_eq!(message.counts(), [1, 1, 0, 1]);
            prop_assert_eq!(message.read(), Ok((vec![question], [vec![record.clone()], vec![], vec![record]])));
        }
    }
}
