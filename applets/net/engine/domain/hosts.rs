//! Hosts that are written down: the hosts file and the domain files, read as text.
//!
//! A line of a hosts file is an address and a name, which gets `.ampr.org` behind it. A domain file is a
//! master file (RFC 1035 section 5) of which A and CNAME records are read. The first definition of a name holds,
//! and the first one of an address.

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;

use crate::address;

/// What names get that have no origin of their own.
pub const ORIGIN: &str = "ampr.org";

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Names and addresses.
#[derive(Clone, Debug)]
pub struct Hosts {
    addresses: HashMap<String, Ipv4Addr>,
    names: HashMap<Ipv4Addr, String>,
    /// Other names, with the line and the name that they stand for, until [`Hosts::finish`].
    aliases: Vec<(usize, String, String)>,
}

impl Default for Hosts {
    fn default() -> Self {
        let mut hosts = Self {
            addresses: HashMap::new(),
            names: HashMap::new(),
            aliases: Vec::new(),
        };
        hosts.put("localhost", Ipv4Addr::LOCALHOST);
        hosts
    }
}

impl Hosts {
    /// The address of a name in lower case, without a dot at its end.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<Ipv4Addr> {
        self.addresses.get(name).copied()
    }

    /// The name of an address.
    #[must_use]
    pub fn name(&self, address: Ipv4Addr) -> Option<&str> {
        self.names.get(&address).map(String::as_str)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there are none: never, for there is `localhost`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Adds a definition: what is duplicate of it.
    fn put(&mut self, name: &str, address: Ipv4Addr) -> Option<&'static str> {
        if address.is_unspecified() || address.is_broadcast() {
            return None;
        }
        let known = self.addresses.contains_key(name);
        if !known {
            self.addresses.insert(name.to_owned(), address);
        }
        let known_address = self.names.contains_key(&address);
        if !known_address {
            self.names.insert(address, name.to_owned());
        }
        match (known, known_address) {
            (true, _) => Some("duplicate name"),
            (_, true) => Some("duplicate addr"),
            _ => None,
        }
    }

    /// Reads a hosts file.
    pub fn read_hosts(&mut self, text: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let mut words = without_comment(line).split_whitespace();
            let (Some(first), name) = (words.next(), words.next()) else {
                continue;
            };
            let line = at + 1;
            let (Some(address), Some(name)) = (address::parse(first), name) else {
                faults.push(Fault {
                    line,
                    what: "an address and a name are expected".into(),
                });
                continue;
            };
            let name = format!("{}.{ORIGIN}", name.to_ascii_lowercase());
            if let Some(what) = self.put(&name, address) {
                faults.push(Fault {
                    line,
                    what: format!("{what}: {name}"),
                });
            }
        }
        faults
    }

    /// Reads a domain file. Aliases are looked up by [`Hosts::finish`], when all files were read.
    pub fn read_domain(&mut self, text: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut origin = ORIGIN.to_owned();
        let mut last = String::new();
        for (at, line) in text.lines().enumerate() {
            let line_number = at + 1;
            let line = without_comment(line);
            let continues = line.starts_with(|first: char| first.is_whitespace());
            let mut words = line.split_whitespace().peekable();
            let Some(&first) = words.peek() else {
                continue;
            };
            if first.eq_ignore_ascii_case("$origin") {
                words.next();
                match words.next() {
                    Some(word) => origin = word.trim_end_matches('.').to_ascii_lowercase(),
                    None => faults.push(Fault {
                        line: line_number,
                        what: "$origin needs a name".into(),
                    }),
                }
                continue;
            }
            if !continues {
                last = qualified(first, &origin);
                words.next();
            }
            // An own time to live and the class come before the type.
            while let Some(word) = words.peek() {
                let is_ttl = word.starts_with(|first: char| first.is_ascii_digit());
                if !is_ttl && !word.eq_ignore_ascii_case("in") {
                    break;
                }
                words.next();
            }
            let (kind, data) = (words.next().unwrap_or_default(), words.next());
            if kind.eq_ignore_ascii_case("a") {
                let Some(address) = data.and_then(address::parse) else {
                    faults.push(Fault {
                        line: line_number,
                        what: format!("{last}: an address is expected"),
                    });
                    continue;
                };
                let name = last.clone();
                if let Some(what) = self.put(&name, address) {
                    faults.push(Fault {
                        line: line_number,
                        what: format!("{what}: {name}"),
                    });
                }
            } else if kind.eq_ignore_ascii_case("cname") {
                match data {
                    Some(target) => {
                        self.aliases
                            .push((line_number, last.clone(), qualified(target, &origin)));
                    }
                    None => faults.push(Fault {
                        line: line_number,
                        what: format!("{last}: a name is expected"),
                    }),
                }
            }
        }
        faults
    }

    /// Gives aliases the addresses of the names that they stand for.
    pub fn finish(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut open = std::mem::take(&mut self.aliases);
        // Each pass settles at least one alias of an alias, or is the last.
        loop {
            let before = open.len();
            open.retain(|(line, alias, target)| {
                let Some(address) = self.addresses.get(target).copied() else {
                    return true;
                };
                if self.addresses.contains_key(alias) {
                    faults.push(Fault {
                        line: *line,
                        what: format!("duplicate name: {alias}"),
                    });
                } else {
                    self.addresses.insert(alias.clone(), address);
                }
                false
            });
            if open.len() == before {
                break;
            }
        }
        faults.extend(open.into_iter().map(|(line, _, target)| Fault {
            line,
            what: format!("no such key: {target}"),
        }));
        faults
    }
}

fn without_comment(line: &str) -> &str {
    line.split(['#', ';']).next().unwrap_or_default()
}

/// A name in lower case with its origin, without a dot at its end.
fn qualified(word: &str, origin: &str) -> String {
    let word = word.to_ascii_lowercase();
    match word.strip_suffix('.') {
        Some(whole) => whole.to_owned(),
        None if word == "@" => origin.to_owned(),
        None => format!("{word}.{origin}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_files() {
        let mut hosts = Hosts::default();
        let faults = hosts.read_hosts(
            "# comment\n44.128.4.4 N0PRA ; the first\n44.128.4.5\tdk5sg\n44.128.4.4 again\nx y\n0.0.0.0 nobody\n",
        );
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 4: duplicate addr: again.ampr.org",
                "line 5: an address and a name are expected"
            ]
        );
        let faults = hosts.read_domain(
            "$ORIGIN example.org.\nwww 3600 IN A 10.0.0.1\n\tA 10.0.0.2\nftp CNAME web\nweb cname www\n\
             @ IN A 10.0.0.3\nabs.other.net. A 10.0.0.4\nmx MX 10 www\nbad A x\nlost CNAME nowhere.\n",
        );
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 3: duplicate name: www.example.org",
                "line 9: bad.example.org: an address is expected"
            ]
        );
        assert_eq!(
            hosts.finish(),
            [Fault {
                line: 10,
                what: "no such key: nowhere".into()
            }]
        );
        for (name, address) in [
            ("localhost", Some([127, 0, 0, 1])),
            ("n0pra.ampr.org", Some([44, 128, 4, 4])),
            ("again.ampr.org", Some([44, 128, 4, 4])),
            ("www.example.org", Some([10, 0, 0, 1])),
            ("ftp.example.org", Some([10, 0, 0, 1])),
            ("example.org", Some([10, 0, 0, 3])),
            ("abs.other.net", Some([10, 0, 0, 4])),
            ("nobody.ampr.org", None),
        ] {
            assert_eq!(hosts.address(name), address.map(Ipv4Addr::from), "{name}");
        }
        assert_eq!(
            hosts.name(Ipv4Addr::new(44, 128, 4, 4)),
            Some("n0pra.ampr.org")
        );
        assert_eq!(
            hosts.name(Ipv4Addr::new(10, 0, 0, 1)),
            Some("www.example.org")
        );
    }
}
