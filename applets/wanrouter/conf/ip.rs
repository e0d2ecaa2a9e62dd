//! Interface files: the addresses of one interface, in shell assignments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use wanbox_grammar::assign::{Assignment, Assignments};
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value;

use super::model::Usage;

/// The addresses of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpConf {
    /// The local IPv4 address; `None`: the interface comes up without one.
    pub address: Option<Ipv4Addr>,
    /// Its prefix length. 0 to 32.
    pub prefix: u8,
    /// The peer's address.
    pub peer: Option<Ipv4Addr>,
    /// The broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// The default route.
    pub gateway: Option<Gateway>,
    /// IPv6 addresses with their prefix lengths (`IPV6ADDR`, not known to the original tools).
    pub ipv6: Vec<(Ipv6Addr, u8)>,
}

/// Where the default route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Through the interface.
    Device,
    /// To this router.
    Router(Ipv4Addr),
}

impl IpConf {
    /// Reads the text of the file of `interface`; `None` when nothing is assigned in it, which
    /// counts as no file. Variables that are no addresses are the boot scripts' own.
    pub fn parse(
        text: &str,
        interface: &str,
        usage: Usage,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let file = Assignments::parse(text, diagnostics);
        file.iter().next()?;
        if let Some(device) = file.get("DEVICE").filter(|d| d.value != interface) {
            let what = format!("names '{}'; used for {interface}", device.value);
            diagnostics.warning(device.line, "DEVICE", what);
        }
        let mut read = |key: &str| address(&file, key, diagnostics);
        let address = read("IPADDR").filter(|a| !a.is_unspecified());
        let peer = read("POINTOPOINT");
        let broadcast = read("BROADCAST");
        let gateway = read_gateway(&file, diagnostics);
        let prefix = read_prefix(&file, usage, diagnostics);
        if address.is_none() {
            for key in ["POINTOPOINT", "BROADCAST", "GATEWAY"] {
                if let Some(a) = given(&file, key) {
                    diagnostics.warning(a.line, key, "without effect: IPADDR gives no address");
                }
            }
        }
        Some(Self {
            address,
            prefix,
            peer: peer.filter(|_| address.is_some()),
            broadcast: broadcast.filter(|_| address.is_some()),
            gateway: gateway.filter(|_| address.is_some()),
            ipv6: read_ipv6(&file, diagnostics),
        })
    }
}

fn given<'f>(file: &'f Assignments, key: &str) -> Option<&'f Assignment> {
    file.get(key).filter(|a| !a.value.is_empty())
}

fn address(file: &Assignments, key: &str, diagnostics: &mut Diagnostics) -> Option<Ipv4Addr> {
    let given = given(file, key)?;
    value::ipv4(&given.value)
        .map_err(|why| diagnostics.error(given.line, key, why, "A.B.C.D or nothing"))
        .ok()
}

fn read_gateway(file: &Assignments, diagnostics: &mut Diagnostics) -> Option<Gateway> {
    if given(file, "GATEWAY")?.value == "0" {
        return Some(Gateway::Device);
    }
    address(file, "GATEWAY", diagnostics).map(|router| {
        if router.is_unspecified() {
            Gateway::Device
        } else {
            Gateway::Router(router)
        }
    })
}

fn read_prefix(file: &Assignments, usage: Usage, diagnostics: &mut Diagnostics) -> u8 {
    let (default, allowed) = match usage {
        Usage::BridgeNode => (24, "a mask shorter than 255.255.255.255"),
        Usage::Wanpipe | Usage::Bridge | Usage::Api => (32, "a mask as 255.255.255.0"),
    };
    let Some(mask) = given(file, "NETMASK") else {
        return default;
    };
    match value::netmask(&mask.value) {
        Ok(32) if usage == Usage::BridgeNode => {
            let what = "a host of a bridged network needs that network's mask";
            diagnostics.error(mask.line, "NETMASK", what, allowed);
            default
        }
        Ok(length) => length,
        Err(why) => {
            diagnostics.error(mask.line, "NETMASK", why, allowed);
            default
        }
    }
}

fn read_ipv6(file: &Assignments, diagnostics: &mut Diagnostics) -> Vec<(Ipv6Addr, u8)> {
    const ALLOWED: &str = "ADDRESS/LENGTH, several between quotes and blanks";
    let Some(given) = given(file, "IPV6ADDR") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for text in given
        .value
        .split([' ', '\t', ','])
        .filter(|t| !t.is_empty())
    {
        match value::prefix(text) {
            Ok((IpAddr::V6(address), _)) if address.is_unspecified() || address.is_multicast() => {
                let what = format!("'{address}' is not the address of an interface");
                diagnostics.error(given.line, "IPV6ADDR", what, ALLOWED);
            }
            Ok((IpAddr::V6(address), length)) => read.push((address, length)),
            Ok((IpAddr::V4(address), _)) => {
                let what = format!("'{address}' is not an IPv6 address");
                diagnostics.error(given.line, "IPV6ADDR", what, ALLOWED);
            }
            Err(why) => diagnostics.error(given.line, "IPV6ADDR", why, ALLOWED),
        }
    }
    read
}
