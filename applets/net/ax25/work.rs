//! What follows from what happened to a connection.

use std::time::Instant;

use wanbox_wire::ax25::pid;

use crate::LinkId;
use crate::ax25::Ax25;
use crate::connection::{self, Cause, Refusal};
use crate::event::{Event, How, Packet};
use crate::links::Role;
use crate::segment::{Outcome, cut, segments};

impl Ax25 {
    /// Deals with all that has happened to a connection, and lets what waits go on.
    pub(crate) fn work(&mut self, now: Instant, id: LinkId) {
        while let Some(event) = self
            .links
            .get_mut(id)
            .and_then(|link| link.connection.poll_event())
        {
            match event {
                connection::Event::Up => self.up(now, id),
                connection::Event::Down(cause) => self.down(now, id, cause),
                connection::Event::Asked => {
                    if let Some(Role::Half(Some(other))) = self.links.get(id).map(|link| link.role)
                    {
                        self.crosslink_asked(now, id, other);
                    }
                }
                connection::Event::Reset(_) => {}
            }
        }
        let Some(role) = self.links.get(id).map(|link| link.role) else {
            return;
        };
        match role {
            Role::Own => {
                self.received(now, id);
                self.feed(now, id);
                self.touch(id);
            }
            Role::Half(_) => self.relay(now, id),
        }
    }

    fn up(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.up = true;
        link.down = false;
        link.closing = false;
        let (local, remote, role, user) = (link.local(), link.remote(), link.role, link.user);
        match role {
            Role::Own => {
                self.tell(Event::Up { link: id, remote });
                let is_program = self.registered.contains(&local);
                if !user && (is_program || self.listens && self.routes.jumpstart(remote)) {
                    self.offer(id);
                }
            }
            Role::Half(Some(other)) => {
                if let Some(other) = self.links.get_mut(other)
                    && !other.up
                {
                    other.connection.accept(now);
                    // What follows is not told again by this half.
                    other.up = true;
                }
                self.work_half(other);
            }
            Role::Half(None) => {}
        }
    }

    /// The other half has events of its own.
    fn work_half(&mut self, id: LinkId) {
        while let Some(event) = self
            .links
            .get_mut(id)
            .and_then(|link| link.connection.poll_event())
        {
            if let (connection::Event::Down(_), Some(link)) = (event, self.links.get_mut(id)) {
                link.down = true;
                link.up = false;
            }
        }
        self.touch(id);
    }

    fn down(&mut self, now: Instant, id: LinkId, reason: Cause) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.up = false;
        link.down = true;
        self.counters.packets_lost += link.packets.len() as u64;
        link.packets.clear();
        link.packet_octets = 0;
        link.cut = 0;
        let (remote, role) = (link.remote(), link.role);
        match role {
            Role::Own => self.tell(Event::Down {
                link: id,
                remote,
                reason,
            }),
            Role::Half(Some(other)) => {
                if let Some(other) = self.links.get_mut(other)
                    && !other.up
                {
                    other.connection.refuse(now);
                    other.down = true;
                }
                self.touch(other);
            }
            Role::Half(None) => {}
        }
    }

    /// Gives a connection to whoever takes sessions.
    fn offer(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id) {
            link.user = true;
            self.tell(Event::Incoming(id));
        }
    }

    /// Takes what a connection of ours received.
    fn received(&mut self, now: Instant, id: LinkId) {
        let mut octets = self.take();
        loop {
            octets.clear();
            let Some(link) = self.links.get_mut(id) else {
                break;
            };
            let protocol = if link.user {
                link.connection.read_packet(&mut octets)
            } else {
                link.connection.read(&mut octets)
            };
            let Some(protocol) = protocol else {
                break;
            };
            self.frame(now, id, protocol, &octets);
        }
        self.give(octets);
        if let Some(link) = self.links.get_mut(id)
            && link.user
            && !link.told
            && link.connection.unread() > 0
        {
            link.told = true;
            self.tell(Event::Readable(id));
        }
    }

    /// An I frame that is not text for a user.
    fn frame(&mut self, now: Instant, id: LinkId, protocol: u8, octets: &[u8]) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if protocol != pid::SEGMENT {
            self.counters.bad_segments += u64::from(link.reassembly.interrupt());
            self.dispatch(now, id, protocol, octets);
            return;
        }
        match link.reassembly.piece(octets) {
            Outcome::More => {}
            Outcome::Wrong => self.counters.bad_segments += 1,
            Outcome::Whole(protocol) => {
                let mut whole = std::mem::take(&mut link.reassembly);
                self.dispatch(now, id, protocol, whole.packet());
                whole.done();
                if let Some(link) = self.links.get_mut(id) {
                    link.reassembly = whole;
                }
            }
        }
    }

    fn dispatch(&mut self, now: Instant, id: LinkId, protocol: u8, octets: &[u8]) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        match (protocol, link.port) {
            (pid::IP | pid::ARP | pid::NETROM | pid::FLEXNET, Some(port)) => {
                let packet = Packet {
                    port,
                    from: link.remote(),
                    to: link.local(),
                    how: How::I(id),
                    pid: protocol,
                };
                self.put(packet, octets);
            }
            // The first text asks for a session, and is not part of it.
            (pid::TEXT, _) if self.listens => self.offer(id),
            (pid::TEXT, _) => link.connection.close(now),
            _ => self.counters.unknown_pids += 1,
        }
    }

    /// Sends packets that wait, as far as the connection has room.
    pub(crate) fn feed(&mut self, now: Instant, id: LinkId) {
        let mut field = self.take();
        while let Some(link) = self.links.get_mut(id)
            && let Some((protocol, octets)) = link.packets.front()
        {
            let paclen = usize::from(link.connection.parameters().paclen);
            // NET/ROM and FlexNet cut for themselves.
            let count = match *protocol {
                pid::IP => segments(octets.len(), paclen),
                _ => Some(1),
            };
            let mut refused = None;
            while refused.is_none() && count.is_some_and(|count| link.cut < count) {
                if link.connection.room() == 0 {
                    refused = Some(Refusal::Full);
                    break;
                }
                let count = count.unwrap_or(1);
                let kind = cut(*protocol, octets, paclen, link.cut, count, &mut field);
                match link.connection.send(now, kind, &field) {
                    Ok(()) => link.cut += 1,
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(Refusal::Full | Refusal::Down) => break,
                Some(Refusal::TooLong) => self.counters.too_long += 1,
                None => self.counters.too_long += u64::from(count.is_none()),
            }
            link.cut = 0;
            if let Some((_, octets)) = link.packets.pop_front() {
                link.packet_octets -= octets.len();
                self.give(octets);
            }
        }
        self.give(field);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.closing && link.packets.is_empty() {
            link.closing = false;
            link.connection.close(now);
        } else if link.wants_room && link.cut == 0 && link.connection.room() > 0 {
            link.wants_room = false;
            self.tell(Event::Writable(id));
        }
    }

    /// A connection has nothing to send: it goes if it is over and nobody has it.
    pub(crate) fn reap(&mut self, id: LinkId) {
        let Some(link) = self.links.get(id) else {
            return;
        };
        match link.role {
            Role::Own => {
                if !link.user && link.is_disconnected() {
                    self.links.remove(id);
                }
            }
            Role::Half(other) => {
                if self.pair_is_over(id, other) {
                    self.remove_pair(id);
                }
            }
        }
    }
}
