//! Words found in tables: the first that a word begins counts, so that the order of a table is what
//! abbreviations mean.

/// A word of a table, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Entry<T: 'static> {
    /// The whole word.
    pub name: &'static str,
    /// What it means.
    pub what: T,
    /// The fewest words of a command, this one included.
    pub words: usize,
    /// What to say when there are fewer: how the command is used.
    pub usage: &'static str,
}

impl<T> Entry<T> {
    /// A command that needs nothing more.
    pub const fn new(name: &'static str, what: T) -> Self {
        Self::with(name, what, 1, "")
    }

    /// A command of at least so many words.
    pub const fn with(name: &'static str, what: T, words: usize, usage: &'static str) -> Self {
        Self {
            name,
            what,
            words,
            usage,
        }
    }
}

/// Why there is nothing to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No entry begins so.
    Unknown,
    /// Words are missing; how the command is used.
    Usage(&'static str),
}

/// The first entry that this word begins.
pub fn find<'t, T>(table: &'t [Entry<T>], word: &str) -> Option<&'t Entry<T>> {
    let word = word.as_bytes();
    table
        .iter()
        .find(|entry| entry.name.as_bytes().starts_with(word))
}

/// What these words command; the first of them is looked up.
///
/// # Errors
/// No entry begins so, or it needs more words.
pub fn choose<T: Copy>(table: &[Entry<T>], word: &str, words: usize) -> Result<T, Refusal> {
    let entry = find(table, word).ok_or(Refusal::Unknown)?;
    if words < entry.words {
        return Err(Refusal::Usage(entry.usage));
    }
    Ok(entry.what)
}

/// The width of a column of a list.
const COLUMN: usize = 16;
/// Columns of a list.
const COLUMNS: usize = 5;

/// Names in columns, as lists of commands are shown.
pub fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut all = String::new();
    for row in names.chunks(COLUMNS) {
        for (place, name) in row.iter().enumerate() {
            all.push_str(name);
            if place + 1 < COLUMNS {
                let blanks = COLUMN.saturating_sub(name.chars().count());
                all.extend(std::iter::repeat_n(' ', blanks));
            }
        }
        all.push('\n');
    }
    all.push('\n');
    all
}

/// A word that means yes or no, in any case.
pub fn yes_or_no(word: &str) -> Option<bool> {
    const WORDS: [(&str, &str); 7] = [
        ("y", "n"),
        ("yes", "no"),
        ("true", "false"),
        ("on", "off"),
        ("1", "0"),
        ("set", "clear"),
        ("enable", "disable"),
    ];
    WORDS.iter().find_map(|(yes, no)| {
        let is_yes = word.eq_ignore_ascii_case(yes);
        (is_yes || word.eq_ignore_ascii_case(no)).then_some(is_yes)
    })
}

/// What to say when a word is neither yes nor no.
pub const YES_OR_NO: &str =
    "Valid options: y yes true on 1 set enable n no false off 0 clear disable";

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [Entry<u8>; 5] = [
        Entry::new("close", 1),
        Entry::with("connect", 2, 2, "connect callsign [digipeaters]"),
        Entry::new("ip", 3),
        Entry::new("ipfilter", 4),
        Entry::with("tcp", 5, 3, ""),
    ];

    #[test]
    fn the_first_that_begins_so() {
        assert_eq!(choose(&TABLE, "c", 1), Ok(1));
        assert_eq!(
            choose(&TABLE, "co", 1),
            Err(Refusal::Usage("connect callsign [digipeaters]"))
        );
        assert_eq!(choose(&TABLE, "co", 2), Ok(2));
        assert_eq!(choose(&TABLE, "ip", 1), Ok(3));
        assert_eq!(choose(&TABLE, "ipf", 1), Ok(4));
        assert_eq!(choose(&TABLE, "tcp", 1), Err(Refusal::Usage("")));
        for word in ["closed", "IP", "x", "ü"] {
            assert_eq!(choose(&TABLE, word, 9), Err(Refusal::Unknown), "{word}");
        }
        assert_eq!(choose(&TABLE, "", 1), Ok(1));
    }

    #[test]
    fn lists_have_five_columns() {
        assert_eq!(list(["a", "bc"]), format!("{:16}{:16}\n\n", "a", "bc"));
        assert_eq!(
            list(["1", "2", "3", "4", "5", "6"]),
            format!("{:16}{:16}{:16}{:16}5\n{:16}\n\n", "1", "2", "3", "4", "6")
        );
        assert_eq!(list([]), "\n");
    }

    #[test]
    fn yes_and_no() {
        for word in ["y", "YES", "True", "on", "1", "set", "Enable"] {
            assert_eq!(yes_or_no(word), Some(true), "{word}");
        }
        for word in ["N", "no", "false", "OFF", "0", "clear", "disable"] {
            assert_eq!(yes_or_no(word), Some(false), "{word}");
        }
        for word in ["", "ye", "2", "onn"] {
            assert_eq!(yes_or_no(word), None, "{word}");
        }
    }
}
