//! Who is alive: HELLO, echoes, and what takes their place.

use wanbox_wire::ppp::{Code, Frame};

use super::login::ann;
use super::*;

/// Control messages that the server sent for the first time.
fn said(world: &World) -> u32 {
    world.lns.tunnels().stats().sent
}

/// Echo-Requests that the subscriber got since the last look.
fn echoes(world: &mut World) -> usize {
    let frames = std::mem::take(&mut world.lacs[0].subscribers[0].frames);
    let asks = |frame: &Vec<u8>| {
        let frame = Frame::parse(frame).unwrap();
        frame.protocol == Protocol::LCP
            && frame.information.first() == Some(&u8::from(Code::EchoRequest))
    };
    frames.iter().filter(|frame| asks(frame)).count()
}

/// The subscriber sends a packet every three seconds, for two minutes.
fn talk(world: &mut World) {
    let own = world.lacs[0].subscribers[0].address();
    for _ in 0..40 {
        let packet = packet(own, Ipv4Addr::new(203, 0, 113, 7), 60);
        world.lacs[0].subscribers[0].send(&packet);
        world.run_for(3 * SECOND);
    }
}

#[test]
fn data_is_a_sign_of_life_of_a_tunnel() {
    let mut world = ann(&[], Method::Pap, &[]);
    let before = said(&world);
    talk(&mut world);
    assert_eq!(said(&world), before, "HELLO to a peer whose data came");
    // With nobody in the tunnel, nothing but HELLO tells.
    let now = world.now();
    world.lacs[0].hang_up(now, 0, 1);
    world.run_for(SECOND);
    let before = said(&world);
    world.run_for(58 * SECOND);
    assert_eq!(said(&world), before);
    world.run_for(4 * SECOND);
    assert_eq!(said(&world), before + 1);
}

#[test]
fn a_tunnel_tells_when_it_sent_last() {
    let mut world = ann(&[], Method::Pap, &[]);
    let tunnel = world.lns.tunnels().iter().next().unwrap().id();
    let age = |world: &World| {
        let shown = |tunnel: &crate::show::Tunnel<'_>| tunnel.last_sent;
        world.lns.with_tunnel(world.now(), tunnel, shown).unwrap()
    };
    let before = age(&world).unwrap();
    talk(&mut world);
    // What is heard does not count.
    assert_eq!(age(&world), Some(before + 120));
}

#[test]
fn echoes_are_sent_where_nothing_comes_or_always() {
    let mut quiet = ann(&[], Method::Pap, &[]);
    echoes(&mut quiet);
    talk(&mut quiet);
    assert_eq!(echoes(&mut quiet), 0);
    quiet.run_for(60 * SECOND);
    assert!((5..=6).contains(&echoes(&mut quiet)));
    let mut always = ann(&[("ppp_keepalive", "no")], Method::Pap, &[]);
    echoes(&mut always);
    talk(&mut always);
    assert!((11..=12).contains(&echoes(&mut always)));
    assert!(always.lns.session_of("ann").is_some());
}

#[test]
fn data_keeps_a_session_whose_echoes_stay_unanswered() {
    // Whatever `ppp_keepalive` says: what counts is silence.
    for keepalive in ["yes", "no"] {
        let lines = [("ppp_keepalive", keepalive), ("idle_echo_timeout", "40")];
        let mut world = ann(&lines, Method::Pap, &[]);
        world.lacs[0].subscribers[0].by_hand = true;
        talk(&mut world);
        assert!(world.lns.session_of("ann").is_some(), "{keepalive}");
        world.run_for(70 * SECOND);
        assert!(world.lns.session_of("ann").is_none(), "{keepalive}");
    }
}
