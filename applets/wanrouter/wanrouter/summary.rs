//! `summary`: every configuration file and what its devices do.

use serde::Serialize;
use wanbox_grammar::Exit;
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::Sections;
use wanbox_runtime::files;

use super::Session;
use crate::control::{DeviceStatus, LinkState};
use crate::site::CONF_LIMIT;

/// One device of one file.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Row {
    device: String,
    file: String,
    /// `WAN_FR`.
    protocol: String,
    /// `LINE`, or `PCI` or `ISA` where the file names a card.
    r#type: String,
    /// What `LINE` says; with a card its CPU or its I/O port.
    line: String,
    /// With a card its slot or interrupt.
    slot: String,
    /// With a PCI card its bus.
    bus: String,
    /// `Connected`, ... or `Inactive`.
    state: String,
}

#[derive(Serialize)]
struct Rows {
    directory: String,
    devices: Vec<Row>,
}

impl Session<'_> {
    pub(super) fn summary(&mut self, json: bool) -> Exit {
        let (states, mut exit) = self.states();
        let mut devices = Vec::new();
        for device in self.site.configured() {
            let file = format!("{device}.conf");
            let text = match files::read_text(&self.site.conf_dir.join(&file), CONF_LIMIT) {
                Ok(text) => text,
                Err(error) => {
                    exit = self.output.failure(error);
                    continue;
                }
            };
            devices.extend(rows(&file, &text, &states));
        }
        let directory = self.site.conf_dir.display().to_string();
        if json {
            self.output.json(&Rows { directory, devices });
            return exit;
        }
        self.output.print(format_args!(
            "\nConfiguration File Summary in : {directory}/\n\n\
             Device\t\tProtocol\tType   Cpu/Io Slot/Irq  Bus\t\tState\n{}\n",
            "-".repeat(72)
        ));
        for row in devices {
            self.output.line(format_args!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}",
                row.device, row.protocol, row.r#type, row.line, row.slot, row.bus, row.state
            ));
        }
        self.output.print("\n");
        exit
    }
}

fn rows(file: &str, text: &str, states: &[DeviceStatus]) -> Vec<Row> {
    // A summary shows what can be read; 'debug' and 'start' tell the errors.
    let sections = Sections::parse(text, &mut Diagnostics::new(file));
    let Some(devices) = sections.get("devices") else {
        return Vec::new();
    };
    let row = |record: &wanbox_grammar::sections::Record| {
        let value = |wanted: &str| {
            let records = &sections.get(&record.key)?.records;
            let record = records
                .iter()
                .find(|r| r.key.eq_ignore_ascii_case(wanted))?;
            record.value.clone().filter(|value| !value.is_empty())
        };
        let or_none = |key: &str| value(key).unwrap_or_else(|| "n/a".to_owned());
        let none = || "n/a".to_owned();
        let [kind, line, slot, bus] = if let Some(line) = value("LINE") {
            ["LINE".to_owned(), line, none(), none()]
        } else if value("S514CPU").is_some() || value("PCISLOT").is_some() {
            [
                "PCI".to_owned(),
                or_none("S514CPU"),
                or_none("PCISLOT"),
                or_none("PCIBUS"),
            ]
        } else if value("IOPORT").is_some() {
            ["ISA".to_owned(), or_none("IOPORT"), or_none("IRQ"), none()]
        } else {
            [none(), none(), none(), none()]
        };
        let state = states.iter().find(|state| state.device == record.key);
        Row {
            device: record.key.clone(),
            file: file.to_owned(),
            protocol: record.args().next().unwrap_or_default().to_owned(),
            r#type: kind,
            line,
            slot,
            bus,
            state: state
                .map_or("Inactive", |state| word(state.state))
                .to_owned(),
        }
    };
    devices.records.iter().map(row).collect()
}

fn word(state: LinkState) -> &'static str {
    match state {
        LinkState::Unconfigured => "Unconfigured",
        LinkState::Disconnected => "Disconnected",
        LinkState::Connecting => "Connecting",
        LinkState::Connected => "Connected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc_files::sample;

    #[test]
    fn lines_and_cards() {
        let text = "[devices]\nwanpipe1 = WAN_FR, first\nwanpipe2 = WAN_CHDLC\nwanpipe3 = WAN_FR\n\
                    wanpipe4 = WAN_PPP\n\
                    [wanpipe1]\nline = cable:demo loss=1%\nS514CPU = A\n\
                    [wanpipe2]\nS514CPU = B\nPCISLOT = 5\n\
                    [wanpipe3]\nIOPORT = 0x360\nIRQ = 7\n";
        let rows = rows("wanpipe1.conf", text, &[sample("wanpipe1")]);
        let short: Vec<String> = rows
            .iter()
            .map(|r| {
                let Row {
                    device,
                    protocol,
                    r#type,
                    line,
                    slot,
                    bus,
                    state,
                    ..
                } = r;
                format!("{device} {protocol} {type} {line} {slot} {bus} {state}")
            })
            .collect();
        assert_eq!(
            short,
            [
                "wanpipe1 WAN_FR LINE cable:demo loss=1% n/a n/a Connected",
                "wanpipe2 WAN_CHDLC PCI B 5 n/a Inactive",
                "wanpipe3 WAN_FR ISA 0x360 7 n/a Inactive",
                "wanpipe4 WAN_PPP n/a n/a n/a n/a Inactive",
            ]
        );
    }
}
