//! `startup-config`: a command of configuration mode a line.

use wanbox_grammar::diagnostic::Diagnostics;

use super::command::Mode;
use super::variables::Config;
use super::words;

/// How many lines may be wrong before the rest is not looked at.
const MAX_FINDINGS: usize = 200;

impl Config {
    /// Reads a file. Variables that it does not set have their defaults. `name` is how people know
    /// it. With the configuration come warnings.
    ///
    /// # Errors
    /// All that is wrong, with its lines; among it the warnings.
    pub fn parse(name: &str, text: &str) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut config = Self::default();
        let mut findings = Diagnostics::new(name);
        let mut mode = Mode::Global;
        let mut where_set: Vec<(String, usize)> = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let number = place + 1;
            let line = line.trim();
            // Both begin comments, as the manual says.
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            if line == "quit" {
                break;
            }
            if findings.iter().count() >= MAX_FINDINGS {
                findings.error(number, "", "too much is wrong: the rest is not read", "");
                break;
            }
            let split = words::split(line, true);
            if split.open {
                findings.warning(
                    number,
                    "",
                    "a quote is not closed: it holds the rest of the line",
                );
            }
            if split.cut {
                let what =
                    "'#' begins a comment: put the value between quotes if it is a part of it";
                findings.warning(number, "", what);
            }
            let line: Vec<&str> = split.words.iter().map(String::as_str).collect();
            match config.execute(&mut mode, &line, &|_| false) {
                Ok(reply) => {
                    for remark in reply.remarks {
                        findings.warning(number, "", remark);
                    }
                    if let ["set", variable, _] = *line {
                        where_set.push((variable.to_owned(), number));
                    }
                }
                Err(refusal) if refusal.harmless => findings.warning(number, "", refusal.text),
                Err(refusal) => findings.error(number, "", refusal.text, ""),
            }
        }
        let line_of = |variable: &str| {
            let set = where_set.iter().rev().find(|(name, _)| name == variable);
            set.map_or(0, |(_, line)| *line)
        };
        config.check(&mut findings, &line_of);
        findings.sort();
        if findings.has_errors() {
            Err(findings)
        } else {
            Ok((config, findings))
        }
    }

    /// Checks what variables say together.
    fn check(&self, findings: &mut Diagnostics, line_of: &dyn Fn(&str) -> usize) {
        if let Some(ports) = self.radius_local_ports()
            && ports.is_empty()
        {
            let line = line_of("radius_bind_min").max(line_of("radius_bind_max"));
            let what = format!(
                "there is no port from radius_bind_min {} to radius_bind_max {}",
                ports.start(),
                ports.end()
            );
            findings.error(line, "", what, "");
        }
        let radius = self.primary_radius.is_some() || self.secondary_radius.is_some();
        if radius && self.radius_secret.is_empty() {
            let line = line_of("primary_radius").max(line_of("secondary_radius"));
            findings.warning(line, "", "RADIUS is not used: there is no radius_secret");
        }
        if self.idle_echo_timeout <= self.echo_timeout {
            let line = line_of("idle_echo_timeout").max(line_of("echo_timeout"));
            let what = "sessions end before an echo request is sent: idle_echo_timeout is not above echo_timeout";
            findings.warning(line, "", what);
        }
        if self.l2tp_challenge && self.l2tp_secret.is_empty() {
            let what = "no peer can prove itself: there is no l2tp_secret";
            findings.error(line_of("l2tp_challenge"), "", what, "");
        }
        if !self.bind_multi_address.is_empty() && self.bind_address.is_some() {
            let what = "bind_address is not listened on: bind_multi_address is in its place";
            findings.warning(line_of("bind_multi_address"), "", what);
        }
    }
}

/// A file of the configuration, and the same octets as one of the pool. For fuzzing.
///
/// # Panics
/// What is printed is not read back as the same.
pub fn fuzz_config(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok((config, _)) = Config::parse("f", &text) {
        let again = Config::parse("f", &config.running()).map(|(config, _)| config);
        assert_eq!(again.as_ref(), Ok(&config), "{}", config.running());
        assert!(config.changes_since(&config).is_empty());
    }
    let _ = super::parse_pool("p", &text, &[]);
}
