//! Two engines over bad lines: every octet once and in order, and both sides end.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use wanbox_net_tcp::{Checksum, Congestion, Incoming, Key, Offload, Options, Parameters, Tcp};
use wanbox_sim::{Clock, Endpoint, Impairments, Pair, Random, for_each_seed};

use crate::peer::Peer;

fn text(random: &mut Random, most: u64) -> Vec<u8> {
    let mut text = vec![0; random.below(most + 1) as usize];
    random.fill(&mut text);
    text
}

fn options(random: &mut Random) -> Options {
    let window_scale = random.chance(0.5);
    let mss = *random.pick(&[64, 216, 512, 536, 1000, 1460]);
    let most = if window_scale { 200_000 } else { 65_535 };
    Options {
        mss,
        window: if random.chance(0.3) {
            2048
        } else {
            random.between(u64::from(mss), most) as u32
        },
        syn_data: random.chance(0.3),
        timestamps: random.chance(0.5),
        window_scale,
        sack: random.chance(0.6),
        nagle: random.chance(0.7),
        congestion: *random.pick(&[Congestion::NewReno, Congestion::Cubic]),
        ecn: random.chance(0.3),
        ..Options::default()
    }
}

fn parameters(random: &mut Random) -> Parameters {
    Parameters {
        options: options(random),
        // Lines that lose four of ten segments each way: nobody gives up here.
        retransmissions: 250,
        ..Parameters::default()
    }
}

#[test]
fn every_octet_once_and_in_order() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let impairments = Impairments {
            loss: random.below(41) as f64 / 100.0,
            duplication: random.below(20) as f64 / 100.0,
            reordering: random.below(50) as f64 / 100.0,
            jitter: Duration::from_millis(random.below(500)),
            corruption: random.below(3) as f64 / 100.0,
            delay: Duration::from_micros(random.between(100, 300_000)),
        };
        // Bad lines get less, for they need more.
        let most = if impairments.loss > 0.2 {
            6_000
        } else {
            30_000
        };
        let there = text(&mut random, most);
        let back = text(&mut random, most);
        let (a, b) = (parameters(&mut random), parameters(&mut random));
        let mut pair = Pair::new(
            seed,
            impairments,
            |now| Peer::client(now, seed, a, there.clone(), back.clone()),
            |now| Peer::server(now, seed, b, back.clone(), there.clone()),
        );
        let limit = Duration::from_secs(10 * 86_400);
        let took = pair.run_until(limit, |pair| pair.a.is_done() && pair.b.is_done());
        if took.is_none() {
            let now = pair.now();
            for peer in [&pair.a, &pair.b] {
                eprintln!("{:?}", peer.id.and_then(|id| peer.tcp.view(now, id)));
                eprintln!("{:?}", peer.tcp.counters());
            }
            panic!("{impairments:?} {a:?} {b:?}: no end");
        }
        pair.a.verify();
        pair.b.verify();
    });
}

/// Carries everything there and back, super-segments whole, as a loopback does.
fn carry(tcp: &mut Tcp, now: Instant, buffer: &mut [u8]) -> (usize, usize) {
    let offload = Offload {
        checksum: Checksum::None,
        segmentation: true,
    };
    let (mut segments, mut large) = (0, 0);
    while let Some(out) = tcp.poll_transmit(now, buffer, offload) {
        let mut incoming = Incoming::new(out.src, out.dst);
        incoming.checksum_is_valid = true;
        let text = out.len - out.header_len;
        assert_eq!(out.gso_size > 0, text > usize::from(out.gso_size.max(1460)));
        large += usize::from(out.gso_size > 0);
        segments += 1;
        tcp.segment(now, &incoming, &buffer[..out.len]);
    }
    (segments, large)
}

#[test]
fn a_stack_with_itself_over_ipv6_in_super_segments() {
    let here = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let mut clock = Clock::new();
    let options = Options {
        mss: 1460,
        window: 262_144,
        window_scale: true,
        ..Options::default()
    };
    let mut tcp = Tcp::new(clock.now(), Key([5, 6]), Parameters::default());
    let server = tcp.listen(Some(here), 9, 4, &options).unwrap();
    let local = wanbox_net_tcp::Endpoint::new(here, 0);
    let remote = wanbox_net_tcp::Endpoint::new(here, 9);
    let client = tcp.connect(clock.now(), local, remote, &options, 0);
    let client = client.unwrap();
    let mut buffer = vec![0; 65_535];
    carry(&mut tcp, clock.now(), &mut buffer);
    let accepted = tcp.accept(server).unwrap();
    let mut random = Random::new(1);
    let mut sent = vec![0; 3_000_000];
    random.fill(&mut sent);
    let (mut taken, mut got, mut read) = (0, Vec::new(), vec![0; 100_000]);
    let (mut segments, mut large) = (0, 0);
    while got.len() < sent.len() {
        taken += tcp.send(client, &sent[taken..]).unwrap();
        let carried = carry(&mut tcp, clock.now(), &mut buffer);
        segments += carried.0;
        large += carried.1;
        loop {
            let octets = tcp.receive(accepted, &mut read).unwrap();
            if octets == 0 {
                break;
            }
            got.extend_from_slice(&read[..octets]);
        }
        clock.advance(Duration::from_millis(100));
        tcp.handle_timeout(clock.now());
    }
    assert!(got == sent);
    assert!(large > 40 && segments < 400, "{large} of {segments}");
    tcp.release(clock.now(), client).unwrap();
    carry(&mut tcp, clock.now(), &mut buffer);
    assert!(tcp.is_finished(accepted));
    tcp.release(clock.now(), accepted).unwrap();
    carry(&mut tcp, clock.now(), &mut buffer);
    clock.advance(Duration::from_secs(31));
    tcp.handle_timeout(clock.now());
    assert!(tcp.is_empty());
}

/// A radio channel: one frame at a time in either direction, with the time a transmitter takes.
struct Channel {
    random: Random,
    clock: Clock,
    queues: [VecDeque<Vec<u8>>; 2],
    /// The frame on the air: who sends it, and when it ends.
    on_air: Option<(usize, Instant)>,
    bits_per_second: u64,
    key_up: Duration,
    loss: f64,
}

/// Octets that IP and AX.25 add to a segment, without this test's own nine.
const OVERHEAD: usize = 20 + 18 - 9;

impl Channel {
    fn air_time(&self, frame: &[u8]) -> Duration {
        let bits = (frame.len() + OVERHEAD) as u64 * 8;
        self.key_up + Duration::from_micros(bits * 1_000_000 / self.bits_per_second)
    }

    /// Runs both until they are done: how long that took.
    fn run(&mut self, peers: &mut [Peer; 2], limit: Duration) -> Option<Duration> {
        let mut frame = Vec::new();
        while !(peers[0].is_done() && peers[1].is_done()) {
            let now = self.clock.now();
            for (peer, queue) in peers.iter_mut().zip(&mut self.queues) {
                while peer.poll_transmit(now, &mut frame) {
                    queue.push_back(frame.clone());
                }
            }
            if self.on_air.is_none() {
                let first = self.random.below(2) as usize;
                let waiting = [first, 1 - first]
                    .into_iter()
                    .find(|end| !self.queues[*end].is_empty());
                if let Some(end) = waiting {
                    let took = self.air_time(&self.queues[end][0]);
                    self.on_air = Some((end, now + took));
                }
            }
            let next = peers
                .iter()
                .filter_map(Endpoint::poll_timeout)
                .chain(self.on_air.map(|(_, end)| end))
                .min()?;
            self.clock.advance_to(next);
            let now = self.clock.now();
            if let Some((from, end)) = self.on_air
                && end <= now
            {
                self.on_air = None;
                let frame = self.queues[from].pop_front()?;
                if !self.random.chance(self.loss) {
                    peers[1 - from].receive(now, &frame);
                }
            }
            for peer in peers.iter_mut() {
                if peer.poll_timeout().is_some_and(|at| at <= now) {
                    peer.handle_timeout(now);
                }
            }
            if self.clock.elapsed() > limit {
                return None;
            }
        }
        Some(self.clock.elapsed())
    }
}

/// A transfer of so many octets at 1200 bit/s, and how it went: the time, and the shares of the
/// octets that were sent again.
fn radio(seed: u64, octets: usize, loss: f64, options: Options) -> (Duration, f64, [Peer; 2]) {
    let mut random = Random::new(seed);
    let mut there = vec![0; octets];
    random.fill(&mut there);
    let back = text(&mut random, 200);
    let parameters = Parameters {
        options,
        retransmissions: if loss > 0.0 { 250 } else { 10 },
        ..Parameters::default()
    };
    let mut channel = Channel {
        random,
        clock: Clock::new(),
        queues: Default::default(),
        on_air: None,
        bits_per_second: 1200,
        key_up: Duration::from_millis(400),
        loss,
    };
    let now = channel.clock.now();
    let mut peers = [
        Peer::client(now, seed, parameters, there.clone(), back.clone()),
        Peer::server(now, seed, parameters, back, there),
    ];
    let took = channel.run(&mut peers, Duration::from_secs(100_000));
    let took = took.unwrap_or_else(|| panic!("no end: {:?}", peers[0].tcp.counters()));
    for peer in &peers {
        peer.verify();
    }
    let view = peers[0].tcp.view(channel.clock.now(), peers[0].id.unwrap());
    let resent = view.map_or(0, |view| view.resent) as f64 / octets as f64;
    (took, resent, peers)
}

#[test]
fn slow_channels_do_not_collapse() {
    for_each_seed(100, |seed| {
        for (mss, window) in [(216, 864), (216, 2048), (512, 2048), (512, 512)] {
            let options = Options {
                mss,
                window,
                timestamps: seed % 3 == 0,
                sack: seed % 2 == 0,
                ..Options::default()
            };
            let (took, resent, peers) = radio(seed, 20_000, 0.0, options);
            let counters = peers[0].tcp.counters();
            assert!(
                resent < 0.06,
                "{resent} sent again of mss {mss} window {window} after {took:?}: {counters:?}"
            );
            // The line alone takes 20000 * 8 / 1200 = 133 s, headers, keying and answers as much again;
            // TIME-WAIT 30 s.
            assert!(
                took < Duration::from_secs(480),
                "{took:?} for mss {mss} window {window}"
            );
        }
    });
}

#[test]
fn slow_channels_that_lose() {
    for_each_seed(100, |seed| {
        let options = Options {
            mss: 216,
            sack: seed % 2 == 0,
            ..Options::default()
        };
        let loss = 0.02 * (seed % 10) as f64;
        let (took, resent, _) = radio(seed, 8_000, loss, options);
        assert!(
            resent < 0.15 + 4.0 * loss,
            "{resent} sent again at {loss} in {took:?}"
        );
    });
}
