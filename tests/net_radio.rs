//! Stations of AX.25 that are processes: datagrams and connections between them over the host's network, and
//! through a third one.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::{Need, Netns, Result, TempDir, ensure, until};

use crate::echoes::{connect, echoed};
use crate::net_devices::{Station, cable};
use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const LIMIT: Duration = Duration::from_secs(60);
const FAR: &str = "44.0.0.3";
const ECHO: (Ipv4Addr, u16) = (Ipv4Addr::new(44, 0, 0, 3), 7);

pub fn tests() -> Vec<Trial> {
    vec![
        test("net_radio::three_stations", NEEDS, three_stations),
        test("net_radio::the_manual", NEEDS, the_manual),
        test(
            "net_radio::a_line_of_netrom",
            &[Need::Namespaces, Need::Tool("ip"), Need::Tool("socat")],
            a_line_of_netrom,
        ),
    ]
}

/// The station of net-ax25(7) starts as it is written there, and what its tables have instead of kissattach's and
/// the others' lines is taken.
fn the_manual() -> Result {
    let page = include_str!("../man/net-ax25.7");
    let from = page.find("hostname db0aaa\n").unwrap_or_default();
    let to = page[from..].find(".Ed\n").unwrap_or_default();
    let lines = &page[from..from + to];
    ensure!(lines.lines().count() > 10, "{lines}");
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    // There may be such a TNC on this machine.
    let lines = lines.replace("/dev/ttyUSB0", "/dev/ttyUSB255");
    let station = Station::start(&netns, &lines)?;
    for line in [
        "attach asy /dev/ttyS255 1 kissui vhf 0 256 9600 auto",
        "attach kissport uhf vhf 1",
        "ifconfig uhf linkaddress DB0AAA-7",
        "param vhf TxDelay 30",
        "param vhf Return",
        "ifconfig vhf crc 16",
        "ifconfig vhf crc rmnc",
        "ifconfig vhf crc test",
        "ifconfig vhf autoroute on",
        "ax25 route add permanent vhf DB0BBB DB0CCC",
        "arp add 44.130.1.9 ax25 DB0CCC",
        "ax25 paclen 256",
        "ax25 maxframe 4",
        "ax25 blimit 8",
        "login program /usr/sbin/node",
        "attach netrom",
        "ifconfig netrom ipaddress 44.1.1.3",
        "netrom broadcast vhf NODES",
        "netrom parms 3 192",
        "netrom links DB0AAA DB0BBB 192 permanent",
        "netrom links DB0BBB DB0CCC 160 permanent",
        "attach asy /dev/ttyS254 1 nrs nrs0 0 256 9600 auto",
        "trace vhf input output",
        "ax25 digipeat 1",
        "start kiss vhf",
    ] {
        station.says(line)?;
    }
    Ok(())
}

/// A line in NRS framing: `nrstat` counts good frames, those whose sum is wrong, and octets of one that is not complete.
fn a_line_of_netrom() -> Result {
    // UI from N0PRA to DB0SAO, whose data have STX and DLE.
    const GOOD: &[u8] = b"\x02\x88\x84\x60\xa6\x82\x9e\xe0\x9c\x60\xa0\xa4\x82\x40\x61\x10\x03\xf0\
        \x10\x02\x41\x10\x10\x03\xbb\x00\x00";
    let netns = Netns::new()?;
    let dir = TempDir::new()?;
    let ends = ["a", "b"].map(|name| dir.path().join(name));
    let _line = cable(&netns, &ends)?;
    let station = Station::start(
        &netns,
        &format!(
            "ax25 mycall DB0SAO\nattach asy {} 0 nrs nrs0 0 256 9600\n",
            ends[0].display()
        ),
    )?;
    let mut damaged = GOOD.to_vec();
    damaged.splice(20..21, [0x42]);
    let mut line = OpenOptions::new().write(true).open(&ends[1])?;
    for octets in [GOOD, &damaged, GOOD, b"\x02ab"] {
        line.write_all(octets)?;
    }
    let heading = "Interface   RcvB  NumReceived  CSumErrors\n";
    let shown = format!("{heading}     nrs0      2            2           1\n");
    until("three frames and a piece", LIMIT, || {
        Ok(station.says("nrstat")? == shown)
    })?;
    let heard = station.says("ax25 heard live")?;
    ensure!(
        heard.contains("N0PRA ") && heard.contains(" 2  nrs0       Text\n"),
        "{heard}"
    );
    Ok(())
}

/// A station between AX.25 in UDP and its host, as others reach it.
fn commands(call: &str, address: &str, port: u16, more: &str) -> String {
    format!(
        "ax25 mycall {call}\nip address {address}\nattach axip axip udp {port}\n\
         ax25 route add axip default\nax25 t1 500\nax25 t2 20\n{more}"
    )
}

/// The way: the host, N0PRA, DB0AAA, DK5SG.
fn three_stations() -> Result {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let middle = commands(
        "DB0AAA",
        "44.0.0.2",
        10_092,
        "axip route add N0PRA 127.0.0.1:10091\naxip route add DK5SG 127.0.0.1:10093\n",
    );
    let mut middle = Station::start(&netns, &middle)?;
    let near = commands(
        "N0PRA",
        "44.0.0.1",
        10_091,
        "axip route add DB0AAA 127.0.0.1:10092\nax25 route add permanent axip DK5SG via DB0AAA\n\
         arp add 44.0.0.3 ax25 DK5SG\nroute add 44.0.0.3 axip\nroute add 10.9.0.2 ni0\n",
    );
    let near = near.replace(
        "attach axip ",
        "attach ni ni0 10.9.0.2 255.255.255.0\nattach axip ",
    );
    let near = Station::start(&netns, &near)?;
    let far = commands(
        "DK5SG",
        FAR,
        10_093,
        "axip route add DB0AAA 127.0.0.1:10092\nax25 route add permanent axip N0PRA via DB0AAA\n\
         arp add 44.0.0.1 ax25 N0PRA\narp add 10.9.0.2 ax25 N0PRA\n\
         route add 44.0.0.1 axip\nroute add 10.9.0.2 axip\nstart echo\n",
    );
    let far = Station::start(&netns, &far)?;
    netns.ip("route add 44.0.0.3 dev ni0")?;
    // Repeated datagrams, repeated connections, and connections with each end.
    for (encapsulation, digipeat, crosslinks) in [
        ("AX25UI", 1, false),
        ("AX25UI", 2, false),
        ("AX25I", 1, false),
        ("AX25I", 2, true),
    ] {
        for station in [&near, &far] {
            station.says(&format!("ifconfig axip encapsulation {encapsulation}"))?;
        }
        middle.says(&format!("ax25 digipeat {digipeat}"))?;
        for (length, way) in [(64, "short"), (1500, "in fragments")] {
            let said = near.says(&format!("ping {FAR} {length}"))?;
            ensure!(
                said.contains("echo reply"),
                "{encapsulation} {digipeat} {way}: {said}"
            );
        }
        netns.inside(|| echoed(&connect(ECHO)?, 100_000))?;
        let links = middle.says("ax25 status")?;
        let count = links
            .lines()
            .filter(|line| line.contains("Connected"))
            .count();
        ensure!(
            count == if crosslinks { 2 } else { 0 },
            "{encapsulation} {digipeat}: {links}"
        );
        // The next kind of connections begins anew.
        for station in [&near, &far, &middle] {
            for line in station.says("ax25 status")?.lines().skip(1) {
                let number = line.split_whitespace().next().unwrap_or_default();
                // One that was a pair is gone with its other half.
                station.run(&[&format!("ax25 reset {number}")])?;
            }
        }
    }
    let heard = middle.says("ax25 heard axip")?;
    for call in ["DB0AAA ", "N0PRA ", "DK5SG "] {
        ensure!(heard.contains(call), "{heard}");
    }
    let routes = near.says("ax25 route list DK5SG")?;
    ensure!(
        routes.contains("axip       P  DK5SG via DB0AAA\n"),
        "{routes}"
    );
    // What was learned is there when the station comes back.
    let list = |station: &Station| station.says("ax25 route list N0PRA DK5SG");
    let before = list(&middle)?;
    ensure!(!before.contains("Not in table"), "{before}");
    middle.running.signal(Signal::SIGTERM)?;
    middle.running.end(LIMIT)?;
    middle.restart(&netns)?;
    ensure!(list(&middle)? == before, "{before}{}", list(&middle)?);
    until("a ping through who came back", LIMIT, || {
        Ok(near.says(&format!("ping {FAR}"))?.contains("echo reply"))
    })?;
    Ok(())
}
