//! The end that compresses (RFC 1144 section 3.2.3).

use wanbox_wire::ip::{Ipv4, Tcp, TcpFlags, protocol};
use wanbox_wire::vj::{Change, Fields, Header};

use super::{
    ACK, ADDRESSES, CHECKSUM, FRAGMENT, IDENT, IP_CHECKSUM, Kind, OFFSET, OPTIONS, PROTOCOL, SEQ,
    Saved, TOLD, URGENT, WINDOW, u8_at, u16_at, u32_at,
};

/// What is to be sent of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How it passes.
    pub kind: Kind,
    /// The octets at its beginning that what was appended stands for; what is behind them follows.
    pub replaces: usize,
}

/// Counters. All of them wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompressorStats {
    /// Packets that the format cannot say, sent as they are.
    pub ip: u64,
    /// Packets sent with their whole header.
    pub uncompressed: u64,
    /// Packets sent with a compressed header.
    pub compressed: u64,
    /// Packets of a connection that had no slot, among the uncompressed.
    pub new_connections: u64,
    /// Slots that were looked at beyond that of the packet before.
    pub searches: u64,
}

/// Addresses and ports.
type Key = [u8; 12];

#[derive(Clone, Debug)]
struct Slot {
    key: Key,
    saved: Saved,
}

/// Compresses headers. Its memory, 135 octets a slot, is taken when it is made.
#[derive(Clone, Debug)]
pub struct Compressor {
    slots: Box<[Slot]>,
    /// The slots, the one used last first.
    order: Box<[u8]>,
    /// The slot of the last frame.
    last: Option<u8>,
    /// Whether a frame may leave out its slot when it is that of the last.
    omit_slot: bool,
    stats: CompressorStats,
}

impl Compressor {
    /// A compressor for slots 0 to `max_slot`, as the other end asked for; RFC 1144 wants at least
    /// 3 and recommends 16 of them. `omit_slot`: frames need not name the slot of the frame before;
    /// only for links that tell the other end when a frame is lost (RFC 1332 section 4).
    #[must_use]
    pub fn new(max_slot: u8, omit_slot: bool) -> Self {
        let empty = Slot {
            key: [0; 12],
            saved: Saved::EMPTY,
        };
        Self {
            slots: vec![empty; usize::from(max_slot) + 1].into(),
            order: (0..=max_slot).collect(),
            last: None,
            omit_slot,
            stats: CompressorStats::default(),
        }
    }

    /// Its counters.
    #[must_use]
    pub const fn stats(&self) -> CompressorStats {
        self.stats
    }

    /// Compresses the header of an IP packet, which is to be sent now or never: what is sent out of
    /// order is lost to the other end. Appends to `head` what stands for the beginning of the
    /// packet; a packet that passes as [`Kind::Ip`] needs nothing.
    pub fn compress(&mut self, packet: &[u8], head: &mut Vec<u8>) -> Head {
        let Some((ip, tcp)) = compressible(packet) else {
            self.stats.ip = self.stats.ip.wrapping_add(1);
            return Head {
                kind: Kind::Ip,
                replaces: 0,
            };
        };
        let replaces = ip.header().len() + tcp.header().len();
        let (number, known) = self.find(key(&ip, &tcp));
        let slot = &mut self.slots[usize::from(number)];
        let header = known.then(|| difference(&slot.saved, &ip, &tcp)).flatten();
        slot.saved.save(ip.header(), tcp.header());
        let last = self.last.replace(number);
        if let Some(mut header) = header {
            header.connection = (!self.omit_slot || last != Some(number)).then_some(number);
            if header.append(head) {
                self.stats.compressed = self.stats.compressed.wrapping_add(1);
                return Head {
                    kind: Kind::Compressed,
                    replaces,
                };
            }
        }
        let start = head.len();
        head.extend_from_slice(slot.saved.header());
        if let Some(place) = head.get_mut(start + PROTOCOL) {
            *place = number;
        }
        self.stats.uncompressed = self.stats.uncompressed.wrapping_add(1);
        Head {
            kind: Kind::Uncompressed,
            replaces,
        }
    }

    /// The slot of a connection, and whether it had one; else the slot that was not used for
    /// longest is its.
    fn find(&mut self, key: Key) -> (u8, bool) {
        let of = |number: &u8| {
            let slot = &self.slots[usize::from(*number)];
            slot.key == key && !slot.saved.is_empty()
        };
        let found = self.order.iter().position(of);
        let place = found.unwrap_or(self.order.len() - 1);
        self.stats.searches = self.stats.searches.wrapping_add(place as u64);
        self.order[..=place].rotate_right(1);
        let number = self.order[0];
        if found.is_none() {
            self.slots[usize::from(number)].key = key;
            self.stats.new_connections = self.stats.new_connections.wrapping_add(1);
        }
        (number, found.is_some())
    }
}

/// The headers of a packet that can be restored without being told of more than a compressed
/// header can say.
fn compressible(packet: &[u8]) -> Option<(Ipv4<'_>, Tcp<'_>)> {
    const CONTROL: u8 = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0;
    let ip = Ipv4::parse(packet).ok()?;
    // The length and the sum of an IP header are made anew, so that they have to be right.
    if ip.protocol() != protocol::TCP
        || ip.is_fragment()
        || ip.octets().len() != packet.len()
        || !ip.checksum_is_valid()
        // The other form of zero, which is never computed.
        || u16_at(ip.header(), IP_CHECKSUM) == 0xffff
    {
        return None;
    }
    let tcp = Tcp::parse(ip.payload()).ok()?;
    (tcp.flags().0 & CONTROL == TcpFlags::ACK.0).then_some((ip, tcp))
}

fn key(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Key {
    let addresses = ip.header().get(ADDRESSES..OPTIONS).unwrap_or_default();
    let ports = tcp.header().get(..4).unwrap_or_default();
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(addresses.iter().chain(ports)) {
        *to = *from;
    }
    key
}

/// What changed since the packet before; `None` when the whole header has to be sent.
fn difference(old: &Saved, ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Option<Header> {
    let (old_ip, old_tcp) = (old.ip(), old.tcp());
    // What is never told: version and lengths, type of service, fragment flags, time to live and
    // protocol, options, reserved bits and the flags that are not among those told.
    let constant = |header: &[u8]| {
        let service = u16_at(header, 0);
        (
            service,
            u16_at(header, FRAGMENT),
            u16_at(header, PROTOCOL - 1),
        )
    };
    let (flags, old_flags) = (tcp.flags(), old.flags());
    if constant(ip.header()) != constant(old_ip)
        || ip.header().get(OPTIONS..) != old_ip.get(OPTIONS..)
        || u8_at(tcp.header(), OFFSET) != u8_at(old_tcp, OFFSET)
        || (flags.0 ^ old_flags.0) & !TOLD != 0
        || tcp.header().get(OPTIONS..) != old_tcp.get(OPTIONS..)
    {
        return None;
    }
    let urgent = if flags.contains(TcpFlags::URG) {
        Some(tcp.urgent())
    } else if tcp.urgent() == u16_at(old_tcp, URGENT) {
        None
    } else {
        return None;
    };
    // A window may go down; a sequence number that goes back is too far ahead to be said.
    let window = tcp.window().wrapping_sub(u16_at(old_tcp, WINDOW));
    let ack = u16::try_from(tcp.ack().wrapping_sub(u32_at(old_tcp, ACK))).ok()?;
    let seq = u16::try_from(tcp.seq().wrapping_sub(u32_at(old_tcp, SEQ))).ok()?;
    let changed = |delta: u16| (delta != 0).then_some(delta);
    let fields = Fields {
        urgent,
        window: changed(window),
        ack: changed(ack),
        seq: changed(seq),
    };
    let sent = old.data_len();
    // Decompressors that leave the URG flag as it was are not told of these two behind one.
    let special = urgent.is_none() && window == 0 && !old_flags.contains(TcpFlags::URG);
    let change = match (ack, seq) {
        // Sent again: the packet before may have got lost, and with it what the other end has to
        // know. Data behind an empty packet is new.
        (_, 0) if sent != 0 && !tcp.payload().is_empty() => return None,
        (0, 0) if window == 0 && (sent != 0 || tcp.payload().is_empty()) => return None,
        (_, 1..) if special && ack == seq && seq == sent => Change::Echoed,
        (0, 1..) if special && seq == sent => Change::OneWay,
        _ if fields.can_be_said() => Change::Fields(fields),
        _ => return None,
    };
    let ident = ip.ident().wrapping_sub(u16_at(old_ip, IDENT));
    Some(Header {
        connection: None,
        push: flags.contains(TcpFlags::PSH),
        checksum: u16_at(tcp.header(), CHECKSUM),
        change,
        ident: (ident != 1).then_some(ident),
    })
}
