//! The monitors and what tells them apart.

use wanbox_wire::pipemon::Protocol;

/// A monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// `fpipemon`.
    FrameRelay,
    /// `cpipemon`.
    CiscoHdlc,
    /// `ppipemon`.
    Ppp,
    /// `mppipemon`: PPP on the ports of one card, managed as Cisco HDLC is.
    MultiPpp,
    /// `xpipemon`.
    X25,
}

impl Monitor {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 5] = [
        Self::FrameRelay,
        Self::CiscoHdlc,
        Self::Ppp,
        Self::MultiPpp,
        Self::X25,
    ];

    /// The name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FrameRelay => "fpipemon",
            Self::CiscoHdlc => "cpipemon",
            Self::Ppp => "ppipemon",
            Self::MultiPpp => "mppipemon",
            Self::X25 => "xpipemon",
        }
    }

    /// The management messages that it speaks.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::FrameRelay => Protocol::FrameRelay,
            Self::CiscoHdlc | Self::MultiPpp => Protocol::CiscoHdlc,
            Self::Ppp => Protocol::Ppp,
            Self::X25 => Protocol::X25,
        }
    }

    /// Whether the frames of the line are PPP's.
    pub const fn is_ppp(self) -> bool {
        matches!(self, Self::Ppp | Self::MultiPpp)
    }
}
