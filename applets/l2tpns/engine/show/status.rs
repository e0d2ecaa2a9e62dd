//! What the daemon says about itself and its configuration.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Serialize;

use crate::config::{AccessList, Config, ListType};

/// Used bandwidth, of the last second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    /// From peers of tunnels, bit/s.
    pub from_tunnels: u64,
    /// To the TUN, bit/s.
    pub to_tun: u64,
    /// From the TUN, bit/s.
    pub from_tun: u64,
    /// To peers of tunnels, bit/s.
    pub to_tunnels: u64,
    /// Packets from users a second.
    pub packets_in: u64,
    /// Packets to users a second.
    pub packets_out: u64,
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The original's Mbit has 2^20 bits.
        let mega = |bits: u64| bits as f64 / 1_048_576.0;
        let all = [
            self.from_tunnels,
            self.to_tun,
            self.from_tun,
            self.to_tunnels,
        ];
        let total: f64 = all.iter().map(|bits| mega(*bits)).sum();
        write!(
            f,
            "UDP-ETH:{:.0}/{:.0}  ETH-UDP:{:.0}/{:.0}  TOTAL:{total:.1}   IN:{} OUT:{}",
            mega(self.from_tunnels),
            mega(self.to_tun),
            mega(self.from_tun),
            mega(self.to_tunnels),
            self.packets_in,
            self.packets_out
        )
    }
}

/// `uptime`.
#[derive(Clone, Debug, Serialize)]
pub struct Uptime {
    /// The time of day: `17:10:35`.
    pub time: String,
    /// How long the daemon has run, seconds.
    pub seconds: u64,
    /// Sessions that are open.
    pub users: usize,
    /// Load averages of the machine.
    pub load: [f64; 3],
    /// Used bandwidth.
    pub bandwidth: Bandwidth,
}

impl fmt::Display for Uptime {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.seconds / 86_400, self.seconds / 3600 % 24);
        let (minutes, seconds) = (self.seconds / 60 % 60, self.seconds % 60);
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        write!(f, "{} up ", self.time)?;
        if days > 0 {
            write!(f, "{days} day{}, ", plural(days))?;
        }
        if hours > 0 {
            write!(f, "{hours}:{minutes:02}")?;
        } else if minutes > 0 {
            write!(f, "{minutes} min{}", plural(minutes))?;
        } else {
            write!(f, "{seconds} sec{}", plural(seconds))?;
        }
        let [one, five, fifteen] = self.load;
        write!(f, ", {} users, ", self.users)?;
        writeln!(f, "load average: {one:.2}, {five:.2}, {fifteen:.2}")?;
        writeln!(f, "Bandwidth: {}", self.bandwidth)
    }
}

/// `show version`; `version` is that of the program. The first word is what scripts of the
/// original look for.
#[must_use]
pub fn version(version: &str) -> String {
    format!("L2TPNS {version} (wanbox)\n")
}

/// `show plugins`.
#[must_use]
pub fn plugins(config: &Config) -> String {
    let mut text = String::from("Plugins currently loaded:\n");
    for name in &config.plugins {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name}");
    }
    text
}

/// `show banana`.
#[must_use]
pub fn banana() -> &'static str {
    BANANA
}

const BANANA: &str = r"
                                   .-==.
                                  /  _ |
                                  |  |\|
                                 /   |
                               ,'    ;
                            _,'     /
                        _.-'       /
   _               __.-'         ,'
  | `--._____.---''            ,'
   \                        _,'
    `-._               __.-'
        `--.______.---'

";

/// `show cluster`.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster<'a> {
    /// What this node is.
    pub status: &'static str,
    /// The address of this node.
    pub address: Ipv4Addr,
    /// The address that the nodes of a cluster share.
    pub virtual_address: Ipv4Addr,
    /// The multicast address.
    pub multicast: Ipv4Addr,
    /// The UDP port.
    pub port: u16,
    /// The interface.
    pub interface: &'a str,
    /// The highest session in use.
    pub highest_session: u32,
    /// The highest bundle in use.
    pub highest_bundle: u32,
    /// The highest tunnel in use.
    pub highest_tunnel: u32,
}

impl<'a> Cluster<'a> {
    /// A node that has no others, and looks for none.
    #[must_use]
    pub fn alone(config: &'a Config, highest: (u32, u32, u32)) -> Self {
        Self {
            status: "Stand-alone",
            address: config.tun_address(),
            virtual_address: config.nas_address().unwrap_or(config.tun_address()),
            multicast: config.cluster_address,
            port: config.cluster_port,
            interface: &config.cluster_interface,
            highest_session: highest.0,
            highest_bundle: highest.1,
            highest_tunnel: highest.2,
        }
    }
}

impl fmt::Display for Cluster<'_> {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Cluster status   : {}", self.status)?;
        writeln!(f, "My address       : {}", self.address)?;
        writeln!(f, "VIP address      : {}", self.virtual_address)?;
        writeln!(f, "Multicast address: {}", self.multicast)?;
        writeln!(f, "UDP port         : {}", self.port)?;
        writeln!(f, "Multicast i'face : {}", self.interface)?;
        writeln!(f, "Highest session  : {}", self.highest_session)?;
        writeln!(f, "Highest bundle   : {}", self.highest_bundle)?;
        writeln!(f, "Highest tunnel   : {}", self.highest_tunnel)?;
        writeln!(f, "0 peers.")
    }
}

/// A BGP neighbour.
#[derive(Clone, Debug, Serialize)]
pub struct BgpPeer<'a> {
    /// Its name or address.
    pub peer: &'a str,
    /// Its autonomous system.
    pub number: u16,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// The state of the connection.
    pub state: &'static str,
    /// Attempts to connect.
    pub retries: u32,
    /// Until the next one.
    pub retry_in: Duration,
    /// It is announced routes.
    pub routing: bool,
    /// It has to be told something.
    pub pending: bool,
    /// Keepalive and hold time, seconds.
    pub timers: (u16, u16),
}

/// `show bgp [PEER]` while there is no BGP: the neighbours of the configuration, none of which is
/// connected to.
#[must_use]
pub fn bgp(config: &Config, wanted: Option<&str>) -> String {
    let Some(router) = &config.bgp else {
        return String::new();
    };
    let mut text = format!(
        "BGPv4 router identifier {}, local AS number {} (inactive)\n \n\
         Peer                  AS         Address State       Retries Retry in Route Pend    Timers\n\
         ------------------ ----- --------------- ----------- ------- -------- ----- ---- ---------\n",
        config.tun_address(),
        router.number
    );
    for neighbour in &router.neighbours {
        let peer = &*neighbour.peer;
        if wanted.is_some_and(|wanted| !peer.starts_with(wanted)) {
            continue;
        }
        let number = if neighbour.remote == 0 {
            router.number
        } else {
            neighbour.remote
        };
        let view = BgpPeer {
            peer,
            number,
            address: peer.parse().ok(),
            state: "Disabled",
            retries: 0,
            retry_in: Duration::ZERO,
            routing: false,
            pending: false,
            timers: neighbour.timers,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{view}");
    }
    text
}

impl fmt::Display for BgpPeer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let address = self.address.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string();
        write!(
            f,
            "{:<18.18} {:5} {address:>15} {:<11} {:7} {:7}s {:>5} {:>4} {:4} {:4}",
            self.peer,
            self.number,
            self.state,
            self.retries,
            self.retry_in.as_secs(),
            yes(self.routing),
            yes(self.pending),
            self.timers.0,
            self.timers.1
        )
    }
}

/// A rule of an access list and the packets that it decided.
#[derive(Clone, Debug, Serialize)]
pub struct Matches {
    /// The rule, as it is written.
    pub rule: String,
    /// Packets.
    pub matches: u64,
}

/// `show access-list NAME`: lines, each with its newline. `matches` are those of its rules, in
/// their order; rules without one have none.
#[must_use]
pub fn access_list(list: &AccessList, matches: &[u64]) -> String {
    let kind = match list.list_type {
        ListType::Standard => "Standard",
        ListType::Extended => "Extended",
    };
    let mut text = format!("{kind} IP access list {}\n", list.name);
    for (place, rule) in list.rules.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, " {}", list.show(rule));
        let _ = match matches.get(place) {
            None | Some(0) => writeln!(text),
            Some(1) => writeln!(text, " (1 match)"),
            Some(count) => writeln!(text, " ({count} matches)"),
        };
    }
    text
}
