//! The control connection itself (RFC 2661 sections 5.1 and 7.2), and what a message is about.

use std::time::{Duration, Instant};

use wanbox_link::secret::same;
use wanbox_wire::l2tp::{Avp, Avps, MessageType, error, stop_result};

use super::event::{By, Event, Reason};
use super::hiding::response;
use super::reading::Reading;
use super::stats::count;
use super::{Authentication, MAX_NAME, State, Tunnel};

/// Version 1, revision 0.
pub(super) const PROTOCOL_VERSION: u16 = 0x0100;
/// Synchronous and asynchronous framing.
const FRAMING: u32 = 3;
/// For how long what a peer repeats after its StopCCN is answered: a full cycle of
/// retransmission (section 5.7).
const LINGER: Duration = Duration::from_secs(31);
/// Messages that may wait for a peer before it gets no answers to further requests for calls.
const MAX_BACKLOG: usize = 256;

impl Tunnel {
    /// A peer that does not acknowledge the answers to its requests makes no more of them.
    pub(super) fn must_put_off(&self, message: &[u8]) -> bool {
        self.channel.backlog() >= MAX_BACKLOG
            && Avps::new(message)
                .message_type()
                .is_some_and(|(kind, _)| matches!(kind, MessageType::ICRQ | MessageType::OCRQ))
    }

    /// A message came in its turn.
    pub(super) fn understand(&mut self, now: Instant, session: u16, message: &[u8]) {
        if matches!(self.state, State::Closing | State::Lingering | State::Dead) {
            self.after_the_end(now, message);
            return;
        }
        let config = std::sync::Arc::clone(&self.config);
        let Some(reading) = Reading::new(message, config.secret.as_deref(), &mut self.stats) else {
            count(&mut self.stats.malformed);
            return;
        };
        if reading.fault.is_some() {
            count(&mut self.stats.bad_avp);
        }
        let kind = reading.kind;
        if kind == MessageType::STOP_CCN {
            self.stopped(now, &reading);
            return;
        }
        if kind.is_of_a_call() {
            if self.state == State::Established {
                self.call_message(now, session, &reading);
            } else {
                count(&mut self.stats.out_of_state);
                let reason = Reason::error(error::NO_CONNECTION, "no control connection yet");
                self.end(now, By::Us, reason);
            }
            return;
        }
        if let Some(fault) = reading.fault {
            self.learn_peer(&reading);
            self.end(now, By::Us, fault.reason());
            return;
        }
        match (kind, self.state) {
            (MessageType::SCCRQ, State::WaitConnect) if self.number == 0 => {
                self.requested(now, &reading);
            }
            (MessageType::SCCRP, State::WaitReply) => self.replied(now, &reading),
            (MessageType::SCCCN, State::WaitConnect) if self.number != 0 => {
                self.connected(now, &reading);
            }
            (MessageType::HELLO, _) => {}
            (MessageType::SCCRQ | MessageType::SCCRP | MessageType::SCCCN, _) => {
                count(&mut self.stats.out_of_state);
                self.end(now, By::Us, Reason::result(stop_result::STATE_MACHINE));
            }
            _ if reading.mandatory => {
                let reason = Reason::error(error::UNKNOWN_MANDATORY, "unknown message type");
                self.end(now, By::Us, reason);
            }
            _ => count(&mut self.stats.unknown_message),
        }
    }

    /// Messages of a tunnel that is over are acknowledged; of them only StopCCN matters.
    fn after_the_end(&mut self, now: Instant, message: &[u8]) {
        let kind = Avps::new(message).message_type();
        if self.state == State::Closing
            && kind.is_some_and(|(kind, _)| kind == MessageType::STOP_CCN)
        {
            // Both ended it at the same time.
            self.channel.forget();
            self.linger(now);
        }
    }

    /// Asks for a tunnel.
    pub(super) fn send_request(&mut self) {
        let config = std::sync::Arc::clone(&self.config);
        let asks = config.secret.is_some() && config.authentication != Authentication::Answer;
        let challenge = asks.then(|| Box::new(self.random.block()));
        let mut avps = self.introduction(MessageType::SCCRQ);
        let name = config.host_name(self.socket);
        avps.extend([
            Avp::HostName(name),
            Avp::VendorName(&config.vendor),
            Avp::AssignedTunnel(self.id.0),
            Avp::ReceiveWindow(config.receive_window),
        ]);
        if config.tie_breaker {
            self.tie_breaker =
                u64::from_be_bytes(*self.random.block().first_chunk().unwrap_or(&[0; 8]));
            avps.push(Avp::TieBreaker(self.tie_breaker));
        }
        if let Some(challenge) = &challenge {
            avps.push(Avp::Challenge(&challenge[..]));
        }
        self.send(0, &avps);
        self.challenge = challenge;
    }

    /// What SCCRQ and SCCRP begin with.
    fn introduction(&self, kind: MessageType) -> Vec<Avp<'static>> {
        vec![
            Avp::MessageType(kind),
            Avp::ProtocolVersion(PROTOCOL_VERSION),
            Avp::FramingCapabilities(FRAMING),
        ]
    }

    /// SCCRQ: the peer asks for the tunnel.
    fn requested(&mut self, now: Instant, reading: &Reading<'_>) {
        self.learn_peer(reading);
        if self.number == 0 {
            count(&mut self.stats.malformed);
            self.state = State::Dead;
            return;
        }
        if !self.version_fits(now, reading) {
            return;
        }
        let config = std::sync::Arc::clone(&self.config);
        let proof = self.proof(reading, MessageType::SCCRP);
        let asks = match config.authentication {
            Authentication::Answer => false,
            Authentication::Mutual => proof.is_some(),
            Authentication::Require => config.secret.is_some(),
        };
        let challenge = asks.then(|| Box::new(self.random.block()));
        let mut avps = self.introduction(MessageType::SCCRP);
        avps.push(Avp::HostName(config.host_name(self.socket)));
        avps.push(Avp::VendorName(&config.vendor));
        avps.extend(proof.map(Avp::ChallengeResponse));
        avps.push(Avp::AssignedTunnel(self.id.0));
        avps.push(Avp::ReceiveWindow(config.receive_window));
        if let Some(challenge) = &challenge {
            avps.push(Avp::Challenge(&challenge[..]));
        }
        self.send(0, &avps);
        self.challenge = challenge;
    }

    /// SCCRP: the peer agrees.
    fn replied(&mut self, now: Instant, reading: &Reading<'_>) {
        self.learn_peer(reading);
        if self.number == 0 {
            count(&mut self.stats.malformed);
            self.end(
                now,
                By::Us,
                Reason::error(error::RANGE, "no Assigned Tunnel ID"),
            );
            return;
        }
        if !self.version_fits(now, reading) || !self.is_proved(now, reading, MessageType::SCCRP) {
            return;
        }
        let mut avps = vec![Avp::MessageType(MessageType::SCCCN)];
        avps.extend(
            self.proof(reading, MessageType::SCCCN)
                .map(Avp::ChallengeResponse),
        );
        self.send(0, &avps);
        self.up();
    }

    /// SCCCN: the tunnel stands.
    fn connected(&mut self, now: Instant, reading: &Reading<'_>) {
        if self.is_proved(now, reading, MessageType::SCCCN) {
            self.up();
        }
    }

    fn up(&mut self) {
        self.state = State::Established;
        self.until = None;
        self.events.push_back(Event::Up);
    }

    /// What a peer says of itself.
    fn learn_peer(&mut self, reading: &Reading<'_>) {
        if let Some(number) = reading.assigned_tunnel() {
            self.number = number;
        }
        let cut = |name: &[u8]| Box::from(name.get(..MAX_NAME).unwrap_or(name));
        for avp in reading.avps() {
            match avp {
                Avp::HostName(name) => self.peer.host_name = cut(name),
                Avp::VendorName(name) => self.peer.vendor = cut(name),
                Avp::FirmwareRevision(number) => self.peer.firmware = Some(number),
                Avp::FramingCapabilities(bits) => self.peer.framing = bits,
                Avp::BearerCapabilities(bits) => self.peer.bearer = bits,
                Avp::ReceiveWindow(window) => {
                    self.peer.window = Some(window);
                    self.channel.set_window(window);
                }
                _ => {}
            }
        }
    }

    /// Ends the tunnel when the peer has another version of the protocol.
    fn version_fits(&mut self, now: Instant, reading: &Reading<'_>) -> bool {
        let fits = fits(reading);
        if !fits {
            self.end(now, By::Us, other_version());
        }
        fits
    }

    /// Our answer to the peer's challenge.
    fn proof(&self, reading: &Reading<'_>, message: MessageType) -> Option<[u8; 16]> {
        let secret = self.config.secret.as_deref()?;
        let challenge = reading.find(|avp| match avp {
            Avp::Challenge(challenge) => Some(challenge),
            _ => None,
        })?;
        Some(response(message, secret, challenge))
    }

    /// Ends the tunnel when the peer's answer to our challenge is wrong, or missing.
    fn is_proved(&mut self, now: Instant, reading: &Reading<'_>, message: MessageType) -> bool {
        let (Some(challenge), Some(secret)) = (self.challenge.take(), &self.config.secret) else {
            return true;
        };
        let expected = response(message, secret, &challenge[..]);
        let given = reading.find(|avp| match avp {
            Avp::ChallengeResponse(response) => Some(response),
            _ => None,
        });
        self.peer.proved = given.is_some_and(|given| same(&given, &expected));
        if !self.peer.proved {
            count(&mut self.stats.bad_proof);
            self.end(now, By::Us, Reason::result(stop_result::NOT_AUTHORIZED));
        }
        self.peer.proved
    }

    /// StopCCN: the peer ends the tunnel.
    fn stopped(&mut self, now: Instant, reading: &Reading<'_>) {
        self.falling = Some((By::Peer, reading.reason()));
        if self.number == 0
            && let Some(number) = reading.assigned_tunnel()
        {
            self.number = number;
        }
        self.channel.forget();
        self.linger(now);
    }

    fn linger(&mut self, now: Instant) {
        self.state = State::Lingering;
        self.until = Some(now + LINGER);
    }

    /// Ends the tunnel: all calls with it. The owner is not told.
    pub fn close(&mut self, now: Instant, reason: Reason) {
        if matches!(self.state, State::Closing | State::Lingering | State::Dead) {
            return;
        }
        self.calls.clear();
        self.stop(now, &reason);
    }

    /// Ends the tunnel and tells the owner.
    pub(super) fn end(&mut self, now: Instant, by: By, reason: Reason) {
        self.stop(now, &reason);
        self.falling = Some((by, reason));
    }

    fn stop(&mut self, now: Instant, reason: &Reason) {
        self.channel.forget_unsent();
        self.send(
            0,
            &[
                Avp::MessageType(MessageType::STOP_CCN),
                reason.avp(),
                Avp::AssignedTunnel(self.id.0),
            ],
        );
        self.state = State::Closing;
        self.until = None;
        self.heard = now;
    }

    /// The tunnel is gone without a word. Of one that never stood and was not our wish the owner
    /// does not know.
    pub(super) fn lost(&mut self, by: By) {
        if matches!(self.state, State::WaitReply | State::Established) {
            self.falling = Some((by, Reason::result(stop_result::GENERAL)));
        }
        self.state = State::Dead;
        self.until = None;
    }

    pub(super) fn set_up_or_linger_ended(&mut self, now: Instant) {
        match self.state {
            State::WaitReply => {
                let reason = Reason::result(stop_result::GENERAL);
                self.end(now, By::Silence, reason);
            }
            // Without a word: the request may have been an old one that went astray, and what
            // we say to that number would reach the tunnel that came of it.
            State::WaitConnect => self.lost(By::Silence),
            State::Lingering => self.state = State::Dead,
            State::Established | State::Closing | State::Dead => {}
        }
    }

    /// When the peer is asked for a sign of life.
    pub(super) fn hello_due(&self) -> Option<Instant> {
        let quiet = self.state == State::Established && self.channel.backlog() == 0;
        let interval = self.config.hello.filter(|_| quiet)?;
        Some(self.heard + interval)
    }

    pub(super) fn send_hello(&mut self) {
        self.send(0, &[Avp::MessageType(MessageType::HELLO)]);
    }
}

/// Whether the version of the protocol in an SCCRQ or SCCRP is ours. Some peers say 0.
pub(super) fn fits(reading: &Reading<'_>) -> bool {
    reading
        .find(|avp| match avp {
            Avp::ProtocolVersion(version) => Some(version),
            _ => None,
        })
        .is_none_or(|version| version == PROTOCOL_VERSION || version == 0)
}

/// What a peer of another version is told.
pub(super) fn other_version() -> Reason {
    Reason {
        result: stop_result::VERSION,
        error: Some(PROTOCOL_VERSION),
        text: Box::default(),
    }
}
