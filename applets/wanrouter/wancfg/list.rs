//! Lists: the devices there are, the keys they have.

use serde::Serialize;
use wanbox_console::table::{Align, columns};
use wanbox_grammar::Exit;

use super::boot::starts;
use super::draft::Draft;
use super::place::{self, Part, VARIABLES};
use crate::conf::keys::{INTERFACE, Key, LINK, Of, Status, TYPES};
use crate::conf::{Usage, summary};
use crate::output::Output;
use crate::site::Site;
use crate::{conf, daemons};

/// A device of the directory.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub device: String,
    /// Its link type as written; empty when its file does not say.
    pub link_type: String,
    /// Its line as written.
    pub line: String,
    /// Its interfaces.
    pub interfaces: Vec<String>,
    /// `wanrouter start` starts it.
    pub boot: bool,
    /// Its daemon runs.
    pub running: bool,
    /// Its configuration would load.
    pub valid: bool,
}

/// The devices that have a configuration file.
pub fn found(site: &Site) -> Vec<Listed> {
    let running = daemons::running(&site.run_dir);
    let mut devices = site.configured();
    // One of WAN_DEVICES whose name is none of wanpipe#.
    for device in &site.devices {
        if !devices.contains(device) && site.conf_file(device).exists() {
            devices.push(device.clone());
        }
    }
    let listed = |device: String| {
        let draft = Draft::open(site, &device).ok();
        let text = std::fs::read(site.conf_file(&device)).unwrap_or_default();
        let summary = summary::read(&String::from_utf8_lossy(&text))
            .into_iter()
            .find(|s| s.device == device)
            .unwrap_or_default();
        Listed {
            link_type: summary.link_type,
            line: summary.line,
            interfaces: draft.as_ref().map(Draft::interfaces).unwrap_or_default(),
            boot: starts(site, &device),
            running: running.contains(&device),
            valid: draft.is_some_and(|d| !d.check().has_errors()),
            device,
        }
    };
    devices.into_iter().map(listed).collect()
}

/// Lists the devices.
pub fn devices(site: &Site, json: bool, output: &mut Output<'_>) -> Exit {
    let found = found(site);
    if json {
        return output.json(&found);
    }
    let head = [
        ("device", Align::Left),
        ("link type", Align::Left),
        ("line", Align::Left),
        ("interfaces", Align::Left),
        ("boot", Align::Left),
        ("state", Align::Left),
    ];
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|d| {
            vec![
                d.device.clone(),
                d.link_type.clone(),
                d.line.clone(),
                d.interfaces.join(" "),
                if d.boot { "yes" } else { "no" }.to_owned(),
                state(d).to_owned(),
            ]
        })
        .collect();
    output.print(columns(&head, &rows));
    Exit::DONE
}

/// The state of a device in a word.
pub fn state(device: &Listed) -> &'static str {
    match (device.running, device.valid) {
        (true, _) => "running",
        (false, true) => "stopped",
        (false, false) => "wrong",
    }
}

/// A key for people and scripts.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    allowed: String,
    default: String,
    /// `WAN_FR`; empty: every link has it.
    link_type: String,
    /// `used`, `card`, `ignored` or `later`.
    status: &'static str,
    meaning: String,
}

/// The word of a link type in `[devices]`; empty for keys that every link has.
fn owner(of: Of) -> String {
    match of {
        Of::All => String::new(),
        driven => TYPES
            .iter()
            .find(|t| t.of == driven)
            .map_or_else(String::new, |t| t.word.to_owned()),
    }
}

fn row(prefix: &str, key: &Key) -> Row {
    Row {
        key: format!("{prefix}{}", key.name),
        allowed: key.kind.allowed(),
        default: key.default.to_owned(),
        link_type: owner(key.of),
        status: match key.status {
            Status::Used => "used",
            Status::Card => "card",
            Status::Ignored => "ignored",
            Status::Later => "later",
        },
        meaning: key.meaning.to_owned(),
    }
}

/// Lists the keys of the device, or those of every link type.
pub fn keys(_site: &Site, draft: Option<&Draft>, json: bool, output: &mut Output<'_>) -> Exit {
    let of = draft.and_then(Draft::of);
    let special = |key: String, allowed: String, meaning: &str| Row {
        key,
        allowed,
        default: String::new(),
        link_type: String::new(),
        status: "used",
        meaning: meaning.to_owned(),
    };
    let mut rows = vec![
        special("TYPE".into(), conf::keys::type_words(), "the link type"),
        special(
            "DESCRIPTION".into(),
            "any text".into(),
            "what the device is for",
        ),
    ];
    rows.extend(place::keys_of(LINK, of).map(|key| row("", key)));
    let modes = Usage::ALL.map(Usage::word).join(", ");
    for part in Part::ALL {
        let (allowed, meaning) = match part {
            Part::Address => (
                "a DLCI, auto; @ADDRESS, @, a PVC",
                "its address on the link",
            ),
            Part::Mode => (modes.as_str(), "what the interface is used for"),
            Part::Description => ("any text", "what it is for"),
        };
        rows.push(special(
            format!("IF.{}", part.word()),
            allowed.into(),
            meaning,
        ));
    }
    rows.extend(place::keys_of(INTERFACE, of).map(|key| row("IF.", key)));
    rows.extend(VARIABLES.iter().map(|v| Row {
        default: v.default.to_owned(),
        ..special(format!("IF.ip.{}", v.name), v.allowed.to_owned(), v.meaning)
    }));
    if json {
        return output.json(&rows);
    }
    let head = [
        ("key", Align::Left),
        ("default", Align::Left),
        ("status", Align::Left),
        ("meaning; allowed", Align::Left),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let owner = match row.link_type.as_str() {
                "" => String::new(),
                _ if draft.is_some() => String::new(),
                owner => format!("{owner}: "),
            };
            let text = format!("{owner}{}; {}", row.meaning, row.allowed);
            vec![row.key, row.default, row.status.to_owned(), text]
        })
        .collect();
    output.print(columns(&head, &rows));
    Exit::DONE
}
