//! IPV6CP (RFC 5072): the interface identifiers of both ends.

use std::time::Instant;

use wanbox_wire::ppp::ipv6cp::{Ipv6cpOption, kind};
use wanbox_wire::ppp::{Protocol, RawOption};

use super::Profile;
use super::automaton::State;
use super::layer::{Context, Core, Layer, Verdict};

/// What IPV6CP negotiates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Our interface identifier; 0: a random one.
    pub local: u64,
    /// The identifier that a peer is given which has none or ours; 0: a random one.
    pub peer: u64,
    /// The peer must take that one.
    pub insist: bool,
}

/// What IPV6CP agreed on: the lower halves of the link-local addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Ours; 0 when the peer does not negotiate it.
    pub local: u64,
    /// The peer's; 0 when it did not say.
    pub peer: u64,
}

/// IPV6CP's part in negotiation.
#[derive(Debug)]
pub(crate) struct Ipv6cp {
    core: Core,
    config: Config,
    local: u64,
    peer: u64,
    /// The identifier of the last Configure-Nak, 0 for none: the same one back shows a loop
    /// (RFC 5072 section 4.1).
    suggested: u64,
    asked: bool,
}

impl Ipv6cp {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            core: Core::default(),
            config,
            local: 0,
            peer: 0,
            suggested: 0,
            asked: false,
        }
    }

    pub(crate) const fn state(&self) -> State {
        self.core.state()
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.core.automaton.deadline()
    }

    pub(crate) const fn configure(&mut self, config: Config) {
        self.config = config;
    }

    pub(crate) fn agreed(&self) -> Ipv6 {
        Ipv6 {
            local: if self.asked { self.local } else { 0 },
            peer: self.peer,
        }
    }

    /// A random identifier, not 0, neither end's, and marked as not globally unique: the
    /// universal/local bit is 0 (RFC 5072 section 4.1).
    fn random(&self, context: &mut Context<'_>) -> u64 {
        const UNIVERSAL: u64 = 1 << 57;
        loop {
            let identifier = context.random.next_u64() & !UNIVERSAL;
            if ![0, self.local, self.peer].contains(&identifier) {
                return identifier;
            }
        }
    }
}

impl Layer for Ipv6cp {
    const PROTOCOL: Protocol = Protocol::IPV6CP;
    type Peer = u64;

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn reset(&mut self, context: &mut Context<'_>) {
        if self.config.local != 0 {
            self.local = self.config.local;
        } else if self.local == 0 {
            self.local = self.random(context);
        }
        self.suggested = 0;
        self.asked = true;
    }

    fn request(&self, _: &Profile, list: &mut Vec<u8>) {
        if self.asked {
            Ipv6cpOption::InterfaceIdentifier(self.local).append(list);
        }
    }

    fn judge(
        &mut self,
        context: &mut Context<'_>,
        option: RawOption<'_>,
        peer: &mut u64,
        naks: &mut Vec<u8>,
    ) -> Verdict {
        match Ipv6cpOption::parse(option) {
            Ok(Ipv6cpOption::InterfaceIdentifier(identifier))
                if identifier == 0
                    || (self.asked && identifier == self.local)
                    || (self.config.insist && identifier != self.config.peer) =>
            {
                let given = self.config.peer;
                self.suggested = if given != 0 && given != self.local {
                    given
                } else {
                    self.random(context)
                };
                Ipv6cpOption::InterfaceIdentifier(self.suggested).append(naks);
                Verdict::Nak
            }
            Ok(Ipv6cpOption::InterfaceIdentifier(identifier)) => {
                *peer = identifier;
                Verdict::Ack
            }
            _ => Verdict::Reject,
        }
    }

    fn missing(&mut self, _: &Profile, _: &u64, _: &mut Vec<u8>) {}

    fn accept(&mut self, peer: u64) {
        self.peer = peer;
    }

    fn naked(&mut self, context: &mut Context<'_>, option: RawOption<'_>) {
        if let Ok(Ipv6cpOption::InterfaceIdentifier(identifier)) = Ipv6cpOption::parse(option) {
            self.local = if identifier == 0 || identifier == self.suggested {
                self.random(context)
            } else {
                identifier
            };
        }
    }

    fn rejected(&mut self, _: &mut Context<'_>, option: u8) {
        if option == kind::INTERFACE_IDENTIFIER {
            self.asked = false;
        }
    }
}
