//! The record of a CSU/DSU's settings, `wanpipe#.cfgft1`, and what settings are allowed.
//!
//! `KEY = VALUE` lines. As in the originals blanks, tabs and case do not matter, `#` starts a
//! comment, and a key is known by its beginning. The originals took what they could not read for a
//! default; here it is an error.

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_wire::pipemon::cisco_hdlc::Ft1Config;

/// The channels of a T1 line.
const CHANNELS: u16 = 24;

const FRAMING: &[(&str, u16)] = &[("ESF", 0), ("D4", 1)];
const ENCODING: &[(&str, u16)] = &[("B8ZS", 0), ("AMI", 1)];
const CLOCK: &[(&str, u16)] = &[("Normal", 0), ("Master", 1)];
/// Line build-outs. Those of 1 to 3 are where the originals' own file disagrees with their
/// adapter: the adapter's meaning counts.
pub const LINE_BUILD: &[(&str, u16)] = &[
    ("CSU: 0db, DSX: 0-133ft", 0),
    ("DSX: 133-266ft", 1),
    ("DSX: 266-399ft", 2),
    ("DSX: 399-533ft", 3),
    ("DSX: 533-655ft", 4),
    ("CSU -7dB", 5),
    ("CSU -15dB", 6),
    ("CSU -22.5dB", 7),
];

/// The settings of a new record: a whole ESF line.
pub const DEFAULT: Ft1Config = Ft1Config {
    framing: 0,
    encoding: 0,
    line_build_out: 0,
    channel_base: 1,
    kbps: 1536,
    clock: 0,
};

/// The keys, as they are written.
pub const KEYS: [&str; 6] = [
    "Framing",
    "Encoding",
    "Line Build",
    "Channel",
    "Baud",
    "Clocking",
];

/// The rate of one channel, kbit/s: AMI takes a bit of each octet.
pub fn channel_rate(encoding: u16) -> u16 {
    if encoding == 0 { 64 } else { 56 }
}

/// Checks settings against each other.
///
/// # Errors
/// What is wrong and what would be right.
pub fn check(settings: &Ft1Config) -> Result<(), String> {
    for (name, value, most) in [
        ("framing", settings.framing, 1),
        ("encoding", settings.encoding, 1),
        ("line build-out", settings.line_build_out, 7),
        ("clock", settings.clock, 1),
    ] {
        if value > most {
            return Err(format!("{name} {value} is more than {most}"));
        }
    }
    if !(1..=CHANNELS).contains(&settings.channel_base) {
        let channel = settings.channel_base;
        return Err(format!("channel {channel} is not 1 to {CHANNELS}"));
    }
    let unit = channel_rate(settings.encoding);
    let most = unit * CHANNELS;
    let kbps = settings.kbps;
    if kbps < unit || kbps > most || !kbps.is_multiple_of(unit) {
        return Err(format!(
            "baud {kbps} is no multiple of {unit} from {unit} to {most} kbit/s"
        ));
    }
    let room = (CHANNELS + 1 - settings.channel_base) * unit;
    if kbps > room {
        return Err(format!(
            "baud {kbps} needs {} channels; from channel {} on there are {}",
            kbps / unit,
            settings.channel_base,
            room / unit
        ));
    }
    Ok(())
}

/// Sets one setting by its key, both as people write them.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn set(settings: &mut Ft1Config, key: &str, value: &str) -> Result<(), (String, String)> {
    let value = squeezed(value);
    let word = |table: &[(&str, u16)]| {
        let named = table.iter().find(|(word, _)| squeezed(word) == value);
        let number = value.parse().ok();
        let numbered = || table.iter().find(|(_, n)| Some(*n) == number);
        named.or_else(numbered).map(|(_, n)| *n).ok_or_else(|| {
            let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
            (format!("'{value}' is unknown"), words.join("; "))
        })
    };
    let number = |allowed: &str| {
        let what = || (format!("'{value}' is no number"), allowed.to_owned());
        value.parse::<u16>().map_err(|_| what())
    };
    match squeezed(key) {
        key if key.starts_with("FRAMING") => settings.framing = word(FRAMING)?,
        key if key.starts_with("ENCODING") => settings.encoding = word(ENCODING)?,
        key if key.starts_with("LINEBUILD") => settings.line_build_out = word(LINE_BUILD)?,
        key if key.starts_with("CHANNEL") => settings.channel_base = number("1 to 24")?,
        key if key.starts_with("BAUD") => {
            settings.kbps = number("kbit/s, a multiple of 64 (B8ZS) or 56 (AMI)")?;
        }
        key if key.starts_with("CLOCKING") => settings.clock = word(CLOCK)?,
        _ => return Err(("unknown key".into(), KEYS.join(", "))),
    }
    Ok(())
}

/// Without blanks and tabs, in capitals.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// Reads a record. Every key has to be there.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Ft1Config, Diagnostics> {
    let mut diagnostics = Diagnostics::new(file);
    let mut settings = DEFAULT;
    let mut seen: Vec<String> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            diagnostics.error(n + 1, line, "no '='", "KEY = VALUE");
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if let Err((what, allowed)) = set(&mut settings, key, value) {
            diagnostics.error(n + 1, key, what, allowed);
        }
        seen.push(squeezed(key));
    }
    for key in KEYS {
        let short = squeezed(key);
        let count = seen.iter().filter(|seen| seen.starts_with(&short)).count();
        if count != 1 {
            let what = if count == 0 {
                "is missing"
            } else {
                "is given twice"
            };
            diagnostics.error(0, key, what, "each key once");
        }
    }
    if !diagnostics.has_errors()
        && let Err(what) = check(&settings)
    {
        diagnostics.error(0, "", what, "");
    }
    if diagnostics.has_errors() {
        Err(diagnostics)
    } else {
        Ok(settings)
    }
}

/// The word for a number of a table.
fn word(table: &[(&'static str, u16)], number: u16) -> &'static str {
    let found = table.iter().find(|(_, n)| *n == number);
    found.map_or("unknown", |(word, _)| word)
}

/// The settings as they are written, in the order of [`KEYS`].
pub fn values(settings: &Ft1Config) -> [String; 6] {
    [
        word(FRAMING, settings.framing).into(),
        word(ENCODING, settings.encoding).into(),
        word(LINE_BUILD, settings.line_build_out).into(),
        settings.channel_base.to_string(),
        settings.kbps.to_string(),
        word(CLOCK, settings.clock).into(),
    ]
}

/// The text of a record.
pub fn text(device: &str, settings: &Ft1Config) -> String {
    let mut text = format!("# CSU/DSU of {device}, written by cfgft1\n");
    for (key, value) in KEYS.iter().zip(values(settings)) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_of_the_originals_is_read() {
        let text = "#---\n# CSU/DSU\n\nFraming\t= ESF\nEncoding = B8ZS\n\
                    Line Build = CSU: 0db, DSX: 0-133ft\nChannel = 1\nBaud = 1536\nClocking = Normal\n";
        assert_eq!(parse("f", text).unwrap(), DEFAULT);
        let odd = "framing=d4\n encoding = ami # yes\nLINE BUILD = 7\nChannelBase = 3\n\
                   baud rate = 1232\nClocking = MASTER\n";
        let settings = parse("f", odd).unwrap();
        assert_eq!((settings.framing, settings.encoding), (1, 1));
        assert_eq!((settings.line_build_out, settings.kbps), (7, 1232));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = text("wanpipe1", &DEFAULT);
        for (from, to, finding) in [
            (
                "ESF",
                "ESX",
                "f:2: Framing: 'ESX' is unknown; allowed: ESF; D4",
            ),
            ("B8ZS", "", "f:3: Encoding: '' is unknown"),
            (
                "Baud = 1536",
                "Baud = 1530",
                "f: baud 1530 is no multiple of 64",
            ),
            ("Baud = 1536", "Baud = x", "f:6: Baud: 'X' is no number"),
            ("Baud = 1536", "", "f: Baud: is missing"),
            (
                "Channel = 1",
                "Channel = 2",
                "f: baud 1536 needs 24 channels; from channel 2 on there are 23",
            ),
            (
                "Channel = 1",
                "Channel = 25",
                "f: channel 25 is not 1 to 24",
            ),
            (
                "Clocking",
                "Clocks",
                "f:7: Clocks: unknown key; allowed: Framing",
            ),
            ("Clocking =", "Clocking", "f:7: Clocking Normal: no '='"),
        ] {
            let text = good.replacen(from, to, 1);
            let all = parse("f", &text).unwrap_err().to_string();
            assert!(all.lines().any(|line| line.starts_with(finding)), "{all}");
        }
        let twice = format!("{good}Baud = 64\n");
        assert!(
            parse("f", &twice)
                .unwrap_err()
                .to_string()
                .contains("Baud: is given twice")
        );
    }

    fn settings() -> impl Strategy<Value = Ft1Config> {
        (0..2u16, 0..2u16, 0..8u16, 1..=24u16, 1..=24u16, 0..2u16).prop_map(
            |(framing, encoding, line_build_out, channel_base, channels, clock)| Ft1Config {
                framing,
                encoding,
                line_build_out,
                channel_base,
                kbps: channels.min(25 - channel_base) * channel_rate(encoding),
                clock,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(settings in settings()) {
            prop_assert_eq!(check(&settings), Ok(()));
            prop_assert_eq!(parse("f", &text("wanpipe1", &settings)).unwrap(), settings);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(settings) = parse("f", &text) {
                prop_assert_eq!(check(&settings), Ok(()));
            }
        }
    }
}
