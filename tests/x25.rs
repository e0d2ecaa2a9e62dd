//! X.25 links between two routers: IP over calls and permanent circuits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, Router, capture, ensure, until};
use wanbox_wire::lapb::ethernet;
use wanbox_wire::pcap::{FileHeader, LinkType, Reader};

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
];

/// The longest that a copy may take.
const COPY: Duration = Duration::from_secs(120);

/// Two permanent circuits, and channels for calls.
const CHANNELS: &str = "T1 = 1\nLOWESTPVC = 1\nHIGHESTPVC = 2\nLOWESTSVC = 3\nHIGHESTSVC = 250\n";

/// What an interface says to call 31162 from 31161, and the other way round.
const CALLS: [(&str, &str); 2] = [
    ("@31162", "X25_SRC_ADDR = 31161\n"),
    ("@31161", "X25_SRC_ADDR = 31162\n"),
];

pub fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    // Not over the frames of an Ethernet, which would be made longer: LAPB's are exact.
    for over in [Over::Cable, Over::Udp, Over::Lapbether] {
        tests.push(test(
            format!("x25::carries_ip_over_{over:?}").to_lowercase(),
            NEEDS,
            move || carries_ip(over),
        ));
    }
    let mut more = |name: &str, needs: &'static [Need], run: fn() -> Result| {
        tests.push(test(format!("x25::{name}"), needs, run));
    };
    more("extended_numbers", NEEDS, extended);
    more("encapsulations", NEEDS, encapsulations);
    more("silence_clears_calls", NEEDS, silence);
    more("a_refused_call_is_not_repeated_at_once", NEEDS, held_down);
    more("lapb_alone", NEEDS, lapb_alone);
    more("a_killed_end_is_noticed", NEEDS, killed_end);
    more("a_copy_survives_losses_and_restarts", COPIES, copy);
    more("a_slow_line_carries_a_copy", COPIES, slow_copy);
    more("reload_leaves_other_calls_alone", NEEDS, reload);
    more("wrong_files_are_refused", NEEDS, wrong_files);
    more("two_hundred_calls", NEEDS, two_hundred_calls);
    more("sixteen_circuits_carry_100_mb", COPIES, sixteen_circuits);
    tests
}

/// Both ends of a link with one circuit that both can call on, and one permanent one.
fn ends(keys: &str, interface: &str) -> [End; 2] {
    let keys = format!("{CHANNELS}{keys}");
    let end = |n: usize, station: &str| {
        let (circuit, own) = CALLS[n];
        let own = format!("{own}{interface}");
        End::x25(station, &keys, &[(circuit, &own), ("1", "")])
    };
    [end(0, "DTE"), end(1, "DCE")]
}

/// Both started, the layers of both ready.
fn started(over: Over, [a, b]: &[End; 2]) -> Result<Pair> {
    let pair = Pair::started(over, a, b)?;
    ready(&pair)?;
    Ok(pair)
}

fn ready(pair: &Pair) -> Result {
    until("the packet layers", UP, || {
        Ok(pair.a.is_connected(DEVICE) && pair.b.is_connected(DEVICE))
    })
    .map_err(|error| pair.explain(error))?;
    Ok(())
}

/// The state of the circuit of an interface, `idle` for example.
fn state(router: &Router, place: usize) -> Result<String> {
    let status = router.status(DEVICE)?;
    let state = &status["interfaces"][place]["circuit"]["state"];
    Ok(state.as_str().unwrap_or_default().to_owned())
}

fn carries_ip(over: Over) -> Result {
    let [a, b] = ends("PACKETWINDOW = 7\nDEF_PKT_SIZE = 256\n", "");
    let pair = Pair::new(over, &a, &b)?;
    pair.a.ok("wanrouter start")?;
    let file = pair.capture(&pair.a, "a.pcap")?;
    pair.b.ok("wanrouter start")?;
    ready(&pair)?;
    // The first packet waits for its call, and the others behind it.
    Ping::new("10.0.1.2")
        .all(&pair.a.netns)
        .map_err(|e| pair.explain(e))?;
    for (router, there) in [(&pair.a, 2), (&pair.b, 1)] {
        for net in [1, 2] {
            let to = format!("10.0.{net}.{there}");
            Ping::new(&to)
                .all(&router.netns)
                .map_err(|e| pair.explain(e))?;
            Ping {
                size: 1500 - 28,
                options: &["-M", "do"],
                ..Ping::new(&to)
            }
            .all(&router.netns)?;
        }
        let status = router.status(DEVICE)?;
        for (key, value) in [("lapb", "information transfer"), ("packet_layer", "r1")] {
            ensure!(status["x25"][key] == value, "{key}: {status:#}");
        }
        ensure!(status["protocol"] == "X25", "{status:#}");
        let text = router.ok(&format!("wanrouter status {DEVICE}"))?;
        ensure!(text.contains("SVC connected on channel"), "{text}");
    }
    ensure!(
        pair.a.counter(DEVICE, "wp1_x251", "x25_calls_placed")? == 1,
        "one call is enough"
    );
    ensure!(
        pair.b.counter(DEVICE, "wp1_x251", "x25_calls_accepted")? == 1,
        "one call is enough"
    );
    let mut log = pair.a.logs();
    ensure!(
        log.contains("wp1_x251: channel 250: calling 31162"),
        "{log}"
    );
    log = pair.b.logs();
    ensure!(log.contains("accepted a call of 31161"), "{log}");
    pair.a.ok("wanrouter stop")?;
    // The other end is told, and does not have to find out.
    until("the disconnection", Duration::from_secs(2), || {
        Ok(!pair.b.is_connected(DEVICE))
    })?;
    ensure!(
        capture::link_type(&file)? == 207,
        "not LAPB with a direction"
    );
    let file = for_tshark(&pair, &file)?;
    capture::clean(&file)?;
    for filter in ["lapb", "x25", "icmp"] {
        ensure!(capture::count(&file, filter)? > 0, "no frame with {filter}");
    }
    Ok(())
}

/// A capture in the form that tshark knows: LAPB in the frames of an Ethernet.
fn for_tshark(pair: &Pair, capture: &Path) -> Result<PathBuf> {
    let octets = std::fs::read(capture)?;
    let header = FileHeader::new(LinkType::Other(1));
    let mut file = header.encode().to_vec();
    let mut directions = [0; 2];
    for record in Reader::new(&octets)? {
        let record = record?;
        let Some((&direction @ (0 | 1), frame)) = record.frame.split_first() else {
            return Err(wanbox_rig::Error::new("a frame without its direction"));
        };
        directions[usize::from(direction)] += 1;
        let mut framed = ethernet::header([2, 0, 0, 0, 0, direction], frame.len() as u16).to_vec();
        framed.extend_from_slice(frame);
        header.append(record.time, &framed, &mut file);
    }
    ensure!(directions.iter().all(|&count| count > 10), "{directions:?}");
    let path = pair.file("ethernet.pcap");
    std::fs::write(&path, file)?;
    Ok(path)
}

/// Sequence numbers modulo 128, large packets and windows.
fn extended() -> Result {
    let keys = "X25_MODE = 128\nLAPB_MODE = 128\nHDLCWINDOW = 127\nPACKETWINDOW = 100\n\
                DEF_PKT_SIZE = 4096\n";
    let pair = started(
        Over::Udp,
        &ends(keys, "X25_WINDOW = 127\nX25_PKT_SIZE = 512\n"),
    )?;
    for net in [1, 2] {
        let to = format!("10.0.{net}.2");
        Ping::new(&to)
            .all(&pair.a.netns)
            .map_err(|e| pair.explain(e))?;
        Ping {
            size: 1472,
            count: 50,
            ..Ping::new(&to)
        }
        .all(&pair.a.netns)?;
    }
    Ok(())
}

fn encapsulations() -> Result {
    for (word, ipv6) in [("SNAP", false), ("NULL", true)] {
        let keys = format!("X25_ENCAPSULATION = {word}\n");
        let pair = started(Over::Cable, &ends("", &keys))?;
        Ping::new("10.0.1.2")
            .all(&pair.a.netns)
            .map_err(|e| pair.explain(e))?;
        let six = Ping::new("fd00:1::2");
        if ipv6 {
            six.all(&pair.a.netns).map_err(|e| pair.explain(e))?;
        } else {
            let quick = Ping { count: 1, ..six };
            ensure!(quick.send(&pair.a.netns)? == 0, "{word} carries IPv6");
        }
    }
    Ok(())
}

/// Idle calls are cleared, and come back without losing a packet.
fn silence() -> Result {
    let pair = started(Over::Cable, &ends("", "IDLETIMEOUT = 2\n"))?;
    for round in 1..=2 {
        Ping {
            count: 3,
            ..Ping::new("10.0.1.2")
        }
        .all(&pair.a.netns)
        .map_err(|e| pair.explain(e))?;
        ensure!(state(&pair.a, 0)? == "connected", "no call");
        until("the call to be cleared", UP, || {
            Ok(state(&pair.a, 0)? == "idle" && state(&pair.b, 0)? == "idle")
        })
        .map_err(|e| pair.explain(e))?;
        let placed = pair.a.counter(DEVICE, "wp1_x251", "x25_calls_placed")?;
        ensure!(placed == round, "{placed} calls after {round} rounds");
    }
    ensure!(state(&pair.a, 1)? == "connected", "permanent circuits stay");
    let log = pair.a.logs() + &pair.b.logs();
    ensure!(log.contains("the call was cleared: no packets"), "{log}");
    Ok(())
}

/// Nobody is there to take the call.
fn held_down() -> Result {
    let [mut a, b] = ends("", "HOLDTIMEOUT = 500\n");
    a.channels[0].circuit = Some(("@999".to_owned(), 1));
    a.channels[0].keys = "X25_SRC_ADDR = 998\nHOLDTIMEOUT = 500\n".to_owned();
    let pair = started(Over::Cable, &[a, b])?;
    let three = Ping {
        count: 3,
        ..Ping::new("10.0.1.2")
    };
    ensure!(three.send(&pair.a.netns)? == 0, "an answer of nobody");
    let counter = |name: &str| pair.a.counter(DEVICE, "wp1_x251", name);
    ensure!(counter("x25_calls_placed")? == 1, "called more than once");
    ensure!(counter("x25_tx_held_down")? >= 2, "not held down");
    let refused = pair.b.counter(DEVICE, "x25", "calls_refused")?;
    ensure!(refused == 1, "{refused} calls refused");
    let status = pair.a.status(DEVICE)?;
    let hold = &status["interfaces"][0]["circuit"]["hold_seconds"];
    ensure!(hold.as_u64().is_some_and(|s| s > 400), "{status:#}");
    let log = pair.b.logs();
    ensure!(log.contains("refused a call from '998' to '999'"), "{log}");
    // The permanent circuit knows nothing of it.
    Ping::new("10.0.2.2").all(&pair.a.netns)
}

fn lapb_alone() -> Result {
    let end = |station| End::x25(station, "T1 = 1\nLAPB_HDLC_ONLY = YES\n", &[("", "")]);
    let pair = started(Over::Cable, &[end("DTE"), end("DCE")])?;
    for (router, there) in [(&pair.a, 2), (&pair.b, 1)] {
        let to = format!("10.0.1.{there}");
        Ping {
            size: 1472,
            options: &["-M", "do"],
            ..Ping::new(&to)
        }
        .all(&router.netns)
        .map_err(|e| pair.explain(e))?;
        Ping::new(&format!("fd00:1::{there}")).all(&router.netns)?;
    }
    let status = pair.a.status(DEVICE)?;
    ensure!(status["x25"]["packet_layer"].is_null(), "{status:#}");
    Ok(())
}

fn killed_end() -> Result {
    // T4 asks whether the other end is there.
    let pair = started(Over::Udp, &ends("T4 = 2\nN2 = 3\n", ""))?;
    Ping::new("10.0.1.2")
        .all(&pair.a.netns)
        .map_err(|e| pair.explain(e))?;
    pair.b.signal(DEVICE, Signal::SIGKILL)?;
    pair.wait_down(&pair.a)?;
    let reason = pair.a.status(DEVICE)?["reason"].to_string();
    ensure!(reason.contains("LAPB"), "{reason}");
    pair.b.ok("wanrouter start")?;
    ready(&pair)?;
    Ping::new("10.0.1.2")
        .all(&pair.a.netns)
        .map_err(|e| pair.explain(e))
}

/// A copy of this many octets by TCP from one end to the other; `meanwhile` runs beside it.
fn copies(pair: &Pair, octets: usize, meanwhile: &dyn Fn() -> Result) -> Result {
    let data: Vec<u8> = (0..octets).map(|n| (n * 7919 / 13) as u8).collect();
    let (from, to) = (pair.file("sent"), pair.file("got"));
    std::fs::write(&from, &data)?;
    let target = format!("CREATE:{}", to.display());
    let mut server = Command::new("socat");
    server.args(["-u", "TCP-LISTEN:5000,reuseaddr", &target]);
    let mut server = pair.b.netns.spawn(&mut server)?;
    let mut client = Command::new("socat");
    let source = format!("OPEN:{}", from.display());
    client.args(["-u", &source, "TCP:10.0.1.2:5000,retry=20,interval=0.2"]);
    let mut client = pair.a.netns.spawn(&mut client)?;
    let done = meanwhile().and_then(|()| {
        until("the copy", COPY, || Ok(server.try_wait()?.is_some()))?;
        Ok(())
    });
    if let Err(error) = done {
        // They would wait for ever.
        let _ = (server.kill(), client.kill());
        return Err(pair.explain(error));
    }
    until("its end", COPY, || Ok(client.try_wait()?.is_some()))?;
    ensure!(std::fs::read(&to)? == data, "the copy differs");
    Ok(())
}

/// LAPB repeats what the line loses; when the link begins anew, TCP does.
fn copy() -> Result {
    let keys = "PACKETWINDOW = 7\nDEF_PKT_SIZE = 1024\nT4 = 3\nN2 = 20\n";
    let [a, b] = ends(keys, "HOLDTIMEOUT = 1\n");
    let pair = Pair::new(Over::Udp, &a, &b)?;
    for router in [&pair.a, &pair.b] {
        let file = format!("/etc/wanpipe/{DEVICE}.conf");
        let text = router.read(&file)?;
        let lossy = text
            .replace(":7000\n", ":7000 loss=2% delay=1ms\n")
            .replace("T1 = 1\n", "T1 = 200ms\n");
        ensure!(lossy != text, "no line: {text}");
        router.write(&file, &lossy)?;
        router.ok("wanrouter start")?;
    }
    ready(&pair)?;
    copies(&pair, 3_000_000, &|| {
        for cut in 0..3 {
            until("some of it", COPY, || {
                let packets = pair.b.counter(DEVICE, "wp1_x251", "rx_packets")?;
                Ok(packets > 200 * (cut + 1))
            })?;
            pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
            pair.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
        }
        Ok(())
    })?;
    ensure!(
        pair.a.counter(DEVICE, "lapb", "repeated")? > 10,
        "nothing was lost"
    );
    ensure!(
        pair.a.counter(DEVICE, "lapb", "ups")? >= 4,
        "it did not begin anew"
    );
    Ok(())
}

/// On a line of 256 kbit/s nothing waits where T1 runs.
fn slow_copy() -> Result {
    let keys = "CLOCKING = INTERNAL\nBAUDRATE = 256000\nPACKETWINDOW = 7\n";
    let pair = started(Over::Cable, &ends(keys, ""))?;
    copies(&pair, 150_000, &|| Ok(()))?;
    let repeated = pair.a.counter(DEVICE, "lapb", "repeated")?;
    ensure!(repeated == 0, "{repeated} frames for nothing");
    Ok(())
}

fn reload() -> Result {
    let pair = started(Over::Cable, &ends("", ""))?;
    Ping::new("10.0.1.2")
        .all(&pair.a.netns)
        .map_err(|e| pair.explain(e))?;
    let file = format!("/etc/wanpipe/{DEVICE}.conf");
    let text = pair.a.read(&file)?;
    // One interface goes, another comes.
    let changed = text
        .replace(
            &format!("wp1_x252 = {DEVICE}, 1,"),
            &format!("wp1_x253 = {DEVICE}, 2,"),
        )
        .replace("[wp1_x252]", "[wp1_x253]");
    pair.a.write(&file, &changed)?;
    pair.a.signal(DEVICE, Signal::SIGHUP)?;
    until("the other interface", UP, || {
        Ok(pair.a.is_channel_up(DEVICE, "wp1_x253"))
    })
    .map_err(|e| pair.explain(e))?;
    ensure!(state(&pair.a, 0)? == "connected", "the call was disturbed");
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    let placed = pair.a.counter(DEVICE, "wp1_x251", "x25_calls_placed")?;
    ensure!(placed == 1, "the call was placed again");
    // The link's own keys cannot change.
    pair.a.write(
        &file,
        &changed.replace("T1 = 1\n", "T1 = 2\nPACKETWINDOW = 3\n"),
    )?;
    let wrong = pair.a.run(&format!("wanconfig card {DEVICE} reconfig"))?;
    let said = wrong.stdout.clone() + &wrong.stderr;
    ensure!(wrong.code != 0, "it was taken: {said}");
    ensure!(said.contains("T1, PACKETWINDOW cannot change"), "{said}");
    Ping::new("10.0.1.2").all(&pair.a.netns)
}

fn wrong_files() -> Result {
    let router = Router::new(&crate::wanbox())?;
    for (circuit, keys, own, wanted) in [
        ("@1", "", "", "a packet layer without logical channels"),
        (
            "@1",
            "LOWESTSVC = 2\nHIGHESTSVC = 1\n",
            "",
            "lower than LOWESTSVC = 2",
        ),
        (
            "@12345678901234567",
            CHANNELS,
            "",
            "an address of 17 digits is too long",
        ),
        ("7", CHANNELS, "", "channel 7 is not a permanent circuit"),
        (
            "@1",
            "LOWESTPVC = 1\nHIGHESTPVC = 9\nLOWESTSVC = 5\nHIGHESTSVC = 9\n",
            "",
            "in rising order",
        ),
        (
            "@1",
            CHANNELS,
            "X25_CALL_STRING = -f4207\n",
            "facilities 4207",
        ),
    ] {
        let end = End::x25("DTE", keys, &[(circuit, own)]);
        crate::network::install(&router, &end, "cable:x", 0)?;
        let ended = router.run("wanrouter start")?;
        let said = ended.stdout.clone() + &ended.stderr;
        ensure!(ended.code != 0, "started: {said}");
        ensure!(said.contains(wanted), "{wanted}: {said}");
        ensure!(
            said.contains(&format!("{DEVICE}.conf:")),
            "no place: {said}"
        );
    }
    Ok(())
}

/// Interfaces that call one another, each from an address of its own.
fn many(count: usize, keys: &str) -> [End; 2] {
    let end = |station: &str, first: usize, peer: usize| {
        let circuits: Vec<(String, String)> = (0..count)
            .map(|n| {
                let own = format!("X25_SRC_ADDR = {}\n", first + n);
                (format!("@{}", peer + n), own)
            })
            .collect();
        let circuits: Vec<(&str, &str)> = circuits
            .iter()
            .map(|(circuit, keys)| (circuit.as_str(), keys.as_str()))
            .collect();
        End::x25(station, &format!("{CHANNELS}{keys}"), &circuits)
    };
    [end("DTE", 1000, 2000), end("DCE", 2000, 1000)]
}

/// 100 MB by TCP, through as many circuits at once.
fn sixteen_circuits() -> Result {
    const COUNT: usize = 16;
    const OCTETS: usize = 100_000_000 / COUNT;
    let keys = "PACKETWINDOW = 7\nDEF_PKT_SIZE = 1024\nLAPB_MODE = 128\nHDLCWINDOW = 127\n";
    let pair = started(Over::Udp, &many(COUNT, keys))?;
    let data: Vec<u8> = (0..OCTETS).map(|n| (n * 7919 / 13) as u8).collect();
    let from = pair.file("sent");
    std::fs::write(&from, &data)?;
    let mut copies = Vec::new();
    for net in 1..=COUNT {
        let to = pair.file(&format!("got{net}"));
        let mut server = Command::new("socat");
        server.args([
            "-u",
            &format!("TCP-LISTEN:{},bind=10.0.{net}.2,reuseaddr", 5000 + net),
            &format!("CREATE:{}", to.display()),
        ]);
        let server = pair.b.netns.spawn(&mut server)?;
        let mut client = Command::new("socat");
        client.args([
            "-u",
            &format!("OPEN:{}", from.display()),
            &format!("TCP:10.0.{net}.2:{},retry=50,interval=0.2", 5000 + net),
        ]);
        let client = pair.a.netns.spawn(&mut client)?;
        copies.push((server, client, to));
    }
    let ended = until("the copies", 2 * COPY, || {
        let mut ended = true;
        for (server, client, _) in &mut copies {
            ended &= server.try_wait()?.is_some() && client.try_wait()?.is_some();
        }
        Ok(ended)
    });
    if let Err(error) = ended {
        for (server, client, _) in &mut copies {
            // They would wait for ever.
            let _ = (server.kill(), client.kill());
        }
        return Err(pair.explain(error));
    }
    for (_, _, to) in &copies {
        ensure!(std::fs::read(to)? == data, "{} differs", to.display());
    }
    for router in [&pair.a, &pair.b] {
        ensure!(router.counter(DEVICE, "lapb", "resets")? == 0, "a reset");
        ensure!(
            router.counter(DEVICE, "lapb", "downs")? == 0,
            "the link went down"
        );
    }
    Ok(())
}

/// Each of two hundred interfaces calls one of the other end.
fn two_hundred_calls() -> Result {
    const COUNT: usize = 200;
    let pair = started(Over::Cable, &many(COUNT, ""))?;
    let mut pings = Vec::new();
    for net in 1..=COUNT {
        let mut ping = Command::new("ping");
        ping.args(["-n", "-q", "-c", "2", "-w", "60", &format!("10.0.{net}.2")]);
        ping.stdout(std::process::Stdio::null());
        pings.push(pair.a.netns.spawn(&mut ping)?);
    }
    let mut failed = 0;
    for mut ping in pings {
        failed += usize::from(!ping.wait()?.success());
    }
    if failed > 0 {
        let error = wanbox_rig::Error::new(format!("{failed} circuits carry nothing"));
        return Err(error);
    }
    let status = pair.a.status(DEVICE)?;
    ensure!(status["x25"]["circuits"] == COUNT + 2, "{}", status["x25"]);
    ensure!(
        pair.b.counter(DEVICE, "x25", "calls_refused")? == 0,
        "calls were refused"
    );
    Ok(())
}
