//! What the configuration means for the parts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Concentrator, Level};
use crate::config::Config;
use crate::radius::{Nas, SharedSecret, dae};
use crate::{ipv6, plane, plugin, radius, tunnel};

/// The silence in a tunnel after which its peer is asked for a sign of life.
const HELLO: Duration = Duration::from_secs(60);
/// How long calls may wait for their turn; their LACs may have less patience.
const CALL_SET_UP: Duration = Duration::from_secs(180);
/// Access-Requests under way at a time: the identifiers of some sockets.
const OUTSTANDING: usize = 1024;

pub(super) fn tunnels(config: &Config, machine: &str) -> Arc<tunnel::Config> {
    let names = 0..config.listen_addresses().len();
    Arc::new(tunnel::Config {
        host_names: names
            .map(|place| config.tunnel_host_name(place, machine).as_bytes().into())
            .collect(),
        secret: (!config.l2tp_secret.is_empty()).then(|| config.l2tp_secret.as_bytes().into()),
        authentication: if config.l2tp_challenge {
            tunnel::Authentication::Require
        } else {
            tunnel::Authentication::Mutual
        },
        hello: (!config.disable_sending_hello).then_some(HELLO),
        setup_time: CALL_SET_UP,
        follow_address: config.auth_tunnel_change_addr_src,
        ..tunnel::Config::default()
    })
}

pub(super) fn limits(config: &Config) -> tunnel::Limits {
    tunnel::Limits {
        tunnels: u16::try_from(config.max_tunnels).unwrap_or(u16::MAX),
        ..tunnel::Limits::default()
    }
}

pub(super) fn radius(config: &Config, machine: &str) -> radius::Config {
    radius::Config {
        nas: nas(config, machine),
        require_message_authenticator: config.radius_message_authenticator,
        outstanding: OUTSTANDING,
        ..radius::Config::new(
            config.radius_servers(),
            SharedSecret::new(config.radius_secret.as_bytes()),
        )
    }
}

pub(super) fn dae(config: &Config, machine: &str) -> dae::Config {
    let servers = config.radius_servers();
    let servers = servers.iter().map(|server| server.address);
    dae::Config {
        secret: SharedSecret::new(config.radius_secret.as_bytes()),
        nas: nas(config, machine),
        clients: servers.chain(config.dae_clients.iter().copied()).collect(),
        require_timestamp: config.dae_require_timestamp,
        require_message_authenticator: config.dae_require_message_authenticator,
    }
}

fn nas(config: &Config, machine: &str) -> Nas {
    Nas {
        ipv4: config.nas_address(),
        ipv6: None,
        identifier: config.host_name(machine).into(),
    }
}

pub(super) fn plugins(config: &Config) -> plugin::Settings {
    plugin::Settings {
        throttle_speed: config.throttle_speed,
        snoop: config.snoop_collector(),
        time_limit: config.plugin_timeout,
        policy: if config.plugins_required {
            plugin::Policy::Closed
        } else {
            plugin::Policy::Open
        },
    }
}

pub(super) fn ipv6(config: &Config) -> ipv6::Settings {
    let dns = [config.primary_ipv6_dns, config.secondary_ipv6_dns];
    ipv6::Settings {
        prefix: config.ipv6_prefix,
        dns: dns.into_iter().flatten().collect(),
        dns_lifetime: config.dns6_lifetime,
        domains: config.default_ipv6_domain_list.clone(),
        preferred_lifetime: config.dhcp6_preferred_lifetime,
        valid_lifetime: config.dhcp6_valid_lifetime,
        server_duid: config.dhcp6_server_duid,
    }
}

pub(super) fn plane(config: &Config) -> plane::Config {
    plane::Config {
        icmp_rate: config.icmp_rate,
        // One that leads back to this machine, other than the gateway that clients are told of.
        icmp_source: Some(config.nas_address().unwrap_or_else(|| config.ppp_address())),
        icmpv6_source: config.ipv6_prefix.map(|prefix| {
            let prefix = u128::from(prefix) & !u128::from(u64::MAX);
            (prefix | 1).into()
        }),
        packet_limit: config.packet_limit,
        check_source: !config.disable_no_spoof,
        follow_source: config.auth_tunnel_change_addr_src,
        local_unthrottled: config.no_throttle_local_ip,
    }
}

impl Concentrator {
    /// Has the data path know the access lists of the configuration; one that is gone stays as
    /// long as a session has it.
    pub(super) fn set_access_lists(&mut self, old: Option<&Config>) {
        for list in &self.config.access_lists.0 {
            self.plane.set_list(&list.name, list.rules.iter().copied());
        }
        let gone = old.map_or(&[][..], |old| &old.access_lists.0);
        for list in gone {
            if self.config.access_lists.find(&list.name).is_none() {
                // Whoever has it keeps it.
                let _ = self.plane.remove_list(&list.name);
            }
        }
    }

    /// Loads the plugins of the configuration and removes those that were in the one before.
    pub(super) fn load_plugins(&mut self, now: Instant, old: &[String]) {
        let wanted: BTreeSet<_> = self.config.plugins.iter().collect();
        for name in old.iter().filter(|name| !wanted.contains(name)) {
            // Somebody may have removed it already.
            let _ = self.plugins.remove(now, name, &self.sessions);
        }
        let config = Arc::clone(&self.config);
        for name in config.plugins.iter().filter(|name| !old.contains(name)) {
            if let Err(error) = self.plugins.load(now, name)
                && error != plugin::PluginError::Loaded
            {
                self.log(Level::Error, None, None, || {
                    format!("plugin {name}: {error}")
                });
            }
        }
    }
}
