//! The control field (X.25 section 2.3.2): numbered information, supervisory and unnumbered
//! frames. Without addresses.
//!
//! ```text
//! modulo 8:    I   N(R) P N(S) 0          modulo 128:  I   N(S) 0 | N(R) P
//!              S   N(R) PF S S 0 1                     S   0 0 0 0 S S 0 1 | N(R) PF
//!              U   M M M PF M M 1 1                    U   as modulo 8
//! ```

use std::fmt;

use super::Direction;
use crate::ParseError;

/// Poll/final bit of one octet.
const POLL_FINAL: u8 = 0x10;

/// How far frames are counted: agreed on before the link is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Modulo {
    /// Basic: numbers 0 to 7, set up by SABM.
    #[default]
    Eight,
    /// Extended: numbers 0 to 127, set up by SABME.
    OneTwentyEight,
}

impl Modulo {
    /// The highest number, and the greatest window.
    #[must_use]
    pub const fn highest(self) -> u8 {
        match self {
            Self::Eight => 7,
            Self::OneTwentyEight => 127,
        }
    }

    /// `number` plus `steps`, counted round.
    #[must_use]
    pub const fn add(self, number: u8, steps: u8) -> u8 {
        number.wrapping_add(steps) & self.highest()
    }

    /// Steps from `from` up to `to`, counted round.
    #[must_use]
    pub const fn steps(self, from: u8, to: u8) -> u8 {
        to.wrapping_sub(from) & self.highest()
    }

    /// The command that sets up a link with this modulo.
    #[must_use]
    pub const fn set_mode(self) -> Unnumbered {
        match self {
            Self::Eight => Unnumbered::Sabm,
            Self::OneTwentyEight => Unnumbered::Sabme,
        }
    }
}

/// A control field whose octets are there. They may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlField {
    octets: [u8; 2],
    extended: bool,
}

impl ControlField {
    /// Checks the length; also returns what comes behind the field.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] without an octet; modulo 128 without two when the frame is not
    /// unnumbered.
    pub fn parse(modulo: Modulo, octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let truncated = |need| ParseError::Truncated {
            what: "LAPB control field",
            need,
            have: octets.len(),
        };
        let (&first, rest) = octets.split_first().ok_or(truncated(1))?;
        if modulo == Modulo::Eight || first & 3 == 3 {
            let field = Self {
                octets: [first, 0],
                extended: false,
            };
            return Ok((field, rest));
        }
        let (&second, rest) = rest.split_first().ok_or(truncated(2))?;
        let field = Self {
            octets: [first, second],
            extended: true,
        };
        Ok((field, rest))
    }

    /// Whether it is that of an information frame.
    #[must_use]
    pub const fn is_information(self) -> bool {
        self.octets[0] & 1 == 0
    }

    /// The poll/final bit, which every control field has, whatever else it says.
    #[must_use]
    pub const fn poll_final(self) -> bool {
        if self.extended {
            self.octets[1] & 1 != 0
        } else {
            self.octets[0] & POLL_FINAL != 0
        }
    }

    /// Both octets; the second is 0 when the field has one.
    #[must_use]
    pub const fn octets(self) -> [u8; 2] {
        self.octets
    }
}

impl AsRef<[u8]> for ControlField {
    fn as_ref(&self) -> &[u8] {
        let [first, _] = &self.octets;
        if self.extended {
            &self.octets
        } else {
            std::slice::from_ref(first)
        }
    }
}

/// What a supervisory frame says. All of them are commands and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Supervisory {
    /// Receive ready.
    Rr,
    /// Receive not ready: the sender is busy.
    Rnr,
    /// Reject: frames from N(R) on are to be sent again.
    Rej,
    /// Selective reject: the frame N(R) alone is to be sent again. AX.25 has it, X.25 has not.
    Srej,
}

/// What an unnumbered frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unnumbered {
    /// Set asynchronous balanced mode: a command that sets up or resets a link modulo 8.
    Sabm,
    /// SABM extended: the same for modulo 128.
    Sabme,
    /// Disconnect, a command.
    Disc,
    /// Disconnected mode, a response.
    Dm,
    /// Unnumbered acknowledgement, a response.
    Ua,
    /// Frame reject, a response with [`super::FrmrRepr`] as information.
    Frmr,
}

impl Unnumbered {
    const ALL: [Self; 6] = [
        Self::Sabm,
        Self::Sabme,
        Self::Disc,
        Self::Dm,
        Self::Ua,
        Self::Frmr,
    ];

    /// The octet with the poll/final bit at 0.
    const fn octet(self) -> u8 {
        match self {
            Self::Sabm => 0x2f,
            Self::Sabme => 0x6f,
            Self::Disc => 0x43,
            Self::Dm => 0x0f,
            Self::Ua => 0x63,
            Self::Frmr => 0x87,
        }
    }
}

/// A control field that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// I: numbered information, a command.
    Information {
        /// N(S), the number of the frame.
        ns: u8,
        /// N(R), the number of the frame that the sender expects next.
        nr: u8,
        /// Poll bit.
        poll: bool,
    },
    /// RR, RNR, REJ.
    Supervisory {
        /// Which one.
        kind: Supervisory,
        /// N(R), the number of the frame that the sender expects next.
        nr: u8,
        /// Poll or final bit.
        poll_final: bool,
    },
    /// SABM, SABME, DISC, DM, UA, FRMR.
    Unnumbered {
        /// Which one.
        kind: Unnumbered,
        /// Poll or final bit.
        poll_final: bool,
    },
}

impl Control {
    /// Reads the field. The reserved bits of supervisory frames modulo 128 are not looked at.
    ///
    /// # Errors
    /// [`ParseError::Invalid`] for fields that X.25 does not define.
    pub fn parse(field: ControlField) -> Result<Self, ParseError> {
        let poll_final = field.poll_final();
        let [first, second] = field.octets;
        let nr = if field.extended {
            second >> 1
        } else {
            first >> 5
        };
        match first & 3 {
            1 => {
                let kind = match first >> 2 & 3 {
                    0 => Supervisory::Rr,
                    1 => Supervisory::Rnr,
                    2 => Supervisory::Rej,
                    _ => return Err(undefined(field)),
                };
                Ok(Self::Supervisory {
                    kind,
                    nr,
                    poll_final,
                })
            }
            3 => {
                let kind = Unnumbered::ALL
                    .into_iter()
                    .find(|kind| kind.octet() == first & !POLL_FINAL)
                    .ok_or(undefined(field))?;
                Ok(Self::Unnumbered { kind, poll_final })
            }
            _ => Ok(Self::Information {
                ns: if field.extended {
                    first >> 1
                } else {
                    first >> 1 & 7
                },
                nr,
                poll: poll_final,
            }),
        }
    }

    /// Reads the field as AX.25 (version 2.2 section 4.3) has it: with SREJ.
    ///
    /// # Errors
    /// As [`Control::parse`].
    pub fn parse_selective(field: ControlField) -> Result<Self, ParseError> {
        let [first, second] = field.octets;
        match (first & 0x0f, field.extended) {
            (0x0d, extended) => Ok(Self::Supervisory {
                kind: Supervisory::Srej,
                nr: if extended { second >> 1 } else { first >> 5 },
                poll_final: field.poll_final(),
            }),
            _ => Self::parse(field),
        }
    }

    /// The field. Numbers beyond the modulo are counted round.
    #[must_use]
    pub fn octets(self, modulo: Modulo) -> ControlField {
        let extended = modulo == Modulo::OneTwentyEight;
        let last = modulo.highest();
        let numbered = |low: u8, nr: u8, poll_final: bool| {
            let octets = if extended {
                [low, (nr & last) << 1 | u8::from(poll_final)]
            } else {
                [low | (nr & last) << 5 | u8::from(poll_final) << 4, 0]
            };
            ControlField { octets, extended }
        };
        match self {
            Self::Information { ns, nr, poll } => numbered((ns & last) << 1, nr, poll),
            Self::Supervisory {
                kind,
                nr,
                poll_final,
            } => {
                let low = match kind {
                    Supervisory::Rr => 0x01,
                    Supervisory::Rnr => 0x05,
                    Supervisory::Rej => 0x09,
                    Supervisory::Srej => 0x0d,
                };
                numbered(low, nr, poll_final)
            }
            Self::Unnumbered { kind, poll_final } => ControlField {
                octets: [kind.octet() | u8::from(poll_final) << 4, 0],
                extended: false,
            },
        }
    }

    /// The poll or final bit.
    #[must_use]
    pub const fn poll_final(self) -> bool {
        match self {
            Self::Information { poll, .. } => poll,
            Self::Supervisory { poll_final, .. } | Self::Unnumbered { poll_final, .. } => {
                poll_final
            }
        }
    }

    /// Whether such a frame may be a command, or a response (X.25 table 5).
    #[must_use]
    pub const fn may_be(self, direction: Direction) -> bool {
        match self {
            Self::Supervisory { .. } => true,
            Self::Information { .. }
            | Self::Unnumbered {
                kind: Unnumbered::Sabm | Unnumbered::Sabme | Unnumbered::Disc,
                ..
            } => matches!(direction, Direction::Command),
            Self::Unnumbered { .. } => matches!(direction, Direction::Response),
        }
    }
}

fn undefined(field: ControlField) -> ParseError {
    ParseError::Invalid {
        what: "LAPB control field",
        value: field.octets[0].into(),
        expected: "I, RR, RNR, REJ, SABM, SABME, DISC, DM, UA or FRMR",
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Information { ns, nr, .. } => write!(f, "I N(S)={ns} N(R)={nr}"),
            Self::Supervisory { kind, nr, .. } => {
                let name = match kind {
                    Supervisory::Rr => "RR",
                    Supervisory::Rnr => "RNR",
                    Supervisory::Rej => "REJ",
                    Supervisory::Srej => "SREJ",
                };
                write!(f, "{name} N(R)={nr}")
            }
            Self::Unnumbered { kind, .. } => f.write_str(match kind {
                Unnumbered::Sabm => "SABM",
                Unnumbered::Sabme => "SABME",
                Unnumbered::Disc => "DISC",
                Unnumbered::Dm => "DM",
                Unnumbered::Ua => "UA",
                Unnumbered::Frmr => "FRMR",
            }),
        }
    }
}
