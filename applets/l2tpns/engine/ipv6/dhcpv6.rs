//! What the DHCPv6 server answers (RFC 8415 section 18.3).

use std::net::Ipv6Addr;

use wanbox_wire::dhcpv6::{
    Association, DNS_SERVERS, DOMAIN_LIST, DhcpOption, Kind, Message, Options, status,
};

use super::{Binding, Facts, Lifetimes, Server, network};

/// Associations of each kind that a client may have.
pub(super) const MAX_ASSOCIATIONS: usize = 8;

/// What is sent back.
pub(super) struct Answer {
    /// The message.
    pub(super) message: Vec<u8>,
    /// Whether a Router Advertisement follows it.
    pub(super) advertise: bool,
}

/// What a message says, beside its associations.
#[derive(Default)]
struct Request<'m> {
    client: Option<&'m [u8]>,
    server: Option<&'m [u8]>,
    rapid_commit: bool,
    requested: &'m [u8],
    associations: bool,
}

impl<'m> Request<'m> {
    fn read(options: &Options<'m>) -> Self {
        let mut request = Self::default();
        for option in options.iter() {
            match option {
                DhcpOption::ClientId(duid) => request.client = Some(duid),
                DhcpOption::ServerId(duid) => request.server = Some(duid),
                DhcpOption::RapidCommit => request.rapid_commit = true,
                DhcpOption::OptionRequest(codes) => request.requested = codes,
                DhcpOption::IaNa(_) | DhcpOption::IaPd(_) | DhcpOption::IaTa(..) => {
                    request.associations = true;
                }
                _ => {}
            }
        }
        request
    }
}

impl Server {
    /// Answers a client's message, or not.
    pub(super) fn dhcp(
        &mut self,
        binding: &mut Binding,
        facts: &Facts<'_>,
        payload: &[u8],
    ) -> Option<Answer> {
        let Ok(message) = Message::parse(payload) else {
            self.counters.malformed += 1;
            return None;
        };
        let request = Request::read(&message.options);
        let ours = request.server == Some(&self.duid);
        // Which identifiers a message must have and must not have (section 16).
        let addressed = match message.kind {
            Kind::Solicit | Kind::Confirm | Kind::Rebind => {
                request.client.is_some() && request.server.is_none()
            }
            Kind::Request | Kind::Renew | Kind::Release | Kind::Decline => {
                request.client.is_some() && ours
            }
            Kind::InformationRequest => (request.server.is_none() || ours) && !request.associations,
            _ => false,
        };
        if !addressed {
            self.counters.misaddressed += 1;
            return None;
        }
        let rapid = message.kind == Kind::Solicit && request.rapid_commit;
        let commits = rapid || matches!(message.kind, Kind::Request | Kind::Rebind);
        let stateless = matches!(
            message.kind,
            Kind::Solicit | Kind::Confirm | Kind::InformationRequest
        );
        let client = request.client.unwrap_or_default();
        match binding.client() {
            Some(bound) if bound != client && (commits || !stateless) => {
                self.counters.other_client += 1;
                return None;
            }
            None if commits => binding.client = client.into(),
            _ => {}
        }
        let mut options = Vec::new();
        DhcpOption::ServerId(&self.duid).append(&mut options);
        if !client.is_empty() {
            DhcpOption::ClientId(client).append(&mut options);
        }
        match message.kind {
            Kind::Confirm => self.confirm(facts, &message.options, &mut options)?,
            Kind::Release | Kind::Decline => {
                let released = release(binding, &message.options, &mut options);
                if message.kind == Kind::Decline {
                    self.counters.declined += released;
                }
            }
            Kind::InformationRequest => {}
            kind => {
                let mut lease = Lease::new(self, binding, facts, kind, commits);
                lease.prefixes(&message.options, &mut options);
                lease.addresses(&message.options, &mut options);
                for option in message.options.iter() {
                    if let DhcpOption::IaTa(iaid, _) = option {
                        let mut inner = Vec::new();
                        put_status(status::UNSPEC_FAIL, "no temporary addresses", &mut inner);
                        DhcpOption::IaTa(iaid, Options::written(&inner)).append(&mut options);
                    }
                }
            }
        }
        self.configuration(request.requested, &mut options);
        let kind = match message.kind {
            Kind::Solicit if !rapid => Kind::Advertise,
            _ => Kind::Reply,
        };
        if rapid {
            DhcpOption::RapidCommit.append(&mut options);
        }
        if kind == Kind::Advertise {
            DhcpOption::Preference(255).append(&mut options);
        }
        let mut octets = Vec::new();
        Message {
            kind,
            transaction: message.transaction,
            options: Options::written(&options),
        }
        .append(&mut octets);
        Some(Answer {
            message: octets,
            advertise: message.kind == Kind::Request,
        })
    }

    /// What was asked for of the DNS servers and the domains.
    fn configuration(&self, requested: &[u8], options: &mut Vec<u8>) {
        let wants = |code: u16| {
            let (codes, _) = requested.as_chunks::<2>();
            codes
                .iter()
                .any(|octets| u16::from_be_bytes(*octets) == code)
        };
        let servers = self.dns();
        if wants(DNS_SERVERS) && !servers.is_empty() {
            DhcpOption::DnsServers(&servers).append(options);
        }
        if wants(DOMAIN_LIST) && !self.domains.is_empty() {
            DhcpOption::DomainList(&self.domains).append(options);
        }
    }

    /// Whether all addresses are right for this link; nothing when there are none (section
    /// 18.3.3).
    fn confirm(&self, facts: &Facts<'_>, of: &Options<'_>, options: &mut Vec<u8>) -> Option<()> {
        let link = facts.link_prefix(&self.settings);
        let mut any = false;
        let mut right = true;
        for option in of.iter() {
            let inner = match option {
                DhcpOption::IaNa(association) => association.options,
                DhcpOption::IaTa(_, options) => options,
                _ => continue,
            };
            for option in inner.iter() {
                if let DhcpOption::Address { address, .. } = option {
                    any = true;
                    right &= Some(network(address, 64)) == link;
                }
            }
        }
        let (code, text) = if right {
            (status::SUCCESS, "these addresses are right")
        } else {
            (status::NOT_ON_LINK, "an address is not of this link")
        };
        put_status(code, text, options);
        any.then_some(())
    }
}

/// Addresses and prefixes for one message.
struct Lease<'l> {
    binding: &'l mut Binding,
    facts: &'l Facts<'l>,
    address: Option<Ipv6Addr>,
    lifetimes: Lifetimes,
    kind: Kind,
    commits: bool,
}

impl<'l> Lease<'l> {
    fn new(
        server: &Server,
        binding: &'l mut Binding,
        facts: &'l Facts<'l>,
        kind: Kind,
        commits: bool,
    ) -> Self {
        Self {
            binding,
            facts,
            address: facts.own_address(&server.settings),
            lifetimes: server.lifetimes(),
            kind,
            commits,
        }
    }

    /// Every association for prefixes gets those of the session's that it names; the first also
    /// gets those that none does.
    fn prefixes(&mut self, of: &Options<'_>, options: &mut Vec<u8>) {
        let associations = || {
            of.iter().filter_map(|option| match option {
                DhcpOption::IaPd(association) => Some(association),
                _ => None,
            })
        };
        let named = |association: &Association<'_>, prefix: (Ipv6Addr, u8)| {
            association.options.iter().any(|option| {
                matches!(option, DhcpOption::Prefix { prefix: p, bits, .. }
                    if bits == prefix.1 && network(p, bits) == network(prefix.0, bits))
            })
        };
        // The place of the association that gets each prefix.
        let places: Vec<usize> = self
            .facts
            .prefixes
            .iter()
            .map(|&prefix| associations().position(|a| named(&a, prefix)).unwrap_or(0))
            .collect();
        for (place, association) in associations().take(MAX_ASSOCIATIONS).enumerate() {
            let mut inner = Vec::new();
            let unbound = !self.binding.prefixes.contains(&association.iaid);
            if self.kind == Kind::Renew && unbound {
                put_status(status::NO_BINDING, "unknown association", &mut inner);
            } else {
                let own = self.facts.prefixes.iter().zip(&places);
                for (&(prefix, bits), _) in own.filter(|(_, at)| **at == place) {
                    self.prefix(network(prefix, bits), bits, self.lifetimes, &mut inner);
                }
                if inner.is_empty() {
                    put_status(status::NO_PREFIX_AVAIL, "no prefix", &mut inner);
                } else if self.commits {
                    bind(&mut self.binding.prefixes, association.iaid);
                }
                // What the client has and must not keep (section 18.3.5).
                if matches!(self.kind, Kind::Renew | Kind::Rebind) {
                    for option in association.options.iter() {
                        if let DhcpOption::Prefix { prefix, bits, .. } = option
                            && !self.has(prefix, bits)
                        {
                            self.prefix(prefix, bits, GONE, &mut inner);
                        }
                    }
                }
            }
            DhcpOption::IaPd(self.association(association.iaid, &inner)).append(options);
        }
    }

    fn has(&self, prefix: Ipv6Addr, bits: u8) -> bool {
        let same = |(own, own_bits): &(Ipv6Addr, u8)| {
            *own_bits == bits && network(*own, bits) == network(prefix, bits)
        };
        self.facts.prefixes.iter().any(same)
    }

    fn prefix(&self, prefix: Ipv6Addr, bits: u8, lifetimes: Lifetimes, to: &mut Vec<u8>) {
        DhcpOption::Prefix {
            preferred: lifetimes.preferred,
            valid: lifetimes.valid,
            bits,
            prefix,
            options: Options::NONE,
        }
        .append(to);
    }

    /// The session has one address: the first association that may have it gets it.
    fn addresses(&mut self, of: &Options<'_>, options: &mut Vec<u8>) {
        let mut left = self.address;
        let associations = of.iter().filter_map(|option| match option {
            DhcpOption::IaNa(association) => Some(association),
            _ => None,
        });
        for association in associations.take(MAX_ASSOCIATIONS) {
            let mut inner = Vec::new();
            let unbound = !self.binding.addresses.contains(&association.iaid);
            if self.kind == Kind::Renew && unbound {
                put_status(status::NO_BINDING, "unknown association", &mut inner);
            } else {
                if let Some(address) = left.take() {
                    self.address(address, self.lifetimes, &mut inner);
                    if self.commits {
                        bind(&mut self.binding.addresses, association.iaid);
                    }
                } else {
                    put_status(status::NO_ADDRS_AVAIL, "no address", &mut inner);
                }
                if matches!(self.kind, Kind::Renew | Kind::Rebind) {
                    for option in association.options.iter() {
                        if let DhcpOption::Address { address, .. } = option
                            && Some(address) != self.address
                        {
                            self.address(address, GONE, &mut inner);
                        }
                    }
                }
            }
            DhcpOption::IaNa(self.association(association.iaid, &inner)).append(options);
        }
    }

    fn address(&self, address: Ipv6Addr, lifetimes: Lifetimes, to: &mut Vec<u8>) {
        DhcpOption::Address {
            address,
            preferred: lifetimes.preferred,
            valid: lifetimes.valid,
            options: Options::NONE,
        }
        .append(to);
    }

    fn association<'m>(&self, iaid: u32, inner: &'m [u8]) -> Association<'m> {
        Association {
            iaid,
            t1: self.lifetimes.t1,
            t2: self.lifetimes.t2,
            options: Options::written(inner),
        }
    }
}

/// The lifetimes of what must not be used any more.
const GONE: Lifetimes = Lifetimes {
    preferred: 0,
    valid: 0,
    t1: 0,
    t2: 0,
};

fn bind(known: &mut Vec<u32>, iaid: u32) {
    if !known.contains(&iaid) && known.len() < MAX_ASSOCIATIONS {
        known.push(iaid);
    }
}

/// Forgets associations, and says which were unknown (sections 18.3.7 and 18.3.8). How many were
/// known.
fn release(binding: &mut Binding, of: &Options<'_>, options: &mut Vec<u8>) -> u64 {
    let mut released = 0;
    put_status(status::SUCCESS, "done", options);
    let mut unknown = Vec::new();
    put_status(status::NO_BINDING, "unknown association", &mut unknown);
    for option in of.iter() {
        let (known, iaid) = match option {
            DhcpOption::IaNa(association) => (&mut binding.addresses, association.iaid),
            DhcpOption::IaPd(association) => (&mut binding.prefixes, association.iaid),
            _ => continue,
        };
        let before = known.len();
        known.retain(|other| *other != iaid);
        if known.len() != before {
            released += 1;
            continue;
        }
        let association = Association {
            iaid,
            t1: 0,
            t2: 0,
            options: Options::written(&unknown),
        };
        match option {
            DhcpOption::IaNa(_) => DhcpOption::IaNa(association).append(options),
            _ => DhcpOption::IaPd(association).append(options),
        }
    }
    if binding.addresses.is_empty() && binding.prefixes.is_empty() {
        // Another client may follow.
        binding.client = Box::default();
    }
    released
}

fn put_status(code: u16, text: &str, options: &mut Vec<u8>) {
    let text = text.as_bytes();
    DhcpOption::Status { code, text }.append(options);
}
