//! What a daemon of one poll loop needs before it opens anything of its own.

use std::path::{Path, PathBuf};

use crate::daemon::PidFile;
use crate::event_loop::Loop;
use crate::files::Root;
use crate::logging::{self, Logging, SYSLOG_SOCKET, Sink};
use crate::process::Signal;

/// How a daemon is started.
#[derive(Clone, Debug)]
pub struct Options<'o> {
    /// Its name in logs.
    pub name: &'o str,
    /// What it serves, where a machine may have several: said when a copy runs already.
    pub subject: Option<&'o str>,
    /// Its pid file, below the run directory, which is made.
    pub pid_file: &'o Path,
    /// Logs go to this file too.
    pub log_file: Option<PathBuf>,
    /// What is logged.
    pub level: log::LevelFilter,
    /// It stays in the foreground and logs to standard error.
    pub foreground: bool,
}

/// The pid file is ours, the log is open, the signals that end a daemon or have it read its files
/// again are watched.
pub struct Service {
    /// The poll loop.
    pub lp: Loop,
    /// Where it logs to.
    pub logging: Logging,
    /// Removed when dropped.
    pub pid_file: PidFile,
}

impl Service {
    /// Opens all that.
    ///
    /// # Errors
    /// For people; such as that a copy runs already.
    pub fn open(root: &Root, options: Options<'_>) -> Result<Self, String> {
        root.make_run_dir().map_err(|error| error.to_string())?;
        let pid_file = PidFile::claim(options.pid_file).map_err(|error| match options.subject {
            Some(subject) => format!("{subject}: {error}"),
            None => error.to_string(),
        })?;
        let mut sinks: Vec<Sink> = options.log_file.map(Sink::File).into_iter().collect();
        if options.foreground {
            sinks.push(Sink::Stderr);
        } else if root.is_system() {
            // Below a prefix the system's log is not ours to write to.
            sinks.push(Sink::Syslog(SYSLOG_SOCKET.into()));
        }
        let logging = Logging::new(logging::Options {
            program: options.name.into(),
            level: options.level,
            sinks,
            ring: 0,
            style: logging::Style::Named,
        })
        .map_err(|error| error.to_string())?;
        logging.install().map_err(|error| error.to_string())?;
        let mut lp = Loop::new().map_err(|error| format!("cannot make a poll loop: {error}"))?;
        for signal in [Signal::Terminate, Signal::Interrupt, Signal::Hangup] {
            lp.watch_signal(signal)
                .map_err(|error| format!("cannot watch signals: {error}"))?;
        }
        Ok(Self {
            lp,
            logging,
            pid_file,
        })
    }
}
