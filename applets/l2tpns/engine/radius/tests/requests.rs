//! What requests say, octet by octet where it was captured.

use super::*;

fn kinds(packet: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(packet).unwrap();
    packet.attributes().map(|a| a.kind.0).collect()
}

fn find(packet: &[u8], kind: Kind) -> Vec<u8> {
    Packet::parse(packet)
        .unwrap()
        .find(kind)
        .unwrap()
        .value
        .to_vec()
}

fn known() -> Port {
    Port {
        called: b"0211112222".as_slice().into(),
        calling: b"0412345678".as_slice().into(),
        ..Port::new(SessionId(2))
    }
}

fn nas() -> Nas {
    Nas {
        ipv4: Some(Ipv4Addr::new(10, 9, 0, 1)),
        ipv6: None,
        identifier: "lnshost".into(),
    }
}

#[test]
fn attributes_are_in_the_order_of_l2tpns() {
    let mut request = pap("joe");
    request.port = known();
    let mut octets = Vec::new();
    request.emit(&mut octets, 9, &[7; 16], &secret(), &nas());
    // 80 is ours and first; 7 is meant there by l2tpns; behind 4 it is ours again.
    assert_eq!(kinds(&octets), [80, 1, 2, 5, 6, 7, 30, 31, 4, 32, 61]);
    assert_eq!(find(&octets, Kind::FRAMED_PROTOCOL), [0, 0, 0, 1]);
    assert_eq!(find(&octets, Kind::NAS_PORT), [0, 0, 0, 2]);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(secret().is_signed(&packet, &[7; 16]), Some(true));
    let password = find(&octets, Kind::USER_PASSWORD);
    assert_eq!(secret().reveal_password(&[7; 16], &password), b"pw");

    request.proof = Proof::ChapMd5 {
        identifier: 3,
        challenge: [1; 16],
        response: [2; 16],
    };
    request.emit(&mut octets, 9, &[7; 16], &secret(), &nas());
    assert_eq!(kinds(&octets), [80, 1, 3, 60, 5, 6, 7, 30, 31, 4, 32, 61]);
    assert_eq!(find(&octets, Kind::CHAP_PASSWORD)[..3], [3, 2, 2]);

    request.proof = Proof::MsChapV2 {
        identifier: 3,
        challenge: [1; 16],
        peer_challenge: [2; 16],
        response: [4; 24],
    };
    request.port.address = Some(Ipv4Addr::new(10, 0, 0, 7));
    request.port.service = Service::AuthenticateOnly;
    request.port.session_timeout = 60;
    request.port.routes = vec![Route4::new([10, 1, 0, 0].into(), 16)];
    request.emit(&mut octets, 9, &[7; 16], &secret(), &nas());
    assert_eq!(
        kinds(&octets),
        [80, 1, 26, 26, 5, 6, 7, 8, 22, 27, 30, 31, 4, 32, 61]
    );
    assert_eq!(find(&octets, Kind::SERVICE_TYPE), [0, 0, 0, 8]);
    assert_eq!(find(&octets, Kind::FRAMED_ROUTE), b"10.1.0.0/16 10.0.0.7 1");
}

#[test]
fn a_start_as_l2tpns_sent_it_and_more() {
    let now = now();
    let mut port = Port::new(SessionId(2));
    port.address = Some(Ipv4Addr::new(10, 10, 10, 2));
    port.called = b"0211112222".as_slice().into();
    port.acct_session_id = acct_session_id(2, 0x6B01_0781).into();
    let record = AccountingRequest::new(Status::Start, b"chapper", port, now, 0x6B01_0785);
    let mut octets = Vec::new();
    record.emit(&mut octets, 0, (now, now), &secret(), &nas());
    assert_eq!(
        kinds(&octets),
        [1, 40, 44, 41, 5, 6, 7, 8, 30, 4, 32, 61, 55, 45]
    );
    // The captured packet is this one without 7 and what is behind 4.
    let captured = "0109636861707065722806000000012c123030303030303032364230313037383129060000\
                    00000506000000020606000000020806\
                    0a0a0a021e0c303231313131323232320406\
                    0a090001";
    let ours: String = Packet::parse(&octets)
        .unwrap()
        .attributes()
        .take(10)
        .filter(|a| a.kind != Kind::FRAMED_PROTOCOL)
        .flat_map(|a| {
            let head = [a.kind.0, a.value.len() as u8 + 2];
            head.into_iter().chain(a.value.to_vec())
        })
        .map(|octet| format!("{octet:02x}"))
        .collect();
    assert_eq!(ours, captured);
    assert!(secret().is_request(&Packet::parse(&octets).unwrap()));
}

#[test]
fn a_stop_says_what_was_used_and_why_it_ended() {
    let begun = now();
    let later = begun + std::time::Duration::from_secs(5);
    let mut record = stop(begun, "0000000100000001");
    record.usage = Usage {
        input_octets: 0x1_0000_0002,
        output_octets: 0x3_0000_0004,
        input_packets: 5,
        output_packets: 6,
        seconds: 7,
    };
    record.class = vec![b"one".as_slice().into(), b"two".as_slice().into()];
    record.pairs = vec!["intercept=10.0.0.1:99".into()];
    record.bundle = Some(("B".into(), 2));
    record.prefix6 = Some(wanbox_wire::radius::Prefix6::new(
        "2001:db8::".parse().unwrap(),
        64,
    ));
    record.delegated = vec![wanbox_wire::radius::Prefix6::new(
        "2001:db8:77::".parse().unwrap(),
        48,
    )];
    record.interface_id = Some(1);
    let mut octets = Vec::new();
    record.emit(&mut octets, 0, (begun, later), &secret(), &Nas::default());
    assert_eq!(
        kinds(&octets),
        [
            1, 40, 44, 42, 43, 46, 47, 48, 52, 53, 49, 26, 25, 25, 26, 5, 6, 7, 61, 55, 45, 41, 50,
            51, 96, 97, 123
        ]
    );
    assert_eq!(find(&octets, Kind::ACCT_INPUT_OCTETS), [0, 0, 0, 2]);
    assert_eq!(find(&octets, Kind::ACCT_INPUT_GIGAWORDS), [0, 0, 0, 1]);
    assert_eq!(find(&octets, Kind::ACCT_OUTPUT_OCTETS), [0, 0, 0, 4]);
    assert_eq!(find(&octets, Kind::ACCT_OUTPUT_GIGAWORDS), [0, 0, 0, 3]);
    assert_eq!(find(&octets, Kind::ACCT_DELAY_TIME), [0, 0, 0, 5]);
    assert_eq!(
        find(&octets, Kind::VENDOR_SPECIFIC),
        b"\x00\x00\x00\x09\x01\x15disc-cause-ext=gone"
    );
}

#[test]
fn what_has_no_room_is_refused_or_left_out() {
    let now = now();
    let mut client = client(1);
    let long = "x".repeat(254);
    assert_eq!(client.access(now, 1, pap(&long)), Err(Refusal::TooLong));
    let mut request = pap("joe");
    request.proof = Proof::Pap {
        password: vec![b'x'; 129].into(),
    };
    assert_eq!(client.access(now, 1, request), Err(Refusal::TooLong));
    assert_eq!(client.access(now, 1, pap(&long[..253])), Ok(()));

    let mut record = stop(now, "1");
    record.class = vec![vec![1; 253].into(); 64];
    let mut octets = Vec::new();
    record.emit(&mut octets, 0, (now, now), &secret(), &Nas::default());
    assert!(octets.len() <= wanbox_wire::radius::MAX_PACKET);
    assert_eq!(find(&octets, Kind::NAS_PORT), [0, 0, 0, 2]);
    assert!(secret().is_request(&Packet::parse(&octets).unwrap()));
}
