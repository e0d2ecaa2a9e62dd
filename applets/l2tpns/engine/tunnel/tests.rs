//! Tests of hiding, of the channel and of the ends of calls; those of tunnels are in the files of
//! this folder.

use std::net::Ipv4Addr;
use std::time::Duration;

use wanbox_wire::l2tp::{Avps, MessageType, RawAvp};

use super::calls::CALL_SIZE;
use super::hiding::{WrongLength, hide, response, reveal};
use super::*;
use crate::CallId;
use wanbox_sim::hex;

mod calls;
mod control;
mod defects;
mod table;

const VECTOR: &[u8] = b"RANDOMVECTOR1234";
const SECRET: &[u8] = b"s3cret";

#[test]
fn recorded_hidden_values() {
    // Calling Number; the second one is longer than a block.
    for (plain, padding, hidden) in [
        (&b"0412345678"[..], &[][..], "802cd0f6aeb7a36c811aff0f"),
        (
            b"0412345678901234567",
            &[0, 0, 0],
            "8035d0f6aeb7a36c811aff0fdcb8dc2ba13c0dea8455cdd0",
        ),
    ] {
        let hidden = hex(hidden);
        assert_eq!(hide(22, plain, padding, SECRET, VECTOR), hidden);
        let mut revealed = b"before".to_vec();
        assert_eq!(reveal(22, &hidden, SECRET, VECTOR, &mut revealed), Ok(()));
        assert_eq!(revealed.strip_prefix(b"before"), Some(plain));
    }
}

#[test]
fn values_of_every_length_are_hidden_and_revealed() {
    let text: Vec<u8> = (0..1100_u32).map(|n| n as u8).collect();
    for length in (0..70).chain([1000, 1014, 1015]) {
        for padding in [0, 1, 15, 40] {
            let hidden = hide(9, &text[..length], &text[..padding], SECRET, VECTOR);
            assert_eq!(hidden.len(), (2 + length + padding).min(1017));
            let mut plain = Vec::new();
            assert_eq!(reveal(9, &hidden, SECRET, VECTOR, &mut plain), Ok(()));
            assert_eq!(plain, text[..length]);
        }
    }
    // What does not fit in an AVP is cut.
    assert_eq!(hide(9, &text, &[], SECRET, VECTOR).len(), 1017);
}

#[test]
fn what_cannot_have_been_hidden_is_refused() {
    for hidden in [&b""[..], b"x", b"xy", &[0x55; 16]] {
        let mut plain = b"before".to_vec();
        assert_eq!(
            reveal(22, hidden, b"another", VECTOR, &mut plain),
            Err(WrongLength)
        );
        assert_eq!(plain, b"before");
    }
}

#[test]
fn the_recorded_answer_to_a_challenge() {
    assert_eq!(
        response(MessageType::SCCRP, SECRET, b"0123456789abcdef").to_vec(),
        hex("e534dfd289241441db6aa0e97be97a34")
    );
}

#[test]
fn numbers_are_unpredictable_and_found_when_few_are_left() {
    let mut random = Random::new(7);
    let mut taken = [false; 65536];
    let mut before = 0;
    let mut ascending = 0;
    for _ in 1..=65535 {
        let number = random.number(|n| taken[usize::from(n)]).unwrap();
        assert!(number != 0 && !taken[usize::from(number)]);
        taken[usize::from(number)] = true;
        ascending += u32::from(number > before);
        before = number;
    }
    assert_eq!(random.number(|n| taken[usize::from(n)]), None);
    assert!((20_000..45_000).contains(&ascending), "{ascending}");
    assert_ne!(Random::new(7).block(), Random::new(8).block());
}

#[test]
fn configurations_have_ranges() {
    let good = Config::default();
    assert_eq!(good.check(), Ok(()));
    for wrong in [
        Config {
            secret: Some(Box::default()),
            ..good.clone()
        },
        Config {
            receive_window: 0,
            ..good.clone()
        },
        Config {
            hello: Some(Duration::ZERO),
            ..good.clone()
        },
        Config {
            max_calls: 0,
            ..good.clone()
        },
    ] {
        assert!(wrong.check().is_err());
    }
}

#[test]
fn a_tunnel_and_a_call_are_small() {
    assert!(size_of::<Tunnel>() <= 640, "{}", size_of::<Tunnel>());
    const { assert!(CALL_SIZE <= 32) };
}

/// The number that the far end gives its tunnel.
const THEIRS: u16 = 77;

/// A table of tunnels, and a far end whose messages are written by hand.
struct Rig {
    tunnels: Tunnels,
    now: Instant,
    from: SocketAddr,
    /// Our number of the tunnel; 0 while the far end does not know it.
    number: u16,
    ns: u16,
    nr: u16,
}

impl Rig {
    fn new(config: Config) -> Self {
        Self {
            tunnels: Tunnels::new(Arc::new(config), Limits::default(), 1),
            now: wanbox_sim::Clock::new().now(),
            from: (Ipv4Addr::new(192, 0, 2, 1), 1701).into(),
            number: 0,
            ns: 0,
            nr: 0,
        }
    }

    /// A table with a tunnel that the far end asked for.
    fn established(config: Config) -> Self {
        let mut rig = Self::new(config);
        let replies = rig.send(0, &request());
        assert_eq!(types(&replies), [MessageType::SCCRP]);
        assert!(
            rig.send(0, &[Avp::MessageType(MessageType::SCCCN)])
                .is_empty()
        );
        assert_eq!(rig.event(), Some(Event::Up));
        rig
    }

    fn header(&self, session: u16) -> ControlHeader {
        ControlHeader {
            tunnel: self.number,
            session,
            ns: self.ns,
            nr: self.nr,
        }
    }

    /// The far end's next message, and what is said to it but for acknowledgements alone.
    fn send(&mut self, session: u16, avps: &[Avp<'_>]) -> Vec<Vec<u8>> {
        let mut body = Vec::new();
        for avp in avps {
            avp.append(&mut body);
        }
        self.send_octets(session, &body)
    }

    fn send_octets(&mut self, session: u16, body: &[u8]) -> Vec<Vec<u8>> {
        let message = whole(self.header(session), body);
        self.ns = self.ns.wrapping_add(u16::from(!body.is_empty()));
        self.raw(&message)
    }

    fn raw(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        self.tunnels
            .receive(self.now, SocketId(0), self.from, message);
        self.take()
    }

    /// What is sent, acknowledged by the far end; without acknowledgements alone.
    fn take(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let mut message = Vec::new();
        while self.tunnels.poll_transmit(self.now, &mut message).is_some() {
            let (_, avps) = read(&message);
            if avps.is_empty() {
                continue;
            }
            if let Some(Avp::AssignedTunnel(number)) = avps
                .iter()
                .find(|avp| matches!(avp, Avp::AssignedTunnel(_)))
            {
                self.number = *number;
            }
            self.nr = self.nr.wrapping_add(1);
            sent.push(message.clone());
            let ack = whole(self.header(0), &[]);
            self.tunnels.receive(self.now, SocketId(0), self.from, &ack);
        }
        sent
    }

    fn wait(&mut self, time: Duration) -> Vec<Vec<u8>> {
        self.now += time;
        self.tunnels.handle_timeout(self.now);
        self.take()
    }

    fn event(&mut self) -> Option<Event> {
        self.tunnels.poll_event().map(|(_, event)| event)
    }

    fn id(&self) -> TunnelId {
        TunnelId(self.number)
    }

    fn tunnel(&self) -> &Tunnel {
        self.tunnels.get(self.id()).unwrap()
    }

    /// An accepted call of the far end with this number there. Our number of it.
    fn call(&mut self, theirs: u16) -> CallId {
        assert!(self.send(0, &icrq(theirs)).is_empty());
        let Some(Event::Incoming { call, .. }) = self.event() else {
            panic!("the call was not offered");
        };
        assert!(self.tunnels.accept(self.id(), call));
        let replies = self.take();
        assert_eq!(types(&replies), [MessageType::ICRP]);
        let (header, avps) = read(&replies[0]);
        assert_eq!(header.session, theirs);
        assert!(avps.contains(&Avp::AssignedSession(call.0)));
        call
    }

    /// The same, connected.
    fn connected_call(&mut self, theirs: u16) -> CallId {
        let call = self.call(theirs);
        assert!(self.send(call.0, &iccn()).is_empty());
        assert!(matches!(self.event(), Some(Event::Connected { peer, .. }) if peer == theirs));
        call
    }
}

fn whole(header: ControlHeader, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message, header);
    writer.octets(body);
    writer.finish().unwrap();
    message
}

fn request() -> Vec<Avp<'static>> {
    vec![
        Avp::MessageType(MessageType::SCCRQ),
        Avp::ProtocolVersion(0x0100),
        Avp::FramingCapabilities(3),
        Avp::HostName(b"testlac"),
        Avp::VendorName(b"TestVendor"),
        Avp::AssignedTunnel(THEIRS),
    ]
}

fn icrq(theirs: u16) -> Vec<Avp<'static>> {
    vec![
        Avp::MessageType(MessageType::ICRQ),
        Avp::AssignedSession(theirs),
        Avp::CallSerialNumber(5),
        Avp::CalledNumber(b"0211"),
        Avp::CallingNumber(b"0412345678"),
    ]
}

fn iccn() -> Vec<Avp<'static>> {
    vec![
        Avp::MessageType(MessageType::ICCN),
        Avp::TxConnectSpeed(64_000),
        Avp::FramingType(1),
    ]
}

fn read(message: &[u8]) -> (ControlHeader, Vec<Avp<'_>>) {
    let (header, body) = ControlHeader::parse(message).unwrap();
    let avps = Avps::new(body).map(|avp| Avp::parse(&avp.unwrap()).unwrap());
    (header, avps.collect())
}

fn types(messages: &[Vec<u8>]) -> Vec<MessageType> {
    let kind = |message: &Vec<u8>| match read(message).1.first() {
        Some(Avp::MessageType(kind)) => *kind,
        other => panic!("{other:?} where the type belongs"),
    };
    messages.iter().map(kind).collect()
}

/// The result of a message that ends something: code, error and text.
fn result(message: &[u8]) -> (u16, Option<u16>, String) {
    read(message)
        .1
        .iter()
        .find_map(|avp| match avp {
            Avp::ResultCode(code) => Some((
                code.result,
                code.error,
                String::from_utf8_lossy(code.text).into_owned(),
            )),
            _ => None,
        })
        .unwrap()
}

/// An AVP that nobody knows, or one with other flags than it should have.
fn raw(mandatory: bool, vendor: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    RawAvp {
        mandatory,
        hidden: false,
        reserved: false,
        vendor,
        kind,
        value,
    }
    .append(&mut octets);
    octets
}

fn octets(avps: &[Avp<'_>]) -> Vec<u8> {
    let mut octets = Vec::new();
    for avp in avps {
        avp.append(&mut octets);
    }
    octets
}
