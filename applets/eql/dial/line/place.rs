//! The interface of a connection, and its place at the load balancer.

use std::time::Instant;

use wanbox_eql_engine::keeper::State;
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::netlink::{self, Seen};

use super::Kept;
use crate::control::Rate;
use crate::dial::daemon::Host;

impl Kept {
    pub(super) fn rate(&self) -> Option<Rate> {
        let slave = self.conf.slave.as_ref()?;
        slave.rate.or(self.speed.map(Rate::Fixed))
    }

    pub(super) fn enslave(&mut self, lp: &mut Loop, host: &mut Host) {
        let now = lp.now();
        let (Some(slave), Some(interface)) = (&self.conf.slave, &self.interface) else {
            return self.line.enslaved(now, false);
        };
        let asked = match self.rate() {
            None => Err("has no RATE, and pppd said no speed".to_owned()),
            Some(rate) => host.balancer.enslave(slave, interface, rate),
        };
        match asked {
            Ok(()) => {
                let text = format!("{interface} is a slave of {}", slave.master);
                self.trouble = None;
                self.say(host, now, log::Level::Info, text);
                self.line.enslaved(now, true);
            }
            Err(error) => {
                let text = format!("{} does not take {interface}: {error}", slave.master);
                self.failed(host, now, text);
                self.line.enslaved(now, false);
            }
        }
    }

    pub(super) fn release(&mut self, host: &mut Host) {
        let master = self
            .written
            .as_ref()
            .and_then(|record| record.slave.as_ref());
        // The one that has it, which the file may not name any more.
        let master = master.or(self.conf.slave.as_ref());
        let (Some(slave), Some(interface)) = (master, &self.interface) else {
            return;
        };
        // One that is gone or down has been released by the master itself.
        if let Err(error) = host.balancer.release(&slave.master, interface)
            && self.seen.running
        {
            log::warn!("{}: {}: {error}", self.conf.name, slave.master);
        }
    }

    /// Looks at the interface and the master anew.
    pub fn look(&mut self, host: &mut Host) {
        self.seen = host.seen(self.interface.as_deref());
        self.master = host.seen(self.master());
    }

    /// Looks at both, and has the line follow.
    pub fn follow(&mut self, lp: &mut Loop, host: &mut Host) {
        let before = self.master;
        self.look(host);
        self.follow_master(lp.now(), before);
        self.follow_interface(lp.now(), host);
    }

    /// An interface changed, or is gone. What is told may be older than what was seen since, so
    /// that the kernel is asked; that it was down for a moment counts all the same.
    pub fn changed(&mut self, lp: &mut Loop, host: &mut Host, link: &netlink::Link, there: bool) {
        let now = lp.now();
        let told = Seen::of(Some(link).filter(|_| there));
        if self.interface.as_deref() == Some(link.name.as_str()) {
            let before = std::mem::replace(&mut self.seen, host.seen(Some(&link.name)));
            self.going = false;
            if before.index.is_some() && self.seen.index.is_some_and(|i| before.index != Some(i)) {
                // Another one of its name.
                self.line.interface(now, false);
            } else if !told.running && self.seen.running && self.is_forgotten(host) {
                self.line.master_lost(now);
            }
            self.follow_interface(now, host);
        }
        if self.master() == Some(link.name.as_str()) {
            let before = std::mem::replace(&mut self.master, host.seen(Some(&link.name)));
            if before == self.master && !told.running && self.is_forgotten(host) {
                self.line.master_lost(now);
            }
            self.follow_master(now, before);
        }
    }

    /// The master has the interface no more, though nobody released it.
    pub(super) fn is_forgotten(&self, host: &mut Host) -> bool {
        let names = self.master().zip(self.interface());
        self.line.is_enslaved()
            && names.is_some_and(|(master, interface)| !host.balancer.has(master, interface))
    }

    pub(super) fn follow_interface(&mut self, now: Instant, host: &mut Host) {
        let up = self.seen.running && !self.going;
        let before = self.line.state();
        self.line.interface(now, up);
        let interface = self.interface.as_deref().unwrap_or_default();
        match (before, self.line.state()) {
            (State::Dialing, State::Up) => {
                let text = format!("up on {interface}");
                self.trouble = None;
                self.say(host, now, log::Level::Info, text);
            }
            (State::Up, _) if !up => {
                let text = format!("{interface} is down");
                self.say(host, now, log::Level::Warn, text);
            }
            _ => {}
        }
    }

    pub(super) fn follow_master(&mut self, now: Instant, before: Seen) {
        if self.master == before {
            return;
        }
        // A new one, or one that was down, has no slaves.
        if self.master.index != before.index || self.master.running && !before.running {
            self.line.master_lost(now);
        } else {
            self.line.master_changed(now);
        }
    }
}
