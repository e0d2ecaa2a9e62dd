//! Forms and questions: on the whole screen, or as plain lines where the terminal is a simple one.
//!
//! A program says what there is to choose ([`Form`]) and to answer ([`Question`]); a [`Dialog`]
//! shows it. [`Screens`] draws with cursor keys; [`Lines`] prints numbered lines and reads
//! answers, for terminals that cannot do more, for screen readers and for pipes.

use std::io;

mod field;
mod lines;
mod screens;

pub use lines::Lines;
pub use screens::Screens;

/// A line of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// What it is called.
    pub label: String,
    /// What it is now.
    pub value: String,
    /// A heading: it cannot be chosen.
    pub heading: bool,
    /// Shown less bright: its value is a default.
    pub faint: bool,
    /// What it is, in a line or two, shown while it is selected.
    pub hint: String,
    /// All there is to say of it.
    pub help: String,
}

impl Item {
    /// An item that can be chosen.
    pub fn new(
        label: impl Into<String>,
        value: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            hint: hint.into(),
            ..Self::default()
        }
    }

    /// A heading of the items below it.
    pub fn heading(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            heading: true,
            ..Self::default()
        }
    }

    /// Whether a searched text, in small letters, is in it.
    fn holds(&self, text: &str) -> bool {
        let parts = [&self.label, &self.value, &self.hint];
        parts.iter().any(|part| part.to_lowercase().contains(text))
    }
}

/// A key that does something with the selected item, and what that is called.
pub type Action = (char, &'static str);

/// What there is to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What it is about.
    pub title: String,
    /// How things are, beside the title.
    pub state: String,
    /// Its lines.
    pub items: Vec<Item>,
    /// What else can be done; `b`, `/` and `?` are taken.
    pub actions: Vec<Action>,
}

impl Form {
    /// The items that can be chosen and hold the searched text.
    fn matching(&self, search: &str) -> Vec<usize> {
        let search = search.to_lowercase();
        let shown = |item: &Item| !item.heading && item.holds(&search);
        let items = self.items.iter().enumerate();
        items.filter(|(_, i)| shown(i)).map(|(n, _)| n).collect()
    }
}

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This item.
    Item(usize),
    /// This action with this item.
    Action(char, usize),
    /// Back to where he came from.
    Back,
    /// To leave the program.
    Quit,
}

/// A text to fill in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub title: String,
    /// What may be answered.
    pub help: String,
    /// The answer that is there already.
    pub preset: String,
    /// It is not shown.
    pub secret: bool,
}

/// Refuses an answer: says what is wrong with it.
pub type Check<'c> = &'c dyn Fn(&str) -> Result<(), String>;

/// Shows forms and questions.
pub trait Dialog {
    /// Lets the user choose; `selected` is the item to begin with.
    ///
    /// # Errors
    /// The terminal went away.
    fn choose(&mut self, form: &Form, selected: usize) -> io::Result<Answer>;

    /// Asks until the answer passes; `None` when the user goes back.
    ///
    /// # Errors
    /// The terminal went away.
    fn ask(&mut self, question: &Question, check: Check<'_>) -> io::Result<Option<String>>;

    /// Lets the user pick one of several words with their meanings; `None` when he goes back.
    ///
    /// # Errors
    /// The terminal went away.
    fn pick(
        &mut self,
        title: &str,
        choices: &[(String, String)],
        selected: usize,
    ) -> io::Result<Option<usize>> {
        let items = choices
            .iter()
            .map(|(word, meaning)| Item::new(word, meaning, ""));
        let form = Form {
            title: title.to_owned(),
            items: items.collect(),
            ..Form::default()
        };
        Ok(match self.choose(&form, selected)? {
            Answer::Item(item) => Some(item),
            _ => None,
        })
    }

    /// Shows a text.
    ///
    /// # Errors
    /// The terminal went away.
    fn show(&mut self, title: &str, text: &str) -> io::Result<()>;
}

/// The dialog that fits: plain lines where asked for, or where `TERM` says that the terminal cannot
/// do more.
///
/// # Errors
/// Standard input or output is no terminal (and plain lines were not asked for), or it went away.
pub fn open(plain: bool) -> io::Result<Box<dyn Dialog>> {
    use std::io::IsTerminal;

    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !plain && !terminal {
        return Err(io::Error::other("no terminal"));
    }
    let dumb = std::env::var("TERM").is_ok_and(|term| matches!(term.as_str(), "dumb" | ""));
    Ok(if plain || dumb {
        Box::new(Lines::new(io::stdin().lock(), io::stdout()))
    } else {
        Box::new(Screens::open()?)
    })
}
