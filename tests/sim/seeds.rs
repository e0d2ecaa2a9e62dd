//! Running a test over many seeds, and replaying one.

use crate::radio::{Channel, RadioCounters};
use crate::random::Random;

/// The environment variable that names the one seed to run.
pub const SEED_VARIABLE: &str = "WANBOX_SIM_SEED";

/// Runs `test` with the seeds `0..count`; with `WANBOX_SIM_SEED=N` in the
/// environment with `N` alone. When `test` panics, standard error says how to
/// replay the seed it failed with.
///
/// # Panics
/// As `test` does, and when `WANBOX_SIM_SEED` is not a number.
pub fn for_each_seed(count: u64, mut test: impl FnMut(u64)) {
    let seeds = match std::env::var(SEED_VARIABLE) {
        Ok(text) => {
            let seed = parse_seed(&text);
            assert!(
                seed.is_some(),
                "{SEED_VARIABLE}={text}: a decimal number of 64 bits is expected"
            );
            let seed = seed.unwrap_or_default();
            seed..=seed
        }
        Err(_) if count == 0 => return,
        Err(_) => 0..=count - 1,
    };
    for seed in seeds {
        let guard = Replay { seed };
        test(seed);
        drop(guard);
    }
}

/// Runs `test` with many seeds on half-duplex channels of 1200 bit/s that lose up to `most_loss` per cent of the
/// frames, as a generator has it that the test goes on with.
///
/// # Panics
/// As `test` does, and when the channels were easy: two frames lost and two collisions a seed are wanted.
pub fn for_each_channel(
    count: u64,
    most_loss: u64,
    mut test: impl FnMut(u64, Channel, Random) -> RadioCounters,
) {
    let (mut seeds, mut lost, mut collided) = (0, 0, 0);
    for_each_seed(count, |seed| {
        let mut random = Random::new(seed);
        let channel = Channel {
            loss: random.below(most_loss + 1) as f64 / 100.0,
            ..Channel::FM_1200
        };
        let counters = test(seed, channel, random);
        seeds += 1;
        lost += counters.lost;
        collided += counters.collided;
    });
    // One seed alone may have a channel that loses nothing.
    assert!(
        seeds == 1 || lost > 2 * seeds && collided > 2 * seeds,
        "{seeds} seeds: {lost} lost, {collided} collided"
    );
}

fn parse_seed(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Says how to replay when it is dropped by a panic.
struct Replay {
    seed: u64,
}

impl Drop for Replay {
    #[expect(
        clippy::print_stderr,
        reason = "the test harness captures this and shows it with the failed test"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {seed} failed; replay it with {SEED_VARIABLE}={seed}",
                seed = self.seed
            );
        }
    }
}

/// How many random frames a test tries: a million, or what `WANBOX_RANDOM_FRAMES` says.
///
/// # Panics
/// The variable is no number.
#[must_use]
#[expect(clippy::expect_used, reason = "a setting of the tests themselves")]
pub fn random_frames() -> u64 {
    std::env::var("WANBOX_RANDOM_FRAMES").map_or(1_000_000, |text| {
        text.parse().expect("WANBOX_RANDOM_FRAMES is a number")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_decimal_numbers() {
        assert_eq!(parse_seed("0"), Some(0));
        assert_eq!(parse_seed(" 18446744073709551615\n"), Some(u64::MAX));
        assert_eq!(parse_seed("18446744073709551616"), None);
        assert_eq!(parse_seed("0x10"), None);
        assert_eq!(parse_seed(""), None);
        assert_eq!(parse_seed("-1"), None);
    }

    #[test]
    fn a_failing_seed_ends_the_run() {
        // With a seed in the environment there is only that one to run.
        if std::env::var_os(SEED_VARIABLE).is_some() {
            return;
        }
        let mut ran = Vec::new();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for_each_seed(10, |seed| {
                ran.push(seed);
                assert!(seed < 3);
            });
        }));
        assert!(result.is_err());
        assert_eq!(ran, [0, 1, 2, 3]);
    }
}
