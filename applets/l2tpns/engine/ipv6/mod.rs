//! IPv6 in a session: router advertisements (RFC 4861) and DHCPv6 (RFC 8415).
//!
//! A [`Server`] serves all sessions; what it knows of one is a [`Binding`] that the session keeps.
//! Prefixes belong to the session, not to the lease: they are routed as long as the session is up.
//!
//! | to change | open |
//! |---|---|
//! | which packets are for us, how answers are wrapped | here |
//! | what DHCPv6 answers | `dhcpv6.rs` |

mod dhcpv6;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use wanbox_wire::dhcpv6::{CLIENT_PORT, INFINITY, SERVER_PORT, SERVERS, append_domain};
use wanbox_wire::ip::{Ipv6, Ipv6Repr, Sum, Udp, UdpRepr, protocol};
use wanbox_wire::ndp::{
    ALL_NODES, ALL_ROUTERS, HOP_LIMIT, MANAGED_AND_OTHER, NdpOption, ON_LINK_AND_AUTONOMOUS,
    RouterAdvertisement, is_router_solicitation,
};

/// Our own address in every session.
pub const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// All_DHCP_Servers (RFC 8415 section 7.1).
const SITE_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 3);
/// The identifier that stands for a configured 0.
const DEFAULT_DUID: u32 = 0xfdfd_fafa;
/// Valid and preferred lifetimes of the prefix in router advertisements, seconds: the defaults of
/// RFC 4861 section 6.2.1.
const PREFIX_LIFETIMES: (u32, u32) = (2_592_000, 604_800);

/// What is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `ipv6_prefix`: the first 64 bits of the clients' addresses.
    pub prefix: Option<Ipv6Addr>,
    /// `primary_ipv6_dns` and `secondary_ipv6_dns`, those that are set.
    pub dns: Vec<Ipv6Addr>,
    /// `dns6_lifetime`, seconds.
    pub dns_lifetime: u32,
    /// `default_ipv6_domain_list`.
    pub domains: Vec<String>,
    /// `dhcp6_preferred_lifetime`, seconds; 0 is infinite.
    pub preferred_lifetime: u32,
    /// `dhcp6_valid_lifetime`, seconds; 0 is infinite.
    pub valid_lifetime: u32,
    /// `dhcp6_server_duid`; 0 is a default of its own.
    pub server_duid: u32,
}

/// What a session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'s> {
    /// Its IPv4 address, which is also its interface identifier.
    pub ipv4: Option<Ipv4Addr>,
    /// Its Framed-IPv6-Address.
    pub address: Option<Ipv6Addr>,
    /// What may be delegated to it: Delegated-IPv6-Prefix and Framed-IPv6-Route, with their lengths.
    pub prefixes: &'s [(Ipv6Addr, u8)],
}

impl Facts<'_> {
    /// The address that DHCPv6 gives: the configured one, or the interface identifier behind the
    /// prefix.
    fn own_address(&self, settings: &Settings) -> Option<Ipv6Addr> {
        self.address.or_else(|| {
            let prefix = network(settings.prefix?, 64);
            let identifier = u128::from(self.ipv4?.to_bits()) << 32;
            Some(Ipv6Addr::from_bits(prefix.to_bits() | identifier))
        })
    }

    /// The prefix of the link.
    fn link_prefix(&self, settings: &Settings) -> Option<Ipv6Addr> {
        self.address.or(settings.prefix).map(|of| network(of, 64))
    }
}

/// What a client of a session is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Its DUID; empty before its first Request.
    client: Box<[u8]>,
    /// Its associations for addresses and those for prefixes.
    addresses: Vec<u32>,
    prefixes: Vec<u32>,
}

impl Binding {
    /// The client's DUID, if there is a client.
    #[must_use]
    pub fn client(&self) -> Option<&[u8]> {
        (!self.client.is_empty()).then_some(&self.client)
    }
}

/// What happened to packets for us, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Router Solicitations answered.
    pub solicitations: u64,
    /// Router Advertisements made.
    pub advertisements: u64,
    /// DHCPv6 messages answered.
    pub dhcp_answered: u64,
    /// Packets for us that were no Router Solicitation and no datagram for a DHCPv6 server.
    pub other: u64,
    /// Datagrams with a wrong checksum.
    pub bad_checksum: u64,
    /// DHCPv6 messages whose lengths or values are wrong.
    pub malformed: u64,
    /// DHCPv6 messages that lack an identifier or have one that they must not have.
    pub misaddressed: u64,
    /// DHCPv6 messages of another client than the session is bound to.
    pub other_client: u64,
    /// Addresses that a client says somebody else has.
    pub declined: u64,
}

/// The router and DHCPv6 server of all sessions.
#[derive(Clone, Debug)]
pub struct Server {
    settings: Settings,
    /// Its DUID: type link-layer (RFC 8415 section 11.4), hardware type 27, four octets.
    duid: [u8; 8],
    /// The domains as DNS writes them.
    domains: Vec<u8>,
    counters: Counters,
}

impl Server {
    /// A server.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut server = Self {
            settings: Settings::default(),
            duid: [0; 8],
            domains: Vec::new(),
            counters: Counters::default(),
        };
        server.configure(settings);
        server
    }

    /// Other settings; sessions learn of them when they ask again.
    pub fn configure(&mut self, settings: Settings) {
        let number = match settings.server_duid {
            0 => DEFAULT_DUID,
            number => number,
        };
        let [a, b, c, d] = number.to_be_bytes();
        self.duid = [0, 3, 0, 27, a, b, c, d];
        self.domains.clear();
        for domain in &settings.domains {
            append_domain(domain, &mut self.domains);
        }
        self.settings = settings;
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether a packet from a client is for [`Self::receive`] and not to be forwarded.
    #[must_use]
    pub fn concerns(packet: &[u8]) -> bool {
        packet.len() >= Ipv6::HEADER
            && packet.first().is_some_and(|first| first >> 4 == 6)
            && packet.get(24..40).is_some_and(|to| {
                [ROUTER, ALL_ROUTERS, SERVERS, SITE_SERVERS]
                    .iter()
                    .any(|ours| ours.octets() == to)
            })
    }

    /// A packet from a client to us. The packets to answer with, in order.
    pub fn receive(
        &mut self,
        binding: &mut Binding,
        facts: &Facts<'_>,
        packet: &[u8],
    ) -> Vec<Vec<u8>> {
        let Ok(packet) = Ipv6::parse(packet) else {
            self.counters.other += 1;
            return Vec::new();
        };
        if is_router_solicitation(&packet) {
            self.counters.solicitations += 1;
            // One who has no address yet hears what goes to all.
            let to = if packet.src().is_unspecified() {
                ALL_NODES
            } else {
                packet.src()
            };
            return vec![self.router_advertisement(facts, to)];
        }
        let udp = match packet.transport() {
            Some((protocol::UDP, octets)) => Udp::parse(octets).ok(),
            _ => None,
        };
        let Some(udp) = udp.filter(|udp| udp.dst_port() == SERVER_PORT) else {
            self.counters.other += 1;
            return Vec::new();
        };
        let sum = packet.pseudo_header(protocol::UDP, udp.octets().len());
        if !udp.checksum_is_valid(sum, false) {
            self.counters.bad_checksum += 1;
            return Vec::new();
        }
        let Some(answer) = self.dhcp(binding, facts, udp.payload()) else {
            return Vec::new();
        };
        self.counters.dhcp_answered += 1;
        let mut answers = vec![datagram(packet.src(), &answer.message)];
        if answer.advertise {
            answers.push(self.router_advertisement(facts, packet.src()));
        }
        answers
    }

    /// A Router Advertisement for a session: to [`ALL_NODES`] when IPV6CP opens, and whenever it is
    /// to be reminded.
    pub fn router_advertisement(&mut self, facts: &Facts<'_>, to: Ipv6Addr) -> Vec<u8> {
        self.counters.advertisements += 1;
        let settings = &self.settings;
        let mut options = Vec::new();
        if let Some(prefix) = facts.link_prefix(settings) {
            let (valid, preferred) = PREFIX_LIFETIMES;
            NdpOption::Prefix {
                bits: 64,
                flags: ON_LINK_AND_AUTONOMOUS,
                valid,
                preferred,
                prefix,
            }
            .append(&mut options);
        }
        let lifetime = settings.dns_lifetime;
        let servers = self.dns();
        if !servers.is_empty() {
            let servers = &servers;
            NdpOption::DnsServers { lifetime, servers }.append(&mut options);
        }
        if !self.domains.is_empty() {
            let domains = &self.domains;
            NdpOption::DomainList { lifetime, domains }.append(&mut options);
        }
        let advertisement = RouterAdvertisement {
            hop_limit: 64,
            flags: MANAGED_AND_OTHER,
            lifetime: u16::MAX,
            reachable: 0,
            retransmit: 0,
            options: &options,
        };
        let mut packet = vec![0; Ipv6::HEADER];
        let header = header(to, protocol::ICMPV6, HOP_LIMIT);
        advertisement.append(|octets| pseudo_header(&header, octets), &mut packet);
        emit(header, &mut packet);
        packet
    }

    /// The addresses of the DNS servers, one behind the other.
    fn dns(&self) -> Vec<u8> {
        let servers = self.settings.dns.iter();
        servers.flat_map(|server| server.octets()).collect()
    }

    /// Preferred and valid lifetimes, T1 and T2 of addresses and prefixes, seconds.
    fn lifetimes(&self) -> Lifetimes {
        let infinite = |seconds| if seconds == 0 { INFINITY } else { seconds };
        let valid = infinite(self.settings.valid_lifetime);
        let preferred = infinite(self.settings.preferred_lifetime).min(valid);
        let (t1, t2) = match preferred {
            INFINITY => (INFINITY, INFINITY),
            _ => (preferred / 2, preferred / 5 * 4 + preferred % 5 * 4 / 5),
        };
        Lifetimes {
            preferred,
            valid,
            t1,
            t2,
        }
    }
}

#[derive(Clone, Copy)]
struct Lifetimes {
    preferred: u32,
    valid: u32,
    t1: u32,
    t2: u32,
}

/// The first bits of an address.
fn network(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let shift = 128 - u32::from(bits.min(128));
    let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

fn header(to: Ipv6Addr, next_header: u8, hop_limit: u8) -> Ipv6Repr {
    Ipv6Repr {
        traffic_class: 0,
        flow_label: 0,
        next_header,
        hop_limit,
        src: ROUTER,
        dst: to,
        payload_len: 0,
    }
}

fn pseudo_header(header: &Ipv6Repr, octets: usize) -> Sum {
    Ipv6Repr {
        payload_len: octets as u16,
        ..*header
    }
    .pseudo_header()
}

/// Writes the header before what is already behind its place.
fn emit(header: Ipv6Repr, packet: &mut [u8]) {
    let payload_len = packet.len().saturating_sub(Ipv6::HEADER) as u16;
    let header = Ipv6Repr {
        payload_len,
        ..header
    };
    // The place was made for it.
    let _ = header.emit(packet);
}

/// A DHCPv6 message to a client, with its headers.
fn datagram(to: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; Ipv6::HEADER + Udp::HEADER];
    packet.extend_from_slice(message);
    let header = header(to, protocol::UDP, 1);
    let ports = UdpRepr {
        src_port: SERVER_PORT,
        dst_port: CLIENT_PORT,
    };
    if let Some(udp) = packet.get_mut(Ipv6::HEADER..) {
        let sum = pseudo_header(&header, udp.len());
        // A message answers one that fitted a packet, and is not much longer.
        let _ = ports.emit(udp, sum);
    }
    emit(header, &mut packet);
    packet
}

/// Fuzz entry: any packet of a client, several times with the same binding; what is answered is
/// well formed.
pub fn fuzz_ipv6(octets: &[u8]) {
    let prefixes = [
        (Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0), 48),
        (Ipv6Addr::new(0x2001, 0xdb8, 0x78, 0x1230, 0, 0, 0, 0), 60),
    ];
    let facts = Facts {
        ipv4: Some(Ipv4Addr::new(10, 10, 10, 1)),
        address: None,
        prefixes: &prefixes,
    };
    let mut server = Server::new(Settings {
        prefix: Some(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0)),
        dns: vec![ROUTER],
        domains: vec!["example.net".to_owned()],
        ..Settings::default()
    });
    let mut binding = Binding::default();
    let (first, rest) = octets.split_at(octets.len() / 2);
    for octets in [octets, first, rest] {
        // As it is, and as the payload of a datagram that nothing is wrong with.
        let mut wrapped = datagram(SERVERS, octets);
        if let Some([_, _, port @ ..]) = wrapped.get_mut(Ipv6::HEADER..Ipv6::HEADER + 4) {
            port.copy_from_slice(&SERVER_PORT.to_be_bytes());
        }
        if let Some(udp) = wrapped.get_mut(Ipv6::HEADER..) {
            let ports = UdpRepr {
                src_port: CLIENT_PORT,
                dst_port: SERVER_PORT,
            };
            let sum = pseudo_header(&header(SERVERS, protocol::UDP, 1), udp.len());
            let _ = ports.emit(udp, sum);
        }
        for packet in [octets, &wrapped] {
            let answers = server.receive(&mut binding, &facts, packet);
            assert!(answers.len() <= 2);
            for answer in answers {
                let answer = Ipv6::parse(&answer);
                assert!(answer.is_ok_and(|answer| answer.src() == ROUTER));
            }
        }
        assert!(binding.addresses.len() + binding.prefixes.len() <= 2 * dhcpv6::MAX_ASSOCIATIONS);
    }
}
