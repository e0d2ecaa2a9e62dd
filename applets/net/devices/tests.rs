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

mod host;
mod lines;
mod radio;
mod share;
mod tunnels;

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

/// What the far end of a pseudo-terminal reads within a while: at least so many octets.
#[track_caller]
fn read(master: &PtyMaster, rig: &mut Rig, count: usize) -> Vec<u8> {
    let end = Instant::now() + LONG;
    let mut master = File::from(master.as_fd().try_clone_to_owned().unwrap());
    let mut all = Vec::new();
    let mut octets = [0; 4096];
    while all.len() < count {
        assert!(Instant::now() < end, "{} of {count}: {all:x?}", all.len());
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

/// Sends and receives what there is; the octets that came.
fn exchange(site: &mut Site, id: Id, data: &[u8], sent: &mut usize, got: &mut Vec<u8>) {
    let tcp = &mut site.station.tcp;
    *sent += tcp.send(id, &data[*sent..]).unwrap_or(0);
    let mut octets = [0; 4096];
    while let Ok(count @ 1..) = tcp.receive(id, &mut octets) {
        got.extend_from_slice(&octets[..count]);
    }
}
