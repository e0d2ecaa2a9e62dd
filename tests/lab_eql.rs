//! The commands of eql on the kernel's driver, and the driver's choices, in the kernel lab.

use libtest_mimic::Trial;
use serde_json::Value;
use wanbox_rig::{Lab, Need, Result, ensure};

use crate::lab::PPP;
use crate::{eql_replay, test, wanbox};

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "lab_eql::commands",
            &[
                Need::Lab,
                Need::Tool("pppd"),
                Need::Tool("socat"),
                Need::Tool("perl"),
            ],
            commands,
        ),
        test(
            "lab_eql::recorded_sequence",
            &[Need::Lab, Need::Tool("perl")],
            recorded,
        ),
    ]
}

/// How many cases `lab/eql_commands.sh` has.
const CASES: usize = 105;

/// A PPP and a SLIP line are slaves: traffic over both, changes, and everything that is refused.
/// What `eql_status` tells is what the interfaces count.
fn commands() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&[
            "ppp_async",
            "eql",
            "slip",
            "dummy",
            "bonding",
            "veth",
            "tun",
            "ipip",
        ])
        .with(&["pppd", "socat", "perl"])
        .timeout(300)
        .run(
            &format!("{PPP}{}", include_str!("lab/eql_commands.sh")),
            &[],
        )?;
    ran.cases(CASES)?;

    let counters = ran.read("counters")?;
    let counter = |name: &str, what: &str| -> Option<u64> {
        let line = format!("{name} {what} ");
        let found = counters.lines().find_map(|l| l.strip_prefix(&line));
        found?.parse().ok()
    };
    let status: Value = serde_json::from_str(&ran.read("status.json")?)?;
    for (key, wanted) in [
        ("master", Value::from("eql")),
        ("driver", "kernel".into()),
        ("scheduler", "priority".into()),
        ("up", true.into()),
        ("mtu", 1500.into()),
        ("max_slaves", 4.into()),
        ("min_slaves", 1.into()),
        ("sent_octets", Value::Null),
        ("sent_packets", counter("eql", "tx_packets").into()),
    ] {
        ensure!(status[key] == wanted, "{key}: {status}\n{counters}");
    }
    ensure!(
        status["dropped"]["dropped"] == Value::from(counter("eql", "tx_dropped")),
        "{status}\n{counters}"
    );
    let slaves = status["slaves"].as_array().map_or(&[][..], Vec::as_slice);
    ensure!(slaves.len() == 2, "{status}");
    for (slave, name, bps) in [(&slaves[0], "ppp0", 28_800), (&slaves[1], "sl0", 14_400)] {
        for (key, wanted) in [
            ("name", Value::from(name)),
            ("state", "up".into()),
            ("priority", bps.into()),
            ("rate", serde_json::json!({ "fixed": bps })),
            ("sent_packets", counter(name, "tx_packets").into()),
            ("sent_octets", counter(name, "tx_bytes").into()),
            ("queued_octets", Value::Null),
        ] {
            ensure!(slave[key] == wanted, "{name} {key}: {status}\n{counters}");
        }
        // The faster one has PPP's own packets too.
        ensure!(slave["sent_packets"].as_u64() >= Some(5), "{status}");
    }
    let all: Value = serde_json::from_str(&ran.read("all.json")?)?;
    ensure!(all == Value::from(vec![status.clone()]), "{all}\n{status}");
    let text = ran.read("status.txt")?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(
        lines.len() == 5
            && lines[0] == "eql: kernel driver, up, MTU 1500, scheduler priority"
            && lines[1] == "2 of 4 slaves, 20 packets sent, 0 dropped"
            && lines[3].starts_with("ppp0   up     28800     28800       - ")
            && lines[4].starts_with("sl0    up     14400     14400       - "),
        "{text}"
    );
    let released: Value = serde_json::from_str(&ran.read("released.json")?)?;
    ensure!(
        released["slaves"].as_array().map(Vec::len) == Some(1),
        "{released}"
    );
    Ok(())
}

/// The scheduler `priority` gives every packet to the slave that the driver gave it to.
fn recorded() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["eql", "dummy"])
        .with(&["perl"])
        .timeout(240)
        .run(include_str!("lab/eql_record.sh"), &[])?;
    ensure!(ran.finished.code == 0, "{}", ran.everything());
    for (name, packets, dropped) in [("unequal", 1100, 10), ("equal", 700, 0)] {
        let found = eql_replay::agrees(&ran.read(name)?)?;
        ensure!(
            found.sent >= packets && found.dropped == dropped && found.ticks >= 4,
            "{name}: {found:?}"
        );
        ensure!(found.shares.1 > 0, "{name}: a slave got nothing: {found:?}");
    }
    Ok(())
}
