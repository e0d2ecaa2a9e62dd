//! Giving up what a started daemon needs no more.

use std::fmt;
use std::io;
use std::path::Path;

use nix::unistd::{Gid, Uid};

use crate::files::{self, FileError};

/// A capability that a daemon may keep (capabilities(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// CAP_CHOWN: terminals and homes of others.
    Chown,
    /// CAP_DAC_OVERRIDE: files of others.
    DacOverride,
    /// CAP_FOWNER: modes of files of others.
    Fowner,
    /// CAP_KILL: programs of others.
    Kill,
    /// CAP_NET_BIND_SERVICE: ports below 1024.
    NetBindService,
    /// CAP_NET_ADMIN: interfaces, addresses, routes.
    NetAdmin,
    /// CAP_NET_RAW: packet sockets.
    NetRaw,
    /// CAP_SETGID: programs of other groups.
    SetGid,
    /// CAP_SETUID: programs of other users.
    SetUid,
    /// CAP_SYS_RESOURCE: limits of others.
    SysResource,
    /// CAP_SYS_TTY_CONFIG: hanging up a terminal.
    SysTtyConfig,
    /// CAP_AUDIT_WRITE: what the kernel's audit is told.
    AuditWrite,
    /// CAP_AUDIT_CONTROL: whose login the kernel's audit knows a process by.
    AuditControl,
}

impl Capability {
    /// The kernel's number.
    fn number(self) -> u32 {
        match self {
            Self::Chown => 0,
            Self::DacOverride => 1,
            Self::Fowner => 3,
            Self::Kill => 5,
            Self::SetGid => 6,
            Self::SetUid => 7,
            Self::NetBindService => 10,
            Self::NetAdmin => 12,
            Self::NetRaw => 13,
            Self::SysResource => 24,
            Self::SysTtyConfig => 26,
            Self::AuditWrite => 29,
            Self::AuditControl => 30,
        }
    }
}

/// Why privileges could not be given up.
#[derive(Debug)]
pub enum PrivilegeError {
    /// There is no such user.
    NoUser(String),
    /// The list of users cannot be read.
    Users(FileError),
    /// The system refused a step.
    Refused {
        /// Which step.
        step: &'static str,
        /// Its error.
        error: io::Error,
    },
}

impl fmt::Display for PrivilegeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser(name) => write!(f, "no user is called \"{name}\""),
            Self::Users(error) => error.fmt(f),
            Self::Refused { step, error } => write!(f, "giving up privileges: {step}: {error}"),
        }
    }
}

impl std::error::Error for PrivilegeError {}

/// Becomes `user` (or stays who it is), keeps only the capabilities in `keep`, and can never
/// gain any again: the bounding and ambient sets are cleared and no-new-privileges is set.
///
/// A process without privileges loses nothing and succeeds. Capabilities belong to a thread:
/// call this before the program starts threads.
///
/// # Errors
/// [`PrivilegeError::NoUser`], or the step that the kernel refused. After an error the process
/// may have lost a part already: end it.
pub fn drop_privileges(user: Option<&str>, keep: &[Capability]) -> Result<(), PrivilegeError> {
    let kept = keep.iter().fold(0u64, |set, cap| set | 1 << cap.number());
    let target = match user {
        Some(name) => Some(find_user(name)?),
        None => None,
    };

    let held = capabilities().map_err(refused("reading capabilities"))?;
    if held.effective & (1 << CAP_SETPCAP) != 0 {
        clear_bounding_set(kept).map_err(refused("clearing the bounding set"))?;
    }
    if let Some(user) = target {
        become_user(&user)?;
    }
    let left = held.permitted & kept;
    set_capabilities(left).map_err(refused("setting capabilities"))?;
    prctl(libc::PR_SET_KEEPCAPS, 0).map_err(refused("clearing keep-capabilities"))?;
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64)
        .map_err(refused("clearing the ambient set"))?;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map_err(refused("setting no-new-privileges"))?;
    Ok(())
}

/// A user, as far as a process needs it.
#[derive(Debug, PartialEq, Eq)]
struct User {
    uid: Uid,
    gid: Gid,
}

/// Looks a user up in /etc/passwd.
///
/// Not by getpwnam(3): for a name that is not in the file it loads whatever modules
/// nsswitch.conf names, and a static executable crashes in them.
fn find_user(name: &str) -> Result<User, PrivilegeError> {
    /// Some ten thousand users.
    const MAX_USERS: u64 = 1 << 20;
    let users = files::read(Path::new("/etc/passwd"), MAX_USERS).map_err(PrivilegeError::Users)?;
    find_in(&String::from_utf8_lossy(&users), name)
        .ok_or_else(|| PrivilegeError::NoUser(name.to_owned()))
}

/// The user of that name in the text of a passwd(5) file.
fn find_in(users: &str, name: &str) -> Option<User> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let _password = fields.next()?;
        Some(User {
            uid: Uid::from_raw(fields.next()?.parse().ok()?),
            gid: Gid::from_raw(fields.next()?.parse().ok()?),
        })
    })
}

fn become_user(user: &User) -> Result<(), PrivilegeError> {
    // Else leaving uid 0 would clear the permitted set.
    prctl(libc::PR_SET_KEEPCAPS, 1).map_err(refused("keeping capabilities"))?;
    nix::unistd::setgroups(&[user.gid]).map_err(refused("setting supplementary groups"))?;
    nix::unistd::setresgid(user.gid, user.gid, user.gid).map_err(refused("setting the group"))?;
    nix::unistd::setresuid(user.uid, user.uid, user.uid).map_err(refused("setting the user"))?;
    if !user.uid.is_root() && nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(PrivilegeError::Refused {
            step: "setting the user",
            error: io::Error::other("root could be regained"),
        });
    }
    Ok(())
}

fn refused<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> PrivilegeError {
    move |error| PrivilegeError::Refused {
        step,
        error: error.into(),
    }
}

const CAP_SETPCAP: u32 = 8;
/// `_LINUX_CAPABILITY_VERSION_3`: sets of 64 bits in two halves.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct CapHeader {
    version: u32,
    /// 0: the calling thread.
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapHalf {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

struct Held {
    effective: u64,
    permitted: u64,
}

fn capabilities() -> io::Result<Held> {
    let header = CapHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut halves = [CapHalf::default(); 2];
    // SAFETY: capget(2) reads one header and, for version 3, writes exactly two halves; both
    // outlive the call and have the kernel's layout.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw const header, halves.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let [low, high] = halves;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Held {
        effective: join(low.effective, high.effective),
        permitted: join(low.permitted, high.permitted),
    })
}

/// Makes `set` the effective and permitted set, and the inheritable set empty.
fn set_capabilities(set: u64) -> io::Result<()> {
    let header = CapHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let half = |bits: u64| CapHalf {
        effective: bits as u32,
        permitted: bits as u32,
        inheritable: 0,
    };
    let halves = [half(set), half(set >> 32)];
    // SAFETY: capset(2) reads one header and, for version 3, two halves; both outlive the call
    // and have the kernel's layout.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn clear_bounding_set(kept: u64) -> io::Result<()> {
    for number in (0..64u64).filter(|number| kept & 1 << number == 0) {
        match prctl(libc::PR_CAPBSET_DROP, number) {
            Ok(()) => {}
            // Past the last capability this kernel knows.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn prctl(option: i32, argument: u64) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: every option used here takes a plain number (and zeros), no pointer.
    let done = unsafe { libc::prctl(option, argument as libc::c_ulong, zero, zero, zero) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_users_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nwan:x:10:20::/:\nbad:x:ten:20::/:\nhalf:x\n";
        let user = |uid, gid| {
            Some(User {
                uid: Uid::from_raw(uid),
                gid: Gid::from_raw(gid),
            })
        };
        assert_eq!(find_in(users, "root"), user(0, 0));
        assert_eq!(find_in(users, "wan"), user(10, 20));
        for absent in ["wanbox", "wa", "bad", "half", "", "x"] {
            assert_eq!(find_in(users, absent), None, "{absent}");
        }
    }
}
