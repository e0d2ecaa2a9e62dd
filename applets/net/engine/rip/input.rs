//! Messages of RIP that came in.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::bucket::TokenBucket;
use wanbox_wire::rip::{self as wire, Command, Entry, FAMILY_IPV4, Message, PORT};

use super::{ANSWERS, RipNotice, Update};
use crate::address::mask;
use crate::interface::InterfaceId;
use crate::route::{INFINITY, LONGEST_LIFETIME, NewRoute, Origin};
use crate::station::{Sink, Station};

/// The prefix length that version 1 means by an address: that of its class, or as many octets as are not zero.
pub(super) fn guess_bits(address: Ipv4Addr) -> u8 {
    let octets = address.octets();
    let class = match octets[0] {
        0..=127 => 8,
        128..=191 => 16,
        _ => 24,
    };
    match octets {
        [0, 0, 0, 0] => 0,
        [_, 0, 0, 0] => class,
        [_, _, 0, 0] => class.max(16),
        [_, _, _, 0] => class.max(24),
        _ => 32,
    }
}

impl Station {
    /// A message came in.
    pub(crate) fn rip_input(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        from: (Ipv4Addr, u16),
        octets: &[u8],
        sink: &mut dyn Sink,
    ) {
        self.rip.stats.received += 1;
        if self.rip.refused.contains(&from.0) {
            self.rip.stats.refused += 1;
            self.rip_tell(RipNotice::Refused(from.0));
            return;
        }
        let Ok(message) = Message::parse(octets) else {
            self.rip.stats.malformed += 1;
            return;
        };
        let version = message.version();
        if version != 1 && !(version == 2 && self.rip.version2) {
            self.rip.stats.unknown += 1;
            return;
        }
        // Without a password, messages with one are refused (RFC 2453 section 4.1); with one, all others.
        let right = match (&self.rip.password, message.password()) {
            (None, _) => !message.is_authenticated(),
            (Some(_), None) => false,
            (Some(password), Some(given)) => {
                // Every octet is looked at, so that the time says nothing.
                let different = password
                    .iter()
                    .zip(given)
                    .fold(0, |found, (a, b)| found | (a ^ b));
                different == 0
            }
        };
        if !right {
            self.rip.stats.unauthenticated += 1;
            return;
        }
        match message.command() {
            Command::Response => self.rip_response(now, interface, from, &message, sink),
            Command::Request => self.rip_requested(now, from, &message, sink),
            Command::Unknown(_) => {
                self.rip.stats.unknown += 1;
                self.rip_tell(RipNotice::Unknown);
            }
        }
    }

    fn rip_requested(
        &mut self,
        now: Instant,
        from: (Ipv4Addr, u16),
        message: &Message<'_>,
        sink: &mut dyn Sink,
    ) {
        self.rip.stats.requests += 1;
        self.rip_tell(RipNotice::Request);
        if self.rip.answers.is_none() {
            self.rip.answers = TokenBucket::new(now, ANSWERS, ANSWERS, 0).ok();
        }
        let limit = self.rip.answers.as_mut();
        if limit.is_some_and(|limit| limit.take(now, 1, false).is_err()) {
            self.rip.stats.limited += 1;
            return;
        }
        let version = message.version();
        let everything = message.entries().all(|entry| entry.family != FAMILY_IPV4);
        if everything {
            let split = from.1 == PORT;
            self.rip_update(
                now,
                from,
                Update {
                    split,
                    triggered: false,
                    us: true,
                    version,
                },
                sink,
            );
            return;
        }
        // Asked for some routes: the same entries with their metrics (RFC 2453 section 3.9.1).
        let password = self.rip.password.filter(|_| version == 2);
        let mut answer = self.pool.take();
        wire::begin(&mut answer, Command::Response, version, password.as_ref());
        for entry in message.entries() {
            let bits = if version == 1 {
                guess_bits(entry.address)
            } else {
                entry.mask.leading_ones() as u8
            };
            let route = self
                .routes
                .exact(entry.address, bits)
                .filter(|route| !route.private);
            let metric = route.map_or(INFINITY, |route| {
                route.metric.saturating_add(1).min(INFINITY)
            });
            Entry { metric, ..entry }.emit(&mut answer);
        }
        self.rip_send(now, PORT, from, &answer, sink);
        self.pool.give(answer);
    }

    fn rip_response(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        from: (Ipv4Addr, u16),
        message: &Message<'_>,
        sink: &mut dyn Sink,
    ) {
        self.rip.stats.responses += 1;
        if from.1 != PORT || !self.is_neighbour(interface, from.0) {
            self.rip.stats.strangers += 1;
            return;
        }
        self.rip_tell(RipNotice::Response(from.0));
        let lifetime = self.rip_lifetime(interface);
        for entry in message.entries() {
            if entry.family != FAMILY_IPV4 {
                self.rip.stats.malformed += 1;
                self.rip_tell(RipNotice::NotIp);
                continue;
            }
            self.rip_entry(now, interface, from.0, message.version(), lifetime, &entry);
        }
        // The way to the sender itself.
        if self.routes.exact(from.0, 32).is_some() {
            self.routes.refresh(now, from.0, 32, lifetime);
        } else if self
            .routes
            .lookup(from.0)
            .is_none_or(|route| route.interface != interface)
        {
            let route = NewRoute {
                metric: 0,
                lifetime,
                origin: Origin::Learned,
                ..NewRoute::new(from.0, 32, interface)
            };
            // A refused route is counted by the table, and the sender stays where it was.
            let _ = self.add_route(now, &route);
        }
        if self.rip.merge {
            for (target, bits) in self.routes.merge() {
                self.rip_tell(RipNotice::Merge(target, bits));
            }
        }
        if self.routes.iter().any(|route| route.changed) {
            self.rip.changed(now);
            self.rip_due(now, sink);
        }
    }

    /// Whether an address can be that of a neighbour on an interface: in its network, if it has one.
    fn is_neighbour(&self, id: InterfaceId, address: Ipv4Addr) -> bool {
        let Some(interface) = self.interfaces.get(id) else {
            return false;
        };
        let netmask = interface.netmask();
        let different = (interface.address().to_bits() ^ address.to_bits()) & netmask;
        !self.interfaces.is_own(address) && (netmask == u32::MAX || different == 0)
    }

    fn rip_entry(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        from: Ipv4Addr,
        version: u8,
        lifetime: u32,
        entry: &Entry,
    ) {
        let (address, metric) = (entry.address, entry.metric);
        let bits = if version == 1 {
            guess_bits(address)
        } else {
            entry.mask.leading_ones() as u8
        };
        let contiguous = version == 1 || mask(bits) == entry.mask;
        let nobody = address.is_multicast() || address.is_loopback() || address.octets()[0] >= 240;
        let outside = address.to_bits() & !mask(bits) != 0;
        if !(1..=INFINITY).contains(&metric) || !contiguous || nobody || outside {
            self.rip.stats.malformed += 1;
            return;
        }
        if bits == 32 && self.interfaces.is_own(address) {
            self.rip_tell(RipNotice::ToSelf(address, metric));
            return;
        }
        // A next hop counts when it is on the same network (RFC 2453 section 4.4).
        let hop = entry.next_hop;
        let direct = version > 1
            && !hop.is_unspecified()
            && !self.interfaces.is_own(hop)
            && self.routes.lookup(hop).is_some_and(|route| {
                route.interface == interface && route.gateway.is_unspecified()
            });
        let gateway = if direct { hop } else { from };
        let new = NewRoute {
            target: address,
            bits,
            interface,
            gateway,
            metric,
            private: false,
            lifetime: lifetime.min(LONGEST_LIFETIME),
            origin: Origin::Rip,
        };
        let Some(old) = self.routes.exact(address, bits).copied() else {
            if metric < INFINITY && self.add_route(now, &new).is_ok() {
                self.rip_tell(RipNotice::Add(address, bits, interface, gateway, metric));
            }
            return;
        };
        if old.private || old.is_permanent() {
            return;
        }
        if old.held_down {
            self.rip_tell(RipNotice::HoldDown(address, metric));
        } else if old.gateway == gateway && old.interface == interface {
            if metric != old.metric {
                self.rip_tell(RipNotice::Changed(address, old.metric, metric));
            }
            if metric >= INFINITY {
                self.routes.hold_down(now, address, bits);
                return;
            }
            self.routes.refresh(now, address, bits, lifetime);
            if let Some(route) = self.routes.exact_mut(address, bits) {
                route.changed |= route.metric != metric;
                (route.metric, route.origin) = (metric, Origin::Rip);
            }
        } else if metric < old.metric {
            self.rip_tell(RipNotice::Better(address, metric));
            if self.add_route(now, &new).is_ok() {
                self.rip_tell(RipNotice::Drop(
                    address,
                    bits,
                    old.interface,
                    old.gateway,
                    old.metric,
                ));
                self.rip_tell(RipNotice::Add(address, bits, interface, gateway, metric));
            }
        } else {
            self.rip_tell(RipNotice::NotBetter(address, metric));
        }
    }
}
