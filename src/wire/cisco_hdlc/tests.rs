//! Tests of Cisco HDLC and SLARP. The vectors are frames as Cisco routers and
//! the Linux kernel's `hdlc_cisco` send them.

use proptest::prelude::*;

use super::*;

const KEEPALIVE_1: [u8; 22] = [
    0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0x03, 0xe8,
];
const KEEPALIVE_5: [u8; 22] = [
    0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4, 0xff, 0xff, 0, 1, 0x86, 0xa0,
];
const REQUEST: [u8; 22] = [
    0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0x03, 0xe8,
];
const REPLY: [u8; 22] = [
    0x8f, 0x00, 0x80, 0x35, 0, 0, 0, 1, 201, 1, 1, 1, 255, 255, 255, 0, 0xff, 0xff, 0, 0, 0x03,
    0xe8,
];
/// ICMP echo request from 201.1.1.1 to 201.1.1.2.
const ECHO: [u8; 32] = [
    0x0f, 0x00, 0x08, 0x00, 0x45, 0x00, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0xe6, 0xda,
    0xc9, 0x01, 0x01, 0x01, 0xc9, 0x01, 0x01, 0x02, 0x08, 0x00, 0xe5, 0xca, 0x12, 0x34, 0x00, 0x01,
];

fn keepalive(sequence: u32, last_received: u32, uptime_ms: u32) -> SlarpRepr {
    SlarpRepr {
        message: SlarpMessage::Keepalive {
            sequence,
            last_received,
        },
        reliability: RELIABILITY,
        uptime_ms,
    }
}

fn vectors() -> [(&'static [u8; 22], SlarpRepr); 4] {
    let unset = Ipv4Addr::UNSPECIFIED;
    let of = |message| SlarpRepr {
        message,
        reliability: RELIABILITY,
        uptime_ms: 1000,
    };
    [
        (&KEEPALIVE_1, keepalive(1, 0, 1000)),
        (&KEEPALIVE_5, keepalive(5, 4, 100_000)),
        (
            &REQUEST,
            of(SlarpMessage::Request {
                address: unset,
                mask: unset,
            }),
        ),
        (
            &REPLY,
            of(SlarpMessage::Reply {
                address: Ipv4Addr::new(201, 1, 1, 1),
                mask: Ipv4Addr::new(255, 255, 255, 0),
            }),
        ),
    ]
}

#[test]
fn slarp_vectors_are_read_and_written() {
    for (octets, expected) in vectors() {
        let frame = Frame::parse(octets).unwrap();
        let header = FrameRepr::parse(&frame).unwrap();
        assert_eq!(
            header,
            FrameRepr {
                broadcast: true,
                protocol: Protocol::Slarp,
            }
        );
        let slarp = SlarpRepr::parse(&Slarp::parse(frame.payload()).unwrap()).unwrap();
        assert_eq!(slarp, expected);

        let mut written = [0xa5; 24];
        header.emit(&mut written).unwrap();
        slarp.emit(&mut written[FrameRepr::LEN..]).unwrap();
        assert_eq!(written[..22], octets[..]);
        assert_eq!(written[22..], [0xa5, 0xa5], "nothing behind is touched");
    }
}

#[test]
fn the_data_vector_is_read_and_written() {
    let frame = Frame::parse(&ECHO).unwrap();
    let header = FrameRepr::parse(&frame).unwrap();
    assert!(!header.broadcast);
    assert_eq!(header.protocol, Protocol::Ipv4);
    assert_eq!(frame.payload(), &ECHO[4..]);
    assert_eq!(header.octets(), ECHO[..4]);
}

#[test]
fn a_padded_packet_says_the_same() {
    let mut padded = KEEPALIVE_5[4..].to_vec();
    padded.extend_from_slice(&[0xde, 0xad]);
    let slarp = SlarpRepr::parse(&Slarp::parse(&padded).unwrap()).unwrap();
    assert_eq!(slarp, keepalive(5, 4, 100_000));
}

#[test]
fn wrong_lengths_are_named() {
    assert_eq!(
        Frame::parse(&ECHO[..3]).unwrap_err().to_string(),
        "Cisco HDLC header: 3 octets where 4 are needed"
    );
    assert_eq!(
        Slarp::parse(&[0; 17]).unwrap_err().to_string(),
        "SLARP packet: 17 octets where 18 are needed"
    );
    for length in [19, 21, 22, 1500] {
        assert!(matches!(
            Slarp::parse(&vec![0; length]),
            Err(ParseError::Length { claimed: 18, have, .. }) if have == length
        ));
    }
    assert!(Frame::parse(&ECHO[..4]).unwrap().payload().is_empty());
}

#[test]
fn wrong_values_are_named() {
    let header = |octets: &[u8]| FrameRepr::parse(&Frame::parse(octets).unwrap());
    assert_eq!(
        header(&[0xff, 0x03, 0x00, 0x21]).unwrap_err().to_string(),
        "Cisco HDLC address: 0xff where 0x0f or 0x8f is expected"
    );
    assert_eq!(
        header(&[0x0f, 0x03, 0x08, 0x00]).unwrap_err().to_string(),
        "Cisco HDLC control: 0x3 where 0 is expected"
    );
    let mut octets = [0; 18];
    octets[3] = 3;
    assert_eq!(
        SlarpRepr::parse(&Slarp::parse(&octets).unwrap())
            .unwrap_err()
            .to_string(),
        "SLARP code: 0x3 where 0 (request), 1 (reply) or 2 (keepalive) is expected"
    );
}

#[test]
fn there_must_be_room_to_write() {
    let header = FrameRepr {
        broadcast: false,
        protocol: Protocol::Ipv6,
    };
    assert!(matches!(
        header.emit(&mut [0; 3]),
        Err(ParseError::Truncated {
            need: 4,
            have: 3,
            ..
        })
    ));
    assert!(matches!(
        keepalive(1, 0, 0).emit(&mut [0; 17]),
        Err(ParseError::Truncated {
            need: 18,
            have: 17,
            ..
        })
    ));
}

#[test]
fn every_protocol_number_survives() {
    for number in 0..=u16::MAX {
        assert_eq!(u16::from(Protocol::from(number)), number);
    }
    assert_eq!(u16::from(Protocol::Cdp), 0x2000);
    assert_eq!(u16::from(Protocol::Ipx), 0x8137);
    assert_eq!(u16::from(Protocol::Ipv6), 0x86dd);
}

#[test]
fn packets_read_well() {
    assert_eq!(
        keepalive(5, 4, 100_000).to_string(),
        "SLARP keepalive, sequence 5, last received 4, up 100000 ms"
    );
    assert_eq!(
        vectors()[3].1.to_string(),
        "SLARP reply, address 201.1.1.1, mask 255.255.255.0, up 1000 ms"
    );
    let header = FrameRepr {
        broadcast: true,
        protocol: Protocol::Other(0x6558),
    };
    assert_eq!(header.to_string(), "Cisco HDLC broadcast, protocol 6558");
}

fn message() -> impl Strategy<Value = SlarpMessage> {
    (0..3, any::<u32>(), any::<u32>()).prop_map(|(code, first, second)| match code {
        0 => SlarpMessage::Request {
            address: first.into(),
            mask: second.into(),
        },
        1 => SlarpMessage::Reply {
            address: first.into(),
            mask: second.into(),
        },
        _ => SlarpMessage::Keepalive {
            sequence: first,
            last_received: second,
        },
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        broadcast: bool,
        number: u16,
        message in message(),
        reliability: u16,
        uptime_ms: u32,
    ) {
        let header = FrameRepr { broadcast, protocol: number.into() };
        let slarp = SlarpRepr { message, reliability, uptime_ms };
        let mut octets = [0xa5; FrameRepr::LEN + SlarpRepr::LEN];
        header.emit(&mut octets).unwrap();
        slarp.emit(&mut octets[FrameRepr::LEN..]).unwrap();
        let frame = Frame::parse(&octets).unwrap();
        prop_assert_eq!(FrameRepr::parse(&frame).unwrap(), header);
        let packet = Slarp::parse(frame.payload()).unwrap();
        prop_assert_eq!(SlarpRepr::parse(&packet).unwrap(), slarp);
    }

    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
        fuzz_cisco_hdlc(&octets);
    }

    #[test]
    fn damaged_frames_are_survived(which in 0..4_usize, at in 0..22_usize, value: u8, length in 0..=24_usize) {
        let mut octets = vectors()[which].0.to_vec();
        octets[at] = value;
        octets.resize(length, 0);
        fuzz_cisco_hdlc(&octets);
    }
}

/// The published frames with their check sequences, as they are on the line.
#[test]
fn frames_and_their_check_sequences() {
    use crate::fcs::fcs16_octets;
    for (frame, fcs) in [
        (&KEEPALIVE_1, [0xce, 0xe6]),
        (&KEEPALIVE_5, [0x09, 0xb1]),
        (&REQUEST, [0x0b, 0x23]),
        (&REPLY, [0xde, 0x84]),
    ] {
        assert_eq!(fcs16_octets(frame), fcs, "{frame:02x?}");
    }
}
