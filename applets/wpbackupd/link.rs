//! One primary link and its backup at the host: interfaces, processes, routes.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Instant;

use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_runtime::netlink::{Netlink, Route, Seen};
use wanbox_runtime::process::{Signal, quiet_command};
use wanbox_wpbackupd_engine::{Action, Side, Switch};

use crate::config::{LinkConf, Means};
use crate::daemon::owner;

/// What the process that runs for the backup does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// It is the link itself.
    Link,
    /// Brings the link up.
    Start,
    /// Takes it down.
    Stop,
}

/// A primary and its backup.
pub struct Link {
    /// Its configuration.
    pub conf: LinkConf,
    /// What decides.
    pub switch: Switch,
    /// The primary's interface.
    pub primary: Seen,
    /// The backup's interface.
    pub backup: Seen,
    /// What was wrong with the backup last, for people.
    pub trouble: Option<String>,
    /// Failed checks in a row.
    pub failed_checks: u32,
    /// A check that runs.
    pub checking: Option<u32>,
    task: Option<(u32, Task)>,
    /// The link is to be taken down as soon as the present task ends.
    stop_next: bool,
    /// The primary's routes, to be put back.
    kept: Vec<Route>,
}

impl Link {
    /// A link that is not used yet.
    pub fn new(conf: LinkConf, now: Instant, primary: Seen, backup: Seen) -> Self {
        let switch = Switch::new(conf.timers, now, primary.running);
        Self {
            conf,
            switch,
            primary,
            backup,
            trouble: None,
            failed_checks: 0,
            checking: None,
            task: None,
            stop_next: false,
            kept: Vec::new(),
        }
    }

    /// The primary carries data, as far as can be told.
    pub fn primary_is_well(&self) -> bool {
        let limit = self.conf.check.as_ref().map_or(u32::MAX, |c| c.failures);
        self.primary.running && self.failed_checks < limit
    }

    /// Does what the switch asks for. `place` is this link's number.
    pub fn act(&mut self, lp: &mut Loop, netlink: &mut Netlink, place: u32, root: &Path) {
        while let Some(action) = self.switch.poll_action() {
            match action {
                Action::Start => self.start(lp, place, root),
                Action::Stop => self.stop(lp, place, root),
                Action::Kill => self.kill(lp),
                Action::Use(side) => {
                    let word = match side {
                        Side::Primary => &self.conf.primary,
                        Side::Backup => &self.conf.backup,
                    };
                    log::warn!("{}: the traffic goes through {word}", self.conf.primary);
                    self.set_routes(netlink);
                    self.tell(lp, place, side);
                }
            }
        }
        let timer = Token::new(owner::SWITCH, place);
        lp.set_timer_to(timer, self.switch.poll_timeout());
    }

    fn start(&mut self, lp: &mut Loop, place: u32, root: &Path) {
        log::info!("{}: starting the backup", self.conf.primary);
        self.trouble = None;
        self.stop_next = false;
        let (command, task) = match &self.conf.means {
            Means::Program(words) => (quiet_command(words), Task::Link),
            Means::Commands { start, .. } => (quiet_command(start), Task::Start),
            Means::Device(device) => (wanrouter(root, "start", device), Task::Start),
        };
        self.spawn(lp, place, command, task);
        // It may have been up all the time.
        self.follow_backup(lp.now());
    }

    fn stop(&mut self, lp: &mut Loop, place: u32, root: &Path) {
        match self.task {
            Some((pid, task)) => {
                log::info!("{}: stopping the backup", self.conf.primary);
                self.stop_next = task == Task::Start;
                // One that ended meanwhile is reaped in a moment.
                let _ = lp.kill(pid, Signal::Terminate);
            }
            None => self.take_down(lp, place, root),
        }
    }

    /// Runs the command that takes the backup down, where there is one.
    fn take_down(&mut self, lp: &mut Loop, place: u32, root: &Path) {
        let command = match &self.conf.means {
            Means::Program(_) => return self.switch.backup_ended(lp.now()),
            Means::Commands { stop, .. } => quiet_command(stop),
            Means::Device(device) => wanrouter(root, "stop", device),
        };
        log::info!("{}: taking the backup down", self.conf.primary);
        self.spawn(lp, place, command, Task::Stop);
    }

    fn kill(&mut self, lp: &mut Loop) {
        log::warn!("{}: the backup does not stop: killed", self.conf.primary);
        match self.task {
            Some((pid, _)) => {
                let _ = lp.kill(pid, Signal::Kill);
            }
            None => self.switch.backup_ended(lp.now()),
        }
    }

    fn spawn(&mut self, lp: &mut Loop, place: u32, mut command: Command, task: Task) {
        match lp.spawn(&mut command, Token::new(owner::TASK, place)) {
            Ok(spawned) => self.task = Some((spawned.pid, task)),
            Err(error) => {
                let program = command.get_program().to_string_lossy().into_owned();
                self.failed(format!("cannot run {program}: {error}"));
                self.switch.backup_ended(lp.now());
            }
        }
    }

    fn failed(&mut self, what: String) {
        log::error!("{}: {what}", self.conf.primary);
        self.trouble = Some(what);
    }

    /// A process for the backup ended.
    pub fn task_ended(
        &mut self,
        lp: &mut Loop,
        place: u32,
        root: &Path,
        pid: u32,
        status: io::Result<ExitStatus>,
    ) {
        let Some((_, task)) = self.task.take_if(|(running, _)| *running == pid) else {
            return;
        };
        let how = match status {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let now = lp.now();
        match task {
            Task::Start if self.stop_next => {
                self.stop_next = false;
                self.take_down(lp, place, root);
            }
            Task::Start => {
                if let Some(how) = how {
                    self.failed(format!("the backup did not start: {how}"));
                    self.switch.backup_ended(now);
                }
            }
            Task::Link => {
                if let Some(how) = how.filter(|_| self.switch.backup_is_running()) {
                    self.failed(format!("the backup ended: {how}"));
                }
                self.switch.backup_ended(now);
            }
            Task::Stop => {
                if let Some(how) = how {
                    self.failed(format!("the backup was not taken down: {how}"));
                }
                self.switch.backup_ended(now);
            }
        }
    }

    /// Tells the switch how both interfaces are.
    pub fn follow(&mut self, now: Instant) {
        let well = self.primary_is_well();
        if well != self.switch.primary_is_up() {
            let word = if well { "up" } else { "down" };
            log::warn!("{}: the primary is {word}", self.conf.primary);
        }
        self.switch.primary(now, well);
        self.follow_backup(now);
    }

    fn follow_backup(&mut self, now: Instant) {
        self.switch.backup(now, self.backup.running);
    }

    /// Points the routes at the link that carries the traffic.
    pub fn set_routes(&mut self, netlink: &mut Netlink) {
        let there = match netlink.routes() {
            Ok(routes) => routes,
            Err(error) => return self.failed(error.to_string()),
        };
        for place in 0..self.conf.routes.len() {
            let Some(&(network, bits)) = self.conf.routes.get(place) else {
                return;
            };
            let same = |route: &&Route| route.destination == network && route.prefix_len == bits;
            let through = |index: Option<u32>| {
                let route = there.iter().filter(same);
                route
                    .copied()
                    .find(|route| index.is_some() && route.interface == index)
            };
            let set = match self.switch.carrying() {
                Side::Backup => {
                    if let Some(route) = through(self.primary.index) {
                        self.kept.retain(|kept| !same(&kept));
                        self.kept.push(route);
                    }
                    let metric = self.kept.iter().find(same).and_then(|route| route.metric);
                    let route = self.backup.index.map(|index| Route {
                        metric,
                        ..Route::through(network, bits, index)
                    });
                    route.map(|route| netlink.replace_route(&route))
                }
                Side::Primary => {
                    let kept = self.kept.iter().find(same).copied();
                    match (kept, self.primary.index) {
                        (Some(route), Some(index)) => Some(netlink.replace_route(&Route {
                            interface: Some(index),
                            ..route
                        })),
                        // Whoever makes the primary sets its routes.
                        _ => through(self.backup.index).map(|route| netlink.delete_route(&route)),
                    }
                }
            };
            if let Some(Err(error)) = set {
                self.failed(error.to_string());
            }
        }
    }

    /// Runs the command that hears of changes.
    fn tell(&self, lp: &mut Loop, place: u32, side: Side) {
        if self.conf.on_change.is_empty() {
            return;
        }
        let mut command = quiet_command(&self.conf.on_change);
        command.arg(&self.conf.primary).arg(side_word(side));
        if let Err(error) = lp.spawn(&mut command, Token::new(owner::HOOK, place)) {
            let program = command.get_program().to_string_lossy();
            log::error!("{}: cannot run {program}: {error}", self.conf.primary);
        }
    }

    /// Starts the check, unless one runs.
    pub fn run_check(&mut self, lp: &mut Loop, place: u32) {
        let Some(check) = &self.conf.check else {
            return;
        };
        lp.set_timer(Token::new(owner::CHECK, place), lp.now() + check.every);
        match self.checking {
            // One that hangs is one that fails.
            Some(pid) => {
                let _ = lp.kill(pid, Signal::Kill);
            }
            None => match lp.spawn(
                &mut quiet_command(&check.command),
                Token::new(owner::CHECK, place),
            ) {
                Ok(spawned) => self.checking = Some(spawned.pid),
                Err(error) => log::error!("{}: the check: {error}", self.conf.primary),
            },
        }
    }

    /// The check ended.
    pub fn check_ended(&mut self, now: Instant, pid: u32, status: io::Result<ExitStatus>) {
        if self.checking.take_if(|running| *running == pid).is_none() {
            return;
        }
        if status.is_ok_and(|status| status.success()) {
            self.failed_checks = 0;
        } else {
            self.failed_checks = self.failed_checks.saturating_add(1);
        }
        self.follow(now);
    }
}

/// The word for a side.
pub fn side_word(side: Side) -> &'static str {
    match side {
        Side::Primary => "primary",
        Side::Backup => "backup",
    }
}

/// This executable as `wanrouter`.
fn wanrouter(root: &Path, verb: &str, device: &str) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "wanrouter".into());
    let mut command = quiet_command(&[program.to_string_lossy()]);
    command
        .arg0("wanrouter")
        .arg("--root")
        .arg(root)
        .args([verb, device]);
    command
}
