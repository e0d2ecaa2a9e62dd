//! Wrong passwords cost time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How many addresses are remembered.
const MAX_ADDRESSES: usize = 64;
/// How long.
const MEMORY: Duration = Duration::from_secs(600);
/// How often the time is doubled: 1 s up to 32 s.
const MAX_DOUBLINGS: u32 = 5;

/// The addresses from which wrong passwords came, with their number and the last time.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    failed: Vec<(IpAddr, u32, Instant)>,
}

impl Guard {
    /// A wrong password came from there. Returns when to answer.
    pub(super) fn failed(&mut self, address: IpAddr, now: Instant) -> Instant {
        self.failed.retain(|(_, _, last)| now < *last + MEMORY);
        let place = self
            .failed
            .iter()
            .position(|(known, _, _)| *known == address);
        // Those that were remembered for longest make room.
        let times = match place.map(|place| self.failed.remove(place)) {
            Some((_, times, _)) => times.saturating_add(1),
            None => 1,
        };
        if self.failed.len() >= MAX_ADDRESSES {
            self.failed.remove(0);
        }
        self.failed.push((address, times, now));
        now + Duration::from_secs(1 << (times - 1).min(MAX_DOUBLINGS))
    }

    /// A right password came from there.
    pub(super) fn succeeded(&mut self, address: IpAddr) {
        self.failed.retain(|(known, _, _)| *known != address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_grows_and_is_forgotten() {
        let mut guard = Guard::default();
        let now = Instant::now();
        let address = IpAddr::from([192, 0, 2, 1]);
        let delays: Vec<u64> = (0..7)
            .map(|_| (guard.failed(address, now) - now).as_secs())
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 32]);
        let other = IpAddr::from([192, 0, 2, 2]);
        assert_eq!(guard.failed(other, now), now + Duration::from_secs(1));
        guard.succeeded(address);
        assert_eq!(guard.failed(address, now), now + Duration::from_secs(1));
        let later = now + MEMORY;
        assert_eq!(guard.failed(other, later), later + Duration::from_secs(1));
        for last in 0..200 {
            guard.failed(IpAddr::from([10, 0, 0, last]), later);
        }
        assert_eq!(guard.failed.len(), MAX_ADDRESSES);
    }
}
