//! Messages received, and errors sent.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::ip::{Icmp as Message, IcmpEcho, Ipv4, Sum, protocol};

use super::{Error, Notice, kind};
use crate::ip::Header;
use crate::ip::options::{self, MOST};
use crate::station::{Delivery, Event, Sink, Station};

/// Octets of an IP header without options.
const HEADER: usize = Ipv4::MIN_HEADER;
/// Octets quoted behind the header of a datagram in question (RFC 792).
const QUOTED: usize = 8;

impl Station {
    /// A message came in for us.
    pub(crate) fn icmp_input(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
        sink: &mut dyn Sink,
    ) {
        self.icmp.received.messages += 1;
        let message = Message::parse(delivery.payload);
        let good = message.ok().filter(|message| {
            !delivery.broadcast && (delivery.verified || message.checksum_is_valid(Sum::new()))
        });
        let Some(message) = good else {
            self.icmp.received.errors += 1;
            return;
        };
        self.icmp.received.count(message.kind());
        match message.kind() {
            kind::ECHO if delivery.is_unicast() => self.echo_reply(now, delivery, sink),
            kind::TIMESTAMP if delivery.is_unicast() => {
                self.timestamp_reply(now, delivery, &message, sink)
            }
            kind::ECHO_REPLY => {
                if let Ok(echo) = IcmpEcho::parse(&message) {
                    self.ping_reply(now, delivery.src, &echo, message.payload());
                }
            }
            kind::UNREACHABLE | kind::SOURCE_QUENCH | kind::REDIRECT | kind::TIME_EXCEEDED | 19 => {
                self.icmp_error_received(now, delivery, &message, sink);
            }
            _ => {}
        }
    }

    fn icmp_error_received(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
        message: &Message<'_>,
        sink: &mut dyn Sink,
    ) {
        // What is quoted is cut by nature, so that its length field is not held against it.
        let quoted = message.payload();
        let header_len = usize::from(quoted.first().copied().unwrap_or_default() & 15) * 4;
        let quoted_addresses = quoted
            .get(12..HEADER)
            .and_then(|octets| octets.as_chunks::<4>().0.first_chunk::<2>());
        let Some([src, dst]) = quoted_addresses.copied() else {
            self.icmp.received.errors += 1;
            return;
        };
        let (src, dst) = (Ipv4Addr::from(src), Ipv4Addr::from(dst));
        if header_len < HEADER
            || quoted.first().is_none_or(|first| first >> 4 != 4)
            || !self.interfaces.is_own(src)
        {
            self.icmp.received.errors += 1;
            return;
        }
        if self.icmp.trace {
            self.tell(Event::Icmp(Notice {
                from: delivery.src,
                dest: dst,
                kind: message.kind(),
                code: message.code(),
                rest: message.rest_of_header(),
            }));
        }
        let octets = quoted.get(header_len..).unwrap_or_default();
        match quoted.get(9).copied() {
            Some(protocol::TCP) => self.tcp_hint(now, (src, dst), octets, message),
            // Nothing listens there: no such protocol, or no such port.
            Some(protocol::UDP)
                if message.kind() == kind::UNREACHABLE && matches!(message.code(), 2 | 3) =>
            {
                if let Some([a, b, c, d]) = octets.first_chunk::<4>().copied() {
                    let (port, remote) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                    self.resolver_refused(now, port, (dst, remote), sink);
                }
            }
            _ => {}
        }
    }

    /// Answers an echo request: the same octets, turned round.
    fn echo_reply(&mut self, now: Instant, delivery: &Delivery<'_>, sink: &mut dyn Sink) {
        let mut options = [0; MOST];
        let (len, first) = options::answer(delivery.options, delivery.src, &mut options);
        let options = options.get(..len).unwrap_or_default();
        let mut buffer = self.pool.take();
        buffer.resize(HEADER + len, 0);
        buffer.extend_from_slice(delivery.payload);
        if let Some(message) = buffer.get_mut(HEADER + len..) {
            if let Some(field) = message.first_mut() {
                *field = kind::ECHO_REPLY;
            }
            if let Some(field) = message.get_mut(2..4) {
                field.fill(0);
            }
        }
        self.finish_and_send(now, delivery, first, options, buffer, sink);
    }

    /// Answers a time stamp request.
    fn timestamp_reply(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
        message: &Message<'_>,
        sink: &mut dyn Sink,
    ) {
        let Some(originate) = message
            .payload()
            .first_chunk::<4>()
            .filter(|_| message.payload().len() >= 12)
        else {
            self.icmp.received.errors += 1;
            return;
        };
        let mut options = [0; MOST];
        let (len, first) = options::answer(delivery.options, delivery.src, &mut options);
        let options = options.get(..len).unwrap_or_default();
        let time = ((self.unix_millis(now) % 86_400_000) as u32).to_be_bytes();
        let mut buffer = self.pool.take();
        buffer.resize(HEADER + len, 0);
        buffer.extend_from_slice(&[kind::TIMESTAMP_REPLY, 0, 0, 0]);
        buffer.extend_from_slice(&message.rest_of_header());
        buffer.extend_from_slice(originate);
        buffer.extend_from_slice(&time);
        buffer.extend_from_slice(&time);
        self.finish_and_send(now, delivery, first, options, buffer, sink);
    }

    /// Puts the checksum into the answer behind the room for its header, and sends it where the question
    /// came from.
    fn finish_and_send(
        &mut self,
        now: Instant,
        delivery: &Delivery<'_>,
        first: Ipv4Addr,
        options: &[u8],
        mut buffer: Vec<u8>,
        sink: &mut dyn Sink,
    ) {
        let header = Header {
            tos: delivery.tos,
            ..Header::new(delivery.dst, first, protocol::ICMP)
        };
        self.send_icmp(now, &header, options, &mut buffer, sink);
        self.pool.give(buffer);
    }

    /// Sends a message that is in `buffer` behind room for its header and options.
    pub(crate) fn send_icmp(
        &mut self,
        now: Instant,
        header: &Header,
        options: &[u8],
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) {
        let Some(message) = buffer.get_mut(HEADER + options.len()..) else {
            return;
        };
        let kind = message.first().copied().unwrap_or_default();
        let checksum = Sum::new().octets(message).checksum();
        if let Some(field) = message.get_mut(2..4) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
        self.icmp.sent.messages += 1;
        self.icmp.sent.count(kind);
        self.send_buffer(now, header, options, buffer, sink);
    }

    /// Tells the sender of a datagram that something is wrong with it, unless that is not done: about
    /// errors, later fragments, what was for many or came as a broadcast, and what is not from one host
    /// (RFC 1122 section 3.2.2); and no more often than the limit.
    pub(crate) fn icmp_error(
        &mut self,
        now: Instant,
        error: Error,
        datagram: &[u8],
        broadcast: bool,
        sink: &mut dyn Sink,
    ) {
        let Some(header) = datagram.get(..HEADER) else {
            return;
        };
        let at = |start: usize| {
            let octets = header
                .get(start..)
                .and_then(|octets| octets.first_chunk::<4>());
            Ipv4Addr::from(octets.copied().unwrap_or_default())
        };
        let (src, dst) = (at(12), at(16));
        let header_len = usize::from(header.first().copied().unwrap_or_default() & 15) * 4;
        let fragment = u16::from_be_bytes([
            header.get(6).copied().unwrap_or_default(),
            header.get(7).copied().unwrap_or_default(),
        ]) & 0x1fff;
        let about_error = header.get(9) == Some(&protocol::ICMP)
            && !matches!(
                datagram.get(header_len),
                Some(&(kind::ECHO | kind::ECHO_REPLY | kind::TIMESTAMP..=16))
            );
        let not_one = |address: Ipv4Addr| {
            address.is_multicast() || address.is_broadcast() || address.octets()[0] >= 240
        };
        if broadcast
            || fragment > 0
            || about_error
            || src.is_unspecified()
            || not_one(src)
            || not_one(dst)
            || self.is_broadcast(dst)
            || src.is_loopback() && !self.interfaces.is_own(src)
            || !self.icmp.may_tell(now)
        {
            return;
        }
        let tos = header.get(1).copied().unwrap_or_default();
        let ours = self.interfaces.is_own(dst) && !dst.is_unspecified();
        let from = if ours { dst } else { Ipv4Addr::UNSPECIFIED };
        let (kind, code, rest) = error.fields();
        let mut buffer = self.pool.take();
        buffer.resize(HEADER, 0);
        buffer.extend_from_slice(&[kind, code, 0, 0]);
        buffer.extend_from_slice(&rest);
        let quoted = datagram.len().min(header_len + QUOTED);
        buffer.extend_from_slice(datagram.get(..quoted).unwrap_or_default());
        let header = Header {
            tos,
            ..Header::new(from, src, protocol::ICMP)
        };
        self.send_icmp(now, &header, &[], &mut buffer, sink);
        self.pool.give(buffer);
    }
}
