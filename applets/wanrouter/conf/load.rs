//! From files to devices.

use std::path::{Path, PathBuf};

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_runtime::files::{self, FileError, Root};

use super::{DeviceConf, IpConf, Outcome, Settings, parse};

/// The longest configuration or interface file, octets.
pub const LIMIT: u64 = 1024 * 1024;

/// Reads the configuration file of a device and the interface files it needs.
///
/// # Errors
/// The configuration file cannot be read. What is wrong inside is in the outcome.
pub fn device(root: &Root, settings: &Settings, device: &str) -> Result<Outcome, FileError> {
    file(&settings.conf_file(root, device), root, settings)
}

/// Reads a configuration file at any place and the interface files it needs.
///
/// # Errors
/// As [`device`].
pub fn file(path: &Path, root: &Root, settings: &Settings) -> Result<Outcome, FileError> {
    let text = files::read(path, LIMIT)?;
    let text = String::from_utf8_lossy(&text);
    let mut outcome = parse(&path.display().to_string(), &text);
    add_addresses(&mut outcome, root, settings);
    Ok(outcome)
}

/// Reads the interface files of every interface. One that is absent leaves its interface without
/// addresses: see [`DeviceConf::without_addresses`].
pub fn add_addresses(outcome: &mut Outcome, root: &Root, settings: &Settings) {
    add_addresses_from(outcome, |interface| {
        let path = settings.interface_file(root, interface);
        (path.clone(), files::read(&path, LIMIT))
    });
}

/// As [`add_addresses`], with the files from elsewhere: `read` gives the place and the content of
/// an interface's file.
pub fn add_addresses_from(
    outcome: &mut Outcome,
    read: impl Fn(&str) -> (PathBuf, Result<Vec<u8>, FileError>),
) {
    for device in &mut outcome.devices {
        outcome.diagnostics.extend(device_addresses(device, &read));
    }
}

fn device_addresses(
    device: &mut DeviceConf,
    read: impl Fn(&str) -> (PathBuf, Result<Vec<u8>, FileError>),
) -> Diagnostics {
    let mut all = Diagnostics::default();
    for interface in &mut device.interfaces {
        if device.backup || !interface.usage.has_addresses() {
            continue;
        }
        let (path, content) = read(&interface.name);
        let mut diagnostics = Diagnostics::new(path.display().to_string());
        match content {
            Ok(text) => {
                interface.ip = IpConf::parse(
                    &String::from_utf8_lossy(&text),
                    &interface.name,
                    interface.usage,
                    &mut diagnostics,
                );
            }
            Err(error) if error.is_absent() => {}
            Err(error) => diagnostics.error(0, "", error.to_string(), ""),
        }
        all.extend(diagnostics);
    }
    all
}
