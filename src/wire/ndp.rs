//! Neighbor Discovery (RFC 4861), as far as a router on a point-to-point link has it: Router
//! Solicitation and Router Advertisement, with the DNS options of RFC 8106.
//!
//! ```text
//! Router Solicitation: 133 | 0 | checksum, 2 | reserved, 4 | options
//! Router Advertisement: 134 | 0 | checksum, 2 | hop limit | M O ... | lifetime, 2 |
//!                       reachable, 4 | retrans, 4 | options
//! option: type | length in 8 octets | data
//! ```

use std::net::Ipv6Addr;

use crate::ParseError;
use crate::ip::{Icmp, Ipv6, Sum, protocol};

/// All nodes of the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers of the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// The hop limit of these messages; one that a router has forwarded has another.
pub const HOP_LIMIT: u8 = 255;
/// M and O in a Router Advertisement: addresses and other configuration by DHCPv6.
pub const MANAGED_AND_OTHER: u8 = 0xc0;
/// L and A of a prefix: on the link, and for addresses that hosts make themselves.
pub const ON_LINK_AND_AUTONOMOUS: u8 = 0xc0;

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// Octets before the options of an advertisement.
const HEADER: usize = 16;

/// Whether a packet is a valid Router Solicitation (section 6.1.1).
#[must_use]
pub fn is_router_solicitation(packet: &Ipv6<'_>) -> bool {
    let Some((protocol::ICMPV6, octets)) = packet.transport() else {
        return false;
    };
    let Ok(message) = Icmp::parse(octets) else {
        return false;
    };
    let mut options = NdpOptions::new(message.payload());
    packet.hop_limit() == HOP_LIMIT
        && message.kind() == SOLICITATION
        && message.code() == 0
        && message.checksum_is_valid(packet.pseudo_header(protocol::ICMPV6, octets.len()))
        && options.all(|option| option.is_ok())
}

/// A Router Advertisement (section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterAdvertisement<'m> {
    /// What hosts are to put into their packets; 0 leaves it to them.
    pub hop_limit: u8,
    /// See [`MANAGED_AND_OTHER`].
    pub flags: u8,
    /// How long this is a default router, seconds.
    pub lifetime: u16,
    /// Milliseconds; 0 leaves it to them.
    pub reachable: u32,
    /// Milliseconds; 0 leaves it to them.
    pub retransmit: u32,
    /// The options, as they are written.
    pub options: &'m [u8],
}

impl<'m> RouterAdvertisement<'m> {
    /// Reads the ICMPv6 message. Its checksum is not looked at.
    ///
    /// # Errors
    /// Fewer than 16 octets, another type, an option that is not whole.
    pub fn parse(octets: &'m [u8]) -> Result<Self, ParseError> {
        let Some((&[kind, code, _, _, hop_limit, flags, l0, l1, ref times @ ..], options)) =
            octets.split_first_chunk::<HEADER>()
        else {
            return Err(ParseError::Truncated {
                what: "router advertisement",
                need: HEADER,
                have: octets.len(),
            });
        };
        if (kind, code) != (ADVERTISEMENT, 0) {
            return Err(ParseError::Invalid {
                what: "ICMPv6 type and code",
                value: u64::from(kind) << 8 | u64::from(code),
                expected: "134 and 0",
            });
        }
        for option in NdpOptions::new(options) {
            option?;
        }
        let [r0, r1, r2, r3, t0, t1, t2, t3] = *times;
        Ok(Self {
            hop_limit,
            flags,
            lifetime: u16::from_be_bytes([l0, l1]),
            reachable: u32::from_be_bytes([r0, r1, r2, r3]),
            retransmit: u32::from_be_bytes([t0, t1, t2, t3]),
            options,
        })
    }

    /// Appends the message, with its checksum over this pseudo header sum.
    pub fn append(&self, pseudo_header: impl FnOnce(usize) -> Sum, octets: &mut Vec<u8>) {
        let start = octets.len();
        octets.extend_from_slice(&[ADVERTISEMENT, 0, 0, 0, self.hop_limit, self.flags]);
        octets.extend_from_slice(&self.lifetime.to_be_bytes());
        octets.extend_from_slice(&self.reachable.to_be_bytes());
        octets.extend_from_slice(&self.retransmit.to_be_bytes());
        octets.extend_from_slice(self.options);
        let Some(message) = octets.get_mut(start..) else {
            return;
        };
        let checksum = pseudo_header(message.len()).octets(message).checksum();
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// An option of Neighbor Discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdpOption<'m> {
    /// 3: a prefix (RFC 4861 section 4.6.2).
    Prefix {
        /// Its length.
        bits: u8,
        /// See [`ON_LINK_AND_AUTONOMOUS`].
        flags: u8,
        /// Seconds.
        valid: u32,
        /// Seconds.
        preferred: u32,
        /// The prefix.
        prefix: Ipv6Addr,
    },
    /// 25: DNS servers, 16 octets each (RFC 8106 section 5.1).
    DnsServers {
        /// Seconds.
        lifetime: u32,
        /// Their addresses.
        servers: &'m [u8],
    },
    /// 31: domains to search, as DNS writes them, filled up with zeros (RFC 8106 section 5.2).
    DomainList {
        /// Seconds.
        lifetime: u32,
        /// The domains.
        domains: &'m [u8],
    },
    /// Any other.
    Other {
        /// Its type.
        kind: u8,
        /// What follows type and length: 6 octets, or 8, 16... more.
        data: &'m [u8],
    },
}

impl NdpOption<'_> {
    /// Appends the option; zeros fill it up to the next eight octets. One that is too long for
    /// its length field is left out.
    pub fn append(&self, list: &mut Vec<u8>) {
        let start = list.len();
        match *self {
            Self::Prefix {
                bits,
                flags,
                valid,
                preferred,
                prefix,
            } => {
                list.extend_from_slice(&[3, 0, bits, flags]);
                list.extend_from_slice(&valid.to_be_bytes());
                list.extend_from_slice(&preferred.to_be_bytes());
                list.extend_from_slice(&[0; 4]);
                list.extend_from_slice(&prefix.octets());
            }
            Self::DnsServers { lifetime, servers } => with_lifetime(list, 25, lifetime, servers),
            Self::DomainList { lifetime, domains } => with_lifetime(list, 31, lifetime, domains),
            Self::Other { kind, data } => {
                list.extend_from_slice(&[kind, 0]);
                list.extend_from_slice(data);
            }
        }
        let length = (list.len() - start).div_ceil(8);
        list.resize(start + length * 8, 0);
        match (u8::try_from(length), list.get_mut(start + 1)) {
            (Ok(length), Some(octet)) => *octet = length,
            _ => list.truncate(start),
        }
    }
}

fn with_lifetime(list: &mut Vec<u8>, kind: u8, lifetime: u32, data: &[u8]) {
    list.extend_from_slice(&[kind, 0, 0, 0]);
    list.extend_from_slice(&lifetime.to_be_bytes());
    list.extend_from_slice(data);
}

/// Options, one after the other; an error is the last item.
#[derive(Clone, Copy, Debug)]
pub struct NdpOptions<'m>(&'m [u8]);

impl<'m> NdpOptions<'m> {
    /// The options behind a message's header.
    #[must_use]
    pub const fn new(octets: &'m [u8]) -> Self {
        Self(octets)
    }

    fn split(octets: &'m [u8]) -> Result<(NdpOption<'m>, &'m [u8]), ParseError> {
        let invalid = |value: usize| ParseError::Length {
            what: "neighbor discovery option",
            claimed: value,
            have: octets.len(),
        };
        let &[kind, length, ..] = octets else {
            return Err(invalid(2));
        };
        // An option of length 0 makes the whole packet invalid (section 4.6).
        let length = usize::from(length) * 8;
        let (option, rest) = octets
            .split_at_checked(length)
            .filter(|_| length != 0)
            .ok_or(invalid(length))?;
        let data = option.get(2..).unwrap_or_default();
        let lifetime = data.split_at_checked(6).map(|(head, rest)| {
            let mut field = [0; 4];
            field.copy_from_slice(&head[2..]);
            (u32::from_be_bytes(field), rest)
        });
        let option = match (kind, data, lifetime) {
            (
                3,
                &[
                    bits,
                    flags,
                    v0,
                    v1,
                    v2,
                    v3,
                    p0,
                    p1,
                    p2,
                    p3,
                    _,
                    _,
                    _,
                    _,
                    ref prefix @ ..,
                ],
                _,
            ) => {
                let prefix: [u8; 16] = prefix.try_into().map_err(|_| invalid(length))?;
                NdpOption::Prefix {
                    bits,
                    flags,
                    valid: u32::from_be_bytes([v0, v1, v2, v3]),
                    preferred: u32::from_be_bytes([p0, p1, p2, p3]),
                    prefix: prefix.into(),
                }
            }
            (25, _, Some((lifetime, servers))) if servers.len().is_multiple_of(16) => {
                NdpOption::DnsServers { lifetime, servers }
            }
            (31, _, Some((lifetime, domains))) => NdpOption::DomainList { lifetime, domains },
            (3 | 25 | 31, ..) => return Err(invalid(length)),
            _ => NdpOption::Other { kind, data },
        };
        Ok((option, rest))
    }
}

impl<'m> Iterator for NdpOptions<'m> {
    type Item = Result<NdpOption<'m>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let split = Self::split(self.0);
        self.0 = match split {
            Ok((_, rest)) => rest,
            Err(_) => &[],
        };
        Some(split.map(|(option, _)| option))
    }
}

/// Fuzz entry: an advertisement that parses reads the same once written; a packet is a
/// solicitation or is not.
pub fn fuzz_ndp(octets: &[u8]) {
    if let Ok(packet) = Ipv6::parse(octets) {
        let _ = is_router_solicitation(&packet);
    }
    let Ok(advertisement) = RouterAdvertisement::parse(octets) else {
        return;
    };
    let mut options = Vec::new();
    for option in NdpOptions::new(advertisement.options).flatten() {
        option.append(&mut options);
    }
    assert_eq!(options.len(), advertisement.options.len());
    let mut again = Vec::new();
    RouterAdvertisement {
        options: &options,
        ..advertisement
    }
    .append(|_| Sum::new(), &mut again);
    assert_eq!(again.len(), octets.len());
    let Ok(read) = RouterAdvertisement::parse(&again) else {
        unreachable!("an advertisement just written is whole");
    };
    assert!(
        NdpOptions::new(read.options)
            .flatten()
            .eq(NdpOptions::new(advertisement.options).flatten())
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use wanbox_sim::hex;

    /// Sent by l2tpns 2.4.1.
    const ADVERTISEMENT: &str = "8600b648 40c0ffff 00000000 00000000 \
        030440c0 00278d00 00093a80 00000000 20010db8000100000000000000000000 \
        19030000 000004b0 20010db8000000000000000000000053";

    #[test]
    fn an_advertisement() {
        let octets = hex(ADVERTISEMENT);
        let read = RouterAdvertisement::parse(&octets).unwrap();
        assert_eq!(
            (read.hop_limit, read.flags, read.lifetime),
            (64, 0xc0, 65535)
        );
        let options: Vec<_> = NdpOptions::new(read.options).flatten().collect();
        let dns: Ipv6Addr = "2001:db8::53".parse().unwrap();
        assert_eq!(
            options,
            [
                NdpOption::Prefix {
                    bits: 64,
                    flags: ON_LINK_AND_AUTONOMOUS,
                    valid: 2_592_000,
                    preferred: 604_800,
                    prefix: "2001:db8:1::".parse().unwrap(),
                },
                NdpOption::DnsServers {
                    lifetime: 1200,
                    servers: &dns.octets(),
                },
            ]
        );
        let mut again = vec![0xa5];
        read.append(
            |length| {
                Sum::new()
                    .octets(&"fe80::1".parse::<Ipv6Addr>().unwrap().octets())
                    .octets(&ALL_NODES.octets())
                    .u32(length as u32)
                    .u16(58)
            },
            &mut again,
        );
        assert_eq!(again[1..], octets);
    }

    #[test]
    fn solicitations() {
        // fe80::2 to ff02::2.
        let whole = hex(
            "60000000 0008 3a ff fe800000000000000000000000000002 ff020000000000000000000000000002 8500 7d35 00000000",
        );
        let is = |octets: &[u8]| is_router_solicitation(&Ipv6::parse(octets).unwrap());
        assert!(is(&whole));
        for (at, value) in [(7, 64), (40, 134), (41, 1), (42, 0)] {
            let mut other = whole.clone();
            other[at] = value;
            assert!(!is(&other), "octet {at}");
        }
        // An option of length 0; the checksum is that of length 1.
        let mut odd = hex(
            "60000000 0010 3a ff fe800000000000000000000000000002 ff020000000000000000000000000002 8500 7c2c 00000000 0100000000000000",
        );
        assert!(!is(&odd));
        odd[49] = 1;
        assert!(is(&odd));
    }

    #[test]
    fn options_that_are_not_whole() {
        for text in [
            "19",
            "1900",
            "1902000000000000",
            "0301000000000000",
            "1901000000000000 00",
        ] {
            let last = NdpOptions::new(&hex(text))
                .last()
                .map(|option| option.is_err());
            assert_eq!(last, Some(true), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            bits: u8,
            valid: u32,
            prefix: u128,
            servers in 0..4usize,
            domains in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let servers = vec![7; servers * 16];
            let mut padded = domains.clone();
            padded.resize(domains.len().next_multiple_of(8), 0);
            let written = [
                NdpOption::Prefix { bits, flags: 1, valid, preferred: !valid, prefix: prefix.into() },
                NdpOption::DnsServers { lifetime: valid, servers: &servers },
                NdpOption::DomainList { lifetime: valid, domains: &padded },
                NdpOption::Other { kind: 5, data: &[0, 0, 0, 0, 5, 220] },
            ];
            let mut options = Vec::new();
            for option in &written {
                option.append(&mut options);
            }
            prop_assert!(NdpOptions::new(&options).flatten().eq(written));
            let mut octets = hex("86000000 40c0ffff 00000000 00000000");
            octets.extend_from_slice(&options);
            fuzz_ndp(&octets);
        }

        #[test]
        fn any_octets(mut octets in proptest::collection::vec(prop_oneof![Just(3u8), Just(25), 0..4u8, any::<u8>()], 0..96), like: bool) {
            if like && octets.len() >= 2 {
                octets[..2].copy_from_slice(&[134, 0]);
            }
            fuzz_ndp(&octets);
        }
    }
}
