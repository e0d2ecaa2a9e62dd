//! New devices and interfaces: the questions.

use std::io;

use super::edit::link_types;
use super::{Edited, Menus};
use wanbox_grammar::diagnostic::Severity;

use crate::conf::keys::Of;
use crate::conf::settings::device_name;
use crate::conf::{Usage, keys};
use crate::site::Site;
use crate::wancfg::boot::starts;
use crate::wancfg::draft::Draft;
use crate::wancfg::place::{Part, Place};

/// What is asked of a new link, beside its line, before the page with everything is shown.
fn asked(of: Of) -> &'static [&'static str] {
    match of {
        Of::FrameRelay => &["STATION", "SIGNALLING"],
        Of::X25 => &["STATION", "LOWESTSVC", "HIGHESTSVC"],
        _ => &[],
    }
}

/// What is asked of the addresses of a new interface.
const ADDRESSES: [&str; 3] = ["IPADDR", "POINTOPOINT", "NETMASK"];

impl Menus<'_> {
    /// Asks for a new device. `None` when the user goes back; nothing is written yet.
    pub(super) fn create(&mut self, name: Option<&str>) -> io::Result<Option<Draft>> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => match self.ask_name()? {
                Some(name) => name,
                None => return Ok(None),
            },
        };
        let choices = link_types();
        let title = format!("The protocol of {name}");
        let Some(picked) = self.dialog.pick(&title, &choices, 0)? else {
            return Ok(None);
        };
        let word = choices.get(picked).map_or("", |(word, _)| word);
        let mut draft = match Draft::create(self.site, &name, word) {
            Ok(draft) => draft,
            Err(why) => {
                self.dialog.show("Not made", &why)?;
                return Ok(None);
            }
        };
        if self.fill(&mut draft, &Place::Link("LINE".to_owned()))? == Edited::Left {
            return Ok(None);
        }
        // From here on going back leads to the page, where all of it can be changed.
        self.questions(&mut draft)?;
        Ok(Some(draft))
    }

    fn questions(&mut self, draft: &mut Draft) -> io::Result<()> {
        for key in draft.of().map(asked).unwrap_or_default() {
            if self.edit(draft, &Place::Link((*key).to_owned()))? == Edited::Left {
                return Ok(());
            }
        }
        if self.add_interface(draft)?.is_none() {
            return Ok(());
        }
        if !starts(self.site, &draft.device) {
            let choices = [
                ("YES".to_owned(), "'wanrouter start' starts it".to_owned()),
                ("NO".to_owned(), "only by its name".to_owned()),
            ];
            let title = format!("Start {} with the router?", draft.device);
            if self.dialog.pick(&title, &choices, 0)? == Some(0) {
                draft.starts = Some(true);
            }
        }
        Ok(())
    }

    fn ask_name(&mut self) -> io::Result<Option<String>> {
        let site = self.site.clone();
        let there = |name: &str| site.conf_file(name).exists();
        let free = (1..=9999_u32)
            .map(|n| format!("wanpipe{n}"))
            .find(|n| !there(n));
        let check = |name: &str| {
            device_name(name)?;
            if there(name) {
                return Err(format!(
                    "{} is there already",
                    site.conf_file(name).display()
                ));
            }
            if !crate::daemons::is_device(name) {
                return Err(format!("'{name}' is not wanpipe and a number"));
            }
            Ok(())
        };
        let help = "wanpipe and a number";
        self.ask(
            "Name of the new device",
            help,
            &free.unwrap_or_default(),
            &check,
        )
    }

    /// Asks for a new interface and its addresses. Returns its name; `None` when the user goes
    /// back before there is one.
    pub(super) fn add_interface(&mut self, draft: &mut Draft) -> io::Result<Option<String>> {
        let asked = match draft.of() {
            Some(Of::FrameRelay) => Some((
                "DLCI",
                free_dlci(draft),
                "The address of the channel on the link\n16 to 991; auto: the first that the \
                 switch reports",
            )),
            Some(Of::X25) => Some((
                "Circuit",
                "@".to_owned(),
                "The circuit\n@ADDRESS to call, @ to accept calls alone, the channel of a \
                 permanent one",
            )),
            _ => None,
        };
        let address = match asked {
            Some((name, preset, help)) => {
                let (site, tried) = (self.site.clone(), draft.clone());
                let check = |text: &str| fits(&site, &tried, text);
                match self.ask(name, help, &preset, &check)? {
                    Some(address) => address,
                    None => return Ok(None),
                }
            }
            None => String::new(),
        };
        let site = self.site.clone();
        let tried = draft.clone();
        let mode = Usage::Wanpipe.word();
        let check = |name: &str| tried.clone().add_interface(&site, name, &address, mode);
        let help = "1 to 15 letters, digits, '.', '_', '-'";
        let preset = suggested(draft, &address);
        let Some(name) = self.ask("Name of the interface", help, &preset, &check)? else {
            return Ok(None);
        };
        let result = draft.add_interface(&site, &name, &address, mode);
        self.done(result)?;
        if self.edit(draft, &Place::Part(name.clone(), Part::Mode))? == Edited::Left {
            return Ok(Some(name));
        }
        let chosen = draft.get(&Place::Part(name.clone(), Part::Mode));
        let usage = Usage::ALL
            .into_iter()
            .find(|u| Some(u.word()) == chosen.as_deref());
        if usage.is_some_and(Usage::has_addresses) {
            for variable in ADDRESSES {
                let place = Place::Address(name.clone(), variable.to_owned());
                if self.fill(draft, &place)? == Edited::Left {
                    return Ok(Some(name));
                }
            }
            self.ask_gateway(draft, &name)?;
        }
        Ok(Some(name))
    }

    fn ask_gateway(&mut self, draft: &mut Draft, name: &str) -> io::Result<()> {
        let choices = [
            (
                "NO".to_owned(),
                "other networks are reached elsewhere".to_owned(),
            ),
            (
                "YES".to_owned(),
                "the default route leads through it".to_owned(),
            ),
        ];
        let title = format!("Default route through {name}?");
        if self.dialog.pick(&title, &choices, 0)? == Some(1) {
            let result = draft.set(&Place::Address(name.to_owned(), "GATEWAY".to_owned()), "0");
            self.done(result)?;
        }
        Ok(())
    }
}

/// Refuses the address of a new interface that the whole configuration would refuse.
fn fits(site: &Site, draft: &Draft, address: &str) -> Result<(), String> {
    const NAME: &str = "wancfg.new";
    let mut tried = draft.clone();
    tried.add_interface(site, NAME, address, Usage::Wanpipe.word())?;
    let findings = tried.check();
    let wrong = findings
        .iter()
        .find(|d| d.severity == Severity::Error && d.key == NAME);
    wrong.map_or(Ok(()), |d| {
        Err(format!("{}; allowed: {}", d.what, d.allowed))
    })
}

/// The lowest DLCI that no interface has.
fn free_dlci(draft: &Draft) -> String {
    let taken: Vec<String> = draft
        .interfaces()
        .into_iter()
        .filter_map(|name| draft.get(&Place::Part(name, Part::Address)))
        .collect();
    (16..=991)
        .map(|dlci: u16| dlci.to_string())
        .find(|dlci| !taken.contains(dlci))
        .unwrap_or_default()
}

/// A name in the style of the originals: `wp1fr16`, `wp1chdlc`.
fn suggested(draft: &Draft, address: &str) -> String {
    let number = draft.device.strip_prefix("wanpipe").unwrap_or_default();
    let word = keys::find_type(&draft.link_type()).map_or("", |t| t.word);
    let word = word.strip_prefix("WAN_").unwrap_or(word).to_lowercase();
    let address = match address {
        "auto" => "",
        // The end of an interface's name has 15 octets to fit into.
        called => called.trim_start_matches('@'),
    };
    let address = address
        .get(address.len().saturating_sub(6)..)
        .unwrap_or_default();
    format!("wp{number}{word}{address}")
}
