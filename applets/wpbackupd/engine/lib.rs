//! When a backup link takes over from a primary one, and when the primary returns.
//!
//! A value that is fed and asked, without a clock or a descriptor: the owner says how both links
//! are, carries out the [`Action`]s, and calls back at the deadline.
//!
//! Two things are kept apart. Whether a backup is *wanted* follows the primary with hysteresis: it
//! is once the primary was down for [`Config::fail_after`] without a break, and no more once the
//! primary was up for [`Config::restore_after`] without a break. What *carries* the traffic is the
//! primary, or the backup while that is wanted and up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// The timers. Every one may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long the primary has to be down before the backup is started.
    pub fail_after: Duration,
    /// How long it has to be up before the traffic returns to it.
    pub restore_after: Duration,
    /// How long the backup may take to come up before it is stopped and tried again.
    pub dial_timeout: Duration,
    /// How long it may take to stop before it is killed.
    pub stop_timeout: Duration,
    /// The pause before the backup is tried again; it doubles with every failure.
    pub redial: Duration,
    /// The longest pause.
    pub redial_max: Duration,
    /// How long the backup carries the traffic at least, once it does.
    pub minimum: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fail_after: Duration::from_secs(5),
            restore_after: Duration::from_secs(30),
            dial_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(10),
            redial: Duration::from_secs(10),
            redial_max: Duration::from_secs(300),
            minimum: Duration::ZERO,
        }
    }
}

/// Who decides which link is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The state of the primary.
    #[default]
    Automatic,
    /// A person: the primary, whatever its state.
    Primary,
    /// A person: the backup.
    Backup,
}

/// A link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The primary.
    Primary,
    /// The backup.
    Backup,
}

/// What is going on, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The primary is used and well.
    Primary,
    /// The primary is down, not yet for long enough.
    Failing,
    /// The backup is being brought up.
    Dialing,
    /// An attempt failed; the next comes after a pause.
    Waiting,
    /// The backup carries the traffic.
    Backup,
    /// The backup carries the traffic; the primary is up, not yet for long enough.
    Returning,
    /// The primary is used again; the backup is being taken down.
    Restoring,
}

/// What the owner has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the backup.
    Start,
    /// Stop the backup; [`Switch::backup_ended`] is to follow.
    Stop,
    /// It did not stop in time: end it by force.
    Kill,
    /// Let the traffic go this way.
    Use(Side),
}

/// How the backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backup {
    Idle,
    Starting {
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
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the primary went down.
    pub primary_failures: u64,
    /// Times the backup was started.
    pub attempts: u64,
    /// Attempts that failed or took too long.
    pub failed_attempts: u64,
    /// Times the traffic went over to the backup.
    pub takeovers: u64,
    /// Times it came back.
    pub returns: u64,
}

/// One primary link and its backup.
#[derive(Debug)]
pub struct Switch {
    config: Config,
    mode: Mode,
    primary_up: bool,
    /// Since when the primary is as it is.
    primary_since: Instant,
    wanted: bool,
    backup: Backup,
    carrying: Side,
    /// The backup carried the traffic since then.
    over_since: Option<Instant>,
    pause: Duration,
    stats: Stats,
    actions: VecDeque<Action>,
}

impl Switch {
    /// A switch whose primary is in this state.
    pub fn new(config: Config, now: Instant, primary_up: bool) -> Self {
        Self {
            config,
            mode: Mode::Automatic,
            primary_up,
            primary_since: now,
            wanted: false,
            backup: Backup::Idle,
            carrying: Side::Primary,
            over_since: None,
            pause: config.redial,
            stats: Stats::default(),
            actions: VecDeque::new(),
        }
    }

    /// New timers; those that run follow them.
    pub fn set_config(&mut self, now: Instant, config: Config) {
        self.config = config;
        self.pause = config.redial;
        self.settle(now);
    }

    /// Who decides from now on.
    pub fn set_mode(&mut self, now: Instant, mode: Mode) {
        self.mode = mode;
        // Somebody asked: no pause before the next attempt.
        self.pause = self.config.redial;
        if matches!(self.backup, Backup::Waiting { .. }) {
            self.backup = Backup::Idle;
        }
        self.settle(now);
    }

    /// The primary is up or down. Saying the same again changes nothing.
    pub fn primary(&mut self, now: Instant, up: bool) {
        if up != self.primary_up {
            self.primary_up = up;
            self.primary_since = now;
            self.stats.primary_failures += u64::from(!up);
        }
        self.settle(now);
    }

    /// The backup carries data, or no more (it may come up again by itself).
    pub fn backup(&mut self, now: Instant, up: bool) {
        match (self.backup, up) {
            (Backup::Starting { .. }, true) => {
                self.backup = Backup::Up { since: now };
            }
            (Backup::Up { .. }, false) => {
                self.backup = Backup::Starting {
                    until: now + self.config.dial_timeout,
                };
            }
            _ => {}
        }
        self.settle(now);
    }

    /// The backup ended: as asked, or by itself.
    pub fn backup_ended(&mut self, now: Instant) {
        match self.backup {
            Backup::Idle | Backup::Waiting { .. } => {}
            Backup::Stopping { failed, .. } if !(failed && self.wanted) => {
                self.backup = Backup::Idle;
            }
            Backup::Up { since } => {
                // One that was up for long is called again as if it had not failed before.
                if now.saturating_duration_since(since) >= self.config.redial_max {
                    self.pause = self.config.redial;
                }
                self.failed(now);
            }
            Backup::Starting { .. } | Backup::Stopping { .. } => self.failed(now),
        }
        self.settle(now);
    }

    /// An attempt is over without success.
    fn failed(&mut self, now: Instant) {
        self.stats.failed_attempts += 1;
        self.backup = Backup::Waiting {
            until: now + self.pause,
        };
        self.pause = self.pause.saturating_mul(2).min(self.config.redial_max);
        // Never shorter than what was asked for first.
        self.pause = self.pause.max(self.config.redial);
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let change = self.wanted_changes_at();
        let backup = match self.backup {
            Backup::Starting { until } | Backup::Waiting { until } => Some(until),
            Backup::Stopping { kill_at, .. } => kill_at,
            Backup::Idle | Backup::Up { .. } => None,
        };
        [change, backup].into_iter().flatten().min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When the backup starts or ceases to be wanted, if nothing happens until then.
    fn wanted_changes_at(&self) -> Option<Instant> {
        if self.mode != Mode::Automatic || self.wanted != self.primary_up {
            return None;
        }
        if !self.wanted {
            return Some(self.primary_since + self.config.fail_after);
        }
        let well = self.primary_since + self.config.restore_after;
        let enough = self.over_since.map(|since| since + self.config.minimum);
        Some(enough.map_or(well, |enough| enough.max(well)))
    }

    /// Brings everything to what the present state asks for.
    fn settle(&mut self, now: Instant) {
        match self.mode {
            Mode::Primary => self.wanted = false,
            Mode::Backup => self.wanted = true,
            Mode::Automatic => {
                if self.wanted_changes_at().is_some_and(|at| at <= now) {
                    self.wanted = !self.wanted;
                }
            }
        }
        match self.backup {
            Backup::Starting { until } if self.wanted && until <= now => self.stop(now, true),
            Backup::Waiting { until } if until <= now || !self.wanted => {
                self.backup = Backup::Idle;
            }
            Backup::Stopping {
                kill_at: Some(kill_at),
                failed,
            } if kill_at <= now => {
                self.backup = Backup::Stopping {
                    kill_at: None,
                    failed,
                };
                self.actions.push_back(Action::Kill);
            }
            _ => {}
        }
        if self.wanted && self.backup == Backup::Idle {
            self.backup = Backup::Starting {
                until: now + self.config.dial_timeout,
            };
            self.stats.attempts += 1;
            self.actions.push_back(Action::Start);
        }
        self.follow_traffic(now);
        // After the traffic has left it.
        if !self.wanted && matches!(self.backup, Backup::Starting { .. } | Backup::Up { .. }) {
            self.stop(now, false);
        }
        if !self.wanted {
            self.pause = self.config.redial;
        }
    }

    fn stop(&mut self, now: Instant, failed: bool) {
        self.backup = Backup::Stopping {
            kill_at: Some(now + self.config.stop_timeout),
            failed,
        };
        self.actions.push_back(Action::Stop);
    }

    fn follow_traffic(&mut self, now: Instant) {
        let backup_up = matches!(self.backup, Backup::Up { .. });
        let side = match self.carrying {
            // A primary that is back in the meantime keeps the traffic.
            Side::Primary if self.wanted && backup_up && !self.usable() => Side::Backup,
            // A backup that is lost is no reason to stay with it.
            Side::Backup if !self.wanted || (!backup_up && self.primary_up) => Side::Primary,
            // Its interface may be a new one: the routes have to be set again.
            Side::Backup if backup_up && self.over_since.is_none() => Side::Backup,
            side => {
                if side == Side::Backup && !backup_up {
                    self.over_since = None;
                }
                return;
            }
        };
        self.over_since = (side == Side::Backup).then_some(now);
        match (self.carrying, side) {
            (Side::Primary, Side::Backup) => self.stats.takeovers += 1,
            (Side::Backup, Side::Primary) => self.stats.returns += 1,
            _ => {}
        }
        self.carrying = side;
        self.actions.push_back(Action::Use(side));
    }

    /// The primary may carry the traffic while a backup is wanted.
    fn usable(&self) -> bool {
        self.primary_up && self.mode == Mode::Automatic
    }

    /// What is going on.
    pub fn state(&self) -> State {
        match (self.wanted, self.backup) {
            (false, Backup::Stopping { .. }) => State::Restoring,
            (false, _) if self.primary_up || self.mode == Mode::Primary => State::Primary,
            (false, _) => State::Failing,
            (true, Backup::Waiting { .. } | Backup::Stopping { .. }) => State::Waiting,
            (true, Backup::Idle | Backup::Starting { .. }) => State::Dialing,
            (true, Backup::Up { .. }) if self.usable() => State::Returning,
            (true, Backup::Up { .. }) => State::Backup,
        }
    }

    /// What carries the traffic; a backup that is lost counts until something else does.
    pub fn carrying(&self) -> Side {
        self.carrying
    }

    /// Who decides.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The primary is up.
    pub fn primary_is_up(&self) -> bool {
        self.primary_up
    }

    /// The backup runs, or is not gone yet.
    pub fn backup_is_running(&self) -> bool {
        !matches!(self.backup, Backup::Idle | Backup::Waiting { .. })
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}
