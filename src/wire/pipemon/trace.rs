//! Captured frames in a reply to GET_TRACE_INFO.
//!
//! Each frame is `{status u8, available u8, real length u16, time u16, octets}`, one after the
//! other. Real length and octets include the two FCS octets, which are `FF FF` for outgoing
//! frames. In Frame Relay the first status octet also holds the number of frames (bits 1-3) and
//! the "more" flag (bit 7), in PPP the "more" flag (bit 1) and the number of frames (bits 2-7) in
//! place of the first frame's errors; Cisco HDLC has them before the data.

use super::{Control, Date, Field, Message, Protocol, code};
use crate::ParseError;

/// Status bit: sent by this side (else received).
pub const OUTGOING: u8 = 0x01;
/// Status bit: the frame was aborted.
pub const ABORT: u8 = 0x10;
/// Status bit: bad FCS.
pub const CRC_ERROR: u8 = 0x20;
/// Status bit: receiver overrun.
pub const OVERRUN: u8 = 0x40;
/// The status bits of a frame itself.
pub const STATUS: u8 = OUTGOING | ABORT | CRC_ERROR | OVERRUN;

/// The FCS of outgoing frames in a trace.
pub const OUTGOING_FCS: [u8; 2] = [0xFF, 0xFF];

/// What a Frame Relay trace captures.
pub mod fr {
    /// Switches the trace on.
    pub const ACTIVE: u8 = 0x01;
    /// LMI frames.
    pub const SIGNALLING: u8 = 0x10;
    /// Data frames.
    pub const INFORMATION: u8 = 0x20;
    /// Everything.
    pub const ALL: u8 = ACTIVE | SIGNALLING | INFORMATION;
}

/// What a Cisco HDLC trace captures.
pub mod chdlc {
    /// Switches the trace on.
    pub const ACTIVE: u8 = 0x01;
    /// Data frames.
    pub const DATA: u8 = 0x08;
    /// SLARP: keepalives, address requests and replies.
    pub const SLARP: u8 = 0x10;
    /// Cisco Discovery Protocol.
    pub const CDP: u8 = 0x20;
    /// Everything; monitors leave the active bit to the driver.
    pub const ALL: u8 = DATA | SLARP | CDP;
}

/// What a PPP trace captures.
pub mod ppp {
    /// LCP, authentication, network control protocols.
    pub const SIGNALLING: u8 = 0x01;
    /// Data frames.
    pub const DATA: u8 = 0x02;
    /// Everything.
    pub const ALL: u8 = SIGNALLING | DATA;
}

/// What an X.25 trace captures, and how one frame is returned: its length (without FCS, also of
/// what was cut), its direction and errors, how many frames were lost before it, when, and the
/// frame. Where no frame is there the return code says so.
pub mod x25 {
    use super::{ABORT, CRC_ERROR, Date, Element, OUTGOING, OVERRUN};
    use crate::ParseError;
    use crate::pipemon::Protocol;

    /// Switches the trace on.
    pub const ACTIVE: u8 = 0x01;
    /// Frames have time stamps.
    pub const TIMESTAMP: u8 = 0x02;
    /// Information frames.
    pub const DATA: u8 = 0x08;
    /// Supervisory frames.
    pub const SUPERVISORY: u8 = 0x10;
    /// Unnumbered frames.
    pub const UNNUMBERED: u8 = 0x20;
    /// Every frame.
    pub const EVERY: u8 = 0x40;
    /// What frames can be captured for.
    pub const KINDS: u8 = DATA | SUPERVISORY | UNNUMBERED | EVERY;
    /// What a monitor asks for when it wants all frames.
    pub const ALL: u8 = ACTIVE | TIMESTAMP | EVERY;

    /// Octets before the frame.
    pub const HEADER: usize = 11;

    const SENT: u8 = 1;
    const ABORTED: u8 = 1;
    const BAD_CRC: u8 = 2;
    const OVERRUNS: u8 = 3;
    const TOO_LONG: u8 = 4;

    /// Writes a frame over `data`; of one that is too long for a reply what fits.
    pub fn encode(element: &Element<'_>, date: Date, data: &mut Vec<u8>) {
        let bcd = |number: u8| ((number / 10 % 10) << 4) | (number % 10);
        let error = match element.status {
            status if status & ABORT != 0 => ABORTED,
            status if status & CRC_ERROR != 0 => BAD_CRC,
            status if status & OVERRUN != 0 => OVERRUNS,
            _ => 0,
        };
        let kind = if element.outgoing() { SENT } else { 0 };
        data.clear();
        data.extend_from_slice(&element.real_length.to_le_bytes());
        data.extend_from_slice(&[error << 4 | kind, element.lost]);
        let Date {
            month,
            day,
            hour,
            minute,
            second,
        } = date;
        data.extend_from_slice(&[month, day, second, minute, hour].map(bcd));
        data.extend_from_slice(&element.timestamp.to_le_bytes());
        data.extend_from_slice(element.octets);
        data.truncate(Protocol::X25.max_reply_data());
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Less octets than those before the frame.
    pub fn decode(data: &[u8]) -> Result<Element<'_>, ParseError> {
        let Some((&head, frame)) = data.split_first_chunk::<HEADER>() else {
            return Err(ParseError::Truncated {
                what: "X.25 trace",
                need: HEADER,
                have: data.len(),
            });
        };
        let [l0, l1, kind, lost, month, day, second, minute, hour, m0, m1] = head;
        let number = |bcd: u8| (bcd >> 4) * 10 + (bcd & 0x0f);
        let real_length = u16::from_le_bytes([l0, l1]);
        let status = match kind >> 4 {
            ABORTED => ABORT,
            BAD_CRC => CRC_ERROR,
            OVERRUNS | TOO_LONG => OVERRUN,
            _ => 0,
        };
        Ok(Element {
            status: status | if kind & 0x0f == SENT { OUTGOING } else { 0 },
            real_length,
            timestamp: u16::from_le_bytes([m0, m1]),
            octets: frame.get(..real_length.into()).unwrap_or(frame),
            fcs: 0,
            lost,
            date: Date {
                month: number(month),
                day: number(day),
                hour: number(hour),
                minute: number(minute),
                second: number(second),
            }
            .checked(),
        })
    }
}

const HEADER: usize = 6;
const FR_COUNT_SHIFT: u8 = 1;
const FR_COUNT: u8 = 0x07;
const FR_MORE: u8 = 0x80;
const FR_MAX_FRAMES: u8 = 7;
const PPP_COUNT_SHIFT: u8 = 2;
const PPP_MORE: u8 = 0x02;
const PPP_MAX_FRAMES: u8 = 62;

/// Octets of an element that keeps `kept` octets of its frame; `None`: the frame was not kept.
fn stride(protocol: Protocol, kept: Option<usize>) -> usize {
    match (protocol, kept) {
        (Protocol::FrameRelay, kept) => HEADER + kept.unwrap_or(0),
        (Protocol::CiscoHdlc, Some(kept)) => HEADER + kept,
        (Protocol::X25, kept) => x25::HEADER + kept.unwrap_or(0),
        // One octet lies in the place of the frame.
        (Protocol::CiscoHdlc, None) => HEADER + 1,
        // An octet to spare, then up to an even length.
        (Protocol::Ppp, kept) => (HEADER + kept.unwrap_or(0) + 1).next_multiple_of(2),
    }
}

/// The bits of an element's status octet that are the frame's own.
fn own_status(protocol: Protocol, first: bool) -> u8 {
    if first && protocol == Protocol::Ppp {
        OUTGOING
    } else {
        STATUS
    }
}

/// A captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// [`OUTGOING`], [`ABORT`], [`CRC_ERROR`], [`OVERRUN`].
    pub status: u8,
    /// The frame's length with FCS, octets.
    pub real_length: u16,
    /// When it was captured: milliseconds, wrapping.
    pub timestamp: u16,
    /// The frame with its FCS, where that is traced; empty when it was not kept.
    pub octets: &'a [u8],
    /// Octets of the FCS at the end: 2, or 0 in X.25.
    pub fcs: u8,
    /// Frames that were lost before it; X.25 only.
    pub lost: u8,
    /// When it was captured, where the stamp is the part of a second; X.25 only.
    pub date: Option<Date>,
}

impl<'a> Element<'a> {
    /// Whether this side sent it.
    pub fn outgoing(&self) -> bool {
        self.status & OUTGOING != 0
    }

    /// The frame without its FCS; `None` when it was not kept.
    pub fn frame(&self) -> Option<&'a [u8]> {
        let end = self.octets.len().checked_sub(self.fcs.into())?;
        self.octets.get(..end).filter(|_| !self.octets.is_empty())
    }
}

/// The frames of a reply.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    protocol: Protocol,
    left: u8,
    more: bool,
    first: bool,
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames in a reply to GET_TRACE_INFO.
    pub fn of(message: &Message<'a>) -> Self {
        let data = message.data();
        let (left, more) = match message.control() {
            Control::FrameRelay { .. } => {
                let status = u8::read(data, 0);
                ((status >> FR_COUNT_SHIFT) & FR_COUNT, status & FR_MORE != 0)
            }
            Control::CiscoHdlc { frames, more } => (frames, more),
            Control::Ppp => {
                let status = u8::read(data, 0);
                (status >> PPP_COUNT_SHIFT, status & PPP_MORE != 0)
            }
            // A frame may wait behind this one.
            Control::X25 { .. } => {
                let one = message.return_code() == code::OK && !data.is_empty();
                (one.into(), one)
            }
        };
        Self {
            protocol: message.protocol(),
            left,
            more,
            first: true,
            rest: data,
        }
    }

    /// Whether more frames wait: ask again at once.
    pub fn more(&self) -> bool {
        self.more
    }

    fn take(&mut self) -> Result<Element<'a>, ParseError> {
        if self.protocol == Protocol::X25 {
            return x25::decode(self.rest);
        }
        let Some((head, rest)) = self.rest.split_at_checked(HEADER) else {
            return Err(ParseError::Truncated {
                what: "trace element",
                need: HEADER,
                have: self.rest.len(),
            });
        };
        let status = u8::read(head, 0) & own_status(self.protocol, self.first);
        let real_length = u16::read(head, 2);
        let available = u8::read(head, 1) != 0;
        let length = if available { real_length.into() } else { 0 };
        let Some((octets, rest)) = rest.split_at_checked(length) else {
            return Err(ParseError::Length {
                what: "trace element",
                claimed: length,
                have: rest.len(),
            });
        };
        let kept = available.then_some(length);
        let pad = stride(self.protocol, kept).saturating_sub(HEADER + length);
        // The last element may come without its padding.
        self.rest = rest.get(pad..).unwrap_or_default();
        self.first = false;
        Ok(Element {
            status,
            real_length,
            timestamp: u16::read(head, 4),
            octets,
            fcs: 2,
            lost: 0,
            date: None,
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Element<'a>, ParseError>;

    /// The next frame. An error is the last item.
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let element = self.take();
        if element.is_err() {
            self.left = 0;
        }
        Some(element)
    }
}

/// Packs frames into the data of a reply.
#[derive(Debug)]
pub struct Packer<'a> {
    protocol: Protocol,
    data: &'a mut Vec<u8>,
    limit: usize,
    count: u8,
}

impl<'a> Packer<'a> {
    /// Packs into `data`, which is cleared first, up to [`Protocol::max_reply_data`] octets.
    pub fn new(protocol: Protocol, data: &'a mut Vec<u8>) -> Self {
        data.clear();
        Self {
            protocol,
            data,
            limit: protocol.max_reply_data(),
            count: 0,
        }
    }

    /// Adds a frame, given without its FCS and with it apart. `false`: it does not fit into this
    /// reply and belongs into the next one. A frame that no reply could hold goes as its header.
    #[must_use]
    pub fn push(&mut self, status: u8, timestamp: u16, frame: &[u8], fcs: [u8; 2]) -> bool {
        let max = match self.protocol {
            Protocol::FrameRelay => FR_MAX_FRAMES,
            Protocol::CiscoHdlc => u8::MAX,
            Protocol::Ppp => PPP_MAX_FRAMES,
            // One a reply, by `x25::encode`.
            Protocol::X25 => 0,
        };
        let with_fcs = frame.len() + fcs.len();
        let real_length = u16::try_from(with_fcs).unwrap_or(u16::MAX);
        let whole = stride(self.protocol, Some(with_fcs));
        let available = whole <= self.limit;
        let need = if available {
            whole
        } else {
            stride(self.protocol, None)
        };
        let end = self.data.len() + need;
        if self.count >= max || end > self.limit {
            return false;
        }
        self.data
            .push(status & own_status(self.protocol, self.count == 0));
        self.data.push(available.into());
        self.data.extend_from_slice(&real_length.to_le_bytes());
        self.data.extend_from_slice(&timestamp.to_le_bytes());
        if available {
            self.data.extend_from_slice(frame);
            self.data.extend_from_slice(&fcs);
        }
        self.data.resize(end, 0);
        self.count += 1;
        true
    }

    /// Ends the reply. The control block to answer with has the DLCI of `request`.
    pub fn finish(self, request: &Message<'_>, more: bool) -> Control {
        let control = request.control();
        let flags = match control {
            Control::CiscoHdlc { .. } => {
                return Control::CiscoHdlc {
                    frames: self.count,
                    more,
                };
            }
            Control::FrameRelay { .. } => {
                (self.count << FR_COUNT_SHIFT) | if more { FR_MORE } else { 0 }
            }
            Control::Ppp => (self.count << PPP_COUNT_SHIFT) | if more { PPP_MORE } else { 0 },
            Control::X25 { .. } => return control,
        };
        match self.data.first_mut() {
            Some(status) => *status |= flags,
            // Without a frame the octet is there all the same: monitors read it.
            None => self.data.push(flags),
        }
        control
    }
}

/// Fuzz target: unpacking yields no more octets than there are, and what was unpacked packs again.
pub(super) fn fuzz(input: &[u8]) {
    let Ok(message) = Message::new_checked(input) else {
        return;
    };
    let mut data = Vec::new();
    let mut packer = Packer::new(message.protocol(), &mut data);
    let mut total = 0;
    let mut whole = Vec::new();
    for element in Frames::of(&message).flatten() {
        total += HEADER + element.octets.len();
        if let Some((frame, fcs)) = element.octets.split_last_chunk()
            && packer.push(element.status, element.timestamp, frame, *fcs)
        {
            let status = element.status & own_status(message.protocol(), whole.is_empty());
            whole.push(Element { status, ..element });
        }
    }
    assert!(total <= message.data().len());
    let control = packer.finish(&message, false);
    let repr = super::Repr {
        control,
        data: &data,
        ..super::Repr::parse(&message)
    };
    let mut octets = vec![0xa5; repr.wire_len()];
    assert_eq!(repr.emit(&mut octets), Ok(octets.len()));
    if let Ok(again) = Message::new_checked(&octets) {
        assert!(Frames::of(&again).flatten().eq(whole));
    }
}
