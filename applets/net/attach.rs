//! `net --attach`: a terminal that is a console of the running station.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_grammar::{Exit, report};
use wanbox_runtime::control::Client;
use wanbox_runtime::event_loop::Interest;
use wanbox_runtime::files::Root;
use wanbox_runtime::terminal::{self, Interrupt, Keys};

use crate::options::NAME;

/// Where consoles are attached.
pub fn socket(root: &Root) -> PathBuf {
    root.run_dir().join("net.console")
}

/// The first line that a console says, which the station repeats before anything else if it takes the console.
pub const HELLO: &str = "console\n";

/// How long the station may take to answer a call.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much is on its way, octets: of a pipe, as much as is taken without waiting.
const PIECE: usize = 4096;

/// Passes keys to the station that listens on `socket` and what it shows to the terminal, until it ends the
/// console. Standard input may be anything: its end is the end of the keys.
///
/// The exit code is 0 when the console was ended by `bye` or at the station, 1 by a signal or when the station
/// refused it, 3 when there is no station.
pub fn run(socket: &Path) -> Exit {
    let stream = match Client::connect(socket, PATIENCE) {
        Ok(client) => client.into_stream(),
        Err(error) => {
            report::error(NAME, &error);
            return Exit(error.exit_code());
        }
    };
    match pass(stream) {
        Ok(true) => Exit::DONE,
        Ok(false) => Exit::FAILED,
        Err(error) => report::failure(NAME, error),
    }
}

/// Whether the station ended it. Why it refused the console is an error.
fn pass(stream: UnixStream) -> io::Result<bool> {
    let interrupt = Interrupt::signals()?;
    stream.set_nonblocking(true)?;
    let keys = if terminal::is_interactive() {
        Some(Keys::take()?)
    } else {
        None
    };
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let (input, output) = match &keys {
        Some(keys) => (keys.as_fd(), keys.as_fd()),
        None => (stdin.as_fd(), stdout.as_fd()),
    };
    // Of each direction: what is not passed on yet, and whether more may come.
    let mut typed = HELLO.as_bytes().to_vec();
    let mut shown = Vec::new();
    let mut is_taken = false;
    let (mut types, mut shows) = (true, true);
    let mut octets = [0; PIECE];
    while shows || !shown.is_empty() {
        let reads_keys = types && typed.is_empty();
        // Not even their end is told of those of which nothing is wanted: it would be, again and again.
        let interest = |reads, writes| match Interest::of(reads, writes) {
            Interest::Hangup => Interest::None,
            interest => interest,
        };
        let fds = [
            (interrupt.signal(), Interest::Read),
            (input, interest(reads_keys, false)),
            (
                stream.as_fd(),
                interest(shows && shown.is_empty(), !typed.is_empty()),
            ),
            (output, interest(false, !shown.is_empty())),
        ];
        let ready = terminal::wait(&fds, None)?;
        if ready.contains(&0) {
            return Ok(false);
        }
        if reads_keys && ready.contains(&1) {
            let read = match keys.as_ref() {
                Some(mut keys) => keys.read(&mut octets),
                // Not through the buffer of `Stdin`, which poll(2) would not see.
                None => terminal::read_input(&mut octets),
            };
            match again(read) {
                Ok(None) => {}
                Ok(Some(count @ 1..)) => {
                    typed.extend_from_slice(octets.get(..count).unwrap_or_default());
                }
                Ok(Some(_)) | Err(_) => types = false,
            }
        }
        if ready.contains(&2) && shows {
            if !typed.is_empty() {
                match again((&stream).write(&typed)) {
                    Ok(count) => drop(typed.drain(..count.unwrap_or(0))),
                    // It may have said why before it closed.
                    Err(_) => {
                        types = false;
                        typed.clear();
                    }
                }
            }
            if shown.is_empty() {
                match again((&stream).read(&mut octets)) {
                    Ok(None) => {}
                    Ok(Some(0)) | Err(_) => shows = false,
                    Ok(Some(count)) => {
                        let mut some = octets.get(..count).unwrap_or_default();
                        if !is_taken {
                            // It comes whole: a short write into an empty socket.
                            let rest = some.strip_prefix(HELLO.as_bytes());
                            some = rest.ok_or_else(|| refused(some))?;
                            is_taken = true;
                        }
                        shown.extend_from_slice(some);
                    }
                }
            }
        }
        if !types && typed.is_empty() && shows {
            // Once; then the other end closes.
            let _ = stream.shutdown(Shutdown::Write);
        }
        if ready.contains(&3) && !shown.is_empty() {
            let written = match keys.as_ref() {
                Some(mut keys) => keys.write(&shown),
                None => (&stdout).write(&shown).and_then(|count| {
                    (&stdout).flush()?;
                    Ok(count)
                }),
            };
            match again(written) {
                Ok(count) => drop(shown.drain(..count.unwrap_or(0))),
                // Nobody looks any more.
                Err(_) => return Ok(false),
            }
        }
    }
    is_taken.then_some(true).ok_or_else(|| refused(b""))
}

/// Why the station takes no console, by what it says before it closes.
fn refused(said: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(said);
    let why = text.trim_start_matches("*** ").trim_end();
    io::Error::other(match why {
        "" => "the station closes the console",
        why => why,
    })
}

/// What a call that may be refused for now came to.
pub fn again(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
