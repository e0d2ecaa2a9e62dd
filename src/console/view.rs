//! Live views, redrawn in place.

use std::io;
use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};

use crate::table::{Align, columns};
use crate::terminal::{Key, Screen};

/// The end of a text that grows, under a title.
pub fn tail(title: &str, text: &str, frame: &mut Frame<'_>) {
    let area = frame.area();
    let lines: Vec<&str> = text.split('\n').collect();
    let room = usize::from(area.height.saturating_sub(2));
    let shown = lines.get(lines.len().saturating_sub(room)..);
    let shown: Vec<Line<'_>> = shown
        .unwrap_or_default()
        .iter()
        .copied()
        .map(Line::from)
        .collect();
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(shown).block(block), area);
}

/// How good a state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Not known.
    Unknown,
}

/// The course of one value, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Its name, and its value now.
    pub label: String,
    /// Its values.
    pub history: Vec<u64>,
}

/// What a live view shows at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is watched.
    pub title: String,
    /// Its state.
    pub state: String,
    /// How good that is.
    pub tone: Tone,
    /// Named values, a line each.
    pub facts: Vec<(String, String)>,
    /// Courses.
    pub graphs: Vec<Graph>,
    /// The heads of the table; none: no table.
    pub head: Vec<(&'static str, Align)>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// Rows of screen that a graph takes, its label included.
const GRAPH: u16 = 4;

impl Page {
    /// The page as plain text, without graphs.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n", self.title, self.state);
        for (name, value) in &self.facts {
            text.push_str(&format!("  {name}: {value}\n"));
        }
        if !self.head.is_empty() {
            for line in columns(&self.head, &self.rows).lines() {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }

    /// Draws the page. What does not fit is left out at the end of the table.
    pub fn render(&self, frame: &mut Frame<'_>) {
        let facts = u16::try_from(self.facts.len()).unwrap_or(u16::MAX);
        let graphs = u16::try_from(self.graphs.len()).unwrap_or(u16::MAX);
        let [title, fact_area, graph_area, table, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(facts.saturating_add(1)),
            Constraint::Length(graphs.saturating_mul(GRAPH)),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let color = match self.tone {
            Tone::Good => Color::Green,
            Tone::Bad => Color::Red,
            Tone::Unknown => Color::Yellow,
        };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        frame.render_widget(
            Line::from(vec![
                Span::styled(format!("{}: ", self.title), bold),
                Span::styled(self.state.as_str(), bold.fg(color)),
            ]),
            title,
        );
        let width = self
            .facts
            .iter()
            .map(|(name, _)| name.chars().count())
            .max();
        let width = width.unwrap_or_default();
        let lines: Vec<Line<'_>> = self
            .facts
            .iter()
            .map(|(name, value)| Line::from(format!("{name:>width$}  {value}")))
            .collect();
        frame.render_widget(Paragraph::new(lines), fact_area);
        let areas = Layout::vertical(self.graphs.iter().map(|_| Constraint::Length(GRAPH)))
            .split(graph_area);
        for (graph, area) in self.graphs.iter().zip(areas.iter()) {
            render_graph(graph, *area, frame);
        }
        if !self.head.is_empty() {
            self.render_table(frame, table);
        }
        frame.render_widget(Line::from("q or ESC ends"), foot);
    }

    fn render_table(&self, frame: &mut Frame<'_>, area: Rect) {
        let widths = self.head.iter().enumerate().map(|(column, (name, _))| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let width = widest.max(name.chars().count());
            Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX))
        });
        let cells = |row: &[String]| {
            let aligned = self.head.iter().enumerate().map(|(column, (_, align))| {
                let text = Line::from(row.get(column).cloned().unwrap_or_default());
                match align {
                    Align::Left => text,
                    Align::Right => text.right_aligned(),
                }
            });
            Row::new(aligned.collect::<Vec<_>>())
        };
        let names: Vec<String> = self
            .head
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let head = cells(&names).style(Style::new().add_modifier(Modifier::BOLD));
        let table = Table::new(self.rows.iter().map(|row| cells(row)), widths)
            .header(head)
            .column_spacing(2);
        frame.render_widget(table, area);
    }
}

fn render_graph(graph: &Graph, area: Rect, frame: &mut Frame<'_>) {
    let [label, bars] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(GRAPH - 1)]).areas(area);
    frame.render_widget(Line::from(graph.label.as_str()), label);
    // The newest values, as many as there are columns.
    let from = graph.history.len().saturating_sub(usize::from(bars.width));
    let shown = graph.history.get(from..).unwrap_or_default();
    frame.render_widget(Sparkline::default().data(shown), bars);
}

/// A page on the screen until the user leaves.
pub struct Live {
    screen: Screen,
}

impl Live {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output is no terminal.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            screen: Screen::open()?,
        })
    }

    /// Shows the page and waits until `until`. `false`: the user wants to leave, or `stop` said so
    /// (it is asked at least five times a second).
    ///
    /// # Errors
    /// The terminal went away.
    pub fn show(
        &mut self,
        page: &Page,
        until: Instant,
        mut stop: impl FnMut() -> bool,
    ) -> io::Result<bool> {
        const SLICE: Duration = Duration::from_millis(200);
        loop {
            // Again after every event: the size may have changed.
            self.screen.draw(|frame| page.render(frame))?;
            let left = until.saturating_duration_since(Instant::now());
            match self.screen.key(left.min(SLICE))? {
                Some(Key::Leave | Key::Interrupt | Key::Char('q' | 'Q')) => return Ok(false),
                _ if stop() => return Ok(false),
                _ if left.is_zero() => return Ok(true),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn page() -> Page {
        Page {
            title: "fpipemon wp1_fr16".into(),
            state: "operative".into(),
            tone: Tone::Good,
            facts: vec![
                ("received".into(), "12 kbit/s".into()),
                ("sent".into(), "0".into()),
            ],
            graphs: vec![Graph {
                label: "received, bit/s".into(),
                history: (0..100).collect(),
            }],
            head: vec![("DLCI", Align::Right), ("state", Align::Left)],
            rows: vec![vec!["16".into(), "active".into()], vec!["991".into()]],
        }
    }

    fn drawn(width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| page().render(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        (0..height)
            .map(|y| {
                let line: String = (0..width)
                    .map(|x| buffer.cell((x, y)).unwrap().symbol())
                    .collect();
                line.trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn page_is_drawn() {
        let lines = drawn(40, 16);
        assert_eq!(lines[0], "fpipemon wp1_fr16: operative");
        assert_eq!(lines[2], "received  12 kbit/s");
        assert_eq!(lines[3], "    sent  0");
        assert_eq!(lines[5], "received, bit/s");
        assert!(lines[8].chars().all(|c| c == '█'), "{:?}", lines[8]);
        assert_eq!(lines[9], "DLCI  state");
        assert_eq!(lines[10], "  16  active");
        assert_eq!(lines[11], " 991");
        assert_eq!(lines[15], "q or ESC ends");
    }

    #[test]
    fn small_terminals_do_no_harm() {
        for (width, height) in [(1, 1), (5, 3), (200, 2), (3, 40)] {
            drawn(width, height);
        }
    }

    #[test]
    fn page_as_text() {
        assert_eq!(
            page().to_text(),
            "fpipemon wp1_fr16: operative\n  received: 12 kbit/s\n  sent: 0\n  \
             DLCI  state\n    16  active\n   991\n"
        );
    }
}
