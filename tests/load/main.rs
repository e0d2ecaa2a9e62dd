//! `l2tp-load`: a LAC with as many subscribers as one wants, for any LNS.
//!
//! It brings them up, holds them, measures traffic through them and takes them down; `--json` says
//! what came of it. The tunnels are this repository's engine in the role of a LAC, the subscribers
//! its PPP.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

mod home;
mod lac;
mod latency;
mod netns;
mod options;
mod process;
mod radius;
mod subscriber;
mod tcp;
mod traffic;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use home::Home;
use lac::Lac;
use options::Options;
use process::{Usage, resident};
use subscriber::Stage;

/// The longest wait for the LNS to answer a request for a tunnel, or to acknowledge ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a run.
#[derive(Debug, Serialize)]
struct Report {
    lns: String,
    tunnels: u8,
    sessions: u32,
    /// Sessions that had an address at the end of the set-up.
    up: u32,
    failed: u32,
    /// Sessions that went down while they were held or used.
    lost: u32,
    /// From the first call to the last address, seconds.
    set_up_seconds: f64,
    set_ups_per_second: f64,
    /// From the call to the address, milliseconds: half of them, 95 and 99 in a hundred, all.
    latency_ms: [f64; 4],
    /// Until the LNS acknowledged all hang-ups, seconds.
    down_seconds: f64,
    downs_per_second: f64,
    /// Control messages that had to be sent again.
    resent: u32,
    /// Octets of memory of the LNS: before, with all sessions, after.
    resident: [Option<u64>; 3],
    /// Milliseconds of its processor time that a set-up took.
    cpu_ms_per_set_up: Option<f64>,
    traffic: Vec<traffic::Row>,
    tcp: Vec<tcp::Row>,
    latency: Vec<latency::Row>,
    /// What did not pass between the subscribers' programs and their sessions.
    home: Option<home::Counters>,
    /// Why sessions failed or were lost, and how many.
    causes: std::collections::BTreeMap<String, u32>,
}

fn main() -> ExitCode {
    let options: Options = argh::from_env();
    let result = options.check().and_then(|()| run(&options));
    match result {
        Ok(report) => {
            let whole = report.up == report.sessions && report.lost == 0;
            if options.json {
                match serde_json::to_string_pretty(&report) {
                    Ok(text) => println!("{text}"),
                    Err(error) => eprintln!("l2tp-load: {error}"),
                }
            } else {
                show(&report);
            }
            if whole {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("l2tp-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<Report, String> {
    let radius = options.radius.map(|at| {
        radius::Server::start(at, options.radius_netns.as_deref(), &options.radius_secret)
    });
    let radius = radius.transpose()?;
    let before = resident(options.pid);
    let mut lac = Lac::new(options)?;
    let begun = Instant::now();
    wait(&mut lac, PATIENCE, Lac::is_standing)?;
    if !lac.is_standing() {
        return Err(format!(
            "{} does not answer to a request for a tunnel {:?}",
            options.lns, lac.causes
        ));
    }
    log(
        options,
        &format!("{} tunnels after {:?}", options.tunnels, begun.elapsed()),
    );

    let usage = Usage::of(options.pid);
    let begun = Instant::now();
    let mut last = begun;
    loop {
        lac.begin(Instant::now());
        lac.turn(Duration::from_millis(10))?;
        let counts = lac.counts;
        if counts.up + counts.failed + counts.lost >= options.sessions {
            break;
        }
        if last.elapsed() > Duration::from_secs(5) {
            last = Instant::now();
            log(options, &format!("{counts:?}"));
        }
    }
    let set_up = begun.elapsed().as_secs_f64();
    let up = lac.counts.up;
    let usage = usage
        .zip(Usage::of(options.pid))
        .map(|(a, b)| b.process() - a.process());
    log(options, &format!("{:?} after {set_up:.2} s", lac.counts));

    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(options.hold) {
        lac.turn(Duration::from_millis(100))?;
    }
    let held = resident(options.pid);
    let traffic = if options.traffic > 0.0 {
        traffic::run(&mut lac, options)?
    } else {
        Vec::new()
    };
    let (tcp, latency) = if options.tcp > 0.0 || options.latency > 0.0 {
        with_home(&mut lac, options)?
    } else {
        (Vec::new(), Vec::new())
    };
    let home = lac.home.take().map(|home| home.counters());
    let lost = lac.counts.lost;

    let begun = Instant::now();
    let mut latencies: Vec<f64> = lac
        .subscribers
        .iter()
        .filter(|subscriber| subscriber.stage == Stage::Up)
        .filter_map(|subscriber| Some(subscriber.took?.as_secs_f64() * 1000.0))
        .collect();
    lac.hang_up(Instant::now());
    wait(&mut lac, PATIENCE, |lac| lac.backlog() == 0)?;
    let down = begun.elapsed().as_secs_f64();
    let after = resident(options.pid);
    lac.close(Instant::now());
    wait(&mut lac, PATIENCE, Lac::is_gone)?;
    if let Some(radius) = &radius {
        let answered = radius.answered.load(std::sync::atomic::Ordering::Relaxed);
        log(options, &format!("{answered} RADIUS requests answered"));
    }
    Ok(Report {
        lns: options.lns.to_string(),
        tunnels: options.tunnels,
        sessions: options.sessions,
        up,
        failed: lac.counts.failed,
        lost,
        set_up_seconds: set_up,
        set_ups_per_second: f64::from(up) / set_up,
        latency_ms: shares(&mut latencies),
        down_seconds: down,
        downs_per_second: f64::from(up) / down,
        resent: lac.resent(),
        resident: [before, held, after],
        cpu_ms_per_set_up: usage.map(|usage| usage.as_secs_f64() * 1000.0 / f64::from(up.max(1))),
        traffic,
        tcp,
        latency,
        home,
        causes: lac.causes.into_iter().collect(),
    })
}

/// What needs programs at the subscribers.
fn with_home(
    lac: &mut Lac,
    options: &Options,
) -> Result<(Vec<tcp::Row>, Vec<latency::Row>), String> {
    let streams = options.streams.0.iter().max().copied().unwrap_or(1);
    // One more has the thin flow of latency.
    let home = Home::open(lac, streams + 1)?;
    lac.home = Some(home);
    let tcp = match options.tcp {
        0.0 => Vec::new(),
        _ => tcp::run(lac, options)?,
    };
    let latency = match options.latency {
        0.0 => Vec::new(),
        _ => latency::run(lac, options)?,
    };
    Ok((tcp, latency))
}

/// Goes on until `done`, or for the time of patience.
fn wait(lac: &mut Lac, patience: Duration, done: impl Fn(&Lac) -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !done(lac) && begun.elapsed() < patience {
        lac.turn(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Half of the values are at most the first one given; then 95 and 99 in a hundred, and all.
fn shares(values: &mut [f64]) -> [f64; 4] {
    values.sort_by(f64::total_cmp);
    [0.5, 0.95, 0.99, 1.0].map(|share| {
        let place = (values.len() as f64 * share) as usize;
        values
            .get(place.min(values.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    })
}

fn log(options: &Options, line: &str) {
    if !options.json {
        println!("{line}");
    }
}

fn show(report: &Report) {
    println!(
        "{} of {} sessions up in {:.2} s, {:.0} a second; {} failed, {} lost, {} messages sent again",
        report.up,
        report.sessions,
        report.set_up_seconds,
        report.set_ups_per_second,
        report.failed,
        report.lost,
        report.resent
    );
    let [half, most, nearly, all] = report.latency_ms;
    println!(
        "from the call to the address: half in {half:.1} ms, 95 % in {most:.1}, 99 % in {nearly:.1}, all in {all:.1}"
    );
    println!(
        "down in {:.2} s, {:.0} a second",
        report.down_seconds, report.downs_per_second
    );
    if let [Some(before), Some(held), Some(after)] = report.resident {
        let each = held.saturating_sub(before) / u64::from(report.up.max(1));
        println!(
            "memory: {before} octets before, {held} with all, {after} after: {each} a session"
        );
    }
    if let Some(cpu) = report.cpu_ms_per_set_up {
        println!("processor: {cpu:.3} ms a set-up");
    }
    for row in &report.traffic {
        println!(
            "{:>5} flows {:4} octets {:4?}: {:9.0} a second sent, {:9.0} arrived, {:.3} % lost{}{}",
            row.flows,
            row.size,
            row.direction,
            row.sent,
            row.received,
            row.loss * 100.0,
            row.flooded
                .map_or(String::new(), |f| format!(", {f:.0} of a flood")),
            row.cpu
                .map_or(String::new(), |cpu| format!(", {cpu:.2} us a packet"))
        );
    }
    for row in &report.tcp {
        println!(
            "TCP {:4?} through {:2} sessions: {:6.0} Mbit/s, {} segments sent again{}",
            row.direction,
            row.streams,
            row.octets * 8e-6,
            row.resent,
            row.cpu
                .map_or(String::new(), |cpu| format!(", {cpu:.3} ns an octet"))
        );
    }
    for row in &report.latency {
        let [half, most, nearly, all] = row.us;
        println!(
            "round trip, {:?}: half in {half:.0} us, 95 % in {most:.0}, 99 % in {nearly:.0}, all in {all:.0}; {} of {} lost",
            row.beside, row.lost, row.sent
        );
    }
    if let Some(home) = &report.home {
        println!(
            "homes: {} packets of strangers, {} malformed, {} unsent, {} refused by the TUN",
            home.strangers, home.malformed, home.unsent, home.refused
        );
    }
    for (cause, count) in &report.causes {
        println!("{count:>7} {cause}");
    }
}
