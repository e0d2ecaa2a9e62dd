//! The authentication phase of a link (RFC 1661 section 3.5).

use std::time::Instant;

use wanbox_wire::ppp::{Packet, Protocol};

use super::Link;
use crate::ppp::auth::{self, Claim, Verdict};
use crate::ppp::layer::Layer;
use crate::ppp::proof::{News, Proof, Role};
use crate::ppp::{Cause, Event, Phase};

impl Link {
    pub(super) fn receive_proof(&mut self, now: Instant, protocol: Protocol, information: &[u8]) {
        self.count(|stats| match protocol {
            Protocol::PAP => &mut stats.pap_frames.received,
            _ => &mut stats.chap_frames.received,
        });
        if !self.lcp.core().is_opened() {
            self.count(|stats| &mut stats.out_of_phase);
            return;
        }
        let over = |role: &Role| role.method.protocol() == protocol;
        let Some(proof) = &mut self.proof else {
            if self.proved.iter().flatten().any(over) {
                // Late, or doubled on its way.
                self.count(|stats| &mut stats.out_of_phase);
            } else {
                self.reject(protocol, information);
            }
            return;
        };
        let switched = protocol == Protocol::CHAP && {
            let seed = u128::from(self.secret) << 64 | u128::from(self.random.next_u64());
            let mut unused = auth::Stats::default();
            let stats = match &mut self.stats {
                Some(stats) => &mut stats.auth,
                None => &mut unused,
            };
            Packet::parse(information)
                .is_ok_and(|packet| proof.challenge(now, &self.profile, &packet, seed, stats))
        };
        if switched {
            self.settle_proof(now);
            return;
        }
        if !proof.uses(protocol) {
            self.reject(protocol, information);
            return;
        }
        let mut unused = auth::Stats::default();
        let stats = match &mut self.stats {
            Some(stats) => &mut stats.auth,
            None => &mut unused,
        };
        let known = Packet::parse(information)
            .is_ok_and(|packet| proof.receive(now, protocol, &packet, stats));
        if !known {
            let counter = match protocol {
                Protocol::PAP => &mut stats.pap.rx_unknown,
                _ => &mut stats.chap.rx_unknown,
            };
            *counter = counter.wrapping_add(1);
        }
        self.settle_proof(now);
    }

    /// The owner's judgement of the claim of an [`Event::Authenticate`]. Without a claim that waits
    /// for it nothing happens.
    pub fn authenticate(&mut self, now: Instant, claim: &Claim, verdict: Verdict) {
        self.with_proof(|proof, stats| proof.judge(now, claim, verdict, stats));
        self.settle_proof(now);
    }

    pub(super) fn with_proof(&mut self, work: impl FnOnce(&mut Proof, &mut auth::Stats)) {
        if let Some(proof) = &mut self.proof {
            match &mut self.stats {
                Some(stats) => work(proof, &mut stats.auth),
                None => work(proof, &mut auth::Stats::default()),
            }
        }
    }

    /// Follows authentication into the network phase, or out of it.
    pub(super) fn settle_proof(&mut self, now: Instant) {
        let Some(proof) = &mut self.proof else {
            return;
        };
        proof.transmit(&mut self.out);
        let mut failed = None;
        while let Some(news) = proof.news(now) {
            match news {
                News::Claim(claim) => self.events.push(Event::Authenticate(claim)),
                News::Done => {
                    self.peer_name = proof.peer_name().map(Into::into);
                    self.until = None;
                    self.phase = Phase::Network;
                    self.events.push(Event::LinkUp);
                }
                News::Failed(failure) => failed = Some(failure),
            }
        }
        self.proved = [proof.demanding(), proof.giving()];
        if let Some(failure) = failed {
            self.fail(now, Cause::Authentication(failure));
        } else if proof.is_over(now, &self.profile) {
            self.proof = None;
        }
    }
}
