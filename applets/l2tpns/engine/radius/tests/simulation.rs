//! A client and servers over a network that loses, doubles, reorders and damages, with servers
//! that die and come back, and what an outage costs.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use wanbox_sim::{Clock, End, Impairments, Line, Random, for_each_seed};

use super::*;

/// Servers behind one line: frames begin with our socket and the server's number and port.
struct World {
    clock: Clock,
    line: Line,
    client: Client,
    /// Whether servers answer, by number from 1.
    up: [bool; 3],
    /// Session ids that a server has a record of.
    records: HashSet<Vec<u8>>,
    ended: HashMap<u64, Answer>,
    octets: Vec<u8>,
}

impl World {
    fn new(servers: u8, random: &mut Random, impairments: Impairments) -> Self {
        let config = Config::new((1..=servers).map(at).collect(), secret());
        Self {
            clock: Clock::new(),
            line: Line::new(random, impairments),
            client: Client::new(config, 4, random.next_u64().into()),
            up: [true; 3],
            records: HashSet::new(),
            ended: HashMap::new(),
            octets: Vec::new(),
        }
    }

    /// Everything that happens until `until`, or until nothing more does.
    fn run(&mut self, until: Instant) {
        loop {
            self.flush();
            let next = [self.client.poll_timeout(), self.line.poll_timeout()];
            let Some(next) = next.into_iter().flatten().min().filter(|at| *at <= until) else {
                self.clock.advance_to(until);
                return;
            };
            self.clock.advance_to(next);
            let now = self.clock.now();
            let mut frame = std::mem::take(&mut self.octets);
            while let Some(end) = self.line.deliver(now, &mut frame) {
                match end {
                    End::A => self.answered(&frame),
                    End::B => self.asked(&frame),
                }
            }
            self.octets = frame;
            self.client.handle_timeout(now);
        }
    }

    fn flush(&mut self) {
        let now = self.clock.now();
        let mut datagram = Vec::new();
        while let Some(to) = self.client.poll_transmit(&mut datagram) {
            let SocketAddr::V4(server) = to.to else {
                unreachable!("these servers have IPv4 addresses");
            };
            let [high, low] = server.port().to_be_bytes();
            let mut frame = vec![to.socket, server.ip().octets()[3], high, low];
            frame.extend_from_slice(&datagram);
            self.line.send(now, End::A, &frame);
        }
        while let Some(event) = self.client.poll_event() {
            let before = self.ended.insert(event.key, event.answer);
            assert_eq!(before, None, "{} ended twice", event.key);
        }
    }

    fn answered(&mut self, frame: &[u8]) {
        let [socket, server, high, low, datagram @ ..] = frame else {
            unreachable!("a header is on every frame");
        };
        let port = u16::from_be_bytes([*high, *low]);
        let from = SocketAddr::from(([10, 0, 0, *server], port));
        self.client
            .receive(self.clock.now(), *socket, from, datagram);
    }

    /// A server's part: `odd` users are refused, and everybody gets an address made of the name.
    fn asked(&mut self, frame: &[u8]) {
        let head = &frame[..4];
        let Some(true) = self.up.get(usize::from(frame[1])) else {
            return;
        };
        let datagram = &frame[4..];
        let Ok(packet) = Packet::parse(datagram) else {
            return;
        };
        let port = u16::from_be_bytes([frame[2], frame[3]]);
        let reply = match (port, packet.code()) {
            (1812, Code::ACCESS_REQUEST) => {
                if secret().is_signed(&packet, packet.authenticator()) != Some(true) {
                    return;
                }
                let user = packet.find(Kind::USER_NAME).unwrap().value;
                let number: u32 = std::str::from_utf8(user).unwrap().parse().unwrap();
                if number % 2 == 1 {
                    REJECT.to(datagram, &secret())
                } else {
                    let address = (0x0a00_0000 + number).to_be_bytes();
                    Reply {
                        attributes: &[(Kind::FRAMED_IP_ADDRESS, &address)],
                        ..ACCEPT
                    }
                    .to(datagram, &secret())
                }
            }
            (1813, Code::ACCOUNTING_REQUEST) => {
                if !secret().is_request(&packet) {
                    return;
                }
                let id = packet.find(Kind::ACCT_SESSION_ID).unwrap().value;
                self.records.insert(id.to_vec());
                ACCOUNTED.to(datagram, &secret())
            }
            _ => return,
        };
        let mut frame = head.to_vec();
        frame.extend_from_slice(&reply);
        self.line.send(self.clock.now(), End::B, &frame);
    }

    /// That an answer about a user is the one to that user.
    fn check(&self, key: u64) -> bool {
        match &self.ended[&key] {
            Answer::Accepted(granted) => {
                let address = Ipv4Addr::from(0x0a00_0000 + key as u32);
                assert_eq!(granted.address, FramedAddress::Static(address));
                assert_eq!(key % 2, 0);
                true
            }
            Answer::Rejected(_) => {
                assert_eq!(key % 2, 1);
                true
            }
            Answer::TimedOut => false,
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[test]
fn every_request_ends_once_with_its_own_answer() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let chance = |random: &mut Random, most: u64| random.below(most) as f64 / 100.0;
        let impairments = Impairments {
            loss: chance(&mut random, 40),
            duplication: chance(&mut random, 40),
            reordering: chance(&mut random, 40),
            jitter: Duration::from_secs(random.below(5)),
            corruption: chance(&mut random, 20),
            delay: Duration::from_millis(random.below(2000)),
        };
        let servers = 1 + random.below(2) as u8;
        let mut world = World::new(servers, &mut random, impairments);
        let requests = random.below(20);
        for key in 0..requests {
            let now = world.clock.now();
            let user = key.to_string();
            world.client.access(now, key, pap(&user)).unwrap();
            let id = format!("id{key}");
            world
                .client
                .account(now, 1000 + key, stop(now, &id))
                .unwrap();
            if random.chance(0.2) {
                let server = 1 + random.below(2) as usize;
                world.up[server] = !world.up[server];
            }
            let until = now + random.duration(Duration::from_secs(5));
            world.run(until);
        }
        world.up = [true; 3];
        let until = world.clock.now() + Duration::from_secs(1800);
        world.run(until);
        assert_eq!(world.client.pending(), 0);
        assert_eq!(world.client.poll_timeout(), None);
        assert_eq!(world.ended.len() as u64, 2 * requests);
        for key in 0..requests {
            world.check(key);
            // No record of an end is lost as long as there is time.
            assert_eq!(world.ended[&(1000 + key)], Answer::Accounted);
            assert!(world.records.contains(format!("id{key}").as_bytes()));
        }
    });
}

#[test]
fn nothing_is_lost_where_nothing_is_wrong() {
    for_each_seed(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(2, &mut random, Impairments::NONE);
        let now = world.clock.now();
        for key in 0..1000 {
            let user = key.to_string();
            world.client.access(now, key, pap(&user)).unwrap();
        }
        world.run(now + Duration::from_secs(2));
        assert!((0..1000).all(|key| world.check(key)));
    });
}

/// An outage of a minute, during which 5,000 users come and go: who came so late that somebody is
/// still waiting at its end gets in, who redials gets in, and every record arrives.
#[test]
fn an_outage_of_a_minute() {
    for_each_seed(20, |seed| {
        let mut random = Random::new(seed);
        let servers = 1 + (seed % 2) as u8;
        let mut world = World::new(servers, &mut random, Impairments::NONE);
        let begin = world.clock.now();
        world.up = [false; 3];
        for key in 0..5000 {
            let now = begin + Duration::from_millis(12 * key);
            world.run(now);
            let user = key.to_string();
            assert_eq!(world.client.access(now, key, pap(&user)), Ok(()));
            let id = format!("id{key}");
            assert_eq!(
                world.client.account(now, 10_000 + key, stop(now, &id)),
                Ok(())
            );
        }
        world.run(begin + Duration::from_secs(60));
        world.up = [true; 3];
        world.run(begin + Duration::from_secs(90));
        let mut lost = 0;
        for key in 0..5000 {
            let waited = Duration::from_secs(60) - Duration::from_millis(12 * key);
            let in_time = world.check(key);
            // The longest time between two tries is 10 s.
            if waited < Duration::from_secs(20) {
                assert!(in_time, "{key} waited for {waited:?} and was lost");
            }
            if !in_time {
                lost += 1;
                let now = world.clock.now();
                world.ended.remove(&key);
                world
                    .client
                    .access(now, key, pap(&key.to_string()))
                    .unwrap();
            }
        }
        assert!(lost < 3400, "{lost} had to redial");
        let until = world.clock.now() + Duration::from_secs(60);
        world.run(until);
        for key in 0..5000 {
            assert!(world.check(key));
            assert_eq!(world.ended[&(10_000 + key)], Answer::Accounted);
        }
        assert_eq!(world.records.len(), 5000);
        assert_eq!(world.client.pending(), 0);
    });
}
