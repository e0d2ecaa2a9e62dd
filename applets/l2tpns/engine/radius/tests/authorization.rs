//! What attributes of an answer grant.

use proptest::prelude::*;
use wanbox_link::ppp::auth::{Method, Outcome};
use wanbox_wire::radius::{Prefix6, Vendor};

use super::*;

fn parse(write: impl FnOnce(&mut Writer<'_>)) -> Authorization {
    let mut octets = Vec::new();
    let mut writer = Writer::new(&mut octets, Code::ACCESS_ACCEPT, 1);
    write(&mut writer);
    writer.finish(&[0; 16]);
    Authorization::parse(&Packet::parse(&octets).unwrap(), &secret(), &AUTH)
}

/// Under which the captured Tunnel-Password was hidden.
const AUTH: [u8; 16] = [
    0x1a, 0xd6, 0x19, 0x11, 0xa1, 0x1f, 0x97, 0xea, 0x82, 0xd0, 0x3f, 0x0c, 0x9d, 0x46, 0xe0, 0xd9,
];

#[test]
fn everything_that_can_be_granted() {
    let prefix = |text: &str, length| Prefix6::new(text.parse().unwrap(), length);
    let granted = parse(|w| {
        w.u32(Kind::SERVICE_TYPE, 2);
        w.ipv4(Kind::FRAMED_IP_ADDRESS, [10, 0, 0, 7].into());
        w.ipv4(Kind::FRAMED_IP_NETMASK, [255, 255, 255, 0].into());
        w.attribute(Kind::FRAMED_POOL, b"gold");
        w.attribute(Kind::FRAMED_ROUTE, b"10.1.0.0/16 10.0.0.7 1");
        w.attribute(Kind::FRAMED_ROUTE, b"172.16.0.0");
        w.attribute(Kind::FILTER_ID, b"web.in");
        w.attribute(Kind::FILTER_ID, b"a.b.out");
        w.u32(Kind::FRAMED_MTU, 1400);
        w.attribute(Kind::REPLY_MESSAGE, b"Hello ");
        w.attribute(Kind::REPLY_MESSAGE, b"there");
        w.attribute(Kind::CLASS, b"c1");
        w.attribute(Kind::CLASS, b"c2");
        w.u32(Kind::SESSION_TIMEOUT, 0);
        w.u32(Kind::IDLE_TIMEOUT, 300);
        w.u32(Kind::ACCT_INTERIM_INTERVAL, 600);
        w.u32(Kind::PORT_LIMIT, 2);
        w.ipv4(Kind::ASCEND_CLIENT_PRIMARY_DNS, [10, 0, 0, 53].into());
        w.vendor(Vendor::ASCEND, 136, &[10, 0, 1, 53]);
        w.attribute(Kind::FRAMED_INTERFACE_ID, &[0, 0, 0, 0, 0, 0, 0, 9]);
        w.prefix6(Kind::FRAMED_IPV6_PREFIX, &prefix("2001:db8:1::", 64));
        w.attribute(Kind::FRAMED_IPV6_ROUTE, b"2001:db8:8::/48 :: 1");
        w.prefix6(Kind::DELEGATED_IPV6_PREFIX, &prefix("2001:db8:77::", 44));
        w.attribute(Kind::FRAMED_IPV6_POOL, b"six");
        w.attribute(Kind::DELEGATED_IPV6_PREFIX_POOL, b"pd");
        w.ipv6(Kind::FRAMED_IPV6_ADDRESS, "2001:db8::7".parse().unwrap());
        w.ipv6(
            Kind::DNS_SERVER_IPV6_ADDRESS,
            "2001:db8::53".parse().unwrap(),
        );
        w.vendor(Vendor::CISCO, 1, b"throttle=yes,intercept=10.0.0.1:99");
        w.vendor(
            Vendor::CISCO,
            1,
            b"lcp:interface-config#1=service-policy input 64",
        );
    });
    assert_eq!(granted.address, FramedAddress::Static([10, 0, 0, 7].into()));
    assert_eq!(granted.netmask, Some([255, 255, 255, 0].into()));
    assert_eq!(granted.pool.as_deref(), Some("gold"));
    assert_eq!(
        granted.routes,
        [
            Route4::new([10, 1, 0, 0].into(), 16),
            Route4::new([172, 16, 0, 0].into(), 16)
        ]
    );
    assert_eq!(granted.filter_in.as_deref(), Some("web"));
    assert_eq!(granted.filter_out.as_deref(), Some("a.b"));
    assert_eq!(granted.mtu, Some(1400));
    assert_eq!(&*granted.message, b"Hello there");
    assert_eq!(granted.class.len(), 2);
    assert_eq!(granted.session_timeout, Some(0));
    assert_eq!(granted.idle_timeout, Some(300));
    assert_eq!((granted.interim, granted.port_limit), (Some(600), Some(2)));
    assert_eq!(
        granted.dns,
        [Some([10, 0, 0, 53].into()), Some([10, 0, 1, 53].into())]
    );
    assert_eq!(granted.interface_id, Some(9));
    assert_eq!(granted.prefixes6, [prefix("2001:db8:1::", 64)]);
    assert_eq!(granted.routes6, [prefix("2001:db8:8::", 48)]);
    assert_eq!(granted.delegated, [prefix("2001:db8:70::", 44)]);
    assert_eq!(granted.pool6.as_deref(), Some("six"));
    assert_eq!(granted.delegated_pool.as_deref(), Some("pd"));
    assert_eq!(granted.address6, "2001:db8::7".parse().ok());
    assert_eq!(granted.dns6.len(), 1);
    let keys: Vec<&str> = granted.pairs.iter().map(|pair| &*pair.key).collect();
    assert_eq!(keys, ["throttle", "intercept", "lcp:interface-config#1"]);
    assert!(granted.by_server);
    assert_eq!(granted.ignored, 0);
}

#[test]
fn microsofts_name_servers_and_addresses_that_mean_a_pool() {
    for value in [[0; 4], [255; 4], [255, 255, 255, 254]] {
        let granted = parse(|w| {
            w.attribute(Kind::FRAMED_IP_ADDRESS, &value);
            w.vendor(Vendor::MICROSOFT, 28, &[10, 0, 0, 1]);
            w.vendor(Vendor::MICROSOFT, 29, &[0, 0, 0, 0]);
        });
        assert_eq!(granted.address, FramedAddress::Pool);
        assert_eq!(granted.dns, [Some([10, 0, 0, 1].into()), None]);
    }
}

#[test]
fn what_cannot_be_read_is_counted_and_harms_nothing_else() {
    let granted = parse(|w| {
        w.attribute(Kind::FRAMED_IP_ADDRESS, &[10, 0, 0]);
        w.attribute(Kind::FRAMED_ROUTE, b"0.0.0.0/0 10.0.0.1 1");
        w.attribute(Kind::FRAMED_ROUTE, b"10.0.0.0/33");
        w.attribute(Kind::FRAMED_ROUTE, b"10.0.0/8");
        w.attribute(Kind::FRAMED_ROUTE, b"\xff");
        w.attribute(Kind::FRAMED_IPV6_ROUTE, b"");
        // Without a length the original crashed.
        w.attribute(Kind::FRAMED_IPV6_ROUTE, b"2001:db8::1");
        w.attribute(Kind::FILTER_ID, b"web");
        w.attribute(Kind::FILTER_ID, b".in");
        w.attribute(Kind::VENDOR_SPECIFIC, &[0, 0, 9]);
        w.attribute(Kind::TUNNEL_PASSWORD, &[1, 2, 3]);
        w.u32(Kind::IDLE_TIMEOUT, 9);
        for _ in 0..MAX_LIST + 3 {
            w.attribute(Kind::CLASS, b"c");
        }
    });
    assert_eq!(granted.ignored, 10 + 3);
    assert!(granted.bad_filter);
    assert_eq!(granted.routes6[0].length, 128);
    assert_eq!(granted.idle_timeout, Some(9));
    assert_eq!(granted.class.len(), MAX_LIST);
}

#[test]
fn tunnels_by_tag() {
    let password = [
        1, 0x80, 0x01, 0x2d, 0x20, 0x1f, 0x84, 0x3e, 0x62, 0x50, 0x8f, 0x09, 0x89, 0x61, 0xea,
        0x6f, 0x8e, 0x03, 0x89,
    ];
    let granted = parse(|w| {
        w.attribute(Kind::TUNNEL_TYPE, &[1, 0, 0, 3]);
        w.attribute(Kind::TUNNEL_MEDIUM_TYPE, &[1, 0, 0, 1]);
        w.attribute(Kind::TUNNEL_PASSWORD, &password);
        w.attribute(Kind::TUNNEL_SERVER_ENDPOINT, b"\x0110.0.0.9");
        w.attribute(Kind::TUNNEL_ASSIGNMENT_ID, b"\x01friend");
        w.attribute(Kind::TUNNEL_TYPE, &[2, 0, 0, 3]);
        w.attribute(Kind::TUNNEL_SERVER_ENDPOINT, b"\x0210.0.0.8");
    });
    assert_eq!(granted.tunnels.len(), 2);
    let usable: Vec<_> = granted.l2tp_tunnels().collect();
    assert_eq!(usable.len(), 1);
    assert_eq!(usable[0].1.to_string(), "10.0.0.9");
    assert_eq!(usable[0].0.password.as_deref(), Some(&b"rlnssec"[..]));
    assert_eq!(&*usable[0].0.assignment, b"friend");
    assert!(!format!("{granted:?}").contains("rlnssec"));
}

#[test]
fn what_ppp_is_told() {
    let proof = [b"\x05S=".as_slice(), &[b'A'; 40], b" M=OK"].concat();
    let granted = parse(|w| {
        w.attribute(Kind::REPLY_MESSAGE, b"welcome");
        w.vendor(Vendor::MICROSOFT, Vendor::MS_CHAP2_SUCCESS, &proof);
    });
    let pap = granted.verdict(Method::Pap);
    assert_eq!(pap.outcome, Outcome::Accepted);
    assert_eq!(pap.message.as_deref(), Some(&b"welcome"[..]));
    let ms = granted.verdict(Method::MsChapV2);
    assert_eq!(ms.outcome, Outcome::Accepted);
    assert_eq!(ms.message.as_deref(), Some(&proof[1..]));
    // Who does not prove to be the server lets nobody in.
    for bad in [&b""[..], b"\x05", b"\x05S=1234", &proof[1..]] {
        let granted = parse(|w| {
            w.vendor(Vendor::MICROSOFT, Vendor::MS_CHAP2_SUCCESS, bad);
        });
        let ms = granted.verdict(Method::MsChapV2);
        assert_eq!(ms.outcome, Outcome::Refused);
    }

    let mut octets = Vec::new();
    let mut writer = Writer::new(&mut octets, Code::ACCESS_REJECT, 1);
    writer.attribute(Kind::REPLY_MESSAGE, b"no");
    writer.vendor(
        Vendor::MICROSOFT,
        Vendor::MS_CHAP_ERROR,
        b"\x05E=691 R=1 C=00 V=3 M=Failed",
    );
    writer.finish(&[0; 16]);
    let rejection = Rejection::parse(&Packet::parse(&octets).unwrap());
    let ms = rejection.verdict(Method::MsChapV2);
    assert_eq!(ms.outcome, Outcome::WrongSecret);
    assert_eq!(
        ms.message.as_deref(),
        Some(&b"E=691 R=0 C=00 V=3 M=Failed"[..])
    );
    let chap = rejection.verdict(Method::ChapMd5);
    assert_eq!(chap.message.as_deref(), Some(&b"no"[..]));
    assert_eq!(Rejection::default().verdict(Method::Pap).message, None);
}

proptest! {
    #[test]
    fn any_attributes(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz_radius_client(now(), &octets);
    }

    #[test]
    fn any_known_attributes(list in proptest::collection::vec(
        (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
        let mut octets = Vec::new();
        for (kind, value) in list {
            octets.extend_from_slice(&[kind, value.len() as u8 + 2]);
            octets.extend_from_slice(&value);
        }
        fuzz_radius_client(now(), &octets);
    }
}
