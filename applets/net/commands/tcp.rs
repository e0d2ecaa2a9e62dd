//! `tcp`.

use std::time::Duration;

use serde_json::Value;
use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::show;
use wanbox_net_tcp::{Endpoint, Error, Id, Listener, ListenerId, Options, Parameters, Timer, View};

use crate::context::{Context, Done, Stop, Then};
use crate::values::{
    Command, counters, failed, flag, number, object, setting, show, subcommand, text, text_at,
    word_at,
};

/// The longest round trip time that is believed, milliseconds.
const MOST_RTT: u64 = 3_600_000;

/// `tcp`.
pub(crate) fn tcp(context: &mut Context<'_>, words: &[Word]) -> Done {
    const TCP: [Entry<Command>; 11] = [
        Entry::new("irtt", irtt),
        Entry::with("kick", kick, 2, "tcp kick <tcb>"),
        Entry::new("mss", mss),
        Entry::with("reset", reset, 2, "tcp reset <tcb>"),
        Entry::with("rtt", rtt, 3, "tcp rtt <tcb> <val>"),
        Entry::new("status", status),
        Entry::new("syndata", |context, words| {
            switch(context, words, "TCP syn+data piggybacking", |parameters| {
                &mut parameters.options.syn_data
            })
        }),
        Entry::new("timestamps", |context, words| {
            switch(context, words, "TCP timestamps", |parameters| {
                &mut parameters.options.timestamps
            })
        }),
        Entry::new("trace", |context, words| {
            switch(context, words, "TCP state tracing", |parameters| {
                &mut parameters.trace
            })
        }),
        Entry::new("window", window),
        Entry::new("wscale", |context, words| {
            switch(context, words, "TCP window scale", |parameters| {
                &mut parameters.options.window_scale
            })
        }),
    ];
    subcommand(context, "tcp", &TCP, words)
}

fn switch(
    context: &mut Context<'_>,
    words: &[Word],
    label: &str,
    which: fn(&mut Parameters) -> &mut bool,
) -> Done {
    let mut parameters = *context.station.tcp.parameters();
    let done = flag(context.output, label, which(&mut parameters), words);
    context.station.tcp.set_parameters(parameters);
    done
}

fn mss(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mut parameters = *context.station.tcp.parameters();
    let range = (Options::LEAST_MSS.into(), 65_495);
    let now = parameters.options.mss.into();
    if let Some(mss) = setting(context.output, "TCP MSS", now, range, words)? {
        parameters.options.mss = mss as u16;
        context.station.tcp.set_parameters(parameters);
    }
    Ok(Then::Nothing)
}

fn window(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mut parameters = *context.station.tcp.parameters();
    let range = (1, Options::MOST_WINDOW.into());
    let now = parameters.options.window.into();
    if let Some(window) = setting(context.output, "TCP window", now, range, words)? {
        parameters.options.window = window as u32;
        context.station.tcp.set_parameters(parameters);
    }
    Ok(Then::Nothing)
}

fn irtt(context: &mut Context<'_>, words: &[Word]) -> Done {
    if let Some(word) = text_at(words, 2) {
        let rtt = milliseconds(&word)?;
        let host = context.address(&word_at(words, 1))?;
        context.station.tcp.fold_rtt(context.now, host.into(), rtt);
        return Ok(Then::Nothing);
    }
    if let Some(word) = text_at(words, 1) {
        let irtt = milliseconds(&word)?;
        let mut parameters = *context.station.tcp.parameters();
        parameters.irtt = irtt;
        context.station.tcp.set_parameters(parameters);
        return Ok(Then::Nothing);
    }
    show(
        context,
        &|context, names| show::tcp_round_trips(&context.station.tcp, names),
        &|context| {
            let tcp = &context.station.tcp;
            let paths = tcp.paths().into_iter().filter_map(|(address, path)| {
                let (srtt, mdev) = path.rtt()?;
                Some(object(vec![
                    ("address", text(address)),
                    ("srtt_ms", millis(srtt)),
                    ("mdev_ms", millis(mdev)),
                ]))
            });
            object(vec![
                ("default_irtt_ms", millis(tcp.parameters().irtt)),
                ("destinations", paths.collect()),
            ])
        },
    )
}

fn milliseconds(word: &str) -> Result<Duration, Stop> {
    let millis = number(word, "milliseconds", 1, MOST_RTT)?;
    Ok(Duration::from_millis(millis))
}

fn millis(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

/// The number of a control block, in hexadecimal; an `x` in it does not matter.
fn block(words: &[Word]) -> Option<u32> {
    u32::from_str_radix(&word_at(words, 1).replace('x', ""), 16).ok()
}

/// A connection by its number.
fn connection(context: &Context<'_>, words: &[Word]) -> Result<View, Stop> {
    let id = block(words).map(Id::from_number);
    let view = id.and_then(|id| context.station.tcp.view(context.now, id));
    view.ok_or_else(|| Stop::Failed("Not a valid control block".to_owned()))
}

/// Sends what an action at a connection wants to be sent.
fn after(context: &mut Context<'_>, done: Result<(), Error>) -> Done {
    context.station.flush(context.now, context.host.sink());
    match done {
        Ok(()) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn kick(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = connection(context, words)?.id;
    let done = context.station.tcp.kick(context.now, id);
    after(context, done)
}

fn reset(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = connection(context, words)?.id;
    let done = context.station.tcp.abort(id);
    after(context, done)
}

fn rtt(context: &mut Context<'_>, words: &[Word]) -> Done {
    let id = connection(context, words)?.id;
    let rtt = milliseconds(&word_at(words, 2))?;
    let done = context.station.tcp.set_rtt(context.now, id, rtt);
    after(context, done)
}

fn status(context: &mut Context<'_>, words: &[Word]) -> Done {
    if words.len() < 2 {
        return show(
            context,
            &|context, names| show::tcp_status(&context.station.tcp, context.now, false, names),
            &|context| {
                let mut fields = counters(&show::tcp_counters(&context.station.tcp));
                fields.push(("connections".to_owned(), connections(context)));
                fields.push(("servers".to_owned(), servers(context)));
                object(fields)
            },
        );
    }
    let number = block(words);
    let mut servers = context.station.tcp.listeners();
    if let Some(found) = servers.find(|(id, _)| Some(id.number()) == number) {
        let (ends, json) = (show::tcp_listener(found.1), server(found));
        drop(servers);
        return show(
            context,
            &|_, names| {
                let [local, remote] = ends.map(|end| show::tcp_socket(end, names));
                format!("Local: {local} Remote: {remote} State: Listen (S)\n")
            },
            &|_| json.clone(),
        );
    }
    drop(servers);
    let every = match text_at(words, 2) {
        Some(word) => Some(milliseconds(&word)?),
        None => None,
    };
    let view = connection(context, words)?;
    show(
        context,
        &|context, names| show::tcp_connection(&view, &context.station.tcp.holes(view.id), names),
        &|context| details(context, &view),
    )?;
    Ok(every.map_or(Then::Nothing, Then::Repeat))
}

fn socket(end: Endpoint) -> Value {
    object(vec![("address", text(end.addr)), ("port", end.port.into())])
}

/// The connections of TCP.
pub(crate) fn connections(context: &Context<'_>) -> Value {
    let views = context.station.tcp.views(context.now);
    views.map(|view| object(outline(&view))).collect()
}

/// The servers of TCP.
pub(crate) fn servers(context: &Context<'_>) -> Value {
    context.station.tcp.listeners().map(server).collect()
}

fn server((id, listener): (ListenerId, &Listener)) -> Value {
    let address = listener.addr.map(|address| address.to_string());
    object(vec![
        ("tcb", text(format_args!("{:08x}", id.number()))),
        ("address", address.into()),
        ("port", listener.port.into()),
        ("half_open", listener.half_open().into()),
        ("waiting", listener.waiting().into()),
    ])
}

fn outline(view: &View) -> Vec<(&'static str, Value)> {
    vec![
        ("tcb", text(format_args!("{:08x}", view.id.number()))),
        ("local", socket(view.flow.local)),
        ("remote", socket(view.flow.remote)),
        ("state", view.state.name().into()),
        ("receive_queue_octets", view.receive_queue.into()),
        ("send_queue_octets", view.send_queue.into()),
    ]
}

fn details(context: &Context<'_>, view: &View) -> Value {
    let (send_rate, receive_rate) = view.throughput();
    let (timer, left) = match view.timer {
        Timer::Stopped => ("stopped", Duration::ZERO),
        Timer::Running(left) => ("running", left),
        Timer::Expired => ("expired", Duration::ZERO),
    };
    let holes = context.station.tcp.holes(view.id).into_iter();
    let holes = holes
        .map(|(first, octets)| object(vec![("sequence", first.into()), ("octets", octets.into())]));
    let send = object(vec![
        ("unacknowledged", view.send_unacknowledged.into()),
        ("next", view.send_next.into()),
        ("resent_octets", view.resent.into()),
        ("congestion_window_octets", view.congestion_window.into()),
        ("threshold_octets", view.threshold.into()),
        ("window_octets", view.send_window.into()),
        ("mss_octets", view.send_mss.into()),
        ("octets_per_second", send_rate.into()),
        ("octets", view.sent.into()),
    ]);
    let receive = object(vec![
        ("next", view.receive_next.into()),
        ("again_octets", view.received_again.into()),
        ("window_octets", view.receive_window.into()),
        ("mss_octets", view.receive_mss.into()),
        ("octets_per_second", receive_rate.into()),
        ("octets", view.received.into()),
    ]);
    let mut fields = outline(view);
    fields.extend([
        ("send", send),
        ("receive", receive),
        ("age_ms", millis(view.age)),
        ("duplicate_acks", view.dup_acks.into()),
        ("backoff", view.backoff.into()),
        ("timeouts", view.timeouts.into()),
        ("source_quenches", view.source_quenches.into()),
        ("unreachables", view.unreachables.into()),
        ("retrying", view.retrying.into()),
        ("timer", timer.into()),
        ("timer_left_ms", millis(left)),
        ("timeout_ms", millis(view.timeout)),
        ("last_rtt_ms", millis(view.last_rtt)),
        ("srtt_ms", millis(view.smoothed_rtt)),
        ("mdev_ms", millis(view.rtt_deviation)),
        ("timestamps", view.timestamps.into()),
        ("sack", view.sack.into()),
        ("window_scale", view.window_scale.is_some().into()),
        ("ecn", view.ecn.into()),
        ("reassembly", holes.collect()),
    ]);
    object(fields)
}
