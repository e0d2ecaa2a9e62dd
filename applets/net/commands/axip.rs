//! `axip`: where stations are that are reached through the host's network.

use std::net::Ipv4Addr;

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::axip::Place;
use wanbox_wire::ax25::Call;

use crate::context::{Context, Done, Stop, Then};
use crate::values::{Command, failed, number, object, subcommand, text, word_at};

/// `axip`.
pub(crate) fn axip(context: &mut Context<'_>, words: &[Word]) -> Done {
    const AXIP: [Entry<Command>; 1] = [Entry::new("route", route)];
    subcommand(context, "axip", &AXIP, words)
}

fn route(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ROUTE: [Entry<Command>; 2] = [
        Entry::with("add", add, 3, "axip route add <call> <hostid>[:<port>]"),
        Entry::with("drop", drop, 2, "axip route drop <call>"),
    ];
    if words.len() > 1 {
        return subcommand(context, "axip route", &ROUTE, words);
    }
    let now = context.now;
    let peers = context.host.axip().iter();
    if context.output.wants_json {
        let peers = peers.map(|(call, peer)| {
            let idle = peer.heard.map(|heard| now.saturating_duration_since(heard));
            object(vec![
                ("call", text(call)),
                ("address", text(peer.place.0)),
                ("port", peer.place.1.into()),
                ("permanent", peer.permanent.into()),
                ("idle_seconds", idle.map(|idle| idle.as_secs()).into()),
            ])
        });
        context.output.json = Some(peers.collect());
        return Ok(Then::Nothing);
    }
    let mut lines = "Call       Addr\n".to_owned();
    for (call, peer) in peers {
        lines += &format!("{:<9}  {}\n", call.to_string(), shown(peer.place));
    }
    context.output.text += &lines;
    Ok(Then::Nothing)
}

fn shown((address, port): Place) -> String {
    match port {
        Some(port) => format!("{address}:{port}"),
        None => address.to_string(),
    }
}

fn call(word: &str) -> Result<Call, Stop> {
    match Call::parse(word) {
        Ok(call) if !call.is_multicast() => Ok(call),
        _ => failed(format_args!("Invalid call \"{word}\"")),
    }
}

fn add(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call(&word_at(words, 1))?;
    let host = word_at(words, 2);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, Some(number(port, "port", 1, u16::MAX.into())? as u16)),
        None => (host.as_str(), None),
    };
    // This address is one of the host's network: also what is never one of a station's may be meant.
    let address = match host.parse::<Ipv4Addr>() {
        Ok(address) if !address.is_unspecified() => address,
        _ => context.address(host)?,
    };
    if context.host.axip().add(call, (address, port)) {
        Ok(Then::Nothing)
    } else {
        failed("Too many routes")
    }
}

fn drop(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call(&word_at(words, 1))?;
    context.host.axip().drop(call);
    Ok(Then::Nothing)
}
