//! Packets to subscribers.

use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use wanbox_link::mss;
use wanbox_link::offload::{self, Segmenter};
use wanbox_wire::ip::{Fragments, Gso, Ip, Ipv4, Unreachable, VirtioHeader};

use super::{Cause, Plane, Sink, way_of};
use crate::SessionId;
use crate::SocketId;
use crate::concentrator::Direction;

/// A packet in the form that a session of its kind needs.
struct Target {
    at: u32,
    is_v4: bool,
    from: IpAddr,
}

impl Plane {
    /// A packet came from the TUN with its virtio header. It is changed in place.
    ///
    /// # Errors
    /// It was dropped, or a part of it, for this cause; it is counted.
    pub fn down(
        &mut self,
        now: Instant,
        header: &VirtioHeader,
        packet: &mut [u8],
        sink: &mut impl Sink,
    ) -> Result<(), Cause> {
        if header.gso == Gso::None {
            if offload::complete(header, packet).is_err() {
                self.count_drop(Cause::NotIp);
                return Err(Cause::NotIp);
            }
            return self.single(now, packet, sink);
        }
        let Ok(segments) = Segmenter::new(header, packet, 0) else {
            self.count_drop(Cause::NotIp);
            return Err(Cause::NotIp);
        };
        let target = self.target(now, packet, sink)?;
        if self.is_plain(&target, segments.next_len()) {
            self.run(now, &target, segments, sink);
            return Ok(());
        }
        self.one_by_one(now, segments, sink)
    }

    /// Sends a frame that the caller made over a session's call: the whole datagram over `datagram`.
    /// `priority`: it should be preferred to others. `None`: there is no such session.
    pub fn frame(
        &mut self,
        session: SessionId,
        frame: &[u8],
        priority: bool,
        datagram: &mut Vec<u8>,
    ) -> Option<(SocketId, SocketAddr)> {
        let entry = self.entry_mut(session)?;
        let head = entry.next_header(priority);
        datagram.clear();
        datagram.extend_from_slice(head.octets());
        datagram.extend_from_slice(frame);
        let tunnel = entry.tunnel;
        let way = self.tunnels.get(tunnel as usize)?.way;
        Some((way.socket, way.peer))
    }

    /// Whose packet it is, if that session is open.
    fn target(
        &mut self,
        now: Instant,
        packet: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Target, Cause> {
        let (found, is_v4, from) = match Ip::parse(packet) {
            Ok(Ip::V4(ip)) => {
                let found = self.prefixes.lookup_v4(ip.dst().to_bits());
                (found, true, IpAddr::V4(ip.src()))
            }
            Ok(Ip::V6(ip)) => {
                let found = self.prefixes.lookup_v6(ip.dst().to_bits());
                (found, false, IpAddr::V6(ip.src()))
            }
            Err(_) => {
                self.count_drop(Cause::NotIp);
                return Err(Cause::NotIp);
            }
        };
        let entry = found.and_then(|at| Some((at, self.entries.get(at as usize)?)));
        let Some((at, entry)) = entry else {
            self.count_drop(Cause::NoSession);
            self.tell(now, Unreachable::Host, packet, sink);
            return Err(Cause::NoSession);
        };
        let settings = entry.settings;
        if !(if is_v4 { settings.ipv4 } else { settings.ipv6 }) {
            return Err(self.drop_out(at, Cause::NotOpen));
        }
        Ok(Target { at, is_v4, from })
    }

    /// Whether the packets of a super-packet can be sent without a look at each.
    fn is_plain(&self, target: &Target, longest: Option<usize>) -> bool {
        let entry = self.entries.get(target.at as usize);
        entry.zip(longest).is_some_and(|(entry, longest)| {
            entry.features.is_none()
                && !entry.settings.bundle
                && longest <= usize::from(entry.settings.mru)
                && self.config.packet_limit == 0
        })
    }

    /// Sends a super-packet, cut in the place that its packets leave from.
    fn run(
        &mut self,
        now: Instant,
        target: &Target,
        mut segments: Segmenter<'_>,
        sink: &mut impl Sink,
    ) {
        let Some(entry) = self.entries.get_mut(target.at as usize) else {
            return;
        };
        let Some(way) = self.tunnels.get(entry.tunnel as usize).map(|t| t.way) else {
            return;
        };
        let (mut packets, mut octets) = (0, 0);
        while let Some(len) = segments.next_len() {
            let head = entry.next_head(target.is_v4);
            let mut written = false;
            sink.peer(&way, head.octets(), len, |room| {
                written = matches!(segments.next_into(room), Ok(Some(_)));
                written
            });
            if !written {
                break;
            }
            packets += 1;
            octets += len as u64;
        }
        self.count_sent(now, target.at, packets, octets);
    }

    /// Sends the packets of a super-packet as if they had come alone.
    fn one_by_one(
        &mut self,
        now: Instant,
        mut segments: Segmenter<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), Cause> {
        let mut result = Ok(());
        let mut part = mem::take(&mut self.part);
        while let Some(len) = segments.next_len() {
            part.resize(len, 0);
            if !matches!(segments.next_into(&mut part), Ok(Some(_))) {
                self.count_drop(Cause::NotIp);
                result = Err(Cause::NotIp);
                break;
            }
            result = self.single(now, &mut part, sink).and(result);
        }
        self.part = part;
        result
    }

    /// Sends one packet.
    fn single(
        &mut self,
        now: Instant,
        packet: &mut [u8],
        sink: &mut impl Sink,
    ) -> Result<(), Cause> {
        let target = self.target(now, packet, sink)?;
        let Some(mru) = self.entries.get(target.at as usize).map(|e| e.settings.mru) else {
            return Ok(());
        };
        if packet.len() <= usize::from(mru) {
            return self.checked(now, &target, packet, sink);
        }
        let fragments = match Ipv4::parse(packet) {
            Ok(ip) if target.is_v4 => Fragments::new(ip, mru.into()).ok(),
            _ => None,
        };
        let Some(mut fragments) = fragments else {
            self.tell(now, Unreachable::TooLong(mru), packet, sink);
            return Err(self.drop_out(target.at, Cause::TooLong));
        };
        let mut result = Ok(());
        let mut fragment = mem::take(&mut self.fragment);
        while fragments.next_into(&mut fragment) {
            result = self.checked(now, &target, &mut fragment, sink).and(result);
        }
        self.fragment = fragment;
        result
    }

    /// Sends a packet that is short enough.
    fn checked(
        &mut self,
        now: Instant,
        target: &Target,
        packet: &mut [u8],
        sink: &mut impl Sink,
    ) -> Result<(), Cause> {
        let at = target.at;
        if !self.within_limit(now, at) {
            return Err(self.drop_out(at, Cause::Limited));
        }
        let Some(entry) = self.entries.get(at as usize) else {
            return Ok(());
        };
        let (clamp, featured) = (entry.settings.clamp, entry.features.is_some());
        if featured && target.is_v4 && !self.permits(at, Direction::Out, packet) {
            return Err(self.drop_out(at, Cause::FilteredOut));
        }
        if clamp > 0 {
            mss::clamp(packet, clamp);
        }
        let passes = !featured
            || self.is_local(target.is_v4, target.from)
            || self.pass_throttle(now, at, Direction::Out, packet, sink)?;
        if passes {
            self.give_peer(now, at, packet, sink);
        }
        Ok(())
    }

    fn within_limit(&mut self, now: Instant, at: u32) -> bool {
        let limit = self.config.packet_limit;
        if limit == 0 {
            return true;
        }
        let tenth = now.saturating_duration_since(self.start).as_millis() / 100;
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return true;
        };
        let tenth = tenth as u64;
        if entry.tenth != tenth {
            entry.tenth = tenth;
            entry.limited = 0;
        }
        entry.limited = entry.limited.saturating_add(1);
        entry.limited <= limit
    }

    /// A packet for a session passed everything.
    pub(super) fn give_peer(&mut self, now: Instant, at: u32, packet: &[u8], sink: &mut impl Sink) {
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return;
        };
        if let Some(to) = entry.features.as_ref().and_then(|f| f.copy_to) {
            sink.copy(to, packet);
        }
        if entry.settings.bundle {
            self.share_out(now, at, packet, sink);
            return;
        }
        if let Some(way) = way_of(&self.tunnels, entry) {
            let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
            let head = entry.next_head(is_v4);
            sink.peer(&way, head.octets(), packet.len(), |room| {
                room.copy_from_slice(packet);
                true
            });
        }
        self.count_sent(now, at, 1, packet.len() as u64);
    }

    fn count_sent(&mut self, now: Instant, at: u32, packets: u64, octets: u64) {
        self.stats.octets_out += octets;
        self.stats.packets_out += packets;
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.counters.octets_out += octets;
            entry.counters.packets_out += packets;
            entry.counters.data = now;
        }
    }
}
