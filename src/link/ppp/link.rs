//! One link: its phases (RFC 1661 section 3), LCP and what LCP alone does.

use std::sync::Arc;
use std::time::Instant;

use wanbox_wire::ppp::{Code, Frame, FrameRepr, HEADER, Packet, Protocol, Writer};

use super::auth::{self, Failure};
use super::automaton::{Actions, Event as Signal, State};
use super::event::{Cause, Event, Header, Phase, Refusal};
use super::layer::{self, Context, Layer};
use super::lcp::{Lcp, Negotiated};
use super::profile::Profile;
use super::proof::{Proof, Role};
use super::queue::{Outbox, Queue};
use super::stats::{LinkStats, count};
use crate::random::SplitMix64;

mod authentication;
mod echo;
mod proxy;

pub use proxy::Proxied;

/// What a received frame was, as far as the link is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'f> {
    /// The link's own, or dropped and counted.
    Consumed,
    /// Of a network layer, in the network phase: for [`Network`](super::Network), or a fragment
    /// for the bundle. [`Link::reject`] answers a protocol that nobody knows.
    Network {
        /// What the information field is.
        protocol: Protocol,
        /// The information field and perhaps padding.
        information: &'f [u8],
    },
    /// The peer does not know this network protocol.
    Rejected(Protocol),
}

/// The state of a link for people and monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// The phase.
    pub phase: Phase,
    /// LCP's state.
    pub lcp: State,
    /// What we asked for and the peer acknowledged.
    pub local: Negotiated,
    /// What the peer asked for and we acknowledged.
    pub peer: Negotiated,
    /// Why the link went down last.
    pub last_cause: Option<Cause>,
    /// The same as the bits of [`Cause::bits`], with what else was noted about it.
    pub cause_bits: u16,
    /// Echo-Requests that wait for an answer.
    pub echoes_pending: u8,
    /// How the peer proves who it is, when it has to.
    pub demanding: Option<Role>,
    /// How we prove who we are, when we have to.
    pub giving: Option<Role>,
}

/// LCP over one line, with the phases of the link.
#[derive(Debug)]
pub struct Link {
    profile: Arc<Profile>,
    lcp: Lcp,
    random: SplitMix64,
    /// What makes challenges impossible to tell beforehand; `random` is no secret.
    secret: u64,
    out: Outbox,
    events: Queue<Event>,
    stats: Option<Box<LinkStats>>,
    /// The engines of authentication, while they have work.
    proof: Option<Box<Proof>>,
    /// How they ended.
    proved: [Option<Role>; 2],
    peer_name: Option<Box<[u8]>>,
    /// The next Echo-Request is due.
    echo: Option<Instant>,
    /// The end of the hold-down while `resting`, else of the patience with this attempt.
    until: Option<Instant>,
    phase: Phase,
    carrier: bool,
    /// The owner wants the link.
    wanted: bool,
    /// Held down after it ended.
    resting: bool,
    /// An attempt is under way, or the link is up: its end will be told.
    trying: bool,
    /// The peer does not know Echo-Requests.
    no_echo: bool,
    echoes_pending: u8,
    /// Why it is going down.
    cause: Option<Cause>,
    last_cause: Option<Cause>,
}

impl Link {
    /// A link without carrier that nobody wants yet. `seed` makes its magic numbers and its
    /// challenges, for which it must be random and secret.
    #[must_use]
    pub fn new(profile: Arc<Profile>, seed: u128) -> Self {
        Self {
            stats: profile.statistics.then(Box::default),
            profile,
            lcp: Lcp::default(),
            random: SplitMix64::new(seed as u64),
            secret: (seed >> 64) as u64,
            proof: None,
            proved: [None; 2],
            peer_name: None,
            out: Outbox::default(),
            events: Queue::default(),
            echo: None,
            until: None,
            phase: Phase::Dead,
            carrier: false,
            wanted: false,
            resting: false,
            trying: false,
            no_echo: false,
            echoes_pending: 0,
            cause: None,
            last_cause: None,
        }
    }

    /// The line got or lost its carrier.
    pub fn carrier(&mut self, now: Instant, up: bool) {
        if self.carrier == up {
            return;
        }
        self.carrier = up;
        if up {
            self.wake(now);
            return;
        }
        self.resting = false;
        self.until = None;
        self.out.clear();
        self.cause = Some(Cause::Carrier);
        self.signal(now, Signal::Down);
        self.phase = Phase::Dead;
        self.end(Cause::Carrier);
    }

    /// The owner wants the link. On a link that ended, or is held down, negotiation begins anew
    /// at once.
    pub fn open(&mut self, now: Instant) {
        self.wanted = true;
        if matches!(
            self.lcp.core().state(),
            State::Stopped | State::Closing | State::Stopping
        ) {
            // The restart option (RFC 1661 section 4.3).
            self.signal(now, Signal::Down);
        }
        if !self.lcp.core().state().is_negotiating() && !self.lcp.core().is_opened() {
            self.wake(now);
        }
    }

    /// The owner does not want the link any more: the peer is told, and
    /// [`Event::Finished`] follows.
    pub fn close(&mut self, now: Instant) {
        self.wanted = false;
        self.resting = false;
        self.fail(now, Cause::Local);
    }

    /// Ends an attempt or an open link for a reason that the owner knows. When the link is
    /// wanted, it is tried again after the hold-down.
    pub fn fail(&mut self, now: Instant, cause: Cause) {
        if !self.resting {
            self.until = None;
        }
        self.cause = Some(cause);
        self.signal(now, Signal::Close);
        if self.lcp.state() == State::Closing {
            self.phase = Phase::Terminate;
        }
        self.end(cause);
    }

    /// Another profile. It holds from the next negotiation on, whoever begins that.
    pub fn set_profile(&mut self, profile: Arc<Profile>) {
        self.profile = profile;
    }

    /// The peer was heard at this time, though not by the link: its user data passes elsewhere.
    /// With `postpone`, the next Echo-Request is due when it was silent for the interval.
    pub fn heard(&mut self, at: Instant, postpone: bool) {
        if let (Some(echo), Some(interval)) = (&mut self.echo, self.profile.lcp.echo_interval)
            && at + interval > *echo
        {
            // Later than the last Echo-Request.
            self.echoes_pending = 0;
            if postpone {
                *echo = at + interval;
            }
        }
    }

    /// A frame came in, without flags and FCS.
    pub fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Received<'f> {
        if self.lcp.core().state() < State::Closed {
            self.count(|stats| &mut stats.while_down);
            return Received::Consumed;
        }
        let Ok(frame) = Frame::parse(frame) else {
            self.count(|stats| &mut stats.bad_header);
            return Received::Consumed;
        };
        let protocol = frame.protocol;
        match protocol {
            Protocol::LCP => {
                self.count(|stats| &mut stats.lcp_frames.received);
                match Packet::parse(frame.information) {
                    Ok(packet) => return self.receive_lcp(now, &packet),
                    Err(_) => self.count(|stats| &mut stats.lcp.malformed),
                }
            }
            _ if protocol.is_network() => {
                if self.phase == Phase::Network {
                    return Received::Network {
                        protocol,
                        information: frame.information,
                    };
                }
                self.count(|stats| &mut stats.out_of_phase);
            }
            Protocol::PAP | Protocol::CHAP => {
                self.receive_proof(now, protocol, frame.information);
            }
            _ => {
                if protocol == Protocol::LQR {
                    self.count(|stats| &mut stats.quality_frames);
                }
                self.reject(protocol, frame.information);
            }
        }
        Received::Consumed
    }

    fn receive_lcp<'f>(&mut self, now: Instant, packet: &Packet<'_>) -> Received<'f> {
        let opened = self.lcp.core().is_opened();
        match Code::from(packet.code) {
            Code::ProtocolReject => {
                self.count(|stats| &mut stats.protocol_reject.received);
                if let (true, Some(&number)) = (opened, packet.data.first_chunk()) {
                    return self.protocol_rejected(now, Protocol(u16::from_be_bytes(number)));
                }
            }
            code @ (Code::EchoRequest | Code::EchoReply | Code::DiscardRequest) => {
                self.receive_echo(now, code, packet);
            }
            Code::Identification | Code::TimeRemaining => {
                self.count(|stats| &mut stats.identification);
            }
            code => {
                let before = self.lcp.core().state();
                let loops = self.lcp.loops();
                match code {
                    Code::TerminateRequest if opened => self.cause = Some(Cause::Peer),
                    Code::CodeReject => match packet.data.first() {
                        Some(1..=7) if before > State::Stopped => {
                            self.cause = Some(Cause::Rejected);
                        }
                        Some(9 | 10) => self.no_echo = true,
                        _ => {}
                    },
                    _ => {}
                }
                let actions =
                    self.with_lcp(now, |lcp, context| layer::receive(lcp, context, packet));
                if self.lcp.loops() > loops {
                    self.count(|stats| &mut stats.loopback.configure_request);
                }
                if before == State::Stopped && self.lcp.core().state().is_negotiating() {
                    self.begin(now);
                }
                self.settle(now, actions);
            }
        }
        Received::Consumed
    }

    /// RFC 1661 section 5.7.
    fn protocol_rejected<'f>(&mut self, now: Instant, protocol: Protocol) -> Received<'f> {
        if protocol.is_network() {
            self.signal(now, Signal::RxjPlus);
            return Received::Rejected(protocol);
        }
        if protocol == Protocol::LCP {
            self.cause = Some(Cause::Rejected);
            self.signal(now, Signal::RxjMinus);
        } else if self.proof.as_ref().is_some_and(|p| p.uses(protocol)) {
            self.fail(now, Cause::Authentication(Failure::Refused));
        }
        Received::Consumed
    }

    /// Tells the peer that nobody here knows this protocol (RFC 1661 section 5.7), when LCP is
    /// open.
    pub fn reject(&mut self, protocol: Protocol, information: &[u8]) {
        self.count(|stats| &mut stats.unknown_protocol);
        if !self.lcp.core().is_opened() {
            return;
        }
        self.count(|stats| &mut stats.protocol_reject.sent);
        let identifier = self.lcp.core().next_identifier();
        let room = usize::from(self.lcp.peer().mru).saturating_sub(HEADER + 2);
        let mut packet = Vec::new();
        let mut writer = Writer::new(&mut packet, Code::ProtocolReject.into(), identifier);
        writer.data(&protocol.0.to_be_bytes());
        writer.data(information.get(..room).unwrap_or(information));
        if writer.finish().is_ok() {
            self.out.push((Protocol::LCP, packet.into_boxed_slice()));
        }
    }

    /// The octets to put before an information field of this length. LCP's framing, and the
    /// peer's wishes for compressing it, are obeyed; data pass in the network phase only.
    ///
    /// # Errors
    /// [`Refusal::LinkDown`] and [`Refusal::TooLong`], counted.
    pub fn encapsulate(&mut self, protocol: Protocol, octets: usize) -> Result<Header, Refusal> {
        if self.phase != Phase::Network {
            self.count(|stats| &mut stats.refused_down);
            return Err(Refusal::LinkDown);
        }
        let limit = usize::from(self.lcp.peer().mru);
        if octets > limit {
            self.count(|stats| &mut stats.refused_long);
            return Err(Refusal::TooLong { limit });
        }
        Ok(self.framing(protocol).into())
    }

    /// The header of a frame with this protocol as the peer wants it now.
    #[must_use]
    pub fn framing(&self, protocol: Protocol) -> FrameRepr {
        let peer = self.lcp.peer();
        FrameRepr {
            protocol,
            acfc: peer.acfc,
            pfc: peer.pfc,
        }
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let actions = self.with_lcp(now, layer::handle_timeout);
        self.settle(now, actions);
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            if self.resting {
                self.wake(now);
            } else {
                self.fail(now, Cause::ConnectTimeout);
            }
        }
        if self
            .proof
            .as_ref()
            .and_then(|proof| proof.poll_timeout())
            .is_some_and(|at| at <= now)
        {
            self.with_proof(|proof, stats| proof.handle_timeout(now, stats));
            self.settle_proof(now);
        }
        if self.echo.is_some_and(|echo| echo <= now) {
            self.send_echo(now);
        }
    }

    /// When to call [`Link::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let proof = self.proof.as_ref().and_then(|proof| proof.poll_timeout());
        [self.lcp.deadline(), self.until, self.echo, proof]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next control frame to send, written over `frame`; `false` when there is none.
    pub fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        let Some((protocol, packet)) = self.out.pop() else {
            return false;
        };
        self.count(|stats| match protocol {
            Protocol::PAP => &mut stats.pap_frames.sent,
            Protocol::CHAP => &mut stats.chap_frames.sent,
            _ => &mut stats.lcp_frames.sent,
        });
        frame.clear();
        self.framing(protocol).append(frame);
        frame.extend_from_slice(&packet);
        true
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// The phase.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What we asked for and the peer acknowledged: what it may send us.
    #[must_use]
    pub fn local(&self) -> Negotiated {
        self.lcp.local()
    }

    /// What the peer asked for and we acknowledged: what we may send it.
    #[must_use]
    pub const fn peer(&self) -> &Negotiated {
        self.lcp.peer()
    }

    /// Who the peer says it is (Endpoint-Discriminator): a class, then an address.
    #[must_use]
    pub fn peer_endpoint(&self) -> Option<&[u8]> {
        self.lcp.peer_endpoint()
    }

    /// Who the peer has proved to be; kept until another proof begins.
    #[must_use]
    pub fn peer_name(&self) -> Option<&[u8]> {
        self.peer_name.as_deref()
    }

    /// The state for people and monitors.
    #[must_use]
    pub fn view(&self) -> LinkView {
        LinkView {
            phase: self.phase,
            lcp: self.lcp.state(),
            local: self.lcp.local(),
            peer: *self.lcp.peer(),
            last_cause: self.last_cause,
            cause_bits: self.last_cause.map_or(0, Cause::bits) | self.lcp.noted(),
            echoes_pending: self.echoes_pending,
            demanding: self.proved[0],
            giving: self.proved[1],
        }
    }

    /// What was counted; `None` when the profile wants no statistics.
    #[must_use]
    pub fn stats(&self) -> Option<&LinkStats> {
        self.stats.as_deref()
    }

    /// Control packets and events that the owner did not take in time.
    #[must_use]
    pub const fn overflowed(&self) -> u32 {
        self.out.lost().wrapping_add(self.events.lost())
    }

    /// Octets on the heap, without the shared profile and what passes by: waiting packets and
    /// events, and authentication under way.
    #[must_use]
    pub fn heap(&self) -> usize {
        self.out.heap()
            + self.events.heap()
            + self.lcp.peer_endpoint().map_or(0, size_of_val)
            + self.peer_name.as_deref().map_or(0, size_of_val)
            + self.stats.as_deref().map_or(0, size_of_val)
            + self.proof.as_deref().map_or(0, size_of_val)
    }

    /// The same, to set some of them to 0.
    pub fn stats_mut(&mut self) -> Option<&mut LinkStats> {
        self.stats.as_deref_mut()
    }

    /// Sets all counters to 0.
    pub fn reset_stats(&mut self) {
        if let Some(stats) = &mut self.stats {
            **stats = LinkStats::default();
        }
    }

    /// The profile that it was made with.
    #[must_use]
    pub const fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    fn count(&mut self, counter: impl FnOnce(&mut LinkStats) -> &mut u32) {
        if let Some(stats) = &mut self.stats {
            count(counter(stats));
        }
    }

    fn with_lcp<R>(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut Lcp, &mut Context<'_>) -> R,
    ) -> R {
        let peer_mru = self.lcp.peer().mru;
        let mut context = Context {
            now,
            profile: &self.profile,
            limits: &self.profile.limits,
            random: &mut self.random,
            out: &mut self.out,
            stats: self.stats.as_deref_mut().map(|stats| &mut stats.lcp),
            peer_mru,
        };
        work(&mut self.lcp, &mut context)
    }

    fn signal(&mut self, now: Instant, event: Signal) {
        let actions = self.with_lcp(now, |lcp, context| layer::signal(lcp, context, event));
        self.settle(now, actions);
    }

    /// Begins an attempt, when the link is wanted and the line is there.
    fn wake(&mut self, now: Instant) {
        self.resting = false;
        self.until = None;
        if self.wanted {
            if self.carrier {
                self.begin(now);
            }
            self.signal(now, Signal::Open);
        }
        if self.carrier {
            self.signal(now, Signal::Up);
        }
    }

    fn begin(&mut self, now: Instant) {
        self.trying = true;
        self.cause = None;
        self.lcp.begin();
        self.establish(now);
    }

    fn establish(&mut self, now: Instant) {
        self.phase = Phase::Establish;
        self.until = self.profile.connect_timeout.map(|timeout| now + timeout);
    }

    /// Tells the end of an attempt, once.
    fn end(&mut self, cause: Cause) {
        if self.trying {
            self.trying = false;
            self.last_cause = Some(cause);
            self.events.push(Event::LinkDown(cause));
        }
    }

    /// Follows LCP's automaton into the phases.
    fn settle(&mut self, now: Instant, actions: Actions) {
        if actions.contains(Actions::TLD) {
            self.layer_down(now);
        }
        if actions.contains(Actions::TLU) {
            self.layer_up(now);
        }
        if actions.contains(Actions::TLF) {
            self.layer_finished(now);
        }
        if let Some(cause) = self.lcp.take_failure() {
            self.fail(now, cause);
        }
    }

    fn layer_up(&mut self, now: Instant) {
        self.cause = None;
        self.no_echo = false;
        self.echoes_pending = 0;
        self.echo = self
            .profile
            .lcp
            .echo_interval
            .map(|interval| now + interval);
        self.count(|stats| &mut stats.ups);
        self.events.push(Event::LcpUp);
        let mut seed = || u128::from(self.secret) << 64 | u128::from(self.random.next_u64());
        let seeds = [seed(), seed()];
        let demanded = self.lcp.local().authentication;
        let required = self.lcp.peer().authentication;
        self.peer_name = None;
        self.proved = [None; 2];
        self.proof = Proof::new(&self.profile, demanded, required, seeds).map(Box::new);
        if self.proof.is_some() {
            self.phase = Phase::Authenticate;
            self.with_proof(|proof, stats| proof.start(now, stats));
            self.settle_proof(now);
        } else {
            self.until = None;
            self.phase = Phase::Network;
            self.events.push(Event::LinkUp);
        }
    }

    fn layer_down(&mut self, now: Instant) {
        self.echo = None;
        self.proof = None;
        for role in &mut self.proved {
            *role = role.filter(|role| role.state == auth::State::Failed);
        }
        match self.cause {
            None => {
                self.last_cause = Some(Cause::Renegotiation);
                self.events.push(Event::LinkDown(Cause::Renegotiation));
                self.establish(now);
            }
            Some(cause) => {
                self.until = None;
                self.phase = Phase::Terminate;
                self.end(cause);
            }
        }
    }

    fn layer_finished(&mut self, now: Instant) {
        self.end(self.cause.unwrap_or(Cause::NoAnswer));
        self.until = None;
        self.phase = Phase::Dead;
        self.events.push(Event::Finished);
        if self.wanted
            && self.carrier
            && let Some(time) = self.profile.hold_down
        {
            self.resting = true;
            self.until = Some(now + time);
            self.signal(now, Signal::Down);
        }
    }
}
