//! Frame Relay: LMI, PVCs, inverse ARP, committed rates (Q.922, Q.933, T1.617, RFC 2427, RFC 2390).
//!
//! [`FrameRelay`] is one link with its channels. Local management is split as the
//! standards split it: the user side (`user`) asks every T391, the network side
//! (`network`) answers and watches T392; both judge the link by N392 errors among
//! the last N393 events (`window`). What the owner must know is not queued as it
//! happens but derived from what it was told last, so that no peer can make the
//! queue grow.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use wanbox_wire::ParseError;
use wanbox_wire::frame_relay::{Address, Frame, MAX_INFORMATION, Payload, Protocol};
use wanbox_wire::lmi::{Dialect, Message, MessageType, PvcStatus, Repr};

mod channel;
mod channels;
mod config;
mod inarp;
mod network;
mod pvc;
mod stats;
mod user;
mod view;
mod window;

pub use config::{
    ChannelConfig, ChannelError, CommittedRate, Config, Dlci, RangeError, Signalling, Station,
};
pub use pvc::status;
pub use stats::{ChannelStats, LinkStats};
pub use wanbox_wire::frame_relay::Style;

use channel::Channel;
use network::Network;
use pvc::PvcTable;
use user::User;
use window::Window;

use crate::{Cause, ChannelId, Delivery, Engine, Event, Header, Marks, PayloadKind, Refusal};

/// What is wrong with the line or the peer, as far as their messages tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Diagnosis {
    /// Nothing known to be wrong.
    #[default]
    None,
    /// Our own enquiries come back.
    Looped,
    /// The peer asks too: both ends are CPE.
    PeerIsCpe,
    /// The peer reports too: both ends are nodes, or the line is looped.
    PeerIsNode,
    /// Nobody asks: the peer is silent, or a node too.
    Silent,
    /// The peer speaks this dialect, not ours.
    WrongDialect(Dialect),
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no fault known"),
            Self::Looped => f.write_str("the line is looped: our own enquiries come back"),
            Self::PeerIsCpe => f.write_str("both ends are CPE: the peer sends enquiries too"),
            Self::PeerIsNode => f.write_str(
                "both ends are nodes, or the line is looped: status messages come in unasked",
            ),
            Self::Silent => f.write_str("no enquiries: the peer is silent, or a node too"),
            Self::WrongDialect(dialect) => {
                write!(f, "wrong signalling: the peer speaks {dialect}")
            }
        }
    }
}

/// One Frame Relay link.
#[derive(Debug)]
pub struct FrameRelay {
    config: Config,
    carrier: bool,
    link_up: bool,
    /// No failure since the carrier came: the first good exchange brings the link up.
    fresh: bool,
    cause: Cause,
    /// What the owner was told of the link.
    link_announced: bool,
    dialect: Option<Dialect>,
    diagnosis: Diagnosis,
    window: Window,
    /// T391 or T392.
    deadline: Option<Instant>,
    /// Sequence numbers, sent and received last.
    send: u8,
    receive: u8,
    user: User,
    network: Network,
    channels: Vec<Option<Channel>>,
    pvcs: PvcTable,
    stats: LinkStats,
    /// Not later than any channel's next inverse ARP.
    inarp_next: Option<Instant>,
    /// Channels with ARP to send.
    work: VecDeque<u16>,
    /// Management messages to send.
    outgoing: VecDeque<Vec<u8>>,
    /// Channels whose news the owner has not heard.
    fresh_channels: VecDeque<u16>,
    /// DLCIs without channel that appeared or left.
    fresh_dlcis: VecDeque<u16>,
}

impl FrameRelay {
    /// The most channels of a link: every DLCI from 1 to 991.
    pub const MAX_CHANNELS: usize = 991;
    /// The highest channel number.
    pub const MAX_CHANNEL_ID: u16 = 1023;
    /// The most management messages that wait for the owner.
    const OUTGOING_LIMIT: usize = 64;

    /// A link without channels, its carrier down. An error names the parameter and its range.
    pub fn new(config: Config) -> Result<Self, RangeError> {
        config.check()?;
        Ok(Self {
            config,
            carrier: false,
            link_up: false,
            fresh: true,
            cause: Cause::Carrier,
            link_announced: false,
            dialect: config.signalling.dialect(),
            diagnosis: Diagnosis::None,
            window: Window::new(config.n392, config.n393),
            deadline: None,
            send: 0,
            receive: 0,
            user: User::default(),
            network: Network::default(),
            channels: Vec::new(),
            pvcs: PvcTable::new(),
            stats: LinkStats::default(),
            inarp_next: None,
            work: VecDeque::new(),
            outgoing: VecDeque::new(),
            fresh_channels: VecDeque::new(),
            fresh_dlcis: VecDeque::new(),
        })
    }

    fn channel(&self, id: ChannelId) -> Result<&Channel, ChannelError> {
        self.channels
            .get(usize::from(id.0))
            .and_then(Option::as_ref)
            .ok_or(ChannelError::NoSuchChannel(id))
    }

    fn channel_at(&mut self, index: u16) -> Option<&mut Channel> {
        self.channels.get_mut(usize::from(index))?.as_mut()
    }

    /// Notes an event of link integrity and draws the consequence.
    fn record(&mut self, now: Instant, error: bool) {
        self.window.record(error);
        if self.link_up {
            if self.window.failed() {
                self.stats.n392_reached += 1;
                let cause = match self.diagnosis {
                    Diagnosis::Looped => Cause::Looped,
                    _ => Cause::Keepalive,
                };
                self.take_link_down(now, cause);
            }
        } else if !error && (self.fresh || self.window.recovered()) {
            self.link_up = true;
            self.fresh = false;
            self.stats.ups += 1;
            // Errors from before are forgiven, or the next one would count them again.
            self.window.clear();
        } else if error && self.window.failed() && self.config.station == Station::Cpe {
            // A dialect found while the link was down may be gone before the link is up. An
            // answer in it shows that it is not, however many errors are still in the window.
            self.user_link_down();
        }
    }

    fn take_link_down(&mut self, now: Instant, cause: Cause) {
        if self.link_up {
            self.stats.downs += 1;
        }
        self.link_up = false;
        self.fresh = false;
        self.cause = cause;
        if self.config.station == Station::Cpe {
            self.user_link_down();
        }
        self.refresh_channels(now);
    }

    fn refresh_channels(&mut self, now: Instant) {
        for index in 0..self.channels.len() {
            self.refresh_channel(now, index as u16);
        }
    }

    /// Works out whether a channel carries data.
    fn refresh_channel(&mut self, now: Instant, index: u16) {
        let reported =
            self.config.station == Station::Cpe && self.config.signalling != Signalling::None;
        let link_up = self.link_up;
        let Some(channel) = self
            .channels
            .get_mut(usize::from(index))
            .and_then(Option::as_mut)
        else {
            return;
        };
        let active = channel
            .dlci
            .is_some_and(|dlci| !reported || self.pvcs.get(dlci).is(status::ACTIVE));
        let up = link_up && channel.admin && active;
        let changed = up != channel.up;
        let tell = up != channel.announced || channel.bounced;
        channel.up = up;
        if changed {
            channel.peer = None;
            channel.peer_fresh = false;
            self.arm_inarp(now, index);
        }
        if changed || tell {
            self.announce_channel(index);
        }
    }

    /// Remembers that the owner must hear of a channel.
    fn announce_channel(&mut self, index: u16) {
        if let Some(channel) = self.channel_at(index)
            && !channel.queued
        {
            channel.queued = true;
            self.fresh_channels.push_back(index);
        }
    }

    /// Remembers that the owner may have to hear of a DLCI without channel.
    fn announce_dlci(&mut self, dlci: u16) {
        let Some(pvc) = self.pvcs.get_mut(dlci) else {
            return;
        };
        let present = pvc.is(status::INCLUDED) && pvc.channel.is_none();
        if present != pvc.announced && !pvc.queued {
            pvc.queued = true;
            self.fresh_dlcis.push_back(dlci);
        }
    }

    fn queue_message(&mut self, repr: &Repr, pvcs: impl Iterator<Item = PvcStatus>) {
        if self.outgoing.len() >= Self::OUTGOING_LIMIT {
            self.stats.control_overflow += 1;
            return;
        }
        let pvcs: Vec<PvcStatus> = pvcs.collect();
        let mut frame = vec![0; repr.len(pvcs.len())];
        if repr.emit(pvcs.into_iter(), &mut frame).is_some() {
            self.outgoing.push_back(frame);
        }
    }

    /// A frame on one of the management DLCIs.
    fn receive_management(&mut self, now: Instant, frame: &Frame<'_>) {
        if self.config.signalling == Signalling::None {
            self.stats.unexpected_signalling += 1;
            return;
        }
        let Ok(message) = Message::parse(frame) else {
            self.stats.bad_signalling += 1;
            return;
        };
        if message.bad_elements() > 0 {
            self.stats.bad_signalling += 1;
        }
        match (self.config.station, message.repr.message_type) {
            (Station::Cpe, MessageType::Status) => self.user_status(now, &message),
            (Station::Cpe, MessageType::StatusEnquiry) => self.user_enquiry(&message),
            (Station::Node, MessageType::StatusEnquiry) => self.network_enquiry(now, &message),
            (Station::Node, MessageType::Status) => self.network_status(),
        }
    }

    /// The payload of a frame that came in on a channel.
    fn receive_data<'f>(
        &mut self,
        now: Instant,
        index: u16,
        frame: &Frame<'f>,
    ) -> Option<Delivery<'f>> {
        let channel = self.channel_at(index)?;
        if !channel.up {
            channel.stats.rx_inactive += 1;
            return None;
        }
        channel.note_received(now, frame.address, frame.information.len());
        if channel.config.raw {
            return Some(Delivery {
                channel: ChannelId(index),
                kind: PayloadKind::Raw(Marks {
                    command_response: frame.address.command_response,
                    fecn: frame.address.fecn,
                    becn: frame.address.becn,
                    discard_eligible: frame.address.discard_eligible,
                    ..Marks::default()
                }),
                payload: frame.information,
            });
        }
        let payload = match Payload::parse(frame.information) {
            Ok(payload) => payload,
            Err(error) => {
                channel.stats.rx_dropped += 1;
                if matches!(
                    error,
                    wanbox_wire::frame_relay::EncapsulationError::Format(_)
                ) {
                    self.stats.rx_format_error += 1;
                }
                return None;
            }
        };
        if payload.protocol == Protocol::Arp && !channel.config.bridged {
            self.receive_arp(index, payload.data);
            return None;
        }
        let Some(kind) = channel.kind(payload.protocol) else {
            channel.stats.rx_dropped += 1;
            return None;
        };
        if !kind.fits(payload.data) {
            channel.stats.rx_dropped += 1;
            self.stats.rx_format_error += 1;
            return None;
        }
        Some(Delivery {
            channel: ChannelId(index),
            kind,
            payload: payload.data,
        })
    }
}

impl Engine for FrameRelay {
    fn carrier(&mut self, now: Instant, up: bool) {
        if self.carrier == up {
            return;
        }
        self.carrier = up;
        self.deadline = None;
        self.outgoing.clear();
        self.window.clear();
        self.diagnosis = Diagnosis::None;
        self.dialect = self.config.signalling.dialect();
        if !up {
            self.take_link_down(now, Cause::Carrier);
            return;
        }
        self.fresh = true;
        self.send = 0;
        self.receive = 0;
        self.stats.t391_consecutive = 0;
        self.stats.t392_consecutive = 0;
        match (self.config.signalling, self.config.station) {
            (Signalling::None, _) => {
                self.link_up = true;
                self.stats.ups += 1;
                self.refresh_channels(now);
            }
            (_, Station::Cpe) => {
                self.stats.initializations += 1;
                self.user_start(now);
            }
            (_, Station::Node) => {
                self.stats.initializations += 1;
                self.network_start(now);
            }
        }
    }

    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>> {
        if !self.carrier {
            self.stats.rx_without_carrier += 1;
            return None;
        }
        if frame.len() > MAX_INFORMATION + Address::LEN {
            self.stats.rx_too_long += 1;
            return None;
        }
        let frame = match Frame::parse(frame) {
            Ok(frame) => frame,
            Err(ParseError::Truncated { .. }) => {
                self.stats.rx_too_short += 1;
                return None;
            }
            Err(_) => {
                self.stats.rx_bad_address += 1;
                return None;
            }
        };
        let dlci = frame.address.dlci;
        if Dialect::ALL.iter().any(|dialect| dialect.dlci() == dlci) {
            self.receive_management(now, &frame);
            return None;
        }
        match self.pvcs.get(dlci).channel {
            Some(index) => self.receive_data(now, index, &frame),
            None => {
                self.stats.rx_unknown_dlci += 1;
                None
            }
        }
    }

    fn encapsulate(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        if !self.link_up {
            self.stats.tx_link_down += 1;
            return Err(Refusal::LinkDown);
        }
        match self.channel_at(channel.0) {
            Some(channel) => channel.encapsulate(now, kind, octets),
            None => {
                self.stats.tx_unknown_channel += 1;
                Err(Refusal::ChannelDown)
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            match self.config.station {
                Station::Cpe => self.user_timeout(now),
                Station::Node => self.network_timeout(now),
            }
        }
        self.inarp_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.inarp_next).min()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        match self.outgoing.pop_front() {
            Some(message) => {
                frame.clear();
                frame.extend_from_slice(&message);
                true
            }
            None => self.transmit_arp(frame),
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        if self.link_announced != self.link_up {
            self.link_announced = self.link_up;
            if self.link_up {
                return Some(Event::LinkUp);
            }
            // With the link every channel is down, without an event of its own.
            for channel in self.channels.iter_mut().flatten() {
                channel.announced = false;
                channel.bounced = false;
            }
            return Some(Event::LinkDown(self.cause));
        }
        while let Some(&index) = self.fresh_channels.front() {
            if let Some(channel) = self.channel_at(index) {
                if let Some(event) = channel.news() {
                    return Some(event);
                }
                channel.queued = false;
            }
            self.fresh_channels.pop_front();
        }
        while let Some(dlci) = self.fresh_dlcis.pop_front() {
            let Some(pvc) = self.pvcs.get_mut(dlci) else {
                continue;
            };
            pvc.queued = false;
            let present = pvc.is(status::INCLUDED) && pvc.channel.is_none();
            if present != pvc.announced {
                pvc.announced = present;
                return Some(Event::UnconfiguredDlci { dlci, present });
            }
        }
        None
    }
}

impl Channel {
    /// The next thing that the owner does not know of the channel.
    fn news(&mut self) -> Option<Event> {
        if self.announced && (self.bounced || !self.up) {
            self.announced = false;
            self.bounced = false;
            return Some(Event::ChannelDown(self.id));
        }
        self.bounced = false;
        if self.up && !self.announced {
            self.announced = true;
            return Some(Event::ChannelUp(self.id));
        }
        let peer = self.peer.filter(|_| self.peer_fresh && self.up)?;
        self.peer_fresh = false;
        Some(Event::PeerAddress(self.id, peer))
    }
}

#[cfg(test)]
mod tests;
