//! Abbreviations, wrong words, and any lines at all.

use proptest::prelude::*;
use serde_json::json;
use wanbox_net_console::table;
use wanbox_sim::Clock;

use super::{json, rig, says};
use crate::COMMANDS;
use crate::fuzz::fuzz_station_commands;

#[test]
fn abbreviations_are_the_first_that_fit() {
    for (word, name) in [
        ("a", "arp"),
        ("as", "asystat"),
        ("at", "attach"),
        ("d", "domain"),
        ("i", "icmp"),
        ("if", "ifconfig"),
        ("ip", "ip"),
        ("ipf", "ipfilter"),
        ("m", "memory"),
        ("p", "param"),
        ("pi", "ping"),
        ("ri", "rip"),
        ("ro", "route"),
        ("s", "status"),
        ("u", "udp"),
    ] {
        let found = table::find(COMMANDS, word).map(|entry| entry.name);
        assert_eq!(found, Some(name), "{word}");
    }
}

#[test]
fn words_that_are_missing_or_wrong() {
    says(
        &mut rig(&[]),
        &[
            ("attach", "Usage: attach <hardware> <hw specific options>\n"),
            ("param", "Usage: param <interface>\n"),
            ("udp", "\"udp\" subcommands:\nstatus          \n\n"),
            (
                "icmp ?",
                "\"icmp\" subcommands:\necho            status          trace           \n\n",
            ),
            (
                "ip x",
                "\"ip\" subcommands:\naddress         rtimer          status          trace           ttl\n\n",
            ),
            (
                "domain cache",
                "\"domain cache\" subcommands:\nlist            flush           \n\n",
            ),
            (
                "arp add 44.1.1.1 ax25",
                "Usage: arp add <hostid> ether|ax25|netrom|arcnet <ether addr|callsign>\n",
            ),
            (
                "arp publish",
                "Usage: arp publish <hostid> ether|ax25|netrom|arcnet <ether addr|callsign>\n",
            ),
            (
                "arp drop x",
                "Usage: arp drop <hostid> ether|ax25|netrom|arcnet\n",
            ),
            ("rip accept", "Usage: rip accept <gateway> \n"),
            ("rip add x", "Usage: rip add <dest> <interval> [<flags>]\n"),
            ("rip request", ""),
            (
                "route add 44.1.1.1",
                "Usage: route add <dest addr>[/<bits>] <if name> [gateway] [metric] [ttl]\n",
            ),
            ("route drop", "Usage: route drop <dest addr>[/<bits>]\n"),
            ("route lookup", "Usage: route lookup <dest addr>\n"),
            ("tcp kick", "Usage: tcp kick <tcb>\n"),
            ("tcp rtt 1", "Usage: tcp rtt <tcb> <val>\n"),
            ("tcp reset zz", "Not a valid control block\n"),
            ("domain query", "Usage: domain query <name|addr>\n"),
            (
                "icmp echo maybe",
                "Valid options: y yes true on 1 set enable n no false off 0 clear disable\n",
            ),
            ("ip ttl 256", "IP Time-to-live must be 1..255\n"),
            ("ip ttl x", "IP Time-to-live must be 1..255\n"),
            ("tcp mss 1", "TCP MSS must be 64..65495\n"),
            ("ip address nobody.nowhere", "Unknown host nobody.nowhere\n"),
            ("ip address 0", "Unknown host 0\n"),
            ("ifconfig eth0", "Interface eth0 unknown\n"),
            ("asystat eth0", "Interface eth0 unknown\n"),
            ("param eth0", "Interface \"eth0\" unknown\n"),
            ("route add 44.1.1.1 eth0", "Interface \"eth0\" unknown\n"),
        ],
    );
}

#[test]
fn switches_and_numbers_are_shown_and_set() {
    let mut rig = rig(&[]);
    for (line, label, before, wanted, after) in [
        ("ip ttl", "IP Time-to-live", "255", "30", "30"),
        ("ip rtimer", "IP reasm timeout (sec)", "30", "300", "300"),
        ("ip trace", "IP rx tracing", "off", "on", "on"),
        ("icmp echo", "ICMP echo response accept", "on", "0", "off"),
        ("icmp trace", "ICMP tracing", "off", "YES", "on"),
        ("domain trace", "server trace", "off", "set", "on"),
        ("domain usegethostby", "Using gethostby", "off", "on", "on"),
        ("rip merge", "RIP merging", "off", "on", "on"),
        ("rip trace", "RIP tracing", "0", "2", "2"),
        ("rip version", "RIP version", "1", "2", "2"),
        ("tcp mss", "TCP MSS", "512", "216", "216"),
        ("tcp window", "TCP window", "2048", "4096", "4096"),
        (
            "tcp syndata",
            "TCP syn+data piggybacking",
            "off",
            "on",
            "on",
        ),
        ("tcp timestamps", "TCP timestamps", "off", "on", "on"),
        ("tcp trace", "TCP state tracing", "off", "on", "on"),
        ("tcp wscale", "TCP window scale", "off", "on", "on"),
    ] {
        assert_eq!(rig.say(line), format!("{label}: {before}\n"));
        assert_eq!(rig.say(&format!("{line} {wanted}")), "", "{line}");
        assert_eq!(rig.say(line), format!("{label}: {after}\n"));
    }
    let options = rig.station.tcp.parameters().options;
    assert!(options.syn_data && options.timestamps && options.window_scale);
    assert_eq!(
        (options.mss, options.window, rig.station.ip.ttl),
        (216, 4096, 30)
    );
    says(
        &mut rig,
        &[
            ("memory debug", "Heap debugging: off\n"),
            ("memory merge", "Heap merging: on\n"),
            ("memory merge on", ""),
            ("memory debug on", "Heap debugging is always off\n"),
        ],
    );
}

#[test]
fn tasks_memory_and_states() {
    let mut rig = rig(&[]);
    rig.process.uptime = std::time::Duration::from_secs(90_061);
    says(
        &mut rig,
        &[
            (
                "ps",
                "Uptime 1:01:01:01\n\
                 ksigs 0 queued 0 hiwat 0 woken 0 nops 0 dups 0\n\
                 kwaits 0 nops 0 from int 0\n\
                 PID       SP        stksize   maxstk    event     fl  in  out  name\n\
                 00000000  00000000        0        0    00000000        0   0  net\n",
            ),
            (
                "memory status",
                "heap size 2000000 avail 500000 (25%) morecores 0\n\
                 allocs 0 frees 0 (diff 0) alloc fails 0 invalid frees 0\n\
                 splits 0 merges 0 (diff 0)\n\n\
                 mbuf allocs 0 free cache hits 0 (0%) mbuf frees 0\n\
                 pushdown calls 0 pushdown calls to alloc_mbuf 0\n\
                 Free cache: small 0 medium 0 large 0\n",
            ),
        ],
    );
    assert_eq!(json(&mut rig, "ps"), json!({"uptime_seconds": 90061}));
    assert_eq!(json(&mut rig, "memory status")["heap_octets"], 2_000_000);
    let free = rig.say("memory freelist");
    let lines: Vec<&str> = free.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[0],
        "N=    16:         0|N=    32:         0|N=    64:         0|N=   128:         0"
    );
    assert!(lines[3].ends_with("|N=524288:         0"));
    let sizes = rig.say("memory sizes");
    let lines: Vec<&str> = sizes.lines().collect();
    assert_eq!((lines.len(), lines[4]), (9, "Mbuf sizes:"));
    assert_eq!(
        lines[5],
        "N>=    1:      0| N>=    2:      0| N>=    4:      0| N>=    8:      0"
    );
    let status = rig.say("status");
    let lines: Vec<&str> = status.lines().collect();
    let (lines, counters) = lines.split_at(9);
    assert_eq!(
        lines,
        [
            format!("{0} AX.25 {0}", "-".repeat(36)),
            "   &AXCB Rcv-Q Unack  Rt  Srtt  State          Remote".to_owned(),
            format!("{} NETROM {}", "-".repeat(36), "-".repeat(35)),
            "bdcsts rcvd 0 bdcsts sent 0".to_owned(),
            "   &NRCB Rcv-Q Unack  Rt  Srtt  State          Remote socket".to_owned(),
            format!("{0} TCP {0}", "-".repeat(37)),
            "    &TCB Rcv-Q Snd-Q  Local socket           Remote socket          State".to_owned(),
            format!("{0} UDP {0}", "-".repeat(37)),
            "    &UCB Rcv-Q  Local socket".to_owned(),
        ]
    );
    let rule = format!("{} SERVICES {}", "-".repeat(35), "-".repeat(34));
    let first = "( 1)sessions                     0     ( 2)accepted                     0";
    assert_eq!((counters[0], counters[1]), (rule.as_str(), first));
    let (length, last) = (counters.len(), counters[counters.len() - 1].to_owned());
    let mut status = json(&mut rig, "status");
    let services = status.as_object_mut().unwrap().remove("services").unwrap();
    assert_eq!(services["names_refused"], 0);
    let number = services.as_object().unwrap().len();
    assert_eq!(length, 1 + number.div_ceil(2));
    let last = last
        .split("  ")
        .find(|shown| shown.contains("agwpeNotShown"));
    assert_eq!(last, Some(format!("({number})agwpeNotShown").as_str()));
    assert_eq!(
        status,
        json!({"ax25": [], "netrom": [], "listens": {"ax25": false, "netrom": false}, "tcp": {"connections": [], "servers": []},
            "udp": {"sockets": []}})
    );
    rig.say("start ax25");
    rig.say("start netrom");
    let listening = format!("{:32}Listening", "");
    let status = rig.say("status");
    let listen = status.lines().filter(|line| line.starts_with(&listening));
    assert_eq!(listen.count(), 2, "{status}");
    assert_eq!(
        json(&mut rig, "status")["listens"],
        json!({"ax25": true, "netrom": true})
    );
    for (line, shown) in [
        ("ip ttl", json!({"ip_time_to_live": 255})),
        ("icmp trace", json!({"icmp_tracing": false})),
        ("ip rtimer", json!({"ip_reasm_timeout_sec": 30})),
    ] {
        assert_eq!(json(&mut rig, line), shown);
    }
}

/// `man/net-commands.7` has all commands, subcommands, parameters and servers.
#[test]
fn the_manual() {
    let page = include_str!("../../../../man/net-commands.7");
    let mut rig = rig(&["attach ipip"]);
    for entry in COMMANDS {
        let name = entry.name;
        assert!(page.contains(&format!("\n.It Ic {name}")), "{name}");
        let line = match name {
            "ifconfig" => "ifconfig ipip ?".to_owned(),
            _ => format!("{name} ?"),
        };
        let said = rig.say(&line);
        let Some((_, names)) = said.split_once(" subcommands:\n") else {
            continue;
        };
        for word in names.split_whitespace() {
            let entries = [
                format!("Ic {name} {word}"),
                format!("Ic {name} Ar interface Cm {word}"),
                format!("Cm {word}"),
                format!(", {word}"),
            ];
            assert!(entries.iter().any(|e| page.contains(e)), "{name} {word}");
        }
    }
    for (name, number) in crate::devices::PARAMETERS {
        assert!(page.contains(&format!(".Cm {name}\n{number}")), "{name}");
    }
}

#[test]
fn the_corpus() {
    for lines in [
        include_bytes!("../../../../tests/fuzz/corpus/net_commands/startup").as_slice(),
        include_bytes!("../../../../tests/fuzz/corpus/net_commands/lists").as_slice(),
        include_bytes!("../../../../tests/fuzz/corpus/net_commands/radio").as_slice(),
    ] {
        fuzz_station_commands(Clock::new().now(), lines);
    }
}

/// Words that lines are made of.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "arp",
        "add",
        "publish",
        "drop",
        "flush",
        "ax25",
        "ether",
        "DB0SAO-1",
        "attach",
        "asy",
        "slip",
        "kissi",
        "ipip",
        "axip",
        "udp",
        "ni",
        "tun",
        "kernel",
        "nopromisc",
        "ethertap",
        "asystat",
        "param",
        "TxDelay",
        "Up",
        "Down",
        "domain",
        "query",
        "cache",
        "list",
        "server",
        "none",
        "trace",
        "icmp",
        "echo",
        "status",
        "ifconfig",
        "broadcast",
        "netmask",
        "mtu",
        "forward",
        "crc",
        "linkaddress",
        "encapsulation",
        "txqlen",
        "ip",
        "address",
        "rtimer",
        "ttl",
        "ipfilter",
        "allow",
        "deny",
        "to",
        "ping",
        "clear",
        "rip",
        "accept",
        "refuse",
        "request",
        "merge",
        "version",
        "password",
        "route",
        "addprivate",
        "lookup",
        "default",
        "tcp",
        "irtt",
        "kick",
        "mss",
        "reset",
        "rtt",
        "window",
        "memory",
        "sizes",
        "ps",
        "tnc0",
        "sl0",
        "tap0",
        "encap",
        "loopback",
        "44.128.4.5",
        "44/8",
        "44.130/16",
        "0",
        "1",
        "255",
        "65536",
        "4294967296",
        "0xffffff00",
        "gate",
        "nobody",
        "on",
        "off",
        "?",
        "\"\"",
        "-hex",
        "input",
        "0x311",
        "telnet",
        "finger",
        "remote",
        "start",
        "stop",
        "discard",
        "@gate",
    ]);
    prop_oneof![20 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

proptest! {
    #[test]
    fn any_lines(lines in prop::collection::vec(prop::collection::vec(word(), 0..7), 0..40)) {
        let lines: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
        fuzz_station_commands(Clock::new().now(), lines.join("\n").as_bytes());
    }

    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_station_commands(Clock::new().now(), &octets);
    }
}
