//! What a server grants beside the login: a pool, a length of packets.

use wanbox_wire::radius::Kind;

use super::*;

/// A user, and what it is granted.
type User<'u> = (&'u str, &'u [(Kind, &'u [u8])]);

/// A world with a pool `gold` of one address, in which these users log in one after the other.
fn world(users: &[User<'_>]) -> World {
    let mut world = World::simple(&[]);
    let gold = ("gold".to_owned(), vec![(Ipv4Addr::new(10, 7, 7, 7), 32)]);
    world.lns.configure_named_pools(&[gold]);
    for (user, grant) in users {
        world.radius.user(user, "pw", grant);
        world.call(0, Subscriber::new(user, "pw", &[Method::Pap]));
        world.run_for(5 * SECOND);
    }
    world
}

#[test]
fn framed_pool_chooses_the_pool() {
    let gold: &[(Kind, &[u8])] = &[(Kind::FRAMED_POOL, b"gold")];
    let lead: &[(Kind, &[u8])] = &[(Kind::FRAMED_POOL, b"lead")];
    let mut world = world(&[("ann", gold), ("bob", gold), ("cid", lead), ("dan", &[])]);
    let of = |world: &World, place: usize| world.lacs[0].subscribers[place].ipv4;
    let local = |world: &World, place| of(world, place).map(|ipv4| ipv4.local);
    assert_eq!(local(&world, 0), Some(Ipv4Addr::new(10, 7, 7, 7)));
    // A pool that is used up is no reason to give an address of another.
    assert_eq!(local(&world, 1), None);
    assert_eq!(world.lacs[0].subscribers[1].ended, Some((2, Some(7))));
    assert_eq!(world.lns.counters().ip_exhausted, 1);
    // One that nobody configured is.
    assert_eq!(local(&world, 2), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert!(world.has_logged("there is no pool lead for cid"));
    assert_eq!(local(&world, 3), Some(Ipv4Addr::new(10, 0, 0, 2)));
    world.data_passes(0, 0);
    assert_eq!(world.lns.pool.used(), 3);
    // Given back, it goes to the next of that pool; the pool that is gone gives none.
    let now = world.now();
    world.lacs[0].hang_up(now, 0, 1);
    world.run_for(2 * SECOND);
    assert_eq!(world.lns.pool.used(), 2);
    world.call(0, Subscriber::new("bob", "pw", &[Method::Pap]));
    world.run_for(5 * SECOND);
    assert_eq!(local(&world, 4), Some(Ipv4Addr::new(10, 7, 7, 7)));
    world.lns.configure_named_pools(&[]);
    assert!(!world.lns.pool.has("gold"));
    let now = world.now();
    world.lacs[0].hang_up(now, 4, 1);
    world.run_for(2 * SECOND);
    assert_eq!(world.lns.pool.used(), 2);
}

#[test]
fn framed_mtu_bounds_packets_to_the_subscriber() {
    let mtu: &[(Kind, &[u8])] = &[(Kind::FRAMED_MTU, &[0, 0, 4, 0])];
    let short: &[(Kind, &[u8])] = &[(Kind::FRAMED_MTU, &[0, 0, 0, 64])];
    let long: &[(Kind, &[u8])] = &[(Kind::FRAMED_MTU, &[0, 0, 0xff, 0xff])];
    let mut world = world(&[("ann", mtu), ("bob", short), ("cid", long)]);
    let mut mru = |user: &str| {
        let id = world.lns.session_of(user).unwrap();
        let settings = world.lns.plane().settings(id).unwrap();
        (settings.mru, settings.clamp)
    };
    assert_eq!(mru("ann"), (1024, 1024));
    // What PPP agreed on: no length of PPP's, and one that is longer.
    assert_eq!(mru("bob").0, mru("cid").0);
    assert!(mru("bob").0 > 1400);
}
