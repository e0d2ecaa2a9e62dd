//! What an applet crate exports.

use crate::Exit;

/// One applet: a name that the executable can be linked under.
pub struct Applet {
    /// The exact base name.
    pub name: &'static str,
    /// One line for `--list` and the head of the man page.
    pub summary: &'static str,
    /// What its man page and completions are made from, where they are made: see [`page!`](crate::page).
    pub page: Option<Page>,
    /// The entry point. Gets the arguments after the name.
    pub run: fn(args: &[String]) -> Exit,
}

/// What a man page and completions are made from.
pub struct Page {
    /// The options.
    pub args: fn() -> argh::CommandInfoWithArgs,
    /// Hand-written mdoc(7) sections after OPTIONS: DESCRIPTION, FILES, EXAMPLES and so on.
    pub manual: &'static str,
}

/// The [`Page`] of an applet: its options, and the file of its prose. What ships has none, for a router makes no
/// man pages and its memory is short.
#[macro_export]
macro_rules! page {
    ($args:expr, $manual:literal) => {
        if cfg!(debug_assertions) {
            Some($crate::Page {
                args: $args,
                manual: include_str!($manual),
            })
        } else {
            None
        }
    };
}
