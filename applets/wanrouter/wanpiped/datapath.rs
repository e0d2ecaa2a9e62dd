//! Packets between the interfaces and the line.

use std::io;
use std::mem;
use std::time::Instant;

use wanbox_link::offload::Segmenter;
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_wanrouter_engine::{ChannelId, Delivery, Engine, Marks, Path, PayloadKind, Refusal};
use wanbox_wire::ip::{Gso, VirtioHeader};
use wanbox_wire::pipemon::packet::{Checksum, Class, classify};

use super::bundle::Side;
use super::device::{Device, owner};
use super::interface::{HostEnd, Interface};

/// Packets read from one interface in a turn.
const READS: usize = 64;
/// Reads from the line in a turn.
const RECEIVES: usize = 64;

/// What became of a packet for the line.
pub enum Outcome {
    /// In the batch, or dropped and counted.
    Done,
    /// It waits for the committed rate; without a time, for the engine to have room.
    Held(Option<Instant>),
}

impl Device {
    /// Reads packets from an interface and gives them to the line.
    pub fn read_interface(&mut self, lp: &mut Loop, channel: u16) {
        let now = lp.now();
        let mut buffer = mem::take(&mut self.packet_buffer);
        for _ in 0..READS {
            if self.is_waiting_for_line() {
                break;
            }
            let Some(interface) = self.interface_mut(channel) else {
                break;
            };
            let HostEnd::Tun { tun, .. } = &interface.end else {
                break;
            };
            let mut octets = [0; VirtioHeader::LEN];
            let length = match tun.read_packet(&mut octets, &mut buffer) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(error) => {
                    self.interface_failed(lp, channel, &error);
                    break;
                }
            };
            let packet = buffer.get(..length).unwrap_or_default();
            match VirtioHeader::parse(&octets) {
                Ok(header) => {
                    if let Outcome::Held(until) = self.send_packet(now, channel, &header, packet) {
                        self.hold(lp, channel, header, packet, until);
                        break;
                    }
                }
                Err(_) => {
                    if let Some(interface) = self.interface_mut(channel) {
                        interface.sending.malformed += 1;
                    }
                }
            }
            if self.batch.is_full() {
                self.flush(lp);
            }
        }
        self.packet_buffer = buffer;
    }

    /// Keeps a packet until the committed rate allows it, or the engine has room; the interface is
    /// not read meanwhile.
    pub fn hold(
        &mut self,
        lp: &mut Loop,
        channel: u16,
        header: VirtioHeader,
        packet: &[u8],
        until: Option<Instant>,
    ) {
        if let Some(interface) = self.interface_mut(channel) {
            interface.held = Some(header);
            interface.held_packet.clear();
            interface.held_packet.extend_from_slice(packet);
            interface.sending.held += 1;
        }
        lp.set_timer_to(Token::new(owner::HOLD, channel.into()), until);
        self.follow_reading(lp);
    }

    /// The time for a held packet has come, or there is room.
    pub fn release_held(&mut self, lp: &mut Loop, channel: u16) {
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        let Some(header) = interface.held else {
            return;
        };
        let packet = mem::take(&mut interface.held_packet);
        let outcome = match interface.end {
            HostEnd::Tun { .. } => self.send_packet(lp.now(), channel, &header, &packet),
            HostEnd::Api(_) => self.send_held_message(lp.now(), channel, &packet),
        };
        if let Some(interface) = self.interface_mut(channel) {
            interface.held_packet = packet;
            match outcome {
                Outcome::Done => interface.held = None,
                Outcome::Held(until) => {
                    lp.set_timer_to(Token::new(owner::HOLD, channel.into()), until);
                }
            }
        }
        self.follow_reading(lp);
    }

    /// Puts a packet of the host into the batch, cut to what the line carries.
    fn send_packet(
        &mut self,
        now: Instant,
        channel: u16,
        header: &VirtioHeader,
        packet: &[u8],
    ) -> Outcome {
        let port = self.conf.udp_port;
        let protocol = self.management_protocol();
        let Some(interface) = self
            .interfaces
            .get_mut(usize::from(channel))
            .and_then(Option::as_mut)
        else {
            return Outcome::Done;
        };
        interface.sending.entries += u64::from(interface.held.is_none());
        let Some(kind) = kind_of(interface, packet) else {
            if packet.is_empty() {
                interface.sending.empty += 1;
            } else {
                interface.sending.malformed += 1;
            }
            return Outcome::Done;
        };
        if kind == PayloadKind::Ipv4 {
            match classify(packet, port, protocol, Checksum::Ignore) {
                Class::Other => {}
                Class::Malformed(_) => {
                    self.management.malformed += 1;
                    return Outcome::Done;
                }
                Class::Request(request) => {
                    self.answer_host(now, channel, packet, &request);
                    return Outcome::Done;
                }
            }
            match source_of(packet) {
                SourceAddress::Broadcast => {
                    interface.sending.broadcast += 1;
                    return Outcome::Done;
                }
                SourceAddress::Multicast if !interface.conf.multicast => {
                    interface.sending.multicast += 1;
                    return Outcome::Done;
                }
                _ => {}
            }
        }
        if header.gso == Gso::None && header.flags == 0 {
            // The common packet: finished, on its own.
            let (batch, bundle) = (&mut self.batch, &mut self.bundle);
            let mut push = |path: Path, head: &[u8], packet: &[u8]| match path {
                Path::Line => batch.push(head, packet),
                Path::Member(member) => bundle.send_to(member, head, packet),
            };
            let id = ChannelId(channel);
            return match self.link.send(now, id, kind, packet, &mut push) {
                Ok(()) => {
                    interface.sending.packets += 1;
                    interface.sending.octets += packet.len() as u64;
                    self.counters.data_frames += 1;
                    self.follow_full_members();
                    Outcome::Done
                }
                Err(refusal) => refuse(interface, refusal),
            };
        }
        let Ok(mut segments) = Segmenter::new(header, packet, 0) else {
            interface.sending.malformed += 1;
            return Outcome::Done;
        };
        while let Some(octets) = segments.next_len() {
            match self.link.encapsulate(now, ChannelId(channel), kind, octets) {
                Ok(head) => {
                    let written = self.batch.push_with(head.as_ref(), octets, |room| {
                        matches!(segments.next_into(room), Ok(Some(_)))
                    });
                    if !written {
                        interface.sending.malformed += 1;
                        return Outcome::Done;
                    }
                    interface.sending.packets += 1;
                    interface.sending.octets += octets as u64;
                    self.counters.data_frames += 1;
                }
                // Shaped interfaces give single packets: this is the first segment.
                Err(refusal) => return refuse(interface, refusal),
            }
        }
        Outcome::Done
    }

    /// Takes frames from the line.
    pub fn receive_frames(&mut self, lp: &mut Loop) -> io::Result<()> {
        let now = lp.now();
        let mut buffer = mem::take(&mut self.line_buffer);
        let mut line = self.line.take();
        let mut result = Ok(());
        let frames = self.counters.rx_frames;
        if let Some(line) = &mut line {
            for _ in 0..RECEIVES {
                if self.line_paused {
                    break;
                }
                match line.receive(&mut buffer, |frame| self.receive_frame(now, frame)) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
            }
        }
        self.line = line;
        self.line_buffer = buffer;
        self.counters.rx_turns += u64::from(frames != self.counters.rx_frames);
        self.finish_delivery(now);
        self.watch_silence(lp);
        result
    }

    fn receive_frame(&mut self, now: Instant, frame: &[u8]) {
        if self.cut {
            self.counters.rx_cut += 1;
            return;
        }
        self.counters.rx_frames += 1;
        self.counters.rx_octets += frame.len() as u64;
        self.watch.frame(now, false, frame);
        if self.deliver_to_tty(frame) || self.take_characters(now, frame) {
            return;
        }
        if let Some(delivery) = self.link.receive(now, frame) {
            self.deliver(now, delivery);
        }
        self.deliver_made(now);
    }

    /// Delivers packets that the engine made of several frames, or of compressed ones.
    pub fn deliver_made(&mut self, now: Instant) {
        let mut packet = mem::take(&mut self.made_packet);
        while let Some((channel, kind)) = self.link.poll_packet(&mut packet) {
            let payload = &packet;
            self.deliver(
                now,
                Delivery {
                    channel,
                    kind,
                    payload,
                },
            );
        }
        self.made_packet = packet;
    }

    /// Gives a packet to whom it is for.
    pub fn deliver(&mut self, now: Instant, delivery: Delivery<'_>) {
        let channel = delivery.channel.0;
        let packet = delivery.payload;
        let port = self.conf.udp_port;
        if let Side::Member(member) = &mut self.bundle {
            self.counters.data_frames += 1;
            member.hand_over(packet);
            return;
        }
        if let PayloadKind::Raw(marks) = delivery.kind
            && self.deliver_raw(channel, marks, packet)
        {
            return;
        }
        if delivery.kind == PayloadKind::Ipv4 {
            match classify(packet, port, self.management_protocol(), Checksum::Verify) {
                Class::Other => {}
                Class::Malformed(_) => {
                    self.management.malformed += 1;
                    return;
                }
                Class::Request(request) => {
                    self.answer_network(now, channel, packet, &request);
                    return;
                }
            }
        }
        if self.coalescing.is_some_and(|other| other != channel) {
            self.finish_delivery(now);
        }
        let Some(interface) = self
            .interfaces
            .get_mut(usize::from(channel))
            .and_then(Option::as_mut)
        else {
            self.counters.rx_no_interface += 1;
            return;
        };
        if !interface.up {
            interface.receiving.not_started += 1;
            return;
        }
        match delivery.kind {
            PayloadKind::Ipv4 => match source_of(packet) {
                SourceAddress::Broadcast => {
                    interface.receiving.bad_source += 1;
                    return;
                }
                SourceAddress::Multicast if !interface.conf.multicast => {
                    interface.receiving.bad_source += 1;
                    return;
                }
                _ => {}
            },
            PayloadKind::Raw(_) if !is_ip(packet) => {
                interface.receiving.not_taken += 1;
                return;
            }
            PayloadKind::Ipv6 | PayloadKind::Ethernet | PayloadKind::Raw(_) => {}
        }
        let HostEnd::Tun { tun, .. } = &interface.end else {
            // Its application gets what is raw.
            interface.receiving.not_taken += 1;
            return;
        };
        self.counters.data_frames += 1;
        interface.receiving.packets += 1;
        interface.receiving.octets += packet.len() as u64;
        interface.receiving.multicast += u64::from(is_multicast(delivery.kind, packet));
        let offload = tun.offload();
        let mut refused = None;
        let mut write = |header: &[u8; VirtioHeader::LEN], packet: &[u8]| {
            if let Err(error) = tun.write_packet(header, packet) {
                refused = Some(error);
            }
        };
        if offload.tcp && offload.udp && delivery.kind != PayloadKind::Ethernet {
            self.coalescing = Some(channel);
            self.coalescer.push(packet, &mut write);
        } else {
            write(&[0; VirtioHeader::LEN], packet);
        }
        self.refused(now, channel, refused);
    }

    /// Gives the host what waits in the coalescer.
    pub fn finish_delivery(&mut self, now: Instant) {
        let Some(channel) = self.coalescing.take() else {
            return;
        };
        let mut refused = None;
        if let Some(interface) = self
            .interfaces
            .get_mut(usize::from(channel))
            .and_then(Option::as_mut)
        {
            self.coalescer.flush(&mut |header, packet| {
                if let HostEnd::Tun { tun, .. } = &interface.end
                    && let Err(error) = tun.write_packet(header, packet)
                {
                    refused = Some(error);
                }
            });
        }
        self.refused(now, channel, refused);
    }

    /// The host did not take a packet.
    fn refused(&mut self, now: Instant, channel: u16, error: Option<io::Error>) {
        let Some(error) = error else {
            return;
        };
        let allowed = self.complaints.allow(now);
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        interface.receiving.not_taken += 1;
        if let Some(suppressed) = allowed {
            log::warn!(
                "{}: the host did not take a packet: {error}{}",
                interface.conf.name,
                super::suppressed(suppressed)
            );
        }
    }

    /// The kernel interface is gone: somebody deleted it. It is made again.
    fn interface_failed(&mut self, lp: &mut Loop, channel: u16, error: &io::Error) {
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        let conf = interface.conf.clone();
        log::error!(
            "{}: the interface failed: {error}; making it again",
            conf.name
        );
        self.remove_interface(lp, channel);
        if let Err(error) = self.add_interface(lp, conf) {
            log::error!("{error}; trying again");
            self.repair_soon(lp);
        }
    }
}

/// Counts why the engine did not take a packet.
fn refuse(interface: &mut Interface, refusal: Refusal) -> Outcome {
    let sending = &mut interface.sending;
    match refusal {
        Refusal::LinkDown => sending.link_down += 1,
        Refusal::ChannelDown => sending.channel_down += 1,
        Refusal::TooLong { .. } | Refusal::Unsupported => sending.refused += 1,
        Refusal::Hold(until) => return Outcome::Held(Some(until)),
        Refusal::Full => return Outcome::Held(None),
    }
    Outcome::Done
}

/// What a packet of this interface is; `None`: nothing that it carries.
fn kind_of(interface: &Interface, packet: &[u8]) -> Option<PayloadKind> {
    let first = packet.first()?;
    if interface.conf.usage.is_bridged() {
        return Some(PayloadKind::Ethernet);
    }
    if interface.is_streaming() {
        return Some(PayloadKind::Raw(Marks::default()));
    }
    match first >> 4 {
        4 => Some(PayloadKind::Ipv4),
        6 => Some(PayloadKind::Ipv6),
        _ => None,
    }
}

/// Whether it is an IP packet at all.
fn is_ip(packet: &[u8]) -> bool {
    packet
        .first()
        .is_some_and(|first| matches!(first >> 4, 4 | 6))
}

enum SourceAddress {
    Unicast,
    Multicast,
    Broadcast,
}

/// What the source address of an IPv4 packet is.
fn source_of(packet: &[u8]) -> SourceAddress {
    match packet.get(12..16) {
        Some([255, 255, 255, 255]) => SourceAddress::Broadcast,
        Some([first, ..]) if (224..240).contains(first) => SourceAddress::Multicast,
        _ => SourceAddress::Unicast,
    }
}

/// Whether a packet goes to a group.
fn is_multicast(kind: PayloadKind, packet: &[u8]) -> bool {
    match kind {
        PayloadKind::Ipv4 => packet.get(16).is_some_and(|first| first >> 4 == 0xe),
        PayloadKind::Ipv6 => packet.get(24) == Some(&0xff),
        PayloadKind::Ethernet => packet.first().is_some_and(|first| first & 1 != 0),
        PayloadKind::Raw(_) => false,
    }
}
