//! `ifconfig` and `trace`.

use std::net::Ipv4Addr;

use serde_json::Value;
use wanbox_net_console::table::{self, Entry};
use wanbox_net_console::words::Word;
use wanbox_net_engine::interface::{Crc, Direction, TraceFlags};
use wanbox_net_engine::{Interface, InterfaceId, address, show};
use wanbox_net_services::reason;

use crate::context::{Context, Done, Stop, Then};
use crate::values::{failed, flag_word, number, object, show, text, text_at, word_at};

/// What is to be set, with everything known that is needed to do it.
enum Setting {
    AutoRoute(bool),
    Broadcast(Ipv4Addr),
    Crc(Crc),
    Encapsulation(String),
    Forward(String),
    Address(Ipv4Addr),
    LinkAddress(String),
    Mtu(u32),
    Netmask(u32),
    Offload(bool),
    Queue(u32),
    Nothing,
}

type Parse = fn(&mut Context<'_>, &str) -> Result<Setting, Stop>;

const SETTINGS: [Entry<Parse>; 12] = [
    Entry::new("autoroute", |_, word| {
        flag_word(word).map(Setting::AutoRoute)
    }),
    Entry::new("broadcast", |context, word| {
        context.address(word).map(Setting::Broadcast)
    }),
    Entry::new("crc", |_, word| match word.as_bytes().first() {
        Some(b'o' | b'O') => Ok(Setting::Crc(Crc::Off)),
        Some(b'1') => Ok(Setting::Crc(Crc::Crc16)),
        Some(b'r' | b'R') => Ok(Setting::Crc(Crc::Rmnc)),
        Some(b'c' | b'C') => Ok(Setting::Crc(Crc::Ccitt)),
        Some(b't' | b'T') => Ok(Setting::Crc(Crc::Test16)),
        _ => failed("Valid options: off 16 RMNC CCITT test"),
    }),
    Entry::new("encapsulation", |_, word| {
        Ok(Setting::Encapsulation(word.to_owned()))
    }),
    Entry::new("forward", |_, word| Ok(Setting::Forward(word.to_owned()))),
    Entry::new("ipaddress", |context, word| {
        context.address(word).map(Setting::Address)
    }),
    Entry::new("linkaddress", |_, word| {
        Ok(Setting::LinkAddress(word.to_owned()))
    }),
    Entry::new("mtu", |_, word| value(word, "MTU").map(Setting::Mtu)),
    Entry::new("netmask", |_, word| match address::parse_netmask(word) {
        Some(mask) => Ok(Setting::Netmask(mask)),
        None => failed(format_args!("Invalid netmask {word}")),
    }),
    Entry::new("txqlen", |_, word| {
        value(word, "TX queue limit").map(Setting::Queue)
    }),
    // Buffers grow by themselves.
    Entry::new("rxbuf", |_, word| {
        value(word, "RX buffer size").map(|_| Setting::Nothing)
    }),
    Entry::new("offload", |_, word| flag_word(word).map(Setting::Offload)),
];

fn value(word: &str, label: &str) -> Result<u32, Stop> {
    number(word, label, 0, u32::MAX.into()).map(|value| value as u32)
}

/// All interfaces, as they are listed.
fn all(context: &Context<'_>) -> Vec<InterfaceId> {
    let interfaces = context.station.interfaces.iter();
    interfaces.map(|(id, _)| id).collect()
}

/// `ifconfig`.
pub(crate) fn ifconfig(context: &mut Context<'_>, words: &[Word]) -> Done {
    let Some(word) = text_at(words, 1) else {
        let ids = all(context);
        return display(context, &ids, false);
    };
    let id = context.interface(&word)?;
    let pairs = words.get(2..).unwrap_or_default();
    if pairs.is_empty() {
        return display(context, &[id], true);
    }
    // Everything is understood before anything is done.
    let mut settings = Vec::new();
    for pair in pairs.chunks(2) {
        let Some(entry) = table::find(&SETTINGS, &word_at(pair, 0)) else {
            let names = table::list(SETTINGS.iter().map(|entry| entry.name));
            context.output.text += &format!("\"ifconfig\" subcommands:\n{names}");
            return Err(Stop::Silent);
        };
        match pair.get(1) {
            Some(value) => settings.push((entry.what)(context, &value.text())?),
            None => return failed("Argument missing"),
        }
    }
    for setting in settings {
        set(context, id, setting).map_err(Stop::Failed)?;
    }
    Ok(Then::Nothing)
}

fn set(context: &mut Context<'_>, id: InterfaceId, setting: Setting) -> Result<(), String> {
    let (now, station) = (context.now, &mut *context.station);
    let interfaces = &mut station.interfaces;
    match setting {
        Setting::Broadcast(address) => station.set_broadcast(now, id, address),
        Setting::Encapsulation(word) => interfaces
            .set_encapsulation(id, &word)
            .map_err(|error| error.to_string())?,
        Setting::Forward(name) => interfaces.set_forward(id, &name),
        Setting::Address(address) => interfaces.set_address(id, address),
        Setting::LinkAddress(word) => interfaces
            .set_link_address(id, &word)
            .map_err(|error| error.to_string())?,
        Setting::Mtu(mtu) => interfaces
            .set_mtu(id, mtu)
            .map_err(|error| error.to_string())?,
        Setting::Netmask(mask) => station
            .set_netmask(now, id, mask)
            .map_err(|error| error.to_string())?,
        Setting::AutoRoute(_)
        | Setting::Crc(_)
        | Setting::Offload(_)
        | Setting::Queue(_)
        | Setting::Nothing => {
            if let Some(interface) = interfaces.get_mut(id) {
                match setting {
                    Setting::AutoRoute(on) => interface.autoroute = on,
                    Setting::Crc(crc) => interface.crc = crc,
                    Setting::Offload(on) => interface.uses_offload = on,
                    Setting::Queue(limit) => interface.txqlen = limit,
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// Shows interfaces; with what their devices say.
fn display(context: &mut Context<'_>, ids: &[InterfaceId], details: bool) -> Done {
    let sink = context.host.sink();
    let queued: Vec<_> = ids.iter().map(|id| (*id, sink.queued(*id))).collect();
    show(
        context,
        &|context, names| {
            let interfaces = &context.station.interfaces;
            let (now, running) = (context.now, context.host.uptime());
            let mut text = String::new();
            for (id, queued) in &queued {
                if let Some(interface) = interfaces.get(*id) {
                    text += &show::ifconfig(interfaces, interface, *queued, now, running, names);
                }
                if details {
                    text += &context.host.device_lines(*id);
                }
            }
            text
        },
        &|context| {
            let all = queued.iter().filter_map(|(id, queued)| {
                let interface = context.station.interfaces.get(*id)?;
                Some(json(context, *id, interface, *queued))
            });
            let mut all: Vec<Value> = all.collect();
            match all.pop() {
                Some(one) if details => one,
                last => all.into_iter().chain(last).collect(),
            }
        },
    )
}

fn json(context: &Context<'_>, id: InterfaceId, interface: &Interface, queued: usize) -> Value {
    let direction = |direction: &Direction| {
        let idle = direction
            .last
            .map(|last| context.now.saturating_duration_since(last).as_secs());
        object(vec![
            ("datagrams", direction.ip.into()),
            ("packets", direction.total.into()),
            ("idle_seconds", idle.into()),
        ])
    };
    let forward = interface.forward();
    let forward = forward.and_then(|to| context.station.interfaces.get(to));
    let link_address = interface.link_address().map(|link| link.to_string());
    let counters = &interface.counters;
    let device = context.host.device_counters(id).into_iter();
    object(vec![
        ("interface", interface.name().into()),
        ("up", interface.up.into()),
        ("address", text(interface.address())),
        ("netmask", text(Ipv4Addr::from_bits(interface.netmask()))),
        ("broadcast", text(interface.broadcast())),
        ("mtu_octets", interface.mtu().into()),
        ("encapsulation", interface.encapsulation.name().into()),
        ("link_address", link_address.into()),
        ("trace_flags", interface.trace.0.into()),
        ("forward", forward.map(|to| to.name()).into()),
        ("autoroute", interface.autoroute.into()),
        (
            "offload",
            (interface.offload && interface.uses_offload).into(),
        ),
        ("crc", interface.crc.text().into()),
        ("queued_packets", queued.into()),
        ("queue_limit_packets", interface.txqlen.into()),
        ("sent", direction(&counters.sent)),
        ("received", direction(&counters.received)),
        ("queue_full", counters.queue_full.into()),
        ("dropped_down", counters.down.into()),
        ("crc_errors", counters.crc_errors.into()),
        ("bad_headers", counters.bad_headers.into()),
        (
            "device",
            object(device.map(|(name, value)| (name, value.into())).collect()),
        ),
    ])
}

/// `trace`.
pub(crate) fn trace(context: &mut Context<'_>, words: &[Word]) -> Done {
    let Some(name) = text_at(words, 1) else {
        let ids = all(context);
        return trace_status(context, &ids);
    };
    let id = context.interface(&name)?;
    let Some(word) = text_at(words, 2) else {
        return trace_status(context, &[id]);
    };
    let interfaces = &mut context.station.interfaces;
    let before = interfaces.get(id).map(|interface| interface.trace);
    if !interfaces.set_trace(id, &word) {
        return Err(Stop::Usage(
            "trace [<iface> [<flags>|[-]input|[-]output|[-]broadcast|[-]raw|[-]ascii|[-]hex|off [<file>]]]",
        ));
    }
    let file = text_at(words, 3);
    let opened = context.host.trace(context.console, id, file.as_deref());
    opened.map_err(|error| {
        if let (Some(interface), Some(before)) = (context.station.interfaces.get_mut(id), before) {
            interface.trace = before;
        }
        let file = file.unwrap_or_else(|| "the console".to_owned());
        Stop::Failed(format!("Can't write to {file}: {}", reason(&error)))
    })?;
    Ok(Then::Nothing)
}

fn trace_status(context: &mut Context<'_>, ids: &[InterfaceId]) -> Done {
    let interfaces = |context: &Context<'_>| -> Vec<Interface> {
        let all = ids.iter();
        all.filter_map(|id| context.station.interfaces.get(*id).cloned())
            .collect()
    };
    show(
        context,
        &|context, _| interfaces(context).iter().map(show::trace_status).collect(),
        &|context| {
            let all = interfaces(context);
            let all = all.iter().map(|interface| {
                let has = |flag| interface.trace.has(flag);
                let dump = if has(TraceFlags::HEX) {
                    "hex"
                } else if has(TraceFlags::ASCII) {
                    "ascii"
                } else {
                    "headers"
                };
                object(vec![
                    ("interface", interface.name().into()),
                    ("input", has(TraceFlags::INPUT).into()),
                    ("output", has(TraceFlags::OUTPUT).into()),
                    ("broadcasts", (!has(TraceFlags::NO_BROADCAST)).into()),
                    ("dump", dump.into()),
                    ("raw", has(TraceFlags::RAW).into()),
                ])
            });
            all.collect()
        },
    )
}
