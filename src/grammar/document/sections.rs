//! Changing the values of a file of sections.

use std::ops::Range;

use super::Lines;
use crate::sections::trim;

/// How the keys of a section are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// As they are written: `[devices]`, `[interfaces]`.
    Exact,
    /// In capitals or not: the sections of parameters.
    Any,
}

impl Case {
    fn equal(self, a: &str, b: &str) -> bool {
        match self {
            Self::Exact => a == b,
            Self::Any => a.eq_ignore_ascii_case(b),
        }
    }
}

/// A file of sections that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionDocument {
    lines: Lines,
}

/// What a line is, and where its parts are in it.
enum Content {
    /// Nothing that counts.
    Nothing,
    /// The name of a section.
    Header(Range<usize>),
    /// A header without its `]`: it ends the section before it.
    Broken,
    Record {
        key: Range<usize>,
        /// `None` without an `=`.
        value: Option<Range<usize>>,
    },
}

fn content(line: &str) -> Content {
    let end = line.find(['#', ';', '\r', '\n']).unwrap_or(line.len());
    // Where a part of the line is in it, blanks around it left out.
    let part = |from: usize, to: usize| {
        let text = line.get(from..to).unwrap_or_default();
        let blanks = text.len() - text.trim_start_matches([' ', '\t']).len();
        let start = from + blanks;
        start..start + trim(text).len()
    };
    let whole = part(0, end);
    let text = line.get(whole.clone()).unwrap_or_default();
    if text.is_empty() {
        Content::Nothing
    } else if let Some(header) = text.strip_prefix('[') {
        match header.find(']') {
            Some(length) => Content::Header(whole.start + 1..whole.start + 1 + length),
            None => Content::Broken,
        }
    } else {
        match text.find('=') {
            Some(at) => Content::Record {
                key: part(whole.start, whole.start + at),
                value: Some(part(whole.start + at + 1, end)),
            },
            None => Content::Record {
                key: whole,
                value: None,
            },
        }
    }
}

impl SectionDocument {
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

    fn content(&self, at: usize) -> Content {
        content(self.lines.get(at))
    }

    fn part(&self, at: usize, range: &Range<usize>) -> &str {
        self.lines.get(at).get(range.clone()).unwrap_or_default()
    }

    /// The header lines of the sections of this name.
    fn headers(&self, name: &str) -> Vec<usize> {
        let is = |at: &usize| match self.content(*at) {
            Content::Header(range) => self.part(*at, &range) == name,
            _ => false,
        };
        (0..self.lines.list.len()).filter(is).collect()
    }

    /// The lines of the section with this header, without it.
    fn body(&self, header: usize) -> Range<usize> {
        let is_header =
            |at: &usize| matches!(self.content(*at), Content::Header(_) | Content::Broken);
        let count = self.lines.list.len();
        let end = (header + 1..count).find(is_header).unwrap_or(count);
        header + 1..end
    }

    /// The lines of the section that counts: the first of its name.
    fn section(&self, name: &str) -> Option<Range<usize>> {
        self.headers(name).first().map(|header| self.body(*header))
    }

    /// The records of a key: their lines and values.
    fn find(&self, section: &str, key: &str, case: Case) -> Vec<(usize, Option<Range<usize>>)> {
        let found = |at: usize| match self.content(at) {
            Content::Record { key: name, value } => {
                case.equal(self.part(at, &name), key).then_some((at, value))
            }
            _ => None,
        };
        let body = self.section(section).into_iter().flatten();
        body.filter_map(found).collect()
    }

    /// Whether there is such a section.
    pub fn has_section(&self, name: &str) -> bool {
        !self.headers(name).is_empty()
    }

    /// The names of the sections in their order, each once.
    pub fn sections(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for at in 0..self.lines.list.len() {
            if let Content::Header(range) = self.content(at) {
                let name = self.part(at, &range);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The keys of a section as they are written, in their order.
    pub fn keys(&self, section: &str) -> Vec<&str> {
        let body = self.section(section).into_iter().flatten();
        body.filter_map(|at| match self.content(at) {
            Content::Record { key, .. } => Some(self.part(at, &key)),
            _ => None,
        })
        .collect()
    }

    /// The value of a key, commas and all: that of its first record.
    pub fn get(&self, section: &str, key: &str, case: Case) -> Option<&str> {
        let (at, value) = self.find(section, key, case).into_iter().next()?;
        value.map(|range| self.part(at, &range))
    }

    /// The line of a key's first record, from 1.
    pub fn line_of(&self, section: &str, key: &str, case: Case) -> Option<usize> {
        self.find(section, key, case).first().map(|(at, _)| at + 1)
    }

    /// Gives a key a value. Its first record keeps its place, its spelling and its comment;
    /// further ones are taken away. A key that is not there is added at the end of its section,
    /// aligned as the record before it, and a section that is not there at the end of the file.
    ///
    /// # Errors
    /// The key or the value cannot be written in such a file; it says why. Nothing is changed.
    pub fn set(&mut self, section: &str, key: &str, case: Case, value: &str) -> Result<(), String> {
        self.check_name(section)?;
        self.check_key(key)?;
        self.check_value(value)?;
        let found = self.find(section, key, case);
        match found.split_first() {
            Some(((at, range), more)) => {
                self.replace(*at, range.clone(), value);
                for (at, _) in more.iter().rev() {
                    self.lines.list.remove(*at);
                }
            }
            None => self.add(section, key, value),
        }
        Ok(())
    }

    fn replace(&mut self, at: usize, range: Option<Range<usize>>, value: &str) {
        let Some(line) = self.lines.list.get_mut(at) else {
            return;
        };
        let Some(range) = range else {
            // A key alone: before its comment or the end of the line.
            let end = line.find(['#', ';', '\r', '\n']).unwrap_or(line.len());
            let kept = line.get(..end).map_or(0, |text| trim_end(text).len());
            line.insert_str(kept, &format!(" = {value}"));
            return;
        };
        let rest = line.get(range.end..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let mut new = value.to_owned();
        let mut end = range.end;
        if rest
            .get(blanks..)
            .is_some_and(|r| r.starts_with(['#', ';']))
        {
            // The comment stays in its column when there is room.
            let column = range.end + blanks;
            let room = column.saturating_sub(range.start + value.len()).max(1);
            new.push_str(&" ".repeat(room));
            end = column;
        }
        if line.get(..range.start).is_some_and(|l| l.ends_with('=')) && range.is_empty() {
            new.insert(0, ' ');
        }
        line.replace_range(range.start..end, &new);
    }

    fn add(&mut self, section: &str, key: &str, value: &str) {
        if !self.has_section(section) {
            self.add_section(section);
        }
        let Some(body) = self.section(section) else {
            return;
        };
        let records = |at: &usize| matches!(self.content(*at), Content::Record { .. });
        let last = body.clone().rev().find(records);
        let text = match last {
            Some(at) => self.alike(at, key, value),
            None => format!("{key} = {value}"),
        };
        let at = last.map_or(body.start, |at| at + 1);
        self.lines.insert(at, &text);
    }

    /// A record laid out as another one.
    fn alike(&self, at: usize, key: &str, value: &str) -> String {
        let line = self.lines.get(at);
        let (Content::Record { key: name, .. }, Some(equals)) = (self.content(at), line.find('='))
        else {
            return format!("{key} = {value}");
        };
        let indent = line.get(..name.start).unwrap_or_default();
        let between = line.get(name.end..equals).unwrap_or_default();
        let after = match line.get(equals + 1..) {
            Some(rest) if rest.starts_with(['\t', ' ']) => " ",
            _ if between.is_empty() => "",
            _ => " ",
        };
        let width = equals - name.start;
        if between.is_empty() {
            format!("{indent}{key}={after}{value}")
        } else if key.len() < width && between.bytes().all(|b| b == b' ') {
            format!("{indent}{key:width$}={after}{value}")
        } else {
            format!("{indent}{key} ={after}{value}")
        }
    }

    /// Adds an empty section at the end of the file.
    fn add_section(&mut self, name: &str) {
        let count = self.lines.list.len();
        if count > 0 && !self.lines.is_blank(count - 1) {
            self.lines.insert(count, "");
        }
        self.lines
            .insert(self.lines.list.len(), &format!("[{name}]"));
    }

    /// Makes sure that there is a section, empty at the end of the file where there was none.
    ///
    /// # Errors
    /// The name cannot be written as one.
    pub fn make_section(&mut self, name: &str) -> Result<(), String> {
        self.check_name(name)?;
        if !self.has_section(name) {
            self.add_section(name);
        }
        Ok(())
    }

    /// Takes a key away, with its comment on the same line. Returns whether it was there.
    pub fn unset(&mut self, section: &str, key: &str, case: Case) -> bool {
        let found = self.find(section, key, case);
        for (at, _) in found.iter().rev() {
            self.lines.list.remove(*at);
        }
        !found.is_empty()
    }

    /// Gives a key another name, its value stays.
    ///
    /// # Errors
    /// It cannot be written as a key. Nothing is changed.
    pub fn rename_key(
        &mut self,
        section: &str,
        key: &str,
        case: Case,
        name: &str,
    ) -> Result<(), String> {
        self.check_key(name)?;
        for (at, _) in self.find(section, key, case) {
            if let (Content::Record { key, .. }, Some(line)) =
                (self.content(at), self.lines.list.get_mut(at))
            {
                line.replace_range(key, name);
            }
        }
        Ok(())
    }

    /// Gives every section of this name another one.
    ///
    /// # Errors
    /// It cannot be written as a section's name. Nothing is changed.
    pub fn rename_section(&mut self, name: &str, new: &str) -> Result<(), String> {
        self.check_name(new)?;
        for at in self.headers(name) {
            if let (Content::Header(range), Some(line)) =
                (self.content(at), self.lines.list.get_mut(at))
            {
                line.replace_range(range, new);
            }
        }
        Ok(())
    }

    /// Takes every section of this name away, with the comment directly above it. The comment
    /// directly above the next header belongs to that.
    pub fn remove_section(&mut self, name: &str) {
        for header in self.headers(name).into_iter().rev() {
            let body = self.body(header);
            let comment = |at: &usize| {
                matches!(self.content(*at), Content::Nothing) && !self.lines.is_blank(*at)
            };
            let start = header - (0..header).rev().take_while(comment).count();
            // At the top of the file it is about the file.
            let start = if start == 0 { header } else { start };
            let mut end = body.end;
            if end < self.lines.list.len() {
                end -= body.clone().rev().take_while(comment).count();
            }
            self.lines.list.drain(start..end);
            // One blank line between what is left, none at the end.
            let blank_before = start
                .checked_sub(1)
                .is_some_and(|at| self.lines.is_blank(at));
            let at_end = start >= self.lines.list.len();
            if blank_before && (at_end || self.lines.is_blank(start)) {
                self.lines.list.remove(start - 1);
            }
        }
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        self.lines.check(name)?;
        if name.is_empty() || name.contains([']', '#', ';']) {
            return Err(format!("'{name}' cannot be the name of a section"));
        }
        Ok(())
    }

    fn check_key(&self, key: &str) -> Result<(), String> {
        self.lines.check(key)?;
        if key.is_empty()
            || key.contains(['=', '#', ';'])
            || key.starts_with('[')
            || trim(key) != key
        {
            return Err(format!("'{key}' cannot be a key"));
        }
        Ok(())
    }

    fn check_value(&self, value: &str) -> Result<(), String> {
        self.lines.check(value)?;
        if let Some(mark) = value.chars().find(|c| ['#', ';'].contains(c)) {
            return Err(format!(
                "a value cannot hold '{mark}': it starts a comment, and nothing quotes it"
            ));
        }
        if trim(value) != value {
            return Err("a value cannot begin or end with a blank".to_owned());
        }
        Ok(())
    }
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches([' ', '\t'])
}
