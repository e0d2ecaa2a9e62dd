//! wanbox: WAN links, access concentrator and packet-radio station in one executable.
//!
//! The table of applets and their dispatch by the name the executable was called by.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs, SubCommandInfo};
use wanbox_grammar::argv::{self, Ended};
use wanbox_grammar::generate::Form;
use wanbox_grammar::{Applet, Exit, report};

mod install;

/// The applets of this build, a family each.
const FAMILIES: &[&[Applet]] = &[
    #[cfg(feature = "wan")]
    wanbox_wanrouter::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_pipemon::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_wpbackupd::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_pppconfig::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_sdladump::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_wpkbdmon::APPLETS,
    #[cfg(feature = "wan")]
    wanbox_x25::APPLETS,
    #[cfg(feature = "eql")]
    wanbox_eql::APPLETS,
    #[cfg(feature = "l2tpns")]
    wanbox_l2tpns::APPLETS,
    #[cfg(feature = "l2tpns")]
    wanbox_nsctl::APPLETS,
    #[cfg(feature = "net")]
    wanbox_net::APPLETS,
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

/// The executable itself, for its own help, man page and completions.
const WANBOX: Applet = Applet {
    name: NAME,
    summary: "WAN links, access concentrator and packet-radio station in one executable",
    page: wanbox_grammar::page!(description, "wanbox.mdoc"),
    run: own,
};

fn description() -> CommandInfoWithArgs {
    let mut info = Options::get_args_info();
    let pages = applets().filter_map(|applet| Some((applet, applet.page.as_ref()?)));
    info.commands = pages
        .map(|(applet, page)| SubCommandInfo {
            name: applet.name,
            command: CommandInfoWithArgs {
                name: applet.name,
                description: applet.summary,
                ..(page.args)()
            },
        })
        .collect();
    info
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
        // Builds without pages have nothing to make.
        Some((option, args)) if cfg!(debug_assertions) && option == "--generate" => generate(args),
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

/// `--generate man|bash|zsh|fish DIR`, for the maker of packages: no option of the help.
fn generate(args: &[String]) -> Exit {
    let [form, dir] = args else {
        return report::misuse(
            NAME,
            "--generate takes man, bash, zsh or fish, and a directory",
        );
    };
    let form: Form = match form.parse() {
        Ok(form) => form,
        Err(why) => return report::misuse(NAME, why),
    };
    for applet in std::iter::once(&WANBOX).chain(applets()) {
        let path = Path::new(dir).join(form.file_name(applet.name));
        if let Err(why) = fs::write(&path, form.text(applet)) {
            return report::failure(NAME, format_args!("{}: {why}", path.display()));
        }
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

    /// What is committed is what the descriptions give, and nothing is left of applets gone.
    #[test]
    #[cfg(feature = "wan")]
    fn generated_files_are_fresh() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        for form in Form::ALL {
            let dir = top.join(match form {
                Form::Man => "man",
                Form::Bash => "completions/bash",
                Form::Zsh => "completions/zsh",
                Form::Fish => "completions/fish",
            });
            let mut wanted: Vec<String> = Vec::new();
            for applet in std::iter::once(&WANBOX).chain(applets()) {
                let name = form.file_name(applet.name);
                let committed = fs::read_to_string(dir.join(&name)).unwrap_or_default();
                assert!(
                    committed == form.text(applet),
                    "{name} is stale; `make generate` writes it again"
                );
                wanted.push(name);
            }
            for file in fs::read_dir(&dir).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let ours = form != Form::Man || name.ends_with(".8");
                assert!(
                    !ours || wanted.contains(&name),
                    "{name} belongs to no applet"
                );
            }
        }
    }

    /// Every applet, option and command is in the help, the page and each completion.
    #[test]
    fn nothing_lacks_its_help() {
        for applet in std::iter::once(&WANBOX).chain(applets()) {
            assert!(!applet.summary.is_empty(), "{} has no summary", applet.name);
            let info = (applet.page.as_ref().unwrap().args)();
            for form in Form::ALL {
                let text = form.text(applet);
                let says = |word: &str| text.contains(word);
                for flag in info.flags.iter().filter(|flag| !flag.hidden) {
                    let long = flag.long.trim_start_matches('-');
                    assert!(says(long), "{}: {long} lacks {form:?}", applet.name);
                    assert!(!flag.description.is_empty(), "{}: {long}", applet.name);
                }
                for command in &info.commands {
                    let name = command.name;
                    assert!(says(name), "{}: {name} lacks {form:?}", applet.name);
                    assert!(!command.command.description.is_empty(), "{name}");
                    // An applet's options are on its own page.
                    let flags = command.command.flags.iter().filter(|_| applet.name != NAME);
                    for flag in flags.filter(|flag| !flag.hidden) {
                        let long = flag.long.trim_start_matches('-');
                        assert!(says(long), "{}: {name} {long} lacks {form:?}", applet.name);
                        assert!(
                            !flag.description.is_empty(),
                            "{}: {name} {long}",
                            applet.name
                        );
                    }
                }
            }
        }
        assert!(summaries().lines().count() > applets().count());
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
