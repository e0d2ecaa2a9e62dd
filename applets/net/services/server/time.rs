//! The time server (RFC 868).

use std::time::Instant;

use wanbox_net_engine::udp::Received;
use wanbox_net_engine::{Sink, Station};

use crate::Services;

/// Seconds from 1900 to 1970.
const SINCE_1900: u64 = 2_208_988_800;
/// The type of service of answers (RFC 791): an old time is of no use.
const LOW_DELAY: u8 = 0x10;
/// Servers that answer whatever they get: echo, daytime, quote of the day, chargen, and this one.
const ANSWERERS: [u16; 6] = [0, 7, 13, 17, 19, 37];

impl Services {
    /// Any datagram is a question.
    pub(super) fn time_input(
        &mut self,
        now: Instant,
        station: &mut Station,
        port: u16,
        received: &Received,
        sink: &mut dyn Sink,
    ) {
        if ANSWERERS.contains(&received.from.1) || received.from.1 == port {
            self.counters.time_loops += 1;
            return;
        }
        let seconds = station.unix_micros(now) / 1_000_000 + SINCE_1900;
        // The count goes round in 2036, as the RFC has it.
        let answer = (seconds as u32).to_be_bytes();
        let from = super::answer_from(station, received);
        // Four octets fit a datagram.
        let _ = station.udp_send_with(now, LOW_DELAY, (from, port), received.from, &answer, sink);
        self.counters.time_answers += 1;
    }
}
