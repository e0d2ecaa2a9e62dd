//! What applications ask for.

use wanbox_link::x25::{Call, Refusal};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_wanrouter_engine::x25::{Owner, X25};
use wanbox_wire::api::Header;
use wanbox_wire::x25::{Address, Facilities, FacilityList, Lci};
use wanbox_wire::x25api::{self, Kind, Pattern, Reason, Repr, flags};

use super::connection::{Role, Stage, call_octets, marks};
use super::{LINGER, OWNER, Taken, X25Api, connection};
use crate::wanpiped::device::owner;

/// How a message ends that is refused.
pub type Outcome = Result<Taken, (Reason, u32)>;

impl X25Api {
    /// Deals with a message of a connection.
    pub fn message(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        message: &[u8],
    ) -> Taken {
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Taken::Yes;
        };
        let outcome = match Repr::parse(message) {
            Ok((repr, payload)) => match connection.role {
                Role::Application => self.request(lp, engine, slot, &repr, payload),
                Role::Switch => {
                    return self.answer(lp, engine, slot, &repr, payload);
                }
            },
            Err(_) => Err((Reason::Malformed, 0)),
        };
        match outcome {
            Ok(taken) => taken,
            Err((reason, limit)) => {
                self.counters.refused += 1;
                if let Some(Some(connection)) = self.connections.get_mut(slot) {
                    connection.refuse(Header::tag_of(message), reason, limit);
                }
                Taken::Yes
            }
        }
    }

    fn request(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        repr: &Repr,
        payload: &[u8],
    ) -> Outcome {
        let (now, link_up) = (lp.now(), self.link_up);
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Ok(Taken::Yes);
        };
        let tag = repr.tag;
        match repr.kind {
            Kind::Data => return self.data(lp, engine, slot, repr, payload),
            Kind::Status if payload.is_empty() => {
                connection.tell_status(tag, link_up, engine.layer())
            }
            Kind::Bind if connection.stage == Stage::Idle => {
                let pattern = Pattern::parse(payload).ok_or((Reason::Malformed, 0))?;
                connection.pattern = Some(pattern);
                connection.done(tag);
            }
            Kind::Listen if connection.stage == Stage::Idle => {
                self.listen(engine, slot, tag, payload)?;
            }
            Kind::Call if connection.stage == Stage::Idle => {
                let mut call = read_call(repr, payload)?;
                if call.calling.is_empty()
                    && let Some(own) = connection.pattern.filter(Pattern::is_address)
                {
                    // More digits than an address has are none.
                    call.calling = own.as_str().parse().unwrap_or_default();
                }
                let channel = engine.call(now, OWNER, &call).map_err(reason)?;
                connection.stage = Stage::Calling;
                connection.channel = Some(channel);
                connection.tag = tag;
                connection.withholds = repr.flags & flags::WITHHOLD != 0;
                connection.call = Some(Box::new(call));
                self.circuits.insert(channel, slot);
                self.counters.calls_out += 1;
            }
            Kind::Accept if connection.stage == Stage::Idle => {
                self.accept_call(lp, engine, slot, repr, payload)?;
            }
            Kind::Clear if connection.stage == Stage::Listening => {
                let answer = read_call(repr, payload)?;
                if !self.refuse_call(now, engine, tag, repr.cause, repr.diagnostic, &answer) {
                    return Err((Reason::Absent, 0));
                }
                if let Some(Some(connection)) = self.connections.get_mut(slot) {
                    connection.done(tag);
                }
            }
            Kind::Clear if connection.channel.is_some() => {
                return self.clear_circuit(lp, engine, slot, repr, payload);
            }
            Kind::Attach if connection.stage == Stage::Idle => {
                let channel = Lci::new(repr.channel).ok_or((Reason::Absent, 0))?;
                let owner = Owner(slot as u32);
                engine
                    .attach(owner, channel)
                    .map_err(|refusal| match refusal {
                        Refusal::State => (Reason::Busy, 0),
                        refusal => reason(refusal),
                    })?;
                connection.owner = owner;
                connection.stage = Stage::Connected;
                connection.channel = Some(channel);
                connection.withholds = repr.flags & flags::WITHHOLD != 0;
                self.circuits.insert(channel, slot);
                let accept = Repr {
                    tag,
                    ..Repr::new(Kind::Accept)
                };
                connection.tell(&accept, &[]);
                self.connected(lp, engine, slot);
            }
            _ => {
                let Some(channel) = connection.channel.filter(|_| connection.carries()) else {
                    return Err((
                        match repr.kind {
                            Kind::Refused | Kind::Done | Kind::Status => Reason::Malformed,
                            _ => Reason::State,
                        },
                        0,
                    ));
                };
                let layer = engine.circuit(connection.owner, channel).map_err(reason)?;
                match repr.kind {
                    Kind::Reset => {
                        layer
                            .reset(now, channel, repr.cause, repr.diagnostic)
                            .map_err(reason)?;
                        connection.tag = tag;
                        connection.was_reset();
                    }
                    Kind::Interrupt => {
                        layer.interrupt(now, channel, payload).map_err(reason)?;
                    }
                    Kind::Confirm => layer.confirm_interrupt(now, channel).map_err(reason)?,
                    Kind::Sent => layer.deliver(now, channel).map_err(reason)?,
                    _ => return Err((Reason::State, 0)),
                }
            }
        }
        Ok(Taken::Yes)
    }

    /// User data for the circuit.
    pub fn data(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        repr: &Repr,
        payload: &[u8],
    ) -> Outcome {
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Ok(Taken::Yes);
        };
        let Some(channel) = connection.channel.filter(|_| connection.carries()) else {
            connection.lost_some = true;
            return Err((Reason::State, 0));
        };
        if payload.len() > x25api::MAX_PAYLOAD {
            return Err((Reason::TooLong, x25api::MAX_PAYLOAD as u32));
        }
        let circuit = engine.circuit(connection.owner, channel);
        let sent =
            circuit.and_then(|layer| layer.send(lp.now(), channel, marks(repr.flags), payload));
        match sent {
            Ok(()) => {
                connection.sent(repr);
                Ok(Taken::Yes)
            }
            Err(Refusal::Full) => Ok(Taken::No),
            Err(refusal) => {
                connection.lost_some = true;
                Err(reason(refusal))
            }
        }
    }

    fn listen(
        &mut self,
        engine: &mut X25,
        slot: usize,
        tag: u32,
        prefix: &[u8],
    ) -> Result<(), (Reason, u32)> {
        let most = x25api::Call::DATA;
        if prefix.len() > most {
            return Err((Reason::TooLong, most as u32));
        }
        let any = Pattern::parse(b"*");
        let own = connection(&mut self.connections, slot).and_then(|c| c.pattern);
        let pattern = own.or(any);
        let mut others = self.connections.iter().flatten();
        let same = others.any(|other| {
            other.stage == Stage::Listening && other.pattern == pattern && other.prefix == prefix
        });
        if same {
            return Err((Reason::Busy, 0));
        }
        if let Some(connection) = connection(&mut self.connections, slot) {
            connection.pattern = pattern;
            connection.prefix = prefix.to_vec();
            connection.stage = Stage::Listening;
            connection.done(tag);
        }
        self.want_calls(engine);
        Ok(())
    }

    /// An incoming call becomes the circuit of this connection.
    fn accept_call(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        repr: &Repr,
        payload: &[u8],
    ) -> Result<(), (Reason, u32)> {
        let answer = read_call(repr, payload)?;
        let waiting = self.calls.remove(&repr.tag).ok_or((Reason::Absent, 0))?;
        let circuit = engine.circuit(OWNER, waiting.channel);
        let accepted = circuit.and_then(|layer| layer.accept(lp.now(), waiting.channel, &answer));
        if let Err(refusal) = accepted {
            // It may be accepted otherwise.
            self.calls.insert(repr.tag, waiting);
            return Err(reason(refusal));
        }
        self.counters.accepted += 1;
        self.circuits.insert(waiting.channel, slot);
        if let Some(connection) = connection(&mut self.connections, slot) {
            connection.stage = Stage::Connected;
            connection.channel = Some(waiting.channel);
            connection.withholds = repr.flags & flags::WITHHOLD != 0;
            let delivery = waiting.call.delivery;
            let accepted = Repr {
                tag: repr.tag,
                flags: if delivery { flags::D } else { 0 },
                ..Repr::new(Kind::Accept)
            };
            connection.tell(&accepted, &call_octets(&waiting.call));
        }
        self.connected(lp, engine, slot);
        Ok(())
    }

    /// The circuit of a connection carries data from now on.
    pub fn connected(&mut self, lp: &mut Loop, engine: &mut X25, slot: usize) {
        if let Some(connection) = connection(&mut self.connections, slot)
            && connection.withholds
            && let Some(channel) = connection.channel
        {
            // It is there: it was just accepted.
            let _ = engine
                .circuit(connection.owner, channel)
                .and_then(|layer| layer.withhold_delivery(channel, true));
        }
        self.deliver(lp, engine, slot);
    }

    fn clear_circuit(
        &mut self,
        lp: &mut Loop,
        engine: &mut X25,
        slot: usize,
        repr: &Repr,
        payload: &[u8],
    ) -> Outcome {
        let answer = read_call(repr, payload)?;
        let Some(connection) = connection(&mut self.connections, slot) else {
            return Ok(Taken::Yes);
        };
        match connection.stage {
            Stage::Connected if repr.flags & flags::AFTER != 0 => {
                connection.tag = repr.tag;
                self.linger(lp, slot, repr.cause, repr.diagnostic);
                return Ok(Taken::Yes);
            }
            Stage::Calling | Stage::Connected => connection.tag = repr.tag,
            _ => return Err((Reason::State, 0)),
        }
        self.clear(lp.now(), engine, slot, repr.cause, repr.diagnostic, &answer);
        Ok(Taken::Yes)
    }

    /// Clears a circuit when the other end has everything.
    pub fn linger(&mut self, lp: &mut Loop, slot: usize, cause: u8, diagnostic: u8) {
        let until = lp.now() + LINGER;
        if let Some(connection) = connection(&mut self.connections, slot) {
            connection.stage = Stage::Lingering;
            connection.linger = Some((cause, diagnostic, until));
            lp.set_timer(Token::new(owner::X25, slot as u32), until);
        }
        self.note(slot);
    }
}

/// What a message says of a call; nothing, when nothing follows its header.
pub fn read_call(repr: &Repr, payload: &[u8]) -> Result<Call, (Reason, u32)> {
    let delivery = repr.flags & flags::D != 0;
    if payload.is_empty() {
        return Ok(Call {
            delivery,
            ..Call::default()
        });
    }
    let block = x25api::Call::parse(payload).map_err(|_| (Reason::Malformed, 0))?;
    let address = |digits: &str| {
        digits
            .parse::<Address>()
            .map_err(|_| (Reason::Malformed, 0))
    };
    let mut facilities = FacilityList::new();
    let parsed = Facilities::parse(block.facilities).map_err(|_| (Reason::Unsupported, 0))?;
    facilities
        .append(&parsed, |_| true)
        .map_err(|_| (Reason::Unsupported, 0))?;
    Ok(Call {
        called: address(block.called)?,
        calling: address(block.calling)?,
        facilities,
        user_data: block.data.to_vec(),
        delivery,
    })
}

/// Why the packet layer does not do something, for applications.
pub fn reason(refusal: Refusal) -> (Reason, u32) {
    let reason = match refusal {
        Refusal::Down => Reason::LinkDown,
        Refusal::NoChannel => Reason::NoChannel,
        Refusal::NoCircuit => Reason::Absent,
        Refusal::Full => Reason::Busy,
        Refusal::TooLong => Reason::TooLong,
        Refusal::Empty => Reason::Malformed,
        Refusal::State | Refusal::Permanent | Refusal::Interrupt => Reason::State,
        Refusal::Qualifier
        | Refusal::Facility
        | Refusal::Restricted
        | Refusal::NoFastSelect
        | Refusal::NoDelivery => Reason::Unsupported,
    };
    (reason, 0)
}
