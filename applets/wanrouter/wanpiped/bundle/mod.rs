//! The lines of several devices as one link (PPP multilink, RFC 1990).
//!
//! Each device stays a process of its own, with its line, its LCP and its authentication. The
//! first has the bundle: network layers, fragments, the interface. The others connect to its
//! socket, hand over what comes from their lines and send what it gives them. When a member's
//! line is full it says so, and gets nothing until it has room: fragments wait in the queues of
//! the lines and nowhere else, so that those of one packet stay close together.
//!
//! | part | what it holds |
//! |---|---|
//! | [`first`] | the bundle's side |
//! | [`member`] | a member's side |

use std::path::{Path, PathBuf};

use wanbox_runtime::event_loop::{Loop, Readiness};

use super::device::Device;
use crate::conf::{DeviceConf, Protocol};

mod first;
mod member;

pub use first::First;
pub use member::Member;

/// The longest message between the devices of a bundle, octets: a frame and what is before it.
const MAX_MESSAGE: usize = 64 * 1024;
/// Messages taken from one socket in a turn.
const MESSAGES: usize = 64;

/// What a device is in a bundle.
pub enum Side {
    /// Nothing.
    Alone,
    /// The first: it has the bundle.
    First(Box<First>),
    /// A member of another device's bundle.
    Member(Box<Member>),
}

impl Side {
    /// What the configuration says.
    ///
    /// # Errors
    /// What could not be made and why, for people.
    pub fn open(conf: &DeviceConf, run_dir: &Path) -> Result<Self, String> {
        let Protocol::Ppp(link) = &conf.protocol else {
            return Ok(Self::Alone);
        };
        match (&link.multilink, &link.bundle) {
            (Some(multilink), _) => {
                First::open(&conf.name, multilink, run_dir).map(|first| Self::First(first.into()))
            }
            (None, Some(first)) => Ok(Self::Member(Member::new(first, run_dir).into())),
            (None, None) => Ok(Self::Alone),
        }
    }

    /// Frames that the other device did not take.
    pub fn lost(&self) -> u64 {
        match self {
            Self::Alone => 0,
            Self::First(first) => first.lost(),
            Self::Member(member) => member.lost,
        }
    }

    /// LCP may begin: a member waits for its first device.
    pub fn lets_begin(&self) -> bool {
        match self {
            Self::Member(member) => member.is_welcome(),
            Self::Alone | Self::First(_) => true,
        }
    }

    /// Gives a frame to the member of this number.
    pub fn send_to(&mut self, member: u8, head: &[u8], data: &[u8]) {
        if let Self::First(first) = self {
            first.send_to(member, head, data);
        }
    }
}

/// Where the first device of a bundle is reached, below the run directory.
fn socket(run_dir: &Path, device: &str) -> PathBuf {
    run_dir.join("bundle").join(device)
}

impl Device {
    /// Starts what a bundle needs.
    ///
    /// # Errors
    /// Those of registering descriptors, for people.
    pub fn start_bundle(&mut self, lp: &mut Loop) -> Result<(), String> {
        match &self.bundle {
            Side::Alone => Ok(()),
            Side::First(_) => self.listen_for_members(lp),
            Side::Member(_) => {
                self.seek_first(lp);
                Ok(())
            }
        }
    }

    /// A socket of the bundle is ready: the listener's place is 0, those of members follow.
    pub fn bundle_ready(&mut self, lp: &mut Loop, place: u32, readiness: Readiness) {
        match (&self.bundle, place.checked_sub(1)) {
            (Side::Alone, _) => {}
            (Side::Member(_), _) => self.first_ready(lp),
            (Side::First(_), None) => self.accept_members(lp),
            (Side::First(_), Some(place)) => self.member_ready(lp, place as usize, readiness),
        }
    }

    /// The own line was used: what is full now, and what has room. Whether packets may be sent.
    pub fn follow_line(&mut self, lp: &mut Loop, may_send: bool) -> bool {
        match &mut self.bundle {
            Side::Alone => may_send,
            Side::First(_) => self.follow_members(lp, may_send),
            Side::Member(_) => {
                self.tell_first_of_line(lp, may_send);
                may_send
            }
        }
    }
}
