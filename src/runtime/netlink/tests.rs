use super::*;
use crate::netns::tests::namespace_or_skip;
use crate::tun::{Mode, Options, Tun};

fn tun(name: &str, mode: Mode, carrier: bool) -> Option<Tun> {
    let options = Options {
        offload: false,
        carrier,
    };
    match Tun::open(name, mode, &options) {
        Ok(tun) => Some(tun),
        Err(error) => {
            eprintln!("skipped: needs /dev/net/tun: {error}");
            None
        }
    }
}

/// The kernel follows the carrier a moment later.
pub(crate) fn until_running(netlink: &mut Netlink, name: &str, wanted: bool) {
    for _ in 0..10_000 {
        if netlink.link(name).unwrap().is_running() == wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{name}: running is not {wanted} after 10 s");
}

#[test]
fn links_addresses_and_routes_of_a_namespace() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            let Some(tun) = tun("wbn0", Mode::Tun, false) else {
                return;
            };
            let mut monitor = Monitor::open().unwrap();
            let link = netlink.link("wbn0").unwrap();
            assert!(!link.is_up());
            netlink.set_mtu(link.index, 1400).unwrap();
            let address = Address {
                local: [10, 9, 0, 1].into(),
                peer: Some([10, 9, 0, 2].into()),
                prefix_len: 32,
                broadcast: None,
            };
            let second = Address {
                local: [10, 8, 0, 1].into(),
                peer: None,
                prefix_len: 24,
                broadcast: Some([10, 8, 0, 255].into()),
            };
            let v6 = Address {
                local: "2001:db8::1".parse().unwrap(),
                peer: None,
                prefix_len: 64,
                broadcast: None,
            };
            for wanted in [&address, &second, &v6] {
                netlink.add_address(link.index, wanted).unwrap();
            }
            let twice = netlink.add_address(link.index, &address).unwrap_err();
            assert_eq!(twice.errno(), Some(libc::EEXIST));
            assert!(
                twice.to_string().contains("10.9.0.1 peer 10.9.0.2/32"),
                "{twice}"
            );
            netlink.set_up(link.index, true).unwrap();
            // The kernel works on the carrier later than it answers.
            until_running(&mut netlink, "wbn0", false);
            let up = netlink.link("wbn0").unwrap();
            assert!(up.is_up() && up.mtu == 1400, "{up:?}");
            tun.set_carrier(true).unwrap();
            until_running(&mut netlink, "wbn0", true);
            let all = netlink.addresses(Some(link.index)).unwrap();
            for wanted in [address, second, v6] {
                assert!(all.contains(&(link.index, wanted)), "{wanted}: {all:?}");
            }

            let default = Route::default_v4(link.index, None);
            netlink.add_route(&default).unwrap();
            assert_eq!(
                netlink.add_route(&default).unwrap_err().errno(),
                Some(libc::EEXIST)
            );
            let better = Route::default_v4(link.index, Some([10, 9, 0, 2].into()));
            netlink.replace_route(&better).unwrap();
            let defaults: Vec<_> = netlink
                .routes()
                .unwrap()
                .into_iter()
                .filter(|r| r.prefix_len == 0 && r.destination.is_ipv4())
                .collect();
            assert_eq!(defaults, [better]);
            netlink.delete_route(&better).unwrap();
            assert_eq!(
                netlink.delete_route(&better).unwrap_err().errno(),
                Some(libc::ESRCH)
            );
            for (to, bits) in [("192.0.2.7", 32), ("2001:db8:7::", 56)] {
                let marked = Route {
                    protocol: 42,
                    ..Route::through(to.parse().unwrap(), bits, link.index)
                };
                netlink.add_route(&marked).unwrap();
                let there: Vec<_> = netlink.routes().unwrap();
                let there = there.iter().find(|r| r.destination == marked.destination);
                assert_eq!(there.map(|route| route.protocol), Some(42));
                netlink.delete_route(&marked).unwrap();
            }
            let net6 = Route::through("2001:db8:1::".parse().unwrap(), 48, link.index);
            netlink.add_route(&net6).unwrap();
            assert!(
                netlink
                    .routes()
                    .unwrap()
                    .iter()
                    .any(|r| r.destination == net6.destination && r.prefix_len == 48)
            );
            netlink.delete_route(&net6).unwrap();

            netlink.flush_addresses(link.index).unwrap();
            let rest = netlink.addresses(Some(link.index)).unwrap();
            assert!(
                !rest.iter().any(|(_, a)| [address, second, v6].contains(a)),
                "{rest:?}"
            );
            netlink.set_up(link.index, false).unwrap();
            drop(tun);

            let mut events = Vec::new();
            while let Some(event) = monitor.poll_event().unwrap() {
                events.push(event);
            }
            assert!(events.contains(&NetEvent::Address(link.index, address)));
            assert!(events.contains(&NetEvent::AddressGone(link.index, address)));
            assert!(
                events
                    .iter()
                    .any(|e| matches!(e, NetEvent::Link(l) if l.name == "wbn0" && l.is_running()))
            );
            assert!(
                events
                    .iter()
                    .any(|e| matches!(e, NetEvent::LinkGone(l) if l.index == link.index))
            );
        })
        .unwrap();
}

#[test]
fn a_tap_in_a_bridge() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            let Some(_tap) = tun("wbt0", Mode::Tap, true) else {
                return;
            };
            netlink.add_link("wbb0", NewLink::Bridge).unwrap();
            let bridge = netlink.link("wbb0").unwrap().index;
            let tap = netlink.link("wbt0").unwrap().index;
            netlink.set_bridge(tap, Some(bridge)).unwrap();
            assert_eq!(netlink.link("wbt0").unwrap().bridge, Some(bridge));
            netlink.set_bridge(tap, None).unwrap();
            assert_eq!(netlink.link("wbt0").unwrap().bridge, None);
            netlink.delete_link(bridge).unwrap();
            assert_eq!(
                netlink.link("wbb0").unwrap_err().errno(),
                Some(libc::ENODEV)
            );
        })
        .unwrap();
}

#[test]
fn a_dormant_link_is_up_and_does_not_run() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            let Some(tun) = tun("wbn1", Mode::Tun, true) else {
                return;
            };
            let index = netlink.link("wbn1").unwrap().index;
            netlink.set_operational(index, false).unwrap();
            netlink.set_up(index, true).unwrap();
            let link = netlink.link("wbn1").unwrap();
            assert!(link.is_up() && !link.is_running());
            netlink.set_operational(index, true).unwrap();
            until_running(&mut netlink, "wbn1", true);
            drop(tun);
        })
        .unwrap();
}

#[test]
fn errors_say_what_was_asked() {
    let mut netlink = Netlink::open().unwrap();
    let error = netlink.set_mtu(999_999, 1500).unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting the MTU of link 999999 to 1500: No such device (os error 19)"
    );
}

/// A neighbour that the kernel is not to look for.
fn set_by_hand(netlink: &mut Netlink, neighbour: &Neighbour) {
    let Some(hardware) = neighbour.hardware else {
        panic!("a hardware address, not {neighbour:?}");
    };
    let message = neighbour::request(neighbour.index, neighbour.address, libc::NUD_PERMANENT, 0)
        .with(libc::NDA_LLADDR, &hardware);
    netlink
        .request(
            "setting a neighbour".into(),
            message,
            (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16,
        )
        .unwrap();
}

#[test]
fn neighbours_are_found_when_asked_for() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let mut netlink = Netlink::open().unwrap();
            netlink
                .add_link("wbq0", NewLink::Veth { peer: "wbq1" })
                .unwrap();
            let link = netlink.link("wbq0").unwrap();
            let mut monitor = Monitor::open_with_neighbours().unwrap();
            netlink.set_up(link.index, true).unwrap();
            let far = netlink.link("wbq1").unwrap();
            assert_eq!(far.lower, Some(link.index));
            netlink.set_up(far.index, true).unwrap();
            let address = Address {
                local: [10, 7, 0, 1].into(),
                peer: None,
                prefix_len: 24,
                broadcast: None,
            };
            netlink.add_address(link.index, &address).unwrap();
            until_running(&mut netlink, "wbq0", true);
            // Nobody answers at the other end, which has no address.
            let silent = [10, 7, 0, 9].into();
            netlink.resolve(link.index, silent).unwrap();
            let all = netlink.neighbours().unwrap();
            let asked = all.iter().find(|n| n.address == silent).unwrap();
            assert_eq!((asked.index, asked.hardware), (link.index, None));
            let mut failed = false;
            for _ in 0..10_000 {
                while let Some(event) = monitor.poll_event().unwrap() {
                    failed |= matches!(event, NetEvent::Neighbour(n)
                        if n.address == silent && n.state == Reachability::Failed);
                }
                if failed {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(failed, "nobody said that the neighbour is silent");
            // It may be asked for again; what was set by hand stays.
            netlink.resolve(link.index, silent).unwrap();
            let set = Neighbour {
                index: link.index,
                address: silent,
                hardware: Some([2, 0, 0, 0, 0, 9]),
                state: Reachability::Confirmed,
            };
            set_by_hand(&mut netlink, &set);
            netlink.resolve(link.index, silent).unwrap();
            assert!(netlink.neighbours().unwrap().contains(&set));
            let way = netlink.way_to(silent).unwrap();
            assert_eq!(way, Some(link.index));
            assert_eq!(netlink.way_to([10, 7, 0, 1].into()).unwrap(), None);
            let none = netlink.way_to([10, 8, 0, 1].into()).unwrap_err();
            assert_eq!(none.errno(), Some(libc::ENETUNREACH));
            assert_eq!(
                netlink.stats(link.index + 1000).unwrap_err().errno(),
                Some(libc::ENODEV)
            );
        })
        .unwrap();
}
