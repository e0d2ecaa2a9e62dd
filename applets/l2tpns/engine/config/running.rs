//! `show running-config`: what is configured, as it is read back.

use std::fmt::Write;

use super::access_list::AccessList;
use super::value::Kind;
use super::variables::{Config, VARIABLES};

/// A word that [`super::words::split`] gives back as it is.
fn quote(word: &str) -> String {
    let quote = if word.contains('"') { '\'' } else { '"' };
    format!("{quote}{word}{quote}")
}

/// A word without quotes if it can do without them.
fn quote_if_needed(word: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"\"'#!|".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        quote(word)
    }
}

impl Config {
    /// What is configured, as a file that is read back as the same.
    #[must_use]
    pub fn running(&self) -> String {
        self.print(true)
    }

    /// The same without secrets, for people who may not see them.
    #[must_use]
    pub fn running_without_secrets(&self) -> String {
        self.print(false)
    }

    fn print(&self, secrets: bool) -> String {
        let mut text = String::from("# Current configuration:\n");
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        for variable in VARIABLES {
            let value = variable.text(self);
            let value = if variable.kind == Kind::Secret && !secrets && !value.is_empty() {
                "*".into()
            } else {
                value
            };
            let value = if variable.kind.quoted() {
                quote(&value)
            } else {
                value
            };
            line(format!("set {} {value}", variable.name));
        }
        line("# Plugins".into());
        for name in &self.plugins {
            line(format!("load plugin {}", quote(name)));
        }
        if !self.forwards.is_empty() {
            line("# Remote LNS".into());
        }
        for forward in &self.forwards {
            let secret = if secrets {
                quote_if_needed(&forward.secret)
            } else {
                "*".into()
            };
            let mask = quote_if_needed(&forward.mask);
            let (address, port) = (forward.address, forward.port);
            line(format!("setforward {mask} {address} {port} {secret}"));
        }
        if let Some(router) = &self.bgp {
            line("# BGP".into());
            line(format!("router bgp {}", router.number));
            for neighbour in &router.neighbours {
                let start = format!(" neighbour {}", neighbour.peer);
                line(format!("{start} remote-as {}", neighbour.remote));
                if neighbour.timers != super::Neighbour::TIMERS {
                    let (keepalive, hold) = neighbour.timers;
                    line(format!("{start} timers {keepalive} {hold}"));
                }
                if let Some(source) = neighbour.source {
                    line(format!("{start} update-source {source}"));
                }
            }
        }
        line("# Filters".into());
        for list in &self.access_lists.0 {
            line(format!(
                "ip access-list {} {}",
                list.list_type.name(),
                list.name
            ));
            print_rules(list, &mut line);
        }
        line("# end".into());
        text
    }
}

fn print_rules(list: &AccessList, line: &mut impl FnMut(String)) {
    for rule in &list.rules {
        let mut text = String::from(" ");
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", list.show(rule));
        line(text);
    }
}
