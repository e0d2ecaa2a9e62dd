//! How the frames of connections are counted, which nothing in them says: as it was heard when they were set up.

use std::collections::VecDeque;

use wanbox_wire::ax25::{Call, Header};
use wanbox_wire::lapb::Modulo;

use crate::Port;
use crate::input::control;

/// The most hops that are remembered; the oldest makes room.
const MOST: usize = 256;

/// Two stations that hear each other on a line, and the ends of their connection; each pair in any order.
type Hop = (Port, [Call; 2], [Call; 2]);

fn hop(port: Port, header: &Header) -> Hop {
    let pair = |one: Call, other: Call| [one.min(other), one.max(other)];
    (
        port,
        pair(header.source, header.destination),
        pair(header.immediate_source(), header.immediate_destination()),
    )
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct SetUps(VecDeque<(Hop, Modulo)>);

impl SetUps {
    /// A frame passed: its control field says whether it sets a connection up.
    pub fn note(&mut self, port: Port, header: &Header, field: u8) {
        let modulo = match field & !control::POLL {
            control::SABM => Modulo::Eight,
            control::SABME => Modulo::OneTwentyEight,
            _ => return,
        };
        let hop = hop(port, header);
        self.0.retain(|(known, _)| *known != hop);
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((hop, modulo));
    }

    /// How the frames of the hop that this one is of are counted, if its set-up was heard.
    pub fn modulo(&self, port: Port, header: &Header) -> Option<Modulo> {
        let hop = hop(port, header);
        let known = self.0.iter().find(|(known, _)| *known == hop)?;
        Some(known.1)
    }
}
