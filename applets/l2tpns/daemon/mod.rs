//! The daemon: sockets, the TUN, routes, signals and files around the engine, in one poll loop.
//!
//! | to change | open |
//! |---|---|
//! | what is opened, in which order | `open.rs` |
//! | what is given to the engine and taken from it | `pump.rs` |
//! | packets on their way | `forward.rs` |
//! | what commands ask of it, and show | `host.rs`, `views.rs` |
//! | reading the configuration again | `reload.rs` |
//! | the TUN, its addresses, routes to it | `interface.rs` |
//! | UDP sockets | `sockets.rs` |
//! | the log | `journal.rs` |
//! | what Prometheus is told | `counters.rs` |

use std::time::Duration;

use wanbox_grammar::{Exit, report};
use wanbox_runtime::daemon::Started;

use crate::files::Files;
use crate::options::NAME;

mod counters;
mod forward;
mod host;
mod interface;
mod journal;
mod open;
mod pump;
mod reload;
mod sockets;
mod views;

/// The owners of tokens.
mod owner {
    /// Tunnels; the number is that of the socket.
    pub const L2TP: u32 = 1;
    /// Packets of the host.
    pub const TUN: u32 = 2;
    /// Answers of RADIUS servers; the number is that of the socket.
    pub const RADIUS: u32 = 3;
    /// Requests of RADIUS servers.
    pub const DAE: u32 = 4;
    /// Commands of nsctl.
    pub const NSCTL: u32 = 5;
    /// Counters for Prometheus.
    pub const METRICS: u32 = 6;
    /// The engine's deadline.
    pub const ENGINE: u32 = 7;
    /// Packets that wait for their time.
    pub const PACKETS: u32 = 10;
    /// The clock on the wall was set.
    pub const CLOCK: u32 = 8;
    /// The end of waiting for others before the process ends.
    pub const LEAVING: u32 = 9;
    /// The command line by telnet.
    pub const TELNET: u32 = 11;
    /// The command line on the control socket.
    pub const COMMANDS: u32 = 12;
    /// Programs that are plugins, and the walled garden.
    pub const PLUGINS: u32 = 13;
    /// The next line of `dump_speed`.
    pub const SPEED: u32 = 14;
}

/// How long the daemon may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// How it is started.
pub struct Start {
    /// Its files.
    pub files: Files,
    /// It goes to the background.
    pub background: bool,
    /// The level of the log unless the configuration has one, 0 to 5.
    pub level: u8,
    /// Its name unless the configuration has one.
    pub host_name: Option<String>,
}

/// Runs it to its end.
pub fn run(start: &Start) -> Exit {
    // Before anything else happens, and in the words of the files.
    let loaded = match start.files.load() {
        Ok(loaded) => loaded,
        Err(wrong) => {
            for line in wrong {
                report::line(line);
            }
            return Exit::FAILED;
        }
    };
    let readiness = match wanbox_runtime::daemon::start(!start.background, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    let (mut lp, mut daemon) = match readiness.conclude(open::open(start, loaded)) {
        Ok(opened) => opened,
        Err(text) => return text.map_or(Exit::FAILED, |text| report::failure(NAME, text)),
    };
    let ended = lp.run(&mut daemon);
    daemon.close(&mut lp);
    match ended {
        Ok(()) => {
            log::info!("ended");
            Exit::DONE
        }
        Err(error) => report::failure(NAME, format!("the poll loop failed: {error}")),
    }
}
