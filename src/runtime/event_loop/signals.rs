//! Signals as one more descriptor.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;

/// A socket pair that becomes readable when a watched signal arrives, and a flag for each signal.
pub(super) struct SignalPipe {
    reader: UnixStream,
    writer: UnixStream,
    watched: Vec<Watched>,
}

struct Watched {
    number: i32,
    arrived: Arc<AtomicBool>,
    /// What to take back: the flag, then the pipe.
    actions: [SigId; 2],
}

impl SignalPipe {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self {
            reader,
            writer,
            watched: Vec::new(),
        })
    }

    pub(super) fn reader(&self) -> &UnixStream {
        &self.reader
    }

    /// Watches a signal; doing so twice is harmless.
    pub(super) fn watch(&mut self, number: i32) -> io::Result<()> {
        if self.watched.iter().any(|watched| watched.number == number) {
            return Ok(());
        }
        let pipe = self.writer.try_clone()?;
        let arrived = Arc::new(AtomicBool::new(false));
        // The flag first: when the pipe is readable, the flag must be there.
        let flag = signal_hook::flag::register(number, Arc::clone(&arrived))?;
        let wake = match signal_hook::low_level::pipe::register(number, pipe) {
            Ok(wake) => wake,
            Err(error) => {
                signal_hook::low_level::unregister(flag);
                return Err(error);
            }
        };
        self.watched.push(Watched {
            number,
            arrived,
            actions: [flag, wake],
        });
        Ok(())
    }

    /// Empties the pipe. Called before the flags are taken, so that a signal between the
    /// two makes the pipe readable again.
    pub(super) fn drain(&mut self) {
        let mut octets = [0; 64];
        while matches!(self.reader.read(&mut octets), Ok(count) if count > 0) {}
    }

    /// Whether the signal arrived since the last call.
    pub(super) fn take(&mut self, number: i32) -> bool {
        self.watched
            .iter()
            .find(|watched| watched.number == number)
            .is_some_and(|watched| watched.arrived.swap(false, Ordering::SeqCst))
    }
}

impl Drop for SignalPipe {
    fn drop(&mut self) {
        for watched in &self.watched {
            for action in watched.actions {
                signal_hook::low_level::unregister(action);
            }
        }
    }
}
