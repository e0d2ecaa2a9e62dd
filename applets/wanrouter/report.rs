//! What the `/proc` texts have no room for, for people.

use std::fmt::Write;
use std::time::Duration;

use crate::control::{CircuitStatus, Counters, DeviceStatus};

/// The rest of the state of a device, a line each.
pub fn device(state: &DeviceStatus) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &dyn std::fmt::Display| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{label:>16}: {value}");
    };
    line("line", &state.line);
    let carrier = match (state.cut, state.carrier) {
        (true, _) => "unplugged by 'wanconfig line cut'",
        (false, true) => "present",
        (false, false) => "absent",
    };
    line("carrier", &carrier);
    let since = span(state.state_seconds);
    match &state.reason {
        Some(reason) => line(
            "link",
            &format_args!("{} for {since}: {reason}", state.state.word()),
        ),
        None => line("link", &format_args!("{} for {since}", state.state.word())),
    }
    line("times it came up", &state.link_ups);
    if let Some(signalling) = &state.signalling {
        line("signalling", signalling);
    }
    if let Some(x25) = &state.x25 {
        let layer = match &x25.packet_layer {
            Some(layer) => format!("packet layer {layer}, {} circuits", x25.circuits),
            None => "no packet layer".to_owned(),
        };
        match &x25.lapb {
            Some(lapb) => line("X.25", &format_args!("LAPB {lapb}; {layer}")),
            None => line("X.25", &layer),
        }
    }
    if let Some(tty) = &state.tty {
        let open = if tty.open { "in use" } else { "unused" };
        let terminal = tty.terminal.display();
        line(
            "terminal",
            &format_args!("{}, {}, {terminal}, {open}", tty.usage, tty.mode),
        );
    }
    if let Some(characters) = &state.characters {
        let silence = match characters.inter_char_ms {
            0 => String::new(),
            ms => format!(", or before {ms} ms of silence"),
        };
        let (format, length) = (&characters.format, characters.piece_length);
        line(
            "characters",
            &format_args!("{format}, pieces of {length}{silence}"),
        );
    }
    match state.udp_port {
        0 => line("monitoring", &"off"),
        port => line("monitoring", &format_args!("UDP port {port}")),
    }
    line(
        "running for",
        &format_args!("{} (process {})", span(state.uptime_seconds), state.pid),
    );
    match &state.file {
        Some(file) => line("configuration", &file.display()),
        None => line(
            "configuration",
            &"no file: given by the command that started it",
        ),
    }
    if let Some(capture) = &state.capture {
        line("capture", &capture.display());
    }
    for interface in &state.interfaces {
        let state = if interface.up { "up" } else { "down" };
        let address = interface
            .address
            .map(|a| format!(" {a}"))
            .unwrap_or_default();
        let peer = interface
            .peer
            .map(|p| format!(" peer {p}"))
            .unwrap_or_default();
        let usage = &interface.usage;
        let api = match &interface.api {
            None => String::new(),
            Some(api) => match api.process {
                None => format!(" socket {}, unused", api.socket.display()),
                Some(pid) => format!(" socket {}, used by process {pid}", api.socket.display()),
            },
        };
        let circuit = interface.circuit.as_ref().map(circuit).unwrap_or_default();
        line(
            &interface.name,
            &format_args!(
                "{usage}, {state}, MTU {}{address}{peer}{circuit}{api}",
                interface.mtu
            ),
        );
    }
    text
}

/// The circuit of an X.25 interface.
fn circuit(circuit: &CircuitStatus) -> String {
    let mut text = format!(", {} {}", circuit.kind, circuit.state);
    if let Some(channel) = circuit.channel {
        text += &format!(" on channel {channel}");
    }
    if let Some(remote) = &circuit.remote {
        text += &format!(", {remote}");
    }
    if let Some(seconds) = circuit.hold_seconds {
        text += &format!(", no call for {seconds}s");
    }
    text
}

/// Counters, a group after the other.
pub fn counters(groups: &Counters) -> String {
    let mut text = String::new();
    for (group, counters) in groups {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{group}:");
        let width = counters.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in counters {
            let _ = writeln!(text, "  {name:<width$} {value:>12}");
        }
    }
    text
}

fn span(seconds: u64) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc_files::sample;

    #[test]
    fn a_device_in_words() {
        let mut state = sample("wanpipe1");
        state.reason = Some("no answer to status enquiries".to_owned());
        assert_eq!(
            device(&state),
            "            line: cable:demo
         carrier: present
            link: connected for 1m 1s: no answer to status enquiries
times it came up: 1
      signalling: ANSI
      monitoring: UDP port 9000
     running for: 1h 1m 40s (process 4711)
   configuration: no file: given by the command that started it
         wp1fr16: WANPIPE, up, MTU 1500 10.0.0.1 peer 10.0.0.2
"
        );
    }

    #[test]
    fn a_circuit_in_words() {
        let mut state = CircuitStatus {
            kind: "SVC".to_owned(),
            channel: Some(7),
            state: "connected".to_owned(),
            remote: Some("31161".to_owned()),
            hold_seconds: None,
        };
        assert_eq!(circuit(&state), ", SVC connected on channel 7, 31161");
        state.channel = None;
        state.hold_seconds = Some(9);
        state.state = "idle".to_owned();
        assert_eq!(circuit(&state), ", SVC idle, 31161, no call for 9s");
    }

    #[test]
    fn counters_in_groups() {
        let group = |names: &[(&str, u64)]| {
            names
                .iter()
                .map(|&(name, value)| (name.to_owned(), value))
                .collect()
        };
        let groups = [
            (
                "line".to_owned(),
                group(&[("rx_frames", 12), ("rx_too_long", 3)]),
            ),
            ("lmi".to_owned(), group(&[("polls", 1)])),
        ];
        assert_eq!(
            counters(&groups.into()),
            "line:\n  rx_frames             12\n  rx_too_long            3\nlmi:\n  polls            1\n"
        );
    }
}
