//! Exit codes, the same for every applet.

/// How a command ended. Codes travel in this type: nothing below `main` exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Done.
    pub const DONE: Self = Self(0);
    /// Failed.
    pub const FAILED: Self = Self(1);
    /// Wrong usage.
    pub const USAGE: Self = Self(2);
    /// Not running, or no such device.
    pub const ABSENT: Self = Self(3);
    /// No such applet.
    pub const UNKNOWN: Self = Self(127);
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}
