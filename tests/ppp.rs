//! PPP links between two routers.

use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
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

const COPIES: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
    Need::Tool("socat"),
    Need::Tool("tshark"),
];

/// The longest that a copy may take.
const COPY: Duration = Duration::from_secs(90);

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
    for method in ["PAP", "CHAP", "MSCHAPV2"] {
        let name = method.to_lowercase();
        tests.push(test(format!("ppp::proves_by_{name}"), NEEDS, move || {
            proves(method)
        }));
    }
    tests.push(test("ppp::secrets_file_both_ways", NEEDS, secrets_file));
    tests.push(test("ppp::wrong_secret", NEEDS, wrong_secret));
    tests.push(test(
        "ppp::addresses_of_the_peer",
        NEEDS,
        addresses_of_the_peer,
    ));
    tests.push(test("ppp::compressed_headers", COPIES, compressed_headers));
    tests.push(test("ppp::a_killed_end_is_noticed", NEEDS, killed_end));
    tests.push(test("ppp::a_looped_line_is_noticed", NEEDS, looped));
    tests.push(test("ppp::two_devices_are_one_link", COPIES, two_devices));
    tests.push(test(
        "ppp::a_bundle_survives_a_cut",
        COPIES,
        bundle_survives_a_cut,
    ));
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
        // The link-local addresses of IPV6CP are there and answer, once the host at the other end
        // has found that nobody else has its.
        let there = ppp["peer_link_local"].as_str().unwrap_or_default();
        let there = format!("{there}%{INTERFACE}");
        until("the link-local address", UP, || {
            let one = Ping {
                count: 1,
                ..Ping::new(&there)
            };
            Ok(one.send(&router.netns)? == 1)
        })?;
        Ping::new(&there).all(&router.netns)?;
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

/// One end has to prove who it is.
fn proves(method: &str) -> Result {
    let gate = End::ppp(
        "AUTHENTICATOR = YES\nRECHALLENGE = 2\n",
        &format!(
            "{method} = YES\nSYSNAME = gate\nUSERID = other / site\nPASSWD = no / o penseame\n"
        ),
    );
    let site = End::ppp(
        "",
        &format!("{method} = YES\nUSERID = site\nPASSWD = o penseame\n"),
    );
    let pair = Pair::new(Over::Cable, &gate, &site)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "auth.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&gate.channels)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    let (a, b) = (pair.a.status(DEVICE)?, pair.b.status(DEVICE)?);
    ensure!(a["ppp"]["peer_name"] == "site", "{:#}", a["ppp"]);
    let opened = |text: &serde_json::Value| text.as_str().is_some_and(|t| t.ends_with("opened"));
    ensure!(opened(&a["ppp"]["demanded"]), "{:#}", a["ppp"]);
    ensure!(opened(&b["ppp"]["given"]), "{:#}", b["ppp"]);
    pair.end_capture(&pair.a)?;
    capture::clean(&file)?;
    let filter = if method == "PAP" { "pap" } else { "chap" };
    ensure!(capture::count(&file, filter)? >= 2, "no {filter}");
    Ok(())
}

/// Both prove who they are, by secrets as pppd keeps them.
fn secrets_file() -> Result {
    let end = |name: &str, other: &str| {
        End::ppp(
            "AUTHENTICATOR = YES\n",
            &format!(
                "CHAP = YES\nSYSNAME = {name}\nSECRETS_FILE = /tmp/wanbox-{name}-{other}.secrets\n"
            ),
        )
    };
    let mut ends = [end("north", "south"), end("south", "north")];
    let dir = wanbox_rig::TempDir::new()?;
    for (n, end) in ends.iter_mut().enumerate() {
        let file = dir.path().join(format!("secrets{n}"));
        std::fs::write(
            &file,
            "# client server secret\nnorth south \"one way\"\nsouth north other\n",
        )?;
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let keys = &mut end.channels[0].keys;
        let path = keys.split("SECRETS_FILE = ").nth(1).unwrap_or_default();
        let path = path.trim().to_owned();
        *keys = keys.replace(&path, &file.display().to_string());
    }
    let pair = Pair::up(Over::Cable, &ends[0], &ends[1])?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    ensure!(
        pair.a.status(DEVICE)?["ppp"]["peer_name"] == "south",
        "a does not know b"
    );
    ensure!(
        pair.b.status(DEVICE)?["ppp"]["peer_name"] == "north",
        "b does not know a"
    );
    Ok(())
}

fn wrong_secret() -> Result {
    let gate = End::ppp(
        "AUTHENTICATOR = YES\n",
        "CHAP = YES\nSYSNAME = gate\nUSERID = site\nPASSWD = right\n",
    );
    let site = End::ppp("", "CHAP = YES\nUSERID = site\nPASSWD = wrong\n");
    let pair = Pair::started(Over::Cable, &gate, &site)?;
    for router in [&pair.a, &pair.b] {
        until("the reason", UP, || {
            let status = router.status(DEVICE)?;
            let reason = status["reason"].as_str().unwrap_or_default();
            Ok(reason.contains("authentication"))
        })
        .map_err(|e| pair.explain(e))?;
        ensure!(!router.is_channel_up(DEVICE, INTERFACE), "it carries data");
    }
    Ok(())
}

/// One end gives both addresses and name servers.
fn addresses_of_the_peer() -> Result {
    let host = End::ppp(
        "IP_MODE = HOST\nDNS_PRIMARY = 192.0.2.53\nDNS_SECONDARY = 192.0.2.54\n",
        "",
    );
    let mut peer = End::ppp("IP_MODE = PEER\nUSEPEERDNS = YES\nMRU = 1000\n", "");
    peer.channels[0].ip = "IPADDR=0.0.0.0\n".to_owned();
    let pair = Pair::up(Over::Cable, &host, &peer)?;
    until("an address", UP, || {
        Ok(pair.b.status(DEVICE)?["interfaces"][0]["address"] == "10.0.1.2")
    })
    .map_err(|e| pair.explain(e))?;
    Ping::new("10.0.1.1").all(&pair.b.netns)?;
    let ppp = &pair.b.status(DEVICE)?["ppp"];
    let servers = serde_json::json!(["192.0.2.53", "192.0.2.54"]);
    ensure!(ppp["name_servers"] == servers, "{ppp:#}");
    let resolv = pair.b.read(&format!("/run/wanbox/{INTERFACE}.resolv"))?;
    ensure!(
        resolv == "nameserver 192.0.2.53\nnameserver 192.0.2.54\n",
        "{resolv}"
    );
    // What the peer takes is what the interface sends.
    let links = pair.a.netns.ip_json(&format!("link show {INTERFACE}"))?;
    ensure!(links[0]["mtu"] == 1000, "{links:#}");
    Ok(())
}

/// A copy of this many octets by TCP from one end to the other.
fn copies(pair: &Pair, octets: usize) -> Result<Duration> {
    let data: Vec<u8> = (0..octets).map(|n| (n * 7919 / 13) as u8).collect();
    let (from, to) = (pair.file("sent"), pair.file("got"));
    std::fs::write(&from, &data)?;
    let start = std::time::Instant::now();
    let target = format!("CREATE:{}", to.display());
    let mut server = Command::new("socat");
    server.args(["-u", "TCP-LISTEN:5000,reuseaddr", &target]);
    let mut server = pair.b.netns.spawn(&mut server)?;
    let mut client = Command::new("socat");
    let source = format!("OPEN:{}", from.display());
    client.args(["-u", &source, "TCP:10.0.1.2:5000,retry=20,interval=0.2"]);
    let sent = pair.a.netns.finish(&mut client, COPY)?;
    ensure!(sent.code == 0, "nothing was sent: {}", sent.stderr);
    until("the copy", COPY, || Ok(server.try_wait()?.is_some())).map_err(|e| {
        // It would wait for ever.
        let _ = server.kill();
        pair.explain(e)
    })?;
    ensure!(std::fs::read(&to)? == data, "the copy differs");
    std::fs::remove_file(&to)?;
    Ok(start.elapsed())
}

fn compressed_headers() -> Result {
    let end = End::ppp("VJ = YES\n", "");
    let pair = Pair::new(Over::Cable, &end, &end)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "vj.pcap")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&end.channels)?;
    copies(&pair, 2_000_000)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    Ping::new("fd00:1::2").all(&pair.a.netns)?;
    pair.end_capture(&pair.a)?;
    // A capture does not tell which end sent a frame, without which tshark cannot restore headers: it takes the
    // data behind them for what it may look like.
    let bad = capture::faults(&file, "!(ppp.protocol in {0x002d, 0x002f})")?;
    ensure!(bad.is_empty(), "tshark: {bad:?}");
    let compressed = capture::count(&file, "ppp.protocol == 0x002d")?;
    let plain = capture::count(&file, "ppp.protocol == 0x0021 && tcp.len > 0")?;
    ensure!(compressed > 1000, "{compressed} compressed");
    ensure!(plain * 20 < compressed, "{plain} of {compressed} plain");
    let errors = pair.b.counters_like(DEVICE, "vj_rx_errors")?;
    ensure!(errors == 0, "{errors} headers could not be restored");
    Ok(())
}

fn killed_end() -> Result {
    let end = End::ppp("", "");
    let pair = Pair::up(Over::Udp, &end, &end)?;
    pair.b.signal(DEVICE, Signal::SIGKILL)?;
    pair.wait_down(&pair.a)?;
    let reason = pair.a.status(DEVICE)?["reason"].to_string();
    ensure!(
        reason.contains("echo") || reason.contains("answer"),
        "{reason}"
    );
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&end.channels)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    Ok(())
}

/// The second device of a bundle, its line on a cable of its own.
fn add_member(pair: &Pair, keys: &str) -> Result {
    for router in [&pair.a, &pair.b] {
        router.write(
            "/etc/wanpipe/wanpipe2.conf",
            &format!(
                "[devices]\nwanpipe2 = WAN_PPP\n[wanpipe2]\nLINE = cable:second\n\
                 RESTARTTIMER = 1\nHOLD_DOWN = 1\nECHO_INTERVAL = 1\nBUNDLE = wanpipe1\n{keys}"
            ),
        )?;
        router.write(
            "/etc/wanpipe/wanrouter.rc",
            "WAN_DEVICES=\"wanpipe1 wanpipe2\"\n",
        )?;
    }
    Ok(())
}

fn bundle(keys: &str) -> Result<(Pair, End)> {
    let end = End::ppp(&format!("MULTILINK = YES\n{keys}"), "");
    let pair = Pair::new(Over::Cable, &end, &end)?;
    add_member(&pair, keys)?;
    Ok((pair, end))
}

fn wait_for_links(pair: &Pair, links: u64) -> Result {
    for router in [&pair.a, &pair.b] {
        until("the links of the bundle", UP, || {
            Ok(router.status(DEVICE)?["ppp"]["bundle"]["links"] == links)
        })
        .map_err(|e| pair.explain(e))?;
    }
    Ok(())
}

fn two_devices() -> Result {
    for keys in ["", "SHORT_SEQ = YES\n"] {
        let rate = "CLOCKING = INTERNAL\nBAUDRATE = 2000000\n";
        let short = if keys.is_empty() { "" } else { keys };
        let end = End::ppp(&format!("MULTILINK = YES\n{rate}{short}"), "");
        let pair = Pair::new(Over::Cable, &end, &end)?;
        add_member(&pair, rate)?;
        pair.a.ok("wanrouter start")?;
        let file = pair.capture(&pair.a, "first.pcap")?;
        let second = pair.file("second.pcap");
        (pair.a).ok(&format!(
            "wanconfig card wanpipe2 capture {}",
            second.display()
        ))?;
        pair.b.ok("wanrouter start")?;
        pair.wait_up(&end.channels)?;
        wait_for_links(&pair, 2)?;
        let took = copies(&pair, 2_000_000)?;
        // One line alone would take 8 s.
        ensure!(took.as_secs_f64() < 6.5, "{took:?} for both lines");
        Ping::new("10.0.1.2").all(&pair.a.netns)?;
        pair.end_capture(&pair.a)?;
        pair.a.ok("wanconfig card wanpipe2 capture off")?;
        let mut counts = Vec::new();
        for file in [&file, &second] {
            // Half of each packet is in the other file: what fragments carry cannot be judged.
            let faults = capture::faults(file, "!mp")?;
            ensure!(faults.is_empty(), "tshark: {faults:?}");
            counts.push(capture::count(file, "mp")?);
        }
        ensure!(counts.iter().all(|&n| n > 500), "fragments: {counts:?}");
        for name in ["rx_late", "rx_overflows", "lost_between_devices"] {
            let count = pair.b.counters_like(DEVICE, name)?;
            ensure!(count == 0, "{name}: {count}");
        }
        // One end may send before the other has taken a link in: that is all that may be missing.
        let lost = pair.b.counters_like(DEVICE, "rx_lost")?;
        ensure!(lost <= 2, "{lost} fragments lost");
    }
    Ok(())
}

fn bundle_survives_a_cut() -> Result {
    let (pair, end) = bundle("CLOCKING = INTERNAL\nBAUDRATE = 4000000\n")?;
    pair.a.ok("wanrouter start")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&end.channels)?;
    wait_for_links(&pair, 2)?;
    for device in ["wanpipe2", "wanpipe1"] {
        std::thread::scope(|scope| -> Result {
            let copy = scope.spawn(|| copies(&pair, 4_000_000));
            std::thread::sleep(Duration::from_secs(2));
            pair.a.ok(&format!("wanconfig card {device} line cut"))?;
            wait_for_links(&pair, 1)?;
            match copy.join() {
                Ok(done) => done.map(drop),
                Err(_) => Err(wanbox_rig::Error::new("the copy panicked")),
            }
        })?;
        ensure!(pair.a.is_channel_up(DEVICE, INTERFACE), "it went down");
        pair.a.ok(&format!("wanconfig card {device} line join"))?;
        wait_for_links(&pair, 2)?;
    }
    // The process of a member dies, and comes back.
    pair.a.signal("wanpipe2", Signal::SIGKILL)?;
    wait_for_links(&pair, 1)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    pair.a.ok("wanrouter start wanpipe2")?;
    wait_for_links(&pair, 2)?;
    // That of the first, too.
    pair.a.signal("wanpipe1", Signal::SIGKILL)?;
    until("the bundle to be gone", UP, || {
        Ok(pair.b.status(DEVICE)?["ppp"]["bundle"]["links"] == 0)
    })
    .map_err(|e| pair.explain(e))?;
    pair.a.ok("wanrouter start wanpipe1")?;
    wait_for_links(&pair, 2)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    Ok(())
}

/// A line that returns what is sent: a UDP socket that talks to itself.
fn looped() -> Result {
    let end = End::ppp("", "");
    let pair = Pair::new(Over::Udp, &end, &end)?;
    let line = "udp:192.0.2.1:7000,192.0.2.1:7000";
    crate::network::install(&pair.a, &end, line, 0)?;
    pair.a.netns.ip("link set eth0 up")?;
    pair.a.ok("wanrouter start")?;
    until("the loop to be noticed", UP, || {
        let status = pair.a.status(DEVICE)?;
        let reason = status["reason"].as_str().unwrap_or_default();
        Ok(reason.contains("looped"))
    })
    .map_err(|e| pair.explain(e))?;
    ensure!(
        !pair.a.is_channel_up(DEVICE, INTERFACE),
        "it carries data to itself"
    );
    Ok(())
}
