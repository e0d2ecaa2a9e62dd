//! Devices with a terminal in the place of an interface: pppd and other programs find the line
//! behind a pseudo-terminal.
//!
//! In mode SYNC the line carries frames; the terminal carries the same, octet-stuffed. In mode
//! ASYNC both carry plain characters, none of which is lost while both ends are there: whoever is
//! full is waited for. A line that loses its carrier hangs up.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_link::framing::{Decoder, Encoder};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::files::{self, FileProblem, Lock, Root};
use wanbox_runtime::stream::{Stream, StreamEvent};

use super::device::{Device, owner};
use super::setup::FRAME_OVERHEAD;
use super::status::Group;
use crate::conf::{TtyConf, TtyMode};
use crate::control::TtyStatus;

/// Reads from the terminal in a turn.
const READS: usize = 64;
/// Octets that wait for the terminal before frames are dropped, or the line is not read.
const FULL: usize = 64 * 1024;
/// Octets gathered for one write.
const GATHER: usize = 16 * 1024;
/// How soon a terminal that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is counted at the terminal.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Frames, or pieces of characters, from the terminal to the line.
    tx_frames: u64,
    tx_octets: u64,
    /// Those from the line to the terminal.
    rx_frames: u64,
    rx_octets: u64,
    /// From the line, dropped: nobody has the terminal open.
    rx_nobody: u64,
    /// From the line, dropped: the program does not read.
    rx_full: u64,
    /// Times that the line was not read because the program does not.
    line_paused: u64,
    /// Times that the terminal was taken from its program because the line lost its carrier.
    hang_ups: u64,
}

/// What passes.
enum Form {
    Frames {
        encoder: Encoder,
        decoder: Box<Decoder>,
    },
    Characters {
        /// The most in one piece, octets.
        longest: usize,
    },
}

/// The terminal of a device.
pub struct Tty {
    mode: TtyMode,
    /// Keeps other devices away from its name.
    lock: Option<Lock>,
    /// Where programs find it, and as they name it.
    link: PathBuf,
    /// `None`: it could not be made; it is tried again.
    end: Option<(Stream, Source)>,
    form: Form,
    /// Octets for the terminal.
    out: Vec<u8>,
    /// The terminal takes no more until it says so.
    blocked: bool,
    /// It is read: the line takes what comes.
    reading: bool,
    /// The line lost its carrier.
    hang_up_due: bool,
    opens: u64,
    counts: Counts,
}

impl Tty {
    /// Makes the terminal of a device whose longest packet is of `mtu` octets.
    ///
    /// # Errors
    /// What failed and why, for people.
    pub fn open(conf: TtyConf, mtu: u16, root: &Root, lp: &mut Loop) -> Result<Self, String> {
        let link = root.path(conf.device());
        if let Some(directory) = link.parent() {
            files::make_dir(directory).map_err(|error| error.to_string())?;
        }
        let lock = root.run_dir().join(format!("ttyWP{}.lock", conf.minor));
        let lock = Lock::acquire(&lock).map_err(|error| match error.problem {
            FileProblem::Locked => {
                let minor = conf.minor;
                format!("TTY_MINOR = {minor}: that terminal is another device's")
            }
            _ => error.to_string(),
        })?;
        let mut tty = Self {
            mode: conf.mode,
            lock: Some(lock),
            link,
            end: None,
            form: match conf.mode {
                TtyMode::Sync => Form::Frames {
                    // A pppd on a terminal drops control characters until others are agreed on.
                    encoder: Encoder::new(u32::MAX),
                    decoder: Box::new(Decoder::new(usize::from(mtu) + FRAME_OVERHEAD, 0)),
                },
                TtyMode::Async => Form::Characters {
                    longest: mtu.into(),
                },
            },
            out: Vec::with_capacity(FULL),
            blocked: false,
            reading: true,
            hang_up_due: false,
            opens: 0,
            counts: Counts::default(),
        };
        tty.make(lp)?;
        Ok(tty)
    }

    /// Makes a pseudo-terminal, in the place of the one before, whose program sees a hang-up.
    fn make(&mut self, lp: &mut Loop) -> Result<(), String> {
        if let Some((stream, source)) = self.end.take() {
            self.opens += stream.stats().connects;
            // It is closed in a moment anyway.
            let _ = lp.deregister(source, &stream);
        }
        self.forget();
        let mut stream = Stream::pty(&self.link)?;
        stream.set_reading(self.reading);
        let token = Token::new(owner::TTY, 0);
        let source = lp
            .register(&stream, token, Interest::Read, Priority::Data)
            .map_err(|error| format!("{}: {error}", self.link.display()))?;
        self.end = Some((stream, source));
        Ok(())
    }

    /// Forgets what is of a program that has gone.
    fn forget(&mut self) {
        self.out.clear();
        self.blocked = false;
        if let Form::Frames { decoder, .. } = &mut self.form {
            decoder.reset();
        }
    }

    /// Somebody has it open.
    fn is_open(&self) -> bool {
        !self.hang_up_due && self.end.as_ref().is_some_and(|(s, _)| s.carrier())
    }

    /// The line lost its carrier: whoever has the terminal is to see a hang-up.
    pub fn line_lost(&mut self) {
        if self.is_open() {
            self.hang_up_due = true;
            self.counts.hang_ups += 1;
        }
    }

    /// Has it be read, or not.
    pub fn set_reading(&mut self, reading: bool) {
        self.reading = reading;
        if let Some((stream, _)) = &mut self.end {
            stream.set_reading(reading);
        }
    }

    /// So much waits that the line is not to be read.
    fn is_slow(&self) -> bool {
        matches!(self.form, Form::Characters { .. }) && self.out.len() >= FULL
    }

    /// Little enough waits that the line is to be read again.
    pub fn has_caught_up(&self) -> bool {
        self.out.len() < FULL / 4
    }

    /// Takes what came from the line.
    fn deliver(&mut self, frame: &[u8]) {
        if !self.is_open() {
            self.counts.rx_nobody += 1;
            return;
        }
        match &self.form {
            Form::Frames { encoder, .. } => {
                if self.out.len() >= FULL {
                    self.counts.rx_full += 1;
                    return;
                }
                encoder.encode(frame, self.out.is_empty(), &mut self.out);
            }
            Form::Characters { .. } => self.out.extend_from_slice(frame),
        }
        self.counts.rx_frames += 1;
        self.counts.rx_octets += frame.len() as u64;
        if self.out.len() >= GATHER {
            self.flush();
        }
    }

    /// Gives the terminal what waits for it, as far as it takes it.
    fn flush(&mut self) {
        if self.blocked || self.out.is_empty() {
            return;
        }
        let Some((stream, _)) = &mut self.end else {
            self.out.clear();
            return;
        };
        // Its errors are those of reading, too, which tells of them.
        let taken = stream.send(&self.out).unwrap_or(self.out.len());
        self.out.drain(..taken.min(self.out.len()));
        self.blocked = !self.out.is_empty();
    }

    /// Reads once and gives what is for the line to `each`. `false`: nothing was there.
    fn receive(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let Some((stream, _)) = &mut self.end else {
            return Ok(false);
        };
        let counts = &mut self.counts;
        let mut each = |frame: &[u8]| {
            counts.tx_frames += 1;
            counts.tx_octets += frame.len() as u64;
            each(frame);
        };
        let room = match &self.form {
            Form::Frames { .. } => buffer.len(),
            Form::Characters { longest } => (*longest).min(buffer.len()),
        };
        let room = buffer.get_mut(..room).unwrap_or_default();
        let Some(octets) = stream.receive(room)?.and_then(|count| room.get(..count)) else {
            return Ok(false);
        };
        match &mut self.form {
            Form::Frames { decoder, .. } => decoder.decode(octets, each),
            Form::Characters { .. } => each(octets),
        }
        Ok(true)
    }

    /// Its state, for commands.
    pub fn status(&self) -> TtyStatus {
        TtyStatus {
            usage: "TTY".to_owned(),
            mode: self.mode.word().to_owned(),
            terminal: self.link.clone(),
            open: self.is_open(),
        }
    }

    /// Gives its counters, by name, to `group`.
    pub fn counters(&self, group: &mut dyn FnMut(&str, &Group)) {
        let c = &self.counts;
        let opens = self.end.as_ref().map_or(0, |(s, _)| s.stats().connects);
        group(
            "tty",
            &[
                ("opens", self.opens + opens),
                ("hang_ups", c.hang_ups),
                ("tx_frames", c.tx_frames),
                ("tx_octets", c.tx_octets),
                ("rx_frames", c.rx_frames),
                ("rx_octets", c.rx_octets),
                ("rx_nobody", c.rx_nobody),
                ("rx_full", c.rx_full),
                ("line_paused", c.line_paused),
            ],
        );
        if let Form::Frames { decoder, .. } = &self.form {
            let stats = decoder.stats();
            group(
                "tty",
                &[
                    ("tx_crc", stats.crc),
                    ("tx_aborts", stats.aborts),
                    ("tx_too_short", stats.too_short),
                    ("tx_too_long", stats.too_long),
                ],
            );
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // The name is free once the link is gone.
        self.end = None;
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

impl Device {
    /// The terminal is to be read, written, or opened.
    pub fn tty_ready(&mut self, lp: &mut Loop) {
        let ready = match self.tty.as_mut().and_then(|tty| tty.end.as_mut()) {
            Some((stream, _)) => stream.on_ready(),
            None => return,
        };
        // What is left of a program that has gone is no beginning of what comes now.
        self.follow_tty(lp);
        if let Err(error) = ready.and_then(|()| self.read_tty(lp)) {
            log::error!("{}: the terminal failed: {error}", self.conf.name);
            self.make_tty(lp);
        }
        self.follow_tty(lp);
    }

    fn read_tty(&mut self, lp: &mut Loop) -> io::Result<()> {
        let mut buffer = mem::take(&mut self.packet_buffer);
        let mut result = Ok(true);
        for _ in 0..READS {
            if self.is_waiting_for_line() {
                break;
            }
            let Some(tty) = self.tty.as_mut() else {
                break;
            };
            let (batch, counters) = (&mut self.batch, &mut self.counters);
            result = tty.receive(&mut buffer, |frame| {
                batch.push(&[], frame);
                counters.data_frames += 1;
            });
            if !matches!(result, Ok(true)) {
                break;
            }
            if self.batch.is_full() {
                self.flush(lp);
            }
        }
        self.packet_buffer = buffer;
        result.map(|_| ())
    }

    /// Gives the terminal a frame, or characters, of the line. `false`: there is none.
    pub fn deliver_to_tty(&mut self, frame: &[u8]) -> bool {
        let Some(tty) = &mut self.tty else {
            return false;
        };
        tty.deliver(frame);
        self.counters.data_frames += 1;
        if tty.is_slow() && !self.line_paused {
            tty.counts.line_paused += 1;
            self.line_paused = true;
            self.follow_due = true;
        }
        true
    }

    /// At the end of a turn: a hang-up that is due, and what waits for the terminal.
    pub fn follow_tty(&mut self, lp: &mut Loop) {
        let Some(tty) = &mut self.tty else {
            return;
        };
        if mem::take(&mut tty.hang_up_due) {
            self.make_tty(lp);
            return;
        }
        tty.flush();
        let mut changed = None;
        while let Some((stream, _)) = &mut tty.end
            && let Some(event) = stream.poll_event()
        {
            match event {
                StreamEvent::Carrier(open) => {
                    changed = Some(open);
                    if !open {
                        tty.forget();
                    }
                }
                StreamEvent::Writable => {
                    tty.blocked = false;
                    tty.flush();
                }
            }
        }
        self.follow_due |= self.line_paused && tty.has_caught_up();
        if let Some(open) = changed {
            let word = if open { "opened" } else { "closed" };
            log::debug!("{}: {} was {word}", self.conf.name, tty.link.display());
            self.texts_stale = true;
        }
    }

    /// Makes the terminal anew.
    pub fn make_tty(&mut self, lp: &mut Loop) {
        let Some(tty) = &mut self.tty else {
            return;
        };
        let made = tty.make(lp);
        self.follow_due |= self.line_paused;
        self.texts_stale = true;
        if let Err(error) = made {
            if let Some(suppressed) = self.complaints.allow(lp.now()) {
                log::error!(
                    "{}: {error}; trying again{}",
                    self.conf.name,
                    super::suppressed(suppressed)
                );
            }
            lp.set_timer(Token::new(owner::TTY, 0), lp.now() + AGAIN);
        }
    }
}

impl TtyConf {
    /// The name that programs open.
    fn device(&self) -> impl AsRef<Path> {
        format!("/dev/ttyWP{}", self.minor)
    }
}
