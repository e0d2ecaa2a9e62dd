//! The monitors of PPP links, on this host's interface and on the far end's.

use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Error, Need, Result, capture, ensure, json, until};

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
    vec![
        test("monitors_ppp::reports", NEEDS, reports),
        test("monitors_ppp::flushes", NEEDS, flushes),
        test("monitors_ppp::far_end", NEEDS, far_end),
        test("monitors_ppp::trace", NEEDS, trace),
        test("monitors_ppp::multi_port", NEEDS, multi_port),
        test("monitors_ppp::proofs", NEEDS, proofs),
        test("monitors_ppp::wrong_secret", NEEDS, wrong_secret),
    ]
}

/// The values of a report.
fn values(pair: &Pair, line: &str) -> Result<serde_json::Value> {
    let mut object = json::parse(&pair.a.ok(&format!("ppipemon {line} --json"))?)?;
    Ok(object["values"].take())
}

/// Every report by UDP, by interface name and as JSON; what they say is what the status says.
fn reports() -> Result {
    let end = End::ppp("", "");
    let pair = Pair::up(Over::Cable, &end, &end)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    for (command, says) in [
        ("xm", "DCD: High"),
        ("xn", "Remote IP address: 10.0.1.2"),
        ("xru", "Router UP Time"),
        ("xu", "Restart timer: 10"),
        ("xs", "LCP State: Opened"),
        ("xc", "Local request by termination phase: "),
        ("cg", "Maximum Receive/Transmit Unit(MRU/MTU): 1500"),
        ("ca", "Allow the use of PAP for inbound/outbound: No"),
        ("ci", "Local IP address( 0.0.0.0 = request ): 10.0.1.1"),
        ("cx", "Enable the use of IPX: No"),
        ("sg", "Number of user frames transmitted"),
        ("sc", "Number of receiver CRC errors"),
        ("sp", "Number of LCP packets"),
        ("slpc", "Number of Echo-Request packets"),
        ("slo", "Looped-back link detected with Echo-Request: 0"),
        ("sipc", "Number of Config-Ack packets : 1\t1"),
        ("sxpc", "Received IPXCP packets too large: 0"),
        ("spap", "Number of Authent-Request pkts: 0\t0"),
        ("schp", "Number of Challenge packets  : 0\t0"),
        ("ds", "Total number of Send entries"),
        ("di", "Number of ISR entries"),
        ("dg", "PTPIPE Monitor call"),
    ] {
        for target in ["10.0.1.2", "wp1_ppp"] {
            let line = format!("ppipemon -i {target} -c {command}");
            let text = pair.a.ok(&line)?;
            ensure!(
                text.contains(says),
                "`{line}` does not say {says:?}:\n{text}"
            );
            json::parse(&pair.a.ok(&format!("{line} --json"))?)?;
        }
    }
    let status = pair.a.status(DEVICE)?;
    let ppp = &status["ppp"];
    let negotiated = values(&pair, "-i wp1_ppp -c xn")?;
    ensure!(
        negotiated["ip_local"] == "10.0.1.1" && negotiated["ip_remote"] == ppp["peer_address"],
        "{negotiated:#} beside {ppp:#}"
    );
    let state = values(&pair, "-i wp1_ppp -c xs")?;
    ensure!(
        state["phase"] == 3 && ppp["phase"] == "network" && state["ipcp_state"] == 9,
        "{state:#} beside {ppp:#}"
    );
    // The 1998 form.
    let text = pair.a.ok("ppipemon s 10.0.1.2 9000")?;
    ensure!(text.contains("IPCP State: Opened"), "{text}");
    // What the link carried is what the interface counts.
    let general = values(&pair, "-i wp1_ppp -c sg")?;
    let counted = pair.a.counter(DEVICE, "wp1_ppp", "tx_packets")?;
    let told = general["tx_frames"].as_u64().unwrap_or_default();
    ensure!(
        told > 0 && told.abs_diff(counted) <= 2,
        "{told} frames where {counted} are counted"
    );
    let live = pair
        .a
        .ok("ppipemon -i wp1_ppp --top --count 2 --interval 200ms --json")?;
    let sample = json::parse(live.lines().last().unwrap_or_default())?;
    ensure!(
        sample["up"] == true && sample["lcp_state"] == 9,
        "{sample:#}"
    );
    Ok(())
}

/// Flushed counters begin anew, and only they do.
fn flushes() -> Result {
    let end = End::ppp("", "");
    let pair = Pair::up(Over::Cable, &end, &end)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    let count = |line: &str, key: &str| -> Result<u64> {
        let values = values(&pair, &format!("-i wp1_ppp -c {line}"))?;
        values[key]
            .as_u64()
            .ok_or_else(|| Error::new(format!("no {key}: {values:#}")))
    };
    for (show, flush, key) in [
        ("slpc", "flcp", "tx_configure_request"),
        ("sipc", "fipc", "rx_configure_ack"),
        ("sp", "fp", "rx_ipcp"),
    ] {
        ensure!(count(show, key)? > 0, "{show}: {key} is 0 at first");
        pair.a.ok(&format!("ppipemon -i wp1_ppp -c {flush}"))?;
        ensure!(count(show, key)? == 0, "{flush} leaves {key}");
    }
    let before = pair.a.counter(DEVICE, "wp1_ppp", "tx_packets")?;
    let flushed = count("fg", "tx_frames")?;
    ensure!(flushed <= 2, "{flushed} frames after the flush");
    ensure!(
        pair.a.counter(DEVICE, "wp1_ppp", "tx_packets")? >= before,
        "the interface's counters went too"
    );
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    ensure!(count("sg", "tx_frames")? >= 3, "nothing counted after it");
    pair.a.ok("ppipemon -i wp1_ppp -c fd")?;
    Ok(())
}

/// The far end answers what is allowed, refuses the rest, and says so in its log.
fn far_end() -> Result {
    let a = End::ppp("", "");
    let mut b = End::ppp("", "");
    b.udp_port = 9001;
    let pair = Pair::up(Over::Cable, &a, &b)?;
    let ask = |command: &str| {
        pair.a.run(&format!(
            "ppipemon -i 10.0.1.2 -u 9001 -c {command} --timeout 2s"
        ))
    };
    for command in [
        "xm", "xn", "xru", "xu", "xs", "xc", "cg", "ca", "ci", "cx", "sg", "sc", "sp", "slpc",
        "sipc", "sxpc", "spap", "schp",
    ] {
        ask(command)?.ok()?;
    }
    for command in [
        "slo",
        "ds",
        "di",
        "dg",
        "fg",
        "flcp",
        "fd",
        "Tv",
        "ti --count 1",
    ] {
        let refused = ask(command)?;
        ensure!(refused.code == 1, "{command} from the far end: {refused:?}");
        ensure!(
            refused.stderr.contains("far end") || refused.stderr.contains("from Underneath"),
            "{command}: {refused:?}"
        );
    }
    ensure!(
        pair.b
            .logs()
            .contains("Illegal UDP command attempted from network"),
        "the refusal is not logged:\n{}",
        pair.b.logs()
    );
    ensure!(
        pair.b.counters_like(DEVICE, "refused")? > 0,
        "the refusal is not counted"
    );
    Ok(())
}

/// A trace to a file that tshark takes, and an interpreted one.
fn trace() -> Result {
    let end = End::ppp("", "");
    let pair = Pair::up(Over::Cable, &end, &end)?;
    let file = pair.a.path("/trace.pcap");
    let (trace, pings) = std::thread::scope(|scope| {
        let pings = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            Ping {
                count: 10,
                ..Ping::new("10.0.1.1")
            }
            .all(&pair.b.netns)
        });
        let trace = pair.a.ok(&format!(
            "ppipemon -i wp1_ppp -c ti -pcap_file {} --count 14 --timeout 5s",
            file.display()
        ));
        (trace, pings.join().unwrap_or(Ok(())))
    });
    pings?;
    trace?;
    capture::clean(&file)?;
    ensure!(capture::link_type(&file)? == 50, "not PPP in HDLC framing");
    ensure!(capture::count(&file, "icmp")? > 0, "no pings in the trace");
    // Echoes pass every second.
    let text = pair
        .a
        .ok("ppipemon -i wp1_ppp -c tip -brief --count 2 --timeout 5s")?;
    ensure!(text.contains("PPP LCP Echo-Re"), "{text}");
    let data = pair
        .a
        .ok("ppipemon -i wp1_ppp -c tid --seconds 2 --timeout 5s")?;
    ensure!(!data.contains("LCP"), "{data}");
    ensure!(
        pair.a.status(DEVICE)?["state"] == "connected",
        "the link is down"
    );
    Ok(())
}

/// A port of a multi-port card runs PPP and is monitored in the way of Cisco HDLC.
fn multi_port() -> Result {
    let mut a = End::ppp("", "MPPP_PROT = MP_PPP\n");
    a.kind = "WAN_MULTPPP";
    let mut b = End::ppp("", "");
    b.udp_port = 9001;
    let pair = Pair::up(Over::Cable, &a, &b)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    for (command, says) in [
        ("xm", "DCD: High"),
        ("xl", "Link status:  Active"),
        ("xcv", "Code version"),
        ("xru", "Router UP Time"),
        ("crc", "Keepalive transmit interval (ms): 1000"),
        ("sg", "Times application did not respond"),
        ("sc", "Number of times DCD changed state"),
        ("so", "Number of frames transmitted"),
        ("ss", "SLARP keepalive packets transmitted"),
    ] {
        for target in ["10.0.1.2", "wp1_ppp"] {
            let line = format!("mppipemon -i {target} -c {command}");
            let text = pair.a.ok(&line)?;
            ensure!(
                text.contains(says),
                "`{line}` does not say {says:?}:\n{text}"
            );
        }
    }
    let read = |command: &str| -> Result<serde_json::Value> {
        let line = format!("mppipemon -i wp1_ppp -c {command} --json");
        let mut object = json::parse(&pair.a.ok(&line)?)?;
        Ok(object["values"].take())
    };
    let sent = read("so")?;
    ensure!(sent["tx_frames"].as_u64() >= Some(3), "{sent:#}");
    until("an echo", UP, || {
        Ok(read("ss")?["keepalives_rx"].as_u64() >= Some(1))
    })?;
    let flushed = read("fo")?;
    ensure!(flushed["tx_frames"].as_u64() <= Some(2), "{flushed:#}");
    let text = pair
        .a
        .ok("mppipemon -i wp1_ppp -c tip -brief --count 2 --timeout 5s")?;
    ensure!(text.contains("PPP LCP Echo-Re"), "{text}");
    let file = pair.a.path("/port.pcap");
    pair.a.ok(&format!(
        "mppipemon -i wp1_ppp -c tr -pcap_file {} --count 3 --timeout 5s",
        file.display()
    ))?;
    capture::clean(&file)?;
    ensure!(capture::link_type(&file)? == 50, "not PPP in HDLC framing");
    // The other monitor of PPP has nothing to ask here, nor this one at the other end.
    pair.a
        .run("ppipemon -i wp1_ppp -c xs --timeout 500ms")?
        .code(3)?;
    pair.b
        .run("mppipemon -i wp1_ppp -c xl --timeout 500ms")?
        .code(3)?;
    // From the far end it is only read.
    let ask = |command: &str| {
        pair.b.run(&format!(
            "mppipemon -i 10.0.1.1 -u 9000 -c {command} --timeout 2s"
        ))
    };
    ask("so")?.ok()?;
    ensure!(ask("fo")?.code == 1, "flushed from the far end");
    ensure!(
        pair.a
            .ok("wanrouter debug wp1_ppp")?
            .contains("mppipemon -i wp1_ppp"),
        "debug names another monitor"
    );
    Ok(())
}

/// An end that asks, and one that proves who it is.
fn gate_and_site(method: &str, secret: &str, given: &str) -> (End, End) {
    let gate = End::ppp(
        "AUTHENTICATOR = YES\n",
        &format!("{method} = YES\nSYSNAME = gate\nUSERID = site\nPASSWD = {secret}\n"),
    );
    let site = End::ppp(
        "",
        &format!("{method} = YES\nUSERID = site\nPASSWD = {given}\n"),
    );
    (gate, site)
}

/// Who proved what, and how often; a trace of it shows everything but the secret.
fn proofs() -> Result {
    for (method, command, asked, name) in [
        ("PAP", "spap", "Number of Authent-Request pkts: 1\t0", "PAP"),
        (
            "CHAP",
            "schp",
            "Number of Response packets   : 1\t0",
            "CHAP",
        ),
    ] {
        let (gate, site) = gate_and_site(method, "geheim", "geheim");
        let pair = Pair::new(Over::Cable, &gate, &site)?;
        pair.a.ok("wanrouter start")?;
        let (trace, up) = std::thread::scope(|scope| {
            let up = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(500));
                pair.b.ok("wanrouter start")?;
                pair.wait_up(&gate.channels)
            });
            let trace = pair
                .a
                .ok("ppipemon -i wp1_ppp -c tip -full --seconds 6 --timeout 5s");
            (trace, up.join())
        });
        up.map_err(|_| Error::new("the other end panicked"))??;
        let trace = trace?;
        ensure!(
            trace.contains(&format!("PPP decode\t{name} ")) && trace.contains("\"site\""),
            "no {method} in the trace:\n{trace}"
        );
        // "geheim", in hexadecimal.
        ensure!(
            !trace.contains("67 65 68 65") && !trace.contains("geheim"),
            "the secret is in the trace:\n{trace}"
        );
        let at = |router: &wanbox_rig::Router, command: &str, says: &str| -> Result {
            let text = router.ok(&format!("ppipemon -i wp1_ppp -c {command}"))?;
            ensure!(
                text.contains(says),
                "{method} {command}: no {says:?}:\n{text}"
            );
            Ok(())
        };
        let opened = format!("{name} State: Opened( Success )");
        at(&pair.a, "xs", &opened)?;
        at(&pair.b, "xs", &opened)?;
        at(&pair.a, "xn", "PeerID and Password were correct")?;
        at(&pair.a, "xn", "Inbound PeerID: site")?;
        at(&pair.b, "xn", "No inbound authentication negotiated")?;
        at(&pair.a, "ca", "Using inbound authentication.")?;
        at(&pair.b, "ca", "Using outbound authentication.")?;
        at(&pair.a, command, asked)?;
    }
    Ok(())
}

fn wrong_secret() -> Result {
    let (gate, site) = gate_and_site("CHAP", "right", "wrong");
    let pair = Pair::started(Over::Cable, &gate, &site)?;
    for router in [&pair.a, &pair.b] {
        until("the cause of the failure", UP, || {
            let text = router.ok("ppipemon -i wp1_ppp -c xc")?;
            Ok(text.contains("Inbound/Outbound authentication failed: Yes"))
        })?;
    }
    until("what became of the claim", UP, || {
        let text = pair.a.ok("ppipemon -i wp1_ppp -c xn")?;
        Ok(text.contains("PeerID valid, Password Incorrect"))
    })?;
    let failures = values(&pair, "-i wp1_ppp -c schp")?;
    ensure!(
        failures["tx_failure"].as_u64() >= Some(1) && failures["tx_success"] == 0,
        "{failures:#}"
    );
    Ok(())
}
