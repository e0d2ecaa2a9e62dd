//! The lines that were entered before.

use std::collections::VecDeque;

/// How many are kept.
const MAX_LINES: usize = 256;

/// Lines entered before, and the one that is recalled.
#[derive(Clone, Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    /// The recalled one; past the end is the line that is being written.
    at: usize,
    /// What was being written when the first was recalled.
    draft: String,
}

impl History {
    /// Keeps a line, unless it is blank or that before it. Recalling begins anew.
    pub fn add(&mut self, line: &str) {
        if !line.trim().is_empty() && self.lines.back().is_none_or(|last| last != line) {
            if self.lines.len() >= MAX_LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(line.to_owned());
        }
        self.at = self.lines.len();
        self.draft.clear();
    }

    /// Forgets all lines.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The newest line that holds this text.
    pub fn last_with(&self, text: &str) -> Option<&str> {
        let mut lines = self.lines.iter().rev().map(String::as_str);
        lines.find(|line| line.contains(text))
    }

    /// The line before the recalled one, or before the one that is being written.
    pub fn earlier(&mut self, writing: &str) -> Option<String> {
        let at = self.at.checked_sub(1)?;
        if self.at == self.lines.len() {
            writing.clone_into(&mut self.draft);
        }
        self.at = at;
        self.lines.get(at).cloned()
    }

    /// The line after the recalled one; after the last, what was being written.
    pub fn later(&mut self) -> Option<String> {
        if self.at >= self.lines.len() {
            return None;
        }
        self.at += 1;
        let line = self.lines.get(self.at);
        Some(line.unwrap_or(&self.draft).clone())
    }
}
