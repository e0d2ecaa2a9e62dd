//! Packets between the host and the link.

use std::time::Instant;

use wanbox_link::ppp::{self, NetworkReceived, Payload, Received};
use wanbox_wire::ip;
use wanbox_wire::ppp::{ADDRESS, CONTROL, Protocol};

use super::{CHANNEL, Ppp};
use crate::{ChannelId, Delivery, Header, PayloadKind, Refusal};

impl Ppp {
    pub(super) fn receive_frame<'f>(
        &mut self,
        now: Instant,
        frame: &'f [u8],
    ) -> Option<Delivery<'f>> {
        match self.link.receive(now, frame) {
            Received::Consumed => {}
            Received::Rejected(protocol) => self.network.protocol_rejected(now, protocol),
            Received::Network {
                protocol,
                information,
            } => return self.receive_packet(now, protocol, information),
        }
        self.settle(now);
        None
    }

    /// A packet of a network layer.
    fn receive_packet<'f>(
        &mut self,
        now: Instant,
        protocol: Protocol,
        information: &'f [u8],
    ) -> Option<Delivery<'f>> {
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

    /// The next packet of a network control protocol, as a frame of the link.
    pub(super) fn network_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        if !self.network.poll_transmit(frame) {
            return false;
        }
        if !self.link.framing(Protocol::IPCP).acfc {
            frame.splice(..0, [ADDRESS, CONTROL]);
        }
        true
    }
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
