//! What `net` is measured beside: `net-peer smoltcp TUN ADDRESS discard|echo PORT CONNECTIONS` is a station with
//! smoltcp's stack, `net-peer copy TUN TUN` moves packets from one interface to another and looks at none of them.
//!
//! Both have the interfaces that `net` has: wanbox's TUN, without offloads.

#![expect(clippy::print_stderr, reason = "it talks to a person")]

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use wanbox_rig::{Error, Result};
use wanbox_runtime::tun::{Mode, Options, Tun};

/// As large as a window gets without scaling.
const BUFFER: usize = 65_535;
const MTU: usize = 1500;
/// Packets that are taken from an interface before the stack has its turn.
const BATCH: usize = 64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["smoltcp", tun, address, service, port, connections] => {
            station(tun, address, service == "echo", port, connections)
        }
        ["copy", a, b] => copy(a, b),
        _ => Err(Error::new(
            "usage: net-peer smoltcp TUN ADDRESS discard|echo PORT CONNECTIONS, or net-peer copy TUN TUN",
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("net-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(name: &str) -> Result<Tun> {
    Tun::open(name, Mode::Tun, &Options::default()).map_err(|error| Error::new(error.to_string()))
}

fn wait(tuns: &[&Tun], limit: Option<Duration>) -> Result {
    let mut fds: Vec<PollFd> = tuns
        .iter()
        .map(|tun| PollFd::new(tun.as_fd(), PollFlags::POLLIN))
        .collect();
    let limit = limit.map_or(PollTimeout::NONE, |limit| {
        PollTimeout::try_from(limit.as_millis().max(1)).unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut fds, limit) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(Error::new(error.to_string())),
    }
}

fn copy(a: &str, b: &str) -> Result {
    let (a, b) = (open(a)?, open(b)?);
    let (mut header, mut packet) = ([0; Tun::HEADER], vec![0; Tun::MAX_PACKET]);
    loop {
        wait(&[&a, &b], None)?;
        for (from, to) in [(&a, &b), (&b, &a)] {
            for _ in 0..BATCH {
                let Some(len) = from.read_packet(&mut header, &mut packet)? else {
                    break;
                };
                // A full queue drops, as it does with every router.
                let _ = to.write_packet(&header, &packet[..len]);
            }
        }
    }
}

/// A TUN as smoltcp wants it, with buffers that are used again.
struct Line {
    tun: Tun,
    received: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    out: Vec<u8>,
}

impl Line {
    fn fill(&mut self) -> Result<bool> {
        let mut header = [0; Tun::HEADER];
        while self.received.len() < BATCH {
            let mut packet = self.spare.pop().unwrap_or_default();
            packet.resize(MTU, 0);
            match self.tun.read_packet(&mut header, &mut packet)? {
                Some(len) => {
                    packet.truncate(len);
                    self.received.push_back(packet);
                }
                None => {
                    self.spare.push(packet);
                    break;
                }
            }
        }
        Ok(!self.received.is_empty())
    }
}

struct Received<'l>(Vec<u8>, &'l mut Vec<Vec<u8>>);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let done = f(&self.0);
        self.1.push(self.0);
        done
    }
}

struct Sent<'l>(&'l Tun, &'l mut Vec<u8>);

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.1.resize(len, 0);
        let done = f(self.1);
        let _ = self.0.write_packet(&[0; Tun::HEADER], self.1);
        done
    }
}

impl Device for Line {
    type RxToken<'l> = Received<'l>;
    type TxToken<'l> = Sent<'l>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sent<'_>)> {
        let packet = self.received.pop_front()?;
        let received = Received(packet, &mut self.spare);
        Some((received, Sent(&self.tun, &mut self.out)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sent<'_>> {
        Some(Sent(&self.tun, &mut self.out))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = Socket::new(buffer(), buffer());
    // As the other one, which has NewReno.
    socket.set_congestion_control(CongestionControl::Reno);
    socket
}

fn station(tun: &str, address: &str, echo: bool, port: &str, connections: &str) -> Result {
    let address: Ipv4Addr = address.parse()?;
    let (port, connections): (u16, usize) = (port.parse()?, connections.parse()?);
    let mut line = Line {
        tun: open(tun)?,
        received: VecDeque::new(),
        spare: Vec::new(),
        out: Vec::new(),
    };
    let config = Config::new(HardwareAddress::Ip);
    let mut interface = Interface::new(config, &mut line, Instant::now());
    interface.update_ip_addrs(|addresses| {
        // There is room for two.
        let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 24));
    });
    let mut sockets = SocketSet::new(Vec::with_capacity(connections));
    let handles: Vec<SocketHandle> = (0..connections).map(|_| sockets.add(socket())).collect();
    loop {
        for handle in &handles {
            serve(sockets.get_mut(*handle), echo, port)?;
        }
        let now = Instant::now();
        if !line.fill()? {
            let delay = interface.poll_delay(now, &sockets);
            if delay != Some(smoltcp::time::Duration::ZERO) {
                wait(&[&line.tun], delay.map(Duration::from))?;
                line.fill()?;
            }
        }
        interface.poll(Instant::now(), &mut line, &mut sockets);
    }
}

fn serve(socket: &mut Socket<'_>, echo: bool, port: u16) -> Result {
    if !socket.is_open() {
        let listening = socket.listen(port);
        return listening.map_err(|error| Error::new(error.to_string()));
    }
    let wrong = |error: &dyn std::fmt::Display| Error::new(error.to_string());
    while socket.can_recv() {
        let room = if echo {
            socket.send_capacity() - socket.send_queue()
        } else {
            BUFFER
        };
        if room == 0 {
            break;
        }
        let mut chunk = [0; 16_384];
        let limit = chunk.len().min(room);
        let len = socket
            .recv_slice(&mut chunk[..limit])
            .map_err(|e| wrong(&e))?;
        if echo {
            socket.send_slice(&chunk[..len]).map_err(|e| wrong(&e))?;
        }
    }
    if socket.state() == State::CloseWait && !socket.can_recv() {
        socket.close();
    }
    Ok(())
}
