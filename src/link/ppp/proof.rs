//! The authentication phase (RFC 1661 section 3.5): both roles side by side, and what is left of
//! them when they are over.

use std::time::{Duration, Instant};

use wanbox_wire::ppp::chap;
use wanbox_wire::ppp::lcp::AuthProtocol;
use wanbox_wire::ppp::{Packet, Protocol};

use super::Profile;
use super::auth::{
    Authenticator, Claim, Credentials, Event, Failure, Method, Peer, State, Stats, Verdict,
};
use super::queue::Outbox;

/// How long answers are kept for a peer that lost them, when nothing else needs the engines.
const LINGER: Duration = Duration::from_secs(60);

/// A method as LCP's option names it.
pub(crate) const fn option(method: Method) -> AuthProtocol {
    match method {
        Method::Pap => AuthProtocol::Pap,
        Method::ChapMd5 => AuthProtocol::CHAP_MD5,
        Method::MsChapV2 => AuthProtocol::MS_CHAP_V2,
    }
}

/// The method that an option of LCP names.
const fn method(option: AuthProtocol) -> Option<Method> {
    match option {
        AuthProtocol::Pap => Some(Method::Pap),
        AuthProtocol::CHAP_MD5 => Some(Method::ChapMd5),
        AuthProtocol::MS_CHAP_V2 => Some(Method::MsChapV2),
        _ => None,
    }
}

/// How a role goes, or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// How proof is given.
    pub method: Method,
    /// How far it is.
    pub state: State,
}

/// What the link has to do.
#[derive(Debug)]
pub(crate) enum News {
    /// The owner has to judge.
    Claim(Claim),
    /// All that was demanded was proved.
    Done,
    /// It was not.
    Failed(Failure),
}

/// Both roles.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    demanding: Option<Authenticator>,
    giving: Option<Peer>,
    /// Both have succeeded; the engines go then, unless they have more to do.
    lingers: Option<Instant>,
    done: bool,
}

impl Proof {
    /// The roles that LCP agreed on: what the peer has to prove, and what we have to. `None`
    /// without any. `seeds` are random and secret.
    pub(crate) fn new(
        profile: &Profile,
        demanded: Option<AuthProtocol>,
        required: Option<AuthProtocol>,
        seeds: [u128; 2],
    ) -> Option<Self> {
        let config = profile.authentication;
        let [seed, other] = seeds;
        let demanding = demanded
            .and_then(method)
            .map(|method| Authenticator::new(method, config, &profile.name, seed));
        let giving = required.and_then(method).map(|method| {
            let credentials = match &profile.credentials {
                Some(credentials) => credentials.clone(),
                None => Credentials {
                    name: profile.name.clone(),
                    secrets: Vec::new(),
                },
            };
            Peer::new(method, config, credentials, other)
        });
        (demanding.is_some() || giving.is_some()).then_some(Self {
            demanding,
            giving,
            lingers: None,
            done: false,
        })
    }

    pub(crate) fn start(&mut self, now: Instant, stats: &mut Stats) {
        if let Some(demanding) = &mut self.demanding {
            demanding.start(now, stats);
        }
        if let Some(giving) = &mut self.giving {
            giving.start(now, stats);
        }
    }

    /// A packet of PAP or CHAP; whether a role knew it.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        protocol: Protocol,
        packet: &Packet<'_>,
        stats: &mut Stats,
    ) -> bool {
        if let Some(demanding) = &mut self.demanding
            && demanding.method().protocol() == protocol
            && demanding.receive(packet, stats)
        {
            return true;
        }
        let ours = self.demanding.as_ref().and_then(Authenticator::challenge);
        match &mut self.giving {
            Some(giving) if giving.method().protocol() == protocol => {
                giving.receive(now, packet, ours, stats)
            }
            _ => false,
        }
    }

    /// Takes proof that the peer gave somebody else in our place; `false` when it is of another
    /// kind than what was agreed on.
    pub(crate) fn adopt(&mut self, identifier: u8, claim: Claim) -> bool {
        self.demanding
            .as_mut()
            .is_some_and(|demanding| demanding.adopt(identifier, claim))
    }

    /// A peer that agreed on PAP sends a CHAP response all the same: it is challenged, when CHAP
    /// would have been good enough.
    pub(crate) fn challenge(
        &mut self,
        now: Instant,
        profile: &Profile,
        packet: &Packet<'_>,
        seed: u128,
        stats: &mut Stats,
    ) -> bool {
        let waits = |authenticator: &Authenticator| {
            authenticator.method() == Method::Pap && authenticator.state() == State::Waiting
        };
        if packet.code != chap::RESPONSE
            || !self.demanding.as_ref().is_some_and(waits)
            || !profile.demand.contains(&Method::ChapMd5)
        {
            return false;
        }
        let mut demanding =
            Authenticator::new(Method::ChapMd5, profile.authentication, &profile.name, seed);
        demanding.start(now, stats);
        self.demanding = Some(demanding);
        true
    }

    /// Whether one of the roles uses this protocol.
    pub(crate) fn uses(&self, protocol: Protocol) -> bool {
        let demanding = self.demanding.as_ref().map(Authenticator::method);
        let giving = self.giving.as_ref().map(Peer::method);
        [demanding, giving]
            .into_iter()
            .flatten()
            .any(|method| method.protocol() == protocol)
    }

    pub(crate) fn judge(
        &mut self,
        now: Instant,
        claim: &Claim,
        verdict: Verdict,
        stats: &mut Stats,
    ) {
        if let Some(demanding) = &mut self.demanding {
            demanding.judge(now, claim, verdict, stats);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, stats: &mut Stats) {
        if let Some(demanding) = &mut self.demanding {
            demanding.handle_timeout(now, stats);
        }
        if let Some(giving) = &mut self.giving {
            giving.handle_timeout(now, stats);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let demanding = self
            .demanding
            .as_ref()
            .and_then(Authenticator::poll_timeout);
        let giving = self.giving.as_ref().and_then(Peer::poll_timeout);
        [demanding, giving, self.lingers]
            .into_iter()
            .flatten()
            .min()
    }

    /// Moves packets to `out`.
    pub(crate) fn transmit(&mut self, out: &mut Outbox) {
        let mut packet = Vec::new();
        if let Some(demanding) = &mut self.demanding {
            while demanding.poll_transmit(&mut packet) {
                out.push((demanding.method().protocol(), packet.as_slice().into()));
            }
        }
        if let Some(giving) = &mut self.giving {
            while giving.poll_transmit(&mut packet) {
                out.push((giving.method().protocol(), packet.as_slice().into()));
            }
        }
    }

    /// What happened, one thing at a time. [`News::Done`] comes once.
    pub(crate) fn news(&mut self, now: Instant) -> Option<News> {
        let event = self
            .demanding
            .as_mut()
            .and_then(Authenticator::poll_event)
            .or_else(|| self.giving.as_mut().and_then(Peer::poll_event));
        match event {
            Some(Event::Claim(claim)) => return Some(News::Claim(claim)),
            Some(Event::Failed(failure)) => return Some(News::Failed(failure)),
            Some(Event::Succeeded) | None => {}
        }
        let opened = |role: Option<Role>| role.is_none_or(|role| role.state == State::Opened);
        if !self.done && opened(self.demanding()) && opened(self.giving()) {
            self.done = true;
            self.lingers = Some(now + LINGER);
            return Some(News::Done);
        }
        // The other role's event, when this one's was a success.
        event.and_then(|_| self.news(now))
    }

    /// Whether nothing more is to be expected of the roles: everything is proved, once and for
    /// all, and a lost answer would have been asked for again.
    pub(crate) fn is_over(&mut self, now: Instant, profile: &Profile) -> bool {
        if self.lingers.is_none_or(|until| until > now) {
            return false;
        }
        self.lingers = None;
        // Who demands proof by CHAP may do so again at any time.
        let asked_again = self
            .giving
            .as_ref()
            .is_some_and(|giving| giving.method() != Method::Pap);
        let asking_again = self.demanding.is_some() && profile.authentication.rechallenge.is_some();
        !asked_again && !asking_again
    }

    pub(crate) fn demanding(&self) -> Option<Role> {
        self.demanding.as_ref().map(|role| Role {
            method: role.method(),
            state: role.state(),
        })
    }

    pub(crate) fn giving(&self) -> Option<Role> {
        self.giving.as_ref().map(|role| Role {
            method: role.method(),
            state: role.state(),
        })
    }

    pub(crate) fn peer_name(&self) -> Option<&[u8]> {
        self.demanding.as_ref().and_then(Authenticator::peer_name)
    }
}
