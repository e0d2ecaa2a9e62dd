//! Who is shown what the protocols trace.

use wanbox_net_engine::Station;

use crate::console::{ConsoleId, Kind};

/// A protocol that tells what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Icmp,
    Rip,
    Domain,
    Tcp,
}

impl Source {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Icmp, "icmp"),
        (Self::Rip, "rip"),
        (Self::Domain, "domain"),
        (Self::Tcp, "tcp"),
    ];

    /// The one that a command is about.
    pub fn of(command: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == command);
        found.map(|(source, _)| *source)
    }

    fn is_on(self, station: &Station) -> bool {
        match self {
            Self::Icmp => station.icmp.trace,
            Self::Rip => station.rip.trace > 0,
            Self::Domain => station.resolver.trace,
            Self::Tcp => station.tcp.parameters().trace,
        }
    }

    fn switch_off(self, station: &mut Station) {
        match self {
            Self::Icmp => station.icmp.trace = false,
            Self::Rip => station.rip.trace = 0,
            Self::Domain => station.resolver.trace = false,
            Self::Tcp => {
                let mut parameters = *station.tcp.parameters();
                parameters.trace = false;
                station.tcp.set_parameters(parameters);
            }
        }
    }
}

/// The console that switched a trace on is shown it. What a script switched on stays on when it ends, for
/// whoever is there; what somebody switched on ends with the console.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traces {
    owners: [Option<ConsoleId>; 4],
    was_on: [bool; 4],
}

impl Traces {
    /// A command about a protocol was run.
    pub fn changed(&mut self, source: Source, station: &Station, id: ConsoleId, kind: Kind) {
        let at = source as usize;
        let on = source.is_on(station);
        if let (Some(owner), Some(was_on)) = (self.owners.get_mut(at), self.was_on.get_mut(at)) {
            let switched = on && !std::mem::replace(was_on, on);
            if switched {
                *owner = kind.has_keyboard().then_some(id);
            }
        }
    }

    /// Who is shown it; `None`: whoever is there.
    pub fn owner(&self, source: Source) -> Option<ConsoleId> {
        self.owners.get(source as usize).copied().flatten()
    }

    /// A console is gone, and with it what it switched on.
    pub fn gone(&mut self, id: ConsoleId, station: &mut Station) {
        for (source, _) in Source::ALL {
            let at = source as usize;
            if self.owner(source) == Some(id) {
                source.switch_off(station);
                if let (Some(owner), Some(on)) = (self.owners.get_mut(at), self.was_on.get_mut(at))
                {
                    *owner = None;
                    *on = false;
                }
            }
        }
    }
}
