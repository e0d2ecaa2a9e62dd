//! `net` with what the kernel of this machine may lack: SLIP and tunnels of the kernel lab's.

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result, ensure};

use crate::lab::PPP;
use crate::{test, wanbox};

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "lab_net::slip_of_the_kernel",
            &[Need::Lab, Need::Tool("slattach"), Need::Tool("socat")],
            slip,
        ),
        test(
            "lab_net::tunnels_of_the_kernel",
            &[Need::Lab, Need::Tool("socat"), Need::Tool("ethtool")],
            tunnels,
        ),
        test(
            "lab_net::ni_without_privileges",
            &[Need::Lab, Need::Tool("ip"), Need::Tool("setpriv")],
            without_privileges,
        ),
    ]
}

/// How many cases `lab/net_slip.sh` has, `lab/net_ipip.sh`, and `lab/net_ni.sh`.
const SLIP: usize = 16;
const NI: usize = 5;
const TUNNELS: usize = 18;

fn slip() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["slip", "tun"])
        .with(&["slattach", "socat"])
        .timeout(300)
        .run(&format!("{PPP}{}", include_str!("lab/net_slip.sh")), &[])?;
    ran.cases(SLIP)?;
    let shown = ran.read("ifconfig.cslip")?;
    let counts: Vec<u64> = shown
        .lines()
        .filter(|line| line.contains(" Cmp,"))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    // Received and sent: nearly every segment has a compressed header.
    ensure!(
        counts.len() == 2 && counts.iter().all(|count| *count > 20),
        "{shown}"
    );
    ensure!(!shown.contains("bad_header"), "{shown}");
    let plain = ran.read("ifconfig.slip")?;
    ensure!(!plain.contains(" Cmp,"), "{plain}");
    Ok(())
}

fn tunnels() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ipip", "tun", "veth"])
        .with(&["socat", "ethtool"])
        .timeout(300)
        .run(&format!("{PPP}{}", include_str!("lab/net_ipip.sh")), &[])?;
    ran.cases(TUNNELS)
}

fn without_privileges() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["tun"])
        .with(&["ip", "setpriv"])
        .run(&format!("{PPP}{}", include_str!("lab/net_ni.sh")), &[])?;
    ran.cases(NI)
}
