//! The verbs that change what runs.

use std::fmt::Display;
use std::path::Path;

use wanbox_grammar::Exit;

use super::{Session, arguments};
use crate::control::Request;
use crate::daemons::{self, Unanswered};
use crate::launch::{self, Launch};
use crate::ops::{self, NotAdded};
use crate::plan::{Plan, Unusable};

impl Session<'_> {
    /// `-f FILE`.
    pub(super) fn start_file(&mut self, file: &Path) -> Exit {
        match self.read(Plan::of_file(&self.site, &Self::absolute(file))) {
            Ok(plans) => self.launch(&plans, false),
            Err(exit) => exit,
        }
    }

    /// `-d FILE`: stops every device of the file that runs. A file that is wrong otherwise will do.
    pub(super) fn stop_file(&mut self, file: &Path) -> Exit {
        let devices = match Plan::devices_of(&Self::absolute(file)) {
            Ok(devices) => devices,
            Err(error) => return self.output.failure(error),
        };
        let running = daemons::running(&self.site.run_dir);
        let wanted: Vec<&String> = devices
            .iter()
            .filter(|device| running.contains(device))
            .collect();
        if wanted.is_empty() {
            let (file, devices) = (file.display(), devices.join(", "));
            return self
                .output
                .absent(format_args!("{file}: none of its devices runs: {devices}"));
        }
        wanted
            .into_iter()
            .map(|device| self.stop(device, None))
            .fold(Exit::DONE, worst)
    }

    /// `-U WORDS`.
    pub(super) fn start_arguments(&mut self, words: &[String]) -> Exit {
        let arguments = match arguments::regroup(words) {
            Ok(arguments) => arguments,
            Err(errors) => {
                for error in errors {
                    self.output.error(error);
                }
                return self.output.misuse("-U: incomplete or wrong arguments");
            }
        };
        match self.read(Plan::of_text(
            &self.site,
            &arguments.device,
            &arguments.text,
        )) {
            Ok(plan) => self.launch(&[plan], false),
            // What is wrong is on the command line.
            Err(_) => Exit::USAGE,
        }
    }

    pub(super) fn start(&mut self, card: &str, interface: Option<&str>, bare: bool) -> Exit {
        let plan = match self.read(Plan::read(&self.site, card)) {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        let Some(name) = interface else {
            return self.launch(&[plan], bare);
        };
        if plan.interface(name).is_none() {
            return self.output.absent(plan.lacks(name));
        }
        match ops::add(&self.site.run_dir, self.launcher, &plan, name) {
            Ok(()) => self.done(format_args!("Interface {name} of {card} is up")),
            Err(NotAdded::AlreadyUp) => self.failed(
                format_args!("Interface {name} setup failed"),
                "it is up already",
            ),
            Err(NotAdded::Failed(reason)) => {
                self.failed(format_args!("Interface {name} setup failed"), reason)
            }
        }
    }

    pub(super) fn start_everything(&mut self, bare: bool) -> Exit {
        match self.all_plans() {
            Ok(plans) => self.launch(&plans, bare),
            Err(exit) => exit,
        }
    }

    pub(super) fn stop(&mut self, card: &str, interface: Option<&str>) -> Exit {
        let Some(name) = interface else {
            self.say(format_args!(" * Shutting down WAN device {card} ..."));
            return match daemons::stop(&self.site.run_dir, card) {
                Ok(()) => self.done(format_args!("{card} stopped")),
                Err(error @ Unanswered::Absent { .. }) => self.output.absent(error),
                Err(error) => {
                    self.failed(format_args!("WAN device {card} did not shutdown"), error)
                }
            };
        };
        match self.interface_runs(card, name) {
            Ok(true) => {}
            Ok(false) => {
                return self
                    .output
                    .absent(format_args!("{card} has no interface {name} that runs"));
            }
            Err(exit) => return exit,
        }
        match ops::remove(&self.site.run_dir, card, name) {
            Ok(true) => self.done(format_args!(
                "Interface {name} and its device {card} stopped"
            )),
            Ok(false) => self.done(format_args!("Interface {name} of {card} stopped")),
            Err(error) => self.failed(format_args!("Interface {name} not destroyed"), error),
        }
    }

    pub(super) fn stop_everything(&mut self) -> Exit {
        let running = daemons::running(&self.site.run_dir);
        if running.is_empty() {
            return self.output.absent("no device is running");
        }
        running
            .iter()
            .rev()
            .map(|device| self.stop(device, None))
            .fold(Exit::DONE, worst)
    }

    /// Nothing is stopped before the new configuration was read and checked.
    pub(super) fn restart(&mut self, card: &str, interface: Option<&str>, bare: bool) -> Exit {
        let plan = match self.read(Plan::read(&self.site, card)) {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        match interface {
            None => self.again(&[plan], bare),
            Some(name) => self.renew(&plan, name),
        }
    }

    pub(super) fn restart_everything(&mut self, bare: bool) -> Exit {
        match self.all_plans() {
            Ok(plans) => self.again(&plans, bare),
            Err(exit) => exit,
        }
    }

    /// Brings a running device, or one of its interfaces, to what its file says now.
    pub(super) fn reconfigure(&mut self, card: &str, interface: Option<&str>) -> Exit {
        let state = match daemons::status(&self.site.run_dir, card) {
            Ok(state) => state,
            Err(error @ Unanswered::Absent { .. }) => return self.output.absent(error),
            Err(error) => return self.output.failure(error),
        };
        let read = match &state.file {
            Some(file) => Plan::of_device(&self.site, file, card),
            None => Plan::read(&self.site, card),
        };
        let plan = match self.read(read) {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        self.log_plan(&plan);
        let Some(name) = interface else {
            let request = Request::Reconfigure {
                device: Box::new(plan.conf),
            };
            return match daemons::order(&self.site.run_dir, card, &request) {
                Ok(changes) => self.changed(&changes),
                Err(error) => self.failed(
                    format_args!("WAN device {card} reconfiguration failed"),
                    error,
                ),
            };
        };
        let runs = state
            .interfaces
            .iter()
            .any(|interface| interface.name == name);
        match (runs, plan.interface(name).is_some()) {
            (_, true) => self.renew(&plan, name),
            (true, false) => self.stop(card, Some(name)),
            (false, false) => self.output.absent(plan.lacks(name)),
        }
    }

    pub(super) fn line(&mut self, card: &str, cut: bool) -> Exit {
        self.order(card, &Request::Cut { cut })
    }

    pub(super) fn capture(&mut self, card: &str, file: Option<&Path>) -> Exit {
        let file = file.map(Self::absolute);
        self.order(card, &Request::Capture { file })
    }

    pub(super) fn flush(&mut self, card: &str) -> Exit {
        self.order(card, &Request::FlushCounters)
    }

    fn order(&mut self, card: &str, request: &Request) -> Exit {
        match daemons::order(&self.site.run_dir, card, request) {
            Ok(changes) => self.changed(&changes),
            Err(error @ Unanswered::Absent { .. }) => self.output.absent(error),
            Err(error) => self.output.failure(error),
        }
    }

    fn renew(&mut self, plan: &Plan, name: &str) -> Exit {
        if plan.interface(name).is_none() {
            return self.output.absent(plan.lacks(name));
        }
        match ops::renew(&self.site.run_dir, self.launcher, plan, name) {
            Ok(()) => self.done(format_args!(
                "Interface {name} of {} restarted",
                plan.device()
            )),
            Err(reason) => self.failed(format_args!("Interface {name} setup failed"), reason),
        }
    }

    /// Stops what runs of these, and starts them all.
    fn again(&mut self, plans: &[Plan], bare: bool) -> Exit {
        for plan in plans.iter().rev() {
            if daemons::pid(&self.site.run_dir, plan.device()).is_none() {
                continue;
            }
            let exit = self.stop(plan.device(), None);
            if exit != Exit::DONE {
                return exit;
            }
        }
        self.launch(plans, bare)
    }

    fn launch(&mut self, plans: &[Plan], bare: bool) -> Exit {
        let mut exit = Exit::DONE;
        let mut launches = Vec::new();
        for plan in plans {
            let device = plan.device().to_owned();
            if let Some(pid) = daemons::pid(&self.site.run_dir, &device) {
                let what = format!("WAN device {device} driver load failed");
                exit = self.failed(
                    what,
                    format_args!("{device} is already running (process {pid})"),
                );
                continue;
            }
            self.log_plan(plan);
            let source = if bare { plan.only(None) } else { plan.source() };
            launches.push(Launch { device, source });
        }
        let mut results = Vec::new();
        self.launcher
            .start(&launches, launch::PATIENCE, |launch, result| {
                results.push((launch.device.clone(), result));
            });
        for (device, result) in results {
            exit = worst(
                match result {
                    Ok(()) => self.done(format_args!("{device} started")),
                    Err(reason) => self.failed(
                        format_args!("WAN device {device} driver load failed"),
                        reason,
                    ),
                },
                exit,
            );
        }
        exit
    }

    /// The plans of all files; nothing when one of them is wrong.
    fn all_plans(&mut self) -> Result<Vec<Plan>, Exit> {
        let mut devices = self.site.configured();
        if devices.is_empty() {
            // The original's default, so that the error names a file.
            devices.push("wanpipe1".to_owned());
        }
        let mut plans = Vec::new();
        let mut exit = Exit::DONE;
        for device in devices {
            match self.read(Plan::read(&self.site, &device)) {
                Ok(plan) => plans.push(plan),
                Err(failed) => exit = failed,
            }
        }
        if exit == Exit::DONE {
            Ok(plans)
        } else {
            Err(exit)
        }
    }

    /// Shows the remarks on a configuration that can be used, or all errors of one that cannot.
    fn read<T: Remarks>(&mut self, result: Result<T, Unusable>) -> Result<T, Exit> {
        match result {
            Ok(read) => {
                for warning in read.remarks() {
                    self.output.error(warning);
                }
                Ok(read)
            }
            Err(Unusable { errors, absent }) => {
                for error in errors {
                    self.journal.note(format_args!("invalid: {error}"));
                    self.output.error(error);
                }
                Err(if absent { Exit::ABSENT } else { Exit::FAILED })
            }
        }
    }

    fn log_plan(&mut self, plan: &Plan) {
        let lines = plan.verbose();
        self.journal
            .note(format_args!("wanconfig: {}", plan.device()));
        self.journal.append(&lines);
        if self.verbose {
            self.output.print(lines);
        }
    }

    fn interface_runs(&mut self, card: &str, name: &str) -> Result<bool, Exit> {
        match daemons::status(&self.site.run_dir, card) {
            Ok(state) => Ok(state
                .interfaces
                .iter()
                .any(|interface| interface.name == name)),
            Err(error @ Unanswered::Absent { .. }) => Err(self.output.absent(error)),
            Err(error) => Err(self.output.failure(error)),
        }
    }

    fn say(&mut self, what: impl Display) {
        if self.verbose {
            self.output.line(&what);
        }
        self.journal.append(&format!("{what}\n"));
    }

    /// Something was done: the log says so, and with -v standard output.
    fn done(&mut self, what: impl Display) -> Exit {
        if self.verbose {
            self.output.line(format_args!(" * {what}"));
        }
        self.journal.note(what);
        Exit::DONE
    }

    fn changed(&mut self, changes: &[String]) -> Exit {
        if self.json {
            return self.output.json(&Changes { changes });
        }
        for change in changes {
            self.output.line(change);
        }
        Exit::DONE
    }
}

#[derive(serde::Serialize)]
struct Changes<'a> {
    changes: &'a [String],
}

/// What was accepted with a remark.
trait Remarks {
    fn remarks(&self) -> Vec<String>;
}

impl Remarks for Plan {
    fn remarks(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

impl Remarks for Vec<Plan> {
    fn remarks(&self) -> Vec<String> {
        // The plans of one file share its remarks.
        self.first()
            .map(|plan| plan.warnings.clone())
            .unwrap_or_default()
    }
}

/// The failure, if one of both is one.
fn worst(a: Exit, b: Exit) -> Exit {
    if a == Exit::DONE { b } else { a }
}
