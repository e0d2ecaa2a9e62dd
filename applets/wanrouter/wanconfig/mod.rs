//! `wanconfig`: one device or interface at a time, from files or from the command line.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::argv::{self, Ended};
use wanbox_grammar::generate::with_commands;
use wanbox_grammar::{Applet, Exit};
use wanbox_runtime::files::Root;

use crate::journal::Journal;
use crate::launch::Launcher;
use crate::output::Output;
use crate::site::Site;
use words::{Action, Words};

mod arguments;
mod change;
mod show;
mod words;

const NAME: &str = "wanconfig";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "set up, change and show WAN devices and interfaces",
    page: wanbox_grammar::page!(
        || with_commands(Command::get_args_info(), words::HELP),
        "../man/wanconfig.mdoc"
    ),
    run,
};

/// Set up, change and show WAN devices and interfaces.
///
/// Words: [card NAME [dev IF | nodev]] VERB, where VERB is start, stop, restart, reconfig, status,
/// config, hwprobe, counters, flush, line cut, line join, capture FILE or capture off.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("--help"))]
struct Command {
    /// start the devices of this configuration file
    #[argh(option, short = 'f', arg_name = "file")]
    file: Option<PathBuf>,

    /// stop the devices of this configuration file
    #[argh(option, short = 'd', arg_name = "file")]
    down: Option<PathBuf>,

    /// start a device that the words describe: [devices] DEV TYPE [interfaces] IF DEV ADDR|- MODE
    /// [DEV] KEY VALUE ... [IF] KEY VALUE ...
    #[argh(switch, short = 'U')]
    arguments: bool,

    /// accepted and ignored: list of ADSL channels
    #[argh(option, short = 'a', arg_name = "file")]
    adsl: Option<PathBuf>,

    /// say what is read and set
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// name the log after a failure (always done)
    #[argh(switch, short = 'w')]
    hints: bool,

    /// the log of what is read and set (default: WAN_LOG of wanrouter.rc)
    #[argh(option, short = 'y', arg_name = "file")]
    log: Option<PathBuf>,

    /// the system's log, named after a failure (default: /var/log/messages)
    #[argh(option, short = 'z', arg_name = "file")]
    messages: Option<PathBuf>,

    /// print this help
    #[argh(switch, short = 'h')]
    usage: bool,

    /// print the version
    #[argh(switch, short = 'V')]
    version: bool,

    /// not offered: the daemon mode of the original
    #[argh(switch, short = 'x')]
    daemon: bool,

    /// show in one line of JSON
    #[argh(switch)]
    json: bool,

    /// put this directory before all paths (default: $WANBOX_ROOT, else /)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// what to do
    #[argh(positional, greedy)]
    words: Vec<String>,
}

fn run(args: &[String]) -> Exit {
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let root = Root::new(command.root.as_deref());
    let launcher = Launcher::new(&root);
    execute(command, &root, &launcher, &mut out, &mut err)
}

/// All that a command needs.
struct Session<'w> {
    site: Site,
    launcher: &'w Launcher,
    output: Output<'w>,
    journal: Journal,
    verbose: bool,
    json: bool,
    /// Where the log of the system is, for hints.
    messages: PathBuf,
}

/// What the whole command line asks for.
enum Task {
    StartFile(PathBuf),
    StopFile(PathBuf),
    Arguments(Vec<String>),
    Words(Words),
}

fn execute<'w>(
    command: Command,
    root: &Root,
    launcher: &'w Launcher,
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
) -> Exit {
    let mut output = Output::new(NAME, out, err);
    if command.usage {
        return usage(&mut output);
    }
    if command.version {
        output.line(format_args!(
            "wanconfig (wanbox) {}",
            env!("CARGO_PKG_VERSION")
        ));
        return Exit::DONE;
    }
    if command.daemon {
        return output.misuse(
            "-x: the daemon mode of the original is not offered: each device has its own daemon, \
             wanpiped, with a control socket",
        );
    }
    // Accepted for old scripts: there are no ADSL cards, and hints are given anyway.
    let _ = (&command.adsl, command.hints);
    // JSON may be asked for after the words, too, as with every other applet.
    let (asked, words): (Vec<String>, Vec<String>) = command
        .words
        .iter()
        .cloned()
        .partition(|word| word == "--json");
    let json = command.json || !asked.is_empty();
    let task = match task(&command, words) {
        Ok(task) => task,
        Err(error) => return output.misuse(error),
    };
    match &task {
        Task::Words(Words {
            action: Action::Help,
            ..
        }) => return usage(&mut output),
        Task::Words(Words {
            action: Action::Hwprobe(mode),
            ..
        }) => {
            return crate::hwprobe::run(root, mode.as_deref(), json, &mut output);
        }
        _ => {}
    }
    let site = match Site::load_or_default(root) {
        Ok(site) => site,
        Err(error) => return output.failure(error),
    };
    for warning in &site.warnings {
        output.error(warning);
    }
    let journal = Journal::new(command.log.as_deref().unwrap_or(&site.log));
    let mut session = Session {
        site,
        launcher,
        output,
        journal,
        verbose: command.verbose,
        json,
        messages: command
            .messages
            .unwrap_or_else(|| "/var/log/messages".into()),
    };
    if session.verbose {
        let version = env!("CARGO_PKG_VERSION");
        session
            .output
            .line(format_args!("WAN Router Configurator (wanbox {version})"));
    }
    let exit = match task {
        Task::StartFile(file) => session.start_file(&file),
        Task::StopFile(file) => session.stop_file(&file),
        Task::Arguments(words) => session.start_arguments(&words),
        Task::Words(words) => session.act(&words),
    };
    if let Some(error) = session.journal.trouble() {
        session.output.error(error);
    }
    exit
}

fn task(command: &Command, words: Vec<String>) -> Result<Task, String> {
    let given = [
        ("-f", command.file.is_some()),
        ("-d", command.down.is_some()),
        ("-U", command.arguments),
    ];
    let given: Vec<&str> = given
        .iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| *name)
        .collect();
    if let [first, second, ..] = given[..] {
        return Err(format!("only one of {first} and {second} can be done"));
    }
    if command.arguments {
        return Ok(Task::Arguments(words));
    }
    if let (Some(option), Some(word)) = (given.first(), words.first()) {
        return Err(format!("'{word}': words cannot be combined with {option}"));
    }
    Ok(match (&command.file, &command.down) {
        (Some(file), _) => Task::StartFile(file.clone()),
        (None, Some(file)) => Task::StopFile(file.clone()),
        (None, None) => Task::Words(words::parse(&words)?),
    })
}

fn usage(output: &mut Output<'_>) -> Exit {
    if let Err(Ended::Help(text)) = argv::read::<Command>(NAME, &["--help".to_owned()]) {
        output.print(text);
    }
    Exit::DONE
}

impl Session<'_> {
    fn act(&mut self, words: &Words) -> Exit {
        let card = words.card.as_deref();
        let interface = words.interface.as_deref();
        match (&words.action, card) {
            (Action::Start, Some(card)) => self.start(card, interface, words.no_interfaces),
            (Action::Start, None) => self.start_everything(words.no_interfaces),
            (Action::Stop, Some(card)) => self.stop(card, interface),
            (Action::Stop, None) => self.stop_everything(),
            (Action::Restart, Some(card)) => self.restart(card, interface, words.no_interfaces),
            (Action::Restart, None) => self.restart_everything(words.no_interfaces),
            (Action::Status, card) => self.status(card),
            (Action::Config, card) => self.config(card),
            (Action::Reconfigure, Some(card)) => self.reconfigure(card, interface),
            (Action::Line(cut), Some(card)) => self.line(card, *cut),
            (Action::Capture(file), Some(card)) => self.capture(card, file.as_deref()),
            (Action::Counters, Some(card)) => self.counters(card),
            (Action::Flush, Some(card)) => self.flush(card),
            // Done before, or refused with the words.
            (Action::Help | Action::Hwprobe(_), _)
            | (
                Action::Reconfigure
                | Action::Line(_)
                | Action::Capture(_)
                | Action::Counters
                | Action::Flush,
                None,
            ) => self.output.misuse("'card NAME' is missing"),
        }
    }

    /// A failure of a step, in the words of the originals, with its reason and where the log is.
    fn failed(&mut self, step: impl Display, reason: impl Display) -> Exit {
        self.journal.note(format_args!("{step}: {reason}"));
        self.output.error(format_args!("{step} !!"));
        self.output.error(reason);
        self.hint()
    }

    fn hint(&mut self) -> Exit {
        let (log, messages) = (self.journal.path().display(), self.messages.display());
        self.output
            .error(format_args!("see {log} and {messages} for more"));
        Exit::FAILED
    }

    /// A path on the command line, which a daemon must find from its own directory.
    fn absolute(path: &Path) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    }
}

#[cfg(test)]
mod tests;
