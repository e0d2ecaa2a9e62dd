//! `ax25`.

use serde_json::json;
use wanbox_net_engine::interface::Hardware;
use wanbox_wire::ax25::{Call, Class, Header};

use super::*;

/// A station with two lines of AX.25 and one that has none.
fn on_the_air() -> Rig {
    rig(&[
        "ax25 mycall db0aaa-1",
        "attach asy 7f000001 8001 kissui tnc0 0 256 9600",
        "attach asy 7f000001 8002 kissi tnc1 0 256 9600",
        "attach asy 7f000001 8003 slip sl0 0 256 9600",
        "ifconfig tnc1 linkaddress DB0AAA-2",
    ])
}

/// A frame comes in.
fn receive(rig: &mut Rig, interface: &str, from: &str, to: &str, unit: &[u8]) {
    let id = rig.station.interfaces.by_name(interface).unwrap();
    let call = |word: &str| Call::parse(word).unwrap();
    let mut frame = Vec::new();
    Header::new(call(to), call(from), Class::Command).append(&mut frame);
    frame.extend_from_slice(unit);
    let (now, lines) = (rig.now, &mut rig.process.lines);
    rig.station.receive_ax25(now, id, &frame, lines);
    rig.station.flush(now, lines);
}

#[test]
fn values_are_shown_and_set() {
    let mut rig = rig(&[]);
    for (command, label, value, range, set) in [
        ("blimit", "blimit", "16", "0..4294967295", "3"),
        ("digipeat", "Digipeat", "2", "0..2", "1"),
        ("maxframe", "Window size (frames)", "7", "1..7", "4"),
        (
            "emaxframe",
            "Window size modulo 128 (frames)",
            "32",
            "1..127",
            "127",
        ),
        (
            "paclen",
            "Max frame length (bytes)",
            "256",
            "1..65535",
            "64",
        ),
        ("pthresh", "Poll threshold (bytes)", "64", "0..65535", "0"),
        ("retry", "Retry limit", "10", "0..65535", "0"),
        ("t1", "Retry timer (ms)", "5000", "1..2147483647", "1"),
        ("t2", "Acknowledge timer (ms)", "300", "1..2147483647", "20"),
        ("t3", "Idle poll timer (ms)", "900000", "0..2147483647", "0"),
        ("t4", "Busy timer (ms)", "60000", "1..2147483647", "9"),
        (
            "t5",
            "Idle disconnect timer (ms)",
            "3600000",
            "0..2147483647",
            "0",
        ),
        ("version", "AX25 version", "2", "1..2", "1"),
        (
            "window",
            "AX25 receive window (bytes)",
            "2048",
            "1..65535",
            "1",
        ),
    ] {
        let line = format!("ax25 {command}");
        assert_eq!(rig.say(&line), format!("{label}: {value}\n"));
        let wrong = format!("{label} must be {range}\n");
        assert_eq!(rig.say(&format!("{line} 99999999999")), wrong);
        assert_eq!(rig.say(&format!("{line} x")), wrong);
        assert_eq!(rig.say(&format!("{line} {set}")), "");
        assert_eq!(rig.say(&line), format!("{label}: {set}\n"));
    }
    says(
        &mut rig,
        &[
            ("ax25 mycall", "NOCALL\n"),
            ("ax25 mycall TOOLONG", "Invalid call \"TOOLONG\"\n"),
            ("ax25 mycall n0pra-7", ""),
            ("ax25 my", "N0PRA-7\n"),
            ("ax25 ign", "Ignore TOS: off\n"),
            ("ax25 ignoretos yes", ""),
            ("ax25 ignoretos", "Ignore TOS: on\n"),
            ("ax25 jumpstart", "Usage: ax25 jumpstart <call> [ON|OFF]\n"),
            ("ax25 jumpstart db0aaa-99", "Invalid call \"db0aaa-99\"\n"),
            ("ax25 j db0aaa", "Jumpstart DB0AAA: off\n"),
            ("ax25 j db0aaa on", ""),
            ("ax25 j db0aaa", "Jumpstart DB0AAA: on\n"),
            ("ax25 extended", "Extended: accept\n"),
            ("ax25 extended offer", ""),
            ("ax25 ext", "Extended: offer\n"),
            ("ax25 extended default", "Valid options: off accept offer\n"),
            ("ax25 extended on-x", "Invalid call \"on-x\"\n"),
            ("ax25 extended db0aaa", "Extended DB0AAA: default\n"),
            (
                "ax25 extended db0aaa yes",
                "Valid options: off accept offer default\n",
            ),
            ("ax25 extended db0aaa off", ""),
            ("ax25 extended db0aaa", "Extended DB0AAA: off\n"),
            ("ax25 extended db0aaa default", ""),
            ("ax25 extended db0aaa", "Extended DB0AAA: default\n"),
            ("ax25 kick", "Usage: ax25 kick <axcb>\n"),
            ("ax25 kick 1000", "Not a valid control block\n"),
            ("ax25 reset zz", "Not a valid control block\n"),
        ],
    );
    assert!(rig.say("ax25").starts_with(
        "\"ax25\" subcommands:\nblimit          destlist        digipeat        emaxframe       extended\n"
    ));
    assert_eq!(
        json(&mut rig, "ax25 paclen"),
        json!({"max_frame_length_bytes": 64})
    );
}

#[test]
fn who_was_heard() {
    let mut rig = on_the_air();
    receive(&mut rig, "tnc0", "DB0SAO-1", "N0PRA", &[0x03, 0xf0, b'h']);
    rig.now += Duration::from_secs(90_061);
    receive(&mut rig, "tnc0", "N0PRA", "DB0AAA-1", &[0x03, 0xf0, b'h']);
    receive(&mut rig, "tnc0", "N0PRA", "DB0AAA-1", &[0x53]);
    rig.now += Duration::from_secs(5);
    assert_eq!(
        rig.say("ax25 heard tnc0"),
        "tnc0:\n\
         Station   Last heard           Pkts\n\
         DB0AAA-1  0:00:00:05              1\n\
         N0PRA     0:00:00:05              2\n\
         DB0SAO-1  1:01:01:06              1\n"
    );
    assert_eq!(
        rig.say("ax25 dest tnc0"),
        "tnc0:\n\
         Station   Last ref         Last heard           Pkts\n\
         N0PRA     0:00:00:05       0:00:00:05              2\n\
         DB0AAA-1  0:00:00:05       0:00:00:05              2\n"
    );
    says(
        &mut rig,
        &[
            ("ax25 heard sl0", "Interface sl0 not AX.25\n"),
            ("ax25 heard x", "Interface x unknown\n"),
            ("ax25 destlist sl0", "Interface sl0 not AX.25\n"),
            (
                "ax25 heard tnc1",
                "tnc1:\nStation   Last heard           Pkts\n",
            ),
        ],
    );
    assert!(rig.say("ax25 heard").starts_with("tnc1:\n"));
    assert_eq!(
        json(&mut rig, "ax25 heard tnc0")[0]["stations"][2],
        json!({"call": "DB0SAO-1", "seconds_since": 90_066, "frames": 1})
    );
    assert_eq!(rig.say("ax25 flush"), "");
    assert_eq!(rig.say("ax25 heard tnc0").lines().count(), 2);
}

#[test]
fn who_is_heard_now() {
    let mut rig = on_the_air();
    receive(&mut rig, "tnc0", "DB0SAO-1", "N0PRA", &[0x03, 0xf0, b'h']);
    receive(&mut rig, "tnc1", "N0PRA", "DB0AAA-2", &[0x7f]);
    rig.now += Duration::from_secs(61);
    // Modulo 128, as the set-up said.
    receive(
        &mut rig,
        "tnc1",
        "N0PRA",
        "DB0AAA-2",
        &[0x00, 0x00, 0xcf, 1],
    );
    let id = rig.station.interfaces.by_name("tnc0").unwrap();
    let call = |word: &str| Call::parse(word).unwrap();
    for (control, pid) in [(0x00, 0xcc), (0x03, 0xcd), (0x03, 0x99), (0x3f, 0xf0)] {
        let mut header = Header::new(call("QST"), call("DL1ABC"), Class::Command);
        for (digi, repeated) in [("DB0BBB", true), ("DB0CCC-1", true), ("DB0DDD", false)] {
            let digi = wanbox_wire::ax25::Digi {
                call: call(digi),
                repeated,
            };
            assert!(header.digis.push(digi));
        }
        let mut frame = Vec::new();
        header.append(&mut frame);
        frame.extend_from_slice(&[control, pid]);
        let (now, lines) = (rig.now, &mut rig.process.lines);
        rig.station.receive_ax25(now, id, &frame, lines);
    }
    let head = "Station    Last heard       Pkts  Interface  Protocols        Via\n";
    let dl1abc = "DL1ABC     0:00:00:00          4  tnc0       IP ARP           DB0BBB,DB0CCC-1\n";
    let n0pra = "N0PRA      0:00:00:00          2  tnc1       NET/ROM\n";
    let db0sao = "DB0SAO-1   0:00:01:01          1  tnc0       Text\n";
    let all = format!("{head}{dl1abc}{n0pra}{db0sao}");
    says(
        &mut rig,
        &[
            ("ax25 heard live", all.as_str()),
            ("ax25 heard live 2", &format!("{head}{dl1abc}{n0pra}")),
            ("ax25 heard live tnc0", &format!("{head}{dl1abc}{db0sao}")),
            ("ax25 heard live tnc0 1", &format!("{head}{dl1abc}")),
            ("ax25 heard live 0", "Lines must be 1..2048\n"),
            ("ax25 heard live x", "Interface x unknown\n"),
            ("ax25 heard live sl0 3", "Interface sl0 not AX.25\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "ax25 heard live")[0],
        json!({"call": "DL1ABC", "interface": "tnc0", "digipeaters": ["DB0BBB", "DB0CCC-1"],
               "frames": 4, "seconds_since": 0, "protocols": ["IP", "ARP"]})
    );
}

#[test]
fn routes() {
    let mut rig = on_the_air();
    says(
        &mut rig,
        &[
            (
                "ax25 route add tnc0",
                "Usage: ax25 route add [permanent] <interface> default|<path>\n",
            ),
            ("ax25 route add permanent tnc0", "Missing call\n"),
            ("ax25 route add x default", "Interface \"x\" unknown\n"),
            ("ax25 route add sl0 default", "Interface \"sl0\" not kiss\n"),
            ("ax25 route add tnc0 a-77", "Invalid call \"a-77\"\n"),
            (
                "ax25 route add tnc0 n0pra via a b c d e f g h i",
                "Too many digipeaters (max 8)\n",
            ),
            (
                "ax25 route add tnc0 n0pra via n0pra",
                "A call sign is there twice, or stands for everybody\n",
            ),
            ("ax25 route add tnc0 default", ""),
            ("ax25 route add permanent tnc1 n0pra v db0sao-1 db0id", ""),
            ("ax25 jumpstart db0sao-1 on", ""),
            (
                "ax25 route",
                "Interface  Count\n  tnc1         3\n* tnc0         0\n---------  -----\n  total        3\n",
            ),
            (
                "ax25 route list n0pra db0xx",
                "Date    Time   Interface  PJ Path\n\
                 \x209-Sep  01:46  tnc1       P  N0PRA via DB0SAO-1,DB0ID\n\
                 *** Not in table *** DB0XX\n",
            ),
        ],
    );
    let list = rig.say("ax25 route list");
    assert!(list.contains("tnc1       PJ DB0SAO-1\n"), "{list}");
    assert_eq!(
        json(&mut rig, "ax25 route list n0pra")[0],
        json!({"call": "N0PRA", "interface": "tnc1", "digipeaters": ["DB0SAO-1", "DB0ID"],
               "next": "DB0ID", "permanent": true, "jumpstart": false, "extended": "default",
               "used_unix": 1_000_000_000})
    );
    assert_eq!(
        json(&mut rig, "ax25 route"),
        json!({"default": "tnc0", "interfaces": [{"interface": "tnc1", "count": 3}], "total": 3})
    );
}

#[test]
fn connections() {
    let mut rig = on_the_air();
    receive(&mut rig, "tnc0", "N0PRA", "DB0AAA-1", &[0x3f]);
    let id = rig.station.ax25.links().next().unwrap().id;
    assert_eq!(
        rig.say("ax25 status"),
        format!(
            "   &AXCB Rcv-Q Unack  Rt  Srtt  State          Remote\n\
             {id}     0   0/1   0      0  Connected      DB0AAA-1->N0PRA\n"
        )
    );
    let block = rig.say(&format!("ax25 status {id}"));
    let lines: Vec<&str> = block.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "    &AXB Remote   RB V(S) V(R) Unack P Retry State",
            &format!("{id} N0PRA          0    0 00/01 2 00/10 Connected"),
        ]
    );
    assert_eq!(
        lines[2..],
        [
            "srtt = 0 mdev = 1250 T1: stop/5000 ms; T3: 900000/900000 ms",
            "T4: stop/60000 ms; T5: 3600000/3600000 ms",
        ]
    );
    assert!(rig.say("status").contains(&format!("{id}     0   0/1 ")));
    let all = json(&mut rig, "ax25 status");
    assert_eq!(all["links"][0]["remote"], json!("N0PRA"));
    assert_eq!(all["counters"]["received"], json!(1));
    let one = json(&mut rig, &format!("ax25 status {id}"));
    assert_eq!(one["state"], json!("Connected"));
    assert_eq!(rig.say(&format!("ax25 kick {id}")), "");
    assert_eq!(rig.say(&format!("ax25 reset {id}")), "");
    rig.station.flush(rig.now, &mut rig.process.lines);
    assert_eq!(rig.say("ax25 status").lines().count(), 1);
    rig.station.ax25.listens = true;
    let listens = rig.say("ax25 status");
    assert!(listens.ends_with("\n                                Listening      *\n"));
    let hardware = rig.station.interfaces.iter().next().unwrap();
    assert_ne!(hardware.1.encapsulation.hardware(), Some(Hardware::Ax25));
}
