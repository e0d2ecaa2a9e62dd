//! What the owner of a packet layer hears of it.

use std::fmt;

use wanbox_wire::x25::Lci;

use super::Call;

/// Something the owner must know, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The restart procedure is over (r1): calls may be made, permanent circuits carry data.
    Up,
    /// The link is gone, is being restarted, or does not answer restarts. Every circuit that there
    /// was is told of before, each in an event of its own.
    Down(Down),
    /// The peer calls: [`Layer::accept`](super::Layer::accept) or
    /// [`Layer::clear`](super::Layer::clear) it.
    Incoming {
        /// Where.
        channel: Lci,
        /// What the peer wants.
        call: Box<Call>,
    },
    /// The peer accepted a call: the circuit carries data.
    Connected {
        /// Where.
        channel: Lci,
        /// What the peer answered.
        call: Box<Call>,
    },
    /// A call is over that the owner has not cleared itself; what was not read is gone. The channel
    /// is no longer the owner's.
    Cleared {
        /// Where.
        channel: Lci,
        /// Whose doing.
        by: By,
        /// Clearing cause.
        cause: u8,
        /// Diagnostic code; 0 without.
        diagnostic: u8,
        /// What else the peer says: addresses, facilities, clear user data. Empty when there is
        /// nothing.
        answer: Box<Call>,
    },
    /// The clearing that the owner began is over.
    ClearConfirmed(Lci),
    /// A circuit begins anew and stays; what was not read, and not acknowledged, is gone.
    Reset {
        /// Where.
        channel: Lci,
        /// Whose doing.
        by: By,
        /// Resetting cause.
        cause: u8,
        /// Diagnostic code; 0 without.
        diagnostic: u8,
    },
    /// The reset that the owner began is over.
    ResetConfirmed(Lci),
    /// An interrupt came, past all data. To be answered by
    /// [`Layer::confirm_interrupt`](super::Layer::confirm_interrupt).
    Interrupt {
        /// Where.
        channel: Lci,
        /// Interrupt user data, 1 to 32 octets.
        data: Vec<u8>,
    },
    /// The interrupt that the owner sent is confirmed: the next may be sent.
    InterruptConfirmed(Lci),
    /// The peer has a packet that was sent with D: all before it, too.
    Delivered(Lci),
    /// Packets came: [`Layer::read`](super::Layer::read) until there are none. Not told again before
    /// that.
    Readable(Lci),
    /// There is room again on a circuit that refused a message.
    Writable(Lci),
    /// The network says that something was wrong with a packet of ours (diagnostic packet).
    Diagnostic {
        /// Diagnostic code.
        code: u8,
        /// Diagnostic explanation: mostly the first three octets of the packet.
        explanation: Vec<u8>,
    },
}

/// Whose doing it was that a circuit was cleared or reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The peer's, or of somebody behind it.
    Peer,
    /// This layer's: the peer broke a rule, or did not answer. Cause and diagnostic are what it was
    /// told.
    Layer,
    /// A call of the DCE met one of the DTE on the same channel, and gives way (4.1.6). It may be
    /// made again on another.
    Collision,
    /// The whole link was restarted.
    Restart,
    /// The link below is gone.
    Link,
}

/// Why the layer is not up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The link below is gone, or begins anew.
    Link,
    /// The owner restarts it.
    Local,
    /// The peer restarts it.
    Peer {
        /// Restarting cause.
        cause: u8,
        /// Diagnostic code; 0 without.
        diagnostic: u8,
    },
    /// The peer broke a rule of restarting; it was told this diagnostic.
    Error(u8),
    /// Restarts were not answered.
    NoAnswer,
}

/// Why a wish of the owner is not granted. Counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The layer is not up.
    Down,
    /// No such channel, or no call there.
    NoCircuit,
    /// Not in this state of the circuit: data before it is connected, an answer to no call.
    State,
    /// All channels on which this end may call are taken.
    NoChannel,
    /// The queue is full: [`Event::Writable`] says when to try again.
    Full,
    /// An address, facilities or data are longer than packets can have: user data of a call more
    /// than 16 octets (128 with fast select), an interrupt more than 32, a message more than 64 KiB.
    TooLong,
    /// Data are missing: an interrupt has at least one octet.
    Empty,
    /// Q differs from that of the message that was begun with M.
    Qualifier,
    /// Facilities that are malformed, or propose what cannot be.
    Facility,
    /// A call with fast select and restricted response can only be cleared.
    Restricted,
    /// User data in an answer or in clearing, for a call without fast select.
    NoFastSelect,
    /// A permanent circuit is neither called nor cleared.
    Permanent,
    /// An interrupt waits for its confirmation, or there is none to confirm.
    Interrupt,
    /// D is not used on this link.
    NoDelivery,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "the link is down",
            Self::NoCircuit => "no such circuit",
            Self::State => "not in this state of the circuit",
            Self::NoChannel => "no free logical channel",
            Self::Full => "the queue is full",
            Self::TooLong => "longer than a packet can have it",
            Self::Empty => "without data",
            Self::Qualifier => "Q differs within a message",
            Self::Facility => "wrong facilities",
            Self::Restricted => "the response is restricted: the call can only be cleared",
            Self::NoFastSelect => "user data need fast select",
            Self::Permanent => "a permanent circuit",
            Self::Interrupt => "interrupts are confirmed one by one",
            Self::NoDelivery => "delivery confirmation is not used",
        })
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "by the peer",
            Self::Layer => "because of an error of the peer",
            Self::Collision => "because of a call of the peer on the same channel",
            Self::Restart => "because the link was restarted",
            Self::Link => "because the link is gone",
        })
    }
}
