use std::collections::HashMap;

use proptest::prelude::*;

use super::file::Record;
use super::*;
use crate::interface::{Encapsulation, Interface, InterfaceId};
use crate::state::FileError;

struct Bench {
    now: Instant,
    interfaces: Interfaces,
    filter: Filter,
    routes: Routes,
    a: InterfaceId,
    b: InterfaceId,
}

impl Bench {
    fn new() -> Self {
        let mut interfaces = Interfaces::default();
        interfaces.default_address = Ipv4Addr::new(44, 1, 1, 1);
        let mut attach = |name| {
            let interface = Interface::new(name, Encapsulation::Slip, 576);
            interfaces.attach(interface).unwrap()
        };
        let (a, b) = (attach("a"), attach("b"));
        Self {
            now: wanbox_sim::Clock::new().now(),
            interfaces,
            filter: Filter::default(),
            routes: Routes::default(),
            a,
            b,
        }
    }

    fn add(&mut self, route: NewRoute) -> Result<(), RouteError> {
        self.routes
            .add(self.now, &route, &self.interfaces, &self.filter)
    }

    fn pass(&mut self, seconds: u64) -> bool {
        self.now += Duration::from_secs(seconds);
        self.routes.handle_timeout(self.now)
    }
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn the_longest_match_wins() {
    let mut bench = Bench::new();
    let (a, b) = (bench.a, bench.b);
    bench.add(NewRoute::new(ip("0.0.0.0"), 0, a)).unwrap();
    bench.add(NewRoute::new(ip("44.0.0.9"), 8, b)).unwrap();
    bench
        .add(NewRoute {
            metric: 9,
            ..NewRoute::new(ip("44.2.0.0"), 16, a)
        })
        .unwrap();
    for (address, interface, bits) in [("44.2.3.4", a, 16), ("44.3.3.4", b, 8), ("10.0.0.1", a, 0)]
    {
        let route = bench.routes.route(ip(address)).unwrap();
        assert_eq!((route.interface, route.bits), (interface, bits));
        assert_eq!(route.next_hop(ip(address)), ip(address));
    }
    bench.routes.route(ip("44.3.3.4")).unwrap();
    let entry = bench.routes.exact(ip("44.0.0.0"), 8).unwrap();
    assert_eq!(bench.routes.uses(entry), 2);
    assert_eq!(
        bench.routes.stats,
        RouteStats {
            lookups: 4,
            cache_hits: 1,
            too_many: 0
        }
    );
    bench.routes.drop(ip("44.0.0.0"), 8).unwrap();
    assert_eq!(bench.routes.lookup(ip("44.3.3.4")).unwrap().bits, 0);
    assert_eq!(
        bench.routes.route(ip("44.3.3.4")).unwrap().bits,
        0,
        "the cache forgot"
    );
}

#[test]
fn refusals_of_the_reference() {
    let mut bench = Bench::new();
    let a = bench.a;
    let host = NewRoute::new(ip("44.2.2.2"), 32, a);
    let temporary = NewRoute {
        lifetime: 60,
        ..host
    };
    let encap = NewRoute {
        interface: InterfaceId::ENCAP,
        ..host
    };
    assert_eq!(
        bench.add(NewRoute::new(ip("44.1.1.1"), 32, a)),
        Err(RouteError::Own)
    );
    assert_eq!(
        bench.add(NewRoute { bits: 33, ..host }),
        Err(RouteError::Bits)
    );
    assert_eq!(bench.add(encap), Err(RouteError::EncapGateway));
    assert_eq!(
        bench.add(NewRoute {
            gateway: ip("44.1.1.1"),
            ..encap
        }),
        Err(RouteError::EncapGateway)
    );
    assert_eq!(bench.add(host), Ok(()));
    assert_eq!(bench.add(temporary), Err(RouteError::Permanent));
    bench.filter.add(crate::filter::Range::of_prefix(
        crate::filter::Action::Deny,
        ip("44.3.0.0"),
        16,
    ));
    let filtered = NewRoute {
        target: ip("44.3.3.3"),
        ..temporary
    };
    assert_eq!(bench.add(filtered), Err(RouteError::Filtered));
    assert_eq!(
        bench.add(NewRoute {
            lifetime: 0,
            ..filtered
        }),
        Ok(())
    );
    bench.routes.most_temporary = 1;
    assert_eq!(
        bench.add(NewRoute {
            target: ip("44.4.4.4"),
            ..temporary
        }),
        Ok(())
    );
    assert_eq!(
        bench.add(NewRoute {
            target: ip("44.4.4.5"),
            ..temporary
        }),
        Err(RouteError::TooMany)
    );
    assert_eq!(bench.routes.stats.too_many, 1);
    bench.routes.flush();
    assert_eq!(bench.routes.len(), 2);
    assert_eq!(
        bench.add(NewRoute {
            target: ip("44.4.4.5"),
            ..temporary
        }),
        Ok(())
    );
}

#[test]
fn a_tunnel_does_not_lead_into_itself() {
    let mut bench = Bench::new();
    let b = bench.b;
    let gateway = ip("44.5.0.1");
    bench
        .add(NewRoute {
            gateway,
            ..NewRoute::new(ip("44.5.0.0"), 16, InterfaceId::ENCAP)
        })
        .unwrap();
    assert!(bench.routes.route(gateway).is_none());
    bench.add(NewRoute::new(ip("0.0.0.0"), 0, b)).unwrap();
    assert_eq!(bench.routes.route(gateway).unwrap().interface, b);
    assert_eq!(
        bench.routes.route(ip("44.5.0.2")).unwrap().interface,
        InterfaceId::ENCAP
    );
}

#[test]
fn learned_routes_end_and_those_of_rip_are_held_down() {
    let mut bench = Bench::new();
    let a = bench.a;
    let learned = NewRoute {
        lifetime: 60,
        origin: Origin::Learned,
        ..NewRoute::new(ip("44.2.2.2"), 32, a)
    };
    bench.add(learned).unwrap();
    bench
        .add(NewRoute {
            target: ip("44.3.3.3"),
            origin: Origin::Rip,
            ..learned
        })
        .unwrap();
    assert!(!bench.pass(50));
    bench.routes.refresh(bench.now, ip("44.2.2.2"), 32, 60);
    assert!(bench.pass(10), "RIP's route became unreachable");
    let held = *bench.routes.exact(ip("44.3.3.3"), 32).unwrap();
    assert!(held.held_down && held.changed && held.metric == INFINITY);
    assert_eq!(held.seconds_left(bench.now), 40);
    assert!(bench.routes.route(ip("44.3.3.3")).is_none());
    bench.pass(40);
    assert!(bench.routes.exact(ip("44.3.3.3"), 32).is_none());
    assert_eq!(bench.routes.len(), 1);
    bench.pass(11);
    assert!(bench.routes.is_empty() && bench.routes.poll_timeout().is_none());
}

#[test]
fn what_leads_the_same_way_is_merged() {
    let mut bench = Bench::new();
    let (a, b) = (bench.a, bench.b);
    let gateway = ip("128.96.1.2");
    bench
        .add(NewRoute {
            gateway,
            ..NewRoute::new(ip("1.2.3.0"), 24, a)
        })
        .unwrap();
    for (last, interface) in [(4, a), (5, b)] {
        let target = Ipv4Addr::new(1, 2, 3, last);
        bench
            .add(NewRoute {
                gateway,
                lifetime: 60,
                ..NewRoute::new(target, 32, interface)
            })
            .unwrap();
    }
    assert_eq!(bench.routes.merge(), [(ip("1.2.3.4"), 32)]);
    assert_eq!(bench.routes.len(), 2);
}

#[test]
fn the_order_of_the_listing() {
    let mut bench = Bench::new();
    let a = bench.a;
    for (target, bits) in [
        ("0.0.0.0", 0),
        ("44.0.0.0", 8),
        ("44.128.4.5", 32),
        ("44.128.4.12", 32),
        ("44.128.4.6", 32),
    ] {
        bench.add(NewRoute::new(ip(target), bits, a)).unwrap();
    }
    let listed: Vec<String> = bench
        .routes
        .listed()
        .iter()
        .map(|route| route.target.to_string())
        .collect();
    // Buckets of the hosts: 6, 6, 5.
    let bucket = |text: &str| {
        let bits = ip(text).to_bits();
        ((bits >> 16) ^ (bits & 0xffff)) % 7
    };
    assert_eq!(bucket("44.128.4.5"), bucket("44.128.4.12"));
    let expected = if bucket("44.128.4.6") < bucket("44.128.4.5") {
        [
            "44.128.4.6",
            "44.128.4.12",
            "44.128.4.5",
            "44.0.0.0",
            "0.0.0.0",
        ]
    } else {
        [
            "44.128.4.12",
            "44.128.4.5",
            "44.128.4.6",
            "44.0.0.0",
            "0.0.0.0",
        ]
    };
    assert_eq!(listed, expected);
}

const FILE: [u8; 30] = [
    0x03, 0x05, 0x04, 0x80, 0x2c, 0x20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x23,
    0xab, 0x31, b't', b'n', b'c', b'0', 0,
];

#[test]
fn the_state_file_of_the_reference() {
    let record = Record {
        target: ip("44.128.4.5"),
        bits: 32,
        gateway: Ipv4Addr::UNSPECIFIED,
        metric: 1,
        private: false,
        expires: Some(833_299_200),
        interface: "tnc0".into(),
    };
    assert_eq!(file::parse(&FILE), (vec![record.clone()], None));
    assert_eq!(file::format(std::slice::from_ref(&record)), FILE);
    assert_eq!(file::parse(&[]), (vec![], None));
    assert_eq!(
        file::parse(&[4, 1]),
        (
            vec![],
            Some(FileError::Version {
                version: 4,
                known: 1..=3
            })
        )
    );
    for cut in 2..FILE.len() {
        assert_eq!(
            file::parse(&FILE[..cut]),
            (vec![], Some(FileError::Record(1))),
            "{cut}"
        );
    }
    let mut old = vec![1];
    old.extend(&FILE[1..21]);
    old.extend(b"tnc0\0");
    assert_eq!(
        file::parse(&old),
        (
            vec![Record {
                expires: None,
                ..record
            }],
            None
        )
    );
}

#[test]
fn saved_routes_come_back() {
    let mut bench = Bench::new();
    let a = bench.a;
    let learned = NewRoute {
        lifetime: 600,
        private: true,
        metric: 3,
        ..NewRoute::new(ip("44.2.2.2"), 32, a)
    };
    bench.add(learned).unwrap();
    bench.add(NewRoute::new(ip("44.3.0.0"), 16, a)).unwrap();
    bench
        .add(NewRoute {
            target: ip("0.0.0.0"),
            bits: 0,
            ..learned
        })
        .unwrap();
    bench
        .add(NewRoute {
            target: ip("44.7.7.7"),
            interface: bench.b,
            lifetime: 100,
            ..learned
        })
        .unwrap();
    let records = bench.routes.records(bench.now, 1000, &bench.interfaces);
    assert_eq!(
        records.len(),
        1,
        "the host route leads where the default route does: {records:?}"
    );
    let mut other = Bench::new();
    let (now, interfaces, filter) = (other.now, &other.interfaces, &other.filter);
    assert_eq!(
        other.routes.load(now, 1100, &records, interfaces, filter),
        0,
        "it has ended"
    );
    assert_eq!(
        other.routes.load(now, 1040, &records, interfaces, filter),
        1
    );
    let route = other.routes.exact(ip("44.7.7.7"), 32).unwrap();
    assert_eq!(
        (route.metric, route.private, route.seconds_left(now)),
        (3, true, 60)
    );
}

/// Expiry, lifetime in seconds, learned by RIP, held down.
type Kept = (Option<Instant>, u32, bool, bool);

#[derive(Clone, Debug)]
enum Step {
    Add {
        high: u32,
        bits: u8,
        lifetime: u32,
        rip: bool,
    },
    Drop {
        high: u32,
        bits: u8,
    },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..16, 0u8..=32, 0u32..100, any::<bool>()).prop_map(|(high, bits, lifetime, rip)| {
            Step::Add {
                high,
                bits,
                lifetime,
                rip,
            }
        }),
        (0u32..16, 0u8..=32).prop_map(|(high, bits)| Step::Drop { high, bits }),
        (0u64..80).prop_map(Step::Pass),
    ]
}

proptest! {
    /// A model that looks through all entries agrees, whatever is added, dropped and aged.
    #[test]
    fn as_a_search_through_all(steps in prop::collection::vec(step(), 0..80)) {
        let mut bench = Bench::new();
        let mut model: HashMap<(u32, u8), Kept> = HashMap::new();
        for step in steps {
            match step {
                Step::Add { high, bits, lifetime, rip } => {
                    let address = high << 28 | high;
                    let origin = if rip { Origin::Rip } else { Origin::Learned };
                    let new = NewRoute { lifetime, origin, ..NewRoute::new(address.into(), bits, bench.a) };
                    let added = bench.add(new);
                    let key = (address & mask(bits), bits);
                    let permanent = model.get(&key).is_some_and(|(expires, ..)| expires.is_none());
                    if address == 0 && bits == 32 {
                        prop_assert_eq!(added, Err(RouteError::Own));
                    } else if permanent && lifetime > 0 {
                        prop_assert_eq!(added, Err(RouteError::Permanent));
                    } else {
                        prop_assert_eq!(added, Ok(()));
                        let expires = (lifetime > 0).then(|| bench.now + Duration::from_secs(lifetime.into()));
                        model.insert(key, (expires, lifetime, rip, false));
                    }
                }
                Step::Drop { high, bits } => {
                    let address = high << 28 | high;
                    let gone = bench.routes.drop(address.into(), bits).is_some();
                    prop_assert_eq!(gone, model.remove(&(address & mask(bits), bits)).is_some());
                }
                Step::Pass(seconds) => {
                    bench.pass(seconds);
                    let now = bench.now;
                    model.retain(|_, (expires, lifetime, rip, held)| {
                        let Some(at) = *expires else { return true };
                        if at > now {
                            return true;
                        }
                        if *rip && !*held {
                            *held = true;
                            *expires = Some(now + Duration::from_secs(u64::from((*lifetime * 2 / 3).max(1))));
                            return true;
                        }
                        false
                    });
                }
            }
            prop_assert_eq!(bench.routes.len(), model.len());
            prop_assert!(bench.routes.timers.len() <= 2 * model.len() + 65);
            for high in 0..16u32 {
                let address = high << 28 | high;
                let expected = model
                    .iter()
                    .filter(|((target, bits), (.., held))| address & mask(*bits) == *target && !held)
                    .map(|((_, bits), _)| *bits)
                    .max();
                prop_assert_eq!(bench.routes.route(address.into()).map(|route| route.bits), expected);
            }
        }
    }

    #[test]
    fn any_file(mut octets in prop::collection::vec(any::<u8>(), 0..120), like: bool) {
        if like && octets.len() > FILE.len() {
            octets[..FILE.len()].copy_from_slice(&FILE);
        }
        file::fuzz_route_file(&octets);
    }
}

#[test]
fn large_tables_answer_as_small_ones() {
    let mut bench = Bench::new();
    let mut random = wanbox_sim::Random::new(3);
    let a = bench.a;
    let mut all: Vec<(u32, u8)> = Vec::new();
    while bench.routes.len() < 3 * INDEX_FROM {
        let bits = random.between(0, 32) as u8;
        let target = (0x2c00_0000 | random.next_u64() as u32 & 0x003f_ffff) & mask(bits);
        if !all.contains(&(target, bits)) {
            bench.add(NewRoute::new(target.into(), bits, a)).unwrap();
            all.push((target, bits));
        }
    }
    assert!(bench.routes.index.is_some());
    while bench.routes.len() > INDEX_FROM / 4 {
        for _ in 0..200 {
            let (target, bits) = all.swap_remove(random.below(all.len() as u64) as usize);
            bench.routes.drop(target.into(), bits);
        }
        for _ in 0..200 {
            let address = 0x2c00_0000 | random.next_u64() as u32 & 0x003f_ffff;
            let fit = all
                .iter()
                .filter(|(target, bits)| address & mask(*bits) == *target);
            let expected = fit.map(|(_, bits)| *bits).max();
            let found = bench.routes.lookup(address.into());
            assert_eq!(found.map(|route| route.bits), expected);
            assert_eq!(
                found.is_some_and(|route| route.target.to_bits() == address & mask(route.bits)),
                found.is_some()
            );
        }
    }
    assert!(bench.routes.index.is_none());
}
