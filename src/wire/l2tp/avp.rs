//! Attribute value pairs as they stand in a message (RFC 2661 section 4.1).

use super::{Avp, ControlHeader, MessageType, truncated};
use crate::ParseError;

const MANDATORY: u8 = 0x80;
const HIDDEN: u8 = 0x40;
const RESERVED: u8 = 0x3c;

/// One AVP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAvp<'m> {
    /// A receiver that does not understand it must give up the tunnel or the call.
    pub mandatory: bool,
    /// The value is hidden (section 4.3).
    pub hidden: bool,
    /// A reserved bit is set: the AVP counts as unknown (section 4.1).
    pub reserved: bool,
    /// Whose attribute it is (SMI enterprise code); 0 for those of the standard.
    pub vendor: u16,
    /// The attribute; see [`attribute`](super::attribute).
    pub kind: u16,
    /// The value, at most [`Self::MAX_VALUE`] octets.
    pub value: &'m [u8],
}

impl RawAvp<'_> {
    /// Octets before the value.
    pub const HEADER: usize = 6;
    /// The longest value.
    pub const MAX_VALUE: usize = 0x3ff - Self::HEADER;

    /// Octets of the whole AVP.
    #[must_use]
    pub const fn len(&self) -> usize {
        Self::HEADER + self.value.len()
    }

    /// Never; an AVP has six octets at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Appends the AVP to a message; a value of more than [`Self::MAX_VALUE`] octets is cut there.
    pub fn append(&self, message: &mut Vec<u8>) {
        let start = message.len();
        self.begin(message);
        message.extend_from_slice(self.value);
        end(message, start);
    }

    /// Appends all but the value; [`end`] writes the length.
    fn begin(&self, message: &mut Vec<u8>) {
        let flag = |flag: u8, set: bool| if set { flag } else { 0 };
        let flags = flag(MANDATORY, self.mandatory)
            | flag(HIDDEN, self.hidden)
            | flag(RESERVED & 0x20, self.reserved);
        message.extend_from_slice(&[flags, 0]);
        message.extend_from_slice(&self.vendor.to_be_bytes());
        message.extend_from_slice(&self.kind.to_be_bytes());
    }
}

/// Appends an AVP of the standard whose value `write` appends.
pub(super) fn append_with(
    message: &mut Vec<u8>,
    mandatory: bool,
    (vendor, kind): (u16, u16),
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = message.len();
    RawAvp {
        mandatory,
        hidden: false,
        reserved: false,
        vendor,
        kind,
        value: &[],
    }
    .begin(message);
    write(message);
    end(message, start);
}

/// Writes the length of the AVP that begins at `start`.
fn end(message: &mut Vec<u8>, start: usize) {
    message.truncate(start + RawAvp::HEADER + RawAvp::MAX_VALUE);
    let [high, low] = ((message.len() - start) as u16).to_be_bytes();
    if let Some([flags, length]) = message.get_mut(start..start + 2) {
        *flags |= high;
        *length = low;
    }
}

/// The AVPs of a message, in order. After an error there are no more.
#[derive(Clone, Copy, Debug)]
pub struct Avps<'m> {
    rest: &'m [u8],
}

impl<'m> Avps<'m> {
    /// The AVPs behind a header.
    #[must_use]
    pub const fn new(body: &'m [u8]) -> Self {
        Self { rest: body }
    }

    /// What the message is, when it begins with that as it must (section 4.4.1), and whether a
    /// receiver has to know it.
    #[must_use]
    pub fn message_type(mut self) -> Option<(MessageType, bool)> {
        match self.next()? {
            Ok(RawAvp {
                hidden: false,
                reserved: false,
                mandatory,
                vendor: 0,
                kind: super::attribute::MESSAGE_TYPE,
                value: &[high, low],
            }) => Some((MessageType(u16::from_be_bytes([high, low])), mandatory)),
            _ => None,
        }
    }
}

impl<'m> Iterator for Avps<'m> {
    type Item = Result<RawAvp<'m>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let all = std::mem::take(&mut self.rest);
        if all.is_empty() {
            return None;
        }
        let Some((&[flags, length, v1, v0, k1, k0], _)) = all.split_first_chunk() else {
            return Some(Err(truncated("AVP", RawAvp::HEADER, all)));
        };
        let claimed = usize::from(u16::from_be_bytes([flags & 3, length]));
        let Some(value) = all.get(RawAvp::HEADER..claimed) else {
            return Some(Err(ParseError::Length {
                what: "AVP length",
                claimed,
                have: all.len(),
            }));
        };
        self.rest = all.get(claimed..).unwrap_or_default();
        Some(Ok(RawAvp {
            mandatory: flags & MANDATORY != 0,
            hidden: flags & HIDDEN != 0,
            reserved: flags & RESERVED != 0,
            vendor: u16::from_be_bytes([v1, v0]),
            kind: u16::from_be_bytes([k1, k0]),
            value,
        }))
    }
}

/// Appends a control message to a buffer, AVP by AVP.
#[derive(Debug)]
pub struct Writer<'v> {
    message: &'v mut Vec<u8>,
    start: usize,
    header: ControlHeader,
}

impl<'v> Writer<'v> {
    /// Begins a message behind what the buffer holds.
    pub fn new(message: &'v mut Vec<u8>, header: ControlHeader) -> Self {
        let start = message.len();
        message.extend_from_slice(&header.octets(0));
        Self {
            message,
            start,
            header,
        }
    }

    /// Appends an AVP, mandatory when the standard says so.
    pub fn avp(&mut self, avp: &Avp<'_>) -> &mut Self {
        avp.append(self.message);
        self
    }

    /// Appends an AVP as it is.
    pub fn raw(&mut self, avp: &RawAvp<'_>) -> &mut Self {
        avp.append(self.message);
        self
    }

    /// Appends AVPs that are written already.
    pub fn octets(&mut self, avps: &[u8]) -> &mut Self {
        self.message.extend_from_slice(avps);
        self
    }

    /// Writes the length.
    ///
    /// # Errors
    /// [`ParseError::Length`] when the message has more than 65535 octets.
    pub fn finish(self) -> Result<(), ParseError> {
        let have = self.message.len().saturating_sub(self.start);
        let length = u16::try_from(have).map_err(|_| ParseError::Length {
            what: "L2TP control length",
            claimed: u16::MAX.into(),
            have,
        })?;
        if let Some(header) = self
            .message
            .get_mut(self.start..self.start + ControlHeader::LEN)
        {
            header.copy_from_slice(&self.header.octets(length));
        }
        Ok(())
    }
}
