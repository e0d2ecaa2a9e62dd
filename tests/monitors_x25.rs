//! The monitor of X.25 links, on this host's interface and on the far end's.

use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Error, Need, Result, capture, ensure, json};

use crate::network::{Channel, DEVICE, End, Over, Pair};
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
        test("monitors_x25::reports", NEEDS, reports),
        test("monitors_x25::flushes", NEEDS, flushes),
        test("monitors_x25::far_end", NEEDS, far_end),
        test("monitors_x25::trace", NEEDS, trace),
    ]
}

/// An end whose interface has the permanent circuit 1; its name is that of a DLCI.
fn end(station: &str) -> End {
    End {
        kind: "WAN_X25",
        udp_port: 9000,
        keys: format!(
            "STATION = {station}\nLOWESTPVC = 1\nHIGHESTPVC = 1\nLOWESTSVC = 2\nHIGHESTSVC = 20\n"
        ),
        channels: vec![Channel::dlci(1)],
    }
}

fn pair() -> Result<Pair> {
    let pair = Pair::up(Over::Cable, &end("DTE"), &end("DCE"))?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    Ok(pair)
}

/// The values of a report.
fn values(pair: &Pair, line: &str) -> Result<serde_json::Value> {
    let mut object = json::parse(&pair.a.ok(&format!("xpipemon {line} --json"))?)?;
    Ok(object["values"].take())
}

/// Every report by UDP, by interface name and as JSON.
fn reports() -> Result {
    let pair = pair()?;
    for (command, says) in [
        ("xm", "DCD: HIGH"),
        ("xl", "Link Configured as: DTE"),
        ("xcv", "X25 Code version: wanbox"),
        ("xru", "Router UP Time"),
        ("cg", "PVC channels: 1 to 1"),
        ("cl", "PVC   Data"),
        ("cc -lcn 1", "Owner: wp1_fr1"),
        ("sc", "Number of receiver CRC errors: 0"),
        ("sx", "Restart Request Tx : "),
        ("sh", "Inf. frames sent and acknowledged : "),
        ("ds", "Total Number of Send entries"),
        ("di", "Number of ISR entries"),
        ("dg", "XPIPE Monitor call"),
    ] {
        for target in ["10.0.1.2", "wp1_fr1"] {
            let line = format!("xpipemon -i {target} -c {command}");
            let text = pair.a.ok(&line)?;
            ensure!(
                text.contains(says),
                "`{line}` does not say {says:?}:\n{text}"
            );
            json::parse(&pair.a.ok(&format!("{line} --json"))?)?;
        }
    }
    let link = values(&pair, "-i wp1_fr1 -c xl")?;
    ensure!(
        link["connected"] == true && link["station"] == "DTE",
        "{link:#}"
    );
    let circuit = values(&pair, "-i wp1_fr1 -c cc -lcn 1")?;
    let counted = pair.a.counter(DEVICE, "wp1_fr1", "tx_packets")?;
    let told = circuit["tx_packets"].as_u64().unwrap_or_default();
    ensure!(
        told > 0 && told.abs_diff(counted) <= 2,
        "{told} data packets where {counted} are counted"
    );
    pair.a.run("xpipemon -i wp1_fr1 -c cc -lcn 2")?.code(1)?;
    let live = pair
        .a
        .ok("xpipemon -i wp1_fr1 --top --count 2 --interval 200ms --json")?;
    let sample = json::parse(live.lines().last().unwrap_or_default())?;
    ensure!(
        sample["up"] == true && sample["channels"][0]["lcn"] == 1,
        "{sample:#}"
    );
    // The monitor of another protocol has nothing to ask here.
    pair.a
        .run("fpipemon -i wp1_fr1 -c xl --timeout 500ms")?
        .code(3)?;
    ensure!(
        pair.a
            .ok("wanrouter debug wp1_fr1")?
            .contains("xpipemon -i wp1_fr1"),
        "debug names another monitor"
    );
    Ok(())
}

/// Flushed counters begin anew, and only they do.
fn flushes() -> Result {
    let pair = pair()?;
    let count = |line: &str, key: &str| -> Result<u64> {
        let values = values(&pair, &format!("-i wp1_fr1 -c {line}"))?;
        values[key]
            .as_u64()
            .ok_or_else(|| Error::new(format!("no {key}: {values:#}")))
    };
    for (show, flush, key, other) in [
        ("sh", "fh", "tx_acknowledged", ("sx", "tx_data")),
        ("sx", "fx", "tx_data", ("cc -lcn 1", "tx_packets")),
    ] {
        ensure!(count(show, key)? > 0, "{show}: {key} is 0 at first");
        pair.a.ok(&format!("xpipemon -i wp1_fr1 -c {flush}"))?;
        let left = count(show, key)?;
        ensure!(left <= 1, "{flush} leaves {left} of {key}");
        ensure!(count(other.0, other.1)? > 0, "{flush} flushes {other:?}");
    }
    for flush in ["fc", "fd"] {
        pair.a.ok(&format!("xpipemon -i wp1_fr1 -c {flush}"))?;
    }
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    ensure!(count("sx", "tx_data")? > 0, "nothing counted after it");
    Ok(())
}

/// The far end answers what is allowed, refuses the rest, and says so in its log.
fn far_end() -> Result {
    let mut b = end("DCE");
    b.udp_port = 9001;
    let pair = Pair::up(Over::Cable, &end("DTE"), &b)?;
    let ask = |command: &str| {
        pair.a.run(&format!(
            "xpipemon -i 10.0.1.2 -u 9001 -c {command} --timeout 2s"
        ))
    };
    for command in ["xm", "xl", "xcv", "xru", "cg", "sc", "sx", "sh", "dg"] {
        ask(command)?.ok()?;
    }
    let link = ask("xl")?.ok()?;
    ensure!(link.contains("as: DCE"), "that is the near end: {link}");
    for command in [
        "cl",
        "cc -lcn 1",
        "ds",
        "di",
        "fc",
        "fh",
        "fx",
        "fd",
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
    Ok(())
}

/// Traces to files of all kinds, and interpreted ones by circuit and kind of frame.
fn trace() -> Result {
    let pair = pair()?;
    let traced = |options: &str| -> Result<String> {
        std::thread::scope(|scope| {
            let pings = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(500));
                let pings = Ping {
                    count: 10,
                    ..Ping::new("10.0.1.1")
                };
                pings.all(&pair.b.netns)
            });
            let line = format!("xpipemon -i wp1_fr1 --count 8 --timeout 5s {options}");
            let text = pair.a.ok(&line);
            pings.join().unwrap_or(Ok(()))?;
            text
        })
    };
    let file = pair.a.path("/trace.pcap");
    let into = format!("-pcap_file {}", file.display());
    traced(&format!("-c tr {into}"))?;
    ensure!(capture::link_type(&file)? == 207, "not LAPB with direction");
    // As Ethernet frames, which tshark knows.
    traced(&format!("-c tr -prot ETH {into}"))?;
    capture::clean(&file)?;
    let packets = capture::count(&file, "x25.lcn == 1 && x25.p_s")?;
    ensure!(packets > 0, "no data packets of the circuit in the trace");
    let sent = capture::count(&file, "eth.src == 02:00:00:00:00:02")?;
    let received = capture::count(&file, "eth.src == 02:00:00:00:00:01")?;
    ensure!(
        sent > 0 && received > 0 && sent + received == 8,
        "{sent} frames sent, {received} received"
    );
    traced(&format!("-c tid -prot IP -lcn 1 {into}"))?;
    capture::clean(&file)?;
    ensure!(capture::link_type(&file)? == 101, "not IP packets");
    ensure!(capture::count(&file, "icmp")? == 8, "not all of them pings");

    let text = traced("-c ti -lcn 1 -x25opt DATA -brief")?;
    ensure!(text.matches("ICMP").count() == 8, "{text}");
    let text = traced("-c tip")?;
    ensure!(
        text.matches("| RR  Nr=").count() == 8 && !text.contains("INF"),
        "{text}"
    );
    ensure!(
        pair.a.status(DEVICE)?["state"] == "connected",
        "the link is down"
    );
    Ok(())
}
