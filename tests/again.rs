//! A second try for tests that failed beside others.
//!
//! Eight tests at once on two processors make a machine slower than any that people would use: a
//! process may get no turn for seconds. A test that failed there runs once more, alone, when the others
//! are done, and only that counts. It is said, with why it failed first: a test that needs
//! this often hides a defect.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use libtest_mimic::Failed;
use wanbox_rig::Result;

/// Tests that run beside others now.
static RUNNING: Mutex<usize> = Mutex::new(0);
/// One of them ended.
static ENDED: Condvar = Condvar::new();
/// Why tests failed first, of those that passed alone.
static SECOND: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test beside others, and if it fails once more when no other runs.
pub fn run(name: &str, test: &impl Fn() -> Result) -> std::result::Result<(), Failed> {
    *locked(&RUNNING) += 1;
    let first = attempt(test);
    let mut running = locked(&RUNNING);
    *running -= 1;
    ENDED.notify_all();
    let Err(first) = first else {
        return Ok(());
    };
    eprintln!("{name}: failed beside other tests, and will run again alone: {first}");
    running = ENDED
        .wait_while(running, |running| *running > 0)
        .unwrap_or_else(PoisonError::into_inner);
    // No other test starts while this is held.
    let second = attempt(test);
    drop(running);
    second.map_err(|second| format!("{second}\nbefore, beside others: {first}"))?;
    locked(&SECOND).push((name.to_owned(), first));
    Ok(())
}

fn attempt(test: &impl Fn() -> Result) -> std::result::Result<(), String> {
    match catch_unwind(AssertUnwindSafe(test)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "it panicked".to_owned())),
    }
}

/// Says which tests passed only alone.
pub fn report() {
    for (name, why) in locked(&SECOND).iter() {
        println!("passed only alone: {name}; beside others: {why}");
    }
}
