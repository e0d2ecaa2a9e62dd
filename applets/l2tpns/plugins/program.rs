//! One program on a socket pair.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use wanbox_l2tpns_engine::plugin::{MAX_LINE, ProgramId};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Source, Token};
use wanbox_runtime::process::in_own_group;

/// Octets that wait for a program at most.
const MAX_UNREAD: usize = 4 << 20;
/// Octets read from it in one turn.
const BUDGET: usize = 128 << 10;

/// A running program.
pub(super) struct Program {
    pub(super) id: ProgramId,
    pid: u32,
    socket: UnixStream,
    source: Source,
    /// What it wrote of a line.
    input: Vec<u8>,
    /// What it has not read, from `sent` on.
    output: Vec<u8>,
    sent: usize,
}

impl Program {
    /// Starts it with one end of a socket pair as standard input and output.
    pub(super) fn start(
        lp: &mut Loop,
        token: Token,
        id: ProgramId,
        path: &Path,
    ) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let theirs = OwnedFd::from(theirs);
        let mut command = Command::new(path);
        command
            .current_dir("/")
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs));
        in_own_group(&mut command, None);
        let source = lp.register(&socket, token, Interest::Read, Priority::Normal)?;
        let spawned = lp.spawn(&mut command, token);
        // The command holds the other end: without it the end of the program is seen.
        drop(command);
        match spawned {
            Ok(spawned) => Ok(Self {
                id,
                pid: spawned.pid,
                socket,
                source,
                input: Vec::new(),
                output: Vec::new(),
                sent: 0,
            }),
            Err(error) => {
                // Registered above.
                let _ = lp.deregister(source, &socket);
                Err(error)
            }
        }
    }

    /// Takes leave of it; its process number.
    pub(super) fn close(self, lp: &mut Loop) -> u32 {
        // Registered since its start.
        let _ = lp.deregister(self.source, &self.socket);
        self.pid
    }

    /// Has it read a line, later if it is busy.
    pub(super) fn write(&mut self, lp: &mut Loop, line: &[u8]) -> io::Result<()> {
        if self.output.len() - self.sent + line.len() > MAX_UNREAD {
            return Err(io::Error::other("it does not read"));
        }
        self.output.extend_from_slice(line);
        self.flush(lp)
    }

    fn flush(&mut self, lp: &mut Loop) -> io::Result<()> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let waits = self.sent < self.output.len();
        if !waits {
            self.output.clear();
            self.sent = 0;
        } else if self.sent > MAX_LINE {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        lp.modify(self.source, &self.socket, Interest::of(true, waits))
    }

    /// Reads lines and writes what waits.
    pub(super) fn ready(
        &mut self,
        lp: &mut Loop,
        readiness: Readiness,
        mut line: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        if readiness.writable {
            self.flush(lp)?;
        }
        if !readiness.readable && !readiness.hangup {
            return Ok(());
        }
        let mut buffer = [0; 16 << 10];
        let mut read = 0;
        while read < BUDGET {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("it closed its output")),
                Ok(length) => {
                    read += length;
                    self.take(buffer.get(..length).unwrap_or_default(), &mut line)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, octets: &[u8], line: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut pieces = octets.split(|octet| *octet == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.input.extend_from_slice(piece);
            line(&self.input);
            self.input.clear();
        }
        self.input.extend_from_slice(last);
        if self.input.len() > MAX_LINE {
            return Err(io::Error::other("it wrote a line without end"));
        }
        Ok(())
    }
}
