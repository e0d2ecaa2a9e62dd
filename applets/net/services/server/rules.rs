//! `login`: what those get who come by radio, and whose account it is.

use std::fmt;

/// What `login` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The user is known by the call sign.
    pub auto: bool,
    /// The user of call signs that are none; empty: there is none.
    pub default_user: String,
    /// The lowest and the highest number of accounts that programs run as.
    pub uids: (u32, u32),
    /// The group of new accounts, which somebody else makes.
    pub gid: u32,
    /// Where homes of new accounts are.
    pub home_dir: String,
    /// Where sessions are written down; empty: nowhere.
    pub log_dir: String,
    /// The shell; empty: that of the account.
    pub shell: String,
    /// What runs.
    pub program: Program,
}

/// What those get who come by radio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// The commands of guests.
    #[default]
    Console,
    /// A shell.
    Shell,
    /// A program, with its parameters.
    Command(Vec<String>),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console => f.write_str("console"),
            Self::Shell => f.write_str("shell"),
            Self::Command(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            auto: true,
            default_user: "guest".to_owned(),
            uids: (400, 32_000),
            gid: 400,
            home_dir: "/home/funk".to_owned(),
            log_dir: String::new(),
            shell: String::new(),
            program: Program::Console,
        }
    }
}

impl Rules {
    /// The users of somebody, the first that has an account is meant: the call sign in what is known of who comes,
    /// such as `N0PRA-5` or `N0PRA @ DB0AAA`, and the default.
    pub fn users(&self, who: &str) -> Vec<String> {
        if !self.auto {
            return Vec::new();
        }
        let mut words = who.split(|c: char| !c.is_ascii_alphanumeric());
        let call = words.find(|word| is_call(word));
        let default = Some(self.default_user.clone()).filter(|user| !user.is_empty());
        let call = call.map(str::to_ascii_lowercase);
        call.into_iter().chain(default).collect()
    }
}

/// Whether a word is the call sign of an amateur: letters at its end, one or two digits before them.
fn is_call(word: &str) -> bool {
    let digit = |at: usize| word.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    (3..=6).contains(&word.len())
        && word.bytes().all(|octet| octet.is_ascii_alphanumeric())
        && !(digit(0) && digit(1))
        && (digit(1) || digit(2))
        && word
            .bytes()
            .last()
            .is_some_and(|last| last.is_ascii_alphabetic())
        && (1..=2).contains(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_known_by_their_call_signs() {
        let rules = Rules::default();
        for (who, user) in [
            ("N0PRA-5", Some("n0pra")),
            ("DK5SG @ DB0SAO-8", Some("dk5sg")),
            ("host.9a1aa.ampr.org:1024", Some("9a1aa")),
            ("ROOT", None),
            ("12ABC", None),
            ("DB0", None),
            ("DB0X12C", None),
            ("ABCD1E", None),
            ("A1B2C3D", None),
        ] {
            let users = rules.users(who);
            assert_eq!(users.len(), 1 + usize::from(user.is_some()), "{who}");
            assert_eq!(users[0], user.unwrap_or("guest"), "{who}");
        }
        let nobody = Rules {
            default_user: String::new(),
            ..Rules::default()
        };
        assert_eq!(nobody.users("ROOT"), [""; 0]);
        let asked = Rules {
            auto: false,
            ..Rules::default()
        };
        assert_eq!(asked.users("N0PRA"), [""; 0]);
    }
}
