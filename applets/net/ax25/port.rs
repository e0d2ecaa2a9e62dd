//! The lines of the station, as AX.25 knows them.

use wanbox_wire::ax25::Call;

/// The most lines; those of higher numbers are not taken.
const MOST_PORTS: usize = 1024;

/// A line: the number of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub u16);

impl Port {
    /// The number, for tables that are indexed by it.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSettings {
    /// Our call sign on it.
    pub call: Call,
    /// Datagrams go in UI frames, unless their type of service wants it otherwise.
    pub datagram: bool,
    /// The line that is used for output instead.
    pub forward: Option<Port>,
}

/// Pieces of time of [`Recent`], and how long each is.
const PIECES: u64 = 8;
const PIECE: u64 = 15;

/// Octets of the last two minutes, but for less than a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    /// The number of the last piece of time that is counted.
    piece: u64,
    octets: [u64; PIECES as usize],
}

impl Recent {
    /// So many octets more, so many seconds after the start; what there were in two minutes.
    pub fn count(&mut self, seconds: i64, more: usize) -> u64 {
        let piece = seconds.unsigned_abs() / PIECE;
        let since = piece.saturating_sub(self.piece).min(PIECES);
        for passed in 0..since {
            let at = (piece - passed) % PIECES;
            if let Some(octets) = self.octets.get_mut(at as usize) {
                *octets = 0;
            }
        }
        self.piece = piece;
        if let Some(octets) = self.octets.get_mut((piece % PIECES) as usize) {
            *octets += more as u64;
        }
        self.octets.iter().sum()
    }
}

/// The lines by number.
#[derive(Debug, Default)]
pub(crate) struct Ports(Vec<Option<PortSettings>>);

impl Ports {
    /// Sets what is known of a line; `None`: it is gone.
    pub fn set(&mut self, port: Port, settings: Option<PortSettings>) {
        let at = port.index();
        if at >= MOST_PORTS {
            return;
        }
        if at >= self.0.len() {
            self.0.resize(at + 1, None);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = settings;
        }
    }

    /// What is known of a line.
    pub fn get(&self, port: Port) -> Option<&PortSettings> {
        self.0.get(port.index())?.as_ref()
    }

    /// Our call sign on a line.
    pub fn call(&self, port: Port) -> Option<Call> {
        self.get(port).map(|settings| settings.call)
    }

    /// The line that carries what leaves by a line.
    pub fn line(&self, port: Port) -> Port {
        self.get(port)
            .and_then(|settings| settings.forward)
            .filter(|to| self.get(*to).is_some())
            .unwrap_or(port)
    }

    /// Whether a call sign is ours on any line.
    pub fn has_call(&self, call: Call) -> bool {
        self.iter().any(|(_, settings)| settings.call == call)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Port, &PortSettings)> {
        let numbered = (0..).map(Port).zip(&self.0);
        numbered.filter_map(|(port, settings)| Some((port, settings.as_ref()?)))
    }
}
