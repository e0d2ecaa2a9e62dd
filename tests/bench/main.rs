//! `make bench`: what wanbox costs, beside programs people know, in the same run.
//!
//! Every comparison alternates (A, B, A, B, ...) and shows medians; every
//! measurement is bounded in time. The table at the end names what is wanted.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wanbox_rig::{Error, Result, sandbox};

mod eql;
mod eqld;
mod idle;
mod link;
mod net;
mod ppp;
mod session;
mod start;
mod throughput;
mod x25;

/// One line of the table at the end.
#[derive(tabled::Tabled)]
struct Row {
    /// What was measured.
    what: &'static str,
    /// Of wanbox.
    wanbox: String,
    /// Of the other program.
    other: String,
    /// The relation between them.
    ratio: String,
    /// What is wanted of it.
    wanted: String,
    /// Whether it is so.
    met: &'static str,
}

/// `yes` or `NO`, for the table.
fn met(is: bool) -> &'static str {
    if is { "yes" } else { "NO" }
}

/// The value in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> ExitCode {
    match sandbox::enter() {
        Ok(None) => {}
        Ok(Some(code)) => return code,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    let Some(wanbox) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("bench: usage: bench PATH-OF-WANBOX [PART...]");
        return ExitCode::from(2);
    };
    let wanted: Vec<String> = std::env::args().skip(2).collect();
    match run(&wanbox, &wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every part, or those wanted, and prints the table; whether every part could run. A part
/// that cannot does not keep the others from it.
fn run(wanbox: &Path, wanted: &[String]) -> Result<bool> {
    let wanbox = std::fs::canonicalize(wanbox)?;
    println!(
        "kernel {}, {} processors",
        std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        std::thread::available_parallelism()?
    );
    let mut rows = Vec::new();
    let mut all = true;
    let parts: [(&str, Part); 12] = [
        ("start", start::run),
        ("throughput", throughput::frame_relay),
        ("ppp-throughput", throughput::ppp),
        ("ppp-pppd", ppp::run),
        ("ppp-sessions", session::run),
        ("x25", x25::run),
        ("idle", idle::run),
        ("eql", eql::run),
        ("eqld", eqld::run),
        ("net-engine", net::engine),
        ("net-tcp", net::tcp),
        ("net-forward", net::forward),
    ];
    if let Some(word) = wanted
        .iter()
        .find(|w| parts.iter().all(|(name, _)| name != w))
    {
        return Err(Error::new(format!(
            "no part is called '{word}': there are {}",
            parts.map(|(name, _)| name).join(", ")
        )));
    }
    for (name, part) in parts {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == name) {
            continue;
        }
        println!("\n== {name}");
        match part(&wanbox) {
            Ok(more) => rows.extend(more),
            Err(error) => {
                all = false;
                eprintln!("bench: {name}: {error}");
            }
        }
    }
    if rows.is_empty() {
        return Err(Error::new("nothing could be measured"));
    }
    println!(
        "\n{}",
        tabled::Table::new(rows).with(tabled::settings::Style::psql())
    );
    Ok(all)
}

/// One group of measurements.
type Part = fn(&Path) -> Result<Vec<Row>>;
