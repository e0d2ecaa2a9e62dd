//! The line of an interface: its device, and whether that is open.

use std::net::Ipv4Addr;
use std::path::Path;

use wanbox_net_commands::Device;
use wanbox_net_engine::trace::Way;
use wanbox_net_engine::{Encapsulation, Frame, Interface, InterfaceId, LinkAddress, Station};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};

use super::drops::{Drop, Drops};
use super::trace::Traces;
use super::tun;

/// The MTU of a device that nobody gave one, octets. That of `ni` was 256 in the days of HP-UX.
pub const fn default_mtu(device: &Device) -> u16 {
    match device {
        Device::Asy { .. } | Device::AxIp(_) | Device::Kernel { .. } => 256,
        Device::NetRom => 236,
        Device::IpIp(_) => 2048,
        Device::Ni { .. } | Device::Tun { .. } => 1500,
    }
}

/// How datagrams are wrapped on a device.
pub const fn encapsulation(device: &Device) -> Encapsulation {
    match device {
        Device::Asy { mode, .. } => *mode,
        Device::Tun { ethernet: true } => Encapsulation::Ethernet,
        Device::Ni { .. } | Device::Tun { .. } | Device::IpIp(_) => Encapsulation::None,
        Device::AxIp(_) => Encapsulation::Ax25Ui,
        Device::NetRom => Encapsulation::NetRom,
        Device::Kernel { .. } => Encapsulation::KissI,
    }
}

/// What is open.
pub enum Port {
    /// Nothing.
    Closed,
    /// An interface of the host.
    Tun(tun::Port),
}

/// A line.
pub struct Line {
    id: InterfaceId,
    name: String,
    device: Device,
    mtu: u16,
    link: Option<LinkAddress>,
    port: Port,
    source: Option<Source>,
    drops: Drops,
}

impl Line {
    /// A line that is not open yet.
    ///
    /// # Errors
    /// There can be no such device; for people.
    pub fn new(name: &str, device: &Device, mtu: u16) -> Result<Self, String> {
        let link = match device {
            Device::Tun { ethernet: true } => tun::random_address(),
            _ => None,
        };
        Ok(Self {
            id: InterfaceId::LOOPBACK,
            name: name.to_owned(),
            device: device.clone(),
            mtu,
            link,
            port: Port::Closed,
            source: None,
            drops: Drops::default(),
        })
    }

    /// Its interface.
    pub const fn id(&self) -> InterfaceId {
        self.id
    }

    /// What is open.
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// What is open.
    pub const fn port_mut(&mut self) -> &mut Port {
        &mut self.port
    }

    /// What it dropped.
    pub const fn drops(&self) -> &Drops {
        &self.drops
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
        matches!(self.device, Device::Asy { .. })
    }

    /// Packets that wait.
    pub const fn queued(&self) -> usize {
        0
    }

    /// What its interface is told of it.
    pub fn prepare(&self, interface: &mut Interface) {
        interface.offload = matches!(&self.port, Port::Tun(port) if port.offload());
        interface.autoroute = !matches!(self.device, Device::IpIp(_));
    }

    /// Opens the device. `address` is the station's.
    ///
    /// # Errors
    /// For people.
    pub fn open(&mut self, address: Ipv4Addr, locks: Option<&Path>) -> Result<(), String> {
        let _ = locks;
        self.port = match &self.device {
            Device::Ni { .. } | Device::Tun { .. } => Port::Tun(tun::Port::open(
                &self.name,
                &self.device,
                self.mtu,
                address,
                self.link,
            )?),
            _ => return Err(format!("{}: there is no such device", self.name)),
        };
        Ok(())
    }

    /// Waits for what the open device has to say.
    pub fn watch(&mut self, lp: &mut Loop, token: Token, id: InterfaceId, station: &mut Station) {
        self.id = id;
        let watched = match &self.port {
            Port::Closed => return,
            Port::Tun(port) => lp.register(port.tun(), token, Interest::Read, Priority::Data),
        };
        match watched {
            Ok(source) => {
                self.source = Some(source);
                self.set_up(station, true);
            }
            Err(_) => self.port = Port::Closed,
        }
    }

    fn set_up(&self, station: &mut Station, up: bool) {
        if let Some(interface) = station.interfaces.get_mut(self.id) {
            interface.up = up;
            self.prepare(interface);
        }
    }

    /// Opens it again. Whether that succeeded.
    pub fn reopen(
        &mut self,
        lp: &mut Loop,
        station: &mut Station,
        token: Token,
        locks: Option<&Path>,
    ) -> bool {
        let interface = station.interfaces.get(self.id);
        let address = interface.map_or(Ipv4Addr::UNSPECIFIED, Interface::address);
        if self.open(address, locks).is_err() {
            return false;
        }
        self.watch(lp, token, self.id, station);
        self.source.is_some()
    }

    /// Closes it.
    pub fn close(&mut self, lp: &mut Loop, station: &mut Station) {
        if let Some(source) = self.source.take() {
            // It is registered as long as it is open.
            let _ = match &self.port {
                Port::Closed => Ok(()),
                Port::Tun(port) => lp.deregister(source, port.tun()),
            };
        }
        self.port = Port::Closed;
        self.set_up(station, false);
    }

    /// Sends a packet.
    pub fn transmit(&mut self, frame: &Frame<'_>, traces: &mut Traces) {
        match &self.port {
            Port::Closed => self.drops.count(Drop::NoAx25, 1),
            Port::Tun(port) => {
                traces.raw(frame.line, Way::Sent, frame.trace, frame.packet);
                if let Err(error) = port.write(frame) {
                    let full = error.kind() == std::io::ErrorKind::WouldBlock;
                    let why = if full { Drop::NoRoom } else { Drop::Refused };
                    self.drops.count(why, 1);
                }
            }
        }
    }
}
