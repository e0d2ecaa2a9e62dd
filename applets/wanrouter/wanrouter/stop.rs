//! `stop`, and the lock file that tells the system's boot scripts whether anything runs.

use wanbox_grammar::Exit;
use wanbox_runtime::files::{self, FileError};

use super::Session;
use super::scripts::Subject;
use crate::daemons;
use crate::ops;
use crate::proc_files;

impl Session<'_> {
    pub(super) fn stop(&mut self, device: Option<&str>, interface: Option<&str>) -> Exit {
        match (device, interface) {
            (None, _) => {
                let devices = self.site.devices.clone();
                self.stop_these(|device| devices.iter().any(|listed| listed == device))
            }
            (Some("all"), None) => self.stop_these(|_| true),
            (Some("all"), Some(interface)) => self.output.misuse(format_args!(
                "'stop all' takes no interface: say 'stop DEVICE {interface}'"
            )),
            (Some(device), None) => self.stop_device(device),
            (Some(device), Some(interface)) => self.stop_interface(device, interface),
        }
    }

    fn stop_these(&mut self, wanted: impl Fn(&str) -> bool) -> Exit {
        let run_dir = self.site.run_dir.clone();
        let mut devices = daemons::running(&run_dir);
        if devices.is_empty() {
            self.output.line("Router is already stopped !");
            return Exit::FAILED;
        }
        devices.retain(|device| wanted(device));
        // In the order in which they were started: that of WAN_DEVICES.
        let place = |device: &String| self.site.devices.iter().position(|listed| listed == device);
        devices.sort_by_key(|device| place(device).unwrap_or(usize::MAX));
        if self.site.reverse_stop {
            devices.reverse();
        }
        self.journal.note("Stopping WAN Router");
        self.script(Subject::All, "stop");
        let mut exit = Exit::DONE;
        for device in devices {
            if self.stop_one(&device) != Exit::DONE {
                exit = Exit::FAILED;
            }
        }
        self.say_what_is_left();
        exit
    }

    fn stop_device(&mut self, device: &str) -> Exit {
        if let Err(exit) = self.check_name(device) {
            return exit;
        }
        let running = daemons::running(&self.site.run_dir);
        if running.is_empty() {
            self.output.line("Router is already stopped !");
            return Exit::FAILED;
        }
        if !running.iter().any(|name| name == device) {
            return self
                .output
                .absent(format_args!("device {device} is not running"));
        }
        let exit = self.stop_one(device);
        self.say_what_is_left();
        exit
    }

    /// Stops a running device, with its scripts and words.
    pub(super) fn stop_one(&mut self, device: &str) -> Exit {
        let run_dir = self.site.run_dir.clone();
        match daemons::status(&run_dir, device) {
            Ok(state) => {
                for interface in &state.interfaces {
                    self.script(Subject::Interface(device, &interface.name), "stop");
                    self.output.line(format_args!(
                        "Shutting down {device} interface: {}",
                        interface.name
                    ));
                }
            }
            Err(daemons::Unanswered::Absent { .. }) => return Exit::DONE,
            Err(error) => self.output.error(error),
        }
        self.script(Subject::Device(device), "stop");
        self.output
            .line(format_args!("Shutting down device: {device}"));
        self.journal
            .note(format_args!("Shutting down device: {device}"));
        match daemons::stop(&run_dir, device) {
            Ok(()) | Err(daemons::Unanswered::Absent { .. }) => Exit::DONE,
            Err(error) => {
                self.journal.note(format_args!(
                    "WAN device {device} did not shutdown: {error}"
                ));
                self.output.failure(format_args!(
                    "WAN device {device} did not shutdown: {error}"
                ))
            }
        }
    }

    fn stop_interface(&mut self, device: &str, interface: &str) -> Exit {
        if let Err(exit) = self.check_name(device) {
            return exit;
        }
        let run_dir = self.site.run_dir.clone();
        let state = match daemons::status(&run_dir, device) {
            Ok(state) => state,
            Err(error @ daemons::Unanswered::Absent { .. }) => return self.output.absent(error),
            Err(error) => return self.output.failure(error),
        };
        if !state.interfaces.iter().any(|i| i.name == interface) {
            return self.output.absent(format_args!(
                "{device} has no interface {interface} that runs"
            ));
        }
        self.script(Subject::Interface(device, interface), "stop");
        self.output
            .line(format_args!("Unconfiguring interface: {interface}"));
        self.journal
            .note(format_args!("Unconfiguring interface: {interface}"));
        match ops::remove(&run_dir, device, interface) {
            Ok(device_too) => {
                if device_too {
                    self.output
                        .line(format_args!("Shutting down device: {device}"));
                }
                self.output.line(format_args!("Interface {interface} down"));
                self.say_what_is_left();
                Exit::DONE
            }
            Err(error) => {
                let what = format!("Interface {interface} not destroyed: {error}");
                self.journal.note(&what);
                self.output.failure(what)
            }
        }
    }

    fn say_what_is_left(&mut self) {
        let left = daemons::running(&self.site.run_dir);
        if left.is_empty() {
            self.output.line("No devices running");
        } else {
            self.output
                .line(format_args!("Devices Still Running:\n\t{}", left.join(" ")));
        }
    }

    /// Makes `WAN_LOCK` exist exactly when something runs, and the `/proc` texts true.
    pub(super) fn keep_subsystem_lock(&self) -> Result<(), FileError> {
        proc_files::refresh(&self.site.run_dir)?;
        if daemons::running(&self.site.run_dir).is_empty() {
            return files::remove(&self.site.lock);
        }
        if self.site.lock.exists() {
            return Ok(());
        }
        if let Some(directory) = self.site.lock.parent() {
            files::make_dir(directory)?;
        }
        files::write_atomic(&self.site.lock, b"", 0o644)
    }
}
