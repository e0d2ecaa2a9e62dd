//! Inverse ARP (RFC 2390) and ARP (RFC 2427 section 10) of the routed channels.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::arp::{Operation, Packet, Repr};
use wanbox_wire::frame_relay::{self, Address, Protocol};

use super::FrameRelay;
use super::channel::{ArpWork, Channel};

impl FrameRelay {
    /// An ARP packet came in on a channel that is up.
    pub(super) fn receive_arp(&mut self, index: u16, data: &[u8]) {
        let Some(channel) = self.channel_at(index) else {
            return;
        };
        let used = Packet::new_checked(data)
            .and_then(|packet| Repr::parse(&packet))
            .is_ok_and(|arp| channel.use_arp(&arp));
        if used {
            channel.stats.arp_rx += 1;
        } else {
            channel.stats.arp_refused += 1;
        }
        if channel.peer_fresh {
            self.announce_channel(index);
        }
        self.queue_work(index);
    }

    /// Requests whose time has come, and the next time.
    pub(super) fn inarp_timeout(&mut self, now: Instant) {
        if self.inarp_next.is_none_or(|next| next > now) {
            return;
        }
        let mut next = None;
        for index in 0..self.channels.len() {
            let index = index as u16;
            let Some(channel) = self.channel_at(index) else {
                continue;
            };
            let due = channel.inarp_next.is_some_and(|at| at <= now);
            if due {
                channel.arp.request = channel.config.local.is_some();
                channel.inarp_next = Some(now + channel.config.inarp_interval);
            }
            next = next.into_iter().chain(channel.inarp_next).min();
            if due {
                self.queue_work(index);
            }
        }
        self.inarp_next = next;
    }

    /// Begins asking for the peer's address, or stops, according to the channel's state.
    pub(super) fn arm_inarp(&mut self, now: Instant, index: u16) {
        let Some(channel) = self.channel_at(index) else {
            return;
        };
        let wanted = channel.up
            && channel.config.inarp
            && !channel.config.bridged
            && !channel.config.raw
            && channel.peer.is_none();
        channel.inarp_next = wanted.then_some(now);
        channel.arp = ArpWork::default();
        let next = channel.inarp_next;
        self.inarp_next = self.inarp_next.into_iter().chain(next).min();
    }

    /// Remembers that the channel has something to send.
    fn queue_work(&mut self, index: u16) {
        let Some(channel) = self.channel_at(index) else {
            return;
        };
        if !channel.arp.is_empty() && !channel.working {
            channel.working = true;
            self.work.push_back(index);
        }
    }

    /// Writes the next ARP frame that waits; false when there is none.
    pub(super) fn transmit_arp(&mut self, frame: &mut Vec<u8>) -> bool {
        while let Some(&index) = self.work.front() {
            if let Some(channel) = self.channel_at(index) {
                if channel.write_arp(frame) {
                    return true;
                }
                channel.working = false;
            }
            self.work.pop_front();
        }
        false
    }
}

impl Channel {
    /// Learns and answers; false when the packet is not for us.
    fn use_arp(&mut self, arp: &Repr) -> bool {
        let config = &self.config;
        if !config.inarp && !config.inarp_rx {
            return false;
        }
        let Some((local, mask)) = config.local else {
            return false;
        };
        if !plausible_peer(local, mask, arp.sender) {
            return false;
        }
        match arp.operation {
            Operation::InverseRequest => self.arp.inverse_reply = Some(arp.sender),
            Operation::InverseReply => {}
            Operation::Request if arp.target == local => self.arp.reply = Some(arp.sender),
            Operation::Reply if arp.target == local => {}
            _ => return false,
        }
        if self.peer != Some(arp.sender) {
            self.peer = Some(arp.sender);
            self.peer_fresh = true;
        }
        self.inarp_next = None;
        self.arp.request = false;
        true
    }

    /// Writes one waiting ARP frame; false when none waits or the channel went down.
    fn write_arp(&mut self, frame: &mut Vec<u8>) -> bool {
        let ready = (self.dlci.filter(|_| self.up)).zip(self.config.local);
        let Some((dlci, (sender, _))) = ready else {
            self.arp = ArpWork::default();
            return false;
        };
        let address = Address::new(dlci);
        let (operation, target) = if let Some(target) = self.arp.inverse_reply.take() {
            (Operation::InverseReply, target)
        } else if let Some(target) = self.arp.reply.take() {
            (Operation::Reply, target)
        } else if std::mem::take(&mut self.arp.request) {
            (Operation::InverseRequest, Ipv4Addr::UNSPECIFIED)
        } else {
            return false;
        };
        // Both ends of a PVC know its DLCI from the frame: inverse ARP leaves the hardware
        // addresses zero, as the original drivers do. An ordinary reply names ours.
        let sender_hardware = match operation {
            Operation::Reply => address.to_octets(),
            _ => [0; 2],
        };
        match operation {
            Operation::InverseRequest => self.stats.inarp_requests += 1,
            _ => self.stats.arp_replies += 1,
        }
        let header = frame_relay::Repr {
            address,
            style: self.config.encapsulation,
            protocol: Protocol::Arp,
        };
        let arp = Repr {
            operation,
            sender_hardware,
            sender,
            target_hardware: [0; 2],
            target,
        };
        frame.clear();
        frame.resize(header.header_len() + Repr::LEN, 0);
        let written = header
            .emit(frame)
            .and_then(|len| arp.emit(frame.get_mut(len..)?));
        let information = (frame.len() - Address::LEN) as u64;
        self.stats.tx_frames += 1;
        self.stats.tx_octets += information;
        written.is_some()
    }
}

/// A peer's address is believed when it is a host's, not ours, and in our subnet (any subnet when
/// our mask is a host mask).
fn plausible_peer(local: Ipv4Addr, mask: Ipv4Addr, peer: Ipv4Addr) -> bool {
    let (local, mask) = (local.to_bits(), mask.to_bits());
    let host = !(peer.is_unspecified() || peer.is_multicast() || peer.is_broadcast());
    let bits = peer.to_bits();
    host && bits != local && (mask == u32::MAX || bits & mask == local & mask)
}
