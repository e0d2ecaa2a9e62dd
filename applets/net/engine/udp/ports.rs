//! Names of ports.

/// Ports of TCP that have names, in the order in which abbreviations are looked up.
pub const TCP_PORTS: [(&str, u16); 18] = [
    ("*", 0),
    ("convers", 3600),
    ("cvspserver", 2401),
    ("discard", 9),
    ("domain", 53),
    ("echo", 7),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("http", 80),
    ("imap", 143),
    ("nntp", 119),
    ("pop2", 109),
    ("pop3", 110),
    ("rsync", 873),
    ("smtp", 25),
    ("telnet", 23),
    ("ttylink", 87),
];

/// Ports of UDP that have names.
pub const UDP_PORTS: [(&str, u16); 8] = [
    ("*", 0),
    ("bootpc", 68),
    ("bootps", 67),
    ("domain", 53),
    ("ntp", 123),
    ("remote", 1234),
    ("rip", 520),
    ("time", 37),
];

/// The port of a word: a number, or the first name that begins with it.
#[must_use]
pub fn parse_port(names: &[(&str, u16)], word: &str) -> Option<u16> {
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        return word.parse().ok();
    }
    let found = names
        .iter()
        .find(|(name, _)| !word.is_empty() && name.starts_with(word));
    found.map(|(_, port)| *port)
}

/// A port by its name, or as a number.
#[must_use]
pub fn port_name(names: &[(&str, u16)], port: u16) -> String {
    let found = names.iter().find(|(_, known)| *known == port);
    found.map_or_else(|| port.to_string(), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_cut() {
        for (word, port) in [
            ("f", Some(79)),
            ("ft", Some(21)),
            ("ftp-", Some(20)),
            ("23", Some(23)),
            ("70000", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(parse_port(&TCP_PORTS, word), port, "{word}");
        }
        assert_eq!(parse_port(&UDP_PORTS, "r"), Some(1234));
        assert_eq!(port_name(&UDP_PORTS, 520), "rip");
        assert_eq!(port_name(&TCP_PORTS, 520), "520");
    }
}
