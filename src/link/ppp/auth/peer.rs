//! The role that gives proof.

use std::fmt;
use std::time::Instant;

use wanbox_wire::ppp::Packet;
use wanbox_wire::ppp::chap::{Chap, MsChapV2Response};
use wanbox_wire::ppp::pap::Pap;

use crate::secret::same;

use super::digest::{Challenges, authenticator_response, chap_md5, nt_password_hash, nt_response};
use super::{Config, Event, Failure, MAX_NAME, Method, State, Stats, count, take};

/// Who we are, and the secrets that prove it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Our name, at most [`MAX_NAME`] octets.
    pub name: Box<[u8]>,
    /// Secrets for authenticators.
    pub secrets: Vec<PeerSecret>,
}

/// What proves us to an authenticator.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerSecret {
    /// Its name; `None`: whichever has no secret of its own.
    pub authenticator: Option<Box<[u8]>>,
    /// The secret.
    pub secret: Box<[u8]>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(&self.name);
        write!(f, "Credentials {{ name: {name:?} }}")
    }
}

impl Credentials {
    /// One secret for whoever asks.
    #[must_use]
    pub fn new(name: &[u8], secret: &[u8]) -> Self {
        Self {
            name: name.into(),
            secrets: vec![PeerSecret {
                authenticator: None,
                secret: secret.into(),
            }],
        }
    }

    /// The secret for an authenticator; Microsoft's do not say their name.
    fn secret(&self, authenticator: &[u8]) -> Option<&[u8]> {
        let of = |name: Option<&[u8]>| {
            let mut all = self.secrets.iter();
            all.find(|secret| secret.authenticator.as_deref() == name)
        };
        let found = of(Some(authenticator)).or_else(|| of(None))?;
        Some(&found.secret)
    }
}

/// Proves who we are.
#[derive(Debug)]
pub struct Peer {
    method: Method,
    config: Config,
    credentials: Credentials,
    state: State,
    identifier: u8,
    tries: u8,
    deadline: Option<Instant>,
    /// The challenge that was answered last, and the response.
    answered: (Vec<u8>, Vec<u8>),
    /// What the authenticator has to prove itself with (MS-CHAPv2).
    expected: Option<[u8; 42]>,
    told: bool,
    outgoing: Option<Vec<u8>>,
    event: Option<Event>,
    challenges: Challenges,
}

impl Peer {
    /// A peer that has not begun. MS-CHAPv2 takes its challenge from `seed`, which has to be random
    /// and secret.
    pub fn new(method: Method, config: Config, credentials: Credentials, seed: u128) -> Self {
        Self {
            method,
            config,
            credentials,
            state: State::Initial,
            identifier: seed as u8,
            tries: 0,
            deadline: None,
            expected: None,
            told: false,
            outgoing: None,
            event: None,
            challenges: Challenges::new(seed),
            answered: (Vec::new(), Vec::new()),
        }
    }

    /// How we prove ourselves.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The link is there: begins, whatever was before.
    pub fn start(&mut self, now: Instant, stats: &mut Stats) {
        self.tries = 0;
        self.answered = (Vec::new(), Vec::new());
        self.expected = None;
        self.told = false;
        self.outgoing = None;
        self.event = None;
        match self.method {
            Method::Pap => self.send_request(now, stats),
            Method::ChapMd5 | Method::MsChapV2 => {
                self.state = State::Waiting;
                self.deadline = Some(now + self.config.wait);
            }
        }
    }

    fn send_request(&mut self, now: Instant, stats: &mut Stats) {
        let Some(password) = self.credentials.secret(b"") else {
            self.fail(Failure::NoSecret);
            return;
        };
        self.identifier = self.identifier.wrapping_add(1);
        let mut packet = Vec::new();
        Pap::Request {
            peer: &self.credentials.name,
            password,
        }
        .append(self.identifier, &mut packet);
        self.outgoing = Some(packet);
        count(&mut stats.pap.tx_request);
        self.tries = self.tries.saturating_add(1);
        self.state = State::Sent;
        self.deadline = Some(now + self.config.restart);
    }

    /// A packet of the method's protocol came in. `ours` is the challenge that we have sent
    /// ourselves, where both sides have to prove themselves: neither one that comes back is
    /// answered, nor one in our own name.
    /// Packets of the other role are not for us: `false`, and nothing was counted.
    pub fn receive(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        ours: Option<&[u8]>,
        stats: &mut Stats,
    ) -> bool {
        match self.method {
            Method::Pap => match Pap::parse(packet) {
                Ok(Pap::Ack { .. }) => {
                    count(&mut stats.pap.rx_ack);
                    // To whichever of our requests: all say the same.
                    if self.state == State::Sent {
                        self.succeed();
                    }
                }
                Ok(Pap::Nak { .. }) => {
                    count(&mut stats.pap.rx_nak);
                    if self.state == State::Sent {
                        self.fail(Failure::Refused);
                    }
                }
                _ => return false,
            },
            Method::ChapMd5 | Method::MsChapV2 => match Chap::parse(packet) {
                Ok(Chap::Challenge { value, name }) => {
                    count(&mut stats.chap.rx_challenge);
                    self.challenged(now, packet.identifier, value, name, ours, stats);
                }
                Ok(Chap::Success { message }) => {
                    count(&mut stats.chap.rx_success);
                    if self.answers(packet.identifier) {
                        self.accepted(message, stats);
                    }
                }
                Ok(Chap::Failure { .. }) => {
                    count(&mut stats.chap.rx_failure);
                    if self.answers(packet.identifier) {
                        self.fail(Failure::Refused);
                    }
                }
                _ => return false,
            },
        }
        true
    }

    /// A challenge that was answered already.
    fn is_repeated(&self, identifier: u8, value: &[u8]) -> bool {
        matches!(self.state, State::ResponseSent | State::Opened)
            && identifier == self.identifier
            && self.answered.0 == value
    }

    /// An answer with this identifier is one to our response.
    fn answers(&self, identifier: u8) -> bool {
        self.state == State::ResponseSent && identifier == self.identifier
    }

    fn challenged(
        &mut self,
        now: Instant,
        identifier: u8,
        value: &[u8],
        name: &[u8],
        ours: Option<&[u8]>,
        stats: &mut Stats,
    ) {
        if self.state == State::Failed || self.state == State::Initial {
            return;
        }
        if name.len() > MAX_NAME {
            count(&mut stats.chap.too_large);
            return;
        }
        // One of ours that comes back, now or from another link of ours: an answer would be what
        // we ask for ourselves.
        let own_name = !name.is_empty() && *name == *self.credentials.name;
        if ours.is_some_and(|ours| own_name || same(ours, value)) {
            count(&mut stats.chap.bad_secret);
            return;
        }
        if self.is_repeated(identifier, value) {
            // Another response to the same challenge would be another proof than the one that the
            // authenticator has judged perhaps.
            if self.state == State::ResponseSent {
                self.send_response(now, stats);
            } else {
                self.outgoing = Some(self.answered.1.clone());
                count(&mut stats.chap.tx_response);
            }
            return;
        }
        let Some(secret) = self.credentials.secret(name) else {
            count(&mut stats.chap.bad_secret);
            self.fail(Failure::NoSecret);
            return;
        };
        let own = &self.credentials.name;
        let mut packet = Vec::new();
        match self.method {
            Method::MsChapV2 => {
                let Ok(challenge) = <&[u8; 16]>::try_from(value) else {
                    count(&mut stats.chap.too_large);
                    return;
                };
                let peer_challenge = self.challenges.next();
                let hash = nt_password_hash(secret);
                let response = nt_response(challenge, &peer_challenge, own, &hash);
                self.expected = Some(authenticator_response(
                    challenge,
                    &peer_challenge,
                    own,
                    &hash,
                    &response,
                ));
                let value = MsChapV2Response {
                    peer_challenge,
                    nt_response: response,
                };
                Chap::Response {
                    value: &value.emit(),
                    name: own,
                }
                .append(identifier, &mut packet);
            }
            _ => {
                Chap::Response {
                    value: &chap_md5(identifier, secret, value),
                    name: own,
                }
                .append(identifier, &mut packet);
            }
        }
        self.identifier = identifier;
        self.answered = (value.to_vec(), packet);
        self.tries = 0;
        self.state = State::ResponseSent;
        self.send_response(now, stats);
    }

    /// Again and again until it is answered: the authenticator asks no more once it has accepted,
    /// but says so again (RFC 1994 section 4.2).
    fn send_response(&mut self, now: Instant, stats: &mut Stats) {
        self.outgoing = Some(self.answered.1.clone());
        count(&mut stats.chap.tx_response);
        self.tries = self.tries.saturating_add(1);
        self.deadline = Some(now + self.config.restart);
    }

    fn accepted(&mut self, message: &[u8], stats: &mut Stats) {
        if let Some(expected) = &self.expected {
            let proof = message.get(..expected.len()).unwrap_or_default();
            if !same(&proof.to_ascii_uppercase(), expected) {
                count(&mut stats.chap.bad_md5);
                self.fail(Failure::Impostor);
                return;
            }
        }
        self.succeed();
    }

    fn succeed(&mut self) {
        self.state = State::Opened;
        self.deadline = None;
        if !self.told {
            self.told = true;
            self.event = Some(Event::Succeeded);
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Failed;
        self.deadline = None;
        self.event = Some(Event::Failed(failure));
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant, stats: &mut Stats) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.state {
            State::Sent if self.tries < self.config.max_tries => self.send_request(now, stats),
            State::ResponseSent if self.tries < self.config.max_tries => {
                self.send_response(now, stats);
            }
            _ => self.fail(Failure::Silent),
        }
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The next packet to send, written over `packet`; `false` when there is none.
    pub fn poll_transmit(&mut self, packet: &mut Vec<u8>) -> bool {
        take(&mut self.outgoing, packet)
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
    }
}
