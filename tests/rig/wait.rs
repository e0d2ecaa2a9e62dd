//! Waiting for something to become true, with a deadline.

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
