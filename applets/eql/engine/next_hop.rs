//! The next router on an Ethernet, as the kernel finds it: asked for, found, doubted, silent.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The first pause before a silent next hop is asked for again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long somebody waits for a next hop. The kernel gives up after three seconds, in which it may
/// not have asked at all: for an IPv6 neighbour nothing is sent until this end's own link-local
/// address is known to be no other's, which alone takes up to two (RFC 4862, 5.4). With this it
/// asks twice, and a third time where it was late.
const SEARCH: Duration = Duration::from_secs(6);

/// What the kernel says of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Where it is.
    At {
        /// Its hardware address.
        hardware: [u8; 6],
        /// It is to be asked again as soon as it is used.
        doubted: bool,
    },
    /// It is being asked: until it is silent, what was known is good.
    Asked,
    /// It does not answer.
    Silent,
    /// The kernel has forgotten it.
    Forgotten,
}

/// The next router of a slave.
#[derive(Clone, Debug)]
pub struct NextHop {
    address: IpAddr,
    hardware: Option<[u8; 6]>,
    doubted: bool,
    pause: Duration,
    again: Option<Instant>,
}

impl NextHop {
    /// One of which only the address is known.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            hardware: None,
            doubted: false,
            pause: FIRST_PAUSE,
            again: None,
        }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Where it is, while the kernel knows.
    pub fn hardware(&self) -> Option<[u8; 6]> {
        self.hardware
    }

    /// Word of the kernel. Returns whether the kernel is to be asked now.
    pub fn heard(&mut self, now: Instant, heard: Heard) -> bool {
        self.doubted = matches!(heard, Heard::At { doubted: true, .. });
        match heard {
            Heard::At { hardware, .. } => {
                self.hardware = Some(hardware);
                self.pause = FIRST_PAUSE;
                self.again = None;
            }
            Heard::Silent => {
                self.hardware = None;
                self.again = Some(now + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
            Heard::Asked => {}
            Heard::Forgotten => return true,
        }
        false
    }

    /// The interface is gone, or another one: what was known was known of that one.
    pub fn lost(&mut self) {
        *self = Self::new(self.address);
    }

    /// The interface runs from now on, so that the kernel is to be asked. A silence before does not
    /// tell of one to come: the pauses begin anew.
    pub fn begin(&mut self) {
        self.pause = FIRST_PAUSE;
        self.again = None;
    }

    /// A packet goes to it. Returns whether the kernel is to be asked whether it is still there.
    pub fn used(&mut self) -> bool {
        std::mem::take(&mut self.doubted)
    }

    /// When it is asked for again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }

    /// Returns whether the kernel is to be asked now.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        self.again.take_if(|again| *again <= now).is_some()
    }
}

/// Somebody waits until a next hop is found.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    began: Instant,
}

impl Search {
    /// The kernel was asked just now.
    pub fn new(now: Instant) -> Self {
        Self { began: now }
    }

    /// The kernel has not found it, or forgot it. Returns whether it is to be asked once more.
    pub fn goes_on(&self, now: Instant) -> bool {
        now < self.began + SEARCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::Clock;

    const HERE: Heard = Heard::At {
        hardware: [2, 0, 0, 0, 0, 1],
        doubted: false,
    };

    fn hop() -> (NextHop, Instant) {
        (NextHop::new([192, 0, 2, 1].into()), Clock::new().now())
    }

    #[test]
    fn a_silent_next_hop_is_asked_for_less_and_less() {
        let (mut hop, mut now) = hop();
        assert_eq!(hop.poll_timeout(), None);
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            assert!(!hop.heard(now, Heard::Silent));
            let at = hop.poll_timeout().unwrap();
            assert_eq!((at - now).as_secs(), seconds);
            assert!(!hop.handle_timeout(at - Duration::from_millis(1)));
            assert!(hop.handle_timeout(at));
            assert_eq!(hop.poll_timeout(), None);
            now = at;
        }
        // Found, it is trusted as at first.
        assert!(!hop.heard(now, HERE));
        assert_eq!(hop.hardware(), Some([2, 0, 0, 0, 0, 1]));
        hop.heard(now, Heard::Silent);
        assert_eq!(hop.hardware(), None);
        assert_eq!(hop.poll_timeout(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn an_interface_that_runs_again_is_not_made_to_wait_for_an_old_silence() {
        let (mut hop, now) = hop();
        for _ in 0..8 {
            hop.heard(now, Heard::Silent);
        }
        hop.begin();
        assert_eq!(hop.poll_timeout(), None);
        hop.heard(now, Heard::Silent);
        assert_eq!(hop.poll_timeout(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn what_is_known_holds_until_it_is_silent() {
        let (mut hop, now) = hop();
        hop.heard(now, HERE);
        assert!(!hop.used());
        let doubted = Heard::At {
            hardware: [2; 6],
            doubted: true,
        };
        assert!(!hop.heard(now, doubted));
        // Once for each doubt.
        assert!(hop.used() && !hop.used());
        assert!(!hop.heard(now, Heard::Asked));
        assert_eq!(hop.hardware(), Some([2; 6]));
        assert!(hop.heard(now, Heard::Forgotten));
        assert_eq!(hop.hardware(), Some([2; 6]));
        hop.lost();
        assert_eq!(hop.hardware(), None);
    }

    #[test]
    fn who_waits_has_the_kernel_asked_twice() {
        let now = Clock::new().now();
        let search = Search::new(now);
        let after = |tenths: u64| now + Duration::from_millis(100 * tenths);
        // The kernel's word comes after three seconds each.
        assert!(search.goes_on(after(31)));
        assert!(!search.goes_on(after(62)));
        // Well before those who ask lose patience, also when it came late.
        assert!(!search.goes_on(after(69)));
    }
}
