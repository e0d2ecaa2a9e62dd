//! Filters behind a command: `| include WORD`, one line after another.

use crate::pattern::Pattern;

/// How a filter is called, what it is given, and what it does. In the order in which they are
/// listed.
pub const FILTERS: [(&str, &str); 7] = [
    ("begin", "Begin with lines that match"),
    ("between", "Between lines that match"),
    ("count", "Count of lines"),
    ("exclude", "Exclude lines that match"),
    ("include", "Include lines that match"),
    (
        "grep",
        "Include lines that match regex (options: -v, -i, -e)",
    ),
    ("egrep", "Include lines that match extended regex"),
];

/// One filter.
#[derive(Clone, Debug)]
pub struct Filter(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Lines with the text, or those without it.
    Text { text: String, with: bool },
    /// Lines that the pattern fits, or the others.
    Pattern { pattern: Pattern, with: bool },
    /// From the first line with the text on.
    Begin { text: String, begun: bool },
    /// From the first line with one text to the next with the other.
    Between {
        from: String,
        to: String,
        progress: Progress,
    },
    /// The number of lines that are not blank.
    Count(u64),
}

#[derive(Clone, Copy, Debug)]
enum Progress {
    Before,
    Within,
    Behind,
}

impl Filter {
    /// The filter that words name; its name may be abbreviated.
    ///
    /// # Errors
    /// What to print instead.
    pub fn new(words: &[String]) -> Result<Self, String> {
        let Some((word, arguments)) = words.split_first() else {
            return Err("Empty command given".into());
        };
        let mut names = FILTERS
            .iter()
            .map(|(name, _)| *name)
            .filter(|n| n.starts_with(&**word));
        let name = match (names.next(), names.next()) {
            _ if word.is_empty() => None,
            // `begin` and `between` have no name in common with another's beginning.
            (name, None) => name,
            _ => None,
        };
        let name = name.ok_or_else(|| format!("Invalid command \"{word}\""))?;
        let missing = |what| {
            format!("Incomplete command, missing required argument '{what}' for command '{name}'")
        };
        let rest = || match arguments {
            [] => None,
            words => Some(words.join(" ")),
        };
        Ok(Self(match name {
            "count" if arguments.is_empty() => Kind::Count(0),
            "count" => return Err("Count filter does not take arguments".into()),
            "begin" => Kind::Begin {
                text: rest().ok_or_else(|| missing("range_start"))?,
                begun: false,
            },
            "between" => {
                let mut words = arguments.iter();
                Kind::Between {
                    from: words.next().ok_or_else(|| missing("range_start"))?.clone(),
                    to: words.next().ok_or_else(|| missing("range_end"))?.clone(),
                    progress: Progress::Before,
                }
            }
            "include" | "exclude" => Kind::Text {
                text: rest().ok_or_else(|| missing("search_pattern"))?,
                with: name == "include",
            },
            _ => grep(arguments, name == "egrep", &missing("search_pattern"))?,
        }))
    }

    /// Whether a line passes.
    pub fn passes(&mut self, line: &str) -> bool {
        match &mut self.0 {
            Kind::Text { text, with } => line.contains(&**text) == *with,
            Kind::Pattern { pattern, with } => pattern.is_match(line) == *with,
            Kind::Begin { text, begun } => {
                *begun |= line.contains(&**text);
                *begun
            }
            Kind::Between { from, to, progress } => {
                match progress {
                    Progress::Before if line.contains(&**from) => *progress = Progress::Within,
                    Progress::Within if line.contains(&**to) => {
                        *progress = Progress::Behind;
                        return true;
                    }
                    _ => {}
                }
                matches!(progress, Progress::Within)
            }
            Kind::Count(lines) => {
                *lines += u64::from(!line.trim().is_empty());
                false
            }
        }
    }

    /// A line behind the last one.
    pub fn end(&self) -> Option<String> {
        match &self.0 {
            Kind::Count(lines) => Some(lines.to_string()),
            _ => None,
        }
    }

    /// Whether nothing passes any more, so that what makes the lines may stop.
    pub fn is_done(&self) -> bool {
        matches!(
            &self.0,
            Kind::Between {
                progress: Progress::Behind,
                ..
            }
        )
    }
}

/// `grep [-v] [-i] [-e] PATTERN`.
fn grep(mut words: &[String], extended: bool, missing: &str) -> Result<Kind, String> {
    let (mut with, mut fold) = (true, false);
    while let [word, rest @ ..] = words
        && let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty())
    {
        words = rest;
        let mut pattern_follows = false;
        for letter in letters.chars() {
            match letter {
                'v' => with = false,
                'i' => fold = true,
                'e' => pattern_follows = true,
                _ => {
                    return Err(format!(
                        "Problem parsing command setting search_flags with value {word}"
                    ));
                }
            }
        }
        if pattern_follows {
            break;
        }
    }
    if words.is_empty() {
        return Err(missing.to_owned());
    }
    let text = words.join(" ");
    let pattern = Pattern::new(&text, extended, fold)
        .map_err(|why| format!("Invalid pattern \"{text}\": {why}"))?;
    Ok(Kind::Pattern { pattern, with })
}

/// Filters one after another.
#[derive(Clone, Debug, Default)]
pub struct Filters(Vec<Filter>);

/// How many filters there may be behind a command.
pub const MAX_FILTERS: usize = 8;

impl Filters {
    /// The filters that groups of words name.
    ///
    /// # Errors
    /// What to print instead.
    pub fn new(groups: impl IntoIterator<Item = Vec<String>>) -> Result<Self, String> {
        let mut filters = Vec::new();
        for words in groups {
            filters.push(Filter::new(&words)?);
            if filters.len() > MAX_FILTERS {
                return Err(format!("At most {MAX_FILTERS} filters follow a command"));
            }
        }
        Ok(Self(filters))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a line passes them all.
    pub fn passes(&mut self, line: &str) -> bool {
        self.0.iter_mut().all(|filter| filter.passes(line))
    }

    /// The lines behind the last one.
    pub fn end(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for place in 0..self.0.len() {
            if let Some(line) = self.0.get(place).and_then(Filter::end)
                && self
                    .0
                    .iter_mut()
                    .skip(place + 1)
                    .all(|filter| filter.passes(&line))
            {
                lines.push(line);
            }
        }
        lines
    }

    /// Whether nothing passes any more.
    pub fn is_done(&self) -> bool {
        self.0.iter().any(Filter::is_done) && !self.0.iter().any(|f| f.end().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "Counter   Value\n---------\nradius_retries 0\narp_sent 2\n\nTX 3\ntx 4";

    fn run(filters: &str) -> Result<Vec<String>, String> {
        let groups = filters.split('|').map(|group| {
            let words = group
                .split_whitespace()
                .map(|word| word.trim_matches('"').to_owned());
            words.collect()
        });
        let mut filters = Filters::new(groups)?;
        let mut lines: Vec<String> = LINES
            .lines()
            .filter(|line| filters.passes(line))
            .map(str::to_owned)
            .collect();
        lines.extend(filters.end());
        Ok(lines)
    }

    fn lines(filters: &str) -> Vec<String> {
        run(filters).unwrap()
    }

    #[test]
    fn every_filter() {
        assert_eq!(lines("include rad"), ["radius_retries 0"]);
        assert_eq!(lines("inc retries 0"), ["radius_retries 0"]);
        assert_eq!(lines("exclude ---").len(), 6);
        assert_eq!(lines("begin arp"), ["arp_sent 2", "", "TX 3", "tx 4"]);
        assert_eq!(lines("between arp TX"), ["arp_sent 2", "", "TX 3"]);
        assert_eq!(lines("count"), ["6"]);
        assert_eq!(lines("grep -i ^TX"), ["TX 3", "tx 4"]);
        assert_eq!(lines("grep -v [a-zT]"), ["---------", ""]);
        assert_eq!(lines("egrep (arp_)+"), ["arp_sent 2"]);
        assert_eq!(lines("egrep -vi tx|count|count"), ["1"]);
        assert_eq!(lines("grep -e -*-"), ["---------"]);
        assert_eq!(lines("begin arp | include 3 | count"), ["1"]);
    }

    #[test]
    fn mistakes() {
        let error = |filters| run(filters).unwrap_err();
        assert_eq!(error(""), "Empty command given");
        assert_eq!(error("foo"), "Invalid command \"foo\"");
        assert_eq!(error("be x"), "Invalid command \"be\"");
        assert_eq!(error("count x"), "Count filter does not take arguments");
        assert_eq!(
            error("between a"),
            "Incomplete command, missing required argument 'range_end' for command 'between'"
        );
        assert_eq!(
            error("grep -v"),
            "Incomplete command, missing required argument 'search_pattern' for command 'grep'"
        );
        assert_eq!(
            error("grep -x L"),
            "Problem parsing command setting search_flags with value -x"
        );
        assert!(error("egrep (L").starts_with("Invalid pattern \"(L\""));
        assert!(error(&"count|".repeat(9)).starts_with("At most 8"));
    }

    #[test]
    fn the_source_may_stop() {
        let mut filters = Filters::new([vec!["between".into(), "a".into(), "b".into()]]).unwrap();
        assert!(filters.passes("a") && !filters.is_done());
        assert!(filters.passes("b") && filters.is_done());
        assert!(!filters.passes("a"));
    }
}
