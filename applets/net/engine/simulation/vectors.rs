//! The datagrams of the reference. The original decremented the TTL of its own, so that it is set to 254 here.

use std::net::Ipv4Addr;

use super::*;
use crate::ip::Header;

const A: &str = "44.128.4.4";
const B: &str = "44.128.4.5";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

fn a() -> (Station, Instant, InterfaceId) {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    station.ip.ttl = 254;
    let id = attach(&mut station, "tnc0", Encapsulation::Slip, A, 1500);
    route(&mut station, now, B, 32, id, "0.0.0.0");
    (station, now, id)
}

const PING: &str = "45 00 00 24 00 01 00 00 FE 01 5B CF 2C 80 04 04 2C 80 04 05, \
    08 00 08 B2 00 00 00 00, 12 34 56 78 00 01 86 A0";

#[test]
fn a_ping() {
    let (mut station, now, _) = a();
    let mut lines = Lines::default();
    station.ping(now, ip(B), 16, None, &mut lines).unwrap();
    assert_eq!(lines.packets(), [hex(PING)]);
}

#[test]
fn a_ping_in_a_datagram() {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    station.ip.ttl = 254;
    let id = attach(&mut station, "ni", Encapsulation::None, "192.1.1.1", 1500);
    route(&mut station, now, "192.1.1.2", 32, id, "0.0.0.0");
    route(&mut station, now, B, 32, InterfaceId::ENCAP, "192.1.1.2");
    let mut lines = Lines::default();
    let mut buffer = hex(PING);
    let header = Header::new(ip(A), ip(B), 1);
    station.send(now, &header, &mut buffer, &mut lines);
    let outer = hex("45 00 00 38 00 02 00 00 FE 04 3A BA C0 01 01 01 C0 01 01 02");
    assert_eq!(lines.packets(), [[outer, hex(PING)].concat()]);
}

#[test]
fn a_response_of_rip() {
    let (mut station, now, id) = a();
    station.ip.ident = 7;
    let other = attach(&mut station, "sl1", Encapsulation::Slip, "0.0.0.0", 1500);
    route(&mut station, now, "44.128.4.0", 24, other, "0.0.0.0");
    let default = NewRoute {
        metric: 0,
        ..NewRoute::new(Ipv4Addr::UNSPECIFIED, 0, id)
    };
    station.add_route(now, &default).unwrap();
    let private = NewRoute {
        private: true,
        ..NewRoute::new(ip(B), 32, id)
    };
    station.add_route(now, &private).unwrap();
    let mut lines = Lines::default();
    station
        .rip_add(now, ip(B), 60, false, false, 1, &mut lines)
        .unwrap();
    let packets = lines.packets();
    let [packet] = packets.as_slice() else {
        panic!("one message: {packets:?}");
    };
    assert_eq!(packet[10..12], [0x5b, 0x95]);
    assert_eq!(packet[20..28], hex("02 08 02 08 00 34 67 E5"));
    assert_eq!(packet[28..32], [2, 1, 0, 0]);
}
