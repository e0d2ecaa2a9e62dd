//! The built-in interfaces, and what goes with datagrams of our own.

use wanbox_wire::ip::Ipv4;

use super::paths::two_lines;
use super::*;

#[test]
fn what_is_for_ourselves_does_not_leave() {
    let (mut station, now, _, _) = two_lines();
    let mut lines = Lines::default();
    for host in ["127.0.0.1", "44.2.0.1"] {
        station.ping(now, ip(host), 64, None, &mut lines).unwrap();
        assert!(matches!(station.poll_event(), Some(Event::Ping(reply)) if reply.from == ip(host)));
    }
    assert!(lines.packets().is_empty() && station.poll_event().is_none());
}

#[test]
fn built_in_interfaces_show_what_crosses_them() {
    let (mut station, now, a, _) = two_lines();
    let mut lines = Lines::default();
    route(
        &mut station,
        now,
        "44.9.0.0",
        16,
        InterfaceId::ENCAP,
        "44.1.0.9",
    );
    let both = TraceFlags(TraceFlags::INPUT | TraceFlags::OUTPUT);
    for (id, host) in [
        (InterfaceId::LOOPBACK, "127.0.0.1"),
        (InterfaceId::ENCAP, "44.9.0.1"),
    ] {
        station.ping(now, ip(host), 64, None, &mut lines).unwrap();
        assert!(lines.shown.is_empty(), "{host}");
        station.interfaces.get_mut(id).unwrap().trace = both;
        station.ping(now, ip(host), 64, None, &mut lines).unwrap();
        assert!(lines.shown.iter().all(|(shown, ..)| *shown == id));
        let datagrams = lines.shown.drain(..);
        let of: Vec<(Way, u8)> = datagrams.map(|(_, way, it)| (way, it[20])).collect();
        match id {
            // A request and its reply, each on both ways.
            InterfaceId::LOOPBACK => assert_eq!(
                of,
                [
                    (Way::Sent, 8),
                    (Way::Received, 8),
                    (Way::Sent, 0),
                    (Way::Received, 0)
                ]
            ),
            _ => assert_eq!(of, [(Way::Sent, 8)]),
        }
    }
    // TCP leaves its checksum to whoever takes the segment: what is shown has it.
    let options = station.tcp.parameters().options;
    let to = (ip("127.0.0.1"), 9);
    station.tcp_connect(now, 1024, to, &options).unwrap();
    station.flush(now, &mut lines);
    assert!(!lines.shown.is_empty());
    for (_, _, datagram) in lines.shown.drain(..) {
        let view = Ipv4::parse(&datagram).unwrap();
        let segment = wanbox_wire::ip::Tcp::parse(view.payload()).unwrap();
        let pseudo = view.pseudo_header(view.protocol(), view.payload().len());
        assert!(segment.checksum_is_valid(pseudo));
    }
    // What others wrap for us.
    let mut wrapped = lines.packets().pop().unwrap();
    let (source, destination) = (ip("44.1.0.9").octets(), ip("44.1.0.1").octets());
    wrapped[12..16].copy_from_slice(&source);
    wrapped[16..20].copy_from_slice(&destination);
    wrapped[10..12].fill(0);
    let checksum = wanbox_wire::ip::Sum::new()
        .octets(&wrapped[..20])
        .checksum();
    wrapped[10..12].copy_from_slice(&checksum.to_be_bytes());
    station.receive(now, &Arrival::new(a), &mut wrapped, &mut lines);
    let of: Vec<_> = lines.shown.iter().map(|(id, way, _)| (*id, *way)).collect();
    assert_eq!(of.first(), Some(&(InterfaceId::ENCAP, Way::Received)));
}

#[test]
fn datagrams_have_the_type_of_service_that_is_wanted() {
    let (mut station, now, _, _) = two_lines();
    let mut lines = Lines::default();
    let (from, to) = ((Ipv4Addr::UNSPECIFIED, 37), (ip("44.1.0.9"), 2000));
    for tos in [0, 0x10] {
        station
            .udp_send_with(now, tos, from, to, b"time", &mut lines)
            .unwrap();
        assert_eq!(lines.packets()[0][1], tos);
    }
}
