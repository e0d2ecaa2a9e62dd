//! The transport header: circuits, and IP.
//!
//! ```text
//! circuit of the receiver, 2 | number of the data, 1 | number that is expected next, 1 | CHOKE NAK MORE 0, operation 4
//! ```

use super::call;
use crate::ParseError;
use crate::ax25::Call;

/// The octets in the place of the circuit that mean IP.
const IP: [u8; 5] = [0x0c, 0x0c, 0, 0, 0];

/// Operations.
mod operation {
    pub const CONNECT_REQUEST: u8 = 1;
    pub const CONNECT_ACKNOWLEDGE: u8 = 2;
    pub const DISCONNECT_REQUEST: u8 = 3;
    pub const DISCONNECT_ACKNOWLEDGE: u8 = 4;
    pub const INFORMATION: u8 = 5;
    pub const INFORMATION_ACKNOWLEDGE: u8 = 6;
}

/// The bit that refuses a connection, and tells of a receiver that is busy.
const CHOKE: u8 = 0x80;
const NAK: u8 = 0x40;
const MORE: u8 = 0x20;
/// The bits of an operation.
const OPERATION: u8 = 0x0f;

/// What one end calls a circuit. 0/0 means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Circuit {
    /// Its place in the table of that end.
    pub index: u8,
    /// Tells it from others that had the same place.
    pub id: u8,
}

impl Circuit {
    const fn new(index: u8, id: u8) -> Self {
        Self { index, id }
    }
}

/// What the sender of data or of an acknowledgement says besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// It takes no more data.
    pub choke: bool,
    /// It lacks the data of the number that it expects next.
    pub nak: bool,
    /// More of the same message follows.
    pub more: bool,
}

impl Flags {
    const fn parse(octet: u8) -> Self {
        Self {
            choke: octet & CHOKE != 0,
            nak: octet & NAK != 0,
            more: octet & MORE != 0,
        }
    }

    const fn bits(self) -> u8 {
        (self.choke as u8) << 7 | (self.nak as u8) << 6 | (self.more as u8) << 5
    }
}

/// What is behind a network header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A datagram of IP.
    Ip(&'a [u8]),
    /// CONREQ: a circuit is wanted.
    ConnectRequest {
        /// What the sender calls the circuit.
        mine: Circuit,
        /// The most pieces of data that it would send before they are acknowledged.
        window: u8,
        /// Who wants it.
        user: Call,
        /// The node where that user is; answers go there.
        node: Call,
        /// How many seconds the sender waits for answers: only some say so.
        timeout: Option<u16>,
    },
    /// CONACK: the circuit is there.
    ConnectAcknowledge {
        /// What the receiver calls the circuit.
        yours: Circuit,
        /// What the sender calls it.
        mine: Circuit,
        /// The most pieces of data that may be sent before they are acknowledged.
        window: u8,
    },
    /// CONACK with CHOKE: the circuit is refused.
    ConnectRefuse {
        /// What the receiver calls the circuit.
        yours: Circuit,
    },
    /// DISREQ: the circuit ends.
    DisconnectRequest {
        /// What the receiver calls the circuit.
        yours: Circuit,
    },
    /// DISACK: it has ended.
    DisconnectAcknowledge {
        /// What the receiver calls the circuit.
        yours: Circuit,
    },
    /// INFO: data.
    Information {
        /// What the receiver calls the circuit.
        yours: Circuit,
        /// The number of these data.
        tx: u8,
        /// The number of the data that the sender expects next.
        rx: u8,
        /// What else it says.
        flags: Flags,
        /// The data.
        data: &'a [u8],
    },
    /// INFOACK: data arrived.
    InformationAcknowledge {
        /// What the receiver calls the circuit.
        yours: Circuit,
        /// The number of the data that the sender sends next; many send 0.
        tx: u8,
        /// The number of the data that it expects next.
        rx: u8,
        /// What else it says.
        flags: Flags,
    },
}

impl<'a> Message<'a> {
    /// Octets of the header.
    pub const LENGTH: usize = 5;

    /// Reads what is behind a network header. Octets that others append to requests and answers are passed over.
    ///
    /// # Errors
    /// It is cut short, or no operation that is known.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        let truncated = |need| ParseError::Truncated {
            what: "NET/ROM transport header",
            need,
            have: octets.len(),
        };
        let (head, rest) = octets
            .split_first_chunk::<5>()
            .ok_or(truncated(Self::LENGTH))?;
        let [index, id, tx, rx, operation] = *head;
        let yours = Circuit::new(index, id);
        let flags = Flags::parse(operation);
        Ok(match operation & OPERATION {
            0 if operation == 0 && [index, id] == [IP[0], IP[1]] => Self::Ip(rest),
            operation::CONNECT_REQUEST => {
                let (&window, rest) = rest.split_first().ok_or(truncated(20))?;
                let (user, rest) = call(rest).ok_or(truncated(20))?;
                let (node, rest) = call(rest).ok_or(truncated(20))?;
                Self::ConnectRequest {
                    mine: yours,
                    window,
                    user,
                    node,
                    timeout: rest
                        .first_chunk::<2>()
                        .map(|octets| u16::from_le_bytes(*octets)),
                }
            }
            operation::CONNECT_ACKNOWLEDGE if flags.choke => Self::ConnectRefuse { yours },
            operation::CONNECT_ACKNOWLEDGE => Self::ConnectAcknowledge {
                yours,
                mine: Circuit::new(tx, rx),
                window: *rest.first().ok_or(truncated(6))?,
            },
            operation::DISCONNECT_REQUEST => Self::DisconnectRequest { yours },
            operation::DISCONNECT_ACKNOWLEDGE => Self::DisconnectAcknowledge { yours },
            operation::INFORMATION => Self::Information {
                yours,
                tx,
                rx,
                flags,
                data: rest,
            },
            operation::INFORMATION_ACKNOWLEDGE => Self::InformationAcknowledge {
                yours,
                tx,
                rx,
                flags,
            },
            _ => {
                return Err(ParseError::Invalid {
                    what: "NET/ROM operation",
                    value: operation.into(),
                    expected: "IP, or 1 to 6 with flags",
                });
            }
        })
    }

    /// Appends the header and what follows it.
    pub fn append(&self, datagram: &mut Vec<u8>) {
        let head = |yours: Circuit, tx, rx, operation| [yours.index, yours.id, tx, rx, operation];
        match *self {
            Self::Ip(octets) => {
                datagram.extend_from_slice(&IP);
                datagram.extend_from_slice(octets);
            }
            Self::ConnectRequest {
                mine,
                window,
                user,
                node,
                timeout,
            } => {
                datagram.extend_from_slice(&head(mine, 0, 0, operation::CONNECT_REQUEST));
                datagram.push(window);
                datagram.extend_from_slice(user.octets());
                datagram.extend_from_slice(node.octets());
                if let Some(timeout) = timeout {
                    datagram.extend_from_slice(&timeout.to_le_bytes());
                }
            }
            Self::ConnectAcknowledge {
                yours,
                mine,
                window,
            } => {
                let operation = operation::CONNECT_ACKNOWLEDGE;
                datagram.extend_from_slice(&head(yours, mine.index, mine.id, operation));
                datagram.push(window);
            }
            // With a window, as others expect of every CONACK.
            Self::ConnectRefuse { yours } => {
                datagram.extend_from_slice(&head(
                    yours,
                    0,
                    0,
                    operation::CONNECT_ACKNOWLEDGE | CHOKE,
                ));
                datagram.push(0);
            }
            Self::DisconnectRequest { yours } => {
                datagram.extend_from_slice(&head(yours, 0, 0, operation::DISCONNECT_REQUEST));
            }
            Self::DisconnectAcknowledge { yours } => {
                datagram.extend_from_slice(&head(yours, 0, 0, operation::DISCONNECT_ACKNOWLEDGE));
            }
            Self::Information {
                yours,
                tx,
                rx,
                flags,
                data,
            } => {
                let operation = operation::INFORMATION | flags.bits();
                datagram.extend_from_slice(&head(yours, tx, rx, operation));
                datagram.extend_from_slice(data);
            }
            Self::InformationAcknowledge {
                yours,
                tx,
                rx,
                flags,
            } => {
                let operation = operation::INFORMATION_ACKNOWLEDGE | flags.bits();
                datagram.extend_from_slice(&head(yours, tx, rx, operation));
            }
        }
    }
}
