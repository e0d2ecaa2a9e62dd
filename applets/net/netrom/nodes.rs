//! NODES broadcasts: what a node says of the nodes that it knows, in UI frames to everybody.

use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::{Entry, Ident, Nodes};

use crate::netrom::{NetRom, is_plausible, least_factor};
use crate::parameters::Parameters;
use crate::table::{LOCAL, REPORTED};

/// The time before the first broadcast.
const FIRST: Duration = Duration::from_secs(10);
/// The most places that broadcasts go to.
const MOST_BROADCASTS: usize = 64;

/// A place that broadcasts go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// The interface's index.
    pub port: u16,
    /// The destination, then digipeaters.
    pub path: Vec<Call>,
}

/// There are too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBroadcasts;

/// Where and when broadcasts go, and what is left of the one that goes now.
#[derive(Debug)]
pub(crate) struct Broadcasts {
    places: Vec<Broadcast>,
    due: Option<Instant>,
    frames: Vec<Vec<u8>>,
    /// The frame that goes next, counted through all places.
    next: usize,
}

impl Broadcasts {
    pub fn new(now: Instant) -> Self {
        Self {
            places: Vec::new(),
            due: Some(now + FIRST),
            frames: Vec::new(),
            next: 0,
        }
    }

    /// When the next broadcast is due.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The next one goes after a whole interval.
    pub fn restart(&mut self, now: Instant, parameters: &Parameters) {
        self.due = parameters.broadcast_interval().map(|time| now + time);
    }
}

/// A name that can be shown; others count as none.
fn shown(ident: Ident) -> Option<Ident> {
    let Ident(octets) = ident;
    let shown = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
    (ident.is_some() && octets.iter().all(shown)).then_some(ident)
}

impl NetRom {
    /// Where broadcasts go.
    #[must_use]
    pub fn broadcasts(&self) -> &[Broadcast] {
        &self.broadcasts.places
    }

    /// Has broadcasts go to one more place.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_broadcast(&mut self, place: Broadcast) -> Result<(), TooManyBroadcasts> {
        let places = &mut self.broadcasts.places;
        if places.contains(&place) {
            return Ok(());
        }
        if places.len() >= MOST_BROADCASTS {
            return Err(TooManyBroadcasts);
        }
        places.push(place);
        Ok(())
    }

    /// An interface is gone: no broadcasts go there.
    pub fn remove_port(&mut self, port: u16) {
        self.broadcasts.places.retain(|place| place.port != port);
        self.broadcasts.frames.clear();
    }

    /// The next frame of a broadcast, in place of what `frame` holds: for a UI frame from the interface's own
    /// address to the place that is returned.
    pub fn poll_broadcast(&mut self, frame: &mut Vec<u8>) -> Option<&Broadcast> {
        let broadcasts = &mut self.broadcasts;
        let place = broadcasts.next.checked_div(broadcasts.frames.len())?;
        let Some(place) = broadcasts.places.get(place) else {
            broadcasts.frames.clear();
            return None;
        };
        let next = broadcasts.next % broadcasts.frames.len();
        frame.clear();
        frame.extend_from_slice(broadcasts.frames.get(next)?);
        broadcasts.next += 1;
        self.counters.broadcasts_sent += 1;
        Some(place)
    }

    /// Makes the frames of a broadcast: the nodes that can be reached, those nearby first, and those that were lost.
    pub(crate) fn broadcast(&mut self, now: Instant) {
        self.broadcasts.restart(now, &self.parameters);
        self.broadcasts.frames.clear();
        self.broadcasts.next = 0;
        if self.call().is_none() {
            return;
        }
        self.table.settle(now);
        let mut nodes: Vec<_> = (self.table.nodes())
            .filter(|(_, node)| node.hops > 0 && (node.whole_quality() > 0 || node.announced))
            .collect();
        nodes.sort_by_key(|(call, node)| (node.hops, *call));
        let mut start = Vec::new();
        Nodes::append_head(self.ident(), &mut start);
        let mut frames = Vec::new();
        for some in nodes.chunks(Nodes::MOST) {
            let mut frame = start.clone();
            for (call, node) in some {
                let entry = Entry {
                    destination: *call,
                    ident: node.ident,
                    neighbour: node.neighbour.unwrap_or(*call),
                    quality: u8::try_from(node.whole_quality()).unwrap_or(u8::MAX),
                };
                entry.append(&mut frame);
            }
            frames.push(frame);
        }
        if frames.is_empty() {
            // That we are there is news, too.
            frames.push(start);
        }
        self.broadcasts.frames = frames;
        self.table.announced();
    }

    /// Takes a broadcast.
    pub(crate) fn heard_nodes(&mut self, now: Instant, sender: Call, packet: &[u8]) {
        let own = self.call();
        let Ok(nodes) = Nodes::parse(packet) else {
            self.counters.malformed += 1;
            return;
        };
        self.counters.broadcasts_received += 1;
        let quality = self.parameters.neighbour_quality();
        self.table.learn(now, (own, sender), LOCAL, quality);
        // What follows depends on how far away the sender is.
        self.table.settle(now);
        if let Some(ident) = shown(nodes.ident) {
            self.table.set_ident(sender, ident);
        }
        for entry in nodes {
            let node = entry.destination;
            if !is_plausible(node) || !is_plausible(entry.neighbour) {
                self.counters.malformed += 1;
            } else if node != own {
                self.offered(now, sender, &entry);
                if let Some(ident) = shown(entry.ident) {
                    self.table.set_ident(node, ident);
                }
            }
        }
        self.table.settle(now);
    }

    /// A neighbour says how good its way to a node is, and which way that is.
    fn offered(&mut self, now: Instant, sender: Call, entry: &Entry) {
        let own = self.call();
        let (node, best, quality) = (entry.destination, entry.neighbour, entry.quality);
        if best == own {
            // It comes to us for that node. If we are no better off, everybody must know.
            let ours = self.table.node(node).map_or(0, |node| node.whole_quality());
            if u16::from(quality) >= ours {
                self.table.announce(node);
            }
        } else if best == sender || best == node {
            if quality == 0 {
                self.table.unreachable(sender, node);
            }
            self.table.learn(now, (sender, node), REPORTED, quality);
        } else {
            self.table.refresh(now, sender, best);
            let quality = least_factor(quality, self.table.quality(sender, best));
            self.hearsay(now, (best, node), quality);
        }
    }
}
