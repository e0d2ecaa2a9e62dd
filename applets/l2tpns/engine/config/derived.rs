//! What follows from several variables together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::variables::Config;

/// The MRU is never above this, so that what comes fits into PPPoE (RFC 2516).
pub const MAX_MRU: u16 = 1492;

/// The address of the TUN if nothing at all is configured.
pub const FALLBACK_ADDRESS: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

/// The authentication port of RADIUS servers (RFC 2865, 3).
pub const RADIUS_PORT: u16 = 1812;

/// A RADIUS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadiusServer {
    /// Where it is.
    pub address: IpAddr,
    /// Its port for authentication.
    pub port: u16,
    /// Its port for accounting.
    pub accounting_port: u16,
}

impl Config {
    /// What our PPP receives at most, octets: the MTU without the headers of IP, UDP, L2TP and PPP.
    #[must_use]
    pub fn mru(&self) -> u16 {
        u16::try_from(self.l2tp_mtu.saturating_sub(38)).map_or(MAX_MRU, |mru| mru.min(MAX_MRU))
    }

    /// The largest segment of TCP in sessions, octets.
    #[must_use]
    pub fn mss(&self) -> u16 {
        self.mru().saturating_sub(40)
    }

    /// The RADIUS servers, in the order in which they are asked. None without a secret.
    #[must_use]
    pub fn radius_servers(&self) -> Vec<RadiusServer> {
        let first = self.primary_radius_port.unwrap_or(RADIUS_PORT);
        let second = self.secondary_radius_port.unwrap_or(first);
        let (accounting, accounting2) = (
            self.primary_radius_accounting_port,
            self.secondary_radius_accounting_port,
        );
        if self.radius_secret.is_empty() {
            return Vec::new();
        }
        [
            (self.primary_radius, first, accounting),
            (self.secondary_radius, second, accounting2),
        ]
        .into_iter()
        .filter_map(|(address, port, accounting)| {
            Some(RadiusServer {
                address: address?.into(),
                port,
                accounting_port: accounting.unwrap_or(port.saturating_add(1)),
            })
        })
        .collect()
    }

    /// The local ports of RADIUS requests; `None` leaves them to the kernel.
    #[must_use]
    pub fn radius_local_ports(&self) -> Option<RangeInclusive<u16>> {
        match (self.radius_bind_min, self.radius_bind_max) {
            (None, None) => None,
            (Some(least), most) => Some(least..=most.unwrap_or(65_534)),
            (None, Some(most)) => Some(most.saturating_sub(63).max(1)..=most),
        }
    }

    /// The collector for users with `intercept=yes` from RADIUS.
    #[must_use]
    pub fn snoop_collector(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.snoop_host?.into(), self.snoop_port?))
    }

    /// The addresses on which tunnels are accepted; never empty.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<IpAddr> {
        if self.bind_multi_address.is_empty() {
            vec![self.bind_address.unwrap_or(Ipv4Addr::UNSPECIFIED).into()]
        } else {
            self.bind_multi_address.clone()
        }
    }

    /// The first IPv4 address on which tunnels are accepted, unless it is all: NAS-IP-Address.
    #[must_use]
    pub fn nas_address(&self) -> Option<Ipv4Addr> {
        let specified = |address: &Ipv4Addr| !address.is_unspecified();
        let many = self.bind_multi_address.iter();
        let mut first = many.filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        first.find(specified).or(self.bind_address)
    }

    /// The address of the TUN.
    #[must_use]
    pub fn tun_address(&self) -> Ipv4Addr {
        self.iftun_address
            .or_else(|| self.nas_address())
            .unwrap_or(FALLBACK_ADDRESS)
    }

    /// Our own address in PPP.
    #[must_use]
    pub fn ppp_address(&self) -> Ipv4Addr {
        self.peer_address.unwrap_or_else(|| self.tun_address())
    }

    /// Our name in prompts and accounting files; `machine` is that of the machine.
    #[must_use]
    pub fn host_name<'a>(&'a self, machine: &'a str) -> &'a str {
        match self.multi_hostname.first() {
            Some(name) => name,
            None if self.hostname.is_empty() => machine,
            None => &self.hostname,
        }
    }

    /// Our name in tunnels of the listening address at this place of [`Config::listen_addresses`].
    #[must_use]
    pub fn tunnel_host_name<'a>(&'a self, place: usize, machine: &'a str) -> &'a str {
        match self.multi_hostname.get(place) {
            Some(name) => name,
            None => self.host_name(machine),
        }
    }

    /// How long the master of a cluster may be silent: long enough for some heartbeats.
    #[must_use]
    pub fn cluster_timeout(&self) -> Duration {
        let least = self.cluster_hb_interval * 4 + Duration::from_millis(1100);
        self.cluster_hb_timeout.max(least)
    }

    /// The number in our DHCPv6 identifier.
    #[must_use]
    pub fn dhcp6_duid(&self) -> u32 {
        match self.dhcp6_server_duid {
            0 => 0xfdfd_fafa,
            number => number,
        }
    }
}
