use super::*;

use proptest::prelude::*;

/// A switch and the time it is at.
struct Bench {
    switch: Switch,
    now: Instant,
    done: Vec<Action>,
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Bench {
    fn new(config: Config) -> Self {
        // The tests' one look at the clock: an origin to count from.
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        Self {
            switch: Switch::new(config, now, true),
            now,
            done: Vec::new(),
        }
    }

    fn take(&mut self) -> Vec<Action> {
        while let Some(action) = self.switch.poll_action() {
            self.done.push(action);
        }
        std::mem::take(&mut self.done)
    }

    /// Lets time pass, serving every deadline on the way.
    fn pass(&mut self, time: Duration) -> Vec<Action> {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.switch.poll_timeout().filter(|&at| at <= end) {
            self.now = at.max(self.now);
            self.switch.handle_timeout(self.now);
            while let Some(action) = self.switch.poll_action() {
                self.done.push(action);
            }
            turns += 1;
            assert!(turns < 100_000, "a deadline that does not pass");
        }
        self.now = end;
        self.take()
    }

    fn primary(&mut self, up: bool) -> Vec<Action> {
        self.switch.primary(self.now, up);
        self.take()
    }

    fn backup(&mut self, up: bool) -> Vec<Action> {
        self.switch.backup(self.now, up);
        self.take()
    }

    fn ended(&mut self) -> Vec<Action> {
        self.switch.backup_ended(self.now);
        self.take()
    }
}

use Action::{Kill, Start, Stop, Use};

#[test]
fn a_failure_and_a_return() {
    let mut b = Bench::new(Config::default());
    assert_eq!(b.primary(false), []);
    assert_eq!(b.switch.state(), State::Failing);
    assert_eq!(b.pass(seconds(4)), []);
    assert_eq!(b.pass(seconds(1)), [Start]);
    assert_eq!(b.switch.state(), State::Dialing);
    b.pass(seconds(10));
    assert_eq!(b.backup(true), [Use(Side::Backup)]);
    assert_eq!(b.switch.state(), State::Backup);
    assert_eq!(b.pass(seconds(3600)), []);
    b.primary(true);
    assert_eq!(b.switch.state(), State::Returning);
    assert_eq!(b.pass(seconds(29)), []);
    // The traffic leaves the backup before that is stopped.
    assert_eq!(b.pass(seconds(1)), [Use(Side::Primary), Stop]);
    assert_eq!(b.switch.state(), State::Restoring);
    assert_eq!(b.ended(), []);
    assert_eq!(b.switch.state(), State::Primary);
    assert_eq!(b.switch.poll_timeout(), None);
    let stats = b.switch.stats();
    assert_eq!(
        (
            stats.primary_failures,
            stats.attempts,
            stats.failed_attempts
        ),
        (1, 1, 0)
    );
    assert_eq!((stats.takeovers, stats.returns), (1, 1));
}

#[test]
fn a_short_interruption_starts_nothing() {
    let mut b = Bench::new(Config::default());
    for _ in 0..100 {
        b.primary(false);
        assert_eq!(b.pass(Duration::from_millis(4_999)), []);
        b.primary(true);
        assert_eq!(b.pass(Duration::from_millis(10)), []);
    }
    assert_eq!(b.switch.stats().attempts, 0);
    assert_eq!(b.switch.stats().primary_failures, 100);
}

#[test]
fn a_primary_that_flaps_does_not_take_the_traffic_back() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    b.pass(seconds(5));
    b.backup(true);
    for _ in 0..100 {
        b.primary(true);
        assert_eq!(b.pass(seconds(29)), []);
        b.primary(false);
        assert_eq!(b.pass(seconds(1)), []);
    }
    assert_eq!(b.switch.carrying(), Side::Backup);
}

#[test]
fn attempts_that_fail_are_repeated_with_growing_pauses() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    assert_eq!(b.pass(seconds(5)), [Start]);
    // It takes too long.
    assert_eq!(b.pass(seconds(60)), [Stop]);
    assert_eq!(b.pass(seconds(10)), [Kill]);
    assert_eq!(b.pass(seconds(1000)), []);
    b.ended();
    assert_eq!(b.switch.state(), State::Waiting);
    for pause in [10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(b.pass(seconds(pause - 1)), [], "{pause}");
        assert_eq!(b.pass(seconds(1)), [Start], "{pause}");
        b.ended();
    }
    assert_eq!(b.switch.stats().failed_attempts, 8);
    // The primary comes back: nothing is left to do.
    b.primary(true);
    assert_eq!(b.pass(seconds(10_000)), []);
    assert_eq!(b.switch.state(), State::Primary);
}

#[test]
fn a_primary_that_is_back_while_the_backup_dials_keeps_the_traffic() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    b.pass(seconds(5));
    b.primary(true);
    assert_eq!(b.backup(true), []);
    assert_eq!(b.switch.carrying(), Side::Primary);
    // It fails once more: now the backup is ready at once.
    assert_eq!(b.primary(false), [Use(Side::Backup)]);
    b.primary(true);
    assert_eq!(b.pass(seconds(30)), [Use(Side::Primary), Stop]);
}

#[test]
fn a_backup_that_is_lost_gives_way_to_a_primary_that_is_up() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    b.pass(seconds(5));
    b.backup(true);
    b.primary(true);
    assert_eq!(b.ended(), [Use(Side::Primary)]);
}

#[test]
fn a_backup_that_comes_again_gets_its_routes_again() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    b.pass(seconds(5));
    b.backup(true);
    assert_eq!(b.backup(false), []);
    b.pass(seconds(3));
    assert_eq!(b.backup(true), [Use(Side::Backup)]);
    assert_eq!(b.switch.stats().takeovers, 1);
}

#[test]
fn the_backup_is_kept_for_a_minimum() {
    let mut b = Bench::new(Config {
        minimum: seconds(600),
        ..Config::default()
    });
    b.primary(false);
    b.pass(seconds(5));
    b.backup(true);
    b.primary(true);
    assert_eq!(b.pass(seconds(599)), []);
    assert_eq!(b.pass(seconds(1)), [Use(Side::Primary), Stop]);
}

#[test]
fn a_person_decides() {
    let mut b = Bench::new(Config::default());
    b.switch.set_mode(b.now, Mode::Backup);
    assert_eq!(b.take(), [Start]);
    assert_eq!(b.backup(true), [Use(Side::Backup)]);
    assert_eq!(b.pass(seconds(10_000)), []);
    b.primary(false);
    b.switch.set_mode(b.now, Mode::Primary);
    assert_eq!(b.take(), [Use(Side::Primary), Stop]);
    b.ended();
    assert_eq!(b.pass(seconds(10_000)), []);
    b.switch.set_mode(b.now, Mode::Automatic);
    assert_eq!(b.take(), [Start]);
}

#[test]
fn a_failure_while_the_backup_stops_starts_it_again_at_once() {
    let mut b = Bench::new(Config::default());
    b.primary(false);
    b.pass(seconds(5));
    b.backup(true);
    b.primary(true);
    b.pass(seconds(30));
    b.primary(false);
    assert_eq!(b.pass(seconds(5)), []);
    assert_eq!(b.ended(), [Start]);
    assert_eq!(b.switch.stats().failed_attempts, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Primary(bool),
    Backup(bool),
    Ended,
    Mode(Mode),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..120_000).prop_map(Step::Pass),
        3 => any::<bool>().prop_map(Step::Primary),
        3 => any::<bool>().prop_map(Step::Backup),
        2 => Just(Step::Ended),
        1 => prop_oneof![
            Just(Mode::Automatic),
            Just(Mode::Primary),
            Just(Mode::Backup)
        ]
        .prop_map(Step::Mode),
    ]
}

/// Follows orders: a backup is started only when none runs, stopped only when one does.
fn follow(running: &mut bool, actions: &[Action]) -> Result<(), TestCaseError> {
    for action in actions {
        match action {
            Start => {
                prop_assert!(!*running);
                *running = true;
            }
            Stop | Kill => prop_assert!(*running),
            Use(_) => {}
        }
    }
    Ok(())
}

proptest! {
    /// Whatever happened: in the end a primary that stays up has the traffic, and no backup runs.
    #[test]
    fn orders_make_sense_and_all_ends_well(steps in proptest::collection::vec(step(), 0..200)) {
        let mut b = Bench::new(Config::default());
        let mut running = false;
        for step in steps {
            let actions = match step {
                Step::Pass(ms) => b.pass(Duration::from_millis(ms)),
                Step::Primary(up) => b.primary(up),
                // What does not run cannot come up.
                Step::Backup(up) => b.backup(up && running),
                Step::Ended => {
                    running = false;
                    b.ended()
                }
                Step::Mode(mode) => {
                    b.switch.set_mode(b.now, mode);
                    b.take()
                }
            };
            follow(&mut running, &actions)?;
            prop_assert_eq!(b.switch.backup_is_running(), running);
        }
        b.switch.set_mode(b.now, Mode::Automatic);
        let actions = b.take();
        follow(&mut running, &actions)?;
        let actions = b.primary(true);
        follow(&mut running, &actions)?;
        let actions = b.pass(seconds(100));
        follow(&mut running, &actions)?;
        if running {
            running = false;
            let actions = b.ended();
            follow(&mut running, &actions)?;
        }
        prop_assert_eq!(b.switch.state(), State::Primary);
        prop_assert_eq!(b.switch.carrying(), Side::Primary);
        prop_assert!(!running);
        prop_assert_eq!(b.switch.poll_timeout(), None);
    }
}
