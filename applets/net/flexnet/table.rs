//! The destinations, and what each neighbour says of them.

use std::collections::{BTreeMap, BTreeSet};

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::MOST_DELAY;

use crate::peer::Peer;

/// The largest delay that is finite, in 100 ms.
pub const LARGEST: u32 = MOST_DELAY as u32;
/// A delay beyond all that are finite.
pub(crate) const INFINITE: u32 = LARGEST + 1;
/// The most destinations.
pub const MOST_DESTINATIONS: usize = 2048;

/// What is known of a destination and a neighbour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Via {
    /// What the neighbour announced; 0: nothing.
    pub announced: u16,
    /// What was told to the neighbour; 0: nothing, or infinite.
    pub told: u16,
    /// It is to be told whether or not it is new.
    pub again: bool,
}

/// A destination: its key in the table is its call sign with the lowest SSID.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub max_ssid: u8,
    /// By the place of the neighbour.
    pub via: Vec<Via>,
    /// The neighbour with the smallest delay, and that: what is asked for each neighbour again and again.
    pub best: Option<(usize, u32)>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub list: BTreeMap<Call, Destination>,
}

/// The neighbours by their places.
pub(crate) type Peers = [Option<Peer>];

/// A neighbour that leads to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its call sign.
    pub call: Call,
    /// The delay to the destination through it, in 100 ms; 0: infinite.
    pub delay: u32,
    /// What it was told; 0: infinite.
    pub told: u32,
}

/// A destination as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its call sign, with the lowest SSID.
    pub call: Call,
    /// The highest SSID.
    pub max_ssid: u8,
    /// All neighbours.
    pub neighbours: Vec<Neighbour>,
}

impl Destination {
    pub fn via(&self, place: usize) -> Via {
        self.via.get(place).copied().unwrap_or_default()
    }

    pub fn via_mut(&mut self, place: usize) -> &mut Via {
        if self.via.len() <= place {
            self.via.resize(place + 1, Via::default());
        }
        // It is there now.
        &mut self.via[place]
    }

    /// The delay through a neighbour.
    pub fn delay(&self, call: Call, place: usize, peer: &Peer) -> Option<u32> {
        let link = peer.smoothed();
        if !peer.is_up() || link == 0 {
            return None;
        }
        let delay = match u32::from(self.via(place).announced) {
            _ if call == peer.call => link,
            0 => return None,
            // What is told loses an eighth at each node, so that a way that leads back is soon a bad one.
            announced => (9 * announced + 4) / 8 + link,
        };
        (delay <= LARGEST).then_some(delay)
    }

    /// Finds the best neighbour anew: after every change of what it depends on.
    pub fn find_best(&mut self, call: Call, peers: &Peers) {
        let known = peers.iter().enumerate().filter_map(|(place, peer)| {
            let delay = self.delay(call, place, peer.as_ref()?)?;
            Some((place, delay))
        });
        self.best = known.min_by_key(|(_, delay)| *delay);
    }
}

impl Table {
    /// The destination of a call sign: the smallest range with it that can be reached, or any with it.
    pub fn find(&self, call: Call) -> Option<(Call, &Destination)> {
        let same = self.list.range(call.with_ssid(0)..=call).rev();
        let mut found = same
            .filter(|(_, destination)| destination.max_ssid >= call.ssid())
            .map(|(key, destination)| (*key, destination));
        let any = found.clone().next();
        let reached = found.find(|(_, destination)| destination.best.is_some());
        reached.or(any)
    }

    /// Forgets what one neighbour announced, or also what it was told.
    pub fn forget(&mut self, place: usize, told: bool) {
        for destination in self.list.values_mut() {
            if let Some(via) = destination.via.get_mut(place) {
                via.announced = 0;
                if told {
                    *via = Via::default();
                }
            }
        }
    }

    /// Neighbours are others, or their links: notes whose best neighbour is another one.
    pub fn find_best(&mut self, peers: &Peers, moved: &mut BTreeSet<Call>) {
        for (call, destination) in &mut self.list {
            let place = |best: Option<(usize, u32)>| best.map(|(place, _)| place);
            let before = place(destination.best);
            destination.find_best(*call, peers);
            if place(destination.best) != before {
                moved.insert(call.with_ssid(0));
            }
        }
    }

    /// Deletes destinations of which nothing is known or told.
    pub fn clean(&mut self) {
        self.list.retain(|_, destination| {
            let mut via = destination.via.iter();
            destination.best.is_some() || via.any(|via| via.told > 0 || via.announced > 0)
        });
    }
}
