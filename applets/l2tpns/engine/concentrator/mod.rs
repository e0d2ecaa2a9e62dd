//! The concentrator: control connections, calls, subscribers, RADIUS and the data path as one
//! value that is fed and asked.
//!
//! The owner gives it whatever the [`Plane`] does not forward by itself, and takes after each
//! call, until there is no more:
//!
//! | call | gives |
//! |---|---|
//! | [`Concentrator::poll_transmit`] | a datagram, and where it goes |
//! | [`Concentrator::poll_event`] | what only the host can do: routes, log entries, plugins |
//! | [`Concentrator::poll_timeout`] | when to call [`Concentrator::handle_timeout`] |
//!
//! | to change | open |
//! |---|---|
//! | which call is accepted when | `pacing.rs`, `calls.rs` |
//! | who may come in | `login.rs` |
//! | addresses, routes, the network layers | `network.rs` |
//! | which calls are one bundle | `bundle.rs` |
//! | records for accounting servers | `accounting.rs` |
//! | how a session ends | `ending.rs` |
//! | what the data path knows of a session | `path.rs` |
//! | what plugins do | `plugins.rs` |
//! | what people are shown | `views.rs` |
//! | what people and RADIUS servers ask for | `operation.rs`, `authority.rs` |

mod accounting;
mod authority;
mod bundle;
mod calls;
mod dump;
mod ending;
mod event;
mod login;
mod neighbour;
mod network;
mod operation;
mod pacing;
mod path;
mod plugins;
mod settings;
#[cfg(test)]
mod tests;
mod timers;
mod views;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use wanbox_wire::ppp::{Code, Frame, Protocol};

pub use event::{HostEvent, Level, Outgoing};
pub use operation::{Direction, OperationError};
pub use views::More;

use crate::config::{Config, Networks};
use crate::ipv6::Server;
use crate::plane::Plane;
use crate::plugin::{Chain, Facts, ProgramId};
use crate::pool::Pools;
use crate::radius::{self, AccountingRequest, Client, dae};
use crate::session::{Judgement, Profiles, Session, Table};
use crate::subscribers::Subscribers;
use crate::tunnel::{Random, Tunnels};
use crate::{BundleId, SessionId, SocketId, TunnelId};
use dump::Dumps;
use ending::End;
use pacing::Pacing;
use timers::Timers;

/// Logins under way at a time.
const LOGINS: usize = 1000;
/// The same while no RADIUS server answers: calls wait where they have more patience.
const LOGINS_IN_SILENCE: usize = 16;
/// How long a peer that closed PPP may take to close its call, or to begin again.
const AFTER_TERMINATE: Duration = Duration::from_secs(60);
/// Buffers that are kept for datagrams.
const SPARE: usize = 256;

/// What a concentrator is made of, beside its configuration.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration.
    pub config: Arc<Config>,
    /// The networks of the address pool.
    pub pool: Vec<(Ipv4Addr, u8)>,
    /// The name of the machine.
    pub machine: String,
    /// Users that are known without RADIUS.
    pub subscribers: Subscribers,
    /// How many sockets there are for RADIUS: 1 to 255.
    pub radius_sockets: u8,
    /// Random and secret: challenges, magic numbers and identifiers come from it.
    pub seed: u128,
    /// The time of day at the `now` of [`Concentrator::new`], seconds since 1970.
    pub unix: u64,
}

/// What is counted beside what the parts count themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Tunnels that came to stand.
    pub tunnel_created: u64,
    /// Tunnels whose peer did not answer any more.
    pub tunnel_timeout: u64,
    /// Calls that were accepted.
    pub session_created: u64,
    /// Sessions whose subscriber did not answer any more.
    pub session_timeout: u64,
    /// Calls that were refused because there are as many sessions as there may be.
    pub session_overflow: u64,
    /// Subscribers who proved who they are.
    pub logins: u64,
    /// Those that did not.
    pub logins_refused: u64,
    /// Requests about users that no RADIUS server answered.
    pub radius_timeout: u64,
    /// Records and requests for which there was no room.
    pub radius_overflow: u64,
    /// Addresses of the pool that were given.
    pub ip_allocated: u64,
    /// Addresses of the pool that were given back.
    pub ip_freed: u64,
    /// Logins for which there was no address.
    pub ip_exhausted: u64,
    /// PPP frames for sessions that are gone.
    pub stale_frames: u64,
}

/// The time of day.
#[derive(Clone, Copy, Debug)]
struct Clock {
    at: Instant,
    unix: u64,
}

impl Clock {
    /// The time of day at another time, seconds since 1970.
    fn unix(&self, at: Instant) -> u64 {
        match at.checked_duration_since(self.at) {
            Some(since) => self.unix.saturating_add(since.as_secs()),
            None => self
                .unix
                .saturating_sub(self.at.duration_since(at).as_secs()),
        }
    }
}

/// An L2TP network server without sockets and clock.
pub struct Concentrator {
    config: Arc<Config>,
    machine: String,
    profiles: Profiles,
    clock: Clock,
    /// The latest time that was told.
    now: Instant,
    tunnels: Tunnels,
    sessions: Table,
    bundles: BTreeMap<BundleId, bundle::Links>,
    pacing: Pacing,
    timers: Timers,
    pool: Pools,
    radius: Client,
    dae: dae::Server,
    subscribers: Subscribers,
    plugins: Chain,
    plane: Plane,
    ipv6: Server,
    dumps: Dumps,
    random: Random,
    outgoing: VecDeque<(Outgoing, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
    events: VecDeque<HostEvent>,
    /// A PPP frame on its way; kept for its capacity.
    frame: Vec<u8>,
    /// Logins that wait for room in RADIUS.
    unasked: VecDeque<SessionId>,
    /// Records that plugins look at.
    accounts: HashMap<u64, Box<AccountingRequest>>,
    records: u64,
    /// Who waits for an answer to nsctl.
    asked: HashMap<u64, SocketAddr>,
    counters: Counters,
    draining: bool,
}

impl Concentrator {
    /// A concentrator without tunnels.
    #[must_use]
    pub fn new(now: Instant, setup: Setup) -> Self {
        let config = setup.config;
        let mut random = Random::new(setup.seed);
        let mut seed = || u128::from_be_bytes(random.block());
        let (tunnels, radius) = (seed(), seed());
        let machine = setup.machine;
        let mut new = Self {
            profiles: Profiles::new(&config, config.host_name(&machine).as_bytes()),
            clock: Clock {
                at: now,
                unix: setup.unix,
            },
            now,
            tunnels: Tunnels::new(
                settings::tunnels(&config, &machine),
                settings::limits(&config),
                tunnels,
            ),
            sessions: Table::default(),
            bundles: BTreeMap::new(),
            pacing: Pacing::default(),
            timers: Timers::default(),
            pool: Pools::new(setup.pool),
            radius: Client::new(
                settings::radius(&config, &machine),
                setup.radius_sockets.max(1),
                radius,
            ),
            dae: dae::Server::new(settings::dae(&config, &machine)),
            subscribers: setup.subscribers,
            plugins: Chain::new(settings::plugins(&config)),
            plane: Plane::new(now, settings::plane(&config)),
            ipv6: Server::new(settings::ipv6(&config)),
            dumps: Dumps::new(now),
            random,
            outgoing: VecDeque::new(),
            spare: Vec::new(),
            events: VecDeque::new(),
            frame: Vec::new(),
            unasked: VecDeque::new(),
            accounts: HashMap::new(),
            records: 0,
            asked: HashMap::new(),
            counters: Counters::default(),
            draining: false,
            config,
            machine,
        };
        new.set_access_lists(None);
        new.load_plugins(now, &[]);
        new.work(now);
        new
    }

    /// The configuration that holds.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Another configuration. No session ends because of it.
    pub fn configure(&mut self, now: Instant, config: Arc<Config>) {
        let old = std::mem::replace(&mut self.config, config);
        let config = &self.config;
        let name = config.host_name(&self.machine).as_bytes();
        self.profiles = Profiles::new(config, name);
        self.tunnels
            .set_config(settings::tunnels(config, &self.machine));
        self.tunnels.set_limits(settings::limits(config));
        self.radius
            .configure(now, settings::radius(config, &self.machine));
        self.dae.configure(settings::dae(config, &self.machine));
        self.plugins.configure(settings::plugins(config));
        self.plane.configure(settings::plane(config));
        self.ipv6.configure(settings::ipv6(config));
        self.set_access_lists(Some(&old));
        self.load_plugins(now, &old.plugins);
        self.work(now);
    }

    /// Other networks for the address pool. No session ends because of it.
    pub fn configure_pool(&mut self, pool: impl IntoIterator<Item = (Ipv4Addr, u8)>) {
        self.pool.configure(pool);
    }

    /// Other pools that Framed-Pool may name. No session ends because of it.
    pub fn configure_named_pools(&mut self, pools: &[(String, Networks)]) {
        let pools = pools.iter().map(|(name, networks)| (&**name, &**networks));
        self.pool.configure_named(pools);
    }

    /// Other users that are known without RADIUS. No session ends because of it.
    pub fn set_subscribers(&mut self, subscribers: Subscribers) {
        self.subscribers = subscribers;
    }

    /// The time of day, seconds since 1970. To be told again when the clock was set.
    pub fn set_clock(&mut self, now: Instant, unix: u64) {
        self.clock = Clock { at: now, unix };
    }

    /// The data path, which forwards without the concentrator.
    pub fn plane(&mut self) -> &mut Plane {
        &mut self.plane
    }

    /// A control message came in at one of the L2TP sockets.
    pub fn datagram(&mut self, now: Instant, socket: SocketId, from: SocketAddr, datagram: &[u8]) {
        self.tunnels.receive(now, socket, from, datagram);
        self.work(now);
    }

    /// A PPP frame of a session came in that is not user data.
    pub fn ppp(&mut self, now: Instant, session: SessionId, frame: &[u8]) {
        let head = self.head_of(session);
        if self.neighbour(now, head, frame) {
            return;
        }
        let Some(found) = self.sessions.get_mut(session) else {
            self.counters.stale_frames += 1;
            return;
        };
        if head == session {
            found.receive(now, frame);
        } else {
            self.receive_for_head(now, session, head, frame);
            self.settle(now, head);
        }
        self.settle(now, session);
        if is_echo_request(frame) {
            self.advertise(now, head);
        }
        self.work(now);
    }

    /// A datagram came in at the RADIUS socket of this place.
    pub fn radius(&mut self, now: Instant, socket: u8, from: SocketAddr, datagram: &[u8]) {
        self.radius.receive(now, socket, from, datagram);
        if let Some(complaint) = self.radius.poll_complaint() {
            self.log(Level::Error, None, None, || complaint.to_string());
        }
        self.work(now);
    }

    /// A command of nsctl came in.
    pub fn nsctl(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.records = self.records.wrapping_add(1);
        let key = self.records;
        self.asked.insert(key, from);
        self.plugins.nsctl(now, key, datagram, &self.sessions);
        self.work(now);
    }

    /// A program that is a plugin was started.
    pub fn plugin_started(&mut self, now: Instant, program: ProgramId) {
        self.plugins.started(now, program);
        self.work(now);
    }

    /// A program that is a plugin ended, or could not be started, and why.
    pub fn plugin_ended(&mut self, now: Instant, program: ProgramId, why: &str) {
        self.plugins.ended(now, program, why, &self.sessions);
        self.work(now);
    }

    /// A program that is a plugin wrote a line.
    pub fn plugin_line(&mut self, now: Instant, program: ProgramId, line: &[u8]) {
        self.plugins
            .receive_line(now, program, line, &self.sessions);
        self.work(now);
    }

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let silent: Vec<TunnelId> = self.tunnels.silent(now).collect();
        for tunnel in silent {
            if let Some(heard) = self.tunnel_heard(tunnel) {
                self.tunnels.heard(heard, tunnel);
            }
        }
        self.tunnels.handle_timeout(now);
        self.radius.handle_timeout(now);
        self.plugins.handle_timeout(now, &self.sessions);
        self.dump(now);
        while let Some((at, id)) = self.timers.due(now) {
            let due = self.sessions.get_mut(id).is_some_and(|session| {
                let own = session.timer == Some(at);
                if own {
                    session.timer = None;
                }
                own
            });
            if due {
                self.session_timeout(now, id);
            }
        }
        self.work(now);
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.tunnels.poll_timeout(),
            self.radius.poll_timeout(),
            self.plugins.poll_timeout(),
            self.timers.next(),
            self.dump_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next datagram to send, written over `datagram`; `None` when there is none.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<Outgoing> {
        // What PPP says comes before the end of its call.
        if let Some((to, octets)) = self.outgoing.pop_front() {
            let used = std::mem::replace(datagram, octets);
            if self.spare.len() < SPARE {
                self.spare.push(used);
            }
            return Some(to);
        }
        if let Some(sent) = self.tunnels.poll_transmit(self.now, datagram) {
            let (socket, to) = (sent.socket, sent.to);
            return Some(Outgoing::L2tp { socket, to });
        }
        if let Some(sent) = self.radius.poll_transmit(datagram) {
            let (socket, to) = (sent.socket, sent.to);
            return Some(Outgoing::Radius { socket, to });
        }
        let to = self.dae.poll_transmit(datagram)?;
        Some(Outgoing::Dae { to })
    }

    /// The next thing that the host must do or know.
    pub fn poll_event(&mut self) -> Option<HostEvent> {
        self.events.pop_front()
    }

    /// Whether nothing is under way: no control message waits for its acknowledgement, and no
    /// RADIUS server for its answer. The process may end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.tunnels.backlog() == 0 && self.radius.pending() == 0
    }

    /// Follows what the parts have to tell until none has anything.
    fn work(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while let Some((tunnel, way)) = self.plane.poll_moved() {
            self.tunnels.set_address(tunnel, way.peer);
        }
        loop {
            if let Some((tunnel, event)) = self.tunnels.poll_event() {
                self.tunnel_event(now, tunnel, event);
            } else if let Some(event) = self.radius.poll_event() {
                self.radius_event(now, event);
            } else if !self.plugin_work(now) {
                break;
            }
            self.admit(now);
        }
        self.admit(now);
    }

    fn radius_event(&mut self, now: Instant, event: radius::Event) {
        use radius::Answer;
        let judgement = match event.answer {
            Answer::Accounted => return,
            Answer::Lost => {
                self.counters.radius_timeout += 1;
                return;
            }
            Answer::Accepted(authorization) => Judgement::Accepted(authorization, None),
            Answer::Rejected(rejection) | Answer::Challenged(rejection) => {
                Judgement::Rejected(rejection)
            }
            Answer::TimedOut => {
                self.counters.radius_timeout += 1;
                Judgement::TimedOut
            }
        };
        if let Some(id) = self.of_key(event.key) {
            self.judged(now, id, judgement);
        }
        self.ask_next(now);
    }

    /// The session of a key, if it is still that one.
    fn of_key(&self, key: u64) -> Option<SessionId> {
        let id = SessionId((key & 0xffff_ffff) as u32);
        let session = self.sessions.get(id)?;
        (self::key(session) == key).then_some(id)
    }

    /// Something of a session is due.
    fn session_timeout(&mut self, now: Instant, id: SessionId) {
        let heard = self.heard(id);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if let Some(heard) = heard {
            let postpone = self.config.ppp_keepalive;
            session.link_mut().heard(heard, postpone);
        }
        session.handle_timeout(now);
        self.mind_silence(id);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.slow.take_if(|at| *at <= now).is_some() && std::mem::take(&mut session.counted) {
            self.pacing.done();
        }
        let (interim, patience) = (session.interim, session.patience);
        if interim.is_some_and(|at| at <= now) {
            self.account_interim(now, id);
        }
        if patience.is_some_and(|at| at <= now) {
            let left = self.sessions.get(id).is_some_and(|session| session.left);
            let end = if left {
                End::hang_up(1, "Closed by the client.")
            } else {
                End::hang_up(3, "PPP took too long.")
            };
            self.end(now, id, end);
        }
        self.expire(now, id);
        self.settle(now, id);
    }

    /// Whether entries of this level are written.
    fn logs(&self, level: Level) -> bool {
        level as u32 <= self.config.debug
    }

    fn log(
        &mut self,
        level: Level,
        tunnel: Option<TunnelId>,
        session: Option<SessionId>,
        text: impl FnOnce() -> String,
    ) {
        if self.logs(level) {
            self.events.push_back(HostEvent::Log {
                level,
                tunnel,
                session,
                text: text(),
            });
        }
    }
}

/// What tells a session from a later one with its number.
const fn key(session: &Session) -> u64 {
    ((session.unique & 0x7fff_ffff) as u64) << 32 | session.id.0 as u64
}

fn is_echo_request(frame: &[u8]) -> bool {
    Frame::parse(frame).is_ok_and(|frame| {
        frame.protocol == Protocol::LCP
            && frame.information.first() == Some(&u8::from(Code::EchoRequest))
    })
}

/// A session as plugins see it.
fn facts(session: &Session) -> Facts {
    let [throttle_in, throttle_out] = session.throttle;
    Facts {
        tunnel: session.tunnel,
        session: session.id,
        user: (*session.user).to_owned(),
        address: (!session.address.is_unspecified()).then_some(session.address),
        calling: (*session.calling).to_owned(),
        called: (*session.called).to_owned(),
        throttle_in,
        throttle_out,
        snoop: session.snoop,
        garden: session.garden,
    }
}
