//! Which devices `wanrouter start` starts: `WAN_DEVICES` of `wanrouter.rc`.

use std::path::PathBuf;

use wanbox_grammar::document::AssignDocument;
use wanbox_runtime::files;

use super::draft::{ANY, MODE, content, make_parent};
use crate::site::Site;

/// Whether `wanrouter start` starts a device: it is in `WAN_DEVICES`.
pub fn starts(site: &Site, device: &str) -> bool {
    site.rc_file.exists() && site.devices.iter().any(|d| d == device)
}

/// Puts a device into `WAN_DEVICES` of `wanrouter.rc`, or takes it out; the file is made when it
/// is not there. Returns it if it changed.
///
/// # Errors
/// It cannot be read or written; says why.
pub fn set_starts(site: &mut Site, device: &str, on: bool) -> Result<Option<PathBuf>, String> {
    if starts(site, device) == on {
        return Ok(None);
    }
    let path = site.rc_file.clone();
    let there = content(&path).map_err(|error| error.to_string())?;
    let mut devices = match &there {
        Some(_) => site.devices.clone(),
        None => Vec::new(),
    };
    devices.retain(|d| d != device);
    if on {
        devices.push(device.to_owned());
    }
    let mut file = AssignDocument::parse(there.as_deref().unwrap_or_default());
    file.set("WAN_DEVICES", &devices.join(" "))?;
    make_parent(&path).map_err(|error| error.to_string())?;
    files::rewrite(&path, &file.to_bytes(), MODE, ANY).map_err(|error| error.to_string())?;
    site.devices = devices;
    Ok(Some(path))
}
