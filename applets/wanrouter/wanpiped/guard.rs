//! Who may ask through the line, and what: the door of the management protocol to the network.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use wanbox_link::seal::{Gate, Key, MIN_KEY, Refused};
use wanbox_runtime::files::{self, Root};

use crate::conf::DeviceConf;

/// The longest key file, octets.
const MAX_KEY: u64 = 4096;

/// What a request from the network may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every command: it was made with the key.
    Everything,
    /// The commands that the originals allowed from the network.
    Reading,
    /// Nothing, not even an answer: its sender is none that may ask.
    Filtered,
    /// Nothing, not even an answer: it was not made with the key.
    Refused(Refused),
}

/// The door.
pub struct Guard {
    source: Option<(Ipv4Addr, u8)>,
    gate: Option<Gate>,
}

impl Guard {
    /// As the configuration says. The key file must belong to root or this user, and nobody else
    /// may read it; blanks and line ends around the key do not count.
    ///
    /// # Errors
    /// What is wrong with the key file, for people.
    pub fn new(conf: &DeviceConf, root: &Root) -> Result<Self, String> {
        let gate = match &conf.udp_key_file {
            None => None,
            Some(file) => {
                let path = root.path(file);
                let secret = files::read_secret(&path, MAX_KEY)
                    .map_err(|error| format!("UDP_KEY_FILE: {error}"))?;
                let key = Key::new(secret.trim_ascii()).ok_or_else(|| {
                    let path = path.display();
                    format!("UDP_KEY_FILE: {path}: the key has less than {MIN_KEY} octets")
                })?;
                Some(Gate::new(key, now_ms()))
            }
        };
        Ok(Self {
            source: conf.udp_source,
            gate,
        })
    }

    /// Judges a request from the network: its source address and the payload of its datagram.
    pub fn judge(&mut self, source: Ipv4Addr, payload: &[u8]) -> Verdict {
        if self
            .source
            .is_some_and(|network| !is_within(source, network))
        {
            return Verdict::Filtered;
        }
        let Some(gate) = &mut self.gate else {
            return Verdict::Reading;
        };
        match gate.admit(now_ms(), payload) {
            Ok(()) => Verdict::Everything,
            Err(refused) => Verdict::Refused(refused),
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

fn is_within(address: Ipv4Addr, (network, bits): (Ipv4Addr, u8)) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    (address.to_bits() ^ network.to_bits()) & mask == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let inside = |address: [u8; 4], network: [u8; 4], bits| {
            is_within(address.into(), (network.into(), bits))
        };
        assert!(inside([10, 1, 2, 3], [10, 0, 0, 0], 8));
        assert!(!inside([11, 1, 2, 3], [10, 0, 0, 0], 8));
        assert!(inside([10, 1, 2, 3], [10, 1, 2, 3], 32));
        assert!(!inside([10, 1, 2, 2], [10, 1, 2, 3], 32));
        assert!(inside([192, 0, 2, 1], [0, 0, 0, 0], 0));
    }
}
