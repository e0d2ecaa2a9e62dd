//! `flexnet`.

use serde_json::Value;
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::Station;
use wanbox_net_flexnet::{Asked, View, range};
use wanbox_wire::ax25::Call;

use crate::context::{Context, Done, Then};
use crate::values::{Command, failed, object, show, subcommand, text, text_at, word_at};

/// `flexnet`.
pub(crate) fn flexnet(context: &mut Context<'_>, words: &[Word]) -> Done {
    const FLEXNET: [Entry<Command>; 4] = [
        Entry::new("dest", destinations),
        Entry::new("destdebug", debug),
        Entry::new("link", link),
        Entry::with("query", query, 2, "flexnet query <call>"),
    ];
    subcommand(context, "flexnet", &FLEXNET, words)
}

fn call(word: &str) -> Result<Call, crate::Stop> {
    Call::parse(word).map_err(|_| crate::Stop::Failed(format!("Invalid call \"{word}\"")))
}

fn destinations(context: &mut Context<'_>, words: &[Word]) -> Done {
    let only = match text_at(words, 1) {
        Some(word) => Some(call(&word)?),
        None => None,
    };
    let flexnet = &context.station.flexnet;
    match flexnet.destination_list(only) {
        Some(list) => show(context, &|_, _| list.clone(), &|context| {
            json(context, only)
        }),
        None => {
            let word = text_at(words, 1).unwrap_or_default();
            failed(format!("Destination \"{word}\" not found"))
        }
    }
}

fn debug(context: &mut Context<'_>, _: &[Word]) -> Done {
    show(
        context,
        &|context, _| context.station.flexnet.destination_debug_list(),
        &|context| json(context, None),
    )
}

fn json(context: &Context<'_>, only: Option<Call>) -> Value {
    let views = context.station.flexnet.destinations(only);
    let neighbours = |view: &View| {
        let list = view.neighbours.iter().map(|neighbour| {
            object(vec![
                ("call", text(neighbour.call)),
                ("delay_100ms", neighbour.delay.into()),
                ("told_100ms", neighbour.told.into()),
            ])
        });
        list.collect()
    };
    let list = views.iter().map(|view| {
        object(vec![
            ("call", text(view.call)),
            ("max_ssid", view.max_ssid.into()),
            ("neighbours", neighbours(view)),
        ])
    });
    list.collect()
}

/// What the state of the connection with a neighbour is called.
fn state(station: &Station, neighbour: Call) -> &'static str {
    let all = station.ax25.links();
    let of = all.filter(|link| link.header.destination == neighbour && !link.crosslink);
    let best = of.max_by_key(|link| station.ax25.is_up(link.id));
    best.map_or("Disconn", |link| link.connection.state().name())
}

fn link(context: &mut Context<'_>, words: &[Word]) -> Done {
    const LINK: [Entry<Command>; 2] = [
        Entry::with("add", add, 2, "flexnet link add <call>"),
        Entry::with("delete", delete, 2, "flexnet link delete <call>"),
    ];
    if words.len() > 1 {
        return subcommand(context, "flexnet link", &LINK, words);
    }
    show(
        context,
        &|context, _| {
            let station = &*context.station;
            station.flexnet.link_list(&|call| state(station, call))
        },
        &|context| {
            let station = &*context.station;
            let peers = station.flexnet.peers().into_iter().map(|peer| {
                object(vec![
                    ("call", text(peer.call)),
                    ("max_ssid", peer.max_ssid.into()),
                    ("remote_100ms", peer.remote.into()),
                    ("local_100ms", peer.local.into()),
                    ("smoothed_100ms", peer.smoothed().into()),
                    ("permanent", peer.permanent.into()),
                    ("token", peer.has_token.into()),
                    ("state", text(state(station, peer.call))),
                ])
            });
            let counters = station.flexnet.counters.named().into_iter();
            object(vec![
                ("links", peers.collect()),
                (
                    "counters",
                    object(counters.map(|(name, value)| (name, value.into())).collect()),
                ),
            ])
        },
    )
}

fn add(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call(&word_at(words, 1))?;
    context.station.radio_sync();
    match context.station.flexnet.add_link(context.now, call) {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn delete(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call(&word_at(words, 1))?;
    if context.station.flexnet.delete_link(call) {
        return Ok(Then::Nothing);
    }
    failed(format!("Link \"{}\" not found", range(call, call.ssid())))
}

fn query(context: &mut Context<'_>, words: &[Word]) -> Done {
    let call = call(&word_at(words, 1))?;
    match context.station.flexnet.query(call) {
        Ok(Asked::Sent(neighbour, number)) => {
            let line = format!("Query sent to {neighbour}");
            context.output.line("sent_to", line, text(neighbour));
            Ok(Then::Way(number))
        }
        Ok(Asked::Known(way)) => {
            let line = format!("Flexnet routing: {way}");
            context.output.line("way", line, text(way));
            Ok(Then::Nothing)
        }
        Err(error) => failed(error),
    }
}
