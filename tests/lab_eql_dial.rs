//! `eql_dial` with pppd and the kernel's own eql and SLIP, in the kernel lab.

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result};

use crate::lab::PPP;
use crate::{test, wanbox};

pub fn tests() -> Vec<Trial> {
    vec![test(
        "lab_eql_dial::keeps_lines_up",
        &[Need::Lab, Need::Tool("pppd"), Need::Tool("socat")],
        keeps_lines_up,
    )]
}

/// How many cases `lab/eql_dial.sh` has.
const CASES: usize = 42;

fn keeps_lines_up() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async", "eql", "slip"])
        .with(&["pppd", "socat"])
        .timeout(300)
        .run(&format!("{PPP}{}", include_str!("lab/eql_dial.sh")), &[])?;
    ran.cases(CASES)
}
