//! What is wrong in a file, and where: all of it at once, each with what would be right.

use std::fmt::{self, Display};

/// Whether the file can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Accepted, but worth a word.
    Warning,
    /// Refused.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Refused or only remarked.
    pub severity: Severity,
    /// The file as the user knows it, or `command line`.
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// The key or name it is about; may be empty.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What is allowed instead; may be empty.
    pub allowed: String,
}

impl Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.allowed.is_empty() {
            write!(f, "; allowed: {}", self.allowed)?;
        }
        Ok(())
    }
}

/// The findings of one file, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// No findings yet, in this file.
    pub fn new(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            list: Vec::new(),
        }
    }

    /// The file the next findings are in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Refuses: what is wrong and what is allowed.
    pub fn error(
        &mut self,
        line: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.push(
            Severity::Error,
            line,
            key.into(),
            what.into(),
            allowed.into(),
        );
    }

    /// Remarks on something accepted.
    pub fn warning(&mut self, line: usize, key: impl Into<String>, what: impl Into<String>) {
        self.push(
            Severity::Warning,
            line,
            key.into(),
            what.into(),
            String::new(),
        );
    }

    fn push(
        &mut self,
        severity: Severity,
        line: usize,
        key: String,
        what: String,
        allowed: String,
    ) {
        let file = self.file.clone();
        self.list.push(Diagnostic {
            severity,
            file,
            line,
            key,
            what,
            allowed,
        });
    }

    /// Takes over the findings of another file.
    pub fn extend(&mut self, others: Self) {
        self.list.extend(others.list);
    }

    /// Every finding, in the order of the lines of each file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Sorts the findings of this file by line; those about the whole file come last.
    pub fn sort(&mut self) {
        self.list
            .sort_by_key(|d| if d.line == 0 { usize::MAX } else { d.line });
    }

    /// Whether anything was refused.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Display for Diagnostics {
    /// One finding a line, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, diagnostic) in self.list.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
