//! What a configuration says, typed and within its ranges.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wanbox_grammar::line::Line;

use super::asynchronous::AsyncConf;
use super::ip::IpConf;
use super::ppp::{PppChannel, PppConf};
use super::x25::{X25Channel, X25Conf};

/// One device: a line and the protocol on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConf {
    /// Its name, `wanpipe1` by custom. 1 to 15 octets.
    pub name: String,
    /// What the file says it is for.
    pub description: String,
    /// What it runs on. `None` only in a configuration with errors.
    pub line: Option<Line>,
    /// The card that the file was written for; nothing here drives it.
    pub card: Card,
    /// The connector. Reported, without further effect.
    pub connector: Connector,
    /// Who sets the rate.
    pub clocking: Clocking,
    /// The rate in bit/s. 64 to 1,000,000,000.
    pub baud_rate: u32,
    /// The longest packet, octets. 128 to 4098.
    pub mtu: u16,
    /// The UDP port of the monitors; 0: none.
    pub udp_port: u16,
    /// The only network that monitors may ask from through the line, with its prefix length.
    pub udp_source: Option<(Ipv4Addr, u8)>,
    /// The file with the key that their requests must be made with. Without one only requests
    /// that read are served.
    pub udp_key_file: Option<PathBuf>,
    /// The time to live of answers to the monitors. 1 to 255.
    pub ttl: u8,
    /// Monitoring only: the interfaces come up without addresses.
    pub backup: bool,
    /// The terminal that it has in the place of an interface.
    #[serde(default)]
    pub tty: Option<TtyConf>,
    /// The protocol and its link parameters.
    pub protocol: Protocol,
    /// The logical channels, in the order of the file.
    pub interfaces: Vec<InterfaceConf>,
}

impl DeviceConf {
    /// The interface of this name.
    pub fn interface(&self, name: &str) -> Option<&InterfaceConf> {
        self.interfaces.iter().find(|i| i.name == name)
    }

    /// The characters of the line, where it does not carry frames.
    pub fn asynchronous(&self) -> Option<&AsyncConf> {
        self.interfaces.first()?.asynchronous()
    }

    /// Interfaces that are to carry addresses but have no interface file.
    pub fn without_addresses(&self) -> impl Iterator<Item = &InterfaceConf> {
        self.interfaces
            .iter()
            .filter(|i| !self.backup && i.usage.has_addresses() && i.ip.is_none())
    }
}

/// The keys that name a hardware card, as written; empty where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `CARD_TYPE`: the family of adapters.
    pub card_type: String,
    /// `S514CPU`: A or B.
    pub cpu: String,
    /// `PCISLOT`.
    pub pci_slot: String,
    /// `PCIBUS`.
    pub pci_bus: String,
    /// `IOPORT` of an ISA card.
    pub io_port: String,
    /// `IRQ` of an ISA card.
    pub irq: String,
    /// `FIRMWARE`: the file that was to be loaded.
    pub firmware: String,
}

/// The connector of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connector {
    /// RS-232.
    Rs232,
    /// V.35.
    V35,
}

/// Who sets the rate of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clocking {
    /// The line does.
    External,
    /// This end does: frames are paced to the baud rate.
    Internal,
}

/// A terminal in the place of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtyConf {
    /// The number in its name, `/dev/ttyWP0`. 0 to 3.
    pub minor: u8,
    /// What passes.
    pub mode: TtyMode,
}

/// What passes a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtyMode {
    /// Frames: those of the line, octet-stuffed on the terminal.
    Sync,
    /// Characters, on the line as well.
    Async,
}

impl TtyMode {
    /// Its word in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sync => "SYNC",
            Self::Async => "ASYNC",
        }
    }
}

/// The protocol of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Frame Relay: `WAN_FR`, `WAN_MFR`.
    FrameRelay(FrameRelayConf),
    /// Cisco HDLC: `WAN_CHDLC`.
    CiscoHdlc,
    /// PPP: `WAN_PPP`, `WAN_MULTPPP`, `WAN_MULTPROT`.
    Ppp(Box<PppConf>),
    /// X.25: `WAN_X25`.
    X25(Box<X25Conf>),
}

impl Protocol {
    /// Its link type in a file.
    pub fn link_type(&self) -> &'static str {
        match self {
            Self::FrameRelay(_) => "WAN_FR",
            Self::CiscoHdlc => "WAN_CHDLC",
            Self::Ppp(ppp) if ppp.multi_port => "WAN_MULTPPP",
            Self::Ppp(_) => "WAN_PPP",
            Self::X25(_) => "WAN_X25",
        }
    }

    /// Its word in the status texts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::FrameRelay(_) => "FR",
            Self::CiscoHdlc => "CHDLC",
            Self::Ppp(ppp) if ppp.multi_port => "S51X",
            Self::Ppp(_) => "PPP",
            Self::X25(_) => "X25",
        }
    }
}

/// The link parameters of Frame Relay (T1.617 Annex D, Q.933 Annex A).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRelayConf {
    /// Which side of the interface this is.
    pub station: Station,
    /// The dialect of the local management.
    pub signalling: Signalling,
    /// The user side's polling interval. 5 to 30 s.
    pub t391: Duration,
    /// The network side's polling verification time. 5 to 30 s.
    pub t392: Duration,
    /// Polls from one full status to the next. 1 to 255.
    pub n391: u8,
    /// Errors that take the link down. 1 to 10, at most N393.
    pub n392: u8,
    /// The events those are counted in. 1 to 10.
    pub n393: u8,
    /// Ask for the full status as soon as the link starts.
    pub full_status_at_start: bool,
    /// DLCIs that a node promises; 0: as many as there are interfaces.
    pub number_of_dlci: u16,
}

/// Which side of the interface a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Station {
    /// The user side.
    Cpe,
    /// The network side.
    Node,
}

/// The dialect of the local management interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalling {
    /// None: the channels are up with the line.
    None,
    /// T1.617 Annex D.
    Ansi,
    /// Q.933 Annex A.
    Q933,
    /// The "gang of four".
    Lmi,
    /// Whatever the other side speaks.
    Auto,
}

/// One logical channel and its network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceConf {
    /// The name of the network interface. 1 to 15 octets.
    pub name: String,
    /// What the file says it is for.
    pub description: String,
    /// What it is used for.
    pub usage: Usage,
    /// What the protocol needs to know of it.
    pub channel: Channel,
    /// Accept packets from multicast source addresses.
    pub multicast: bool,
    /// The interface goes down and up with its channel.
    pub dynamic: bool,
    /// Set the default route again when the channel comes back.
    pub restore_gateway: bool,
    /// Its addresses, out of its interface file; `None` without one.
    pub ip: Option<IpConf>,
}

impl InterfaceConf {
    /// The characters that it carries, where it does not carry frames.
    pub fn asynchronous(&self) -> Option<&AsyncConf> {
        match &self.channel {
            Channel::CiscoHdlc(channel) => channel.asynchronous.as_ref(),
            Channel::FrameRelay(_) | Channel::Ppp(_) | Channel::X25(_) => None,
        }
    }

    /// Its address comes from the peer (SLARP, IPCP).
    pub fn learns_address(&self) -> bool {
        match &self.channel {
            Channel::FrameRelay(_) | Channel::X25(_) => false,
            Channel::CiscoHdlc(channel) => !channel.slarp.is_zero(),
            Channel::Ppp(channel) => channel.learns_address,
        }
    }
}

/// What an interface is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Routed IP.
    Wanpipe,
    /// Ethernet frames, for a bridge of this machine.
    Bridge,
    /// Ethernet frames, this machine being a host of the bridged network.
    BridgeNode,
    /// Raw frames for an application, over a local socket: no network interface.
    Api,
}

impl Usage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wanpipe, Self::Bridge, Self::BridgeNode, Self::Api];

    /// What it is, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Wanpipe => "routed IP",
            Self::Bridge => "Ethernet frames for a bridge of this machine",
            Self::BridgeNode => "Ethernet frames, a host of the bridged network",
            Self::Api => "raw frames for an application, over a local socket",
        }
    }

    /// Its word in a file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wanpipe => "WANPIPE",
            Self::Bridge => "BRIDGE",
            Self::BridgeNode => "BRIDGE_NODE",
            Self::Api => "API",
        }
    }

    /// Whether it carries Ethernet frames: its interface is a TAP.
    pub fn is_bridged(self) -> bool {
        matches!(self, Self::Bridge | Self::BridgeNode)
    }

    /// Whether its interface has addresses of its own.
    pub fn has_addresses(self) -> bool {
        matches!(self, Self::Wanpipe | Self::BridgeNode)
    }
}

/// What the protocol needs to know of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A Frame Relay channel.
    FrameRelay(FrameRelayChannel),
    /// The one channel of a Cisco HDLC link.
    CiscoHdlc(CiscoHdlcChannel),
    /// The one channel of a PPP link.
    Ppp(PppChannel),
    /// A circuit of an X.25 link.
    X25(Box<X25Channel>),
}

/// A Frame Relay channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRelayChannel {
    /// Its DLCI, 16 to 991; `None`: the first one that the switch reports.
    pub dlci: Option<u16>,
    /// The committed rate; `None`: as fast as the line.
    pub committed: Option<CommittedRate>,
    /// Send inverse ARP requests.
    pub inarp: bool,
    /// How often, until one is answered.
    pub inarp_interval: Duration,
    /// Answer inverse ARP requests.
    pub inarp_rx: bool,
    /// How packets are wrapped.
    pub encapsulation: Encapsulation,
    /// The bridge that the interface joins.
    pub bridge: Option<String>,
}

/// The committed rate of a channel (I.370).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedRate {
    /// CIR, bit/s.
    pub cir: u64,
    /// Bc, bits.
    pub bc: u64,
    /// Be, bits: what may be sent beyond Bc, marked as discard eligible.
    pub be: u64,
}

/// How packets are wrapped in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encapsulation {
    /// RFC 2427.
    Ietf,
    /// An Ethernet type after the address, as Cisco's default.
    Cisco,
}

/// The channel of a Cisco HDLC link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiscoHdlcChannel {
    /// The link does not depend on DCD.
    pub ignore_dcd: bool,
    /// The link does not depend on CTS.
    pub ignore_cts: bool,
    /// The link does not depend on keepalives.
    pub ignore_keepalive: bool,
    /// Raw HDLC: no Cisco header, no keepalives; the three above are then true.
    pub streaming: bool,
    /// Characters in the place of frames. The channel then counts as streaming, and is up with
    /// the carrier.
    #[serde(default)]
    pub asynchronous: Option<AsyncConf>,
    /// How often keepalives are sent; zero: never. At most 60 s.
    pub keepalive_tx: Duration,
    /// How often they are expected. 10 ms to 60 s.
    pub keepalive_rx: Duration,
    /// How many may be missed in a row. 1 to 20.
    pub keepalive_margin: u8,
    /// How often our address is asked for by SLARP; zero: it is configured. At most 60 s.
    pub slarp: Duration,
}
