//! PPP links between two routers.

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, capture, ensure, until};

use crate::network::{DEVICE, End, Over, Pair, UP};
use crate::test;

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("tshark"),
];

/// The interface of every test.
const INTERFACE: &str = "wp1_ppp";

pub fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for over in [Over::Cable, Over::Udp, Over::Packet] {
        tests.push(test(
            format!("ppp::carries_ip_over_{over:?}").to_lowercase(),
            NEEDS,
            move || carries_ip(over),
        ));
    }
    tests
}

fn carries_ip(over: Over) -> Result {
    let end = End::ppp("", "");
    let pair = Pair::new(over, &end, &end)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "a.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&end.channels)?;
    for (router, there) in [(&pair.a, 2), (&pair.b, 1)] {
        let v4 = format!("10.0.1.{there}");
        Ping::new(&v4).all(&router.netns)?;
        Ping::new(&format!("fd00:1::{there}")).all(&router.netns)?;
        Ping {
            size: 1500 - 28,
            options: &["-M", "do"],
            ..Ping::new(&v4)
        }
        .all(&router.netns)?;
        let status = router.status(DEVICE)?;
        let ppp = &status["ppp"];
        for (key, value) in [
            ("phase", "network"),
            ("lcp", "Opened"),
            ("ipcp", "Opened"),
            ("ipv6cp", "Opened"),
            ("peer_address", &v4),
        ] {
            ensure!(ppp[key] == value, "{key} is not {value}: {ppp:#}");
        }
        // The link-local addresses of IPV6CP are there and answer.
        let there = ppp["peer_link_local"].as_str().unwrap_or_default();
        Ping::new(&format!("{there}%{INTERFACE}")).all(&router.netns)?;
    }
    until("some echoes", UP, || {
        Ok(capture::count(&file, "lcp && ppp.code == 10")? >= 2)
    })?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    ensure!(capture::link_type(&file)? == 50, "not PPP in HDLC framing");
    for filter in ["lcp", "ipcp", "ipv6cp", "icmp", "icmpv6"] {
        ensure!(capture::count(&file, filter)? > 0, "no frame with {filter}");
    }
    Ok(())
}
