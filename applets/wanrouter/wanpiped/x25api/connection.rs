//! One connection to the socket, and its circuit.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Instant;

use wanbox_link::x25::{Call, Layer, Status as Circuit};
use wanbox_runtime::datagram::Datagram;
use wanbox_runtime::event_loop::{Interest, Loop, Source};
use wanbox_wanrouter_engine::x25::{Owner, X25};
use wanbox_wire::x25::{Lci, Marks};
use wanbox_wire::x25api::{
    self, HEADER, Kind, MAX_PAYLOAD, Pattern, Reason, Refused, Repr, State, Status, flags,
};

use super::OWNER;
use crate::wanpiped::api::{Queue, is_full, wall_ns};

/// Answers that may wait before an application is not read any more until it reads.
const ANSWERS: usize = 64;
/// Messages of an application that wait for the acknowledgement that it wants.
const UNSENT: usize = 256;
/// Packets given to one application in a turn.
const PACKETS: usize = 64;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet.
    Idle,
    /// It waits for incoming calls.
    Listening,
    /// Its call is on the way.
    Calling,
    /// Its circuit carries data.
    Connected,
    /// Its circuit is cleared as soon as the other end has everything.
    Lingering,
    /// Its circuit is being cleared.
    Clearing,
    /// There is nothing left to do but to tell so.
    Over,
}

/// Whom a connection goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An application, which has connected to this device.
    Application,
    /// Another device, to which this one has connected to pass a call on.
    Switch,
}

/// A message whose acknowledgement is to be told.
struct Unsent {
    /// Where its last octet is in all that was sent.
    end: u64,
    /// The count of acknowledged packets that says so, once it is on its way.
    target: Option<u32>,
    tag: u32,
}

/// A connection.
pub struct Connection {
    pub role: Role,
    pub stage: Stage,
    /// `None`: nobody is there any more; what was sent before still goes.
    pub socket: Option<(Datagram, Source)>,
    queue: Queue,
    /// The circuit.
    pub channel: Option<Lci>,
    /// Whose circuit it is to the engine.
    pub owner: Owner,
    /// The tag of the call, the clear or the reset that an answer is due to.
    pub tag: u32,
    /// The other end of the connection says when data with D are delivered.
    pub withholds: bool,
    /// It did not take what it must know, and counts as gone.
    pub is_deaf: bool,
    /// Data were not taken from it, or were lost.
    pub lost_some: bool,
    /// The call that is on the way, to be made again after a collision.
    pub call: Option<Box<Call>>,
    /// The addresses that it listens for, or its own.
    pub pattern: Option<Pattern>,
    /// The first user data of the calls that it listens for.
    pub prefix: Vec<u8>,
    /// Messages that were read from it and wait for the circuit.
    pub waiting: VecDeque<Vec<u8>>,
    /// Octets of data that the circuit has taken.
    given: u64,
    unsent: VecDeque<Unsent>,
    /// How it is to be cleared when everything is acknowledged: cause, diagnostic, the latest time.
    pub linger: Option<(u8, u8, Instant)>,
    /// When the wait of a connection that nobody is at any more ends.
    pub until: Option<Instant>,
    /// The other end may not have acknowledged everything yet.
    unconfirmed: bool,
    /// It is among those that are looked at when the turn ends.
    pub noted: bool,
    /// It is among those whose data wait to be acknowledged.
    pub waits: bool,
    rx_packets: u64,
    rx_octets: u64,
    tx_messages: u64,
    tx_octets: u64,
    resets: u64,
    pub refused: u64,
}

impl Connection {
    pub fn new(role: Role, socket: Datagram, source: Source) -> Self {
        Self {
            role,
            stage: Stage::Idle,
            socket: Some((socket, source)),
            queue: Queue::default(),
            channel: None,
            owner: OWNER,
            tag: 0,
            withholds: false,
            is_deaf: false,
            lost_some: false,
            call: None,
            pattern: None,
            prefix: Vec::new(),
            waiting: VecDeque::new(),
            given: 0,
            unsent: VecDeque::new(),
            linger: None,
            until: None,
            unconfirmed: false,
            noted: false,
            waits: false,
            rx_packets: 0,
            rx_octets: 0,
            tx_messages: 0,
            tx_octets: 0,
            resets: 0,
            refused: 0,
        }
    }

    /// Data pass in both directions.
    pub fn carries(&self) -> bool {
        matches!(self.stage, Stage::Connected | Stage::Lingering)
    }

    /// Its messages may be read.
    pub fn may_send(&self) -> bool {
        self.waiting.is_empty()
            && !matches!(self.stage, Stage::Lingering | Stage::Clearing | Stage::Over)
            && self.queue.news() < ANSWERS
            && self.unsent.len() < UNSENT
    }

    /// Nothing is left to be told, or nobody to tell it to, and no circuit is left.
    pub fn is_finished(&self) -> bool {
        self.stage == Stage::Over && (self.queue.is_empty() || self.socket.is_none())
    }

    /// Waits for what it may do now.
    pub fn follow(&self, lp: &mut Loop) -> io::Result<()> {
        let Some((socket, source)) = &self.socket else {
            return Ok(());
        };
        let read = self.may_send() || self.stage == Stage::Over;
        lp.modify(*source, socket, Interest::of(read, !self.queue.is_empty()))
    }

    /// Nobody is there any more.
    pub fn deafen(&mut self, lp: &mut Loop) {
        if let Some((socket, source)) = self.socket.take() {
            // It is closed in a moment anyway.
            let _ = lp.deregister(source, &socket);
        }
        self.queue.clear();
        self.unsent.clear();
    }

    /// Gives it a message. `false`: it reads so little that there is no room.
    pub fn tell(&mut self, repr: &Repr, payload: &[u8]) -> bool {
        let Some((socket, _)) = &self.socket else {
            return true;
        };
        let header = Repr {
            channel: self.channel.map_or(repr.channel, Lci::get),
            length: payload.len() as u16,
            time_ns: wall_ns(),
            ..*repr
        };
        let header = header.octets();
        if self.queue.is_empty() {
            match socket.send_pieces(&[IoSlice::new(&header), IoSlice::new(payload)]) {
                Err(error) if is_full(&error) => {}
                // That it is gone is seen when it is read.
                _ => return true,
            }
        }
        self.queue.push_news(&header, payload)
    }

    /// Refuses the message with this tag.
    pub fn refuse(&mut self, tag: u32, reason: Reason, limit: u32) {
        self.refused += 1;
        let repr = Repr {
            tag,
            ..Repr::new(Kind::Refused)
        };
        self.tell(&repr, &Refused { reason, limit }.octets());
    }

    /// Says that what the message with this tag asked for is done.
    pub fn done(&mut self, tag: u32) {
        let repr = Repr {
            tag,
            ..Repr::new(Kind::Done)
        };
        self.tell(&repr, &[]);
    }

    /// Gives it what waits for it, then packets of its circuit, as far as it takes them. `true`:
    /// there is more for the next turn.
    pub fn deliver(&mut self, now: Instant, engine: &mut X25, buffer: &mut Vec<u8>) -> bool {
        if !self.drain() || !self.carries() {
            return false;
        }
        let Some((channel, (socket, _))) = self.channel.zip(self.socket.as_ref()) else {
            return false;
        };
        let Ok(layer) = engine.circuit(self.owner, channel) else {
            return false;
        };
        for _ in 0..PACKETS {
            buffer.clear();
            buffer.resize(HEADER, 0);
            let Some(marks) = layer.read(now, channel, buffer) else {
                return false;
            };
            let octets = buffer.len() - HEADER;
            let withheld = marks.d && self.role == Role::Switch;
            let header = Repr {
                flags: bits(marks) | if withheld { flags::ACK } else { 0 },
                channel: channel.get(),
                length: octets as u16,
                time_ns: wall_ns(),
                ..Repr::new(Kind::Data)
            };
            if let Some(place) = buffer.first_chunk_mut() {
                *place = header.octets();
            }
            self.rx_packets += 1;
            self.rx_octets += octets as u64;
            match socket.send(buffer) {
                Err(error) if is_full(&error) => {
                    // The queue is empty: there is room for one packet.
                    self.queue.push_frame(buffer, &[]);
                    return false;
                }
                Ok(()) => {}
                // That it is gone is seen when it is read.
                Err(_) => return false,
            }
        }
        true
    }

    /// `false`: it does not take more now.
    fn drain(&mut self) -> bool {
        while let Some([first, second]) = self.queue.front() {
            let Some((socket, _)) = &self.socket else {
                return false;
            };
            match socket.send_pieces(&[IoSlice::new(first), IoSlice::new(second)]) {
                Err(error) if is_full(&error) => return false,
                _ => self.queue.pop(),
            }
        }
        true
    }

    /// A message was given to the circuit.
    pub fn sent(&mut self, repr: &Repr) {
        self.tx_messages += 1;
        self.tx_octets += u64::from(repr.length);
        self.given += u64::from(repr.length);
        self.unconfirmed = true;
        // What came with D over another device is told of as delivered when it is.
        let delivery = self.role == Role::Switch && repr.flags & flags::D != 0;
        if repr.flags & flags::ACK != 0 || delivery {
            self.unsent.push_back(Unsent {
                end: self.given,
                target: None,
                tag: repr.tag,
            });
        }
    }

    /// Acknowledgements are waited for.
    pub fn awaits(&self) -> bool {
        self.unconfirmed && self.carries()
    }

    fn circuit(&self, layer: Option<&Layer>) -> Option<Circuit> {
        layer?.status(self.channel?)
    }

    /// Tells of messages that the other end has acknowledged.
    pub fn acknowledge(&mut self, layer: Option<&Layer>) {
        if !self.unconfirmed || !self.carries() {
            return;
        }
        let Some(status) = self.circuit(layer) else {
            return;
        };
        self.unconfirmed = status.waiting > 0 || status.outstanding > 0;
        let on_their_way = self.given.saturating_sub(status.waiting as u64);
        let all = status.delivered.wrapping_add(status.outstanding as u32);
        for unsent in self.unsent.iter_mut() {
            if unsent.end > on_their_way {
                break;
            }
            unsent.target.get_or_insert(all);
        }
        while let Some(first) = self.unsent.front()
            && let Some(target) = first.target
            && status.delivered.wrapping_sub(target).cast_signed() >= 0
        {
            let repr = Repr {
                tag: first.tag,
                ..Repr::new(Kind::Sent)
            };
            if !self.tell(&repr, &[]) {
                return;
            }
            self.unsent.pop_front();
        }
    }

    /// The other end has acknowledged everything, as far as is known here.
    pub fn is_acknowledged(&self) -> bool {
        self.waiting.is_empty() && !self.unconfirmed && !self.lost_some
    }

    /// Nothing is told any more of what was sent.
    pub fn forget(&mut self) {
        self.unsent.clear();
    }

    /// The circuit is gone: whoever asked for that is told.
    pub fn finish(&mut self) {
        if self.stage == Stage::Clearing && self.role == Role::Application {
            self.done(self.tag);
        }
        self.stage = Stage::Over;
    }

    /// The circuit was reset.
    pub fn was_reset(&mut self) {
        self.resets += 1;
        for unsent in std::mem::take(&mut self.unsent) {
            self.refuse(unsent.tag, Reason::Lost, 0);
        }
        // What waits in the layer is gone; counting begins anew.
        self.given = 0;
        self.unconfirmed = false;
    }

    /// Tells of its status, as an answer or with tag 0 as news.
    pub fn tell_status(&mut self, tag: u32, link_up: bool, layer: Option<&Layer>) {
        let circuit = self.circuit(layer);
        let flow = circuit.as_ref().map(|circuit| circuit.flow);
        let status = Status {
            state: match self.stage {
                Stage::Idle => State::Idle,
                Stage::Listening => State::Listening,
                Stage::Calling => State::Calling,
                Stage::Connected => State::Connected,
                Stage::Lingering | Stage::Clearing | Stage::Over => State::Clearing,
            },
            link_up,
            window_out: flow.map_or(0, |flow| flow.send_window),
            window_in: flow.map_or(0, |flow| flow.receive_window),
            packet_out: flow.map_or(0, |flow| flow.send_size.octets() as u16),
            packet_in: flow.map_or(0, |flow| flow.receive_size.octets() as u16),
            limit: MAX_PAYLOAD as u32,
            waiting: circuit.map_or(0, |c| c.waiting as u32),
            rx_packets: self.rx_packets,
            rx_octets: self.rx_octets,
            tx_messages: self.tx_messages,
            tx_octets: self.tx_octets,
            resets: self.resets,
            refused: self.refused,
        };
        let repr = Repr {
            tag,
            ..Repr::new(Kind::Status)
        };
        self.tell(&repr, &status.octets());
    }
}

/// The bits of a packet as flags.
fn bits(marks: Marks) -> u16 {
    let of = |set, flag| if set { flag } else { 0 };
    of(marks.q, flags::Q) | of(marks.d, flags::D) | of(marks.m, flags::M)
}

/// Flags as the bits of a packet.
pub fn marks(flags: u16) -> Marks {
    Marks {
        q: flags & flags::Q != 0,
        d: flags & flags::D != 0,
        m: flags & flags::M != 0,
    }
}

/// A call as it is told to applications.
pub fn call_octets(call: &Call) -> Vec<u8> {
    let (called, calling) = (call.called.to_string(), call.calling.to_string());
    let block = x25api::Call {
        called: &called,
        calling: &calling,
        facilities: call.facilities.get().octets(),
        data: &call.user_data,
    };
    block.octets()
}
