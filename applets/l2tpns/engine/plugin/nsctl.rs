//! Requests of nsctl.

use std::time::Instant;

use wanbox_wire::nsctl::{self, MAX_ARGUMENT, Message};

use super::built_in::BuiltIn;
use super::{Answer, Chain, Event, Kind, Owner, Pending, PluginError, Sessions};

impl Chain {
    /// A request of nsctl came in. Its answer comes from [`Self::poll_nsctl`] with this key, later
    /// if a program has to be asked or started.
    pub fn nsctl(&mut self, now: Instant, key: u64, octets: &[u8], sessions: &dyn Sessions) {
        let Ok(message) = Message::parse(octets) else {
            self.common.counters.bad_requests += 1;
            return self.answer(key, &Answer::error("error unpacking control packet"));
        };
        let mut arguments: Vec<String> = message
            .arguments()
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        let answer = match message.kind {
            nsctl::Kind::Load | nsctl::Kind::Unload => match (arguments.pop(), &*arguments) {
                (Some(name), []) if message.kind == nsctl::Kind::Load => {
                    match self.insert(now, &name, Some(key)) {
                        // The program's first answer decides.
                        Ok(()) if BuiltIn::find(&name).is_none() => return,
                        Ok(()) => Answer::DONE,
                        Err(PluginError::Loaded) => Answer::error("plugin already loaded"),
                        Err(_) => Answer::error("error loading plugin"),
                    }
                }
                (Some(name), []) => match self.remove(now, &name, sessions) {
                    Ok(()) => Answer::DONE,
                    Err(_) if BuiltIn::find(&name).is_some() => Answer::error("plugin not loaded"),
                    Err(_) => Answer::error("plugin not found"),
                },
                _ => Answer::error("name of plugin required"),
            },
            nsctl::Kind::Help => Answer {
                done: true,
                lines: self.help(),
            },
            nsctl::Kind::Control => {
                let event = Event::Control {
                    arguments,
                    answer: None,
                };
                let owner = Owner::Nsctl(key);
                return self.advance(now, Pending { owner, event }, 0, sessions);
            }
            nsctl::Kind::Ok | nsctl::Kind::Error => {
                self.common.counters.bad_requests += 1;
                Answer::error("error unpacking control packet")
            }
        };
        self.answer(key, &answer);
    }

    /// The lines of help of all plugins.
    fn help(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for plugin in &self.plugins {
            match &plugin.kind {
                Kind::BuiltIn(built_in) => {
                    lines.extend(built_in.help().iter().map(|line| (*line).to_owned()));
                }
                Kind::Program(program) => lines.extend(program.help.iter().cloned()),
            }
        }
        lines
    }
}

/// The answer on the wire; lines that do not fit are cut or left out.
pub(super) fn emit(answer: &Answer) -> Vec<u8> {
    let kind = if answer.done {
        nsctl::Kind::Ok
    } else {
        nsctl::Kind::Error
    };
    let mut room = nsctl::MAX - 5;
    let lines = answer
        .lines
        .iter()
        .map(|line| line.as_bytes())
        .map(|line| line.get(..MAX_ARGUMENT).unwrap_or(line))
        .take(nsctl::MAX_ARGUMENTS)
        .take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        });
    // What is left fits.
    nsctl::emit(kind, lines).unwrap_or_default()
}
