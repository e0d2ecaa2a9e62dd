//! Link addresses: callsigns of AX.25 and NET/ROM, addresses of Ethernet.

use std::fmt;

use wanbox_wire::ax25::Call;

/// The most octets that a link address has.
const MOST: usize = 7;

/// The kinds of links that resolve addresses, with their hardware types in ARP (IANA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Hardware {
    /// NET/ROM: callsigns of nodes. Never sent.
    NetRom = 0,
    /// Ethernet: six octets.
    Ethernet = 1,
    /// AX.25: callsigns.
    Ax25 = 3,
}

impl Hardware {
    /// The kind with this number in an ARP packet.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::NetRom),
            1 => Some(Self::Ethernet),
            3 => Some(Self::Ax25),
            _ => None,
        }
    }

    /// What IPv4 is called in ARP on such a link: an ethertype, or the PID of AX.25.
    #[must_use]
    pub const fn protocol(self) -> u16 {
        match self {
            Self::Ethernet => 0x0800,
            Self::NetRom | Self::Ax25 => 0x00cc,
        }
    }

    /// Octets of an address.
    #[must_use]
    pub const fn address_len(self) -> usize {
        match self {
            Self::Ethernet => 6,
            Self::NetRom | Self::Ax25 => 7,
        }
    }

    /// Everybody on the link.
    #[must_use]
    pub const fn broadcast(self) -> LinkAddress {
        match self {
            Self::Ethernet => LinkAddress {
                len: 6,
                octets: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
            },
            Self::NetRom | Self::Ax25 => LinkAddress {
                len: 7,
                octets: *Call::QST.octets(),
            },
        }
    }

    /// The name in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetRom => "NET/ROM",
            Self::Ethernet => "10 Mb Ethernet",
            Self::Ax25 => "AX.25",
        }
    }
}

/// An address on a link, as it is in ARP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkAddress {
    len: u8,
    octets: [u8; MOST],
}

impl LinkAddress {
    /// An address of these octets; `None` for none or more than seven.
    #[must_use]
    pub fn new(address: &[u8]) -> Option<Self> {
        let mut octets = [0; MOST];
        octets.get_mut(..address.len())?.copy_from_slice(address);
        (!address.is_empty()).then_some(Self {
            len: address.len() as u8,
            octets,
        })
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// A call sign such as `DB0AAA-9`.
    #[must_use]
    pub fn parse_call(word: &str) -> Option<Self> {
        Call::parse(word).ok().map(Self::from)
    }

    /// An Ethernet address such as `02:00:5e:10:00:01`.
    #[must_use]
    pub fn parse_ethernet(word: &str) -> Option<Self> {
        let mut octets = [0; MOST];
        let mut fields = word.split(':');
        for octet in octets.iter_mut().take(6) {
            let field = fields.next().filter(|field| matches!(field.len(), 1 | 2))?;
            *octet = u8::from_str_radix(field, 16).ok()?;
        }
        fields.next().is_none().then_some(Self { len: 6, octets })
    }

    /// An address of a kind of link as people type it.
    #[must_use]
    pub fn parse(hardware: Hardware, word: &str) -> Option<Self> {
        match hardware {
            Hardware::Ethernet => Self::parse_ethernet(word),
            Hardware::NetRom | Hardware::Ax25 => Self::parse_call(word),
        }
    }

    /// The same address without the bits of a callsign that are not part of the address: last,
    /// repeated, reserved.
    #[must_use]
    pub fn plain(self) -> Self {
        Call::try_from(self).map_or(self, Self::from)
    }
}

impl From<Call> for LinkAddress {
    fn from(call: Call) -> Self {
        Self {
            len: MOST as u8,
            octets: *call.octets(),
        }
    }
}

/// Any seven octets, whatever the bits that are no part of a call sign.
impl TryFrom<LinkAddress> for Call {
    type Error = LinkAddress;

    fn try_from(address: LinkAddress) -> Result<Self, LinkAddress> {
        if usize::from(address.len) == MOST {
            Ok(Self::from_octets(&address.octets))
        } else {
            Err(address)
        }
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(call) = Call::try_from(*self) {
            return write!(f, "{call}");
        }
        for (at, octet) in self.octets().iter().enumerate() {
            write!(f, "{}{octet:02x}", if at > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callsigns_are_shifted_by_one_bit() {
        let call = LinkAddress::parse_call("n0pra").unwrap();
        assert_eq!(call.octets(), [0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60]);
        assert_eq!(call.to_string(), "N0PRA");
        assert_eq!(
            LinkAddress::parse_call("DB0AAA-15").unwrap().to_string(),
            "DB0AAA-15"
        );
        assert_eq!(Hardware::Ax25.broadcast().to_string(), "QST");
        for wrong in ["", "TOOLONG", "A-16", "A-x", "A B", "-1"] {
            assert_eq!(LinkAddress::parse_call(wrong), None, "{wrong}");
        }
        let repeated = LinkAddress::new(&[0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0xe1]).unwrap();
        assert_eq!(repeated.plain(), call);
        assert_eq!(LinkAddress::new(&[1; 7]).unwrap().to_string(), "......");
    }

    #[test]
    fn ethernet_has_colons() {
        let address = LinkAddress::parse(Hardware::Ethernet, "2:0:5e:10:0:fF").unwrap();
        assert_eq!(address.to_string(), "02:00:5e:10:00:ff");
        for wrong in [
            "",
            "1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:g",
            "1:2:3:4:5:678",
        ] {
            assert_eq!(LinkAddress::parse_ethernet(wrong), None, "{wrong}");
        }
    }
}
