//! `make bench-l2tp`: wanbox's l2tpns beside Debian's. Both run at the same time, and every
//! measurement of some seconds is made of one and at once of the other: A, B, B, A. What is told are
//! medians, and the median of the relations of such pairs.
//!
//! Three network namespaces in a row: the LAC with its subscribers, the LNS, and a host beyond it.
//! The LNS has a processor, everything else the other one. What the kernel would segment late is
//! segmented before the wire, and what arrives is merged as network cards let the kernel do; that
//! the machine of an LNS forwards UDP merged too is asked for, as l2tpns.8 recommends.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use argh::FromArgs;
use serde_json::{Value, json};
use wanbox_rig::{Error, Result, sandbox};

use wanbox_load::place::{Place, Whose};
use wanbox_load::table::{self, Measure, Row, Wanted};

/// Compares wanbox's l2tpns with Debian's.
#[derive(FromArgs)]
struct Options {
    /// the executable of wanbox
    #[argh(positional)]
    wanbox: PathBuf,
    /// times that each is measured, set-ups five times as often (5)
    #[argh(option, default = "5")]
    runs: u32,
    /// sessions (1000)
    #[argh(option, default = "1000")]
    sessions: u32,
    /// seconds of each measurement of packets (0.3)
    #[argh(option, default = "0.3")]
    traffic: f64,
    /// seconds of each measurement of TCP (1.5)
    #[argh(option, default = "1.5")]
    tcp: f64,
    /// seconds of each measurement of round trips (1.5)
    #[argh(option, default = "1.5")]
    latency: f64,
    /// only this part: set-up, udp, tcp, latency or many; may be repeated (all but many)
    #[argh(option)]
    only: Vec<Part>,
    /// also hold 100,000 sessions for 60 s, with wanbox alone
    #[argh(switch)]
    many: bool,
    /// print a JSON object, with the values of all runs
    #[argh(switch)]
    json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    SetUp,
    Udp,
    Tcp,
    Latency,
    Many,
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "set-up" => Ok(Self::SetUp),
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            "latency" => Ok(Self::Latency),
            "many" => Ok(Self::Many),
            _ => Err(format!("'{text}': set-up, udp, tcp, latency or many")),
        }
    }
}

impl Options {
    fn has(&self, part: Part) -> bool {
        match part {
            Part::Many => self.many || self.only.contains(&part),
            _ => self.only.is_empty() || self.only.contains(&part),
        }
    }
}

fn main() -> ExitCode {
    match sandbox::enter() {
        Ok(None) => {}
        Ok(Some(code)) => return code,
        Err(error) => {
            eprintln!("l2tp-bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    match run(&argh::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("l2tp-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let wanbox = fs::canonicalize(&options.wanbox)?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let processors = std::thread::available_parallelism()?;
    eprintln!("kernel {}, {processors} processors", kernel.trim());
    let mut rows = Vec::new();
    if [Part::SetUp, Part::Udp, Part::Tcp, Part::Latency]
        .into_iter()
        .any(|part| options.has(part))
    {
        rows = compare(options, &wanbox)?;
    }
    if options.has(Part::Many) {
        rows.extend(many(&wanbox)?);
    }
    if options.json {
        let report = json!({
            "kernel": kernel.trim(),
            "processors": processors.get(),
            "sessions": options.sessions,
            "rows": rows,
        });
        println!("{report:#}");
    } else {
        println!("\n{}", table::show(&rows));
    }
    Ok(())
}

/// The program that makes the load: it is built beside this one.
fn load() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("l2tp-load"))
}

/// Sessions of one set-up after the other in a run.
const SET_UPS: usize = 5;

/// Logins under way at a time: usually, and when all subscribers come back after an outage.
const USUAL: u32 = 64;
const STORM: u32 = 256;

/// A part of a run that takes some seconds: both do it, one right after the other, so that both see
/// the same machine.
struct Slice {
    part: Part,
    /// Logins that are under way at a time.
    outstanding: u32,
    words: Vec<String>,
    /// What each said, in the order of the pairs.
    ours: Vec<Value>,
    theirs: Vec<Value>,
}

impl Slice {
    fn new(options: &Options, part: Part, outstanding: u32, words: &str) -> Self {
        let common = format!(
            "--sessions {} --tunnels 4 --outstanding {outstanding} {words}",
            options.sessions
        );
        Self {
            part,
            outstanding,
            words: common.split_whitespace().map(str::to_owned).collect(),
            ours: Vec::new(),
            theirs: Vec::new(),
        }
    }

    /// All that are asked for.
    fn all(options: &Options) -> Vec<Self> {
        let mut slices = Vec::new();
        let mut add = |part, words: String| {
            if options.has(part) {
                slices.push(Self::new(options, part, USUAL, &words));
            }
        };
        for flows in [1, options.sessions.min(1000)] {
            for size in [64, 512, 1400] {
                for direction in ["up", "down"] {
                    let time = options.traffic;
                    let words = format!(
                        "--traffic {time} --flows {flows} --sizes {size} --direction {direction}"
                    );
                    add(Part::Udp, words);
                }
            }
        }
        for streams in [1, 4] {
            let words = format!("--tcp {} --streams {streams}", options.tcp);
            add(Part::Tcp, words);
        }
        add(Part::Latency, format!("--latency {}", options.latency));
        if options.has(Part::SetUp) {
            let storms = [USUAL, STORM].map(|n| Self::new(options, Part::SetUp, n, ""));
            slices.splice(0..0, storms);
        }
        slices
    }

    fn rows(&self) -> Vec<Row> {
        let Some(first) = self.ours.iter().find(|report| !report.is_null()) else {
            return Vec::new();
        };
        let measures = match self.part {
            Part::SetUp => set_up(self.outstanding),
            Part::Udp => udp(first),
            Part::Tcp => tcp(first),
            Part::Latency => latency(first),
            Part::Many => Vec::new(),
        };
        measures
            .iter()
            .map(|measure| measure.row(&self.ours, &self.theirs))
            .collect()
    }
}

/// Both, in turn, and the medians of what they did.
fn compare(options: &Options, wanbox: &Path) -> Result<Vec<Row>> {
    let load = load()?;
    let mut slices = Slice::all(options);
    let (mut failed, mut gone) = ([0.0; 2], [0.0; 2]);
    let mut turn = 0_usize;
    for number in 1..=options.runs {
        let open = || [Whose::Wanbox, Whose::Debian].map(|whose| Place::new(whose, wanbox, &load));
        let mut places = open();
        for slice in &mut slices {
            let repeats = if slice.part == Part::SetUp {
                SET_UPS
            } else {
                1
            };
            for _ in 0..repeats {
                turn += 1;
                if slice.part == Part::SetUp {
                    // What is left to do of earlier sessions would be a part of it.
                    drop(places);
                    places = open();
                }
                let mut order = [0, 1];
                order.rotate_left(turn % 2);
                let mut reports = [Value::Null, Value::Null];
                for which in order {
                    let report = match &places[which] {
                        Ok(place) => place.load(&slice.words),
                        Err(error) => Err(Error::new(error.to_string())),
                    };
                    match report {
                        Ok(report) => {
                            let number = |name: &str| report[name].as_f64().unwrap_or(0.0);
                            gone[which] += number("lost") + number("failed");
                            reports[which] = report;
                        }
                        Err(error) => {
                            eprintln!(
                                "run {number}, {}: {error}",
                                [Whose::Wanbox, Whose::Debian][which].name()
                            );
                            failed[which] += 1.0;
                        }
                    }
                }
                let [a, b] = reports;
                slice.ours.push(a);
                slice.theirs.push(b);
            }
        }
        eprintln!("run {number} of {}", options.runs);
    }
    let mut rows: Vec<Row> = slices.iter().flat_map(Slice::rows).collect();
    if rows.is_empty() {
        return Err(Error::new("no run succeeded"));
    }
    for (what, [ours, theirs]) in [
        ("sessions failed or lost, all runs", gone),
        ("measurements that failed", failed),
    ] {
        rows.push(Row::single(
            what,
            "",
            ours,
            Some(theirs),
            Wanted::Exactly(0.0),
        ));
    }
    Ok(rows)
}

fn set_up(outstanding: u32) -> Vec<Measure> {
    let named = |what: &str| format!("{what}, {outstanding} at a time");
    vec![
        Measure::new(named("set-ups"), "1/s", Wanted::AtLeast(5.0), |report| {
            report["set_ups_per_second"].as_f64()
        }),
        Measure::new(
            named("processor a set-up"),
            "ms",
            Wanted::AtMost(1.0),
            |report| report["cpu_ms_per_set_up"].as_f64(),
        ),
        Measure::new(
            named("resident with all sessions"),
            "MB",
            Wanted::AtMost(0.25),
            |report| Some(report["resident"][1].as_f64()? / 1e6),
        ),
    ]
}

/// The rows of a part, with their places.
fn rows_of<'r>(report: &'r Value, part: &str) -> impl Iterator<Item = (usize, &'r Value)> {
    report[part].as_array().into_iter().flatten().enumerate()
}

fn udp(report: &Value) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (place, row) in rows_of(report, "traffic") {
        let flows = row["flows"].as_u64().unwrap_or(0);
        let direction = row["direction"].as_str().unwrap_or("?");
        let mut add = |what: &str, unit, wanted, name: &'static str| {
            let size = &row["size"];
            let what = format!("UDP, {flows} flows, {size} octets {direction}{what}");
            measures.push(Measure::new(what, unit, wanted, move |report| {
                report["traffic"][place][name].as_f64()
            }));
        };
        let wanted = if flows == 1 { 2.5 } else { 1.0 };
        add(", no loss", "1/s", Wanted::AtLeast(wanted), "received");
        add(", of a flood", "1/s", Wanted::Nothing, "flooded");
        add(", processor", "us each", Wanted::AtMost(1.0), "cpu");
    }
    measures
}

fn tcp(report: &Value) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (place, row) in rows_of(report, "tcp") {
        let direction = row["direction"].as_str().unwrap_or("?");
        let mut add = |what: &str, unit, wanted, name: &'static str, scale: f64| {
            let what = format!("TCP, {} sessions {direction}{what}", row["streams"]);
            measures.push(Measure::new(what, unit, wanted, move |report| {
                Some(report["tcp"][place][name].as_f64()? * scale)
            }));
        };
        add("", "Mbit/s", Wanted::AtLeast(4.0), "octets", 8e-6);
        add(", processor", "ns/octet", Wanted::AtMost(1.0), "cpu", 1.0);
        add(", sent again", "segments", Wanted::Nothing, "resent", 1.0);
    }
    measures
}

fn latency(report: &Value) -> Vec<Measure> {
    let mut measures = Vec::new();
    for (place, row) in rows_of(report, "latency") {
        let (beside, wanted) = match row["beside"].as_str() {
            Some("idle") => ("idle", Wanted::AtMost(1.0)),
            Some("udp") => ("beside UDP at one rate", Wanted::AtMost(1.0)),
            // Whoever carries more has more in its queues.
            _ => ("beside TCP at its own rate", Wanted::Nothing),
        };
        for (share, which) in [(0, "median"), (2, "99 %")] {
            let what = format!("round trip, {beside}, {which}");
            measures.push(Measure::new(what, "us", wanted, move |report| {
                report["latency"][place]["us"][share].as_f64()
            }));
        }
        let what = format!("round trip, {beside}, lost");
        measures.push(Measure::new(what, "%", Wanted::Nothing, move |report| {
            let row = &report["latency"][place];
            Some(row["lost"].as_f64()? * 100.0 / row["sent"].as_f64()?)
        }));
    }
    measures
}

/// A hundred thousand sessions, held for a minute.
fn many(wanbox: &Path) -> Result<Vec<Row>> {
    let words = ["--sessions", "100000", "--tunnels", "16", "--hold", "60"];
    let report = Place::new(Whose::Wanbox, wanbox, &load()?)?.load(&words)?;
    let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    let resident = |place: usize| report["resident"][place].as_f64().unwrap_or(f64::NAN);
    let each = (resident(1) - resident(0)).max(0.0) / number("up");
    let row = |what: &str, unit, value, wanted| {
        Row::single(
            format!("100,000 sessions, {what}"),
            unit,
            value,
            None,
            wanted,
        )
    };
    Ok(vec![
        row("up", "", number("up"), Wanted::Exactly(100_000.0)),
        row("lost in 60 s", "", number("lost"), Wanted::Exactly(0.0)),
        row(
            "set-ups",
            "1/s",
            number("set_ups_per_second"),
            Wanted::Nothing,
        ),
        row("down", "1/s", number("downs_per_second"), Wanted::Nothing),
        row("memory each", "octets", each, Wanted::Nothing),
    ])
}
