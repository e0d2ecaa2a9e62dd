//! What the other side holds of what was sent (RFC 6675).

use crate::sequence::Seq;

/// The ranges that were selectively acknowledged, and how far retransmission has come.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    /// In order, apart from each other.
    ranges: Vec<(Seq, Seq)>,
    /// HighRxt: behind the last octet retransmitted in this recovery.
    pub retransmitted: Seq,
    /// RescueRxt: the end goes again once a recovery.
    pub rescue: Rescue,
}

/// Whether the end of what is under way may go again although nothing came through behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rescue {
    /// Not before a retransmission was acknowledged: until then the end may be on its way still.
    #[default]
    Early,
    /// Yes.
    Due,
    /// It did.
    Done,
}

/// RFC 6675 section 2.
const DUP_THRESH: usize = 3;

impl Scoreboard {
    /// The most ranges. What would be one more is forgotten: it is sent once more, at worst.
    const MOST: usize = 256;

    /// Notes a block within what is under way; the octets that are new.
    pub fn add(&mut self, left: Seq, right: Seq) -> u32 {
        let first = self.ranges.partition_point(|range| range.1.before(left));
        let behind = self.ranges.partition_point(|range| range.0.up_to(right));
        if first >= behind && self.ranges.len() >= Self::MOST {
            return 0;
        }
        let mut joined = (left, right);
        let mut known = 0;
        for range in self.ranges.drain(first..behind.max(first)) {
            known += range.1.since(range.0);
            joined.0 = joined.0.earlier(range.0);
            joined.1 = joined.1.later(range.1);
        }
        self.ranges.insert(first, joined);
        joined.1.since(joined.0) - known
    }

    /// Everything before `una` is acknowledged.
    pub fn advance(&mut self, una: Seq) {
        let done = self.ranges.partition_point(|range| range.1.up_to(una));
        self.ranges.drain(..done);
        if let Some(first) = self.ranges.first_mut() {
            first.0 = first.0.later(una);
        }
    }

    /// The octets acknowledged selectively before `end`.
    pub fn octets_before(&self, end: Seq) -> u32 {
        self.ranges
            .iter()
            .take_while(|range| range.0.before(end))
            .map(|range| range.1.earlier(end).since(range.0))
            .sum()
    }

    /// The first octet is held by the other side although it does not acknowledge it: it has taken
    /// back what it said (RFC 2018 section 8).
    pub fn is_reneged(&self, una: Seq) -> bool {
        self.ranges.first().is_some_and(|range| range.0 == una)
    }

    /// The range that holds this octet ends there; or the octet itself.
    pub fn skip(&self, at: Seq) -> Seq {
        let place = self.ranges.partition_point(|range| range.1.up_to(at));
        match self.ranges.get(place) {
            Some(range) if range.0.up_to(at) => range.1,
            _ => at,
        }
    }

    /// Where the next range behind this octet begins.
    pub fn next_range(&self, at: Seq) -> Option<Seq> {
        let place = self.ranges.partition_point(|range| range.0.up_to(at));
        self.ranges.get(place).map(|range| range.0)
    }

    /// Behind the highest octet acknowledged selectively.
    pub fn highest(&self) -> Option<Seq> {
        self.ranges.last().map(|range| range.1)
    }

    /// Octets before this place that are not acknowledged are lost (IsLost): three ranges, or more
    /// than two segments of octets, came through behind them.
    pub fn lost_before(&self, mss: u32) -> Option<Seq> {
        let mut octets = 0;
        for (count, range) in self.ranges.iter().rev().enumerate() {
            octets += range.1.since(range.0);
            if count + 1 >= DUP_THRESH || octets > (DUP_THRESH as u32 - 1) * mss {
                return Some(range.0);
            }
        }
        None
    }

    /// Octets under way (SetPipe) between `una` and `max`: those not acknowledged and not lost, and
    /// those retransmitted.
    pub fn pipe(&self, una: Seq, max: Seq, mss: u32) -> u32 {
        let lost = self.lost_before(mss).unwrap_or(una).later(una);
        let high = self.retransmitted.later(una).earlier(max);
        let holes = |from: Seq, to: Seq| {
            if !from.before(to) {
                return 0;
            }
            to.since(from) - (self.octets_before(to) - self.octets_before(from))
        };
        holes(lost, max) + holes(una, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(ranges: &[(u32, u32)]) -> Scoreboard {
        let mut board = Scoreboard::default();
        for (left, right) in ranges {
            board.add(Seq(*left), Seq(*right));
        }
        board
    }

    #[test]
    fn losses_are_seen_by_what_came_behind() {
        // Segments of 100 octets.
        let mut board = board(&[(200, 300)]);
        assert_eq!(board.lost_before(100), None);
        assert_eq!(board.add(Seq(300), Seq(400)), 100);
        assert_eq!(board.lost_before(100), None, "two segments are not three");
        assert_eq!(board.add(Seq(350), Seq(500)), 100);
        assert_eq!(board.lost_before(100), Some(Seq(200)));
        assert_eq!(board.pipe(Seq(100), Seq(1000), 100), 500);
        board.retransmitted = Seq(200);
        assert_eq!(board.pipe(Seq(100), Seq(1000), 100), 600);
        assert_eq!(board.add(Seq(700), Seq(710)), 10);
        assert_eq!(board.add(Seq(800), Seq(810)), 10);
        assert_eq!(board.skip(Seq(250)), Seq(500));
        assert_eq!(board.skip(Seq(500)), Seq(500));
        assert_eq!(board.next_range(Seq(500)), Some(Seq(700)));
        assert_eq!(board.highest(), Some(Seq(810)));
        board.advance(Seq(705));
        assert_eq!(board.octets_before(Seq(805)), 10);
        assert!(board.is_reneged(Seq(705)) && !board.is_reneged(Seq(704)));
    }

    #[test]
    fn three_short_ranges_tell_as_much() {
        let board = board(&[(200, 210), (300, 310), (400, 410)]);
        assert_eq!(board.lost_before(100), Some(Seq(200)));
    }

    #[test]
    fn ranges_are_bounded() {
        let mut board = Scoreboard::default();
        for at in 0..1000 {
            board.add(Seq(at * 10), Seq(at * 10 + 1));
        }
        assert_eq!(board.octets_before(Seq(100_000)), Scoreboard::MOST as u32);
    }
}
