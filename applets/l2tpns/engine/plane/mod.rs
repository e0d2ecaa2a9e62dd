//! What happens to a subscriber's packets, without protocols: every session whose call is connected
//! has an entry here, found by the numbers in a data message's header or by a packet's destination.
//!
//! | to change | open |
//! |---|---|
//! | what a session's entry holds | `entry.rs` |
//! | packets from subscribers | `up.rs` |
//! | packets to subscribers | `down.rs` |
//! | messages to senders whose packets cannot go on | `icmp.rs` |
//! | rates, filters and copies of one session | `features.rs` |
//! | sessions whose calls are one bundle | `bundle.rs` |
//! | what is gathered for the TUN and the sockets | `batch.rs` |
//!
//! Packets that pass leave through a [`Sink`] while [`Plane::up`], [`Plane::down`] or
//! [`Plane::handle_timeout`] runs. Nothing here allocates for one. Everything that is
//! dropped has a cause and is counted ([`Cause`]).

mod batch;
mod bundle;
mod down;
mod entry;
mod features;
pub mod fuzz;
mod icmp;
mod up;

#[cfg(test)]
pub(crate) mod left;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use slab::Slab;
use wanbox_link::access_list::{AccessList, Rule};
use wanbox_link::ppp::multilink;
use wanbox_link::prefixes::{NumberMap, Prefixes};

use crate::{CallId, SessionId, SocketId, TunnelId};
use bundle::Group;
use entry::{Entry, Tunnel};
use features::Due;
use icmp::Limit;

pub use batch::{Aside, Batch, BatchStats, Outlet};
pub use entry::{Counters, Settings};
pub use up::Up;

/// What holds for all sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Messages "host unreachable" a second; 0: none.
    pub icmp_rate: u32,
    /// Where ICMP messages come from; none are made without.
    pub icmp_source: Option<Ipv4Addr>,
    /// Where ICMPv6 messages come from; none are made without.
    pub icmpv6_source: Option<Ipv6Addr>,
    /// Packets to one session in a tenth of a second; 0: any number.
    pub packet_limit: u32,
    /// Packets from subscribers must come from their addresses.
    pub check_source: bool,
    /// A tunnel's data may come from another address than its peer's, from the same port; it then
    /// goes there as well.
    pub follow_source: bool,
    /// The rates of sessions do not hold for what they send each other (IPv4).
    pub local_unthrottled: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            icmp_rate: 0,
            icmp_source: None,
            icmpv6_source: None,
            packet_limit: 0,
            check_source: true,
            follow_source: false,
            local_unthrottled: false,
        }
    }
}

/// Where the messages of a tunnel go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// The socket to send from.
    pub socket: SocketId,
    /// The peer.
    pub peer: SocketAddr,
}

/// A call that is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Our number of the tunnel.
    pub tunnel: TunnelId,
    /// Our number of the call.
    pub call: CallId,
    /// The peer's number of the tunnel.
    pub peer_tunnel: u16,
    /// The peer's number of the call.
    pub peer_call: u16,
    /// Data messages to the peer are numbered, and of its own each is taken once and in its order.
    pub sequencing: bool,
    /// Where they go.
    pub way: Way,
}

/// Where packets leave.
pub trait Sink {
    /// A packet for the host: it is written to the TUN.
    fn host(&mut self, packet: &[u8]);

    /// A data message for a peer: the headers, and `octets` of payload that `write` makes. Nothing
    /// is sent when `write` says `false`.
    fn peer(
        &mut self,
        way: &Way,
        head: &[u8],
        octets: usize,
        write: impl FnOnce(&mut [u8]) -> bool,
    );

    /// A copy of a packet, to be sent to who may see it.
    fn copy(&mut self, to: SocketAddr, packet: &[u8]);

    /// An ICMP message of this machine, a whole IP packet.
    fn icmp(&mut self, packet: &[u8]);
}

/// Why a packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// From a subscriber: no L2TP data message.
    Header,
    /// From a subscriber: no such session in that tunnel.
    UnknownSession,
    /// From a subscriber: not from the tunnel's peer.
    Stranger,
    /// From a subscriber: overtaken by a later one, or a second copy.
    Late,
    /// From a subscriber: no PPP frame.
    Frame,
    /// From a subscriber: no IP packet of the version that the frame says.
    Packet,
    /// From a subscriber: IPv4 or IPv6 is not open.
    Closed,
    /// From a subscriber: the source is not the subscriber's.
    Spoofed,
    /// From a subscriber: an access list denied it.
    FilteredIn,
    /// From a subscriber: beyond the rate.
    ThrottledIn,
    /// To a subscriber: no IP packet.
    NotIp,
    /// To a subscriber: nobody has the destination.
    NoSession,
    /// To a subscriber: IPv4 or IPv6 is not open.
    NotOpen,
    /// To a subscriber: longer than the peer takes.
    TooLong,
    /// To a subscriber: more than `packet_limit`.
    Limited,
    /// To a subscriber: an access list denied it.
    FilteredOut,
    /// To a subscriber: beyond the rate.
    ThrottledOut,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 17] = [
        Self::Header,
        Self::UnknownSession,
        Self::Stranger,
        Self::Late,
        Self::Frame,
        Self::Packet,
        Self::Closed,
        Self::Spoofed,
        Self::FilteredIn,
        Self::ThrottledIn,
        Self::NotIp,
        Self::NoSession,
        Self::NotOpen,
        Self::TooLong,
        Self::Limited,
        Self::FilteredOut,
        Self::ThrottledOut,
    ];

    /// The cause as a word of counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "in_malformed_header",
            Self::UnknownSession => "in_unknown_session",
            Self::Stranger => "in_not_the_peer",
            Self::Late => "in_late",
            Self::Frame => "in_malformed_frame",
            Self::Packet => "in_malformed_packet",
            Self::Closed => "in_not_open",
            Self::Spoofed => "in_spoofed",
            Self::FilteredIn => "in_filtered",
            Self::ThrottledIn => "in_throttled",
            Self::NotIp => "out_malformed_packet",
            Self::NoSession => "out_no_session",
            Self::NotOpen => "out_not_open",
            Self::TooLong => "out_too_long",
            Self::Limited => "out_limited",
            Self::FilteredOut => "out_filtered",
            Self::ThrottledOut => "out_throttled",
        }
    }
}

/// What happened in all sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Octets of IP packets from subscribers.
    pub octets_in: u64,
    /// IP packets from subscribers.
    pub packets_in: u64,
    /// Octets of IP packets to subscribers.
    pub octets_out: u64,
    /// IP packets to subscribers.
    pub packets_out: u64,
    /// ICMP messages made.
    pub icmp: u64,
    /// ICMP messages not made because of their number.
    pub icmp_limited: u64,
    drops: [u64; Cause::ALL.len()],
}

impl Stats {
    /// Packets dropped for this cause.
    #[must_use]
    pub fn dropped(&self, cause: Cause) -> u64 {
        self.drops.get(cause as usize).copied().unwrap_or_default()
    }

    /// Packets dropped for any of these causes.
    #[must_use]
    pub fn dropped_for(&self, causes: &[Cause]) -> u64 {
        causes.iter().map(|cause| self.dropped(*cause)).sum()
    }

    /// Packets dropped.
    #[must_use]
    pub fn dropped_in_all(&self) -> u64 {
        self.drops.iter().sum()
    }
}

/// Why an access list was not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// There is none of this name.
    Unknown,
    /// A session has it.
    InUse,
}

/// The forwarding state of all sessions.
#[derive(Debug)]
pub struct Plane {
    config: Config,
    entries: Slab<Entry>,
    tunnels: Slab<Tunnel>,
    by_session: NumberMap<u32, u32>,
    by_call: NumberMap<u32, u32>,
    by_tunnel: NumberMap<u16, u32>,
    /// Addresses, networks and prefixes; their owners are keys of `entries`.
    prefixes: Prefixes,
    lists: Vec<(String, AccessList)>,
    due: BinaryHeap<Due>,
    groups: Slab<Group>,
    /// When bundles are looked at.
    waits: BinaryHeap<Reverse<(Instant, u32)>>,
    frames: VecDeque<(SessionId, Vec<u8>)>,
    /// What was counted in bundles that are gone.
    closed: [u64; multilink::Stats::NAMED],
    /// When tenths of a second are counted from.
    start: Instant,
    unreachable: Limit,
    too_long: Limit,
    moved: VecDeque<(TunnelId, Way)>,
    /// A packet that waited, one of a super-packet, a fragment, and a message about a packet.
    spare: Vec<u8>,
    part: Vec<u8>,
    fragment: Vec<u8>,
    message: Vec<u8>,
    /// A packet that came in parts.
    whole: Vec<u8>,
    stats: Stats,
}

impl Plane {
    /// A plane without sessions.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        Self {
            config,
            entries: Slab::new(),
            tunnels: Slab::new(),
            by_session: NumberMap::default(),
            by_call: NumberMap::default(),
            by_tunnel: NumberMap::default(),
            prefixes: Prefixes::default(),
            lists: Vec::new(),
            due: BinaryHeap::new(),
            groups: Slab::new(),
            waits: BinaryHeap::new(),
            frames: VecDeque::new(),
            closed: [0; multilink::Stats::NAMED],
            start: now,
            unreachable: Limit::new(now),
            too_long: Limit::new(now),
            moved: VecDeque::new(),
            spare: Vec::new(),
            part: Vec::new(),
            fragment: Vec::new(),
            message: Vec::new(),
            whole: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// What holds for all sessions from now on.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Sessions that have an entry.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no session has an entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes the entry of a session whose call is connected; one that it had before is gone. Until
    /// [`Self::update`] says more, its frames are only handed out.
    pub fn insert(&mut self, now: Instant, session: SessionId, call: Call) {
        self.remove(session);
        let place = match self.by_tunnel.get(&call.tunnel.0) {
            Some(place) => *place,
            None => {
                let tunnel = Tunnel {
                    id: call.tunnel,
                    way: call.way,
                    sessions: 0,
                };
                let place = self.tunnels.insert(tunnel) as u32;
                self.by_tunnel.insert(call.tunnel.0, place);
                place
            }
        };
        if let Some(tunnel) = self.tunnels.get_mut(place as usize) {
            tunnel.way = call.way;
            tunnel.sessions += 1;
        }
        let key = key_of(call.tunnel.0, call.call.0);
        if let Some(old) = self.by_call.get(&key).copied()
            && let Some(entry) = self.entries.get(old as usize)
        {
            self.remove(entry.session);
        }
        let entry = Entry::new(now, session, place, &call);
        let at = self.entries.insert(entry) as u32;
        self.by_session.insert(session.0, at);
        self.by_call.insert(key, at);
    }

    /// Takes a session's entry away with its routes; what it counted, if it had one.
    pub fn remove(&mut self, session: SessionId) -> Option<Counters> {
        let at = self.by_session.remove(&session.0)?;
        let entry = self.entries.try_remove(at as usize)?;
        if let Some(link) = entry.link {
            self.forget_link(at, link);
        }
        for (address, length) in &entry.routes {
            if self.prefixes.owner(*address, *length) == Some(at) {
                self.prefixes.remove(*address, *length);
            }
        }
        if let Some(tunnel) = self.tunnels.get_mut(entry.tunnel as usize) {
            tunnel.sessions -= 1;
            let id = tunnel.id.0;
            let key = key_of(id, entry.call.0);
            if self.by_call.get(&key) == Some(&at) {
                self.by_call.remove(&key);
            }
            if tunnel.sessions == 0 {
                self.tunnels.remove(entry.tunnel as usize);
                self.by_tunnel.remove(&id);
            }
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
            self.tunnels.shrink_to_fit();
            self.by_session.shrink_to_fit();
            self.by_call.shrink_to_fit();
        }
        Some(entry.counters)
    }

    /// Sets how a session's packets are carried; `false`: there is no such session.
    pub fn update(&mut self, session: SessionId, settings: Settings) -> bool {
        self.entry_mut(session).is_some_and(|entry| {
            entry.set(settings);
            true
        })
    }

    /// How a session's packets are carried.
    #[must_use]
    pub fn settings(&self, session: SessionId) -> Option<&Settings> {
        self.entry(session).map(|entry| &entry.settings)
    }

    /// The messages of a tunnel go elsewhere from now on.
    pub fn redirect(&mut self, tunnel: TunnelId, way: Way) {
        if let Some(place) = self.by_tunnel.get(&tunnel.0)
            && let Some(tunnel) = self.tunnels.get_mut(*place as usize)
        {
            tunnel.way = way;
        }
    }

    /// The next tunnel whose peer went on from another address ([`Config::follow_source`]).
    pub fn poll_moved(&mut self) -> Option<(TunnelId, Way)> {
        self.moved.pop_front()
    }

    /// What a session has counted.
    #[must_use]
    pub fn counters(&self, session: SessionId) -> Option<&Counters> {
        self.entry(session).map(|entry| &entry.counters)
    }

    /// Lets a session count from zero.
    pub fn reset_counters(&mut self, session: SessionId) {
        if let Some(entry) = self.entry_mut(session) {
            let Counters { heard, data, .. } = entry.counters;
            entry.counters = Counters::new(heard);
            entry.counters.data = data;
        }
    }

    /// Gives a network to a session: packets for it go there and may come from there. The session that
    /// had it before loses it. `false`: there is no such session.
    pub fn add_route(&mut self, session: SessionId, address: IpAddr, length: u8) -> bool {
        let Some(&at) = self.by_session.get(&session.0) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return false;
        };
        if !entry.routes.contains(&(address, length)) {
            entry.routes.push((address, length));
        }
        self.prefixes.insert(address, length, at);
        true
    }

    /// Takes a network from a session; `false`: it did not have it.
    pub fn remove_route(&mut self, session: SessionId, address: IpAddr, length: u8) -> bool {
        let Some(&at) = self.by_session.get(&session.0) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(at as usize) else {
            return false;
        };
        entry.routes.retain(|route| *route != (address, length));
        let owned = self.prefixes.owner(address, length) == Some(at);
        if owned {
            self.prefixes.remove(address, length);
        }
        owned
    }

    /// The networks of a session, those that another one took from it too.
    #[must_use]
    pub fn routes(&self, session: SessionId) -> &[(IpAddr, u8)] {
        self.entry(session).map_or(&[], |entry| &entry.routes)
    }

    /// The session that has an address.
    #[must_use]
    pub fn session_of(&self, address: IpAddr) -> Option<SessionId> {
        let at = self.prefixes.lookup(address)?;
        self.entries.get(at as usize).map(|entry| entry.session)
    }

    /// Gives an access list these rules, and makes it if there is none of this name. Rules that it had
    /// keep their counters.
    pub fn set_list(&mut self, name: &str, rules: impl IntoIterator<Item = Rule>) {
        match self.lists.iter_mut().find(|(known, _)| known == name) {
            Some((_, list)) => list.replace(rules),
            None => {
                // The places of lists are in sessions: one that nobody has is taken first.
                let list = (name.to_owned(), AccessList::new(rules));
                match self.lists.iter_mut().find(|(known, _)| known.is_empty()) {
                    Some(free) => *free = list,
                    None => self.lists.push(list),
                }
            }
        }
    }

    /// Takes an access list away.
    ///
    /// # Errors
    /// There is none of this name, or a session has it.
    pub fn remove_list(&mut self, name: &str) -> Result<(), ListError> {
        let place = self.list_place(name).ok_or(ListError::Unknown)?;
        if self
            .entries
            .iter()
            .any(|(_, entry)| entry.has_filter(place))
        {
            return Err(ListError::InUse);
        }
        if let Some(list) = self.lists.get_mut(usize::from(place)) {
            *list = Default::default();
        }
        Ok(())
    }

    /// The access list of this name, with its counters.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&AccessList> {
        let place = self.list_place(name)?;
        self.lists.get(usize::from(place)).map(|(_, list)| list)
    }

    fn list_place(&self, name: &str) -> Option<u16> {
        let place = self
            .lists
            .iter()
            .position(|(known, _)| known == name && !known.is_empty())?;
        u16::try_from(place).ok()
    }

    fn entry(&self, session: SessionId) -> Option<&Entry> {
        let at = *self.by_session.get(&session.0)?;
        self.entries.get(at as usize)
    }

    fn entry_mut(&mut self, session: SessionId) -> Option<&mut Entry> {
        let at = *self.by_session.get(&session.0)?;
        self.entries.get_mut(at as usize)
    }

    fn count_drop(&mut self, cause: Cause) {
        if let Some(count) = self.stats.drops.get_mut(cause as usize) {
            *count += 1;
        }
    }

    /// Counts a packet from a session that is dropped.
    fn drop_in(&mut self, at: u32, cause: Cause) -> Cause {
        self.count_drop(cause);
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.counters.dropped_in += 1;
        }
        cause
    }

    /// Counts a packet to a session that is dropped.
    fn drop_out(&mut self, at: u32, cause: Cause) -> Cause {
        self.count_drop(cause);
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.counters.dropped_out += 1;
        }
        cause
    }
}

fn way_of(tunnels: &Slab<Tunnel>, entry: &Entry) -> Option<Way> {
    tunnels.get(entry.tunnel as usize).map(|tunnel| tunnel.way)
}

/// The key of a call among all tunnels.
fn key_of(tunnel: u16, call: u16) -> u32 {
    u32::from(tunnel) << 16 | u32::from(call)
}
