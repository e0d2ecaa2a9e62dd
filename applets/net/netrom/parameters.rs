//! The parameters of NET/ROM nodes, by their customary numbers (`netrom parms`).

use std::time::Duration;

/// A parameter: its text, its limits, what it is at first.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// What people read.
    pub text: &'static str,
    /// The least value.
    pub least: u32,
    /// The greatest value.
    pub most: u32,
    /// The value at first.
    pub usual: u32,
}

const fn parameter(text: &'static str, least: u32, most: u32, usual: u32) -> Parameter {
    Parameter {
        text,
        least,
        most,
        usual,
    }
}

/// The greatest number of milliseconds of a timer.
const MOST_MILLIS: u32 = i32::MAX as u32;

/// All parameters; number 1 comes first. Some are only kept, as the original does: they have no use here.
pub const PARAMETERS: [Parameter; 26] = [
    parameter("Maximum destination list entries", 1, 400, 400),
    parameter("Worst quality for auto-updates", 0, 255, 0),
    parameter("Channel 0 (HDLC) quality", 0, 255, 192),
    parameter("Channel 1 (RS232) quality", 0, 255, 255),
    parameter("Obsolescence count initializer (0=off)", 0, 255, 3),
    parameter("Obsolescence count min to be broadcast", 0, 255, 0),
    parameter(
        "Auto-update broadcast interval (sec, 0=off)",
        0,
        65535,
        1800,
    ),
    parameter("Network 'time-to-live' initializer", 1, 255, 16),
    parameter("Transport timeout (sec)", 5, 600, 60),
    parameter("Transport maximum tries", 1, 127, 5),
    parameter("Transport acknowledge delay (ms)", 1, 60000, 1),
    parameter("Transport busy delay (sec)", 1, 1000, 180),
    parameter("Transport requested window size (frames)", 1, 127, 8),
    parameter("Congestion control threshold (frames)", 1, 127, 8),
    parameter("No-activity timeout (sec, 0=off)", 0, 65535, 1800),
    parameter("Persistance", 0, 255, 64),
    parameter("Slot time (10msec increments)", 0, 127, 10),
    parameter("Link T1 timeout 'FRACK' (ms)", 1, MOST_MILLIS, 5000),
    parameter("Link TX window size 'MAXFRAME' (frames)", 1, 7, 7),
    parameter("Link maximum tries (0=forever)", 0, 127, 10),
    parameter("Link T2 timeout (ms)", 1, MOST_MILLIS, 300),
    parameter("Link T3 timeout (ms)", 0, MOST_MILLIS, 900_000),
    parameter("AX.25 digipeating  (0=off 1=dumb 2=s&f)", 0, 2, 2),
    parameter("Validate callsigns (0=off 1=on)", 0, 1, 0),
    parameter("Station ID beacons (0=off 1=after 2=every)", 0, 2, 0),
    parameter("CQ UI frames       (0=off 1=on)", 0, 1, 0),
];

/// The numbers of the parameters that are the AX.25 layer's own: T1, maxframe, retry, T2, T3, digipeat. Their
/// owner shows and sets them; the values kept here mean nothing.
pub const LINK: std::ops::RangeInclusive<usize> = 18..=23;

/// The values of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters([u32; PARAMETERS.len()]);

impl Default for Parameters {
    fn default() -> Self {
        Self(PARAMETERS.map(|parameter| parameter.usual))
    }
}

impl Parameters {
    /// The value of a parameter by its number, 1 to 26.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<u32> {
        self.0.get(number.checked_sub(1)?).copied()
    }

    /// Sets a parameter by its number; `false` when there is none, or the value is not within its limits.
    pub(crate) fn set(&mut self, number: usize, value: u32) -> bool {
        let at = number.wrapping_sub(1);
        match (self.0.get_mut(at), PARAMETERS.get(at)) {
            (Some(kept), Some(limits)) if (limits.least..=limits.most).contains(&value) => {
                *kept = value;
                true
            }
            _ => false,
        }
    }

    fn value(&self, number: usize) -> u32 {
        self.get(number).unwrap_or_default()
    }

    fn octet(&self, number: usize) -> u8 {
        u8::try_from(self.value(number)).unwrap_or(u8::MAX)
    }

    fn seconds(&self, number: usize) -> Option<Duration> {
        let seconds = self.value(number);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// The quality of the link to each neighbour.
    pub(crate) fn neighbour_quality(&self) -> u8 {
        self.octet(3)
    }

    /// How long a link is believed in after it was heard of; `None`: for ever.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        let lifetime = self.seconds(7)? * self.value(5);
        (!lifetime.is_zero()).then_some(lifetime)
    }

    /// The time between broadcasts; `None`: there are none.
    pub(crate) fn broadcast_interval(&self) -> Option<Duration> {
        self.seconds(7)
    }

    /// How many nodes a datagram of ours may pass.
    pub(crate) fn time_to_live(&self) -> u8 {
        self.octet(8)
    }

    /// T1 before anything was measured.
    pub(crate) fn initial_timeout(&self) -> Duration {
        Duration::from_secs(self.value(9).into())
    }

    /// How often a packet is sent again before the circuit is given up.
    pub(crate) fn tries(&self) -> u32 {
        self.value(10)
    }

    /// How long a peer is believed to be busy.
    pub(crate) fn busy_delay(&self) -> Duration {
        Duration::from_secs(self.value(12).into())
    }

    /// The window that is proposed and accepted at most, packets.
    pub(crate) fn window(&self) -> u8 {
        self.octet(13)
    }

    /// How many packets may wait to be read before the peer is told to stop.
    pub(crate) fn threshold(&self) -> usize {
        self.octet(14).into()
    }

    /// After how long without a packet a circuit is closed; `None`: never.
    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.seconds(15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_within_their_limits() {
        let mut parameters = Parameters::default();
        for (at, limits) in PARAMETERS.iter().enumerate() {
            let number = at + 1;
            assert_eq!(parameters.get(number), Some(limits.usual));
            assert!((limits.least..=limits.most).contains(&limits.usual));
            assert!(parameters.set(number, limits.least) && parameters.set(number, limits.most));
            assert!(!parameters.set(number, limits.most + 1));
            assert_eq!(parameters.get(number), Some(limits.most));
        }
        assert!(!parameters.set(0, 1) && !parameters.set(27, 1));
        assert_eq!((parameters.get(0), parameters.get(27)), (None, None));
    }

    #[test]
    fn links_live_for_some_broadcasts() {
        let mut parameters = Parameters::default();
        assert_eq!(parameters.lifetime(), Some(Duration::from_secs(5400)));
        parameters.set(5, 0);
        assert_eq!(parameters.lifetime(), None);
        parameters.set(5, 3);
        parameters.set(7, 0);
        assert_eq!(parameters.lifetime(), None);
        assert_eq!(parameters.broadcast_interval(), None);
    }
}
