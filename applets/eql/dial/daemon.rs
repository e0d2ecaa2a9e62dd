//! The daemon: every line in one poll loop.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use wanbox_eql_engine::keeper::{self, Hand, Left, Line, Zone};
use wanbox_runtime::control::{Failure, Server};
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Priority, Readiness, Token};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::logging::{KeyedRateLimit, Logging, RateLimit};
use wanbox_runtime::netlink::{self, Monitor, NetEvent, Netlink, Seen};
use wanbox_runtime::process::Signal;
use wanbox_runtime::wall_clock::{self, WallTimer, local_offset, unix_time};

use super::balancer::Balancer;
use super::config::{self, LineConf};
use super::control::{self, Caller, Reply, Request};
use super::line::Kept;
use super::state::{self, Record};

/// The owners of tokens; the number is that of the line.
pub mod owner {
    /// The control socket.
    pub const CONTROL: u32 = 1;
    /// The kernel's interfaces.
    pub const INTERFACES: u32 = 2;
    /// The line's deadline.
    pub const LINE: u32 = 3;
    /// The command that brings a line up.
    pub const RUN: u32 = 4;
    /// The one that takes it down.
    pub const STOP: u32 = 5;
    /// One that hears of changes.
    pub const HOOK: u32 = 6;
    /// A process that was taken over.
    pub const OTHER: u32 = 7;
    /// The clock on the wall.
    pub const CLOCK: u32 = 8;
}

/// Messages of one line, and of all together, in a minute.
const MESSAGES: u32 = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// What the lines share.
pub struct Host {
    /// Where files are.
    pub root: Root,
    /// Asks and tells the kernel.
    pub netlink: Netlink,
    /// The load balancers.
    pub balancer: Balancer,
    /// Keeps lines that change all the time from filling the log.
    pub limit: KeyedRateLimit<u32>,
    /// The present boot.
    pub boot: String,
}

impl Host {
    /// An interface as it is now.
    pub fn seen(&mut self, name: Option<&str>) -> Seen {
        let link = name.and_then(|name| self.netlink.link(name).ok());
        Seen::of(link.as_ref())
    }
}

/// The time zone of this machine.
struct LocalZone;

impl Zone for LocalZone {
    fn offset(&self, unix: i64) -> i32 {
        local_offset(unix)
    }
}

/// How it is run.
pub struct Options {
    /// The lines.
    pub lines: Vec<LineConf>,
    /// Where files are.
    pub root: Root,
    /// The configuration, to be read again.
    pub file: PathBuf,
    /// Only until every line that can be up is; what runs then is left to itself.
    pub once: bool,
    /// The load balancers.
    pub balancer: Balancer,
}

/// The daemon.
pub struct Daemon {
    lines: Vec<Kept>,
    next_id: u32,
    host: Host,
    monitor: Monitor,
    clock: WallTimer,
    control: Server,
    file: PathBuf,
    logging: Logging,
    once: bool,
    /// Ends as soon as every line is down.
    closing: bool,
}

impl Daemon {
    /// Opens everything, and takes over what an earlier one left.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(lp: &mut Loop, options: Options, logging: Logging) -> Result<Self, String> {
        let Options {
            lines,
            root,
            file,
            once,
            balancer,
        } = options;
        // The monitor first: no change between the two is missed.
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        let netlink = Netlink::open().map_err(|error| error.to_string())?;
        let socket = control::socket(&root.run_dir());
        let control =
            Server::bind(lp, owner::CONTROL, &socket, 0o600).map_err(|error| error.to_string())?;
        let token = Token::new(owner::INTERFACES, 0);
        lp.register(&monitor, token, Interest::Read, Priority::Normal)
            .map_err(|error| format!("cannot wait for the interfaces: {error}"))?;
        let clock = WallTimer::new().map_err(|error| format!("cannot make a timer: {error}"))?;
        let token = Token::new(owner::CLOCK, 0);
        lp.register(&clock, token, Interest::Read, Priority::Normal)
            .map_err(|error| format!("cannot wait for the clock: {error}"))?;
        let records = state::read_all(&root);
        let each = RateLimit::new(MESSAGES, MINUTE);
        let all = RateLimit::new(4 * MESSAGES, MINUTE);
        let mut daemon = Self {
            lines: Vec::new(),
            next_id: 0,
            host: Host {
                root,
                netlink,
                balancer,
                limit: KeyedRateLimit::new(each, all, 2 * config::MAX_LINES),
                boot: state::boot(),
            },
            monitor,
            clock,
            control,
            file,
            logging,
            once,
            closing: false,
        };
        wall_clock::read_zone();
        for conf in lines {
            let record = records.iter().find(|record| record.name == conf.name);
            daemon.add(lp, conf, record);
        }
        for record in &records {
            if !daemon
                .lines
                .iter()
                .any(|kept| kept.conf.name == record.name)
            {
                daemon.end_left(lp, record);
            }
        }
        daemon.look_at_clock(lp);
        Ok(daemon)
    }

    fn id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Begins to keep a line.
    fn add(&mut self, lp: &mut Loop, conf: LineConf, record: Option<&Record>) {
        let id = self.id();
        let now = lp.now();
        let seed = u64::from(std::process::id()) << 32
            ^ u64::from(id)
            ^ unix_time().unsigned_abs().rotate_left(17);
        let living = record.and_then(Record::living);
        let there = record.is_some_and(|record| self.is_there(record));
        let left = record.map(|record| self.left(record, living.is_some(), there));
        let running = left.is_some_and(|left| left.running);
        let replaced = record.filter(|record| running && record.how != conf.how);
        let line = match (left, replaced) {
            (Some(left), Some(record)) => {
                log::info!("{}: was kept otherwise: hanging up first", conf.name);
                self.release_left(record);
                Line::replacing(now, conf.timers, conf.keep.clone(), seed, left.hand)
            }
            (Some(left), None) => {
                if running && record.is_some_and(|r| r.enslaved && !left.enslaved) {
                    log::info!("{}: its master lost it", conf.name);
                }
                Line::resumed(now, conf.timers, conf.keep.clone(), seed, left)
            }
            (None, _) => Line::new(now, conf.timers, conf.keep.clone(), seed),
        };
        let mut kept = Kept::new(id, conf, line, record.filter(|_| running));
        if running && let Some(identity) = living {
            match kept.adopt(lp, &self.host.root, identity) {
                Ok(()) => log::info!("{}: took over process {}", kept.conf.name, identity.pid),
                // It ended just now.
                Err(_) => kept.line.ended(now, false),
            }
        }
        kept.look(&mut self.host);
        self.lines.push(kept);
    }

    /// Whether the interface that was left is up.
    fn is_there(&mut self, record: &Record) -> bool {
        let name = record.interface.as_deref();
        name.and_then(|name| self.host.netlink.link(name).ok())
            .is_some_and(|link| link.is_up() && link.is_running())
    }

    /// What a record means now.
    fn left(&mut self, record: &Record, living: bool, there: bool) -> Left {
        let unix = unix_time();
        // One whose clock was set meanwhile may be from the future.
        let ago = |at: i64| Duration::from_secs(u64::try_from(unix - at).unwrap_or(0));
        let running = living || record.detached && there;
        let master = record.slave.as_ref().map(|slave| slave.master.as_str());
        let enslaved = record.enslaved
            && running
            && there
            && master
                .zip(record.interface.as_deref())
                .is_some_and(|(master, interface)| self.host.balancer.has(master, interface));
        if record.enslaved && !running {
            self.release_left(record);
        }
        Left {
            running,
            detached: record.detached && !living,
            up_for: there.then(|| record.up_since.map_or(Duration::ZERO, ago)),
            failures: record.failures,
            pause: record
                .next_attempt
                .map(|at| Duration::from_secs(u64::try_from(at - unix).unwrap_or(0))),
            hand: record.hand.into(),
            open: record.open,
            enslaved,
        }
    }

    fn release_left(&mut self, record: &Record) {
        if record.enslaved
            && let (Some(slave), Some(interface)) = (&record.slave, &record.interface)
        {
            // The master may have done that itself, or be gone.
            let _ = self.host.balancer.release(&slave.master, interface);
        }
    }

    /// Hangs up what an earlier owner left of a line that is in the file no more.
    fn end_left(&mut self, lp: &mut Loop, record: &Record) {
        let living = record.living();
        let there = self.is_there(record);
        if living.is_none() && !(record.detached && there) {
            self.release_left(record);
            if let Err(error) = state::remove(&self.host.root, &record.name) {
                log::warn!("{error}");
            }
            return;
        }
        log::info!("{}: is in the file no more: hanging up", record.name);
        self.release_left(record);
        let timers = keeper::Config {
            stop_timeout: Duration::from_millis(record.stop_timeout),
            ..keeper::Config::default()
        };
        let conf = LineConf {
            name: record.name.clone(),
            how: record.how.clone(),
            slave: None,
            timers,
            keep: keeper::Keep::Manual,
        };
        let id = self.id();
        let line = Line::replacing(lp.now(), timers, keeper::Keep::Manual, 0, Hand::Auto);
        let mut kept = Kept::new(id, conf, line, Some(record));
        kept.leaving = true;
        kept.line.close(lp.now());
        if let Some(identity) = living {
            // It may have ended just now.
            let _ = kept.adopt(lp, &self.host.root, identity);
        }
        kept.look(&mut self.host);
        self.lines.push(kept);
    }

    /// Has every schedule follow the clock, and waits for the next change.
    fn look_at_clock(&mut self, lp: &mut Loop) {
        let (now, unix) = (lp.now(), unix_time());
        let mut next: Option<i64> = None;
        let mut scheduled = false;
        for kept in &mut self.lines {
            scheduled |= matches!(kept.line.keep(), keeper::Keep::Schedule(_));
            kept.schedule_changes = kept.line.look_at_clock(now, unix, &LocalZone);
            next = [next, kept.schedule_changes].into_iter().flatten().min();
        }
        // Without a schedule nothing wakes up for the clock.
        let set = if scheduled {
            self.clock.wait_for(next)
        } else {
            self.clock.stop()
        };
        if let Err(error) = set {
            log::error!("cannot wait for the clock: {error}");
        }
        self.act_all(lp);
    }

    fn act_all(&mut self, lp: &mut Loop) {
        for kept in &mut self.lines {
            kept.act(lp, &mut self.host);
        }
        self.tidy(lp);
    }

    /// Carries out what a line wants.
    fn act(&mut self, lp: &mut Loop, id: u32) {
        if let Some(kept) = self.lines.iter_mut().find(|kept| kept.id == id) {
            kept.act(lp, &mut self.host);
        }
        self.tidy(lp);
    }

    /// Lets go of lines that are gone, and ends when there is nothing more to do.
    fn tidy(&mut self, lp: &mut Loop) {
        let mut gone = Vec::new();
        self.lines.retain(|kept| {
            let goes = kept.leaving && kept.is_settled();
            if goes {
                lp.cancel_timer(Token::new(owner::LINE, kept.id));
                gone.push(kept.conf.name.clone());
            }
            !goes
        });
        for name in gone {
            // A new one of its name may be there already.
            if !self.lines.iter().any(|kept| kept.conf.name == name)
                && let Err(error) = state::remove(&self.host.root, &name)
            {
                log::warn!("{error}");
            }
        }
        if self.is_done() {
            lp.stop();
        }
    }

    /// Nothing is left to be done.
    pub fn is_done(&self) -> bool {
        (self.closing || self.once) && self.lines.iter().all(Kept::is_settled)
    }

    /// Looks at every interface.
    fn look(&mut self, lp: &mut Loop) {
        for kept in &mut self.lines {
            kept.follow(lp, &mut self.host);
        }
        self.act_all(lp);
    }

    fn interfaces_changed(&mut self, lp: &mut Loop) {
        loop {
            match self.monitor.poll_event() {
                Ok(None) => return,
                Ok(Some(NetEvent::Link(link))) => self.changed(lp, &link, true),
                Ok(Some(NetEvent::LinkGone(link))) => self.changed(lp, &link, false),
                Ok(Some(NetEvent::Lost)) => self.look(lp),
                Ok(Some(_)) => {}
                Err(error) => {
                    log::error!("the kernel's interfaces cannot be watched any more: {error}");
                    lp.stop();
                    return;
                }
            }
        }
    }

    fn changed(&mut self, lp: &mut Loop, link: &netlink::Link, there: bool) {
        let mut touched = false;
        for kept in &mut self.lines {
            if [kept.interface(), kept.master()].contains(&Some(link.name.as_str())) {
                kept.changed(lp, &mut self.host, link, there);
                kept.act(lp, &mut self.host);
                touched = true;
            }
        }
        if touched {
            self.tidy(lp);
        }
    }

    fn serve_requests(&mut self, lp: &mut Loop) {
        while let Some(request) = self.control.poll_request() {
            let answer = request
                .parse::<Request>()
                .and_then(|asked| self.serve(lp, asked));
            self.control.answer(lp, request.client, answer);
        }
    }

    fn serve(&mut self, lp: &mut Loop, request: Request) -> Result<Reply, Failure> {
        let now = lp.now();
        match request {
            Request::Status { line } => {
                if let Some(name) = &line {
                    self.named(name)?;
                }
                let lines = self.lines.iter();
                let lines = lines.filter(|kept| line.as_ref().is_none_or(|n| *n == kept.conf.name));
                Ok(Reply::Status {
                    lines: lines.map(|kept| kept.status(now)).collect(),
                })
            }
            Request::Hand { line, hand } => {
                let kept = match self.named(&line) {
                    Ok(kept) => kept,
                    // Who names an interface means what pppd means by it.
                    Err(failure) => return self.by_interface(lp, line, hand.into(), failure),
                };
                log::info!("{line}: {hand:?} by command");
                kept.line.by_hand(now, hand.into());
                let id = kept.id;
                self.act(lp, id);
                Ok(Reply::Done)
            }
            Request::Connected(caller) => {
                let place = self.place_of(&caller)?;
                let Some(kept) = self.lines.get_mut(place) else {
                    return Ok(Reply::Done);
                };
                let connected = kept.connected(lp, &mut self.host, &caller);
                self.tidy(lp);
                connected.map(|()| Reply::Done).map_err(Failure::new)
            }
            Request::Disconnected(caller) => {
                let place = self.place_of(&caller)?;
                if let Some(kept) = self.lines.get_mut(place) {
                    kept.disconnected(lp, &mut self.host, &caller);
                }
                self.tidy(lp);
                Ok(Reply::Done)
            }
            Request::Stop => {
                log::info!("ended by command");
                self.close(lp);
                Ok(Reply::Done)
            }
        }
    }

    fn named(&mut self, name: &str) -> Result<&mut Kept, Failure> {
        let all: Vec<String> = self
            .lines
            .iter()
            .map(|kept| kept.conf.name.clone())
            .collect();
        let found = self.lines.iter_mut().find(|kept| kept.conf.name == name);
        found.ok_or_else(|| {
            let all = all.join(", ");
            Failure::absent(format!("{name} is not a line; there are: {all}"))
        })
    }

    /// What was asked for under the name of a line may be meant for an interface.
    fn by_interface(
        &mut self,
        lp: &mut Loop,
        interface: String,
        hand: Hand,
        failure: Failure,
    ) -> Result<Reply, Failure> {
        let known = self
            .lines
            .iter()
            .any(|kept| kept.interface() == Some(interface.as_str()));
        let caller = Caller {
            interface,
            ..Caller::default()
        };
        match hand {
            Hand::Up if known => self.serve(lp, Request::Connected(caller)),
            Hand::Down if known => self.serve(lp, Request::Disconnected(caller)),
            _ => Err(failure),
        }
    }

    /// The line that a caller's connection belongs to.
    fn place_of(&self, caller: &Caller) -> Result<usize, Failure> {
        let kin = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(place, kept)| Some((kept.is_of(caller)?, place)));
        kin.max_by_key(|(kinship, _)| *kinship)
            .map(|(_, place)| place)
            .ok_or_else(|| {
                Failure::absent(format!(
                    "{} belongs to no line: neither its process, nor its device, nor its name \
                     is one's",
                    caller.interface
                ))
            })
    }

    /// Hangs up every line; the daemon ends when all are down.
    fn close(&mut self, lp: &mut Loop) {
        self.closing = true;
        for kept in &mut self.lines {
            kept.line.close(lp.now());
        }
        self.act_all(lp);
    }

    /// Reads the configuration again. With an error in it nothing changes, and no line is touched
    /// whose section says what it said.
    fn reread(&mut self, lp: &mut Loop) {
        wall_clock::read_zone();
        let text = match files::read_text(&self.file, config::MAX_FILE) {
            Ok(text) => text,
            Err(error) => return log::error!("{error}; nothing was changed"),
        };
        let (confs, diagnostics) = config::parse(&self.file.to_string_lossy(), &text);
        for diagnostic in diagnostics.iter() {
            log::error!("{diagnostic}");
        }
        if diagnostics.has_errors() {
            return log::error!("nothing was changed");
        }
        let now = lp.now();
        for kept in &mut self.lines {
            if !confs.iter().any(|conf| conf.name == kept.conf.name) && !kept.leaving {
                log::info!("{}: is in the file no more", kept.conf.name);
                kept.leaving = true;
                kept.line.close(now);
            }
        }
        for conf in confs {
            let same = |kept: &&mut Kept| kept.conf.name == conf.name && !kept.leaving;
            match self.lines.iter_mut().find(same) {
                Some(kept) if kept.conf == conf => {}
                Some(kept) => {
                    log::info!("{}: changed", conf.name);
                    kept.reconfigure(lp, &mut self.host, conf);
                }
                None => {
                    log::info!("{}: is new", conf.name);
                    self.add(lp, conf, None);
                }
            }
        }
        log::info!("{}: read again", self.file.display());
        self.look_at_clock(lp);
    }

    /// Whether every line that is wanted is up, and what is wrong with those that were tried.
    pub fn outcome(&self) -> (bool, Vec<String>) {
        let mut all = true;
        let mut troubles = Vec::new();
        for kept in self.lines.iter().filter(|kept| kept.line.wanted()) {
            let up = kept.line.state() == keeper::State::Up
                && (kept.conf.slave.is_none() || kept.line.is_enslaved());
            all &= up;
            if !up && kept.tried {
                let trouble = kept.trouble.as_deref().unwrap_or("did not come up");
                troubles.push(format!("{}: {trouble}", kept.conf.name));
            }
        }
        (all, troubles)
    }

    /// Ends without hanging up: what runs is left to itself and to the next owner.
    pub fn leave(self) {
        for kept in self.lines {
            kept.leave();
        }
    }
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        match token.owner {
            owner::INTERFACES => self.interfaces_changed(lp),
            owner::CLOCK => {
                self.clock.clear();
                self.look_at_clock(lp);
            }
            owner::OTHER => {
                if let Some(kept) = self.lines.iter_mut().find(|kept| kept.id == token.id) {
                    kept.other_ended(lp, &mut self.host);
                }
                self.act(lp, token.id);
            }
            _ => {
                self.control.ready(lp, token, readiness);
                self.serve_requests(lp);
            }
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        if let Some(kept) = self.lines.iter_mut().find(|kept| kept.id == token.id) {
            kept.line.handle_timeout(lp.now());
        }
        self.act(lp, token.id);
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        match signal {
            Signal::Hangup => {
                if let Err(error) = self.logging.reopen() {
                    log::error!("{error}");
                }
                if !self.closing {
                    self.reread(lp);
                }
            }
            // Asked twice, it ends at once.
            _ if self.closing => lp.stop(),
            _ => {
                log::info!("ended by a signal");
                self.close(lp);
            }
        }
    }

    fn child(&mut self, lp: &mut Loop, token: Token, pid: u32, status: io::Result<ExitStatus>) {
        if let Some(kept) = self.lines.iter_mut().find(|kept| kept.id == token.id) {
            match token.owner {
                owner::HOOK => kept.hook_ended(lp, &mut self.host, &status),
                _ => kept.child_ended(lp, &mut self.host, token, pid, status),
            }
        }
        self.act(lp, token.id);
    }
}
