//! Captures, as tshark sees them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::need::find_tool;
use crate::run::finish;
use crate::{Error, Result};

/// Long enough for any capture of a test on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The fields of the frames that match a display filter (empty: all frames), a
/// row a frame. A field that occurs more than once has its values joined by commas.
///
/// # Errors
/// As tshark says: a damaged file, an unknown field.
pub fn fields(file: &Path, filter: &str, names: &[&str]) -> Result<Vec<Vec<String>>> {
    let tshark = find_tool("tshark").ok_or_else(|| Error::new("tshark is missing"))?;
    let mut command = Command::new(tshark);
    command.arg("-r").arg(file).args(["-n", "-T", "fields"]);
    if !filter.is_empty() {
        command.args(["-Y", filter]);
    }
    for name in names {
        command.args(["-e", name]);
    }
    let text = finish(&mut command, LIMIT)?.ok()?;
    Ok(text
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect())
}

/// How many frames match a display filter (empty: all).
///
/// # Errors
/// As [`fields`].
pub fn count(file: &Path, filter: &str) -> Result<usize> {
    Ok(fields(file, filter, &["frame.number"])?.len())
}

/// There are frames, and tshark finds none malformed and no protocol error in any.
///
/// # Errors
/// There are none, or it does: the error has its words.
pub fn clean(file: &Path) -> Result {
    // tshark would read any file as something.
    link_type(file)?;
    crate::ensure!(count(file, "")? > 0, "{}: no frames", file.display());
    let bad = faults(file, "frame")?;
    crate::ensure!(bad.is_empty(), "{}: tshark: {bad:?}", file.display());
    Ok(())
}

/// What tshark finds malformed or a protocol error in the frames that match a display filter:
/// the frame's number, its protocol and tshark's words.
///
/// # Errors
/// As [`fields`].
pub fn faults(file: &Path, filter: &str) -> Result<Vec<Vec<String>>> {
    fields(
        file,
        // 8388608 is the severity `error`; warnings speak of TCP's behaviour, not of the format.
        &format!("({filter}) && (_ws.malformed || _ws.expert.severity >= 8388608)"),
        &["frame.number", "_ws.col.Protocol", "_ws.expert.message"],
    )
}

/// The frames of several captures of the same link type in one, in the order of their times.
///
/// # Errors
/// As mergecap says, which comes with tshark.
pub fn merge(files: &[PathBuf], into: &Path) -> Result {
    let mergecap = find_tool("mergecap").ok_or_else(|| Error::new("mergecap is missing"))?;
    let mut command = Command::new(mergecap);
    command.args(["-F", "pcap", "-w"]).arg(into).args(files);
    finish(&mut command, LIMIT)?.ok()?;
    Ok(())
}

/// The link type in the header of a pcap file.
///
/// # Errors
/// It is none that was written on this kind of machine, or cut short.
pub fn link_type(file: &Path) -> Result<u32> {
    let octets = std::fs::read(file)?;
    let header: &[u8; 24] = octets
        .first_chunk()
        .ok_or_else(|| Error::new(format!("{}: no pcap header", file.display())))?;
    let word = |at: usize| -> Option<u32> {
        let octets = header.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_ne_bytes(octets))
    };
    match (word(0), word(20)) {
        (Some(0xa1b2_c3d4 | 0xa1b2_3c4d), Some(link_type)) => Ok(link_type),
        (magic, _) => Err(Error::new(format!(
            "{}: no pcap file: it begins with {magic:08x?}",
            file.display()
        ))),
    }
}
