//! A device's configuration, read and checked, and what the log says of it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::sections::Sections;
use wanbox_runtime::files;

use crate::conf::{self, DeviceConf, InterfaceConf, load};
use crate::launch::Source;
use crate::site::{CONF_LIMIT, Site};

/// The name of a configuration that is in no file.
const COMMAND_LINE: &str = "command line";

/// A checked configuration that a daemon can be started with.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file; `None` when it came from a command line.
    pub file: Option<PathBuf>,
    /// Remarks on what was accepted, a line each.
    pub warnings: Vec<String>,
    /// The device.
    pub conf: DeviceConf,
    text: String,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Everything that is wrong, a line each.
    pub errors: Vec<String>,
    /// There is no such device: its file, or its record in the file, is missing.
    pub absent: bool,
}

impl Plan {
    /// The configuration of a device from its file in the configuration directory.
    pub fn read(site: &Site, device: &str) -> Result<Self, Unusable> {
        Self::of_device(site, &site.conf_file(device), device)
    }

    /// The configuration of a device from this file.
    pub fn of_device(site: &Site, file: &Path, device: &str) -> Result<Self, Unusable> {
        let plans = Self::of_file(site, file)?;
        let devices: Vec<String> = plans.iter().map(|plan| plan.device().to_owned()).collect();
        plans
            .into_iter()
            .find(|plan| plan.device() == device)
            .ok_or_else(|| Unusable {
                errors: vec![format!(
                    "{}: [devices] has no {device}; it has: {}",
                    file.display(),
                    devices.join(", ")
                )],
                absent: true,
            })
    }

    /// The configurations of all devices of a file.
    pub fn of_file(site: &Site, file: &Path) -> Result<Vec<Self>, Unusable> {
        let text = files::read_text(file, CONF_LIMIT).map_err(|error| Unusable {
            errors: vec![if error.is_absent() {
                format!("Error: {} not found!", file.display())
            } else {
                error.to_string()
            }],
            absent: error.is_absent(),
        })?;
        Self::of(site, &text, Some(file))
    }

    /// The configuration of a device from a text that is in no file.
    pub fn of_text(site: &Site, device: &str, text: &str) -> Result<Self, Unusable> {
        let plans = Self::of(site, text, None)?;
        plans
            .into_iter()
            .find(|plan| plan.device() == device)
            .ok_or_else(|| Unusable {
                errors: vec![format!("{COMMAND_LINE}: [devices] has no {device}")],
                absent: true,
            })
    }

    fn of(site: &Site, text: &str, file: Option<&Path>) -> Result<Vec<Self>, Unusable> {
        let name = file.map_or(COMMAND_LINE.to_owned(), |file| file.display().to_string());
        let mut outcome = conf::parse(&name, text);
        load::add_addresses(&mut outcome, &site.root, &site.settings);
        let lines = |all: &Diagnostics| all.iter().map(ToString::to_string).collect();
        let (devices, warnings) = outcome.accept().map_err(|all| Unusable {
            errors: lines(&all),
            absent: false,
        })?;
        let warnings: Vec<String> = lines(&warnings);
        Ok(devices
            .into_iter()
            .map(|conf| Self {
                file: file.map(Path::to_owned),
                warnings: warnings.clone(),
                conf,
                text: text.to_owned(),
            })
            .collect())
    }

    /// The names of the devices of a file, whatever else is wrong with it.
    pub fn devices_of(file: &Path) -> Result<Vec<String>, String> {
        let text = files::read_text(file, CONF_LIMIT).map_err(|error| error.to_string())?;
        let name = file.display().to_string();
        let sections = Sections::parse(&text, &mut Diagnostics::new(name.clone()));
        let records = sections
            .get("devices")
            .map_or(&[][..], |section| &section.records);
        if records.is_empty() {
            return Err(format!("{name}: no device in [devices]"));
        }
        Ok(records.iter().map(|record| record.key.clone()).collect())
    }

    /// The name of the device.
    pub fn device(&self) -> &str {
        &self.conf.name
    }

    /// The names of its interfaces, in order.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.conf
            .interfaces
            .iter()
            .map(|interface| interface.name.as_str())
    }

    /// One interface of it.
    pub fn interface(&self, name: &str) -> Option<&InterfaceConf> {
        self.conf.interface(name)
    }

    /// What its daemon is to read.
    pub fn source(&self) -> Source {
        match &self.file {
            Some(file) => Source::File(file.clone()),
            None => Source::Text(self.text.clone()),
        }
    }

    /// What to say of an interface that the file does not have.
    pub fn lacks(&self, interface: &str) -> String {
        let mut known: Vec<&str> = self.interfaces().collect();
        if known.is_empty() {
            known.push("none");
        }
        format!(
            "{}: no interface '{interface}' of {} in [interfaces]; it has: {}",
            self.label(),
            self.device(),
            known.join(", ")
        )
    }

    /// The text of the file with one interface only, or none.
    pub fn only(&self, interface: Option<&str>) -> Source {
        let others: Vec<&str> = self
            .interfaces()
            .filter(|name| Some(*name) != interface)
            .collect();
        Source::Text(reduced(&self.text, &others))
    }

    /// The lines that the originals wrote to the log while they read a file.
    pub fn verbose(&self) -> String {
        verbose(&self.label(), &self.text, self.device())
    }

    fn label(&self) -> String {
        match &self.file {
            Some(file) => file.display().to_string(),
            None => COMMAND_LINE.to_owned(),
        }
    }
}

/// The text of a file, line for line, in which what configures the other interfaces is blank:
/// errors still name the right line.
fn reduced(text: &str, others: &[&str]) -> String {
    let mut section = String::new();
    let mut reduced = String::with_capacity(text.len());
    for line in text.lines() {
        let record = line.trim_start_matches([' ', '\t']);
        if let Some(rest) = record.strip_prefix('[') {
            section = rest.split_once(']').map_or("", |(name, _)| name).to_owned();
        }
        let key = record
            .split('=')
            .next()
            .unwrap_or_default()
            .trim_matches([' ', '\t']);
        let others_record = section == "interfaces" && others.contains(&key);
        if !others_record && !others.contains(&section.as_str()) {
            reduced.push_str(line);
        }
        reduced.push('\n');
    }
    reduced
}

/// What the originals said of a configuration, in their order.
fn verbose(file: &str, text: &str, device: &str) -> String {
    let sections = Sections::parse(text, &mut Diagnostics::new(file));
    let mut log = format!(" * Parsing configuration file {file} ...\n");
    // Writing into a string cannot fail, here and below.
    for section in ["devices", "interfaces"] {
        match sections.get(section) {
            Some(_) => _ = writeln!(log, " * Reading section [{section}]..."),
            None => _ = writeln!(log, " * section [{section}] not found!"),
        }
    }
    let described = |text: Option<&str>| match text {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => "no description".to_owned(),
    };
    let records = |section: &str| sections.get(section).map_or(&[][..], |s| &s.records);
    let settings = |log: &mut String, section: &str| {
        match sections.get(section) {
            Some(_) => _ = writeln!(log, " * Reading section [{section}]..."),
            None => _ = writeln!(log, " * section [{section}] not found!"),
        }
        for record in records(section) {
            let value = record.value.as_deref().unwrap_or_default();
            // Secrets stay out of logs.
            let secret = ["PASSWD", "PASSWORD", "SECRET"];
            let hide = secret
                .iter()
                .any(|key| record.key.eq_ignore_ascii_case(key));
            let value = if hide { "***" } else { value };
            let _ = writeln!(log, " * Setting {} to {value}", record.key.to_uppercase());
        }
    };
    for record in records("devices")
        .iter()
        .filter(|record| record.key == device)
    {
        let _ = writeln!(
            log,
            " * Configuring device {device} ({})",
            described(record.args().nth(1))
        );
    }
    settings(&mut log, device);
    let interfaces = || {
        records("interfaces")
            .iter()
            .filter(|record| record.args().next() == Some(device))
    };
    let dlcis = interfaces()
        .filter_map(|record| record.args().nth(1)?.parse::<u16>().ok())
        .map(|dlci| dlci.to_string())
        .collect::<Vec<_>>();
    if !dlcis.is_empty() {
        let _ = writeln!(log, " * Reading DLCI(s) Included : {}", dlcis.join(" "));
    }
    for record in interfaces() {
        let mut args = record.args().skip(1);
        let address = args.next().unwrap_or_default();
        if let Some(mode) = args.next() {
            let _ = writeln!(log, " * {} to used by {mode}", record.key);
        }
        let _ = writeln!(
            log,
            " * Configuring channel {} ({}). Media address: {address}",
            record.key,
            described(args.next())
        );
        settings(&mut log, &record.key);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# two\n[devices]\nwanpipe1 = WAN_FR, Comment\n[interfaces]\n\
        a = wanpipe1, 16, WANPIPE, first\n b = wanpipe1, 17, WANPIPE\n\n[wanpipe1]\nmtu = 1500\n\
        [b]\nCIR = 16\n[a]\nPASSWD = x\n";

    #[test]
    fn the_words_of_the_originals() {
        assert_eq!(
            verbose("/etc/wanpipe/wanpipe1.conf", TEXT, "wanpipe1"),
            " * Parsing configuration file /etc/wanpipe/wanpipe1.conf ...
 * Reading section [devices]...
 * Reading section [interfaces]...
 * Configuring device wanpipe1 (Comment)
 * Reading section [wanpipe1]...
 * Setting MTU to 1500
 * Reading DLCI(s) Included : 16 17
 * a to used by WANPIPE
 * Configuring channel a (first). Media address: 16
 * Reading section [a]...
 * Setting PASSWD to ***
 * b to used by WANPIPE
 * Configuring channel b (no description). Media address: 17
 * Reading section [b]...
 * Setting CIR to 16
"
        );
    }

    #[test]
    fn one_interface_of_a_file() {
        let text = reduced(TEXT, &["a"]);
        assert_eq!(text.lines().count(), TEXT.lines().count());
        assert!(
            !text.contains("a = wanpipe1") && !text.contains("[a]") && !text.contains("PASSWD")
        );
        assert!(
            text.contains(" b = wanpipe1, 17") && text.contains("CIR = 16") && text.contains("mtu")
        );
    }
}
