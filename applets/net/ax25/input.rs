//! What happens to a frame that came in.

use std::time::Instant;

use wanbox_wire::ax25::{Call, Class, Control, Digi, Digis, Header, pid};
use wanbox_wire::lapb::Modulo;

use crate::Port;
use crate::ax25::{Ax25, Digipeat, Way, in_turn};
use crate::event::{How, Packet};
use crate::links::Role;

/// Control fields (AX.25 section 4.2), without P/F.
pub(crate) mod control {
    pub const POLL: u8 = 0x10;
    pub const UI: u8 = 0x03;
    pub const DM: u8 = 0x0f;
    pub const SABM: u8 = 0x2f;
    pub const DISC: u8 = 0x43;
    pub const SABME: u8 = 0x6f;
    pub const TEST: u8 = 0xe3;
    pub const UA: u8 = 0x63;
    pub const FRMR: u8 = 0x87;
}

impl Ax25 {
    /// A frame came in on a line, without its FCS. `false`: its header is malformed.
    pub fn receive(&mut self, now: Instant, port: Port, frame: &[u8]) -> bool {
        self.counters.received += 1;
        let Ok((mut header, rest)) = Header::parse(frame) else {
            self.counters.bad_headers += 1;
            return false;
        };
        let Some(&field) = rest.first() else {
            self.counters.bad_headers += 1;
            return false;
        };
        let Some(ours) = self.ports.call(port) else {
            self.counters.no_port += 1;
            return true;
        };
        self.came(now, port, frame.len());
        self.show(port, Way::Received, frame);
        self.set_ups.note(port, &header, field);
        if header.immediate_source() != ours {
            let protocol = self.protocol(port, &header, rest);
            let passed = header.digis.get(..header.passed()).unwrap_or_default();
            let seen = self.heard.count(now, port, header.source);
            seen.heard(passed, protocol);
            self.destinations.count(now, port, header.destination);
        }
        let to = header.immediate_destination();
        let passed = header.passed();
        let remain = header.digis.len() > passed;
        // A program that has gone may still have a connection that ends.
        let is_ours = |id| {
            let link = self.links.get(id);
            link.is_some_and(|link| matches!(link.role, Role::Own))
        };
        let for_program = !remain
            && (self.registered.contains(&to)
                || self.links.find(to, header.source).is_some_and(is_ours));
        if !(to == ours || to.is_multicast() || for_program) {
            self.counters.for_others += 1;
            return true;
        }
        self.learn(now, port, &header, passed);
        let everybody = to.is_multicast();
        let is_ui = field & !control::POLL == control::UI;
        if remain {
            if everybody || self.digipeat == Digipeat::Off {
                self.counters.not_repeated += 1;
                return true;
            }
            if let Some(digi) = header.digis.get_mut(passed) {
                digi.repeated = true;
            }
            // Who sends to himself wants to see how far he gets.
            if self.digipeat == Digipeat::Repeat || is_ui || header.source == header.destination {
                self.repeat(&header, rest);
                return true;
            }
            let last = header.digis.len() == passed + 1;
            if !(last && self.is_own(header.destination)) {
                self.crosslink(now, port, &header, rest);
                return true;
            }
        }
        if is_ui {
            self.ui(port, &header, rest);
        } else if everybody || header.source == header.destination {
            self.counters.no_link += 1;
        } else {
            self.connected_mode(now, port, &header, rest);
        }
        true
    }

    /// The PID of a frame that has one.
    fn protocol(&self, port: Port, header: &Header, rest: &[u8]) -> Option<u8> {
        let modulo = self.modulo(port, header).unwrap_or(Modulo::Eight);
        let (control, rest) = Control::parse(modulo, rest).ok()?;
        rest.first().copied().filter(|_| control.has_pid())
    }

    fn learn(&mut self, now: Instant, port: Port, header: &Header, passed: usize) {
        let used = self.seconds(now);
        let digis = header.digis.get(..passed).unwrap_or_default();
        let (ports, registered) = (&self.ports, &self.registered);
        let is_own = |call: Call| ports.has_call(call) || registered.contains(&call);
        self.routes.learn(used, port, header.source, digis, &is_own);
    }

    /// Sends a frame on for others; our turn is marked.
    fn repeat(&mut self, header: &Header, rest: &[u8]) {
        let path = self.path(Some(header.source), &header.digis, header.destination, None);
        let Some((port, mut to)) = path else {
            self.counters.no_path += 1;
            return;
        };
        to.class = header.class;
        let mut frame = self.take();
        to.append(&mut frame);
        frame.extend_from_slice(rest);
        if self.enqueue(port, frame) {
            self.counters.repeated += 1;
        }
    }

    fn ui(&mut self, port: Port, header: &Header, rest: &[u8]) {
        let Some((protocol, octets)) = rest.get(1..).and_then(<[u8]>::split_first) else {
            self.counters.bad_headers += 1;
            return;
        };
        let packet = Packet {
            port,
            from: header.source,
            to: header.destination,
            how: How::Ui,
            pid: *protocol,
        };
        match *protocol {
            pid::IP | pid::ARP | pid::NETROM => self.put(packet, octets),
            _ => self.counters.unknown_pids += 1,
        }
    }

    /// How the sender of a frame is reached: its digipeaters backwards, from the last that is ours.
    pub(crate) fn way_back(&self, header: &Header, port: Port) -> Option<(Port, Header)> {
        let mut reply = Header::new(header.source, header.destination, Class::Response);
        let passed = header.passed();
        let digis = header.digis.get(..passed).unwrap_or_default();
        let ours = digis.iter().position(|digi| self.is_own(digi.call));
        let line = self.ports.line(port);
        let own = match ours.and_then(|at| digis.get(at)) {
            Some(own) if line == port => Some(own.call),
            Some(_) => Some(self.ports.call(line)?),
            None => None,
        };
        let own = own.map(|call| Digi {
            call,
            repeated: true,
        });
        let before = digis.get(..ours.unwrap_or(passed)).unwrap_or_default();
        let before = before.iter().rev().map(|digi| Digi::new(digi.call));
        reply.digis = in_turn(own.into_iter().chain(before));
        Some((line, reply))
    }

    /// Sends a frame of unnumbered control that belongs to no connection.
    pub(crate) fn answer(&mut self, to: (Port, Header), field: u8, information: &[u8]) {
        let (port, header) = to;
        let mut frame = self.take();
        header.append(&mut frame);
        frame.push(field);
        frame.extend_from_slice(information);
        self.enqueue(port, frame);
    }

    /// There is no connection: DM to who asks for an answer, TEST for TEST.
    pub(crate) fn refuse(&mut self, port: Port, header: &Header, rest: &[u8]) {
        self.counters.no_link += 1;
        let (field, information) = rest.split_first().unwrap_or((&control::DM, &[]));
        let poll = field & control::POLL;
        let kind = field & !control::POLL;
        let is_answer = kind == control::DM || kind == control::UA || kind == control::FRMR;
        if is_answer || header.class == Class::Response || poll == 0 && kind != control::DISC {
            return;
        }
        let Some(back) = self.way_back(header, port) else {
            return;
        };
        if kind == control::TEST {
            self.answer(back, control::TEST | poll, information);
        } else {
            self.answer(back, control::DM | poll, &[]);
        }
    }

    /// A frame of a connection that begins or ends here.
    fn connected_mode(&mut self, now: Instant, port: Port, header: &Header, rest: &[u8]) {
        let field = rest.first().copied().unwrap_or_default();
        let sets_up = begins(field);
        let (local, remote) = (header.destination, header.source);
        let id = match self.links.find(local, remote) {
            Some(id) => id,
            None if sets_up => {
                let Some(id) = self.open(port, header, Role::Own) else {
                    self.refuse(port, header, rest);
                    return;
                };
                id
            }
            None => {
                self.refuse(port, header, rest);
                return;
            }
        };
        if sets_up {
            // Who calls anew may have moved.
            let back = self.way_back(header, port);
            if let (Some(link), Some((line, path))) = (self.links.get_mut(id), back) {
                link.port = Some(line);
                link.header = path;
            }
        }
        if let Some(link) = self.links.get_mut(id) {
            link.connection.receive(now, header.class, rest);
        }
        self.work(now, id);
    }

    /// Makes the connection that a frame asks for, with the path that it came by.
    pub(crate) fn open(
        &mut self,
        port: Port,
        header: &Header,
        role: Role,
    ) -> Option<crate::LinkId> {
        let (line, path) = self.way_back(header, port)?;
        let mut connection = self.connection(&path, role);
        match role {
            Role::Own => connection.listen(),
            Role::Half(_) => connection.ask(),
        }
        let id = self.links.insert(role, path, Some(line), connection);
        if id.is_none() {
            self.counters.too_many_links += 1;
        }
        id
    }
}

/// Whether a control field sets up a connection: SABM or SABME.
pub(crate) const fn begins(field: u8) -> bool {
    matches!(field & !control::POLL, control::SABM | control::SABME)
}

/// Digipeaters that have yet to repeat.
pub(crate) fn ahead(digis: &Digis) -> u8 {
    digis.iter().filter(|digi| !digi.repeated).count() as u8
}
