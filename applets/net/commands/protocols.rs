//! `ip`, `icmp`, `udp` and `ping`.

use serde_json::Value;
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::ping::{DEFAULT, LONGEST, SHORTEST};
use wanbox_net_engine::show;
use wanbox_net_engine::udp::{UDP_PORTS, port_name};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{
    Command, counters, failed, flag, number, object, setting, show, subcommand, text, text_at,
};

/// `ip`.
pub(crate) fn ip(context: &mut Context<'_>, words: &[Word]) -> Done {
    const IP: [Entry<Command>; 5] = [
        Entry::new("address", ip_address),
        Entry::new("rtimer", ip_rtimer),
        Entry::new("status", ip_status),
        Entry::new("trace", |context, words| {
            let value = &mut context.station.ip.trace;
            flag(context.output, "IP rx tracing", value, words)
        }),
        Entry::new("ttl", ip_ttl),
    ];
    subcommand(context, "ip", &IP, words)
}

fn ip_address(context: &mut Context<'_>, words: &[Word]) -> Done {
    match text_at(words, 1) {
        Some(word) => {
            let address = context.address(&word)?;
            context.station.interfaces.default_address = address;
        }
        None => {
            let address = context.station.interfaces.default_address;
            let shown = context.shown(address);
            context.output.line("ip_address", shown, text(address));
        }
    }
    Ok(Then::Nothing)
}

fn ip_rtimer(context: &mut Context<'_>, words: &[Word]) -> Done {
    const LABEL: &str = "IP reasm timeout (sec)";
    let seconds = context.station.ip.reassembly.timeout.as_secs();
    if let Some(seconds) = setting(context.output, LABEL, seconds, (1, 86_400), words)? {
        context.station.ip.set_rtimer(seconds as u32);
    }
    Ok(Then::Nothing)
}

fn ip_ttl(context: &mut Context<'_>, words: &[Word]) -> Done {
    let ttl = &mut context.station.ip.ttl;
    if let Some(hops) = setting(
        context.output,
        "IP Time-to-live",
        (*ttl).into(),
        (1, 255),
        words,
    )? {
        *ttl = hops as u8;
    }
    Ok(Then::Nothing)
}

fn ip_status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, names| {
            let (station, routes) = (&context.station, &context.station.routes.stats);
            show::ip_status(&station.ip, routes, context.now, names)
        },
        &|context| {
            let (ip, routes) = (&context.station.ip, &context.station.routes.stats);
            let mut fields = counters(&show::ip_counters(ip));
            let stats = &ip.stats;
            for (name, value) in [
                ("routing_lookups", routes.lookups),
                ("routing_cache_hits", routes.cache_hits),
                ("filtered", stats.filtered),
                ("too_deep", stats.too_deep),
                ("bad_offload", stats.bad_offload),
                ("multicast", stats.multicast),
                ("reassembling", ip.reassembly.listed().len() as u64),
            ] {
                fields.push((name.to_owned(), value.into()));
            }
            object(fields)
        },
    )
}

/// `icmp`.
pub(crate) fn icmp(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ICMP: [Entry<Command>; 3] = [
        Entry::new("echo", |context, words| {
            let value = &mut context.station.icmp.echo;
            flag(context.output, "ICMP echo response accept", value, words)
        }),
        Entry::new("status", icmp_status),
        Entry::new("trace", |context, words| {
            let value = &mut context.station.icmp.trace;
            flag(context.output, "ICMP tracing", value, words)
        }),
    ];
    subcommand(context, "icmp", &ICMP, words)
}

fn icmp_status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, _| show::icmp_status(&context.station.icmp),
        &|context| {
            let icmp = &context.station.icmp;
            let mut fields = Vec::new();
            for (name, received, sent) in show::icmp_counters(icmp) {
                let names = [format!("icmpIn{name}"), format!("icmpOut{name}")];
                let [name_in, name_out] = &names;
                fields.extend(counters(&[(0, name_in, received), (0, name_out, sent)]));
            }
            fields.push(("errors_limited".to_owned(), icmp.limited.into()));
            object(fields)
        },
    )
}

/// `udp`.
pub(crate) fn udp(context: &mut Context<'_>, words: &[Word]) -> Done {
    const UDP: [Entry<Command>; 1] = [Entry::new("status", udp_status)];
    subcommand(context, "udp", &UDP, words)
}

fn udp_status(context: &mut Context<'_>, _words: &[Word]) -> Done {
    show(
        context,
        &|context, names| show::udp_status(&context.station.udp, false, names),
        &|context| {
            let mut fields = counters(&show::udp_counters(&context.station.udp));
            fields.push(("sockets".to_owned(), udp_sockets(context)));
            object(fields)
        },
    )
}

/// The sockets of UDP.
pub(crate) fn udp_sockets(context: &Context<'_>) -> Value {
    let sockets = context.station.udp.listed().into_iter().map(|socket| {
        object(vec![
            ("ucb", text(format_args!("{:08x}", socket.id.number()))),
            ("receive_queue_octets", socket.waiting.into()),
            ("address", text(socket.address)),
            ("port", socket.port.into()),
            ("port_name", port_name(&UDP_PORTS, socket.port).into()),
        ])
    });
    sockets.collect()
}

/// `ping`.
pub(crate) fn ping(context: &mut Context<'_>, words: &[Word]) -> Done {
    let host = match text_at(words, 1).as_deref() {
        None => return ping_table(context),
        Some("clear") => {
            context.station.ping.clear();
            return Ok(Then::Nothing);
        }
        Some(word) => context.host_address(word)?,
    };
    let length = match text_at(words, 2) {
        // The range is the engine's, whose texts say which end was passed.
        Some(word) => number(&word, "packet size", 0, u32::MAX.into())
            .or_else(|_| failed(format_args!("packet size must be {SHORTEST}..{LONGEST}")))?
            as u32,
        None => DEFAULT,
    };
    let interval = match text_at(words, 3) {
        Some(word) => Some(number(&word, "interval", 0, 86_400)? as u32),
        None => None,
    };
    let (now, sink) = (context.now, context.host.sink());
    let sent = context.station.ping(now, host, length, interval, sink);
    let stamp = sent.map_err(|error| Stop::Failed(error.to_string()))?;
    Ok(match interval {
        None => Then::Reply(host, stamp),
        Some(_) => Then::Nothing,
    })
}

fn ping_table(context: &mut Context<'_>) -> Done {
    show(
        context,
        &|context, names| show::pings(&context.station.ping, names),
        &|context| {
            let targets = context.station.ping.targets().iter().map(|target| {
                object(vec![
                    ("host", text(target.host)),
                    ("sent", target.sent.into()),
                    ("received", target.received.into()),
                    ("srtt_ms", target.srtt.into()),
                    ("mdev_ms", target.mdev.into()),
                    ("length_octets", target.length.into()),
                    ("interval_seconds", target.interval.into()),
                ])
            });
            targets.collect()
        },
    )
}
