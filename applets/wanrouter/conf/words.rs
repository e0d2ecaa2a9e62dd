//! A configuration out of the words of a command line (`wanconfig -U`).
//!
//! `[devices] DEVICE TYPE [TEXT] [interfaces] NAME DEVICE ADDRESS|- MODE ... [DEVICE] KEY VALUE ...
//! [NAME] KEY VALUE ...`. A `-` is an empty address. Words are taken as they are: `#` and `;`
//! start no comment, and a comma in the value of a `LINE` needs no quoting.

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::{Record, Section, Sections};

use super::Outcome;
use super::read::build;

/// How findings name the place.
const PLACE: &str = "command line";

/// Reads the words after `-U`. Nothing is written anywhere.
pub fn parse(words: &[String]) -> Outcome {
    let mut diagnostics = Diagnostics::new(PLACE);
    let mut sections = Sections::default();
    let mut rest = words;
    while let Some((first, others)) = rest.split_first() {
        let length = others
            .iter()
            .position(|word| header(word).is_some())
            .unwrap_or(others.len());
        let (body, next) = others.split_at(length);
        rest = next;
        let Some(name) = header(first) else {
            let what = "not in a section";
            diagnostics.error(
                0,
                first,
                what,
                "[devices], [interfaces], [DEVICE], [INTERFACE]",
            );
            continue;
        };
        if sections.get(name).is_some() {
            diagnostics.error(0, first, "given twice", "each section once");
            continue;
        }
        let records = match name {
            "devices" => device(body, &mut diagnostics),
            "interfaces" => interfaces(body, &mut diagnostics),
            _ => pairs(name, body, &mut diagnostics),
        };
        sections.push(Section {
            line: 0,
            name: name.to_owned(),
            records,
        });
    }
    build(&sections, diagnostics)
}

fn header(word: &str) -> Option<&str> {
    word.strip_prefix('[')?.strip_suffix(']')
}

fn record(key: &str, value: String) -> Record {
    Record {
        line: 0,
        key: key.to_owned(),
        value: Some(value),
    }
}

fn device(body: &[String], diagnostics: &mut Diagnostics) -> Vec<Record> {
    match body {
        [name, link_type] => vec![record(name, link_type.clone())],
        [name, link_type, text] => vec![record(name, format!("{link_type}, {text}"))],
        _ => {
            let what = format!("{} words", body.len());
            diagnostics.error(0, "[devices]", what, "DEVICE TYPE [TEXT]");
            Vec::new()
        }
    }
}

fn interfaces(body: &[String], diagnostics: &mut Diagnostics) -> Vec<Record> {
    let groups = body.chunks_exact(4);
    if !groups.remainder().is_empty() {
        let what = format!("{} words, which is no multiple of 4", body.len());
        diagnostics.error(0, "[interfaces]", what, "NAME DEVICE ADDRESS|- MODE ...");
    }
    groups
        .filter_map(|group| match group {
            [name, device, address, mode] => {
                let address = if address == "-" { "" } else { address };
                Some(record(name, format!("{device}, {address}, {mode}")))
            }
            _ => None,
        })
        .collect()
}

fn pairs(name: &str, body: &[String], diagnostics: &mut Diagnostics) -> Vec<Record> {
    let groups = body.chunks_exact(2);
    if let [key] = groups.remainder() {
        diagnostics.error(0, key, format!("no value in [{name}]"), "KEY VALUE ...");
    }
    groups
        .filter_map(|group| match group {
            [key, value] => Some(record(key, value.clone())),
            _ => None,
        })
        .collect()
}
