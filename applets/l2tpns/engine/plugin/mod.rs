//! Plugins: what they may change of a login, and what they do to sessions.
//!
//! A [`Chain`] has them in the order in which they were loaded. An event goes from one to the next;
//! a plugin may end its way. Those of [`BUILT_IN`] decide at once; others are programs that the
//! host runs, whose answers come later (`man/l2tpns-plugin.7`). An event that no program waits for
//! is over before [`Chain::start`] returns.
//!
//! | to change | open |
//! |---|---|
//! | what is told, what can be done | `event.rs` |
//! | the plugins that are built in | `built_in.rs`, `commands.rs` |
//! | how a Cisco-AVPair is read | `pairs.rs` |
//! | what programs are told, and how their answers are read | `message.rs` |
//! | when programs are started, waited for and given up | `program.rs` |
//! | requests of nsctl | `nsctl.rs` |
//!
//! After each call the owner takes outcomes, effects, answers to nsctl and work for the host until
//! there are no more.

mod built_in;
mod commands;
mod event;
mod fuzz;
mod message;
mod nsctl;
mod pairs;
mod program;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;

pub use built_in::BUILT_IN;
pub use event::{
    Accounting, Answer, Change, Effect, Event, Facts, ProgramId, Protocol, Sessions, Wall, Work,
};
pub use fuzz::fuzz_plugin;
pub use message::MAX_LINE;
pub use pairs::pairs;

use crate::SessionId;
use built_in::BuiltIn;
use program::{Offer, Program};

/// The longest name of a plugin, octets.
pub const MAX_NAME: usize = 63;
/// The most plugins at a time.
pub const MAX_PLUGINS: usize = 64;

/// What holds for an event whose program died or is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It goes on as if the program had nothing to say.
    #[default]
    Open,
    /// A login is refused, a command fails; other events go on.
    Closed,
}

/// What plugins are configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `throttle_speed`, kbit/s.
    pub throttle_speed: u32,
    /// Where `intercept=yes` copies packets to, if that is configured.
    pub snoop: Option<SocketAddr>,
    /// How long an answer of a program is waited for.
    pub time_limit: Duration,
    /// What holds without one.
    pub policy: Policy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            throttle_speed: 28,
            snoop: None,
            time_limit: Duration::from_secs(2),
            policy: Policy::Open,
        }
    }
}

/// What happened to plugins, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Events that went through the chain.
    pub events: u64,
    /// Answers that did not come in time.
    pub late: u64,
    /// Events that a program was not asked about, because too many waited or it was not there.
    pub unasked: u64,
    /// Lines of programs that could not be read, or answered nothing.
    pub malformed: u64,
    /// What programs wanted done and was not: no such session, a wrong value.
    pub refused: u64,
    /// Programs that ended or had to be ended.
    pub ended: u64,
    /// Values of Cisco-AVPair attributes that a built-in plugin could not read.
    pub bad_pairs: u64,
    /// Requests of nsctl that could not be read.
    pub bad_requests: u64,
}

/// Why a plugin was not loaded or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginError {
    /// It is loaded already.
    Loaded,
    /// It is not loaded.
    NotLoaded,
    /// No plugin can have this name.
    Name,
    /// There are as many as there may be.
    TooMany,
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded => f.write_str("Plugin is already loaded"),
            Self::NotLoaded => f.write_str("Plugin is not loaded"),
            Self::Name => write!(
                f,
                "a plugin's name has 1 to {MAX_NAME} letters, digits, '_', '-' or '.', and begins with a letter or digit"
            ),
            Self::TooMany => write!(f, "there are {MAX_PLUGINS} plugins already"),
        }
    }
}

impl std::error::Error for PluginError {}

/// A loaded plugin, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// `built in`, or what its program does.
    pub state: &'static str,
}

/// Where an event goes after a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    Stop,
}

/// Who started an event.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Caller(u64),
    Nsctl(u64),
    Clock,
}

/// An event on its way.
struct Pending {
    owner: Owner,
    event: Event,
}

/// An event that a program was given, or will be once it is ready.
struct Waiting {
    pending: Pending,
    program: ProgramId,
}

enum Kind {
    BuiltIn(BuiltIn),
    Program(Box<Program>),
}

struct Plugin {
    name: String,
    kind: Kind,
}

/// What plugins share, and what comes of them.
#[derive(Default)]
struct Common {
    settings: Settings,
    effects: VecDeque<Effect>,
    work: VecDeque<Work>,
    counters: Counters,
    /// The sessions whose packets the packet filter leads into the garden.
    garden: BTreeMap<SessionId, Ipv4Addr>,
}

impl Common {
    fn effect(&mut self, session: SessionId, change: Change) {
        self.effects.push_back(Effect { session, change });
    }

    fn log(&mut self, level: u8, text: String) {
        self.work.push_back(Work::Log { level, text });
    }
}

/// The loaded plugins.
#[derive(Default)]
pub struct Chain {
    plugins: Vec<Plugin>,
    common: Common,
    waiting: HashMap<u64, Waiting>,
    outcomes: VecDeque<(u64, Event)>,
    answers: VecDeque<(u64, Vec<u8>)>,
    last_serial: u64,
    last_program: u32,
    next_second: Option<Instant>,
}

impl Chain {
    /// No plugins.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            common: Common {
                settings,
                ..Common::default()
            },
            ..Self::default()
        }
    }

    /// Other settings; they hold from the next event on.
    pub fn configure(&mut self, settings: Settings) {
        self.common.settings = settings;
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.common.counters
    }

    /// The loaded plugins, in their order.
    pub fn plugins(&self) -> impl Iterator<Item = View> {
        self.plugins.iter().map(|plugin| View {
            name: plugin.name.clone(),
            state: match &plugin.kind {
                Kind::BuiltIn(_) => "built in",
                Kind::Program(program) => program.state(),
            },
        })
    }

    /// Loads a plugin behind those that are loaded: one that is built in, or else the program of
    /// this name, which is started again whenever it ends.
    ///
    /// # Errors
    /// See [`PluginError`]. Whether there is such a program is the host's to say
    /// ([`Work::Start`]).
    pub fn load(&mut self, now: Instant, name: &str) -> Result<(), PluginError> {
        self.insert(now, name, None)
    }

    fn insert(
        &mut self,
        now: Instant,
        name: &str,
        asked_by: Option<u64>,
    ) -> Result<(), PluginError> {
        check_name(name)?;
        if self.plugins.iter().any(|plugin| plugin.name == name) {
            return Err(PluginError::Loaded);
        }
        if self.plugins.len() >= MAX_PLUGINS {
            return Err(PluginError::TooMany);
        }
        let kind = if let Some(built_in) = BuiltIn::find(name) {
            built_in.load(&mut self.common);
            Kind::BuiltIn(built_in)
        } else {
            self.last_program += 1;
            let id = ProgramId(self.last_program);
            let program = Program::start(now, id, name, asked_by, &mut self.common);
            Kind::Program(Box::new(program))
        };
        self.plugins.push(Plugin {
            name: name.to_owned(),
            kind,
        });
        Ok(())
    }

    /// Removes a plugin. Events that wait for its program go on without it.
    ///
    /// # Errors
    /// [`PluginError::NotLoaded`].
    pub fn remove(
        &mut self,
        now: Instant,
        name: &str,
        sessions: &dyn Sessions,
    ) -> Result<(), PluginError> {
        let at = self
            .plugins
            .iter()
            .position(|plugin| plugin.name == name)
            .ok_or(PluginError::NotLoaded)?;
        let plugin = self.plugins.remove(at);
        match plugin.kind {
            Kind::BuiltIn(built_in) => built_in.unload(&mut self.common),
            Kind::Program(mut program) => {
                self.common.work.push_back(Work::Stop(program.id));
                if let Some(key) = program.asked_by() {
                    self.answer(key, &Answer::error("error loading plugin"));
                }
                for serial in program.take_waiting() {
                    if let Some(waiting) = self.waiting.remove(&serial) {
                        // What came behind it has its place now.
                        self.advance(now, waiting.pending, at, sessions);
                    }
                }
            }
        }
        Ok(())
    }

    /// An event, which comes back from [`Self::poll_outcome`] with this key: at once when no
    /// program has to be asked, at the latest after its time limit a program.
    pub fn start(&mut self, now: Instant, key: u64, event: Event, sessions: &dyn Sessions) {
        let owner = Owner::Caller(key);
        self.advance(now, Pending { owner, event }, 0, sessions);
    }

    /// The next event that is over, with the key of its start.
    pub fn poll_outcome(&mut self) -> Option<(u64, Event)> {
        self.outcomes.pop_front()
    }

    /// The next thing to do to a session.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.common.effects.pop_front()
    }

    /// The next thing that the host must do.
    pub fn poll_work(&mut self) -> Option<Work> {
        self.common.work.pop_front()
    }

    /// The next answer to a request of nsctl, with the key of the request.
    pub fn poll_nsctl(&mut self) -> Option<(u64, Vec<u8>)> {
        self.answers.pop_front()
    }

    /// Leads an event through the plugins from this place on, until it is over or has to wait.
    fn advance(
        &mut self,
        now: Instant,
        mut pending: Pending,
        from: usize,
        sessions: &dyn Sessions,
    ) {
        for plugin in self.plugins.get_mut(from..).unwrap_or_default() {
            let flow = match &mut plugin.kind {
                Kind::BuiltIn(built_in) => {
                    built_in.handle(&mut pending.event, &mut self.common, sessions)
                }
                Kind::Program(program) => {
                    let serial = self.last_serial + 1;
                    match program.offer(now, serial, &pending.event, &mut self.common) {
                        Offer::Taken => {
                            self.last_serial = serial;
                            let program = program.id;
                            self.waiting.insert(serial, Waiting { pending, program });
                            return;
                        }
                        Offer::NotWanted => Flow::Next,
                        Offer::NotNow => {
                            self.common.counters.unasked += 1;
                            without(self.common.settings.policy, &mut pending.event)
                        }
                    }
                }
            };
            if flow == Flow::Stop {
                break;
            }
        }
        self.common.counters.events += 1;
        match pending.owner {
            Owner::Caller(key) => self.outcomes.push_back((key, pending.event)),
            Owner::Nsctl(key) => {
                if let Event::Control { answer, .. } = pending.event {
                    let answer = answer.unwrap_or_else(|| Answer::error("unhandled action"));
                    self.answer(key, &answer);
                }
            }
            Owner::Clock => {}
        }
    }

    /// The place of a program among the plugins.
    fn place(&self, id: ProgramId) -> Option<usize> {
        self.plugins
            .iter()
            .position(|plugin| matches!(&plugin.kind, Kind::Program(program) if program.id == id))
    }

    fn program(&mut self, at: usize) -> Option<&mut Program> {
        match &mut self.plugins.get_mut(at)?.kind {
            Kind::Program(program) => Some(program),
            Kind::BuiltIn(_) => None,
        }
    }
}

/// What becomes of an event about which a program could not be asked.
fn without(policy: Policy, event: &mut Event) -> Flow {
    if policy == Policy::Open {
        return Flow::Next;
    }
    match event {
        Event::PreAuth { continue_auth, .. } => *continue_auth = false,
        Event::PostAuth { auth_allowed, .. } => *auth_allowed = false,
        Event::Control { answer, .. } => *answer = Some(Answer::error("error returned by plugin")),
        _ => return Flow::Next,
    }
    Flow::Stop
}

fn check_name(name: &str) -> Result<(), PluginError> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let first = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    if first && name.len() <= MAX_NAME && name.bytes().all(legal) {
        Ok(())
    } else {
        Err(PluginError::Name)
    }
}
