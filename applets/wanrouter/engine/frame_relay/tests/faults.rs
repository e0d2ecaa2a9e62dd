//! Peers and lines that do not fit: found, named, and left behind by themselves.

use super::*;

#[test]
fn auto_finds_every_dialect_quickly() {
    for signalling in [Signalling::Ansi, Signalling::Q933, Signalling::Lmi] {
        for (a, b) in [
            (cpe(Signalling::Auto), node(signalling)),
            (cpe(signalling), node(Signalling::Auto)),
        ] {
            let mut pair = pair(a, b, &[16]);
            pair.run_for(SECOND * 7);
            assert!(all_up(&pair.a) && all_up(&pair.b), "{signalling:?}");
            assert_eq!(pair.a.dialect(), signalling.dialect());
            assert_eq!(pair.b.dialect(), signalling.dialect());
            pair.run_for(SECOND * 1000);
            assert_eq!(pair.a.link_stats().downs + pair.b.link_stats().downs, 0);
        }
    }
    // The switch is exchanged for one of another dialect.
    let mut pair = pair(cpe(Signalling::Auto), node(Signalling::Ansi), &[16]);
    pair.run_for(SECOND * 100);
    let now = pair.now();
    pair.b = link(now, node(Signalling::Lmi), &[16]);
    pair.run_for(SECOND * 120);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    assert_eq!(pair.a.dialect(), Some(Dialect::GangOfFour));
}

#[test]
fn wrong_dialect_is_named_by_both_sides() {
    let mut pair = pair(cpe(Signalling::Ansi), node(Signalling::Q933), &[16]);
    pair.run_for(SECOND * 100);
    assert!(!pair.a.link_up() && !pair.b.link_up());
    assert_eq!(pair.a.diagnosis(), Diagnosis::WrongDialect(Dialect::AnnexA));
    assert_eq!(pair.b.diagnosis(), Diagnosis::WrongDialect(Dialect::AnnexD));
    assert!(pair.a.link_stats().wrong_dialect > 0 && pair.b.link_stats().wrong_dialect > 9);
    // Nothing was learned on the way that would hinder the right one.
    let now = pair.now();
    pair.b = link(now, node(Signalling::Ansi), &[16]);
    pair.run_for(SECOND * 40);
    assert!(all_up(&pair.a) && all_up(&pair.b));
}

#[test]
fn two_cpes_and_two_nodes_are_named_and_never_up() {
    let numbered = |config: Config, nonce| Config { nonce, ..config };
    let (a, b) = (
        numbered(cpe(Signalling::Ansi), 0x0102_0304),
        numbered(cpe(Signalling::Ansi), 0x0908_0706),
    );
    let mut two = pair(a, b, &[16]);
    two.run_for(SECOND * 200);
    for link in [&two.a, &two.b] {
        assert!(!link.link_up());
        assert_eq!(link.diagnosis(), Diagnosis::PeerIsCpe);
        assert!(link.link_stats().enquiries_as_user > 10);
        assert_eq!(link.link_stats().ups, 0);
    }
    let now = two.now();
    two.b = link(now, node(Signalling::Ansi), &[16]);
    two.run_for(SECOND * 40);
    assert!(all_up(&two.a) && all_up(&two.b));

    for signalling in [Signalling::Lmi, Signalling::Auto] {
        let mut two = pair(node(signalling), node(signalling), &[16]);
        two.run_for(SECOND * 200);
        for link in [&two.a, &two.b] {
            assert!(!link.link_up());
            assert_eq!(link.diagnosis(), Diagnosis::PeerIsNode);
            assert!(link.link_stats().t392_timeouts > 10);
        }
        let now = two.now();
        two.a = link(now, cpe(signalling), &[16]);
        two.run_for(SECOND * 40);
        assert!(all_up(&two.a) && all_up(&two.b));
    }
}

#[test]
fn looped_line_is_named_and_left_by_itself() {
    use wanbox_sim::End;
    for signalling in [Signalling::Ansi, Signalling::Auto] {
        let mut pair = pair(cpe(signalling), node(signalling), &[16]);
        pair.run_for(SECOND * 30);
        assert!(all_up(&pair.a) && all_up(&pair.b));
        events(&mut pair.a);
        pair.line.set_looped(End::A, true);
        pair.line.set_looped(End::B, true);
        pair.run_for(SECOND * 100);
        assert_eq!(pair.a.diagnosis(), Diagnosis::Looped);
        assert_eq!(events(&mut pair.a), [Event::LinkDown(Cause::Looped)]);
        assert!(pair.a.link_stats().looped > 3);
        assert!(!pair.b.link_up());
        pair.line.set_looped(End::A, false);
        pair.line.set_looped(End::B, false);
        pair.run_for(SECOND * 60);
        assert!(all_up(&pair.a) && all_up(&pair.b), "{signalling:?}");
        assert_eq!(pair.a.diagnosis(), Diagnosis::None);
        assert_eq!(pair.b.diagnosis(), Diagnosis::None);
    }
}

#[test]
fn a_dialect_that_vanishes_before_the_link_is_up_is_given_up() {
    let mut pair = pair(cpe(Signalling::Auto), node(Signalling::Ansi), &[16]);
    pair.run_for(SECOND * 30);
    pair.line.cut();
    pair.run_for(SECOND * 100);
    assert!(!pair.a.link_up());
    assert_eq!(pair.a.dialect(), None);
    // Answered once in one dialect, not often enough to come up, then only in another.
    pair.line.join();
    let found = pair.run_until(SECOND * 20, |pair| pair.a.dialect().is_some());
    assert!(found.is_some());
    assert!(!pair.a.link_up());
    let now = pair.now();
    pair.b = link(now, node(Signalling::Q933), &[16]);
    pair.run_for(SECOND * 100);
    assert!(all_up(&pair.a) && all_up(&pair.b));
    assert_eq!(pair.a.dialect(), Some(Dialect::AnnexA));
}

#[test]
fn half_configured_and_restarted_peers() {
    // The switch has fewer and other PVCs than the user.
    let mut pair = Pair::new(
        1,
        Impairments::NONE,
        |now| link(now, cpe(Signalling::Ansi), &[16, 17]),
        |now| link(now, node(Signalling::Ansi), &[17, 18]),
    );
    pair.run_for(SECOND * 70);
    assert!(pair.a.link_up() && pair.b.link_up());
    assert!(!pair.a.channel_up(ChannelId(0)) && pair.a.channel_up(ChannelId(1)));
    let list: Vec<_> = pair.a.pvc_list().collect();
    assert_eq!(
        list,
        [
            (16, status::DELETED),
            (17, status::INCLUDED | status::ACTIVE),
            (18, status::INCLUDED | status::ACTIVE),
        ]
    );
    // Each end is killed and comes back, again and again: neither link goes down at the other.
    for _ in 0..10 {
        let now = pair.now();
        pair.b = link(now, node(Signalling::Ansi), &[16, 17]);
        pair.run_for(SECOND * 60);
        assert!(all_up(&pair.a) && all_up(&pair.b));
        let now = pair.now();
        pair.a = link(now, cpe(Signalling::Ansi), &[16, 17]);
        pair.run_for(SECOND * 60);
        assert!(all_up(&pair.a) && all_up(&pair.b));
        assert_eq!(pair.b.link_stats().downs, 0);
    }
}
