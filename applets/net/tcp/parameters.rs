//! What an administrator sets.

use std::time::Duration;

/// How window growth after congestion goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Congestion {
    /// RFC 5681 with RFC 6582: an MSS a round trip.
    #[default]
    NewReno,
    /// RFC 9438: a cubic function of the time.
    Cubic,
}

/// What new connections begin with. Those that exist keep what they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The longest segment offered to the other side, octets of payload (`tcp mss`), 64 to 65495.
    pub mss: u16,
    /// The receive window, and the most octets that wait to be sent (`tcp window`), 1 to 2^30.
    /// Above 65535 it is used up only with `window_scale`.
    pub window: u32,
    /// Data may go with a SYN (`tcp syndata`).
    pub syn_data: bool,
    /// Offer and take timestamps (`tcp timestamps`; RFC 7323).
    pub timestamps: bool,
    /// Offer and take window scaling (`tcp wscale`; RFC 7323).
    pub window_scale: bool,
    /// Offer and take selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Hold small segments back while others are under way (RFC 9293 section 3.7.4).
    pub nagle: bool,
    /// How the congestion window grows.
    pub congestion: Congestion,
    /// Ask the other side whether it is there after so long a silence (RFC 9293 section 3.8.4).
    pub keepalive: Option<Duration>,
    /// Find the path's MTU: packets must not be cut (RFC 1191).
    pub path_mtu_discovery: bool,
    /// Mark congestion instead of losing segments where both sides can (RFC 3168).
    pub ecn: bool,
    /// Type of service of what is sent: six bits DSCP, and two that are zero.
    pub tos: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mss: 512,
            window: 2048,
            syn_data: false,
            timestamps: false,
            window_scale: false,
            sack: true,
            nagle: true,
            congestion: Congestion::NewReno,
            keepalive: None,
            path_mtu_discovery: true,
            ecn: false,
            tos: 0,
        }
    }
}

impl Options {
    /// The least `mss` that is offered or believed: what is smaller makes others send mostly headers.
    pub const LEAST_MSS: u16 = 64;
    /// The largest window (RFC 7323 section 2.3).
    pub const MOST_WINDOW: u32 = 1 << 30;

    /// The same with every value in its range.
    #[must_use]
    pub(crate) fn in_range(mut self) -> Self {
        self.mss = self.mss.clamp(Self::LEAST_MSS, 65_495);
        self.window = self.window.clamp(1, Self::MOST_WINDOW);
        if !self.window_scale {
            self.window = self.window.min(65_535);
        }
        self.tos &= 0xfc;
        self
    }

    /// The shift that makes the window fit into sixteen bits.
    pub(crate) fn shift(&self) -> u8 {
        let mut shift = 0;
        while self.window >> shift > 65_535 && shift < 14 {
            shift += 1;
        }
        shift
    }
}

/// What holds for all connections of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// What new connections begin with.
    pub options: Options,
    /// The round trip time believed in before one is measured (`tcp irtt`). The retransmission
    /// timeout begins with it.
    pub irtt: Duration,
    /// The least retransmission timeout.
    pub rto_min: Duration,
    /// Backing off ends here, unless the timeout itself is longer: on slow channels it may be.
    pub rto_max: Duration,
    /// So many retransmissions of one segment; then the connection is given up.
    pub retransmissions: u8,
    /// The longest time that an acknowledgement waits for data to go with it, at most 500 ms.
    pub delayed_ack: Duration,
    /// Between two questions to a silent side.
    pub keepalive_interval: Duration,
    /// So many unanswered questions; then the connection is given up.
    pub keepalive_probes: u8,
    /// How long the names of a closed connection are kept (2 MSL).
    pub time_wait: Duration,
    /// How long a connection that nobody holds any more waits for the other side's FIN.
    pub fin_wait_2: Duration,
    /// The most connections, those in TIME-WAIT included.
    pub connections: usize,
    /// The most octets in all buffers.
    pub buffers: usize,
    /// Tell every change of a state (`tcp trace`).
    pub trace: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            options: Options::default(),
            irtt: Duration::from_millis(5000),
            rto_min: Duration::from_millis(500),
            rto_max: Duration::from_secs(120),
            retransmissions: 10,
            delayed_ack: Duration::from_millis(100),
            keepalive_interval: Duration::from_secs(75),
            keepalive_probes: 9,
            time_wait: Duration::from_secs(30),
            fin_wait_2: Duration::from_secs(180),
            connections: 65_536,
            buffers: 256 << 20,
            trace: false,
        }
    }
}

/// A duration as microseconds; what does not fit is as long as can be.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}
