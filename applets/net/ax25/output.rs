//! What leaves.

use std::time::Instant;

use wanbox_wire::ax25::{Call, Digis, Header, pid};

use crate::Port;
use crate::ax25::{Ax25, Source, Way};
use crate::input::control;

/// A frame that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The line.
    pub port: Port,
    /// It carries a datagram, or a piece of one.
    pub ip: bool,
}

impl Ax25 {
    /// The next frame, written over `frame` without its FCS. `ready` says whether a line takes one now: what
    /// it does not take stays here, where windows close.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        ready: &mut dyn FnMut(Port) -> bool,
        frame: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        for _ in 0..self.pending.len() {
            let source = self.pending.pop_front()?;
            let port = match source {
                Source::Port(port) => self.take_queued(source, port, ready, frame),
                Source::Link(id) => {
                    let Some(link) = self.links.get(id) else {
                        continue;
                    };
                    if link.port.is_some_and(|port| !ready(port)) {
                        self.pending.push_back(source);
                        continue;
                    }
                    let port = self.take_from(now, source, frame);
                    self.links.arm(id);
                    if port.is_none() {
                        self.reap(id);
                    }
                    port
                }
            };
            if let Some(port) = port {
                return Some(self.sent(now, port, frame));
            }
        }
        None
    }

    fn take_queued(
        &mut self,
        source: Source,
        port: Port,
        ready: &mut dyn FnMut(Port) -> bool,
        frame: &mut Vec<u8>,
    ) -> Option<Port> {
        let queue = self.queues.get_mut(port.index())?;
        if queue.is_empty() {
            return None;
        }
        if !ready(port) {
            self.pending.push_back(source);
            return None;
        }
        let mut next = queue.pop_front()?;
        if !queue.is_empty() {
            self.pending.push_back(source);
        }
        std::mem::swap(frame, &mut next);
        self.give(next);
        Some(port)
    }

    fn take_from(&mut self, now: Instant, source: Source, frame: &mut Vec<u8>) -> Option<Port> {
        let Source::Link(id) = source else {
            return None;
        };
        let mut body = self.take();
        let mut port = None;
        while let Some(link) = self.links.get_mut(id) {
            body.clear();
            let Some(class) = link.connection.poll_transmit(now, &mut body) else {
                link.pending = false;
                break;
            };
            // Without a line it vanishes.
            if link.port.is_some() {
                port = link.port;
                frame.clear();
                link.header.class = class;
                link.header.append(frame);
                frame.extend_from_slice(&body);
                self.pending.push_back(source);
                break;
            }
        }
        self.give(body);
        port
    }

    /// A frame leaves: it is counted, and who it is for.
    fn sent(&mut self, now: Instant, port: Port, frame: &[u8]) -> Outgoing {
        self.counters.sent += 1;
        self.show(port, Way::Sent, frame);
        let mut ip = false;
        if let (Ok((header, rest)), Some(ours)) = (Header::parse(frame), self.ports.call(port)) {
            self.heard.count(now, port, ours);
            let to = header.immediate_destination();
            self.destinations.count(now, port, to);
            if let Some(field) = rest.first() {
                self.set_ups.note(port, &header, *field);
            }
            ip = is_datagram(rest);
        }
        Outgoing { port, ip }
    }

    /// Sends a UI frame. Without digipeaters the routes have some, except to everybody; without a line the
    /// routes have that, too; without a source it is our call sign on the line. `false`: no line leads there, or
    /// too many frames wait for it.
    pub fn send_ui(
        &mut self,
        port: Option<Port>,
        source: Option<Call>,
        to: Call,
        digis: &[Call],
        protocol: u8,
        octets: &[u8],
    ) -> bool {
        let path = match (port, Digis::new(digis)) {
            (_, None) => None,
            (Some(port), Some(_)) if !digis.is_empty() || to.is_multicast() => {
                self.exactly(source, digis, to, port)
            }
            (_, Some(via)) => self.path(source, &via, to, port),
        };
        let Some((line, header)) = path else {
            self.counters.no_path += 1;
            return false;
        };
        let mut frame = self.take();
        header.append(&mut frame);
        frame.push(control::UI);
        frame.push(protocol);
        frame.extend_from_slice(octets);
        self.enqueue(line, frame)
    }

    /// Sends a frame as it is. `false`: it is none, the line is not there, or too many frames wait for it.
    pub fn send_frame(&mut self, port: Port, octets: &[u8]) -> bool {
        if self.ports.get(port).is_none() || !is_frame(octets) {
            return false;
        }
        let mut frame = self.take();
        frame.extend_from_slice(octets);
        self.enqueue(port, frame)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.links.poll_due(now) {
            if self.crosslink_gives_up(id) {
                self.remove_pair(id);
                continue;
            }
            if let Some(link) = self.links.get_mut(id) {
                link.connection.handle_timeout(now);
            }
            self.work(now, id);
        }
    }

    /// When to call [`Ax25::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.links.poll_timeout()
    }
}

/// Whether what is behind a header is a datagram in an I or UI frame.
fn is_datagram(rest: &[u8]) -> bool {
    let has_pid = |field: &u8| field & 1 == 0 || field & !control::POLL == control::UI;
    rest.get(1) == Some(&pid::IP) && rest.first().is_some_and(has_pid)
}

/// Whether a frame carries a datagram.
#[must_use]
pub fn carries_ip(frame: &[u8]) -> bool {
    Header::parse(frame).is_ok_and(|(_, rest)| is_datagram(rest))
}

/// Whether octets have addresses and a control field.
fn is_frame(octets: &[u8]) -> bool {
    Header::parse(octets).is_ok_and(|(_, rest)| !rest.is_empty())
}
