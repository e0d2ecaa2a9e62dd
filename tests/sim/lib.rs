//! The seeded simulator: two endpoints over a lossy, reordering, duplicating,
//! delaying line with a virtual clock.
//!
//! Everything a run does follows from one number, its seed: the line draws from
//! a [`Random`] made from it, and the [`Clock`] moves only when the simulation
//! moves it. So thousands of hours pass in a second, and a failure can be
//! replayed.
//!
//! | to | use |
//! |---|---|
//! | run two engines against each other | [`Pair`], with an [`Endpoint`] for each |
//! | run several stations on a half-duplex radio channel | [`Radio`], [`Channel`] |
//! | make the line bad, cut it, loop it | [`Line`], [`Impairments`] |
//! | write octets down in a test | [`hex`] |
//! | try many seeds, and replay one | [`for_each_seed`], [`for_each_channel`] and `WANBOX_SIM_SEED` |
//!
//! The simulator knows no protocol. A test wraps its engine in a few lines that
//! implement [`Endpoint`].

mod clock;
mod hex;
mod line;
mod pair;
mod radio;
mod random;
mod seeds;

pub use clock::Clock;
pub use hex::hex;
pub use line::{Counters, End, Impairments, Line};
pub use pair::{Endpoint, Pair};
pub use radio::{Channel, Radio, RadioCounters};
pub use random::Random;
pub use seeds::{SEED_VARIABLE, for_each_channel, for_each_seed, random_frames};
