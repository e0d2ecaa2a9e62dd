//! The calls of a tunnel (RFC 2661 sections 5.2, 7.3 and 7.4): those that a LAC tells us of, and
//! those that we place as one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use wanbox_wire::l2tp::{Avp, DisconnectCause, MessageType, Q931Cause, call_result, error};

use super::event::{
    By, Cdn, Connection, Event, IncomingCall, PppCause, ProxyAuthentication, Q931, Reason,
};
use super::random::Random;
use super::reading::Reading;
use super::stats::count;
use super::{State, Tunnel};
use crate::CallId;

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// The peer has it, and waits for the owner's word.
    Offered,
    /// wait-connect: the owner accepted it.
    WaitConnect,
    /// wait-reply: we placed it.
    WaitReply,
    /// It stands.
    Established,
}

/// A call, for people and owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallView {
    /// The peer's number of it; 0 while it is unknown.
    pub peer: u16,
    /// Where it stands.
    pub state: CallState,
}

/// Why a call was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// The tunnel does not stand.
    NotUp,
    /// It has as many calls as it may.
    Full,
}

#[derive(Debug)]
struct Call {
    /// Tells it from others that had its number.
    stamp: u32,
    peer: u16,
    state: Stage,
}

#[derive(Debug)]
enum Stage {
    Offered,
    WaitConnect,
    /// With what is said when the peer accepts it.
    WaitReply(Box<Connection>),
    Established,
    /// It is over, and its number is not used for a while.
    Resting,
}

#[cfg(test)]
pub(super) const CALL_SIZE: usize = size_of::<Call>();

/// The calls of a tunnel by our numbers.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<u16, Call>,
    /// Those being set up, with the end of their time; some of them are set up since.
    pending: VecDeque<(Instant, u16, u32)>,
    /// Those whose numbers rest.
    resting: VecDeque<(Instant, u16)>,
    live: u16,
    stamp: u32,
}

impl Calls {
    pub(super) const fn live(&self) -> u16 {
        self.live
    }

    pub(super) fn resting(&self) -> usize {
        self.resting.len()
    }

    /// A number for a new call.
    fn number(&mut self, random: &mut Random) -> Option<u16> {
        let free = random.number(|number| self.calls.contains_key(&number));
        if free.is_some() {
            return free;
        }
        let (_, oldest) = self.resting.pop_front()?;
        self.calls.remove(&oldest);
        Some(oldest)
    }

    fn begin(&mut self, number: u16, peer: u16, state: Stage, until: Instant) {
        self.stamp = self.stamp.wrapping_add(1);
        self.live += 1;
        self.pending.push_back((until, number, self.stamp));
        let stamp = self.stamp;
        self.calls.insert(number, Call { stamp, peer, state });
    }

    fn get(&mut self, number: u16) -> Option<&mut Call> {
        self.calls
            .get_mut(&number)
            .filter(|call| !matches!(call.state, Stage::Resting))
    }

    /// The call is over. The peer's number of it.
    fn rest(&mut self, number: u16, until: Instant) -> Option<u16> {
        let call = self.get(number)?;
        call.state = Stage::Resting;
        let peer = call.peer;
        self.live -= 1;
        self.resting.push_back((until, number));
        Some(peer)
    }

    /// The number of a call that is being set up and has this number at the peer.
    fn pending_by_peer(&self, peer: u16) -> Option<u16> {
        let is = |number: &u16| {
            self.calls.get(number).is_some_and(|call| {
                call.peer == peer && matches!(call.state, Stage::Offered | Stage::WaitConnect)
            })
        };
        self.pending.iter().map(|(_, number, _)| *number).find(is)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.pending.front().map(|(until, ..)| *until);
        let resting = self.resting.front().map(|(until, _)| *until);
        pending.into_iter().chain(resting).min()
    }

    /// The next call whose time to be set up is over.
    fn timed_out(&mut self, now: Instant) -> Option<u16> {
        loop {
            let (_, number, stamp) = self.pending.pop_front_if(|(until, ..)| *until <= now)?;
            if self.calls.get(&number).is_some_and(|call| {
                call.stamp == stamp && !matches!(call.state, Stage::Established | Stage::Resting)
            }) {
                return Some(number);
            }
        }
    }

    /// Numbers that rested long enough are free.
    fn wake(&mut self, now: Instant) {
        while let Some((_, number)) = self.resting.pop_front_if(|(until, _)| *until <= now) {
            self.calls.remove(&number);
        }
        if self.resting.is_empty() {
            self.resting = VecDeque::new();
        }
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
    }

    /// Any call, which is then gone.
    pub(super) fn take_any(&mut self) -> Option<CallId> {
        while let Some((number, call)) = self.calls.pop_first() {
            if !matches!(call.state, Stage::Resting) {
                self.live -= 1;
                return Some(CallId(number));
            }
        }
        self.clear();
        None
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What the calls of a tunnel are told to end of.
pub(super) fn fallen(by: By) -> Cdn {
    let result = match by {
        By::Silence => call_result::LOST_CARRIER,
        By::Us | By::Peer | By::TieBreaker => call_result::ADMINISTRATIVE,
    };
    Reason::result(result).into()
}

impl Tunnel {
    /// Takes a call that the peer has: [`Event::Connected`] follows. `false` when there is no
    /// such call, or it is past that; when it ended, [`Event::CallDown`] follows.
    pub fn accept(&mut self, call: CallId) -> bool {
        let stands = self.state == State::Established;
        let Some(found) = self.calls.get(call.0).filter(|_| stands) else {
            return false;
        };
        if !matches!(found.state, Stage::Offered) {
            return false;
        }
        found.state = Stage::WaitConnect;
        let peer = found.peer;
        self.send(
            peer,
            &[
                Avp::MessageType(MessageType::ICRP),
                Avp::AssignedSession(call.0),
            ],
        );
        true
    }

    /// Ends a call, or refuses it. `false` when there is no such call; when one that the owner
    /// knows of ended by itself, [`Event::CallDown`] follows.
    pub fn hang_up(&mut self, now: Instant, call: CallId, cdn: &Cdn) -> bool {
        if self.state != State::Established {
            return false;
        }
        let Some(peer) = self.calls.rest(call.0, now + self.config.call_rest) else {
            return false;
        };
        self.send_cdn(peer, call.0, cdn);
        true
    }

    /// Places a call as a LAC: [`Event::Placed`] follows, or [`Event::CallDown`].
    ///
    /// # Errors
    /// Why it cannot be placed now.
    pub fn place(
        &mut self,
        now: Instant,
        request: &IncomingCall,
        connection: Connection,
    ) -> Result<CallId, Unplaced> {
        if self.state != State::Established {
            return Err(Unplaced::NotUp);
        }
        if self.calls.live >= self.config.max_calls {
            return Err(Unplaced::Full);
        }
        let Some(number) = self.calls.number(&mut self.random) else {
            return Err(Unplaced::Full);
        };
        let until = now + self.config.setup_time;
        self.calls
            .begin(number, 0, Stage::WaitReply(Box::new(connection)), until);
        let mut avps = vec![
            Avp::MessageType(MessageType::ICRQ),
            Avp::AssignedSession(number),
            Avp::CallSerialNumber(request.serial),
        ];
        avps.extend(request.bearer.map(Avp::BearerType));
        avps.extend(request.channel.map(Avp::PhysicalChannel));
        for (text, avp) in [
            (&request.called, Avp::CalledNumber as fn(_) -> _),
            (&request.calling, Avp::CallingNumber),
            (&request.sub_address, Avp::SubAddress),
        ] {
            if !text.is_empty() {
                avps.push(avp(text));
            }
        }
        self.send(0, &avps);
        Ok(CallId(number))
    }

    /// A call, when there is one.
    #[must_use]
    pub fn call(&self, call: CallId) -> Option<CallView> {
        let call = self.calls.calls.get(&call.0)?;
        let state = match call.state {
            Stage::Offered => CallState::Offered,
            Stage::WaitConnect => CallState::WaitConnect,
            Stage::WaitReply(_) => CallState::WaitReply,
            Stage::Established => CallState::Established,
            Stage::Resting => return None,
        };
        let peer = call.peer;
        Some(CallView { peer, state })
    }

    /// A message about a call came in.
    pub(super) fn call_message(&mut self, now: Instant, session: u16, reading: &Reading<'_>) {
        match reading.kind {
            MessageType::ICRQ => self.incoming(now, reading),
            MessageType::OCRQ => self.refuse(
                now,
                reading,
                &Reason::result(call_result::NO_FACILITIES_EVER),
            ),
            MessageType::CDN => self.disconnected(now, session, reading),
            _ if self.calls.get(session).is_none() => {
                count(&mut self.stats.unknown_call);
                if let (MessageType::ICRP, Some(peer)) = (reading.kind, reading.assigned_session())
                {
                    // Hung up before the peer accepted it, whose number we learn only now.
                    let reason = Reason::error(error::SESSION, "no such call");
                    self.send_cdn(peer, session, &reason.into());
                }
            }
            kind => match (kind, reading.fault) {
                (_, Some(fault)) => self.fail(now, session, fault.reason()),
                (MessageType::ICRP, None) => self.call_replied(now, session, reading),
                (MessageType::ICCN, None) => self.call_connected(now, session, reading),
                (MessageType::SLI, None) => self.link_info(session, reading),
                (MessageType::WEN, None) => self.wan_error(session, reading),
                _ => self.out_of_state(now, session),
            },
        }
    }

    /// ICRQ: the peer has a call.
    fn incoming(&mut self, now: Instant, reading: &Reading<'_>) {
        if let Some(fault) = reading.fault {
            self.refuse(now, reading, &fault.reason());
            return;
        }
        if self.calls.live >= self.config.max_calls {
            count(&mut self.stats.refused_calls);
            self.refuse(now, reading, &Reason::result(call_result::NO_FACILITIES));
            return;
        }
        let Some(peer) = reading.assigned_session() else {
            count(&mut self.stats.malformed);
            return;
        };
        let Some(number) = self.calls.number(&mut self.random) else {
            count(&mut self.stats.refused_calls);
            self.refuse(now, reading, &Reason::result(call_result::NO_FACILITIES));
            return;
        };
        let until = now + self.config.setup_time;
        self.calls.begin(number, peer, Stage::Offered, until);
        let mut request = IncomingCall::default();
        for avp in reading.avps() {
            match avp {
                Avp::CallSerialNumber(serial) => request.serial = serial,
                Avp::BearerType(bits) => request.bearer = Some(bits),
                Avp::PhysicalChannel(number) => request.channel = Some(number),
                Avp::CalledNumber(text) => request.called = text.into(),
                Avp::CallingNumber(text) => request.calling = text.into(),
                Avp::SubAddress(text) => request.sub_address = text.into(),
                _ => {}
            }
        }
        self.events.push_back(Event::Incoming {
            call: CallId(number),
            request: Box::new(request),
        });
    }

    /// Refuses a call that is not in the table: its number at our end is never used.
    fn refuse(&mut self, now: Instant, reading: &Reading<'_>, reason: &Reason) {
        let Some(peer) = reading.assigned_session() else {
            count(&mut self.stats.malformed);
            return;
        };
        let number = self.calls.number(&mut self.random);
        if let Some(number) = number {
            self.calls.begin(number, peer, Stage::Offered, now);
            self.calls.rest(number, now + self.config.call_rest);
        }
        self.send_cdn(peer, number.unwrap_or_default(), &reason.clone().into());
    }

    /// ICRP: the peer takes a call that we placed.
    fn call_replied(&mut self, now: Instant, session: u16, reading: &Reading<'_>) {
        let Some(call) = self.calls.get(session) else {
            return;
        };
        let Some(peer) = reading.assigned_session() else {
            count(&mut self.stats.malformed);
            self.fail(
                now,
                session,
                Reason::error(error::RANGE, "no Assigned Session ID"),
            );
            return;
        };
        if !matches!(call.state, Stage::WaitReply(_)) {
            self.out_of_state(now, session);
            return;
        }
        call.peer = peer;
        let Stage::WaitReply(connection) = std::mem::replace(&mut call.state, Stage::Established)
        else {
            return;
        };
        self.send_connected(peer, &connection);
        self.events.push_back(Event::Placed {
            call: CallId(session),
            peer,
        });
    }

    fn send_connected(&mut self, peer: u16, connection: &Connection) {
        let mut avps = vec![
            Avp::MessageType(MessageType::ICCN),
            Avp::TxConnectSpeed(connection.tx_speed),
            Avp::FramingType(connection.framing),
        ];
        for (text, avp) in [
            (
                &connection.initial_received_confreq,
                Avp::InitialReceivedConfreq as fn(_) -> _,
            ),
            (&connection.last_sent_confreq, Avp::LastSentConfreq),
            (&connection.last_received_confreq, Avp::LastReceivedConfreq),
            (&connection.private_group, Avp::PrivateGroup),
        ] {
            if !text.is_empty() {
                avps.push(avp(text));
            }
        }
        if let Some(proxy) = &connection.proxy {
            avps.extend([
                Avp::ProxyAuthenType(proxy.kind),
                Avp::ProxyAuthenName(&proxy.name),
                Avp::ProxyAuthenChallenge(&proxy.challenge),
                Avp::ProxyAuthenId(proxy.id),
                Avp::ProxyAuthenResponse(&proxy.response),
            ]);
        }
        avps.extend(connection.rx_speed.map(Avp::RxConnectSpeed));
        if connection.sequencing {
            avps.push(Avp::SequencingRequired);
        }
        self.send(peer, &avps);
    }

    /// ICCN: a call that was accepted stands.
    fn call_connected(&mut self, now: Instant, session: u16, reading: &Reading<'_>) {
        let Some(call) = self.calls.get(session) else {
            return;
        };
        if !matches!(call.state, Stage::WaitConnect) {
            self.out_of_state(now, session);
            return;
        }
        call.state = Stage::Established;
        let peer = call.peer;
        self.events.push_back(Event::Connected {
            call: CallId(session),
            peer,
            connection: Box::new(connection(reading)),
        });
    }

    /// SLI of a call that stands.
    fn link_info(&mut self, session: u16, reading: &Reading<'_>) {
        let accm = reading.find(|avp| match avp {
            Avp::Accm(accm) => Some(accm),
            _ => None,
        });
        let call = CallId(session);
        self.news(session, accm.map(|accm| Event::LinkInfo { call, accm }));
    }

    /// WEN of a call that stands.
    fn wan_error(&mut self, session: u16, reading: &Reading<'_>) {
        let errors = reading.find(|avp| match avp {
            Avp::CallErrors(errors) => Some(errors),
            _ => None,
        });
        let call = CallId(session);
        self.news(
            session,
            errors.map(|errors| Event::WanError { call, errors }),
        );
    }

    fn news(&mut self, session: u16, event: Option<Event>) {
        let stands = self
            .calls
            .get(session)
            .is_some_and(|call| matches!(call.state, Stage::Established));
        match event {
            None => count(&mut self.stats.malformed),
            Some(_) if !stands => count(&mut self.stats.out_of_state),
            Some(event) => self.events.push_back(event),
        }
    }

    /// CDN: the peer ends a call. One that does not know our number of it yet says its own.
    fn disconnected(&mut self, now: Instant, session: u16, reading: &Reading<'_>) {
        let number = match (session, reading.assigned_session()) {
            (0, Some(peer)) => self.calls.pending_by_peer(peer),
            _ => Some(session),
        };
        let until = now + self.config.call_rest;
        let Some(number) = number.filter(|number| self.calls.rest(*number, until).is_some()) else {
            count(&mut self.stats.unknown_call);
            return;
        };
        self.events.push_back(Event::CallDown {
            call: CallId(number),
            by: By::Peer,
            cdn: Box::new(cdn(reading)),
        });
    }

    /// A message that has no place in the state of its call ends it (sections 7.3 and 7.4).
    fn out_of_state(&mut self, now: Instant, session: u16) {
        count(&mut self.stats.out_of_state);
        let reason = Reason::error(error::SESSION, "message out of state");
        self.fail(now, session, reason);
    }

    /// Ends a call and tells the owner.
    fn fail(&mut self, now: Instant, session: u16, reason: Reason) {
        let call = CallId(session);
        let cdn = Cdn::from(reason);
        if self.hang_up(now, call, &cdn) {
            self.events.push_back(Event::CallDown {
                call,
                by: By::Us,
                cdn: Box::new(cdn),
            });
        }
    }

    /// `number` is our number of the call, 0 when it has none.
    fn send_cdn(&mut self, peer: u16, number: u16, cdn: &Cdn) {
        let mut avps = vec![Avp::MessageType(MessageType::CDN), cdn.reason.avp()];
        if number != 0 {
            avps.push(Avp::AssignedSession(number));
        }
        if let Some(q931) = &cdn.q931 {
            avps.push(Avp::Q931Cause(Q931Cause {
                cause: q931.cause,
                message: q931.message,
                text: &q931.text,
            }));
        }
        if let Some(ppp) = &cdn.ppp {
            avps.push(Avp::DisconnectCause(DisconnectCause {
                code: ppp.code,
                protocol: ppp.protocol,
                direction: ppp.direction,
                text: &ppp.text,
            }));
        }
        self.send(peer, &avps);
    }

    pub(super) fn calls_timed_out(&mut self, now: Instant) {
        while let Some(number) = self.calls.timed_out(now) {
            self.fail(now, number, Reason::result(call_result::TIMED_OUT));
        }
        self.calls.wake(now);
    }
}

/// What an ICCN says.
fn connection(reading: &Reading<'_>) -> Connection {
    let mut said = Connection::default();
    let mut proxy: Option<Box<ProxyAuthentication>> = None;
    for avp in reading.avps() {
        match avp {
            Avp::TxConnectSpeed(speed) => said.tx_speed = speed,
            Avp::RxConnectSpeed(speed) => said.rx_speed = Some(speed),
            Avp::FramingType(bits) => said.framing = bits,
            Avp::SequencingRequired => said.sequencing = true,
            Avp::PrivateGroup(text) => said.private_group = text.into(),
            Avp::InitialReceivedConfreq(options) => said.initial_received_confreq = options.into(),
            Avp::LastSentConfreq(options) => said.last_sent_confreq = options.into(),
            Avp::LastReceivedConfreq(options) => said.last_received_confreq = options.into(),
            Avp::ProxyAuthenType(kind) => proxy.get_or_insert_default().kind = kind,
            Avp::ProxyAuthenName(text) => proxy.get_or_insert_default().name = text.into(),
            Avp::ProxyAuthenChallenge(challenge) => {
                proxy.get_or_insert_default().challenge = challenge.into()
            }
            Avp::ProxyAuthenId(id) => proxy.get_or_insert_default().id = id,
            Avp::ProxyAuthenResponse(response) => {
                proxy.get_or_insert_default().response = response.into()
            }
            _ => {}
        }
    }
    said.proxy = proxy;
    said
}

/// What a CDN says.
fn cdn(reading: &Reading<'_>) -> Cdn {
    let mut said = Cdn::from(reading.reason());
    for avp in reading.avps() {
        match avp {
            Avp::Q931Cause(cause) => {
                said.q931 = Some(Q931 {
                    cause: cause.cause,
                    message: cause.message,
                    text: cause.text.into(),
                });
            }
            Avp::DisconnectCause(cause) => {
                said.ppp = Some(PppCause {
                    code: cause.code,
                    protocol: cause.protocol,
                    direction: cause.direction,
                    text: cause.text.into(),
                });
            }
            _ => {}
        }
    }
    said
}
