//! Tests of X.25 over TCP.

use super::super::facility::PacketSize;
use super::super::fuzz_x25;
use super::super::xot::{self, End, PvcSetup, Split, Status};
use super::lci;
use wanbox_sim::hex;

#[test]
fn xot_streams_are_cut_at_the_lengths() {
    let stream = hex("00 00 00 03 10 01 0f 00 00 00 05 10 01 13 00 f9 00 00");
    let first = xot::split(&stream).unwrap().unwrap();
    assert_eq!(first.packet, hex("10 01 0f"));
    let second = xot::split(first.rest).unwrap().unwrap();
    assert_eq!(
        second,
        Split {
            packet: &hex("10 01 13 00 f9"),
            rest: &[0, 0]
        }
    );
    assert_eq!(xot::split(second.rest), Ok(None));
    assert_eq!(xot::split(&stream[..6]), Ok(None));
    assert_eq!(xot::header(0x1003), [0, 0, 0x10, 3]);
    for (wrong, text) in [
        ("00 01 00 03", "XOT version: 0x1"),
        ("00 00 00 02", "XOT length: 0x2"),
        ("00 00 00 00", "XOT length: 0x0"),
        ("00 00 10 05", "XOT length: 0x1005"),
    ] {
        let error = xot::split(&hex(wrong)).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    fuzz_x25(&stream);
}

#[test]
fn pvcs_over_tcp_are_set_up() {
    let octets = hex("10 01 f5 81 00 07 00 01 05 0f ff 02 07 07 0a \
         53 65 72 69 61 6c 30 77 61 6e 30 31");
    let setup = PvcSetup {
        lci: lci(1),
        status: Status::WAITING,
        initiator: End {
            interface: b"Serial0",
            lci: lci(1),
        },
        responder: End {
            interface: b"wan01",
            lci: lci(4095),
        },
        incoming_window: 2,
        outgoing_window: 7,
        incoming_size: PacketSize::STANDARD,
        outgoing_size: PacketSize::from_octets(1024).unwrap(),
    };
    assert!(PvcSetup::is(&octets) && !PvcSetup::is(&[0x10, 1, 0x0f]));
    assert_eq!(PvcSetup::parse(&octets), Ok(setup));
    let mut written = Vec::new();
    setup.append(&mut written);
    assert_eq!(written, octets);
    fuzz_x25(&octets);
    for (at, value, text) in [
        (2, 0xf3, "type and version: 0xf381"),
        (3, 0x80, "type and version: 0xf580"),
        (5, 200, "claims 205 octets, 12 are there"),
        (8, 4, "claims 11 octets, 12 are there"),
        (6, 0x10, "channel: 0x1001"),
        (9, 0xff, "channel: 0xffff"),
        (13, 13, "packet size: 0xd"),
        (14, 3, "packet size: 0x3"),
    ] {
        let mut wrong = octets.clone();
        wrong[at] = value;
        let error = PvcSetup::parse(&wrong).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(PvcSetup::parse(&octets[..14]).is_err());
    let long = [b'x'; 300];
    let mut cut = Vec::new();
    let initiator = End {
        interface: &long,
        ..setup.initiator
    };
    PvcSetup { initiator, ..setup }.append(&mut cut);
    let cut = PvcSetup::parse(&cut).unwrap();
    assert_eq!(cut.initiator.interface.len(), 255);
    let texts: Vec<_> = (0..=255).map(|status| Status(status).to_string()).collect();
    assert_eq!(texts.iter().filter(|text| !text.contains("0x")).count(), 16);
}
