//! An interface and its circuit.

use std::mem;
use std::time::{Duration, Instant};

use wanbox_link::x25::Call;
use wanbox_wire::x25::{Address, FacilityList, Lci};

use super::carries::{Carries, Encapsulation};
use super::{Accept, ConfigError, Holder, X25};
use crate::{ChannelId, Event, Refusal};

/// What an interface works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Its circuit.
    pub circuit: Circuit,
    /// Our address in calls.
    pub calling: Address,
    /// What calls it takes beside the usual.
    pub accept: Accept,
    /// How packets are wrapped.
    pub encapsulation: Encapsulation,
    /// The user data of its calls; `None`: what the encapsulation wants.
    pub user_data: Option<Vec<u8>>,
    /// The facilities of its calls.
    pub facilities: FacilityList,
    /// After how long without packets a call is cleared; zero: never.
    pub idle: Duration,
    /// How long no call follows one that failed.
    pub hold: Duration,
    /// The longest packet to send, octets.
    pub mtu: usize,
}

/// Which circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// A permanent one.
    Permanent(Lci),
    /// Calls to this address and of it; to and of none: calls are only accepted, whoever calls.
    Switched(Address),
    /// LAPB alone.
    Link,
}

/// Where the circuit of an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No call, or no link.
    Idle,
    /// A call is placed.
    Calling(Lci),
    /// It carries data.
    Up(Lci),
    /// LAPB alone is up.
    Link,
}

/// What an interface counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Calls placed.
    pub calls_placed: u64,
    /// Calls of the peer accepted.
    pub calls_accepted: u64,
    /// Calls that were not accepted there.
    pub calls_failed: u64,
    /// Calls that were cleared, or went with the link.
    pub cleared: u64,
    /// Calls cleared here because nothing passed.
    pub cleared_idle: u64,
    /// Times that the circuit was reset.
    pub resets: u64,
    /// Packets dropped while no call is placed after one that failed.
    pub tx_held_down: u64,
    /// Packets dropped because there is no circuit.
    pub tx_no_circuit: u64,
    /// Packets longer than the MTU.
    pub tx_too_long: u64,
    /// Packets that the circuit does not carry.
    pub tx_unsupported: u64,
    /// Times that packets had to wait for the circuit.
    pub tx_waited: u64,
    /// Received packets that nobody could put together: too long.
    pub rx_too_long: u64,
    /// Received packets of another protocol.
    pub rx_unknown: u64,
    /// Received packets with Q.
    pub rx_qualified: u64,
    /// Interrupts, which mean nothing here.
    pub rx_interrupts: u64,
}

/// An interface.
#[derive(Debug)]
pub struct Port {
    pub(super) config: PortConfig,
    pub(super) state: State,
    pub(super) carries: Carries,
    /// The address at the other end of the call.
    pub(super) remote: Address,
    /// The owner holds a packet until it is told that there is room.
    pub(super) waiting: bool,
    /// No call before this.
    pub(super) hold_until: Option<Instant>,
    /// When the last packet passed.
    pub(super) last: Instant,
    /// The packets of a message so far.
    pub(super) assembly: Vec<u8>,
    /// The message is too long: what comes of it is dropped.
    pub(super) overflow: bool,
    pub(super) counters: PortCounters,
}

impl Port {
    /// What it works with.
    pub fn config(&self) -> &PortConfig {
        &self.config
    }

    /// Where its circuit is.
    pub fn state(&self) -> State {
        self.state
    }

    /// It carries data.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_) | State::Link)
    }

    /// The address at the other end of its call.
    pub fn remote(&self) -> Address {
        self.remote
    }

    /// No call is placed before this, because one failed.
    pub fn hold_until(&self) -> Option<Instant> {
        self.hold_until
    }

    /// Its counters.
    pub fn counters(&self) -> &PortCounters {
        &self.counters
    }

    pub(super) fn set_link(&mut self, up: bool) {
        self.state = if up { State::Link } else { State::Idle };
    }

    /// It waits no more. Whether it did.
    pub(super) fn stop_waiting(&mut self) -> bool {
        mem::take(&mut self.waiting)
    }

    /// Data will be those of a new call.
    pub(super) fn begin(&mut self, state: State, carries: Carries, now: Instant) {
        self.state = state;
        self.carries = carries;
        self.last = now;
        self.forget();
    }

    pub(super) fn forget(&mut self) {
        self.assembly.clear();
        self.overflow = false;
    }

    pub(super) fn wait(&mut self) -> Refusal {
        self.waiting = true;
        self.counters.tx_waited += 1;
        Refusal::Full
    }

    pub(super) fn call(&self) -> Call {
        let Circuit::Switched(called) = self.config.circuit else {
            return Call::default();
        };
        let user_data = self.config.user_data.clone().unwrap_or_else(|| {
            let mut octets = Vec::new();
            if let Some(identifier) = self.config.encapsulation.identifier() {
                identifier.append(&mut octets);
            }
            octets
        });
        Call {
            called,
            calling: self.config.calling,
            facilities: self.config.facilities.clone(),
            user_data,
            delivery: false,
        }
    }

    /// When it has been idle for too long, if it can be.
    pub(super) fn idle_at(&self) -> Option<Instant> {
        let switched = matches!(self.config.circuit, Circuit::Switched(_));
        let counts = switched && matches!(self.state, State::Up(_)) && !self.config.idle.is_zero();
        counts.then(|| self.last + self.config.idle)
    }
}

impl X25 {
    /// An interface more.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_channel(
        &mut self,
        now: Instant,
        id: ChannelId,
        config: PortConfig,
    ) -> Result<(), ConfigError> {
        self.now = now;
        let place = usize::from(id.0);
        if self.port(id).is_some() {
            return Err(ConfigError::Exists);
        }
        let alone = config.circuit == Circuit::Link;
        if alone != self.layer.is_none() || alone && self.ports.iter().any(Option::is_some) {
            return Err(ConfigError::NoPacketLayer);
        }
        if let Circuit::Permanent(channel) = config.circuit {
            if !self.is_permanent(channel) {
                return Err(ConfigError::NoSuchCircuit(channel));
            }
            if self.holder(channel) != Holder::Nobody {
                return Err(ConfigError::Taken(channel));
            }
            self.set_holder(channel, Holder::Port(id));
        }
        if self.ports.len() <= place {
            self.ports.resize_with(place + 1, || None);
        }
        let carries = config.encapsulation.carries();
        if let Some(slot) = self.ports.get_mut(place) {
            *slot = Some(Port {
                config,
                state: State::Idle,
                carries,
                remote: Address::NONE,
                waiting: false,
                hold_until: None,
                last: now,
                assembly: Vec::new(),
                overflow: false,
                counters: PortCounters::default(),
            });
        }
        if self.up {
            match self.ports.get_mut(place) {
                Some(Some(port)) if alone => {
                    port.set_link(true);
                    self.events.push_back(Event::ChannelUp(id));
                }
                _ => self.permanent_circuits(),
            }
        }
        Ok(())
    }

    pub(super) fn is_permanent(&self, channel: Lci) -> bool {
        let channels = self
            .layer
            .as_ref()
            .map(|layer| &layer.parameters().channels);
        channels
            .and_then(|channels| channels.permanent.as_ref())
            .is_some_and(|range| range.contains(&channel.get()))
    }

    /// An interface goes, and its call with it.
    pub fn remove_channel(&mut self, now: Instant, id: ChannelId) {
        self.now = now;
        let slot = self.ports.get_mut(usize::from(id.0));
        let Some(port) = slot.and_then(Option::take) else {
            return;
        };
        match (port.config.circuit, port.state) {
            (Circuit::Permanent(channel), _) => {
                self.set_holder(channel, Holder::Nobody);
                self.drop_unclaimed(channel);
            }
            (_, State::Calling(channel) | State::Up(channel)) => self.clear(channel, 0, 0),
            _ => {}
        }
        self.settle();
    }

    /// The permanent circuits of interfaces carry data from now on.
    pub(super) fn permanent_circuits(&mut self) {
        for (place, port) in self.ports.iter_mut().enumerate() {
            if let Some(port) = port
                && let Circuit::Permanent(channel) = port.config.circuit
                && port.state == State::Idle
            {
                let carries = port.config.encapsulation.carries();
                port.begin(State::Up(channel), carries, self.now);
                let id = ChannelId(place as u16);
                self.events.push_back(Event::ChannelUp(id));
            }
        }
    }

    /// The packet layer is down: there are no circuits.
    pub(super) fn all_ports_down(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.state = State::Idle;
            port.forget();
        }
        self.readable.clear();
        self.idle_check = None;
    }
}
