//! Packets between the interfaces and the line.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use wanbox_link::offload::Segmenter;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Token};
use wanbox_wanrouter_engine::{ChannelId, Delivery, Engine, PayloadKind, Refusal};
use wanbox_wire::ip::{Gso, VirtioHeader};
use wanbox_wire::pipemon::packet::{Checksum, Class, classify, reply};
use wanbox_wire::pipemon::{MAX_MESSAGE, Message, Repr};

use super::device::{Client, Device, MAX_CLIENTS, owner};
use super::guard::Verdict;
use super::interface::Interface;
use super::monitor::{Desk, Source};

/// IPv4 header without options and UDP header, octets: what a request has before its payload.
const IP_UDP_HEADERS: usize = 28;
/// Packets read from one interface in a turn.
const READS: usize = 64;
/// Reads from the line in a turn.
const RECEIVES: usize = 64;
/// Management requests of one client in a turn.
const REQUESTS: usize = 8;

/// How soon a management socket is listened on again whose clients could not be taken.
const LISTEN_AFTER: Duration = Duration::from_secs(1);

/// What became of a packet for the line.
enum Outcome {
    /// In the batch, or dropped and counted.
    Done,
    /// It waits for the committed rate.
    Held(Instant),
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
            let mut octets = [0; VirtioHeader::LEN];
            let length = match interface.tun.read_packet(&mut octets, &mut buffer) {
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

    /// Keeps a packet until the committed rate allows it; the interface is not read meanwhile.
    fn hold(
        &mut self,
        lp: &mut Loop,
        channel: u16,
        header: VirtioHeader,
        packet: &[u8],
        until: Instant,
    ) {
        if let Some(interface) = self.interface_mut(channel) {
            interface.held = Some(header);
            interface.held_packet.clear();
            interface.held_packet.extend_from_slice(packet);
            interface.sending.held += 1;
        }
        lp.set_timer(Token::new(owner::HOLD, channel.into()), until);
        self.follow_reading(lp);
    }

    /// The time for a held packet has come.
    pub fn release_held(&mut self, lp: &mut Loop, channel: u16) {
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        let Some(header) = interface.held else {
            return;
        };
        let packet = mem::take(&mut interface.held_packet);
        let outcome = self.send_packet(lp.now(), channel, &header, &packet);
        if let Some(interface) = self.interface_mut(channel) {
            interface.held_packet = packet;
            match outcome {
                Outcome::Done => interface.held = None,
                Outcome::Held(until) => {
                    lp.set_timer(Token::new(owner::HOLD, channel.into()), until);
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
        let protocol = self.link.protocol();
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
            return match self
                .link
                .encapsulate(now, ChannelId(channel), kind, packet.len())
            {
                Ok(head) => {
                    interface.sending.packets += 1;
                    interface.sending.octets += packet.len() as u64;
                    self.counters.data_frames += 1;
                    self.batch.push(head.as_ref(), packet);
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
        if let Some(delivery) = self.link.receive(now, frame) {
            self.deliver(now, delivery);
        }
    }

    fn deliver(&mut self, now: Instant, delivery: Delivery<'_>) {
        let channel = delivery.channel.0;
        let packet = delivery.payload;
        let port = self.conf.udp_port;
        if delivery.kind == PayloadKind::Ipv4 {
            match classify(packet, port, self.link.protocol(), Checksum::Verify) {
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
            PayloadKind::Raw if !is_ip(packet) => {
                interface.receiving.not_taken += 1;
                return;
            }
            PayloadKind::Ipv6 | PayloadKind::Ethernet | PayloadKind::Raw => {}
        }
        self.counters.data_frames += 1;
        interface.receiving.packets += 1;
        interface.receiving.octets += packet.len() as u64;
        interface.receiving.multicast += u64::from(is_multicast(delivery.kind, packet));
        let offload = interface.tun.offload();
        let mut refused = None;
        let mut write = |header: &[u8; VirtioHeader::LEN], packet: &[u8]| {
            if let Err(error) = interface.tun.write_packet(header, packet) {
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
    fn finish_delivery(&mut self, now: Instant) {
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
                if let Err(error) = interface.tun.write_packet(header, packet) {
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

    /// Answers a management request of the host's stack.
    fn answer_host(&mut self, now: Instant, channel: u16, packet: &[u8], request: &Message<'_>) {
        let source = if self.is_of_this_host(now, channel, packet) {
            Source::Host
        } else {
            Source::Network
        };
        let mut answer = Vec::new();
        if !self.answer(now, channel, source, packet, request, &mut answer) {
            return;
        }
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        interface.sending.management += 1;
        let written = interface
            .tun
            .write_packet(&[0; VirtioHeader::LEN], &answer)
            .is_ok();
        if written {
            self.management.to_host += 1;
        } else {
            self.management.to_host_failed += 1;
        }
    }

    /// Answers a management request of the far end.
    fn answer_network(&mut self, now: Instant, channel: u16, packet: &[u8], request: &Message<'_>) {
        if let Some(interface) = self.interface_mut(channel) {
            interface.receiving.management += 1;
        }
        let mut answer = Vec::new();
        if !self.answer(now, channel, Source::Network, packet, request, &mut answer) {
            return;
        }
        let head = self
            .link
            .encapsulate(now, ChannelId(channel), PayloadKind::Ipv4, answer.len());
        match head {
            Ok(head) if !self.is_waiting_for_line() => {
                self.batch.push(head.as_ref(), &answer);
                self.management.to_line += 1;
            }
            _ => self.management.to_line_failed += 1,
        }
    }

    fn answer(
        &mut self,
        now: Instant,
        channel: u16,
        source: Source,
        packet: &[u8],
        request: &Message<'_>,
        answer: &mut Vec<u8>,
    ) -> bool {
        let ttl = self.conf.ttl;
        let Some(source) = self.admit(now, source, packet) else {
            return false;
        };
        // While frames are received the line is in other hands, and there.
        let carrier = self.line.is_none() || self.has_carrier();
        let Some(mut desk) = self.desk(channel, carrier) else {
            return false;
        };
        let mut data = Vec::new();
        let (code, control) = desk.answer(now, source, request, &mut data);
        let message = Repr {
            control,
            ..Repr::reply(request, code, &data)
        };
        reply(packet, &message, ttl, answer).is_ok()
    }

    /// What a request may have; `None`: it is dropped without an answer.
    fn admit(&mut self, now: Instant, source: Source, packet: &[u8]) -> Option<Source> {
        if source == Source::Host {
            return Some(source);
        }
        let address = *packet.get(12..)?.first_chunk::<4>()?;
        let total = usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk()?));
        let payload = packet.get(IP_UDP_HEADERS..total)?;
        match self.guard.judge(address.into(), payload) {
            Verdict::Everything => Some(Source::Host),
            Verdict::Reading => Some(Source::Network),
            Verdict::Filtered => {
                self.management.filtered += 1;
                None
            }
            Verdict::Refused(reason) => {
                self.management.unauthenticated += 1;
                if let Some(suppressed) = self.refusals.allow(now) {
                    log::warn!(
                        "{}: a management request from {} is dropped: {reason}{}",
                        self.conf.name,
                        std::net::Ipv4Addr::from(address),
                        super::suppressed(suppressed)
                    );
                }
                None
            }
        }
    }

    /// Whether a packet that the host sends has one of the host's own addresses as its source:
    /// otherwise it was only forwarded, and its sender counts as the network.
    fn is_of_this_host(&mut self, now: Instant, channel: u16, packet: &[u8]) -> bool {
        let Some(source) = packet.get(12..16).and_then(|a| a.first_chunk::<4>()) else {
            return false;
        };
        let source = std::net::Ipv4Addr::from(*source);
        let own = self.interface_mut(channel).is_some_and(|interface| {
            interface.learned_local() == Some(source)
                || interface.local_address().is_some_and(|(a, _)| a == source)
        });
        own || self
            .own_addresses
            .contains(&mut self.netlink, now, source.into())
    }

    /// What a management request through this channel may read or change.
    fn desk(&mut self, channel: u16, carrier: bool) -> Option<Desk<'_>> {
        let facts = self.facts();
        let interface = self.interfaces.get_mut(usize::from(channel))?.as_mut()?;
        Some(Desk {
            link: &mut self.link,
            watch: &mut self.watch,
            management: &mut self.management,
            line: &mut self.counters,
            sending: &mut interface.sending,
            receiving: &mut interface.receiving,
            refusals: &mut self.refusals,
            device: &self.conf.name,
            facts,
            carrier,
            opened: interface.opened,
        })
    }

    /// A client cannot be taken, for want of descriptors: not every turn is to try it.
    fn listen_later(&mut self, lp: &mut Loop, channel: u16, error: &io::Error) {
        let now = lp.now();
        let allowed = self.complaints.allow(now);
        let Some(interface) = self.interface_mut(channel) else {
            return;
        };
        if let Some(suppressed) = allowed {
            log::warn!(
                "{}: management socket: {error}{}",
                interface.conf.name,
                super::suppressed(suppressed)
            );
        }
        if let Some((_, monitors)) = interface.sources
            && lp
                .modify(monitors, &interface.listener, Interest::None)
                .is_ok()
        {
            lp.set_timer(
                Token::new(owner::LISTEN, channel.into()),
                now + LISTEN_AFTER,
            );
        }
    }

    /// Clients of an interface's management socket are taken again.
    pub fn listen_again(&mut self, lp: &mut Loop, channel: u16) {
        if let Some(interface) = self.interface_mut(channel)
            && let Some((_, monitors)) = interface.sources
            && let Err(error) = lp.modify(monitors, &interface.listener, Interest::Read)
        {
            log::error!("{}: management socket: {error}", interface.conf.name);
        }
    }

    /// New clients of an interface's management socket.
    pub fn accept_monitors(&mut self, lp: &mut Loop, channel: u16) {
        loop {
            let Some(interface) = self.interface_mut(channel) else {
                return;
            };
            let socket = match interface.listener.accept() {
                Ok(Some(socket)) => socket,
                Ok(None) => return,
                Err(error) => return self.listen_later(lp, channel, &error),
            };
            let place = self.clients.iter().position(Option::is_none);
            let place = place.unwrap_or(self.clients.len());
            if place >= MAX_CLIENTS {
                // Dropping the socket tells the client.
                continue;
            }
            let token = Token::new(owner::CLIENT, place as u32);
            match lp.register(&socket, token, Interest::Read, Priority::Control) {
                Ok(source) => {
                    let client = Some(Client {
                        socket,
                        source,
                        channel,
                    });
                    match self.clients.get_mut(place) {
                        Some(slot) => *slot = client,
                        None => self.clients.push(client),
                    }
                }
                Err(error) => log::warn!("management socket: {error}"),
            }
        }
    }

    /// Requests of a client of a management socket.
    pub fn serve_monitor(&mut self, lp: &mut Loop, place: usize) {
        let now = lp.now();
        let Some(client) = self.clients.get_mut(place).and_then(Option::take) else {
            return;
        };
        let carrier = self.has_carrier();
        let mut octets = [0; MAX_MESSAGE];
        let mut data = Vec::new();
        let mut gone = false;
        for _ in 0..REQUESTS {
            let length = match client.socket.receive(&mut octets) {
                Ok(None) => break,
                Ok(Some(0)) | Err(_) => {
                    gone = true;
                    break;
                }
                Ok(Some(length)) => length,
            };
            let request = octets.get(..length).map(Message::new_checked);
            let Some(Ok(request)) = request else {
                self.management.malformed += 1;
                continue;
            };
            self.management.local += 1;
            let Some(mut desk) = self.desk(client.channel, carrier) else {
                gone = true;
                break;
            };
            let (code, control) = desk.answer(now, Source::Host, &request, &mut data);
            let message = Repr {
                control,
                ..Repr::reply(&request, code, &data)
            };
            let mut answer = [0; MAX_MESSAGE];
            let sent = message
                .emit(&mut answer)
                .is_ok_and(|length| match answer.get(..length) {
                    Some(answer) => client.socket.send(answer).is_ok(),
                    None => false,
                });
            if sent {
                self.management.to_host += 1;
            } else {
                self.management.to_host_failed += 1;
            }
        }
        if gone {
            // Closing it is all that is left to do.
            let _ = lp.deregister(client.source, &client.socket);
        } else if let Some(slot) = self.clients.get_mut(place) {
            *slot = Some(client);
        }
        self.pump(lp);
    }
}

/// Counts why the engine did not take a packet.
fn refuse(interface: &mut Interface, refusal: Refusal) -> Outcome {
    let sending = &mut interface.sending;
    match refusal {
        Refusal::LinkDown => sending.link_down += 1,
        Refusal::ChannelDown => sending.channel_down += 1,
        Refusal::TooLong { .. } | Refusal::Unsupported => sending.refused += 1,
        Refusal::Hold(until) => return Outcome::Held(until),
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
        return Some(PayloadKind::Raw);
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
        PayloadKind::Raw => false,
    }
}
