//! A neighbour and the delay of the link to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;
use wanbox_wire::flexnet::{NOT_MEASURED, Packet};

use crate::table::LARGEST;

/// Time from one poll to the next, and for an answer to it.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(300);
/// Packets besides records that wait for a neighbour.
const MOST_WAITING: usize = 16;
/// The smoothed delay is kept in these parts of 100 ms.
const PARTS: u32 = 256;

/// The connection to a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// There is none.
    Down,
    /// It was asked for.
    Opening,
    /// It is there; its number, and our call sign on it.
    Up(u32, Call),
}

/// What is told to a neighbour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    /// Something may be new since everything was told.
    pub due: bool,
    /// It asked for the whole table, and hears when that is over.
    pub asked: bool,
    /// It was answered, and wants no more until it asks again (PC/FlexNet disconnects).
    pub quiet: bool,
    /// Its polls have no carriage return: it takes records at any time.
    pub takes_all: bool,
}

/// A neighbour.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its call sign, with the lowest SSID that it answers for.
    pub call: Call,
    /// The highest SSID that it answers for.
    pub max_ssid: u8,
    /// It was configured, and stays.
    pub permanent: bool,
    /// This node has the token for records.
    pub has_token: bool,
    /// The delay as the neighbour measured it, in 100 ms; 0: unknown.
    pub remote: u32,
    /// The delay as it was measured here, in 100 ms; 0: unknown.
    pub local: u32,
    smooth: u32,
    pub(crate) link: Link,
    /// The neighbour has said something on this link.
    pub(crate) greeted: bool,
    /// A poll waits or is on its way, or a connection for it.
    pub(crate) outstanding: bool,
    /// When the poll left.
    pub(crate) polled: Option<Instant>,
    /// When it is polled next.
    pub(crate) due: Instant,
    /// Digipeaters between.
    pub(crate) path: Vec<Call>,
    /// Packets that wait; `None` is a poll, whose time is measured when it leaves.
    pub(crate) waiting: VecDeque<Option<Vec<u8>>>,
    pub(crate) telling: Telling,
}

impl Peer {
    pub(crate) fn new(now: Instant, call: Call, permanent: bool) -> Self {
        Self {
            call,
            max_ssid: call.ssid(),
            permanent,
            has_token: false,
            remote: 0,
            local: 0,
            smooth: 0,
            link: Link::Down,
            greeted: false,
            outstanding: false,
            polled: None,
            due: now + POLL_EVERY,
            path: Vec::new(),
            waiting: VecDeque::new(),
            telling: Telling::default(),
        }
    }

    /// The smoothed delay, in 100 ms; 0: unknown.
    #[must_use]
    pub fn smoothed(&self) -> u32 {
        (self.smooth + PARTS / 2) / PARTS
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.link, Link::Up(..))
    }

    /// Our call sign on the connection.
    pub(crate) fn local_call(&self) -> Option<Call> {
        match self.link {
            Link::Up(_, call) => Some(call),
            Link::Down | Link::Opening => None,
        }
    }

    /// A new connection, or none: nothing of an old one counts.
    pub(crate) fn begin(&mut self, link: Link) {
        self.link = link;
        self.greeted = false;
        self.waiting.clear();
        self.outstanding = false;
        self.polled = None;
        self.telling = Telling::default();
        self.max_ssid = self.call.ssid();
    }

    /// Takes a packet for the neighbour; `false`: too many wait.
    pub(crate) fn push(&mut self, packet: &Packet<'_>) -> bool {
        let room = self.waiting.len() < MOST_WAITING;
        if room {
            let mut octets = Vec::new();
            packet.append(&mut octets);
            self.waiting.push_back(Some(octets));
        }
        room
    }

    /// It has not answered: what was measured counts no more.
    pub(crate) fn is_silent(&mut self) {
        (self.remote, self.local, self.smooth) = (0, 0, 0);
    }

    /// Asks for the delay, once until it is answered.
    pub(crate) fn poll(&mut self) {
        self.outstanding = true;
        self.polled = None;
        self.waiting.retain(Option::is_some);
        self.waiting.push_back(None);
    }

    /// A report of the neighbour: whether the smoothed delay is another one now.
    pub(crate) fn report(&mut self, now: Instant, reported: u16) -> bool {
        let before = self.smoothed();
        if reported > 0 && reported != NOT_MEASURED {
            self.remote = u32::from(reported).min(LARGEST + 1);
            self.take(self.remote);
        }
        if let Some(polled) = self.polled.take() {
            self.outstanding = false;
            // Half the round trip.
            let millis = now.saturating_duration_since(polled).as_millis();
            let half = u32::try_from((millis + 100) / 200).unwrap_or(u32::MAX);
            self.local = half.clamp(1, LARGEST + 1);
            self.take(self.local);
        }
        self.smoothed() != before
    }

    fn take(&mut self, delay: u32) {
        let delay = delay * PARTS;
        self.smooth = match self.smooth {
            0 => delay,
            // So that it arrives where it goes to.
            smooth if smooth < delay => (7 * smooth + delay).div_ceil(8),
            smooth => (7 * smooth + delay) / 8,
        };
    }
}
