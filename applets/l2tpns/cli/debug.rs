//! `debug`: log entries on the terminal of whoever asks for them.

use std::fmt::Write as _;

use wanbox_l2tpns_engine::concentrator::Level;

use super::host::Host;

/// The flags, each with the level of its entries.
pub(super) const FLAGS: [(&str, Level); 6] = [
    ("critical", Level::Critical),
    ("error", Level::Error),
    ("warning", Level::Warning),
    ("info", Level::Info),
    ("calls", Level::Call),
    ("data", Level::Data),
];

/// Which entries somebody sees, and which they have seen.
#[derive(Clone, Debug)]
pub(super) struct Debug {
    shown: [bool; FLAGS.len()],
    /// Somebody asked for entries.
    asked_for: bool,
    written: u64,
}

impl Debug {
    /// At first, what is critical from now on.
    pub(super) fn new(host: &dyn Host) -> Self {
        let (_, written) = host.log_since(u64::MAX);
        let mut shown = [false; FLAGS.len()];
        if let Some(critical) = shown.first_mut() {
            *critical = true;
        }
        Self {
            shown,
            asked_for: false,
            written,
        }
    }

    /// Whether anything is shown.
    pub(super) fn is_on(&self) -> bool {
        self.shown.contains(&true)
    }

    /// Whether it is shown because somebody wanted it.
    pub(super) fn is_asked_for(&self) -> bool {
        self.asked_for && self.is_on()
    }

    /// `debug [FLAG...]`: without flags, what is shown.
    ///
    /// # Errors
    /// What to print: a flag that is none. Those before it count.
    pub(super) fn add(
        &mut self,
        host: &dyn Host,
        words: &[String],
    ) -> Result<Option<String>, String> {
        if words.is_empty() {
            let names = FLAGS.iter().zip(self.shown).filter(|(_, shown)| *shown);
            let names: Vec<&str> = names.map(|((name, _), _)| *name).collect();
            return Ok(Some(match *names {
                [] => "Debugging off".into(),
                _ => format!("Currently debugging: {}", names.join(" ")),
            }));
        }
        if !self.is_on() {
            // What was written meanwhile is old.
            (_, self.written) = host.log_since(u64::MAX);
        }
        self.asked_for = true;
        self.change(words, true).map(|()| None)
    }

    /// `no debug [FLAG...]`: without flags, nothing is shown any more.
    ///
    /// # Errors
    /// As [`Debug::add`].
    pub(super) fn remove(&mut self, words: &[String]) -> Result<(), String> {
        if words.is_empty() {
            self.shown = [false; FLAGS.len()];
        }
        self.change(words, false)
    }

    fn change(&mut self, words: &[String], to: bool) -> Result<(), String> {
        for word in words {
            // One more letter where two of them begin alike.
            let fits = |name: &str| !word.is_empty() && name.starts_with(&**word);
            if fits("all") {
                let all = if to { FLAGS.len() - 1 } else { FLAGS.len() };
                self.shown
                    .iter_mut()
                    .take(all)
                    .for_each(|shown| *shown = to);
                continue;
            }
            let mut found = FLAGS
                .iter()
                .zip(&mut self.shown)
                .filter(|((name, _), _)| fits(name));
            match (found.next(), found.next()) {
                (Some((_, shown)), None) => *shown = to,
                _ => return Err(format!("Invalid debugging flag \"{word}\"")),
            }
        }
        Ok(())
    }

    /// The new entries that are to be shown, a line each: `LEVEL-TUNNEL-SESSION TEXT`.
    pub(super) fn poll(&mut self, host: &dyn Host) -> Vec<String> {
        let (entries, written) = host.log_since(self.written);
        self.written = written;
        let shown = |level: &Level| {
            let mut flags = FLAGS.iter().zip(self.shown);
            flags.any(|((_, of), shown)| shown && of == level)
        };
        entries
            .iter()
            .filter(|(level, _)| shown(level))
            .map(|(level, text)| entry(*level, text))
            .collect()
    }
}

/// An entry of the log as it is shown: `02/01 TEXT` becomes `INFO-2-1 TEXT`.
fn entry(level: Level, text: &str) -> String {
    let tagged = text.split_once(' ').and_then(|(tag, rest)| {
        let (tunnel, session) = tag.split_once('/')?;
        Some((
            tunnel.parse::<u32>().ok()?,
            session.parse::<u32>().ok()?,
            rest,
        ))
    });
    let (tunnel, session, rest) = tagged.unwrap_or((0, 0, text));
    let mut line = String::new();
    // Writing to a String does not fail.
    let _ = write!(line, "{level}-{tunnel}-{session} {rest}");
    line
}
