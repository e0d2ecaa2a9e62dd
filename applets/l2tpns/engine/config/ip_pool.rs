//! `ip_pool`: the addresses that subscribers are given.
//!
//! A line is an address or a network, `10.0.0.1` or `10.0.0.0/24`. Behind `A.B.C.D:` it only counts
//! where tunnels are accepted on that address, so that the machines of a cluster can share a file.
//! Addresses that end in .0 or .255 are never given.

use std::net::{IpAddr, Ipv4Addr};

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value;

use super::value::decimal;

/// How many lines may be wrong before the rest is not looked at.
const MAX_FINDINGS: usize = 200;

/// Networks and the lengths of their prefixes; a single address has 32. Each of them is routed to
/// the TUN.
pub type Networks = Vec<(Ipv4Addr, u8)>;

/// Reads a pool. `name` is how people know the file, `listen` the addresses on which tunnels are
/// accepted. With the networks come warnings.
///
/// # Errors
/// All that is wrong, with its lines; among it the warnings.
pub fn parse_pool(
    name: &str,
    text: &str,
    listen: &[IpAddr],
) -> Result<(Networks, Diagnostics), Diagnostics> {
    let mut findings = Diagnostics::new(name);
    let mut networks = Networks::new();
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
        match read(line, listen) {
            Ok((network, remark)) => {
                networks.extend(network);
                if let Some(remark) = remark {
                    findings.warning(number, "", remark);
                }
            }
            Err(wrong) => findings.error(number, "", wrong, ""),
        }
    }
    if networks.is_empty() && !findings.has_errors() {
        findings.warning(0, "", "has no address: only RADIUS gives any");
    }
    if findings.has_errors() {
        Err(findings)
    } else {
        Ok((networks, findings))
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
        let (networks, findings) = parse_pool("ip_pool", text, &listen()).unwrap();
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
        let (networks, findings) = parse_pool("p", "10.1.2.3/24\n10.0.0.0\n", &listen()).unwrap();
        assert_eq!(
            networks,
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
        let (networks, findings) = parse_pool("p", "\n", &listen()).unwrap();
        assert_eq!((networks.len(), findings.iter().count()), (0, 1));
        assert!(
            parse_pool("p", &"x\n".repeat(9999), &[])
                .unwrap_err()
                .iter()
                .count()
                < 300
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([0-9./:# \\n-]|\\PC){0,80}") {
            let _ = parse_pool("p", &text, &listen());
        }

        #[test]
        fn every_network_is_read(bits in any::<u32>(), length in 1_u8..=32) {
            let address = Ipv4Addr::from_bits(bits);
            let (networks, _) = parse_pool("p", &format!("{address}/{length}"), &[]).unwrap();
            let (network, read) = networks[0];
            prop_assert_eq!(read, length);
            prop_assert!((network.to_bits() ^ bits).leading_zeros() >= u32::from(length));
            let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            prop_assert_eq!(network.to_bits() & host, 0);
        }
    }
}
