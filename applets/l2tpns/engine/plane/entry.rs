//! A session as its packets see it.

use std::net::IpAddr;
use std::time::Instant;

use wanbox_wire::l2tp::DataHeader;
use wanbox_wire::ppp::{FrameRepr, Protocol};

use super::bundle::Link;
use super::features::Features;
use super::{Call, Way};
use crate::{CallId, SessionId, TunnelId};

/// A tunnel with sessions.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) id: TunnelId,
    pub(super) way: Way,
    pub(super) sessions: u32,
}

/// How a session's packets are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// IPCP is open: IPv4 packets pass.
    pub ipv4: bool,
    /// IPV6CP is open: IPv6 packets pass.
    pub ipv6: bool,
    /// The peer takes frames without address and control.
    pub acfc: bool,
    /// The peer takes protocol numbers of one octet.
    pub pfc: bool,
    /// The longest packet that the peer takes, octets.
    pub mru: u16,
    /// TCP's segments are to fit packets of so many octets, both ways; 0: hosts choose themselves.
    pub clamp: u16,
    /// Packets to it are shared out over the links of its bundle.
    pub bundle: bool,
}

impl Default for Settings {
    /// Of a call that was just connected.
    fn default() -> Self {
        Self {
            ipv4: false,
            ipv6: false,
            acfc: false,
            pfc: false,
            mru: 1500,
            clamp: 0,
            bundle: false,
        }
    }
}

/// What a session has counted. Packets are IP packets, octets theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Octets from the subscriber.
    pub octets_in: u64,
    /// Packets from the subscriber.
    pub packets_in: u64,
    /// Octets to the subscriber.
    pub octets_out: u64,
    /// Packets to the subscriber.
    pub packets_out: u64,
    /// Packets from the subscriber that were dropped.
    pub dropped_in: u64,
    /// Packets to the subscriber that were dropped.
    pub dropped_out: u64,
    /// When the last frame of any kind came from the subscriber.
    pub heard: Instant,
    /// When the last IP packet went in either direction.
    pub data: Instant,
}

impl Counters {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            octets_in: 0,
            packets_in: 0,
            octets_out: 0,
            packets_out: 0,
            dropped_in: 0,
            dropped_out: 0,
            heard: now,
            data: now,
        }
    }
}

/// The most octets of headers before a packet: L2TP with Ns and Nr, and PPP.
pub(super) const HEAD: usize = DataHeader::PLAIN_LEN + 4 + FrameRepr::MAX_LEN;

/// How far behind the newest a message may be that comes late; some seconds of a fast line.
const LATE: u16 = 1024;

/// The headers before packets of one protocol.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    octets: [u8; HEAD],
    len: u8,
}

impl Head {
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) session: SessionId,
    pub(super) call: CallId,
    /// Its place among the tunnels.
    pub(super) tunnel: u32,
    peer_tunnel: u16,
    peer_call: u16,
    /// The number of the next data message.
    ns: u16,
    /// The number of the peer's next one.
    expected: u16,
    numbered: bool,
    pub(super) settings: Settings,
    v4: Head,
    v6: Head,
    pub(super) counters: Counters,
    /// The tenth of a second in which `limited` packets went.
    pub(super) tenth: u64,
    pub(super) limited: u32,
    pub(super) routes: Vec<(IpAddr, u8)>,
    pub(super) features: Option<Box<Features>>,
    pub(super) link: Option<Link>,
}

impl Entry {
    pub(super) fn new(now: Instant, session: SessionId, tunnel: u32, call: &Call) -> Self {
        let mut entry = Self {
            session,
            call: call.call,
            tunnel,
            peer_tunnel: call.peer_tunnel,
            peer_call: call.peer_call,
            ns: 0,
            expected: 0,
            numbered: call.sequencing,
            settings: Settings::default(),
            v4: Head::default(),
            v6: Head::default(),
            counters: Counters::new(now),
            tenth: 0,
            limited: 0,
            routes: Vec::new(),
            features: None,
            link: None,
        };
        entry.set(Settings::default());
        entry
    }

    pub(super) fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.v4 = self.head_of(Protocol::IPV4);
        self.v6 = self.head_of(Protocol::IPV6);
    }

    fn head_of(&self, protocol: Protocol) -> Head {
        let frame = FrameRepr {
            protocol,
            acfc: self.settings.acfc,
            pfc: self.settings.pfc,
        };
        let (ppp, ppp_len) = frame.octets();
        self.l2tp_head(false, ppp.get(..ppp_len).unwrap_or_default())
    }

    /// The headers of a data message, with room for its number.
    fn l2tp_head(&self, priority: bool, ppp: &[u8]) -> Head {
        let mut head = Head::default();
        let mut plain = DataHeader::plain(self.peer_tunnel, self.peer_call);
        let [flags, ..] = &mut plain;
        *flags = if self.numbered { 0x08 } else { 0 } | u8::from(priority);
        let numbers: &[u8] = if self.numbered { &[0; 4] } else { &[] };
        let octets = plain.iter().chain(numbers).chain(ppp);
        for (to, from) in head.octets.iter_mut().zip(octets) {
            *to = *from;
            head.len += 1;
        }
        head
    }

    /// The headers of the next data message with an IP packet.
    pub(super) fn next_head(&mut self, is_v4: bool) -> Head {
        let head = if is_v4 { self.v4 } else { self.v6 };
        self.number(head)
    }

    /// The L2TP header of the next data message with another frame.
    pub(super) fn next_header(&mut self, priority: bool) -> Head {
        let head = self.l2tp_head(priority, &[]);
        self.number(head)
    }

    fn number(&mut self, mut head: Head) -> Head {
        if self.numbered {
            if let Some(ns) = head.octets.get_mut(6..8) {
                ns.copy_from_slice(&self.ns.to_be_bytes());
            }
            self.ns = self.ns.wrapping_add(1);
        }
        head
    }

    /// Whether a message with this number comes after a later one, or again (RFC 2661 section 5.4).
    /// Those that are lost are lost, and one from far behind is of a peer that numbers anew. Numbers
    /// that nobody asked for say nothing.
    pub(super) fn is_late(&mut self, ns: u16) -> bool {
        let behind = self.expected.wrapping_sub(ns);
        let late = self.numbered && (1..=LATE).contains(&behind);
        if !late {
            self.expected = ns.wrapping_add(1);
        }
        late
    }

    pub(super) fn has_filter(&self, place: u16) -> bool {
        self.features
            .as_ref()
            .is_some_and(|features| features.filters().contains(&Some(place)))
    }
}
