//! What a link and its channels are told, and the ranges of it.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use wanbox_link::bucket::BucketError;
use wanbox_wire::frame_relay::{MAX_INFORMATION, Style};
use wanbox_wire::lmi::Dialect;

use crate::ChannelId;

/// Which side of the local management this end is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Station {
    /// The user side: asks (customer premises equipment, DTE).
    #[default]
    Cpe,
    /// The network side: answers (DCE).
    Node,
}

/// Which local management the link speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signalling {
    /// T1.617 Annex D.
    #[default]
    Ansi,
    /// Q.933 Annex A.
    Q933,
    /// Gang of four.
    Lmi,
    /// None: channels are up with the carrier.
    None,
    /// The CPE tries all until one is answered; the node answers in the one that asks.
    Auto,
}

impl Signalling {
    /// The dialect, when it is fixed.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Ansi => Some(Dialect::AnnexD),
            Self::Q933 => Some(Dialect::AnnexA),
            Self::Lmi => Some(Dialect::GangOfFour),
            Self::None | Self::Auto => None,
        }
    }
}

/// A value outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeError {
    /// The parameter.
    pub what: &'static str,
    /// What was given.
    pub value: u64,
    /// The lowest value allowed.
    pub low: u64,
    /// The highest value allowed.
    pub high: u64,
    /// Their unit, empty for a count.
    pub unit: &'static str,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            value,
            low,
            high,
            unit,
        } = self;
        let space = if unit.is_empty() { "" } else { " " };
        write!(
            f,
            "{what} {value}{space}{unit}: {low} to {high}{space}{unit} is allowed"
        )
    }
}

impl std::error::Error for RangeError {}

fn within(
    what: &'static str,
    value: u64,
    (low, high): (u64, u64),
    unit: &'static str,
) -> Result<(), RangeError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(RangeError {
        what,
        value,
        low,
        high,
        unit,
    })
}

/// Parameters of the link. The defaults are those of the configurator: CPE, ANSI, 10 s, 16 s, 6, 3, 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// User or network side.
    pub station: Station,
    /// The local management protocol.
    pub signalling: Signalling,
    /// How often the CPE asks, 5 to 30 s.
    pub t391: Duration,
    /// How long the node waits for an enquiry, 5 to 30 s. Should be longer than the peer's T391.
    pub t392: Duration,
    /// Every how many polls the CPE asks for a full status, 1 to 255.
    pub n391: u16,
    /// How many errors in the last N393 events take the link down, 1 to 10, at most N393.
    pub n392: u8,
    /// How many events are watched, 1 to 10.
    pub n393: u8,
    /// Whether the first enquiry of the CPE asks for a full status.
    pub full_status_at_start: bool,
    /// The longest information field of a status message of the node, 64 to 15354 octets. PVCs that
    /// do not fit follow in continued reports (FRF.1.2).
    pub max_information: usize,
    /// Any number that differs from the peer's: it tells a looped line from a peer that is a CPE too.
    pub nonce: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            station: Station::Cpe,
            signalling: Signalling::Ansi,
            t391: Duration::from_secs(10),
            t392: Duration::from_secs(16),
            n391: 6,
            n392: 3,
            n393: 4,
            full_status_at_start: true,
            max_information: 1508,
            nonce: 0,
        }
    }
}

impl Config {
    /// Checks every range; the first fault is the error.
    pub fn check(&self) -> Result<(), RangeError> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        within("T391", millis(self.t391), (5_000, 30_000), "ms")?;
        within("T392", millis(self.t392), (5_000, 30_000), "ms")?;
        within("N391", self.n391.into(), (1, 255), "")?;
        within("N393", self.n393.into(), (1, 10), "")?;
        within("N392", self.n392.into(), (1, self.n393.into()), "")?;
        let information = (64, MAX_INFORMATION as u64);
        within(
            "longest status message",
            self.max_information as u64,
            information,
            "octets",
        )
    }

    /// How often the CPE tries the next dialect while it knows none: five times as often as it asks.
    pub(super) fn probe_interval(&self) -> Duration {
        self.t391 / 5
    }
}

/// The DLCI of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dlci {
    /// This one, 1 to 991.
    Fixed(u16),
    /// The first that the switch reports. Only on a CPE with a single channel.
    Auto,
}

/// The rate the network commits itself to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedRate {
    /// Committed information rate, bit/s.
    pub cir: u64,
    /// Committed burst, bits.
    pub bc: u64,
    /// Excess burst, bits; 0 for none.
    pub be: u64,
}

impl CommittedRate {
    /// From kbit/s and kbits as in the configuration file. Bc is CIR times one second when absent,
    /// Be is nothing.
    pub fn from_kbits(cir: u32, bc: Option<u32>, be: Option<u32>) -> Self {
        Self {
            cir: u64::from(cir) * 1000,
            bc: u64::from(bc.unwrap_or(cir)) * 1000,
            be: u64::from(be.unwrap_or(0)) * 1000,
        }
    }
}

/// Parameters of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Its DLCI.
    pub dlci: Dlci,
    /// The longest packet, 128 to 15328 octets. A bridged frame may be 18 octets longer (MAC header
    /// with one VLAN tag).
    pub mtu: usize,
    /// Shaping; `None` sends as fast as the line takes it.
    pub committed: Option<CommittedRate>,
    /// Ask for the peer's address with inverse ARP, and answer.
    pub inarp: bool,
    /// How often to ask until answered, 1 to 100 s.
    pub inarp_interval: Duration,
    /// Answer inverse ARP also when not asking.
    pub inarp_rx: bool,
    /// Our address and mask on this channel, for ARP.
    pub local: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Carries Ethernet frames instead of IP packets.
    pub bridged: bool,
    /// Carries whatever follows the address, neither read nor wrapped: no encapsulation, no ARP.
    /// Such a payload may be 8 octets longer than the MTU: a packet with its encapsulation.
    pub raw: bool,
    /// How sent payloads are announced; both forms are understood.
    pub encapsulation: Style,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            dlci: Dlci::Auto,
            mtu: 1500,
            committed: None,
            inarp: false,
            inarp_interval: Duration::from_secs(10),
            inarp_rx: false,
            local: None,
            bridged: false,
            raw: false,
            encapsulation: Style::Ietf,
        }
    }
}

impl ChannelConfig {
    /// A channel of this DLCI with the defaults: MTU 1500, no shaping, no inverse ARP.
    pub fn new(dlci: u16) -> Self {
        Self {
            dlci: Dlci::Fixed(dlci),
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), ChannelError> {
        if let Dlci::Fixed(dlci) = self.dlci {
            within("DLCI", dlci.into(), (1, 991), "")?;
        }
        within("MTU", self.mtu as u64, (128, 15_328), "octets")?;
        let interval = u64::try_from(self.inarp_interval.as_millis()).unwrap_or(u64::MAX);
        within("inverse ARP interval", interval, (1_000, 100_000), "ms")?;
        Ok(())
    }
}

/// Why a channel cannot be added or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// A parameter is out of range.
    Range(RangeError),
    /// The committed rate or a burst is out of range.
    Rate(BucketError),
    /// Another channel has this DLCI.
    DlciTaken(u16),
    /// There is a channel of this number already.
    IdTaken(ChannelId),
    /// There is no channel of this number.
    NoSuchChannel(ChannelId),
    /// `auto` as DLCI is for the only channel of a CPE with signalling.
    AutoNotAlone,
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(error) => error.fmt(f),
            Self::Rate(error) => error.fmt(f),
            Self::DlciTaken(dlci) => write!(f, "DLCI {dlci} belongs to another channel"),
            Self::IdTaken(id) => write!(f, "there is a channel {} already", id.0),
            Self::NoSuchChannel(id) => write!(f, "there is no channel {}", id.0),
            Self::AutoNotAlone => f.write_str(
                "DLCI auto: only the single channel of a CPE with signalling can have it",
            ),
        }
    }
}

impl std::error::Error for ChannelError {}

impl From<RangeError> for ChannelError {
    fn from(error: RangeError) -> Self {
        Self::Range(error)
    }
}

impl From<BucketError> for ChannelError {
    fn from(error: BucketError) -> Self {
        Self::Rate(error)
    }
}
