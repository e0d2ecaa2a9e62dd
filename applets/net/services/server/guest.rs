//! `start ax25`, `start netrom`: consoles for whoever connects by radio. A call sign is no proof of anything, so these are guests.
//!
//! Lines come with a carriage return and go out with one; what is typed waits in the connection until the console
//! asks for it.

use std::time::{Duration, Instant};

use wanbox_net_engine::Station;
use wanbox_wire::ax25::Call;

use crate::stream::Stream;
use crate::{LoginId, Notice, Services};

/// The most guests, and the most of one call sign.
const MOST: usize = 32;
const MOST_OF_CALL: usize = 2;
/// One who types nothing for so long is sent away.
const IDLE: Duration = Duration::from_secs(1800);
/// How long what is left to be said may take.
const CLOSING: Duration = Duration::from_secs(120);
/// Octets that wait because the connection has no room.
const MOST_PENDING: usize = 2048;
/// Flow control of terminals, which is nobody's here.
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

/// Somebody who connected.
#[derive(Debug)]
pub(crate) struct Guest {
    stream: Stream,
    call: Call,
    /// The node of NET/ROM that it comes from.
    node: Option<Call>,
    /// When something was typed, or the end began.
    seen: Instant,
    /// What was received and not taken.
    ahead: Vec<u8>,
    /// What the connection has not taken.
    pending: Vec<u8>,
    /// A carriage return came last: a line feed or NUL behind it belongs to it.
    carriage_return: bool,
    /// The owner was told that keys wait.
    told: bool,
    /// The owner is to be told when there is room.
    wants_room: bool,
    /// This side is done.
    closing: bool,
}

impl Guest {
    /// Who it is, as the log and the login have it.
    fn name(&self) -> String {
        match self.node {
            Some(node) => format!("{} @ {node}", self.call),
            None => self.call.to_string(),
        }
    }

    const fn protocol(&self) -> &'static str {
        match self.node {
            Some(_) => "NETROM",
            None => "AX25",
        }
    }

    const fn due(&self) -> Duration {
        if self.closing { CLOSING } else { IDLE }
    }

    /// Sends what waits: whether all of it is on its way.
    fn flush(&mut self, now: Instant, station: &mut Station) -> bool {
        let sent = self.stream.send(now, station, &self.pending);
        self.pending.drain(..sent.unwrap_or(self.pending.len()));
        self.pending.is_empty()
    }
}

impl Services {
    fn guest(&mut self, stream: Stream) -> Option<&mut Guest> {
        let mut guests = self.servers.guests.iter_mut();
        guests.find(|guest| guest.stream == stream && !guest.closing)
    }

    pub(super) fn guest_name(&self, stream: Stream) -> Option<(String, &'static str)> {
        let mut guests = self.servers.guests.iter();
        let guest = guests.find(|guest| guest.stream == stream)?;
        Some((guest.name(), guest.protocol()))
    }

    /// What happened to a connection of AX.25.
    pub fn ax25_event(
        &mut self,
        now: Instant,
        station: &mut Station,
        event: &wanbox_net_ax25::Event,
    ) {
        use wanbox_net_ax25::Event;
        match *event {
            Event::Incoming(link) => {
                let call = station.ax25.link(link).map(|view| view.header.destination);
                self.guest_comes(now, station, Stream::Ax25(link), call, None);
            }
            Event::Readable(link) => self.guest_types(Stream::Ax25(link)),
            Event::Writable(link) => self.guest_writes(now, station, Stream::Ax25(link)),
            Event::Down { link, reason, .. } => {
                let stream = Stream::Ax25(link);
                if !self.session_down(stream, reason) {
                    self.guest_goes(now, station, stream);
                }
            }
            Event::Up { .. } => {}
        }
    }

    /// What happened to a circuit of NET/ROM.
    pub fn netrom_event(
        &mut self,
        now: Instant,
        station: &mut Station,
        event: wanbox_net_netrom::Event,
    ) {
        use wanbox_net_netrom::{Event, State};
        match event {
            Event::Incoming(id) => {
                let circuit = station.netrom.circuit(id);
                let (call, node) = (
                    circuit.map(|circuit| circuit.user()),
                    circuit.map(|circuit| circuit.node()),
                );
                self.guest_comes(now, station, Stream::Circuit(id), call, node);
            }
            Event::Readable(id) => self.guest_types(Stream::Circuit(id)),
            Event::Writable(id) => self.guest_writes(now, station, Stream::Circuit(id)),
            Event::State(id) => {
                let circuit = station.netrom.circuit(id);
                if circuit.is_none_or(|circuit| circuit.state() == State::Disconnected) {
                    self.guest_goes(now, station, Stream::Circuit(id));
                }
            }
        }
    }

    /// Something came of a guest.
    fn guest_types(&mut self, stream: Stream) {
        if let Some(guest) = self.guest(stream)
            && !std::mem::replace(&mut guest.told, true)
        {
            self.notices
                .push_back(Notice::LoginReadable(LoginId(stream)));
        }
    }

    fn guest_comes(
        &mut self,
        now: Instant,
        station: &mut Station,
        stream: Stream,
        call: Option<Call>,
        node: Option<Call>,
    ) {
        let guests = &mut self.servers.guests;
        let call = call.unwrap_or(Call::NONE);
        let same = |guest: &&Guest| guest.call.with_ssid(0) == call.with_ssid(0);
        let full = guests.len() >= MOST;
        if full || guests.iter().filter(same).count() >= MOST_OF_CALL {
            let counters = &mut self.counters;
            let counter = if full {
                &mut counters.too_many
            } else {
                &mut counters.too_many_of_host
            };
            *counter += 1;
            stream.release(now, station);
            return;
        }
        guests.push(Guest {
            stream,
            call,
            node,
            seen: now,
            ahead: Vec::new(),
            pending: Vec::new(),
            carriage_return: false,
            told: false,
            wants_room: false,
            closing: false,
        });
        self.counters.accepted += 1;
        if let Some(guest) = guests.last() {
            let text = format!("{} - open {}", guest.name(), guest.protocol());
            self.log_text(now, text);
        }
        self.notices.push_back(Notice::LoginOpened(LoginId(stream)));
    }

    fn guest_goes(&mut self, now: Instant, station: &mut Station, stream: Stream) {
        let guests = &mut self.servers.guests;
        let Some(place) = guests.iter().position(|guest| guest.stream == stream) else {
            return;
        };
        let guest = guests.swap_remove(place);
        stream.release(now, station);
        let text = format!("{} - close {}", guest.name(), guest.protocol());
        self.log_text(now, text);
        if !guest.closing {
            self.notices.push_back(Notice::LoginClosed(LoginId(stream)));
        }
    }

    /// A guest's connection has room.
    fn guest_writes(&mut self, now: Instant, station: &mut Station, stream: Stream) {
        let guests = &mut self.servers.guests;
        let Some(guest) = guests.iter_mut().find(|guest| guest.stream == stream) else {
            return;
        };
        if !guest.flush(now, station) {
            return;
        }
        if guest.closing {
            stream.close(now, station);
        } else if std::mem::take(&mut guest.wants_room) {
            self.notices
                .push_back(Notice::LoginWritable(LoginId(stream)));
        }
    }

    pub(super) fn guest_input(
        &mut self,
        now: Instant,
        station: &mut Station,
        stream: Stream,
        most: usize,
        keys: &mut Vec<u8>,
    ) {
        let Some(guest) = self.guest(stream) else {
            return;
        };
        guest.told = false;
        while guest.ahead.len() < most {
            if stream.receive(now, station, most, &mut guest.ahead) == 0 {
                break;
            }
            guest.seen = now;
        }
        let count = guest.ahead.len().min(most);
        for octet in guest.ahead.drain(..count) {
            let behind = std::mem::replace(&mut guest.carriage_return, octet == b'\r');
            if !(behind && matches!(octet, b'\n' | 0)) {
                keys.push(octet);
            }
        }
        // The connection tells only of what it got.
        if !guest.ahead.is_empty() {
            guest.told = true;
            self.notices
                .push_back(Notice::LoginReadable(LoginId(stream)));
        }
    }

    pub(super) fn guest_output(
        &mut self,
        now: Instant,
        station: &mut Station,
        stream: Stream,
        octets: &[u8],
    ) -> usize {
        let Some(guest) = self.guest(stream) else {
            return octets.len();
        };
        let room = MOST_PENDING.saturating_sub(guest.pending.len());
        let taken = octets.len().min(room);
        let part = octets.iter().take(taken);
        let kept = part.filter(|octet| !matches!(**octet, b'\n' | XON | XOFF));
        guest.pending.extend(kept);
        guest.flush(now, station);
        guest.wants_room |= taken < octets.len();
        taken
    }

    /// The console of a guest ends; what was shown before still goes out.
    pub(super) fn guest_closed(&mut self, now: Instant, station: &mut Station, stream: Stream) {
        let Some(guest) = self.guest(stream) else {
            return;
        };
        guest.closing = true;
        guest.seen = now;
        if guest.flush(now, station) {
            stream.close(now, station);
        }
    }

    /// When a guest is to be looked at.
    pub(super) fn guests_due(&self) -> Option<Instant> {
        let guests = self.servers.guests.iter();
        guests.map(|guest| guest.seen + guest.due()).min()
    }

    /// Sends guests away who type nothing.
    pub(super) fn guests_timeout(&mut self, now: Instant, station: &mut Station) {
        let guests = self.servers.guests.iter();
        let due = guests.filter(|guest| guest.seen + guest.due() <= now);
        let due: Vec<(Stream, bool)> = due.map(|guest| (guest.stream, guest.closing)).collect();
        for (stream, closing) in due {
            self.counters.idle += 1;
            if closing {
                // An error says that it is over.
                let _ = stream.abort(now, station);
                self.guest_goes(now, station, stream);
                continue;
            }
            self.notices.push_back(Notice::LoginClosed(LoginId(stream)));
            self.guest_closed(now, station, stream);
        }
    }
}
