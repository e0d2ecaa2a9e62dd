//! The node, and its network layer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::{Ident, L3RTT, Message, Network, Nodes};

use crate::circuit::Circuit;
use crate::circuits::{Event, Gone};
use crate::nodes::Broadcasts;
use crate::outbox::{Outbox, Towards};
use crate::parameters::Parameters;
use crate::table::{HEARSAY, LOCAL, Link, Node, REPORTED, Table};

/// What packets begin with that measure the round trip time to a neighbour.
const ECHO_TEXT: &[u8] = b"L3RTT:";
/// Octets of the header of IP.
const IP_HEADER: usize = 20;

/// What was received and sent, and what was dropped and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Broadcasts of other nodes.
    pub broadcasts_received: u64,
    /// Broadcasts of ours, each frame on each interface.
    pub broadcasts_sent: u64,
    /// Packets of the network layer from neighbours.
    pub received: u64,
    /// Packets that were passed on to another node.
    pub forwarded: u64,
    /// Packets that were sent back to measure a round trip.
    pub echoed: u64,
    /// Packets that are too short or too long for what they say they are.
    pub malformed: u64,
    /// Packets that came while our node has no call sign, or from no station.
    pub unexpected: u64,
    /// Packets of our own that came back.
    pub own: u64,
    /// Packets that have passed too many nodes.
    pub expired: u64,
    /// Packets for nodes that cannot be reached.
    pub no_route: u64,
    /// Datagrams of IP while there is no interface for them.
    pub no_interface: u64,
    /// Packets for circuits that are not there, or from another node than the circuit's.
    pub no_circuit: u64,
    /// Circuits that were refused.
    pub refused: u64,
    /// INFO packets outside the window, again, or more than was asked for.
    pub information_dropped: u64,
    /// Nodes and links for which there was no room.
    pub table_full: u64,
    /// Packets that were dropped because too many waited to be sent.
    pub queue_full: u64,
}

impl Counters {
    /// Each counter with its name in one case of letters.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 16] {
        [
            ("broadcasts_received", self.broadcasts_received),
            ("broadcasts_sent", self.broadcasts_sent),
            ("received", self.received),
            ("forwarded", self.forwarded),
            ("echoed", self.echoed),
            ("malformed", self.malformed),
            ("unexpected", self.unexpected),
            ("own", self.own),
            ("expired", self.expired),
            ("no_route", self.no_route),
            ("no_interface", self.no_interface),
            ("no_circuit", self.no_circuit),
            ("refused", self.refused),
            ("information_dropped", self.information_dropped),
            ("table_full", self.table_full),
            ("queue_full", self.queue_full),
        ]
    }
}

/// A datagram of IP that came for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'p> {
    /// The node that sent it.
    pub origin: Call,
    /// The datagram, at least a header long and not checked.
    pub octets: &'p [u8],
}

/// The node.
#[derive(Debug)]
pub struct NetRom {
    pub(crate) parameters: Parameters,
    pub(crate) table: Table,
    pub(crate) out: Outbox,
    pub(crate) broadcasts: Broadcasts,
    pub(crate) circuits: BTreeMap<u16, Circuit>,
    /// The number of the next circuit, if it is free.
    pub(crate) next_circuit: u16,
    /// Circuits that are over, for peers that have not heard that.
    pub(crate) gone: VecDeque<Gone>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
    server: bool,
    ip: bool,
}

impl NetRom {
    /// A node without a call sign: nothing is sent before [`NetRom::set_call`].
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let parameters = Parameters::default();
        Self {
            table: Table::new(Call::NONE, parameters.lifetime()),
            out: Outbox::new(Call::NONE, parameters.time_to_live()),
            broadcasts: Broadcasts::new(now),
            circuits: BTreeMap::new(),
            next_circuit: 1,
            gone: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            server: false,
            ip: false,
            parameters,
        }
    }

    /// Our call sign; [`Call::NONE`] before it is set.
    #[must_use]
    pub fn call(&self) -> Call {
        self.out.call
    }

    /// Sets our call sign. With another one everything that was known of the network is forgotten, for it was seen
    /// from the old one; circuits stay, as far as their peers still find us.
    pub fn set_call(&mut self, call: Call) {
        if call != self.out.call {
            self.out.call = call;
            self.table.set_own(call);
        }
    }

    /// Our name in broadcasts, blank at the end.
    #[must_use]
    pub fn ident(&self) -> Ident {
        let own = self.table.node(self.out.call);
        own.map_or(Ident::NONE, |node| node.ident)
    }

    /// Sets our name in broadcasts.
    pub fn set_ident(&mut self, ident: Ident) {
        self.table.set_ident(self.out.call, ident);
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Sets a parameter by its number, 1 to 26; `false` when there is none, or the value is not within its limits.
    pub fn set_parameter(&mut self, now: Instant, number: usize, value: u32) -> bool {
        let interval = self.parameters.broadcast_interval();
        if !self.parameters.set(number, value) {
            return false;
        }
        self.out.time_to_live = self.parameters.time_to_live();
        if interval != self.parameters.broadcast_interval() || number == 5 {
            self.table.set_lifetime(self.parameters.lifetime());
        }
        if interval != self.parameters.broadcast_interval() {
            self.broadcasts.restart(now, &self.parameters);
        }
        true
    }

    /// Whether circuits are accepted (`start netrom`).
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.server
    }

    /// Accepts circuits, or refuses them. Those that there are stay.
    pub fn set_serving(&mut self, serves: bool) {
        self.server = serves;
    }

    /// Takes datagrams of IP, or drops them (`attach netrom`).
    pub fn set_ip(&mut self, takes: bool) {
        self.ip = takes;
    }

    /// What was received, sent and dropped.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let dropped = self.circuits.values().map(|circuit| circuit.dropped);
        Counters {
            information_dropped: self.counters.information_dropped + dropped.sum::<u64>(),
            table_full: self.table.full,
            queue_full: self.out.dropped,
            ..self.counters
        }
    }

    /// The nodes by call sign.
    pub fn nodes(&mut self, now: Instant) -> impl Iterator<Item = (Call, &Node)> {
        self.table.settle(now);
        self.table.nodes()
    }

    /// A node.
    pub fn node(&mut self, now: Instant, call: Call) -> Option<&Node> {
        self.table.settle(now);
        self.table.node(call)
    }

    /// The links, by their ends, the lesser one first.
    pub fn links(&mut self, now: Instant) -> impl Iterator<Item = ([Call; 2], &Link)> {
        self.table.settle(now);
        self.table.links()
    }

    /// Sets a link as an operator wants it. `false`: there is no room for it.
    pub fn set_link(
        &mut self,
        now: Instant,
        (a, b): (Call, Call),
        quality: u8,
        permanent: bool,
    ) -> bool {
        self.table.set_link(now, a, b, quality, permanent)
    }

    /// The link layer gave up a neighbour, or was refused by it: as long as nothing more is heard of it, other ways
    /// are taken. A permanent link stays.
    pub fn neighbour_lost(&mut self, now: Instant, neighbour: Call) {
        self.table.lose(self.out.call, neighbour);
        self.table.settle(now);
    }

    /// Takes the information of a UI frame with the PID of NET/ROM. Only broadcasts come like that.
    pub fn heard(&mut self, now: Instant, neighbour: Call, packet: &[u8]) {
        if !self.is_expected(neighbour) {
            self.counters.unexpected += 1;
        } else if Nodes::is_broadcast(packet) {
            self.heard_nodes(now, neighbour, packet);
        } else {
            self.counters.malformed += 1;
        }
    }

    /// Takes the information of an I frame with the PID of NET/ROM. What it returns is for IP.
    pub fn received<'p>(
        &mut self,
        now: Instant,
        neighbour: Call,
        packet: &'p [u8],
    ) -> Option<Datagram<'p>> {
        if Nodes::is_broadcast(packet) || !self.is_expected(neighbour) {
            self.heard(now, neighbour, packet);
            return None;
        }
        self.counters.received += 1;
        let Ok((mut network, rest)) = Network::parse(packet) else {
            self.counters.malformed += 1;
            return None;
        };
        let (own, origin) = (self.out.call, network.origin);
        let quality = self.parameters.neighbour_quality();
        self.table.learn(now, (own, neighbour), LOCAL, quality);
        if origin == own {
            self.counters.own += 1;
            return None;
        }
        if self.table.route(now, origin).is_none() && is_plausible(origin) {
            // The least quality with which there is a way at all.
            let quality = least_factor(1, self.table.quality(own, neighbour));
            self.table
                .learn(now, (neighbour, origin), REPORTED, quality);
        }
        if network.destination == own {
            return self.deliver(now, origin, rest);
        }
        network.ttl = network.ttl.saturating_sub(1);
        if network.ttl == 0 {
            self.counters.expired += 1;
            return None;
        }
        let mut towards = Towards::Node(network.destination);
        if network.destination == L3RTT {
            if !is_echo(rest) {
                self.counters.malformed += 1;
                return None;
            }
            self.counters.echoed += 1;
            towards = Towards::Neighbour(neighbour);
        }
        self.out.push(towards, &mut |passed| {
            network.append(passed);
            passed.extend_from_slice(rest);
        });
        None
    }

    /// What is behind the network layer's header of a packet for us.
    fn deliver<'p>(&mut self, now: Instant, origin: Call, rest: &'p [u8]) -> Option<Datagram<'p>> {
        let octets = match Message::parse(rest) {
            Ok(Message::Ip(octets)) => octets,
            Ok(message) => {
                self.transport(now, origin, &message);
                return None;
            }
            Err(_) => {
                self.counters.malformed += 1;
                return None;
            }
        };
        // Without a source address nothing could be answered, or learned.
        let source = octets.get(12..16).unwrap_or_default();
        if octets.len() < IP_HEADER || source.iter().all(|octet| *octet == 0) {
            self.counters.malformed += 1;
            None
        } else if !self.ip {
            self.counters.no_interface += 1;
            None
        } else {
            Some(Datagram { origin, octets })
        }
    }

    fn is_expected(&self, neighbour: Call) -> bool {
        let own = self.out.call;
        !own.is_none() && neighbour != own && is_plausible(neighbour) && !neighbour.is_multicast()
    }

    /// Sends a datagram of IP to a node. `false`: we have no call sign.
    pub fn send_ip(&mut self, node: Call, datagram: &[u8]) -> bool {
        if self.out.call.is_none() {
            return false;
        }
        self.out.send(node, &Message::Ip(datagram));
        true
    }

    /// The next packet for a neighbour, in place of what `packet` holds: for an I frame.
    pub fn poll_transmit(&mut self, now: Instant, packet: &mut Vec<u8>) -> Option<Call> {
        while let Some(towards) = self.out.pop(packet) {
            let node = match towards {
                Towards::Neighbour(neighbour) => return Some(neighbour),
                Towards::Node(node) => node,
            };
            let own = self.out.call;
            if node == own {
                // A circuit of ours to ourselves.
                let octets = std::mem::take(packet);
                self.deliver(now, own, octets.get(Network::LENGTH..).unwrap_or_default());
                *packet = octets;
                continue;
            }
            if let Some(neighbour) = self.table.route(now, node) {
                let ours = packet.starts_with(own.octets());
                self.counters.forwarded += u64::from(!ours);
                return Some(neighbour);
            }
            self.counters.no_route += 1;
            if is_plausible(node) {
                self.table.announce(node);
            }
        }
        None
    }

    /// When to call [`NetRom::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let circuits = self.circuits.values().filter_map(Circuit::poll_timeout);
        circuits.chain(self.broadcasts.due()).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.circuits_due(now);
        if self.broadcasts.due().is_some_and(|due| due <= now) {
            self.broadcast(now);
        }
    }

    /// Hearsay about a link between other nodes.
    pub(crate) fn hearsay(&mut self, now: Instant, (a, b): (Call, Call), quality: u8) {
        self.table.learn(now, (a, b), HEARSAY, quality);
    }
}

/// Whether a packet measures a round trip.
fn is_echo(rest: &[u8]) -> bool {
    matches!(Message::parse(rest), Ok(Message::Information { data, .. }) if data.starts_with(ECHO_TEXT))
}

/// The least quality of a link that makes at least `quality` of one of `factor` before it; `quality` itself when
/// nothing could.
pub(crate) fn least_factor(quality: u8, factor: u8) -> u8 {
    if factor == 0 {
        return quality;
    }
    let least = (u32::from(quality) * 256).div_ceil(factor.into());
    u8::try_from(least).unwrap_or(u8::MAX)
}

/// Whether octets are those of a call sign, and not just any.
pub(crate) fn is_plausible(call: Call) -> bool {
    let name = call.name();
    let end = name.iter().position(|octet| *octet == b' ');
    let (letters, blanks) = name.split_at(end.unwrap_or(name.len()));
    !letters.is_empty()
        && letters.iter().all(u8::is_ascii_alphanumeric)
        && blanks.iter().all(|octet| *octet == b' ')
}
