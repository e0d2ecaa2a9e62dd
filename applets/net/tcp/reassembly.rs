//! What came out of order (RFC 9293 section 3.10.7.4, RFC 2018 section 4).

use wanbox_wire::ip::SackBlocks;

use crate::sequence::Seq;

/// The places of octets that lie in the receive buffer behind a hole.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// In order, apart from each other, with the time of the last change of each.
    runs: Vec<(Seq, Seq, u32)>,
    clock: u32,
}

impl Reassembly {
    /// The most runs: more holes than this are not worth the memory.
    const MOST: usize = 64;

    /// Whether there are octets.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The runs as (start, octets).
    pub fn runs(&self) -> impl Iterator<Item = (Seq, u32)> {
        self.runs
            .iter()
            .map(|(left, right, _)| (*left, right.since(*left)))
    }

    /// Adds octets from `left` up to `right`; `false` when there would be too many runs.
    pub fn add(&mut self, left: Seq, right: Seq) -> bool {
        let first = self.runs.partition_point(|run| run.1.before(left));
        let behind = self.runs.partition_point(|run| run.0.up_to(right));
        if first >= behind && self.runs.len() >= Self::MOST {
            return false;
        }
        self.clock += 1;
        let mut joined = (left, right, self.clock);
        for run in self.runs.drain(first..behind.max(first)) {
            joined.0 = joined.0.earlier(run.0);
            joined.1 = joined.1.later(run.1);
        }
        self.runs.insert(first, joined);
        true
    }

    /// Everything up to `next` is in order now: how far it goes on without a hole.
    pub fn advance(&mut self, next: Seq) -> Seq {
        let mut end = next;
        let mut done = 0;
        for (left, right, _) in &self.runs {
            if end.before(*left) {
                break;
            }
            end = end.later(*right);
            done += 1;
        }
        self.runs.drain(..done);
        end
    }

    /// The blocks to tell the other side, the last changed first.
    pub fn blocks(&self, most: usize) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        let mut newest = u32::MAX;
        for _ in 0..most {
            let found = self
                .runs
                .iter()
                .filter(|run| run.2 < newest)
                .max_by_key(|run| run.2);
            let Some((left, right, clock)) = found else {
                break;
            };
            blocks.push(left.0, right.0);
            newest = *clock;
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join() {
        let mut runs = Reassembly::default();
        let add = |runs: &mut Reassembly, l: u32, r: u32| assert!(runs.add(Seq(l), Seq(r)));
        add(&mut runs, 30, 40);
        add(&mut runs, 10, 20);
        add(&mut runs, 50, 60);
        assert_eq!(
            runs.blocks(4).as_slice(),
            [(50, 60), (10, 20), (30, 40)],
            "the last changed first"
        );
        add(&mut runs, 20, 30);
        assert_eq!(runs.blocks(4).as_slice(), [(10, 40), (50, 60)]);
        assert_eq!(runs.blocks(1).as_slice(), [(10, 40)]);
        add(&mut runs, 5, 100);
        assert_eq!(runs.blocks(4).as_slice(), [(5, 100)]);
        assert_eq!(runs.advance(Seq(4)), Seq(4));
        assert_eq!(runs.advance(Seq(7)), Seq(100));
        assert!(runs.is_empty());
    }

    #[test]
    fn holes_are_bounded() {
        let mut runs = Reassembly::default();
        for at in 0..Reassembly::MOST as u32 {
            assert!(runs.add(Seq(at * 10), Seq(at * 10 + 5)));
        }
        assert!(!runs.add(Seq(10_000), Seq(10_001)));
        assert!(
            runs.add(Seq(5), Seq(6)),
            "what touches a run makes no new one"
        );
    }
}
