//! The process that keeps a connection: started, adopted, ended.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

use wanbox_eql_engine::keeper::State;
use wanbox_runtime::device_lock::{DeviceLock, DeviceLockError};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Token};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::process::{Identity, Signal, Watched, in_own_group, send_signal_to_group};

use super::{Kept, Running};
use crate::control::Rate;
use crate::dial::command::{self_or, wrong};
use crate::dial::config::Lock;
use crate::dial::daemon::{Host, owner};

impl Kept {
    /// Takes over a process that an earlier owner, or somebody else, started.
    ///
    /// # Errors
    /// It is gone.
    pub fn adopt(&mut self, lp: &mut Loop, root: &Root, identity: Identity) -> io::Result<()> {
        let watched = Watched::open(identity)?;
        let token = Token::new(owner::OTHER, self.id);
        let source = lp.register(&watched, token, Interest::Read, Priority::Normal)?;
        self.forget_process(lp);
        self.process = Some(Running::Other(watched, source));
        if let (None, Some(device), Lock::Hold) = (&self.lock, &self.how.device, self.how.lock) {
            self.lock = DeviceLock::held_by(&root.path(&self.how.lock_dir), device, identity.pid);
        }
        Ok(())
    }

    pub(super) fn forget_process(&mut self, lp: &mut Loop) {
        if let Some(Running::Other(watched, source)) = self.process.take() {
            // It is registered and open.
            let _ = lp.deregister(source, &watched);
        }
    }

    pub(super) fn dial(&mut self, lp: &mut Loop, host: &mut Host) {
        self.tried = true;
        self.how = self.conf.how.clone();
        self.interface.clone_from(&self.how.interface);
        self.speed = None;
        self.pppd = None;
        self.seen = host.seen(self.interface.as_deref());
        let now = lp.now();
        match self.take_device(&host.root) {
            Ok(()) => {}
            Err(DeviceLockError::InUse { .. }) if self.lock.is_some() => {}
            Err(error @ DeviceLockError::InUse { .. }) => {
                self.say(host, now, log::Level::Warn, error.to_string());
                return self.line.busy(now);
            }
            Err(error) => {
                self.say(host, now, log::Level::Error, error.to_string());
                return self.line.not_dialed(now);
            }
        }
        let words = self.expanded(&self.how.command);
        let mut command = self_or(&words, &host.root);
        if let Err(error) = self.direct_output(&mut command) {
            self.say(host, now, log::Level::Warn, error);
        }
        self.describe(&mut command);
        let lock = self.lock.as_ref().and_then(|lock| lock.open().ok());
        in_own_group(&mut command, lock);
        match lp.spawn(&mut command, Token::new(owner::RUN, self.id)) {
            Ok(spawned) => {
                let pid = spawned.pid;
                self.say(
                    host,
                    now,
                    log::Level::Info,
                    format!("dialing (process {pid})"),
                );
                if let Some(lock) = &mut self.lock {
                    lock.given_to(pid);
                }
                self.process = Some(Running::Child(pid));
                // One that is up already is left over from an earlier connection, unless the
                // command ends well without touching it.
                self.going = self.seen.running;
            }
            Err(error) => {
                self.lock = None;
                let program = words.first().map_or("", String::as_str);
                self.failed(host, now, format!("cannot run {program}: {error}"));
                self.line.not_dialed(now);
            }
        }
    }

    pub(super) fn take_device(&mut self, root: &Root) -> Result<(), DeviceLockError> {
        self.lock = None;
        let Some(device) = &self.how.device else {
            return Ok(());
        };
        let directory = root.path(&self.how.lock_dir);
        match self.how.lock {
            Lock::Hold => self.lock = Some(DeviceLock::acquire(&directory, device)?),
            Lock::Check => DeviceLock::check(&directory, device)?,
            Lock::None => {}
        }
        Ok(())
    }

    /// What the command says goes where the file says; without that, nowhere.
    pub(super) fn direct_output(&self, command: &mut Command) -> Result<(), String> {
        let Some(path) = &self.how.output else {
            return Ok(());
        };
        let file = files::append(path, 0o600).map_err(|error| format!("OUTPUT: {error}"))?;
        let twin = file.try_clone().map_err(|error| error.to_string())?;
        command.stdout(Stdio::from(file)).stderr(Stdio::from(twin));
        Ok(())
    }

    /// What the commands of a line find in their environment.
    pub(super) fn describe(&self, command: &mut Command) {
        command.env("EQL_DIAL_LINE", &self.conf.name);
        if let Some(device) = &self.how.device {
            command.env("EQL_DIAL_DEVICE", device);
        }
        if let Some(interface) = &self.interface {
            command.env("EQL_DIAL_INTERFACE", interface);
        }
        if let Some(pid) = self.pid() {
            command.env("EQL_DIAL_PID", pid.to_string());
        }
    }

    /// The words with `$line`, `$device`, `$interface` and `$rate` replaced.
    pub(super) fn expanded(&self, words: &[String]) -> Vec<String> {
        let device = self.how.device.as_ref().map(|path| path.to_string_lossy());
        let rate = match self.rate() {
            Some(Rate::Fixed(rate)) => rate.to_string(),
            Some(Rate::Auto) => "auto".into(),
            None => String::new(),
        };
        let values = [
            ("$line", self.conf.name.as_str()),
            ("$device", device.as_deref().unwrap_or_default()),
            ("$interface", self.interface.as_deref().unwrap_or_default()),
            ("$rate", &rate),
        ];
        words
            .iter()
            .map(|word| {
                values.iter().fold(word.clone(), |word, (name, value)| {
                    word.replace(name, value)
                })
            })
            .collect()
    }

    pub(super) fn stop(&mut self, lp: &mut Loop, host: &mut Host) {
        let now = lp.now();
        self.say(host, now, log::Level::Info, "hanging up".into());
        if self.how.stop.is_empty() {
            return self.end_process(lp, host);
        }
        let words = self.expanded(&self.how.stop);
        let mut command = self_or(&words, &host.root);
        self.describe(&mut command);
        in_own_group(&mut command, None);
        match lp.spawn(&mut command, Token::new(owner::STOP, self.id)) {
            Ok(spawned) => self.stopper = Some(spawned.pid),
            Err(error) => {
                let program = words.first().map_or("", String::as_str);
                self.failed(host, now, format!("cannot run {program}: {error}"));
                self.end_process(lp, host);
            }
        }
    }

    /// Ends the process, or, where there is none, what it left.
    pub(super) fn end_process(&mut self, lp: &mut Loop, host: &mut Host) {
        match self.pid() {
            Some(pid) => {
                // One that ended meanwhile is told of in a moment.
                let _ = send_signal_to_group(pid, Signal::Terminate);
            }
            None => {
                if self.how.stop.is_empty()
                    && let Some(index) = self.seen.index.filter(|_| self.seen.running)
                {
                    // Nothing else is left to hang up with.
                    if let Err(error) = host.netlink.set_up(index, false) {
                        self.failed(host, lp.now(), error.to_string());
                    }
                }
                self.hung_up(lp, host);
            }
        }
    }

    pub(super) fn kill(&mut self, lp: &mut Loop, host: &mut Host) {
        let text = "does not hang up: killed".to_owned();
        self.say(host, lp.now(), log::Level::Warn, text);
        for pid in [self.stopper, self.pid()].into_iter().flatten() {
            let _ = send_signal_to_group(pid, Signal::Kill);
        }
        if self.stopper.is_none() && self.process.is_none() {
            self.hung_up(lp, host);
        }
    }

    pub(super) fn hung_up(&mut self, lp: &mut Loop, host: &mut Host) {
        self.lock = None;
        self.line.stopped(lp.now());
        self.say(host, lp.now(), log::Level::Info, "hung up".into());
    }

    /// A process of this line ended.
    pub fn child_ended(
        &mut self,
        lp: &mut Loop,
        host: &mut Host,
        token: Token,
        pid: u32,
        status: io::Result<ExitStatus>,
    ) {
        if token.owner == owner::STOP {
            if self.stopper.take_if(|running| *running == pid).is_none() {
                return;
            }
            if let Some(how) = wrong(&self.how.stop, &status) {
                self.failed(host, lp.now(), format!("STOP failed: {how}"));
            }
            return self.end_process(lp, host);
        }
        if self.pid() == Some(pid) {
            self.process = None;
            let how = wrong(&self.how.command, &status);
            self.process_ended(lp, host, pid, how);
        }
    }

    /// The process that was taken over ended.
    pub fn other_ended(&mut self, lp: &mut Loop, host: &mut Host) {
        let Some(Running::Other(watched, _)) = &self.process else {
            return;
        };
        let pid = watched.identity().pid;
        self.forget_process(lp);
        // How, only its parent hears: the interface tells the rest.
        let gone = || "the process is gone".to_owned();
        self.process_ended(lp, host, pid, Some(gone()));
    }

    pub(super) fn process_ended(
        &mut self,
        lp: &mut Loop,
        host: &mut Host,
        pid: u32,
        wrong: Option<String>,
    ) {
        let now = lp.now();
        // What the kernel says of the interface may be under way still.
        self.seen = host.seen(self.interface.as_deref());
        let was = self.line.state();
        if was == State::Stopping {
            // What it started may not know yet.
            let _ = send_signal_to_group(pid, Signal::Terminate);
            if self.stopper.is_none() {
                self.hung_up(lp, host);
            }
            return;
        }
        let well = wrong.is_none();
        self.going &= !well;
        self.line.interface(now, self.seen.running && !self.going);
        let connected = self.line.was_connected();
        self.line.ended(now, well);
        if self.line.is_detached() && self.line.state() != State::Waiting {
            // Until whoever keeps it now makes itself known.
            self.keep_lock(std::process::id());
            return self.adopt_pppd(lp, host);
        }
        self.lock = None;
        if !well {
            let _ = send_signal_to_group(pid, Signal::Terminate);
        }
        let how = wrong.unwrap_or_else(|| "exit status: 0".into());
        let text = if connected {
            format!("the connection ended: {how}")
        } else {
            format!("dialing failed: {how}")
        };
        self.failed(host, now, text);
    }

    /// Makes the lock another's, if it is ours still.
    pub(super) fn keep_lock(&mut self, owner: u32) {
        if let Some(lock) = &mut self.lock {
            lock.pass_to(owner);
        }
    }

    /// Has the connection kept by the pppd that made itself known.
    pub(super) fn adopt_pppd(&mut self, lp: &mut Loop, host: &mut Host) {
        let Some(identity) = self.pppd.take() else {
            return;
        };
        let now = lp.now();
        if !matches!(self.line.state(), State::Dialing | State::Up) {
            self.how = self.conf.how.clone();
            self.line.found(now);
        }
        if self.adopt(lp, &host.root, identity).is_ok() {
            let pid = identity.pid;
            self.line.attached();
            self.keep_lock(pid);
            self.say(
                host,
                now,
                log::Level::Info,
                format!("kept by process {pid}"),
            );
        }
    }
}
