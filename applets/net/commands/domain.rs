//! `domain`.

use std::net::Ipv4Addr;

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::address;
use wanbox_net_engine::domain::cache::{Key, Value};
use wanbox_net_engine::domain::{Lookup, MOST_SERVERS, cache_list};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{Command, failed, flag, object, show, subcommand, text, word_at};

/// `domain`.
pub(crate) fn domain(context: &mut Context<'_>, words: &[Word]) -> Done {
    const DOMAIN: [Entry<Command>; 5] = [
        Entry::with("query", query, 2, "domain query <name|addr>"),
        Entry::new("trace", |context, words| {
            let value = &mut context.station.resolver.trace;
            flag(context.output, "server trace", value, words)
        }),
        Entry::new("cache", cache),
        Entry::new("usegethostby", |context, words| {
            let value = &mut context.station.resolver.use_host;
            flag(context.output, "Using gethostby", value, words)
        }),
        Entry::new("server", server),
    ];
    subcommand(context, "domain", &DOMAIN, words)
}

fn query(context: &mut Context<'_>, words: &[Word]) -> Done {
    let word = word_at(words, 1);
    let found = match address::parse(&word) {
        Some(address) => name(context, address)?,
        None => Some(context.address(&word)?.to_string()),
    };
    match found {
        Some(found) => {
            context.output.text += &format!("{found}\n");
            Ok(Then::Nothing)
        }
        None => failed(format_args!("Unknown host {word}")),
    }
}

fn name(context: &mut Context<'_>, address: Ipv4Addr) -> Result<Option<String>, Stop> {
    let (now, sink) = (context.now, context.host.sink());
    match context.station.resolve_address(now, address, sink) {
        Lookup::Known(name) => Ok(Some(name)),
        Lookup::Asked(query) => Err(Stop::Asked(query)),
        Lookup::Unknown => Ok(context.host_name(address)),
    }
}

fn cache(context: &mut Context<'_>, words: &[Word]) -> Done {
    const CACHE: [Entry<Command>; 2] = [
        Entry::new("list", list),
        Entry::new("flush", |context, _| {
            context.station.resolver.cache.flush();
            Ok(Then::Nothing)
        }),
    ];
    subcommand(context, "domain cache", &CACHE, words)
}

fn list(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, _| cache_list(&context.station.resolver.cache, context.now),
        &|context| {
            let entries = context.station.resolver.cache.listed(context.now);
            let entries = entries.into_iter().map(|(key, value)| {
                let (asked, asked_for) = match key {
                    Key::Name(name) => ("name", text(name)),
                    Key::Address(address) => ("address", text(address)),
                };
                let answer = match value {
                    Value::Address(address) => text(address),
                    Value::Name(name) => text(name),
                    Value::Nothing => serde_json::Value::Null,
                };
                let other = if asked == "name" { "address" } else { "name" };
                object(vec![
                    ("asked", asked.into()),
                    (asked, asked_for),
                    (other, answer),
                ])
            });
            entries.collect()
        },
    )
}

fn server(context: &mut Context<'_>, words: &[Word]) -> Done {
    let servers = match words.get(1..).unwrap_or_default() {
        [] => {
            return show(
                context,
                &|context, names| {
                    let servers = context.station.resolver.servers().iter();
                    servers
                        .map(|server| format!("{}\n", names(*server)))
                        .collect()
                },
                &|context| {
                    let servers = context.station.resolver.servers();
                    servers.iter().map(text).collect()
                },
            );
        }
        [none] if none.octets == b"none" => Vec::new(),
        words if words.len() > MOST_SERVERS => {
            return failed(format_args!("at most {MOST_SERVERS} servers"));
        }
        words => {
            let words = words.iter();
            let addresses = words.map(|word| context.address(&word.text()));
            addresses.collect::<Result<Vec<_>, Stop>>()?
        }
    };
    context.station.resolver.set_servers(&servers);
    Ok(Then::Nothing)
}
