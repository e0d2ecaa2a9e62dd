//! NET/ROM of `net` with what nobody here wrote: the kernel's, and Debian's netromd.

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result};

use crate::lab::{PPP, RADIO};
use crate::{test, wanbox};

pub fn tests() -> Vec<Trial> {
    vec![test(
        "lab_netrom::node",
        &[
            Need::Lab,
            Need::Tool("netromd"),
            Need::Tool("socat"),
            Need::Tool("ip"),
        ],
        node,
    )]
}

/// How many cases `lab/netrom.sh` has.
const CASES: usize = 7;

fn node() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ax25", "mkiss", "netrom"])
        .with(&[
            "kissattach",
            "kissparms",
            "nrattach",
            "netromd",
            "netrom_call",
            "ax25d",
            "socat",
            "/usr/bin/ip",
        ])
        .timeout(400)
        .run(
            &format!("{PPP}{RADIO}{}", include_str!("lab/netrom.sh")),
            &[],
        )?;
    ran.cases(CASES)
}
