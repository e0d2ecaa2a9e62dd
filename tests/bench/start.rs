//! How long a start takes, and how large the executable is, beside busybox.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use wanbox_rig::error::Context;
use wanbox_rig::{Error, Result, ensure, need};

use crate::{Row, median, met};

/// Starts of each, alternating.
const STARTS: usize = 400;

/// The budget for all applets together, octets.
const SIZE: u64 = 6 << 20;

pub fn run(wanbox: &Path) -> Result<Vec<Row>> {
    let busybox = need::find_tool("busybox").ok_or_else(|| Error::new("busybox is missing"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        theirs.push(start(Command::new(&busybox).arg("true"))?);
        ours.push(start(Command::new(wanbox).args(["fpipemon", "--help"]))?);
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    let (own_size, other_size) = (
        std::fs::metadata(wanbox)?.len(),
        std::fs::metadata(&busybox)?.len(),
    );
    println!("{STARTS} starts each of `fpipemon --help` and `busybox true`");
    Ok(vec![
        Row {
            what: "start, median",
            wanbox: format!("{ours:.0} µs"),
            other: format!("busybox {theirs:.0} µs"),
            ratio: format!("{:.2}", ours / theirs),
            wanted: "at most 2".to_owned(),
            met: met(ours <= 2.0 * theirs),
        },
        Row {
            what: "size",
            wanbox: format!("{} octets", own_size),
            other: format!("busybox {other_size}"),
            ratio: format!("{:.2}", own_size as f64 / other_size as f64),
            wanted: format!("at most {SIZE} octets"),
            met: met(own_size <= SIZE),
        },
    ])
}

/// Microseconds from the start to the end of a program.
fn start(command: &mut Command) -> Result<f64> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().context("starting")?;
    let took = started.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(took.as_secs_f64() * 1e6)
}
