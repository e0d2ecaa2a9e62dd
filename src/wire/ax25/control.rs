//! The control field (section 4.2.1): LAPB's, with SREJ, UI, XID and TEST besides.

use std::fmt;

use crate::ParseError;
use crate::lapb::{self, ControlField, Modulo};

/// The poll/final bit of one octet.
const POLL_FINAL: u8 = 0x10;

/// The unnumbered frames that LAPB does not know. All are commands and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unnumbered {
    /// Unnumbered information, with a PID.
    Ui,
    /// Exchange identification, with [`super::Xid`] as information.
    Xid,
    /// Test: the same information is sent back.
    Test,
}

impl Unnumbered {
    const ALL: [Self; 3] = [Self::Ui, Self::Xid, Self::Test];

    /// The octet with the poll/final bit at 0.
    const fn octet(self) -> u8 {
        match self {
            Self::Ui => 0x03,
            Self::Xid => 0xaf,
            Self::Test => 0xe3,
        }
    }
}

/// A control field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// One that LAPB has too, or SREJ: I, RR, RNR, REJ, SREJ, SABM, SABME, DISC, DM, UA, FRMR.
    Lapb(lapb::Control),
    /// UI, XID, TEST.
    Unnumbered {
        /// Which one.
        kind: Unnumbered,
        /// Poll or final bit.
        poll_final: bool,
    },
}

impl Control {
    /// UI as it is sent, without the poll bit.
    pub const UI: Self = Self::Unnumbered {
        kind: Unnumbered::Ui,
        poll_final: false,
    };

    /// Reads the field, which is what comes behind the addresses; also returns what follows: the PID of I and UI,
    /// then information.
    ///
    /// # Errors
    /// Octets are missing, or no standard defines the field.
    pub fn parse(modulo: Modulo, octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (field, rest) = ControlField::parse(modulo, octets)?;
        let [first, _] = field.octets();
        let poll_final = field.poll_final();
        let control = match Unnumbered::ALL
            .into_iter()
            .find(|kind| kind.octet() == first & !POLL_FINAL)
        {
            Some(kind) => Self::Unnumbered { kind, poll_final },
            None => Self::Lapb(lapb::Control::parse_selective(field)?),
        };
        Ok((control, rest))
    }

    /// Appends the field. Numbers beyond the modulo are counted round.
    pub fn append(self, modulo: Modulo, frame: &mut Vec<u8>) {
        match self {
            Self::Lapb(control) => frame.extend_from_slice(control.octets(modulo).as_ref()),
            Self::Unnumbered { kind, poll_final } => {
                frame.push(kind.octet() | u8::from(poll_final) << 4);
            }
        }
    }

    /// The poll or final bit.
    #[must_use]
    pub const fn poll_final(self) -> bool {
        match self {
            Self::Lapb(control) => control.poll_final(),
            Self::Unnumbered { poll_final, .. } => poll_final,
        }
    }

    /// Whether a PID follows: in I and UI.
    #[must_use]
    pub const fn has_pid(self) -> bool {
        matches!(
            self,
            Self::Lapb(lapb::Control::Information { .. })
                | Self::Unnumbered {
                    kind: Unnumbered::Ui,
                    ..
                }
        )
    }

    /// The name of the frame: `I`, `RR`, `SABM`, `UI` and so on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        use lapb::{Supervisory, Unnumbered as Basic};
        match self {
            Self::Lapb(lapb::Control::Information { .. }) => "I",
            Self::Lapb(lapb::Control::Supervisory { kind, .. }) => match kind {
                Supervisory::Rr => "RR",
                Supervisory::Rnr => "RNR",
                Supervisory::Rej => "REJ",
                Supervisory::Srej => "SREJ",
            },
            Self::Lapb(lapb::Control::Unnumbered { kind, .. }) => match kind {
                Basic::Sabm => "SABM",
                Basic::Sabme => "SABME",
                Basic::Disc => "DISC",
                Basic::Dm => "DM",
                Basic::Ua => "UA",
                Basic::Frmr => "FRMR",
            },
            Self::Unnumbered { kind, .. } => match kind {
                Unnumbered::Ui => "UI",
                Unnumbered::Xid => "XID",
                Unnumbered::Test => "TEST",
            },
        }
    }

    /// N(R), the number of the frame that the sender of a numbered or supervisory frame expects next.
    #[must_use]
    pub const fn nr(self) -> Option<u8> {
        match self {
            Self::Lapb(
                lapb::Control::Information { nr, .. } | lapb::Control::Supervisory { nr, .. },
            ) => Some(nr),
            _ => None,
        }
    }

    /// N(S), the number of an I frame.
    #[must_use]
    pub const fn ns(self) -> Option<u8> {
        match self {
            Self::Lapb(lapb::Control::Information { ns, .. }) => Some(ns),
            _ => None,
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(ns) = self.ns() {
            write!(f, " N(S)={ns}")?;
        }
        if let Some(nr) = self.nr() {
            write!(f, " N(R)={nr}")?;
        }
        Ok(())
    }
}
