use std::io::IoSlice;
use std::net::IpAddr;
use std::time::Duration;

use wanbox_l2tpns_engine::plane::{Call, Config, Settings};
use wanbox_l2tpns_engine::{CallId, TunnelId};
use wanbox_runtime::netlink::{Address, Netlink, Route};
use wanbox_runtime::netns::Namespace;
use wanbox_runtime::tun::{Mode, Options, TunError};
use wanbox_runtime::udp::ManyConfig;
use wanbox_wire::ip::{Ip, Ipv4Repr, Udp, UdpRepr, protocol};

use super::*;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const PORT: u16 = 7777;

fn subscriber(number: u16) -> Ipv4Addr {
    Ipv4Addr::new(10, 64, 0, number as u8)
}

/// Sessions that are simply there.
struct Fixed {
    plane: Plane,
    control: Vec<Vec<u8>>,
    frames: Vec<(SessionId, Vec<u8>)>,
}

impl Deciding for Fixed {
    fn plane(&mut self) -> &mut Plane {
        &mut self.plane
    }

    fn control(&mut self, _: Instant, _: SocketId, _: SocketAddr, datagram: &[u8]) {
        self.control.push(datagram.to_vec());
    }

    fn frame(&mut self, _: Instant, session: SessionId, frame: &[u8]) {
        self.frames.push((session, frame.to_vec()));
    }
}

/// Both ends, in a namespace of their own.
struct Site {
    forward: Forward,
    tun: Tun,
    ours: [ManySocket; 1],
    peer: ManySocket,
    host: ManySocket,
    engine: Fixed,
}

fn open(local: SocketAddr) -> ManySocket {
    ManySocket::open(&ManyConfig {
        local,
        receive_buffer: Some(4 << 20),
        send_buffer: Some(4 << 20),
        offload: true,
    })
    .unwrap()
}

impl Site {
    /// `None`: there is no TUN driver.
    fn new(offload: bool, outer: IpAddr) -> Option<Self> {
        let options = Options {
            offload,
            carrier: true,
        };
        let tun = match Tun::open("fwd0", Mode::Tun, &options) {
            Err(TunError::NoDriver) => return None,
            tun => tun.unwrap(),
        };
        let mut netlink = Netlink::open().unwrap();
        let lo = netlink.link("lo").unwrap().index;
        netlink.set_up(lo, true).unwrap();
        let index = netlink.link("fwd0").unwrap().index;
        let address = Address {
            local: HOST.into(),
            peer: None,
            prefix_len: 32,
            broadcast: None,
        };
        netlink.set_mtu(index, 1462).unwrap();
        netlink.set_up(index, true).unwrap();
        netlink.add_address(index, &address).unwrap();
        let route = Route::through(Ipv4Addr::new(10, 64, 0, 0).into(), 16, index);
        netlink.add_route(&route).unwrap();

        let ours = ManySocket::open(&ManyConfig {
            local: SocketAddr::new(outer, 1701),
            receive_buffer: Some(4 << 20),
            send_buffer: Some(4 << 20),
            offload,
        });
        let peer = open(SocketAddr::new(outer, 0));
        let way = Way {
            socket: SocketId(0),
            peer: peer.local_addr().unwrap(),
        };
        let now = Instant::now();
        let config = Config {
            icmp_rate: 100,
            icmp_source: Some(HOST),
            ..Config::default()
        };
        let mut plane = Plane::new(now, config);
        for number in 1..=3 {
            let session = SessionId(number.into());
            let call = Call {
                tunnel: TunnelId(5),
                call: CallId(number),
                peer_tunnel: 6,
                peer_call: number,
                sequencing: false,
                way,
            };
            plane.insert(now, session, call);
            let settings = Settings {
                ipv4: true,
                ..Settings::default()
            };
            plane.update(session, settings);
            plane.add_route(session, subscriber(number).into(), 32);
        }
        Some(Self {
            forward: Forward::new(&tun),
            tun,
            ours: [ours.unwrap()],
            peer,
            host: open((HOST, PORT).into()),
            engine: Fixed {
                plane,
                control: Vec::new(),
                frames: Vec::new(),
            },
        })
    }

    fn send_as_peer(&mut self, messages: &[Vec<u8>]) {
        let to = self.ours[0].local_addr().unwrap();
        let slices: Vec<IoSlice<'_>> = messages.iter().map(|m| IoSlice::new(m)).collect();
        assert_eq!(self.peer.send(to, &slices).unwrap(), messages.len());
    }

    /// Lets packets pass both ways until nothing more comes.
    fn run(&mut self) {
        for _ in 0..20 {
            let now = Instant::now();
            let (ours, tun) = (&mut self.ours, &self.tun);
            let engine = &mut self.engine;
            self.forward
                .take_from_peers(now, SocketId(0), ours, tun, engine)
                .unwrap();
            self.forward.take_from_host(now, ours, tun, engine).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// All datagrams that a socket has.
fn receive_all(socket: &mut ManySocket) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut buffer = vec![0; ManySocket::MAX_RECEIVE];
    let mut all = Vec::new();
    while let Some(got) = socket.receive(&mut buffer).unwrap() {
        let datagrams = got.received.datagrams(&buffer);
        all.extend(datagrams.map(|datagram| (got.from, datagram.to_vec())));
    }
    all
}

/// A data message of a session with a datagram to the host.
fn message(session: u16, number: u16, octets: usize) -> Vec<u8> {
    let mut packet = vec![0; 28 + octets];
    packet[28..30].copy_from_slice(&number.to_be_bytes());
    let header = Ipv4Repr {
        tos: 0,
        ident: number,
        dont_fragment: true,
        ttl: 64,
        protocol: protocol::UDP,
        src: subscriber(session),
        dst: HOST,
        payload_len: 8 + octets as u16,
    };
    header.emit(&mut packet).unwrap();
    let udp = UdpRepr {
        src_port: 4000,
        dst_port: PORT,
    };
    udp.emit(&mut packet[20..], header.pseudo_header()).unwrap();
    let mut message = vec![0, 2, 0, 5];
    message.extend(session.to_be_bytes());
    message.extend([0xff, 3, 0, 0x21]);
    message.extend(packet);
    message
}

/// In a namespace of its own, with every offload and without, over both versions of IP.
fn at_every_site(test: impl Fn(&mut Site, bool)) {
    for offload in [true, false] {
        for outer in ["127.0.0.1", "::1"] {
            let namespace = match Namespace::create() {
                Ok(namespace) => namespace,
                Err(error) => {
                    eprintln!("skipped: needs a network namespace of its own: {error}");
                    return;
                }
            };
            let there = namespace.run(|| {
                // The loopback is up before an address of it is bound.
                let mut netlink = Netlink::open().unwrap();
                let lo = netlink.link("lo").unwrap().index;
                netlink.set_up(lo, true).unwrap();
                Site::new(offload, outer.parse().unwrap()).map(|mut site| test(&mut site, offload))
            });
            if there.unwrap().is_none() {
                eprintln!("skipped: needs /dev/net/tun");
            }
        }
    }
}

#[test]
fn packets_of_subscribers_reach_the_host() {
    at_every_site(|site, offload| {
        let messages: Vec<Vec<u8>> = (0..300)
            .map(|number| message(number / 20 % 3 + 1, number, 1200))
            .collect();
        for part in messages.chunks(100) {
            site.send_as_peer(part);
            site.run();
        }
        let got = receive_all(&mut site.host);
        assert_eq!(got.len(), 300, "with offload: {offload}");
        for session in 1..=3 {
            // Each subscriber's in order; the kernel has checked the checksums.
            let from = SocketAddr::from((subscriber(session), 4000));
            let numbers: Vec<u16> = got
                .iter()
                .filter(|(source, _)| *source == from)
                .map(|(_, d)| u16::from_be_bytes([d[0], d[1]]))
                .collect();
            assert_eq!(numbers.len(), 100);
            assert!(numbers.is_sorted());
        }
        let counters = site.forward.counters();
        assert_eq!(
            (counters.peers_datagrams, counters.peers_octets),
            (300, 300 * 1238)
        );
        assert_eq!((counters.tun_refused, counters.sent), (0, 0));
        assert_eq!(site.forward.batch.coalesced().merged > 0, offload);
    });
}

#[test]
fn packets_of_the_host_reach_subscribers() {
    at_every_site(|site, offload| {
        let payload: Vec<Vec<u8>> = (0..100u16)
            .map(|number| [&number.to_be_bytes()[..], &[7; 1198]].concat())
            .collect();
        let slices: Vec<IoSlice<'_>> = payload.iter().map(|p| IoSlice::new(p)).collect();
        for session in 1..=3 {
            let to = SocketAddr::from((subscriber(session), 5000));
            assert_eq!(site.host.send(to, &slices).unwrap(), 100);
            site.run();
        }
        let got = receive_all(&mut site.peer);
        assert_eq!(got.len(), 300, "with offload: {offload}");
        for session in 1..=3u16 {
            let head = [0, 2, 0, 6, 0, session as u8, 0xff, 3, 0, 0x21];
            let mine = got.iter().filter(|(_, m)| m.starts_with(&head));
            let mut number = 0;
            for (_, message) in mine {
                let ip = Ip::parse(&message[10..]).unwrap();
                let (found, octets) = ip.transport().unwrap();
                let udp = Udp::parse(octets).unwrap();
                let sum = ip.pseudo_header(found, octets.len());
                assert!(udp.checksum_is_valid(sum, false));
                assert_eq!(udp.payload(), payload[number]);
                number += 1;
            }
            assert_eq!(number, 100);
        }
        assert_eq!(site.ours[0].stats().segmented_sends > 0, offload);
        let counters = site.forward.counters();
        assert_eq!((counters.sent, counters.sent_octets), (300, 300 * 1238));
        // The host has a word of its own to say to routers.
        assert!((300..310).contains(&counters.host_packets), "{counters:?}");
        assert_eq!((counters.tun_refused, counters.unsent), (0, 0));
    });
}

#[test]
fn what_is_not_forwarded_goes_to_the_engine_and_what_cannot_be_is_told_of() {
    at_every_site(|site, _| {
        let control = vec![0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0];
        let echo = vec![0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0];
        let mut data = vec![0, 2, 0, 5, 0, 2];
        data.extend(&echo);
        site.send_as_peer(&[control.clone(), data]);
        site.run();
        assert_eq!(site.engine.control, [control]);
        assert_eq!(site.engine.frames, [(SessionId(2), echo)]);

        // The host learns what a subscriber takes, and keeps to it.
        let settings = Settings {
            ipv4: true,
            mru: 1000,
            ..Settings::default()
        };
        site.engine.plane.update(SessionId(1), settings);
        let sender = UdpSocket::bind((HOST, 0)).unwrap();
        sender.connect((subscriber(1), 53)).unwrap();
        sender.send(&[7; 1200]).unwrap();
        site.run();
        assert!(receive_all(&mut site.peer).is_empty());
        let error = sender.send(&[7; 1200]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(90), "not EMSGSIZE: {error}");
        sender.send(&[7; 1200]).unwrap();
        site.run();
        let lengths: Vec<usize> = receive_all(&mut site.peer)
            .iter()
            .map(|(_, message)| message.len() - 10)
            .collect();
        assert_eq!(lengths.len(), 2, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= 1000));
    });
}

#[test]
fn copies_go_to_who_may_see_them() {
    at_every_site(|site, _| {
        let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
        collector.set_nonblocking(true).unwrap();
        let to = collector.local_addr().unwrap();
        site.engine.plane.set_copy(SessionId(1), Some(to));
        let message = message(1, 9, 100);
        site.send_as_peer(std::slice::from_ref(&message));
        site.run();
        let mut buffer = [0; 1500];
        let length = collector.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..length], message[10..]);
        assert_eq!(receive_all(&mut site.host).len(), 1);
    });
}

#[test]
fn segments_are_counted_each_for_itself() {
    let of = |header_len, gso_size, length| {
        let header = VirtioHeader {
            header_len,
            gso_size,
            ..VirtioHeader::FINISHED
        };
        packets_in(&header, length)
    };
    assert_eq!(of(0, 0, 1500), 1);
    assert_eq!(of(40, 1000, 40 + 3000), 3);
    assert_eq!(of(40, 1000, 40 + 3001), 4);
    // The hint may be anything; something came.
    assert_eq!(of(u16::MAX, 1000, 100), 1);
}

/// An answer to a request for an Ethernet address (RFC 826), from the one who was asked for.
fn arp_answer(request: &[u8]) -> Vec<u8> {
    let mut answer = request[..42].to_vec();
    let (asker, asked) = (request[22..32].to_vec(), request[38..42].to_vec());
    answer[..6].copy_from_slice(&asker[..6]);
    answer[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    answer[21] = 2;
    answer[22..28].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    answer[28..32].copy_from_slice(&asked);
    answer[32..42].copy_from_slice(&asker);
    answer
}

/// The peer is beyond an Ethernet and does not answer to ARP at first, so that what is sent to it
/// stays in the socket's account.
#[test]
fn the_host_is_not_read_while_a_socket_is_full() {
    const PACKETS: u16 = 400;
    at_every_site(|site, _| {
        let options = Options {
            offload: false,
            carrier: true,
        };
        let tap = Tun::open("fwd1", Mode::Tap, &options).unwrap();
        let mut netlink = Netlink::open().unwrap();
        let index = netlink.link("fwd1").unwrap().index;
        let (ours, peer) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        netlink.set_up(index, true).unwrap();
        let address = Address {
            local: ours.into(),
            peer: None,
            prefix_len: 24,
            broadcast: None,
        };
        netlink.add_address(index, &address).unwrap();
        let socket = ManySocket::open(&ManyConfig {
            local: (ours, 1701).into(),
            receive_buffer: None,
            send_buffer: Some(8192),
            offload: true,
        });
        site.ours = [socket.unwrap()];
        let way = Way {
            socket: SocketId(0),
            peer: (peer, 1701).into(),
        };
        site.engine.plane.redirect(TunnelId(5), way);
        let to = SocketAddr::from((subscriber(1), 5000));
        let payload: Vec<Vec<u8>> = (0..PACKETS)
            .map(|number| [&number.to_be_bytes()[..], &[7; 1198]].concat())
            .collect();
        let slices: Vec<IoSlice<'_>> = payload.iter().map(|p| IoSlice::new(p)).collect();
        assert_eq!(site.host.send(to, &slices).unwrap(), usize::from(PACKETS));
        site.run();
        assert!(site.forward.is_waiting() && site.forward.waits_for(SocketId(0)));
        let read = site.engine.plane.stats().packets_out;
        assert!(read < u64::from(PACKETS), "all {read} packets were read");
        site.forward.resume(&mut site.ours);
        assert!(site.forward.is_waiting(), "nothing has changed");
        assert_eq!(site.forward.counters().pauses, 1);

        let (mut header, mut frame) = ([0; Tun::HEADER], vec![0; Tun::MAX_PACKET]);
        let mut arrived = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        while arrived.len() < usize::from(PACKETS) && Instant::now() < deadline {
            while let Some(length) = tap.read_packet(&mut header, &mut frame).unwrap() {
                let frame = &frame[..length];
                match frame[12..14] {
                    [8, 6] => tap.write_packet(&header, &arp_answer(frame)).unwrap(),
                    // Behind Ethernet, IPv4, UDP, L2TP, PPP, and IPv4 and UDP again.
                    [8, 0] => arrived.push(u16::from_be_bytes([frame[80], frame[81]])),
                    _ => {}
                }
            }
            site.forward.resume(&mut site.ours);
            site.run();
        }
        assert!(arrived.iter().copied().eq(0..PACKETS), "{arrived:?}");
        assert!(!site.forward.is_waiting());
        assert_eq!(site.forward.counters().unsent, 0);
    });
}
