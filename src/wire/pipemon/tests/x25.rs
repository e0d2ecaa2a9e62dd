//! Tests of X.25's messages.

use super::super::trace::{ABORT, CRC_ERROR, Element, Frames, OUTGOING, OVERRUN, x25 as frame};
use super::super::x25::{Channel, Config, LinkStatistics, LinkStatus, PacketStatistics};
use super::super::x25::{channels, of_pair, pair};
use super::super::{Control, Date, Message, Protocol, Repr, code, opcode};
use super::emit;
use wanbox_sim::hex;

#[test]
fn a_request_and_its_reply() {
    let request = Repr::request(Control::lcn(0), 0, opcode::x25::READ_MODEM_STATUS, &[]);
    let octets = emit(&request);
    let mut expected = hex("58 4c 49 4e 4b 38 4e 44 01 00 00 00 00 00 00 00 00 0c 00 00 aa");
    expected.resize(33, 0);
    assert_eq!(octets, expected);
    let request = Message::new_checked(&octets).unwrap();
    assert_eq!(request.protocol(), Protocol::X25);
    assert_eq!(request.channel(), 0);
    let reply = emit(&Repr::reply(&request, code::OK, &[0x28]));
    assert_eq!((reply.len(), reply[8], reply[32]), (34, 2, 0x28));
    // About a channel.
    let request = Repr::request(Control::lcn(0x123), 1, 0x44, &[]);
    let octets = emit(&request);
    assert_eq!(octets[21..28], [0, 0x23, 0x01, 0, 0, 0, 0]);
    assert_eq!(Message::new_checked(&octets).unwrap().channel(), 0x123);
}

#[test]
fn structures_lie_where_monitors_look() {
    let status = LinkStatus {
        tx_queued: 1,
        rx_queued: 2,
        station: 1,
        supervisory: 4,
    };
    assert_eq!(status.encode(), [1, 2, 1, 0, 4]);
    let statistics = LinkStatistics {
        rx_sabm: 0x1234,
        tx_frmr: 7,
        ..Default::default()
    };
    let octets = statistics.encode();
    assert_eq!(
        (octets[0x12..0x14].to_vec(), octets[32]),
        (vec![0x34, 0x12], 7)
    );
    let packets = PacketStatistics {
        call: pair(3, 0x10002),
        rnr: pair(9, 8),
        ..Default::default()
    };
    let octets = packets.encode();
    assert_eq!(octets[16..20], [3, 0, 2, 0]);
    assert_eq!(octets[60..], [9, 0, 8, 0]);
    assert_eq!(of_pair(packets.call), (3, 2));
    let config = Config {
        mtu: 1027,
        max_packet: 4096,
        outgoing_high: 4095,
        t10: 60,
        r13: 5,
        ..Default::default()
    };
    let octets = config.encode();
    assert_eq!((octets[4], octets[5], octets[0x10]), (3, 4, 16));
    assert_eq!((octets[0x1f], octets[0x2e], octets[0x36]), (0xff, 60, 5));
    for (log2, code) in [(4, 0), (7, 0x18), (10, 0x30), (12, 0x38)] {
        assert_eq!(Channel::size_code_of(log2), code);
    }
    assert_eq!(
        channels(&[1, 0, 0xff, 0x0f, 9]).collect::<Vec<_>>(),
        [1, 4095]
    );
}

#[test]
fn traced_frames_come_back() {
    let date = Date {
        month: 11,
        day: 22,
        hour: 23,
        minute: 58,
        second: 59,
    };
    let element = Element {
        status: OUTGOING,
        real_length: 5,
        timestamp: 999,
        octets: &[1, 0, 0x10, 1, 0x0f],
        fcs: 0,
        lost: 3,
        date: Some(date),
    };
    let mut data = vec![0xa5];
    frame::encode(&element, date, &mut data);
    assert_eq!(data, hex("05 00 01 03 11 22 59 58 23 e7 03 01 00 10 01 0f"));
    let request = emit(&Repr::request(Control::lcn(0), 0, 0x16, &[]));
    let request = Message::new_checked(&request).unwrap();
    let answered = |code, data: &[u8]| {
        let reply = emit(&Repr::reply(&request, code, data));
        let reply = Message::new_checked(&reply).unwrap();
        let frames = Frames::of(&reply);
        (
            frames.more(),
            frames
                .map(|found| found.map(|found| found.octets.len()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(answered(code::OK, &data), (true, vec![Ok(5)]));
    assert_eq!(answered(code::X25_NO_FRAME, &data), (false, vec![]));
    assert_eq!(answered(code::OK, &[]), (false, vec![]));
    let (_, cut) = answered(code::OK, &data[..10]);
    assert!(matches!(cut[..], [Err(_)]));
    assert_eq!(frame::decode(&data), Ok(element));
    assert_eq!(element.frame(), Some(element.octets));

    for status in [0, ABORT, CRC_ERROR, OVERRUN] {
        frame::encode(&Element { status, ..element }, date, &mut data);
        assert_eq!(frame::decode(&data).unwrap().status, status);
    }
    // Longer than a reply: the length is still that of the frame.
    let long = [7; 3000];
    let long = Element {
        real_length: 3000,
        octets: &long,
        ..element
    };
    frame::encode(&long, date, &mut data);
    assert_eq!(data.len(), Protocol::X25.max_reply_data());
    let read = frame::decode(&data).unwrap();
    assert_eq!((read.real_length, read.octets.len()), (3000, 1929));
    // No date, but a frame.
    data[4] = 0x13;
    assert_eq!(frame::decode(&data).unwrap().date, None);
}
