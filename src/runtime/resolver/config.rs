//! resolv.conf(5) and hosts(5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{Family, ResolveError};
use crate::files::{self, FileError, Root};

/// Where a resolver reads its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Names with addresses of their own.
    pub hosts: PathBuf,
    /// The name servers.
    pub resolv_conf: PathBuf,
    /// The port of the name servers.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: "/etc/hosts".into(),
            resolv_conf: "/etc/resolv.conf".into(),
            port: 53,
        }
    }
}

impl Settings {
    /// The files below a prefix, which may bring its own; where it does not, the system's serve.
    #[must_use]
    pub fn below(root: &Root) -> Self {
        let file = |path: PathBuf| {
            let own = root.path(&path);
            if own.exists() { own } else { path }
        };
        let system = Self::default();
        Self {
            hosts: file(system.hosts),
            resolv_conf: file(system.resolv_conf),
            ..system
        }
    }
}

/// The longest configuration file, octets. Lists that block names have long hosts files.
const MAX_FILE: u64 = 8 << 20;
/// resolv.conf(5): more servers are ignored.
const MAX_SERVERS: usize = 3;
const MAX_SEARCH: usize = 6;

/// How to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    /// A name with fewer dots is tried with the search list first.
    pub(super) ndots: usize,
    /// How long to wait for one answer.
    pub(super) timeout: Duration,
    /// How often to go through all servers.
    pub(super) attempts: u32,
}

impl Config {
    /// Reads the configuration; a file that is not there leaves the defaults.
    pub(super) fn load(settings: &Settings) -> Result<Self, ResolveError> {
        Ok(Self::parse(&load(&settings.resolv_conf)?, settings.port))
    }

    /// Lines and options that make no sense are skipped, as every resolver does.
    pub(super) fn parse(text: &str, port: u16) -> Self {
        let mut config = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    if let Some(server) = words.next().and_then(|word| word.parse().ok())
                        && config.servers.len() < MAX_SERVERS
                    {
                        config.servers.push(SocketAddr::new(server, port));
                    }
                }
                // The last of either counts.
                Some("search") => {
                    config.search = words.take(MAX_SEARCH).map(str::to_owned).collect();
                }
                Some("domain") => {
                    config.search = words.take(1).map(str::to_owned).collect();
                }
                Some("options") => words.for_each(|option| config.option(option)),
                _ => {}
            }
        }
        if config.servers.is_empty() {
            config
                .servers
                .push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        }
        config
    }

    /// The limits are those of resolv.conf(5).
    fn option(&mut self, option: &str) {
        let Some((name, Ok(value))) = option
            .split_once(':')
            .map(|(name, value)| (name, value.parse::<u32>()))
        else {
            return;
        };
        match name {
            "ndots" => self.ndots = value.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(value.clamp(1, 30).into()),
            "attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }

    /// The full names to ask for, in their order.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(full) = name.strip_suffix('.') {
            return vec![full.to_owned()];
        }
        let mut names: Vec<String> = self
            .search
            .iter()
            .map(|domain| format!("{name}.{}", domain.trim_matches('.')))
            .filter(|name| check_name(name).is_ok())
            .collect();
        let dots = name.bytes().filter(|&octet| octet == b'.').count();
        let place = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(place, name.to_owned());
        names
    }
}

/// The addresses of a name that needs no server: an address, localhost, one of the hosts file.
pub(super) fn local(
    settings: &Settings,
    name: &str,
    family: Family,
) -> Result<Option<Vec<IpAddr>>, ResolveError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(Some(vec![address]));
    }
    let found = in_hosts(&load(&settings.hosts)?, name, family);
    if !found.is_empty() {
        return Ok(Some(found));
    }
    // RFC 6761 section 6.3: never ask a server for it.
    let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if bare == "localhost" || bare.ends_with(".localhost") {
        let both = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        return Ok(Some(
            both.into_iter().filter(|a| family.includes(a)).collect(),
        ));
    }
    Ok(None)
}

fn in_hosts(hosts: &str, name: &str, family: Family) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut found = Vec::new();
    for line in hosts.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        if let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>)
            && family.includes(&address)
            && !found.contains(&address)
            && words.any(|word| word.eq_ignore_ascii_case(name))
        {
            found.push(address);
        }
    }
    found
}

fn load(path: &std::path::Path) -> Result<String, ResolveError> {
    match files::read(path, MAX_FILE) {
        Ok(octets) => Ok(String::from_utf8_lossy(&octets).into_owned()),
        Err(error) if error.is_absent() => Ok(String::new()),
        Err(error @ FileError { .. }) => Err(ResolveError::File(error)),
    }
}

/// Whether this can be the name of a host (RFC 1123 section 2.1, with underscores).
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.is_empty() {
        return Err("it is empty");
    }
    if bare.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    for label in bare.split('.') {
        if label.is_empty() {
            return Err("a part between dots is empty");
        }
        if label.len() > 63 {
            return Err("a part between dots is longer than 63 characters");
        }
        if !label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
        {
            return Err("only letters, digits, -, _ and dots are allowed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resolv_conf() {
        let config = Config::parse(
            "# comment\n; comment\ndomain old.example\nnameserver 192.0.2.1 # first\n\
             nameserver nonsense\nnameserver 2001:db8::1\nsearch a.example b.example.\n\
             options ndots:2 timeout:99 attempts:0 rotate timeout:x\n\
             nameserver 192.0.2.3\nnameserver 192.0.2.4\n",
            53,
        );
        let servers = ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"];
        assert_eq!(config.servers, servers.map(|s| s.parse().unwrap()));
        assert_eq!(config.search, ["a.example", "b.example."]);
        assert_eq!(config.ndots, 2);
        assert_eq!(config.timeout, Duration::from_secs(30));
        assert_eq!(config.attempts, 1);
        let names = ["x.y.a.example", "x.y.b.example", "x.y"];
        assert_eq!(config.candidates("x.y"), names);
        let names = ["x.y.z", "x.y.z.a.example", "x.y.z.b.example"];
        assert_eq!(config.candidates("x.y.z"), names);
        assert_eq!(config.candidates("x."), ["x"]);
    }

    #[test]
    fn an_empty_resolv_conf_means_a_server_on_this_host() {
        let config = Config::parse("", 5353);
        assert_eq!(config.servers, ["127.0.0.1:5353".parse().unwrap()]);
        assert_eq!((config.ndots, config.attempts), (1, 2));
        assert_eq!(config.timeout, Duration::from_secs(5));
        assert_eq!(config.candidates("host"), ["host"]);
    }

    #[test]
    fn finds_hosts() {
        let hosts = "127.0.0.1 localhost\n\n192.0.2.7\tRouter.example router # gw\n\
                     2001:db8::7 router\n# 192.0.2.8 router\nbad router\n192.0.2.7 router\n";
        let found = |name, family| in_hosts(hosts, name, family);
        let v4: IpAddr = "192.0.2.7".parse().unwrap();
        let v6: IpAddr = "2001:db8::7".parse().unwrap();
        assert_eq!(found("ROUTER", Family::Any), [v4, v6]);
        assert_eq!(found("router.", Family::V6), [v6]);
        assert_eq!(found("router.EXAMPLE", Family::V4), [v4]);
        assert!(found("gw", Family::Any).is_empty());
        assert!(found("rout", Family::Any).is_empty());
    }

    #[test]
    fn names() {
        for good in ["a", "a.b-c.d_e", "10.x", "x.", &"a".repeat(63)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "abcdefg.".repeat(32);
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "ä",
            "a\0",
            &"a".repeat(64),
            &long,
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
