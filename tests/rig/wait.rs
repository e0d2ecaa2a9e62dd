//! Waiting for something to become true, with a deadline.

use std::io::{ErrorKind, Result as IoResult};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(50);

/// Asks again and again until there is an answer.
///
/// # Errors
/// The deadline passed (with the last thing `ask` complained of), or nothing came.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let last = match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => String::new(),
            Err(error) => format!(" ({error})"),
        };
        if started.elapsed() >= limit {
            return Err(Error::new(format!(
                "waited {} s for {what} in vain{last}",
                limit.as_secs_f32()
            )));
        }
        thread::sleep(STEP);
    }
}

/// Calls something that waits on a socket once more when a signal cut it short.
///
/// A call with a time limit ends with `Interrupted` even where nobody handles a signal: the end of a child is
/// told to the thread that started it, and while that one blocks signals, as it does whenever it starts
/// something, the kernel wakes any other thread to ignore it.
///
/// # Errors
/// All others of `call`.
pub fn uninterrupted<T>(mut call: impl FnMut() -> IoResult<T>) -> IoResult<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Waits until a condition holds and tells how long that took.
///
/// # Errors
/// The deadline passed.
pub fn until(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let started = Instant::now();
    wait_for(what, limit, || Ok(holds()?.then_some(())))?;
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, mpsc};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn a_signal_ends_no_reading() {
        signal_hook::flag::register(Signal::SIGUSR1 as i32, Arc::default()).unwrap();
        let (mut near, mut far) = UnixStream::pair().unwrap();
        near.set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let (tells, told) = mpsc::channel();
        let reader = thread::spawn(move || {
            tells.send(gettid()).unwrap();
            let mut octet = [0];
            let count = uninterrupted(|| {
                let read = near.read(&mut octet);
                if read.is_err() {
                    tells.send(gettid()).unwrap();
                }
                read
            });
            (count.unwrap(), octet)
        });
        let thread = told.recv().unwrap();
        // It may not read yet.
        until("a call cut short", Duration::from_secs(20), || {
            // The kernel gives it to the thread of this number, if that does not block it.
            kill(thread, Signal::SIGUSR1)?;
            Ok(told.try_recv().is_ok())
        })
        .unwrap();
        far.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), (1, *b"x"));
    }
}
