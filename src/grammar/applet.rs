//! What an applet crate exports.

use crate::Exit;

/// One applet: a name that the executable can be linked under.
pub struct Applet {
    /// The exact base name.
    pub name: &'static str,
    /// One line for `--list` and the head of the man page.
    pub summary: &'static str,
    /// Its options, for help, completions and the man page.
    pub args: fn() -> argh::CommandInfoWithArgs,
    /// Hand-written mdoc(7) sections after OPTIONS: DESCRIPTION, FILES, EXAMPLES and so on.
    pub manual: &'static str,
    /// The entry point. Gets the arguments after the name.
    pub run: fn(args: &[String]) -> Exit,
}
