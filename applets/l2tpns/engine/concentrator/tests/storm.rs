//! Many at once, bad lines, and servers that are away.

use wanbox_sim::for_each_seed;

use super::*;

const METHODS: [Method; 3] = [Method::Pap, Method::ChapMd5, Method::MsChapV2];

fn everybody_is_up(world: &World) -> bool {
    let mut all = world.lacs.iter().flat_map(|lac| &lac.subscribers);
    let up = |one: &Subscriber| {
        let session = one
            .ipv4
            .and_then(|ipv4| world.lns.sessions().of_address(ipv4.local));
        let session = session.and_then(|id| world.lns.sessions().get(id));
        session.is_some_and(|session| session.network().ipv4().is_some())
    };
    all.all(up)
}

#[test]
fn subscribers_come_in_over_bad_lines() {
    for_each_seed(10_000, |seed| {
        let mut dice = Dice::new(seed);
        let impairments = Impairments {
            loss: dice.below(15) as f64 / 100.0,
            duplication: dice.below(10) as f64 / 100.0,
            reordering: dice.below(20) as f64 / 100.0,
            jitter: Duration::from_millis(dice.between(1, 300)),
            delay: Duration::from_millis(dice.between(1, 100)),
            corruption: 0.0,
        };
        let mut world = World::new(seed, setup(config(&[])), impairments);
        world.add_lac("198.51.100.1:1701");
        for place in 0..dice.between(1, 2) {
            let user = format!("user{place}");
            world.radius.user(&user, "pw", &[]);
            let method = *dice.pick(&METHODS);
            let mut subscriber = Subscriber::new(&user, "pw", &[method]);
            subscriber.persistent = true;
            world.call(0, subscriber);
        }
        let up = world.run_until(300 * SECOND, everybody_is_up);
        assert!(up.is_some(), "{:?}", world.log());
        world.line.impair(Impairments::NONE);
        // What was on its way may take it down once more.
        world.run_for(2 * SECOND);
        let up = world.run_until(300 * SECOND, everybody_is_up);
        assert!(up.is_some(), "{:?}", world.log());
        world.data_passes(0, 0);
        let now = world.now();
        world.lns.drain(now);
        world
            .run_until(120 * SECOND, |world| world.lns.is_idle())
            .unwrap();
        assert!(world.lns.sessions().is_empty());
        assert_eq!(world.lns.pacing.under_way(), 0);
        assert_eq!(world.lns.plane().len(), 0);
        assert_eq!(world.lns.pool.used(), 0);
        for place in 0..world.lacs[0].subscribers.len() {
            let user = format!("user{place}");
            let (starts, stops) = (world.radius.count(1, &user), world.radius.count(2, &user));
            assert!(stops >= starts.max(1), "{starts} {stops}");
        }
    });
}

#[test]
fn a_radius_outage_of_a_minute_during_5000_logins_loses_nobody() {
    let mut world = World::new(3, setup(config(&[])), Impairments::NONE);
    for lac in 0..5 {
        world.add_lac(&format!("198.51.100.{}:1701", lac + 1));
        for place in 0..1000 {
            let user = format!("user{lac}-{place}");
            world.radius.user(&user, "pw", &[]);
            let method = METHODS[place % 3];
            // Clients that wait for 90 s, as LACs do for 120 s.
            let mut profile = clients::profile(&user, "pw", &[method]);
            profile.connect_timeout = None;
            profile.authentication.max_tries = 30;
            profile.authentication.wait = 90 * SECOND;
            world.call(lac, Subscriber::of(&user, profile));
        }
    }
    world.run_for(SECOND / 50);
    world.radius.silent = true;
    world.run_for(60 * SECOND);
    let before = world.lns.sessions().len();
    assert!(before < 5000, "calls wait");
    world.radius.silent = false;
    let up = world.run_until(60 * SECOND, everybody_is_up);
    let lost = world
        .lacs
        .iter()
        .flat_map(|lac| &lac.subscribers)
        .filter(|one| one.ended.is_some());
    assert_eq!(lost.map(|one| one.ended).collect::<Vec<_>>(), []);
    assert!(up.is_some());
    assert_eq!(world.lns.sessions().len(), 5000);
    world.run_for(10 * SECOND);
    let starts = world
        .radius
        .records
        .iter()
        .filter(|record| record.0 == 1)
        .count();
    assert_eq!(starts, 5000);
}

#[test]
fn a_session_takes_3_kilobytes_at_most() {
    let mut world = World::simple(&[("ipv6_prefix", "2001:db8::")]);
    for place in 0..10 {
        let user = format!("subscriber{place}@example.net");
        world.radius.user(&user, "pw", &[]);
        world.call(0, Subscriber::new(&user, "pw", &[Method::Pap]));
    }
    // The engines of authentication are kept for a minute.
    world.run_for(100 * SECOND);
    assert!(everybody_is_up(&world));
    for session in world.lns.sessions().iter() {
        assert!(session.memory() <= 1536, "{} octets", session.memory());
    }
}

#[test]
fn one_machine_holds_more_than_65535_sessions() {
    let now = Clock::new().now();
    let mut table = Table::default();
    let profiles = Profiles::new(&config(&[]), b"lns");
    for number in 0..70_000_u32 {
        let (id, unique) = table.number(now, 100_000).unwrap();
        let call = (
            TunnelId(1 + (number / 60_000) as u16),
            CallId(1 + (number % 60_000) as u16),
        );
        table.insert(Session::new(
            now,
            id,
            unique,
            call,
            &profiles.login,
            u128::from(number),
        ));
        let [a, b] = (number as u16).to_be_bytes();
        table.address(id, Ipv4Addr::new(10, (number >> 16) as u8, a, b));
        table.name(id, &format!("user{number}"));
    }
    assert_eq!(table.len(), 70_000);
    let last = table.of_user("USER69999").next().unwrap();
    assert_eq!(last.id, SessionId(70_000));
    assert_eq!(table.of_address(last.address), Some(last.id));
    assert_eq!(table.of_call(TunnelId(2), CallId(10_000)), Some(last.id));
    assert_eq!(table.of_tunnel(TunnelId(1)).count(), 60_000);
    let id = last.id;
    assert!(table.remove(now, id).is_some());
    assert!(
        table
            .number(now, 70_000)
            .is_some_and(|(next, _)| next != id)
    );
    assert!(table.number(now, 69_999).is_none());
}
