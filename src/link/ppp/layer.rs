//! What LCP and the network control protocols have in common: packets 1 to 7 (RFC 1661 section 5)
//! between the [automaton](super::automaton) and a protocol that knows its options.

use std::time::Instant;

use wanbox_wire::ppp::{Code, HEADER, Options, Packet, Protocol, RawOption, Writer};

use super::Profile;
use super::automaton::{Actions, Automaton, Event, Limits, State};
use super::queue::Outbox;
use super::stats::ControlStats;
use crate::random::SplitMix64;

/// Octets that the options of a request seldom exceed.
const USUAL: usize = 64;

/// The state that every control protocol has.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub(crate) automaton: Automaton,
    /// The identifier of the last Configure-Request.
    request: u8,
    /// The identifier used last.
    identifier: u8,
    /// The last Configure-Request was answered; what else comes for it is late or doubled.
    answered: bool,
    /// Configure-Naks sent since the last Ack.
    naks_sent: u8,
    /// Configure-Naks received in this negotiation.
    naks_received: u8,
}

impl Core {
    pub(crate) const fn state(&self) -> State {
        self.automaton.state()
    }

    pub(crate) const fn is_opened(&self) -> bool {
        matches!(self.state(), State::Opened)
    }

    /// Opened without a word: somebody else negotiated.
    pub(crate) const fn adopt(&mut self) {
        self.automaton.adopt();
        self.answered = true;
    }

    /// An identifier that was not used for long.
    pub(crate) const fn next_identifier(&mut self) -> u8 {
        self.identifier = self.identifier.wrapping_add(1);
        self.identifier
    }
}

/// What a protocol's work needs.
pub(crate) struct Context<'c> {
    pub(crate) now: Instant,
    pub(crate) profile: &'c Profile,
    pub(crate) limits: &'c Limits,
    pub(crate) random: &'c mut SplitMix64,
    pub(crate) out: &'c mut Outbox,
    pub(crate) stats: Option<&'c mut ControlStats>,
    /// The longest information field that the peer takes.
    pub(crate) peer_mru: u16,
}

impl Context<'_> {
    fn count(&mut self, counter: impl FnOnce(&mut ControlStats) -> &mut u32) {
        if let Some(stats) = &mut self.stats {
            let counter = counter(stats);
            *counter = counter.wrapping_add(1);
        }
    }

    /// Sends a packet of `code` whose data, of about so many octets, `fill` writes.
    pub(crate) fn send(
        &mut self,
        protocol: Protocol,
        code: Code,
        identifier: u8,
        octets: usize,
        fill: impl FnOnce(&mut Writer<'_>),
    ) {
        let mut packet = Vec::with_capacity(HEADER + octets);
        let mut writer = Writer::new(&mut packet, code.into(), identifier);
        fill(&mut writer);
        if writer.finish().is_err() {
            // Only more than 64 kB of options would be too long; a request holds a few dozen.
            return;
        }
        self.count(|stats| stats.sent(code));
        self.out.push((protocol, packet.into_boxed_slice()));
    }
}

/// What is to be said to an option of the peer's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Accepted as it is.
    Ack,
    /// Not with this value: a better one was appended to the list of Naks.
    Nak,
    /// Unknown, or not to be negotiated.
    Reject,
}

/// A Configure-Request of the peer: its identifier, then its options.
pub(crate) type Held = Box<Vec<u8>>;

/// A protocol that negotiates options.
pub(crate) trait Layer {
    /// Its number.
    const PROTOCOL: Protocol;
    /// What the peer's request asks for.
    type Peer: Default;

    fn core(&mut self) -> &mut Core;
    /// Forgets what earlier negotiation brought, before a first request.
    fn reset(&mut self, context: &mut Context<'_>);
    /// The options that we ask for; the same list again until an answer changed it.
    fn request(&self, profile: &Profile, list: &mut Vec<u8>);
    /// Whether a request of the peer has made us want more than we asked for.
    fn wants_more(&self, _: &Profile) -> bool {
        false
    }
    /// Asks for that from now on; no more is wanted then.
    fn ask_more(&mut self, _: &Profile) {}
    /// Keeps a Configure-Request that made us want more, until ours is answered.
    fn hold(&mut self, _: Held) {}
    /// Gives it back; none is left after [`Layer::reset`].
    fn take_held(&mut self) -> Option<Held> {
        None
    }
    /// Judges an option of the peer's request and notes it in `peer`.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        option: RawOption<'_>,
        peer: &mut Self::Peer,
        naks: &mut Vec<u8>,
    ) -> Verdict;
    /// Appends what the peer should have asked for too.
    fn missing(&mut self, profile: &Profile, peer: &Self::Peer, naks: &mut Vec<u8>);
    /// The peer's request is acknowledged.
    fn accept(&mut self, peer: Self::Peer);
    /// The peer wants another value for an option, or one that we did not ask for.
    fn naked(&mut self, context: &mut Context<'_>, option: RawOption<'_>);
    /// The peer does not take an option.
    fn rejected(&mut self, context: &mut Context<'_>, kind: u8);
}

/// The answer to a Configure-Request.
struct Answer<P> {
    identifier: u8,
    code: Code,
    options: Vec<u8>,
    peer: P,
}

/// An event from the owner, the layer below or the timer. Returns what happened to the layer:
/// the `tl` actions among the others.
pub(crate) fn signal<L: Layer>(layer: &mut L, context: &mut Context<'_>, event: Event) -> Actions {
    let before = layer.core().state();
    let actions = layer
        .core()
        .automaton
        .event(context.now, context.limits, event);
    perform(layer, context, before, actions, false, None);
    actions
}

/// The restart timer's event, when it has run out.
pub(crate) fn handle_timeout<L: Layer>(layer: &mut L, context: &mut Context<'_>) -> Actions {
    let before = layer.core().state();
    let actions = layer
        .core()
        .automaton
        .handle_timeout(context.now, context.limits);
    let mut held = None;
    if actions.contains(Actions::SCR) {
        held = layer.take_held();
    }
    if held.is_some() {
        layer.ask_more(context.profile);
    }
    perform(layer, context, before, actions, held.is_none(), None);
    actions.and(answer_held(layer, context, held))
}

/// A packet with one of the codes 1 to 7, or an unknown one.
pub(crate) fn receive<L: Layer>(
    layer: &mut L,
    context: &mut Context<'_>,
    packet: &Packet<'_>,
) -> Actions {
    context.count(|stats| stats.received(packet.code.into()));
    if layer.core().state() < State::Closed {
        return Actions::NONE;
    }
    take(layer, context, packet)
}

fn take<L: Layer>(layer: &mut L, context: &mut Context<'_>, packet: &Packet<'_>) -> Actions {
    let code = Code::from(packet.code);
    let before = layer.core().state();
    let (mut answer, mut held) = (None, None);
    let event = match code {
        Code::ConfigureRequest => match judge(layer, context, packet) {
            Some(given) => {
                let event = match given.code {
                    Code::ConfigureAck => Event::RcrPlus,
                    _ => Event::RcrMinus,
                };
                if before.is_negotiating() && layer.wants_more(context.profile) {
                    // Two requests must not be under way at a time: the one that arrives last is
                    // what the peer takes for agreed.
                    if !layer.core().answered {
                        let held = [&[packet.identifier], packet.data].concat();
                        layer.hold(Box::new(held));
                        return Actions::NONE;
                    }
                    // As if the peer had asked for it by a Configure-Nak. The new request leaves
                    // before the answer, with which a peer that acknowledged the old one opens.
                    layer.ask_more(context.profile);
                    signal(layer, context, Event::Rcn);
                }
                answer = Some(given);
                event
            }
            None => return Actions::NONE,
        },
        Code::ConfigureAck => {
            if !is_ack_due(layer, context, packet) {
                return Actions::NONE;
            }
            held = layer.take_held();
            if held.is_some() {
                Event::Rcn
            } else {
                Event::Rca
            }
        }
        Code::ConfigureNak | Code::ConfigureReject => {
            if !take_refusal(layer, context, packet, code) {
                return Actions::NONE;
            }
            held = layer.take_held();
            Event::Rcn
        }
        Code::TerminateRequest => Event::Rtr,
        Code::TerminateAck => Event::Rta,
        // What is rejected stands first in its data.
        Code::CodeReject => match packet.data.first() {
            Some(1..=7) => Event::RxjMinus,
            _ => Event::RxjPlus,
        },
        _ => Event::Ruc,
    };
    if held.is_some() {
        layer.ask_more(context.profile);
    }
    let actions = layer
        .core()
        .automaton
        .event(context.now, context.limits, event);
    perform(layer, context, before, actions, false, answer);
    if actions.contains(Actions::STA) {
        // In answer to a request, with its number; else one of ours.
        let identifier = match event {
            Event::Rtr => packet.identifier,
            _ => layer.core().next_identifier(),
        };
        context.send(L::PROTOCOL, Code::TerminateAck, identifier, 0, |_| {});
    }
    if actions.contains(Actions::SCJ) {
        let identifier = layer.core().next_identifier();
        let room = usize::from(context.peer_mru).saturating_sub(2 * HEADER);
        let octets = HEADER + packet.data.len().min(room);
        context.send(
            L::PROTOCOL,
            Code::CodeReject,
            identifier,
            octets,
            |writer| {
                let length = (packet.data.len() + HEADER) as u16;
                let [high, low] = length.to_be_bytes();
                writer.data(&[packet.code, packet.identifier, high, low]);
                writer.data(packet.data.get(..room).unwrap_or(packet.data));
            },
        );
    }
    actions.and(answer_held(layer, context, held))
}

/// Answers a request that was held, when the next of ours is out.
fn answer_held<L: Layer>(layer: &mut L, context: &mut Context<'_>, held: Option<Held>) -> Actions {
    let Some((&identifier, data)) = held.as_deref().and_then(|held| held.split_first()) else {
        return Actions::NONE;
    };
    let code = Code::ConfigureRequest.into();
    let packet = Packet {
        code,
        identifier,
        data,
    };
    take(layer, context, &packet)
}

/// Sends what the actions ask for, but for Terminate-Ack and Code-Reject.
fn perform<L: Layer>(
    layer: &mut L,
    context: &mut Context<'_>,
    before: State,
    actions: Actions,
    again: bool,
    answer: Option<Answer<L::Peer>>,
) {
    if actions.contains(Actions::SCR) {
        if !before.is_negotiating() {
            layer.reset(context);
            let core = layer.core();
            core.naks_sent = 0;
            core.naks_received = 0;
        }
        let core = layer.core();
        // A repeated request may have its old number, so that a late answer is one
        // (RFC 1661 section 5.1).
        if !again || core.answered {
            core.request = core.next_identifier();
        }
        core.answered = false;
        let identifier = core.request;
        let list = request(layer, context.profile);
        let code = Code::ConfigureRequest;
        context.send(L::PROTOCOL, code, identifier, list.len(), |writer| {
            writer.data(&list);
        });
    }
    if let Some(answer) = answer
        && (actions.contains(Actions::SCA) || actions.contains(Actions::SCN))
    {
        let (identifier, octets) = (answer.identifier, answer.options.len());
        context.send(L::PROTOCOL, answer.code, identifier, octets, |writer| {
            writer.data(&answer.options);
        });
        let core = layer.core();
        match answer.code {
            Code::ConfigureAck => {
                core.naks_sent = 0;
                layer.accept(answer.peer);
            }
            Code::ConfigureNak => core.naks_sent = core.naks_sent.saturating_add(1),
            _ => {}
        }
    }
    if actions.contains(Actions::STR) {
        let identifier = layer.core().next_identifier();
        context.send(L::PROTOCOL, Code::TerminateRequest, identifier, 0, |_| {});
    }
}

/// The options that we ask for.
fn request<L: Layer>(layer: &L, profile: &Profile) -> Vec<u8> {
    let mut list = Vec::with_capacity(USUAL);
    layer.request(profile, &mut list);
    list
}

/// The answer to a Configure-Request; `None` when its options cannot be read.
fn judge<L: Layer>(
    layer: &mut L,
    context: &mut Context<'_>,
    packet: &Packet<'_>,
) -> Option<Answer<L::Peer>> {
    let mut peer = L::Peer::default();
    if layer.core().state() < State::Stopped {
        // Only to be told to terminate.
        return Some(answer(packet, Code::ConfigureReject, Vec::new(), peer));
    }
    if Options::new(packet.data).any(|option| option.is_err()) {
        context.count(|stats| &mut stats.malformed);
        return None;
    }
    let (mut naks, mut refused, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
    for option in Options::new(packet.data).flatten() {
        match layer.judge(context, option, &mut peer, &mut naks) {
            Verdict::Ack => {}
            Verdict::Nak => option.append(&mut refused),
            Verdict::Reject => option.append(&mut rejects),
        }
    }
    if !rejects.is_empty() {
        return Some(answer(packet, Code::ConfigureReject, rejects, peer));
    }
    if layer.core().naks_sent < context.limits.max_failure {
        layer.missing(context.profile, &peer, &mut naks);
        if !naks.is_empty() {
            return Some(answer(packet, Code::ConfigureNak, naks, peer));
        }
    } else if !refused.is_empty() {
        // Not converging: rejected, and nothing more is asked for (RFC 1661 section 4.6).
        return Some(answer(packet, Code::ConfigureReject, refused, peer));
    }
    Some(answer(
        packet,
        Code::ConfigureAck,
        packet.data.to_vec(),
        peer,
    ))
}

fn answer<P>(packet: &Packet<'_>, code: Code, options: Vec<u8>, peer: P) -> Answer<P> {
    Answer {
        identifier: packet.identifier,
        code,
        options,
        peer,
    }
}

/// Whether an answer is to the request that is out, and the first.
fn is_answer_due<L: Layer>(
    layer: &mut L,
    context: &mut Context<'_>,
    packet: &Packet<'_>,
) -> Option<bool> {
    let core = layer.core();
    match core.state() {
        // Nothing is out; the sender learns that this layer is closed.
        State::Closed | State::Stopped => Some(false),
        State::Closing | State::Stopping => None,
        _ if core.answered || packet.identifier != core.request => {
            context.count(|stats| &mut stats.bad_identifier);
            None
        }
        _ => Some(true),
    }
}

/// Whether a Configure-Ack counts.
fn is_ack_due<L: Layer>(layer: &mut L, context: &mut Context<'_>, packet: &Packet<'_>) -> bool {
    match is_answer_due(layer, context, packet) {
        None => false,
        Some(false) => true,
        Some(true) => {
            let list = request(layer, context.profile);
            if packet.data != list {
                context.count(|stats| &mut stats.bad_ack);
                return false;
            }
            layer.core().answered = true;
            true
        }
    }
}

/// Takes the options of a Configure-Nak or -Reject; whether it counts.
fn take_refusal<L: Layer>(
    layer: &mut L,
    context: &mut Context<'_>,
    packet: &Packet<'_>,
    code: Code,
) -> bool {
    match is_answer_due(layer, context, packet) {
        None => return false,
        Some(false) => return true,
        Some(true) => {}
    }
    let list = request(layer, context.profile);
    // A reject returns what was asked for, and nothing else.
    let fits = |option: RawOption<'_>| {
        code == Code::ConfigureNak || Options::new(&list).any(|own| own == Ok(option))
    };
    if packet.data.is_empty() || !Options::new(packet.data).all(|o| o.is_ok_and(fits)) {
        context.count(|stats| &mut stats.bad_nak);
        return false;
    }
    let core = layer.core();
    core.answered = true;
    let mut give_in = code == Code::ConfigureReject;
    if !give_in {
        // A peer that wants something else for ever gets nothing.
        core.naks_received = core.naks_received.saturating_add(1);
        give_in = core.naks_received > context.limits.max_failure;
    }
    for option in Options::new(packet.data).flatten() {
        if give_in {
            layer.rejected(context, option.kind);
        } else {
            layer.naked(context, option);
        }
    }
    true
}
