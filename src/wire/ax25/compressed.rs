//! The header of seven octets that FlexNet's stations may agree on.
//!
//! ```text
//! QSO number, 14 bits | command, 1 | always 1 | six characters less 32 of the destination, 6 bits each | SSID, 4 bits
//! ```
//!
//! It is only read: nobody sends it who was not asked to.

use super::{Call, Class, Header};

/// Octets of the header.
const LENGTH: usize = 7;

/// Whether a frame has such a header: addresses have no odd octet at this place.
pub fn is_compressed(frame: &[u8]) -> bool {
    matches!(frame, [_, second, ..] if second & 1 != 0)
}

/// Reads it; also returns the control field and what follows. Nobody knows the source. `None` when it is cut short.
pub fn parse(frame: &[u8]) -> Option<(Header, &[u8])> {
    let (&[_, low, a, b, c, d, e], rest) = frame.split_first_chunk::<LENGTH>()?;
    let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let mut name = [0; 6];
    for (at, character) in name.iter_mut().enumerate() {
        *character = (bits >> (34 - 6 * at) & 0x3f) as u8 + b' ';
    }
    let destination = Call::named(name).with_ssid(e & 15);
    let class = if low & 2 != 0 {
        Class::Command
    } else {
        Class::Response
    };
    Some((Header::new(destination, Call::UNKNOWN, class), rest))
}
