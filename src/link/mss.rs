//! TCP's maximum segment size (RFC 9293 section 3.7.1) made small enough for a link.
//!
//! Hosts that do not hear that their packets are too long (RFC 2923 section 2.1) still believe what
//! the other host seems to say when a connection begins.

use wanbox_wire::ip::{Ipv4, Ipv6, TcpFlags, adjust, protocol};

/// What the headers without options take of a packet: IPv4 and TCP.
pub const HEADERS_V4: u16 = 40;
/// IPv6 and TCP.
pub const HEADERS_V6: u16 = 60;

/// The flags that matter: those of RFC 793. The ones of ECN may come with SYN.
const FLAGS: u8 = 0x3f;

/// Options: their end, one octet of nothing, the maximum segment size.
const END: u8 = 0;
const NOTHING: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

/// Lowers the size that a SYN or SYN+ACK offers to what a packet of `mtu` octets holds, with its
/// checksum; `true` when it did. Anything else, malformed or not, stays as it is.
pub fn clamp(packet: &mut [u8], mtu: u16) -> bool {
    let Some((at, headers)) = tcp_start(packet) else {
        return false;
    };
    let Some(tcp) = packet.get_mut(at..) else {
        return false;
    };
    lower(tcp, mtu.saturating_sub(headers)).unwrap_or(false)
}

/// Where the TCP header starts, and the octets of the headers in a packet without options.
fn tcp_start(packet: &[u8]) -> Option<(usize, u16)> {
    match packet.first()? >> 4 {
        4 => {
            // The octets that tell are looked at before everything is checked: nearly no packet is a SYN.
            let &[first, .., protocol::TCP] = packet.first_chunk::<10>()? else {
                return None;
            };
            let at = usize::from(first & 0x0f) * 4;
            is_syn(packet.get(at..)?).then_some(())?;
            let ip = Ipv4::parse(packet).ok()?;
            (ip.fragment_offset() == 0).then_some((at, HEADERS_V4))
        }
        6 => {
            let next = *packet.get(6)?;
            if next == protocol::TCP {
                is_syn(packet.get(Ipv6::HEADER..)?).then_some(())?;
            } else if matches!(next, protocol::UDP | protocol::ICMPV6) {
                return None;
            }
            let ip = Ipv6::parse(packet).ok()?;
            let (found, tcp) = ip.transport()?;
            let at = ip.octets().len() - tcp.len();
            (found == protocol::TCP && is_syn(tcp)).then_some((at, HEADERS_V6))
        }
        _ => None,
    }
}

fn is_syn(tcp: &[u8]) -> bool {
    let syn = TcpFlags::SYN;
    tcp.get(13)
        .is_some_and(|flags| [syn.0, syn.with(TcpFlags::ACK).0].contains(&(flags & FLAGS)))
}

/// Looks through the options of a SYN. `None`: they are malformed from somewhere on.
fn lower(tcp: &mut [u8], most: u16) -> Option<bool> {
    let end = usize::from(tcp.get(12)? >> 4) * 4;
    let mut at = 20;
    while at < end {
        match *tcp.get(at)? {
            END => break,
            NOTHING => at += 1,
            MAXIMUM_SEGMENT_SIZE if tcp.get(at + 1) == Some(&4) && at + 4 <= end => {
                let field = tcp.get_mut(at + 2..at + 4)?;
                let old = u16::from_be_bytes([*field.first()?, *field.last()?]);
                if old <= most {
                    return Some(false);
                }
                field.copy_from_slice(&most.to_be_bytes());
                let sum = tcp.get_mut(16..18)?;
                let checksum = u16::from_be_bytes([*sum.first()?, *sum.last()?]);
                let checksum = changed(checksum, old, most, at.is_multiple_of(2));
                tcp.get_mut(16..18)?
                    .copy_from_slice(&checksum.to_be_bytes());
                return Some(true);
            }
            _ => {
                let length = usize::from(*tcp.get(at + 1)?);
                if length < 2 {
                    return None;
                }
                at += length;
            }
        }
    }
    Some(false)
}

/// The checksum after a field changed that starts at an even octet, or at an odd one: there its
/// octets are in two words, each in the other half (RFC 1071 section 2 (B)).
fn changed(checksum: u16, old: u16, new: u16, even: bool) -> u16 {
    if even {
        adjust(checksum, old, new)
    } else {
        adjust(checksum, old.swap_bytes(), new.swap_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use wanbox_wire::ip::{Ip, Ipv4Repr, Ipv6Repr, Tcp, TcpRepr};

    use super::*;

    fn segment(v6: bool, flags: u8, options: &[u8]) -> Vec<u8> {
        let ip = if v6 { 40 } else { 20 };
        let mut octets = vec![0; ip + 20];
        octets.extend_from_slice(options);
        let payload_len = (octets.len() - ip) as u16;
        let sum = if v6 {
            let header = Ipv6Repr {
                traffic_class: 0,
                flow_label: 0,
                next_header: protocol::TCP,
                hop_limit: 64,
                src: Ipv6Addr::LOCALHOST,
                dst: Ipv6Addr::LOCALHOST,
                payload_len,
            };
            header.emit(&mut octets).unwrap();
            header.pseudo_header()
        } else {
            let header = Ipv4Repr {
                tos: 0,
                ident: 1,
                dont_fragment: true,
                ttl: 64,
                protocol: protocol::TCP,
                src: Ipv4Addr::new(10, 0, 0, 1),
                dst: Ipv4Addr::new(10, 0, 0, 2),
                payload_len,
            };
            header.emit(&mut octets).unwrap();
            header.pseudo_header()
        };
        let tcp = TcpRepr {
            src_port: 1,
            dst_port: 2,
            seq: 3,
            ack: 4,
            flags: TcpFlags(flags),
            window: 5,
        };
        tcp.emit(&mut octets[ip..], options.len(), sum).unwrap();
        octets
    }

    fn checksum_is_valid(packet: &[u8]) -> bool {
        let ip = Ip::parse(packet).unwrap();
        let (found, tcp) = ip.transport().unwrap();
        let sum = ip.pseudo_header(found, tcp.len());
        Tcp::parse(tcp).unwrap().checksum_is_valid(sum)
    }

    #[test]
    fn a_syn_offers_what_fits() {
        for (v6, expected) in [(false, 1422u16), (true, 1402)] {
            for flags in [0x02, 0x12, 0xc2] {
                let at = if v6 { 40 } else { 20 } + 20;
                let mut packet = segment(v6, flags, &[2, 4, 0x05, 0xb4, 1, 1, 4, 2]);
                assert!(clamp(&mut packet, 1462));
                assert_eq!(packet[at + 2..at + 4], expected.to_be_bytes());
                assert!(checksum_is_valid(&packet));
                assert!(!clamp(&mut packet, 1462), "small enough now");
            }
        }
    }

    #[test]
    fn an_option_at_an_odd_place() {
        let mut packet = segment(false, 0x02, &[1, 2, 4, 0x05, 0xb4, 1, 1, 0]);
        assert!(clamp(&mut packet, 1000));
        assert_eq!(packet[43..45], 960u16.to_be_bytes());
        assert!(checksum_is_valid(&packet));
    }

    #[test]
    fn other_segments_stay() {
        let mss = [2, 4, 0x05, 0xb4];
        for flags in [0x10, 0x03, 0x06, 0x0a, 0x22, 0] {
            let mut packet = segment(false, flags, &mss);
            assert!(!clamp(&mut packet, 1000), "{flags:#x}");
        }
        let mut later = segment(false, 0x02, &mss);
        later[7] = 1;
        assert!(!clamp(&mut later, 1000));
        // Malformed options: behind one of length zero, of a wrong length, cut, behind the end.
        for options in [
            [3, 0, 2, 4, 5, 0xb4, 0, 0],
            [2, 3, 5, 0xb4, 1, 1, 1, 1],
            [1, 1, 1, 1, 1, 1, 2, 4],
            [0, 0, 2, 4, 5, 0xb4, 0, 0],
        ] {
            let mut packet = segment(false, 0x02, &options);
            assert!(!clamp(&mut packet, 1000), "{options:?}");
        }
    }

    proptest! {
        #[test]
        fn the_checksum_stays_right(mss: u16, mtu: u16, v6: bool, odd: bool) {
            let [high, low] = mss.to_be_bytes();
            let options = if odd { [1, 2, 4, high, low, 1, 1, 1] } else { [1, 1, 2, 4, high, low, 1, 1] };
            let mut packet = segment(v6, 0x02, &options);
            let most = mtu.saturating_sub(if v6 { HEADERS_V6 } else { HEADERS_V4 });
            prop_assert_eq!(clamp(&mut packet, mtu), mss > most);
            prop_assert!(checksum_is_valid(&packet));
        }

        #[test]
        fn any_octets(mut octets in prop::collection::vec(any::<u8>(), 0..120), mtu: u16) {
            let before = octets.len();
            clamp(&mut octets, mtu);
            prop_assert_eq!(octets.len(), before);
        }
    }
}
