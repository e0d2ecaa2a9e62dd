//! What many commands have in common: subcommands, values that are shown and set, lists.

use serde_json::{Map, Value};
use wanbox_net_console::table::{self, Entry, Refusal, YES_OR_NO};
use wanbox_net_console::words::Word;
use wanbox_net_engine::show::Names;

use crate::context::{Context, Done, Output, Stop, Then};

/// A command: its words, the first of which is its name.
pub type Command = fn(&mut Context<'_>, &[Word]) -> Done;

/// A failure with this text.
pub(crate) fn failed<T>(text: impl std::fmt::Display) -> Result<T, Stop> {
    Err(Stop::Failed(text.to_string()))
}

/// A word as text, if it is there.
pub(crate) fn text_at(words: &[Word], at: usize) -> Option<String> {
    Some(words.get(at)?.text().into_owned())
}

/// A word as text that a table of commands promised.
pub(crate) fn word_at(words: &[Word], at: usize) -> String {
    text_at(words, at).unwrap_or_default()
}

/// Runs the subcommand that the second word chooses; without one, or with `?`, there is a list.
///
/// # Errors
/// There is no such subcommand, or it needs more words; or as it says itself.
pub(crate) fn subcommand(
    context: &mut Context<'_>,
    name: &str,
    subcommands: &[Entry<Command>],
    words: &[Word],
) -> Done {
    let rest = words.get(1..).unwrap_or_default();
    let chosen = match rest.first() {
        Some(word) => table::choose(subcommands, &word.text(), rest.len()),
        None => Err(Refusal::Unknown),
    };
    match chosen {
        Ok(command) => command(context, rest),
        Err(Refusal::Usage("")) => Err(Stop::Silent),
        Err(Refusal::Usage(usage)) => Err(Stop::Usage(usage)),
        Err(Refusal::Unknown) => {
            let names = table::list(subcommands.iter().map(|entry| entry.name));
            context.output.text += &format!("\"{name}\" subcommands:\n{names}");
            Err(Stop::Silent)
        }
    }
}

/// A word that is yes or no.
///
/// # Errors
/// It is neither.
pub(crate) fn flag_word(word: &str) -> Result<bool, Stop> {
    table::yes_or_no(word).ok_or_else(|| Stop::Failed(YES_OR_NO.to_owned()))
}

/// Shows a switch, or sets it to what the second word says.
///
/// # Errors
/// The word is neither yes nor no.
pub(crate) fn flag(output: &mut Output, label: &str, value: &mut bool, words: &[Word]) -> Done {
    match words.get(1) {
        Some(word) => *value = flag_word(&word.text())?,
        None => {
            output.value(label, on_or_off(*value), (*value).into());
        }
    }
    Ok(Then::Nothing)
}

/// A switch as it is shown.
pub(crate) fn on_or_off(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// A word as a decimal number within limits.
///
/// # Errors
/// It is none, or not within them.
pub(crate) fn number(word: &str, label: &str, low: u64, high: u64) -> Result<u64, Stop> {
    let number = word.parse().ok();
    let number = number.filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| Stop::Failed(format!("{label} must be {low}..{high}")))
}

/// Shows a number; or what the second word says, to be set.
///
/// # Errors
/// See [`number`].
pub(crate) fn setting(
    output: &mut Output,
    label: &str,
    value: u64,
    (low, high): (u64, u64),
    words: &[Word],
) -> Result<Option<u64>, Stop> {
    match words.get(1) {
        Some(word) => number(&word.text(), label, low, high).map(Some),
        None => {
            output.value(label, &value.to_string(), value.into());
            Ok(None)
        }
    }
}

/// Prints a list: lines for people, or a value for programs.
pub(crate) fn show(
    context: &mut Context<'_>,
    text: &dyn Fn(&Context<'_>, Names<'_>) -> String,
    json: &dyn Fn(&Context<'_>) -> Value,
) -> Done {
    if context.output.wants_json {
        context.output.json = Some(json(context));
    } else {
        let text = text(context, &|address| context.shown(address));
        context.output.text += &text;
    }
    Ok(Then::Nothing)
}

/// A value with named parts.
pub(crate) fn object<N: Into<String>>(fields: Vec<(N, Value)>) -> Value {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| (name.into(), value));
    Value::Object(Map::from_iter(fields))
}

/// A value as text, as most things show themselves.
pub(crate) fn text(shown: impl std::fmt::Display) -> Value {
    Value::String(shown.to_string())
}

/// A name in one case of letters: `ipReasmOKs` is `ip_reasm_oks`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            snake.push('_');
        }
        after_small = letter.is_ascii_lowercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Counters of the management information base by name.
pub(crate) fn counters(counters: &[(u32, &str, u64)]) -> Vec<(String, Value)> {
    let counters = counters.iter();
    counters
        .map(|(_, name, value)| (snake(name), (*value).into()))
        .collect()
}
