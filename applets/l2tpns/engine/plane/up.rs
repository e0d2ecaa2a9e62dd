//! Packets from subscribers.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use wanbox_link::mss;
use wanbox_wire::ip::{Ip, Ipv6};
use wanbox_wire::l2tp::{DataHeader, Message};
use wanbox_wire::ppp::{Frame, Protocol};

use super::bundle::Link;
use super::{Cause, Plane, Sink, Way, key_of};
use crate::concentrator::Direction;
use crate::{SessionId, SocketId};

/// Tunnels that moved and were not asked for yet; beyond, data has to come again.
const MOVES: usize = 64;

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up<'d> {
    /// A control message; it was not looked at further.
    Control,
    /// A frame of a session that is no packet to be forwarded: of a control protocol, or IPv6 for this
    /// link alone.
    Ppp {
        /// The session.
        session: SessionId,
        /// The whole frame.
        frame: &'d [u8],
    },
    /// A packet that went on.
    Passed,
    /// A part of a packet of a bundle. What it made whole went on or was dropped, or waits for
    /// [`Plane::poll_frame`].
    Part,
    /// A packet that waits for its time.
    Waits,
    /// It was dropped.
    Dropped(Cause),
}

impl Plane {
    /// A datagram came in at an L2TP socket.
    pub fn up<'d>(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: SocketAddr,
        datagram: &'d mut [u8],
        sink: &mut impl Sink,
    ) -> Up<'d> {
        if Message::is_control(datagram) {
            return Up::Control;
        }
        let Ok((header, payload)) = DataHeader::parse(datagram) else {
            self.count_drop(Cause::Header);
            return Up::Dropped(Cause::Header);
        };
        let Some(&at) = self.by_call.get(&key_of(header.tunnel, header.session)) else {
            self.count_drop(Cause::UnknownSession);
            return Up::Dropped(Cause::UnknownSession);
        };
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return Up::Dropped(Cause::UnknownSession);
        };
        if let Some(tunnel) = self.tunnels.get_mut(entry.tunnel as usize)
            && (tunnel.way.peer != from || tunnel.way.socket != socket)
        {
            let follows = self.config.follow_source
                && tunnel.way.peer.port() == from.port()
                && tunnel.way.peer.is_ipv4() == from.is_ipv4()
                && self.moved.len() < MOVES;
            if !follows {
                return Up::Dropped(self.drop_in(at, Cause::Stranger));
            }
            tunnel.way = Way { socket, peer: from };
            self.moved.push_back((tunnel.id, tunnel.way));
        }
        entry.counters.heard = now;
        if let Some(numbers) = header.sequence
            && entry.is_late(numbers.ns)
        {
            return Up::Dropped(self.drop_in(at, Cause::Late));
        }
        let Ok(frame) = Frame::parse(payload) else {
            return Up::Dropped(self.drop_in(at, Cause::Frame));
        };
        let handed_out = match frame.protocol {
            Protocol::IPV4 => false,
            Protocol::IPV6 => !entry.settings.ipv6 || is_for_the_link(frame.information),
            _ => true,
        };
        // Everything is a part of the datagram from somewhere to its end, or to that of its length.
        let start = offset_in(datagram, payload);
        let end = start + payload.len();
        let information = end - frame.information.len();
        let is_v4 = frame.protocol == Protocol::IPV4;
        if handed_out {
            let session = entry.session;
            match (frame.protocol, entry.link) {
                (
                    Protocol::MULTILINK,
                    Some(Link {
                        group,
                        member: Some(member),
                        ..
                    }),
                ) => {
                    let part = information..end;
                    return self.part_in(now, at, (group, member), datagram, part, sink);
                }
                // The head may have IPv6.
                (Protocol::IPV6, Some(_)) if !is_for_the_link(frame.information) => {}
                _ => {
                    return Up::Ppp {
                        session,
                        frame: datagram.get(start..end).unwrap_or_default(),
                    };
                }
            }
        }
        self.packet_in(now, at, is_v4, datagram, information..end, sink)
    }

    pub(super) fn packet_in(
        &mut self,
        now: Instant,
        at: u32,
        is_v4: bool,
        octets: &mut [u8],
        place: Range<usize>,
        sink: &mut impl Sink,
    ) -> Up<'static> {
        match self.forward_in(now, at, is_v4, octets, place, sink) {
            Ok(true) => Up::Passed,
            Ok(false) => Up::Waits,
            Err(cause) => Up::Dropped(cause),
        }
    }

    fn forward_in(
        &mut self,
        now: Instant,
        at: u32,
        is_v4: bool,
        octets: &mut [u8],
        place: Range<usize>,
        sink: &mut impl Sink,
    ) -> Result<bool, Cause> {
        let Some(entry) = self.entries.get(at as usize) else {
            return Err(Cause::UnknownSession);
        };
        let settings = entry.settings;
        let featured = entry.features.is_some();
        let open = if is_v4 { settings.ipv4 } else { settings.ipv6 };
        if !open {
            // A further link of a bundle: the packet is the head's.
            return match self.head_of(at).filter(|head| *head != at) {
                Some(head) => {
                    let len = place.len();
                    let result = self.forward_in(now, head, is_v4, octets, place, sink);
                    if result.is_ok() {
                        self.credit(head, at, len, 1);
                    }
                    result
                }
                None => Err(self.drop_in(at, Cause::Closed)),
            };
        }
        let packet = octets.get_mut(place).unwrap_or_default();
        // What is behind the packet is padding.
        let (len, owner, to) = match Ip::parse(packet) {
            Ok(Ip::V4(ip)) if is_v4 => {
                let owner = self.prefixes.lookup_v4(ip.src().to_bits());
                (ip.octets().len(), owner, IpAddr::V4(ip.dst()))
            }
            Ok(Ip::V6(ip)) if !is_v4 => {
                let owner = self.prefixes.lookup_v6(ip.src().to_bits());
                (ip.octets().len(), owner, IpAddr::V6(ip.dst()))
            }
            _ => return Err(self.drop_in(at, Cause::Packet)),
        };
        let packet = packet.get_mut(..len).unwrap_or_default();
        if owner != Some(at) && (self.config.check_source || !is_v4) {
            return Err(self.drop_in(at, Cause::Spoofed));
        }
        if featured && is_v4 && !self.permits(at, Direction::In, packet) {
            return Err(self.drop_in(at, Cause::FilteredIn));
        }
        if settings.clamp > 0 {
            mss::clamp(packet, settings.clamp);
        }
        if featured
            && !self.is_local(is_v4, to)
            && !self.pass_throttle(now, at, Direction::In, packet, sink)?
        {
            return Ok(false);
        }
        self.give_host(now, at, packet, sink);
        Ok(true)
    }

    /// Whether the rates do not hold for packets from or to this address, which another session has.
    pub(super) fn is_local(&self, is_v4: bool, other: IpAddr) -> bool {
        is_v4 && self.config.local_unthrottled && self.prefixes.lookup(other).is_some()
    }

    /// A packet of a session passed everything.
    pub(super) fn give_host(&mut self, now: Instant, at: u32, packet: &[u8], sink: &mut impl Sink) {
        let octets = packet.len() as u64;
        self.stats.octets_in += octets;
        self.stats.packets_in += 1;
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.counters.octets_in += octets;
            entry.counters.packets_in += 1;
            entry.counters.data = now;
            if let Some(to) = entry.features.as_ref().and_then(|f| f.copy_to) {
                sink.copy(to, packet);
            }
        }
        sink.host(packet);
    }
}

/// Whether an IPv6 packet is for this machine as the other end of the link: to a group, or to an
/// address that only the link has (RFC 4291 section 2.5.6), or from one.
pub(super) fn is_for_the_link(packet: &[u8]) -> bool {
    Ipv6::parse(packet).is_ok_and(|ip| {
        let src = ip.src();
        let dst = ip.dst();
        dst.is_multicast() || dst.is_unicast_link_local() || src.is_unicast_link_local()
    })
}

/// Where a part of the octets begins in them.
pub(super) fn offset_in(octets: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(octets.as_ptr() as usize)
}
