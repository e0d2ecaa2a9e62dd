//! Segments of TCP between the connections and IP.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use wanbox_net_tcp::{Checksum, Endpoint, Error, Id, Incoming, Offload, Options, Quote};
use wanbox_wire::ip::{Gso, Icmp, Ipv4, TcpFlags, VirtioHeader, protocol};

use crate::icmp::kind;
use crate::ip::Header;
use crate::station::{Delivery, Sink, Station};

/// Octets of an IP header without options.
const HEADER: usize = Ipv4::MIN_HEADER;
/// Where TCP has its flags, and its checksum.
const FLAGS: usize = 13;
const CHECKSUM: u16 = 16;
/// The longest datagram.
const LONGEST: usize = 65_535;
/// Connections make super-segments: those that the line does not take are cut on the way out.
const OFFLOAD: Offload = Offload {
    checksum: Checksum::Partial,
    segmentation: true,
};

impl Station {
    /// Opens a connection to a host, from the address that the route has; a port of 0 is any. Segments leave
    /// with [`Station::flush`].
    ///
    /// # Errors
    /// There is such a connection, or no port, or no room for one more.
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        port: u16,
        to: (Ipv4Addr, u16),
        options: &Options,
    ) -> Result<Id, Error> {
        let local = Endpoint::new(self.source_for(to.0), port);
        let mtu = self.tcp_mtu(to.0);
        self.tcp
            .connect(now, local, Endpoint::new(to.0, to.1), options, mtu)
    }

    /// Sends what connections have to send, those of AX.25 as far as their lines have room. To be called after
    /// something was asked of them, and when a line has room again.
    pub fn flush(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.radio_settle(now, sink);
        self.tcp_output(now, sink);
        self.radio_output(now, sink);
    }

    fn tcp_mtu(&self, address: Ipv4Addr) -> u16 {
        u16::try_from(self.mtu_towards(address)).unwrap_or(u16::MAX)
    }

    /// A segment came in for us.
    pub(crate) fn tcp_input(&mut self, now: Instant, delivery: &Delivery<'_>) {
        if !delivery.is_unicast() {
            self.ip.stats.in_discards += 1;
            return;
        }
        let begins = delivery
            .payload
            .get(FLAGS)
            .is_some_and(|flags| flags & TcpFlags::SYN.0 != 0);
        let incoming = Incoming {
            tos: delivery.tos,
            checksum_is_valid: delivery.verified,
            mtu: if begins {
                self.tcp_mtu(delivery.src)
            } else {
                0
            },
            ..Incoming::new(delivery.src, delivery.dst)
        };
        self.tcp.segment(now, &incoming, delivery.payload);
    }

    /// Sends all segments that wait.
    pub(crate) fn tcp_output(&mut self, now: Instant, sink: &mut dyn Sink) {
        let mut buffer = std::mem::take(&mut self.tcp_buffer);
        if buffer.len() < LONGEST {
            buffer.resize(LONGEST, 0);
        }
        while let Some(outgoing) = buffer
            .get_mut(HEADER..)
            .and_then(|room| self.tcp.poll_transmit(now, room, OFFLOAD))
        {
            let (IpAddr::V4(src), IpAddr::V4(dst)) = (outgoing.src, outgoing.dst) else {
                continue;
            };
            let header = Header {
                tos: outgoing.tos,
                dont_fragment: outgoing.dont_fragment,
                ..Header::new(src, dst, protocol::TCP)
            };
            let offload = VirtioHeader {
                gso: if outgoing.gso_size > 0 {
                    Gso::TcpV4
                } else {
                    Gso::None
                },
                gso_size: outgoing.gso_size,
                header_len: (HEADER + outgoing.header_len) as u16,
                checksum_start: HEADER as u16,
                checksum_offset: CHECKSUM,
                ..VirtioHeader::FINISHED.with_needs_checksum(true)
            };
            if let Some(segment) = buffer.get_mut(..HEADER + outgoing.len) {
                self.send_offloaded(now, &header, &[], segment, &offload, sink);
            }
        }
        self.tcp_buffer = buffer;
    }

    /// An ICMP error about a segment of ours.
    pub(crate) fn tcp_hint(
        &mut self,
        now: Instant,
        (src, dst): (Ipv4Addr, Ipv4Addr),
        octets: &[u8],
        message: &Icmp<'_>,
    ) {
        let quote = Quote {
            src: src.into(),
            dst: dst.into(),
            octets,
        };
        match (message.kind(), message.code()) {
            (kind::UNREACHABLE, 4) => {
                let [_, _, high, low] = message.rest_of_header();
                self.tcp
                    .too_big(now, &quote, u16::from_be_bytes([high, low]));
            }
            (kind::UNREACHABLE, code) => self.tcp.unreachable(&quote, matches!(code, 2 | 3)),
            (kind::TIME_EXCEEDED, _) => self.tcp.unreachable(&quote, false),
            (kind::SOURCE_QUENCH, _) => self.tcp.source_quench(&quote),
            _ => {}
        }
    }
}
