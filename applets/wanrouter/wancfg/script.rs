//! What scripts ask for: changes, values, checks.

use serde::Serialize;
use wanbox_grammar::Exit;
use wanbox_grammar::diagnostic::{Diagnostics, Severity};
use wanbox_grammar::value;

use super::boot;
use super::draft::{Draft, Unsaved};
use super::place::{self, Place};
use super::{Command, list};
use crate::conf::Usage;
use crate::conf::keys::{self, INTERFACE, LINK};
use crate::daemons;
use crate::output::Output;
use crate::site::Site;

/// Does what is asked about one device.
pub fn device(command: &Command, site: &mut Site, device: &str, output: &mut Output<'_>) -> Exit {
    let draft = match &command.new {
        Some(link_type) => match Draft::create(site, device, link_type) {
            Ok(draft) => draft,
            Err(why) => return output.failure(why),
        },
        None => match open(site, device, output) {
            Ok(draft) => draft,
            Err(exit) => return exit,
        },
    };
    if command.delete {
        delete(site, draft, output)
    } else if command.check {
        let findings = draft.check();
        report_check(&[(device.to_owned(), findings)], command.json, output)
    } else if command.list_keys {
        list::keys(site, Some(&draft), command.json, output)
    } else if !command.get.is_empty() {
        get(command, &draft, output)
    } else {
        change(command, site, draft, output)
    }
}

fn open(site: &Site, device: &str, output: &mut Output<'_>) -> Result<Draft, Exit> {
    if let Err(why) = crate::conf::settings::device_name(device) {
        return Err(output.misuse(why));
    }
    let draft = Draft::open(site, device).map_err(|error| {
        if error.is_absent() {
            output.absent(format_args!(
                "no device {device}: {} is not there; --new TYPE makes it",
                error.path.display()
            ))
        } else {
            output.failure(error)
        }
    })?;
    if draft.is_declared() {
        Ok(draft)
    } else {
        let file = draft.path().display();
        Err(output.absent(format_args!("{file}: [devices] has no {device}")))
    }
}

/// Why a change was not made.
enum Refused {
    /// The words make no sense.
    Misuse(String),
    /// They do, but not here.
    Failed(String),
}

fn change(command: &Command, site: &mut Site, mut draft: Draft, output: &mut Output<'_>) -> Exit {
    let boot = match command.boot.as_deref().map(value::yes_no).transpose() {
        Ok(boot) => boot,
        Err(why) => return output.misuse(format_args!("--boot: {why}")),
    };
    let before = draft.of();
    match edit(command, site, &mut draft) {
        Ok(()) => {}
        Err(Refused::Misuse(why)) => return output.misuse(why),
        Err(Refused::Failed(why)) => return output.failure(why),
    }
    let dropped = if draft.of() == before {
        Vec::new()
    } else {
        draft.drop_foreign_keys()
    };
    if !dropped.is_empty() {
        let keys = dropped.join(", ");
        output.error(format_args!(
            "taken away, keys of another link type: {keys}"
        ));
    }
    let written = match draft.save() {
        Ok(written) => written,
        Err(Unsaved::Wrong(findings)) => {
            for finding in findings.iter() {
                output.error(finding);
            }
            let file = draft.path().display();
            return output.failure(format_args!("{file} is not changed: it would not load"));
        }
        Err(error) => return output.failure(error),
    };
    for finding in draft.check().iter() {
        output.error(finding);
    }
    for file in &written {
        output.line(format_args!("{}", file.display()));
    }
    if let Some(on) = boot {
        match boot::set_starts(site, &draft.device, on) {
            Ok(file) => file.iter().for_each(|f| output.line(f.display())),
            Err(why) => return output.failure(why),
        }
    }
    if !written.is_empty() && daemons::pid(&site.run_dir, &draft.device).is_some() {
        let device = &draft.device;
        output.error(format_args!(
            "{device} runs: 'wanconfig card {device} reconfig' applies the changes"
        ));
    }
    Exit::DONE
}

fn edit(command: &Command, site: &Site, draft: &mut Draft) -> Result<(), Refused> {
    for name in &command.remove_interface {
        draft.remove_interface(name).map_err(Refused::Failed)?;
    }
    for text in &command.rename_interface {
        let (name, new) = text.split_once('=').ok_or_else(|| {
            Refused::Misuse(format!("--rename-interface {text}: should be IF=NEW"))
        })?;
        draft
            .rename_interface(site, name, new)
            .map_err(Refused::Failed)?;
    }
    for text in &command.add_interface {
        let (name, rest) = text.split_once('=').unwrap_or((text, ""));
        let (address, mode) = rest.split_once(',').unwrap_or((rest, ""));
        let mode = if mode.is_empty() {
            Usage::Wanpipe.word()
        } else {
            mode
        };
        draft
            .add_interface(site, name, address, mode)
            .map_err(Refused::Failed)?;
    }
    for name in &command.unset {
        let place = Place::parse(name, &draft.interfaces()).map_err(Refused::Failed)?;
        draft.unset(&place).map_err(Refused::Failed)?;
    }
    for text in &command.set {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Refused::Misuse(format!("--set {text}: should be KEY=VALUE")))?;
        let place = Place::parse(name.trim(), &draft.interfaces()).map_err(Refused::Failed)?;
        if value.trim().is_empty() {
            return Err(Refused::Misuse(format!(
                "--set {text}: no value; --unset {place} takes it away"
            )));
        }
        draft.set(&place, value).map_err(Refused::Failed)?;
    }
    Ok(())
}

fn delete(site: &mut Site, draft: Draft, output: &mut Output<'_>) -> Exit {
    let device = draft.device.clone();
    if daemons::pid(&site.run_dir, &device).is_some() {
        return output.failure(format_args!(
            "{device} runs: 'wanrouter stop {device}' first"
        ));
    }
    match draft.delete() {
        Ok(gone) => gone.iter().for_each(|f| output.line(f.display())),
        Err(error) => return output.failure(error),
    }
    match boot::set_starts(site, &device, false) {
        Ok(file) => {
            file.iter().for_each(|f| output.line(f.display()));
            Exit::DONE
        }
        Err(why) => output.failure(why),
    }
}

/// A value and where it is from.
#[derive(Serialize)]
struct Got {
    key: String,
    /// `None`: neither given nor by default.
    value: Option<String>,
    /// It is in a file; else it is the default.
    given: bool,
    /// Its line in the configuration file.
    line: Option<usize>,
}

/// The value that counts without a given one.
pub fn default(place: &Place) -> &'static str {
    match place {
        Place::Link(key) => keys::find(LINK, key).map_or("", |key| key.default),
        Place::Channel(_, key) => keys::find(INTERFACE, key).map_or("", |key| key.default),
        Place::Address(_, name) => place::variable(name).map_or("", |v| v.default),
        Place::Type | Place::Description | Place::Part(..) => "",
    }
}

fn get(command: &Command, draft: &Draft, output: &mut Output<'_>) -> Exit {
    let mut all = Vec::new();
    for name in &command.get {
        let place = match Place::parse(name, &draft.interfaces()) {
            Ok(place) => place,
            Err(why) => return output.absent(why),
        };
        let given = draft.get(&place);
        let default = Some(default(&place)).filter(|text| !text.is_empty());
        all.push(Got {
            key: place.to_string(),
            given: given.is_some(),
            value: given.or_else(|| default.map(str::to_owned)),
            line: draft.line_of(&place),
        });
    }
    if command.json {
        return output.json(&all);
    }
    let mut exit = Exit::DONE;
    for got in all {
        match got.value {
            Some(value) => output.line(value),
            None => exit = output.absent(format_args!("{}: not given, and no default", got.key)),
        }
    }
    exit
}

/// Checks every device.
pub fn check_all(site: &Site, json: bool, output: &mut Output<'_>) -> Exit {
    let mut all = Vec::new();
    for listed in list::found(site) {
        match Draft::open(site, &listed.device) {
            Ok(draft) => all.push((listed.device, draft.check())),
            Err(error) => return output.failure(error),
        }
    }
    if all.is_empty() {
        let dir = site.conf_dir.display();
        return output.absent(format_args!("no device in {dir}; --new TYPE makes one"));
    }
    report_check(&all, json, output)
}

/// One finding for scripts.
#[derive(Serialize)]
struct Finding<'d> {
    severity: &'static str,
    file: &'d str,
    line: usize,
    key: &'d str,
    what: &'d str,
    allowed: &'d str,
}

/// What was found about one device.
#[derive(Serialize)]
struct Checked<'d> {
    device: &'d str,
    valid: bool,
    findings: Vec<Finding<'d>>,
}

fn report_check(all: &[(String, Diagnostics)], json: bool, output: &mut Output<'_>) -> Exit {
    let wrong = all.iter().any(|(_, findings)| findings.has_errors());
    if json {
        let checked: Vec<Checked<'_>> = all
            .iter()
            .map(|(device, findings)| Checked {
                device,
                valid: !findings.has_errors(),
                findings: findings.iter().map(finding).collect(),
            })
            .collect();
        output.json(&checked);
    } else {
        for (device, findings) in all {
            for finding in findings.iter() {
                output.error(finding);
            }
            let word = if findings.has_errors() {
                "would not load"
            } else {
                "is fine"
            };
            output.line(format_args!("{device} {word}"));
        }
    }
    if wrong { Exit::FAILED } else { Exit::DONE }
}

fn finding(d: &wanbox_grammar::diagnostic::Diagnostic) -> Finding<'_> {
    Finding {
        severity: match d.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        file: &d.file,
        line: d.line,
        key: &d.key,
        what: &d.what,
        allowed: &d.allowed,
    }
}
