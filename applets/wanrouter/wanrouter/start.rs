//! `start` and `restart`.

use wanbox_grammar::Exit;

use super::{Session, scripts};
use crate::daemons;
use crate::launch::{self, Launch};
use crate::ops::{self, NotAdded};
use crate::plan::Plan;
use scripts::Subject;

impl Session<'_> {
    pub(super) fn start(&mut self, device: Option<&str>, interface: Option<&str>) -> Exit {
        match (device, interface) {
            (None, _) => self.start_all(),
            (Some(device), None) => self.start_device(device),
            (Some(device), Some(interface)) => self.start_interface(device, interface),
        }
    }

    pub(super) fn restart(&mut self, device: Option<&str>, interface: Option<&str>) -> Exit {
        match (device, interface) {
            (None, _) => {
                let devices = self.site.devices.clone();
                if devices.is_empty() {
                    return self.no_devices();
                }
                let (plans, failed) = self.plans(&devices);
                worst(self.restart_plans(plans), failed)
            }
            (Some(device), None) => match self.device_plan(device) {
                Ok(plan) => self.restart_plans(vec![plan]),
                Err(exit) => exit,
            },
            (Some(device), Some(interface)) => self.restart_interface(device, interface),
        }
    }

    fn start_all(&mut self) -> Exit {
        if !self.site.boot {
            let rc = self.site.rc_file.display().to_string();
            return self.output.failure(format_args!(
                "not started: {rc} says ROUTER_BOOT=NO (YES lets 'wanrouter start' start the devices)"
            ));
        }
        let devices = self.site.devices.clone();
        if devices.is_empty() {
            return self.no_devices();
        }
        let (plans, failed) = self.plans(&devices);
        let exit = worst(self.launch(plans), failed);
        if exit == Exit::DONE {
            self.script(Subject::All, "start");
        }
        exit
    }

    fn no_devices(&mut self) -> Exit {
        let rc = self.site.rc_file.display().to_string();
        self.output.failure(format_args!(
            "{rc}: WAN_DEVICES names no device, for example WAN_DEVICES=\"wanpipe1\""
        ))
    }

    fn start_device(&mut self, device: &str) -> Exit {
        match self.device_plan(device) {
            Ok(plan) => self.launch(vec![plan]),
            Err(exit) => exit,
        }
    }

    /// As [`Self::plan_of`], for a whole device: every interface that is to have addresses needs
    /// its file, unless the peer gives the address.
    fn device_plan(&mut self, device: &str) -> Result<Plan, Exit> {
        let plan = self.plan_of(device)?;
        let mut missing = Ok(());
        for interface in plan.conf.without_addresses() {
            if interface.learns_address() {
                continue;
            }
            let name = &interface.name;
            let file = self.site.settings.interface_file(&self.site.root, name);
            self.output
                .line(format_args!("Error Interface File {name} not found"));
            self.journal
                .note(format_args!("Error Interface File {name} not found"));
            missing = Err(self.output.failure(format_args!(
                "{device}: {} is missing or empty: it gives {name} its addresses (IPADDR=...)",
                file.display()
            )));
        }
        missing.map(|()| plan)
    }

    /// The checked configuration of a device. Every error of it is printed.
    fn plan_of(&mut self, device: &str) -> Result<Plan, Exit> {
        self.check_name(device)?;
        Plan::read(&self.site, device)
            .inspect(|plan| {
                for warning in &plan.warnings {
                    self.output.error(warning);
                }
            })
            .map_err(|unusable| {
                for error in unusable.errors {
                    self.journal
                        .note(format_args!("{device}: invalid: {error}"));
                    self.output.error(error);
                }
                Exit::FAILED
            })
    }

    pub(super) fn check_name(&mut self, device: &str) -> Result<(), Exit> {
        if device.starts_with("ft1_") {
            return Err(self.output.failure(format_args!(
                "{device}: CSU/DSU set-up mode needs an S508/FT1 or S514/FT1 card, and no such \
                 hardware is driven here"
            )));
        }
        if daemons::is_device(device) {
            return Ok(());
        }
        self.output.line("Error: Incorrect device name syntax !");
        self.output.error(format_args!(
            "'{device}' is no device name: a device is wanpipe and a number from 1, as in wanpipe1"
        ));
        Err(Exit::FAILED)
    }

    fn plans(&mut self, devices: &[String]) -> (Vec<Plan>, Exit) {
        let mut plans = Vec::new();
        let mut exit = Exit::DONE;
        for device in devices {
            match self.device_plan(device) {
                Ok(plan) => plans.push(plan),
                Err(failed) => exit = failed,
            }
        }
        (plans, exit)
    }

    /// Starts these devices at the same time. One that fails leaves the others running.
    fn launch(&mut self, plans: Vec<Plan>) -> Exit {
        let run_dir = self.site.run_dir.clone();
        let mut exit = Exit::DONE;
        if daemons::running(&run_dir).is_empty() {
            self.output.line("Starting WAN Router...");
            self.journal.note("Starting WAN Router");
        }
        let mut launches = Vec::new();
        let mut starting = Vec::new();
        for plan in plans {
            let device = plan.device().to_owned();
            if let Some(pid) = daemons::pid(&run_dir, &device) {
                exit = self.output.failure(format_args!(
                    "device {device} is already running (process {pid})"
                ));
                continue;
            }
            self.output
                .line(format_args!("Starting up device: {device}"));
            self.journal
                .note(format_args!("Starting up device: {device}"));
            self.journal.append(&plan.verbose());
            launches.push(Launch {
                device,
                source: plan.source(),
            });
            starting.push(plan);
        }
        let (output, journal) = (&mut self.output, &mut self.journal);
        let mut started = Vec::new();
        self.launcher
            .start(&launches, launch::PATIENCE, |launch, result| {
                let Some(plan) = starting.iter().find(|plan| plan.device() == launch.device) else {
                    return;
                };
                match result {
                    Ok(()) => {
                        let mut names = String::new();
                        for interface in plan.interfaces() {
                            names.push_str(interface);
                            names.push(' ');
                        }
                        if names.is_empty() {
                            output.line(format_args!("{}: done.", launch.device));
                        } else {
                            output.line(format_args!("Configuring interfaces: {names}done."));
                        }
                        journal.note(format_args!("{} started", launch.device));
                        started.push(launch.device.clone());
                    }
                    Err(complaint) => {
                        journal.note(format_args!("{}: not started: {complaint}", launch.device));
                        exit = output
                            .failure(format_args!("{}: not started: {complaint}", launch.device));
                    }
                }
            });
        for plan in &starting {
            if started.iter().any(|device| device == plan.device()) {
                for interface in plan.interfaces() {
                    self.script(Subject::Interface(plan.device(), interface), "start");
                }
                self.script(Subject::Device(plan.device()), "start");
            }
        }
        exit
    }

    /// Everything was checked: stops what runs of these, and starts them all.
    fn restart_plans(&mut self, plans: Vec<Plan>) -> Exit {
        let mut devices: Vec<String> = plans.iter().map(|plan| plan.device().to_owned()).collect();
        devices.retain(|device| daemons::pid(&self.site.run_dir, device).is_some());
        if self.site.reverse_stop {
            devices.reverse();
        }
        let mut exit = Exit::DONE;
        let mut stuck = Vec::new();
        for device in devices {
            if self.stop_one(&device) != Exit::DONE {
                exit = Exit::FAILED;
                stuck.push(device);
            }
        }
        let plans = plans
            .into_iter()
            .filter(|plan| !stuck.iter().any(|device| device == plan.device()));
        worst(self.launch(plans.collect()), exit)
    }

    fn start_interface(&mut self, device: &str, interface: &str) -> Exit {
        let plan = match self.plan_of(device) {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        if plan.interface(interface).is_none() {
            return self.output.absent(plan.lacks(interface));
        }
        self.output
            .line(format_args!("Configuring interface: {interface}"));
        self.journal
            .note(format_args!("Configuring interface: {interface}"));
        match ops::add(&self.site.run_dir, self.launcher, &plan, interface) {
            Ok(()) => self.interface_is_up(device, interface),
            Err(NotAdded::AlreadyUp) => {
                self.output
                    .line(format_args!("Interface {interface} is already up!"));
                Exit::FAILED
            }
            Err(NotAdded::Failed(reason)) => self.interface_failed(interface, &reason),
        }
    }

    fn restart_interface(&mut self, device: &str, interface: &str) -> Exit {
        let plan = match self.plan_of(device) {
            Ok(plan) => plan,
            Err(exit) => return exit,
        };
        if plan.interface(interface).is_none() {
            return self.output.absent(plan.lacks(interface));
        }
        if daemons::pid(&self.site.run_dir, device).is_some() {
            self.script(Subject::Interface(device, interface), "stop");
            self.output
                .line(format_args!("Unconfiguring interface: {interface}"));
        }
        self.output
            .line(format_args!("Configuring interface: {interface}"));
        self.journal
            .note(format_args!("Configuring interface: {interface}"));
        match ops::renew(&self.site.run_dir, self.launcher, &plan, interface) {
            Ok(()) => self.interface_is_up(device, interface),
            Err(reason) => self.interface_failed(interface, &reason),
        }
    }

    fn interface_is_up(&mut self, device: &str, interface: &str) -> Exit {
        self.output.line(format_args!("Interface {interface} up."));
        self.journal.note(format_args!("Interface {interface} up"));
        self.script(Subject::Interface(device, interface), "start");
        Exit::DONE
    }

    fn interface_failed(&mut self, interface: &str, reason: &str) -> Exit {
        let what = format!("Interface {interface} setup failed: {reason}");
        self.journal.note(&what);
        self.output.failure(what)
    }

    /// Runs a user script; its failure is told and changes nothing.
    pub(super) fn script(&mut self, subject: Subject<'_>, action: &str) {
        if let Err(error) = scripts::run(&self.site.scripts_dir, subject, action) {
            self.journal.note(&error);
            self.output.error(error);
        }
    }
}

/// The failure, if one of both is one.
fn worst(a: Exit, b: Exit) -> Exit {
    if a == Exit::DONE { b } else { a }
}
