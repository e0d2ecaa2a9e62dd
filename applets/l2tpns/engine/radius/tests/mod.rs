//! A server that these tests are, and what they ask of it.

mod authorization;
mod client;
mod dynamic;
mod requests;
mod simulation;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use wanbox_link::ppp::auth::Proof;
use wanbox_wire::radius::{Code, HEADER, Kind, Packet, Writer};

use super::*;
use crate::SessionId;
use crate::config::RadiusServer;

fn now() -> Instant {
    wanbox_sim::Clock::new().now()
}

fn secret() -> SharedSecret {
    SharedSecret::new(b"radsec")
}

/// The server of a number: 10.0.0.N.
fn at(n: u8) -> RadiusServer {
    RadiusServer {
        address: Ipv4Addr::new(10, 0, 0, n).into(),
        port: 1812,
        accounting_port: 1813,
    }
}

fn client(servers: u8) -> Client {
    let config = Config::new((1..=servers).map(at).collect(), secret());
    Client::new(config, 4, 42)
}

fn pap(user: &str) -> AccessRequest {
    AccessRequest {
        user: user.as_bytes().into(),
        proof: Proof::Pap {
            password: b"pw".as_slice().into(),
        },
        port: Port::new(SessionId(2)),
    }
}

fn stop(now: Instant, id: &str) -> AccountingRequest {
    let mut port = Port::new(SessionId(2));
    port.acct_session_id = id.into();
    let ended = Ended {
        cause: wanbox_wire::radius::TerminateCause::USER_REQUEST,
        reason: "gone".into(),
    };
    AccountingRequest::new(Status::Stop(Some(ended)), b"joe", port, now, 1_800_000_000)
}

/// An answer as a server makes it.
struct Reply<'a> {
    code: Code,
    attributes: &'a [(Kind, &'a [u8])],
    signed: bool,
}

const ACCEPT: Reply<'static> = Reply {
    code: Code::ACCESS_ACCEPT,
    attributes: &[],
    signed: true,
};
const REJECT: Reply<'static> = Reply {
    code: Code::ACCESS_REJECT,
    ..ACCEPT
};
const ACCOUNTED: Reply<'static> = Reply {
    code: Code::ACCOUNTING_RESPONSE,
    signed: false,
    ..ACCEPT
};

impl Reply<'_> {
    fn to(&self, request: &[u8], secret: &SharedSecret) -> Vec<u8> {
        let request = Packet::parse(request).unwrap();
        let mut octets = Vec::new();
        let mut writer = Writer::new(&mut octets, self.code, request.identifier());
        if self.signed {
            writer.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
        }
        for (kind, value) in self.attributes {
            assert!(writer.attribute(*kind, value));
        }
        writer.finish(&[0; 16]);
        if self.signed {
            secret.sign(&mut octets, HEADER + 2, request.authenticator());
        }
        let authenticator = secret.authenticator(&octets, request.authenticator());
        octets[4..20].copy_from_slice(&authenticator);
        octets
    }
}

/// The one datagram that is sent now.
fn sent(client: &mut Client) -> (Transmit, Vec<u8>) {
    let mut octets = vec![0xa5; 10];
    let to = client
        .poll_transmit(&mut octets)
        .expect("something is sent");
    (to, octets)
}

fn access_port(n: u8) -> SocketAddr {
    SocketAddr::new(at(n).address, 1812)
}
