//! Password Authentication Protocol (RFC 1334 section 2).
//!
//! ```text
//! Authenticate-Request: peer-id length | peer-id | password length | password
//! Authenticate-Ack, Authenticate-Nak: message length | message
//! ```

use super::{Packet, Writer, truncated};
use crate::ParseError;

/// Authenticate-Request (section 2.2.1).
pub const REQUEST: u8 = 1;
/// Authenticate-Ack (section 2.2.2).
pub const ACK: u8 = 2;
/// Authenticate-Nak (section 2.2.2).
pub const NAK: u8 = 3;

/// A PAP packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pap<'p> {
    /// Who the peer is, and its password.
    Request {
        /// Its name, at most 255 octets.
        peer: &'p [u8],
        /// Its password, at most 255 octets.
        password: &'p [u8],
    },
    /// Accepted.
    Ack {
        /// A text for people, at most 255 octets.
        message: &'p [u8],
    },
    /// Refused.
    Nak {
        /// A text for people, at most 255 octets.
        message: &'p [u8],
    },
}

impl std::fmt::Debug for Pap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password is never shown.
        match self {
            Self::Request { peer, .. } => write!(f, "Request {{ peer: {peer:?} }}"),
            Self::Ack { message } => write!(f, "Ack {{ message: {message:?} }}"),
            Self::Nak { message } => write!(f, "Nak {{ message: {message:?} }}"),
        }
    }
}

impl<'p> Pap<'p> {
    /// Reads a packet. Some peers leave the message length out; an empty message is meant.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when a length leads beyond the packet, [`ParseError::Invalid`] for
    /// another code.
    pub fn parse(packet: &Packet<'p>) -> Result<Self, ParseError> {
        match packet.code {
            REQUEST => {
                let (peer, rest) = counted(packet.data)?;
                let (password, _) = counted(rest)?;
                Ok(Self::Request { peer, password })
            }
            ACK | NAK => {
                let message = match packet.data {
                    [] => packet.data,
                    data => counted(data)?.0,
                };
                Ok(if packet.code == ACK {
                    Self::Ack { message }
                } else {
                    Self::Nak { message }
                })
            }
            code => Err(ParseError::Invalid {
                what: "PAP code",
                value: code.into(),
                expected: "1 to 3",
            }),
        }
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Request { .. } => REQUEST,
            Self::Ack { .. } => ACK,
            Self::Nak { .. } => NAK,
        }
    }

    /// Appends the packet to a frame. Texts are cut at 255 octets.
    pub fn append(&self, identifier: u8, frame: &mut Vec<u8>) {
        let mut writer = Writer::new(frame, self.code(), identifier);
        match self {
            Self::Request { peer, password } => {
                put(&mut writer, peer);
                put(&mut writer, password);
            }
            Self::Ack { message } | Self::Nak { message } => put(&mut writer, message),
        }
        // Two texts of at most 255 octets are never too long.
        let _ = writer.finish();
    }
}

/// A text behind its length, and what follows.
fn counted(octets: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let Some((&length, rest)) = octets.split_first() else {
        return Err(truncated("PAP field", 1, octets));
    };
    rest.split_at_checked(length.into())
        .ok_or_else(|| truncated("PAP field", length.into(), rest))
}

fn put(writer: &mut Writer<'_>, text: &[u8]) {
    let text = text.get(..255).unwrap_or(text);
    writer.data(&[text.len() as u8]);
    writer.data(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_on_the_wire() {
        let mut octets = Vec::new();
        let request = Pap::Request {
            peer: b"user",
            password: b"pass!",
        };
        request.append(7, &mut octets);
        assert_eq!(octets, b"\x01\x07\x00\x0f\x04user\x05pass!");
        assert_eq!(Pap::parse(&Packet::parse(&octets).unwrap()), Ok(request));
        assert!(!format!("{request:?}").contains("pass!"));
    }

    #[test]
    fn a_message_may_be_missing() {
        let packet = Packet::parse(b"\x02\x01\x00\x04").unwrap();
        assert_eq!(Pap::parse(&packet), Ok(Pap::Ack { message: b"" }));
    }

    #[test]
    fn lengths_beyond_the_packet_are_refused() {
        for octets in [
            &b"\x01\x01\x00\x04"[..],
            b"\x01\x01\x00\x06\x04u",
            b"\x01\x01\x00\x06\x01u",
            b"\x01\x01\x00\x08\x01u\x02p",
            b"\x03\x01\x00\x05\x01",
            b"\x04\x01\x00\x05\x00",
        ] {
            let packet = Packet::parse(octets).unwrap();
            assert!(Pap::parse(&packet).is_err(), "{octets:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            code in 1..4u8,
            first in proptest::collection::vec(any::<u8>(), 0..256),
            second in proptest::collection::vec(any::<u8>(), 0..256),
            identifier: u8,
        ) {
            let pap = match code {
                REQUEST => Pap::Request { peer: &first, password: &second },
                ACK => Pap::Ack { message: &first },
                _ => Pap::Nak { message: &first },
            };
            let mut octets = Vec::new();
            pap.append(identifier, &mut octets);
            let packet = Packet::parse(&octets).unwrap();
            prop_assert_eq!(packet.identifier, identifier);
            prop_assert_eq!(Pap::parse(&packet), Ok(pap));
        }
    }
}
