//! `pppconfig`: the files of pppd for providers that are dialled, from menus or for scripts.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_console::dialog::{self, Answer, Dialog, Form, Item, Question};
use wanbox_grammar::{Applet, Exit, argv};
use wanbox_runtime::files::{self, Root};

use property::{PROPERTIES, Property, property_of};
use provider::{Provider, check_name, check_password};

mod menu;
mod property;
mod provider;
mod quote;

const NAME: &str = "pppconfig";
/// The name of a provider when none is given.
const DEFAULT: &str = "provider";

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[Applet {
    name: NAME,
    summary: "configure pppd for providers that are dialled",
    page: wanbox_grammar::page!(Command::get_args_info, "man/pppconfig.mdoc"),
    run,
}];

/// Configure pppd for providers that are dialled: from menus, or for scripts with the options.
///
/// KEY is one of NUMBER, DNS, METHOD, USER, SPEED, PORT, MODEMINIT, CONNECT, LOGINPROMPT,
/// PASSWORDPROMPT, DEFAULTROUTE, IPDEFAULT, DEBUG, DEMAND, PERSIST, IDLE, REMOTENAME.
#[derive(FromArgs, ArgsInfo, Default)]
#[argh(help_triggers("--help"))]
struct Command {
    /// the provider (default: provider)
    #[argh(option, arg_name = "name")]
    provider: Option<String>,

    /// the serial port of a new provider, and PORT for scripts
    #[argh(option, arg_name = "port")]
    ttyport: Option<String>,

    /// do not ask for the name of a new provider
    #[argh(switch)]
    noname: bool,

    /// make the provider or change it: give a key a value; several times
    #[argh(option, short = 's', arg_name = "key=value")]
    set: Vec<String>,

    /// take the password from the first line of this file; - is standard input
    #[argh(option, arg_name = "file")]
    password_file: Option<PathBuf>,

    /// print the value of a key; several times
    #[argh(option, short = 'g', arg_name = "key")]
    get: Vec<String>,

    /// take the provider away; what its files held stays beside them as NAME.bak
    #[argh(switch)]
    delete: bool,

    /// list the providers
    #[argh(switch)]
    list: bool,

    /// menus as plain lines of text (also where TERM is dumb)
    #[argh(switch)]
    plain: bool,

    /// accepted and ignored: a program to draw menus with
    #[argh(switch)]
    whiptail: bool,

    /// accepted and ignored: a program to draw menus with
    #[argh(switch)]
    dialog: bool,

    /// accepted and ignored: a program to draw menus with
    #[argh(switch)]
    gdialog: bool,

    /// accepted and ignored: a program to draw menus with
    #[argh(switch)]
    kdialog: bool,

    /// print the version
    #[argh(switch)]
    version: bool,

    /// put this directory before all paths (default: $WANBOX_ROOT, else /)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,
}

fn run(args: &[String]) -> Exit {
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let root = Root::new(command.root.as_deref());
    let (mut out, mut err) = (io::stdout(), io::stderr());
    execute(&command, &root, &mut out, &mut err)
}

/// Where a command's words go. A reader that went away is no error.
struct Output<'w> {
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
}

impl Output<'_> {
    fn line(&mut self, text: impl std::fmt::Display) {
        // Nobody is left to tell when this fails.
        let _ = writeln!(self.out, "{text}");
    }

    fn end(&mut self, exit: Exit, what: impl std::fmt::Display) -> Exit {
        // Standard error is the last resort.
        let _ = writeln!(self.err, "{NAME}: {what}");
        exit
    }
}

fn execute(command: &Command, root: &Root, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut output = Output { out, err };
    // What draws the menus is not chosen here.
    let _ = [
        command.whiptail,
        command.dialog,
        command.gdialog,
        command.kdialog,
    ];
    if command.version {
        output.line(format_args!(
            "pppconfig (wanbox) {}",
            env!("CARGO_PKG_VERSION")
        ));
        return Exit::DONE;
    }
    let changes = !command.set.is_empty() || command.password_file.is_some();
    let tasks = [
        ("--delete", command.delete),
        ("--get", !command.get.is_empty()),
        ("--list", command.list),
        ("changes", changes),
    ];
    let given: Vec<&str> = tasks.iter().filter(|t| t.1).map(|t| t.0).collect();
    if let [first, second, ..] = given[..] {
        let what = format!("only one of {first} and {second} can be done");
        return output.end(Exit::USAGE, what);
    }
    let name = command.provider.as_deref().unwrap_or(DEFAULT);
    if let Err(why) = check_name(name) {
        return output.end(Exit::USAGE, why);
    }
    if command.list {
        provider::list(root)
            .iter()
            .for_each(|name| output.line(name));
        return Exit::DONE;
    }
    if given.is_empty() {
        return menus(command, root, &mut output);
    }
    let known = match Provider::load(root, name) {
        Ok(known) => known,
        Err(why) => return output.end(Exit::FAILED, why),
    };
    if changes {
        return change(
            command,
            root,
            known.unwrap_or_else(|| Provider::new(name)),
            &mut output,
        );
    }
    let Some(known) = known else {
        return output.end(Exit::ABSENT, format_args!("no provider '{name}'"));
    };
    if command.delete {
        return match known.delete(root) {
            Ok(gone) => {
                gone.iter().for_each(|path| output.line(path.display()));
                Exit::DONE
            }
            Err(error) => output.end(Exit::FAILED, error),
        };
    }
    for key in &command.get {
        match property_of(key) {
            Some(property) => output.line(known.get(property.key)),
            None => return output.end(Exit::ABSENT, format_args!("no key '{key}'")),
        }
    }
    Exit::DONE
}

fn change(command: &Command, root: &Root, mut provider: Provider, output: &mut Output<'_>) -> Exit {
    if let Some(port) = &command.ttyport
        && let Err(why) = provider.set("PORT", port)
    {
        return output.end(Exit::FAILED, why);
    }
    for text in &command.set {
        let Some((key, value)) = text.split_once('=') else {
            return output.end(
                Exit::USAGE,
                format_args!("--set {text}: should be KEY=VALUE"),
            );
        };
        if key.eq_ignore_ascii_case("PASSWORD") {
            let what = "a password is given by --password-file: others see the words of commands";
            return output.end(Exit::USAGE, what);
        }
        if let Err(why) = provider.set(key.trim(), value) {
            return output.end(Exit::FAILED, why);
        }
    }
    if let Some(file) = &command.password_file {
        match password(file) {
            Ok(password) => provider.password = Some(password),
            Err(why) => return output.end(Exit::FAILED, why),
        }
    }
    match provider.save(root) {
        Ok(written) => {
            written.iter().for_each(|path| output.line(path.display()));
            Exit::DONE
        }
        Err(why) => output.end(Exit::FAILED, format_args!("nothing is written: {why}")),
    }
}

/// The first line of a file, or of standard input.
fn password(file: &std::path::Path) -> Result<String, String> {
    const LIMIT: u64 = 4096;
    let octets = if file.as_os_str() == "-" {
        let mut octets = Vec::new();
        let read = io::stdin().lock().take(LIMIT).read_to_end(&mut octets);
        read.map_err(|error| format!("standard input: {error}"))?;
        octets
    } else {
        files::read_secret(file, LIMIT).map_err(|error| error.to_string())?
    };
    let text = String::from_utf8(octets).map_err(|_| "the password is not UTF-8".to_owned())?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    check_password(&line)?;
    Ok(line)
}

fn menus(command: &Command, root: &Root, output: &mut Output<'_>) -> Exit {
    let mut dialog = match dialog::open(command.plain) {
        Ok(dialog) => dialog,
        Err(error) => {
            let what = format!(
                "menus: {error}; for scripts there are --set, --get and --password-file, and \
                 --plain for menus in lines of text"
            );
            return output.end(Exit::FAILED, what);
        }
    };
    let ended = menu::run(command, root, dialog.as_mut());
    // The terminal is given back before anything is printed.
    drop(dialog);
    match ended {
        Ok(()) => Exit::DONE,
        Err(error) => output.end(Exit::FAILED, format_args!("terminal: {error}")),
    }
}
