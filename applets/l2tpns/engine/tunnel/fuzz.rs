//! A table of tunnels under arbitrary datagrams, times and orders: for fuzzing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cdn, Config, Connection, Event, IncomingCall, Limits, Reason, State, Tunnels};
use crate::{CallId, SocketId, TunnelId};
use wanbox_wire::l2tp::{Avp, ControlHeader, MessageType, Writer};

/// The most messages or events that one step may cause.
const READY: usize = 2048;

/// Any octets drive a table: the first says how it is configured, the rest what happens to it.
/// `start` is any moment.
pub fn fuzz_tunnels(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let set = |bit: u8| kind & 1 << bit != 0;
    let config = Arc::new(Config {
        secret: set(0).then(|| Box::from(&b"secret"[..])),
        authentication: if set(1) {
            super::Authentication::Require
        } else {
            super::Authentication::Answer
        },
        hide: set(2),
        tie_breaker: set(3),
        follow_address: set(4),
        receive_window: if set(5) { 1 } else { 16 },
        max_calls: if set(6) { 3 } else { 100 },
        ..Config::default()
    });
    let limits = Limits {
        tunnels: 20,
        half_open: 10,
    };
    let mut fuzzed = Fuzzed {
        tunnels: Tunnels::new(Arc::clone(&config), limits, 1),
        config,
        now: start,
        number: 1,
        call: 1,
    };
    fuzzed.drive(input);
    fuzzed.come_to_rest();
}

struct Fuzzed {
    tunnels: Tunnels,
    config: Arc<Config>,
    now: Instant,
    /// The last tunnel and call that were told of.
    number: u16,
    call: u16,
}

impl Fuzzed {
    fn from(&self, port: u16) -> SocketAddr {
        (Ipv4Addr::new(192, 0, 2, 1), 1701 + port).into()
    }

    /// Steps of one octet each, some with more behind it.
    fn drive(&mut self, mut input: &[u8]) {
        while let Some((&step, rest)) = input.split_first() {
            input = rest;
            let (tunnel, call) = (TunnelId(self.number), CallId(self.call));
            let more = u16::from(step >> 3);
            match step & 7 {
                0 => self.now += Duration::from_secs(more.into()),
                1 => {
                    let to = self.from(more & 1);
                    let _ = self
                        .tunnels
                        .dial(self.now, SocketId(0), to, Arc::clone(&self.config));
                }
                2 => {
                    let request = IncomingCall::default();
                    let _ = self
                        .tunnels
                        .place(self.now, tunnel, &request, Connection::default());
                }
                3 if more & 1 == 0 => {
                    let cdn = Cdn::from(Reason::result(3));
                    self.tunnels.hang_up(self.now, tunnel, call, &cdn);
                }
                3 if more == 31 => self.tunnels.close(self.now, tunnel, &Reason::result(1)),
                3 => {
                    self.tunnels.accept(tunnel, call);
                }
                _ => {
                    let Some((&length, rest)) = input.split_first() else {
                        break;
                    };
                    let (octets, rest) = rest.split_at(usize::from(length).min(rest.len()));
                    input = rest;
                    self.datagram(step, octets);
                }
            }
            self.tunnels.handle_timeout(self.now);
            self.take();
        }
    }

    /// A datagram as it is, or AVPs behind a header that fits.
    fn datagram(&mut self, step: u8, octets: &[u8]) {
        let from = self.from(u16::from(step >> 6 & 1));
        if step & 7 == 4 {
            self.tunnels.receive(self.now, SocketId(0), from, octets);
            return;
        }
        let Some((&[kind, numbers], avps)) = octets.split_first_chunk() else {
            return;
        };
        let header = ControlHeader {
            tunnel: if step & 8 != 0 { self.number } else { 0 },
            session: if step & 16 != 0 { self.call } else { 0 },
            ns: (numbers & 0xf).into(),
            nr: (numbers >> 4).into(),
        };
        let mut message = Vec::new();
        let mut writer = Writer::new(&mut message, header);
        writer.avp(&Avp::MessageType(MessageType(kind.into())));
        if step & 32 != 0 {
            writer
                .avp(&Avp::AssignedTunnel(7))
                .avp(&Avp::AssignedSession(9));
        }
        writer.octets(avps);
        if writer.finish().is_ok() {
            self.tunnels.receive(self.now, SocketId(0), from, &message);
        }
    }

    fn take(&mut self) {
        let mut message = Vec::new();
        let mut ready = 0;
        while self.tunnels.poll_transmit(self.now, &mut message).is_some() {
            assert!(ControlHeader::parse(&message).is_ok());
            ready += 1;
            assert!(ready <= READY, "messages without end");
        }
        while let Some((tunnel, event)) = self.tunnels.poll_event() {
            match event {
                Event::Incoming { call, .. } | Event::Placed { call, .. } => {
                    (self.number, self.call) = (tunnel.0, call.0);
                }
                Event::Up => self.number = tunnel.0,
                _ => {}
            }
            ready += 1;
            assert!(ready <= READY, "events without end");
        }
        if let Some(tunnel) = self.tunnels.iter().last() {
            self.number = tunnel.id().0;
        }
        assert!(self.tunnels.len() <= 20);
        for tunnel in self.tunnels.iter() {
            assert!(tunnel.call_count() <= self.config.max_calls);
        }
    }

    /// Without a word from peers everything ends, for there is nobody.
    fn come_to_rest(&mut self) {
        for _ in 0..20_000 {
            let Some(deadline) = self.tunnels.poll_timeout() else {
                break;
            };
            self.now = self.now.max(deadline);
            self.tunnels.handle_timeout(self.now);
            self.take();
        }
        for tunnel in self.tunnels.iter() {
            assert_ne!(tunnel.state(), State::Dead);
        }
        assert!(self.tunnels.is_empty(), "tunnels without an end");
    }
}
