//! Authenticated messages: an HMAC-SHA-256 with a shared key, and a window against replay.
//!
//! For old protocols that have no authentication of their own. The format is that of
//! [`wanbox_wire::pipemon::auth`]; the time comes in as a value.

use std::collections::VecDeque;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wanbox_wire::pipemon::auth::{MAC, Sealed, append_head};

/// The shortest key, octets.
pub const MIN_KEY: usize = 16;
/// How far the clocks of both ends may be apart, milliseconds.
pub const WINDOW: u64 = 30_000;
/// Messages remembered within the window; more than so many are refused.
const REMEMBERED: usize = 4096;

/// A shared key. It is never shown.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key of at least [`MIN_KEY`] octets; `None` when it is shorter.
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < MIN_KEY {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// Appends the trailer to a message sent at `time`, milliseconds since 1970.
    pub fn seal(&self, time: u64, message: &mut Vec<u8>) {
        append_head(time, message);
        let mac = self.0.clone().chain_update(&*message).finalize();
        message.extend_from_slice(&mac.into_bytes());
    }
}

/// Why a message is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has no trailer.
    Unsealed,
    /// Its code was made with another key, or for another message.
    Forged,
    /// It was sent more than [`WINDOW`] ago, or the clocks are further apart.
    Stale,
    /// It came before.
    Replayed,
    /// So many came within the window that no more can be remembered.
    Busy,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsealed => "it is not authenticated",
            Self::Forged => "its authentication is wrong: another key?",
            Self::Stale => "it is older or newer than 30 s: do the clocks agree?",
            Self::Replayed => "it came before",
            Self::Busy => "too many came within 30 s",
        })
    }
}

/// Lets in each message of a key once.
#[derive(Clone, Debug)]
pub struct Gate {
    key: Key,
    /// Messages from before are not let in: an earlier gate may have let them in already.
    since: u64,
    /// Times and codes of the messages let in, in the order they came.
    seen: VecDeque<(u64, [u8; MAC])>,
}

impl Gate {
    /// A gate for messages of this key that are made from `since` on, milliseconds since 1970.
    pub fn new(key: Key, since: u64) -> Self {
        Self {
            key,
            since,
            seen: VecDeque::new(),
        }
    }

    /// Judges a datagram at `now`, milliseconds since 1970.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn admit(&mut self, now: u64, datagram: &[u8]) -> Result<(), Refused> {
        let sealed = Sealed::parse(datagram).ok_or(Refused::Unsealed)?;
        // First of all, in constant time: nothing else may be learned without the key.
        self.key
            .0
            .clone()
            .chain_update(sealed.covered)
            .verify_slice(sealed.mac)
            .map_err(|_| Refused::Forged)?;
        if sealed.time.abs_diff(now) > WINDOW || sealed.time < self.since {
            return Err(Refused::Stale);
        }
        self.seen.retain(|(time, _)| time.abs_diff(now) <= WINDOW);
        if self.seen.iter().any(|(_, mac)| mac == sealed.mac) {
            return Err(Refused::Replayed);
        }
        if self.seen.len() >= REMEMBERED {
            return Err(Refused::Busy);
        }
        self.seen.push_back((sealed.time, *sealed.mac));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn key(octet: u8) -> Key {
        Key::new(&[octet; MIN_KEY]).unwrap()
    }

    fn sealed(key: &Key, time: u64, message: &[u8]) -> Vec<u8> {
        let mut octets = message.to_vec();
        key.seal(time, &mut octets);
        octets
    }

    #[test]
    fn rfc_4231_case_2_has_too_short_a_key_and_case_1_agrees() {
        assert!(Key::new(b"Jefe").is_none());
        let key = Key::new(&[0x0b; 20]).unwrap();
        let mac = key.0.chain_update(b"Hi There").finalize().into_bytes();
        assert_eq!(mac[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53],);
    }

    #[test]
    fn each_message_once() {
        let mut gate = Gate::new(key(1), NOW - WINDOW);
        let message = sealed(&key(1), NOW, b"status");
        assert_eq!(gate.admit(NOW, &message), Ok(()));
        assert_eq!(gate.admit(NOW, &message), Err(Refused::Replayed));
        // Another monitor with a slower clock is let in all the same.
        let other = sealed(&key(1), NOW - 5_000, b"status");
        assert_eq!(gate.admit(NOW, &other), Ok(()));
        // What has left the window is too old to be replayed.
        assert_eq!(gate.admit(NOW + WINDOW + 1, &message), Err(Refused::Stale));
        assert!(gate.seen.len() <= 2);
    }

    #[test]
    fn nothing_else() {
        let mut gate = Gate::new(key(1), NOW - WINDOW);
        assert_eq!(gate.admit(NOW, b"status"), Err(Refused::Unsealed));
        let foreign = sealed(&key(2), NOW, b"status");
        assert_eq!(gate.admit(NOW, &foreign), Err(Refused::Forged));
        let mut changed = sealed(&key(1), NOW, b"status");
        changed[0] ^= 1;
        assert_eq!(gate.admit(NOW, &changed), Err(Refused::Forged));
        for time in [NOW - WINDOW - 1, NOW + WINDOW + 1] {
            let stale = sealed(&key(1), time, b"status");
            assert_eq!(gate.admit(NOW, &stale), Err(Refused::Stale));
        }
        // Another gate may have let it in.
        let mut fresh = Gate::new(key(1), NOW);
        let before = sealed(&key(1), NOW - 1, b"status");
        assert_eq!(fresh.admit(NOW, &before), Err(Refused::Stale));
        assert_eq!(format!("{:?}", key(1)), "Key");
    }

    #[test]
    fn memory_is_bounded() {
        let mut gate = Gate::new(key(1), NOW - WINDOW);
        for n in 0..REMEMBERED as u64 {
            gate.seen.push_back((NOW, [n as u8; MAC]));
        }
        let one_more = sealed(&key(1), NOW, b"status");
        assert_eq!(gate.admit(NOW, &one_more), Err(Refused::Busy));
        assert_eq!(gate.seen.len(), REMEMBERED);
        let later = NOW + WINDOW + 1;
        assert_eq!(gate.admit(later, &sealed(&key(1), later, b"x")), Ok(()));
        assert_eq!(gate.seen.len(), 1);
    }
}
