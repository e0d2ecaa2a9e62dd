//! The words of `wanconfig`: `card NAME [dev IF | nodev]` and one verb.

use std::path::PathBuf;

/// Every word and what it does, for completion.
pub const HELP: &[(&str, &str)] = &[
    ("card", "the device that follows"),
    ("wan", "the device that follows"),
    ("dev", "the interface that follows"),
    ("nodev", "no interface"),
    ("start", "start the device, or create the interface"),
    ("up", "as start"),
    ("add", "as start"),
    ("stop", "stop the device, or take the interface away"),
    ("down", "as stop"),
    ("del", "as stop"),
    ("delete", "as stop"),
    ("restart", "stop and start again"),
    ("reload", "as restart"),
    ("reconfig", "read the file again and apply what differs"),
    ("status", "show the state"),
    ("stat", "as status"),
    ("show", "as status"),
    ("config", "show the configuration"),
    ("counters", "show every counter"),
    ("flush", "clear the counters"),
    ("line", "cut: unplug the line; join: plug it in"),
    (
        "capture",
        "write the line to the pcap file that follows, or off",
    ),
    ("hwprobe", "list what lines can run on"),
    ("help", "print the usage"),
];

/// What to do, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `card NAME`.
    pub card: Option<String>,
    /// `dev IF`.
    pub interface: Option<String>,
    /// `nodev`.
    pub no_interfaces: bool,
    /// The verb; status without one.
    pub action: Action,
}

/// A verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// `start`, `up`, `add`.
    Start,
    /// `stop`, `down`, `del`, `delete`.
    Stop,
    /// `restart`, `reload`.
    Restart,
    /// `reconfig`: apply what changed in the file, disturb nothing else.
    Reconfigure,
    /// `status`, `stat`, `show`.
    #[default]
    Status,
    /// `config`.
    Config,
    /// `hwprobe [verbose]`.
    Hwprobe(Option<String>),
    /// `line cut` (true) or `line join` (false).
    Line(bool),
    /// `capture FILE`, or `capture off` (`None`).
    Capture(Option<PathBuf>),
    /// `counters`.
    Counters,
    /// `flush`.
    Flush,
    /// `help`.
    Help,
}

/// Reads the words. The error says what is wrong and what is allowed.
pub fn parse(words: &[String]) -> Result<Words, String> {
    let mut read = Words::default();
    let mut verb: Option<&str> = None;
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        let mut value = |what: &str| {
            rest.next()
                .map(str::to_owned)
                .ok_or_else(|| format!("'{word}' needs {what} after it"))
        };
        let action = match word {
            "card" | "wan" => {
                once(read.card.is_some(), word)?;
                let name = value("the name of a device, as wanpipe1")?;
                if name.len() > 15 {
                    return Err(format!("device name '{name}' is longer than 15 characters"));
                }
                read.card = Some(name);
                continue;
            }
            "dev" => {
                once(read.interface.is_some(), word)?;
                if read.card.is_none() {
                    return Err("'dev' needs 'card NAME' before it".to_owned());
                }
                let name = value("the name of an interface, as wp1_fr16")?;
                if name.len() > 15 {
                    return Err(format!(
                        "interface name '{name}' is longer than 15 characters"
                    ));
                }
                read.interface = Some(name);
                continue;
            }
            "nodev" => {
                once(read.no_interfaces, word)?;
                read.no_interfaces = true;
                continue;
            }
            "start" | "up" | "add" => Action::Start,
            "stop" | "down" | "del" | "delete" => Action::Stop,
            "restart" | "reload" => Action::Restart,
            "reconfig" => Action::Reconfigure,
            "status" | "stat" | "show" => Action::Status,
            "config" => Action::Config,
            "hwprobe" => Action::Hwprobe(
                rest.next_if(|word| !KEYWORDS.contains(word))
                    .map(str::to_owned),
            ),
            "line" => match value("'cut' or 'join'")?.as_str() {
                "cut" => Action::Line(true),
                "join" => Action::Line(false),
                other => {
                    return Err(format!(
                        "unknown word '{other}' after 'line'; allowed: cut, join"
                    ));
                }
            },
            "capture" => match value("a file, or 'off'")?.as_str() {
                "off" => Action::Capture(None),
                file => Action::Capture(Some(file.into())),
            },
            "counters" => Action::Counters,
            "flush" => Action::Flush,
            "help" => Action::Help,
            other => return Err(format!("unknown word '{other}'")),
        };
        if let Some(first) = verb {
            return Err(format!("only one of '{first}' and '{word}' can be done"));
        }
        verb = Some(word);
        read.action = action;
    }
    check(&read, verb.unwrap_or("status"))?;
    Ok(read)
}

/// Words that are not the mode of `hwprobe`.
const KEYWORDS: [&str; 4] = ["card", "wan", "dev", "nodev"];

fn once(again: bool, word: &str) -> Result<(), String> {
    if again {
        return Err(format!("'{word}' is given twice"));
    }
    Ok(())
}

fn check(read: &Words, verb: &str) -> Result<(), String> {
    if read.no_interfaces && read.interface.is_some() {
        return Err("'dev' and 'nodev' exclude each other".to_owned());
    }
    if read.no_interfaces && !matches!(read.action, Action::Start | Action::Restart) {
        return Err(format!(
            "'nodev' has no meaning with '{verb}'; allowed: start, restart"
        ));
    }
    let of_one_device = matches!(
        read.action,
        Action::Reconfigure
            | Action::Line(_)
            | Action::Capture(_)
            | Action::Counters
            | Action::Flush
    );
    if of_one_device && read.card.is_none() {
        return Err(format!("'{verb}' needs 'card NAME' before it"));
    }
    let of_an_interface = matches!(
        read.action,
        Action::Start | Action::Stop | Action::Restart | Action::Reconfigure
    );
    if read.interface.is_some() && !of_an_interface {
        return Err(format!(
            "'dev' has no meaning with '{verb}'; allowed: start, stop, restart, reconfig"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Words, String> {
        parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    fn words(line: &str) -> Words {
        read(line).unwrap()
    }

    #[test]
    fn verbs_and_their_other_names() {
        for (names, action) in [
            ("start up add", Action::Start),
            ("stop down del delete", Action::Stop),
            ("restart reload", Action::Restart),
            ("reconfig", Action::Reconfigure),
            ("status stat show", Action::Status),
            ("config", Action::Config),
            ("counters", Action::Counters),
            ("flush", Action::Flush),
        ] {
            for name in names.split(' ') {
                let read = words(&format!("card wanpipe1 {name}"));
                assert_eq!(read.card.as_deref(), Some("wanpipe1"));
                assert_eq!(read.action, action, "{name}");
            }
        }
        assert_eq!(words("").action, Action::Status);
        assert_eq!(words("wan wanpipe2").card.as_deref(), Some("wanpipe2"));
    }

    #[test]
    fn every_word_of_the_help_is_known() {
        for (word, _) in HELP {
            if let Err(error) = read(&format!("card a {word} cut")) {
                assert!(
                    !error.contains(&format!("unknown word '{word}'")),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn devices_and_interfaces() {
        let read = words("card wanpipe1 dev wp1_fr16 start");
        assert_eq!(read.interface.as_deref(), Some("wp1_fr16"));
        assert!(words("card wanpipe1 nodev start").no_interfaces);
        assert_eq!(
            words("start card wanpipe1").card.as_deref(),
            Some("wanpipe1")
        );
    }

    #[test]
    fn our_own_verbs() {
        assert_eq!(words("card wanpipe1 line cut").action, Action::Line(true));
        assert_eq!(words("card wanpipe1 line join").action, Action::Line(false));
        assert_eq!(
            words("card wanpipe1 capture off").action,
            Action::Capture(None)
        );
        assert_eq!(
            words("card wanpipe1 capture /tmp/a.pcap").action,
            Action::Capture(Some("/tmp/a.pcap".into()))
        );
        assert_eq!(words("hwprobe").action, Action::Hwprobe(None));
        assert_eq!(
            words("hwprobe verbose").action,
            Action::Hwprobe(Some("verbose".into()))
        );
        assert_eq!(words("hwprobe card wanpipe1").action, Action::Hwprobe(None));
    }

    #[test]
    fn wrong_words() {
        for (line, what) in [
            ("card", "'card' needs the name"),
            ("dev wp1", "'dev' needs 'card NAME' before it"),
            ("card wanpipe1 dev", "'dev' needs the name"),
            ("card wanpipe1234567890 start", "longer than 15"),
            ("card wanpipe1 dev wp1_fr1234567890 start", "longer than 15"),
            ("card a card b", "given twice"),
            ("card a dev b nodev start", "exclude each other"),
            (
                "card a nodev status",
                "'nodev' has no meaning with 'status'",
            ),
            ("start stop", "only one of 'start' and 'stop'"),
            ("explode", "unknown word 'explode'"),
            ("line cut", "'line' needs 'card NAME'"),
            ("card a line", "'line' needs 'cut' or 'join'"),
            ("card a line off", "unknown word 'off' after 'line'"),
            ("reconfig", "'reconfig' needs 'card NAME'"),
            ("card a dev b status", "'dev' has no meaning with 'status'"),
            ("card a capture", "'capture' needs a file"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(what), "{line}: {error}");
        }
    }
}
