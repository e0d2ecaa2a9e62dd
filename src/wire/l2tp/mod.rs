//! L2TP version 2 (RFC 2661): the header of control and data messages (section 3), attribute
//! value pairs (section 4), and the Disconnect Cause of RFC 3145.
//!
//! ```text
//! T L x x S x O P x x x x version | [length] | tunnel | session | [Ns | Nr] | [offset size, pad]
//! AVP: M H reserved(4) length(10) | vendor | type | value
//! ```
//!
//! Hidden values pass as they are: what they hide needs a secret, which this room does not have.

mod avp;
mod header;
mod kind;
mod value;

pub use avp::{Avps, RawAvp, Writer};
pub use header::{ControlHeader, DataHeader, Message, Sequence};
pub use kind::{MessageType, attribute, call_result, error, stop_result};
pub use value::{Accm, Avp, CallErrors, DisconnectCause, Q931Cause, ResultCode};

use crate::ParseError;

/// The port on which tunnels are asked for (section 8.1).
pub const PORT: u16 = 1701;

/// The version in the header of every message.
pub const VERSION: u8 = 2;

/// Any octets: a message that is accepted is written again and reads the same, and its AVPs lie
/// within it. For fuzzing and replayed tests.
pub fn fuzz_l2tp(octets: &[u8]) {
    match Message::parse(octets) {
        Ok(Message::Data(header, payload)) => {
            assert!(payload.len() + header.len() <= octets.len());
            assert!(header.length || octets.ends_with(payload));
            let mut again = Vec::new();
            // An offset may have made room for what a header of its own has not.
            if header.append(payload.len(), &mut again).is_ok() {
                assert_eq!(again.len(), header.len());
                again.extend_from_slice(payload);
                assert_eq!(DataHeader::parse(&again), Ok((header, payload)));
            }
        }
        Ok(Message::Control(header, body)) => {
            let mut again = Vec::new();
            let mut writer = Writer::new(&mut again, header);
            let mut covered = 0;
            let mut whole = true;
            for avp in Avps::new(body) {
                let Ok(raw) = avp else {
                    whole = false;
                    break;
                };
                covered += raw.len();
                writer.raw(&raw);
                fuzz_avp(&raw);
            }
            assert_eq!(writer.finish(), Ok(()));
            assert!(covered <= body.len());
            assert_eq!(covered == body.len(), whole);
            if let Ok((reparsed, avps)) = ControlHeader::parse(&again) {
                assert_eq!(reparsed, header);
                assert!(Avps::new(avps).flatten().eq(Avps::new(body).flatten()));
            } else {
                unreachable!("a message just written is whole");
            }
        }
        Err(_) => {}
    }
}

/// A value that is understood is written again, and reads the same.
fn fuzz_avp(raw: &RawAvp<'_>) {
    if raw.hidden {
        return;
    }
    let Ok(avp) = Avp::parse(raw) else { return };
    let mut again = Vec::new();
    avp.append(&mut again);
    let mut list = Avps::new(&again);
    let Some(Ok(second)) = list.next() else {
        unreachable!("an AVP just written is whole");
    };
    assert!(list.next().is_none());
    assert_eq!((second.vendor, second.kind), (raw.vendor, raw.kind));
    assert_eq!(Avp::parse(&second), Ok(avp));
}

fn truncated(what: &'static str, need: usize, octets: &[u8]) -> ParseError {
    ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    }
}

#[cfg(test)]
mod tests;
