//! What is on a SLIP line (RFC 1055): the octets of a file, and how many of them are escaped.

use wanbox_sim::Random;

/// Bits that an octet takes, with start and stop bit.
pub const BITS: u64 = 10;

/// END before and after each packet, as Linux sends it.
const ENDS: u64 = 2;

/// A file of random octets, as a compressed one looks: how many of its first octets are END or ESC
/// and so take two on the line.
#[derive(Debug)]
pub struct File {
    /// For each place the escapes before it.
    escapes: Vec<u32>,
}

impl File {
    /// A file of so many octets.
    #[must_use]
    pub fn new(octets: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut count = 0;
        let mut escapes = vec![0];
        for _ in 0..octets {
            count += u32::from(is_escaped(random.next_u64() as u8));
            escapes.push(count);
        }
        Self { escapes }
    }

    /// Octets of the file.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.escapes.len() as u64 - 1
    }

    /// Octets on the line for a packet with a header of `header` octets and a piece of the file.
    #[must_use]
    pub fn on_line(&self, header: u64, from: u64, len: u64) -> u64 {
        let at = |place: u64| {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            u64::from(self.escapes.get(place).copied().unwrap_or_default())
        };
        let escapes = at(from + len) - at(from) + header_escapes(header, from);
        header + len + escapes + ENDS
    }
}

/// END and ESC.
fn is_escaped(octet: u8) -> bool {
    matches!(octet, 0xc0 | 0xdb)
}

/// Escapes in a header: as many as in random octets, others for each packet.
fn header_escapes(octets: u64, packet: u64) -> u64 {
    let mut random = Random::new(packet);
    (0..octets)
        .filter(|_| is_escaped(random.next_u64() as u8))
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_256_octets_are_escaped() {
        let file = File::new(1_000_000, 1);
        assert_eq!(file.octets(), 1_000_000);
        let on_line = file.on_line(0, 0, 1_000_000) as f64 / 1_000_000.0;
        assert!((on_line - 1.0 - 2.0 / 256.0).abs() < 0.0005, "{on_line}");
        let whole = file.on_line(0, 0, 1_000);
        let parts = file.on_line(0, 0, 400) + file.on_line(0, 400, 600);
        assert_eq!(parts, whole + ENDS);
        assert!((42..50).contains(&file.on_line(40, 0, 0)));
    }
}
