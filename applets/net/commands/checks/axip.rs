//! Lines of packet radio, and stations by the host's network.

use std::net::Ipv4Addr;

use serde_json::json;
use wanbox_net_engine::interface::Crc;
use wanbox_wire::ax25::{Call, Class, Header};

use super::{json, rig, says};
use crate::Device;

#[test]
fn stations_by_the_hosts_network() {
    let mut rig = rig(&["axip route add db0aaa-9 10.1.2.3"]);
    let now = rig.now;
    let call = |word: &str| Call::parse(word).unwrap();
    let header = Header::new(call("DB0ZZZ"), call("N0PRA"), Class::Command);
    let place = (Ipv4Addr::LOCALHOST, Some(10093));
    rig.process.axip.learn(now, &header, place, false);
    says(
        &mut rig,
        &[
            ("axip", "\"axip\" subcommands:\nroute           \n\n"),
            (
                "axip route",
                "Call       Addr\nDB0AAA-9   10.1.2.3\nN0PRA      127.0.0.1:10093\n",
            ),
            ("axip route add N0PRA 127.0.0.2:93", ""),
            ("axip route drop DB0AAA-9", ""),
            ("axip route drop DB0AAA-9", ""),
            ("axip route", "Call       Addr\nN0PRA      127.0.0.2:93\n"),
            (
                "axip route add N0PRA-16 127.0.0.2",
                "Invalid call \"N0PRA-16\"\n",
            ),
            ("axip route add QST 127.0.0.2", "Invalid call \"QST\"\n"),
            ("axip route add N0PRA nobody", "Unknown host nobody\n"),
            ("axip route add N0PRA 10.1.2.3:0", "port must be 1..65535\n"),
            (
                "axip route add",
                "Usage: axip route add <call> <hostid>[:<port>]\n",
            ),
            ("axip route drop", "Usage: axip route drop <call>\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "axip route"),
        json!([{"call": "N0PRA", "address": "127.0.0.2", "port": 93, "permanent": true, "idle_seconds": 0}])
    );
}

#[test]
fn ports_of_a_controller_and_programs_that_share_it() {
    let mut rig = rig(&["attach asy 0 0 kissi tnc0 0 256 9600"]);
    says(
        &mut rig,
        &[
            ("attach kissport tnc1 tnc0 1 216", ""),
            (
                "attach kissport",
                "Usage: attach kissport <label> <iface> <port> [<mtu>]\n",
            ),
            ("attach kissport x tnc0 16", "port must be 1..15\n"),
            ("attach kissport x tnc5 2", "Interface tnc5 unknown\n"),
            ("attach kissport x tnc0 2 20", "mtu must be 28..65535\n"),
            ("ifconfig tnc0 crc test", ""),
            ("param tnc0 ackmode on", ""),
            ("param tnc0 ackmode", "Ackmode: on\n"),
            (
                "param tnc0 ackmode maybe",
                "Valid options: y yes true on 1 set enable n no false off 0 clear disable\n",
            ),
            ("start kiss tnc0", ""),
            ("start kiss tnc1 0.0.0.0:8002", ""),
            (
                "start kiss",
                "Usage: start kiss <iface> [[<address>:]<port>]\n",
            ),
            ("start kiss tnc5", "Interface tnc5 unknown\n"),
            (
                "start kiss tnc0 x:1",
                "Address x: dotted digits are expected\n",
            ),
            ("start kiss tnc0 0", "port must be 1..65535\n"),
        ],
    );
    let tnc0 = rig.station.interfaces.by_name("tnc0").unwrap();
    let tnc1 = rig.station.interfaces.by_name("tnc1").unwrap();
    let port = Device::KissPort {
        line: tnc0,
        port: 1,
    };
    assert_eq!(rig.process.devices.last(), Some(&(tnc1, port)));
    assert_eq!(rig.station.interfaces.get(tnc0).unwrap().crc, Crc::Test16);
    let shared: Vec<_> = rig.process.kiss.values().map(ToString::to_string).collect();
    assert_eq!(shared, ["127.0.0.1:8001", "0.0.0.0:8002"]);
    assert_eq!(json(&mut rig, "param tnc0")["ackmode"], true);
    says(
        &mut rig,
        &[
            ("stop kiss tnc1", ""),
            ("stop kiss tnc1", "The kiss server does not run\n"),
            ("stop kiss", ""),
            ("stop kiss", "The kiss server does not run\n"),
        ],
    );
}
