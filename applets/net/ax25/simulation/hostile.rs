//! Frames of strangers: nothing panics, and memory stays bounded.

use proptest::prelude::*;
use wanbox_sim::Clock;
use wanbox_wire::ax25::{Class, Header};

use super::*;

#[test]
fn a_flood_of_calls_is_bounded() {
    let mut now = Clock::new().now();
    let mut ax25 = ax25(now, "DB0ID");
    let mut frame = Vec::new();
    for number in 0..20_000u32 {
        let name = format!("{:06}", number % 9000);
        let mut header = Header::new(call("DB0ID"), call(&name), Class::Command);
        if number % 3 == 0 {
            header = Header::new(call("DK5SG"), call(&name), Class::Command);
            header.digis = wanbox_wire::ax25::Digis::new(&calls("DB0ID")).unwrap();
        }
        frame.clear();
        header.append(&mut frame);
        frame.push(0x3f);
        ax25.receive(now, Port(0), &frame);
        let mut sent = Vec::new();
        while ax25.poll_transmit(now, &mut |_| true, &mut sent).is_some() {}
        while ax25.poll_event().is_some() {}
        assert!(ax25.link_count() <= 1024);
    }
    assert!(ax25.counters.too_many_links > 0);
    assert!(ax25.heard.listed(Port(0)).len() <= 2048);
    // All of them leave in the end, for nobody answers.
    for _ in 0..400_000 {
        let Some(next) = ax25.poll_timeout() else {
            break;
        };
        now = now.max(next);
        ax25.handle_timeout(now);
        let mut sent = Vec::new();
        while ax25.poll_transmit(now, &mut |_| true, &mut sent).is_some() {}
        while ax25.poll_event().is_some() {}
    }
    assert_eq!(ax25.link_count(), 0);
}

proptest! {
    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..3000)) {
        fuzz::fuzz_ax25_station(Clock::new().now(), &octets);
    }
}
