//! The monitors, on this host's interface and on the far end's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Error, Need, Result, Router, capture, ensure, json, until};

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
        test("monitors::fpipemon_here", NEEDS, fpipemon_here),
        test("monitors::cpipemon_here", NEEDS, cpipemon_here),
        test("monitors::fpipemon_far_end", NEEDS, || {
            far_end(frame_relay(), "fpipemon", "10.0.16.2")
        }),
        test("monitors::cpipemon_far_end", NEEDS, || {
            far_end(
                (End::cisco_hdlc(), End::cisco_hdlc()),
                "cpipemon",
                "10.0.1.2",
            )
        }),
        test("monitors::key_and_source", NEEDS, key_and_source),
        test("monitors::trace_to_pcap", NEEDS, trace_to_pcap),
        test("monitors::nobody_answers", NEEDS, nobody_answers),
    ]
}

fn frame_relay() -> (End, End) {
    (
        End::frame_relay("NODE", "ANSI", &[16]),
        End::frame_relay("CPE", "ANSI", &[16]),
    )
}

/// Every reading command by UDP, by interface name and as JSON.
fn reads(pair: &Pair, monitor: &str, targets: [&str; 2], commands: &[(&str, &str)]) -> Result {
    for (command, says) in commands {
        for target in targets {
            let line = format!("{monitor} -i {target} -c {command}");
            let text = pair.a.ok(&line)?;
            ensure!(
                text.contains(says),
                "`{line}` does not say {says:?}:\n{text}"
            );
            json::parse(&pair.a.ok(&format!("{line} --json"))?)?;
        }
    }
    Ok(())
}

fn fpipemon_here() -> Result {
    let (node, cpe) = frame_relay();
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    Ping::new("10.0.16.2").all(&pair.a.netns)?;
    reads(
        &pair,
        "fpipemon",
        ["10.0.16.2", "wp1_fr16"],
        &[
            ("xm", "DCD: HIGH"),
            ("xl", "OPERATIVE"),
            ("xru", "Router UP Time"),
            ("cl", "DLCI: 16"),
            ("clr", "Included"),
            ("sg", "Full Status Enquiry messages received"),
            ("sc", "Number of receiver CRC errors"),
            ("se", "N392 error threshold"),
            ("sd -d 16", "Information frames transmitted"),
            ("ds", "Total Number of Send entries"),
            ("di", "Number of ISR entries"),
            ("dg", "FPIPE Monitor call"),
        ],
    )?;
    // The 1998 form.
    let text = pair.a.ok("fpipemon s 10.0.16.2 9000")?;
    ensure!(text.contains("OPERATIVE"), "{text}");
    // Flushed counters begin anew.
    pair.a.ok("fpipemon -i wp1_fr16 -c fi -d 16")?;
    Ping::new("10.0.16.2").all(&pair.a.netns)?;
    let text = pair.a.ok("fpipemon -i wp1_fr16 -c sd -d 16")?;
    let sent: u64 = text
        .lines()
        .find_map(|line| {
            line.split("Information frames transmitted:")
                .nth(1)?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(u64::MAX);
    ensure!(
        (3..20).contains(&sent),
        "{sent} frames after the flush:\n{text}"
    );
    Ok(())
}

fn cpipemon_here() -> Result {
    let end = End::cisco_hdlc();
    let pair = Pair::up(Over::Cable, &end, &end)?;
    Ping::new("10.0.1.2").all(&pair.a.netns)?;
    reads(
        &pair,
        "cpipemon",
        ["10.0.1.2", "wp1_chdlc"],
        &[
            ("xm", "DCD: High"),
            ("xl", "Active"),
            ("xcv", "Cisco HDLC Code version"),
            ("xru", "Router UP Time"),
            ("crc", "Keepalive transmit interval (ms)"),
            ("sg", "Times application did not respond"),
            ("sc", "Number of receiver overrun errors"),
            ("so", "Number of frames transmitted"),
            ("ss", "SLARP keepalive packets transmitted"),
        ],
    )
}

/// The far end answers what is allowed, refuses the rest, and says so in its log.
fn far_end((a, mut b): (End, End), monitor: &str, there: &str) -> Result {
    // With a port of its own the far end is asked, not the daemon in between.
    b.udp_port = 9001;
    let pair = Pair::up(Over::Cable, &a, &b)?;
    let ask = |command: &str| {
        pair.a.run(&format!(
            "{monitor} -i {there} -u 9001 -c {command} --timeout 2s"
        ))
    };
    let text = ask("xm")?.ok()?;
    ensure!(text.to_uppercase().contains("DCD: HIGH"), "{text}");
    ensure!(ask("xru")?.ok()?.contains("Router UP Time"), "no up time");
    let refused = ask("ti --count 1")?;
    ensure!(refused.code == 1, "tracing from the far end: {refused:?}");
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

/// With a key the far end serves everything to those who have it, and nothing to others; a source
/// filter keeps out whoever is elsewhere. Both come without a restart.
fn key_and_source() -> Result {
    let (node, mut cpe) = frame_relay();
    cpe.udp_port = 9001;
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    let conf = pair.b.read("/etc/wanpipe/wanpipe1.conf")?;
    let change = |line: &str| {
        let conf = conf.replace("[wanpipe1]\n", &format!("[wanpipe1]\n{line}\n"));
        pair.b.write("/etc/wanpipe/wanpipe1.conf", &conf)?;
        pair.b.run("wanconfig card wanpipe1 reconfig")
    };
    let key = |router: &Router, secret: &str| {
        router.write("/etc/wanpipe/monitor.key", secret)?;
        let path = router.path("/etc/wanpipe/monitor.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok::<_, Error>(path.display().to_string())
    };
    let ask = |options: &str| {
        pair.a.run(&format!(
            "fpipemon -i 10.0.16.2 -u 9001 -c clr --timeout 300ms {options}"
        ))
    };
    // The list of DLCIs is among what everybody may read, that of the active ones is not.
    ask("")?.ok()?;

    pair.b.write("/etc/wanpipe/monitor.key", "short\n")?;
    let refused = change("UDP_KEY_FILE = /etc/wanpipe/monitor.key")?;
    ensure!(refused.code == 1, "a key that others can read: {refused:?}");
    key(&pair.b, "a key that is long enough\n")?;
    change("UDP_KEY_FILE = /etc/wanpipe/monitor.key")?.ok()?;
    ensure!(ask("")?.code != 0, "served without the key");
    let wrong = key(&pair.a, "another key, long enough\n")?;
    ensure!(
        ask(&format!("--key-file {wrong}"))?.code != 0,
        "served with another key"
    );
    let right = key(&pair.a, "a key that is long enough")?;
    ask(&format!("--key-file {right}"))?.ok()?;
    let active = pair.a.ok(&format!(
        "fpipemon -i 10.0.16.2 -u 9001 -c cl --timeout 2s --key-file {right}"
    ))?;
    ensure!(active.contains("DLCI: 16"), "{active}");
    ensure!(
        pair.b.counter(DEVICE, "management", "unauthenticated")? >= 2,
        "not counted"
    );

    change("UDP_SOURCE = 192.0.2.0/24")?.ok()?;
    ensure!(ask("")?.code != 0, "served from elsewhere");
    ensure!(
        pair.b.counter(DEVICE, "management", "filtered")? >= 1,
        "not counted"
    );
    change("UDP_SOURCE = 10.0.16.1/32")?.ok()?;
    ask("")?.ok()?;
    Ok(())
}

fn trace_to_pcap() -> Result {
    let (node, cpe) = frame_relay();
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    let file = pair.a.path("/trace.pcap");
    let (trace, pings) = std::thread::scope(|scope| {
        let pings = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            Ping {
                count: 10,
                ..Ping::new("10.0.16.1")
            }
            .all(&pair.b.netns)
        });
        let trace = pair.a.ok(&format!(
            "fpipemon -i wp1_fr16 -c ti -pcap -pcap_file {} --count 12 --timeout 5s",
            file.display()
        ));
        (trace, pings.join().unwrap_or(Ok(())))
    });
    pings?;
    trace?;
    capture::clean(&file)?;
    ensure!(capture::link_type(&file)? == 107, "not Frame Relay");
    ensure!(
        capture::count(&file, "fr.dlci == 16 && icmp")? > 0,
        "no pings in the trace"
    );
    // Real times: all within this test.
    let times = capture::fields(&file, "", &["frame.time_epoch"])?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    for time in times {
        let age = now.as_secs_f64() - time[0].parse::<f64>()?;
        ensure!((0.0..120.0).contains(&age), "a frame of {age} s ago");
    }
    Ok(())
}

fn nobody_answers() -> Result {
    let (node, cpe) = frame_relay();
    let pair = Pair::up(Over::Cable, &node, &cpe)?;
    let wrong_port = pair
        .a
        .run("fpipemon -i 10.0.16.2 -u 9777 -c xm --timeout 500ms")?;
    ensure!(
        wrong_port.code == 1 || wrong_port.code == 3,
        "{wrong_port:?}"
    );
    let said = format!("{}{}", wrong_port.stdout, wrong_port.stderr);
    ensure!(
        said.contains("Unable to obtain network interface information"),
        "{wrong_port:?}"
    );
    let no_interface = pair.a.run("fpipemon -i wp9_fr99 -c xm")?.code(3)?;
    ensure!(no_interface.stderr.contains("wp9_fr99"), "{no_interface:?}");
    // After a stop the same command says so at once.
    pair.a.ok("wanrouter stop")?;
    until("the daemon to end", UP, || {
        Ok(pair.a.daemon(DEVICE).is_err())
    })?;
    pair.a.run("fpipemon -i wp1_fr16 -c xm")?.code(3)?;
    Ok(())
}
