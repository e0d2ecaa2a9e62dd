//! What the packet layer sends.

use std::time::Instant;

use wanbox_wire::x25::{Body, kind};
use wanbox_wire::x25::{CallFields, Lci, cause};

use super::{Action, Channel, Connection, Phase, Slot, Xot, count, flow};

impl Xot {
    /// The packet layer sends a packet.
    pub fn send(&mut self, now: Instant, packet: &[u8]) {
        let (Some(channel), Some(&kind)) = (Lci::of(packet), packet.get(2)) else {
            return;
        };
        if channel == Lci::ZERO {
            if kind == kind::RESTART_REQUEST {
                self.restart(now);
            }
            // Diagnostics and registration are for networks, and confirmations of restarts for
            // those who restart.
            return;
        }
        if usize::from(channel.get()) >= self.channels.len() {
            return;
        }
        if self.permanents.has(channel) {
            return self.send_permanent(now, channel, kind, packet);
        }
        match kind {
            kind::CALL_REQUEST => self.call(now, channel, packet),
            kind::CLEAR_REQUEST => self.clear(now, channel, packet),
            kind::CLEAR_CONFIRMATION => self.confirm_clear(now, channel, packet),
            kind::CALL_ACCEPTED => self.accept_call(now, channel, packet),
            _ => self.forward(now, channel, packet),
        }
    }

    fn restart(&mut self, now: Instant) {
        for place in 0..self.slots.len() {
            let Some(connection) = Connection::at(place) else {
                break;
            };
            if self
                .slot(connection)
                .is_some_and(|slot| slot.phase != Phase::Silent)
            {
                self.drop_connection(connection);
            }
        }
        for place in 0..self.channels.len() {
            if let Some(channel) = u16::try_from(place).ok().and_then(Lci::new) {
                self.set_channel(channel, Channel::Free);
            }
        }
        self.packets.clear();
        self.up = true;
        self.tell(Lci::ZERO, Body::RestartConfirmation);
        self.restart_permanents(now);
    }

    /// The packet layer is gone, and with it all circuits.
    pub fn down(&mut self) {
        self.up = false;
        for place in 0..self.slots.len() {
            if let Some(connection) = Connection::at(place) {
                self.drop_connection(connection);
            }
        }
        self.packets.clear();
        self.permanents.forget();
    }

    fn call(&mut self, now: Instant, channel: Lci, packet: &[u8]) {
        match self.channel(channel) {
            Channel::Free => {}
            Channel::Bound(connection) => {
                // A call of a peer that the layer has not seen: it sees one of its own.
                count(&mut self.counters.no_channel);
                self.refuse(now, connection, cause::clear::NUMBER_BUSY);
            }
            // The layer has not seen that the last call on it ended: nothing can be said of which.
            Channel::Over => return count(&mut self.counters.unbound),
        }
        if !self.parameters.has_remote {
            return self.end_call(channel, cause::clear::NOT_OBTAINABLE);
        }
        let parameters = &self.parameters;
        let completed = flow::completed(
            parameters.modulo,
            packet,
            (true, true),
            parameters.packet_size,
            parameters.window,
        );
        let Some(connection) = self.open(Slot::new(Phase::Connecting, Some(channel))) else {
            return self.end_call(channel, cause::clear::NETWORK_CONGESTION);
        };
        self.set_channel(channel, Channel::Bound(connection));
        self.push(connection, completed.as_deref().unwrap_or(packet));
        self.actions.push_back(Action::Connect(connection));
    }

    fn accept_call(&mut self, now: Instant, channel: Lci, packet: &[u8]) {
        let owes = match self.channel(channel) {
            Channel::Bound(connection) => self.slot(connection).map(|slot| slot.owes_flow),
            _ => None,
        };
        let parameters = &self.parameters;
        let completed = flow::completed(
            parameters.modulo,
            packet,
            owes.unwrap_or_default(),
            parameters.packet_size,
            parameters.window,
        );
        self.forward(now, channel, completed.as_deref().unwrap_or(packet));
    }

    fn clear(&mut self, now: Instant, channel: Lci, packet: &[u8]) {
        let connection = match self.channel(channel) {
            Channel::Bound(connection) => connection,
            // Both cleared: neither has to confirm it.
            Channel::Over => return self.set_channel(channel, Channel::Free),
            Channel::Free => return self.confirm(channel),
        };
        match self.slot(connection).map(|slot| slot.phase) {
            // Nobody has heard of the call.
            Some(Phase::Connecting) => {
                self.drop_connection(connection);
                self.set_channel(channel, Channel::Free);
                self.confirm(channel);
            }
            // Both cleared.
            Some(Phase::Cleared) => {
                self.push(connection, packet);
                self.finish(now, connection);
                self.set_channel(channel, Channel::Free);
            }
            // The peer may confirm it, and needs no more time of the layer's for that.
            _ => {
                self.push(connection, packet);
                self.finish(now, connection);
                self.set_channel(channel, Channel::Free);
                self.confirm(channel);
            }
        }
    }

    fn confirm(&mut self, channel: Lci) {
        let fields = CallFields::default();
        self.tell(channel, Body::ClearConfirmation { fields });
    }

    fn confirm_clear(&mut self, now: Instant, channel: Lci, packet: &[u8]) {
        match self.channel(channel) {
            Channel::Over => self.set_channel(channel, Channel::Free),
            Channel::Bound(connection) => {
                self.push(connection, packet);
                self.finish(now, connection);
                self.set_channel(channel, Channel::Free);
            }
            Channel::Free => {}
        }
    }

    /// A packet as it is to the circuit's connection.
    pub(super) fn forward(&mut self, now: Instant, channel: Lci, packet: &[u8]) {
        let Channel::Bound(connection) = self.channel(channel) else {
            return count(&mut self.counters.unbound);
        };
        if !self.push(connection, packet) {
            count(&mut self.counters.stuck);
            self.closed(now, connection);
            self.actions.push_back(Action::Close(connection));
        }
    }

    /// A call of a peer is cleared by the network.
    pub(super) fn refuse(&mut self, now: Instant, connection: Connection, cause: u8) {
        let body = Body::ClearRequest {
            cause,
            diagnostic: wanbox_wire::x25::diagnostic::NONE,
            fields: CallFields::default(),
        };
        self.push_own(connection, body);
        self.finish(now, connection);
    }
}
