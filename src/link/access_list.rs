//! Access lists of IPv4 packets: rules in order, of which the first that matches decides.
//!
//! What no rule matches is denied, so an empty list lets nothing pass. A fragment that is not the
//! first has no ports and no flags: a `permit` rule that asks for them matches it by its addresses
//! alone (without the first fragment it is of no use to anyone), a `deny` rule does not match it.

use std::net::Ipv4Addr;

use wanbox_wire::ip::{Ipv4, protocol};

/// The most rules of a list.
pub const MAX_RULES: usize = 256;

/// What a rule does with a packet that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It passes.
    Permit,
    /// It is dropped.
    Deny,
}

/// The protocols that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// All of them.
    Ip,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// The addresses that a rule matches: those that agree in the bits that are 0 in the wildcard.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// The bits to agree with.
    pub address: Ipv4Addr,
    /// 1 where the bit does not matter.
    pub wildcard: Ipv4Addr,
}

impl Address {
    /// Every address.
    pub const ANY: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        wildcard: Ipv4Addr::BROADCAST,
    };

    /// One address.
    #[must_use]
    pub const fn host(address: Ipv4Addr) -> Self {
        Self {
            address,
            wildcard: Ipv4Addr::UNSPECIFIED,
        }
    }

    /// Whether the address is one of these.
    #[must_use]
    pub fn matches(&self, other: Ipv4Addr) -> bool {
        let differs = self.address.to_bits() ^ other.to_bits();
        differs & !self.wildcard.to_bits() == 0
    }
}

/// Two are equal when they match the same addresses.
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.wildcard == other.wildcard && self.matches(other.address)
    }
}

impl Eq for Address {}

/// The ports that a rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ports {
    /// Every port.
    #[default]
    Any,
    /// This one.
    Equal(u16),
    /// Every other.
    NotEqual(u16),
    /// Those above.
    Greater(u16),
    /// Those below.
    Less(u16),
    /// From the first to the second, both included.
    Range(u16, u16),
}

impl Ports {
    /// Whether the port is one of these.
    #[must_use]
    pub fn matches(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(one) => port == one,
            Self::NotEqual(one) => port != one,
            Self::Greater(limit) => port > limit,
            Self::Less(limit) => port < limit,
            Self::Range(low, high) => (low..=high).contains(&port),
        }
    }
}

/// The flags of a TCP segment that a rule matches. `set` and `clear` are those of the flag octet
/// ([`wanbox_wire::ip::TcpFlags`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flags {
    /// Whatever they are.
    #[default]
    Any,
    /// Of a connection that is there: ACK or RST, and not SYN.
    Established,
    /// One of `set` is set, or one of `clear` is clear.
    MatchAny {
        /// Flags of which one is to be set.
        set: u8,
        /// Flags of which one is to be clear.
        clear: u8,
    },
    /// All of `set` are set and all of `clear` are clear.
    MatchAll {
        /// Flags that are all to be set.
        set: u8,
        /// Flags that are all to be clear.
        clear: u8,
    },
}

impl Flags {
    const SYN: u8 = 0x02;
    const ACK_OR_RST: u8 = 0x14;

    /// Whether a segment's flag octet is one of these.
    #[must_use]
    pub fn matches(self, flags: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Established => flags & Self::ACK_OR_RST != 0 && flags & Self::SYN == 0,
            Self::MatchAny { set, clear } => flags & set != 0 || !flags & clear != 0,
            Self::MatchAll { set, clear } => flags & set == set && flags & clear == 0,
        }
    }
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// Of which protocol; a standard list has only [`Protocol::Ip`].
    pub protocol: Protocol,
    /// Where from.
    pub source: Address,
    /// Where to.
    pub destination: Address,
    /// From which port (TCP and UDP).
    pub source_ports: Ports,
    /// To which port (TCP and UDP).
    pub destination_ports: Ports,
    /// With which flags (TCP).
    pub flags: Flags,
    /// Only fragments that are not the first.
    pub fragments: bool,
}

impl Rule {
    /// A rule for every packet.
    #[must_use]
    pub const fn any(action: Action) -> Self {
        Self {
            action,
            protocol: Protocol::Ip,
            source: Address::ANY,
            destination: Address::ANY,
            source_ports: Ports::Any,
            destination_ports: Ports::Any,
            flags: Flags::Any,
            fragments: false,
        }
    }

    /// Whether it asks for ports or flags, which only first fragments have.
    #[must_use]
    pub fn has_transport(&self) -> bool {
        self.source_ports != Ports::Any
            || self.destination_ports != Ports::Any
            || self.flags != Flags::Any
    }

    fn matches(&self, packet: &Subject) -> bool {
        let protocol = match self.protocol {
            Protocol::Ip => true,
            Protocol::Tcp => packet.protocol == protocol::TCP,
            Protocol::Udp => packet.protocol == protocol::UDP,
        };
        if !protocol
            || !self.source.matches(packet.source)
            || !self.destination.matches(packet.destination)
        {
            return false;
        }
        let Some(transport) = &packet.transport else {
            return self.action == Action::Permit || !self.has_transport();
        };
        if self.fragments {
            return false;
        }
        match packet.protocol {
            protocol::TCP => self.ports(transport) && self.flags.matches(transport.flags),
            protocol::UDP => self.ports(transport),
            _ => !self.has_transport(),
        }
    }

    fn ports(&self, transport: &Transport) -> bool {
        self.source_ports.matches(transport.source)
            && self.destination_ports.matches(transport.destination)
    }
}

/// What rules look at.
struct Subject {
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    /// `None` for a fragment that is not the first.
    transport: Option<Transport>,
}

#[derive(Default)]
struct Transport {
    source: u16,
    destination: u16,
    /// Zero when it is not TCP.
    flags: u8,
}

impl Subject {
    /// `None` when the packet is malformed or too short for what rules look at: it is denied.
    fn new(octets: &[u8]) -> Option<Self> {
        let packet = Ipv4::parse(octets).ok()?;
        let transport = match (packet.fragment_offset(), packet.protocol()) {
            (1.., _) => None,
            (0, found @ (protocol::TCP | protocol::UDP)) => {
                let payload = packet.payload();
                let &[s0, s1, d0, d1] = payload.first_chunk()?;
                Some(Transport {
                    source: u16::from_be_bytes([s0, s1]),
                    destination: u16::from_be_bytes([d0, d1]),
                    flags: match found {
                        protocol::TCP => *payload.get(13)?,
                        _ => 0,
                    },
                })
            }
            _ => Some(Transport::default()),
        };
        Some(Self {
            protocol: packet.protocol(),
            source: packet.src(),
            destination: packet.dst(),
            transport,
        })
    }
}

/// A list of rules, each with the packets that it decided.
#[derive(Clone, Debug, Default)]
pub struct AccessList {
    rules: Vec<(Rule, u64)>,
    unmatched: u64,
}

impl AccessList {
    /// A list of these rules. Of those beyond [`MAX_RULES`], none is taken.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            rules: rules
                .into_iter()
                .take(MAX_RULES)
                .map(|rule| (rule, 0))
                .collect(),
            unmatched: 0,
        }
    }

    /// Has other rules from now on. A rule that stays keeps its counter.
    pub fn replace(&mut self, rules: impl IntoIterator<Item = Rule>) {
        let mut next = Self::new(rules);
        for (rule, count) in &mut next.rules {
            let known = self.rules.iter().find(|(known, _)| known == rule);
            *count = known.map_or(0, |(_, count)| *count);
        }
        next.unmatched = self.unmatched;
        *self = next;
    }

    /// The rules in order, each with the number of packets that it decided.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = (&Rule, u64)> {
        self.rules.iter().map(|(rule, count)| (rule, *count))
    }

    /// Packets denied because no rule matched, or because they were malformed.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Whether this packet passes; counts.
    pub fn permits(&mut self, packet: &[u8]) -> bool {
        let decided = Subject::new(packet).and_then(|subject| {
            self.rules
                .iter_mut()
                .find(|(rule, _)| rule.matches(&subject))
        });
        match decided {
            Some((rule, count)) => {
                *count += 1;
                rule.action == Action::Permit
            }
            None => {
                self.unmatched += 1;
                false
            }
        }
    }
}

/// The first octets are rules, 16 each, the rest a packet. For fuzzing.
///
/// # Panics
/// A packet is decided by more or less than one rule.
pub fn fuzz_access_list(octets: &[u8]) {
    let Some((&count, mut rest)) = octets.split_first() else {
        return;
    };
    let mut rules = Vec::new();
    for _ in 0..count & 7 {
        let Some((rule, after)) = rest.split_first_chunk() else {
            break;
        };
        rules.push(fuzz_rule(rule));
        rest = after;
    }
    let mut list = AccessList::new(rules);
    let permitted = list.permits(rest);
    let decided: u64 = list.rules().map(|(_, count)| count).sum();
    assert_eq!(decided + list.unmatched(), 1, "one packet, one decision");
    let permitting = list
        .rules()
        .filter(|(rule, _)| rule.action == Action::Permit)
        .map(|(_, count)| count)
        .sum::<u64>();
    assert_eq!(permitted, permitting == 1);
}

fn fuzz_rule(octets: &[u8; 16]) -> Rule {
    let [
        kind,
        ports,
        set,
        clear,
        s0,
        s1,
        d0,
        d1,
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
    ] = *octets;
    let port_rule = |choice: u8, port: u16| match choice & 7 {
        0 => Ports::Equal(port),
        1 => Ports::NotEqual(port),
        2 => Ports::Greater(port),
        3 => Ports::Less(port),
        4 => Ports::Range(port, port.saturating_add(100)),
        _ => Ports::Any,
    };
    Rule {
        action: if kind & 1 == 0 {
            Action::Permit
        } else {
            Action::Deny
        },
        protocol: match kind >> 1 & 3 {
            0 => Protocol::Tcp,
            1 => Protocol::Udp,
            _ => Protocol::Ip,
        },
        source: Address {
            address: Ipv4Addr::new(a, b, a, b),
            wildcard: Ipv4Addr::new(c, d, c, d),
        },
        destination: Address {
            address: Ipv4Addr::new(e, f, e, f),
            wildcard: Ipv4Addr::new(g, h, g, h),
        },
        source_ports: port_rule(ports, u16::from_be_bytes([s0, s1])),
        destination_ports: port_rule(ports >> 4, u16::from_be_bytes([d0, d1])),
        flags: match kind >> 3 & 3 {
            0 => Flags::Established,
            1 => Flags::MatchAny { set, clear },
            2 => Flags::MatchAll { set, clear },
            _ => Flags::Any,
        },
        fragments: kind & 0x20 != 0,
    }
}

#[cfg(test)]
mod tests;
