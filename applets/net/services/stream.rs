//! What a session or a login goes over: a connection of TCP, one of AX.25, or a circuit of NET/ROM.

use std::time::Instant;

use wanbox_net_ax25::LinkId;
use wanbox_net_ax25::connection::{Cause, State as LinkState};
use wanbox_net_engine::Station;
use wanbox_net_netrom::{Circuit, CircuitId, State as CircuitState};
use wanbox_net_tcp::{Id, Reason, State};
use wanbox_wire::ax25::pid;

/// Octets that are read at once.
const PIECE: usize = 512;

/// A connection of the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stream {
    Tcp(Id),
    Ax25(LinkId),
    Circuit(CircuitId),
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The other end was asked.
    Opening,
    Open,
    /// The other end sends nothing more.
    Finished,
    /// It is being ended.
    Ending,
    Over,
}

/// What there is to know of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub phase: Phase,
    /// The state as people see it.
    pub name: &'static str,
    /// Why it is over, where the connection itself keeps that.
    pub reason: Option<&'static str>,
    /// Octets that were received and not read.
    pub unread: usize,
}

/// Why a connection of AX.25 is over, as people see it.
pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Local | Cause::PeerDisconnected | Cause::Collision => "Normal",
        Cause::DisconnectedMode | Cause::Refused => "DM received",
        Cause::NoAnswer => "Timeout",
        Cause::Line => "Line down",
        Cause::PeerReset | Cause::FrameReject | Cause::Unsolicited => "Reset",
    }
}

impl Stream {
    /// The number of its control block.
    pub fn number(self) -> u32 {
        match self {
            Self::Tcp(id) => id.number(),
            Self::Ax25(id) => id.number(),
            Self::Circuit(id) => id.number(),
        }
    }

    pub fn status(self, now: Instant, station: &Station) -> Status {
        match self {
            Self::Tcp(id) => {
                let view = station.tcp.view(now, id);
                let state = view.map_or(State::Closed, |view| view.state);
                Status {
                    phase: match state {
                        State::SynSent | State::SynReceived => Phase::Opening,
                        State::Established => Phase::Open,
                        State::CloseWait => Phase::Finished,
                        State::Closed => Phase::Over,
                        _ => Phase::Ending,
                    },
                    name: state.name(),
                    reason: view.and_then(|view| view.reason).map(Reason::name),
                    unread: view.map_or(0, |view| view.receive_queue as usize),
                }
            }
            Self::Ax25(id) => {
                let view = station.ax25.link(id);
                let state = view.map_or(LinkState::Disconnected, |view| view.connection.state());
                Status {
                    phase: match state {
                        LinkState::Setup => Phase::Opening,
                        LinkState::Connected | LinkState::Recovery => Phase::Open,
                        LinkState::Disconnecting => Phase::Ending,
                        LinkState::Disconnected => Phase::Over,
                    },
                    name: state.name(),
                    reason: None,
                    unread: view.map_or(0, |view| view.connection.unread()),
                }
            }
            Self::Circuit(id) => {
                let circuit = station.netrom.circuit(id);
                let state = circuit.map_or(CircuitState::Disconnected, Circuit::state);
                Status {
                    phase: match state {
                        CircuitState::ConnectPending => Phase::Opening,
                        CircuitState::Connected => Phase::Open,
                        CircuitState::DisconnectPending => Phase::Ending,
                        CircuitState::Disconnected => Phase::Over,
                    },
                    name: state.name(),
                    reason: circuit.map(|circuit| circuit.reason().name()),
                    unread: circuit.map_or(0, Circuit::receive_queue),
                }
            }
        }
    }

    /// What is said when it is open.
    pub const fn opened(self) -> &'static str {
        match self {
            Self::Tcp(_) => "Estab",
            Self::Ax25(_) | Self::Circuit(_) => "Connected",
        }
    }

    /// Sends what there is room for: how many octets. `None`: it is over.
    pub fn send(self, now: Instant, station: &mut Station, octets: &[u8]) -> Option<usize> {
        match self {
            Self::Tcp(id) => station.tcp.send(id, octets).ok(),
            Self::Ax25(_) if self.status(now, station).phase == Phase::Opening => Some(0),
            Self::Ax25(id) => station.ax25.send(now, id, pid::TEXT, octets).ok(),
            Self::Circuit(_) if self.status(now, station).phase == Phase::Over => None,
            Self::Circuit(id) => Some(station.netrom.send(now, id, octets)),
        }
    }

    /// Appends what was received: up to about `most` octets, for frames are read as a whole. How many.
    pub fn receive(
        self,
        now: Instant,
        station: &mut Station,
        most: usize,
        octets: &mut Vec<u8>,
    ) -> usize {
        let before = octets.len();
        match self {
            Self::Tcp(id) => {
                octets.resize(before + most.min(PIECE), 0);
                let part = octets.get_mut(before..).unwrap_or_default();
                let count = station.tcp.receive(id, part).unwrap_or(0);
                octets.truncate(before + count);
            }
            Self::Ax25(id) => {
                while octets.len() < before + most && station.ax25.read(id, octets).is_some() {}
            }
            Self::Circuit(id) => return station.netrom.read(now, id, most, octets),
        }
        octets.len() - before
    }

    /// Ends it when everything is sent.
    pub fn close(self, now: Instant, station: &mut Station) {
        match self {
            // An error says that it was closed before.
            Self::Tcp(id) => drop(station.tcp.close(id)),
            // The second time would not wait for what is to be sent.
            Self::Ax25(id) if self.status(now, station).phase != Phase::Ending => {
                station.ax25.close(now, id);
            }
            Self::Circuit(id) if self.status(now, station).phase != Phase::Ending => {
                station.netrom.close(now, id);
            }
            Self::Ax25(_) | Self::Circuit(_) => {}
        }
    }

    /// Ends it at once; what came and was not read is forgotten.
    pub fn abort(self, now: Instant, station: &mut Station) -> Result<(), String> {
        match self {
            Self::Tcp(id) => {
                let done = station.tcp.abort(id);
                let done = done.and_then(|()| station.tcp.consume(id, usize::MAX));
                done.map_err(|error| error.to_string())
            }
            Self::Ax25(id) => {
                station.ax25.reset(now, id);
                let mut forgotten = Vec::new();
                while station.ax25.read(id, &mut forgotten).is_some() {
                    forgotten.clear();
                }
                Ok(())
            }
            Self::Circuit(id) => {
                station.netrom.reset(now, id);
                let mut forgotten = Vec::new();
                station.netrom.read(now, id, usize::MAX, &mut forgotten);
                Ok(())
            }
        }
    }

    /// Sends again what waits for an acknowledgement.
    pub fn kick(self, now: Instant, station: &mut Station) -> Result<(), String> {
        match self {
            Self::Tcp(id) => {
                let kicked = station.tcp.kick(now, id);
                kicked.map_err(|error| error.to_string())
            }
            Self::Ax25(id) => {
                station.ax25.kick(now, id);
                Ok(())
            }
            Self::Circuit(id) => {
                station.netrom.kick(now, id);
                Ok(())
            }
        }
    }

    /// Nobody has to do with it any more.
    pub fn release(self, now: Instant, station: &mut Station) {
        match self {
            // An error says that it was let go before.
            Self::Tcp(id) => drop(station.tcp.release(now, id)),
            Self::Ax25(id) => station.ax25.release(now, id),
            Self::Circuit(id) => station.netrom.release(now, id),
        }
    }
}
