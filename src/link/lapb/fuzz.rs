//! A link under arbitrary frames, times and orders: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::lapb::{Direction, Frame, FrameRepr, Modulo, Role};

use super::{Link, Parameters, Phase};

/// The most frames that a link may have ready at one time: a window, and what was asked for.
const READY: usize = 32;
/// Octets of the longest packet.
const N1: usize = 16;

/// Any octets drive a link: the first says how it is configured, the rest what happens to it.
/// `start` is any moment.
pub fn fuzz_lapb_link(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let set = |bit: u8| kind & 1 << bit != 0;
    let parameters = Parameters {
        modulo: if set(0) {
            Modulo::OneTwentyEight
        } else {
            Modulo::Eight
        },
        t1: Duration::from_secs(3),
        t2: Duration::from_secs(u64::from(set(1))),
        t4: set(2).then(|| Duration::from_secs(10)),
        n1: N1,
        n2: 3,
        k: if set(3) { 7 } else { 2 },
        queue: 4,
    };
    let role = if set(4) { Role::Dte } else { Role::Dce };
    let Ok(mut link) = Link::new(role, parameters) else {
        unreachable!("all of them are in their ranges");
    };
    if set(5) {
        link.engine_mut().listen();
    } else {
        link.engine_mut().connect(start);
    }
    drive(&mut link, start, input);
}

/// Steps of one octet each, some with a frame behind it.
fn drive(link: &mut Link, start: Instant, mut input: &[u8]) {
    let mut now = start;
    let mut frame = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        input = rest;
        let engine = link.engine_mut();
        match step & 7 {
            0 => now += Duration::from_millis(u64::from(step >> 3) * 250),
            1 => engine.handle_timeout(now),
            2 => match step >> 3 {
                0 => engine.connect(now),
                1 => engine.disconnect(now),
                2 => engine.reset(now),
                3 => engine.line_down(),
                4 => engine.listen(),
                busy => engine.set_busy(busy & 1 != 0),
            },
            3 => {
                let room = engine.room();
                let taken = engine.send(now, &[step; N1]).is_ok();
                assert_eq!(taken, room > 0);
            }
            _ => {
                let length = usize::from(step >> 3).min(input.len());
                let (received, rest) = input.split_at(length);
                input = rest;
                if let Some(packet) = link.receive(now, received) {
                    assert!(packet.len() <= N1 && link.engine().phase() == Phase::Information);
                }
            }
        }
        check(link, now, &mut frame);
    }
}

/// What holds at any time. Takes the frames and events that are ready.
fn check(link: &mut Link, now: Instant, frame: &mut Vec<u8>) {
    let role = link.role();
    let modulo = link.engine().parameters().modulo;
    let mut ready = 0;
    while link.poll_transmit(now, frame) {
        ready += 1;
        assert!(ready < READY, "frames without end");
        let sent = Frame::parse(modulo, frame)
            .and_then(|frame| Ok((FrameRepr::parse(role.peer(), &frame)?, frame)));
        let Ok((repr, sent)) = sent else {
            unreachable!("sent what cannot be: {frame:02x?}");
        };
        assert!(sent.information().len() <= N1);
        assert_eq!(repr.sender, role);
        assert!(!repr.control.poll_final() || repr.direction == Direction::Command || ready == 1);
    }
    let engine = link.engine_mut();
    while engine.poll_event().is_some() {}
    let idle = engine.phase() == Phase::Disconnected;
    assert!(!(engine.is_up() && idle));
    assert!(!idle || engine.poll_timeout().is_none());
    // What waits for an answer does not wait for ever.
    let waits = matches!(
        engine.phase(),
        Phase::Setup | Phase::Disconnecting | Phase::Rejecting
    );
    let waits = waits || engine.waiting() > 0;
    assert!(!waits || engine.poll_timeout().is_some());
    assert_eq!(engine.counters().events_lost, 0);
}
