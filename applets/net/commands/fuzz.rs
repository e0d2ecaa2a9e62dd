//! Any lines as commands, for fuzzing: no panic, and what stops before the end has done nothing.

use std::time::{Duration, Instant};

use crate::Stop;
use crate::fake::Rig;

/// What there is before the lines.
const BEFORE: &str = "ip address 44.128.4.4
attach asy 0 0 kissi tnc0 0 256 9600
attach asy 7f000001 5001 slip sl0 0 576 9600 auto
attach ipip
attach ethertap tap0
ifconfig tnc0 linkaddress DB0SAO netmask 0xffffff00
route add 44.130/16 sl0
rip add 44.128.4.5 300 1
ping 44.128.4.5 64 10
ax25 mycall DB0SAO
netrom links DB0SAO DB0ID 200
domain server 44.99.9.9
domain usegethostby on";

/// What commands set, as they show it.
const SETTINGS: [&str; 9] = [
    "route",
    "arp",
    "ipfilter",
    "trace",
    "rip status",
    "ip address",
    "ip ttl",
    "domain server",
    "tcp irtt",
];

/// Runs lines, every other one as JSON.
///
/// # Panics
/// A line that stopped before its end has changed something, or a list is not what was asked for.
pub fn fuzz_station_commands(start: Instant, octets: &[u8]) {
    let mut rig = Rig::new(start);
    rig.process.files.borrow_mut().insert(
        "/etc/hosts".to_owned(),
        b"127.0.0.1 localhost\n44.1.1.1 gate\n".to_vec(),
    );
    for line in BEFORE.lines() {
        assert!(rig.run(line).is_ok(), "{line}");
    }
    let text = String::from_utf8_lossy(octets);
    for (at, line) in text.lines().take(64).enumerate() {
        rig.now += Duration::from_millis(100);
        let before = settings(&mut rig);
        rig.output = crate::Output {
            wants_json: at % 2 == 1,
            ..Default::default()
        };
        let done = rig.run(line);
        let output = std::mem::take(&mut rig.output);
        assert!(output.json.is_none() || output.wants_json && done.is_ok());
        assert!(
            output.text.is_empty() || output.text.ends_with('\n'),
            "{line:?}"
        );
        let nothing_done = match done {
            Err(Stop::Asked(_) | Stop::Usage(_)) => true,
            Err(Stop::Failed(text)) => text.is_empty(),
            _ => false,
        };
        assert!(!nothing_done || settings(&mut rig) == before, "{line:?}");
        rig.process.lines.sent.clear();
        while rig.station.poll_event().is_some() {}
        rig.services.settle(rig.now, &mut rig.station);
        while rig.services.poll_notice().is_some() {}
    }
}

fn settings(rig: &mut Rig) -> String {
    SETTINGS.iter().map(|line| rig.say(line)).collect()
}
