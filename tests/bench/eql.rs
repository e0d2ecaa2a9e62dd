//! The HOWTO's test of eql in simulated time: every row of its table, and unequal pairs.

use std::path::Path;

use tabled::Tabled;
use wanbox_eql_engine::priority::Word;
use wanbox_eql_engine::{Order, Scheduler};
use wanbox_rig::{Error, Result};
use wanbox_transfer::howto::{OCTETS, ROWS};
use wanbox_transfer::{Outcome, Setting, run as transfer};

use crate::{Row, met};

/// What is wanted of every row, per cent of what the lines can carry.
const WANTED: f64 = 97.0;

/// The same for lines of unequal rates.
const WANTED_UNEQUAL: f64 = 95.0;

/// Lines of unequal rates: those that the HOWTO tells of, and ten to one.
const PAIRS: [([u64; 2], &str); 2] = [
    ([57_600, 14_400], "eql 57600 + 14400, worst"),
    ([115_200, 11_520], "eql 115200 + 11520, worst"),
];

/// A line of the table.
#[derive(Tabled)]
struct Line {
    #[tabled(rename = "lines")]
    lines: String,
    #[tabled(rename = "MTU")]
    mtu: u32,
    #[tabled(rename = "HOWTO s")]
    howto: String,
    #[tabled(rename = "% bits")]
    howto_bits: String,
    #[tabled(rename = "finish s")]
    finish: String,
    #[tabled(rename = "% bits ")]
    finish_bits: String,
    #[tabled(rename = "% possible")]
    finish_possible: String,
    #[tabled(rename = "formula s")]
    formula: String,
    #[tabled(rename = "% bits  ")]
    formula_bits: String,
    #[tabled(rename = "% possible ")]
    formula_possible: String,
}

/// The least per cent of what is possible, with either scheduler.
struct Worst {
    finish: f64,
    formula: f64,
}

pub fn run(_wanbox: &Path) -> Result<Vec<Row>> {
    println!(
        "A file of {OCTETS} octets by TCP over SLIP lines, simulated: seconds from the first packet \
         of the\nconnection to the last octet at the other end.\n\
         % bits: the file's octets at ten bits each, by what the lines could send in that time \
         (the HOWTO's\nmeasure; its single slow lines had compressed headers).\n\
         % possible: all segments of the file sent once with 40 octets of header, END before and \
         after, and\nescapes, by the same.\n\
         finish: the scheduler by finish time, eqld's default. formula: that of the kernel's driver; \
         with it\na full SLIP queue (10 packets) drops. A whole window of TCP (65,535 octets) has \
         room before the master."
    );
    let mut table = Vec::new();
    let mut rows = Vec::new();
    let mut worst = None;
    for row in ROWS {
        let lines = vec![row.bps; row.lines];
        let what = format!("{} x {}", row.lines, row.bps);
        let mut line = compare(what, &lines, row.mtu, &mut worst)?;
        line.howto = row.seconds.map_or("-".to_owned(), |s| format!("{s}"));
        line.howto_bits = row.percent.map_or("-".to_owned(), |p| format!("{p}"));
        table.push(line);
    }
    rows.extend(worst.map(|worst| summary("eql, worst row of the HOWTO", &worst, WANTED)));
    for (lines, name) in PAIRS {
        let mut worst = None;
        for mtu in [400, 600, 900] {
            let what = format!("{} + {}", lines[0], lines[1]);
            table.push(compare(what, &lines, mtu, &mut worst)?);
        }
        rows.extend(worst.map(|worst| summary(name, &worst, WANTED_UNEQUAL)));
    }
    println!(
        "{}",
        tabled::Table::new(table).with(tabled::settings::Style::psql())
    );
    Ok(rows)
}

/// A transfer with either scheduler.
fn compare(what: String, lines: &[u64], mtu: u32, worst: &mut Option<Worst>) -> Result<Line> {
    let try_out = |scheduler| -> Result<Outcome> {
        let setting = Setting {
            lines,
            mtu,
            octets: OCTETS,
            scheduler,
            order: Order::Free,
            cuts: &[],
            seed: 1,
        };
        transfer(&setting).map_err(|error| Error::new(format!("{lines:?}, MTU {mtu}: {error}")))
    };
    let finish = try_out(Scheduler::EarliestFinish)?;
    let formula = try_out(Scheduler::Priority(Word::Bits64))?;
    let before = worst.take().unwrap_or(Worst {
        finish: f64::INFINITY,
        formula: f64::INFINITY,
    });
    *worst = Some(Worst {
        finish: before.finish.min(finish.of_theory()),
        formula: before.formula.min(formula.of_theory()),
    });
    Ok(Line {
        lines: what,
        mtu,
        howto: "-".to_owned(),
        howto_bits: "-".to_owned(),
        finish: seconds(&finish),
        finish_bits: percent(finish.of_bare()),
        finish_possible: percent(finish.of_theory()),
        formula: seconds(&formula),
        formula_bits: percent(formula.of_bare()),
        formula_possible: percent(formula.of_theory()),
    })
}

fn summary(what: &'static str, worst: &Worst, wanted: f64) -> Row {
    Row {
        what,
        wanbox: format!("{:.1} % of what is possible", worst.finish),
        other: format!("driver's formula {:.1} %", worst.formula),
        ratio: format!("{:.2}", worst.finish / worst.formula),
        wanted: format!("at least {wanted} %"),
        met: met(worst.finish >= wanted),
    }
}

fn seconds(outcome: &Outcome) -> String {
    format!("{:.1}", outcome.took.as_secs_f64())
}

fn percent(value: f64) -> String {
    format!("{value:.1}")
}
