//! Who may log in: the file `users`, a `name:password` a line.

use std::collections::BTreeMap;

use wanbox_grammar::diagnostic::Diagnostics;

use wanbox_link::password::Password;

/// The name whose password is that of `enable`.
const ENABLE: &str = "enable";
/// The longest name, octets.
pub const MAX_NAME: usize = 128;

/// People and their passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    people: BTreeMap<String, Password>,
    enable: Option<Password>,
}

impl Users {
    /// Reads the file.
    ///
    /// # Errors
    /// All that is wrong in it. No password is in the words.
    pub fn parse(file: &str, text: &str) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut users = Self::default();
        let mut findings = Diagnostics::new(file);
        for (number, line) in text.lines().enumerate().map(|(n, line)| (n + 1, line)) {
            let line = line.trim_end_matches('\r');
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let Some((name, password)) = line.split_once(':') else {
                findings.error(number, "", "there is no ':' in the line", "NAME:PASSWORD");
                continue;
            };
            let name = name.trim();
            if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
                let allowed = format!("1 to {MAX_NAME} printable characters");
                findings.error(number, "", "that is no name", allowed);
                continue;
            }
            let password = match Password::parse(password) {
                Ok(password) => password,
                Err(wrong) => {
                    findings.error(number, name, wrong, "");
                    continue;
                }
            };
            let before = if name == ENABLE {
                users.enable.replace(password)
            } else {
                users.people.insert(name.to_owned(), password)
            };
            if before.is_some() {
                findings.warning(number, name, "has a password already; this one holds");
            }
        }
        if findings.has_errors() {
            return Err(findings);
        }
        Ok((users, findings))
    }

    /// Whether nobody can log in.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Whether somebody of this name has this password.
    pub fn admits(&self, name: &str, password: &str) -> bool {
        match self.people.get(name) {
            Some(stored) => stored.is(password),
            None => {
                // Takes its time too, so that names cannot be guessed by it.
                if let Some(somebody) = self.people.values().next() {
                    let _ = std::hint::black_box(somebody.is(password));
                }
                false
            }
        }
    }

    /// The password of `enable`; without one, nothing is asked.
    pub fn enable(&self) -> Option<&Password> {
        self.enable.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_users() {
        let text = "# people\r\njoe:pl:ain\r\n\n ann :$1$saltsalt$9xy1btjgzLYfb7hivXtC//\nenable:{crypt}xHLfQ5yTJjV3Q\njoe:second";
        let (users, findings) = Users::parse("users", text).unwrap();
        assert!(users.admits("joe", "second") && !users.admits("joe", "pl:ain"));
        assert!(users.admits("ann", "secret") && !users.admits("ann", ""));
        assert!(!users.admits("eve", "secret") && !users.admits("enable", "secret"));
        assert!(users.enable().unwrap().is("secret"));
        assert_eq!(
            findings.to_string(),
            "users:6: warning: joe: has a password already; this one holds"
        );
        let (nobody, _) = Users::parse("users", "enable:x\n").unwrap();
        assert!(nobody.is_empty() && !nobody.admits("joe", "x"));
    }

    #[test]
    fn every_mistake_with_its_line() {
        let text = "joe\n:x\nann:\nbob:$1$broken\nok:fine\neve:$6$a$b";
        let findings = Users::parse("users", text).unwrap_err();
        let text = findings.to_string();
        for start in ["users:1:", "users:2:", "users:3:", "users:4:", "users:6:"] {
            assert!(text.contains(start), "{text}");
        }
        assert_eq!(text.lines().count(), 5);
        assert!(!text.contains("broken"), "{text}");
    }
}
