//! The applet `net`: its options, and what each of them starts.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv};
use wanbox_runtime::files::Root;

use crate::files::Files;
use crate::{attach, program, scripts};

/// Its name.
pub const NAME: &str = "net";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "packet-radio station: TCP/IP of its own, and a console",
    page: wanbox_grammar::page!(Args::get_args_info, "man/net.mdoc"),
    run,
};

/// A packet-radio station: interfaces, TCP/IP of its own, sessions and servers, and a console on this
/// terminal. With --attach: a further console. With -e: commands of the running station.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(help_triggers("--help"))]
struct Args {
    /// learned addresses and routes are neither read nor kept, the priority stays as it is, and changed
    /// files do not end the program
    #[argh(switch, short = 'g')]
    debug: bool,

    /// show every line of the startup file before it is run
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// go to the background as soon as everything is ready
    #[argh(switch, short = 'd')]
    daemon: bool,

    /// keep what it takes to run programs as other users, and the host's login, for those who come over a
    /// network (login program, login telnet)
    #[argh(switch)]
    logins: bool,

    /// a console on the running station
    #[argh(switch)]
    attach: bool,

    /// give a command to the running station; several are given one after another
    #[argh(option, short = 'e', arg_name = "command")]
    execute: Vec<String>,

    /// with -e: lists as JSON
    #[argh(switch)]
    json: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// commands to begin with (default: /tcp/net.rc where there is a directory /tcp, else /etc/net.rc)
    #[argh(positional, arg_name = "startup file")]
    startup: Option<PathBuf>,
}

fn run(args: &[String]) -> Exit {
    let args = match argv::parse_consistent(NAME, args, consistent) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let root = Root::new(args.root.as_deref());
    if args.attach {
        return attach::run(&attach::socket(&root));
    }
    if !args.execute.is_empty() {
        return scripts::execute(&scripts::socket(&root), args.execute, args.json);
    }
    program::run(&program::Start {
        files: Files::new(root, args.startup.as_deref()),
        background: args.daemon,
        debug: args.debug,
        verbose: args.verbose,
        logins: args.logins,
    })
}

/// What goes together.
fn consistent(args: &Args) -> Result<(), &'static str> {
    let starts = args.debug || args.verbose || args.daemon || args.logins || args.startup.is_some();
    let executes = !args.execute.is_empty();
    if args.json && !executes {
        return Err("--json shows what -e asks for");
    }
    if args.attach && executes {
        return Err("--attach and -e exclude each other");
    }
    if (args.attach || executes) && starts {
        return Err(
            "--attach and -e are for a station that runs already: only --root goes with them",
        );
    }
    if args.execute.iter().any(|line| line.trim().is_empty()) {
        return Err("-e takes a command");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(words: &[&str]) -> Result<Args, argv::Ended> {
        argv::read(NAME, words)
    }

    #[test]
    fn options_of_the_original_and_ours() {
        let args = read(&["-gv", "my.rc"]).unwrap();
        assert!(args.debug && args.verbose && !args.daemon && !args.attach);
        assert_eq!(args.startup.as_deref(), Some(Path::new("my.rc")));
        assert!(consistent(&args).is_ok());
        let args = read(&["-d", "--root", "/tmp/x"]).unwrap();
        assert!(args.daemon && args.startup.is_none() && consistent(&args).is_ok());
        let args = read(&["-eip status", "-e", "route", "--json"]).unwrap();
        assert_eq!(args.execute, ["ip status", "route"]);
        assert!(args.json && consistent(&args).is_ok());
        assert!(consistent(&read(&["--attach"]).unwrap()).is_ok());
        assert!(matches!(read(&["--help"]), Err(argv::Ended::Help(_))));
        assert!(read(&["-x"]).is_err() && read(&["one", "two"]).is_err());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for words in [
            &["--json"][..],
            &["--attach", "--json"],
            &["--attach", "-e", "ps"],
            &["--attach", "-d"],
            &["--attach", "file"],
            &["-e", "ps", "-g"],
            &["-e", "ps", "-v"],
            &["-e", "ps", "file"],
            &["-e", " "],
        ] {
            assert!(consistent(&read(words).unwrap()).is_err(), "{words:?}");
        }
    }
}
