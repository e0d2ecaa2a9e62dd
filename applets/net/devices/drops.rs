//! What devices drop, by name.

use std::io;

use nix::errno::Errno;

/// Why a packet is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// So much waits for the line that nothing more is taken.
    QueueFull,
    /// It waited when the line went down.
    Discarded,
    /// The device has no room now.
    NoRoom,
    /// The device did not take it: too long, no way there.
    Refused,
    /// Its framing is damaged, or it is longer than any packet.
    BadFrame,
    /// Its compressed header cannot be restored.
    BadHeader,
    /// Neither a datagram nor an ARP packet.
    NotIp,
    /// For another station on the link.
    NotForUs,
    /// A command of a controller, which has none for us.
    Command,
    /// It needs AX.25 or NET/ROM around it on this line.
    NoAx25,
    /// The line is down.
    Down,
    /// Nobody knows where the station is that it goes to.
    NoRoute,
    /// From or for a port of the controller that no interface has.
    NoPort,
    /// The controller says of a frame that it sent it, which it never got.
    NotSent,
}

/// The names, in the order of [`Drop`].
const NAMES: [&str; 14] = [
    "queue_full",
    "discarded",
    "no_room",
    "refused",
    "bad_frame",
    "bad_header",
    "not_ip",
    "not_for_us",
    "command",
    "no_ax25",
    "down",
    "no_route",
    "no_port",
    "not_sent",
];

/// Why the system did not take a packet.
pub fn reason(error: &io::Error) -> Drop {
    match error.kind() {
        io::ErrorKind::WouldBlock => Drop::NoRoom,
        _ if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => Drop::NoRoom,
        _ => Drop::Refused,
    }
}

/// How many packets a device dropped, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; NAMES.len()]);

impl Drops {
    /// So many more.
    pub fn count(&mut self, why: Drop, packets: u64) {
        if let Some(counter) = self.0.get_mut(why as usize) {
            *counter += packets;
        }
    }

    /// All of them by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.into_iter().zip(self.0)
    }
}
