//! What is logged, and where to: levels 0 to 5 of `set debug`, `log_file`.

use log::{Level as Severity, LevelFilter};
use wanbox_l2tpns_engine::concentrator::Level;
use wanbox_l2tpns_engine::config::Log;
use wanbox_l2tpns_engine::{SessionId, TunnelId};
use wanbox_runtime::files::Root;
use wanbox_runtime::logging::{
    CRITICAL, Facility, LogError, Logging, Options, SYSLOG_SOCKET, Sink, Style, TAGGED,
};

use crate::options::NAME;

/// Lines kept for `debug` of the command line.
const RING: usize = 2000;

/// How lines begin that are about no tunnel and no session.
const UNTAGGED: &str = "00/00";

/// Opens the log of this configuration.
///
/// # Errors
/// The log file cannot be opened.
pub fn open(root: &Root, log: &Log, debug: u32, background: bool) -> Result<Logging, LogError> {
    let logging = Logging::new(Options {
        program: NAME.to_owned(),
        level: filter(debug),
        sinks: sinks(root, log, background),
        ring: RING,
        style: Style::Tagged(UNTAGGED),
    })?;
    logging.install()?;
    Ok(logging)
}

/// Opens the log again, after it was renamed or because of another configuration.
///
/// # Errors
/// The log file cannot be opened; lines go where they went.
pub fn reopen(
    logging: &Logging,
    root: &Root,
    log: &Log,
    debug: u32,
    background: bool,
) -> Result<(), LogError> {
    logging.set_level(filter(debug));
    logging.set_sinks(sinks(root, log, background))
}

/// Standard error leads nowhere once the daemon is in the background: the system's log then.
fn sinks(root: &Root, log: &Log, background: bool) -> Vec<Sink> {
    let syslog = |facility| Sink::SyslogAs(SYSLOG_SOCKET.into(), facility);
    let sink = match log {
        Log::Stderr if !background => Sink::Stderr,
        Log::Stderr if root.is_system() => syslog(Facility::DAEMON),
        Log::Stderr => return Vec::new(),
        Log::File(path) => Sink::File(root.path(path)),
        Log::Syslog(name) => syslog(Facility::of_name(name).unwrap_or(Facility::DAEMON)),
    };
    vec![sink]
}

/// The level of the log facade. It has one for critical errors and others, which are never left out.
fn filter(debug: u32) -> LevelFilter {
    match debug {
        0 | 1 => LevelFilter::Error,
        2 => LevelFilter::Warn,
        3 => LevelFilter::Info,
        4 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

/// Logs a line about a tunnel and a session.
pub fn write(level: Level, tunnel: Option<TunnelId>, session: Option<SessionId>, text: &str) {
    let target = match level {
        Level::Critical => CRITICAL,
        _ => TAGGED,
    };
    let level = match level {
        Level::Critical | Level::Error => Severity::Error,
        Level::Warning => Severity::Warn,
        Level::Info => Severity::Info,
        Level::Call => Severity::Debug,
        Level::Data => Severity::Trace,
    };
    let tunnel = tunnel.map_or(0, |tunnel| tunnel.0);
    let session = session.map_or(0, |session| session.0);
    log::log!(target: target, level, "{tunnel:02}/{session:02} {text}");
}
