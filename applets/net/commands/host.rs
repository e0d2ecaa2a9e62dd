//! What commands need of the process and its devices.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use wanbox_net_engine::axip::Peers;
use wanbox_net_engine::{Encapsulation, InterfaceId, Sink, Station};

/// What an asynchronous line goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsyPort {
    /// A serial device: a path.
    Serial(String),
    /// A TCP connection through the host's stack.
    Tcp(SocketAddrV4),
}

/// What is around a datagram or frame on its way through the host's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// An IP datagram of this protocol.
    Ip(u8),
    /// A UDP datagram from and to this port.
    Udp(u16),
}

/// The device behind a new interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// `attach asy`: characters in a framing that the encapsulation names.
    Asy {
        /// What they go through.
        port: AsyPort,
        /// Slip, VjSlip, Ax25Ui, Ax25I, KissUi, KissI or Nrs.
        mode: Encapsulation,
        /// Bits a second.
        speed: u32,
        /// It is opened again by itself, with growing pauses.
        auto: bool,
    },
    /// `attach kissport`: a further port of the controller of another interface.
    KissPort {
        /// The interface with the line.
        line: InterfaceId,
        /// 1 to 15.
        port: u8,
    },
    /// `attach ni`: the host's network as a point-to-point link.
    Ni {
        /// The host's address on it.
        host: Ipv4Addr,
        /// What of the host's routes goes there.
        mask: u32,
    },
    /// `attach tun` and `ethertap`: a TUN or TAP interface whose host side is configured by somebody else.
    Tun {
        /// Ethernet frames instead of datagrams.
        ethernet: bool,
    },
    /// `attach ipip`.
    IpIp(Outer),
    /// `attach axip`.
    AxIp(Outer),
    /// `attach netrom`.
    NetRom,
    /// `attach kernel`: a packet socket at a device of the host.
    Kernel {
        /// Frames for others are taken too.
        promiscuous: bool,
    },
}

/// Parameters of devices (`param`), by their numbers in KISS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter(pub u8);

/// An asynchronous line as `asystat` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asy {
    /// It is open.
    pub up: bool,
    /// Bits a second.
    pub speed: u32,
    /// Reads and writes that moved something.
    pub interrupts: [u64; 2],
    /// Octets received and sent.
    pub octets: [u64; 2],
    /// The longest read since it was last shown.
    pub high_water: u64,
    /// Octets wait to be sent.
    pub busy: bool,
}

/// A line in NRS framing as `nrstat` shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nrs {
    /// Octets of a frame that is not complete yet.
    pub buffered: u64,
    /// Frames.
    pub received: u64,
    /// Frames whose sum was wrong.
    pub checksum_errors: u64,
}

/// The process around the station.
pub trait Host {
    /// Where packets leave.
    fn sink(&mut self) -> &mut dyn Sink;

    /// Opens a device and makes its interface. A device that cannot be opened now is there, and down.
    ///
    /// # Errors
    /// The name is taken, or there can be no such device; for people.
    fn attach(
        &mut self,
        now: Instant,
        station: &mut Station,
        name: &str,
        device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String>;

    /// Reads or sets a parameter of a device: its value then, `None` for one that the device does not have.
    ///
    /// # Errors
    /// The device has no parameters; or what the system says.
    fn parameter(
        &mut self,
        now: Instant,
        station: &mut Station,
        id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String>;

    /// Where stations are that interfaces of [`Device::AxIp`] reach.
    fn axip(&mut self) -> &mut Peers;

    /// Lets programs of the host share an interface: KISS over TCP.
    ///
    /// # Errors
    /// The interface carries no AX.25, or the address cannot be listened on; for people.
    fn start_kiss(
        &mut self,
        station: &Station,
        id: InterfaceId,
        local: SocketAddrV4,
    ) -> Result<(), String>;

    /// Ends that, with the connections: of an interface, or of all. `false`: there was nothing to end.
    fn stop_kiss(&mut self, id: Option<InterfaceId>) -> bool;

    /// Lets programs of the host use packet radio by AGWPE's protocol.
    ///
    /// # Errors
    /// It does already, or the address cannot be listened on; for people.
    fn start_agwpe(&mut self, local: SocketAddrV4) -> Result<(), String>;

    /// Ends that. `false`: there was nothing to end.
    fn stop_agwpe(&mut self) -> bool;

    /// An asynchronous line; its high-water mark begins anew.
    fn asy(&mut self, id: InterfaceId) -> Option<Asy>;

    /// A line in NRS framing.
    fn nrs(&self, id: InterfaceId) -> Option<Nrs> {
        let _ = id;
        None
    }

    /// Lines of a device for `ifconfig IF`: counters of compression and others. Empty for most.
    fn device_lines(&self, id: InterfaceId) -> String;

    /// What a device dropped, by name.
    fn device_counters(&self, id: InterfaceId) -> Vec<(&'static str, u64)> {
        let _ = id;
        Vec::new()
    }

    /// Where packets of an interface are shown from now on: on a console, or at the end of a file. A file whose
    /// name ends in `.pcap` gets the packets themselves.
    ///
    /// # Errors
    /// The file cannot be written; then nothing is changed.
    fn trace(&mut self, console: u32, id: InterfaceId, file: Option<&str>) -> io::Result<()>;

    /// A file's whole text.
    ///
    /// # Errors
    /// As the system says; or it is longer than a file of commands may be.
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;

    /// Opens a file to be read in pieces.
    ///
    /// # Errors
    /// As the system says.
    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read>>;

    /// Opens a file to be written at its end; it is made if it is not there.
    ///
    /// # Errors
    /// As the system says.
    fn append(&mut self, path: &str) -> io::Result<Box<dyn Write>>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the system says.
    fn delete(&mut self, path: &str) -> io::Result<()>;

    /// Renames a file.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Makes a directory.
    ///
    /// # Errors
    /// As the system says.
    fn make_directory(&mut self, path: &str) -> io::Result<()>;

    /// Removes a directory.
    ///
    /// # Errors
    /// As the system says.
    fn remove_directory(&mut self, path: &str) -> io::Result<()>;

    /// Runs a command of the host's shell, or a shell, for a console; what it prints and its end come later.
    ///
    /// # Errors
    /// As the system says.
    fn shell(&mut self, console: u32, command: &str) -> io::Result<()>;

    /// A line for the log file.
    fn log(&mut self, text: &str);

    /// Where the log goes from now on.
    ///
    /// # Errors
    /// As the system says.
    fn set_log(&mut self, path: Option<&str>) -> io::Result<()>;

    /// Where the log goes.
    fn log_path(&self) -> Option<&str>;

    /// How far local time is ahead of UTC at this Unix time, seconds.
    fn utc_offset(&self, _unix: i64) -> i32 {
        0
    }

    /// How long the process has been running.
    fn uptime(&self) -> Duration;

    /// Octets of memory that the process has: resident, and the heap's size and what of it is free.
    fn memory(&self) -> [u64; 3];

    /// The process ends after this turn.
    fn exit(&mut self);
}
