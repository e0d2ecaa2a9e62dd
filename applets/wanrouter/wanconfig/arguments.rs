//! `-U`: a device configured entirely by the command line.
//!
//! `[devices] DEV TYPE [DESCR] [interfaces] IF DEV ADDR|- MODE ... [DEV] KEY VALUE ... [IF] KEY VALUE ...`
//! The words become the text of a configuration file, in memory.

use std::fmt::Write;

/// A device of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The device.
    pub device: String,
    /// The text of its configuration file.
    pub text: String,
}

/// Regroups the words. Every error is told.
pub fn regroup(words: &[String]) -> Result<Arguments, Vec<String>> {
    let mut errors = Vec::new();
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for word in words {
        // What ends a line or starts a comment would change the meaning of the others.
        if word.contains(['#', ';', '\r', '\n']) {
            errors.push(format!(
                "'{}': '#', ';' and line ends cannot be part of an argument",
                word.escape_debug()
            ));
        }
        let header = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        match header {
            Some(name) if groups.iter().any(|(group, _)| *group == name) => {
                errors.push(format!("[{name}] is given twice"));
                // Its words are its own, not those of the section before it.
                groups.push((name, Vec::new()));
            }
            Some(name) => groups.push((name, Vec::new())),
            None => match groups.last_mut() {
                Some((_, members)) => members.push(word),
                None => errors.push(format!(
                    "'{word}' comes before any [section]; the first is [devices]"
                )),
            },
        }
    }
    let devices = group(&groups, "devices");
    if devices.is_none() {
        errors.push(
            "ERROR: No devices found, Incomplete Argument List: [devices] DEVICE TYPE is missing"
                .to_owned(),
        );
    }
    if group(&groups, "interfaces").is_none() {
        errors.push(
            "ERROR: No interfaces found, Incomplete Argument List: [interfaces] IF DEVICE ADDRESS|- MODE is missing"
                .to_owned(),
        );
    }
    let mut text = String::new();
    for (name, members) in &groups {
        // Writing into a string cannot fail, here and below.
        let _ = writeln!(text, "[{name}]");
        match *name {
            "devices" => match members[..] {
                [device, kind] => _ = writeln!(text, "{device} = {kind}"),
                [device, kind, description] => {
                    _ = writeln!(text, "{device} = {kind}, {description}")
                }
                _ => errors.push(count(
                    "Hardware",
                    "devices",
                    members.len(),
                    "DEVICE TYPE [DESCRIPTION]",
                )),
            },
            "interfaces" => {
                let (records, rest) = members.as_chunks::<4>();
                for [name, device, address, mode] in records {
                    let address = if *address == "-" { "" } else { address };
                    let _ = writeln!(text, "{name} = {device}, {address}, {mode}");
                }
                if records.is_empty() || !rest.is_empty() {
                    errors.push(count(
                        "Interface",
                        name,
                        members.len(),
                        "IF DEVICE ADDRESS|- MODE, each",
                    ));
                }
            }
            _ => {
                let (records, rest) = members.as_chunks::<2>();
                for [key, value] in records {
                    let _ = writeln!(text, "{key} = {value}");
                }
                if !rest.is_empty() {
                    let is_device = devices.is_some_and(|words| words.first() == Some(name));
                    let which = if is_device {
                        "Hardware"
                    } else {
                        "Interface Setup"
                    };
                    errors.push(count(which, name, members.len(), "KEY VALUE, each"));
                }
            }
        }
    }
    let device = devices
        .and_then(|words| words.first())
        .copied()
        .unwrap_or_default();
    if errors.is_empty() {
        return Ok(Arguments {
            device: device.to_owned(),
            text,
        });
    }
    Err(errors)
}

fn group<'g, 'w>(groups: &'g [(&'w str, Vec<&'w str>)], name: &str) -> Option<&'g [&'w str]> {
    let (_, members) = groups.iter().find(|(group, _)| *group == name)?;
    Some(members)
}

fn count(which: &str, section: &str, words: usize, wanted: &str) -> String {
    format!(
        "ERROR: Insuficient/Too many {which} arguments: [{section}] has {words} words; allowed: {wanted}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, Vec<String>> {
        regroup(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_whole_device() {
        let arguments = read(
            "[devices] wanpipe1 WAN_FR demo [interfaces] wp1_fr16 wanpipe1 16 WANPIPE wp1c wanpipe1 - API \
             [wanpipe1] LINE cable:demo STATION CPE [wp1_fr16] CIR 64",
        )
        .unwrap();
        assert_eq!(arguments.device, "wanpipe1");
        assert_eq!(
            arguments.text,
            "[devices]\nwanpipe1 = WAN_FR, demo\n[interfaces]\nwp1_fr16 = wanpipe1, 16, WANPIPE\n\
             wp1c = wanpipe1, , API\n[wanpipe1]\nLINE = cable:demo\nSTATION = CPE\n[wp1_fr16]\nCIR = 64\n"
        );
    }

    #[test]
    fn every_error_at_once() {
        let errors = read("x [interfaces] a b c [wanpipe1] MTU").unwrap_err();
        let all = errors.join("\n");
        assert_eq!(errors.len(), 4, "{all}");
        assert!(all.contains("'x' comes before any [section]"));
        assert!(all.contains("No devices found, Incomplete Argument List"));
        assert!(all.contains("Insuficient/Too many Interface arguments: [interfaces] has 3 words"));
        assert!(
            all.contains("Insuficient/Too many Interface Setup arguments: [wanpipe1] has 1 words")
        );
    }

    #[test]
    fn hardware_and_missing_interfaces() {
        let errors = read("[devices] wanpipe1 WAN_FR [wanpipe1] MTU [devices] y").unwrap_err();
        let all = errors.join("\n");
        assert!(all.contains("[devices] is given twice"), "{all}");
        assert!(all.contains("No interfaces found"), "{all}");
        assert!(
            all.contains("Too many Hardware arguments: [wanpipe1]"),
            "{all}"
        );
    }

    #[test]
    fn words_cannot_smuggle_lines() {
        let words = [
            "[devices]",
            "wanpipe1",
            "WAN_FR",
            "[interfaces]",
            "a",
            "wanpipe1",
            "16",
            "WANPIPE\n[b]",
        ];
        let errors = regroup(&words.map(str::to_owned)).unwrap_err();
        assert!(errors[0].contains("line ends cannot be part"), "{errors:?}");
    }

    #[test]
    fn nothing_at_all() {
        assert_eq!(regroup(&[]).unwrap_err().len(), 2);
    }
}
