//! Calls of interfaces: placed for the first packet, accepted, cleared when nothing passes.

use std::time::Instant;

use wanbox_link::x25::{By, Call, Event as Told};
use wanbox_wire::x25::Lci;

use super::carries::Carries;
use super::notes::What;
use super::{Circuit, Holder, Port, State, X25};
use crate::{ChannelId, Event, PayloadKind, Refusal};

impl X25 {
    /// A packet wants a circuit that is not there.
    pub(super) fn place_call(&mut self, id: ChannelId, kind: PayloadKind) -> Result<(), Refusal> {
        let now = self.now;
        let (Some(Some(port)), Some(layer)) =
            (self.ports.get_mut(usize::from(id.0)), &mut self.layer)
        else {
            return Err(Refusal::ChannelDown);
        };
        let callable = matches!(port.config.circuit, Circuit::Switched(a) if !a.is_empty());
        if !callable {
            port.counters.tx_no_circuit += 1;
            return Err(Refusal::ChannelDown);
        }
        if port.hold_until.is_some_and(|until| now < until) {
            port.counters.tx_held_down += 1;
            return Err(Refusal::ChannelDown);
        }
        let carries = port.config.encapsulation.carries();
        if carries.identifier(kind).is_none() {
            port.counters.tx_unsupported += 1;
            return Err(Refusal::Unsupported);
        }
        port.hold_until = None;
        let call = port.call();
        match layer.call(now, &call) {
            Ok(channel) => {
                port.counters.calls_placed += 1;
                port.remote = call.called;
                port.begin(State::Calling(channel), carries, now);
                let refusal = port.wait();
                self.set_holder(channel, Holder::Port(id));
                let what = What::Calling(call.called);
                self.notes.push(Some(id), Some(channel), what);
                Err(refusal)
            }
            Err(refusal) => {
                port.counters.calls_failed += 1;
                port.hold_until = Some(now + port.config.hold);
                self.notes.push(Some(id), None, What::NotPlaced(refusal));
                Err(Refusal::ChannelDown)
            }
        }
    }

    /// Something happened on an interface's circuit.
    pub(super) fn port_event(&mut self, id: ChannelId, channel: Lci, event: Told) {
        let now = self.now;
        let slot = self.ports.get_mut(usize::from(id.0));
        let Some(port) = slot.and_then(Option::as_mut) else {
            return;
        };
        match event {
            Told::Connected { .. } => {
                port.begin(State::Up(channel), port.carries, now);
                self.notes.push(Some(id), Some(channel), What::Connected);
                self.came_up(id);
            }
            Told::Cleared {
                by,
                cause,
                diagnostic,
                ..
            } => {
                let failed = matches!(port.state, State::Calling(_));
                if failed {
                    port.counters.calls_failed += 1;
                    // The call that was in the way, or a new one, may do better; so may a new link.
                    if !matches!(by, By::Collision | By::Restart | By::Link) {
                        port.hold_until = Some(now + port.config.hold);
                    }
                } else {
                    port.counters.cleared += 1;
                }
                let what = What::Cleared {
                    by,
                    cause,
                    diagnostic,
                };
                self.notes.push(Some(id), Some(channel), what);
                self.set_holder(channel, Holder::Nobody);
                self.went_down(id);
            }
            Told::Reset {
                by,
                cause,
                diagnostic,
                ..
            } => {
                port.counters.resets += 1;
                port.forget();
                let what = What::Reset {
                    by,
                    cause,
                    diagnostic,
                };
                self.notes.push(Some(id), Some(channel), what);
                self.room(id);
            }
            Told::Interrupt { .. } => {
                port.counters.rx_interrupts += 1;
                if let Some(layer) = &mut self.layer {
                    // It was there a moment ago.
                    let _ = layer.confirm_interrupt(now, channel);
                }
            }
            Told::Readable(_) => self.readable.push_back(channel),
            Told::Writable(_) | Told::ResetConfirmed(_) => self.room(id),
            _ => {}
        }
    }

    /// The circuit of an interface carries data.
    pub(super) fn came_up(&mut self, id: ChannelId) {
        self.events.push_back(Event::ChannelUp(id));
        if let Some(port) = self.port(id) {
            self.check_idle_at(port.idle_at());
        }
        self.room(id);
    }

    /// The circuit of an interface is gone.
    fn went_down(&mut self, id: ChannelId) {
        let Some(Some(port)) = self.ports.get_mut(usize::from(id.0)) else {
            return;
        };
        if port.is_up() {
            self.events.push_back(Event::ChannelDown(id));
        }
        port.state = State::Idle;
        port.forget();
        self.room(id);
    }

    /// The owner of a packet that waits tries again.
    fn room(&mut self, id: ChannelId) {
        if let Some(Some(port)) = self.ports.get_mut(usize::from(id.0))
            && port.stop_waiting()
        {
            self.events.push_back(Event::Room(id));
        }
    }

    fn check_idle_at(&mut self, at: Option<Instant>) {
        self.idle_check = [self.idle_check, at].into_iter().flatten().min();
    }

    /// Clears the calls that carry nothing.
    pub(super) fn clear_idle(&mut self) {
        self.idle_check = None;
        for place in 0..self.ports.len() {
            let id = ChannelId(place as u16);
            let Some(at) = self.port(id).and_then(Port::idle_at) else {
                continue;
            };
            let Some(Some(port)) = self.ports.get_mut(place) else {
                continue;
            };
            if port.waiting {
                // It has something to send: only the peer does not let it.
                port.last = self.now;
            }
            if at > self.now || port.waiting {
                let at = port.idle_at();
                self.check_idle_at(at);
                continue;
            }
            if let State::Up(channel) = port.state {
                port.counters.cleared_idle += 1;
                self.notes.push(Some(id), Some(channel), What::Idle);
                self.clear(channel, 0, 0);
                self.went_down(id);
            }
        }
    }

    /// Takes a call of the peer on an interface.
    pub(super) fn accept_call(
        &mut self,
        id: ChannelId,
        channel: Lci,
        call: &Call,
        carries: Carries,
    ) {
        let now = self.now;
        let (Some(Some(port)), Some(layer)) =
            (self.ports.get_mut(usize::from(id.0)), &mut self.layer)
        else {
            return;
        };
        // The call of ours that this one is in the way of.
        let ours = match port.state {
            State::Calling(ours) if ours != channel => Some(ours),
            _ => None,
        };
        if let Err(refusal) = layer.accept(now, channel, &Call::default()) {
            self.notes
                .push(Some(id), Some(channel), What::NotPlaced(refusal));
            self.clear(channel, 0, 0);
            return;
        }
        port.counters.calls_accepted += 1;
        port.remote = call.calling;
        port.hold_until = None;
        port.begin(State::Up(channel), carries, now);
        self.set_holder(channel, Holder::Port(id));
        if let Some(ours) = ours {
            self.clear(ours, 0, 0);
        }
        let what = What::Accepted(call.calling);
        self.notes.push(Some(id), Some(channel), what);
        self.came_up(id);
    }
}
