//! The line of an interface: its device, and whether that is open.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use wanbox_net_commands::{AsyPort, Device};
use wanbox_net_engine::interface::{Crc, Hardware};
use wanbox_net_engine::trace::{self, Link, Way};
use wanbox_net_engine::{
    Encapsulation, Frame, FrameKind, Interface, InterfaceId, LinkAddress, Station,
};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::netlink::Netlink;
use wanbox_runtime::packet::{self, PacketSocket};
use wanbox_runtime::stream::{Stream, StreamEvent};
use wanbox_wire::kiss::Check;

use super::asy::{self, AsyLine};
use super::drops::{self, Drop, Drops};
use super::outer::Socket;
use super::pending::{Pending, Tag};
use super::trace::Traces;
use super::tun;

/// The first pause before a line is opened again, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The MTU of a device that nobody gave one, octets. That of `ni` was 256 in the days of HP-UX.
const fn default_mtu(device: &Device) -> u16 {
    match device {
        Device::Asy { .. } | Device::AxIp(_) | Device::Kernel { .. } | Device::KissPort { .. } => {
            256
        }
        Device::NetRom => 236,
        Device::IpIp(_) => 2048,
        Device::Ni { .. } | Device::Tun { .. } => 1500,
    }
}

/// What is open.
pub enum Port {
    /// Nothing.
    Closed,
    /// What has no line of its own.
    Nowhere,
    /// An interface of the host.
    Tun(tun::Port),
    /// A serial device or a connection. It may be on its way only.
    Stream(Box<Stream>),
    /// Datagrams of the host's network.
    Outer(Socket),
    /// Frames of a device of the host, and whether that was up before.
    Packet(Box<PacketSocket>, bool),
}

impl Port {
    /// What to wait for.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Closed | Self::Nowhere => None,
            Self::Tun(port) => Some(port.tun().as_fd()),
            Self::Stream(stream) => Some(stream.as_fd()),
            Self::Outer(socket) => Some(socket.as_fd()),
            Self::Packet(socket, _) => Some(socket.as_fd()),
        }
    }
}

/// A line.
pub struct Line {
    /// Its interface.
    pub id: InterfaceId,
    /// What is open.
    pub port: Port,
    /// What else an asynchronous line has.
    pub asy: Option<Box<AsyLine>>,
    /// The line that carries its frames, by a further port of a controller.
    pub shared: Option<(InterfaceId, u8)>,
    /// The interfaces of the further ports of its controller.
    pub ports: Vec<InterfaceId>,
    /// How frames are checked, and as the interface said it last.
    pub crc: Crc,
    told: Crc,
    /// Somebody was told that it has no room.
    pub refused: Cell<bool>,
    /// What it dropped.
    pub drops: Drops,
    name: String,
    device: Device,
    mtu: u16,
    encapsulation: Encapsulation,
    link: Option<LinkAddress>,
    source: Option<Source>,
    /// The pause before it is opened again, and since when it is open.
    pause: Duration,
    since: Option<Instant>,
    /// Why it is not open, for people.
    trouble: Option<String>,
}

impl Line {
    /// A line that is not open yet.
    ///
    /// # Errors
    /// There can be no such device; for people.
    pub fn new(name: &str, device: &Device, mtu: Option<u16>) -> Result<Self, String> {
        let mtu = mtu.unwrap_or_else(|| default_mtu(device));
        let (mut link, mut asy, mut shared) = (None, None, None);
        let encapsulation = match device {
            Device::Asy {
                mode, speed, port, ..
            } => {
                if matches!(
                    mode,
                    Encapsulation::None | Encapsulation::NetRom | Encapsulation::Ethernet
                ) {
                    let mode = mode.name().to_lowercase();
                    return Err(format!("Mode {mode} unknown for interface {name}"));
                }
                let is_serial = matches!(port, AsyPort::Serial(_));
                asy = Some(Box::new(AsyLine::new(*mode, mtu, *speed, is_serial)));
                *mode
            }
            Device::Tun { ethernet: true } => {
                link = tun::random_address();
                Encapsulation::Ethernet
            }
            Device::Ni { mask, .. } if mask.leading_ones() != mask.count_ones() => {
                let mask = Ipv4Addr::from_bits(*mask);
                return Err(format!("netmask {mask}: ones behind a zero"));
            }
            Device::Ni { .. } | Device::Tun { .. } | Device::IpIp(_) => Encapsulation::None,
            Device::AxIp(_) => Encapsulation::Ax25Ui,
            Device::NetRom => Encapsulation::NetRom,
            Device::Kernel { .. } => Encapsulation::KissI,
            Device::KissPort { line, port } => {
                shared = Some((*line, *port));
                Encapsulation::KissUi
            }
        };
        Ok(Self {
            id: InterfaceId::LOOPBACK,
            name: name.to_owned(),
            device: device.clone(),
            mtu,
            encapsulation,
            link,
            port: Port::Closed,
            asy,
            shared,
            ports: Vec::new(),
            crc: Crc::Off,
            told: Crc::Off,
            refused: Cell::new(false),
            source: None,
            drops: Drops::default(),
            pause: PAUSE,
            since: None,
            trouble: None,
        })
    }

    /// A packet less.
    pub fn drop(&mut self, why: Drop) {
        self.drops.count(why, 1);
    }

    /// Our address on it.
    pub const fn link_address(&self) -> Option<LinkAddress> {
        self.link
    }

    /// That it cannot be opened is no error of `attach`.
    pub const fn may_be_down(&self) -> bool {
        self.asy.is_some()
    }

    /// Datagrams are in those of the host, and not frames.
    pub const fn carries_ip(&self) -> bool {
        matches!(self.device, Device::IpIp(_))
    }

    /// Its speed is that of a port.
    pub const fn is_serial(&self) -> bool {
        matches!(
            &self.device,
            Device::Asy {
                port: AsyPort::Serial(_),
                ..
            }
        )
    }

    /// Packets pass.
    pub const fn is_up(&self) -> bool {
        self.since.is_some()
    }

    /// It is open, or on its way.
    pub const fn is_open(&self) -> bool {
        !matches!(self.port, Port::Closed)
    }

    /// Why it is not open.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// It carries frames of AX.25.
    pub fn is_radio(&self) -> bool {
        self.encapsulation.hardware() == Some(Hardware::Ax25)
    }

    /// What waits for a line of packet radio.
    pub fn radio(&mut self) -> Option<&mut Pending> {
        self.asy.as_mut()?.radio.as_deref_mut()
    }

    /// How a frame of AX.25 that is sent on it is shown.
    pub fn shown(&self) -> Link {
        if !self.asy.as_ref().is_some_and(|asy| asy.is_kiss()) {
            return Link::Ax25(None);
        }
        let check = match self.crc {
            Crc::Crc16 | Crc::Test16 => Check::Smack,
            Crc::Rmnc | Crc::TestRmnc => Check::Rmnc,
            Crc::Off | Crc::Ccitt => Check::None,
        };
        Link::Kiss(check, None)
    }

    /// Packets that wait.
    pub fn queued(&self) -> usize {
        self.asy.as_ref().map_or(0, |asy| asy.queued())
    }

    /// The interface of an open line, or of one that may be down.
    pub fn interface(&self) -> Interface {
        let mut interface = Interface::new(&self.name, self.encapsulation, self.mtu);
        interface.up = false;
        // What comes through a tunnel proves nothing about where its source is.
        interface.autoroute = !matches!(self.device, Device::IpIp(_));
        if matches!(self.device, Device::AxIp(_)) {
            interface.crc = Crc::Ccitt;
        }
        interface
    }

    /// Somebody may have said how frames are checked, or the far end may have shown it.
    pub fn agree(&mut self, interface: &mut Interface) {
        if interface.crc == self.told {
            interface.crc = self.crc;
        } else {
            self.crc = interface.crc;
        }
        self.told = interface.crc;
    }

    /// A frame would not wait for long. A line that is down loses it at once.
    pub fn has_room(&self) -> bool {
        let radio = self.asy.as_ref().and_then(|asy| asy.radio.as_ref());
        !self.is_up() || radio.is_none_or(|radio| radio.has_room())
    }

    /// Opens the device. `address` is the station's.
    ///
    /// # Errors
    /// For people.
    pub fn open(&mut self, address: Ipv4Addr, locks: Option<&Path>) -> Result<(), String> {
        self.port = match &self.device {
            Device::Asy { port, .. } => {
                let speed = self.asy.as_ref().map_or(0, |asy| asy.speed());
                let stream = asy::open(port, speed, locks)?;
                if stream.stats().failures > 0 {
                    let why = stream.trouble().unwrap_or("it cannot be opened");
                    return Err(why.to_owned());
                }
                if let Some(asy) = &mut self.asy {
                    asy.begin();
                }
                Port::Stream(Box::new(stream))
            }
            device @ (Device::Ni { .. } | Device::Tun { .. }) => {
                let (name, mtu) = (&self.name, self.mtu);
                Port::Tun(tun::Port::open(name, device, mtu, address, self.link)?)
            }
            Device::IpIp(outer) | Device::AxIp(outer) => Port::Outer(Socket::open(*outer)?),
            Device::NetRom | Device::KissPort { .. } => Port::Nowhere,
            Device::Kernel { promiscuous } => {
                let socket = PacketSocket::open_radio(&self.name).map_err(|e| e.to_string())?;
                if *promiscuous {
                    socket.hear_everything().map_err(|e| e.to_string())?;
                }
                let mut netlink = Netlink::open().map_err(|e| e.to_string())?;
                let link = netlink.link(&self.name).map_err(|e| e.to_string())?;
                let set = netlink.set_up(socket.index(), true);
                set.map_err(|error| error.to_string())?;
                self.mtu = u16::try_from(link.mtu).unwrap_or(u16::MAX);
                if socket.kind() == packet::FrameKind::NetRom {
                    self.encapsulation = Encapsulation::NetRom;
                }
                Port::Packet(Box::new(socket), link.is_up())
            }
        };
        Ok(())
    }

    /// Waits for what the open device has to say.
    pub fn watch(&mut self, lp: &mut Loop, token: Token, station: &mut Station) {
        if let Some(fd) = self.port.fd() {
            match lp.register(&fd, token, Interest::Read, Priority::Data) {
                Ok(source) => self.source = Some(source),
                Err(error) => {
                    self.fail(lp, token, station, Some(error.to_string()));
                    return;
                }
            }
        }
        match &self.port {
            Port::Closed => {}
            Port::Stream(_) => self.follow(lp, token, station),
            _ => self.set_up(lp.now(), station, true),
        }
    }

    fn set_up(&mut self, now: Instant, station: &mut Station, up: bool) {
        self.since = up.then_some(now);
        if let Some(interface) = station.interfaces.get_mut(self.id) {
            interface.up = up;
            interface.offload = matches!(&self.port, Port::Tun(port) if port.offload());
        }
        for port in &self.ports {
            if let Some(interface) = station.interfaces.get_mut(*port) {
                interface.up = up;
            }
        }
    }

    /// Opens it again. Whether that succeeded, or is on its way.
    pub fn reopen(
        &mut self,
        lp: &mut Loop,
        token: Token,
        station: &mut Station,
        locks: Option<&Path>,
    ) -> bool {
        self.close(lp, token, station);
        let interface = station.interfaces.get(self.id);
        let address = interface.map_or(Ipv4Addr::UNSPECIFIED, Interface::address);
        match self.open(address, locks) {
            Ok(()) => self.watch(lp, token, station),
            Err(why) => self.fail(lp, token, station, Some(why)),
        }
        !matches!(self.port, Port::Closed)
    }

    /// It could not be opened, or does not work any more.
    pub fn fail(
        &mut self,
        lp: &mut Loop,
        token: Token,
        station: &mut Station,
        why: Option<String>,
    ) {
        let now = lp.now();
        let open_for = self.since.map_or(Duration::ZERO, |since| now - since);
        self.close(lp, token, station);
        self.trouble = why;
        if matches!(self.device, Device::Asy { auto: true, .. }) {
            if open_for >= self.pause {
                self.pause = PAUSE;
            }
            lp.set_timer(token, now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Closes it. What waits is thrown away.
    pub fn close(&mut self, lp: &mut Loop, token: Token, station: &mut Station) {
        lp.cancel_timer(token);
        if let (Some(source), Some(fd)) = (self.source.take(), self.port.fd()) {
            // It is registered as long as it is open.
            let _ = lp.deregister(source, &fd);
        }
        if let Port::Packet(socket, false) = &self.port
            && let Ok(mut netlink) = Netlink::open()
        {
            // The device may be gone.
            let _ = netlink.set_up(socket.index(), false);
        }
        if let Some(asy) = &mut self.asy {
            let packets = asy.discard() as u64;
            self.drops.count(Drop::Discarded, packets);
        }
        self.port = Port::Closed;
        self.trouble = None;
        self.set_up(lp.now(), station, false);
    }

    /// Looks what became of a serial device or a connection.
    pub fn follow(&mut self, lp: &mut Loop, token: Token, station: &mut Station) {
        let Port::Stream(stream) = &mut self.port else {
            return;
        };
        let mut came = false;
        let mut gone = false;
        while let Some(event) = stream.poll_event() {
            match event {
                StreamEvent::Carrier(true) => came = true,
                StreamEvent::Carrier(false) => gone = true,
                StreamEvent::Writable => {
                    if let Some(asy) = &mut self.asy {
                        asy.unblock();
                    }
                }
            }
        }
        if gone || stream.stats().failures > 0 {
            let why = stream.trouble().map(str::to_owned);
            self.fail(lp, token, station, why);
        } else if came {
            self.set_up(lp.now(), station, true);
        }
    }

    /// Writes what waits, as far as the line takes it.
    pub fn write(&mut self, now: Instant, interface: &mut Interface, traces: &mut Traces) {
        self.agree(interface);
        let (id, flags) = (self.id, interface.trace);
        if let (Port::Stream(stream), Some(asy)) = (&mut self.port, &mut self.asy) {
            asy.write(now, stream, &mut self.crc, &mut |framed| {
                traces.raw(id, Way::Sent, flags, framed);
            });
        }
        self.agree(interface);
    }

    /// Sends a packet. `true`: it waits.
    pub fn transmit(&mut self, frame: &Frame<'_>, traces: &mut Traces) -> bool {
        let (id, flags) = (frame.line, frame.trace);
        if flags.0 != 0 {
            let link = match frame.kind {
                FrameKind::Ip => Link::Ip,
                FrameKind::Arp => Link::Arp,
                FrameKind::Ax25 => Link::Ax25(None),
            };
            // Compressed headers are shown as they are on the line.
            if self.encapsulation != Encapsulation::VjSlip {
                let shown = trace::finished(&frame.offload, frame.packet);
                traces.packet(id, Way::Sent, flags, link, &shown);
            }
            if self.asy.is_none() {
                traces.raw(id, Way::Sent, flags, frame.packet);
            }
        }
        let sent = match &self.port {
            Port::Tun(port) => port.write(frame),
            Port::Outer(socket) if self.carries_ip() => {
                socket.send((frame.next_hop, None), frame.packet)
            }
            Port::Stream(_) => return self.queue(frame, traces),
            // The interface is down, or needs AX.25 around what it carries.
            Port::Closed | Port::Nowhere | Port::Outer(_) | Port::Packet(..) => {
                self.drop(Drop::NoAx25);
                return false;
            }
        };
        if let Err(error) = sent {
            self.drop(drops::reason(&error));
        }
        false
    }

    fn queue(&mut self, frame: &Frame<'_>, traces: &mut Traces) -> bool {
        let Some(asy) = &mut self.asy else {
            return false;
        };
        let why = match asy.mode() {
            Encapsulation::Slip | Encapsulation::VjSlip if asy.is_full() => Drop::QueueFull,
            Encapsulation::Slip | Encapsulation::VjSlip => {
                let line = asy.send(frame.packet);
                if frame.trace.0 != 0
                    && let Some(line) = line
                {
                    traces.serial(frame.line, frame.trace, line, frame.packet);
                }
                traces.raw(frame.line, Way::Sent, frame.trace, asy.framed());
                return true;
            }
            _ => Drop::NoAx25,
        };
        self.drop(why);
        false
    }

    /// Puts a frame of AX.25, or a command for the controller, behind what waits. `false`: it was dropped.
    pub fn queue_radio(&mut self, kind: u8, frame: &[u8], tag: Option<Tag>) -> bool {
        let is_up = self.is_up();
        let why = match self.radio() {
            None => Drop::NoAx25,
            Some(_) if !is_up => Drop::Down,
            Some(radio) => {
                if radio.push(kind, frame, tag) {
                    return true;
                }
                Drop::QueueFull
            }
        };
        self.drop(why);
        false
    }
}
