//! What programs ask for.

use std::iter::repeat;
use std::time::Instant;

use wanbox_net_engine::{InterfaceId, Station};
use wanbox_wire::agwpe::{Frame, digipeaters, kind};
use wanbox_wire::ax25::{Call, Digis, pid};

use super::links::Session;
use super::monitor::date_and_time;
use super::{Agwpe, MOST_CALLS, MOST_SESSIONS, number, port};

/// What versions programs know: that of the engine whose protocol this is.
const VERSION: [u8; 8] = [0xd5, 0x07, 0, 0, 127, 0, 0, 0];
/// Frames of the answer about who was heard; those behind the last station are empty.
const HEARD: usize = 20;

impl Agwpe {
    /// Deals with a frame of a program.
    pub(super) fn request(
        &mut self,
        now: Instant,
        station: &mut Station,
        place: usize,
        frame: &Frame<'_>,
    ) {
        let answer = |data| Frame { data, ..*frame };
        match frame.kind {
            kind::LOGIN => {}
            kind::VERSION => self.tell(place, &answer(&VERSION)),
            kind::PORTS => {
                let text = ports(station);
                self.tell(place, &answer(text.as_bytes()));
            }
            kind::MONITOR | kind::RAW => {
                if let Some(client) = self.client(place) {
                    let which = match frame.kind {
                        kind::RAW => &mut client.raw,
                        _ => &mut client.monitors,
                    };
                    *which = !*which;
                }
                self.set_monitor(station);
            }
            kind::REGISTER => {
                let taken = frame
                    .from
                    .call()
                    .is_ok_and(|call| self.register(station, place, call));
                self.counters.refused += u64::from(!taken);
                self.tell(place, &answer(&[u8::from(taken)]));
            }
            kind::UNREGISTER => {
                if let (Ok(call), Some(client)) = (frame.from.call(), self.client(place))
                    && let Some(at) = client.calls.iter().position(|known| *known == call)
                {
                    client.calls.swap_remove(at);
                    station.ax25.unregister(call);
                }
            }
            kind::CAPABILITIES | kind::HEARD | kind::WAITING => {
                self.about_port(now, station, place, frame);
            }
            kind::UNPROTO | kind::UNPROTO_VIA | kind::RAW_FRAME => {
                let sent = send(station, frame);
                self.counters.refused += u64::from(sent.is_none());
            }
            kind::CONNECT | kind::CONNECT_VIA | kind::CONNECT_PID => {
                if self.connect(now, station, place, frame).is_none() {
                    self.counters.refused += 1;
                    self.no_connection(place, frame);
                }
            }
            kind::DATA | kind::DISCONNECT | kind::OUTSTANDING => {
                self.about_connection(now, station, place, frame);
            }
            _ => self.counters.unknown += 1,
        }
    }

    /// Takes a call sign for a program. One that it has already is its own; that of a line is taken, too, until the
    /// program gives it back.
    fn register(&mut self, station: &mut Station, place: usize, call: Call) -> bool {
        match self.owner(call) {
            Some(owner) => return owner == place,
            None if !station.ax25.register(call) => return false,
            None => {}
        }
        let Some(client) = self.client(place).filter(|it| it.calls.len() < MOST_CALLS) else {
            station.ax25.unregister(call);
            return false;
        };
        client.calls.push(call);
        true
    }

    fn about_port(&mut self, now: Instant, station: &mut Station, place: usize, frame: &Frame<'_>) {
        let answer = |data| Frame { data, ..*frame };
        let Some(port) = port(station, frame.port) else {
            self.counters.refused += 1;
            return;
        };
        match frame.kind {
            kind::HEARD => {
                let heard = station.ax25.heard.listed(port);
                let unix = station.unix_micros(now) / 1_000_000;
                let time = |at| {
                    let ago = now.saturating_duration_since(at).as_secs();
                    date_and_time(unix.saturating_sub(ago))
                };
                let text = |(call, seen): &(Call, &wanbox_net_ax25::Seen)| {
                    format!("{call} {}  {}\0", time(seen.first), time(seen.last))
                };
                // Whoever asks waits for so many answers.
                let lines = heard.iter().map(text).chain(repeat("\0".to_owned()));
                for line in lines.take(HEARD) {
                    let data = line.as_bytes();
                    self.tell(place, &Frame { data, ..*frame });
                }
            }
            kind::WAITING => {
                let waiting = station.ax25.queued(port) as u32;
                self.tell(place, &answer(&waiting.to_le_bytes()));
            }
            _ => {
                let links = station.ax25.links().filter(|link| link.port == Some(port));
                let links = links.count().min(u8::MAX.into()) as u8;
                let maxframe = station.ax25.parameters.maxframe;
                let recent = u32::try_from(station.ax25.recent(now, port)).unwrap_or(u32::MAX);
                // The rate on the air and how a TNC keys up are its own; nothing adapts to how busy the channel is.
                let mut octets = vec![0, 0xff, 0, 0, 0, 0, maxframe, links];
                octets.extend_from_slice(&recent.to_le_bytes());
                self.tell(place, &answer(&octets));
            }
        }
    }

    /// Begins a connection. `None`: it cannot be.
    fn connect(
        &mut self,
        now: Instant,
        station: &mut Station,
        place: usize,
        frame: &Frame<'_>,
    ) -> Option<()> {
        let (local, remote) = (frame.from.call().ok()?, frame.to.call().ok()?);
        if self.session(place, frame).is_some() {
            // It is there, or will be.
            return Some(());
        }
        let port = port(station, frame.port)?;
        let digis = match frame.kind {
            kind::CONNECT_VIA => digipeaters(frame.data).ok()?.0,
            _ => Digis::NONE,
        };
        let digis: Vec<Call> = digis.iter().map(|digi| digi.call).collect();
        // Nobody would hear answers to a call sign that nobody has.
        let ours = match self.owner(local) {
            Some(owner) => owner == place,
            None => station.ax25.is_own(local) || self.register(station, place, local),
        };
        if !ours || self.sessions_of(place) >= MOST_SESSIONS {
            return None;
        }
        let begun = station
            .ax25
            .connect(now, Some(local), remote, &digis, Some(port));
        let link = begun.ok()?;
        let number = number(station, port);
        self.sessions
            .push(Session::new(link, place, number, local, remote));
        Some(())
    }

    /// Where the connection is that a frame of a program is about.
    fn session(&mut self, place: usize, frame: &Frame<'_>) -> Option<&mut Session> {
        let (local, remote) = (frame.from.call().ok()?, frame.to.call().ok()?);
        self.sessions.iter_mut().find(|session| {
            (session.client, session.local, session.remote) == (place, local, remote)
        })
    }

    fn about_connection(
        &mut self,
        now: Instant,
        station: &mut Station,
        place: usize,
        frame: &Frame<'_>,
    ) {
        let Some(session) = self.session(place, frame) else {
            if frame.kind == kind::OUTSTANDING {
                self.tell(
                    place,
                    &Frame {
                        data: &[0; 4],
                        ..*frame
                    },
                );
            } else {
                self.counters.refused += 1;
                self.no_connection(place, frame);
            }
            return;
        };
        match frame.kind {
            kind::OUTSTANDING => {
                let waiting = station.ax25.link(session.link).map_or(0, |link| {
                    let paclen = usize::from(link.connection.parameters().paclen);
                    link.connection.waiting() + session.frames(paclen)
                });
                let octets = (waiting as u32).to_le_bytes();
                self.tell(
                    place,
                    &Frame {
                        data: &octets,
                        ..*frame
                    },
                );
            }
            kind::DATA => {
                if !session.closing {
                    session.push(some(frame.pid), frame.data);
                    session.pump(now, station);
                }
            }
            _ if session.up && session.pending() > 0 && !session.closing => session.closing = true,
            // Again, or nothing is left to be sent.
            _ => station.ax25.close(now, session.link),
        }
    }

    /// Tells a program that there is no connection between two call signs.
    fn no_connection(&mut self, place: usize, frame: &Frame<'_>) {
        let remote = match frame.to.call() {
            Ok(call) => call.to_string(),
            Err(_) => "?".to_owned(),
        };
        let text = format!("*** DISCONNECTED From Station {remote}\r\0");
        let told = Frame {
            from: frame.to,
            to: frame.from,
            data: text.as_bytes(),
            ..Frame::new(frame.port, kind::DISCONNECT, &[])
        };
        self.tell(place, &told);
    }
}

/// Sends a UI frame, or any frame as it is. `None`: it cannot be.
fn send(station: &mut Station, frame: &Frame<'_>) -> Option<()> {
    let port = port(station, frame.port)?;
    let sent = if frame.kind == kind::RAW_FRAME {
        // Its first octet is that of KISS.
        let (_, octets) = frame.data.split_first()?;
        station.ax25.send_frame(port, octets)
    } else {
        let (from, to) = (frame.from.call().ok()?, frame.to.call().ok()?);
        let (digis, data) = match frame.kind {
            kind::UNPROTO_VIA => digipeaters(frame.data).ok()?,
            _ => (Digis::NONE, frame.data),
        };
        let digis: Vec<Call> = digis.iter().map(|digi| digi.call).collect();
        let ax25 = &mut station.ax25;
        ax25.send_ui(Some(port), Some(from), to, &digis, some(frame.pid), data)
    };
    sent.then_some(())
}

/// The PID of a frame; most programs leave it at 0 and mean text.
const fn some(number: u8) -> u8 {
    if number == 0 { pid::TEXT } else { number }
}

/// The ports, as programs read them: how many, then what each is called.
fn ports(station: &Station) -> String {
    let names = station.ax25.ports().enumerate().map(|(at, (port, _))| {
        let interface = station.interfaces.get(InterfaceId::of_port(port));
        let name = interface.map_or("?", |interface| interface.name());
        format!("Port{} {name};", at + 1)
    });
    let names: Vec<String> = names.collect();
    format!("{};{}\0", names.len(), names.concat())
}
