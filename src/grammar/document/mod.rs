//! Files that people write, changed without disturbing what they wrote.
//!
//! A document is the lines of a file as they are. Reading it and writing it gives the same
//! octets; a change touches only the lines it is about, and of these only the value, so that
//! comments, order, spelling and alignment stay. What may be written where is the rule of the
//! readers beside it: [`crate::sections`] and [`crate::assign`].

mod assign;
mod sections;

pub use assign::AssignDocument;
pub use sections::{Case, SectionDocument};

/// The lines of a file, each with its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lines {
    list: Vec<String>,
    /// The file is not UTF-8: a character stands for an octet.
    octets: bool,
}

impl Lines {
    fn parse(content: &[u8]) -> Self {
        let (text, octets) = match std::str::from_utf8(content) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (content.iter().map(|&b| char::from(b)).collect(), true),
        };
        let list = text.split_inclusive('\n').map(str::to_owned).collect();
        Self { list, octets }
    }

    fn to_bytes(&self) -> Vec<u8> {
        if self.octets {
            let letters = self.list.iter().flat_map(|line| line.chars());
            // Nothing beyond an octet is let in.
            letters.filter_map(|c| u8::try_from(c).ok()).collect()
        } else {
            self.list.concat().into_bytes()
        }
    }

    /// Refuses a text that the file cannot hold.
    fn check(&self, text: &str) -> Result<(), String> {
        if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(format!("a line cannot hold {control:?}"));
        }
        if self.octets && !text.is_ascii() {
            return Err("only ASCII can be added: the file is not UTF-8".to_owned());
        }
        Ok(())
    }

    /// The line ending that the file uses.
    fn ending(&self) -> &'static str {
        match self.list.first() {
            Some(line) if line.ends_with("\r\n") => "\r\n",
            _ => "\n",
        }
    }

    /// Puts a line (without its end) before the line `at`.
    fn insert(&mut self, at: usize, text: &str) {
        let ending = self.ending();
        let at = at.min(self.list.len());
        if let Some(before) = at.checked_sub(1).and_then(|n| self.list.get_mut(n))
            && !before.ends_with('\n')
        {
            before.push_str(ending);
        }
        self.list.insert(at, format!("{text}{ending}"));
    }

    fn get(&self, at: usize) -> &str {
        self.list.get(at).map_or("", String::as_str)
    }

    fn is_blank(&self, at: usize) -> bool {
        self.get(at).trim().is_empty()
    }
}

#[cfg(test)]
mod tests;
