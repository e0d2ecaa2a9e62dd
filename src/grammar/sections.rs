//! `[section]` files of `KEY = value, value` records.
//!
//! The rules of the originals' reader, which the files in the field were written for:
//!
//! * `#`, `;` and a carriage return end a line anywhere; there is no quoting, so that neither can
//!   be part of a value. Blank lines count for nothing, and no line continues on the next.
//! * A record whose first character is `[` starts a section; its name is the text up to the first
//!   `]`, exactly as written, and what follows the `]` is ignored.
//! * Of sections of one name the first is used; their order is free.
//! * A record is split at its first `=` and then at every comma; blanks around a part are
//!   dropped and empty parts are kept.
//!
//! The originals read through a buffer of 256 octets and took the rest of a longer line for a
//! record of its own. Here a line is a line, with a warning.

use crate::diagnostic::Diagnostics;

/// The longest line that the originals read as one.
const ORIGINAL_LINE: usize = 255;

/// One `KEY = value` record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line, from 1; 0 when it came from a command line.
    pub line: usize,
    /// The text before the first `=`.
    pub key: String,
    /// Everything after the first `=`; `None` without one.
    pub value: Option<String>,
}

impl Record {
    /// The parts of the value between the commas; none without an `=`.
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.value.iter().flat_map(|v| v.split(',')).map(trim)
    }

    /// The key and its arguments, as the originals' tokenizer gave them.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.key.as_str()).chain(self.args())
    }
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The line of its header, from 1; 0 when it came from a command line.
    pub line: usize,
    /// The name between the brackets, blanks and all.
    pub name: String,
    /// Its records in order.
    pub records: Vec<Record>,
}

/// The sections of a file, in order, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    list: Vec<Section>,
    repeated: Vec<(usize, String)>,
}

impl Sections {
    /// Reads a file's text. Findings go to `diagnostics`; what can be read is read all the same.
    pub fn parse(text: &str, diagnostics: &mut Diagnostics) -> Self {
        let mut sections = Self::default();
        // Where records go: a section, or nowhere (before the first, in a repeated or broken one).
        let mut open = false;
        let mut outside_said = false;
        for (n, raw) in text.split('\n').enumerate() {
            let line = n + 1;
            let Some(record) = significant(raw) else {
                continue;
            };
            if raw.len() > ORIGINAL_LINE {
                diagnostics.warning(
                    line,
                    "",
                    format!(
                        "{} octets long; the original tools split lines after {ORIGINAL_LINE}",
                        raw.len()
                    ),
                );
            }
            if let Some(header) = record.strip_prefix('[') {
                outside_said = true;
                open = match header.split_once(']') {
                    Some((name, _)) => sections.open(line, name, diagnostics),
                    None => {
                        diagnostics.error(line, record, "section header without ']'", "[NAME]");
                        false
                    }
                };
                continue;
            }
            match sections.list.last_mut() {
                Some(section) if open => section.records.push(split(line, record)),
                _ if !outside_said => {
                    outside_said = true;
                    diagnostics.warning(line, "", "ignored: before the first [section]");
                }
                _ => {}
            }
        }
        sections
    }

    fn open(&mut self, line: usize, name: &str, diagnostics: &mut Diagnostics) -> bool {
        if let Some(first) = self.get(name) {
            diagnostics.warning(
                line,
                format!("[{name}]"),
                format!("ignored: the section of line {} is used", first.line),
            );
            self.repeated.push((line, name.to_owned()));
            return false;
        }
        self.push(Section {
            line,
            name: name.to_owned(),
            records: Vec::new(),
        });
        true
    }

    /// Adds a section at the end.
    pub fn push(&mut self, section: Section) {
        self.list.push(section);
    }

    /// The section of exactly this name.
    pub fn get(&self, name: &str) -> Option<&Section> {
        self.list.iter().find(|section| section.name == name)
    }

    /// The headers of sections that were ignored because there was one of their name: line and
    /// name.
    pub fn repeated(&self) -> &[(usize, String)] {
        &self.repeated
    }

    /// Every section in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Section> {
        self.list.iter()
    }
}

/// The part of a line that counts; `None` when nothing does.
fn significant(raw: &str) -> Option<&str> {
    let end = raw.find(['#', ';', '\r']).unwrap_or(raw.len());
    let text = trim(raw.get(..end)?);
    (!text.is_empty()).then_some(text)
}

/// Blanks and tabs, and no other white space, surround what counts.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn split(line: usize, record: &str) -> Record {
    match record.split_once('=') {
        Some((key, value)) => Record {
            line,
            key: trim(key).to_owned(),
            value: Some(trim(value).to_owned()),
        },
        None => Record {
            line,
            key: record.to_owned(),
            value: None,
        },
    }
}

/// For fuzzing: whatever the text, each significant line becomes a record or is reported, and
/// no part of a value holds what the grammar says it cannot.
pub fn fuzz_sections(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut diagnostics = Diagnostics::new("fuzz");
    let sections = Sections::parse(&text, &mut diagnostics);
    let records = sections.iter().map(|s| s.records.len() + 1).sum::<usize>();
    assert!(records <= text.split('\n').count());
    for record in sections.iter().flat_map(|s| &s.records) {
        for token in record.tokens() {
            assert!(!token.contains(['#', ';', '\r', '\n']) && trim(token) == token);
        }
        let args = record.args().collect::<Vec<_>>();
        assert!(record.value.is_none() == args.is_empty());
        assert!(args.iter().all(|arg| !arg.contains(',')));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> (Sections, Vec<String>) {
        let mut diagnostics = Diagnostics::new("f");
        let sections = Sections::parse(text, &mut diagnostics);
        let said = diagnostics.iter().map(ToString::to_string).collect();
        (sections, said)
    }

    fn tokens(line: &str) -> Vec<String> {
        let (sections, said) = parse(&format!("[s]\n{line}"));
        assert_eq!(said, [""; 0]);
        let record = &sections.get("s").unwrap().records[0];
        record.tokens().map(str::to_owned).collect()
    }

    /// The published vectors of the originals' tokenizer.
    #[test]
    fn vectors() {
        assert_eq!(
            tokens("  wp1fr16 = wanpipe1, 16, WANPIPE, Comment # x"),
            ["wp1fr16", "wanpipe1", "16", "WANPIPE", "Comment"]
        );
        assert_eq!(
            tokens("wp1chdlc = wanpipe1, , WANPIPE"),
            ["wp1chdlc", "wanpipe1", "", "WANPIPE"]
        );
        assert_eq!(tokens("TTL = 0x7F ; ttl"), ["TTL", "0x7F"]);
        assert_eq!(tokens("PASSWD = a=b,c"), ["PASSWD", "a=b", "c"]);
        let (sections, _) = parse("[ wanpipe1 ]\nMTU = 1500\n");
        assert!(sections.get("wanpipe1").is_none());
        assert_eq!(sections.get(" wanpipe1 ").unwrap().records.len(), 1);
    }

    #[test]
    fn lines_and_comments() {
        let (sections, said) = parse("stray\n# [no]\n\t[a] rest ignored\r\n\tK=v\r\n\n novalue\n");
        assert_eq!(said, ["f:1: warning: ignored: before the first [section]"]);
        let a = sections.get("a").unwrap();
        assert_eq!((a.line, a.records.len()), (3, 2));
        assert_eq!(a.records[0].value.as_deref(), Some("v"));
        assert_eq!((a.records[1].line, &a.records[1].value), (6, &None));
        assert_eq!(a.records[1].tokens().collect::<Vec<_>>(), ["novalue"]);
        assert_eq!(tokens("K ="), ["K", ""]);
        assert_eq!(tokens("= v"), ["", "v"]);
    }

    #[test]
    fn the_first_section_of_a_name_is_used() {
        let (sections, said) = parse("[a]\nK=1\n[b]\n[a]\nK=2\nL=3\n[c]\n");
        let names: Vec<&str> = sections.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(sections.get("a").unwrap().records.len(), 1);
        assert_eq!(
            said,
            ["f:4: warning: [a]: ignored: the section of line 1 is used"]
        );
    }

    #[test]
    fn a_broken_header_ends_the_section() {
        let (sections, said) = parse("[a]\nK=1\n[b\nL=2\n");
        assert_eq!(sections.get("a").unwrap().records.len(), 1);
        assert_eq!(
            said,
            ["f:3: [b: section header without ']'; allowed: [NAME]"]
        );
    }

    #[test]
    fn long_lines_are_whole() {
        let value = "v".repeat(400);
        let (sections, said) = parse(&format!("[a]\nK={value}\n"));
        assert_eq!(
            sections.get("a").unwrap().records[0].value.as_deref(),
            Some(value.as_str())
        );
        assert_eq!(said.len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([\\[\\]a=, \t#;\r\n]|\\PC){0,80}") {
            fuzz_sections(text.as_bytes());
        }

        #[test]
        fn any_octets_are_read(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_sections(&data);
        }
    }
}
