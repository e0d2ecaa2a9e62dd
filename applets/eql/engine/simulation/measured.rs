//! Rates that are measured.

use super::*;

use crate::{AUTO_MIN_BPS, DEFAULT_RATE_BPS, MAX_RATE_BPS};

const MIXED: &[usize] = &[40, 576, 1500, 1500];

fn measured(s: &Simulation, index: usize) -> u64 {
    let id = s.lines[index].id;
    let mut slaves = s.master.slaves(s.clock.now());
    slaves.find(|x| x.id == id).map_or(0, |slave| slave.bps)
}

#[test]
fn they_converge_from_any_side() {
    for_each_seed(100, |seed| {
        let mut random = Random::new(seed);
        let config = Config {
            mtu: 1500,
            ..Config::default()
        };
        let mut s = Simulation::new(config, random.next_u64());
        s.report = Some(Duration::from_millis(random.between(50, 150)));
        s.late = Duration::from_millis(random.below(5));
        for _ in 0..random.between(1, 4) {
            // From 1,200 to 614,400 bit/s, every magnitude alike.
            let bps = 1_200_u64 << random.below(9);
            s.add(bps + random.below(bps), Rate::Auto, false);
        }
        s.run(Duration::from_secs(240), saturate(MIXED));
        for index in 0..s.lines.len() {
            let (is, ought) = (measured(&s, index) as f64, s.lines[index].bps as f64);
            let off = (is - ought).abs() / ought;
            assert!(off < 0.15, "{is} instead of {ought}");
        }
        // And the lines are used as if the rates were known.
        let before: u64 = s.lines.iter().map(|line| line.bits).sum();
        let time = Duration::from_secs(60);
        s.run(time, saturate(MIXED));
        let after: u64 = s.lines.iter().map(|line| line.bits).sum();
        let rates: u64 = s.lines.iter().map(|line| line.bps).sum();
        let used = (after - before) as f64 / (rates as f64 * time.as_secs_f64());
        assert!(used >= 0.95, "{used}");
    });
}

#[test]
fn they_follow_a_line_that_changes() {
    let mut s = Simulation::new(Config::default(), 1);
    s.report = Some(Duration::from_millis(100));
    s.add(33_600, Rate::Auto, false);
    for bps in [33_600, 2_400, 128_000, 9_600, 4_800] {
        s.lines[0].bps = bps;
        s.run(Duration::from_secs(120), saturate(&[576]));
        let off = measured(&s, 0).abs_diff(bps);
        assert!(off < bps / 8, "{} instead of {bps}", measured(&s, 0));
    }
}

/// A device that says nothing, one that says nonsense, one that never sends.
#[test]
fn they_stay_within_their_bounds() {
    for_each_seed(300, |seed| {
        let mut random = Random::new(seed);
        let mut s = Simulation::new(Config::default(), seed);
        s.add(28_800, Rate::Auto, false);
        assert_eq!(measured(&s, 0), DEFAULT_RATE_BPS);
        for _ in 0..200 {
            s.run(random.duration(Duration::from_secs(3)), saturate(&[576]));
            if random.chance(0.8) {
                let counters = Counters {
                    packets: random.next_u64() >> random.below(64),
                    octets: random.next_u64() >> random.below(64),
                };
                s.master.observe(s.clock.now(), s.lines[0].id, counters);
            }
            assert!((AUTO_MIN_BPS..=MAX_RATE_BPS).contains(&measured(&s, 0)));
        }
    });
    let mut s = Simulation::new(Config::default(), 1);
    s.report = Some(Duration::from_millis(100));
    s.add(1, Rate::Auto, false);
    s.run(Duration::from_secs(100_000), saturate(&[576]));
    assert_eq!(measured(&s, 0), AUTO_MIN_BPS);
    let slave = s.master.slaves(s.clock.now()).next().unwrap();
    assert!(slave.stats.stalls >= 6, "{}", slave.stats.stalls);
}

/// Between bursts nothing is learned, and nothing forgotten.
#[test]
fn an_idle_line_keeps_its_rate() {
    let mut s = Simulation::new(Config::default(), 1);
    s.report = Some(Duration::from_millis(100));
    s.add(115_200, Rate::Auto, false);
    s.run(Duration::from_secs(60), saturate(&[576]));
    let before = measured(&s, 0);
    assert!(before.abs_diff(115_200) < 12_000, "{before}");
    s.offered.clear();
    s.run(Duration::from_secs(60), |_| ());
    for _ in 0..1_000 {
        s.offer(0, 576);
        s.run(Duration::from_millis(500), |_| ());
    }
    assert_eq!(measured(&s, 0), before);
}
