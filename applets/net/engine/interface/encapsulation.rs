//! How datagrams are wrapped on the line of an interface.

use super::Hardware;

/// An encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encapsulation {
    /// Nothing around a datagram.
    None,
    /// UI frames of AX.25 in SLIP framing.
    Ax25Ui,
    /// I frames of AX.25 in SLIP framing.
    Ax25I,
    /// UI frames of AX.25 in KISS framing.
    KissUi,
    /// I frames of AX.25 in KISS framing.
    KissI,
    /// SLIP (RFC 1055).
    Slip,
    /// SLIP with compressed headers (RFC 1144).
    VjSlip,
    /// The network layer of NET/ROM.
    NetRom,
    /// AX.25 in NET/ROM's framing of serial lines.
    Nrs,
    /// Ethernet.
    Ethernet,
}

impl Encapsulation {
    /// All of them, in the order in which abbreviations are looked up.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::Ax25Ui,
        Self::Ax25I,
        Self::KissUi,
        Self::KissI,
        Self::Slip,
        Self::VjSlip,
        Self::NetRom,
        Self::Nrs,
        Self::Ethernet,
    ];

    /// Its name in commands and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Ax25Ui => "AX25UI",
            Self::Ax25I => "AX25I",
            Self::KissUi => "KISSUI",
            Self::KissI => "KISSI",
            Self::Slip => "SLIP",
            Self::VjSlip => "VJSLIP",
            Self::NetRom => "NETROM",
            Self::Nrs => "NRS",
            Self::Ethernet => "Ethernet",
        }
    }

    /// The first one whose name begins with the word, in any case of letters.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let begins = |name: &str| {
            name.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        Self::ALL
            .into_iter()
            .find(|encapsulation| !word.is_empty() && begins(encapsulation.name()))
    }

    /// The kind of link addresses it needs; `None` on lines with one far end.
    #[must_use]
    pub const fn hardware(self) -> Option<Hardware> {
        match self {
            Self::None | Self::Slip | Self::VjSlip => None,
            Self::Ax25Ui | Self::Ax25I | Self::KissUi | Self::KissI | Self::Nrs => {
                Some(Hardware::Ax25)
            }
            Self::NetRom => Some(Hardware::NetRom),
            Self::Ethernet => Some(Hardware::Ethernet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_cut() {
        for (word, expected) in [
            ("n", Some(Encapsulation::None)),
            ("ne", Some(Encapsulation::NetRom)),
            ("AX", Some(Encapsulation::Ax25Ui)),
            ("ax25i", Some(Encapsulation::Ax25I)),
            ("kiss", Some(Encapsulation::KissUi)),
            ("s", Some(Encapsulation::Slip)),
            ("vj", Some(Encapsulation::VjSlip)),
            ("", None),
            ("slipx", None),
        ] {
            assert_eq!(Encapsulation::parse(word), expected, "{word}");
        }
    }
}
