//! `x25call` and `x25listen`: octets through X.25 circuits, from one command to another.
//!
//! | part | what it holds |
//! |---|---|
//! | [`client`] | a connection to the X.25 socket of a device |
//! | [`call`], [`listen`] | the two applets |
//! | [`relay`] | a circuit between an input and an output |
//! | [`ending`] | what became of a circuit, as text and as JSON |
//! | [`facilities`] | facilities as people write them |

use wanbox_grammar::{Applet, Exit, report};

mod call;
mod client;
mod ending;
mod facilities;
mod listen;
mod relay;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[call::APPLET, listen::APPLET];

/// Why an applet ends before it has a circuit.
#[derive(Debug)]
enum Failure {
    /// No such device, or it does not run.
    Absent(String),
    /// Something the caller got wrong.
    Usage(String),
    /// Anything else.
    Failed(String),
}

impl Failure {
    /// Says why, and with which code the applet ends.
    fn report(&self, name: &str) -> Exit {
        match self {
            Self::Absent(why) => {
                report::error(name, why);
                Exit::ABSENT
            }
            Self::Usage(why) => report::misuse(name, why),
            Self::Failed(why) => report::failure(name, why),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Octets as hexadecimal digits, which may have blanks between them.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let (pairs, _) = digits.as_chunks();
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Octets in hexadecimal digits.
fn unhex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits() {
        assert_eq!(hex("c0 ffEE"), Some(vec![0xc0, 0xff, 0xee]));
        assert_eq!(hex(""), Some(vec![]));
        assert_eq!((hex("c"), hex("0x"), hex("é0")), (None, None, None));
        assert_eq!(unhex(&[0, 0xcc]), "00cc");
    }
}
