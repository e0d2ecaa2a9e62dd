//! The whole server against an access concentrator, its PPP clients and a RADIUS server, all of
//! them values, over a line that may be bad.

mod bundles;
mod clients;
mod grants;
mod login;
mod orders;
mod quirks;
mod server;
mod signs;
mod storm;
mod team;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::ppp::auth::{Credentials, Method};
use wanbox_link::ppp::{Event as PppEvent, Profile, Session as Client, ipcp, ipv6cp};
use wanbox_sim::{Clock, End as Side, Impairments, Line, Random as Dice};
use wanbox_wire::ip::VirtioHeader;
use wanbox_wire::l2tp::{DataHeader, Message};
use wanbox_wire::ppp::FrameRepr;

use super::*;
use crate::plane::Up;
use crate::plane::left::Left;
use crate::tunnel::{
    Config as TunnelConfig, Connection, Event as TunnelEvent, IncomingCall, Limits,
};
use crate::{CallId, TunnelId};
use clients::{Lac, Subscriber};
use server::Server;
use team::Team;

const SECOND: Duration = Duration::from_secs(1);
const LNS: &str = "192.0.2.1:1701";
const RADIUS: &str = "192.0.2.5:1812";
const RADIUS_SECRET: &str = "radsec";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The configuration of tests, and lines of `set` beside it.
fn config(lines: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    for (name, value) in [
        ("bind_address", "192.0.2.1"),
        ("primary_radius", "192.0.2.5"),
        ("radius_secret", RADIUS_SECRET),
        ("radius_accounting", "yes"),
        ("radius_authtypes", "pap, chap, mschapv2"),
        ("debug", "3"),
        ("primary_dns", "198.51.100.53"),
    ]
    .iter()
    .chain(lines)
    {
        let variable = crate::config::Variable::find(name).unwrap();
        variable.set(&mut config, value).unwrap();
    }
    config
}

fn setup(config: Config) -> Setup {
    Setup {
        config: Arc::new(config),
        pool: vec![(Ipv4Addr::new(10, 0, 0, 0), 16)],
        machine: "lns".into(),
        subscribers: Subscribers::default(),
        radius_sockets: 64,
        seed: 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
        unix: 1_800_000_000,
    }
}

/// Everything, and the line between the LACs and the server.
struct World {
    clock: Clock,
    line: Line,
    dice: Dice,
    lns: Concentrator,
    radius: Server,
    lacs: Vec<Lac>,
    teams: Vec<Team>,
    out: Left,
    events: Vec<HostEvent>,
}

impl World {
    fn new(seed: u64, setup: Setup, impairments: Impairments) -> Self {
        let clock = Clock::new();
        let mut dice = Dice::new(seed);
        let line = Line::new(&mut dice, impairments);
        Self {
            lns: Concentrator::new(clock.now(), setup),
            radius: Server::new(RADIUS_SECRET),
            lacs: Vec::new(),
            teams: Vec::new(),
            out: Left::default(),
            events: Vec::new(),
            clock,
            line,
            dice,
        }
    }

    /// A good line, one LAC with one tunnel and nobody calling yet.
    fn simple(lines: &[(&str, &str)]) -> Self {
        let mut world = Self::new(1, setup(config(lines)), Impairments::NONE);
        world.add_lac("198.51.100.1:1701");
        world
    }

    fn add_lac(&mut self, at: &str) {
        let seed = u128::from(self.dice.next_u64());
        self.lacs
            .push(Lac::new(self.clock.now(), address(at), seed));
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Has a subscriber call through a LAC; its number there.
    fn call(&mut self, lac: usize, subscriber: Subscriber) -> usize {
        self.lacs[lac].call(subscriber)
    }

    fn log(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match event {
                HostEvent::Log { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn has_logged(&self, what: &str) -> bool {
        self.log().iter().any(|text| text.contains(what))
    }

    /// A datagram of a LAC arrives at the server; the first octet says of which.
    fn arrive(&mut self, now: Instant, frame: &mut [u8]) {
        let [lac, datagram @ ..] = frame else { return };
        let from = self.lacs[usize::from(*lac)].at;
        let socket = SocketId(0);
        match self
            .lns
            .plane()
            .up(now, socket, from, datagram, &mut self.out)
        {
            Up::Control => self.lns.datagram(now, socket, from, datagram),
            Up::Ppp { session, frame } => {
                let frame = frame.to_vec();
                self.lns.ppp(now, session, &frame);
            }
            Up::Part => self.frames(now),
            Up::Passed | Up::Waits | Up::Dropped(_) => {}
        }
    }

    /// Control packets that came in parts.
    fn frames(&mut self, now: Instant) {
        while let Some((session, frame)) = self.lns.plane().poll_frame() {
            self.lns.ppp(now, session, &frame);
        }
    }

    fn collect(&mut self) {
        let now = self.now();
        let mut datagram = Vec::new();
        while let Some(to) = self.lns.poll_transmit(&mut datagram) {
            match to {
                Outgoing::L2tp { to, .. } => self.send_to(now, to, &datagram),
                Outgoing::Radius { socket, to } => {
                    self.radius.receive(now, (socket, to), &datagram);
                }
                Outgoing::Dae { .. } | Outgoing::Nsctl { .. } => {}
            }
        }
        for (way, datagram) in std::mem::take(&mut self.out.messages) {
            self.send_to(now, way.peer, &datagram);
        }
        while let Some(event) = self.lns.poll_event() {
            self.events.push(event);
        }
        for team in &mut self.teams {
            team.work(now, &mut self.lacs);
        }
        for (place, lac) in self.lacs.iter_mut().enumerate() {
            while lac.poll_transmit(now, &mut datagram) {
                datagram.insert(0, place as u8);
                self.line.send(now, Side::A, &datagram);
            }
        }
    }

    fn send_to(&mut self, now: Instant, to: SocketAddr, datagram: &[u8]) {
        let place = self.lacs.iter().position(|lac| lac.at == to);
        let mut frame = vec![place.expect("a datagram to nobody") as u8];
        frame.extend_from_slice(datagram);
        self.line.send(now, Side::B, &frame);
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.step(end) {}
    }

    /// Runs until `done`, for `limit` at most; how long that took.
    fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Option<Duration> {
        let start = self.now();
        let end = start + limit;
        loop {
            if done(self) {
                return Some(self.now() - start);
            }
            if !self.step(end) {
                return done(self).then(|| self.now() - start);
            }
        }
    }

    fn step(&mut self, end: Instant) -> bool {
        self.collect();
        let lacs = self.lacs.iter().filter_map(Lac::poll_timeout);
        let next = [
            self.line.poll_timeout(),
            self.lns.poll_timeout(),
            self.lns.plane().poll_timeout(),
            self.teams.iter().filter_map(Team::poll_timeout).min(),
            self.radius.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .chain(lacs)
        .min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.clock.advance_to(end);
            return false;
        };
        if next > self.now() {
            self.clock.advance_to(next);
        }
        let now = self.now();
        let mut frame = Vec::new();
        while let Some(side) = self.line.deliver(now, &mut frame) {
            match side {
                Side::B => self.arrive(now, &mut frame),
                Side::A => {
                    let (place, datagram) = frame.split_first().unwrap();
                    self.lacs[usize::from(*place)].receive(now, datagram);
                }
            }
        }
        while let Some((socket, from, answer)) = self.radius.answer(now) {
            self.lns.radius(now, socket, from, &answer);
        }
        if self.lns.poll_timeout().is_some_and(|at| at <= now) {
            self.lns.handle_timeout(now);
        }
        self.lns.plane().handle_timeout(now, &mut self.out);
        self.frames(now);
        for lac in &mut self.lacs {
            lac.handle_timeout(now);
        }
        true
    }

    /// A packet goes to a session's address and one from it to the host, intact.
    fn data_passes(&mut self, lac: usize, subscriber: usize) {
        let own = self.lacs[lac].subscribers[subscriber].address();
        let far = Ipv4Addr::new(203, 0, 113, 7);
        let now = self.now();
        let mut down = packet(far, own, 100);
        let header = VirtioHeader::parse(&[0; 12]).unwrap();
        self.lns
            .plane()
            .down(now, &header, &mut down.clone(), &mut self.out)
            .unwrap();
        self.lacs[lac].subscribers[subscriber].send(&packet(own, far, 60));
        self.run_for(SECOND);
        assert_eq!(
            self.lacs[lac].subscribers[subscriber].packets.pop(),
            Some(std::mem::take(&mut down))
        );
        assert_eq!(self.out.host.pop(), Some(packet(own, far, 60)));
        assert!(self.out.icmp.is_empty());
    }

    fn session(&self, user: &str) -> &Session {
        let id = self.lns.session_of(user).expect("a session");
        self.lns.sessions().get(id).unwrap()
    }
}

/// An IPv4 packet of a protocol without ports.
fn packet(from: Ipv4Addr, to: Ipv4Addr, octets: usize) -> Vec<u8> {
    let mut packet = vec![0; octets];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(octets as u16).to_be_bytes());
    packet[8] = 64;
    packet[9] = 253;
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    for (place, octet) in packet[20..].iter_mut().enumerate() {
        *octet = place as u8;
    }
    let sum = packet[..20]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}
