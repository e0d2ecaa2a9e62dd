//! A station that gets any octets as packets, for fuzzing: nothing panics, and what leaves is well formed.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_wire::ip::{Gso, Ipv4, Sum, VirtioHeader};

use crate::route::NewRoute;
use crate::{Arrival, Encapsulation, Frame, FrameKind, Interface, InterfaceId, Sink, Station};

/// Looks at what leaves.
struct Check {
    frames: usize,
    mtu: [usize; 5],
}

impl Sink for Check {
    fn queued(&self, _line: InterfaceId) -> usize {
        self.frames % 64
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        if frame.kind == FrameKind::Ip {
            let packet = Ipv4::parse(frame.packet).ok();
            assert!(packet.is_some_and(|packet| packet.checksum_is_valid()));
            let mtu = self.mtu.get(frame.line.index()).copied().unwrap_or(0);
            assert!(frame.packet.len() <= mtu || frame.offload.gso != Gso::None);
        }
    }
}

fn station(now: Instant) -> Option<(Station, Vec<InterfaceId>)> {
    let mut number = 1u64;
    let entropy = move || {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        number
    };
    let mut station = Station::new(now, 1_000_000, Box::new(entropy));
    let mut ids = Vec::new();
    for (at, (name, encapsulation, mtu)) in [
        ("a", Encapsulation::None, 1500),
        ("b", Encapsulation::Slip, 68),
        ("c", Encapsulation::KissI, 256),
    ]
    .into_iter()
    .enumerate()
    {
        let id = station
            .interfaces
            .attach(Interface::new(name, encapsulation, mtu))
            .ok()?;
        let network = at as u8 + 1;
        station
            .interfaces
            .set_address(id, Ipv4Addr::new(44, network, 0, 1));
        station
            .add_route(
                now,
                &NewRoute::new(Ipv4Addr::new(44, network, 0, 0), 16, id),
            )
            .ok()?;
        ids.push(id);
    }
    let [a, _, c] = *ids.as_slice() else {
        return None;
    };
    station.interfaces.get_mut(a)?.offload = true;
    station.interfaces.get_mut(c)?.txqlen = 32;
    station.interfaces.set_link_address(c, "DB0AAA").ok()?;
    let gateway = Ipv4Addr::new(44, 2, 0, 9);
    let tunnel = NewRoute::new(Ipv4Addr::new(44, 4, 0, 0), 16, InterfaceId::ENCAP);
    station
        .add_route(now, &NewRoute { gateway, ..tunnel })
        .ok()?;
    station
        .add_route(now, &NewRoute::new(Ipv4Addr::UNSPECIFIED, 0, a))
        .ok()?;
    station.rip.version2 = true;
    station.rip.trace = 2;
    station.icmp.trace = true;
    station.rip_start().ok()?;
    Some((station, ids))
}

/// Any octets as packets, one behind the other: three octets say how long, where and how it comes, and whether
/// its header is made to pass the first checks.
pub fn fuzz_station(now: Instant, octets: &[u8]) {
    let Some((mut station, ids)) = station(now) else {
        unreachable!("the interfaces and routes are right");
    };
    let mut check = Check {
        frames: 0,
        mtu: [65_535, 65_535, 1500, 68, 256],
    };
    let (mut now, mut rest) = (now, octets);
    while let Some((&[len, how, pass], behind)) = rest.split_first_chunk::<3>() {
        let len = usize::from(len).min(behind.len());
        let (packet, next) = behind.split_at(len);
        rest = next;
        let mut packet = packet.to_vec();
        let Some(&id) = ids.get(usize::from(how) % 3) else {
            return;
        };
        if how & 0x10 != 0 {
            make_plausible(&mut packet);
        }
        let mut arrival = Arrival {
            broadcast: how & 0x20 != 0,
            ..Arrival::new(id)
        };
        if how & 0x40 != 0 {
            arrival.offload = VirtioHeader {
                gso: if how & 0x80 != 0 {
                    Gso::TcpV4
                } else {
                    Gso::None
                },
                gso_size: u16::from(pass),
                checksum_start: 20,
                checksum_offset: 16,
                ..VirtioHeader::FINISHED.with_needs_checksum(true)
            };
        }
        if how & 0x0c == 0x0c {
            station.receive_arp(now, id, &packet, &mut check);
        } else {
            station.receive(now, &arrival, &mut packet, &mut check);
        }
        now += Duration::from_millis(u64::from(pass) * u64::from(pass));
        station.handle_timeout(now, &mut check);
        while station.poll_event().is_some() {}
    }
    // Fragments that wait are the most that a few packets can make it keep.
    assert!(station.ip.reassembly.memory() <= 16 * octets.len() + 64 * 1024);
}

/// Gives a packet a length and a checksum that are right.
fn make_plausible(packet: &mut [u8]) {
    let len = packet.len();
    let Some(header) = packet.first_chunk_mut::<20>() else {
        return;
    };
    header[0] = 0x45;
    [header[2], header[3]] = (len as u16).to_be_bytes();
    (header[12], header[13]) = (44, header[13] & 7);
    (header[16], header[17]) = (44, header[17] & 7);
    header[10..12].fill(0);
    let checksum = Sum::new().octets(header).checksum();
    [header[10], header[11]] = checksum.to_be_bytes();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
            fuzz_station(wanbox_sim::Clock::new().now(), &octets);
        }
    }
}
