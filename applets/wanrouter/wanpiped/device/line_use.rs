//! What a device does with its line: opens it again, follows its carrier, sends what was gathered,
//! and has who sends wait while it is full.

use std::io;
use std::time::Instant;

use wanbox_runtime::event_loop::{Interest, Loop, Priority, Readiness, Token};
use wanbox_wanrouter_engine::Engine;

use super::{Device, REOPEN_AFTER, owner};
use crate::wanpiped::interface::HostEnd;
use crate::wanpiped::line::Line;
use crate::wanpiped::setup;

impl Device {
    pub(super) fn register_line(&mut self, lp: &mut Loop) -> io::Result<()> {
        let Some(line) = &self.line else {
            return Ok(());
        };
        let frames = Token::new(owner::LINE, 0);
        self.line_sources.push(lp.register(
            &line.frames_fd(),
            frames,
            Interest::Read,
            Priority::Data,
        )?);
        if let Some(state) = line.state_fd() {
            let token = Token::new(owner::LINE, 1);
            self.line_sources
                .push(lp.register(&state, token, Interest::Read, Priority::Normal)?);
        }
        Ok(())
    }

    /// The line failed for good: it is closed and opened again later.
    pub fn line_failed(&mut self, lp: &mut Loop, error: &io::Error) {
        log::error!("{}: the line failed: {error}", self.conf.name);
        if let Some(line) = self.line.take() {
            let frames = line.frames_fd();
            let fds = [Some(frames), line.state_fd()];
            for (source, fd) in self.line_sources.drain(..).zip(fds.into_iter().flatten()) {
                // It is closed in a moment anyway.
                let _ = lp.deregister(source, &fd);
            }
        }
        self.forget_batch();
        self.follow_carrier(lp.now());
        lp.set_timer(Token::new(owner::REOPEN, 0), lp.now() + REOPEN_AFTER);
        self.pump(lp);
    }

    pub(super) fn reopen_line(&mut self, lp: &mut Loop) {
        let asynchronous = self.characters.as_ref().map(|c| c.conf);
        let opened = setup::open_line(&self.conf, &self.spec, asynchronous, &self.root);
        match opened {
            Ok(mut line) => {
                log::info!("{}: the line is open again", self.conf.name);
                line.set_cut(self.cut);
                self.line = Some(line);
                if let Err(error) = self.register_line(lp) {
                    self.line_failed(lp, &error);
                    return;
                }
                self.follow_carrier(lp.now());
                self.pump(lp);
            }
            Err(error) => {
                log::debug!("{}: {error}", self.conf.name);
                lp.set_timer(Token::new(owner::REOPEN, 0), lp.now() + REOPEN_AFTER);
            }
        }
    }

    /// Tells the engine of the line's carrier when it is another than it knows.
    pub fn follow_carrier(&mut self, now: Instant) {
        self.set_carrier(now, self.has_carrier());
    }

    /// As [`Self::follow_carrier`]; a carrier that was away and is back is told as both.
    fn follow_carrier_after(&mut self, now: Instant, lost: bool) {
        if lost {
            self.set_carrier(now, false);
        }
        self.follow_carrier(now);
    }

    fn set_carrier(&mut self, now: Instant, carrier: bool) {
        if carrier == self.carrier {
            return;
        }
        self.carrier = carrier;
        if !carrier {
            self.counters.carrier_drops += 1;
            self.forget_batch();
            if let Some(line) = &mut self.line {
                line.forget();
            }
            if let Some(tty) = &mut self.tty {
                tty.line_lost();
            }
            self.end_last_piece();
        }
        let word = if carrier { "up" } else { "down" };
        if let Some(suppressed) = self.changes.allow(now) {
            log::info!(
                "{}: carrier {word}{}",
                self.conf.name,
                crate::wanpiped::suppressed(suppressed)
            );
        }
        self.link.carrier(now, carrier);
        self.texts_stale = true;
    }

    /// What was gathered for the line is lost.
    pub(super) fn forget_batch(&mut self) {
        self.counters.tx_lost += self.batch.waiting().len() as u64;
        self.acknowledge();
        self.frames_lost();
        self.batch.clear();
    }

    /// Unplugs the line or plugs it in.
    pub fn set_cut(&mut self, lp: &mut Loop, cut: bool) {
        self.cut = cut;
        if let Some(line) = &mut self.line {
            line.set_cut(cut);
        }
        self.follow_carrier(lp.now());
        self.texts_stale = true;
        self.pump(lp);
    }

    /// Sends what was gathered, and has interfaces wait for the line or go on.
    pub fn flush(&mut self, lp: &mut Loop) {
        let now = lp.now();
        if !self.has_carrier() {
            self.forget_batch();
        } else if let Some(line) = &mut self.line {
            let sent = line.send(now, &mut self.batch, &mut self.watch, &mut self.counters);
            if let Err(error) = sent {
                self.line_failed(lp, &error);
                return;
            }
            self.acknowledge();
        }
        self.after_line_use(lp);
    }

    /// The line was used: what it waits for, and who waits for it.
    pub fn after_line_use(&mut self, lp: &mut Loop) {
        let Some(line) = &self.line else {
            self.line_ready = false;
            self.may_send(lp, false);
            return;
        };
        lp.set_timer_to(Token::new(owner::PACE, 0), line.poll_timeout());
        self.watch_line(lp);
        let Some(line) = &self.line else {
            return;
        };
        let full = line.is_full() || !self.batch.is_empty();
        let room = self.batch.is_empty() && line.has_room(usize::from(self.conf.mtu));
        self.line_ready = room || self.line_ready && !full;
        self.may_send(lp, self.line_ready);
    }

    /// The line takes frames, or not; of a bundle, any line will do.
    fn may_send(&mut self, lp: &mut Loop, line_ready: bool) {
        let waiting = !self.follow_line(lp, line_ready);
        if waiting != self.waiting_for_line {
            self.counters.tx_blocked += u64::from(waiting);
            self.waiting_for_line = waiting;
            self.follow_reading(lp);
        }
    }

    /// Waits for the line as it is used now.
    pub fn watch_line(&mut self, lp: &mut Loop) {
        let (Some(line), Some(&source)) = (&self.line, self.line_sources.first()) else {
            return;
        };
        let interest = match (self.line_paused, line.wants_write()) {
            (true, false) => Interest::None,
            (paused, write) => Interest::of(!paused, write),
        };
        if let Err(error) = lp.modify(source, &line.frames_fd(), interest) {
            log::error!("{}: cannot wait for the line: {error}", self.conf.name);
        }
    }

    /// The line takes no frames for now.
    pub fn is_waiting_for_line(&self) -> bool {
        self.waiting_for_line
    }

    /// Has every interface be read, or not, as the line and held packets allow.
    pub fn follow_reading(&mut self, lp: &mut Loop) {
        if let Some(tty) = &mut self.tty {
            tty.set_reading(!self.waiting_for_line);
        }
        for interface in self.interfaces.iter_mut().flatten() {
            let reading = !self.waiting_for_line && interface.held.is_none();
            let tun = match &mut interface.end {
                HostEnd::Tun { tun, .. } => tun,
                HostEnd::Api(api) => {
                    if let Err(error) = api.follow(lp, reading) {
                        log::error!("{}: {error}", interface.conf.name);
                    }
                    continue;
                }
            };
            if interface.reading == reading {
                continue;
            }
            let Some((source, _)) = interface.sources else {
                continue;
            };
            let interest = if reading {
                Interest::Read
            } else {
                Interest::None
            };
            match lp.modify(source, tun, interest) {
                Ok(()) => interface.reading = reading,
                Err(error) => log::error!("{}: {error}", interface.conf.name),
            }
        }
    }

    pub fn line_ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        let Some(line) = &mut self.line else {
            return;
        };
        if readiness.writable {
            line.writable();
        }
        let now = lp.now();
        match line.on_ready() {
            Ok(lost) => self.follow_carrier_after(now, lost),
            Err(error) => {
                self.line_failed(lp, &error);
                return;
            }
        }
        if token.id == 0
            && !self.line_paused
            && let Err(error) = self.receive_frames(lp)
        {
            self.line_failed(lp, &error);
            return;
        }
        // A cable or a stream tells of its other end between the frames.
        match self.line.as_mut().map(Line::lost_carrier) {
            Some(Ok(lost)) => self.follow_carrier_after(now, lost),
            Some(Err(error)) => {
                self.line_failed(lp, &error);
                return;
            }
            None => {}
        }
        self.pump_line(lp);
        self.pump(lp);
    }

    pub(super) fn pump_line(&mut self, lp: &mut Loop) {
        let now = lp.now();
        if let Some(line) = &mut self.line
            && let Err(error) = line.pump(now, &mut self.watch, &mut self.counters)
        {
            self.line_failed(lp, &error);
            return;
        }
        self.flush(lp);
    }
}
