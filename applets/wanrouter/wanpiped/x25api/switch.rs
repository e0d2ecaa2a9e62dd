//! Calls that go on to other devices.
//!
//! The other device is served over its X.25 socket, of which this one is an application. Data with
//! D are not acknowledged here before the other end of that circuit has them: delivery is told from
//! end to end. Causes and diagnostic codes go through as they are.

use wanbox_link::x25::Call;
use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::event_loop::Loop;
use wanbox_wanrouter_engine::x25::X25;
use wanbox_wire::x25::facility::code;
use wanbox_wire::x25::{FacilityList, Lci, cause, diagnostic};
use wanbox_wire::x25api::{Kind, Reason, Refused, Repr, flags};

use super::connection::{Role, Stage, call_octets};
use super::requests::read_call;
use super::{OWNER, Taken, X25Api, connection};

/// The tag of the call at the other device.
const CALL: u32 = 1;

/// Why a call is cleared: cause and diagnostic code.
type Why = (u8, u8);

impl X25Api {
    /// Passes an incoming call on by its longest prefix.
    ///
    /// # Errors
    /// Why it is to be cleared.
    pub fn pass_on(&mut self, lp: &mut Loop, channel: Lci, call: &Call) -> Result<(), Why> {
        let called = call.called.to_string();
        let mut routes = self.routes.iter();
        let Some(route) = routes.find(|route| called.starts_with(&route.prefix)) else {
            return Err((
                cause::clear::NOT_OBTAINABLE,
                diagnostic::INVALID_CALLED_ADDRESS,
            ));
        };
        let passed = self.reach(lp, channel, call, &route.device.clone());
        match passed {
            Ok(()) => self.counters.switched += 1,
            Err(_) => self.counters.not_switched += 1,
        }
        passed
    }

    fn reach(&mut self, lp: &mut Loop, channel: Lci, call: &Call, device: &str) -> Result<(), Why> {
        if device == self.device {
            // Where it came from it does not go back to.
            return Err((
                cause::clear::NOT_OBTAINABLE,
                diagnostic::INVALID_CALLED_ADDRESS,
            ));
        }
        let socket = Datagram::local(&self.directory.join(device))
            .map_err(|_| (cause::clear::OUT_OF_ORDER, diagnostic::NONE))?;
        let congested = (cause::clear::NETWORK_CONGESTION, diagnostic::NONE);
        let slot = self
            .connect(lp, Role::Switch, socket)
            .map_err(|_| congested)?;
        self.note(slot);
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Err(congested);
        };
        connection.stage = Stage::Calling;
        connection.withholds = true;
        let repr = Repr {
            tag: CALL,
            flags: flags::WITHHOLD | if call.delivery { flags::D } else { 0 },
            ..Repr::new(Kind::Call)
        };
        connection.tell(&repr, &call_octets(call));
        connection.channel = Some(channel);
        self.circuits.insert(channel, slot);
        Ok(())
    }

    /// Deals with what the other device says.
    pub fn answer(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        repr: &Repr,
        payload: &[u8],
    ) -> Taken {
        let now = lp.now();
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Taken::Yes;
        };
        let Some(channel) = connection.channel else {
            return Taken::Yes;
        };
        match (repr.kind, connection.stage) {
            (Kind::Accept, Stage::Calling) => {
                let accepted = read_call(repr, payload).ok().is_some_and(|answer| {
                    let circuit = engine.circuit(OWNER, channel);
                    circuit
                        .and_then(|layer| layer.accept(now, channel, &of_this_link(answer)))
                        .is_ok()
                });
                if !accepted {
                    let why = (
                        cause::clear::REMOTE_PROCEDURE_ERROR,
                        diagnostic::SETUP_PROBLEM,
                    );
                    self.end_both(lp, engine, slot, why);
                    return Taken::Yes;
                }
                connection.stage = Stage::Connected;
                self.connected(lp, engine, slot);
            }
            (Kind::Clear, Stage::Calling) => {
                let answer = read_call(repr, payload).unwrap_or_default();
                self.clear(now, engine, slot, repr.cause, repr.diagnostic, &answer);
            }
            // What came before it is to arrive before it.
            (Kind::Clear, Stage::Connected) => {
                self.linger(lp, slot, repr.cause, repr.diagnostic);
            }
            (Kind::Refused, Stage::Calling) => {
                let refused = Refused::parse(payload).map(|refused| refused.reason);
                self.counters.not_switched += 1;
                let (cause, diagnostic) = why(refused.unwrap_or(Reason::Malformed));
                self.clear(now, engine, slot, cause, diagnostic, &Call::default());
            }
            (Kind::Data, Stage::Connected) => {
                return self
                    .data(lp, engine, slot, repr, payload)
                    .unwrap_or(Taken::Yes);
            }
            (kind, Stage::Connected) => {
                let Ok(layer) = engine.circuit(OWNER, channel) else {
                    return Taken::Yes;
                };
                // What is refused is so because the circuit is being cleared or reset, which goes
                // through by itself.
                let _ = match kind {
                    Kind::Sent => layer.deliver(now, channel),
                    Kind::Reset => {
                        connection.was_reset();
                        layer.reset(now, channel, repr.cause, repr.diagnostic)
                    }
                    Kind::Interrupt => layer.interrupt(now, channel, payload),
                    Kind::Confirm => layer.confirm_interrupt(now, channel),
                    _ => Ok(()),
                };
            }
            _ => {}
        }
        Taken::Yes
    }

    /// Clears both circuits of a call.
    fn end_both(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize, (cause, code): Why) {
        if let Some(connection) = connection(&mut self.connections, slot) {
            let repr = Repr {
                cause,
                diagnostic: code,
                ..Repr::new(Kind::Clear)
            };
            connection.tell(&repr, &[]);
        }
        self.clear(lp.now(), engine, slot, cause, code, &Call::default());
    }
}

/// An answer of the other link for this one: sizes of packets and windows are each link's own (6.12), and what was
/// agreed on there may not have been asked for here.
fn of_this_link(answer: Call) -> Call {
    let mut facilities = FacilityList::new();
    let others = |kind| !matches!(kind, code::PACKET_SIZE | code::WINDOW_SIZE);
    // A part of what fitted.
    let _ = facilities.append(&answer.facilities.get(), others);
    Call {
        facilities,
        ..answer
    }
}

/// What the other device's refusal of a call means to the caller.
fn why(reason: Reason) -> Why {
    match reason {
        Reason::LinkDown => (cause::clear::OUT_OF_ORDER, diagnostic::NONE),
        Reason::NoChannel => (cause::clear::NETWORK_CONGESTION, diagnostic::NO_CHANNEL),
        Reason::Limit | Reason::Busy => (cause::clear::NETWORK_CONGESTION, diagnostic::NONE),
        Reason::Unsupported => (
            cause::clear::INVALID_FACILITY,
            diagnostic::FACILITY_NOT_ALLOWED,
        ),
        _ => (
            cause::clear::REMOTE_PROCEDURE_ERROR,
            diagnostic::SETUP_PROBLEM,
        ),
    }
}
