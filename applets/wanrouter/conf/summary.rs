//! What a configuration file is about, whatever its link type: `wanrouter summary`.

use serde::Serialize;
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::Sections;

use super::model::Card;

/// One device of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its name.
    pub device: String,
    /// Its link type, also one that is not driven here.
    pub link_type: String,
    /// Its `LINE` as written; empty without one.
    pub line: String,
    /// The card it was written for.
    pub card: Card,
}

/// Reads every device of a file as far as it can be read. Nothing is checked.
pub fn read(text: &str) -> Vec<Summary> {
    let sections = Sections::parse(text, &mut Diagnostics::default());
    let Some(devices) = sections.get("devices") else {
        return Vec::new();
    };
    devices
        .records
        .iter()
        .filter_map(|record| {
            let link_type = record.args().next()?.to_ascii_uppercase();
            let key = |name: &str| {
                sections
                    .get(&record.key)
                    .and_then(|section| {
                        let mut records = section.records.iter();
                        records.find(|r| r.key.eq_ignore_ascii_case(name))
                    })
                    .and_then(|r| r.value.clone())
                    .unwrap_or_default()
            };
            Some(Summary {
                device: record.key.clone(),
                link_type,
                line: key("LINE"),
                card: Card::read(key),
            })
        })
        .collect()
}

impl Card {
    /// The card that these keys name.
    pub(super) fn read(key: impl Fn(&str) -> String) -> Self {
        Self {
            card_type: key("CARD_TYPE"),
            cpu: key("S514CPU"),
            pci_slot: key("PCISLOT"),
            pci_bus: key("PCIBUS"),
            io_port: key("IOPORT"),
            irq: key("IRQ"),
            firmware: key("FIRMWARE"),
        }
    }

    /// The keys that say which card it is, as they are written: `CARD_TYPE=S51X S514CPU=A`.
    pub fn named(&self) -> String {
        [
            ("CARD_TYPE", &self.card_type),
            ("S514CPU", &self.cpu),
            ("PCISLOT", &self.pci_slot),
            ("PCIBUS", &self.pci_bus),
            ("IOPORT", &self.io_port),
            ("IRQ", &self.irq),
        ]
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
    }
}
