//! A radio channel that several stations share: one at a time, as far as they hear each other.

use std::time::{Duration, Instant};

use crate::clock::{self, Clock};
use crate::pair::Endpoint;
use crate::random::Random;

/// Octets around a frame on the air: a flag and the check sequence.
const AROUND: u32 = 3;

/// What a channel and the TNCs on it are set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    /// Bits a second. What bit stuffing adds is not counted.
    pub rate: u32,
    /// From key-up to the first frame.
    pub tx_delay: Duration,
    /// From the last frame to the end of the carrier.
    pub tx_tail: Duration,
    /// How long a station waits when it decided not to send.
    pub slot: Duration,
    /// The probability that a station sends in a slot.
    pub persistence: f64,
    /// How long others do not notice that a station has keyed up.
    pub sense: Duration,
    /// The longest transmission, after which others get their turn.
    pub longest: Duration,
    /// The probability that a station misses a frame that nothing disturbs.
    pub loss: f64,
}

impl Channel {
    /// 1200 bit/s with what people set TNCs to.
    pub const FM_1200: Self = Self {
        rate: 1200,
        tx_delay: Duration::from_millis(300),
        tx_tail: Duration::from_millis(20),
        slot: Duration::from_millis(100),
        persistence: 0.25,
        sense: Duration::from_millis(20),
        longest: Duration::from_secs(20),
        loss: 0.0,
    };

    /// How long a frame of so many octets without its check sequence is on the air.
    #[must_use]
    pub fn air_time(&self, octets: usize) -> Duration {
        let bits = (octets as u64 + u64::from(AROUND)) * 8;
        Duration::from_nanos(bits * 1_000_000_000 / u64::from(self.rate))
    }
}

/// What became of the frames of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadioCounters {
    /// Times that a station keyed up.
    pub transmissions: u64,
    /// Frames sent.
    pub frames: u64,
    /// Frames heard, each station counting.
    pub heard: u64,
    /// Frames that a station missed because another one was on the air, itself included.
    pub collided: u64,
    /// Frames that the channel lost.
    pub lost: u64,
    /// The time with a carrier, each station counting.
    pub on_air: Duration,
}

/// A frame on the air.
#[derive(Debug)]
struct OnAir {
    keyed: Instant,
    /// When the frame began and ends; after the last one, when the carrier ends.
    from: Instant,
    until: Instant,
    /// Whether `frame` holds one still.
    full: bool,
    frame: Vec<u8>,
}

/// The TNC of a station.
#[derive(Debug, Default)]
struct Tnc {
    /// The frame that waits for the channel.
    held: Option<Vec<u8>>,
    /// When to look whether the channel is free; nothing while it is not.
    contend: Option<Instant>,
    on_air: Option<OnAir>,
    /// Its last transmission.
    last: Option<(Instant, Instant)>,
}

/// Stations on one channel under one [`Clock`]. Stations of several kinds are an enum or boxes.
#[derive(Debug)]
pub struct Radio<S> {
    /// The stations, in the order in which they were added.
    pub stations: Vec<S>,
    channel: Channel,
    tncs: Vec<Tnc>,
    /// For each station, which ones it hears, a bit each.
    hears: Vec<u64>,
    random: Random,
    clock: Clock,
    counters: RadioCounters,
    spare: Vec<u8>,
}

impl<S: Endpoint> Radio<S> {
    /// The most stations.
    pub const MOST: usize = 64;

    /// A channel without stations.
    #[must_use]
    pub fn new(seed: u64, channel: Channel) -> Self {
        Self {
            stations: Vec::new(),
            channel,
            tncs: Vec::new(),
            hears: Vec::new(),
            random: Random::new(seed),
            clock: Clock::new(),
            counters: RadioCounters::default(),
            spare: Vec::new(),
        }
    }

    /// Adds a station, made by a function of the present time, that hears all others and is heard
    /// by them. Returns its place in [`Radio::stations`].
    ///
    /// # Panics
    /// There are [`Radio::MOST`] already.
    pub fn add(&mut self, station: impl FnOnce(Instant) -> S) -> usize {
        let place = self.stations.len();
        assert!(place < Self::MOST, "so many stations");
        self.stations.push(station(self.clock.now()));
        self.tncs.push(Tnc::default());
        self.hears.push(u64::MAX);
        place
    }

    /// Makes two stations hear each other, or hides each from the other.
    pub fn set_hearing(&mut self, one: usize, other: usize, hearing: bool) {
        for (a, b) in [(one, other), (other, one)] {
            if hearing {
                self.hears[a] |= 1 << b;
            } else {
                self.hears[a] &= !(1 << b);
            }
        }
    }

    /// Other properties of the channel from now on.
    pub fn set_channel(&mut self, channel: Channel) {
        self.channel = channel;
    }

    /// The virtual present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The virtual time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What became of the frames.
    #[must_use]
    pub fn counters(&self) -> RadioCounters {
        self.counters
    }

    /// Runs for a virtual time, to its very end.
    ///
    /// # Panics
    /// When a station does not come to rest.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while self.step(end) {}
    }

    /// Runs until `done` says so, for at most `limit`. Returns how long that took, or `None` when it
    /// did not happen.
    ///
    /// # Panics
    /// When a station does not come to rest.
    pub fn run_until(
        &mut self,
        limit: Duration,
        done: impl FnMut(&mut Self) -> bool,
    ) -> Option<Duration> {
        clock::run_until(self, Self::now, Self::step, limit, done)
    }

    /// Moves the clock to the next thing that happens before `end` and lets it happen; `false` when
    /// nothing does.
    fn step(&mut self, end: Instant) -> bool {
        let now = self.clock.now();
        for place in 0..self.stations.len() {
            self.load(now, place);
        }
        let ours = self.tncs.iter().flat_map(|tnc| {
            let air = tnc.on_air.as_ref().map(|on_air| on_air.until);
            tnc.contend.into_iter().chain(air)
        });
        let theirs = self.stations.iter().filter_map(Endpoint::poll_timeout);
        let state = || format!("{:?}", self.counters);
        if !self.clock.step(ours.chain(theirs).min(), end, state) {
            return false;
        }
        let now = self.clock.now();
        for place in 0..self.stations.len() {
            self.serve(now, place);
        }
        true
    }

    /// A TNC with nothing to send asks its station for a frame.
    fn load(&mut self, now: Instant, place: usize) {
        let (tnc, station) = (&mut self.tncs[place], &mut self.stations[place]);
        if tnc.held.is_some() || tnc.on_air.is_some() {
            return;
        }
        if station.poll_transmit(now, &mut self.spare) {
            tnc.held = Some(std::mem::take(&mut self.spare));
            tnc.contend = Some(now);
        }
    }

    /// What is due at one station.
    fn serve(&mut self, now: Instant, place: usize) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.tncs[place].on_air.as_ref().map(|on_air| on_air.until)) {
            self.frame_ends(now, place);
        }
        if due(self.tncs[place].contend) {
            self.contend(now, place);
        }
        if due(self.stations[place].poll_timeout()) {
            self.stations[place].handle_timeout(now);
        }
    }

    fn hears(&self, place: usize, other: usize) -> bool {
        place != other && self.hears[place] & 1 << other != 0
    }

    /// p-persistent access.
    fn contend(&mut self, now: Instant, place: usize) {
        let senses = |other: usize| {
            let on_air = self.tncs[other].on_air.as_ref();
            self.hears(place, other)
                && on_air.is_some_and(|on_air| on_air.keyed + self.channel.sense <= now)
        };
        let busy = (0..self.tncs.len()).any(senses);
        let tnc = &mut self.tncs[place];
        if busy {
            tnc.contend = None;
        } else if self.random.chance(self.channel.persistence) {
            tnc.contend = None;
            let from = now + self.channel.tx_delay;
            let frame = tnc.held.take().unwrap_or_default();
            tnc.on_air = Some(OnAir {
                keyed: now,
                from,
                until: from + self.channel.air_time(frame.len()),
                full: true,
                frame,
            });
            self.counters.transmissions += 1;
        } else {
            tnc.contend = Some(now + self.channel.slot);
        }
    }

    /// A frame was sent, or the carrier ends behind the last one.
    fn frame_ends(&mut self, now: Instant, place: usize) {
        let Some(mut on_air) = self.tncs[place].on_air.take() else {
            return;
        };
        if on_air.full {
            self.counters.frames += 1;
            for other in 0..self.stations.len() {
                if self.hears(other, place) {
                    self.arrive(now, place, other, &on_air);
                }
            }
            let more = now.duration_since(on_air.keyed) < self.channel.longest
                && self.stations[place].poll_transmit(now, &mut on_air.frame);
            on_air.from = now;
            on_air.full = more;
            on_air.until = now
                + if more {
                    self.channel.air_time(on_air.frame.len())
                } else {
                    self.channel.tx_tail
                };
            self.tncs[place].on_air = Some(on_air);
            return;
        }
        self.counters.on_air += now.duration_since(on_air.keyed);
        self.tncs[place].last = Some((on_air.keyed, now));
        self.spare = on_air.frame;
        // Whoever waited for that looks again.
        for tnc in &mut self.tncs {
            if tnc.held.is_some() && tnc.contend.is_none() && tnc.on_air.is_none() {
                tnc.contend = Some(now);
            }
        }
    }

    /// A frame comes to one station, unless something else was heard there meanwhile.
    fn arrive(&mut self, now: Instant, from: usize, to: usize, on_air: &OnAir) {
        let disturbs = |other: usize| {
            let tnc = &self.tncs[other];
            let running = tnc.on_air.is_some();
            let ended = tnc.last.is_some_and(|(_, end)| end > on_air.from);
            other != from && (other == to || self.hears(to, other)) && (running || ended)
        };
        if (0..self.tncs.len()).any(disturbs) {
            self.counters.collided += 1;
        } else if self.random.chance(self.channel.loss) {
            self.counters.lost += 1;
        } else {
            self.counters.heard += 1;
            self.stations[to].receive(now, &on_air.frame);
        }
    }
}

impl<T: Endpoint + ?Sized> Endpoint for Box<T> {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        (**self).receive(now, frame);
    }

    fn handle_timeout(&mut self, now: Instant) {
        (**self).handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        (**self).poll_transmit(now, frame)
    }
}

#[cfg(test)]
mod tests;
