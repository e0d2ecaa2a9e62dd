//! The way of packets: between the L2TP sockets and the TUN, through the plane, in batches.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use wanbox_l2tpns_engine::concentrator::Concentrator;
use wanbox_l2tpns_engine::plane::{Aside, Batch, Plane, Up, Way};
use wanbox_l2tpns_engine::{SessionId, SocketId};
use wanbox_runtime::raw::RawSender;
use wanbox_runtime::tun::Tun;
use wanbox_runtime::udp::ManySocket;
use wanbox_wire::ip::VirtioHeader;

/// Reads from one socket or the TUN in a turn; each brings up to 64 KiB.
const BUDGET: usize = 64;

/// What decides about packets, and is told of what is not forwarded.
pub trait Deciding {
    /// The forwarding state.
    fn plane(&mut self) -> &mut Plane;
    /// A control message came in.
    fn control(&mut self, now: Instant, socket: SocketId, from: SocketAddr, datagram: &[u8]);
    /// A frame of a session came in that is no packet to be forwarded.
    fn frame(&mut self, now: Instant, session: SessionId, frame: &[u8]);
}

impl Deciding for Concentrator {
    fn plane(&mut self) -> &mut Plane {
        Self::plane(self)
    }

    fn control(&mut self, now: Instant, socket: SocketId, from: SocketAddr, datagram: &[u8]) {
        self.datagram(now, socket, from, datagram);
    }

    fn frame(&mut self, now: Instant, session: SessionId, frame: &[u8]) {
        self.ppp(now, session, frame);
    }
}

/// What passed the edges, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Octets of datagrams from peers.
    pub peers_octets: u64,
    /// Datagrams from peers.
    pub peers_datagrams: u64,
    /// Octets of packets from the TUN. A segment of TCP or UDP that came with others has no
    /// headers of its own.
    pub host_octets: u64,
    /// Packets from the TUN, each segment for itself.
    pub host_packets: u64,
    /// Data messages to peers.
    pub sent: u64,
    /// Their octets.
    pub sent_octets: u64,
    /// Copies of packets for collectors.
    pub copies: u64,
    /// Turns in which more than one read brought something from a socket.
    pub read_again: u64,
    /// Turns in which there was more to read than a turn takes.
    pub read_enough: u64,
    /// Packets that the TUN did not take.
    pub tun_refused: u64,
    /// Messages that no socket takes, or for which there was no room while one was full.
    pub unsent: u64,
    /// How often the TUN was left unread because a socket was full.
    pub pauses: u64,
    /// Copies of packets and ICMP messages that the kernel did not take.
    pub aside_unsent: u64,
}

/// Buffers and sockets of the way.
pub struct Forward {
    batch: Batch,
    /// A packet of the host behind its virtio header.
    packet: Vec<u8>,
    datagrams: Vec<u8>,
    raw: Option<RawSender>,
    copies: [Option<UdpSocket>; 2],
    counters: Counters,
}

impl Forward {
    /// The way to and from this TUN.
    pub fn new(tun: &Tun) -> Self {
        let offload = tun.offload();
        let raw = RawSender::open()
            .inspect_err(|error| log::warn!("no ICMP messages will be sent: {error}"));
        Self {
            batch: Batch::new(offload.tcp, offload.udp),
            packet: vec![0; Tun::MAX_READ],
            datagrams: vec![0; ManySocket::MAX_RECEIVE],
            raw: raw.ok(),
            copies: [None, None],
            counters: Counters::default(),
        }
    }

    /// What became of packets at the edges.
    pub fn counters(&self) -> Counters {
        let batch = self.batch.stats();
        Counters {
            sent: batch.sent(),
            sent_octets: batch.octets,
            unsent: batch.refused,
            aside_unsent: self.counters.aside_unsent + batch.aside_dropped,
            ..self.counters
        }
    }

    /// A socket is full: what the host sends waits in the TUN's queue until [`Self::resume`].
    pub fn is_waiting(&self) -> bool {
        self.batch.is_waiting()
    }

    /// Whether messages wait for this socket to have room.
    pub fn waits_for(&self, socket: SocketId) -> bool {
        self.batch.waits_for(socket)
    }

    /// Sends what waited for room in a socket.
    pub fn resume(&mut self, sockets: &mut [ManySocket]) {
        transmit(&mut self.batch, sockets);
    }

    /// Takes what peers sent to the socket of this place.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn take_from_peers(
        &mut self,
        now: Instant,
        place: SocketId,
        sockets: &mut [ManySocket],
        tun: &Tun,
        engine: &mut impl Deciding,
    ) -> io::Result<()> {
        let mut datagrams = std::mem::take(&mut self.datagrams);
        let result = self.drain(now, place, sockets, tun, engine, &mut datagrams);
        self.datagrams = datagrams;
        self.finish(sockets, tun);
        result
    }

    fn drain(
        &mut self,
        now: Instant,
        place: SocketId,
        sockets: &mut [ManySocket],
        tun: &Tun,
        engine: &mut impl Deciding,
        datagrams: &mut [u8],
    ) -> io::Result<()> {
        let (batch, refused) = (&mut self.batch, &mut self.counters.tun_refused);
        let mut write = |header: &_, packet: &_| write(tun, header, packet, refused);
        for turn in 0..BUDGET {
            let Some(socket) = sockets.get_mut(usize::from(place.0)) else {
                return Ok(());
            };
            let Some(got) = socket.receive(datagrams)? else {
                return Ok(());
            };
            let (length, segment) = (got.received.len, got.received.segment.max(1));
            self.counters.peers_octets += length as u64;
            self.counters.peers_datagrams += length.div_ceil(segment) as u64;
            self.counters.read_again += u64::from(turn == 1);
            let octets = datagrams.get_mut(..got.received.len).unwrap_or_default();
            for datagram in octets.chunks_mut(segment) {
                let from = (place, got.from);
                match batch.up(engine.plane(), now, from, datagram, &mut write) {
                    Up::Control => engine.control(now, place, got.from, datagram),
                    Up::Ppp { session, frame } => engine.frame(now, session, frame),
                    Up::Part => frames(now, engine),
                    Up::Passed | Up::Waits | Up::Dropped(_) => {}
                }
            }
        }
        self.counters.read_enough += 1;
        Ok(())
    }

    /// Takes what the host sends to subscribers, as long as no socket is full.
    ///
    /// # Errors
    /// The TUN is gone.
    pub fn take_from_host(
        &mut self,
        now: Instant,
        sockets: &mut [ManySocket],
        tun: &Tun,
        engine: &mut impl Deciding,
    ) -> io::Result<()> {
        let mut result = Ok(());
        for _ in 0..BUDGET {
            if self.batch.is_waiting() {
                break;
            }
            let length = match tun.read_with_header(&mut self.packet) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            let (octets, packet) = self.packet.split_at_mut(Tun::HEADER);
            let packet = packet.get_mut(..length).unwrap_or_default();
            let Ok(header) = VirtioHeader::parse(octets) else {
                break;
            };
            self.counters.host_octets += length as u64;
            self.counters.host_packets += packets_in(&header, length);
            let refused = &mut self.counters.tun_refused;
            let mut write = |header: &_, packet: &_| write(tun, header, packet, refused);
            let plane = engine.plane();
            // What is dropped is counted there.
            let _ = self.batch.down(plane, now, &header, packet, &mut write);
            if self.batch.is_full() {
                self.transmit(sockets);
            }
        }
        self.finish(sockets, tun);
        result
    }

    /// Sends what waited for its time.
    pub fn timeout(
        &mut self,
        now: Instant,
        sockets: &mut [ManySocket],
        tun: &Tun,
        engine: &mut impl Deciding,
    ) {
        let refused = &mut self.counters.tun_refused;
        let mut write = |header: &_, packet: &_| write(tun, header, packet, refused);
        self.batch.timeout(engine.plane(), now, &mut write);
        frames(now, engine);
        self.finish(sockets, tun);
    }

    /// Sends all that was gathered.
    fn finish(&mut self, sockets: &mut [ManySocket], tun: &Tun) {
        let refused = &mut self.counters.tun_refused;
        self.batch
            .flush(&mut |header, packet| write(tun, header, packet, refused));
        self.transmit(sockets);
        let (raw, copies) = (&self.raw, &mut self.copies);
        let unsent = &mut self.counters.aside_unsent;
        let copied = &mut self.counters.copies;
        self.batch.take_aside(|what, octets| {
            let done = match what {
                Aside::Icmp => raw.as_ref().map_or(Ok(()), |raw| raw.send(octets)),
                Aside::Copy(to) => {
                    *copied += 1;
                    copy(copies, to, octets)
                }
            };
            *unsent += u64::from(done.is_err());
        });
    }

    fn transmit(&mut self, sockets: &mut [ManySocket]) {
        let waited = self.batch.is_waiting();
        transmit(&mut self.batch, sockets);
        self.counters.pauses += u64::from(!waited && self.batch.is_waiting());
    }
}

/// Sends the messages of a batch, as far as the sockets have room.
pub fn transmit(batch: &mut Batch, sockets: &mut [ManySocket]) {
    batch.transmit(|way: &Way, messages| {
        let socket = sockets.get_mut(usize::from(way.socket.0))?;
        socket.send(way.peer, messages).ok()
    });
}

/// Gives frames to the engine that came in parts.
fn frames(now: Instant, engine: &mut impl Deciding) {
    while let Some((session, frame)) = engine.plane().poll_frame() {
        engine.frame(now, session, &frame);
    }
}

fn write(tun: &Tun, header: &[u8; VirtioHeader::LEN], packet: &[u8], refused: &mut u64) {
    *refused += u64::from(tun.write_packet(header, packet).is_err());
}

/// How many packets are in what the TUN gave.
fn packets_in(header: &VirtioHeader, length: usize) -> u64 {
    let payload = length.saturating_sub(header.header_len.into());
    let packets = payload.checked_div(header.gso_size.into());
    // The last segment may be shorter.
    let rest = payload.checked_rem(header.gso_size.into());
    let packets = packets.unwrap_or(1) + usize::from(rest.is_some_and(|rest| rest > 0));
    packets.max(1) as u64
}

/// Sends a copy of a packet as the payload of a datagram, from a socket opened when it is needed first.
fn copy(sockets: &mut [Option<UdpSocket>; 2], to: SocketAddr, packet: &[u8]) -> io::Result<()> {
    let [v4, v6] = sockets;
    let (socket, any) = match to {
        SocketAddr::V4(_) => (v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        SocketAddr::V6(_) => (v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
    };
    let socket = match socket {
        Some(socket) => socket,
        None => {
            let opened = UdpSocket::bind(any)?;
            opened.set_nonblocking(true)?;
            socket.insert(opened)
        }
    };
    socket.send_to(packet, to).map(|_| ())
}

#[cfg(test)]
mod tests;
