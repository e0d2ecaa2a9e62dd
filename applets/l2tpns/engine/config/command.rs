//! The commands of configuration mode, which are also the lines of `startup-config`. Replies and
//! refusals are worded as the original's.

use std::net::Ipv4Addr;

use wanbox_link::access_list::Action;

use super::access_list::ListType;
use super::bgp::{MAX_NEIGHBOURS, Neighbour, Router};
use super::forward::{Forward, MAX_FORWARDS};
use super::value::{Secret, check_text, decimal};
use super::variables::{Applies, Config, Variable};

/// Where the next line goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Configuration mode itself.
    #[default]
    Global,
    /// Rules of this access list.
    AccessList(ListType, String),
    /// `router bgp`.
    Router,
}

/// What a command answers when it did what it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Lines for the person who gave it.
    pub lines: Vec<String>,
    /// What is worth a word beside that: a warning when it is read from a file.
    pub remarks: Vec<String>,
}

/// Why a command did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub text: String,
    /// In a file it is only worth a warning, because nothing is missing then.
    pub harmless: bool,
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self {
            text,
            harmless: false,
        }
    }
}

impl From<&str> for Refusal {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

fn harmless(text: impl Into<String>) -> Refusal {
    Refusal {
        text: text.into(),
        harmless: true,
    }
}

/// Variables of other versions, and why there is nothing to set.
const OBSOLETE: [(&str, &str); 6] = [
    (
        "setuid",
        "the process gives up what it does not need by itself",
    ),
    ("save_state", "a restart does not keep sessions"),
    ("epoll_backlog", "there is no such queue"),
    ("cleanup_interval", "everything is done when it is due"),
    ("nexthop", "it is called nexthop_address"),
    ("nexthop6", "it is called nexthop6_address"),
];

/// The longest name of a plugin, octets.
pub const MAX_PLUGIN_NAME: usize = 63;

/// How many plugins there may be.
pub const MAX_PLUGINS: usize = 64;

/// Whether this can be the name of a plugin: it is also that of its file.
fn plugin_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (1..=MAX_PLUGIN_NAME).contains(&name.len())
        && name.bytes().all(legal)
        && !name.starts_with(['.', '-'])
}

/// The commands, each with the words it begins with. A whole word wins over a beginning.
const COMMANDS: [(&[&str], Command); 12] = [
    (&["set"], Config::set),
    (&["setforward"], Config::setforward),
    (&["load", "plugin"], Config::load_plugin),
    (&["remove", "plugin"], Config::remove_plugin),
    (&["ip", "access-list"], Config::open_access_list),
    (&["no", "ip", "access-list"], Config::remove_access_list),
    (&["router", "bgp"], Config::router_bgp),
    (&["neighbour"], Config::neighbour),
    (&["no", "neighbour"], Config::no_neighbour),
    (&["permit"], Config::permit),
    (&["deny"], Config::deny),
    (&["exit"], Config::leave),
];

type Command = fn(&mut Config, &mut Context<'_>, &[&str]) -> Result<Reply, Refusal>;

/// What commands need beside the configuration.
pub struct Context<'a> {
    /// Where the line goes to.
    pub mode: &'a mut Mode,
    /// Whether sessions are filtered by the access list of this name.
    pub in_use: &'a dyn Fn(&str) -> bool,
}

impl Config {
    /// Does one line of configuration mode.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn execute(
        &mut self,
        mode: &mut Mode,
        words: &[&str],
        in_use: &dyn Fn(&str) -> bool,
    ) -> Result<Reply, Refusal> {
        let mut context = Context { mode, in_use };
        if words.is_empty() {
            return Ok(Reply::default());
        }
        let fits = |exact: usize, beginning: &[&str]| {
            beginning
                .iter()
                .zip(words)
                .enumerate()
                .all(|(place, (keyword, word))| {
                    if place < exact {
                        keyword == word
                    } else {
                        !word.is_empty() && keyword.starts_with(word)
                    }
                })
        };
        let here = |beginning: &[&str]| match beginning.last() {
            Some(&("permit" | "deny")) => matches!(context.mode, Mode::AccessList(..)),
            Some(&"neighbour") => *context.mode == Mode::Router,
            _ => true,
        };
        // The more first words are whole, the better the match.
        for exact in (0..=3).rev() {
            let mut found = COMMANDS
                .iter()
                .filter(|(beginning, _)| exact <= beginning.len() && here(beginning))
                .filter(|(beginning, _)| fits(exact, beginning));
            match (found.next(), found.next()) {
                (None, _) => {}
                (Some((beginning, command)), None) => {
                    return match words.get(beginning.len()..) {
                        Some(arguments) => command(self, &mut context, arguments),
                        None => Err("Incomplete command".into()),
                    };
                }
                (Some(_), Some(_)) if known_words(words, &here) >= words.len() => {
                    return Err("Incomplete command".into());
                }
                (Some(_), Some(_)) => break,
            }
        }
        let wrong = words.get(..=known_words(words, &here)).unwrap_or(words);
        Err(format!("Invalid command \"{}\"", wrong.join(" ")).into())
    }

    fn set(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let &[name, value] = words else {
            return Err("Specify variable and value".into());
        };
        let Some(variable) = Variable::find(name) else {
            let unknown = format!("Unknown variable \"{name}\"");
            let known = OBSOLETE.iter().find(|(old, _)| *old == name);
            return Err(match known {
                Some((_, why)) => harmless(format!("{unknown}: {why}")),
                None => unknown.into(),
            });
        };
        let remark = variable
            .set(self, value)
            .map_err(|wrong| format!("Invalid value \"{value}\" of {name}: {wrong}"))?;
        let inactive = match variable.applies {
            Applies::Inactive(feature) if variable.text(self) != variable.default_text() => {
                Some(format!("{name} has no effect yet: it is for {feature}"))
            }
            Applies::Nothing(why) if variable.text(self) != variable.default_text() => {
                Some(format!("{name} has no effect: {why}"))
            }
            _ => None,
        };
        *context.mode = Mode::Global;
        Ok(Reply {
            lines: vec![format!("Setting \"{name}\" to \"{value}\"")],
            remarks: remark
                .map(|remark| format!("{name}: {remark}"))
                .into_iter()
                .chain(inactive)
                .collect(),
        })
    }

    fn setforward(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let &[mask, address, port, secret] = words else {
            return Err("Specify variable and value".into());
        };
        let shown = format!("setforward {mask} {address} {port} {secret}");
        let wrong = |what: String| Refusal::from(format!("ERROR {shown}: {what}"));
        for text in [mask, secret] {
            check_text(text).map_err(wrong)?;
        }
        if mask.is_empty() {
            return Err(wrong("the mask is empty".into()));
        }
        let forward = Forward {
            mask: mask.to_owned(),
            address: address
                .parse()
                .map_err(|_| wrong(format!("'{address}' is not an IPv4 address")))?,
            port: decimal(port)
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .ok_or_else(|| wrong(format!("'{port}' is not a port from 1 to 65535")))?,
            secret: Secret::from(secret),
        };
        let full = self.forwards.len() >= MAX_FORWARDS;
        let mut reply = Reply {
            lines: vec![shown.clone()],
            remarks: vec![
                "setforward has no effect yet: it is for forwarding of sessions to other network \
                 servers"
                    .into(),
            ],
        };
        match self.forwards.iter_mut().find(|known| known.mask == mask) {
            Some(known) if *known != forward => {
                *known = forward;
                let line = format!("{mask} Updated, the tunnel must be dropped");
                reply.lines.push(line);
            }
            Some(_) => {}
            None if full => return Err(wrong(format!("there are {MAX_FORWARDS} already"))),
            None => self.forwards.push(forward),
        }
        *context.mode = Mode::Global;
        Ok(reply)
    }

    fn load_plugin(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let &[name] = words else {
            return Err("Specify a plugin to load".into());
        };
        if !plugin_name(name) {
            return Err(format!("Invalid plugin name \"{name}\"").into());
        }
        if self.plugins.iter().any(|known| known == name) {
            return Err(harmless("Plugin is already loaded"));
        }
        if self.plugins.len() >= MAX_PLUGINS {
            return Err("Too many plugins".into());
        }
        self.plugins.push(name.to_owned());
        *context.mode = Mode::Global;
        Ok(said(format!("Loading plugin {name}")))
    }

    fn remove_plugin(
        &mut self,
        context: &mut Context<'_>,
        words: &[&str],
    ) -> Result<Reply, Refusal> {
        let &[name] = words else {
            return Err("Specify a plugin to remove".into());
        };
        let before = self.plugins.len();
        self.plugins.retain(|known| known != name);
        if self.plugins.len() == before {
            return Err(harmless("Plugin is not loaded"));
        }
        *context.mode = Mode::Global;
        Ok(Reply::default())
    }

    fn open_access_list(
        &mut self,
        context: &mut Context<'_>,
        words: &[&str],
    ) -> Result<Reply, Refusal> {
        let (list_type, name) = list_words(words)?;
        self.access_lists.open(list_type, name)?;
        *context.mode = Mode::AccessList(list_type, name.to_owned());
        Ok(Reply::default())
    }

    fn remove_access_list(
        &mut self,
        context: &mut Context<'_>,
        words: &[&str],
    ) -> Result<Reply, Refusal> {
        let (list_type, name) = list_words(words)?;
        if self.access_lists.find(name).is_none() {
            return Err(harmless("Access-list not defined"));
        }
        if (context.in_use)(name) {
            return Err("Access-list in use".into());
        }
        self.access_lists.remove(list_type, name)?;
        *context.mode = Mode::Global;
        Ok(Reply::default())
    }

    fn permit(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        self.rule(context, Action::Permit, words)
    }

    fn deny(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        self.rule(context, Action::Deny, words)
    }

    fn rule(
        &mut self,
        context: &Context<'_>,
        action: Action,
        words: &[&str],
    ) -> Result<Reply, Refusal> {
        if let Mode::AccessList(_, name) = &*context.mode {
            self.access_lists.add(name, action, words)?;
        }
        Ok(Reply::default())
    }

    fn router_bgp(&mut self, context: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let number = match words {
            [word] => nonzero(word).ok_or("Invalid autonomous system number")?,
            _ => return Err("Invalid autonomous system number".into()),
        };
        let router = self.bgp.get_or_insert(Router {
            number,
            neighbours: Vec::new(),
        });
        router.number = number;
        *context.mode = Mode::Router;
        Ok(Reply {
            lines: Vec::new(),
            remarks: vec!["router bgp has no effect yet".into()],
        })
    }

    fn neighbour(&mut self, _: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let (&[peer, keyword], arguments) = words.split_first_chunk().ok_or("Invalid arguments")?;
        let Some(router) = &mut self.bgp else {
            return Err("Invalid arguments".into());
        };
        let known = router
            .neighbours
            .iter()
            .position(|known| known.peer == peer);
        let is = |whole: &str| !keyword.is_empty() && whole.starts_with(keyword);
        if is("remote-as") {
            let &[number] = arguments else {
                return Err("Invalid arguments".into());
            };
            let remote = decimal(number).and_then(|number| u16::try_from(number).ok());
            let remote = remote.ok_or("Invalid autonomous system number")?;
            match known.and_then(|place| router.neighbours.get_mut(place)) {
                Some(neighbour) => neighbour.remote = remote,
                None => {
                    let name = |b: u8| b.is_ascii_alphanumeric() || b".-:".contains(&b);
                    if peer.len() > 63 || !peer.bytes().all(name) {
                        return Err("Invalid neighbour".into());
                    }
                    if router.neighbours.len() >= MAX_NEIGHBOURS {
                        return Err(format!("Too many neighbours (max {MAX_NEIGHBOURS})").into());
                    }
                    router.neighbours.push(Neighbour {
                        peer: peer.to_owned(),
                        remote,
                        timers: Neighbour::TIMERS,
                        source: None,
                    });
                }
            }
            return Ok(Reply::default());
        }
        if !is("timers") && !is("update-source") {
            return Err("Invalid arguments".into());
        }
        let neighbour = known.and_then(|place| router.neighbours.get_mut(place));
        let neighbour = neighbour.ok_or("Specify remote-as first")?;
        match *arguments {
            [keepalive, hold] if is("timers") => {
                let keepalive = nonzero(keepalive).ok_or("Invalid keepalive time")?;
                let hold = nonzero(hold).filter(|hold| *hold >= 3);
                neighbour.timers = (keepalive, hold.ok_or("Invalid hold time")?);
            }
            [address] if is("update-source") => {
                let parsed: Result<Ipv4Addr, _> = address.parse();
                let source = parsed.map_err(|_| format!("Cannot parse IP \"{address}\""))?;
                neighbour.source = Some(source);
            }
            _ => return Err("Invalid arguments".into()),
        }
        Ok(Reply::default())
    }

    fn no_neighbour(&mut self, _: &mut Context<'_>, words: &[&str]) -> Result<Reply, Refusal> {
        let &[peer] = words else {
            return Err("Specify a BGP neighbour".into());
        };
        let neighbours = self.bgp.as_mut().map(|router| &mut router.neighbours);
        let neighbours = neighbours.ok_or("Invalid arguments")?;
        let before = neighbours.len();
        neighbours.retain(|known| known.peer != peer);
        if neighbours.len() == before {
            return Err(harmless(format!("Neighbour {peer} not configured")));
        }
        Ok(Reply::default())
    }

    fn leave(&mut self, context: &mut Context<'_>, _: &[&str]) -> Result<Reply, Refusal> {
        *context.mode = Mode::Global;
        Ok(Reply::default())
    }
}

/// How many of the first words are those of some command.
fn known_words(words: &[&str], here: &dyn Fn(&[&str]) -> bool) -> usize {
    let known = |beginning: &&[&str]| {
        let pairs = beginning.iter().zip(words);
        pairs.take_while(|(keyword, word)| keyword == word).count()
    };
    let commands = COMMANDS.iter().filter(|(beginning, _)| here(beginning));
    let counts = commands.map(|(beginning, _)| known(beginning));
    counts.max().unwrap_or(0)
}

fn said(line: String) -> Reply {
    Reply {
        lines: vec![line],
        remarks: Vec::new(),
    }
}

fn nonzero(word: &str) -> Option<u16> {
    let number = u16::try_from(decimal(word)?).ok()?;
    Some(number).filter(|number| *number > 0)
}

/// The type and the name of an access list.
fn list_words<'a>(words: &[&'a str]) -> Result<(ListType, &'a str), Refusal> {
    let &[word, name] = words else {
        return Err("Specify access-list type and name".into());
    };
    let list_type = ListType::read(word).ok_or("Invalid access-list type")?;
    Ok((list_type, name))
}
