//! What a daemon asks of the kernel so that packets do not wait for it.

use std::io;

/// Keeps what the process has in memory, and what it gets, from being paged out (mlockall(2)).
/// Pages are taken as they are touched, so that what is only reserved costs nothing.
///
/// # Errors
/// `EPERM` without the capability, `ENOMEM` beyond `RLIMIT_MEMLOCK`.
pub fn lock_pages() -> io::Result<()> {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: mlockall takes flags alone.
    if unsafe { libc::mlockall(flags) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Runs this process before all of the normal schedule (`SCHED_FIFO`, priority 1; children go back
/// to the normal one). With one processor nothing else could run while it does, so there it is
/// refused: returns whether it was done.
///
/// # Errors
/// `EPERM` without the capability.
pub fn run_first() -> io::Result<bool> {
    if std::thread::available_parallelism().map_or(1, std::num::NonZero::get) < 2 {
        return Ok(false);
    }
    let parameters = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: 0 is this thread, and the structure lives until the call returns.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } == 0 {
        Ok(true)
    } else {
        Err(io::Error::last_os_error())
    }
}
