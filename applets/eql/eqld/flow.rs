//! The flow a packet belongs to: what has the same hash keeps its order with `--order flow`.

/// A hash of what stays the same in a flow (RFC 6437, 2): addresses, protocol, and the ports of TCP,
/// UDP and SCTP, or the flow label of IPv6. Fragments count by addresses and protocol alone, because
/// only the first one has ports. Of what is no IP packet, 0.
pub fn hash(packet: &[u8]) -> u32 {
    let octet = |at: usize| packet.get(at).copied().unwrap_or(0);
    match octet(0) >> 4 {
        4 => {
            let header = usize::from(octet(0) & 0xf) * 4;
            let fragmented = u16::from_be_bytes([octet(6), octet(7)]) & 0x3fff != 0;
            let ports = ports(packet, octet(9), header).filter(|_| !fragmented);
            mix(
                &[packet.get(12..20).unwrap_or_default(), &[octet(9)]],
                ports,
            )
        }
        6 => {
            let label = [octet(1) & 0xf, octet(2), octet(3)];
            let addresses = packet.get(8..40).unwrap_or_default();
            // A sender that sets the label keeps it for the flow, fragments and extension headers included.
            if label != [0; 3] {
                return mix(&[addresses, &label], None);
            }
            mix(&[addresses, &[octet(6)]], ports(packet, octet(6), 40))
        }
        _ => 0,
    }
}

/// Both ports, where the protocol has them.
fn ports(packet: &[u8], protocol: u8, at: usize) -> Option<&[u8]> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const SCTP: u8 = 132;
    matches!(protocol, TCP | UDP | SCTP)
        .then(|| packet.get(at..at + 4))
        .flatten()
}

/// FNV-1a, 32 bits, and its halves folded together: the low bits are what is used.
fn mix(parts: &[&[u8]], last: Option<&[u8]>) -> u32 {
    let octets = parts.iter().copied().chain(last).flatten();
    let hash = octets.fold(0x811c_9dc5_u32, |hash, octet| {
        (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193)
    });
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of TCP or UDP.
    fn ipv4(protocol: u8, fragment: u16, source: u8, ports: [u8; 4]) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[0] = 0x45;
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = protocol;
        packet[12..20].copy_from_slice(&[10, 0, 0, source, 10, 0, 0, 99]);
        packet[20..24].copy_from_slice(&ports);
        packet
    }

    #[test]
    fn flows_are_told_apart() {
        let one = ipv4(6, 0x4000, 1, [0, 20, 4, 1]);
        let mut later = one.clone();
        later[4..6].copy_from_slice(&[7, 7]);
        later[30] = 9;
        assert_eq!(hash(&one), hash(&later), "identification and content");
        for other in [
            ipv4(6, 0x4000, 1, [0, 20, 4, 2]),
            ipv4(17, 0x4000, 1, [0, 20, 4, 1]),
            ipv4(6, 0x4000, 2, [0, 20, 4, 1]),
        ] {
            assert_ne!(hash(&one), hash(&other));
        }
        // The first fragment has ports, the others do not: both are one flow.
        let first = ipv4(17, 0x2000, 1, [0, 20, 4, 1]);
        let second = ipv4(17, 0x00b9, 1, [0xde, 0xad, 0xbe, 0xef]);
        assert_eq!(hash(&first), hash(&second));
    }

    #[test]
    fn ipv6_by_label_or_ports() {
        let mut packet = vec![0; 60];
        packet[0] = 0x60;
        packet[6] = 6;
        packet[23] = 1;
        packet[39] = 2;
        packet[40..44].copy_from_slice(&[0, 20, 4, 1]);
        let mut other = packet.clone();
        other[43] = 2;
        assert_ne!(hash(&packet), hash(&other));
        packet[3] = 5;
        other[3] = 5;
        assert_eq!(hash(&packet), hash(&other), "the label says it all");
    }

    #[test]
    fn nothing_is_too_short() {
        let packet = ipv4(6, 0, 1, [1, 2, 3, 4]);
        for len in 0..packet.len() {
            hash(&packet[..len]);
        }
        assert_eq!(hash(&[]), 0);
        assert_eq!(hash(&[0x10; 60]), 0);
    }
}
