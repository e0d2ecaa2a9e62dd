//! `tcp status`, `tcp status TCB` and `tcp irtt`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_net_tcp::{Endpoint, Listener, Tcp, Timer, View};

use super::{Counter, Names, column, counters};
use crate::udp::{TCP_PORTS, port_name};

/// The widest number in a column of windows.
const WIDEST: u32 = 99_999;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn host(address: IpAddr, names: Names<'_>) -> String {
    match address {
        IpAddr::V4(address) => names(address),
        IpAddr::V6(address) => address.to_string(),
    }
}

/// An end of a connection: a host and a port, both by name where that is known.
#[must_use]
pub fn tcp_socket(end: Endpoint, names: Names<'_>) -> String {
    let port = port_name(&TCP_PORTS, end.port);
    format!("{}:{port}", host(end.addr, names))
}

/// The counters of TCP. There is none with the number 13.
#[must_use]
pub fn tcp_counters(tcp: &Tcp) -> [Counter; 14] {
    let (counters, parameters) = (tcp.counters(), tcp.parameters());
    [
        (1, "tcpRtoAlgorithm", 4),
        (2, "tcpRtoMin", millis(parameters.rto_min)),
        (3, "tcpRtoMax", millis(parameters.rto_max)),
        (4, "tcpMaxConn", parameters.connections as u64),
        (5, "tcpActiveOpens", counters.active_opens),
        (6, "tcpPassiveOpens", counters.passive_opens),
        (7, "tcpAttemptFails", counters.attempt_fails),
        (8, "tcpEstabResets", counters.estab_resets),
        (9, "tcpCurrEstab", counters.curr_estab),
        (10, "tcpInSegs", counters.in_segs),
        (11, "tcpOutSegs", counters.out_segs),
        (12, "tcpRetransSegs", counters.retrans_segs),
        (14, "tcpInErrs", counters.in_errs),
        (15, "tcpOutRsts", counters.out_rsts),
    ]
}

/// `tcp status`: all connections, then servers; the short form is without counters.
#[must_use]
pub fn tcp_status(tcp: &Tcp, now: Instant, short: bool, names: Names<'_>) -> String {
    let mut text = if short {
        String::new()
    } else {
        counters(&tcp_counters(tcp))
    };
    text += "    &TCB Rcv-Q Snd-Q  Local socket           Remote socket          State\n";
    let mut line = |number: u32, queues: [u32; 2], local, remote, state: &str| {
        let [receive, send] = queues;
        let local = column(&tcp_socket(local, names), 22);
        let remote = column(&tcp_socket(remote, names), 22);
        let _ = writeln!(
            text,
            "{number:08x}{receive:6}{send:6}  {local} {remote} {state}"
        );
    };
    for view in tcp.views(now) {
        let queues = [view.receive_queue, view.send_queue];
        let (local, remote) = (view.flow.local, view.flow.remote);
        line(view.id.number(), queues, local, remote, view.state.name());
    }
    for (id, listener) in tcp.listeners() {
        let [local, remote] = tcp_listener(listener);
        line(id.number(), [0; 2], local, remote, "Listen (S)");
    }
    text
}

/// The two ends of a server's connections: its own, and anybody's.
#[must_use]
pub fn tcp_listener(listener: &Listener) -> [Endpoint; 2] {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let local = Endpoint::new(listener.addr.unwrap_or(any), listener.port);
    [local, Endpoint::new(any, 0)]
}

/// `tcp status TCB`: all of a connection, and what came behind holes (the first octet, and how many).
#[must_use]
pub fn tcp_connection(view: &View, holes: &[(u32, u32)], names: Names<'_>) -> String {
    let (send_rate, receive_rate) = view.throughput();
    let mut text = format!(
        "Local: {} Remote: {} State: {}\n",
        tcp_socket(view.flow.local, names),
        tcp_socket(view.flow.remote, names),
        view.state.name(),
    );
    text += "         Unack     Next Resent CWind Thrsh  Wind  MSS Queue  Thruput      Total\n";
    let _ = writeln!(
        text,
        "Send: {:08x} {:08x}{:7}{:6}{:6}{:6}{:5}{:6}{send_rate:9}{:11}",
        view.send_unacknowledged,
        view.send_next,
        view.resent,
        view.congestion_window,
        view.threshold.min(WIDEST),
        view.send_window,
        view.send_mss,
        view.send_queue,
        view.sent,
    );
    let _ = writeln!(
        text,
        "Recv:          {:08x}{:7}            {:6}     {:6}{receive_rate:9}{:11}",
        view.receive_next,
        view.received_again,
        view.receive_window,
        view.receive_queue,
        view.received,
    );
    text += "Dup acks   Backoff   Timeouts   Source Quench   Unreachables   Power\n";
    let srtt = millis(view.smoothed_rtt);
    let power = match send_rate.saturating_mul(1000).checked_div(srtt) {
        Some(power) => format!("{power:8}"),
        None => "     INF".to_owned(),
    };
    let _ = writeln!(
        text,
        "{:8}{:10}{:11}{:16}{:15}{power}{}",
        view.dup_acks,
        view.backoff,
        view.timeouts,
        view.source_quenches,
        view.unreachables,
        if view.retrying { " Retry" } else { "" },
    );
    text += "Timer        Count  Duration  Last RTT      SRTT      Mdev   Method\n";
    let (timer, left) = match view.timer {
        Timer::Stopped => ("stopped", Duration::ZERO),
        Timer::Running(left) => ("running", left),
        Timer::Expired => ("expired", Duration::ZERO),
    };
    let _ = writeln!(
        text,
        "{timer} {:10}{:10}{:10}{srtt:10}{:10}   {}",
        millis(left),
        millis(view.timeout),
        millis(view.last_rtt),
        millis(view.rtt_deviation),
        if view.timestamps {
            "timestamps"
        } else {
            "standard"
        },
    );
    if !holes.is_empty() {
        text += "Reassembly queue:\n";
    }
    for (first, octets) in holes {
        let _ = writeln!(text, "  seq x{first:x} {octets} bytes");
    }
    text
}

/// `tcp irtt`: what is believed of new destinations, and known of others.
#[must_use]
pub fn tcp_round_trips(tcp: &Tcp, names: Names<'_>) -> String {
    let mut text = format!("TCP default irtt: {}\n", millis(tcp.parameters().irtt));
    for (address, path) in tcp.paths() {
        if let Some((srtt, mdev)) = path.rtt() {
            let (srtt, mdev) = (millis(srtt), millis(mdev));
            let _ = writeln!(text, "{}: srtt {srtt} mdev {mdev}", host(address, names));
        }
    }
    text
}
