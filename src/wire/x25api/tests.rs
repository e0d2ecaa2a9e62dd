use proptest::prelude::*;

use super::*;

/// As in man/x25api.7.
#[test]
fn the_documented_call() {
    let message = [
        1, 5, 0, 0, 0, 0, 0, 15, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // header
        4, b'1', b'2', b'3', b'4', 2, b'5', b'6', 3, 0x42, 0x07, 0x07, 0xc0, 0x01, 0x02,
    ];
    let cut = Repr::parse(&message[..38]).unwrap_err().to_string();
    assert_eq!(cut, "API length: claims 15 octets, 14 are there");
    let (repr, payload) = Repr::parse(&message).unwrap();
    let expected = Repr {
        length: 15,
        tag: 7,
        ..Repr::new(Kind::Call)
    };
    assert_eq!(repr, expected);
    let call = Call {
        called: "1234",
        calling: "56",
        facilities: &[0x42, 0x07, 0x07],
        data: &[0xc0, 0x01, 0x02],
    };
    assert_eq!(Call::parse(payload), Ok(call));
    assert_eq!(expected.message(&call.octets()), message);
}

#[test]
fn what_is_wrong_is_named() {
    let right = Repr::new(Kind::Data).octets();
    let wrong = |place: usize, octet: u8| {
        let mut message = right;
        message[place] = octet;
        Repr::parse(&message).unwrap_err().to_string()
    };
    assert_eq!(wrong(0, 2), "API version: 0x2 where 1 is expected");
    assert!(wrong(1, 0x0c).starts_with("X.25 API kind: 0xc"));
    assert!(wrong(2, 8).starts_with("X.25 API flags: 0x800"));
    assert!(wrong(15, 4).starts_with("API spare"));
    let call = |octets: &[u8]| Call::parse(octets).unwrap_err().to_string();
    assert_eq!(call(&[]), "called address: 0 octets where 1 are needed");
    assert!(call(&[2, b'1']).starts_with("called address"));
    assert!(call(&[1, b'a', 0, 0]).contains("0x61 where a digit"));
    assert_eq!(
        call(&[16; 40]),
        "called address: claims 16 octets, 15 are there"
    );
    assert!(call(&[0, 0, 110]).contains("facilities: claims 110"));
    assert!(call(&[0; 3 + 129]).contains("user data: claims 129"));
    assert!(Call::parse(&[0; 3 + 128]).is_ok());
    assert!(Status::parse(&[0; 63]).is_err() && Refused::parse(&[0; 7]).is_err());
}

#[test]
fn numbers_there_and_back() {
    let mut kinds = 0;
    for number in 0..=u8::MAX {
        assert_eq!(u8::from(State::from(number)), number);
        if let Some(kind) = Kind::from_number(number) {
            assert_eq!(kind.number(), number);
            kinds += 1;
        }
    }
    assert_eq!(kinds, Kind::ALL.len());
    for number in 0..=u16::MAX {
        assert_eq!(u16::from(Reason::from(number)), number);
    }
    assert_eq!(
        Reason::Absent.to_string(),
        "there is no such call or circuit"
    );
    assert_eq!(Reason::Other(99).to_string(), "reason 99");
}

#[test]
fn patterns_of_addresses() {
    let matches =
        |pattern: &str, digits: &str| Pattern::parse(pattern.as_bytes()).unwrap().matches(digits);
    for (pattern, digits) in [
        ("", ""),
        ("*", ""),
        ("*", "123"),
        ("123", "123"),
        ("1?3", "103"),
        ("12*", "12"),
        ("12*", "12345"),
        ("*99", "1999"),
        ("1*2*3", "1222323"),
        ("?*", "1"),
        ("**", "7"),
    ] {
        assert!(matches(pattern, digits), "{pattern} {digits}");
    }
    for (pattern, digits) in [
        ("", "1"),
        ("?", ""),
        ("123", "1234"),
        ("123", "12"),
        ("12*", "1"),
        ("*99", "199 "),
        ("1*2*3", "12224"),
        ("??", "1"),
    ] {
        assert!(!matches(pattern, digits), "{pattern} {digits}");
    }
    assert!(!is_pattern("12a") && !is_pattern(&"1".repeat(33)) && is_pattern(&"1".repeat(32)));
    let pattern = Pattern::parse(b"12?*").unwrap();
    assert_eq!((pattern.digits(), pattern.is_address()), (2, false));
    assert_eq!(pattern.to_string(), "12?*");
    assert!(Pattern::parse(b"12").unwrap().is_address());
}

fn kinds() -> impl Strategy<Value = Kind> {
    (0..Kind::ALL.len()).prop_map(|place| Kind::ALL[place].0)
}

proptest! {
    #[test]
    fn reads_what_it_wrote(
        kind in kinds(),
        flags: u16, channel: u16, tag: u32, cause: u8, diagnostic: u8, time_ns: u64,
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let repr = Repr {
            kind, flags: flags & flags::ALL, channel, length: payload.len() as u16, tag, cause,
            diagnostic, time_ns,
        };
        let message = repr.message(&payload);
        prop_assert_eq!(Repr::parse(&message), Ok((repr, &payload[..])));
        fuzz_x25api(&message);
        fuzz_x25api(&message[1..]);
    }

    #[test]
    fn calls_and_states(
        called in "[0-9]{0,15}", calling in "[0-9]{0,15}",
        facilities in proptest::collection::vec(any::<u8>(), 0..=109),
        data in proptest::collection::vec(any::<u8>(), 0..=128),
        head: [u8; 4], sizes: [u16; 2], numbers: [u32; 2], counters: [u64; 6], reason: u16,
    ) {
        let call = Call { called: &called, calling: &calling, facilities: &facilities, data: &data };
        let octets = call.octets();
        prop_assert_eq!(Call::parse(&octets), Ok(call));
        let [rx_packets, rx_octets, tx_messages, tx_octets, resets, refused] = counters;
        let status = Status {
            state: head[0].into(), link_up: head[1] & 1 != 0, window_out: head[2], window_in: head[3],
            packet_out: sizes[0], packet_in: sizes[1], limit: numbers[0], waiting: numbers[1],
            rx_packets, rx_octets, tx_messages, tx_octets, resets, refused,
        };
        prop_assert_eq!(Status::parse(&status.octets()), Ok(status));
        let refusal = Refused { reason: reason.into(), limit: numbers[0] };
        prop_assert_eq!(Refused::parse(&refusal.octets()), Ok(refusal));
    }

    /// The quick matcher and the obvious one agree.
    #[test]
    fn patterns_match_as_they_should(pattern in "[12*?]{0,8}", digits in "[12]{0,8}") {
        fn obvious(pattern: &[u8], digits: &[u8]) -> bool {
            match (pattern.split_first(), digits.split_first()) {
                (None, rest) => rest.is_none(),
                (Some((b'*', after)), rest) => {
                    obvious(after, digits) || rest.is_some_and(|(_, less)| obvious(pattern, less))
                }
                (Some((c, after)), Some((d, less))) => (*c == b'?' || c == d) && obvious(after, less),
                (Some(_), None) => false,
            }
        }
        let matches = Pattern::parse(pattern.as_bytes()).unwrap().matches(&digits);
        prop_assert_eq!(matches, obvious(pattern.as_bytes(), digits.as_bytes()));
    }

    #[test]
    fn hostile_messages_do_no_harm(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz_x25api(&octets);
        if let Ok(call) = Call::parse(&octets) {
            prop_assert_eq!(call.octets(), octets);
        }
    }
}
