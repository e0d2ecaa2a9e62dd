//! A map under arbitrary connections, packets and times: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::x25::facility::PacketSize;
use wanbox_wire::x25::xot::header;
use wanbox_wire::x25::{Modulo, Packet};

use super::{Action, Connection, ENDINGS, Parameters, Permanent, STRANGERS, Xot};

/// The highest channel; two below are permanent.
const HIGHEST: u16 = 9;

/// Any octets drive a map: each says what happens next, some with octets behind it. What the packet
/// layer gets is always a packet on one of its channels.
pub fn fuzz_xot(start: Instant, mut input: &[u8]) {
    let mut xot = Xot::new(Parameters {
        modulo: Modulo::Eight,
        calls: vec![3..=6],
        highest: HIGHEST,
        permanent: Some(Permanent {
            channels: 1..=2,
            interface: "a".to_owned(),
            remote_interface: "b".to_owned(),
        }),
        packet_size: PacketSize::STANDARD,
        window: 2,
        has_remote: true,
        seed: 1,
    });
    let mut now = start;
    xot.send(now, &[0x10, 0, 0xfb, 0, 0]);
    let mut each = |packet: &[u8]| {
        let parsed = Packet::parse(Modulo::Eight, packet);
        assert!(parsed.is_ok_and(|packet| packet.lci().get() <= HIGHEST));
    };
    let mut packet = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        let connection = Connection(u16::from(step >> 3 & 7));
        let length = rest.first().map_or(0, |octet| usize::from(octet & 0x1f));
        let (octets, behind) = rest.split_at(length.min(rest.len()));
        input = behind;
        match step & 7 {
            0 => now += Duration::from_secs(u64::from(step >> 3)),
            1 => drop(xot.accept(now)),
            2 => xot.connected(now, connection),
            3 => xot.closed(now, connection),
            4 => xot.received(now, connection, &mut octets.to_vec(), &mut each),
            5 => {
                // A whole packet with a right header.
                let mut whole = header(length as u16).to_vec();
                whole.extend_from_slice(octets);
                xot.received(now, connection, &mut whole, &mut each);
            }
            6 => xot.send(now, octets),
            _ => xot.sent(connection, length),
        }
        xot.handle_timeout(now);
        while xot.poll_packet(&mut packet) {
            each(&packet);
        }
        while let Some(action) = xot.poll_action() {
            if let Action::Send(connection) = action {
                let waiting = xot.outbound(connection).len();
                xot.sent(connection, waiting / 2);
            }
        }
        assert!(xot.poll_timeout().is_none_or(|at| at > now));
        // Each channel may have a circuit, and one before it that is ending.
        let channels = usize::from(HIGHEST) + 1;
        assert!(xot.connections() <= STRANGERS + ENDINGS + 2 * channels);
    }
}
