//! Calls of the peer: who takes them.
//!
//! Interfaces for IP come first, for what their calls say is theirs alone; then applications, the
//! one whose pattern demands most before others; then interfaces of applications (mode API).

use wanbox_link::x25::{Call, Event as Told};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::cause::clear;
use wanbox_wire::x25::{Lci, diagnostic};

use super::applications::ApplicationEvent;
use super::carries::Carries;
use super::notes::What;
use super::pattern::hexadecimal;
use super::{Circuit, Encapsulation, Holder, Pattern, Port, State, X25};
use crate::ChannelId;

/// Which calls are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// The called address is like this.
    pub destination: Option<Pattern>,
    /// The calling address is.
    pub source: Option<Pattern>,
    /// The user data are, as hexadecimal digits.
    pub user_data: Option<Pattern>,
}

fn like(pattern: &Option<Pattern>, text: impl FnOnce() -> String) -> bool {
    pattern.as_ref().is_none_or(|p| p.matches(&text()))
}

impl Accept {
    /// Whether all that is demanded is there.
    pub fn takes(&self, call: &Call) -> bool {
        self.is_addressed(call) && like(&self.user_data, || hexadecimal(&call.user_data))
    }

    /// Whether the addresses are those that are demanded.
    pub(super) fn is_addressed(&self, call: &Call) -> bool {
        like(&self.destination, || call.called.to_string())
            && like(&self.source, || call.calling.to_string())
    }

    /// How much is demanded.
    pub(super) fn weight(&self) -> usize {
        [&self.destination, &self.source, &self.user_data]
            .into_iter()
            .flatten()
            .map(Pattern::weight)
            .sum()
    }
}

/// What an interface says to a call.
enum Answer {
    /// It is not for it.
    No,
    /// It is by its addresses, and says that it carries something else.
    Unknown,
    /// It would, and has another one.
    Busy,
    /// It takes it.
    Yes(Carries),
}

impl Port {
    /// How far this interface takes a call; of an address that it calls itself sooner than of any.
    fn answer(&self, call: &Call, role: Role) -> Answer {
        let config = self.config();
        let Circuit::Switched(peer) = config.circuit else {
            return Answer::No;
        };
        let accept = &config.accept;
        let known = accept.source.is_some() || peer.is_empty() || call.calling == peer;
        if !known || !accept.is_addressed(call) {
            return Answer::No;
        }
        if !accept.takes(call) {
            return Answer::Unknown;
        }
        let said = Carries::of_call(&call.user_data);
        let carries = match (config.encapsulation, said) {
            (Encapsulation::Raw, _) => Carries::Raw,
            (_, Some(said)) => said,
            // Whoever demands certain user data knows what they mean.
            (Encapsulation::Null, None) if accept.user_data.is_some() => Carries::Any,
            (_, None) if accept.user_data.is_some() => Carries::Ipv4,
            (_, None) => return Answer::Unknown,
        };
        match self.state() {
            State::Idle => Answer::Yes(carries),
            // Both ends called each other: one call goes, and both ends have to say which.
            State::Calling(_) if self.yields(call, role) => Answer::Yes(carries),
            _ => Answer::Busy,
        }
    }

    /// Whether a call of the peer counts and not ours: the one of the lower address, as both ends
    /// see it; between equals that of the DTE.
    fn yields(&self, theirs: &Call, role: Role) -> bool {
        let config = self.config();
        let ours = (config.calling, self.remote());
        let theirs = (theirs.calling, theirs.called);
        match theirs.cmp(&ours) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => role == Role::Dce,
            std::cmp::Ordering::Greater => false,
        }
    }
}

impl X25 {
    /// The peer calls.
    pub(super) fn incoming(&mut self, channel: Lci, call: Box<Call>) {
        let role = self
            .layer
            .as_ref()
            .map_or(Role::Dte, |l| l.parameters().role);
        let (mut busy, mut unknown) = (false, false);
        let mut ports: [Option<(ChannelId, Carries, usize)>; 2] = [None; 2];
        for (place, port) in self.ports.iter().enumerate() {
            let Some(port) = port else { continue };
            let config = port.config();
            let exact = matches!(config.circuit, Circuit::Switched(peer) if !peer.is_empty());
            let weight = 1 + config.accept.weight() + if exact { 15 } else { 0 };
            let [for_ip, for_applications] = &mut ports;
            let best = match config.encapsulation {
                Encapsulation::Raw => for_applications,
                _ => for_ip,
            };
            match port.answer(&call, role) {
                Answer::Yes(carries) if best.is_none_or(|(_, _, other)| weight > other) => {
                    *best = Some((ChannelId(place as u16), carries, weight));
                }
                Answer::Busy => busy = true,
                Answer::Unknown => unknown = true,
                _ => {}
            }
        }
        let [for_ip, for_applications] = ports;
        if let Some((id, carries, _)) = for_ip {
            return self.accept_call(id, channel, &call, carries);
        }
        if let Some(owner) = self.applications.listener(&call) {
            self.set_holder(channel, Holder::Application(owner));
            let event = Told::Incoming { channel, call };
            return self.applications.tell(ApplicationEvent { owner, event });
        }
        if let Some((id, carries, _)) = for_applications {
            return self.accept_call(id, channel, &call, carries);
        }
        // Causes are the network's: a terminal has one.
        let own = |cause| match role {
            Role::Dte => clear::DTE_ORIGINATED,
            Role::Dce => cause,
        };
        let why = if busy {
            (own(clear::NUMBER_BUSY), diagnostic::NO_CHANNEL)
        } else if unknown || self.applications.is_addressed(&call) {
            (clear::DTE_ORIGINATED, diagnostic::UNKNOWN_PROTOCOL)
        } else {
            let cause = own(clear::NOT_OBTAINABLE);
            (cause, diagnostic::INVALID_CALLED_ADDRESS)
        };
        self.refuse(channel, &call, why);
    }

    /// Nobody takes a call.
    fn refuse(&mut self, channel: Lci, call: &Call, (cause, code): (u8, u8)) {
        self.counters.calls_refused += 1;
        let what = What::Refused(call.calling, call.called, code);
        self.notes.push(None, Some(channel), what);
        self.clear(channel, cause, code);
    }
}
