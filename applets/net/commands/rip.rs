//! `rip`.

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::show;
use wanbox_wire::rip::PORT;

use crate::context::{Context, Done, Stop, Then};
use crate::values::{
    Command, failed, flag, number, object, setting, show, subcommand, text, text_at, word_at,
};

/// Octets of a password (RFC 2453 section 4.1).
const PASSWORD: usize = 16;

/// `rip`.
pub(crate) fn rip(context: &mut Context<'_>, words: &[Word]) -> Done {
    const RIP: [Entry<Command>; 10] = [
        Entry::with("accept", accept, 2, "rip accept <gateway> "),
        Entry::with("add", add, 3, "rip add <dest> <interval> [<flags>]"),
        Entry::with("drop", drop, 2, "rip drop <dest>"),
        Entry::new("merge", |context, words| {
            let value = &mut context.station.rip.merge;
            flag(context.output, "RIP merging", value, words)
        }),
        Entry::with("refuse", refuse, 2, "rip refuse <gateway>"),
        Entry::with("request", request, 2, ""),
        Entry::new("status", status),
        Entry::new("trace", trace),
        Entry::new("version", version),
        Entry::new("password", password),
    ];
    subcommand(context, "rip", &RIP, words)
}

fn accept(context: &mut Context<'_>, words: &[Word]) -> Done {
    let host = context.address(&word_at(words, 1))?;
    context.station.rip.accept(host);
    Ok(Then::Nothing)
}

fn refuse(context: &mut Context<'_>, words: &[Word]) -> Done {
    let host = context.address(&word_at(words, 1))?;
    match context.station.rip.refuse(host) {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn add(context: &mut Context<'_>, words: &[Word]) -> Done {
    let interval = number(&word_at(words, 2), "interval", 1, 86_400)? as u32;
    let is_set = |at, label| match text_at(words, at) {
        Some(word) => number(&word, label, 0, u32::MAX.into()).map(|value| value == 1),
        None => Ok(false),
    };
    let (split, us) = (is_set(3, "flags")?, is_set(4, "us")?);
    let host = context.address(&word_at(words, 1))?;
    let version = if context.station.rip.version2 { 2 } else { 1 };
    let (now, sink) = (context.now, context.host.sink());
    let station = &mut *context.station;
    match station.rip_add(now, host, interval, split, us, version, sink) {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn drop(context: &mut Context<'_>, words: &[Word]) -> Done {
    let host = context.address(&word_at(words, 1))?;
    context.station.rip.drop(host);
    Ok(Then::Nothing)
}

fn request(context: &mut Context<'_>, words: &[Word]) -> Done {
    let port = match text_at(words, 2) {
        Some(word) => number(&word, "port", 1, u16::MAX.into())? as u16,
        None => PORT,
    };
    let host = context.address(&word_at(words, 1))?;
    let (now, sink) = (context.now, context.host.sink());
    match context.station.rip_request(now, host, port, sink) {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn trace(context: &mut Context<'_>, words: &[Word]) -> Done {
    let trace = &mut context.station.rip.trace;
    let wanted = setting(
        context.output,
        "RIP tracing",
        (*trace).into(),
        (0, 2),
        words,
    )?;
    *trace = wanted.map_or(*trace, |level| level as u8);
    Ok(Then::Nothing)
}

fn version(context: &mut Context<'_>, words: &[Word]) -> Done {
    let version2 = &mut context.station.rip.version2;
    let version = if *version2 { 2 } else { 1 };
    let wanted = setting(context.output, "RIP version", version, (1, 2), words)?;
    *version2 = wanted.map_or(*version2, |version| version == 2);
    Ok(Then::Nothing)
}

/// It is never shown.
fn password(context: &mut Context<'_>, words: &[Word]) -> Done {
    let password = &mut context.station.rip.password;
    match words.get(1).map(|word| word.octets.as_slice()) {
        None => {
            let set = if password.is_some() { "set" } else { "not set" };
            context.output.text += &format!("RIP password: {set}\n");
        }
        Some([]) => *password = None,
        Some(octets) => {
            let mut padded = [0; PASSWORD];
            match padded.get_mut(..octets.len()) {
                Some(place) => place.copy_from_slice(octets),
                None => {
                    let most = format!("RIP password: at most {PASSWORD} characters");
                    return Err(Stop::Failed(most));
                }
            }
            *password = Some(padded);
        }
    }
    Ok(Then::Nothing)
}

fn status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, names| show::rip_status(&context.station.rip, names),
        &|context| {
            let rip = &context.station.rip;
            let destinations = rip.destinations().iter().map(|destination| {
                object(vec![
                    ("address", text(destination.host)),
                    ("interval_seconds", destination.interval.into()),
                    ("split_horizon", destination.split.into()),
                    ("own_entry", destination.us.into()),
                    ("version", destination.version.into()),
                ])
            });
            let stats = &rip.stats;
            object(vec![
                ("running", rip.is_running().into()),
                ("sent", stats.sent.into()),
                ("received", stats.received.into()),
                ("requests", stats.requests.into()),
                ("responses", stats.responses.into()),
                ("unknown", stats.unknown.into()),
                ("refused", stats.refused.into()),
                ("malformed", stats.malformed.into()),
                ("strangers", stats.strangers.into()),
                ("unauthenticated", stats.unauthenticated.into()),
                ("requests_limited", stats.limited.into()),
                ("destinations", destinations.collect()),
                ("refused_gateways", rip.refused().map(text).collect()),
            ])
        },
    )
}
