//! `eql_dial`: keeps connections up day and night, as slaves of a load balancer where wanted.
//!
//! | to change | open |
//! |---|---|
//! | when a line is dialled, held, hung up; schedules | `engine/keeper/` |
//! | the configuration file | `config.rs`, DSLIP's `runslip.rs` |
//! | process, device, interface and hooks of one line | `line.rs`, `line/`, `command.rs` |
//! | how slaves are made and released | `balancer.rs` |
//! | the daemon, and what it takes over from an earlier one | `daemon.rs`, `state.rs` |
//! | what pppd's ip-up and ip-down call | `calls.rs` |
//! | SLIP interfaces for DSLIP's file | `attach.rs` |
//! | what commands ask and see | `control.rs`, `show.rs`, this file |

use std::path::{Path, PathBuf};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv, report};
use wanbox_runtime::control::call;
use wanbox_runtime::daemon::{Started, start};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::service::{self, Service};

mod attach;
mod balancer;
mod calls;
mod command;
mod config;
mod control;
mod daemon;
mod line;
mod runslip;
mod show;
mod state;

pub use config::fuzz_dial;

use balancer::Balancer;
use calls::Way;
use config::LineConf;
use control::{HandWord, Reply, Request};

const NAME: &str = "eql_dial";
/// Where the configuration is.
const FILE: &str = "/etc/wanpipe/eql_dial.conf";
/// How long the daemon may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to hang everything up.
const CLOSING: Duration = Duration::from_secs(120);

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "keep dial-up connections up, as slaves of a load balancer",
    page: wanbox_grammar::page!(Command::get_args_info, "../man/eql_dial.mdoc"),
    run,
};

/// Keep connections up day and night: dial, watch, enslave, redial. Without a command the daemon
/// is started.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Command {
    /// stay in the foreground and log to standard error
    #[argh(switch, short = 'f')]
    foreground: bool,

    /// configuration file (default: /etc/wanpipe/eql_dial.conf)
    #[argh(option, short = 'c', arg_name = "file")]
    conf: Option<PathBuf>,

    /// read DSLIP's runslip.conf instead
    #[argh(option, arg_name = "file")]
    runslip: Option<PathBuf>,

    /// only say what is wrong with the configuration
    #[argh(switch)]
    check: bool,

    /// bring up what is to be up and end; for cron
    #[argh(switch)]
    once: bool,

    /// log to this file too, reopened on SIGHUP
    #[argh(option, arg_name = "file")]
    log_file: Option<PathBuf>,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    #[argh(subcommand)]
    verb: Option<Verb>,
}

#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
enum Verb {
    Status(Status),
    Up(Up),
    Down(Down),
    Auto(Auto),
    Stop(Stop),
    Attach(attach::Attach),
}

/// Show every line, or one.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "status", help_triggers("--help"))]
struct Status {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
    /// a line
    #[argh(positional)]
    line: Option<String>,
}

/// Bring a line up by hand; or, from pppd's ip-up, say that an interface is up, with its rate.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "up", help_triggers("--help"))]
struct Up {
    /// a line, or an interface
    #[argh(positional)]
    name: String,
    /// the rate that pppd gives ip-up, bit/s
    #[argh(positional)]
    rate: Option<String>,
}

/// Hang a line up by hand; or, from pppd's ip-down, say that an interface is going.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "down", help_triggers("--help"))]
struct Down {
    /// a line, or an interface
    #[argh(positional)]
    name: String,
}

/// Have the configuration decide over a line again.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "auto", help_triggers("--help"))]
struct Auto {
    /// a line
    #[argh(positional)]
    line: String,
}

/// Hang every line up and end the daemon.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "stop", help_triggers("--help"))]
struct Stop {}

fn run(args: &[String]) -> Exit {
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let root = Root::new(command.root.as_deref());
    let file = match (&command.conf, &command.runslip) {
        (Some(_), Some(_)) => {
            return report::misuse(NAME, "--conf and --runslip exclude each other");
        }
        (Some(file), None) | (None, Some(file)) => file.clone(),
        (None, None) => root.path(FILE),
    };
    // The daemon reads it again from another directory.
    let file = std::path::absolute(&file).unwrap_or(file);
    if command.verb.is_some() && (command.check || command.once || command.foreground) {
        return report::misuse(NAME, "-f, --check and --once go without a command");
    }
    match &command.verb {
        None => serve(&root, &command, file),
        Some(Verb::Status(status)) => {
            let line = status.line.clone();
            match ask(&root, &Request::Status { line }) {
                Ok(Reply::Status { lines }) if status.json => show::json(&lines),
                Ok(Reply::Status { lines }) => {
                    report::output(&show::table(&lines));
                    Exit::DONE
                }
                Ok(Reply::Done) => report::failure(NAME, "the daemon gave no state"),
                Err(exit) => exit,
            }
        }
        Some(Verb::Up(Up { name, rate })) => {
            calls::serve(&root, &file, Way::Up, name, rate.as_deref())
        }
        Some(Verb::Down(Down { name })) => calls::serve(&root, &file, Way::Down, name, None),
        Some(Verb::Auto(Auto { line })) => calls::by_hand(&root, line, HandWord::Auto),
        Some(Verb::Attach(attach)) => attach::run(&root, &file, attach),
        Some(Verb::Stop(_)) => match ask(&root, &Request::Stop) {
            Ok(_) => wait_end(&root),
            Err(exit) => exit,
        },
    }
}

fn ask(root: &Root, request: &Request) -> Result<Reply, Exit> {
    call(&control::socket(&root.run_dir()), request, PATIENCE).map_err(|error| {
        report::error(NAME, &error);
        Exit(error.exit_code())
    })
}

/// Waits until the daemon has hung everything up.
fn wait_end(root: &Root) -> Exit {
    let file = control::pid_file(&root.run_dir());
    let until = std::time::Instant::now() + CLOSING;
    while files::is_locked(&file).unwrap_or(false) {
        if std::time::Instant::now() >= until {
            return report::failure(NAME, format!("hanging up takes longer than {CLOSING:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Exit::DONE
}

fn read(file: &Path, runslip: bool) -> Result<Vec<LineConf>, Exit> {
    let text =
        files::read_text(file, config::MAX_FILE).map_err(|error| report::failure(NAME, error))?;
    let name = file.to_string_lossy();
    let (lines, diagnostics) = if runslip {
        runslip::parse(&name, &text)
    } else {
        config::parse(&name, &text)
    };
    for diagnostic in diagnostics.iter() {
        report::error(NAME, diagnostic);
    }
    if diagnostics.has_errors() {
        return Err(Exit::FAILED);
    }
    Ok(lines)
}

fn serve(root: &Root, command: &Command, file: PathBuf) -> Exit {
    let lines = match read(&file, command.runslip.is_some()) {
        Ok(lines) => lines,
        Err(exit) => return exit,
    };
    if command.check {
        return Exit::DONE;
    }
    // Whoever runs keeps the lines; cron need not hear of it every minute.
    if command.once && files::is_locked(&control::pid_file(&root.run_dir())).unwrap_or(false) {
        return Exit::DONE;
    }
    let log_file = command.log_file.as_ref();
    let log_file = log_file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let readiness = match start(command.foreground || command.once, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    let pid_file = control::pid_file(&root.run_dir());
    let options = service::Options {
        name: NAME,
        subject: None,
        pid_file: &pid_file,
        log_file,
        level: log::LevelFilter::Info,
        foreground: command.foreground,
    };
    let opened = Service::open(root, options).and_then(|mut service| {
        let options = daemon::Options {
            lines,
            root: root.clone(),
            file,
            once: command.once,
            balancer: Balancer::new(root.clone()),
        };
        let daemon = daemon::Daemon::open(&mut service.lp, options, service.logging)?;
        Ok((service.lp, daemon, service.pid_file))
    });
    let (mut lp, mut daemon, pid_file) = match readiness.conclude(opened) {
        Ok(opened) => opened,
        Err(text) => return text.map_or(Exit::FAILED, |text| report::failure(NAME, text)),
    };
    let ran = if daemon.is_done() {
        Ok(())
    } else {
        lp.run(&mut daemon)
    };
    let exit = match ran {
        Err(error) => report::failure(NAME, format!("the poll loop failed: {error}")),
        Ok(()) if command.once => {
            let (all, troubles) = daemon.outcome();
            for trouble in troubles {
                report::error(NAME, trouble);
            }
            if all { Exit::DONE } else { Exit::FAILED }
        }
        Ok(()) => Exit::DONE,
    };
    daemon.leave();
    drop(pid_file);
    exit
}
