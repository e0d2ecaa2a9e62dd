//! Programs that are plugins: when they are started, waited for and given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::message::{self, Init, Reply};
use super::nsctl;
use super::{
    Answer, Chain, Common, Event, Flow, Kind, Owner, Pending, ProgramId, Sessions, Waiting, Work,
    without,
};

/// How long a program may take from its start to its first answer.
const START_LIMIT: Duration = Duration::from_secs(10);
/// The first time before a program is started again; doubled with each failure.
const BACK_OFF: Duration = Duration::from_secs(1);
/// The longest.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// Events that may wait for one program.
const MAX_WAITING: usize = 1024;
/// Events in a row that a program may let pass before it is started again.
const MAX_SILENT: u32 = 8;
/// The time between two events [`Event::Timer`].
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The host was asked to start it, or it has not yet said what it wants.
    Starting { until: Instant },
    /// It answers.
    Ready,
    /// It ended and is started again.
    BackingOff { until: Instant },
}

/// A program.
pub(super) struct Program {
    pub(super) id: ProgramId,
    name: String,
    state: State,
    /// The events that it wants to hear of, a bit each.
    wants: u16,
    pub(super) help: Vec<String>,
    /// What it was given or will be, oldest first, and until when an answer counts.
    queue: VecDeque<(Instant, u64)>,
    failures: u32,
    silent: u32,
    /// The request of nsctl that loaded it, while that is not answered.
    asked_by: Option<u64>,
}

/// What a program does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It answers later.
    Taken,
    /// It does not want to hear of it.
    NotWanted,
    /// It cannot be asked now.
    NotNow,
}

impl Program {
    pub(super) fn start(
        now: Instant,
        id: ProgramId,
        name: &str,
        asked_by: Option<u64>,
        common: &mut Common,
    ) -> Self {
        let mut program = Self {
            id,
            name: name.to_owned(),
            state: State::BackingOff { until: now },
            wants: 0,
            help: Vec::new(),
            queue: VecDeque::new(),
            failures: 0,
            silent: 0,
            asked_by,
        };
        program.begin(now, common);
        program
    }

    pub(super) fn state(&self) -> &'static str {
        match self.state {
            State::Starting { .. } => "starting",
            State::Ready => "running",
            State::BackingOff { .. } => "ended, to be started again",
        }
    }

    fn begin(&mut self, now: Instant, common: &mut Common) {
        self.state = State::Starting {
            until: now + START_LIMIT,
        };
        self.silent = 0;
        common.work.push_back(Work::Start {
            program: self.id,
            name: self.name.clone(),
        });
    }

    fn write(&self, line: String, common: &mut Common) {
        let program = self.id;
        common.work.push_back(Work::Write { program, line });
    }

    pub(super) fn offer(
        &mut self,
        now: Instant,
        serial: u64,
        event: &Event,
        common: &mut Common,
    ) -> Offer {
        if self.state == State::Ready && self.wants & message::bit(event) == 0 {
            return Offer::NotWanted;
        }
        if matches!(self.state, State::BackingOff { .. }) || self.queue.len() >= MAX_WAITING {
            return Offer::NotNow;
        }
        if self.state == State::Ready {
            self.write(message::event(serial, event), common);
        }
        let until = now + common.settings.time_limit;
        self.queue.push_back((until, serial));
        Offer::Taken
    }

    pub(super) fn asked_by(&mut self) -> Option<u64> {
        self.asked_by.take()
    }

    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = u64> + use<> {
        std::mem::take(&mut self.queue)
            .into_iter()
            .map(|(_, serial)| serial)
    }

    fn timeout(&self) -> Option<Instant> {
        let own = match self.state {
            State::Starting { until } | State::BackingOff { until } => Some(until),
            State::Ready => None,
        };
        let first = self.queue.front().map(|(until, _)| *until);
        own.into_iter().chain(first).min()
    }
}

impl Chain {
    /// A program was started: it is asked what it wants.
    pub fn started(&mut self, _now: Instant, id: ProgramId) {
        let Some(at) = self.place(id) else {
            return;
        };
        let (Some(plugin), common) = (self.plugins.get_mut(at), &mut self.common) else {
            return;
        };
        if let Kind::Program(program) = &mut plugin.kind
            && matches!(program.state, State::Starting { .. })
        {
            program.write(message::init(&program.name), common);
        }
    }

    /// A program ended, or could not be started, and why. It is started again later, unless nsctl
    /// just asked to load it.
    pub fn ended(&mut self, now: Instant, id: ProgramId, why: &str, sessions: &dyn Sessions) {
        let Some(at) = self.place(id) else {
            return;
        };
        self.fail(now, at, why, sessions);
    }

    fn fail(&mut self, now: Instant, at: usize, why: &str, sessions: &dyn Sessions) {
        let Some(program) = self.program(at) else {
            return;
        };
        let name = program.name.clone();
        if program.asked_by.is_some() {
            // The name is that of a plugin just found here.
            let _ = self.remove(now, &name, sessions);
            return;
        }
        let delay = MAX_BACK_OFF.min(BACK_OFF.saturating_mul(1 << program.failures.min(6)));
        program.failures = program.failures.saturating_add(1);
        program.state = State::BackingOff { until: now + delay };
        let id = program.id;
        let waiting = program.take_waiting();
        self.common.counters.ended += 1;
        self.common.work.push_back(Work::Stop(id));
        let delay = delay.as_secs();
        self.common.log(
            1,
            format!("plugin {name}: {why}; started again in {delay} s"),
        );
        for serial in waiting {
            self.give_up(now, serial, at, sessions);
        }
    }

    /// An event goes on without a program's answer.
    fn give_up(&mut self, now: Instant, serial: u64, at: usize, sessions: &dyn Sessions) {
        if let Some(mut waiting) = self.waiting.remove(&serial) {
            let flow = without(self.common.settings.policy, &mut waiting.pending.event);
            self.go_on(now, waiting.pending, at, flow, sessions);
        }
    }

    fn go_on(
        &mut self,
        now: Instant,
        pending: Pending,
        at: usize,
        flow: Flow,
        sessions: &dyn Sessions,
    ) {
        let next = match flow {
            Flow::Next => at + 1,
            // Behind the last one.
            Flow::Stop => self.plugins.len(),
        };
        self.advance(now, pending, next, sessions);
    }

    /// A line that a program wrote, without its newline.
    pub fn receive_line(
        &mut self,
        now: Instant,
        id: ProgramId,
        line: &[u8],
        sessions: &dyn Sessions,
    ) {
        let Some(at) = self.place(id) else {
            return;
        };
        let Some(reply) = Reply::parse(line) else {
            return self.complain(at, "a line that is no JSON object");
        };
        if let Some((level, text)) = reply.log() {
            let name = self.program(at).map_or("", |program| &program.name);
            let text = format!("plugin {name}: {text}");
            self.common.log(level, text);
        }
        message::act(&reply, &mut self.common, sessions);
        let Some(serial) = reply.id() else {
            return;
        };
        if serial == message::INIT {
            return self.ready(now, at, &reply, sessions);
        }
        let own = |waiting: &Waiting| waiting.program == id;
        if !self.waiting.get(&serial).is_some_and(own) {
            // Too late: the event went on without it.
            self.common.counters.malformed += 1;
            return;
        }
        let Some(mut waiting) = self.waiting.remove(&serial) else {
            return;
        };
        let flow = reply.apply(&mut waiting.pending.event, &mut self.common);
        let known = &self.waiting;
        if let Some(Kind::Program(program)) = self.plugins.get_mut(at).map(|p| &mut p.kind) {
            program.silent = 0;
            program.failures = 0;
            while let Some((_, first)) = program.queue.front()
                && !known.contains_key(first)
            {
                program.queue.pop_front();
            }
        }
        self.go_on(now, waiting.pending, at, flow, sessions);
    }

    fn complain(&mut self, at: usize, what: &str) {
        self.common.counters.malformed += 1;
        let name = self.program(at).map_or("", |program| &program.name);
        let text = format!("plugin {name}: {what}");
        self.common.log(2, text);
    }

    /// A program said what it wants: it gets what waited for that.
    fn ready(&mut self, now: Instant, at: usize, reply: &Reply, sessions: &dyn Sessions) {
        let Some(program) = self.program(at) else {
            return;
        };
        if !matches!(program.state, State::Starting { .. }) {
            return self.complain(at, "a second answer to init");
        }
        let Init { wants, help } = match reply.init() {
            Ok(init) => init,
            Err(why) => return self.fail(now, at, &why, sessions),
        };
        program.state = State::Ready;
        program.wants = wants;
        program.help = help;
        let asked_by = program.asked_by();
        let held = std::mem::take(&mut program.queue);
        if let Some(key) = asked_by {
            self.answer(key, &Answer::DONE);
        }
        if wants & message::bit(&Event::Timer) != 0 && self.next_second.is_none() {
            self.next_second = Some(now + SECOND);
        }
        let mut unwanted = Vec::new();
        for (until, serial) in held {
            let Some(waiting) = self.waiting.get(&serial) else {
                continue;
            };
            let event = &waiting.pending.event;
            if wants & message::bit(event) == 0 {
                unwanted.push(serial);
                continue;
            }
            let line = message::event(serial, event);
            if let Some(Kind::Program(program)) = self.plugins.get_mut(at).map(|p| &mut p.kind) {
                program.write(line, &mut self.common);
                program.queue.push_back((until, serial));
            }
        }
        for serial in unwanted {
            if let Some(waiting) = self.waiting.remove(&serial) {
                self.go_on(now, waiting.pending, at, Flow::Next, sessions);
            }
        }
    }

    /// When [`Self::handle_timeout`] has something to do; `None` when nothing waits.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let programs = self.plugins.iter().filter_map(|plugin| match &plugin.kind {
            Kind::Program(program) => program.timeout(),
            Kind::BuiltIn(_) => None,
        });
        programs.chain(self.next_second).min()
    }

    /// A deadline passed. Calling it early is harmless.
    pub fn handle_timeout(&mut self, now: Instant, sessions: &dyn Sessions) {
        let mut at = 0;
        while at < self.plugins.len() {
            let before = self.plugins.len();
            self.program_timeout(now, at, sessions);
            // One that could not be loaded is gone.
            if self.plugins.len() == before {
                at += 1;
            }
        }
        if self.next_second.is_some_and(|at| at <= now) {
            self.next_second = None;
            let bit = message::bit(&Event::Timer);
            let wanted = self.plugins.iter().any(
                |plugin| matches!(&plugin.kind, Kind::Program(program) if program.wants & bit != 0),
            );
            if wanted {
                self.next_second = Some(now + SECOND);
                let (owner, event) = (Owner::Clock, Event::Timer);
                self.advance(now, Pending { owner, event }, 0, sessions);
            }
        }
    }

    fn program_timeout(&mut self, now: Instant, at: usize, sessions: &dyn Sessions) {
        let (Some(plugin), common) = (self.plugins.get_mut(at), &mut self.common) else {
            return;
        };
        let Kind::Program(program) = &mut plugin.kind else {
            return;
        };
        match program.state {
            State::Starting { until } if until <= now => {
                return self.fail(now, at, "no answer to init", sessions);
            }
            State::BackingOff { until } if until <= now => program.begin(now, common),
            _ => {}
        }
        let due = program.queue.partition_point(|(until, _)| *until <= now);
        let due: Vec<u64> = program
            .queue
            .drain(..due)
            .map(|(_, serial)| serial)
            .collect();
        let ready = program.state == State::Ready;
        let late = due.iter().filter(|s| self.waiting.contains_key(*s)).count();
        if ready {
            program.silent += late as u32;
        }
        let silent = program.silent >= MAX_SILENT;
        self.common.counters.late += late as u64;
        for serial in due {
            self.give_up(now, serial, at, sessions);
        }
        if silent {
            self.fail(now, at, "no answers", sessions);
        }
    }

    /// Answers a request of nsctl.
    pub(super) fn answer(&mut self, key: u64, answer: &Answer) {
        self.answers.push_back((key, nsctl::emit(answer)));
    }
}
