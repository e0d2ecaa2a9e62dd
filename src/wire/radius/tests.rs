//! Published and captured packets, lengths that lie, and what is written is read.

use proptest::prelude::*;

use super::*;
use wanbox_sim::hex;

#[test]
fn the_access_request_of_rfc_2865_7_1() {
    let request = hex("01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a
         01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee
         04 06 c0 a8 01 10 05 06 00 00 00 03");
    let packet = Packet::parse(&request).unwrap();
    assert_eq!(packet.code(), Code::ACCESS_REQUEST);
    assert_eq!(packet.identifier(), 0);
    assert_eq!(packet.authenticator()[..2], [0x0f, 0x40]);
    assert_eq!(packet.find(Kind::USER_NAME).unwrap().value, b"nemo");
    assert_eq!(
        packet.find(Kind::NAS_IP_ADDRESS).unwrap().ipv4(),
        Ok([192, 168, 1, 16].into())
    );
    assert_eq!(packet.find(Kind::NAS_PORT).unwrap().u32(), Ok(3));
    assert_eq!(packet.find(Kind::CLASS), None);
    fuzz_radius(&request);
}

#[test]
fn an_accounting_start_of_l2tpns() {
    let captured = hex(
        "0400005f a65f973ca6bbf64a0d229f5e8abbeb40 0109 63686170706572 2806 00000001
         2c12 30303030303030323642303130373831 2906 00000000 0506 00000002 0606 00000002
         0806 0a0a0a02 1e0c 30323131313132323232 0406 0a090001",
    );
    let packet = Packet::parse(&captured).unwrap();
    let kinds: Vec<u8> = packet.attributes().map(|a| a.kind.0).collect();
    assert_eq!(kinds, [1, 40, 44, 41, 5, 6, 8, 30, 4]);
    assert_eq!(
        packet.find(Kind::ACCT_SESSION_ID).unwrap().value,
        b"000000026B010781"
    );
    // What is behind the packet is padding.
    let mut padded = captured.clone();
    padded.extend_from_slice(b"padding");
    assert_eq!(Packet::parse(&padded).unwrap().octets(), captured);
    fuzz_radius(&padded);
}

#[test]
fn lengths_that_lie() {
    let good = hex("02 07 00 17 00000000000000000000000000000000 01 03 61");
    assert!(Packet::parse(&good).is_ok());
    for (place, value) in [(3, 19), (3, 24), (2, 0x10), (21, 1), (21, 0), (21, 4)] {
        let mut bad = good.clone();
        bad[place] = value;
        assert!(
            matches!(Packet::parse(&bad), Err(crate::ParseError::Length { .. })),
            "{place} {value}"
        );
    }
    // One octet is no attribute.
    assert!(Packet::parse(&hex("02 07 00 15 00000000000000000000000000000000 01")).is_err());
    for length in 0..HEADER {
        assert!(Packet::parse(&good[..length]).is_err());
    }
    let long = [&[2, 0, 0x10, 1][..], &[0; 5000]].concat();
    assert!(Packet::parse(&long).is_err());
}

#[test]
fn values_of_other_lengths_are_refused() {
    fn attribute(value: &[u8]) -> Attribute<'_> {
        let kind = Kind::FRAMED_IP_ADDRESS;
        Attribute { kind, value }
    }
    for length in 0..20 {
        let octets = [0; 20];
        let value = attribute(&octets[..length]);
        assert_eq!(value.u32().is_ok(), length == 4);
        assert_eq!(value.ipv4().is_ok(), length == 4);
        assert_eq!(value.u64().is_ok(), length == 8);
        assert_eq!(value.ipv6().is_ok(), length == 16);
        assert_eq!(value.prefix6().is_ok(), (2..=18).contains(&length));
    }
    assert!(attribute(&[0, 129]).prefix6().is_err());
    assert!(attribute(&[0, 64, 1, 2, 3, 4, 5, 6, 7]).prefix6().is_err());
    // RFC 3162 section 2.3: bits behind the length do not count.
    let prefix = attribute(&[0, 44, 0x20, 1, 0xd, 0xb8, 0, 0xff])
        .prefix6()
        .unwrap();
    assert_eq!(prefix, Prefix6::new("2001:db8:f0::".parse().unwrap(), 44));
    assert_eq!(prefix.emit(), [0, 44, 0x20, 1, 0xd, 0xb8, 0, 0xf0]);
}

#[test]
fn several_attributes_in_one_vendor_specific() {
    let value = hex("00000009 0105 61 3d 62 0204 63 64");
    let read: Vec<_> = VendorAttributes::parse(&value)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read[0].vendor, Vendor::CISCO);
    assert_eq!((read[0].kind, read[0].value), (1, &b"a=b"[..]));
    assert_eq!((read[1].kind, read[1].value), (2, &b"cd"[..]));
    assert!(VendorAttributes::parse(&value[..3]).is_err());
    let mut cut = VendorAttributes::parse(&value[..12]).unwrap();
    assert!(cut.next().unwrap().is_ok());
    assert!(cut.next().unwrap().is_err());
    assert!(cut.next().is_none());
}

#[test]
fn tags_are_below_0x20() {
    assert_eq!(
        tagged_text(b"\x01lns"),
        Ok(Tagged {
            tag: 1,
            value: &b"lns"[..]
        })
    );
    assert_eq!(
        tagged_text(b"10.0.0.1"),
        Ok(Tagged {
            tag: 0,
            value: &b"10.0.0.1"[..]
        })
    );
    assert!(tagged_text(b"").is_err());
    assert_eq!(tagged_u24(&[2, 0, 0, 3]), Ok(Tagged { tag: 2, value: 3 }));
    assert_eq!(tagged_u24(&[99, 0, 0, 3]), Ok(Tagged { tag: 0, value: 3 }));
    assert!(tagged_u24(&[0, 0, 3]).is_err());
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut buffer = vec![0xa5; 100];
    let mut writer = Writer::new(&mut buffer, Code::ACCESS_REQUEST, 9);
    assert!(!writer.attribute(Kind::CLASS, &[0; 254]));
    assert!(!writer.vendor(Vendor::CISCO, Vendor::CISCO_AVPAIR, &[0; 248]));
    assert!(writer.vendor(Vendor::CISCO, Vendor::CISCO_AVPAIR, &[0; 247]));
    let mut written = 1;
    while writer.attribute(Kind::CLASS, &[0; 253]) {
        written += 1;
    }
    assert!(writer.u32(Kind::NAS_PORT, 1));
    writer.finish(&[7; 16]);
    let packet = Packet::parse(&buffer).unwrap();
    assert_eq!(packet.attributes().count(), written + 1);
    assert_eq!(packet.authenticator(), &[7; 16]);
    assert!(buffer.len() <= MAX_PACKET);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        code: u8,
        identifier: u8,
        authenticator: [u8; 16],
        list in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..254)), 0..12),
        vendor: u32,
        inner in proptest::collection::vec(any::<u8>(), 0..248),
    ) {
        let mut buffer = vec![0xa5; 64];
        let mut writer = Writer::new(&mut buffer, Code(code), identifier);
        for (kind, value) in &list {
            prop_assert!(writer.attribute(Kind(*kind), value));
        }
        prop_assert!(writer.vendor(Vendor(vendor), 1, &inner));
        writer.finish(&authenticator);
        let packet = Packet::parse(&buffer).unwrap();
        prop_assert_eq!(packet.code(), Code(code));
        prop_assert_eq!(packet.identifier(), identifier);
        prop_assert_eq!(packet.authenticator(), &authenticator);
        let read: Vec<_> = packet.attributes().map(|a| (a.kind.0, a.value.to_vec())).collect();
        prop_assert_eq!(&read[..list.len()], &list[..]);
        let last = VendorAttributes::parse(&read[list.len()].1).unwrap().next().unwrap().unwrap();
        prop_assert_eq!(last.vendor, Vendor(vendor));
        prop_assert_eq!(last.value, &inner[..]);
        fuzz_radius(&buffer);
    }

    #[test]
    fn prefixes_are_read_as_written(address: u128, length in 0..=128_u8) {
        let prefix = Prefix6::new(address.into(), length);
        let value = prefix.emit();
        let attribute = Attribute { kind: Kind::DELEGATED_IPV6_PREFIX, value: &value };
        prop_assert_eq!(attribute.prefix6(), Ok(prefix));
    }

    #[test]
    fn any_octets(mut octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz_radius(&octets);
        // The same with a length that is right, so that what is behind is reached.
        let length = octets.len() as u16;
        if let Some(field) = octets.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        fuzz_radius(&octets);
    }
}
