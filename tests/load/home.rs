//! The homes of some subscribers: a network behind a TUN, whose packets go through the session that
//! has the address they come from. Programs there have the kernel's TCP.
//!
//! The kernel hands over super-packets; the LAC cuts them to what a session carries, as every other
//! LAC would see them, and puts together what comes from the LNS.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};

use serde::Serialize;
use wanbox_l2tpns_engine::SocketId;
use wanbox_l2tpns_engine::plane::{Batch, Sink, Way};
use wanbox_link::offload::Segmenter;
use wanbox_runtime::netlink::{Address, Netlink, NetlinkError, Route};
use wanbox_runtime::netns::Namespace;
use wanbox_runtime::tun::{Mode, Options, Tun};
use wanbox_runtime::udp::ManySocket;
use wanbox_wire::ip::{Ipv4, VirtioHeader};

use crate::lac::Lac;
use crate::subscriber::Stage;

/// Its interface.
const NAME: &str = "home0";
/// Reads from the TUN before the sockets have their turn.
const BUDGET: usize = 16;

/// What did not pass.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counters {
    /// Packets of the homes from no address of a subscriber, or not IPv4.
    pub strangers: u64,
    /// Super-packets that could not be cut.
    pub malformed: u64,
    /// Packets that a socket did not take.
    pub unsent: u64,
    /// Packets that the TUN did not take.
    pub refused: u64,
}

/// A session, as packets of the homes need it.
struct Line {
    way: Way,
    /// The headers of L2TP and PPP.
    head: Vec<u8>,
}

/// The network of the homes, and the way to it.
pub struct Home {
    network: Namespace,
    tun: Tun,
    lines: HashMap<Ipv4Addr, Line>,
    /// In the order of the sessions.
    addresses: Vec<Ipv4Addr>,
    batch: Batch,
    packet: Vec<u8>,
    counters: Counters,
}

impl Home {
    /// A network with the addresses of the first `count` sessions that are up.
    ///
    /// # Errors
    /// There are not so many; there is no TUN, or namespaces are not allowed.
    pub fn open(lac: &mut Lac, count: usize) -> Result<Self, String> {
        let (mut lines, mut addresses) = (HashMap::new(), Vec::new());
        let mut mtu = usize::MAX;
        for number in 0..lac.subscribers.len() {
            if addresses.len() == count {
                break;
            }
            let way = lac.way_of(number);
            let Some(subscriber) = lac.subscribers.get_mut(number) else {
                continue;
            };
            if subscriber.stage != Stage::Up {
                continue;
            }
            let Some((address, longest)) = subscriber.address.zip(subscriber.mtu()) else {
                continue;
            };
            let Some(head) = subscriber.header(longest) else {
                continue;
            };
            mtu = mtu.min(longest);
            addresses.push(address);
            lines.insert(address, Line { way, head });
        }
        if addresses.len() < count {
            return Err(format!(
                "{count} sessions are needed for TCP and round trips, {} are up",
                addresses.len()
            ));
        }
        let network = Namespace::create().map_err(|error| error.to_string())?;
        let tun = network
            .run(|| open(&addresses, mtu as u32))
            .map_err(|error| error.to_string())??;
        let offload = tun.offload();
        Ok(Self {
            network,
            batch: Batch::new(offload.tcp, offload.udp),
            tun,
            lines,
            addresses,
            packet: vec![0; Tun::MAX_PACKET],
            counters: Counters::default(),
        })
    }

    /// The addresses there.
    pub fn addresses(&self) -> &[Ipv4Addr] {
        &self.addresses
    }

    /// Does something there.
    ///
    /// # Errors
    /// It may not be entered.
    pub fn inside<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        self.network.run(work).map_err(|error| error.to_string())
    }

    /// What did not pass.
    pub fn counters(&self) -> Counters {
        Counters {
            unsent: self.batch.stats().refused,
            ..self.counters
        }
    }

    /// Takes a packet for a subscriber, if the subscriber has a home here.
    pub fn deliver(&mut self, packet: &[u8]) {
        let known = Ipv4::parse(packet).is_ok_and(|ip| self.lines.contains_key(&ip.dst()));
        if known {
            let (tun, refused) = (&self.tun, &mut self.counters.refused);
            self.batch
                .outlet(&mut |header, packet| write(tun, header, packet, refused))
                .host(packet);
        }
    }

    /// Gives the homes what was delivered, and the LNS what they send.
    ///
    /// # Errors
    /// The TUN is gone.
    pub fn pass(&mut self, sockets: &mut [ManySocket]) -> Result<(), String> {
        let (tun, refused) = (&self.tun, &mut self.counters.refused);
        self.batch
            .flush(&mut |header, packet| write(tun, header, packet, refused));
        transmit(&mut self.batch, sockets);
        let mut octets = [0; VirtioHeader::LEN];
        for _ in 0..BUDGET {
            // The homes' TCP hears of a full socket by the queue of the TUN.
            if self.batch.is_waiting() {
                break;
            }
            let length = match self.tun.read_packet(&mut octets, &mut self.packet) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(error) => return Err(format!("{NAME}: {error}")),
            };
            let packet = self.packet.get(..length).unwrap_or_default();
            let line = Ipv4::parse(packet)
                .ok()
                .and_then(|ip| self.lines.get(&ip.src()));
            let Some(line) = line else {
                self.counters.strangers += 1;
                continue;
            };
            let segments = VirtioHeader::parse(&octets)
                .ok()
                .and_then(|header| Segmenter::new(&header, packet, 0).ok());
            let Some(mut segments) = segments else {
                self.counters.malformed += 1;
                continue;
            };
            let mut nowhere = |_: &[u8; VirtioHeader::LEN], _: &[u8]| ();
            let mut outlet = self.batch.outlet(&mut nowhere);
            while let Some(length) = segments.next_len() {
                let mut written = false;
                outlet.peer(&line.way, &line.head, length, |place| {
                    written = segments.next_into(place).is_ok();
                    written
                });
                if !written {
                    self.counters.malformed += 1;
                    break;
                }
            }
            if self.batch.is_full() {
                transmit(&mut self.batch, sockets);
            }
        }
        transmit(&mut self.batch, sockets);
        Ok(())
    }
}

impl AsFd for Home {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }
}

fn transmit(batch: &mut Batch, sockets: &mut [ManySocket]) {
    batch.transmit(|way, messages| {
        let SocketId(place) = way.socket;
        let socket = sockets.get_mut(usize::from(place))?;
        socket.send(way.peer, messages).ok()
    });
}

fn write(tun: &Tun, header: &[u8; VirtioHeader::LEN], packet: &[u8], refused: &mut u64) {
    *refused += u64::from(tun.write_packet(header, packet).is_err());
}

/// The interface, up, with its addresses and the default route.
fn open(addresses: &[Ipv4Addr], mtu: u32) -> Result<Tun, String> {
    let options = Options {
        offload: true,
        carrier: true,
    };
    let tun = Tun::open(NAME, Mode::Tun, &options).map_err(|error| error.to_string())?;
    let set = || -> Result<(), NetlinkError> {
        let mut netlink = Netlink::open()?;
        let index = netlink.link(NAME)?.index;
        netlink.set_mtu(index, mtu)?;
        netlink.set_up(index, true)?;
        for address in addresses {
            let address = Address {
                local: IpAddr::V4(*address),
                peer: None,
                prefix_len: 32,
                broadcast: None,
            };
            netlink.add_address(index, &address)?;
        }
        netlink.add_route(&Route::default_v4(index, None))
    };
    set().map_err(|error| error.to_string())?;
    Ok(tun)
}
