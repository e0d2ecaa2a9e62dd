//! Where the stations are that AX.25 reaches through the host's network (`attach axip`): what is configured, and
//! what is learned from frames that come.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::ax25::{Call, Header};

/// The most stations that are learned; the one that was silent for longest gives way to a new one.
const MOST_LEARNED: usize = 256;
/// The most stations that are configured.
const MOST_PERMANENT: usize = 1024;

/// A host, and its UDP port where that is known: otherwise it is the interface's.
pub type Place = (Ipv4Addr, Option<u16>);

/// Where a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The host.
    pub place: Place,
    /// It was configured: what comes changes nothing.
    pub permanent: bool,
    /// When a frame came from it last.
    pub heard: Option<Instant>,
}

/// All that are known, one table for all interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    all: BTreeMap<Call, Peer>,
    /// Stations that were learned and gave way to others.
    pub forgotten: u64,
}

impl Peers {
    /// Configures where a station is. `false`: there are too many.
    pub fn add(&mut self, call: Call, place: Place) -> bool {
        let heard = self.all.get(&call).and_then(|peer| peer.heard);
        if self.count(true) >= MOST_PERMANENT && !self.all.contains_key(&call) {
            return false;
        }
        let peer = Peer {
            place,
            permanent: true,
            heard,
        };
        self.all.insert(call, peer);
        true
    }

    /// Forgets a station. `false`: it is not known.
    pub fn drop(&mut self, call: Call) -> bool {
        self.all.remove(&call).is_some()
    }

    /// A frame of a station came from there. Neither of our own calls (`is_own`) nor those of everybody are
    /// learned.
    pub fn learn(&mut self, now: Instant, header: &Header, place: Place, is_own: bool) {
        let call = header.immediate_source();
        if is_own || call.is_multicast() || call.is_none() {
            return;
        }
        if let Some(peer) = self.all.get_mut(&call) {
            peer.heard = Some(now);
            if !peer.permanent {
                peer.place = place;
            }
            return;
        }
        if self.count(false) >= MOST_LEARNED {
            let learned = self.all.iter().filter(|(_, peer)| !peer.permanent);
            if let Some((silent, _)) = learned.min_by_key(|(_, peer)| peer.heard) {
                let silent = *silent;
                self.all.remove(&silent);
                self.forgotten += 1;
            }
        }
        let peer = Peer {
            place,
            permanent: false,
            heard: Some(now),
        };
        self.all.insert(call, peer);
    }

    /// Where a frame is to be sent: to the station whose turn it is, or to every host when it is for everybody,
    /// once to each. Nowhere: that station is not known.
    pub fn places(&self, header: &Header, places: &mut Vec<Place>) {
        places.clear();
        let next = header.immediate_destination();
        if next.is_multicast() {
            places.extend(self.all.values().map(|peer| peer.place));
            places.sort_unstable();
            places.dedup();
        } else if let Some(peer) = self.all.get(&next) {
            places.push(peer.place);
        }
    }

    /// All of them, in the order of their calls.
    pub fn iter(&self) -> impl Iterator<Item = (Call, &Peer)> {
        self.all.iter().map(|(call, peer)| (*call, peer))
    }

    fn count(&self, permanent: bool) -> usize {
        let same = |peer: &&Peer| peer.permanent == permanent;
        self.all.values().filter(same).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wanbox_wire::ax25::{Class, Digi};

    use super::*;

    const A: Place = (Ipv4Addr::new(10, 0, 0, 1), None);
    const B: Place = (Ipv4Addr::new(10, 0, 0, 2), Some(10093));

    fn call(word: &str) -> Call {
        Call::parse(word).unwrap()
    }

    fn header(source: &str, destination: Call, digis: &[(&str, bool)]) -> Header {
        let mut header = Header::new(destination, call(source), Class::Command);
        for (digi, repeated) in digis {
            assert!(header.digis.push(Digi {
                call: call(digi),
                repeated: *repeated,
            }));
        }
        header
    }

    fn places(peers: &Peers, header: &Header) -> Vec<Place> {
        let mut places = vec![A];
        peers.places(header, &mut places);
        places
    }

    #[test]
    fn frames_go_to_the_station_whose_turn_it_is() {
        let now = wanbox_sim::Clock::new().now();
        let mut peers = Peers::default();
        assert!(peers.add(call("DB0AAA"), A));
        let heard = header("N0PRA", call("DB0BBB"), &[("DB0CCC-2", true)]);
        peers.learn(now, &heard, B, false);
        let to =
            |destination, digis: &[_]| places(&peers, &header("N0PRA", call(destination), digis));
        assert_eq!(to("DB0AAA", &[]), [A]);
        assert_eq!(to("DB0AAA", &[("DB0CCC-2", false)]), [B]);
        assert_eq!(to("DB0AAA", &[("DB0CCC-2", true)]), [A]);
        // The SSID counts; the source behind a digipeater was not learned.
        assert_eq!(to("DB0CCC", &[]), []);
        assert_eq!(to("N0PRA", &[]), []);
    }

    #[test]
    fn everybody_is_every_host_once() {
        let now = wanbox_sim::Clock::new().now();
        let mut peers = Peers::default();
        for station in ["DB0AAA", "DB0AAA-1", "DB0AAA-2"] {
            assert!(peers.add(call(station), A));
        }
        peers.learn(now, &header("N0PRA", Call::QST, &[]), B, false);
        for everybody in [Call::QST, Call::NODES] {
            let frame = header("DB0ZZZ", everybody, &[]);
            assert_eq!(places(&peers, &frame), [A, B]);
        }
        // By way of one station only.
        let frame = header("DB0ZZZ", Call::QST, &[("DB0AAA", false)]);
        assert_eq!(places(&peers, &frame), [A]);
    }

    #[test]
    fn what_is_learned_is_bounded_and_never_in_the_place_of_what_is_configured() {
        let mut clock = wanbox_sim::Clock::new();
        let mut peers = Peers::default();
        assert!(peers.add(call("DB0AAA"), A));
        let from = |source: &str| header(source, Call::QST, &[]);
        peers.learn(clock.now(), &from("DB0AAA"), B, false);
        let peer = *peers.iter().next().unwrap().1;
        assert_eq!((peer.place, peer.permanent), (A, true));
        assert_eq!(peer.heard, Some(clock.now()));
        // Our own calls and everybody's.
        peers.learn(clock.now(), &from("DB0ZZZ"), B, true);
        peers.learn(clock.now(), &from("QST"), B, false);
        assert_eq!(peers.iter().count(), 1);
        // Another host speaks for a station that was learned.
        peers.learn(clock.now(), &from("N0PRA"), A, false);
        peers.learn(clock.now(), &from("N0PRA"), B, false);
        assert_eq!(places(&peers, &header("DB0ZZZ", call("N0PRA"), &[])), [B]);
        for number in 0..1000 {
            clock.advance(Duration::from_secs(1));
            peers.learn(clock.now(), &from(&format!("X{number}")), B, false);
        }
        assert_eq!(peers.iter().count(), 1 + MOST_LEARNED);
        assert_eq!(peers.forgotten, 1001 - MOST_LEARNED as u64);
        assert_eq!(places(&peers, &header("DB0ZZZ", call("N0PRA"), &[])), []);
        assert_eq!(places(&peers, &header("DB0ZZZ", call("X999"), &[])), [B]);
        assert!(peers.drop(call("X999")));
        assert!(!peers.drop(call("X999")));
        for number in 1..MOST_PERMANENT {
            assert!(peers.add(call(&format!("Y{number}")), A));
        }
        assert!(!peers.add(call("Y0"), A));
        assert!(peers.add(call("Y1"), B));
    }
}
