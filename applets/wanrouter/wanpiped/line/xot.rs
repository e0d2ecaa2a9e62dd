//! Packets of X.25 over TCP connections, one a circuit.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use wanbox_grammar::line;
use wanbox_link::xot::{Action, Connection, Counters, Parameters, Xot};
use wanbox_runtime::stream::{Happened, ListenSettings, Streams};

use super::address;

/// An open line.
pub struct XotLine {
    xot: Xot,
    streams: Streams,
    remote: Option<SocketAddr>,
    /// Connections that can be read.
    readable: VecDeque<usize>,
    /// What happened, before it is told.
    happened: Vec<Happened>,
    /// What the network says.
    packet: Vec<u8>,
}

impl XotLine {
    /// Opens the line that the configuration names.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(ends: &line::Xot, parameters: Parameters) -> Result<Self, String> {
        let listen = match &ends.local {
            Some(local) => Some(ListenSettings {
                local: address(local)?,
                source: ends.source,
            }),
            None => None,
        };
        Ok(Self {
            remote: ends.remote.as_ref().map(address).transpose()?,
            streams: Streams::open(listen)?,
            xot: Xot::new(parameters),
            readable: VecDeque::new(),
            happened: Vec::new(),
            packet: Vec::new(),
        })
    }

    /// The descriptor that tells of everything.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.streams.as_fd()
    }

    /// All connections end.
    pub fn cut(&mut self) {
        self.xot.down();
        while self.xot.poll_action().is_some() {}
        self.streams.close_all();
        self.readable.clear();
    }

    /// Takes in what happened to connections.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn on_ready(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let mut happened = std::mem::take(&mut self.happened);
        let polled = self.streams.poll(|event| happened.push(event));
        self.readable.clear();
        for event in happened.drain(..) {
            match event {
                Happened::Connected(place) => {
                    if let Some(connection) = Connection::at(place) {
                        self.xot.connected(now, connection);
                    }
                }
                Happened::Failed(place, error) => self.lost(now, place, &error),
                Happened::Readable(place) => self.readable.push_back(place),
                Happened::Writable(place) => self.flush(now, place),
            }
            self.act(now);
        }
        self.happened = happened;
        polled?;
        while let Some(stream) = self.streams.accept()? {
            let Some(connection) = self.xot.accept(now) else {
                continue;
            };
            if let Err(error) = self.streams.insert(connection.place(), stream) {
                self.lost(now, connection.place(), &error);
            }
            self.act(now);
        }
        Ok(())
    }

    /// Reads once, and gives packets to `each`. `false`: nothing was there.
    pub fn receive(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> bool {
        let now = Instant::now();
        let mut any = self.said(&mut each);
        if let Some(place) = self.readable.pop_front()
            && let Some(connection) = Connection::at(place)
        {
            any = true;
            match self.streams.read(place, buffer) {
                Ok(None) => {}
                Ok(Some(0)) => {
                    self.streams.close(place);
                    self.xot.closed(now, connection);
                }
                Ok(Some(count)) => {
                    let octets = buffer.get_mut(..count).unwrap_or_default();
                    self.xot.received(now, connection, octets, &mut each);
                }
                Err(error) => self.lost(now, place, &error),
            }
            self.act(now);
            self.said(&mut each);
        }
        any
    }

    /// What the network says to the packet layer. Returns whether that was anything.
    fn said(&mut self, each: &mut impl FnMut(&[u8])) -> bool {
        let mut any = false;
        while self.xot.poll_packet(&mut self.packet) {
            any = true;
            each(&self.packet);
        }
        any
    }

    /// Sends a packet; there is always room, because windows bound it.
    pub fn send(&mut self, packet: &[u8]) {
        let now = Instant::now();
        self.xot.send(now, packet);
        self.act(now);
        if self.xot.has_packets() {
            self.streams.wake();
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.xot.poll_timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.xot.handle_timeout(now);
        self.act(now);
        if self.xot.has_packets() {
            self.streams.wake();
        }
    }

    fn act(&mut self, now: Instant) {
        while let Some(action) = self.xot.poll_action() {
            match action {
                Action::Connect(connection) => {
                    let place = connection.place();
                    let made = match self.remote {
                        Some(remote) => self.streams.connect(place, remote),
                        None => Err(io::ErrorKind::NotConnected.into()),
                    };
                    if let Err(error) = made {
                        self.lost(now, place, &error);
                    }
                }
                Action::Send(connection) => self.flush(now, connection.place()),
                Action::Close(connection) => self.streams.close(connection.place()),
            }
        }
    }

    fn flush(&mut self, now: Instant, place: usize) {
        let Some(connection) = Connection::at(place) else {
            return;
        };
        let octets = self.xot.outbound(connection);
        if octets.is_empty() {
            return;
        }
        match self.streams.write(place, octets) {
            Ok(taken) => self.xot.sent(connection, taken),
            Err(error) => self.lost(now, place, &error),
        }
    }

    fn lost(&mut self, now: Instant, place: usize, error: &io::Error) {
        log::debug!("X.25 over TCP: connection {place}: {error}");
        self.streams.close(place);
        if let Some(connection) = Connection::at(place) {
            self.xot.closed(now, connection);
        }
    }

    /// Counters of the line's own, by name.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let Counters {
            accepted,
            connected,
            lost,
            turned_away,
            silent,
            no_channel,
            malformed,
            other_modulo,
            misplaced,
            unbound,
            stuck,
            permanent,
            permanent_refused,
        } = *self.xot.counters();
        let mut all = vec![
            ("xot_connections", self.xot.connections() as u64),
            (
                "xot_turned_away",
                self.streams.turned_away() + u64::from(turned_away),
            ),
        ];
        let counted = [
            ("xot_accepted", accepted),
            ("xot_connected", connected),
            ("xot_lost", lost),
            ("xot_silent", silent),
            ("xot_no_channel", no_channel),
            ("xot_malformed", malformed),
            ("xot_other_modulo", other_modulo),
            ("xot_misplaced", misplaced),
            ("xot_unbound", unbound),
            ("xot_stuck", stuck),
            ("xot_permanent", permanent),
            ("xot_permanent_refused", permanent_refused),
        ];
        all.extend(counted.map(|(name, count)| (name, u64::from(count))));
        all
    }
}
