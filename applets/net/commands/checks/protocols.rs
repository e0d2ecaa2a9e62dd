//! IP, ICMP, UDP, RIP and TCP.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use wanbox_net_tcp::{Endpoint, Options, State};

use super::{json, rig, says};
use crate::fake::Rig;
use crate::{Stop, Then};

const HOST: Ipv4Addr = Ipv4Addr::new(44, 128, 4, 5);

/// A station with a line to 44.128.4.
fn linked() -> Rig {
    rig(&[
        "ip address 44.128.4.4",
        "attach ipip",
        "route add 44.128.4/24 ipip",
    ])
}

#[test]
fn addresses_and_counters() {
    let mut rig = linked();
    says(
        &mut rig,
        &[
            ("ip address", "44.128.4.4\n"),
            (
                "udp status",
                "( 1)udpInDatagrams               0     ( 2)udpNoPorts                   0\n\
              ( 3)udpInErrors                  0     ( 4)udpOutDatagrams              0\n\
              \x20   &UCB Rcv-Q  Local socket\n",
            ),
        ],
    );
    let ip = rig.say("ip status");
    assert!(ip.starts_with(
        "( 1)ipForwarding                 1     ( 2)ipDefaultTTL               255\n"
    ));
    assert!(ip.ends_with("Routing lookups: 0, cache hits 0 (0%)\n"));
    assert_eq!(rig.say("icmp status").lines().count(), 13);
    let ip = json(&mut rig, "ip status");
    assert_eq!(ip["ip_default_ttl"], 255);
    assert_eq!(ip["ip_reasm_oks"], 0);
    let icmp = json(&mut rig, "icmp status");
    assert_eq!(icmp["icmp_in_msgs"], 0);
    assert_eq!(icmp["icmp_out_addr_mask_reps"], 0);
    assert_eq!(json(&mut rig, "udp status")["sockets"], json!([]));
}

#[test]
fn pings() {
    let mut rig = linked();
    assert!(matches!(
        rig.run("ping 44.128.4.5"),
        Ok(Then::Reply(HOST, Some(_)))
    ));
    let (_, _, datagram) = rig.process.lines.sent.pop().unwrap();
    assert_eq!(datagram.len(), 20 + 64);
    assert_eq!(rig.run("ping 44.128.4.5 15"), Ok(Then::Reply(HOST, None)));
    rig.process.lines.sent.clear();
    assert_eq!(rig.run("ping 44.128.4.5 100 10"), Ok(Then::Nothing));
    assert_eq!(rig.process.lines.sent[0].2.len(), 120);
    says(
        &mut rig,
        &[
            (
                "ping",
                "Host                Sent    Rcvd   %   Srtt   Mdev  Length  Interval\n\
                 44.128.4.5             1       0   0      0      0     100        10\n",
            ),
            (
                "ping 44.128.4.5 7",
                "packet size too small, minimum size is 8 bytes\n",
            ),
            (
                "ping 44.128.4.5 32768",
                "packet size too large, maximum size is 32767 bytes\n",
            ),
            ("ping 44.128.4.5 x", "packet size must be 8..32767\n"),
            ("ping 44.128.4.5 64 x", "interval must be 0..86400\n"),
            ("ping nobody", "Host nobody unknown\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "ping"),
        json!([{"host": "44.128.4.5", "sent": 1, "received": 0, "srtt_ms": 0, "mdev_ms": 0,
            "length_octets": 100, "interval_seconds": 10}])
    );
    says(
        &mut rig,
        &[
            ("ping clear", ""),
            (
                "ping",
                "Host                Sent    Rcvd   %   Srtt   Mdev  Length  Interval\n",
            ),
        ],
    );
}

#[test]
fn routes_of_others() {
    let mut rig = linked();
    says(
        &mut rig,
        &[
            ("rip add 44.128.4.5 300 1", ""),
            ("rip add 44.128.4.6 60 0 1", ""),
            ("rip add 45.1.1.1 60", "45.1.1.1 is unreachable\n"),
            ("rip add 44.128.4.5 0", "interval must be 1..86400\n"),
            ("rip refuse 44.1.1.1", ""),
            ("rip trace 3", "RIP tracing must be 0..2\n"),
            ("rip request 44.128.4.5", ""),
            ("rip request 45.1.1.1", "45.1.1.1 is unreachable\n"),
            ("rip drop nobody", "Unknown host nobody\n"),
            (
                "rip status",
                "RIP: sent 2 rcvd 0 reqst 0 resp 0 unk 0 refused 0\n\
                 Active RIP output interfaces:\n\
                 Dest Addr       Interval Split\n\
                 44.128.4.5      300      1     \n\
                 44.128.4.6      60       0     \n\
                 Refusing announcements from gateways:\n\
                 44.1.1.1\n",
            ),
        ],
    );
    // The table with ourselves, and a request.
    let packets: Vec<_> = rig
        .process
        .lines
        .sent
        .iter()
        .map(|(_, _, packet)| packet)
        .collect();
    assert_eq!(
        packets.len(),
        2,
        "with split horizon nothing is left to tell"
    );
    assert_eq!((packets[0][28], packets[1][28]), (2, 1));
    says(
        &mut rig,
        &[
            ("rip version 2", ""),
            ("rip password", "RIP password: not set\n"),
            ("rip password secret", ""),
            ("rip password", "RIP password: set\n"),
            (
                "rip password 12345678901234567",
                "RIP password: at most 16 characters\n",
            ),
            ("rip add 44.128.4.7 60", ""),
            ("rip password \"\"", ""),
            ("rip drop 44.128.4.5", ""),
            ("rip drop 44.128.4.6", ""),
            ("rip accept 44.1.1.1", ""),
        ],
    );
    let status = json(&mut rig, "rip status");
    assert_eq!(
        status["destinations"],
        json!([{"address": "44.128.4.7", "interval_seconds": 60, "split_horizon": false,
            "own_entry": false, "version": 2}])
    );
    assert_eq!(status["refused_gateways"], json!([]));
    let (_, _, message) = rig.process.lines.sent.pop().unwrap();
    assert_eq!((message[29], &message[36..42]), (2, &b"secret"[..]));
}

#[test]
fn connections() {
    let mut rig = linked();
    let now = rig.now;
    rig.station
        .tcp
        .listen(None, 23, 4, &Options::default())
        .unwrap();
    let options = rig.station.tcp.parameters().options;
    let id = rig
        .station
        .tcp_connect(now, 1024, (HOST, 79), &options)
        .unwrap();
    rig.station.flush(now, &mut rig.process.lines);
    let tcb = format!("{:08x}", id.number());
    let status = rig.say("tcp status");
    let lines: Vec<&str> = status.lines().collect();
    assert_eq!(
        lines[0],
        "( 1)tcpRtoAlgorithm              4     ( 2)tcpRtoMin                  500"
    );
    assert_eq!(
        lines[6],
        "(14)tcpInErrs                    0     (15)tcpOutRsts                   0"
    );
    assert_eq!(
        lines[7..],
        [
            "    &TCB Rcv-Q Snd-Q  Local socket           Remote socket          State",
            &format!("{tcb}     0     0  44.128.4.4:1024        44.128.4.5:finger      SYN sent"),
            "00000001     0     0  *:telnet               *:*                    Listen (S)",
        ]
    );
    rig.now += Duration::from_millis(500);
    let view = rig.station.tcp.view(rig.now, id).unwrap();
    let shown = rig.say(&format!("tcp status 0x{tcb}"));
    assert_eq!(
        shown,
        format!(
            "Local: 44.128.4.4:1024 Remote: 44.128.4.5:finger State: SYN sent\n\
             \x20        Unack     Next Resent CWind Thrsh  Wind  MSS Queue  Thruput      Total\n\
             Send: {:08x} {:08x}      0{:6} 99999     0{:5}     0        0          0\n\
             Recv:          00000000      0              {:4}          0        0          0\n\
             Dup acks   Backoff   Timeouts   Source Quench   Unreachables   Power\n\
             \x20      0         0          0               0              0       0\n\
             Timer        Count  Duration  Last RTT      SRTT      Mdev   Method\n\
             running       4500      5000         0      5000         0   standard\n",
            view.send_unacknowledged,
            view.send_next,
            view.congestion_window,
            view.send_mss,
            view.receive_window,
        )
    );
    let every = Then::Repeat(Duration::from_millis(200));
    assert_eq!(rig.run(&format!("tcp status {tcb} 200")), Ok(every));
    let details = json(&mut rig, &format!("tcp status {tcb}"));
    assert_eq!(details["tcb"], tcb);
    assert_eq!(
        details["remote"],
        json!({"address": "44.128.4.5", "port": 79})
    );
    assert_eq!(details["timer_left_ms"], 4500);
    let all = json(&mut rig, "tcp status");
    assert_eq!(all["connections"][0]["state"], "SYN sent");
    assert_eq!(
        all["servers"],
        json!([{"tcb": "00000001", "address": null, "port": 23, "half_open": 0, "waiting": 0}])
    );

    let sent = rig.process.lines.sent.len();
    says(&mut rig, &[(format!("tcp kick {tcb}").as_str(), "")]);
    assert_eq!(rig.process.lines.sent.len(), sent + 1, "the SYN again");
    says(&mut rig, &[(format!("tcp rtt {tcb} 100").as_str(), "")]);
    let view = rig.station.tcp.view(rig.now, id).unwrap();
    assert_eq!(view.smoothed_rtt, Duration::from_millis(100));
    says(&mut rig, &[(format!("tcp reset {tcb}").as_str(), "")]);
    let view = rig.station.tcp.view(rig.now, id).unwrap();
    assert_eq!(
        (view.state, view.flow.remote),
        (State::Closed, Endpoint::new(HOST, 79))
    );
    says(
        &mut rig,
        &[(
            "tcp status 1",
            "Local: *:telnet Remote: *:* State: Listen (S)\n",
        )],
    );
    assert_eq!(json(&mut rig, "tcp status 1"), all["servers"][0]);
    for line in ["tcp status 2", "tcp kick 1", "tcp reset 1"] {
        assert_eq!(
            rig.run(line),
            Err(Stop::Failed("Not a valid control block".into()))
        );
    }
}

#[test]
fn round_trips() {
    let mut rig = rig(&[]);
    says(
        &mut rig,
        &[
            ("tcp irtt", "TCP default irtt: 5000\n"),
            ("tcp irtt 60000", ""),
            ("tcp irtt 44.128.4.5 800", ""),
            ("tcp irtt nobody 800", "Unknown host nobody\n"),
            ("tcp irtt 0", "milliseconds must be 1..3600000\n"),
            (
                "tcp irtt",
                "TCP default irtt: 60000\n44.128.4.5: srtt 800 mdev 0\n",
            ),
        ],
    );
    assert_eq!(
        json(&mut rig, "tcp irtt"),
        json!({"default_irtt_ms": 60000,
            "destinations": [{"address": "44.128.4.5", "srtt_ms": 800, "mdev_ms": 0}]})
    );
}
