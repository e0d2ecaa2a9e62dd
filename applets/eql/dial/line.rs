//! One line at the host: its command, device, interface and place at the load balancer.

use std::io;
use std::process::ExitStatus;
use std::time::Instant;

use wanbox_eql_engine::keeper::{self, Action, Keep, State};
use wanbox_runtime::device_lock::DeviceLock;
use wanbox_runtime::event_loop::{Loop, Source, Token};
use wanbox_runtime::netlink::Seen;
use wanbox_runtime::process::{self, Identity, Watched, in_own_group};
use wanbox_runtime::wall_clock::unix_time;

use super::command::{self_or, wrong};
use super::config::{How, LineConf};
use super::control::{Caller, LineStatus};
use super::daemon::{Host, owner};
use super::state::Record;
use crate::control::Rate;

mod place;
mod running;

/// The process that keeps a connection.
#[derive(Debug)]
enum Running {
    /// A child of ours.
    Child(u32),
    /// Somebody else's, whose end is told by its descriptor.
    Other(Watched, Source),
}

impl Running {
    fn pid(&self) -> u32 {
        match self {
            Self::Child(pid) => *pid,
            Self::Other(watched, _) => watched.identity().pid,
        }
    }
}

/// A moment on both clocks, so that it is written the same each time.
#[derive(Clone, Copy, Debug)]
struct Moment {
    steady: Instant,
    unix: i64,
}

/// A line.
pub struct Kept {
    /// Its number among the tokens.
    pub id: u32,
    /// Its configuration.
    pub conf: LineConf,
    /// What decides.
    pub line: keeper::Line,
    /// It is in the file no more, and goes as soon as it is down.
    pub leaving: bool,
    /// What was wrong last, for people.
    pub trouble: Option<String>,
    /// When the schedule changes next, seconds since 1970.
    pub schedule_changes: Option<i64>,
    /// An attempt was made by this process: what `--once` reports.
    pub tried: bool,
    /// How what runs was started: the file may say otherwise by now.
    how: How,
    process: Option<Running>,
    /// The pppd that made itself known while another process kept the connection.
    pppd: Option<Identity>,
    /// The command that takes it down.
    stopper: Option<u32>,
    lock: Option<DeviceLock>,
    /// The interface, as far as it is known.
    interface: Option<String>,
    seen: Seen,
    /// The master's interface.
    master: Seen,
    /// The interface is going, as pppd says, or is not this connection's yet, and the kernel has
    /// not said anything since.
    going: bool,
    speed: Option<u64>,
    hook_ran: bool,
    up_since: Option<Moment>,
    next_attempt: Option<Moment>,
    /// What was written of it last.
    written: Option<Record>,
}

impl Kept {
    /// A line, perhaps with what an earlier owner left of it.
    pub fn new(id: u32, conf: LineConf, line: keeper::Line, left: Option<&Record>) -> Self {
        let how = left.map_or_else(|| conf.how.clone(), |left| left.how.clone());
        Self {
            id,
            line,
            leaving: false,
            trouble: None,
            schedule_changes: None,
            tried: false,
            process: None,
            pppd: None,
            stopper: None,
            lock: None,
            interface: left
                .and_then(|left| left.interface.clone())
                .or_else(|| conf.how.interface.clone()),
            seen: Seen::default(),
            master: Seen::default(),
            going: false,
            speed: left.and_then(|left| left.speed),
            hook_ran: left.is_some_and(|left| left.up_since.is_some()),
            up_since: None,
            next_attempt: None,
            written: None,
            how,
            conf,
        }
    }

    /// Whether the connection of this caller is this line's.
    pub fn is_of(&self, caller: &Caller) -> Option<Kinship> {
        if self.pid().is_some_and(|pid| caller.is_below(pid)) {
            Some(Kinship::Process)
        } else if caller.device.is_some() && caller.device == self.how.device {
            Some(Kinship::Device)
        } else if self.interface.as_deref() == Some(caller.interface.as_str()) {
            Some(Kinship::Interface)
        } else {
            None
        }
    }

    /// The process that keeps the connection.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Running::pid)
    }

    /// The interface, as far as it is known.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// The master's name.
    pub fn master(&self) -> Option<&str> {
        self.conf.slave.as_ref().map(|slave| slave.master.as_str())
    }

    /// Everything is settled as far as it can be for now.
    pub fn is_settled(&self) -> bool {
        !self.line.is_busy() && self.stopper.is_none()
    }

    /// Does what the line asks for, and leaves word of it.
    pub fn act(&mut self, lp: &mut Loop, host: &mut Host) {
        while let Some(action) = self.line.poll_action() {
            match action {
                Action::Dial => self.dial(lp, host),
                Action::Stop => self.stop(lp, host),
                Action::Kill => self.kill(lp, host),
                Action::Enslave => self.enslave(lp, host),
                Action::Release => self.release(host),
            }
        }
        let timer = Token::new(owner::LINE, self.id);
        lp.set_timer_to(timer, self.line.poll_timeout());
        self.run_hooks(lp, host);
        self.leave_word(lp.now(), host);
    }

    /// pppd's ip-up says that a connection is up, and this line's.
    ///
    /// # Errors
    /// For people: it is not, or the master does not take it.
    pub fn connected(
        &mut self,
        lp: &mut Loop,
        host: &mut Host,
        caller: &Caller,
    ) -> Result<(), String> {
        if let Some(fixed) = self.conf.how.interface.as_ref()
            && *fixed != caller.interface
        {
            return Err(format!(
                "{} is of line {}, whose INTERFACE is {fixed}",
                caller.interface, self.conf.name
            ));
        }
        self.going = false;
        // What was wrong with earlier attempts is over.
        self.trouble = None;
        self.interface = Some(caller.interface.clone());
        self.speed = caller.speed.or(self.speed);
        // pppd in the background, or one that somebody else started, is what keeps it.
        self.pppd = caller.pppd.and_then(process::identity);
        if self.process.is_none() {
            self.adopt_pppd(lp, host);
        }
        self.follow(lp, host);
        self.act(lp, host);
        match &self.trouble {
            Some(trouble) if self.conf.slave.is_some() && !self.line.is_enslaved() => {
                Err(trouble.clone())
            }
            _ => Ok(()),
        }
    }

    /// pppd's ip-down says that its connection is going. On a busy machine that may be said when the
    /// next connection is up already, over the same device and on an interface of the same name.
    pub fn disconnected(&mut self, lp: &mut Loop, host: &mut Host, caller: &Caller) {
        let known = self.pppd.map(|pppd| pppd.pid);
        if caller.is_of_another(self.pid(), known) {
            return;
        }
        self.going = true;
        self.follow_interface(lp.now(), host);
        self.act(lp, host);
    }

    fn run_hooks(&mut self, lp: &mut Loop, host: &mut Host) {
        let up = self.line.state() == State::Up;
        if up == self.hook_ran {
            return;
        }
        self.hook_ran = up;
        let words = if up {
            &self.how.on_up
        } else {
            &self.how.on_down
        };
        if words.is_empty() {
            return;
        }
        let words = self.expanded(words);
        let mut command = self_or(&words, &host.root);
        self.describe(&mut command);
        in_own_group(&mut command, None);
        if let Err(error) = lp.spawn(&mut command, Token::new(owner::HOOK, self.id)) {
            let program = words.first().map_or("", String::as_str);
            self.failed(host, lp.now(), format!("cannot run {program}: {error}"));
        }
    }

    /// A command for the change ended.
    pub fn hook_ended(&mut self, lp: &Loop, host: &mut Host, status: &io::Result<ExitStatus>) {
        let (word, words) = if self.hook_ran {
            ("ON_UP", &self.how.on_up)
        } else {
            ("ON_DOWN", &self.how.on_down)
        };
        if let Some(how) = wrong(words, status) {
            self.failed(host, lp.now(), format!("{word}: {how}"));
        }
    }

    /// New times and another place at a load balancer, for a line that goes on.
    pub fn reconfigure(&mut self, lp: &mut Loop, host: &mut Host, conf: LineConf) {
        let now = lp.now();
        let moved = conf.slave != self.conf.slave;
        let restart = conf.how != self.conf.how;
        if moved && conf.slave.is_some() && self.line.is_enslaved() {
            self.release(host);
        }
        self.line.set_config(now, conf.timers, conf.keep.clone());
        self.conf = conf;
        if moved {
            self.look(host);
            self.line.master_lost(now);
        }
        if restart {
            self.line.restart(now);
        }
    }

    fn failed(&mut self, host: &mut Host, now: Instant, what: String) {
        self.say(host, now, log::Level::Error, what.clone());
        self.trouble = Some(what);
    }

    /// A change, in the log; so many of them that they tell nothing are counted only.
    fn say(&self, host: &mut Host, now: Instant, level: log::Level, what: String) {
        if let Some(suppressed) = host.limit.allow(self.id, now) {
            if suppressed > 0 {
                log::warn!("{}: {suppressed} messages were left out", self.conf.name);
            }
            log::log!(level, "{}: {what}", self.conf.name);
        }
    }

    /// Leaves word of the present state for whoever owns the line next.
    fn leave_word(&mut self, now: Instant, host: &mut Host) {
        let moment = |at: Option<Instant>, known: Option<Moment>| {
            let at = at?;
            match known {
                Some(moment) if moment.steady == at => Some(moment),
                _ => Some(Moment {
                    steady: at,
                    unix: unix_at(now, at),
                }),
            }
        };
        self.up_since = moment(self.line.up_since(), self.up_since);
        self.next_attempt = moment(self.line.next_attempt(), self.next_attempt);
        let process = match &self.process {
            None => None,
            Some(Running::Other(watched, _)) => Some(watched.identity()),
            Some(Running::Child(pid)) => match &self.written {
                // It is asked for once: a child that ended and was not reaped has none any more.
                Some(written) if written.process.is_some_and(|(known, _)| known == *pid) => {
                    written.process.map(|(pid, began)| Identity { pid, began })
                }
                _ => process::identity(*pid),
            },
        };
        let record = Record {
            name: self.conf.name.clone(),
            boot: host.boot.clone(),
            how: self.how.clone(),
            slave: self.conf.slave.clone(),
            stop_timeout: u64::try_from(self.conf.timers.stop_timeout.as_millis())
                .unwrap_or(u64::MAX),
            process: process.map(|identity| (identity.pid, identity.began)),
            detached: self.line.is_detached(),
            interface: self.interface.clone(),
            speed: self.speed,
            enslaved: self.line.is_enslaved(),
            up_since: self.up_since.map(|moment| moment.unix),
            next_attempt: self.next_attempt.map(|moment| moment.unix),
            failures: self.line.failures(),
            hand: self.line.hand().into(),
            open: self.line.is_open(),
        };
        if self.written.as_ref() != Some(&record) {
            if let Err(error) = super::state::write(&host.root, &record) {
                self.say(host, now, log::Level::Error, error.to_string());
            }
            self.written = Some(record);
        }
    }

    /// What runs is left to itself: the next owner finds word of it.
    pub fn leave(mut self) {
        if let Some(lock) = self.lock.take().filter(|_| self.process.is_some()) {
            lock.leave();
        }
    }

    /// The state, for people.
    pub fn status(&self, now: Instant) -> LineStatus {
        let stats = self.line.stats();
        let keep = self.line.keep();
        LineStatus {
            line: self.conf.name.clone(),
            state: state_word(self.line.state()).into(),
            wanted: self.line.wanted(),
            keep: match keep {
                Keep::Always => "always",
                Keep::Schedule(_) => "schedule",
                Keep::Manual => "manual",
            }
            .into(),
            by_hand: self.line.hand().into(),
            schedule: match keep {
                Keep::Schedule(schedule) => Some(schedule.to_string()),
                Keep::Always | Keep::Manual => None,
            },
            schedule_changes: self.schedule_changes,
            device: self.conf.how.device.clone(),
            interface: self.interface.clone(),
            master: self.master().map(str::to_owned),
            enslaved: self.line.is_enslaved(),
            rate: match self.rate() {
                Some(Rate::Fixed(rate)) => Some(rate),
                Some(Rate::Auto) | None => None,
            },
            pid: self.pid(),
            up_seconds: self
                .line
                .up_since()
                .map(|since| seconds_between(since, now)),
            next_seconds: self.line.next_attempt().map(|at| seconds_between(now, at)),
            trouble: self.trouble.clone(),
            failures_in_row: self.line.failures(),
            attempts: stats.attempts,
            failures: stats.failures,
            connects: stats.connects,
            busy: stats.busy,
            holds: stats.holds,
            kills: stats.kills,
        }
    }
}

/// How a caller belongs to a line, the surest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// It names the line's interface.
    Interface,
    /// It has the line's device.
    Device,
    /// It is the line's process, or below it.
    Process,
}

/// The word for a state.
pub fn state_word(state: State) -> &'static str {
    match state {
        State::Down => "down",
        State::Dialing => "dialing",
        State::Up => "up",
        State::Stopping => "stopping",
        State::Waiting => "waiting",
        State::Held => "held",
    }
}

fn seconds_between(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}

/// What the clock on the wall shows at a moment of the other.
fn unix_at(now: Instant, at: Instant) -> i64 {
    let whole = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let unix = unix_time();
    match at.checked_duration_since(now) {
        Some(ahead) => unix.saturating_add(whole(ahead)),
        None => unix.saturating_sub(whole(now.saturating_duration_since(at))),
    }
}
