//! Captured frames in a reply to GET_TRACE_INFO.
//!
//! Each frame is `{status u8, available u8, real length u16, time u16, octets}`, one after the
//! other. Real length and octets include the two FCS octets, which are `FF FF` for outgoing
//! frames. In Frame Relay the first status octet also holds the number of frames (bits 1-3) and
//! the "more" flag (bit 7), in PPP the "more" flag (bit 1) and the number of frames (bits 2-7) in
//! place of the first frame's errors; Cisco HDLC has them before the data.

use super::{Control, Field, Message, Protocol};
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
    /// The frame with its FCS; empty when it was not kept.
    pub octets: &'a [u8],
}

impl<'a> Element<'a> {
    /// Whether this side sent it.
    pub fn outgoing(&self) -> bool {
        self.status & OUTGOING != 0
    }

    /// The frame without its FCS; `None` when it was not kept.
    pub fn frame(&self) -> Option<&'a [u8]> {
        self.octets.split_last_chunk::<2>().map(|(frame, _)| frame)
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
