//! Lines for the log: no more than a few in a short time, whatever strangers do.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use wanbox_net_engine::Station;
use wanbox_net_engine::udp::port_name;

use crate::{Notice, Services};

/// So many lines in a [`PERIOD`].
const MOST: u32 = 60;
const PERIOD: Duration = Duration::from_secs(10);

/// Counts what strangers cause.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    began: Option<Instant>,
    count: u32,
}

impl Limit {
    /// Whether something may happen once more: no more than so often in each 10 s.
    pub fn allows(&mut self, now: Instant, most: u32) -> bool {
        if self.began.is_none_or(|began| now >= began + PERIOD) {
            self.began = Some(now);
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count <= most
    }
}

/// A socket as people see it: the host's name if it is known, and the port's.
pub(crate) fn socket(
    station: &Station,
    now: Instant,
    names: &[(&str, u16)],
    (address, port): (Ipv4Addr, u16),
) -> String {
    let host = station.resolver.shown(now, address);
    format!("{host}:{}", port_name(names, port))
}

impl Services {
    /// A line about somebody far away, whose port has one of these names.
    pub(crate) fn log(
        &mut self,
        now: Instant,
        station: &Station,
        names: &[(&str, u16)],
        remote: (Ipv4Addr, u16),
        text: &str,
    ) {
        let socket = socket(station, now, names, remote);
        self.log_text(now, format!("{socket} - {text}"));
    }

    /// A line, if there are not too many.
    pub fn log_text(&mut self, now: Instant, text: String) {
        if self.log.allows(now, MOST) {
            self.notices.push_back(Notice::Log(text));
        } else {
            self.counters.log_suppressed += 1;
        }
    }
}
