//! PPP with a kernel's: wanpiped and pppd at the two ends of a pty, beside pppd at both.
//!
//! In the kernel lab, so that a pppd is there: an emulated machine, whose figures say
//! nothing by themselves. Their relation does.

use std::path::Path;

use wanbox_rig::{Error, Lab, Need, Result, ensure};

use crate::{Row, median, met};

/// Measurements of each kind.
const ROUNDS: usize = 5;

/// What every script in the lab with pppd has before it.
const WORDS: &str = include_str!("../lab/ppp.sh");

/// Both links are up all the time; only one is loaded at a time. Each line of the output is
/// the link, the direction, the octets and the milliseconds they took.
const SCRIPT: &str = r#"
namespace ours peer one two
router ours pty:/dev/line0 'IP_MODE = STATIC' '' "$ADDRESSES"
wan ours wanrouter start >/out/ours.log 2>&1
await 10 test -e /dev/line0
pppd_at peer /dev/line0 noauth novj
joined /dev/line1 /dev/line2
pppd_at one /dev/line1 noauth novj 10.0.0.1:10.0.0.2
pppd_at two /dev/line2 noauth novj
await 30 has_address peer ppp0 10.0.0.2 || { echo 'wanpiped and pppd do not meet' >&2; exit 1; }
await 30 has_address two ppp0 10.0.0.2 || { echo 'the pppds do not meet' >&2; exit 1; }
dd if=/dev/urandom of=/tmp/file bs=1M count=8 2>/dev/null
timed() {
  begun=$(milliseconds)
  transfer "$3" "$4" "$5" /tmp/file || exit 1
  echo "$1 $2 8388608 $(($(milliseconds) - begun))"
}
for round in $(seq "$1"); do
  timed wanpiped to ours peer 10.0.0.2
  timed pppd to one two 10.0.0.2
  timed wanpiped from peer ours 10.0.0.1
  timed pppd from two one 10.0.0.1
done
"#;

pub fn run(wanbox: &Path) -> Result<Vec<Row>> {
    for need in [Need::Lab, Need::Tool("pppd"), Need::Tool("socat")] {
        if let Some(missing) = need.missing() {
            return Err(Error::new(format!("needs {missing}")));
        }
    }
    println!("in an emulated machine: TCP over asynchronous PPP, in Mbit/s");
    let ran = Lab::new(wanbox)
        .modules(&["ppp_async", "tun"])
        .with(&["pppd", "socat"])
        .timeout(600)
        .run(&format!("{WORDS}{SCRIPT}"), &[&ROUNDS.to_string()])?;
    ensure!(ran.finished.code == 0, "{}", ran.everything());
    println!("{}", ran.finished.stdout);
    let rate = |link: &str, direction: &str| -> Result<f64> {
        let mut values = rates(&ran.finished.stdout, link, direction);
        ensure!(values.len() == ROUNDS, "{}", ran.everything());
        Ok(median(&mut values))
    };
    let mut rows = Vec::new();
    for (what, direction) in [("PPP to pppd", "to"), ("PPP from pppd", "from")] {
        let (ours, theirs) = (rate("wanpiped", direction)?, rate("pppd", direction)?);
        rows.push(Row {
            what,
            wanbox: format!("{ours:.1} Mbit/s"),
            other: format!("pppd {theirs:.1} Mbit/s"),
            ratio: format!("{:.2}", ours / theirs),
            wanted: "at least 1".to_owned(),
            met: met(ours >= theirs),
        });
    }
    Ok(rows)
}

/// The rates in the script's output, in Mbit/s.
fn rates(output: &str, link: &str, direction: &str) -> Vec<f64> {
    output
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let &[l, d, octets, milliseconds] = words.as_slice() else {
                return None;
            };
            let (octets, milliseconds): (f64, f64) =
                (octets.parse().ok()?, milliseconds.parse().ok()?);
            (l == link && d == direction).then_some(octets * 8.0 / 1000.0 / milliseconds)
        })
        .collect()
}
