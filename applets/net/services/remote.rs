//! `remote`: a datagram that ends the program, or makes its connections try again, from far away.
//!
//! The original's key travels in clear and is good for ever. Here a datagram carries a code over itself, its time
//! and the address that it is for, and is good once within 30 s; a key in clear is taken only where that was
//! asked for.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_link::seal::{Gate, Key, MIN_KEY, Refused};
use wanbox_link::secret::same;
use wanbox_net_engine::udp::{Received, UDP_PORTS, parse_port};
use wanbox_net_engine::{Sink, Station};
use wanbox_wire::pipemon::auth::TRAILER;

use crate::log::Limit;
use crate::{Notice, Services};

/// The port of the server.
pub const PORT: u16 = 1234;
/// Datagrams that are looked at in 10 s.
const MOST: u32 = 20;
/// The longest key, octets.
const LONGEST_KEY: usize = 256;

const RESET: u8 = 1;
const EXIT: u8 = 2;
const KICK: u8 = 3;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The program ends.
    Exit,
    /// The processor begins anew; a program on a host cannot do that.
    Reset,
    /// Connections send again what waits for an acknowledgement.
    Kick,
}

/// `remote [-c] [-p PORT] [-k KEY] [-a ADDRESS] HOST exit|reset|kick`.
#[derive(Clone, PartialEq, Eq)]
pub struct Request<'w> {
    /// The host that is told.
    pub host: &'w str,
    /// What it is told.
    pub command: Command,
    /// Its port.
    pub port: u16,
    /// The key.
    pub key: Option<&'w str>,
    /// The key is sent in clear.
    pub clear: bool,
    /// The host whose connections are kicked; otherwise those with us.
    pub kick: Option<&'w str>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remote {} {:?}", self.host, self.command)
    }
}

/// What the words of `remote` mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words<'w> {
    /// A datagram is to be sent.
    Send(Request<'w>),
    /// `-s KEY`: what the server here wants to see from now on; in clear with `-c`.
    Set {
        /// The key; empty: nobody may end the program.
        key: &'w str,
        /// It may come in clear.
        clear: bool,
    },
}

impl<'w> Words<'w> {
    /// Reads the words behind `remote`.
    ///
    /// # Errors
    /// What is said about them.
    pub fn parse(words: &[&'w str]) -> Result<Self, String> {
        let few = || "Insufficient args".to_owned();
        let mut words = words.iter().copied();
        let (mut port, mut key, mut kick, mut set, mut clear) = (PORT, None, None, None, false);
        let mut plain = Vec::new();
        while let Some(word) = words.next() {
            let Some(options) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                plain.push(word);
                continue;
            };
            let mut options = options.chars();
            while let Some(option) = options.next() {
                if option == 'c' {
                    clear = true;
                    continue;
                }
                // The value is the rest of the word, or the next one.
                let value = match options.as_str() {
                    "" => words.next().ok_or_else(few)?,
                    rest => rest,
                };
                match option {
                    'p' => {
                        port = parse_port(&UDP_PORTS, value)
                            .filter(|port| *port > 0)
                            .ok_or_else(|| format!("{value} is not a port"))?;
                    }
                    'k' => key = Some(value),
                    'a' => kick = Some(value),
                    's' => set = Some(value),
                    _ => return Err(format!("There is no option -{option}")),
                }
                break;
            }
        }
        if let Some(key) = set {
            return Ok(Self::Set { key, clear });
        }
        let [host, command] = plain.get(..2).ok_or_else(few)? else {
            return Err(few());
        };
        let command = match command.chars().next() {
            Some('e') => Command::Exit,
            Some('r') => Command::Reset,
            Some('k') => Command::Kick,
            _ => return Err(format!("Unknown command {command}")),
        };
        Ok(Self::Send(Request {
            host,
            command,
            port,
            key,
            clear,
            kick,
        }))
    }
}

/// A datagram, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'d> {
    /// Exit or reset, with what proves that it may be asked for.
    Keyed {
        /// Which of them.
        reset: bool,
        /// The key, or an address and the trailer of an authentic datagram.
        proof: &'d [u8],
    },
    /// Kick connections: with this host, or with the sender.
    Kick(Option<Ipv4Addr>),
}

impl<'d> Datagram<'d> {
    /// Takes one apart; `None` when it means nothing.
    #[must_use]
    pub fn parse(octets: &'d [u8]) -> Option<Self> {
        let (first, rest) = octets.split_first()?;
        match (*first, rest) {
            (RESET | EXIT, proof) => Some(Self::Keyed {
                reset: *first == RESET,
                proof,
            }),
            (KICK, []) => Some(Self::Kick(None)),
            (KICK, rest) => {
                let address: [u8; 4] = rest.try_into().ok()?;
                Some(Self::Kick(Some(address.into())))
            }
            _ => None,
        }
    }

    /// The address that an authentic datagram is for.
    fn sealed_for(proof: &[u8]) -> Option<Ipv4Addr> {
        let (address, trailer) = proof.split_first_chunk::<4>()?;
        (trailer.len() == TRAILER).then(|| (*address).into())
    }
}

/// The server.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    /// Judges authentic datagrams.
    gate: Option<Gate>,
    /// The key that may come in clear.
    clear: Option<Clear>,
    limit: Limit,
}

/// A key that is not shown.
struct Clear(Vec<u8>);

impl fmt::Debug for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clear")
    }
}

fn too_short() -> String {
    format!(
        "A key has at least {MIN_KEY} characters; with -c a shorter one does, and travels in clear"
    )
}

impl Services {
    /// `remote -s KEY`: the key without which nobody ends this program. An empty one: nobody does.
    ///
    /// # Errors
    /// It is too short, or too long.
    pub fn set_remote_key(
        &mut self,
        now: Instant,
        station: &Station,
        key: &str,
        clear: bool,
    ) -> Result<(), String> {
        let remote = &mut self.servers.remote;
        if key.len() > LONGEST_KEY {
            return Err(format!("A key has at most {LONGEST_KEY} characters"));
        }
        let sealing = Key::new(key.as_bytes());
        if sealing.is_none() && !clear && !key.is_empty() {
            return Err(too_short());
        }
        remote.gate = sealing.map(|key| Gate::new(key, station.unix_millis(now)));
        remote.clear = (clear && !key.is_empty()).then(|| Clear(key.as_bytes().to_vec()));
        Ok(())
    }

    /// Sends what was asked for to a host, whose address is `to`; `kick` is that of [`Request::kick`].
    ///
    /// # Errors
    /// A key is missing or too short.
    pub fn remote_send(
        &self,
        now: Instant,
        station: &mut Station,
        sink: &mut dyn Sink,
        request: &Request<'_>,
        to: Ipv4Addr,
        kick: Option<Ipv4Addr>,
    ) -> Result<(), String> {
        let mut octets = Vec::new();
        match (request.command, request.key) {
            (Command::Kick, _) => {
                octets.push(KICK);
                octets.extend(kick.iter().flat_map(|address| address.octets()));
            }
            (_, None | Some("")) => return Err("exit and reset need a key (-k)".to_owned()),
            (command, Some(key)) => {
                octets.push(if command == Command::Exit {
                    EXIT
                } else {
                    RESET
                });
                if key.len() > LONGEST_KEY {
                    return Err(format!("A key has at most {LONGEST_KEY} characters"));
                }
                if request.clear {
                    octets.extend(key.bytes());
                } else {
                    let key = Key::new(key.as_bytes()).ok_or_else(too_short)?;
                    octets.extend(to.octets());
                    key.seal(station.unix_millis(now), &mut octets);
                }
            }
        }
        let from = (Ipv4Addr::UNSPECIFIED, request.port);
        let sent = station.udp_send_from(now, from, (to, request.port), &octets, sink);
        sent.map_err(|error| error.to_string())
    }

    /// A datagram for the server.
    pub(crate) fn remote_input(
        &mut self,
        now: Instant,
        station: &mut Station,
        received: &Received,
    ) {
        if !self.servers.remote.limit.allows(now, MOST) {
            self.counters.remote_limited += 1;
            return;
        }
        match Datagram::parse(&received.payload) {
            None => self.counters.remote_malformed += 1,
            Some(Datagram::Kick(host)) => {
                let host = host.unwrap_or(received.from.0);
                station.tcp.kick_all(now, Some(host.into()));
                self.counters.remote_done += 1;
            }
            Some(Datagram::Keyed { reset: true, .. }) => self.counters.remote_resets += 1,
            Some(Datagram::Keyed { proof, .. }) => {
                let admitted = self.admitted(now, station, &received.payload, proof);
                let word = match admitted {
                    Ok(()) => "OK",
                    Err(_) => "FAIL",
                };
                let counter = match admitted {
                    Ok(()) => &mut self.counters.remote_done,
                    Err(Refused::Stale | Refused::Replayed | Refused::Busy) => {
                        &mut self.counters.remote_stale
                    }
                    Err(_) => &mut self.counters.remote_refused,
                };
                *counter += 1;
                let text = format!("Remote exit PASSWORD {word}");
                self.log(now, station, &UDP_PORTS, received.from, &text);
                if admitted.is_ok() {
                    self.notices.push_back(Notice::Exit);
                }
            }
        }
    }

    /// Whether somebody may end the program.
    fn admitted(
        &mut self,
        now: Instant,
        station: &Station,
        datagram: &[u8],
        proof: &[u8],
    ) -> Result<(), Refused> {
        let remote = &mut self.servers.remote;
        if let Some(Clear(key)) = &remote.clear
            && same(key, proof)
        {
            return Ok(());
        }
        // One for another station with the same key is none for us.
        let address = Datagram::sealed_for(proof).ok_or(Refused::Unsealed)?;
        if !station.interfaces.is_own(address) {
            return Err(Refused::Forged);
        }
        let gate = remote.gate.as_mut().ok_or(Refused::Unsealed)?;
        gate.admit(station.unix_millis(now), datagram)
    }
}

/// For fuzzing: what is read out of a datagram is what is in it.
pub fn fuzz_remote(octets: &[u8]) {
    let again = match Datagram::parse(octets) {
        None => return,
        Some(Datagram::Keyed { reset, proof }) => {
            if let Some(address) = Datagram::sealed_for(proof) {
                assert!(proof.starts_with(&address.octets()));
            }
            [&[if reset { RESET } else { EXIT }], proof].concat()
        }
        Some(Datagram::Kick(None)) => vec![KICK],
        Some(Datagram::Kick(Some(address))) => [&[KICK], &address.octets()[..]].concat(),
    };
    assert_eq!(again, octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        // Any words may be wrong; none may end the program.
        let _ = Words::parse(&words);
    }
}
