//! A node under arbitrary packets, calls and times: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;

use crate::circuit::CircuitId;
use crate::circuits::Event;
use crate::netrom::NetRom;
use crate::nodes::Broadcast;
use crate::show;
use crate::table::{MOST_LINKS, MOST_NODES};

/// The most packets that one input makes a node send.
const MOST_SENT: usize = 100_000;

/// What the input still holds.
struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn octets(&mut self, most: usize) -> &'i [u8] {
        let (octets, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        octets
    }
}

/// A station with one of a few call signs.
fn station(octet: u8) -> Call {
    Call::named(*b"DB0FUZ").with_ssid(octet % 8)
}

/// Any octets: what happens to a node, step by step. Nothing panics, memory stays bounded, it comes to rest.
pub fn fuzz_netrom_node(start: Instant, input: &[u8]) {
    let mut input = Input(input);
    let mut now = start;
    let mut node = NetRom::new(now);
    node.set_call(station(0));
    node.set_serving(true);
    node.set_ip(true);
    let path = vec![Call::NODES];
    // There is room for the first one.
    let _ = node.add_broadcast(Broadcast { port: 0, path });
    let mut circuits: Vec<CircuitId> = Vec::new();
    let (mut packet, mut sent) = (Vec::new(), 0);
    while let (Some(step), Some(value)) = (input.octet(), input.octet()) {
        let any = circuits
            .get(usize::from(value) % circuits.len().max(1))
            .copied();
        match (step % 16, any) {
            (0..=4, _) => {
                // A header that means something comes of few octets; the rest is as it is.
                let kind = input.octet().unwrap_or_default();
                let (from, to) = (station(value >> 3), station(kind >> 6));
                let mut whole = [*from.octets(), *to.octets()].concat();
                whole.push(kind);
                whole.extend_from_slice(input.octets(usize::from(kind >> 2)));
                node.received(now, station(value), &whole);
            }
            (5, _) => {
                node.received(now, station(value), input.octets(usize::from(value)));
            }
            (6 | 7, _) => {
                let mut whole = vec![0xff];
                whole.extend_from_slice(input.octets(usize::from(value)));
                node.heard(now, station(value), &whole);
            }
            (8, _) => circuits.extend(node.connect(now, station(value), station(step))),
            (9, Some(id)) => {
                node.send(now, id, &[value; 300]);
            }
            (10, Some(id)) => {
                let mut to = Vec::new();
                let most = usize::from(value) * 4;
                assert!(node.read(now, id, most, &mut to) <= most);
            }
            (11, Some(id)) => match value >> 6 {
                0 => node.close(now, id),
                1 => node.reset(now, id),
                2 => node.kick(now, id),
                _ => node.release(now, id),
            },
            (12, _) => {
                let number = usize::from(step >> 4) * 2 + usize::from(value & 1);
                node.set_parameter(now, number, value.into());
            }
            (13, _) => node.neighbour_lost(now, station(value)),
            (14, _) => {
                node.set_link(
                    now,
                    (station(step >> 4), station(value)),
                    value,
                    value > 200,
                );
            }
            _ => now += Duration::from_secs(value.into()) * 4,
        }
        sent += turn(&mut node, now, &mut circuits, &mut packet);
        assert!(sent < MOST_SENT, "it never stops");
    }
    let shown = show::links(&mut node, now, None) + &show::nodes(&mut node, now, None);
    assert!(shown.is_ascii());
    assert!(show::status(&node).is_ascii());
    for circuit in node.circuits() {
        assert!(circuit.receive_queue() <= 2 * 128 * 236 + 128 * 236);
        assert!(circuit.send_queue() <= 127 * 236);
        assert!(show::circuit(&node, circuit, now).is_ascii());
    }
    assert!(node.nodes(now).count() <= MOST_NODES && node.links(now).count() <= MOST_LINKS);
    for id in circuits {
        node.release(now, id);
    }
    // Nobody answers: all circuits end.
    for _ in 0..100_000 {
        turn(&mut node, now, &mut Vec::new(), &mut packet);
        match node.poll_timeout() {
            Some(due) if node.circuits().next().is_some() => now = now.max(due),
            _ => break,
        }
    }
    let left = node.circuits().filter(|circuit| circuit.is_released());
    assert_eq!(left.count(), 0, "circuits that nobody has any more end");
}

/// Does what is due, and takes what there is to send; how many packets.
fn turn(
    node: &mut NetRom,
    now: Instant,
    circuits: &mut Vec<CircuitId>,
    packet: &mut Vec<u8>,
) -> usize {
    if node.poll_timeout().is_some_and(|due| due <= now) {
        node.handle_timeout(now);
    }
    let mut sent = 0;
    while node.poll_transmit(now, packet).is_some() || node.poll_broadcast(packet).is_some() {
        sent += 1;
        assert!(sent < MOST_SENT, "it never stops");
    }
    while let Some(event) = node.poll_event() {
        if let Event::Incoming(id) = event {
            circuits.push(id);
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use wanbox_sim::{Clock, for_each_seed};

    use super::*;

    #[test]
    fn any_octets_do_no_harm() {
        let start = Clock::new().now();
        for_each_seed(3000, |seed| {
            let mut random = wanbox_sim::Random::new(seed);
            let mut octets = vec![0; random.below(600) as usize];
            random.fill(&mut octets);
            // Steps that mean something are more frequent than among all octets.
            for step in octets.iter_mut().step_by(7) {
                *step %= 16;
            }
            fuzz_netrom_node(start, &octets);
        });
    }
}
