//! What a packet layer works with: both ends of a link know it and agree on it beforehand.

use std::ops::RangeInclusive;
use std::time::Duration;

use wanbox_wire::lapb::Role;
use wanbox_wire::x25::{Lci, Modulo, facility::PacketSize};

use crate::range::BadParameter;

/// Numbers of the logical channels of one kind, lowest and highest.
pub type Range = RangeInclusive<u16>;

/// Which logical channels there are and what for (X.25 annex A). Ranges that are there do not
/// overlap and come in this order; incoming and outgoing are words of the DTE, also in a DCE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// Permanent virtual circuits.
    pub permanent: Option<Range>,
    /// One-way: only the DCE calls on them.
    pub incoming: Option<Range>,
    /// Both ends call on them.
    pub two_way: Option<Range>,
    /// One-way: only the DTE calls on them.
    pub outgoing: Option<Range>,
}

impl Channels {
    /// The highest logical channel number of a link.
    pub const LAST: u16 = Lci::MAX.get();

    /// The ranges that are there, in their order.
    pub fn ranges(&self) -> impl Iterator<Item = &Range> {
        [
            &self.permanent,
            &self.incoming,
            &self.two_way,
            &self.outgoing,
        ]
        .into_iter()
        .flatten()
    }

    /// The highest logical channel that is used; 0 without any.
    #[must_use]
    pub fn highest(&self) -> u16 {
        self.ranges().map(|range| *range.end()).max().unwrap_or(0)
    }

    fn in_order(&self) -> bool {
        let mut last = 0;
        self.ranges().all(|range| {
            let after = *range.start() > last && range.start() <= range.end();
            last = *range.end();
            after && last <= Self::LAST
        })
    }
}

/// Packet sizes and windows of a circuit, seen from one end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowControl {
    /// The most user data in a packet that is sent.
    pub send_size: PacketSize,
    /// The same of packets that are received.
    pub receive_size: PacketSize,
    /// The most packets sent and not acknowledged: 1 to 7, modulo 128 to 127.
    pub send_window: u8,
    /// The same of packets received.
    pub receive_window: u8,
}

/// What a packet layer works with. Timers have the number that they have in a DTE; in brackets the
/// one of a DCE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Which end of the link this is. The ends must differ.
    pub role: Role,
    /// How far packets are counted. The ends must have the same.
    pub modulo: Modulo,
    /// The logical channels. At least one.
    pub channels: Channels,
    /// Packet size where none is agreed on for a call; 128 by default.
    pub packet_size: PacketSize,
    /// The greatest packet size that is agreed to in a call; 4096 by default.
    pub packet_size_limit: PacketSize,
    /// Window where none is agreed on for a call: 1 to 7, modulo 128 to 127; 2 by default.
    pub window: u8,
    /// The greatest window that is agreed to in a call; as far as the modulo goes by default.
    pub window_limit: u8,
    /// Whether packet sizes and windows of a call are negotiated (6.12): without, a call that
    /// proposes any is refused.
    pub negotiation: bool,
    /// Whether calls with fast select are taken (6.17).
    pub fast_select: bool,
    /// Whether calls with reverse charging are taken (6.19).
    pub reverse_charging: bool,
    /// Whether data packets with D are taken (4.3.3). Calls with D are, and answered without.
    pub delivery_confirmation: bool,
    /// T20 (T10): how long a restart may take; 1 s to 1 h, 30 s by default, as all of them in
    /// WANPIPE.
    pub t20: Duration,
    /// T21 (T11): how long the answer to a call may take.
    pub t21: Duration,
    /// T22 (T12): how long a reset may take.
    pub t22: Duration,
    /// T23 (T13): how long clearing may take.
    pub t23: Duration,
    /// T26: how long an interrupt may go unconfirmed before the circuit is reset; never, the
    /// default, is what X.25 has.
    pub t26: Option<Duration>,
    /// R20 (R10): how often a restart is sent again, 0 to 255; 5 by default, as the others.
    pub r20: u8,
    /// R22 (R12): how often a reset is sent again before the call is cleared; on a permanent circuit
    /// it is sent for ever.
    pub r22: u8,
    /// R23 (R13): how often clearing is sent again. Then the channel is free for calls of the peer,
    /// and for those of this end when the peer was heard on it.
    pub r23: u8,
    /// How long an acknowledgement may wait for a data packet that carries it, or for half a window
    /// of others; up to 10 s, zero at once; 100 ms by default.
    pub acknowledgement: Duration,
    /// Octets that may wait to be sent on a circuit; 1 KiB to 1 MiB, 16 KiB by default. One message
    /// of any length up to 64 KiB is always taken when nothing waits.
    pub queue: usize,
}

impl Parameters {
    /// The defaults of one end of a link with these channels.
    #[must_use]
    pub fn new(role: Role, channels: Channels) -> Self {
        Self {
            role,
            modulo: Modulo::Eight,
            channels,
            packet_size: PacketSize::STANDARD,
            packet_size_limit: PacketSize::MAX,
            window: 2,
            window_limit: Modulo::Eight.highest(),
            negotiation: true,
            fast_select: true,
            reverse_charging: true,
            delivery_confirmation: true,
            t20: Self::TIMER,
            t21: Self::TIMER,
            t22: Self::TIMER,
            t23: Self::TIMER,
            t26: None,
            r20: 5,
            r22: 5,
            r23: 5,
            acknowledgement: Duration::from_millis(100),
            queue: 16 * 1024,
        }
    }

    const TIMER: Duration = Duration::from_secs(30);
    const TIMERS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
    const ACKNOWLEDGEMENT_LAST: Duration = Duration::from_secs(10);
    const QUEUES: RangeInclusive<usize> = 1024..=1024 * 1024;

    /// Packet sizes and windows where none are agreed on.
    #[must_use]
    pub fn flow(&self) -> FlowControl {
        FlowControl {
            send_size: self.packet_size,
            receive_size: self.packet_size,
            send_window: self.window,
            receive_window: self.window,
        }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// The first parameter that is out of its range.
    pub fn check(&self) -> Result<(), BadParameter> {
        let windows = 1..=self.modulo.highest();
        let timers = [self.t20, self.t21, self.t22, self.t23];
        let rules = [
            (
                "channels",
                "ranges within 1 to 4095 that do not overlap, PVCs before incoming, two-way and outgoing",
                self.channels.in_order(),
            ),
            ("channels", "at least one", self.channels.highest() > 0),
            (
                "packet size",
                "no more than its limit",
                self.packet_size <= self.packet_size_limit,
            ),
            (
                "window",
                "1 to 7, modulo 128 to 127",
                windows.contains(&self.window) && windows.contains(&self.window_limit),
            ),
            (
                "window",
                "no more than its limit",
                self.window <= self.window_limit,
            ),
            (
                "T20 to T26",
                "1 s to 1 h",
                timers
                    .into_iter()
                    .chain(self.t26)
                    .all(|timer| Self::TIMERS.contains(&timer)),
            ),
            (
                "acknowledgement",
                "up to 10 s",
                self.acknowledgement <= Self::ACKNOWLEDGEMENT_LAST,
            ),
            (
                "queue",
                "1 KiB to 1 MiB",
                Self::QUEUES.contains(&self.queue),
            ),
        ];
        match rules.into_iter().find(|(_, _, kept)| !kept) {
            Some((name, allowed, _)) => Err(BadParameter { name, allowed }),
            None => Ok(()),
        }
    }
}
