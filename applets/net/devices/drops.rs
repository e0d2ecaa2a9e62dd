//! What devices drop, by name.

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
    /// It needs AX.25 or NET/ROM, which are not there.
    NoAx25,
}

/// The names, in the order of [`Drop`].
const NAMES: [&str; 10] = [
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
];

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
