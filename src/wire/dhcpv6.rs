//! DHCPv6 (RFC 8415), with its DNS options (RFC 3646).
//!
//! ```text
//! message: type | transaction, 3 | options
//! option: code, 2 | length, 2 | data
//! IA_NA, IA_PD: IAID, 4 | T1, 4 | T2, 4 | options
//! IAADDR: address, 16 | preferred, 4 | valid, 4 | options
//! IAPREFIX: preferred, 4 | valid, 4 | bits | prefix, 16 | options
//! ```
//!
//! Options within options have to be whole too, or the message is refused.

use std::net::Ipv6Addr;

use crate::ParseError;

/// The UDP port of clients (section 7.2).
pub const CLIENT_PORT: u16 = 546;
/// The UDP port of servers and relays.
pub const SERVER_PORT: u16 = 547;
/// All_DHCP_Relay_Agents_and_Servers (section 7.1).
pub const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// A lifetime without end, seconds (section 7.7).
pub const INFINITY: u32 = u32::MAX;
/// The longest DHCP unique identifier, its type included, octets (section 11.1).
pub const MAX_DUID: usize = 130;

/// What a message is (section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's own names")]
pub enum Kind {
    Solicit,
    Advertise,
    Request,
    Confirm,
    Renew,
    Rebind,
    Reply,
    Release,
    Decline,
    Reconfigure,
    InformationRequest,
    /// Messages of relay agents, and unknown ones.
    Other(u8),
}

impl From<u8> for Kind {
    fn from(octet: u8) -> Self {
        match octet {
            1 => Self::Solicit,
            2 => Self::Advertise,
            3 => Self::Request,
            4 => Self::Confirm,
            5 => Self::Renew,
            6 => Self::Rebind,
            7 => Self::Reply,
            8 => Self::Release,
            9 => Self::Decline,
            10 => Self::Reconfigure,
            11 => Self::InformationRequest,
            other => Self::Other(other),
        }
    }
}

impl From<Kind> for u8 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Solicit => 1,
            Kind::Advertise => 2,
            Kind::Request => 3,
            Kind::Confirm => 4,
            Kind::Renew => 5,
            Kind::Rebind => 6,
            Kind::Reply => 7,
            Kind::Release => 8,
            Kind::Decline => 9,
            Kind::Reconfigure => 10,
            Kind::InformationRequest => 11,
            Kind::Other(other) => other,
        }
    }
}

/// Status codes (section 21.13).
pub mod status {
    /// Success.
    pub const SUCCESS: u16 = 0;
    /// UnspecFail.
    pub const UNSPEC_FAIL: u16 = 1;
    /// NoAddrsAvail.
    pub const NO_ADDRS_AVAIL: u16 = 2;
    /// NoBinding.
    pub const NO_BINDING: u16 = 3;
    /// NotOnLink.
    pub const NOT_ON_LINK: u16 = 4;
    /// NoPrefixAvail.
    pub const NO_PREFIX_AVAIL: u16 = 6;
}

/// Codes of options (section 21).
mod code {
    pub(super) const CLIENT_ID: u16 = 1;
    pub(super) const SERVER_ID: u16 = 2;
    pub(super) const IA_NA: u16 = 3;
    pub(super) const IA_TA: u16 = 4;
    pub(super) const IA_ADDR: u16 = 5;
    pub(super) const ORO: u16 = 6;
    pub(super) const PREFERENCE: u16 = 7;
    pub(super) const STATUS: u16 = 13;
    pub(super) const RAPID_COMMIT: u16 = 14;
    pub(super) const DNS_SERVERS: u16 = 23;
    pub(super) const DOMAIN_LIST: u16 = 24;
    pub(super) const IA_PD: u16 = 25;
    pub(super) const IA_PREFIX: u16 = 26;
}

/// The code of the option DNS servers, as clients ask for it.
pub const DNS_SERVERS: u16 = code::DNS_SERVERS;
/// The code of the option domain search list.
pub const DOMAIN_LIST: u16 = code::DOMAIN_LIST;

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpOption<'m> {
    /// The client's DUID, 1 to [`MAX_DUID`] octets (section 21.2).
    ClientId(&'m [u8]),
    /// The server's DUID, 1 to [`MAX_DUID`] octets (section 21.3).
    ServerId(&'m [u8]),
    /// An association for addresses (section 21.4).
    IaNa(Association<'m>),
    /// An association for temporary addresses: its IAID, and its options (section 21.5).
    IaTa(u32, Options<'m>),
    /// An association for prefixes (section 21.21).
    IaPd(Association<'m>),
    /// An address (section 21.6).
    Address {
        /// The address.
        address: Ipv6Addr,
        /// Seconds.
        preferred: u32,
        /// Seconds.
        valid: u32,
        /// A status, for example.
        options: Options<'m>,
    },
    /// A prefix (section 21.22).
    Prefix {
        /// Seconds.
        preferred: u32,
        /// Seconds.
        valid: u32,
        /// Its length, at most 128.
        bits: u8,
        /// The prefix. Bits behind its length may be set.
        prefix: Ipv6Addr,
        /// A status, for example.
        options: Options<'m>,
    },
    /// Which options the client asks for, two octets each (section 21.7).
    OptionRequest(&'m [u8]),
    /// Which server clients prefer (section 21.8).
    Preference(u8),
    /// How it went (section 21.13).
    Status {
        /// See [`status`].
        code: u16,
        /// A text for people.
        text: &'m [u8],
    },
    /// Two messages instead of four (section 21.14).
    RapidCommit,
    /// The addresses of DNS servers, 16 octets each (RFC 3646 section 3).
    DnsServers(&'m [u8]),
    /// Domains to search, as DNS writes them (RFC 3646 section 4).
    DomainList(&'m [u8]),
    /// Any other.
    Other {
        /// Its code.
        code: u16,
        /// Its data.
        data: &'m [u8],
    },
}

/// An identity association (sections 21.4 and 21.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Association<'m> {
    /// Its identifier, the client's.
    pub iaid: u32,
    /// When to renew, seconds.
    pub t1: u32,
    /// When to rebind, seconds.
    pub t2: u32,
    /// Addresses or prefixes.
    pub options: Options<'m>,
}

/// Options that are known to be whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'m>(&'m [u8]);

/// How deep options lie in options: an address in an association in a message has its status.
const MAX_DEPTH: u8 = 3;

impl<'m> Options<'m> {
    /// No options.
    pub const NONE: Self = Self(&[]);

    /// Options just written by [`DhcpOption::append`].
    #[must_use]
    pub const fn written(octets: &'m [u8]) -> Self {
        Self(octets)
    }

    /// Looks at every option.
    fn parse(octets: &'m [u8], depth: u8) -> Result<Self, ParseError> {
        let mut rest = octets;
        while !rest.is_empty() {
            (_, rest) = DhcpOption::split(rest, depth)?;
        }
        Ok(Self(octets))
    }

    /// The options, in order.
    pub fn iter(&self) -> impl Iterator<Item = DhcpOption<'m>> + use<'m> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (option, after) = DhcpOption::split(rest, 0).ok()?;
            rest = after;
            Some(option)
        })
    }
}

impl<'m> DhcpOption<'m> {
    /// The first option, and what follows.
    fn split(octets: &'m [u8], depth: u8) -> Result<(Self, &'m [u8]), ParseError> {
        let Some((&[c0, c1, l0, l1], rest)) = octets.split_first_chunk() else {
            return Err(truncated("DHCPv6 option", 4, octets));
        };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (data, rest) = rest.split_at_checked(length).ok_or(ParseError::Length {
            what: "DHCPv6 option length",
            claimed: length,
            have: rest.len(),
        })?;
        let option = Self::parse(u16::from_be_bytes([c0, c1]), data, depth)?;
        Ok((option, rest))
    }

    fn parse(code: u16, data: &'m [u8], depth: u8) -> Result<Self, ParseError> {
        let inner = |octets: &'m [u8]| match depth.checked_sub(1) {
            // Looked at before.
            None => Ok(Options(octets)),
            Some(0) if !octets.is_empty() => Err(ParseError::Invalid {
                what: "DHCPv6 options in options",
                value: u64::from(MAX_DEPTH) + 1,
                expected: "at most 3 deep",
            }),
            Some(depth) => Options::parse(octets, depth),
        };
        Ok(match code {
            code::CLIENT_ID => Self::ClientId(duid(data)?),
            code::SERVER_ID => Self::ServerId(duid(data)?),
            code::IA_NA | code::IA_PD => {
                let (iaid, rest) = u32_first("DHCPv6 association", data)?;
                let (t1, rest) = u32_first("DHCPv6 association", rest)?;
                let (t2, rest) = u32_first("DHCPv6 association", rest)?;
                let association = Association {
                    iaid,
                    t1,
                    t2,
                    options: inner(rest)?,
                };
                if code == code::IA_NA {
                    Self::IaNa(association)
                } else {
                    Self::IaPd(association)
                }
            }
            code::IA_TA => {
                let (iaid, rest) = u32_first("DHCPv6 association", data)?;
                Self::IaTa(iaid, inner(rest)?)
            }
            code::IA_ADDR => {
                let (address, rest) = address_first("DHCPv6 address", data)?;
                let (preferred, rest) = u32_first("DHCPv6 address", rest)?;
                let (valid, rest) = u32_first("DHCPv6 address", rest)?;
                Self::Address {
                    address,
                    preferred,
                    valid,
                    options: inner(rest)?,
                }
            }
            code::IA_PREFIX => {
                let (preferred, rest) = u32_first("DHCPv6 prefix", data)?;
                let (valid, rest) = u32_first("DHCPv6 prefix", rest)?;
                let (&bits, rest) =
                    rest.split_first()
                        .ok_or(truncated("DHCPv6 prefix", 25, data))?;
                let (prefix, rest) = address_first("DHCPv6 prefix", rest)?;
                if bits > 128 {
                    return Err(ParseError::Invalid {
                        what: "DHCPv6 prefix length",
                        value: bits.into(),
                        expected: "0 to 128",
                    });
                }
                Self::Prefix {
                    preferred,
                    valid,
                    bits,
                    prefix,
                    options: inner(rest)?,
                }
            }
            code::ORO => Self::OptionRequest(multiple("DHCPv6 option request", data, 2)?),
            code::PREFERENCE => match data {
                [preference] => Self::Preference(*preference),
                _ => return Err(wrong("DHCPv6 preference", data)),
            },
            code::STATUS => match data.split_first_chunk() {
                Some((code, text)) => Self::Status {
                    code: u16::from_be_bytes(*code),
                    text,
                },
                None => return Err(truncated("DHCPv6 status", 2, data)),
            },
            code::RAPID_COMMIT if data.is_empty() => Self::RapidCommit,
            code::RAPID_COMMIT => return Err(wrong("DHCPv6 rapid commit", data)),
            code::DNS_SERVERS => Self::DnsServers(multiple("DHCPv6 DNS servers", data, 16)?),
            code::DOMAIN_LIST => Self::DomainList(data),
            code => Self::Other { code, data },
        })
    }

    /// Appends the option to a list. What is longer than a length field can say is cut.
    pub fn append(&self, list: &mut Vec<u8>) {
        let start = list.len();
        list.extend_from_slice(&[0; 4]);
        let code = match *self {
            Self::ClientId(duid) => put(list, code::CLIENT_ID, duid),
            Self::ServerId(duid) => put(list, code::SERVER_ID, duid),
            Self::IaNa(association) => association.append(list, code::IA_NA),
            Self::IaPd(association) => association.append(list, code::IA_PD),
            Self::IaTa(iaid, options) => {
                list.extend_from_slice(&iaid.to_be_bytes());
                put(list, code::IA_TA, options.0)
            }
            Self::Address {
                address,
                preferred,
                valid,
                options,
            } => {
                list.extend_from_slice(&address.octets());
                list.extend_from_slice(&preferred.to_be_bytes());
                list.extend_from_slice(&valid.to_be_bytes());
                put(list, code::IA_ADDR, options.0)
            }
            Self::Prefix {
                preferred,
                valid,
                bits,
                prefix,
                options,
            } => {
                list.extend_from_slice(&preferred.to_be_bytes());
                list.extend_from_slice(&valid.to_be_bytes());
                list.push(bits);
                list.extend_from_slice(&prefix.octets());
                put(list, code::IA_PREFIX, options.0)
            }
            Self::OptionRequest(codes) => put(list, code::ORO, codes),
            Self::Preference(preference) => put(list, code::PREFERENCE, &[preference]),
            Self::Status { code, text } => {
                list.extend_from_slice(&code.to_be_bytes());
                put(list, code::STATUS, text)
            }
            Self::RapidCommit => put(list, code::RAPID_COMMIT, &[]),
            Self::DnsServers(servers) => put(list, code::DNS_SERVERS, servers),
            Self::DomainList(domains) => put(list, code::DOMAIN_LIST, domains),
            Self::Other { code, data } => put(list, code, data),
        };
        list.truncate(start + 4 + usize::from(u16::MAX));
        let length = (list.len() - start - 4) as u16;
        if let Some(header) = list.get_mut(start..start + 4) {
            header[..2].copy_from_slice(&code.to_be_bytes());
            header[2..].copy_from_slice(&length.to_be_bytes());
        }
    }
}

impl Association<'_> {
    fn append(&self, list: &mut Vec<u8>, code: u16) -> u16 {
        for field in [self.iaid, self.t1, self.t2] {
            list.extend_from_slice(&field.to_be_bytes());
        }
        put(list, code, self.options.0)
    }
}

/// A message between client and server (section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'m> {
    /// What it is.
    pub kind: Kind,
    /// What tells answers to one request from answers to another.
    pub transaction: [u8; 3],
    /// Its options.
    pub options: Options<'m>,
}

impl<'m> Message<'m> {
    /// Reads the payload of a datagram, and looks at all options in it.
    ///
    /// # Errors
    /// A length that leads beyond its surroundings, a field with an impossible value, a message of
    /// a relay agent, whose header is another.
    pub fn parse(octets: &'m [u8]) -> Result<Self, ParseError> {
        let Some((&[kind, a, b, c], options)) = octets.split_first_chunk() else {
            return Err(truncated("DHCPv6 message", 4, octets));
        };
        // Relay-forward and Relay-reply (section 9).
        if matches!(kind, 12 | 13) {
            return Err(ParseError::Invalid {
                what: "DHCPv6 message type",
                value: kind.into(),
                expected: "a message of a client or a server",
            });
        }
        Ok(Self {
            kind: kind.into(),
            transaction: [a, b, c],
            options: Options::parse(options, MAX_DEPTH + 1)?,
        })
    }

    /// Appends the message.
    pub fn append(&self, octets: &mut Vec<u8>) {
        octets.push(self.kind.into());
        octets.extend_from_slice(&self.transaction);
        octets.extend_from_slice(self.options.0);
    }
}

/// Appends a domain as DNS writes it, without compression (RFC 1035 section 3.1); what is no
/// domain, with an empty or overlong label, is left out.
pub fn append_domain(domain: &str, octets: &mut Vec<u8>) {
    let domain = domain.trim_end_matches('.');
    let legal = |label: &str| (1..=63).contains(&label.len());
    if domain.len() > 253 || !domain.split('.').all(legal) {
        return;
    }
    for label in domain.split('.') {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
}

fn put(list: &mut Vec<u8>, code: u16, data: &[u8]) -> u16 {
    list.extend_from_slice(data);
    code
}

fn duid(data: &[u8]) -> Result<&[u8], ParseError> {
    if (1..=MAX_DUID).contains(&data.len()) {
        Ok(data)
    } else {
        Err(wrong("DHCPv6 unique identifier", data))
    }
}

fn multiple<'m>(what: &'static str, data: &'m [u8], of: usize) -> Result<&'m [u8], ParseError> {
    if data.len().is_multiple_of(of) {
        Ok(data)
    } else {
        Err(wrong(what, data))
    }
}

fn u32_first<'m>(what: &'static str, data: &'m [u8]) -> Result<(u32, &'m [u8]), ParseError> {
    let (field, rest) = data.split_first_chunk().ok_or(truncated(what, 4, data))?;
    Ok((u32::from_be_bytes(*field), rest))
}

fn address_first<'m>(
    what: &'static str,
    data: &'m [u8],
) -> Result<(Ipv6Addr, &'m [u8]), ParseError> {
    let (field, rest) = data
        .split_first_chunk::<16>()
        .ok_or(truncated(what, 16, data))?;
    Ok((Ipv6Addr::from(*field), rest))
}

fn truncated(what: &'static str, need: usize, octets: &[u8]) -> ParseError {
    ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    }
}

fn wrong(what: &'static str, data: &[u8]) -> ParseError {
    ParseError::Invalid {
        what,
        value: data.len() as u64,
        expected: "another length",
    }
}

/// Fuzz entry: what parses is written back octet for octet, also what lies within.
pub fn fuzz_dhcpv6(octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    let mut again = Vec::new();
    message.append(&mut again);
    assert_eq!(again, octets);
    fuzz_options(&message.options, 0);
}

fn fuzz_options(options: &Options<'_>, depth: u8) {
    assert!(depth <= MAX_DEPTH);
    let mut again = Vec::new();
    for option in options.iter() {
        option.append(&mut again);
        match option {
            DhcpOption::IaNa(Association { options, .. })
            | DhcpOption::IaPd(Association { options, .. })
            | DhcpOption::IaTa(_, options)
            | DhcpOption::Address { options, .. }
            | DhcpOption::Prefix { options, .. } => fuzz_options(&options, depth + 1),
            _ => {}
        }
    }
    assert_eq!(again, options.0);
}

#[cfg(test)]
mod tests;
