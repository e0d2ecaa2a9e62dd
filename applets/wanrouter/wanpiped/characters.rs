//! Devices whose line carries characters for an application (`ASYNC_MODE = YES`).
//!
//! What comes is cut into pieces, each a message of the interface's socket; what the application
//! sends goes to the line as it is. The line is left unread for a slow application, so that the
//! handshakes of the line make the other end wait.

use std::mem;
use std::time::{Duration, Instant};

use wanbox_link::characters::{Config, Cutter, End};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_wanrouter_engine::Marks;

use super::batch::Batch;
use super::device::{Device, owner};
use super::line::Line;
use super::status::Group;
use crate::conf::AsyncConf;
use crate::control::AsyncStatus;

/// The only channel of such a device.
const CHANNEL: u16 = 0;

/// The characters of a device.
pub struct Characters {
    /// How they are configured. It stays as long as the line does.
    pub conf: AsyncConf,
    cutter: Cutter,
    /// Breaks that the application had sent.
    breaks_sent: u64,
}

impl Characters {
    /// Nothing came yet.
    pub fn new(conf: AsyncConf) -> Self {
        Self {
            conf,
            cutter: Cutter::new(Config {
                length: conf.length.into(),
                gap: conf.gap,
            }),
            breaks_sent: 0,
        }
    }

    /// For commands.
    pub fn status(&self) -> AsyncStatus {
        AsyncStatus {
            format: self.conf.to_string(),
            handshakes: self.conf.handshakes.keys().map(str::to_owned).collect(),
            piece_length: self.conf.length,
            inter_char_ms: milliseconds(self.conf.gap),
            break_ms: milliseconds(self.conf.break_time),
        }
    }

    /// Gives its counters to `group`.
    pub fn counters(&self, group: &mut dyn FnMut(&str, &Group)) {
        let stats = self.cutter.stats();
        group(
            "async",
            &[
                ("rx_characters", stats.characters),
                ("rx_pieces_by_length", stats.by_length),
                ("rx_pieces_by_silence", stats.by_silence),
                ("rx_pieces_by_line", stats.by_line),
                ("rx_breaks", stats.breaks),
                ("tx_breaks", self.breaks_sent),
            ],
        );
    }

    /// Puts a break behind what goes to the line.
    pub fn push_break(&mut self, batch: &mut Batch) {
        self.breaks_sent += 1;
        // Nothing at all stands for it.
        batch.push(&[], &[]);
    }

    /// Counts anew.
    pub fn flush_counters(&mut self) {
        self.cutter.flush();
        self.breaks_sent = 0;
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

impl Device {
    /// Takes characters of the line, none being a break. `false`: it carries frames.
    pub fn take_characters(&mut self, now: Instant, octets: &[u8]) -> bool {
        self.feed(|cutter, each| {
            if octets.is_empty() {
                cutter.push_break(now, each);
            } else {
                cutter.push(now, octets, each);
            }
        })
    }

    /// Silence may have ended a piece.
    pub fn end_silent_piece(&mut self, lp: &mut Loop) {
        let now = lp.now();
        self.feed(|cutter, each| cutter.handle_timeout(now, each));
        self.watch_silence(lp);
    }

    /// The carrier is gone: what came before is the application's.
    pub fn end_last_piece(&mut self) {
        self.feed(|cutter, each| cutter.finish(each));
    }

    /// Sets the timer that silence ends a piece with.
    pub fn watch_silence(&self, lp: &mut Loop) {
        if let Some(characters) = &self.characters {
            let timer = Token::new(owner::CHARACTERS, 0);
            lp.set_timer_to(timer, characters.cutter.poll_timeout());
        }
    }

    fn feed(&mut self, feed: impl FnOnce(&mut Cutter, &mut dyn FnMut(&[u8], End))) -> bool {
        let Some(mut characters) = mem::take(&mut self.characters) else {
            return false;
        };
        feed(&mut characters.cutter, &mut |piece, end| {
            let marks = Marks {
                line_break: end == End::Break,
                ..Marks::default()
            };
            if !self.deliver_raw(CHANNEL, marks, piece) {
                self.counters.rx_no_interface += 1;
            }
        });
        self.characters = Some(characters);
        true
    }

    /// A message that asks for a break can be obeyed.
    pub fn can_break(&self) -> bool {
        let configured = |c: &Characters| !c.conf.break_time.is_zero();
        self.characters.as_deref().is_some_and(configured)
            && self.line.as_ref().is_some_and(Line::can_break)
    }
}
