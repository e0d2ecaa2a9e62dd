//! What the daemon counts beside its engine: interfaces, line, management.

use std::time::Instant;

/// What an interface sends: packets from the host's stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sending {
    /// Packets taken from the host, super-packets counted once.
    pub entries: u64,
    /// Empty packets.
    pub empty: u64,
    /// Packets of no IP version, or that segmentation could not cut.
    pub malformed: u64,
    /// Packets with a broadcast source address.
    pub broadcast: u64,
    /// Packets with a multicast source address.
    pub multicast: u64,
    /// Management requests among them.
    pub management: u64,
    /// Dropped: the link is down.
    pub link_down: u64,
    /// Dropped: the channel is down.
    pub channel_down: u64,
    /// Dropped: too long, or of a kind the channel does not carry.
    pub refused: u64,
    /// Times that a packet waited for the committed rate.
    pub held: u64,
    /// Packets given to the line.
    pub packets: u64,
    /// Their octets.
    pub octets: u64,
    /// What monitors flushed of these two.
    pub flushed: Flow,
    /// When they did.
    pub flushed_at: Option<Instant>,
}

/// Packets and their octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub octets: u64,
}

impl Flow {
    fn since(self, flushed: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(flushed.packets),
            octets: self.octets.saturating_sub(flushed.octets),
        }
    }
}

impl Sending {
    fn flow(&self) -> Flow {
        Flow {
            packets: self.packets,
            octets: self.octets,
        }
    }

    /// What was given to the line since monitors flushed it.
    pub fn user(&self) -> Flow {
        self.flow().since(self.flushed)
    }

    /// Monitors begin to count anew.
    pub fn flush_user(&mut self, now: Instant) {
        self.flushed = self.flow();
        self.flushed_at = Some(now);
    }

    /// Packets dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.empty
            + self.malformed
            + self.broadcast
            + self.multicast
            + self.link_down
            + self.channel_down
            + self.refused
    }
}

/// What an interface receives: packets for the host's stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiving {
    /// Packets given to the host.
    pub packets: u64,
    /// Their octets.
    pub octets: u64,
    /// Packets to multicast groups among them.
    pub multicast: u64,
    /// Management requests from the far end.
    pub management: u64,
    /// Dropped: the interface is administratively down.
    pub not_started: u64,
    /// Dropped: the host did not take them.
    pub not_taken: u64,
    /// Dropped: a multicast or broadcast source address.
    pub bad_source: u64,
    /// What monitors flushed of packets and octets.
    pub flushed: Flow,
}

impl Receiving {
    fn flow(&self) -> Flow {
        Flow {
            packets: self.packets,
            octets: self.octets,
        }
    }

    /// What was given to the host since monitors flushed it.
    pub fn user(&self) -> Flow {
        self.flow().since(self.flushed)
    }

    /// Monitors begin to count anew.
    pub fn flush_user(&mut self) {
        self.flushed = self.flow();
    }

    /// Packets dropped for any reason.
    pub fn dropped(&self) -> u64 {
        self.not_started + self.not_taken + self.bad_source
    }
}

/// Management requests of a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Management {
    /// Served.
    pub served: u64,
    /// Refused: not allowed from the network.
    pub direction: u64,
    /// Dropped: from the network, and not from where it may come.
    pub filtered: u64,
    /// Dropped: from the network, and not made with the key.
    pub unauthenticated: u64,
    /// Dropped: wrong lengths, checksum or kind.
    pub malformed: u64,
    /// Answered as invalid.
    pub unknown: u64,
    /// Replies given back to the host.
    pub to_host: u64,
    /// Replies that the host did not take.
    pub to_host_failed: u64,
    /// Replies sent down the line.
    pub to_line: u64,
    /// Replies that the line did not take.
    pub to_line_failed: u64,
    /// Requests on the local socket.
    pub local: u64,
}

/// The line of a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineCounters {
    /// Messages between the devices of a bundle that cannot be.
    pub bundle_malformed: u64,
    /// Frames received.
    pub rx_frames: u64,
    /// Their octets.
    pub rx_octets: u64,
    /// Frames with user data, both ways.
    pub data_frames: u64,
    /// Turns in which frames came in.
    pub rx_turns: u64,
    /// Frames given to the line.
    pub tx_frames: u64,
    /// Their octets.
    pub tx_octets: u64,
    /// Turns in which frames went out.
    pub tx_turns: u64,
    /// Times that the line took no more and the interfaces had to wait.
    pub tx_blocked: u64,
    /// Frames that the line lost: no carrier, unplugged, refused by the kernel.
    pub tx_lost: u64,
    /// Frames dropped while the line is unplugged by command.
    pub rx_cut: u64,
    /// Packets for a channel whose interface was taken away.
    pub rx_no_interface: u64,
    /// Frames longer than the buffer.
    pub rx_too_long: u64,
    /// Times the carrier went.
    pub carrier_drops: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Timers that fired.
    pub timers: u64,
}
