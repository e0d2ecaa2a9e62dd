//! The TUN of all subscribers: its name, MTU and addresses, and the host's routes to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wanbox_l2tpns_engine::config::Config;
use wanbox_runtime::netlink::{Address, LinkStats, Netlink, NetlinkError, Route};
use wanbox_runtime::tun::{Mode, Options, Tun};

/// How our routes are marked, as those of the original: the table of names calls it "babel".
const PROTOCOL: u8 = 42;
/// Packets that may wait in the kernel for us.
const QUEUE: u32 = 1000;
/// Our link-local address.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The interface.
pub struct Interface {
    /// Packets from and to the host.
    pub tun: Tun,
    netlink: Netlink,
    index: u32,
}

impl Interface {
    /// Makes it, with its addresses, and takes it up.
    ///
    /// # Errors
    /// For people.
    pub fn open(config: &Config) -> Result<Self, String> {
        let options = Options {
            offload: true,
            carrier: true,
        };
        let tun = match config.tundevicename.as_str() {
            "" => Tun::open_next(Mode::Tun, &options),
            name => Tun::open(name, Mode::Tun, &options),
        };
        let tun = tun.map_err(|error| error.to_string())?;
        let mut netlink = Netlink::open().map_err(|error| error.to_string())?;
        let index = set_up(&mut netlink, &tun, config)
            .map_err(|error| format!("{}: {error}", tun.name()))?;
        Ok(Self {
            tun,
            netlink,
            index,
        })
    }

    /// Leads a network to us. A route that is there already is taken for ours.
    ///
    /// # Errors
    /// The kernel's refusal, for people.
    pub fn add_route(&mut self, network: IpAddr, bits: u8) -> Result<(), NetlinkError> {
        let route = self.route(network, bits);
        match self.netlink.add_route(&route) {
            Err(error) if error.is_there() => Ok(()),
            result => result,
        }
    }

    /// Leads it to us no more. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Self::add_route`].
    pub fn delete_route(&mut self, network: IpAddr, bits: u8) -> Result<(), NetlinkError> {
        let route = self.route(network, bits);
        match self.netlink.delete_route(&route) {
            Err(error) if error.is_gone() => Ok(()),
            result => result,
        }
    }

    /// What the kernel counted. Its "received" is what we wrote.
    pub fn stats(&mut self) -> LinkStats {
        // Without an answer there is nothing to add to our own counts.
        self.netlink.stats(self.index).unwrap_or_default()
    }

    fn route(&self, network: IpAddr, bits: u8) -> Route {
        Route {
            protocol: PROTOCOL,
            ..Route::through(network, bits, self.index)
        }
    }
}

/// What the interface is like from the start on. Returns its number.
fn set_up(netlink: &mut Netlink, tun: &Tun, config: &Config) -> Result<u32, NetlinkError> {
    let index = netlink.link(tun.name())?.index;
    netlink.set_mtu(index, config.mru().into())?;
    netlink.set_queue(index, QUEUE)?;
    netlink.set_up(index, true)?;
    for (address, bits) in addresses(config) {
        let address = Address {
            local: address,
            peer: None,
            prefix_len: bits,
            broadcast: None,
        };
        match netlink.add_address(index, &address) {
            Err(error) if error.is_there() => {}
            result => result?,
        }
    }
    Ok(index)
}

/// Our addresses on the interface, with the bits of their networks.
fn addresses(config: &Config) -> Vec<(IpAddr, u8)> {
    let mut addresses: Vec<(IpAddr, u8)> = vec![(config.tun_address().into(), 32)];
    for address in &config.bind_multi_address {
        let entry = match address {
            IpAddr::V4(_) => (*address, 32),
            IpAddr::V6(_) => (*address, 128),
        };
        if !address.is_unspecified() && !addresses.contains(&entry) {
            addresses.push(entry);
        }
    }
    if let Some(prefix) = config.ipv6_prefix {
        addresses.push((LINK_LOCAL.into(), 64));
        let first = Ipv6Addr::from(u128::from(prefix) >> 64 << 64 | 1);
        addresses.push((first.into(), 64));
    }
    addresses
}

/// A network of the address pool, with its length in bits.
pub type Network = (Ipv4Addr, u8);

/// The networks of `of` that are not among `others`.
pub fn missing<'n>(
    of: &'n [Network],
    others: &'n [Network],
) -> impl Iterator<Item = Network> + use<'n> {
    of.iter()
        .copied()
        .filter(|network| !others.contains(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (name, value) in lines {
            let variable = wanbox_l2tpns_engine::config::Variable::find(name).unwrap();
            variable.set(&mut config, value).unwrap();
        }
        config
    }

    fn words(config: &Config) -> Vec<String> {
        let addresses = addresses(config).into_iter();
        addresses.map(|(a, bits)| format!("{a}/{bits}")).collect()
    }

    #[test]
    fn the_addresses_of_the_interface() {
        assert_eq!(words(&config(&[])), ["1.1.1.1/32"]);
        let one = config(&[
            ("bind_address", "192.0.2.1"),
            ("ipv6_prefix", "2001:db8:5::"),
        ]);
        assert_eq!(
            words(&one),
            ["192.0.2.1/32", "fe80::1/64", "2001:db8:5::1/64"]
        );
        let many = config(&[("bind_multi_address", "192.0.2.1, 192.0.2.2, 2001:db8::7")]);
        assert_eq!(
            words(&many),
            ["192.0.2.1/32", "192.0.2.2/32", "2001:db8::7/128"]
        );
        let own = config(&[("iftun_address", "10.0.0.1"), ("bind_address", "192.0.2.1")]);
        assert_eq!(words(&own), ["10.0.0.1/32"]);
    }

    #[test]
    fn routes_of_the_pool_change_where_it_changes() {
        let network = |text: &str| (text.parse::<Ipv4Addr>().unwrap(), 24);
        let (a, b, c) = (
            network("10.1.0.0"),
            network("10.2.0.0"),
            network("10.3.0.0"),
        );
        assert_eq!(missing(&[b, c], &[a, b]).collect::<Vec<_>>(), [c]);
        assert_eq!(missing(&[a, b], &[b, c]).collect::<Vec<_>>(), [a]);
    }
}
