//! `ipfilter`.

use std::net::Ipv4Addr;

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::filter::{Action, Range};
use wanbox_net_engine::{address, show};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{Command, number, object, show, subcommand, text, text_at};

const USAGE: &str = "ipfilter allow|deny <addr>[/<bits>] [to <addr>[/<bits>]]";

/// `ipfilter`.
pub(crate) fn ipfilter(context: &mut Context<'_>, words: &[Word]) -> Done {
    const IPFILTER: [Entry<Command>; 2] = [
        Entry::new("allow", |context, words| add(context, Action::Allow, words)),
        Entry::new("deny", |context, words| add(context, Action::Deny, words)),
    ];
    if words.len() > 1 {
        return subcommand(context, "ipfilter", &IPFILTER, words);
    }
    show(
        context,
        &|context, names| show::ipfilter(&context.station.filter, names),
        &|context| {
            let ranges = context.station.filter.ranges().iter().map(|range| {
                let action = match range.action {
                    Action::Allow => "allow",
                    Action::Deny => "deny",
                };
                object(vec![
                    ("action", action.into()),
                    ("low", text(range.low)),
                    ("high", text(range.high)),
                ])
            });
            ranges.collect()
        },
    )
}

fn add(context: &mut Context<'_>, action: Action, words: &[Word]) -> Done {
    let first = text_at(words, 1).ok_or(Stop::Usage(USAGE))?;
    let mut range = range(context, action, &first)?;
    match words.get(2..).unwrap_or_default() {
        [] => {}
        [to, last] if to.octets == b"to" => {
            let last = self::range(context, action, &last.text())?;
            range = range.hull(last);
        }
        _ => return Err(Stop::Usage(USAGE)),
    }
    context.station.filter.add(range);
    Ok(Then::Nothing)
}

/// Hosts that begin alike. Unlike elsewhere, 0 is an address here.
fn range(context: &mut Context<'_>, action: Action, word: &str) -> Result<Range, Stop> {
    let (host, bits) = match word.split_once('/') {
        Some((host, bits)) => (host, number(bits, "bits", 0, u64::MAX)?.min(32) as u8),
        None => (word, 32),
    };
    let address: Ipv4Addr = match address::parse(host) {
        Some(address) => address,
        None => context.address(host)?,
    };
    Ok(Range::of_prefix(action, address, bits))
}
