//! Cisco HDLC links between two routers, over every line.

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

pub fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for over in [Over::Cable, Over::Udp, Over::Packet, Over::Lapbether] {
        tests.push(test(
            format!("cisco_hdlc::carries_ip_over_{over:?}").to_lowercase(),
            NEEDS,
            move || carries_ip(over),
        ));
    }
    tests.push(test("cisco_hdlc::slarp_address", NEEDS, slarp_address));
    tests.push(test("cisco_hdlc::no_keepalives", NEEDS, no_keepalives));
    tests
}

fn carries_ip(over: Over) -> Result {
    let end = End::cisco_hdlc();
    let pair = Pair::new(over, &end, &end)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "a.pcap")?;
    pair.b.ok("wanrouter start")?;
    let other = pair.capture(&pair.b, "b.pcap")?;
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
    }
    until("some keepalives", UP, || {
        Ok(capture::count(&file, "slarp.ptype == 2")? >= 6)
    })?;
    pair.end_capture(&pair.a)?;
    pair.end_capture(&pair.b)?;
    for file in [&file, &other] {
        capture::clean(file)?;
        ensure!(capture::link_type(file)? == 104, "not Cisco HDLC");
        for filter in [
            "chdlc.address == 0x0f && icmp",
            "chdlc.protocol == 0x0800",
            "chdlc.protocol == 0x86dd && icmpv6",
            "chdlc.address == 0x8f && slarp.ptype == 2",
        ] {
            ensure!(capture::count(file, filter)? > 0, "no frame with {filter}");
        }
        sequences(file)?;
    }
    Ok(())
}

/// Keepalives that say they heard the other end name a sequence number it has sent before them.
fn sequences(file: &std::path::Path) -> Result {
    let keepalives = capture::fields(
        file,
        "slarp.ptype == 2",
        &["slarp.mysequence", "slarp.yoursequence"],
    )?;
    let (mut sent, mut heard) = (std::collections::HashSet::new(), 0);
    for keepalive in &keepalives {
        let [mine, yours] = keepalive.as_slice() else {
            continue;
        };
        if yours != "0" && !sent.is_empty() {
            heard += 1;
            ensure!(
                sent.contains(yours) || heard == 1,
                "{yours} was never sent: {keepalives:?}"
            );
        }
        sent.insert(mine.clone());
    }
    ensure!(heard >= 2, "nobody heard anybody: {keepalives:?}");
    Ok(())
}

/// One end asks for its address (SLARP), the other has the first of the network.
fn slarp_address() -> Result {
    let mut server = End::cisco_hdlc();
    server.channels[0].ip = "IPADDR=10.0.1.1\nNETMASK=255.255.255.0\n".to_owned();
    let mut client = End::cisco_hdlc();
    client.channels[0].keys += "SLARP_TIMER = 1000\n";
    client.channels[0].ip = "IPADDR=0.0.0.0\n".to_owned();
    let pair = Pair::new(Over::Cable, &server, &client)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "slarp.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&client.channels)?;
    until("an address", UP, || {
        Ok(pair.b.status(DEVICE)?["interfaces"][0]["address"] == "10.0.1.2")
    })
    .map_err(|e| pair.explain(e))?;
    Ping::new("10.0.1.1").all(&pair.b.netns)?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    for filter in [
        "slarp.ptype == 0",
        "slarp.ptype == 1 && slarp.address == 10.0.1.1 && slarp.netmask == 255.255.255.0",
    ] {
        ensure!(capture::count(&file, filter)? > 0, "no frame with {filter}");
    }
    Ok(())
}

/// `IGNORE_KEEPALIVE`: none are sent, and the link is up with its carrier.
fn no_keepalives() -> Result {
    let mut end = End::cisco_hdlc();
    end.channels[0].keys = "IGNORE_KEEPALIVE = YES\n".to_owned();
    let pair = Pair::new(Over::Cable, &end, &end)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "quiet.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&end.channels)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    pair.end_capture(&pair.a)?;
    ensure!(
        capture::count(&file, "slarp.ptype == 2")? == 0,
        "there are keepalives"
    );
    Ok(())
}
