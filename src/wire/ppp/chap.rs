//! Challenge Handshake Authentication Protocol (RFC 1994), and the value of an MS-CHAPv2 response
//! (RFC 2759 section 4).
//!
//! ```text
//! Challenge, Response: value length | value | name
//! Success, Failure: message
//! MS-CHAPv2 response value: peer challenge, 16 | reserved, 8 | NT-Response, 24 | flags
//! ```

use super::{Packet, Writer, truncated};
use crate::ParseError;

/// Challenge (section 4.1).
pub const CHALLENGE: u8 = 1;
/// Response (section 4.1).
pub const RESPONSE: u8 = 2;
/// Success (section 4.2).
pub const SUCCESS: u8 = 3;
/// Failure (section 4.2).
pub const FAILURE: u8 = 4;

/// A CHAP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chap<'p> {
    /// A value to answer.
    Challenge {
        /// 1 to 255 octets.
        value: &'p [u8],
        /// The authenticator's name.
        name: &'p [u8],
    },
    /// The answer.
    Response {
        /// 1 to 255 octets: 16 for MD5, [`MsChapV2Response::LEN`] for MS-CHAPv2.
        value: &'p [u8],
        /// The peer's name.
        name: &'p [u8],
    },
    /// Accepted.
    Success {
        /// A text for people; with MS-CHAPv2 also the authenticator's own proof.
        message: &'p [u8],
    },
    /// Refused.
    Failure {
        /// A text for people; with MS-CHAPv2 an error code.
        message: &'p [u8],
    },
}

impl<'p> Chap<'p> {
    /// Reads a packet.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] for a value beyond the packet or of no octets,
    /// [`ParseError::Invalid`] for another code.
    pub fn parse(packet: &Packet<'p>) -> Result<Self, ParseError> {
        let data = packet.data;
        match packet.code {
            CHALLENGE | RESPONSE => {
                let Some((&length, rest)) = data.split_first().filter(|(length, _)| **length > 0)
                else {
                    return Err(truncated("CHAP value", 2, data));
                };
                let (value, name) = rest
                    .split_at_checked(length.into())
                    .ok_or_else(|| truncated("CHAP value", length.into(), rest))?;
                Ok(if packet.code == CHALLENGE {
                    Self::Challenge { value, name }
                } else {
                    Self::Response { value, name }
                })
            }
            SUCCESS => Ok(Self::Success { message: data }),
            FAILURE => Ok(Self::Failure { message: data }),
            code => Err(ParseError::Invalid {
                what: "CHAP code",
                value: code.into(),
                expected: "1 to 4",
            }),
        }
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Challenge { .. } => CHALLENGE,
            Self::Response { .. } => RESPONSE,
            Self::Success { .. } => SUCCESS,
            Self::Failure { .. } => FAILURE,
        }
    }

    /// Appends the packet to a frame. Values are cut at 255 octets, names and messages at
    /// [`Self::MAX_TEXT`].
    pub fn append(&self, identifier: u8, frame: &mut Vec<u8>) {
        let mut writer = Writer::new(frame, self.code(), identifier);
        let (value, text) = match self {
            Self::Challenge { value, name } | Self::Response { value, name } => (Some(value), name),
            Self::Success { message } | Self::Failure { message } => (None, message),
        };
        if let Some(value) = value {
            let value = value.get(..255).unwrap_or(value);
            writer.data(&[value.len() as u8]);
            writer.data(value);
        }
        writer.data(text.get(..Self::MAX_TEXT).unwrap_or(text));
        // Both together are never too long.
        let _ = writer.finish();
    }

    /// The longest name or message that is written.
    pub const MAX_TEXT: usize = 1024;
}

/// The value of an MS-CHAPv2 response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MsChapV2Response {
    /// The peer's own challenge.
    pub peer_challenge: [u8; 16],
    /// The proof.
    pub nt_response: [u8; 24],
}

impl MsChapV2Response {
    /// Octets of the value.
    pub const LEN: usize = 49;

    /// Reads a value; what the reserved octets and the flags hold does not matter.
    ///
    /// # Errors
    /// [`ParseError::Length`] for another length.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let wrong = || ParseError::Length {
            what: "MS-CHAPv2 response",
            claimed: Self::LEN,
            have: value.len(),
        };
        let value: &[u8; Self::LEN] = value.try_into().map_err(|_| wrong())?;
        let (peer_challenge, rest) = value.split_first_chunk().ok_or_else(wrong)?;
        let (_, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (nt_response, _) = rest.split_first_chunk().ok_or_else(wrong)?;
        Ok(Self {
            peer_challenge: *peer_challenge,
            nt_response: *nt_response,
        })
    }

    /// The value's octets.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mut value = [0; Self::LEN];
        let parts = self
            .peer_challenge
            .iter()
            .chain(&[0; 8])
            .chain(&self.nt_response);
        for (octet, part) in value.iter_mut().zip(parts) {
            *octet = *part;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_challenge_on_the_wire() {
        let mut octets = Vec::new();
        let challenge = Chap::Challenge {
            value: &[0xaa, 0xbb],
            name: b"lns",
        };
        challenge.append(3, &mut octets);
        assert_eq!(octets, b"\x01\x03\x00\x0a\x02\xaa\xbblns");
        assert_eq!(Chap::parse(&Packet::parse(&octets).unwrap()), Ok(challenge));
    }

    #[test]
    fn values_beyond_the_packet_are_refused() {
        for octets in [
            &b"\x01\x01\x00\x04"[..],
            b"\x02\x01\x00\x05\x00",
            b"\x02\x01\x00\x06\x02v",
            b"\x05\x01\x00\x06\x01v",
        ] {
            assert!(Chap::parse(&Packet::parse(octets).unwrap()).is_err());
        }
        assert!(MsChapV2Response::parse(&[0; 48]).is_err());
        assert!(MsChapV2Response::parse(&[0; 50]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            code in 1..5u8,
            value in proptest::collection::vec(any::<u8>(), 1..256),
            text in proptest::collection::vec(any::<u8>(), 0..300),
            identifier: u8,
        ) {
            let chap = match code {
                CHALLENGE => Chap::Challenge { value: &value, name: &text },
                RESPONSE => Chap::Response { value: &value, name: &text },
                SUCCESS => Chap::Success { message: &text },
                _ => Chap::Failure { message: &text },
            };
            let mut octets = Vec::new();
            chap.append(identifier, &mut octets);
            let packet = Packet::parse(&octets).unwrap();
            prop_assert_eq!(Chap::parse(&packet), Ok(chap));
        }

        #[test]
        fn a_response_value_is_read_as_written(
            peer_challenge: [u8; 16],
            nt_response in proptest::array::uniform24(any::<u8>()),
        ) {
            let value = MsChapV2Response { peer_challenge, nt_response };
            prop_assert!(MsChapV2Response::parse(&value.emit()) == Ok(value));
        }
    }
}
