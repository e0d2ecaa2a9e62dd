//! What a Cisco HDLC link can be told.

use std::ops::RangeInclusive;
use std::time::Duration;

use wanbox_link::range::{self, OutOfRange};

use crate::ChannelId;

/// The configuration of one link. [`Config::default`] has the firmware's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The one channel of the link, as its owner numbers it.
    pub channel: ChannelId,
    /// Longest payload, octets (`MTU`): 128 to 15354.
    pub mtu: u32,
    /// Milliseconds between own keepalives (`KEEPALIVE_TX_TIMER`): 0 to 60000; 0 sends none.
    pub keepalive_tx_ms: u32,
    /// Milliseconds in which a keepalive of the peer is expected (`KEEPALIVE_RX_TIMER`): 10 to 60000.
    pub keepalive_rx_ms: u32,
    /// Expected keepalives that may be missed in a row before the link is down
    /// (`KEEPALIVE_ERR_MARGIN`): 1 to 20.
    pub keepalive_tolerance: u32,
    /// Milliseconds between requests for an address (`SLARP_TIMER`): 0 to 60000;
    /// 0 asks for none, the address is configured.
    pub slarp_request_ms: u32,
    /// The link does not depend on DCD (`IGNORE_DCD`).
    pub ignore_dcd: bool,
    /// The link does not depend on CTS (`IGNORE_CTS`).
    pub ignore_cts: bool,
    /// The link does not depend on keepalives, and sends none (`IGNORE_KEEPALIVE`).
    pub ignore_keepalive: bool,
    /// Whole frames go to and come from the channel without a Cisco header
    /// (`HDLC_STREAMING`). There is no SLARP then, and the link depends on the carrier alone.
    pub streaming: bool,
    /// The payloads of frames of every type but SLARP go to and come from the channel as they
    /// are, with their type; with `streaming`, whole frames do.
    pub raw: bool,
}

impl Config {
    /// Allowed values of [`Config::mtu`].
    pub const MTU: RangeInclusive<u32> = 128..=15_354;
    /// Allowed values of [`Config::keepalive_tx_ms`].
    pub const KEEPALIVE_TX_MS: RangeInclusive<u32> = 0..=60_000;
    /// Allowed values of [`Config::keepalive_rx_ms`].
    pub const KEEPALIVE_RX_MS: RangeInclusive<u32> = 10..=60_000;
    /// Allowed values of [`Config::keepalive_tolerance`].
    pub const KEEPALIVE_TOLERANCE: RangeInclusive<u32> = 1..=20;
    /// Allowed values of [`Config::slarp_request_ms`].
    pub const SLARP_REQUEST_MS: RangeInclusive<u32> = 0..=60_000;

    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let in_range = |key, value: u32, allowed: RangeInclusive<u32>| {
            let allowed = (*allowed.start()).into()..=(*allowed.end()).into();
            range::in_range(key, value.into(), allowed)
        };
        in_range("MTU", self.mtu, Self::MTU)?;
        in_range(
            "KEEPALIVE_TX_TIMER",
            self.keepalive_tx_ms,
            Self::KEEPALIVE_TX_MS,
        )?;
        in_range(
            "KEEPALIVE_RX_TIMER",
            self.keepalive_rx_ms,
            Self::KEEPALIVE_RX_MS,
        )?;
        in_range(
            "KEEPALIVE_ERR_MARGIN",
            self.keepalive_tolerance,
            Self::KEEPALIVE_TOLERANCE,
        )?;
        in_range("SLARP_TIMER", self.slarp_request_ms, Self::SLARP_REQUEST_MS)
    }

    /// Whether the link depends on the peer's keepalives.
    #[must_use]
    pub fn needs_keepalives(&self) -> bool {
        !self.ignore_keepalive && !self.streaming
    }

    /// The time between own keepalives, when any are sent.
    #[must_use]
    pub fn keepalive_interval(&self) -> Option<Duration> {
        (self.needs_keepalives() && self.keepalive_tx_ms > 0)
            .then(|| Duration::from_millis(self.keepalive_tx_ms.into()))
    }

    /// The time in which a keepalive of the peer is expected.
    #[must_use]
    pub fn keepalive_expected(&self) -> Duration {
        Duration::from_millis(self.keepalive_rx_ms.into())
    }

    /// The time between requests for an address, when one is asked for.
    #[must_use]
    pub fn request_interval(&self) -> Option<Duration> {
        (!self.streaming && self.slarp_request_ms > 0)
            .then(|| Duration::from_millis(self.slarp_request_ms.into()))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            channel: ChannelId(0),
            mtu: 1500,
            keepalive_tx_ms: 10_000,
            keepalive_rx_ms: 10_000,
            keepalive_tolerance: 3,
            slarp_request_ms: 0,
            ignore_dcd: false,
            ignore_cts: false,
            ignore_keepalive: false,
            streaming: false,
            raw: false,
        }
    }
}
