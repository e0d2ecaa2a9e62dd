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

/// As above, and DHCPv6 clients.
const CLIENTS: &[Need] = &[
    Need::Lab,
    Need::Tool("xl2tpd"),
    Need::Tool("pppd"),
    Need::Tool("dhcp6c"),
    Need::Tool("dhcpcd"),
];

/// What all scripts have before them.
const WORDS: &str = include_str!("lab/l2tp.sh");

/// How pppd speaks to the kernel about sessions.
const PLUGIN: &str = "/usr/lib/pppd/2.4.9/pppol2tp.so";

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab_l2tp::logins", NEEDS, || {
            cases(include_str!("lab/l2tp_login.sh"), LOGIN, 32)
        }),
        test("lab_l2tp::data", NEEDS, || {
            cases(include_str!("lab/l2tp_data.sh"), DATA, 16)
        }),
        test("lab_l2tp::ipv6", CLIENTS, || {
            cases(include_str!("lab/l2tp_ipv6.sh"), IPV6, 20)
        }),
        test("lab_l2tp::multilink", NEEDS, || {
            cases(include_str!("lab/l2tp_multilink.sh"), MULTILINK, 22)
        }),
    ]
}

/// The programs of each script, beside those that log in.
const LOGIN: &[&str] = &["ping"];
const DATA: &[&str] = &["ping", "socat", "iperf3", "radclient"];
const MULTILINK: &[&str] = &["ping", "socat"];
const IPV6: &[&str] = &["ping", "dhcp6c", "dhcpcd"];

/// Runs a script; every one of its cases went well, and there were so many.
fn cases(script: &str, programs: &[&str], count: usize) -> Result {
    let dictionary = Path::new("/usr/share/freeradius");
    Lab::new(&wanbox())
        .modules(&["l2tp_ppp", "tun", "veth"])
        .with(&["pppd", "xl2tpd", PLUGIN])
        .with(programs)
        .file(dictionary, "/usr/share/freeradius")
        .memory(1024)
        .timeout(900)
        .run(&format!("{PPP}{WORDS}{script}"), &[])?
        .cases(count)
}
