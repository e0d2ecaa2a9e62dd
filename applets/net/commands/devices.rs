//! `asystat` and `param`: what is behind interfaces.

use serde_json::Value;
use wanbox_net_console::words::Word;
use wanbox_net_engine::InterfaceId;

use crate::context::{Context, Done, Stop, Then};
use crate::host::{Asy, Parameter};
use crate::values::{failed, flag_word, number, object, on_or_off, snake, text_at, word_at};

/// `asystat`.
pub(crate) fn asystat(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mut lines: Vec<(String, Asy)> = Vec::new();
    if words.len() < 2 {
        for (id, interface) in context.station.interfaces.iter() {
            if let Some(asy) = context.host.asy(id) {
                lines.push((interface.name().to_owned(), asy));
            }
        }
    }
    for word in words.iter().skip(1) {
        let name = word.text().into_owned();
        let id = context.interface(&name)?;
        match context.host.asy(id) {
            Some(asy) => lines.push((name, asy)),
            None => return failed(format_args!("Interface {name} not asy")),
        }
    }
    if context.output.wants_json {
        context.output.json = Some(lines.iter().map(asy_json).collect());
        return Ok(Then::Nothing);
    }
    for (name, asy) in lines {
        let [received, sent] = asy.octets;
        let [reads, writes] = asy.interrupts;
        context.output.text += &format!(
            "{name}: [{}] {} bps\n RX: int {reads} chars {received} hw hi {}\n TX: int {writes} chars {sent}{}\n",
            if asy.up { "UP" } else { "DOWN" },
            asy.speed,
            asy.high_water,
            if asy.busy { " BUSY" } else { "" },
        );
    }
    Ok(Then::Nothing)
}

fn asy_json((name, asy): &(String, Asy)) -> Value {
    let [received, sent] = asy.octets;
    let [reads, writes] = asy.interrupts;
    object(vec![
        ("interface", name.as_str().into()),
        ("up", asy.up.into()),
        ("speed_bps", asy.speed.into()),
        ("reads", reads.into()),
        ("received_octets", received.into()),
        ("longest_read_octets", asy.high_water.into()),
        ("writes", writes.into()),
        ("sent_octets", sent.into()),
        ("busy", asy.busy.into()),
    ])
}

/// Parameters by name, in the order in which abbreviations are looked up.
pub(crate) const PARAMETERS: [(&str, u8); 22] = [
    ("Data", 0),
    ("TxDelay", 1),
    ("Persist", 2),
    ("SlotTime", 3),
    ("TxTail", 4),
    ("FullDup", 5),
    ("Hardware", 6),
    ("TxMute", 7),
    ("DTR", 8),
    ("RTS", 9),
    ("Speed", 10),
    ("EndDelay", 11),
    ("Group", 12),
    ("Idle", 13),
    ("Min", 14),
    ("MaxKey", 15),
    ("Wait", 16),
    ("Down", DOWN),
    ("Up", UP),
    ("Blind", 131),
    ("Ackmode", ACKMODE),
    ("Return", 255),
];
const DOWN: u8 = 129;
const UP: u8 = 130;
/// The controller says when a frame was sent.
const ACKMODE: u8 = 132;

/// The parameter of a word: a number, or the first name that begins with it, in any case of letters.
fn parameter(word: &str) -> Option<(String, u8)> {
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        let number = word.parse().ok()?;
        let known = PARAMETERS.iter().find(|(_, known)| *known == number);
        let name = known.map_or(word, |(name, _)| name);
        return Some((name.to_owned(), number));
    }
    let begins = |name: &str| {
        name.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let found = PARAMETERS.iter();
    let mut found = found.filter(|(name, _)| !word.is_empty() && begins(name));
    found
        .next()
        .map(|(name, number)| ((*name).to_owned(), *number))
}

/// `param`.
pub(crate) fn param(context: &mut Context<'_>, words: &[Word]) -> Done {
    let name = word_at(words, 1);
    let Some(id) = context.station.interfaces.by_name(&name) else {
        return failed(format_args!("Interface \"{name}\" unknown"));
    };
    let Some(word) = text_at(words, 2) else {
        return list(context, id);
    };
    let Some((name, code)) = parameter(&word) else {
        return failed(format_args!("Unknown parameter {word}"));
    };
    let value = match text_at(words, 3) {
        Some(word) if code == ACKMODE => Some(flag_word(&word)?.into()),
        Some(word) => Some(number(&word, &name, 0, u32::MAX.into())? as u32),
        // These two need no value.
        None if matches!(code, DOWN | UP) => Some(1),
        None => None,
    };
    match (ask(context, id, code, value)?, value) {
        (Some(now), _) if matches!(code, DOWN | UP) => {
            context.output.text += &format!("{name}: {now}\n");
        }
        (Some(now), None) => context.output.text += &format!("{name}: {}\n", shown(code, now)),
        (Some(_), Some(_)) => {}
        (None, _) => return failed(format_args!("Parameter {name} not supported")),
    }
    Ok(Then::Nothing)
}

/// A value as people see it.
fn shown(code: u8, value: u32) -> String {
    match code {
        ACKMODE => on_or_off(value != 0).to_owned(),
        _ => value.to_string(),
    }
}

fn ask(
    context: &mut Context<'_>,
    id: InterfaceId,
    code: u8,
    value: Option<u32>,
) -> Result<Option<u32>, Stop> {
    let (now, station) = (context.now, &mut *context.station);
    let answer = context
        .host
        .parameter(now, station, id, Parameter(code), value);
    answer.map_err(Stop::Failed)
}

/// Shows what can be read.
fn list(context: &mut Context<'_>, id: InterfaceId) -> Done {
    let mut known = Vec::new();
    for (name, code) in PARAMETERS {
        if ((1..=16).contains(&code) || code == ACKMODE)
            && let Some(value) = ask(context, id, code, None)?
        {
            known.push((name, code, value));
        }
    }
    if context.output.wants_json {
        let fields = known.iter();
        let fields = fields.map(|(name, code, value)| {
            let value = match *code {
                ACKMODE => (*value != 0).into(),
                _ => (*value).into(),
            };
            (snake(name), value)
        });
        context.output.json = Some(object(fields.collect()));
        return Ok(Then::Nothing);
    }
    for (name, code, value) in known {
        context.output.text += &format!("{name}: {}\n", shown(code, value));
    }
    Ok(Then::Nothing)
}
