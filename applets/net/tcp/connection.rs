//! One connection: its variables (RFC 9293 section 3.3.1) and states.

use wanbox_wire::ip::TcpFlags;

use crate::congestion::Window;
use crate::event::Reason;
use crate::flow::Flow;
use crate::parameters::{Options, Parameters, micros};
use crate::reassembly::Reassembly;
use crate::ring::Ring;
use crate::rtt::Rtt;
use crate::scoreboard::Scoreboard;
use crate::sequence::Seq;
use crate::shared::{Reply, Shared};
use crate::table::Id;
use crate::timers::{Micros, NEVER};

/// The states of RFC 9293 section 3.3.2. LISTEN is a [`crate::Listener`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// CLOSED: over, but somebody still holds it.
    Closed,
    /// LISTEN; no connection is in it.
    Listen,
    /// SYN-SENT.
    SynSent,
    /// SYN-RECEIVED.
    SynReceived,
    /// ESTABLISHED.
    Established,
    /// FIN-WAIT-1.
    FinWait1,
    /// FIN-WAIT-2.
    FinWait2,
    /// CLOSE-WAIT.
    CloseWait,
    /// LAST-ACK.
    LastAck,
    /// CLOSING.
    Closing,
    /// TIME-WAIT.
    TimeWait,
}

impl State {
    /// The name as `tcp status` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "Closed",
            Self::Listen => "Listen",
            Self::SynSent => "SYN sent",
            Self::SynReceived => "SYN recv",
            Self::Established => "Estab",
            Self::FinWait1 => "FINwait1",
            Self::FinWait2 => "FINwait2",
            Self::CloseWait => "Closewait",
            Self::LastAck => "Last ACK",
            Self::Closing => "Closing",
            Self::TimeWait => "Timewait",
        }
    }

    /// Both sides know each other's sequence numbers.
    pub fn is_synchronized(self) -> bool {
        !matches!(
            self,
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived
        )
    }

    /// What `tcpCurrEstab` counts.
    fn is_current(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Text of the other side may still come.
    pub(crate) fn receives(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Text or FIN may still have to be sent, perhaps again.
    pub(crate) fn sends(self) -> bool {
        matches!(
            self,
            Self::Established | Self::CloseWait | Self::FinWait1 | Self::Closing | Self::LastAck
        )
    }
}

/// What the owner has not been told yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct News {
    pub connected: bool,
    pub readable: bool,
    pub writable: bool,
    pub finished: bool,
    pub closed: bool,
}

impl News {
    pub fn any(self) -> bool {
        self.connected || self.readable || self.writable || self.finished || self.closed
    }
}

/// How a spurious timeout is looked for (RFC 5682 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// It is not.
    No,
    /// The first segment was sent again.
    Repeated,
    /// It was acknowledged, and new ones were sent.
    Probing,
}

/// The largest number of segments out of order that are each answered for themselves.
const MOST_ACKS: u8 = 8;

#[derive(Debug)]
pub(crate) struct Connection {
    pub id: Id,
    pub flow: Flow,
    pub state: State,
    pub reason: Option<Reason>,
    /// The server that it came through, until it is accepted.
    pub listener: Option<u32>,
    /// It came through a server.
    pub passive: bool,
    /// It is counted among the half-open ones of its server.
    pub half_open: bool,
    /// It is in the queue of its server.
    pub offered: bool,
    /// Nobody holds it any more.
    pub orphaned: bool,
    pub news: News,
    /// It is in the queue of those with news, or of those with something to send.
    pub noticed: bool,
    pub queued: bool,
    /// Something may have to be sent.
    pub dirty: bool,

    // What this side sends.
    pub iss: Seq,
    pub una: Seq,
    /// What goes next: after a timeout what went before goes again.
    pub nxt: Seq,
    /// Behind the last octet ever sent.
    pub max: Seq,
    pub wnd: u32,
    pub max_wnd: u32,
    pub wl1: Seq,
    pub wl2: Seq,
    /// The longest segment, options included.
    pub mss: u16,
    pub peer_mss: u16,
    pub send_shift: u8,
    pub send: Ring,
    pub fin_queued: bool,
    /// Where the FIN is, once it was sent.
    pub fin_sent: Option<Seq>,
    pub syn_data: bool,
    pub nagle: bool,
    /// Behind the last short segment.
    pub small_end: Seq,
    /// Send an octet, or a short segment, whatever the window says.
    pub forced: bool,
    /// The first segment that is not acknowledged goes again.
    pub repeat: bool,

    // What it receives.
    pub irs: Seq,
    pub rcv_nxt: Seq,
    /// The right edge of the window, as it was told.
    pub rcv_adv: Seq,
    pub window: u32,
    pub own_mss: u16,
    pub rcv_mss: u16,
    pub rcv_shift: u8,
    pub receive: Ring,
    pub reassembly: Option<Box<Reassembly>>,
    /// The other side's FIN is there, behind octets that are missing.
    pub fin_at: Option<Seq>,
    /// Acknowledgements to send, and octets that wait for one.
    pub acks_owed: u8,
    pub unacknowledged: u32,
    pub last_ack_sent: Seq,
    pub challenged_at: Micros,

    // Options in use.
    pub sack: bool,
    pub timestamps: bool,
    pub scaled: bool,
    pub offers_timestamps: bool,
    pub offers_scale: bool,
    pub offers_sack: bool,
    pub ts_offset: u32,
    pub ts_recent: u32,
    pub ts_recent_at: Micros,
    pub tos: u8,
    pub path_mtu_discovery: bool,
    pub mtu: u16,
    pub ecn: Ecn,

    // Timing.
    pub rtt: Rtt,
    /// What is being timed: since when, and up to where.
    pub timed: Micros,
    pub timed_to: Seq,
    pub retries: u8,
    pub rto_at: Micros,
    /// The retransmission timer waits for the window instead.
    pub persist: bool,
    pub ack_at: Micros,
    pub idle_at: Micros,
    pub wait_at: Micros,
    pub keepalive: u32,
    pub probes: u8,
    pub sent_at: Micros,
    pub heard_at: Micros,

    // Losses.
    pub congestion: Window,
    pub scoreboard: Option<Box<Scoreboard>>,
    pub forward: Forward,
    /// This side's clock when the first segment went again.
    pub repeated_at: u32,

    pub totals: Totals,
}

/// RFC 3168.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ecn {
    /// To be agreed on.
    pub offered: bool,
    pub on: bool,
    /// Congestion was seen here and the other side does not know yet.
    pub echo: bool,
    /// The window was reduced and the other side does not know yet.
    pub reduced: bool,
}

/// What a connection has done, for people.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub since: Micros,
    pub sent: u64,
    pub received: u64,
    pub resent: u64,
    pub received_again: u64,
    pub dup_acks: u32,
    pub timeouts: u32,
    pub unreachables: u32,
    pub source_quenches: u32,
}

impl Connection {
    /// A connection about to be opened; it has no name yet.
    pub fn new(shared: &Shared, now: Micros, flow: Flow, options: &Options, mtu: u16) -> Box<Self> {
        let options = options.in_range();
        let known = shared.paths.get(flow.remote.addr);
        let mtu = match shared.paths.mtu(now, flow.remote.addr) {
            Some(known) if mtu == 0 || known < mtu => known,
            _ => mtu,
        };
        let [a, b, c, d, ports] = flow.words();
        let secret = shared.key.secret(&[a, b, c, d, ports, 0]);
        // RFC 6528: a clock of 4 us, and what only who knows the key can foresee.
        let iss = Seq((now / 4) as u32) + secret as u32;
        let mut connection = Box::new(Self {
            id: Id::from_number(0),
            flow,
            state: State::Closed,
            reason: None,
            listener: None,
            passive: false,
            half_open: false,
            offered: false,
            orphaned: false,
            news: News::default(),
            noticed: false,
            queued: false,
            dirty: true,
            iss,
            una: iss,
            nxt: iss,
            max: iss,
            wnd: 0,
            max_wnd: 0,
            wl1: Seq(0),
            wl2: Seq(0),
            mss: 0,
            peer_mss: 536,
            send_shift: 0,
            send: Ring::default(),
            fin_queued: false,
            fin_sent: None,
            syn_data: options.syn_data,
            nagle: options.nagle,
            small_end: iss,
            forced: false,
            repeat: false,
            irs: Seq(0),
            rcv_nxt: Seq(0),
            rcv_adv: Seq(0),
            window: options.window,
            own_mss: options.mss,
            rcv_mss: options.mss.min(536),
            rcv_shift: 0,
            receive: Ring::default(),
            reassembly: None,
            fin_at: None,
            acks_owed: 0,
            unacknowledged: 0,
            last_ack_sent: Seq(0),
            challenged_at: 0,
            sack: false,
            timestamps: false,
            scaled: false,
            offers_timestamps: options.timestamps,
            offers_scale: options.window_scale,
            offers_sack: options.sack,
            ts_offset: (secret >> 32) as u32,
            ts_recent: 0,
            ts_recent_at: now,
            tos: options.tos,
            path_mtu_discovery: options.path_mtu_discovery,
            mtu,
            ecn: Ecn {
                offered: options.ecn,
                ..Ecn::default()
            },
            rtt: Rtt::new(shared.parameters.irtt, known),
            timed: NEVER,
            timed_to: iss,
            retries: 0,
            rto_at: NEVER,
            persist: false,
            ack_at: NEVER,
            idle_at: NEVER,
            wait_at: NEVER,
            keepalive: options
                .keepalive
                .map_or(0, |idle| idle.as_secs().clamp(1, u32::MAX.into()) as u32),
            probes: 0,
            sent_at: now,
            heard_at: now,
            congestion: Window::new(options.congestion),
            scoreboard: None,
            forward: Forward::No,
            repeated_at: 0,
            totals: Totals {
                since: now,
                ..Totals::default()
            },
        });
        connection.resize();
        connection
    }

    /// Begins with another initial sequence number.
    pub fn restart(&mut self, iss: Seq) {
        self.iss = iss;
        self.una = iss;
        self.nxt = iss;
        self.max = iss;
        self.timed_to = iss;
        self.small_end = iss;
    }

    /// The shift this side offers.
    pub fn own_shift(&self) -> u8 {
        let options = Options {
            window: self.window,
            ..Options::default()
        };
        options.shift()
    }

    /// The longest segment by what the other side takes and the way carries.
    pub fn resize(&mut self) {
        let mut mss = self.peer_mss.max(Options::LEAST_MSS);
        if self.mtu > 0 {
            let fits = self.mtu.saturating_sub(self.flow.headers());
            mss = mss.min(fits.max(Options::LEAST_MSS));
        }
        self.mss = mss;
    }

    /// The octets of text in a segment without SACK blocks.
    pub fn text_size(&self) -> u32 {
        let options = if self.timestamps { 12 } else { 0 };
        u32::from(self.mss).saturating_sub(options).max(1)
    }

    pub fn set_state(&mut self, shared: &mut Shared, state: State) {
        let old = std::mem::replace(&mut self.state, state);
        let current = &mut shared.counters.curr_estab;
        match (old.is_current(), state.is_current()) {
            (false, true) => *current += 1,
            (true, false) => *current = current.saturating_sub(1),
            _ => {}
        }
        shared.trace(self.id, old, state);
    }

    /// The first octet of text in the send buffer.
    pub fn text_start(&self) -> Seq {
        if self.una == self.iss {
            self.iss + 1
        } else {
            self.una
        }
    }

    /// Behind the last octet of text in the send buffer.
    pub fn text_end(&self) -> Seq {
        self.text_start() + self.send.len()
    }

    /// This side's FIN was acknowledged.
    pub fn fin_acknowledged(&self) -> bool {
        self.fin_sent.is_some_and(|fin| fin.before(self.una))
    }

    /// This side's FIN is still to be acknowledged, or to be sent.
    pub fn fin_pending(&self) -> bool {
        self.fin_queued && !self.fin_acknowledged()
    }

    /// The octets that the receive buffer has room for.
    pub fn room(&self) -> u32 {
        self.window.saturating_sub(self.receive.len())
    }

    /// The right edge of what is taken: never less than what was told.
    pub fn right_edge(&self) -> Seq {
        self.rcv_adv.later(self.rcv_nxt + self.room())
    }

    /// The right edge to tell: moved when that is worth a segment (RFC 9293 section 3.8.6.2.2).
    pub fn next_edge(&self) -> Seq {
        let edge = self.rcv_nxt + self.room();
        let worth = (self.window / 2).clamp(1, u32::from(self.rcv_mss));
        if edge.before(self.rcv_adv + worth) {
            self.rcv_adv.later(self.rcv_nxt)
        } else {
            edge
        }
    }

    /// The application took octets: tells the other side, if that is worth a segment of its own.
    pub fn reopen(&mut self) {
        let worth = (self.window / 2).clamp(1, 2 * u32::from(self.rcv_mss));
        let edge = self.rcv_nxt + self.room();
        if self.state.receives() && self.rcv_adv.before(edge) && edge.since(self.rcv_adv) >= worth {
            self.acknowledge_now();
        }
    }

    /// An acknowledgement goes at once.
    pub fn acknowledge_now(&mut self) {
        self.acks_owed = self.acks_owed.max(1);
        self.dirty = true;
    }

    /// Another acknowledgement goes at once, also if one is on its way already: others count them.
    pub fn acknowledge_each(&mut self) {
        self.acks_owed = (self.acks_owed + 1).min(MOST_ACKS);
        self.dirty = true;
    }

    /// An acknowledgement that makes the other side show that it is who it seems (RFC 5961): not more
    /// than two a second.
    pub fn challenge(&mut self, shared: &mut Shared, now: Micros) {
        if now < self.challenged_at {
            shared.counters.challenges_suppressed += 1;
            return;
        }
        self.challenged_at = now + 500_000;
        shared.counters.challenge_acks += 1;
        self.acknowledge_now();
    }

    /// This side's clock for the other side to send back: milliseconds.
    pub fn clock(&self, now: Micros) -> u32 {
        ((now / 1000) as u32).wrapping_add(self.ts_offset)
    }

    /// Octets under way, as far as is known.
    pub fn flight(&self) -> u32 {
        let sacked = self
            .scoreboard
            .as_ref()
            .map_or(0, |board| board.octets_before(self.nxt));
        self.nxt.since(self.una).saturating_sub(sacked)
    }

    pub fn timeout(&self, parameters: &Parameters) -> Micros {
        self.rtt.timeout(parameters)
    }

    /// When something is to be done next.
    pub fn deadline(&self) -> Micros {
        self.rto_at
            .min(self.ack_at)
            .min(self.idle_at)
            .min(self.wait_at)
    }

    /// Starts the watch for a silent side.
    pub fn watch(&mut self) {
        if self.keepalive > 0 {
            self.idle_at = self.heard_at + u64::from(self.keepalive) * 1_000_000;
        }
    }

    /// The handshake is done.
    pub fn establish(&mut self, shared: &mut Shared, now: Micros) {
        // A close that came before is done now.
        let state = if self.fin_queued {
            State::FinWait1
        } else {
            State::Established
        };
        self.set_state(shared, state);
        self.wait_at = NEVER;
        self.news.connected = true;
        self.news.writable = true;
        self.dirty = true;
        self.heard_at = now;
        self.watch();
        // RFC 5681 section 3.1: one segment also when a SYN was lost.
        let careful = self.rtt.is_slow() || self.totals.timeouts > 0;
        self.congestion.size = Window::initial(self.text_size(), careful);
        self.congestion.recover = self.iss;
    }

    /// TIME-WAIT begins, or begins again.
    pub fn wait(&mut self, shared: &mut Shared, now: Micros) {
        if self.state != State::TimeWait {
            self.set_state(shared, State::TimeWait);
            self.drop_sending(shared);
            self.rto_at = NEVER;
            self.idle_at = NEVER;
            shared.time_waits.push_back(self.id);
        }
        self.wait_at = now + micros(shared.parameters.time_wait);
    }

    /// Everything that was to be sent is gone.
    fn drop_sending(&mut self, shared: &mut Shared) {
        self.send.free(&mut shared.pool);
        self.scoreboard = None;
    }

    /// The end, for this reason. What was received can still be read.
    pub fn finish(&mut self, shared: &mut Shared, reason: Reason) {
        match self.state {
            State::Closed => return,
            State::SynSent | State::SynReceived => shared.counters.attempt_fails += 1,
            State::Established | State::CloseWait if reason != Reason::Normal => {
                shared.counters.estab_resets += 1;
            }
            _ => {}
        }
        self.set_state(shared, State::Closed);
        self.reason = Some(reason);
        self.drop_sending(shared);
        self.reassembly = None;
        if self.receive.is_empty() || self.orphaned {
            self.receive.free(&mut shared.pool);
        }
        self.rto_at = NEVER;
        self.ack_at = NEVER;
        self.idle_at = NEVER;
        self.wait_at = NEVER;
        self.acks_owed = 0;
        self.dirty = false;
        self.news.writable = false;
        self.news.closed = true;
    }

    /// The end, and the other side is told (RFC 9293 section 3.10.5).
    pub fn abort(&mut self, shared: &mut Shared, reason: Reason) {
        if self.state.is_synchronized() && self.state != State::TimeWait
            || self.state == State::SynReceived
        {
            shared.own_reply(Reply {
                flow: self.flow,
                seq: self.max,
                ack: self.rcv_nxt,
                flags: TcpFlags::RST.with(TcpFlags::ACK),
                window: 0,
                mss: None,
            });
        }
        self.finish(shared, reason);
    }
}
