//! wanbox: WAN links, access concentrator and packet-radio station in one executable.
//!
//! The table of applets and their dispatch by the name the executable was called by.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::argv::{self, Ended};
use wanbox_grammar::{Applet, Exit, report};

mod install;

/// The applets of this build, a family each.
const FAMILIES: &[&[Applet]] = &[
    #[cfg(feature = "wan")]
    wanbox_wanrouter::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_pipemon::APPLETS,
];

/// The executable under its own name.
const NAME: &str = "wanbox";

/// WAN links, access concentrator and packet-radio station in one executable.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    help_triggers("--help"),
    usage = "APPLET [ARGUMENT...]
       {command_name} --list
       {command_name} --install [-s] [--force] DIR
       {command_name} --version",
    note = "Called under the name of an applet, the executable is that applet."
)]
struct Options {
    /// print the names of the applets, one a line
    #[argh(switch)]
    list: bool,
    /// make a link for every applet in the directory DIR; what is there and is not one of these
    /// links stays, and then nothing is made
    #[argh(switch)]
    install: bool,
    /// with --install: symbolic links instead of hard ones
    #[argh(switch, short = 's')]
    symbolic: bool,
    /// with --install: replace files that are not links to this executable
    #[argh(switch)]
    force: bool,
    /// print the version
    #[argh(switch)]
    version: bool,
    /// the directory for --install
    #[argh(positional, arg_name = "DIR")]
    words: Vec<String>,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_else(|| NAME.into());
    let name = Path::new(&called)
        .file_name()
        .map_or(NAME.into(), |name| name.to_string_lossy().into_owned());
    match args
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>()
    {
        Ok(args) => dispatch(&name, &args),
        Err(arg) => report::misuse(&name, format_args!("argument {arg:?} is not UTF-8")),
    }
    .into()
}

fn applets() -> impl Iterator<Item = &'static Applet> {
    FAMILIES.iter().copied().flatten()
}

/// Runs what the executable was called as: an applet's exact name, or `wanbox` itself, also with
/// a version or build behind it (`wanbox-0.1`).
fn dispatch(name: &str, args: &[String]) -> Exit {
    if let Some(applet) = applets().find(|applet| applet.name == name) {
        return (applet.run)(args);
    }
    if !name.starts_with(NAME) {
        return unknown(name);
    }
    match args.split_first() {
        Some((applet, args)) if !applet.starts_with('-') => {
            match applets().find(|a| a.name == applet) {
                Some(applet) => (applet.run)(args),
                None => unknown(applet),
            }
        }
        _ => own(args),
    }
}

fn unknown(name: &str) -> Exit {
    report::error(name, "no such applet; there are:");
    for applet in applets() {
        report::line(format_args!("  {}", applet.name));
    }
    Exit::UNKNOWN
}

/// `wanbox` with options of its own.
fn own(args: &[String]) -> Exit {
    let options = match argv::read::<Options>(NAME, args) {
        Ok(options) => options,
        Err(Ended::Help(text)) => {
            report::output(&(text + &summaries()));
            return Exit::DONE;
        }
        Err(Ended::Misuse(what)) => return report::misuse(NAME, what),
    };
    let asked = [options.list, options.install, options.version];
    match asked.iter().filter(|asked| **asked).count() {
        0 => return report::misuse(NAME, "say which applet to run; --list names them"),
        1 => {}
        _ => {
            return report::misuse(
                NAME,
                "only one of --list, --install and --version at a time",
            );
        }
    }
    if !options.install && (options.symbolic || options.force || !options.words.is_empty()) {
        return report::misuse(NAME, "-s, --force and a directory go with --install");
    }
    if options.install {
        return match options.words.as_slice() {
            [dir] => install::run(Path::new(dir), options.symbolic, options.force),
            _ => report::misuse(NAME, "--install takes one directory"),
        };
    }
    if options.list {
        report::output(
            &applets()
                .map(|a| format!("{}\n", a.name))
                .collect::<String>(),
        );
    } else {
        report::output(&format!("{NAME} {}\n", env!("CARGO_PKG_VERSION")));
    }
    Exit::DONE
}

/// The applets and what each is for, as the help text ends.
fn summaries() -> String {
    let width = applets().map(|a| a.name.len()).max().unwrap_or(0);
    let lines = applets().map(|a| format!("  {:width$}  {}\n", a.name, a.summary));
    format!("\nApplets:\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_unique() {
        let mut names: Vec<&str> = applets().map(|a| a.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "two applets with one name");
        assert!(names.iter().all(|name| !name.starts_with(NAME)));
    }

    #[test]
    fn unknown_names_and_words() {
        let no_args: &[String] = &[];
        assert_eq!(dispatch("xfpipemon", no_args), Exit::UNKNOWN);
        assert_eq!(dispatch(NAME, &["nope".to_owned()]), Exit::UNKNOWN);
        assert_eq!(dispatch(NAME, no_args), Exit::USAGE);
        assert_eq!(dispatch("wanbox-0.1", &["--list".to_owned()]), Exit::DONE);
        let both = ["--list".to_owned(), "--version".to_owned()];
        assert_eq!(dispatch(NAME, &both), Exit::USAGE);
        let stray = ["--list".to_owned(), "-s".to_owned()];
        assert_eq!(dispatch(NAME, &stray), Exit::USAGE);
    }
}
