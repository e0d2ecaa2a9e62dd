//! `eql_enslave`: gives a master a slave, as the driver's own program did.

use std::net::IpAddr;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv};

use crate::control::Rate;
use crate::master::{Wanted, change, rate};

const NAME: &str = "eql_enslave";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "enslave an interface to an eql master",
    page: wanbox_grammar::page!(Args::get_args_info, "man/eql_enslave.mdoc"),
    run,
};

/// Enslave an interface to an eql master, which then sends a part of its packets over it.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// take the slave again when it comes back after having gone down (eqld only)
    #[argh(switch)]
    sticky: bool,

    /// the address of the next router, for a slave that is an Ethernet (eqld only)
    #[argh(option, arg_name = "address")]
    via: Option<IpAddr>,

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

    /// the estimated rate of its line, bit/s (28800, 64k, 2M), or auto to have it measured (eqld
    /// only)
    #[argh(positional, from_str_fn(rate))]
    bps: Rate,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let wanted = Wanted {
        slave: args.slave,
        rate: args.bps,
        sticky: args.sticky,
        next_hop: args.via,
    };
    change(NAME, args.root.as_deref(), &args.master, args.json, |to| {
        to.enslave(&wanted)
    })
}
