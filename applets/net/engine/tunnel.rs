//! IP in IP (RFC 2003): the built-in interface `encap`, and what other stations wrap for us.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::ip::{Ipv4, VirtioHeader};

use crate::interface::InterfaceId;
use crate::ip::{Header, IPIP};
use crate::station::{Arrival, Delivery, Sink, Station};
use crate::trace::Way;

/// How many tunnels through tunnels an MTU is looked for.
const DEEPEST: usize = 4;

impl Station {
    /// The longest datagram that fits into one for a gateway, octets.
    pub(crate) fn tunnel_mtu(&self, gateway: Ipv4Addr) -> usize {
        let mut gateway = gateway;
        for wrapped in 1..=DEEPEST {
            let Some(route) = self.routes.lookup(gateway) else {
                break;
            };
            if route.interface != InterfaceId::ENCAP {
                let line = self.interfaces.line(route.interface);
                let mtu = self
                    .interfaces
                    .get(line)
                    .map_or(0, |line| usize::from(line.mtu()));
                return mtu.saturating_sub(wrapped * Ipv4::MIN_HEADER);
            }
            gateway = route.gateway;
        }
        // Without a way the datagram goes on to where that is told.
        usize::from(u16::MAX) - Ipv4::MIN_HEADER
    }

    /// Wraps a datagram for a gateway.
    pub(crate) fn tunnel_output(
        &mut self,
        now: Instant,
        gateway: Ipv4Addr,
        packet: &[u8],
        offload: &VirtioHeader,
        sink: &mut dyn Sink,
    ) {
        debug_assert!(
            !offload.needs_checksum(),
            "the built-in interface takes no offloads"
        );
        let encap = self.interfaces.get_mut(InterfaceId::ENCAP).map(|encap| {
            encap.counters.sent.count(now, true);
            if encap.trace.0 != 0 {
                sink.show(InterfaceId::ENCAP, Way::Sent, encap.trace, packet);
            }
            encap.address()
        });
        let src = encap.unwrap_or(Ipv4Addr::UNSPECIFIED);
        // A gateway that is reached through another tunnel, and that through the first, would never end.
        if self.depth >= DEEPEST as u8 * 2 {
            self.ip.stats.too_deep += 1;
            return;
        }
        self.depth += 1;
        let mut buffer = self.pool.take();
        buffer.resize(Ipv4::MIN_HEADER, 0);
        buffer.extend_from_slice(packet);
        let tos = packet.get(1).copied().unwrap_or_default();
        let header = Header {
            tos,
            ..Header::new(src, gateway, IPIP)
        };
        self.send_buffer(now, &header, &[], &mut buffer, sink);
        self.pool.give(buffer);
        self.depth -= 1;
    }

    /// Unwraps a datagram, which then arrives on `encap`.
    pub(crate) fn tunnel_input(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
        sink: &mut dyn Sink,
    ) {
        if !delivery.is_unicast() {
            self.ip.stats.in_discards += 1;
            return;
        }
        if let Some(encap) = self.interfaces.get_mut(InterfaceId::ENCAP) {
            encap.counters.received.count(now, true);
            if encap.trace.0 != 0 {
                let datagram = delivery.payload;
                sink.show(InterfaceId::ENCAP, Way::Received, encap.trace, datagram);
            }
        }
        let mut buffer = self.pool.take();
        buffer.extend_from_slice(delivery.payload);
        self.input(now, &Arrival::new(InterfaceId::ENCAP), &mut buffer, sink);
        self.pool.give(buffer);
    }
}
