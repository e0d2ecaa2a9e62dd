//! The keys of one section, read by their table.

use std::time::Duration;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::{Record, Section};

use crate::conf::keys::{self, Key, Kind, Of, Status, Value};

/// What a section says.
pub struct Values {
    table: &'static [Key],
    /// The line of the section's header.
    pub line: usize,
    given: Vec<Given>,
}

struct Given {
    key: &'static Key,
    line: usize,
    text: String,
    value: Value,
}

impl Values {
    /// Reads a section (or none: then everything has its default) by its table, for a link of
    /// this kind. A key of another kind of link is an error where `strict`, else ignored.
    pub fn read(
        section: Option<&Section>,
        table: &'static [Key],
        of: Of,
        strict: bool,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut values = Self {
            table,
            line: section.map_or(0, |s| s.line),
            given: Vec::new(),
        };
        for record in section.iter().flat_map(|s| &s.records) {
            values.add(record, of, strict, diagnostics);
        }
        values
    }

    fn add(&mut self, record: &Record, of: Of, strict: bool, diagnostics: &mut Diagnostics) {
        let line = record.line;
        let name = record.key.to_ascii_uppercase();
        let Some(whole) = &record.value else {
            diagnostics.error(line, &record.key, "no '='", "KEY = value");
            return;
        };
        let Some(key) = keys::find(self.table, &name) else {
            if keys::FAMILIES.iter().any(|f| name.starts_with(f)) {
                diagnostics.warning(line, name, "ignored: no such board is driven here");
            } else {
                self.unknown(line, &name, diagnostics);
            }
            return;
        };
        let text = if matches!(key.kind, Kind::Rest) {
            whole.as_str()
        } else {
            let mut args = record.args();
            let first = args.next().unwrap_or_default();
            if args.any(|arg| !arg.is_empty()) {
                let what = format!("only '{first}' counts: a comma ends the value");
                diagnostics.warning(line, key.name, what);
            }
            first
        };
        if text.is_empty() {
            diagnostics.error(line, key.name, "no value", key.kind.allowed());
            return;
        }
        let value = match key.kind.read(text) {
            Ok((value, odd)) => {
                if let Some(odd) = odd {
                    diagnostics.warning(line, key.name, odd);
                }
                value
            }
            Err(why) => {
                diagnostics.error(line, key.name, why, key.kind.allowed());
                return;
            }
        };
        if let Some(first) = self.given.iter().find(|g| g.key.name == key.name) {
            let what = format!("given twice; '{}' on line {}", first.text, first.line);
            if first.value == value {
                diagnostics.warning(line, key.name, what);
            } else {
                diagnostics.error(line, key.name, what, "one of the two");
            }
            return;
        }
        remark(key, line, &value, of, strict, diagnostics);
        self.given.push(Given {
            key,
            line,
            text: text.to_owned(),
            value,
        });
    }

    /// An unknown key, and the known one it is most like.
    fn unknown(&self, line: usize, name: &str, diagnostics: &mut Diagnostics) {
        diagnostics.error(line, name, keys::unknown(self.table, name), "");
    }

    fn value(&self, name: &str) -> Option<Value> {
        if let Some(given) = self.given.iter().find(|g| g.key.name == name) {
            return Some(given.value.clone());
        }
        let key = keys::find(self.table, name)?;
        // The defaults are read by a test.
        key.kind.read(key.default).ok().map(|(value, _)| value)
    }

    /// Where a key is given.
    pub fn line_of(&self, name: &str) -> Option<usize> {
        self.given
            .iter()
            .find(|g| g.key.name == name)
            .map(|g| g.line)
    }

    /// The value of a key as it was written; empty where absent.
    pub fn text(&self, name: &str) -> String {
        let given = self.given.iter().find(|g| g.key.name == name);
        given.map_or_else(String::new, |g| g.text.clone())
    }

    /// A number, given or by default; 0 without either. Saturates at the type's limit, which the
    /// ranges of the tables keep away from.
    pub fn number<T: TryFrom<u64> + Default>(&self, name: &str) -> T {
        match self.value(name) {
            Some(Value::Number(number)) => T::try_from(number).unwrap_or_default(),
            _ => T::default(),
        }
    }

    /// A number, where given.
    pub fn given_number(&self, name: &str) -> Option<u64> {
        self.line_of(name).map(|_| self.number(name))
    }

    /// YES or NO, given or by default.
    pub fn flag(&self, name: &str) -> bool {
        self.number::<u64>(name) != 0
    }

    /// A time, given or by default.
    pub fn time(&self, name: &str) -> Duration {
        match self.value(name) {
            Some(Value::Time(time)) => time,
            _ => Duration::ZERO,
        }
    }
}

/// Says of a key that is not obeyed that it is not.
fn remark(
    key: &Key,
    line: usize,
    value: &Value,
    of: Of,
    strict: bool,
    diagnostics: &mut Diagnostics,
) {
    let default = key.kind.read(key.default).is_ok_and(|(d, _)| d == *value);
    let owner = match key.of {
        Of::All => None,
        other if other == of => None,
        Of::FrameRelay => Some("WAN_FR"),
        Of::CiscoHdlc => Some("WAN_CHDLC"),
        Of::Ppp => Some("WAN_PPP"),
        Of::X25 => Some("WAN_X25"),
    };
    match (owner, key.status) {
        (Some(owner), _) if strict => {
            let what = format!("a key of {owner}, which this device is not");
            diagnostics.error(line, key.name, what, "");
        }
        _ if default => {}
        (Some(owner), _) => {
            diagnostics.warning(line, key.name, format!("ignored: a key of {owner}"));
        }
        (None, Status::Ignored) => {
            diagnostics.warning(line, key.name, format!("ignored ({})", key.meaning));
        }
        (None, Status::Later) => {
            let what = format!("inactive in this version ({})", key.meaning);
            diagnostics.warning(line, key.name, what);
        }
        (None, Status::Used | Status::Card) => {}
    }
}
