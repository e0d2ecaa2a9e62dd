//! How long a look-up takes among a million routes of the lengths that the Internet's table has, and others; and what
//! memory a route takes that was learned.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::random::SplitMix64;
use wanbox_net_engine::filter::Filter;
use wanbox_net_engine::route::{NewRoute, Origin, Routes};
use wanbox_net_engine::{InterfaceId, Interfaces};

/// How many of a thousand prefixes have which length in the Internet's table, in which there are a million.
const INTERNET: [(u8, u32); 10] = [
    (14, 2),
    (16, 13),
    (17, 8),
    (18, 14),
    (19, 25),
    (20, 44),
    (21, 52),
    (22, 115),
    (23, 105),
    (24, 622),
];

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the result")]
fn main() {
    let (interfaces, filter) = (Interfaces::default(), Filter::default());
    learned(&interfaces, &filter);
    for (what, lengths) in [
        ("lengths of the Internet's table", &INTERNET[..]),
        ("host routes", &[(32u8, 1000u32)][..]),
        (
            "25 to 32 bits",
            &[25, 26, 27, 28, 29, 30, 31, 32].map(|bits| (bits, 125u32))[..],
        ),
    ] {
        let mut random = SplitMix64::new(1);
        let mut routes = Routes::default();
        let mut targets = Vec::new();
        let start = now();
        while routes.len() < 1_000_000 {
            let target = Ipv4Addr::from_bits(random.next_u32());
            let mut at = random.next_u32() % 1000;
            let length = lengths.iter().find(|(_, share)| {
                let found = at < *share;
                at = at.saturating_sub(*share);
                found
            });
            let length = length.map_or(24, |(length, _)| *length);
            let route = NewRoute::new(target, length, InterfaceId::LOOPBACK);
            if routes.add(start, &route, &interfaces, &filter).is_ok() {
                targets.push(target);
            }
        }
        println!(
            "{what}: {} routes made in {:.2} s",
            routes.len(),
            start.elapsed().as_secs_f64()
        );
        let asked: Vec<Ipv4Addr> = (0..2_000_000)
            .map(|_| targets[random.next_u32() as usize % targets.len()])
            .collect();
        for (kind, asked) in [
            ("addresses of routes", asked),
            (
                "any addresses",
                (0..2_000_000)
                    .map(|_| Ipv4Addr::from_bits(random.next_u32()))
                    .collect(),
            ),
        ] {
            // The median of short runs, so that other programs do not count.
            let mut found = 0;
            let mut times: Vec<u128> = asked
                .chunks(1000)
                .map(|asked| {
                    let start = now();
                    found += asked
                        .iter()
                        .filter(|address| routes.route(**address).is_some())
                        .count();
                    start.elapsed().as_nanos()
                })
                .collect();
            times.sort_unstable();
            let each = times.get(times.len() / 2).copied().unwrap_or(0) / 1000;
            println!(
                "  {kind}: {each} ns a look-up, {found} of {} found",
                asked.len()
            );
        }
    }
}

/// As many as strangers can make the table hold.
#[expect(clippy::print_stdout, reason = "the result")]
fn learned(interfaces: &Interfaces, filter: &Filter) {
    let mut random = SplitMix64::new(1);
    let mut routes = Routes::default();
    let (start, before) = (now(), resident());
    while routes.len() < routes.most_temporary {
        let target = Ipv4Addr::from_bits(random.next_u32());
        let mut route = NewRoute::new(target, 24, InterfaceId::LOOPBACK);
        (route.lifetime, route.origin) = (180, Origin::Rip);
        // One of another network of the same number only starts its timer again.
        let _ = routes.add(start, &route, interfaces, filter);
    }
    let each = resident().saturating_sub(before) / routes.len();
    println!("learned: {} routes of {each} octets", routes.len());
}

/// Memory in use, octets.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}
