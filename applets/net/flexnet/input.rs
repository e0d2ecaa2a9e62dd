//! What packets say.

use std::time::Instant;

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::{Mark, NOT_MEASURED, Packet, Routing};

use crate::flexnet::FlexNet;
use crate::table::{Destination, MOST_DESTINATIONS};

impl FlexNet {
    /// A packet came in an I frame of PID CE: from a neighbour to `local`, which is a call sign of ours, on the
    /// connection of this number, over the digipeaters of `path`. `packet` has no PID.
    pub fn received(
        &mut self,
        now: Instant,
        neighbour: Call,
        local: Call,
        link: u32,
        path: &[Call],
        octets: &[u8],
    ) {
        self.counters.received += 1;
        let Ok(packet) = Packet::parse(octets) else {
            self.counters.malformed += 1;
            return;
        };
        let Some(place) = self.neighbour(now, neighbour, local, link, path) else {
            return;
        };
        self.act(now, place, octets, packet);
        self.clean();
    }

    fn act(&mut self, now: Instant, place: usize, octets: &[u8], packet: Packet<'_>) {
        let Some(peer) = self.peer_mut(place) else {
            return;
        };
        let first = !std::mem::replace(&mut peer.greeted, true);
        if first {
            peer.telling.due = true;
        }
        match packet {
            Packet::Init { max_ssid } => {
                peer.max_ssid = max_ssid.max(peer.call.ssid());
                self.reset(place);
                self.peer_itself(place);
            }
            Packet::Poll => {
                peer.telling.takes_all = octets.last() != Some(&b'\r');
                let delay = match peer.local {
                    0 => NOT_MEASURED,
                    measured => measured.try_into().unwrap_or(NOT_MEASURED),
                };
                if !peer.push(&Packet::Report { delay }) {
                    self.counters.queue_full += 1;
                }
            }
            Packet::Report { delay } => {
                if peer.report(now, delay) {
                    self.changed();
                }
                self.peer_itself(place);
            }
            Packet::Routing(routing) => self.records(place, routing),
            Packet::Query(query) => self.query_received(place, &query, false),
            Packet::QueryResult(query) => self.query_received(place, &query, true),
            Packet::Other(_) => self.counters.ignored += 1,
        }
    }

    /// The neighbour is a destination, too.
    fn peer_itself(&mut self, place: usize) {
        if let Some(Some(peer)) = self.peers.get(place)
            && peer.smoothed() > 0
        {
            let (call, max_ssid) = (peer.call, peer.max_ssid);
            self.destination(call, max_ssid, None);
        }
    }

    /// The destination of a call sign with the lowest SSID, which is made if there is room. A range never becomes
    /// smaller, so that nodes that differ about it do not tell each other for ever. A neighbour may have announced it.
    fn destination(&mut self, call: Call, max_ssid: u8, announced: Option<(usize, u16)>) {
        let full = self.table.list.len() >= MOST_DESTINATIONS;
        if full && !self.table.list.contains_key(&call) {
            self.counters.table_full += 1;
            return;
        }
        let destination = self.table.list.entry(call).or_insert_with(|| Destination {
            max_ssid,
            via: Vec::new(),
            best: None,
        });
        if let Some((place, announced)) = announced {
            destination.via_mut(place).announced = announced;
        }
        destination.find_best(call, &self.peers);
        if destination.max_ssid < max_ssid {
            destination.max_ssid = max_ssid;
            for via in &mut destination.via {
                via.again = true;
            }
        }
        self.moved.insert(call.with_ssid(0));
    }

    /// Destinations, or the token.
    fn records(&mut self, place: usize, routing: Routing<'_>) {
        let mut count = 0;
        for route in routing {
            count += 1;
            let call = route.call;
            if self.own.contains(&call) || call.is_multicast() {
                self.counters.records_refused += 1;
                continue;
            }
            let known = self.table.list.contains_key(&call);
            let (announced, max_ssid) = match route.delay {
                Some(delay) => (delay, route.max_ssid),
                None if known => (0, call.ssid()),
                None => continue,
            };
            self.destination(call, max_ssid, Some((place, announced)));
        }
        if count > 0 {
            self.counters.records += count;
            self.tell_all();
            return;
        }
        let Some(peer) = self.peer_mut(place) else {
            return;
        };
        match routing.mark() {
            Some(Mark::Request) => {
                peer.telling.asked = true;
                peer.telling.quiet = false;
                peer.telling.due = true;
                for destination in self.table.list.values_mut() {
                    destination.via_mut(place).again = true;
                }
            }
            Some(Mark::Release) => peer.has_token = true,
            None => {}
        }
    }
}
