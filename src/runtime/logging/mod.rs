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
}

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
}

/// A line of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, UTC in ISO 8601 with milliseconds.
    pub time: String,
    /// How important: "error", "warning", "info", "debug" or "trace".
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
    /// Lines that a sink did not take.
    lost: AtomicU64,
    state: Mutex<State>,
}

struct State {
    sinks: Vec<Open>,
    ring: VecDeque<Entry>,
    /// The line that is being put together; kept for its capacity.
    line: String,
}

enum Open {
    Stderr,
    File { path: PathBuf, file: File },
    Syslog { path: PathBuf, socket: UnixDatagram },
}

impl Logging {
    /// Opens the sinks.
    ///
    /// # Errors
    /// A log file that cannot be opened. A syslog daemon that is not running is no error:
    /// it may come later; until then its lines count as lost.
    pub fn new(options: Options) -> Result<Self, LogError> {
        let mut sinks = Vec::with_capacity(options.sinks.len());
        for sink in options.sinks {
            sinks.push(match sink {
                Sink::Stderr => Open::Stderr,
                Sink::File(path) => Open::File {
                    file: open_log(&path)?,
                    path,
                },
                Sink::Syslog(path) => {
                    let socket = UnixDatagram::unbound().map_err(LogError::Syslog)?;
                    socket.set_nonblocking(true).map_err(LogError::Syslog)?;
                    Open::Syslog { path, socket }
                }
            });
        }
        Ok(Self(Arc::new(Shared {
            program: options.program,
            level: AtomicUsize::new(options.level as usize),
            ring_len: options.ring,
            lost: AtomicU64::new(0),
            state: Mutex::new(State {
                sinks,
                ring: VecDeque::with_capacity(options.ring),
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

    fn write(&self, time: SystemTime, level: Level, text: fmt::Arguments<'_>) {
        let program = &self.0.program;
        let level_name = name(level);
        let mut clean = Clean::default();
        // Only `Clean` could fail, and it does not; a Display that does has written what it could.
        let _ = clean.write_fmt(text);
        let text = clean.text;
        let stamp = humantime::format_rfc3339_millis(time);

        let mut state = self.state();
        let State { sinks, ring, line } = &mut *state;
        for sink in sinks {
            line.clear();
            // Writing to a String does not fail.
            let _ = match sink {
                Open::Stderr if level >= Level::Info => writeln!(line, "{program}: {text}"),
                Open::Stderr => writeln!(line, "{program}: {level_name}: {text}"),
                Open::File { .. } => {
                    let pid = std::process::id();
                    writeln!(line, "{stamp} {level_name} {program}[{pid}]: {text}")
                }
                Open::Syslog { .. } => syslog_line(line, time, level, program, &text),
            };
            let taken = match sink {
                Open::Stderr => io::stderr().write_all(line.as_bytes()),
                Open::File { file, .. } => file.write_all(line.as_bytes()),
                Open::Syslog { path, socket } => {
                    let octets = line.as_bytes();
                    let fits = octets.get(..MAX_SYSLOG).unwrap_or(octets);
                    socket.send_to(fits, path).map(|_| ())
                }
            };
            if taken.is_err() {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if self.0.ring_len > 0 {
            if ring.len() >= self.0.ring_len {
                ring.pop_front();
            }
            ring.push_back(Entry {
                time: stamp.to_string(),
                level: level_name,
                text,
            });
        }
    }
}

impl Log for Logging {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.write(SystemTime::now(), record.level(), *record.args());
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

/// RFC 3164 section 4.1, as local syslog daemons take it: without the host.
fn syslog_line(
    line: &mut String,
    time: SystemTime,
    level: Level,
    program: &str,
    text: &str,
) -> fmt::Result {
    /// Facility 3, "system daemons".
    const DAEMON: u8 = 3;
    let severity: u8 = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let local = local_time(seconds);
    let month = usize::try_from(local.tm_mon)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"Jan");
    write!(
        line,
        "<{}>{month} {:2} {:02}:{:02}:{:02} {program}[{}]: {text}",
        DAEMON * 8 + severity,
        local.tm_mday,
        local.tm_hour,
        local.tm_min,
        local.tm_sec,
        std::process::id(),
    )
}

/// RFC 3164 wants the time of the place.
fn local_time(seconds: u64) -> libc::tm {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(0);
    // SAFETY: a `tm` is made of numbers and one pointer that is only printed through, never
    // by us; all zeros is a valid value of it.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values, and localtime_r keeps neither. It reads TZ
    // from the environment, which this program does not change after its start.
    unsafe {
        libc::localtime_r(&raw const seconds, &raw mut local);
    }
    local
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
