//! By which line and which digipeaters a station is reached: learned from what is heard, or told.

use std::collections::HashMap;

use wanbox_wire::ax25::{Call, Digi, Digis};

use crate::Port;
use crate::connection::Extended;

/// The most entries: what strangers can make the table hold. Learned ones make room for others.
const MOST_ROUTES: usize = 8192;

/// How a station is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nobody knows: by the default line.
    Unknown,
    /// Directly.
    Port(Port),
    /// Through a digipeater, which has an entry of its own.
    Digi(Call),
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// How the station is reached.
    pub next: Next,
    /// What is heard does not change it.
    pub permanent: bool,
    /// A session begins with the connection, and not with the first text.
    pub jumpstart: bool,
    /// What is done about version 2.2 with this station, if not what is done with others.
    pub extended: Option<Extended>,
    /// When it was last used, seconds since the start; what comes from a file is from before.
    pub used: i64,
}

impl Route {
    const NEW: Self = Self {
        next: Next::Unknown,
        permanent: false,
        jumpstart: false,
        extended: None,
        used: 0,
    };

    /// Whether something is set for the station that has nothing to do with its way.
    const fn is_noted(&self) -> bool {
        self.jumpstart || self.extended.is_some()
    }

    /// Whether somebody has said something of the station: it is not forgotten by itself.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.permanent || self.is_noted()
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Routes {
    table: HashMap<Call, Route>,
    /// The line for stations that nobody knows.
    pub default: Option<Port>,
    /// Entries that were forgotten to make room.
    pub forgotten: u64,
    changed: bool,
}

impl Routes {
    /// An entry.
    #[must_use]
    pub fn get(&self, call: Call) -> Option<&Route> {
        self.table.get(&call)
    }

    /// All entries, the stations in order.
    #[must_use]
    pub fn listed(&self) -> Vec<(Call, &Route)> {
        let mut all: Vec<_> = self
            .table
            .iter()
            .map(|(call, route)| (*call, route))
            .collect();
        all.sort_by_key(|(call, _)| *call);
        all
    }

    /// Whether what the file keeps has changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether what the file keeps has changed.
    #[must_use]
    pub const fn has_changed(&self) -> bool {
        self.changed
    }

    /// The digipeaters before a station, the nearest first, at most `room` of them, and the line.
    /// `None`: there is no way, or it goes in a circle or through too many.
    #[must_use]
    pub fn path(&self, station: Call, room: usize) -> Option<(Digis, Port)> {
        let mut digis = Digis::NONE;
        let mut hop = station;
        let port = loop {
            match self
                .table
                .get(&hop)
                .map_or(Next::Unknown, |route| route.next)
            {
                Next::Unknown => break self.default?,
                Next::Port(port) => break port,
                Next::Digi(digi) => {
                    let circle = digi == station || digis.iter().any(|known| known.call == digi);
                    if circle || digis.len() >= room || !digis.push(Digi::new(digi)) {
                        return None;
                    }
                    hop = digi;
                }
            }
        };
        digis.reverse();
        Some((digis, port))
    }

    /// The line that an entry ends at, however many digipeaters are before it.
    #[must_use]
    pub fn port(&self, station: Call) -> Option<Port> {
        let (_, port) = self.path(station, Digis::MOST)?;
        Some(port)
    }

    /// Entries that end at each line, and those of no line behind them.
    #[must_use]
    pub fn count(&self) -> (Vec<(Port, usize)>, usize) {
        let mut counts: Vec<(Port, usize)> = Vec::new();
        let mut nowhere = 0;
        for call in self.table.keys() {
            match self.port(*call) {
                Some(port) => match counts.iter_mut().find(|(known, _)| *known == port) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((port, 1)),
                },
                None => nowhere += 1,
            }
        }
        counts.sort();
        (counts, nowhere)
    }

    fn entry(&mut self, call: Call) -> &mut Route {
        if self.table.len() >= MOST_ROUTES && !self.table.contains_key(&call) {
            let mut learned: Vec<_> = self
                .table
                .iter()
                .filter(|(_, route)| !route.is_told())
                .map(|(call, route)| (route.used, *call))
                .collect();
            // An eighth at once, so that not every frame of a flood has to look for the oldest.
            learned.sort();
            for (_, call) in learned.iter().take(MOST_ROUTES / 8) {
                self.table.remove(call);
                self.forgotten += 1;
            }
        }
        self.table.entry(call).or_insert(Route::NEW)
    }

    fn set(&mut self, call: Call, next: Next, permanent: bool, used: i64) {
        let entry = self.entry(call);
        entry.used = used;
        let changed = !entry.permanent || permanent;
        if changed {
            let is_news = entry.next != next || entry.permanent != permanent;
            entry.next = next;
            entry.permanent = permanent;
            self.changed |= is_news;
        }
    }

    /// Takes down the way to a station: the digipeaters in the order of sending. Permanent entries are only
    /// changed by permanent ones. `false`: a call sign is there twice, is none or means everybody, or the
    /// table has no room.
    pub fn add(
        &mut self,
        used: i64,
        port: Port,
        digis: &[Call],
        station: Call,
        permanent: bool,
    ) -> bool {
        let chain = || digis.iter().copied().chain([station]);
        let twice = |at: usize, call: Call| chain().take(at).any(|other| other == call);
        let wrong = chain()
            .enumerate()
            .any(|(at, call)| call.is_none() || call.is_multicast() || twice(at, call));
        if wrong {
            return false;
        }
        let mut next = Next::Port(port);
        for call in chain() {
            self.set(call, next, permanent, used);
            next = Next::Digi(call);
        }
        true
    }

    /// Takes down how a frame came: the digipeaters that repeated it in the order of their turns. Nothing is
    /// learned from a frame that came through ourselves.
    pub fn learn(
        &mut self,
        used: i64,
        port: Port,
        source: Call,
        passed: &[Digi],
        is_own: &dyn Fn(Call) -> bool,
    ) -> bool {
        if is_own(source) || passed.iter().any(|digi| is_own(digi.call)) {
            return false;
        }
        let mut digis = [source; Digis::MOST];
        for (to, digi) in digis.iter_mut().zip(passed.iter().rev()) {
            *to = digi.call;
        }
        let digis = digis.get(..passed.len()).unwrap_or_default();
        self.add(used, port, digis, source, false)
    }

    /// Leads to a station through another one, or not any more; permanent entries stay as they are, and so do
    /// those that would go in a circle.
    pub fn redirect(&mut self, used: i64, station: Call, via: Option<Call>) {
        let Some(via) = via else {
            if let Some(route) = self.table.get_mut(&station)
                && !route.permanent
                && matches!(route.next, Next::Digi(_))
            {
                route.next = Next::Unknown;
                self.drop_empty(station);
            }
            return;
        };
        let circle = match self.path(via, Digis::MOST) {
            Some((digis, _)) => digis.iter().any(|digi| digi.call == station),
            None => true,
        };
        if !circle && via != station {
            self.set(station, Next::Digi(via), false, used);
        }
    }

    /// Takes an entry out of a file, unless something is known of the station.
    pub fn restore(&mut self, call: Call, next: Next, used: i64) {
        let entry = self.entry(call);
        if entry.next == Next::Unknown {
            entry.next = next;
            entry.used = used;
        }
    }

    /// Whether a session begins with the connection of a station.
    #[must_use]
    pub fn jumpstart(&self, call: Call) -> bool {
        self.get(call).is_some_and(|route| route.jumpstart)
    }

    /// Sets whether a session begins with the connection of a station.
    pub fn set_jumpstart(&mut self, call: Call, jumpstart: bool) {
        self.entry(call).jumpstart = jumpstart;
        self.drop_empty(call);
    }

    /// What is done about version 2.2 with a station; `None`: what is done with others.
    #[must_use]
    pub fn extended(&self, call: Call) -> Option<Extended> {
        self.get(call).and_then(|route| route.extended)
    }

    /// Sets what is done about version 2.2 with a station.
    pub fn set_extended(&mut self, call: Call, extended: Option<Extended>) {
        self.entry(call).extended = extended;
        self.drop_empty(call);
    }

    /// An entry that says nothing is none.
    fn drop_empty(&mut self, call: Call) {
        let is_empty = |route: &Route| route.next == Next::Unknown && !route.is_told();
        if self.get(call).is_some_and(is_empty) {
            self.table.remove(&call);
        }
    }

    /// A line is gone, and with it the ways by it.
    pub fn remove_port(&mut self, port: Port) {
        self.table
            .retain(|_, route| route.next != Next::Port(port) || route.is_noted());
        for route in self.table.values_mut() {
            if route.next == Next::Port(port) {
                route.next = Next::Unknown;
            }
        }
        self.default = self.default.filter(|default| *default != port);
    }
}

#[cfg(test)]
mod tests;
