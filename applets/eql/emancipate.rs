//! `eql_emancipate`: releases a slave.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv};

use crate::master::change;

const NAME: &str = "eql_emancipate";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "release a slave of an eql master",
    page: wanbox_grammar::page!(Args::get_args_info, "man/eql_emancipate.mdoc"),
    run,
};

/// Release a slave of an eql master. The interface stays up.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// print the state of the master afterwards, as one line of JSON
    #[argh(switch)]
    json: bool,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the name of the master, such as eql
    #[argh(positional)]
    master: String,

    /// the name of the interface, such as ppp0
    #[argh(positional)]
    slave: String,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    change(NAME, args.root.as_deref(), &args.master, args.json, |of| {
        of.emancipate(&args.slave)
    })
}
