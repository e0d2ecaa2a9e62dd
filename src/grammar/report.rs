//! What a command says about itself: output that may lose its reader, errors with their applet.

use std::fmt::Display;
use std::io::Write;

use crate::Exit;

/// Writes text to standard output. A reader that went away is no error.
pub fn output(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // Nobody is left to tell when this fails.
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes a line to standard error.
pub fn line(text: impl Display) {
    // Standard error is the last resort; a failure there cannot be reported.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes `applet: what` to standard error.
pub fn error(applet: &str, what: impl Display) {
    line(format_args!("{applet}: {what}"));
}

/// Reports a failure. Returns [`Exit::FAILED`].
pub fn failure(applet: &str, what: impl Display) -> Exit {
    error(applet, what);
    Exit::FAILED
}

/// Reports wrong usage and where help is. Returns [`Exit::USAGE`].
pub fn misuse(applet: &str, what: impl Display) -> Exit {
    error(applet, what);
    error(applet, format_args!("try '{applet} --help'"));
    Exit::USAGE
}
