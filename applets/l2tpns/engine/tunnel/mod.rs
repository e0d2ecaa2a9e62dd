//! Control connections and their calls (RFC 2661), sans I/O, for both ends: the network server
//! that is called (LNS), and the access concentrator that calls (LAC).
//!
//! | to | use |
//! |---|---|
//! | have many tunnels over some sockets | [`Tunnels`], which finds the tunnel of a datagram |
//! | have one | [`Tunnel`] |
//! | say how | [`Config`], [`Limits`] |
//!
//! Both are fed and asked in the same way: `receive`, and what the owner wants (`accept`,
//! `hang_up`, `place`, `close`); after each of these `poll_transmit` and `poll_event`, and
//! `handle_timeout` when `poll_timeout` says so. Data messages are none of a tunnel's business:
//! it tells the numbers that they carry ([`Event::Connected`]).
//!
//! What the owner does itself it is not told: a call that it hung up has no
//! [`Event::CallDown`]. When a tunnel goes down, its calls are told first, one by one.

mod calls;
mod cause;
mod channel;
mod config;
mod control;
mod event;
pub mod fuzz;
pub mod hiding;
mod random;
mod reading;
mod stats;
mod table;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use wanbox_wire::l2tp::{Avp, ControlHeader, Writer};

use crate::{SocketId, TunnelId};
use calls::Calls;
use channel::Channel;

pub use calls::{CallState, CallView, Unplaced};
pub use cause::Terminate;
pub use config::{Authentication, Config, Limits};
pub use event::{
    By, Cdn, Connection, Event, IncomingCall, PppCause, ProxyAuthentication, Q931, Reason,
};
pub use random::Random;
pub use stats::{Stats, TableStats};
pub use table::{Full, Transmit, Tunnels};

/// The longest name that is kept of a peer, octets.
const MAX_NAME: usize = 127;

/// Where a tunnel stands (RFC 2661 section 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// wait-ctl-reply: we asked for it.
    WaitReply,
    /// wait-ctl-conn: the peer asked for it, and we answered.
    WaitConnect,
    /// It stands.
    Established,
    /// We ended it, and wait until the peer knows.
    Closing,
    /// The peer ended it; what it repeats is still answered.
    Lingering,
    /// It is over.
    Dead,
}

/// What a peer says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its name, up to 127 octets.
    pub host_name: Box<[u8]>,
    /// What it is, up to 127 octets.
    pub vendor: Box<[u8]>,
    /// The vendor's number of its software.
    pub firmware: Option<u16>,
    /// Bit 0 synchronous, bit 1 asynchronous framing.
    pub framing: u32,
    /// Bit 0 digital, bit 1 analogue access.
    pub bearer: u32,
    /// Control messages that it takes before it acknowledges one, when it says so.
    pub window: Option<u16>,
    /// It proved that it knows the secret.
    pub proved: bool,
}

/// One control connection with its calls.
#[derive(Debug)]
pub struct Tunnel {
    config: Arc<Config>,
    id: TunnelId,
    socket: SocketId,
    address: SocketAddr,
    /// The peer's number of the tunnel; 0 while it is unknown.
    number: u16,
    state: State,
    channel: Channel,
    calls: Calls,
    events: VecDeque<Event>,
    /// Calls and then the tunnel are to be told as gone.
    falling: Option<(By, Reason)>,
    peer: Peer,
    /// What the peer has to answer.
    challenge: Option<Box<[u8; 16]>>,
    tie_breaker: u64,
    /// The last sign of life.
    heard: Instant,
    /// When the last message was sent.
    sent: Option<Instant>,
    /// The end of the set-up time, or of lingering.
    until: Option<Instant>,
    random: Random,
    stats: Stats,
}

impl Tunnel {
    fn new(
        now: Instant,
        id: TunnelId,
        (socket, address): (SocketId, SocketAddr),
        config: Arc<Config>,
        random: Random,
        state: State,
    ) -> Self {
        Self {
            channel: Channel::new(config.receive_window),
            until: Some(now + config.setup_time),
            config,
            id,
            socket,
            address,
            number: 0,
            state,
            calls: Calls::default(),
            events: VecDeque::new(),
            falling: None,
            peer: Peer::default(),
            challenge: None,
            tie_breaker: 0,
            heard: now,
            sent: None,
            random,
            stats: Stats::default(),
        }
    }

    /// A tunnel that a peer asks for; its first message is that request. `at` is our socket and
    /// the peer's address.
    #[must_use]
    pub fn answer(
        now: Instant,
        id: TunnelId,
        at: (SocketId, SocketAddr),
        config: Arc<Config>,
        random: Random,
    ) -> Self {
        Self::new(now, id, at, config, random, State::WaitConnect)
    }

    /// A tunnel that we ask a peer for.
    #[must_use]
    pub fn dial(
        now: Instant,
        id: TunnelId,
        at: (SocketId, SocketAddr),
        config: Arc<Config>,
        random: Random,
    ) -> Self {
        let mut tunnel = Self::new(now, id, at, config, random, State::WaitReply);
        tunnel.send_request();
        tunnel
    }

    /// A control message came in, its header read already: `message` is what follows it.
    pub fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        header: &ControlHeader,
        message: &[u8],
    ) {
        if !self.is_peer(from) {
            stats::count(&mut self.stats.wrong_source);
            return;
        }
        self.heard = now;
        if self.must_put_off(message) {
            stats::count(&mut self.stats.put_off);
            self.channel
                .receive(now, header, true, &[], &mut self.stats);
            return;
        }
        let bare = message.is_empty();
        if self
            .channel
            .receive(now, header, bare, message, &mut self.stats)
        {
            self.understand(now, header.session, message);
            while let Some((session, early)) = self.channel.take_early(&mut self.stats) {
                self.understand(now, session, &early);
            }
        }
        if self.state == State::Closing && self.channel.backlog() == 0 {
            self.state = State::Dead;
        }
    }

    /// Whether a datagram is from the peer. An answer to our first message may come from another
    /// port (RFC 2661 section 8.1).
    fn is_peer(&mut self, from: SocketAddr) -> bool {
        let same = from == self.address;
        let moved = self.state == State::WaitReply && from.ip() == self.address.ip()
            || self.config.follow_address && from.port() == self.address.port();
        if !same && moved {
            self.address = from;
        }
        same || moved
    }

    /// The next message to send, header included, written over `message`; `false` when there is
    /// none.
    pub fn poll_transmit(&mut self, now: Instant, message: &mut Vec<u8>) -> bool {
        let sent = self.state != State::Dead
            && self
                .channel
                .transmit(now, self.number, message, &mut self.stats);
        if sent {
            self.sent = Some(now);
        }
        sent
    }

    /// Whether there is something to send.
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        self.state != State::Dead && self.channel.has_transmit()
    }

    /// The next thing that the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            if self.events.is_empty() {
                self.events = VecDeque::new();
            }
            return Some(event);
        }
        let (by, reason) = self.falling.take()?;
        let Some(call) = self.calls.take_any() else {
            return Some(Event::Down { by, reason });
        };
        let event = Event::CallDown {
            call,
            by,
            cdn: Box::new(calls::fallen(by)),
        };
        self.falling = Some((by, reason));
        Some(event)
    }

    /// Whether there is something to tell.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty() || self.falling.is_some()
    }

    /// When to call [`Tunnel::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Dead {
            return None;
        }
        [
            self.channel.poll_timeout(),
            self.until,
            self.hello_due(),
            self.calls.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.channel.handle_timeout(now) {
            self.lost(By::Silence);
            return;
        }
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.set_up_or_linger_ended(now);
        }
        if self.hello_due().is_some_and(|due| due <= now) {
            self.send_hello();
        }
        self.calls_timed_out(now);
    }

    /// Data of the tunnel came in at this time: a sign of life.
    pub fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    /// The peer's datagrams come from another address now.
    pub fn set_address(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Sends a message, the numbers of which are written when its turn comes.
    fn send(&mut self, session: u16, avps: &[Avp<'_>]) {
        let header = ControlHeader {
            tunnel: self.number,
            session,
            ns: 0,
            nr: 0,
        };
        let mut message = Vec::with_capacity(64);
        for avp in avps {
            avp.append(&mut message);
        }
        if let (true, Some(secret)) = (self.config.hide, &self.config.secret) {
            message = hiding::hide_all(&message, secret, &mut self.random);
        }
        let mut whole = Vec::with_capacity(ControlHeader::LEN + message.len());
        let mut writer = Writer::new(&mut whole, header);
        writer.octets(&message);
        // A message of ours with names of at most a kilobyte each is never too long.
        if writer.finish().is_ok() {
            self.channel.push(whole);
        }
    }

    /// Our number of the tunnel.
    #[must_use]
    pub const fn id(&self) -> TunnelId {
        self.id
    }

    /// The socket that it uses.
    #[must_use]
    pub const fn socket(&self) -> SocketId {
        self.socket
    }

    /// Where the peer is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The peer's number of the tunnel, which data to it carries; 0 while it is unknown.
    #[must_use]
    pub const fn peer_number(&self) -> u16 {
        self.number
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What the peer says of itself.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Messages that the peer did not acknowledge yet, or that wait to be sent.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.channel.backlog()
    }

    /// The numbers of the control message that is expected next, and of the next that is sent.
    #[must_use]
    pub const fn numbers(&self) -> (u16, u16) {
        self.channel.numbers()
    }

    /// The last sign of life of the peer.
    #[must_use]
    pub const fn last_heard(&self) -> Instant {
        self.heard
    }

    /// When the last control message was sent to the peer; acknowledgements and repetitions count.
    #[must_use]
    pub const fn last_sent(&self) -> Option<Instant> {
        self.sent
    }

    /// What it counted.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many numbers of calls rest that are over.
    #[must_use]
    pub fn resting_calls(&self) -> usize {
        self.calls.resting()
    }

    /// How many calls there are, those that are being set up included.
    #[must_use]
    pub const fn call_count(&self) -> u16 {
        self.calls.live()
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
