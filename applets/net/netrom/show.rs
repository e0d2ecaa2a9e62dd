//! What commands print of the node, as pure functions of its state.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;

use crate::circuit::{Circuit, Reason};
use crate::netrom::NetRom;
use crate::parameters::PARAMETERS;

/// The column in which the values of one circuit begin.
const VALUES: usize = 14;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The ends of a circuit: who came from where, or went where.
#[must_use]
pub fn ends(circuit: &Circuit) -> String {
    let sign = if circuit.is_incoming() { "@" } else { "->" };
    format!("{} {sign} {}", circuit.user(), circuit.node())
}

/// An index and an id.
#[must_use]
pub fn number(circuit: u16) -> String {
    let [index, id] = circuit.to_be_bytes();
    format!("{index}/{id}")
}

/// `netrom links`: each link from both of its ends, or those of one node.
#[must_use]
pub fn links(node: &mut NetRom, now: Instant, from: Option<Call>) -> String {
    let mut text = String::from("From       To         Level  Quality   Age\n");
    let mut lines = Vec::new();
    for ([a, b], link) in node.links(now) {
        lines.extend([(a, b, *link), (b, a, *link)]);
    }
    lines.retain(|(a, _, _)| from.is_none_or(|from| from == *a));
    lines.sort_by_key(|(a, b, _)| (*a, *b));
    for (a, b, link) in lines {
        let _ = write!(text, "{a:<9}  {b:<9}  {:5}  {:7}", link.level, link.quality);
        if !link.permanent {
            let age = now.saturating_duration_since(link.updated).as_secs();
            let _ = write!(text, "  {age:4}");
        }
        text.push('\n');
    }
    text
}

/// `netrom nodes`: all of them, or one.
#[must_use]
pub fn nodes(node: &mut NetRom, now: Instant, only: Option<Call>) -> String {
    let mut text = String::from("Node       Ident   Neighbor   Level  Quality\n");
    let own = node.call();
    for (call, known) in node.nodes(now) {
        // A station without a call sign is no node yet.
        if call.is_none() || only.is_some_and(|only| only != call) {
            continue;
        }
        let neighbour = known.neighbour.filter(|_| call != own);
        let neighbour = neighbour.map(|call| call.to_string()).unwrap_or_default();
        let _ = writeln!(
            text,
            "{call:<9}  {:<6.6}  {neighbour:<9}  {:5}  {:7}",
            known.ident,
            known.hops,
            known.whole_quality()
        );
    }
    text
}

/// A line of `netrom parms`: a parameter by its number, with the value it has.
#[must_use]
pub fn parameter(number: usize, value: u32) -> String {
    let text = number.checked_sub(1).and_then(|at| PARAMETERS.get(at));
    let text = text.map_or("", |parameter| parameter.text);
    let name = format!("{number:2} {text}");
    format!("{name:<46} {value:10}\n")
}

/// `netrom status`: one line a circuit.
#[must_use]
pub fn status(node: &NetRom) -> String {
    let counters = node.counters();
    let mut text = format!(
        "bdcsts rcvd {} bdcsts sent {}\n   &NRCB Rcv-Q Unack  Rt  Srtt  State          Remote socket\n",
        counters.broadcasts_received, counters.broadcasts_sent
    );
    for circuit in node.circuits() {
        let star = |is_so| if is_so { '*' } else { ' ' };
        let (srtt, _) = circuit.round_trip();
        let _ = writeln!(
            text,
            "{:8x} {:5}{}{:3}/{}{} {:2} {:5.1}  {:<13}  {}",
            circuit.id().number(),
            circuit.receive_queue(),
            star(circuit.choke_sent()),
            circuit.unacknowledged().len(),
            circuit.congestion_window(),
            star(circuit.is_remote_busy()),
            circuit.retries(),
            srtt.as_secs_f64(),
            circuit.state().name(),
            ends(circuit)
        );
    }
    if node.is_serving() {
        let _ = writeln!(text, "{:32}{:<13}  *", "", "Listening");
    }
    text
}

/// `netrom status CB`: all about one circuit.
#[must_use]
pub fn circuit(node: &NetRom, circuit: &Circuit, now: Instant) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{:<VALUES$}{value}", format!("{label}:"));
    };
    let yes = |is_so| if is_so { "Yes" } else { "No" };
    let [t1, t3, t4] = circuit.timers(now, node.parameters());
    let (srtt, deviation) = circuit.round_trip();
    let timer = |(left, whole): (Option<Duration>, Duration)| {
        let left = left.map_or("stop".to_owned(), |left| millis(left).to_string());
        format!("{left}/{} ms", millis(whole))
    };
    line("Address", &ends(circuit));
    line("Remote id", &number(circuit.remote()));
    line("Local id", &number(circuit.id().0));
    line("State", &circuit.state().name());
    if circuit.reason() != Reason::Normal {
        line("Reason", &circuit.reason().name());
    }
    line("Window", &circuit.window());
    line("NAKsent", &yes(circuit.nak_sent()));
    line("CHOKEsent", &yes(circuit.choke_sent()));
    line("Closed", &yes(circuit.is_closed()));
    let busy =
        t4.0.map_or("No".to_owned(), |left| format!("{} ms", millis(left)));
    line("Remote_busy", &busy);
    line("CWind", &circuit.congestion_window());
    line("Retry", &circuit.retries());
    line("Srtt", &format_args!("{} ms", millis(srtt)));
    line("Mean dev", &format_args!("{} ms", millis(deviation)));
    line("Timer T1", &timer(t1));
    line("Timer T3", &timer(t3));
    line("Timer T4", &timer(t4));
    line("Rcv queue", &circuit.receive_queue());
    let ahead: Vec<_> = circuit.reassembly().collect();
    packets(&mut text, "Reassembly queue", &ahead);
    let _ = writeln!(text, "{:<VALUES$}{}", "Snd queue:", circuit.send_queue());
    let sent: Vec<_> = circuit.unacknowledged().collect();
    packets(&mut text, "Resend queue", &sent);
    text
}

/// Packets that wait, if there are any.
fn packets(text: &mut String, label: &str, packets: &[(u8, usize)]) {
    if !packets.is_empty() {
        let _ = writeln!(text, "{label}:");
    }
    for (number, octets) in packets {
        let _ = writeln!(text, "{:VALUES$}Seq {number:3}: {octets:3} bytes", "");
    }
}
