//! `ifconfig` and `trace`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{Names, days};
use crate::interface::{Direction, Interface, Interfaces, TraceFlags};

/// An interface. `queued`: packets that wait for its line. `running`: how long the station runs, which
/// is how long an interface without packets is idle.
#[must_use]
pub fn ifconfig(
    interfaces: &Interfaces,
    interface: &Interface,
    queued: usize,
    now: Instant,
    running: Duration,
    names: Names<'_>,
) -> String {
    const INDENT: &str = "           ";
    let mut text = format!(
        "{:<10} IP addr {} MTU {} Link encap {}\n",
        interface.name(),
        names(interface.address()),
        interface.mtu(),
        interface.encapsulation.name(),
    );
    if let Some(link) = interface.link_address() {
        let _ = writeln!(text, "{INDENT}Link addr {link}");
    }
    let _ = writeln!(
        text,
        "{INDENT}trace 0x{:x} netmask 0x{:08x} broadcast {}",
        interface.trace.0,
        interface.netmask(),
        names(interface.broadcast()),
    );
    if let Some(to) = interface.forward().and_then(|to| interfaces.get(to)) {
        let _ = writeln!(text, "{INDENT}output forward to {}", to.name());
    }
    let idle = |direction: &Direction| {
        days(
            direction
                .last
                .map_or(running, |last| now.saturating_duration_since(last)),
        )
    };
    let counters = &interface.counters;
    let sent = &counters.sent;
    let _ = write!(
        text,
        "{INDENT}sent: ip {} tot {} idle {} qlen {queued}",
        sent.ip,
        sent.total,
        idle(sent)
    );
    if interface.txqlen > 0 {
        let _ = write!(text, "/{}", interface.txqlen);
    }
    text += if queued > 0 { " BUSY\n" } else { "\n" };
    let received = &counters.received;
    let _ = writeln!(
        text,
        "{INDENT}recv: ip {} tot {} idle {}",
        received.ip,
        received.total,
        idle(received)
    );
    let _ = writeln!(
        text,
        "{INDENT}{} crc errors {} bad ax25 headers {}",
        interface.crc.text(),
        counters.crc_errors,
        counters.bad_headers
    );
    text
}

/// What is traced on an interface.
#[must_use]
pub fn trace_status(interface: &Interface) -> String {
    let flags = interface.trace;
    let mut text = format!("{}:", interface.name());
    if !flags.has(TraceFlags::INPUT) && !flags.has(TraceFlags::OUTPUT) {
        return text + " tracing off\n";
    }
    for (bit, word) in [
        (TraceFlags::INPUT, " input"),
        (TraceFlags::OUTPUT, " output"),
        (TraceFlags::NO_BROADCAST, " - no broadcasts"),
    ] {
        if flags.has(bit) {
            text += word;
        }
    }
    text += if flags.has(TraceFlags::HEX) {
        " (Hex/ASCII dump)"
    } else if flags.has(TraceFlags::ASCII) {
        " (ASCII dump)"
    } else {
        " (headers only)"
    };
    if flags.has(TraceFlags::RAW) {
        text += " Raw output";
    }
    text + "\n"
}
