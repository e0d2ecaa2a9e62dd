//! Command lines for people at a prompt: a tree of commands, Cisco-style.
//!
//! The tree is data ([`Command`]); what a command means is a value of the applet's own type. What
//! somebody may do decides what exists for them ([`View`]): a word is looked up, abbreviated,
//! completed and listed among the visible commands alone. So a command that needs a higher level
//! is unknown, not forbidden, and abbreviations depend on the level.
//!
//! Words are taken apart by [`line`](self::line). Arguments are the applet's: it is asked for
//! [`Hint`]s where one is wanted.

use std::borrow::Cow;
use std::fmt;

pub mod line;
#[cfg(test)]
mod tests;

use line::Line;

/// A set of modes of a command line: one bit a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes(pub u16);

impl Modes {
    /// Every mode.
    pub const ANY: Self = Self(u16::MAX);

    /// Whether both have a mode in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A command, or the beginning of some.
pub struct Command<A: 'static> {
    name: &'static str,
    help: &'static str,
    level: u8,
    modes: Modes,
    action: Option<A>,
    below: &'static [Self],
}

impl<A: Copy> Command<A> {
    /// A command that anybody may give in every mode.
    pub const fn new(name: &'static str, help: &'static str, action: A) -> Self {
        Self {
            name,
            help,
            level: 0,
            modes: Modes::ANY,
            action: Some(action),
            below: &[],
        }
    }

    /// What several commands begin with. It exists where one of them does.
    pub const fn group(name: &'static str, below: &'static [Self]) -> Self {
        Self {
            name,
            help: "",
            level: 0,
            modes: Modes::ANY,
            action: None,
            below,
        }
    }

    /// Only from this level on.
    #[must_use]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// Only in these modes.
    #[must_use]
    pub const fn within(mut self, modes: Modes) -> Self {
        self.modes = modes;
        self
    }

    fn is_visible(&self, level: u8, mode: Modes) -> bool {
        let seen = self.level <= level && self.modes.meets(mode);
        let any = self.action.is_some() || self.below.iter().any(|c| c.is_visible(level, mode));
        seen && any
    }
}

/// Where somebody is, and what they may do.
#[derive(Clone, Copy, Debug)]
pub struct View<'v> {
    /// Their level: the commands of this and all lower ones exist.
    pub level: u8,
    /// The mode they are in, then those whose commands work from there too.
    pub modes: &'v [Modes],
}

/// A command that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<A> {
    /// What it means.
    pub action: A,
    /// The mode it was found in.
    pub mode: Modes,
    /// Its words in full; those behind them are arguments.
    pub names: Vec<&'static str>,
}

/// Why there is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfound {
    /// No such command, or an ambiguous abbreviation: what was read of it, abbreviations in full.
    Invalid(String),
    /// Only the beginning of one.
    Incomplete,
}

impl fmt::Display for Unfound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(words) => write!(f, "Invalid command \"{words}\""),
            Self::Incomplete => f.write_str("Incomplete command"),
        }
    }
}

impl std::error::Error for Unfound {}

/// Something that may stand where a line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The word, or what kind of word it is.
    pub word: Cow<'static, str>,
    /// What it means; `None` where the word says it.
    pub help: Option<&'static str>,
    /// It is this very word; otherwise a kind of words, which cannot be completed.
    pub fixed: bool,
}

impl Hint {
    /// This word.
    pub fn word(word: impl Into<Cow<'static, str>>, help: Option<&'static str>) -> Self {
        Self {
            word: word.into(),
            help,
            fixed: true,
        }
    }

    /// A word of a kind, such as `A.B.C.D`.
    pub fn kind(kind: &'static str, help: &'static str) -> Self {
        Self {
            word: kind.into(),
            help: Some(help),
            fixed: false,
        }
    }

    /// The line may end.
    pub fn end() -> Self {
        Self {
            word: "<cr>".into(),
            help: None,
            fixed: false,
        }
    }
}

/// Asked for the hints behind a command, by its meaning and the arguments before.
pub type Arguments<'a, A> = &'a mut dyn FnMut(A, &[String]) -> Vec<Hint>;

/// What may stand where a line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {
    /// Where the word begins that is being typed, octets into the line.
    pub at: usize,
    /// What has been typed of it, without quotes.
    pub typed: String,
    /// What it may become.
    pub hints: Vec<Hint>,
}

/// What TAB does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The only word that it can be, quoted where it must be, and a blank.
    Word(String),
    /// More of the beginning that several words have in common.
    Longer(String),
    /// Several words that have no more in common, or none.
    Several(Vec<String>),
}

/// Finds the command that words begin with.
///
/// # Errors
/// [`Unfound`], which is what to print.
pub fn find<A: Copy>(
    tree: &'static [Command<A>],
    view: View<'_>,
    words: &[String],
) -> Result<Found<A>, Unfound> {
    let mut refusal = Unfound::Incomplete;
    for &mode in view.modes {
        match walk(tree, view.level, mode, words) {
            Walk::Found(found) => return Ok(found),
            // What it is the beginning of is here, not in another mode.
            Walk::Group(_) => return Err(Unfound::Incomplete),
            Walk::Invalid(words) => refusal = Unfound::Invalid(words),
        }
    }
    Err(refusal)
}

/// What may stand at the end of a line: for `?` and TAB.
///
/// # Errors
/// [`Unfound`] when the words before it are no command.
pub fn hints<A: Copy>(
    tree: &'static [Command<A>],
    view: View<'_>,
    line: &str,
    arguments: Arguments<'_, A>,
) -> Result<Hints, Unfound> {
    let (before, last) = Line::split(line).cut_last();
    let mut hints = Vec::new();
    let mut refusal = None;
    for &mode in view.modes {
        match walk(tree, view.level, mode, &before) {
            Walk::Found(found) => {
                let given = before.get(found.names.len()..).unwrap_or_default();
                hints = arguments(found.action, given);
                hints.retain(|hint| !hint.fixed || hint.word.starts_with(&*last.text));
                refusal = None;
                break;
            }
            Walk::Group(below) => {
                let fits = |c: &&Command<A>| {
                    c.is_visible(view.level, mode) && c.name.starts_with(&*last.text)
                };
                hints = below
                    .iter()
                    .filter(fits)
                    .map(|c| Hint::word(c.name, Some(c.help)))
                    .collect();
                refusal = None;
                // Elsewhere there may be more only if nothing here goes on like this.
                if !hints.is_empty() || last.text.is_empty() {
                    break;
                }
            }
            Walk::Invalid(words) => refusal = Some(Unfound::Invalid(words)),
        }
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Hints {
            at: last.at,
            typed: last.text,
            hints,
        }),
    }
}

/// Every visible command in full with its help, in the order of the tree.
pub fn listing<A: Copy>(
    tree: &'static [Command<A>],
    view: View<'_>,
) -> Vec<(String, &'static str)> {
    let mut list = Vec::new();
    if let Some(&mode) = view.modes.first() {
        list_below(tree, view.level, mode, "", &mut list);
    }
    list
}

fn list_below<A: Copy>(
    tree: &'static [Command<A>],
    level: u8,
    mode: Modes,
    before: &str,
    list: &mut Vec<(String, &'static str)>,
) {
    for command in tree.iter().filter(|c| c.is_visible(level, mode)) {
        let name = format!("{before}{}", command.name);
        if command.action.is_some() {
            list.push((name.clone(), command.help));
        }
        list_below(command.below, level, mode, &format!("{name} "), list);
    }
}

enum Walk<A: 'static> {
    Found(Found<A>),
    /// The words end among these.
    Group(&'static [Command<A>]),
    Invalid(String),
}

fn walk<A: Copy>(
    mut tree: &'static [Command<A>],
    level: u8,
    mode: Modes,
    words: &[String],
) -> Walk<A> {
    let mut names: Vec<&'static str> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let Some(command) = pick(tree, level, mode, word) else {
            let read: Vec<&str> = names.into_iter().chain([word.as_str()]).collect();
            return Walk::Invalid(read.join(" "));
        };
        names.push(command.name);
        let deeper = words.get(place + 1).is_some_and(|next| {
            command.action.is_none() || pick(command.below, level, mode, next).is_some()
        });
        match command.action {
            Some(action) if !deeper => {
                return Walk::Found(Found {
                    action,
                    mode,
                    names,
                });
            }
            _ => tree = command.below,
        }
    }
    Walk::Group(tree)
}

/// The visible command of this name, or the only one that begins like this.
fn pick<A: Copy>(
    tree: &'static [Command<A>],
    level: u8,
    mode: Modes,
    word: &str,
) -> Option<&'static Command<A>> {
    if word.is_empty() {
        return None;
    }
    let mut fits = tree
        .iter()
        .filter(|c| c.name.starts_with(word) && c.is_visible(level, mode));
    let first = fits.next()?;
    if first.name == word {
        return Some(first);
    }
    let rest: Vec<_> = fits.collect();
    let exact = rest.iter().find(|c| c.name == word).copied();
    exact.or_else(|| rest.is_empty().then_some(first))
}

/// How wide the columns of `?` and `help` are: two blanks, the name, a blank, the help.
const NAME_WIDTH: usize = 20;
/// How wide a line of `?` may be.
const LINE_WIDTH: usize = 80;

impl Hints {
    /// What `?` prints: lines without a newline at the end; empty when nothing can follow.
    pub fn list(&self) -> String {
        let mut text = String::new();
        for hint in &self.hints {
            if !text.is_empty() {
                text.push('\n');
            }
            match hint.help {
                Some(help) => wrap(&mut text, &hint.word, help),
                None => {
                    text.push_str("  ");
                    text.push_str(&hint.word);
                }
            }
        }
        text
    }

    /// What TAB does.
    pub fn complete(&self) -> Completion {
        let words: Vec<&str> = self
            .hints
            .iter()
            .filter(|hint| hint.fixed)
            .map(|hint| &*hint.word)
            .collect();
        match *words {
            [] => Completion::Several(Vec::new()),
            [only] => Completion::Word(format!("{} ", line::quote(only))),
            [first, ref others @ ..] => {
                let common = others.iter().fold(first, |common, word| {
                    let same = common.chars().zip(word.chars()).take_while(|(a, b)| a == b);
                    let length = same.map(|(a, _)| a.len_utf8()).sum();
                    common.get(..length).unwrap_or_default()
                });
                if common.len() > self.typed.len() && line::quote(common) == common {
                    Completion::Longer(common.to_owned())
                } else {
                    Completion::Several(words.iter().map(|word| (*word).to_owned()).collect())
                }
            }
        }
    }
}

/// What `help` prints below its heading: a command a line.
pub fn list_commands(commands: &[(String, &'static str)]) -> String {
    let lines: Vec<String> = commands
        .iter()
        .map(|(name, help)| format!("  {name:NAME_WIDTH$} {help}"))
        .collect();
    lines.join("\n")
}

/// A name and its help, which goes on below itself.
fn wrap(text: &mut String, name: &str, help: &str) {
    let indent = NAME_WIDTH + 3;
    text.push_str(&format!("  {name:NAME_WIDTH$} "));
    let mut column = indent;
    for (place, word) in help.split(' ').enumerate() {
        let width = word.chars().count();
        if place > 0 {
            if column + 1 + width > LINE_WIDTH {
                text.push_str(&format!("\n{:indent$}", ""));
                column = indent;
            } else {
                text.push(' ');
                column += 1;
            }
        }
        text.push_str(word);
        column += width;
    }
}

/// For fuzzing: a line of any text is looked up and completed, and what it becomes is found again.
pub fn fuzz_commands(octets: &[u8]) {
    const HERE: Modes = Modes(1);
    const THERE: Modes = Modes(2);
    const TREE: &[Command<u8>] = &[
        Command::new("show", "", 0),
        Command::new("shutdown", "", 1).level(1),
        Command::group(
            "no",
            &[Command::new("show", "", 2), Command::new("s", "", 3)],
        ),
        Command::new("set", "", 4).within(THERE),
    ];
    let Some((&first, rest)) = octets.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let view = View {
        level: first & 1,
        modes: if first & 2 == 0 {
            &[HERE]
        } else {
            &[THERE, HERE]
        },
    };
    let words = Line::split(&text).into_words();
    let quoted: Vec<String> = words.iter().map(|word| line::quote(word)).collect();
    let again = Line::split(&quoted.join(" ")).into_words();
    // A word with both kinds of quotes cannot be written.
    if !words.iter().any(|w| w.contains('"') && w.contains('\'')) {
        assert_eq!(words, again, "quoted words are read back");
    }
    if let Ok(found) = find(TREE, view, &words) {
        assert!(found.names.len() <= words.len() && !found.names.is_empty());
        assert!(found.action != 1 || view.level == 1);
    }
    let mut arguments = |_, before: &[String]| {
        assert!(before.len() <= words.len());
        vec![
            Hint::word("one", None),
            Hint::word("on top", None),
            Hint::end(),
        ]
    };
    if let Ok(hints) = hints(TREE, view, &text, &mut arguments) {
        assert!(text.is_char_boundary(hints.at));
        let _ = hints.list();
        if let Completion::Word(word) = hints.complete() {
            let mut line = text.get(..hints.at).unwrap_or_default().to_owned();
            line.push_str(&word);
            let (before, last) = Line::split(&line).cut_last();
            assert!(
                last.text.is_empty() && before.last().is_some_and(|w| w.starts_with(&hints.typed))
            );
        }
    }
}
