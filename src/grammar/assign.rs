//! Shell assignment files: `KEY=value`, read and never executed.
//!
//! Such a file is a shell fragment by tradition (`wanrouter.rc`, the interface files). Here only
//! its plain assignments count: a name, `=` without blanks around it, and a value that is one
//! word, bare or in single or double quotes. Everything else is skipped with a warning: commands,
//! and values that a shell would have to expand.

use std::ops::Range;

use crate::diagnostic::Diagnostics;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The line, from 1.
    pub line: usize,
    /// The variable.
    pub key: String,
    /// Its value, without quotes.
    pub value: String,
}

/// The assignments of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    list: Vec<Assignment>,
}

impl Assignments {
    /// Reads a file's text. Nothing in it is an error; what is skipped is remarked.
    pub fn parse(text: &str, diagnostics: &mut Diagnostics) -> Self {
        let mut list = Vec::new();
        for (n, raw) in text.lines().enumerate() {
            let text = raw.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match assignment(text) {
                Ok((key, value)) => list.push(Assignment {
                    line: n + 1,
                    key: key.to_owned(),
                    value,
                }),
                Err(why) => diagnostics.warning(n + 1, "", format!("ignored: {why}")),
            }
        }
        Self { list }
    }

    /// The value a shell would leave in the variable: that of its last assignment.
    pub fn get(&self, key: &str) -> Option<&Assignment> {
        self.list.iter().rev().find(|a| a.key == key)
    }

    /// The value of the variable when it is set and not empty.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key)
            .map(|a| a.value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Every assignment in order.
    pub fn iter(&self) -> impl Iterator<Item = &Assignment> {
        self.list.iter()
    }
}

/// The variable and the value of one line.
fn assignment(text: &str) -> Result<(&str, String), &'static str> {
    let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let (key, rest) = text.split_once('=').ok_or("not an assignment")?;
    let mut letters = key.chars();
    let named = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !named {
        return Err("not an assignment");
    }
    let (value, rest) = word(rest)?;
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with(['#', ';']) {
        Ok((key, value))
    } else {
        Err("more than one word after '='; quote the value")
    }
}

/// Where the variable and its value, quotes included, are in a line that is an assignment.
pub(crate) fn spans(line: &str) -> Option<(Range<usize>, Range<usize>)> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (key, _) = assignment(text).ok()?;
    let equals = line.find('=')?;
    let start = equals.checked_sub(key.len())?;
    let (_, rest) = word(line.get(equals + 1..)?.trim_end()).ok()?;
    let end = line.trim_end().len() - rest.len();
    Some((start..equals, equals + 1..end))
}

/// The first word of a text, quotes resolved, and what follows it.
fn word(text: &str) -> Result<(String, &str), &'static str> {
    const EXPANDED: &str = "a shell would have to expand the value";
    let mut value = String::new();
    let mut quote: Option<char> = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"') | None, '$' | '`') => return Err(EXPANDED),
            (Some('"') | None, '\\') => match letters.next() {
                Some((_, next)) => {
                    // Between double quotes a backslash protects only what is special there.
                    if quote.is_some() && !matches!(next, '$' | '`' | '"' | '\\') {
                        value.push('\\');
                    }
                    value.push(next);
                }
                None => return Err("the line goes on after a backslash"),
            },
            (Some(_), _) => value.push(letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, ';') => return Ok((value, text.get(at..).unwrap_or_default())),
            (None, _) if letter.is_whitespace() => {
                return Ok((value, text.get(at..).unwrap_or_default()));
            }
            (None, '&' | '|' | '<' | '>' | '(' | ')') => return Err("not a plain assignment"),
            (None, _) => value.push(letter),
        }
    }
    match quote {
        Some(_) => Err("a quote is not closed on its line"),
        None => Ok((value, "")),
    }
}

/// For fuzzing: any octets are read, and every value read can be written in single quotes and
/// read again.
pub fn fuzz_assign(data: &[u8]) {
    let mut diagnostics = Diagnostics::new("fuzz");
    let read = Assignments::parse(&String::from_utf8_lossy(data), &mut diagnostics);
    assert!(!diagnostics.has_errors());
    for a in read.iter().filter(|a| !a.value.contains('\'')) {
        let text = format!("{}='{}'", a.key, a.value);
        let again = Assignments::parse(&text, &mut diagnostics);
        assert_eq!(again.get(&a.key).map(|b| &b.value), Some(&a.value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> (Assignments, Vec<String>) {
        let mut diagnostics = Diagnostics::new("rc");
        let read = Assignments::parse(text, &mut diagnostics);
        (read, diagnostics.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_and_quotes() {
        let (read, said) = parse(
            "# comment\nIPADDR=202.1.1.1\n  export WAN_DEVICES=\"wanpipe1 wanpipe2\" # two\n\
             EMPTY=\nQ='a \"b\" $c'\nD=\"a'b\"c\nE=a#b; F=1\nDEVICE=eth0\nDEVICE=wp1\n",
        );
        assert_eq!(said, [""; 0]);
        assert_eq!(read.value("IPADDR"), Some("202.1.1.1"));
        assert_eq!(read.value("WAN_DEVICES"), Some("wanpipe1 wanpipe2"));
        assert_eq!(read.value("EMPTY"), None);
        assert_eq!(read.get("EMPTY").unwrap().value, "");
        assert_eq!(read.value("Q"), Some("a \"b\" $c"));
        assert_eq!(read.value("D"), Some("a'bc"));
        assert_eq!(read.value("E"), Some("a#b"));
        assert_eq!(read.value("DEVICE"), Some("wp1"), "the last one counts");
    }

    #[test]
    fn nothing_is_executed() {
        let (read, said) = parse(
            "rm -rf /\nA=$(reboot)\nB=`id`\nC=\"$HOME\"\nif true; then\nD = 1\nE='open\nF=1 g\n",
        );
        assert_eq!(read.iter().count(), 0);
        assert_eq!(said.len(), 8);
        assert_eq!(said[0], "rc:1: warning: ignored: not an assignment");
        assert_eq!(
            said[1],
            "rc:2: warning: ignored: a shell would have to expand the value"
        );
        assert!(said[6].contains("quote is not closed"), "{}", said[6]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([A-Z='\"\\\\$#; \n]|\\PC){0,80}") {
            fuzz_assign(text.as_bytes());
        }
    }
}
