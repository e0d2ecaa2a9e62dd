use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const DB0SAO: [u8; 7] = [0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0x60];
const DK0HU_2: [u8; 7] = [0x88, 0x96, 0x60, 0x90, 0xaa, 0x40, 0x64];
const N0PRA: [u8; 7] = [0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60];

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// Both ways between octets and a message behind a network header.
fn check(origin: [u8; 7], destination: [u8; 7], message: Message<'_>, octets: &[u8]) {
    let whole = [&origin[..], &destination, &[16], octets].concat();
    let (network, rest) = Network::parse(&whole).unwrap();
    assert_eq!(network.origin.octets(), &origin);
    assert_eq!(network.destination.octets(), &destination);
    assert_eq!(network.ttl, 16);
    assert_eq!(Message::parse(rest), Ok(message));
    let mut made = Vec::new();
    network.append(&mut made);
    message.append(&mut made);
    assert_eq!(made, whole);
    for length in 0..Network::LENGTH {
        assert!(Network::parse(&whole[..length]).is_err(), "{length}");
    }
    for length in 0..Message::LENGTH {
        assert!(Message::parse(&octets[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_broadcast_of_nodes() {
    let octets = [
        0xff, 0x47, 0x41, 0x45, 0x52, 0x54, 0x20, 0x88, 0x84, 0x60, 0x92, 0x88, 0x40, 0x60, 0x53,
        0x54, 0x47, 0x54, 0x20, 0x20, 0x88, 0x84, 0x60, 0x92, 0x88, 0x40, 0x60, 0xc0, 0x88, 0x96,
        0x60, 0x90, 0xaa, 0x40, 0x64, 0x48, 0x55, 0x58, 0x49, 0x20, 0x20, 0x88, 0x84, 0x60, 0x92,
        0x88, 0x40, 0x60, 0x90,
    ];
    assert!(Nodes::is_broadcast(&octets));
    let nodes = Nodes::parse(&octets).unwrap();
    assert_eq!(nodes.ident.to_string(), "GAERT");
    let expected = [
        Entry {
            destination: call("DB0ID"),
            ident: ident("STGT"),
            neighbour: call("DB0ID"),
            quality: 192,
        },
        Entry {
            destination: call("DK0HU-2"),
            ident: ident("HUXI"),
            neighbour: call("DB0ID"),
            quality: 144,
        },
    ];
    assert!(nodes.eq(expected));
    let mut made = Vec::new();
    Nodes::append_head(ident("GAERT"), &mut made);
    for entry in expected {
        entry.append(&mut made);
    }
    assert_eq!(made, octets);
    // An entry that is cut short, and one without call sign, end it.
    assert_eq!(
        Nodes::parse(&octets[..octets.len() - 1]).unwrap().count(),
        1
    );
    let mut padded = octets[..28].to_vec();
    padded.extend([0; 42]);
    assert_eq!(Nodes::parse(&padded).unwrap().count(), 1);
    for length in 0..7 {
        assert!(Nodes::parse(&octets[..length]).is_err(), "{length}");
    }
    assert!(Nodes::parse(&octets[1..]).is_err());
}

#[test]
fn names_of_nodes() {
    assert_eq!(ident("ulmGAERTNER").0, *b"ulmGAE");
    assert_eq!(ident("Üx").0, *b"?x    ");
    assert!(!ident("").is_some() && !Ident([0; 6]).is_some() && ident("A").is_some());
    assert_eq!(format!("{:<8}|", ident("A B")), "A B     |");
    assert_eq!(Ident([0, 1, b'A', 200, b' ', b' ']).to_string(), "..A.");
}

#[test]
fn a_circuit_is_made_used_and_ended() {
    let ours = Circuit { index: 0, id: 1 };
    let theirs = Circuit { index: 0, id: 7 };
    let request = Message::ConnectRequest {
        mine: ours,
        window: 8,
        user: call("N0PRA"),
        node: call("DB0SAO"),
        timeout: None,
    };
    let octets = [&[0, 1, 0, 0, 1, 8][..], &N0PRA, &DB0SAO].concat();
    check(DB0SAO, DK0HU_2, request, &octets);
    assert!(Message::parse(&octets[..19]).is_err());
    // As Linux sends it.
    let longer = [&octets[..], &[120, 0]].concat();
    assert!(matches!(
        Message::parse(&longer),
        Ok(Message::ConnectRequest {
            timeout: Some(120),
            ..
        })
    ));

    let accept = Message::ConnectAcknowledge {
        yours: ours,
        mine: theirs,
        window: 4,
    };
    check(DK0HU_2, DB0SAO, accept, &[0, 1, 0, 7, 2, 4]);
    assert_eq!(Message::parse(&[0, 1, 0, 7, 2, 4, 16]), Ok(accept));
    assert!(Message::parse(&[0, 1, 0, 7, 2]).is_err());
    let refuse = Message::ConnectRefuse { yours: ours };
    check(DK0HU_2, DB0SAO, refuse, &[0, 1, 0, 0, 0x82, 0]);
    assert_eq!(Message::parse(&[0, 1, 0, 0, 0x82]), Ok(refuse));

    let information = Message::Information {
        yours: theirs,
        tx: 0,
        rx: 0,
        flags: Flags::default(),
        data: b"hello\r",
    };
    check(DB0SAO, DK0HU_2, information, b"\x00\x07\x00\x00\x05hello\r");
    let acknowledge = Message::InformationAcknowledge {
        yours: ours,
        tx: 0,
        rx: 1,
        flags: Flags {
            choke: true,
            nak: true,
            more: false,
        },
    };
    check(DK0HU_2, DB0SAO, acknowledge, &[0, 1, 0, 1, 0xc6]);
    check(
        DB0SAO,
        DK0HU_2,
        Message::DisconnectRequest { yours: theirs },
        &[0, 7, 0, 0, 3],
    );
    check(
        DK0HU_2,
        DB0SAO,
        Message::DisconnectAcknowledge { yours: ours },
        &[0, 1, 0, 0, 4],
    );
}

#[test]
fn ip_and_what_nobody_knows() {
    check(
        DB0SAO,
        DK0HU_2,
        Message::Ip(&[0x45, 0]),
        &[0x0c, 0x0c, 0, 0, 0, 0x45, 0],
    );
    for wrong in [
        [0x0c, 0x0c, 0, 0, 0x80],
        [0x0c, 0x0d, 0, 0, 0],
        [0, 1, 0, 0, 7],
        [0, 1, 0, 0, 0x0f],
    ] {
        assert!(Message::parse(&wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn any_octets(octets in vec(any::<u8>(), 0..100), operation in 0u8..7, flags in 0u8..8) {
        fuzz_netrom(&octets);
        fuzz_netrom(&[&[0xff], &octets[..]].concat());
        let head = [0, 1, 2, 3, flags << 5 | operation];
        fuzz_netrom(&[&DB0SAO[..], &N0PRA, &[9], &head, &octets].concat());
    }
}
