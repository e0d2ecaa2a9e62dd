//! ICMP echo, because a machine need not have `ping`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use wanbox_rig::error::Context;
use wanbox_rig::{Error, Result, ensure};
use wanbox_wire::ip::{Icmp, IcmpEcho, Ipv4, Sum};

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Octets behind the ICMP header, as ping sends.
const PAYLOAD: usize = 56;

/// Sends this many, one each half second, and shows each answer.
///
/// # Errors
/// None was answered.
pub fn ping(to: Ipv4Addr, count: u16) -> Result {
    let mut answered = 0;
    for sequence in 1..=count {
        match exchange(to, sequence)? {
            Some((octets, ttl, took)) => {
                answered += 1;
                println!(
                    "{octets} octets from {to}: icmp_seq={sequence} ttl={ttl} time={:.1} ms",
                    took.as_secs_f64() * 1000.0
                );
            }
            None => println!("icmp_seq={sequence}: no answer"),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    println!("{answered} of {count} answered");
    ensure!(answered > 0, "{to} does not answer");
    Ok(())
}

/// Sends one without a word.
///
/// # Errors
/// It could not be sent.
pub fn once(to: Ipv4Addr) -> Result {
    exchange(to, 1).map(|_| ())
}

/// One request; the length, TTL and time of the answer, if there was one.
fn exchange(to: Ipv4Addr, sequence: u16) -> Result<Option<(usize, u8, Duration)>> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Icmp,
    )
    .context("a socket for ICMP")?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::milliseconds(i64::try_from(PATIENCE.as_millis())?),
    )?;
    let ident = (std::process::id() & 0xffff) as u16;
    let mut message = [0x5a; IcmpEcho::LEN + PAYLOAD];
    IcmpEcho {
        kind: ECHO_REQUEST,
        ident,
        sequence,
    }
    .emit(&mut message, Sum::new())
    .map_err(|error| Error::new(format!("{error:?}")))?;
    let sent = Instant::now();
    sendto(
        socket.as_raw_fd(),
        &message,
        &SockaddrIn::from(SocketAddrV4::new(to, 0)),
        MsgFlags::empty(),
    )
    .context(to)?;
    let mut packet = [0; 1500];
    while sent.elapsed() < PATIENCE {
        let octets = match recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(octets) => octets,
            Err(Errno::EAGAIN | Errno::EINTR) => continue,
            Err(error) => return Err(std::io::Error::from(error).into()),
        };
        // Every ICMP message of this host comes by; ours is recognised by its numbers.
        let Some(Ok(ip)) = packet.get(..octets).map(Ipv4::parse) else {
            continue;
        };
        let Ok(icmp) = Icmp::parse(ip.payload()) else {
            continue;
        };
        if IcmpEcho::parse(&icmp)
            .is_ok_and(|e| (e.kind, e.ident, e.sequence) == (ECHO_REPLY, ident, sequence))
        {
            return Ok(Some((ip.payload().len(), ip.ttl(), sent.elapsed())));
        }
    }
    Ok(None)
}
