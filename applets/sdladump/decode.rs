//! What is in the memory of a device.

use std::collections::BTreeMap;

use serde::Serialize;
use wanbox_console::table::{Align, columns};
use wanbox_wire::status_map::{Direction, Section, VERSION, View, channel_flags, state};

use crate::memory::Memory;

#[derive(Serialize)]
struct Everything<'m> {
    device: &'m str,
    version: u16,
    size: u32,
    pid: u32,
    generation: u64,
    started_ns: u64,
    updated_ns: u64,
    sections: Vec<Place>,
    status: Option<Status<'m>>,
    configuration: BTreeMap<&'m str, &'m str>,
    statistics: BTreeMap<&'m str, BTreeMap<&'m str, u64>>,
    channels: Vec<Channel<'m>>,
    trace: Vec<Traced>,
}

#[derive(Serialize)]
struct Place {
    name: &'static str,
    offset: u32,
    length: u32,
    record: u16,
    used: u32,
    omitted: u32,
}

#[derive(Serialize)]
struct Status<'m> {
    device: &'m str,
    protocol: &'m str,
    station: &'m str,
    signalling: Option<&'m str>,
    state: &'static str,
    carrier: bool,
    cut: bool,
    interfaces: u32,
    since_ns: u64,
    link_ups: u64,
    reason: Option<&'m str>,
}

#[derive(Serialize)]
struct Channel<'m> {
    interface: &'m str,
    usage: &'m str,
    dlci: u16,
    connected: bool,
    up: bool,
    address: Option<String>,
    peer: Option<String>,
    rx_packets: u64,
    rx_octets: u64,
    rx_dropped: u64,
    tx_packets: u64,
    tx_octets: u64,
    tx_dropped: u64,
}

#[derive(Serialize)]
struct Traced {
    number: u64,
    time_ns: u64,
    direction: &'static str,
    length: u16,
    octets: String,
}

fn view<'m>(device: &str, memory: &'m Memory) -> Result<View<'m>, String> {
    View::new(&memory.octets).map_err(|error| format!("the memory of {device}: {error}"))
}

/// Everything, as JSON.
///
/// # Errors
/// It is of another version, or damaged.
pub fn json(device: &str, memory: &Memory) -> Result<String, String> {
    let view = view(device, memory)?;
    let mut statistics: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for statistic in view.statistics() {
        let group = statistics.entry(statistic.group).or_default();
        group.insert(statistic.name, statistic.value);
    }
    let mut trace: Vec<_> = view
        .trace()
        .map(|traced| Traced {
            number: traced.number,
            time_ns: traced.time_ns,
            direction: match traced.direction {
                Direction::Incoming => "incoming",
                Direction::Outgoing => "outgoing",
            },
            length: traced.length,
            octets: hex(traced.octets),
        })
        .collect();
    trace.sort_by_key(|traced| traced.number);
    let everything = Everything {
        device,
        version: VERSION,
        size: view.header.size,
        pid: view.header.pid,
        generation: view.header.generation,
        started_ns: view.header.started_ns,
        updated_ns: view.header.updated_ns,
        sections: view.sections().map(|section| place(&section)).collect(),
        status: view.status().map(|status| Status {
            device: status.device,
            protocol: status.protocol,
            station: status.station,
            signalling: filled(status.signalling),
            state: match status.state {
                state::UNCONFIGURED => "unconfigured",
                state::DISCONNECTED => "disconnected",
                state::CONNECTING => "connecting",
                state::CONNECTED => "connected",
                _ => "unknown",
            },
            carrier: status.carrier,
            cut: status.cut,
            interfaces: status.interfaces,
            since_ns: status.since_ns,
            link_ups: status.link_ups,
            reason: filled(status.reason),
        }),
        configuration: view
            .configuration()
            .map(|setting| (setting.key, setting.value))
            .collect(),
        statistics,
        channels: view
            .channels()
            .map(|channel| Channel {
                interface: channel.interface,
                usage: channel.usage,
                dlci: channel.dlci,
                connected: channel.flags & channel_flags::CONNECTED != 0,
                up: channel.flags & channel_flags::UP != 0,
                address: address(channel.address),
                peer: address(channel.peer),
                rx_packets: channel.rx_packets,
                rx_octets: channel.rx_octets,
                rx_dropped: channel.rx_dropped,
                tx_packets: channel.tx_packets,
                tx_octets: channel.tx_octets,
                tx_dropped: channel.tx_dropped,
            })
            .collect(),
        trace,
    };
    serde_json::to_string_pretty(&everything)
        .map(|text| text + "\n")
        .map_err(|error| error.to_string())
}

/// The sections, a line each.
///
/// # Errors
/// As [`json`].
pub fn sections(memory: &Memory) -> Result<String, String> {
    let view = view("the device", memory)?;
    let rows: Vec<Vec<String>> = view
        .sections()
        .map(|section| {
            let place = place(&section);
            vec![
                place.name.to_owned(),
                format!("{:05X}", place.offset),
                place.length.to_string(),
                place.record.to_string(),
                place.used.to_string(),
                place.omitted.to_string(),
            ]
        })
        .collect();
    Ok(columns(
        &[
            ("section", Align::Left),
            ("offset", Align::Right),
            ("octets", Align::Right),
            ("record", Align::Right),
            ("in use", Align::Right),
            ("omitted", Align::Right),
        ],
        &rows,
    ))
}

fn place(section: &Section) -> Place {
    Place {
        name: section.kind.word(),
        offset: section.offset,
        length: section.length,
        record: section.record,
        used: section.used,
        omitted: section.omitted,
    }
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn address(address: std::net::Ipv4Addr) -> Option<String> {
    (!address.is_unspecified()).then(|| address.to_string())
}

/// Octets as lower-case digits.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
