//! Tests of X.25 packets. The first vectors are those of the monitors' captures, the others are
//! worked out from X.25's figures.

use proptest::prelude::*;

use super::protocol::Protocol;
use super::*;
use crate::ParseError;
use wanbox_sim::hex;

use Modulo::{Eight, OneTwentyEight};

mod facilities;
mod xot;

fn read(modulo: Modulo, octets: &[u8]) -> Result<PacketRepr<'_>, Fault> {
    PacketRepr::parse(&Packet::parse(modulo, octets)?)
}

fn lci(number: u16) -> Lci {
    Lci::new(number).unwrap()
}

fn address(digits: &str) -> Address {
    digits.parse().unwrap()
}

fn fields<'p>(called: &str, calling: &str, user_data: &'p [u8]) -> CallFields<'p> {
    CallFields {
        called: address(called),
        calling: address(calling),
        facilities: Facilities::NONE,
        user_data,
    }
}

const fn marks(q: bool, d: bool, m: bool) -> Marks {
    Marks { q, d, m }
}

#[test]
fn packets_of_the_figures_are_read_and_written() {
    let sizes = Facilities::parse(&[0x42, 0x07, 0x0a, 0x43, 2, 7]).unwrap();
    let negotiated = CallFields {
        facilities: sizes,
        ..fields("12345", "678", &[])
    };
    let charged = Facilities::parse(&[0xc5, 3, 1, 2, 3]).unwrap();
    let charged = CallFields {
        facilities: charged,
        ..CallFields::default()
    };
    let vectors: [(&str, Modulo, u16, Body<'_>, &str); 29] = [
        (
            "10 01 0b 44 11 11 22 22 00 cc",
            Eight,
            1,
            Body::CallRequest {
                delivery: false,
                fields: fields("1111", "2222", &[0xcc]),
            },
            "X.25 1 call request to 1111 from 2222",
        ),
        (
            "50 05 0b 35 12 34 56 78 06 42 07 0a 43 02 07",
            Eight,
            5,
            Body::CallRequest {
                delivery: true,
                fields: negotiated,
            },
            "X.25 5 call request to 12345 from 678",
        ),
        (
            "2f ff 0b 0f 12 34 56 78 90 12 34 50 00",
            OneTwentyEight,
            4095,
            Body::CallRequest {
                delivery: false,
                fields: fields("123456789012345", "", &[]),
            },
            "X.25 4095 call request to 123456789012345 from ",
        ),
        (
            "10 01 0f",
            Eight,
            1,
            Body::CallAccepted {
                delivery: false,
                fields: CallFields::default(),
            },
            "X.25 1 call accepted to  from ",
        ),
        (
            "50 01 0f 11 12 00 01 02",
            Eight,
            1,
            Body::CallAccepted {
                delivery: true,
                fields: fields("1", "2", &[1, 2]),
            },
            "X.25 1 call accepted to 1 from 2",
        ),
        (
            "10 01 13 00 f9",
            Eight,
            1,
            Body::ClearRequest {
                cause: 0,
                diagnostic: diagnostic::UNKNOWN_PROTOCOL,
                fields: CallFields::default(),
            },
            "X.25 1 clear request, cause 0x00 (DTE originated), \
             diagnostic 249 (unrecognizable protocol identifier in user data)",
        ),
        (
            "10 02 13 05 00 02 98 00 62 79 65",
            Eight,
            2,
            Body::ClearRequest {
                cause: cause::clear::NETWORK_CONGESTION,
                diagnostic: 0,
                fields: fields("98", "", b"bye"),
            },
            "X.25 2 clear request, cause 0x05 (network congestion), \
             diagnostic 0 (no additional information)",
        ),
        (
            "10 02 17",
            Eight,
            2,
            Body::ClearConfirmation {
                fields: CallFields::default(),
            },
            "X.25 2 clear confirmation",
        ),
        (
            "10 02 17 00 05 c5 03 01 02 03",
            Eight,
            2,
            Body::ClearConfirmation { fields: charged },
            "X.25 2 clear confirmation",
        ),
        (
            "10 01 00 45 00",
            Eight,
            1,
            Body::Data {
                marks: Marks::default(),
                ps: 0,
                pr: 0,
                data: &[0x45, 0],
            },
            "X.25 1 data P(S)=0 P(R)=0 2 octets",
        ),
        (
            "d1 01 fe",
            Eight,
            257,
            Body::Data {
                marks: marks(true, true, true),
                ps: 7,
                pr: 7,
                data: &[],
            },
            "X.25 257 data Q D M P(S)=7 P(R)=7 0 octets",
        ),
        (
            "60 01 04 ff 61",
            OneTwentyEight,
            1,
            Body::Data {
                marks: marks(false, true, true),
                ps: 2,
                pr: 127,
                data: b"a",
            },
            "X.25 1 data D M P(S)=2 P(R)=127 1 octets",
        ),
        (
            "10 01 61",
            Eight,
            1,
            Body::Flow {
                flow: Flow::Ready,
                pr: 3,
            },
            "X.25 1 RR P(R)=3",
        ),
        (
            "10 01 e5",
            Eight,
            1,
            Body::Flow {
                flow: Flow::NotReady,
                pr: 7,
            },
            "X.25 1 RNR P(R)=7",
        ),
        (
            "10 01 e9",
            Eight,
            1,
            Body::Flow {
                flow: Flow::Reject,
                pr: 7,
            },
            "X.25 1 REJ P(R)=7",
        ),
        (
            "20 01 01 fe",
            OneTwentyEight,
            1,
            Body::Flow {
                flow: Flow::Ready,
                pr: 127,
            },
            "X.25 1 RR P(R)=127",
        ),
        (
            "20 01 05 02",
            OneTwentyEight,
            1,
            Body::Flow {
                flow: Flow::NotReady,
                pr: 1,
            },
            "X.25 1 RNR P(R)=1",
        ),
        (
            "20 01 09 80",
            OneTwentyEight,
            1,
            Body::Flow {
                flow: Flow::Reject,
                pr: 64,
            },
            "X.25 1 REJ P(R)=64",
        ),
        (
            "10 01 23 00",
            Eight,
            1,
            Body::Interrupt(&[0]),
            "X.25 1 interrupt",
        ),
        (
            "20 01 27",
            OneTwentyEight,
            1,
            Body::InterruptConfirmation,
            "X.25 1 interrupt confirmation",
        ),
        (
            "10 01 1b 07 02",
            Eight,
            1,
            Body::ResetRequest {
                cause: cause::reset::NETWORK_CONGESTION,
                diagnostic: diagnostic::INVALID_PR,
            },
            "X.25 1 reset request, cause 0x07 (network congestion), diagnostic 2 (invalid P(R))",
        ),
        (
            "10 01 1f",
            Eight,
            1,
            Body::ResetConfirmation,
            "X.25 1 reset confirmation",
        ),
        (
            "10 00 fb 00 00",
            Eight,
            0,
            Body::RestartRequest {
                cause: 0,
                diagnostic: 0,
            },
            "X.25 0 restart request, cause 0x00 (DTE restarting), \
             diagnostic 0 (no additional information)",
        ),
        (
            "20 00 fb 55 c0",
            OneTwentyEight,
            0,
            Body::RestartRequest {
                cause: 0x55,
                diagnostic: 192,
            },
            "X.25 0 restart request, cause 0x55, diagnostic 192",
        ),
        (
            "10 00 ff",
            Eight,
            0,
            Body::RestartConfirmation,
            "X.25 0 restart confirmation",
        ),
        (
            "10 00 f1 24 10 09 00",
            Eight,
            0,
            Body::Diagnostic {
                code: diagnostic::UNASSIGNED_CHANNEL,
                explanation: &[0x10, 9, 0],
            },
            "X.25 0 diagnostic, diagnostic 36 (packet on an unassigned logical channel)",
        ),
        (
            "20 00 f1 28",
            OneTwentyEight,
            0,
            Body::Diagnostic {
                code: diagnostic::INVALID_GFI,
                explanation: &[],
            },
            "X.25 0 diagnostic, diagnostic 40 (invalid general format identifier)",
        ),
        (
            "10 00 f3 00 00",
            Eight,
            0,
            Body::RegistrationRequest(&[0, 0]),
            "X.25 0 registration request",
        ),
        (
            "10 00 f7 7f a7 00 00",
            Eight,
            0,
            Body::RegistrationConfirmation(&[0x7f, 0xa7, 0, 0]),
            "X.25 0 registration confirmation",
        ),
    ];
    for (octets, modulo, channel, body, text) in vectors {
        let octets = hex(octets);
        let repr = PacketRepr {
            lci: lci(channel),
            body,
        };
        assert_eq!(read(modulo, &octets), Ok(repr), "{text}");
        let mut written = vec![0xa5];
        repr.append(modulo, &mut written);
        assert_eq!(written[1..], octets[..], "{text}");
        assert_eq!(repr.to_string(), text);
        assert_eq!(Packet::modulo_of(&octets), Some(modulo));
        fuzz_x25(&octets);
        // Each of them cut before the end of its fixed part is refused, and never read otherwise.
        for length in 0..3 {
            let fault = read(modulo, &octets[..length]).unwrap_err();
            assert_eq!(fault.diagnostic, diagnostic::TOO_SHORT);
        }
    }
}

#[test]
fn what_packets_may_leave_out() {
    for (short, full) in [
        ("10 01 13 80", "10 01 13 80 00"),
        ("10 01 1b 00", "10 01 1b 00 00"),
        ("10 00 fb 03", "10 00 fb 03 00"),
        ("10 01 0f 00", "10 01 0f"),
        ("10 01 0f 00 00", "10 01 0f"),
        ("10 01 0f 22 12 34", "10 01 0f 22 12 34 00"),
        ("10 01 17 00 00", "10 01 17"),
        ("10 01 13 00 00 00 00", "10 01 13 00 00"),
    ] {
        let (short, full) = (hex(short), hex(full));
        let repr = read(Eight, &short).unwrap();
        assert_eq!(read(Eight, &full), Ok(repr));
        fuzz_x25(&short);
    }
}

#[test]
fn wrong_packets_are_refused_with_the_diagnostic_of_the_standard() {
    use super::diagnostic::*;
    let long_interrupt = format!("10 01 23 {}", "00 ".repeat(33));
    let long_data = format!("10 01 0b 00 00 {}", "00 ".repeat(129));
    let long_facilities = format!("10 01 0b 00 6e {}", "01 00 ".repeat(55));
    for (octets, modulo, expected, text) in [
        ("", Eight, TOO_SHORT, "X.25 packet: 0 octets"),
        ("10 01", Eight, TOO_SHORT, "X.25 packet: 2 octets"),
        ("20 01 00", Eight, INVALID_GFI, "modulo 8 (01"),
        ("10 01 00 00", OneTwentyEight, INVALID_GFI, "modulo 128 (10"),
        ("00 01 00", Eight, INVALID_GFI, "format identifier: 0x0"),
        ("30 01 00", OneTwentyEight, INVALID_GFI, "identifier: 0x3"),
        ("20 01 00", OneTwentyEight, TOO_SHORT, "modulo 128: 3"),
        ("20 01 01", OneTwentyEight, TOO_SHORT, "modulo 128: 3"),
        ("10 01 0d", Eight, UNIDENTIFIABLE, "packet type: 0xd"),
        ("20 01 21 00", OneTwentyEight, UNIDENTIFIABLE, "type: 0x21"),
        ("10 01 07", Eight, UNIDENTIFIABLE, "packet type: 0x7"),
        ("10 00 f5 81", Eight, UNIDENTIFIABLE, "packet type: 0xf5"),
        ("10 01 01 00", Eight, TOO_LONG, "flow control packet"),
        ("20 01 05 00 00", OneTwentyEight, TOO_LONG, "flow control"),
        ("10 01 23", Eight, TOO_SHORT, "interrupt user data: 0"),
        (&long_interrupt, Eight, TOO_LONG, "33 are there"),
        ("10 01 27 00", Eight, TOO_LONG, "confirmation packet"),
        ("10 01 1f 00", Eight, TOO_LONG, "confirmation packet"),
        ("10 00 ff 00", Eight, TOO_LONG, "confirmation packet"),
        ("10 01 13", Eight, TOO_SHORT, "cause: 0 octets"),
        ("10 01 1b", Eight, TOO_SHORT, "cause: 0 octets"),
        ("10 01 1b 00 00 00", Eight, TOO_LONG, "reset packet"),
        ("10 00 fb", Eight, TOO_SHORT, "cause: 0 octets"),
        ("10 00 fb 00 00 00", Eight, TOO_LONG, "restart packet"),
        (
            "10 01 fb 00 00",
            Eight,
            RESTART_ON_CHANNEL,
            "0x1 where 0 is",
        ),
        ("1f ff ff", Eight, RESTART_ON_CHANNEL, "0xfff where 0"),
        ("10 01 f1 00", Eight, RESTART_ON_CHANNEL, "channel"),
        ("10 00 f1", Eight, TOO_SHORT, "diagnostic code: 0"),
        ("10 01 0b", Eight, TOO_SHORT, "address lengths: 0"),
        ("10 01 0b 00", Eight, TOO_SHORT, "facility length: 0"),
        ("10 01 0b 33 12 34", Eight, TOO_SHORT, "addresses: 2 octets"),
        ("10 01 0b 02 1a 00", Eight, INVALID_CALLED_ADDRESS, "0xa"),
        ("10 01 0b 20 f1 00", Eight, INVALID_CALLING_ADDRESS, "0xf"),
        (
            "10 01 0b 00 02 01",
            Eight,
            INVALID_FACILITY_LENGTH,
            "1 octets",
        ),
        (
            "10 01 0b 00 01 01",
            Eight,
            INVALID_FACILITY_LENGTH,
            "class A",
        ),
        (
            "10 01 0b 00 02 42 07",
            Eight,
            INVALID_FACILITY_LENGTH,
            "class B",
        ),
        (
            "10 01 0b 00 02 80 07",
            Eight,
            INVALID_FACILITY_LENGTH,
            "class C",
        ),
        (
            "10 01 0b 00 03 c9 02 07",
            Eight,
            INVALID_FACILITY_LENGTH,
            "class D",
        ),
        (
            &long_facilities,
            Eight,
            INVALID_FACILITY_LENGTH,
            "claims 110",
        ),
        (&long_data, Eight, TOO_LONG, "129 are there"),
        ("90 01 0b 00 00", Eight, TOA_NPI_NOT_SUBSCRIBED, "A bit"),
        ("90 01 0f", Eight, TOA_NPI_NOT_SUBSCRIBED, "A bit"),
        ("90 01 13 00 00", Eight, TOA_NPI_NOT_SUBSCRIBED, "A bit"),
        ("90 01 17", Eight, TOA_NPI_NOT_SUBSCRIBED, "A bit"),
    ] {
        let wrong = hex(octets);
        let fault = read(modulo, &wrong).expect_err(octets);
        assert_eq!(fault.diagnostic, expected, "{octets}: {fault}");
        assert!(fault.to_string().contains(text), "{octets}: {fault}");
        fuzz_x25(&wrong);
    }
    assert_eq!(Lci::of(&[0x2a, 0xbc]), Some(lci(0xabc)));
    assert_eq!(Lci::of(&[0x2a]), None);
    assert_eq!(Lci::new(4096), None);
    assert_eq!(Lci::MAX.to_string(), "4095");
}

#[test]
fn addresses_are_digits() {
    assert_eq!(address("").len(), 0);
    assert_eq!(address("123456789012345").to_string(), "123456789012345");
    assert!(
        "12a"
            .parse::<Address>()
            .unwrap_err()
            .to_string()
            .contains("'a'")
    );
    assert_eq!(
        "1234567890123456".parse::<Address>(),
        Err(AddressError::TooLong(16))
    );
    assert!(address("26245").starts_with(&address("262")));
    assert!(address("26245").starts_with(&Address::NONE));
    assert!(!address("26").starts_with(&address("262")));
    assert!(!address("26345").starts_with(&address("262")));
    assert_ne!(address("1"), address("10"));
    assert!(address("12") < address("13"));
}

#[test]
fn causes_and_diagnostics_have_texts() {
    use cause::Of::{Clear, Reset, Restart};
    for (of, value, text) in [
        (Clear, 0x01, "cause 0x01 (number busy)"),
        (Clear, 0x80, "cause 0x80 (DTE originated)"),
        (Clear, 0x39, "cause 0x39 (ship absent)"),
        (Clear, 0x77, "cause 0x77"),
        (Reset, 0x01, "cause 0x01 (out of order)"),
        (Reset, 0x0f, "cause 0x0f (network operational)"),
        (Restart, 0x01, "cause 0x01 (local procedure error)"),
        (Restart, 0xff, "cause 0xff (DTE restarting)"),
    ] {
        assert_eq!(cause::text(of, value).to_string(), text);
    }
    // The table is in order, or the search would miss some.
    let known = (0..=255).filter(|code| diagnostic::known(*code).is_some());
    assert_eq!(known.count(), 104);
    assert_eq!(diagnostic::known(52), Some("time expired for a restart"));
    assert_eq!(diagnostic::known(63), None);
    assert_eq!(diagnostic::text(63).to_string(), "diagnostic 63");
}

#[test]
fn protocol_identifiers() {
    for (octets, protocol) in [
        ("00", Protocol::Multiplexed),
        ("cc", Protocol::Ipv4),
        ("8e", Protocol::Ipv6),
        ("80 00 00 00 81 37", Protocol::IPX),
        (
            "80 08 00 07 80 9b",
            Protocol::Snap {
                organization: 0x08_00_07,
                protocol: 0x809b,
            },
        ),
        ("81", Protocol::Other(0x81)),
    ] {
        let mut octets = hex(octets);
        let mut written = Vec::new();
        protocol.append(&mut written);
        assert_eq!(written, octets);
        octets.push(0x45);
        assert_eq!(Protocol::parse(&octets), Ok((protocol, &[0x45][..])));
    }
    for wrong in ["", "80", "80 00 00 00 81"] {
        assert!(matches!(
            Protocol::parse(&hex(wrong)),
            Err(ParseError::Truncated { .. })
        ));
    }
}

fn modulos() -> impl Strategy<Value = Modulo> {
    prop_oneof![Just(Eight), Just(OneTwentyEight)]
}

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

proptest! {
    #[test]
    fn data_and_flow_control_come_back(
        modulo in modulos(), number in 0_u16..4096, bits in 0_u8..8, ps: u8, pr: u8, data in octets(40),
    ) {
        let (ps, pr) = (ps & modulo.highest(), pr & modulo.highest());
        let marks = marks(bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        for body in [
            Body::Data { marks, ps, pr, data: &data },
            Body::Flow { flow: Flow::Ready, pr },
            Body::Flow { flow: Flow::NotReady, pr },
            Body::Flow { flow: Flow::Reject, pr },
        ] {
            let repr = PacketRepr { lci: lci(number), body };
            let mut written = Vec::new();
            repr.append(modulo, &mut written);
            prop_assert_eq!(read(modulo, &written), Ok(repr));
        }
    }

    #[test]
    fn calls_come_back(
        modulo in modulos(), number in 0_u16..4096, delivery: bool,
        called in "[0-9]{0,15}", calling in "[0-9]{0,15}",
        list in prop::collection::vec((any::<u8>(), octets(20)), 0..6), user_data in octets(128),
        cause: u8, diagnostic: u8,
    ) {
        let mut facilities = FacilityList::new();
        for (code, parameter) in &list {
            let length = (usize::from(code >> 6) + 1).min(parameter.len());
            let parameter = if code >> 6 == 3 { &parameter[..] } else { &parameter[..length] };
            let before = facilities.get().octets().len();
            if facilities.push_raw(*code, parameter).is_err() {
                prop_assert_eq!(facilities.get().octets().len(), before);
            }
        }
        let fields = CallFields {
            facilities: facilities.get(),
            ..fields(&called, &calling, &user_data)
        };
        for body in [
            Body::CallRequest { delivery, fields },
            Body::CallAccepted { delivery, fields },
            Body::ClearRequest { cause, diagnostic, fields },
            Body::ClearConfirmation { fields },
        ] {
            let repr = PacketRepr { lci: lci(number), body };
            let mut written = Vec::new();
            repr.append(modulo, &mut written);
            prop_assert!(written.len() <= MAX_PACKET);
            prop_assert_eq!(read(modulo, &written), Ok(repr));
        }
    }

    #[test]
    fn any_octets_are_packets_or_faults(octets in octets(80)) {
        fuzz_x25(&octets);
    }

    /// Octets that get further: a right first one, a type that exists.
    #[test]
    fn nearly_right_octets_are_packets_or_faults(
        modulo in modulos(), channel in 0_u8..2, kind in prop::sample::select(vec![
            0x0b, 0x0f, 0x13, 0x17, 0x1b, 0x1f, 0x23, 0x27, 0xf1, 0xf3, 0xf5, 0xf7, 0xfb, 0xff,
        ]), lengths: u8, rest in octets(60),
    ) {
        let mut octets = vec![if modulo == Eight { 0x10 } else { 0x20 }, channel, kind, lengths & 0x77];
        octets.extend(rest);
        fuzz_x25(&octets);
    }
}
