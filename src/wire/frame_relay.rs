//! Q.922 addresses and RFC 2427 multiprotocol encapsulation.
//!
//! Parsing never panics. Only two-octet addresses are spoken: longer ones (EA
//! bit clear in the second octet) are a typed error.

use std::fmt;

use crate::ParseError;
use crate::fcs;

/// The longest information field of a frame, octets.
pub const MAX_INFORMATION: usize = 15354;
/// Control field of an unnumbered information frame (RFC 2427 section 3).
pub const CONTROL_UI: u8 = 0x03;

/// A two-octet Q.922 address field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Data link connection identifier, 0..=1023.
    pub dlci: u16,
    /// The command/response bit; Frame Relay carries it transparently.
    pub command_response: bool,
    /// Forward explicit congestion notification.
    pub fecn: bool,
    /// Backward explicit congestion notification.
    pub becn: bool,
    /// Discard eligible.
    pub discard_eligible: bool,
}

impl Address {
    /// Octets of the address field.
    pub const LEN: usize = 2;
    /// The highest DLCI of a two-octet address.
    pub const MAX_DLCI: u16 = 1023;

    const COMMAND_RESPONSE: u8 = 0x02;
    const FECN: u8 = 0x08;
    const BECN: u8 = 0x04;
    const DISCARD_ELIGIBLE: u8 = 0x02;
    const EXTENSION: u8 = 0x01;

    /// The address of a DLCI with all bits clear; the DLCI is taken modulo 1024.
    pub const fn new(dlci: u16) -> Self {
        Self {
            dlci: dlci & Self::MAX_DLCI,
            command_response: false,
            fecn: false,
            becn: false,
            discard_eligible: false,
        }
    }

    /// Reads the address at the start of a frame (Q.922 section 3.3).
    pub fn parse(frame: &[u8]) -> Result<Self, ParseError> {
        let [high, low, ..] = *frame else {
            return Err(ParseError::Truncated {
                what: "Q.922 address",
                need: Self::LEN,
                have: frame.len(),
            });
        };
        if high & Self::EXTENSION != 0 || low & Self::EXTENSION == 0 {
            return Err(ParseError::Invalid {
                what: "Q.922 address extension bits",
                value: u64::from(u16::from_be_bytes([high, low])),
                expected: "a two-octet address (EA 0, then EA 1)",
            });
        }
        Ok(Self {
            dlci: u16::from(high >> 2) << 4 | u16::from(low >> 4),
            command_response: high & Self::COMMAND_RESPONSE != 0,
            fecn: low & Self::FECN != 0,
            becn: low & Self::BECN != 0,
            discard_eligible: low & Self::DISCARD_ELIGIBLE != 0,
        })
    }

    /// The octets of the address field.
    pub const fn to_octets(self) -> [u8; Self::LEN] {
        let mut high = ((self.dlci >> 4) as u8) << 2;
        let mut low = (self.dlci as u8) << 4 | Self::EXTENSION;
        if self.command_response {
            high |= Self::COMMAND_RESPONSE;
        }
        if self.fecn {
            low |= Self::FECN;
        }
        if self.becn {
            low |= Self::BECN;
        }
        if self.discard_eligible {
            low |= Self::DISCARD_ELIGIBLE;
        }
        [high, low]
    }

    /// Writes the address; the number of octets written, `None` when the buffer is too short.
    pub fn emit(self, buffer: &mut [u8]) -> Option<usize> {
        buffer
            .get_mut(..Self::LEN)?
            .copy_from_slice(&self.to_octets());
        Some(Self::LEN)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DLCI {}", self.dlci)?;
        for (set, name) in [
            (self.command_response, " C/R"),
            (self.fecn, " FECN"),
            (self.becn, " BECN"),
            (self.discard_eligible, " DE"),
        ] {
            if set {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

/// A view of a frame without its FCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    /// The address field.
    pub address: Address,
    /// Everything after it.
    pub information: &'f [u8],
}

impl<'f> Frame<'f> {
    /// Splits a frame into address and information field. The information field may be empty.
    pub fn parse(frame: &'f [u8]) -> Result<Self, ParseError> {
        Ok(Self {
            address: Address::parse(frame)?,
            information: frame.get(Address::LEN..).unwrap_or_default(),
        })
    }
}

/// How a payload is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// RFC 2427: control 03 and an NLPID.
    #[default]
    Ietf,
    /// Cisco: an ethertype right after the address.
    Cisco,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// An ARP or inverse ARP packet.
    Arp,
    /// A bridged Ethernet frame, without its FCS.
    Ethernet,
    /// A bridged Ethernet frame, its FCS preserved behind it.
    EthernetWithFcs,
}

/// Why an information field was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncapsulationError {
    /// Too short, or a field with an impossible value.
    Format(ParseError),
    /// An NLPID that wanbox does not carry.
    UnknownNlpid(u8),
    /// A SNAP header that wanbox does not carry.
    UnknownSnap {
        /// Organisationally unique identifier, 24 bits.
        oui: u32,
        /// Protocol identifier (an ethertype when the OUI is 0).
        pid: u16,
    },
    /// An ethertype (Cisco encapsulation) that wanbox does not carry.
    UnknownEthertype(u16),
    /// The preserved FCS of a bridged frame is wrong.
    LanFcs,
}

impl fmt::Display for EncapsulationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Format(error) => error.fmt(f),
            Self::UnknownNlpid(nlpid) => write!(
                f,
                "NLPID {nlpid:#04x} is not carried (CC IPv4, 8E IPv6 and 80 SNAP are)"
            ),
            Self::UnknownSnap { oui, pid } => write!(
                f,
                "SNAP OUI {oui:06x} PID {pid:04x} is not carried (000000 with 0800, 0806, 86dd \
                 and 0080c2 with 0001, 0007 are)"
            ),
            Self::UnknownEthertype(ethertype) => write!(
                f,
                "ethertype {ethertype:04x} is not carried (0800, 0806, 86dd and 6558 are)"
            ),
            Self::LanFcs => f.write_str("the preserved FCS of the bridged frame is wrong"),
        }
    }
}

impl std::error::Error for EncapsulationError {}

impl From<ParseError> for EncapsulationError {
    fn from(error: ParseError) -> Self {
        Self::Format(error)
    }
}

mod nlpid {
    pub const PAD: u8 = 0x00;
    pub const SNAP: u8 = 0x80;
    pub const IPV6: u8 = 0x8e;
    pub const IPV4: u8 = 0xcc;
}

mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const BRIDGED_ETHERNET: u16 = 0x6558;
    pub const IPV6: u16 = 0x86dd;
    /// Below are lengths, not types (IEEE 802.3).
    pub const LOWEST: u16 = 0x0600;
}

mod snap {
    pub const OUI_ETHERTYPE: u32 = 0x00_0000;
    pub const OUI_BRIDGED: u32 = 0x00_80c2;
    pub const PID_ETHERNET_WITH_FCS: u16 = 0x0001;
    pub const PID_ETHERNET: u16 = 0x0007;
}

/// An information field taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'f> {
    /// How it was announced.
    pub style: Style,
    /// What it is.
    pub protocol: Protocol,
    /// The packet. Of [`Protocol::EthernetWithFcs`] the frame without that FCS, which was right.
    pub data: &'f [u8],
}

impl<'f> Payload<'f> {
    /// Takes an information field apart (RFC 2427 sections 3 to 5). One pad octet is accepted
    /// before any NLPID.
    pub fn parse(information: &'f [u8]) -> Result<Self, EncapsulationError> {
        let cut = |need| ParseError::Truncated {
            what: "Frame Relay encapsulation",
            need,
            have: information.len(),
        };
        let (&control, rest) = information.split_first().ok_or(cut(2))?;
        if control != CONTROL_UI {
            return Self::parse_cisco(information);
        }
        let rest = match rest {
            [nlpid::PAD, padded @ ..] => padded,
            unpadded => unpadded,
        };
        let (&nlpid, rest) = rest.split_first().ok_or(cut(3))?;
        let (protocol, data) = match nlpid {
            nlpid::IPV4 => (Protocol::Ipv4, rest),
            nlpid::IPV6 => (Protocol::Ipv6, rest),
            nlpid::SNAP => {
                let (&[o1, o2, o3, p1, p2], data) = rest.split_first_chunk().ok_or(cut(8))?;
                let oui = u32::from_be_bytes([0, o1, o2, o3]);
                let pid = u16::from_be_bytes([p1, p2]);
                match (oui, pid) {
                    (snap::OUI_ETHERTYPE, ethertype::IPV4) => (Protocol::Ipv4, data),
                    (snap::OUI_ETHERTYPE, ethertype::IPV6) => (Protocol::Ipv6, data),
                    (snap::OUI_ETHERTYPE, ethertype::ARP) => (Protocol::Arp, data),
                    (snap::OUI_BRIDGED, snap::PID_ETHERNET) => (Protocol::Ethernet, data),
                    (snap::OUI_BRIDGED, snap::PID_ETHERNET_WITH_FCS) => (
                        Protocol::EthernetWithFcs,
                        fcs::strip_fcs32(data).ok_or(EncapsulationError::LanFcs)?,
                    ),
                    _ => return Err(EncapsulationError::UnknownSnap { oui, pid }),
                }
            }
            other => return Err(EncapsulationError::UnknownNlpid(other)),
        };
        Ok(Self {
            style: Style::Ietf,
            protocol,
            data,
        })
    }

    fn parse_cisco(information: &'f [u8]) -> Result<Self, EncapsulationError> {
        let (&octets, data) = information
            .split_first_chunk()
            .ok_or(ParseError::Truncated {
                what: "Frame Relay encapsulation",
                need: 2,
                have: information.len(),
            })?;
        let protocol = match u16::from_be_bytes(octets) {
            ethertype::IPV4 => Protocol::Ipv4,
            ethertype::IPV6 => Protocol::Ipv6,
            ethertype::ARP => Protocol::Arp,
            ethertype::BRIDGED_ETHERNET => Protocol::Ethernet,
            low if low < ethertype::LOWEST => {
                return Err(EncapsulationError::Format(ParseError::Invalid {
                    what: "Frame Relay control field",
                    value: u64::from(octets[0]),
                    expected: "03 (RFC 2427) or an ethertype (Cisco)",
                }));
            }
            other => return Err(EncapsulationError::UnknownEthertype(other)),
        };
        Ok(Self {
            style: Style::Cisco,
            protocol,
            data,
        })
    }
}

/// The octets before a payload: address and encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The address field.
    pub address: Address,
    /// How the payload is announced.
    pub style: Style,
    /// What the payload is. The sender of [`Protocol::EthernetWithFcs`] appends the FCS itself;
    /// the Cisco style has no form for it and announces an ordinary bridged frame.
    pub protocol: Protocol,
}

impl Repr {
    /// The longest header: address, control, pad, NLPID, OUI and PID.
    pub const MAX_LEN: usize = 10;

    const fn encapsulation(&self) -> &'static [u8] {
        match (self.style, self.protocol) {
            (Style::Ietf, Protocol::Ipv4) => &[CONTROL_UI, nlpid::IPV4],
            (Style::Ietf, Protocol::Ipv6) => &[CONTROL_UI, nlpid::IPV6],
            (Style::Ietf, Protocol::Arp) => &[CONTROL_UI, 0, nlpid::SNAP, 0, 0, 0, 0x08, 0x06],
            (Style::Ietf, Protocol::Ethernet) => {
                &[CONTROL_UI, 0, nlpid::SNAP, 0, 0x80, 0xc2, 0, 0x07]
            }
            (Style::Ietf, Protocol::EthernetWithFcs) => {
                &[CONTROL_UI, 0, nlpid::SNAP, 0, 0x80, 0xc2, 0, 0x01]
            }
            (Style::Cisco, Protocol::Ipv4) => &[0x08, 0x00],
            (Style::Cisco, Protocol::Ipv6) => &[0x86, 0xdd],
            (Style::Cisco, Protocol::Arp) => &[0x08, 0x06],
            (Style::Cisco, Protocol::Ethernet | Protocol::EthernetWithFcs) => &[0x65, 0x58],
        }
    }

    /// Octets of the header.
    pub const fn header_len(&self) -> usize {
        Address::LEN + self.encapsulation().len()
    }

    /// Writes the header; the number of octets written, `None` when the buffer is too short.
    pub fn emit(&self, buffer: &mut [u8]) -> Option<usize> {
        let encapsulation = self.encapsulation();
        let len = self.header_len();
        let (address, rest) = buffer.get_mut(..len)?.split_at_mut(Address::LEN);
        address.copy_from_slice(&self.address.to_octets());
        rest.copy_from_slice(encapsulation);
        Some(len)
    }
}

/// Fuzz entry: an address that parses is written back octet for octet; an encapsulation that parses
/// leaves its data a part of the frame and is parsed again the same after it was written anew.
pub fn fuzz_frame_relay(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else {
        return;
    };
    assert_eq!(octets.get(..2), Some(&frame.address.to_octets()[..]));
    assert!(frame.address.dlci <= Address::MAX_DLCI);
    let Ok(payload) = Payload::parse(frame.information) else {
        return;
    };
    let repr = Repr {
        address: frame.address,
        style: payload.style,
        protocol: payload.protocol,
    };
    let mut again = vec![0xa5; repr.header_len()];
    assert_eq!(repr.emit(&mut again), Some(repr.header_len()));
    again.extend_from_slice(payload.data);
    if payload.protocol == Protocol::EthernetWithFcs {
        again.extend_from_slice(&fcs::fcs32(payload.data).to_le_bytes());
    }
    let reparsed = Frame::parse(&again).map(|frame| (frame.address, frame.information.to_vec()));
    let Ok((address, information)) = reparsed else {
        unreachable!("a header just written is whole");
    };
    assert_eq!(address, frame.address);
    assert_eq!(Payload::parse(&information), Ok(payload));
}

#[cfg(test)]
mod tests;
