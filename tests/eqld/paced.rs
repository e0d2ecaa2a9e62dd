//! Masters over lines with a rate: shares, measured rates, full devices, a line cut.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Lines, Need, Netns, Result, Router, ensure, until};

use super::{
    Ethernets, LIMIT, NEEDS, accounted, enslave, sent, slave, start, status, transfer, wait_state,
};
use crate::test;

const WITH_TC: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("tc"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("eqld::two_lines_in_proportion", NEEDS, || {
            proportion(&[256_000, 128_000], 1500, "")
        }),
        test("eqld::three_lines_in_proportion", NEEDS, || {
            proportion(&[192_000, 64_000, 128_000], 600, "")
        }),
        test("eqld::four_lines_in_proportion", NEEDS, || {
            proportion(&[115_200; 4], 900, "")
        }),
        test("eqld::a_tenth_of_the_other_is_not_starved", NEEDS, unequal),
        test("eqld::rates_are_measured", WITH_TC, measured),
        test("eqld::devices_that_are_full", WITH_TC, full_devices),
        test("eqld::a_line_cut_and_restored", NEEDS, cut),
    ]
}

/// A master at each end over all lines, sticky and with their rates.
fn masters(lines: &Lines, options: &str) -> Result {
    for (end, router) in [&lines.a, &lines.b].into_iter().enumerate() {
        start(router, end, options)?;
        for (n, rate) in (1..).zip(&lines.rates) {
            let name = format!("wp{n}");
            enslave(router, &name, &rate.to_string(), "--sticky")?;
        }
    }
    Ok(())
}

/// Adds what everybody says to an error.
fn explain(lines: &Lines, result: Result) -> Result {
    result.map_err(|error| {
        let mut text = error.to_string();
        for router in [&lines.a, &lines.b] {
            match status(router) {
                Ok(status) => text += &format!("\n{status:#}"),
                Err(error) => text += &format!("\n{error}"),
            }
            text += &format!("\n{}", router.logs());
        }
        wanbox_rig::Error::new(text)
    })
}

/// The rates of the lines and the shares of the slaves agree.
fn proportion(rates: &[u64], mtu: u32, options: &str) -> Result {
    let lines = Lines::up(&crate::wanbox(), rates, mtu)?;
    masters(&lines, &format!("--mtu {mtu} {options}"))?;
    let total: u64 = rates.iter().sum();
    explain(
        &lines,
        transfer(
            &lines.a.netns,
            &lines.b.netns,
            "10.1.0.2:9",
            // Some three seconds.
            (total * 3 / 8) as usize,
        ),
    )?;
    shares(&lines.a, rates)?;
    let end = status(&lines.a)?;
    for cause in ["full", "length", "lost", "failed"] {
        ensure!(end["dropped"][cause] == 0, "{end:#}");
    }
    if mtu >= 1280 {
        // What is left of the transfer's acknowledgements may still be under way.
        until("pings over IPv6", LIMIT, || {
            Ok(Ping::new("fd00:e::2").send(&lines.a.netns)? == 3)
        })?;
    }
    Ok(())
}

fn shares(router: &Router, rates: &[u64]) -> Result {
    let sent = sent(router)?;
    let (all, total) = (sent.values().sum::<u64>(), rates.iter().sum::<u64>());
    for (n, rate) in rates.iter().enumerate() {
        let octets = sent.get(&format!("wp{}", n + 1)).copied().unwrap_or(0);
        let (got, due) = (octets as f64 / all as f64, *rate as f64 / total as f64);
        ensure!(
            (got / due - 1.0).abs() < 0.15,
            "wp{}: {:.1} % of the octets and {:.1} % of the rate: {sent:?}",
            n + 1,
            got * 100.0,
            due * 100.0
        );
    }
    Ok(())
}

/// One line has a tenth of the other's rate. A single TCP stream that just begins does not fill even
/// the fast one; the slow one is needed as soon as as much waits as it takes for one packet.
fn unequal() -> Result {
    let rates = [576_000, 57_600];
    let lines = Lines::up(&crate::wanbox(), &rates, 400)?;
    masters(&lines, "--mtu 400")?;
    let a = &lines.a;
    let filled = flooded(&a.netns, 300, || {
        until("some seconds of both lines", LIMIT, || {
            Ok(sent(a)?.values().sum::<u64>() > 300_000)
        })
    });
    explain(&lines, filled.map(|_| ()))?;
    shares(a, &rates)
}

/// Does something while more packets of so many octets are sent to the far end than lines take.
pub fn flooded<T>(from: &Netns, octets: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let socket = from.inside(|| Ok(UdpSocket::bind("10.1.0.1:9")?))?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let packet = vec![0; octets];
            while !stop.load(Ordering::Relaxed) {
                // What finds no room is dropped at the master: that is what it is for.
                // Many at once, for on a busy machine the pauses are long.
                for _ in 0..10 {
                    let _ = socket.send_to(&packet, "10.1.0.2:9");
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

fn measured() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let a = &pair.a;
    for (name, rate, hop) in [
        ("eth1", "2mbit", "192.0.1.2"),
        ("eth2", "500kbit", "192.0.2.2"),
    ] {
        slow_down(a, name, rate, "100000")?;
        enslave(a, name, "auto", &format!("--via {hop}"))?;
    }
    // The kernel counts 14 octets of the frame, eqld all that an Ethernet takes.
    let near = |name: &str, wanted: f64| -> Result<bool> {
        let bps = slave(a, name)?["measured_bps"].as_f64();
        Ok(bps.is_some_and(|bps| (bps / wanted - 1.0).abs() < 0.15))
    };
    let done = flooded(&a.netns, 1400, || {
        until("both rates", LIMIT, || {
            Ok(near("eth1", 2_000_000.0)? && near("eth2", 500_000.0)?)
        })
    });
    done.map_err(|error| wanbox_rig::Error::new(format!("{error}\n{:#?}", status(a).ok())))?;
    Ok(())
}

/// Rates far above what the lines do: the devices say when they are full, and nothing is lost by it.
fn full_devices() -> Result {
    let pair = Ethernets::new("--mtu 1500")?;
    let a = &pair.a;
    // One device holds more than a socket may have under way, the other only some packets.
    for (name, limit, net) in [("eth1", "1000000", 1), ("eth2", "15000", 2)] {
        slow_down(a, name, "4mbit", limit)?;
        enslave(a, name, "1G", &format!("--via 192.0.{net}.2"))?;
        enslave(&pair.b, name, "4M", &format!("--via 192.0.{net}.1"))?;
    }
    transfer(&a.netns, &pair.b.netns, "10.1.0.2:9", 1_000_000)?;
    flooded(&a.netns, 1400, || {
        until("both to be full", LIMIT, || {
            Ok(["eth1", "eth2"].iter().all(|name| {
                slave(a, name).is_ok_and(|s| s["events"]["backpressure"].as_u64() > Some(0))
            }))
        })
    })?;
    until("the queues to be empty", LIMIT, || {
        Ok(["eth1", "eth2"]
            .iter()
            .all(|name| slave(a, name).is_ok_and(|s| s["queued_packets"] == 0)))
    })?;
    accounted(a)?;
    let end = status(a)?;
    ensure!(end["dropped"]["failed"] == 0, "{end:#}");
    Ok(())
}

/// The kernel's own way to make a line slow; so many octets wait for it at most.
fn slow_down(router: &Router, name: &str, rate: &str, limit: &str) -> Result {
    let mut tc = std::process::Command::new("tc");
    let words = format!("qdisc add dev {name} root tbf rate {rate} burst 3100 limit {limit}");
    router
        .netns
        .finish(tc.args(words.split(' ')), LIMIT)?
        .ok()?;
    Ok(())
}

fn cut() -> Result {
    let lines = Lines::up(&crate::wanbox(), &[256_000, 256_000], 600)?;
    masters(&lines, "--mtu 600")?;
    let (a, b) = (&lines.a, &lines.b);
    thread::scope(|scope| {
        let moved = scope.spawn(|| transfer(&a.netns, &b.netns, "10.1.0.2:9", 400_000));
        let story = || -> Result {
            until("the transfer to be under way", LIMIT, || {
                Ok(sent(a)?.values().all(|octets| *octets > 20_000))
            })?;
            a.ok("wanconfig card wanpipe1 line cut")?;
            wait_state(a, "wp1", "waiting")?;
            wait_state(b, "wp1", "waiting")?;
            let before = sent(a)?;
            a.ok("wanconfig card wanpipe1 line join")?;
            wait_state(a, "wp1", "up")?;
            ensure!(
                slave(a, "wp1")?["events"]["downs"] == 1,
                "{}",
                slave(a, "wp1")?
            );
            if !moved.is_finished() {
                until("the line to be used again", LIMIT, || {
                    Ok(moved.is_finished() || sent(a)?["wp1"] > before["wp1"])
                })?;
            }
            Ok(())
        };
        let told = explain(&lines, story());
        let moved = moved
            .join()
            .map_err(|_| wanbox_rig::Error::new("the transfer panicked"))?;
        told.and(explain(&lines, moved))
    })
}
