//! The pages of a device and of an interface.

use std::io;

use wanbox_console::dialog::{Action, Answer, Form, Item};

use super::edit::item;
use super::{Menus, Way, state};
use crate::conf::Usage;
use crate::conf::keys::{self, INTERFACE, Key, LINK, Of, Status};
use crate::wancfg::boot;
use crate::wancfg::draft::Draft;
use crate::wancfg::place::{self, Part, Place, VARIABLES};

/// What a line of a page is for.
#[derive(Clone, Debug)]
enum Entry {
    Nothing,
    Place(Place),
    Start,
    Interface(String),
    AddInterface,
    Rename(String),
}

/// A page while it is put together.
#[derive(Default)]
struct Page {
    items: Vec<Item>,
    entries: Vec<Entry>,
}

impl Page {
    fn add(&mut self, item: Item, entry: Entry) {
        self.items.push(item);
        self.entries.push(entry);
    }

    fn heading(&mut self, text: &str) {
        self.add(Item::heading(text), Entry::Nothing);
    }

    fn place(&mut self, draft: &Draft, place: Place, label: &str) {
        self.add(item(draft, &place, label), Entry::Place(place));
    }

    /// The keys of a table in three groups: of every link, of this kind of link, and those without
    /// effect (all of them if `everything`, else those that the file gives).
    fn keys(
        &mut self,
        draft: &Draft,
        table: &'static [Key],
        everything: bool,
        at: impl Fn(&Key) -> Place,
    ) {
        let of = draft.of();
        let used = |key: &&Key| key.status == Status::Used;
        let all = |of: Of| place::keys_of(table, Some(of)).filter(move |k| k.of == of);
        let own = of.map_or("", |of| {
            keys::TYPES
                .iter()
                .find(|t| t.of == of)
                .map_or("", |t| t.name)
        });
        let groups = [
            ("Link", all(Of::All).filter(used).collect::<Vec<_>>()),
            (
                own,
                of.map(all).into_iter().flatten().filter(used).collect(),
            ),
            (
                "Without effect here",
                place::keys_of(table, of)
                    .filter(|key| key.status != Status::Used)
                    .filter(|key| everything || draft.get(&at(key)).is_some())
                    .collect(),
            ),
        ];
        for (name, keys) in groups {
            if !keys.is_empty() {
                self.heading(name);
            }
            for key in keys {
                self.place(draft, at(key), key.name);
            }
        }
    }
}

const DEVICE: &[Action] = &[
    ('s', "save"),
    ('d', "default"),
    ('x', "remove"),
    ('e', "errors"),
    ('a', "all"),
];

const INTERFACE_ACTIONS: &[Action] = &[
    ('s', "save"),
    ('d', "default"),
    ('e', "errors"),
    ('a', "all"),
];

impl Menus<'_> {
    /// The page of a device.
    pub(super) fn device(&mut self, mut draft: Draft) -> io::Result<Way> {
        let mut selected = 0;
        loop {
            let page = self.device_page(&draft);
            let findings = draft.check();
            let form = Form {
                title: format!("{} in {}", draft.device, draft.path().display()),
                state: state(&draft, &findings),
                items: page.items,
                actions: DEVICE.to_vec(),
            };
            let answer = self.dialog.choose(&form, selected)?;
            let entry = |at: usize| page.entries.get(at).cloned().unwrap_or(Entry::Nothing);
            match answer {
                Answer::Back | Answer::Quit => {
                    if self.leave(&mut draft)?.is_some() {
                        let quit = answer == Answer::Quit;
                        return Ok(if quit { Way::Quit } else { Way::Back });
                    }
                }
                Answer::Item(at) => {
                    selected = at;
                    match entry(at) {
                        Entry::Place(place) => {
                            self.edit(&mut draft, &place)?;
                        }
                        Entry::Start => {
                            let was = boot::starts(self.site, &draft.device);
                            let on = !draft.starts.unwrap_or(was);
                            draft.starts = (on != was).then_some(on);
                        }
                        Entry::Interface(name) => {
                            if self.interface(&mut draft, &name)? == Way::Quit
                                && self.leave(&mut draft)?.is_some()
                            {
                                return Ok(Way::Quit);
                            }
                        }
                        Entry::AddInterface => {
                            if let Some(name) = self.add_interface(&mut draft)?
                                && self.interface(&mut draft, &name)? == Way::Quit
                                && self.leave(&mut draft)?.is_some()
                            {
                                return Ok(Way::Quit);
                            }
                        }
                        Entry::Rename(_) | Entry::Nothing => {}
                    }
                }
                Answer::Action(key, at) => {
                    selected = at;
                    match (key, entry(at)) {
                        ('d', Entry::Place(place)) => self.clear(&mut draft, &place)?,
                        ('x', Entry::Interface(name)) => {
                            let result = draft.remove_interface(&name);
                            self.done(result)?;
                        }
                        ('x', _) => {
                            self.dialog
                                .show("Remove", "Select an interface of the list first.")?;
                        }
                        (key, _) => self.common(key, &mut draft)?,
                    }
                }
            }
        }
    }

    /// What can be done on every page.
    fn common(&mut self, key: char, draft: &mut Draft) -> io::Result<()> {
        match key {
            's' => {
                self.save(draft)?;
            }
            'e' => self.findings(draft)?,
            'a' => self.everything = !self.everything,
            _ => {}
        }
        Ok(())
    }

    fn device_page(&self, draft: &Draft) -> Page {
        let mut page = Page::default();
        page.heading("Device");
        page.place(draft, Place::Type, "TYPE");
        page.place(draft, Place::Description, "DESCRIPTION");
        let starts = boot::starts(self.site, &draft.device);
        let starts = draft.starts.unwrap_or(starts);
        page.add(
            Item::new(
                "Starts with the router",
                if starts { "yes" } else { "no" },
                "Whether 'wanrouter start' starts it: WAN_DEVICES of wanrouter.rc\n\
                 ENTER changes it",
            ),
            Entry::Start,
        );
        page.heading("Interfaces");
        for name in draft.interfaces() {
            let part = |part| {
                let place = Place::Part(name.clone(), part);
                draft.get(&place).unwrap_or_default()
            };
            let address = draft
                .get(&Place::Address(name.clone(), "IPADDR".to_owned()))
                .unwrap_or_default();
            let texts = [part(Part::Address), part(Part::Mode), address];
            let texts: Vec<String> = texts.into_iter().filter(|t| !t.is_empty()).collect();
            let hint = "ENTER opens it: its addresses and its keys\nx removes it";
            page.add(
                Item::new(&name, texts.join("  "), hint),
                Entry::Interface(name.clone()),
            );
        }
        let hint = "A channel of the link as a network interface";
        page.add(Item::new("Add an interface", "", hint), Entry::AddInterface);
        page.keys(draft, LINK, self.everything, |key| {
            Place::Link(key.name.to_owned())
        });
        page
    }

    /// The page of an interface.
    fn interface(&mut self, draft: &mut Draft, name: &str) -> io::Result<Way> {
        let mut name = name.to_owned();
        let mut selected = 0;
        loop {
            let page = self.interface_page(draft, &name);
            let findings = draft.check();
            let form = Form {
                title: format!("{name} of {}", draft.device),
                state: state(draft, &findings),
                items: page.items,
                actions: INTERFACE_ACTIONS.to_vec(),
            };
            let answer = self.dialog.choose(&form, selected)?;
            let entry = |at: usize| page.entries.get(at).cloned().unwrap_or(Entry::Nothing);
            match answer {
                Answer::Back => return Ok(Way::Back),
                Answer::Quit => return Ok(Way::Quit),
                Answer::Item(at) => {
                    selected = at;
                    match entry(at) {
                        Entry::Place(place) => {
                            self.edit(draft, &place)?;
                        }
                        Entry::Rename(old) => {
                            if let Some(new) = self.rename(draft, &old)? {
                                name = new;
                            }
                        }
                        _ => {}
                    }
                }
                Answer::Action(key, at) => {
                    selected = at;
                    match (key, entry(at)) {
                        ('d', Entry::Place(place)) => self.clear(draft, &place)?,
                        (key, _) => self.common(key, draft)?,
                    }
                }
            }
        }
    }

    fn interface_page(&self, draft: &Draft, name: &str) -> Page {
        let mut page = Page::default();
        page.heading("Interface");
        page.add(
            Item::new(
                "NAME",
                name,
                "The name of the network interface\n1 to 15 letters, digits, '.', '_', '-'",
            ),
            Entry::Rename(name.to_owned()),
        );
        for part in Part::ALL {
            let place = Place::Part(name.to_owned(), part);
            // Only the channels of Frame Relay have one.
            let shown = part != Part::Address
                || draft.of() == Some(Of::FrameRelay)
                || draft.get(&place).is_some();
            if shown {
                page.place(draft, place, part.word());
            }
        }
        let mode = draft.get(&Place::Part(name.to_owned(), Part::Mode));
        let has_addresses = Usage::ALL
            .iter()
            .find(|u| Some(u.word()) == mode.as_deref())
            .is_none_or(|u| u.has_addresses());
        if has_addresses {
            page.heading("Addresses");
            for variable in VARIABLES {
                let place = Place::Address(name.to_owned(), variable.name.to_owned());
                let given = draft.get(&place).is_some();
                if variable.name != "ONBOOT" || given || self.everything {
                    page.place(draft, place, variable.name);
                }
            }
        }
        page.keys(draft, INTERFACE, self.everything, |key| {
            Place::Channel(name.to_owned(), key.name.to_owned())
        });
        page
    }

    fn rename(&mut self, draft: &mut Draft, old: &str) -> io::Result<Option<String>> {
        let site = self.site.clone();
        let tried = draft.clone();
        let check = |new: &str| {
            if new == old {
                return Ok(());
            }
            tried.clone().rename_interface(&site, old, new)
        };
        let help = "1 to 15 letters, digits, '.', '_', '-'";
        let asked = self.ask(&format!("New name of {old}"), help, old, &check)?;
        let Some(new) = asked.filter(|new| new != old) else {
            return Ok(None);
        };
        let result = draft.rename_interface(&site, old, &new);
        self.done(result)?;
        Ok(Some(new))
    }
}
