//! UDP (RFC 768), TCP (RFC 9293 section 3.1), ICMP (RFC 792, RFC 4443).

use super::{Sum, fixed, need, room, u16_at, u32_at};
use crate::ParseError;

/// A checked UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'p> {
    octets: &'p [u8],
}

impl<'p> Udp<'p> {
    /// The header, octets.
    pub const HEADER: usize = 8;

    /// Checks the length field.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        let header = need("UDP header", octets, Self::HEADER)?;
        let len = usize::from(u16_at(header, 4));
        if len < Self::HEADER {
            return Err(ParseError::Invalid {
                what: "UDP length",
                value: len as u64,
                expected: "8 octets or more",
            });
        }
        let octets = octets.get(..len).ok_or(ParseError::Length {
            what: "UDP length",
            claimed: len,
            have: octets.len(),
        })?;
        Ok(Self { octets })
    }

    /// Header and payload.
    pub fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// The source port.
    pub fn src_port(&self) -> u16 {
        u16_at(self.octets, 0)
    }

    /// The destination port.
    pub fn dst_port(&self) -> u16 {
        u16_at(self.octets, 2)
    }

    /// The checksum field; zero means that the sender made none.
    pub fn checksum(&self) -> u16 {
        u16_at(self.octets, 6)
    }

    /// What the datagram carries.
    pub fn payload(&self) -> &'p [u8] {
        self.octets.get(Self::HEADER..).unwrap_or_default()
    }

    /// Whether the checksum is right or, where `zero_allowed` (IPv4), missing.
    pub fn checksum_is_valid(&self, pseudo_header: Sum, zero_allowed: bool) -> bool {
        match self.checksum() {
            0 => zero_allowed,
            _ => pseudo_header.octets(self.octets).is_valid(),
        }
    }
}

/// A UDP header as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpRepr {
    /// The source port.
    pub src_port: u16,
    /// The destination port.
    pub dst_port: u16,
}

impl UdpRepr {
    /// The octets of the header.
    pub const LEN: usize = Udp::HEADER;

    /// Values of a datagram.
    pub fn parse(datagram: &Udp<'_>) -> Self {
        Self {
            src_port: datagram.src_port(),
            dst_port: datagram.dst_port(),
        }
    }

    /// Writes the header before the payload that is already in `datagram` behind it, checksum included.
    ///
    /// # Errors
    /// When `datagram` is shorter than a header or longer than 65535 octets.
    pub fn emit(&self, datagram: &mut [u8], pseudo_header: Sum) -> Result<(), ParseError> {
        let len = u16::try_from(datagram.len()).map_err(|_| ParseError::Length {
            what: "UDP datagram",
            claimed: datagram.len(),
            have: usize::from(u16::MAX),
        })?;
        let header = room("UDP header", datagram, Self::LEN)?;
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..6].copy_from_slice(&len.to_be_bytes());
        header[6..8].fill(0);
        let checksum = pseudo_header.octets(datagram).udp_checksum();
        datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }
}

/// The flag octet of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement field counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// All flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A checked TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'p> {
    header: &'p [u8],
    octets: &'p [u8],
}

impl<'p> Tcp<'p> {
    /// The shortest header, octets.
    pub const MIN_HEADER: usize = 20;

    /// Checks the data offset.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        let start = need("TCP header", octets, Self::MIN_HEADER)?;
        let len = usize::from(start[12] >> 4) * 4;
        if len < Self::MIN_HEADER {
            return Err(ParseError::Invalid {
                what: "TCP data offset",
                value: len as u64,
                expected: "20..60 octets",
            });
        }
        let header = octets.get(..len).ok_or(ParseError::Length {
            what: "TCP data offset",
            claimed: len,
            have: octets.len(),
        })?;
        Ok(Self { header, octets })
    }

    /// Header and payload.
    pub fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// The header with its options.
    pub fn header(&self) -> &'p [u8] {
        self.header
    }

    /// The options, zero to forty octets.
    pub fn options(&self) -> &'p [u8] {
        self.header.get(Self::MIN_HEADER..).unwrap_or_default()
    }

    /// What the segment carries.
    pub fn payload(&self) -> &'p [u8] {
        self.octets.get(self.header.len()..).unwrap_or_default()
    }

    /// The source port.
    pub fn src_port(&self) -> u16 {
        u16_at(self.header, 0)
    }

    /// The destination port.
    pub fn dst_port(&self) -> u16 {
        u16_at(self.header, 2)
    }

    /// The sequence number of the first payload octet.
    pub fn seq(&self) -> u32 {
        u32_at(self.header, 4)
    }

    /// The next sequence number expected from the other side.
    pub fn ack(&self) -> u32 {
        u32_at(self.header, 8)
    }

    /// The flags.
    pub fn flags(&self) -> TcpFlags {
        TcpFlags(self.header[13])
    }

    /// The window, not scaled.
    pub fn window(&self) -> u16 {
        u16_at(self.header, 14)
    }

    /// The urgent pointer.
    pub fn urgent(&self) -> u16 {
        u16_at(self.header, 18)
    }

    /// Whether the checksum is right.
    pub fn checksum_is_valid(&self, pseudo_header: Sum) -> bool {
        pseudo_header.octets(self.octets).is_valid()
    }
}

/// A TCP header without options, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpRepr {
    /// The source port.
    pub src_port: u16,
    /// The destination port.
    pub dst_port: u16,
    /// The sequence number of the first payload octet.
    pub seq: u32,
    /// The next sequence number expected from the other side.
    pub ack: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window, not scaled.
    pub window: u16,
}

impl TcpRepr {
    /// The octets of the header.
    pub const LEN: usize = Tcp::MIN_HEADER;

    /// Values of a segment; options are left out.
    pub fn parse(segment: &Tcp<'_>) -> Self {
        Self {
            src_port: segment.src_port(),
            dst_port: segment.dst_port(),
            seq: segment.seq(),
            ack: segment.ack(),
            flags: segment.flags(),
            window: segment.window(),
        }
    }

    /// Writes the header before `options_len` octets of options and the payload that are
    /// already in `segment` behind it, checksum included.
    ///
    /// # Errors
    /// When `segment` is too short, or the options are not whole words or longer than 40 octets.
    pub fn emit(
        &self,
        segment: &mut [u8],
        options_len: usize,
        pseudo_header: Sum,
    ) -> Result<(), ParseError> {
        self.emit_with(segment, options_len, 0)?;
        let checksum = pseudo_header.octets(segment).checksum();
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }

    /// As [`TcpRepr::emit`], with this in the checksum field: the folded sum over the pseudo header
    /// where somebody else finishes the checksum ([`super::VirtioHeader::needs_checksum`]).
    ///
    /// # Errors
    /// As those of [`TcpRepr::emit`].
    pub fn emit_with(
        &self,
        segment: &mut [u8],
        options_len: usize,
        checksum: u16,
    ) -> Result<(), ParseError> {
        if options_len > 40 || !options_len.is_multiple_of(4) {
            return Err(ParseError::Invalid {
                what: "TCP options length",
                value: options_len as u64,
                expected: "a multiple of 4, at most 40 octets",
            });
        }
        let header = room("TCP header", segment, Self::LEN + options_len)?;
        header[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        header[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        header[4..8].copy_from_slice(&self.seq.to_be_bytes());
        header[8..12].copy_from_slice(&self.ack.to_be_bytes());
        header[12] = ((Self::LEN + options_len) as u8 / 4) << 4;
        header[13] = self.flags.0;
        header[14..16].copy_from_slice(&self.window.to_be_bytes());
        header[16..18].copy_from_slice(&checksum.to_be_bytes());
        header[18..20].fill(0);
        Ok(())
    }
}

/// A checked ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp<'p> {
    octets: &'p [u8],
}

impl<'p> Icmp<'p> {
    /// The header with its four octets of message-specific fields.
    pub const HEADER: usize = 8;

    /// Checks that a header is there.
    pub fn parse(octets: &'p [u8]) -> Result<Self, ParseError> {
        need("ICMP header", octets, Self::HEADER)?;
        Ok(Self { octets })
    }

    /// The type.
    pub fn kind(&self) -> u8 {
        self.octets[0]
    }

    /// The code.
    pub fn code(&self) -> u8 {
        self.octets[1]
    }

    /// The message-specific octets of the header.
    pub fn rest_of_header(&self) -> [u8; 4] {
        fixed(self.octets, 4)
    }

    /// What follows the header.
    pub fn payload(&self) -> &'p [u8] {
        self.octets.get(Self::HEADER..).unwrap_or_default()
    }

    /// Whether the checksum is right: the pseudo header is `Sum::new()` for IPv4.
    pub fn checksum_is_valid(&self, pseudo_header: Sum) -> bool {
        pseudo_header.octets(self.octets).is_valid()
    }
}

/// An echo request or reply as values: types 8 and 0 (ICMP), 128 and 129 (ICMPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpEcho {
    /// The type.
    pub kind: u8,
    /// The identifier of the asking program.
    pub ident: u16,
    /// The sequence number.
    pub sequence: u16,
}

impl IcmpEcho {
    /// The octets of the header.
    pub const LEN: usize = Icmp::HEADER;

    /// Values of an echo message.
    pub fn parse(message: &Icmp<'_>) -> Result<Self, ParseError> {
        if !matches!(message.kind(), 0 | 8 | 128 | 129) || message.code() != 0 {
            return Err(ParseError::Invalid {
                what: "ICMP type and code",
                value: u64::from(message.kind()) << 8 | u64::from(message.code()),
                expected: "an echo request or reply with code 0",
            });
        }
        let [a, b, c, d] = message.rest_of_header();
        Ok(Self {
            kind: message.kind(),
            ident: u16::from_be_bytes([a, b]),
            sequence: u16::from_be_bytes([c, d]),
        })
    }

    /// Writes the header before the payload that is already in `message` behind it, checksum
    /// included. The pseudo header is `Sum::new()` for IPv4.
    ///
    /// # Errors
    /// When `message` is shorter than a header.
    pub fn emit(&self, message: &mut [u8], pseudo_header: Sum) -> Result<(), ParseError> {
        let header = room("ICMP header", message, Self::LEN)?;
        header[0] = self.kind;
        header[1..4].fill(0);
        header[4..6].copy_from_slice(&self.ident.to_be_bytes());
        header[6..8].copy_from_slice(&self.sequence.to_be_bytes());
        let checksum = pseudo_header.octets(message).checksum();
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
        Ok(())
    }
}

/// Any octets through every transport view.
pub(super) fn fuzz_transport(octets: &[u8]) {
    if let Ok(udp) = Udp::parse(octets) {
        assert_eq!(udp.octets().len(), Udp::HEADER + udp.payload().len());
        let mut copy = udp.octets().to_vec();
        if UdpRepr::parse(&udp).emit(&mut copy, Sum::new()).is_ok() {
            assert_eq!(&copy[..6], &octets[..6]);
            assert!(Udp::parse(&copy).is_ok_and(|u| u.checksum_is_valid(Sum::new(), false)));
        }
    }
    if let Ok(tcp) = Tcp::parse(octets) {
        assert_eq!(tcp.header().len() + tcp.payload().len(), octets.len());
        let mut copy = octets.to_vec();
        let emitted = TcpRepr::parse(&tcp).emit(&mut copy, tcp.options().len(), Sum::new());
        assert_eq!(emitted, Ok(()));
        assert_eq!(&copy[..12], &octets[..12]);
        super::tcp_options::check(&tcp);
        assert!(Tcp::parse(&copy).is_ok_and(|t| t.checksum_is_valid(Sum::new())));
    }
    if let Ok(icmp) = Icmp::parse(octets) {
        assert_eq!(icmp.payload().len() + Icmp::HEADER, octets.len());
        if let Ok(echo) = IcmpEcho::parse(&icmp) {
            let mut copy = octets.to_vec();
            assert_eq!(echo.emit(&mut copy, Sum::new()), Ok(()));
            assert_eq!(&copy[4..8], &octets[4..8]);
        }
    }
}
