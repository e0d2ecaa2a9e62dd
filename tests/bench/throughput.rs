//! Links over `udp:` beside socat's tunnel of a TUN interface over UDP.
//!
//! Both run between the same two namespaces over the same veth pair, at the same
//! time but never loaded at the same time.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wanbox_console::progress::rate;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Netns, Result, ensure, json, need, until};

use crate::link::{INNER, Link, OUTER, Protocol};
use crate::{Row, median, met};

/// Measurements of each kind and tunnel.
const ROUNDS: usize = 5;

/// How long each lasts.
const EACH: Duration = Duration::from_secs(2);

/// UDP payload of a small packet, octets.
const SMALL: usize = 64;

/// Addresses of the two ends of socat's tunnel.
const SOCAT: [&str; 2] = ["10.8.0.1", "10.8.0.2"];

/// Frame Relay.
pub fn frame_relay(wanbox: &Path) -> Result<Vec<Row>> {
    run(wanbox, Protocol::FrameRelay, ["small packets", "TCP"])
}

/// PPP.
pub fn ppp(wanbox: &Path) -> Result<Vec<Row>> {
    run(wanbox, Protocol::Ppp, ["PPP: small packets", "PPP: TCP"])
}

fn run(wanbox: &Path, protocol: Protocol, names: [&'static str; 2]) -> Result<Vec<Row>> {
    let link = Link::new(wanbox, protocol)?;
    let _tunnel = Tunnel::new(&link)?;
    println!("between two namespaces over a veth pair, which passes segmentation offload on whole");
    let (mut packets, mut streams) = ([vec![], vec![]], [vec![], vec![]]);
    for round in 1..=ROUNDS {
        for (n, (name, to)) in [("wanbox", INNER[1]), ("socat", SOCAT[1])]
            .into_iter()
            .enumerate()
        {
            let pps = small_packets(&link, to)?;
            let bps = tcp(&link, to)?;
            println!("{round}: {name:7} {pps:9.0} packets/s   {}", rate(bps));
            packets[n].push(pps);
            streams[n].push(bps);
        }
    }
    let [ours, theirs] = packets.map(|mut values| median(&mut values));
    let [our_tcp, their_tcp] = streams.map(|mut values| median(&mut values));
    Ok(vec![
        Row {
            what: names[0],
            wanbox: format!("{ours:.0}/s"),
            other: format!("socat {theirs:.0}/s"),
            ratio: format!("{:.2}", ours / theirs),
            wanted: "at least 1.5".to_owned(),
            met: met(ours >= 1.5 * theirs),
        },
        Row {
            what: names[1],
            wanbox: rate(our_tcp),
            other: format!("socat {}", rate(their_tcp)),
            ratio: format!("{:.2}", our_tcp / their_tcp),
            wanted: "at least 3".to_owned(),
            met: met(our_tcp >= 3.0 * their_tcp),
        },
    ])
}

/// socat at both ends, ended when dropped.
struct Tunnel(Vec<Child>);

impl Tunnel {
    fn new(link: &Link) -> Result<Self> {
        let socat = need::find_tool("socat").ok_or_else(|| Error::new("socat is missing"))?;
        let mut tunnel = Self(Vec::new());
        for end in &link.ends {
            // The kernel's announcements on a new interface would meet a peer that is not there
            // yet, and socat ends with the first ICMP error.
            end.netns.inside(|| {
                Ok(std::fs::write(
                    "/proc/sys/net/ipv6/conf/default/disable_ipv6",
                    "1",
                )?)
            })?;
        }
        for n in 0..2 {
            tunnel.0.push(
                link.ends[n].netns.spawn(
                    Command::new(&socat)
                        .arg(format!(
                            "TUN:{}/30,tun-name=socat0,iff-no-pi,iff-up",
                            SOCAT[n]
                        ))
                        .arg(format!("UDP:{}:7001,bind={}:7001", OUTER[1 - n], OUTER[n]))
                        .stdin(Stdio::null()),
                )?,
            );
        }
        until("socat's tunnel", Duration::from_secs(10), || {
            Ok(link.ends.iter().all(|end| {
                end.netns
                    .ip("link show socat0 up")
                    .is_ok_and(|t| !t.is_empty())
            }))
        })?;
        Ok(tunnel)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Datagrams a second that arrive while one thread sends as fast as it can.
fn small_packets(link: &Link, to: &str) -> Result<f64> {
    let to: SocketAddr = format!("{to}:5002").parse()?;
    let receiver = link.ends[1].netns.inside(|| Ok(UdpSocket::bind(to)?))?;
    receiver.set_read_timeout(Some(Duration::from_millis(100)))?;
    let sender = link.ends[0].netns.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        Ok(socket)
    })?;
    flood(&sender, &receiver, SMALL, EACH)
}

/// Datagrams a second that arrive while one thread sends as fast as it can.
pub fn flood(
    sender: &UdpSocket,
    receiver: &UdpSocket,
    octets: usize,
    each: Duration,
) -> Result<f64> {
    let over = AtomicBool::new(false);
    let (arrived, took) = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let datagram = vec![0x5a; octets];
            while !over.load(Ordering::Relaxed) {
                // A full queue is what this is about.
                let _ = sender.send(&datagram);
            }
        });
        let mut datagram = [0; 2048];
        let mut arrived = 0u64;
        let started = Instant::now();
        while started.elapsed() < each {
            arrived += u64::from(receiver.recv(&mut datagram).is_ok());
        }
        let took = started.elapsed();
        over.store(true, Ordering::Relaxed);
        let _ = sending.join();
        (arrived, took)
    });
    ensure!(arrived > 0, "no packet arrived");
    // What is still queued must not reach the next measurement.
    drain(receiver);
    Ok(arrived as f64 / took.as_secs_f64())
}

fn drain(receiver: &UdpSocket) {
    let mut datagram = [0; 2048];
    let started = Instant::now();
    while receiver.recv(&mut datagram).is_ok() && started.elapsed() < EACH {}
}

/// Bits a second of one TCP stream, as iperf3 measures it at the receiver.
pub fn tcp(link: &Link, to: &str) -> Result<f64> {
    let iperf3 = need::find_tool("iperf3").ok_or_else(|| Error::new("iperf3 is missing"))?;
    let mut server = link.ends[1].netns.spawn(
        Command::new(&iperf3)
            .args(["-s", "-1", "-B", to])
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )?;
    let result = measure(&link.ends[0].netns, &iperf3, to);
    let _ = server.kill();
    server.wait()?;
    result
}

fn measure(from: &Netns, iperf3: &Path, to: &str) -> Result<f64> {
    let seconds = EACH.as_secs().to_string();
    // iperf3 ends with 0 even when nobody listens yet: only a report with a rate counts.
    wanbox_rig::wait_for("iperf3's server", Duration::from_secs(5), || {
        let finished = from.inside(|| {
            finish(
                Command::new(iperf3).args(["-J", "-t", &seconds, "-c", to]),
                EACH + Duration::from_secs(20),
            )
        })?;
        let report = json::parse(&finished.stdout)?;
        Ok(json::at(&report, "/end/sum_received/bits_per_second")?.as_f64())
    })
}
