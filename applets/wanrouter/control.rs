//! Requests and replies between the commands and the link daemon.
//!
//! One JSON object a line each way, over the daemon's Unix socket
//! ([`socket`]). The keys are stable: scripts may speak it too.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::conf::{DeviceConf, InterfaceConf};

/// Where a device's daemon listens, below the run directory.
pub fn socket(run_dir: &Path, device: &str) -> PathBuf {
    run_dir.join(format!("{device}.sock"))
}

/// Where a device's daemon keeps its process id and lock, below the run directory.
pub fn pid_file(run_dir: &Path, device: &str) -> PathBuf {
    run_dir.join(format!("{device}.pid"))
}

/// Where the management protocol of an interface is served to this host, below the run directory.
pub fn monitor_socket(run_dir: &Path, interface: &str) -> PathBuf {
    run_dir.join("monitor").join(format!("{interface}.sock"))
}

/// Where an application talks to an interface used as API, below the run directory.
pub fn api_socket(run_dir: &Path, interface: &str) -> PathBuf {
    run_dir.join("api").join(interface)
}

/// What can be asked of a link daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// The state of the device and its interfaces. Answer: [`Reply::Status`].
    Status,
    /// Every counter of the device. Answer: [`Reply::Counters`].
    Counters,
    /// Clears the counters.
    FlushCounters,
    /// Creates one interface more. The others are not disturbed.
    AddInterface {
        /// The interface.
        interface: Box<InterfaceConf>,
    },
    /// Takes one interface away. The others are not disturbed.
    RemoveInterface {
        /// Its name.
        name: String,
    },
    /// Brings the running device to this configuration. What did not change is not disturbed; what
    /// cannot be changed on a running link is refused as a whole, with the keys' names.
    Reconfigure {
        /// The whole new configuration.
        device: Box<DeviceConf>,
    },
    /// Unplugs (`true`) or plugs in (`false`) the line: the carrier goes and comes.
    Cut {
        /// Unplugged.
        cut: bool,
    },
    /// Starts a capture of the line, or ends it.
    Capture {
        /// The file; `None` ends the capture.
        file: Option<PathBuf>,
    },
    /// The newest lines of the daemon's log. Answer: [`Reply::Log`].
    Log,
    /// Ends the daemon.
    Stop,
}

/// Counters: group, then name, then value.
pub type Counters = BTreeMap<String, BTreeMap<String, u64>>;

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done. What changed, one line each, for people.
    Done {
        /// Lines to show; may be empty.
        changes: Vec<String>,
    },
    /// Not done. Where something was changed all the same (one of several interfaces could not be
    /// made), the error says so.
    Failed {
        /// What was wrong, where, and what would be right.
        error: String,
    },
    /// The state of the device.
    Status(Box<DeviceStatus>),
    /// Every counter.
    Counters(Counters),
    /// Log lines, oldest first.
    Log {
        /// The lines.
        lines: Vec<String>,
    },
}

/// The state of a link, in the words of the old `status` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// No configuration.
    Unconfigured,
    /// The protocol is down.
    Disconnected,
    /// The line is there, the protocol not yet up.
    Connecting,
    /// The protocol is up.
    Connected,
}

impl LinkState {
    /// The word of the `status` file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unconfigured => "unconfigured",
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
        }
    }
}

/// The state of one device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its name, `wanpipe1`.
    pub device: String,
    /// The daemon's process id.
    pub pid: u32,
    /// The configuration file it was started with, if any.
    pub file: Option<PathBuf>,
    /// `FR` or `CHDLC`.
    pub protocol: String,
    /// `CPE`, `Node` or `N/A`.
    pub station: String,
    /// The line as configured, `cable:demo`.
    pub line: String,
    /// The line has its carrier.
    pub carrier: bool,
    /// The line is unplugged by command.
    pub cut: bool,
    /// The modem lines, where the line is a serial port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modem: Option<ModemStatus>,
    /// `V.35` or `RS-232`.
    pub electrical: String,
    /// `internal` or `external`.
    pub clocking: String,
    /// Bits a second; 0 when unpaced.
    pub baud_rate: u32,
    /// Octets.
    pub mtu: u32,
    /// The state of the link.
    pub state: LinkState,
    /// Why it is not connected, for people.
    pub reason: Option<String>,
    /// Since when it is in this state, seconds.
    pub state_seconds: u64,
    /// Since when the daemon runs, seconds.
    pub uptime_seconds: u64,
    /// How often the link came up.
    pub link_ups: u64,
    /// The signalling dialect in use, for Frame Relay.
    pub signalling: Option<String>,
    /// PPP's own, for a PPP link.
    pub ppp: Option<PppStatus>,
    /// LAPB's and the packet layer's, for an X.25 link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x25: Option<X25Status>,
    /// Its terminal, where it has one in the place of interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<TtyStatus>,
    /// The characters of its line, where that carries no frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters: Option<AsyncStatus>,
    /// The UDP port of the management protocol, 0 when off.
    pub udp_port: u16,
    /// A running capture.
    pub capture: Option<PathBuf>,
    /// The interfaces, in configuration order.
    pub interfaces: Vec<InterfaceStatus>,
    /// The classic 17 counters of the device's text file.
    pub traffic: Traffic,
}

/// The state of an X.25 link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Status {
    /// The phase of LAPB; absent without.
    pub lapb: Option<String>,
    /// The state of the packet layer (X.25 annex B), `r1` when it is ready; absent without.
    pub packet_layer: Option<String>,
    /// Circuits, permanent ones included, of interfaces and applications.
    pub circuits: usize,
    /// What is at the X.25 socket; absent without packet layer.
    #[serde(default)]
    pub applications: Option<X25Applications>,
}

/// Applications at the X.25 socket of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Applications {
    /// Connections, those to other devices included.
    pub connections: usize,
    /// Of these, those that listen for calls.
    pub listeners: usize,
    /// Circuits of applications, those that end included.
    pub circuits: usize,
    /// Incoming calls that wait to be accepted.
    pub calls: usize,
}

/// The circuit of an X.25 interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitStatus {
    /// `SVC`, `PVC`, or `LAPB` without packet layer.
    pub kind: String,
    /// The logical channel, while there is one.
    pub channel: Option<u16>,
    /// `idle`, `calling` or `connected`.
    pub state: String,
    /// The address that is called, or that called.
    pub remote: Option<String>,
    /// For how long no call is placed, because one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u64>,
}

/// The state of a PPP link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PppStatus {
    /// The phase (RFC 1661 section 3.2): dead, establish, authenticate, network, terminate.
    pub phase: String,
    /// The state of LCP.
    pub lcp: String,
    /// The state of IPCP.
    pub ipcp: String,
    /// The state of IPV6CP.
    pub ipv6cp: String,
    /// Why the link went down last.
    pub last_cause: Option<String>,
    /// What we may rely on: our options that the peer acknowledged.
    pub local: Negotiated,
    /// What the peer may rely on.
    pub peer: Negotiated,
    /// Our IPv4 address, once agreed on.
    pub local_address: Option<Ipv4Addr>,
    /// The peer's.
    pub peer_address: Option<Ipv4Addr>,
    /// TCP/IP headers are compressed, one way at least.
    pub van_jacobson: bool,
    /// Name servers that the peer told.
    pub name_servers: Vec<Ipv4Addr>,
    /// The name that the peer proved.
    pub peer_name: Option<String>,
    /// How the peer has to prove itself, and how far it is.
    pub demanded: Option<String>,
    /// How we have to, and how far we are.
    pub given: Option<String>,
    /// The bundle, for a device that is part of one.
    pub bundle: Option<BundleStatus>,
    /// Our link-local address, once agreed on.
    pub local_link_local: Option<Ipv6Addr>,
    /// The peer's.
    pub peer_link_local: Option<Ipv6Addr>,
}

/// A bundle of devices (PPP multilink).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleStatus {
    /// The first device, when this one is a member.
    pub first: Option<String>,
    /// This device's link is in the bundle.
    pub joined: bool,
    /// Why not, when more is known than the state of the link.
    pub reason: Option<String>,
    /// Links in the bundle, as its first device counts them.
    pub links: usize,
    /// The other devices, as the first sees them.
    pub members: Vec<MemberStatus>,
}

/// A member of a bundle, as the first device sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Its device; empty until its link came up once.
    pub device: String,
    /// Its link is in the bundle.
    pub joined: bool,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Its bit rate, bit/s.
    pub rate: u64,
    /// Fragments sent over it.
    pub tx_fragments: u64,
    /// Octets of packets in them.
    pub tx_octets: u64,
    /// Fragments received over it.
    pub rx_fragments: u64,
    /// Octets of packets in them.
    pub rx_octets: u64,
}

/// Options of one side that the other acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Negotiated {
    /// The longest information field that it takes, octets.
    pub mru: u16,
    /// The control characters that it wants escaped.
    pub accm: u32,
    /// Its magic number; 0: none.
    pub magic: u32,
    /// It takes compressed protocol fields.
    pub pfc: bool,
    /// It takes frames without address and control.
    pub acfc: bool,
    /// The longest packet that it puts together, octets; absent without multilink.
    pub mrru: Option<u16>,
    /// It wants short multilink sequence numbers.
    pub short_sequence: bool,
    /// How it wants the other side to prove itself.
    pub authentication: Option<String>,
}

/// The terminal of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtyStatus {
    /// `TTY`.
    pub usage: String,
    /// `SYNC` or `ASYNC`.
    pub mode: String,
    /// Where programs open it.
    pub terminal: PathBuf,
    /// A program has it open.
    pub open: bool,
}

/// The characters of an asynchronous line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncStatus {
    /// Bits, parity and stop bits: `8N1`.
    pub format: String,
    /// The handshakes in use, by their keys.
    pub handshakes: Vec<String>,
    /// Characters of a received piece.
    pub piece_length: u16,
    /// Silence that ends one, milliseconds; 0: none does.
    pub inter_char_ms: u32,
    /// How long a break is that is sent, milliseconds; 0: none is.
    pub break_ms: u32,
}

/// The modem lines of a serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModemStatus {
    /// Data carrier detect.
    pub dcd: bool,
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Ring indicator.
    pub ri: bool,
}

/// The state of one interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Its name, `wp1_fr16`.
    pub name: String,
    /// The DLCI, for Frame Relay (0 while an automatic one is not known).
    pub dlci: Option<u16>,
    /// The circuit, for X.25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit: Option<CircuitStatus>,
    /// The usage mode, `WANPIPE`.
    pub usage: String,
    /// The channel carries data.
    pub connected: bool,
    /// The kernel interface is administratively up.
    pub up: bool,
    /// Its IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// Its point-to-point peer, as configured or learned.
    pub peer: Option<Ipv4Addr>,
    /// The MTU, octets.
    pub mtu: u32,
    /// Octets and packets through it.
    pub traffic: Traffic,
    /// Its socket, when it is used as API.
    pub api: Option<ApiStatus>,
}

/// The socket of an interface used as API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiStatus {
    /// Where it is.
    pub socket: PathBuf,
    /// The process id of the application that has the interface.
    pub process: Option<u32>,
    /// Octets of messages that wait until it reads them.
    pub waiting_octets: u64,
}

/// What went through a device or an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Octets received.
    pub rx_octets: u64,
    /// Octets sent.
    pub tx_octets: u64,
    /// Bad frames received.
    pub rx_errors: u64,
    /// Frames that the line did not take.
    pub tx_errors: u64,
    /// Received frames dropped.
    pub rx_dropped: u64,
    /// Frames to send dropped.
    pub tx_dropped: u64,
    /// Multicast packets received.
    pub multicast: u64,
    /// Frames of a wrong length received.
    pub rx_length_errors: u64,
    /// Frames of a wrong format received.
    pub rx_frame_errors: u64,
}
