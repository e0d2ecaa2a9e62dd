//! A layer under arbitrary packets, times and orders: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::{Lci, Marks, Modulo, Packet, PacketRepr};

use super::{Call, Channels, Event, Layer, LinkState, Parameters};

/// The most packets that a layer may have ready at one time.
const READY: usize = 256;
/// The highest channel.
const LAST: u16 = 6;

/// Any octets drive a layer: the first says how it is configured, the rest what happens to it.
/// `start` is any moment.
pub fn fuzz_x25_layer(start: Instant, input: &[u8]) {
    let Some((&kind, input)) = input.split_first() else {
        return;
    };
    let set = |bit: u8| kind & 1 << bit != 0;
    let role = if set(0) { Role::Dte } else { Role::Dce };
    let channels = Channels {
        permanent: Some(1..=1),
        incoming: Some(2..=2),
        two_way: Some(3..=5),
        outgoing: Some(LAST..=LAST),
    };
    let parameters = Parameters {
        modulo: if set(1) {
            Modulo::OneTwentyEight
        } else {
            Modulo::Eight
        },
        acknowledgement: Duration::from_secs(u64::from(set(2))),
        negotiation: set(3),
        fast_select: set(4),
        reverse_charging: set(5),
        delivery_confirmation: set(6),
        t26: set(7).then(|| Duration::from_secs(5)),
        r20: 1,
        r22: 1,
        r23: 1,
        queue: 1024,
        ..Parameters::new(role, channels)
    };
    let Ok(mut layer) = Layer::new(parameters) else {
        unreachable!("all of them are in their ranges");
    };
    layer.link_up(start);
    drive(&mut layer, start, input);
}

/// Steps of two octets each, some with a packet behind.
fn drive(layer: &mut Layer, start: Instant, mut input: &[u8]) {
    let mut now = start;
    let mut buffer = Vec::new();
    while let [step, value, rest @ ..] = input {
        input = rest;
        let channel = Lci::new(u16::from(value & 7)).unwrap_or_default();
        let high = value >> 3;
        match step & 7 {
            0 => {
                now += Duration::from_millis(u64::from(*value) * 250);
                layer.handle_timeout(now);
            }
            1 => wish(layer, now, step >> 3, channel, high),
            2 => {
                let marks = Marks {
                    q: step & 0x80 != 0,
                    d: step & 0x40 != 0,
                    m: step & 0x20 != 0,
                };
                let message = [*step; 300];
                let message = message.get(..usize::from(high) * 8).unwrap_or_default();
                let room = layer.room(channel);
                if layer.send(now, channel, marks, message).is_ok() {
                    assert!(message.len() <= room);
                }
            }
            3 => {
                buffer.clear();
                let unread = layer.status(channel).map_or(0, |status| status.unread);
                let read = layer.read(now, channel, &mut buffer).is_some();
                assert!(!read || unread > 0);
            }
            _ => {
                let length = usize::from(step >> 3).min(input.len());
                let (received, rest) = input.split_at(length);
                input = rest;
                layer.receive(now, received);
            }
        }
        check(layer, now, &mut buffer);
    }
}

/// Something that the owner may want.
fn wish(layer: &mut Layer, now: Instant, what: u8, channel: Lci, high: u8) {
    let call = Call {
        user_data: vec![high; usize::from(high & 3)],
        ..Call::default()
    };
    // Whether it is granted depends on the state; what it does then is checked.
    let _ = match what & 15 {
        0 => layer.call(now, &call).map(|_| ()),
        1 => layer.accept(now, channel, &Call::default()),
        2 => layer.clear(now, channel, high, high, &call),
        3 => layer.reset(now, channel, high, high),
        4 => layer.restart(now, high, high),
        5 => layer.interrupt(now, channel, &[high; 3]),
        6 => layer.confirm_interrupt(now, channel),
        7 => layer.set_busy(now, channel, high & 1 != 0),
        8 => layer.withhold_delivery(channel, high & 1 != 0),
        9 => layer.deliver(now, channel),
        10 => {
            layer.link_down(now);
            Ok(())
        }
        11 => {
            layer.link_up(now);
            Ok(())
        }
        _ => Ok(()),
    };
}

/// What holds at any time. Takes the packets and events that are ready.
fn check(layer: &mut Layer, now: Instant, packet: &mut Vec<u8>) {
    let modulo = layer.parameters().modulo;
    let mut ready = 0;
    while layer.poll_transmit(now, packet) {
        ready += 1;
        assert!(ready < READY, "packets without end");
        let sent = Packet::parse(modulo, packet).and_then(|parsed| PacketRepr::parse(&parsed));
        let known = sent.is_ok_and(|repr| repr.lci.get() <= LAST);
        assert!(known, "sent what cannot be: {packet:02x?}");
    }
    while let Some(event) = layer.poll_event() {
        match event {
            Event::Readable(channel) => {
                assert!(
                    layer
                        .status(channel)
                        .is_none_or(|status| status.unread < 128)
                );
            }
            Event::Interrupt { data, .. } => assert!((1..=32).contains(&data.len())),
            _ => {}
        }
    }
    let circuits: Vec<_> = layer.circuits().collect();
    for channel in circuits {
        let Some(status) = layer.status(channel) else {
            unreachable!("a circuit without a status");
        };
        assert!(status.outstanding <= status.flow.send_window);
        assert!(status.unread <= usize::from(status.flow.receive_window));
        // Nothing was left to be sent, so what waits has a reason to.
        let waits = !matches!(status.call, super::CallState::P4);
        let up = layer.link_state() == LinkState::R1;
        assert!(!waits || up, "{status:?}");
    }
    if layer.link_state() == LinkState::Down {
        assert_eq!(layer.poll_timeout(), None);
    }
    assert_eq!(layer.counters().events_lost, 0);
}
