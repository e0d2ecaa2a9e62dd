//! Packets between the host and the link.

use std::time::Instant;

use wanbox_link::ppp::multilink::{MemberId, Unsent};
use wanbox_link::ppp::{self, NetworkReceived, Payload, Received};
use wanbox_wire::ip;
use wanbox_wire::ppp::{ADDRESS, CONTROL, Protocol};

use super::bundle::Group;
use super::{CHANNEL, Ppp, Role};
use crate::{ChannelId, Delivery, Header, Marks, Path, PayloadKind, Push, Refusal};

impl Ppp {
    pub(super) fn receive_frame<'f>(
        &mut self,
        now: Instant,
        frame: &'f [u8],
    ) -> Option<Delivery<'f>> {
        self.now = now;
        match self.link.receive(now, frame) {
            Received::Consumed => {}
            Received::Rejected(protocol) => self.network.protocol_rejected(now, protocol),
            Received::Network { .. } if self.config.role == Role::Member => {
                return Some(Delivery {
                    channel: CHANNEL,
                    kind: PayloadKind::Raw(Marks::default()),
                    payload: frame,
                });
            }
            Received::Network {
                protocol,
                information,
            } => {
                let own = self.group.as_ref().and_then(|group| group.own);
                return self.receive_network(now, own, protocol, information);
            }
        }
        self.settle(now);
        None
    }

    /// A packet of the network phase that came over the own line, or over that of a member.
    pub(super) fn receive_network<'f>(
        &mut self,
        now: Instant,
        member: Option<MemberId>,
        protocol: Protocol,
        information: &'f [u8],
    ) -> Option<Delivery<'f>> {
        match (protocol, &mut self.group, member) {
            (Protocol::MULTILINK, Some(group), Some(id)) => {
                let whole = group.bundle.receive(now, id, information)?;
                self.receive_whole(now, whole)
            }
            _ => self.receive_packet(now, protocol, information),
        }
    }

    /// A packet of a network layer.
    pub(super) fn receive_packet<'f>(
        &mut self,
        now: Instant,
        protocol: Protocol,
        information: &'f [u8],
    ) -> Option<Delivery<'f>> {
        if matches!(
            protocol,
            Protocol::VJ_COMPRESSED | Protocol::VJ_UNCOMPRESSED
        ) && self.vj.decompresses()
        {
            self.vj.restore(protocol, information);
            return None;
        }
        match self.network.receive(now, protocol, information) {
            NetworkReceived::Delivery(payload, packet) => {
                return Some(Delivery {
                    channel: CHANNEL,
                    kind: kind(payload),
                    payload: without_padding(packet),
                });
            }
            NetworkReceived::Consumed => {}
            NetworkReceived::Unknown => self.link.reject(protocol, information),
        }
        self.settle(now);
        None
    }

    /// Sends a packet: on its own, or in fragments through the bundle.
    pub(super) fn send_packet(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        if self.rewrites() {
            return self.rewrite(now, channel, kind, packet, push);
        }
        let header = self.header(channel, kind, packet.len())?;
        push(Path::Line, header.as_ref(), packet);
        Ok(())
    }

    /// Sends a packet otherwise than as it is.
    fn rewrite(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        let payload = self.payload(channel, kind)?;
        if let Some(group) = &self.group
            && !group.bundle.has_ready_member()
        {
            return Err(Refusal::Hold(now + super::BUSY));
        }
        self.network.admit(payload, packet.len()).map_err(refusal)?;
        let (protocol, head, rest) = match payload {
            Payload::Ipv4 => self.vj.compress(packet),
            Payload::Ipv6 => (Protocol::IPV6, &[][..], packet),
        };
        if let Some(group) = &mut self.group {
            if head.is_empty() {
                return send_bundled(group, now, protocol, rest, push);
            }
            self.joined.clear();
            self.joined.extend_from_slice(head);
            self.joined.extend_from_slice(rest);
            return send_bundled(group, now, protocol, &self.joined, push);
        }
        let header = self.link.encapsulate(protocol, head.len() + rest.len());
        let header = header.map_err(refusal)?;
        self.joined.clear();
        self.joined.extend_from_slice(header.as_ref());
        self.joined.extend_from_slice(head);
        push(Path::Line, &self.joined, rest);
        Ok(())
    }

    /// The header before a packet that is sent as it is.
    pub(super) fn header(
        &mut self,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        let payload = self.payload(channel, kind)?;
        let header = self.link.encapsulate(payload.protocol(), octets);
        let header = header.map_err(refusal)?;
        self.network.admit(payload, octets).map_err(refusal)?;
        Header::new(header.as_ref()).ok_or(Refusal::Unsupported)
    }

    fn payload(&self, channel: ChannelId, kind: PayloadKind) -> Result<Payload, Refusal> {
        if channel != CHANNEL {
            return Err(Refusal::ChannelDown);
        }
        match kind {
            PayloadKind::Ipv4 => Ok(Payload::Ipv4),
            PayloadKind::Ipv6 => Ok(Payload::Ipv6),
            PayloadKind::Ethernet | PayloadKind::Raw(_) => Err(Refusal::Unsupported),
        }
    }

    /// The next packet of a network control protocol, as a frame of the own line.
    pub(super) fn network_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        if self.group.is_some() {
            // It goes with the data: see `transmit_bundled`.
            return false;
        }
        if !self.network.poll_transmit(frame) {
            return false;
        }
        if !self.link.framing(Protocol::IPCP).acfc {
            frame.splice(..0, [ADDRESS, CONTROL]);
        }
        true
    }
}

/// Sends a packet of the host through the bundle.
fn send_bundled(
    group: &mut Group,
    now: Instant,
    protocol: Protocol,
    packet: &[u8],
    push: &mut Push<'_>,
) -> Result<(), Refusal> {
    group
        .send(now, protocol, packet, push)
        .map_err(|unsent| match unsent {
            Unsent::NoMember => Refusal::LinkDown,
            Unsent::Busy => Refusal::Hold(now + super::BUSY),
            Unsent::TooLong { limit } => Refusal::TooLong { limit },
        })
}

fn kind(payload: Payload) -> PayloadKind {
    match payload {
        Payload::Ipv4 => PayloadKind::Ipv4,
        Payload::Ipv6 => PayloadKind::Ipv6,
    }
}

/// The packet alone: frames may be padded (RFC 1661 section 2). One that is shorter than it says is
/// left to the host to count.
fn without_padding(packet: &[u8]) -> &[u8] {
    ip::Ip::parse(packet).map_or(packet, |ip| ip.octets())
}

fn refusal(refusal: ppp::Refusal) -> Refusal {
    match refusal {
        ppp::Refusal::LinkDown => Refusal::LinkDown,
        ppp::Refusal::NetworkDown => Refusal::ChannelDown,
        ppp::Refusal::TooLong { limit } => Refusal::TooLong { limit },
    }
}
