//! What is sent next: the link's own packets, then one packet of each circuit in turn.

use std::time::Instant;

use wanbox_wire::x25::{Body, CallFields, Flow, Lci, PacketRepr};

use super::circuit::due;
use super::counters::count;
use super::layer::Phase;
use super::timers::Timer;
use super::{Event, Layer};

/// Diagnostics that may wait to be sent.
const DIAGNOSTICS: usize = 8;

/// The first octets of a packet that a diagnostic packet is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explanation {
    octets: [u8; 3],
    len: usize,
}

impl Explanation {
    fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

impl Layer {
    /// The next packet to send, written over `packet`; `false` when there is none. To be asked only
    /// while the link below takes packets: so circuits get the same share of it, and what it does
    /// not take waits with them.
    pub fn poll_transmit(&mut self, now: Instant, packet: &mut Vec<u8>) -> bool {
        packet.clear();
        match self.phase {
            Phase::Down => return false,
            Phase::Ours if std::mem::take(&mut self.restart_due) => {
                self.restart_sent = true;
                self.t20 = Some(now + self.parameters.t20);
                let (cause, diagnostic) = self.reason;
                self.emit(
                    Lci::ZERO,
                    Body::RestartRequest { cause, diagnostic },
                    packet,
                );
                return true;
            }
            Phase::Peers => {
                self.emit(Lci::ZERO, Body::RestartConfirmation, packet);
                self.come_up();
                return true;
            }
            Phase::Ours | Phase::Ready => {}
        }
        if let Some((code, explanation)) = self.diagnostics.pop_front() {
            let explanation = explanation.octets();
            self.emit(Lci::ZERO, Body::Diagnostic { code, explanation }, packet);
            return true;
        }
        if self.phase != Phase::Ready {
            return false;
        }
        let modulo = self.modulo();
        while let Some(channel) = self.ready.pop_front() {
            self.queued.remove(channel);
            if self.transmit(now, channel, packet) {
                let again = self.circuits.get(channel);
                if again.is_some_and(|circuit| circuit.wants(modulo)) {
                    self.wake(channel);
                }
                return true;
            }
        }
        false
    }

    /// The next packet of a circuit.
    fn transmit(&mut self, now: Instant, channel: Lci, packet: &mut Vec<u8>) -> bool {
        let modulo = self.modulo();
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return false;
        };
        let first = circuit.due & circuit.due.wrapping_neg();
        if matches!(first, 0 | due::ACKNOWLEDGEMENT) && circuit.has_packet(modulo) {
            self.transmit_data(channel, packet);
            return true;
        }
        circuit.due &= !first;
        let (cause, diagnostic) = circuit.reason;
        match first {
            due::CALL => {
                if let Some(call) = circuit.call.take() {
                    let (delivery, fields) = (call.delivery, call.fields());
                    self.emit(channel, Body::CallRequest { delivery, fields }, packet);
                }
                self.start_timer(now, channel, Timer::T21);
            }
            due::ACCEPTED => {
                if let Some(call) = circuit.call.take() {
                    let (delivery, fields) = (call.delivery, call.fields());
                    self.emit(channel, Body::CallAccepted { delivery, fields }, packet);
                }
            }
            due::CLEAR => {
                // Kept, for it may have to be said again.
                let call = circuit.call.take();
                let fields = call
                    .as_ref()
                    .map_or(CallFields::default(), |call| call.fields());
                let body = Body::ClearRequest {
                    cause,
                    diagnostic,
                    fields,
                };
                self.emit(channel, body, packet);
                if let Some(circuit) = self.circuits.get_mut(channel) {
                    circuit.call = call;
                }
                self.start_timer(now, channel, Timer::T23);
            }
            due::CLEAR_CONFIRMATION => {
                let fields = CallFields::default();
                self.emit(channel, Body::ClearConfirmation { fields }, packet);
                self.free(channel);
            }
            due::RESET => {
                self.emit(channel, Body::ResetRequest { cause, diagnostic }, packet);
                self.start_timer(now, channel, Timer::T22);
            }
            due::RESET_CONFIRMATION => {
                self.emit(channel, Body::ResetConfirmation, packet);
                self.reset_done(channel);
            }
            due::INTERRUPT_CONFIRMATION => {
                circuit.interrupts.peers = false;
                self.emit(channel, Body::InterruptConfirmation, packet);
            }
            due::INTERRUPT => {
                let data = std::mem::take(&mut circuit.interrupts.data);
                self.emit(channel, Body::Interrupt(&data), packet);
                self.start_timer(now, channel, Timer::T26);
            }
            due::BUSY | due::ACKNOWLEDGEMENT => {
                circuit.due &= !(due::BUSY | due::ACKNOWLEDGEMENT);
                let incoming = &mut circuit.incoming;
                let pr = incoming.pr(modulo);
                incoming.acknowledged = pr;
                let flow = if incoming.busy {
                    Flow::NotReady
                } else {
                    Flow::Ready
                };
                self.emit(channel, Body::Flow { flow, pr }, packet);
            }
            _ => return false,
        }
        true
    }

    fn transmit_data(&mut self, channel: Lci, packet: &mut Vec<u8>) {
        let modulo = self.modulo();
        let queue = self.parameters.queue;
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        circuit.due &= !due::ACKNOWLEDGEMENT;
        let pr = circuit.incoming.pr(modulo);
        circuit.incoming.acknowledged = pr;
        let size = circuit.flow.send_size.octets();
        let marks = circuit.outgoing.next_marks(size);
        let body = Body::Data {
            marks,
            ps: circuit.outgoing.vs,
            pr,
            data: &[],
        };
        self.emit(channel, body, packet);
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        let outgoing = &mut circuit.outgoing;
        let octets = outgoing.take(modulo, size, marks.d, packet, &mut self.spare) as u64;
        let writable = outgoing.refused && outgoing.has_drained(queue);
        outgoing.refused &= !writable;
        let sent = &mut circuit.traffic.sent;
        sent.octets = sent.octets.wrapping_add(octets);
        let sent = &mut self.counters.traffic.sent;
        sent.octets = sent.octets.wrapping_add(octets);
        if writable {
            self.tell(Event::Writable(channel));
        }
    }

    fn emit(&mut self, channel: Lci, body: Body<'_>, packet: &mut Vec<u8>) {
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.traffic.sent.count(&body);
        }
        self.counters.traffic.sent.count(&body);
        PacketRepr { lci: channel, body }.append(self.parameters.modulo, packet);
    }

    /// The DCE tells that something was wrong with a packet that belongs to no circuit, or with
    /// nothing at all (annex C and D: DIAG).
    pub(super) fn complain(&mut self, code: u8, packet: &[u8]) {
        if !self.is_dce() {
            return;
        }
        if self.diagnostics.len() == DIAGNOSTICS {
            return count(&mut self.counters.diagnostics_lost);
        }
        let mut octets = [0; 3];
        let len = packet.len().min(octets.len());
        for (to, from) in octets.iter_mut().zip(packet) {
            *to = *from;
        }
        self.diagnostics
            .push_back((code, Explanation { octets, len }));
    }
}
