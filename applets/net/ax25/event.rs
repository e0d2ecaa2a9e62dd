//! What the owner is told, and given.

use wanbox_wire::ax25::Call;

use crate::connection::Cause;
use crate::{LinkId, Port};

/// How a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In a UI frame.
    Ui,
    /// On a connection.
    I(LinkId),
}

/// A packet for another layer: IP, ARP, NET/ROM or FlexNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The line it came by.
    pub port: Port,
    /// Its sender.
    pub from: Call,
    /// Its destination: one of our call signs, or everybody.
    pub to: Call,
    /// How it came.
    pub how: How,
    /// Its protocol.
    pub pid: u8,
}

/// What happened to a connection that begins or ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants a session: whoever takes it reads and sends text, and gives the connection back with
    /// [`crate::Ax25::release`].
    Incoming(LinkId),
    /// It is connected.
    Up {
        /// Which.
        link: LinkId,
        /// The other station.
        remote: Call,
    },
    /// It is not connected any more, or could not be.
    Down {
        /// Which.
        link: LinkId,
        /// The other station.
        remote: Call,
        /// Why.
        reason: Cause,
    },
    /// There is text to be read.
    Readable(LinkId),
    /// There is room again for text after none was taken.
    Writable(LinkId),
}
