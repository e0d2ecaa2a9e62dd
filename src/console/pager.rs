//! Long output a screen at a time.

/// What stands below a full screen.
const MORE: &[u8] = b"--More--";

/// What somebody wants at a full screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What follows.
    More,
    /// Nothing of what follows.
    Quit,
}

/// Counts the lines of a terminal's screen.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// The size of the screen; 0 is without end.
    columns: usize,
    rows: usize,
    /// Rows that may be written before the screen is full.
    left: usize,
    waiting: bool,
}

impl Pager {
    /// A terminal of this size; without rows or with 0 of them nothing is held back.
    pub fn set_size(&mut self, columns: u16, rows: u16) {
        self.columns = usize::from(columns);
        self.rows = usize::from(rows);
    }

    /// New output begins.
    pub fn begin(&mut self) {
        self.left = self.rows.saturating_sub(1).max(1);
        self.waiting = false;
    }

    /// Whether there is room for a line. If not, the terminal has to be sent what goes to `out`,
    /// and its next keys are for [`Pager::key`].
    pub fn takes(&mut self, line: &str, out: &mut Vec<u8>) -> bool {
        if self.waiting {
            return false;
        }
        if self.rows == 0 {
            return true;
        }
        let length = line.chars().count();
        let rows = match self.columns {
            0 => 1,
            columns => length.div_ceil(columns).max(1),
        };
        // A line that is longer than the screen has to go, too.
        if rows > self.left && self.left < self.rows.saturating_sub(1).max(1) {
            self.waiting = true;
            out.extend(MORE);
            return false;
        }
        self.left = self.left.saturating_sub(rows);
        true
    }

    /// Whether it waits for a key.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// A key at a full screen: blank is a screen more, ENTER a line; `q` and ^C are enough.
    pub fn key(&mut self, octet: u8, out: &mut Vec<u8>) -> Option<Answer> {
        const INTERRUPT: u8 = 3;
        let (left, answer) = match octet {
            b' ' => (self.rows.saturating_sub(1).max(1), Answer::More),
            b'\r' => (1, Answer::More),
            b'q' | b'Q' | INTERRUPT => (0, Answer::Quit),
            _ => return None,
        };
        self.left = left;
        self.waiting = false;
        out.push(b'\r');
        out.extend([b' '; MORE.len()]);
        out.push(b'\r');
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints lines up to the first that there is no room for.
    fn print(pager: &mut Pager, lines: &[&str]) -> usize {
        let mut out = Vec::new();
        let taken = lines
            .iter()
            .take_while(|line| pager.takes(line, &mut out))
            .count();
        assert_eq!(taken < lines.len(), out == MORE);
        taken
    }

    #[test]
    fn a_screen_then_a_line_then_enough() {
        let mut pager = Pager::default();
        pager.set_size(10, 4);
        pager.begin();
        let mut out = Vec::new();
        assert_eq!(print(&mut pager, &["1", "2", "3", "4"]), 3);
        assert!(pager.is_waiting());
        assert!(!pager.takes("x", &mut out) && out.is_empty());
        assert_eq!(pager.key(b'x', &mut out), None);
        assert_eq!(pager.key(b'\r', &mut out), Some(Answer::More));
        assert_eq!(out, b"\r        \r");
        assert_eq!(print(&mut pager, &["4", "5"]), 1);
        assert_eq!(pager.key(b' ', &mut out), Some(Answer::More));
        // 12 characters are two rows.
        assert_eq!(print(&mut pager, &["5", "123456789012", "7"]), 2);
        assert_eq!(pager.key(b'q', &mut out), Some(Answer::Quit));
        assert!(!pager.is_waiting());
    }

    #[test]
    fn a_line_longer_than_the_screen_goes_alone() {
        let mut pager = Pager::default();
        pager.set_size(4, 3);
        pager.begin();
        assert_eq!(print(&mut pager, &["a", &"b".repeat(40)]), 1);
        let mut out = Vec::new();
        assert_eq!(pager.key(b' ', &mut out), Some(Answer::More));
        assert_eq!(print(&mut pager, &[&"b".repeat(40), "c"]), 1);
    }

    #[test]
    fn a_terminal_of_unknown_size_gets_all() {
        let mut pager = Pager::default();
        pager.begin();
        assert_eq!(print(&mut pager, &["x"; 1000]), 1000);
    }
}
