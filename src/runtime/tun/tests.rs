use std::net::UdpSocket;

use super::*;
use crate::netlink::tests::until_running;
use crate::netlink::{Address, Netlink};
use crate::netns::tests::namespace_or_skip;

#[test]
fn names() {
    for good in ["wp1_fr16", "a", "x2345678901234y", "eth0.5"] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "x23456789012345y",
        ".",
        "..",
        "a/b",
        "a:1",
        "a b",
        "tap%d",
        "ü",
    ] {
        let error = Tun::open(bad, Mode::Tun, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(&format!("'{bad}'")), "{error}");
    }
}

#[test]
fn a_name_is_held_once() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let first = match Tun::open("wbt0", Mode::Tun, &Options::default()) {
                Ok(tun) => tun,
                Err(TunError::NoDriver) => {
                    eprintln!("skipped: needs /dev/net/tun");
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(
                (first.name(), first.offload()),
                ("wbt0", Offload::default())
            );
            let second = Tun::open("wbt0", Mode::Tun, &Options::default()).unwrap_err();
            assert!(matches!(second, TunError::Busy { .. }), "{second}");
            let lo = Tun::open("lo", Mode::Tun, &Options::default()).unwrap_err();
            assert!(matches!(lo, TunError::NotOurs { .. }), "{lo}");
            drop(first);
            Tun::open("wbt0", Mode::Tap, &Options::default()).unwrap();
            let one = Tun::open_next(Mode::Tun, &Options::default()).unwrap();
            let two = Tun::open_next(Mode::Tun, &Options::default()).unwrap();
            assert_eq!((one.name(), two.name()), ("tun0", "tun1"));
        })
        .unwrap();
}

/// Reads until a packet to this UDP port comes, past the kernel's own multicasts.
fn read_udp(tun: &Tun, port: u16) -> ([u8; Tun::HEADER], Vec<u8>) {
    let mut buffer = vec![0xa5; Tun::MAX_READ];
    for turn in 0..2000 {
        // The one way and the other.
        let (header, packet) = buffer.split_first_chunk_mut().unwrap();
        let got = match turn % 2 {
            0 => tun.read_packet(header, packet),
            _ => tun.read_with_header(&mut buffer),
        };
        let (header, packet) = buffer.split_first_chunk().unwrap();
        match got.unwrap() {
            Some(len) if packet[0] == 0x45 && packet[22..24] == port.to_be_bytes() => {
                return (*header, packet[..len].to_vec());
            }
            Some(_) => {}
            None => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    panic!("no packet in 2 s");
}

#[test]
fn packets_cross_with_and_without_offload() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    for offload in [false, true] {
        let options = Options {
            offload,
            carrier: true,
        };
        namespace
            .run(|| {
                let tun = match Tun::open("wbt1", Mode::Tun, &options) {
                    Ok(tun) => tun,
                    Err(error) => {
                        eprintln!("skipped: needs /dev/net/tun: {error}");
                        return;
                    }
                };
                assert_eq!(tun.offload().header, offload);
                let down = tun.write_packet(&[0; 10], &[0x45; 20]).unwrap_err();
                assert_eq!(down.raw_os_error(), Some(libc::EIO));
                let mut netlink = Netlink::open().unwrap();
                let index = netlink.link("wbt1").unwrap().index;
                let address = Address {
                    local: [10, 7, 0, 1].into(),
                    peer: Some([10, 7, 0, 2].into()),
                    prefix_len: 32,
                    broadcast: None,
                };
                netlink.add_address(index, &address).unwrap();
                netlink.set_up(index, true).unwrap();
                until_running(&mut netlink, "wbt1", true);
                let socket = UdpSocket::bind("10.7.0.1:0").unwrap();
                socket
                    .set_read_timeout(Some(std::time::Duration::from_secs(2)))
                    .unwrap();
                socket.connect("10.7.0.2:4000").unwrap();
                socket.send(b"over the line").unwrap();
                let (header, packet) = read_udp(&tun, 4000);
                assert_eq!(&packet[28..], b"over the line");
                // Flag 1: the checksum is still to be done, which only the offload allows.
                assert_eq!(header[0] & 1, u8::from(offload && tun.offload().checksum));
                // The same back, ports and addresses swapped, without a UDP checksum.
                let mut back = packet;
                let (src, dst) = (back[12..16].to_vec(), back[16..20].to_vec());
                back[12..16].copy_from_slice(&dst);
                back[16..20].copy_from_slice(&src);
                let (src, dst) = (back[20..22].to_vec(), back[22..24].to_vec());
                back[20..22].copy_from_slice(&dst);
                back[22..24].copy_from_slice(&src);
                back[26..28].fill(0);
                tun.write_packet(&[0; 10], &back).unwrap();
                let mut got = [0; 100];
                let len = socket.recv(&mut got).unwrap();
                assert_eq!(&got[..len], b"over the line");
                if offload {
                    let short = tun.read_packet(&mut [0; 10], &mut [0; 1500]).unwrap_err();
                    assert_eq!(short.kind(), io::ErrorKind::InvalidInput);
                }
            })
            .unwrap();
    }
}
