use super::*;
use crate::netlink::tests::until_running;
use crate::netlink::{Monitor, NetEvent, NewLink};
use crate::netns::tests::namespace_or_skip;

/// Whether the frame comes in within a tenth of a second.
fn comes(socket: &mut PacketSocket, wanted: &[u8]) -> bool {
    let mut buffer = [0; 2000];
    for _ in 0..100 {
        // The kernel's own frames (router solicitations and the like) may come between.
        match socket.receive(&mut buffer).unwrap() {
            Some(len) if &buffer[..len] == wanted => return true,
            Some(_) => {}
            None => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    false
}

/// Sends a frame until it arrives: a device that says it runs may still drop what it is given,
/// without a word, until its queue is set up.
fn cross(from: &mut PacketSocket, to: &mut PacketSocket, frame: &[u8], arrives: &[u8]) {
    let (head, tail) = frame.split_at(2);
    for _ in 0..100 {
        assert!(
            from.send(&[IoSlice::new(head), IoSlice::new(tail)])
                .unwrap()
        );
        if comes(to, arrives) {
            return;
        }
    }
    panic!("the frame did not arrive");
}

#[test]
fn raw_frames_cross_a_pair_and_do_not_come_back() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            netlink
                .add_link("wbv0", NewLink::Veth { peer: "wbv1" })
                .unwrap();
            let index = |netlink: &mut Netlink, name| netlink.link(name).unwrap().index;
            let (v0, v1) = (index(&mut netlink, "wbv0"), index(&mut netlink, "wbv1"));
            let mut a = PacketSocket::open("wbv0").unwrap();
            let mut b = PacketSocket::open("wbv1").unwrap();
            assert_eq!((a.kind(), a.index()), (FrameKind::Ethernet, v0));
            let mut frame = vec![0x18, 0x41, 0x03, 0xcc];
            frame.extend([0x45; 60]);
            assert!(a.send(&[IoSlice::new(&frame)]).unwrap());
            assert_eq!(a.stats().refused, 1, "the device is down");
            assert!(!a.carrier().unwrap());
            let mut monitor = Monitor::open().unwrap();
            netlink.set_up(v0, true).unwrap();
            netlink.set_up(v1, true).unwrap();
            until_running(&mut netlink, "wbv0", true);
            until_running(&mut netlink, "wbv1", true);
            let mut running = false;
            for _ in 0..10_000 {
                while let Some(event) = monitor.poll_event().unwrap() {
                    running |= matches!(event, NetEvent::Link(link) if link.index == v0 && link.is_running());
                }
                if running {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert!(running, "the monitor saw no carrier");
            assert!(a.carrier().unwrap());
            cross(&mut a, &mut b, &frame, &frame);
            frame[0] = 0x8f; // A multicast address of Cisco HDLC.
            cross(&mut b, &mut a, &frame, &frame);
            let mut buffer = [0; 2000];
            while let Some(len) = b.receive(&mut buffer).unwrap() {
                assert_ne!(&buffer[..len], &frame[..], "our own frame came back");
            }
            let short = [0x00, 0x01, 0x03, 0x08, 0x00];
            let sent = a.stats().sent;
            let mut padded = [0; ETHERNET_HEADER];
            padded[..short.len()].copy_from_slice(&short);
            cross(&mut a, &mut b, &short, &padded);
            assert!(a.stats().sent > sent);
            netlink.set_up(v0, false).unwrap();
            until_running(&mut netlink, "wbv0", false);
            assert!(!a.carrier().unwrap());
        })
        .unwrap();
}

#[test]
fn devices_of_no_use_are_named() {
    let lo = PacketSocket::open("lo").unwrap_err().to_string();
    assert!(lo.contains("lo: hardware type 772"), "{lo}");
    let none = PacketSocket::open("nothere0").unwrap_err().to_string();
    assert!(
        none.contains("interface nothere0: No such device"),
        "{none}"
    );
}

/// An IP packet of this version with these octets behind the first.
fn packet(version: u8) -> Vec<u8> {
    let mut packet = vec![version << 4; 40];
    packet[2] = 0;
    packet
}

#[test]
fn ip_packets_leave_through_devices_with_and_without_addresses() {
    use crate::tun::{Mode, Options, Tun};

    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            netlink
                .add_link("wbo0", NewLink::Veth { peer: "wbo1" })
                .unwrap();
            let index = netlink.link("wbo0").unwrap().index;
            let far = netlink.link("wbo1").unwrap().index;
            let output = Output::open(index).unwrap();
            let packets = [packet(4), packet(6)];
            let all = || packets.iter().map(Vec::as_slice);
            let to = [2, 0, 0, 0, 0, 7];
            assert_eq!(output.send(all(), Some(to)).stopped, Some(Stopped::Down));
            netlink.set_up(index, true).unwrap();
            netlink.set_up(far, true).unwrap();
            until_running(&mut netlink, "wbo0", true);
            let mut raw = PacketSocket::open("wbo1").unwrap();
            let mut arrived = 0;
            for _ in 0..100 {
                let taken = output.send(all(), Some(to));
                assert_eq!((taken.count, taken.stopped), (2, None));
                for (protocol, packet) in [(0x0800_u16, &packets[0]), (0x86dd, &packets[1])] {
                    let mut source = [0; 2000];
                    // Source addresses are the device's own; what the kernel says of itself passes by.
                    for _ in 0..20 {
                        let got = raw.receive(&mut source).unwrap();
                        let frame = &source[..got.unwrap_or(0)];
                        if frame.starts_with(&to)
                            && frame[12..14] == protocol.to_be_bytes()
                            && frame[14..] == packet[..]
                        {
                            arrived += 1;
                            break;
                        }
                    }
                }
                if arrived >= 2 {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert!(arrived >= 2, "{arrived} arrived");
            // A stranger stops the batch behind what is before it.
            let mixed = [&packets[0][..], &[0x10; 40], &packets[1][..]];
            let taken = output.send(mixed.into_iter(), Some(to));
            assert_eq!(taken.count, 1);
            assert_eq!(taken.stopped, Some(Stopped::Refused(libc::EPROTONOSUPPORT)));
            let long = vec![0x45; 4000];
            let taken = output.send([&long[..]].into_iter(), Some(to));
            assert_eq!(taken.stopped, Some(Stopped::Refused(libc::EMSGSIZE)));
            netlink.delete_link(index).unwrap();
            assert_eq!(output.send(all(), Some(to)).stopped, Some(Stopped::Gone));

            let Ok(tun) = Tun::open("wbo2", Mode::Tun, &Options::default()) else {
                return;
            };
            let link = netlink.link("wbo2").unwrap();
            netlink.set_up(link.index, true).unwrap();
            until_running(&mut netlink, "wbo2", true);
            let output = Output::open(link.index).unwrap();
            let mut got = 0;
            for _ in 0..100 {
                assert_eq!(output.send(all(), None).count, 2);
                let mut buffer = [0; 2000];
                while let Some(len) = tun.read_packet(&mut [0; Tun::HEADER], &mut buffer).unwrap() {
                    got += usize::from(packets.iter().any(|p| p[..] == buffer[..len]));
                }
                if got >= 2 {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert!(got >= 2, "{got} came out");
            let stats = netlink.stats(link.index).unwrap();
            assert!(stats.tx_packets >= 2 && stats.tx_octets >= 80, "{stats:?}");
        })
        .unwrap();
}
