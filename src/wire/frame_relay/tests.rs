//! Vectors and properties of addresses and encapsulations.

use super::*;
use crate::arp;
use crate::fcs::{fcs16_octets, fcs32};
use proptest::prelude::*;

/// IP echo 201.1.1.1 to 201.1.1.2 on DLCI 16.
const IP_ECHO: &[u8] = &[
    0x04, 0x01, 0x03, 0xcc, 0x45, 0x00, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0xe6, 0xda,
    0xc9, 0x01, 0x01, 0x01, 0xc9, 0x01, 0x01, 0x02, 0x08, 0x00, 0xe5, 0xca, 0x12, 0x34, 0x00, 0x01,
];
/// Inverse ARP request on DLCI 16.
const INARP_REQUEST: &[u8] = &[
    0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00, 0x02, 0x04,
    0x00, 0x08, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];
/// Inverse ARP reply on DLCI 16.
const INARP_REPLY: &[u8] = &[
    0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00, 0x02, 0x04,
    0x00, 0x09, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x02, 0x00, 0x00, 0xc9, 0x01, 0x01, 0x01,
];

#[test]
fn addresses_of_the_reference() {
    for (dlci, octets) in [
        (0, [0x00, 0x01]),
        (16, [0x04, 0x01]),
        (17, [0x04, 0x11]),
        (18, [0x04, 0x21]),
        (27, [0x04, 0xb1]),
        (100, [0x18, 0x41]),
        (991, [0xf4, 0xf1]),
        (1023, [0xfc, 0xf1]),
    ] {
        assert_eq!(Address::new(dlci).to_octets(), octets, "DLCI {dlci}");
        assert_eq!(Address::parse(&octets), Ok(Address::new(dlci)));
    }
    let marked = Address {
        fecn: true,
        becn: true,
        discard_eligible: true,
        ..Address::new(16)
    };
    assert_eq!(marked.to_octets(), [0x04, 0x0f]);
    assert_eq!(marked.to_string(), "DLCI 16 FECN BECN DE");
}

#[test]
fn fcs_of_the_reference() {
    assert_eq!(fcs16_octets(IP_ECHO), [0xbc, 0x8e]);
    assert_eq!(fcs16_octets(INARP_REQUEST), [0xfe, 0x7b]);
    assert_eq!(fcs16_octets(INARP_REPLY), [0x0a, 0x46]);
}

#[test]
fn payloads_of_the_reference() {
    let frame = Frame::parse(IP_ECHO).unwrap();
    assert_eq!(frame.address.dlci, 16);
    let payload = Payload::parse(frame.information).unwrap();
    assert_eq!(
        (payload.style, payload.protocol),
        (Style::Ietf, Protocol::Ipv4)
    );
    assert_eq!(payload.data, &IP_ECHO[4..]);

    for (octets, operation) in [
        (INARP_REQUEST, arp::Operation::InverseRequest),
        (INARP_REPLY, arp::Operation::InverseReply),
    ] {
        let frame = Frame::parse(octets).unwrap();
        let payload = Payload::parse(frame.information).unwrap();
        assert_eq!(payload.protocol, Protocol::Arp);
        let packet = arp::Packet::new_checked(payload.data).unwrap();
        let repr = arp::Repr::parse(&packet).unwrap();
        assert_eq!(repr.operation, operation);

        let mut again = [0xa5; 30];
        let header = Repr {
            address: Address::new(16),
            style: Style::Ietf,
            protocol: Protocol::Arp,
        };
        let len = header.emit(&mut again).unwrap();
        repr.emit(&mut again[len..]).unwrap();
        assert_eq!(again, octets);
    }
}

#[test]
fn every_form_is_decoded() {
    let ethernet = [7; 60];
    let mut with_fcs = ethernet.to_vec();
    with_fcs.extend_from_slice(&fcs32(&ethernet).to_le_bytes());
    for (head, body, style, protocol) in [
        (
            &[0x03, 0xcc][..],
            &ethernet[..],
            Style::Ietf,
            Protocol::Ipv4,
        ),
        (&[0x03, 0x00, 0xcc], &ethernet, Style::Ietf, Protocol::Ipv4),
        (&[0x03, 0x8e], &ethernet, Style::Ietf, Protocol::Ipv6),
        (
            &[3, 0, 0x80, 0, 0, 0, 8, 0],
            &ethernet,
            Style::Ietf,
            Protocol::Ipv4,
        ),
        (
            &[3, 0x80, 0, 0, 0, 8, 6],
            &ethernet,
            Style::Ietf,
            Protocol::Arp,
        ),
        (
            &[3, 0, 0x80, 0, 0, 0, 0x86, 0xdd],
            &ethernet,
            Style::Ietf,
            Protocol::Ipv6,
        ),
        (
            &[3, 0, 0x80, 0, 0x80, 0xc2, 0, 7],
            &ethernet,
            Style::Ietf,
            Protocol::Ethernet,
        ),
        (
            &[3, 0, 0x80, 0, 0x80, 0xc2, 0, 1],
            &with_fcs,
            Style::Ietf,
            Protocol::EthernetWithFcs,
        ),
        (&[8, 0], &ethernet, Style::Cisco, Protocol::Ipv4),
        (&[8, 6], &ethernet, Style::Cisco, Protocol::Arp),
        (&[0x86, 0xdd], &ethernet, Style::Cisco, Protocol::Ipv6),
        (&[0x65, 0x58], &ethernet, Style::Cisco, Protocol::Ethernet),
    ] {
        let information = [head, body].concat();
        let payload = Payload::parse(&information).unwrap();
        assert_eq!(
            (payload.style, payload.protocol),
            (style, protocol),
            "{head:02x?}"
        );
        assert_eq!(payload.data, ethernet);
    }
}

#[test]
fn faults_are_typed() {
    use EncapsulationError as E;
    for (information, error) in [
        (&[0x03, 0xcf][..], E::UnknownNlpid(0xcf)),
        (&[0x03, 0x00, 0x00], E::UnknownNlpid(0)),
        (
            &[3, 0, 0x80, 0, 0, 0, 0x81, 0x37],
            E::UnknownSnap {
                oui: 0,
                pid: 0x8137,
            },
        ),
        (
            &[3, 0, 0x80, 0, 0, 0x0c, 0x20, 0],
            E::UnknownSnap {
                oui: 0x0c,
                pid: 0x2000,
            },
        ),
        (&[0x20, 0x00, 1], E::UnknownEthertype(0x2000)),
        (&[3, 0, 0x80, 0, 0x80, 0xc2, 0, 1, 9, 9, 9, 9, 9], E::LanFcs),
    ] {
        assert_eq!(Payload::parse(information), Err(error));
        assert!(!error.to_string().is_empty());
    }
    for short in [&[][..], &[3], &[3, 0], &[3, 0, 0x80, 0, 0, 0, 8], &[8]] {
        assert!(matches!(
            Payload::parse(short),
            Err(E::Format(ParseError::Truncated { .. }))
        ));
    }
    assert!(matches!(
        Payload::parse(&[0x01, 0x00]),
        Err(E::Format(ParseError::Invalid { value: 1, .. }))
    ));
    for bad in [[0x05, 0x01], [0x04, 0x00]] {
        assert!(matches!(
            Address::parse(&bad),
            Err(ParseError::Invalid { .. })
        ));
    }
    assert!(matches!(
        Address::parse(&[4]),
        Err(ParseError::Truncated {
            need: 2,
            have: 1,
            ..
        })
    ));
}

#[test]
fn every_octet_is_written() {
    let repr = Repr {
        address: Address::new(16),
        style: Style::Ietf,
        protocol: Protocol::Ethernet,
    };
    let mut buffer = [0xa5; 12];
    assert_eq!(repr.emit(&mut buffer), Some(10));
    assert_eq!(
        buffer,
        [
            0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0x00, 0x07, 0xa5, 0xa5
        ]
    );
    assert_eq!(repr.emit(&mut [0; 9]), None);
    assert_eq!(repr.header_len(), Repr::MAX_LEN);
}

fn any_address() -> impl Strategy<Value = Address> {
    (0..=Address::MAX_DLCI, any::<[bool; 4]>()).prop_map(|(dlci, bits)| Address {
        dlci,
        command_response: bits[0],
        fecn: bits[1],
        becn: bits[2],
        discard_eligible: bits[3],
    })
}

proptest! {
    #[test]
    fn emitted_is_parsed(
        address in any_address(),
        style in prop_oneof![Just(Style::Ietf), Just(Style::Cisco)],
        protocol in prop_oneof![
            Just(Protocol::Ipv4),
            Just(Protocol::Ipv6),
            Just(Protocol::Arp),
            Just(Protocol::Ethernet),
        ],
        data in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let repr = Repr { address, style, protocol };
        let mut octets = vec![0xa5; repr.header_len()];
        prop_assert_eq!(repr.emit(&mut octets), Some(repr.header_len()));
        octets.extend_from_slice(&data);
        let frame = Frame::parse(&octets).unwrap();
        prop_assert_eq!(frame.address, address);
        prop_assert_eq!(
            Payload::parse(frame.information),
            Ok(Payload { style, protocol, data: &data })
        );
    }

    #[test]
    fn any_octets(
        head in prop_oneof![
            Just(vec![]),
            Just(vec![0x04, 0x01]),
            Just(vec![0x04, 0x01, 0x03, 0x00, 0x80, 0x00]),
            Just(vec![0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0x00]),
        ],
        tail in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        fuzz_frame_relay(&[head, tail].concat());
    }
}
