//! What surrounds a program that uses the rig: a user namespace if it is not
//! root, a network namespace so that nothing reaches the machine's own, and a
//! parent that ends whatever is left over.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, process, thread};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getgid, getuid};

use crate::Result;
use crate::error::Context;

/// Set for the inner program; its value tells whether it is the real root.
const INNER: &str = "WANBOX_RIG_INNER";

/// Whether the program runs as the real root, not as that of a user namespace.
pub fn is_real_root() -> bool {
    env::var(INNER).map_or_else(|_| getuid().is_root(), |value| value == "root")
}

/// To be called first in `main`, before there are threads. Returns `None` in the
/// inner program, which then does its work; otherwise this was the outer one, and
/// the code is what the inner one ended with.
///
/// # Errors
/// The inner program could not be started.
pub fn enter() -> Result<Option<ExitCode>> {
    if env::var_os(INNER).is_some() {
        return Ok(None);
    }
    let root = getuid().is_root();
    // Where this is not allowed the tests that need it find out and are skipped.
    let _ = if root {
        unshare(CloneFlags::CLONE_NEWNET).map_err(Into::into)
    } else {
        become_root_of_a_user_namespace()
    };
    // Daemons leave their parents: with this they come to us, not to process 1.
    nix::sys::prctl::set_child_subreaper(true)?;
    // An interrupt from the terminal reaches the inner program too; ours is to wait and clean up.
    let asked_to_end = Arc::new(AtomicBool::new(false));
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signal_hook::flag::register(signal as i32, Arc::clone(&asked_to_end))?;
    }
    let child = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INNER, if root { "root" } else { "mapped" })
        .spawn()
        .context("starting itself")?;
    let inner = Pid::from_raw(i32::try_from(child.id())?);
    let code = wait_for_inner(inner, &asked_to_end);
    end_all_children();
    Ok(Some(ExitCode::from(code)))
}

/// Reaps everything until the inner program ended.
fn wait_for_inner(inner: Pid, asked_to_end: &AtomicBool) -> u8 {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == inner => {
                return u8::try_from(code).unwrap_or(1);
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == inner => {
                return 128u8.saturating_add(u8::try_from(signal as i32).unwrap_or(0));
            }
            Err(nix::errno::Errno::EINTR) if asked_to_end.load(Ordering::Relaxed) => {
                // Asked by `kill`, not from the terminal: pass it on.
                let _ = kill(inner, Signal::SIGTERM);
            }
            Err(nix::errno::Errno::ECHILD) => return 1,
            _ => {}
        }
    }
}

/// Kills what the inner program left: its children are ours now, by and by.
fn end_all_children() {
    for _ in 0..100 {
        for pid in children_of(process::id()) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
        }
        if waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The children of a process.
pub fn children_of(parent: u32) -> Vec<Pid> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // `pid (name) state ppid`; the name may hold anything, also `)`.
        let ppid = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if ppid == Some(parent) {
            found.push(Pid::from_raw(pid));
        }
    }
    found
}

/// Root in a namespace where only our own user exists.
fn become_root_of_a_user_namespace() -> Result {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    // Required before an ordinary user may map groups.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    Ok(())
}
