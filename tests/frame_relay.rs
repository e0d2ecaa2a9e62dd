//! Frame Relay links between two routers, over every line.

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, capture, ensure, netns, until};

use crate::network::{Channel, DEVICE, End, Over, Pair, UP, is_up};
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
    for over in [Over::Cable, Over::Udp, Over::Packet] {
        tests.push(test(
            format!("frame_relay::carries_ip_over_{over:?}").to_lowercase(),
            NEEDS,
            move || carries_ip(over),
        ));
    }
    for dialect in DIALECTS {
        tests.push(test(
            format!("frame_relay::lmi_{}", dialect.name.to_lowercase()),
            NEEDS,
            move || speaks(dialect, dialect.name),
        ));
        tests.push(test(
            format!(
                "frame_relay::lmi_auto_finds_{}",
                dialect.name.to_lowercase()
            ),
            NEEDS,
            move || speaks(dialect, "AUTO"),
        ));
    }
    tests.push(test("frame_relay::no_lmi", NEEDS, no_lmi));
    tests.push(test("frame_relay::many_dlcis", NEEDS, many_dlcis));
    tests.push(test("frame_relay::inverse_arp", NEEDS, inverse_arp));
    tests.push(test("frame_relay::bridged", NEEDS, bridged));
    tests.push(test(
        "frame_relay::dynamic_interface",
        NEEDS,
        dynamic_interface,
    ));
    tests.push(test("frame_relay::committed_rate", NEEDS, committed_rate));
    tests
}

/// An LMI dialect and how tshark tells it.
struct Dialect {
    name: &'static str,
    /// A display filter that only its status enquiries match.
    enquiry: &'static str,
    /// The same for its status messages.
    status: &'static str,
}

const DIALECTS: [&Dialect; 3] = [
    // Annex D is Q.933 behind a locking shift to codeset 5.
    &Dialect {
        name: "ANSI",
        enquiry: "fr.dlci == 0 && q933.message_type == 0x75 && frame[6:1] == 95",
        status: "fr.dlci == 0 && q933.message_type == 0x7d && frame[6:1] == 95",
    },
    &Dialect {
        name: "Q933",
        enquiry: "fr.dlci == 0 && q933.message_type == 0x75 && frame[6:1] == 51",
        status: "fr.dlci == 0 && q933.message_type == 0x7d && frame[6:1] == 51",
    },
    &Dialect {
        name: "LMI",
        enquiry: "fr.dlci == 1023 && lmi.msg_type == 0x75",
        status: "fr.dlci == 1023 && lmi.msg_type == 0x7d",
    },
];

/// Pings of both families, small and as large as the MTU lets them be.
fn pings(pair: &Pair, net: u16) -> Result {
    for (router, there) in [(&pair.a, 2), (&pair.b, 1)] {
        let v4 = format!("10.0.{net}.{there}");
        let v6 = format!("fd00:{net}::{there}");
        Ping::new(&v4).all(&router.netns)?;
        Ping::new(&v6).all(&router.netns)?;
        // 1500 octets with the headers of IP and ICMP; it must not be cut up.
        Ping {
            size: 1500 - 28,
            options: &["-M", "do"],
            ..Ping::new(&v4)
        }
        .all(&router.netns)?;
        Ping {
            size: 1500 - 48,
            options: &["-M", "do"],
            ..Ping::new(&v6)
        }
        .all(&router.netns)?;
    }
    Ok(())
}

fn carries_ip(over: Over) -> Result {
    let node = End::frame_relay("NODE", "ANSI", &[16, 17]);
    let cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::new(over, &node, &cpe)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "node.pcap")?;
    pair.b.ok("wanrouter start")?;
    let other = pair.capture(&pair.b, "cpe.pcap")?;
    pair.wait_up(&node.channels)?;
    pings(&pair, 16).map_err(|e| pair.explain(e))?;
    pings(&pair, 17).map_err(|e| pair.explain(e))?;
    pair.end_capture(&pair.a)?;
    pair.end_capture(&pair.b)?;

    for file in [&file, &other] {
        capture::clean(file)?;
        ensure!(capture::link_type(file)? == 107, "not Frame Relay");
        for filter in [
            "fr.dlci == 16 && icmp",
            "fr.dlci == 17 && icmp",
            "fr.dlci == 16 && fr.nlpid == 0xcc",
            "fr.dlci == 16 && icmpv6",
            "icmp && ip.len == 1500",
        ] {
            ensure!(capture::count(file, filter)? > 0, "no frame with {filter}");
        }
    }
    // Both ends saw the same pings, and nobody sends on a DLCI that nobody has.
    let pings = "icmp && fr.dlci == 16";
    ensure!(
        capture::count(&file, pings)? == capture::count(&other, pings)?,
        "the two captures differ"
    );
    let strays = "fr.dlci != 0 && fr.dlci != 16 && fr.dlci != 17";
    ensure!(capture::count(&file, strays)? == 0, "frames on other DLCIs");
    Ok(())
}

/// A node with this dialect and a CPE with this `SIGNALLING`.
fn speaks(dialect: &Dialect, cpe_signalling: &str) -> Result {
    let node = End::frame_relay("NODE", dialect.name, &[16]);
    let cpe = End::frame_relay("CPE", cpe_signalling, &[16]);
    let pair = Pair::new(Over::Cable, &node, &cpe)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "lmi.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&node.channels)?;
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    // A link verification besides the first full report.
    until("a link integrity exchange", UP, || {
        Ok(capture::count(&file, dialect.status)? >= 2
            && capture::count(&file, dialect.enquiry)? >= 2)
    })?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    if cpe_signalling != "AUTO" {
        for other in DIALECTS.iter().filter(|other| other.name != dialect.name) {
            ensure!(
                capture::count(&file, other.enquiry)? == 0,
                "enquiries of {}",
                other.name
            );
        }
    }
    Ok(())
}

fn no_lmi() -> Result {
    let pair = Pair::new(
        Over::Cable,
        &End::frame_relay("NODE", "NO", &[16]),
        &End::frame_relay("CPE", "NO", &[16]),
    )?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "no-lmi.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&[Channel::dlci(16)])?;
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    ensure!(
        capture::count(&file, "q933 || lmi")? == 0,
        "there is an LMI although there is none"
    );
    Ok(())
}

fn many_dlcis() -> Result {
    let dlcis: Vec<u16> = (16..216).collect();
    let node = End::frame_relay("NODE", "ANSI", &dlcis);
    let cpe = End::frame_relay("CPE", "ANSI", &dlcis);
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    for net in [16, 100, 215] {
        Ping::new(&format!("10.0.{net}.1")).all(&pair.b.netns)?;
    }
    Ok(())
}

/// Neither end is told the other's address.
fn inverse_arp() -> Result {
    let end = |station: &str, n: u8| {
        let mut end = End::frame_relay(station, "ANSI", &[16]);
        end.channels[0].keys = "INARP = YES\nINARPINTERVAL = 2\nINARP_RX = YES\n".to_owned();
        end.channels[0].ip = format!("IPADDR=10.0.16.{n}\nNETMASK=255.255.255.0\n");
        end
    };
    let pair = Pair::new(Over::Cable, &end("NODE", 1), &end("CPE", 2))?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "inarp.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&[Channel::dlci(16)])?;
    for (router, peer) in [(&pair.a, "10.0.16.2"), (&pair.b, "10.0.16.1")] {
        until("the peer's address", UP, || {
            Ok(router.status(DEVICE)?["interfaces"][0]["peer"] == peer)
        })
        .map_err(|e| pair.explain(e))?;
    }
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    for (opcode, what) in [(8, "request"), (9, "reply")] {
        let filter = format!("fr.dlci == 16 && arp.opcode == {opcode} && arp.hw.type == 15");
        ensure!(
            capture::count(&file, &filter)? > 0,
            "no inverse ARP {what} that tshark knows"
        );
    }
    Ok(())
}

/// A PVC joins two Ethernets through a Linux bridge at each end.
fn bridged() -> Result {
    let end = |station: &str| {
        let mut end = End::frame_relay(station, "ANSI", &[16]);
        end.channels[0].usage = "BRIDGE";
        end
    };
    let (node, cpe) = (end("NODE"), end("CPE"));
    let pair = Pair::new(Over::Cable, &node, &cpe)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "bridged.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&node.channels)?;
    // A host behind each router, on the same Ethernet as the other.
    let hosts = [wanbox_rig::Netns::new()?, wanbox_rig::Netns::new()?];
    for (n, (router, host)) in [&pair.a, &pair.b].into_iter().zip(&hosts).enumerate() {
        netns::veth(&router.netns, "eth0", host, "eth0")?;
        router.netns.ip("link add br0 type bridge")?;
        router.netns.ip("link set eth0 master br0")?;
        router.netns.ip("link set wp1_fr16 master br0")?;
        router.netns.ip("link set wp1_fr16 up")?;
        router.netns.ip("link set br0 up")?;
        host.ip(&format!("addr add 172.16.0.{}/24 dev eth0", n + 1))?;
    }
    Ping::new("172.16.0.2").all(&hosts[0])?;
    Ping {
        size: 1500 - 28,
        options: &["-M", "do"],
        ..Ping::new("172.16.0.2")
    }
    .all(&hosts[0])?;
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    for filter in [
        // 0x0080C2 is the bridging OUI; 7 is Ethernet without its FCS.
        "fr.snap.oui == 0x80c2 && fr.snap.pid == 7",
        "fr.dlci == 16 && eth && arp",
        "fr.dlci == 16 && eth && icmp",
    ] {
        ensure!(capture::count(&file, filter)? > 0, "no frame with {filter}");
    }
    Ok(())
}

/// `DYN_INTR_CFG`: the interface goes down and up with its DLCI; without it, it stays.
fn dynamic_interface() -> Result {
    let end = |station: &str| {
        let mut end = End::frame_relay(station, "ANSI", &[16, 17]);
        end.channels[0].keys = "DYN_INTR_CFG = YES\n".to_owned();
        end
    };
    let (node, cpe) = (end("NODE"), end("CPE"));
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    ensure!(is_up(&pair.b.netns, "wp1_fr16")?, "wp1_fr16 is not up");
    pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    pair.wait_down(&pair.b)?;
    until("wp1_fr16 to go down", UP, || {
        Ok(!is_up(&pair.b.netns, "wp1_fr16")?)
    })?;
    ensure!(is_up(&pair.b.netns, "wp1_fr17")?, "wp1_fr17 went down too");
    pair.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
    pair.wait_up(&cpe.channels)?;
    until("wp1_fr16 to come back", UP, || {
        is_up(&pair.b.netns, "wp1_fr16")
    })?;
    // With its address and its route.
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    Ping::new("fd00:16::1").all(&pair.b.netns)?;
    Ok(())
}

/// A PVC with a CIR of 64 kbit/s and no excess does not carry more.
fn committed_rate() -> Result {
    let node = End::frame_relay("NODE", "ANSI", &[16]);
    let mut cpe = End::frame_relay("CPE", "ANSI", &[16]);
    cpe.channels[0].keys = "CIR = 64\nBC = 64\nBE = 16\n".to_owned();
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    let file = pair.capture(&pair.a, "cir.pcap")?;
    // 200 kbit/s for two seconds are offered.
    let flood = Ping {
        count: 100,
        size: 500,
        options: &["-i", "0.02", "-W", "1"],
        ..Ping::new("10.0.16.1")
    };
    let answered = flood.send(&pair.b.netns)?;
    pair.end_capture(&pair.a)?;
    ensure!(answered > 10, "only {answered} of 100 answered");
    let frames = capture::fields(
        &file,
        "fr.dlci == 16 && icmp.type == 8",
        &["frame.time_epoch", "frame.len"],
    )?;
    let mut octets_by_second = std::collections::BTreeMap::<u64, u64>::new();
    for frame in &frames {
        let second = frame[0].split('.').next().unwrap_or_default().parse()?;
        *octets_by_second.entry(second).or_default() += frame[1].parse::<u64>()?;
    }
    for (second, octets) in octets_by_second {
        // The committed burst and the excess may fall into one second beside what the rate refills;
        // the other end sees them some milliseconds late, on a busy machine up to a few frames of
        // the second before. What is offered, 26600 octets a second, is far above.
        let limit = (64 + 64 + 16) * 1000 / 8 + 3 * 550;
        ensure!(
            octets <= limit,
            "{octets} octets in second {second}, more than {limit}"
        );
    }
    ensure!(
        capture::count(&file, "fr.dlci == 16 && fr.de == 1")? > 0,
        "no frame above the committed burst is marked"
    );
    Ok(())
}
