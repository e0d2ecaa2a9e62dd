//! `l2tpns` with the kernel's L2TP: xl2tpd and pppd call it, in the kernel lab.

use std::path::Path;

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result};

use crate::lab::PPP;
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Lab,
    Need::Tool("xl2tpd"),
    Need::Tool("pppd"),
    Need::Tool("socat"),
    Need::Tool("iperf3"),
    Need::Tool("radclient"),
];

/// What both scripts have before them.
const WORDS: &str = include_str!("lab/l2tp.sh");

/// How pppd speaks to the kernel about sessions.
const PLUGIN: &str = "/usr/lib/pppd/2.4.9/pppol2tp.so";

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab_l2tp::logins", NEEDS, || {
            cases(include_str!("lab/l2tp_login.sh"), 32)
        }),
        test("lab_l2tp::data", NEEDS, || {
            cases(include_str!("lab/l2tp_data.sh"), 16)
        }),
    ]
}

/// Runs a script; every one of its cases went well, and there were so many.
fn cases(script: &str, count: usize) -> Result {
    let dictionary = Path::new("/usr/share/freeradius");
    Lab::new(&wanbox())
        .modules(&["l2tp_ppp", "tun", "veth"])
        .with(&[
            "pppd",
            "xl2tpd",
            "socat",
            "iperf3",
            "ping",
            "radclient",
            PLUGIN,
        ])
        .file(dictionary, "/usr/share/freeradius")
        .memory(1024)
        .timeout(500)
        .run(&format!("{PPP}{WORDS}{script}"), &[])?
        .cases(count)
}
