//! The commands in the order in which abbreviations find them.

use wanbox_net_commands::{Command, Stop};
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;

use crate::own;
use crate::turn::Turn;

/// A command of the desk itself.
pub(crate) type Own = fn(&mut Turn<'_>, &[Word]) -> Result<(), Stop>;

/// Who knows a command.
#[derive(Clone, Copy)]
pub(crate) enum Known {
    /// The desk.
    Own(Own),
    /// The room of commands, under the same name.
    Elsewhere,
    /// Nobody: this protocol is not there.
    Missing(&'static str),
}

use Known::{Elsewhere, Missing, Own as By};

const fn missing(name: &'static str, protocol: &'static str) -> Entry<Known> {
    Entry::new(name, Missing(protocol))
}

const fn elsewhere(name: &'static str) -> Entry<Known> {
    Entry::new(name, Elsewhere)
}

const fn own(name: &'static str, command: Own) -> Entry<Known> {
    Entry::new(name, By(command))
}

/// The first that a word begins is meant: the order is that of the original, so that its abbreviations keep what
/// they mean.
pub(crate) const TABLE: [Entry<Known>; 58] = [
    own("", own::go),
    own("!", own::shell),
    elsewhere("arp"),
    elsewhere("asystat"),
    elsewhere("attach"),
    elsewhere("ax25"),
    elsewhere("axip"),
    own("bye", own::bye),
    elsewhere("connect"),
    own("close", own::close),
    own("disconnect", own::close),
    Entry::with("delete", By(own::delete), 2, "delete <file>"),
    elsewhere("domain"),
    own("echo", own::echo),
    own("eol", own::eol),
    own("escape", own::escape),
    own("exit", own::exit),
    elsewhere("finger"),
    Entry::with("fkey", By(own::fkey), 3, "fkey <key#> <text>"),
    elsewhere("flexnet"),
    missing("ftp", "FTP"),
    own("hostname", own::hostname),
    elsewhere("icmp"),
    elsewhere("ifconfig"),
    elsewhere("ip"),
    elsewhere("ipfilter"),
    own("kick", own::kick),
    own("log", own::log),
    own("login", own::login),
    elsewhere("memory"),
    Entry::with("mkdir", By(own::mkdir), 2, "mkdir <directory>"),
    elsewhere("netrom"),
    elsewhere("nrstat"),
    elsewhere("param"),
    elsewhere("ping"),
    elsewhere("ps"),
    own("record", own::record),
    elsewhere("remote"),
    Entry::with("rename", By(own::rename), 3, "rename <oldfile> <newfile>"),
    Entry::with(
        "repeat",
        By(own::repeat),
        2,
        "repeat [<interval>] <command> [args...]",
    ),
    own("reset", own::reset),
    elsewhere("rip"),
    Entry::with("rmdir", By(own::rmdir), 2, "rmdir <directory>"),
    elsewhere("route"),
    elsewhere("status"),
    own("session", own::session),
    own("shell", own::shell),
    missing("smtp", "mail"),
    missing("sntp", "SNTP"),
    Entry::with("source", By(own::source), 2, "source <filename>"),
    elsewhere("start"),
    elsewhere("stop"),
    elsewhere("tcp"),
    elsewhere("telnet"),
    own("topt", own::topt),
    elsewhere("trace"),
    elsewhere("udp"),
    own("upload", own::upload),
];

/// A command of the other room by its whole name.
pub(crate) fn elsewhere_named(name: &str) -> Option<&'static Entry<Command>> {
    let mut commands = wanbox_net_commands::COMMANDS.iter();
    commands.find(|entry| entry.name == name)
}
