//! The daemon: every link in one poll loop.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use wanbox_runtime::control::{Failure, Server};
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Priority, Readiness, Token};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::logging::Logging;
use wanbox_runtime::netlink::{self, Monitor, NetEvent, Netlink, Seen};
use wanbox_runtime::process::Signal;
use wanbox_wpbackupd_engine::{Mode, Side, State};

use crate::config::{self, LinkConf};
use crate::control::{LinkStatus, ModeWord, Reply, Request};
use crate::link::{Link, side_word};

/// The owners of tokens; the number is that of the link.
pub mod owner {
    /// The control socket.
    pub const CONTROL: u32 = 1;
    /// The kernel's interfaces.
    pub const INTERFACES: u32 = 2;
    /// The switch's deadline.
    pub const SWITCH: u32 = 3;
    /// The process that is, starts or stops the backup.
    pub const TASK: u32 = 4;
    /// The check: its timer and its process.
    pub const CHECK: u32 = 5;
    /// The command that hears of changes.
    pub const HOOK: u32 = 6;
    /// Routes are set once more.
    pub const ROUTES: u32 = 7;
}

/// How long whoever makes the primary's interface may take to set its routes, which go to the
/// backup as long as that carries the traffic.
const ROUTES_AFTER: Duration = Duration::from_millis(500);
/// The longest configuration, octets.
pub const MAX_CONF: u64 = 256 * 1024;

/// The daemon.
pub struct Daemon {
    links: Vec<Link>,
    netlink: Netlink,
    monitor: Monitor,
    control: Server,
    root: Root,
    file: PathBuf,
    logging: Logging,
    /// Ends as soon as every backup is down.
    closing: bool,
}

impl Daemon {
    /// Opens everything and looks at every link.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(
        lp: &mut Loop,
        links: Vec<LinkConf>,
        root: Root,
        file: PathBuf,
        logging: Logging,
    ) -> Result<Self, String> {
        // The monitor first: no change between the two is missed.
        let monitor = Monitor::open().map_err(|error| error.to_string())?;
        let netlink = Netlink::open().map_err(|error| error.to_string())?;
        let socket = crate::control::socket(&root.run_dir());
        let control =
            Server::bind(lp, owner::CONTROL, &socket, 0o600).map_err(|error| error.to_string())?;
        let token = Token::new(owner::INTERFACES, 0);
        lp.register(&monitor, token, Interest::Read, Priority::Normal)
            .map_err(|error| format!("cannot wait for the interfaces: {error}"))?;
        let mut daemon = Self {
            links: Vec::new(),
            netlink,
            monitor,
            control,
            root,
            file,
            logging,
            closing: false,
        };
        for conf in links {
            daemon.add(lp, conf)?;
        }
        Ok(daemon)
    }

    fn add(&mut self, lp: &mut Loop, conf: LinkConf) -> Result<(), String> {
        let now = lp.now();
        let there = self.netlink.links().map_err(|error| error.to_string())?;
        let seen = |name: &str| Seen::of(there.iter().find(|link| link.name == name));
        let link = Link::new(conf.clone(), now, seen(&conf.primary), seen(&conf.backup));
        log::info!(
            "{}: {}, backed up by {}",
            conf.primary,
            if link.primary.running { "up" } else { "down" },
            conf.backup
        );
        self.links.push(link);
        let place = self.links.len() - 1;
        if conf.check.is_some() {
            lp.set_timer(Token::new(owner::CHECK, place as u32), now);
        }
        self.act(lp, place);
        Ok(())
    }

    /// Carries out what the switch of a link wants.
    fn act(&mut self, lp: &mut Loop, place: usize) {
        if let Some(link) = self.links.get_mut(place) {
            link.act(lp, &mut self.netlink, place as u32, self.root.prefix());
        }
        if self.closing
            && !self
                .links
                .iter()
                .any(|link| link.switch.backup_is_running())
        {
            lp.stop();
        }
    }

    /// Looks at every interface.
    fn look(&mut self, lp: &mut Loop) {
        let there = match self.netlink.links() {
            Ok(there) => there,
            Err(error) => {
                log::error!("{error}");
                return;
            }
        };
        for place in 0..self.links.len() {
            let Some(link) = self.links.get_mut(place) else {
                return;
            };
            let seen = |name: &str| Seen::of(there.iter().find(|link| link.name == name));
            link.primary = seen(&link.conf.primary);
            link.backup = seen(&link.conf.backup);
            link.follow(lp.now());
            self.act(lp, place);
        }
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

    fn changed(&mut self, lp: &mut Loop, interface: &netlink::Link, there: bool) {
        let seen = Seen::of(Some(interface).filter(|_| there));
        for place in 0..self.links.len() {
            let Some(link) = self.links.get_mut(place) else {
                return;
            };
            if link.conf.primary == interface.name {
                link.primary = seen;
                if link.switch.carrying() == Side::Backup {
                    let timer = Token::new(owner::ROUTES, place as u32);
                    lp.set_timer(timer, lp.now() + ROUTES_AFTER);
                }
            } else if link.conf.backup == interface.name {
                link.backup = seen;
            } else {
                continue;
            }
            link.follow(lp.now());
            self.act(lp, place);
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
            Request::Status { link: None } => Ok(Reply::Status {
                links: self.links.iter().map(|link| status(link, now)).collect(),
            }),
            Request::Status { link: Some(name) } => {
                let place = self.place_of(&name)?;
                Ok(Reply::Status {
                    links: self
                        .links
                        .get(place)
                        .map(|link| status(link, now))
                        .into_iter()
                        .collect(),
                })
            }
            Request::Mode { link: name, mode } => {
                let place = self.place_of(&name)?;
                if let Some(link) = self.links.get_mut(place) {
                    log::info!("{name}: {mode:?} by command");
                    link.switch.set_mode(now, mode.into());
                }
                self.act(lp, place);
                Ok(Reply::Done)
            }
            Request::Stop => {
                log::info!("ended by command");
                self.close(lp);
                Ok(Reply::Done)
            }
        }
    }

    fn place_of(&self, name: &str) -> Result<usize, Failure> {
        let place = self.links.iter().position(|link| link.conf.primary == name);
        place.ok_or_else(|| {
            let all: Vec<&str> = self
                .links
                .iter()
                .map(|link| link.conf.primary.as_str())
                .collect();
            Failure::absent(format!(
                "{name} is not a primary link; there are: {}",
                all.join(", ")
            ))
        })
    }

    /// Returns every link to its primary; the daemon ends when the backups are down.
    fn close(&mut self, lp: &mut Loop) {
        self.closing = true;
        for place in 0..self.links.len() {
            if let Some(link) = self.links.get_mut(place) {
                link.switch.set_mode(lp.now(), Mode::Primary);
            }
            self.act(lp, place);
        }
    }

    /// Reads the configuration again. With an error in it nothing changes. A link of which more
    /// than the timers changed has to be idle.
    fn reread(&mut self, lp: &mut Loop) {
        let text = match files::read_text(&self.file, MAX_CONF) {
            Ok(text) => text,
            Err(error) => {
                log::error!("{error}; nothing was changed");
                return;
            }
        };
        let (confs, diagnostics) = config::parse(&self.file.to_string_lossy(), &text);
        for diagnostic in diagnostics.iter() {
            log::error!("{diagnostic}");
        }
        if diagnostics.has_errors() {
            log::error!("nothing was changed");
            return;
        }
        let same = confs.len() == self.links.len()
            && self.links.iter().zip(&confs).all(|(link, conf)| {
                let timers = conf.timers;
                LinkConf {
                    timers,
                    ..link.conf.clone()
                } == *conf
            });
        if !same {
            log::error!(
                "{}: only timers can change while the daemon runs; nothing was changed: \
                 restart it for the rest",
                self.file.display()
            );
            return;
        }
        for (place, conf) in confs.into_iter().enumerate() {
            if let Some(link) = self.links.get_mut(place) {
                link.switch.set_config(lp.now(), conf.timers);
                link.conf = conf;
            }
            self.act(lp, place);
        }
        log::info!("{}: read again", self.file.display());
    }
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Automatic => Self::Automatic,
            ModeWord::Primary => Self::Primary,
            ModeWord::Backup => Self::Backup,
        }
    }
}

fn status(link: &Link, now: Instant) -> LinkStatus {
    let stats = link.switch.stats();
    let next = link.switch.poll_timeout();
    LinkStatus {
        primary: link.conf.primary.clone(),
        primary_up: link.primary_is_well(),
        backup: link.conf.backup.clone(),
        backup_up: link.backup.running,
        state: match link.switch.state() {
            State::Primary => "primary",
            State::Failing => "failing",
            State::Dialing => "dialing",
            State::Waiting => "waiting",
            State::Backup => "backup",
            State::Returning => "returning",
            State::Restoring => "restoring",
        }
        .into(),
        carrying: side_word(link.switch.carrying()).into(),
        mode: match link.switch.mode() {
            Mode::Automatic => ModeWord::Automatic,
            Mode::Primary => ModeWord::Primary,
            Mode::Backup => ModeWord::Backup,
        },
        next_seconds: next.map(|at| at.saturating_duration_since(now).as_secs_f64()),
        trouble: link.trouble.clone(),
        failed_checks: link.failed_checks,
        primary_failures: stats.primary_failures,
        attempts: stats.attempts,
        failed_attempts: stats.failed_attempts,
        takeovers: stats.takeovers,
        returns: stats.returns,
    }
}

impl Handler for Daemon {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        match token.owner {
            owner::INTERFACES => self.interfaces_changed(lp),
            _ => {
                self.control.ready(lp, token, readiness);
                self.serve_requests(lp);
            }
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        let place = token.id as usize;
        let Some(link) = self.links.get_mut(place) else {
            return;
        };
        match token.owner {
            owner::CHECK => link.run_check(lp, token.id),
            owner::ROUTES => {
                if link.switch.carrying() == Side::Backup {
                    link.set_routes(&mut self.netlink);
                }
            }
            _ => {
                link.switch.handle_timeout(lp.now());
                self.act(lp, place);
            }
        }
    }

    fn signal(&mut self, lp: &mut Loop, signal: Signal) {
        match signal {
            Signal::Hangup => {
                if let Err(error) = self.logging.reopen() {
                    log::error!("{error}");
                }
                self.reread(lp);
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
        let place = token.id as usize;
        let Some(link) = self.links.get_mut(place) else {
            return;
        };
        match token.owner {
            owner::TASK => link.task_ended(lp, token.id, self.root.prefix(), pid, status),
            owner::CHECK => link.check_ended(lp.now(), pid, status),
            _ => {}
        }
        self.act(lp, place);
    }
}
