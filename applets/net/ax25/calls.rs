//! What the owner asks of connections.

use std::fmt;
use std::time::Instant;

use wanbox_wire::ax25::{BadCall, Call, Digis, Header};

use crate::LinkId;
use crate::Port;
use crate::ax25::Ax25;
use crate::connection::{Connection, Refusal};
use crate::links::{Link, Role};

/// Packets that wait for a connection, and their octets.
const MOST_PACKETS: usize = 32;
/// With fewer, somebody who can wait gives another.
const FEW_PACKETS: usize = 2;
const MOST_OCTETS: usize = 16_384;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Somebody has a session on one between the same call signs, or it is being ended.
    Exists,
    /// No line leads there.
    NoPath,
    /// More than eight digipeaters.
    TooManyDigis,
    /// A call sign that nobody can have, or both are the same.
    BadCall,
    /// There are as many as there can be.
    TooMany,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "there is a session with this station",
            Self::NoPath => "no line leads to this station",
            Self::TooManyDigis => "Too many digipeaters (max 8)",
            Self::BadCall => "no station has this call sign",
            Self::TooMany => "too many connections",
        })
    }
}

impl std::error::Error for ConnectError {}

/// A connection as it is listed.
#[derive(Clone, Copy, Debug)]
pub struct LinkView<'l> {
    /// Its number.
    pub id: LinkId,
    /// Its call signs and digipeaters.
    pub header: &'l Header,
    /// The line.
    pub port: Option<Port>,
    /// What the connection says of itself.
    pub connection: &'l Connection,
    /// It is half of one between others.
    pub crosslink: bool,
    /// Somebody has a session on it.
    pub user: bool,
    /// Packets that wait for it.
    pub packets: usize,
}

impl Ax25 {
    /// Begins a connection for text, which [`Ax25::release`] gives back; one without a session is taken as it
    /// is. Digipeaters become a route. [`crate::Event::Up`] or [`crate::Event::Down`] follows.
    ///
    /// # Errors
    /// Why there is none.
    pub fn connect(
        &mut self,
        now: Instant,
        local: Option<Call>,
        remote: Call,
        digis: &[Call],
        port: Option<Port>,
    ) -> Result<LinkId, ConnectError> {
        let id = self.establish(now, local, remote, digis, port)?;
        let link = self.links.get_mut(id).ok_or(ConnectError::TooMany)?;
        if link.user || link.closing {
            return Err(ConnectError::Exists);
        }
        link.user = true;
        if link.up {
            self.tell(crate::Event::Up { link: id, remote });
        }
        Ok(id)
    }

    /// Begins a connection for packets, unless there is one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open_packets(&mut self, now: Instant, to: Call) -> Result<LinkId, ConnectError> {
        match self.packet_link(to) {
            Some(id) => Ok(id),
            None => self.establish(now, None, to, &[], None),
        }
    }

    /// Closes the connections with a station on which nobody has a session.
    pub fn close_idle(&mut self, now: Instant, remote: Call) {
        let all = self.links.iter();
        let idle = all.filter(|link| {
            link.role == Role::Own && link.remote() == remote && !link.user && !link.down
        });
        for id in idle.map(|link| link.id).collect::<Vec<_>>() {
            self.close(now, id);
        }
    }

    /// Whether a connection is up.
    #[must_use]
    pub fn is_up(&self, id: LinkId) -> bool {
        self.links.get(id).is_some_and(|link| link.up)
    }

    /// Whether few packets wait for a station: [`Ax25::send_packet`] would not let another wait for long.
    #[must_use]
    pub fn has_packet_room(&self, to: Call) -> bool {
        let link = self.packet_link(to).and_then(|id| self.links.get(id));
        link.is_none_or(|link| link.packets.len() < FEW_PACKETS)
    }

    /// The connection between two call signs, which is begun if there is none.
    fn establish(
        &mut self,
        now: Instant,
        local: Option<Call>,
        remote: Call,
        digis: &[Call],
        port: Option<Port>,
    ) -> Result<LinkId, ConnectError> {
        let via = Digis::new(digis).ok_or(ConnectError::TooManyDigis)?;
        if remote.is_none() || remote.is_multicast() {
            return Err(ConnectError::BadCall);
        }
        let path = match port {
            Some(port) if !via.is_empty() => self.exactly(local, digis, remote, port),
            _ => self.path(local, &via, remote, port),
        };
        let (line, header) = path.ok_or(ConnectError::NoPath)?;
        if header.source == remote {
            return Err(ConnectError::BadCall);
        }
        if !digis.is_empty() {
            let used = self.seconds(now);
            self.routes.add(used, line, digis, remote, false);
        }
        let known = self.links.find(header.source, remote);
        let id = match known {
            Some(id) => id,
            None => {
                let connection = self.connection(&header, Role::Own);
                self.links
                    .insert(Role::Own, header, Some(line), connection)
                    .ok_or(ConnectError::TooMany)?
            }
        };
        if let Some(link) = self.links.get_mut(id)
            && link.is_disconnected()
        {
            if link.user || matches!(link.role, Role::Half(_)) {
                return Err(ConnectError::Exists);
            }
            link.header = header;
            link.port = Some(line);
            link.down = false;
            link.closing = false;
            link.connection.connect(now);
        }
        self.touch(id);
        Ok(id)
    }

    /// Sends a packet in I frames, on a connection that is begun if there is none. `false`: there is no way,
    /// or too many wait.
    pub fn send_packet(&mut self, now: Instant, to: Call, protocol: u8, octets: &[u8]) -> bool {
        let Ok(id) = self.open_packets(now, to) else {
            self.counters.no_path += 1;
            return false;
        };
        let mut buffer = self.take();
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        let full = link.packets.len() >= MOST_PACKETS
            || link.packet_octets > 0 && link.packet_octets + octets.len() > MOST_OCTETS;
        if full || link.closing {
            self.counters.packets_lost += 1;
            self.give(buffer);
            return false;
        }
        buffer.extend_from_slice(octets);
        link.packet_octets += octets.len();
        link.packets.push_back((protocol, buffer));
        self.feed(now, id);
        self.touch(id);
        true
    }

    /// A connection of ours with a station, whatever our call sign on it; one that is up before others.
    fn packet_link(&self, to: Call) -> Option<LinkId> {
        let ours = self.ports.iter().filter_map(|(_, settings)| {
            let id = self.links.find(settings.call, to)?;
            let link = self.links.get(id)?;
            (link.role == Role::Own && !link.down).then_some(link)
        });
        let best = ours.max_by_key(|link| link.up)?;
        Some(best.id)
    }

    /// Sends text, cut into frames: how many octets of it were taken. When there was no room for all,
    /// [`crate::Event::Writable`] tells of room.
    ///
    /// # Errors
    /// It is not connected.
    pub fn send(
        &mut self,
        now: Instant,
        id: LinkId,
        protocol: u8,
        octets: &[u8],
    ) -> Result<usize, Refusal> {
        let link = self.links.get_mut(id).ok_or(Refusal::Down)?;
        if !link.up || link.closing {
            return Err(Refusal::Down);
        }
        let mut taken = 0;
        let paclen = usize::from(link.connection.parameters().paclen).max(1);
        for piece in octets.chunks(paclen) {
            // Not between the pieces of a packet.
            if link.cut > 0 || link.connection.send(now, protocol, piece).is_err() {
                link.wants_room = true;
                break;
            }
            taken += piece.len();
        }
        self.touch(id);
        Ok(taken)
    }

    /// Octets of text that are taken now.
    #[must_use]
    pub fn room(&self, id: LinkId) -> usize {
        self.links.get(id).map_or(0, |link| {
            let open = link.up && !link.closing && link.cut == 0;
            let paclen = usize::from(link.connection.parameters().paclen);
            if open {
                link.connection.room() * paclen
            } else {
                0
            }
        })
    }

    /// The text of the next frame, appended to `octets`; its protocol. The window opens for as much.
    pub fn read(&mut self, id: LinkId, octets: &mut Vec<u8>) -> Option<u8> {
        let link = self.links.get_mut(id)?;
        let protocol = link.connection.read(octets);
        if protocol.is_none() {
            link.told = false;
        }
        self.touch(id);
        protocol
    }

    /// Ends a connection when all that waits has been sent; at once the second time.
    pub fn close(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.packets.is_empty() || link.closing {
            link.connection.close(now);
        } else {
            link.closing = true;
        }
        self.work(now, id);
    }

    /// Whoever had a session has no more to do with it: a connection that is up is closed, and text that came
    /// is forgotten.
    pub fn release(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let is_down = link.is_disconnected();
        if !is_down {
            self.close(now, id);
        }
        if let Some(link) = self.links.get_mut(id) {
            link.user = false;
            link.wants_room = false;
        }
        self.touch(id);
    }

    /// Ends a connection without telling the other station. `false`: there is none.
    pub fn reset(&mut self, now: Instant, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        link.connection.reset(now);
        self.work(now, id);
        true
    }

    /// Repeats at once what is not acknowledged. `false`: there is no such connection.
    pub fn kick(&mut self, now: Instant, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(id) else {
            return false;
        };
        link.connection.kick(now);
        self.work(now, id);
        true
    }

    /// Other parameters: for new connections, and what may change while they live for all.
    pub fn set_parameters(&mut self, parameters: crate::connection::Parameters) {
        self.parameters = parameters;
        for link in self.links.iter_mut() {
            link.connection.set_live(&parameters);
        }
    }

    /// A connection.
    #[must_use]
    pub fn link(&self, id: LinkId) -> Option<LinkView<'_>> {
        self.links.get(id).map(view)
    }

    /// All connections.
    pub fn links(&self) -> impl Iterator<Item = LinkView<'_>> {
        self.links.iter().map(view)
    }

    /// How many connections there are.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }
}

fn view(link: &Link) -> LinkView<'_> {
    LinkView {
        id: link.id,
        header: &link.header,
        port: link.port,
        connection: &link.connection,
        crosslink: matches!(link.role, Role::Half(_)),
        user: link.user,
        packets: link.packets.len(),
    }
}

/// A path as people type it: call signs in the order of sending, the station first; `via` or its beginnings
/// between them are skipped.
///
/// # Errors
/// For people.
pub fn parse_path<'w>(words: impl Iterator<Item = &'w str>) -> Result<(Call, Vec<Call>), String> {
    let mut calls = Vec::new();
    for word in words {
        let is_via = !calls.is_empty() && "via".starts_with(&word.to_ascii_lowercase());
        if !is_via {
            let call =
                Call::parse(word).map_err(|_: BadCall| format!("Invalid call \"{word}\""))?;
            calls.push(call);
        }
    }
    if calls.len() > Digis::MOST + 1 {
        return Err(ConnectError::TooManyDigis.to_string());
    }
    if calls.is_empty() {
        return Err("Missing call".to_owned());
    }
    let station = calls.remove(0);
    Ok((station, calls))
}
