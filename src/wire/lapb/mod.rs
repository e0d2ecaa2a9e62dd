//! Frames of LAPB, the data link layer of ITU-T X.25 (section 2.3).
//!
//! Frames are taken without the HDLC flags and FCS. The control field ([`ControlField`],
//! [`Control`]) knows nothing of addresses, so that other links of the HDLC family with addresses
//! of their own (AX.25) have the same one.
//!
//! ```text
//! address, 1 | control, 1 or 2 | information
//! ```

mod control;
pub mod ethernet;
mod reject;

use std::fmt;

pub use control::{Control, ControlField, Modulo, Supervisory, Unnumbered};
pub use reject::{FrmrCause, FrmrRepr};

use crate::ParseError;

/// Whether a frame asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It carries the address of its receiver, and its P/F bit is P (poll).
    Command,
    /// It carries the address of its sender, and its P/F bit is F (final).
    Response,
}

/// Which end of the line a station is; nothing but the addresses depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Data terminal equipment, the subscriber. Its address is [`Role::A`].
    Dte,
    /// Data circuit-terminating equipment, the network. Its address is [`Role::B`].
    Dce,
}

impl Role {
    /// The address octet of the DTE (X.25 table 2).
    pub const A: u8 = 0x03;
    /// The address octet of the DCE.
    pub const B: u8 = 0x01;

    /// The station at the other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Dte => Self::Dce,
            Self::Dce => Self::Dte,
        }
    }

    /// The address octet of the station.
    #[must_use]
    pub const fn address(self) -> u8 {
        match self {
            Self::Dte => Self::A,
            Self::Dce => Self::B,
        }
    }

    /// The address octet of what the station sends.
    #[must_use]
    pub const fn sends(self, direction: Direction) -> u8 {
        match direction {
            Direction::Command => self.peer().address(),
            Direction::Response => self.address(),
        }
    }

    /// What a frame with this address octet is to the station; nothing when it is neither A nor B.
    #[must_use]
    pub const fn receives(self, address: u8) -> Option<Direction> {
        if address == self.address() {
            Some(Direction::Command)
        } else if address == self.peer().address() {
            Some(Direction::Response)
        } else {
            None
        }
    }
}

/// A frame whose address and control field are there. Both may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'f> {
    address: u8,
    control: ControlField,
    information: &'f [u8],
}

impl<'f> Frame<'f> {
    /// Checks the length.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] below two octets; below three for numbered frames modulo 128.
    pub fn parse(modulo: Modulo, octets: &'f [u8]) -> Result<Self, ParseError> {
        let (&address, unit) = octets.split_first().ok_or(ParseError::Truncated {
            what: "LAPB frame",
            need: 2,
            have: 0,
        })?;
        let (control, information) = ControlField::parse(modulo, unit)?;
        Ok(Self {
            address,
            control,
            information,
        })
    }

    /// The address octet: [`Role::A`], [`Role::B`], or wrong on a single link.
    #[must_use]
    pub fn address(&self) -> u8 {
        self.address
    }

    /// The control field.
    #[must_use]
    pub fn control(&self) -> ControlField {
        self.control
    }

    /// Everything behind the control field.
    #[must_use]
    pub fn information(&self) -> &'f [u8] {
        self.information
    }
}

/// What comes before the information of a correct frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRepr {
    /// Who sends it.
    pub sender: Role,
    /// Whether it asks or answers.
    pub direction: Direction,
    /// The control field.
    pub control: Control,
}

impl FrameRepr {
    /// Reads and checks address and control field, as `receiver` hears them.
    ///
    /// # Errors
    /// [`ParseError::Invalid`] for another address than A and B, for control fields that nobody
    /// defined, for commands sent as responses and the reverse.
    pub fn parse(receiver: Role, frame: &Frame<'_>) -> Result<Self, ParseError> {
        let direction = receiver
            .receives(frame.address())
            .ok_or(ParseError::Invalid {
                what: "LAPB address",
                value: frame.address().into(),
                expected: "0x03 (A) or 0x01 (B)",
            })?;
        let control = Control::parse(frame.control())?;
        if !control.may_be(direction) {
            return Err(ParseError::Invalid {
                what: "LAPB address",
                value: frame.address().into(),
                expected: "the receiver's for I, SABM, SABME, DISC; the sender's for UA, DM, FRMR",
            });
        }
        Ok(Self {
            sender: receiver.peer(),
            direction,
            control,
        })
    }

    /// Octets of address and control field: 2 or 3.
    #[must_use]
    pub fn len(&self, modulo: Modulo) -> usize {
        1 + self.control.octets(modulo).as_ref().len()
    }

    /// Writes address and control field over the first octets of a frame.
    ///
    /// # Errors
    /// [`ParseError::Truncated`] when there is no room.
    pub fn emit(&self, modulo: Modulo, octets: &mut [u8]) -> Result<(), ParseError> {
        let control = self.control.octets(modulo);
        let (need, have) = (self.len(modulo), octets.len());
        let Some((address, rest)) = octets.get_mut(..need).and_then(<[u8]>::split_first_mut) else {
            return Err(ParseError::Truncated {
                what: "LAPB frame",
                need,
                have,
            });
        };
        *address = self.sender.sends(self.direction);
        rest.copy_from_slice(control.as_ref());
        Ok(())
    }
}

impl fmt::Display for FrameRepr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = match self.sender {
            Role::Dte => "DTE",
            Role::Dce => "DCE",
        };
        let direction = match self.direction {
            Direction::Command => "command",
            Direction::Response => "response",
        };
        write!(f, "LAPB {sender} {direction} {}", self.control)?;
        if self.control.poll_final() {
            f.write_str(match self.direction {
                Direction::Command => " P",
                Direction::Response => " F",
            })?;
        }
        Ok(())
    }
}

/// Whether what a line of X.25 carried is a packet without LAPB, as over TCP: addresses are below
/// 16, and no general format identifier is.
#[must_use]
pub const fn is_bare_packet(frame: &[u8]) -> bool {
    matches!(frame, [first, _, _, ..] if *first & 0x30 != 0)
}

/// What comes before a frame in a capture file with [`LinkType::Lapb`](crate::pcap::LinkType): the
/// direction. A packet without LAPB gets the head of an information frame too, since no reader
/// would know it otherwise.
#[must_use]
pub const fn capture_head(outgoing: bool, frame: &[u8]) -> &'static [u8] {
    match (outgoing, is_bare_packet(frame)) {
        (false, false) => &[0],
        (true, false) => &[1],
        (false, true) => &[0, Role::A, 0],
        (true, true) => &[1, Role::B, 0],
    }
}

/// Any octets in both modes, heard by both stations: what is accepted is written again as it was,
/// and nothing is lost or made up. For fuzzing and replayed tests.
pub fn fuzz_lapb(octets: &[u8]) {
    if let Ok(frame) = ethernet::frame(octets) {
        assert!(frame.len() + ethernet::OVERHEAD <= octets.len());
    }
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let Ok(frame) = Frame::parse(modulo, octets) else {
            assert!(octets.len() < 3);
            continue;
        };
        let header = 1 + frame.control().as_ref().len();
        assert_eq!(header + frame.information().len(), octets.len());
        for receiver in [Role::Dte, Role::Dce] {
            let Ok(repr) = FrameRepr::parse(receiver, &frame) else {
                continue;
            };
            let mut written = [0xa5; 3];
            assert_eq!(repr.len(modulo), header);
            assert_eq!(repr.emit(modulo, &mut written), Ok(()));
            let again = Frame::parse(modulo, written.get(..header).unwrap_or_default());
            let again = again.and_then(|frame| FrameRepr::parse(receiver, &frame));
            assert_eq!(again, Ok(repr));
            assert!(!repr.to_string().is_empty());
        }
        match FrmrRepr::parse(modulo, frame.information()) {
            Ok(reject) => {
                let written = reject.octets(modulo);
                assert_eq!(FrmrRepr::parse(modulo, written.as_ref()), Ok(reject));
                assert!(!reject.to_string().is_empty());
            }
            Err(_) => assert_ne!(frame.information().len(), FrmrRepr::len(modulo)),
        }
    }
}

#[cfg(test)]
mod tests;
