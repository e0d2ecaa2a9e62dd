//! Menus and fields on a terminal: boxes in the middle of the screen.

use std::io;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::terminal::{Key, Screen};

/// Size of a box, as the originals drew them.
const WIDTH: u16 = 50;
const HEIGHT: u16 = 20;
/// How long to wait for a key before the screen is drawn again.
const TICK: Duration = Duration::from_millis(500);

/// A list to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    title: String,
    items: Vec<String>,
    selected: usize,
}

/// What a key did to a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing is chosen yet.
    Open,
    /// This item.
    Item(usize),
    /// None: the user went back.
    Back,
}

impl Menu {
    /// A menu with its first item selected.
    pub fn new(title: impl Into<String>, items: Vec<String>) -> Self {
        Self {
            title: title.into(),
            items,
            selected: 0,
        }
    }

    /// The menu with another item selected; the last one if there are fewer.
    #[must_use]
    pub fn select(mut self, item: usize) -> Self {
        self.selected = item.min(self.items.len().saturating_sub(1));
        self
    }

    /// Handles a key. A letter or digit selects the next item that begins with it.
    pub fn press(&mut self, key: Key) -> Choice {
        let last = self.items.len().saturating_sub(1);
        match key {
            Key::Up => self.selected = self.selected.checked_sub(1).unwrap_or(last),
            Key::Down => {
                self.selected = if self.selected >= last {
                    0
                } else {
                    self.selected + 1
                }
            }
            Key::Enter if self.items.is_empty() => return Choice::Back,
            Key::Enter => return Choice::Item(self.selected),
            Key::Leave | Key::Interrupt => return Choice::Back,
            Key::Char(c) => {
                let begins = |item: &String| {
                    item.chars()
                        .next()
                        .is_some_and(|first| first.eq_ignore_ascii_case(&c))
                };
                let after = (self.selected + 1..self.items.len()).chain(0..=self.selected);
                let found = after
                    .into_iter()
                    .find(|&i| self.items.get(i).is_some_and(begins));
                self.selected = found.unwrap_or(self.selected);
            }
            _ => {}
        }
        Choice::Open
    }

    /// Draws the menu; the selected item is always visible.
    pub fn render(&self, frame: &mut Frame<'_>) {
        let area = middle(frame.area());
        let rows = usize::from(area.height.saturating_sub(2)).max(1);
        let top = (self.selected + 1).saturating_sub(rows);
        let lines: Vec<Line<'_>> = self
            .items
            .iter()
            .enumerate()
            .skip(top)
            .take(rows)
            .map(|(index, item)| {
                let line = Line::from(format!(" {item}"));
                if index == self.selected {
                    line.style(Style::new().add_modifier(Modifier::REVERSED))
                } else {
                    line
                }
            })
            .collect();
        boxed(&self.title, lines, area, frame);
    }

    /// Lets the user choose; `None` when he goes back.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn choose(mut self, screen: &mut Screen) -> io::Result<Option<usize>> {
        loop {
            screen.draw(|frame| self.render(frame))?;
            let Some(key) = screen.key(TICK)? else {
                continue;
            };
            match self.press(key) {
                Choice::Open => {}
                Choice::Item(index) => return Ok(Some(index)),
                Choice::Back => return Ok(None),
            }
        }
    }
}

/// A line of text to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    title: String,
    text: String,
}

impl Field {
    /// The longest text, characters.
    pub const LIMIT: usize = 40;

    /// A field with a text that can be changed.
    pub fn new(title: impl Into<String>, preset: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: preset.into(),
        }
    }

    /// Handles a key; `true` when the text is complete.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Enter => return true,
            Key::Erase => {
                self.text.pop();
            }
            Key::Char(c) if !c.is_control() && self.text.chars().count() < Self::LIMIT => {
                self.text.push(c);
            }
            _ => {}
        }
        false
    }

    /// Lets the user fill it in; `None` when he goes back.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn fill(mut self, screen: &mut Screen) -> io::Result<Option<String>> {
        loop {
            screen.draw(|frame| {
                let line = Line::from(format!(" {}_", self.text));
                boxed(&self.title, vec![line], middle(frame.area()), frame);
            })?;
            match screen.key(TICK)? {
                Some(Key::Leave | Key::Interrupt) => return Ok(None),
                Some(key) if self.press(key) => return Ok(Some(self.text)),
                _ => {}
            }
        }
    }
}

fn boxed(title: &str, lines: Vec<Line<'_>>, area: Rect, frame: &mut Frame<'_>) {
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn middle(area: Rect) -> Rect {
    let (width, height) = (area.width.min(WIDTH), area.height.min(HEIGHT));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn menu() -> Menu {
        let items = (0..40).map(|i| format!("item {i}"));
        Menu::new("Main", items.chain(["Zebra".into()]).collect())
    }

    #[test]
    fn keys_move_the_selection() {
        let mut menu = menu();
        assert_eq!(menu.press(Key::Up), Choice::Open);
        assert_eq!(menu.press(Key::Enter), Choice::Item(40));
        menu.press(Key::Down);
        assert_eq!(menu.press(Key::Enter), Choice::Item(0));
        menu.press(Key::Char('i'));
        assert_eq!(menu.press(Key::Enter), Choice::Item(1));
        menu.press(Key::Char('z'));
        assert_eq!(menu.press(Key::Enter), Choice::Item(40));
        menu.press(Key::Char('?'));
        assert_eq!(menu.press(Key::Enter), Choice::Item(40));
        assert_eq!(menu.press(Key::Leave), Choice::Back);
        let mut menu = menu.select(7);
        assert_eq!(menu.press(Key::Enter), Choice::Item(7));
        assert_eq!(menu.select(99).press(Key::Enter), Choice::Item(40));
        assert_eq!(
            Menu::new("none", Vec::new()).press(Key::Enter),
            Choice::Back
        );
    }

    #[test]
    fn the_selected_item_is_visible() {
        let mut menu = menu();
        menu.press(Key::Up);
        let mut terminal = Terminal::new(TestBackend::new(80, 25)).unwrap();
        terminal.draw(|frame| menu.render(frame)).unwrap();
        let text = terminal.backend().to_string();
        assert!(text.contains(" Main "));
        assert!(text.contains("Zebra"));
        assert!(!text.contains("item 3 "));
        let mut tiny = Terminal::new(TestBackend::new(2, 2)).unwrap();
        tiny.draw(|frame| menu.render(frame)).unwrap();
    }

    #[test]
    fn fields_are_edited() {
        let mut field = Field::new("IP", "201.1.1.2");
        assert!(!field.press(Key::Erase));
        assert!(!field.press(Key::Char('3')));
        assert!(field.press(Key::Enter));
        assert_eq!(field.text, "201.1.1.3");
        for _ in 0..100 {
            field.press(Key::Char('x'));
        }
        assert_eq!(field.text.chars().count(), Field::LIMIT);
    }
}
