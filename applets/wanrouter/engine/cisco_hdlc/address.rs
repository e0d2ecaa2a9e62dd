//! The address that a SLARP reply gives.

use std::net::Ipv4Addr;

/// Why a reply gives no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadReply {
    /// The mask has holes, or leaves no room for two hosts or no network.
    Mask,
    /// The address is none that a host can have, or its host part is neither 1 nor 2.
    Address,
}

/// Cisco's rule: the two ends of a serial line are the hosts 1 and 2 of a
/// network, so the replier's address tells ours.
pub(super) fn derive(peer: Ipv4Addr, mask: Ipv4Addr) -> Result<Ipv4Addr, BadReply> {
    let mask = u32::from(mask);
    let prefix = mask.leading_ones();
    let contiguous = prefix + mask.trailing_zeros() == u32::BITS;
    if !contiguous || !(1..=30).contains(&prefix) {
        return Err(BadReply::Mask);
    }
    let address = u32::from(peer);
    let first = peer.octets()[0];
    if first == 0 || first == 127 || first >= 224 {
        return Err(BadReply::Address);
    }
    let host = match address & !mask {
        1 => 2,
        2 => 1,
        _ => return Err(BadReply::Address),
    };
    Ok(Ipv4Addr::from((address & mask) | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(peer: &str, mask: &str) -> Result<Ipv4Addr, BadReply> {
        derive(peer.parse().unwrap(), mask.parse().unwrap())
    }

    #[test]
    fn the_other_of_one_and_two() {
        let own = |text: &str| Ok(text.parse().unwrap());
        assert_eq!(derived("201.1.1.1", "255.255.255.0"), own("201.1.1.2"));
        assert_eq!(derived("201.1.1.2", "255.255.255.0"), own("201.1.1.1"));
        assert_eq!(derived("10.0.0.33", "255.255.255.224"), own("10.0.0.34"));
        assert_eq!(derived("10.9.8.254", "255.255.255.252"), own("10.9.8.253"));
        assert_eq!(derived("10.0.0.1", "255.0.0.0"), own("10.0.0.2"));
        assert_eq!(derived("172.16.0.2", "255.255.0.0"), own("172.16.0.1"));
    }

    #[test]
    fn other_hosts_give_none() {
        for peer in [
            "201.1.1.0",
            "201.1.1.3",
            "201.1.1.255",
            "0.0.0.1",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.1",
        ] {
            assert_eq!(
                derived(peer, "255.255.255.0"),
                Err(BadReply::Address),
                "{peer}"
            );
        }
        // Host 1 of its octet, but not of its network.
        assert_eq!(derived("10.1.0.1", "255.0.0.0"), Err(BadReply::Address));
    }

    #[test]
    fn impossible_masks_give_none() {
        for mask in [
            "0.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "255.0.255.0",
            "0.255.255.255",
        ] {
            assert_eq!(derived("10.0.0.1", mask), Err(BadReply::Mask), "{mask}");
        }
    }
}
