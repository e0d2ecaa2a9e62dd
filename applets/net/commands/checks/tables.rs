//! Routes, link addresses, the filter, names.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use wanbox_net_engine::interface::Hardware;

use super::{json, rig, says};
use crate::Stop;

const TNC: &str = "attach asy 0 0 kissi tnc0 0 256 9600";

#[test]
fn routes() {
    let mut rig = rig(&["ip address 44.128.4.4", TNC]);
    says(
        &mut rig,
        &[
            ("route add 44.130.0.0/16 tnc0 44.128.4.5 3 0", ""),
            ("route addprivate default tnc0 0", ""),
            ("route add 44.128.4.5 tnc0 0 1 240", ""),
            (
                "route add 44.128.4.4 tnc0",
                "Can't add route: the address is our own\n",
            ),
            (
                "route add 44.128.4.9 encap",
                "Can't add route: encap needs a gateway that is not ourselves\n",
            ),
            ("route add 0/0 tnc0", "Unknown host 0\n"),
            ("route add 44.1.1.1/33 tnc0", "bits must be 0..32\n"),
            ("route add nobody tnc0", "Unknown host nobody\n"),
            (
                "route",
                "Dest               Len Interface    Gateway            Metric P   Timer Use\n\
                 44.128.4.5         32  tnc0                            1            240 0\n\
                 44.130.0.0         16  tnc0         44.128.4.5         3              0 0\n\
                 default            0   tnc0                            1      P       0 0\n",
            ),
            (
                "route lookup 44.130.1.1",
                "44.130.0.0         16  tnc0         44.128.4.5         3              0 0\n",
            ),
            ("route lookup nobody", "Host nobody unknown\n"),
        ],
    );
    assert_eq!(
        json(&mut rig, "route lookup 44.130.1.1"),
        json!({"destination": "44.130.0.0", "bits": 16, "interface": "tnc0",
            "gateway": "44.128.4.5", "metric": 3, "private": false, "permanent": true,
            "seconds_left": 0, "unreachable": false, "uses": 0})
    );
    assert_eq!(json(&mut rig, "route").as_array().map(Vec::len), Some(3));
    says(
        &mut rig,
        &[
            ("route flush", ""),
            ("route drop default", ""),
            (
                "route lookup 45.1.1.1",
                "Host 45.1.1.1 (45.1.1.1) unreachable\n",
            ),
        ],
    );
    assert_eq!(rig.run("route drop default"), Err(Stop::Silent));
    assert_eq!(rig.station.routes.len(), 1);
}

#[test]
fn link_addresses() {
    let mut rig = rig(&[
        "ip address 44.128.4.4",
        TNC,
        "ifconfig tnc0 linkaddress DB0SAO",
        "route add 44.128.4/24 tnc0",
        "ping 44.128.4.6",
    ]);
    rig.station.flush(rig.now, &mut rig.process.lines);
    // Who was asked for is told what waited as soon as the address is typed.
    assert_eq!(rig.process.lines.sent.len(), 1);
    says(
        &mut rig,
        &[
            (
                "arp",
                "received 0 badtype 0 bogus addr 0 reqst in 0 replies 0 reqst out 1\n\
                 IP addr            Type              Time Q Addr\n\
                 44.128.4.6         AX.25               10 1 [unknown]\n",
            ),
            ("arp add 44.128.4.6 ax25 DB0AAA-9", ""),
            ("arp publish 44.128.4.5 ax25 db0sao-1", ""),
            (
                "arp add 44.128.4.7 ether 2:0:0:0:0:1",
                "Attach device first\n",
            ),
            ("arp add 44.128.4.7 arcnet 1", "Attach device first\n"),
            (
                "arp add 44.128.4.7 token 1",
                "unknown hardware type \"token\"\n",
            ),
            (
                "arp add 44.128.4.7 ax25 TOOLONG",
                "Invalid AX.25 address TOOLONG\n",
            ),
            ("arp add nobody ax25 DB0AAA", "Unknown host nobody\n"),
            (
                "arp",
                "received 0 badtype 0 bogus addr 0 reqst in 0 replies 0 reqst out 1\n\
                 IP addr            Type              Time Q Addr\n\
                 44.128.4.5         AX.25                0   DB0SAO-1 (published)\n\
                 44.128.4.6         AX.25                0   DB0AAA-9\n",
            ),
        ],
    );
    rig.station.flush(rig.now, &mut rig.process.lines);
    let (_, _, frame) = rig.process.lines.sent.pop().unwrap();
    let (header, rest) = wanbox_wire::ax25::Header::parse(&frame).unwrap();
    assert_eq!(header.to_string(), "DB0SAO->DB0AAA-9");
    // A connection is begun for it.
    assert_eq!((rig.process.lines.sent.len(), rest), (1, &[0x3f][..]));
    assert_eq!(
        json(&mut rig, "arp")["entries"][0],
        json!({"address": "44.128.4.5", "type": "AX.25", "link_address": "DB0SAO-1",
            "permanent": true, "seconds_left": 0, "published": true, "waiting_datagrams": 0})
    );
    says(
        &mut rig,
        &[("arp flush", ""), ("arp drop 44.128.4.5 ax", "")],
    );
    assert_eq!(rig.run("arp drop 44.128.4.5 ax25"), Err(Stop::Silent));
    let entry = rig
        .station
        .arp
        .get(Hardware::Ax25, Ipv4Addr::new(44, 128, 4, 6));
    assert!(entry.is_some_and(|entry| entry.is_permanent()));
    says(
        &mut rig,
        &[
            ("attach ethertap tap0", ""),
            ("arp add 44.128.4.7 ether 2:0:0:0:0:1", ""),
        ],
    );
}

#[test]
fn filter() {
    let mut rig = rig(&[]);
    says(
        &mut rig,
        &[
            ("ipfilter", "allow 0.0.0.0 to 255.255.255.255\n"),
            ("ipfilter deny 0/0", ""),
            ("ipfilter allow 44.128.4/24", ""),
            ("ipfilter allow 44.128.5/24", ""),
            ("ipfilter allow 127.0.0.1", ""),
            (
                "ipfilter",
                "allow localhost\nallow 44.128.4.0 to 44.128.5.255\ndeny  0.0.0.0 to 255.255.255.255\n",
            ),
            ("ipfilter allow 44.1/16 to 44.3/16", ""),
            ("ipfilter deny 44.1.1.1/99", ""),
            ("ipfilter deny nobody", "Unknown host nobody\n"),
            (
                "ipfilter deny 44.1.1.1/x",
                "bits must be 0..18446744073709551615\n",
            ),
        ],
    );
    let usage = "Usage: ipfilter allow|deny <addr>[/<bits>] [to <addr>[/<bits>]]\n";
    for line in [
        "ipfilter allow",
        "ipfilter allow 44/8 to",
        "ipfilter allow 44/8 from 45/8",
        "ipfilter allow 44/8 to 45/8 46/8",
    ] {
        says(&mut rig, &[(line, usage)]);
    }
    let list = json(&mut rig, "ipfilter");
    assert_eq!(
        list[0],
        json!({"action": "deny", "low": "44.1.1.1", "high": "44.1.1.1"})
    );
    assert_eq!(
        list[1],
        json!({"action": "allow", "low": "44.1.0.0", "high": "44.3.255.255"})
    );
}

#[test]
fn names() {
    let mut rig = rig(&[]);
    let hosts = &mut rig.station.resolver.hosts;
    assert!(hosts.read_hosts("44.128.4.5 db0sao\n").is_empty());
    rig.process.files.borrow_mut().insert(
        "/etc/hosts".to_owned(),
        b"# us\n44.1.1.1 Gate g # x\n".to_vec(),
    );
    says(
        &mut rig,
        &[
            ("domain query db0sao", "44.128.4.5\n"),
            ("domain query 44.128.4.5", "db0sao.ampr.org\n"),
            ("domain query 44.1.1.1", "Unknown host 44.1.1.1\n"),
            ("domain query gate", "Unknown host gate\n"),
            ("domain usegethostby on", ""),
            ("domain query gate", "44.1.1.1\n"),
            ("domain query 44.1.1.1", "Gate\n"),
            ("domain query else.where", "Unknown host else.where\n"),
        ],
    );
    let list = rig.say("domain cache list");
    assert!(
        list.contains("db0sao.ampr.org           44.128.4.5\n"),
        "{list}"
    );
    let list = json(&mut rig, "domain cache list");
    assert!(
        list.as_array().unwrap().contains(
            &json!({"asked": "name", "name": "db0sao.ampr.org", "address": "44.128.4.5"})
        )
    );
    says(
        &mut rig,
        &[("domain cache flush", ""), ("domain cache list", "")],
    );
}

#[test]
fn names_that_servers_know() {
    let mut rig = rig(&[
        "ip address 44.128.4.4",
        "attach ipip",
        "route add 44.128.4.1 ipip",
        "domain server 44.128.4.1",
    ]);
    says(
        &mut rig,
        &[
            ("domain server", "44.128.4.1\n"),
            ("ip address xyz.nowhere", "asked\n"),
            ("ip address", "44.128.4.4\n"),
            ("ifconfig ipip mtu 100 ipaddress db0xyz", "asked\n"),
            ("domain query 44.9.9.9", "asked\n"),
            ("domain server nobody.nowhere 44.1.1.1", "asked\n"),
        ],
    );
    let mtu = rig.station.interfaces.iter().next().unwrap().1.mtu();
    assert_eq!(mtu, 256, "nothing is done before all is known");
    assert_eq!(json(&mut rig, "domain server"), json!(["44.128.4.1"]));
    // Nobody answers: that is remembered for a while, so that the line does not ask for ever.
    for _ in 0..200 {
        rig.now += Duration::from_secs(1);
        rig.station.handle_timeout(rig.now, &mut rig.process.lines);
        if rig.station.resolver.pending() == 0 {
            break;
        }
    }
    says(
        &mut rig,
        &[
            ("ip address xyz.nowhere", "Unknown host xyz.nowhere\n"),
            ("domain server none", ""),
            ("domain server", ""),
        ],
    );
}
