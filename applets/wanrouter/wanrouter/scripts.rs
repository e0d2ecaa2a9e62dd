//! The user's own scripts around start and stop.
//!
//! `WAN_SCRIPTS_DIR/<device>-<interface>-start`, `<device>-start` and `start` run after the thing
//! they are named after was started; the `-stop` ones run before it is stopped, while its routes
//! and addresses are still there (the manual says after, the original's code did before).

use std::path::Path;
use std::process::Command;

/// What a script is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Everything.
    All,
    /// A device.
    Device(&'a str),
    /// An interface of a device.
    Interface(&'a str, &'a str),
}

/// Runs the script for `action` (`start` or `stop`), if there is one.
///
/// It gets the device and the interface as arguments, and in `WAN_ACTION`, `WAN_DEVICE` and
/// `WAN_INTERFACE`. `Err` says what went wrong; the caller reports it and goes on.
pub fn run(directory: &Path, subject: Subject<'_>, action: &str) -> Result<(), String> {
    let (name, device, interface) = match subject {
        Subject::All => (action.to_owned(), "", ""),
        Subject::Device(device) => (format!("{device}-{action}"), device, ""),
        Subject::Interface(device, interface) => {
            (format!("{device}-{interface}-{action}"), device, interface)
        }
    };
    let script = directory.join(name);
    if !script.is_file() {
        return Ok(());
    }
    let arguments = [device, interface]
        .into_iter()
        .filter(|word| !word.is_empty());
    let status = Command::new("sh")
        .arg(&script)
        .args(arguments)
        .env("WAN_ACTION", action)
        .env("WAN_DEVICE", device)
        .env("WAN_INTERFACE", interface)
        .status()
        .map_err(|error| format!("script {}: {error}", script.display()))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("script {} ended with {status}", script.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::Scratch;

    #[test]
    fn scripts_get_what_they_are_about() {
        let scratch = Scratch::new("scripts");
        let record = scratch.path().join("record");
        let body = format!(
            "echo \"$# $1 $2 $WAN_ACTION $WAN_DEVICE $WAN_INTERFACE\" >> '{}'\n",
            record.display()
        );
        for name in ["start", "wanpipe1-stop", "wanpipe1-wp1_fr16-start"] {
            std::fs::write(scratch.path().join(name), &body).unwrap();
        }
        let dir = scratch.path();
        run(dir, Subject::Interface("wanpipe1", "wp1_fr16"), "start").unwrap();
        run(dir, Subject::Device("wanpipe1"), "stop").unwrap();
        run(dir, Subject::Device("wanpipe1"), "start").unwrap();
        run(dir, Subject::All, "start").unwrap();
        assert_eq!(
            std::fs::read_to_string(record).unwrap(),
            "2 wanpipe1 wp1_fr16 start wanpipe1 wp1_fr16\n1 wanpipe1  stop wanpipe1 \n0   start  \n"
        );
    }

    #[test]
    fn a_failing_script_is_told() {
        let scratch = Scratch::new("scripts-fail");
        std::fs::write(scratch.path().join("stop"), "exit 7\n").unwrap();
        let error = run(scratch.path(), Subject::All, "stop").unwrap_err();
        assert!(error.contains("stop ended with exit status: 7"), "{error}");
    }
}
