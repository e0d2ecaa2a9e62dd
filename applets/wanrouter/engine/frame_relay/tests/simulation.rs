//! Two ends over bad lines, by seed; and random frames.

use super::*;
use wanbox_sim::{Random, for_each_seed, random_frames};

const DLCIS: [u16; 3] = [16, 100, 991];
const SEEDS: u64 = 10_000;

/// Within this time after the line is good again, everything is up.
///
/// The user's next enquiry comes after at most T391. A wrong number left by a lost or overtaken
/// answer costs the other side one more. Then N392 good exchanges bring either side up; an `auto`
/// user that lost its dialect finds it within three tries, which are less than one T391. What a late
/// single-PVC report left behind is put right by the next full status, at most N391 polls later.
fn recovery_bound(config: &Config) -> Duration {
    config.t391 * (3 + u32::from(config.n392) + u32::from(config.n391))
}

/// What the two ends are told when the line speaks this dialect.
fn signalling(random: &mut Random, fixed: Signalling) -> (Signalling, Signalling) {
    *random.pick(&[
        (fixed, fixed),
        (Signalling::Auto, fixed),
        (fixed, Signalling::Auto),
        (Signalling::Auto, Signalling::Auto),
    ])
}

/// Timers and counters of a seed. The node's T392 is longer than the user's T391, as it must be.
fn parameters(random: &mut Random) -> Config {
    let t391 = random.between(5, 20);
    let n393 = random.between(1, 10);
    Config {
        t391: SECOND * t391 as u32,
        t392: SECOND * (t391 + 5) as u32,
        n391: random.between(1, 10) as u16,
        n392: random.between(1, n393) as u8,
        n393: n393 as u8,
        full_status_at_start: random.chance(0.8),
        nonce: random.next_u64() as u32,
        ..Config::default()
    }
}

fn addressed(now: Instant, config: Config, local: Ipv4Addr) -> FrameRelay {
    let mut link = link(now, config, &DLCIS);
    for id in 0..DLCIS.len() as u16 {
        let id = ChannelId(id);
        let mut config = *link.channel_config(id).unwrap();
        config.inarp = true;
        config.local = Some((local, Ipv4Addr::new(255, 255, 255, 0)));
        link.reconfigure_channel(now, id, config).unwrap();
    }
    link
}

/// What the owner was told agrees with what is.
#[derive(Default)]
struct Told {
    link: bool,
    channels: [bool; DLCIS.len()],
}

impl Told {
    fn hear(&mut self, link: &mut FrameRelay) {
        while let Some(event) = link.poll_event() {
            match event {
                Event::LinkUp => {
                    assert!(!self.link);
                    self.link = true;
                }
                Event::LinkDown(_) => {
                    assert!(self.link);
                    *self = Self::default();
                }
                Event::ChannelUp(id) => {
                    assert!(self.link && !self.channels[usize::from(id.0)]);
                    self.channels[usize::from(id.0)] = true;
                }
                Event::ChannelDown(id) => {
                    assert!(self.link && self.channels[usize::from(id.0)]);
                    self.channels[usize::from(id.0)] = false;
                }
                Event::PeerAddress(id, _) => assert!(self.channels[usize::from(id.0)]),
                Event::UnconfiguredDlci { .. } => {}
                _ => panic!("not an event of this engine: {event:?}"),
            }
        }
        assert_eq!(self.link, link.link_up());
        for (id, told) in (0..).zip(self.channels) {
            assert_eq!(told, link.channel_up(ChannelId(id)));
        }
    }
}

#[test]
fn ansi_comes_up_within_the_bound_after_any_line() {
    any_line(Signalling::Ansi);
}

#[test]
fn q933_comes_up_within_the_bound_after_any_line() {
    any_line(Signalling::Q933);
}

#[test]
fn lmi_comes_up_within_the_bound_after_any_line() {
    any_line(Signalling::Lmi);
}

fn any_line(fixed: Signalling) {
    for_each_seed(SEEDS, |seed| {
        let mut random = Random::new(seed);
        let common = parameters(&mut random);
        let (user, network) = signalling(&mut random, fixed);
        let user = Config {
            signalling: user,
            ..common
        };
        let network = Config {
            signalling: network,
            station: Station::Node,
            ..common
        };
        let bad = Impairments {
            loss: random.below(31) as f64 / 100.0,
            duplication: random.below(21) as f64 / 100.0,
            reordering: random.below(31) as f64 / 100.0,
            jitter: random.duration(SECOND * 4),
            delay: random.duration(SECOND),
            ..Impairments::NONE
        };
        let mut pair = Pair::new(
            seed,
            bad,
            |now| addressed(now, user, Ipv4Addr::new(10, 0, 0, 1)),
            |now| addressed(now, network, Ipv4Addr::new(10, 0, 0, 2)),
        );
        let mut told = (Told::default(), Told::default());
        for _ in 0..random.between(3, 12) {
            let time = random.duration(common.t391 * 4);
            pair.run_for(time);
            told.0.hear(&mut pair.a);
            told.1.hear(&mut pair.b);
            let now = pair.now();
            let id = ChannelId(random.below(DLCIS.len() as u64) as u16);
            match random.below(8) {
                0 => pair.line.cut(),
                1 => pair.line.join(),
                2 => pair.b.set_channel_admin(now, id, false).unwrap(),
                3 => pair.b.set_channel_admin(now, id, true).unwrap(),
                4 => {
                    pair.a.carrier(now, false);
                    told.0.hear(&mut pair.a);
                    pair.a.carrier(now, true);
                }
                5 => {
                    // The switch is restarted.
                    pair.b = addressed(now, network, Ipv4Addr::new(10, 0, 0, 2));
                    told.1 = Told::default();
                }
                _ => {}
            }
        }
        pair.line.join();
        pair.line.impair(Impairments::NONE);
        let now = pair.now();
        for id in 0..DLCIS.len() as u16 {
            pair.b.set_channel_admin(now, ChannelId(id), true).unwrap();
        }
        // An end that is up may still have to learn what it missed: the whole bound passes first.
        pair.run_for(recovery_bound(&user));
        assert!(
            all_up(&pair.a) && all_up(&pair.b),
            "{:?} {:?}",
            pair.a.link_stats(),
            pair.b.link_stats()
        );
        told.0.hear(&mut pair.a);
        told.1.hear(&mut pair.b);
        // And stays up, with the peers' addresses known.
        let downs = pair.a.link_stats().downs + pair.b.link_stats().downs;
        pair.run_for(recovery_bound(&user));
        assert!(all_up(&pair.a) && all_up(&pair.b));
        assert_eq!(pair.a.link_stats().downs + pair.b.link_stats().downs, downs);
        let peers = |link: &FrameRelay| {
            link.channels
                .iter()
                .flatten()
                .all(|channel| channel.peer.is_some())
        };
        assert!(peers(&pair.a) && peers(&pair.b));
        told.0.hear(&mut pair.a);
        told.1.hear(&mut pair.b);
    });
}

/// Frames as they should be, the seeds of the fuzz target.
const VALID: [&[u8]; 10] = [
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/ansi-full-enquiry"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/ansi-full-status"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/ansi-link-enquiry"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/bridged"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/gof-full-enquiry"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/gof-full-status"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/inarp-request"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/ipv4-echo"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/q933-full-enquiry"),
    include_bytes!("../../../../../tests/fuzz/corpus/frame_relay/q933-full-status"),
];

/// Random octets, some with a plausible beginning; or a valid frame with damage.
fn random_frame(random: &mut Random, frame: &mut Vec<u8>) {
    const HEADS: [&[u8]; 9] = [
        &[],
        &[0x04, 0x01],
        &[
            0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x06, 0x00, 0x0f, 0x08, 0x00, 2,
            4,
        ],
        &[0x04, 0x01, 0x03, 0x00, 0x80, 0x00, 0x80, 0xc2, 0x00],
        &[0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x95, 1, 1],
        &[0x00, 0x01, 0x03, 0x08, 0x00, 0x75, 0x95, 1, 1],
        &[0x00, 0x01, 0x03, 0x08, 0x00, 0x7d, 0x51, 1],
        &[0xfc, 0xf1, 0x03, 0x09, 0x00, 0x7d, 1, 1, 0, 3, 2],
        &[0xfc, 0xf1, 0x03, 0x09, 0x00, 0x75, 1, 1, 1, 3, 2],
    ];
    frame.clear();
    if random.chance(0.3) {
        frame.extend_from_slice(random.pick::<&[u8]>(&VALID));
        random.damage(frame);
        return;
    }
    frame.extend_from_slice(random.pick::<&[u8]>(&HEADS));
    let head = frame.len();
    frame.resize(head + random.below(40) as usize, 0);
    random.fill(&mut frame[head..]);
}

#[test]
fn a_million_random_frames_hurt_nobody() {
    let mut random = Random::new(7);
    let each = random_frames() / 4;
    let mut frame = Vec::new();
    for config in [
        cpe(Signalling::Ansi),
        cpe(Signalling::Auto),
        node(Signalling::Lmi),
        node(Signalling::Auto),
    ] {
        let mut clock = Clock::new();
        let mut link = addressed(clock.now(), config, Ipv4Addr::new(10, 0, 0, 1));
        for _ in 0..each {
            clock.advance(Duration::from_millis(random.below(100)));
            random_frame(&mut random, &mut frame);
            Engine::receive(&mut link, clock.now(), &frame);
            if Engine::poll_timeout(&link).is_some_and(|at| at <= clock.now()) {
                Engine::handle_timeout(&mut link, clock.now());
            }
            if random.chance(0.1) {
                frames(&mut link);
                events(&mut link);
            }
            assert!(link.outgoing.len() <= FrameRelay::OUTGOING_LIMIT);
            assert!(link.work.len() <= DLCIS.len());
            assert!(link.fresh_channels.len() <= DLCIS.len());
            assert!(link.fresh_dlcis.len() <= 1024);
        }
        let stats = link.link_stats();
        assert!(stats.bad_signalling > each / 100 && stats.rx_unknown_dlci > each / 100);
        // And it still works with a decent peer.
        frames(&mut link);
        let peer = match config.station {
            Station::Cpe => node(config.signalling),
            Station::Node => cpe(config.signalling),
        };
        let mut pair = Pair::new(
            1,
            Impairments::NONE,
            |now| {
                // The clock of the pair is its own: begin there.
                link.carrier(now, false);
                link.carrier(now, true);
                link
            },
            |now| addressed(now, peer, Ipv4Addr::new(10, 0, 0, 2)),
        );
        let bound = recovery_bound(&config);
        let took = pair.run_until(bound, |pair| all_up(&pair.a) && all_up(&pair.b));
        assert!(took.is_some());
    }
}
