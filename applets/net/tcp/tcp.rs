//! The connections of a stack, and what is not about one of them: CLOSED and LISTEN
//! (RFC 9293 sections 3.10.7.1 and 3.10.7.2).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use wanbox_wire::ip::{TcpFlags, TcpOptions, TcpRepr};

use crate::arrives::Segment;
use crate::connection::{Connection, State};
use crate::counters::Counters;
use crate::event::{Event, Reason};
use crate::flow::{Endpoint, Flow};
use crate::listener::{Listener, cookie, open_cookie};
use crate::output::{Offload, Outgoing};
use crate::parameters::Parameters;
use crate::sequence::Seq;
use crate::shared::{Reply, Shared};
use crate::siphash::Key;
use crate::table::{Id, Table};
use crate::timers::Micros;

/// What IP says of a segment that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The source.
    pub src: IpAddr,
    /// The destination: an address of this host.
    pub dst: IpAddr,
    /// The octet of IP's type of service, of which ECN's two bits count.
    pub tos: u8,
    /// The checksum was found right already, or the segment did not leave the machine.
    pub checksum_is_valid: bool,
    /// The MTU of the way back to the source, octets; 0: not known. It counts when a connection begins.
    pub mtu: u16,
}

impl Incoming {
    /// A segment of which nothing else is known.
    pub fn new(src: impl Into<IpAddr>, dst: impl Into<IpAddr>) -> Self {
        Self {
            src: src.into(),
            dst: dst.into(),
            tos: 0,
            checksum_is_valid: false,
            mtu: 0,
        }
    }
}

/// All connections of one stack.
#[derive(Debug)]
pub struct Tcp {
    pub(crate) epoch: Instant,
    pub(crate) table: Table,
    pub(crate) shared: Shared,
    pub(crate) listeners: Vec<Option<Listener>>,
    /// Segments in a row of the connection whose turn it is.
    turn: u8,
    /// For ports (RFC 6056 section 3.3.3).
    pub(crate) ports: u32,
}

/// So many segments, then it is another connection's turn.
const TURN: u8 = 16;

impl Tcp {
    /// No connections. The key is random and secret; `now` is any moment before all others.
    pub fn new(now: Instant, key: Key, parameters: Parameters) -> Self {
        Self {
            epoch: now,
            table: Table::new(key),
            shared: Shared::new(key, parameters),
            listeners: Vec::new(),
            turn: 0,
            ports: 0,
        }
    }

    /// What holds for all connections, and what new ones begin with.
    pub fn parameters(&self) -> &Parameters {
        &self.shared.parameters
    }

    /// Sets what holds for all connections.
    pub fn set_parameters(&mut self, parameters: Parameters) {
        self.shared.parameters = parameters;
        self.shared.pool.set_limit(parameters.buffers);
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Octets that connections and their buffers take.
    pub fn memory(&self) -> usize {
        self.table.memory() + self.shared.pool.used()
    }

    pub(crate) fn time(&self, now: Instant) -> Micros {
        // Never zero, which is before everything.
        now.saturating_duration_since(self.epoch).as_micros() as Micros + 1
    }

    /// When to call [`Tcp::handle_timeout`] next, at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let at = self.shared.timers.next()?;
        self.epoch
            .checked_add(Duration::from_micros(at.saturating_sub(1)))
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let time = self.time(now);
        while let Some(index) = self.shared.timers.pop(time) {
            if let Some(connection) = self.table.get_mut(index) {
                connection.handle_timeout(&mut self.shared, time);
                self.settle(index);
            }
        }
    }

    /// Writes the next segment to send. The buffer is best as long as the longest segment, or as 65535
    /// octets with segmentation; a shorter one makes shorter segments, and 128 octets are the least.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        buffer: &mut [u8],
        offload: Offload,
    ) -> Option<Outgoing> {
        let time = self.time(now);
        while let Some(reply) = self.shared.replies.pop_front() {
            self.shared.counters.out_segs += 1;
            if reply.flags.contains(TcpFlags::RST) {
                self.shared.counters.out_rsts += 1;
            }
            if let Some(outgoing) = reply.write(buffer, offload.checksum) {
                return Some(outgoing);
            }
        }
        while let Some(&index) = self.shared.ready.front() {
            let Some(connection) = self.table.get_mut(index) else {
                self.shared.ready.pop_front();
                continue;
            };
            let outgoing = connection.output(&mut self.shared, time, buffer, offload);
            self.shared.timers.set(index, connection.deadline());
            self.turn += 1;
            if outgoing.is_none() || self.turn >= TURN {
                self.turn = 0;
                self.shared.ready.pop_front();
                connection.queued = outgoing.is_some();
                if outgoing.is_some() {
                    self.shared.ready.push_back(index);
                }
            }
            if outgoing.is_some() {
                return outgoing;
            }
        }
        None
    }

    /// Whether, since this was last asked, one connection alone has got so much of its window that its
    /// acknowledgement should leave before more is read: its sender has little left to send meanwhile.
    pub fn take_pressing(&mut self) -> bool {
        std::mem::take(&mut self.shared.pressing)
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.shared.events.pop_front() {
            return Some(event);
        }
        while let Some(&index) = self.shared.notices.front() {
            if let Some(connection) = self.table.get_mut(index) {
                let (id, news) = (connection.id, &mut connection.news);
                let tell = |flag: &mut bool| std::mem::take(flag);
                if tell(&mut news.connected) {
                    return Some(Event::Connected(id));
                } else if tell(&mut news.readable) {
                    return Some(Event::Readable(id));
                } else if tell(&mut news.finished) {
                    return Some(Event::Finished(id));
                } else if tell(&mut news.writable) {
                    return Some(Event::Writable(id));
                } else if tell(&mut news.closed) {
                    let reason = connection.reason.unwrap_or(Reason::Normal);
                    return Some(Event::Closed(id, reason));
                }
                connection.noticed = false;
            }
            self.shared.notices.pop_front();
        }
        None
    }

    /// A segment came in: TCP's header and what follows.
    pub fn segment(&mut self, now: Instant, incoming: &Incoming, octets: &[u8]) {
        let time = self.time(now);
        let counters = &mut self.shared.counters;
        counters.in_segs += 1;
        let parsed =
            wanbox_wire::ip::Tcp::parse(octets).and_then(|tcp| Ok((tcp, TcpOptions::parse(&tcp)?)));
        let Ok((tcp, options)) = parsed else {
            counters.in_errs += 1;
            counters.malformed += 1;
            return;
        };
        let flow = Flow {
            local: Endpoint::new(incoming.dst, tcp.dst_port()),
            remote: Endpoint::new(incoming.src, tcp.src_port()),
        };
        if !incoming.checksum_is_valid && !tcp.checksum_is_valid(flow.pseudo_header(octets.len())) {
            counters.in_errs += 1;
            counters.bad_checksum += 1;
            return;
        }
        if !is_host(flow.local) || !is_host(flow.remote) {
            counters.bad_address += 1;
            return;
        }
        let congested = incoming.tos & 3 == 3;
        let header = TcpRepr::parse(&tcp);
        let segment = Segment::new(&header, options, tcp.payload(), congested);
        let Some(index) = self.table.find(&flow) else {
            self.arrives_unknown(time, flow, &segment, incoming, None);
            return;
        };
        let Some(connection) = self.table.get_mut(index) else {
            return;
        };
        if let Some(last) = reopens(connection, &segment) {
            connection.finish(&mut self.shared, Reason::Normal);
            self.settle(index);
            self.arrives_unknown(time, flow, &segment, incoming, Some(last));
            return;
        }
        connection.arrives(&mut self.shared, time, &segment);
        self.settle(index);
    }

    /// A segment of no connection: for a server, or nobody.
    fn arrives_unknown(
        &mut self,
        now: Micros,
        flow: Flow,
        segment: &Segment<'_>,
        incoming: &Incoming,
        last: Option<Seq>,
    ) {
        let Some(place) = self.listener_of(flow.local) else {
            self.shared.counters.no_connection += 1;
            if !segment.has(TcpFlags::RST) {
                self.shared.reply(Reply::reset(flow, segment));
            }
            return;
        };
        // Section 3.10.7.2: first RST, then ACK, then SYN.
        if segment.has(TcpFlags::RST) {
            self.shared.counters.no_connection += 1;
        } else if segment.has(TcpFlags::ACK) {
            if segment.has(TcpFlags::SYN) || !self.arrives_cookie(now, flow, segment, incoming) {
                self.shared.counters.no_connection += 1;
                self.shared.reply(Reply::reset(flow, segment));
            }
        } else if segment.has(TcpFlags::SYN) && !segment.has(TcpFlags::FIN) {
            self.arrives_syn(now, flow, segment, incoming, place, last);
        } else {
            self.shared.counters.bad_flags += 1;
        }
    }

    fn listener_of(&self, local: Endpoint) -> Option<usize> {
        let find = |addr| {
            self.listeners.iter().position(|listener| {
                listener
                    .as_ref()
                    .is_some_and(|l| l.port == local.port && l.addr == addr)
            })
        };
        find(Some(local.addr)).or_else(|| find(None))
    }

    /// A SYN for a server.
    fn arrives_syn(
        &mut self,
        now: Micros,
        flow: Flow,
        segment: &Segment<'_>,
        incoming: &Incoming,
        place: usize,
        last: Option<Seq>,
    ) {
        let full = !self.has_room(now);
        let Some(Some(listener)) = self.listeners.get_mut(place) else {
            return;
        };
        if listener.queue.len() >= listener.backlog || full {
            // Not refused: the other side tries again, and there may be room then.
            self.shared.counters.backlog_full += 1;
            return;
        }
        if listener.half_open >= listener.backlog {
            listener.cookies_at = Some(now);
            self.shared.counters.cookies_sent += 1;
            let mss = segment.options.mss.unwrap_or(536);
            let reply = Reply {
                flow,
                seq: cookie(self.shared.key, now, &flow, segment.seq, mss),
                ack: segment.seq + 1,
                flags: TcpFlags::SYN.with(TcpFlags::ACK),
                window: listener.options.window.min(65_535) as u16,
                mss: Some(listener.options.mss),
            };
            self.shared.reply(reply);
            return;
        }
        let options = listener.options;
        let mut connection = Connection::new(&self.shared, now, flow, &options, incoming.mtu);
        if let Some(last) = last
            && connection.iss.up_to(last)
        {
            // RFC 6191: behind everything that the one before has sent.
            connection.restart(last + 64_000);
        }
        connection.take_syn(now, segment);
        connection.wnd = segment.window.into();
        connection.max_wnd = connection.wnd;
        connection.wl1 = segment.seq;
        connection.ecn.on =
            connection.ecn.offered && segment.has(TcpFlags::ECE) && segment.has(TcpFlags::CWR);
        connection.passive = true;
        connection.listener = Some(place as u32);
        connection.half_open = true;
        let Some(index) = self.table.insert(connection) else {
            return;
        };
        if let Some(Some(listener)) = self.listeners.get_mut(place) {
            listener.half_open += 1;
        }
        if let Some(connection) = self.table.get_mut(index) {
            connection.set_state(&mut self.shared, State::SynReceived);
            let mut rest = *segment;
            rest.seq = rest.seq + 1;
            rest.flags = TcpFlags(0);
            connection.text_of_syn(&mut self.shared, &rest);
        }
        self.settle(index);
    }

    /// An acknowledgement for a server: of a cookie? `false`: no.
    fn arrives_cookie(
        &mut self,
        now: Micros,
        flow: Flow,
        segment: &Segment<'_>,
        incoming: &Incoming,
    ) -> bool {
        let Some(place) = self.listener_of(flow.local) else {
            return false;
        };
        let full = !self.has_room(now);
        let Some(Some(listener)) = self.listeners.get_mut(place) else {
            return false;
        };
        // Only while there were too many half-open connections.
        if listener
            .cookies_at
            .is_none_or(|at| now.saturating_sub(at) > 128_000_000)
        {
            return false;
        }
        let (iss, irs) = (segment.ack - 1, segment.seq - 1);
        let Some(mss) = open_cookie(self.shared.key, now, &flow, irs, iss) else {
            self.shared.counters.cookies_bad += 1;
            return false;
        };
        if listener.queue.len() >= listener.backlog || full {
            self.shared.counters.backlog_full += 1;
            return true;
        }
        let options = listener.options;
        let mut connection = Connection::new(&self.shared, now, flow, &options, incoming.mtu);
        connection.restart(iss);
        let syn = Segment {
            seq: irs,
            options: TcpOptions {
                mss: Some(mss),
                ..TcpOptions::default()
            },
            ..*segment
        };
        connection.take_syn(now, &syn);
        connection.nxt = iss + 1;
        connection.max = iss + 1;
        connection.passive = true;
        connection.listener = Some(place as u32);
        let Some(index) = self.table.insert(connection) else {
            return true;
        };
        self.shared.counters.cookies_accepted += 1;
        if let Some(connection) = self.table.get_mut(index) {
            connection.set_state(&mut self.shared, State::SynReceived);
            connection.arrives(&mut self.shared, now, segment);
        }
        self.settle(index);
        true
    }

    /// Whether there may be one more connection; a connection in TIME-WAIT makes room.
    pub(crate) fn has_room(&mut self, _now: Micros) -> bool {
        let most = self.shared.parameters.connections.min(Table::MOST);
        while self.table.len() >= most {
            let Some(id) = self.shared.time_waits.pop_front() else {
                self.shared.counters.too_many_connections += 1;
                return false;
            };
            let Some(index) = self.table.named(id) else {
                continue;
            };
            if let Some(connection) = self.table.get_mut(index)
                && connection.state == State::TimeWait
            {
                self.shared.counters.time_waits_recycled += 1;
                connection.finish(&mut self.shared, Reason::Normal);
                self.settle(index);
            }
        }
        true
    }

    /// After anything happened to a connection: queues, timers, its server, its end.
    pub(crate) fn settle(&mut self, index: u32) {
        let Some(connection) = self.table.get_mut(index) else {
            return;
        };
        let shared = &mut self.shared;
        if let Some(place) = connection.listener {
            let listener = self.listeners.get_mut(place as usize);
            let listener = listener.and_then(Option::as_mut);
            if connection.half_open && connection.state != State::SynReceived {
                connection.half_open = false;
                let closed = connection.state == State::Closed;
                match listener {
                    Some(listener) => {
                        listener.half_open = listener.half_open.saturating_sub(1);
                        if !closed {
                            shared.counters.passive_opens += 1;
                            offer(listener, connection.id, place, shared);
                        }
                    }
                    None => connection.abort(shared, Reason::Aborted),
                }
            } else if !connection.half_open
                && connection.state.is_synchronized()
                && !connection.offered
                && let Some(listener) = listener
            {
                // Made from a cookie.
                shared.counters.passive_opens += 1;
                offer(listener, connection.id, place, shared);
            }
            connection.offered |= connection.state.is_synchronized();
            if connection.state == State::Closed {
                // Nobody has accepted it, and nobody will.
                let listener = self.listeners.get_mut(place as usize);
                if let Some(listener) = listener.and_then(Option::as_mut) {
                    listener.queue.retain(|id| *id != connection.id);
                }
                connection.listener = None;
                connection.orphaned = true;
            }
        }
        if connection.state == State::Closed && connection.orphaned {
            shared.timers.remove(index);
            if let Some(mut gone) = self.table.remove(index) {
                gone.send.free(&mut shared.pool);
                gone.receive.free(&mut shared.pool);
            }
            self.forget_time_waits();
            return;
        }
        if connection.state == State::Closed {
            shared.timers.remove(index);
        }
        if connection.dirty && !connection.queued {
            connection.queued = true;
            shared.ready.push_back(index);
        }
        let told = connection.orphaned || connection.listener.is_some();
        if connection.news.any() && !connection.noticed && !told {
            connection.noticed = true;
            shared.notices.push_back(index);
        }
        shared.timers.set(index, connection.deadline());
    }

    /// The queue of connections in TIME-WAIT begins with one that is.
    fn forget_time_waits(&mut self) {
        while let Some(&id) = self.shared.time_waits.front() {
            let index = self.table.named(id);
            let waits = index
                .and_then(|index| self.table.get(index))
                .is_some_and(|connection| connection.state == State::TimeWait);
            if waits {
                break;
            }
            self.shared.time_waits.pop_front();
        }
    }
}

/// A server has one more connection to accept.
fn offer(listener: &mut Listener, id: Id, place: u32, shared: &mut Shared) {
    let first = listener.queue.is_empty();
    listener.queue.push_back(id);
    if first {
        shared
            .events
            .push_back(Event::Incoming(crate::ListenerId(place)));
    }
}

/// An address and a port of one host.
fn is_host(end: Endpoint) -> bool {
    let one = match end.addr {
        IpAddr::V4(addr) => !addr.is_multicast() && !addr.is_broadcast() && !addr.is_unspecified(),
        IpAddr::V6(addr) => !addr.is_multicast() && !addr.is_unspecified(),
    };
    one && end.port != 0
}

/// A SYN that may begin the next connection of a flow in TIME-WAIT (RFC 9293 section 3.10.7.4,
/// RFC 6191): the highest sequence number of the one that was.
fn reopens(connection: &Connection, segment: &Segment<'_>) -> Option<Seq> {
    if connection.state != State::TimeWait
        || !segment.has(TcpFlags::SYN)
        || segment.has(TcpFlags::ACK)
        || segment.has(TcpFlags::RST)
    {
        return None;
    }
    let later = match segment.options.timestamps {
        Some(stamps) if connection.timestamps => {
            (stamps.value.wrapping_sub(connection.ts_recent) as i32) > 0
        }
        _ => false,
    };
    (later || connection.rcv_nxt.before(segment.seq)).then_some(connection.max)
}
