//! The information field of FRMR (X.25 section 2.3.4.9, tables 7 and 8).
//!
//! ```text
//! modulo 8:    rejected control field, 1 | V(R) C/R V(S) 0 | 0 0 0 0 Z Y X W
//! modulo 128:  rejected control field, 2 | V(S) 0 | V(R) C/R | 0 0 0 0 Z Y X W
//! ```

use std::fmt;

use super::{Direction, Modulo};
use crate::ParseError;

/// Why a frame is rejected. Several may be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrmrCause {
    /// W: the control field is not defined, or not implemented.
    pub undefined: bool,
    /// X: information where none may be, or a supervisory or unnumbered frame of a wrong length.
    /// W is set too.
    pub information: bool,
    /// Y: more information than the receiver takes. Never with W.
    pub too_long: bool,
    /// Z: N(R) is not the number of a frame that was sent and not acknowledged, or of the next.
    pub invalid_nr: bool,
}

/// What a FRMR says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrmrRepr {
    /// The control field of the rejected frame; the second octet is 0 when it had one.
    pub control: [u8; 2],
    /// V(S) of the sender of the FRMR: the number of the frame that it sends next.
    pub vs: u8,
    /// V(R) of the sender of the FRMR: the number of the frame that it expects next.
    pub vr: u8,
    /// Whether the rejected frame was a command or a response.
    pub rejected: Direction,
    /// Why.
    pub cause: FrmrCause,
}

/// The field as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrmrOctets {
    octets: [u8; 5],
    basic: bool,
}

impl AsRef<[u8]> for FrmrOctets {
    fn as_ref(&self) -> &[u8] {
        let [basic @ .., _, _] = &self.octets;
        if self.basic { basic } else { &self.octets }
    }
}

impl FrmrRepr {
    /// Octets of the field: 3, or 5 modulo 128.
    #[must_use]
    pub const fn len(modulo: Modulo) -> usize {
        match modulo {
            Modulo::Eight => 3,
            Modulo::OneTwentyEight => 5,
        }
    }

    /// Reads the field. Bits that are always 0 are not looked at.
    ///
    /// # Errors
    /// [`ParseError::Length`] for any other length than [`FrmrRepr::len`].
    pub fn parse(modulo: Modulo, octets: &[u8]) -> Result<Self, ParseError> {
        let (control, vs, vr, rejected, cause) = match (modulo, octets) {
            (Modulo::Eight, &[control, numbers, cause]) => (
                [control, 0],
                numbers >> 1 & 7,
                numbers >> 5,
                numbers & 0x10,
                cause,
            ),
            (Modulo::OneTwentyEight, &[first, second, send, receive, cause]) => {
                ([first, second], send >> 1, receive >> 1, receive & 1, cause)
            }
            _ => {
                return Err(ParseError::Length {
                    what: "FRMR information",
                    claimed: Self::len(modulo),
                    have: octets.len(),
                });
            }
        };
        Ok(Self {
            control,
            vs,
            vr,
            rejected: if rejected == 0 {
                Direction::Command
            } else {
                Direction::Response
            },
            cause: FrmrCause {
                undefined: cause & 1 != 0,
                information: cause & 2 != 0,
                too_long: cause & 4 != 0,
                invalid_nr: cause & 8 != 0,
            },
        })
    }

    /// The field. Numbers beyond the modulo are counted round.
    #[must_use]
    pub fn octets(&self, modulo: Modulo) -> FrmrOctets {
        let last = modulo.highest();
        let (vs, vr) = ((self.vs & last) << 1, self.vr & last);
        let response = u8::from(self.rejected == Direction::Response);
        let FrmrCause {
            undefined,
            information,
            too_long,
            invalid_nr,
        } = self.cause;
        let cause = u8::from(undefined)
            | u8::from(information) << 1
            | u8::from(too_long) << 2
            | u8::from(invalid_nr) << 3;
        let [first, second] = self.control;
        match modulo {
            Modulo::Eight => FrmrOctets {
                octets: [first, vr << 5 | response << 4 | vs, cause, 0, 0],
                basic: true,
            },
            Modulo::OneTwentyEight => FrmrOctets {
                octets: [first, second, vs, vr << 1 | response, cause],
                basic: false,
            },
        }
    }

    /// Writes the field over the first octets of a frame's information.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when there is no room.
    pub fn emit(&self, modulo: Modulo, octets: &mut [u8]) -> Result<(), ParseError> {
        let (need, have) = (Self::len(modulo), octets.len());
        octets
            .get_mut(..need)
            .ok_or(ParseError::Truncated {
                what: "FRMR information",
                need,
                have,
            })?
            .copy_from_slice(self.octets(modulo).as_ref());
        Ok(())
    }
}

impl fmt::Display for FrmrRepr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.control;
        write!(
            f,
            "rejects {first:02x}{second:02x}, V(S)={} V(R)={}",
            self.vs, self.vr
        )?;
        let FrmrCause {
            undefined,
            information,
            too_long,
            invalid_nr,
        } = self.cause;
        for (set, name) in [
            (undefined, " W"),
            (information, " X"),
            (too_long, " Y"),
            (invalid_nr, " Z"),
        ] {
            if set {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}
