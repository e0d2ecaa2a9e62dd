//! The retransmission timeout (RFC 6298), and what is remembered of destinations.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::parameters::{Parameters, micros};
use crate::timers::Micros;

/// What an estimate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// On what somebody set.
    Assumed,
    /// On SYN segments alone, which are short.
    Handshake,
    /// On data.
    Data,
}

/// The estimate of one connection, microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    pub smoothed: u32,
    pub deviation: u32,
    pub last: u32,
    basis: Basis,
    /// How often the timeout was doubled.
    pub backoff: u8,
}

/// The longest time that is measured, microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

impl Rtt {
    /// Before anything is measured (RFC 6298 section 2.1, with `tcp irtt` for its second).
    pub fn new(irtt: Duration, known: Option<&Path>) -> Self {
        let known = known.and_then(Path::rtt);
        let (smoothed, deviation) = known.unwrap_or((irtt, Duration::ZERO));
        let clip = |time| micros(time).min(LONGEST) as u32;
        Self {
            smoothed: clip(smoothed),
            deviation: clip(deviation),
            last: 0,
            basis: if known.is_some() {
                Basis::Data
            } else {
                Basis::Assumed
            },
            backoff: 0,
        }
    }

    /// A measurement (sections 2.2 and 2.3); backing off ends with it.
    pub fn measured(&mut self, took: Micros, of_data: bool) {
        let took = took.clamp(1, LONGEST) as u32;
        self.last = took;
        self.backoff = 0;
        // A segment of data that took much longer than the short SYN tells more than the SYN did.
        let anew = match self.basis {
            Basis::Assumed => true,
            Basis::Handshake => of_data && took / 2 > self.smoothed,
            Basis::Data => false,
        };
        if anew {
            self.smoothed = took;
            self.deviation = took / 2;
        } else {
            let off = self.smoothed.abs_diff(took);
            self.deviation = (self.deviation / 4 * 3).saturating_add(off / 4);
            self.smoothed = self.smoothed / 8 * 7 + took / 8;
        }
        if of_data {
            self.basis = Basis::Data;
        } else if self.basis == Basis::Assumed {
            self.basis = Basis::Handshake;
        }
    }

    /// Somebody knows better (`tcp rtt`).
    pub fn set(&mut self, time: Duration) {
        self.smoothed = micros(time).min(LONGEST) as u32;
        self.deviation = 0;
        self.backoff = 0;
    }

    /// The timeout, backed off.
    pub fn timeout(&self, parameters: &Parameters) -> Micros {
        let smoothed = u64::from(self.smoothed);
        // RFC 6298 section 2.3: the granularity of a clock of a millisecond is the least deviation.
        let mut timeout = smoothed + (4 * u64::from(self.deviation)).max(1000);
        match self.basis {
            // The original's: the time set is the timeout.
            Basis::Assumed => timeout = smoothed,
            Basis::Handshake => {
                let irtt = micros(parameters.irtt);
                let guess = if self.is_slow() {
                    (8 * smoothed).min(4 * irtt)
                } else {
                    (16 * smoothed).min(irtt)
                };
                timeout = timeout.max(guess);
            }
            _ => {}
        }
        let timeout = timeout.max(micros(parameters.rto_min));
        let most = timeout.max(micros(parameters.rto_max));
        (timeout << self.backoff.min(16)).min(most)
    }

    /// Segments take so long, as far as is known, that one too many is a burden: begin with one.
    pub fn is_slow(&self) -> bool {
        self.smoothed >= 1_000_000
    }
}

/// What is known of the way to a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The smoothed round trip time and its mean deviation.
    rtt: Option<(Duration, Duration)>,
    /// The longest packet that comes through, octets, where that was found out.
    mtu: Option<u16>,
    /// When that was found out.
    mtu_at: Micros,
    /// When it was used last.
    used: Micros,
}

impl Path {
    /// The smoothed round trip time and its mean deviation, if measured.
    pub fn rtt(&self) -> Option<(Duration, Duration)> {
        self.rtt
    }

    /// The longest packet that comes through, octets, where that was found out.
    pub fn mtu(&self) -> Option<u16> {
        self.mtu
    }
}

/// The destinations of late.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeMap<IpAddr, Path>);

impl Paths {
    /// The most destinations; then the one used longest ago is forgotten.
    const MOST: usize = 1024;

    pub fn get(&self, addr: IpAddr) -> Option<&Path> {
        self.0.get(&addr)
    }

    /// The longest packet that comes through. Paths change: after ten minutes longer ones are tried
    /// again (RFC 1191 section 6.3).
    pub fn mtu(&self, now: Micros, addr: IpAddr) -> Option<u16> {
        let path = self.get(addr)?;
        path.mtu
            .filter(|_| now.saturating_sub(path.mtu_at) < 600_000_000)
    }

    fn entry(&mut self, now: Micros, addr: IpAddr) -> &mut Path {
        if self.0.len() >= Self::MOST
            && !self.0.contains_key(&addr)
            && let Some(oldest) = self.0.iter().min_by_key(|(_, path)| path.used)
        {
            let oldest = *oldest.0;
            self.0.remove(&oldest);
        }
        let path = self.0.entry(addr).or_default();
        path.used = now;
        path
    }

    /// What a connection found.
    pub fn learn(&mut self, now: Micros, addr: IpAddr, rtt: &Rtt) {
        let time = |micros: u32| Duration::from_micros(micros.into());
        self.entry(now, addr).rtt = Some((time(rtt.smoothed), time(rtt.deviation)));
    }

    pub fn set_mtu(&mut self, now: Micros, addr: IpAddr, mtu: u16) {
        let path = self.entry(now, addr);
        path.mtu = Some(mtu);
        path.mtu_at = now;
    }

    /// Folds in what an administrator knows (`tcp irtt HOST MS`): a measurement, but the first one is exact.
    pub fn fold(&mut self, now: Micros, addr: IpAddr, took: Duration, irtt: Duration) {
        let known = self.get(addr).filter(|path| path.rtt.is_some());
        let mut rtt = Rtt::new(irtt, known);
        if known.is_some() {
            rtt.measured(micros(took), true);
        } else {
            rtt.set(took);
        }
        self.learn(now, addr, &rtt);
    }

    /// All of them, the one used last first.
    pub fn list(&self) -> Vec<(IpAddr, Path)> {
        let mut list: Vec<_> = self.0.iter().map(|(addr, path)| (*addr, *path)).collect();
        list.sort_by_key(|(_, path)| std::cmp::Reverse(path.used));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_rules_of_rfc_6298() {
        let parameters = Parameters::default();
        let mut rtt = Rtt::new(parameters.irtt, None);
        assert_eq!(rtt.timeout(&parameters), 5 * SECOND);
        rtt.measured(2 * SECOND, true);
        assert_eq!((rtt.smoothed, rtt.deviation), (2_000_000, 1_000_000));
        assert_eq!(rtt.timeout(&parameters), 6 * SECOND);
        rtt.measured(3 * SECOND, true);
        // 3/4 * 1 + 1/4 * |2 - 3|, 7/8 * 2 + 1/8 * 3
        assert_eq!((rtt.smoothed, rtt.deviation), (2_125_000, 1_000_000));
        rtt.backoff = 2;
        assert_eq!(rtt.timeout(&parameters), 4 * 6_125_000);
        rtt.backoff = 10;
        assert_eq!(rtt.timeout(&parameters), 120 * SECOND);
        rtt.measured(1000, true);
        assert_eq!(rtt.backoff, 0, "Karn: until something is measured");
        for _ in 0..200 {
            rtt.measured(1000, true);
        }
        assert_eq!(rtt.timeout(&parameters), SECOND / 2, "the least");
        rtt.set(Duration::from_secs(200));
        assert!(rtt.timeout(&parameters) >= 200 * SECOND, "slow is slow");
    }

    #[test]
    fn a_short_syn_says_little_of_a_slow_line() {
        let parameters = Parameters::default();
        let mut rtt = Rtt::new(parameters.irtt, None);
        rtt.measured(SECOND, false);
        assert_eq!(rtt.timeout(&parameters), 8 * SECOND);
        assert!(rtt.is_slow());
        rtt.measured(5 * SECOND, true);
        assert_eq!(rtt.timeout(&parameters), 15 * SECOND);
        // On a fast one the handshake is no reason to wait.
        let mut rtt = Rtt::new(parameters.irtt, None);
        rtt.measured(1000, false);
        assert_eq!(rtt.timeout(&parameters), SECOND / 2);
    }

    #[test]
    fn destinations_are_remembered() {
        let mut paths = Paths::default();
        let irtt = Duration::from_secs(5);
        let addr = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(n));
        for n in 0..2000 {
            paths.fold(n.into(), addr(n), Duration::from_millis(100), irtt);
        }
        let list = paths.list();
        assert_eq!((list.len(), list[0].0), (Paths::MOST, addr(1999)));
        assert_eq!(paths.get(addr(0)), None);
        let time = Duration::from_millis;
        assert_eq!(
            paths.get(addr(1500)).unwrap().rtt(),
            Some((time(100), time(0)))
        );
        paths.fold(3000, addr(1500), time(180), irtt);
        let (smoothed, _) = paths.get(addr(1500)).unwrap().rtt().unwrap();
        assert_eq!(smoothed, time(110));
        let rtt = Rtt::new(irtt, paths.get(addr(1500)));
        assert_eq!(rtt.smoothed, 110_000);
    }
}
