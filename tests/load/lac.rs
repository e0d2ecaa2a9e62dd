//! The LAC and its subscribers.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wanbox_l2tpns_engine::plane::{Batch, Way};
use wanbox_l2tpns_engine::tunnel::{
    Authentication, Cdn, Config, Connection, Event, IncomingCall, Limits, Reason, Tunnels,
};
use wanbox_l2tpns_engine::{CallId, SocketId, TunnelId};
use wanbox_link::ppp::{self, Session};
use wanbox_link::random::SplitMix64;
use wanbox_runtime::timers::Timers;
use wanbox_runtime::udp::{ManyConfig, ManySocket};
use wanbox_wire::l2tp::{DataHeader, Message, call_result, stop_result};

use crate::home::Home;
use crate::options::Options;
use crate::subscriber::{ProfileMaker, Stage, Subscriber};

/// Datagrams read from a socket before the others have their turn.
const BUDGET: usize = 64;

/// Buffers of sockets, octets.
const BUFFER: usize = 8 << 20;

/// What a subscriber says before the LNS knows that its call stands is lost, and repeated after
/// 3 s: it waits so long for the LNS to speak first.
const FIRST_WORD: Duration = Duration::from_millis(500);

/// What came of everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub begun: u32,
    pub up: u32,
    pub failed: u32,
    pub lost: u32,
    /// IPv4 packets that came from the LNS.
    pub packets: u64,
}

/// The LAC.
pub struct Lac {
    options: Options,
    tunnels: Tunnels,
    /// One a tunnel.
    sockets: Vec<ManySocket>,
    ids: Vec<TunnelId>,
    /// Tunnels that stand.
    standing: usize,
    /// Which subscriber a call is of, by our numbers.
    calls: HashMap<u16, Vec<u32>>,
    pub subscribers: Vec<Subscriber>,
    timers: Timers<Instant, usize>,
    /// Those that began and have not come up, in that order.
    pending: VecDeque<usize>,
    profiles: ProfileMaker,
    buffer: Vec<u8>,
    frame: Vec<u8>,
    message: Vec<u8>,
    /// Random and secret: the seeds of subscribers.
    seeds: SplitMix64,
    /// What leaves at the end of a turn.
    batch: Batch,
    pub counts: Counts,
    /// Where some of the subscribers have programs of their own.
    pub home: Option<Home>,
    /// Why sessions failed or were lost, with how many.
    pub causes: HashMap<String, u32>,
}

impl Lac {
    /// Sockets, and tunnels that are asked for.
    ///
    /// # Errors
    /// A socket could not be opened.
    pub fn new(options: &Options) -> Result<Self, String> {
        let config = Arc::new(Config {
            host_names: vec![Box::from(options.host_name.as_bytes())],
            secret: options
                .secret
                .as_deref()
                .map(|secret| secret.as_bytes().into()),
            authentication: if options.trusting {
                Authentication::Answer
            } else {
                Authentication::Mutual
            },
            receive_window: 1024,
            ..Config::default()
        });
        config.check().map_err(|error| error.to_string())?;
        let seed = getrandom::u64().map_err(|error| format!("no random numbers: {error}"))?;
        let mut lac = Self {
            tunnels: Tunnels::new(Arc::clone(&config), Limits::default(), seed.into()),
            sockets: Vec::new(),
            ids: Vec::new(),
            standing: 0,
            calls: HashMap::new(),
            subscribers: Vec::new(),
            timers: Timers::new(),
            pending: VecDeque::new(),
            profiles: ProfileMaker::new(options),
            buffer: vec![0; ManySocket::MAX_RECEIVE],
            frame: Vec::new(),
            message: Vec::new(),
            seeds: SplitMix64::new(seed),
            batch: Batch::new(false, false),
            counts: Counts::default(),
            home: None,
            causes: HashMap::new(),
            options: options.clone(),
        };
        let any = match options.lns {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let now = Instant::now();
        for n in 0..options.tunnels {
            let port = match options.source_port {
                0 => 0,
                first => first.wrapping_add(n.into()),
            };
            let local = SocketAddr::new(options.source.unwrap_or(any), port);
            let socket = ManySocket::open(&ManyConfig {
                local,
                receive_buffer: Some(BUFFER),
                send_buffer: Some(BUFFER),
                offload: true,
            })
            .map_err(|error| error.to_string())?;
            lac.sockets.push(socket);
            let id = lac
                .tunnels
                .dial(now, SocketId(n), options.lns, Arc::clone(&config))
                .map_err(|_| "too many tunnels".to_owned())?;
            lac.ids.push(id);
            lac.calls.insert(id.0, vec![u32::MAX; 65536]);
        }
        let ids = lac.ids.clone();
        lac.subscribers = (0..options.sessions)
            .zip(ids.iter().cycle())
            .map(|(_, tunnel)| Subscriber {
                tunnel: *tunnel,
                call: CallId(0),
                peer: (0, 0),
                stage: Stage::Waiting,
                session: None,
                started: false,
                begun: None,
                took: None,
                address: None,
            })
            .collect();
        lac.flush(now);
        Ok(lac)
    }

    /// Whether all tunnels stand.
    pub fn is_standing(&self) -> bool {
        self.standing == self.ids.len()
    }

    /// Begins further sessions, as many as may be under way.
    pub fn begin(&mut self, now: Instant) {
        while self.pending.len() < self.options.outstanding as usize
            && (self.counts.begun as usize) < self.subscribers.len()
        {
            let number = self.counts.begun as usize;
            self.counts.begun += 1;
            let serial = number as u32;
            let request = IncomingCall {
                serial,
                called: Box::from(&b"0800"[..]),
                calling: serial.to_string().into_bytes().into(),
                ..IncomingCall::default()
            };
            let connection = Connection {
                tx_speed: 10_000_000,
                framing: 1,
                ..Connection::default()
            };
            let Some(subscriber) = self.subscribers.get_mut(number) else {
                return;
            };
            subscriber.stage = Stage::Begun;
            subscriber.begun = Some(now);
            match self
                .tunnels
                .place(now, subscriber.tunnel, &request, connection)
            {
                Ok(call) => {
                    subscriber.call = call;
                    let of = self.calls.get_mut(&subscriber.tunnel.0);
                    if let Some(place) = of.and_then(|calls| calls.get_mut(usize::from(call.0))) {
                        *place = serial;
                    }
                    self.pending.push_back(number);
                }
                Err(error) => self.gone(number, &format!("not placed: {error:?}")),
            }
        }
        // The oldest come first.
        while let Some(&number) = self.pending.front() {
            let Some(subscriber) = self.subscribers.get(number) else {
                break;
            };
            let late = |begun: Instant| now.duration_since(begun) > self.options.patience();
            if subscriber.stage != Stage::Begun {
                self.pending.pop_front();
            } else if subscriber.begun.is_some_and(late) {
                let phase = subscriber
                    .session
                    .as_ref()
                    .map_or("call".to_owned(), |session| {
                        format!("{:?}", session.link().phase())
                    });
                self.pending.pop_front();
                self.gone(number, &format!("not up in time: {phase}"));
            } else {
                break;
            }
        }
        // Those that came up behind a slow one make room as well.
        if self.pending.len() >= self.options.outstanding as usize {
            let subscribers = &self.subscribers;
            self.pending.retain(|number| {
                subscribers
                    .get(*number)
                    .is_some_and(|s| s.stage == Stage::Begun)
            });
        }
        self.flush(now);
    }

    /// Waits for at most `limit`, and does what there is to do.
    ///
    /// # Errors
    /// The sockets do not work any more.
    pub fn turn(&mut self, limit: Duration) -> Result<(), String> {
        let now = Instant::now();
        let deadline = self
            .tunnels
            .poll_timeout()
            .into_iter()
            .chain(self.timers.next_deadline())
            .min();
        let limit = deadline.map_or(limit, |deadline| {
            limit.min(deadline.saturating_duration_since(now))
        });
        let millis = limit.as_micros().div_ceil(1000) as u16;
        let mut fds: Vec<PollFd<'_>> = self
            .sockets
            .iter()
            .map(ManySocket::as_fd)
            .chain(self.home.as_ref().map(Home::as_fd))
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(format!("poll: {error}")),
        }
        let ready: Vec<usize> = fds
            .iter()
            .enumerate()
            .filter(|(_, fd)| fd.any() == Some(true))
            .map(|(place, _)| place)
            .collect();
        let now = Instant::now();
        for place in ready {
            self.read(now, place)?;
        }
        if let Some(home) = &mut self.home {
            home.pass(&mut self.sockets)?;
        }
        self.tunnels.handle_timeout(now);
        while let Some((_, number)) = self.timers.pop_expired(now) {
            if let Some(subscriber) = self.subscribers.get_mut(number) {
                subscriber.start(now);
                if let Some(session) = &mut subscriber.session {
                    session.handle_timeout(now);
                }
            }
            self.settle(now, number);
        }
        self.flush(now);
        Ok(())
    }

    fn read(&mut self, now: Instant, place: usize) -> Result<(), String> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut result = Ok(());
        for _ in 0..BUDGET {
            let Some(socket) = self.sockets.get_mut(place) else {
                break;
            };
            match socket.receive(&mut buffer) {
                Ok(Some(got)) => {
                    for datagram in got.received.datagrams(&buffer) {
                        self.datagram(now, SocketId(place as u8), got.from, datagram);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    result = Err(format!("receiving: {error}"));
                    break;
                }
            }
        }
        self.buffer = buffer;
        result
    }

    fn datagram(&mut self, now: Instant, socket: SocketId, from: SocketAddr, datagram: &[u8]) {
        if Message::is_control(datagram) {
            self.tunnels.receive(now, socket, from, datagram);
            return;
        }
        let Ok((header, frame)) = DataHeader::parse(datagram) else {
            return;
        };
        if let Some(packet) = ipv4(frame) {
            self.counts.packets += 1;
            if let Some(home) = &mut self.home {
                home.deliver(packet);
            }
            return;
        }
        let number = self
            .calls
            .get(&header.tunnel)
            .and_then(|calls| calls.get(usize::from(header.session)))
            .map_or(usize::MAX, |number| *number as usize);
        self.tunnels.heard(now, TunnelId(header.tunnel));
        if let Some(subscriber) = self.subscribers.get_mut(number) {
            subscriber.start(now);
            if let Some(session) = &mut subscriber.session {
                session.receive(now, frame);
                self.settle(now, number);
            }
        }
    }

    /// What follows of what a session did.
    fn settle(&mut self, now: Instant, number: usize) {
        let mut down = None;
        if let Some(subscriber) = self.subscribers.get_mut(number)
            && let Some(session) = &mut subscriber.session
        {
            let place = usize::from(
                self.tunnels
                    .get(subscriber.tunnel)
                    .map_or(0, |t| t.socket().0),
            );
            while session.poll_transmit(&mut self.frame) {
                let header = DataHeader::plain(subscriber.peer.0, subscriber.peer.1);
                let way = Way {
                    socket: SocketId(place as u8),
                    peer: self.options.lns,
                };
                self.message.clear();
                self.message.extend_from_slice(&header);
                self.message.extend_from_slice(&self.frame);
                self.batch.push(&way, &self.message);
            }
            while let Some(event) = session.poll_event() {
                match event {
                    ppp::Event::Ipv4Up(ipv4) => {
                        subscriber.address = Some(ipv4.local);
                        if subscriber.stage == Stage::Begun {
                            subscriber.stage = Stage::Up;
                            subscriber.took = subscriber.begun.map(|begun| now - begun);
                            self.counts.up += 1;
                        }
                    }
                    // It comes up again.
                    ppp::Event::LinkDown(ppp::Cause::Renegotiation) => {}
                    ppp::Event::LinkDown(cause) => down = Some(cause.to_string()),
                    _ => {}
                }
            }
            match session.poll_timeout() {
                Some(deadline) => self.timers.set(number, deadline),
                None => {
                    self.timers.cancel(number);
                }
            }
        }
        if let Some(cause) = down {
            self.gone(number, &cause);
        }
    }

    /// A session is no more.
    fn gone(&mut self, number: usize, cause: &str) {
        let Some(subscriber) = self.subscribers.get_mut(number) else {
            return;
        };
        match subscriber.stage {
            Stage::Begun => {
                self.counts.failed += 1;
                subscriber.stage = Stage::Failed;
            }
            Stage::Up => {
                self.counts.up -= 1;
                self.counts.lost += 1;
                subscriber.stage = Stage::Lost;
            }
            Stage::Waiting | Stage::Failed | Stage::Lost | Stage::Down => return,
        }
        *self.causes.entry(cause.to_owned()).or_default() += 1;
    }

    /// Sends what the tunnels and subscribers have, and takes what the tunnels tell.
    fn flush(&mut self, now: Instant) {
        loop {
            while let Some((tunnel, event)) = self.tunnels.poll_event() {
                self.event(now, tunnel, event);
            }
            let Some(to) = self.tunnels.poll_transmit(now, &mut self.frame) else {
                break;
            };
            let way = Way {
                socket: to.socket,
                peer: to.to,
            };
            self.batch.push(&way, &self.frame);
        }
        let sockets = &mut self.sockets;
        // What does not get out is repeated by the tunnel, and by PPP.
        self.batch.transmit(|way, messages| {
            let socket = sockets.get_mut(usize::from(way.socket.0))?;
            let _ = socket.send(way.peer, messages);
            Some(messages.len())
        });
    }

    fn number(&self, tunnel: TunnelId, call: CallId) -> usize {
        self.calls
            .get(&tunnel.0)
            .and_then(|calls| calls.get(usize::from(call.0)))
            .map_or(usize::MAX, |number| *number as usize)
    }

    fn event(&mut self, now: Instant, tunnel: TunnelId, event: Event) {
        match event {
            Event::Up => self.standing += 1,
            Event::Placed { call, peer } => {
                let number = self.number(tunnel, call);
                let there = self.tunnels.get(tunnel).map_or(0, |t| t.peer_number());
                let profile = self.profiles.make(number);
                let seed = self.seeds.next_u64();
                if let Some(subscriber) = self.subscribers.get_mut(number) {
                    subscriber.peer = (there, peer);
                    subscriber.session = Some(Box::new(Session::new(profile, seed.into())));
                }
                self.timers.set(number, now + FIRST_WORD);
            }
            Event::CallDown { call, by, cdn } => {
                let number = self.number(tunnel, call);
                let reason = &cdn.reason;
                let cause = format!(
                    "call down by {by:?}: {} {:?} {}",
                    reason.result,
                    reason.error,
                    String::from_utf8_lossy(&reason.text)
                );
                self.gone(number, &cause);
                self.forget(number);
            }
            Event::Down { by, reason } => {
                self.standing = self.standing.saturating_sub(1);
                let text = String::from_utf8_lossy(&reason.text).into_owned();
                let cause = format!(
                    "tunnel down by {by:?}: {} {:?} {text}",
                    reason.result, reason.error
                );
                *self.causes.entry(cause).or_default() += 1;
            }
            Event::Incoming { call, .. } => {
                let cdn = Cdn::from(Reason::result(call_result::NO_FACILITIES_EVER));
                self.tunnels.hang_up(now, tunnel, call, &cdn);
            }
            Event::Connected { .. } | Event::LinkInfo { .. } | Event::WanError { .. } => {}
        }
    }

    fn forget(&mut self, number: usize) {
        if let Some(subscriber) = self.subscribers.get_mut(number) {
            subscriber.session = None;
        }
        self.timers.cancel(number);
    }

    /// Hangs up all calls.
    pub fn hang_up(&mut self, now: Instant) {
        let cdn = Cdn::from(Reason::result(call_result::LOST_CARRIER));
        for number in 0..self.subscribers.len() {
            self.forget(number);
            if let Some(subscriber) = self.subscribers.get_mut(number)
                && subscriber.call.0 != 0
            {
                self.tunnels
                    .hang_up(now, subscriber.tunnel, subscriber.call, &cdn);
                if subscriber.stage == Stage::Up {
                    subscriber.stage = Stage::Down;
                }
            }
        }
        self.flush(now);
    }

    /// Closes the tunnels.
    pub fn close(&mut self, now: Instant) {
        for id in self.ids.clone() {
            self.tunnels
                .close(now, id, &Reason::result(stop_result::GENERAL));
        }
        self.flush(now);
    }

    /// Messages that the LNS has not acknowledged.
    pub fn backlog(&self) -> usize {
        self.tunnels.backlog()
    }

    /// Whether all tunnels are gone.
    pub fn is_gone(&self) -> bool {
        self.tunnels.is_empty()
    }

    /// Control messages sent again.
    pub fn resent(&self) -> u32 {
        self.tunnels.stats().resent
    }

    /// Sends datagrams to the LNS from the socket of a subscriber's tunnel. How many were taken.
    ///
    /// # Errors
    /// The socket does not work any more.
    pub fn send(&mut self, socket: usize, datagrams: &[IoSlice<'_>]) -> Result<usize, String> {
        let lns = self.options.lns;
        self.sockets.get_mut(socket).map_or(Ok(0), |socket| {
            socket
                .send(lns, datagrams)
                .map_err(|error| format!("sending: {error}"))
        })
    }

    /// Where the data of a subscriber goes.
    pub fn way_of(&self, number: usize) -> Way {
        Way {
            socket: SocketId(self.socket_of(number) as u8),
            peer: self.options.lns,
        }
    }

    /// The socket of a subscriber.
    pub fn socket_of(&self, number: usize) -> usize {
        self.subscribers
            .get(number)
            .and_then(|subscriber| self.ids.iter().position(|id| *id == subscriber.tunnel))
            .unwrap_or(0)
    }
}

/// The IPv4 packet in a PPP frame, if that is what it holds.
fn ipv4(frame: &[u8]) -> Option<&[u8]> {
    let frame = frame.strip_prefix(&[0xff, 3]).unwrap_or(frame);
    frame
        .strip_prefix(&[0, 0x21])
        .or_else(|| frame.strip_prefix(&[0x21]))
}
