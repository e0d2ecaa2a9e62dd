//! Every packet is accounted for, and every line gets its share.

use super::*;

/// Sizes of packets on the Internet, roughly.
const MIXED: &[usize] = &[40, 52, 90, 576, 576, 900, 1500, 1500];

fn config(mtu: u32) -> Config {
    Config {
        mtu,
        ..Config::default()
    }
}

/// How much of the lines is used by a source that never ends, over ten minutes.
fn use_of(rates: &[u64], mtu: u32, lens: &'static [usize], late: Duration) -> f64 {
    let mut s = Simulation::new(config(mtu), 1);
    s.late = late;
    for &bps in rates {
        s.add(bps, Rate::Fixed(bps), false);
    }
    let time = Duration::from_secs(600);
    s.run(time, saturate(lens));
    s.use_of_lines(time)
}

#[test]
fn equal_lines_are_used_to_97_per_cent() {
    for bps in [9_600, 19_200, 38_400, 57_600, 115_200] {
        for count in 1..=4 {
            let rates = vec![bps; count];
            for late in [0, 10] {
                let used = use_of(&rates, 1500, MIXED, Duration::from_millis(late));
                assert!(used >= 0.97, "{count} x {bps}: {used}");
            }
        }
    }
}

#[test]
fn unequal_lines_are_used_to_95_per_cent() {
    let sets: [&[u64]; 6] = [
        &[57_600, 14_400],
        &[115_200, 11_520],
        &[96_000, 9_600],
        &[1_000_000, 100_000],
        &[1_000_000, 9_600],
        &[2_400, 9_600, 28_800, 115_200],
    ];
    for rates in sets {
        for late in [0, 10] {
            let used = use_of(rates, 1500, MIXED, Duration::from_millis(late));
            assert!(used >= 0.95, "{rates:?}: {used}");
        }
    }
}

/// Hosts do not wake up for parts of a millisecond: fast lines are busy all the same.
#[test]
fn fast_lines_with_hosts_that_are_late() {
    let rates: &[u64] = &[10_000_000, 10_000_000, 2_000_000];
    let mut s = Simulation::new(config(1500), 1);
    s.late = Duration::from_millis(2);
    for &bps in rates {
        let index = s.add(bps, Rate::Fixed(bps), false);
        s.lines[index].capacity = 500;
    }
    let time = Duration::from_secs(10);
    s.run(time, saturate(MIXED));
    let used = s.use_of_lines(time);
    assert!(used >= 0.97, "{used}");
}

/// The HOWTO tells of a scheduler that starved the modem at 14,400 beside the one at 57,600.
#[test]
fn none_starves() {
    for_each_seed(200, |seed| {
        let mut random = Random::new(seed);
        let mut s = Simulation::new(config(1500), random.next_u64());
        s.late = Duration::from_millis(random.below(15));
        for _ in 0..random.between(1, 4) {
            let bps = random.between(2_400, 600_000);
            s.add(bps, Rate::Fixed(bps), false);
        }
        let time = Duration::from_secs(60);
        s.run(time, saturate(MIXED));
        for line in &s.lines {
            let share = line.bits as f64 / (line.bps as f64 * time.as_secs_f64());
            // The packet under way at the end is not counted: up to 6.3 s at 2,400 bit/s.
            let whole = 1.0 - line.service(1500).as_secs_f64() / time.as_secs_f64();
            assert!(
                share >= whole - 0.05,
                "{share} of {}, {:?}",
                line.bps,
                s.lines
            );
        }
    });
}

/// Packets of one length and flow arrive in order whatever the lines, if their rates are right.
#[test]
fn equal_packets_arrive_in_order() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let mut s = Simulation::new(config(1000), random.next_u64());
        for _ in 0..random.between(2, 4) {
            // Up to 1 to 16: beyond that the queues in packets are shorter than those in time.
            let bps = random.between(9_600, 150_000);
            s.add(bps, Rate::Fixed(bps), false);
        }
        s.run(Duration::from_secs(60), saturate(&[1000]));
        assert!(s.arrived.len() > 100);
        for flow in 0..4 {
            let arrived = s.arrived.iter().filter(|a| a.packet.flow == flow);
            let numbers: Vec<u64> = arrived.map(|a| a.packet.number).collect();
            let swapped = numbers.windows(2).find(|pair| pair[0] > pair[1]);
            assert_eq!(swapped, None);
        }
    });
}

#[test]
fn lines_are_cut_and_restored_and_every_packet_is_accounted_for() {
    let mut moved = 0;
    let mut lost = 0;
    for_each_seed(2_000, |seed| {
        let mut random = Random::new(seed);
        let config = Config {
            mtu: 1500,
            scheduler: *random.pick(&[
                Scheduler::EarliestFinish,
                Scheduler::EarliestFinish,
                Scheduler::Priority(crate::priority::Word::Bits64),
            ]),
            order: *random.pick(&[Order::Free, Order::Flow]),
            limits: Limits {
                packets: random.between(2, 40) as usize,
                octets: random.between(1_500, 60_000) as usize,
                ..Limits::default()
            },
            ..Config::default()
        };
        let mut s = Simulation::new(config, random.next_u64());
        s.report = random.chance(0.5).then_some(Duration::from_millis(100));
        s.late = Duration::from_millis(random.below(15));
        for _ in 0..random.between(1, 4) {
            let bps = random.between(1_200, 200_000);
            let rate = match random.below(4) {
                0 => Rate::Auto,
                // A wrong estimate.
                1 => Rate::Fixed(random.between(1_200, 200_000)),
                _ => Rate::Fixed(bps),
            };
            let index = s.add(bps, rate, true);
            s.lines[index].capacity = random.between(1, 12) as usize;
        }
        for _ in 0..random.between(1, 8) {
            s.run(random.duration(Duration::from_secs(2)), saturate(MIXED));
            let index = random.below(s.lines.len() as u64) as usize;
            if s.lines[index].up {
                let held = s
                    .master
                    .slaves(s.clock.now())
                    .find(|x| x.id == s.lines[index].id);
                let held = held.map_or(0, |slave| slave.queued_packets as u64);
                let before = *s.master.stats();
                assert_eq!(s.cut(index), Some(Change::Waiting));
                // No more than its own queue held.
                assert!(s.master.stats().lost - before.lost <= held);
            } else {
                assert_eq!(s.restore(index), Some(Change::Taken));
            }
            s.check();
        }
        moved += s
            .master
            .slaves(s.clock.now())
            .map(|x| x.stats.moved)
            .sum::<u64>();
        lost += s.master.stats().lost;
        // What is left arrives when all lines are back.
        for index in 0..s.lines.len() {
            if !s.lines[index].up {
                s.restore(index);
            }
        }
        s.offered.clear();
        s.every = None;
        s.run(Duration::from_secs(4_000), |_| ());
        s.check();
        let stats = s.master.stats();
        let cut: u64 = s.lines.iter().map(|line| line.cut).sum();
        assert_eq!(s.arrived.len() as u64 + cut, stats.sent);
        assert_eq!(stats.sent + stats.lost, stats.accepted);
        let mut numbers: Vec<u64> = s.arrived.iter().map(|a| a.packet.number).collect();
        numbers.sort_unstable();
        assert!(numbers.is_sorted_by(|a, b| a < b), "a packet arrived twice");
    });
    assert!(moved > 200 && lost > 20, "{moved} moved, {lost} lost");
}

/// A device with one place, as little as there can be.
#[test]
fn a_device_that_refuses_gets_its_packets_later() {
    let mut s = Simulation::new(config(1500), 3);
    // Taken for twice as fast as it is.
    let index = s.add(19_200, Rate::Fixed(38_400), false);
    s.lines[index].capacity = 1;
    let time = Duration::from_secs(300);
    s.run(time, saturate(MIXED));
    let used = s.use_of_lines(time);
    assert!(used >= 0.95, "{used}");
    let slave = s.master.slaves(s.clock.now()).next().unwrap();
    assert!(slave.stats.backpressure > 100);
    assert_eq!(s.master.stats().lost + s.master.stats().full, 0);
}

/// A wrong estimate is corrected by what the devices report: the slow line gets less than thought.
#[test]
fn reports_correct_an_estimate_that_is_too_high() {
    let mut s = Simulation::new(config(1500), 3);
    s.report = Some(Duration::from_millis(100));
    s.add(57_600, Rate::Fixed(57_600), false);
    s.add(14_400, Rate::Fixed(28_800), false);
    s.lines[1].capacity = 1_000;
    let time = Duration::from_secs(300);
    s.run(time, saturate(&[1500]));
    assert!(s.use_of_lines(time) >= 0.95);
    assert!(s.lines[1].device.len() <= 2, "{}", s.lines[1].device.len());
}
