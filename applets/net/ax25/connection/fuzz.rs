//! A connection under arbitrary frames, times and wishes: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::ax25::{Class, Control, pid};
use wanbox_wire::lapb::Modulo;

use super::{BEYOND, Connection, Extended, Parameters, State};

/// The most frames that a connection may have ready at one time: a window, what SREJ asked for, and
/// what was asked.
const READY: usize = 80;
/// Octets of the longest packet.
const PACLEN: u16 = 16;

/// Any octets drive a connection: the first says how it is set, the rest what happens to it. `start`
/// is any moment.
pub fn fuzz_ax25_connection(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let set = |bit: u8| kind & 1 << bit != 0;
    let parameters = Parameters {
        retry: if set(0) { 0 } else { 3 },
        maxframe: if set(1) { 7 } else { 2 },
        maxframe_extended: if set(1) { 30 } else { 1 },
        paclen: PACLEN,
        pthresh: if set(2) { 64 } else { 0 },
        window: if set(3) { 64 } else { 1 },
        version: if set(4) { 1 } else { 2 },
        extended: match kind >> 5 & 3 {
            0 => Extended::Refused,
            1 => Extended::Accepted,
            _ => Extended::Offered,
        },
        ..Parameters::default()
    };
    let mut connection = Connection::new(&parameters, kind >> 7);
    connection.listen();
    drive(&mut connection, start, input);
}

/// Steps of one octet each, some with a frame behind it.
fn drive(connection: &mut Connection, start: Instant, mut input: &[u8]) {
    let mut now = start;
    let mut packet = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        input = rest;
        match step & 7 {
            0 => now += Duration::from_millis(u64::from(step >> 3) * 250),
            1 => connection.handle_timeout(now),
            2 => match step >> 3 {
                0 => connection.connect(now),
                1 => connection.close(now),
                2 => connection.reset(now),
                3 => connection.kick(now),
                4 => connection.listen(),
                5 => connection.ask(),
                6 => connection.accept(now),
                7 => connection.refuse(now),
                _ => {
                    packet.clear();
                    connection.read(&mut packet);
                }
            },
            3 => {
                let room = connection.room();
                let packet = [step; PACLEN as usize];
                let taken = connection.send(now, pid::TEXT, &packet).is_ok();
                assert_eq!(taken, room > 0);
            }
            _ => {
                let class = [Class::Command, Class::Response, Class::Unknown];
                let class = class.get(usize::from(step & 7) - 4).copied();
                let length = usize::from(step >> 3).min(input.len());
                let (received, rest) = input.split_at(length);
                input = rest;
                connection.receive(now, class.unwrap_or(Class::Command), received);
            }
        }
        check(connection, now);
    }
}

/// What holds at any time. Takes the frames and events that are ready.
fn check(connection: &mut Connection, now: Instant) {
    let mut frame = Vec::new();
    let mut ready = 0;
    loop {
        frame.clear();
        if connection.poll_transmit(now, &mut frame).is_none() {
            break;
        }
        ready += 1;
        assert!(ready < READY, "frames without end");
        let sent = Control::parse(connection.modulo(), &frame);
        // A response may still have the numbering of before.
        let sent = sent.or_else(|_| Control::parse(Modulo::Eight, &frame));
        assert!(sent.is_ok(), "sent what cannot be: {frame:02x?}");
    }
    while connection.poll_event().is_some() {}
    let status = connection.status(now);
    let idle = status.state == State::Disconnected;
    assert!(!(connection.is_up() && idle));
    assert!(!idle || status.send_queue == 0);
    // What waits for an answer does not wait for ever.
    let waits = matches!(
        status.state,
        State::Setup | State::Disconnecting | State::Recovery
    );
    let waits = waits || connection.is_up() && status.send_queue > 0;
    assert!(!waits || connection.poll_timeout().is_some());
    assert!(status.unacknowledged <= 127 && status.window >= 1);
    let window = usize::from(connection.parameters().window);
    assert!(connection.unread() <= window + BEYOND + 127 * 64);
    assert_eq!(connection.counters().events_lost, 0);
}
