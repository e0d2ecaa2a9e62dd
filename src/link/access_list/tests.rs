use proptest::prelude::*;
use wanbox_wire::ip::Ipv4Repr;

use super::*;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

/// A packet from port 1000 to port 80 with these flags, as the fragment at this offset in units of eight octets.
fn packet(protocol: u8, flags: u8, offset: u16, payload: usize) -> Vec<u8> {
    let mut octets = vec![0; 20 + payload];
    let header = Ipv4Repr {
        tos: 0,
        ident: 7,
        dont_fragment: false,
        ttl: 64,
        protocol,
        src: SOURCE,
        dst: DESTINATION,
        payload_len: payload as u16,
    };
    header.emit(&mut octets).unwrap();
    octets[6..8].copy_from_slice(&offset.to_be_bytes());
    let transport = [0x03, 0xe8, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags];
    for (to, from) in octets[20..].iter_mut().zip(transport) {
        *to = from;
    }
    octets
}

fn tcp(flags: u8) -> Vec<u8> {
    packet(protocol::TCP, flags, 0, 20)
}

fn rule(protocol: Protocol) -> Rule {
    Rule {
        protocol,
        ..Rule::any(Action::Permit)
    }
}

fn decides(rule: Rule, packet: &[u8]) -> bool {
    let mut list = AccessList::new([rule]);
    list.permits(packet);
    list.unmatched() == 0
}

#[test]
fn the_first_rule_that_matches_decides_and_counts() {
    let host = |action| Rule {
        source: Address::host(SOURCE),
        ..Rule::any(action)
    };
    let mut list = AccessList::new([
        Rule {
            protocol: Protocol::Udp,
            ..host(Action::Permit)
        },
        host(Action::Deny),
        Rule::any(Action::Permit),
    ]);
    assert!(!list.permits(&tcp(0x10)));
    assert!(list.permits(&packet(protocol::UDP, 0, 0, 8)));
    let mut other = tcp(0x10);
    other[12] = 11;
    assert!(list.permits(&other));
    assert_eq!(list.rules().map(|(_, n)| n).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(list.unmatched(), 0);
    // A rule that stays keeps its count.
    list.replace([Rule::any(Action::Permit), Rule::any(Action::Deny)]);
    assert_eq!(list.rules().map(|(_, n)| n).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn an_empty_list_denies_everything() {
    let mut list = AccessList::new([]);
    assert!(!list.permits(&tcp(0x02)));
    assert_eq!(list.unmatched(), 1);
}

#[test]
fn wildcards_say_which_bits_do_not_matter() {
    let net = Address {
        address: Ipv4Addr::new(10, 1, 77, 77),
        wildcard: Ipv4Addr::new(0, 0, 255, 255),
    };
    assert!(net.matches(SOURCE) && !net.matches(DESTINATION));
    // Not only prefixes: every odd host.
    let odd = Address {
        address: Ipv4Addr::new(0, 0, 0, 1),
        wildcard: Ipv4Addr::new(255, 255, 255, 254),
    };
    assert!(odd.matches(SOURCE) && odd.matches(DESTINATION));
    assert!(!odd.matches(Ipv4Addr::new(10, 1, 2, 4)));
    assert_eq!(
        Address {
            address: DESTINATION,
            ..Address::ANY
        },
        Address::ANY
    );
}

#[test]
fn ports() {
    for (ports, matching) in [
        (Ports::Equal(80), [false, true, false]),
        (Ports::NotEqual(80), [true, false, true]),
        (Ports::Greater(80), [false, false, true]),
        (Ports::Less(80), [true, false, false]),
        (Ports::Range(79, 80), [true, true, false]),
        (Ports::Any, [true, true, true]),
    ] {
        assert_eq!([79, 80, 81].map(|port| ports.matches(port)), matching);
    }
    let to_web = Rule {
        destination_ports: Ports::Equal(80),
        ..rule(Protocol::Tcp)
    };
    assert!(decides(to_web, &tcp(0x02)));
    assert!(!decides(to_web, &packet(protocol::UDP, 0, 0, 8)));
    let from_low = Rule {
        source_ports: Ports::Less(1000),
        ..rule(Protocol::Tcp)
    };
    assert!(!decides(from_low, &tcp(0x02)));
}

#[test]
fn flags() {
    let (fin, syn, rst, ack) = (0x01, 0x02, 0x04, 0x10);
    for (flags, matching, other) in [
        (
            Flags::Established,
            vec![ack, rst, ack | fin],
            vec![syn, syn | ack, 0, fin],
        ),
        (
            Flags::MatchAny {
                set: syn | fin,
                clear: 0,
            },
            vec![syn, fin, syn | ack],
            vec![ack, 0],
        ),
        (
            Flags::MatchAny {
                set: syn,
                clear: ack,
            },
            vec![syn | ack, 0, rst],
            vec![ack],
        ),
        (
            Flags::MatchAll {
                set: syn,
                clear: ack,
            },
            vec![syn, syn | fin],
            vec![syn | ack, 0, ack],
        ),
    ] {
        let rule = Rule {
            flags,
            ..rule(Protocol::Tcp)
        };
        for octet in matching {
            assert!(decides(rule, &tcp(octet)), "{flags:?} {octet:#x}");
        }
        for octet in other {
            assert!(!decides(rule, &tcp(octet)), "{flags:?} {octet:#x}");
        }
    }
}

#[test]
fn later_fragments_have_no_ports() {
    let later = packet(protocol::TCP, 0x02, 3, 20);
    let to_mail = |action| Rule {
        action,
        destination_ports: Ports::Equal(25),
        ..rule(Protocol::Tcp)
    };
    // By addresses and protocol alone.
    assert!(decides(to_mail(Action::Permit), &later));
    assert!(!decides(
        to_mail(Action::Permit),
        &packet(protocol::UDP, 0, 3, 20)
    ));
    assert!(!decides(to_mail(Action::Deny), &later));
    assert!(decides(Rule::any(Action::Deny), &later));
    let fragments = Rule {
        fragments: true,
        ..Rule::any(Action::Deny)
    };
    assert!(decides(fragments, &later));
    // The first one, with "more fragments", is none of those.
    assert!(!decides(
        fragments,
        &packet(protocol::TCP, 0x02, 0x2000, 20)
    ));
}

#[test]
fn packets_too_short_for_the_rules_are_denied() {
    for (protocol, enough) in [(protocol::TCP, 14), (protocol::UDP, 4)] {
        let mut list = AccessList::new([Rule::any(Action::Permit)]);
        assert!(!list.permits(&packet(protocol, 0x02, 0, enough - 1)));
        assert!(list.permits(&packet(protocol, 0x02, 0, enough)));
        assert_eq!(list.unmatched(), 1);
    }
    let mut list = AccessList::new([Rule::any(Action::Permit)]);
    assert!(!list.permits(&tcp(2)[..19]));
    assert!(!list.permits(&[0x60; 40]));
    // Neither TCP nor UDP: no ports are looked for.
    assert!(list.permits(&packet(protocol::ICMP, 0, 0, 0)));
}

proptest! {
    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_access_list(&octets);
    }

    #[test]
    fn any_rules_and_a_packet(
        rules in prop::collection::vec(any::<[u8; 16]>(), 0..8),
        flags in any::<u8>(),
        offset in prop_oneof![Just(0u16), Just(0x2000), 0u16..0x4000],
        payload in 0usize..40,
        udp in any::<bool>(),
    ) {
        let mut octets = vec![rules.len() as u8];
        octets.extend(rules.iter().flatten());
        let protocol = if udp { protocol::UDP } else { protocol::TCP };
        octets.extend(packet(protocol, flags, offset, payload));
        fuzz_access_list(&octets);
    }
}
