//! Tests of PPP headers and control packets.

use proptest::prelude::*;

use super::*;

/// A Configure-Request of pppd 2.4.9: ACCM 0, magic number, PFC, ACFC.
const REQUEST: [u8; 24] = [
    0xff, 0x03, 0xc0, 0x21, 0x01, 0x01, 0x00, 0x14, 0x02, 0x06, 0x00, 0x00, 0x00, 0x00, 0x05, 0x06,
    0xde, 0xad, 0xbe, 0xef, 0x07, 0x02, 0x08, 0x02,
];

#[test]
fn a_configure_request_is_read_and_written() {
    let frame = Frame::parse(&REQUEST).unwrap();
    assert_eq!(frame.protocol, Protocol::LCP);
    assert!(!frame.acfc && !frame.pfc);
    let packet = Packet::parse(frame.information).unwrap();
    assert_eq!(Code::from(packet.code), Code::ConfigureRequest);
    assert_eq!(packet.identifier, 1);
    let options: Vec<_> = Options::new(packet.data).map(Result::unwrap).collect();
    let kinds: Vec<_> = options.iter().map(|option| option.kind).collect();
    assert_eq!(kinds, [2, 5, 7, 8]);
    assert_eq!(options[1].data, [0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(options[2].data, []);

    let mut written = Vec::new();
    FrameRepr::plain(Protocol::LCP).append(&mut written);
    let mut writer = Writer::new(&mut written, Code::ConfigureRequest.into(), 1);
    for option in &options {
        writer.option(option.kind, option.data);
    }
    writer.finish().unwrap();
    assert_eq!(written, REQUEST);
}

#[test]
fn all_forms_of_the_header_are_read() {
    for (octets, acfc, pfc) in [
        (&[0xff, 0x03, 0x00, 0x21, 0x45][..], false, false),
        (&[0xff, 0x03, 0x21, 0x45], false, true),
        (&[0x00, 0x21, 0x45], true, false),
        (&[0x21, 0x45], true, true),
    ] {
        let frame = Frame::parse(octets).unwrap();
        assert_eq!((frame.acfc, frame.pfc), (acfc, pfc));
        assert_eq!(frame.protocol, Protocol::IPV4);
        assert_eq!(frame.information, [0x45]);
        let repr = FrameRepr {
            protocol: Protocol::IPV4,
            acfc,
            pfc,
        };
        let mut written = [0xa5; 5];
        let len = repr.emit(&mut written).unwrap();
        assert_eq!(written[..len], octets[..len]);
        assert_eq!(repr.emit(&mut written[..len - 1]), None);
    }
    let empty = Frame::parse(&[0xff, 0x03, 0xc0, 0x21]).unwrap();
    assert!(empty.information.is_empty());
}

#[test]
fn lcp_is_never_compressed() {
    let repr = FrameRepr {
        protocol: Protocol::LCP,
        acfc: true,
        pfc: true,
    };
    assert_eq!(repr.octets(), ([0xff, 0x03, 0xc0, 0x21], 4));
    let repr = FrameRepr {
        protocol: Protocol::IPCP,
        ..repr
    };
    assert_eq!(repr.octets(), ([0x80, 0x21, 0, 0], 2));
}

#[test]
fn wrong_headers_are_refused() {
    for octets in [
        &[][..],
        &[0xff],
        &[0xff, 0x03],
        &[0xff, 0x03, 0x00],
        &[0xff, 0x03, 0xff, 0x03],
        &[0xff, 0x13, 0x00, 0x21],
        &[0xff, 0x03, 0x00, 0x20],
        &[0x80],
        &[0x80, 0x20],
    ] {
        assert!(Frame::parse(octets).is_err(), "{octets:02x?}");
    }
}

#[test]
fn padding_is_no_part_of_a_packet_and_lengths_are_checked() {
    let packet = Packet::parse(&[9, 7, 0, 8, 1, 2, 3, 4, 0, 0]).unwrap();
    assert_eq!(packet.data, [1, 2, 3, 4]);
    for octets in [&[9, 7, 0][..], &[9, 7, 0, 3], &[9, 7, 0, 5], &[9, 7, 1, 4]] {
        assert!(Packet::parse(octets).is_err(), "{octets:02x?}");
    }
}

#[test]
fn options_with_wrong_lengths_end_the_list() {
    for octets in [
        &[5][..],
        &[5, 0],
        &[5, 1, 0],
        &[5, 6, 1, 2, 3],
        &[7, 2, 5, 0, 7, 2],
    ] {
        let read: Vec<_> = Options::new(octets).collect();
        assert!(read.last().unwrap().is_err(), "{octets:02x?}");
    }
    assert_eq!(Options::new(&[]).count(), 0);
}

fn options(octets: &[u8]) -> Vec<RawOption<'_>> {
    Options::new(octets).map(Result::unwrap).collect()
}

#[test]
fn lcp_options_are_read_and_written() {
    use super::lcp::{AuthProtocol, LcpOption};
    let octets = [
        &[1, 4, 5, 220][..],
        &[2, 6, 0, 10, 0, 0],
        &[3, 4, 0xc0, 0x23],
        &[3, 5, 0xc2, 0x23, 5],
        &[3, 5, 0xc2, 0x23, 129],
        &[5, 6, 1, 2, 3, 4],
        &[7, 2],
        &[8, 2],
        &[17, 4, 6, 64],
        &[18, 2],
        &[19, 9, 3, 0, 1, 2, 3, 4, 5],
        &[4, 8, 0xc0, 0x25, 0, 0, 0, 9],
    ]
    .concat();
    let expected = [
        LcpOption::Mru(1500),
        LcpOption::Accm(0x000a_0000),
        LcpOption::Authentication(AuthProtocol::Pap),
        LcpOption::Authentication(AuthProtocol::CHAP_MD5),
        LcpOption::Authentication(AuthProtocol::MS_CHAP_V2),
        LcpOption::Magic(0x0102_0304),
        LcpOption::Pfc,
        LcpOption::Acfc,
        LcpOption::Mrru(1600),
        LcpOption::ShortSequence,
        LcpOption::Endpoint {
            class: 3,
            address: &[0, 1, 2, 3, 4, 5],
        },
        LcpOption::Other(RawOption {
            kind: 4,
            data: &[0xc0, 0x25, 0, 0, 0, 9],
        }),
    ];
    let mut written = Vec::new();
    for (raw, expected) in options(&octets).into_iter().zip(expected) {
        let option = LcpOption::parse(raw).unwrap();
        assert_eq!(option, expected);
        option.append(&mut written);
    }
    assert_eq!(written, octets);
    for wrong in [
        &[1, 3, 5][..],
        &[2, 2],
        &[3, 3, 0xc0],
        &[5, 7, 1, 2, 3, 4, 5],
        &[7, 3, 0],
        &[19, 2],
    ] {
        assert!(LcpOption::parse(options(wrong)[0]).is_err(), "{wrong:02x?}");
    }
    let odd = LcpOption::parse(options(&[3, 5, 0xc0, 0x23, 1])[0]).unwrap();
    assert_eq!(odd, LcpOption::Authentication(AuthProtocol::Other(0xc023)));
}

#[test]
fn ipcp_and_ipv6cp_options_are_read_and_written() {
    use super::ipcp::IpcpOption;
    use super::ipv6cp::Ipv6cpOption;
    let octets = [
        &[2, 6, 0, 0x2d, 15, 1][..],
        &[3, 6, 10, 0, 0, 1],
        &[129, 6, 8, 8, 8, 8],
        &[131, 6, 8, 8, 4, 4],
        &[130, 6, 0, 0, 0, 0],
    ]
    .concat();
    let expected = [
        IpcpOption::VanJacobson {
            max_slot: 15,
            compress_slot: true,
        },
        IpcpOption::Address([10, 0, 0, 1].into()),
        IpcpOption::DnsPrimary([8, 8, 8, 8].into()),
        IpcpOption::DnsSecondary([8, 8, 4, 4].into()),
        IpcpOption::Other(RawOption {
            kind: 130,
            data: &[0; 4],
        }),
    ];
    let mut written = Vec::new();
    for (raw, expected) in options(&octets).into_iter().zip(expected) {
        let option = IpcpOption::parse(raw).unwrap();
        assert_eq!(option, expected);
        option.append(&mut written);
    }
    assert_eq!(written, octets);
    for wrong in [
        &[2, 4, 0, 0x2d][..],
        &[2, 6, 0, 0x2d, 15, 2],
        &[3, 5, 1, 2, 3],
    ] {
        assert!(
            IpcpOption::parse(options(wrong)[0]).is_err(),
            "{wrong:02x?}"
        );
    }

    let octets = [1, 10, 0, 0, 0, 0, 0, 0, 0, 7];
    let option = Ipv6cpOption::parse(options(&octets)[0]).unwrap();
    assert_eq!(option, Ipv6cpOption::InterfaceIdentifier(7));
    let mut written = Vec::new();
    option.append(&mut written);
    assert_eq!(written, octets);
    assert!(Ipv6cpOption::parse(options(&[1, 3, 0])[0]).is_err());
}

#[test]
fn codes_keep_their_numbers() {
    for code in 0..=255 {
        assert_eq!(u8::from(Code::from(code)), code);
    }
}

#[test]
fn a_protocol_that_looks_like_an_address_is_written_in_full() {
    let short = FrameRepr {
        protocol: Protocol(0x00ff),
        acfc: true,
        pfc: true,
    };
    assert_eq!(short.octets(), ([0x00, 0xff, 0, 0], 2));
    let frame = Frame::parse(&[0x00, 0xff, 0x03, 0xc2]).unwrap();
    assert_eq!(frame.protocol, short.protocol);
    assert_eq!(frame.information, [0x03, 0xc2]);
}

#[test]
fn kinds_of_protocols() {
    assert!(Protocol::IPV4.is_network() && !Protocol::IPV4.is_network_control());
    assert!(Protocol::IPCP.is_network() && Protocol::IPCP.is_network_control());
    assert!(!Protocol::LCP.is_network() && !Protocol::LCP.is_network_control());
    assert_eq!(Protocol::CCP.to_string(), "CCP");
    assert_eq!(Protocol(0x8281).to_string(), "protocol 8281");
}

proptest! {
    #[test]
    fn any_octets(octets: Vec<u8>) {
        fuzz_ppp(&octets);
    }

    #[test]
    fn any_options(
        list in prop::collection::vec((1_u8..20, prop::collection::vec(any::<u8>(), 0..8)), 0..6)
    ) {
        let mut frame = Vec::new();
        FrameRepr::plain(Protocol::LCP).append(&mut frame);
        let mut writer = Writer::new(&mut frame, 1, 0);
        for (kind, data) in &list {
            writer.option(*kind, data);
        }
        writer.finish().unwrap();
        fuzz_ppp(&frame);
    }

    #[test]
    fn any_information(header in prop::sample::select(vec![0xc021_u16, 0x8021, 0x0021]), octets: Vec<u8>) {
        let mut frame = Vec::new();
        FrameRepr::plain(Protocol(header)).append(&mut frame);
        frame.extend_from_slice(&octets);
        fuzz_ppp(&frame);
    }
}
