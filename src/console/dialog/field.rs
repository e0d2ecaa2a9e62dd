//! A line of text that is edited in place.

use crate::terminal::Key;

/// The text and the cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    letters: Vec<char>,
    cursor: usize,
}

impl Field {
    /// The longest text, characters.
    pub const LIMIT: usize = 1000;

    /// A text with the cursor behind it.
    pub fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        Self {
            cursor: letters.len(),
            letters,
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Handles a key that edits; others do nothing.
    pub fn press(&mut self, key: Key) {
        match key {
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.letters.len(),
            Key::Erase if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            Key::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            Key::Char(c) if !c.is_control() && self.letters.len() < Self::LIMIT => {
                self.letters.insert(self.cursor, c);
                self.cursor += 1;
            }
            _ => {}
        }
    }

    /// What is seen in so many columns, and the column of the cursor. A secret is dots.
    pub fn window(&self, columns: usize, secret: bool) -> (String, usize) {
        let columns = columns.max(1);
        let from = (self.cursor + 1).saturating_sub(columns);
        let seen = self.letters.iter().skip(from).take(columns);
        let text = seen.map(|&c| if secret { '*' } else { c }).collect();
        (text, self.cursor - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_edited_anywhere() {
        let mut field = Field::new("cable:demo");
        for key in [Key::Home, Key::Delete, Key::Char('C'), Key::End, Key::Erase] {
            field.press(key);
        }
        assert_eq!(field.text(), "Cable:dem");
        field.press(Key::Left);
        field.press(Key::Char('x'));
        assert_eq!(field.text(), "Cable:dexm");
        assert_eq!(field.window(4, false), ("dexm".into(), 3));
        assert_eq!(field.window(40, true), ("**********".into(), 9));
        for key in [Key::Home, Key::Left, Key::Erase, Key::Char('\n'), Key::Up] {
            field.press(key);
        }
        assert_eq!(field.text(), "Cable:dexm");
        assert_eq!(Field::new("").window(0, false), (String::new(), 0));
        for _ in 0..2000 {
            field.press(Key::Char('y'));
        }
        assert_eq!(field.text().len(), Field::LIMIT);
    }
}
