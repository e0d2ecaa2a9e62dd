//! `sdladump`: the memory of a WAN device, octet by octet or decoded, and firmware modules.
//!
//! The memory that the original read through the window of an adapter is here the file in which
//! `wanpiped` keeps its state.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv, report, value};
use wanbox_runtime::files::Root;

mod decode;
mod dump;
mod firmware;
mod memory;

use memory::{Memory, Unread};

const NAME: &str = "sdladump";
/// Octets that are shown unless the command says how many.
const LENGTH: u64 = 0x100;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[Applet {
    name: NAME,
    summary: "show the memory of a WAN device, check firmware modules",
    page: wanbox_grammar::page!(Args::get_args_info, "man/sdladump.mdoc"),
    run,
}];

/// Shows the memory of a WAN device in hexadecimal digits, or checks a firmware module.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(
    help_triggers("-h", "--help"),
    usage = "[-v] [--root DIR] DEVICE [OFFSET [LENGTH]]
       {command_name} --json | --sections [--root DIR] DEVICE
       {command_name} --sfm FILE [--json]"
)]
struct Args {
    /// say first what is shown
    #[argh(switch, short = 'v')]
    verbose: bool,

    /// say what is in the memory, as JSON
    #[argh(switch)]
    json: bool,

    /// list the sections of the memory
    #[argh(switch)]
    sections: bool,

    /// check this firmware module and print its header and SHA-256
    #[argh(option, arg_name = "file")]
    sfm: Option<PathBuf>,

    /// put this directory before every path (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the device, such as wanpipe1; then the first octet, as 4096, 0x1000 or 010000 (default: 0);
    /// then how many (default: 256)
    #[argh(positional, arg_name = "device")]
    words: Vec<String>,
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    if let Some(file) = &args.sfm {
        if !args.words.is_empty() || args.sections {
            return report::misuse(NAME, "--sfm takes a file, and no device with it");
        }
        return match firmware::check(file, args.json) {
            Ok(text) => {
                report::output(&text);
                Exit::DONE
            }
            Err(what) => report::failure(NAME, what),
        };
    }
    let Some(device) = args.words.first() else {
        return report::misuse(NAME, "which device? or --sfm and a file");
    };
    if let Err(what) = value::interface_name(device) {
        return report::misuse(NAME, what);
    }
    let (offset, length) = match range(&args) {
        Ok(range) => range,
        Err(what) => return report::misuse(NAME, what),
    };
    let root = Root::new(args.root.as_deref());
    let memory = match Memory::read(&root, device) {
        Ok(memory) => memory,
        Err(Unread::Absent(what)) => {
            report::error(NAME, what);
            return Exit::ABSENT;
        }
        Err(Unread::Failed(what)) => return report::failure(NAME, what),
    };
    for remark in &memory.remarks {
        report::error(NAME, remark);
    }
    let text = if args.json {
        decode::json(device, &memory)
    } else if args.sections {
        decode::sections(&memory)
    } else {
        dump::text(device, &memory.octets, offset, length, args.verbose)
    };
    match text {
        Ok(text) => {
            report::output(&text);
            Exit::DONE
        }
        Err(what) => report::failure(NAME, what),
    }
}

/// What to show: the first octet and how many.
fn range(args: &Args) -> Result<(u64, u64), String> {
    let number = |what: &str, place: usize, default: u64| match args.words.get(place) {
        None => Ok(default),
        Some(text) => value::number(text)
            .map(|number| number.value)
            .map_err(|why| format!("{what}: {why}")),
    };
    if (args.json || args.sections) && args.words.len() > 1 {
        return Err("--json and --sections show everything: no offset with them".to_owned());
    }
    if args.json && args.sections {
        return Err("--json or --sections, not both".to_owned());
    }
    if let Some(word) = args.words.get(3) {
        return Err(format!("'{word}' is too much: DEVICE [OFFSET [LENGTH]]"));
    }
    let offset = number("offset", 1, 0)?;
    let length = number("length", 2, LENGTH)?;
    if length == 0 {
        return Err("length: 0 octets are nothing to show; at least 1".to_owned());
    }
    Ok((offset, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of(words: &[&str]) -> Result<(u64, u64), String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        range(&argv::read(NAME, &words).unwrap())
    }

    #[test]
    fn numbers_are_in_the_notation_of_c() {
        assert_eq!(range_of(&["wanpipe1"]), Ok((0, 256)));
        assert_eq!(range_of(&["wanpipe1", "0xF003", "024"]), Ok((0xf003, 20)));
        assert_eq!(range_of(&["-v", "wanpipe1", "10", "1"]), Ok((10, 1)));
        for wrong in [
            &["wanpipe1", "0", "0"][..],
            &["wanpipe1", "x"],
            &["wanpipe1", "08"],
            &["wanpipe1", "0", "1k"],
            &["wanpipe1", "0x10000000000000000"],
            &["--json", "wanpipe1", "0"],
            &["--json", "--sections", "wanpipe1"],
            &["wanpipe1", "0", "1", "2"],
        ] {
            assert!(range_of(wrong).is_err(), "{wrong:?}");
        }
    }
}
