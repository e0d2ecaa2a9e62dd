//! What users of the stack call (RFC 9293 sections 3.10.1 to 3.10.6).

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::connection::{Connection, State};
use crate::event::Reason;
use crate::flow::{Endpoint, Flow};
use crate::listener::{Listener, ListenerId};
use crate::parameters::Options;
use crate::rtt::Path;
use crate::table::Id;
use crate::tcp::Tcp;
use crate::view::View;

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such connection or server, or not any more.
    Unknown,
    /// The address and port are in use.
    InUse,
    /// Every port is in use.
    NoPort,
    /// The address or port is not one that a connection can have.
    BadAddress,
    /// There are as many connections as there may be.
    TooMany,
    /// This side was closed before.
    Closing,
    /// The connection is over.
    Closed(Reason),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such connection"),
            Self::InUse => f.write_str("address and port are in use"),
            Self::NoPort => f.write_str("every port is in use"),
            Self::BadAddress => f.write_str("not an address and port of a host"),
            Self::TooMany => f.write_str("too many connections"),
            Self::Closing => f.write_str("the connection is being closed"),
            Self::Closed(reason) => write!(f, "the connection is closed: {}", reason.name()),
        }
    }
}

impl std::error::Error for Error {}

/// Ports that are given to clients.
const FIRST_PORT: u16 = 32_768;
const PORTS: u32 = 32_768;

impl Tcp {
    /// OPEN, active. A local port of 0 stands for any that is free. `mtu` is that of the way, octets; 0:
    /// not known.
    ///
    /// # Errors
    /// There is such a connection, or no port, or no room for one more.
    pub fn connect(
        &mut self,
        now: Instant,
        local: Endpoint,
        remote: Endpoint,
        options: &Options,
        mtu: u16,
    ) -> Result<Id, Error> {
        let time = self.time(now);
        if remote.port == 0 || remote.addr.is_unspecified() || remote.addr.is_multicast() {
            return Err(Error::BadAddress);
        }
        if local.addr.is_ipv4() != remote.addr.is_ipv4() || local.addr.is_unspecified() {
            return Err(Error::BadAddress);
        }
        if !self.has_room(time) {
            return Err(Error::TooMany);
        }
        let mut flow = Flow { local, remote };
        if local.port == 0 {
            flow.local.port = self.free_port(flow).ok_or(Error::NoPort)?;
        } else if self.table.find(&flow).is_some() {
            return Err(Error::InUse);
        }
        let connection = Connection::new(&self.shared, time, flow, options, mtu);
        let index = self.table.insert(connection).ok_or(Error::TooMany)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        self.shared.counters.active_opens += 1;
        connection.set_state(&mut self.shared, State::SynSent);
        let id = connection.id;
        self.settle(index);
        Ok(id)
    }

    /// RFC 6056 section 3.3.3: increasing for one destination, and not to be foreseen.
    fn free_port(&mut self, mut flow: Flow) -> Option<u16> {
        let [a, b, c, d, ports] = flow.words();
        let offset = self.shared.key.secret(&[a, b, c, d, ports, 1]) as u32;
        for _ in 0..PORTS {
            self.ports = self.ports.wrapping_add(1);
            let port = offset.wrapping_add(self.ports) % PORTS;
            flow.local.port = FIRST_PORT + port as u16;
            if self.table.find(&flow).is_none() {
                return Some(flow.local.port);
            }
        }
        None
    }

    /// OPEN, passive: a server on a port, of one address or of all. Up to `backlog` connections wait to
    /// be accepted, and up to as many are half open; beyond, cookies stand for them.
    ///
    /// # Errors
    /// There is such a server, or the port is 0.
    pub fn listen(
        &mut self,
        addr: Option<IpAddr>,
        port: u16,
        backlog: usize,
        options: &Options,
    ) -> Result<ListenerId, Error> {
        if port == 0 {
            return Err(Error::BadAddress);
        }
        let mut taken = self.listeners.iter().flatten();
        if taken.any(|listener| listener.port == port && listener.addr == addr) {
            return Err(Error::InUse);
        }
        let options = options.in_range();
        let listener = Some(Listener::new(addr, port, backlog, &options));
        let place = match self.listeners.iter().position(Option::is_none) {
            Some(place) => {
                self.listeners[place] = listener;
                place
            }
            None => {
                self.listeners.push(listener);
                self.listeners.len() - 1
            }
        };
        Ok(ListenerId(place as u32))
    }

    /// Ends a server. Connections that nobody has accepted are reset; others stay.
    ///
    /// # Errors
    /// There is no such server.
    pub fn unlisten(&mut self, id: ListenerId) -> Result<(), Error> {
        let place = self.listeners.get_mut(id.0 as usize);
        place.and_then(Option::take).ok_or(Error::Unknown)?;
        let of_it: Vec<Id> = self
            .table
            .iter()
            .filter(|connection| connection.listener == Some(id.0))
            .map(|connection| connection.id)
            .collect();
        for id in of_it {
            let index = self.table.named(id).ok_or(Error::Unknown)?;
            if let Some(connection) = self.table.get_mut(index) {
                connection.abort(&mut self.shared, Reason::Aborted);
            }
            self.settle(index);
        }
        Ok(())
    }

    /// A server.
    pub fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.listeners.get(id.0 as usize)?.as_ref()
    }

    /// All servers.
    pub fn listeners(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        self.listeners
            .iter()
            .enumerate()
            .filter_map(|(place, listener)| Some((ListenerId(place as u32), listener.as_ref()?)))
    }

    /// The next connection of a server.
    pub fn accept(&mut self, id: ListenerId) -> Option<Id> {
        let listener = self.listeners.get_mut(id.0 as usize)?.as_mut()?;
        let id = listener.queue.pop_front()?;
        let index = self.table.named(id)?;
        let connection = self.table.get_mut(index)?;
        connection.listener = None;
        connection.news.connected = false;
        self.settle(index);
        Some(id)
    }

    fn held(&mut self, id: Id) -> Result<(u32, &mut Connection), Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        Ok((index, connection))
    }

    /// SEND: how many octets were taken. Fewer than given when the queue is full; there is
    /// [`crate::Event::Writable`] when there is room again.
    ///
    /// # Errors
    /// This side is closed, or the connection is over.
    pub fn send(&mut self, id: Id, octets: &[u8]) -> Result<usize, Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        connection.may_send()?;
        let queued = connection.send.len();
        let room = connection.window.saturating_sub(queued) as usize;
        let octets = octets.get(..room).unwrap_or(octets);
        let total = queued as usize + octets.len();
        if octets.is_empty() {
            return Ok(0);
        }
        if !connection.send.reserve(&mut self.shared.pool, total) {
            self.shared.counters.no_memory += 1;
            return Ok(0);
        }
        connection.send.write(queued, octets);
        connection.send.extend(octets.len() as u32);
        connection.dirty = true;
        self.settle(index);
        Ok(octets.len())
    }

    /// How many octets [`Tcp::send`] would take.
    ///
    /// # Errors
    /// This side is closed, or the connection is over.
    pub fn sendable(&self, id: Id) -> Result<usize, Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get(index).ok_or(Error::Unknown)?;
        connection.may_send()?;
        Ok(connection.window.saturating_sub(connection.send.len()) as usize)
    }

    /// RECEIVE: how many octets were written to `octets`; 0 when there are none, for now or for ever
    /// ([`Tcp::is_finished`]).
    ///
    /// # Errors
    /// There is no such connection. What came before the end of one can still be read.
    pub fn receive(&mut self, id: Id, octets: &mut [u8]) -> Result<usize, Error> {
        let (first, second) = self.peek(id)?;
        let mut read = 0;
        for part in [first, second] {
            let rest = octets.get_mut(read..).unwrap_or_default();
            let take = part.len().min(rest.len());
            rest[..take].copy_from_slice(&part[..take]);
            read += take;
        }
        self.consume(id, read)?;
        Ok(read)
    }

    /// What can be read, without a copy: where the buffer wraps it is in two parts.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn peek(&self, id: Id) -> Result<(&[u8], &[u8]), Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get(index).ok_or(Error::Unknown)?;
        Ok(connection
            .receive
            .parts(0, connection.receive.len() as usize))
    }

    /// So many octets of [`Tcp::peek`] are done with.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn consume(&mut self, id: Id, octets: usize) -> Result<(), Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        if octets == 0 {
            return Ok(());
        }
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        connection.receive.consume(octets);
        if connection.receive.is_empty() && connection.reassembly.is_none() {
            connection.receive.free(&mut self.shared.pool);
        }
        connection.reopen();
        self.settle(index);
        Ok(())
    }

    /// The other side has closed, and everything was read.
    pub fn is_finished(&self, id: Id) -> bool {
        let connection = self.table.held(id).and_then(|index| self.table.get(index));
        connection.is_none_or(|connection| {
            connection.receive.is_empty()
                && !connection.state.receives()
                && !matches!(connection.state, State::SynSent | State::SynReceived)
        })
    }

    /// CLOSE: nothing more is sent behind what was. What the other side sends can still be read.
    ///
    /// # Errors
    /// It was closed before, or is over.
    pub fn close(&mut self, id: Id) -> Result<(), Error> {
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        connection.may_send()?;
        connection.close(&mut self.shared);
        self.settle(index);
        Ok(())
    }

    /// ABORT: the other side is told by RST (`tcp reset`).
    ///
    /// # Errors
    /// There is no such connection.
    pub fn abort(&mut self, id: Id) -> Result<(), Error> {
        let index = self.table.named(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        connection.abort(&mut self.shared, Reason::Aborted);
        self.settle(index);
        Ok(())
    }

    /// Lets go of a connection, whose name is then nobody's. It is closed if it was not, and goes on
    /// without its owner until both sides are done; octets that nobody has read make it an abort
    /// (RFC 9293 section 3.6.1).
    ///
    /// # Errors
    /// There is no such connection.
    pub fn release(&mut self, now: Instant, id: Id) -> Result<(), Error> {
        let time = self.time(now);
        let index = self.table.held(id).ok_or(Error::Unknown)?;
        let shared = &mut self.shared;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        if !connection.receive.is_empty() && connection.state != State::TimeWait {
            connection.abort(shared, Reason::Aborted);
        } else if connection.may_send().is_ok() {
            connection.close(shared);
        }
        connection.orphaned = true;
        connection.receive.free(&mut shared.pool);
        connection.limit_fin_wait(shared, time);
        self.settle(index);
        Ok(())
    }

    /// Sends at once what waits for a timeout (`tcp kick`); ends TIME-WAIT.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn kick(&mut self, now: Instant, id: Id) -> Result<(), Error> {
        let time = self.time(now);
        let index = self.table.named(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        if connection.state == State::TimeWait {
            connection.finish(&mut self.shared, Reason::Normal);
        } else if connection.state != State::Closed {
            connection.rtt.backoff = 0;
            connection.retries = 0;
            connection.retransmission_timeout(&mut self.shared, time);
            connection.rtt.backoff = 0;
            if connection.una != connection.max {
                connection.retransmission_timer(&self.shared, time);
            }
        }
        self.settle(index);
        Ok(())
    }

    /// Kicks every connection, or those with one host: how many.
    pub fn kick_all(&mut self, now: Instant, host: Option<IpAddr>) -> usize {
        let ids: Vec<Id> = self
            .table
            .iter()
            .filter(|connection| host.is_none_or(|host| connection.flow.remote.addr == host))
            .map(|connection| connection.id)
            .collect();
        ids.into_iter()
            .filter(|id| self.kick(now, *id).is_ok())
            .count()
    }

    /// Sets the round trip time of a connection (`tcp rtt`).
    ///
    /// # Errors
    /// There is no such connection.
    pub fn set_rtt(&mut self, now: Instant, id: Id, rtt: Duration) -> Result<(), Error> {
        let time = self.time(now);
        let index = self.table.named(id).ok_or(Error::Unknown)?;
        let connection = self.table.get_mut(index).ok_or(Error::Unknown)?;
        connection.rtt.set(rtt);
        if connection.state != State::Closed && connection.state != State::TimeWait {
            connection.retransmission_timer(&self.shared, time);
            connection.dirty = true;
        }
        self.settle(index);
        Ok(())
    }

    /// Holds small segments back while others are under way, or not.
    ///
    /// # Errors
    /// There is no such connection.
    pub fn set_nagle(&mut self, id: Id, nagle: bool) -> Result<(), Error> {
        let (index, connection) = self.held(id)?;
        connection.nagle = nagle;
        connection.dirty = true;
        self.settle(index);
        Ok(())
    }

    /// What is known of destinations, the one used last first (`tcp irtt`).
    pub fn paths(&self) -> Vec<(IpAddr, Path)> {
        self.shared.paths.list()
    }

    /// Folds a round trip time into what is known of a destination (`tcp irtt HOST MS`).
    pub fn fold_rtt(&mut self, now: Instant, addr: IpAddr, rtt: Duration) {
        let time = self.time(now);
        let irtt = self.shared.parameters.irtt;
        self.shared.paths.fold(time, addr, rtt, irtt);
    }

    /// What people see of a connection, held or not.
    pub fn view(&self, now: Instant, id: Id) -> Option<View> {
        let connection = self.table.get(self.table.named(id)?)?;
        Some(connection.view(self.time(now), &self.shared.parameters))
    }

    /// All connections.
    pub fn views(&self, now: Instant) -> impl Iterator<Item = View> {
        let time = self.time(now);
        self.table
            .iter()
            .map(move |connection| connection.view(time, &self.shared.parameters))
    }

    /// What a connection received behind a hole: the first octet, and how many.
    pub fn holes(&self, id: Id) -> Vec<(u32, u32)> {
        self.table
            .named(id)
            .and_then(|index| self.table.get(index))
            .map(Connection::holes)
            .unwrap_or_default()
    }

    /// How many connections there are, those that are over and still held included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// There are no connections.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }
}

impl Connection {
    fn may_send(&self) -> Result<(), Error> {
        match (self.state, self.reason) {
            (State::Closed, reason) => Err(Error::Closed(reason.unwrap_or(Reason::Normal))),
            _ if self.fin_queued => Err(Error::Closing),
            _ => Ok(()),
        }
    }

    /// CLOSE (section 3.10.4).
    fn close(&mut self, shared: &mut crate::shared::Shared) {
        self.fin_queued = true;
        self.news.writable = false;
        self.dirty = true;
        match self.state {
            State::SynSent => self.finish(shared, Reason::Normal),
            State::Established => self.set_state(shared, State::FinWait1),
            State::CloseWait => self.set_state(shared, State::LastAck),
            // From SYN-RECEIVED it goes on when the handshake is done.
            _ => {}
        }
    }
}
