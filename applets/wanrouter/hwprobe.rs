//! `hwprobe`: the lines that this machine offers.
//!
//! The cards of the originals are gone; the layout of their list is kept for those who read it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde::Serialize;
use wanbox_grammar::Exit;
use wanbox_runtime::files::Root;
use wanbox_runtime::netlink::{Link, Netlink, NetlinkError};

use crate::output::Output;

/// ARPHRD_* numbers of the kernel's HDLC devices, and their names.
const HDLC_TYPES: [(u16, &str); 4] = [
    (513, "CISCO"),
    (518, "RAWHDLC"),
    (519, "RAWIP"),
    (770, "FRAD"),
];

/// One line.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Line {
    /// `CABLE`, `HDLC`, `TTY` or `UDP`.
    kind: &'static str,
    /// What to write after `LINE =`.
    line: String,
    /// Details by their names.
    details: BTreeMap<&'static str, String>,
    /// This version can drive it.
    driven: bool,
    /// How it is used.
    hint: &'static str,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Probe {
    lines: Vec<Line>,
    /// Why the kernel's HDLC devices could not be searched.
    hdlc_error: Option<String>,
    /// Whether /dev/net/tun can be opened: `None`, or why not.
    tun_error: Option<String>,
}

/// Probes, and shows what was found. `mode` is empty or `verbose`.
pub fn run(root: &Root, mode: Option<&str>, json: bool, output: &mut Output<'_>) -> Exit {
    let verbose = match mode {
        None => false,
        Some("verbose") => true,
        Some("dump" | "legacy") => {
            return output
                .misuse("hwprobe: 'dump' and 'legacy' list cards, which are not driven here");
        }
        Some(other) => {
            return output.misuse(format_args!(
                "hwprobe: unknown word '{other}'; allowed: verbose"
            ));
        }
    };
    let probe = probe(&root.run_dir());
    if json {
        return output.json(&probe);
    }
    output.print(format_args!("\n{}\n", text(&probe, verbose)));
    if let Some(error) = probe.hdlc_error {
        return output.failure(format_args!("kernel HDLC devices not searched: {error}"));
    }
    Exit::DONE
}

fn probe(run_dir: &Path) -> Probe {
    let mut lines = cables(&run_dir.join("cable"));
    let hdlc_error = match hdlc_devices() {
        Ok(found) => {
            lines.extend(found);
            None
        }
        Err(error) => Some(error.to_string()),
    };
    lines.extend(serial_ports(Path::new("/sys/class/tty")));
    lines.push(Line {
        kind: "UDP",
        line: "udp:LOCAL:PORT,REMOTE:PORT".to_owned(),
        details: BTreeMap::new(),
        driven: true,
        hint: "one HDLC frame a datagram, as GNS3, Dynamips and pseudo-wires have it",
    });
    Probe {
        lines,
        hdlc_error,
        tun_error: tun_error(Path::new("/dev/net/tun")),
    }
}

/// The software cables that somebody has plugged in.
fn cables(directory: &Path) -> Vec<Line> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let line = |name: String| Line {
        kind: "CABLE",
        line: format!("cable:{name}"),
        details: BTreeMap::new(),
        driven: true,
        hint: "a software cable with one end plugged in; any new name makes a new cable",
    };
    names.into_iter().map(line).collect()
}

/// The devices of the kernel's HDLC layer in this network namespace.
fn hdlc_devices() -> Result<Vec<Line>, NetlinkError> {
    Ok(hdlc_lines(&Netlink::open()?.links()?))
}

fn hdlc_lines(links: &[Link]) -> Vec<Line> {
    let line = |link: &Link| {
        let (_, word) = HDLC_TYPES.iter().find(|(number, _)| *number == link.kind)?;
        let state = if link.is_up() { "UP" } else { "DOWN" };
        Some(Line {
            kind: "HDLC",
            line: format!("packet:{}", link.name),
            details: BTreeMap::from([("type", (*word).to_owned()), ("state", state.to_owned())]),
            driven: true,
            hint: "raw frames of a device of the kernel's HDLC layer",
        })
    };
    let mut lines: Vec<Line> = links.iter().filter_map(line).collect();
    lines.sort_by(|a, b| crate::daemons::natural(&a.line, &b.line));
    lines
}

/// Serial ports that have hardware behind them.
fn serial_ports(class: &Path) -> Vec<Line> {
    let Ok(entries) = fs::read_dir(class) else {
        return Vec::new();
    };
    let mut names: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let driver = fs::read_link(entry.path().join("device/driver")).ok()?;
            // The 8250 driver makes ports that may exist; type 0 is one that does not.
            let kind = fs::read_to_string(entry.path().join("type")).unwrap_or_default();
            let driver = driver.file_name()?.to_str()?.to_owned();
            (kind.trim() != "0").then_some((name, driver))
        })
        .collect();
    names.sort_by(|(a, _), (b, _)| crate::daemons::natural(a, b));
    let line = |(name, driver)| Line {
        kind: "TTY",
        line: format!("tty:/dev/{name}"),
        details: BTreeMap::from([("driver", driver)]),
        driven: false,
        hint: "a serial port; this version does not drive tty lines yet",
    };
    names.into_iter().map(line).collect()
}

fn tun_error(device: &Path) -> Option<String> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(device)
        .err()
        .map(|error| format!("{}: {error}", device.display()))
}

fn text(probe: &Probe, verbose: bool) -> String {
    let (title, width) = if verbose {
        ("| Wanpipe Hardware Probe Info (verbose) |", 41)
    } else {
        ("| Wanpipe Hardware Probe Info |", 31)
    };
    let rule = "-".repeat(width);
    let mut text = format!("{rule}\n{title}\n{rule}\n");
    for (number, line) in probe.lines.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{:<2}. {:<10} : LINE={}",
            number + 1,
            line.kind,
            line.line
        );
        for (label, value) in &line.details {
            let _ = write!(text, " : {}={value}", label.to_uppercase());
        }
        if !line.driven {
            text.push_str(" : DRIVEN=NO");
        }
        text.push('\n');
        if verbose {
            let _ = writeln!(text, "+{:02}:{}", number + 1, line.hint);
        }
    }
    text.push_str("\nSangoma Card Count: \nLine Count: ");
    for kind in ["CABLE", "HDLC", "TTY", "UDP"] {
        let count = probe.lines.iter().filter(|line| line.kind == kind).count();
        if count > 0 {
            let _ = write!(text, "{kind}={count} ");
        }
    }
    text.push('\n');
    match &probe.tun_error {
        None => text.push_str("Network interfaces: /dev/net/tun is usable\n"),
        Some(error) => {
            let _ = writeln!(text, "Network interfaces: not possible: {error}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::daemons::testing::Scratch;

    fn line(kind: &'static str, line: &str, driven: bool) -> Line {
        let driver = (!driven).then(|| ("driver", "serial8250".to_owned()));
        let details = driver.into_iter().collect();
        Line {
            kind,
            line: line.to_owned(),
            details,
            driven,
            hint: "how",
        }
    }

    #[test]
    fn layout() {
        let probe = Probe {
            lines: vec![
                line("CABLE", "cable:demo", true),
                line("TTY", "tty:/dev/ttyS0", false),
                line("UDP", "udp:LOCAL:PORT,REMOTE:PORT", true),
            ],
            hdlc_error: None,
            tun_error: None,
        };
        assert_eq!(
            text(&probe, false),
            "-------------------------------
| Wanpipe Hardware Probe Info |
-------------------------------
1 . CABLE      : LINE=cable:demo
2 . TTY        : LINE=tty:/dev/ttyS0 : DRIVER=serial8250 : DRIVEN=NO
3 . UDP        : LINE=udp:LOCAL:PORT,REMOTE:PORT

Sangoma Card Count: \nLine Count: CABLE=1 TTY=1 UDP=1 \nNetwork interfaces: /dev/net/tun is usable
"
        );
        let verbose = text(&probe, true);
        assert!(verbose.starts_with(&"-".repeat(41)), "{verbose}");
        assert!(
            verbose.contains("cable:demo\n+01:how\n2 . TTY"),
            "{verbose}"
        );
    }

    #[test]
    fn ports_and_cables_of_a_machine() {
        let scratch = Scratch::new("hwprobe");
        let class = scratch.path().join("tty");
        for (name, kind, driver) in [
            ("ttyS10", Some("4"), true),
            ("ttyS2", Some("0"), true),
            ("ttyUSB0", None, true),
            ("tty1", None, false),
        ] {
            let port = class.join(name);
            fs::create_dir_all(port.join("device")).unwrap();
            if driver {
                symlink("/sys/bus/x/drivers/serial8250", port.join("device/driver")).unwrap();
            }
            if let Some(kind) = kind {
                fs::write(port.join("type"), format!("{kind}\n")).unwrap();
            }
        }
        let found: Vec<String> = serial_ports(&class).into_iter().map(|l| l.line).collect();
        assert_eq!(found, ["tty:/dev/ttyS10", "tty:/dev/ttyUSB0"]);

        let cable = scratch.path().join("cable");
        fs::create_dir(&cable).unwrap();
        let _plug = UnixListener::bind(cable.join("demo")).unwrap();
        fs::write(cable.join("demo.lock"), "").unwrap();
        let found: Vec<String> = cables(&cable).into_iter().map(|l| l.line).collect();
        assert_eq!(found, ["cable:demo"]);
        assert!(cables(Path::new("/nonexistent")).is_empty());
    }

    #[test]
    fn hdlc_devices_of_the_kernel() {
        let link = |name: &str, kind, flags| Link {
            index: 1,
            name: name.to_owned(),
            kind,
            flags,
            mtu: 1500,
            ..Link::default()
        };
        let found = hdlc_lines(&[
            link("hdlc1", 513, 1),
            link("eth0", 1, 1),
            link("hdlc0", 770, 0),
        ]);
        let lines: Vec<&str> = found.iter().map(|line| line.line.as_str()).collect();
        assert_eq!(lines, ["packet:hdlc0", "packet:hdlc1"]);
        let detail = |kind: &str, state: &str| {
            BTreeMap::from([("type", kind.to_owned()), ("state", state.to_owned())])
        };
        assert_eq!(found[0].details, detail("FRAD", "DOWN"));
        assert_eq!(found[1].details, detail("CISCO", "UP"));
    }

    #[test]
    fn a_missing_tun_device_is_told() {
        let error = tun_error(Path::new("/nonexistent/tun")).unwrap();
        assert!(error.contains("/nonexistent/tun"), "{error}");
    }
}
