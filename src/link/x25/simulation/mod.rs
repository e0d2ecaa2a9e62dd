//! Two stations with a packet layer over LAPB over bad lines, many seeds.

use std::time::Duration;

use wanbox_sim::{Impairments, Pair, Random, for_each_seed};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::Modulo;
use wanbox_wire::x25::facility::PacketSize;

use super::{Channels, Parameters};
use crate::lapb;

mod bulk;
mod station;

use station::Station;

const SECOND: Duration = Duration::from_secs(1);
/// The longest delay of a line. T1 is longer than twice that and T2.
const DELAY: Duration = Duration::from_millis(100);

/// Ranges that both ends know.
fn channels(random: &mut Random) -> Channels {
    let mut next = 1;
    let mut range = |random: &mut Random, least: u64, most: u64| {
        let count = random.between(least, most) as u16;
        let first = next + random.below(3) as u16;
        (count > 0).then(|| {
            next = first + count;
            first..=next - 1
        })
    };
    Channels {
        permanent: range(random, 0, 2),
        incoming: range(random, 0, 2),
        two_way: range(random, 1, 6),
        outgoing: range(random, 0, 2),
    }
}

/// What both ends have, and timers of their own: longer than LAPB tries to bring a packet over, for
/// the answer to one that was sent again cannot be told from that to the first.
fn parameters(random: &mut Random) -> [Parameters; 2] {
    let modulo = *random.pick(&[Modulo::Eight, Modulo::OneTwentyEight]);
    let channels = channels(random);
    let packet_size = PacketSize::from_log2(random.between(4, 9) as u8).unwrap();
    let window = random.between(1, modulo.highest().into()) as u8;
    let mut one = |role| {
        let mut timer = || Duration::from_millis(random.between(30_000, 90_000));
        let [t20, t21, t22, t23] = [timer(), timer(), timer(), timer()];
        Parameters {
            modulo,
            packet_size,
            window,
            window_limit: random.between(window.into(), modulo.highest().into()) as u8,
            t20,
            t21,
            t22,
            t23,
            r20: random.between(1, 5) as u8,
            r22: random.between(0, 3) as u8,
            r23: random.between(0, 3) as u8,
            acknowledgement: random.duration(SECOND / 5),
            queue: random.between(1024, 8192) as usize,
            ..Parameters::new(role, channels.clone())
        }
    };
    [one(Role::Dte), one(Role::Dce)]
}

fn link(random: &mut Random) -> [lapb::Parameters; 2] {
    let modulo = *random.pick(&[Modulo::Eight, Modulo::OneTwentyEight]);
    let k = random.between(1, modulo.highest().into()) as u8;
    let mut one = || lapb::Parameters {
        modulo,
        t1: Duration::from_millis(random.between(500, 1500)),
        t2: random.duration(SECOND / 4),
        t4: Some(random.between(5, 60) as u32 * SECOND),
        n1: 1024,
        n2: random.between(5, 15) as u16,
        k,
        queue: random.below(5) as usize,
    };
    [one(), one()]
}

/// A line that keeps the order, and loses up to this many of a hundred frames.
fn line(random: &mut Random, loss: u64) -> Impairments {
    Impairments {
        delay: random.duration(DELAY),
        loss: random.below(loss * 10 + 1) as f64 / 1000.0,
        ..Impairments::NONE
    }
}

/// Something that happens to the line or to one of the ends.
fn misfortune(random: &mut Random, pair: &mut Pair<Station>, links: &[lapb::Parameters; 2]) {
    let now = pair.now();
    let (node, link) = if random.chance(0.5) {
        (&mut pair.a, links[0])
    } else {
        (&mut pair.b, links[1])
    };
    match random.below(5) {
        0 => {
            pair.line.cut();
            pair.run_for(random.duration(30 * SECOND));
            pair.line.join();
            return;
        }
        1 => {
            // Power is lost.
            let parameters = node.layer.parameters().clone();
            let link = lapb::Link::new(node.link.role(), link).unwrap();
            let generation = node.generation + 1;
            let seen = node.seen;
            *node = Station::new(now, link, parameters, random.fork(), generation);
            node.seen = seen;
            node.wanted = true;
            node.hold(now);
        }
        2 => {
            node.link.engine_mut().disconnect(now);
            node.hold(now);
        }
        3 => node.link.engine_mut().reset(now),
        _ => node.link.engine_mut().line_down(),
    }
    node.settle(now);
}

#[test]
fn both_ends_agree_and_everything_arrives_once_and_in_order() {
    let mut seen = station::Seen::default();
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let [dte, dce] = parameters(&mut random);
        let links = link(&mut random);
        let most = *random.pick(&[0, 5, 5, 20]);
        let bad = line(&mut random, most);
        let (first, second) = (random.fork(), random.fork());
        let mut pair = Pair::new(
            random.next_u64(),
            bad,
            |now| {
                let link = lapb::Link::new(Role::Dte, links[0]).unwrap();
                Station::new(now, link, dte, first, 1)
            },
            |now| {
                let link = lapb::Link::new(Role::Dce, links[1]).unwrap();
                Station::new(now, link, dce, second, 1)
            },
        );
        let now = pair.now();
        pair.a.connect(now);
        pair.b.connect(now);
        for _ in 0..random.below(3) {
            pair.run_for(random.duration(15 * SECOND));
            misfortune(&mut random, &mut pair, &links);
        }
        pair.run_for(random.duration(15 * SECOND));

        // On a good line of the same length everything comes to an end.
        pair.line.impair(Impairments {
            delay: bad.delay,
            ..Impairments::NONE
        });
        for end in [&mut pair.a, &mut pair.b] {
            end.finishing = true;
        }
        let agreed =
            |pair: &mut Pair<Station>| pair.a.has_all_of(&pair.b) && pair.b.has_all_of(&pair.a);
        let limit = 600 * SECOND;
        assert!(
            pair.run_until(limit, agreed).is_some(),
            "not done within {limit:?}: {:?} {:?}\n{:?}\n{:?}",
            pair.a.layer.link_state(),
            pair.b.layer.link_state(),
            pair.a.conversations,
            pair.b.conversations,
        );
        // A few more words pass on every circuit.
        pair.a.refill(3);
        pair.b.refill(3);
        assert!(pair.run_until(limit, agreed).is_some());
        // And then it is quiet.
        let sent =
            |pair: &Pair<Station>| [&pair.a, &pair.b].map(|end| end.layer.counters().traffic.sent);
        pair.a.next = None;
        pair.b.next = None;
        pair.run_for(SECOND);
        let before = sent(&pair);
        pair.run_for(100 * SECOND);
        assert_eq!(sent(&pair), before, "packets of nothing");
        let given_up = |end: &Station| {
            let counters = end.layer.counters();
            counters.t20_expired + counters.t22_expired + counters.t23_expired > 0
        };
        // Who no longer waits for a confirmation may be met by what was sent before it.
        let given_up = given_up(&pair.a) || given_up(&pair.b);
        for end in [&pair.a, &pair.b] {
            let counters = end.layer.counters();
            let wrong = [
                counters.too_short,
                counters.wrong_format,
                counters.malformed,
                counters.unassigned,
                counters.events_lost,
            ];
            assert_eq!(wrong, [0; 5]);
            let broken = counters.errors + counters.invalid_ps + counters.invalid_pr;
            assert!(broken == 0 || given_up, "{counters:?}");
            seen.add(&end.seen);
        }
    });
    if std::env::var_os(wanbox_sim::SEED_VARIABLE).is_none() {
        let enough = [
            (seen.messages, 1_000_000),
            (seen.calls, 50_000),
            (seen.refused, 1_000),
            (seen.cleared, 50_000),
            (seen.resets, 20_000),
            (seen.restarts, 30_000),
            (seen.collisions, 2_000),
            (seen.interrupts, 100_000),
            (seen.delivered, 100_000),
            (seen.downs, 5_000),
        ];
        assert!(enough.iter().all(|(seen, least)| seen >= least), "{seen:?}");
    }
}
