//! What connections bring.

use std::time::Instant;

use wanbox_wire::x25::xot::{HEADER, PvcSetup, split};
use wanbox_wire::x25::{Lci, cause};
use wanbox_wire::x25::{Packet, kind};

use super::{Channel, Connection, PARTIAL, Phase, Xot, count, flow};

/// What becomes of a connection behind a packet.
#[derive(PartialEq, Eq)]
pub(super) enum Then {
    /// It goes on.
    Goes,
    /// It is closed.
    Close,
}

impl Xot {
    /// A connection brought octets, which are changed; whole packets for the packet layer are given
    /// to `each`.
    pub fn received(
        &mut self,
        now: Instant,
        connection: Connection,
        octets: &mut [u8],
        each: &mut dyn FnMut(&[u8]),
    ) {
        let Some(slot) = self.slot(connection) else {
            return;
        };
        let mut partial = std::mem::take(&mut slot.partial);
        let mut rest: &mut [u8] = octets;
        // A packet that began in what came before: its octets are gathered until it is whole.
        while !partial.is_empty() && !rest.is_empty() {
            let before = partial.len();
            let more = rest.len().min(PARTIAL - before);
            partial.extend_from_slice(rest.get(..more).unwrap_or_default());
            let then = match split(&partial) {
                Ok(None) => {
                    rest = std::mem::take(&mut rest)
                        .get_mut(more..)
                        .unwrap_or_default();
                    continue;
                }
                Ok(Some(found)) => {
                    let whole = partial.len() - found.rest.len();
                    rest = std::mem::take(&mut rest)
                        .get_mut(whole - before..)
                        .unwrap_or_default();
                    partial.truncate(whole);
                    let packet = partial.get_mut(HEADER..);
                    self.packet(now, connection, packet.unwrap_or_default(), each)
                }
                Err(_) => self.malformed(),
            };
            partial.clear();
            if then == Then::Close {
                return self.give_up(now, connection);
            }
        }
        loop {
            let length = match split(rest) {
                Ok(Some(found)) => found.packet.len(),
                Ok(None) => break,
                Err(_) => {
                    self.malformed();
                    return self.give_up(now, connection);
                }
            };
            let (whole, behind) = std::mem::take(&mut rest).split_at_mut(HEADER + length);
            rest = behind;
            let packet = whole.get_mut(HEADER..);
            if self.packet(now, connection, packet.unwrap_or_default(), each) == Then::Close {
                return self.give_up(now, connection);
            }
        }
        if let Some(slot) = self.slot(connection) {
            partial.extend_from_slice(rest);
            slot.partial = partial;
        }
    }

    fn malformed(&mut self) -> Then {
        count(&mut self.counters.malformed);
        Then::Close
    }

    fn give_up(&mut self, now: Instant, connection: Connection) {
        self.closed(now, connection);
        self.actions.push_back(super::Action::Close(connection));
    }

    fn packet(
        &mut self,
        now: Instant,
        connection: Connection,
        packet: &mut [u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> Then {
        let Some(phase) = self.slot(connection).map(|slot| slot.phase) else {
            return Then::Goes;
        };
        // Its format identifier says nothing of circuits.
        match phase {
            Phase::Silent if PvcSetup::is(packet) => {
                return self.asked_permanent(now, connection, packet);
            }
            Phase::Asking if PvcSetup::is(packet) => {
                return self.answered_permanent(now, connection, packet);
            }
            _ => {}
        }
        let Ok(parsed) = Packet::parse(self.parameters.modulo, packet) else {
            count(&mut self.counters.other_modulo);
            // What was to be a call cannot become one.
            return match phase {
                Phase::Silent => Then::Close,
                _ => Then::Goes,
            };
        };
        let (kind, is_data, lci) = (parsed.kind(), parsed.is_data(), parsed.lci());
        // These are between a DTE and its network, and go no further (section 6.4).
        let local = match kind {
            kind::RESTART_REQUEST
            | kind::RESTART_CONFIRMATION
            | kind::DIAGNOSTIC
            | kind::REGISTRATION_REQUEST
            | kind::REGISTRATION_CONFIRMATION => true,
            _ => !is_data && kind & 0x1f == kind::REJ,
        };
        match (phase, kind) {
            _ if local => self.misplaced(),
            (Phase::Silent, kind::CALL_REQUEST) => {
                return self.called(now, connection, lci, packet, each);
            }
            (Phase::Resetting, kind::RESET_REQUEST | kind::RESET_CONFIRMATION) => {
                self.set_phase(connection, Phase::Carrying);
            }
            // What is under way when a permanent circuit begins is lost with the reset.
            (Phase::Resetting, _) => {}
            (Phase::Carrying, kind::CLEAR_REQUEST) if !self.is_permanent(connection) => {
                self.set_phase(connection, Phase::Cleared);
                self.deliver(connection, packet, each);
            }
            (Phase::Carrying, kind::CALL_REQUEST | kind::CLEAR_CONFIRMATION) => self.misplaced(),
            (Phase::Carrying, kind::CALL_ACCEPTED | kind::CLEAR_REQUEST)
                if self.is_permanent(connection) =>
            {
                self.misplaced();
            }
            (Phase::Carrying, _) => self.deliver(connection, packet, each),
            (Phase::Ending, kind::CLEAR_CONFIRMATION | kind::CLEAR_REQUEST) => return Then::Close,
            (Phase::Ending, _) => {}
            _ => self.misplaced(),
        }
        Then::Goes
    }

    fn misplaced(&mut self) {
        count(&mut self.counters.misplaced);
    }

    fn is_permanent(&mut self, connection: Connection) -> bool {
        let channel = self.slot(connection).and_then(|slot| slot.channel);
        channel.is_some_and(|channel| self.permanents.has(channel))
    }

    /// A packet to the packet layer, on its channel.
    fn deliver(&mut self, connection: Connection, packet: &mut [u8], each: &mut dyn FnMut(&[u8])) {
        let Some(channel) = self.slot(connection).and_then(|slot| slot.channel) else {
            return;
        };
        // What the network said before comes before it.
        while let Some(said) = self.packets.pop_front() {
            each(&said);
        }
        let [high, low] = channel.get().to_be_bytes();
        if let Some([first, second]) = packet.first_chunk_mut::<2>() {
            *first = *first & 0xf0 | high;
            *second = low;
        }
        each(packet);
    }

    /// A peer calls.
    fn called(
        &mut self,
        now: Instant,
        connection: Connection,
        lci: Lci,
        packet: &mut [u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> Then {
        let owes_flow = flow::missing_in(self.parameters.modulo, packet);
        let channel = self.free.lowest();
        if let Some(slot) = self.slot(connection) {
            slot.on_wire = lci;
            slot.channel = channel;
            slot.owes_flow = owes_flow;
        }
        match channel {
            Some(channel) => {
                self.set_phase(connection, Phase::Carrying);
                self.set_channel(channel, Channel::Bound(connection));
                self.deliver(connection, packet, each);
            }
            None => {
                count(&mut self.counters.no_channel);
                self.refuse(now, connection, cause::clear::NETWORK_CONGESTION);
            }
        }
        Then::Goes
    }
}
