//! The order within flows.

use super::*;

const MIXED: &[usize] = &[40, 40, 90, 300, 576, 900, 1500];

/// Arrivals that were overtaken by a later packet of their flow, and the use of the lines.
fn disorder(
    order: Order,
    seed: u64,
    late: Duration,
    lens: &'static [usize],
) -> (usize, usize, f64) {
    let mut random = Random::new(seed);
    let config = Config {
        mtu: 1500,
        order,
        ..Config::default()
    };
    let mut s = Simulation::new(config, random.next_u64());
    s.late = late;
    for _ in 0..random.between(2, 4) {
        let bps = random.between(9_600, 500_000);
        let index = s.add(bps, Rate::Fixed(bps), false);
        // What goes to a device 20 ms ahead, however short the packets.
        s.lines[index].capacity = 100;
    }
    let time = Duration::from_secs(60);
    s.run(time, saturate(lens));
    let mut newest = [0; 4];
    let mut overtaken = 0;
    for Arrival { packet } in &s.arrived {
        let newest = &mut newest[packet.flow as usize];
        if packet.number < *newest {
            overtaken += 1;
        }
        *newest = packet.number.max(*newest);
    }
    (overtaken, s.arrived.len(), s.use_of_lines(time))
}

#[test]
fn no_packet_overtakes_another_of_its_flow() {
    let mut least: f64 = 1.0;
    let mut sum = 0.0;
    for_each_seed(200, |seed| {
        let late = Duration::from_millis(seed % 3);
        assert!(late <= GUARD);
        let (overtaken, arrived, used) = disorder(Order::Flow, seed, late, MIXED);
        assert_eq!(overtaken, 0, "of {arrived}");
        least = least.min(used);
        sum += used;
    });
    assert!(least >= 0.80, "{least}");
    assert!(sum / 200.0 >= 0.90, "{}", sum / 200.0);
}

/// What the order costs is due to the short packets behind long ones.
#[test]
fn between_packets_of_one_length_it_costs_nothing() {
    for_each_seed(100, |seed| {
        let (overtaken, _, used) = disorder(Order::Flow, seed, Duration::ZERO, &[1000]);
        assert_eq!(overtaken, 0);
        assert!(used >= 0.98, "{used}");
    });
}

/// What the order is for: without it short packets overtake long ones.
#[test]
fn in_free_order_some_do() {
    let mut overtaken = 0;
    for seed in 0..20 {
        overtaken += disorder(Order::Free, seed, Duration::ZERO, MIXED).0;
    }
    assert!(overtaken > 1_000, "{overtaken}");
}

/// When a line is cut, the packets that go to another line do not come behind later ones.
#[test]
fn the_order_survives_a_cut() {
    let (mut moved, mut lost) = (0, 0);
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let config = Config {
            mtu: 1500,
            order: Order::Flow,
            ..Config::default()
        };
        let mut s = Simulation::new(config, random.next_u64());
        for _ in 0..random.between(2, 4) {
            let bps = random.between(9_600, 500_000);
            let index = s.add(bps, Rate::Fixed(bps), true);
            s.lines[index].capacity = 100;
        }
        for _ in 0..6 {
            s.run(random.duration(Duration::from_secs(5)), saturate(MIXED));
            let index = random.below(s.lines.len() as u64) as usize;
            if s.lines[index].up {
                s.cut(index);
            } else {
                s.restore(index);
            }
        }
        let mut newest = [0; 4];
        for Arrival { packet } in &s.arrived {
            let newest = &mut newest[packet.flow as usize];
            assert!(packet.number >= *newest, "{} after {newest}", packet.number);
            *newest = packet.number;
        }
        let slaves = s.master.slaves(s.clock.now());
        let slaves: Vec<_> = slaves.map(|x| x.stats).collect();
        moved += slaves.iter().map(|x| x.moved).sum::<u64>();
        lost += slaves.iter().map(|x| x.lost).sum::<u64>();
    });
    assert!(moved > 250 && lost > 250, "{moved} moved, {lost} lost");
}
