//! The packets themselves (X.25 sections 5.1 to 5.7).
//!
//! ```text
//! data modulo 8:    P(R) M P(S) 0             modulo 128:  P(S) 0 | P(R) M
//! RR, RNR, REJ:     P(R) 0 0 x x 1            modulo 128:  0 0 0 0 x x 0 1 | P(R) 0
//! ```

use std::fmt;

use super::{CallFields, Fault, Lci, MAX_INTERRUPT, Modulo, cause, diagnostic};

/// Packet type identifiers, the third octet. Data have 0 in the lowest bit instead.
pub mod kind {
    /// Call request, incoming call.
    pub const CALL_REQUEST: u8 = 0x0b;
    /// Call accepted, call connected.
    pub const CALL_ACCEPTED: u8 = 0x0f;
    /// Clear request, clear indication.
    pub const CLEAR_REQUEST: u8 = 0x13;
    /// Clear confirmation.
    pub const CLEAR_CONFIRMATION: u8 = 0x17;
    /// Interrupt.
    pub const INTERRUPT: u8 = 0x23;
    /// Interrupt confirmation.
    pub const INTERRUPT_CONFIRMATION: u8 = 0x27;
    /// Reset request, reset indication.
    pub const RESET_REQUEST: u8 = 0x1b;
    /// Reset confirmation.
    pub const RESET_CONFIRMATION: u8 = 0x1f;
    /// Restart request, restart indication.
    pub const RESTART_REQUEST: u8 = 0xfb;
    /// Restart confirmation.
    pub const RESTART_CONFIRMATION: u8 = 0xff;
    /// Diagnostic, from the network only.
    pub const DIAGNOSTIC: u8 = 0xf1;
    /// Registration request, from the DTE only.
    pub const REGISTRATION_REQUEST: u8 = 0xf3;
    /// Registration confirmation, from the network only.
    pub const REGISTRATION_CONFIRMATION: u8 = 0xf7;
    /// Receive ready, the low five bits modulo 8.
    pub const RR: u8 = 0x01;
    /// Receive not ready, the low five bits modulo 8.
    pub const RNR: u8 = 0x05;
    /// Reject, the low five bits modulo 8.
    pub const REJ: u8 = 0x09;
}

/// Q, or with the packets that set up and clear calls A.
const QUALIFIER: u8 = 0x80;
/// D.
const DELIVERY: u8 = 0x40;

const fn format(modulo: Modulo) -> u8 {
    match modulo {
        Modulo::Eight => 0x10,
        Modulo::OneTwentyEight => 0x20,
    }
}

/// A packet whose format identifier and first three octets are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    modulo: Modulo,
    octets: [u8; 3],
    rest: &'p [u8],
}

impl<'p> Packet<'p> {
    /// Checks the length and the general format identifier. [`Lci::of`] says whose packet it is
    /// also when this does not like it.
    ///
    /// # Errors
    /// Less than three octets, another modulo.
    pub fn parse(modulo: Modulo, octets: &'p [u8]) -> Result<Self, Fault> {
        let (head, rest) = match octets.split_first_chunk::<3>() {
            Some((head, rest)) => (*head, rest),
            None => return Err(Fault::truncated("X.25 packet", 3, octets.len())),
        };
        let [first, ..] = head;
        if first & 0x30 != format(modulo) {
            return Err(Fault::invalid(
                diagnostic::INVALID_GFI,
                "X.25 general format identifier",
                first >> 4,
                match modulo {
                    Modulo::Eight => "modulo 8 (01 in the low bits)",
                    Modulo::OneTwentyEight => "modulo 128 (10 in the low bits)",
                },
            ));
        }
        Ok(Self {
            modulo,
            octets: head,
            rest,
        })
    }

    /// The modulo that a packet says it has, for those who only watch.
    #[must_use]
    pub fn modulo_of(octets: &[u8]) -> Option<Modulo> {
        match octets.first()? & 0x30 {
            0x10 => Some(Modulo::Eight),
            0x20 => Some(Modulo::OneTwentyEight),
            _ => None,
        }
    }

    /// The logical channel.
    #[must_use]
    pub fn lci(&self) -> Lci {
        Lci::of(&self.octets).unwrap_or_default()
    }

    /// The packet type identifier, one of [`kind`] or anything.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.octets[2]
    }

    /// Whether it is a data packet.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.kind() & 1 == 0
    }

    /// The first three octets, which a diagnostic packet says in its explanation.
    #[must_use]
    pub fn head(&self) -> [u8; 3] {
        self.octets
    }

    fn has(&self, bit: u8) -> bool {
        self.octets[0] & bit != 0
    }
}

/// The three bits that go from end to end with the data of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    /// Q: a second level of data, for example X.29's commands.
    pub q: bool,
    /// D: the sender wants to know that the other end has it.
    pub d: bool,
    /// M: the next packet continues this one.
    pub m: bool,
}

/// What a flow control packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    /// RR: receive ready.
    Ready,
    /// RNR: receive not ready.
    NotReady,
    /// REJ: send again from P(R) on, where both ends agreed on that.
    Reject,
}

/// A packet that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRepr<'p> {
    /// The logical channel.
    pub lci: Lci,
    /// The rest.
    pub body: Body<'p>,
}

/// What comes behind the logical channel, and the bits before it. Causes and diagnostics are those
/// of [`cause`] and [`diagnostic`]; a diagnostic code that the sender left out is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'p> {
    /// Data.
    Data {
        /// Q, D and M.
        marks: Marks,
        /// P(S), the number of the packet.
        ps: u8,
        /// P(R), the number of the packet that the sender expects next.
        pr: u8,
        /// User data.
        data: &'p [u8],
    },
    /// RR, RNR, REJ.
    Flow {
        /// Which one.
        flow: Flow,
        /// P(R).
        pr: u8,
    },
    /// Call request, incoming call.
    CallRequest {
        /// D: delivery confirmation is to be used on the circuit.
        delivery: bool,
        /// Addresses, facilities, call user data.
        fields: CallFields<'p>,
    },
    /// Call accepted, call connected.
    CallAccepted {
        /// D.
        delivery: bool,
        /// Addresses, facilities, called user data.
        fields: CallFields<'p>,
    },
    /// Clear request, clear indication.
    ClearRequest {
        /// Why.
        cause: u8,
        /// Why in detail.
        diagnostic: u8,
        /// Addresses, facilities, clear user data.
        fields: CallFields<'p>,
    },
    /// Clear confirmation.
    ClearConfirmation {
        /// Addresses and facilities, which only the network says.
        fields: CallFields<'p>,
    },
    /// Interrupt with its user data, 1 to [`MAX_INTERRUPT`] octets.
    Interrupt(&'p [u8]),
    /// Interrupt confirmation.
    InterruptConfirmation,
    /// Reset request, reset indication.
    ResetRequest {
        /// Why.
        cause: u8,
        /// Why in detail.
        diagnostic: u8,
    },
    /// Reset confirmation.
    ResetConfirmation,
    /// Restart request, restart indication. On channel 0.
    RestartRequest {
        /// Why.
        cause: u8,
        /// Why in detail.
        diagnostic: u8,
    },
    /// Restart confirmation. On channel 0.
    RestartConfirmation,
    /// Diagnostic. On channel 0.
    Diagnostic {
        /// What was wrong with a packet of the receiver.
        code: u8,
        /// The first octets of that packet, at most 3, or what the code wants instead.
        explanation: &'p [u8],
    },
    /// Registration request, what comes behind the type. On channel 0.
    RegistrationRequest(&'p [u8]),
    /// Registration confirmation, what comes behind the type. On channel 0.
    RegistrationConfirmation(&'p [u8]),
}

impl<'p> PacketRepr<'p> {
    /// Reads the packet. Bits of the general format identifier that have no meaning for its type
    /// are not looked at.
    ///
    /// # Errors
    /// A type that X.25 does not define, fields that are cut, too long or not allowed, a restart,
    /// diagnostic or registration on another channel than 0, the addresses of X.25's A bit.
    pub fn parse(packet: &Packet<'p>) -> Result<Self, Fault> {
        let (kind, rest, lci) = (packet.kind(), packet.rest, packet.lci());
        if packet.is_data() || kind & 3 == 1 && kind != kind::DIAGNOSTIC {
            return numbered(packet);
        }
        if kind & 0xf0 == 0xf0 && lci != Lci::ZERO {
            return Err(Fault {
                diagnostic: diagnostic::RESTART_ON_CHANNEL,
                error: crate::ParseError::Invalid {
                    what: "logical channel of a restart, diagnostic or registration packet",
                    value: lci.get().into(),
                    expected: "0",
                },
            });
        }
        let body = match kind {
            kind::CALL_REQUEST => Body::CallRequest {
                delivery: packet.has(DELIVERY),
                fields: CallFields::parse(addressed(packet)?)?,
            },
            kind::CALL_ACCEPTED => Body::CallAccepted {
                delivery: packet.has(DELIVERY),
                fields: CallFields::parse_optional(addressed(packet)?)?,
            },
            kind::CLEAR_REQUEST => {
                let (cause, diagnostic, rest) = reason(addressed(packet)?)?;
                Body::ClearRequest {
                    cause,
                    diagnostic,
                    fields: CallFields::parse_optional(rest)?,
                }
            }
            kind::CLEAR_CONFIRMATION => Body::ClearConfirmation {
                fields: CallFields::parse_optional(addressed(packet)?)?,
            },
            kind::INTERRUPT => {
                if rest.is_empty() {
                    return Err(Fault::truncated("X.25 interrupt user data", 1, 0));
                }
                Body::Interrupt(end(rest, MAX_INTERRUPT, "X.25 interrupt user data")?)
            }
            kind::RESET_REQUEST => {
                let (cause, diagnostic, rest) = reason(rest)?;
                end(rest, 0, "X.25 reset packet")?;
                Body::ResetRequest { cause, diagnostic }
            }
            kind::RESTART_REQUEST => {
                let (cause, diagnostic, rest) = reason(rest)?;
                end(rest, 0, "X.25 restart packet")?;
                Body::RestartRequest { cause, diagnostic }
            }
            kind::DIAGNOSTIC => {
                let Some((&code, explanation)) = rest.split_first() else {
                    return Err(Fault::truncated("X.25 diagnostic code", 1, 0));
                };
                Body::Diagnostic { code, explanation }
            }
            kind::REGISTRATION_REQUEST => Body::RegistrationRequest(rest),
            kind::REGISTRATION_CONFIRMATION => Body::RegistrationConfirmation(rest),
            kind::INTERRUPT_CONFIRMATION => ended(rest, Body::InterruptConfirmation)?,
            kind::RESET_CONFIRMATION => ended(rest, Body::ResetConfirmation)?,
            kind::RESTART_CONFIRMATION => ended(rest, Body::RestartConfirmation)?,
            _ => {
                return Err(Fault::invalid(
                    diagnostic::UNIDENTIFIABLE,
                    "X.25 packet type",
                    kind,
                    "one of X.25's",
                ));
            }
        };
        Ok(Self { lci, body })
    }

    /// Writes the packet at the end of `octets`. Numbers beyond the modulo are counted round.
    pub fn append(&self, modulo: Modulo, octets: &mut Vec<u8>) {
        let [high, low] = self.lci.get().to_be_bytes();
        let bit = |set, bit: u8| if set { bit } else { 0 };
        let bits = match self.body {
            Body::Data { marks, .. } => bit(marks.q, QUALIFIER) | bit(marks.d, DELIVERY),
            Body::CallRequest { delivery, .. } | Body::CallAccepted { delivery, .. } => {
                bit(delivery, DELIVERY)
            }
            _ => 0,
        };
        octets.extend_from_slice(&[bits | format(modulo) | high, low]);
        let last = modulo.highest();
        match self.body {
            Body::Data {
                marks,
                ps,
                pr,
                data,
            } => {
                let more = u8::from(marks.m);
                let (ps, pr) = (ps & last, pr & last);
                match modulo {
                    Modulo::Eight => octets.push(pr << 5 | more << 4 | ps << 1),
                    Modulo::OneTwentyEight => {
                        octets.extend_from_slice(&[ps << 1, pr << 1 | more]);
                    }
                }
                octets.extend_from_slice(data);
            }
            Body::Flow { flow, pr } => {
                let (pr, low) = (pr & last, flow.kind());
                match modulo {
                    Modulo::Eight => octets.push(pr << 5 | low),
                    Modulo::OneTwentyEight => octets.extend_from_slice(&[low, pr << 1]),
                }
            }
            Body::CallRequest { fields, .. } => {
                octets.push(kind::CALL_REQUEST);
                fields.append(octets);
            }
            Body::CallAccepted { fields, .. } => {
                octets.push(kind::CALL_ACCEPTED);
                fields.append_optional(octets);
            }
            Body::ClearRequest {
                cause,
                diagnostic,
                fields,
            } => {
                octets.extend_from_slice(&[kind::CLEAR_REQUEST, cause, diagnostic]);
                fields.append_optional(octets);
            }
            Body::ClearConfirmation { fields } => {
                octets.push(kind::CLEAR_CONFIRMATION);
                fields.append_optional(octets);
            }
            Body::Interrupt(data) => {
                octets.push(kind::INTERRUPT);
                octets.extend_from_slice(data);
            }
            Body::InterruptConfirmation => octets.push(kind::INTERRUPT_CONFIRMATION),
            Body::ResetRequest { cause, diagnostic } => {
                octets.extend_from_slice(&[kind::RESET_REQUEST, cause, diagnostic]);
            }
            Body::ResetConfirmation => octets.push(kind::RESET_CONFIRMATION),
            Body::RestartRequest { cause, diagnostic } => {
                octets.extend_from_slice(&[kind::RESTART_REQUEST, cause, diagnostic]);
            }
            Body::RestartConfirmation => octets.push(kind::RESTART_CONFIRMATION),
            Body::Diagnostic { code, explanation } => {
                octets.extend_from_slice(&[kind::DIAGNOSTIC, code]);
                octets.extend_from_slice(explanation);
            }
            Body::RegistrationRequest(rest) => {
                octets.push(kind::REGISTRATION_REQUEST);
                octets.extend_from_slice(rest);
            }
            Body::RegistrationConfirmation(rest) => {
                octets.push(kind::REGISTRATION_CONFIRMATION);
                octets.extend_from_slice(rest);
            }
        }
    }
}

impl Flow {
    const fn kind(self) -> u8 {
        match self {
            Self::Ready => kind::RR,
            Self::NotReady => kind::RNR,
            Self::Reject => kind::REJ,
        }
    }
}

/// Data, RR, RNR and REJ.
fn numbered<'p>(packet: &Packet<'p>) -> Result<PacketRepr<'p>, Fault> {
    let first = packet.kind();
    let (ps, pr, more, low, rest) = match packet.modulo {
        Modulo::Eight => (
            first >> 1 & 7,
            first >> 5,
            first & 0x10 != 0,
            first & 0x1f,
            packet.rest,
        ),
        Modulo::OneTwentyEight => {
            let Some((&second, rest)) = packet.rest.split_first() else {
                return Err(Fault::truncated("X.25 packet modulo 128", 4, 3));
            };
            (first >> 1, second >> 1, second & 1 != 0, first, rest)
        }
    };
    let body = if packet.is_data() {
        Body::Data {
            marks: Marks {
                q: packet.has(QUALIFIER),
                d: packet.has(DELIVERY),
                m: more,
            },
            ps,
            pr,
            data: rest,
        }
    } else {
        let flow = match low {
            kind::RR => Flow::Ready,
            kind::RNR => Flow::NotReady,
            kind::REJ => Flow::Reject,
            _ => {
                return Err(Fault::invalid(
                    diagnostic::UNIDENTIFIABLE,
                    "X.25 packet type",
                    first,
                    "one of X.25's",
                ));
            }
        };
        end(rest, 0, "X.25 flow control packet")?;
        Body::Flow { flow, pr }
    };
    Ok(PacketRepr {
        lci: packet.lci(),
        body,
    })
}

/// What is behind the type of a packet with addresses, when they are of the kind known here.
fn addressed<'p>(packet: &Packet<'p>) -> Result<&'p [u8], Fault> {
    if packet.has(QUALIFIER) {
        return Err(Fault::invalid(
            diagnostic::TOA_NPI_NOT_SUBSCRIBED,
            "X.25 A bit",
            1,
            "0 (addresses without type and plan)",
        ));
    }
    Ok(packet.rest)
}

/// Cause and diagnostic code; also what is behind them.
fn reason(octets: &[u8]) -> Result<(u8, u8, &[u8]), Fault> {
    match *octets {
        [] => Err(Fault::truncated("X.25 cause", 1, 0)),
        [cause] => Ok((cause, 0, &[])),
        [cause, diagnostic, ref rest @ ..] => Ok((cause, diagnostic, rest)),
    }
}

fn end<'p>(rest: &'p [u8], limit: usize, what: &'static str) -> Result<&'p [u8], Fault> {
    if rest.len() > limit {
        return Err(Fault::too_long(what, limit, rest.len()));
    }
    Ok(rest)
}

fn ended<'p>(rest: &[u8], body: Body<'p>) -> Result<Body<'p>, Fault> {
    end(rest, 0, "X.25 confirmation packet")?;
    Ok(body)
}

impl Body<'_> {
    /// The name of the packet as its sender calls it, in small letters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Data { .. } => "data",
            Self::Flow {
                flow: Flow::Ready, ..
            } => "RR",
            Self::Flow {
                flow: Flow::NotReady,
                ..
            } => "RNR",
            Self::Flow {
                flow: Flow::Reject, ..
            } => "REJ",
            Self::CallRequest { .. } => "call request",
            Self::CallAccepted { .. } => "call accepted",
            Self::ClearRequest { .. } => "clear request",
            Self::ClearConfirmation { .. } => "clear confirmation",
            Self::Interrupt(_) => "interrupt",
            Self::InterruptConfirmation => "interrupt confirmation",
            Self::ResetRequest { .. } => "reset request",
            Self::ResetConfirmation => "reset confirmation",
            Self::RestartRequest { .. } => "restart request",
            Self::RestartConfirmation => "restart confirmation",
            Self::Diagnostic { .. } => "diagnostic",
            Self::RegistrationRequest(_) => "registration request",
            Self::RegistrationConfirmation(_) => "registration confirmation",
        }
    }

    /// Which causes a cause in it is one of, with the cause and the diagnostic code.
    #[must_use]
    pub const fn reason(&self) -> Option<(cause::Of, u8, u8)> {
        match *self {
            Self::ClearRequest {
                cause, diagnostic, ..
            } => Some((cause::Of::Clear, cause, diagnostic)),
            Self::ResetRequest { cause, diagnostic } => Some((cause::Of::Reset, cause, diagnostic)),
            Self::RestartRequest { cause, diagnostic } => {
                Some((cause::Of::Restart, cause, diagnostic))
            }
            _ => None,
        }
    }
}

impl fmt::Display for PacketRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "X.25 {} {}", self.lci, self.body.name())?;
        match self.body {
            Body::Data {
                marks,
                ps,
                pr,
                data,
            } => {
                for (set, name) in [(marks.q, " Q"), (marks.d, " D"), (marks.m, " M")] {
                    if set {
                        f.write_str(name)?;
                    }
                }
                write!(f, " P(S)={ps} P(R)={pr} {} octets", data.len())
            }
            Body::Flow { pr, .. } => write!(f, " P(R)={pr}"),
            Body::CallRequest { fields, .. } | Body::CallAccepted { fields, .. } => {
                write!(f, " to {} from {}", fields.called, fields.calling)
            }
            Body::Diagnostic { code, .. } => write!(f, ", {}", diagnostic::text(code)),
            _ => match self.body.reason() {
                Some((of, cause, diagnostic)) => write!(
                    f,
                    ", {}, {}",
                    cause::text(of, cause),
                    diagnostic::text(diagnostic)
                ),
                None => Ok(()),
            },
        }
    }
}
