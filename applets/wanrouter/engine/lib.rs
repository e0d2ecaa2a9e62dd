//! The protocols of a WAN link as sans-I/O engines: no descriptor, no clock.
//!
//! One vocabulary serves them all: [`Engine`]. The owner feeds frames and the
//! time in, and takes control frames, events and deadlines out. User data goes
//! through [`Engine::receive`] and [`Engine::encapsulate`] without a copy.

use std::net::Ipv4Addr;
use std::time::Instant;

pub mod cisco_hdlc;
pub mod frame_relay;
pub mod fuzz;
pub mod ppp;
pub mod x25;

/// A logical channel of a link, as its owner numbers it (an index, stable while the channel lives).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u16);

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// An Ethernet frame without FCS (bridged).
    Ethernet,
    /// Octets that the engine neither reads nor wraps: what follows the Q.922 address, a whole
    /// frame without FCS (HDLC streaming), what follows the Cisco header.
    Raw(Marks),
}

/// What the header of a frame says beside its channel; for raw payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The command/response bit (Q.922 section 3.3).
    pub command_response: bool,
    /// Forward explicit congestion notification.
    pub fecn: bool,
    /// Backward explicit congestion notification.
    pub becn: bool,
    /// Discard eligible. What is sent beyond the committed rate gets it in any case.
    pub discard_eligible: bool,
    /// The type of a Cisco HDLC frame; 0 elsewhere.
    pub protocol: u16,
    /// A break follows these characters; on asynchronous lines alone, whose owner sees to it.
    pub line_break: bool,
}

impl PayloadKind {
    /// Whether these octets can be such a payload: a packet of that IP version, a frame with its
    /// header. A TUN interface goes by the packet's own version, so the two must agree.
    pub fn fits(self, payload: &[u8]) -> bool {
        let version = payload.first().map(|first| first >> 4);
        match self {
            Self::Ipv4 => version == Some(4),
            Self::Ipv6 => version == Some(6),
            Self::Ethernet => payload.len() >= ETHERNET_HEADER,
            Self::Raw(_) => true,
        }
    }
}

/// Octets of an Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// User data taken out of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'f> {
    /// The channel it belongs to.
    pub channel: ChannelId,
    /// What the payload is.
    pub kind: PayloadKind,
    /// The packet, a part of the frame.
    pub payload: &'f [u8],
}

/// The octets to put before a payload. At most [`Header::CAPACITY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    octets: [u8; Self::CAPACITY],
    len: u8,
}

impl Header {
    /// The longest encapsulation: Q.922 address and SNAP for bridged Ethernet.
    pub const CAPACITY: usize = 16;

    /// A header of these octets; `None` when there are more than [`Self::CAPACITY`].
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut header = Self {
            octets: [0; Self::CAPACITY],
            len: octets.len() as u8,
        };
        header
            .octets
            .get_mut(..octets.len())?
            .copy_from_slice(octets);
        Some(header)
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// To the line of the engine's own.
    Line,
    /// To a member of the bundle that the engine heads, by its number there.
    Member(u8),
}

/// Takes a frame: where it goes, its first octets, the others.
pub type Push<'p> = dyn FnMut(Path, &[u8], &[u8]) + 'p;

/// Why a payload was not accepted for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The link is down. Counted by the engine; the packet is dropped.
    LinkDown,
    /// The channel is unknown, inactive or deleted. Counted; dropped.
    ChannelDown,
    /// Longer than the channel's MTU, octets. Counted; dropped.
    TooLong {
        /// The longest payload allowed.
        limit: usize,
    },
    /// The committed rate is used up: the owner keeps the packet and asks again then.
    Hold(Instant),
    /// The channel takes no more for now, or is not there yet: the owner keeps the packet and asks
    /// again at [`Event::Room`], which will come.
    Full,
    /// This channel does not carry this kind of payload. Counted; dropped.
    Unsupported,
}

/// Why a link went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The line lost its carrier.
    Carrier,
    /// The peer's management messages stopped or were wrong too often (LMI N392, keepalives).
    Keepalive,
    /// Our own frames come back.
    Looped,
    /// One side closed it, or the two could not agree (PPP; its engine says more).
    Closed,
}

/// What the owner must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The protocol is up.
    LinkUp,
    /// The protocol is down, and with it every channel (no separate `ChannelDown` follows).
    LinkDown(Cause),
    /// The channel carries data.
    ChannelUp(ChannelId),
    /// The channel carries no data any more.
    ChannelDown(ChannelId),
    /// Who keeps a packet of this channel ([`Refusal::Full`]) asks again.
    Room(ChannelId),
    /// The peer's address was learned (inverse ARP).
    PeerAddress(ChannelId, Ipv4Addr),
    /// Our own address and mask were learned (SLARP).
    LocalAddress(ChannelId, Ipv4Addr, Ipv4Addr),
    /// IPCP agreed on addresses, ours and the peer's; 0.0.0.0 where one is not known.
    Addresses(ChannelId, Ipv4Addr, Ipv4Addr),
    /// The peer told name servers; 0.0.0.0 for none.
    NameServers(ChannelId, [Ipv4Addr; 2]),
    /// IPV6CP agreed on interface identifiers, ours and the peer's; 0 where one is not known.
    InterfaceIdentifiers(ChannelId, u64, u64),
    /// The longest packet that the peer takes, octets.
    Mtu(ChannelId, u16),
    /// The control characters to escape on a line that stuffs octets, a bit each.
    Accm {
        /// Of what we send.
        send: u32,
        /// Of what we receive: the others are noise of the line.
        receive: u32,
    },
    /// A DLCI that no channel is configured for appeared or left at the switch.
    UnconfiguredDlci {
        /// The DLCI.
        dlci: u16,
        /// Reported (true) or gone (false).
        present: bool,
    },
}

/// One link protocol.
pub trait Engine {
    /// The line got (`true`) or lost (`false`) its carrier. Down at first.
    fn carrier(&mut self, now: Instant, up: bool);
    /// A frame came in, without FCS. User data is returned, everything else consumed or counted.
    fn receive<'f>(&mut self, now: Instant, frame: &'f [u8]) -> Option<Delivery<'f>>;
    /// The octets to send before a payload of this length. Counts it as sent.
    fn encapsulate(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        octets: usize,
    ) -> Result<Header, Refusal>;
    /// A deadline passed. Calling it early or late is harmless.
    fn handle_timeout(&mut self, now: Instant);
    /// When to call [`Engine::handle_timeout`] next.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next control frame to send, written over `frame`; `false` when there is none.
    fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool;
    /// The next thing the owner must know.
    fn poll_event(&mut self) -> Option<Event>;

    /// Sends a packet: as one frame behind what [`Engine::encapsulate`] gives, or as the frames
    /// that the engine makes of it (compressed, in fragments). Each is given to `push`: where it
    /// goes, its first octets, the others.
    ///
    /// # Errors
    /// Why it was not sent, as of [`Engine::encapsulate`].
    fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: PayloadKind,
        packet: &[u8],
        push: &mut Push<'_>,
    ) -> Result<(), Refusal> {
        let header = self.encapsulate(now, channel, kind, packet.len())?;
        push(Path::Line, header.as_ref(), packet);
        Ok(())
    }

    /// The next packet that the engine made of received frames (decompressed, of fragments),
    /// written over `packet`; asked for after each frame and each timeout. It comes after what
    /// [`Engine::receive`] returned.
    fn poll_packet(&mut self, packet: &mut Vec<u8>) -> Option<(ChannelId, PayloadKind)> {
        let _ = packet;
        None
    }
}
