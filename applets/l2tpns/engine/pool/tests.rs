use super::*;

const S: SessionId = SessionId(1);

fn pool(networks: &[([u8; 4], u8)]) -> Pool {
    Pool::new(networks.iter().map(|(a, bits)| (Ipv4Addr::from(*a), *bits)))
}

fn later(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn addresses_ending_in_0_and_255_are_not_given() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 23)]);
    assert_eq!(pool.free(), 508);
    let mut seen = Vec::new();
    while let Some(address) = pool.take(now, "", S) {
        seen.push(address);
    }
    assert_eq!(seen.len(), 508);
    assert!(seen.iter().all(|a| !matches!(a.octets()[3], 0 | 255)));
    assert_eq!((pool.free(), pool.used()), (0, 508));
}

#[test]
fn the_broadcast_address_of_a_short_network_is_given() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 10, 10, 0], 29)]);
    let mut seen = Vec::new();
    while let Some(address) = pool.take(now, "", S) {
        seen.push(address.octets()[3]);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_user_gets_its_address_again_then_never_used_ones_then_the_longest_unused() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 30)]);
    let ann = pool.take(now, "ann", SessionId(1)).unwrap();
    let bob = pool.take(now, "bob", SessionId(2)).unwrap();
    pool.release(later(now, 1), ann, SessionId(1), true);
    pool.release(later(now, 2), bob, SessionId(2), true);
    assert_eq!(pool.take(later(now, 9), "bob", SessionId(3)), Some(bob));
    let carol = pool.take(later(now, 9), "carol", SessionId(4)).unwrap();
    assert_eq!(carol, Ipv4Addr::new(10, 0, 0, 3));
    // Only ann's is left.
    assert_eq!(pool.take(later(now, 9), "dave", SessionId(5)), Some(ann));
    assert_eq!(pool.take(later(now, 9), "eve", SessionId(6)), None);
}

#[test]
fn an_address_rests_for_a_second_before_somebody_else_gets_it() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 1], 32)]);
    let ann = pool.take(now, "ann", S).unwrap();
    pool.release(now, ann, S, true);
    assert_eq!(pool.take(now, "bob", S), None);
    assert_eq!(pool.take(now, "ann", S), Some(ann));
    pool.release(now, ann, S, true);
    assert_eq!(pool.take(later(now, 1), "bob", S), Some(ann));
}

#[test]
fn a_name_that_is_not_to_be_remembered_is_not() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 24)]);
    let first = pool.take(now, "ann", S).unwrap();
    pool.release(now, first, S, false);
    assert_eq!(pool.lease(first).unwrap().user, "");
    assert_ne!(pool.take(later(now, 5), "ann", S), Some(first));
}

#[test]
fn a_static_address_inside_of_the_pool_is_not_given_to_another() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 30)]);
    pool.claim(Ipv4Addr::new(10, 0, 0, 1), "fixed", S);
    pool.claim(Ipv4Addr::new(192, 0, 2, 1), "elsewhere", S);
    assert_eq!(pool.used(), 1);
    assert_eq!(pool.take(now, "ann", S), Some(Ipv4Addr::new(10, 0, 0, 2)));
}

#[test]
fn releasing_what_another_session_has_changes_nothing() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 1], 32)]);
    let address = pool.take(now, "ann", SessionId(2)).unwrap();
    pool.release(now, address, SessionId(1), true);
    assert_eq!(pool.lease(address).unwrap().session, Some(SessionId(2)));
}

#[test]
fn a_network_of_16_million_addresses_costs_what_is_used() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 8)]);
    assert_eq!(pool.free(), 65_536 * 254);
    let mut address = pool.take(now, "u", S).unwrap();
    // Never used ones first, but not for ever.
    for turn in 0..REMEMBERED as u64 + 1000 {
        let now = later(now, turn);
        pool.release(now, address, S, true);
        address = pool.take(later(now, 5), &format!("user{turn}"), S).unwrap();
    }
    assert!(pool.entries.len() <= REMEMBERED + 1);
    assert_eq!(pool.entries.len(), pool.rested.len() + 1);
    assert_eq!(pool.sticky.len(), pool.rested.len());
}

#[test]
fn overlapping_networks_count_once() {
    let pool = pool(&[
        ([10, 0, 0, 0], 24),
        ([10, 0, 0, 0], 16),
        ([10, 0, 3, 4], 32),
        ([255, 255, 255, 255], 32),
        ([0, 0, 0, 0], 0),
    ]);
    assert_eq!(pool.free(), (1 << 24) * 254);
}

#[test]
fn other_networks_leave_the_sessions_in_peace() {
    let now = wanbox_sim::Clock::new().now();
    let mut pool = pool(&[([10, 0, 0, 0], 24)]);
    let kept = pool.take(now, "ann", SessionId(1)).unwrap();
    let left = pool.take(now, "bob", SessionId(2)).unwrap();
    pool.release(now, left, SessionId(2), true);
    pool.configure([(Ipv4Addr::new(10, 9, 0, 0), 24)]);
    assert_eq!((pool.used(), pool.free()), (0, 254));
    assert_eq!(pool.lease(kept).unwrap().session, Some(SessionId(1)));
    assert!(pool.lease(left).is_none());
    assert_eq!(
        pool.take(later(now, 9), "bob", S),
        Some(Ipv4Addr::new(10, 9, 0, 1))
    );
    pool.release(now, kept, SessionId(1), true);
    assert!(pool.lease(kept).is_none());
    assert_eq!((pool.used(), pool.free()), (1, 253));
}
