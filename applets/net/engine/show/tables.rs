//! `route`, `arp` and `ipfilter`.

use std::fmt::Write as _;
use std::time::Instant;

use super::{Names, column};
use crate::arp::Arp;
use crate::filter::{Action, Filter};
use crate::interface::Interfaces;
use crate::route::{Route, Routes};

/// What is above the lines of [`routes`].
pub const ROUTE_HEADING: &str =
    "Dest               Len Interface    Gateway            Metric P   Timer Use\n";

/// A line of the routing table: an entry, and how many datagrams took it.
#[must_use]
pub fn route_line(
    route: &Route,
    uses: u64,
    interfaces: &Interfaces,
    now: Instant,
    names: Names<'_>,
) -> String {
    let target = if route.bits == 0 {
        "default".to_owned()
    } else {
        names(route.target)
    };
    let gateway = if route.gateway.is_unspecified() {
        String::new()
    } else {
        names(route.gateway)
    };
    let interface = interfaces
        .get(route.interface)
        .map_or("", |interface| interface.name());
    format!(
        "{} {:<4}{interface:<13}{}{:<7}{} {:>7} {}\n",
        column(&target, 18),
        route.bits,
        column(&gateway, 18) + " ",
        route.metric,
        if route.private { 'P' } else { ' ' },
        route.seconds_left(now),
        uses,
    )
}

/// The routing table.
#[must_use]
pub fn routes(routes: &Routes, interfaces: &Interfaces, now: Instant, names: Names<'_>) -> String {
    let lines = routes
        .listed()
        .into_iter()
        .map(|route| route_line(route, routes.uses(route), interfaces, now, names));
    lines.fold(ROUTE_HEADING.to_owned(), |text, line| text + &line)
}

/// The table of link addresses.
#[must_use]
pub fn arp(arp: &Arp, now: Instant, names: Names<'_>) -> String {
    let stats = &arp.stats;
    let mut text = format!(
        "received {} badtype {} bogus addr {} reqst in {} replies {} reqst out {}\n",
        stats.received,
        stats.bad_type,
        stats.bad_addr,
        stats.requests_in,
        stats.replies,
        stats.requests_out
    );
    text += "IP addr            Type              Time Q Addr\n";
    for (hardware, address, entry) in arp.listed() {
        let _ = write!(
            text,
            "{} {:<15}{:7} ",
            column(&names(address), 18),
            hardware.name(),
            entry.seconds_left(now)
        );
        match entry.link {
            Some(link) => {
                let published = if entry.published { " (published)" } else { "" };
                let _ = writeln!(text, "  {link}{published}");
            }
            None => {
                let _ = writeln!(text, "{:<2}[unknown]", entry.waiting());
            }
        }
    }
    text
}

/// The filter.
#[must_use]
pub fn ipfilter(filter: &Filter, names: Names<'_>) -> String {
    let mut text = String::new();
    for range in filter.ranges() {
        text += match range.action {
            Action::Allow => "allow ",
            Action::Deny => "deny  ",
        };
        if range.low == range.high {
            let _ = writeln!(text, "{}", names(range.low));
        } else {
            let _ = writeln!(text, "{} to {}", range.low, range.high);
        }
    }
    text
}
