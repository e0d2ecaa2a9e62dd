//! What commands print, line by line: asked for as there is room, through filters.

use std::collections::VecDeque;

use wanbox_console::filter::Filters;
use wanbox_runtime::control::Failure;

use super::host::{Form, Host, Page, Show};
use super::run::Item;

/// Output under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Print {
    items: VecDeque<Item>,
    /// The view whose parts are being asked for, and from where the next one goes on.
    view: Option<(Show, u64)>,
    text: String,
    /// How much of the text is printed, octets.
    at: usize,
    filters: Filters,
    ended: bool,
}

/// A line to print.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Out {
    /// One that passed the filters.
    Line(String),
    /// What went wrong.
    Wrong(Failure),
    /// Nothing yet, but there is more to look at.
    Nothing,
}

impl Print {
    pub(super) fn new(items: Vec<Item>, filters: Filters) -> Self {
        Self {
            items: items.into(),
            filters,
            ..Self::default()
        }
    }

    /// The next line; `None` behind the last.
    pub(super) fn next(&mut self, host: &mut dyn Host) -> Option<Out> {
        if let Some(line) = self.take_line() {
            if self.filters.is_done() {
                // Nothing of the rest would pass.
                self.view = None;
                self.text.clear();
                self.items.clear();
                return Some(Out::Nothing);
            }
            return Some(if self.filters.passes(&line) {
                Out::Line(line)
            } else {
                Out::Nothing
            });
        }
        if let Some((show, from)) = self.view.take() {
            self.at = 0;
            self.text.clear();
            match host.show(&show, Form::Text, from) {
                Ok((page, next)) => {
                    if let Page::Text(text) = page {
                        self.text = text;
                    }
                    // A view that does not get on would never end.
                    self.view = next.filter(|next| *next > from).map(|next| (show, next));
                    return Some(Out::Nothing);
                }
                Err(wrong) => return Some(Out::Wrong(Failure::absent(wrong))),
            }
        }
        match self.items.pop_front() {
            Some(Item::Text(text)) => {
                self.text = text + "\n";
                self.at = 0;
                Some(Out::Nothing)
            }
            Some(Item::Wrong(failure)) => Some(Out::Wrong(failure)),
            Some(Item::View(show)) => {
                self.view = Some((show, 0));
                Some(Out::Nothing)
            }
            None if !self.ended => {
                self.ended = true;
                let lines = self.filters.end();
                self.filters = Filters::default();
                self.text = lines.iter().map(|line| format!("{line}\n")).collect();
                self.at = 0;
                Some(Out::Nothing)
            }
            None => None,
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next().unwrap_or_default();
        self.at += line.len() + 1;
        Some(clean(line))
    }
}

/// A line without control characters: much of what is shown came from peers, and must not control
/// a terminal.
pub(super) fn clean(line: &str) -> String {
    if !line.chars().any(|c| c.is_control() && c != '\t') {
        return line.to_owned();
    }
    let mut clean = String::with_capacity(line.len() + 8);
    for c in line.chars() {
        if c.is_control() && c != '\t' {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}
