//! Who may come in, and what that changes.

use wanbox_wire::radius::Kind;

use super::*;

const METHODS: [Method; 3] = [Method::Pap, Method::ChapMd5, Method::MsChapV2];

/// A world in which `ann` with the secret `pw` has logged in.
pub(super) fn ann(lines: &[(&str, &str)], method: Method, grant: &[(Kind, &[u8])]) -> World {
    let mut world = World::simple(lines);
    world.radius.user("ann", "pw", grant);
    world.call(0, Subscriber::new("ann", "pw", &[method]));
    let up = world.run_until(20 * SECOND, |world| {
        world.lacs[0].subscribers[0].ipv4.is_some()
    });
    assert!(up.is_some(), "{:?}", world.log());
    world.run_for(SECOND);
    world
}

#[test]
fn a_subscriber_logs_in_in_every_way_and_packets_pass() {
    for method in METHODS {
        let mut world = ann(&[], method, &[]);
        let ipv4 = world.lacs[0].subscribers[0].ipv4.unwrap();
        assert_eq!(ipv4.local, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(ipv4.peer, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(ipv4.dns[0], Ipv4Addr::new(198, 51, 100, 53));
        assert_eq!(ipv4.dns[1], Ipv4Addr::UNSPECIFIED);
        world.data_passes(0, 0);
        assert!(world.has_logged("Login by ann at 10.0.0.1 from 198.51.100.1 (lac)"));
        assert_eq!(world.radius.count(1, "ann"), 1);
        // The far end hangs up.
        let now = world.now();
        world.lacs[0].hang_up(now, 0, 1);
        world.run_for(SECOND);
        assert!(world.lns.sessions().is_empty());
        let stop = world.radius.records.last().unwrap();
        assert_eq!((stop.0, stop.3, stop.4), (2, Some(2), 60));
        assert_eq!(world.lns.plane().len(), 0);
        assert_eq!(
            (world.lns.pool.used(), world.lns.counters().ip_freed),
            (0, 1)
        );
    }
}

#[test]
fn a_wrong_password_is_answered_before_the_call_ends() {
    for method in METHODS {
        let mut world = World::simple(&[]);
        world.radius.user("ann", "pw", &[]);
        world.call(0, Subscriber::new("ann", "wrong", &[method]));
        let ended = world.run_until(20 * SECOND, |world| {
            world.lacs[0].subscribers[0].ended.is_some()
        });
        assert!(ended.is_some());
        let ann = &world.lacs[0].subscribers[0];
        assert_eq!(ann.ended, Some((3, None)));
        use wanbox_link::ppp::{Cause, auth::Failure};
        assert_eq!(
            ann.causes[0],
            Cause::Authentication(Failure::Refused),
            "{method}"
        );
        world.run_for(SECOND);
        assert!(world.lns.sessions().is_empty());
        assert!(world.radius.records.is_empty());
        assert_eq!(world.lns.pacing.under_way(), 0);
    }
}

#[test]
fn nobody_comes_in_without_radius_server() {
    let mut world = World::simple(&[("radius_secret", "")]);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(20 * SECOND);
    assert_eq!(world.lacs[0].subscribers[0].ended, Some((3, None)));
    assert_eq!(world.radius.requests, 0);
}

#[test]
fn a_user_of_the_file_needs_no_server() {
    for method in METHODS {
        let mut diagnostics = wanbox_grammar::diagnostic::Diagnostics::default();
        let text = "ann pw address=10.77.0.1 route=10.78.0.0/24\n";
        let mut setup = setup(config(&[("radius_secret", "")]));
        setup.subscribers = Subscribers::parse(text, &mut diagnostics);
        let mut world = World::new(1, setup, Impairments::NONE);
        world.add_lac("198.51.100.1:1701");
        world.call(0, Subscriber::new("ann", "pw", &[method]));
        world.run_for(20 * SECOND);
        assert_eq!(
            world.lacs[0].subscribers[0].address(),
            Ipv4Addr::new(10, 77, 0, 1)
        );
        world.data_passes(0, 0);
        let routes: Vec<_> = world
            .events
            .iter()
            .filter_map(|event| match event {
                HostEvent::AddRoute { network, bits } => Some((*network, *bits)),
                _ => None,
            })
            .collect();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(routes, [(at("10.78.0.0"), 24), (at("10.77.0.1"), 32)]);
        let now = world.now();
        let id = world.lns.session_of("ann").unwrap();
        world
            .lns
            .drop_session(now, id, "Requested by administrator.")
            .unwrap();
        world.run_for(SECOND);
        let deleted = |event: &&HostEvent| matches!(event, HostEvent::DeleteRoute { .. });
        assert_eq!(world.events.iter().filter(deleted).count(), 2);
        assert_eq!(world.lacs[0].subscribers[0].ended, Some((3, None)));
    }
}

#[test]
fn a_static_address_and_its_routes_hold() {
    let grant: [(Kind, &[u8]); 3] = [
        (Kind::FRAMED_IP_ADDRESS, &[172, 16, 0, 9]),
        (Kind::FRAMED_ROUTE, b"172.16.0.0/24 0.0.0.0 1"),
        (Kind::CLASS, b"gold"),
    ];
    let mut world = ann(&[], Method::Pap, &grant);
    world.data_passes(0, 0);
    assert_eq!(
        world.lacs[0].subscribers[0].address(),
        Ipv4Addr::new(172, 16, 0, 9)
    );
    assert!(
        world
            .lns
            .session_at("172.16.0.77".parse().unwrap())
            .is_some()
    );
    let routes = world
        .events
        .iter()
        .filter(|e| matches!(e, HostEvent::AddRoute { .. }));
    // The address is in the network, which is led here already.
    assert_eq!(routes.count(), 1);
    assert_eq!(world.lns.pool.used(), 0);
}

#[test]
fn the_newer_session_of_a_user_wins() {
    let mut world = ann(&[], Method::Pap, &[]);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert_eq!(world.lacs[0].subscribers[0].ended, Some((3, None)));
    assert!(world.lacs[0].subscribers[1].ipv4.is_some());
    assert!(world.has_logged("Duplicate session for users"));
    assert_eq!(world.lns.sessions().len(), 1);
    for lines in [
        ("allow_duplicate_users", "yes"),
        ("guest_account", "bob, ANN"),
    ] {
        let mut world = ann(&[lines], Method::Pap, &[]);
        world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
        world.run_for(10 * SECOND);
        assert_eq!(world.lns.sessions().len(), 2);
    }
}

#[test]
fn the_newer_session_with_an_address_wins() {
    let grant: [(Kind, &[u8]); 1] = [(Kind::FRAMED_IP_ADDRESS, &[172, 16, 0, 9])];
    let mut world = ann(&[("allow_duplicate_users", "yes")], Method::Pap, &grant);
    world.radius.user("bob", "pw", &grant);
    world.call(0, Subscriber::new("bob", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert!(world.has_logged("Duplicate IP address"));
    assert_eq!(world.lns.sessions().len(), 1);
    world.data_passes(0, 1);
}

#[test]
fn an_empty_pool_sends_the_call_elsewhere() {
    let mut setup = setup(config(&[]));
    setup.pool = vec![(Ipv4Addr::new(10, 0, 0, 1), 32)];
    let mut world = World::new(1, setup, Impairments::NONE);
    world.add_lac("198.51.100.1:1701");
    for user in ["ann", "bob"] {
        world.radius.user(user, "pw", &[]);
        world.call(0, Subscriber::new(user, "pw", &[Method::Pap]));
        world.run_for(5 * SECOND);
    }
    assert_eq!(world.lacs[0].subscribers[1].ended, Some((2, Some(7))));
    assert_eq!(world.lns.sessions().len(), 1);
}

#[test]
fn session_and_idle_time_are_limited() {
    let hour = 3600_u32.to_be_bytes();
    let mut world = ann(&[], Method::Pap, &[(Kind::SESSION_TIMEOUT, &hour)]);
    world.run_for(3590 * SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    world.run_for(20 * SECOND);
    assert_eq!(world.radius.records.last().unwrap().3, Some(5));
    assert!(world.lns.sessions().is_empty());

    let minute = 60_u32.to_be_bytes();
    let mut world = ann(&[], Method::Pap, &[(Kind::IDLE_TIMEOUT, &minute)]);
    for _ in 0..10 {
        world.run_for(30 * SECOND);
        world.data_passes(0, 0);
    }
    world.run_for(70 * SECOND);
    assert_eq!(world.radius.records.last().unwrap().3, Some(4));
    assert!(world.lns.sessions().is_empty());
}

#[test]
fn a_session_timeout_of_zero_refuses_unless_told_otherwise() {
    let zero = 0_u32.to_be_bytes();
    let mut world = World::simple(&[]);
    world
        .radius
        .user("ann", "pw", &[(Kind::SESSION_TIMEOUT, &zero)]);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert!(world.has_logged("Session timeout is zero"));
    assert!(world.lns.sessions().is_empty());
    ann(
        &[("kill_timedout_sessions", "no")],
        Method::Pap,
        &[(Kind::SESSION_TIMEOUT, &zero)],
    );
}

#[test]
fn interim_records_come_in_time() {
    let mut world = ann(&[("radius_interim", "60")], Method::Pap, &[]);
    world.run_for(601 * SECOND);
    assert_eq!(world.radius.count(3, "ann"), 10);
}

#[test]
fn a_subscriber_that_is_gone_is_noticed() {
    let mut world = ann(&[], Method::Pap, &[]);
    // Its echoes are answered.
    world.run_for(1000 * SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    world.lacs[0].subscribers[0].by_hand = true;
    world.run_for(200 * SECOND);
    assert_eq!(world.lns.sessions().len(), 1);
    world.run_for(60 * SECOND);
    assert!(world.lns.sessions().is_empty());
    assert_eq!(world.radius.records.last().unwrap().3, Some(3));
    assert_eq!(world.lns.counters().session_timeout, 1);
}

#[test]
fn data_keeps_echoes_away() {
    let mut world = ann(&[], Method::Pap, &[]);
    world.lacs[0].subscribers[0].frames.clear();
    let echo = |frame: &&Vec<u8>| frame.windows(3).any(|w| w == [0xc0, 0x21, 9]);
    for _ in 0..20 {
        world.run_for(4 * SECOND);
        world.data_passes(0, 0);
    }
    let frames = &world.lacs[0].subscribers[0].frames;
    assert_eq!(frames.iter().filter(echo).count(), 0);
    world.run_for(61 * SECOND);
    let frames = &world.lacs[0].subscribers[0].frames;
    assert_eq!(frames.iter().filter(echo).count(), 6);
}

#[test]
fn a_tunnel_that_is_dropped_takes_its_sessions_along() {
    let mut world = ann(&[], Method::Pap, &[]);
    let now = world.now();
    let tunnel = world.session("ann").tunnel;
    world.lns.drop_tunnel(now, tunnel).unwrap();
    assert_eq!(
        world.lns.drop_tunnel(now, tunnel),
        Err(OperationError::TunnelClosing)
    );
    world.run_for(5 * SECOND);
    assert!(world.lns.sessions().is_empty());
    assert!(world.lacs[0].down);
    assert_eq!(world.radius.records.last().unwrap().3, Some(6));
    assert!(world.lns.is_idle());
}

#[test]
fn draining_refuses_calls_and_reports_every_session() {
    let mut world = ann(&[], Method::Pap, &[]);
    let now = world.now();
    world.lns.drain(now);
    assert!(!world.lns.is_idle());
    world.add_lac("198.51.100.2:1701");
    world.run_for(5 * SECOND);
    assert!(world.lns.is_idle());
    assert!(world.lacs[1].down);
    assert_eq!(world.radius.count(2, "ann"), 1);
}

#[test]
fn rates_filters_and_copies_follow_orders() {
    use crate::concentrator::Direction::{In, Out};
    let mut config = config(&[]);
    let lists = &mut config.access_lists;
    lists
        .open(crate::config::ListType::Standard, "none")
        .unwrap();
    let mut world = World::new(1, setup(config), Impairments::NONE);
    world.add_lac("198.51.100.1:1701");
    let grant: [(Kind, &[u8]); 1] = [(Kind::FILTER_ID, b"none.in")];
    world.radius.user("ann", "pw", &grant);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    let id = world.lns.session_of("ann").unwrap();
    assert_eq!(world.lns.plane().filter(id, In), Some("none"));
    let now = world.now();
    let unknown = world.lns.filter(now, id, [Some("nix"), None]);
    assert_eq!(unknown, Err(OperationError::NoAccessList));
    world.lns.filter(now, id, [None, Some("none")]).unwrap();
    assert_eq!(world.lns.plane().filter(id, In), None);
    assert_eq!(world.lns.plane().filter(id, Out), Some("none"));
    world.lns.filter(now, id, [None, None]).unwrap();
    world.lns.throttle(now, id, [64, 128]).unwrap();
    assert!(world.lns.plane().throttle(id, Out).is_some());
    world.lns.throttle(now, id, [0, 0]).unwrap();
    assert!(world.lns.plane().throttle(id, In).is_none());
    let collector = address("203.0.113.9:9000");
    world.lns.snoop(now, id, Some(collector)).unwrap();
    world.data_passes(0, 0);
    assert_eq!(world.out.copies.len(), 2);
    world.lns.snoop(now, id, None).unwrap();
    let gone = SessionId(77);
    assert_eq!(
        world.lns.snoop(now, gone, None),
        Err(OperationError::NoSession)
    );
}

#[test]
fn a_reload_drops_nobody() {
    let mut world = ann(&[], Method::Pap, &[]);
    let now = world.now();
    world
        .lns
        .configure(now, Arc::new(config(&[("radius_authtypes", "chap")])));
    world
        .lns
        .configure_pool([(Ipv4Addr::new(10, 99, 0, 0), 24)]);
    world.data_passes(0, 0);
    world.radius.user("bob", "pw", &[]);
    world.call(0, Subscriber::new("bob", "pw", &METHODS));
    world.run_for(10 * SECOND);
    assert_eq!(
        world.lacs[0].subscribers[1].address(),
        Ipv4Addr::new(10, 99, 0, 1)
    );
    let wanted = world.lacs[0].subscribers[1]
        .ppp
        .link()
        .view()
        .giving
        .unwrap()
        .method;
    assert_eq!(wanted, Method::ChapMd5);
}

#[test]
fn ipv6_alone_will_do() {
    let grant: [(Kind, &[u8]); 1] = [(
        Kind::DELEGATED_IPV6_PREFIX,
        &[0, 48, 0x20, 1, 0x0d, 0xb8, 0, 0x77],
    )];
    let mut world = World::simple(&[("ipv6_prefix", "2001:db8:1::")]);
    world.radius.user("ann", "pw", &grant);
    let ppp = Profile {
        ipv4: None,
        ipv6: Some(ipv6cp::Config::default()),
        ..clients::profile("ann", "pw", &[Method::Pap])
    };
    world.call(0, Subscriber::of("ann", ppp));
    world.run_for(10 * SECOND);
    let ann = &world.lacs[0].subscribers[0];
    assert!(ann.ipv6 && ann.ipv4.is_none(), "{:?}", world.log());
    // The identifier tells who it is.
    let given = ann.ppp.network().ipv6().unwrap().local;
    assert_eq!(given, network::interface(world.session("ann")));
    assert_eq!(world.radius.count(1, "ann"), 1);
    let route = HostEvent::AddRoute {
        network: "2001:db8:77::".parse().unwrap(),
        bits: 48,
    };
    assert!(world.events.contains(&route));
    assert!(
        world
            .lns
            .session_at("2001:db8:77:5::1".parse().unwrap())
            .is_some()
    );
}

#[test]
fn views_show_what_is() {
    let grant: [(Kind, &[u8]); 2] = [
        (Kind::FRAMED_ROUTE, b"10.70.0.0/16 0.0.0.0 1"),
        (Kind::IDLE_TIMEOUT, &[0, 0, 2, 0]),
    ];
    let mut world = ann(&[], Method::Pap, &grant);
    let now = world.now();
    let id = world.lns.session_of("ann").unwrap();
    world.lns.throttle(now, id, [0, 256]).unwrap();
    world.data_passes(0, 0);
    let now = world.now();
    let lns = &world.lns;
    let rows: Vec<_> = lns.session_rows(now, SessionId(0)).collect();
    assert_eq!(
        (rows.len(), rows[0].user, rows[0].throttled),
        (1, "ann", true)
    );
    assert_eq!((rows[0].uploaded, rows[0].downloaded), (60, 100));
    assert_eq!(lns.session_rows(now, SessionId(2)).count(), 0);
    let text = lns
        .with_session(now, id, |session| session.to_string())
        .unwrap();
    for part in ["User:\t\tann", "10.0.0.1", "Bytes In/Out:\t100/60", "256"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(lns.throttle_rows(SessionId(0)).count(), 1);
    assert_eq!(lns.buckets().count(), 1);
    let mut tunnels = Vec::new();
    lns.tunnel_rows(TunnelId(0), false, |row| {
        tunnels.push((row.host.to_owned(), row.sessions));
        More::Continue(())
    });
    assert_eq!(tunnels, [("lac".to_owned(), 1)]);
    let tunnel = lns.sessions().get(id).unwrap().tunnel;
    let text = lns
        .with_tunnel(now, tunnel, |tunnel| tunnel.to_string())
        .unwrap();
    assert!(text.contains("lac"), "{text}");
    let mut leases = 0;
    lns.pool_rows(now, Ipv4Addr::UNSPECIFIED, true, |_| {
        leases += 1;
        if leases < 100 {
            More::Continue(())
        } else {
            More::Break(())
        }
    });
    assert_eq!(leases, 100);
    let cache: Vec<_> = lns.ip_cache(SessionId(0)).map(|row| row.length).collect();
    assert_eq!(cache, [32, 16]);
    assert_eq!(
        (lns.idle_histogram(now).total, lns.open_histogram(now).total),
        (1, 1)
    );
    assert_eq!(lns.users("a").collect::<Vec<_>>(), ["ann"]);
    let named = lns.named_counters();
    assert!(named.contains(&("session_created", 1)) && named.contains(&("logins", 1)));
    let mut names: Vec<_> = named.iter().map(|(name, _)| *name).collect();
    names.dedup();
    assert_eq!(names.len(), named.len());
}
