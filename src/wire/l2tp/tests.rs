//! Tests of the L2TP formats.

use proptest::prelude::*;

use super::*;
use wanbox_sim::hex;

fn written(header: ControlHeader, avps: &[Avp<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message, header);
    for avp in avps {
        writer.avp(avp);
    }
    writer.finish().unwrap();
    message
}

fn read(message: &[u8]) -> (ControlHeader, Vec<Avp<'_>>) {
    let (header, body) = ControlHeader::parse(message).unwrap();
    let avps = Avps::new(body).map(|avp| Avp::parse(&avp.unwrap()).unwrap());
    (header, avps.collect())
}

const fn header(tunnel: u16, session: u16, ns: u16, nr: u16) -> ControlHeader {
    ControlHeader {
        tunnel,
        session,
        ns,
        nr,
    }
}

#[test]
fn a_recorded_sccrq_and_its_answer() {
    let request = hex(
        "c8020069000000000000000080080000000000018008000000020100800a0000000300000003800d00000007
         746573746c6163 0010000000085465737456656e646f72800800000009004d8008 0000000a0008801600 00
         000b30313233343536373839616263646566",
    );
    let (head, avps) = read(&request);
    assert_eq!(head, header(0, 0, 0, 0));
    assert_eq!(
        avps,
        [
            Avp::MessageType(MessageType::SCCRQ),
            Avp::ProtocolVersion(0x0100),
            Avp::FramingCapabilities(3),
            Avp::HostName(b"testlac"),
            Avp::VendorName(b"TestVendor"),
            Avp::AssignedTunnel(77),
            Avp::ReceiveWindow(8),
            Avp::Challenge(b"0123456789abcdef"),
        ]
    );
    assert_eq!(written(head, &avps), request);

    let reply = hex(
        "c8020051 004d0000 0000 0001 8008 0000 0000 0002 8008 0000 0002 0100 800a 0000 0003
         00000003 800d 0000 0007 6c6e73686f7374 8016 0000 000d e534dfd289241441db6aa0e97be97a34
         8008 0000 0009 0002",
    );
    let (head, avps) = read(&reply);
    assert_eq!(head, header(77, 0, 0, 1));
    assert_eq!(avps[3], Avp::HostName(b"lnshost"));
    assert!(matches!(avps[4], Avp::ChallengeResponse([0xe5, 0x34, ..])));
    assert_eq!(written(head, &avps), reply);
}

#[test]
fn recorded_replies_endings_and_acknowledgements() {
    let reply = hex("c802001c004d01f400010003 800800000000000b 80080000000e0001");
    let avps = [Avp::MessageType(MessageType::ICRP), Avp::AssignedSession(1)];
    assert_eq!(written(header(77, 500, 1, 3), &avps), reply);
    assert_eq!(read(&reply), (header(77, 500, 1, 3), avps.to_vec()));

    let zlb = hex("c802000c004d000000010002");
    assert_eq!(written(header(77, 0, 1, 2), &[]), zlb);
    assert_eq!(read(&zlb), (header(77, 0, 1, 2), Vec::new()));

    let end = |result, error, text| {
        Avp::ResultCode(ResultCode {
            result,
            error,
            text,
        })
    };
    let cdn = hex("c8020024004d025800020004 800800000000000e 8008000000010003 80080000000e0002");
    let avps = [
        Avp::MessageType(MessageType::CDN),
        end(call_result::ADMINISTRATIVE, None, b""),
        Avp::AssignedSession(2),
    ];
    assert_eq!(written(header(77, 600, 2, 4), &avps), cdn);
    assert_eq!(read(&cdn).1, avps);

    let stop = hex(
        "c8020038004d000000030005 8008000000000004 801c00000001 0002 0008
         756e6b6e6f776e2041565020307830303633 8008000000090004",
    );
    let avps = [
        Avp::MessageType(MessageType::STOP_CCN),
        end(
            stop_result::ERROR,
            Some(error::UNKNOWN_MANDATORY),
            b"unknown AVP 0x0063",
        ),
        Avp::AssignedTunnel(4),
    ];
    assert_eq!(written(header(77, 0, 3, 5), &avps), stop);
    assert_eq!(read(&stop).1, avps);
}

#[test]
fn a_hidden_avp_keeps_what_it_hides() {
    let octets = hex("c01200000016 802cd0f6aeb7a36c811aff0f");
    let raw = Avps::new(&octets).next().unwrap().unwrap();
    assert!(raw.hidden && raw.mandatory && !raw.reserved);
    assert_eq!((raw.kind, raw.value.len()), (attribute::CALLING_NUMBER, 12));
    let mut again = Vec::new();
    raw.append(&mut again);
    assert_eq!(again, octets);
}

#[test]
fn speeds_in_digits_are_understood() {
    for (value, speed) in [
        (&b"56000"[..], 56_000),
        (b"115200\0", 115_200),
        (b"0001", 0x3030_3031),
    ] {
        let raw = RawAvp {
            mandatory: true,
            hidden: false,
            reserved: false,
            vendor: 0,
            kind: attribute::TX_CONNECT_SPEED,
            value,
        };
        assert_eq!(Avp::parse(&raw), Ok(Avp::TxConnectSpeed(speed)));
    }
}

#[test]
fn every_legal_combination_of_data_flags() {
    let payload = [0xff, 0x03, 0x00, 0x21, 0x45];
    for flags in 0..32_u8 {
        let set = |bit: u8| flags & 1 << bit != 0;
        let header = DataHeader {
            priority: set(0),
            length: set(1),
            tunnel: 0x1234,
            session: 0x5678,
            sequence: set(2).then_some(Sequence { ns: 7, nr: 9 }),
            offset: set(3).then_some(if set(4) { 3 } else { 0 }),
        };
        let mut message = Vec::new();
        header.append(payload.len(), &mut message).unwrap();
        assert_eq!(message.len(), header.len());
        message.extend_from_slice(&payload);
        assert_eq!(DataHeader::parse(&message), Ok((header, &payload[..])));
        // Reserved bits are ignored.
        message[0] |= 0x34;
        message[1] |= 0xf0;
        assert_eq!(DataHeader::parse(&message), Ok((header, &payload[..])));
        // What is cut is refused; padding behind a length is no payload.
        for cut in 0..header.len() {
            assert!(DataHeader::parse(&message[..cut]).is_err(), "{flags} {cut}");
        }
        if header.length {
            assert!(DataHeader::parse(&message[..message.len() - 1]).is_err());
            message.push(0xa5);
            assert_eq!(DataHeader::parse(&message), Ok((header, &payload[..])));
        }
    }
    let plain = DataHeader::plain(0x1234, 0x5678);
    let mut message = Vec::new();
    let header = DataHeader {
        tunnel: 0x1234,
        session: 0x5678,
        ..DataHeader::default()
    };
    header.append(0, &mut message).unwrap();
    assert_eq!(message, plain);
    // The recorded header of an Echo-Request.
    let urgent = [0x01, 0x02, 0, 77, 1, 0xf4];
    assert!(DataHeader::parse(&urgent).unwrap().0.priority);
}

#[test]
fn a_length_below_its_own_header_is_refused() {
    // Length 6 where the header alone has 12.
    let message = hex("4802 0006 0001 0001 0000 0000");
    assert!(matches!(
        DataHeader::parse(&message),
        Err(ParseError::Length { .. })
    ));
    let message = hex("c802 000b 0001 0000 0000 0000");
    assert!(matches!(
        ControlHeader::parse(&message),
        Err(ParseError::Length { .. })
    ));
    // A length beyond the datagram.
    let message = hex("c802 000d 0001 0000 0000 0000");
    assert!(matches!(
        ControlHeader::parse(&message),
        Err(ParseError::Length { .. })
    ));
}

#[test]
fn control_messages_have_their_flags() {
    let good = hex("c802000c004d000000010002");
    for first in 0..=255_u8 {
        let mut message = good.clone();
        message[0] = first;
        assert_eq!(
            ControlHeader::parse(&message).is_ok(),
            first & 0xcb == 0xc8,
            "{first:02x}"
        );
    }
    for version in 0..16 {
        let mut message = good.clone();
        message[1] = version;
        assert_eq!(Message::parse(&message).is_ok(), version == 2);
    }
    let mut message = good;
    ControlHeader::renumber(&mut message, 0xabcd, 0x1234);
    assert_eq!(
        ControlHeader::parse(&message).unwrap().0,
        header(77, 0, 0xabcd, 0x1234)
    );
    ControlHeader::renumber(&mut [0; 4], 1, 2);
}

#[test]
fn the_type_of_a_message_stands_first_and_plain() {
    let ok = hex("8008 0000 0000 000a");
    assert_eq!(
        Avps::new(&ok).message_type(),
        Some((MessageType::ICRQ, true))
    );
    for wrong in [
        "",
        "8008 0000 0009 0001",
        "c008 0000 0000 000a",
        "8008 0009 0000 000a",
        "8009 0000 0000 000a 00",
        "a008 0000 0000 000a",
    ] {
        assert_eq!(Avps::new(&hex(wrong)).message_type(), None, "{wrong}");
    }
}

#[test]
fn wrong_avps_end_the_list() {
    for wrong in [
        "80",
        "8005 0000 0000",
        "8000 0000 0000",
        "8009 0000 0000 0001",
        "83ff 0000 0000",
    ] {
        let octets = hex(wrong);
        let mut avps = Avps::new(&octets);
        assert!(avps.next().unwrap().is_err(), "{wrong}");
        assert!(avps.next().is_none());
    }
}

/// Values of every kind over octets that live long enough.
fn avp(text: &'static [u8]) -> impl Strategy<Value = Avp<'static>> {
    let text = (0..=text.len()).prop_map(move |end| &text[..end]);
    let end = (
        any::<u16>(),
        proptest::option::of(any::<u16>()),
        text.clone(),
    )
        .prop_map(|(result, error, text)| {
            let text = if error.is_some() { text } else { b"" };
            Avp::ResultCode(ResultCode {
                result,
                error,
                text,
            })
        });
    let cause = (any::<u16>(), any::<u16>(), any::<u8>(), text.clone());
    let causes = cause.prop_flat_map(|(code, protocol, direction, text)| {
        prop_oneof![
            Just(Avp::DisconnectCause(DisconnectCause {
                code,
                protocol,
                direction,
                text
            })),
            Just(Avp::Q931Cause(Q931Cause {
                cause: code,
                message: direction,
                text
            })),
        ]
    });
    prop_oneof![
        end,
        causes,
        (any::<u32>(), any::<u64>()).prop_flat_map(|(n, wide)| {
            let short = n as u16;
            proptest::sample::select(vec![
                Avp::MessageType(MessageType(short)),
                Avp::ProtocolVersion(short),
                Avp::FramingCapabilities(n),
                Avp::BearerCapabilities(n),
                Avp::TieBreaker(wide),
                Avp::FirmwareRevision(short),
                Avp::AssignedTunnel(short),
                Avp::ReceiveWindow(short),
                Avp::ChallengeResponse([n as u8; 16]),
                Avp::AssignedSession(short),
                Avp::CallSerialNumber(n),
                Avp::MinimumBps(n),
                Avp::MaximumBps(n),
                Avp::BearerType(n),
                Avp::FramingType(n),
                Avp::TxConnectSpeed(n),
                Avp::PhysicalChannel(n),
                Avp::ProxyAuthenType(short),
                Avp::ProxyAuthenId(n as u8),
                Avp::RxConnectSpeed(n),
                Avp::SequencingRequired,
                Avp::CallErrors(CallErrors {
                    crc: n,
                    framing: 1,
                    hardware_overruns: n ^ 2,
                    buffer_overruns: n ^ 3,
                    time_outs: !n,
                    alignment: 6,
                }),
                Avp::Accm(Accm {
                    send: n,
                    receive: !n,
                }),
            ])
        }),
        text.prop_flat_map(|text| proptest::sample::select(vec![
            Avp::HostName(text),
            Avp::VendorName(text),
            Avp::Challenge(text),
            Avp::CalledNumber(text),
            Avp::CallingNumber(text),
            Avp::SubAddress(text),
            Avp::InitialReceivedConfreq(text),
            Avp::LastSentConfreq(text),
            Avp::LastReceivedConfreq(text),
            Avp::ProxyAuthenName(text),
            Avp::ProxyAuthenChallenge(text),
            Avp::ProxyAuthenResponse(text),
            Avp::RandomVector(text),
            Avp::PrivateGroup(text),
            Avp::Other {
                vendor: 0,
                kind: 20,
                value: text
            },
            Avp::Other {
                vendor: 9,
                kind: 7,
                value: text
            },
        ])),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(
        avps in proptest::collection::vec(avp(b"any text \0\xff of some length"), 0..12),
        (tunnel, session, ns, nr) in any::<(u16, u16, u16, u16)>(),
    ) {
        let head = header(tunnel, session, ns, nr);
        let message = written(head, &avps);
        prop_assert_eq!(read(&message), (head, avps));
        fuzz_l2tp(&message);
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz_l2tp(&octets);
        let mut control = hex("c802 0000 0001 0002 0003 0004");
        control.extend_from_slice(&octets);
        let length = control.len() as u16;
        control[2..4].copy_from_slice(&length.to_be_bytes());
        fuzz_l2tp(&control);
    }

    #[test]
    fn damaged_messages(
        avps in proptest::collection::vec(avp(b"some text"), 1..8),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut message = written(header(1, 2, 3, 4), &avps);
        for (place, value) in hits {
            let place = place.index(message.len());
            message[place] = value;
        }
        fuzz_l2tp(&message);
    }
}

#[test]
fn long_values_are_cut_and_long_messages_refused() {
    let text = [b'x'; 2000];
    let message = written(
        header(1, 0, 0, 0),
        &[Avp::HostName(&text), Avp::AssignedTunnel(9)],
    );
    let (_, avps) = read(&message);
    assert_eq!(avps[0], Avp::HostName(&text[..RawAvp::MAX_VALUE]));
    assert_eq!(avps[1], Avp::AssignedTunnel(9));
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message, header(1, 0, 0, 0));
    for _ in 0..70 {
        writer.avp(&Avp::HostName(&text));
    }
    assert!(writer.finish().is_err());
    let long = DataHeader {
        length: true,
        ..DataHeader::default()
    };
    assert!(long.append(65_528, &mut Vec::new()).is_err());
    assert!(long.append(65_527, &mut Vec::new()).is_ok());
}
