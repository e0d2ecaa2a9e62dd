//! The trailer that proves who sent a management request: opt-in, ours, not the originals'.
//!
//! It follows the message in the same datagram, where receivers that do not know it see
//! spare octets: eight octets of magic, the time in milliseconds since 1970 (u64), and an
//! HMAC-SHA-256 (RFC 2104) over message, magic and time. How it is made and judged is in
//! `wanbox_link::seal`.

/// What a trailer begins with.
pub const MAGIC: [u8; 8] = *b"WBAUTH1\0";
/// Octets of the code.
pub const MAC: usize = 32;
/// Octets of a trailer.
pub const TRAILER: usize = MAGIC.len() + size_of::<u64>() + MAC;

/// A datagram with a trailer, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// What the code covers: message, magic and time.
    pub covered: &'a [u8],
    /// When it was sent, milliseconds since 1970.
    pub time: u64,
    /// The code.
    pub mac: &'a [u8; MAC],
}

impl<'a> Sealed<'a> {
    /// Takes a datagram apart; `None` when it has no trailer.
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let (covered, mac) = octets.split_last_chunk::<MAC>()?;
        let (rest, time) = covered.split_last_chunk::<8>()?;
        rest.ends_with(&MAGIC).then_some(Self {
            covered,
            time: u64::from_le_bytes(*time),
            mac,
        })
    }
}

/// Appends what the code covers beside the message: magic and time.
pub fn append_head(time: u64, octets: &mut Vec<u8>) {
    octets.extend_from_slice(&MAGIC);
    octets.extend_from_slice(&time.to_le_bytes());
}

/// Fuzz target: a trailer that is found is found again after it was made anew.
pub(super) fn fuzz(input: &[u8]) {
    let Some(sealed) = Sealed::parse(input) else {
        return;
    };
    let mut again = input[..input.len() - TRAILER].to_vec();
    append_head(sealed.time, &mut again);
    assert_eq!(again, sealed.covered);
    again.extend_from_slice(sealed.mac);
    assert_eq!(again, input);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_comes_last() {
        let mut octets = b"message".to_vec();
        assert_eq!(Sealed::parse(&octets), None);
        append_head(0x0102_0304_0506_0708, &mut octets);
        assert_eq!(octets[7..], *b"WBAUTH1\0\x08\x07\x06\x05\x04\x03\x02\x01");
        octets.extend_from_slice(&[7; MAC]);
        let sealed = Sealed::parse(&octets).unwrap();
        assert_eq!(sealed.time, 0x0102_0304_0506_0708);
        assert_eq!(sealed.covered, &octets[..7 + 16]);
        assert_eq!(sealed.mac, &[7; MAC]);
        fuzz(&octets);
        octets.push(0);
        assert_eq!(Sealed::parse(&octets), None);
        assert_eq!(Sealed::parse(&octets[..TRAILER - 1]), None);
    }
}
