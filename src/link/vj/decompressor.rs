//! The end that restores headers (RFC 1144 section 3.2.4).

use std::fmt;
use std::ops::Range;

use wanbox_wire::ParseError;
use wanbox_wire::ip::{Ipv4, Sum, Tcp, TcpFlags, protocol};
use wanbox_wire::vj::{Change, Header};

use super::{
    ACK, CHECKSUM, FLAGS, IDENT, IP_CHECKSUM, Kind, PROTOCOL, SEQ, Saved, TOLD, TOTAL, URGENT,
    WINDOW, u16_at, u32_at,
};

/// Why a packet is not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not name its connection, and frames before it were lost.
    Tossed,
    /// A slot beyond the last.
    NoSuchSlot(u8),
    /// A slot that no whole header was sent for.
    EmptySlot(u8),
    /// A whole header that cannot be one.
    Header(ParseError),
    /// A whole header whose IP checksum is wrong, or of a fragment.
    NotRight,
    /// A compressed header that is cut.
    Cut(ParseError),
    /// With its header the packet would be longer than an IP packet can be.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tossed => f.write_str("its connection is not known after a lost frame"),
            Self::NoSuchSlot(slot) => write!(f, "slot {slot} is beyond the last"),
            Self::EmptySlot(slot) => write!(f, "slot {slot} is empty"),
            Self::Header(error) | Self::Cut(error) => error.fmt(f),
            Self::NotRight => f.write_str("the checksum is wrong, or it is a fragment"),
            Self::TooLong => f.write_str("more than 65535 octets with its header"),
        }
    }
}

impl std::error::Error for Error {}

/// Counters. All of them wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecompressorStats {
    /// Packets with their whole header that were taken.
    pub uncompressed: u64,
    /// Packets whose header was restored.
    pub compressed: u64,
    /// Packets thrown away because they do not name their connection after a lost frame.
    pub tossed: u64,
    /// Packets thrown away because they are not right.
    pub errors: u64,
}

/// Restores headers. Its memory, 122 octets a slot, is taken when it is made.
#[derive(Clone, Debug)]
pub struct Decompressor {
    slots: Box<[Saved]>,
    /// The slot of the last frame; `None` while that is not known.
    last: Option<u8>,
    stats: DecompressorStats,
}

impl Decompressor {
    /// A decompressor for slots 0 to `max_slot`, as the other end is told.
    #[must_use]
    pub fn new(max_slot: u8) -> Self {
        Self {
            slots: vec![Saved::EMPTY; usize::from(max_slot) + 1].into(),
            last: None,
            stats: DecompressorStats::default(),
        }
    }

    /// Its counters.
    #[must_use]
    pub const fn stats(&self) -> DecompressorStats {
        self.stats
    }

    /// A frame was lost: its check sequence was wrong, say. It may have been of another connection
    /// than the frame before.
    pub const fn line_error(&mut self) {
        self.last = None;
    }

    /// Restores the header of a packet. Appends the header to `head`, and returns where its data is
    /// in `octets`; a packet of [`Kind::Ip`] is all data.
    ///
    /// # Errors
    /// Why it is not restored. Nothing was appended; no slot was changed.
    pub fn decompress(
        &mut self,
        kind: Kind,
        octets: &[u8],
        head: &mut Vec<u8>,
    ) -> Result<Range<usize>, Error> {
        let restored = match kind {
            Kind::Ip => return Ok(0..octets.len()),
            Kind::Uncompressed => self.uncompressed(octets, head),
            Kind::Compressed => self.compressed(octets, head),
        };
        let counter = match (&restored, kind) {
            (Ok(_), Kind::Uncompressed) => &mut self.stats.uncompressed,
            (Ok(_), _) => &mut self.stats.compressed,
            (Err(Error::Tossed), _) => &mut self.stats.tossed,
            (Err(_), _) => {
                self.last = None;
                &mut self.stats.errors
            }
        };
        *counter = counter.wrapping_add(1);
        restored
    }

    fn slot(&mut self, number: u8) -> Result<&mut Saved, Error> {
        self.slots
            .get_mut(usize::from(number))
            .ok_or(Error::NoSuchSlot(number))
    }

    fn uncompressed(&mut self, octets: &[u8], head: &mut Vec<u8>) -> Result<Range<usize>, Error> {
        let ip = Ipv4::parse(octets).map_err(Error::Header)?;
        let tcp = Tcp::parse(ip.payload()).map_err(Error::Header)?;
        let number = ip.protocol();
        let mut restored = Saved::EMPTY;
        restored.save(ip.header(), tcp.header());
        restored.put_ip(PROTOCOL, &[protocol::TCP]);
        if ip.is_fragment() || !Sum::new().octets(restored.ip()).is_valid() {
            return Err(Error::NotRight);
        }
        let data = restored.header().len()..ip.octets().len();
        let slot = self.slot(number)?;
        *slot = restored;
        head.extend_from_slice(slot.header());
        self.last = Some(number);
        Ok(data)
    }

    fn compressed(&mut self, octets: &[u8], head: &mut Vec<u8>) -> Result<Range<usize>, Error> {
        let (header, data) = Header::parse(octets).map_err(Error::Cut)?;
        let number = header.connection.or(self.last).ok_or(Error::Tossed)?;
        let saved = self.slot(number)?;
        if saved.is_empty() {
            return Err(Error::EmptySlot(number));
        }
        let total = u16::try_from(saved.header().len() + data.len()).map_err(|_| Error::TooLong)?;
        let sent = u32::from(saved.data_len());
        let mut flags = saved.flags().0 & !TOLD;
        let (window, ack, seq) = match header.change {
            // Neither has the URG flag: with it all fields would have been told.
            Change::Echoed => (0, sent, sent),
            Change::OneWay => (0, 0, sent),
            Change::Fields(fields) => {
                if let Some(urgent) = fields.urgent {
                    flags |= TcpFlags::URG.0;
                    saved.put_tcp(URGENT, &urgent.to_be_bytes());
                }
                let window = fields.window.unwrap_or_default();
                let ack = fields.ack.unwrap_or_default();
                let seq = fields.seq.unwrap_or_default();
                (window, ack.into(), seq.into())
            }
        };
        if header.push {
            flags |= TcpFlags::PSH.0;
        }
        let window = u16_at(saved.tcp(), WINDOW).wrapping_add(window);
        let ack = u32_at(saved.tcp(), ACK).wrapping_add(ack);
        let seq = u32_at(saved.tcp(), SEQ).wrapping_add(seq);
        let ident = u16_at(saved.ip(), IDENT).wrapping_add(header.ident.unwrap_or(1));
        saved.put_tcp(FLAGS, &[flags]);
        saved.put_tcp(WINDOW, &window.to_be_bytes());
        saved.put_tcp(ACK, &ack.to_be_bytes());
        saved.put_tcp(SEQ, &seq.to_be_bytes());
        saved.put_tcp(CHECKSUM, &header.checksum.to_be_bytes());
        saved.put_ip(IDENT, &ident.to_be_bytes());
        saved.put_ip(TOTAL, &total.to_be_bytes());
        saved.put_ip(IP_CHECKSUM, &[0, 0]);
        let sum = Sum::new().octets(saved.ip()).checksum();
        saved.put_ip(IP_CHECKSUM, &sum.to_be_bytes());
        head.extend_from_slice(saved.header());
        self.last = Some(number);
        Ok(octets.len() - data.len()..octets.len())
    }
}
