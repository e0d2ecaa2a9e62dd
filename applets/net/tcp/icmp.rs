//! What ICMP says of segments under way (RFC 9293 section 3.9.2.2, RFC 5927, RFC 1191).

use std::net::IpAddr;
use std::time::Instant;

use crate::connection::{Connection, State};
use crate::event::Reason;
use crate::flow::{Endpoint, Flow};
use crate::parameters::Options;
use crate::sequence::Seq;
use crate::tcp::Tcp;

/// An ICMP error about a segment, and the part of it that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'p> {
    /// The source of the segment: this host.
    pub src: IpAddr,
    /// Its destination.
    pub dst: IpAddr,
    /// The first octets of its TCP header, eight at least.
    pub octets: &'p [u8],
}

impl Quote<'_> {
    fn read(&self) -> Option<(Flow, Seq)> {
        let [a, b, c, d, e, f, g, h] = *self.octets.first_chunk()?;
        let flow = Flow {
            local: Endpoint::new(self.src, u16::from_be_bytes([a, b])),
            remote: Endpoint::new(self.dst, u16::from_be_bytes([c, d])),
        };
        Some((flow, Seq(u32::from_be_bytes([e, f, g, h]))))
    }
}

/// The smallest MTU that is believed: what IPv4 asks of every module (RFC 791 section 3.2).
const LEAST_MTU: u16 = 68;

impl Tcp {
    /// ICMP destination unreachable or time exceeded. `refused`: the code says protocol or port
    /// unreachable, which ends a connection that is not there yet; others are counted and never end
    /// anything.
    pub fn unreachable(&mut self, quote: &Quote<'_>, refused: bool) {
        self.about(quote, |connection, shared| {
            shared.counters.unreachables += 1;
            connection.totals.unreachables = connection.totals.unreachables.saturating_add(1);
            if refused && connection.state == State::SynSent {
                connection.finish(shared, Reason::Unreachable);
            }
        });
    }

    /// ICMP source quench: counted, as RFC 6633 wants it.
    pub fn source_quench(&mut self, quote: &Quote<'_>) {
        self.about(quote, |connection, _| {
            let count = &mut connection.totals.source_quenches;
            *count = count.saturating_add(1);
        });
    }

    /// ICMP fragmentation needed, or packet too big, from a router or from this host's own IP: packets
    /// of this connection may be `mtu` octets long. 0: the router did not say (RFC 1191 section 5).
    pub fn too_big(&mut self, now: Instant, quote: &Quote<'_>, mtu: u16) {
        let time = self.time(now);
        self.about(quote, |connection, shared| {
            let headers = connection.flow.headers();
            let current = connection.mss.saturating_add(headers);
            let mtu = match mtu {
                0 => plateau(current),
                said => said,
            };
            let mtu = mtu.max(LEAST_MTU);
            if mtu >= current {
                return;
            }
            shared.counters.path_mtu_lowered += 1;
            shared.paths.set_mtu(time, connection.flow.remote.addr, mtu);
            connection.mtu = mtu;
            let fits = mtu.saturating_sub(headers);
            connection.resize();
            if fits < Options::LEAST_MSS {
                // So small that IP has to cut.
                connection.path_mtu_discovery = false;
            }
            connection.too_long_went();
        });
    }

    /// Does something to the connection of a quoted segment, if that is under way.
    fn about(
        &mut self,
        quote: &Quote<'_>,
        action: impl FnOnce(&mut Connection, &mut crate::shared::Shared),
    ) {
        let found = quote
            .read()
            .and_then(|(flow, seq)| Some((self.table.find(&flow)?, seq)));
        let Some((index, seq)) = found else {
            self.shared.counters.bad_icmp += 1;
            return;
        };
        let Some(connection) = self.table.get_mut(index) else {
            return;
        };
        // RFC 5927 section 4: who does not see the connection has to guess.
        if seq.before(connection.una) || !seq.before(connection.max) {
            self.shared.counters.bad_icmp += 1;
            return;
        }
        action(connection, &mut self.shared);
        self.settle(index);
    }
}

impl Connection {
    /// What is under way was too long: it goes again in shorter segments, without being taken for lost
    /// (RFC 1191 section 6.5).
    fn too_long_went(&mut self) {
        if self.state.sends() {
            self.nxt = self.una;
            self.dirty = true;
            self.timed = crate::timers::NEVER;
        }
    }
}

/// The next smaller size of RFC 1191 section 7.1.
fn plateau(current: u16) -> u16 {
    [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296]
        .into_iter()
        .find(|size| *size < current)
        .unwrap_or(LEAST_MTU)
}
