//! What programs are told and answer: a JSON object a line (`man/l2tpns-plugin.7`).

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::built_in::{enclose, release};
use super::{Answer, Change, Common, Event, Facts, Flow, Sessions};
use crate::SessionId;

/// The longest line, octets.
pub const MAX_LINE: usize = 65_536;
/// The number of the first message, in which a program is asked what it wants.
pub(super) const INIT: u64 = 0;
/// The version of these messages.
const API: u32 = 1;
/// Lines of help that a program may have.
const MAX_HELP: usize = 64;

const EVENTS: [&str; 9] = [
    "pre_auth",
    "post_auth",
    "timer",
    "new_session",
    "kill_session",
    "control",
    "radius_response",
    "radius_reset",
    "radius_account",
];

fn index(event: &Event) -> usize {
    match event {
        Event::PreAuth { .. } => 0,
        Event::PostAuth { .. } => 1,
        Event::Timer => 2,
        Event::NewSession(_) => 3,
        Event::KillSession(_) => 4,
        Event::Control { .. } => 5,
        Event::RadiusResponse { .. } => 6,
        Event::RadiusReset(_) => 7,
        Event::RadiusAccount { .. } => 8,
    }
}

/// An event among those that a program may want.
pub(super) fn bit(event: &Event) -> u16 {
    1 << index(event)
}

/// The first line that a program gets.
pub(super) fn init(name: &str) -> String {
    format!(
        "{}\n",
        json!({"id": INIT, "event": "init", "api": API, "name": name})
    )
}

/// The line of an event.
pub(super) fn event(serial: u64, event: &Event) -> String {
    let mut line = Map::new();
    line.insert("id".into(), serial.into());
    let name = EVENTS.get(index(event)).copied().unwrap_or_default();
    line.insert("event".into(), name.into());
    let mut put = |key: &str, value: Value| {
        line.insert(key.to_owned(), value);
    };
    let mut session = |about: &Facts| {
        if let Ok(Value::Object(facts)) = serde_json::to_value(about) {
            facts.into_iter().for_each(|(key, value)| put(&key, value));
        }
    };
    match event {
        Event::PreAuth {
            about,
            protocol,
            username,
            password,
            continue_auth,
        } => {
            session(about);
            put("protocol", json!(protocol));
            put("username", json!(username));
            put("password", json!(password));
            put("continue_auth", json!(continue_auth));
        }
        Event::PostAuth {
            about,
            protocol,
            auth_allowed,
            tx_speed,
            rx_speed,
        } => {
            session(about);
            put("protocol", json!(protocol));
            put("auth_allowed", json!(auth_allowed));
            put("tx_speed", json!(tx_speed));
            put("rx_speed", json!(rx_speed));
        }
        Event::NewSession(about) | Event::KillSession(about) | Event::RadiusReset(about) => {
            session(about);
        }
        Event::RadiusResponse { about, key, value } => {
            session(about);
            put("key", json!(key));
            put("value", json!(value));
        }
        Event::RadiusAccount { about, kind, pairs } => {
            session(about);
            put("type", json!(kind));
            put("cisco_avpairs", json!(pairs));
        }
        Event::Control { arguments, .. } => put("arguments", json!(arguments)),
        Event::Timer => {}
    }
    format!("{}\n", Value::Object(line))
}

/// What a program wants to hear of, and says about its commands.
pub(super) struct Init {
    pub(super) wants: u16,
    pub(super) help: Vec<String>,
}

/// A line of a program.
pub(super) struct Reply(Map<String, Value>);

impl Reply {
    /// `None` when the line is too long or no JSON object.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        if line.len() > MAX_LINE {
            return None;
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => Some(Self(object)),
            _ => None,
        }
    }

    /// Which event it answers; none for a line that a program writes of its own.
    pub(super) fn id(&self) -> Option<u64> {
        self.0.get("id")?.as_u64()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.0.get(key)?.as_bool()
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        let list = self.0.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// What to log, at which level.
    pub(super) fn log(&self) -> Option<(u8, String)> {
        let text = self.text("log")?.escape_debug().take(400).collect();
        let level = self.0.get("level").and_then(Value::as_u64).unwrap_or(3);
        Some((level.min(5) as u8, text))
    }

    /// The answer to the first message.
    pub(super) fn init(&self) -> Result<Init, String> {
        let mut wants = 0;
        for name in self.list("events") {
            let Some(at) = EVENTS.iter().position(|known| *known == name) else {
                return Err(format!("wants unknown event '{}'", name.escape_debug()));
            };
            wants |= 1 << at;
        }
        let help = self.list("help").take(MAX_HELP);
        let clean = |line: &str| line.chars().filter(|c| !c.is_control()).collect();
        Ok(Init {
            wants,
            help: help.map(clean).collect(),
        })
    }

    /// Changes what may be changed of an event; where it goes from here.
    pub(super) fn apply(&self, event: &mut Event, common: &mut Common) -> Flow {
        let flow = match self.text("result") {
            None | Some("ok") => Flow::Next,
            Some("stop") => Flow::Stop,
            result => {
                if result != Some("error") {
                    common.counters.malformed += 1;
                }
                if let Event::Control { answer, .. } = event {
                    *answer = Some(Answer::error("error returned by plugin"));
                }
                return Flow::Stop;
            }
        };
        match event {
            Event::PreAuth {
                username,
                password,
                continue_auth,
                ..
            } => {
                // As much as PAP and CHAP can carry.
                if let Some(name) = self.text("username").filter(|name| name.len() <= 255) {
                    name.clone_into(username);
                }
                if let (Some(old), Some(new)) = (password, self.text("password"))
                    && new.len() <= 255
                {
                    new.clone_into(old);
                }
                *continue_auth = self.flag("continue_auth").unwrap_or(*continue_auth);
            }
            Event::PostAuth {
                auth_allowed,
                rx_speed,
                ..
            } => {
                *auth_allowed = self.flag("auth_allowed").unwrap_or(*auth_allowed);
                *rx_speed = number(&self.0, "rx_speed").unwrap_or(*rx_speed);
            }
            Event::RadiusAccount { pairs, .. } => {
                // What fits the attribute: 255 octets without its own header and the vendor's.
                let more = self.list("cisco_avpairs").filter(|pair| pair.len() <= 247);
                pairs.extend(more.take(32).map(str::to_owned));
            }
            Event::Control { answer, .. } => {
                let done = match self.text("response") {
                    Some("ok") => true,
                    Some("error") => false,
                    None => return flow,
                    Some(_) => {
                        *answer = Some(Answer::error("unrecognised response value from plugin"));
                        return Flow::Stop;
                    }
                };
                let lines = self.list("additional").map(str::to_owned).collect();
                *answer = Some(Answer { done, lines });
                return Flow::Stop;
            }
            _ => {}
        }
        flow
    }
}

fn number(object: &Map<String, Value>, key: &str) -> Option<u32> {
    object.get(key)?.as_u64()?.try_into().ok()
}

/// Does what a program wants done to sessions.
pub(super) fn act(reply: &Reply, common: &mut Common, sessions: &dyn Sessions) {
    let actions = reply.0.get("actions").and_then(Value::as_array);
    for action in actions.into_iter().flatten() {
        if action
            .as_object()
            .and_then(|action| one(action, common, sessions))
            .is_none()
        {
            common.counters.refused += 1;
        }
    }
}

/// One action; `None` when something is wrong with it.
fn one(action: &Map<String, Value>, common: &mut Common, sessions: &dyn Sessions) -> Option<()> {
    let text = |key: &str| action.get(key).and_then(Value::as_str);
    let own = |key: &str| text(key).map(str::to_owned);
    let session = SessionId(number(action, "session")?);
    let reason = || own("reason").unwrap_or_else(|| "Requested by a plugin.".to_owned());
    let change = match text("do")? {
        "throttle" => {
            let (input, output) = (number(action, "in"), number(action, "out"));
            if input.is_none() && output.is_none() {
                return None;
            }
            Change::Throttle { input, output }
        }
        "snoop" => match action.get("to") {
            None | Some(Value::Null) => Change::Snoop(None),
            Some(to) => Change::Snoop(Some(
                to.as_str()?
                    .parse::<SocketAddr>()
                    .ok()
                    .filter(|to| to.port() != 0)?,
            )),
        },
        "filter" => Change::Filter {
            input: own("in"),
            output: own("out"),
        },
        "drop" => Change::Shutdown { reason: reason() },
        "kill" => Change::Kill { reason: reason() },
        "garden" => {
            let about = sessions.session(session).filter(|about| !about.garden)?;
            enclose(&about, common);
            Change::Garden
        }
        "ungarden" => {
            let about = sessions.session(session).filter(|about| about.garden)?;
            release(&about, common);
            Change::Ungarden {
                user: own("username"),
            }
        }
        _ => return None,
    };
    common.effect(session, change);
    Some(())
}
