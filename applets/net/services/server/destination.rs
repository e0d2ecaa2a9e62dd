//! Where a gate leads on the host.

use std::fmt;

use wanbox_net_engine::udp::{TCP_PORTS, port_name};

/// Where paths without a directory are.
const DIRECTORY: &str = "/tcp/sockets/";
/// The longest path that a Unix socket can have, octets.
const LONGEST_PATH: usize = 107;
/// The longest name of a host or service, octets.
const LONGEST_NAME: usize = 255;

/// Where a gate leads on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A Unix socket: a whole path.
    Unix(String),
    /// A port of the host, or of one that it reaches.
    Tcp {
        /// An address in numbers, or a name that the host knows.
        host: String,
        /// A number from 1 to 65535, or a name that the host knows.
        service: String,
    },
}

impl Destination {
    /// Reads one: `unix:PATH`, `local:PATH`, `HOST[:SERVICE]`; without any, the same port of the host itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(word: Option<&str>, port: u16) -> Result<Self, String> {
        let word = word.unwrap_or("loopback");
        let wrong = |what: &str| Err(format!("{word}: {what}"));
        if let Some(path) = ["unix:", "local:"]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix))
        {
            let path = if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("{DIRECTORY}{path}")
            };
            return match path {
                path if path.ends_with('/') => wrong("there is no name"),
                path if path.len() > LONGEST_PATH => wrong("the path is too long for a socket"),
                path if path.contains('\0') => wrong("a path has no NUL"),
                path => Ok(Self::Unix(path)),
            };
        }
        let (host, service) = match word.rsplit_once(':') {
            Some((host, service)) => (host, service),
            None => (word, ""),
        };
        let is_name = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
            // What begins with a sign could be taken for a number.
            let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            begins && name.len() <= LONGEST_NAME && name.chars().all(plain)
        };
        let host = match host {
            "*" | "loopback" | "localhost" => "127.0.0.1",
            // With a service behind them they would be read as sockets.
            host if is_name(host) && !matches!(host, "unix" | "local") => host,
            _ => return wrong("it is not HOST:SERVICE, unix:PATH or local:PATH"),
        };
        let known = TCP_PORTS.iter().find(|(name, _)| *name == service);
        let service = match (service, known) {
            ("", _) if !word.ends_with(':') => port.to_string(),
            ("*", _) => return wrong("no service has port 0"),
            (_, Some((_, port))) => port.to_string(),
            (number, None) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                match number.parse::<u16>() {
                    Ok(port @ 1..) => port.to_string(),
                    _ => return wrong("a port is a number from 1 to 65535"),
                }
            }
            (name, None) if is_name(name) => name.to_owned(),
            _ => return wrong("the service is a number or a name"),
        };
        Ok(Self::Tcp {
            host: host.to_owned(),
            service,
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp { host, service } => match service.parse() {
                Ok(port) => write!(f, "{host}:{}", port_name(&TCP_PORTS, port)),
                Err(_) => write!(f, "{host}:{service}"),
            },
        }
    }
}

/// For fuzzing: what is read is shown as something that reads the same.
pub fn fuzz_destination(octets: &[u8]) {
    let Ok(word) = std::str::from_utf8(octets) else {
        return;
    };
    if let Ok(destination) = Destination::parse(Some(word), 7) {
        let shown = destination.to_string();
        assert_eq!(
            Destination::parse(Some(&shown), 9),
            Ok(destination),
            "{shown}"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tcp(host: &str, service: &str) -> Result<Destination, String> {
        Ok(Destination::Tcp {
            host: host.to_owned(),
            service: service.to_owned(),
        })
    }

    #[test]
    fn forms() {
        let unix = |path: &str| Ok(Destination::Unix(path.to_owned()));
        for (word, expected) in [
            ("unix:/run/x", unix("/run/x")),
            ("local:/run/x", unix("/run/x")),
            ("unix:convers", unix("/tcp/sockets/convers")),
            ("*:smtp", tcp("127.0.0.1", "25")),
            ("loopback:7", tcp("127.0.0.1", "7")),
            ("localhost:nntps", tcp("127.0.0.1", "nntps")),
            ("10.0.0.1:80", tcp("10.0.0.1", "80")),
            ("bbs.example:ttylink", tcp("bbs.example", "87")),
            ("bbs", tcp("bbs", "3600")),
        ] {
            assert_eq!(Destination::parse(Some(word), 3600), expected, "{word}");
        }
        assert_eq!(Destination::parse(None, 25), tcp("127.0.0.1", "25"));
    }

    #[test]
    fn what_leads_nowhere() {
        let long = format!("unix:/{}", "x".repeat(107));
        for (word, why) in [
            ("unix:", "there is no name"),
            (long.as_str(), "the path is too long for a socket"),
            ("unix:a\0b", "a path has no NUL"),
            ("a:0", "a port is a number from 1 to 65535"),
            ("a:65536", "a port is a number from 1 to 65535"),
            ("a:*", "no service has port 0"),
            ("a:", "the service is a number or a name"),
            ("a:+80", "the service is a number or a name"),
            (":7", "it is not HOST:SERVICE, unix:PATH or local:PATH"),
            ("a b:7", "it is not HOST:SERVICE, unix:PATH or local:PATH"),
            ("unix", "it is not HOST:SERVICE, unix:PATH or local:PATH"),
        ] {
            let error = Destination::parse(Some(word), 7);
            assert_eq!(error, Err(format!("{word}: {why}")));
        }
    }

    proptest! {
        #[test]
        fn any_word(word in "(unix:|local:)?[a-z/.*:0-9+-]{0,20}") {
            fuzz_destination(word.as_bytes());
        }
    }
}
