//! Frames of packet radio on every kind of line.

use wanbox_net_engine::Interface;
use wanbox_wire::ax25::{Call, Class, Digi, Header};
use wanbox_wire::fcs::fcs16_octets;
use wanbox_wire::kiss::{Check, Kiss};

use super::lines::pty;
use super::*;

/// SABM with the poll bit from N0PRA to DB0SAO.
pub const SABM: &[u8] = b"\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x3f";

pub fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// A UI frame with some octets in it.
pub fn ui(from: &str, to: &str, digis: &[(&str, bool)], octets: usize) -> Vec<u8> {
    let mut header = Header::new(call(to), call(from), Class::Command);
    for (digi, repeated) in digis {
        let (call, repeated) = (call(digi), *repeated);
        assert!(header.digis.push(Digi { call, repeated }));
    }
    let mut frame = Vec::new();
    header.append(&mut frame);
    frame.extend([0x03, 0xf0]);
    frame.extend((0..octets).map(|at| at as u8));
    frame
}

impl Rig {
    pub fn tnc(&mut self, mode: Encapsulation) -> (PtyMaster, InterfaceId) {
        let (master, port) = pty();
        let id = self.attach("tnc0", &asy(port, mode, false), None).unwrap();
        (master, id)
    }

    /// A frame of the station for a line.
    pub fn send(&mut self, id: InterfaceId, frame: &[u8]) {
        let Site { station, devices } = &mut self.site;
        let trace = station.interfaces.get(id).unwrap().trace;
        devices.sink().transmit(&Frame {
            line: id,
            interface: id,
            kind: FrameKind::Ax25,
            next_hop: Ipv4Addr::UNSPECIFIED,
            to: None,
            offload: wanbox_wire::ip::VirtioHeader::FINISHED,
            trace,
            packet: frame,
        });
    }

    pub fn interface(&mut self, id: InterfaceId) -> &mut Interface {
        self.site.station.interfaces.get_mut(id).unwrap()
    }

    pub fn heard(&mut self, id: InterfaceId) -> u64 {
        self.interface(id).counters.received.total
    }
}

/// A frame of KISS as it is on the line.
pub fn kiss(kind: u8, check: Check, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    Kiss { kind, check, data }.append(&mut frame);
    let mut framed = Vec::new();
    wanbox_link::slip::encode(&frame, &mut framed);
    framed
}

#[test]
fn commands_of_kiss() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissUi);
    assert_eq!(rig.parameter(id, 1, Some(40)), Ok(Some(40)));
    assert_eq!(read(&master, &mut rig, 4), [0xc0, 1, 40, 0xc0]);
    assert_eq!(rig.parameter(id, parameter::RETURN, None), Ok(Some(0)));
    assert_eq!(read(&master, &mut rig, 4), [0xc0, 0xff, 0, 0xc0]);
    assert_eq!(rig.parameter(id, 1, None), Ok(None));
    assert_eq!(rig.parameter(id, 7, Some(1)), Ok(None));
    assert!(rig.parameter(id, 1, Some(256)).is_err());
    write(&master, &[0xc0, 1, 2, 0xc0]);
    rig.until("the command", |site| {
        site.devices.device_counters(id).contains(&("command", 1))
    });
    assert_eq!(rig.heard(id), 0);
    // Nobody is there to take one.
    assert_eq!(rig.parameter(id, parameter::DOWN, None), Ok(Some(1)));
    assert_eq!(rig.parameter(id, 1, Some(40)), Ok(Some(40)));
    assert_eq!(rig.counter(id, "down"), 1);
}

#[test]
fn nothing_is_checked_or_tried_unless_asked() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    for _ in 0..2 {
        rig.send(id, SABM);
        let plain = kiss(0, Check::None, SABM);
        assert_eq!(read(&master, &mut rig, plain.len()), plain);
    }
    // What may be a check sequence is of a port that nobody has.
    write(&master, &kiss(0, Check::Smack, SABM));
    write(&master, &kiss(0, Check::Rmnc, SABM));
    write(&master, &kiss(0, Check::None, SABM));
    rig.until("the last", |site| {
        let interface = site.station.interfaces.get(id).unwrap();
        interface.counters.received.total == 1
    });
    assert_eq!(rig.counter(id, "no_port"), 2);
    assert_eq!(rig.interface(id).crc, Crc::Off);
    assert_eq!(rig.interface(id).counters.crc_errors, 0);
}

#[test]
fn check_sequences_are_tried_when_asked() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissUi);
    rig.interface(id).crc = Crc::Test16;
    for (check, then) in [
        (Check::Smack, Crc::TestRmnc),
        (Check::Rmnc, Crc::Off),
        (Check::None, Crc::Off),
    ] {
        rig.send(id, SABM);
        let expected = kiss(0, check, SABM);
        assert_eq!(read(&master, &mut rig, expected.len()), expected);
        assert_eq!(rig.interface(id).crc, then);
    }
    // The far end has one.
    rig.interface(id).crc = Crc::Test16;
    for (check, then) in [
        (Check::None, Crc::Test16),
        (Check::Rmnc, Crc::Rmnc),
        (Check::Smack, Crc::Crc16),
        (Check::None, Crc::Crc16),
    ] {
        let before = rig.heard(id);
        write(&master, &kiss(0, check, SABM));
        rig.until("it", |site| {
            let interface = site.station.interfaces.get(id).unwrap();
            interface.counters.received.total > before
        });
        assert_eq!(rig.interface(id).crc, then);
    }
    let mut wrong = kiss(0, Check::Smack, SABM);
    wrong[17] ^= 1;
    write(&master, &wrong);
    rig.until("the wrong one", |site| {
        let interface = site.station.interfaces.get(id).unwrap();
        interface.counters.crc_errors == 1
    });
    // It stays so, until somebody says something else. Commands have none.
    for crc in [Crc::Crc16, Crc::Rmnc, Crc::Off] {
        rig.interface(id).crc = crc;
        let check = match crc {
            Crc::Crc16 => Check::Smack,
            Crc::Rmnc => Check::Rmnc,
            _ => Check::None,
        };
        for _ in 0..2 {
            rig.send(id, SABM);
            rig.parameter(id, 2, Some(63)).unwrap();
            let mut expected = kiss(0, check, SABM);
            expected.extend([0xc0, 2, 63, 0xc0]);
            assert_eq!(read(&master, &mut rig, expected.len()), expected);
        }
        assert_eq!(rig.interface(id).crc, crc);
    }
}

#[test]
fn further_ports_of_a_controller() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    let port = |line, port| Device::KissPort { line, port };
    let second = rig.attach("tnc1", &port(id, 1), Some(216)).unwrap();
    let ninth = rig.attach("tnc9", &port(id, 9), None).unwrap();
    assert!(rig.is_up(second));
    assert_eq!(rig.interface(second).encapsulation, Encapsulation::KissI);
    for (of, at, why) in [
        (id, 1, "Port 1 of tnc0 is attached already"),
        (second, 2, "Interface tnc1 not kiss"),
        (InterfaceId::LOOPBACK, 2, "Interface loopback not kiss"),
    ] {
        assert_eq!(rig.attach("x", &port(of, at), None), Err(why.to_owned()));
    }
    for (id, kind) in [(id, 0), (second, 0x10), (ninth, 0x90)] {
        rig.send(id, SABM);
        let expected = kiss(kind, Check::None, SABM);
        assert_eq!(read(&master, &mut rig, expected.len()), expected);
        write(&master, &expected);
        rig.until("it comes back", |site| {
            let interface = site.station.interfaces.get(id).unwrap();
            interface.counters.received.total == 1
        });
    }
    write(&master, &kiss(0x20, Check::None, SABM));
    rig.until("a port that is nobody's", |site| {
        site.devices.device_counters(id).contains(&("no_port", 1))
    });
    // Commands for a port; what is of the line is not of a port.
    assert_eq!(rig.parameter(ninth, 5, Some(1)), Ok(Some(1)));
    assert_eq!(read(&master, &mut rig, 4), [0xc0, 0x95, 1, 0xc0]);
    let refused = Err("It is port 9 of tnc0".to_owned());
    assert_eq!(rig.parameter(ninth, parameter::DOWN, None), refused);
    assert_eq!(rig.parameter(ninth, parameter::SPEED, None), Ok(None));
    // With check sequences ports are told from them by the kind in use.
    rig.interface(id).crc = Crc::Crc16;
    rig.send(second, SABM);
    let expected = kiss(0x10, Check::Smack, SABM);
    assert_eq!(read(&master, &mut rig, expected.len()), expected);
    write(&master, &expected);
    write(&master, &kiss(0x20, Check::None, SABM));
    rig.until("port 2", |site| {
        site.devices.device_counters(id).contains(&("no_port", 2))
    });
    assert_eq!(rig.heard(second), 2);
    // All go down with the line.
    assert_eq!(rig.parameter(id, parameter::DOWN, None), Ok(Some(1)));
    assert!(!rig.is_up(second) && !rig.is_up(ninth));
    rig.send(second, SABM);
    assert_eq!(rig.counter(id, "down"), 1);
    assert_eq!(rig.parameter(id, parameter::UP, None), Ok(Some(1)));
    assert!(rig.is_up(second) && rig.is_up(ninth));
}

#[test]
fn a_controller_that_says_what_it_sent() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    rig.interface(id).crc = Crc::Crc16;
    let refused = Err("Ackmode needs crc off".to_owned());
    assert_eq!(rig.parameter(id, parameter::ACKMODE, Some(1)), refused);
    rig.interface(id).crc = Crc::Off;
    assert_eq!(rig.parameter(id, parameter::ACKMODE, None), Ok(Some(0)));
    assert_eq!(rig.parameter(id, parameter::ACKMODE, Some(1)), Ok(Some(1)));
    assert_eq!(rig.parameter(id, parameter::ACKMODE, None), Ok(Some(1)));
    for _ in 0..3 {
        rig.send(id, SABM);
    }
    let frame = |id: u8| kiss(0x0c, Check::None, &[&[0, id], SABM].concat());
    // Two of them, and no more before it says that one was sent.
    let two = [frame(1), frame(2)].concat();
    assert_eq!(read(&master, &mut rig, two.len()), two);
    assert_eq!(rig.site.devices.sink().queued(id), 1);
    for _ in 0..5 {
        rig.turn();
    }
    assert_eq!(rig.site.devices.sink().queued(id), 1);
    write(&master, &kiss(0x0c, Check::None, &[0, 2]));
    let third = frame(3);
    assert_eq!(read(&master, &mut rig, third.len()), third);
    // What it never got, and once more.
    write(&master, &kiss(0x0c, Check::None, &[0, 2]));
    write(&master, &kiss(0x0c, Check::None, &[7, 7, 7]));
    rig.until("both", |site| {
        site.devices.device_counters(id).contains(&("not_sent", 2))
    });
    assert_eq!(rig.parameter(id, parameter::ACKMODE, Some(0)), Ok(Some(0)));
    rig.send(id, SABM);
    let plain = kiss(0, Check::None, SABM);
    assert_eq!(read(&master, &mut rig, plain.len()), plain);
}

#[test]
fn a_slow_line_says_that_it_has_no_room() {
    let (master, port) = pty();
    let mut rig = Rig::new(A);
    let device = Device::Asy {
        port,
        mode: Encapsulation::KissUi,
        speed: 1200,
        auto: false,
    };
    let id = rig.attach("tnc0", &device, None).unwrap();
    let frame = ui("N0PRA", "QST", &[], 100);
    let mut framed = kiss(0, Check::None, &frame).len();
    let mut queued = 0;
    let start = Instant::now();
    while rig.site.devices.sink().has_room(id) {
        rig.send(id, &frame);
        queued += 1;
    }
    // Half a second of the line, and not the queue of the system.
    assert_eq!(queued, 5);
    rig.turn();
    assert_eq!(rig.site.devices.sink().queued(id), queued - 1);
    framed *= queued;
    assert_eq!(read(&master, &mut rig, framed).len(), framed);
    let took = start.elapsed();
    let all = Duration::from_millis(framed as u64 * 10_000 / 1200);
    // But for the last frame.
    assert!(took > all * 3 / 5 && took < all * 2, "{took:?} of {all:?}");
    assert!(rig.site.devices.sink().has_room(id));
    // Who does not ask meets a limit.
    for _ in 0..300 {
        rig.send(id, &frame);
    }
    assert_eq!(
        rig.counter(id, "queue_full"),
        300 - 32 * 1024 / frame.len() as u64
    );
}

#[test]
fn frames_of_nrs_and_of_ax25_in_slip() {
    let nrs = b"\x02\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x10\x03\xf0\x10\x02\x41\x10\x10\x03\xbb\x00\x00";
    let frame = [&SABM[..14], b"\x03\xf0\x02\x41\x10"].concat();
    let mut slip = Vec::new();
    wanbox_link::slip::encode(&frame, &mut slip);
    for (mode, line, bad) in [
        (Encapsulation::Nrs, &nrs[..], &b"\x02ab\x03\xc4\x00\x00"[..]),
        (Encapsulation::Ax25I, &slip, b"\xc0ab\xdb\xc0"),
    ] {
        let mut rig = Rig::new(A);
        let (master, id) = rig.tnc(mode);
        rig.send(id, &frame);
        assert_eq!(read(&master, &mut rig, line.len()), line);
        write(&master, line);
        write(&master, bad);
        // No frame of AX.25.
        write(&master, b"\xc0\xc0\x02ab\x03\xc3\x00\x00\xc0");
        rig.until("all of them", |site| {
            let interface = site.station.interfaces.get(id).unwrap();
            interface.counters.bad_headers == 1
        });
        assert_eq!((rig.heard(id), rig.counter(id, "bad_frame")), (2, 1));
        let nrs = rig.site.devices.nrs(id);
        let shown = nrs.map(|nrs| (nrs.buffered, nrs.received, nrs.checksum_errors));
        assert_eq!(shown, (mode == Encapsulation::Nrs).then_some((0, 2, 1)));
        // KISS is not there.
        assert_eq!(rig.parameter(id, 1, Some(1)), Ok(None));
        assert_eq!(rig.parameter(id, parameter::ACKMODE, Some(1)), Ok(None));
        rig.parameter(id, parameter::DOWN, None).unwrap();
        rig.parameter(id, parameter::UP, None).unwrap();
        let nrs = rig.site.devices.nrs(id).map(|nrs| nrs.received);
        assert_eq!(nrs, (mode == Encapsulation::Nrs).then_some(2));
    }
}

#[test]
fn frames_in_datagrams_of_the_host() {
    in_namespace(|_| {
        let mut rig = Rig::new(A);
        let id = rig
            .attach("axip", &Device::AxIp(Outer::Udp(9393)), None)
            .unwrap();
        let own = rig.site.station.interfaces.set_link_address(id, "DB0ZZZ");
        own.unwrap();
        let far: Vec<UdpSocket> = (2..4)
            .map(|host| UdpSocket::bind((Ipv4Addr::new(127, 0, 0, host), 9300 + u16::from(host))))
            .map(|socket| {
                let socket = socket.unwrap();
                socket.set_read_timeout(Some(LONG)).unwrap();
                socket.connect((Ipv4Addr::LOCALHOST, 9393)).unwrap();
                socket
            })
            .collect();
        let with_fcs = |frame: &[u8]| [frame, &fcs16_octets(frame)].concat();
        let got = |socket: &UdpSocket| {
            let mut octets = [0; 2048];
            let count = socket.recv(&mut octets).unwrap();
            octets[..count].to_vec()
        };
        // Nobody is known.
        rig.send(id, &ui("DB0ZZZ", "N0PRA", &[], 9));
        assert_eq!(rig.counter(id, "no_route"), 1);
        // By way of a digipeater, with its port; and twice by another way.
        let heard = [
            ui("N0PRA", "DB0ZZZ", &[("DB0AAA", true)], 9),
            ui("DB0BBB", "DB0ZZZ", &[], 9),
            ui("DB0BBB-1", "DB0ZZZ", &[], 9),
            // Not learned: ourselves, by whoever says so, and everybody.
            ui("DB0ZZZ", "QST", &[], 9),
            ui("QST", "DB0ZZZ", &[], 9),
        ];
        for (frame, from) in heard.iter().zip([0, 1, 1, 1, 1]) {
            far[from].send(&with_fcs(frame)).unwrap();
        }
        rig.until("all of them", |site| {
            let interface = site.station.interfaces.get(id).unwrap();
            interface.counters.received.total == 5
        });
        let known = rig.site.devices.axip().iter();
        let known: Vec<_> = known
            .map(|(call, peer)| (call.to_string(), peer.place.1))
            .collect();
        let known: Vec<_> = known
            .iter()
            .map(|(call, port)| (call.as_str(), *port))
            .collect();
        let port = |host: u16| Some(9300 + host);
        assert_eq!(
            known,
            [
                ("DB0AAA", port(2)),
                ("DB0BBB", port(3)),
                ("DB0BBB-1", port(3))
            ]
        );
        let answer = ui("DB0ZZZ", "N0PRA", &[("DB0AAA", false)], 9);
        rig.send(id, &answer);
        assert_eq!(got(&far[0]), with_fcs(&answer));
        // Everybody hears it once.
        let nodes = ui("DB0ZZZ", "NODES", &[], 9);
        rig.send(id, &nodes);
        rig.send(id, &answer);
        rig.send(id, &ui("DB0ZZZ", "DB0BBB-1", &[], 3));
        assert_eq!(got(&far[0]), with_fcs(&nodes));
        assert_eq!(got(&far[0]), with_fcs(&answer));
        assert_eq!(got(&far[1]), with_fcs(&nodes));
        assert_eq!(got(&far[1]).len(), 16 + 3 + 2);
        // A route that was configured has the interface's port: our own.
        let place = (Ipv4Addr::LOCALHOST, None);
        assert!(rig.site.devices.axip().add(call("DB0AAA"), place));
        rig.send(id, &answer);
        rig.until("it is here", |site| {
            let interface = site.station.interfaces.get(id).unwrap();
            interface.counters.received.total == 6
        });
        assert_eq!(rig.counter(id, "no_route"), 1);
        assert_eq!(rig.interface(id).counters.crc_errors, 0);
    });
}

#[test]
fn what_is_shown_of_frames() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    rig.site.station.interfaces.set_trace(id, "2011");
    rig.send(id, SABM);
    let line = kiss(0, Check::None, SABM);
    assert_eq!(read(&master, &mut rig, line.len()), line);
    write(&master, &line);
    rig.until("it", |site| {
        let interface = site.station.interfaces.get(id).unwrap();
        interface.counters.received.total == 1
    });
    let mut shown = Vec::new();
    while let Some(trace) = rig.site.devices.poll_trace() {
        let text = trace.text(&rig.site.station, "now", &show::plain);
        assert!(
            trace.form == Form::Raw || text.contains("N0PRA->DB0SAO"),
            "{text}"
        );
        shown.push((trace.way, trace.form, trace.octets));
    }
    let ax25 = || (Form::Packet(Link::Kiss(Check::None, None)), SABM.to_vec());
    let raw = || (Form::Raw, line.clone());
    assert_eq!(
        shown,
        [
            (Way::Sent, ax25()),
            (Way::Sent, raw()),
            (Way::Received, raw()),
            (Way::Received, ax25()),
        ]
        .map(|(way, (form, octets))| (way, form, octets))
    );
}
