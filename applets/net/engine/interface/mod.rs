//! Interfaces: their names, addresses, limits and counters. The two built-in ones are always there,
//! `loopback` for datagrams to ourselves and `encap` for IP in IP.

mod encapsulation;
mod link;

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::prefixes::NumberMap;
use wanbox_net_ax25::Port;

pub use encapsulation::Encapsulation;
pub use link::{Hardware, LinkAddress};

/// The smallest MTU: a header and eight octets, so that every datagram can be cut.
pub const LEAST_MTU: u16 = 28;
/// The most interfaces of a station.
const MOST_INTERFACES: usize = 1024;
/// The longest name, octets.
const LONGEST_NAME: usize = 32;

/// The number of an interface, which it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceId(u16);

impl InterfaceId {
    /// Where datagrams to ourselves go.
    pub const LOOPBACK: Self = Self(0);
    /// Where datagrams go that are put in datagrams.
    pub const ENCAP: Self = Self(1);

    /// The number, for tables that are indexed by it: small and dense.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.into()
    }

    /// The interface as a line of AX.25.
    #[must_use]
    pub const fn port(self) -> Port {
        Port(self.0)
    }

    /// The interface of a line of AX.25.
    #[must_use]
    pub const fn of_port(port: Port) -> Self {
        Self(port.0)
    }
}

/// Checksums of frames on lines that know several kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crc {
    /// None.
    #[default]
    Off,
    /// Trying whether the far end takes CRC-16 (SMACK).
    Test16,
    /// Trying whether the far end takes that of RMNC.
    TestRmnc,
    /// CRC-16 (SMACK).
    Crc16,
    /// That of RMNC.
    Rmnc,
    /// That of CCITT.
    Ccitt,
}

impl Crc {
    /// Its text in the listing.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Off => "crc off",
            Self::Test16 => "crc-16 test",
            Self::TestRmnc => "crc-rmnc test",
            Self::Crc16 => "crc-16 enabled",
            Self::Rmnc => "crc-rmnc enabled",
            Self::Ccitt => "crc-ccitt enabled",
        }
    }
}

/// Packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Datagrams.
    pub ip: u64,
    /// All packets.
    pub total: u64,
    /// When the last one passed.
    pub last: Option<Instant>,
}

impl Direction {
    /// One more packet; `ip`: it is a datagram.
    pub fn count(&mut self, now: Instant, ip: bool) {
        self.total += 1;
        self.ip += u64::from(ip);
        self.last = Some(now);
    }
}

/// What an interface did and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Given to the line.
    pub sent: Direction,
    /// From the line.
    pub received: Direction,
    /// Not sent: the queue has `txqlen` packets.
    pub queue_full: u64,
    /// Not sent: the line is down.
    pub down: u64,
    /// Frames with a wrong checksum.
    pub crc_errors: u64,
    /// Frames with a malformed AX.25 header.
    pub bad_headers: u64,
}

/// What is shown of packets: the bits of `trace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceFlags(pub u16);

impl TraceFlags {
    /// What is sent.
    pub const OUTPUT: u16 = 0x0001;
    /// What is received.
    pub const INPUT: u16 = 0x0010;
    /// Data as text.
    pub const ASCII: u16 = 0x0100;
    /// Everything in hexadecimal.
    pub const HEX: u16 = 0x0200;
    /// Nothing that is for everybody.
    pub const NO_BROADCAST: u16 = 0x1000;
    /// Octets without interpretation.
    pub const RAW: u16 = 0x2000;

    /// All bits of `flags` are set.
    #[must_use]
    pub const fn has(self, flags: u16) -> bool {
        self.0 & flags == flags
    }

    /// Applies a word of the command (`input`, `-hex`, `off`, ...), which may be cut. `false`: there is none.
    pub fn apply(&mut self, word: &str) -> bool {
        // Words in the order of look-up, with the bits they set and clear.
        const WORDS: [(&str, u16, u16); 13] = [
            ("input", TraceFlags::INPUT, 0),
            ("-input", 0, TraceFlags::INPUT),
            ("output", TraceFlags::OUTPUT, 0),
            ("-output", 0, TraceFlags::OUTPUT),
            ("broadcast", 0, TraceFlags::NO_BROADCAST),
            ("-broadcast", TraceFlags::NO_BROADCAST, 0),
            ("raw", TraceFlags::RAW, 0),
            ("-raw", 0, TraceFlags::RAW),
            ("ascii", TraceFlags::ASCII, TraceFlags::HEX),
            ("-ascii", 0, TraceFlags::ASCII | TraceFlags::HEX),
            ("hex", TraceFlags::HEX, TraceFlags::ASCII),
            ("-hex", TraceFlags::ASCII, TraceFlags::HEX),
            ("off", 0, u16::MAX),
        ];
        let found = WORDS
            .iter()
            .find(|(name, ..)| !word.is_empty() && name.starts_with(word));
        if let Some((_, set, clear)) = found {
            self.0 = self.0 & !clear | set;
        }
        found.is_some()
    }
}

/// An interface.
#[derive(Clone, Debug)]
pub struct Interface {
    name: String,
    address: Ipv4Addr,
    broadcast: Ipv4Addr,
    netmask: u32,
    mtu: u16,
    link_address: Option<LinkAddress>,
    forward: Option<InterfaceId>,
    /// How datagrams are wrapped.
    pub encapsulation: Encapsulation,
    /// Packets that may wait for the line; 0: any number.
    pub txqlen: u32,
    /// Senders heard here get routes.
    pub autoroute: bool,
    /// Checksums of frames.
    pub crc: Crc,
    /// What is shown of packets.
    pub trace: TraceFlags,
    /// The line works.
    pub up: bool,
    /// The line takes super-packets and unfinished checksums, as a TUN with virtio headers does.
    pub offload: bool,
    /// Super-packets and unfinished checksums are given to a line that takes them.
    pub uses_offload: bool,
    /// What passed and what was dropped.
    pub counters: Counters,
}

impl Interface {
    /// An interface that is up, has no address yet and learns routes.
    #[must_use]
    pub fn new(name: &str, encapsulation: Encapsulation, mtu: u16) -> Self {
        Self {
            name: name.to_owned(),
            address: Ipv4Addr::UNSPECIFIED,
            broadcast: Ipv4Addr::BROADCAST,
            netmask: u32::MAX,
            mtu: mtu.max(LEAST_MTU),
            link_address: None,
            forward: None,
            encapsulation,
            txqlen: 0,
            autoroute: true,
            crc: Crc::Off,
            trace: TraceFlags::default(),
            up: true,
            offload: false,
            uses_offload: true,
            counters: Counters::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its IP address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The address of everybody on its network.
    #[must_use]
    pub fn broadcast(&self) -> Ipv4Addr {
        self.broadcast
    }

    /// Which bits of its address are its network's.
    #[must_use]
    pub fn netmask(&self) -> u32 {
        self.netmask
    }

    /// The longest datagram, octets.
    #[must_use]
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Its address on the link.
    #[must_use]
    pub fn link_address(&self) -> Option<LinkAddress> {
        self.link_address
    }

    /// The interface whose line is used for output.
    #[must_use]
    pub fn forward(&self) -> Option<InterfaceId> {
        self.forward
    }
}

/// Why an interface does not take a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceError {
    /// Another one has the name.
    Exists(String),
    /// There is none of this name.
    Unknown(String),
    /// The name is empty, too long, or could not be typed.
    BadName(String),
    /// There are as many as there can be.
    TooMany,
    /// An MTU below 28 or above 65535 octets.
    Mtu(u32),
    /// Its encapsulation has no link addresses, or other ones.
    NoLinkAddress,
    /// The name of an encapsulation that is none.
    Encapsulation(String),
}

impl fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(name) => write!(f, "Interface {name} already exists"),
            Self::Unknown(name) => write!(f, "Interface \"{name}\" unknown"),
            Self::BadName(name) => write!(
                f,
                "Interface name \"{name}\": 1 to {LONGEST_NAME} printable characters without blanks are expected"
            ),
            Self::TooMany => write!(f, "Too many interfaces ({MOST_INTERFACES})"),
            Self::Mtu(mtu) => write!(f, "MTU {mtu}: must be {LEAST_MTU}..65535"),
            Self::NoLinkAddress => write!(f, "Can't set link address"),
            Self::Encapsulation(name) => write!(f, "Encapsulation mode '{name}' unknown"),
        }
    }
}

impl std::error::Error for InterfaceError {}

/// All interfaces of a station.
#[derive(Clone, Debug)]
pub struct Interfaces {
    /// The built-in ones first, then in the order in which they were attached.
    all: Vec<Interface>,
    /// How many interfaces have each address: what is ours.
    own: NumberMap<u32, u32>,
    /// `ip address`: the address of interfaces that are attached from now on.
    pub default_address: Ipv4Addr,
    /// `ax25 mycall`: the call sign of interfaces that are attached from now on.
    pub default_call: Option<LinkAddress>,
    /// Changes of what AX.25 knows of interfaces.
    changes: u64,
}

impl Default for Interfaces {
    fn default() -> Self {
        let mut interfaces = Self {
            all: Vec::new(),
            own: NumberMap::default(),
            default_address: Ipv4Addr::UNSPECIFIED,
            default_call: None,
            changes: 0,
        };
        for (name, address) in [
            ("loopback", Ipv4Addr::LOCALHOST),
            ("encap", Ipv4Addr::UNSPECIFIED),
        ] {
            let mut built_in = Interface::new(name, Encapsulation::None, u16::MAX);
            built_in.autoroute = false;
            interfaces.all.push(built_in);
            let id = InterfaceId(interfaces.all.len() as u16 - 1);
            interfaces.set_address(id, address);
        }
        interfaces
    }
}

impl Interfaces {
    /// Adds an interface; it gets the default address and, on links that have such, the default call sign.
    ///
    /// # Errors
    /// The name is taken or no name, or there are too many.
    pub fn attach(&mut self, mut interface: Interface) -> Result<InterfaceId, InterfaceError> {
        let name = interface.name();
        if self.by_name(name).is_some() {
            return Err(InterfaceError::Exists(name.to_owned()));
        }
        if name.is_empty()
            || name.len() > LONGEST_NAME
            || !name.bytes().all(|octet| octet.is_ascii_graphic())
        {
            return Err(InterfaceError::BadName(name.to_owned()));
        }
        if self.all.len() >= MOST_INTERFACES {
            return Err(InterfaceError::TooMany);
        }
        let id = InterfaceId(self.all.len() as u16);
        let hardware = interface.encapsulation.hardware();
        if matches!(hardware, Some(Hardware::Ax25 | Hardware::NetRom)) {
            interface.link_address = interface.link_address.or(self.default_call);
        }
        self.changes += 1;
        self.all.push(interface);
        self.set_address(id, self.default_address);
        Ok(id)
    }

    /// The interface of this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<InterfaceId> {
        let at = self
            .all
            .iter()
            .position(|interface| interface.name == name)?;
        Some(InterfaceId(at as u16))
    }

    /// The interface of this name, or the error to show.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, name: &str) -> Result<InterfaceId, InterfaceError> {
        self.by_name(name)
            .ok_or_else(|| InterfaceError::Unknown(name.to_owned()))
    }

    /// An interface.
    #[must_use]
    pub fn get(&self, id: InterfaceId) -> Option<&Interface> {
        self.all.get(id.index())
    }

    /// An interface, to be changed.
    pub fn get_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.all.get_mut(id.index())
    }

    /// All of them: the newest first, then `loopback` and `encap`.
    pub fn iter(&self) -> impl Iterator<Item = (InterfaceId, &Interface)> {
        let numbered = || {
            self.all
                .iter()
                .enumerate()
                .map(|(at, interface)| (InterfaceId(at as u16), interface))
        };
        numbered().skip(2).rev().chain(numbered().take(2))
    }

    /// The newest attached interface, or `loopback`.
    #[must_use]
    pub fn newest(&self) -> InterfaceId {
        match self.all.len() {
            0..=2 => InterfaceId::LOOPBACK,
            len => InterfaceId(len as u16 - 1),
        }
    }

    /// The interface whose line carries what an interface sends.
    #[must_use]
    pub fn line(&self, id: InterfaceId) -> InterfaceId {
        self.get(id)
            .and_then(|interface| interface.forward)
            .unwrap_or(id)
    }

    /// Whether an address is one of ours, 0.0.0.0 included.
    #[must_use]
    pub fn is_own(&self, address: Ipv4Addr) -> bool {
        address.is_unspecified() || self.own.contains_key(&address.to_bits())
    }

    /// How often something changed that AX.25 knows of interfaces.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Sets an interface's IP address.
    pub fn set_address(&mut self, id: InterfaceId, address: Ipv4Addr) {
        let Some(interface) = self.all.get_mut(id.index()) else {
            return;
        };
        let old = std::mem::replace(&mut interface.address, address).to_bits();
        if let Some(count) = self.own.get_mut(&old) {
            *count -= 1;
            if *count == 0 {
                self.own.remove(&old);
            }
        }
        *self.own.entry(address.to_bits()).or_default() += 1;
    }

    /// Sets the netmask; the route to the network is the caller's (`Station::set_netmask`).
    pub(crate) fn set_netmask(&mut self, id: InterfaceId, netmask: u32) {
        if let Some(interface) = self.get_mut(id) {
            interface.netmask = netmask;
        }
    }

    /// Sets the broadcast address; the route to it is the caller's (`Station::set_broadcast`).
    pub(crate) fn set_broadcast(&mut self, id: InterfaceId, broadcast: Ipv4Addr) {
        if let Some(interface) = self.get_mut(id) {
            interface.broadcast = broadcast;
        }
    }

    /// Sets the MTU.
    ///
    /// # Errors
    /// It is not within 28 to 65535 octets.
    pub fn set_mtu(&mut self, id: InterfaceId, mtu: u32) -> Result<(), InterfaceError> {
        let fits = u16::try_from(mtu).ok().filter(|mtu| *mtu >= LEAST_MTU);
        let fits = fits.ok_or(InterfaceError::Mtu(mtu))?;
        if let Some(interface) = self.get_mut(id) {
            interface.mtu = fits;
        }
        Ok(())
    }

    /// Sets the encapsulation, whose name may be cut. A link address of another kind is forgotten.
    ///
    /// # Errors
    /// There is no such encapsulation.
    pub fn set_encapsulation(&mut self, id: InterfaceId, word: &str) -> Result<(), InterfaceError> {
        let unknown = || InterfaceError::Encapsulation(word.to_owned());
        let encapsulation = Encapsulation::parse(word).ok_or_else(unknown)?;
        if let Some(interface) = self.get_mut(id) {
            if interface.encapsulation.hardware() != encapsulation.hardware() {
                interface.link_address = None;
            }
            interface.encapsulation = encapsulation;
            self.changes += 1;
        }
        Ok(())
    }

    /// Sets the address on the link.
    ///
    /// # Errors
    /// The encapsulation has none, or it is not of its kind.
    pub fn set_link_address(&mut self, id: InterfaceId, word: &str) -> Result<(), InterfaceError> {
        let interface = self.get_mut(id).ok_or(InterfaceError::NoLinkAddress)?;
        let hardware = interface
            .encapsulation
            .hardware()
            .ok_or(InterfaceError::NoLinkAddress)?;
        let address = LinkAddress::parse(hardware, word).ok_or(InterfaceError::NoLinkAddress)?;
        interface.link_address = Some(address);
        self.changes += 1;
        Ok(())
    }

    /// Uses the line of another interface for output; itself, or an unknown one, ends that.
    pub fn set_forward(&mut self, id: InterfaceId, name: &str) {
        let to = self.by_name(name).filter(|to| *to != id);
        if let Some(interface) = self.get_mut(id) {
            interface.forward = to;
            self.changes += 1;
        }
    }

    /// Applies a word of `trace`: flags in hexadecimal, or a name that may be cut. `false`: it is neither.
    pub fn set_trace(&mut self, id: InterfaceId, word: &str) -> bool {
        let Some(interface) = self.get_mut(id) else {
            return false;
        };
        let hex = word.strip_prefix("0x").unwrap_or(word);
        match u16::from_str_radix(hex, 16) {
            Ok(flags) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                interface.trace = TraceFlags(flags);
                true
            }
            _ => interface.trace.apply(word),
        }
    }
}

#[cfg(test)]
mod tests;
