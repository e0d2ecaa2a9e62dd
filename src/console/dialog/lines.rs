//! Forms and questions as plain lines.

use std::io::{self, BufRead, IsTerminal, Write};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::{Answer, Check, Dialog, Form, Question};

/// Numbered lines out, answers in.
pub struct Lines<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Lines<R, W> {
    /// A dialog over these two.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// The next line without its end. The end of the input is an error: nobody answers any more.
    fn line(&mut self, prompt: &str) -> io::Result<String> {
        write!(self.output, "{prompt}")?;
        self.output.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            writeln!(self.output)?;
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the input ended",
            ));
        }
        Ok(line.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// As [`Self::line`], but a terminal does not show what is typed.
    fn hidden_line(&mut self, prompt: &str) -> io::Result<Option<String>> {
        if !io::stdin().is_terminal() {
            return self.line(prompt).map(Some);
        }
        write!(self.output, "{prompt}")?;
        self.output.flush()?;
        enable_raw_mode()?;
        let line = hidden();
        disable_raw_mode()?;
        writeln!(self.output)?;
        line
    }

    fn print(&mut self, form: &Form, search: &str, shown: &[usize]) -> io::Result<()> {
        let state = match form.state.as_str() {
            "" => String::new(),
            state => format!(" ({state})"),
        };
        writeln!(self.output, "\n{}{state}", form.title)?;
        for (at, item) in form.items.iter().enumerate() {
            if let Some(number) = shown.iter().position(|&n| n == at) {
                let value = match item.value.as_str() {
                    "" => String::new(),
                    value => format!(": {value}"),
                };
                writeln!(self.output, "{:3}) {}{value}", number + 1, item.label)?;
            } else if item.heading && search.is_empty() {
                writeln!(self.output, "{}", item.label)?;
            }
        }
        let mut keys = String::from("NUMBER opens, ?NUMBER explains, /TEXT searches, b goes back");
        for (key, name) in &form.actions {
            keys.push_str(&format!(", {key} {name}"));
        }
        writeln!(self.output, "{keys}")
    }
}

/// Reads keys until ENTER.
fn hidden() -> io::Result<Option<String>> {
    let mut text = String::new();
    loop {
        let Event::Key(event) = read()? else { continue };
        if event.kind == KeyEventKind::Release {
            continue;
        }
        match event.code {
            KeyCode::Enter => return Ok(Some(text)),
            KeyCode::Esc => return Ok(None),
            KeyCode::Char(_) if event.modifiers.contains(KeyModifiers::CONTROL) => return Ok(None),
            KeyCode::Char(c) => text.push(c),
            KeyCode::Backspace => {
                text.pop();
            }
            _ => {}
        }
    }
}

impl<R: BufRead, W: Write> Dialog for Lines<R, W> {
    fn choose(&mut self, form: &Form, _selected: usize) -> io::Result<Answer> {
        let mut search = String::new();
        loop {
            let shown = form.matching(&search);
            self.print(form, &search, &shown)?;
            // What is asked of the list is asked again until it makes sense.
            loop {
                let line = self.line("> ")?;
                let line = line.trim();
                if let Some(text) = line.strip_prefix('/') {
                    search = text.trim().to_owned();
                    break;
                }
                let split = line.find(|c: char| c.is_ascii_digit());
                let (word, number) = line.split_at(split.unwrap_or(line.len()));
                let number = number.trim().parse::<usize>().ok();
                let item = number.and_then(|n| shown.get(n.checked_sub(1)?)).copied();
                let mut letters = word.trim().chars();
                let action = match (letters.next(), letters.next()) {
                    (action, None) => action,
                    _ => Some(' '),
                };
                match (action, item) {
                    (None, None) if line.is_empty() => break,
                    (None, Some(item)) => return Ok(Answer::Item(item)),
                    (Some('b'), _) => return Ok(Answer::Back),
                    (Some('?'), Some(item)) => {
                        let item = form.items.get(item).cloned().unwrap_or_default();
                        let help = if item.help.is_empty() {
                            item.hint
                        } else {
                            item.help
                        };
                        writeln!(self.output, "{}\n{help}", item.label)?;
                    }
                    (Some(key), item)
                        if form.actions.iter().any(|(k, _)| *k == key)
                            && (item.is_some() || number.is_none()) =>
                    {
                        let first = shown.first().copied().unwrap_or_default();
                        return Ok(Answer::Action(key, item.unwrap_or(first)));
                    }
                    _ => writeln!(self.output, "not understood: {line}")?,
                }
            }
        }
    }

    fn ask(&mut self, question: &Question, check: Check<'_>) -> io::Result<Option<String>> {
        writeln!(self.output, "\n{}", question.title)?;
        if !question.help.is_empty() {
            writeln!(self.output, "{}", question.help)?;
        }
        let prompt = match question.preset.as_str() {
            _ if question.secret => "(ENTER alone goes back): ".to_owned(),
            "" => "(. goes back): ".to_owned(),
            preset => format!("(ENTER: {preset}; . goes back): "),
        };
        loop {
            let line = if question.secret {
                self.hidden_line(&prompt)?.filter(|line| !line.is_empty())
            } else {
                Some(self.line(&prompt)?)
            };
            let answer = match line {
                None => return Ok(None),
                Some(line) if line.trim() == "." => return Ok(None),
                Some(line) if line.is_empty() => question.preset.clone(),
                Some(line) => line,
            };
            match check(&answer) {
                Ok(()) => return Ok(Some(answer)),
                Err(why) => writeln!(self.output, "{why}")?,
            }
        }
    }

    fn show(&mut self, title: &str, text: &str) -> io::Result<()> {
        writeln!(self.output, "\n{title}\n{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::*;

    fn form() -> Form {
        Form {
            title: "wanpipe1".into(),
            state: "changed".into(),
            items: vec![
                Item::heading("Line"),
                Item::new("LINE", "cable:demo", "what the link runs on"),
                Item::new("MTU", "1500", "longest packet"),
                Item::new("Done", "", ""),
            ],
            actions: vec![('s', "saves"), ('d', "takes away")],
        }
    }

    fn choose(input: &str) -> (Option<Answer>, String) {
        let mut output = Vec::new();
        let mut lines = Lines::new(input.as_bytes(), &mut output);
        let answer = lines.choose(&form(), 0).ok();
        (answer, String::from_utf8(output).unwrap())
    }

    #[test]
    fn forms_are_numbered() {
        let (answer, text) = choose("2\n");
        assert_eq!(answer, Some(Answer::Item(2)));
        assert_eq!(
            text,
            "\nwanpipe1 (changed)\nLine\n  1) LINE: cable:demo\n  2) MTU: 1500\n  3) Done\n\
             NUMBER opens, ?NUMBER explains, /TEXT searches, b goes back, s saves, d takes away\n> "
        );
        assert_eq!(choose("s\n").0, Some(Answer::Action('s', 1)));
        assert_eq!(choose("d 2\n").0, Some(Answer::Action('d', 2)));
        assert_eq!(choose("/packet\n1\n").0, Some(Answer::Item(2)));
        assert_eq!(choose("b\n").0, Some(Answer::Back));
        let (answer, text) = choose("9\nd9\nfoo\n-1\n\n?1\n");
        assert_eq!(answer, None, "the input ended");
        assert_eq!(text.matches("not understood").count(), 4, "{text}");
        assert!(text.contains("LINE\nwhat the link runs on\n"));
    }

    #[test]
    fn questions_are_asked_until_the_answer_passes() {
        let ask = |input: &str, preset: &str| {
            let mut output = Vec::new();
            let question = Question {
                title: "MTU".into(),
                help: "128 to 4098".into(),
                preset: preset.into(),
                secret: false,
            };
            let check = |text: &str| match text.parse::<u16>() {
                Ok(_) => Ok(()),
                Err(_) => Err(format!("'{text}' is no number")),
            };
            let answer = Lines::new(input.as_bytes(), &mut output).ask(&question, &check);
            (answer.ok().flatten(), String::from_utf8(output).unwrap())
        };
        let (answer, text) = ask("many\n576\n", "1500");
        assert_eq!(answer.as_deref(), Some("576"));
        assert!(text.contains("128 to 4098\n(ENTER: 1500; . goes back): 'many' is no number\n"));
        assert_eq!(ask("\n", "1500").0.as_deref(), Some("1500"));
        assert_eq!(ask(".\n", "1500").0, None);
        assert_eq!(ask("", "1500").0, None);
    }
}
