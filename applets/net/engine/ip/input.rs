//! What happens to a datagram that came in (RFC 791, RFC 1122 section 3.2.1, RFC 1812 section 5.2).

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::offload::Segmenter;
use wanbox_wire::ip::{Gso, Ipv4, Sum, VirtioHeader, adjust};

use super::options::{self, Verdict};
use super::reassembly::Outcome;
use crate::icmp::Error;
use crate::interface::InterfaceId;
use crate::route::{LONGEST_LIFETIME, NewRoute, Origin};
use crate::station::{Arrival, Delivery, Sink, Station};

/// How many datagrams in datagrams are looked into, and how often one of ours may come back to us.
const DEEPEST: u8 = 8;
/// A learned route is not put off anew before it has lost so much of its time, seconds.
const LEARN_AGAIN: u64 = 60;

/// What the header of a datagram says, taken out so that the datagram can be changed.
#[derive(Clone, Copy)]
struct Facts {
    header_len: usize,
    src: Ipv4Addr,
    dst: Ipv4Addr,
    ttl: u8,
}

impl Station {
    /// A datagram came in. What is forwarded is changed in place. What TCP has to say to it leaves with
    /// [`Station::flush`], so that segments that come together are acknowledged together.
    pub fn receive(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        let Some(interface) = self.interfaces.get_mut(arrival.interface) else {
            return;
        };
        interface.counters.received.count(now, true);
        self.input(now, arrival, packet, sink);
    }

    /// The same for datagrams that come from within: out of others, or to ourselves.
    pub(crate) fn input(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        if self.depth >= DEEPEST {
            self.ip.stats.too_deep += 1;
            return;
        }
        self.depth += 1;
        self.input_checked(now, arrival, packet, sink);
        self.depth -= 1;
    }

    fn input_checked(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        self.ip.stats.in_receives += 1;
        let (mut facts, len) = match Ipv4::parse(packet) {
            Ok(datagram) if datagram.checksum_is_valid() => {
                let facts = Facts {
                    header_len: datagram.header().len(),
                    src: datagram.src(),
                    dst: datagram.dst(),
                    ttl: datagram.ttl(),
                };
                (facts, datagram.octets().len())
            }
            _ => {
                self.ip.stats.in_hdr_errors += 1;
                return;
            }
        };
        // A checksum that is left to be made belongs to the transport, behind the header.
        let offload = &arrival.offload;
        if offload.needs_checksum() && usize::from(offload.checksum_start) < facts.header_len {
            self.ip.stats.bad_offload += 1;
            return;
        }
        // What is behind a datagram is padding of the link.
        let Some(packet) = packet.get_mut(..len) else {
            return;
        };
        if !self.filter.allows(facts.src) || !self.filter.allows(facts.dst) {
            self.ip.stats.filtered += 1;
            return;
        }
        if self.is_martian(arrival.interface, &facts) {
            self.ip.stats.in_addr_errors += 1;
            return;
        }
        self.autoroute(now, arrival, facts.src);
        let mut strict = false;
        if facts.header_len > Ipv4::MIN_HEADER {
            match self.options(now, arrival, packet, &mut facts, sink) {
                Some(is_strict) => strict = is_strict,
                None => return,
            }
        }
        let everybody = arrival.broadcast || self.is_for_everybody(arrival.interface, facts.dst);
        if everybody || self.interfaces.is_own(facts.dst) {
            self.deliver(now, arrival, everybody, packet, sink);
        } else if facts.dst.is_multicast() {
            self.ip.stats.multicast += 1;
        } else {
            self.forward(now, arrival, &facts, strict, packet, sink);
        }
    }

    /// Addresses that cannot come from a line (RFC 1122 section 3.2.1.3, RFC 1812 section 5.3.7): groups and
    /// everybody as source, loopback addresses outside of the machine, our own address as that of others.
    fn is_martian(&self, interface: InterfaceId, facts: &Facts) -> bool {
        let reserved = |address: Ipv4Addr| address.octets()[0] >= 240 && !address.is_broadcast();
        let outside = interface != InterfaceId::LOOPBACK;
        let foreign = |address: Ipv4Addr| outside && address.is_loopback();
        facts.src.is_multicast()
            || facts.src.is_broadcast()
            || reserved(facts.src)
            || reserved(facts.dst)
            || foreign(facts.src)
            || foreign(facts.dst)
            || outside && !facts.src.is_unspecified() && self.interfaces.is_own(facts.src)
    }

    /// Whether an address means everybody on the network of an interface, or a group that we are in.
    fn is_for_everybody(&self, interface: InterfaceId, address: Ipv4Addr) -> bool {
        address.is_broadcast()
            || self
                .interfaces
                .get(interface)
                .is_some_and(|interface| interface.broadcast() == address)
            || address == Ipv4Addr::new(224, 0, 0, 1)
            || address == crate::rip::GROUP && self.rip.listens_to_group()
    }

    /// Who is heard on a line of two ends can be reached there; who is heard through a tunnel, at its far end.
    fn autoroute(&mut self, now: Instant, arrival: &Arrival, src: Ipv4Addr) {
        let (id, gateway) = (arrival.interface, arrival.tunnel);
        let learns = self.interfaces.get(id).is_some_and(|interface| {
            // On links with addresses there are neighbours beyond which hosts may be.
            interface.autoroute && interface.encapsulation.hardware().is_none()
        });
        if !learns || self.interfaces.is_own(src) {
            return;
        }
        self.learn_route(now, id, gateway, src);
    }

    /// Takes down that a host is reached by an interface, through a gateway or 0.0.0.0. `true`: the route there
    /// was so already, and holds for long.
    pub(crate) fn learn_route(
        &mut self,
        now: Instant,
        id: InterfaceId,
        gateway: Ipv4Addr,
        src: Ipv4Addr,
    ) -> bool {
        if let Some(route) = self.routes.lookup(src)
            && route.interface == id
            && route.gateway == gateway
        {
            let fresh = u64::from(LONGEST_LIFETIME) - LEARN_AGAIN;
            if route.bits == 32 && !route.is_permanent() && route.seconds_left(now) < fresh {
                self.routes.refresh(now, src, 32, LONGEST_LIFETIME);
            }
            return true;
        }
        let route = NewRoute {
            gateway,
            lifetime: LONGEST_LIFETIME,
            origin: Origin::Learned,
            ..NewRoute::new(src, 32, id)
        };
        // Refused ones are counted by the table.
        let _ = self.add_route(now, &route);
        false
    }

    /// Processes options. `None`: the datagram is dropped; otherwise whether the next hop must be a neighbour.
    fn options(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        packet: &mut [u8],
        facts: &mut Facts,
        sink: &mut dyn Sink,
    ) -> Option<bool> {
        let ours = self.interfaces.is_own(facts.dst);
        let follow = self.ip.source_routes && !arrival.broadcast;
        let verdict = {
            let header = packet.get_mut(..facts.header_len)?;
            options::process(header, ours, follow, &mut |towards| {
                self.source_for(towards)
            })
        };
        match verdict {
            Verdict::Unchanged => Some(false),
            Verdict::Changed { strict } => {
                let header = packet.get_mut(..facts.header_len)?;
                facts.dst = header.get(16..20)?.first_chunk::<4>().copied()?.into();
                header.get_mut(10..12)?.fill(0);
                let checksum = Sum::new().octets(header).checksum();
                header
                    .get_mut(10..12)?
                    .copy_from_slice(&checksum.to_be_bytes());
                if !self.filter.allows(facts.dst) || self.is_martian(arrival.interface, facts) {
                    self.ip.stats.filtered += 1;
                    return None;
                }
                Some(strict)
            }
            Verdict::Malformed(pointer) => {
                self.ip.stats.in_hdr_errors += 1;
                self.icmp_error(
                    now,
                    Error::Parameter(pointer),
                    packet,
                    arrival.broadcast,
                    sink,
                );
                None
            }
            Verdict::Refused => {
                self.ip.stats.in_discards += 1;
                self.icmp_error(
                    now,
                    Error::SourceRouteFailed,
                    packet,
                    arrival.broadcast,
                    sink,
                );
                None
            }
        }
    }

    /// Passes a datagram on.
    fn forward(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        facts: &Facts,
        strict: bool,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        if !self.ip.forwarding || facts.src.is_unspecified() || facts.dst.is_loopback() {
            self.ip.stats.in_addr_errors += 1;
            return;
        }
        if facts.ttl <= 1 {
            self.ip.stats.in_hdr_errors += 1;
            self.icmp_error(now, Error::TimeToLive, packet, false, sink);
            return;
        }
        let Some(route) = self.routes.route(facts.dst) else {
            self.ip.stats.out_no_routes += 1;
            self.icmp_error(now, Error::HostUnreachable, packet, false, sink);
            return;
        };
        // Everybody on another network is nobody's business from outside of it (RFC 2644).
        if route.interface != arrival.interface && self.is_broadcast(facts.dst) {
            self.ip.stats.in_discards += 1;
            return;
        }
        if strict && !route.gateway.is_unspecified() {
            self.icmp_error(now, Error::SourceRouteFailed, packet, false, sink);
            return;
        }
        if let Some([ttl, number, high, low]) = packet.get_mut(8..12) {
            let old = u16::from_be_bytes([*ttl, *number]);
            *ttl -= 1;
            let new = u16::from_be_bytes([*ttl, *number]);
            let checksum = adjust(u16::from_be_bytes([*high, *low]), old, new);
            [*high, *low] = checksum.to_be_bytes();
        }
        self.ip.stats.forw_datagrams += 1;
        self.egress(now, &route, facts.dst, packet, &arrival.offload, sink);
    }

    /// Takes a datagram that is for us: fragments are put together first, and super-packets of UDP cut.
    fn deliver(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        broadcast: bool,
        packet: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        if arrival.offload.gso == Gso::UdpL4 {
            let mut buffer = self.pool.take();
            let Ok(mut segmenter) = Segmenter::new(&arrival.offload, packet, 0) else {
                self.ip.stats.bad_offload += 1;
                return;
            };
            while let Some(len) = segmenter.next_len() {
                buffer.clear();
                buffer.resize(len, 0);
                if segmenter.next_into(&mut buffer).is_err() {
                    break;
                }
                self.deliver_one(now, arrival, broadcast, true, &buffer, sink);
            }
            self.pool.give(buffer);
            return;
        }
        let Ok(datagram) = Ipv4::parse(packet) else {
            return;
        };
        if !datagram.is_fragment() {
            let offload = &arrival.offload;
            let verified = offload.needs_checksum() || offload.data_valid();
            self.deliver_one(now, arrival, broadcast, verified, packet, sink);
            return;
        }
        self.ip.stats.reasm_reqds += 1;
        match self.ip.reassembly.add(now, &datagram, broadcast) {
            Outcome::Waiting => {}
            Outcome::Refused => self.ip.stats.reasm_fails += 1,
            Outcome::Whole(whole) => {
                self.ip.stats.reasm_oks += 1;
                self.deliver_one(now, arrival, broadcast, false, &whole, sink);
            }
        }
    }

    fn deliver_one(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        broadcast: bool,
        verified: bool,
        packet: &[u8],
        sink: &mut dyn Sink,
    ) {
        let Ok(datagram) = Ipv4::parse(packet) else {
            return;
        };
        let delivery = Delivery {
            interface: arrival.interface,
            src: datagram.src(),
            dst: datagram.dst(),
            tos: datagram.tos(),
            broadcast,
            verified,
            options: datagram.options(),
            payload: datagram.payload(),
            datagram: packet,
        };
        self.dispatch(now, datagram.protocol(), &delivery, sink);
    }
}

/// A packet whose offloads are all done.
pub(crate) const FINISHED: VirtioHeader = VirtioHeader::FINISHED;
