//! The applet `l2tpns`: its options, and what each of them starts.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv, report};
use wanbox_runtime::files::Root;

use crate::cli;
use crate::daemon::{self, Start};
use crate::files::Files;

/// Its name.
pub const NAME: &str = "l2tpns";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "L2TP network server",
    page: wanbox_grammar::page!(Args::get_args_info, "man/l2tpns.mdoc"),
    run,
};

/// Terminates tunnels of L2TP (RFC 2661) and the PPP sessions in them. With --check: a look at
/// its files.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(help_triggers("--help"))]
struct Args {
    /// go to the background as soon as everything is ready
    #[argh(switch, short = 'd')]
    daemon: bool,

    /// stay in the foreground (default)
    #[argh(switch, short = 'f')]
    foreground: bool,

    /// log one level more, as long as the configuration does not say otherwise; up to five times
    #[argh(switch, short = 'v')]
    verbose: u8,

    /// the configuration (default: /etc/l2tpns/startup-config)
    #[argh(option, short = 'c', arg_name = "file")]
    config: Option<PathBuf>,

    /// the name in tunnels and prompts, unless the configuration has one (default: the host's)
    #[argh(option, short = 'h', arg_name = "name")]
    hostname: Option<String>,

    /// read all files, say what is wrong in them, and end
    #[argh(switch)]
    check: bool,

    /// give a command to the running daemon, as at its prompt; several are given one after another
    #[argh(option, short = 'e', arg_name = "command")]
    execute: Vec<String>,

    /// with -e: show as JSON
    #[argh(switch)]
    json: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,
}

fn run(args: &[String]) -> Exit {
    let args = match argv::parse_consistent(NAME, args, consistent) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let root = Root::new(args.root.as_deref());
    if !args.execute.is_empty() {
        return cli::execute(NAME, &cli::socket(&root), &args.execute, args.json);
    }
    let files = Files::new(root, args.config.as_deref().map(absolute));
    if args.check {
        return check(&files);
    }
    daemon::run(&Start {
        files,
        background: args.daemon,
        level: args.verbose.min(5),
        host_name: args.hostname,
    })
}

/// What goes together.
fn consistent(args: &Args) -> Result<(), &'static str> {
    if args.daemon && args.foreground {
        return Err("-d and -f exclude each other");
    }
    if args.json && args.execute.is_empty() {
        return Err("--json shows what -e asks for");
    }
    let starts = args.daemon || args.foreground || args.verbose > 0 || args.check;
    if !args.execute.is_empty() && (starts || args.config.is_some() || args.hostname.is_some()) {
        return Err("-e is for a daemon that runs already: only --json and --root go with it");
    }
    if args.hostname.as_deref().is_some_and(|name| !is_name(name)) {
        return Err("-h takes a name: printable characters without blanks, at most 255");
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|octet| octet.is_ascii_graphic())
}

/// A relative path means what it meant to whoever typed it, also after the daemon went to `/`.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn check(files: &Files) -> Exit {
    match files.load() {
        Ok(loaded) => {
            for remark in &loaded.remarks {
                report::line(remark);
            }
            Exit::DONE
        }
        Err(wrong) => {
            for line in &wrong {
                report::line(line);
            }
            Exit::FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Args, argv::Ended> {
        argv::read(NAME, words)
    }

    #[test]
    fn options_of_the_original_and_ours() {
        let args = read(&["-dvv", "-v", "-c", "x/startup", "-hlns1"]).unwrap();
        assert!(args.daemon && args.verbose == 3 && !args.check);
        assert_eq!(args.config.as_deref(), Some(Path::new("x/startup")));
        assert_eq!(args.hostname.as_deref(), Some("lns1"));
        assert!(consistent(&args).is_ok());
        let args = read(&["-eshow session", "-e", "uptime", "--json"]).unwrap();
        assert_eq!(args.execute, ["show session", "uptime"]);
        assert!(args.json && consistent(&args).is_ok());
        assert!(absolute(Path::new("x/startup")).is_absolute());
        assert!(matches!(read(&["--help"]), Err(argv::Ended::Help(_))));
        assert!(read(&["-x"]).is_err() && read(&["word"]).is_err());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for words in [
            &["-d", "-f"][..],
            &["-h", "two words"],
            &["-h", ""],
            &["--json"],
            &["-e", "show session", "-d"],
            &["-e", "show session", "-c", "file"],
        ] {
            assert!(consistent(&read(words).unwrap()).is_err(), "{words:?}");
        }
    }
}
