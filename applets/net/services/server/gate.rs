//! `tcpgate`: a connection of the network handed to one of the host.
//!
//! Octets are not kept here: what comes waits in TCP until the host takes it, and what the host says is taken as
//! far as TCP has room.

use std::time::Instant;

use wanbox_net_engine::Station;

use super::{Role, Services};
use crate::{GateId, Notice};

/// A gate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    /// The host's side is there.
    opened: bool,
    /// The owner was told that octets wait.
    told: bool,
    /// The owner is to be told when there is room.
    wants_room: bool,
    /// The owner was told that the network's side says nothing more.
    finished: bool,
    /// The host's side says nothing more.
    pub(super) ended: bool,
}

impl Gate {
    /// Something happened to its connection, of which octets came, or the end of them was read.
    pub(super) fn news(
        &mut self,
        id: GateId,
        station: &Station,
        received: bool,
        finished: bool,
        notices: &mut std::collections::VecDeque<Notice>,
    ) {
        let waits = station.tcp.peek(id.0).is_ok_and(|(a, _)| !a.is_empty());
        if received && self.opened && waits && !std::mem::replace(&mut self.told, true) {
            notices.push_back(Notice::GateReadable(id));
        }
        if self.opened && finished && !std::mem::replace(&mut self.finished, true) {
            notices.push_back(Notice::GateFinished(id));
        }
        let room = station.tcp.sendable(id.0).unwrap_or(0) > 0;
        if room && std::mem::take(&mut self.wants_room) {
            notices.push_back(Notice::GateWritable(id));
        }
    }
}

impl Services {
    fn gate(&mut self, id: GateId) -> Option<&mut Gate> {
        match &mut self.servers.served.get_mut(&id.0.number())?.role {
            Role::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// The host's side of a gate is there.
    pub fn gate_opened(&mut self, now: Instant, station: &mut Station, id: GateId) {
        if let Some(gate) = self.gate(id) {
            gate.opened = true;
            self.drive(now, station, id.0, true);
        }
    }

    /// What the host is to get, without a copy: where the buffer wraps it is in two parts.
    #[must_use]
    pub fn gate_peek<'s>(&self, station: &'s Station, id: GateId) -> (&'s [u8], &'s [u8]) {
        let ours = self.servers.served.get(&id.0.number());
        let is_gate = ours.is_some_and(|served| matches!(served.role, Role::Gate(_)));
        if is_gate {
            station.tcp.peek(id.0).unwrap_or_default()
        } else {
            Default::default()
        }
    }

    /// The host has taken so many octets of [`Services::gate_peek`].
    pub fn gate_consume(&mut self, now: Instant, station: &mut Station, id: GateId, octets: usize) {
        if let Some(gate) = self.gate(id) {
            gate.told = false;
            self.moved(now, id);
            // There was something to be peeked at.
            let _ = station.tcp.consume(id.0, octets);
            self.drive(now, station, id.0, false);
        }
    }

    /// How many octets of the host a gate takes now. When it is none, [`Notice::GateWritable`] comes with the room.
    pub fn gate_room(&mut self, station: &Station, id: GateId) -> usize {
        let Some(gate) = self.gate(id).filter(|gate| !gate.ended) else {
            return 0;
        };
        let room = station.tcp.sendable(id.0).unwrap_or(0);
        gate.wants_room |= room == 0;
        room
    }

    /// The host sent something: how much of it was taken. [`Notice::GateWritable`] comes when there is room for more.
    pub fn gate_received(&mut self, station: &mut Station, id: GateId, octets: &[u8]) -> usize {
        let Some(gate) = self.gate(id) else {
            return 0;
        };
        let sent = station.tcp.send(id.0, octets).unwrap_or(0);
        gate.wants_room |= sent < octets.len();
        sent
    }

    /// The host's side says nothing more, and still listens: what it sent before goes out, and what the network's
    /// side says until it ends, too, comes in.
    pub fn gate_ended(&mut self, now: Instant, station: &mut Station, id: GateId) {
        if let Some(gate) = self.gate(id) {
            gate.ended = true;
            self.moved(now, id);
            // An error says that it is over.
            let _ = station.tcp.close(id.0);
            self.drive(now, station, id.0, false);
        }
    }

    /// Something passed.
    fn moved(&mut self, now: Instant, id: GateId) {
        if let Some(served) = self.servers.served.get_mut(&id.0.number()) {
            served.seen = now;
        }
    }

    /// The host's side is closed, or could not be opened. What it sent before still goes out.
    pub fn gate_closed(&mut self, now: Instant, station: &mut Station, id: GateId) {
        if self.gate(id).is_some() {
            self.close_served(now, station, id.0);
        }
    }
}
