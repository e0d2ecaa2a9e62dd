//! wanbox: WAN links, access concentrator and packet-radio station in one executable.

use std::process::ExitCode;

use wanbox_grammar::Exit;

fn main() -> ExitCode {
    Exit::UNKNOWN.into()
}
