//! `arp`.

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::interface::Hardware;
use wanbox_net_engine::{LinkAddress, show};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{Command, failed, object, show, subcommand, text, word_at};

/// `arp`.
pub(crate) fn arp(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ARP: [Entry<Command>; 4] = [
        Entry::with(
            "add",
            |context, words| add(context, words, false),
            4,
            "arp add <hostid> ether|ax25|netrom|arcnet <ether addr|callsign>",
        ),
        Entry::with(
            "drop",
            drop,
            3,
            "arp drop <hostid> ether|ax25|netrom|arcnet",
        ),
        Entry::new("flush", |context, _| {
            context.station.arp.flush();
            Ok(Then::Nothing)
        }),
        Entry::with(
            "publish",
            |context, words| add(context, words, true),
            4,
            "arp publish <hostid> ether|ax25|netrom|arcnet <ether addr|callsign>",
        ),
    ];
    if words.len() > 1 {
        return subcommand(context, "arp", &ARP, words);
    }
    show(
        context,
        &|context, names| show::arp(&context.station.arp, context.now, names),
        &|context| {
            let arp = &context.station.arp;
            let entries = arp.listed().into_iter().map(|(hardware, address, entry)| {
                object(vec![
                    ("address", text(address)),
                    ("type", hardware.name().into()),
                    (
                        "link_address",
                        entry.link.map(|link| link.to_string()).into(),
                    ),
                    ("permanent", entry.is_permanent().into()),
                    ("seconds_left", entry.seconds_left(context.now).into()),
                    ("published", entry.published.into()),
                    ("waiting_datagrams", entry.waiting().into()),
                ])
            });
            let stats = &arp.stats;
            object(vec![
                ("received", stats.received.into()),
                ("bad_type", stats.bad_type.into()),
                ("bad_length", stats.bad_len.into()),
                ("bad_address", stats.bad_addr.into()),
                ("requests_received", stats.requests_in.into()),
                ("replies_received", stats.replies.into()),
                ("requests_sent", stats.requests_out.into()),
                ("replies_sent", stats.answers.into()),
                ("table_full", stats.table_full.into()),
                ("backlog_dropped", stats.backlog.into()),
                ("unanswered", stats.unanswered.into()),
                ("entries", entries.collect()),
            ])
        },
    )
}

/// A kind of link by its first letters. Ethernet is there when an interface has it.
fn hardware(context: &Context<'_>, word: &str) -> Result<Hardware, Stop> {
    let begins = |letters| word.starts_with(letters);
    let is_ethernet = |hardware| hardware == Some(Hardware::Ethernet);
    if begins("n") {
        Ok(Hardware::NetRom)
    } else if begins("ax") {
        Ok(Hardware::Ax25)
    } else if begins("e")
        && (context.station.interfaces.iter())
            .any(|(_, interface)| is_ethernet(interface.encapsulation.hardware()))
    {
        Ok(Hardware::Ethernet)
    } else if begins("e") || begins("ar") || begins("m") {
        failed("Attach device first")
    } else {
        failed(format_args!("unknown hardware type \"{word}\""))
    }
}

fn add(context: &mut Context<'_>, words: &[Word], published: bool) -> Done {
    let hardware = hardware(context, &word_at(words, 2))?;
    let link = word_at(words, 3);
    let Some(link) = LinkAddress::parse(hardware, &link) else {
        return failed(format_args!("Invalid {} address {link}", hardware.name()));
    };
    let address = context.address(&word_at(words, 1))?;
    let (now, sink) = (context.now, context.host.sink());
    context
        .station
        .arp_add(now, (hardware, address), link, published, sink);
    Ok(Then::Nothing)
}

fn drop(context: &mut Context<'_>, words: &[Word]) -> Done {
    let hardware = hardware(context, &word_at(words, 2))?;
    let address = context.address(&word_at(words, 1))?;
    if context.station.arp.drop(hardware, address) {
        Ok(Then::Nothing)
    } else {
        Err(Stop::Silent)
    }
}
