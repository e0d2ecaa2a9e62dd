//! `sdladump`: the memory of a running device, and firmware modules made here.

use std::fs;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::Value;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Error, Need, Result, Router, ensure, until};
use wanbox_wire::sfm;
use wanbox_wire::status_map::{SIZE, View};

use crate::network::{DEVICE, End, Over, Pair, UP};
use crate::test;

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("sdladump::frame_relay", NEEDS, frame_relay),
        test("sdladump::cisco_hdlc", NEEDS, cisco_hdlc),
        test("sdladump::octets", NEEDS, octets),
        test("sdladump::killed_daemon", NEEDS, killed_daemon),
        test("sdladump::many_channels", NEEDS, many_channels),
        test("sdladump::under_load", NEEDS, under_load),
        test("sdladump::firmware", &[Need::Namespaces], firmware),
    ]
}

fn memory(router: &Router) -> Result<Value> {
    Ok(serde_json::from_str(
        &router.ok(&format!("sdladump --json {DEVICE}"))?,
    )?)
}

/// What of the sections must be what commands say, once nothing happens any more.
fn agree(router: &Router) -> Result<Value> {
    let counters = || -> Result<Value> {
        let text = router.ok(&format!("wanconfig card {DEVICE} counters --json"))?;
        Ok(serde_json::from_str(&text)?)
    };
    let mut last = Value::Null;
    until("the memory to follow", UP, || {
        let (memory, status, counters) = (memory(router)?, router.status(DEVICE)?, counters()?);
        last = memory.clone();
        for field in [
            "device", "protocol", "station", "state", "carrier", "cut", "link_ups",
        ] {
            ensure!(
                memory["status"][field] == status[field],
                "{field}: {} and {}",
                memory["status"][field],
                status[field]
            );
        }
        let channels = memory["channels"].as_array().map_or(0, Vec::len);
        let interfaces = status["interfaces"].as_array();
        ensure!(Some(channels) == interfaces.map(Vec::len), "{channels}");
        for (number, interface) in interfaces.into_iter().flatten().enumerate() {
            let channel = &memory["channels"][number];
            ensure!(channel["interface"] == interface["name"], "{channel}");
            ensure!(
                channel["dlci"] == interface["dlci"] || interface["dlci"].is_null(),
                "{channel}"
            );
            for field in ["usage", "connected", "up", "address", "peer"] {
                ensure!(channel[field] == interface[field], "{field}: {channel}");
            }
            for field in ["rx_packets", "tx_packets", "rx_octets", "tx_octets"] {
                ensure!(
                    channel[field] == interface["traffic"][field],
                    "{field}: {channel}"
                );
            }
        }
        // Turns and timers go on while we look.
        for field in [
            "rx_frames",
            "rx_octets",
            "tx_frames",
            "tx_octets",
            "carrier_drops",
        ] {
            ensure!(
                memory["statistics"]["line"][field] == counters["line"][field],
                "{field}: {} and {}",
                memory["statistics"]["line"][field],
                counters["line"][field]
            );
        }
        for group in ["management", "frame_relay", "cisco_hdlc"] {
            ensure!(
                memory["statistics"][group] == counters[group],
                "{group}: {} and {}",
                memory["statistics"][group],
                counters[group]
            );
        }
        let names = |groups: &Value, group: &str| {
            groups[group]
                .as_object()
                .map(|g| g.keys().cloned().collect::<Vec<_>>())
        };
        ensure!(
            names(&memory["statistics"], "line") == names(&counters, "line"),
            "names of the line's counters"
        );
        Ok(true)
    })
    .map_err(|error| Error::new(format!("{error}\n{last:#}")))?;
    Ok(last)
}

fn frame_relay() -> Result {
    let node = End::frame_relay("NODE", "ANSI", &[16, 17]);
    let cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    for (router, station) in [(&pair.a, "NODE"), (&pair.b, "CPE")] {
        let memory = agree(router)?;
        ensure!(
            memory["pid"] == router.daemon(DEVICE)?.as_raw(),
            "{memory:#}"
        );
        let configuration = &memory["configuration"];
        for (key, value) in [
            ("LINE", "cable:test"),
            ("STATION", station),
            ("SIGNALLING", "ANSI"),
            ("MTU", "1500"),
            ("N392", "3"),
            ("UDPPORT", "9000"),
        ] {
            ensure!(configuration[key] == value, "{key}: {configuration:#}");
        }
        let trace = memory["trace"].as_array().cloned().unwrap_or_default();
        let of = |direction: &str, octets: &str| {
            trace.iter().any(|frame| {
                frame["direction"] == direction
                    && frame["octets"]
                        .as_str()
                        .is_some_and(|o| o.starts_with(octets))
            })
        };
        // Pings on DLCI 16, both ways, with the head of IPv4.
        ensure!(
            of("incoming", "040103cc45") && of("outgoing", "040103cc45"),
            "{trace:?}"
        );
        let enquiries = match station {
            "CPE" => "outgoing",
            _ => "incoming",
        };
        ensure!(of(enquiries, "0001030800759501"), "no enquiry in {trace:?}");
        let numbers: Vec<u64> = trace.iter().filter_map(|f| f["number"].as_u64()).collect();
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        ensure!(numbers == expected, "{numbers:?}");
    }
    // A change of state is there at once, without a packet.
    pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    let memory = memory(&pair.a)?;
    ensure!(
        memory["status"]["state"] == "disconnected"
            && memory["status"]["cut"] == true
            && memory["channels"][0]["connected"] == false,
        "{:#}",
        memory["status"]
    );
    let reason = memory["status"]["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("unplugged"), "{reason}");
    Ok(())
}

fn cisco_hdlc() -> Result {
    let end = End::cisco_hdlc();
    let pair = Pair::up(Over::Cable, &end, &end)?;
    Ping::new("10.0.1.1").all(&pair.b.netns)?;
    // Keepalives never rest: what was true a moment ago need not be now.
    let memory = memory(&pair.a)?;
    ensure!(memory["status"]["protocol"] == "CHDLC", "{memory:#}");
    ensure!(
        memory["configuration"]["KEEPALIVE_TX_TIMER"] == "1000",
        "{memory:#}"
    );
    ensure!(
        memory["statistics"]["cisco_hdlc"]["keepalives_rx"].as_u64() > Some(0),
        "{memory:#}"
    );
    ensure!(memory["channels"][0]["address"] == "10.0.1.1", "{memory:#}");
    Ok(())
}

/// The octets of a dump.
fn dumped(text: &str) -> Vec<u8> {
    text.lines()
        .flat_map(|line| {
            let digits = line.get(7..55).unwrap_or_default();
            digits
                .split_whitespace()
                .filter_map(|octet| u8::from_str_radix(octet, 16).ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn octets() -> Result {
    let end = |station: &str| End::frame_relay(station, "NO", &[16]);
    let pair = Pair::up(Over::Cable, &end("NODE"), &end("CPE"))?;
    let router = &pair.a;
    let mode = fs::metadata(router.path(&format!("/run/wanbox/{DEVICE}.map")))?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    ensure!(mode & 0o777 == 0o600, "mode {mode:o}");

    // All of it at once, with the heads of lines where they belong.
    let all = router.ok(&format!("sdladump {DEVICE} 0 {SIZE}"))?;
    let memory = dumped(&all);
    ensure!(memory.len() == SIZE, "{} octets", memory.len());
    let view = View::new(&memory).map_err(|error| Error::new(error.to_string()))?;
    ensure!(view.status().is_some_and(|s| s.device == DEVICE), "status");
    ensure!(view.channels().count() == 1, "channels");

    let first = router.ok(&format!("sdladump {DEVICE}"))?;
    ensure!(
        first.lines().count() == 16,
        "256 octets unless told: {first}"
    );
    ensure!(
        first.starts_with("00000: 57 42 53 54 41 54 55 53 01 00 05 00 00 F8 00 00  WBSTATUS"),
        "{first}"
    );
    let odd = router.ok(&format!("sdladump {DEVICE} 0x105 024"))?;
    ensure!(
        odd == "00105: 70 65 31 00 00 00 00 00 00 00 00                 pe1........     \n\
                00110: 46 52 00 00 00 00 00 00 00                       FR.......       \n",
        "{odd}"
    );
    let verbose = router.ok(&format!("sdladump -v {DEVICE} 256 8"))?;
    ensure!(
        verbose.contains("\nDumping 8 bytes from offset 256 from device wanpipe1 ...\n")
            && verbose.ends_with(
                "00100: 77 61 6E 70 69 70 65 31                          wanpipe1        \n"
            ),
        "{verbose}"
    );
    let sections = router.ok(&format!("sdladump --sections {DEVICE}"))?;
    for name in ["status", "configuration", "statistics", "channels", "trace"] {
        ensure!(sections.contains(name), "{sections}");
    }
    for (arguments, code, says) in [
        ("wanpipe1 0xF800", 1, "0x0 to 0xF7FF"),
        ("wanpipe1 63487 2", 1, "wanpipe1 has 63488 octets"),
        ("wanpipe1 0xFFFFFFFFFFFFFFFF 2", 1, "out of range"),
        ("wanpipe1 0 0", 2, "at least 1"),
        ("wanpipe1 ten", 2, "'ten' is not a number"),
        ("wanpipe1 0 1 2", 2, "too much"),
        ("", 2, "which device?"),
        ("../wanpipe1", 2, "'../wanpipe1'"),
        ("wanpipe2", 3, "wanpipe2 is not running"),
        ("--sfm x wanpipe1", 2, "no device with it"),
        ("--json wanpipe1 0", 2, "no offset"),
    ] {
        let finished = router.run(&format!("sdladump {arguments}"))?.code(code)?;
        ensure!(
            finished.stdout.is_empty() && finished.stderr.contains(says),
            "{arguments}: {}",
            finished.stderr
        );
    }
    router.run("sdladump -h")?.code(0)?;
    router.ok(&format!("wanrouter stop {DEVICE}"))?;
    let map = router.path(&format!("/run/wanbox/{DEVICE}.map"));
    ensure!(!map.exists(), "the memory stays behind");
    router.run(&format!("sdladump {DEVICE}"))?.code(3)?;
    Ok(())
}

/// A daemon that is killed leaves its memory, and the next one has its own.
fn killed_daemon() -> Result {
    let end = |station: &str| End::frame_relay(station, "NO", &[16]);
    let pair = Pair::up(Over::Cable, &end("NODE"), &end("CPE"))?;
    let killed = pair.a.daemon(DEVICE)?.as_raw();
    pair.a.signal(DEVICE, Signal::SIGKILL)?;
    until("the daemon to be gone", UP, || {
        let finished = pair.a.run(&format!("sdladump --json {DEVICE}"))?;
        Ok(finished.stderr.contains("is not running"))
    })?;
    let finished = pair.a.run(&format!("sdladump --json {DEVICE}"))?.code(0)?;
    let memory: Value = serde_json::from_str(&finished.stdout)?;
    ensure!(
        memory["pid"] == killed && memory["status"]["state"] == "connected",
        "{memory:#}"
    );
    pair.a.ok(&format!("wanrouter start {DEVICE}"))?;
    pair.wait_up(&end("NODE").channels)?;
    let finished = pair.a.run(&format!("sdladump --json {DEVICE}"))?.code(0)?;
    ensure!(finished.stderr.is_empty(), "{}", finished.stderr);
    let memory: Value = serde_json::from_str(&finished.stdout)?;
    ensure!(
        memory["pid"] == pair.a.daemon(DEVICE)?.as_raw(),
        "{memory:#}"
    );
    Ok(())
}

/// More channels than there is room for: those left out are counted.
fn many_channels() -> Result {
    let dlcis: Vec<u16> = (16..416).collect();
    let end = |station: &str| {
        let mut end = End::frame_relay(station, "NO", &dlcis);
        for channel in &mut end.channels {
            // Sockets are made sooner than network interfaces.
            channel.usage = "API";
        }
        end
    };
    let pair = Pair::started(Over::Cable, &end("NODE"), &end("CPE"))?;
    let memory = memory(&pair.a)?;
    let channels = memory["channels"].as_array().map(Vec::len);
    ensure!(channels == Some(384), "{channels:?}");
    ensure!(
        memory["sections"][3]["omitted"] == 16,
        "{}",
        memory["sections"]
    );
    Ok(())
}

/// While frames pass, what is read is still of one moment, and frames are whole.
fn under_load() -> Result {
    let end = |station: &str| End::frame_relay(station, "NO", &[16]);
    let pair = Pair::up(Over::Cable, &end("NODE"), &end("CPE"))?;
    let mut ping = pair.b.netns.spawn(
        std::process::Command::new("ping")
            .args(["-f", "-q", "-s", "1000", "10.0.16.1"])
            .stdout(std::process::Stdio::null()),
    )?;
    let looked = (|| -> Result {
        std::thread::sleep(Duration::from_millis(1200));
        let mut generations = Vec::new();
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(60));
            let finished = pair.a.run(&format!("sdladump --json {DEVICE}"))?.code(0)?;
            ensure!(finished.stderr.is_empty(), "{}", finished.stderr);
            let memory: Value = serde_json::from_str(&finished.stdout)?;
            generations.push(memory["generation"].as_u64().unwrap_or(1));
            let trace = memory["trace"].as_array().cloned().unwrap_or_default();
            ensure!(trace.len() >= 250, "{} frames", trace.len());
            let numbers: Vec<u64> = trace.iter().filter_map(|f| f["number"].as_u64()).collect();
            ensure!(
                numbers.windows(2).all(|pair| pair[0] < pair[1]),
                "{numbers:?}"
            );
            for frame in trace {
                let octets = frame["octets"].as_str().unwrap_or_default();
                // Echoes of 1000 octets: address, NLPID, IPv4.
                ensure!(
                    frame["length"] != 1032 || octets.starts_with("040103cc4500040"),
                    "{frame}"
                );
            }
        }
        ensure!(generations.iter().all(|g| g % 2 == 0), "{generations:?}");
        generations.dedup();
        ensure!(
            (2..=12).contains(&generations.len()),
            "{} updates: once a second is enough",
            generations.len()
        );
        Ok(())
    })();
    ping.kill()?;
    ping.wait()?;
    looked
}

/// A firmware module of our own making.
fn module(image: &[u8]) -> Vec<u8> {
    let mut file = vec![0; sfm::HEADER];
    let mut put = |place: usize, octets: &[u8]| {
        file[place..place + octets.len()].copy_from_slice(octets);
    };
    put(0, sfm::SIGNATURE.as_bytes());
    put(0x50, &2_u16.to_le_bytes());
    put(0x60, b"made for a test \x1b[2J");
    for (place, number) in [
        (0x160, 6800_u16),
        (0x162, 105),
        (0x164, 5080),
        (0x166, 4711),
        (0x186, 2),
        (0x18c, 0x100),
        (0x18e, 0xe000),
        (0x190, 0x100),
        (0x192, image.len() as u16),
        (0x194, 0x10),
        (0x196, 35),
    ] {
        put(place, &number.to_le_bytes());
    }
    file.extend_from_slice(image);
    let sum = sfm::checksum(&file[0x160..]);
    file[0x52..0x54].copy_from_slice(&sum.to_le_bytes());
    file
}

fn firmware() -> Result {
    let router = Router::new(&crate::wanbox())?;
    let path = router.path("/module.sfm");
    let show = || router.run(&format!("sdladump --sfm {}", path.display()));
    let good = module(&[0x5a; 24_688]);
    fs::write(&path, &good)?;
    let text = show()?.ok()?;
    for line in [
        "description: 'made for a test .[2J'\n",
        "code: 6800 (Frame Relay)\n",
        "version: 1.05\n",
        "adapters: S508 (5080), unknown (4711)\n",
        "memory: 131072 octets\n",
        "window: E000\n",
        "image: 24688 octets at 0100\n",
        "boot data: 35 octets at 0010\n",
    ] {
        ensure!(text.contains(line), "{line} not in {text}");
    }
    let sum = std::process::Command::new("sha256sum").arg(&path).output();
    if let Ok(sum) = sum
        && sum.status.success()
    {
        let sum = String::from_utf8_lossy(&sum.stdout);
        let sum = sum.split(' ').next().unwrap_or_default();
        ensure!(text.contains(&format!("SHA-256: {sum}\n")), "{sum}: {text}");
    }
    let json = router.ok(&format!("sdladump --json --sfm {}", path.display()))?;
    let json: Value = serde_json::from_str(&json)?;
    ensure!(
        json["code_version"] == 105 && json["octets"] == 25_096,
        "{json:#}"
    );

    let changed = |place: usize, octet: u8| {
        let mut file = good.clone();
        file[place] = octet;
        file
    };
    let wrong = [
        (Vec::new(), "the header alone has 408"),
        (changed(4, b'x'), "does not begin with"),
        (changed(0x50, 1), "format 1 is not known"),
        (
            good[..good.len() - 2].to_vec(),
            "24688 octets, 24686 are there",
        ),
        ([&good[..], &[0]].concat(), "24688 octets, 24689 are there"),
        (changed(0x1000, 0), "the header says checksum"),
        (vec![0; 2 << 20], "1048576"),
    ];
    for (file, says) in wrong {
        fs::write(&path, file)?;
        let finished = show()?.code(1)?;
        ensure!(
            finished.stdout.is_empty() && finished.stderr.contains(says),
            "{says} not in {}",
            finished.stderr
        );
    }
    fs::remove_file(&path)?;
    ensure!(show()?.code(1)?.stderr.contains("module.sfm"), "absent");
    Ok(())
}
