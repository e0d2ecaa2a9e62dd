//! Packets that are longer than an I field: pieces, numbered downwards (AX.25 2.2 section 6.6).

use wanbox_wire::ax25::pid;

/// The bit of the first piece.
const FIRST: u8 = 0x80;
/// The most pieces.
pub const MOST_SEGMENTS: usize = 128;
/// Octets before the packet in what was put together: its PID.
const HEADER: usize = 1;
/// The longest packet with its PID, octets: a datagram.
const LONGEST: usize = 65_535 + HEADER;

/// Cuts a packet: `paclen` is the longest information field with its PID, octets; one more is taken for a
/// packet that goes whole, so that a datagram of 256 octets does. `None`: it would be too many pieces.
#[must_use]
pub fn segments(length: usize, paclen: usize) -> Option<usize> {
    if length <= paclen {
        return Some(1);
    }
    let piece = paclen.checked_sub(2).filter(|piece| *piece > 0)?;
    let count = (length + 1).div_ceil(piece);
    (count <= MOST_SEGMENTS).then_some(count)
}

/// Writes piece number `at` of `count` of a packet over `field`; returns its PID.
pub fn cut(
    pid_of: u8,
    packet: &[u8],
    paclen: usize,
    at: usize,
    count: usize,
    field: &mut Vec<u8>,
) -> u8 {
    field.clear();
    if count <= 1 {
        field.extend_from_slice(packet);
        return pid_of;
    }
    let piece = paclen - 2;
    let left = (count - 1 - at) as u8;
    field.push(if at == 0 { left | FIRST } else { left });
    if at == 0 {
        field.push(pid_of);
        field.extend_from_slice(packet.get(..piece - 1).unwrap_or(packet));
    } else {
        let start = at * piece - 1;
        let end = packet.len().min(start + piece);
        field.extend_from_slice(packet.get(start..end).unwrap_or_default());
    }
    pid::SEGMENT
}

/// Puts pieces together.
#[derive(Debug, Default)]
pub struct Reassembly {
    octets: Vec<u8>,
    /// Pieces that are missing; `None`: no packet has begun.
    missing: Option<u8>,
}

/// What came of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The packet is whole: its PID; it is in [`Reassembly::packet`].
    Whole(u8),
    /// More is to come.
    More,
    /// It does not belong to what came before; both are dropped.
    Wrong,
}

impl Reassembly {
    /// A frame that is no piece: what was begun is lost. Whether something was.
    pub fn interrupt(&mut self) -> bool {
        self.octets.clear();
        self.missing.take().is_some()
    }

    /// A piece came: the information field behind the PID.
    pub fn piece(&mut self, field: &[u8]) -> Outcome {
        let Some((&header, piece)) = field.split_first() else {
            self.interrupt();
            return Outcome::Wrong;
        };
        let left = header & !FIRST;
        if header & FIRST != 0 {
            self.octets.clear();
        }
        let fits = self.octets.len() + piece.len() <= LONGEST;
        if !fits || header & FIRST == 0 && self.missing != Some(left + 1) {
            self.interrupt();
            return Outcome::Wrong;
        }
        self.missing = Some(left);
        self.octets.extend_from_slice(piece);
        if left > 0 {
            return Outcome::More;
        }
        self.missing = None;
        match self.octets.first() {
            Some(pid) => Outcome::Whole(*pid),
            None => Outcome::Wrong,
        }
    }

    /// The packet that is whole, without its PID.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        self.octets.get(HEADER..).unwrap_or_default()
    }

    /// The memory of the packet is used again.
    pub fn done(&mut self) {
        self.octets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_four_of_the_reference() {
        let mut packet = vec![
            0x45, 0x04, 0x00, 0x1e, 0x00, 0x01, 0x00, 0x00, 0xff, 0x11, 0x63, 0xc7,
        ];
        packet.extend([0x2c, 0, 0, 1, 0x2c, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let count = segments(packet.len(), 16).unwrap();
        assert_eq!(count, 3);
        let mut field = Vec::new();
        let mut whole = Reassembly::default();
        let expected: [&[u8]; 3] = [
            &[
                0x82, 0xcc, 0x45, 0x04, 0x00, 0x1e, 0, 1, 0, 0, 0xff, 0x11, 0x63, 0xc7, 0x2c,
            ],
            &[0x01, 0, 0, 1, 0x2c, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7],
            &[0x00, 8, 9, 10],
        ];
        for (at, wanted) in expected.into_iter().enumerate() {
            assert_eq!(
                cut(pid::IP, &packet, 16, at, count, &mut field),
                pid::SEGMENT
            );
            assert_eq!(field, wanted);
            let outcome = whole.piece(&field);
            assert_eq!(outcome == Outcome::Whole(pid::IP), at == 2);
        }
        assert_eq!(whole.packet(), packet);
    }

    #[test]
    fn every_length_comes_back() {
        for paclen in [3, 16, 64, 256] {
            for length in 0..1200 {
                let packet: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let Some(count) = segments(length, paclen) else {
                    assert!(length + 1 > (paclen - 2) * MOST_SEGMENTS);
                    continue;
                };
                let mut field = Vec::new();
                if count == 1 {
                    assert_eq!(cut(pid::IP, &packet, paclen, 0, 1, &mut field), pid::IP);
                    assert_eq!(field, packet);
                    continue;
                }
                let mut whole = Reassembly::default();
                for at in 0..count {
                    cut(pid::IP, &packet, paclen, at, count, &mut field);
                    assert!(field.len() < paclen);
                    let outcome = whole.piece(&field);
                    let last = at == count - 1;
                    assert_eq!(
                        outcome,
                        if last {
                            Outcome::Whole(pid::IP)
                        } else {
                            Outcome::More
                        }
                    );
                }
                assert_eq!(whole.packet(), packet);
            }
        }
        assert_eq!(segments(10, 2), None);
    }

    #[test]
    fn pieces_that_do_not_fit_end_a_packet() {
        let mut whole = Reassembly::default();
        assert_eq!(whole.piece(&[]), Outcome::Wrong);
        assert_eq!(whole.piece(&[0x01, 5]), Outcome::Wrong);
        assert_eq!(whole.piece(&[0x82, pid::IP, 1]), Outcome::More);
        assert_eq!(whole.piece(&[0x00, 1]), Outcome::Wrong);
        assert_eq!(whole.piece(&[0x01, 1]), Outcome::Wrong);
        assert_eq!(whole.piece(&[0x82, pid::IP, 1]), Outcome::More);
        assert!(whole.interrupt() && !whole.interrupt());
        assert_eq!(whole.piece(&[0x01, 1]), Outcome::Wrong);
        assert_eq!(whole.piece(&[0x80, pid::IP, 9]), Outcome::Whole(pid::IP));
        assert_eq!(whole.packet(), [9]);
        assert_eq!(whole.piece(&[0x80]), Outcome::Wrong);
        // A packet that no protocol has.
        let mut piece = vec![0; 2049];
        let mut outcomes = (0..=127u8).map(|at| {
            piece[0] = (127 - at) | if at == 0 { 0x80 } else { 0 };
            whole.piece(&piece)
        });
        assert_eq!(
            outcomes.position(|outcome| outcome == Outcome::Wrong),
            Some(32)
        );
    }
}
