//! `eql_tune`: another rate of a slave, other limits of a master.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv, report};

use crate::master::{change, rate};

const NAME: &str = "eql_tune";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "change the rate of a slave or the limits of an eql master",
    page: wanbox_grammar::page!(Args::get_args_info, "man/eql_tune.mdoc"),
    run,
};

/// Change the rate of a slave, or how many slaves an eql master takes.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// how many slaves the master takes, 1 to 64; none is released when it has more
    #[argh(option, arg_name = "number")]
    max_slaves: Option<usize>,

    /// the least number of slaves, which the kernel's driver keeps and does not use
    #[argh(option, arg_name = "number")]
    min_slaves: Option<usize>,

    /// print the state of the master afterwards, as one line of JSON
    #[argh(switch)]
    json: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the name of the master, such as eql
    #[argh(positional)]
    master: String,

    /// the name of a slave, such as ppp0, and the estimated rate of its line, bit/s (28800, 64k,
    /// 2M), or auto to have it measured (eqld only)
    #[argh(positional, arg_name = "slave bps")]
    words: Vec<String>,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let limits = args.max_slaves.is_some() || args.min_slaves.is_some();
    let (root, json) = (args.root.as_deref(), args.json);
    match &*args.words {
        [] if limits => change(NAME, root, &args.master, json, |of| {
            of.set_limits(args.max_slaves, args.min_slaves)
        }),
        [] => report::misuse(
            NAME,
            "nothing to change: name a slave and its rate, or a limit (--max-slaves)",
        ),
        [_, _] if limits => report::misuse(
            NAME,
            "the rate of a slave and the limits of its master are changed one at a time",
        ),
        [slave, bps] => match rate(bps) {
            Ok(rate) => change(NAME, root, &args.master, json, |of| {
                of.set_rate(slave, rate)
            }),
            Err(why) => report::misuse(NAME, why),
        },
        [_] => report::misuse(NAME, "the rate of the slave is missing"),
        [_, _, rest @ ..] => report::misuse(NAME, format!("too many words: '{}'", rest.join(" "))),
    }
}
