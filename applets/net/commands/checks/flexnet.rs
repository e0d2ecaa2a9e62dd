//! FlexNet.

use serde_json::json;
use wanbox_wire::ax25::Call;

use super::{json, rig, says};
use crate::fake::Rig;
use crate::{Stop, Then};

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// A node with one neighbour that has told of another.
fn linked() -> Rig {
    let mut rig = rig(&["flexnet link add db0id"]);
    let (now, own) = (rig.now, call("DB0SAO"));
    let flexnet = &mut rig.station.flexnet;
    for packet in [&b"09  !\r"[..], b"14\r", b"3DK0HU 0:24 \r"] {
        flexnet.received(now, call("DB0ID"), own, 1, &[], packet);
    }
    rig
}

#[test]
fn lists() {
    let mut rig = linked();
    says(
        &mut rig,
        &[
            (
                "flexnet dest",
                "Call          Neighbors\n\
                 DB0ID-0-9     DB0ID (4)\n\
                 DK0HU-0-10    DB0ID (31)\n",
            ),
            (
                "flexnet dest dk0hu-7",
                "Call          Neighbors\nDK0HU-0-10    DB0ID (31)\n",
            ),
            ("flexnet dest dl0aa", "Destination \"dl0aa\" not found\n"),
            (
                "flexnet destd",
                "Call          Neighbors\n\
                 DB0ID-0-9     DB0ID (D=4 L=0)\n\
                 DK0HU-0-10    DB0ID (D=31 L=0)\n",
            ),
            (
                "flexnet link",
                "Call         Remote  Local Smooth P T State\n\
                 DB0ID-0-9         4      0      4 P N Disconn\n",
            ),
            ("flexnet link delete dl0aa", "Link \"DL0AA\" not found\n"),
            ("flexnet link add d-b", "Invalid call \"d-b\"\n"),
            ("flexnet link delete db0id", ""),
            (
                "flexnet link",
                "Call         Remote  Local Smooth P T State\n",
            ),
        ],
    );
    let mut rig = linked();
    let list = json(&mut rig, "flexnet dest dk0hu");
    assert_eq!(
        list,
        json!([{"call": "DK0HU", "max_ssid": 10, "neighbours":
            [{"call": "DB0ID", "delay_100ms": 31, "told_100ms": 0}]}])
    );
    let links = json(&mut rig, "flexnet link");
    assert_eq!(links["links"][0]["smoothed_100ms"], 4);
    assert_eq!(links["counters"]["records"], 1);
}

#[test]
fn queries() {
    let mut rig = linked();
    assert!(matches!(rig.run("flexnet query dk0hu-7"), Ok(Then::Way(0))));
    assert_eq!(rig.say("flexnet query dk0hu"), "Query sent to DB0ID\n");
    assert_eq!(
        rig.say("flexnet query db0id"),
        "Flexnet routing: DB0SAO DB0ID\n"
    );
    assert_eq!(
        rig.say("flexnet query dl0aa"),
        "Destination \"DL0AA\" not found\n"
    );
    assert_eq!(
        rig.run("flexnet query"),
        Err(Stop::Usage("flexnet query <call>"))
    );
}
