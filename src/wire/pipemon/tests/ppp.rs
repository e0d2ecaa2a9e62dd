//! PPP's messages and structures.

use proptest::prelude::*;

use super::{ZERO_6, ZERO_11, emit, ip_packet};
use crate::ParseError;
use crate::pipemon::driver::Modem;
use crate::pipemon::opcode::ppp as op;
use crate::pipemon::packet::{Checksum, Class, classify};
use crate::pipemon::ppp::*;
use crate::pipemon::trace::{self, Frames, Packer};
use crate::pipemon::{Control, Field, Message, Protocol, Repr, Text, code};
use wanbox_sim::hex;

#[test]
fn iba_reply() {
    let request = emit(&Repr::request(Control::Ppp, 5, op::GET_IBA_DATA, &[]));
    assert_eq!(
        request,
        hex(&format!(
            "50 54 50 49 50 45 41 42 01 05 {ZERO_6} 00 23 00 00 AA {ZERO_11} 00"
        ))
    );
    let view = Message::new_checked(&request).unwrap();
    let lines = Modem {
        dcd: true,
        cts: true,
    };
    let [modem] = lines.encode();
    let iba = IbaData {
        modem,
        lcp_state: 9,
        phase: phase::NETWORK,
        ipcp_state: 9,
        ..IbaData::default()
    };
    let answer = hex(&format!(
        "50 54 50 49 50 45 41 42 02 05 {ZERO_6} 00 23 09 00 00 {ZERO_11} \
         28 09 03 09 00 00 00 00 00 00"
    ));
    assert_eq!(emit(&Repr::reply(&view, code::OK, &iba.encode())), answer);
    let view = Message::new_checked(&answer).unwrap();
    assert_eq!(view.protocol(), Protocol::Ppp);
    assert_eq!(IbaData::decode(view.data()), Ok(iba));
    assert_eq!(Modem::decode(view.data()), Ok(lines));
}

#[test]
fn structures_have_the_lengths_that_monitors_know() {
    assert_eq!(Config::LEN, 0x73);
    assert_eq!(IbaData::LEN, 9);
    assert_eq!(ConnectionInfo::LEN, 0x4D);
    assert_eq!(Statistics::LEN, 22);
    assert_eq!(LineErrors::LEN, 10);
    assert_eq!(PacketStatistics::LEN, 38);
    assert_eq!(LcpStatistics::LEN, 56);
    assert_eq!(LoopbackStatistics::LEN, 18);
    assert_eq!(NcpStatistics::LEN, 40);
    assert_eq!(PapStatistics::LEN, 22);
    assert_eq!(ChapStatistics::LEN, 30);
}

/// Octets that are their own offsets.
fn offsets(length: u8) -> Vec<u8> {
    (0..length).collect()
}

#[test]
fn fields_lie_where_monitors_look() {
    let word = |at: u8| u16::from_le_bytes([at, at + 1]);
    let lcp = LcpStatistics::decode(&offsets(56)).unwrap();
    assert_eq!(lcp.rx_configure_request, word(2));
    assert_eq!(lcp.rx_discard_request, word(0x16));
    assert_eq!(lcp.tx_configure_request, word(0x1A));
    assert_eq!(lcp.tx_discard_request, word(0x2E));
    assert_eq!(lcp.rx_bad_identifier, word(54));
    let ipcp = NcpStatistics::decode(&offsets(40)).unwrap();
    assert_eq!(ipcp.tx_configure_request, word(0x12));
    assert_eq!(ipcp.rx_too_large, word(0x20));
    let chap = ChapStatistics::decode(&offsets(30)).unwrap();
    assert_eq!(chap.tx_challenge, word(0x0C));
    assert_eq!(chap.rx_bad_response, word(0x1C));
    let packets = PacketStatistics::decode(&offsets(38)).unwrap();
    assert_eq!((packets.rx_lcp, packets.tx_lcp), (word(6), word(8)));
    assert_eq!((packets.rx_ipx, packets.tx_ipx), (word(0x22), word(0x24)));
    let statistics = Statistics::decode(&offsets(22)).unwrap();
    assert_eq!(statistics.tx_frames, u32::read(&offsets(22), 6));
    assert_eq!(statistics.rx_octets, u32::read(&offsets(22), 0x12));
    let config = Config::decode(&offsets(0x73)).unwrap();
    assert_eq!(config.restart, word(0x0C));
    assert_eq!(config.max_authenticate, word(0x1E));
    assert_eq!(config.ip_local, [0x22, 0x23, 0x24, 0x25]);
    assert_eq!(config.ipx_remote_node[5], 0x3A);
    assert_eq!(config.ipx_router_name.0[47], 0x6A);
    assert_eq!(config.rx_buffers, word(0x71));
}

#[test]
fn the_old_board_has_everything_earlier() {
    let whole: Vec<u8> = offsets(0x73);
    assert_eq!(
        Config::decode_any(&whole),
        Ok((Board::S508, Config::decode(&whole).unwrap()))
    );
    let mut old = whole[3..].to_vec();
    for (rate, bits) in [(0, 0), (1, 1200), (9, 64_000), (13, 156_000), (14, 0)] {
        old[0] = rate;
        let (board, config) = Config::decode_any(&old).unwrap();
        assert_eq!(board, Board::S502);
        assert_eq!(config.baud_rate, bits);
        assert_eq!(
            Config {
                baud_rate: 0,
                ..config
            },
            Config {
                baud_rate: 0,
                ..Config::decode(&whole).unwrap()
            }
        );
    }
    // It may end with the router name.
    old.truncate(0x68);
    let (_, config) = Config::decode_any(&old).unwrap();
    assert_eq!((config.alternate_clock, config.rx_buffers), (0, 0));
    assert_eq!(config.ipx_router_name.0[47], 0x6A);
    old.pop();
    assert!(matches!(
        Config::decode_any(&old),
        Err(ParseError::Truncated {
            need: 0x68,
            have: 0x67,
            ..
        })
    ));
}

#[test]
fn texts_end_at_a_zero_octet() {
    let mut name = [b'x'; 48];
    assert_eq!(Text(name).octets().len(), 48);
    name[3] = 0;
    assert_eq!(Text(name).octets(), b"xxx");
    let info = ConnectionInfo {
        authentication: authentication_status::OK,
        ..ConnectionInfo::default()
    };
    let mut data = Vec::new();
    info.encode_with(b"office\0x", &mut data);
    assert_eq!(data[0x4C..], *b"\x03office\0");
    assert_eq!(ConnectionInfo::peer_id(&data), b"office");
    data.pop();
    assert_eq!(ConnectionInfo::peer_id(&data), b"office");
    assert_eq!(ConnectionInfo::peer_id(&data[..20]), b"");
    data.clear();
    info.encode_with(&[b'a'; 300], &mut data);
    assert_eq!(ConnectionInfo::peer_id(&data).len(), 255);
}

#[test]
fn requests_are_told_from_user_data() {
    let packet = ip_packet(&Repr::request(Control::Ppp, 1, op::READ_CONFIG, &[]));
    for (protocol, ours) in [
        (Protocol::Ppp, true),
        (Protocol::CiscoHdlc, false),
        (Protocol::FrameRelay, false),
    ] {
        let class = classify(&packet, 9000, protocol, Checksum::Verify);
        assert_eq!(matches!(class, Class::Request(_)), ours, "{protocol:?}");
    }
}

const ECHO: &str = "FF 03 C0 21 09 01 00 08 12 34 56 78";

#[test]
fn trace_elements_are_even() {
    let request = emit(&Repr::request(Control::Ppp, 1, op::GET_TRACE_INFO, &[]));
    let request = Message::new_checked(&request).unwrap();
    let (even, odd) = (hex(ECHO), hex(&format!("{ECHO} 00")));
    let mut data = Vec::new();
    let mut packer = Packer::new(Protocol::Ppp, &mut data);
    assert!(packer.push(
        trace::OUTGOING | trace::ABORT,
        0x3412,
        &even,
        trace::OUTGOING_FCS
    ));
    assert!(packer.push(trace::CRC_ERROR, 2, &odd, [7, 8]));
    assert!(packer.push(0, 3, &[0; 1940], [0, 0]));
    assert_eq!(packer.finish(&request, true), Control::Ppp);
    // Three frames, more to come, the first one outgoing; its error has no room.
    let mut expected = hex("0F 01 0E 00 12 34");
    expected.extend_from_slice(&even);
    expected.extend_from_slice(&hex("FF FF 00 00"));
    expected.extend_from_slice(&hex("20 01 0F 00 02 00"));
    expected.extend_from_slice(&odd);
    expected.extend_from_slice(&hex("07 08 00"));
    expected.extend_from_slice(&hex("00 00 96 07 03 00 00 00"));
    assert_eq!(data, expected);

    let answer = emit(&Repr::reply(&request, code::OK, &data));
    let view = Message::new_checked(&answer).unwrap();
    let frames = Frames::of(&view);
    assert!(frames.more());
    let elements: Vec<_> = frames.map(Result::unwrap).collect();
    assert_eq!(elements.len(), 3);
    assert_eq!(elements[0].status, trace::OUTGOING);
    assert_eq!(elements[0].frame(), Some(even.as_slice()));
    assert_eq!(elements[1].status, trace::CRC_ERROR);
    assert_eq!(elements[1].frame(), Some(odd.as_slice()));
    assert_eq!((elements[2].real_length, elements[2].frame()), (1942, None));

    let mut none = Vec::new();
    Packer::new(Protocol::Ppp, &mut none).finish(&request, false);
    assert_eq!(none, [0]);
}

proptest! {
    #[test]
    fn decode_of_encode_is_identity(octets in proptest::collection::vec(any::<u8>(), 0..140)) {
        fuzz(&octets);
    }

    #[test]
    fn damaged_traces_do_no_harm(
        damage in proptest::collection::vec((0..70usize, any::<u8>()), 0..5),
        length in 0..70usize,
    ) {
        let request = emit(&Repr::request(Control::Ppp, 1, op::GET_TRACE_INFO, &[]));
        let request = Message::new_checked(&request).unwrap();
        let mut data = Vec::new();
        let mut packer = Packer::new(Protocol::Ppp, &mut data);
        while packer.push(0, 1, &hex(ECHO), [1, 2]) && packer.push(trace::OVERRUN, 2, &[9], [3, 4]) {}
        packer.finish(&request, false);
        data.truncate(length);
        for (at, value) in damage {
            if let Some(octet) = data.get_mut(at) {
                *octet = value;
            }
        }
        let answer = emit(&Repr::reply(&request, code::OK, &data));
        crate::pipemon::fuzz_pipemon(&answer);
    }
}
