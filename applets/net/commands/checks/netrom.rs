//! `netrom`, with a neighbour whose frames are made by hand.

use std::time::Duration;

use serde_json::json;
use wanbox_wire::ax25::{Call, Class, Digis, Header};

use super::{json, rig, says};
use crate::fake::Rig;

const LINES: [&str; 4] = [
    "ax25 mycall DB0SAO",
    "attach asy 0 0 kissui tnc0 0 256 9600",
    "attach asy 0 0 slip sl0 0 576 9600",
    "netrom ident GAERTN",
];

/// A frame of DB0ID that has NET/ROM in it.
fn heard(rig: &mut Rig, to: &str, control: &[u8], packet: &[u8]) {
    let header = Header {
        destination: Call::parse(to).unwrap(),
        source: Call::parse("DB0ID").unwrap(),
        class: Class::Command,
        digis: Digis::default(),
    };
    let mut frame = Vec::new();
    header.append(&mut frame);
    frame.extend_from_slice(control);
    frame.extend_from_slice(packet);
    let id = rig.station.interfaces.by_name("tnc0").unwrap();
    rig.station
        .receive_ax25(rig.now, id, &frame, &mut rig.process.lines);
    rig.station.flush(rig.now, &mut rig.process.lines);
}

/// DB0ID, and DK0HU-2 behind it.
fn neighbours(rig: &mut Rig) {
    let mut nodes = b"\xffSTGT  ".to_vec();
    nodes.extend(Call::parse("DK0HU-2").unwrap().octets());
    nodes.extend(b"HUXI  ");
    nodes.extend(Call::parse("DB0ID").unwrap().octets());
    nodes.push(192);
    heard(rig, "NODES", &[0x03, 0xcf], &nodes);
}

#[test]
fn nodes_and_links() {
    let mut rig = rig(&LINES);
    neighbours(&mut rig);
    rig.now += Duration::from_secs(5);
    says(
        &mut rig,
        &[
            ("netrom ident", "Ident GAERTN\n"),
            (
                "netrom links",
                "From       To         Level  Quality   Age\n\
                 DB0ID      DB0SAO         1      192     5\n\
                 DB0ID      DK0HU-2        2      192     5\n\
                 DB0SAO     DB0ID          1      192     5\n\
                 DK0HU-2    DB0ID          2      192     5\n",
            ),
            ("netrom links db0sao db0xyz 255 perm", ""),
            (
                "netrom links db0sao",
                "From       To         Level  Quality   Age\n\
                 DB0SAO     DB0ID          1      192     5\n\
                 DB0SAO     DB0XYZ         1      255\n",
            ),
            (
                "netrom nodes",
                "Node       Ident   Neighbor   Level  Quality\n\
                 DB0ID      STGT    DB0ID          1      192\n\
                 DB0SAO     GAERTN                 0      256\n\
                 DB0XYZ             DB0XYZ         1      255\n\
                 DK0HU-2    HUXI    DB0ID          2      144\n",
            ),
            (
                "netrom nodes DK0HU-2",
                "Node       Ident   Neighbor   Level  Quality\n\
                 DK0HU-2    HUXI    DB0ID          2      144\n",
            ),
            (
                "netrom links A",
                "From       To         Level  Quality   Age\n",
            ),
            ("netrom links toolong", "Invalid call \"toolong\"\n"),
            ("netrom nodes a-b", "Invalid call \"a-b\"\n"),
            (
                "netrom links A B",
                "Usage: netrom links [<node> [<node2> <quality> [permanent]]]\n",
            ),
            (
                "netrom links A B 1 for ever",
                "Usage: netrom links [<node> [<node2> <quality> [permanent]]]\n",
            ),
            ("netrom links A A 1", "Both calls are identical\n"),
            ("netrom links A B 256", "Quality must be 0..255\n"),
            ("netrom links A B x", "Quality must be 0..255\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "netrom nodes DK0HU-2"),
        json!([{"call": "DK0HU-2", "ident": "HUXI", "neighbor": "DB0ID", "level": 2, "quality": 144}])
    );
    assert_eq!(
        json(&mut rig, "netrom links DB0XYZ"),
        json!([{"nodes": ["DB0SAO", "DB0XYZ"], "level": 1, "quality": 255, "permanent": true,
            "age_seconds": null}])
    );
    assert_eq!(json(&mut rig, "netrom ident"), json!({"ident": "GAERTN"}));
}

#[test]
fn places_for_broadcasts() {
    let mut rig = rig(&LINES);
    says(
        &mut rig,
        &[
            ("netrom broadcast", "Interface  Path\n"),
            ("netrom broadcast tnc0 NODES", ""),
            ("netrom broadcast tnc0 NODES via db0aaa db0bbb-3", ""),
            (
                "netrom broadcast tnc0",
                "Interface  Path\ntnc0       NODES\ntnc0       NODES via DB0AAA,DB0BBB-3\n",
            ),
            (
                "netrom broadcast tnc1 NODES",
                "Interface \"tnc1\" unknown\n",
            ),
            ("netrom broadcast sl0 NODES", "Interface \"sl0\" not kiss\n"),
            (
                "netrom broadcast tnc0 TOOLONG",
                "Invalid call \"TOOLONG\"\n",
            ),
            (
                "netrom broadcast tnc0 NODES A B C D E F G H I",
                "Too many digipeaters (max 8)\n",
            ),
        ],
    );
    assert_eq!(
        json(&mut rig, "netrom broadcast"),
        json!([{"interface": "tnc0", "path": ["NODES"]},
            {"interface": "tnc0", "path": ["NODES", "DB0AAA", "DB0BBB-3"]}])
    );
    rig.now += Duration::from_secs(10);
    rig.station.handle_timeout(rig.now, &mut rig.process.lines);
    rig.station.flush(rig.now, &mut rig.process.lines);
    assert_eq!(rig.process.lines.sent.len(), 2);
}

#[test]
fn parameters() {
    let mut rig = rig(&LINES);
    let all = rig.say("netrom parms");
    assert_eq!(all.lines().count(), 26);
    assert!(all.lines().all(|line| line.len() == 57), "{all}");
    says(
        &mut rig,
        &[
            (
                "netrom parms 7",
                " 7 Auto-update broadcast interval (sec, 0=off)       1800\n",
            ),
            ("netrom parms 7 300", ""),
            (
                "netrom parms 7",
                " 7 Auto-update broadcast interval (sec, 0=off)        300\n",
            ),
            ("netrom parms 0", "parameter # must be 1..26\n"),
            ("netrom parms 27 1", "parameter # must be 1..26\n"),
            ("netrom parms 9 4", "parameter 9 must be 5..600\n"),
            ("netrom parms 18 0", "parameter 18 must be 1..2147483647\n"),
            (
                "netrom parms 1 2 3",
                "Usage: netrom parms [<parm#> [<parm value>]]\n",
            ),
            // Those of AX.25 are the same ones.
            ("netrom parms 18 7000", ""),
            ("ax25 t1", "Retry timer (ms): 7000\n"),
            ("netrom parms 19 3", ""),
            ("ax25 maxframe", "Window size (frames): 3\n"),
            ("ax25 retry 300", ""),
            (
                "netrom parms 20",
                "20 Link maximum tries (0=forever)                     300\n",
            ),
            ("netrom parms 21 5", ""),
            ("ax25 t2", "Acknowledge timer (ms): 5\n"),
            ("netrom parms 22 0", ""),
            ("ax25 t3", "Idle poll timer (ms): 0\n"),
            ("netrom parms 23 1", ""),
            ("ax25 digipeat", "Digipeat: 1\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "netrom parms 13"),
        json!([{"number": 13, "text": "Transport requested window size (frames)", "value": 8,
            "least": 1, "most": 127}])
    );
}

#[test]
fn circuits() {
    let mut rig = rig(&LINES);
    neighbours(&mut rig);
    let call = |word| Call::parse(word).unwrap();
    let now = rig.now;
    let id = rig
        .station
        .netrom
        .connect(now, call("DK0HU-2"), call("N0PRA"));
    let id = id.unwrap();
    rig.now += Duration::from_secs(1);
    says(
        &mut rig,
        &[
            (
                "netrom status",
                "bdcsts rcvd 1 bdcsts sent 0\n   \
                 &NRCB Rcv-Q Unack  Rt  Srtt  State          Remote socket\n       \
                 1     0   0/1   0   0.0  Conn Pending   N0PRA -> DK0HU-2\n",
            ),
            ("netrom kick 1", ""),
            ("netrom kick 2", "Not a valid control block\n"),
            ("netrom reset x", "Not a valid control block\n"),
            ("netrom status 2", "Not a valid control block address\n"),
            ("netrom kick", "Usage: netrom kick <nrcb>\n"),
            ("netrom connect dl9zzz", "Unknown node \"dl9zzz\"\n"),
            ("netrom connect DK0HU-2 a-b", "Invalid call \"a-b\"\n"),
        ],
    );
    let status = json(&mut rig, "netrom status");
    let circuit = &status["circuits"][0];
    assert_eq!(
        (&circuit["nrcb"], &circuit["retries"]),
        (&json!("00000001"), &json!(1))
    );
    assert_eq!(status["counters"]["broadcasts_received"], 1);
    assert_eq!(json(&mut rig, "netrom status 1"), *circuit);
    assert_eq!(json(&mut rig, "status")["netrom"][0], *circuit);
    says(&mut rig, &[("netrom reset 0x1", "")]);
    let shown = rig.say("netrom status 1");
    assert!(
        shown.contains("State:        Disconnected\nReason:       Reset\n"),
        "{shown}"
    );
    rig.station.netrom.release(rig.now, id);
}
