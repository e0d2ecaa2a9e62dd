//! How long a small packet takes to the host beyond the LNS and back, beside nothing and beside bulk.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::lac::Lac;
use crate::netns;
use crate::options::Options;
use crate::traffic::{self, Direction, Far};
use crate::{shares, tcp};

/// From one to the next.
const INTERVAL: Duration = Duration::from_millis(1);
/// One that is not back then is lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// Octets of what is sent: 64 with headers.
const OCTETS: usize = 36;
/// Octets of a packet of the bulk.
const BULK: usize = 1400;

/// What else there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Beside {
    /// Nothing.
    Idle,
    /// Datagrams to another subscriber, at a fixed rate.
    Udp,
    /// A connection to another subscriber, as fast as it can.
    Tcp,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub beside: Beside,
    pub sent: u32,
    pub lost: u32,
    /// Microseconds of half of the round trips, of 95 and 99 in a hundred, of all.
    pub us: [f64; 4],
    /// Of the packets beside, so many were lost.
    pub bulk_loss: Option<f64>,
}

/// All measurements.
///
/// # Errors
/// Sockets do not work, or there is only one session.
pub fn run(lac: &mut Lac, options: &Options) -> Result<Vec<Row>, String> {
    let time = Duration::from_secs_f64(options.latency);
    let mut far = Far::open(options)?;
    let at = options.far.ok_or("no --far")?;
    let echo = SocketAddr::new(at.ip(), at.port().wrapping_add(1));
    let home = lac.home.as_ref().ok_or("no homes")?;
    // The bulk is for another one.
    let address = *home.addresses().last().ok_or("no homes")?;
    let other = lac
        .subscribers
        .iter()
        .rev()
        .find_map(|subscriber| subscriber.address)
        .filter(|other| !home.addresses().contains(other))
        .ok_or("round trips beside bulk need one session more")?;
    let thin = home.inside(|| thin(address, echo))?;
    let fail = |error: std::io::Error| format!("round trips to {echo}: {error}");
    let thin = thin.map_err(fail)?;
    let echo = netns::inside(options.far_netns.as_deref(), || UdpSocket::bind(echo))?;
    let echo = echo.map_err(fail)?;
    echo.set_read_timeout(Some(Duration::from_millis(50)))
        .map_err(fail)?;
    let mut rows = Vec::new();
    for beside in [Beside::Idle, Beside::Udp, Beside::Tcp] {
        let stop = AtomicBool::new(false);
        let (result, trips) = std::thread::scope(|scope| {
            scope.spawn(|| answer(&echo, &stop));
            let trips = scope.spawn(|| measure(&thin, &stop));
            let result = match beside {
                Beside::Idle => idle(lac, time).map(|()| None),
                Beside::Udp => traffic::send_down(
                    lac,
                    &mut far,
                    &[other],
                    BULK,
                    Some(options.bulk),
                    time,
                    options,
                )
                .map(|sample| Some(sample.loss())),
                Beside::Tcp => tcp::measure(lac, options, Direction::Down, 1, time).map(|_| None),
            };
            stop.store(true, Ordering::Relaxed);
            // The last one has to come back.
            let mut result = result;
            while result.is_ok() && !trips.is_finished() {
                result = lac.turn(Duration::from_millis(2)).and(result);
            }
            (result, trips.join())
        });
        let bulk_loss = result?;
        let trips = trips.map_err(|_| "a thread of the round trips failed".to_owned())?;
        let (sent, mut trips) = trips.map_err(fail)?;
        let lost = sent - trips.len() as u32;
        rows.push(Row {
            beside,
            sent,
            lost,
            us: shares(&mut trips),
            bulk_loss,
        });
    }
    Ok(rows)
}

/// The socket of the subscriber.
fn thin(address: Ipv4Addr, to: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn idle(lac: &mut Lac, time: Duration) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        lac.turn(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Gives back what comes.
fn answer(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; OCTETS];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let octets = buffer.get(..length).unwrap_or_default();
            // What is lost is counted at the other end.
            let _ = socket.send_to(octets, from);
        }
    }
}

/// Sends one after the other. How many, and the microseconds of those that came back.
fn measure(socket: &UdpSocket, stop: &AtomicBool) -> std::io::Result<(u32, Vec<f64>)> {
    let (mut sent, mut trips) = (0_u32, Vec::new());
    let mut buffer = [0; OCTETS];
    while !stop.load(Ordering::Relaxed) {
        let mut packet = [0; OCTETS];
        if let Some(number) = packet.first_chunk_mut() {
            *number = sent.to_be_bytes();
        }
        sent += 1;
        let begun = Instant::now();
        socket.send(&packet)?;
        // A late one of before is not this one.
        while begun.elapsed() < PATIENCE {
            match socket.recv(&mut buffer) {
                Ok(_) if buffer == packet => {
                    trips.push(begun.elapsed().as_secs_f64() * 1e6);
                    break;
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        std::thread::sleep(INTERVAL);
    }
    Ok((sent, trips))
}
