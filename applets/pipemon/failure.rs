//! How a monitor fails: a text and an exit code.

use wanbox_grammar::Exit;

/// A failure with what the user is told, word for word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// One or more lines without a final newline; empty when there is nothing to say.
    pub text: String,
}

impl Failure {
    /// The command failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::FAILED,
            text: text.into(),
        }
    }

    /// The arguments are wrong.
    pub fn usage(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::USAGE,
            text: text.into(),
        }
    }

    /// There is no such interface, or nobody answers.
    pub fn absent(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::ABSENT,
            text: text.into(),
        }
    }

    /// Standard output failed. A reader that went away ends the command without a word.
    pub fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self {
                exit: Exit::DONE,
                text: String::new(),
            }
        } else {
            Self::failed(format!("Error: standard output: {error}"))
        }
    }
}
