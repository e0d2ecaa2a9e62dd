//! I frames that come before those in front of them (section 6.4.4): they are kept, and what is
//! missing is asked for, by REJ all of it or by SREJ one by one.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use wanbox_wire::lapb::{Control, Modulo, Supervisory};

use crate::lapb::counters::count;
use crate::lapb::{Engine, Parameters};

/// A number modulo the modulo.
#[derive(Debug, Default)]
struct Slot {
    /// The packet that came before those in front of it.
    packet: Option<Vec<u8>>,
    /// Of the last packet that had the number: a frame that is the same may be that one once more,
    /// and is never kept for a new one.
    digest: Option<u64>,
    /// Whether SREJ was sent for it.
    asked: bool,
}

/// The frames behind V(R).
#[derive(Debug, Default)]
pub(super) struct Gaps {
    slots: Vec<Slot>,
    /// How many slots have a packet.
    kept: usize,
    /// Packets that a filled gap has set free.
    ready: VecDeque<Vec<u8>>,
    /// Whether there may be numbers that no SREJ was sent for.
    request: bool,
    /// Whether the peer's window is known to be at most half of the numbers: then those ahead are
    /// new, whatever they are the same as.
    pub(super) distinct: bool,
}

impl Gaps {
    /// Numbers begin at 0 again.
    pub(super) fn restart(&mut self, modulo: Modulo) {
        self.slots.clear();
        self.slots
            .resize_with(usize::from(modulo.highest()) + 1, Slot::default);
        self.kept = 0;
        self.request = false;
    }

    fn slot(&mut self, number: u8) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(number))
    }

    /// A frame that is not the expected one: whether it is kept.
    fn keep(&mut self, ns: u8, information: &[u8]) -> bool {
        let (digest, distinct) = (digest(information), self.distinct);
        let Some(slot) = self.slot(ns) else {
            return false;
        };
        if slot.packet.is_some() || !distinct && slot.digest == Some(digest) {
            return false;
        }
        *slot = Slot {
            packet: Some(information.to_vec()),
            digest: Some(digest),
            asked: false,
        };
        self.kept += 1;
        self.request = true;
        true
    }

    /// The frame that was expected came: how many of those behind it follow.
    fn release(&mut self, modulo: Modulo, ns: u8, information: &[u8]) -> u8 {
        if let Some(slot) = self.slot(ns) {
            // A frame that was kept has been taken out before V(R) reached it.
            *slot = Slot {
                packet: None,
                digest: Some(digest(information)),
                asked: false,
            };
        }
        let mut released = 0;
        while self.kept > 0 {
            let Some(slot) = self.slot(modulo.add(ns, released + 1)) else {
                break;
            };
            let Some(packet) = slot.packet.take() else {
                break;
            };
            slot.asked = false;
            self.ready.push_back(packet);
            self.kept -= 1;
            released += 1;
        }
        released
    }

    /// The next number from `vr` on that SREJ is to be sent for.
    fn next_missing(&mut self, modulo: Modulo, vr: u8) -> Option<u8> {
        if !self.request {
            return None;
        }
        let mut before = self.kept;
        for ahead in 0..=modulo.highest() {
            if before == 0 {
                break;
            }
            let number = modulo.add(vr, ahead);
            let Some(slot) = self.slot(number) else {
                break;
            };
            if slot.packet.is_some() {
                before -= 1;
            } else if !std::mem::replace(&mut slot.asked, true) {
                return Some(number);
            }
        }
        self.request = false;
        None
    }

    /// What SREJ was sent for is asked for once more.
    fn ask_again(&mut self) {
        for slot in &mut self.slots {
            slot.asked = false;
        }
        self.request = true;
    }
}

/// Of a packet. That two have the same one does no harm: see [`Slot::digest`].
fn digest(information: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    information.hash(&mut hasher);
    hasher.finish()
}

impl Engine {
    /// The next packet that a filled gap has set free, after [`Engine::receive`] returned one.
    pub fn next_kept(&mut self) -> Option<Vec<u8>> {
        self.ax25.as_mut()?.gaps.ready.pop_front()
    }

    /// An I frame by the rules of AX.25 (section 6.4.2), with a valid N(R): whether its packet is
    /// delivered. Others may follow it: [`Engine::next_kept`].
    pub(in crate::lapb) fn resequence(&mut self, now: Instant, ns: u8, information: &[u8]) -> bool {
        let Parameters { modulo, .. } = self.parameters;
        let Some(ax25) = &mut self.ax25 else {
            return false;
        };
        // What is kept modulo 128 is bounded by what this end would send.
        let last = match modulo {
            Modulo::Eight => modulo.highest(),
            Modulo::OneTwentyEight => ax25.rules.k_extended.max(2),
        };
        let last = if ax25.gaps.distinct {
            last.min(modulo.highest().div_ceil(2))
        } else {
            last
        };
        let ahead = modulo.steps(self.vr, ns);
        let mut gap = self.gap;
        if ahead == 0 {
            let released = ax25.gaps.release(modulo, ns, information);
            self.vr = modulo.add(ns, released + 1);
            self.heard = true;
            gap = false;
            count(&mut self.counters.delivered);
        } else if ahead == modulo.highest() || ahead >= last || !ax25.gaps.keep(ns, information) {
            count(&mut self.counters.duplicates);
        } else {
            count(&mut self.counters.out_of_sequence);
        }
        if ax25.gaps.kept == 0 {
            gap = false;
            self.missed = false;
            self.due.reject = false;
        } else if ax25.selective {
            gap = true;
        } else {
            self.due.reject |= !gap;
            gap = true;
        }
        self.gap = gap;
        self.acknowledge_soon(now);
        ahead == 0
    }

    /// A SREJ that is to be sent; with F it answers a poll and acknowledges.
    pub(in crate::lapb) fn next_selective(&mut self, answers: bool) -> Option<Control> {
        let modulo = self.parameters.modulo;
        let ax25 = self.ax25.as_mut()?;
        if !ax25.selective || ax25.gaps.kept == 0 || self.local_busy {
            return None;
        }
        if answers {
            ax25.gaps.ask_again();
        }
        Some(Control::Supervisory {
            kind: Supervisory::Srej,
            nr: ax25.gaps.next_missing(modulo, self.vr)?,
            poll_final: answers,
        })
    }

    /// SREJ came (section 4.3.2.4): with F it acknowledges what is before it.
    pub(in crate::lapb) fn receive_selective(&mut self, now: Instant, nr: u8, last: bool) -> bool {
        if last && !self.acknowledge(now, nr) {
            return false;
        }
        if !self.window.select(nr) {
            // It was acknowledged meanwhile.
            count(&mut self.counters.duplicates);
            return true;
        }
        self.mark_repeated();
        self.remote_busy = false;
        self.timers.busy = None;
        if last && self.recovering {
            self.recovering = false;
            self.due.enquiry = false;
        }
        if !self.recovering {
            self.timers.t1 = None;
        }
        true
    }
}
