//! `route`.

use std::net::Ipv4Addr;

use serde_json::Value;
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::address::mask;
use wanbox_net_engine::route::{NewRoute, Origin, Route};
use wanbox_net_engine::show;

use crate::context::{Context, Done, Stop, Then};
use crate::values::{Command, failed, number, object, show, subcommand, text, text_at, word_at};

/// `route`.
pub(crate) fn route(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ROUTE: [Entry<Command>; 5] = [
        Entry::with(
            "add",
            |context, words| add(context, words, false),
            3,
            "route add <dest addr>[/<bits>] <if name> [gateway] [metric] [ttl]",
        ),
        Entry::with(
            "addprivate",
            |context, words| add(context, words, true),
            3,
            "route addprivate <dest addr>[/<bits>] <if name> [gateway] [metric] [ttl]",
        ),
        Entry::with("drop", drop, 2, "route drop <dest addr>[/<bits>]"),
        Entry::new("flush", |context, _| {
            context.station.routes.flush();
            Ok(Then::Nothing)
        }),
        Entry::with("lookup", lookup, 2, "route lookup <dest addr>"),
    ];
    if words.len() > 1 {
        return subcommand(context, "route", &ROUTE, words);
    }
    show(
        context,
        &|context, names| {
            let (station, now) = (&context.station, context.now);
            show::routes(&station.routes, &station.interfaces, now, names)
        },
        &|context| {
            let routes = context.station.routes.listed().into_iter();
            routes.map(|route| json(context, route)).collect()
        },
    )
}

fn json(context: &Context<'_>, route: &Route) -> Value {
    let interface = context.station.interfaces.get(route.interface);
    let gateway = Some(route.gateway).filter(|gateway| !gateway.is_unspecified());
    object(vec![
        ("destination", text(route.target)),
        ("bits", route.bits.into()),
        (
            "interface",
            interface.map(|interface| interface.name()).into(),
        ),
        ("gateway", gateway.map(|gateway| gateway.to_string()).into()),
        ("metric", route.metric.into()),
        ("private", route.private.into()),
        ("permanent", route.is_permanent().into()),
        ("seconds_left", route.seconds_left(context.now).into()),
        ("unreachable", route.held_down.into()),
        ("uses", context.station.routes.uses(route).into()),
    ])
}

/// A destination: `default`, or a host with the bits of it that count.
fn destination(context: &mut Context<'_>, word: &str) -> Result<(Ipv4Addr, u8), Stop> {
    if word == "default" {
        return Ok((Ipv4Addr::UNSPECIFIED, 0));
    }
    let (host, bits) = match word.split_once('/') {
        Some((host, bits)) => (host, number(bits, "bits", 0, 32)? as u8),
        None => (word, 32),
    };
    let address = context.address(host)?;
    Ok((Ipv4Addr::from_bits(address.to_bits() & mask(bits)), bits))
}

fn add(context: &mut Context<'_>, words: &[Word], private: bool) -> Done {
    let name = word_at(words, 2);
    let Some(interface) = context.station.interfaces.by_name(&name) else {
        return failed(format_args!("Interface \"{name}\" unknown"));
    };
    let value = |at, label, low, high, default| match text_at(words, at) {
        Some(word) => number(&word, label, low, high).map(|value| value as u32),
        None => Ok(default),
    };
    let metric = value(4, "metric", 0, u32::MAX.into(), 1)?;
    let lifetime = value(5, "ttl", 0, u32::MAX.into(), 0)?;
    let (target, bits) = destination(context, &word_at(words, 1))?;
    let gateway = match text_at(words, 3).as_deref() {
        None | Some("0") => Ipv4Addr::UNSPECIFIED,
        Some(word) => context.address(word)?,
    };
    let route = NewRoute {
        target,
        bits,
        interface,
        gateway,
        metric,
        private,
        lifetime,
        origin: Origin::Command,
    };
    match context.station.add_route(context.now, &route) {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn drop(context: &mut Context<'_>, words: &[Word]) -> Done {
    let (target, bits) = destination(context, &word_at(words, 1))?;
    match context.station.routes.drop(target, bits) {
        Some(_) => Ok(Then::Nothing),
        None => Err(Stop::Silent),
    }
}

fn lookup(context: &mut Context<'_>, words: &[Word]) -> Done {
    let word = word_at(words, 1);
    let address = context.host_address(&word)?;
    if context.station.routes.lookup(address).is_none() {
        return failed(format_args!("Host {word} ({address}) unreachable"));
    }
    let line = |context: &Context<'_>, names: show::Names<'_>| {
        let station = &context.station;
        let route = station.routes.lookup(address);
        route.map_or_else(String::new, |route| {
            let uses = station.routes.uses(route);
            show::route_line(route, uses, &station.interfaces, context.now, names)
        })
    };
    show(context, &line, &|context| {
        let route = context.station.routes.lookup(address);
        route.map_or(Value::Null, |route| json(context, route))
    })
}
