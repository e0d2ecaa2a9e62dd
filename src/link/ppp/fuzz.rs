//! A whole session under arbitrary frames, times and orders: for fuzzing.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::auth::{Credentials, Method};
use super::{Event, Payload, Profile, Session, ipcp, ipv6cp, lcp};

/// The most frames or events that a session may have ready at one time.
const READY: usize = 256;

/// Any octets drive a session: the first says how it is configured, the rest what happens to it.
/// `start` is any moment.
pub fn fuzz_ppp_session(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let methods = [Method::MsChapV2, Method::ChapMd5, Method::Pap];
    let set = |bit: u8| kind & 1 << bit != 0;
    let profile = Profile {
        lcp: lcp::Config {
            accm: set(0).then_some(0),
            echo_interval: Some(Duration::from_secs(10)),
            multilink: set(1).then(|| lcp::Multilink {
                mrru: 1600,
                short_sequence: true,
                on_request: set(0),
                endpoint: Box::from([1, 2, 3]),
            }),
            ..lcp::Config::default()
        },
        demand: if set(2) { methods.to_vec() } else { Vec::new() },
        provide: if set(3) { methods.to_vec() } else { Vec::new() },
        credentials: Some(Credentials::new(b"name", b"secret")),
        ipv4: Some(ipcp::Config {
            van_jacobson: set(4).then(ipcp::Slots::default),
            ask_dns: true,
            ..if set(5) {
                ipcp::Config::of_peer()
            } else {
                ipcp::Config::host(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2))
            }
        }),
        ipv6: set(6).then(ipv6cp::Config::default),
        hold_down: set(7).then(|| Duration::from_secs(5)),
        ..Profile::default()
    };
    assert_eq!(profile.check(), Ok(()));
    let mut session = Session::new(Arc::new(profile), 1);
    session.carrier(start, true);
    session.open(start);
    drive(&mut session, start, input);
}

/// Steps of one octet each, some with more behind it.
fn drive(session: &mut Session, start: Instant, mut input: &[u8]) {
    let mut now = start;
    let mut control = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        input = rest;
        match step & 7 {
            0 => session.carrier(now, step & 8 != 0),
            1 => now += Duration::from_millis(u64::from(step >> 3) * 1000),
            2 => session.handle_timeout(now),
            3 if step & 8 != 0 => session.open(now),
            3 if step & 16 != 0 => session.close(now),
            3 => {
                let payload = [Payload::Ipv4, Payload::Ipv6][usize::from(step >> 5 & 1)];
                if let Ok(header) = session.encapsulate(payload, 100) {
                    assert!((1..=4).contains(&header.as_ref().len()));
                }
            }
            _ => {
                let Some((&length, rest)) = input.split_first() else {
                    break;
                };
                let (frame, rest) = rest.split_at(usize::from(length).min(rest.len()));
                input = rest;
                if let Some(delivery) = session.receive(now, frame) {
                    let version = delivery.packet.first().map(|first| first >> 4);
                    let expected = match delivery.payload {
                        Payload::Ipv4 => 4,
                        Payload::Ipv6 => 6,
                    };
                    assert_eq!(version, Some(expected));
                }
            }
        }
        let mut ready = 0;
        while session.poll_transmit(&mut control) {
            assert!(!control.is_empty());
            ready += 1;
            assert!(ready <= READY, "control frames without end");
        }
        while let Some(event) = session.poll_event() {
            if let Event::Authenticate(claim) = event {
                session.authenticate(now, &claim, claim.verify(b"secret"));
            }
            ready += 1;
            assert!(ready <= READY, "events without end");
        }
        assert!(session.memory() < 8192);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::{Clock, Random, random_frames};
    use wanbox_wire::ppp::{FrameRepr, Protocol, Writer};

    #[test]
    fn any_steps() {
        let mut random = Random::new(1);
        let start = Clock::new().now();
        let protocols = [
            Protocol::LCP,
            Protocol::LCP,
            Protocol::IPCP,
            Protocol::IPV6CP,
            Protocol::PAP,
            Protocol::CHAP,
            Protocol::IPV4,
            Protocol::VJ_COMPRESSED,
        ];
        for _ in 0..random_frames() / 100 {
            let mut input = vec![random.next_u64() as u8];
            for _ in 0..random.below(40) {
                input.push(random.next_u64() as u8 | if random.chance(0.6) { 4 } else { 0 });
                let mut frame = Vec::new();
                FrameRepr::plain(*random.pick(&protocols)).append(&mut frame);
                let code = random.between(1, 13) as u8;
                // The answers of a session to itself are known: identifiers count from 1.
                let mut writer = Writer::new(&mut frame, code, random.below(4) as u8);
                for _ in 0..random.below(4) {
                    let mut data = vec![0; *random.pick(&[0, 0, 2, 4, 4, 8])];
                    random.fill(&mut data);
                    writer.option(random.between(1, 19) as u8, &data);
                }
                writer.finish().unwrap();
                if random.chance(0.2) {
                    random.damage(&mut frame);
                }
                input.push(frame.len() as u8);
                input.extend_from_slice(&frame);
            }
            fuzz_ppp_session(start, &input);
        }
    }
}
