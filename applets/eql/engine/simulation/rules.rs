//! What may be enslaved, and what becomes of a slave.

use super::*;

use crate::{Refusal, Why};

const MTU: u32 = 576;

fn enslave(s: &mut Simulation, name: &str, rate: Rate, sticky: bool) -> Result<SlaveId, Refusal> {
    let how = Enslave {
        rate,
        framing: Framing::SLIP,
        sticky,
    };
    let now = s.clock.now();
    s.master.enslave(now, &device(name, MTU), how)
}

fn names(s: &Simulation) -> Vec<(String, State)> {
    let slaves = s.master.slaves(s.clock.now());
    slaves.map(|x| (x.name.to_owned(), x.state)).collect()
}

#[test]
fn the_newest_is_at_the_head() {
    let mut s = Simulation::new(Config::default(), 0);
    for name in ["sl0", "ppp0", "sl1"] {
        enslave(&mut s, name, Rate::Fixed(28_800), false).unwrap();
    }
    let found = names(&s);
    let found: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found, ["sl1", "ppp0", "sl0"]);
    let id = s.master.find("ppp0").unwrap();
    assert_eq!(s.master.name_of(id), Some("ppp0"));
    assert_eq!(s.master.find("ppp1"), None);
}

#[test]
fn refusals_change_nothing() {
    let mut s = Simulation::new(Config::default(), 0);
    enslave(&mut s, "sl0", Rate::Fixed(9600), false).unwrap();
    let before = names(&s);
    let mut refused = |name: &str, rate, words: &str| {
        let refusal = enslave(&mut s, name, rate, false).unwrap_err();
        assert!(refusal.to_string().contains(words), "{refusal}");
        assert_eq!(names(&s), before);
    };
    refused("sl0", Rate::Fixed(9600), "sl0 is a slave of eql already");
    refused("eql", Rate::Fixed(9600), "can't be its own slave");
    refused("sl1", Rate::Fixed(0), "0 bit/s is no rate");
    refused("sl1", Rate::Fixed(u64::MAX), "bit/s is no rate");
    refused("a/b", Rate::Auto, "no name of an interface");
    let now = s.clock.now();
    assert!(matches!(
        s.master.emancipate(now, "sl1"),
        Err(Refusal::NotEnslaved { .. })
    ));
    assert!(s.master.set_rate(now, "sl1", Rate::Auto).is_err());
    assert!(s.master.set_rate(now, "sl0", Rate::Fixed(0)).is_err());
    s.master.set_open(now, false);
    let closed = enslave(&mut s, "sl1", Rate::Auto, false);
    assert_eq!(closed, Err(Refusal::NotUp("eql".to_owned())));
}

#[test]
fn a_lowered_limit_evicts_none_and_takes_none() {
    let mut s = Simulation::new(Config::default(), 0);
    for name in ["sl0", "sl1", "sl2", "sl3"] {
        enslave(&mut s, name, Rate::Fixed(9600), false).unwrap();
    }
    let full = enslave(&mut s, "sl4", Rate::Fixed(9600), false);
    assert_eq!(
        full,
        Err(Refusal::Full {
            master: "eql".to_owned(),
            max_slaves: 4
        })
    );
    s.master.set_max_slaves(2).unwrap();
    assert_eq!(names(&s).len(), 4);
    for gone in ["sl0", "sl1"] {
        assert!(enslave(&mut s, "sl4", Rate::Fixed(9600), false).is_err());
        s.master.emancipate(s.clock.now(), gone).unwrap();
    }
    assert!(enslave(&mut s, "sl4", Rate::Fixed(9600), false).is_err());
    s.master.emancipate(s.clock.now(), "sl2").unwrap();
    enslave(&mut s, "sl4", Rate::Fixed(9600), false).unwrap();
    assert!(s.master.set_max_slaves(0).is_err());
    assert!(s.master.set_max_slaves(65).is_err());
    assert_eq!(s.master.config().max_slaves, 2);
}

#[test]
fn one_that_goes_down_is_buried_and_makes_room() {
    let mut s = Simulation::new(Config::default(), 0);
    s.master.set_max_slaves(1).unwrap();
    let line = s.add(9600, Rate::Fixed(9600), false);
    assert_eq!(s.cut(line), Some(Change::Buried));
    assert_eq!(s.state(line), Some(State::Buried));
    // It does not come back by itself.
    assert_eq!(s.restore(line), None);
    assert!(!s.master.has_slaves_up());
    enslave(&mut s, "ppp0", Rate::Fixed(9600), false).unwrap();
    assert!(enslave(&mut s, "sl0", Rate::Fixed(9600), false).is_err());
    s.master.emancipate(s.clock.now(), "ppp0").unwrap();
    let old = s.lines[line].id;
    let new = enslave(&mut s, "sl0", Rate::Fixed(9600), false).unwrap();
    assert_ne!(old, new);
    assert_eq!(names(&s), [("sl0".to_owned(), State::Up)]);
}

#[test]
fn the_buried_are_not_remembered_without_end() {
    let mut s = Simulation::new(Config::default(), 0);
    for number in 0..100 {
        let id = enslave(&mut s, &format!("ppp{number}"), Rate::Auto, false).unwrap();
        let change = s.master.carrier(s.clock.now(), id, false);
        assert_eq!(change, Some(Change::Buried));
    }
    let names = names(&s);
    assert_eq!(names.len(), 16);
    assert_eq!(names[0].0, "ppp99");
}

#[test]
fn a_sticky_one_waits_keeps_its_place_and_returns_as_the_newest() {
    let mut s = Simulation::new(Config::default(), 0);
    s.master.set_max_slaves(2).unwrap();
    let sticky = s.add(9600, Rate::Fixed(9600), true);
    s.add(9600, Rate::Fixed(9600), false);
    assert_eq!(s.cut(sticky), Some(Change::Waiting));
    assert_eq!(s.cut(sticky), None);
    assert!(matches!(
        enslave(&mut s, "ppp0", Rate::Auto, false),
        Err(Refusal::Full { .. })
    ));
    assert_eq!(s.restore(sticky), Some(Change::Taken));
    assert_eq!(s.restore(sticky), None);
    assert_eq!(names(&s)[0], ("sl0".to_owned(), State::Up));
    // One that is not there yet can be enslaved, if it is to wait.
    s.master.emancipate(s.clock.now(), "sl1").unwrap();
    let down = Device {
        up: false,
        ..device("sl9", MTU)
    };
    let mut how = Enslave {
        rate: Rate::Auto,
        framing: Framing::SLIP,
        sticky: false,
    };
    let now = s.clock.now();
    assert!(matches!(
        s.master.enslave(now, &down, how),
        Err(Refusal::NotUp(_))
    ));
    how.sticky = true;
    let id = s.master.enslave(now, &down, how).unwrap();
    assert_eq!(names(&s)[0], ("sl9".to_owned(), State::Waiting));
    assert_eq!(s.master.carrier(now, id, true), Some(Change::Taken));
}

#[test]
fn without_slaves_packets_are_dropped_and_counted() {
    let mut s = Simulation::new(Config::default(), 0);
    let packet = Packet {
        number: 0,
        flow: 0,
        len: 100,
    };
    let now = s.clock.now();
    assert!(s.master.room(now));
    let refused = s.master.enqueue(now, 100, 0, packet).unwrap_err();
    assert_eq!(refused.why, Why::NoSlave);
    s.add(9600, Rate::Fixed(9600), false);
    for len in [0, 65_536] {
        let refused = s.master.enqueue(now, len, 0, packet).unwrap_err();
        assert_eq!(refused.why, Why::Length);
    }
    let stats = s.master.stats();
    assert_eq!((stats.no_slave, stats.length, stats.accepted), (1, 2, 0));
    assert_eq!(s.master.poll_timeout(), None);
}

#[test]
fn full_queues_stop_the_owner_until_the_deadline_says_so() {
    let mut s = Simulation::new(Config::default(), 0);
    s.add(9600, Rate::Fixed(9600), false);
    s.run(Duration::from_millis(1), saturate(&[576]));
    let now = s.clock.now();
    assert!(!s.master.room(now));
    let at = s.master.poll_timeout().unwrap();
    assert!(at > now);
    // 578 octets and 4 escapes take 606 ms; 150 ms before the line is free there is room.
    assert!(!s.master.room(at - Duration::from_nanos(2)));
    assert!(s.master.room(at));
    assert_eq!(s.master.stats().full, 0);
}

#[test]
fn with_the_drivers_formula_the_owner_never_stops_and_the_rest_is_dropped() {
    let config = Config {
        scheduler: Scheduler::Priority(crate::priority::Word::Bits64),
        limits: Limits {
            packets: 5,
            ..Limits::default()
        },
        ..Config::default()
    };
    let mut s = Simulation::new(config, 0);
    s.add(9600, Rate::Fixed(9600), false);
    for _ in 0..100 {
        s.offer(0, 576);
    }
    s.run(Duration::from_millis(1), |_| ());
    let now = s.clock.now();
    assert!(s.master.room(now));
    // One on the line, ten in the device, five here.
    assert_eq!(s.lines[0].device.len(), 10);
    let slave = s.master.slaves(now).next().unwrap();
    assert_eq!(slave.queued_packets, 5);
    assert_eq!(slave.gauge_octets, 57_600);
    assert_eq!(slave.stats.dropped, 84);
    assert_eq!(s.master.stats().full, 84);
    // 1,200 octets a second, once a second.
    s.run(Duration::from_millis(2_500), |_| ());
    s.offer(0, 576);
    s.run(Duration::from_millis(1), |_| ());
    let slave = s.master.slaves(s.clock.now()).next().unwrap();
    assert_eq!(slave.gauge_octets, 57_600 - 2 * 1_200 + 576);
}

#[test]
fn a_packet_that_comes_back_goes_elsewhere_when_its_slave_is_gone() {
    let mut s = Simulation::new(Config::default(), 0);
    s.add(9600, Rate::Fixed(9600), false);
    s.add(9600, Rate::Fixed(9600), false);
    let now = s.clock.now();
    let packet = Packet {
        number: 0,
        flow: 0,
        len: 576,
    };
    s.master.enqueue(now, 576, 0, packet).unwrap();
    let transmit = s.master.poll_transmit(now).unwrap();
    let slave = transmit.slave;
    s.master.carrier(now, slave, false);
    s.master.backpressure(now, transmit);
    let again = s.master.poll_transmit(now).unwrap();
    assert_ne!(again.slave, slave);
    s.master.failed(&again);
    let stats = s.master.stats();
    assert_eq!((stats.accepted, stats.sent, stats.failed), (1, 0, 1));
}

/// What is left in the device of a line that is cut is known when the device reports.
#[test]
fn what_a_device_had_not_sent_is_counted() {
    let mut s = Simulation::new(Config::default(), 0);
    s.report = Some(Duration::from_millis(100));
    let line = s.add(9600, Rate::Auto, false);
    s.run(Duration::from_secs(20), saturate(&[576]));
    s.report();
    s.cut(line);
    let slave = s.master.slaves(s.clock.now()).next().unwrap();
    assert!(s.lines[line].cut > 0);
    assert_eq!(slave.stats.lost_in_device, s.lines[line].cut);
}
