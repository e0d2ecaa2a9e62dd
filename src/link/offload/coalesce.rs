//! Merging packets of one flow into super-packets, by the rules of the kernel's own receive offload: only what
//! segmentation would cut back into the same packets is merged.

use wanbox_wire::ip::{Gso, Ip, Sum, Tcp, TcpFlags, Udp, VirtioHeader, protocol};

use super::{MAX_PACKET, TCP_CHECKSUM, UDP_CHECKSUM, put_u16};

/// Most packets in one super-packet.
const MAX_SEGMENTS: usize = 64;

/// What a coalescer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoalesceStats {
    /// Packets taken.
    pub packets: u64,
    /// Packets given, super-packets counted once.
    pub writes: u64,
    /// Super-packets among them.
    pub merged: u64,
    /// Flows given early because the table was full.
    pub evicted: u64,
}

/// Merges packets; a small table of flows keeps several bulk transfers apart.
///
/// Packets of a flow keep their order. Give packets with [`Self::push`] and end every
/// burst with [`Self::flush`]: nothing waits for time. Finished packets and super-packets
/// go to a sink with the octets of their virtio header.
#[derive(Debug)]
pub struct Coalescer {
    flows: Vec<Flow>,
    udp: bool,
    /// Grows with every flow begun; tells the oldest.
    births: u64,
    stats: CoalesceStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    src: u128,
    dst: u128,
    ports: u32,
    protocol: u8,
    is_v4: bool,
}

/// One packet as the table sees it.
#[derive(Clone, Copy, Debug)]
struct Candidate<'p> {
    octets: &'p [u8],
    transport: usize,
    headers: usize,
    ident: u16,
    dont_fragment: bool,
    seq: u32,
    /// Nothing may follow in the same super-packet.
    push: bool,
}

impl Candidate<'_> {
    fn payload(&self) -> usize {
        self.octets.len() - self.headers
    }
}

#[derive(Debug)]
struct Flow {
    /// `None`: free.
    key: Option<Key>,
    born: u64,
    packet: Vec<u8>,
    transport: usize,
    headers: usize,
    segments: usize,
    size: usize,
    next_seq: u32,
    last_ident: u16,
    /// How the identification goes on, known from the second packet on.
    ident_step: Option<u16>,
}

impl Coalescer {
    /// A table of `flows` flows (at least one), 64 KiB of address space each. `udp`: merge datagrams
    /// too, which only a TUN that took the UDP offload understands.
    pub fn new(flows: usize, udp: bool) -> Self {
        let flow = || Flow {
            key: None,
            born: 0,
            packet: Vec::with_capacity(MAX_PACKET),
            transport: 0,
            headers: 0,
            segments: 0,
            size: 0,
            next_seq: 0,
            last_ident: 0,
            ident_step: None,
        };
        Self {
            flows: std::iter::repeat_with(flow).take(flows.max(1)).collect(),
            udp,
            births: 0,
            stats: CoalesceStats::default(),
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> &CoalesceStats {
        &self.stats
    }

    /// Takes one finished IP packet. What must go out now, for order or for room, goes to `sink`;
    /// octets that are no IP packet at all go there as they are.
    pub fn push(&mut self, packet: &[u8], sink: &mut impl FnMut(&[u8; VirtioHeader::LEN], &[u8])) {
        self.stats.packets += 1;
        let Some((key, candidate)) = classify(packet, self.udp) else {
            self.stats.writes += 1;
            sink(&VirtioHeader::FINISHED_OCTETS, packet);
            return;
        };
        let found = self.flows.iter().position(|flow| flow.key == Some(key));
        if let Some(flow) = found.and_then(|at| self.flows.get_mut(at)) {
            if let Some(candidate) = &candidate
                && flow.accepts(&key, candidate)
            {
                flow.append(&key, candidate);
                let full = flow.segments == MAX_SEGMENTS;
                if full || candidate.push || candidate.payload() < flow.size {
                    flow.give(&mut self.stats, sink);
                }
                return;
            }
            flow.give(&mut self.stats, sink);
        }
        match candidate {
            Some(candidate) if !candidate.push => self.begin(found, key, &candidate, sink),
            _ => {
                self.stats.writes += 1;
                sink(&VirtioHeader::FINISHED_OCTETS, packet);
            }
        }
    }

    /// Gives everything that waits.
    pub fn flush(&mut self, sink: &mut impl FnMut(&[u8; VirtioHeader::LEN], &[u8])) {
        for flow in &mut self.flows {
            flow.give(&mut self.stats, sink);
        }
    }

    fn begin(
        &mut self,
        place: Option<usize>,
        key: Key,
        candidate: &Candidate<'_>,
        sink: &mut impl FnMut(&[u8; VirtioHeader::LEN], &[u8]),
    ) {
        let place = place.or_else(|| self.flows.iter().position(|flow| flow.key.is_none()));
        let flow = match place {
            Some(at) => self.flows.get_mut(at),
            None => {
                self.stats.evicted += 1;
                self.flows.iter_mut().min_by_key(|flow| flow.born)
            }
        };
        if let Some(flow) = flow {
            flow.give(&mut self.stats, sink);
            self.births += 1;
            flow.born = self.births;
            flow.begin(key, candidate);
        }
    }
}

impl Flow {
    fn begin(&mut self, key: Key, candidate: &Candidate<'_>) {
        self.key = Some(key);
        self.packet.clear();
        self.packet.extend_from_slice(candidate.octets);
        self.transport = candidate.transport;
        self.headers = candidate.headers;
        self.segments = 1;
        self.size = candidate.payload();
        self.next_seq = candidate.seq.wrapping_add(self.size as u32);
        self.last_ident = candidate.ident;
        self.ident_step = None;
    }

    /// The next packet differs from the last only in what segmentation makes anew.
    fn accepts(&self, key: &Key, next: &Candidate<'_>) -> bool {
        let payload = next.payload();
        if next.headers != self.headers
            || payload > self.size
            || self.packet.len() + payload > MAX_PACKET
        {
            return false;
        }
        let step = next.ident.wrapping_sub(self.last_ident);
        // A constant identification means nothing with "do not fragment" (RFC 6864 section 4.1).
        let step_is_good = step == 1 || (step == 0 && next.dont_fragment);
        if key.is_v4 && (!step_is_good || self.ident_step.is_some_and(|known| known != step)) {
            return false;
        }
        if key.protocol == protocol::TCP && next.seq != self.next_seq {
            return false;
        }
        let same = |range: std::ops::Range<usize>| {
            self.packet.get(range.clone()) == next.octets.get(range)
        };
        let t = self.transport;
        let same_ip = if key.is_v4 {
            // Version, header length and TOS; flags, offset, TTL and protocol.
            same(0..2) && same(6..10)
        } else {
            // Version, class and flow label; next header and hop limit.
            same(0..4) && same(6..8)
        };
        // Acknowledgement and data offset; window; urgent pointer and options. Flags were checked.
        let same_tcp = || same(t + 8..t + 13) && same(t + 14..t + 16) && same(t + 18..self.headers);
        same_ip && (key.protocol != protocol::TCP || same_tcp())
    }

    fn append(&mut self, key: &Key, next: &Candidate<'_>) {
        let payload = next.octets.get(next.headers..).unwrap_or_default();
        self.packet.extend_from_slice(payload);
        self.segments += 1;
        self.next_seq = self.next_seq.wrapping_add(payload.len() as u32);
        if key.is_v4 {
            self.ident_step = Some(next.ident.wrapping_sub(self.last_ident));
        }
        self.last_ident = next.ident;
        if next.push
            && key.protocol == protocol::TCP
            && let Some(flags) = self.packet.get_mut(self.transport + 13)
        {
            *flags |= TcpFlags::PSH.0;
        }
    }

    /// Gives the packet, if there is one, and becomes free.
    fn give(
        &mut self,
        stats: &mut CoalesceStats,
        sink: &mut impl FnMut(&[u8; VirtioHeader::LEN], &[u8]),
    ) {
        let Some(key) = self.key.take() else { return };
        stats.writes += 1;
        let mut octets = VirtioHeader::FINISHED_OCTETS;
        if self.segments > 1 {
            stats.merged += 1;
            self.finish(&key).emit(&mut octets);
        }
        sink(&octets, &self.packet);
    }

    /// Writes the lengths and partial checksums of the super-packet.
    fn finish(&mut self, key: &Key) -> VirtioHeader {
        let total = self.packet.len();
        let is_tcp = key.protocol == protocol::TCP;
        let packet = self.packet.as_mut_slice();
        let addresses = if key.is_v4 {
            put_u16(packet, 2, total as u16);
            put_u16(packet, 10, 0);
            let header = packet.get(..self.transport).unwrap_or_default();
            let checksum = Sum::new().octets(header).checksum();
            put_u16(packet, 10, checksum);
            12..20
        } else {
            put_u16(packet, 4, (total - self.transport) as u16);
            8..40
        };
        let checksum = if is_tcp {
            TCP_CHECKSUM
        } else {
            put_u16(packet, self.transport + 4, (total - self.transport) as u16);
            UDP_CHECKSUM
        };
        let pseudo_header = Sum::new()
            .octets(packet.get(addresses).unwrap_or_default())
            .u16(u16::from(key.protocol))
            .u16((total - self.transport) as u16);
        put_u16(packet, self.transport + checksum, pseudo_header.folded());
        let gso = match (is_tcp, key.is_v4) {
            (true, true) => Gso::TcpV4,
            (true, false) => Gso::TcpV6,
            (false, _) => Gso::UdpL4,
        };
        VirtioHeader {
            gso,
            header_len: self.headers as u16,
            gso_size: self.size as u16,
            checksum_start: self.transport as u16,
            checksum_offset: checksum as u16,
            ..VirtioHeader::FINISHED
        }
        .with_needs_checksum(true)
    }
}

/// The flow of a packet and, if it may be merged, the packet. `None`: neither TCP nor UDP, or a fragment.
fn classify(packet: &[u8], udp: bool) -> Option<(Key, Option<Candidate<'_>>)> {
    let ip = Ip::parse(packet).ok()?;
    let (found, octets) = ip.transport()?;
    let ports = match found {
        protocol::TCP | protocol::UDP => u32::from_be_bytes(*octets.first_chunk()?),
        _ => return None,
    };
    let (src, dst, is_v4) = match &ip {
        Ip::V4(p) => (
            u128::from(u32::from(p.src())),
            u128::from(u32::from(p.dst())),
            true,
        ),
        Ip::V6(p) => (p.src().to_bits(), p.dst().to_bits(), false),
    };
    let key = Key {
        src,
        dst,
        ports,
        protocol: found,
        is_v4,
    };
    Some((key, candidate(packet, &ip, found, octets, udp)))
}

/// The packet, if it is one that may be merged: no IP options, nothing special, right checksums (merging
/// makes them anew, so a wrong one would be hidden).
fn candidate<'p>(
    packet: &'p [u8],
    ip: &Ip<'p>,
    found: u8,
    octets: &'p [u8],
    udp: bool,
) -> Option<Candidate<'p>> {
    let transport = packet.len() - octets.len();
    let (ident, dont_fragment) = match ip {
        Ip::V4(p) if transport == 20 && p.checksum_is_valid() => (p.ident(), p.dont_fragment()),
        Ip::V6(_) if transport == 40 => (0, true),
        _ => return None,
    };
    let pseudo_header = ip.pseudo_header(found, octets.len());
    let (header_len, seq, push) = if found == protocol::TCP {
        let tcp = Tcp::parse(octets).ok()?;
        let plain = tcp.flags().without(TcpFlags::PSH) == TcpFlags::ACK;
        if !plain || tcp.urgent() != 0 || !tcp.checksum_is_valid(pseudo_header) {
            return None;
        }
        let push = tcp.flags().contains(TcpFlags::PSH);
        (tcp.header().len(), tcp.seq(), push)
    } else {
        let datagram = Udp::parse(octets).ok().filter(|_| udp)?;
        if datagram.octets().len() != octets.len()
            || !datagram.checksum_is_valid(pseudo_header, false)
        {
            return None;
        }
        (Udp::HEADER, 0, false)
    };
    (octets.len() > header_len).then_some(Candidate {
        octets: packet,
        transport,
        headers: transport + header_len,
        ident,
        dont_fragment,
        seq,
        push,
    })
}
