//! What is told to whom (split horizon, hysteresis).

use std::time::Instant;

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::{Mark, Packet, Route, Routing};

use crate::flexnet::FlexNet;
use crate::peer::Peer;
use crate::table::{Destination, INFINITE};

/// A packet of records with more octets than this takes no further one.
const FULL: usize = 241;
/// What a neighbour is to be told of a destination, if that is news: the delay, or infinite.
fn news((call, destination): (Call, &Destination), (place, peer): (usize, &Peer)) -> Option<u32> {
    if call == peer.call {
        return None;
    }
    let via = destination.via(place);
    let delay = match destination.best {
        // It would come back to the one who said it.
        Some((best, delay)) if best != place => delay,
        _ => INFINITE,
    };
    let told = if via.told == 0 {
        INFINITE
    } else {
        via.told.into()
    };
    let again = via.again && (via.told > 0 || delay < INFINITE);
    // Worse is told at once, better only if it is worth the time of the channel.
    (again || delay > told || (5 * delay + 2) / 4 < told).then_some(delay)
}

impl FlexNet {
    /// The next packet to send in an I frame of PID CE (which it does not include), and to which neighbour: one
    /// for which `room` says that it takes another. To be asked until there is none, after everything else.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        room: &mut dyn FnMut(Call) -> bool,
    ) -> Option<(Call, Vec<u8>)> {
        let count = self.peers.len();
        for step in 1..=count {
            let place = (self.served + step) % count;
            let Some(peer) = self.peer_mut(place) else {
                continue;
            };
            let telling = peer.telling.due && peer.greeted && !peer.telling.quiet;
            if !peer.is_up() || peer.waiting.is_empty() && !telling || !room(peer.call) {
                continue;
            }
            let call = peer.call;
            let packet = match peer.waiting.pop_front() {
                Some(Some(packet)) => Some(packet),
                Some(None) => {
                    peer.polled = Some(now);
                    let mut packet = Vec::new();
                    Packet::Poll.append(&mut packet);
                    Some(packet)
                }
                None => self.tell(place),
            };
            if let Some(packet) = packet {
                self.served = place;
                self.counters.sent += 1;
                return Some((call, packet));
            }
        }
        None
    }

    /// The next packet of records for a neighbour: first what is infinite now, then the others; then the token,
    /// if it asked.
    fn tell(&mut self, place: usize) -> Option<Vec<u8>> {
        let peer = self.peers.get(place)?.as_ref()?;
        let mut packet = Vec::new();
        Routing::append_head(&mut packet);
        for withdrawn in [true, false] {
            let mut told = Vec::new();
            for (call, destination) in &self.table.list {
                let Some(delay) = news((*call, destination), (place, peer)) else {
                    continue;
                };
                if (delay == INFINITE) != withdrawn {
                    continue;
                }
                let delay = (!withdrawn).then_some(delay as u16);
                let record = Route {
                    call: *call,
                    max_ssid: destination.max_ssid,
                    delay,
                };
                record.append(&mut packet);
                told.push((*call, delay.unwrap_or(0)));
                if packet.len() > FULL {
                    break;
                }
            }
            if told.is_empty() {
                continue;
            }
            for (call, delay) in told {
                if let Some(destination) = self.table.list.get_mut(&call) {
                    let via = destination.via_mut(place);
                    (via.told, via.again) = (delay, false);
                }
            }
            // Nodes differ about how infinite is written; before this sign all of them read it as that.
            Routing::append_tail(withdrawn.then_some(Mark::Release), &mut packet);
            if withdrawn {
                self.clean();
            }
            return Some(packet);
        }
        let peer = self.peer_mut(place)?;
        peer.telling.due = false;
        if !std::mem::take(&mut peer.telling.asked) {
            return None;
        }
        peer.has_token = false;
        peer.telling.quiet = !peer.telling.takes_all;
        let mut packet = Vec::new();
        Packet::Routing(Routing::token(Mark::Release)).append(&mut packet);
        Some(packet)
    }
}
