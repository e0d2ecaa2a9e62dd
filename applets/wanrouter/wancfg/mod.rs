//! `wancfg`: shows and changes the configuration of devices, from menus or for scripts.

use std::io::Write;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use wanbox_console::dialog;
use wanbox_grammar::{Applet, Exit, argv};
use wanbox_runtime::files::Root;

use crate::conf::settings::device_name;
use crate::output::Output;
use crate::site::Site;
use menu::Menus;

mod boot;
mod couple;
mod draft;
mod list;
mod menu;
mod place;
mod script;
#[cfg(test)]
mod tests;

const NAME: &str = "wancfg";

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "configure WAN devices, from menus or for scripts",
    page: wanbox_grammar::page!(Command::get_args_info, "../man/wancfg.mdoc"),
    run,
};

/// Configure WAN devices: from menus, or for scripts with the options.
///
/// KEY is a key of the device (TTL), IF.KEY one of an interface (wp1fr16.CIR), IF.ip.VARIABLE one
/// of its addresses (wp1fr16.ip.IPADDR). TYPE, DESCRIPTION, IF.ADDRESS, IF.MODE and
/// IF.DESCRIPTION are those of [devices] and [interfaces].
#[derive(FromArgs, ArgsInfo, Default)]
#[argh(help_triggers("--help"))]
struct Command {
    /// make the device, with this link type: WAN_FR, WAN_CHDLC, ...
    #[argh(option, arg_name = "type")]
    new: Option<String>,

    /// give a key a value; several times
    #[argh(option, short = 's', arg_name = "key=value")]
    set: Vec<String>,

    /// take a key away, so that its default counts; several times
    #[argh(option, arg_name = "key")]
    unset: Vec<String>,

    /// add an interface: its name, its address on the link (a DLCI, an X.25 address), its mode (default: WANPIPE)
    #[argh(option, arg_name = "if[=address[,mode]]")]
    add_interface: Vec<String>,

    /// take an interface away
    #[argh(option, arg_name = "if")]
    remove_interface: Vec<String>,

    /// give an interface another name
    #[argh(option, arg_name = "if=new")]
    rename_interface: Vec<String>,

    /// yes, no: whether 'wanrouter start' starts the device (WAN_DEVICES of wanrouter.rc)
    #[argh(option, arg_name = "yes|no")]
    boot: Option<String>,

    /// take the device away; what its files held stays beside them as NAME.bak
    #[argh(switch)]
    delete: bool,

    /// print the value that counts for a key: its own or its default; several times
    #[argh(option, short = 'g', arg_name = "key")]
    get: Vec<String>,

    /// say whether the configuration would load, and all that is wrong or odd in it
    #[argh(switch)]
    check: bool,

    /// list the keys that the device (or any) has, with what they may be and mean
    #[argh(switch)]
    list_keys: bool,

    /// list the devices
    #[argh(switch)]
    list: bool,

    /// print JSON
    #[argh(switch)]
    json: bool,

    /// menus as plain lines of text (also where TERM is dumb)
    #[argh(switch)]
    plain: bool,

    /// put this directory before all paths (default: $WANBOX_ROOT, else /)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the device: wanpipe1
    #[argh(positional)]
    device: Option<String>,
}

impl Command {
    /// Whether anything is to be changed.
    fn edits(&self) -> bool {
        let lists = [
            &self.set,
            &self.unset,
            &self.add_interface,
            &self.remove_interface,
            &self.rename_interface,
        ];
        self.new.is_some() || self.boot.is_some() || lists.iter().any(|list| !list.is_empty())
    }
}

fn run(args: &[String]) -> Exit {
    let command: Command = match argv::parse(NAME, args) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let root = Root::new(command.root.as_deref());
    execute(&command, &root, &mut out, &mut err)
}

fn execute(command: &Command, root: &Root, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut output = Output::new(NAME, out, err);
    let tasks = [
        ("--delete", command.delete),
        ("--get", !command.get.is_empty()),
        ("--check", command.check),
        ("--list-keys", command.list_keys),
        ("--list", command.list),
        ("changes", command.edits()),
    ];
    let given: Vec<&str> = tasks.iter().filter(|t| t.1).map(|t| t.0).collect();
    if let [first, second, ..] = given[..] {
        return output.misuse(format_args!("only one of {first} and {second} can be done"));
    }
    if command.json && (command.delete || command.edits() || given.is_empty()) {
        return output.misuse("--json goes with --get, --check, --list-keys and --list");
    }
    let mut site = match Site::load_or_default(root) {
        Ok(site) => site,
        Err(error) => return output.failure(error),
    };
    for warning in &site.warnings {
        output.error(warning);
    }
    let needs_device = command.delete || command.edits() || !command.get.is_empty();
    match &command.device {
        None if needs_device => output.misuse("which device? give its name: wancfg wanpipe1 ..."),
        None if command.list => list::devices(&site, command.json, &mut output),
        None if command.list_keys => list::keys(&site, None, command.json, &mut output),
        None if command.check => script::check_all(&site, command.json, &mut output),
        Some(_) if command.list => output.misuse("--list takes no device"),
        Some(device) if !given.is_empty() => {
            script::device(command, &mut site, device, &mut output)
        }
        device => {
            if let Some(Err(why)) = device.as_deref().map(device_name) {
                return output.misuse(why);
            }
            menus(&mut site, device.as_deref(), command.plain, &mut output)
        }
    }
}

fn menus(site: &mut Site, device: Option<&str>, plain: bool, output: &mut Output<'_>) -> Exit {
    let mut dialog = match dialog::open(plain) {
        Ok(dialog) => dialog,
        Err(error) => {
            return output.failure(format_args!(
                "menus: {error}; for scripts there are --set, --get, --check and --list-keys, and \
                 --plain for menus in lines of text"
            ));
        }
    };
    let result = Menus::new(site, dialog.as_mut()).run(device);
    // The terminal is given back before anything is printed.
    drop(dialog);
    match result {
        Ok(()) => Exit::DONE,
        Err(error) => output.failure(format_args!("terminal: {error}")),
    }
}
