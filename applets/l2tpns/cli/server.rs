//! The listening sockets of the command line in the daemon's loop.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use slab::Slab;
use wanbox_runtime::control::script::Request;
use wanbox_runtime::control::{ControlError, Server};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};

use super::control::{Progressed, Running};
use super::guard::Guard;
use super::host::Host;
use super::session::{Around, Session};
use super::users::Users;

/// How many people are served at a time.
pub const MAX_SESSIONS: usize = 16;
/// The number of the listening socket among tokens; connections count from 1.
const LISTENER: u32 = 0;
/// How much of one connection is read in a turn, octets.
const READ_BUDGET: usize = 4096;
/// What a client may leave unread before nothing more is read of it, octets.
const MAX_UNSENT: usize = 128 << 10;
/// How long a client may take to read the last of a session.
const LINGER: Duration = Duration::from_secs(5);

struct Connection {
    stream: TcpStream,
    source: Source,
    session: Session,
    out: Vec<u8>,
    /// How much of `out` is sent.
    sent: usize,
    /// The session is over; what is left is being sent.
    leaving: bool,
}

struct Listener {
    socket: TcpListener,
    source: Source,
    /// Given up for a moment when there are no descriptors left to accept with.
    spare: Option<OwnedFd>,
}

/// The command line: by telnet and on the control socket.
pub struct Cli {
    owners: Owners,
    users: Users,
    guard: Guard,
    listener: Option<Listener>,
    connections: Slab<Connection>,
    control: Server,
    running: Vec<Running>,
}

/// The owner parts of its tokens.
#[derive(Clone, Copy, Debug)]
pub struct Owners {
    /// Telnet: descriptors and timers.
    pub telnet: u32,
    /// The control socket: descriptors, and one timer.
    pub control: u32,
}

impl Cli {
    /// Serves the control socket at `path`.
    ///
    /// # Errors
    /// Those of [`Server::bind`].
    pub fn open(
        lp: &mut Loop,
        owners: Owners,
        path: &Path,
        users: Users,
    ) -> Result<Self, ControlError> {
        Ok(Self {
            owners,
            users,
            guard: Guard::default(),
            listener: None,
            connections: Slab::new(),
            control: Server::bind(lp, owners.control, path, 0o600)?,
            running: Vec::new(),
        })
    }

    /// Serves telnet, too. Without users, only this machine is served.
    ///
    /// # Errors
    /// The address is not ours or taken, or the port not allowed. Returns the address otherwise.
    pub fn listen(&mut self, lp: &mut Loop, address: SocketAddr) -> io::Result<SocketAddr> {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let spare = Some(OwnedFd::from(socket.try_clone()?));
        let token = Token::new(self.owners.telnet, LISTENER);
        let source = lp.register(&socket, token, Interest::Read, Priority::Control)?;
        self.listener = Some(Listener {
            socket,
            source,
            spare,
        });
        Ok(address)
    }

    /// Others may log in from now on. Whoever is logged in stays.
    pub fn set_users(&mut self, users: Users) {
        self.users = users;
    }

    /// A descriptor of an owner of [`Owners`] is ready.
    pub fn ready(
        &mut self,
        lp: &mut Loop,
        token: Token,
        readiness: Readiness,
        host: &mut dyn Host,
    ) {
        if token.owner == self.owners.control {
            self.control.ready(lp, token, readiness);
            self.serve_control(lp, host);
        } else if token.id == LISTENER {
            self.accept(lp, host);
        } else {
            let index = token.id as usize - 1;
            if readiness.readable {
                self.read(lp.now(), index, host);
            }
            self.flush(index);
            if readiness.hangup && !readiness.readable {
                self.close_connection(lp, index);
                return;
            }
            self.settle(lp, index, host);
        }
    }

    /// A timer of an owner of [`Owners`] expired.
    pub fn timer(&mut self, lp: &mut Loop, token: Token, host: &mut dyn Host) {
        if token.owner == self.owners.control {
            self.serve_control(lp, host);
            return;
        }
        let index = token.id as usize - 1;
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if connection.leaving {
            self.close_connection(lp, index);
            return;
        }
        let mut around = Around {
            host,
            users: &self.users,
            guard: &mut self.guard,
            now: lp.now(),
        };
        connection
            .session
            .handle_timeout(&mut around, &mut connection.out);
        self.flush(index);
        self.settle(lp, index, host);
    }

    /// Closes everything, and removes the control socket.
    pub fn close(mut self, lp: &mut Loop) {
        let indices: Vec<usize> = self.connections.iter().map(|(index, _)| index).collect();
        for index in indices {
            self.flush(index);
            self.close_connection(lp, index);
        }
        if let Some(listener) = &self.listener {
            // It is registered and open.
            let _ = lp.deregister(listener.source, &listener.socket);
        }
        self.control.close(lp);
    }

    fn serve_control(&mut self, lp: &mut Loop, host: &mut dyn Host) {
        while let Some(request) = self.control.poll_request() {
            match request.parse::<Request>() {
                Ok(asked) => self.running.push(Running::new(request.client, asked)),
                Err(failure) => self.control.fail(lp, request.client, failure),
            }
        }
        let mut again = false;
        let control = &mut self.control;
        self.running.retain_mut(|running| {
            let progressed = running.pump(lp, control, host);
            again |= progressed == Progressed::Goes;
            progressed != Progressed::Ended
        });
        if again {
            let now = lp.now();
            lp.set_timer(Token::new(self.owners.control, 0), now);
        }
    }

    fn accept(&mut self, lp: &mut Loop, host: &mut dyn Host) {
        for _ in 0..MAX_SESSIONS {
            let Some(listener) = &mut self.listener else {
                return;
            };
            match listener.socket.accept() {
                Ok((stream, address)) => self.admit(lp, stream, address.ip().to_canonical(), host),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
                    // The pending connection would wake us for ever: accept it with the
                    // spare descriptor and close it.
                    listener.spare = None;
                    drop(listener.socket.accept());
                    listener.spare = listener.socket.try_clone().ok().map(OwnedFd::from);
                    return;
                }
                Err(_) => return,
            }
        }
    }

    fn admit(&mut self, lp: &mut Loop, stream: TcpStream, address: IpAddr, host: &mut dyn Host) {
        if self.users.is_empty() && !address.is_loopback() {
            log::warn!("cli: {address} refused: there are no users");
            return;
        }
        if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
            return;
        }
        if self.connections.len() >= MAX_SESSIONS && !self.evict(lp) {
            log::warn!("cli: {address} refused: {MAX_SESSIONS} sessions are busy");
            // One short line always fits an empty socket buffer.
            let _ = (&stream).write(b"\r\nAll lines are busy\r\n");
            return;
        }
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        let token = Token::new(self.owners.telnet, index as u32 + 1);
        let Ok(source) = lp.register(&stream, token, Interest::Read, Priority::Control) else {
            return;
        };
        let mut out = Vec::new();
        let mut around = Around {
            host,
            users: &self.users,
            guard: &mut self.guard,
            now: lp.now(),
        };
        let session = Session::new(&mut around, address, &mut out);
        entry.insert(Connection {
            stream,
            source,
            session,
            out,
            sent: 0,
            leaving: false,
        });
        self.flush(index);
        self.settle(lp, index, host);
    }

    /// Closes the oldest connection that nobody has logged in on. Returns whether there was one.
    fn evict(&mut self, lp: &mut Loop) -> bool {
        let outside = self
            .connections
            .iter()
            .filter(|(_, connection)| !connection.session.is_inside())
            .min_by_key(|(_, connection)| connection.session.began())
            .map(|(index, _)| index);
        if let Some(index) = outside {
            self.close_connection(lp, index);
        }
        outside.is_some()
    }

    fn read(&mut self, now: std::time::Instant, index: usize, host: &mut dyn Host) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let mut around = Around {
            host,
            users: &self.users,
            guard: &mut self.guard,
            now,
        };
        let Connection {
            stream,
            session,
            out,
            ..
        } = connection;
        let mut octets = [0; READ_BUDGET];
        match stream.read(&mut octets) {
            Ok(0) => session.end_of_input(&mut around, out),
            Ok(count) => {
                let octets = octets.get(..count).unwrap_or_default();
                session.feed(&mut around, octets, out);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) => {}
            Err(_) => session.end_of_input(&mut around, out),
        }
    }

    fn flush(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        while let Some(rest) = connection.out.get(connection.sent..)
            && !rest.is_empty()
        {
            match connection.stream.write(rest) {
                Ok(count) => connection.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    connection.out.drain(..connection.sent);
                    connection.sent = 0;
                    return;
                }
                Err(_) => {
                    // Nobody reads any more.
                    connection.leaving = true;
                    break;
                }
            }
        }
        connection.out.clear();
        connection.sent = 0;
    }

    /// Makes more output where there is room, then waits for what comes next.
    fn settle(&mut self, lp: &mut Loop, index: usize, host: &mut dyn Host) {
        let now = lp.now();
        let token = Token::new(self.owners.telnet, index as u32 + 1);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if connection.out.is_empty() && connection.session.is_printing() {
            let mut around = Around {
                host,
                users: &self.users,
                guard: &mut self.guard,
                now,
            };
            connection.session.pump(&mut around, &mut connection.out);
            self.flush(index);
        }
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let unsent = !connection.out.is_empty();
        if connection.session.is_closing() || connection.leaving {
            if !unsent {
                self.close_connection(lp, index);
                return;
            }
            if !connection.leaving {
                connection.leaving = true;
                lp.set_timer(token, now + LINGER);
            }
        } else if connection.session.is_printing() && !unsent {
            // It goes on after others had their turn.
            lp.set_timer(token, now);
        } else {
            lp.set_timer_to(token, connection.session.poll_timeout());
        }
        let reads = !connection.leaving
            && !connection.session.has_ended()
            && !connection.session.is_full()
            && connection.out.len() < MAX_UNSENT;
        let interest = Interest::of(reads, unsent);
        if lp
            .modify(connection.source, &connection.stream, interest)
            .is_err()
        {
            self.close_connection(lp, index);
        }
    }

    fn close_connection(&mut self, lp: &mut Loop, index: usize) {
        if let Some(connection) = self.connections.try_remove(index) {
            lp.cancel_timer(Token::new(self.owners.telnet, index as u32 + 1));
            // It is registered and open.
            let _ = lp.deregister(connection.source, &connection.stream);
        }
    }
}

/// Too many open files, of the process and of the system (Linux).
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
