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

/// What the two ends are joined by.
const LINES: [&str; 2] = ["pty", "tcp"];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        test("lab_ppp::lines", NEEDS, lines),
        test("lab_ppp::terminals", NEEDS, terminals),
        test("lab_ppp::backup", NEEDS, backup),
    ];
    for line in LINES {
        all.extend([
            test(format!("lab_ppp::authentication_{line}"), NEEDS, || {
                authentication(line)
            }),
            test(format!("lab_ppp::network_{line}"), NEEDS, || network(line)),
            test(format!("lab_ppp::multilink_{line}"), NEEDS, || {
                multilink(line)
            }),
        ]);
    }
    all
}

/// Runs a script; every one of its cases went well, and there were so many.
fn cases(script: &str, count: usize) -> Result<Ran> {
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async", "tun", "veth"])
        .with(&["pppd", "pppstats", "socat"])
        .timeout(300)
        .run(&format!("{PPP}{script}"), &[])?;
    ran.cases(count)?;
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

/// A script for lines of several kinds.
fn over(line: &str, script: &str) -> String {
    format!("LINE={line}\n{script}")
}

fn authentication(line: &str) -> Result {
    let ran = cases(&over(line, include_str!("lab/ppp_auth.sh")), 30)?;
    for (way, protocol) in [("PAP", "pap"), ("CHAP", "chap"), ("MSCHAPV2", "chap")] {
        for (role, frames) in [("asks", 8), ("proves", 2), ("fails", 2), ("lacks", 0)] {
            let name = format!("{way}-{role}.pcap");
            well_formed(&ran, &name)?;
            let seen = capture::count(&ran.path(&name), protocol)?;
            ensure!(seen >= frames, "{name}: {seen} frames of {protocol}");
        }
    }
    Ok(())
}

/// A dial-up connection takes over from a primary that is cut under load, and gives back.
fn backup() -> Result {
    cases(include_str!("lab/backup.sh"), 3 + 2 * 8 + 1)?;
    Ok(())
}

/// pppd at both ends, on the terminals of wanpiped.
fn terminals() -> Result {
    cases(include_str!("lab/tty.sh"), 12)?;
    Ok(())
}

fn network(line: &str) -> Result {
    let ran = cases(&over(line, include_str!("lab/ppp_network.sh")), 30)?;
    for name in ["static", "compressed", "refused", "host", "peer", "again"] {
        well_formed(&ran, &format!("{name}.pcap"))?;
    }
    Ok(())
}

fn multilink(line: &str) -> Result {
    let ran = cases(&over(line, include_str!("lab/ppp_multilink.sh")), 14)?;
    for numbers in ["long", "short"] {
        for link in 1..=2 {
            let file = ran.path(&format!("{numbers}-{link}.pcap"));
            // The other part of a packet is in the other link's capture, so what a fragment
            // carries is judged below.
            let outside = capture::faults(&file, "!mp")?;
            ensure!(outside.is_empty(), "{numbers}-{link}: {outside:?}");
            let fragments = capture::count(&file, "mp")?;
            ensure!(fragments > 100, "{numbers}-{link}: {fragments} fragments");
        }
    }
    // tshark keeps fragments by their number alone, whichever way they went, so that some packets
    // are lost to it; but it puts most together.
    let both = ran.path("long.pcap");
    capture::merge(&[ran.path("long-1.pcap"), ran.path("long-2.pcap")], &both)?;
    let whole = capture::count(&both, "mp.fragments && tcp")?;
    ensure!(whole > 100, "{whole} packets put together");
    Ok(())
}

fn lines() -> Result {
    let ran = cases(include_str!("lab/ppp_lines.sh"), 3 * 4)?;
    for name in ["pty", "listen", "call"] {
        well_formed(&ran, &format!("{name}.pcap"))?;
    }
    Ok(())
}
