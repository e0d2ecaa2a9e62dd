//! When a connection is tried, kept, given up and tried again.
//!
//! A [`Line`] is a value that is fed and asked, without a clock or a descriptor: the owner says
//! how the interface and the command are, carries out the [`Action`]s, and calls back at the
//! deadline. Two clocks come in as values: the steady one of the timers (`now`) and the one on the
//! wall ([`Line::look_at_clock`]), which schedules go by and which people set.
//!
//! Three things are kept apart. Whether a line is *wanted* follows its schedule or a person. How
//! far the *connection* is follows the command and the interface. Whether it is a *slave* of the
//! load balancer follows the connection: enslaved once it is up, released before it is hung up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_link::random::SplitMix64;

mod schedule;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use schedule::{Fixed, Schedule, Zone, fuzz_schedule};

/// The timers and limits of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an attempt may take to bring the interface up.
    pub dial_timeout: Duration,
    /// How long hanging up may take before it is done by force.
    pub stop_timeout: Duration,
    /// The pause before the next attempt; it doubles with every failure in a row.
    pub redial: Duration,
    /// The longest pause.
    pub redial_max: Duration,
    /// A connection that lasted shorter is a failure.
    pub min_up: Duration,
    /// After so many failures in a row the line is held; 0: never.
    pub max_failures: u32,
    /// For so long.
    pub hold: Duration,
    /// The line is to be a slave of a load balancer while it is up.
    pub enslave: bool,
    /// The load balancer keeps a slave that goes down, and takes it again when it comes back: the
    /// line is released only when it is hung up.
    pub sticky: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dial_timeout: Duration::from_secs(90),
            stop_timeout: Duration::from_secs(10),
            redial: Duration::from_secs(10),
            redial_max: Duration::from_secs(300),
            min_up: Duration::from_secs(30),
            max_failures: 0,
            hold: Duration::from_secs(3600),
            enslave: false,
            sticky: false,
        }
    }
}

/// Who says when a line is to be up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Day and night.
    Always,
    /// At these times.
    Schedule(Schedule),
    /// A person.
    Manual,
}

/// What a person asked for. It holds until another word, and where there is a schedule until that
/// changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hand {
    /// Nothing: [`Keep`] decides.
    #[default]
    Auto,
    /// The line is to be up.
    Up,
    /// The line is to be down.
    Down,
}

/// What the owner has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the command.
    Dial,
    /// Hang up; [`Line::stopped`] or [`Line::ended`] is to follow.
    Stop,
    /// It did not end in time: end it by force.
    Kill,
    /// Make the interface a slave; [`Line::enslaved`] is to follow.
    Enslave,
    /// Release it.
    Release,
}

/// How far a line is, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not wanted, and down.
    Down,
    /// The command runs, the interface is not up yet.
    Dialing,
    /// The interface is up.
    Up,
    /// It is being hung up.
    Stopping,
    /// The next attempt comes after a pause.
    Waiting,
    /// It failed too often.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Dialing {
        until: Instant,
    },
    Up {
        since: Instant,
    },
    Stopping {
        kill_at: Option<Instant>,
        /// It took too long to come up.
        failed: bool,
    },
    Waiting {
        until: Instant,
    },
    Held {
        until: Instant,
    },
}

/// What is known of the interface at the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slave {
    No,
    Asked,
    Yes,
    /// It was refused, and is asked for again.
    Refused {
        again: Instant,
    },
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the command was run.
    pub attempts: u64,
    /// Attempts that failed, and connections that lasted too short.
    pub failures: u64,
    /// Times the interface came up.
    pub connects: u64,
    /// Times the device was somebody else's.
    pub busy: u64,
    /// Times the line was held.
    pub holds: u64,
    /// Times the command had to be ended by force.
    pub kills: u64,
}

/// What an earlier owner left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The command runs still, or has gone to the background.
    pub running: bool,
    /// It has ended, well, and left the connection to itself.
    pub detached: bool,
    /// The interface is up, for so long.
    pub up_for: Option<Duration>,
    /// Failures in a row.
    pub failures: u32,
    /// Until the next attempt.
    pub pause: Option<Duration>,
    /// What a person asked for.
    pub hand: Hand,
    /// What the schedule said at that time.
    pub open: bool,
    /// The load balancer has the interface.
    pub enslaved: bool,
}

/// One line.
#[derive(Debug)]
pub struct Line {
    config: Config,
    keep: Keep,
    hand: Hand,
    /// What the schedule says.
    open: bool,
    closing: bool,
    phase: Phase,
    slave: Slave,
    /// The command ended well and left the connection to itself.
    detached: bool,
    /// The interface was up in this attempt.
    connected: bool,
    /// The connection of this attempt lasted long enough.
    lasted: bool,
    failures: u32,
    random: SplitMix64,
    stats: Stats,
    actions: VecDeque<Action>,
}

impl Line {
    /// A line that is down. With [`Keep::Schedule`], [`Self::look_at_clock`] is to follow before
    /// anything else.
    pub fn new(now: Instant, config: Config, keep: Keep, seed: u64) -> Self {
        Self::resumed(now, config, keep, seed, Left::default())
    }

    /// A line that somebody kept before.
    pub fn resumed(now: Instant, config: Config, keep: Keep, seed: u64, left: Left) -> Self {
        let phase = match (left.up_for, left.pause) {
            (Some(time), _) if left.running => Phase::Up {
                since: now.checked_sub(time).unwrap_or(now),
            },
            _ if left.running => Phase::Dialing {
                until: now + config.dial_timeout,
            },
            (_, Some(pause)) => {
                let until = now + pause;
                if config.max_failures > 0 && left.failures >= config.max_failures {
                    Phase::Held { until }
                } else {
                    Phase::Waiting { until }
                }
            }
            _ => Phase::Down,
        };
        let mut line = Self {
            config,
            keep,
            hand: left.hand,
            open: left.open,
            closing: false,
            phase,
            slave: if left.enslaved && matches!(phase, Phase::Up { .. }) {
                Slave::Yes
            } else {
                Slave::No
            },
            detached: left.detached,
            connected: left.up_for.is_some(),
            lasted: false,
            failures: left.failures,
            random: SplitMix64::new(seed),
            stats: Stats::default(),
            actions: VecDeque::new(),
        };
        if !matches!(line.keep, Keep::Schedule(_)) {
            line.settle(now);
        }
        line
    }

    /// A line whose earlier connection, made by other means, has to be hung up first.
    pub fn replacing(now: Instant, config: Config, keep: Keep, seed: u64, hand: Hand) -> Self {
        let left = Left {
            running: true,
            hand,
            ..Left::default()
        };
        let mut line = Self::resumed(now, config, keep, seed, left);
        line.actions.clear();
        line.stop(now, false);
        line
    }

    /// New timers and times; what runs follows them.
    pub fn set_config(&mut self, now: Instant, config: Config, keep: Keep) {
        if self.keep != keep {
            self.open = false;
            self.keep = keep;
        }
        if config.enslave != self.config.enslave {
            self.release();
        }
        self.config = config;
        if !matches!(self.keep, Keep::Schedule(_)) {
            self.settle(now);
        }
    }

    /// What the clock on the wall shows, seconds since 1970. Returns when to call this again at
    /// the latest; also to be called when the clock was set.
    pub fn look_at_clock(&mut self, now: Instant, unix: i64, zone: &dyn Zone) -> Option<i64> {
        let mut next = None;
        if let Keep::Schedule(schedule) = &self.keep {
            let open = schedule.is_open(zone, unix);
            next = schedule.next_change(zone, unix);
            if open != self.open {
                self.open = open;
                self.hand = Hand::Auto;
            }
        }
        self.settle(now);
        next
    }

    /// A person wants it up or down, or leaves it to [`Keep`] again. Pauses and holds are over.
    pub fn by_hand(&mut self, now: Instant, hand: Hand) {
        self.hand = hand;
        self.failures = 0;
        if matches!(self.phase, Phase::Waiting { .. } | Phase::Held { .. }) {
            self.phase = Phase::Down;
        }
        self.settle(now);
    }

    /// What runs is hung up, then dialled anew where it is wanted.
    pub fn restart(&mut self, now: Instant) {
        self.failures = 0;
        match self.phase {
            Phase::Dialing { .. } | Phase::Up { .. } => self.stop(now, false),
            Phase::Waiting { .. } | Phase::Held { .. } => self.phase = Phase::Down,
            Phase::Down | Phase::Stopping { .. } => {}
        }
        self.settle(now);
    }

    /// Somebody else made the connection: it is kept as if asked for by hand.
    pub fn found(&mut self, now: Instant) {
        if self.closing {
            return;
        }
        if !self.wanted() {
            self.hand = Hand::Up;
        }
        if matches!(
            self.phase,
            Phase::Down | Phase::Waiting { .. } | Phase::Held { .. }
        ) {
            self.detached = false;
            self.connected = false;
            self.lasted = false;
            self.phase = Phase::Dialing {
                until: now + self.config.dial_timeout,
            };
        }
        self.settle(now);
    }

    /// It is never wanted again.
    pub fn close(&mut self, now: Instant) {
        self.closing = true;
        self.settle(now);
    }

    /// The interface is up and running, or not. Saying the same again changes nothing.
    pub fn interface(&mut self, now: Instant, up: bool) {
        match (self.phase, up) {
            (Phase::Dialing { .. }, true) => {
                self.stats.connects += 1;
                self.connected = true;
                self.phase = Phase::Up { since: now };
            }
            (Phase::Up { since }, false) => {
                self.note_lasting(now, since);
                if !self.config.sticky {
                    self.release();
                }
                if self.detached {
                    self.over(now);
                } else {
                    // The command may bring it up again, or is about to end.
                    self.phase = Phase::Dialing {
                        until: now + self.config.dial_timeout,
                    };
                }
            }
            _ => {}
        }
        self.settle(now);
    }

    /// The command ended, well (status 0) or not.
    pub fn ended(&mut self, now: Instant, well: bool) {
        match self.phase {
            Phase::Stopping { .. } => return self.stopped(now),
            // It may have gone to the background, or started what others keep.
            Phase::Dialing { .. } if well && !self.connected => self.detached = true,
            Phase::Up { .. } if well => self.detached = true,
            Phase::Dialing { .. } => self.over(now),
            Phase::Up { since } => {
                self.note_lasting(now, since);
                self.over(now);
            }
            Phase::Down | Phase::Waiting { .. } | Phase::Held { .. } => {}
        }
        self.settle(now);
    }

    /// A process in the background that keeps the connection made itself known.
    pub fn attached(&mut self) {
        self.detached = false;
    }

    /// The command could not be run.
    pub fn not_dialed(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Dialing { .. }) {
            self.over(now);
        }
        self.settle(now);
    }

    /// The device is somebody else's: no failure of the line.
    pub fn busy(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Dialing { .. }) {
            self.stats.busy += 1;
            let pause = self.jittered(self.config.redial);
            self.phase = Phase::Waiting { until: now + pause };
        }
        self.settle(now);
    }

    /// It is hung up.
    pub fn stopped(&mut self, now: Instant) {
        if let Phase::Stopping { failed, .. } = self.phase {
            self.release();
            if failed && self.wanted() {
                self.over(now);
            } else {
                self.phase = Phase::Down;
            }
        }
        self.settle(now);
    }

    /// The load balancer took the interface, or refused it.
    pub fn enslaved(&mut self, now: Instant, taken: bool) {
        if self.slave == Slave::Asked {
            self.slave = if taken {
                Slave::Yes
            } else {
                let again = now + self.jittered(self.config.redial);
                Slave::Refused { again }
            };
        }
        self.settle(now);
    }

    /// The load balancer changed: one that refused may take the interface now.
    pub fn master_changed(&mut self, now: Instant) {
        if matches!(self.slave, Slave::Refused { .. }) {
            self.slave = Slave::No;
        }
        self.settle(now);
    }

    /// The load balancer is a new one, or lost the interface.
    pub fn master_lost(&mut self, now: Instant) {
        if self.slave == Slave::Yes {
            self.slave = Slave::No;
        }
        self.master_changed(now);
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Dialing { until } | Phase::Waiting { until } | Phase::Held { until } => {
                Some(until)
            }
            Phase::Stopping { kill_at, .. } => kill_at,
            Phase::Down => None,
            Phase::Up { since } => {
                let lasting = since + self.config.min_up;
                (!self.lasted).then_some(lasting)
            }
        };
        let slave = match self.slave {
            Slave::Refused { again } => Some(again),
            Slave::No | Slave::Asked | Slave::Yes => None,
        };
        [phase, slave].into_iter().flatten().min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Brings everything to what the present state asks for.
    fn settle(&mut self, now: Instant) {
        let wanted = self.wanted();
        match self.phase {
            Phase::Dialing { until } if wanted && until <= now => self.stop(now, true),
            Phase::Dialing { .. } | Phase::Up { .. } if !wanted => self.stop(now, false),
            Phase::Up { since } => self.note_lasting(now, since),
            Phase::Held { until } if until <= now => {
                self.failures = 0;
                self.phase = Phase::Down;
            }
            Phase::Waiting { until } if until <= now => self.phase = Phase::Down,
            Phase::Waiting { .. } | Phase::Held { .. } if !wanted => self.phase = Phase::Down,
            Phase::Stopping {
                kill_at: Some(kill_at),
                failed,
            } if kill_at <= now => {
                self.phase = Phase::Stopping {
                    kill_at: None,
                    failed,
                };
                self.stats.kills += 1;
                self.actions.push_back(Action::Kill);
            }
            _ => {}
        }
        if !wanted {
            self.failures = 0;
        }
        if wanted && self.phase == Phase::Down {
            self.phase = Phase::Dialing {
                until: now + self.config.dial_timeout,
            };
            self.detached = false;
            self.connected = false;
            self.lasted = false;
            self.stats.attempts += 1;
            self.actions.push_back(Action::Dial);
        }
        if let Slave::Refused { again } = self.slave
            && again <= now
        {
            self.slave = Slave::No;
        }
        if self.config.enslave && self.slave == Slave::No && matches!(self.phase, Phase::Up { .. })
        {
            self.slave = Slave::Asked;
            self.actions.push_back(Action::Enslave);
        }
    }

    /// A connection that lasted long enough makes up for every failure before.
    fn note_lasting(&mut self, now: Instant, since: Instant) {
        if now.saturating_duration_since(since) >= self.config.min_up {
            self.lasted = true;
            self.failures = 0;
        }
    }

    /// The attempt, or the connection, is over.
    fn over(&mut self, now: Instant) {
        self.release();
        if !self.lasted {
            self.failures = self.failures.saturating_add(1);
            self.stats.failures += 1;
        }
        self.phase = if self.config.max_failures > 0 && self.failures >= self.config.max_failures {
            self.stats.holds += 1;
            Phase::Held {
                until: now + self.config.hold,
            }
        } else {
            let doublings = self.failures.saturating_sub(1).min(30);
            let longest = self.config.redial_max.max(self.config.redial);
            let pause = self.config.redial.saturating_mul(1 << doublings);
            let pause = self.jittered(pause.min(longest));
            Phase::Waiting { until: now + pause }
        };
    }

    /// From three quarters of the pause to five: lines that failed together do not dial together.
    fn jittered(&mut self, pause: Duration) -> Duration {
        let quarters = self.random.next_u32() % 512;
        let longest = self.config.redial_max.max(self.config.redial);
        (pause.saturating_mul(768 + quarters) / 1024).min(longest)
    }

    fn stop(&mut self, now: Instant, failed: bool) {
        // The traffic leaves it first.
        self.release();
        self.phase = Phase::Stopping {
            kill_at: Some(now + self.config.stop_timeout),
            failed,
        };
        self.actions.push_back(Action::Stop);
    }

    fn release(&mut self) {
        if matches!(self.slave, Slave::Asked | Slave::Yes) {
            self.actions.push_back(Action::Release);
        }
        self.slave = Slave::No;
    }

    /// The line is to be up.
    pub fn wanted(&self) -> bool {
        !self.closing
            && match (self.hand, &self.keep) {
                (Hand::Up, _) => true,
                (Hand::Down, _) => false,
                (Hand::Auto, Keep::Always) => true,
                (Hand::Auto, Keep::Schedule(_)) => self.open,
                (Hand::Auto, Keep::Manual) => false,
            }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Down => State::Down,
            Phase::Dialing { .. } => State::Dialing,
            Phase::Up { .. } => State::Up,
            Phase::Stopping { .. } => State::Stopping,
            Phase::Waiting { .. } => State::Waiting,
            Phase::Held { .. } => State::Held,
        }
    }

    /// Since when it is up.
    pub fn up_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Up { since } => Some(since),
            _ => None,
        }
    }

    /// When it is tried again.
    pub fn next_attempt(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } | Phase::Held { until } => Some(until),
            _ => None,
        }
    }

    /// The load balancer has the interface.
    pub fn is_enslaved(&self) -> bool {
        self.slave == Slave::Yes
    }

    /// Something is to happen soon: an attempt, a hang-up or an answer of the load balancer.
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Dialing { .. } | Phase::Stopping { .. })
            || self.slave == Slave::Asked
            || !self.actions.is_empty()
    }

    /// The interface was up in this attempt.
    pub fn was_connected(&self) -> bool {
        self.connected
    }

    /// The connection keeps itself: its command ended.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// What a person asked for.
    pub fn hand(&self) -> Hand {
        self.hand
    }

    /// Who says when it is to be up.
    pub fn keep(&self) -> &Keep {
        &self.keep
    }

    /// What the schedule said last.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}
