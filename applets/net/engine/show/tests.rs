use super::*;
use crate::arp::Arp;
use crate::filter::{Action, Filter, Range};
use crate::interface::{Hardware, LinkAddress};
use crate::route::NewRoute;
use crate::simulation::{Lines, attach, ip, station};
use crate::{Encapsulation, InterfaceId};

fn names(address: Ipv4Addr) -> String {
    if address == Ipv4Addr::new(44, 128, 4, 5) {
        "db0sao.ampr.org".to_owned()
    } else {
        plain(address)
    }
}

#[test]
fn interfaces_as_in_the_reference() {
    let start = wanbox_sim::Clock::new().now();
    let mut station = station(start);
    let tnc = attach(
        &mut station,
        "tnc0",
        Encapsulation::KissI,
        "44.128.4.4",
        256,
    );
    let axip = attach(
        &mut station,
        "axip",
        Encapsulation::Ax25Ui,
        "44.128.4.5",
        256,
    );
    station
        .interfaces
        .set_link_address(tnc, "DB0SAO-1")
        .unwrap();
    station.interfaces.set_forward(axip, "tnc0");
    station.set_netmask(start, tnc, 0xffff_ff00).unwrap();
    let now = start + Duration::from_secs(2 * 86_400 + 3661);
    let interface = station.interfaces.get_mut(tnc).unwrap();
    interface.txqlen = 30;
    interface.trace.0 = 0x111;
    interface
        .counters
        .sent
        .count(now - Duration::from_secs(75), true);
    interface.counters.crc_errors = 3;
    let shown = |station: &crate::Station, id, queued| {
        let interface = station.interfaces.get(id).unwrap();
        ifconfig(
            &station.interfaces,
            interface,
            queued,
            now,
            now - start,
            &names,
        )
    };
    assert_eq!(
        shown(&station, tnc, 2),
        "tnc0       IP addr 44.128.4.4 MTU 256 Link encap KISSI\n\
         \x20          Link addr DB0SAO-1\n\
         \x20          trace 0x111 netmask 0xffffff00 broadcast 255.255.255.255\n\
         \x20          sent: ip 1 tot 1 idle 0:00:01:15 qlen 2/30 BUSY\n\
         \x20          recv: ip 0 tot 0 idle 2:01:01:01\n\
         \x20          crc off crc errors 3 bad ax25 headers 0\n"
    );
    assert_eq!(
        shown(&station, axip, 0),
        "axip       IP addr db0sao.ampr.org MTU 256 Link encap AX25UI\n\
         \x20          trace 0x0 netmask 0xffffffff broadcast 255.255.255.255\n\
         \x20          output forward to tnc0\n\
         \x20          sent: ip 0 tot 0 idle 2:01:01:01 qlen 0\n\
         \x20          recv: ip 0 tot 0 idle 2:01:01:01\n\
         \x20          crc off crc errors 0 bad ax25 headers 0\n"
    );
    let traced = |flags| {
        let mut interface = station.interfaces.get(tnc).unwrap().clone();
        interface.trace.0 = flags;
        trace_status(&interface)
    };
    assert_eq!(traced(0x200), "tnc0: tracing off\n");
    assert_eq!(
        traced(0x3211),
        "tnc0: input output - no broadcasts (Hex/ASCII dump) Raw output\n"
    );
    assert_eq!(traced(0x0101), "tnc0: output (ASCII dump)\n");
}

#[test]
fn tables_as_in_the_reference() {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    let id = attach(
        &mut station,
        "tnc0",
        Encapsulation::KissI,
        "44.128.4.4",
        256,
    );
    let via = NewRoute {
        gateway: ip("44.128.4.5"),
        metric: 3,
        ..NewRoute::new(ip("44.130.0.0"), 16, id)
    };
    station.add_route(now, &via).unwrap();
    station
        .add_route(
            now,
            &NewRoute {
                private: true,
                ..NewRoute::new(ip("0.0.0.0"), 0, id)
            },
        )
        .unwrap();
    station
        .add_route(
            now,
            &NewRoute {
                lifetime: 240,
                ..NewRoute::new(ip("44.128.4.5"), 32, id)
            },
        )
        .unwrap();
    station.routes.route(ip("44.130.1.1"));
    assert_eq!(
        routes(&station.routes, &station.interfaces, now, &names),
        "Dest               Len Interface    Gateway            Metric P   Timer Use\n\
         db0sao.ampr.org    32  tnc0                            1            240 0\n\
         44.130.0.0         16  tnc0         db0sao.ampr.org    3              0 1\n\
         default            0   tnc0                            1      P       0 0\n"
    );
    let mut table = Arp::default();
    table.add(
        Hardware::Ax25,
        ip("44.128.4.5"),
        LinkAddress::parse_call("DB0SAO-1").unwrap(),
        true,
    );
    table.resolve(now, Hardware::Ax25, ip("44.128.4.6"), b"x");
    assert_eq!(
        arp(&table, now, &names),
        "received 0 badtype 0 bogus addr 0 reqst in 0 replies 0 reqst out 0\n\
         IP addr            Type              Time Q Addr\n\
         db0sao.ampr.org    AX.25                0   DB0SAO-1 (published)\n\
         44.128.4.6         AX.25               10 1 [unknown]\n"
    );
    let mut filter = Filter::default();
    filter.add(Range::of_prefix(Action::Deny, ip("44.0.0.0"), 8));
    filter.add(Range::of_prefix(Action::Allow, ip("44.128.4.5"), 32));
    assert_eq!(
        ipfilter(&filter, &names),
        "allow db0sao.ampr.org\ndeny  44.0.0.0 to 44.255.255.255\nallow 0.0.0.0 to 255.255.255.255\n"
    );
}

#[test]
fn counters_as_in_the_reference() {
    let now = wanbox_sim::Clock::new().now();
    let mut station = station(now);
    let mut lines = Lines::default();
    let id = attach(&mut station, "sl0", Encapsulation::Slip, "44.128.4.4", 256);
    station
        .add_route(now, &NewRoute::new(ip("44.128.4.0"), 24, id))
        .unwrap();
    station
        .ping(now, ip("44.128.4.5"), 64, Some(10), &mut lines)
        .unwrap();
    let status = ip_status(&station.ip, &station.routes.stats, now, &names);
    let first: Vec<&str> = status.lines().collect();
    assert_eq!(
        first[0],
        "( 1)ipForwarding                 1     ( 2)ipDefaultTTL               255"
    );
    assert_eq!(first[9], "(19)ipFragCreates                0");
    assert_eq!(first[10], "Routing lookups: 1, cache hits 0 (0%)");
    let status = icmp_status(&station.icmp);
    let lines_of: Vec<&str> = status.lines().collect();
    assert_eq!(lines_of.len(), 13);
    assert_eq!(
        lines_of[0],
        "( 1)icmpInMsgs                   0     (14)icmpOutMsgs                  1"
    );
    assert_eq!(
        lines_of[7],
        "( 8)icmpInEchos                  0     (21)icmpOutEchos                 1"
    );
    assert_eq!(
        pings(&station.ping, &names),
        "Host                Sent    Rcvd   %   Srtt   Mdev  Length  Interval\n\
         db0sao.ampr.org        1       0   0      0      0      64        10\n"
    );
    station.rip_start().unwrap();
    station
        .rip_add(now, ip("44.128.4.5"), 30, true, false, 1, &mut lines)
        .unwrap();
    station.rip.refuse(ip("44.1.1.1")).unwrap();
    assert_eq!(
        rip_status(&station.rip, &names),
        "RIP: sent 0 rcvd 0 reqst 0 resp 0 unk 0 refused 0\n\
         Active RIP output interfaces:\n\
         Dest Addr       Interval Split\n\
         db0sao.ampr.org 30       1     \n\
         Refusing announcements from gateways:\n\
         44.1.1.1\n"
    );
    assert_eq!(
        udp_status(&station.udp, false, &names),
        "( 1)udpInDatagrams               0     ( 2)udpNoPorts                   0\n\
         ( 3)udpInErrors                  0     ( 4)udpOutDatagrams              0\n\
         \x20   &UCB Rcv-Q  Local socket\n\
         00000000     0  *:rip\n"
    );
}

#[test]
fn notices_as_in_the_reference() {
    use crate::icmp::Notice;
    use crate::ping::Reply;
    use crate::rip::RipNotice;
    let host = ip("44.128.4.5");
    let notice = |kind, code, rest| {
        icmp_notice(
            &Notice {
                from: ip("44.1.1.1"),
                dest: host,
                kind,
                code,
                rest,
            },
            &names,
        )
    };
    assert_eq!(
        notice(3, 1, [0; 4]),
        "ICMP from 44.1.1.1: dest db0sao.ampr.org Unreachable Host\n"
    );
    assert_eq!(
        notice(11, 9, [0; 4]),
        "ICMP from 44.1.1.1: dest db0sao.ampr.org Time Exceeded 9\n"
    );
    assert_eq!(
        notice(5, 1, [44, 1, 1, 2]),
        "ICMP from 44.1.1.1: dest db0sao.ampr.org Redirect Host new gateway 44.1.1.2\n"
    );
    let reply = Reply {
        from: host,
        ident: 0,
        sequence: 0,
        millis: Some(40),
        stamp: None,
    };
    assert_eq!(
        ping_reply(&reply, &names),
        "db0sao.ampr.org: echo reply id 0 seq 0, 40 ms\n"
    );
    assert_eq!(
        ping_reply(
            &Reply {
                millis: None,
                ..reply
            },
            &names
        ),
        "db0sao.ampr.org: echo reply id 0 seq 0\n"
    );
    let interfaces = crate::Interfaces::default();
    let add = RipNotice::Add(ip("10.0.0.0"), 8, InterfaceId::ENCAP, host, 3);
    assert_eq!(
        rip_notice(&add, &interfaces, &names),
        "route add [10.0.0.0]/8 encap [db0sao.ampr.org] 3\n"
    );
    let changed = RipNotice::Changed(host, 2, 16);
    assert_eq!(
        rip_notice(&changed, &interfaces, &names),
        "metric change: db0sao.ampr.org 2 -> 16\n"
    );
}
