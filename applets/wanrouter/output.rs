//! Where a command's words go. Tests read them; a reader that went away is no error.

use std::fmt::Display;
use std::io::Write;

use wanbox_grammar::Exit;

/// Standard output and standard error of one applet.
pub struct Output<'w> {
    applet: &'static str,
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
}

impl<'w> Output<'w> {
    /// Output of this applet into these two.
    pub fn new(applet: &'static str, out: &'w mut dyn Write, err: &'w mut dyn Write) -> Self {
        Self { applet, out, err }
    }

    /// Prints text as it is, at once: a command may take seconds until its next word.
    pub fn print(&mut self, text: impl Display) {
        // Nobody is left to tell when this fails.
        let _ = write!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// Prints one line.
    pub fn line(&mut self, text: impl Display) {
        self.print(format_args!("{text}\n"));
    }

    /// Prints a value as one line of JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Exit {
        match serde_json::to_string(value) {
            Ok(text) => {
                self.line(text);
                Exit::DONE
            }
            Err(error) => self.failure(format_args!("JSON output: {error}")),
        }
    }

    /// Says `applet: what` on standard error.
    pub fn error(&mut self, what: impl Display) {
        // Standard error is the last resort; a failure there cannot be reported.
        let _ = writeln!(self.err, "{}: {what}", self.applet);
    }

    /// Reports a failure.
    pub fn failure(&mut self, what: impl Display) -> Exit {
        self.error(what);
        Exit::FAILED
    }

    /// Reports wrong usage and where help is.
    pub fn misuse(&mut self, what: impl Display) -> Exit {
        self.error(what);
        let applet = self.applet;
        self.error(format_args!("try '{applet} --help'"));
        Exit::USAGE
    }

    /// Reports that something is not running or does not exist.
    pub fn absent(&mut self, what: impl Display) -> Exit {
        self.error(what);
        Exit::ABSENT
    }
}
