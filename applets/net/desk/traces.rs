//! Who is shown what the protocols trace.

use wanbox_net_engine::interface::TraceFlags;
use wanbox_net_engine::{InterfaceId, Station};

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces {
    owners: [Option<ConsoleId>; 4],
    was_on: [bool; 4],
    /// Interfaces whose packets are shown at a console.
    packets: Vec<(InterfaceId, ConsoleId)>,
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

    /// Packets of an interface are shown at a console from now on; or not, for they go to a file.
    pub fn packets(&mut self, interface: InterfaceId, console: Option<ConsoleId>) {
        self.packets.retain(|(known, _)| *known != interface);
        self.packets
            .extend(console.map(|console| (interface, console)));
    }

    /// Who is shown it; `None`: whoever is there.
    pub fn owner(&self, source: Source) -> Option<ConsoleId> {
        self.owners.get(source as usize).copied().flatten()
    }

    /// Who is shown packets; `None`: whoever is there.
    pub fn packet_owner(&self, interface: InterfaceId) -> Option<ConsoleId> {
        let mut packets = self.packets.iter();
        let found = packets.find(|(known, _)| *known == interface);
        found.map(|(_, console)| *console)
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
        self.packets.retain(|(interface, console)| {
            if *console == id
                && let Some(interface) = station.interfaces.get_mut(*interface)
            {
                interface.trace = TraceFlags::default();
            }
            *console != id
        });
    }
}
