//! Serial lines and connections.

use super::*;

pub fn pty() -> (PtyMaster, AsyPort) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = ptsname_r(&master).unwrap();
    (master, AsyPort::Serial(slave))
}

#[test]
fn slip_over_a_pseudo_terminal() {
    let (master, port) = pty();
    let mut rig = Rig::new(A);
    let id = rig
        .attach("sl0", &asy(port, Encapsulation::Slip, false), Some(256))
        .unwrap();
    assert!(rig.is_up(id));
    rig.site.station.interfaces.set_trace(id, "2011");
    let mut framed = Vec::new();
    wanbox_link::slip::encode(&echo(B, A), &mut framed);
    write(&master, &framed);
    let answer = read(&master, &mut rig, framed.len());
    assert!(answer.starts_with(&[0xc0, 0x45]));
    assert!(answer.ends_with(&[b'a', 0xdb, 0xdc, 0xdb, 0xdd, b'b', 0xc0]));
    let shown = rig.site.devices.asy(id).unwrap();
    assert_eq!(
        (
            shown.up,
            shown.speed,
            shown.octets,
            shown.high_water,
            shown.busy
        ),
        (
            true,
            9600,
            [framed.len() as u64, answer.len() as u64],
            framed.len() as u64,
            false
        )
    );
    assert_eq!(rig.site.devices.asy(id).unwrap().high_water, 0);
    // Input and output, each by its headers and as it is on the line.
    let mut forms = Vec::new();
    while let Some(trace) = rig.site.devices.poll_trace() {
        let text = trace.text(&rig.site.station, "now", &show::plain);
        assert!(!text.is_empty());
        forms.push((trace.way, trace.form));
    }
    let ip = Form::Packet(Link::Ip);
    assert_eq!(
        forms,
        [
            (Way::Received, Form::Raw),
            (Way::Received, ip.clone()),
            (Way::Sent, ip),
            (Way::Sent, Form::Raw),
        ]
    );
    // What is damaged, or no datagram.
    write(&master, &[0xc0, 0x60, 0xc0, 0x45, 0xdb, 0xc0]);
    rig.until("two drops", |site| {
        let counters = site.devices.device_counters(id);
        counters
            .iter()
            .filter(|(name, count)| *count == 1 && ["not_ip", "bad_frame"].contains(name))
            .count()
            == 2
    });
    assert_eq!(
        rig.site.devices.device_lines(id),
        "           dropped: bad_frame 1 not_ip 1\n"
    );
    // The other end is gone; it comes back only when it is asked for.
    drop(master);
    rig.until("down", |site| !site.station.interfaces.get(id).unwrap().up);
    assert!(
        rig.site
            .devices
            .device_lines(id)
            .contains("           down: ")
    );
    assert_eq!(rig.parameter(id, parameter::UP, None), Ok(Some(0)));
    assert!(!rig.is_up(id));
}

#[test]
fn parameters_of_a_line() {
    let (_master, port) = pty();
    let mut rig = Rig::new(A);
    let id = rig
        .attach("sl0", &asy(port, Encapsulation::Slip, false), None)
        .unwrap();
    assert_eq!(rig.parameter(id, parameter::SPEED, None), Ok(Some(9600)));
    assert_eq!(
        rig.parameter(id, parameter::SPEED, Some(1000)),
        Ok(Some(1000))
    );
    assert!(rig.is_up(id), "{}", rig.site.devices.device_lines(id));
    assert_eq!(rig.site.devices.asy(id).unwrap().speed, 1000);
    assert_eq!(rig.parameter(id, parameter::DOWN, None), Ok(Some(1)));
    assert!(!rig.is_up(id));
    assert_eq!(rig.parameter(id, parameter::UP, Some(1)), Ok(Some(1)));
    assert!(rig.is_up(id));
    // TxDelay is of KISS.
    assert_eq!(rig.parameter(id, 1, Some(4)), Ok(None));
    let loopback = rig.parameter(InterfaceId::LOOPBACK, parameter::UP, None);
    assert_eq!(loopback, Err("Not supported".to_owned()));
    for (speed, rate) in [
        (0, 50),
        (50, 50),
        (51, 75),
        (9600, 9600),
        (460_800, 460_800),
        (921_600, 921_600),
    ] {
        assert_eq!(asy::rate(speed), rate);
    }
}

/// Copies octets between two connections that are made to it, until one ends.
fn relay() -> (SocketAddrV4, SocketAddrV4) {
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            unreachable!("it is of IPv4");
        };
        (listener, address)
    };
    let ((a, at_a), (b, at_b)) = (listen(), listen());
    thread::spawn(move || {
        let (a, b) = (a.accept().unwrap().0, b.accept().unwrap().0);
        for (mut from, mut to) in [(a.try_clone().unwrap(), b.try_clone().unwrap()), (b, a)] {
            thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
    });
    (at_a, at_b)
}

#[test]
fn compressed_headers_between_two_stations() {
    let (at_a, at_b) = relay();
    let mut a = Rig::new(A);
    let mut b = Rig::new(B);
    let vj = |at| asy(AsyPort::Tcp(at), Encapsulation::VjSlip, false);
    let at_a = a.attach("sl0", &vj(at_a), Some(296)).unwrap();
    let at_b = b.attach("sl0", &vj(at_b), Some(296)).unwrap();
    a.until("a's line", |site| {
        site.station.interfaces.get(at_a).unwrap().up
    });
    b.until("b's line", |site| {
        site.station.interfaces.get(at_b).unwrap().up
    });
    a.route(B, at_a);
    b.route(A, at_b);
    a.site.station.interfaces.set_trace(at_a, "0001");
    let listener = b
        .site
        .station
        .tcp
        .listen(None, 7, 1, &Options::default())
        .unwrap();
    let now = Instant::now();
    let from = a
        .site
        .station
        .tcp_connect(now, 0, (B, 7), &Options::default())
        .unwrap();
    let data: Vec<u8> = (0..20_000_u32).map(|at| (at * 7) as u8).collect();
    let (mut sent, mut got, mut to) = (0, Vec::new(), None);
    let end = now + LONG;
    while got.len() < data.len() {
        assert!(Instant::now() < end, "{} octets came", got.len());
        exchange(&mut a.site, from, &data, &mut sent, &mut Vec::new());
        a.turn();
        to = to.or_else(|| b.site.station.tcp.accept(listener));
        if let Some(to) = to {
            exchange(&mut b.site, to, &[], &mut 0, &mut got);
        }
        b.turn();
    }
    assert_eq!(got, data);
    let lines = a.site.devices.device_lines(at_a);
    let counts: Vec<u64> = lines
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect();
    let [
        received,
        _,
        bad,
        tossed,
        compressed,
        uncompressed,
        as_is,
        not_tcp,
        _,
        misses,
    ] = counts[..]
    else {
        panic!("{lines}");
    };
    // What comes together is acknowledged together: once a window at least.
    assert!(compressed > 50 && received > 5, "{lines}");
    assert_eq!((bad, tossed, not_tcp, misses), (0, 0, 0, 1), "{lines}");
    assert!(uncompressed >= 1 && as_is >= 1, "{lines}");
    // What is shown of a compressed header is the line's; what is captured is the datagram.
    let mut shown = String::new();
    let mut captured = Vec::new();
    while let Some(trace) = a.site.devices.poll_trace() {
        shown += &trace.text(&a.site.station, "now", &show::plain);
        trace.capture(Capture::Datagrams, Duration::ZERO, &mut captured);
        // It is no capture of frames.
        let before = captured.len();
        trace.capture(Capture::Ax25, Duration::ZERO, &mut captured);
        assert_eq!(captured.len(), before);
    }
    for line in [
        "serial line IP: len: ",
        "serial line VJ Uncompressed TCP: len",
        "serial line VJ Compressed TCP: len",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let file = [&Capture::Datagrams.header().encode()[..], &captured].concat();
    let mut datagrams = 0;
    for record in wanbox_wire::pcap::Reader::new(&file).unwrap() {
        assert!(
            Ipv4::parse(record.unwrap().frame)
                .unwrap()
                .checksum_is_valid()
        );
        datagrams += 1;
    }
    assert!(datagrams > 50);
}

#[test]
fn a_connection_comes_back_by_itself_only_when_told() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        unreachable!("it is of IPv4");
    };
    let mut rig = Rig::new(A);
    let port = || AsyPort::Tcp(address);
    let manual = rig
        .attach("m", &asy(port(), Encapsulation::Slip, false), None)
        .unwrap();
    let auto = rig
        .attach("a", &asy(port(), Encapsulation::Slip, true), None)
        .unwrap();
    let both = |site: &mut Site, up: bool| {
        [manual, auto]
            .iter()
            .all(|id| site.station.interfaces.get(*id).unwrap().up == up)
    };
    rig.until("both", |site| both(site, true));
    let calls = [listener.accept().unwrap(), listener.accept().unwrap()];
    // What waits is discarded with the line.
    rig.route(B, manual);
    let now = Instant::now();
    let Site { station, devices } = &mut rig.site;
    station.ping(now, B, 20, None, devices.sink()).unwrap();
    assert_eq!(devices.sink().queued(manual), 1);
    assert_eq!(rig.parameter(manual, parameter::DOWN, None), Ok(Some(1)));
    assert_eq!(rig.counter(manual, "discarded"), 1);
    assert_eq!(rig.parameter(manual, parameter::UP, None), Ok(Some(1)));
    let third = listener.accept().unwrap();
    rig.until("both again", |site| both(site, true));
    drop((calls, third));
    let lost = Instant::now();
    rig.until("both lost", |site| both(site, false));
    rig.until("one back", |site| {
        site.station.interfaces.get(auto).unwrap().up
    });
    assert!(
        lost.elapsed() > Duration::from_millis(900),
        "{:?}",
        lost.elapsed()
    );
    assert!(!rig.is_up(manual));
}
