//! Lines whose dialers fail, hang, die, go to the background and will not end, over weeks with
//! schedules, clocks that are set, summer time and people.

use wanbox_sim::{Clock, Random, for_each_seed};

use super::schedule::tests::{AUTUMN, Europe, SPRING};
use super::*;

/// The simulated dialer's process and interface.
#[derive(Debug, Default)]
struct Dialer {
    alive: bool,
    up: bool,
    /// Went to the background: nothing ends but the interface.
    background: bool,
    /// Ignores the polite signal.
    stubborn: bool,
    enslaved: bool,
    /// What happens next, and when.
    plan: Vec<(Instant, Event)>,
    asked_to_stop: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Up,
    Down,
    Exit { well: bool },
    Stopped,
}

/// How the dialers behave, in per cent.
#[derive(Clone, Copy, Debug)]
struct Mood {
    fail: u64,
    hang: u64,
    background: u64,
    stubborn: u64,
    busy: u64,
    refuse: u64,
}

const MOODS: [Mood; 3] = [
    Mood {
        fail: 0,
        hang: 0,
        background: 0,
        stubborn: 0,
        busy: 0,
        refuse: 0,
    },
    Mood {
        fail: 30,
        hang: 10,
        background: 20,
        stubborn: 20,
        busy: 10,
        refuse: 20,
    },
    Mood {
        fail: 90,
        hang: 10,
        background: 0,
        stubborn: 50,
        busy: 0,
        refuse: 100,
    },
];

struct World {
    random: Random,
    clock: Clock,
    /// What the clock on the wall is ahead of the steady one, seconds since 1970.
    wall: i64,
    began: Instant,
    line: Line,
    config: Config,
    mood: Mood,
    dialer: Dialer,
    look_at: Option<i64>,
    last_over: Option<Instant>,
    by_hand: bool,
    up_time: Duration,
    wanted_time: Duration,
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    fn new(seed: u64, moods: &[Mood]) -> Self {
        let mut random = Random::new(seed);
        let clock = Clock::new();
        let config = Config {
            dial_timeout: seconds(60),
            stop_timeout: seconds(10),
            redial: seconds(random.between(1, 20)),
            redial_max: seconds(random.between(20, 600)),
            min_up: seconds(random.below(60)),
            max_failures: random.below(6) as u32,
            hold: seconds(random.between(600, 7200)),
            enslave: random.chance(0.8),
            sticky: random.chance(0.2),
        };
        let keep = match random.below(4) {
            0 => Keep::Manual,
            1 => Keep::Always,
            _ => {
                let text = random.pick(&[
                    "mon-fri 08:00-18:00, sat 09:00-12:00",
                    "22:00-06:00",
                    "sun 01:30-02:30, sun 23:59-00:01",
                    "fri-mon 12:00-11:59",
                ]);
                Keep::Schedule(Schedule::parse(text).unwrap())
            }
        };
        let mood = *random.pick(moods);
        let now = clock.now();
        let night = *random.pick(&[SPRING, AUTUMN]);
        let mut world = Self {
            wall: night - random.between(0, 5 * 24 * 3600) as i64,
            began: now,
            line: Line::new(now, config, keep, random.next_u64()),
            config,
            mood,
            dialer: Dialer::default(),
            look_at: None,
            last_over: None,
            by_hand: false,
            up_time: Duration::ZERO,
            wanted_time: Duration::ZERO,
            random,
            clock,
        };
        world.look();
        world
    }

    fn unix(&self) -> i64 {
        self.wall + (self.clock.now() - self.began).as_secs() as i64
    }

    fn look(&mut self) {
        let (now, unix) = (self.clock.now(), self.unix());
        let before = self.line.wanted();
        self.look_at = self.line.look_at_clock(now, unix, &Europe);
        assert!(self.look_at.is_none_or(|at| at > unix));
        if let Keep::Schedule(schedule) = self.line.keep()
            && self.line.hand() == Hand::Auto
        {
            assert_eq!(self.line.wanted(), schedule.is_open(&Europe, unix));
        }
        // A new span is dialled at once.
        self.by_hand |= before != self.line.wanted();
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.line.poll_action() {
            let now = self.clock.now();
            match action {
                Action::Dial => self.dial(now),
                Action::Stop => {
                    assert!(self.dialer.asked_to_stop.is_none(), "asked twice");
                    assert!(!self.dialer.enslaved, "hung up before it was released");
                    self.dialer.asked_to_stop = Some(now);
                    if self.dialer.stubborn {
                        self.dialer.plan.clear();
                    } else {
                        let at = now + self.random.duration(seconds(5));
                        self.dialer.plan = vec![(at, Event::Stopped)];
                    }
                }
                Action::Kill => {
                    let asked = self.dialer.asked_to_stop.expect("killed unasked");
                    assert_eq!(now - asked, self.config.stop_timeout);
                    self.dialer.plan = vec![(now + Duration::from_millis(1), Event::Stopped)];
                }
                Action::Enslave => {
                    assert!(self.dialer.up, "an interface that is down was enslaved");
                    assert!(!self.dialer.enslaved, "enslaved twice");
                    let taken = self.random.below(100) >= self.mood.refuse;
                    self.dialer.enslaved = taken;
                    self.line.enslaved(now, taken);
                }
                Action::Release => self.dialer.enslaved = false,
            }
        }
        if !self.config.sticky {
            assert!(
                self.dialer.up || !self.dialer.enslaved,
                "a slave that is down"
            );
        }
    }

    fn dial(&mut self, now: Instant) {
        assert!(self.line.wanted(), "dialled though nobody wants it");
        assert!(
            !self.dialer.alive && !self.dialer.up && self.dialer.asked_to_stop.is_none(),
            "two at once: {:?}",
            self.dialer
        );
        if let Some(last) = self.last_over.take()
            && !self.by_hand
        {
            let pause = now - last;
            let least = self.config.redial.min(self.config.redial_max) * 3 / 4;
            let most = self.config.redial_max.max(self.config.hold) + seconds(1);
            assert!(pause >= least && pause <= most, "a pause of {pause:?}");
        }
        self.by_hand = false;
        let drawn = self.random.below(100);
        let mood = self.mood;
        if drawn < mood.busy {
            self.line.busy(now);
            self.last_over = Some(now);
            return;
        }
        self.dialer = Dialer {
            alive: true,
            stubborn: self.random.below(100) < mood.stubborn,
            ..Dialer::default()
        };
        let soon = now + seconds(1) + self.random.duration(seconds(40));
        let drawn = self.random.below(100);
        self.dialer.plan = if drawn < mood.fail {
            vec![(soon, Event::Exit { well: false })]
        } else if drawn < mood.fail + mood.hang {
            Vec::new()
        } else {
            // Comes up, may flap, ends some time.
            let mut plan = Vec::new();
            if self.random.below(100) < mood.background {
                self.dialer.background = true;
                plan.push((now + Duration::from_millis(500), Event::Exit { well: true }));
            }
            plan.push((soon, Event::Up));
            let mut at = soon + self.random.duration(seconds(20_000));
            if mood.fail > 0 {
                if !self.dialer.background && self.random.chance(0.5) {
                    plan.push((at, Event::Down));
                    plan.push((at + seconds(20), Event::Up));
                    at += seconds(20) + self.random.duration(seconds(600));
                }
                plan.push((at, Event::Down));
                let exit = at + Duration::from_millis(20);
                if !self.dialer.background {
                    plan.push((
                        exit,
                        Event::Exit {
                            well: self.random.chance(0.5),
                        },
                    ));
                }
            }
            plan
        };
    }

    fn happen(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Up => {
                self.dialer.up = true;
                self.line.interface(now, true);
            }
            Event::Down => {
                self.dialer.up = false;
                self.line.interface(now, false);
                if self.dialer.background {
                    self.last_over = Some(now);
                }
            }
            Event::Exit { well } => {
                self.dialer.alive = false;
                let gone = !(self.dialer.background && well);
                if gone {
                    self.last_over = Some(now);
                }
                self.line.ended(now, well);
            }
            Event::Stopped => {
                self.dialer.alive = false;
                self.dialer.asked_to_stop = None;
                self.last_over = Some(now);
                if std::mem::take(&mut self.dialer.up) {
                    self.line.interface(now, false);
                    self.act();
                }
                // What was unwanted and is wanted again needs no pause.
                let failed = self.line.wanted();
                self.line.stopped(now);
                self.by_hand |= !failed || self.line.next_attempt().is_none();
            }
        }
        self.act();
    }

    /// Until whatever comes next, but not beyond `end`.
    fn step(&mut self, end: Instant) {
        let now = self.clock.now();
        let planned = self.dialer.plan.iter().map(|&(at, _)| at).min();
        let look = self
            .look_at
            .map(|at| now + Duration::from_secs((at - self.unix()).max(0) as u64));
        let timeout = self.line.poll_timeout();
        let at = [planned, look, timeout, Some(end)];
        let at = at.into_iter().flatten().min().unwrap_or(end).max(now);
        if self.dialer.up {
            self.up_time += at - now;
        }
        if self.line.wanted() {
            self.wanted_time += at - now;
        } else if self.dialer.alive {
            let asked = self
                .dialer
                .asked_to_stop
                .expect("unwanted, and not hung up");
            assert!(now - asked <= self.config.stop_timeout + seconds(1));
        }
        self.clock.advance_to(at);
        if let Some(place) = self.dialer.plan.iter().position(|&(due, _)| due <= at) {
            let (_, event) = self.dialer.plan.remove(place);
            self.happen(event);
        }
        if look.is_some_and(|look| look <= at) {
            self.look();
        }
        if timeout.is_some_and(|timeout| timeout <= at) {
            self.line.handle_timeout(at);
            self.act();
            assert!(
                self.line.poll_timeout().is_none_or(|next| next > at),
                "a deadline that stays: {:?}",
                self.line
            );
        }
    }

    fn disturb(&mut self) {
        let now = self.clock.now();
        match self.random.below(4) {
            0 => {
                self.wall += self.random.between(0, 7200) as i64 - 3600;
                self.look();
            }
            1 => {
                let hand = *self.random.pick(&[Hand::Auto, Hand::Up, Hand::Down]);
                self.by_hand = true;
                self.line.by_hand(now, hand);
            }
            2 => self.line.master_changed(now),
            _ => {
                if self.dialer.enslaved && self.line.is_enslaved() {
                    self.dialer.enslaved = false;
                }
                self.line.master_lost(now);
            }
        }
        self.act();
    }

    fn run(&mut self, time: Duration, disturbances: bool) {
        let end = self.clock.now() + time;
        let mut next = self.clock.now();
        while self.clock.now() < end {
            let until = if disturbances { next.min(end) } else { end };
            self.step(until);
            if disturbances && self.clock.now() >= next {
                self.disturb();
                next = self.clock.now() + self.random.duration(seconds(20_000)) + seconds(1);
            }
        }
    }
}

#[test]
fn three_weeks_of_everything() {
    for_each_seed(200, |seed| {
        let mut world = World::new(seed, &MOODS);
        world.run(seconds(21 * 24 * 3600), true);
        let stats = *world.line.stats();
        assert!(stats.connects + stats.failures + stats.busy <= stats.attempts * 3);
        // All of it ends when it has to.
        let now = world.clock.now();
        world.line.close(now);
        world.act();
        world.run(seconds(60), false);
        assert!(!world.dialer.alive && !world.dialer.enslaved);
        assert_eq!(world.line.state(), State::Down);
    });
}

#[test]
fn good_lines_are_up_when_they_are_wanted() {
    for_each_seed(60, |seed| {
        let mut world = World::new(seed, &MOODS[..1]);
        world.run(seconds(21 * 24 * 3600), false);
        let (up, wanted) = (world.up_time.as_secs_f64(), world.wanted_time.as_secs_f64());
        assert!(up <= wanted + 500.0, "{up} s up, {wanted} s wanted");
        // Each span costs one dial of at most 41 s and a hang-up.
        let dials = world.line.stats().attempts as f64;
        assert!(wanted - up <= dials * 41.0, "{up} s up, {wanted} s wanted");
        assert_eq!(world.line.stats().failures, 0);
    });
}
