//! One interface of a device: the channel's end at the host.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use wanbox_runtime::datagram::Listener;
use wanbox_runtime::event_loop::Source;
use wanbox_runtime::files::Root;
use wanbox_runtime::netlink::{Address, Netlink};
use wanbox_runtime::tun::{self, Tun};
use wanbox_wire::ip::VirtioHeader;

use super::api::Api;
use super::counters::{Receiving, Sending};
use super::host;
use crate::conf::{Channel, InterfaceConf, Usage};
use crate::control::{api_socket, monitor_socket};

/// The end of a channel at the host.
pub enum HostEnd {
    /// A network interface.
    Tun {
        /// Its packets.
        tun: Tun,
        /// Its number.
        index: u32,
    },
    /// A socket for an application.
    Api(Box<Api>),
}

impl HostEnd {
    /// What is watched for as long as the interface is there: its packets, or applications that
    /// come.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tun { tun, .. } => tun.as_fd(),
            Self::Api(api) => api.listener.as_fd(),
        }
    }
}

/// An open interface.
pub struct Interface {
    /// Its configuration.
    pub conf: InterfaceConf,
    /// Its end at the host.
    pub end: HostEnd,
    /// The local management socket.
    pub listener: Listener,
    /// Registrations in the loop, once made: its end at the host, management socket.
    pub sources: Option<(Source, Source)>,
    /// Packets are being read from it.
    pub reading: bool,
    /// A packet that waits for the committed rate, with its virtio header.
    pub held: Option<VirtioHeader>,
    /// That packet's octets, or an empty buffer to use again.
    pub held_packet: Vec<u8>,
    /// What it sends.
    pub sending: Sending,
    /// What it receives.
    pub receiving: Receiving,
    /// When it was opened.
    pub opened: Instant,
    /// The channel carries data.
    pub connected: bool,
    /// The daemon has it up.
    pub up: bool,
    /// It is a port of its bridge.
    pub in_bridge: bool,
    /// Our address as learned from the peer, as the kernel has it.
    pub learned: Option<Address>,
    /// The peer's address as learned from it.
    pub learned_peer: Option<Ipv4Addr>,
    /// Our link-local address as IPV6CP made it.
    pub link_local: Option<Address>,
    /// Name servers that the peer told.
    pub name_servers: Vec<Ipv4Addr>,
    /// Its MTU, octets.
    pub mtu: u32,
}

impl Interface {
    /// Makes the kernel interface with its MTU, or the socket for applications, and the management
    /// socket. It comes up with [`Self::bring_up`].
    ///
    /// # Errors
    /// What could not be made and why, for people.
    pub fn open(
        conf: InterfaceConf,
        mtu: u32,
        root: &Root,
        netlink: &mut Netlink,
        now: Instant,
    ) -> Result<Self, String> {
        let end = match conf.usage {
            Usage::Api => {
                let socket = api_socket(&root.run_dir(), &conf.name);
                Api::open(&socket)
                    .map(|api| HostEnd::Api(Box::new(api)))
                    .map_err(|error| format!("{}: {error}", conf.name))?
            }
            Usage::Wanpipe | Usage::Bridge | Usage::BridgeNode => open_tun(&conf, mtu, netlink)?,
        };
        let in_bridge = bridge_of(&conf).is_some();
        let socket = monitor_socket(&root.run_dir(), &conf.name);
        let listener = Listener::bind(&socket, 0o600)
            .map_err(|error| format!("{}: {}: {error}", conf.name, socket.display()))?;
        Ok(Self {
            conf,
            end,
            listener,
            sources: None,
            reading: false,
            held: None,
            held_packet: Vec::new(),
            sending: Sending::default(),
            receiving: Receiving::default(),
            opened: now,
            connected: false,
            up: false,
            in_bridge,
            learned: None,
            learned_peer: None,
            link_local: None,
            name_servers: Vec::new(),
            mtu,
        })
    }

    /// The number of the kernel interface, where there is one.
    pub fn index(&self) -> Option<u32> {
        match self.end {
            HostEnd::Tun { index, .. } => Some(index),
            HostEnd::Api(_) => None,
        }
    }

    /// Whole frames go to the line as they are: no encapsulation.
    pub fn is_streaming(&self) -> bool {
        matches!(&self.conf.channel, Channel::CiscoHdlc(channel) if channel.streaming)
    }

    /// Brings the kernel interface up with its addresses and routes. A route that the kernel
    /// refuses is logged; the interface serves without it.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn bring_up(&mut self, netlink: &mut Netlink) -> Result<(), String> {
        if let Some(index) = self.index() {
            host::bring_up(netlink, index, self.conf.ip.as_ref())
                .map_err(|error| format!("{}: {error}", self.conf.name))?;
        }
        self.up = true;
        self.set_route(netlink);
        // The kernel drops IPv6 addresses with the interface.
        if let (Some(address), Some(index)) = (self.link_local, self.index()) {
            host::unless_there(netlink.add_address(index, &address))
                .map_err(|error| format!("{}: {error}", self.conf.name))?;
        }
        Ok(())
    }

    /// Takes our link-local address; one given earlier goes.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn learn_link_local(
        &mut self,
        netlink: &mut Netlink,
        address: Address,
    ) -> Result<(), String> {
        let Some(index) = self.index() else {
            return Ok(());
        };
        if let Some(old) = self.link_local.filter(|&old| old != address) {
            // It may be gone with the interface already.
            let _ = netlink.delete_address(index, &old);
        }
        self.link_local = Some(address);
        if self.up {
            host::unless_there(netlink.add_address(index, &address))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Sets its MTU, octets.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn set_mtu(&mut self, netlink: &mut Netlink, mtu: u32) -> Result<(), String> {
        if let Some(index) = self.index() {
            netlink
                .set_mtu(index, mtu)
                .map_err(|error| error.to_string())?;
        }
        self.mtu = mtu;
        Ok(())
    }

    /// Sets its default route, where it has one.
    pub fn set_route(&self, netlink: &mut Netlink) {
        let (Some(ip), Some(index)) = (&self.conf.ip, self.index()) else {
            return;
        };
        if let Err(error) = host::default_route(netlink, index, ip) {
            log::error!("{}: {error}", self.conf.name);
        }
    }

    /// Takes an address that the peer gave; one given earlier goes.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn learn(&mut self, netlink: &mut Netlink, address: Address) -> Result<(), String> {
        let Some(index) = self.index() else {
            return Ok(());
        };
        if let Some(old) = self.learned.filter(|&old| old != address) {
            // Somebody may have taken it away already.
            let _ = netlink.delete_address(index, &old);
        }
        self.learned = Some(address);
        host::unless_there(netlink.add_address(index, &address))
            .map_err(|error| error.to_string())?;
        if self.up {
            self.set_route(netlink);
        }
        Ok(())
    }

    /// Takes every address away and gives those of the configuration.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn replace_addresses(&mut self, netlink: &mut Netlink) -> Result<(), String> {
        self.learned = None;
        if let Some(index) = self.index() {
            netlink
                .flush_addresses(index)
                .map_err(|error| format!("{}: {error}", self.conf.name))?;
        }
        if self.up {
            self.bring_up(netlink)?;
        }
        Ok(())
    }

    /// Tells the host whether the channel carries data: the interface is running or dormant. It
    /// takes packets either way, so that monitors can ask about a channel that is down.
    pub fn follow_channel(&self, netlink: &mut Netlink) {
        let Some(index) = self.index() else {
            return;
        };
        if let Err(error) = netlink.set_operational(index, self.connected) {
            log::warn!("{}: {error}", self.conf.name);
        }
    }

    /// It is to be up now.
    pub fn is_wanted_up(&self) -> bool {
        !self.conf.dynamic || self.connected
    }

    /// The bridge that it belongs to.
    pub fn bridge(&self) -> Option<&str> {
        bridge_of(&self.conf)
    }

    /// Our address as learned from the peer.
    pub fn learned_local(&self) -> Option<Ipv4Addr> {
        match self.learned?.local {
            IpAddr::V4(local) => Some(local),
            IpAddr::V6(_) => None,
        }
    }

    /// Takes the kernel interface down.
    ///
    /// # Errors
    /// What the kernel refused, for people.
    pub fn bring_down(&mut self, netlink: &mut Netlink) -> Result<(), String> {
        if let Some(index) = self.index() {
            netlink
                .set_up(index, false)
                .map_err(|error| format!("{}: {error}", self.conf.name))?;
        }
        self.up = false;
        Ok(())
    }

    /// Our IPv4 address, configured or learned, with its mask.
    pub fn local_address(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let ip = self.conf.ip.as_ref()?;
        let bits = u32::MAX.checked_shl(32 - u32::from(ip.prefix)).unwrap_or(0);
        Some((ip.address?, Ipv4Addr::from_bits(bits)))
    }

    /// The peer's address, configured or learned.
    pub fn peer(&self) -> Option<Ipv4Addr> {
        let configured = self.conf.ip.as_ref().and_then(|ip| ip.peer);
        configured.or(self.learned_peer)
    }
}

fn open_tun(conf: &InterfaceConf, mtu: u32, netlink: &mut Netlink) -> Result<HostEnd, String> {
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", conf.name);
    let mode = if conf.usage.is_bridged() {
        tun::Mode::Tap
    } else {
        tun::Mode::Tun
    };
    let options = tun::Options {
        // A shaped channel sends packet by packet: nothing to gain from super-packets.
        offload: !is_shaped(conf) && !is_rewritten(conf) && mode == tun::Mode::Tun,
        carrier: true,
    };
    let tun = Tun::open(&conf.name, mode, &options).map_err(|error| error.to_string())?;
    let index = netlink
        .link(&conf.name)
        .map_err(|error| fail(&error))?
        .index;
    netlink.set_mtu(index, mtu).map_err(|error| fail(&error))?;
    if let Some(bridge) = bridge_of(conf) {
        let master = netlink.link(bridge).map_err(|error| fail(&error))?;
        netlink
            .set_bridge(index, Some(master.index))
            .map_err(|error| fail(&error))?;
    }
    Ok(HostEnd::Tun { tun, index })
}

fn bridge_of(conf: &InterfaceConf) -> Option<&str> {
    match &conf.channel {
        Channel::FrameRelay(channel) => channel.bridge.as_deref(),
        Channel::CiscoHdlc(_) | Channel::Ppp(_) | Channel::X25(_) => None,
    }
}

/// Packets do not go as they are: compressed, in fragments, or one by one into a window.
fn is_rewritten(conf: &InterfaceConf) -> bool {
    match &conf.channel {
        Channel::Ppp(channel) => channel.rewritten,
        Channel::X25(_) => true,
        Channel::FrameRelay(_) | Channel::CiscoHdlc(_) => false,
    }
}

fn is_shaped(conf: &InterfaceConf) -> bool {
    matches!(&conf.channel, Channel::FrameRelay(channel) if channel.committed.is_some())
}
