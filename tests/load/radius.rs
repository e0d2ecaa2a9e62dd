//! A RADIUS server that accepts everybody, for measurements: what the LNS does is of interest, not
//! what a server does. A thread and a socket a port.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wanbox_l2tpns_engine::SocketId;
use wanbox_l2tpns_engine::plane::{Batch, Way};
use wanbox_runtime::udp::{ManyConfig, ManySocket};
use wanbox_wire::radius::{Code, Kind, Packet, Writer};

use crate::netns;

/// A server that runs until it is dropped.
pub struct Server {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Requests answered.
    pub answered: Arc<AtomicU64>,
}

impl Server {
    /// Answers at `address`, and accounting at the next port.
    ///
    /// # Errors
    /// The sockets could not be opened.
    pub fn start(
        address: SocketAddr,
        network: Option<&Path>,
        secret: &str,
    ) -> Result<Self, String> {
        let mut server = Self {
            stop: Arc::default(),
            threads: Vec::new(),
            answered: Arc::default(),
        };
        for port in [address.port(), address.port().wrapping_add(1)] {
            let at = SocketAddr::new(address.ip(), port);
            let config = ManyConfig {
                local: at,
                receive_buffer: Some(1 << 20),
                send_buffer: Some(1 << 20),
                offload: true,
            };
            let mut socket = netns::inside(network, || ManySocket::open(&config))?
                .map_err(|error| format!("RADIUS server at {at}: {error}"))?;
            let (stop, answered) = (Arc::clone(&server.stop), Arc::clone(&server.answered));
            let secret = secret.as_bytes().to_vec();
            server.threads.push(std::thread::spawn(move || {
                serve(&mut socket, &secret, &stop, &answered);
            }));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &mut ManySocket, secret: &[u8], stop: &AtomicBool, answered: &AtomicU64) {
    let mut buffer = vec![0; ManySocket::MAX_RECEIVE];
    let mut answers = Batch::new(false, false);
    while !stop.load(Ordering::Relaxed) {
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::from(200_u8));
        while let Ok(Some(got)) = socket.receive(&mut buffer) {
            let way = Way {
                socket: SocketId(0),
                peer: got.from,
            };
            for request in got.received.datagrams(&buffer) {
                if let Some(answer) = answer(request, secret) {
                    answers.push(&way, &answer);
                }
            }
        }
        answers.transmit(|way, messages| {
            let sent = socket.send(way.peer, messages).unwrap_or(0);
            answered.fetch_add(sent as u64, Ordering::Relaxed);
            Some(messages.len())
        });
    }
}

/// Yes to a request.
fn answer(datagram: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let request = Packet::parse(datagram).ok()?;
    let mut answer = Vec::new();
    match request.code() {
        Code::ACCESS_REQUEST => {
            let mut writer = Writer::new(&mut answer, Code::ACCESS_ACCEPT, request.identifier());
            writer.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
            // Framed, PPP (RFC 2865 sections 5.6 and 5.7).
            writer.u32(Kind::SERVICE_TYPE, 2);
            writer.u32(Kind::FRAMED_PROTOCOL, 1);
            writer.finish(request.authenticator());
            // RFC 3579 section 3.2: over the answer with the request's authenticator.
            let mut digest = Hmac::<Md5>::new_from_slice(secret).ok()?;
            digest.update(&answer);
            answer
                .get_mut(22..38)?
                .copy_from_slice(&digest.finalize().into_bytes());
        }
        Code::ACCOUNTING_REQUEST => {
            Writer::new(&mut answer, Code::ACCOUNTING_RESPONSE, request.identifier())
                .finish(request.authenticator());
        }
        _ => return None,
    }
    // RFC 2865 section 3.
    let digest = Md5::new()
        .chain_update(&answer)
        .chain_update(secret)
        .finalize();
    answer.get_mut(4..20)?.copy_from_slice(&digest);
    Some(answer)
}
