//! Vectors of captured and published messages, and properties.

use proptest::prelude::*;

use super::cisco_hdlc::{Config, Operational};
use super::driver::{GeneralStatistics, InterruptStatistics, Modem, SendStatistics};
use super::frame_relay::{
    DlciStatistics, LineErrors, LinkStatistics, LinkStatus, PvcStatus, active_dlcis, pvc,
};
use super::opcode::{self, chdlc, fr};
use super::packet::{Checksum, Class, classify, reply};
use super::trace::{self, Frames, Packer};
use super::*;
use crate::ParseError;
use wanbox_sim::hex;

mod ppp;
mod x25;

fn emit(repr: &Repr<'_>) -> Vec<u8> {
    let mut octets = vec![0xa5; repr.wire_len()];
    assert_eq!(repr.emit(&mut octets), Ok(octets.len()));
    octets
}

const ZERO_6: &str = "00 00 00 00 00 00";
const ZERO_11: &str = "00 00 00 00 00 00 00 00 00 00 00";

#[test]
fn modem_status_request_and_reply() {
    let request = hex(&format!(
        "46 50 49 50 45 38 4E 44 01 00 {ZERO_6} 00 30 00 00 AA {ZERO_11} 00"
    ));
    let built = Repr::request(Control::dlci(0), 0, fr::READ_MODEM_STATUS, &[]);
    assert_eq!(emit(&built), request);

    let answer = hex(&format!(
        "46 50 49 50 45 38 4E 44 02 00 {ZERO_6} 00 30 01 00 00 {ZERO_11} 28 00"
    ));
    let view = Message::new_checked(&request).unwrap();
    let lines = Modem {
        dcd: true,
        cts: true,
    };
    assert_eq!(emit(&Repr::reply(&view, code::OK, &lines.encode())), answer);
    let view = Message::new_checked(&answer).unwrap();
    assert_eq!(view.kind(), Kind::Reply);
    assert_eq!(Modem::decode(view.data()), Ok(lines));
}

#[test]
fn up_time_request_and_reply() {
    let request = hex(&format!(
        "43 54 50 49 50 45 41 42 01 03 {ZERO_6} 00 59 00 00 AA {ZERO_11} 00 00 00"
    ));
    let control = Control::empty(Protocol::CiscoHdlc);
    assert_eq!(
        emit(&Repr::request(control, 3, chdlc::ROUTER_UP_TIME, &[])),
        request
    );
    let answer = hex(&format!(
        "43 54 50 49 50 45 41 42 02 03 {ZERO_6} 00 59 04 00 00 {ZERO_11} 00 00 CD 5F 01 00"
    ));
    let view = Message::new_checked(&request).unwrap();
    assert_eq!(
        emit(&Repr::reply(&view, code::OK, &90061u32.to_le_bytes())),
        answer
    );
    let view = Message::new_checked(&answer).unwrap();
    assert_eq!(driver::up_time(view.data()), Ok(90061));
}

#[test]
fn refused_command_has_no_data() {
    let request = emit(&Repr::request(
        Control::empty(Protocol::CiscoHdlc),
        4,
        chdlc::DISABLE_TRACING,
        &[],
    ));
    let view = Message::new_checked(&request).unwrap();
    let refused = hex(&format!(
        "43 54 50 49 50 45 41 42 02 04 {ZERO_6} 00 51 00 00 CD {ZERO_11} 00 00"
    ));
    let built = emit(&Repr::reply(&view, code::NOT_FROM_NETWORK, &[]));
    assert_eq!(built, refused);
    assert_eq!(built.len(), 34);
}

const FR_TRACE: &str = "05 01 10 00 6A 3B 00 01 03 08 00 75 95 01 01 01 03 02 08 01 FF FF \
                        00 01 10 00 6B 3B 00 01 03 08 00 7D 95 01 01 01 03 02 02 08 53 CC";

#[test]
fn frame_relay_trace_vector() {
    let data = hex(FR_TRACE);
    assert_eq!(data.len(), 44);
    let request = emit(&Repr::request(Control::dlci(0), 1, fr::GET_TRACE_INFO, &[]));
    let request = Message::new_checked(&request).unwrap();
    let answer = emit(&Repr::reply(&request, code::OK, &data));
    let view = Message::new_checked(&answer).unwrap();
    let frames = Frames::of(&view);
    assert!(!frames.more());
    let elements: Vec<_> = frames.map(Result::unwrap).collect();
    assert_eq!(elements.len(), 2);
    assert!(elements[0].outgoing());
    assert_eq!(elements[0].timestamp, 0x3B6A);
    assert_eq!(elements[0].status, trace::OUTGOING);
    assert_eq!(
        elements[1].frame().unwrap(),
        hex("00 01 03 08 00 7D 95 01 01 01 03 02 02 08")
    );

    let mut packed = Vec::new();
    let mut packer = Packer::new(Protocol::FrameRelay, &mut packed);
    for element in &elements {
        let (frame, fcs) = element.octets.split_last_chunk().unwrap();
        assert!(packer.push(element.status, element.timestamp, frame, *fcs));
    }
    packer.finish(&request, false);
    assert_eq!(packed, data);
}

#[test]
fn cisco_hdlc_trace_vector() {
    let keepalive = hex("8F 00 80 35 00 00 00 02 00 00 00 01 00 00 00 00 FF FF 00 00 03 E8");
    let mut expected = hex("01 01 18 00 34 12");
    expected.extend_from_slice(&keepalive);
    expected.extend_from_slice(&trace::OUTGOING_FCS);

    let request = emit(&Repr::request(
        Control::empty(Protocol::CiscoHdlc),
        9,
        chdlc::GET_TRACE_INFO,
        &[],
    ));
    let request = Message::new_checked(&request).unwrap();
    let mut data = Vec::new();
    let mut packer = Packer::new(Protocol::CiscoHdlc, &mut data);
    assert!(packer.push(trace::OUTGOING, 0x1234, &keepalive, trace::OUTGOING_FCS));
    let control = packer.finish(&request, true);
    assert_eq!(data, expected);
    let answer = emit(&Repr {
        control,
        ..Repr::reply(&request, code::OK, &data)
    });
    assert_eq!(&answer[32..34], [1, 1]);
    let view = Message::new_checked(&answer).unwrap();
    let mut frames = Frames::of(&view);
    assert!(frames.more());
    assert_eq!(
        frames.next().unwrap().unwrap().frame(),
        Some(&keepalive[..])
    );
    assert!(frames.next().is_none());
}

#[test]
fn trace_reply_is_bounded() {
    for protocol in Protocol::ALL {
        if protocol == Protocol::X25 {
            continue;
        }
        let request = emit(&Repr::request(Control::empty(protocol), 0, 0x43, &[]));
        let request = Message::new_checked(&request).unwrap();
        let mut data = Vec::new();
        let mut packer = Packer::new(protocol, &mut data);
        let overhead = match protocol {
            Protocol::Ppp => 9,
            _ => 8,
        };
        let fits = vec![7; protocol.max_reply_data() - overhead];
        assert!(packer.push(0, 1, &fits, [1, 2]));
        assert!(!packer.push(0, 1, &[], [1, 2]));
        packer.finish(&request, true);
        assert_eq!(data.len(), protocol.max_reply_data());

        // A frame that no reply could hold goes without its octets, and does not block others.
        let mut packer = Packer::new(protocol, &mut data);
        let huge = vec![7; protocol.max_reply_data()];
        assert!(packer.push(0, 1, &huge, [1, 2]));
        assert!(packer.push(0, 2, &[9; 4], [1, 2]));
        let control = packer.finish(&request, false);
        let answer = emit(&Repr {
            control,
            ..Repr::reply(&request, 0, &data)
        });
        let view = Message::new_checked(&answer).unwrap();
        let elements: Vec<_> = Frames::of(&view).map(Result::unwrap).collect();
        assert_eq!(elements.len(), 2, "{protocol:?}");
        assert_eq!(elements[0].frame(), None);
        assert_eq!(usize::from(elements[0].real_length), huge.len() + 2);
        assert_eq!(elements[1].frame(), Some(&[9; 4][..]));

        // Frame Relay counts to seven, PPP to the size of its ring.
        let mut packer = Packer::new(protocol, &mut data);
        let taken = (0..300).filter(|_| packer.push(0, 0, &[], [0, 0])).count();
        let most = match protocol {
            Protocol::FrameRelay => 7,
            Protocol::CiscoHdlc => 1938 / 8,
            Protocol::Ppp => 62,
            Protocol::X25 => 0,
        };
        assert_eq!(taken, most);
    }
}

#[test]
fn empty_trace_reply_has_a_count_octet() {
    let request = emit(&Repr::request(Control::dlci(0), 0, fr::GET_TRACE_INFO, &[]));
    let request = Message::new_checked(&request).unwrap();
    let mut data = Vec::new();
    Packer::new(Protocol::FrameRelay, &mut data).finish(&request, false);
    assert_eq!(data, [0]);
}

#[test]
fn wrong_messages_are_named() {
    let good = emit(&Repr::request(
        Control::dlci(16),
        1,
        fr::READ_STATISTICS,
        &[0],
    ));
    assert_eq!(good.len(), 34);
    assert_eq!(Message::new_checked(&good).unwrap().channel(), 16);
    assert!(matches!(
        Message::new_checked(&good[..31]),
        Err(ParseError::Truncated {
            need: 32,
            have: 31,
            ..
        })
    ));
    let mut long = good.clone();
    long[18] = 3;
    assert_eq!(
        Message::new_checked(&long).unwrap_err(),
        ParseError::Length {
            what: "management data length",
            claimed: 3,
            have: 2
        }
    );
    let mut kind = good.clone();
    kind[8] = 3;
    assert!(Message::new_checked(&kind).is_err());
    let mut signature = good;
    signature[7] = 0;
    assert!(matches!(
        Message::new_checked(&signature),
        Err(ParseError::Invalid {
            what: "management signature",
            ..
        })
    ));
    // More than the mailbox holds, although it arrived.
    let mut huge = emit(&Repr::request(
        Control::empty(Protocol::CiscoHdlc),
        1,
        4,
        &[],
    ));
    huge.resize(5000, 0);
    huge[18..20].copy_from_slice(&2033u16.to_le_bytes());
    assert!(Message::new_checked(&huge).is_err());
    let data = [0; 2033];
    let repr = Repr::request(Control::empty(Protocol::CiscoHdlc), 1, 4, &data);
    assert!(repr.emit(&mut huge).is_err());
}

#[test]
fn network_may_read_only() {
    let allowed = |protocol| {
        (0..=255)
            .filter(|&o| opcode::allowed_from_network(protocol, o))
            .collect::<Vec<u8>>()
    };
    assert_eq!(
        allowed(Protocol::FrameRelay),
        [0x11, 0x14, 0x15, 0x19, 0x30, 0x32, 0x40, 0x47, 0x49]
    );
    assert_eq!(
        allowed(Protocol::CiscoHdlc),
        [0x04, 0x07, 0x08, 0x20, 0x23, 0x26, 0x27, 0x59]
    );
    assert_eq!(
        opcode::name(Protocol::FrameRelay, 0x15),
        Some("READ_STATISTICS")
    );
    assert_eq!(opcode::name(Protocol::CiscoHdlc, 0xFE), None);
    assert_eq!(
        allowed(Protocol::Ppp),
        [
            0x06, 0x07, 0x09, 0x10, 0x12, 0x14, 0x18, 0x1A, 0x1C, 0x1E, 0x23, 0x30, 0x32
        ]
    );
    assert_eq!(
        allowed(Protocol::X25),
        [0x06, 0x07, 0x09, 0x0C, 0x15, 0x49, 0x50, 0x77, 0x79]
    );
    // Calls, traces and whose circuits there are stay at home.
    assert_eq!(opcode::name(Protocol::X25, 0x30), Some("PLACE_CALL"));
    // The driver's command, not the adapter's of the same number.
    assert_eq!(opcode::name(Protocol::Ppp, 0x30), Some("ROUTER_UP_TIME"));
}

#[test]
fn sizes_are_those_of_the_protocol() {
    assert_eq!(Protocol::FrameRelay.max_reply_data(), 1940);
    assert_eq!(Protocol::CiscoHdlc.max_reply_data(), 1938);
    assert_eq!(Protocol::Ppp.max_reply_data(), 1940);
    assert_eq!(InterruptStatistics::LEN, 88);
    assert_eq!(GeneralStatistics::LEN, 112);
    assert_eq!(SendStatistics::LEN, 72);
}

#[test]
fn structures_lie_where_monitors_look() {
    let statistics = LinkStatistics {
        n392_reached: 0x1234,
        current_n393: 4,
        ..LinkStatistics::default()
    };
    let octets = statistics.encode();
    assert_eq!(&octets[40..42], [0x34, 0x12]);
    assert_eq!(&octets[0x36..], [4, 0]);

    let errors = LineErrors {
        tx_aborts: 3,
        tx_aborts_copy: 3,
        cts_drops: 9,
        ..LineErrors::default()
    };
    assert_eq!(errors.encode(), [0, 0, 0, 0, 3, 3, 0, 0, 0, 9]);

    let mut config = Config::default();
    config.set_address([201, 1, 1, 1].into(), [255, 255, 255, 0].into());
    assert_eq!(
        &config.encode()[0x1C..0x24],
        [1, 1, 1, 201, 0, 255, 255, 255]
    );

    let operational = Operational {
        link_looped: 7,
        cdp_rx: 1,
        ..Operational::default()
    };
    assert_eq!(operational.encode()[0xB6], 7);
    assert_eq!(operational.encode()[0x64], 1);

    let dlci = DlciStatistics {
        rx_discard_eligible: 5,
        rx_timer: 1,
        ..DlciStatistics::default()
    };
    assert_eq!(dlci.encode_strict()[0x1C], 5);
    assert_eq!(
        DlciStatistics::decode_any(&dlci.encode_strict()).unwrap(),
        DlciStatistics {
            rx_timer: 0,
            ..dlci
        }
    );
    assert!(DlciStatistics::decode_any(&[0; 31]).is_err());
}

#[test]
fn link_status_lists_pvcs() {
    let pvcs = [
        PvcStatus {
            dlci: 16,
            status: pvc::REPORTED | pvc::ACTIVE,
        },
        PvcStatus {
            dlci: 991,
            status: pvc::NEW,
        },
    ];
    let mut data = Vec::new();
    LinkStatus::encode(true, pvcs, 100, &mut data);
    assert_eq!(data, [1, 16, 0, 0x42, 0xDF, 3, 8]);
    let status = LinkStatus::decode(&data).unwrap();
    assert!(status.operative());
    assert!(status.pvcs().eq(pvcs));
    data.clear();
    LinkStatus::encode(false, pvcs, 6, &mut data);
    assert_eq!(data.len(), 4);
    assert!(LinkStatus::decode(&[]).is_err());
    assert!(active_dlcis(&[16, 0, 17, 0, 9]).eq([16, 17]));
}

#[test]
fn old_drivers_cut_general_statistics() {
    let mut data = Vec::new();
    let mut statistics = GeneralStatistics::default();
    statistics.management.commands_ok = 12;
    statistics.global.tx_not_started = 3;
    statistics.global.poll_entries = 4;
    statistics.encode(&mut data);
    assert_eq!(data.len(), 112);
    assert_eq!(GeneralStatistics::decode(&data), Ok(statistics));
    statistics.global.poll_entries = 0;
    assert_eq!(GeneralStatistics::decode(&data[..88]), Ok(statistics));
    assert!(GeneralStatistics::decode(&data[..87]).is_err());
}

/// An IPv4/UDP packet with right checksums, made from a reply to an empty packet.
fn ip_packet(payload: &Repr<'_>) -> Vec<u8> {
    let mut frame = vec![0; 28];
    frame[0] = 0x45;
    frame[9] = 17;
    frame[4..6].copy_from_slice(&[0xBE, 0xEF]);
    // Swapped by `reply`: source and destination the other way round.
    frame[12..16].copy_from_slice(&[201, 1, 1, 2]);
    frame[16..20].copy_from_slice(&[201, 1, 1, 1]);
    frame[20..22].copy_from_slice(&9000u16.to_be_bytes());
    frame[22..24].copy_from_slice(&1055u16.to_be_bytes());
    let mut packet = Vec::new();
    reply(&frame, payload, 64, &mut packet).unwrap();
    packet
}

#[test]
fn requests_are_told_from_user_data() {
    let request = Repr::request(Control::dlci(0), 7, fr::READ_STATUS, &[]);
    let packet = ip_packet(&request);
    assert_eq!(packet.len(), 28 + 33);
    let class =
        |packet: &[u8], port, protocol| match classify(packet, port, protocol, Checksum::Verify) {
            Class::Other => "other",
            Class::Malformed(_) => "malformed",
            Class::Request(message) => {
                assert_eq!(message.id(), 7);
                "request"
            }
        };
    let frame_relay = Protocol::FrameRelay;
    assert_eq!(class(&packet, 9000, frame_relay), "request");
    assert_eq!(class(&packet, 9001, frame_relay), "other");
    assert_eq!(class(&packet, 0, frame_relay), "other");
    assert_eq!(class(&packet, 9000, Protocol::CiscoHdlc), "other");
    for cut in 0..packet.len() {
        assert_eq!(class(&packet[..cut], 9000, frame_relay), "other");
    }
    let changed = |at: usize, value: u8| {
        let mut packet = packet.clone();
        packet[at] = value;
        packet
    };
    assert_eq!(
        class(&changed(0, 0x46), 9000, frame_relay),
        "other",
        "options"
    );
    assert_eq!(
        class(&changed(6, 0x20), 9000, frame_relay),
        "other",
        "fragment"
    );
    assert_eq!(
        class(&changed(7, 0x01), 9000, frame_relay),
        "other",
        "offset"
    );
    assert_eq!(class(&changed(9, 6), 9000, frame_relay), "other", "TCP");
    assert_eq!(
        class(&changed(60, 1), 9000, frame_relay),
        "malformed",
        "checksum"
    );
    let mut none = packet.clone();
    none[26..28].fill(0);
    none[60] = 1;
    assert_eq!(class(&none, 9000, frame_relay), "request", "no checksum");
    none[46] = 9;
    assert_eq!(class(&none, 9000, frame_relay), "malformed", "data length");
    none[36] = 2;
    assert_eq!(class(&none, 9000, frame_relay), "other", "a reply");
}

#[test]
fn reply_goes_back() {
    let request = Repr::request(Control::dlci(0), 7, fr::READ_STATUS, &[]);
    let packet = ip_packet(&request);
    let Class::Request(message) = classify(&packet, 9000, Protocol::FrameRelay, Checksum::Verify)
    else {
        panic!("no request");
    };
    let mut answer = Vec::new();
    reply(
        &packet,
        &Repr::reply(&message, code::OK, &[1]),
        9,
        &mut answer,
    )
    .unwrap();
    assert_eq!(answer.len(), 28 + 34);
    assert_eq!(&answer[12..20], [201, 1, 1, 2, 201, 1, 1, 1]);
    assert_eq!(&answer[4..6], [0xBE, 0xEF]);
    assert_eq!(answer[8], 9);
    assert_eq!(&answer[20..24], [0x23, 0x28, 0x04, 0x1F]);
    let view = Message::new_checked(&answer[28..]).unwrap();
    assert_eq!(
        (view.kind(), view.id(), view.data()),
        (Kind::Reply, 7, &[1][..])
    );
    let big = vec![0; 1941];
    let too_long = Repr::reply(&message, code::OK, &big);
    assert!(reply(&packet, &too_long, 9, &mut answer).is_err());
    assert!(reply(&packet[..27], &request, 9, &mut answer).is_err());
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        (any::<u16>(), any::<u8>(), any::<u16>(), any::<u32>()).prop_map(
            |(dlci, attributes, rx_lost_interrupt, rx_lost_application)| Control::FrameRelay {
                dlci,
                attributes,
                rx_lost_interrupt,
                rx_lost_application,
            }
        ),
        (any::<u8>(), any::<bool>()).prop_map(|(frames, more)| Control::CiscoHdlc { frames, more }),
        Just(Control::Ppp),
        (any::<u8>(), any::<u16>(), any::<[u8; 4]>()).prop_map(|(poll_final, lcn, rest)| {
            let [qdm, cause, diagnostic, packet_type] = rest;
            Control::X25 {
                poll_final,
                lcn,
                qdm,
                cause,
                diagnostic,
                packet_type,
            }
        }),
    ]
}

proptest! {
    #[test]
    fn parse_of_emit_is_identity(
        control in control(),
        is_reply: bool,
        id: u8,
        reserved: [u8; 6],
        opp_flag: u8,
        opcode: u8,
        return_code: u8,
        data in proptest::collection::vec(any::<u8>(), 0..1940),
    ) {
        let kind = if is_reply { Kind::Reply } else { Kind::Request };
        let repr = Repr { kind, id, reserved, opp_flag, opcode, return_code, control, data: &data };
        let octets = emit(&repr);
        let view = Message::new_checked(&octets).unwrap();
        prop_assert_eq!(Repr::parse(&view), repr);
    }

    #[test]
    fn hostile_octets_do_no_harm(
        protocol in 0..4usize,
        mut octets in proptest::collection::vec(any::<u8>(), 0..400),
        length in 0..400u16,
    ) {
        // Most random octets stop at the signature: give some of them one.
        if let Some(protocol) = Protocol::ALL.get(protocol) {
            let signature = protocol.signature();
            let n = signature.len().min(octets.len());
            octets[..n].copy_from_slice(&signature[..n]);
            if octets.len() > 20 {
                octets[8] = 2;
                octets[18..20].copy_from_slice(&length.to_le_bytes());
            }
        }
        fuzz_pipemon(&octets);
    }

    #[test]
    fn hostile_packets_do_no_harm(
        at in 0..61usize,
        value: u8,
    ) {
        let mut packet = ip_packet(&Repr::request(Control::dlci(0), 7, fr::READ_STATUS, &[]));
        packet[at] = value;
        fuzz_pipemon(&packet);
    }
}
