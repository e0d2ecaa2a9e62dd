//! Sessions and servers.

use std::net::Ipv4Addr;

use super::{rig, says};
use crate::{Stop, Then};

#[test]
fn sessions_are_opened() {
    let mut rig = rig(&[
        "ip address 44.128.4.4",
        "attach ipip",
        "route add 44.128.4/24 ipip",
    ]);
    let port = |packet: &[u8]| u16::from_be_bytes([packet[22], packet[23]]);
    for (line, expected) in [
        ("telnet 44.128.4.5", 23),
        ("telnet 44.128.4.5 8023", 8023),
        ("telnet 44.128.4.5 conv", 3600),
        ("finger who@44.128.4.5", 79),
        ("finger @44.128.4.5", 79),
    ] {
        let done = rig.run(line);
        assert!(matches!(done, Ok(Then::Session(_))), "{line}: {done:?}");
        let (_, _, packet) = rig.process.lines.sent.pop().unwrap();
        assert_eq!(
            (packet[9], packet[33] & 2, port(&packet)),
            (6, 2, expected),
            "{line}"
        );
    }
    says(
        &mut rig,
        &[
            ("telnet", "Usage: telnet <address>\n"),
            ("telnet nobody", "Unknown host nobody\n"),
            ("telnet 44.128.4.5 70000", "70000 is not a port\n"),
            ("finger", "Usage: finger name@host\n"),
            (
                "finger who@",
                "finger: no host specified\nUsage: finger name@host\n",
            ),
            ("finger @nobody", "finger: Unknown host nobody\n"),
        ],
    );
    for _ in 5..20 {
        assert!(rig.run("telnet 44.128.4.5").is_ok());
    }
    says(&mut rig, &[("telnet 44.128.4.5", "Too many sessions\n")]);
}

#[test]
fn servers_are_started_and_stopped() {
    let mut rig = rig(&[]);
    let list = "\"start\" subcommands:\n\
        ax25            discard         domain          echo            ftp\n\
        tcpgate         netrom          rip             sntp            telnet\n\
        time            remote          kiss            agwpe           \n\n";
    let short = "\"stop\" subcommands:\n\
        ax25            discard         domain          echo            ftp\n\
        netrom          rip             sntp            telnet          time\n\
        remote          kiss            agwpe           \n\n";
    says(
        &mut rig,
        &[
            ("start", "Usage: start <servername>\n"),
            ("start ?", list),
            ("stop nothing", short),
            ("start di", ""),
            ("start echo 7007", ""),
            ("start rip", ""),
            ("start time", ""),
            ("start t 3600 unix:convers", ""),
            ("stop rip", ""),
            ("stop rip", "The rip server does not run\n"),
            ("stop te", "The telnet server does not run\n"),
            ("stop tc", "tcpgate needs a port\n"),
            ("stop tc 3600", ""),
            ("stop discard", ""),
            ("stop agwpe", "The agwpe server does not run\n"),
            (
                "start agwpe 1 2",
                "Usage: start agwpe [[<address>:]<port>]\n",
            ),
            ("start agwpe 0", "port must be 1..65535\n"),
            (
                "start agwpe here:1",
                "Address here: dotted digits are expected\n",
            ),
            ("start agw", ""),
            ("start agw", "The agwpe server runs already\n"),
            ("stop agw", ""),
            ("start agwpe 0.0.0.0:8010", ""),
        ],
    );
    let ports: Vec<u16> = rig.station.tcp.listeners().map(|(_, l)| l.port).collect();
    assert_eq!(ports, [7007]);
    assert_eq!(rig.station.udp.listed().len(), 1);
    let agwpe = rig.process.agwpe.map(|local| local.to_string());
    assert_eq!(agwpe.as_deref(), Some("0.0.0.0:8010"));
}

#[test]
fn stations_far_away_are_told() {
    let mut rig = rig(&[
        "ip address 44.128.4.4",
        "attach ipip",
        "route add 44.128.4/24 ipip",
        "remote -a 44.0.0.1 44.128.4.5 kick",
    ]);
    let (_, _, packet) = rig.process.lines.sent.pop().unwrap();
    assert_eq!(packet[28..], [3, 44, 0, 0, 1]);
    says(
        &mut rig,
        &[
            (
                "remote 44.128.4.5",
                "Usage: remote [-p port] [-k key] [-a kickaddr] <address> exit|reset|kick\n",
            ),
            ("remote -p 1 44.128.4.5", "Insufficient args\n"),
            ("remote nobody kick", "Host nobody unknown\n"),
            ("remote -a nobody 44.128.4.5 kick", "Host nobody unknown\n"),
            ("remote 44.128.4.5 halt", "Unknown command halt\n"),
        ],
    );
    let done = rig.run("remote 44.128.4.5 exit");
    assert!(matches!(done, Err(Stop::Failed(_))), "without a key");
    assert!(rig.process.lines.sent.is_empty());
    assert_eq!(
        rig.station.source_for(Ipv4Addr::new(44, 128, 4, 5)),
        Ipv4Addr::new(44, 128, 4, 4)
    );
}
