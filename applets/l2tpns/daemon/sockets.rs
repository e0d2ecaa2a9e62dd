//! The UDP sockets: tunnels, RADIUS, its requests to us, nsctl.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wanbox_l2tpns_engine::config::Config;
use wanbox_runtime::answering::Answering;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};

use wanbox_runtime::udp::{ManyConfig, ManySocket};

use super::owner;

/// Where tunnels are accepted (RFC 2661, 8.1).
const L2TP_PORT: u16 = 1701;
/// Sockets for requests to RADIUS servers: each has 256 requests under way.
const RADIUS_SOCKETS: usize = 64;
/// What may wait in the kernel for us, octets. Storms of logins come in bursts.
const RECEIVE_BUFFER: usize = 4 << 20;
/// What may wait in it from us, octets. It has to be full before a network card's queue is, which drops
/// silently: a full socket is waited for instead.
const SEND_BUFFER: usize = 256 << 10;

/// Opens a socket for requests to RADIUS servers for each number of requests that may be under
/// way, from the ports of the configuration.
///
/// # Errors
/// There is no port to be had, for people.
pub fn radius(lp: &mut Loop, config: &Config) -> Result<Vec<ManySocket>, String> {
    let mut sockets = Vec::new();
    let mut open = |port: u16| -> Result<(), String> {
        let config = ManyConfig {
            local: (Ipv4Addr::UNSPECIFIED, port).into(),
            receive_buffer: None,
            send_buffer: None,
            offload: true,
        };
        let socket = ManySocket::open_asking(&config).map_err(|error| error.error().to_string())?;
        let token = Token::new(owner::RADIUS, sockets.len() as u32);
        lp.register(&socket, token, Interest::Read, Priority::Normal)
            .map_err(|error| error.to_string())?;
        sockets.push(socket);
        Ok(())
    };
    match config.radius_local_ports() {
        None => {
            for _ in 0..RADIUS_SOCKETS {
                open(0).map_err(|error| format!("a socket for RADIUS: {error}"))?;
            }
        }
        Some(ports) => {
            let (least, most) = (*ports.start(), *ports.end());
            let mut last = None;
            let mut opened = 0;
            for port in ports {
                // Some of them may be others'.
                match open(port) {
                    Ok(()) => opened += 1,
                    Err(error) => last = Some(error),
                }
                if opened == RADIUS_SOCKETS {
                    break;
                }
            }
            if opened == 0 {
                let why = last.map(|error| format!(": {error}")).unwrap_or_default();
                return Err(format!(
                    "no port from radius_bind_min {least} to radius_bind_max {most} is free{why}"
                ));
            }
        }
    }
    Ok(sockets)
}

/// Opens a socket for tunnels: the one of this place, with its registration.
///
/// # Errors
/// For people.
pub fn l2tp(
    lp: &mut Loop,
    place: usize,
    address: SocketAddr,
) -> Result<(ManySocket, Source), String> {
    let config = ManyConfig {
        local: address,
        receive_buffer: Some(RECEIVE_BUFFER),
        send_buffer: Some(SEND_BUFFER),
        offload: true,
    };
    let wrong = |error: &dyn fmt::Display| format!("tunnels on {address}: {error}");
    let socket = ManySocket::open(&config).map_err(|error| wrong(error.error()))?;
    let token = Token::new(owner::L2TP, place as u32);
    let source = lp
        .register(&socket, token, Interest::Read, Priority::Data)
        .map_err(|error| wrong(&error))?;
    Ok((socket, source))
}

/// The addresses on which tunnels are accepted.
pub fn l2tp_addresses(config: &Config) -> impl Iterator<Item = SocketAddr> {
    let addresses = config.listen_addresses().into_iter();
    addresses.map(|address| SocketAddr::new(address, L2TP_PORT))
}

/// Opens a socket of requests that are answered.
///
/// # Errors
/// For people.
pub fn answering(
    lp: &mut Loop,
    owner: u32,
    what: &str,
    address: IpAddr,
    port: u16,
) -> Result<Answering, String> {
    let address = SocketAddr::new(address, port);
    let mut open = || -> io::Result<Answering> {
        let socket = Answering::bind(address)?;
        let token = Token::new(owner, 0);
        lp.register(&socket, token, Interest::Read, Priority::Control)?;
        Ok(socket)
    };
    open().map_err(|error| format!("{what} on {address}: {error}"))
}
