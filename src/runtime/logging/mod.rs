//! Sinks of the log facade, and rate limits.
//!
//! A line goes to any of: standard error, a file (opened again on [`Logging::reopen`], so
//! that logrotate works), the local syslog daemon (RFC 3164), and always a ring in memory
//! for `show log`. Control characters in a message are escaped, because much of what is
//! logged came from a peer.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata, Record};
use serde::Serialize;

use crate::wall_clock::{self, LocalTime};

mod rate;
#[cfg(test)]
mod tests;

pub use rate::{KeyedRateLimit, RateLimit};

/// The longest text of a line, octets; the rest is cut off.
pub const MAX_TEXT: usize = 2048;
/// The longest syslog packet (RFC 3164 section 4.1), octets.
const MAX_SYSLOG: usize = 1024;
/// Where the local syslog daemon listens.
pub const SYSLOG_SOCKET: &str = "/dev/log";

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Standard error: `program: level: text`.
    Stderr,
    /// A file: time in UTC, level, program, text.
    File(PathBuf),
    /// The syslog daemon that listens on this datagram socket, as facility "daemon".
    Syslog(PathBuf),
    /// The same as another facility.
    SyslogAs(PathBuf, Facility),
}

/// What kind of program a line of syslog comes from (RFC 3164 section 4.1.1): 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// System daemons.
    pub const DAEMON: Self = Self(3);

    /// The facility of a name, as syslog.conf(5) has it: `daemon`, `local5` ...
    pub fn of_name(name: &str) -> Option<Self> {
        const NAMES: [&str; 24] = [
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
            "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
            "local3", "local4", "local5", "local6", "local7",
        ];
        let place = NAMES.iter().position(|known| *known == name)?;
        Some(Self(place as u8))
    }
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// With the program, its process and the level, as [`Sink`] says.
    #[default]
    Named,
    /// The local time, a tag and the text, on standard error and in files; the tag and the text for
    /// syslog, whose severities are then from 3 (error) to 7 (trace). A line of the target
    /// [`TAGGED`] begins with its own tag, others get this one.
    Tagged(&'static str),
}

/// The target of lines that begin with a tag of their own.
pub const TAGGED: &str = "tagged";

/// The target of errors that begin with a tag of their own after which nothing works: level
/// "critical" of [`Entry`], and RFC 3164's severity 2.
pub const CRITICAL: &str = "tagged-critical";

/// What to log and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name in every line.
    pub program: String,
    /// The least important level that is kept.
    pub level: LevelFilter,
    /// Where lines go.
    pub sinks: Vec<Sink>,
    /// How many lines are kept in memory.
    pub ring: usize,
    /// What a line looks like.
    pub style: Style,
}

/// A line of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, UTC in ISO 8601 with milliseconds.
    pub time: String,
    /// How important: "critical", "error", "warning", "info", "debug" or "trace".
    pub level: &'static str,
    /// What, without control characters.
    pub text: String,
}

/// Why logging could not start.
#[derive(Debug)]
pub enum LogError {
    /// The log file cannot be opened.
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// No socket for the syslog daemon could be made.
    Syslog(io::Error),
    /// The program has a logger already.
    Installed,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => {
                write!(f, "cannot open the log file {}: {error}", path.display())
            }
            Self::Syslog(error) => write!(f, "cannot make a socket for syslog: {error}"),
            Self::Installed => f.write_str("logging was started before"),
        }
    }
}

impl std::error::Error for LogError {}

/// The program's logging. A clone is another handle to the same.
#[derive(Clone)]
pub struct Logging(Arc<Shared>);

struct Shared {
    program: String,
    /// A [`LevelFilter`] as a number.
    level: AtomicUsize,
    ring_len: usize,
    style: Style,
    /// Lines that a sink did not take.
    lost: AtomicU64,
    state: Mutex<State>,
}

struct State {
    sinks: Vec<Open>,
    ring: VecDeque<Entry>,
    /// How many lines the ring was given so far.
    written: u64,
    /// The line that is being put together; kept for its capacity.
    line: String,
}

enum Open {
    Stderr,
    File {
        path: PathBuf,
        file: File,
    },
    Syslog {
        path: PathBuf,
        socket: UnixDatagram,
        facility: Facility,
    },
}

impl Open {
    fn of(sink: Sink) -> Result<Self, LogError> {
        let (path, facility) = match sink {
            Sink::Stderr => return Ok(Self::Stderr),
            Sink::File(path) => {
                let file = open_log(&path)?;
                return Ok(Self::File { path, file });
            }
            Sink::Syslog(path) => (path, Facility::DAEMON),
            Sink::SyslogAs(path, facility) => (path, facility),
        };
        let socket = UnixDatagram::unbound().map_err(LogError::Syslog)?;
        socket.set_nonblocking(true).map_err(LogError::Syslog)?;
        Ok(Self::Syslog {
            path,
            socket,
            facility,
        })
    }
}

impl Logging {
    /// Opens the sinks.
    ///
    /// # Errors
    /// A log file that cannot be opened. A syslog daemon that is not running is no error:
    /// it may come later; until then its lines count as lost.
    pub fn new(options: Options) -> Result<Self, LogError> {
        let sinks = options.sinks.into_iter().map(Open::of);
        let sinks = sinks.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Shared {
            program: options.program,
            level: AtomicUsize::new(options.level as usize),
            ring_len: options.ring,
            style: options.style,
            lost: AtomicU64::new(0),
            state: Mutex::new(State {
                sinks,
                ring: VecDeque::new(),
                written: 0,
                line: String::new(),
            }),
        })))
    }

    /// Becomes what the `log` macros write to. Once a process.
    ///
    /// # Errors
    /// [`LogError::Installed`].
    pub fn install(&self) -> Result<(), LogError> {
        log::set_boxed_logger(Box::new(self.clone())).map_err(|_| LogError::Installed)?;
        log::set_max_level(self.level());
        Ok(())
    }

    /// The least important level that is kept.
    pub fn level(&self) -> LevelFilter {
        LevelFilter::iter()
            .nth(self.0.level.load(Ordering::Relaxed))
            .unwrap_or(LevelFilter::Info)
    }

    /// Changes the least important level that is kept.
    pub fn set_level(&self, level: LevelFilter) {
        self.0.level.store(level as usize, Ordering::Relaxed);
        log::set_max_level(level);
    }

    /// Opens the log files again: after they were renamed. On SIGHUP.
    ///
    /// # Errors
    /// The first file that cannot be opened; lines go on to the old one.
    pub fn reopen(&self) -> Result<(), LogError> {
        for sink in &mut self.state().sinks {
            if let Open::File { path, file } = sink {
                *file = open_log(path)?;
            }
        }
        Ok(())
    }

    /// Lines go to these from now on.
    ///
    /// # Errors
    /// As [`Logging::new`]; then nothing changes.
    pub fn set_sinks(&self, sinks: Vec<Sink>) -> Result<(), LogError> {
        let sinks = sinks.into_iter().map(Open::of);
        let sinks = sinks.collect::<Result<_, _>>()?;
        self.state().sinks = sinks;
        Ok(())
    }

    /// The lines since so many were written, oldest first, and how many were written by now. Those
    /// that the ring has lost meanwhile are left out.
    pub fn since(&self, written: u64) -> (Vec<Entry>, u64) {
        let state = self.state();
        let new = usize::try_from(state.written.saturating_sub(written)).unwrap_or(usize::MAX);
        let skip = state.ring.len().saturating_sub(new);
        (
            state.ring.iter().skip(skip).cloned().collect(),
            state.written,
        )
    }

    /// The last `count` lines, oldest first.
    pub fn recent(&self, count: usize) -> Vec<Entry> {
        let state = self.state();
        let skip = state.ring.len().saturating_sub(count);
        state.ring.iter().skip(skip).cloned().collect()
    }

    /// How many times a sink did not take a line.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// A panic while a line was written leaves nothing half-done that matters.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, time: SystemTime, level: Level, target: &str, text: fmt::Arguments<'_>) {
        let shared = &self.0;
        let mut clean = Clean::default();
        if let Style::Tagged(tag) = shared.style
            && ![TAGGED, CRITICAL].contains(&target)
        {
            clean.text.push_str(tag);
            clean.text.push(' ');
        }
        // Only `Clean` could fail, and it does not; a Display that does has written what it could.
        let _ = clean.write_fmt(text);
        let text = clean.text;

        let mut state = self.state();
        let State {
            sinks,
            ring,
            written,
            line,
        } = &mut *state;
        for sink in sinks {
            line.clear();
            // Writing to a String does not fail.
            let critical = target == CRITICAL;
            let _ = shared.format(line, sink, time, (level, critical), &text);
            let taken = match sink {
                Open::Stderr => io::stderr().write_all(line.as_bytes()),
                Open::File { file, .. } => file.write_all(line.as_bytes()),
                Open::Syslog { path, socket, .. } => {
                    let octets = line.as_bytes();
                    let fits = octets.get(..MAX_SYSLOG).unwrap_or(octets);
                    socket.send_to(fits, path).map(|_| ())
                }
            };
            if taken.is_err() {
                shared.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if shared.ring_len > 0 {
            if ring.len() >= shared.ring_len {
                ring.pop_front();
            }
            ring.push_back(Entry {
                time: humantime::format_rfc3339_millis(time).to_string(),
                level: if target == CRITICAL {
                    "critical"
                } else {
                    name(level)
                },
                text,
            });
            *written += 1;
        }
    }
}

impl Shared {
    /// What a sink is given.
    fn format(
        &self,
        line: &mut String,
        sink: &Open,
        time: SystemTime,
        (level, critical): (Level, bool),
        text: &str,
    ) -> fmt::Result {
        let program = &self.program;
        let level_name = name(level);
        match (sink, self.style) {
            (Open::Syslog { facility, .. }, style) => {
                let severity = if critical { 2 } else { severity(level, style) };
                syslog_line(line, time, facility.0 * 8 + severity, program, text)
            }
            (Open::Stderr | Open::File { .. }, Style::Tagged(_)) => {
                let local = local_time(time);
                writeln!(
                    line,
                    "{:04}-{:02}-{:02} {:02}:{:02}:{:02} {text}",
                    local.year, local.month, local.day, local.hour, local.minute, local.second,
                )
            }
            (Open::Stderr, Style::Named) if level >= Level::Info => {
                writeln!(line, "{program}: {text}")
            }
            (Open::Stderr, Style::Named) => writeln!(line, "{program}: {level_name}: {text}"),
            (Open::File { .. }, Style::Named) => {
                let stamp = humantime::format_rfc3339_millis(time);
                let pid = std::process::id();
                writeln!(line, "{stamp} {level_name} {program}[{pid}]: {text}")
            }
        }
    }
}

impl Log for Logging {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.write(
                SystemTime::now(),
                record.level(),
                record.target(),
                *record.args(),
            );
        }
    }

    fn flush(&self) {}
}

fn open_log(path: &Path) -> Result<File, LogError> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
        .map_err(|error| LogError::File {
            path: path.to_owned(),
            error,
        })
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// The severity of RFC 3164 section 4.1.1.
fn severity(level: Level, style: Style) -> u8 {
    match (level, style) {
        (Level::Error, _) => 3,
        (Level::Warn, _) => 4,
        (Level::Info, Style::Tagged(_)) => 5,
        (Level::Info, Style::Named) | (Level::Debug, Style::Tagged(_)) => 6,
        (Level::Debug | Level::Trace, _) => 7,
    }
}

/// RFC 3164 section 4.1, as local syslog daemons take it: without the host.
fn syslog_line(
    line: &mut String,
    time: SystemTime,
    priority: u8,
    program: &str,
    text: &str,
) -> fmt::Result {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let local = local_time(time);
    let month = usize::try_from(local.month - 1)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"Jan");
    write!(
        line,
        "<{priority}>{month} {:2} {:02}:{:02}:{:02} {program}[{}]: {text}",
        local.day,
        local.hour,
        local.minute,
        local.second,
        std::process::id(),
    )
}

/// The time of the place.
fn local_time(time: SystemTime) -> LocalTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    wall_clock::local_time(i64::try_from(seconds).unwrap_or(0))
}

/// Text in the making: control characters escaped, cut off at [`MAX_TEXT`].
#[derive(Default)]
struct Clean {
    text: String,
    full: bool,
}

impl fmt::Write for Clean {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for character in more.chars() {
            if self.full {
                return Ok(());
            }
            if self.text.len() >= MAX_TEXT {
                self.text.push_str("...");
                self.full = true;
            } else if character.is_control() {
                write!(self.text, "{}", character.escape_default())?;
            } else {
                self.text.push(character);
            }
        }
        Ok(())
    }
}
