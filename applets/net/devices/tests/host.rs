//! Interfaces of the host.

use super::*;

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
            shown += &trace.text(&rig.site.station, "now", &show::plain);
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
