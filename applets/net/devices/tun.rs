//! TUN and TAP interfaces of the host: `attach ni`, `tun` and `ethertap`.

use std::io::{self, IoSlice};
use std::net::Ipv4Addr;

use wanbox_net_commands::Device;
use wanbox_net_engine::interface::Hardware;
use wanbox_net_engine::{Frame, FrameKind, LinkAddress};
use wanbox_runtime::netlink::{Address, Netlink, Route};
use wanbox_runtime::tun::{Mode, Options, Tun};
use wanbox_wire::ip::VirtioHeader;

/// The header of Ethernet: two addresses and a type.
pub const ETHERNET: usize = 14;
/// The type of datagrams.
const TYPE_IP: [u8; 2] = [0x08, 0x00];
/// The type of ARP packets.
const TYPE_ARP: [u8; 2] = [0x08, 0x06];

/// An open interface of the host.
#[derive(Debug)]
pub struct Port {
    tun: Tun,
    /// Our own address on an Ethernet.
    link: Option<[u8; 6]>,
}

/// A packet that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing there now.
    Nothing,
    /// A datagram or ARP packet: from here to there in the buffer.
    Packet {
        /// Where it begins.
        from: usize,
        /// Where it ends.
        to: usize,
        /// What it is.
        kind: FrameKind,
        /// It was for everybody on the link.
        broadcast: bool,
        /// What its sender left to be done.
        offload: VirtioHeader,
    },
    /// For somebody else on the link.
    NotForUs,
    /// Neither a datagram nor an ARP packet.
    NotIp,
}

impl Port {
    /// Opens the interface that a device names and sets what it says. `peer` is the station's address.
    ///
    /// # Errors
    /// For people.
    pub fn open(
        name: &str,
        device: &Device,
        mtu: u16,
        peer: Ipv4Addr,
        link: Option<LinkAddress>,
    ) -> Result<Self, String> {
        let ethernet = matches!(device, Device::Tun { ethernet: true });
        let mode = if ethernet { Mode::Tap } else { Mode::Tun };
        let options = Options {
            offload: true,
            ..Options::default()
        };
        let tun = Tun::open(name, mode, &options).map_err(|error| error.to_string())?;
        let set_up = || {
            let mut netlink = Netlink::open()?;
            // What somebody has prepared is left as it is: that needs no privilege.
            let there = netlink.link(name)?;
            let index = there.index;
            if there.mtu != u32::from(mtu) {
                netlink.set_mtu(index, mtu.into())?;
            }
            let Device::Ni { host, mask } = *device else {
                return Ok(());
            };
            let address = Address {
                local: host.into(),
                peer: (!peer.is_unspecified() && peer != host).then(|| peer.into()),
                prefix_len: 32,
                broadcast: None,
            };
            let same = |(_, known): &(u32, Address)| {
                (known.local, known.peer) == (address.local, address.peer)
            };
            if !netlink.addresses(Some(index))?.iter().any(same) {
                netlink.add_address(index, &address)?;
            }
            if !there.is_up() {
                netlink.set_up(index, true)?;
            }
            // The route to a single host would be the one to itself.
            let bits = mask.leading_ones() as u8;
            if bits < 32 {
                let network = Ipv4Addr::from_bits(host.to_bits() & mask);
                let route = Route::through(network.into(), bits, index);
                let same = |known: &Route| {
                    (known.destination, known.prefix_len, known.interface)
                        == (route.destination, route.prefix_len, route.interface)
                };
                if !netlink.routes()?.iter().any(same) {
                    netlink.add_route(&route)?;
                }
            }
            Ok(())
        };
        set_up().map_err(|error: wanbox_runtime::netlink::NetlinkError| error.to_string())?;
        let link = link.and_then(|link| link.octets().try_into().ok());
        Ok(Self { tun, link })
    }

    /// Our own address on an Ethernet, which may have been changed.
    pub fn set_link(&mut self, link: Option<LinkAddress>) {
        if self.link.is_some() {
            self.link = link.and_then(|link| link.octets().try_into().ok());
        }
    }

    /// The descriptor to wait for.
    pub const fn tun(&self) -> &Tun {
        &self.tun
    }

    /// Super-packets and unfinished checksums pass.
    pub fn offload(&self) -> bool {
        let offload = self.tun.offload();
        offload.header && offload.checksum && offload.tcp
    }

    /// Octets that a buffer to be read into has.
    pub const BUFFER: usize = Tun::MAX_READ;

    /// Reads a packet; what is before it in the frame is left out.
    ///
    /// # Errors
    /// The interface is gone.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Read> {
        let Some(length) = self.tun.read_with_header(buffer)? else {
            return Ok(Read::Nothing);
        };
        let (octets, frame) = buffer.split_at_mut(Tun::HEADER);
        let Ok(mut offload) = VirtioHeader::parse(octets) else {
            return Ok(Read::NotIp);
        };
        let to = Tun::HEADER + length;
        let Some(link) = self.link else {
            return Ok(Read::Packet {
                from: Tun::HEADER,
                to,
                kind: FrameKind::Ip,
                broadcast: false,
                offload,
            });
        };
        let frame = frame.get(..length).unwrap_or_default();
        let Some((header, _)) = frame.split_first_chunk::<ETHERNET>() else {
            return Ok(Read::NotIp);
        };
        let group = header[0] & 1 != 0;
        if !group && header[..6] != link {
            return Ok(Read::NotForUs);
        }
        let kind = match [header[12], header[13]] {
            TYPE_IP => FrameKind::Ip,
            TYPE_ARP => FrameKind::Arp,
            _ => return Ok(Read::NotIp),
        };
        move_offload(&mut offload, |field| field.saturating_sub(ETHERNET as u16));
        Ok(Read::Packet {
            from: Tun::HEADER + ETHERNET,
            to,
            kind,
            broadcast: group,
            offload,
        })
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// The interface is down or gone, or the packet is not taken.
    pub fn write(&self, frame: &Frame<'_>) -> io::Result<()> {
        let mut offload = frame.offload;
        let mut octets = VirtioHeader::FINISHED_OCTETS;
        let Some(link) = self.link else {
            if offload != VirtioHeader::FINISHED {
                offload.emit(&mut octets);
            }
            return self.tun.write_packet(&octets, frame.packet);
        };
        if offload != VirtioHeader::FINISHED {
            move_offload(&mut offload, |field| field + ETHERNET as u16);
            offload.emit(&mut octets);
        }
        let everybody = Hardware::Ethernet.broadcast();
        let to = frame.to.unwrap_or(everybody);
        let kind = match frame.kind {
            FrameKind::Ip => &TYPE_IP,
            FrameKind::Arp => &TYPE_ARP,
            FrameKind::Ax25 => return Err(io::ErrorKind::Unsupported.into()),
        };
        let pieces = [&octets, to.octets(), &link, kind, frame.packet].map(IoSlice::new);
        // Without offload nothing is before the frame.
        let first = usize::from(!self.tun.offload().header);
        self.tun
            .write_vectored(pieces.get(first..).unwrap_or_default())
    }
}

/// Changes the places that a header names, where it names any.
fn move_offload(offload: &mut VirtioHeader, change: impl Fn(u16) -> u16) {
    if offload.needs_checksum() {
        offload.checksum_start = change(offload.checksum_start);
    }
    if offload.header_len > 0 {
        offload.header_len = change(offload.header_len);
    }
}

/// An address for our end of an Ethernet: locally administered, and random so that it is nobody else's.
pub fn random_address() -> Option<LinkAddress> {
    let mut octets = [0; 6];
    getrandom::fill(&mut octets).ok()?;
    octets[0] = octets[0] & 0xfc | 0x02;
    LinkAddress::new(&octets)
}
