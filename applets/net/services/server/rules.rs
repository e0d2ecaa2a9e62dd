//! `login`: what those get who come by radio and by Telnet, and whose account it is.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// The lowest number of an account or a group that is no system's, for new accounts.
const NO_SYSTEM: u32 = 100;
/// The most accounts that are made in an hour, and of one start of the program: who calls chooses the call sign.
const MOST_AN_HOUR: usize = 6;
const MOST_ACCOUNTS: u32 = 200;
const HOUR: Duration = Duration::from_secs(3600);

/// What `login` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The station may run programs as other users.
    pub privileged: bool,
    /// Who comes by Telnet gets the host's login, and not a console behind the station's password.
    pub telnet_host: bool,
    /// The user is known by the call sign.
    pub auto: bool,
    /// Who comes by radio and has no account gets one.
    pub create: bool,
    /// The user of call signs that are none; empty: there is none.
    pub default_user: String,
    /// The lowest and the highest number of accounts that programs run as, and of new ones.
    pub uids: (u32, u32),
    /// The group of new accounts.
    pub gid: u32,
    /// Where homes of new accounts are.
    pub home_dir: String,
    /// Where sessions are written down; empty: nowhere.
    pub log_dir: String,
    /// The shell, also of new accounts; empty: that of the account, and the host's.
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
            privileged: false,
            telnet_host: false,
            auto: true,
            create: false,
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
        let default = Some(self.default_user.clone()).filter(|user| !user.is_empty());
        user_of(who).into_iter().chain(default).collect()
    }

    /// The user to be made for somebody who comes by radio and has none, if any is.
    pub fn new_user(&self, who: &str) -> Option<String> {
        let creates = self.privileged && self.create && self.auto;
        user_of(who).filter(|_| creates && self.may_create().is_ok())
    }

    /// Whether accounts may be made by these rules.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn may_create(&self) -> Result<(), String> {
        let (low, high) = self.uids;
        if !self.privileged {
            return Err("accounts take a station that was started with --logins".to_owned());
        }
        if low < NO_SYSTEM || self.gid < NO_SYSTEM {
            return Err(format!(
                "accounts and groups below {NO_SYSTEM} are the system's (login minuid, login gid)"
            ));
        }
        if low > high {
            return Err(format!("minuid {low} is above maxuid {high}"));
        }
        if !self.home_dir.starts_with('/') || self.home_dir.contains([':', '\n']) {
            return Err(format!("{:?} is no place for homes", self.home_dir));
        }
        if self.shell.contains([':', '\n']) {
            return Err(format!("{:?} is no shell", self.shell));
        }
        Ok(())
    }

    /// The home of a new user: not all of them in one directory.
    pub fn home(&self, user: &str) -> String {
        let first: String = user.chars().take(3).collect();
        format!("{}/{first}.../{user}", self.home_dir.trim_end_matches('/'))
    }

    /// The words for the host's program that makes an account which no password opens: those of useradd(8), or with
    /// the name of the group those of busybox's adduser.
    pub fn new_account(&self, user: &str, uid: u32, group: Option<&str>) -> Vec<String> {
        let gid = self.gid.to_string();
        let [flag, of_group, home, comment] = match group {
            None => ["-m", "-g", "-d", "-c"],
            Some(_) => ["-D", "-G", "-h", "-g"],
        };
        let (uid, place) = (uid.to_string(), self.home(user));
        let about = format!("Amateur {}", user.to_ascii_uppercase());
        let group = group.unwrap_or(&gid);
        let mut words = vec![
            flag, "-u", &uid, of_group, group, home, &place, comment, &about,
        ];
        if !self.shell.is_empty() {
            words.extend(["-s", &self.shell]);
        }
        words.push(user);
        words.into_iter().map(str::to_owned).collect()
    }
}

/// The user that a call sign stands for.
fn user_of(who: &str) -> Option<String> {
    let mut words = who.split(|c: char| !c.is_ascii_alphanumeric());
    let call = words.find(|word| is_call(word));
    call.map(str::to_ascii_lowercase)
}

/// The accounts that were made.
#[derive(Debug, Default)]
pub struct Quota {
    /// When, the last hour.
    made: VecDeque<Instant>,
    all: u32,
}

impl Quota {
    /// Takes one more.
    ///
    /// # Errors
    /// There are too many.
    pub fn take(&mut self, now: Instant) -> Result<(), String> {
        self.made.retain(|made| now < *made + HOUR);
        if self.made.len() >= MOST_AN_HOUR || self.all >= MOST_ACCOUNTS {
            return Err(format!(
                "no more than {MOST_AN_HOUR} in an hour and {MOST_ACCOUNTS} in all"
            ));
        }
        self.made.push_back(now);
        self.all += 1;
        Ok(())
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

    fn creating() -> Rules {
        Rules {
            privileged: true,
            create: true,
            ..Rules::default()
        }
    }

    #[test]
    fn accounts_are_made_for_call_signs_where_that_is_wanted() {
        let rules = creating();
        assert_eq!(rules.new_user("N0PRA-5 @ DB0SAO").as_deref(), Some("n0pra"));
        for who in ["ROOT", "guest", "-froot", ""] {
            assert_eq!(rules.new_user(who), None, "{who}");
        }
        assert_eq!(Rules::default().new_user("N0PRA"), None);
        let refused: [fn(&mut Rules); 9] = [
            |rules| rules.privileged = false,
            |rules| rules.create = false,
            |rules| rules.auto = false,
            |rules| rules.uids.0 = 99,
            |rules| rules.uids.1 = 399,
            |rules| rules.gid = 0,
            |rules| rules.home_dir = String::new(),
            |rules| rules.home_dir = "/home:/".to_owned(),
            |rules| rules.shell = "/bin/sh\nroot::0:0".to_owned(),
        ];
        for change in refused {
            let mut rules = creating();
            change(&mut rules);
            assert_eq!(rules.new_user("N0PRA"), None, "{rules:?}");
        }
    }

    #[test]
    fn the_words_of_the_hosts_tools() {
        let mut rules = creating();
        rules.home_dir = "/home/radio/".to_owned();
        assert_eq!(rules.home("n0pra"), "/home/radio/n0p.../n0pra");
        let words = rules.new_account("n0pra", 401, None).join(" ");
        assert_eq!(
            words,
            "-m -u 401 -g 400 -d /home/radio/n0p.../n0pra -c Amateur N0PRA n0pra"
        );
        rules.shell = "/bin/sh".to_owned();
        let words = rules.new_account("n0pra", 401, Some("ham")).join(" ");
        assert_eq!(
            words,
            "-D -u 401 -G ham -h /home/radio/n0p.../n0pra -g Amateur N0PRA -s /bin/sh n0pra"
        );
    }

    #[test]
    fn so_many_accounts_are_made() {
        let mut quota = Quota::default();
        let mut now = wanbox_sim::Clock::new().now();
        let mut made = 0;
        for _ in 0..60 {
            made += u32::from(quota.take(now).is_ok());
            now += HOUR / 6;
        }
        // One is made at once as often as one has grown old.
        assert_eq!(made, 60);
        assert_eq!((0..20).filter(|_| quota.take(now).is_ok()).count(), 1);
        for _ in 0..60 {
            now += HOUR;
            made += (0..20).filter(|_| quota.take(now).is_ok()).count() as u32;
        }
        assert_eq!(made + 1, MOST_ACCOUNTS);
    }
}
