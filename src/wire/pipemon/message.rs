//! Header, control block and data of a management message.

use super::{Field, Protocol, code};
use crate::ParseError;

mod at {
    pub const REQUEST_REPLY: usize = 8;
    pub const ID: usize = 9;
    pub const RESERVED: usize = 10;
    pub const OPP_FLAG: usize = 16;
    pub const COMMAND: usize = 17;
    pub const DATA_LENGTH: usize = 18;
    pub const RETURN_CODE: usize = 20;
    pub const FR_DLCI: usize = 21;
    pub const FR_ATTRIBUTES: usize = 23;
    pub const FR_RX_LOST_1: usize = 24;
    pub const FR_RX_LOST_2: usize = 26;
    pub const X25_POLL_FINAL: usize = 21;
    pub const X25_LCN: usize = 22;
    pub const X25_QDM: usize = 24;
    pub const X25_CAUSE: usize = 25;
    pub const X25_DIAGNOSTIC: usize = 26;
    pub const X25_PACKET_TYPE: usize = 27;
    pub const CHDLC_FRAMES: usize = 32;
    pub const CHDLC_MORE: usize = 33;
}

/// Request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a monitor, octet value 1.
    Request,
    /// To a monitor, octet value 2.
    Reply,
}

/// What the control block holds beside command, length and return code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Frame Relay.
    FrameRelay {
        /// The DLCI meant, 0 for the link.
        dlci: u16,
        /// FECN, BECN, DE and C/R of a frame; the bits are not defined.
        attributes: u8,
        /// Received frames lost at interrupt level.
        rx_lost_interrupt: u16,
        /// Received frames lost at application level.
        rx_lost_application: u32,
    },
    /// Cisco HDLC and multi-port PPP: the two octets before the data, used by traces.
    CiscoHdlc {
        /// Frames in a trace reply.
        frames: u8,
        /// More frames wait.
        more: bool,
    },
    /// PPP: nothing more.
    Ppp,
    /// X.25.
    X25 {
        /// P/F bit of a frame.
        poll_final: u8,
        /// The logical channel meant, 0 for the link.
        lcn: u16,
        /// Q (4), D (2) and M (1) of a packet.
        qdm: u8,
        /// Its cause.
        cause: u8,
        /// Its diagnostic code.
        diagnostic: u8,
        /// Its type.
        packet_type: u8,
    },
}

impl Control {
    /// All zero, as a request has it.
    pub const fn empty(protocol: Protocol) -> Self {
        match protocol {
            Protocol::FrameRelay => Self::dlci(0),
            Protocol::CiscoHdlc => Self::CiscoHdlc {
                frames: 0,
                more: false,
            },
            Protocol::Ppp => Self::Ppp,
            Protocol::X25 => Self::lcn(0),
        }
    }

    /// Frame Relay, about this DLCI.
    pub const fn dlci(dlci: u16) -> Self {
        Self::FrameRelay {
            dlci,
            attributes: 0,
            rx_lost_interrupt: 0,
            rx_lost_application: 0,
        }
    }

    /// X.25, about this logical channel.
    pub const fn lcn(lcn: u16) -> Self {
        Self::X25 {
            poll_final: 0,
            lcn,
            qdm: 0,
            cause: 0,
            diagnostic: 0,
            packet_type: 0,
        }
    }

    /// About this channel: a DLCI, or a logical channel. Other protocols have none.
    pub const fn about(protocol: Protocol, channel: u16) -> Self {
        match protocol {
            Protocol::FrameRelay => Self::dlci(channel),
            Protocol::X25 => Self::lcn(channel),
            other => Self::empty(other),
        }
    }

    /// The protocol whose control block this is.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::FrameRelay { .. } => Protocol::FrameRelay,
            Self::CiscoHdlc { .. } => Protocol::CiscoHdlc,
            Self::Ppp => Protocol::Ppp,
            Self::X25 { .. } => Protocol::X25,
        }
    }
}

/// A view of a message whose lengths have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    protocol: Protocol,
    kind: Kind,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Checks signature, request/reply octet and lengths. The datagram may be longer than the
    /// data length says (monitors send a spare octet, drivers pad to an even length).
    ///
    /// # Errors
    /// Names the field that is wrong; see [`ParseError`].
    pub fn new_checked(octets: &'a [u8]) -> Result<Self, ParseError> {
        let Some(protocol) = Protocol::of(octets) else {
            return Err(match octets.first_chunk::<8>() {
                None => ParseError::Truncated {
                    what: "management signature",
                    need: 8,
                    have: octets.len(),
                },
                Some(found) => ParseError::Invalid {
                    what: "management signature",
                    value: u64::from_be_bytes(*found),
                    expected: "FPIPE8ND, CTPIPEAB, PTPIPEAB or XLINK8ND",
                },
            });
        };
        let offset = protocol.data_offset();
        let Some(rest) = octets.get(offset..) else {
            return Err(ParseError::Truncated {
                what: "management header",
                need: offset,
                have: octets.len(),
            });
        };
        let kind = match u8::read(octets, at::REQUEST_REPLY) {
            1 => Kind::Request,
            2 => Kind::Reply,
            value => {
                return Err(ParseError::Invalid {
                    what: "request/reply octet",
                    value: value.into(),
                    expected: "1 or 2",
                });
            }
        };
        let claimed = usize::from(u16::read(octets, at::DATA_LENGTH));
        let have = rest.len().min(protocol.max_data());
        let Some(data) = rest.get(..claimed).filter(|_| claimed <= have) else {
            return Err(ParseError::Length {
                what: "management data length",
                claimed,
                have,
            });
        };
        Ok(Self {
            octets,
            protocol,
            kind,
            data,
        })
    }

    /// The link protocol, from the signature.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Request or reply.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number that the monitor gave the request.
    pub fn id(&self) -> u8 {
        u8::read(self.octets, at::ID)
    }

    /// The reserved octets of the header: 0 in requests, echoed in replies.
    pub fn reserved(&self) -> [u8; 6] {
        self.octets
            .get(at::RESERVED..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or_default()
    }

    /// The mailbox flag; monitors send 0.
    pub fn opp_flag(&self) -> u8 {
        u8::read(self.octets, at::OPP_FLAG)
    }

    /// The command, see [`opcode`](super::opcode).
    pub fn opcode(&self) -> u8 {
        u8::read(self.octets, at::COMMAND)
    }

    /// The return code, see [`code`].
    pub fn return_code(&self) -> u8 {
        u8::read(self.octets, at::RETURN_CODE)
    }

    /// The rest of the control block.
    pub fn control(&self) -> Control {
        match self.protocol {
            Protocol::FrameRelay => Control::FrameRelay {
                dlci: u16::read(self.octets, at::FR_DLCI),
                attributes: u8::read(self.octets, at::FR_ATTRIBUTES),
                rx_lost_interrupt: u16::read(self.octets, at::FR_RX_LOST_1),
                rx_lost_application: u32::read(self.octets, at::FR_RX_LOST_2),
            },
            Protocol::CiscoHdlc => Control::CiscoHdlc {
                frames: u8::read(self.octets, at::CHDLC_FRAMES),
                more: u8::read(self.octets, at::CHDLC_MORE) != 0,
            },
            Protocol::Ppp => Control::Ppp,
            Protocol::X25 => Control::X25 {
                poll_final: u8::read(self.octets, at::X25_POLL_FINAL),
                lcn: u16::read(self.octets, at::X25_LCN),
                qdm: u8::read(self.octets, at::X25_QDM),
                cause: u8::read(self.octets, at::X25_CAUSE),
                diagnostic: u8::read(self.octets, at::X25_DIAGNOSTIC),
                packet_type: u8::read(self.octets, at::X25_PACKET_TYPE),
            },
        }
    }

    /// The channel that a command is about: a DLCI of Frame Relay, a logical channel of X.25. 0 for
    /// the link, and with other protocols.
    pub fn channel(&self) -> u16 {
        match self.control() {
            Control::FrameRelay { dlci, .. } => dlci,
            Control::X25 { lcn, .. } => lcn,
            Control::CiscoHdlc { .. } | Control::Ppp => 0,
        }
    }

    /// The data, as many octets as the length field says.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// A message in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Request or reply.
    pub kind: Kind,
    /// The number that the monitor gave the request.
    pub id: u8,
    /// The reserved octets of the header.
    pub reserved: [u8; 6],
    /// The mailbox flag, 0.
    pub opp_flag: u8,
    /// The command.
    pub opcode: u8,
    /// The return code.
    pub return_code: u8,
    /// The rest of the control block; it also says which protocol this is.
    pub control: Control,
    /// The data.
    pub data: &'a [u8],
}

impl<'a> Repr<'a> {
    /// A request as the monitors send it, with the return code preset.
    pub const fn request(control: Control, id: u8, opcode: u8, data: &'a [u8]) -> Self {
        Self {
            kind: Kind::Request,
            id,
            reserved: [0; 6],
            opp_flag: 0,
            opcode,
            return_code: code::UNANSWERED,
            control,
            data,
        }
    }

    /// The reply to a request.
    pub fn reply(to: &Message<'_>, return_code: u8, data: &'a [u8]) -> Self {
        Self {
            kind: Kind::Reply,
            id: to.id(),
            reserved: to.reserved(),
            opp_flag: 0,
            opcode: to.opcode(),
            return_code,
            control: to.control(),
            data,
        }
    }

    /// Takes a checked message apart.
    pub fn parse(message: &Message<'a>) -> Self {
        Self {
            kind: message.kind(),
            id: message.id(),
            reserved: message.reserved(),
            opp_flag: message.opp_flag(),
            opcode: message.opcode(),
            return_code: message.return_code(),
            control: message.control(),
            data: message.data(),
        }
    }

    /// Octets on the wire: a request has one spare octet after its data, a reply is padded to an
    /// even length.
    pub fn wire_len(&self) -> usize {
        let exact = self.control.protocol().data_offset() + self.data.len();
        match self.kind {
            Kind::Request => exact + 1,
            Kind::Reply => exact.next_multiple_of(2),
        }
    }

    /// Writes the message to the head of `octets` and returns its length.
    ///
    /// # Errors
    /// `Length` when the data are longer than the protocol allows, `Truncated` when `octets` has
    /// no room.
    pub fn emit(&self, octets: &mut [u8]) -> Result<usize, ParseError> {
        let protocol = self.control.protocol();
        let offset = protocol.data_offset();
        let length = u16::try_from(self.data.len())
            .ok()
            .filter(|&n| usize::from(n) <= protocol.max_data())
            .ok_or(ParseError::Length {
                what: "management data",
                claimed: self.data.len(),
                have: protocol.max_data(),
            })?;
        let have = octets.len();
        let need = self.wire_len();
        let Some(octets) = octets.get_mut(..need) else {
            return Err(ParseError::Truncated {
                what: "buffer for a management message",
                need,
                have,
            });
        };
        octets.fill(0);
        if let Some(signature) = octets.first_chunk_mut() {
            *signature = protocol.signature();
        }
        let kind: u8 = match self.kind {
            Kind::Request => 1,
            Kind::Reply => 2,
        };
        kind.write(octets, at::REQUEST_REPLY);
        self.id.write(octets, at::ID);
        if let Some(reserved) = octets.get_mut(at::RESERVED..at::OPP_FLAG) {
            reserved.copy_from_slice(&self.reserved);
        }
        self.opp_flag.write(octets, at::OPP_FLAG);
        self.opcode.write(octets, at::COMMAND);
        length.write(octets, at::DATA_LENGTH);
        self.return_code.write(octets, at::RETURN_CODE);
        match self.control {
            Control::FrameRelay {
                dlci,
                attributes,
                rx_lost_interrupt,
                rx_lost_application,
            } => {
                dlci.write(octets, at::FR_DLCI);
                attributes.write(octets, at::FR_ATTRIBUTES);
                rx_lost_interrupt.write(octets, at::FR_RX_LOST_1);
                rx_lost_application.write(octets, at::FR_RX_LOST_2);
            }
            Control::CiscoHdlc { frames, more } => {
                frames.write(octets, at::CHDLC_FRAMES);
                u8::from(more).write(octets, at::CHDLC_MORE);
            }
            Control::Ppp => {}
            Control::X25 {
                poll_final,
                lcn,
                qdm,
                cause,
                diagnostic,
                packet_type,
            } => {
                poll_final.write(octets, at::X25_POLL_FINAL);
                lcn.write(octets, at::X25_LCN);
                qdm.write(octets, at::X25_QDM);
                cause.write(octets, at::X25_CAUSE);
                diagnostic.write(octets, at::X25_DIAGNOSTIC);
                packet_type.write(octets, at::X25_PACKET_TYPE);
            }
        }
        if let Some(room) = octets.get_mut(offset..offset + self.data.len()) {
            room.copy_from_slice(self.data);
        }
        Ok(need)
    }
}

/// Fuzz target: a message that is understood says the same after a round trip.
pub(super) fn fuzz(input: &[u8]) {
    let Ok(message) = Message::new_checked(input) else {
        return;
    };
    let repr = Repr::parse(&message);
    assert!(repr.data.len() <= message.protocol().max_data());
    let mut octets = vec![0xa5; repr.wire_len()];
    assert_eq!(repr.emit(&mut octets), Ok(octets.len()));
    let again = Message::new_checked(&octets).map(|m| Repr::parse(&m));
    assert_eq!(again, Ok(repr));
}
