//! Fragments are put together, given up, bounded.

use super::*;

/// A member brings a frame, and nothing is given out for it.
#[track_caller]
fn keeps(bundle: &mut Bundle, now: Instant, member: MemberId, frame: &[u8]) {
    assert!(give(bundle, now, member, frame).is_empty());
}

#[test]
fn a_packet_in_pieces_is_put_together() {
    for format in [Format::Long, Format::Short] {
        let config = Config {
            receive_format: format,
            ..Config::default()
        };
        let (mut bundle, ids) = bundle(config, 2);
        let at = now();
        let [one, two] = [ids[0], ids[1]];
        keeps(
            &mut bundle,
            at,
            two,
            &fragment(format, 1, false, false, b"bb"),
        );
        keeps(
            &mut bundle,
            at,
            two,
            &fragment(format, 3, true, true, b"next"),
        );
        keeps(
            &mut bundle,
            at,
            two,
            &fragment(format, 2, false, true, b"cc"),
        );
        let packets = give(
            &mut bundle,
            at,
            one,
            &fragment(format, 0, true, false, b"aa"),
        );
        assert_eq!(packets, [&b"aabbcc"[..], &b"next"[..]]);
        assert_eq!(bundle.waiting(), (0, 0));
        assert_eq!(bundle.stats().rx_packets, 2);
    }
}

#[test]
fn a_fragment_that_every_member_has_passed_is_lost() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    // 0 is lost; 1 ends its packet; 2 is whole.
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 1, false, true, b"x"),
    );
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 2, true, true, b"two"),
    );
    // The other member may still bring 0, until it has sent a later one.
    let packets = give(
        &mut bundle,
        at,
        ids[1],
        &fragment(format, 3, true, true, b"three"),
    );
    assert_eq!(packets, [&b"two"[..], &b"three"[..]]);
    let stats = bundle.stats();
    assert_eq!((stats.lost, stats.orphans, stats.timeouts), (1, 1, 0));
    keeps(
        &mut bundle,
        at,
        ids[1],
        &fragment(format, 0, true, false, b"y"),
    );
    assert_eq!(bundle.stats().late, 1);
}

#[test]
fn a_silent_member_delays_for_a_while_only() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    assert_eq!(bundle.poll_timeout(), None);
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 1, true, true, b"one"),
    );
    let deadline = bundle.poll_timeout().unwrap();
    assert_eq!(deadline, at + Duration::from_secs(1));
    bundle.handle_timeout(deadline - Duration::from_millis(1));
    let mut packet = Vec::new();
    assert!(!bundle.poll_packet(&mut packet));
    bundle.handle_timeout(deadline);
    assert!(bundle.poll_packet(&mut packet));
    assert_eq!(packet, b"one");
    assert_eq!((bundle.stats().timeouts, bundle.stats().lost), (1, 1));
    assert_eq!(bundle.poll_timeout(), None);
}

#[test]
fn a_packet_without_its_end_is_given_up_in_time() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 1);
    let at = now();
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 0, true, false, b"a"),
    );
    bundle.handle_timeout(at + Duration::from_secs(2));
    assert_eq!(bundle.waiting(), (0, 0));
    assert_eq!((bundle.stats().discarded, bundle.stats().timeouts), (1, 1));
    // And one whose end is a beginning.
    let later = at + Duration::from_secs(2);
    keeps(
        &mut bundle,
        later,
        ids[0],
        &fragment(format, 1, false, true, b"b"),
    );
    keeps(
        &mut bundle,
        later,
        ids[0],
        &fragment(format, 2, true, false, b"c"),
    );
    let packets = give(
        &mut bundle,
        later,
        ids[0],
        &fragment(format, 3, true, true, b"d"),
    );
    assert_eq!(packets, [b"d"]);
    assert_eq!((bundle.stats().orphans, bundle.stats().discarded), (1, 2));
}

#[test]
fn a_leaving_member_frees_what_waits_for_it() {
    let format = Format::Short;
    let config = Config {
        receive_format: format,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 1, true, true, b"one"),
    );
    bundle.leave(ids[1]);
    let mut packet = Vec::new();
    assert!(bundle.poll_packet(&mut packet));
    assert_eq!(packet, b"one");
    assert!(
        bundle
            .receive(at, ids[1], &fragment(format, 2, true, true, b"x"))
            .is_none()
    );
    assert_eq!(bundle.stats().rx_malformed, 1);
    bundle.leave(ids[0]);
    // Numbers begin anew with the first member.
    let id = bundle.join(at, &link(0)).unwrap();
    assert_eq!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 0, true, true, b"new")
        ),
        [b"new"]
    );
    assert_eq!(send(&mut bundle, at, 50)[0].1, 0);
}

#[test]
fn a_silent_member_is_not_ahead_when_numbers_come_around() {
    let format = Format::Short;
    let config = Config {
        receive_format: format,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    for sequence in 0..10_000 {
        let packets = give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, sequence, true, true, b"x"),
        );
        assert_eq!(packets.len(), 1, "{sequence}");
    }
    // 10000 is under way on the other member.
    keeps(
        &mut bundle,
        at,
        ids[0],
        &fragment(format, 10_001, true, true, b"b"),
    );
    let packets = give(
        &mut bundle,
        at,
        ids[1],
        &fragment(format, 10_000, true, true, b"a"),
    );
    assert_eq!(packets, [b"a", b"b"]);
}

#[test]
fn long_and_empty_packets_are_not_given_out() {
    let format = Format::Long;
    let config = Config {
        receive_limit: 64,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 1);
    let at = now();
    let id = ids[0];
    keeps(
        &mut bundle,
        at,
        id,
        &fragment(format, 0, true, true, &[1; 67]),
    );
    assert_eq!(
        give(
            &mut bundle,
            at,
            id,
            &fragment(format, 1, true, true, &[1; 66])
        )
        .len(),
        1
    );
    keeps(
        &mut bundle,
        at,
        id,
        &fragment(format, 2, true, false, &[1; 40]),
    );
    keeps(
        &mut bundle,
        at,
        id,
        &fragment(format, 3, false, true, &[1; 40]),
    );
    keeps(&mut bundle, at, id, &fragment(format, 4, true, true, &[]));
    keeps(&mut bundle, at, id, &[0xc0, 0]);
    assert_eq!(
        give(&mut bundle, at, id, &fragment(format, 5, true, true, b"!")),
        [b"!"]
    );
    let stats = bundle.stats();
    assert_eq!(
        (stats.rx_too_long, stats.rx_null, stats.rx_malformed),
        (2, 1, 1)
    );
    assert_eq!(stats.rx_packets, 2);
}

#[test]
fn duplicates_are_dropped() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    let second = fragment(format, 1, true, true, b"b");
    keeps(&mut bundle, at, ids[0], &second);
    keeps(&mut bundle, at, ids[0], &second);
    assert_eq!(bundle.stats().duplicates, 1);
    let first = fragment(format, 0, true, true, b"a");
    assert_eq!(give(&mut bundle, at, ids[1], &first), [b"a", b"b"]);
    keeps(&mut bundle, at, ids[1], &first);
    assert_eq!(bundle.stats().late, 1);
}

#[test]
fn what_waits_is_bounded() {
    let format = Format::Long;
    let config = Config {
        max_fragments: 8,
        max_octets: 1500,
        ..Config::default()
    };
    let (mut bundle, ids) = bundle(config, 2);
    let at = now();
    // 0 never comes, and the other member says nothing.
    let mut packets = Vec::new();
    for sequence in 1..100 {
        let octets = fragment(format, sequence, true, true, &[sequence as u8; 10]);
        packets.extend(give(&mut bundle, at, ids[0], &octets));
        assert!(bundle.waiting().0 <= 8);
    }
    assert_eq!(packets.len(), 99, "only the missing one is given up");
    assert_eq!((bundle.stats().overflows, bundle.stats().lost), (1, 1));
    for sequence in 101..200 {
        let octets = fragment(format, sequence, true, true, &[sequence as u8; 700]);
        give(&mut bundle, at, ids[0], &octets);
        assert!(bundle.waiting().1 <= 1500);
    }
    // Far away: what lies between is lost.
    let octets = fragment(format, 100_000, true, true, b"far");
    keeps(&mut bundle, at, ids[0], &octets);
    let octets = fragment(format, 100_001, true, true, b"away");
    assert_eq!(
        give(&mut bundle, at, ids[1], &octets),
        [&b"far"[..], &b"away"[..]]
    );
}

#[test]
fn a_peer_that_numbers_anew_is_followed() {
    let format = Format::Long;
    let (mut bundle, ids) = bundle(Config::default(), 2);
    let at = now();
    for sequence in 0..5000 {
        give(
            &mut bundle,
            at,
            ids[0],
            &fragment(format, sequence, true, true, b"old"),
        );
    }
    let mut got = 0;
    for sequence in 0..200 {
        let id = ids[sequence as usize % 2];
        got += give(
            &mut bundle,
            at,
            id,
            &fragment(format, sequence, true, true, b"new"),
        )
        .len();
    }
    // The numbers of the member that was silent do not go back, so only every second one tells.
    assert_eq!(got, 74);
    assert_eq!(bundle.stats().restarts, 1);
    // After a pause at once.
    let later = at + Duration::from_secs(2);
    let octets = fragment(format, 3, true, true, b"again");
    assert_eq!(give(&mut bundle, later, ids[0], &octets), [b"again"]);
    assert_eq!(bundle.stats().restarts, 2);
    // One that begins in the middle, too.
    let mut fresh = Bundle::new(Config::default()).unwrap();
    assert_eq!(fresh.join(at, &link(0)), Some(ids[0]));
    let octets = fragment(format, 9_999_999, true, true, b"first");
    assert_eq!(give(&mut fresh, at, ids[0], &octets), [b"first"]);
}
