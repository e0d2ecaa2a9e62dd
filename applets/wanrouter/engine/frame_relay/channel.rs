//! One logical channel: its state, shaping and congestion.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_link::bucket::{Colour, TokenBucket};
use wanbox_wire::frame_relay::{Address, Protocol, Repr};

use super::config::{ChannelConfig, ChannelError, CommittedRate, Dlci};
use super::stats::ChannelStats;
use crate::{ChannelId, Header, PayloadKind, Refusal};

/// Room for a MAC header with one VLAN tag before the MTU of a bridged channel, octets.
const BRIDGED_EXTRA: usize = 18;
/// Room for an application's own encapsulation before the MTU of a raw channel, octets.
const RAW_EXTRA: usize = Repr::MAX_LEN - Address::LEN;

/// Congestion seen by BECN: while it lasts, nothing beyond the committed rate is sent
/// (Q.922 Annex A.7).
#[derive(Clone, Copy, Debug, Default)]
struct Congestion {
    /// When the last BECN came; `None` when there is no congestion.
    since: Option<Instant>,
    /// Frames without BECN since then.
    clear_run: u8,
}

impl Congestion {
    /// So many frames without BECN in a row end it,
    const CLEAR_RUN: u8 = 16;
    /// or so much time without any BECN.
    const CLEAR_TIME: Duration = Duration::from_secs(1);

    fn active(&self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.saturating_duration_since(since) < Self::CLEAR_TIME)
    }

    /// Notes a received frame; true when congestion begins.
    fn note(&mut self, now: Instant, becn: bool) -> bool {
        if becn {
            let begins = !self.active(now);
            *self = Self {
                since: Some(now),
                clear_run: 0,
            };
            return begins;
        }
        if self.since.is_some() {
            self.clear_run += 1;
            if self.clear_run >= Self::CLEAR_RUN {
                *self = Self::default();
            }
        }
        false
    }
}

/// ARP that waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ArpWork {
    /// Ask for the peer's address.
    pub request: bool,
    /// Answer an inverse request of this address.
    pub inverse_reply: Option<Ipv4Addr>,
    /// Answer an ordinary request of this address.
    pub reply: Option<Ipv4Addr>,
}

impl ArpWork {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The octets before a payload.
enum Head {
    /// Address and encapsulation.
    Encapsulated(Repr),
    /// The address alone.
    Raw(Address),
}

impl Head {
    fn address_mut(&mut self) -> &mut Address {
        match self {
            Self::Encapsulated(repr) => &mut repr.address,
            Self::Raw(address) => address,
        }
    }

    fn header_len(&self) -> usize {
        match self {
            Self::Encapsulated(repr) => repr.header_len(),
            Self::Raw(_) => Address::LEN,
        }
    }

    fn emit(&self, buffer: &mut [u8]) -> Option<usize> {
        match self {
            Self::Encapsulated(repr) => repr.emit(buffer),
            Self::Raw(address) => address.emit(buffer),
        }
    }
}

#[derive(Debug)]
pub(super) struct Channel {
    pub id: ChannelId,
    pub config: ChannelConfig,
    /// Its DLCI; none while `auto` has not found one.
    pub dlci: Option<u16>,
    /// The owner wants it up.
    pub admin: bool,
    /// It carries data.
    pub up: bool,
    /// Node: to be reported as new until confirmed.
    pub new: bool,
    /// Node: the last report said so.
    pub new_sent: bool,
    /// The owner was told that it is up.
    pub announced: bool,
    /// Waits in the queue of channels to announce.
    pub queued: bool,
    /// It went down and up again since the owner was told.
    pub bounced: bool,
    pub peer: Option<Ipv4Addr>,
    /// The owner was not told of `peer`.
    pub peer_fresh: bool,
    /// When to ask for the peer's address again.
    pub inarp_next: Option<Instant>,
    pub arp: ArpWork,
    /// Waits in the queue of channels with control frames.
    pub working: bool,
    pub stats: ChannelStats,
    transmit: Option<TokenBucket>,
    receive: Option<TokenBucket>,
    congestion: Congestion,
}

impl Channel {
    pub fn new(now: Instant, id: ChannelId, config: ChannelConfig) -> Result<Self, ChannelError> {
        let mut channel = Self {
            id,
            config,
            dlci: match config.dlci {
                Dlci::Fixed(dlci) => Some(dlci),
                Dlci::Auto => None,
            },
            admin: true,
            up: false,
            new: true,
            new_sent: false,
            announced: false,
            queued: false,
            bounced: false,
            peer: None,
            peer_fresh: false,
            inarp_next: None,
            arp: ArpWork::default(),
            working: false,
            stats: ChannelStats::new(now),
            transmit: None,
            receive: None,
            congestion: Congestion::default(),
        };
        channel.set_committed(now, config.committed)?;
        Ok(channel)
    }

    /// New buckets, full at first.
    pub fn set_committed(
        &mut self,
        now: Instant,
        committed: Option<CommittedRate>,
    ) -> Result<(), ChannelError> {
        let bucket = committed
            .map(|rate| TokenBucket::new(now, rate.cir, rate.bc, rate.be))
            .transpose()?;
        self.transmit = bucket;
        self.receive = bucket;
        self.config.committed = committed;
        Ok(())
    }

    /// Notes a frame of this channel that came in.
    pub fn note_received(&mut self, now: Instant, address: Address, octets: usize) {
        let stats = &mut self.stats;
        stats.rx_frames += 1;
        stats.rx_octets += octets as u64;
        stats.rx_fecn += u64::from(address.fecn);
        stats.rx_becn += u64::from(address.becn);
        stats.rx_discard_eligible += u64::from(address.discard_eligible);
        if let Some(bucket) = &mut self.receive
            && bucket.take(now, octets as u64 * 8, true) != Ok(Colour::Committed)
        {
            stats.rx_over_cir += 1;
        }
        if self.congestion.note(now, address.becn) && self.transmit.is_some() {
            stats.tx_throttled += 1;
        }
    }

    /// Excess bursts are withheld because of congestion.
    pub fn throttled(&self, now: Instant) -> bool {
        self.transmit.is_some() && self.congestion.active(now)
    }

    /// What the channel carries on the line for this kind of payload.
    fn protocol(&self, kind: PayloadKind) -> Option<Protocol> {
        match (kind, self.config.bridged) {
            _ if self.config.raw => None,
            (PayloadKind::Ipv4, false) => Some(Protocol::Ipv4),
            (PayloadKind::Ipv6, false) => Some(Protocol::Ipv6),
            (PayloadKind::Ethernet, true) => Some(Protocol::Ethernet),
            _ => None,
        }
    }

    /// The header before a payload of this kind, without marks of congestion or eligibility of
    /// our own.
    fn head(&self, dlci: u16, kind: PayloadKind) -> Option<Head> {
        let address = Address::new(dlci);
        if let (PayloadKind::Raw(marks), true) = (kind, self.config.raw) {
            return Some(Head::Raw(Address {
                command_response: marks.command_response,
                fecn: marks.fecn,
                becn: marks.becn,
                discard_eligible: marks.discard_eligible,
                ..address
            }));
        }
        Some(Head::Encapsulated(Repr {
            address,
            style: self.config.encapsulation,
            protocol: self.protocol(kind)?,
        }))
    }

    /// The longest payload that is sent, octets.
    pub fn limit(&self) -> usize {
        match (self.config.raw, self.config.bridged) {
            (true, _) => self.config.mtu + RAW_EXTRA,
            (false, true) => self.config.mtu + BRIDGED_EXTRA,
            (false, false) => self.config.mtu,
        }
    }

    /// The kind of payload that the owner gets, when the channel carries this protocol.
    pub fn kind(&self, protocol: Protocol) -> Option<PayloadKind> {
        match (protocol, self.config.bridged) {
            (Protocol::Ipv4, false) => Some(PayloadKind::Ipv4),
            (Protocol::Ipv6, false) => Some(PayloadKind::Ipv6),
            (Protocol::Ethernet | Protocol::EthernetWithFcs, true) => Some(PayloadKind::Ethernet),
            _ => None,
        }
    }

    /// The header for a payload, paid for from the committed rate.
    pub fn encapsulate(
        &mut self,
        now: Instant,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        let Some(dlci) = self.dlci.filter(|_| self.up) else {
            self.stats.tx_down += 1;
            return Err(Refusal::ChannelDown);
        };
        let Some(mut head) = self.head(dlci, kind) else {
            self.stats.tx_unsupported += 1;
            return Err(Refusal::Unsupported);
        };
        let limit = self.limit();
        if octets > limit {
            self.stats.tx_too_long += 1;
            return Err(Refusal::TooLong { limit });
        }
        let information = (head.header_len() - Address::LEN + octets) as u64;
        if let Some(bucket) = &mut self.transmit {
            let allow_excess = !self.congestion.active(now);
            match bucket.take(now, information * 8, allow_excess) {
                Ok(Colour::Committed) => {}
                Ok(Colour::Excess) => {
                    head.address_mut().discard_eligible = true;
                    self.stats.tx_discard_eligible += 1;
                }
                Err(until) => {
                    self.stats.tx_held += 1;
                    return Err(Refusal::Hold(until));
                }
            }
        }
        let mut header = [0; Header::CAPACITY];
        let header = head
            .emit(&mut header)
            .and_then(|len| header.get(..len))
            .and_then(Header::new)
            .ok_or(Refusal::Unsupported)?;
        self.stats.tx_frames += 1;
        self.stats.tx_octets += information;
        Ok(header)
    }
}
