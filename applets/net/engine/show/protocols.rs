//! `ip status`, `icmp status`, `udp status`, `ping`, `rip status`, and what their traces print.

use std::fmt::Write as _;
use std::time::Instant;

use super::{Counter, Names, column, counters};
use crate::icmp::{self, Icmp, Notice, kind};
use crate::interface::Interfaces;
use crate::ip::Ip;
use crate::ping::{Pings, Reply};
use crate::rip::{Rip, RipNotice};
use crate::route::RouteStats;
use crate::udp::{UDP_PORTS, Udp, port_name};

/// The counters of IP.
#[must_use]
pub fn ip_counters(ip: &Ip) -> [Counter; 19] {
    let stats = &ip.stats;
    [
        (1, "ipForwarding", if ip.forwarding { 1 } else { 2 }),
        (2, "ipDefaultTTL", ip.ttl.into()),
        (3, "ipInReceives", stats.in_receives),
        (4, "ipInHdrErrors", stats.in_hdr_errors),
        (5, "ipInAddrErrors", stats.in_addr_errors),
        (6, "ipForwDatagrams", stats.forw_datagrams),
        (7, "ipInUnknownProtos", stats.in_unknown_protos),
        (
            8,
            "ipInDiscards",
            stats.in_discards + stats.too_deep + stats.bad_offload + stats.multicast,
        ),
        (9, "ipInDelivers", stats.in_delivers),
        (10, "ipOutRequests", stats.out_requests),
        (11, "ipOutDiscards", stats.out_discards),
        (12, "ipOutNoRoutes", stats.out_no_routes),
        (13, "ipReasmTimeout", ip.reassembly.timeout.as_secs()),
        (14, "ipReasmReqds", stats.reasm_reqds),
        (15, "ipReasmOKs", stats.reasm_oks),
        (16, "ipReasmFails", stats.reasm_fails),
        (17, "ipFragOKs", stats.frag_oks),
        (18, "ipFragFails", stats.frag_fails),
        (19, "ipFragCreates", stats.frag_creates),
    ]
}

/// `ip status`.
#[must_use]
pub fn ip_status(ip: &Ip, routes: &RouteStats, now: Instant, names: Names<'_>) -> String {
    let mut text = counters(&ip_counters(ip));
    let hits = percent(routes.cache_hits, routes.lookups);
    let _ = writeln!(
        text,
        "Routing lookups: {}, cache hits {} ({hits}%)",
        routes.lookups, routes.cache_hits
    );
    let partial = ip.reassembly.listed();
    if !partial.is_empty() {
        text += "Reassembly fragments:\n";
    }
    for (key, datagram) in partial {
        let _ = writeln!(
            text,
            "src {} dest {} id {} pctl {} time {} len {}",
            names(key.src),
            names(key.dst),
            key.ident,
            key.protocol,
            datagram.due.saturating_duration_since(now).as_millis(),
            datagram.total()
        );
        for (offset, last) in datagram.pieces() {
            let _ = writeln!(text, " offset {offset} last {last}");
        }
    }
    text
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

/// The counters of ICMP: names without what they begin with, received, sent.
#[must_use]
pub fn icmp_counters(icmp: &Icmp) -> Vec<(&'static str, u64, u64)> {
    const NAMES: [(&str, u8); 11] = [
        ("DestUnreachs", kind::UNREACHABLE),
        ("TimeExcds", kind::TIME_EXCEEDED),
        ("ParmProbs", kind::PARAMETER_PROBLEM),
        ("SrcQuenchs", kind::SOURCE_QUENCH),
        ("Redirects", kind::REDIRECT),
        ("Echos", kind::ECHO),
        ("EchoReps", kind::ECHO_REPLY),
        ("Timestamps", kind::TIMESTAMP),
        ("TimestampReps", kind::TIMESTAMP_REPLY),
        ("AddrMasks", kind::MASK),
        ("AddrMaskReps", kind::MASK_REPLY),
    ];
    let (received, sent) = (&icmp.received, &icmp.sent);
    let counted = NAMES
        .iter()
        .map(|(name, kind)| (*name, received.of(*kind), sent.of(*kind)));
    [
        ("Msgs", received.messages, sent.messages),
        ("Errors", received.errors, sent.errors),
    ]
    .into_iter()
    .chain(counted)
    .collect()
}

/// `icmp status`.
#[must_use]
pub fn icmp_status(icmp: &Icmp) -> String {
    let mut text = String::new();
    for (at, (name, received, sent)) in icmp_counters(icmp).into_iter().enumerate() {
        let _ = writeln!(
            text,
            "({:2}){:<20}{received:10}     ({:2}){:<20}{sent:10}",
            at + 1,
            format!("icmpIn{name}"),
            at + 14,
            format!("icmpOut{name}"),
        );
    }
    text
}

/// The line of an error that came in.
#[must_use]
pub fn icmp_notice(notice: &Notice, names: Names<'_>) -> String {
    let start = format!("ICMP from {}:", names(notice.from));
    let type_name = |kind| icmp::type_name(kind).map_or_else(|| kind.to_string(), str::to_owned);
    let code = icmp::code_name(notice.kind, notice.code)
        .map_or_else(|| notice.code.to_string(), str::to_owned);
    let dest = names(notice.dest);
    match notice.kind {
        kind::SOURCE_QUENCH => format!(
            "{start} dest {dest} {} {}\n",
            type_name(notice.kind),
            notice.code
        ),
        kind::REDIRECT => {
            let gateway = names(notice.rest.into());
            format!(
                "{start} dest {dest} {} {code} new gateway {gateway}\n",
                type_name(notice.kind)
            )
        }
        _ => format!("{start} dest {dest} {} {code}\n", type_name(notice.kind)),
    }
}

/// The line of a reply to a single ping.
#[must_use]
pub fn ping_reply(reply: &Reply, names: Names<'_>) -> String {
    let time = reply
        .millis
        .map_or_else(String::new, |millis| format!(", {millis} ms"));
    format!(
        "{}: echo reply id {} seq {}{time}\n",
        names(reply.from),
        reply.ident,
        reply.sequence
    )
}

/// The table of repeated pings.
#[must_use]
pub fn pings(pings: &Pings, names: Names<'_>) -> String {
    let mut text =
        "Host                Sent    Rcvd   %   Srtt   Mdev  Length  Interval\n".to_owned();
    for target in pings.targets() {
        let _ = writeln!(
            text,
            "{}{:8}{:8}{:4}{:7}{:7}{:8}{:10}",
            column(&names(target.host), 16),
            target.sent,
            target.received,
            percent(target.received, target.sent),
            target.srtt,
            target.mdev,
            target.length,
            target.interval
        );
    }
    text
}

/// The counters of UDP.
#[must_use]
pub fn udp_counters(udp: &Udp) -> [Counter; 4] {
    let stats = &udp.stats;
    [
        (1, "udpInDatagrams", stats.in_datagrams),
        (2, "udpNoPorts", stats.no_ports),
        (3, "udpInErrors", stats.in_errors + stats.queue_full),
        (4, "udpOutDatagrams", stats.out_datagrams),
    ]
}

/// `udp status`; the short form is without counters.
#[must_use]
pub fn udp_status(udp: &Udp, short: bool, names: Names<'_>) -> String {
    let mut text = String::new();
    if !short {
        text += &counters(&udp_counters(udp));
    }
    text += "    &UCB Rcv-Q  Local socket\n";
    for socket in udp.listed() {
        let _ = writeln!(
            text,
            "{:08x}{:6}  {}:{}",
            socket.id.number(),
            socket.waiting,
            names(socket.address),
            port_name(&UDP_PORTS, socket.port)
        );
    }
    text
}

/// `rip status`.
#[must_use]
pub fn rip_status(rip: &Rip, names: Names<'_>) -> String {
    let stats = &rip.stats;
    let mut text = format!(
        "RIP: sent {} rcvd {} reqst {} resp {} unk {} refused {}\n",
        stats.sent, stats.received, stats.requests, stats.responses, stats.unknown, stats.refused
    );
    text += "Active RIP output interfaces:\nDest Addr       Interval Split\n";
    for destination in rip.destinations() {
        let _ = writeln!(
            text,
            "{:<16}{:<9}{:<6}",
            names(destination.host),
            destination.interval,
            u8::from(destination.split)
        );
    }
    text += "Refusing announcements from gateways:\n";
    for host in rip.refused() {
        let _ = writeln!(text, "{}", names(host));
    }
    text
}

/// The line of what RIP did.
#[must_use]
pub fn rip_notice(notice: &RipNotice, interfaces: &Interfaces, names: Names<'_>) -> String {
    let way = |interface, gateway| {
        let interface = interfaces
            .get(interface)
            .map_or("", |interface| interface.name());
        format!("{interface} [{}]", names(gateway))
    };
    let line = match *notice {
        RipNotice::HoldDown(address, metric) => {
            format!("ignored (hold-down): {} {metric}", names(address))
        }
        RipNotice::Changed(address, old, new) => {
            format!("metric change: {} {old} -> {new}", names(address))
        }
        RipNotice::Better(address, metric) => format!("metric better: {} {metric}", names(address)),
        RipNotice::NotBetter(address, metric) => {
            format!("metric not better: {} {metric}", names(address))
        }
        RipNotice::Drop(address, bits, interface, gateway, metric) => {
            format!(
                "route drop [{}]/{bits} {} {metric}",
                names(address),
                way(interface, gateway)
            )
        }
        RipNotice::Add(address, bits, interface, gateway, metric) => {
            format!(
                "route add [{}]/{bits} {} {metric}",
                names(address),
                way(interface, gateway)
            )
        }
        RipNotice::ToSelf(address, metric) => format!("route to self: {} {metric}", names(address)),
        RipNotice::Refused(from) => format!("RIP refused from {}", names(from)),
        RipNotice::Response(from) => format!("RIPCMD_RESPONSE from {} ", names(from)),
        RipNotice::Request => "RIPCMD_REQUEST".to_owned(),
        RipNotice::Unknown => "RIPCMD: Unknown Type".to_owned(),
        RipNotice::NotIp => "RIP_rx: Not an IP RIP packet !".to_owned(),
        RipNotice::Merge(address, bits) => format!("merge {} {bits}", names(address)),
    };
    line + "\n"
}
