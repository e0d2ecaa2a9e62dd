//! Frame Relay local management: T1.617 Annex D, Q.933 Annex A, gang of four.
//!
//! Three dialects of one exchange: the user asks with STATUS ENQUIRY, the
//! network answers with STATUS. They differ in DLCI, protocol discriminator,
//! a locking shift and the numbers of the information elements; [`Message::parse`]
//! tells them apart by those octets, never by length. Parsing never panics and
//! never allocates: PVC elements are read by an iterator over the frame.

use std::fmt;

use crate::ParseError;
use crate::frame_relay::{Address, CONTROL_UI, Frame};

/// Which management protocol a message speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// ANSI T1.617 Annex D, on DLCI 0.
    AnnexD,
    /// ITU-T Q.933 Annex A, on DLCI 0.
    AnnexA,
    /// The gang-of-four LMI of 1990, on DLCI 1023.
    GangOfFour,
}

impl Dialect {
    /// All dialects, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::AnnexD, Self::AnnexA, Self::GangOfFour];

    /// The DLCI that carries it.
    pub const fn dlci(self) -> u16 {
        match self {
            Self::AnnexD | Self::AnnexA => 0,
            Self::GangOfFour => 1023,
        }
    }

    const fn discriminator(self) -> u8 {
        match self {
            Self::AnnexD | Self::AnnexA => 0x08,
            Self::GangOfFour => 0x09,
        }
    }

    /// Element identifiers: report type, keepalive (link integrity), PVC status.
    const fn elements(self) -> [u8; 3] {
        match self {
            Self::AnnexD | Self::GangOfFour => [0x01, 0x03, 0x07],
            Self::AnnexA => [0x51, 0x53, 0x57],
        }
    }

    /// Octets of one PVC status element with its identifier and length.
    pub const fn pvc_element_len(self) -> usize {
        match self {
            Self::AnnexD | Self::AnnexA => 5,
            Self::GangOfFour => 8,
        }
    }

    const fn shift_len(self) -> usize {
        match self {
            Self::AnnexD => 1,
            Self::AnnexA | Self::GangOfFour => 0,
        }
    }

    /// How many PVC status elements fit into an information field of this many octets, beside the
    /// report type and keepalive.
    pub const fn pvc_capacity(self, information: usize) -> usize {
        let fixed = HEAD_LEN + self.shift_len() + REPORT_LEN + KEEPALIVE_LEN;
        information.saturating_sub(fixed) / self.pvc_element_len()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnnexD => "ANSI",
            Self::AnnexA => "Q933",
            Self::GangOfFour => "LMI",
        })
    }
}

/// Control, discriminator, call reference, message type.
const HEAD_LEN: usize = 4;
const REPORT_LEN: usize = 3;
const KEEPALIVE_LEN: usize = 4;
/// Locking shift to codeset 5 (T1.617 Annex D).
const LOCKING_SHIFT_5: u8 = 0x95;
/// Elements of one octet have this bit set (Q.933 section 4.5.1).
const SINGLE_OCTET_ELEMENT: u8 = 0x80;

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// The user asks.
    StatusEnquiry,
    /// The network tells.
    Status,
}

impl MessageType {
    const fn code(self) -> u8 {
        match self {
            Self::StatusEnquiry => 0x75,
            Self::Status => 0x7d,
        }
    }
}

/// What is asked for or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportType {
    /// All PVCs.
    FullStatus,
    /// Sequence numbers only.
    LinkIntegrity,
    /// One PVC changed; sent by the network unasked, without keepalive element.
    SinglePvc,
    /// A part of all PVCs; more follow on the next enquiry of this type (FRF.1.2 section 3.2).
    FullStatusContinued,
}

impl ReportType {
    const fn code(self) -> u8 {
        match self {
            Self::FullStatus => 0,
            Self::LinkIntegrity => 1,
            Self::SinglePvc => 2,
            Self::FullStatusContinued => 4,
        }
    }
}

/// Sequence numbers of a link integrity element, 1..=255; 0 means none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// The sender's number of this message.
    pub send: u8,
    /// The number last received from the peer.
    pub receive: u8,
}

/// The number after this one: 1..=255, skipping 0.
pub const fn next_sequence(sequence: u8) -> u8 {
    match sequence {
        u8::MAX => 1,
        other => other + 1,
    }
}

/// The status of one PVC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PvcStatus {
    /// Its DLCI, 0..=1023.
    pub dlci: u16,
    /// Just added; stays set until the user's next enquiry confirms the report.
    pub new: bool,
    /// Taken away.
    pub deleted: bool,
    /// Usable.
    pub active: bool,
    /// The receiver is not ready (gang of four only).
    pub receiver_not_ready: bool,
    /// Bandwidth, bit/s, 24 bits (gang of four only).
    pub bandwidth: u32,
}

impl PvcStatus {
    const NEW: u8 = 0x08;
    const DELETED: u8 = 0x04;
    const ACTIVE: u8 = 0x02;
    const NOT_READY: u8 = 0x01;
    /// Extension bit: the last octet of its field.
    const LAST: u8 = 0x80;

    /// Reads the contents of a PVC status element (Q.933 figure A.3; gang of four section 6).
    fn parse(dialect: Dialect, contents: &[u8]) -> Option<Self> {
        match (dialect, contents) {
            (Dialect::AnnexD | Dialect::AnnexA, &[high, low, status, ..]) => {
                if high & Self::LAST != 0 || low & Self::LAST == 0 || status & Self::LAST == 0 {
                    return None;
                }
                Some(Self {
                    dlci: u16::from(high & 0x3f) << 4 | u16::from(low >> 3 & 0x0f),
                    new: status & Self::NEW != 0,
                    deleted: status & Self::DELETED != 0,
                    active: status & Self::ACTIVE != 0,
                    receiver_not_ready: false,
                    bandwidth: 0,
                })
            }
            (Dialect::GangOfFour, &[high, low, status, ref rest @ ..]) => {
                let dlci = u16::from_be_bytes([high, low]);
                if dlci > Address::MAX_DLCI {
                    return None;
                }
                let bandwidth = match *rest {
                    [b1, b2, b3, ..] => u32::from_be_bytes([0, b1, b2, b3]),
                    _ => 0,
                };
                Some(Self {
                    dlci,
                    new: status & Self::NEW != 0,
                    deleted: status & Self::DELETED != 0,
                    active: status & Self::ACTIVE != 0,
                    receiver_not_ready: status & Self::NOT_READY != 0,
                    bandwidth,
                })
            }
            _ => None,
        }
    }

    fn emit(&self, dialect: Dialect, out: &mut Writer<'_>) {
        let mut status = 0;
        for (set, bit) in [
            (self.new, Self::NEW),
            (self.deleted, Self::DELETED),
            (self.active, Self::ACTIVE),
        ] {
            if set {
                status |= bit;
            }
        }
        let [_, _, element] = dialect.elements();
        match dialect {
            Dialect::AnnexD | Dialect::AnnexA => out.put(&[
                element,
                3,
                (self.dlci >> 4) as u8 & 0x3f,
                Self::LAST | (self.dlci as u8 & 0x0f) << 3,
                Self::LAST | status,
            ]),
            Dialect::GangOfFour => {
                if self.receiver_not_ready {
                    status |= Self::NOT_READY;
                }
                let [high, low] = (self.dlci & Address::MAX_DLCI).to_be_bytes();
                let [_, b1, b2, b3] = self.bandwidth.to_be_bytes();
                out.put(&[element, 6, high, low, status, b1, b2, b3]);
            }
        }
    }
}

/// Information elements one by one: identifier and contents.
#[derive(Clone, Debug)]
struct Elements<'m> {
    octets: &'m [u8],
}

impl<'m> Iterator for Elements<'m> {
    type Item = Result<(u8, &'m [u8]), ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Ethernet drivers lengthen short frames with zeroes: no element is 0.
        if self.octets.iter().all(|&octet| octet == 0) {
            self.octets = &[];
        }
        let (&identifier, rest) = self.octets.split_first()?;
        if identifier & SINGLE_OCTET_ELEMENT != 0 {
            self.octets = rest;
            return Some(Ok((identifier, &[])));
        }
        let Some((&len, rest)) = rest.split_first() else {
            self.octets = &[];
            return Some(Err(ParseError::Truncated {
                what: "LMI information element",
                need: 2,
                have: 1,
            }));
        };
        let Some((contents, rest)) = rest.split_at_checked(usize::from(len)) else {
            self.octets = &[];
            return Some(Err(ParseError::Length {
                what: "LMI information element",
                claimed: usize::from(len),
                have: rest.len(),
            }));
        };
        self.octets = rest;
        Some(Ok((identifier, contents)))
    }
}

/// The PVC status elements of a message, in its order. Elements with impossible contents are skipped
/// (Q.933 section A.6.4) and counted by [`Message::bad_elements`].
#[derive(Clone, Debug)]
pub struct Pvcs<'m> {
    dialect: Dialect,
    elements: Elements<'m>,
}

impl Iterator for Pvcs<'_> {
    type Item = PvcStatus;

    fn next(&mut self) -> Option<PvcStatus> {
        let [_, _, pvc] = self.dialect.elements();
        loop {
            let (identifier, contents) = self.elements.next()?.ok()?;
            if identifier == pvc
                && let Some(status) = PvcStatus::parse(self.dialect, contents)
            {
                return Some(status);
            }
        }
    }
}

/// Everything of a message but its PVCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The dialect.
    pub dialect: Dialect,
    /// Enquiry or status.
    pub message_type: MessageType,
    /// What is asked for or told.
    pub report: ReportType,
    /// The sequence numbers; absent in a single-PVC report.
    pub keepalive: Option<Keepalive>,
}

impl Repr {
    /// Octets of the frame, address included, FCS not, with this many PVC status elements.
    pub const fn len(&self, pvcs: usize) -> usize {
        let keepalive = match self.keepalive {
            Some(_) => KEEPALIVE_LEN,
            None => 0,
        };
        Address::LEN
            + HEAD_LEN
            + self.dialect.shift_len()
            + REPORT_LEN
            + keepalive
            + pvcs * self.dialect.pvc_element_len()
    }

    /// Writes the whole frame, address included, FCS not. The number of octets written, `None` when
    /// the buffer is too short.
    pub fn emit(&self, pvcs: impl Iterator<Item = PvcStatus>, buffer: &mut [u8]) -> Option<usize> {
        let mut out = Writer {
            buffer,
            written: Some(0),
        };
        let [report, keepalive, _] = self.dialect.elements();
        out.put(&Address::new(self.dialect.dlci()).to_octets());
        out.put(&[
            CONTROL_UI,
            self.dialect.discriminator(),
            0,
            self.message_type.code(),
        ]);
        if self.dialect == Dialect::AnnexD {
            out.put(&[LOCKING_SHIFT_5]);
        }
        out.put(&[report, 1, self.report.code()]);
        if let Some(Keepalive { send, receive }) = self.keepalive {
            out.put(&[keepalive, 2, send, receive]);
        }
        for pvc in pvcs {
            pvc.emit(self.dialect, &mut out);
        }
        out.written
    }
}

/// Appends to a buffer; remembers when it did not fit.
struct Writer<'b> {
    buffer: &'b mut [u8],
    written: Option<usize>,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) {
        self.written = self.written.and_then(|at| {
            let end = at.checked_add(octets.len())?;
            self.buffer.get_mut(at..end)?.copy_from_slice(octets);
            Some(end)
        });
    }
}

/// A message taken apart.
#[derive(Clone, Debug)]
pub struct Message<'m> {
    /// Everything but the PVCs.
    pub repr: Repr,
    elements: &'m [u8],
}

impl<'m> Message<'m> {
    /// Reads a management message out of a whole frame (address, no FCS).
    ///
    /// Elements may come in any order after the report type; unknown ones are skipped; of a
    /// repeated one the first counts (Q.933 section A.6). A message without its mandatory elements
    /// is an error.
    pub fn parse(frame: &Frame<'m>) -> Result<Self, ParseError> {
        let invalid = |what, value: u8, expected| ParseError::Invalid {
            what,
            value: u64::from(value),
            expected,
        };
        let cut = |what, need| ParseError::Truncated {
            what,
            need,
            have: frame.information.len(),
        };
        let (&[control, discriminator, call_reference, message_type], elements) = frame
            .information
            .split_first_chunk::<HEAD_LEN>()
            .ok_or(cut("LMI message", HEAD_LEN + REPORT_LEN))?;
        if control != CONTROL_UI {
            return Err(invalid("LMI control field", control, "03"));
        }
        let &first = elements
            .first()
            .ok_or(cut("LMI report type", HEAD_LEN + REPORT_LEN))?;
        let (dialect, elements) = match (discriminator, first) {
            (0x08, LOCKING_SHIFT_5) => (Dialect::AnnexD, elements.get(1..).unwrap_or_default()),
            (0x08, 0x51) => (Dialect::AnnexA, elements),
            (0x08, other) => {
                return Err(invalid(
                    "LMI first element",
                    other,
                    "95 (Annex D) or 51 (Annex A)",
                ));
            }
            (0x09, _) => (Dialect::GangOfFour, elements),
            (other, _) => return Err(invalid("LMI protocol discriminator", other, "08 or 09")),
        };
        if frame.address.dlci != dialect.dlci() {
            return Err(ParseError::Invalid {
                what: "LMI DLCI",
                value: u64::from(frame.address.dlci),
                expected: "0 (Annex D, Annex A) or 1023 (gang of four)",
            });
        }
        if call_reference != 0 {
            return Err(invalid("LMI call reference", call_reference, "00"));
        }
        let message_type = match message_type {
            0x75 => MessageType::StatusEnquiry,
            0x7d => MessageType::Status,
            other => {
                return Err(invalid(
                    "LMI message type",
                    other,
                    "75 (status enquiry) or 7d (status)",
                ));
            }
        };
        let (report, keepalive) = mandatory(dialect, elements)?;
        let report = report.ok_or(cut("LMI report type", HEAD_LEN + REPORT_LEN))?;
        if keepalive.is_none() && report != ReportType::SinglePvc {
            let need = HEAD_LEN + REPORT_LEN + KEEPALIVE_LEN;
            return Err(cut("LMI link integrity element", need));
        }
        Ok(Self {
            repr: Repr {
                dialect,
                message_type,
                report,
                keepalive,
            },
            elements,
        })
    }

    /// The PVC status elements.
    pub fn pvcs(&self) -> Pvcs<'m> {
        Pvcs {
            dialect: self.repr.dialect,
            elements: Elements {
                octets: self.elements,
            },
        }
    }

    /// How many PVC status elements have impossible contents.
    pub fn bad_elements(&self) -> usize {
        let [_, _, pvc] = self.repr.dialect.elements();
        let elements = Elements {
            octets: self.elements,
        };
        elements
            .flatten()
            .filter(|(identifier, contents)| {
                *identifier == pvc && PvcStatus::parse(self.repr.dialect, contents).is_none()
            })
            .count()
    }
}

/// Walks all elements, so that later walks cannot fail, and takes out report type and keepalive.
fn mandatory(
    dialect: Dialect,
    octets: &[u8],
) -> Result<(Option<ReportType>, Option<Keepalive>), ParseError> {
    let [report_id, keepalive_id, _] = dialect.elements();
    let (mut report, mut keepalive) = (None, None);
    for element in (Elements { octets }) {
        let (identifier, contents) = element?;
        if identifier == report_id && report.is_none() {
            report = Some(match *contents {
                [0, ..] => ReportType::FullStatus,
                [1, ..] => ReportType::LinkIntegrity,
                [2, ..] => ReportType::SinglePvc,
                [4, ..] => ReportType::FullStatusContinued,
                [other, ..] => {
                    return Err(ParseError::Invalid {
                        what: "LMI report type",
                        value: u64::from(other),
                        expected: "0, 1, 2 or 4",
                    });
                }
                [] => {
                    return Err(ParseError::Truncated {
                        what: "LMI report type",
                        need: 1,
                        have: 0,
                    });
                }
            });
        } else if identifier == keepalive_id && keepalive.is_none() {
            let [send, receive, ..] = *contents else {
                return Err(ParseError::Truncated {
                    what: "LMI link integrity element",
                    need: 2,
                    have: contents.len(),
                });
            };
            keepalive = Some(Keepalive { send, receive });
        }
    }
    Ok((report, keepalive))
}

/// Fuzz entry: a message that parses is written anew and parsed again with the same contents, and
/// never holds more PVCs than its octets allow.
pub fn fuzz_lmi(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else {
        return;
    };
    let Ok(message) = Message::parse(&frame) else {
        return;
    };
    let repr = message.repr;
    let pvcs = message.pvcs().count();
    assert!((pvcs + message.bad_elements()) * 2 <= octets.len());
    assert!(message.pvcs().all(|pvc| pvc.dlci <= Address::MAX_DLCI));
    let mut again = vec![0xa5; repr.len(pvcs)];
    assert_eq!(repr.emit(message.pvcs(), &mut again), Some(again.len()));
    let reparsed = Frame::parse(&again).and_then(|frame| Message::parse(&frame));
    let Ok(reparsed) = reparsed else {
        unreachable!("a message just written is whole");
    };
    assert_eq!(reparsed.repr, repr);
    assert!(reparsed.pvcs().eq(message.pvcs()));
    assert_eq!(reparsed.bad_elements(), 0);
}

#[cfg(test)]
mod tests;
