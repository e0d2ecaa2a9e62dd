//! What commands print about the network layer, as pure functions of its state.
//!
//! Addresses are shown through `names`: a known host by its name, 0.0.0.0 as `*`, others in decimal. [`plain`]
//! knows no hosts.

mod ax25;
mod interfaces;
mod protocols;
mod tables;
mod tcp;

#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

pub use ax25::{
    ax25_destinations, ax25_heard, ax25_heard_live, ax25_link, ax25_route, ax25_route_counts,
    ax25_status, date,
};
pub use interfaces::{ifconfig, trace_status};
pub use protocols::{
    icmp_counters, icmp_notice, icmp_status, ip_counters, ip_status, ping_reply, pings, rip_notice,
    rip_status, udp_counters, udp_status,
};
pub use tables::{ROUTE_HEADING, arp, ipfilter, route_line, routes};
pub use tcp::{
    tcp_connection, tcp_counters, tcp_listener, tcp_round_trips, tcp_socket, tcp_status,
};

/// A counter: its number in the listing, its name in the management information base, its value.
pub type Counter = (u32, &'static str, u64);

/// How addresses are shown.
pub type Names<'n> = &'n dyn Fn(Ipv4Addr) -> String;

/// Addresses in decimal, 0.0.0.0 as `*`.
#[must_use]
pub fn plain(address: Ipv4Addr) -> String {
    if address.is_unspecified() {
        "*".to_owned()
    } else {
        address.to_string()
    }
}

/// A time as days, hours, minutes and seconds.
#[must_use]
pub fn days(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    format!(
        "{}:{:02}:{:02}:{:02}",
        hours / 24,
        hours % 24,
        minutes % 60,
        seconds % 60
    )
}

/// A text in a column of so many characters: cut, and filled with blanks.
fn column(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    format!("{cut:<width$}")
}

/// Numbered counters, two in a line.
#[must_use]
pub fn counters(counters: &[Counter]) -> String {
    let mut text = String::new();
    for pair in counters.chunks(2) {
        for (at, (number, name, value)) in pair.iter().enumerate() {
            if at > 0 {
                text += "     ";
            }
            text += &format!("({number:2}){name:<20}{value:10}");
        }
        text.push('\n');
    }
    text
}
