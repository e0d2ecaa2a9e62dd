//! Messages to senders whose packets cannot go on, so many a second.

use std::time::{Duration, Instant};

use wanbox_wire::ip::{Ip, Unreachable};

use super::{Plane, Sink};

/// Messages "too long" a second: senders need one a path and some minutes.
const TOO_LONG_A_SECOND: u32 = 1000;

/// So many a second and no more.
#[derive(Debug)]
pub(super) struct Limit {
    second: Instant,
    used: u32,
}

impl Limit {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            second: now,
            used: 0,
        }
    }

    fn allows(&mut self, now: Instant, rate: u32) -> bool {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.used = 0;
        }
        let allowed = self.used < rate;
        self.used = self.used.saturating_add(1);
        allowed
    }
}

impl Plane {
    /// Tells the sender of a packet that it cannot go on, if that may and shall be said.
    pub(super) fn tell(
        &mut self,
        now: Instant,
        why: Unreachable,
        packet: &[u8],
        sink: &mut impl Sink,
    ) {
        let message = &mut self.message;
        let made = match (Ip::parse(packet), &self.config) {
            (Ok(Ip::V4(packet)), config) => config
                .icmp_source
                .is_some_and(|from| why.answer_v4(&packet, from, message)),
            (Ok(Ip::V6(packet)), config) => config
                .icmpv6_source
                .is_some_and(|from| why.answer_v6(&packet, from, message)),
            (Err(_), _) => false,
        };
        if !made {
            return;
        }
        let allowed = match why {
            Unreachable::Host => {
                let rate = self.config.icmp_rate;
                rate > 0 && self.unreachable.allows(now, rate)
            }
            Unreachable::TooLong(_) => self.too_long.allows(now, TOO_LONG_A_SECOND),
        };
        if allowed {
            self.stats.icmp += 1;
            sink.icmp(message);
        } else {
            self.stats.icmp_limited += 1;
        }
    }
}
