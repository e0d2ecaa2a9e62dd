//! The numbers of the Protocol field (RFC 1661 section 2; IANA "PPP numbers").

use std::fmt;

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u16);

impl Protocol {
    /// An IPv4 packet (RFC 1332).
    pub const IPV4: Self = Self(0x0021);
    /// An IPX packet (RFC 1552).
    pub const IPX: Self = Self(0x002b);
    /// A TCP/IP packet with a compressed header (RFC 1332 section 4, RFC 1144).
    pub const VJ_COMPRESSED: Self = Self(0x002d);
    /// A TCP/IP packet whose header is a new reference, its connection in the protocol octet.
    pub const VJ_UNCOMPRESSED: Self = Self(0x002f);
    /// A fragment of a multilink bundle (RFC 1990).
    pub const MULTILINK: Self = Self(0x003d);
    /// An IPv6 packet (RFC 5072).
    pub const IPV6: Self = Self(0x0057);
    /// Data compressed link by link (RFC 1962).
    pub const COMPRESSED_LINK: Self = Self(0x00fb);
    /// Compressed data (RFC 1962).
    pub const COMPRESSED: Self = Self(0x00fd);
    /// The IP Control Protocol (RFC 1332).
    pub const IPCP: Self = Self(0x8021);
    /// The IPX Control Protocol (RFC 1552).
    pub const IPXCP: Self = Self(0x802b);
    /// The IPv6 Control Protocol (RFC 5072).
    pub const IPV6CP: Self = Self(0x8057);
    /// The Compression Control Protocol (RFC 1962).
    pub const CCP: Self = Self(0x80fd);
    /// The Link Control Protocol (RFC 1661).
    pub const LCP: Self = Self(0xc021);
    /// The Password Authentication Protocol (RFC 1334).
    pub const PAP: Self = Self(0xc023);
    /// A Link Quality Report (RFC 1989).
    pub const LQR: Self = Self(0xc025);
    /// The Challenge Handshake Authentication Protocol (RFC 1994).
    pub const CHAP: Self = Self(0xc223);
    /// The Extensible Authentication Protocol (RFC 3748).
    pub const EAP: Self = Self(0xc227);

    /// Whether the number obeys the rule for them: the low octet odd, the high octet even.
    #[must_use]
    pub const fn is_well_formed(self) -> bool {
        self.0 & 0x0101 == 0x0001
    }

    /// Whether it is a network layer's data or its control protocol's, 0000 to BFFF.
    /// Numbers from C000 on belong to the link.
    #[must_use]
    pub const fn is_network(self) -> bool {
        self.0 < 0xc000
    }

    /// Whether it is a network control protocol, 8000 to BFFF.
    #[must_use]
    pub const fn is_network_control(self) -> bool {
        self.0 & 0xc000 == 0x8000
    }

    /// Whether the Protocol field can be one octet (RFC 1661 section 6.5). 00FF cannot: without
    /// address and control the octet would be read as an address (RFC 1662 section 3.1).
    #[must_use]
    pub const fn is_compressible(self) -> bool {
        self.0 < 0x00ff
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::IPV4 => "IPv4",
            Self::IPX => "IPX",
            Self::VJ_COMPRESSED => "VJ compressed TCP/IP",
            Self::VJ_UNCOMPRESSED => "VJ uncompressed TCP/IP",
            Self::MULTILINK => "multilink",
            Self::IPV6 => "IPv6",
            Self::COMPRESSED_LINK => "compressed link data",
            Self::COMPRESSED => "compressed data",
            Self::IPCP => "IPCP",
            Self::IPXCP => "IPXCP",
            Self::IPV6CP => "IPV6CP",
            Self::CCP => "CCP",
            Self::LCP => "LCP",
            Self::PAP => "PAP",
            Self::LQR => "LQR",
            Self::CHAP => "CHAP",
            Self::EAP => "EAP",
            _ => return None,
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "protocol {:04x}", self.0),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
