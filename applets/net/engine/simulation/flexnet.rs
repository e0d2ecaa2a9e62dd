//! FlexNet on the air: three nodes, of which the outer ones do not hear each other.

use wanbox_net_flexnet::Asked;
use wanbox_wire::ax25::Call;

use super::*;

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

/// DB0AAA, DB0AAB on two channels, DB0AAC.
fn nodes(seed: u64, loss: f64) -> (Net, InterfaceId) {
    let mut net = Net::new(3);
    net.random = Random::new(seed);
    net.loss = loss;
    let mut attached = Vec::new();
    for (at, name) in [(0, "tnc0"), (1, "tnc0"), (1, "tnc1"), (2, "tnc0")] {
        let own = format!("DB0AA{}", char::from(b'A' + at as u8));
        let station = &mut net.stations[at];
        station.interfaces.default_call = LinkAddress::parse_call(&own);
        let id = attach(station, name, Encapsulation::KissI, "44.128.4.1", 256);
        attached.push((at, id));
    }
    let ends = &attached[..];
    net.join(&ends[..2]);
    net.join(&ends[2..]);
    for (at, id, other) in [
        (0, ends[0].1, "DB0AAB"),
        (1, ends[1].1, "DB0AAA"),
        (1, ends[2].1, "DB0AAC"),
        (2, ends[3].1, "DB0AAB"),
    ] {
        let routes = &mut net.stations[at].ax25.routes;
        assert!(routes.add(0, id.port(), &[], call(other), true));
    }
    let far = ends[2].1;
    for at in [0, 2] {
        net.with(at, |station, now, _| {
            station.radio_sync();
            station.flexnet.add_link(now, call("DB0AAB")).unwrap();
        });
    }
    (net, far)
}

fn knows(net: &Net, at: usize, other: &str) -> bool {
    let station = &net.stations[at];
    let views = station.flexnet.destinations(Some(call(other)));
    views
        .iter()
        .flat_map(|view| &view.neighbours)
        .any(|n| n.delay > 0)
}

#[test]
fn nodes_learn_of_each_other_and_of_losses() {
    wanbox_sim::for_each_seed(40, |seed| {
        let (mut net, far) = nodes(seed, 0.2);
        net.run(Duration::from_secs(900));
        for (at, others) in [(0, ["DB0AAB", "DB0AAC"]), (2, ["DB0AAA", "DB0AAB"])] {
            for other in others {
                assert!(knows(&net, at, other), "{at} {other}");
            }
        }
        // The answer to a query comes back.
        net.events.clear();
        let asked = net.with(0, |station, _, _| station.flexnet.query(call("DB0AAC")));
        assert_eq!(asked, Ok(Asked::Sent(call("DB0AAB"), 0)));
        net.run(Duration::from_secs(120));
        let answer = Event::FlexNet(0, "DB0AAA DB0AAB DB0AAC".to_owned());
        assert!(net.events.contains(&(0, answer)), "{:?}", net.events);
        // Connections find their way.
        net.loss = 0.0;
        let link = net.with(0, |station, now, _| {
            station.ax25.connect(now, None, call("DB0AAC"), &[], None)
        });
        let link = link.unwrap();
        net.run(Duration::from_secs(120));
        let station = &net.stations[0];
        assert!(station.ax25.is_up(link), "{:?}", net.events);
        let header = station.ax25.link(link).unwrap().header.to_string();
        assert_eq!(header, "DB0AAA->DB0AAC via DB0AAB");
        // One channel goes away.
        net.stations[1].interfaces.get_mut(far).unwrap().up = false;
        net.run(Duration::from_secs(3600));
        assert!(!knows(&net, 0, "DB0AAC") && !knows(&net, 2, "DB0AAA"));
        assert!(knows(&net, 0, "DB0AAB") && knows(&net, 1, "DB0AAA"));
        // And comes back.
        net.stations[1].interfaces.get_mut(far).unwrap().up = true;
        net.run(Duration::from_secs(2400));
        assert!(knows(&net, 0, "DB0AAC") && knows(&net, 2, "DB0AAA"));
    });
}
