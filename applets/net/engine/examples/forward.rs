//! How many packets a second pass from one interface to another: short ones, long ones, and super-packets.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_net_engine::route::NewRoute;
use wanbox_net_engine::{Arrival, Encapsulation, Frame, Interface, InterfaceId, Sink, Station};
use wanbox_wire::ip::{Gso, Ipv4, Ipv4Repr, Sum, TcpFlags, TcpRepr, VirtioHeader};

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}

/// Counts.
struct Nowhere(u64);

impl Sink for Nowhere {
    fn queued(&self, _line: InterfaceId) -> usize {
        0
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        self.0 += frame.packet.len() as u64;
    }
}

fn packet(len: usize) -> Vec<u8> {
    let mut packet = vec![0; len];
    let header = Ipv4Repr {
        tos: 0,
        ident: 1,
        dont_fragment: true,
        ttl: 64,
        protocol: 6,
        src: Ipv4Addr::new(10, 1, 0, 9),
        dst: Ipv4Addr::new(10, 2, 0, 9),
        payload_len: (len - 20) as u16,
    };
    let tcp = TcpRepr {
        src_port: 1,
        dst_port: 2,
        seq: 3,
        ack: 4,
        flags: TcpFlags::ACK,
        window: 5,
    };
    let made = header.emit(&mut packet).is_ok()
        && packet
            .get_mut(20..)
            .is_some_and(|segment| tcp.emit(segment, 0, Sum::new()).is_ok());
    assert!(made, "a packet of {len} octets");
    let sum = Ipv4::parse(&packet).map(|parsed| parsed.pseudo_header(6, len - 20).folded());
    if let (Ok(sum), Some(field)) = (sum, packet.get_mut(36..38)) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

#[expect(clippy::print_stdout, reason = "the result")]
fn main() {
    let start = now();
    let mut station = Station::new(start, 0, Box::new(|| 7));
    let mut ids = Vec::new();
    for (name, network) in [("a", [10, 1, 0, 0]), ("b", [10, 2, 0, 0])] {
        let Ok(id) = station
            .interfaces
            .attach(Interface::new(name, Encapsulation::None, 1500))
        else {
            return;
        };
        let [a, b, c, _] = network;
        station
            .interfaces
            .set_address(id, Ipv4Addr::new(a, b, c, 1));
        let added = station.add_route(start, &NewRoute::new(network.into(), 16, id));
        assert!(added.is_ok(), "{added:?}");
        ids.push(id);
    }
    let [from, to] = ids.as_slice() else {
        return;
    };
    let single = VirtioHeader::FINISHED;
    let whole = VirtioHeader {
        gso: Gso::TcpV4,
        gso_size: 1460,
        header_len: 40,
        checksum_start: 20,
        checksum_offset: 16,
        ..VirtioHeader::FINISHED.with_needs_checksum(true)
    };
    for (what, len, offload, takes, count) in [
        ("64 octets", 64, single, false, 5_000_000u32),
        ("1500 octets", 1500, single, false, 5_000_000),
        (
            "super-packets of 64000 octets, passed whole",
            64_000,
            whole,
            true,
            2_000_000,
        ),
        (
            "super-packets of 64000 octets, cut",
            64_000,
            whole,
            false,
            20_000,
        ),
    ] {
        if let Some(interface) = station.interfaces.get_mut(*to) {
            interface.offload = takes;
        }
        let arrival = Arrival {
            offload,
            ..Arrival::new(*from)
        };
        let template = packet(len);
        let (mut packet, mut sink) = (template.clone(), Nowhere(0));
        // The median of short runs, so that other programs do not count.
        let run = count / 1000;
        let mut times: Vec<f64> = (0..1000)
            .map(|_| {
                let begin = now();
                for _ in 0..run {
                    // Only the header changes on the way.
                    for (to, from) in packet.iter_mut().zip(&template).take(20) {
                        *to = *from;
                    }
                    station.receive(begin, &arrival, &mut packet, &mut sink);
                }
                begin.elapsed().as_secs_f64() / f64::from(run)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let each = times.get(times.len() / 2).copied().unwrap_or(1.0);
        let octets = sink.0 as f64 / f64::from(run * 1000);
        println!(
            "{what}: {:.2} million a second, {:.1} Gbit/s",
            1e-6 / each,
            octets * 8e-9 / each
        );
    }
}
