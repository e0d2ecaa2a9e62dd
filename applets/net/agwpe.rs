//! `start agwpe`: the sockets of programs that use packet radio by AGWPE's protocol.

use std::net::SocketAddrV4;
use std::time::Instant;

use wanbox_net_desk::Desk;
use wanbox_net_services::agwpe::MOST_CLIENTS;
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::stream::{Happened, ListenSettings, Streams};

use crate::program::owner;

/// Octets that are read at once, and how often of one program in a turn.
const PIECE: usize = 4096;
const PIECES: usize = 16;

/// The sockets.
pub struct Server {
    streams: Streams,
    source: Source,
    /// The places of programs.
    open: [bool; MOST_CLIENTS],
}

/// The server, if it runs, and programs of which the station does not know yet that they are gone.
#[derive(Default)]
pub struct Agwpe {
    server: Option<Server>,
    gone: Vec<usize>,
}

impl Agwpe {
    /// Lets programs come.
    ///
    /// # Errors
    /// It runs already, or the address cannot be listened on; for people.
    pub fn start(&mut self, lp: &mut Loop, local: SocketAddrV4) -> Result<(), String> {
        if self.server.is_some() {
            return Err("The agwpe server runs already".to_owned());
        }
        let streams = Streams::open(Some(ListenSettings {
            local: local.into(),
            source: None,
        }))?;
        let token = Token::new(owner::AGWPE, 0);
        let source = lp.register(&streams, token, Interest::Read, Priority::Normal);
        self.server = Some(Server {
            streams,
            source: source.map_err(|error| error.to_string())?,
            open: [false; MOST_CLIENTS],
        });
        Ok(())
    }

    /// Closes everything. `false`: it does not run.
    pub fn stop(&mut self, lp: &mut Loop) -> bool {
        let Some(server) = self.server.take() else {
            return false;
        };
        // It is registered and open.
        let _ = lp.deregister(server.source, &server.streams);
        let places = server.open.into_iter().enumerate();
        self.gone
            .extend(places.filter(|(_, open)| *open).map(|(place, _)| place));
        true
    }

    /// Programs have something to say, take something again, or come and go.
    pub fn ready(&mut self, now: Instant, desk: &mut Desk) {
        let Some(server) = &mut self.server else {
            return;
        };
        let mut readable = Vec::new();
        // What a poller of our own may refuse, it refuses always. All that waits is written at the end of the turn.
        let _ = server.streams.poll(|happened| {
            if let Happened::Readable(place) = happened {
                readable.push(place);
            }
        });
        while let Ok(Some(stream)) = server.streams.accept() {
            let Some(place) = server.open.iter().position(|open| !open) else {
                desk.services.agwpe.counters.too_many += 1;
                continue;
            };
            // Nothing of the one that was there before may be told to the next.
            if !self.gone.contains(&place) && server.streams.insert(place, stream).is_ok() {
                desk.services.agwpe.open(place);
                if let Some(open) = server.open.get_mut(place) {
                    *open = true;
                }
            }
        }
        for place in readable {
            server.read(now, desk, place);
        }
    }

    /// Writes what waits for programs, at the end of a turn. Whether there is something new to be done.
    pub fn settle(&mut self, now: Instant, desk: &mut Desk) -> bool {
        for place in std::mem::take(&mut self.gone) {
            desk.services.agwpe.close(now, &mut desk.station, place);
        }
        let Some(server) = &mut self.server else {
            return false;
        };
        let mut again = false;
        for place in 0..MOST_CLIENTS {
            if server.open.get(place) == Some(&true) {
                again |= server.write(now, desk, place);
            }
        }
        again
    }
}

impl Server {
    fn read(&mut self, now: Instant, desk: &mut Desk, place: usize) {
        let mut room = [0; PIECE];
        for _ in 0..PIECES {
            let agwpe = &mut desk.services.agwpe;
            if !agwpe.takes(place) {
                return;
            }
            match self.streams.read(place, &mut room) {
                Ok(None) => return,
                Ok(Some(octets @ 1..)) => {
                    let octets = room.get(..octets).unwrap_or_default();
                    agwpe.receive(now, &mut desk.station, place, octets);
                }
                Ok(Some(_)) | Err(_) => {
                    self.close(now, desk, place);
                    return;
                }
            }
        }
    }

    /// Whether a program is taken again that was not.
    fn write(&mut self, now: Instant, desk: &mut Desk, place: usize) -> bool {
        let agwpe = &mut desk.services.agwpe;
        let took = agwpe.takes(place);
        while let octets @ [_, ..] = agwpe.output(place) {
            match self.streams.write(place, octets) {
                Ok(0) => break,
                Ok(taken) => agwpe.written(place, taken),
                Err(_) => {
                    self.close(now, desk, place);
                    return true;
                }
            }
        }
        if agwpe.is_wrong(place) {
            self.close(now, desk, place);
            return true;
        }
        let takes = agwpe.takes(place);
        self.streams.hold(place, !takes);
        takes && !took
    }

    fn close(&mut self, now: Instant, desk: &mut Desk, place: usize) {
        self.streams.close(place);
        if let Some(open) = self.open.get_mut(place) {
            *open = false;
        }
        desk.services.agwpe.close(now, &mut desk.station, place);
    }
}
