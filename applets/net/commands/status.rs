//! `status`, `memory` and `ps`.

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::show;

use crate::context::{Context, Done, Then};
use crate::values::{Command, counters, failed, flag, object, on_or_off, show, subcommand};
use crate::{ax25, netrom, protocols, tcp};

/// `status`.
pub(crate) fn status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, names| {
            let station = &context.station;
            [
                (" AX.25 ", 36, show::ax25_status(&station.ax25, context.now)),
                (
                    " NETROM ",
                    35,
                    wanbox_net_netrom::show::status(&station.netrom),
                ),
                (
                    " TCP ",
                    37,
                    show::tcp_status(&station.tcp, context.now, true, names),
                ),
                (" UDP ", 37, show::udp_status(&station.udp, true, names)),
                (" SERVICES ", 34, show::counters(&services(context))),
            ]
            .into_iter()
            .map(|(name, after, text)| format!("{:->1$}{2:->after$}\n{text}", name, 79 - after, ""))
            .collect()
        },
        &|context| {
            let sockets = vec![("sockets", protocols::udp_sockets(context))];
            let (ax25, netrom) = (&context.station.ax25, &context.station.netrom);
            let listens = vec![
                ("ax25", ax25.listens.into()),
                ("netrom", netrom.is_serving().into()),
            ];
            object(vec![
                ("ax25", ax25::links(context)),
                ("netrom", netrom::circuits(context)),
                ("listens", object(listens)),
                (
                    "tcp",
                    object(vec![
                        ("connections", tcp::connections(context)),
                        ("servers", tcp::servers(context)),
                    ]),
                ),
                ("udp", object(sockets)),
                ("services", object(counters(&services(context)))),
            ])
        },
    )
}

/// What happened at sessions, servers and the resolver, and what was refused there.
fn services(context: &Context<'_>) -> Vec<show::Counter> {
    let resolver = &context.station.resolver.stats;
    let of_resolver = [
        ("namesAsked", resolver.sent),
        ("namesAnswered", resolver.received),
        ("namesMalformed", resolver.malformed),
        ("namesForeign", resolver.foreign),
        ("namesTimeouts", resolver.timeouts),
        ("namesRefused", resolver.refused),
        ("namesTooMany", resolver.too_many),
    ];
    let all = context.services.counters.listed();
    let agwpe = context.services.agwpe.counters.listed();
    let numbered = (1..).zip(all.into_iter().chain(of_resolver).chain(agwpe));
    numbered
        .map(|(number, (name, value))| (number, name, value))
        .collect()
}

/// `memory`. The counters of the original's own allocator are zeros.
pub(crate) fn memory(context: &mut Context<'_>, words: &[Word]) -> Done {
    const MEMORY: [Entry<Command>; 5] = [
        Entry::new("debug", |context, words| {
            fixed(context, "Heap debugging", false, words)
        }),
        Entry::new("freelist", |context, _| {
            context.output.text += &cells();
            Ok(Then::Nothing)
        }),
        Entry::new("merge", |context, words| {
            fixed(context, "Heap merging", true, words)
        }),
        Entry::new("sizes", sizes),
        Entry::new("status", memory_status),
    ];
    subcommand(context, "memory", &MEMORY, words)
}

/// A switch of the original's allocator that cannot be moved here.
fn fixed(context: &mut Context<'_>, label: &str, value: bool, words: &[Word]) -> Done {
    let mut wanted = value;
    flag(context.output, label, &mut wanted, words)?;
    if wanted == value {
        Ok(Then::Nothing)
    } else {
        failed(format_args!("{label} is always {}", on_or_off(value)))
    }
}

/// Blocks by size, of which nobody keeps count: powers of two from 16 on, four in a line.
fn cells() -> String {
    let mut text = String::new();
    for line in 0..4 {
        let cells = (0..4).map(|cell| format!("N={:6}:{:10}", 16u32 << (line * 4 + cell), 0));
        text += &cells.collect::<Vec<_>>().join("|");
        text.push('\n');
    }
    text
}

fn sizes(context: &mut Context<'_>, _words: &[Word]) -> Done {
    let mut text = cells();
    text += "Mbuf sizes:\n";
    for line in 0..4 {
        let cells = (0..4).map(|cell| format!("N>={:5}:{:7}", 1u32 << (line * 4 + cell), 0));
        text += &cells.collect::<Vec<_>>().join("| ");
        text.push('\n');
    }
    context.output.text += &text;
    Ok(Then::Nothing)
}

fn memory_status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    let [resident, heap, free] = context.host.memory();
    show(
        context,
        &|_, _| {
            let percent = free.saturating_mul(100).checked_div(heap).unwrap_or(0);
            format!(
                "heap size {heap} avail {free} ({percent}%) morecores 0\n\
                 allocs 0 frees 0 (diff 0) alloc fails 0 invalid frees 0\n\
                 splits 0 merges 0 (diff 0)\n\
                 \n\
                 mbuf allocs 0 free cache hits 0 (0%) mbuf frees 0\n\
                 pushdown calls 0 pushdown calls to alloc_mbuf 0\n\
                 Free cache: small 0 medium 0 large 0\n"
            )
        },
        &|context| {
            object(vec![
                ("resident_octets", resident.into()),
                ("heap_octets", heap.into()),
                ("heap_free_octets", free.into()),
                ("tcp_octets", context.station.tcp.memory().into()),
            ])
        },
    )
}

/// `ps`. There is one task, which waits for everything.
pub(crate) fn ps(context: &mut Context<'_>, _words: &[Word]) -> Done {
    let uptime = context.host.uptime();
    show(
        context,
        &|_, _| {
            format!(
                "Uptime {}\n\
                 ksigs 0 queued 0 hiwat 0 woken 0 nops 0 dups 0\n\
                 kwaits 0 nops 0 from int 0\n\
                 PID       SP        stksize   maxstk    event     fl  in  out  name\n\
                 {:08x}  {:08x}  {:7}   {:6}    {:08x}      {:3} {:3}  net\n",
                show::days(uptime),
                0,
                0,
                0,
                0,
                0,
                0,
                0
            )
        },
        &|_| object(vec![("uptime_seconds", uptime.as_secs().into())]),
    )
}
