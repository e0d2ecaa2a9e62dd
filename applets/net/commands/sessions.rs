//! What uses the station: `connect`, `telnet`, `finger`, `remote`, `start` and `stop`.

use std::net::{Ipv4Addr, SocketAddrV4};

use wanbox_net_console::table;
use wanbox_net_console::words::Word;
use wanbox_net_engine::udp::{TCP_PORTS, parse_port};
use wanbox_net_services::remote::Words;
use wanbox_net_services::{SERVERS, SessionId};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{failed, number, text_at, word_at};

/// The port of Telnet (RFC 854).
const TELNET: u16 = 23;
/// The port of KISS over TCP that other programs expect.
const KISS: u16 = 8001;

/// The port of AGWPE that programs expect.
const AGWPE: u16 = 8000;
/// The only server of which there may be several, and which the original cannot stop.
const GATE: &str = "tcpgate";

/// `telnet`.
pub(crate) fn telnet(context: &mut Context<'_>, words: &[Word]) -> Done {
    let port = match text_at(words, 2) {
        Some(word) => match parse_port(&TCP_PORTS, &word).filter(|port| *port > 0) {
            Some(port) => port,
            None => return failed(format_args!("{word} is not a port")),
        },
        None => TELNET,
    };
    let host = context.address(&word_at(words, 1))?;
    let (now, station) = (context.now, &mut *context.station);
    let opened = context.services.open_telnet(now, station, (host, port));
    session(context, opened)
}

/// `connect`.
pub(crate) fn connect(context: &mut Context<'_>, words: &[Word]) -> Done {
    let words: Vec<_> = words.iter().skip(1).map(Word::text).collect();
    let path = wanbox_net_ax25::parse_path(words.iter().map(AsRef::as_ref));
    let (to, digis) = path.map_err(Stop::Failed)?;
    let (now, station) = (context.now, &mut *context.station);
    let opened = context.services.open_ax25(now, station, to, &digis);
    session(context, opened)
}

/// `finger`.
pub(crate) fn finger(context: &mut Context<'_>, words: &[Word]) -> Done {
    let word = word_at(words, 1);
    let (user, host) = match word.rsplit_once('@') {
        Some((_, "")) => {
            context.output.text += "finger: no host specified\n";
            return Err(Stop::Usage("finger name@host"));
        }
        Some((user, host)) => match context.address(host) {
            Ok(address) => (user, address),
            Err(Stop::Failed(why)) => return failed(format_args!("finger: {why}")),
            Err(stop) => return Err(stop),
        },
        None => (word.as_str(), Ipv4Addr::LOCALHOST),
    };
    let (now, station) = (context.now, &mut *context.station);
    let opened = context.services.open_finger(now, station, host, user);
    session(context, opened)
}

/// A session is there, and its first segment leaves.
pub(crate) fn session(context: &mut Context<'_>, opened: Result<SessionId, String>) -> Done {
    context.station.flush(context.now, context.host.sink());
    opened.map(Then::Session).map_err(Stop::Failed)
}

/// `remote`.
pub(crate) fn remote(context: &mut Context<'_>, words: &[Word]) -> Done {
    let words: Vec<_> = words.iter().skip(1).map(Word::text).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let done = match Words::parse(&words).map_err(Stop::Failed)? {
        Words::Set { key, clear } => {
            let (now, station) = (context.now, &*context.station);
            context.services.set_remote_key(now, station, key, clear)
        }
        Words::Send(request) => {
            let to = context.host_address(request.host)?;
            let kick = match request.kick {
                Some(word) => Some(context.host_address(word)?),
                None => None,
            };
            let (now, station) = (context.now, &mut *context.station);
            let sink = context.host.sink();
            context
                .services
                .remote_send(now, station, sink, &request, to, kick)
        }
    };
    done.map(|()| Then::Nothing).map_err(Stop::Failed)
}

/// `start`.
pub(crate) fn start(context: &mut Context<'_>, words: &[Word]) -> Done {
    server(context, "start", words)
}

/// `stop`.
pub(crate) fn stop(context: &mut Context<'_>, words: &[Word]) -> Done {
    server(context, "stop", words)
}

fn server(context: &mut Context<'_>, command: &str, words: &[Word]) -> Done {
    let starts = command == "start";
    // Where gates are not known, what they would be comes last.
    let known = |name: &&str| starts || *name != GATE;
    let word = word_at(words, 1);
    let begins = |name: &&str| name.starts_with(&word);
    let mut names = SERVERS.into_iter().filter(known);
    let found = names.find(begins).or(Some(GATE).filter(begins));
    let Some(name) = found.filter(|_| !word.is_empty()) else {
        let names = table::list(SERVERS.into_iter().filter(known));
        context.output.text += &format!("\"{command}\" subcommands:\n{names}");
        return Err(Stop::Silent);
    };
    let rest: Vec<_> = words.iter().skip(2).map(Word::text).collect();
    let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
    let station = &mut *context.station;
    match (name, starts) {
        ("kiss", _) => kiss(context, starts, &rest),
        ("agwpe", _) => agwpe(context, starts, &rest),
        ("rip", true) => match station.rip_start() {
            Ok(()) => Ok(Then::Nothing),
            Err(error) => failed(error),
        },
        ("rip", false) if !station.rip.is_running() => failed("The rip server does not run"),
        ("rip", false) => {
            station.rip_stop();
            Ok(Then::Nothing)
        }
        _ => {
            let services = &mut context.services;
            let done = if starts {
                services.start(station, name, &rest)
            } else {
                services.stop(station, name, &rest)
            };
            done.map(|()| Then::Nothing).map_err(Stop::Failed)
        }
    }
}

/// `start kiss IFACE [[ADDRESS:]PORT]`, `stop kiss [IFACE]`.
fn kiss(context: &mut Context<'_>, starts: bool, words: &[&str]) -> Done {
    let id = match words.first() {
        Some(word) => Some(context.interface(word)?),
        None => None,
    };
    if !starts {
        return match context.host.stop_kiss(id) {
            true => Ok(Then::Nothing),
            false => failed("The kiss server does not run"),
        };
    }
    let (Some(id), None) = (id, words.get(2)) else {
        return Err(Stop::Usage("start kiss <iface> [[<address>:]<port>]"));
    };
    let local = local(words.get(1).copied(), KISS)?;
    let station = &*context.station;
    let done = context.host.start_kiss(station, id, local);
    done.map(|()| Then::Nothing).map_err(Stop::Failed)
}

/// `start agwpe [[ADDRESS:]PORT]`, `stop agwpe`.
fn agwpe(context: &mut Context<'_>, starts: bool, words: &[&str]) -> Done {
    if !starts {
        return match context.host.stop_agwpe() {
            true => Ok(Then::Nothing),
            false => failed("The agwpe server does not run"),
        };
    }
    if words.len() > 1 {
        return Err(Stop::Usage("start agwpe [[<address>:]<port>]"));
    }
    let local = local(words.first().copied(), AGWPE)?;
    let done = context.host.start_agwpe(local);
    done.map(|()| Then::Nothing).map_err(Stop::Failed)
}

/// An address of the host to listen on, `[ADDRESS:]PORT`; without an address only programs of the host come in.
fn local(word: Option<&str>, port: u16) -> Result<SocketAddrV4, Stop> {
    let (address, word) = match word.and_then(|word| word.rsplit_once(':')) {
        Some((address, port)) => match address.parse() {
            Ok(address) => (address, Some(port)),
            Err(_) => {
                return failed(format_args!(
                    "Address {address}: dotted digits are expected"
                ));
            }
        },
        None => (Ipv4Addr::LOCALHOST, word),
    };
    let port = match word {
        Some(word) => number(word, "port", 1, u16::MAX.into())? as u16,
        None => port,
    };
    Ok(SocketAddrV4::new(address, port))
}
