//! Changing the values of a file of shell assignments.

use super::Lines;
use crate::assign::spans;

/// A file of shell assignments that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignDocument {
    lines: Lines,
}

impl AssignDocument {
    /// Takes a file's content as it is; anything is accepted.
    pub fn parse(content: &[u8]) -> Self {
        Self {
            lines: Lines::parse(content),
        }
    }

    /// The content of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.to_bytes()
    }

    /// The lines that assign this variable.
    fn find(&self, key: &str) -> Vec<usize> {
        let lines = self.lines.list.iter().enumerate();
        lines
            .filter(|(_, line)| spans(line).is_some_and(|(name, _)| line.get(name) == Some(key)))
            .map(|(at, _)| at)
            .collect()
    }

    /// The value that a shell would leave in the variable.
    pub fn get(&self, key: &str) -> Option<String> {
        let text = self.lines.list.concat();
        let mut findings = crate::diagnostic::Diagnostics::default();
        let read = crate::assign::Assignments::parse(&text, &mut findings);
        read.get(key).map(|a| a.value.clone())
    }

    /// Gives a variable a value: its last assignment, which counts, keeps its place and its
    /// comment. One that is not there is added after the last assignment.
    ///
    /// # Errors
    /// The name or the value cannot be written; it says why. Nothing is changed.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.lines.check(value)?;
        let quoted = quote(value);
        let text = format!("{key}={quoted}");
        if spans(&text).is_none_or(|(name, _)| name.end != key.len()) {
            return Err(format!("'{key}' cannot be a variable"));
        }
        match self.find(key).last() {
            Some(&at) => {
                if let Some(line) = self.lines.list.get_mut(at)
                    && let Some((_, range)) = spans(line)
                {
                    line.replace_range(range, &quoted);
                }
            }
            None => {
                let lines = &self.lines.list;
                let last = lines.iter().rposition(|line| spans(line).is_some());
                let at = last.map_or(lines.len(), |at| at + 1);
                self.lines.insert(at, &text);
            }
        }
        Ok(())
    }

    /// Takes a variable away. Returns whether it was there.
    pub fn unset(&mut self, key: &str) -> bool {
        let found = self.find(key);
        for at in found.iter().rev() {
            self.lines.list.remove(*at);
        }
        !found.is_empty()
    }
}

/// A value as a shell reads it back: bare where that is safe.
fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
