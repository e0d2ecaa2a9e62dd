//! Data and interrupts (X.25 section 4.3), flow control (4.4.1).

use std::time::Instant;

use wanbox_wire::x25::{Body, Flow, Lci, MAX_INTERRUPT, Marks, diagnostic};

use super::circuit::{Resetting, State, due};
use super::counters::count;
use super::window::MESSAGE_LAST;
use super::{Event, Layer, Refusal};

impl Layer {
    /// Takes a message to send, behind those that wait, and cuts it into packets. With M the next
    /// one continues it; such messages share packets, so that every packet with M is full. D stands
    /// in the last packet of the message, also when it has M.
    ///
    /// # Errors
    /// Why it is not taken; nothing of it is. After [`Refusal::Full`], [`Event::Writable`] follows.
    pub fn send(
        &mut self,
        _now: Instant,
        channel: Lci,
        marks: Marks,
        message: &[u8],
    ) -> Result<(), Refusal> {
        let queue = self.parameters.queue;
        let no_delivery = marks.d && !self.parameters.delivery_confirmation;
        let outgoing = &mut self.connected(channel)?.outgoing;
        let refusal = if no_delivery {
            Some(Refusal::NoDelivery)
        } else if message.len() > MESSAGE_LAST {
            Some(Refusal::TooLong)
        } else if !outgoing.fits(marks.q) {
            Some(Refusal::Qualifier)
        } else if !outgoing.takes(message.len(), queue) {
            outgoing.refused = true;
            Some(Refusal::Full)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return self.refuse(refusal);
        }
        if let Some(circuit) = self.circuits.get_mut(channel) {
            circuit.outgoing.push(marks, message, &mut self.spare);
            if circuit.has_packet(self.parameters.modulo) {
                self.wake(channel);
            }
        }
        Ok(())
    }

    /// The longest message that [`Layer::send`] takes now. It grows when packets are sent;
    /// [`Event::Writable`] tells that only to those who were refused.
    #[must_use]
    pub fn room(&self, channel: Lci) -> usize {
        match self.circuits.get(channel) {
            Some(circuit) if circuit.state == State::Transfer && self.up => {
                circuit.outgoing.room(self.parameters.queue)
            }
            _ => 0,
        }
    }

    /// The next received packet of a circuit, appended to `data`. A message ends with the first
    /// packet without M. What is not read closes the window, and the peer keeps the rest.
    pub fn read(&mut self, now: Instant, channel: Lci, data: &mut Vec<u8>) -> Option<Marks> {
        let modulo = self.modulo();
        let circuit = self.circuits.get_mut(channel)?;
        if !circuit.is_owned() {
            return None;
        }
        let incoming = &mut circuit.incoming;
        let Some(marks) = incoming.read(modulo, data, &mut self.spare) else {
            incoming.told = false;
            return None;
        };
        self.acknowledge(now, channel, marks.d);
        Some(marks)
    }

    /// Whether the owner of a circuit says itself when packets with D are delivered, as a switch
    /// must that waits for the other side; else, and what waits when that ends, reading delivers.
    /// Packets behind such a packet are not acknowledged before it is.
    ///
    /// # Errors
    /// No such circuit.
    pub fn withhold_delivery(&mut self, channel: Lci, withhold: bool) -> Result<(), Refusal> {
        match self.circuits.get_mut(channel) {
            Some(circuit) if circuit.is_owned() => {
                let incoming = &mut circuit.incoming;
                incoming.withhold = withhold;
                if !withhold && incoming.deliver_all() && circuit.is_ready() {
                    self.owe(channel, due::ACKNOWLEDGEMENT);
                }
                Ok(())
            }
            _ => self.refuse(Refusal::NoCircuit),
        }
    }

    /// The oldest packet with D that was read and withheld is delivered: it is acknowledged.
    ///
    /// # Errors
    /// There is none.
    pub fn deliver(&mut self, now: Instant, channel: Lci) -> Result<(), Refusal> {
        if !self.connected(channel)?.incoming.deliver() {
            return self.refuse(Refusal::State);
        }
        self.acknowledge(now, channel, true);
        Ok(())
    }

    /// Whether the owner is busy: the peer is told (RNR) to send nothing more for now. What is
    /// under way still comes.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn set_busy(&mut self, _now: Instant, channel: Lci, busy: bool) -> Result<(), Refusal> {
        let circuit = self.connected(channel)?;
        if circuit.incoming.busy != busy {
            circuit.incoming.busy = busy;
            if circuit.resetting == Resetting::No {
                self.owe(channel, due::BUSY);
            }
        }
        Ok(())
    }

    /// Sends an interrupt of 1 to 32 octets, past all data. [`Event::InterruptConfirmed`] follows;
    /// until then there is no other.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn interrupt(&mut self, _now: Instant, channel: Lci, data: &[u8]) -> Result<(), Refusal> {
        let circuit = self.connected(channel)?;
        let refusal = if circuit.resetting != Resetting::No {
            Some(Refusal::State)
        } else if data.is_empty() {
            Some(Refusal::Empty)
        } else if data.len() > MAX_INTERRUPT {
            Some(Refusal::TooLong)
        } else if circuit.interrupts.ours {
            Some(Refusal::Interrupt)
        } else {
            circuit.interrupts.ours = true;
            circuit.interrupts.data = data.to_vec();
            None
        };
        if let Some(refusal) = refusal {
            return self.refuse(refusal);
        }
        self.owe(channel, due::INTERRUPT);
        Ok(())
    }

    /// Confirms the peer's interrupt.
    ///
    /// # Errors
    /// There is none, or it was forgotten in a reset.
    pub fn confirm_interrupt(&mut self, _now: Instant, channel: Lci) -> Result<(), Refusal> {
        let circuit = self.connected(channel)?;
        if circuit.due & due::INTERRUPT_CONFIRMATION != 0 || !circuit.interrupts.peers {
            return self.refuse(Refusal::Interrupt);
        }
        self.owe(channel, due::INTERRUPT_CONFIRMATION);
        Ok(())
    }

    /// Something was read or delivered: the peer is told when half a window waits, when it asked
    /// with D, or when no data go for a while.
    fn acknowledge(&mut self, now: Instant, channel: Lci, asked: bool) {
        let modulo = self.modulo();
        let delay = self.parameters.acknowledgement;
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return;
        };
        let waiting = circuit.incoming.unacknowledged(modulo);
        if waiting == 0 || !circuit.is_ready() {
            return;
        }
        let half = circuit.flow.receive_window.div_ceil(2);
        if asked || waiting >= half || delay.is_zero() {
            self.owe(channel, due::ACKNOWLEDGEMENT);
        } else if !std::mem::replace(&mut circuit.incoming.listed, true) {
            self.acknowledgements.push_back((now + delay, channel));
        }
    }

    /// Data, flow control or an interrupt on a circuit that is ready for it (d1); else the
    /// diagnostic of the reset that is due.
    pub(super) fn receive_transfer(&mut self, channel: Lci, body: &Body<'_>) -> Result<(), u8> {
        let modulo = self.modulo();
        let delivery = self.parameters.delivery_confirmation;
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return Ok(());
        };
        let incoming = &mut circuit.incoming;
        match *body {
            Body::Data {
                marks,
                ps,
                pr,
                data,
            } => {
                if data.len() > circuit.flow.receive_size.octets() {
                    return Err(diagnostic::TOO_LONG);
                }
                if !incoming.expects(modulo, circuit.flow.receive_window, ps) {
                    count(&mut self.counters.invalid_ps);
                    return Err(diagnostic::INVALID_PS);
                }
                if marks.d && !delivery {
                    return Err(diagnostic::D_BIT_NOT_SUPPORTED);
                }
                if !incoming.fits(marks.q) {
                    return Err(diagnostic::INCONSISTENT_Q);
                }
                self.receive_pr(channel, pr, None)?;
                let Some(circuit) = self.circuits.get_mut(channel) else {
                    return Ok(());
                };
                let incoming = &mut circuit.incoming;
                incoming.push(modulo, marks, data, &mut self.spare);
                if !std::mem::replace(&mut incoming.told, true) {
                    self.tell(Event::Readable(channel));
                }
            }
            Body::Flow { flow, pr } => {
                let busy = match flow {
                    Flow::Ready => false,
                    Flow::NotReady => true,
                    Flow::Reject => return Err(diagnostic::REJECT_NOT_SUBSCRIBED),
                };
                self.receive_pr(channel, pr, Some(busy))?;
            }
            Body::Interrupt(data) => {
                if std::mem::replace(&mut circuit.interrupts.peers, true) {
                    return Err(diagnostic::UNAUTHORIZED_INTERRUPT);
                }
                let data = data.to_vec();
                self.tell(Event::Interrupt { channel, data });
            }
            Body::InterruptConfirmation => {
                let waits = circuit.interrupts.ours && circuit.due & due::INTERRUPT == 0;
                if !waits {
                    return Err(diagnostic::UNAUTHORIZED_CONFIRMATION);
                }
                circuit.interrupts.ours = false;
                self.stop_t26(channel);
                self.tell(Event::InterruptConfirmed(channel));
            }
            _ => {}
        }
        Ok(())
    }

    /// P(R) came, with a word on whether the peer is busy or without.
    fn receive_pr(&mut self, channel: Lci, pr: u8, busy: Option<bool>) -> Result<(), u8> {
        let modulo = self.modulo();
        let Some(circuit) = self.circuits.get_mut(channel) else {
            return Ok(());
        };
        let Some(delivered) = circuit.outgoing.acknowledge(modulo, pr) else {
            count(&mut self.counters.invalid_pr);
            return Err(diagnostic::INVALID_PR);
        };
        if let Some(busy) = busy {
            circuit.outgoing.peer_busy = busy;
        }
        if circuit.has_packet(modulo) {
            self.wake(channel);
        }
        if delivered {
            self.tell(Event::Delivered(channel));
        }
        Ok(())
    }
}
