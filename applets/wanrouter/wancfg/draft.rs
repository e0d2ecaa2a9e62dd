//! A device's files while they are being changed.
//!
//! Nothing is written before [`Draft::save`], and that refuses what [`crate::conf`] would not load.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use wanbox_grammar::diagnostic::{Diagnostics, Severity};
use wanbox_grammar::document::{AssignDocument, Case, SectionDocument};
use wanbox_grammar::value;
use wanbox_runtime::files::{self, FileError};

use super::place::{self, Part, Place};
use crate::conf::keys::{self, INTERFACE, Key, LINK, Of};
use crate::conf::settings::device_name;
use crate::conf::{self, load};
use crate::site::Site;

/// Mode of new files.
pub(super) const MODE: u32 = 0o644;
/// Mode of new files that hold a password.
const SECRET: u32 = 0o600;
/// Files keep whatever mode they have.
pub(super) const ANY: u32 = 0o7777;

/// A file of addresses while it is being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Addresses {
    path: PathBuf,
    /// What it held when it was read; `None`: it was not there.
    original: Option<Vec<u8>>,
    document: AssignDocument,
}

/// A device's files while they are being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The device.
    pub device: String,
    /// Whether `wanrouter start` is to start it, when that is to change: see [`super::boot`].
    pub starts: Option<bool>,
    path: PathBuf,
    original: Option<Vec<u8>>,
    document: SectionDocument,
    addresses: BTreeMap<String, Addresses>,
    /// Files of addresses of interfaces that are gone.
    retired: Vec<PathBuf>,
}

/// Why a draft was not saved.
#[derive(Debug)]
pub enum Unsaved {
    /// It would not load: everything that is wrong.
    Wrong(Diagnostics),
    /// A file was changed by somebody else since it was read.
    Overtaken(PathBuf),
    /// The system refused.
    File(FileError),
}

impl From<FileError> for Unsaved {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl std::fmt::Display for Unsaved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(findings) => {
                let errors = findings.iter().filter(|d| d.severity == Severity::Error);
                let lines: Vec<String> = errors.map(ToString::to_string).collect();
                write!(f, "{}", lines.join("\n"))
            }
            Self::Overtaken(path) => {
                write!(
                    f,
                    "{} was changed meanwhile by somebody else",
                    path.display()
                )
            }
            Self::File(error) => error.fmt(f),
        }
    }
}

/// What a file holds; `None` where it is not there.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match files::read(path, load::LIMIT) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The parts of a record's value with one of them changed; blanks around the others stay.
fn with_part(value: &str, at: usize, new: &str) -> String {
    let mut parts: Vec<String> = value.split(',').map(str::to_owned).collect();
    while parts.len() <= at {
        parts.push(String::new());
    }
    if let Some(part) = parts.get_mut(at) {
        let blank = if at > 0 && (part.trim().is_empty() || part.starts_with(' ')) {
            " "
        } else {
            ""
        };
        *part = format!("{blank}{new}");
    }
    parts.join(",")
}

/// The value with everything from part `at` on replaced by a text; an empty one leaves nothing.
fn with_rest(value: &str, at: usize, text: &str) -> String {
    let parts: Vec<&str> = value.split(',').take(at).collect();
    let head = parts.join(",").trim_end().to_owned();
    if text.is_empty() {
        head
    } else {
        format!("{head}, {text}")
    }
}

impl Draft {
    /// The files of a device as they are.
    ///
    /// # Errors
    /// The configuration file is not there or cannot be read.
    pub fn open(site: &Site, device: &str) -> Result<Self, FileError> {
        let path = site.conf_file(device);
        let original = files::read(&path, load::LIMIT)?;
        let mut draft = Self {
            device: device.to_owned(),
            starts: None,
            document: SectionDocument::parse(&original),
            original: Some(original),
            path,
            addresses: BTreeMap::new(),
            retired: Vec::new(),
        };
        for interface in draft.interfaces() {
            draft.take_addresses(site, &interface)?;
        }
        Ok(draft)
    }

    /// A device that is not there yet.
    ///
    /// # Errors
    /// Its name or link type is none, or its file is there already.
    pub fn create(site: &Site, device: &str, link_type: &str) -> Result<Self, String> {
        device_name(device)?;
        let link_type = keys::find_type(link_type).ok_or_else(|| {
            let words = keys::type_words();
            format!("unknown link type '{link_type}'; allowed: {words}")
        })?;
        let path = site.conf_file(device);
        if path.exists() {
            return Err(format!("{} is there already", path.display()));
        }
        let text = format!(
            "# {device}, made by wancfg. All keys: wancfg {device} --list-keys\n\n\
             [devices]\n{device} = {}\n\n[interfaces]\n\n[{device}]\nLINE            =\n",
            link_type.word
        );
        Ok(Self {
            device: device.to_owned(),
            starts: None,
            path,
            original: None,
            document: SectionDocument::parse(text.as_bytes()),
            addresses: BTreeMap::new(),
            retired: Vec::new(),
        })
    }

    fn take_addresses(&mut self, site: &Site, interface: &str) -> Result<(), FileError> {
        let path = site.settings.interface_file(&site.root, interface);
        let original = content(&path)?;
        let document = AssignDocument::parse(original.as_deref().unwrap_or_default());
        self.retired.retain(|retired| *retired != path);
        let file = Addresses {
            path,
            original,
            document,
        };
        self.addresses.insert(interface.to_owned(), file);
        Ok(())
    }

    /// The configuration file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the device is in its file's `[devices]`.
    pub fn is_declared(&self) -> bool {
        self.record("devices", &self.device).is_some()
    }

    fn record(&self, section: &str, key: &str) -> Option<&str> {
        self.document.get(section, key, Case::Exact)
    }

    /// The link type as the file has it.
    pub fn link_type(&self) -> String {
        let value = self.record("devices", &self.device).unwrap_or_default();
        value
            .split(',')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Whose keys the device has; `None` for a link type that is not driven here.
    pub fn of(&self) -> Option<Of> {
        keys::find_type(&self.link_type()).map(|t| t.of)
    }

    /// The interfaces of the device, in their order.
    pub fn interfaces(&self) -> Vec<String> {
        let ours = |name: &&str| {
            self.record("interfaces", name)
                .and_then(|value| value.split(',').next())
                .is_some_and(|device| device.trim() == self.device)
        };
        let names = self.document.keys("interfaces");
        let mut found: Vec<String> = Vec::new();
        for name in names.into_iter().filter(ours) {
            if !found.iter().any(|f| f == name) {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// How a key is spelled in its section: some have an older name.
    fn spelling(&self, section: &str, table: &'static [Key], key: &str) -> String {
        let is = |name: &&str| {
            keys::find(table, &name.to_ascii_uppercase()).is_some_and(|known| known.name == key)
        };
        let given = self.document.keys(section).into_iter().find(is);
        given.unwrap_or(key).to_owned()
    }

    fn keyed<'p>(&self, place: &'p Place) -> Option<(&'p str, String)> {
        match place {
            Place::Link(key) => Some(("", self.spelling(&self.device, LINK, key))),
            Place::Channel(interface, key) => {
                Some((interface, self.spelling(interface, INTERFACE, key)))
            }
            _ => None,
        }
    }

    /// The value at a place, as it is written; `None` where nothing is.
    pub fn get(&self, place: &Place) -> Option<String> {
        let found = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if let Some((section, key)) = self.keyed(place) {
            let section = if section.is_empty() {
                &self.device
            } else {
                section
            };
            return self.document.get(section, &key, Case::Any).and_then(found);
        }
        match place {
            Place::Type => found(&self.link_type()),
            Place::Description => {
                let value = self.record("devices", &self.device)?;
                found(value.split_once(',')?.1.trim())
            }
            Place::Part(interface, part) => {
                let value = self.record("interfaces", interface)?;
                match part {
                    Part::Address => found(value.split(',').nth(1)?.trim()),
                    Part::Mode => found(value.split(',').nth(2)?.trim()),
                    Part::Description => found(value.splitn(4, ',').nth(3)?.trim()),
                }
            }
            Place::Address(interface, variable) => {
                let file = self.addresses.get(interface)?;
                file.document.get(variable).as_deref().and_then(found)
            }
            // Handled above.
            Place::Link(_) | Place::Channel(..) => None,
        }
    }

    /// The line of a key in the configuration file, from 1.
    pub fn line_of(&self, place: &Place) -> Option<usize> {
        let (section, key) = self.keyed(place)?;
        let section = if section.is_empty() {
            &self.device
        } else {
            section
        };
        self.document.line_of(section, &key, Case::Any)
    }

    /// Gives a place a value.
    ///
    /// # Errors
    /// It cannot have this one; says why and what is allowed. Nothing is changed.
    pub fn set(&mut self, place: &Place, text: &str) -> Result<(), String> {
        self.try_set(place, text)
            .map_err(|why| format!("{place}: {why}"))
    }

    fn try_set(&mut self, place: &Place, text: &str) -> Result<(), String> {
        let text = text.trim_matches([' ', '\t']);
        let device = self.device.clone();
        match place {
            Place::Type => {
                let known = keys::find_type(text).ok_or_else(|| {
                    let words = keys::type_words();
                    format!("unknown link type '{text}'; allowed: {words}")
                })?;
                let value = self.record("devices", &device).unwrap_or_default();
                let value = with_part(value, 0, known.word);
                self.document.set("devices", &device, Case::Exact, &value)
            }
            Place::Description => {
                let value = self.record("devices", &device).unwrap_or_default();
                let value = with_rest(value, 1, text);
                self.document.set("devices", &device, Case::Exact, &value)
            }
            Place::Part(interface, part) => {
                if text.contains(',') && *part != Part::Description {
                    return Err("a comma would end the value".to_owned());
                }
                let value = self.record("interfaces", interface).unwrap_or_default();
                let value = match part {
                    Part::Address => with_part(value, 1, text),
                    Part::Mode => with_part(value, 2, text),
                    Part::Description => with_rest(value, 3, text),
                };
                self.document
                    .set("interfaces", interface, Case::Exact, &value)
            }
            Place::Link(name) => {
                let key = keys::find(LINK, name).ok_or("unknown key")?;
                place::check(key, text)?;
                let spelled = self.spelling(&device, LINK, name);
                self.document.set(&device, &spelled, Case::Any, text)
            }
            Place::Channel(interface, name) => {
                let key = keys::find(INTERFACE, name).ok_or("unknown key")?;
                place::check(key, text)?;
                let spelled = self.spelling(interface, INTERFACE, name);
                self.document.set(interface, &spelled, Case::Any, text)
            }
            Place::Address(interface, name) => {
                let variable = place::variable(name).ok_or("unknown variable")?;
                variable.check(text)?;
                let file = self
                    .addresses
                    .get_mut(interface)
                    .ok_or("no such interface")?;
                if file.original.is_none() && file.document == AssignDocument::default() {
                    file.document.set("DEVICE", interface)?;
                    file.document.set("ONBOOT", "yes")?;
                }
                file.document.set(name, text)
            }
        }
    }

    /// Takes the value of a place away. Returns whether there was one.
    ///
    /// # Errors
    /// The place must have one.
    pub fn unset(&mut self, place: &Place) -> Result<bool, String> {
        let was = self.get(place).is_some();
        match place {
            Place::Type | Place::Part(_, Part::Mode) => {
                return Err(format!("{place}: it must have a value"));
            }
            Place::Description | Place::Part(_, Part::Address | Part::Description) => {
                self.set(place, "")?;
            }
            Place::Link(_) | Place::Channel(..) => {
                if let Some((section, key)) = self.keyed(place) {
                    let section = if section.is_empty() {
                        &self.device
                    } else {
                        section
                    };
                    let section = section.to_owned();
                    self.document.unset(&section, &key, Case::Any);
                }
            }
            Place::Address(interface, name) => {
                if let Some(file) = self.addresses.get_mut(interface) {
                    file.document.unset(name);
                }
            }
        }
        Ok(was)
    }

    /// Adds an interface.
    ///
    /// # Errors
    /// Its name is none or is taken, or its file of addresses cannot be read.
    pub fn add_interface(
        &mut self,
        site: &Site,
        name: &str,
        address: &str,
        mode: &str,
    ) -> Result<(), String> {
        self.check_name(name)?;
        if [address, mode].iter().any(|text| text.contains(',')) {
            return Err(format!("{name}: a comma in the address or mode"));
        }
        let value = format!("{}, {address}, {mode}", self.device);
        self.document.set("interfaces", name, Case::Exact, &value)?;
        self.document.make_section(name)?;
        self.take_addresses(site, name).map_err(|e| e.to_string())
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        value::interface_name(name)?;
        let is_section = ["devices", "interfaces", &self.device].contains(&name)
            || self.record("devices", name).is_some();
        if is_section {
            return Err(format!("'{name}' is the name of another section"));
        }
        if self.record("interfaces", name).is_some() {
            return Err(format!("there is an interface '{name}' already"));
        }
        Ok(())
    }

    /// Takes an interface away, with its keys and its file of addresses.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn remove_interface(&mut self, name: &str) -> Result<(), String> {
        self.has_interface(name)?;
        self.document.unset("interfaces", name, Case::Exact);
        self.document.remove_section(name);
        if let Some(file) = self.addresses.remove(name)
            && file.original.is_some()
        {
            self.retired.push(file.path);
        }
        Ok(())
    }

    fn has_interface(&self, name: &str) -> Result<(), String> {
        let interfaces = self.interfaces();
        if interfaces.iter().any(|i| i == name) {
            return Ok(());
        }
        let names = interfaces.join(", ");
        let names = if names.is_empty() { "none" } else { &names };
        Err(format!(
            "{} has no interface '{name}'; it has: {names}",
            self.device
        ))
    }

    /// Gives an interface another name; its keys and its addresses go with it.
    ///
    /// # Errors
    /// There is none of this name, or the new one is none or is taken.
    pub fn rename_interface(&mut self, site: &Site, name: &str, new: &str) -> Result<(), String> {
        self.has_interface(name)?;
        self.check_name(new)?;
        self.document
            .rename_key("interfaces", name, Case::Exact, new)?;
        self.document.rename_section(name, new)?;
        let Some(old) = self.addresses.remove(name) else {
            return Ok(());
        };
        if old.original.is_some() {
            self.retired.push(old.path);
        }
        self.take_addresses(site, new).map_err(|e| e.to_string())?;
        if let Some(file) = self.addresses.get_mut(new) {
            file.document = old.document;
            if file.document.get("DEVICE").is_some() {
                file.document.set("DEVICE", new)?;
            }
        }
        Ok(())
    }

    /// Takes the keys of other kinds of link away that the device cannot have. Returns them.
    pub fn drop_foreign_keys(&mut self) -> Vec<String> {
        let mut dropped = Vec::new();
        let of = self.of();
        let mut drop = |document: &mut SectionDocument, section: &str, table| {
            let names = document.keys(section).into_iter().map(str::to_owned);
            for name in names.collect::<Vec<_>>() {
                let foreign = keys::find(table, &name.to_ascii_uppercase())
                    .is_some_and(|key| key.of != Of::All && Some(key.of) != of);
                if foreign && document.unset(section, &name, Case::Any) {
                    dropped.push(name);
                }
            }
        };
        drop(&mut self.document, &self.device, LINK);
        for interface in self.interfaces() {
            drop(&mut self.document, &interface, INTERFACE);
        }
        dropped
    }

    /// Everything that loading these files would say.
    pub fn check(&self) -> Diagnostics {
        let file = self.path.display().to_string();
        let text = self.document.to_bytes();
        let mut outcome = conf::parse(&file, &String::from_utf8_lossy(&text));
        load::add_addresses_from(&mut outcome, |interface| {
            match self.addresses.get(interface) {
                Some(file) => (file.path.clone(), Ok(file.document.to_bytes())),
                // Of another device in the same file: not ours to judge.
                None => {
                    let absent = io::Error::from(io::ErrorKind::NotFound);
                    let error = FileError::io(&self.path, "read", absent);
                    (self.path.clone(), Err(error))
                }
            }
        });
        let mut findings = outcome.diagnostics;
        for device in outcome.devices.iter().filter(|d| d.name == self.device) {
            for interface in device.without_addresses().filter(|i| !i.learns_address()) {
                let name = &interface.name;
                let what =
                    format!("no addresses: 'wanrouter start' refuses it; see {name}.ip.IPADDR");
                findings.warning(0, name, what);
            }
        }
        findings
    }

    /// Whether anything differs from what is in the files.
    pub fn is_changed(&self) -> bool {
        self.original.as_deref() != Some(&self.document.to_bytes())
            || self.starts.is_some()
            || !self.retired.is_empty()
            || self.addresses.values().any(Addresses::is_changed)
    }

    /// Writes what is changed, if it would load. Returns the files written.
    ///
    /// # Errors
    /// See [`Unsaved`]; of what is checked before, nothing was written.
    pub fn save(&mut self) -> Result<Vec<PathBuf>, Unsaved> {
        let findings = self.check();
        if findings.has_errors() {
            return Err(Unsaved::Wrong(findings));
        }
        let unchanged = |path: &Path, original: &Option<Vec<u8>>| match content(path)? {
            now if now == *original => Ok(()),
            _ => Err(Unsaved::Overtaken(path.to_owned())),
        };
        unchanged(&self.path, &self.original)?;
        for file in self.addresses.values().filter(|file| file.is_changed()) {
            unchanged(&file.path, &file.original)?;
        }
        let mut written = Vec::new();
        for file in self.addresses.values_mut().filter(|file| file.is_changed()) {
            let content = file.document.to_bytes();
            make_parent(&file.path)?;
            files::rewrite(&file.path, &content, MODE, ANY)?;
            file.original = Some(content);
            written.push(file.path.clone());
        }
        let content = self.document.to_bytes();
        if self.original.as_ref() != Some(&content) {
            make_parent(&self.path)?;
            let mode = if self.has_password() { SECRET } else { MODE };
            files::rewrite(&self.path, &content, mode, ANY)?;
            self.original = Some(content);
            written.push(self.path.clone());
        }
        for path in self.retired.drain(..) {
            files::retire(&path)?;
            written.push(path);
        }
        Ok(written)
    }

    fn has_password(&self) -> bool {
        let sections = self.document.sections();
        let mut keys = sections.iter().flat_map(|s| self.document.keys(s));
        keys.any(|key| key.eq_ignore_ascii_case("PASSWD"))
    }

    /// Takes the device away: its file, or its part of a file with several devices, and the files
    /// of addresses of its interfaces. Returns the files that went or changed.
    ///
    /// # Errors
    /// Those of the system. What remains of a file need not load: it did not need to before.
    pub fn delete(mut self) -> Result<Vec<PathBuf>, FileError> {
        for interface in self.interfaces() {
            self.document.unset("interfaces", &interface, Case::Exact);
            self.document.remove_section(&interface);
        }
        self.document.unset("devices", &self.device, Case::Exact);
        self.document.remove_section(&self.device);
        if self.document.keys("devices").is_empty() {
            files::retire(&self.path)?;
        } else {
            files::rewrite(&self.path, &self.document.to_bytes(), MODE, ANY)?;
        }
        let mut gone = vec![self.path];
        let files = self.addresses.into_values();
        for file in files.filter(|file| file.original.is_some()) {
            files::retire(&file.path)?;
            gone.push(file.path);
        }
        Ok(gone)
    }
}

impl Addresses {
    fn is_changed(&self) -> bool {
        let content = self.document.to_bytes();
        match &self.original {
            Some(original) => *original != content,
            None => !content.is_empty(),
        }
    }
}

/// Makes the directory of a file.
pub(super) fn make_parent(path: &Path) -> Result<(), FileError> {
    path.parent().map_or(Ok(()), files::make_dir)
}
