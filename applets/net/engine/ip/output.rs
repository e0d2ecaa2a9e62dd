//! How a datagram leaves: header, route, MTU, fragments, link address (RFC 791 section 2.3, RFC 1122 section 3.3).

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::offload::{Segmenter, complete};
use wanbox_wire::ip::{Fragments, Gso, Ipv4, Sum, VirtioHeader};

use super::Header;
use super::input::FINISHED;
use crate::arp::{Resolved, Us};
use crate::icmp::Error;
use crate::interface::{Hardware, InterfaceId, LinkAddress};
use crate::route::Hop;
use crate::station::{Arrival, Frame, FrameKind, Sink, Station};
use crate::trace::{self, Way};

/// The flag "do not fragment" with the others of its octet.
const DONT_FRAGMENT: u8 = 0x40;

impl Station {
    /// Sends an own datagram: `buffer` has room for the header, and behind it what is carried.
    pub fn send(&mut self, now: Instant, header: &Header, buffer: &mut [u8], sink: &mut dyn Sink) {
        self.send_buffer(now, header, &[], buffer, sink);
        self.tcp_output(now, sink);
    }

    /// The same with options, whole words, for which there is room too.
    pub(crate) fn send_buffer(
        &mut self,
        now: Instant,
        header: &Header,
        options: &[u8],
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        self.send_offloaded(now, header, options, buffer, &FINISHED, sink);
    }

    /// The same with something left to be done.
    pub(crate) fn send_offloaded(
        &mut self,
        now: Instant,
        header: &Header,
        options: &[u8],
        buffer: &mut [u8],
        offload: &VirtioHeader,
        sink: &mut dyn Sink,
    ) {
        self.ip.stats.out_requests += 1;
        let src = if header.src.is_unspecified() {
            self.source_for(header.dst)
        } else {
            header.src
        };
        if !self.write_header(header, src, options, buffer) {
            self.ip.stats.out_discards += 1;
            return;
        }
        if !self.filter.allows(src) || !self.filter.allows(header.dst) {
            self.ip.stats.filtered += 1;
            return;
        }
        if self.interfaces.is_own(header.dst) {
            let arrival = Arrival {
                offload: *offload,
                ..Arrival::new(InterfaceId::LOOPBACK)
            };
            if let Some(loopback) = self.interfaces.get_mut(InterfaceId::LOOPBACK) {
                loopback.counters.sent.count(now, true);
                loopback.counters.received.count(now, true);
                if loopback.trace.0 != 0 {
                    let shown = trace::finished(offload, buffer);
                    for way in [Way::Sent, Way::Received] {
                        sink.show(InterfaceId::LOOPBACK, way, loopback.trace, &shown);
                    }
                }
            }
            self.input(now, &arrival, buffer, sink);
            return;
        }
        match self.routes.route(header.dst) {
            Some(route) => self.egress(now, &route, header.dst, buffer, offload, sink),
            None => {
                self.ip.stats.out_no_routes += 1;
                self.icmp_error(now, Error::HostUnreachable, buffer, false, sink);
            }
        }
    }

    fn write_header(
        &mut self,
        header: &Header,
        src: Ipv4Addr,
        options: &[u8],
        buffer: &mut [u8],
    ) -> bool {
        let ident = self.ip.next_ident();
        let len = Ipv4::MIN_HEADER + options.len();
        let Ok(total) = u16::try_from(buffer.len()) else {
            return false;
        };
        let Some(to) = buffer.get_mut(..len) else {
            return false;
        };
        let (fixed, room) = to.split_at_mut(Ipv4::MIN_HEADER);
        room.copy_from_slice(options);
        let [total_high, total_low] = total.to_be_bytes();
        let [ident_high, ident_low] = ident.to_be_bytes();
        let flags = if header.dont_fragment {
            DONT_FRAGMENT
        } else {
            0
        };
        let ttl = header.ttl.unwrap_or(self.ip.ttl);
        let start = [
            0x40 | (len / 4) as u8,
            header.tos,
            total_high,
            total_low,
            ident_high,
            ident_low,
            flags,
            0,
            ttl,
            header.protocol,
            0,
            0,
        ];
        let octets = start
            .into_iter()
            .chain(src.octets())
            .chain(header.dst.octets());
        for (to, octet) in fixed.iter_mut().zip(octets) {
            *to = octet;
        }
        let checksum = Sum::new().octets(to).checksum();
        if let Some(field) = to.get_mut(10..12) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
        true
    }

    /// Sends a datagram the way of a route.
    pub(crate) fn egress(
        &mut self,
        now: Instant,
        route: &Hop,
        destination: Ipv4Addr,
        packet: &mut [u8],
        offload: &VirtioHeader,
        sink: &mut dyn Sink,
    ) {
        if route.interface == InterfaceId::LOOPBACK {
            // A route to nowhere: what is ours never comes here.
            self.ip.stats.out_discards += 1;
            return;
        }
        let mtu = self.mtu(route);
        let line = self.interfaces.line(route.interface);
        let takes = self
            .interfaces
            .get(line)
            .is_some_and(|line| line.offload && line.uses_offload);
        if offload.gso == Gso::None {
            if offload.needs_checksum() && !takes && complete(offload, packet).is_err() {
                self.ip.stats.bad_offload += 1;
                return;
            }
            let left = if takes { offload } else { &FINISHED };
            self.egress_one(now, route, destination, packet, left, mtu, sink);
            return;
        }
        let Ok(mut segmenter) = Segmenter::new(offload, packet, 0) else {
            self.ip.stats.bad_offload += 1;
            return;
        };
        let longest = segmenter.next_len().unwrap_or(0);
        if takes && longest <= mtu {
            self.transmit(now, route, destination, packet, offload, sink);
            return;
        }
        let mut buffer = self.pool.take();
        while let Some(len) = segmenter.next_len() {
            buffer.resize(len, 0);
            match segmenter.next_into(&mut buffer) {
                Ok(Some(_)) => {
                    self.egress_one(now, route, destination, &mut buffer, &FINISHED, mtu, sink)
                }
                _ => break,
            }
        }
        self.pool.give(buffer);
    }

    /// The longest datagram that a route takes, octets.
    fn mtu(&self, route: &Hop) -> usize {
        if route.interface == InterfaceId::ENCAP {
            return self.tunnel_mtu(route.gateway);
        }
        let line = self.interfaces.line(route.interface);
        self.interfaces
            .get(line)
            .map_or(0, |line| line.mtu().into())
    }

    /// The MTU towards an address, octets: of our own machine, or of the route there. 0: there is none.
    #[must_use]
    pub fn mtu_towards(&self, address: Ipv4Addr) -> usize {
        if self.interfaces.is_own(address) {
            return self
                .interfaces
                .get(InterfaceId::LOOPBACK)
                .map_or(0, |loopback| loopback.mtu().into());
        }
        self.routes
            .lookup(address)
            .map_or(0, |route| self.mtu(&route.hop()))
    }

    /// Sends one datagram, in fragments when it is longer than the line takes.
    #[expect(clippy::too_many_arguments, reason = "a step of the path of a packet")]
    fn egress_one(
        &mut self,
        now: Instant,
        route: &Hop,
        destination: Ipv4Addr,
        packet: &mut [u8],
        offload: &VirtioHeader,
        mtu: usize,
        sink: &mut dyn Sink,
    ) {
        if packet.len() <= mtu {
            self.transmit(now, route, destination, packet, offload, sink);
            return;
        }
        // The parts of a datagram have one checksum, which must be there before it is cut.
        if complete(offload, packet).is_err() {
            self.ip.stats.bad_offload += 1;
            return;
        }
        let fragments = Ipv4::parse(packet).and_then(|datagram| Fragments::new(datagram, mtu));
        let Ok(mut fragments) = fragments else {
            self.ip.stats.frag_fails += 1;
            let may_not = packet
                .get(6)
                .is_some_and(|flags| flags & DONT_FRAGMENT != 0);
            if may_not {
                let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                self.icmp_error(now, Error::FragmentationNeeded(mtu), packet, false, sink);
            }
            return;
        };
        self.ip.stats.frag_oks += 1;
        let mut fragment = self.pool.take();
        while fragments.next_into(&mut fragment) {
            self.ip.stats.frag_creates += 1;
            self.transmit(now, route, destination, &fragment, &FINISHED, sink);
        }
        self.pool.give(fragment);
    }

    /// Gives a packet to the line, or keeps it until the neighbour's link address is known.
    fn transmit(
        &mut self,
        now: Instant,
        route: &Hop,
        destination: Ipv4Addr,
        packet: &[u8],
        offload: &VirtioHeader,
        sink: &mut dyn Sink,
    ) {
        if route.interface == InterfaceId::ENCAP {
            self.tunnel_output(now, route.gateway, packet, offload, sink);
            return;
        }
        let line = self.interfaces.line(route.interface);
        let Some(interface) = self.interfaces.get(line) else {
            return;
        };
        let next_hop = route.next_hop(destination);
        let mut frame = Frame {
            line,
            interface: route.interface,
            kind: FrameKind::Ip,
            next_hop,
            to: None,
            offload: *offload,
            trace: interface.trace,
            packet,
        };
        let Some(hardware) = interface.encapsulation.hardware() else {
            self.put_on_line(now, &frame, sink);
            return;
        };
        let through = self
            .interfaces
            .get(route.interface)
            .map(|interface| interface.broadcast());
        let everybody = next_hop.is_broadcast()
            || next_hop.is_multicast()
            || interface.broadcast() == next_hop
            || through == Some(next_hop);
        // An entry of the table comes before the rule, so that it can be set to any link address.
        let typed = self
            .arp
            .get(hardware, next_hop)
            .and_then(|entry| entry.link);
        let us = interface.link_address().map(|link| Us {
            hardware,
            link,
            address: interface.address(),
        });
        if let Some(link) = typed.or(everybody.then(|| hardware.broadcast())) {
            frame.to = Some(link);
            self.put_on_line(now, &frame, sink);
            return;
        }
        // What waits is finished: it is sent without a look at the line.
        match self.arp.resolve(now, hardware, next_hop, packet) {
            Resolved::To(link) => {
                frame.to = Some(link);
                self.put_on_line(now, &frame, sink);
            }
            Resolved::Ask => {
                let Some(us) = us else {
                    self.ip.stats.out_discards += 1;
                    return;
                };
                let mut request = self.pool.take();
                self.arp.request(&us, next_hop, &mut request);
                let frame = Frame {
                    kind: FrameKind::Arp,
                    to: Some(hardware.broadcast()),
                    offload: FINISHED,
                    packet: &request,
                    ..frame
                };
                self.put_on_line(now, &frame, sink);
                self.pool.give(request);
            }
            Resolved::Backlog => {
                self.ip.stats.out_discards += 1;
                self.icmp_error(now, Error::SourceQuench, packet, false, sink);
            }
            Resolved::Nobody => self.ip.stats.out_discards += 1,
        }
    }

    /// Gives a frame to its line, unless that is down or has enough.
    pub(crate) fn put_on_line(&mut self, now: Instant, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let Some(interface) = self.interfaces.get_mut(frame.line) else {
            return;
        };
        let hardware = interface.encapsulation.hardware();
        let queued = sink.queued(frame.line) + self.ax25.queued(frame.line.port());
        let full = interface.txqlen > 0 && queued >= interface.txqlen as usize;
        if !interface.up || full {
            let counter = if interface.up {
                &mut interface.counters.queue_full
            } else {
                &mut interface.counters.down
            };
            *counter += 1;
            self.ip.stats.out_discards += 1;
            return;
        }
        if hardware == Some(Hardware::Ax25) && frame.kind != FrameKind::Ax25 {
            self.radio_packet(now, frame);
            return;
        }
        if hardware == Some(Hardware::NetRom) {
            self.netrom_packet(now, frame);
            return;
        }
        interface
            .counters
            .sent
            .count(now, frame.kind == FrameKind::Ip);
        sink.transmit(frame);
    }

    /// `arp add` and `arp publish`: a permanent entry in place of any other. A datagram that waited for it leaves.
    pub fn arp_add(
        &mut self,
        now: Instant,
        (hardware, address): (Hardware, Ipv4Addr),
        link: LinkAddress,
        published: bool,
        sink: &mut dyn Sink,
    ) {
        let held = self.arp.add(hardware, address, link, published);
        let route = self.routes.lookup(address).map(|route| route.interface);
        if let (Some((held, to)), Some(interface)) = (held, route) {
            self.released(now, interface, address, &held, to, sink);
        }
    }

    /// A datagram has waited for a link address that is known now.
    pub(crate) fn released(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        next_hop: Ipv4Addr,
        packet: &[u8],
        to: LinkAddress,
        sink: &mut dyn Sink,
    ) {
        let line = self.interfaces.line(interface);
        let trace = self.interfaces.get(line).map(|line| line.trace);
        let frame = Frame {
            line,
            interface,
            kind: FrameKind::Ip,
            trace: trace.unwrap_or_default(),
            next_hop,
            to: Some(to),
            offload: FINISHED,
            packet,
        };
        self.put_on_line(now, &frame, sink);
    }

    /// An ARP packet came in.
    pub fn receive_arp(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: &[u8],
        sink: &mut dyn Sink,
    ) {
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.counters.received.count(now, false);
        }
        self.arp_input(now, id, packet, sink);
    }

    /// The same for one that came in a frame which is counted.
    pub(crate) fn arp_input(
        &mut self,
        now: Instant,
        id: InterfaceId,
        packet: &[u8],
        sink: &mut dyn Sink,
    ) {
        let Some(interface) = self.interfaces.get_mut(id) else {
            return;
        };
        let (address, broadcast) = (interface.address(), interface.broadcast());
        let us = interface
            .encapsulation
            .hardware()
            .zip(interface.link_address());
        let Some((hardware, link)) = us else {
            self.arp.stats.received += 1;
            self.arp.stats.bad_type += 1;
            return;
        };
        let us = Us {
            hardware,
            link,
            address,
        };
        let mut answer = self.pool.take();
        let interfaces = &self.interfaces;
        let is_own = |asked: Ipv4Addr| {
            !asked.is_unspecified() && asked != broadcast && interfaces.is_own(asked)
        };
        let outcome = self.arp.receive(now, &us, &is_own, packet, &mut answer);
        let line = self.interfaces.line(id);
        let trace = self.interfaces.get(line).map(|line| line.trace);
        let frame = |kind, to: LinkAddress| Frame {
            line,
            trace: trace.unwrap_or_default(),
            interface: id,
            kind,
            next_hop: Ipv4Addr::UNSPECIFIED,
            to: Some(to),
            offload: FINISHED,
            packet: &[],
        };
        if let Some(to) = outcome.answer {
            self.put_on_line(
                now,
                &Frame {
                    packet: &answer,
                    ..frame(FrameKind::Arp, to)
                },
                sink,
            );
        }
        if let Some((held, to)) = outcome.released {
            self.put_on_line(
                now,
                &Frame {
                    packet: &held,
                    ..frame(FrameKind::Ip, to)
                },
                sink,
            );
        }
        self.pool.give(answer);
    }
}
