//! The octets of netlink messages (`netlink(7)`, `rtnetlink(7)`): a header, a part of fixed length that the kind
//! of message has, and attributes. Numbers are in the host's order, everything is padded to four octets.

/// Octets of the header: length, kind, flags, sequence number, port.
const HEADER: usize = 16;
/// Octets of an attribute's header: length and kind.
const ATTRIBUTE: usize = 4;
/// The two highest bits of an attribute's kind say what its value is made of.
const KIND: u16 = 0x3fff;

/// A request that is being made.
#[derive(Debug)]
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A message of a kind (`RTM_`) with its part of fixed length.
    pub(super) fn new(kind: u16, fixed: &[u8]) -> Self {
        let mut octets = vec![0; HEADER];
        if let Some(place) = octets.get_mut(4..6) {
            place.copy_from_slice(&kind.to_ne_bytes());
        }
        octets.extend_from_slice(fixed);
        Self(octets)
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        append(&mut self.0, kind, value);
        self
    }

    /// The whole message.
    pub(super) fn finish(mut self, flags: u16, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        for (at, value) in [(0, length), (8, sequence)] {
            if let Some(place) = self.0.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_ne_bytes());
            }
        }
        if let Some(place) = self.0.get_mut(6..8) {
            place.copy_from_slice(&flags.to_ne_bytes());
        }
        self.0
    }
}

/// Appends an attribute with what fills it up.
pub(super) fn append(octets: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = ATTRIBUTE + value.len();
    octets.extend_from_slice(&(length as u16).to_ne_bytes());
    octets.extend_from_slice(&kind.to_ne_bytes());
    octets.extend_from_slice(value);
    octets.resize(octets.len().next_multiple_of(4), 0);
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'b> {
    /// Its kind: `NLMSG_` or `RTM_`.
    pub(super) kind: u16,
    /// The sequence number of the request that it answers.
    pub(super) sequence: u32,
    /// What is behind the header.
    body: &'b [u8],
}

impl<'b> Message<'b> {
    /// A part of fixed length, and the attributes behind it; `None` when the message is too short.
    pub(super) fn split<const N: usize>(&self) -> Option<(&'b [u8; N], Attributes<'b>)> {
        let (fixed, rest) = self.body.split_first_chunk()?;
        Some((fixed, Attributes(rest)))
    }

    /// The error of a message that ends an answer, a negative number; 0: success.
    pub(super) fn status(&self) -> i32 {
        self.body
            .first_chunk()
            .map_or(0, |octets| i32::from_ne_bytes(*octets))
    }
}

/// The messages of one datagram.
#[derive(Clone, Debug)]
pub(super) struct Messages<'b>(pub(super) &'b [u8]);

impl<'b> Iterator for Messages<'b> {
    type Item = Message<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = number(self.0)? as usize;
        let body = self.0.get(HEADER..length)?;
        let (kind, sequence) = (short(self.0.get(4..)?)?, number(self.0.get(8..)?)?);
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind,
            sequence,
            body,
        })
    }
}

/// Attributes, each a kind and a value, up to the first that is malformed.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'b>(&'b [u8]);

impl<'b> Iterator for Attributes<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(short(self.0)?);
        let kind = short(self.0.get(2..)?)? & KIND;
        let value = self.0.get(ATTRIBUTE..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// The 16-bit number that octets begin with.
pub(super) fn short(octets: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*octets.first_chunk()?))
}

/// The 32-bit number that octets begin with.
pub(super) fn number(octets: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*octets.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_made_is_read() {
        let mut nested = Vec::new();
        append(&mut nested, 1, b"bridge");
        let octets = Request::new(16, &[7; 16])
            .with(3, b"eth0\0")
            .with(18 | 0x8000, &nested)
            .finish(0x305, 9);
        assert_eq!(octets.len(), 16 + 16 + 12 + 4 + 12);
        assert_eq!(short(&octets[6..]), Some(0x305));
        let mut messages = Messages(&octets);
        let message = messages.next().unwrap();
        assert_eq!(messages.next(), None);
        assert_eq!((message.kind, message.sequence), (16, 9));
        let (fixed, attributes) = message.split::<16>().unwrap();
        assert_eq!(fixed, &[7; 16]);
        let attributes: Vec<_> = attributes.collect();
        assert_eq!(attributes[0], (3, &b"eth0\0"[..]));
        let (kind, nested) = attributes[1];
        assert_eq!(kind, 18);
        assert_eq!(
            Attributes(nested).collect::<Vec<_>>(),
            [(1, &b"bridge"[..])]
        );
        assert!(message.split::<45>().is_none());
    }

    proptest! {
        /// Whatever comes, it is read to its end and no further.
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            for message in Messages(&octets) {
                let _ = message.status();
                if let Some((_, attributes)) = message.split::<8>() {
                    prop_assert!(attributes.count() <= octets.len() / ATTRIBUTE);
                }
            }
        }
    }
}
