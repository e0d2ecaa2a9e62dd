//! Van Jacobson's compression of TCP/IP headers (RFC 1144) as IPCP agreed on it.

use wanbox_link::ppp::ipcp::Ipv4;
use wanbox_link::vj::{Compressor, CompressorStats, Decompressor, DecompressorStats, Kind};
use wanbox_wire::ppp::Protocol;

/// Both directions.
#[derive(Debug, Default)]
pub(super) struct VanJacobson {
    compressor: Option<Box<Compressor>>,
    decompressor: Option<Box<Decompressor>>,
    /// What stands for the beginning of a packet.
    head: Vec<u8>,
    /// A restored packet, when `waits`.
    restored: Vec<u8>,
    waits: bool,
}

impl VanJacobson {
    /// IPCP is open.
    pub fn begin(&mut self, ipv4: &Ipv4) {
        self.compressor =
            (ipv4.send).map(|slots| Box::new(Compressor::new(slots.max_slot, slots.compress_slot)));
        self.decompressor = (ipv4.receive).map(|slots| Box::new(Decompressor::new(slots.max_slot)));
    }

    /// Packets are compressed towards the peer.
    pub fn compresses(&self) -> bool {
        self.compressor.is_some()
    }

    /// Compresses an IPv4 packet: its protocol then, the octets that stand for its beginning, and
    /// the rest of it.
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

    /// Whether the peer may send compressed packets.
    pub fn decompresses(&self) -> bool {
        self.decompressor.is_some()
    }

    /// Restores a packet, which then comes from [`Self::poll_packet`]. What cannot be restored is
    /// counted by the decompressor.
    pub fn restore(&mut self, protocol: Protocol, information: &[u8]) {
        let Some(decompressor) = &mut self.decompressor else {
            return;
        };
        let kind = match protocol {
            Protocol::VJ_COMPRESSED => Kind::Compressed,
            _ => Kind::Uncompressed,
        };
        self.restored.clear();
        let restored = decompressor.decompress(kind, information, &mut self.restored);
        if let Ok(data) = restored {
            let data = information.get(data).unwrap_or_default();
            self.restored.extend_from_slice(data);
            self.waits = true;
        }
    }

    /// The restored packet, written over `packet`; `false` when there is none.
    pub fn poll_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        if std::mem::take(&mut self.waits) {
            std::mem::swap(packet, &mut self.restored);
            return true;
        }
        false
    }

    /// The counters of both directions.
    pub fn stats(&self) -> (CompressorStats, DecompressorStats) {
        let compressor = self.compressor.as_ref().map(|vj| vj.stats());
        let decompressor = self.decompressor.as_ref().map(|vj| vj.stats());
        (
            compressor.unwrap_or_default(),
            decompressor.unwrap_or_default(),
        )
    }
}
