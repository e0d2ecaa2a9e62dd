//! One node, octet by octet: the network layer, broadcasts, circuits, what is shown.

mod circuits;
mod network;
mod texts;

use std::time::Instant;

use wanbox_sim::Clock;
use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::ident;

use crate::NetRom;

pub fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// DB0SAO, and when.
pub fn node() -> (NetRom, Instant) {
    let now = Clock::new().now();
    let mut node = NetRom::new(now);
    node.set_call(call("DB0SAO"));
    node.set_ident(ident("GAERT"));
    (node, now)
}

/// DB0SAO beside DB0ID, behind which is DK0HU-2.
pub fn linked() -> (NetRom, Instant) {
    let (mut node, now) = node();
    node.heard(
        now,
        call("DB0ID"),
        &nodes("STGT", &[("DK0HU-2", "HUXI", "DB0ID", 192)]),
    );
    (node, now)
}

pub fn nodes(ident: &str, entries: &[(&str, &str, &str, u8)]) -> Vec<u8> {
    let mut packet = vec![0xff];
    packet.extend(format!("{ident:<6}").bytes());
    for (node, ident, best, quality) in entries {
        packet.extend(call(node).octets());
        packet.extend(format!("{ident:<6}").bytes());
        packet.extend(call(best).octets());
        packet.push(*quality);
    }
    packet
}

/// A packet of the network layer.
pub fn packet(origin: &str, destination: &str, time_to_live: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = call(origin).octets().to_vec();
    packet.extend(call(destination).octets());
    packet.push(time_to_live);
    packet.extend(rest);
    packet
}

/// All that a node sends now: to which neighbour, and what.
pub fn sent(node: &mut NetRom, now: Instant) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut packet = Vec::new();
    while let Some(neighbour) = node.poll_transmit(now, &mut packet) {
        all.push((neighbour.to_string(), packet.clone()));
    }
    all
}
