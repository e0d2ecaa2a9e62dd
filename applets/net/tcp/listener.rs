//! Servers: LISTEN, and what keeps a flood of SYN from them (RFC 4987).

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::flow::Flow;
use crate::parameters::Options;
use crate::sequence::Seq;
use crate::siphash::Key;
use crate::table::Id;
use crate::timers::Micros;

/// Names a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub(crate) u32);

impl ListenerId {
    /// The number that people see; no connection has it.
    pub fn number(self) -> u32 {
        self.0 + 1
    }
}

/// A server: what waits on a port.
#[derive(Debug)]
pub struct Listener {
    /// The only address it serves, or any.
    pub addr: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// What its connections begin with.
    pub options: Options,
    /// The most connections that nobody has accepted yet, and the most that are half open.
    pub backlog: usize,
    pub(crate) half_open: usize,
    pub(crate) queue: VecDeque<Id>,
    /// When a cookie was sent last.
    pub(crate) cookies_at: Option<Micros>,
}

impl Listener {
    pub(crate) fn new(addr: Option<IpAddr>, port: u16, backlog: usize, options: &Options) -> Self {
        Self {
            addr,
            port,
            options: *options,
            backlog: backlog.max(1),
            half_open: 0,
            queue: VecDeque::new(),
            cookies_at: None,
        }
    }

    /// Connections to be accepted.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Connections whose handshake is not done.
    pub fn half_open(&self) -> usize {
        self.half_open
    }
}

/// What a cookie can say of the longest segment of the other side.
const SIZES: [u16; 8] = [64, 216, 256, 512, 536, 1220, 1440, 1460];
/// How long a cookie is good for, at least, microseconds; at most twice that.
const LIFE: Micros = 64_000_000;

/// An initial sequence number that holds what is needed of a connection, so that nothing has to be
/// kept: five bits of time, three of the segment size, and 24 that nobody else can make.
pub(crate) fn cookie(key: Key, now: Micros, flow: &Flow, irs: Seq, mss: u16) -> Seq {
    let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0) as u32;
    Seq(seal(key, now / LIFE, flow, irs, size))
}

/// What a cookie says, if it is one of ours and not too old.
pub(crate) fn open_cookie(
    key: Key,
    now: Micros,
    flow: &Flow,
    irs: Seq,
    cookie: Seq,
) -> Option<u16> {
    let size = cookie.0 >> 24 & 7;
    let current = now / LIFE;
    [current, current.wrapping_sub(1)]
        .iter()
        .any(|time| seal(key, *time, flow, irs, size) == cookie.0)
        .then(|| SIZES.get(size as usize).copied())?
}

fn seal(key: Key, time: u64, flow: &Flow, irs: Seq, size: u32) -> u32 {
    let [a, b, c, d, ports] = flow.words();
    let rest = time << 3 | u64::from(size);
    let hash = key.secret(&[a, b, c, d, ports, u64::from(irs.0), rest]);
    (time as u32 & 0x1f) << 27 | size << 24 | (hash as u32 & 0x00ff_ffff)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::flow::Endpoint;

    #[test]
    fn cookies_are_ours_and_young() {
        let key = Key([1, 2]);
        let flow = |port| Flow {
            local: Endpoint::new(Ipv4Addr::new(44, 128, 4, 4), 23),
            remote: Endpoint::new(Ipv4Addr::new(44, 128, 4, 5), port),
        };
        let made = cookie(key, 1000, &flow(1024), Seq(7), 1000);
        let open = |now, flow, irs| open_cookie(key, now, &flow, Seq(irs), made);
        assert_eq!(open(1000, flow(1024), 7), Some(536));
        assert_eq!(open(LIFE + 1000, flow(1024), 7), Some(536));
        assert_eq!(open(2 * LIFE + 1000, flow(1024), 7), None);
        assert_eq!(open(1000, flow(1025), 7), None);
        assert_eq!(open(1000, flow(1024), 8), None);
        assert_eq!(
            open_cookie(Key([1, 3]), 1000, &flow(1024), Seq(7), made),
            None
        );
    }
}
