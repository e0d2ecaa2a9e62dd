//! Sessions whose calls are the links of one bundle (RFC 1990).
//!
//! One of them, the head, has the bundle's addresses, rates and access lists. Packets for it go
//! over all links ([`Settings::bundle`](super::Settings::bundle)), and what comes over any of them is
//! the head's. Octets and packets are counted at the links that carried them, so that those of all
//! links are those of the bundle.

use std::cmp::Reverse;
use std::mem;
use std::ops::Range;
use std::time::Instant;

use wanbox_link::ppp::multilink::{
    Bundle, Config, MAX_MEMBERS, MemberConfig, MemberId, Stats, Unsent,
};
use wanbox_link::range::OutOfRange;
use wanbox_wire::ppp::{Code, Frame, Protocol};

use super::entry::HEAD;
use super::up::{Up, is_for_the_link, offset_in};
use super::{Cause, Plane, Sink, way_of};
use crate::{BundleId, SessionId};

/// Frames of control protocols that wait for [`Plane::poll_frame`]; more are dropped.
const FRAMES: usize = 64;
/// The most octets before a part of a packet: L2TP, PPP, the fragment's header, a protocol.
const PART_HEAD: usize = HEAD + 4 + 2;
/// Nobody's place.
const NOWHERE: u32 = u32::MAX;

/// The part of a session in a bundle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) group: u32,
    /// As which member its call carries fragments; `None` while it does not.
    pub(super) member: Option<MemberId>,
    /// The peer uses it for the bundle: it knows that it is a link.
    pub(super) heard: bool,
}

/// A bundle and the entries of its links.
#[derive(Debug)]
pub(super) struct Group {
    bundle: Bundle,
    /// The place of the head.
    head: u32,
    /// The places of the links that carry fragments, by their numbers as members.
    links: [u32; MAX_MEMBERS],
    /// When it is looked at next.
    alarm: Option<Instant>,
}

impl Group {
    fn link(&self, member: MemberId) -> u32 {
        let link = self.links.get(usize::from(member.0));
        link.copied().unwrap_or(NOWHERE)
    }
}

impl Plane {
    /// A bundle without links and head.
    ///
    /// # Errors
    /// The first value of `config` that is out of its range.
    pub fn open_bundle(&mut self, config: Config) -> Result<BundleId, OutOfRange> {
        let group = Group {
            bundle: Bundle::new(config)?,
            head: NOWHERE,
            links: [NOWHERE; MAX_MEMBERS],
            alarm: None,
        };
        Ok(BundleId(self.groups.insert(group) as u32))
    }

    /// Takes a bundle away. The session that is the last one in it is an ordinary one from now on.
    pub fn close_bundle(&mut self, bundle: BundleId, last: SessionId) {
        let Some(group) = self.groups.try_remove(bundle.0 as usize) else {
            return;
        };
        for (sum, (_, count)) in self.closed.iter_mut().zip(group.bundle.stats().named()) {
            *sum += count;
        }
        if let Some(entry) = self.entry_mut(last) {
            entry.link = None;
        }
    }

    /// Says whose addresses, rates and access lists hold for a bundle. `false`: there is no such
    /// session or bundle.
    pub fn set_head(&mut self, bundle: BundleId, session: SessionId) -> bool {
        let place = self.by_session.get(&session.0).copied();
        let (Some(at), Some(group)) = (place, self.groups.get_mut(bundle.0 as usize)) else {
            return false;
        };
        let before = mem::replace(&mut group.head, at);
        self.pass_on_throttles(before, at);
        if let Some(entry) = self.entries.get_mut(at as usize)
            && entry.link.is_none_or(|link| link.group != bundle.0)
        {
            entry.link = Some(Link {
                group: bundle.0,
                member: None,
                heard: false,
            });
        }
        true
    }

    /// Has the call of a session carry fragments of a bundle. `false`: there is no such session or
    /// bundle, or it has as many links as it can.
    ///
    /// Unless the peer is `heard`, fragments are sent over it only after one came: the last answer to
    /// the peer's proof of who it is may be lost, and a further link has no negotiation after it.
    pub fn join(
        &mut self,
        now: Instant,
        bundle: BundleId,
        session: SessionId,
        config: &MemberConfig,
        heard: bool,
    ) -> bool {
        self.leave(now, session);
        let place = self.by_session.get(&session.0).copied();
        let entry = place.and_then(|at| Some((at, self.entries.get_mut(at as usize)?)));
        let (Some((at, entry)), Some(group)) = (entry, self.groups.get_mut(bundle.0 as usize))
        else {
            return false;
        };
        let Some(member) = group.bundle.join(now, config) else {
            return false;
        };
        if let Some(link) = group.links.get_mut(usize::from(member.0)) {
            *link = at;
        }
        group.bundle.set_ready(member, heard);
        entry.link = Some(Link {
            group: bundle.0,
            member: Some(member),
            heard,
        });
        true
    }

    /// Has the call of a session carry no fragments any more. It stays a session of the bundle.
    pub fn leave(&mut self, now: Instant, session: SessionId) {
        if let Some(&at) = self.by_session.get(&session.0)
            && let Some(entry) = self.entries.get_mut(at as usize)
            && let Some(link) = &mut entry.link
            && let Some(member) = link.member.take()
        {
            let place = link.group;
            self.take_out(now, place, member);
        }
    }

    fn take_out(&mut self, now: Instant, place: u32, member: MemberId) {
        if let Some(group) = self.groups.get_mut(place as usize) {
            group.bundle.leave(member);
            if let Some(link) = group.links.get_mut(usize::from(member.0)) {
                *link = NOWHERE;
            }
            // What waited for this link alone is whole now.
            group.alarm = Some(now);
            self.waits.push(Reverse((now, place)));
        }
    }

    /// The entry of a session is gone.
    pub(super) fn forget_link(&mut self, at: u32, link: Link) {
        if let Some(group) = self.groups.get_mut(link.group as usize)
            && group.head == at
        {
            group.head = NOWHERE;
        }
        if let Some(member) = link.member {
            // Nothing is due before the next look at the clock.
            self.take_out(self.start, link.group, member);
        }
    }

    /// Has a link take fragments or not: nothing comes from there. While no link takes any, all do.
    /// One over which no fragment came yet takes none.
    pub fn set_ready(&mut self, session: SessionId, ready: bool) {
        if let Some(link) = self.entry(session).and_then(|entry| entry.link)
            && let Some(member) = link.member
            && let Some(group) = self.groups.get_mut(link.group as usize)
        {
            group.bundle.set_ready(member, ready && link.heard);
        }
    }

    /// A bundle, to look at.
    #[must_use]
    pub fn bundle(&self, bundle: BundleId) -> Option<&Bundle> {
        self.groups
            .get(bundle.0 as usize)
            .map(|group| &group.bundle)
    }

    /// Whether the call of a session carries fragments.
    #[must_use]
    pub fn carries(&self, session: SessionId) -> bool {
        self.entry(session)
            .and_then(|entry| entry.link)
            .is_some_and(|link| link.member.is_some())
    }

    /// What was counted in all bundles that there are and were.
    #[must_use]
    pub fn bundle_stats(&self) -> [(&'static str, u64); Stats::NAMED] {
        let mut all = Stats::default().named();
        for ((_, sum), closed) in all.iter_mut().zip(self.closed) {
            *sum = closed;
        }
        for (_, group) in &self.groups {
            for ((_, sum), (_, count)) in all.iter_mut().zip(group.bundle.stats().named()) {
                *sum += count;
            }
        }
        all
    }

    /// The next frame of a control protocol that came in parts, from its Protocol field on, and a
    /// session over whose call it came; to be asked after [`Up::Part`] and
    /// [`Plane::handle_timeout`].
    pub fn poll_frame(&mut self) -> Option<(SessionId, Vec<u8>)> {
        self.frames.pop_front()
    }

    /// The place of the head of a session's bundle.
    pub(super) fn head_of(&self, at: u32) -> Option<u32> {
        let link = self.entries.get(at as usize)?.link?;
        let head = self.groups.get(link.group as usize)?.head;
        (head != NOWHERE).then_some(head)
    }

    /// A part of a packet came over a link.
    pub(super) fn part_in(
        &mut self,
        now: Instant,
        at: u32,
        (place, member): (u32, MemberId),
        datagram: &mut [u8],
        part: Range<usize>,
        sink: &mut impl Sink,
    ) -> Up<'static> {
        let Some(group) = self.groups.get_mut(place as usize) else {
            return Up::Dropped(self.drop_in(at, Cause::Frame));
        };
        let octets = datagram.get(part).unwrap_or_default();
        if let Some(link) = self
            .entries
            .get_mut(at as usize)
            .and_then(|e| e.link.as_mut())
            && !mem::replace(&mut link.heard, true)
        {
            group.bundle.set_ready(member, true);
        }
        if let Some(whole) = group.bundle.receive(now, member, octets) {
            let start = offset_in(datagram, whole);
            let range = start..start + whole.len();
            let whole = datagram.get_mut(range).unwrap_or_default();
            let octets = whole.len();
            if let Some((head, prefix)) = self.whole_in(now, place, at, whole, sink) {
                self.credit(head, at, octets.saturating_sub(prefix), 1);
            }
        }
        self.wholes_in(now, place, sink);
        Up::Part
    }

    /// Goes on with packets that are whole now.
    fn wholes_in(&mut self, now: Instant, place: u32, sink: &mut impl Sink) {
        let mut whole = mem::take(&mut self.whole);
        while let Some(group) = self.groups.get_mut(place as usize)
            && group.bundle.poll_packet(&mut whole)
        {
            let shares = *group.bundle.shares();
            let (links, via) = (group.links, group.link(shares.first()));
            let Some((head, prefix)) = self.whole_in(now, place, via, &mut whole, sink) else {
                continue;
            };
            for (member, octets) in shares.iter() {
                let link = links.get(usize::from(member.0)).copied();
                let first = member == shares.first();
                let prefix = if first { prefix } else { 0 };
                let octets = (octets as usize).saturating_sub(prefix);
                self.credit(head, link.unwrap_or(NOWHERE), octets, u64::from(first));
            }
        }
        self.whole = whole;
        self.watch(place);
    }

    /// A packet is whole, from its Protocol field on. The head and the octets of that field when it
    /// was counted at the head.
    fn whole_in(
        &mut self,
        now: Instant,
        place: u32,
        via: u32,
        whole: &mut [u8],
        sink: &mut impl Sink,
    ) -> Option<(u32, usize)> {
        let head = self.groups.get(place as usize)?.head;
        if head == NOWHERE {
            self.count_drop(Cause::UnknownSession);
            return None;
        }
        let Ok(frame) = Frame::parse(whole) else {
            self.drop_in(via, Cause::Frame);
            return None;
        };
        let prefix = whole.len() - frame.information.len();
        let is_v4 = frame.protocol == Protocol::IPV4;
        if is_v4 || frame.protocol == Protocol::IPV6 && !is_for_the_link(frame.information) {
            let all = prefix..whole.len();
            let up = self.packet_in(now, head, is_v4, whole, all, sink);
            return matches!(up, Up::Passed | Up::Waits).then_some((head, prefix));
        }
        let session = self.entries.get(via as usize).map(|entry| entry.session);
        match session {
            Some(session) if may_be_bundled(&frame) && self.frames.len() < FRAMES => {
                self.frames.push_back((session, whole.to_vec()));
            }
            _ => {
                self.drop_in(via, Cause::Frame);
            }
        }
        None
    }

    /// What was counted at the head came over this link. What still waits for its time was not
    /// counted: then something earlier goes over in its place.
    pub(super) fn credit(&mut self, head: u32, link: u32, octets: usize, packets: u64) {
        if head == link || !self.entries.contains(link as usize) {
            return;
        }
        let Some(entry) = self.entries.get_mut(head as usize) else {
            return;
        };
        let octets = entry.counters.octets_in.min(octets as u64);
        let packets = entry.counters.packets_in.min(packets);
        entry.counters.octets_in -= octets;
        entry.counters.packets_in -= packets;
        if let Some(entry) = self.entries.get_mut(link as usize) {
            entry.counters.octets_in += octets;
            entry.counters.packets_in += packets;
        }
    }

    /// Sends a packet for the head of a bundle over its links.
    pub(super) fn share_out(&mut self, now: Instant, at: u32, packet: &[u8], sink: &mut impl Sink) {
        let link = self.entries.get(at as usize).and_then(|entry| entry.link);
        let group = link.and_then(|link| self.groups.get_mut(link.group as usize));
        let Some(group) = group else {
            self.drop_out(at, Cause::NotOpen);
            return;
        };
        let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
        let protocol = if is_v4 {
            Protocol::IPV4
        } else {
            Protocol::IPV6
        };
        let protocol = protocol.0.to_be_bytes();
        let Group { bundle, links, .. } = group;
        if !bundle.has_ready_member() {
            for member in (0..).map(MemberId).take(MAX_MEMBERS) {
                bundle.set_ready(member, true);
            }
        }
        let (entries, tunnels) = (&mut self.entries, &self.tunnels);
        let mut packets = 1;
        let sent = bundle.send(now, &protocol, packet, |member, ppp, data| {
            let link = links.get(usize::from(member.0)).copied();
            let Some(entry) = link.and_then(|at| entries.get_mut(at as usize)) else {
                return;
            };
            let Some(way) = way_of(tunnels, entry) else {
                return;
            };
            let l2tp = entry.next_header(false);
            let mut head = [0; PART_HEAD];
            let octets = l2tp.octets().iter().chain(ppp);
            let len = l2tp.octets().len() + ppp.len();
            for (to, from) in head.iter_mut().zip(octets) {
                *to = *from;
            }
            let head = head.get(..len).unwrap_or_default();
            sink.peer(&way, head, data.len(), |room| {
                room.copy_from_slice(data);
                true
            });
            entry.counters.octets_out += data.len() as u64;
            entry.counters.packets_out += mem::take(&mut packets);
        });
        match sent {
            Ok(()) => {
                self.stats.octets_out += packet.len() as u64;
                self.stats.packets_out += 1;
                if let Some(entry) = self.entries.get_mut(at as usize) {
                    entry.counters.data = now;
                }
            }
            Err(Unsent::NoMember | Unsent::Busy) => {
                self.drop_out(at, Cause::NotOpen);
            }
            Err(Unsent::TooLong { .. }) => {
                self.drop_out(at, Cause::TooLong);
            }
        }
    }

    /// Sees to it that a bundle is looked at when it has waited long enough for a fragment. One alarm
    /// is enough: one that is early is set again.
    fn watch(&mut self, place: u32) {
        if let Some(group) = self.groups.get_mut(place as usize)
            && group.alarm.is_none()
            && let Some(at) = group.bundle.poll_timeout()
        {
            group.alarm = Some(at);
            self.waits.push(Reverse((at, place)));
        }
    }

    /// Gives up fragments that were waited for long enough.
    pub(super) fn bundle_timeouts(&mut self, now: Instant, sink: &mut impl Sink) {
        while let Some(Reverse((at, place))) = self.waits.peek().copied()
            && at <= now
        {
            self.waits.pop();
            // An alarm of a bundle that is gone is none of the one in its place.
            if let Some(group) = self.groups.get_mut(place as usize)
                && group.alarm.take_if(|alarm| *alarm == at).is_some()
            {
                group.bundle.handle_timeout(now);
                self.wholes_in(now, place, sink);
            }
        }
    }
}

/// Whether a frame may come in parts: of LCP only what does not change the link (RFC 1990 section 2),
/// no proof of who somebody is, and no parts in parts.
fn may_be_bundled(frame: &Frame<'_>) -> bool {
    match frame.protocol {
        Protocol::MULTILINK => false,
        Protocol::LCP => frame.information.first().is_some_and(|code| {
            matches!(
                Code::from(*code),
                Code::CodeReject
                    | Code::ProtocolReject
                    | Code::EchoRequest
                    | Code::EchoReply
                    | Code::DiscardRequest
            )
        }),
        protocol => protocol.is_network(),
    }
}
