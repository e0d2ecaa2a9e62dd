//! Users with several calls.

use wanbox_wire::radius::{Kind, Packet};

use super::*;

const ENDPOINT: &[u8] = &[3, 2, 0, 0, 0, 0, 1];

/// Two LACs and a user `ann` with this many calls, in turn through each.
fn ann(lines: &[(&str, &str)], links: usize, grant: &[(Kind, &[u8])]) -> World {
    let mut world = World::simple(lines);
    world.add_lac("198.51.100.2:1701");
    world.radius.user("ann", "pw", grant);
    world.team("ann", team::profile("ann", ENDPOINT));
    for link in 0..links {
        world.team_up(0, link % 2);
    }
    assert_eq!(world.teams[0].anew, 0);
    world
}

/// The numbers of an attribute in the requests of a code, in order.
fn numbers(world: &World, code: u8, kind: Kind) -> Vec<u32> {
    let packets = world
        .radius
        .packets
        .iter()
        .filter(|packet| packet[0] == code);
    packets
        .filter_map(|packet| {
            let packet = Packet::parse(packet).unwrap();
            let found = packet.attributes().find(|a| a.kind == kind)?;
            found.u32().ok()
        })
        .collect()
}

fn texts(world: &World, kind: Kind) -> Vec<String> {
    let packets = world.radius.packets.iter().filter(|packet| packet[0] == 4);
    packets
        .filter_map(|packet| {
            let packet = Packet::parse(packet).unwrap();
            let found = packet.attributes().find(|a| a.kind == kind)?;
            Some(String::from_utf8_lossy(found.value).into_owned())
        })
        .collect()
}

#[test]
fn a_second_call_of_a_user_is_a_link_of_the_first() {
    let mut world = ann(&[], 1, &[(Kind::IDLE_TIMEOUT, &[0, 0, 0, 30])]);
    world.team_data_passes(0);
    world.team_up(0, 1);
    for _ in 0..2 {
        world.team_data_passes(0);
    }
    assert_eq!(world.lns.sessions().len(), 2);
    assert_eq!(world.teams[0].ups, 1, "IPCP runs once");
    assert_eq!(
        (world.lns.pool.used(), world.lns.counters().ip_allocated),
        (1, 1)
    );
    let own = world.teams[0].address();
    let ids: Vec<_> = world
        .lns
        .sessions()
        .iter()
        .map(|session| session.id)
        .collect();
    for session in world.lns.sessions().iter() {
        assert_eq!((&*session.user, session.address), ("ann", own));
    }
    assert_eq!(world.lns.session_at(own.into()), Some(ids[0]));
    let now = world.now();
    for id in &ids {
        let text = world
            .lns
            .with_session(now, *id, |session| session.to_string())
            .unwrap();
        let links = format!(
            "\tBundle:\t\t1 (links {} {}, MRRU 1600, 0 fragments lost)\n",
            ids[0], ids[1]
        );
        assert!(text.contains(&links), "{text}");
        assert!(text.contains("IPCP state:\tOpened"), "{text}");
        assert!(text.contains(&format!("IP address:\t{own}")), "{text}");
    }
    assert_eq!(world.lns.highest_bundle(), 1);
    // The second was only authenticated; each is accounted for, both as one.
    assert_eq!(numbers(&world, 1, Kind::SERVICE_TYPE), [2, 8]);
    assert_eq!(numbers(&world, 4, Kind::ACCT_LINK_COUNT), [1, 2]);
    let together = texts(&world, Kind::ACCT_MULTI_SESSION_ID);
    assert_eq!(together[0], together[1]);
    assert_eq!(together[0], texts(&world, Kind::ACCT_SESSION_ID)[0]);
    // Both carried something, and together what passed.
    let counted: Vec<_> = ids
        .iter()
        .map(|id| *world.lns.traffic(*id).unwrap())
        .collect();
    let octets: u64 = [28, 60, 255, 256, 576, 1000, 1400, 1460].iter().sum();
    assert_eq!(counted.iter().map(|c| c.octets_in).sum::<u64>(), 3 * octets);
    assert_eq!(
        counted.iter().map(|c| c.octets_out).sum::<u64>(),
        3 * octets
    );
    assert_eq!(counted.iter().map(|c| c.packets_in).sum::<u64>(), 24);
    assert_eq!(counted.iter().map(|c| c.packets_out).sum::<u64>(), 24);
    assert!(
        counted
            .iter()
            .all(|c| c.octets_in > 1000 && c.octets_out > 1000)
    );
    // The second is idle no more than the first.
    for _ in 0..3 {
        world.run_for(20 * SECOND);
        world.team_data_passes(0);
    }
    assert_eq!(world.lns.sessions().len(), 2);
    world.run_for(40 * SECOND);
    assert_eq!(
        world
            .radius
            .records
            .iter()
            .filter(|record| record.3 == Some(4))
            .count(),
        2
    );
    assert!(world.lns.sessions().is_empty() && world.lns.bundles.is_empty());
    assert_eq!(
        (world.lns.pool.used(), world.lns.counters().ip_freed),
        (0, 1)
    );
}

#[test]
fn links_come_and_go_in_any_order() {
    for first in 0..3 {
        let route = b"10.78.0.0/24";
        let grant: &[(Kind, &[u8])] = &[(Kind::FRAMED_ROUTE, route)];
        let mut world = ann(&[], 3, grant);
        let own = world.teams[0].address();
        world.team_data_passes(0);
        for which in [first, (first + 1) % 3] {
            let (lac, place) = world.teams[0].lines[which].at;
            let now = world.now();
            world.lacs[lac].hang_up(now, place, 1);
            world.run_for(SECOND / 10);
            world.team_data_passes(0);
        }
        assert_eq!(world.lns.sessions().len(), 1);
        // Another one comes, and the last of the old ones goes.
        world.teams[0].lines.retain(|line| line.member.is_some());
        world.team_up(0, 0);
        let (lac, place) = world.teams[0].lines[0].at;
        let now = world.now();
        world.lacs[lac].hang_up(now, place, 1);
        world.run_for(SECOND);
        world.team_data_passes(0);
        assert_eq!((world.teams[0].ups, world.teams[0].address()), (1, own));
        let route = |event: &HostEvent| match event {
            HostEvent::AddRoute { network, .. } => Some((true, *network)),
            HostEvent::DeleteRoute { network, .. } => Some((false, *network)),
            _ => None,
        };
        let network = IpAddr::from([10, 78, 0, 0]);
        let routes: Vec<_> = world.events.iter().filter_map(route).collect();
        assert_eq!(routes, [(true, network)]);
        // Links of the bundle are counted, not sessions that there are.
        let now = world.now();
        let (lac, place) = world.teams[0].lines[1].at;
        world.lacs[lac].hang_up(now, place, 1);
        world.run_for(SECOND);
        assert_eq!(
            numbers(&world, 4, Kind::ACCT_LINK_COUNT),
            [1, 2, 3, 3, 3, 4, 4, 4]
        );
        let together = texts(&world, Kind::ACCT_MULTI_SESSION_ID);
        assert!(together.iter().all(|id| *id == together[0]));
        assert!(world.lns.sessions().is_empty() && world.lns.bundles.is_empty());
        assert_eq!((world.lns.pool.used(), world.lns.plane().len()), (0, 0));
        let routes: Vec<_> = world.events.iter().filter_map(route).collect();
        assert_eq!(routes, [(true, network), (false, network)]);
    }
}

#[test]
fn other_endpoints_and_other_users_are_other_bundles() {
    let mut world = ann(&[("allow_duplicate_users", "yes")], 1, &[]);
    world.radius.user("bob", "pw", &[]);
    for (user, endpoint) in [
        ("ann", &[3, 2, 0, 0, 0, 0, 2][..]),
        ("bob", ENDPOINT),
        // Who says nothing could be anybody, if a user may be many.
        ("ann", &[]),
        ("ann", &[]),
        ("ann", &[0]),
    ] {
        let team = world.team(user, team::profile(user, endpoint));
        world.team_up(team, 1);
    }
    assert_eq!(world.lns.bundles.len(), 6);
    assert_eq!(world.lns.pool.used(), 6);
    for team in 0..6 {
        world.team_data_passes(team);
    }
    // A user who is one person needs no endpoint, and has one bundle.
    let mut world = World::simple(&[]);
    world.radius.user("ann", "pw", &[]);
    world.team("ann", team::profile("ann", &[]));
    world.team_up(0, 0);
    world.team_up(0, 0);
    assert_eq!(
        (world.lns.bundles.len(), world.lns.sessions().len()),
        (1, 2)
    );
    let team = world.team("ann", team::profile("ann", ENDPOINT));
    world.team_up(team, 0);
    world.run_for(SECOND);
    assert_eq!(
        (world.lns.bundles.len(), world.lns.sessions().len()),
        (1, 1)
    );
    assert!(world.has_logged("Duplicate session for users"));
    world.team_data_passes(team);
}

#[test]
fn without_multilink_a_call_is_a_session() {
    let mut world = World::simple(&[("multilink", "no")]);
    world.radius.user("ann", "pw", &[]);
    let multilink = team::profile("ann", ENDPOINT);
    world.call(0, Subscriber::of("ann", multilink));
    world.run_for(10 * SECOND);
    world.data_passes(0, 0);
    let session = world.session("ann");
    assert_eq!((session.link().peer().mrru, session.bundle), (None, None));
    // The other way around: the client knows nothing of it.
    let mut world = World::simple(&[]);
    world.radius.user("ann", "pw", &[]);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    world.data_passes(0, 0);
    assert_eq!(world.session("ann").bundle, None);
    assert!(texts(&world, Kind::ACCT_MULTI_SESSION_ID).is_empty());
}

#[test]
fn a_bundle_has_only_so_many_links() {
    for (lines, grant) in [
        (vec![("multilink_links", "2")], vec![]),
        (vec![], vec![(Kind::PORT_LIMIT, &[0, 0, 0, 2][..])]),
    ] {
        let mut world = ann(&lines, 2, &grant);
        let place = world.team_call(0, 0);
        world.run_for(10 * SECOND);
        assert!(world.lacs[0].subscribers[place].ended.is_some());
        assert!(world.has_logged("The bundle has as many links as it may have."));
        assert_eq!(world.lns.sessions().len(), 2);
        world.team_data_passes(0);
    }
}

#[test]
fn links_must_agree() {
    let mut world = ann(&[], 2, &[]);
    let mut profile = team::profile("ann", ENDPOINT);
    profile.lcp.multilink.as_mut().unwrap().short_sequence = true;
    let other = world.team("ann", profile);
    let place = world.team_call(other, 0);
    world.run_for(10 * SECOND);
    assert!(world.lacs[0].subscribers[place].ended.is_some());
    assert!(world.has_logged("Multilink options differ from the bundle's."));
    world.team_data_passes(0);
    // All of them with short numbers.
    let mut world = World::simple(&[]);
    world.radius.user("ann", "pw", &[]);
    let mut profile = team::profile("ann", ENDPOINT);
    profile.lcp.multilink.as_mut().unwrap().short_sequence = true;
    world.team("ann", profile);
    world.team_up(0, 0);
    world.team_up(0, 0);
    for _ in 0..600 {
        world.team_data_passes(0);
    }
    // Who can put next to nothing together goes on as a single link.
    let mut world = World::simple(&[]);
    world.radius.user("ann", "pw", &[]);
    let mut profile = team::profile("ann", ENDPOINT);
    profile.lcp.multilink.as_mut().unwrap().mrru = 100;
    world.call(0, Subscriber::of("ann", profile));
    world.run_for(20 * SECOND);
    assert_eq!(world.session("ann").bundle, None);
    world.data_passes(0, 0);
}

#[test]
fn a_link_that_negotiates_anew_comes_back() {
    for which in 0..2 {
        let mut world = ann(&[], 2, &[]);
        let now = world.now();
        let line = &mut world.teams[0].lines[which];
        line.link.close(now);
        let (lac, place) = line.at;
        world.run_for(2 * SECOND);
        assert_eq!(world.teams[0].up(), 1);
        assert_eq!(world.lns.sessions().len(), 2);
        world.team_data_passes(0);
        let now = world.now();
        world.teams[0].lines[which].link.open(now);
        world.run_for(10 * SECOND);
        assert_eq!(world.teams[0].up(), 2, "{lac} {place} {:?}", world.log());
        assert_eq!(world.teams[0].ups, 1);
        world.team_data_passes(0);
    }
}

#[test]
fn rates_lists_and_ends_are_those_of_the_bundle() {
    let mut world = ann(&[], 2, &[]);
    let now = world.now();
    let ids: Vec<_> = world
        .lns
        .sessions()
        .iter()
        .map(|session| session.id)
        .collect();
    // Asked for at the second link.
    world.lns.throttle(now, ids[1], [64, 128]).unwrap();
    for session in world.lns.sessions().iter() {
        assert_eq!(session.throttle, [64, 128]);
    }
    assert_eq!(world.lns.buckets().count(), 2);
    let own = world.teams[0].address();
    let far = Ipv4Addr::new(203, 0, 113, 7);
    let header = VirtioHeader::parse(&[0; 12]).unwrap();
    for _ in 0..200 {
        let now = world.now();
        let mut down = packet(far, own, 1000);
        let _ = world
            .lns
            .plane()
            .down(now, &header, &mut down, &mut world.out);
        world.teams[0].send(
            now,
            &mut world.lacs,
            Protocol::IPV4,
            &packet(own, far, 1000),
        );
        world.run_for(SECOND / 20);
    }
    // Ten seconds, and two in advance: 8 and 16 KiB of each.
    let kib = |packets: usize| packets * 1000 / 1024;
    assert!(world.out.icmp.is_empty());
    assert!(
        (90..=100).contains(&kib(world.out.host.len())),
        "{}",
        world.out.host.len()
    );
    let got = world.teams[0].packets.len();
    assert!((180..=200).contains(&kib(got)), "{got}");
    let now = world.now();
    world.lns.throttle(now, ids[1], [0, 0]).unwrap();
    // The head goes; the rates that hold are those of the bundle.
    world.lns.throttle(now, ids[0], [0, 32]).unwrap();
    world.lns.drop_session(now, ids[0], "test").unwrap();
    world.run_for(SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    assert_eq!(world.lns.buckets().next().unwrap().session, ids[1]);
    world.lns.drop_user(now, ids[1], "test").unwrap();
    assert!(world.lns.sessions().is_empty());
    // All links of a user.
    let mut world = ann(&[], 3, &[]);
    let (now, id) = (world.now(), world.lns.session_of("ann").unwrap());
    world.lns.drop_user(now, id, "test").unwrap();
    world.run_for(SECOND);
    assert!(world.lns.sessions().is_empty() && world.lns.bundles.is_empty());
    assert_eq!(world.lns.pool.used(), 0);
}

#[test]
fn what_waits_for_its_rate_outlives_the_head() {
    let mut world = ann(&[], 2, &[]);
    let now = world.now();
    let head = world.lns.session_of("ann").unwrap();
    world.lns.throttle(now, head, [0, 64]).unwrap();
    let (own, far) = (world.teams[0].address(), Ipv4Addr::new(203, 0, 113, 7));
    let header = VirtioHeader::parse(&[0; 12]).unwrap();
    // As many as there is room for.
    let mut sent = 0;
    loop {
        let mut down = packet(far, own, 1000);
        let plane = world.lns.plane();
        if plane.down(now, &header, &mut down, &mut world.out).is_err() {
            break;
        }
        sent += 1;
        assert!(sent < 1000);
    }
    // What went at once is on its way over both links.
    world.run_for(SECOND / 20);
    let now = world.now();
    let queued = world.lns.buckets().next().unwrap().queued;
    world.lns.drop_session(now, head, "test").unwrap();
    let bucket = world.lns.buckets().next().unwrap();
    assert_ne!(bucket.session, head);
    assert!(queued > 0 && bucket.queued == queued, "{queued} waited");
    world.run_for(10 * SECOND);
    assert_eq!(world.teams[0].packets.len(), sent);
    assert_eq!(world.lns.buckets().next().unwrap().queued, 0);
}

#[test]
fn a_session_timeout_is_that_of_the_bundle() {
    let mut world = ann(&[], 1, &[(Kind::SESSION_TIMEOUT, &[0, 0, 1, 0])]);
    world.run_for(100 * SECOND);
    world.team_up(0, 1);
    let left: Vec<_> = {
        let now = world.now();
        let rows = world.lns.sessions().iter().map(|session| session.id);
        let ids: Vec<_> = rows.collect();
        ids.iter()
            .map(|id| {
                let left = |shown: &crate::show::Session<'_>| shown.session_timeout;
                world.lns.with_session(now, *id, left).unwrap().unwrap()
            })
            .collect()
    };
    assert!(left.len() == 2 && left[0] == left[1], "{left:?}");
    // The link that was the first goes; what is left of the time does not change.
    let (lac, place) = world.teams[0].lines[0].at;
    let now = world.now();
    world.lacs[lac].hang_up(now, place, 1);
    world.run_for((left[0] as u32 - 5) * SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    world.run_for(10 * SECOND);
    assert!(world.lns.sessions().is_empty());
    assert_eq!(world.radius.records.last().unwrap().3, Some(5));
}

#[test]
fn a_link_that_fell_silent_is_not_used() {
    let mut world = ann(
        &[("echo_timeout", "5"), ("idle_echo_timeout", "60")],
        2,
        &[],
    );
    world.teams[0].lines[1].cut = true;
    // Two echoes without an answer, long before the link is given up.
    world.run_for(20 * SECOND);
    assert_eq!(world.lns.sessions().len(), 2);
    let own = world.teams[0].address();
    let far = Ipv4Addr::new(203, 0, 113, 7);
    let header = VirtioHeader::parse(&[0; 12]).unwrap();
    let now = world.now();
    for _ in 0..10 {
        let mut down = packet(far, own, 1400);
        world
            .lns
            .plane()
            .down(now, &header, &mut down, &mut world.out)
            .unwrap();
    }
    world.run_for(SECOND);
    assert_eq!(world.teams[0].packets.len(), 10);
    world.run_for(60 * SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    let now = world.now();
    world.teams[0].lines[1].link.carrier(now, false);
    world.teams[0].packets.clear();
    world.run_for(SECOND);
    world.team_data_passes(0);
}

#[test]
fn bundles_over_bad_lines() {
    wanbox_sim::for_each_seed(10_000, |seed| {
        let mut dice = Dice::new(seed);
        let impairments = Impairments {
            loss: dice.below(10) as f64 / 100.0,
            duplication: dice.below(10) as f64 / 100.0,
            reordering: dice.below(20) as f64 / 100.0,
            jitter: Duration::from_millis(dice.between(1, 200)),
            delay: Duration::from_millis(dice.between(1, 60)),
            corruption: 0.0,
        };
        let mut world = World::new(seed, setup(config(&[])), Impairments::NONE);
        for lac in 1..=2 {
            world.add_lac(&format!("198.51.100.{lac}:1701"));
        }
        world.radius.user("ann", "pw", &[]);
        let mut profile = team::profile("ann", ENDPOINT);
        profile.lcp.multilink.as_mut().unwrap().short_sequence = dice.chance(0.5);
        world.team("ann", profile);
        world.team_up(0, 0);
        world.line.impair(impairments);
        let far = Ipv4Addr::new(203, 0, 113, 7);
        let header = VirtioHeader::parse(&[0; 12]).unwrap();
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for _ in 0..dice.between(10, 40) {
            match dice.below(12) {
                0 if world.teams[0].lines.len() < 5 => {
                    let lac = dice.below(2) as usize;
                    world.team_call(0, lac);
                }
                1 if world.teams[0].up() > 1 => {
                    let ups = world.teams[0]
                        .lines
                        .iter()
                        .filter(|line| line.member.is_some());
                    let ups: Vec<_> = ups.map(|line| line.at).collect();
                    let (lac, place) = *dice.pick(&ups);
                    let now = world.now();
                    world.lacs[lac].hang_up(now, place, 1);
                }
                _ => {
                    let now = world.now();
                    let Some(ipv4) = world.teams[0].ipv4 else {
                        continue;
                    };
                    let size = dice.between(28, 1462) as usize;
                    let mut out = packet(far, ipv4.local, size);
                    out[4..6].copy_from_slice(&(down.len() as u16).to_be_bytes());
                    let kept = out.clone();
                    if world
                        .lns
                        .plane()
                        .down(now, &header, &mut out, &mut world.out)
                        .is_ok()
                    {
                        down.push(kept);
                    }
                    let mut own = packet(ipv4.local, far, size);
                    own[4..6].copy_from_slice(&(up.len() as u16).to_be_bytes());
                    world.teams[0].send(now, &mut world.lacs, Protocol::IPV4, &own);
                    up.push(own);
                }
            }
            world.run_for(Duration::from_millis(dice.between(1, 400)));
        }
        // Nothing is made up. (What came over a single link may come twice, and in any order.)
        assert!(
            world.teams[0]
                .packets
                .iter()
                .all(|packet| down.contains(packet))
        );
        assert!(world.out.host.iter().all(|packet| up.contains(packet)));
        assert!(world.out.icmp.is_empty());
        world.line.impair(Impairments::NONE);
        world.run_for(20 * SECOND);
        if world.teams[0].up() == 0 {
            // All links were lost: it begins anew.
            world.run_for(300 * SECOND);
            world.teams[0].lines.clear();
            world.team_up(0, 0);
        }
        assert_eq!(world.lns.bundles.len(), 1);
        assert_eq!(world.lns.pool.used(), 1);
        world.team_data_passes(0);
        let now = world.now();
        world.lns.drain(now);
        world
            .run_until(120 * SECOND, |world| world.lns.is_idle())
            .unwrap();
        assert!(world.lns.sessions().is_empty() && world.lns.bundles.is_empty());
        assert_eq!((world.lns.plane().len(), world.lns.pool.used()), (0, 0));
        assert_eq!(
            (world.lns.pacing.under_way(), world.lns.counters().ip_freed),
            (0, world.lns.counters().ip_allocated)
        );
        let (starts, stops) = (world.radius.count(1, "ann"), world.radius.count(2, "ann"));
        assert!(stops >= starts.max(1), "{starts} {stops}");
    });
}
