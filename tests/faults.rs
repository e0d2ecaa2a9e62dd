//! What goes wrong with lines, peers and daemons, and how the link gets over it
//! by itself.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, Router, ensure, until};

use crate::network::{Channel, DEVICE, DOWN, End, Over, Pair, UP, install};
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("faults::frame_relay_daemon_killed", NEEDS, || {
            killed(&node(), &cpe())
        }),
        test("faults::cisco_hdlc_daemon_killed", NEEDS, || {
            killed(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("faults::frame_relay_cable_cut", NEEDS, || {
            cut(&node(), &cpe())
        }),
        test("faults::cisco_hdlc_cable_cut", NEEDS, || {
            cut(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("faults::frame_relay_silent_peer", NEEDS, || {
            silent(&node(), &cpe())
        }),
        test("faults::cisco_hdlc_silent_peer", NEEDS, || {
            silent(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("faults::frame_relay_peer_restarted", NEEDS, || {
            restarted(&node(), &cpe())
        }),
        test("faults::cisco_hdlc_peer_restarted", NEEDS, || {
            restarted(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
        test("faults::half_configured_peer", NEEDS, half_configured),
        test("faults::wrong_lmi", NEEDS, wrong_lmi),
        test("faults::both_nodes", NEEDS, || same_station("NODE")),
        test("faults::both_cpes", NEEDS, || same_station("CPE")),
        test("faults::frame_relay_looped", NEEDS, || looped(&cpe())),
        test("faults::cisco_hdlc_looped", NEEDS, || {
            looped(&End::cisco_hdlc())
        }),
        test("faults::random_frames_frame_relay", NEEDS, || {
            random_frames(&node(), &cpe())
        }),
        test("faults::random_frames_cisco_hdlc", NEEDS, || {
            random_frames(&End::cisco_hdlc(), &End::cisco_hdlc())
        }),
    ]
}

fn node() -> End {
    End::frame_relay("NODE", "ANSI", &[16])
}

fn cpe() -> End {
    End::frame_relay("CPE", "ANSI", &[16])
}

/// One ping each way through the first channel.
fn pings(pair: &Pair, end: &End) -> Result {
    let net = end.channels[0].dlci.unwrap_or(1);
    Ping::new(&format!("10.0.{net}.2")).all(&pair.a.netns)?;
    Ping::new(&format!("10.0.{net}.1")).all(&pair.b.netns)
}

/// The same, once both ends have settled after what happened to one.
fn pings_again(pair: &Pair, end: &End) -> Result {
    until("pings", UP, || Ok(pings(pair, end).is_ok()))
        .map(drop)
        .map_err(|error| pair.explain(error))
}

/// SIGKILL leaves the socket, the pid file and the cable behind: none of them is in the way.
fn killed(a: &End, b: &End) -> Result {
    let pair = Pair::up(Over::Cable, a, b)?;
    let survivor = pair.a.daemon(DEVICE)?;
    for router in [&pair.b, &pair.a] {
        router.signal(DEVICE, Signal::SIGKILL)?;
        let other = if std::ptr::eq(router, &pair.a) {
            &pair.b
        } else {
            &pair.a
        };
        pair.wait_down(other)?;
        ensure!(router.run("wanrouter status")?.code == 0, "status failed");
        router.ok("wanrouter start")?;
        pair.wait_up(&a.channels)?;
        pings_again(&pair, a)?;
        if std::ptr::eq(router, &pair.b) {
            ensure!(
                pair.a.daemon(DEVICE)? == survivor,
                "the other end was restarted"
            );
        }
    }
    Ok(())
}

/// A cut cable takes the carrier at both ends; joined, all is as before.
fn cut(a: &End, b: &End) -> Result {
    let pair = Pair::up(Over::Cable, a, b)?;
    for _ in 0..2 {
        pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
        pair.wait_down(&pair.b)?;
        pair.wait_down(&pair.a)?;
        ensure!(
            pair.b.status(DEVICE)?["carrier"] == false,
            "there is still a carrier"
        );
        pair.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
        pair.wait_up(&a.channels)?;
        pings_again(&pair, a)?;
    }
    Ok(())
}

/// Over UDP there is no carrier: only the protocol can find out that the peer is gone.
fn silent(a: &End, b: &End) -> Result {
    let pair = Pair::up(Over::Udp, a, b)?;
    pair.b.netns.ip("link set eth0 down")?;
    until("both ends to miss each other", DOWN, || {
        Ok(!pair.a.is_connected(DEVICE) && !pair.b.is_connected(DEVICE))
    })
    .map_err(|e| pair.explain(e))?;
    pair.b.netns.ip("link set eth0 up")?;
    pair.wait_up(&a.channels)?;
    pings_again(&pair, a)
}

/// The other end is restarted again and again; this one is left alone.
fn restarted(a: &End, b: &End) -> Result {
    let pair = Pair::up(Over::Udp, a, b)?;
    let pid = pair.a.daemon(DEVICE)?;
    for _ in 0..3 {
        pair.b.ok("wanrouter restart")?;
        pair.wait_up(&a.channels)?;
        // What the other end believed of the link before the restart must not remain.
        pings_again(&pair, a)?;
    }
    ensure!(pair.a.daemon(DEVICE)? == pid, "the other end was restarted");
    Ok(())
}

/// The CPE has a DLCI more than the node: that one stays down, the other works.
fn half_configured() -> Result {
    let cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::started(Over::Cable, &node(), &cpe)?;
    pair.wait_up(&[Channel::dlci(16)])?;
    pings(&pair, &node())?;
    ensure!(
        !pair.b.is_channel_up(DEVICE, "wp1_fr17"),
        "DLCI 17 is up although the node has none"
    );
    ensure!(pair.b.is_connected(DEVICE), "the link is down");
    Ok(())
}

/// A node that speaks ANSI and a CPE set to Q.933: never up, and the counters say why.
fn wrong_lmi() -> Result {
    let other = End::frame_relay("CPE", "Q933", &[16]);
    let pair = Pair::started(Over::Cable, &node(), &other)?;
    never_up(&pair, Duration::from_secs(17))?;
    let counted = pair.a.counters_like(DEVICE, "dialect")?;
    ensure!(counted > 0, "no counter tells of the other dialect");
    Ok(())
}

/// Neither a pair of nodes nor a pair of CPEs is a link; put right at one end, it is.
fn same_station(station: &str) -> Result {
    let end = End::frame_relay(station, "ANSI", &[16]);
    let pair = Pair::started(Over::Cable, &end, &end)?;
    never_up(&pair, Duration::from_secs(17))?;
    let right = if station == "NODE" { cpe() } else { node() };
    install(&pair.b, &right, "cable:test", 1)?;
    pair.b.ok("wanrouter restart")?;
    pair.wait_up(&right.channels)?;
    pings_again(&pair, &right)
}

/// Watches for some polls that the link is not up at either end.
fn never_up(pair: &Pair, how_long: Duration) -> Result {
    let started = Instant::now();
    while started.elapsed() < how_long {
        for router in [&pair.a, &pair.b] {
            router.status(DEVICE)?;
            if router.is_connected(DEVICE) {
                return Err(pair.explain(wanbox_rig::Error::new("the link is up")));
            }
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// A line that brings our own frames back is no link, and that is said.
fn looped(end: &End) -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    install(&router, end, "udp:127.0.0.1:7000,127.0.0.1:7000", 0)?;
    router.ok("wanrouter start")?;
    until("the loop to be noticed", UP, || {
        Ok(router.counters_like(DEVICE, "loop")? > 0)
    })?;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(8) {
        ensure!(!router.is_connected(DEVICE), "a looped line is up");
        thread::sleep(Duration::from_millis(250));
    }
    let status = router.status(DEVICE)?;
    ensure!(
        status["reason"]
            .as_str()
            .is_some_and(|r| r.contains("loop")),
        "the reason is not named: {status:#}"
    );
    Ok(())
}

/// Whatever comes from the line, the daemon lives, counts and takes the real peer afterwards.
fn random_frames(a: &End, b: &End) -> Result {
    const FRAMES: u32 = 200_000;
    let pair = Pair::new(Over::Udp, a, b)?;
    pair.a.ok("wanrouter start")?;
    let pid = pair.a.daemon(DEVICE)?;
    let socket = pair.b.netns.inside(|| {
        let socket = UdpSocket::bind("192.0.2.2:7000")?;
        socket.connect("192.0.2.1:7000")?;
        Ok(socket)
    })?;
    // Splitmix64: the same frames in every run.
    let mut state = 0x5eed_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // Half of them begin like a frame the protocol would read on.
    let beginnings: &[&[u8]] = &[
        &[0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95],
        &[0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x95],
        &[0xfc, 0xf1, 0x03, 0x09, 0x00, 0x7d],
        &[0x04, 0x01, 0x03, 0xcc, 0x45],
        &[0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06],
        &[0x8f, 0x00, 0x80, 0x35, 0x00, 0x00, 0x00],
        &[0x0f, 0x00, 0x08, 0x00, 0x45],
        &[0x0f, 0x00, 0x86, 0xdd, 0x60],
    ];
    let mut frame = [0u8; 256];
    for _ in 0..FRAMES {
        let choice = random();
        let len = (choice % 200) as usize + 1;
        for chunk in frame[..len].chunks_mut(8) {
            let octets = random().to_ne_bytes();
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
        if choice & 0x10_0000 != 0 {
            let beginning = beginnings[(choice >> 32) as usize % beginnings.len()];
            let len = beginning.len().min(len);
            frame[..len].copy_from_slice(&beginning[..len]);
        }
        // A full queue or an ICMP error: the next one goes through.
        let _ = socket.send(&frame[..len]);
    }
    drop(socket);
    ensure!(pair.a.daemon(DEVICE)? == pid, "another daemon");
    let status = pair.a.status(DEVICE)?;
    let seen = status["traffic"]["rx_packets"].as_u64().unwrap_or(0)
        + status["traffic"]["rx_errors"].as_u64().unwrap_or(0)
        + status["traffic"]["rx_dropped"].as_u64().unwrap_or(0);
    ensure!(
        seen > 1000,
        "only {seen} of {FRAMES} frames were counted: {status:#}"
    );
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&a.channels)?;
    pings(&pair, a)
}
