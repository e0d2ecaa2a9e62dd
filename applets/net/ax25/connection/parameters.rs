//! What connections work with: the values of the `ax25` commands.

use std::time::Duration;

use wanbox_link::lapb;

pub use lapb::Extended;

/// Frames that wait behind the window.
const QUEUE: usize = 16;
/// The most octets of information that are sent and taken.
pub(super) const MOST: u16 = 2048;
/// The most octets of PID and information that are taken.
const LONGEST: usize = 1 + MOST as usize;

/// The parameters of a connection. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// T1 before a round trip was measured: how long an answer may take; 1 to 2^31-1.
    pub t1: u32,
    /// T2: how long after an I frame the acknowledgement waits for more of them; 1 to 2^31-1.
    pub t2: u32,
    /// T3: after how long a silence the peer is polled; 0: never.
    pub t3: u32,
    /// T4: after how long a busy peer is polled; 1 to 2^31-1.
    pub t4: u32,
    /// T5: after how long without I frames the connection is closed; 0: never.
    pub t5: u32,
    /// N2: how often a frame is repeated before the peer counts as gone; 0: for ever.
    pub retry: u16,
    /// From this many repetitions on T1 grows no more. May change while a connection lives.
    pub blimit: u32,
    /// The most I frames that wait for acknowledgement modulo 8; 1 to 7. May change while a
    /// connection lives.
    pub maxframe: u8,
    /// The same modulo 128; 1 to 127.
    pub maxframe_extended: u8,
    /// Octets of information in an I frame, 1 to 65535; more than 2048 are as 2048.
    pub paclen: u16,
    /// An I frame of fewer octets, PID and information, is repeated with P instead of a poll.
    pub pthresh: u16,
    /// Octets that may wait to be read before the peer is told to wait (RNR); 1 to 65535.
    pub window: u16,
    /// 1 or 2: version 1 does without P and F.
    pub version: u8,
    /// What is done about version 2.2.
    pub extended: Extended,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            t1: 5000,
            t2: 300,
            t3: 900_000,
            t4: 60_000,
            t5: 3_600_000,
            retry: 10,
            blimit: 16,
            maxframe: 7,
            maxframe_extended: 32,
            paclen: 256,
            pthresh: 64,
            window: 2048,
            version: 2,
            extended: Extended::Accepted,
        }
    }
}

/// A time of the parameters.
pub(super) fn millis(time: u32) -> Duration {
    Duration::from_millis(time.into())
}

impl Parameters {
    /// T1 of the first frames over a path with so many digipeaters ahead.
    fn first_t1(&self, digis_ahead: u8) -> Duration {
        millis(self.t1.saturating_mul(1 + 2 * u32::from(digis_ahead)))
    }

    /// k modulo 8, in its range.
    pub(super) fn k(&self) -> u8 {
        self.maxframe.clamp(1, 7)
    }

    /// k modulo 128, in its range.
    pub(super) fn k_extended(&self) -> u8 {
        self.maxframe_extended.clamp(1, 127)
    }

    /// A link with these parameters.
    pub(super) fn engine(&self, digis_ahead: u8) -> lapb::Engine {
        let parameters = lapb::Parameters {
            t1: self.first_t1(digis_ahead),
            t2: millis(self.t2),
            t4: (self.t3 > 0).then(|| millis(self.t3)),
            n1: LONGEST,
            n2: self.retry,
            k: self.k(),
            queue: QUEUE,
            ..lapb::Parameters::default()
        };
        let rules = lapb::Ax25 {
            busy: millis(self.t4.max(1)),
            back_off_limit: self.blimit,
            poll_threshold: self.pthresh.into(),
            plain: self.version == 1,
            extended: self.extended,
            k_extended: self.k_extended(),
        };
        lapb::Engine::for_ax25(parameters, rules)
    }
}
