//! `net` beside a station with smoltcp's stack: the same kind of TUN, the kernel at its host's end.
//!
//! Both take turns with the same kernel. The kernel's segmentation and checksums for the TUN are off, so that both
//! stations see the same segments and check them; what `net` does with them on, as it ships, is a row of its own.

mod load;
mod programs;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wanbox_console::progress::rate;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Netns, Result, ensure};

use crate::{Row, median, met};
use load::Direction;
use programs::{Forwarder, Kind, Station};

/// Measurements of each kind and station.
const ROUNDS: usize = 5;
/// How long each lasts.
const EACH: Duration = Duration::from_secs(2);
/// Connections that are opened to see what one takes.
const MANY: usize = 1000;

/// TCP from the kernel to a station, and back; connections a second, and their memory.
pub fn tcp(wanbox: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, service, connections, wanted) in [
        ("net: TCP in, 1 connection", "discard", 1, Some(1.0)),
        ("net: TCP in, 100", "discard", 100, None),
        ("net: TCP in, 1,000", "discard", MANY, Some(5.0)),
        ("net: TCP in and out, 1", "echo", 1, Some(1.0)),
        ("net: TCP in and out, 100", "echo", 100, None),
        ("net: TCP in and out, 1,000", "echo", MANY, Some(5.0)),
    ] {
        let mut costs = [Vec::new(), Vec::new()];
        let [ours, theirs] = compare(wanbox, service, connections, |which, station| {
            let passed = load::transfer(station, connections, direction(service), EACH)?;
            costs[which].push(passed.a_segment);
            Ok(passed.rate)
        })?;
        rows.push(Row {
            what,
            wanbox: rate(ours),
            other: format!("smoltcp {}", rate(theirs)),
            ratio: format!("{:.2}", ours / theirs),
            wanted: wanted.map_or_else(String::new, |least| format!("at least {least}")),
            met: wanted.map_or("", |least| met(ours >= least * theirs)),
        });
        let [ours, theirs] = costs.map(|mut costs| median(&mut costs));
        rows.push(Row {
            what: "  its own code, a segment",
            wanbox: format!("{ours:.0} ns"),
            other: format!("smoltcp {theirs:.0}"),
            ratio: format!("{:.2}", ours / theirs),
            wanted: String::new(),
            met: "",
        });
    }
    let [ours, theirs] = compare(wanbox, "discard", 64, |_, station| {
        load::connections(station, EACH)
    })?;
    rows.push(Row {
        what: "net: connections",
        wanbox: format!("{ours:.0}/s"),
        other: format!("smoltcp {theirs:.0}/s"),
        ratio: format!("{:.2}", ours / theirs),
        wanted: String::new(),
        met: "",
    });
    let [ours, theirs] = compare(wanbox, "discard", MANY, |_, station| {
        load::memory(station, MANY)
    })?;
    rows.push(Row {
        what: "net: an idle connection",
        wanbox: format!("{ours:.0} octets"),
        other: format!("smoltcp {theirs:.0}"),
        ratio: format!("{:.2}", ours / theirs),
        wanted: String::new(),
        met: "",
    });
    for (what, service, connections) in [
        ("net: TCP in, as shipped, 1", "discard", 1),
        ("net: TCP in, as shipped, 1,000", "discard", MANY),
        ("net: TCP in and out, as shipped, 1", "echo", 1),
        ("net: TCP in and out, as shipped, 1,000", "echo", MANY),
    ] {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let station =
                Station::start(wanbox, Kind::Net { offload: true }, service, connections)?;
            rates.push(load::transfer(&station, connections, direction(service), EACH)?.rate);
        }
        rows.push(Row {
            what,
            wanbox: rate(median(&mut rates)),
            other: String::new(),
            ratio: String::new(),
            wanted: String::new(),
            met: "",
        });
    }
    Ok(rows)
}

fn direction(service: &str) -> Direction {
    if service == "echo" {
        Direction::Both
    } else {
        Direction::In
    }
}

/// The medians of a measurement of both stations, which take turns; it is told which of them it is at.
fn compare(
    wanbox: &Path,
    service: &str,
    connections: usize,
    mut measure: impl FnMut(usize, &Station) -> Result<f64>,
) -> Result<[f64; 2]> {
    let kinds = [Kind::Net { offload: false }, Kind::Smoltcp];
    let mut values = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        for (which, kind) in kinds.into_iter().enumerate() {
            // One that starts anew has no connections that are still on their way out.
            let station = Station::start(wanbox, kind, service, connections)?;
            let value = measure(which, &station)?;
            println!(
                "{round}: {:7} {service} {connections:5}: {value:.0}",
                kind.name()
            );
            values[which].push(value);
        }
    }
    Ok(values.map(|mut values| median(&mut values)))
}

/// Packets from one TUN to another, through the station and through a program that looks at none of them.
pub fn forward(wanbox: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, size) in [
        ("net: forwarded, 64 octets", 64),
        ("net: forwarded, 1400", 1400),
    ] {
        let mut values = [Vec::new(), Vec::new()];
        for round in 1..=ROUNDS {
            for (kind, values) in [Kind::Net { offload: true }, Kind::Copy]
                .into_iter()
                .zip(&mut values)
            {
                let forwarder = Forwarder::start(wanbox, kind)?;
                let value = load::datagrams(&forwarder, size, EACH)?;
                println!("{round}: {:7} {size} octets: {value:.0}/s", kind.name());
                values.push(value);
            }
        }
        let [ours, theirs] = values.map(|mut values| median(&mut values));
        rows.push(Row {
            what,
            wanbox: format!("{ours:.0}/s"),
            other: format!("a copier {theirs:.0}/s"),
            ratio: format!("{:.2}", ours / theirs),
            wanted: String::new(),
            met: "",
        });
    }
    Ok(rows)
}

/// What the engine does without a device: connections within the station, and look-ups in a large table.
pub fn engine(_wanbox: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let loopback = example("loopback")?;
    for (what, mss, original) in [
        ("net: within the station, MSS 512", "512", 1.2),
        ("net: within the station, MSS 1460", "1460", 3.1),
    ] {
        let line = loopback.lines().find(|line| {
            let mut words = line
                .split_whitespace()
                .map(|word| word.trim_matches([':', ',']));
            line.starts_with("checksums ")
                && line.contains(" 1 connections")
                && words.any(|word| word == mss)
        });
        let found = line.and_then(|line| number_before(line, "Gbit/s"));
        let gigabits = found.ok_or_else(|| Error::new(format!("no rate in {loopback}")))?;
        rows.push(Row {
            what,
            wanbox: format!("{gigabits:.1} Gbit/s"),
            other: format!("the original {original} Gbit/s"),
            ratio: format!("{:.1}", gigabits / original),
            wanted: "at least 2".to_owned(),
            met: met(gigabits >= 2.0 * original),
        });
    }
    let routes = example("routes")?;
    let mut slowest = [0f64; 2];
    let mut other = 0;
    for line in routes.lines() {
        match number_before(line, "ns a look-up") {
            Some(nanoseconds) => slowest[other] = slowest[other].max(nanoseconds),
            None => other = usize::from(!line.starts_with("lengths of the Internet")),
        }
    }
    let [internet, any] = slowest;
    ensure!(internet > 0.0 && any > 0.0, "no times in {routes}");
    for (what, nanoseconds, wanted, met) in [
        (
            "net: a look-up in 1,000,000 routes, as the Internet's",
            internet,
            "under 200 ns",
            met(internet < 200.0),
        ),
        ("  the worst of other lengths", any, "", ""),
    ] {
        rows.push(Row {
            what,
            wanbox: format!("{nanoseconds:.0} ns"),
            other: String::new(),
            ratio: String::new(),
            wanted: wanted.to_owned(),
            met,
        });
    }
    Ok(rows)
}

/// The number that stands before these words.
fn number_before(line: &str, words: &str) -> Option<f64> {
    let before = line
        .split(words)
        .next()
        .filter(|before| before.len() < line.len())?;
    before.split_whitespace().last()?.parse().ok()
}

/// What an example that was built beside this program prints.
fn example(name: &str) -> Result<String> {
    let path = std::env::current_exe()?
        .with_file_name("examples")
        .join(name);
    let text = finish(&mut Command::new(path), Duration::from_secs(300))?.ok()?;
    print!("{text}");
    Ok(text)
}

/// A network namespace where a connection that is over leaves nothing behind.
fn network() -> Result<Netns> {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    netns.inside(|| {
        for (name, value) in [
            ("ipv4/tcp_max_tw_buckets", "0"),
            ("ipv4/ip_local_port_range", "1024 65535"),
            // Announcements of the kernel's own would be counted.
            ("ipv6/conf/all/disable_ipv6", "1"),
            ("ipv6/conf/default/disable_ipv6", "1"),
        ] {
            std::fs::write(format!("/proc/sys/net/{name}"), value)?;
        }
        Ok(())
    })?;
    Ok(netns)
}
