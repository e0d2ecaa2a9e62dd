//! The options of LCP (RFC 1661 section 6, RFC 1662 section 7, RFC 1990 section 5.1).

use std::fmt;

use super::{Protocol, RawOption};
use crate::ParseError;

/// The numbers of the options.
pub mod kind {
    /// Maximum-Receive-Unit (RFC 1661 section 6.1).
    pub const MRU: u8 = 1;
    /// Async-Control-Character-Map (RFC 1662 section 7.1).
    pub const ACCM: u8 = 2;
    /// Authentication-Protocol (RFC 1661 section 6.2).
    pub const AUTHENTICATION: u8 = 3;
    /// Quality-Protocol (RFC 1661 section 6.3).
    pub const QUALITY: u8 = 4;
    /// Magic-Number (RFC 1661 section 6.4).
    pub const MAGIC: u8 = 5;
    /// Protocol-Field-Compression (RFC 1661 section 6.5).
    pub const PFC: u8 = 7;
    /// Address-and-Control-Field-Compression (RFC 1661 section 6.6).
    pub const ACFC: u8 = 8;
    /// Multilink Maximum-Received-Reconstructed-Unit (RFC 1990 section 5.1.1).
    pub const MRRU: u8 = 17;
    /// Multilink Short-Sequence-Number-Header (RFC 1990 section 5.1.2).
    pub const SHORT_SEQUENCE: u8 = 18;
    /// Endpoint-Discriminator (RFC 1990 section 5.1.3).
    pub const ENDPOINT: u8 = 19;
}

/// A way to prove who one is, as the Authentication-Protocol option names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthProtocol {
    /// PAP, C023.
    Pap,
    /// CHAP, C223, with this algorithm: 5 is MD5 (RFC 1994), 128 MS-CHAP (RFC 2433), 129
    /// MS-CHAPv2 (RFC 2759).
    Chap(u8),
    /// Any other, or one of these with other data behind it than it has.
    Other(u16),
}

impl AuthProtocol {
    /// CHAP with MD5.
    pub const CHAP_MD5: Self = Self::Chap(5);
    /// MS-CHAP version 1.
    pub const MS_CHAP: Self = Self::Chap(128);
    /// MS-CHAP version 2.
    pub const MS_CHAP_V2: Self = Self::Chap(129);

    fn parse(data: &[u8]) -> Result<Self, ParseError> {
        let Some((&number, rest)) = data.split_first_chunk() else {
            return Err(wrong_length("Authentication-Protocol", 2, data));
        };
        let number = u16::from_be_bytes(number);
        Ok(match (Protocol(number), rest) {
            (Protocol::PAP, []) => Self::Pap,
            (Protocol::CHAP, &[algorithm]) => Self::Chap(algorithm),
            _ => Self::Other(number),
        })
    }

    /// The number of the protocol.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Pap => Protocol::PAP,
            Self::Chap(_) => Protocol::CHAP,
            Self::Other(number) => Protocol(number),
        }
    }
}

impl fmt::Display for AuthProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Pap => f.write_str("PAP"),
            Self::CHAP_MD5 => f.write_str("CHAP"),
            Self::MS_CHAP => f.write_str("MS-CHAP"),
            Self::MS_CHAP_V2 => f.write_str("MS-CHAPv2"),
            Self::Chap(algorithm) => write!(f, "CHAP algorithm {algorithm}"),
            Self::Other(number) => Protocol(number).fmt(f),
        }
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LcpOption<'p> {
    /// The longest information field that the sender takes, octets.
    Mru(u16),
    /// The control characters 00 to 1F that the sender wants escaped, a bit each.
    Accm(u32),
    /// The sender demands proof by this protocol.
    Authentication(AuthProtocol),
    /// A number that is the sender's alone, to recognise its own frames.
    Magic(u32),
    /// The sender reads protocol fields of one octet.
    Pfc,
    /// The sender reads frames without address and control.
    Acfc,
    /// The sender can join links and takes packets of this many octets through them.
    Mrru(u16),
    /// The sender wants fragments with short sequence numbers.
    ShortSequence,
    /// Who the sender is: a class and an address of that class, 0 to 20 octets in practice.
    Endpoint {
        /// The class (RFC 1990 section 5.1.3): 0 null, 1 local, 2 IPv4, 3 MAC, 4 magic, 5 number.
        class: u8,
        /// The address.
        address: &'p [u8],
    },
    /// Any other, among them Quality-Protocol.
    Other(RawOption<'p>),
}

impl<'p> LcpOption<'p> {
    /// Reads an option.
    ///
    /// # Errors
    /// [`ParseError::Length`] when a known option has another length than it must.
    pub fn parse(option: RawOption<'p>) -> Result<Self, ParseError> {
        let data = option.data;
        Ok(match option.kind {
            kind::MRU => Self::Mru(u16::from_be_bytes(exact("MRU", data)?)),
            kind::ACCM => Self::Accm(u32::from_be_bytes(exact("ACCM", data)?)),
            kind::AUTHENTICATION => Self::Authentication(AuthProtocol::parse(data)?),
            kind::MAGIC => Self::Magic(u32::from_be_bytes(exact("Magic-Number", data)?)),
            kind::PFC => exact::<0>("PFC", data).map(|_| Self::Pfc)?,
            kind::ACFC => exact::<0>("ACFC", data).map(|_| Self::Acfc)?,
            kind::MRRU => Self::Mrru(u16::from_be_bytes(exact("MRRU", data)?)),
            kind::SHORT_SEQUENCE => {
                exact::<0>("Short-Sequence-Number", data).map(|_| Self::ShortSequence)?
            }
            kind::ENDPOINT => {
                let (&class, address) = data
                    .split_first()
                    .ok_or_else(|| wrong_length("Endpoint-Discriminator", 1, data))?;
                Self::Endpoint { class, address }
            }
            _ => Self::Other(option),
        })
    }

    /// Appends the option to a list. A protocol of [`AuthProtocol::Other`] is written without
    /// data.
    pub fn append(&self, list: &mut Vec<u8>) {
        let mut put = |kind, data: &[u8]| RawOption { kind, data }.append(list);
        match *self {
            Self::Mru(octets) => put(kind::MRU, &octets.to_be_bytes()),
            Self::Accm(map) => put(kind::ACCM, &map.to_be_bytes()),
            Self::Authentication(protocol) => {
                let [high, low] = protocol.protocol().0.to_be_bytes();
                match protocol {
                    AuthProtocol::Chap(algorithm) => {
                        put(kind::AUTHENTICATION, &[high, low, algorithm]);
                    }
                    _ => put(kind::AUTHENTICATION, &[high, low]),
                }
            }
            Self::Magic(number) => put(kind::MAGIC, &number.to_be_bytes()),
            Self::Pfc => put(kind::PFC, &[]),
            Self::Acfc => put(kind::ACFC, &[]),
            Self::Mrru(octets) => put(kind::MRRU, &octets.to_be_bytes()),
            Self::ShortSequence => put(kind::SHORT_SEQUENCE, &[]),
            Self::Endpoint { class, address } => {
                let address = address.get(..RawOption::MAX_DATA - 1).unwrap_or(address);
                list.push(kind::ENDPOINT);
                list.push((RawOption::HEADER + 1 + address.len()) as u8);
                list.push(class);
                list.extend_from_slice(address);
            }
            Self::Other(option) => option.append(list),
        }
    }
}

/// All of an option's value, when it has the right length.
pub(super) fn exact<const N: usize>(
    what: &'static str,
    data: &[u8],
) -> Result<[u8; N], ParseError> {
    data.try_into().map_err(|_| wrong_length(what, N, data))
}

fn wrong_length(what: &'static str, claimed: usize, data: &[u8]) -> ParseError {
    ParseError::Length {
        what,
        claimed,
        have: data.len(),
    }
}
