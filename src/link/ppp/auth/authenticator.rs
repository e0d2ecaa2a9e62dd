//! The role that demands proof.

use std::time::Instant;

use wanbox_wire::ppp::Packet;
use wanbox_wire::ppp::chap::{Chap, MsChapV2Response};
use wanbox_wire::ppp::pap::Pap;

use super::claim::{Claim, Outcome, Proof, Verdict};
use super::digest::Challenges;
use super::{Config, Event, Failure, MAX_NAME, Method, State, Stats, count, take};

/// The answer that was given, to be given again.
#[derive(Clone, Debug)]
struct Answer {
    identifier: u8,
    accepted: bool,
    message: Box<[u8]>,
}

/// Demands proof from the peer.
#[derive(Debug)]
pub struct Authenticator {
    method: Method,
    config: Config,
    /// Our name, as challenges carry it.
    name: Box<[u8]>,
    state: State,
    identifier: u8,
    challenge: [u8; 16],
    tries: u8,
    deadline: Option<Instant>,
    /// The identifier of the claim that is being judged.
    judging: Option<u8>,
    answer: Option<Answer>,
    /// The name that was accepted.
    accepted: Option<Box<[u8]>>,
    told: bool,
    outgoing: Option<Vec<u8>>,
    event: Option<Event>,
    challenges: Challenges,
}

impl Authenticator {
    /// An authenticator of this name that has not begun. Challenges come from `seed`, which has to
    /// be random and secret: who can tell a challenge beforehand can replay an old answer.
    pub fn new(method: Method, config: Config, name: &[u8], seed: u128) -> Self {
        Self {
            method,
            config,
            name: name.into(),
            state: State::Initial,
            identifier: seed as u8,
            challenge: [0; 16],
            tries: 0,
            deadline: None,
            judging: None,
            answer: None,
            accepted: None,
            told: false,
            outgoing: None,
            event: None,
            challenges: Challenges::new(seed),
        }
    }

    /// How the peer has to prove itself.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Who the peer is, once it has proved it.
    #[must_use]
    pub fn peer_name(&self) -> Option<&[u8]> {
        self.accepted.as_deref()
    }

    /// The challenge that is out: a peer that sends it back wants us to answer it ourselves.
    #[must_use]
    pub fn challenge(&self) -> Option<&[u8]> {
        (self.method != Method::Pap && self.state != State::Initial).then_some(&self.challenge)
    }

    /// The link is there: begins, whatever was before.
    pub fn start(&mut self, now: Instant, stats: &mut Stats) {
        self.tries = 0;
        self.judging = None;
        self.answer = None;
        self.accepted = None;
        self.told = false;
        self.outgoing = None;
        self.event = None;
        match self.method {
            Method::Pap => {
                self.state = State::Waiting;
                self.deadline = Some(now + self.config.wait);
            }
            Method::ChapMd5 | Method::MsChapV2 => self.new_challenge(now, stats),
        }
    }

    /// Takes proof that the peer gave somebody else in our place, in an answer with this
    /// identifier, as if it were the answer to us. `false` when it is not of our method.
    pub fn adopt(&mut self, identifier: u8, claim: Claim) -> bool {
        match (&claim.proof, self.method) {
            (Proof::Pap { .. }, Method::Pap) => {}
            (Proof::ChapMd5 { challenge, .. }, Method::ChapMd5)
            | (Proof::MsChapV2 { challenge, .. }, Method::MsChapV2) => self.challenge = *challenge,
            _ => return false,
        }
        self.identifier = identifier;
        self.judging = Some(identifier);
        self.answer = None;
        self.outgoing = None;
        self.state = State::Waiting;
        self.deadline = None;
        self.event = Some(Event::Claim(claim));
        true
    }

    fn new_challenge(&mut self, now: Instant, stats: &mut Stats) {
        // RFC 1994 section 4.1: each new challenge has another identifier and value.
        self.identifier = self.identifier.wrapping_add(1);
        self.challenge = self.challenges.next();
        self.judging = None;
        self.answer = None;
        self.tries = 0;
        self.state = State::Sent;
        self.send_challenge(now, stats);
    }

    fn send_challenge(&mut self, now: Instant, stats: &mut Stats) {
        let mut packet = Vec::new();
        Chap::Challenge {
            value: &self.challenge,
            name: &self.name,
        }
        .append(self.identifier, &mut packet);
        self.outgoing = Some(packet);
        count(&mut stats.chap.tx_challenge);
        self.tries = self.tries.saturating_add(1);
        self.deadline = Some(now + self.config.restart);
    }

    /// A packet of the method's protocol came in. Packets of the other role are not for us:
    /// `false`, and nothing was counted.
    pub fn receive(&mut self, packet: &Packet<'_>, stats: &mut Stats) -> bool {
        match self.method {
            Method::Pap => match Pap::parse(packet) {
                Ok(Pap::Request { peer, password }) => {
                    count(&mut stats.pap.rx_request);
                    self.request(packet.identifier, peer, password, stats);
                    true
                }
                _ => false,
            },
            Method::ChapMd5 | Method::MsChapV2 => match Chap::parse(packet) {
                Ok(Chap::Response { value, name }) => {
                    count(&mut stats.chap.rx_response);
                    self.response(packet.identifier, value, name, stats);
                    true
                }
                _ => false,
            },
        }
    }

    fn request(&mut self, identifier: u8, peer: &[u8], password: &[u8], stats: &mut Stats) {
        if self.answer.is_some() {
            // RFC 1334 section 2.2.1: the answer got lost; the same is given again.
            self.send_answer(identifier, stats);
            return;
        }
        if self.state != State::Waiting {
            return;
        }
        // A repetition while the first is being judged is answered once.
        let repeated = self.judging.replace(identifier).is_some();
        if repeated {
            return;
        }
        self.deadline = None;
        self.event = Some(Event::Claim(Claim {
            name: peer.into(),
            proof: Proof::Pap {
                password: password.into(),
            },
        }));
    }

    fn response(&mut self, identifier: u8, value: &[u8], name: &[u8], stats: &mut Stats) {
        if let Some(answer) = &self.answer
            && answer.identifier == identifier
        {
            // RFC 1994 section 4.1: the same answer, whatever the response is now.
            self.send_answer(identifier, stats);
            return;
        }
        if identifier != self.identifier || self.state == State::Initial {
            count(&mut stats.chap.bad_response);
            return;
        }
        if self.judging.is_some() || self.state != State::Sent {
            return;
        }
        if name.len() > MAX_NAME {
            count(&mut stats.chap.too_large);
            return;
        }
        let proof = match self.method {
            Method::ChapMd5 => value.try_into().ok().map(|response| Proof::ChapMd5 {
                identifier,
                challenge: self.challenge,
                response,
            }),
            _ => MsChapV2Response::parse(value)
                .ok()
                .map(|response| Proof::MsChapV2 {
                    identifier,
                    challenge: self.challenge,
                    peer_challenge: response.peer_challenge,
                    response: response.nt_response,
                }),
        };
        let Some(proof) = proof else {
            count(&mut stats.chap.bad_response);
            return;
        };
        self.judging = Some(identifier);
        self.state = State::Waiting;
        self.deadline = None;
        self.event = Some(Event::Claim(Claim {
            name: name.into(),
            proof,
        }));
    }

    /// The owner's judgement of the claim that it was given. Without a claim nothing happens.
    pub fn judge(&mut self, now: Instant, claim: &Claim, verdict: Verdict, stats: &mut Stats) {
        let Some(identifier) = self.judging.take() else {
            return;
        };
        let accepted = verdict.outcome == Outcome::Accepted;
        let pap = self.method == Method::Pap;
        match verdict.outcome {
            Outcome::UnknownPeer if pap => count(&mut stats.pap.bad_peer),
            Outcome::UnknownPeer => count(&mut stats.chap.bad_peer),
            Outcome::WrongSecret if pap => count(&mut stats.pap.bad_password),
            Outcome::WrongSecret => count(&mut stats.chap.bad_md5),
            Outcome::Accepted | Outcome::Refused => {}
        }
        let message = match verdict.message {
            Some(message) => message,
            None if accepted => b"Access granted".as_slice().into(),
            None if self.method == Method::MsChapV2 => self.mschap_failure(),
            None => b"Access denied".as_slice().into(),
        };
        self.answer = Some(Answer {
            identifier,
            accepted,
            message,
        });
        self.send_answer(identifier, stats);
        if accepted {
            self.state = State::Opened;
            self.deadline = match self.method {
                Method::Pap => None,
                _ => self.config.rechallenge.map(|after| now + after),
            };
            self.accepted = Some(claim.name.clone());
            if !self.told {
                self.told = true;
                self.event = Some(Event::Succeeded);
            }
        } else {
            self.fail(Failure::Refused);
        }
    }

    /// RFC 2759 section 6: error 691 is a wrong name or password; R=0: no second try.
    fn mschap_failure(&self) -> Box<[u8]> {
        let mut text = b"E=691 R=0 C=".to_vec();
        for octet in self.challenge {
            text.extend_from_slice(format!("{octet:02X}").as_bytes());
        }
        text.extend_from_slice(b" V=3 M=Access denied");
        text.into_boxed_slice()
    }

    fn send_answer(&mut self, identifier: u8, stats: &mut Stats) {
        let Some(answer) = &self.answer else {
            return;
        };
        let message = &answer.message;
        let mut packet = Vec::new();
        let counter = match (self.method, answer.accepted) {
            (Method::Pap, true) => {
                Pap::Ack { message }.append(identifier, &mut packet);
                &mut stats.pap.tx_ack
            }
            (Method::Pap, false) => {
                Pap::Nak { message }.append(identifier, &mut packet);
                &mut stats.pap.tx_nak
            }
            (_, true) => {
                Chap::Success { message }.append(identifier, &mut packet);
                &mut stats.chap.tx_success
            }
            (_, false) => {
                Chap::Failure { message }.append(identifier, &mut packet);
                &mut stats.chap.tx_failure
            }
        };
        count(counter);
        self.outgoing = Some(packet);
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
            State::Sent if self.tries < self.config.max_tries => self.send_challenge(now, stats),
            State::Opened => self.new_challenge(now, stats),
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
