use proptest::prelude::*;

use super::*;
use wanbox_sim::hex;

/// The options of an Advertise that l2tpns 2.4.1 sent, and some of a client.
#[test]
fn an_advertise() {
    let text = "02aabbcc \
        00020008 0003001bfdfdfafa 0001000a 00030001aabbccddeeff \
        00190029 00000001 ffffffff ffffffff 001a0019 ffffffff ffffffff 30 20010db8007700000000000000000000 \
        00030028 00000002 ffffffff ffffffff 00050018 20010db8000100000a0a0a0100000000 ffffffff ffffffff \
        00170010 20010db8000000000000000000000053 00180008 0366646e02667200 00070001 ff";
    let octets = hex(text);
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.kind, Kind::Advertise);
    assert_eq!(message.transaction, [0xaa, 0xbb, 0xcc]);
    let options: Vec<_> = message.options.iter().collect();
    let mut domains = Vec::new();
    append_domain("fdn.fr", &mut domains);
    assert_eq!(options[0], DhcpOption::ServerId(&hex("0003001bfdfdfafa")));
    assert_eq!(
        options[1],
        DhcpOption::ClientId(&hex("00030001aabbccddeeff"))
    );
    let DhcpOption::IaPd(prefixes) = options[2] else {
        panic!("{:?}", options[2]);
    };
    assert_eq!(
        (prefixes.iaid, prefixes.t1, prefixes.t2),
        (1, INFINITY, INFINITY)
    );
    assert_eq!(
        prefixes.options.iter().collect::<Vec<_>>(),
        [DhcpOption::Prefix {
            preferred: INFINITY,
            valid: INFINITY,
            bits: 48,
            prefix: "2001:db8:77::".parse().unwrap(),
            options: Options::NONE,
        }]
    );
    let DhcpOption::IaNa(addresses) = options[3] else {
        panic!("{:?}", options[3]);
    };
    assert_eq!(
        addresses.options.iter().collect::<Vec<_>>(),
        [DhcpOption::Address {
            address: "2001:db8:1:0:a0a:a01::".parse().unwrap(),
            preferred: INFINITY,
            valid: INFINITY,
            options: Options::NONE,
        }]
    );
    assert_eq!(
        options[4],
        DhcpOption::DnsServers(&hex("20010db8000000000000000000000053"))
    );
    assert_eq!(options[5], DhcpOption::DomainList(&domains));
    assert_eq!(options[6], DhcpOption::Preference(255));
    fuzz_dhcpv6(&octets);
}

#[test]
fn lengths_are_checked_at_every_depth() {
    for (text, whole) in [
        ("01000001", true),
        ("010000", false),
        ("01000001 0001", false),
        ("01000001 00010000", false),
        ("01000001 00010001 aa", true),
        ("01000001 00010002 aa", false),
        ("01000001 000e0000", true),
        ("01000001 000e0001 00", false),
        ("01000001 00060002 0017", true),
        ("01000001 00060003 001700", false),
        ("01000001 0003000b 0000000000000000000000", false),
        ("01000001 0003000c 000000010000000000000000", true),
        // The option within leads out of the association, though not out of the message.
        (
            "01000001 00030010 000000010000000000000000 00050018 00060002 0017",
            false,
        ),
        (
            "01000001 0019002d 00000001 00000000 00000000 001a001d 00000000 00000000 38 20010db8000000000000000000000000 000d0000",
            false,
        ),
        (
            "01000001 0019002f 00000001 00000000 00000000 001a001f 00000000 00000000 38 20010db8000000000000000000000000 000d0002 0000",
            true,
        ),
        (
            "01000001 00190029 00000001 00000000 00000000 001a0019 00000000 00000000 81 20010db8000000000000000000000000",
            false,
        ),
        // Four associations, one in another.
        (
            "01000001 00040020 00000001 00040018 00000001 00040010 00000001 00040008 00000001 000e0000",
            false,
        ),
        ("0c000001", false),
    ] {
        let octets = hex(text);
        assert_eq!(Message::parse(&octets).is_ok(), whole, "{text}");
        fuzz_dhcpv6(&octets);
    }
    let mut long = hex("01000001 00010083");
    long.extend_from_slice(&[0; 131]);
    assert!(Message::parse(&long).is_err());
}

#[test]
fn domains() {
    for (domain, wanted) in [
        ("fdn.fr", "0366646e02667200"),
        ("fdn.fr.", "0366646e02667200"),
        ("", ""),
        ("a..b", ""),
        (&"x".repeat(64), ""),
    ] {
        let mut octets = Vec::new();
        append_domain(domain, &mut octets);
        assert_eq!(octets, hex(wanted), "{domain}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        kind in 1..12u8,
        transaction: [u8; 3],
        iaid: u32,
        address: u128,
        preferred: u32,
        bits in 0..129u8,
        data in proptest::collection::vec(any::<u8>(), 1..131),
        code in 100..200u16,
    ) {
        let (mut status, mut inner, mut options) = (Vec::new(), Vec::new(), Vec::new());
        DhcpOption::Status { code, text: &data }.append(&mut status);
        DhcpOption::Prefix {
            preferred,
            valid: !preferred,
            bits,
            prefix: address.into(),
            options: Options::written(&status),
        }.append(&mut inner);
        DhcpOption::Address {
            address: address.into(),
            preferred,
            valid: 7,
            options: Options::written(&status),
        }.append(&mut inner);
        let association = Association { iaid, t1: 1, t2: 2, options: Options::written(&inner) };
        let written = [
            DhcpOption::ClientId(&data),
            DhcpOption::ServerId(&data),
            DhcpOption::IaNa(association),
            DhcpOption::IaPd(association),
            DhcpOption::IaTa(iaid, Options::written(&inner)),
            DhcpOption::Other { code, data: &data },
            DhcpOption::RapidCommit,
        ];
        for option in &written {
            option.append(&mut options);
        }
        let message = Message { kind: kind.into(), transaction, options: Options::written(&options) };
        let mut octets = Vec::new();
        message.append(&mut octets);
        let read = Message::parse(&octets);
        prop_assert_eq!(read, Ok(message));
        prop_assert!(message.options.iter().eq(written));
        fuzz_dhcpv6(&octets);
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(prop_oneof![0..27u8, any::<u8>()], 0..96)) {
        fuzz_dhcpv6(&octets);
    }
}
