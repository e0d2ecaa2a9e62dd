//! The AVPs of a message that came in: hidden ones revealed, unknown ones judged (RFC 2661
//! sections 4.1 and 7.1).

use std::borrow::Cow;

use wanbox_wire::l2tp::{Avp, Avps, MessageType, RawAvp, error};

use super::event::Reason;
use super::hiding::reveal;
use super::stats::{Stats, count};

/// Why a mandatory AVP ends the call or the tunnel that the message concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its attribute is unknown.
    Unknown(u16),
    /// It is of a vendor.
    Vendor,
    /// A reserved bit is set.
    Reserved,
    /// Its length, or what is hidden in it, cannot be.
    Length(u16),
    /// It is hidden and there is no secret.
    NoSecret,
    /// It is hidden and no random vector stands before it.
    NoVector,
}

impl Fault {
    /// What the peer is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::Unknown(kind) => Reason::error(
                error::UNKNOWN_MANDATORY,
                &format!("unknown AVP 0x{kind:04x}"),
            ),
            Self::Vendor => Reason::error(error::VENDOR, "unsupported vendor-specific"),
            Self::Reserved => Reason::error(error::RANGE, "reserved bits in an AVP"),
            Self::Length(kind) => {
                Reason::error(error::LENGTH, &format!("wrong length of AVP 0x{kind:04x}"))
            }
            Self::NoSecret => Reason::error(error::VENDOR, "secret not specified"),
            Self::NoVector => Reason::error(error::VENDOR, "no random vector"),
        }
    }
}

/// A message whose AVPs can be read.
#[derive(Debug)]
pub struct Reading<'b> {
    body: Cow<'b, [u8]>,
    /// What it is.
    pub kind: MessageType,
    /// Who does not know that must give up.
    pub mandatory: bool,
    /// The first mandatory AVP that is unknown or wrong.
    pub fault: Option<Fault>,
}

impl<'b> Reading<'b> {
    /// Reads the AVPs behind a header; `None` when they do not begin with the type of the message.
    pub fn new(body: &'b [u8], secret: Option<&[u8]>, stats: &mut Stats) -> Option<Self> {
        let (kind, mandatory) = Avps::new(body).message_type()?;
        let mut reading = Self {
            body: Cow::Borrowed(body),
            kind,
            mandatory,
            fault: None,
        };
        reading.judge(body, secret, stats);
        Some(reading)
    }

    /// Finds the first fault, and writes the message without hiding when something is hidden.
    fn judge(&mut self, body: &'b [u8], secret: Option<&[u8]>, stats: &mut Stats) {
        let mut vector: Option<&[u8]> = None;
        // The plain message, from the first hidden AVP on.
        let mut plain: Option<Vec<u8>> = None;
        let mut value = Vec::new();
        let mut rest = body;
        for next in Avps::new(body) {
            let Ok(raw) = next else {
                // What follows cannot be found; whether it matters still can (section 7.1).
                self.found(
                    rest.first().is_some_and(|first| first & 0x80 != 0),
                    Fault::Length(0),
                    stats,
                );
                break;
            };
            let before = body.len() - rest.len();
            rest = rest.get(raw.len()..).unwrap_or_default();
            let mut avp = raw;
            if raw.hidden {
                let plain =
                    plain.get_or_insert_with(|| body.get(..before).unwrap_or_default().to_vec());
                value.clear();
                let revealed = match (secret, vector) {
                    (None, _) => Err(Fault::NoSecret),
                    (_, None) => Err(Fault::NoVector),
                    (Some(secret), Some(vector)) => {
                        reveal(raw.kind, raw.value, secret, vector, &mut value)
                            .map_err(|_| Fault::Length(raw.kind))
                    }
                };
                match revealed {
                    Ok(()) => {
                        avp = RawAvp {
                            hidden: false,
                            value: &value,
                            ..raw
                        };
                        avp.append(plain);
                    }
                    Err(fault) => {
                        self.found(raw.mandatory, fault, stats);
                        continue;
                    }
                }
            } else if let Some(plain) = &mut plain {
                avp.append(plain);
            }
            match Avp::parse(&avp) {
                _ if raw.reserved => self.found(raw.mandatory, Fault::Reserved, stats),
                Ok(Avp::RandomVector(_)) => vector = Some(raw.value),
                Ok(Avp::Other {
                    vendor: 0, kind, ..
                }) => {
                    self.found(raw.mandatory, Fault::Unknown(kind), stats);
                }
                Ok(Avp::Other { .. }) => self.found(raw.mandatory, Fault::Vendor, stats),
                Ok(_) => {}
                Err(_) => self.found(raw.mandatory, Fault::Length(raw.kind), stats),
            }
        }
        if let Some(plain) = plain {
            self.body = Cow::Owned(plain);
        }
    }

    /// A mandatory AVP ends things, another one is passed over.
    fn found(&mut self, mandatory: bool, fault: Fault, stats: &mut Stats) {
        if mandatory {
            self.fault.get_or_insert(fault);
        } else {
            count(&mut stats.ignored_avp);
        }
    }

    /// The AVPs that are known and right, in order.
    pub fn avps(&self) -> impl Iterator<Item = Avp<'_>> {
        Avps::new(&self.body)
            .flatten()
            .filter(|raw| !raw.hidden && !raw.reserved)
            .filter_map(|raw| Avp::parse(&raw).ok())
    }

    /// The first AVP that `pick` knows.
    pub fn find<'s, T>(&'s self, pick: impl FnMut(Avp<'s>) -> Option<T>) -> Option<T> {
        self.avps().find_map(pick)
    }

    /// The sender's number of the call, when it says one.
    pub fn assigned_session(&self) -> Option<u16> {
        self.find(|avp| match avp {
            Avp::AssignedSession(number) if number != 0 => Some(number),
            _ => None,
        })
    }

    /// The sender's number of the tunnel, when it says one.
    pub fn assigned_tunnel(&self) -> Option<u16> {
        self.find(|avp| match avp {
            Avp::AssignedTunnel(number) if number != 0 => Some(number),
            _ => None,
        })
    }

    /// Why the tunnel or the call ends.
    pub fn reason(&self) -> Reason {
        self.find(|avp| match avp {
            Avp::ResultCode(code) => Some(Reason::of(code)),
            _ => None,
        })
        .unwrap_or_default()
    }
}
