//! LCP and authentication that somebody else, an access concentrator, did in our place
//! (RFC 2661 sections 4.4.5 and 5.4).

use std::time::Instant;

use super::Link;
use crate::ppp::automaton::State;
use crate::ppp::lcp::Adopted;
use crate::ppp::{Claim, Phase};

/// What was negotiated in our place.
#[derive(Clone, Debug)]
pub struct Proxied<'p> {
    /// The options of the last Configure-Request that the peer acknowledged.
    pub sent: &'p [u8],
    /// The options of the peer's last Configure-Request, which was acknowledged.
    pub received: &'p [u8],
    /// The peer's proof that nobody has answered yet: its identifier, and what it claims.
    pub proof: Option<(u8, Claim)>,
}

impl Link {
    /// Takes over a link whose LCP is open already, in the place of [`Link::open`]; the carrier is
    /// there. `false` when we would not have agreed to what was negotiated: nothing has changed
    /// then, and the link is to be opened as usual. Proof that does not fit what was negotiated is
    /// asked for again.
    pub fn adopt(&mut self, now: Instant, proxied: Proxied<'_>) -> bool {
        if !self.carrier || self.lcp.state() != State::Closed {
            return false;
        }
        let Some(adopted) = self.with_lcp(now, |lcp, context| {
            Adopted::judge(lcp, context, proxied.sent, proxied.received)
        }) else {
            return false;
        };
        self.wanted = true;
        self.resting = false;
        self.begin(now);
        self.lcp.adopt(adopted);
        self.layer_up(now);
        if self.phase == Phase::Authenticate
            && let Some((identifier, claim)) = proxied.proof
            && let Some(proof) = &mut self.proof
            && proof.adopt(identifier, claim)
        {
            // The challenge that was about to be sent has an answer.
            self.out.clear();
            self.settle_proof(now);
        }
        true
    }
}
