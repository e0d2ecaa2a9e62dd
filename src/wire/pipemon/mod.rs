//! The WANPIPE UDP management protocol: what the monitors and the link daemons say to each other.
//!
//! A request is the payload of a UDP datagram that the router sends towards the WAN
//! interface (or of one message on the local management socket): a 16-octet header
//! with a signature per link protocol, a 16-octet control block, for Cisco HDLC and
//! multi-port PPP two octets more for traces, then data. The reply is the same message with its
//! request/reply octet, return code and data changed.
//!
//! All fields are little-endian and packed, and a "long" has four octets. IP and UDP
//! headers around it ([`packet`]) are in network order as ever.
//!
//! | part | octets |
//! |---|---|
//! | [`Message`], [`Repr`] | header, control block, data |
//! | [`opcode`], [`code`] | commands, who may give them from the network; return codes |
//! | [`frame_relay`], [`cisco_hdlc`], [`ppp`], [`x25`], [`driver`] | the data of each command |
//! | [`trace`] | captured frames in a reply |
//! | [`auth`] | a trailer of ours that proves who asks |
//! | [`packet`] | telling a request from other IP packets, and answering it |

#[macro_use]
mod layout;

pub mod auth;
pub mod cisco_hdlc;
pub mod code;
mod date;
pub mod driver;
pub mod frame_relay;
mod message;
pub mod opcode;
pub mod packet;
pub mod ppp;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod x25;

pub use date::Date;
pub use layout::{Field, Text};
pub use message::{Control, Kind, Message, Repr};

/// The UDP port of the monitors unless told otherwise.
pub const DEFAULT_PORT: u16 = 9000;

/// The longest whole IP packet with a request or a reply, octets.
pub const MAX_IP_PACKET: usize = 2000;

/// IPv4 header without options and UDP header, octets: what a message has before it in a packet.
pub const IP_UDP_HEADERS: usize = 28;

/// The longest management message, octets.
pub const MAX_MESSAGE: usize = MAX_IP_PACKET - IP_UDP_HEADERS;

/// The link protocols that are managed, each with a signature and a layout of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Frame Relay.
    FrameRelay,
    /// Cisco HDLC; multi-port PPP is managed with the same messages.
    CiscoHdlc,
    /// PPP.
    Ppp,
    /// X.25.
    X25,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::FrameRelay, Self::CiscoHdlc, Self::Ppp, Self::X25];

    /// The eight octets that every message begins with.
    pub const fn signature(self) -> [u8; 8] {
        match self {
            Self::FrameRelay => *b"FPIPE8ND",
            Self::CiscoHdlc => *b"CTPIPEAB",
            Self::Ppp => *b"PTPIPEAB",
            Self::X25 => *b"XLINK8ND",
        }
    }

    /// The protocol whose signature the message begins with.
    pub fn of(message: &[u8]) -> Option<Self> {
        let signature = message.first_chunk::<8>()?;
        Self::ALL.into_iter().find(|p| p.signature() == *signature)
    }

    /// Where the data begin in a message, octets.
    pub const fn data_offset(self) -> usize {
        match self {
            Self::FrameRelay | Self::Ppp | Self::X25 => 32,
            Self::CiscoHdlc => 34,
        }
    }

    /// The most data that a command takes or returns, octets: what the mailbox of the adapter
    /// holds. PPP's has 1008 octets and X.25's 1024, but traces fill a packet here.
    pub const fn max_data(self) -> usize {
        match self {
            Self::FrameRelay => 4080,
            Self::CiscoHdlc => 2032,
            Self::Ppp | Self::X25 => self.max_reply_data(),
        }
    }

    /// The most data in a reply that travels in an IP packet, octets: 1940 or 1938.
    pub const fn max_reply_data(self) -> usize {
        MAX_MESSAGE - self.data_offset()
    }
}

/// Fuzz target: every parser of this module over the same octets, each with what must hold after it.
pub fn fuzz_pipemon(input: &[u8]) {
    message::fuzz(input);
    packet::fuzz(input);
    trace::fuzz(input);
    frame_relay::fuzz(input);
    cisco_hdlc::fuzz(input);
    ppp::fuzz(input);
    x25::fuzz(input);
    driver::fuzz(input);
    auth::fuzz(input);
}
