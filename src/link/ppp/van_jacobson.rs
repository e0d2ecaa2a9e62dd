//! Van Jacobson's compression of TCP/IP headers (RFC 1144) as IPCP agreed on it
//! (RFC 1332 section 4).

use wanbox_wire::ppp::Protocol;

use super::ipcp::Ipv4;
use crate::vj::{Compressor, CompressorStats, Decompressor, DecompressorStats, Kind};

/// The compressor towards the peer and the decompressor towards us, as far as they were agreed on.
/// Their slots take 135 and 122 octets each.
#[derive(Debug)]
pub struct VanJacobson {
    compressor: Option<Compressor>,
    decompressor: Option<Decompressor>,
    /// What stands for the beginning of the packet that is sent.
    head: Vec<u8>,
    /// The packet that was restored last.
    restored: Vec<u8>,
}

impl VanJacobson {
    /// What IPCP agreed on; `None` when that is no compression.
    #[must_use]
    pub fn new(ipv4: &Ipv4) -> Option<Self> {
        let compressor = ipv4
            .send
            .map(|slots| Compressor::new(slots.max_slot, slots.compress_slot));
        let decompressor = ipv4.receive.map(|slots| Decompressor::new(slots.max_slot));
        (compressor.is_some() || decompressor.is_some()).then_some(Self {
            compressor,
            decompressor,
            head: Vec::new(),
            restored: Vec::new(),
        })
    }

    /// Compresses an IPv4 packet that is sent now or never: its protocol then, the octets that
    /// stand for its beginning, and the rest of it.
    pub fn compress<'p>(&mut self, packet: &'p [u8]) -> (Protocol, &[u8], &'p [u8]) {
        self.head.clear();
        let Some(compressor) = &mut self.compressor else {
            return (Protocol::IPV4, &[], packet);
        };
        let head = compressor.compress(packet, &mut self.head);
        let protocol = match head.kind {
            Kind::Ip => Protocol::IPV4,
            Kind::Uncompressed => Protocol::VJ_UNCOMPRESSED,
            Kind::Compressed => Protocol::VJ_COMPRESSED,
        };
        let rest = packet.get(head.replaces..).unwrap_or_default();
        (protocol, &self.head, rest)
    }

    /// The peer does not understand compressed packets after all.
    pub(crate) fn stop_compressing(&mut self) {
        self.compressor = None;
    }

    /// Whether the peer may send compressed packets.
    #[must_use]
    pub const fn decompresses(&self) -> bool {
        self.decompressor.is_some()
    }

    /// Restores a packet of one of the two protocols for them. What cannot be restored is counted.
    pub fn restore(&mut self, protocol: Protocol, information: &[u8]) -> Option<&[u8]> {
        let kind = match protocol {
            Protocol::VJ_COMPRESSED => Kind::Compressed,
            Protocol::VJ_UNCOMPRESSED => Kind::Uncompressed,
            _ => return None,
        };
        self.restored.clear();
        let decompressor = self.decompressor.as_mut()?;
        let data = decompressor.decompress(kind, information, &mut self.restored);
        self.restored
            .extend_from_slice(information.get(data.ok()?)?);
        Some(&self.restored)
    }

    /// A frame was lost on its way to us: its check sequence was wrong, say.
    pub const fn line_error(&mut self) {
        if let Some(decompressor) = &mut self.decompressor {
            decompressor.line_error();
        }
    }

    /// The counters of both directions.
    #[must_use]
    pub fn stats(&self) -> (CompressorStats, DecompressorStats) {
        let compressor = self.compressor.as_ref().map(Compressor::stats);
        let decompressor = self.decompressor.as_ref().map(Decompressor::stats);
        (
            compressor.unwrap_or_default(),
            decompressor.unwrap_or_default(),
        )
    }
}
