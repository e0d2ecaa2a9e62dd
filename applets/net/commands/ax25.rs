//! `ax25`.

use std::time::Duration;

use serde_json::Value;
use wanbox_net_ax25::connection::{Extended, Parameters};
use wanbox_net_ax25::{Digipeat, Heard, LinkId, Next, Port, Seen, parse_path};
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::interface::Hardware;
use wanbox_net_engine::{InterfaceId, LinkAddress, show};
use wanbox_wire::ax25::{Call, Digis};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{
    Command, failed, flag, number, object, setting, show, subcommand, text, text_at, word_at,
};

/// Stations of a live view, so that it has room on most screens.
const ROWS: u64 = 20;
/// The greatest duration of a timer, milliseconds.
const LONGEST: u64 = 0x7fff_ffff;

/// `ax25`.
pub(crate) fn ax25(context: &mut Context<'_>, words: &[Word]) -> Done {
    const AX25: [Entry<Command>; 25] = [
        Entry::new("blimit", |context, words| {
            value(context, words, "blimit", (0, u32::MAX.into()), |all| {
                &mut all.blimit
            })
        }),
        Entry::new("destlist", |context, words| heard(context, words, true)),
        Entry::new("digipeat", digipeat),
        Entry::new("emaxframe", |context, words| {
            let label = "Window size modulo 128 (frames)";
            value(context, words, label, (1, 127), |all| {
                &mut all.maxframe_extended
            })
        }),
        Entry::new("extended", extended),
        Entry::new("flush", |context, _| {
            context.station.ax25.heard.clear();
            context.station.ax25.destinations.clear();
            Ok(Then::Nothing)
        }),
        Entry::new("heard", |context, words| match text_at(words, 1) {
            Some(word) if word == "live" => heard_live(context, words.get(1..).unwrap_or_default()),
            _ => heard(context, words, false),
        }),
        Entry::new("ignoretos", |context, words| {
            let ignore = &mut context.station.ax25.ignore_tos;
            flag(context.output, "Ignore TOS", ignore, words)
        }),
        Entry::with("jumpstart", jumpstart, 2, "ax25 jumpstart <call> [ON|OFF]"),
        Entry::with("kick", kick, 2, "ax25 kick <axcb>"),
        Entry::new("maxframe", |context, words| {
            let label = "Window size (frames)";
            value(context, words, label, (1, 7), |all| &mut all.maxframe)
        }),
        Entry::new("mycall", mycall),
        Entry::new("paclen", |context, words| {
            let label = "Max frame length (bytes)";
            value(context, words, label, (1, 65_535), |all| &mut all.paclen)
        }),
        Entry::new("pthresh", |context, words| {
            let label = "Poll threshold (bytes)";
            value(context, words, label, (0, 65_535), |all| &mut all.pthresh)
        }),
        Entry::with("reset", reset, 2, "ax25 reset <axcb>"),
        Entry::new("retry", |context, words| {
            let label = "Retry limit";
            value(context, words, label, (0, 65_535), |all| &mut all.retry)
        }),
        Entry::new("route", route),
        Entry::new("status", status),
        Entry::new("t1", |context, words| {
            let label = "Retry timer (ms)";
            value(context, words, label, (1, LONGEST), |all| &mut all.t1)
        }),
        Entry::new("t2", |context, words| {
            let label = "Acknowledge timer (ms)";
            value(context, words, label, (1, LONGEST), |all| &mut all.t2)
        }),
        Entry::new("t3", |context, words| {
            let label = "Idle poll timer (ms)";
            value(context, words, label, (0, LONGEST), |all| &mut all.t3)
        }),
        Entry::new("t4", |context, words| {
            let label = "Busy timer (ms)";
            value(context, words, label, (1, LONGEST), |all| &mut all.t4)
        }),
        Entry::new("t5", |context, words| {
            let label = "Idle disconnect timer (ms)";
            value(context, words, label, (0, LONGEST), |all| &mut all.t5)
        }),
        Entry::new("version", |context, words| {
            let label = "AX25 version";
            value(context, words, label, (1, 2), |all| &mut all.version)
        }),
        Entry::new("window", |context, words| {
            let label = "AX25 receive window (bytes)";
            value(context, words, label, (1, 65_535), |all| &mut all.window)
        }),
    ];
    context.station.radio_sync();
    subcommand(context, "ax25", &AX25, words)
}

/// Shows a parameter, or sets it to what was typed, within its range.
fn value<N: Copy + Into<u64> + TryFrom<u64>>(
    context: &mut Context<'_>,
    words: &[Word],
    label: &str,
    range: (u64, u64),
    parameter: fn(&mut Parameters) -> &mut N,
) -> Done {
    let mut parameters = context.station.ax25.parameters;
    let value = parameter(&mut parameters);
    let typed = setting(context.output, label, (*value).into(), range, words)?;
    if let Some(Ok(typed)) = typed.map(N::try_from) {
        *value = typed;
        context.station.ax25.set_parameters(parameters);
    }
    Ok(Then::Nothing)
}

fn digipeat(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mode = match context.station.ax25.digipeat {
        Digipeat::Off => 0,
        Digipeat::Repeat => 1,
        Digipeat::Link => 2,
    };
    match setting(context.output, "Digipeat", mode, (0, 2), words)? {
        Some(0) => context.station.ax25.digipeat = Digipeat::Off,
        Some(1) => context.station.ax25.digipeat = Digipeat::Repeat,
        Some(_) => context.station.ax25.digipeat = Digipeat::Link,
        None => {}
    }
    Ok(Then::Nothing)
}

/// What `ax25 extended` takes, and what it means.
const MODES: [(&str, Option<Extended>); 4] = [
    ("off", Some(Extended::Refused)),
    ("accept", Some(Extended::Accepted)),
    ("offer", Some(Extended::Offered)),
    ("default", None),
];

/// The word for what is done about version 2.2.
fn mode_name(extended: Option<Extended>) -> &'static str {
    let known = MODES.iter().find(|(_, mode)| *mode == extended);
    known.map_or("", |(name, _)| name)
}

fn extended(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mode = |word: &str| MODES.iter().find(|(name, _)| *name == word);
    let call = match text_at(words, 1) {
        Some(word) if mode(&word).is_none() => Some(call_word(&word)?),
        _ => None,
    };
    let ax25 = &mut context.station.ax25;
    let Some(word) = text_at(words, 1 + usize::from(call.is_some())) else {
        let (label, known) = match call {
            Some(call) => (format!("Extended {call}"), ax25.routes.extended(call)),
            None => ("Extended".to_owned(), Some(ax25.parameters.extended)),
        };
        let shown = mode_name(known);
        context.output.value(&label, shown, shown.into());
        return Ok(Then::Nothing);
    };
    match (call, mode(&word)) {
        (Some(call), Some((_, extended))) => ax25.routes.set_extended(call, *extended),
        (None, Some((_, Some(extended)))) => ax25.set_parameters(Parameters {
            extended: *extended,
            ..ax25.parameters
        }),
        (Some(_), None) => return failed("Valid options: off accept offer default"),
        (None, _) => return failed("Valid options: off accept offer"),
    }
    Ok(Then::Nothing)
}

/// A word as a call sign.
fn call_word(word: &str) -> Result<Call, Stop> {
    Call::parse(word).or_else(|_| failed(format_args!("Invalid call \"{word}\"")))
}

fn mycall(context: &mut Context<'_>, words: &[Word]) -> Done {
    match text_at(words, 1) {
        Some(word) => {
            let call = call_word(&word)?;
            context.station.interfaces.default_call = Some(LinkAddress::from(call));
        }
        None => {
            let call = context.station.interfaces.default_call;
            let shown = call.map_or("NOCALL".to_owned(), |call| call.to_string());
            context.output.line("mycall", &shown, text(&shown));
        }
    }
    Ok(Then::Nothing)
}

fn jumpstart(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call_word(&word_at(words, 1))?;
    let routes = &mut context.station.ax25.routes;
    let mut jumpstart = routes.jumpstart(call);
    let rest = words.get(1..).unwrap_or_default();
    let label = format!("Jumpstart {call}");
    flag(context.output, &label, &mut jumpstart, rest)?;
    routes.set_jumpstart(call, jumpstart);
    Ok(Then::Nothing)
}

/// A word as the number of a connection that is there.
fn link(context: &Context<'_>, words: &[Word]) -> Result<LinkId, Stop> {
    let id = LinkId::parse(&word_at(words, 1));
    let id = id.filter(|id| context.station.ax25.link(*id).is_some());
    id.ok_or_else(|| Stop::Failed("Not a valid control block".to_owned()))
}

fn kick(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = link(context, words)?;
    context.station.ax25.kick(context.now, id);
    Ok(Then::Nothing)
}

fn reset(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = link(context, words)?;
    context.station.ax25.reset(context.now, id);
    Ok(Then::Nothing)
}

/// The interfaces of AX.25 that a word names: all of them without one.
fn interfaces(context: &Context<'_>, words: &[Word]) -> Result<Vec<(InterfaceId, String)>, Stop> {
    let is_ax25 = |id: InterfaceId| {
        let interface = context.station.interfaces.get(id)?;
        let hardware = interface.encapsulation.hardware();
        (hardware == Some(Hardware::Ax25)).then(|| (id, interface.name().to_owned()))
    };
    match text_at(words, 1) {
        Some(word) => {
            let id = context.interface(&word)?;
            match is_ax25(id) {
                Some(of) => Ok(vec![of]),
                None => failed(format_args!("Interface {word} not AX.25")),
            }
        }
        None => {
            let all = context.station.interfaces.iter();
            Ok(all.filter_map(|(id, _)| is_ax25(id)).collect())
        }
    }
}

/// `ax25 heard` and `ax25 destlist`.
fn heard(context: &mut Context<'_>, words: &[Word], destinations: bool) -> Done {
    let all = interfaces(context, words)?;
    show(
        context,
        &|context, _| {
            let text = if destinations {
                show::ax25_destinations
            } else {
                show::ax25_heard
            };
            let ax25 = &context.station.ax25;
            let all = all.iter();
            all.map(|(id, name)| text(ax25, name, *id, context.now))
                .collect()
        },
        &|context| {
            let ax25 = &context.station.ax25;
            let since = |list: &Heard, port, call| -> Value {
                let seen = list.get(port, call);
                let age = seen.map(|seen| context.now.saturating_duration_since(seen.last));
                age.map(|age| age.as_secs()).into()
            };
            let all = all.iter().map(|(id, name)| {
                let port = id.port();
                let list = if destinations {
                    &ax25.destinations
                } else {
                    &ax25.heard
                };
                let stations = list.listed(port).into_iter().map(|(call, seen)| {
                    let mut fields = vec![
                        ("call", text(call)),
                        ("seconds_since", since(list, port, call)),
                        ("frames", seen.frames.into()),
                    ];
                    if destinations {
                        fields.push(("heard_seconds_since", since(&ax25.heard, port, call)));
                    }
                    object(fields)
                });
                object(vec![
                    ("interface", name.clone().into()),
                    ("stations", stations.collect()),
                ])
            });
            all.collect()
        },
    )
}

/// `ax25 heard live`, from its last word on.
fn heard_live(context: &mut Context<'_>, words: &[Word]) -> Done {
    let is_number = |word: &str| word.bytes().all(|octet| octet.is_ascii_digit());
    let (words, most) = match words.split_last() {
        Some((last, before)) if is_number(&last.text()) => {
            (before, number(&last.text(), "Lines", 1, 2048)?)
        }
        _ => (words, ROWS),
    };
    let all = interfaces(context, words)?;
    show(
        context,
        &|context, _| show::ax25_heard_live(&latest(context, &all, most), context.now),
        &|context| {
            let stations = latest(context, &all, most).into_iter();
            let stations = stations.map(|(name, call, seen)| {
                let age = context.now.saturating_duration_since(seen.last);
                object(vec![
                    ("call", text(call)),
                    ("interface", name.into()),
                    (
                        "digipeaters",
                        seen.via.iter().map(|digi| text(digi.call)).collect(),
                    ),
                    ("frames", seen.frames.into()),
                    ("seconds_since", age.as_secs().into()),
                    ("protocols", seen.protocols().collect()),
                ])
            });
            stations.collect()
        },
    )?;
    Ok(Then::Live(Duration::from_secs(1)))
}

/// Who was heard last on these interfaces, but for ourselves.
fn latest<'c>(
    context: &'c Context<'_>,
    all: &'c [(InterfaceId, String)],
    most: u64,
) -> Vec<(&'c str, Call, &'c Seen)> {
    let ax25 = &context.station.ax25;
    let heard = ax25
        .heard
        .latest()
        .into_iter()
        .filter_map(|(port, call, seen)| {
            let (_, name) = all.iter().find(|(id, _)| id.port() == port)?;
            let ours = ax25.port(port).is_some_and(|port| port.call == call);
            (!ours).then_some((name.as_str(), call, seen))
        });
    heard.take(most as usize).collect()
}

/// `ax25 route`.
fn route(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ROUTE: [Entry<Command>; 3] = [
        Entry::with(
            "add",
            route_add,
            3,
            "ax25 route add [permanent] <interface> default|<path>",
        ),
        Entry::new("list", route_list),
        Entry::new("stat", route_stat),
    ];
    if words.len() < 2 {
        return route_stat(context, words);
    }
    subcommand(context, "ax25 route", &ROUTE, words)
}

/// The line of AX.25 that a word names.
pub(crate) fn line_of(context: &Context<'_>, name: &str) -> Result<InterfaceId, Stop> {
    let known = context.station.interfaces.find(name);
    let id = known.map_err(|error| Stop::Failed(error.to_string()))?;
    let line = context.station.interfaces.get(id);
    if line.and_then(|line| line.encapsulation.hardware()) == Some(Hardware::Ax25) {
        Ok(id)
    } else {
        failed(format_args!("Interface \"{name}\" not kiss"))
    }
}

fn route_add(context: &mut Context<'_>, words: &[Word]) -> Done {
    let permanent = word_at(words, 1) == "permanent";
    let words = words.get(1 + usize::from(permanent)..).unwrap_or_default();
    let [interface, path @ ..] = words else {
        return Err(Stop::Usage(
            "ax25 route add [permanent] <interface> default|<path>",
        ));
    };
    let id = line_of(context, &interface.text())?;
    let path: Vec<_> = path.iter().map(Word::text).collect();
    let ax25 = &mut context.station.ax25;
    if let [word] = path.as_slice()
        && *word == "default"
    {
        ax25.routes.default = Some(id.port());
        return Ok(Then::Nothing);
    }
    let parsed = parse_path(path.iter().map(AsRef::as_ref));
    let (station, digis) = parsed.map_err(Stop::Failed)?;
    let used = ax25.seconds(context.now);
    if ax25.routes.add(used, id.port(), &digis, station, permanent) {
        Ok(Then::Nothing)
    } else {
        failed("A call sign is there twice, or stands for everybody")
    }
}

fn route_stat(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, _| {
            let station = &context.station;
            show::ax25_route_counts(&station.ax25, &station.interfaces)
        },
        &|context| {
            let station = &context.station;
            let (counts, nowhere) = station.ax25.routes.count();
            let of = |port: &Port| name(context, *port);
            let interfaces = counts.iter().map(|(port, count)| {
                object(vec![("interface", of(port)), ("count", (*count).into())])
            });
            let total = counts.iter().map(|(_, count)| count).sum::<usize>() + nowhere;
            object(vec![
                (
                    "default",
                    station.ax25.routes.default.map(|port| of(&port)).into(),
                ),
                ("interfaces", interfaces.collect()),
                ("total", total.into()),
            ])
        },
    )
}

/// The name of the interface that is a line of AX.25.
fn name(context: &Context<'_>, port: Port) -> Value {
    let interface = context.station.interfaces.get(InterfaceId::of_port(port));
    interface.map(|interface| interface.name()).into()
}

fn route_list(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mut calls = Vec::new();
    for word in words.iter().skip(1) {
        calls.push(call_word(&word.text())?);
    }
    if calls.is_empty() {
        let all = context.station.ax25.routes.listed().into_iter();
        calls = all.map(|(call, _)| call).collect();
    }
    let unix = (context.station.unix_micros(context.now) / 1_000_000) as i64;
    let local = unix + i64::from(context.host.utc_offset(unix));
    show(
        context,
        &|context, _| {
            let station = &context.station;
            let mut text = "Date    Time   Interface  PJ Path\n".to_owned();
            for call in &calls {
                let time = (context.now, local);
                text += &show::ax25_route(&station.ax25, &station.interfaces, time, *call);
            }
            text
        },
        &|context| {
            let ax25 = &context.station.ax25;
            let start = unix - ax25.seconds(context.now);
            let known = calls.iter().filter_map(|call| {
                let route = ax25.routes.get(*call)?;
                let path = ax25.routes.path(*call, Digis::MOST);
                let (digis, port) = path.unzip();
                let digis = digis.unwrap_or_default();
                let digis = digis.iter().map(|digi| text(digi.call));
                let next = match route.next {
                    Next::Digi(digi) => text(digi),
                    _ => Value::Null,
                };
                Some(object(vec![
                    ("call", text(call)),
                    ("interface", port.map(|port| name(context, port)).into()),
                    ("digipeaters", digis.collect()),
                    ("next", next),
                    ("permanent", route.permanent.into()),
                    ("jumpstart", route.jumpstart.into()),
                    ("extended", mode_name(route.extended).into()),
                    ("used_unix", (start + route.used).into()),
                ]))
            });
            known.collect()
        },
    )
}

fn status(context: &mut Context<'_>, words: &[Word]) -> Done {
    let now = context.now;
    if words.len() < 2 {
        return show(
            context,
            &|context, _| show::ax25_status(&context.station.ax25, now),
            &|context| {
                let ax25 = &context.station.ax25;
                let counters = ax25.counters.named().into_iter();
                let counters = counters.map(|(name, value)| (name, value.into()));
                object(vec![
                    ("links", links(context)),
                    ("listens", ax25.listens.into()),
                    ("counters", object(counters.collect())),
                ])
            },
        );
    }
    let id = link(context, words)?;
    show(
        context,
        &|context, _| {
            let view = context.station.ax25.link(id);
            view.map_or_else(String::new, |view| show::ax25_link(&view, now))
        },
        &|context| {
            let of = |link: &Value| link.get("axcb") == Some(&text(id));
            let all = links(context);
            let all = all.as_array().map_or(&[][..], Vec::as_slice);
            all.iter().find(|link| of(link)).cloned().into()
        },
    )
}

/// All connections.
pub(crate) fn links(context: &Context<'_>) -> Value {
    let links = context.station.ax25.links().map(|link| {
        let status = link.connection.status(context.now);
        let [t1, t3, t4, t5] = status.timers.map(|timer| {
            object(vec![
                (
                    "remaining_ms",
                    timer.remaining.map(|left| left.as_millis() as u64).into(),
                ),
                ("duration_ms", (timer.duration.as_millis() as u64).into()),
            ])
        });
        let digis = link.header.digis.iter().map(|digi| text(digi.call));
        object(vec![
            ("axcb", text(link.id)),
            ("local", text(link.header.source)),
            ("remote", text(link.header.destination)),
            ("digipeaters", digis.collect()),
            (
                "interface",
                link.port.map(|port| name(context, port)).into(),
            ),
            ("state", status.state.name().into()),
            ("crosslink", link.crosslink.into()),
            ("session", link.user.into()),
            ("receive_queue_octets", status.receive_queue.into()),
            ("rnr_sent", status.rnr_sent.into()),
            ("unacknowledged_frames", status.unacknowledged.into()),
            ("window_frames", status.window.into()),
            ("send_queue_frames", status.send_queue.into()),
            ("waiting_packets", link.packets.into()),
            ("remote_busy", status.remote_busy.into()),
            ("reject_sent", status.reject_sent.into()),
            ("retries", status.retries.into()),
            ("retry_limit", status.retry_limit.into()),
            ("vs", status.vs.into()),
            ("vr", status.vr.into()),
            ("version", status.version.into()),
            ("modulo", (if status.extended { 128 } else { 8 }).into()),
            ("selective_reject", status.selective.into()),
            ("srt_ms", (status.srt.as_millis() as u64).into()),
            ("mdev_ms", (status.mdev.as_millis() as u64).into()),
            ("t1", t1),
            ("t3", t3),
            ("t4", t4),
            ("t5", t5),
        ])
    });
    links.collect()
}
