//! A link, its packet layer, and an owner who does anything with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wanbox_sim::{Endpoint, Random};
use wanbox_wire::lapb::Role;
use wanbox_wire::x25::facility::{Directions, Facility, PacketSize};
use wanbox_wire::x25::{Lci, Marks};

use crate::lapb;
use crate::x25::{By, Call, CallState, Event, Layer, Parameters, Refusal, ResetState};

/// The longest time between two things that an owner does.
const PAUSE: Duration = Duration::from_millis(500);
/// Octets before the filling of a message: which circuit it is on, the epoch of its sender, which
/// every reset ends, and its number in there.
const HEAD: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Called,
    Up,
}

/// One circuit as its owner sees it.
#[derive(Debug)]
pub(super) struct Conversation {
    id: u64,
    state: State,
    epoch: u32,
    number: u32,
    /// The last message that came.
    last: Option<(u32, u32)>,
    /// Whether a reset was told of since.
    told: bool,
    partial: Vec<u8>,
    q: Option<bool>,
    busy: bool,
    /// Whether a reset of the owner is not over.
    resetting: bool,
    /// An interrupt that is not confirmed.
    interrupt: bool,
    /// One of the peer that is not.
    to_confirm: bool,
    /// The numbers of interrupts sent, and received.
    interrupts: (u8, Option<u8>),
    budget: u32,
}

impl Conversation {
    fn new(id: u64, state: State, epoch: u32, budget: u32) -> Self {
        Self {
            id,
            state,
            epoch,
            number: 0,
            last: None,
            told: true,
            partial: Vec::new(),
            q: None,
            busy: false,
            resetting: false,
            interrupt: false,
            to_confirm: false,
            interrupts: (0, None),
            budget,
        }
    }

    /// A reset: what is under way is gone.
    fn begin_anew(&mut self) {
        self.epoch += 1;
        self.number = 0;
        self.told = true;
        self.partial.clear();
        self.q = None;
        self.interrupt = false;
        self.to_confirm = false;
        self.interrupts.1 = None;
    }

    /// A whole message: once and in order, and after a reset nothing of what was before it.
    fn take(&mut self) {
        let message = std::mem::take(&mut self.partial);
        let (head, filling) = message.split_first_chunk::<HEAD>().unwrap();
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let id = u64::from(word(0)) << 32 | u64::from(word(4));
        let (epoch, number) = (word(8), word(12));
        assert_eq!(id, self.id, "of another circuit");
        assert!(filling.iter().all(|octet| *octet == number as u8));
        match self.last {
            Some(last) if !self.told => assert_eq!((epoch, number), (last.0, last.1 + 1)),
            Some(last) => assert!(epoch > last.0 && number == 0, "{last:?}, {epoch} {number}"),
            None => assert_eq!(number, 0),
        }
        self.last = Some((epoch, number));
        self.told = false;
    }
}

pub(super) struct Station {
    pub(super) link: lapb::Link,
    pub(super) layer: Layer,
    pub(super) random: Random,
    pub(super) conversations: BTreeMap<Lci, Conversation>,
    /// Channels whose calls the owner clears.
    clearing: BTreeSet<Lci>,
    /// Whether the link is wanted.
    pub(super) wanted: bool,
    /// Whether only what was begun is ended.
    pub(super) finishing: bool,
    /// When to set the link up again.
    again: Option<Instant>,
    /// When to do something.
    pub(super) next: Option<Instant>,
    pub(super) generation: u32,
    first_epoch: u32,
    calls: u32,
    name: u32,
    pub(super) up: bool,
    pub(super) seen: Seen,
    packet: Vec<u8>,
}

/// What happened, to see that the simulation has it all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) messages: u64,
    pub(super) calls: u64,
    pub(super) refused: u64,
    pub(super) cleared: u64,
    pub(super) resets: u64,
    pub(super) errors: u64,
    pub(super) restarts: u64,
    pub(super) collisions: u64,
    pub(super) interrupts: u64,
    pub(super) delivered: u64,
    pub(super) downs: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.calls += other.calls;
        self.refused += other.refused;
        self.cleared += other.cleared;
        self.resets += other.resets;
        self.errors += other.errors;
        self.restarts += other.restarts;
        self.collisions += other.collisions;
        self.interrupts += other.interrupts;
        self.delivered += other.delivered;
        self.downs += other.downs;
    }
}

impl Station {
    pub(super) fn new(
        now: Instant,
        link: lapb::Link,
        parameters: Parameters,
        random: Random,
        generation: u32,
    ) -> Self {
        let role = parameters.role;
        let mut station = Self {
            link,
            layer: Layer::new(parameters).unwrap(),
            random,
            conversations: BTreeMap::new(),
            clearing: BTreeSet::new(),
            wanted: false,
            finishing: false,
            again: None,
            next: Some(now),
            generation,
            first_epoch: generation << 20,
            calls: 0,
            name: generation << 1 | u32::from(role == Role::Dte),
            up: false,
            seen: Seen::default(),
            packet: Vec::new(),
        };
        let permanent = station.layer.parameters().channels.permanent.clone();
        for number in permanent.into_iter().flatten() {
            let conversation = Conversation::new(
                u64::MAX - u64::from(number),
                State::Up,
                station.first_epoch,
                station.random.below(100) as u32,
            );
            let channel = Lci::new(number).unwrap();
            station.conversations.insert(channel, conversation);
        }
        station
    }

    pub(super) fn connect(&mut self, now: Instant) {
        self.wanted = true;
        self.link.engine_mut().connect(now);
        self.settle(now);
    }

    /// The link is set up again when nothing of what was before is under way.
    pub(super) fn hold(&mut self, now: Instant) {
        let t1 = self.link.engine().parameters().t1;
        self.again = Some(now + t1 + self.random.duration(Duration::from_secs(1)));
    }

    pub(super) fn settle(&mut self, now: Instant) {
        self.follow_link(now);
        self.pump(now);
    }

    fn follow_link(&mut self, now: Instant) {
        while let Some(event) = self.link.engine_mut().poll_event() {
            match event {
                lapb::Event::Up | lapb::Event::Reset(_) => self.layer.link_up(now),
                lapb::Event::Down(_) => {
                    self.seen.downs += 1;
                    self.layer.link_down(now);
                    if self.wanted {
                        self.hold(now);
                    }
                }
            }
            self.listen();
        }
    }

    fn pump(&mut self, now: Instant) {
        while self.link.engine().room() > 0 && self.layer.poll_transmit(now, &mut self.packet) {
            self.link.engine_mut().send(now, &self.packet).unwrap();
        }
        self.listen();
    }

    /// Events, and what they mean to the owner.
    fn listen(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Up => {
                    assert!(!self.up, "up twice");
                    self.up = true;
                    self.seen.restarts += 1;
                }
                Event::Down(_) => self.up = false,
                Event::Incoming { channel, call } => {
                    let id = u64::from_be_bytes(call.user_data[..8].try_into().unwrap());
                    let budget = self.random.below(20) as u32;
                    let new = Conversation::new(id, State::Called, self.first_epoch, budget);
                    let before = self.conversations.insert(channel, new);
                    assert!(before.is_none(), "called on a circuit");
                }
                Event::Connected { channel, .. } => {
                    let circuit = self.conversations.get_mut(&channel).unwrap();
                    assert_eq!(circuit.state, State::Calling);
                    circuit.state = State::Up;
                    self.seen.calls += 1;
                }
                Event::Cleared { channel, by, .. } => {
                    let gone = self.conversations.remove(&channel);
                    assert!(gone.is_some(), "cleared without a call");
                    match by {
                        By::Layer => self.seen.errors += 1,
                        By::Collision => self.seen.collisions += 1,
                        _ => self.seen.cleared += 1,
                    }
                }
                Event::Reset { channel, by, .. } => {
                    let circuit = self.conversations.get_mut(&channel).unwrap();
                    circuit.begin_anew();
                    if matches!(by, By::Restart | By::Link) {
                        circuit.resetting = false;
                    }
                    match by {
                        By::Layer => self.seen.errors += 1,
                        _ => self.seen.resets += 1,
                    }
                }
                Event::Interrupt { channel, data } => {
                    let circuit = self.conversations.get_mut(&channel).unwrap();
                    let &[number] = data.as_slice() else {
                        panic!("an interrupt of another length");
                    };
                    assert!(!circuit.to_confirm);
                    if let Some(last) = circuit.interrupts.1 {
                        assert_eq!(number, last.wrapping_add(1));
                    }
                    circuit.interrupts.1 = Some(number);
                    circuit.to_confirm = true;
                    self.seen.interrupts += 1;
                }
                Event::InterruptConfirmed(channel) => {
                    let circuit = self.conversations.get_mut(&channel).unwrap();
                    assert!(std::mem::take(&mut circuit.interrupt));
                }
                Event::Delivered(channel) => {
                    assert!(self.conversations.contains_key(&channel));
                    self.seen.delivered += 1;
                }
                Event::Readable(channel) | Event::Writable(channel) => {
                    let circuit = &self.conversations[&channel];
                    assert_eq!(circuit.state, State::Up);
                }
                Event::ResetConfirmed(channel) => {
                    let circuit = self.conversations.get_mut(&channel).unwrap();
                    assert!(std::mem::take(&mut circuit.resetting));
                }
                Event::ClearConfirmed(channel) => assert!(self.clearing.remove(&channel)),
                Event::Diagnostic { .. } => {}
            }
        }
    }

    /// The owner does something.
    fn act(&mut self, now: Instant) {
        if self.finishing {
            return self.finish(now);
        }
        if self.random.chance(0.3) {
            self.call(now);
        }
        if self.random.chance(0.002) && self.up {
            self.layer.restart(now, 0, 0).unwrap();
            self.listen();
        }
        let all: Vec<_> = self.conversations.keys().copied().collect();
        if all.is_empty() {
            return;
        }
        for _ in 0..3 {
            let channel = *self.random.pick(&all);
            if !self.conversations.contains_key(&channel) {
                continue;
            }
            match self.random.below(100) {
                0 => self.clear(now, channel),
                1 => self.reset(now, channel),
                2..10 => self.interrupt(now, channel),
                10..14 => self.set_busy(now, channel),
                14..40 => self.answer(now, channel),
                40..60 => {
                    self.confirm(now, channel);
                    self.answer(now, channel);
                }
                60..80 => self.talk(now, channel),
                _ => {}
            }
            let most = self.random.below(20);
            self.read(now, channel, most);
            self.listen();
        }
    }

    /// What was begun is ended, and nothing else begun.
    fn finish(&mut self, now: Instant) {
        let all: Vec<_> = self.conversations.keys().copied().collect();
        for channel in all {
            self.answer(now, channel);
            self.confirm(now, channel);
            if self.conversations.get(&channel).is_some_and(|it| it.busy) {
                self.set_busy(now, channel);
            }
            self.talk(now, channel);
            self.read(now, channel, u64::MAX);
        }
        self.listen();
    }

    fn call(&mut self, now: Instant) {
        self.calls += 1;
        let id = u64::from(self.name) << 32 | u64::from(self.calls);
        let mut call = Call {
            called: "12345".parse().unwrap(),
            user_data: id.to_be_bytes().to_vec(),
            ..Call::default()
        };
        if self.random.chance(0.3) {
            let mut size = || PacketSize::from_log2(self.random.between(4, 9) as u8).unwrap();
            let sizes = Facility::PacketSize(Directions {
                called: size(),
                calling: size(),
            });
            call.facilities.push(&sizes).unwrap();
            let last = u64::from(self.layer.parameters().modulo.highest());
            let mut window = || self.random.between(1, last) as u8;
            let windows = Facility::WindowSize(Directions {
                called: window(),
                calling: window(),
            });
            call.facilities.push(&windows).unwrap();
        }
        match self.layer.call(now, &call) {
            Ok(channel) => {
                let budget = self.random.below(20) as u32;
                let new = Conversation::new(id, State::Calling, self.first_epoch, budget);
                assert!(self.conversations.insert(channel, new).is_none());
            }
            Err(Refusal::Down) => assert!(!self.up),
            Err(Refusal::NoChannel) => {}
            Err(Refusal::Facility) => self.seen.refused += 1,
            Err(other) => panic!("{other}"),
        }
    }

    fn answer(&mut self, now: Instant, channel: Lci) {
        let Some(circuit) = self.conversations.get_mut(&channel) else {
            return;
        };
        if circuit.state == State::Called {
            if self.random.chance(0.9) || self.finishing {
                circuit.state = State::Up;
                let answer = Call::default();
                self.layer.accept(now, channel, &answer).unwrap();
            } else {
                self.clear(now, channel);
            }
        }
    }

    fn clear(&mut self, now: Instant, channel: Lci) {
        match self.layer.clear(now, channel, 0, 1, &Call::default()) {
            Ok(()) => {
                assert!(self.conversations.remove(&channel).is_some());
                assert!(self.clearing.insert(channel));
            }
            Err(refusal) => assert_eq!(refusal, Refusal::Permanent),
        }
    }

    fn reset(&mut self, now: Instant, channel: Lci) {
        if self.layer.reset(now, channel, 0, 2).is_ok() {
            let circuit = self.conversations.get_mut(&channel).unwrap();
            circuit.begin_anew();
            circuit.resetting = true;
        }
    }

    fn interrupt(&mut self, now: Instant, channel: Lci) {
        let circuit = self.conversations.get_mut(&channel).unwrap();
        let number = circuit.interrupts.0.wrapping_add(1);
        if self.layer.interrupt(now, channel, &[number]).is_ok() {
            assert!(!circuit.interrupt);
            circuit.interrupt = true;
            circuit.interrupts.0 = number;
        }
    }

    fn confirm(&mut self, now: Instant, channel: Lci) {
        if let Some(circuit) = self.conversations.get_mut(&channel)
            && std::mem::take(&mut circuit.to_confirm)
        {
            self.layer.confirm_interrupt(now, channel).unwrap();
        }
    }

    fn set_busy(&mut self, now: Instant, channel: Lci) {
        let circuit = self.conversations.get_mut(&channel).unwrap();
        if self.layer.set_busy(now, channel, !circuit.busy).is_ok() {
            circuit.busy = !circuit.busy;
        }
    }

    /// Messages, while they are taken; some in pieces.
    fn talk(&mut self, now: Instant, channel: Lci) {
        let Some(circuit) = self.conversations.get_mut(&channel) else {
            return;
        };
        while circuit.budget > 0 {
            let mut message = circuit.id.to_be_bytes().to_vec();
            message.extend_from_slice(&circuit.epoch.to_be_bytes());
            message.extend_from_slice(&circuit.number.to_be_bytes());
            let length = HEAD + self.random.below(250) as usize;
            if self.layer.room(channel) < length {
                // Refused, so that it is told when there is room.
                let refused = self.layer.send(now, channel, Marks::default(), &[0; 65536]);
                assert!(refused.is_err());
                return;
            }
            message.resize(length, circuit.number as u8);
            let marks = Marks {
                q: self.random.chance(0.1),
                d: self.random.chance(0.1),
                m: false,
            };
            let cut = self.random.below(length as u64) as usize;
            let (first, second) = message.split_at(cut);
            if self.random.chance(0.2) && self.layer.room(channel) > length + 64 {
                let more = Marks { m: true, ..marks };
                self.layer.send(now, channel, more, first).unwrap();
                self.layer.send(now, channel, marks, second).unwrap();
            } else {
                self.layer.send(now, channel, marks, &message).unwrap();
            }
            circuit.number += 1;
            circuit.budget -= 1;
        }
    }

    fn read(&mut self, now: Instant, channel: Lci, most: u64) {
        let Some(circuit) = self.conversations.get_mut(&channel) else {
            return;
        };
        for _ in 0..most {
            let Some(marks) = self.layer.read(now, channel, &mut circuit.partial) else {
                return;
            };
            assert!(circuit.q.is_none_or(|q| q == marks.q));
            circuit.q = marks.m.then_some(marks.q);
            if !marks.m {
                circuit.take();
                self.seen.messages += 1;
            }
        }
    }

    /// Something more to say on every circuit.
    pub(super) fn refill(&mut self, budget: u32) {
        for circuit in self.conversations.values_mut() {
            circuit.budget = budget;
        }
    }

    /// Whether nothing waits here, and everything that the peer said since the last reset came.
    pub(super) fn has_all_of(&self, peer: &Self) -> bool {
        let quiet = self.conversations.iter().all(|(channel, circuit)| {
            let status = self.layer.status(*channel).unwrap();
            circuit.state == State::Up
                && status.call == CallState::P4
                && status.reset == ResetState::D1
                && (status.outstanding, status.waiting, status.unread) == (0, 0, 0)
                && (circuit.budget, circuit.interrupt, circuit.to_confirm) == (0, false, false)
        });
        self.up
            && quiet
            && self.clearing.is_empty()
            && self.link.engine().waiting() == 0
            && self.layer.circuits().eq(self.conversations.keys().copied())
            && self.conversations.keys().eq(peer.conversations.keys())
            && self.conversations.iter().all(|(channel, circuit)| {
                let other = &peer.conversations[channel];
                let said = (other.number > 0).then(|| (other.epoch, other.number - 1));
                circuit.id == other.id && (said.is_none() || said == circuit.last)
            })
    }
}

impl Endpoint for Station {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        let packet = self.link.receive(now, frame);
        let packet = packet.map(<[u8]>::to_vec);
        self.follow_link(now);
        if let Some(packet) = packet {
            self.layer.receive(now, &packet);
            self.listen();
        }
        self.pump(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.link.engine_mut().handle_timeout(now);
        self.follow_link(now);
        self.layer.handle_timeout(now);
        self.listen();
        if self.again.take_if(|at| *at <= now).is_some() && self.wanted {
            self.connect(now);
        }
        if self.next.is_some_and(|at| at <= now) {
            self.next = Some(now + self.random.duration(PAUSE) + Duration::from_millis(1));
            self.act(now);
        }
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let own = self.again.into_iter().chain(self.next);
        own.chain(self.link.engine().poll_timeout())
            .chain(self.layer.poll_timeout())
            .min()
    }

    fn poll_transmit(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let sent = self.link.poll_transmit(now, frame);
        if sent {
            self.settle(now);
        }
        sent
    }
}
