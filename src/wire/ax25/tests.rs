use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{arp, fcs, lapb};

/// SABM with P from N0PRA to DB0SAO-1 via DB0ID.
const SABM: [u8; 22] = [
    0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe2, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x88, 0x84,
    0x60, 0x92, 0x88, 0x40, 0x61, 0x3f,
];

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

#[test]
fn a_header_before_and_after_digipeating() {
    let (mut header, rest) = Header::parse(&SABM).unwrap();
    assert_eq!(rest, [0x3f]);
    assert_eq!(header.class, Class::Command);
    assert_eq!(header.to_string(), "N0PRA->DB0SAO-1 via DB0ID");
    assert_eq!(header.passed(), 0);
    assert_eq!(header.immediate_source(), call("N0PRA"));
    assert_eq!(header.immediate_destination(), call("DB0ID"));
    let mut made = Vec::new();
    header.append(&mut made);
    assert_eq!(made, SABM[..21]);

    header.digis[0].repeated = true;
    assert_eq!(header.to_string(), "N0PRA->DB0SAO-1 via DB0ID*");
    assert_eq!(header.immediate_source(), call("DB0ID"));
    assert_eq!(header.immediate_destination(), call("DB0SAO-1"));
    made.clear();
    header.append(&mut made);
    assert_eq!(made[20], 0xe1);
    assert_eq!(Header::parse(&made).unwrap().0, header);
}

#[test]
fn an_answer_is_a_response() {
    let mut header = Header::new(call("N0PRA"), call("DB0SAO-1"), Class::Response);
    assert!(header.digis.push(Digi::new(call("DB0ID"))));
    let mut made = Vec::new();
    header.append(&mut made);
    assert_eq!(
        made,
        [
            0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe2,
            0x88, 0x84, 0x60, 0x92, 0x88, 0x40, 0x61
        ]
    );
    assert_eq!(Header::parse(&made).unwrap().0, header);
}

#[test]
fn version_1_says_neither_command_nor_response() {
    for (bits, made) in [(0x00, 0x60), (0x80, 0x60)] {
        let mut frame = SABM;
        frame[6] = frame[6] & 0x7f | bits;
        frame[13] = frame[13] & 0x7f | bits;
        let (header, _) = Header::parse(&frame).unwrap();
        assert_eq!(header.class, Class::Unknown);
        let mut again = Vec::new();
        header.append(&mut again);
        assert_eq!((again[6], again[13]), (made | 2, made));
    }
}

#[test]
fn headers_that_are_none() {
    for length in 0..21 {
        assert!(Header::parse(&SABM[..length]).is_err(), "{length}");
    }
    let mut frame = SABM;
    frame[6] |= 1;
    assert!(Header::parse(&frame).is_err());
    let mut frame = SABM;
    frame[0] |= 1;
    assert!(Header::parse(&frame).is_err());
    // Eight digipeaters, and nine.
    let mut header = Header::parse(&SABM).unwrap().0;
    while header.digis.push(Digi::new(call("DB0ID"))) {}
    assert_eq!(header.digis.len(), Digis::MOST);
    let mut frame = Vec::new();
    header.append(&mut frame);
    assert_eq!(Header::parse(&frame), Ok((header, &[][..])));
    *frame.last_mut().unwrap() &= !1;
    frame.extend_from_within(frame.len() - 7..);
    *frame.last_mut().unwrap() |= 1;
    assert!(Header::parse(&frame).is_err());
}

#[test]
fn a_frame_gets_on_even_when_digipeaters_do_not_say_so() {
    let mut header = Header::new(call("A"), call("B"), Class::Command);
    header.digis = Digis::new(&[call("C"), call("D"), call("E")]).unwrap();
    header.digis[1].repeated = true;
    assert_eq!(header.passed(), 2);
    assert_eq!(header.immediate_source(), call("D"));
    assert_eq!(header.immediate_destination(), call("E"));
    assert_eq!(header.to_string(), "B->A via C,D*,E");
    assert_eq!(Digis::new(&[call("C"); 9]), None);
}

#[test]
fn headers_without_stations() {
    let header = Header::new(Call::NONE, call("B"), Class::Command);
    assert_eq!(header.to_string(), "*");
    let header = Header::new(call("B"), Call::NONE, Class::Command);
    assert_eq!(header.to_string(), "B");
}

fn basic(control: lapb::Control) -> Control {
    Control::Lapb(control)
}

#[test]
fn control_fields_of_both_moduli() {
    use lapb::Supervisory::{Rej, Rnr, Rr, Srej};
    use lapb::Unnumbered::{Disc, Dm, Frmr, Sabm, Sabme, Ua};
    let unnumbered = |kind, poll_final| basic(lapb::Control::Unnumbered { kind, poll_final });
    let other = |kind, poll_final| Control::Unnumbered { kind, poll_final };
    let supervisory = |kind, nr, poll_final| {
        basic(lapb::Control::Supervisory {
            kind,
            nr,
            poll_final,
        })
    };
    let information = |ns, nr, poll| basic(lapb::Control::Information { ns, nr, poll });
    let srej = |nr, poll_final| supervisory(Srej, nr, poll_final);
    let eight = Modulo::Eight;
    let extended = Modulo::OneTwentyEight;
    for (modulo, control, octets, text) in [
        (eight, unnumbered(Sabm, true), &[0x3f][..], "SABM"),
        (eight, unnumbered(Sabme, true), &[0x7f], "SABME"),
        (eight, unnumbered(Disc, true), &[0x53], "DISC"),
        (eight, unnumbered(Ua, true), &[0x73], "UA"),
        (eight, unnumbered(Dm, true), &[0x1f], "DM"),
        (eight, unnumbered(Frmr, false), &[0x87], "FRMR"),
        (eight, Control::UI, &[0x03], "UI"),
        (eight, other(Unnumbered::Xid, true), &[0xbf], "XID"),
        (eight, other(Unnumbered::Test, true), &[0xf3], "TEST"),
        (extended, Control::UI, &[0x03], "UI"),
        (eight, supervisory(Rr, 5, false), &[0xa1], "RR N(R)=5"),
        (eight, supervisory(Rnr, 2, true), &[0x55], "RNR N(R)=2"),
        (eight, supervisory(Rej, 7, false), &[0xe9], "REJ N(R)=7"),
        (eight, srej(3, true), &[0x7d], "SREJ N(R)=3"),
        (eight, information(1, 3, false), &[0x62], "I N(S)=1 N(R)=3"),
        (extended, srej(100, true), &[0x0d, 0xc9], "SREJ N(R)=100"),
        (
            extended,
            supervisory(Rr, 127, false),
            &[0x01, 0xfe],
            "RR N(R)=127",
        ),
        (
            extended,
            information(64, 9, true),
            &[0x80, 0x13],
            "I N(S)=64 N(R)=9",
        ),
    ] {
        let frame = [octets, &[0xf0, 0x41]].concat();
        assert_eq!(
            Control::parse(modulo, &frame),
            Ok((control, &frame[octets.len()..]))
        );
        let mut made = Vec::new();
        control.append(modulo, &mut made);
        assert_eq!(made, octets, "{text}");
        assert_eq!(control.to_string(), text);
        assert_eq!(
            control.has_pid(),
            matches!(control.name(), "I" | "UI"),
            "{text}"
        );
    }
    assert!(Control::parse(eight, &[0xef]).is_err());
    assert!(Control::parse(eight, &[]).is_err());
    assert!(Control::parse(extended, &[0x0d]).is_err());
}

/// The example of figure 4.6; its classes of procedures have the octets the right way round.
const XID: [u8; 27] = [
    0x82, 0x80, 0x00, 0x17, 0x02, 0x02, 0x21, 0x00, 0x03, 0x03, 0x86, 0xa8, 0x02, 0x06, 0x02, 0x04,
    0x00, 0x08, 0x01, 0x02, 0x09, 0x02, 0x10, 0x00, 0x0a, 0x01, 0x03,
];

#[test]
fn parameters_are_exchanged() {
    use xid::{classes, functions};
    let xid = Xid {
        classes: Some(classes::BALANCED | classes::HALF_DUPLEX),
        functions: Some(
            functions::ALWAYS | functions::REJ | functions::SREJ | functions::MODULO_128,
        ),
        n1_bits: Some(1024),
        window: Some(2),
        t1: Some(4096),
        n2: Some(3),
    };
    assert_eq!(Xid::parse(&XID), Ok(xid));
    let mut made = Vec::new();
    xid.append(&mut made);
    assert_eq!(made, XID);
    // What follows the group is of another one.
    assert_eq!(Xid::parse(&[&XID[..], &[1, 2, 3]].concat()), Ok(xid));
    // Unknown parameters, those of the transmitter, and lengths that nobody uses.
    let strange = [
        0x82, 0x80, 0, 14, 5, 2, 1, 2, 0x55, 0, 8, 5, 1, 1, 1, 1, 1, 10,
    ];
    assert!(Xid::parse(&strange).is_err());
    let mut strange = strange;
    strange[3] = 13;
    assert_eq!(Xid::parse(&strange), Ok(Xid::default()));
    assert_eq!(
        Xid::parse(&[0x82, 0x80, 0, 4, 8, 2, 1, 0]).unwrap().window,
        Some(255)
    );
    for length in 0..XID.len() {
        assert!(Xid::parse(&XID[..length]).is_err(), "{length}");
    }
    assert!(Xid::parse(&[0x82, 0x81, 0, 0]).is_err());
    made.clear();
    Xid {
        n1_bits: Some(0x1_0000),
        ..Xid::default()
    }
    .append(&mut made);
    assert_eq!(made, [0x82, 0x80, 0, 6, 6, 4, 0, 1, 0, 0]);
}

/// A datagram of 30 octets in frames of 16.
#[test]
fn a_datagram_in_segments() {
    let datagram = [
        0x45, 0x04, 0x00, 0x1e, 0x00, 0x01, 0x00, 0x00, 0xff, 0x11, 0x63, 0xc7, 0x2c, 0x00, 0x00,
        0x01, 0x2c, 0x00, 0x00, 0x02, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
    ];
    let all = [&[pid::IP], &datagram[..]].concat();
    let count = Segment::count(all.len(), 16).unwrap();
    assert_eq!(count, 3);
    let made: Vec<_> = all
        .chunks(14)
        .enumerate()
        .map(|(at, data)| {
            let segment = Segment {
                first: at == 0,
                remaining: (count - 1 - at) as u8,
            };
            [&[pid::SEGMENT, segment.octet()], data].concat()
        })
        .collect();
    assert_eq!(made[0][..3], [0x08, 0x82, 0xcc]);
    assert_eq!(made[0].len(), 16);
    assert_eq!(made[1][..5], [0x08, 0x01, 0x00, 0x00, 0x01]);
    assert_eq!(made[2], [0x08, 0x00, 0x08, 0x09, 0x0a]);
    let mut whole = Vec::new();
    for (at, information) in made.iter().enumerate() {
        let (segment, data) = Segment::parse(&information[1..]).unwrap();
        assert_eq!(
            (segment.first, usize::from(segment.remaining)),
            (at == 0, 2 - at)
        );
        whole.extend_from_slice(data);
    }
    assert_eq!(whole, all);
    assert!(Segment::parse(&[]).is_err());
    assert_eq!(Segment::count(1, 3), Some(1));
    assert_eq!(Segment::count(128, 3), Some(128));
    assert_eq!(Segment::count(129, 3), None);
    assert_eq!(Segment::count(1, 2), None);
}

#[test]
fn a_compressed_header_names_the_destination_alone() {
    // QSO 300, a command, DB0SAO-9: D 24, B 22, 0 10, S 33, A 21, O 2f.
    let frame = [0x04, 0xb3, 0x92, 0x24, 0x33, 0x86, 0xf9, 0x3f];
    let (header, rest) = Header::parse(&frame).unwrap();
    assert_eq!(rest, [0x3f]);
    assert_eq!(header.class, Class::Command);
    assert_eq!(
        header.source.octets(),
        &[0x7e, 0x40, 0x40, 0x40, 0x40, 0x40, 0x60]
    );
    assert_eq!(header.to_string(), "?->DB0SAO-9");
    assert!(Header::parse(&frame[..6]).is_err());
}

/// Frames as they are in datagrams of AXIP: with HDLC's FCS.
#[test]
fn frames_with_fcs() {
    for (body, fcs) in [
        (
            &[
                0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe0, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x61,
                0x3f,
            ][..],
            [0xb6, 0x81],
        ),
        (
            &[
                0xa2, 0xa6, 0xa8, 0x40, 0x40, 0x40, 0xe0, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x61,
                0x03, 0xf0, 0x68, 0x69,
            ],
            [0x40, 0x9b],
        ),
    ] {
        assert_eq!(fcs::fcs16_octets(body), fcs);
        let datagram = [body, &fcs].concat();
        assert_eq!(fcs::strip_fcs16(&datagram), Some(body));
        assert!(Header::parse(body).is_ok());
    }
}

#[test]
fn unnumbered_information_with_a_datagram_and_with_arp() {
    let call_1 = |word: &str, class| Header::new(call(word), call("DB0SAO"), class);
    let mut frame = Vec::new();
    call_1("N0PRA-2", Class::Command).append(&mut frame);
    Control::UI.append(Modulo::Eight, &mut frame);
    frame.push(pid::IP);
    assert_eq!(
        frame,
        [
            0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0xe4, 0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0x61,
            0x03, 0xcc
        ]
    );
    frame.clear();
    Header::new(Call::QST, call("DB0SAO"), Class::Command).append(&mut frame);
    Control::UI.append(Modulo::Eight, &mut frame);
    frame.push(pid::ARP);
    assert_eq!(frame[..7], [0xa2, 0xa6, 0xa8, 0x40, 0x40, 0x40, 0xe0]);
    assert_eq!(
        frame[7..],
        [0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0x61, 0x03, 0xcd]
    );
    let mut packet = Vec::new();
    arp::LinkRepr {
        hardware_type: 3,
        protocol_type: 0x00cc,
        operation: arp::Operation::Request,
        sender_hardware: call("DB0SAO").octets(),
        sender: [44, 0, 0, 1].into(),
        target_hardware: &[],
        target: [44, 0, 0, 2].into(),
    }
    .emit(&mut packet);
    assert_eq!(
        packet,
        [
            0x00, 0x03, 0x00, 0xcc, 0x07, 0x04, 0x00, 0x01, 0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e,
            0x60, 0x2c, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00,
            0x00, 0x02
        ]
    );
}

#[test]
fn protocols_have_names() {
    assert_eq!(pid::name(0xcf), Some("NET/ROM"));
    assert_eq!(pid::name(0xf0), Some("Text"));
    assert_eq!(pid::name(0xc0), None);
}

proptest! {
    #[test]
    fn any_octets(octets in vec(any::<u8>(), 0..60)) {
        fuzz_ax25(&octets);
        // Behind a header, so that the rest is looked at too.
        fuzz_ax25(&[&SABM[..21], &octets].concat());
        fuzz_ax25(&[&SABM[..21], &[0xbf, 0x82, 0x80, 0, octets.len() as u8], &octets].concat());
    }
}
