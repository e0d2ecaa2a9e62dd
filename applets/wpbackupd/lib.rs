//! `wpbackupd`: watches primary links, and has a backup carry the traffic while one is down.
//!
//! | to change | open |
//! |---|---|
//! | when the backup takes over and when the primary returns | `engine/` |
//! | the configuration file | `config.rs` |
//! | processes, routes, checks of one link | `link.rs` |
//! | the daemon | `daemon.rs` |
//! | what commands ask and see | `control.rs`, this file |

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_console::table::{self, Align};
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::{Applet, Exit, argv, report};
use wanbox_runtime::control::call;
use wanbox_runtime::daemon::{PidFile, Started, start};
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::service::{self, Service};

mod config;
mod control;
mod daemon;
mod link;

use config::LinkConf;
use control::{LinkStatus, ModeWord, Reply, Request};

const NAME: &str = "wpbackupd";
/// Where the configuration is.
const FILE: &str = "/etc/wanpipe/wpbackupd.conf";
/// How long the daemon may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[Applet {
    name: NAME,
    summary: "watch primary WAN links and bring up a backup",
    page: wanbox_grammar::page!(Command::get_args_info, "man/wpbackupd.mdoc"),
    run,
}];

/// Watch primary WAN links, and have a backup carry the traffic while one is down. Without a
/// command the daemon is started.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Command {
    /// stay in the foreground and log to standard error
    #[argh(switch, short = 'f')]
    foreground: bool,

    /// configuration file (default: /etc/wanpipe/wpbackupd.conf)
    #[argh(option, short = 'c', arg_name = "file")]
    conf: Option<PathBuf>,

    /// only say what is wrong with the configuration
    #[argh(switch)]
    check: bool,

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
    Backup(Backup),
    Primary(Primary),
    Auto(Auto),
    Stop(Stop),
}

/// Show every link, or one.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "status", help_triggers("--help"))]
struct Status {
    /// one line of JSON
    #[argh(switch)]
    json: bool,
    /// the primary interface
    #[argh(positional)]
    link: Option<String>,
}

/// Use the backup of a link, whatever the state of its primary.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "backup", help_triggers("--help"))]
struct Backup {
    /// the primary interface
    #[argh(positional)]
    link: String,
}

/// Use the primary of a link, whatever its state.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "primary", help_triggers("--help"))]
struct Primary {
    /// the primary interface
    #[argh(positional)]
    link: String,
}

/// Let the state of the primary decide again.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "auto", help_triggers("--help"))]
struct Auto {
    /// the primary interface
    #[argh(positional)]
    link: String,
}

/// Return every link to its primary and end the daemon.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "stop", help_triggers("--help"))]
struct Stop {}

fn run(args: &[String]) -> Exit {
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let root = Root::new(command.root.as_deref());
    match &command.verb {
        None => serve(&root, &command),
        Some(Verb::Status(status)) => {
            let link = status.link.clone();
            match ask(&root, &Request::Status { link }) {
                Ok(Reply::Status { links }) if status.json => show_json(&links),
                Ok(Reply::Status { links }) => {
                    report::output(&show(&links));
                    Exit::DONE
                }
                Ok(Reply::Done) => report::failure(NAME, "the daemon gave no state"),
                Err(exit) => exit,
            }
        }
        Some(Verb::Backup(Backup { link })) => mode(&root, link, ModeWord::Backup),
        Some(Verb::Primary(Primary { link })) => mode(&root, link, ModeWord::Primary),
        Some(Verb::Auto(Auto { link })) => mode(&root, link, ModeWord::Automatic),
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

fn mode(root: &Root, link: &str, mode: ModeWord) -> Exit {
    let link = link.to_owned();
    match ask(root, &Request::Mode { link, mode }) {
        Ok(_) => Exit::DONE,
        Err(exit) => exit,
    }
}

/// Waits until the daemon has taken its backups down.
fn wait_end(root: &Root) -> Exit {
    let file = control::pid_file(&root.run_dir());
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while files::is_locked(&file).unwrap_or(false) {
        if std::time::Instant::now() >= until {
            return report::failure(NAME, "the backups take longer than a minute to stop");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Exit::DONE
}

fn show_json(links: &[LinkStatus]) -> Exit {
    match serde_json::to_string(links) {
        Ok(text) => {
            report::output(&format!("{text}\n"));
            Exit::DONE
        }
        Err(error) => report::failure(NAME, format!("JSON output: {error}")),
    }
}

fn show(links: &[LinkStatus]) -> String {
    let word = |up| if up { "up" } else { "down" }.to_owned();
    let rows: Vec<Vec<String>> = links
        .iter()
        .map(|link| {
            vec![
                link.primary.clone(),
                word(link.primary_up),
                link.backup.clone(),
                word(link.backup_up),
                link.state.clone(),
                link.next_seconds.map_or(String::new(), |seconds| {
                    humantime::format_duration(Duration::from_secs(seconds.ceil() as u64))
                        .to_string()
                }),
                match link.mode {
                    ModeWord::Automatic => String::new(),
                    ModeWord::Primary | ModeWord::Backup => "by command".into(),
                },
                link.takeovers.to_string(),
                link.trouble.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        ("PRIMARY", Align::Left),
        ("IS", Align::Left),
        ("BACKUP", Align::Left),
        ("IS", Align::Left),
        ("STATE", Align::Left),
        ("NEXT IN", Align::Right),
        ("HELD", Align::Left),
        ("TAKEOVERS", Align::Right),
        ("TROUBLE", Align::Left),
    ];
    table::columns(&head, &rows)
}

fn tell(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        report::error(NAME, diagnostic);
    }
}

fn read(file: &std::path::Path) -> Result<Vec<LinkConf>, Exit> {
    let text =
        files::read_text(file, daemon::MAX_CONF).map_err(|error| report::failure(NAME, error))?;
    let (links, diagnostics) = config::parse(&file.to_string_lossy(), &text);
    tell(&diagnostics);
    if diagnostics.has_errors() {
        return Err(Exit::FAILED);
    }
    Ok(links)
}

fn serve(root: &Root, command: &Command) -> Exit {
    let file = command.conf.clone().unwrap_or_else(|| root.path(FILE));
    // The daemon reads it again from another directory.
    let file = std::path::absolute(&file).unwrap_or(file);
    let links = match read(&file) {
        Ok(links) => links,
        Err(exit) => return exit,
    };
    if command.check {
        return Exit::DONE;
    }
    let log_file = command.log_file.as_ref();
    let log_file = log_file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    let readiness = match start(command.foreground, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    let opened = open(root, links, file, log_file, command.foreground);
    let (mut lp, mut daemon, pid_file) = match readiness.conclude(opened) {
        Ok(opened) => opened,
        Err(text) => return text.map_or(Exit::FAILED, |text| report::failure(NAME, text)),
    };
    let ran = lp.run(&mut daemon);
    drop(daemon);
    drop(pid_file);
    match ran {
        Ok(()) => Exit::DONE,
        Err(error) => report::failure(NAME, format!("the poll loop failed: {error}")),
    }
}

fn open(
    root: &Root,
    links: Vec<LinkConf>,
    file: PathBuf,
    log_file: Option<PathBuf>,
    foreground: bool,
) -> Result<(Loop, daemon::Daemon, PidFile), String> {
    let Service {
        mut lp,
        logging,
        pid_file,
    } = Service::open(
        root,
        service::Options {
            name: NAME,
            subject: None,
            pid_file: &control::pid_file(&root.run_dir()),
            log_file,
            level: log::LevelFilter::Info,
            foreground,
        },
    )?;
    let daemon = daemon::Daemon::open(&mut lp, links, root.clone(), file, logging)?;
    Ok((lp, daemon, pid_file))
}
