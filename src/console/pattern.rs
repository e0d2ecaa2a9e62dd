//! Regular expressions as grep and egrep have them (POSIX, basic and extended), without back
//! references.
//!
//! A pattern becomes a short program whose every way is followed at once, character by
//! character, so that no pattern takes longer than its length times that of the line.

/// The longest pattern, octets.
pub const MAX_PATTERN: usize = 256;
/// The longest program: what counted repetitions may make of a pattern.
const MAX_PROGRAM: usize = 4096;
/// The highest count of a repetition.
const MAX_COUNT: u16 = 255;

#[derive(Clone, Debug)]
enum Step {
    Char(char),
    Any,
    Set(Set),
    /// Both ways.
    Split(usize, usize),
    Jump(usize),
    Start,
    End,
    Match,
}

/// Characters between brackets.
#[derive(Clone, Debug, Default)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<fn(&char) -> bool>,
}

impl Set {
    fn has(&self, c: char, fold: bool) -> bool {
        let within = |c: char| {
            self.ranges.iter().any(|&(a, b)| (a..=b).contains(&c))
                || self.classes.iter().any(|class| class(&c))
        };
        let found = within(c) || fold && (within(lower(c)) || within(upper(c)));
        found != self.negated
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(c: char) -> char {
    c.to_uppercase().next().unwrap_or(c)
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    program: Vec<Step>,
    fold: bool,
}

impl Pattern {
    /// Compiles a pattern: extended as for egrep, or basic as for grep. `fold` makes no
    /// difference between capital and small letters.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(text: &str, extended: bool, fold: bool) -> Result<Self, String> {
        if text.len() > MAX_PATTERN {
            return Err(format!("a pattern has at most {MAX_PATTERN} octets"));
        }
        let mut parser = Parser {
            letters: text.chars().collect(),
            at: 0,
            extended,
            program: Vec::new(),
        };
        parser.alternatives(0)?;
        if parser.at < parser.letters.len() {
            return Err("a ) closes nothing".into());
        }
        parser.push(Step::Match)?;
        Ok(Self {
            program: parser.program,
            fold,
        })
    }

    /// Whether it fits somewhere in a line.
    pub fn is_match(&self, line: &str) -> bool {
        let mut now = Threads::new(self.program.len());
        let mut next = Threads::new(self.program.len());
        let mut letters = line.chars().peekable();
        let mut first = true;
        loop {
            let last = letters.peek().is_none();
            // It may begin here too.
            self.follow(0, first, last, &mut now);
            if now.matched {
                return true;
            }
            let Some(c) = letters.next() else {
                return false;
            };
            let after_last = letters.peek().is_none();
            for place in now.list.drain(..) {
                let takes = match self.program.get(place) {
                    Some(Step::Char(wanted)) => {
                        *wanted == c || self.fold && lower(*wanted) == lower(c)
                    }
                    Some(Step::Any) => true,
                    Some(Step::Set(set)) => set.has(c, self.fold),
                    _ => false,
                };
                if takes {
                    self.follow(place + 1, false, after_last, &mut next);
                }
            }
            now.clear();
            std::mem::swap(&mut now, &mut next);
            first = false;
        }
    }

    /// Follows all ways from a place up to what takes a character.
    fn follow(&self, place: usize, first: bool, last: bool, threads: &mut Threads) {
        let mut stack = vec![place];
        while let Some(place) = stack.pop() {
            match threads.seen.get_mut(place) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.program.get(place) {
                Some(Step::Split(a, b)) => stack.extend([*b, *a]),
                Some(Step::Jump(to)) => stack.push(*to),
                Some(Step::Start) if first => stack.push(place + 1),
                Some(Step::End) if last => stack.push(place + 1),
                Some(Step::Start | Step::End) => {}
                Some(Step::Match) => threads.matched = true,
                Some(_) => threads.list.push(place),
                None => {}
            }
        }
    }
}

/// The places of the program that wait for the next character.
struct Threads {
    list: Vec<usize>,
    seen: Vec<bool>,
    matched: bool,
}

impl Threads {
    fn new(length: usize) -> Self {
        Self {
            list: Vec::new(),
            seen: vec![false; length],
            matched: false,
        }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.fill(false);
    }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    extended: bool,
    program: Vec<Step>,
}

/// A special character, whichever way it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Or,
    Times(u16, Option<u16>),
    Literal(char),
    Any,
    Start,
    End,
    Bracket,
}

impl Parser {
    fn push(&mut self, step: Step) -> Result<(), String> {
        if self.program.len() >= MAX_PROGRAM {
            return Err("the pattern has too many repetitions".into());
        }
        self.program.push(step);
        Ok(())
    }

    fn letter(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    /// The next token and its length. `begins`: nothing that could be repeated or ended is
    /// before it.
    fn token(&self, begins: bool) -> Result<Option<(Token, usize)>, String> {
        let Some(letter) = self.letter(0) else {
            return Ok(None);
        };
        let escaped = letter == '\\';
        let (letter, length) = if escaped {
            let next = self.letter(1).ok_or("a \\ at the end")?;
            (next, 2)
        } else {
            (letter, 1)
        };
        // Extended: special as it is. Basic: special behind a \.
        let special = escaped != self.extended;
        let token = match letter {
            '(' if special => Token::Open,
            ')' if special => Token::Close,
            '|' if special => Token::Or,
            '+' if special && !begins => Token::Times(1, None),
            '?' if special && !begins => Token::Times(0, Some(1)),
            '{' if special && !begins => return self.count(length).map(Some),
            '*' if !escaped && !begins => Token::Times(0, None),
            '.' if !escaped => Token::Any,
            '[' if !escaped => Token::Bracket,
            '^' if !escaped && (self.extended || begins) => Token::Start,
            '$' if !escaped && (self.extended || self.ends(1)) => Token::End,
            _ => Token::Literal(letter),
        };
        Ok(Some((token, length)))
    }

    /// Whether an alternative of a basic pattern ends there.
    fn ends(&self, ahead: usize) -> bool {
        match self.letter(ahead) {
            None => true,
            Some('\\') => matches!(self.letter(ahead + 1), Some(')' | '|')),
            _ => false,
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`, `{,5}`.
    fn count(&self, skip: usize) -> Result<(Token, usize), String> {
        let close: &[char] = if self.extended { &['}'] } else { &['\\', '}'] };
        let rest = self.letters.get(self.at + skip..).unwrap_or_default();
        let length = rest
            .windows(close.len())
            .position(|end| end == close)
            .ok_or("a { is not closed")?;
        let text: String = rest.iter().take(length).collect();
        let number = |text: &str| -> Result<u16, String> {
            let count = text.parse().ok().filter(|&count| count <= MAX_COUNT);
            count.ok_or_else(|| format!("a pattern is repeated 0 to {MAX_COUNT} times"))
        };
        let (least, most) = match text.split_once(',') {
            None => (number(&text)?, Some(number(&text)?)),
            Some(("", most)) => (0, Some(number(most)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        if most.is_some_and(|most| most < least) {
            return Err(format!("{text} is not in order"));
        }
        Ok((Token::Times(least, most), skip + length + close.len()))
    }

    fn alternatives(&mut self, depth: usize) -> Result<(), String> {
        let mut ends = Vec::new();
        loop {
            let branch = self.program.len();
            self.sequence(depth)?;
            let Some((Token::Or, length)) = self.token(true)? else {
                break;
            };
            self.at += length;
            // The way around this branch is before it.
            self.insert(branch, Step::Split(branch + 1, self.program.len() + 2))?;
            ends.push(self.program.len());
            self.push(Step::Jump(0))?;
        }
        let end = self.program.len();
        for place in ends {
            if let Some(step) = self.program.get_mut(place) {
                *step = Step::Jump(end);
            }
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<(), String> {
        let mut begins = true;
        while let Some((token, length)) = self.token(begins)? {
            let piece = self.program.len();
            match token {
                Token::Or => return Ok(()),
                Token::Close if depth > 0 => return Ok(()),
                Token::Close if self.extended => self.push(Step::Char(')'))?,
                Token::Close => return Ok(()),
                Token::Open => {
                    self.at += length;
                    self.alternatives(depth + 1)?;
                    match self.token(true)? {
                        Some((Token::Close, length)) => self.at += length,
                        _ => return Err("a ( is not closed".into()),
                    }
                    self.repeat(piece)?;
                    begins = false;
                    continue;
                }
                Token::Times(..) => return Err("there is nothing to repeat".into()),
                Token::Literal(letter) => self.push(Step::Char(letter))?,
                Token::Any => self.push(Step::Any)?,
                Token::Start => self.push(Step::Start)?,
                Token::End => self.push(Step::End)?,
                Token::Bracket => {
                    self.at += 1;
                    let set = self.set()?;
                    self.push(Step::Set(set))?;
                    self.repeat(piece)?;
                    begins = false;
                    continue;
                }
            }
            self.at += length;
            begins = token == Token::Start;
            if !begins {
                self.repeat(piece)?;
            }
        }
        Ok(())
    }

    /// Repeats what stands from `piece` to the end of the program as often as is said next.
    fn repeat(&mut self, piece: usize) -> Result<(), String> {
        while let Some((Token::Times(least, most), length)) = self.token(false)? {
            self.at += length;
            let body: Vec<Step> = self.program.drain(piece..).collect();
            for _ in 0..least {
                self.copy(&body, piece)?;
            }
            match most {
                None => {
                    let begin = self.program.len();
                    self.push(Step::Split(begin + 1, begin + body.len() + 2))?;
                    self.copy(&body, piece)?;
                    self.push(Step::Jump(begin))?;
                }
                Some(most) => {
                    let optional = usize::from(most - least);
                    let end = self.program.len() + optional * (body.len() + 1);
                    for _ in 0..optional {
                        let begin = self.program.len();
                        self.push(Step::Split(begin + 1, end))?;
                        self.copy(&body, piece)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Another copy of steps that stood at `from`, at the end.
    fn copy(&mut self, body: &[Step], from: usize) -> Result<(), String> {
        let to = self.program.len();
        let moved = |place: usize| place - from + to;
        for step in body {
            self.push(match step {
                Step::Split(a, b) => Step::Split(moved(*a), moved(*b)),
                Step::Jump(a) => Step::Jump(moved(*a)),
                other => other.clone(),
            })?;
        }
        Ok(())
    }

    /// A step before others, whose ways go on to lead to the same.
    fn insert(&mut self, at: usize, step: Step) -> Result<(), String> {
        let body: Vec<Step> = self.program.drain(at..).collect();
        self.push(step)?;
        self.copy(&body, at)
    }

    /// What is between brackets; the opening one is behind us.
    fn set(&mut self) -> Result<Set, String> {
        const OPEN: &str = "a [ is not closed";
        let mut set = Set::default();
        if self.letter(0) == Some('^') {
            set.negated = true;
            self.at += 1;
        }
        let mut first = true;
        loop {
            let letter = self.letter(0).ok_or(OPEN)?;
            self.at += 1;
            match letter {
                ']' if !first => return Ok(set),
                '[' if self.letter(0) == Some(':') => {
                    let rest = self.letters.get(self.at + 1..).unwrap_or_default();
                    let length = rest.windows(2).position(|w| w == [':', ']']).ok_or(OPEN)?;
                    let name: String = rest.iter().take(length).collect();
                    let class = class(&name).ok_or_else(|| format!("no class [:{name}:]"))?;
                    set.classes.push(class);
                    self.at += length + 3;
                }
                from => match (self.letter(0), self.letter(1)) {
                    (Some('-'), Some(to)) if to != ']' => {
                        if to < from {
                            return Err(format!("{from}-{to} is not in order"));
                        }
                        set.ranges.push((from, to));
                        self.at += 2;
                    }
                    _ => set.ranges.push((from, from)),
                },
            }
            first = false;
        }
    }
}

fn class(name: &str) -> Option<fn(&char) -> bool> {
    Some(match name {
        "alpha" => |c| c.is_alphabetic(),
        "digit" => char::is_ascii_digit,
        "alnum" => |c| c.is_alphanumeric(),
        "space" => |c| c.is_whitespace(),
        "blank" => |c| matches!(c, ' ' | '\t'),
        "upper" => |c| c.is_uppercase(),
        "lower" => |c| c.is_lowercase(),
        "punct" => char::is_ascii_punctuation,
        "xdigit" => char::is_ascii_hexdigit,
        _ => return None,
    })
}

/// For fuzzing: the first line of the input as a pattern, the rest as a line.
pub fn fuzz_pattern(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let (pattern, line) = text.split_once('\n').unwrap_or((&text, ""));
    for extended in [false, true] {
        if let Ok(pattern) = Pattern::new(pattern, extended, line.len() % 2 == 0) {
            assert!(pattern.program.len() <= MAX_PROGRAM);
            let _ = pattern.is_match(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn matches(pattern: &str, extended: bool, line: &str) -> bool {
        Pattern::new(pattern, extended, false)
            .unwrap()
            .is_match(line)
    }

    #[test]
    fn extended() {
        let e = |pattern: &str, line: &str| matches(pattern, true, line);
        assert!(e("a.c", "xabcx") && !e("a.c", "ac"));
        assert!(e("^(ab|cd)+$", "abcdab") && !e("^(ab|cd)+$", "abcda"));
        assert!(e("colou?r", "color") && e("colou?r", "colour"));
        assert!(e("^a{2,3}$", "aaa") && !e("^a{2,3}$", "aaaa") && !e("^a{2}$", "a"));
        assert!(e("^(a|b){2,}c$", "abbac") && !e("^(a|b){2,}c$", "ac"));
        assert!(e("[[:digit:]]+\\.[^x-z]", "12.a") && !e("[0-9]+\\.[^x-z]", "12.y"));
        assert!(e("[]a]", "]") && e("a|", "zzz") && e("", "") && e("x*", ""));
        assert!(e("^$", "") && !e("^$", "a"));
        assert!(e("(a*)*b", &format!("{}b", "a".repeat(200))));
        assert!(e("ö", "schön") && e("a**", "") && e("(|a)b", "b"));
    }

    #[test]
    fn basic() {
        let b = |pattern, line| matches(pattern, false, line);
        assert!(b("a+", "a+") && !b("a+", "aa"));
        assert!(b("a\\+$", "aaa") && b("\\(ab\\)\\{2\\}", "xababx"));
        assert!(b("*a", "*a") && b("a|b", "a|b") && b("x\\|^y", "y"));
        assert!(b("a^b$c", "a^b$c") && b("c$", "abc") && b("(a)", "(a)"));
        let fold = Pattern::new("tX [a-c]", false, true).unwrap();
        assert!(fold.is_match("a Tx B"));
    }

    #[test]
    fn mistakes_are_told() {
        for (pattern, word) in [
            ("(a", "( is not closed"),
            ("[a", "[ is not closed"),
            ("[z-a]", "z-a is not in order"),
            ("[[:foo:]]", "[:foo:]"),
            ("a{3,2}", "3,2 is not in order"),
            ("a{300}", "0 to 255"),
            ("a{2", "{ is not closed"),
            ("a\\", "\\ at the end"),
            ("((((a{99}){99}){99}){99})", "too many repetitions"),
        ] {
            let error = Pattern::new(pattern, true, false).unwrap_err();
            assert!(error.contains(word), "{pattern}: {error}");
        }
        assert!(Pattern::new(&"a".repeat(257), true, false).is_err());
    }

    /// grep's own answer: its exit code tells.
    fn grep(pattern: &str, extended: bool, line: &str) -> Option<bool> {
        let mut child = Command::new("grep")
            .env("LC_ALL", "C.UTF-8")
            .args([if extended { "-qE" } else { "-q" }, "-e", pattern])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let written = writeln!(child.stdin.take()?, "{line}");
        let code = child.wait().ok()?.code()?;
        written.ok().and((code < 2).then_some(code == 0))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_same_as_grep(
            pattern in r"((a|b|c|\.|\[ab\]|\[\^a\]|\(a\|b\)|\(b\)|\\\(a\\\|bc\\\))(\*|\+|\?|\{1,2\}|\\\+)?){1,4}\$?",
            line in "[abc+?]{0,8}",
            extended in any::<bool>(),
        ) {
            let ours = Pattern::new(&pattern, extended, false);
            if let (Ok(ours), Some(theirs)) = (ours, grep(&pattern, extended, &line)) {
                prop_assert_eq!(ours.is_match(&line), theirs, "{} {}", pattern, line);
            }
        }

        #[test]
        fn any_pattern(pattern in "\\PC{0,20}", line in "\\PC{0,20}", extended in any::<bool>()) {
            if let Ok(pattern) = Pattern::new(&pattern, extended, true) {
                let _ = pattern.is_match(&line);
            }
        }
    }
}
