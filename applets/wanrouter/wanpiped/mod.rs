//! `wanpiped`: the link daemon, one process a device.
//!
//! | part | what it holds |
//! |---|---|
//! | [`setup`] | from a configuration to a running device |
//! | [`device`] | the device in the poll loop: events, carrier, who waits for whom |
//! | [`events`] | what the engine says of the link, and what becomes of it at the host |
//! | [`datapath`] | packets between interfaces and line |
//! | [`api`] | raw frames between applications and line |
//! | [`x25api`] | X.25 circuits of applications, calls passed on to other devices |
//! | [`characters`], [`tty`] | lines of characters; terminals |
//! | [`line`], [`batch`], [`watch`] | the line, frames on their way to it, trace and capture |
//! | [`map`] | the state of the device in a mapped file |
//! | [`interface`], [`host`] | the kernel's side of a channel |
//! | [`link`], [`ppp`], [`secrets`], [`x25`] | the engine, whichever protocol; what is PPP's own, and X.25's |
//! | [`bundle`] | several devices as one PPP link |
//! | [`monitor`], [`guard`], [`service`] | the management protocol, who may ask through the line, and how requests come in |
//! | [`requests`], [`status`], [`counters`] | what commands ask and see |

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::{Applet, Exit, argv, report};
use wanbox_runtime::daemon::{self, PidFile, Readiness, Started};
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::logging::{self, Logging, Sink};
use wanbox_runtime::process::{self, Capability, Signal};

use crate::conf::{DeviceConf, Settings, load, settings};
use crate::control;

mod api;
mod batch;
mod bundle;
mod characters;
mod counters;
mod datapath;
mod device;
mod events;
mod guard;
mod host;
mod interface;
mod line;
mod link;
mod map;
mod monitor;
mod ppp;
mod requests;
mod secrets;
mod service;
mod setup;
mod status;
mod tty;
mod watch;
mod x25;
mod x25api;

pub use monitor::fuzz_monitor;

/// The applet's name.
pub const NAME: &str = "wanpiped";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "link daemon of one WAN device",
    page: wanbox_grammar::page!(Args::get_args_info, "../man/wanpiped.mdoc"),
    run,
};

/// How long a device may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// Log lines kept for `wanrouter debug`.
const LOG_RING: usize = 500;
/// The syslog daemon's socket.
const SYSLOG: &str = "/dev/log";
/// The longest configuration on standard input, octets.
const MAX_CONF: u64 = 1024 * 1024;

/// Runs the link of one WAN device: its line, its protocol and its network interfaces.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// stay in the foreground and log to standard error
    #[argh(switch, short = 'f')]
    foreground: bool,

    /// configuration file; "-" reads it from standard input (default: DEVICE.conf in the configuration directory)
    #[argh(option, short = 'c', arg_name = "file")]
    conf: Option<String>,

    /// capture the line to this pcap file from the start
    #[argh(option, arg_name = "file")]
    pcap: Option<PathBuf>,

    /// log to this file, reopened on SIGHUP (default: WAN_LOG of wanrouter.rc; with -f none)
    #[argh(option, arg_name = "file")]
    log_file: Option<PathBuf>,

    /// log what is below notices too
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the device, such as wanpipe1
    #[argh(positional)]
    device: String,
}

fn run(args: &[String]) -> Exit {
    let mut args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    // The daemon opens them from another directory.
    for path in [&mut args.pcap, &mut args.log_file, &mut args.root] {
        if let Some(absolute) = path.as_deref().and_then(|p| std::path::absolute(p).ok()) {
            *path = Some(absolute);
        }
    }
    if let Err(error) = settings::device_name(&args.device) {
        return report::misuse(NAME, error);
    }
    let root = Root::new(args.root.as_deref());
    let (conf, file) = match read_conf(&root, &args) {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let readiness = match daemon::start(args.foreground, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    match serve(&root, &args, conf, file, readiness) {
        Ok(()) => Exit::DONE,
        Err(Some(text)) => report::failure(NAME, text),
        Err(None) => Exit::FAILED,
    }
}

/// Reads the configuration of the device; everything wrong with it is reported at once.
fn read_conf(root: &Root, args: &Args) -> Result<(DeviceConf, Option<PathBuf>), Exit> {
    let settings = match Settings::load(root) {
        Ok((settings, diagnostics)) => {
            tell(&diagnostics);
            settings
        }
        Err(error) if error.is_absent() => Settings::default(),
        Err(error) => return Err(report::failure(NAME, error)),
    };
    let (outcome, file) = if args.conf.as_deref() == Some("-") {
        let mut text = String::new();
        std::io::stdin()
            .take(MAX_CONF)
            .read_to_string(&mut text)
            .map_err(|error| report::failure(NAME, format!("standard input: {error}")))?;
        let mut outcome = crate::conf::parse("standard input", &text);
        load::add_addresses(&mut outcome, root, &settings);
        (outcome, None)
    } else {
        let file = match &args.conf {
            Some(file) => PathBuf::from(file),
            None => settings.conf_file(root, &args.device),
        };
        // The daemon reads it again from another directory.
        let file = std::path::absolute(&file).unwrap_or(file);
        let outcome =
            load::file(&file, root, &settings).map_err(|error| report::failure(NAME, error))?;
        (outcome, Some(file))
    };
    let (devices, warnings) = outcome.accept().map_err(|diagnostics| {
        tell(&diagnostics);
        Exit::FAILED
    })?;
    tell(&warnings);
    let device = devices
        .into_iter()
        .find(|device| device.name == args.device);
    let Some(device) = device else {
        let place = file.as_deref().unwrap_or(Path::new("standard input"));
        let text = format!("{}: no device {}", place.display(), args.device);
        report::error(NAME, text);
        return Err(Exit::ABSENT);
    };
    Ok((device, file))
}

fn tell(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        report::error(NAME, diagnostic);
    }
}

/// Runs the device. An error without text was told to the starter.
fn serve(
    root: &Root,
    args: &Args,
    conf: DeviceConf,
    file: Option<PathBuf>,
    readiness: Readiness,
) -> Result<(), Option<String>> {
    let started = start(root, args, conf, file);
    let (mut lp, mut device, pid_file) = readiness.conclude(started)?;
    log::info!("{}: started", device.conf.name);
    let ran = lp.run(&mut device);
    device.close();
    drop(device);
    drop(pid_file);
    ran.map_err(|error| Some(format!("the poll loop failed: {error}")))
}

type Running = (Loop, device::Device, PidFile);

fn start(
    root: &Root,
    args: &Args,
    conf: DeviceConf,
    file: Option<PathBuf>,
) -> Result<Running, String> {
    let run_dir = root.make_run_dir().map_err(|error| error.to_string())?;
    files::make_dir(&root.monitor_dir()).map_err(|error| error.to_string())?;
    let pid_file = PidFile::claim(&control::pid_file(&run_dir, &conf.name))
        .map_err(|error| error.to_string())?;
    let logging = open_log(args, root, &conf.name)?;
    let mut lp = Loop::new().map_err(|error| format!("cannot make a poll loop: {error}"))?;
    for signal in [Signal::Terminate, Signal::Interrupt, Signal::Hangup] {
        lp.watch_signal(signal)
            .map_err(|error| format!("cannot watch signals: {error}"))?;
    }
    let mut device = setup::build(conf, file, root.clone(), logging, &mut lp)?;
    if let Some(pcap) = &args.pcap {
        device
            .watch
            .start_capture(lp.now(), pcap)
            .map_err(|error| format!("{}: {error}", pcap.display()))?;
    }
    // Interfaces that come later need the first, packet lines the second.
    let keep = [Capability::NetAdmin, Capability::NetRaw];
    process::drop_privileges(None, &keep).map_err(|error| error.to_string())?;
    Ok((lp, device, pid_file))
}

fn open_log(args: &Args, root: &Root, device: &str) -> Result<Logging, String> {
    let mut sinks = Vec::new();
    if args.foreground {
        sinks.push(Sink::Stderr);
    } else if root.is_system() {
        // Below a prefix the system's log is not ours to write to.
        sinks.push(Sink::Syslog(SYSLOG.into()));
    }
    match &args.log_file {
        Some(file) => sinks.push(Sink::File(file.clone())),
        None if args.foreground => {}
        None => sinks.extend(common_log(root).map(Sink::File)),
    }
    let logging = Logging::new(logging::Options {
        program: format!("{NAME}[{device}]"),
        level: if args.verbose {
            log::LevelFilter::Debug
        } else {
            log::LevelFilter::Info
        },
        sinks,
        ring: LOG_RING,
        style: logging::Style::Named,
    })
    .map_err(|error| error.to_string())?;
    logging.install().map_err(|error| error.to_string())?;
    Ok(logging)
}

/// The log of the commands, which the daemons write to as well; `None` where it cannot be written.
fn common_log(root: &Root) -> Option<PathBuf> {
    let settings = Settings::load(root).map(|(settings, _)| settings);
    let log = root.path(settings.unwrap_or_default().log);
    files::make_dir(log.parent()?).ok()?;
    let open = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log);
    open.is_ok().then_some(log)
}

/// What is added to a log line whose likes were suppressed.
fn suppressed(count: u64) -> String {
    match count {
        0 => String::new(),
        count => format!(" ({count} more of these were suppressed)"),
    }
}
