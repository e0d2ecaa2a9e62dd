//! Firmware modules: are they whole, and what do they say of themselves.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};
use wanbox_runtime::files;
use wanbox_wire::sfm::{Module, SIGNATURE, adapter_name, code_family};

use crate::decode::hex;

/// The longest file that is looked at; modules have at most 65943 octets.
const LIMIT: u64 = 1 << 20;

#[derive(Serialize)]
struct Header {
    file: String,
    octets: usize,
    signature: &'static str,
    format: u16,
    checksum: u16,
    description: String,
    code_id: u16,
    code_family: Option<&'static str>,
    /// In hundredths.
    code_version: u16,
    adapters: Vec<u16>,
    memory: u32,
    start_offset: u16,
    window_offset: u16,
    load_offset: u16,
    code_size: u16,
    boot_offset: u16,
    boot_size: u16,
    sha256: String,
}

/// Checks a module and says what is in its header.
///
/// # Errors
/// It cannot be read, or what is wrong with it.
pub fn check(path: &Path, json: bool) -> Result<String, String> {
    let file = files::read(path, LIMIT).map_err(|error| error.to_string())?;
    let module = Module::parse(&file).map_err(|error| format!("{}: {error}", path.display()))?;
    let header = Header {
        file: path.display().to_string(),
        octets: file.len(),
        signature: SIGNATURE,
        format: module.version(),
        checksum: module.checksum(),
        description: readable(module.description()),
        code_id: module.code_id(),
        code_family: code_family(module.code_id()),
        code_version: module.code_version(),
        adapters: module.adapters().collect(),
        memory: module.memory(),
        start_offset: module.start_offset(),
        window_offset: module.window_offset(),
        load_offset: module.load_offset(),
        code_size: module.code_size(),
        boot_offset: module.boot_offset(),
        boot_size: module.boot_size(),
        sha256: hex(&Sha256::digest(&file)),
    };
    if json {
        return serde_json::to_string_pretty(&header)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string());
    }
    Ok(header.text())
}

impl Header {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: &dyn std::fmt::Display| {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{label:>14}: {value}");
        };
        line("file", &self.file);
        line("octets", &self.octets);
        line("signature", &self.signature);
        line("format", &self.format);
        line("checksum", &format_args!("{:04X}, right", self.checksum));
        line("description", &format_args!("'{}'", self.description));
        let family = self.code_family.unwrap_or("unknown");
        line("code", &format_args!("{} ({family})", self.code_id));
        let (whole, hundredths) = (self.code_version / 100, self.code_version % 100);
        line("version", &format_args!("{whole}.{hundredths:02}"));
        let adapters: Vec<String> = self
            .adapters
            .iter()
            .map(|&adapter| match adapter_name(adapter) {
                Some(name) => format!("{name} ({adapter})"),
                None => format!("unknown ({adapter})"),
            })
            .collect();
        line("adapters", &adapters.join(", "));
        line("memory", &format_args!("{} octets", self.memory));
        line("start", &format_args!("{:04X}", self.start_offset));
        line("window", &format_args!("{:04X}", self.window_offset));
        let (place, size) = (self.load_offset, self.code_size);
        line("image", &format_args!("{size} octets at {place:04X}"));
        let (place, size) = (self.boot_offset, self.boot_size);
        line("boot data", &format_args!("{size} octets at {place:04X}"));
        line("SHA-256", &self.sha256);
        text
    }
}

/// A text from outside, without what could drive a terminal.
fn readable(octets: &[u8]) -> String {
    let readable = |octet: &u8| match octet {
        b' '..=b'~' => char::from(*octet),
        _ => '.',
    };
    octets.iter().map(readable).collect()
}
