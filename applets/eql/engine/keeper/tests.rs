use super::Action::{Dial, Enslave, Kill, Release, Stop};
use super::schedule::tests::{AUTUMN, Europe};
use super::*;

/// A line and the time it is at.
struct Bench {
    line: Line,
    now: Instant,
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn origin() -> Instant {
    // The tests' one look at the clock: an origin to count from.
    #[allow(clippy::disallowed_methods)]
    Instant::now()
}

fn config() -> Config {
    Config {
        dial_timeout: seconds(60),
        stop_timeout: seconds(5),
        redial: seconds(10),
        redial_max: seconds(100),
        min_up: seconds(30),
        ..Config::default()
    }
}

impl Bench {
    fn new(config: Config, keep: Keep) -> Self {
        let now = origin();
        Self {
            line: Line::new(now, config, keep, 1),
            now,
        }
    }

    fn take(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.line.poll_action()).collect()
    }

    /// Lets time pass, serving every deadline on the way.
    fn pass(&mut self, time: Duration) -> Vec<Action> {
        let end = self.now + time;
        let mut done = Vec::new();
        let mut turns = 0;
        while let Some(at) = self.line.poll_timeout().filter(|&at| at <= end) {
            self.now = at.max(self.now);
            self.line.handle_timeout(self.now);
            done.append(&mut self.take());
            turns += 1;
            assert!(turns < 10_000, "a deadline that does not pass");
        }
        self.now = end;
        done.append(&mut self.take());
        done
    }

    fn interface(&mut self, up: bool) -> Vec<Action> {
        self.line.interface(self.now, up);
        self.take()
    }

    fn ended(&mut self, well: bool) -> Vec<Action> {
        self.line.ended(self.now, well);
        self.take()
    }

    fn by_hand(&mut self, hand: Hand) -> Vec<Action> {
        self.line.by_hand(self.now, hand);
        self.take()
    }

    fn enslaved(&mut self, taken: bool) -> Vec<Action> {
        self.line.enslaved(self.now, taken);
        self.take()
    }

    /// How long until the next attempt, which is awaited.
    fn until_dial(&mut self) -> Duration {
        let from = self.now;
        let at = self.line.next_attempt().unwrap();
        assert_eq!(self.pass(at - from), [Dial]);
        at - from
    }
}

#[test]
fn a_connection_from_the_dial_to_the_next() {
    let mut b = Bench::new(
        Config {
            enslave: true,
            ..config()
        },
        Keep::Always,
    );
    assert_eq!(b.take(), [Dial]);
    assert_eq!(b.line.state(), State::Dialing);
    b.pass(seconds(20));
    assert_eq!(b.interface(true), [Enslave]);
    assert!(!b.line.is_enslaved() && b.line.is_busy());
    assert_eq!(b.enslaved(true), []);
    assert!(b.line.is_enslaved() && !b.line.is_busy());
    assert_eq!(b.pass(seconds(3600)), []);
    // The other end hangs up: the interface goes, then pppd.
    assert_eq!(b.interface(false), [Release]);
    assert_eq!(b.ended(true), []);
    assert_eq!(b.line.state(), State::Waiting);
    let pause = b.until_dial();
    assert!(pause >= seconds(7) && pause <= seconds(13), "{pause:?}");
    let stats = b.line.stats();
    assert_eq!((stats.attempts, stats.connects, stats.failures), (2, 1, 0));
}

#[test]
fn pauses_double_up_to_the_longest_and_are_forgotten() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    for base in [10, 20, 40, 80, 100, 100] {
        b.ended(false);
        let pause = b.until_dial();
        let (least, most) = (
            seconds(base) * 3 / 4,
            (seconds(base) * 5 / 4).min(seconds(100)),
        );
        assert!(pause >= least && pause <= most, "{base}: {pause:?}");
    }
    assert_eq!(b.line.failures(), 6);
    b.interface(true);
    b.pass(seconds(30));
    assert_eq!(b.line.failures(), 0, "it lasted");
    b.ended(false);
    assert!(b.until_dial() <= seconds(13));
}

#[test]
fn a_connection_that_is_short_counts_as_a_failure() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    for failures in 1..=3 {
        b.interface(true);
        b.pass(seconds(29));
        b.interface(false);
        b.ended(true);
        assert_eq!(b.line.failures(), failures);
        b.until_dial();
    }
    assert_eq!(b.line.stats().connects, 3);
    assert_eq!(b.line.stats().failures, 3);
}

#[test]
fn too_many_failures_hold_the_line() {
    let mut b = Bench::new(
        Config {
            max_failures: 3,
            hold: seconds(1000),
            ..config()
        },
        Keep::Always,
    );
    b.take();
    for _ in 0..2 {
        b.ended(false);
        b.until_dial();
    }
    b.ended(false);
    assert_eq!(b.line.state(), State::Held);
    assert_eq!(b.pass(seconds(999)), []);
    assert_eq!(b.pass(seconds(1)), [Dial]);
    assert_eq!((b.line.failures(), b.line.stats().holds), (0, 1));
    // Somebody who asks for it does not wait.
    for _ in 0..2 {
        b.ended(false);
        b.until_dial();
    }
    b.ended(false);
    assert_eq!(b.by_hand(Hand::Up), [Dial]);
    assert_eq!(b.line.failures(), 0);
}

#[test]
fn an_attempt_that_hangs_is_stopped_then_killed() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    assert_eq!(b.pass(seconds(59)), []);
    assert_eq!(b.pass(seconds(1)), [Stop]);
    assert_eq!(b.pass(seconds(5)), [Kill]);
    assert_eq!(
        b.pass(seconds(1000)),
        [],
        "one that cannot be killed is waited for"
    );
    b.ended(false);
    assert_eq!(b.line.state(), State::Waiting);
    let stats = b.line.stats();
    assert_eq!((stats.failures, stats.kills), (1, 1));
    b.until_dial();
}

#[test]
fn a_hang_up_by_hand_releases_first() {
    let mut b = Bench::new(
        Config {
            enslave: true,
            ..config()
        },
        Keep::Always,
    );
    b.take();
    b.interface(true);
    b.enslaved(true);
    assert_eq!(b.by_hand(Hand::Down), [Release, Stop]);
    assert_eq!(b.interface(false), []);
    assert_eq!(b.ended(true), []);
    assert_eq!(b.line.state(), State::Down);
    assert_eq!(b.pass(seconds(100_000)), []);
    assert_eq!(b.by_hand(Hand::Auto), [Dial]);
    // Asked for again while it is hung up: at once when that is done.
    assert_eq!(b.by_hand(Hand::Down), [Stop]);
    assert_eq!(b.by_hand(Hand::Up), []);
    assert_eq!(b.ended(false), [Dial]);
    assert_eq!(b.line.failures(), 0);
}

#[test]
fn a_command_that_goes_to_the_background() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    assert_eq!(b.ended(true), []);
    assert!(b.line.is_detached());
    b.pass(seconds(30));
    b.interface(true);
    assert_eq!(b.line.state(), State::Up);
    b.pass(seconds(60));
    // Nobody is left to bring it up again.
    b.interface(false);
    assert_eq!(b.line.state(), State::Waiting);
    b.until_dial();
    // It may also end when the interface is up already; and a process may make itself known.
    b.interface(true);
    b.ended(true);
    assert_eq!(b.line.state(), State::Up);
    b.line.attached();
    b.interface(false);
    assert_eq!(b.line.state(), State::Dialing);
    b.ended(true);
    assert_eq!(b.line.state(), State::Waiting);
    // One that says it is well but brings nothing up failed.
    b.until_dial();
    b.ended(true);
    assert_eq!(b.pass(seconds(60)), [Stop]);
    b.line.stopped(b.now);
    assert_eq!(b.line.state(), State::Waiting);
}

#[test]
fn a_device_in_use_is_no_failure() {
    let mut b = Bench::new(
        Config {
            max_failures: 2,
            ..config()
        },
        Keep::Always,
    );
    b.take();
    for _ in 0..10 {
        b.line.busy(b.now);
        let pause = b.until_dial();
        assert!(pause <= seconds(13), "{pause:?}");
    }
    let stats = b.line.stats();
    assert_eq!((stats.busy, stats.failures), (10, 0));
}

#[test]
fn a_master_that_refuses_is_asked_again() {
    let mut b = Bench::new(
        Config {
            enslave: true,
            ..config()
        },
        Keep::Always,
    );
    b.take();
    assert_eq!(b.interface(true), [Enslave]);
    b.enslaved(false);
    assert_eq!(b.pass(seconds(13)), [Enslave]);
    b.enslaved(false);
    b.line.master_changed(b.now);
    assert_eq!(b.take(), [Enslave]);
    b.enslaved(true);
    b.line.master_changed(b.now);
    assert_eq!(b.take(), []);
    // A new one knows nothing of its slaves.
    b.line.master_lost(b.now);
    assert_eq!(b.take(), [Enslave]);
    b.enslaved(false);
    assert_eq!(b.line.state(), State::Up, "the line itself is well");
    assert_eq!(b.interface(false), [], "nothing to release");
}

#[test]
fn a_sticky_slave_is_released_only_when_it_is_hung_up() {
    let mut b = Bench::new(
        Config {
            enslave: true,
            sticky: true,
            ..config()
        },
        Keep::Always,
    );
    b.take();
    b.interface(true);
    b.enslaved(true);
    assert_eq!(b.interface(false), []);
    assert_eq!(b.interface(true), []);
    assert!(b.line.is_enslaved());
    assert_eq!(b.interface(false), []);
    assert_eq!(b.ended(true), [Release]);
}

#[test]
fn what_an_earlier_owner_left() {
    let now = origin();
    let left = |left| {
        let mut line = Line::resumed(now, config(), Keep::Always, 1, left);
        (line.state(), line.poll_action())
    };
    let running = Left {
        running: true,
        ..Left::default()
    };
    assert_eq!(left(running), (State::Dialing, None));
    let up = Left {
        up_for: Some(seconds(40)),
        ..running
    };
    assert_eq!(left(up), (State::Up, None));
    let waiting = Left {
        failures: 4,
        pause: Some(seconds(33)),
        ..Left::default()
    };
    assert_eq!(left(waiting), (State::Waiting, None));
    assert_eq!(left(Left::default()), (State::Dialing, Some(Dial)));
    let down = Left {
        hand: Hand::Down,
        ..Left::default()
    };
    assert_eq!(left(down), (State::Down, None));
    // One that was kept otherwise is hung up first, then dialled.
    let mut line = Line::replacing(now, config(), Keep::Always, 1, Hand::Auto);
    assert_eq!(line.poll_action(), Some(Stop));
    line.stopped(now + seconds(1));
    assert_eq!(line.poll_action(), Some(Dial));
}

#[test]
fn a_schedule_and_a_hand() {
    // The night on which summer time ends: 02:00 to 03:00 comes twice.
    let schedule = Schedule::parse("sun 02:30-03:30").unwrap();
    let mut b = Bench::new(config(), Keep::Schedule(schedule));
    let look = |b: &mut Bench, unix| {
        let next = b.line.look_at_clock(b.now, unix, &Europe);
        (b.take(), next.map(|at| at - AUTUMN))
    };
    assert_eq!(look(&mut b, AUTUMN - 3600), (vec![], Some(-1800)));
    // Wanted early, by hand: until the schedule says something new.
    assert_eq!(b.by_hand(Hand::Up), [Dial]);
    b.interface(true);
    assert_eq!(look(&mut b, AUTUMN - 1800), (vec![], Some(0)));
    assert_eq!(b.line.hand(), Hand::Auto);
    assert_eq!(look(&mut b, AUTUMN), (vec![Stop], Some(1800)));
    b.ended(true);
    assert_eq!(look(&mut b, AUTUMN + 1800), (vec![Dial], Some(5400)));
    b.interface(true);
    assert_eq!(b.by_hand(Hand::Down), [Stop]);
    b.ended(true);
    assert_eq!(look(&mut b, AUTUMN + 1801), (vec![], Some(5400)));
    assert_eq!(look(&mut b, AUTUMN + 5400).0, []);
    assert_eq!(b.line.hand(), Hand::Auto);
    // The clock is set back into the span.
    assert_eq!(look(&mut b, AUTUMN + 2000).0, [Dial]);
}

#[test]
fn closing_hangs_up_and_never_dials_again() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    b.interface(true);
    b.line.close(b.now);
    assert_eq!(b.take(), [Stop]);
    b.ended(true);
    assert_eq!(b.by_hand(Hand::Up), []);
    assert_eq!(b.pass(seconds(10_000)), []);
    assert_eq!(b.line.state(), State::Down);
}

#[test]
fn new_timers_for_what_runs() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    b.interface(true);
    b.line.set_config(
        b.now,
        Config {
            enslave: true,
            ..config()
        },
        Keep::Always,
    );
    assert_eq!(b.take(), [Enslave]);
    b.enslaved(true);
    b.line.set_config(b.now, config(), Keep::Always);
    assert_eq!(b.take(), [Release]);
    b.line.set_config(b.now, config(), Keep::Manual);
    assert_eq!(b.take(), [Stop]);
}

#[test]
fn a_new_command_for_a_line_that_runs() {
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    b.interface(true);
    b.line.restart(b.now);
    assert_eq!(b.take(), [Stop]);
    assert_eq!(b.ended(true), [Dial]);
    b.ended(false);
    b.line.restart(b.now);
    assert_eq!(b.take(), [Dial], "no pause for what failed otherwise");
}

#[test]
fn a_connection_that_somebody_else_made() {
    let mut b = Bench::new(config(), Keep::Manual);
    b.line.found(b.now);
    assert_eq!(b.interface(true), []);
    assert_eq!((b.line.state(), b.line.hand()), (State::Up, Hand::Up));
    b.ended(false);
    assert_eq!(b.by_hand(Hand::Auto), []);
    assert_eq!(b.line.state(), State::Down);
    // The device was in use by just that one.
    let mut b = Bench::new(config(), Keep::Always);
    b.take();
    b.line.busy(b.now);
    b.line.found(b.now);
    b.interface(true);
    assert_eq!((b.line.state(), b.line.hand()), (State::Up, Hand::Auto));
    assert_eq!(b.pass(seconds(100)), []);
}
