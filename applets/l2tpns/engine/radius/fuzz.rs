//! A client and a server of requests on any octets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use wanbox_link::ppp::auth::Proof;
use wanbox_wire::radius::{Code, Packet, Writer};

use super::{AccessRequest, Answer, Authorization, Client, Config, Port, SharedSecret, dae};
use crate::SessionId;
use crate::config::RadiusServer;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1812);

/// A client that has asked hears any attributes in an answer that is signed, and any octets that
/// are not: nobody is let in by those, every request has one end, and what a server of requests
/// takes it answers. For fuzzing and replayed tests.
pub fn fuzz_radius_client(now: Instant, input: &[u8]) {
    let secret = SharedSecret::new(b"secret");
    let config = Config {
        require_message_authenticator: false,
        ..Config::new(
            vec![RadiusServer {
                address: SERVER.ip(),
                port: SERVER.port(),
                accounting_port: 1813,
            }],
            secret.clone(),
        )
    };
    let mut client = Client::new(config, 1, 7);
    let request = AccessRequest {
        user: b"user".as_slice().into(),
        proof: Proof::Pap {
            password: b"password".as_slice().into(),
        },
        port: Port::new(SessionId(1)),
    };
    assert_eq!(client.access(now, 1, request), Ok(()));
    let mut sent = Vec::new();
    let to = client.poll_transmit(&mut sent);
    assert_eq!(to.map(|to| to.to), Some(SERVER));
    client.receive(now, 0, SERVER, input);
    assert_eq!(client.poll_event(), None);

    let Ok(asked) = Packet::parse(&sent) else {
        unreachable!("we sent it");
    };
    let mut forged = answer(&asked, &SharedSecret::new(b"another"), input);
    client.receive(now, 0, SERVER, &forged);
    assert_eq!(client.poll_event(), None);
    forged = answer(&asked, &secret, input);
    client.receive(now, 0, SERVER, &forged);
    if Packet::parse(&forged)
        .is_ok_and(|packet| secret.is_signed(&packet, asked.authenticator()) != Some(false))
    {
        let event = client.poll_event();
        assert!(event.is_some_and(|event| matches!(event.answer, Answer::Accepted(_))));
        assert_eq!(client.pending(), 0);
    } else {
        let mut later = now;
        while client.pending() > 0 {
            later += Duration::from_secs(1);
            client.handle_timeout(later);
        }
        let event = client.poll_event();
        assert!(event.is_some_and(|event| event.answer == Answer::TimedOut));
    }
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.poll_timeout(), None);
    fuzz_dae(now, &secret, input);
}

/// An answer with these attributes, as far as they are some.
fn answer(asked: &Packet<'_>, secret: &SharedSecret, attributes: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let writer = Writer::new(&mut octets, Code::ACCESS_ACCEPT, asked.identifier());
    writer.finish(asked.authenticator());
    octets.extend_from_slice(attributes.get(..4000).unwrap_or(attributes));
    seal(&mut octets, secret, asked.authenticator());
    octets
}

/// Writes the length and the authenticator.
fn seal(octets: &mut [u8], secret: &SharedSecret, instead: &[u8; 16]) {
    let length = (octets.len() as u16).to_be_bytes();
    if let Some(field) = octets.get_mut(2..4) {
        field.copy_from_slice(&length);
    }
    let authenticator = secret.authenticator(octets, instead);
    if let Some(field) = octets.get_mut(4..20) {
        field.copy_from_slice(&authenticator);
    }
}

fn fuzz_dae(now: Instant, secret: &SharedSecret, input: &[u8]) {
    let mut server = dae::Server::new(dae::Config {
        secret: secret.clone(),
        ..dae::Config::default()
    });
    assert_eq!(server.receive(now, 0, SERVER, input), None);
    let mut octets = Vec::new();
    Writer::new(&mut octets, Code::COA_REQUEST, 1).finish(&[0; 16]);
    octets.extend_from_slice(input.get(..4000).unwrap_or(input));
    seal(&mut octets, secret, &[0; 16]);
    let request = server.receive(now, 0, SERVER, &octets);
    if let Some(request) = &request {
        // The same attributes say the same elsewhere.
        if let Ok(packet) = Packet::parse(&octets) {
            let again = Authorization::parse(&packet, secret, packet.authenticator());
            assert_eq!(request.changes, again);
        }
        server.answer(request.token, Ok(()));
    }
    let taken = server.stats().changes;
    let mut reply = Vec::new();
    let answered = server.poll_transmit(&mut reply).is_some();
    assert_eq!(answered, taken == 1);
    if answered {
        assert!(Packet::parse(&reply).is_ok());
        // Its repetition gets the same answer and is not carried out.
        assert_eq!(server.receive(now, 0, SERVER, &octets), None);
        let mut again = Vec::new();
        assert_eq!(server.poll_transmit(&mut again), Some(SERVER));
        assert_eq!(again, reply);
    }
}
