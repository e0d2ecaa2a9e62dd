//! What all connections of a stack have in common.

use std::collections::VecDeque;

use wanbox_wire::ip::TcpFlags;

use crate::connection::State;
use crate::counters::Counters;
use crate::event::Event;
use crate::flow::Flow;
use crate::parameters::Parameters;
use crate::ring::Pool;
use crate::rtt::Paths;
use crate::sequence::Seq;
use crate::siphash::Key;
use crate::table::Id;
use crate::timers::Timers;

/// A segment that belongs to no connection, or to none any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub flow: Flow,
    pub seq: Seq,
    pub ack: Seq,
    pub flags: TcpFlags,
    pub window: u16,
    pub mss: Option<u16>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub parameters: Parameters,
    pub counters: Counters,
    pub key: Key,
    pub pool: Pool,
    pub paths: Paths,
    pub timers: Timers,
    /// Connections with something to send.
    pub ready: VecDeque<u32>,
    /// The only connection that has something to send has got much of its window.
    pub pressing: bool,
    /// Connections with news.
    pub notices: VecDeque<u32>,
    /// Changes of states, and servers with connections to accept.
    pub events: VecDeque<Event>,
    pub replies: VecDeque<Reply>,
    /// Connections in TIME-WAIT, in the order in which they came there.
    pub time_waits: VecDeque<Id>,
}

/// The most answers to strangers that wait.
const STRANGERS: usize = 256;
/// The most traced changes that wait.
const TRACES: usize = 1024;

impl Shared {
    pub fn new(key: Key, parameters: Parameters) -> Self {
        Self {
            parameters,
            counters: Counters::default(),
            key,
            pool: Pool::new(parameters.buffers),
            paths: Paths::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            pressing: false,
            notices: VecDeque::new(),
            events: VecDeque::new(),
            replies: VecDeque::new(),
            time_waits: VecDeque::new(),
        }
    }

    /// An answer to a segment of no connection.
    pub fn reply(&mut self, reply: Reply) {
        if self.replies.len() < STRANGERS {
            self.replies.push_back(reply);
        } else {
            self.counters.answers_suppressed += 1;
        }
    }

    /// The last segment of a connection: not more of them than there were connections.
    pub fn own_reply(&mut self, reply: Reply) {
        self.replies.push_back(reply);
    }

    pub fn trace(&mut self, id: Id, from: State, to: State) {
        if self.parameters.trace && self.events.len() < TRACES {
            self.events.push_back(Event::Changed { id, from, to });
        }
    }
}
