//! `netrom` and `nrstat`.

use serde_json::Value;
use wanbox_net_ax25::{Digipeat, parse_path};
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::InterfaceId;
use wanbox_net_netrom::{Broadcast, Circuit, CircuitId, LINK, PARAMETERS, show};
use wanbox_wire::ax25::Call;
use wanbox_wire::netrom::ident as name_of;

use crate::ax25::line_of;
use crate::context::{Context, Done, Stop, Then};
use crate::sessions::session;
use crate::values::{Command, failed, number, object, subcommand, text, text_at, word_at};

/// How `netrom links` is used.
const LINKS: &str = "netrom links [<node> [<node2> <quality> [permanent]]]";
/// How `netrom parms` is used.
const PARMS: &str = "netrom parms [<parm#> [<parm value>]]";

/// `netrom`.
pub(crate) fn netrom(context: &mut Context<'_>, words: &[Word]) -> Done {
    const NETROM: [Entry<Command>; 9] = [
        Entry::new("broadcast", broadcast),
        Entry::with("connect", connect, 2, "netrom connect <node> [<user>]"),
        Entry::new("ident", ident),
        Entry::with("kick", kick, 2, "netrom kick <nrcb>"),
        Entry::new("links", links),
        Entry::new("nodes", nodes),
        Entry::new("parms", parms),
        Entry::with("reset", reset, 2, "netrom reset <nrcb>"),
        Entry::new("status", status),
    ];
    context.station.radio_sync();
    context.station.netrom_sync();
    subcommand(context, "netrom", &NETROM, words)
}

fn connect(context: &mut Context<'_>, words: &[Word]) -> Done {
    let node = call_at(words, 1)?;
    let own = context.station.interfaces.default_call;
    let own = own.and_then(|own| Call::try_from(own).ok());
    let user = maybe_call(words, 2)?.or(own);
    let user = user.unwrap_or_else(|| context.station.netrom.call());
    let (now, station) = (context.now, &mut *context.station);
    let known = station.netrom.node(now, node);
    if known.is_none_or(|known| known.whole_quality() == 0) {
        return failed(format_args!("Unknown node \"{}\"", word_at(words, 1)));
    }
    let opened = context.services.open_netrom(now, station, node, user);
    session(context, opened)
}

/// Prints text, or a value for programs.
fn print(context: &mut Context<'_>, text: String, json: Value) -> Done {
    if context.output.wants_json {
        context.output.json = Some(json);
    } else {
        context.output.text += &text;
    }
    Ok(Then::Nothing)
}

/// A word as a call sign.
fn call_at(words: &[Word], at: usize) -> Result<Call, Stop> {
    let word = word_at(words, at);
    Call::parse(&word).or_else(|_| failed(format_args!("Invalid call \"{word}\"")))
}

/// The call sign of a word that may be there.
fn maybe_call(words: &[Word], at: usize) -> Result<Option<Call>, Stop> {
    if words.len() > at {
        call_at(words, at).map(Some)
    } else {
        Ok(None)
    }
}

fn broadcast(context: &mut Context<'_>, words: &[Word]) -> Done {
    if let [_, interface, path @ ..] = words
        && !path.is_empty()
    {
        let id = line_of(context, &interface.text())?;
        let path: Vec<_> = path.iter().map(Word::text).collect();
        let parsed = parse_path(path.iter().map(AsRef::as_ref));
        let (to, digis) = parsed.map_err(Stop::Failed)?;
        let mut path = vec![to];
        path.extend(digis);
        let port = id.port().0;
        let added = context
            .station
            .netrom
            .add_broadcast(Broadcast { port, path });
        return match added {
            Ok(()) => Ok(Then::Nothing),
            Err(_) => failed("Too many broadcasts"),
        };
    }
    let mut lines = "Interface  Path\n".to_owned();
    let mut all = Vec::new();
    for place in context.station.netrom.broadcasts() {
        let id = InterfaceId::of_port(wanbox_net_ax25::Port(place.port));
        let name = context.station.interfaces.get(id).map(|line| line.name());
        let path: Vec<String> = place.path.iter().map(Call::to_string).collect();
        let shown = match path.as_slice() {
            [to] => to.clone(),
            [to, digis @ ..] => format!("{to} via {}", digis.join(",")),
            [] => String::new(),
        };
        lines += &format!("{:<9}  {shown}\n", name.unwrap_or("???"));
        all.push(object(vec![
            ("interface", name.into()),
            ("path", path.into()),
        ]));
    }
    print(context, lines, all.into())
}

fn ident(context: &mut Context<'_>, words: &[Word]) -> Done {
    if let Some(word) = text_at(words, 1) {
        context.station.netrom.set_ident(name_of(&word));
        return Ok(Then::Nothing);
    }
    let ident = context.station.netrom.ident();
    let line = format!("Ident {ident:<6}");
    context.output.line("ident", line, text(ident));
    Ok(Then::Nothing)
}

/// A circuit by the number that a word is.
fn circuit<'c>(context: &'c Context<'_>, words: &[Word]) -> Option<&'c Circuit> {
    let number = u32::from_str_radix(&word_at(words, 1).replace('x', ""), 16).ok()?;
    context.station.netrom.circuit_by_number(number)
}

fn circuit_id(context: &Context<'_>, words: &[Word]) -> Result<CircuitId, Stop> {
    let found = circuit(context, words).map(Circuit::id);
    found.ok_or_else(|| Stop::Failed("Not a valid control block".to_owned()))
}

fn kick(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = circuit_id(context, words)?;
    context.station.netrom.kick(context.now, id);
    context.station.flush(context.now, context.host.sink());
    Ok(Then::Nothing)
}

fn reset(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = circuit_id(context, words)?;
    context.station.netrom.reset(context.now, id);
    Ok(Then::Nothing)
}

fn links(context: &mut Context<'_>, words: &[Word]) -> Done {
    let now = context.now;
    if words.len() > 2 {
        return set_link(context, words);
    }
    let from = maybe_call(words, 1)?;
    let node = &mut context.station.netrom;
    let lines = show::links(node, now, from);
    let known = node
        .links(now)
        .filter(|(ends, _)| from.is_none_or(|from| ends.contains(&from)));
    let all: Vec<Value> = known
        .map(|(ends, link)| {
            let age = now.saturating_duration_since(link.updated).as_secs();
            object(vec![
                ("nodes", ends.iter().map(text).collect()),
                ("level", link.level.into()),
                ("quality", link.quality.into()),
                ("permanent", link.permanent.into()),
                ("age_seconds", (!link.permanent).then_some(age).into()),
            ])
        })
        .collect();
    print(context, lines, all.into())
}

fn set_link(context: &mut Context<'_>, words: &[Word]) -> Done {
    let permanent = match text_at(words, 4) {
        None => false,
        Some(word) if "permanent".starts_with(&word) => true,
        Some(_) => return Err(Stop::Usage(LINKS)),
    };
    if !(4..=5).contains(&words.len()) {
        return Err(Stop::Usage(LINKS));
    }
    let ends = (call_at(words, 1)?, call_at(words, 2)?);
    if ends.0 == ends.1 {
        return failed("Both calls are identical");
    }
    let quality = number(&word_at(words, 3), "Quality", 0, 255)? as u8;
    let node = &mut context.station.netrom;
    if node.set_link(context.now, ends, quality, permanent) {
        Ok(Then::Nothing)
    } else {
        failed("Too many links")
    }
}

fn nodes(context: &mut Context<'_>, words: &[Word]) -> Done {
    let only = maybe_call(words, 1)?;
    let node = &mut context.station.netrom;
    let lines = show::nodes(node, context.now, only);
    let known = node.nodes(context.now);
    let known = known.filter(|(call, _)| !call.is_none() && only.is_none_or(|only| only == *call));
    let all: Vec<Value> = known
        .map(|(call, node)| {
            object(vec![
                ("call", text(call)),
                ("ident", text(node.ident)),
                ("neighbor", node.neighbour.map(text).into()),
                ("level", node.hops.into()),
                ("quality", node.whole_quality().into()),
            ])
        })
        .collect();
    print(context, lines, all.into())
}

/// A parameter of NET/ROM's, or of AX.25's under its number.
fn parameter(context: &Context<'_>, number: usize) -> u32 {
    let ax25 = &context.station.ax25;
    match number {
        18 => ax25.parameters.t1,
        19 => ax25.parameters.maxframe.into(),
        20 => ax25.parameters.retry.into(),
        21 => ax25.parameters.t2,
        22 => ax25.parameters.t3,
        23 => match ax25.digipeat {
            Digipeat::Off => 0,
            Digipeat::Repeat => 1,
            Digipeat::Link => 2,
        },
        _ => {
            let parameters = context.station.netrom.parameters();
            parameters.get(number).unwrap_or_default()
        }
    }
}

/// Sets it to a value within its limits.
fn set_parameter(context: &mut Context<'_>, number: usize, value: u32) {
    let ax25 = &mut context.station.ax25;
    let mut parameters = ax25.parameters;
    match number {
        18 => parameters.t1 = value,
        19 => parameters.maxframe = value as u8,
        20 => parameters.retry = value as u16,
        21 => parameters.t2 = value,
        22 => parameters.t3 = value,
        23 => {
            ax25.digipeat = match value {
                0 => Digipeat::Off,
                1 => Digipeat::Repeat,
                _ => Digipeat::Link,
            }
        }
        _ => {}
    }
    if LINK.contains(&number) {
        ax25.set_parameters(parameters);
    } else {
        let node = &mut context.station.netrom;
        node.set_parameter(context.now, number, value);
    }
}

fn parms(context: &mut Context<'_>, words: &[Word]) -> Done {
    let all = 1..=PARAMETERS.len();
    let chosen = match text_at(words, 1) {
        Some(word) => {
            let number = number(&word, "parameter #", 1, PARAMETERS.len() as u64)? as usize;
            number..=number
        }
        None => all,
    };
    if words.len() > 3 {
        return Err(Stop::Usage(PARMS));
    }
    let known = chosen
        .clone()
        .zip(PARAMETERS.iter().skip(chosen.start() - 1));
    if let Some(word) = text_at(words, 2) {
        for (at, limits) in known {
            let label = format!("parameter {at}");
            let (least, most) = (limits.least.into(), limits.most.into());
            let value = number(&word, &label, least, most)? as u32;
            set_parameter(context, at, value);
        }
        return Ok(Then::Nothing);
    }
    let mut lines = String::new();
    let mut all = Vec::new();
    for (at, limits) in known {
        let value = parameter(context, at);
        lines += &show::parameter(at, value);
        all.push(object(vec![
            ("number", at.into()),
            ("text", limits.text.into()),
            ("value", value.into()),
            ("least", limits.least.into()),
            ("most", limits.most.into()),
        ]));
    }
    print(context, lines, all.into())
}

fn status(context: &mut Context<'_>, words: &[Word]) -> Done {
    let node = &context.station.netrom;
    if words.len() > 1 {
        let Some(circuit) = circuit(context, words) else {
            return failed("Not a valid control block address");
        };
        let lines = show::circuit(node, circuit, context.now);
        let json = described(context, circuit);
        return print(context, lines, json);
    }
    let lines = show::status(node);
    let counters = node.counters().named();
    let counters = counters
        .iter()
        .map(|(name, value)| (*name, Value::from(*value)));
    let json = object(vec![
        ("circuits", circuits(context)),
        ("listens", node.is_serving().into()),
        ("counters", object(counters.collect())),
    ]);
    print(context, lines, json)
}

/// All circuits.
pub(crate) fn circuits(context: &Context<'_>) -> Value {
    let circuits = context.station.netrom.circuits();
    circuits
        .map(|circuit| described(context, circuit))
        .collect()
}

fn described(context: &Context<'_>, circuit: &Circuit) -> Value {
    let parameters = context.station.netrom.parameters();
    let millis = |time: std::time::Duration| Value::from(time.as_millis() as u64);
    let [t1, t3, t4] = circuit
        .timers(context.now, parameters)
        .map(|(left, whole)| {
            object(vec![
                ("remaining_ms", left.map(millis).into()),
                ("duration_ms", millis(whole)),
            ])
        });
    let packets = |packets: &mut dyn Iterator<Item = (u8, usize)>| -> Value {
        let described = packets.map(|(number, octets)| {
            object(vec![("sequence", number.into()), ("octets", octets.into())])
        });
        described.collect()
    };
    let (srtt, mdev) = circuit.round_trip();
    object(vec![
        ("nrcb", text(format_args!("{:08x}", circuit.id().number()))),
        ("user", text(circuit.user())),
        ("node", text(circuit.node())),
        ("incoming", circuit.is_incoming().into()),
        ("remote_id", text(show::number(circuit.remote()))),
        ("state", circuit.state().name().into()),
        ("reason", circuit.reason().name().into()),
        ("window_packets", circuit.window().into()),
        (
            "congestion_window_packets",
            circuit.congestion_window().into(),
        ),
        ("nak_sent", circuit.nak_sent().into()),
        ("choke_sent", circuit.choke_sent().into()),
        ("closed", circuit.is_closed().into()),
        ("remote_busy", circuit.is_remote_busy().into()),
        ("retries", circuit.retries().into()),
        ("srtt_ms", millis(srtt)),
        ("mdev_ms", millis(mdev)),
        ("t1", t1),
        ("t3", t3),
        ("t4", t4),
        ("receive_queue_octets", circuit.receive_queue().into()),
        ("reassembly", packets(&mut circuit.reassembly())),
        ("send_queue_octets", circuit.send_queue().into()),
        ("unacknowledged", packets(&mut circuit.unacknowledged())),
    ])
}

/// `nrstat`: the lines in NRS framing.
pub(crate) fn nrstat(context: &mut Context<'_>, _words: &[Word]) -> Done {
    let mut lines = "Interface   RcvB  NumReceived  CSumErrors\n".to_owned();
    let mut all = Vec::new();
    for (id, interface) in context.station.interfaces.iter() {
        let Some(nrs) = context.host.nrs(id) else {
            continue;
        };
        let name = interface.name();
        let (buffered, received, errors) = (nrs.buffered, nrs.received, nrs.checksum_errors);
        lines += &format!(" {name:>8}   {buffered:4}   {received:10}  {errors:10}\n");
        all.push(object(vec![
            ("interface", name.into()),
            ("receive_buffer_octets", buffered.into()),
            ("received", received.into()),
            ("checksum_errors", errors.into()),
        ]));
    }
    print(context, lines, all.into())
}
