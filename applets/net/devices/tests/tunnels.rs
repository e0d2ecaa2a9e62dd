//! Datagrams in datagrams of the host.

use super::*;

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
        let counters = rig.site.station.interfaces.get(axip).unwrap().counters;
        assert_eq!((counters.received.total, counters.bad_headers), (1, 0));
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
