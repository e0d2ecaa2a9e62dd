//! `wanrouter`: starts and stops the links, says what runs, and what is wrong.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::argv::{self, Ended};
use wanbox_grammar::{Applet, Exit, report};
use wanbox_runtime::files::Root;

use crate::hwprobe;
use crate::journal::Journal;
use crate::launch::Launcher;
use crate::output::Output;
use crate::site::Site;

mod debug;
mod mutex;
mod scripts;
mod show;
mod start;
mod stop;
mod summary;

const NAME: &str = "wanrouter";
/// How long a second `wanrouter` waits for the first.
const MUTEX_PATIENCE: Duration = Duration::from_secs(5);

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "start and stop WAN links, and show what they do",
    page: wanbox_grammar::page!(Command::get_args_info, "../man/wanrouter.mdoc"),
    run,
};

/// Start and stop WAN links, and show what they do.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("--help"))]
struct Command {
    /// put this directory before all paths (default: $WANBOX_ROOT, else /)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    #[argh(subcommand)]
    verb: Option<Verb>,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Verb {
    Start(Start),
    Stop(Stop),
    Restart(Restart),
    Status(Status),
    List(List),
    Summary(Summary),
    Hwprobe(Hwprobe),
    Debug(Debug),
    Conflog(Conflog),
    Messages(Messages),
    Version(Version),
}

/// Start all devices of WAN_DEVICES, one device, or one interface of a device.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "start", help_triggers("--help"))]
struct Start {
    /// the device, wanpipe1, and one interface of it
    #[argh(positional, arg_name = "device")]
    words: Vec<String>,
}

/// Stop all devices of WAN_DEVICES, one device, one interface of a device, or (all) whatever runs.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "stop", help_triggers("--help"))]
struct Stop {
    /// the device, wanpipe1, or the word all, and one interface of it
    #[argh(positional, arg_name = "device")]
    words: Vec<String>,
}

/// Stop and start again. A wrong new configuration leaves the running link as it is.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "restart", help_triggers("--help"))]
struct Restart {
    /// the device, wanpipe1, and one interface of it
    #[argh(positional, arg_name = "device")]
    words: Vec<String>,
}

/// Show what runs: devices, their configuration and their state.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "status", help_triggers("--help"))]
struct Status {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
    /// one device in detail
    #[argh(positional)]
    device: Option<String>,
}

/// List the active devices.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "list", help_triggers("--help"))]
struct List {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
}

/// Show every configuration file and the state of its device, a line each.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "summary", help_triggers("--help"))]
struct Summary {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
}

/// List the lines that this machine offers.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "hwprobe", help_triggers("--help"))]
struct Hwprobe {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
    /// the word verbose: say how each is used
    #[argh(positional)]
    mode: Option<String>,
}

/// Look for what is wrong with the installation, or with one interface.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "debug", help_triggers("--help"))]
struct Debug {
    /// the interface
    #[argh(positional)]
    interface: Option<String>,
}

/// Show the log of starts and stops.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "conflog", help_triggers("--help"))]
struct Conflog {}

/// Show the last 200 lines of the system's log.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "messages", help_triggers("--help"))]
struct Messages {}

/// Show the version.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "version", help_triggers("--help"))]
struct Version {}

fn run(args: &[String]) -> Exit {
    // argh keeps this word for itself.
    if let [word] = args
        && word == "help"
    {
        if let Err(Ended::Help(text)) = argv::read::<Command>(NAME, &["--help".to_owned()]) {
            report::output(&text);
        }
        return Exit::DONE;
    }
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let root = Root::new(command.root.as_deref());
    let launcher = Launcher::new(&root);
    execute(command, &root, &launcher, &mut out, &mut err)
}

/// All that a command needs: where things are, how daemons are started, where words go.
struct Session<'w> {
    site: Site,
    launcher: &'w Launcher,
    output: Output<'w>,
    journal: Journal,
}

fn execute<'w>(
    command: Command,
    root: &Root,
    launcher: &'w Launcher,
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
) -> Exit {
    let mut output = Output::new(NAME, out, err);
    let Some(verb) = command.verb else {
        return output.misuse("no command: start, stop, restart, status, list and others");
    };
    match verb {
        Verb::Version(_) => {
            output.line(format_args!(
                "WANPIPE Release: {} (wanbox)",
                env!("CARGO_PKG_VERSION")
            ));
            return Exit::DONE;
        }
        Verb::Hwprobe(probe) => {
            return hwprobe::run(root, probe.mode.as_deref(), probe.json, &mut output);
        }
        _ => {}
    }
    let site = match Site::load(root) {
        Ok(site) => site,
        Err(error) => return output.failure(error),
    };
    for warning in &site.warnings {
        output.error(warning);
    }
    let journal = Journal::new(&site.log);
    let mut session = Session {
        site,
        launcher,
        output,
        journal,
    };
    match verb {
        Verb::Start(Start { words }) => session.changing(&words, Session::start),
        Verb::Stop(Stop { words }) => session.changing(&words, Session::stop),
        Verb::Restart(Restart { words }) => session.changing(&words, Session::restart),
        Verb::Status(of) => session.status(of.device.as_deref(), of.json),
        Verb::List(list) => session.list(list.json),
        Verb::Summary(summary) => session.summary(summary.json),
        Verb::Debug(of) => session.debug(of.interface.as_deref()),
        Verb::Conflog(_) => session.conflog(),
        Verb::Messages(_) => session.messages(),
        // Done above, before anything was read.
        Verb::Version(_) | Verb::Hwprobe(_) => Exit::DONE,
    }
}

impl Session<'_> {
    /// Does something that changes what runs: alone, with the log and the system's lock kept right.
    fn changing(
        &mut self,
        words: &[String],
        action: fn(&mut Self, Option<&str>, Option<&str>) -> Exit,
    ) -> Exit {
        let (device, interface) = match words {
            [] => (None, None),
            [device] => (Some(device.as_str()), None),
            [device, interface] => (Some(device.as_str()), Some(interface.as_str())),
            [_, _, more, ..] => {
                return self.output.misuse(format_args!(
                    "unexpected word '{more}'; allowed: a device, an interface"
                ));
            }
        };
        let _mutex = match mutex::Mutex::take(&self.site.mutex, MUTEX_PATIENCE) {
            Ok(mutex) => mutex,
            Err(mutex::Unlocked::Held(pid)) => {
                let who = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
                self.output.print("\n");
                return self.output.failure(format_args!(
                    "ERROR: wanrouter script already running!{who}"
                ));
            }
            Err(mutex::Unlocked::File(error)) => return self.output.failure(error),
        };
        self.output.print("\n");
        let exit = action(self, device, interface);
        if let Err(error) = self.keep_subsystem_lock() {
            self.output.error(error);
        }
        if let Some(error) = self.journal.trouble() {
            self.output.error(error);
        }
        self.output.print("\n");
        exit
    }
}

#[cfg(test)]
mod tests;
