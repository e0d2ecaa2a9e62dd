use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ax25::Call;

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// Both ways between octets and a packet.
fn check(packet: Packet<'_>, octets: &[u8]) {
    assert_eq!(Packet::parse(octets), Ok(packet));
    let mut made = Vec::new();
    packet.append(&mut made);
    assert_eq!(made, octets);
}

fn routing(octets: &[u8]) -> Routing<'_> {
    match Packet::parse(octets) {
        Ok(Packet::Routing(routing)) => routing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn links_are_set_up_and_measured() {
    check(Packet::Init { max_ssid: 9 }, b"09  !\r");
    check(Packet::Init { max_ssid: 15 }, b"0?  !\r");
    let poll = [&b"2"[..], &[b' '; 199], b"\r"].concat();
    assert_eq!(poll.len(), 201);
    check(Packet::Poll, &poll);
    check(Packet::Report { delay: 12 }, b"112\r");
    check(
        Packet::Report {
            delay: NOT_MEASURED,
        },
        b"1600\r",
    );
    check(Packet::Report { delay: 0 }, b"10\r");
    // As others send them.
    assert_eq!(Packet::parse(b"09%!\r"), Ok(Packet::Init { max_ssid: 9 }));
    assert_eq!(Packet::parse(&[b'2'; 241]), Ok(Packet::Poll));
    assert_eq!(Packet::parse(b"2"), Ok(Packet::Poll));
    assert_eq!(Packet::parse(b"17"), Ok(Packet::Report { delay: 7 }));
    assert_eq!(
        Packet::parse(b"199999999\r"),
        Ok(Packet::Report { delay: u16::MAX })
    );
    assert_eq!(Packet::parse(b"4xyz\r"), Ok(Packet::Other(b'4')));
    for wrong in [&b""[..], b"0", b"1", b"1\r", b"1x\r"] {
        assert!(Packet::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn destinations_and_their_delays() {
    let routes = [
        Route {
            call: call("DB0SAO"),
            max_ssid: 9,
            delay: Some(24),
        },
        Route {
            call: call("DK0HU"),
            max_ssid: 10,
            delay: None,
        },
    ];
    let octets = b"3DB0SAO0924 DK0HU 0:0 \r";
    assert_eq!(
        octets[..],
        [
            0x33, 0x44, 0x42, 0x30, 0x53, 0x41, 0x4f, 0x30, 0x39, 0x32, 0x34, 0x20, 0x44, 0x4b,
            0x30, 0x48, 0x55, 0x20, 0x30, 0x3a, 0x30, 0x20, 0x0d
        ]
    );
    let read = routing(octets);
    assert!(read.eq(routes));
    assert_eq!(read.mark(), None);
    let mut made = Vec::new();
    Routing::append_head(&mut made);
    for route in routes {
        route.append(&mut made);
    }
    Routing::append_tail(None, &mut made);
    assert_eq!(made, octets);
    check(Packet::Routing(read), octets);
}

#[test]
fn tokens_and_tables_that_end() {
    check(Packet::Routing(Routing::token(Mark::Request)), b"3+\r");
    check(Packet::Routing(Routing::token(Mark::Release)), b"3-\r");
    // Records before a minus are withdrawn.
    let withdrawn = routing(b"3DB0SAO0924 DB0ID 0012 -\r");
    assert_eq!(withdrawn.mark(), Some(Mark::Release));
    assert!(withdrawn.map(|route| route.delay).eq([None, None]));
    assert!(
        routing(b"3DB0SAO0924 +\r")
            .map(|route| route.delay)
            .eq([Some(24)])
    );
    // Some mean infinity by 60000, and SSIDs may be the wrong way round.
    assert!(routing(b"3DB0SAO0960000 DB0ID 003000 DK0HU 523001 \r").eq([
        Route {
            call: call("DB0SAO"),
            max_ssid: 9,
            delay: None
        },
        Route {
            call: call("DB0ID"),
            max_ssid: 0,
            delay: Some(3000)
        },
        Route {
            call: call("DK0HU-5"),
            max_ssid: 5,
            delay: None
        },
    ]));
    // Without the last blank, without CR; what is no record ends the packet.
    for (octets, count) in [
        (&b"3DB0SAO0924"[..], 1),
        (b"3DB0SAO0924 \r", 1),
        (b"3DB0SAO0924 db0id 0012 \r", 1),
        (b"3DB0SAO0924 DB 0ID0012 \r", 1),
        (b"3DB0SAO0924 DB0ID 00\r", 1),
        (b"3", 0),
        (b"3 DB0SAO0924 \r", 0),
    ] {
        assert_eq!(routing(octets).count(), count, "{octets:?}");
    }
}

#[test]
fn ways_are_asked_for() {
    let octets = b"6     0DB0SAO DB0RBS DK0HU-7\r";
    let query = Query::new(0, 0, b"DB0SAO DB0RBS DK0HU-7").unwrap();
    check(Packet::Query(query), octets);
    assert!(query.names().eq(["DB0SAO", "DB0RBS", "DK0HU-7"]));
    let octets = b"7\"12345DB0SAO db0id ??? DK0HU-7\r";
    let query = Query::new(2, 12345, b"DB0SAO db0id ??? DK0HU-7").unwrap();
    check(Packet::QueryResult(query), octets);
    // With the flag of a trace.
    let traced = b"6!`  17A B\r";
    let mut query = Query::new(1, 17, b"A B").unwrap();
    query.trace = true;
    check(Packet::Query(query), traced);
    let traced = b"6!p0017A B\r";
    assert_eq!(Packet::parse(traced), Ok(Packet::Query(query)));
    let fifty = [b"6     1".to_vec(), b"A ".repeat(50), b"\r".to_vec()].concat();
    assert!(Packet::parse(&fifty).is_ok());
    let more = [b"6     1".to_vec(), b"A ".repeat(51)].concat();
    for wrong in [
        &more[..],
        b"6",
        b"6    1",
        b"6\x1f    1A B\r",
        b"6@    1A B\r",
        b"6  x  1A B\r",
        b"6 99999A B\r",
        b"6 1   2A B\r",
        b"6     1TOOLONGCALL\r",
        b"6     1A_B\r",
    ] {
        assert!(Packet::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(name_is_valid("DK0HU-15") && !name_is_valid("") && !name_is_valid("A B"));
}

proptest! {
    #[test]
    fn any_octets(octets in vec(any::<u8>(), 0..100)) {
        fuzz_flexnet(&octets);
    }

    #[test]
    fn any_text(text in "[0-7][0-9A-D +-]{0,60}\r?") {
        fuzz_flexnet(text.as_bytes());
    }
}
