//! `net` on the air with what nobody here wrote: the kernel's AX.25 over mkiss, ax25d, ax25ipd.

use libtest_mimic::Trial;
use wanbox_rig::{Lab, Need, Result, ensure};

use crate::lab::{PPP, RADIO};
use crate::{test, wanbox};

pub fn tests() -> Vec<Trial> {
    const NEEDS: &[Need] = &[
        Need::Lab,
        Need::Tool("kissattach"),
        Need::Tool("ax25ipd"),
        Need::Tool("socat"),
        Need::Tool("tc"),
    ];
    vec![
        test("lab_ax25::datagrams", NEEDS, datagrams),
        test("lab_ax25::links", NEEDS, links),
    ]
}

/// How many cases `lab/ax25.sh` has, and `lab/ax25_links.sh`.
const DATAGRAMS: usize = 21;
const LINKS: usize = 14;

fn datagrams() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ax25", "mkiss"])
        .with(&["kissattach", "kissparms", "axparms", "socat"])
        .timeout(400)
        .run(&format!("{PPP}{RADIO}{}", include_str!("lab/ax25.sh")), &[])?;
    ran.cases(DATAGRAMS)?;
    // The window of the kernel is 32 with sequence numbers modulo 128, and 2 with others.
    for (kind, window) in [("i", " 2 256 "), ("modulo_128", " 32 256 ")] {
        let shown = ran.read(&format!("status.{kind}"))?;
        ensure!(
            shown.contains("Connected") && shown.contains(window),
            "{kind}: {shown}"
        );
    }
    let shown = ran.read("status.ui")?;
    ensure!(!shown.contains("Connected"), "{shown}");
    Ok(())
}

fn links() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ax25", "mkiss", "veth"])
        .with(&["kissattach", "kissparms", "axparms", "socat"])
        .with(&["ax25_call", "ax25d", "ax25ipd", "/usr/sbin/tc"])
        .modules(&["sch_ingress", "cls_u32", "act_gact"])
        .timeout(400)
        .run(
            &format!("{PPP}{RADIO}{}", include_str!("lab/ax25_links.sh")),
            &[],
        )?;
    ran.cases(LINKS)?;
    let shown = ran.read("status.axip")?;
    ensure!(shown.contains("DB0ZZZ->N0CCC"), "{shown}");
    Ok(())
}
