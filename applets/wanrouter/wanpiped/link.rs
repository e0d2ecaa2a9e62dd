//! The engine of a device, whichever protocol it speaks.

use std::time::Instant;

use wanbox_wanrouter_engine::cisco_hdlc::CiscoHdlc;
use wanbox_wanrouter_engine::frame_relay::FrameRelay;
use wanbox_wanrouter_engine::ppp::Ppp;
use wanbox_wanrouter_engine::x25::X25;
use wanbox_wanrouter_engine::{
    ChannelId, Delivery, Engine, Event, Header, PayloadKind, Push, Refusal,
};
use wanbox_wire::pipemon::Protocol;

use super::watch::Framing;

/// One engine.
pub enum Link {
    /// Frame Relay.
    FrameRelay(Box<FrameRelay>),
    /// Cisco HDLC.
    CiscoHdlc(Box<CiscoHdlc>),
    /// PPP.
    Ppp(Box<Ppp>),
    /// X.25.
    X25(Box<X25>),
}

impl Link {
    /// The protocol, as the management protocol names it.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::FrameRelay(_) => Protocol::FrameRelay,
            Self::CiscoHdlc(_) => Protocol::CiscoHdlc,
            Self::Ppp(_) => Protocol::Ppp,
            Self::X25(_) => Protocol::X25,
        }
    }

    /// What its frames are.
    pub fn framing(&self) -> Framing {
        match self {
            Self::FrameRelay(_) => Framing::FrameRelay,
            Self::CiscoHdlc(_) => Framing::CiscoHdlc,
            Self::Ppp(_) => Framing::Ppp,
            Self::X25(engine) if engine.lapb().is_none() => Framing::Packets,
            Self::X25(_) => Framing::Lapb,
        }
    }

    /// The protocol is up.
    pub fn is_up(&self) -> bool {
        match self {
            Self::FrameRelay(engine) => engine.link_up(),
            Self::CiscoHdlc(engine) => engine.link_up(),
            Self::Ppp(engine) => engine.link_up(),
            Self::X25(engine) => engine.link_up(),
        }
    }

    fn engine(&self) -> &dyn Engine {
        match self {
            Self::FrameRelay(engine) => engine.as_ref(),
            Self::CiscoHdlc(engine) => engine.as_ref(),
            Self::Ppp(engine) => engine.as_ref(),
            Self::X25(engine) => engine.as_ref(),
        }
    }

    fn engine_mut(&mut self) -> &mut dyn Engine {
        match self {
            Self::FrameRelay(engine) => engine.as_mut(),
            Self::CiscoHdlc(engine) => engine.as_mut(),
            Self::Ppp(engine) => engine.as_mut(),
            Self::X25(engine) => engine.as_mut(),
        }
    }
}

impl Engine for Link {
    fn carrier(&mut self, now: Instant, up: bool) {
        self.engine_mut().carrier(now, up);
    }

    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>> {
        match self {
            Self::FrameRelay(engine) => engine.receive(now, frame),
            Self::CiscoHdlc(engine) => engine.receive(now, frame),
            Self::Ppp(engine) => engine.receive(now, frame),
            Self::X25(engine) => engine.receive(now, frame),
        }
    }

    fn encapsulate(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal> {
        match self {
            Self::FrameRelay(engine) => engine.encapsulate(now, channel, kind, octets),
            Self::CiscoHdlc(engine) => engine.encapsulate(now, channel, kind, octets),
            Self::Ppp(engine) => engine.encapsulate(now, channel, kind, octets),
            Self::X25(engine) => engine.encapsulate(now, channel, kind, octets),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.engine_mut().handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.engine().poll_timeout()
    }

    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        self.engine_mut().poll_transmit(frame)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.engine_mut().poll_event()
    }

    fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        match self {
            Self::FrameRelay(engine) => engine.send(now, channel, kind, packet, push),
            Self::CiscoHdlc(engine) => engine.send(now, channel, kind, packet, push),
            Self::Ppp(engine) => engine.send(now, channel, kind, packet, push),
            Self::X25(engine) => engine.send(now, channel, kind, packet, push),
        }
    }

    fn poll_packet(&mut self, packet: &mut Vec<u8>) -> Option<(ChannelId, PayloadKind)> {
        match self {
            Self::FrameRelay(_) | Self::CiscoHdlc(_) => None,
            Self::Ppp(engine) => engine.poll_packet(packet),
            Self::X25(engine) => engine.poll_packet(packet),
        }
    }
}
