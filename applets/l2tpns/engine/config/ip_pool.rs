//! `ip_pool`: the addresses that subscribers are given.
//!
//! A line is an address or a network, `10.0.0.1` or `10.0.0.0/24`. Behind `A.B.C.D:` it only counts
//! where tunnels are accepted on that address, so that the machines of a cluster can share a file.
//! Addresses that end in .0 or .255 are never given.
//!
//! `[NAME]` begins a pool for subscribers whose Framed-Pool is this name. The lines before belong to
//! the pool of all others, so that a file of the original is one pool.

use std::net::{IpAddr, Ipv4Addr};

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value;

use super::value::decimal;

/// How many lines may be wrong before the rest is not looked at.
const MAX_FINDINGS: usize = 200;

/// The longest name of a pool, octets: as that of an access list.
const MAX_NAME: usize = 31;

/// Networks and the lengths of their prefixes; a single address has 32. Each of them is routed to
/// the TUN.
pub type Networks = Vec<(Ipv4Addr, u8)>;

/// The address pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPools {
    /// That of subscribers for whom nobody names one.
    pub own: Networks,
    /// Those with names.
    pub named: Vec<(String, Networks)>,
}

impl AddressPools {
    /// The networks of all of them.
    #[must_use]
    pub fn all(&self) -> Networks {
        let named = self.named.iter().flat_map(|(_, networks)| networks);
        self.own.iter().chain(named).copied().collect()
    }
}

/// Reads the pools. `name` is how people know the file, `listen` the addresses on which tunnels are
/// accepted. With the networks come warnings.
///
/// # Errors
/// All that is wrong, with its lines; among it the warnings.
pub fn parse_pool(
    name: &str,
    text: &str,
    listen: &[IpAddr],
) -> Result<(AddressPools, Diagnostics), Diagnostics> {
    let mut findings = Diagnostics::new(name);
    let mut pools = AddressPools::default();
    // Those that count: the place of the pool among those with names, the network, its line.
    let mut lines: Vec<(Option<usize>, (Ipv4Addr, u8), usize)> = Vec::new();
    let mut current = None;
    for (place, line) in text.lines().enumerate() {
        let number = place + 1;
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if findings.iter().count() >= MAX_FINDINGS {
            findings.error(number, "", "too much is wrong: the rest is not read", "");
            break;
        }
        if let Some(name) = line.strip_prefix('[') {
            match section(name) {
                Ok(name) => {
                    let known = pools.named.iter().position(|(known, _)| known == name);
                    current = known.or(Some(pools.named.len()));
                    if known.is_none() {
                        pools.named.push((name.to_owned(), Networks::new()));
                    }
                }
                Err(wrong) => findings.error(number, "", wrong, ""),
            }
            continue;
        }
        match read(line, listen) {
            Ok((network, remark)) => {
                lines.extend(network.map(|network| (current, network, number)));
                if let Some(remark) = remark {
                    findings.warning(number, "", remark);
                }
            }
            Err(wrong) => findings.error(number, "", wrong, ""),
        }
    }
    for (pool, network, _) in &lines {
        let named = pool.and_then(|place| pools.named.get_mut(place));
        let networks = named.map_or(&mut pools.own, |(_, networks)| networks);
        networks.push(*network);
    }
    if lines.is_empty() && !findings.has_errors() {
        findings.warning(0, "", "has no address: only RADIUS gives any");
    }
    for (name, networks) in &pools.named {
        if networks.is_empty() && !findings.has_errors() {
            findings.warning(0, "", format!("the pool {name} has no address"));
        }
    }
    find_overlaps(lines, &mut findings);
    if findings.has_errors() {
        Err(findings)
    } else {
        Ok((pools, findings))
    }
}

/// The name of a pool, behind the bracket.
fn section(rest: &str) -> Result<&str, String> {
    let name = rest.strip_suffix(']').map(str::trim).unwrap_or_default();
    let fits = |c: char| c.is_ascii_graphic() && !"[]".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(format!(
            "'[{rest}' does not name a pool: '[NAME]', of up to {MAX_NAME} visible characters"
        ));
    }
    Ok(name)
}

/// No address may be given by two pools.
fn find_overlaps(
    mut lines: Vec<(Option<usize>, (Ipv4Addr, u8), usize)>,
    findings: &mut Diagnostics,
) {
    lines.sort_by_key(|(_, (network, _), _)| *network);
    let mut before: Option<(Option<usize>, u32, usize)> = None;
    for (pool, (network, length), line) in lines {
        let last = network.to_bits() | u32::MAX.checked_shr(length.into()).unwrap_or(0);
        if let Some((other, end, first)) = before {
            if other != pool && network.to_bits() <= end {
                let wrong = format!("{network}/{length} is in another pool, in line {first}");
                findings.error(line, "", wrong, "");
            }
            if last <= end {
                continue;
            }
        }
        before = Some((pool, last, line));
    }
}

/// A network of a line, if it counts here, and a remark.
type Line = (Option<(Ipv4Addr, u8)>, Option<String>);

fn read(line: &str, listen: &[IpAddr]) -> Result<Line, String> {
    let (owner, line) = match line.split_once(':') {
        Some((owner, line)) => (Some(value::ipv4(owner.trim())?), line.trim()),
        None => (None, line),
    };
    let (address, length) = match line.split_once('/') {
        Some((address, bits)) => {
            let length = decimal(bits).and_then(|bits| u8::try_from(bits).ok());
            let length = length.filter(|length| (1..=32).contains(length));
            let wrong = || format!("'{bits}' is not a length of a prefix from 1 to 32");
            (value::ipv4(address)?, length.ok_or_else(wrong)?)
        }
        None => (value::ipv4(line)?, 32),
    };
    if owner.is_some_and(|owner| !listen.contains(&owner.into())) {
        return Ok((None, None));
    }
    // The length is at least 1.
    let network = Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - u32::from(length))));
    let remark = if network != address {
        Some(format!("the network of {address}/{length} is {network}"))
    } else if length == 32 && matches!(address.octets(), [.., 0 | 255]) {
        Some(format!("{address} is never given: it ends in .0 or .255"))
    } else {
        None
    };
    Ok((Some((network, length)), remark))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listen() -> [IpAddr; 2] {
        [
            Ipv4Addr::new(10, 9, 0, 1).into(),
            "2001:db8::1".parse().unwrap(),
        ]
    }

    #[test]
    fn networks_addresses_and_owners() {
        let text = "# comment\n\n10.10.10.0/24\n  192.168.1.7\r\n10.9.0.1: 172.16.0.0/12\n\
                    10.9.0.2:10.0.0.0/8\n10.20.0.0/29 # small\n";
        let (pools, findings) = parse_pool("ip_pool", text, &listen()).unwrap();
        let networks = pools.own;
        let shown: Vec<String> = networks.iter().map(|(a, l)| format!("{a}/{l}")).collect();
        assert_eq!(
            shown,
            [
                "10.10.10.0/24",
                "192.168.1.7/32",
                "172.16.0.0/12",
                "10.20.0.0/29"
            ]
        );
        assert!(findings.is_empty());
    }

    #[test]
    fn what_is_wrong_and_what_is_odd() {
        let text = "10.0.0.0/0\n10.0.0.0/33\n10.0.0/8\nx: 10.0.0.1\n10.0.0.0/a\n10.0.0.1\n/\n";
        let findings = parse_pool("ip_pool", text, &listen()).unwrap_err();
        let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 7]);
        let text = findings.to_string();
        assert!(
            text.starts_with("ip_pool:1: '0' is not a length of a prefix from 1 to 32\n"),
            "{text}"
        );
        let (pools, findings) = parse_pool("p", "10.1.2.3/24\n10.0.0.0\n", &listen()).unwrap();
        assert_eq!(
            pools.own,
            [
                (Ipv4Addr::new(10, 1, 2, 0), 24),
                (Ipv4Addr::new(10, 0, 0, 0), 32)
            ]
        );
        assert_eq!(
            findings.to_string(),
            "p:1: warning: the network of 10.1.2.3/24 is 10.1.2.0\n\
             p:2: warning: 10.0.0.0 is never given: it ends in .0 or .255"
        );
        let (pools, findings) = parse_pool("p", "\n", &listen()).unwrap();
        assert_eq!((pools.all().len(), findings.iter().count()), (0, 1));
        assert!(
            parse_pool("p", &"x\n".repeat(9999), &[])
                .unwrap_err()
                .iter()
                .count()
                < 300
        );
    }

    #[test]
    fn pools_with_names() {
        let text = "10.0.0.0/24\n[gold] # for those who pay\n10.1.0.0/16\n[ silver ]\n10.2.0.1\n\
                    [gold]\n10.9.0.2: 10.4.0.0/24\n10.3.0.0/24\n[none]\n";
        let (pools, findings) = parse_pool("p", text, &listen()).unwrap();
        let net = |a, b, c, bits| (Ipv4Addr::new(10, a, b, c), bits);
        assert_eq!(pools.own, [net(0, 0, 0, 24)]);
        let named = [
            ("gold".to_owned(), vec![net(1, 0, 0, 16), net(3, 0, 0, 24)]),
            ("silver".to_owned(), vec![net(2, 0, 1, 32)]),
            ("none".to_owned(), vec![]),
        ];
        assert_eq!(pools.named, named);
        assert_eq!(pools.all().len(), 4);
        assert_eq!(
            findings.to_string(),
            "p: warning: the pool none has no address"
        );
        for wrong in [
            "[]",
            "[gold",
            "[a b]",
            "[[x]",
            &format!("[{}]", "x".repeat(32)),
        ] {
            let findings = parse_pool("p", wrong, &[]).unwrap_err().to_string();
            assert!(findings.contains("does not name a pool"), "{findings}");
        }
    }

    #[test]
    fn an_address_is_in_one_pool() {
        let wrong = |text: &str| {
            let findings = parse_pool("p", text, &[]).unwrap_err();
            findings.iter().map(|f| f.line).collect::<Vec<_>>()
        };
        assert_eq!(wrong("10.0.0.0/8\n10.1.0.0/24\n[a]\n10.2.0.0/16\n"), [4]);
        assert_eq!(wrong("10.1.0.7\n[a]\n10.0.0.0/8\n"), [1]);
        assert_eq!(wrong("[a]\n10.0.0.0/24\n[b]\n10.0.0.0/24\n"), [4]);
        let text = "[a]\n10.0.0.0/8\n10.1.0.0/24\n[b]\n11.0.0.0/8\n255.255.255.255\n";
        assert!(parse_pool("p", text, &[]).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r"([\[\]0-9./:# \n-]|\PC){0,80}") {
            let _ = parse_pool("p", &text, &listen());
        }

        #[test]
        fn every_network_is_read(bits in any::<u32>(), length in 1_u8..=32) {
            let address = Ipv4Addr::from_bits(bits);
            let (pools, _) = parse_pool("p", &format!("{address}/{length}"), &[]).unwrap();
            let (network, read) = pools.own[0];
            prop_assert_eq!(read, length);
            prop_assert!((network.to_bits() ^ bits).leading_zeros() >= u32::from(length));
            let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            prop_assert_eq!(network.to_bits() & host, 0);
        }
    }
}
