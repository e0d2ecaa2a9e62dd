//! The sequence rules of SLARP keepalives.
//!
//! Each side counts its keepalives and returns the count it heard last. A count
//! of ours that comes back in that place says that the peer hears us. A count of
//! ours that comes back as the sender's *own* says either that the line is
//! looped or that the peer happens to count alike, as two routers do that were
//! started together. So the first such coincidence only makes us jump to a
//! random count; when that comes back too, it is our own frame.

use wanbox_link::random::SplitMix64;

/// How many of our latest keepalives are recognised when they come back. A loop
/// holds few; a small window keeps the chance of taking a peer for one at 2^-28.
const ECHO_WINDOW: u32 = 16;

/// A peer's count that goes back, or ahead by more than this, is a new count:
/// the peer restarted, or looked for a loop itself.
const STEP_LIMIT: u32 = 16;

/// What a received keepalive means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The peer hears us.
    Acknowledged,
    /// It is the peer's, but does not show that it hears us.
    Unacknowledged,
    /// It may be our own; the next one sent will tell.
    Suspect,
    /// It is our own.
    Echo,
}

/// What a received keepalive tells of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The one that was heard before, and it has heard us.
    Known,
    /// It was not heard before or has heard nobody: it waits for us.
    Waiting,
    /// Its count jumped: it restarted.
    Restarted,
}

/// Both sides' counts.
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    random: SplitMix64,
    /// The count sent last; 0 when none was.
    sent: u32,
    /// The one sent before; 0 when none was.
    previous: u32,
    /// Keepalives sent since the count last jumped.
    run: u32,
    /// The count of this run began at random.
    drawn: bool,
    /// The next count is to be drawn at random.
    jump: bool,
    /// The peer's last count; 0 when none was heard.
    heard: u32,
}

impl Sequences {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: SplitMix64::new(seed),
            sent: 0,
            previous: 0,
            run: 0,
            drawn: false,
            jump: false,
            heard: 0,
        }
    }

    /// The count sent last and the peer's last; 0 for none.
    pub(super) fn current(&self) -> (u32, u32) {
        (self.sent, self.heard)
    }

    /// The line was away: whoever is at its other end now has not been heard.
    pub(super) fn forget_peer(&mut self) {
        self.heard = 0;
    }

    /// The count of the next keepalive, and the peer's last.
    pub(super) fn next(&mut self) -> (u32, u32) {
        self.previous = self.sent;
        if std::mem::take(&mut self.jump) {
            self.sent = self.random.next_u32();
            self.run = 0;
            self.drawn = true;
        } else {
            self.sent = self.sent.wrapping_add(1);
        }
        // 0 means "none" to the peer.
        self.sent = self.sent.max(1);
        self.run = self.run.saturating_add(1);
        (self.sent, self.heard)
    }

    /// A keepalive came in.
    pub(super) fn receive(&mut self, sequence: u32, last_received: u32) -> (Verdict, Sender) {
        let age = self.sent.wrapping_sub(sequence);
        if age < self.run.min(ECHO_WINDOW) {
            // Remembered all the same: if it is a peer that counts alike, it must hear of it.
            self.heard = sequence;
            self.jump = true;
            let verdict = if self.drawn {
                Verdict::Echo
            } else {
                Verdict::Suspect
            };
            return (verdict, Sender::Known);
        }
        let sender = if self.heard == 0 {
            Sender::Waiting
        } else if sequence.wrapping_sub(self.heard) > STEP_LIMIT {
            Sender::Restarted
        } else if last_received == 0 {
            Sender::Waiting
        } else {
            Sender::Known
        };
        self.heard = sequence;
        // One older than the present count is taken too: the peer answers with
        // its own next keepalive, and when the line is slow that crosses ours.
        let answered =
            last_received != 0 && (last_received == self.sent || last_received == self.previous);
        // Who sends no keepalives has no count that could be returned.
        let verdict = if answered || self.sent == 0 {
            Verdict::Acknowledged
        } else {
            Verdict::Unacknowledged
        };
        (verdict, sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_starts_at_one_and_skips_zero() {
        let mut own = Sequences::new(1);
        assert_eq!(own.next(), (1, 0));
        assert_eq!(own.next(), (2, 0));
        own.sent = u32::MAX;
        assert_eq!(own.next(), (1, 0));
    }

    #[test]
    fn the_present_and_the_previous_count_are_answers() {
        let mut own = Sequences::new(1);
        for _ in 0..20 {
            own.next();
        }
        for (last_received, expected) in [
            (0, Verdict::Unacknowledged),
            (18, Verdict::Unacknowledged),
            (19, Verdict::Acknowledged),
            (20, Verdict::Acknowledged),
            (21, Verdict::Unacknowledged),
        ] {
            assert_eq!(own.receive(1000, last_received).0, expected);
        }
        assert_eq!(own.next(), (21, 1000));
    }

    #[test]
    fn a_restarted_peer_is_noticed() {
        let mut own = Sequences::new(1);
        for _ in 0..30 {
            own.next();
        }
        let answer = Verdict::Acknowledged;
        assert_eq!(own.receive(500, 30), (answer, Sender::Waiting));
        assert_eq!(own.receive(501, 30), (answer, Sender::Known));
        assert_eq!(own.receive(501, 30), (answer, Sender::Known), "a copy");
        assert_eq!(own.receive(517, 30), (answer, Sender::Known), "some lost");
        assert_eq!(
            own.receive(1, 0),
            (Verdict::Unacknowledged, Sender::Restarted)
        );
        assert_eq!(
            own.receive(2, 0),
            (Verdict::Unacknowledged, Sender::Waiting)
        );
        assert_eq!(own.receive(3, 30), (answer, Sender::Known));
        assert_eq!(own.receive(70_000, 30), (answer, Sender::Restarted));
        own.forget_peer();
        assert_eq!(own.receive(3, 30), (answer, Sender::Waiting));
        own.heard = u32::MAX;
        assert_eq!(own.receive(1, 30), (answer, Sender::Known), "wraps");
    }

    #[test]
    fn a_loop_is_found_with_the_second_coincidence() {
        let mut own = Sequences::new(1);
        let (first, heard) = own.next();
        assert_eq!(own.receive(first, heard).0, Verdict::Suspect);
        // Copies of the same frame prove nothing.
        assert_eq!(own.receive(first, heard).0, Verdict::Suspect);
        let (second, heard) = own.next();
        assert_ne!(second, 2);
        assert_eq!(own.receive(second, heard).0, Verdict::Echo);
        // An older one that comes late is no answer either.
        assert_eq!(own.receive(first, 0).0, Verdict::Unacknowledged);
    }

    #[test]
    fn two_that_count_alike_part_and_hear_each_other() {
        let (mut a, mut b) = (Sequences::new(1), Sequences::new(2));
        let (of_a, of_b) = (a.next(), b.next());
        assert_eq!(of_a, of_b);
        assert_eq!(a.receive(of_b.0, of_b.1).0, Verdict::Suspect);
        assert_eq!(b.receive(of_a.0, of_a.1).0, Verdict::Suspect);
        for _ in 0..100 {
            let (of_a, of_b) = (a.next(), b.next());
            assert_ne!(of_a.0, of_b.0);
            assert_eq!(a.receive(of_b.0, of_b.1).0, Verdict::Acknowledged);
            assert_eq!(b.receive(of_a.0, of_a.1).0, Verdict::Acknowledged);
        }
    }

    #[test]
    fn without_own_keepalives_the_peer_alone_counts() {
        let mut own = Sequences::new(1);
        assert_eq!(own.receive(7, 0).0, Verdict::Acknowledged);
        assert_eq!(own.receive(0, 0).0, Verdict::Acknowledged);
    }
}
