//! `show counters`, `show histogram`.

use std::fmt;

use serde::{Serialize, Serializer};

/// The counters that the original has, which are always printed.
pub const ORIGINAL_COUNTERS: [&str; 18] = [
    "radius_retries",
    "arp_sent",
    "packets_snooped",
    "tunnel_created",
    "session_created",
    "tunnel_timeout",
    "session_timeout",
    "radius_timeout",
    "radius_overflow",
    "tunnel_overflow",
    "session_overflow",
    "ip_allocated",
    "ip_freed",
    "cluster_forwarded",
    "recv_forward",
    "select_called",
    "multi_read_used",
    "multi_read_exceeded",
];

/// The one named value that is no count of events: it is not cleared.
pub const CALLS_WAITING: &str = "calls_waiting";

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Octets.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were wrong, or that the kernel refused.
    pub errors: u64,
    /// Packets dropped.
    pub dropped: u64,
    /// Control messages sent again.
    pub retries: u64,
}

impl Traffic {
    fn since(self, before: Self) -> Self {
        Self {
            octets: self.octets.saturating_sub(before.octets),
            packets: self.packets.saturating_sub(before.packets),
            errors: self.errors.saturating_sub(before.errors),
            dropped: self.dropped.saturating_sub(before.dropped),
            retries: self.retries.saturating_sub(before.retries),
        }
    }
}

/// All counters.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// From the TUN.
    pub ethernet_rx: Traffic,
    /// To the TUN.
    pub ethernet_tx: Traffic,
    /// From peers of tunnels.
    pub tunnel_rx: Traffic,
    /// To peers of tunnels.
    pub tunnel_tx: Traffic,
    /// Counters by name, of [`ORIGINAL_COUNTERS`] and others. Those that are not here are 0.
    #[serde(serialize_with = "as_map")]
    pub named: Vec<(&'static str, u64)>,
    /// When they were last cleared, seconds since 1970.
    pub reset: u64,
    /// The same as people read it: `Sat Nov 21 13:34:06 2026`.
    #[serde(skip)]
    pub reset_text: String,
}

impl Counters {
    /// What was counted since these counts.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        self.ethernet_rx = self.ethernet_rx.since(before.ethernet_rx);
        self.ethernet_tx = self.ethernet_tx.since(before.ethernet_tx);
        self.tunnel_rx = self.tunnel_rx.since(before.tunnel_rx);
        self.tunnel_tx = self.tunnel_tx.since(before.tunnel_tx);
        for (name, value) in &mut self.named {
            let old = before.named.iter().find(|(known, _)| known == name);
            if let Some((_, old)) = old.filter(|_| *name != CALLS_WAITING) {
                *value = value.saturating_sub(*old);
            }
        }
        self
    }
}

fn as_map<S: Serializer>(named: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(named.iter().copied())
}

impl fmt::Display for Counters {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, values: &[u64]| {
            write!(f, "{name:<10}")?;
            for value in values {
                write!(f, " {value:>10}")?;
            }
            f.write_str("\n")
        };
        let Traffic {
            octets,
            packets,
            errors,
            dropped,
            ..
        } = self.ethernet_rx;
        f.write_str("Ethernet        Bytes    Packets     Errors    Dropped\n")?;
        line(f, "RX", &[octets, packets, errors, dropped])?;
        let Traffic {
            octets,
            packets,
            errors,
            dropped,
            ..
        } = self.ethernet_tx;
        line(f, "TX", &[octets, packets, errors, dropped])?;
        f.write_str(" \nTunnel          Bytes    Packets     Errors    Retries\n")?;
        let Traffic {
            octets,
            packets,
            errors,
            ..
        } = self.tunnel_rx;
        line(f, "RX", &[octets, packets, errors])?;
        let Traffic {
            octets,
            packets,
            errors,
            retries,
            ..
        } = self.tunnel_tx;
        line(f, "TX", &[octets, packets, errors, retries])?;
        f.write_str(" \n")?;
        let heading = |f: &mut fmt::Formatter<'_>| {
            writeln!(f, "{:<30}{:<10}\n{}", "Counter", "Value", "-".repeat(41))
        };
        let value = |name: &str| {
            let found = self.named.iter().find(|(known, _)| *known == name);
            found.map_or(0, |(_, value)| *value)
        };
        heading(f)?;
        for name in ORIGINAL_COUNTERS {
            writeln!(f, "{name:<30}{}", value(name))?;
        }
        f.write_str("\n")?;
        heading(f)?;
        for (name, value) in &self.named {
            if !ORIGINAL_COUNTERS.contains(name) {
                writeln!(f, "{name:<30}{value}")?;
            }
        }
        writeln!(f, " \nLast counter reset {}", self.reset_text)
    }
}

/// How many sessions have been idle, or open, for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// The number of seconds that a row begins with (idle) or stays below (open), and its sessions.
    pub rows: Vec<(u64, u64)>,
    /// Sessions beyond the last row; only of the idle ones.
    pub beyond: Option<u64>,
    /// All sessions.
    pub total: u64,
}

impl Histogram {
    /// Of seconds since the last packet from each user, in rows of five seconds.
    #[must_use]
    pub fn idle(seconds: impl IntoIterator<Item = u64>) -> Self {
        let mut histogram = Self {
            rows: (0..63).map(|row| (row * 5, 0)).collect(),
            beyond: Some(0),
            total: 0,
        };
        for seconds in seconds {
            histogram.total += 1;
            let row = usize::try_from(seconds / 5).unwrap_or(usize::MAX);
            match histogram.rows.get_mut(row) {
                Some((_, count)) => *count += 1,
                None => histogram.beyond = histogram.beyond.map(|beyond| beyond + 1),
            }
        }
        histogram
    }

    /// Of seconds since each session was opened, in rows of powers of two.
    #[must_use]
    pub fn open(seconds: impl IntoIterator<Item = u64>) -> Self {
        let mut histogram = Self {
            rows: (0..30).map(|row| (1 << row, 0)).collect(),
            beyond: None,
            total: 0,
        };
        for seconds in seconds {
            histogram.total += 1;
            // Below 1 is the first row, below 2 the second.
            let row = (u64::BITS - seconds.leading_zeros()).min(29) as usize;
            if let Some((_, count)) = histogram.rows.get_mut(row) {
                *count += 1;
            }
        }
        histogram
    }

    fn percent(&self, count: u64) -> f64 {
        if self.total == 0 {
            0.0
        } else {
            count as f64 * 100.0 / self.total as f64
        }
    }
}

impl fmt::Display for Histogram {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (seconds, count) in &self.rows {
            let percent = self.percent(*count);
            if self.beyond.is_some() {
                writeln!(f, "{seconds:3} seconds  : {percent:7.2}% ({count:6})")?;
            } else {
                writeln!(f, " < {seconds:8} seconds : {percent:7.2}% ({count:6})")?;
            }
        }
        if let Some(count) = self.beyond {
            let percent = self.percent(count);
            writeln!(f, "lots of secs : {percent:7.2}% ({count:6})")?;
        }
        writeln!(f, "{} total sessions open.", self.total)
    }
}
