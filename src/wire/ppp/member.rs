//! What the link daemons of one bundle say to each other, over a local socket that keeps messages
//! apart: the first has the bundle, each member a line.
//!
//! ```text
//! octet 0: what it is; all numbers big-endian
//! 1 frame (both ways):        the frame as it came from the line, or as it goes to it
//! 2 welcome (first to member): version, 1 | MRRU, 2 | short numbers, 1 | discriminator
//! 3 join (member to first):   rate, 8 | MRU, 2 | flags, 1 | MRRU of the peer, 2 | ours, 2
//!                             | lengths: device, 1; discriminator, 1; name, 1 | these three
//! 4 joined (first to member), 6 left, 7 ready, 8 full (member to first): nothing more
//! 5 refused (first to member): why, in words
//! ```

use crate::ParseError;

use super::truncated;

/// The version of this format.
pub const VERSION: u8 = 1;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    /// A frame of the line: with its header.
    Frame(&'m [u8]),
    /// What a member has to negotiate.
    Welcome {
        /// The longest packet that the bundle puts together, octets.
        mrru: u16,
        /// Short sequence numbers are asked for.
        short_sequence: bool,
        /// Whose this end is: a class and an address.
        discriminator: &'m [u8],
    },
    /// A member's link is up.
    Join(Join<'m>),
    /// It is in the bundle.
    Joined,
    /// It is not, for this reason.
    Refused(&'m str),
    /// A member's link is down.
    Left,
    /// A member's line takes frames again.
    Ready,
    /// A member's line takes none for now.
    Full,
}

/// A member's link, as it was negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Join<'m> {
    /// Its bit rate, bit/s; 0: not known.
    pub rate_bps: u64,
    /// The longest information field that the peer takes, octets.
    pub mru: u16,
    /// The peer reads frames without address and control.
    pub acfc: bool,
    /// The peer reads protocols of one octet.
    pub pfc: bool,
    /// The longest packets that the peer and we put together; `None`: no multilink.
    pub mrru: Option<(u16, u16)>,
    /// The peer, and we, asked for short sequence numbers.
    pub short: (bool, bool),
    /// The member's device; at most 255 octets, as the two below.
    pub device: &'m [u8],
    /// Whose the other end is; empty: it did not say.
    pub discriminator: &'m [u8],
    /// The name that it proved; empty: none.
    pub name: &'m [u8],
}

const ACFC: u8 = 1;
const PFC: u8 = 2;
const PEER_SHORT: u8 = 4;
const OUR_SHORT: u8 = 8;
const MULTILINK: u8 = 16;

impl<'m> Message<'m> {
    /// The octet before a frame.
    pub const FRAME: u8 = 1;

    /// Reads a message.
    ///
    /// # Errors
    /// [`ParseError::Truncated`], [`ParseError::Length`] or [`ParseError::Invalid`].
    pub fn parse(octets: &'m [u8]) -> Result<Self, ParseError> {
        let Some((&kind, data)) = octets.split_first() else {
            return Err(truncated("bundle message", 1, octets));
        };
        match kind {
            Self::FRAME => Ok(Self::Frame(data)),
            2 => {
                let &[version, high, low, short, ref discriminator @ ..] = data else {
                    return Err(truncated("welcome", 4, data));
                };
                if version != VERSION {
                    return Err(ParseError::Invalid {
                        what: "version of the bundle's messages",
                        value: version.into(),
                        expected: "1",
                    });
                }
                Ok(Self::Welcome {
                    mrru: u16::from_be_bytes([high, low]),
                    short_sequence: short != 0,
                    discriminator,
                })
            }
            3 => Join::parse(data).map(Self::Join),
            4 => Ok(Self::Joined),
            5 => Ok(Self::Refused(std::str::from_utf8(data).unwrap_or("?"))),
            6 => Ok(Self::Left),
            7 => Ok(Self::Ready),
            8 => Ok(Self::Full),
            other => Err(ParseError::Invalid {
                what: "bundle message",
                value: other.into(),
                expected: "1 to 8",
            }),
        }
    }

    /// Appends the message.
    pub fn append(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Frame(frame) => {
                octets.push(Self::FRAME);
                octets.extend_from_slice(frame);
            }
            Self::Welcome {
                mrru,
                short_sequence,
                discriminator,
            } => {
                let [high, low] = mrru.to_be_bytes();
                octets.extend_from_slice(&[2, VERSION, high, low, (*short_sequence).into()]);
                octets.extend_from_slice(discriminator);
            }
            Self::Join(join) => {
                octets.push(3);
                join.append(octets);
            }
            Self::Joined => octets.push(4),
            Self::Refused(why) => {
                octets.push(5);
                octets.extend_from_slice(why.as_bytes());
            }
            Self::Left => octets.push(6),
            Self::Ready => octets.push(7),
            Self::Full => octets.push(8),
        }
    }
}

/// The octets of a join before its texts.
const JOIN: usize = 18;

impl<'m> Join<'m> {
    fn parse(data: &'m [u8]) -> Result<Self, ParseError> {
        let Some((head, texts)) = data.split_first_chunk::<JOIN>() else {
            return Err(truncated("join", JOIN, data));
        };
        let [
            r0,
            r1,
            r2,
            r3,
            r4,
            r5,
            r6,
            r7,
            m0,
            m1,
            flags,
            p0,
            p1,
            o0,
            o1,
            device,
            disc,
            name,
        ] = *head;
        let claimed = usize::from(device) + usize::from(disc) + usize::from(name);
        let wrong = ParseError::Length {
            what: "join",
            claimed,
            have: texts.len(),
        };
        if claimed != texts.len() {
            return Err(wrong);
        }
        let (device, rest) = texts.split_at_checked(device.into()).ok_or(wrong)?;
        let (discriminator, name) = rest.split_at_checked(disc.into()).ok_or(wrong)?;
        let mrru = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([o0, o1]));
        Ok(Self {
            rate_bps: u64::from_be_bytes([r0, r1, r2, r3, r4, r5, r6, r7]),
            mru: u16::from_be_bytes([m0, m1]),
            acfc: flags & ACFC != 0,
            pfc: flags & PFC != 0,
            mrru: (flags & MULTILINK != 0).then_some(mrru),
            short: (flags & PEER_SHORT != 0, flags & OUR_SHORT != 0),
            device,
            discriminator,
            name,
        })
    }

    fn append(&self, octets: &mut Vec<u8>) {
        let flag = |set, bit| if set { bit } else { 0 };
        let flags = flag(self.acfc, ACFC)
            | flag(self.pfc, PFC)
            | flag(self.short.0, PEER_SHORT)
            | flag(self.short.1, OUR_SHORT)
            | flag(self.mrru.is_some(), MULTILINK);
        let (peer, ours) = self.mrru.unwrap_or_default();
        octets.extend_from_slice(&self.rate_bps.to_be_bytes());
        octets.extend_from_slice(&self.mru.to_be_bytes());
        octets.push(flags);
        octets.extend_from_slice(&peer.to_be_bytes());
        octets.extend_from_slice(&ours.to_be_bytes());
        let texts = [self.device, self.discriminator, self.name];
        let texts = texts.map(|text| text.get(..255).unwrap_or(text));
        octets.extend(texts.iter().map(|text| text.len() as u8));
        for text in texts {
            octets.extend_from_slice(text);
        }
    }
}

/// Any octets: a message that is accepted is written again and reads the same. For fuzzing and
/// replayed tests.
pub fn fuzz_member(octets: &[u8]) {
    if let Ok(message) = Message::parse(octets) {
        let mut again = Vec::new();
        message.append(&mut again);
        assert_eq!(Message::parse(&again), Ok(message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read_again() {
        let join = Join {
            rate_bps: 64_000,
            mru: 1500,
            acfc: true,
            pfc: false,
            mrru: Some((1600, 1700)),
            short: (false, true),
            device: b"wanpipe2",
            discriminator: &[1, 9, 9],
            name: b"site",
        };
        for message in [
            Message::Frame(&[0xff, 3, 0, 0x3d]),
            Message::Welcome {
                mrru: 1500,
                short_sequence: true,
                discriminator: &[1, 2, 3],
            },
            Message::Join(join),
            Message::Join(Join::default()),
            Message::Joined,
            Message::Refused("another system"),
            Message::Left,
            Message::Ready,
            Message::Full,
        ] {
            let mut octets = Vec::new();
            message.append(&mut octets);
            assert_eq!(Message::parse(&octets), Ok(message));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [
            &[][..],
            &[0],
            &[9],
            &[2, 1, 5],
            &[2, 2, 5, 0xdc, 0],
            &[3, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        ] {
            assert!(Message::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            fuzz_member(&octets);
        }
    }
}
