//! Tests of LAPB frames. The vectors are from X.25's tables of control fields and its appendix of
//! bit patterns; their addresses are those of the monitors' captures (01 3F, 01 73).

use proptest::prelude::*;

use super::*;
use wanbox_sim::hex;

const fn i(ns: u8, nr: u8, poll: bool) -> Control {
    Control::Information { ns, nr, poll }
}

const fn s(kind: Supervisory, nr: u8, poll_final: bool) -> Control {
    Control::Supervisory {
        kind,
        nr,
        poll_final,
    }
}

const fn u(kind: Unnumbered, poll_final: bool) -> Control {
    Control::Unnumbered { kind, poll_final }
}

use Direction::{Command, Response};
use Modulo::{Eight, OneTwentyEight};
use Role::{Dce, Dte};
use Supervisory::{Rej, Rnr, Rr};
use Unnumbered::{Disc, Dm, Frmr, Sabm, Sabme, Ua};

/// Frames as they are on the line, before the flags and the FCS.
const VECTORS: &[(&str, Modulo, Role, Direction, Control, &str)] = &[
    (
        "01 3f",
        Eight,
        Dte,
        Command,
        u(Sabm, true),
        "LAPB DTE command SABM P",
    ),
    (
        "03 3f",
        Eight,
        Dce,
        Command,
        u(Sabm, true),
        "LAPB DCE command SABM P",
    ),
    (
        "01 2f",
        Eight,
        Dte,
        Command,
        u(Sabm, false),
        "LAPB DTE command SABM",
    ),
    (
        "01 73",
        Eight,
        Dce,
        Response,
        u(Ua, true),
        "LAPB DCE response UA F",
    ),
    (
        "03 63",
        Eight,
        Dte,
        Response,
        u(Ua, false),
        "LAPB DTE response UA",
    ),
    (
        "03 7f",
        OneTwentyEight,
        Dce,
        Command,
        u(Sabme, true),
        "LAPB DCE command SABME P",
    ),
    (
        "01 53",
        Eight,
        Dte,
        Command,
        u(Disc, true),
        "LAPB DTE command DISC P",
    ),
    (
        "03 1f",
        Eight,
        Dte,
        Response,
        u(Dm, true),
        "LAPB DTE response DM F",
    ),
    (
        "03 0f",
        OneTwentyEight,
        Dte,
        Response,
        u(Dm, false),
        "LAPB DTE response DM",
    ),
    (
        "01 97",
        Eight,
        Dce,
        Response,
        u(Frmr, true),
        "LAPB DCE response FRMR F",
    ),
    (
        "01 87",
        Eight,
        Dce,
        Response,
        u(Frmr, false),
        "LAPB DCE response FRMR",
    ),
    (
        "03 01",
        Eight,
        Dce,
        Command,
        s(Rr, 0, false),
        "LAPB DCE command RR N(R)=0",
    ),
    (
        "01 b1",
        Eight,
        Dte,
        Command,
        s(Rr, 5, true),
        "LAPB DTE command RR N(R)=5 P",
    ),
    (
        "01 e5",
        Eight,
        Dce,
        Response,
        s(Rnr, 7, false),
        "LAPB DCE response RNR N(R)=7",
    ),
    (
        "03 59",
        Eight,
        Dte,
        Response,
        s(Rej, 2, true),
        "LAPB DTE response REJ N(R)=2 F",
    ),
    (
        "01 00",
        Eight,
        Dte,
        Command,
        i(0, 0, false),
        "LAPB DTE command I N(S)=0 N(R)=0",
    ),
    (
        "03 7a",
        Eight,
        Dce,
        Command,
        i(5, 3, true),
        "LAPB DCE command I N(S)=5 N(R)=3 P",
    ),
    (
        "01 01 ff",
        OneTwentyEight,
        Dte,
        Command,
        s(Rr, 127, true),
        "LAPB DTE command RR N(R)=127 P",
    ),
    (
        "03 05 08",
        OneTwentyEight,
        Dte,
        Response,
        s(Rnr, 4, false),
        "LAPB DTE response RNR N(R)=4",
    ),
    (
        "01 09 80",
        OneTwentyEight,
        Dce,
        Response,
        s(Rej, 64, false),
        "LAPB DCE response REJ N(R)=64",
    ),
    (
        "03 fe 03",
        OneTwentyEight,
        Dce,
        Command,
        i(127, 1, true),
        "LAPB DCE command I N(S)=127 N(R)=1 P",
    ),
    (
        "01 10 0e",
        OneTwentyEight,
        Dte,
        Command,
        i(8, 7, false),
        "LAPB DTE command I N(S)=8 N(R)=7",
    ),
];

#[test]
fn frames_of_the_tables_are_read_and_written() {
    for &(octets, modulo, sender, direction, control, text) in VECTORS {
        let mut octets = hex(octets);
        let expected = FrameRepr {
            sender,
            direction,
            control,
        };
        let mut written = [0xa5; 4];
        assert_eq!(expected.len(modulo), octets.len());
        expected.emit(modulo, &mut written).unwrap();
        assert_eq!(written[..octets.len()], octets[..], "{text}");
        assert!(written[octets.len()..].iter().all(|octet| *octet == 0xa5));
        assert_eq!(expected.to_string(), text);

        octets.extend_from_slice(b"information");
        let frame = Frame::parse(modulo, &octets).unwrap();
        assert_eq!(frame.information(), b"information");
        assert_eq!(FrameRepr::parse(sender.peer(), &frame), Ok(expected));
        // To the sender itself, a command that comes back looks like a response.
        let own = FrameRepr::parse(sender, &frame);
        match control {
            Control::Supervisory { .. } => assert_ne!(own.unwrap().direction, direction),
            _ => assert!(own.is_err(), "{text}"),
        }
    }
}

#[test]
fn what_a_frame_reject_says() {
    let all = FrmrCause {
        undefined: true,
        information: true,
        too_long: true,
        invalid_nr: true,
    };
    let z = FrmrCause {
        invalid_nr: true,
        ..FrmrCause::default()
    };
    let vectors = [
        // RR N(R)=6 as a command, while V(S)=2 and V(R)=5.
        (
            "c1 a4 08",
            Eight,
            [0xc1, 0],
            2,
            5,
            Command,
            z,
            "rejects c100, V(S)=2 V(R)=5 Z",
        ),
        (
            "bf fe 0f",
            Eight,
            [0xbf, 0],
            7,
            7,
            Response,
            all,
            "rejects bf00, V(S)=7 V(R)=7 W X Y Z",
        ),
        (
            "01 66 40 b4 08",
            OneTwentyEight,
            [1, 0x66],
            32,
            90,
            Command,
            z,
            "rejects 0166, V(S)=32 V(R)=90 Z",
        ),
        (
            "c3 00 fe ff 0f",
            OneTwentyEight,
            [0xc3, 0],
            127,
            127,
            Response,
            all,
            "rejects c300, V(S)=127 V(R)=127 W X Y Z",
        ),
    ];
    for (octets, modulo, control, vs, vr, rejected, cause, text) in vectors {
        let octets = hex(octets);
        let repr = FrmrRepr {
            control,
            vs,
            vr,
            rejected,
            cause,
        };
        assert_eq!(FrmrRepr::parse(modulo, &octets), Ok(repr));
        assert_eq!(repr.octets(modulo).as_ref(), octets);
        assert_eq!(repr.to_string(), text);
        let mut written = [0xa5; 6];
        repr.emit(modulo, &mut written).unwrap();
        assert_eq!(written[..octets.len()], octets[..]);
        assert!(repr.emit(modulo, &mut written[..octets.len() - 1]).is_err());
        for wrong in (0..8).filter(|length| *length != octets.len()) {
            let wrong = vec![0; wrong];
            let Err(error) = FrmrRepr::parse(modulo, &wrong) else {
                panic!("{wrong:?} was taken");
            };
            assert!(error.to_string().contains("FRMR information"), "{error}");
        }
    }
}

#[test]
fn short_frames_wrong_addresses_and_undefined_control_fields_are_refused() {
    for (octets, modulo) in [("", Eight), ("03", Eight), ("03 01", OneTwentyEight)] {
        let octets = hex(octets);
        assert!(matches!(
            Frame::parse(modulo, &octets),
            Err(ParseError::Truncated { .. })
        ));
    }
    for (octets, what) in [
        ("07 3f", "LAPB address"),
        ("ff 3f", "LAPB address"),
        // SREJ, UI, XID, TEST, SNRM.
        ("03 0d", "LAPB control field"),
        ("03 03", "LAPB control field"),
        ("03 af", "LAPB control field"),
        ("03 e3", "LAPB control field"),
        ("03 83", "LAPB control field"),
        // A DTE does not hear I as a response and UA as a command.
        ("01 00", "LAPB address"),
        ("03 63", "LAPB address"),
    ] {
        let octets = hex(octets);
        let error = FrameRepr::parse(Dte, &Frame::parse(Eight, &octets).unwrap()).unwrap_err();
        assert!(
            matches!(error, ParseError::Invalid { what: named, .. } if named == what),
            "{octets:02x?}: {error}"
        );
    }
    // The poll bit of a field that says nothing else is still known.
    let (field, rest) = ControlField::parse(Eight, &[0x1d, 9]).unwrap();
    assert!(field.poll_final() && !field.is_information());
    assert_eq!((field.octets(), rest), ([0x1d, 0], &[9][..]));
    let (field, _) = ControlField::parse(OneTwentyEight, &[0x0d, 1]).unwrap();
    assert!(field.poll_final() && Control::parse(field).is_err());
}

#[test]
fn numbers_are_counted_round() {
    assert_eq!(Eight.add(7, 1), 0);
    assert_eq!(Eight.add(3, 7), 2);
    assert_eq!(Eight.steps(6, 1), 3);
    assert_eq!(OneTwentyEight.add(127, 2), 1);
    assert_eq!(OneTwentyEight.steps(127, 1), 2);
    assert_eq!(OneTwentyEight.steps(5, 5), 0);
    assert_eq!(i(9, 17, true).octets(Eight), i(1, 1, true).octets(Eight));
}

fn controls() -> impl Strategy<Value = (Modulo, Control)> {
    let modulo = prop_oneof![Just(Eight), Just(OneTwentyEight)];
    modulo.prop_flat_map(|modulo| {
        let number = || 0..=modulo.highest();
        let supervisory = prop_oneof![Just(Rr), Just(Rnr), Just(Rej)];
        let unnumbered = prop::sample::select(vec![Sabm, Sabme, Disc, Dm, Ua, Frmr]);
        prop_oneof![
            (number(), number(), any::<bool>()).prop_map(|(ns, nr, poll)| i(ns, nr, poll)),
            (supervisory, number(), any::<bool>()).prop_map(|(kind, nr, pf)| s(kind, nr, pf)),
            (unnumbered, any::<bool>()).prop_map(|(kind, pf)| u(kind, pf)),
        ]
        .prop_map(move |control| (modulo, control))
    })
}

proptest! {
    #[test]
    fn frames_come_back_as_they_were((modulo, control) in controls(), dte: bool, command: bool) {
        let sender = if dte { Dte } else { Dce };
        let direction = if command { Command } else { Response };
        let repr = FrameRepr { sender, direction, control };
        let mut octets = vec![0xa5; repr.len(modulo)];
        repr.emit(modulo, &mut octets).unwrap();
        let read = FrameRepr::parse(sender.peer(), &Frame::parse(modulo, &octets).unwrap());
        if control.may_be(direction) {
            prop_assert_eq!(read, Ok(repr));
        } else {
            prop_assert!(read.is_err());
        }
        let short = octets.len() - 1;
        prop_assert!(repr.emit(modulo, &mut octets[..short]).is_err());
    }

    #[test]
    fn rejects_come_back_as_they_were(
        control: [u8; 2], vs in 0_u8..8, vr in 0_u8..8, response: bool, cause in 0_u8..16, extended: bool,
    ) {
        let modulo = if extended { OneTwentyEight } else { Eight };
        let repr = FrmrRepr {
            control: if extended { control } else { [control[0], 0] },
            vs,
            vr,
            rejected: if response { Response } else { Command },
            cause: FrmrCause {
                undefined: cause & 1 != 0,
                information: cause & 2 != 0,
                too_long: cause & 4 != 0,
                invalid_nr: cause & 8 != 0,
            },
        };
        prop_assert_eq!(FrmrRepr::parse(modulo, repr.octets(modulo).as_ref()), Ok(repr));
    }

    #[test]
    fn any_octets_are_read(octets in prop::collection::vec(any::<u8>(), 0..12)) {
        fuzz_lapb(&octets);
    }
}
