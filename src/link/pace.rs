//! The software line: a bounded queue paced to a bit rate, with optional loss and delay.
//!
//! A frame waits in the queue until the line is free, takes the time its octets
//! need at the bit rate, and comes out when its last bit has been sent, or the
//! line's delay later. Control frames go before data, so that a full queue
//! never takes a link down. What does not fit is refused and counted.
//!
//! The owner calls [`Pace::poll_transmit`] at [`Pace::poll_timeout`]. When it
//! comes late, the line catches up for [`CATCH_UP`] and no more: a process
//! that slept does not burst.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::random::SplitMix64;
use crate::range::{OutOfRange, in_range};

/// How far behind the time the line may be and still catch up.
pub const CATCH_UP: Duration = Duration::from_millis(20);

/// Control frames that may wait.
const CONTROL_FRAMES: usize = 64;

/// Frames that may be under way in the line's delay; further ones wait in the queue.
const FRAMES_UNDER_WAY: usize = 4096;

/// What the line is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bits a second, up to 10,000,000,000; 0: as fast as the owner takes them.
    pub rate_bps: u64,
    /// Octets that each frame takes beside its own: flag and FCS of HDLC, at most 64.
    pub overhead: usize,
    /// The longest frame, octets: 1 to 65536.
    pub max_frame: usize,
    /// Data frames that may wait: 1 to 65536.
    pub queue_frames: usize,
    /// Octets of data frames that may wait: `max_frame` to 64 MiB.
    pub queue_octets: usize,
    /// Frames lost, in a million: 0 to 1,000,000.
    pub loss_ppm: u32,
    /// The time that a sent frame is under way: 0 to 60 s.
    pub delay: Duration,
}

impl Default for Config {
    /// An unpaced line for frames of 16 KiB with a queue of 100 and 256 KiB.
    fn default() -> Self {
        Self {
            rate_bps: 0,
            // One flag and the FCS-16; the flag is shared by neighbours.
            overhead: 3,
            max_frame: 16 * 1024,
            queue_frames: 100,
            queue_octets: 256 * 1024,
            loss_ppm: 0,
            delay: Duration::ZERO,
        }
    }
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        in_range("rate (bit/s)", self.rate_bps, 0..=10_000_000_000)?;
        in_range("overhead (octets)", self.overhead as u64, 0..=64)?;
        in_range("longest frame (octets)", self.max_frame as u64, 1..=65_536)?;
        in_range("queue (frames)", self.queue_frames as u64, 1..=65_536)?;
        in_range(
            "queue (octets)",
            self.queue_octets as u64,
            self.max_frame as u64..=64 << 20,
        )?;
        in_range("loss (ppm)", self.loss_ppm.into(), 0..=1_000_000)?;
        let delay = u64::try_from(self.delay.as_micros()).unwrap_or(u64::MAX);
        in_range("delay (µs)", delay, 0..=60_000_000)
    }
}

/// Which queue a frame waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Before all data: keepalives, status.
    Control,
    /// User data.
    Data,
}

/// Why a frame was not taken. Counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full; the frame is dropped (drop-tail).
    Full,
    /// Longer than [`Config::max_frame`].
    TooLong,
}

/// What became of the frames. `accepted = transmitted + lost + discarded + waiting + under way`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames taken into a queue.
    pub accepted: u64,
    /// Frames given out at the far end.
    pub transmitted: u64,
    /// Their octets, without overhead.
    pub transmitted_octets: u64,
    /// Data frames refused because the queue was full.
    pub data_full: u64,
    /// Control frames refused because the queue was full.
    pub control_full: u64,
    /// Frames refused because they were too long.
    pub too_long: u64,
    /// Frames lost on purpose.
    pub lost: u64,
    /// Frames thrown away by [`Pace::clear`].
    pub discarded: u64,
}

/// A frame that waits or is under way.
#[derive(Debug)]
struct Entry {
    /// When it came, while it waits; when it comes out, while it is under way.
    at: Instant,
    octets: Vec<u8>,
}

/// One direction of a software line.
#[derive(Debug)]
pub struct Pace {
    config: Config,
    random: SplitMix64,
    control: VecDeque<Entry>,
    data: VecDeque<Entry>,
    data_octets: usize,
    under_way: VecDeque<Entry>,
    /// When the last bit of the last frame is sent.
    free_at: Option<Instant>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    stats: Stats,
}

impl Pace {
    /// An empty line. `seed` decides which frames are lost.
    ///
    /// # Errors
    /// The first value of `config` that is out of its range.
    pub fn new(config: Config, seed: u64) -> Result<Self, OutOfRange> {
        config.check()?;
        Ok(Self {
            config,
            random: SplitMix64::new(seed),
            control: VecDeque::new(),
            data: VecDeque::new(),
            data_octets: 0,
            under_way: VecDeque::new(),
            free_at: None,
            spare: Vec::new(),
            stats: Stats::default(),
        })
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Frames waiting for the line, control and data.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.control.len() + self.data.len()
    }

    /// Frames on their way through the line.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether a data frame of this length would be taken now.
    #[must_use]
    pub fn has_room(&self, octets: usize) -> bool {
        self.data.len() < self.config.queue_frames
            && self.data_octets.saturating_add(octets) <= self.config.queue_octets
    }

    /// Takes a frame, given as its header and its payload.
    ///
    /// # Errors
    /// Why it was not taken. The frame is gone and counted.
    pub fn enqueue(
        &mut self,
        now: Instant,
        priority: Priority,
        header: &[u8],
        payload: &[u8],
    ) -> Result<(), Refused> {
        // What the line has become free for since the last call goes first.
        self.start_frames(now);
        let length = header.len().saturating_add(payload.len());
        if length > self.config.max_frame {
            self.stats.too_long += 1;
            return Err(Refused::TooLong);
        }
        match priority {
            Priority::Control if self.control.len() >= CONTROL_FRAMES => {
                self.stats.control_full += 1;
                return Err(Refused::Full);
            }
            Priority::Data if !self.has_room(length) => {
                self.stats.data_full += 1;
                return Err(Refused::Full);
            }
            Priority::Control | Priority::Data => {}
        }
        let mut octets = self.spare.pop().unwrap_or_default();
        octets.clear();
        octets.extend_from_slice(header);
        octets.extend_from_slice(payload);
        let entry = Entry { at: now, octets };
        match priority {
            Priority::Control => self.control.push_back(entry),
            Priority::Data => {
                self.data_octets += length;
                self.data.push_back(entry);
            }
        }
        self.stats.accepted += 1;
        self.start_frames(now);
        Ok(())
    }

    /// When the next frame comes out or the line is free for the next one.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let arrival = self.under_way.front().map(|entry| entry.at);
        let start = if self.waiting() > 0 && self.under_way.len() < FRAMES_UNDER_WAY {
            self.free_at
        } else {
            None
        };
        match (arrival, start) {
            (Some(arrival), Some(start)) => Some(arrival.min(start)),
            (either, other) => either.or(other),
        }
    }

    /// The next frame that has come out by `now`, in place of `frame`, whose
    /// buffer is used again; `false` when there is none.
    pub fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        self.start_frames(now);
        if self.under_way.front().is_none_or(|entry| entry.at > now) {
            return false;
        }
        let Some(entry) = self.under_way.pop_front() else {
            return false;
        };
        self.stats.transmitted += 1;
        self.stats.transmitted_octets += entry.octets.len() as u64;
        let used = std::mem::replace(frame, entry.octets);
        self.recycle(used);
        true
    }

    /// Throws away what waits and what is under way: the line was cut.
    pub fn clear(&mut self) {
        self.stats.discarded += (self.waiting() + self.under_way.len()) as u64;
        self.data_octets = 0;
        self.free_at = None;
        while let Some(entry) = self
            .control
            .pop_front()
            .or_else(|| self.data.pop_front())
            .or_else(|| self.under_way.pop_front())
        {
            self.recycle(entry.octets);
        }
    }

    /// Puts on the line every frame for which it has become free by `now`.
    fn start_frames(&mut self, now: Instant) {
        while self.under_way.len() < FRAMES_UNDER_WAY && self.free_at.is_none_or(|at| at <= now) {
            let entry = if let Some(entry) = self.control.pop_front() {
                entry
            } else if let Some(entry) = self.data.pop_front() {
                self.data_octets -= entry.octets.len();
                entry
            } else {
                return;
            };
            let start = self.free_at.map_or(entry.at, |free| free.max(entry.at));
            let start = now.checked_sub(CATCH_UP).map_or(start, |at| start.max(at));
            let end = start + self.time_for(entry.octets.len());
            self.free_at = Some(end);
            if self.random.chance_ppm(self.config.loss_ppm) {
                self.stats.lost += 1;
                self.recycle(entry.octets);
                continue;
            }
            self.under_way.push_back(Entry {
                at: end + self.config.delay,
                octets: entry.octets,
            });
        }
    }

    /// The time a frame of this length takes, rounded up to a nanosecond.
    fn time_for(&self, octets: usize) -> Duration {
        if self.config.rate_bps == 0 {
            return Duration::ZERO;
        }
        // Fits: (65536 + 64) octets are 524,800 bits, times 10^9 is below 2^64.
        let bits = (octets + self.config.overhead) as u64 * 8;
        Duration::from_nanos((bits * 1_000_000_000).div_ceil(self.config.rate_bps))
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        // No more than can be in use at once.
        if self.spare.len() < self.config.queue_frames + CONTROL_FRAMES {
            self.spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests;
