//! Changing one value.

use std::io;

use wanbox_console::dialog::Item;
use wanbox_grammar::diagnostic::Severity;
use wanbox_grammar::value;

use super::Menus;
use crate::conf::Usage;
use crate::conf::keys::{self, INTERFACE, Key, Kind, LINK, Status, TYPES};
use crate::wancfg::couple;
use crate::wancfg::draft::Draft;
use crate::wancfg::place::{self, Part, Place};
use crate::wancfg::script::default;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It is another one.
    Changed,
    /// The user went back.
    Left,
}

/// The key of a place that has one.
fn key(place: &Place) -> Option<&'static Key> {
    match place {
        Place::Link(name) => keys::find(LINK, name),
        Place::Channel(_, name) => keys::find(INTERFACE, name),
        _ => None,
    }
}

/// What a place is, in a line, and all there is to say of it.
pub fn explain(place: &Place) -> (String, String) {
    if let Some(key) = key(place) {
        let default = match key.default {
            "" => String::new(),
            default => format!("; default {default}"),
        };
        let hint = format!("{}\n{}{default}", sentence(key.meaning), key.kind.allowed());
        let status = match key.status {
            Status::Used => "",
            Status::Card => "\n\nIt describes a hardware card and does nothing here.",
            Status::Ignored => "\n\nIt is accepted and does nothing here.",
            Status::Later => "\n\nIt does nothing in this version; a coming one obeys it.",
        };
        let more = match keys::longer(key.name) {
            "" => String::new(),
            text => format!("\n\n{text}"),
        };
        let help = format!(
            "{}.{more}\n\nAllowed: {}\nDefault: {}{status}\n\nFor scripts: --set {place}=...",
            sentence(key.meaning),
            key.kind.allowed(),
            if key.default.is_empty() {
                "none"
            } else {
                key.default
            },
        );
        return (hint, help);
    }
    let hint = match place {
        Place::Type => format!("The link type\n{}", keys::type_words()),
        Place::Description | Place::Part(_, Part::Description) => {
            "What it is for\nany text".to_owned()
        }
        Place::Part(_, Part::Address) => {
            "Its address on the link\na DLCI of Frame Relay (16 to 991; auto: the first that the \
             switch reports), or an X.25 circuit: @ADDRESS to call, @ to accept calls alone, the \
             channel of a permanent one"
                .to_owned()
        }
        Place::Part(_, Part::Mode) => "What the interface is used for\n".to_owned() + &modes(),
        Place::Address(_, name) => match place::variable(name) {
            Some(v) if v.default.is_empty() => format!("{}\n{}", sentence(v.meaning), v.allowed),
            Some(v) => {
                format!(
                    "{}\n{}; default {}",
                    sentence(v.meaning),
                    v.allowed,
                    v.default
                )
            }
            None => String::new(),
        },
        Place::Link(_) | Place::Channel(..) => String::new(),
    };
    let help = format!("{hint}\n\nFor scripts: --set {place}=...");
    (hint, help)
}

fn modes() -> String {
    Usage::ALL.map(Usage::word).join(", ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A line of a form for a place.
pub fn item(draft: &Draft, place: &Place, label: &str) -> Item {
    let (hint, help) = explain(place);
    let given = draft.get(place);
    let secret = label == "PASSWD" && given.is_some();
    Item {
        label: label.to_owned(),
        faint: given.is_none(),
        value: if secret {
            "(not shown)".to_owned()
        } else {
            given.unwrap_or_else(|| match default(place) {
                "" => "-".to_owned(),
                text => format!("{text}  (default)"),
            })
        },
        heading: false,
        hint,
        help,
    }
}

impl Menus<'_> {
    /// Lets the user change one value.
    pub(super) fn edit(&mut self, draft: &mut Draft, place: &Place) -> io::Result<Edited> {
        let now = draft.get(place);
        let words = match (place, key(place).map(|key| key.kind)) {
            (_, Some(Kind::YesNo)) => {
                // Two values need no list: the other one.
                let is = now.as_deref().unwrap_or(default(place));
                let other = if value::yes_no(is) == Ok(true) {
                    "NO"
                } else {
                    "YES"
                };
                return self.take(draft, place, other);
            }
            (_, Some(Kind::Choice(words))) => {
                let word = |(word, _): &(&str, u64)| ((*word).to_owned(), String::new());
                words.iter().map(word).collect()
            }
            (Place::Type, _) => link_types(),
            (Place::Part(_, Part::Mode), _) => Usage::ALL
                .iter()
                .map(|u| (u.word().to_owned(), u.meaning().to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        if words.is_empty() {
            return self.fill(draft, place);
        }
        let is = now.as_deref().unwrap_or(default(place));
        let at = words
            .iter()
            .position(|(w, _): &(String, String)| w.eq_ignore_ascii_case(is));
        let picked = self
            .dialog
            .pick(&place.to_string(), &words, at.unwrap_or(0))?;
        match picked.and_then(|n| words.get(n)) {
            Some((word, _)) => self.take(draft, place, word),
            None => Ok(Edited::Left),
        }
    }

    fn take(&mut self, draft: &mut Draft, place: &Place, text: &str) -> io::Result<Edited> {
        let of = draft.of();
        if let Err(why) = draft.set(place, text) {
            self.dialog.show("Not changed", &why)?;
            return Ok(Edited::Left);
        }
        couple::after(draft, place);
        if draft.of() != of {
            let dropped = draft.drop_foreign_keys();
            if !dropped.is_empty() {
                let text = format!(
                    "{} does not have: {}",
                    draft.link_type(),
                    dropped.join(", ")
                );
                self.dialog.show("Keys taken away", &text)?;
            }
        }
        Ok(Edited::Changed)
    }

    /// Asks for a value as text.
    pub(super) fn fill(&mut self, draft: &mut Draft, place: &Place) -> io::Result<Edited> {
        let (hint, _) = explain(place);
        let preset = draft
            .get(place)
            .unwrap_or_else(|| default(place).to_owned());
        let can_be_empty = !matches!(place, Place::Link(_) | Place::Channel(..))
            || (key(place).is_some_and(|key| key.default.is_empty())
                && *place != Place::Link("LINE".to_owned()));
        let help = if can_be_empty {
            format!("{hint}\nEmpty: none")
        } else {
            hint
        };
        let tried = draft.clone();
        let check = |text: &str| {
            if text.trim().is_empty() && can_be_empty {
                return Ok(());
            }
            would_fit(&tried, place, text)
        };
        let question = wanbox_console::dialog::Question {
            title: place.to_string(),
            help,
            preset,
            secret: matches!(place, Place::Channel(_, key) if key == "PASSWD"),
        };
        let Some(text) = self.dialog.ask(&question, &check)? else {
            return Ok(Edited::Left);
        };
        if text.trim().is_empty() {
            self.clear(draft, place)?;
            return Ok(Edited::Changed);
        }
        self.take(draft, place, &text)
    }

    /// Takes a value away.
    pub(super) fn clear(&mut self, draft: &mut Draft, place: &Place) -> io::Result<()> {
        let result = draft.unset(place).map(|_| ());
        couple::after(draft, place);
        self.done(result)
    }
}

/// The link types, each once.
pub fn link_types() -> Vec<(String, String)> {
    let mut choices: Vec<(String, String)> = Vec::new();
    for t in TYPES {
        if !choices.iter().any(|(_, name)| name == t.name) {
            choices.push((t.word.to_owned(), t.name.to_owned()));
        }
    }
    choices
}

/// Refuses a value that the whole configuration refuses because of it.
fn would_fit(draft: &Draft, place: &Place, text: &str) -> Result<(), String> {
    let mut tried = draft.clone();
    tried.set(place, text)?;
    couple::after(&mut tried, place);
    let subject = match place {
        Place::Link(key) | Place::Channel(_, key) | Place::Address(_, key) => key.clone(),
        Place::Part(interface, _) => interface.clone(),
        Place::Type | Place::Description => draft.device.clone(),
    };
    let before = draft.check();
    let known = |what: &str| before.iter().any(|d| d.what == what);
    let findings = tried.check();
    let wrong = findings
        .iter()
        .find(|d| d.severity == Severity::Error && d.key == subject && !known(&d.what));
    match wrong {
        Some(d) if d.allowed.is_empty() => Err(d.what.clone()),
        Some(d) => Err(format!("{}; allowed: {}", d.what, d.allowed)),
        None => Ok(()),
    }
}
