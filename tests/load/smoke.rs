//! The load, for a moment, through the executable that `make` left.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::path::Path;

use wanbox_load::place::{Place, Whose};
use wanbox_rig::Need;
use wanbox_rig::need;

const NEEDS: [Need; 9] = [
    Need::Namespaces,
    Need::Tun,
    Need::Build,
    Need::Tool("ip"),
    Need::Tool("ethtool"),
    Need::Tool("tc"),
    Need::Tool("taskset"),
    Need::Tool("unshare"),
    Need::Tool("mount"),
];

#[test]
fn packets_connections_and_round_trips_through_six_sessions() {
    if let Some(missing) = NEEDS.iter().find_map(|need| need.missing()) {
        eprintln!("skipped: needs {missing}");
        return;
    }
    let wanbox = need::shipped().unwrap();
    let load = Path::new(env!("CARGO_BIN_EXE_l2tp-load"));
    let place = Place::new(Whose::Wanbox, &wanbox, load).unwrap();
    let words = "--sessions 6 --tunnels 2 --traffic 0.1 --rate 1000 --sizes 1400 --flows 3 \
                 --tcp 0.2 --streams 4 --latency 0.2 --bulk 1000";
    let words: Vec<&str> = words.split_whitespace().collect();
    let report = place.load(&words).unwrap();
    assert_eq!((&report["up"], &report["lost"]), (&6.into(), &0.into()));
    let rows = |part: &str| report[part].as_array().unwrap().clone();
    let traffic = rows("traffic");
    assert_eq!(traffic.len(), 2, "{report:#}");
    for row in traffic {
        assert!(row["received"].as_f64().unwrap() > 100.0, "{row:#}");
    }
    // That octets are those that were sent, and all there, is told by the load itself.
    let tcp = rows("tcp");
    assert_eq!(tcp.len(), 2, "{report:#}");
    for (row, direction) in tcp.iter().zip(["up", "down"]) {
        assert_eq!(
            (&row["direction"], &row["streams"]),
            (&direction.into(), &4.into())
        );
        assert!(row["octets"].as_f64().unwrap() > 100_000.0, "{row:#}");
    }
    let latency = rows("latency");
    assert_eq!(latency.len(), 3, "{report:#}");
    for row in latency {
        let (sent, lost) = (row["sent"].as_u64().unwrap(), row["lost"].as_u64().unwrap());
        assert!(
            sent > lost && row["us"][0].as_f64().unwrap() > 0.0,
            "{row:#}"
        );
    }
}
