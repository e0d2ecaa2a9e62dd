//! The station: its parts together, and what its owner gives and takes.
//!
//! A packet that came is given to [`Station::receive`]; packets that leave go to a [`Sink`] while a method
//! runs. [`Station::handle_timeout`] is called at [`Station::poll_timeout`], and [`Station::poll_event`] until
//! it has nothing more to say.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_net_ax25::Ax25;
use wanbox_net_flexnet::FlexNet;
use wanbox_net_netrom::NetRom;
use wanbox_net_tcp::{Key, Parameters, Tcp};
use wanbox_wire::ip::{Ipv4, Sum, VirtioHeader, protocol};

use crate::address::mask;
use crate::arp::Arp;
use crate::domain::{Answer, QueryId, Resolver};
use crate::filter::Filter;
use crate::icmp::{Error, Icmp, Notice};
use crate::interface::{InterfaceId, Interfaces, LinkAddress, TraceFlags};
use crate::ip::Ip;
use crate::ping::{Pings, Reply};
use crate::radio::Radio;
use crate::rip::{Rip, RipNotice};
use crate::route::{NewRoute, RouteError, Routes};
use crate::trace::Way;
use crate::udp::{SocketId, Udp};

/// The most events that wait for the owner; others are counted and gone.
const MOST_EVENTS: usize = 1024;
/// Buffers that are kept to be used again.
const POOL: usize = 8;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A datagram.
    Ip,
    /// An ARP packet.
    Arp,
    /// A frame of AX.25 without FCS. It has no next hop and no link address beside its own.
    Ax25,
}

/// A packet for a line.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'p> {
    /// The interface whose line it is for.
    pub line: InterfaceId,
    /// The interface that the route names: another one where `forward` is set.
    pub interface: InterfaceId,
    /// What it carries.
    pub kind: FrameKind,
    /// The neighbour it goes to.
    pub next_hop: Ipv4Addr,
    /// That one's link address, on links that have any.
    pub to: Option<LinkAddress>,
    /// What is left to be done to a super-packet: only on lines that said they do it.
    pub offload: VirtioHeader,
    /// What is shown of packets on this line.
    pub trace: TraceFlags,
    /// The packet.
    pub packet: &'p [u8],
}

/// Where packets leave.
pub trait Sink {
    /// Packets that wait for a line.
    fn queued(&self, line: InterfaceId) -> usize;

    /// Whether a line takes a frame of AX.25 now without letting it wait for long. When it did not, the owner
    /// flushes the station once it does.
    fn has_room(&self, _line: InterfaceId) -> bool {
        true
    }

    /// A packet for a line.
    fn transmit(&mut self, frame: &Frame<'_>);

    /// A datagram that crosses a built-in interface whose trace is on, which has no line to see it.
    fn show(&mut self, _interface: InterfaceId, _way: Way, _trace: TraceFlags, _datagram: &[u8]) {}
}

/// How a packet came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Where.
    pub interface: InterfaceId,
    /// It was for everybody on the link.
    pub broadcast: bool,
    /// What its sender left to be done.
    pub offload: VirtioHeader,
    /// The far end of the tunnel it came through; 0.0.0.0: it came from a line.
    pub tunnel: Ipv4Addr,
}

impl Arrival {
    /// A finished packet for us alone.
    #[must_use]
    pub const fn new(interface: InterfaceId) -> Self {
        Self {
            interface,
            broadcast: false,
            offload: VirtioHeader::FINISHED,
            tunnel: Ipv4Addr::UNSPECIFIED,
        }
    }
}

/// A datagram for us, or for everybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'p> {
    pub interface: InterfaceId,
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub tos: u8,
    /// For everybody on the link, or on the network.
    pub broadcast: bool,
    /// The checksum was made or checked elsewhere.
    pub verified: bool,
    pub options: &'p [u8],
    pub payload: &'p [u8],
    pub datagram: &'p [u8],
}

impl Delivery<'_> {
    /// It is for one of our addresses.
    pub fn is_unicast(&self) -> bool {
        !self.broadcast
            && !self.dst.is_multicast()
            && !self.dst.is_broadcast()
            && !self.dst.is_unspecified()
    }

    /// The sum over the pseudo header.
    pub fn pseudo_header(&self) -> Sum {
        match Ipv4::parse(self.datagram) {
            Ok(packet) => packet.pseudo_header(packet.protocol(), self.payload.len()),
            Err(_) => Sum::new(),
        }
    }
}

/// What the owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket has a datagram.
    Udp(SocketId),
    /// A reply to a single ping.
    Ping(Reply),
    /// An ICMP error, with `icmp trace on`.
    Icmp(Notice),
    /// What RIP did, with `rip trace`.
    Rip(RipNotice),
    /// A message to or from a server of names, with `domain trace`.
    Domain(String),
    /// A question to servers of names is answered.
    Resolved(QueryId, Answer),
    /// The answer to a query of FlexNet: its number, and the call signs on the way.
    FlexNet(u16, String),
    /// What happened to a circuit of NET/ROM.
    NetRom(wanbox_net_netrom::Event),
    /// What happened to a connection of AX.25.
    Ax25(wanbox_net_ax25::Event),
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        if self.0.len() < POOL {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

/// Random numbers, for identifiers and ports that strangers must not guess.
pub type Entropy = Box<dyn FnMut() -> u64 + Send>;

/// The station.
pub struct Station {
    /// Interfaces.
    pub interfaces: Interfaces,
    /// Routes.
    pub routes: Routes,
    /// Which addresses may be spoken to.
    pub filter: Filter,
    /// The Internet Protocol.
    pub ip: Ip,
    /// Its control messages.
    pub icmp: Icmp,
    /// `ping`.
    pub ping: Pings,
    /// Link addresses.
    pub arp: Arp,
    /// Datagrams for programs.
    pub udp: Udp,
    /// Connections. What they have to send leaves when the station is fed, or with [`Station::flush`].
    pub tcp: Tcp,
    /// Exchange of routes.
    pub rip: Rip,
    /// Names of hosts.
    pub resolver: Resolver,
    /// The link layer of packet radio. What it has to send leaves when lines have room, with
    /// [`Station::flush`].
    pub ax25: Ax25,
    /// FlexNet on it.
    pub flexnet: FlexNet,
    /// NET/ROM on it. What it has to send leaves with [`Station::flush`].
    pub netrom: NetRom,
    pub(crate) radio: Radio,
    /// Events that were dropped because too many waited.
    pub events_lost: u64,
    pub(crate) pool: Pool,
    /// Where segments are made.
    pub(crate) tcp_buffer: Vec<u8>,
    /// How many datagrams the one that is worked on is in.
    pub(crate) depth: u8,
    events: VecDeque<Event>,
    entropy: Entropy,
    /// An instant, and microseconds of Unix time at it.
    clock: (Instant, u64),
}

impl Station {
    /// A station without interfaces of its own. `unix_micros` is the wall clock, microseconds since 1970.
    #[must_use]
    pub fn new(now: Instant, unix_micros: u64, mut entropy: Entropy) -> Self {
        let ip = Ip {
            ident: entropy() as u16,
            ..Ip::default()
        };
        Self {
            interfaces: Interfaces::default(),
            routes: Routes::default(),
            filter: Filter::default(),
            ip,
            icmp: Icmp::new(now),
            ping: Pings::default(),
            arp: Arp::default(),
            udp: Udp::default(),
            tcp: Tcp::new(now, Key([entropy(), entropy()]), Parameters::default()),
            tcp_buffer: Vec::new(),
            rip: Rip::default(),
            resolver: Resolver::default(),
            ax25: Ax25::new(now, wanbox_net_ax25::connection::Parameters::default()),
            flexnet: FlexNet::new(),
            netrom: NetRom::new(now),
            radio: Radio::default(),
            events_lost: 0,
            pool: Pool::default(),
            depth: 0,
            events: VecDeque::new(),
            entropy,
            clock: (now, unix_micros),
        }
    }

    /// Sets the wall clock, microseconds since 1970.
    pub fn set_clock(&mut self, now: Instant, unix_micros: u64) {
        self.clock = (now, unix_micros);
    }

    /// The wall clock, microseconds since 1970.
    #[must_use]
    pub fn unix_micros(&self, now: Instant) -> u64 {
        let (then, micros) = self.clock;
        let since = now.saturating_duration_since(then).as_micros();
        micros.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// The wall clock, milliseconds since 1970.
    #[must_use]
    pub fn unix_millis(&self, now: Instant) -> u64 {
        self.unix_micros(now) / 1000
    }

    /// A random number.
    pub(crate) fn random(&mut self) -> u64 {
        (self.entropy)()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Keeps an event for the owner.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        } else {
            self.events_lost += 1;
        }
    }

    /// When to call [`Station::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.routes.poll_timeout(),
            self.ip.reassembly.poll_timeout(),
            self.arp.poll_timeout(),
            self.ping.poll_timeout(),
            self.rip.poll_timeout(),
            self.tcp.poll_timeout(),
            self.resolver.poll_timeout(),
            self.radio_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        let mut lost = Vec::new();
        self.ip.stats.reasm_fails += self.ip.reassembly.handle_timeout(now, &mut lost);
        for quote in lost.drain(..) {
            self.icmp_error(now, Error::ReassemblyTime, &quote, false, sink);
        }
        self.arp.handle_timeout(now, &mut lost);
        for datagram in lost {
            self.icmp_error(now, Error::HostUnreachable, &datagram, false, sink);
        }
        self.pings_due(now, sink);
        if self.routes.handle_timeout(now) {
            self.rip.changed(now);
        }
        self.rip_due(now, sink);
        self.resolver_due(now, sink);
        self.tcp.handle_timeout(now);
        self.radio_due(now);
        self.flush(now, sink);
    }

    /// Adds a route.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub fn add_route(&mut self, now: Instant, route: &NewRoute) -> Result<(), RouteError> {
        self.routes.add(now, route, &self.interfaces, &self.filter)
    }

    /// `ifconfig broadcast`: the address, and a private host route to it in place of the old one's.
    pub fn set_broadcast(&mut self, now: Instant, id: InterfaceId, broadcast: Ipv4Addr) {
        let Some(interface) = self.interfaces.get(id) else {
            return;
        };
        let old = interface.broadcast();
        if self
            .routes
            .exact(old, 32)
            .is_some_and(|route| route.interface == id)
        {
            self.routes.drop(old, 32);
        }
        self.interfaces.set_broadcast(id, broadcast);
        let route = NewRoute {
            private: true,
            ..NewRoute::new(broadcast, 32, id)
        };
        // One of our own addresses as broadcast address gets no route, as the original.
        let _ = self.add_route(now, &route);
    }

    /// `ifconfig netmask`: the mask, and a route to the network in place of the old one's.
    ///
    /// # Errors
    /// The route is refused; the mask is set all the same.
    pub fn set_netmask(
        &mut self,
        now: Instant,
        id: InterfaceId,
        netmask: u32,
    ) -> Result<(), RouteError> {
        let Some(interface) = self.interfaces.get(id) else {
            return Err(RouteError::NoInterface);
        };
        let address = interface.address();
        let old = interface.netmask().leading_ones() as u8;
        let network = Ipv4Addr::from_bits(address.to_bits() & mask(old));
        if self
            .routes
            .exact(network, old)
            .is_some_and(|route| route.interface == id)
        {
            self.routes.drop(network, old);
        }
        self.interfaces.set_netmask(id, netmask);
        let bits = netmask.leading_ones() as u8;
        let route = NewRoute {
            metric: 0,
            ..NewRoute::new(address, bits, id)
        };
        match self.add_route(now, &route) {
            // A host's own network is itself.
            Err(RouteError::Own) => Ok(()),
            result => result,
        }
    }

    /// The source of datagrams to an address: the destination itself when it is ours, else that of the
    /// interface that the route leads to, else that of the newest interface.
    #[must_use]
    pub fn source_for(&self, destination: Ipv4Addr) -> Ipv4Addr {
        if self.interfaces.is_own(destination) {
            return destination;
        }
        let newest = self.interfaces.newest();
        let mut id = self.routes.lookup(destination).map_or(newest, |route| {
            let through = if route.interface == InterfaceId::ENCAP {
                self.routes.lookup(route.gateway)
            } else {
                Some(route)
            };
            through.map_or(newest, |route| route.interface)
        });
        id = self.interfaces.line(id);
        self.interfaces
            .get(id)
            .map_or(Ipv4Addr::UNSPECIFIED, |interface| interface.address())
    }

    /// Whether an address is the broadcast address of one of our networks.
    #[must_use]
    pub(crate) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast()
            || self
                .interfaces
                .iter()
                .any(|(_, interface)| interface.broadcast() == address)
    }

    /// Hands a datagram to its protocol.
    pub(crate) fn dispatch(
        &mut self,
        now: Instant,
        number: u8,
        delivery: &Delivery<'_>,
        sink: &mut dyn Sink,
    ) {
        self.ip.stats.in_delivers += 1;
        match number {
            protocol::ICMP => self.icmp_input(now, delivery, sink),
            protocol::TCP => self.tcp_input(now, delivery),
            protocol::UDP => self.udp_input(now, delivery, sink),
            crate::ip::IPIP | crate::ip::IPIP_OLD if self.ip.ipip => {
                self.tunnel_input(now, delivery, sink)
            }
            _ => {
                self.ip.stats.in_delivers -= 1;
                self.ip.stats.in_unknown_protos += 1;
                if delivery.is_unicast() {
                    self.icmp_error(
                        now,
                        Error::ProtocolUnreachable,
                        delivery.datagram,
                        false,
                        sink,
                    );
                }
            }
        }
    }
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station")
            .field("interfaces", &self.interfaces)
            .field("routes", &self.routes.len())
            .field("ip", &self.ip)
            .finish_non_exhaustive()
    }
}
