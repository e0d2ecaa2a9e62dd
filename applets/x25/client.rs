//! A connection to the X.25 socket of a device: see x25api(7).

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::event_loop::Interest;
use wanbox_runtime::files::Root;
use wanbox_runtime::terminal::wait;
use wanbox_wire::x25api::{HEADER, Kind, MAX_PAYLOAD, Refused, Repr, Status};

use crate::Failure;

/// Octets of the longest message.
const LONGEST: usize = HEADER + MAX_PAYLOAD;

/// A connection. Two threads may use it, one for each direction.
pub struct Connection {
    socket: Datagram,
    path: PathBuf,
}

/// What messages are received into.
pub struct Buffer(Vec<u8>);

impl Buffer {
    pub fn new() -> Self {
        Self(vec![0; LONGEST])
    }
}

/// A message of the daemon.
pub type Message<'b> = (Repr, &'b [u8]);

/// The socket of a device: the one that is named, or the only one.
pub fn find(root: &Root, device: Option<&str>) -> Result<PathBuf, Failure> {
    let directory = root.x25_dir();
    if let Some(device) = device {
        if device.is_empty() || device.contains('/') {
            return Err(Failure::Usage(format!("'{device}' is no device")));
        }
        return Ok(directory.join(device));
    }
    let entries = std::fs::read_dir(&directory).into_iter().flatten();
    let mut devices: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match devices.len() {
        0 => Err(Failure::Absent("no X.25 device runs".to_owned())),
        1 => Ok(devices.swap_remove(0)),
        _ => {
            devices.sort();
            let names: Vec<_> = devices.iter().map(|path| name(path)).collect();
            let names = names.join(", ");
            Err(Failure::Usage(format!("say which device with -d: {names}")))
        }
    }
}

/// The device that a socket belongs to.
pub fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Connection {
    /// Connects, and takes the status that comes first.
    pub fn open(path: &Path, buffer: &mut Buffer) -> Result<(Self, Status), Failure> {
        let socket = Datagram::local(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::Absent(format!(
                "{}: no such X.25 device, or it does not run",
                name(path)
            )),
            _ => Failure::Failed(format!("{}: {error}", path.display())),
        })?;
        let connection = Self {
            socket,
            path: path.to_owned(),
        };
        match connection.receive(buffer, None)? {
            Some((
                Repr {
                    kind: Kind::Status, ..
                },
                payload,
            )) => {
                let status = Status::parse(payload).map_err(io::Error::other)?;
                Ok((connection, status))
            }
            Some((
                Repr {
                    kind: Kind::Refused,
                    ..
                },
                payload,
            )) => Err(refused(payload)),
            _ => Err(Failure::Failed("no status of the device".to_owned())),
        }
    }

    /// The device.
    pub fn device(&self) -> String {
        name(&self.path)
    }

    /// The socket that it goes to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a message; waits while the circuit takes no more. What [`is_over`] tells of an error
    /// means that the daemon's last word, which says why, is still to be received.
    pub fn send(&self, repr: &Repr, payload: &[u8]) -> io::Result<()> {
        let length = u16::try_from(payload.len()).map_err(io::Error::other)?;
        let header = Repr { length, ..*repr }.octets();
        let pieces = [IoSlice::new(&header), IoSlice::new(payload)];
        loop {
            match self.socket.send_pieces(&pieces) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&[(self.socket.as_fd(), Interest::Write)], None)?;
                }
                done => return done,
            }
        }
    }

    /// The next message; `None` when there was none by `deadline`. The daemon's end of the
    /// connection is an error.
    pub fn receive<'b>(
        &self,
        buffer: &'b mut Buffer,
        deadline: Option<Instant>,
    ) -> io::Result<Option<Message<'b>>> {
        let length = loop {
            match self.socket.receive(&mut buffer.0) {
                Ok(Some(0)) => return Err(io::Error::other("the daemon ended the connection")),
                Ok(Some(length)) => break length,
                Ok(None) => {}
                // The daemon is gone, and left something of ours unread.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => continue,
                Err(error) => return Err(error),
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            wait(&[(self.socket.as_fd(), Interest::Read)], left)?;
        };
        let message = buffer.0.get(..length).unwrap_or_default();
        Repr::parse(message).map(Some).map_err(io::Error::other)
    }

    /// The answer to the message with this tag, past news of the status. What else comes is given
    /// to `other`.
    pub fn answer<'b>(
        &self,
        buffer: &'b mut Buffer,
        deadline: Option<Instant>,
    ) -> Result<Option<Message<'b>>, Failure> {
        loop {
            match self.receive(buffer, deadline)? {
                None => return Ok(None),
                Some((repr, _)) if repr.kind == Kind::Status => {}
                Some((repr, payload)) if repr.kind == Kind::Refused => {
                    return Err(refused(payload));
                }
                // The borrow of what is returned reaches to the end: it is parsed again.
                Some((repr, _)) => {
                    let length = HEADER + usize::from(repr.length);
                    let payload = buffer.0.get(HEADER..length).unwrap_or_default();
                    return Ok(Some((repr, payload)));
                }
            }
        }
    }
}

/// Whether sending failed because the daemon has closed the connection, as it does with a circuit
/// that is cleared.
pub fn is_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// What a refusal says.
pub fn refused(payload: &[u8]) -> Failure {
    Failure::Failed(match Refused::parse(payload) {
        Ok(Refused { reason, limit: 0 }) => format!("refused: {reason}"),
        Ok(Refused { reason, limit }) => format!("refused: {reason}: {limit} at most"),
        Err(error) => error.to_string(),
    })
}
