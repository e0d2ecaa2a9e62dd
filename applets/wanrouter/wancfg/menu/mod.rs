//! Menus: the devices, one device, one of its interfaces.

use std::io;

use wanbox_console::dialog::{Answer, Dialog, Form, Item, Question};
use wanbox_grammar::diagnostic::{Diagnostics, Severity};

use super::boot;
use super::draft::Draft;
use super::list;
use crate::conf::keys;
use crate::daemons;
use crate::site::Site;
use edit::Edited;

mod create;
mod device;
mod edit;

/// Where the user goes from a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Back,
    Quit,
}

/// The menus over the files of a router.
pub struct Menus<'m> {
    site: &'m mut Site,
    dialog: &'m mut dyn Dialog,
    /// Keys without effect here are shown, too.
    everything: bool,
}

impl<'m> Menus<'m> {
    /// Menus over these.
    pub fn new(site: &'m mut Site, dialog: &'m mut dyn Dialog) -> Self {
        Self {
            site,
            dialog,
            everything: false,
        }
    }

    /// One device, or all of them when none is named. One that is not there is made.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn run(&mut self, device: Option<&str>) -> io::Result<()> {
        let Some(device) = device else {
            return self.overview();
        };
        match Draft::open(self.site, device) {
            Ok(draft) if draft.is_declared() => {
                self.device(draft)?;
            }
            Ok(draft) => {
                let text = format!("{}: [devices] has no {device}", draft.path().display());
                self.dialog.show("Not there", &text)?;
            }
            Err(error) if error.is_absent() => {
                if let Some(draft) = self.create(Some(device))? {
                    self.device(draft)?;
                }
            }
            Err(error) => self.dialog.show("Not read", &error.to_string())?,
        }
        Ok(())
    }

    fn overview(&mut self) -> io::Result<()> {
        let mut selected = 0;
        loop {
            let found = list::found(self.site);
            let answer = self.dialog.choose(&overview(self.site, &found), selected)?;
            match answer {
                Answer::Back | Answer::Quit => return Ok(()),
                Answer::Action('n', _) => {
                    if self.make()? == Way::Quit {
                        return Ok(());
                    }
                }
                Answer::Item(item) | Answer::Action(_, item) => {
                    selected = item;
                    let Some(listed) = found.get(item) else {
                        if self.make()? == Way::Quit {
                            return Ok(());
                        }
                        continue;
                    };
                    match answer {
                        Answer::Action('d', _) => self.delete(listed)?,
                        Answer::Action('w', _) => self.toggle_start(&listed.device)?,
                        _ => {
                            if self.open(&listed.device)? == Way::Quit {
                                return Ok(());
                            }
                        }
                    }
                }
            }
        }
    }

    fn make(&mut self) -> io::Result<Way> {
        match self.create(None)? {
            Some(draft) => self.device(draft),
            None => Ok(Way::Back),
        }
    }

    fn open(&mut self, device: &str) -> io::Result<Way> {
        match Draft::open(self.site, device) {
            Ok(draft) if draft.is_declared() => return self.device(draft),
            Ok(draft) => {
                let text = format!(
                    "{}: [devices] does not declare {device}. Write there: {device} = {}",
                    draft.path().display(),
                    keys::type_words()
                );
                self.dialog.show("Not a device", &text)?;
            }
            Err(error) => self.dialog.show("Not read", &error.to_string())?,
        }
        Ok(Way::Back)
    }

    fn delete(&mut self, listed: &list::Listed) -> io::Result<()> {
        let device = &listed.device;
        if daemons::pid(&self.site.run_dir, device).is_some() {
            let text = format!("{device} runs. Stop it first: wanrouter stop {device}");
            return self.dialog.show("Not deleted", &text);
        }
        let choices = [
            ("Keep it".to_owned(), String::new()),
            (
                "Delete it".to_owned(),
                "what its files held stays beside them as NAME.bak".to_owned(),
            ),
        ];
        let title = format!("Delete {device}?");
        if self.dialog.pick(&title, &choices, 0)? != Some(1) {
            return Ok(());
        }
        let deleted = Draft::open(self.site, device)
            .and_then(Draft::delete)
            .map_err(|error| error.to_string())
            .and_then(|_| boot::set_starts(self.site, device, false));
        match deleted {
            Ok(_) => Ok(()),
            Err(why) => self.dialog.show("Not deleted", &why),
        }
    }

    fn toggle_start(&mut self, device: &str) -> io::Result<()> {
        let on = !boot::starts(self.site, device);
        match boot::set_starts(self.site, device, on) {
            Ok(_) => Ok(()),
            Err(why) => self.dialog.show("Not written", &why),
        }
    }

    /// Asks whether changes are written. `None`: the user stays.
    fn leave(&mut self, draft: &mut Draft) -> io::Result<Option<()>> {
        if !draft.is_changed() {
            return Ok(Some(()));
        }
        let choices = [
            ("Write it".to_owned(), draft.path().display().to_string()),
            (
                "Drop the changes".to_owned(),
                "the files stay as they are".to_owned(),
            ),
            ("Go on editing".to_owned(), String::new()),
        ];
        let title = format!("{} is changed and not written.", draft.device);
        Ok(match self.dialog.pick(&title, &choices, 0)? {
            Some(0) => self.save(draft)?.then_some(()),
            Some(1) => Some(()),
            _ => None,
        })
    }

    /// Writes a draft; `false` when it was refused, which was shown.
    fn save(&mut self, draft: &mut Draft) -> io::Result<bool> {
        match draft.save() {
            Ok(mut written) => {
                if let Some(on) = draft.starts.take() {
                    match boot::set_starts(self.site, &draft.device, on) {
                        Ok(file) => written.extend(file),
                        Err(why) => {
                            draft.starts = Some(on);
                            self.dialog.show("Not written", &why)?;
                            return Ok(false);
                        }
                    }
                }
                let mut text: Vec<String> =
                    written.iter().map(|f| f.display().to_string()).collect();
                if text.is_empty() {
                    text.push("Nothing was changed.".to_owned());
                } else if daemons::pid(&self.site.run_dir, &draft.device).is_some() {
                    text.push(String::new());
                    text.push(format!(
                        "{0} runs. This applies the changes: wanconfig card {0} reconfig",
                        draft.device
                    ));
                } else {
                    text.push(String::new());
                    text.push(format!("This starts it: wanrouter start {}", draft.device));
                }
                self.dialog.show("Written", &text.join("\n"))?;
                Ok(true)
            }
            Err(why) => {
                let text = format!("{why}\n\nNothing was written.");
                self.dialog.show("Not written: it would not load", &text)?;
                Ok(false)
            }
        }
    }

    fn findings(&mut self, draft: &Draft) -> io::Result<()> {
        let findings = draft.check();
        let text = if findings.is_empty() {
            "Nothing is wrong or odd.".to_owned()
        } else {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            lines.join("\n\n")
        };
        self.dialog.show("What is wrong or odd", &text)
    }

    /// Asks for a text.
    fn ask(
        &mut self,
        title: &str,
        help: &str,
        preset: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> io::Result<Option<String>> {
        let question = Question {
            title: title.to_owned(),
            help: help.to_owned(),
            preset: preset.to_owned(),
            secret: false,
        };
        self.dialog.ask(&question, check)
    }

    /// Shows why something was not done, if it was not.
    fn done(&mut self, result: Result<(), String>) -> io::Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(why) => self.dialog.show("Not done", &why),
        }
    }
}

fn overview(site: &Site, found: &[list::Listed]) -> Form {
    let mut items: Vec<Item> = found
        .iter()
        .map(|d| {
            let name = keys::find_type(&d.link_type).map_or(d.link_type.as_str(), |t| t.name);
            let value = format!(
                "{:8} {:12} {}",
                list::state(d),
                name,
                if d.boot { "starts with the router" } else { "" }
            );
            let mut hint = format!("{} on {}", d.device, d.line);
            if !d.interfaces.is_empty() {
                hint.push_str(&format!("; interfaces: {}", d.interfaces.join(" ")));
            }
            Item::new(&d.device, value.trim_end(), hint)
        })
        .collect();
    items.push(Item::new(
        "New device",
        "",
        "asks what is needed; nothing is written before the end",
    ));
    Form {
        title: format!("wancfg: devices in {}", site.conf_dir.display()),
        state: String::new(),
        items,
        actions: vec![('n', "new"), ('d', "delete"), ('w', "autostart")],
    }
}

/// How a draft is, for the title.
fn state(draft: &Draft, findings: &Diagnostics) -> String {
    let count = |of| findings.iter().filter(|d| d.severity == of).count();
    let plural = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts = [
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
        draft.is_changed().then(|| "not written".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
