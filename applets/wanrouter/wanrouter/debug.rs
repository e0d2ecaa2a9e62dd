//! `debug`: what is wrong with the installation or with one interface, with reason and solution.

use std::fs::OpenOptions;
use std::path::Path;

use wanbox_grammar::Exit;

use super::Session;
use super::show;
use crate::control::{LinkState, Reply, Request};
use crate::daemons;
use crate::plan::Plan;
use crate::report;

/// Lines of the log that are looked at.
const LOG_LINES: usize = 200;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Error,
    Warning,
}

impl Session<'_> {
    pub(super) fn debug(&mut self, interface: Option<&str>) -> Exit {
        match interface {
            None => self.debug_all(),
            Some(interface) => self.debug_interface(interface),
        }
    }

    fn debug_all(&mut self) -> Exit {
        self.output.print("\n");
        let mut errors = 0;
        let mut findings = 0;
        let mut find = |session: &mut Self, weight, what: &str, reason: &str, solution: &str| {
            findings += 1;
            errors += u32::from(weight == Weight::Error);
            session.finding(weight, what, reason, solution);
        };
        let directory = self.site.conf_dir.display().to_string();
        let configured = self.site.configured();
        if !self.site.conf_dir.is_dir() {
            let reason = format!("{directory} is not there or not a directory");
            let solution = format!(
                "make it, or set WAN_CONF_DIR in {}",
                self.site.rc_file.display()
            );
            find(
                self,
                Weight::Error,
                "no configuration directory",
                &reason,
                &solution,
            );
        } else if configured.is_empty() {
            let reason = format!("{directory} holds no wanpipe#.conf");
            let solution = "copy a sample, for example that of Frame Relay, to wanpipe1.conf";
            find(
                self,
                Weight::Error,
                "no configuration file",
                &reason,
                solution,
            );
        }
        for device in self.site.devices.clone() {
            let path = self.site.conf_file(&device);
            if !path.is_file() {
                let what = format!("{device} of WAN_DEVICES has no configuration file");
                let reason = format!("{} is not there", path.display());
                let solution = format!(
                    "write it, or take {device} out of WAN_DEVICES in {}",
                    self.site.rc_file.display()
                );
                find(self, Weight::Error, &what, &reason, &solution);
            }
        }
        for device in configured {
            let file = format!("{device}.conf");
            match Plan::read(&self.site, &device) {
                Ok(plan) => {
                    for warning in &plan.warnings {
                        let what = format!("{file} has something unusual");
                        find(
                            self,
                            Weight::Warning,
                            &what,
                            warning,
                            "it is used all the same; change the file if it is not what you mean",
                        );
                    }
                }
                Err(unusable) => {
                    for line in unusable.errors {
                        let what = format!("{file} cannot be used");
                        let solution = "correct the file; 'wanrouter restart' checks it before it stops anything";
                        find(self, Weight::Error, &what, &line, solution);
                    }
                }
            }
        }
        if let Err(error) = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/net/tun")
        {
            let reason = format!("/dev/net/tun: {error}");
            let solution = "run as root; load the tun module (modprobe tun); in a container pass the device in";
            find(
                self,
                Weight::Error,
                "network interfaces cannot be made",
                &reason,
                solution,
            );
        }
        let (states, failures) = daemons::all(&self.site.run_dir);
        for failure in failures {
            let solution =
                "if it does not answer for long, end the process with kill -9 and start it again";
            find(
                self,
                Weight::Error,
                "a link daemon does not answer",
                &failure.to_string(),
                solution,
            );
        }
        for state in states {
            if state.state == LinkState::Connected {
                continue;
            }
            let what = format!("{} is {}", state.device, state.state.word());
            let reason = state
                .reason
                .unwrap_or_else(|| "the daemon gives none".to_owned());
            let solution = match (state.cut, state.carrier) {
                (true, _) => format!("plug it in: wanconfig card {} line join", state.device),
                (_, false) => format!("check the line {} and its far end", state.line),
                _ => "compare link type, STATION and SIGNALLING with the far end; look at a trace"
                    .to_owned(),
            };
            find(self, Weight::Warning, &what, &reason, &solution);
        }
        for (path, words) in self.logs() {
            let Ok(lines) = show::tail(&path, LOG_LINES) else {
                continue;
            };
            let mut seen = Vec::new();
            for line in lines.flatten() {
                let lower = line.to_lowercase();
                if words
                    .iter()
                    .any(|all| all.iter().all(|word| lower.contains(word)))
                {
                    seen.push(line);
                }
            }
            if let Some(newest) = seen.last() {
                let what = format!("{} complains, {} times lately", path.display(), seen.len());
                find(
                    self,
                    Weight::Warning,
                    &what,
                    newest,
                    "an old complaint may be mended: see the dates",
                );
            }
        }
        if findings == 0 {
            self.output
                .line("Wanpipe environment/utilites/modules/operation OK");
        }
        self.output.print("\n");
        if errors == 0 {
            Exit::DONE
        } else {
            Exit::FAILED
        }
    }

    /// The logs to look at, and the words of which all of a group make a complaint.
    fn logs(&self) -> Vec<(std::path::PathBuf, &'static [&'static [&'static str]])> {
        let system: &[&[&str]] = &[&["wanpipe", "error"], &["wanpipe", "warning"]];
        let mut logs: Vec<(_, &'static [&'static [&'static str]])> =
            vec![(self.site.log.clone(), &[&["invalid"], &["not started"]])];
        for path in ["/var/log/messages", "/var/log/syslog"] {
            let path = self.site.root.path(Path::new(path));
            if path.is_file() {
                logs.push((path, system));
            }
        }
        logs
    }

    fn finding(&mut self, weight: Weight, what: &str, reason: &str, solution: &str) {
        let head = match weight {
            Weight::Error => "Error",
            Weight::Warning => "Warning",
        };
        self.output.print(format_args!(
            "{head}:\t\t{what}\nReason:\t\t{reason}\nSolution:\t{solution}\n\n"
        ));
    }

    fn debug_interface(&mut self, interface: &str) -> Exit {
        let (states, failures) = daemons::all(&self.site.run_dir);
        for failure in failures {
            self.output.error(failure);
        }
        let state = states
            .into_iter()
            .find(|state| state.interfaces.iter().any(|i| i.name == interface));
        let Some(state) = state else {
            return self.output.absent(format_args!(
                "no device that runs has an interface {interface} ('wanrouter status' lists them)"
            ));
        };
        self.output.print(format_args!(
            "\nWANPIPE Release: {} (wanbox)\n\nDevice {}:\n\n{}\n",
            env!("CARGO_PKG_VERSION"),
            state.device,
            report::device(&state)
        ));
        let ask = |request| daemons::ask(&self.site.run_dir, &state.device, &request);
        let answers = [ask(Request::Counters), ask(Request::Log)];
        let mut exit = Exit::DONE;
        for answer in answers {
            match answer {
                Ok(Reply::Counters(groups)) => {
                    self.output
                        .print(format_args!("Counters:\n\n{}\n", report::counters(&groups)));
                }
                Ok(Reply::Log { lines }) => {
                    self.output.line("Newest log lines of the link daemon:\n");
                    for line in lines {
                        self.output.line(line);
                    }
                    self.output.print("\n");
                }
                Ok(_) => exit = self.output.failure("the daemon answered another question"),
                Err(error) => exit = self.output.failure(error),
            }
        }
        let monitor = match state.protocol.as_str() {
            "FR" => "fpipemon",
            "PPP" => "ppipemon",
            "S51X" => "mppipemon",
            "X25" => "xpipemon",
            _ => "cpipemon",
        };
        self.output.print(format_args!(
            "To watch the frames: {monitor} -i {interface} -c ti\n\
             To keep them for tshark: wanconfig card {} capture FILE\n\n",
            state.device
        ));
        exit
    }
}
