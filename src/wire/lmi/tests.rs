//! Vectors and properties of the management messages.

use super::*;
use crate::fcs::fcs16_octets;
use proptest::prelude::*;

fn repr(
    dialect: Dialect,
    message_type: MessageType,
    report: ReportType,
    send: u8,
    receive: u8,
) -> Repr {
    Repr {
        dialect,
        message_type,
        report,
        keepalive: Some(Keepalive { send, receive }),
    }
}

fn active(dlci: u16) -> PvcStatus {
    PvcStatus {
        dlci,
        active: true,
        ..PvcStatus::default()
    }
}

fn new(dlci: u16) -> PvcStatus {
    PvcStatus {
        dlci,
        new: true,
        ..PvcStatus::default()
    }
}

/// Frame, its FCS in line order, and what it says.
type Vector<'v> = (&'v [u8], [u8; 2], Repr, &'v [PvcStatus]);

/// Each message is parsed, compared, written over 0xa5 and its FCS checked.
#[test]
fn messages_of_the_reference() {
    use Dialect::{AnnexA, AnnexD, GangOfFour};
    use MessageType::{Status, StatusEnquiry};
    use ReportType::{FullStatus, LinkIntegrity};
    let vectors: [Vector; 11] = [
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x95, 1, 1, 0, 3, 2, 1, 0,
            ],
            [0xfd, 0x1e],
            repr(AnnexD, StatusEnquiry, FullStatus, 1, 0),
            &[],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x95, 1, 1, 1, 3, 2, 2, 1,
            ],
            [0x58, 0x2e],
            repr(AnnexD, StatusEnquiry, LinkIntegrity, 2, 1),
            &[],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 1, 1, 0, 3, 2, 1, 1, 7, 3, 0x01, 0x80,
                0x82, 7, 3, 0x01, 0x88, 0x88,
            ],
            [0x79, 0xcd],
            repr(AnnexD, Status, FullStatus, 1, 1),
            &[active(16), new(17)],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x51, 1, 0, 0x53, 2, 1, 0,
            ],
            [0xb6, 0x77],
            repr(AnnexA, StatusEnquiry, FullStatus, 1, 0),
            &[],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x51, 1, 0, 0x53, 2, 1, 1, 0x57, 3, 0x01, 0x80,
                0x82, 0x57, 3, 0x01, 0x88, 0x88,
            ],
            [0x27, 0x11],
            repr(AnnexA, Status, FullStatus, 1, 1),
            &[active(16), new(17)],
        ),
        (
            &[0xfc, 0xf1, 0x03, 0x09, 0x00, 0x75, 1, 1, 0, 3, 2, 1, 0],
            [0xdf, 0x4a],
            repr(GangOfFour, StatusEnquiry, FullStatus, 1, 0),
            &[],
        ),
        (
            &[
                0xfc, 0xf1, 0x03, 0x09, 0x00, 0x7d, 1, 1, 0, 3, 2, 1, 1, 7, 6, 0x00, 0x10, 0x02, 0,
                0, 0, 7, 6, 0x00, 0x11, 0x08, 0, 0, 0,
            ],
            [0xf2, 0x12],
            repr(GangOfFour, Status, FullStatus, 1, 1),
            &[active(16), new(17)],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 1, 1, 1, 3, 2, 2, 8,
            ],
            [0x53, 0xcc],
            repr(AnnexD, Status, LinkIntegrity, 2, 8),
            &[],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 1, 1, 0, 3, 2, 0x07, 0x0d, 7, 3, 0x01,
                0x80, 0x82,
            ],
            [0x2c, 0xa7],
            repr(AnnexD, Status, FullStatus, 7, 13),
            &[active(16)],
        ),
        (
            &[
                0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x51, 1, 1, 0x53, 2, 2, 4,
            ],
            [0x02, 0x3d],
            repr(AnnexA, Status, LinkIntegrity, 2, 4),
            &[],
        ),
        (
            &[
                0xfc, 0xf1, 0x03, 0x09, 0x00, 0x7d, 1, 1, 0, 3, 2, 7, 7, 7, 6, 0x00, 0x10, 0x02, 0,
                0, 0, 7, 6, 0x00, 0x12, 0x02, 0, 0, 0,
            ],
            [0xc2, 0xb1],
            repr(GangOfFour, Status, FullStatus, 7, 7),
            &[active(16), active(18)],
        ),
    ];
    for (octets, fcs, repr, pvcs) in vectors {
        let frame = Frame::parse(octets).unwrap();
        let message = Message::parse(&frame).unwrap();
        assert_eq!(message.repr, repr);
        assert!(message.pvcs().eq(pvcs.iter().copied()), "{octets:02x?}");
        assert_eq!(message.bad_elements(), 0);
        let mut again = [0xa5; 64];
        assert_eq!(
            repr.emit(pvcs.iter().copied(), &mut again),
            Some(octets.len())
        );
        assert_eq!(repr.len(pvcs.len()), octets.len());
        assert_eq!(&again[..octets.len()], octets);
        assert!(again[octets.len()..].iter().all(|octet| *octet == 0xa5));
        assert_eq!(fcs16_octets(octets), fcs, "{octets:02x?}");
    }
    let full: &[u8] = &[
        0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x51, 1, 0, 0x53, 2, 7, 9, 0x57, 3, 0x01, 0x80, 0x82,
    ];
    assert_eq!(fcs16_octets(full), [0xa0, 0xe6]);
    let frame = Frame::parse(full).unwrap();
    assert!(Message::parse(&frame).unwrap().pvcs().eq([active(16)]));
}

fn parse(octets: &[u8]) -> Result<Repr, ParseError> {
    Message::parse(&Frame::parse(octets)?).map(|message| message.repr)
}

#[test]
fn dialect_by_octets_and_faults_named() {
    let good = [0, 1, 0x03, 0x08, 0x00, 0x75, 0x95, 1, 1, 0, 3, 2, 1, 0];
    assert!(parse(&good).is_ok());
    for (at, value, name) in [
        (1, 0x11, "LMI DLCI"),
        (2, 0x13, "LMI control field"),
        (3, 0x0a, "LMI protocol discriminator"),
        (4, 0x01, "LMI call reference"),
        (5, 0x7b, "LMI message type"),
        (6, 0x96, "LMI first element"),
        (9, 0x03, "LMI report type"),
    ] {
        let mut octets = good;
        octets[at] = value;
        assert!(
            matches!(parse(&octets), Err(ParseError::Invalid { what, .. }) if what == name),
            "{name}: {:?}",
            parse(&octets)
        );
    }
    for len in 0..good.len() {
        assert!(parse(&good[..len]).is_err(), "{len} octets");
    }
    let mut long = good;
    long[11] = 9;
    assert_eq!(
        parse(&long),
        Err(ParseError::Length {
            what: "LMI information element",
            claimed: 9,
            have: 2
        })
    );
}

#[test]
fn unknown_elements_are_skipped_and_bad_ones_counted() {
    let octets = [
        0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 0x01, 1, 0, 0x7f, 2, 9, 9, 0xa1, 0x03, 2, 1, 1,
        0x07, 3, 0x81, 0x80, 0x82, 0x07, 2, 0x01, 0x80, 0x07, 3, 0x01, 0x80, 0x86,
    ];
    let frame = Frame::parse(&octets).unwrap();
    let message = Message::parse(&frame).unwrap();
    assert_eq!(message.bad_elements(), 2);
    let deleted = PvcStatus {
        deleted: true,
        ..active(16)
    };
    assert!(message.pvcs().eq([deleted]));
}

#[test]
fn single_pvc_report_has_no_keepalive() {
    let repr = Repr {
        dialect: Dialect::AnnexA,
        message_type: MessageType::Status,
        report: ReportType::SinglePvc,
        keepalive: None,
    };
    let mut octets = [0xa5; 14];
    assert_eq!(repr.emit([active(100)].into_iter(), &mut octets), Some(14));
    assert_eq!(
        octets,
        [0, 1, 3, 8, 0, 0x7d, 0x51, 1, 2, 0x57, 3, 0x06, 0xa0, 0x82]
    );
    assert_eq!(parse(&octets), Ok(repr));
    assert_eq!(repr.emit([active(100)].into_iter(), &mut [0; 13]), None);
}

#[test]
fn capacity_fits_exactly() {
    for dialect in Dialect::ALL {
        for information in [0, 10, 12, 17, 500, 1508] {
            let pvcs = dialect.pvc_capacity(information);
            let repr = repr(dialect, MessageType::Status, ReportType::FullStatus, 1, 1);
            assert!(pvcs == 0 || repr.len(pvcs) - 2 <= information);
            assert!(repr.len(pvcs + 1) - 2 > information);
        }
    }
}

#[test]
fn sequence_skips_zero() {
    assert_eq!(next_sequence(0), 1);
    assert_eq!(next_sequence(254), 255);
    assert_eq!(next_sequence(255), 1);
}

fn any_repr() -> impl Strategy<Value = Repr> {
    let report = prop_oneof![
        Just(ReportType::FullStatus),
        Just(ReportType::LinkIntegrity),
        Just(ReportType::SinglePvc),
        Just(ReportType::FullStatusContinued),
    ];
    (0..3_usize, any::<(bool, u8, u8)>(), report).prop_map(
        |(dialect, (enquiry, send, receive), report)| Repr {
            dialect: Dialect::ALL[dialect],
            message_type: if enquiry {
                MessageType::StatusEnquiry
            } else {
                MessageType::Status
            },
            report,
            keepalive: (report != ReportType::SinglePvc).then_some(Keepalive { send, receive }),
        },
    )
}

fn any_pvc() -> impl Strategy<Value = PvcStatus> {
    (0..=Address::MAX_DLCI, any::<[bool; 4]>(), 0..1_u32 << 24).prop_map(
        |(dlci, bits, bandwidth)| PvcStatus {
            dlci,
            new: bits[0],
            deleted: bits[1],
            active: bits[2],
            receiver_not_ready: bits[3],
            bandwidth,
        },
    )
}

/// A driver of an Ethernet that stands for the line brings frames to 14 octets or more.
#[test]
fn zeroes_after_the_last_element_are_padding() {
    for dialect in [Dialect::AnnexD, Dialect::AnnexA, Dialect::GangOfFour] {
        let repr = Repr {
            dialect,
            message_type: MessageType::StatusEnquiry,
            report: ReportType::LinkIntegrity,
            keepalive: Some(Keepalive {
                send: 1,
                receive: 0,
            }),
        };
        let mut octets = vec![0; 64];
        let length = repr.emit(std::iter::empty(), &mut octets).unwrap();
        for padding in [0, 1, 2, 47] {
            let frame = Frame::parse(&octets[..length + padding]).unwrap();
            let message = Message::parse(&frame).unwrap();
            assert_eq!(message.repr, repr, "{padding} octets of padding");
            assert_eq!(message.pvcs().count(), 0);
        }
    }
}

proptest! {
    #[test]
    fn emitted_is_parsed(
        repr in any_repr(),
        mut pvcs in proptest::collection::vec(any_pvc(), 0..20),
    ) {
        if repr.dialect != Dialect::GangOfFour {
            for pvc in &mut pvcs {
                pvc.receiver_not_ready = false;
                pvc.bandwidth = 0;
            }
        }
        let mut octets = vec![0xa5; repr.len(pvcs.len())];
        prop_assert_eq!(repr.emit(pvcs.iter().copied(), &mut octets), Some(octets.len()));
        let frame = Frame::parse(&octets).unwrap();
        let message = Message::parse(&frame).unwrap();
        prop_assert_eq!(message.repr, repr);
        prop_assert!(message.pvcs().eq(pvcs.iter().copied()));
        fuzz_lmi(&octets);
    }

    #[test]
    fn any_octets(
        head in prop_oneof![
            Just(vec![]),
            Just(vec![0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 1, 1, 0, 3, 2]),
            Just(vec![0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x51, 1]),
            Just(vec![0xfc, 0xf1, 0x03, 0x09, 0x00, 0x7d, 1, 1, 0, 3, 2, 7, 7, 7, 6]),
        ],
        tail in proptest::collection::vec(prop_oneof![0..9_u8, any::<u8>()], 0..60),
    ) {
        fuzz_lmi(&[head, tail].concat());
    }
}
