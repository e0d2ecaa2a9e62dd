//! Forms and questions on the whole screen.

use std::io;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::field::Field;
use super::{Answer, Check, Dialog, Form, Question};
use crate::terminal::{Key, Screen};

/// How long to wait for a key before the screen is drawn again.
const TICK: Duration = Duration::from_millis(500);
/// Lines for the hint of the selected item.
const HINT: u16 = 2;
/// The widest a box gets, columns.
const BOX: u16 = 76;

/// Forms and questions drawn on a terminal.
pub struct Screens {
    screen: Screen,
}

impl Screens {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output is no terminal.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            screen: Screen::open()?,
        })
    }
}

/// A form while the user moves in it.
struct Walk<'f> {
    form: &'f Form,
    selected: usize,
    /// The first line shown.
    top: usize,
    /// The searched text; while it is typed, keys go to it.
    search: Option<Field>,
    typing: bool,
    /// Lines of the list that fitted on the screen when it was drawn last.
    rows: usize,
}

impl<'f> Walk<'f> {
    fn new(form: &'f Form, selected: usize) -> Self {
        let mut walk = Self {
            form,
            selected,
            top: 0,
            search: None,
            typing: false,
            rows: 10,
        };
        walk.settle();
        walk
    }

    fn searched(&self) -> String {
        self.search.as_ref().map(Field::text).unwrap_or_default()
    }

    fn matching(&self) -> Vec<usize> {
        self.form.matching(&self.searched())
    }

    /// Selects something that can be selected.
    fn settle(&mut self) {
        let matching = self.matching();
        if !matching.contains(&self.selected) {
            let after = matching.iter().find(|&&n| n >= self.selected);
            self.selected = *after.or(matching.last()).unwrap_or(&0);
        }
    }

    fn step(&mut self, by: isize) {
        let matching = self.matching();
        let at = matching.iter().position(|&n| n == self.selected);
        let last = matching.len().saturating_sub(1);
        let to = at.unwrap_or(0).saturating_add_signed(by).min(last);
        self.selected = matching.get(to).copied().unwrap_or(0);
    }

    fn press(&mut self, key: Key) -> Option<Answer> {
        let page = isize::try_from(self.rows.max(2) - 1).unwrap_or(10);
        let none = self.matching().is_empty();
        match key {
            Key::Interrupt => return Some(Answer::Quit),
            Key::Up => self.step(-1),
            Key::Down => self.step(1),
            Key::PageUp => self.step(-page),
            Key::PageDown => self.step(page),
            Key::Leave if self.search.is_some() => {
                self.search = None;
                self.typing = false;
            }
            Key::Enter if self.typing => self.typing = false,
            _ if self.typing => {
                if let Some(field) = &mut self.search {
                    field.press(key);
                }
                self.settle();
            }
            Key::Leave | Key::Left => return Some(Answer::Back),
            Key::Home => self.step(isize::MIN),
            Key::End => self.step(isize::MAX),
            Key::Enter | Key::Right if !none => return Some(Answer::Item(self.selected)),
            Key::Char('/') => {
                self.search = Some(Field::default());
                self.typing = true;
            }
            Key::Char('b') => return Some(Answer::Back),
            Key::Char(c) if self.form.actions.iter().any(|(key, _)| *key == c) => {
                return Some(Answer::Action(c, self.selected));
            }
            _ => {}
        }
        None
    }

    fn render(&mut self, frame: &mut Frame<'_>) {
        let pressed = packed(&self.keys(), usize::from(frame.area().width));
        let rows = u16::try_from(pressed.len()).unwrap_or(u16::MAX).clamp(1, 3);
        let [title, rule, list, rule_below, hint, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
            Constraint::Length(HINT),
            Constraint::Length(rows),
        ])
        .areas(frame.area());
        let bold = Style::new().add_modifier(Modifier::BOLD);
        frame.render_widget(Line::styled(format!(" {}", self.form.title), bold), title);
        let state = Line::styled(format!("{} ", self.form.state), bold);
        frame.render_widget(state.right_aligned(), title);
        for area in [rule, rule_below] {
            frame.render_widget(Line::from("─".repeat(usize::from(area.width))), area);
        }
        self.render_list(frame, list);
        let selected = self.form.items.get(self.selected);
        let text = selected.map_or("", |item| item.hint.as_str());
        let text = Paragraph::new(indented(text)).wrap(Wrap { trim: false });
        frame.render_widget(text, hint);
        frame.render_widget(Paragraph::new(pressed), keys);
    }

    fn render_list(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let matching = self.matching();
        let searched = self.searched();
        // Headings would stand alone in what was found.
        let heading = |n: usize| {
            searched.is_empty() && self.form.items.get(n).is_some_and(|item| item.heading)
        };
        let shown: Vec<usize> = (0..self.form.items.len())
            .filter(|n| heading(*n) || matching.contains(n))
            .collect();
        self.rows = usize::from(area.height).max(1);
        let at = shown.iter().position(|&n| n == self.selected).unwrap_or(0);
        // The selected line is visible, and the heading above it where there is room.
        let above = at.saturating_sub(usize::from(self.rows > 2));
        self.top = self.top.min(above);
        self.top = self.top.max((at + 1).saturating_sub(self.rows));
        let width = self.form.items.iter().filter(|item| !item.value.is_empty());
        let width = width.map(|item| item.label.chars().count()).max();
        let width = width.unwrap_or(0).min(32);
        let lines: Vec<Line<'_>> = shown
            .iter()
            .skip(self.top)
            .take(self.rows)
            .filter_map(|&n| {
                let item = self.form.items.get(n)?;
                if item.heading {
                    let style = Style::new().add_modifier(Modifier::BOLD);
                    return Some(Line::styled(format!(" {}", item.label), style));
                }
                let text = format!("   {:width$}  {}", item.label, item.value);
                let mut style = Style::new();
                if item.faint {
                    style = style.add_modifier(Modifier::DIM);
                }
                // A mark as well: not every terminal shows the colours.
                Some(if n == self.selected {
                    let text = text.replacen("  ", " >", 1);
                    let pad = usize::from(area.width);
                    let style = Style::new().add_modifier(Modifier::REVERSED);
                    Line::styled(format!("{text:pad$}"), style)
                } else {
                    Line::styled(text, style)
                })
            })
            .collect();
        if lines.is_empty() {
            let text = if searched.is_empty() {
                "nothing here"
            } else {
                "nothing found"
            };
            frame.render_widget(Line::from(format!("   {text}")), area);
        } else {
            frame.render_widget(Paragraph::new(lines), area);
        }
    }

    /// The end of the screen: what is searched, or what keys do.
    fn keys(&self) -> Vec<String> {
        let searched = self.searched();
        let mut keys = Vec::new();
        if self.typing {
            keys.push(format!("search: {searched}_"));
            keys.push("ENTER to the list".to_owned());
            keys.push("ESC shows all".to_owned());
            return keys;
        }
        keys.push("ENTER open".to_owned());
        if self.search.is_some() {
            keys.insert(0, format!("'{searched}' only"));
            keys.push("ESC shows all".to_owned());
        } else {
            keys.push("ESC back".to_owned());
        }
        keys.push("? help".to_owned());
        keys.push("/ search".to_owned());
        let actions = self.form.actions.iter();
        keys.extend(actions.map(|(key, name)| format!("{key} {name}")));
        keys
    }
}

/// Words side by side, in as many lines as it takes.
fn packed(words: &[String], columns: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + word.chars().count() <= columns => {
                line.push_str("  ");
                line.push_str(word);
            }
            _ => lines.push(format!(" {word}")),
        }
    }
    lines.into_iter().map(Line::from).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!(" {line}\n")).collect()
}

/// A question while it is answered.
fn render_question(frame: &mut Frame<'_>, question: &Question, field: &Field, wrong: &str) {
    let width = frame.area().width.min(BOX);
    let inner = usize::from(width.saturating_sub(4)).max(1);
    let mut lines: Vec<Line<'_>> = wrapped(&question.help, inner);
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    let (text, cursor) = field.window(inner, question.secret);
    let row = lines.len();
    let style = Style::new().add_modifier(Modifier::UNDERLINED);
    lines.push(Line::from(vec![
        Span::raw(" "),
        Span::styled(format!("{text:inner$}"), style),
    ]));
    let style = Style::new().add_modifier(Modifier::BOLD);
    lines.push(Line::default());
    lines.extend(wrapped(wrong, inner).into_iter().map(|l| l.style(style)));
    if wrong.is_empty() {
        lines.push(Line::from(" ENTER takes it   ESC leaves it as it was"));
    }
    let area = middle(frame.area(), width, lines.len() + 2);
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(format!(" {} ", question.title));
    frame.render_widget(Paragraph::new(lines).block(block), area);
    let offset = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let at = Position::new(
        area.x.saturating_add(offset(cursor + 2)),
        area.y.saturating_add(offset(row + 1)),
    );
    if area.contains(at) {
        frame.set_cursor_position(at);
    }
}

/// A text in lines of at most so many columns, broken between words where there are any.
fn wrapped(text: &str, columns: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let full = line.chars().count() + 1 + word.chars().count() > columns;
            if full && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
        .into_iter()
        .map(|l| Line::from(format!(" {l}")))
        .collect()
}

fn middle(area: Rect, width: u16, height: usize) -> Rect {
    let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
    Rect {
        x: area.x + (area.width - width.min(area.width)) / 2,
        y: area.y + (area.height - height) / 2,
        width: width.min(area.width),
        height,
    }
}

impl Dialog for Screens {
    fn choose(&mut self, form: &Form, selected: usize) -> io::Result<Answer> {
        let mut walk = Walk::new(form, selected);
        loop {
            self.screen.draw(|frame| walk.render(frame))?;
            let Some(key) = self.screen.key(TICK)? else {
                continue;
            };
            if key == Key::Char('?') && !walk.typing {
                if let Some(item) = form.items.get(walk.selected) {
                    let help = if item.help.is_empty() {
                        &item.hint
                    } else {
                        &item.help
                    };
                    self.show(&item.label, help)?;
                }
            } else if let Some(answer) = walk.press(key) {
                return Ok(answer);
            }
        }
    }

    fn ask(&mut self, question: &Question, check: Check<'_>) -> io::Result<Option<String>> {
        let mut field = Field::new(&question.preset);
        let mut wrong = String::new();
        loop {
            self.screen
                .draw(|frame| render_question(frame, question, &field, &wrong))?;
            match self.screen.key(TICK)? {
                None => {}
                Some(Key::Leave | Key::Interrupt) => return Ok(None),
                Some(Key::Enter) => match check(&field.text()) {
                    Ok(()) => return Ok(Some(field.text())),
                    Err(why) => wrong = why,
                },
                Some(key) => {
                    wrong.clear();
                    field.press(key);
                }
            }
        }
    }

    fn show(&mut self, title: &str, text: &str) -> io::Result<()> {
        let mut top = 0_usize;
        loop {
            let mut last = 0;
            self.screen.draw(|frame| {
                let width = frame.area().width.min(BOX);
                let lines = wrapped(text, usize::from(width.saturating_sub(4)).max(1));
                let area = middle(frame.area(), width, lines.len() + 2);
                last = lines
                    .len()
                    .saturating_sub(usize::from(area.height.saturating_sub(2)));
                let shown: Vec<Line<'_>> = lines.into_iter().skip(top.min(last)).collect();
                frame.render_widget(Clear, area);
                let keys = if last > 0 {
                    " cursor keys move, ENTER ends "
                } else {
                    " ENTER "
                };
                let block = Block::bordered()
                    .title(format!(" {title} "))
                    .title_bottom(keys);
                frame.render_widget(Paragraph::new(shown).block(block), area);
            })?;
            top = top.min(last);
            match self.screen.key(TICK)? {
                Some(Key::Up) => top = top.saturating_sub(1),
                Some(Key::PageUp) => top = top.saturating_sub(10),
                Some(Key::Down) => top = (top + 1).min(last),
                Some(Key::PageDown) => top = (top + 10).min(last),
                Some(Key::Enter | Key::Leave | Key::Interrupt | Key::Char('q' | 'b')) => {
                    return Ok(());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::Item;
    use super::*;

    fn form() -> Form {
        let keys = (0..40).map(|n| Item::new(format!("KEY{n}"), format!("{n}"), "a hint"));
        let mut items = vec![
            Item::heading("Line"),
            Item::new("LINE", "cable:demo", "the line"),
        ];
        items.extend(keys);
        Form {
            title: "wanpipe1".into(),
            state: "changed".into(),
            items,
            actions: vec![('s', "save")],
        }
    }

    fn drawn(walk: &mut Walk<'_>, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| walk.render(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn keys_walk_through_a_form() {
        let form = form();
        let mut walk = Walk::new(&form, 0);
        assert_eq!(walk.selected, 1, "a heading is passed");
        let text = drawn(&mut walk, 60, 12);
        assert!(
            text.contains(" wanpipe1") && text.contains("changed "),
            "{text}"
        );
        assert!(
            text.contains(" > LINE   cable:demo") && text.contains(" the line"),
            "{text}"
        );
        assert!(text.contains("s save"), "{text}");
        assert_eq!(walk.press(Key::Up), None);
        assert_eq!(walk.press(Key::Enter), Some(Answer::Item(1)));
        walk.press(Key::End);
        assert!(drawn(&mut walk, 60, 12).contains(" > KEY39  39"));
        assert_eq!(walk.press(Key::Char('s')), Some(Answer::Action('s', 41)));
        walk.press(Key::PageUp);
        assert!(walk.selected < 41 && walk.selected > 30);
        assert_eq!(walk.press(Key::Char('z')), None);
        assert_eq!(walk.press(Key::Leave), Some(Answer::Back));
        assert_eq!(walk.press(Key::Interrupt), Some(Answer::Quit));
    }

    #[test]
    fn a_search_narrows_a_form() {
        let form = form();
        let mut walk = Walk::new(&form, 0);
        for key in "/y17".chars() {
            walk.press(Key::Char(key));
        }
        let text = drawn(&mut walk, 60, 12);
        assert!(
            text.contains("search: y17_") && text.contains("> KEY17"),
            "{text}"
        );
        assert!(!text.contains("LINE") && !text.contains(" Line"), "{text}");
        assert_eq!(walk.press(Key::Enter), None);
        assert_eq!(walk.press(Key::Enter), Some(Answer::Item(19)));
        assert_eq!(walk.press(Key::Leave), None);
        assert!(drawn(&mut walk, 60, 12).contains("KEY16"));
        for key in "/nothing like it".chars() {
            walk.press(Key::Char(key));
        }
        walk.press(Key::Enter);
        assert!(drawn(&mut walk, 60, 12).contains("nothing found"));
        assert_eq!(walk.press(Key::Enter), None);
    }

    #[test]
    fn questions_are_drawn() {
        let question = Question {
            title: "TTL".into(),
            help: "time to live; 1 to 255".into(),
            preset: "64".into(),
            secret: false,
        };
        let draw = |width, height, wrong: &str| {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let field = Field::new(&question.preset);
            terminal
                .draw(|frame| render_question(frame, &question, &field, wrong))
                .unwrap();
            terminal.backend().to_string()
        };
        let text = draw(80, 24, "");
        assert!(
            text.contains(" TTL ") && text.contains("ENTER takes it"),
            "{text}"
        );
        assert!(draw(80, 24, "'x' is no number").contains("'x' is no number"));
        draw(1, 1, "x");
        draw(6, 3, "a long text that is wrapped many times");
    }

    #[test]
    fn small_terminals_do_no_harm() {
        let form = form();
        for (width, height) in [(1, 1), (5, 3), (200, 2), (3, 40)] {
            drawn(&mut Walk::new(&form, 7), width, height);
        }
        drawn(&mut Walk::new(&Form::default(), 3), 20, 10);
        assert_eq!(Walk::new(&Form::default(), 3).press(Key::Enter), None);
    }
}
