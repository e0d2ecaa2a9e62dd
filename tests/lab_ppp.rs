//! PPP with the kernel's: wanpiped and pppd at the two ends of a line, in the kernel lab.
//!
//! Each script runs many cases in one machine and prints `ok NAME` or `FAILED NAME` for each.

use libtest_mimic::Trial;
use wanbox_rig::lab::Ran;
use wanbox_rig::{Lab, Need, Result, capture, ensure};

use crate::lab::PPP;
use crate::{test, wanbox};

/// The link type of PPP in pcap files: `LINKTYPE_PPP_HDLC`.
const PPP_HDLC: u32 = 50;

const NEEDS: &[Need] = &[
    Need::Lab,
    Need::Tool("pppd"),
    Need::Tool("socat"),
    Need::Tool("tshark"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab_ppp::authentication", NEEDS, authentication),
        test("lab_ppp::network", NEEDS, network),
    ]
}

/// Runs a script; every one of its cases went well, and there were so many.
fn cases(script: &str, count: usize) -> Result<Ran> {
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async", "tun", "veth"])
        .with(&["pppd", "pppstats", "socat"])
        .timeout(300)
        .run(&format!("{PPP}{script}"), &[])?;
    let output = &ran.finished.stdout;
    let good = output
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    ensure!(
        ran.finished.code == 0 && good == count && !output.contains("FAILED"),
        "{good} of {count} cases went well\n{}",
        ran.everything()
    );
    Ok(ran)
}

/// A capture that wanpiped made is one of PPP, and tshark finds no fault in it.
fn well_formed(ran: &Ran, name: &str) -> Result {
    let file = ran.path(name);
    capture::clean(&file)?;
    let kind = capture::link_type(&file)?;
    ensure!(kind == PPP_HDLC, "{name}: link type {kind}");
    Ok(())
}

fn authentication() -> Result {
    cases(include_str!("lab/ppp_auth.sh"), 30)?;
    Ok(())
}

fn network() -> Result {
    let ran = cases(include_str!("lab/ppp_network.sh"), 30)?;
    for name in ["static", "compressed", "refused", "host", "peer", "again"] {
        well_formed(&ran, &format!("{name}.pcap"))?;
    }
    Ok(())
}
