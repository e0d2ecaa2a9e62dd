//! Cutting super-packets (TSO, USO) and finishing checksums.

use wanbox_wire::ip::{Gso, Ip, Sum, Tcp, TcpFlags, Udp, VirtioHeader, protocol};

use super::{OffloadError, TCP_CHECKSUM, UDP_CHECKSUM, put_u16};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One packet, copied with its checksum finished.
    Single,
    Tcp,
    Udp,
}

/// Cuts one packet that was read with a virtio header into finished packets.
///
/// A packet without segmentation comes out as itself, so that callers need one path.
#[derive(Clone, Copy, Debug)]
pub struct Segmenter<'p> {
    header: VirtioHeader,
    packet: &'p [u8],
    kind: Kind,
    /// Where the IP header starts: zero, or behind an Ethernet header.
    ip: usize,
    /// Where the transport header starts.
    transport: usize,
    /// Where the payload starts: what every segment repeats.
    headers: usize,
    /// Payload octets of each segment but the last.
    size: usize,
    /// Payload octets already out.
    done: usize,
    /// Segments already out.
    index: usize,
    is_v4: bool,
    /// The part of the pseudo header that all segments share: everything but the length.
    pseudo_header: Sum,
}

impl<'p> Segmenter<'p> {
    /// Checks the virtio header against the packet behind it. `link_header` octets (zero for a TUN,
    /// 14 or 18 for a TAP) come before the IP header and are repeated.
    ///
    /// # Errors
    /// The two contradict each other or the packet's headers are malformed. A single packet
    /// is only checked when it needs its checksum, and its protocol does not matter.
    pub fn new(
        header: &VirtioHeader,
        packet: &'p [u8],
        link_header: usize,
    ) -> Result<Self, OffloadError> {
        let mut segmenter = Self {
            header: *header,
            packet,
            kind: Kind::Single,
            ip: link_header,
            transport: 0,
            headers: 0,
            size: packet.len(),
            done: 0,
            index: 0,
            is_v4: false,
            pseudo_header: Sum::new(),
        };
        match header.gso {
            Gso::None => {
                if header.needs_checksum() {
                    checksum_place(header, packet.len())?;
                }
                return Ok(segmenter);
            }
            Gso::TcpV4 | Gso::TcpV6 | Gso::UdpL4 => {}
            other => return Err(OffloadError::Unsupported(other)),
        }
        if header.gso_size == 0 {
            return Err(OffloadError::ZeroSize);
        }
        segmenter.size = usize::from(header.gso_size);
        let ip = Ip::parse(packet.get(link_header..).unwrap_or_default())?;
        segmenter.is_v4 = matches!(ip, Ip::V4(_));
        // Ethernet padding behind the packet is left out.
        segmenter.packet = packet
            .get(..link_header + ip.octets().len())
            .unwrap_or(packet);
        let (found, octets) = ip.transport().ok_or(OffloadError::Mismatch(
            "segmentation of a fragment or behind malformed extension headers",
        ))?;
        segmenter.transport = segmenter.packet.len() - octets.len();
        segmenter.pseudo_header = ip.pseudo_header(found, 0);
        let (transport_header, checksum) = match (header.gso, found) {
            (Gso::TcpV4, protocol::TCP) if segmenter.is_v4 => {
                segmenter.kind = Kind::Tcp;
                (Tcp::parse(octets)?.header().len(), TCP_CHECKSUM)
            }
            (Gso::TcpV6, protocol::TCP) if !segmenter.is_v4 => {
                segmenter.kind = Kind::Tcp;
                (Tcp::parse(octets)?.header().len(), TCP_CHECKSUM)
            }
            (Gso::UdpL4, protocol::UDP) => {
                segmenter.kind = Kind::Udp;
                Udp::parse(octets)?;
                (Udp::HEADER, UDP_CHECKSUM)
            }
            _ => {
                return Err(OffloadError::Mismatch(
                    "segmentation type and protocol differ",
                ));
            }
        };
        segmenter.headers = segmenter.transport + transport_header;
        if usize::from(header.checksum_start) != segmenter.transport
            || usize::from(header.checksum_offset) != checksum
        {
            return Err(OffloadError::ChecksumPlace {
                start: header.checksum_start,
                offset: header.checksum_offset,
            });
        }
        Ok(segmenter)
    }

    /// Packets still to come.
    pub fn remaining(&self) -> usize {
        if self.kind == Kind::Single {
            return usize::from(self.index == 0);
        }
        let payload = self.packet.len() - self.headers;
        // Headers without payload are one packet too.
        let all = payload.div_ceil(self.size).max(1);
        all - self.index
    }

    /// The octets of the next packet, `None` after the last.
    pub fn next_len(&self) -> Option<usize> {
        if self.remaining() == 0 {
            return None;
        }
        let rest = self.packet.len() - self.headers - self.done;
        Some(self.headers + rest.min(self.size))
    }

    /// Writes the next packet to the start of `out` and returns its length; `None` after the last.
    /// To leave headroom, give the part of a buffer behind it.
    ///
    /// # Errors
    /// `out` is shorter than [`Self::next_len`]; nothing was consumed.
    pub fn next_into(&mut self, out: &mut [u8]) -> Result<Option<usize>, OffloadError> {
        let Some(len) = self.next_len() else {
            return Ok(None);
        };
        let have = out.len();
        let Some(out) = out.get_mut(..len) else {
            return Err(OffloadError::Room { need: len, have });
        };
        if self.kind == Kind::Single {
            out.copy_from_slice(self.packet);
            self.index = 1;
            complete(&self.header, out)?;
            return Ok(Some(len));
        }
        let payload = len - self.headers;
        let from = self.headers + self.done;
        let (head, body) = out.split_at_mut(self.headers);
        head.copy_from_slice(self.packet.get(..self.headers).unwrap_or_default());
        body.copy_from_slice(self.packet.get(from..from + payload).unwrap_or_default());
        self.patch_ip(out);
        match self.kind {
            Kind::Tcp => self.patch_tcp(out, self.remaining() == 1),
            Kind::Udp => self.patch_udp(out),
            Kind::Single => {}
        }
        self.done += payload;
        self.index += 1;
        Ok(Some(len))
    }

    /// Length, and for IPv4 identification and header checksum.
    fn patch_ip(&self, out: &mut [u8]) {
        let Some(ip) = out.get_mut(self.ip..) else {
            return;
        };
        let total = ip.len();
        if !self.is_v4 {
            put_u16(ip, 4, (total - 40) as u16);
            return;
        }
        let header_len = usize::from(ip.first().copied().unwrap_or_default() & 0x0f) * 4;
        put_u16(ip, 2, total as u16);
        let ident = u16::from_be_bytes([
            ip.get(4).copied().unwrap_or_default(),
            ip.get(5).copied().unwrap_or_default(),
        ]);
        put_u16(ip, 4, ident.wrapping_add(self.index as u16));
        put_u16(ip, 10, 0);
        let checksum = Sum::new()
            .octets(ip.get(..header_len).unwrap_or_default())
            .checksum();
        put_u16(ip, 10, checksum);
    }

    fn patch_tcp(&self, out: &mut [u8], last: bool) {
        let Some(tcp) = out.get_mut(self.transport..) else {
            return;
        };
        if let Some(field) = tcp.get_mut(4..8) {
            let mut octets = [0; 4];
            octets.copy_from_slice(field);
            let seq = u32::from_be_bytes(octets).wrapping_add(self.done as u32);
            field.copy_from_slice(&seq.to_be_bytes());
        }
        if let Some(octet) = tcp.get_mut(13) {
            let mut flags = TcpFlags(*octet);
            if !last {
                flags = flags.without(TcpFlags::FIN.with(TcpFlags::PSH));
            }
            // Reported once, with the first segment (RFC 3168 section 6.1.2).
            if self.index > 0 {
                flags = flags.without(TcpFlags::CWR);
            }
            *octet = flags.0;
        }
        put_u16(tcp, TCP_CHECKSUM, 0);
        let sum = self.pseudo_header.u16(tcp.len() as u16).octets(tcp);
        put_u16(tcp, TCP_CHECKSUM, sum.checksum());
    }

    fn patch_udp(&self, out: &mut [u8]) {
        let Some(udp) = out.get_mut(self.transport..) else {
            return;
        };
        put_u16(udp, 4, udp.len() as u16);
        put_u16(udp, UDP_CHECKSUM, 0);
        let sum = self.pseudo_header.u16(udp.len() as u16).octets(udp);
        put_u16(udp, UDP_CHECKSUM, sum.udp_checksum());
    }
}

/// Finishes the checksum of a single packet in place when its virtio header asks for that.
///
/// # Errors
/// The checksum is to go outside the packet.
pub fn complete(header: &VirtioHeader, packet: &mut [u8]) -> Result<(), OffloadError> {
    if !header.needs_checksum() {
        return Ok(());
    }
    let (start, at) = checksum_place(header, packet.len())?;
    // The field holds the pseudo header's sum already, so it is summed with the rest.
    let sum = Sum::new().octets(packet.get(start..).unwrap_or_default());
    let checksum = if usize::from(header.checksum_offset) == UDP_CHECKSUM {
        sum.udp_checksum()
    } else {
        sum.checksum()
    };
    put_u16(packet, at, checksum);
    Ok(())
}

/// Where the sum starts and where it goes, both inside the packet.
fn checksum_place(header: &VirtioHeader, len: usize) -> Result<(usize, usize), OffloadError> {
    let start = usize::from(header.checksum_start);
    let at = start + usize::from(header.checksum_offset);
    if at + 2 > len {
        return Err(OffloadError::ChecksumPlace {
            start: header.checksum_start,
            offset: header.checksum_offset,
        });
    }
    Ok((start, at))
}

/// Any octets as virtio header and packet: what comes out is bounded and, where cut, valid. For fuzzing.
pub fn fuzz_segment(octets: &[u8]) {
    let Ok(header) = VirtioHeader::parse(octets) else {
        return;
    };
    let packet = octets.get(VirtioHeader::LEN..).unwrap_or_default();
    let Ok(mut segmenter) = Segmenter::new(&header, packet, 0) else {
        return;
    };
    let count = segmenter.remaining();
    assert!(count <= packet.len().max(1), "more packets than octets");
    let mut out = vec![0xa5; packet.len()];
    let mut seen = 0;
    while let Some(expected) = segmenter.next_len() {
        let Ok(Some(len)) = segmenter.next_into(&mut out) else {
            unreachable!("a buffer of the whole packet's size is long enough");
        };
        assert_eq!(len, expected);
        seen += 1;
        if header.gso != Gso::None {
            let packet = out.get(..len).unwrap_or_default();
            let ip = Ip::parse(packet).ok();
            assert!(ip.is_some_and(|ip| ip.octets().len() == len));
            let sum = ip.and_then(|ip| {
                let (found, octets) = ip.transport()?;
                Some(ip.pseudo_header(found, octets.len()).octets(octets))
            });
            assert!(sum.is_some_and(Sum::is_valid), "a wrong transport checksum");
        }
    }
    assert_eq!(seen, count);
}
