//! The concentrator: control connections, calls, subscribers, RADIUS and the data path as one
//! value that is fed and asked.
//!
//! The owner gives it whatever the [`Plane`](crate::plane) does not forward by itself, and takes
//! after each call, until there is no more:
//!
//! | call | gives |
//! |---|---|
//! | [`Concentrator::poll_transmit`] | a datagram, and where it goes |
//! | [`Concentrator::poll_event`] | what only the host can do: routes, log entries, plugins |
//! | [`Concentrator::poll_timeout`] | when to call [`Concentrator::handle_timeout`] |

mod event;
mod operation;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

pub use event::{HostEvent, Level, Outgoing};
pub use operation::{Direction, OperationError};

use crate::config::Config;
use crate::pool::Pool;
use crate::{SessionId, SocketId};

/// What a concentrator is made of, beside its configuration.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration.
    pub config: Arc<Config>,
    /// The networks of the address pool.
    pub pool: Vec<(Ipv4Addr, u8)>,
    /// The name of the machine.
    pub machine: String,
    /// Random and secret: challenges, magic numbers and identifiers come from it.
    pub seed: u128,
    /// The time of day at the `now` of [`Concentrator::new`], seconds since 1970.
    pub unix: u64,
}

/// An L2TP network server without sockets and clock.
pub struct Concentrator {
    config: Arc<Config>,
    pool: Pool,
    outgoing: VecDeque<(Outgoing, Vec<u8>)>,
    events: VecDeque<HostEvent>,
}

impl Concentrator {
    /// A concentrator without tunnels.
    #[must_use]
    pub fn new(_now: Instant, setup: Setup) -> Self {
        Self {
            config: setup.config,
            pool: Pool::new(setup.pool),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The configuration that holds.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Another configuration. No session ends because of it.
    pub fn configure(&mut self, _now: Instant, config: Arc<Config>) {
        self.config = config;
    }

    /// Other networks for the address pool. No session ends because of it.
    pub fn configure_pool(&mut self, pool: impl IntoIterator<Item = (Ipv4Addr, u8)>) {
        self.pool.configure(pool);
    }

    /// The time of day, seconds since 1970. To be told again when the clock was set.
    pub fn set_clock(&mut self, _now: Instant, _unix: u64) {}

    /// A control message came in at one of the L2TP sockets.
    pub fn datagram(
        &mut self,
        _now: Instant,
        _socket: SocketId,
        _from: SocketAddr,
        _datagram: &[u8],
    ) {
    }

    /// A PPP frame of a session came in that is not user data.
    pub fn ppp(&mut self, _now: Instant, _session: SessionId, _frame: &[u8]) {}

    /// A datagram came in at the RADIUS socket of this place.
    pub fn radius(&mut self, _now: Instant, _socket: u8, _from: SocketAddr, _datagram: &[u8]) {}

    /// A request of a RADIUS server came in (RFC 5176).
    pub fn dae(&mut self, _now: Instant, _from: SocketAddr, _datagram: &[u8]) {}

    /// A command of nsctl came in.
    pub fn nsctl(&mut self, _now: Instant, _from: SocketAddr, _datagram: &[u8]) {}

    /// A deadline passed. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next datagram to send, written over `datagram`; `None` when there is none.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<Outgoing> {
        let (to, octets) = self.outgoing.pop_front()?;
        datagram.clear();
        datagram.extend_from_slice(&octets);
        Some(to)
    }

    /// The next thing that the host must do or know.
    pub fn poll_event(&mut self) -> Option<HostEvent> {
        self.events.pop_front()
    }

    /// Takes leave: all tunnels are closed, no new one is accepted, and [`Self::is_idle`] says when
    /// everybody knows.
    pub fn drain(&mut self, _now: Instant) {}

    /// Whether nothing is under way: no control message waits for its acknowledgement, and no
    /// RADIUS server for its answer. The process may end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        true
    }
}
