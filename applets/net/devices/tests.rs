use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use wanbox_net_commands::{AsyPort, Outer};
use wanbox_net_engine::interface::Crc;
use wanbox_net_engine::route::NewRoute;
use wanbox_net_engine::trace::{Link, Way};
use wanbox_net_engine::{Event, show};
use wanbox_net_tcp::{Id, Options};
use wanbox_runtime::event_loop::{Handler, Readiness};
use wanbox_runtime::netlink::{Address, Netlink, Route};
use wanbox_runtime::netns::Namespace;
use wanbox_runtime::raw::RawSocket;
use wanbox_wire::ip::{Ipv4, Ipv4Repr, Sum};

use super::*;

const OWNER: u32 = 7;
/// Ours, and the other end's.
const A: Ipv4Addr = Ipv4Addr::new(44, 128, 4, 4);
const B: Ipv4Addr = Ipv4Addr::new(44, 128, 4, 5);
const LONG: Duration = Duration::from_secs(20);

/// A station with its devices, and nothing else of the program.
struct Site {
    station: Station,
    devices: Devices,
}

impl Handler for Site {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.devices.ready(lp, &mut self.station, token, readiness);
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        if token.owner == OWNER {
            self.devices.timer(lp, &mut self.station, token);
        }
    }

    fn turn_end(&mut self, lp: &mut Loop) {
        let (station, devices) = (&mut self.station, &mut self.devices);
        let now = Instant::now();
        if station.poll_timeout().is_some_and(|due| due <= now) {
            station.handle_timeout(now, devices.sink());
        }
        station.flush(now, devices.sink());
        devices.turn_end(lp, station);
    }
}

/// A site and its loop.
struct Rig {
    site: Site,
    lp: Loop,
}

impl Rig {
    fn new(address: Ipv4Addr) -> Self {
        let mut number = 0_u64;
        let entropy = Box::new(move || {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            number
        });
        let mut station = Station::new(Instant::now(), 0, entropy);
        station.interfaces.default_address = address;
        Self {
            site: Site {
                station,
                devices: Devices::new(OWNER, None),
            },
            lp: Loop::new().unwrap(),
        }
    }

    fn attach(
        &mut self,
        name: &str,
        device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String> {
        let Site { station, devices } = &mut self.site;
        devices.attach(&mut self.lp, station, name, device, mtu)
    }

    fn route(&mut self, to: Ipv4Addr, id: InterfaceId) {
        let route = NewRoute::new(to, 32, id);
        self.site.station.add_route(Instant::now(), &route).unwrap();
    }

    /// Takes a turn, of a tenth of a second at most.
    fn turn(&mut self) {
        // What was asked for between turns.
        self.site.turn_end(&mut self.lp);
        let due = self.site.station.poll_timeout();
        let until = Instant::now() + Duration::from_millis(20);
        let until = due.map_or(until, |due| due.min(until));
        self.lp.turn(&mut self.site, Some(until)).unwrap();
    }

    /// Takes turns until something is so.
    #[track_caller]
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Site) -> bool) {
        let end = Instant::now() + LONG;
        while !is_so(&mut self.site) {
            assert!(Instant::now() < end, "not in time: {what}");
            self.turn();
        }
    }

    fn is_up(&self, id: InterfaceId) -> bool {
        self.site.station.interfaces.get(id).unwrap().up
    }

    fn parameter(
        &mut self,
        id: InterfaceId,
        number: u8,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        let Site { station, devices } = &mut self.site;
        devices.parameter(&mut self.lp, station, id, Parameter(number), value)
    }

    fn counter(&self, id: InterfaceId, name: &str) -> u64 {
        let counters = self.site.devices.device_counters(id);
        counters.iter().find(|(of, _)| *of == name).unwrap().1
    }

    /// Sends so many octets to a program of the host that sends them back, and compares.
    #[track_caller]
    fn echoes(&mut self, octets: u32) {
        let listener = TcpListener::bind((B, 7)).unwrap();
        let server = thread::spawn(move || {
            let (mut from, _) = listener.accept().unwrap();
            let mut to = from.try_clone().unwrap();
            std::io::copy(&mut from, &mut to).unwrap()
        });
        let now = Instant::now();
        let connection = self
            .site
            .station
            .tcp_connect(now, 0, (B, 7), &Options::default())
            .unwrap();
        let data: Vec<u8> = (0..octets).map(|at| (at >> 4) as u8).collect();
        let (mut sent, mut got) = (0, Vec::new());
        self.until("everything back", |site| {
            exchange(site, connection, &data, &mut sent, &mut got);
            got.len() == data.len()
        });
        assert_eq!(got, data);
        self.site.station.tcp.close(connection).unwrap();
        self.until("the end", |site| site.station.tcp.is_finished(connection));
        assert_eq!(server.join().unwrap(), data.len() as u64);
    }

    /// Pings and waits for the reply.
    #[track_caller]
    fn ping(&mut self, host: Ipv4Addr, length: u32) {
        let Site { station, devices } = &mut self.site;
        let now = Instant::now();
        station
            .ping(now, host, length, None, devices.sink())
            .unwrap();
        self.until(&format!("a reply to {length} octets"), |site| {
            matches!(site.station.poll_event(), Some(Event::Ping(reply)) if reply.from == host)
        });
    }
}

fn asy(port: AsyPort, mode: Encapsulation, auto: bool) -> Device {
    Device::Asy {
        port,
        mode,
        speed: 9600,
        auto,
    }
}

fn pty() -> (PtyMaster, AsyPort) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = ptsname_r(&master).unwrap();
    (master, AsyPort::Serial(slave))
}

/// What the far end of a pseudo-terminal reads within a while: at least so many octets.
fn read(master: &PtyMaster, rig: &mut Rig, count: usize) -> Vec<u8> {
    let mut master = File::from(master.as_fd().try_clone_to_owned().unwrap());
    let mut all = Vec::new();
    let mut octets = [0; 4096];
    while all.len() < count {
        rig.turn();
        let mut fds = [nix::poll::PollFd::new(
            master.as_fd(),
            nix::poll::PollFlags::POLLIN,
        )];
        if nix::poll::poll(&mut fds, 0_u8).unwrap() > 0 {
            let got = master.read(&mut octets).unwrap();
            all.extend_from_slice(&octets[..got]);
        }
    }
    all
}

fn write(master: &PtyMaster, octets: &[u8]) {
    let mut master = File::from(master.as_fd().try_clone_to_owned().unwrap());
    master.write_all(octets).unwrap();
}

/// A datagram with an echo request.
fn echo(src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let header = Ipv4Repr {
        tos: 0,
        ident: 1,
        dont_fragment: false,
        ttl: 9,
        protocol: 1,
        src,
        dst,
        payload_len: 12,
    };
    let mut packet = vec![0; 32];
    header.emit(&mut packet).unwrap();
    packet[20..].copy_from_slice(&[8, 0, 0, 0, 0, 1, 0, 2, b'a', 0xc0, 0xdb, b'b']);
    let sum = Sum::new().octets(&packet[20..]).checksum();
    packet[22..24].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// Runs a test in a network namespace of its own, where the loopback is up.
fn in_namespace(work: impl FnOnce(&mut Netlink)) {
    let namespace = match Namespace::create() {
        Ok(namespace) => namespace,
        Err(error) => {
            eprintln!("skipped: needs a network namespace of its own: {error}");
            return;
        }
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            let lo = netlink.link("lo").unwrap().index;
            netlink.set_up(lo, true).unwrap();
            work(&mut netlink);
        })
        .unwrap();
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
        let text = trace.text(&rig.site.station.interfaces, "now", &show::plain);
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

#[test]
fn what_there_cannot_be() {
    let mut rig = Rig::new(A);
    let nowhere = || AsyPort::Serial("/dev/nothing".into());
    // It is there, and down.
    let id = rig
        .attach("sl0", &asy(nowhere(), Encapsulation::Slip, false), None)
        .unwrap();
    assert!(!rig.is_up(id));
    assert!(rig.site.devices.device_lines(id).contains("/dev/nothing"));
    assert_eq!(rig.parameter(id, parameter::UP, None), Ok(Some(0)));
    let again = rig.attach("sl0", &Device::NetRom, None).unwrap_err();
    assert_eq!(again, "Interface sl0 already exists");
    let mode = rig
        .attach("x", &asy(nowhere(), Encapsulation::NetRom, false), None)
        .unwrap_err();
    assert_eq!(mode, "Mode netrom unknown for interface x");
    let mask = Device::Ni {
        host: B,
        mask: 0xff00_ff00,
    };
    assert!(
        rig.attach("x", &mask, None)
            .unwrap_err()
            .contains("255.0.255.0")
    );
    let kernel = rig
        .attach("lo", &Device::Kernel { promiscuous: true }, None)
        .unwrap_err();
    assert!(
        kernel.starts_with("lo: hardware type 772 carries no packet radio"),
        "{kernel}"
    );
    assert!(
        rig.attach("nothing", &Device::Kernel { promiscuous: true }, None)
            .is_err()
    );
    let id = rig.attach("netrom", &Device::NetRom, None).unwrap();
    assert!(rig.is_up(id));
    assert_eq!(rig.site.station.interfaces.get(id).unwrap().mtu(), 236);
}

#[test]
fn commands_and_frames_of_kiss() {
    let (master, port) = pty();
    let mut rig = Rig::new(A);
    let id = rig
        .attach("tnc0", &asy(port, Encapsulation::KissUi, false), None)
        .unwrap();
    assert_eq!(rig.parameter(id, 1, Some(40)), Ok(Some(40)));
    assert_eq!(read(&master, &mut rig, 4), [0xc0, 1, 40, 0xc0]);
    assert_eq!(rig.parameter(id, parameter::RETURN, None), Ok(Some(0)));
    assert_eq!(read(&master, &mut rig, 4), [0xc0, 0xff, 0, 0xc0]);
    assert_eq!(rig.parameter(id, 1, None), Ok(None));
    assert_eq!(rig.parameter(id, 7, Some(1)), Ok(None));
    assert!(rig.parameter(id, 1, Some(256)).is_err());
    // SABM with a SMACK check sequence, which is then ours too; one with a wrong one; a command.
    let sabm = b"\xc0\x80\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x3f\x2b\x77\xc0";
    let mut wrong = sabm.to_vec();
    wrong[17] ^= 1;
    write(&master, sabm);
    write(&master, &wrong);
    write(&master, &[0xc0, 1, 2, 0xc0]);
    rig.until("the command", |site| {
        site.devices.device_counters(id).contains(&("command", 1))
    });
    assert_eq!(rig.counter(id, "no_ax25"), 1);
    let interface = rig.site.station.interfaces.get(id).unwrap();
    assert_eq!(
        (interface.crc, interface.counters.crc_errors),
        (Crc::Crc16, 1)
    );
    assert_eq!(interface.counters.received.total, 3);
}

#[test]
fn frames_of_nrs_and_of_ax25_in_slip() {
    for (mode, line) in [
        (
            Encapsulation::Nrs,
            &b"\x02ab\x03\xc3\x00\x00\x02ab\x03\xc4\x00\x00"[..],
        ),
        (Encapsulation::Ax25I, b"\xc0ab\xc0\xdb\xc0"),
    ] {
        let (master, port) = pty();
        let mut rig = Rig::new(A);
        let id = rig.attach("tnc0", &asy(port, mode, false), None).unwrap();
        write(&master, line);
        rig.until("both", |site| {
            site.devices.device_counters(id).contains(&("bad_frame", 1))
        });
        assert_eq!(rig.counter(id, "no_ax25"), 1);
        let nrs = rig
            .site
            .devices
            .nrs(id)
            .map(|stats| (stats.frames, stats.checksum));
        assert_eq!(nrs, (mode == Encapsulation::Nrs).then_some((1, 1)));
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

/// Sends and receives what there is; the octets that came.
fn exchange(site: &mut Site, id: Id, data: &[u8], sent: &mut usize, got: &mut Vec<u8>) {
    let tcp = &mut site.station.tcp;
    *sent += tcp.send(id, &data[*sent..]).unwrap_or(0);
    let mut octets = [0; 4096];
    while let Ok(count @ 1..) = tcp.receive(id, &mut octets) {
        got.extend_from_slice(&octets[..count]);
    }
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
        shown += &trace.text(&a.site.station.interfaces, "now", &show::plain);
        assert!(trace.capture(Duration::ZERO, &mut captured));
    }
    for line in [
        "serial line IP: len: ",
        "serial line VJ Uncompressed TCP: len",
        "serial line VJ Compressed TCP: len",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let file = [&Trace::CAPTURE.encode()[..], &captured].concat();
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

#[test]
fn pings_of_the_host_through_ni() {
    in_namespace(|netlink| {
        let mut rig = Rig::new(A);
        let device = Device::Ni {
            host: B,
            mask: 0xffff_ff00,
        };
        let id = rig.attach("ni0", &device, None).unwrap();
        assert!(rig.is_up(id));
        let link = netlink.link("ni0").unwrap();
        assert_eq!((link.mtu, link.is_up()), (1500, true));
        let addresses = netlink.addresses(Some(link.index)).unwrap();
        assert!(
            addresses
                .iter()
                .any(|(_, address)| address.local == B && address.peer == Some(A.into()))
        );
        let network = Route::through(Ipv4Addr::new(44, 128, 4, 0).into(), 24, link.index);
        assert!(netlink.routes().unwrap().iter().any(|route| (
            route.destination,
            route.prefix_len,
            route.interface
        ) == (
            network.destination,
            24,
            network.interface
        )));
        rig.route(B, id);
        for length in [16, 100, 1472, 1473, 1480, 5000, 20_000, 32_000] {
            rig.ping(B, length);
        }
        // What the host sends in fragments comes back in fragments.
        let host = UdpSocket::bind((B, 0)).unwrap();
        host.connect((A, 9)).unwrap();
        host.set_nonblocking(true).unwrap();
        host.send(&[1; 4000]).unwrap();
        rig.until("port unreachable", |_| {
            host.recv(&mut [0; 10])
                .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
        });
        // The host takes it away; it comes back when it is asked for.
        netlink.delete_link(link.index).unwrap();
        rig.until("gone", |site| !site.station.interfaces.get(id).unwrap().up);
        assert_eq!(rig.parameter(id, parameter::UP, None), Ok(Some(1)));
        rig.ping(B, 100);
        let Site { station, devices } = &mut rig.site;
        devices.close(&mut rig.lp, station);
        assert!(netlink.link("ni0").is_err(), "nothing is left behind");
    });
}

#[test]
fn connections_with_the_host_through_ni() {
    in_namespace(|_| {
        let mut rig = Rig::new(A);
        let device = Device::Ni {
            host: B,
            mask: u32::MAX,
        };
        let id = rig.attach("ni0", &device, None).unwrap();
        rig.route(B, id);
        rig.echoes(3_000_000);
        // And the other way, to a server here.
        let listener = rig
            .site
            .station
            .tcp
            .listen(None, 9, 1, &Options::default())
            .unwrap();
        let client = thread::spawn(move || {
            let mut client = TcpStream::connect((A, 9)).unwrap();
            client.write_all(&[7; 100_000]).unwrap();
        });
        let (mut from, mut got) = (None, Vec::new());
        rig.until("100,000 octets", |site| {
            from = from.or_else(|| site.station.tcp.accept(listener));
            if let Some(from) = from {
                exchange(site, from, &[], &mut 0, &mut got);
            }
            got.len() == 100_000
        });
        client.join().unwrap();
        // The host's search for routers of IPv6 is no datagram; nothing else is dropped.
        assert_eq!(
            (rig.counter(id, "refused"), rig.counter(id, "no_room")),
            (0, 0)
        );
    });
}

#[test]
fn an_ethernet_with_the_host() {
    in_namespace(|netlink| {
        let mut rig = Rig::new(A);
        let id = rig
            .attach("tap0", &Device::Tun { ethernet: true }, None)
            .unwrap();
        rig.site
            .station
            .set_netmask(Instant::now(), id, 0xffff_ff00)
            .unwrap();
        let link = netlink.link("tap0").unwrap();
        let address = Address {
            local: B.into(),
            peer: None,
            prefix_len: 24,
            broadcast: None,
        };
        netlink.add_address(link.index, &address).unwrap();
        netlink.set_up(link.index, true).unwrap();
        rig.site.station.interfaces.set_trace(id, "0011");
        rig.ping(B, 100);
        rig.ping(B, 5000);
        let mut shown = String::new();
        while let Some(trace) = rig.site.devices.poll_trace() {
            shown += &trace.text(&rig.site.station.interfaces, "now", &show::plain);
        }
        assert!(
            shown.contains("op REQUEST") && shown.contains("op REPLY"),
            "{shown}"
        );
        rig.site.station.interfaces.set_trace(id, "off");
        // With unfinished checksums and super-packets.
        rig.echoes(300_000);
    });
}

#[test]
fn datagrams_in_datagrams_of_the_host() {
    in_namespace(|_| {
        let mut rig = Rig::new(A);
        let id = rig
            .attach("ipip", &Device::IpIp(Outer::Ip(4)), None)
            .unwrap();
        let far = RawSocket::open(4).unwrap();
        let mut buffer = [0; 4096];
        let mut answer = |rig: &mut Rig| {
            far.send(Ipv4Addr::LOCALHOST, &echo(B, A)).unwrap();
            let end = Instant::now() + Duration::from_millis(300);
            let mut answer = None;
            while answer.is_none() && Instant::now() < end {
                rig.turn();
                // Our own request comes back as well.
                while let Some((from, place)) = far.receive(&mut buffer).unwrap() {
                    let inner = Ipv4::parse(&buffer[place]).unwrap();
                    if inner.src() == A {
                        answer = Some((from, inner.dst(), inner.payload()[0]));
                    }
                }
            }
            answer
        };
        // Nobody is believed to be where a datagram says, unless one wants that.
        assert_eq!(answer(&mut rig), None);
        rig.site.station.interfaces.get_mut(id).unwrap().autoroute = true;
        assert_eq!(answer(&mut rig), Some((Ipv4Addr::LOCALHOST, B, 0)));
        let route = rig.site.station.routes.lookup(B).unwrap();
        assert_eq!((route.interface, route.gateway), (id, Ipv4Addr::LOCALHOST));
        let taken = rig
            .attach("x", &Device::IpIp(Outer::Ip(0)), None)
            .unwrap_err();
        assert!(taken.starts_with("cannot create socket: "), "{taken}");
    });
}

#[test]
fn tunnels_by_port() {
    in_namespace(|_| {
        let mut rig = Rig::new(A);
        let ipip = rig
            .attach("ipip", &Device::IpIp(Outer::Udp(9400)), None)
            .unwrap();
        let taken = rig
            .attach("x", &Device::AxIp(Outer::Udp(9400)), None)
            .unwrap_err();
        assert!(taken.starts_with("cannot bind address: "), "{taken}");
        let axip = rig
            .attach("axip", &Device::AxIp(Outer::Udp(9393)), None)
            .unwrap();
        let far = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
        far.send_to(&echo(B, A), (Ipv4Addr::LOCALHOST, 9400))
            .unwrap();
        far.send_to(b"no datagram", (Ipv4Addr::LOCALHOST, 9400))
            .unwrap();
        // SABM with its check sequence; with a wrong one; nothing but one.
        let mut sabm =
            b"\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x3f\xb6\x81".to_vec();
        far.send_to(&sabm, (Ipv4Addr::LOCALHOST, 9393)).unwrap();
        sabm[3] ^= 4;
        far.send_to(&sabm, (Ipv4Addr::LOCALHOST, 9393)).unwrap();
        far.send_to(&[0, 0], (Ipv4Addr::LOCALHOST, 9393)).unwrap();
        rig.until("all of them", |site| {
            let got = |id| site.station.interfaces.get(id).unwrap().counters;
            got(axip).crc_errors == 2
                && got(ipip).received.ip == 1
                && site.devices.device_counters(ipip).contains(&("not_ip", 1))
        });
        assert_eq!(rig.counter(axip, "no_ax25"), 1);
        // The way to a gateway: its port is ours.
        let route = NewRoute {
            gateway: Ipv4Addr::new(127, 0, 0, 3),
            ..NewRoute::new(B, 32, ipip)
        };
        rig.site.station.add_route(Instant::now(), &route).unwrap();
        let Site { station, devices } = &mut rig.site;
        station
            .ping(Instant::now(), B, 20, None, devices.sink())
            .unwrap();
        assert_eq!(rig.counter(ipip, "refused"), 0);
    });
}
