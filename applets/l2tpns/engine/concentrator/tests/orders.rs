//! What RADIUS servers, nsctl and plugins order, and IPv6 on the link.

use wanbox_wire::nsctl;
use wanbox_wire::radius::{AUTHENTICATOR, Code, Kind, Packet, Writer};

use super::*;
use crate::radius::SharedSecret;

fn logged_in(lines: &[(&str, &str)], plugins: &[&str], pairs: &[&str]) -> World {
    let mut config = config(lines);
    config.plugins = plugins.iter().map(|name| (*name).to_owned()).collect();
    let mut world = World::new(1, setup(config), Impairments::NONE);
    world.add_lac("198.51.100.1:1701");
    let mut grant = Vec::new();
    for pair in pairs {
        let mut value = 9_u32.to_be_bytes().to_vec();
        value.extend_from_slice(&[1, pair.len() as u8 + 2]);
        value.extend_from_slice(pair.as_bytes());
        grant.push((Kind::VENDOR_SPECIFIC, value));
    }
    let grant: Vec<_> = grant
        .iter()
        .map(|(kind, value)| (*kind, &value[..]))
        .collect();
    world.radius.user("ann", "pw", &grant);
    world.call(0, Subscriber::new("ann", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert!(
        world.lacs[0].subscribers[0].ipv4.is_some(),
        "{:?}",
        world.log()
    );
    world
}

/// Sends a request of a RADIUS server; the code of the answer and its Error-Cause.
fn order(world: &mut World, code: Code, attributes: &[(Kind, &[u8])]) -> (Code, Option<u32>) {
    let secret = SharedSecret::new(RADIUS_SECRET.as_bytes());
    let mut request = Vec::new();
    let identifier = world.radius.packets.len() as u8;
    let mut writer = Writer::new(&mut request, code, identifier);
    for (kind, value) in attributes {
        writer.attribute(*kind, value);
    }
    writer.finish(&[0; 16]);
    let authenticator = secret.authenticator(&request, &[0; 16]);
    request[AUTHENTICATOR].copy_from_slice(&authenticator);
    let now = world.now();
    let from = address("192.0.2.5:4000");
    world.lns.dae(now, from, &request);
    let mut answer = Vec::new();
    while let Some(to) = world.lns.poll_transmit(&mut answer) {
        if to == (Outgoing::Dae { to: from }) {
            let packet = Packet::parse(&answer).unwrap();
            assert!(secret.is_response(&packet, &authenticator));
            let cause = packet
                .find(Kind::ERROR_CAUSE)
                .map(|cause| cause.u32().unwrap());
            let code = packet.code();
            world.run_for(SECOND);
            return (code, cause);
        }
        match to {
            Outgoing::L2tp { to, .. } => world.send_to(now, to, &answer),
            Outgoing::Radius { socket, to } => world.radius.receive(now, (socket, to), &answer),
            Outgoing::Dae { .. } | Outgoing::Nsctl { .. } => {}
        }
    }
    panic!("no answer");
}

#[test]
fn radius_servers_disconnect_sessions() {
    let mut world = logged_in(&[], &[], &[]);
    let nobody = order(
        &mut world,
        Code::DISCONNECT_REQUEST,
        &[(Kind::USER_NAME, b"bob")],
    );
    assert_eq!(nobody, (Code::DISCONNECT_NAK, Some(503)));
    let unnamed = order(&mut world, Code::DISCONNECT_REQUEST, &[]);
    assert_eq!(unnamed, (Code::DISCONNECT_NAK, Some(402)));
    // Everything that is said has to be true.
    let other = [
        (Kind::USER_NAME, &b"ann"[..]),
        (Kind::FRAMED_IP_ADDRESS, &[10, 0, 0, 9]),
    ];
    let wrong = order(&mut world, Code::DISCONNECT_REQUEST, &other);
    assert_eq!(wrong, (Code::DISCONNECT_NAK, Some(503)));
    let session = world.session("ann");
    let id = radius::acct_session_id(session.unique, world.lns.clock.unix(session.opened));
    let by_id = [(Kind::ACCT_SESSION_ID, id.as_bytes())];
    let done = order(&mut world, Code::DISCONNECT_REQUEST, &by_id);
    assert_eq!(done, (Code::DISCONNECT_ACK, None));
    assert!(world.lns.sessions().is_empty());
    assert_eq!(world.lacs[0].subscribers[0].ended, Some((3, None)));
    assert_eq!(world.radius.records.last().unwrap().3, Some(6));
}

#[test]
fn radius_servers_change_sessions() {
    use crate::concentrator::Direction::{In, Out};
    let mut world = logged_in(&[], &["autothrottle", "autosnoop"], &["throttle=256"]);
    let id = world.lns.session_of("ann").unwrap();
    assert_eq!(world.lns.plane().throttle(id, In).unwrap().rate(), 256);
    let mut pair = 9_u32.to_be_bytes().to_vec();
    pair.extend_from_slice(&[1, 14]);
    pair.extend_from_slice(b"throttle=512");
    let minute = 60_u32.to_be_bytes();
    let change = [
        (Kind::USER_NAME, &b"ann"[..]),
        (Kind::VENDOR_SPECIFIC, &pair),
        (Kind::SESSION_TIMEOUT, &minute),
    ];
    let done = order(&mut world, Code::COA_REQUEST, &change);
    assert_eq!(done, (Code::COA_ACK, None));
    // The new rate holds at once.
    assert_eq!(world.lns.plane().throttle(id, Out).unwrap().rate(), 512);
    let unknown = [(Kind::USER_NAME, &b"ann"[..]), (Kind::FILTER_ID, b"nix.in")];
    let refused = order(&mut world, Code::COA_REQUEST, &unknown);
    assert_eq!(refused, (Code::COA_NAK, Some(404)));
    world.run_for(70 * SECOND);
    assert!(world.lns.sessions().is_empty());
    assert_eq!(world.radius.records.last().unwrap().3, Some(5));
}

#[test]
fn nsctl_drops_and_throttles() {
    let mut world = logged_in(&[], &["sessionctl", "throttlectl"], &[]);
    let from = address("127.0.0.1:5000");
    let command = |world: &mut World, arguments: &[&[u8]]| {
        let mut octets = vec![0x90, 0x13, 0x14, arguments.len() as u8];
        for argument in arguments {
            octets.push(argument.len() as u8);
            octets.extend_from_slice(argument);
        }
        octets.push(0xff);
        let now = world.now();
        world.lns.nsctl(now, from, &octets);
        let mut answer = Vec::new();
        while let Some(to) = world.lns.poll_transmit(&mut answer) {
            match to {
                Outgoing::Nsctl { to } => {
                    assert_eq!(to, from);
                    return nsctl::Message::parse(&answer).unwrap().kind;
                }
                Outgoing::L2tp { to, .. } => world.send_to(now, to, &answer.clone()),
                _ => {}
            }
        }
        panic!("no answer");
    };
    assert_eq!(command(&mut world, &[b"drop", b"bob"]), nsctl::Kind::Error);
    assert_eq!(
        command(&mut world, &[b"throttle", b"ann", b"64"]),
        nsctl::Kind::Ok
    );
    assert_eq!(world.session("ann").throttle, [64, 64]);
    assert_eq!(command(&mut world, &[b"drop", b"ann"]), nsctl::Kind::Ok);
    world.run_for(SECOND);
    assert!(world.lns.sessions().is_empty());
}

#[test]
fn whom_nobody_knows_comes_into_the_walled_garden() {
    let mut config = config(&[]);
    config.plugins = vec!["garden".into()];
    let mut world = World::new(1, setup(config), Impairments::NONE);
    world.add_lac("198.51.100.1:1701");
    world.call(0, Subscriber::new("eve", "guess", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert!(world.lacs[0].subscribers[0].ipv4.is_some());
    let session = world.lns.sessions().iter().next().unwrap();
    assert!(session.garden);
    // Not found by name, and not accounted for.
    assert_eq!(world.lns.session_of("eve"), None);
    assert!(world.radius.records.is_empty());
    let wall =
        |event: &&HostEvent| matches!(event, HostEvent::Plugin(crate::plugin::Work::Garden(_)));
    assert!(world.events.iter().filter(wall).count() >= 2);
}

#[test]
fn domains_are_stripped_before_anybody_is_asked() {
    let mut config = config(&[]);
    config.plugins = vec!["stripdomain".into()];
    let mut world = World::new(1, setup(config), Impairments::NONE);
    world.add_lac("198.51.100.1:1701");
    world.radius.user("ann", "pw", &[]);
    world.call(0, Subscriber::new("ann@isp", "pw", &[Method::Pap]));
    world.run_for(10 * SECOND);
    assert!(world.lns.session_of("ann").is_some());
}

#[test]
fn routers_are_advertised_when_ipv6_opens_and_with_echoes() {
    let mut world = World::simple(&[("ipv6_prefix", "2001:db8:1::")]);
    world.radius.user("ann", "pw", &[]);
    let ppp = Profile {
        ipv6: Some(ipv6cp::Config::default()),
        ..clients::profile("ann", "pw", &[Method::Pap])
    };
    world.call(0, Subscriber::of("ann", ppp));
    world.run_for(10 * SECOND);
    let advertisements = |world: &World| {
        let packets = world.lacs[0].subscribers[0].packets.iter();
        packets
            .filter(|packet| packet[0] >> 4 == 6 && packet[40] == 134)
            .count()
    };
    assert_eq!(advertisements(&world), 1);
    // A Router Solicitation from the link's own address.
    let mut rs = vec![0x60, 0, 0, 0, 0, 8, 58, 255];
    rs.extend_from_slice(&"fe80::5".parse::<std::net::Ipv6Addr>().unwrap().octets());
    rs.extend_from_slice(&"ff02::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
    rs.extend_from_slice(&[133, 0, 0x7d, 0x37, 0, 0, 0, 0]);
    let sum = |packet: &[u8]| {
        let words = packet[8..]
            .chunks(2)
            .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
        let all: u32 = words.sum::<u32>() + 8 + 58;
        let all = (all & 0xffff) + (all >> 16);
        !((all & 0xffff) + (all >> 16)) as u16
    };
    rs[42..44].fill(0);
    let checksum = sum(&rs);
    rs[42..44].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = vec![0x57];
    frame.extend_from_slice(&rs);
    world.lacs[0].subscribers[0].send_frame(&frame);
    world.run_for(SECOND);
    assert_eq!(advertisements(&world), 2);
    world.lacs[0].subscribers[0].send_frame(&[0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0]);
    world.run_for(SECOND);
    assert_eq!(advertisements(&world), 3);
}

#[test]
fn files_of_octets_are_made_in_time() {
    let mut world = logged_in(&[("accounting_dir", "/var/log/l2tpns")], &[], &[]);
    world.data_passes(0, 0);
    let files = |world: &World| -> Vec<String> {
        let text = |event: &HostEvent| match event {
            HostEvent::Accounting { text, .. } => Some(text.clone()),
            _ => None,
        };
        world.events.iter().filter_map(text).collect()
    };
    world.run_for(301 * SECOND);
    assert_eq!(files(&world).len(), 1);
    assert!(files(&world)[0].ends_with("ann 10.0.0.1 1 60 100\n"));
    world.data_passes(0, 0);
    let now = world.now();
    world.lacs[0].hang_up(now, 0, 1);
    world.run_for(61 * SECOND);
    assert_eq!(files(&world).len(), 2);
    assert!(files(&world)[1].ends_with("ann 10.0.0.1 1 60 100\n"));
}
