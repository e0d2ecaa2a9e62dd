//! The columns of the texts, as the Linux 2.4 router (`config`, `status`, a device) and its
//! successor (`interfaces`) had them. Widths are those of the originals; a value that is wider
//! than its column pushes the others to the right, as it did there.

use std::fmt::Write;

use crate::control::{DeviceStatus, InterfaceStatus, Traffic};

const CONFIG_HEADING: &str =
    "Device name    | port |IRQ|DMA|  mem.addr  |mem.size|option1|option2|option3|option4";
const STATUS_HEADING: &str =
    "Device name    |protocol|station|interface|clocking|baud rate| MTU |ndev|link state";
const INTERFACES_HEADING: &str = "Interface name | Device name | Media | Operational State |";

/// What the `config` text says of the card of a device. Every figure is 0 where a line has no card.
#[derive(Clone, Copy, Debug, Default)]
struct Card {
    port: u32,
    irq: u32,
    dma: u32,
    memory_address: u32,
    memory_size: u32,
    options: [u32; 4],
}

/// The `config` text. The lines of today have no port, interrupt or memory window: their figures are 0.
pub fn config(devices: &[DeviceStatus]) -> String {
    lines(
        CONFIG_HEADING,
        devices
            .iter()
            .map(|device| config_row(&device.device, Card::default())),
    )
}

fn config_row(name: &str, card: Card) -> String {
    let [option1, option2, option3, option4] = card.options;
    format!(
        "{name:<15}|0x{:<4X}|{:>3}|{:>3}| 0x{:<8X} |0x{:<6X}|{option1:>7}|{option2:>7}|{option3:>7}|{option4:>7}",
        card.port, card.irq, card.dma, card.memory_address, card.memory_size,
    )
}

/// The `status` text.
pub fn status(devices: &[DeviceStatus]) -> String {
    lines(STATUS_HEADING, devices.iter().map(status_row))
}

fn status_row(device: &DeviceStatus) -> String {
    format!(
        "{:<15}| {:<7}| {:<6}| {:<8}|{:<8}|{:>9}|{:>5}|{:>3} |{:<12}",
        device.device,
        device.protocol,
        device.station,
        device.electrical,
        device.clocking,
        device.baud_rate,
        device.mtu,
        device.interfaces.len(),
        device.state.word(),
    )
}

/// The `interfaces` text: every interface of every device.
pub fn interfaces(devices: &[DeviceStatus]) -> String {
    let rows = devices.iter().flat_map(|device| {
        let row = |interface| interface_row(&device.device, interface);
        device.interfaces.iter().map(row)
    });
    lines(INTERFACES_HEADING, rows)
}

fn interface_row(device: &str, interface: &InterfaceStatus) -> String {
    let circuit = interface.circuit.as_ref().and_then(|c| c.channel);
    let media = interface
        .dlci
        .or(circuit)
        .map_or_else(|| "N/A".to_owned(), |number| number.to_string());
    let state = if interface.connected {
        "Connected"
    } else {
        "Disconnected"
    };
    format!(
        "{:<15}| {device:<12}| {media:<6}| {state:<18}|",
        interface.name
    )
}

/// The text of one device: 17 counters.
pub fn device(traffic: &Traffic) -> String {
    // Collisions, overruns and missed packets belong to hardware that no line of today has.
    let counters = [
        ("total packets received", traffic.rx_packets),
        ("total packets transmitted", traffic.tx_packets),
        ("total bytes received", traffic.rx_octets),
        ("total bytes transmitted", traffic.tx_octets),
        ("bad packets received", traffic.rx_errors),
        ("packet transmit problems", traffic.tx_errors),
        ("received frames dropped", traffic.rx_dropped),
        ("transmit frames dropped", traffic.tx_dropped),
        ("multicast packets received", traffic.multicast),
        ("transmit collisions", 0),
        ("receive length errors", traffic.rx_length_errors),
        ("receiver overrun errors", 0),
        ("CRC errors", 0),
        ("frame format errors (aborts)", traffic.rx_frame_errors),
        ("receiver fifo overrun", 0),
        ("receiver missed packet", 0),
        ("aborted frames transmitted", 0),
    ];
    let mut text = String::new();
    for (label, count) in counters {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{label:>30}: {count:>12}");
    }
    text
}

fn lines(heading: &str, rows: impl Iterator<Item = String>) -> String {
    let mut text = format!("{heading}\n");
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
