//! What a link costs that carries nothing: memory, wake-ups, and how soon it answers a command.

use std::path::Path;
use std::time::{Duration, Instant};

use wanbox_rig::error::Context;
use wanbox_rig::{Error, Result};

use crate::link::{Link, Protocol};
use crate::{Row, median, met};

/// Until the kernel's own announcements on new interfaces are over.
const SETTLE: Duration = Duration::from_secs(15);

/// How long wake-ups are counted.
const WATCH: Duration = Duration::from_secs(60);

/// Wake-ups that the timers explain in that minute: T391 is 10 s, so six times, or seven where the
/// minute begins with a poll, one leaves and an answer comes; on the node's side a poll comes
/// and T392 starts anew. Each may wake the daemon once for the timer and once for the frame.
const EXPLAINED: u64 = 2 * (60 / 10 + 1);

/// Commands of which the median is taken.
const COMMANDS: usize = 50;

/// What one may take, ms.
const COMMAND_MS: f64 = 10.0;

/// The resident memory that is allowed, kB.
const MEMORY: u64 = 4096;

pub fn run(wanbox: &Path) -> Result<Vec<Row>> {
    let link = Link::new(wanbox, Protocol::FrameRelay)?;
    std::thread::sleep(SETTLE);
    let before = watch(&link)?;
    println!("watching an idle link for {} s", WATCH.as_secs());
    std::thread::sleep(WATCH);
    let after = watch(&link)?;
    let mut rows = vec![control_command(&link)?];
    for (n, what) in [
        (0, ("node: resident", "node: wake-ups a minute")),
        (1, ("CPE: resident", "CPE: wake-ups a minute")),
    ] {
        let memory = after[n].memory_kb;
        let woken = after[n].switches.saturating_sub(before[n].switches);
        rows.push(Row {
            what: what.0,
            wanbox: format!("{memory} kB"),
            other: String::new(),
            ratio: String::new(),
            wanted: format!("at most {MEMORY} kB"),
            met: met(memory <= MEMORY),
        });
        rows.push(Row {
            what: what.1,
            wanbox: woken.to_string(),
            other: String::new(),
            ratio: String::new(),
            wanted: format!("at most {EXPLAINED}"),
            met: met(woken <= EXPLAINED),
        });
    }
    Ok(rows)
}

/// How long a command to the running daemon takes as a whole, its own start included.
fn control_command(link: &Link) -> Result<Row> {
    let mut times = Vec::new();
    for _ in 0..COMMANDS {
        let started = Instant::now();
        link.ends[0].ok("wanconfig card wanpipe1 status")?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let milliseconds = median(&mut times);
    Ok(Row {
        what: "control command",
        wanbox: format!("{milliseconds:.1} ms"),
        other: String::new(),
        ratio: String::new(),
        wanted: format!("at most {COMMAND_MS} ms"),
        met: met(milliseconds <= COMMAND_MS),
    })
}

/// What the kernel knows of a daemon.
struct Cost {
    memory_kb: u64,
    switches: u64,
}

fn watch(link: &Link) -> Result<Vec<Cost>> {
    link.ends
        .iter()
        .map(|end| {
            let pid = end.daemon("wanpipe1")?;
            let path = format!("/proc/{pid}/status");
            let text = std::fs::read_to_string(&path).context(&path)?;
            let field = |name: &str| -> Result<u64> {
                text.lines()
                    .find_map(|line| {
                        line.strip_prefix(name)?
                            .split_whitespace()
                            .next()?
                            .parse()
                            .ok()
                    })
                    .ok_or_else(|| Error::new(format!("{path}: no {name}")))
            };
            Ok(Cost {
                memory_kb: field("VmRSS:")?,
                switches: field("voluntary_ctxt_switches:")?,
            })
        })
        .collect()
}
