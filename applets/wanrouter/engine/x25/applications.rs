//! Circuits of applications. Whoever speaks for them (a socket, a switch) is an [`Owner`]: it says
//! which calls it wants, places its own, and has the packet layer for its circuits through
//! [`X25::circuit`]: to accept, clear, reset, interrupt, send and read. What happens on them it
//! hears from [`X25::poll_application`], in the packet layer's words.
//!
//! After using a circuit the owner calls [`X25::tick`], or lets whoever runs the device do so.

use std::collections::VecDeque;
use std::time::Instant;

use wanbox_link::x25::{Call, Event as Told, Layer, Refusal};
use wanbox_wire::x25::Lci;

use super::{Accept, Holder, X25};

/// Who speaks for an application, by a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub u32);

/// Something that an owner must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationEvent {
    /// Whose circuit it is.
    pub owner: Owner,
    /// What happened on it. After `Cleared` and `ClearConfirmed` it is nobody's.
    pub event: Told,
}

/// What applications wait for, and hear.
#[derive(Debug, Default)]
pub(super) struct Applications {
    wanted: Vec<(Owner, Accept)>,
    events: VecDeque<ApplicationEvent>,
}

impl Applications {
    /// Who takes a call: of those who want it, the one that demands most; of equals the first.
    pub(super) fn listener(&self, call: &Call) -> Option<Owner> {
        let mut best: Option<(Owner, usize)> = None;
        for (owner, accept) in self.wanted.iter().filter(|(_, accept)| accept.takes(call)) {
            let weight = accept.weight();
            if best.is_none_or(|(_, other)| weight > other) {
                best = Some((*owner, weight));
            }
        }
        best.map(|(owner, _)| owner)
    }

    /// Whether somebody wants calls with these addresses.
    pub(super) fn is_addressed(&self, call: &Call) -> bool {
        let mut wanted = self.wanted.iter();
        wanted.any(|(_, accept)| accept.is_addressed(call))
    }

    pub(super) fn tell(&mut self, event: ApplicationEvent) {
        self.events.push_back(event);
    }
}

impl X25 {
    /// Calls like this are for `owner` from now on, who then accepts or clears them. An owner may
    /// want several kinds.
    pub fn listen(&mut self, owner: Owner, accept: Accept) {
        self.applications.wanted.push((owner, accept));
    }

    /// `owner` wants no more calls. Those that it has stay.
    pub fn unlisten(&mut self, owner: Owner) {
        self.applications
            .wanted
            .retain(|(other, _)| *other != owner);
    }

    /// Places a call for `owner`.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn call(&mut self, now: Instant, owner: Owner, call: &Call) -> Result<Lci, Refusal> {
        self.now = now;
        let layer = self.layer.as_mut().ok_or(Refusal::Down)?;
        let channel = layer.call(now, call)?;
        self.set_holder(channel, Holder::Application(owner));
        Ok(channel)
    }

    /// Gives a permanent circuit that nobody has to `owner`.
    ///
    /// # Errors
    /// There is no such circuit, or somebody has it.
    pub fn attach(&mut self, owner: Owner, channel: Lci) -> Result<(), Refusal> {
        if !self.is_permanent(channel) {
            return Err(Refusal::NoCircuit);
        }
        if self.holder(channel) != Holder::Nobody {
            return Err(Refusal::State);
        }
        self.set_holder(channel, Holder::Application(owner));
        Ok(())
    }

    /// The packet layer, for a circuit that `owner` has.
    ///
    /// # Errors
    /// It has not.
    pub fn circuit(&mut self, owner: Owner, channel: Lci) -> Result<&mut Layer, Refusal> {
        if self.holder(channel) != Holder::Application(owner) {
            return Err(Refusal::NoCircuit);
        }
        self.layer.as_mut().ok_or(Refusal::Down)
    }

    /// The circuits that `owner` has.
    pub fn circuits_of(&self, owner: Owner) -> impl Iterator<Item = Lci> {
        self.holders
            .iter()
            .enumerate()
            .filter(move |(_, holder)| **holder == Holder::Application(owner))
            .filter_map(|(place, _)| Lci::new(place as u16))
    }

    /// `owner` is gone: its calls are cleared, its permanent circuits reset, so that the other ends
    /// know.
    pub fn release(&mut self, now: Instant, owner: Owner) {
        self.now = now;
        self.unlisten(owner);
        let circuits: Vec<Lci> = self.circuits_of(owner).collect();
        for channel in circuits {
            if self.is_permanent(channel) {
                self.set_holder(channel, Holder::Nobody);
                if let Some(layer) = &mut self.layer {
                    // A link that is down has nothing to reset.
                    let _ = layer.reset(now, channel, 0, 0);
                }
                self.drop_unclaimed(channel);
            } else {
                self.clear(channel, 0, 0);
            }
        }
        self.applications.events.retain(|told| told.owner != owner);
        self.settle();
    }

    /// What happened on circuits of applications, oldest first.
    pub fn poll_application(&mut self) -> Option<ApplicationEvent> {
        self.applications.events.pop_front()
    }

    pub(super) fn application_event(&mut self, owner: Owner, channel: Lci, event: Told) {
        if matches!(event, Told::Cleared { .. } | Told::ClearConfirmed(_)) {
            self.set_holder(channel, Holder::Nobody);
        }
        self.applications.tell(ApplicationEvent { owner, event });
    }
}

/// The circuit that an event is of.
pub(super) fn channel_of(event: &Told) -> Option<Lci> {
    match event {
        Told::Up | Told::Down(_) | Told::Diagnostic { .. } => None,
        Told::Incoming { channel, .. }
        | Told::Connected { channel, .. }
        | Told::Cleared { channel, .. }
        | Told::Reset { channel, .. }
        | Told::Interrupt { channel, .. }
        | Told::ClearConfirmed(channel)
        | Told::ResetConfirmed(channel)
        | Told::InterruptConfirmed(channel)
        | Told::Delivered(channel)
        | Told::Readable(channel)
        | Told::Writable(channel) => Some(*channel),
    }
}
