//! `eqld` over PPP and SLIP of a kernel that has them, in the kernel lab.

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result};

use crate::lab::PPP;
use crate::{test, wanbox};

/// How many cases `lab/eqld.sh` has.
const CASES: usize = 21;

pub fn tests() -> Vec<Trial> {
    vec![test(
        "eqld::ppp_and_slip",
        &[
            Need::Lab,
            Need::Tool("pppd"),
            Need::Tool("socat"),
            Need::Tool("perl"),
        ],
        ppp_and_slip,
    )]
}

fn ppp_and_slip() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async", "slip", "tun"])
        .with(&["pppd", "socat", "perl"])
        .timeout(300)
        .run(&format!("{PPP}{}", include_str!("../lab/eqld.sh")), &[])?;
    ran.cases(CASES)
}
