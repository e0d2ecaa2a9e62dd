//! What commands do.

use std::net::{IpAddr, SocketAddr};

use wanbox_grammar::commands::line::{Line, pipeline};
use wanbox_grammar::commands::{self, Found};
use wanbox_l2tpns_engine::config::Mode;
use wanbox_l2tpns_engine::{SessionId, TunnelId};
use wanbox_runtime::control::Failure;

use wanbox_console::filter::Filters;

use super::host::{Host, Show};
use super::tree::{Action, ENABLED, Setting, Subject, TREE, view};

/// The version of the original that this does the work of; scripts look for it.
pub const VERSION: &str = "2.4.1";

/// Somebody at the prompt: what they may do, and where they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    /// The level of their commands.
    pub(super) level: u8,
    /// Where in configuration mode they are.
    pub(super) mode: Option<Mode>,
}

/// Something to print.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// Lines, without a newline at the end.
    Text(String),
    /// The same, past all filters: something went wrong.
    Wrong(Failure),
    /// What has to be asked for, part by part.
    View(Show),
}

/// What a command wants of where it was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Then {
    /// To print things; perhaps nothing.
    Print(Vec<Item>),
    /// The end.
    Quit,
    /// The password of `enable`, unless there is none.
    Enable,
    /// What was entered before.
    History,
    /// A screen of so many lines.
    Length(u16),
    /// `debug`, or `no debug`, with these flags.
    Debug(bool, Vec<String>),
}

fn text(text: impl Into<String>) -> Item {
    Item::Text(text.into())
}

/// Wrong usage.
fn usage(text: impl Into<String>) -> Item {
    Item::Wrong(Failure::usage(text))
}

/// Nobody there.
fn absent(text: impl Into<String>) -> Item {
    Item::Wrong(Failure::absent(text))
}

impl Person {
    /// Somebody who may do everything.
    pub(super) fn enabled() -> Self {
        Self {
            level: ENABLED,
            mode: None,
        }
    }

    /// Runs a line: a command, and filters for what it prints. The log is told `who` changed
    /// something.
    pub(super) fn run(&mut self, host: &mut dyn Host, who: &str, line: &str) -> (Then, Filters) {
        let parts = pipeline(line);
        let mut groups = parts.iter().map(|part| Line::split(part).into_words());
        let words = groups.next().unwrap_or_default();
        let wrong = |what: String| (Then::Print(vec![usage(what)]), Filters::default());
        if words.is_empty() && parts.len() < 2 {
            return (Then::Print(Vec::new()), Filters::default());
        }
        let found = match commands::find(TREE, view(self.level, self.mode.as_ref()), &words) {
            Ok(found) => found,
            Err(_) if words.is_empty() => return wrong("Invalid command \"\"".into()),
            Err(unfound) => return wrong(unfound.to_string()),
        };
        match Filters::new(groups) {
            Ok(filters) => {
                if let Some(told) = told(&found, &words) {
                    log::info!("cli: {who}: {told}");
                }
                (self.do_it(host, &found, &words), filters)
            }
            Err(what) => wrong(what),
        }
    }

    fn do_it(&mut self, host: &mut dyn Host, found: &Found<Action>, words: &[String]) -> Then {
        let arguments = words.get(found.names.len()..).unwrap_or_default();
        let items = match found.action {
            Action::Help => {
                let listing = commands::listing(TREE, view(self.level, self.mode.as_ref()));
                let list = commands::list_commands(&listing);
                vec![text(format!("\nCommands available:\n{list}"))]
            }
            Action::Quit => return Then::Quit,
            Action::Exit => match self.mode.take() {
                None => return Then::Quit,
                Some(Mode::Global) => Vec::new(),
                Some(_) => {
                    self.mode = Some(Mode::Global);
                    Vec::new()
                }
            },
            Action::History => return Then::History,
            Action::Enable => return Then::Enable,
            Action::Disable => {
                self.level = super::tree::USER;
                Vec::new()
            }
            Action::Configure => {
                self.mode = Some(Mode::Global);
                Vec::new()
            }
            Action::TerminalLength => match arguments {
                [] => vec![usage("Specify a number of lines")],
                [lines, ..] => match lines.parse().ok().filter(|lines| *lines <= 512) {
                    Some(lines) => return Then::Length(lines),
                    None => vec![usage(format!("Invalid number of lines \"{lines}\""))],
                },
            },
            Action::Debug => return Then::Debug(true, arguments.to_vec()),
            Action::NoDebug => return Then::Debug(false, arguments.to_vec()),
            Action::Show(subject) => views(host, subject, arguments),
            Action::Uptime => vec![Item::View(Show::Uptime)],
            Action::ClearCounters => {
                host.clear_counters();
                vec![text("Counters cleared")]
            }
            Action::WriteMemory => {
                let mut items = vec![text("Writing configuration")];
                if let Err(error) = host.write_memory() {
                    items.push(Item::Wrong(Failure::new(format!(
                        "Error writing configuration: {error}"
                    ))));
                }
                items
            }
            Action::Shutdown => {
                host.shutdown();
                Vec::new()
            }
            Action::Reload => {
                host.reload();
                Vec::new()
            }
            Action::Bgp(change) => {
                let lines = host.bgp(change, arguments.first().map(String::as_str));
                lines.into_iter().map(text).collect()
            }
            Action::Snoop => one(snoop(host, arguments)),
            Action::NoSnoop => each_user(host, arguments, "unsnoop", |host, user, session| {
                host.snoop(session, None);
                Ok(format!("Not snooping user {user}"))
            }),
            Action::Throttle => one(throttle(host, arguments)),
            Action::NoThrottle => {
                each_user(host, arguments, "unthrottle", |host, user, session| {
                    let throttled = host.features(session).is_some_and(|f| f.throttle != (0, 0));
                    if !throttled {
                        return Err(format!("User {user} not throttled"));
                    }
                    host.throttle(session, (0, 0));
                    Ok(format!("Unthrottling user {user}"))
                })
            }
            Action::Filter => one(filter(host, arguments)),
            Action::NoFilter => each_user(
                host,
                arguments,
                "remove filters from",
                |host, user, session| {
                    let filters = host.features(session).map(|features| features.filter);
                    if filters.is_none_or(|filters| filters == (None, None)) {
                        return Err(format!("User {user} not filtered"));
                    }
                    host.filter(session, (None, None));
                    Ok(format!("Removing filters from user {user}"))
                },
            ),
            Action::DropUser => each_user(host, arguments, "drop", |host, user, session| {
                host.drop_user(session);
                Ok(format!("Dropping user {user}"))
            }),
            Action::DropSession if arguments.is_empty() => {
                vec![usage("Specify a session id to drop")]
            }
            Action::DropSession => arguments.iter().map(|id| drop_session(host, id)).collect(),
            Action::DropTunnel if arguments.is_empty() => vec![usage("Specify a tunnel to drop")],
            Action::DropTunnel => arguments.iter().map(|id| drop_tunnel(host, id)).collect(),
            Action::Setting(setting) => self.configure(host, setting, found, words),
        };
        Then::Print(items)
    }

    /// A line of configuration mode, with its command in full.
    fn configure(
        &mut self,
        host: &mut dyn Host,
        setting: Setting,
        found: &Found<Action>,
        words: &[String],
    ) -> Vec<Item> {
        let mut full: Vec<&str> = found.names.clone();
        full.extend(words.iter().skip(full.len()).map(String::as_str));
        let mut mode = match (setting, &self.mode) {
            (Setting::Rule | Setting::Neighbour, Some(mode)) => mode.clone(),
            // Found above the mode that somebody was in: that one is left.
            _ => Mode::Global,
        };
        let done = host.configure(&mut mode, &full);
        match done {
            Ok(reply) => {
                self.mode = Some(mode);
                reply
                    .lines
                    .into_iter()
                    .chain(reply.remarks)
                    .map(text)
                    .collect()
            }
            Err(refusal) => vec![usage(refusal.text)],
        }
    }
}

/// What the log is told of a command: nothing of those that only look, and of a setting not its
/// value, which may be secret.
fn told(found: &Found<Action>, words: &[String]) -> Option<String> {
    let looks = matches!(
        found.action,
        Action::Help
            | Action::Quit
            | Action::Exit
            | Action::History
            | Action::Enable
            | Action::Disable
            | Action::Configure
            | Action::TerminalLength
            | Action::Show(_)
            | Action::Uptime
            | Action::Debug
            | Action::NoDebug
    );
    let first = words.get(found.names.len()).map(String::as_str);
    let told: Vec<&str> = found.names.iter().copied().chain(first).collect();
    (!looks).then(|| told.join(" "))
}

fn one(result: Result<String, Failure>) -> Vec<Item> {
    vec![match result {
        Ok(line) => text(line),
        Err(failure) => Item::Wrong(failure),
    }]
}

/// Does something to each user of a list.
fn each_user(
    host: &mut dyn Host,
    users: &[String],
    what: &str,
    mut act: impl FnMut(&mut dyn Host, &str, SessionId) -> Result<String, String>,
) -> Vec<Item> {
    if users.is_empty() {
        return vec![usage(format!("Specify a user to {what}"))];
    }
    let mut items = Vec::new();
    for user in users {
        items.push(match host.session_of(user) {
            None => absent(format!("User {user} is not connected")),
            Some(session) => match act(host, user, session) {
                Ok(line) => text(line),
                Err(wrong) => Item::Wrong(Failure::new(wrong)),
            },
        });
    }
    items
}

fn connected(host: &dyn Host, user: &str) -> Result<SessionId, Failure> {
    let session = host.session_of(user);
    session.ok_or_else(|| Failure::absent(format!("User {user} is not connected")))
}

/// `snoop USER IP PORT`.
fn snoop(host: &mut dyn Host, words: &[String]) -> Result<String, Failure> {
    let [user, address, port, ..] = words else {
        return Err(Failure::usage("Specify username, ip and port"));
    };
    let session = connected(host, user)?;
    let ip: IpAddr = address
        .parse()
        .map_err(|_| Failure::usage(format!("Cannot parse IP \"{address}\"")))?;
    let number = port.parse().ok().filter(|port| *port > 0);
    let number = number.ok_or_else(|| Failure::usage(format!("Invalid port {port}")))?;
    let to = SocketAddr::new(ip, number);
    host.snoop(session, Some(to));
    Ok(format!("Snooping user {user} to {to}"))
}

/// `throttle USER [RATE | in RATE | out RATE | in RATE out RATE]`.
fn throttle(host: &mut dyn Host, words: &[String]) -> Result<String, Failure> {
    /// Above, octets a second are no number of 32 bits any more.
    const MAX_RATE: u32 = u32::MAX / 128;
    let rate = |word: &String| {
        word.parse()
            .ok()
            .filter(|rate| (1..=MAX_RATE).contains(rate))
    };
    let Some((user, arguments)) = words.split_first() else {
        return Err(Failure::usage("Specify a user to throttle"));
    };
    let session = connected(host, user)?;
    let (mut rate_in, mut rate_out) = (0, 0);
    match arguments {
        [] => {
            rate_in = host.throttle_speed();
            rate_out = rate_in;
        }
        [word] => {
            rate_in =
                rate(word).ok_or_else(|| Failure::usage(format!("Invalid rate \"{word}\"")))?;
            rate_out = rate_in;
        }
        pairs if pairs.len() % 2 == 0 && pairs.len() <= 4 => {
            for pair in pairs.chunks(2) {
                let [direction, word] = pair else { continue };
                let wrong =
                    || Failure::usage(format!("Invalid rate specification \"{direction} {word}\""));
                let place = match direction.as_str() {
                    "" => return Err(wrong()),
                    way if "in".starts_with(way) => &mut rate_in,
                    way if "out".starts_with(way) => &mut rate_out,
                    _ => return Err(wrong()),
                };
                *place = rate(word).ok_or_else(wrong)?;
            }
        }
        _ => return Err(Failure::usage("Invalid arguments")),
    }
    let rates = (rate_in, rate_out);
    match host.features(session).map(|features| features.throttle) {
        Some(now) if now == rates && now != (0, 0) => {
            let text = format!("User {user} already throttled at this rate");
            return Err(Failure::new(text));
        }
        Some(now) if now != (0, 0) => {
            let text = format!("User {user} already throttled, unthrottle first");
            return Err(Failure::new(text));
        }
        _ => host.throttle(session, rates),
    }
    Ok(format!("Throttling user {user}"))
}

/// `filter USER {in|out} NAME [{in|out} NAME]`.
fn filter(host: &mut dyn Host, words: &[String]) -> Result<String, Failure> {
    let (user, pairs) = match words {
        [user, pairs @ ..] if matches!(pairs.len(), 2 | 4) => (user, pairs),
        [_, _, _, ..] => return Err(Failure::usage("Invalid filter specification")),
        _ => return Err(Failure::usage("Specify a user and filters")),
    };
    let session = connected(host, user)?;
    let mut lists = host.features(session).unwrap_or_default().filter;
    let (had_in, had_out) = (lists.0.is_some(), lists.1.is_some());
    for pair in pairs.chunks(2) {
        let [direction, name] = pair else { continue };
        let place = match direction.as_str() {
            "in" if had_in => return Err(Failure::new("Input already filtered")),
            "out" if had_out => return Err(Failure::new("Output already filtered")),
            "in" => &mut lists.0,
            "out" => &mut lists.1,
            _ => return Err(Failure::usage("Invalid filter specification")),
        };
        if !host.access_lists().contains(name) {
            return Err(Failure::absent(format!("Access-list {name} not defined")));
        }
        *place = Some(name.clone());
    }
    host.filter(session, lists);
    Ok(format!("Filtering user {user}"))
}

fn drop_session(host: &mut dyn Host, id: &str) -> Item {
    let Some(session) = id.parse().ok().filter(|id| *id > 0).map(SessionId) else {
        return usage(format!("Invalid session ID (1-{})", u32::MAX));
    };
    if host.features(session).is_none() {
        return absent(format!("Session {session} is not active."));
    }
    host.drop_session(session);
    text(format!("Dropping session {session}"))
}

fn drop_tunnel(host: &mut dyn Host, id: &str) -> Item {
    let Some(tunnel) = id.parse().ok().filter(|id| *id > 0).map(TunnelId) else {
        return usage(format!("Invalid tunnel ID (1-{})", u16::MAX));
    };
    match host.drop_tunnel(tunnel) {
        Ok(name) => text(format!("Tunnel {tunnel} shut down ({name})")),
        Err(why) => absent(why),
    }
}

/// `show SUBJECT [ARGUMENT...]`.
fn views(host: &dyn Host, subject: Subject, arguments: &[String]) -> Vec<Item> {
    let all = arguments
        .first()
        .is_some_and(|word| !word.is_empty() && "all".starts_with(&**word));
    let view = |show| vec![Item::View(show)];
    match subject {
        Subject::Version => view(Show::Version),
        Subject::Banana => view(Show::Banana),
        Subject::Bgp => view(Show::Bgp(arguments.first().cloned())),
        Subject::Cluster => view(Show::Cluster),
        Subject::Counters => view(Show::Counters),
        Subject::HistogramIdle => view(Show::HistogramIdle),
        Subject::HistogramOpen => view(Show::HistogramOpen),
        Subject::IpCache => view(Show::IpCache),
        Subject::Plugins => view(Show::Plugins),
        Subject::Pool => view(Show::Pool { all }),
        Subject::Radius => view(Show::Radius { all }),
        Subject::RemoteLns => view(Show::RemoteLns),
        Subject::RunningConfig => view(Show::RunningConfig),
        Subject::Tbf => view(Show::TokenBuckets),
        Subject::Throttle => view(Show::Throttled),
        Subject::Session if arguments.is_empty() => view(Show::Sessions),
        Subject::Session => arguments
            .iter()
            .map(
                |id| match id.parse().ok().filter(|id| *id > 0).map(SessionId) {
                    Some(session) => Item::View(Show::Session(session)),
                    None => usage(format!("Invalid session id \"{id}\"")),
                },
            )
            .collect(),
        Subject::Tunnels if arguments.is_empty() || all => view(Show::Tunnels { all }),
        Subject::Tunnels => arguments
            .iter()
            .map(
                |id| match id.parse().ok().filter(|id| *id > 0).map(TunnelId) {
                    Some(tunnel) => Item::View(Show::Tunnel(tunnel)),
                    None => usage(format!("Invalid tunnel id \"{id}\"")),
                },
            )
            .collect(),
        Subject::Users if arguments.is_empty() => view(Show::Users),
        Subject::Users => {
            let user = |user: &String| Item::View(Show::User(user.clone()));
            arguments.iter().map(user).collect()
        }
        Subject::AccessList if arguments.is_empty() => vec![usage("Specify a filter name")],
        Subject::AccessList => {
            let known = host.access_lists();
            let mut items = Vec::new();
            for name in arguments {
                if !known.contains(name) {
                    items.push(absent(format!("Access-list {name} not defined")));
                    break;
                }
                if !items.is_empty() {
                    items.push(text(""));
                }
                items.push(Item::View(Show::AccessList(name.clone())));
            }
            items
        }
    }
}
