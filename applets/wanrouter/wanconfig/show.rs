//! The verbs that only show.

use serde::Serialize;
use wanbox_grammar::Exit;

use super::Session;
use crate::control::{DeviceStatus, Reply, Request};
use crate::daemons::{self, Unanswered};
use crate::proc_files::{self, layout};
use crate::report;

/// `--json` of several devices.
#[derive(Serialize)]
struct Devices<'a> {
    devices: &'a [DeviceStatus],
}

impl Session<'_> {
    pub(super) fn status(&mut self, card: Option<&str>) -> Exit {
        match card {
            Some(card) => self.show_one(card, |state| layout::device(&state.traffic)),
            None => self.show_all(layout::status),
        }
    }

    pub(super) fn config(&mut self, card: Option<&str>) -> Exit {
        match card {
            Some(card) => self.show_one(card, |state| layout::config(std::slice::from_ref(state))),
            None => self.show_all(layout::config),
        }
    }

    pub(super) fn counters(&mut self, card: &str) -> Exit {
        match daemons::ask(&self.site.run_dir, card, &Request::Counters) {
            Ok(Reply::Counters(groups)) if self.json => self.output.json(&groups),
            Ok(Reply::Counters(groups)) => {
                self.output.print(report::counters(&groups));
                Exit::DONE
            }
            Ok(_) => self
                .output
                .failure(format_args!("{card} answered another question")),
            Err(error) => self.unanswered(error),
        }
    }

    fn show_one(&mut self, card: &str, text: impl Fn(&DeviceStatus) -> String) -> Exit {
        match daemons::status(&self.site.run_dir, card) {
            Ok(state) if self.json => self.output.json(&state),
            Ok(state) => {
                self.output.print(text(&state));
                Exit::DONE
            }
            Err(error) => self.unanswered(error),
        }
    }

    fn show_all(&mut self, text: impl Fn(&[DeviceStatus]) -> String) -> Exit {
        if let Err(error) = proc_files::refresh(&self.site.run_dir) {
            self.output.error(error);
        }
        let (mut states, failures) = daemons::all(&self.site.run_dir);
        states.reverse();
        let mut exit = Exit::DONE;
        for failure in failures {
            exit = self.output.failure(failure);
        }
        if self.json {
            self.output.json(&Devices { devices: &states });
        } else if states.is_empty() && exit == Exit::DONE {
            return self.output.absent("no device is running");
        } else {
            self.output.print(text(&states));
        }
        exit
    }

    fn unanswered(&mut self, error: Unanswered) -> Exit {
        match error {
            Unanswered::Absent { .. } => self.output.absent(error),
            _ => self.output.failure(error),
        }
    }
}
