//! What a configuration says of X.25.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The link parameters of X.25.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Conf {
    /// Which side of the interface this is.
    pub station: X25Station,
    /// The data link layer.
    pub lapb: LapbConf,
    /// The packet layer; `None`: the one interface has LAPB for itself (`LAPB_HDLC_ONLY`).
    pub packets: Option<PacketConf>,
    /// Calls that come, go and end are told in the log.
    pub log_calls: bool,
    /// Where calls go that nobody here takes: `[x25routes]`, longest prefix first.
    #[serde(default)]
    pub routes: Vec<X25Route>,
}

/// Which side of the interface a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum X25Station {
    /// The terminal: the subscriber's side.
    Dte,
    /// The network's side.
    Dce,
}

impl X25Station {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dte => "DTE",
            Self::Dce => "DCE",
        }
    }
}

/// The data link layer (X.25 section 2.4.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapbConf {
    /// Sequence numbers modulo 128.
    pub extended: bool,
    /// k: I frames that may wait for acknowledgement. 1 to 7, extended to 127.
    pub window: u8,
    /// How long an answer may take. 100 ms to 30 s.
    pub t1: Duration,
    /// How long an acknowledgement may wait. Shorter than T1.
    pub t2: Duration,
    /// After how many T1 of silence the peer is asked; 0: never. To 240; 1 counts as 2.
    pub t4: u8,
    /// How often a frame is sent. 1 to 30.
    pub n2: u8,
}

/// Logical channels from one to another, both included. 1 to 4095.
pub type Channels = (u16, u16);

/// The packet layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketConf {
    /// Sequence numbers modulo 128.
    pub extended: bool,
    /// Permanent circuits.
    pub permanent: Option<Channels>,
    /// Channels on which only the network (DCE) calls.
    pub incoming: Option<Channels>,
    /// Channels on which both call.
    pub two_way: Option<Channels>,
    /// Channels on which only the terminal (DTE) calls.
    pub outgoing: Option<Channels>,
    /// The window of circuits that agree on no other. 1 to 7, extended to 127.
    pub window: u8,
    /// The packet size of circuits that agree on no other. 16 to 4096, a power of two.
    pub size: u16,
    /// The largest that is agreed on. Not below `size`.
    pub max_size: u16,
    /// T10, as DTE T20: a restart. 1 to 255 s, as the others.
    pub restart: Duration,
    /// T11, as DTE T21: a call.
    pub call: Duration,
    /// T12, as DTE T22: a reset.
    pub reset: Duration,
    /// T13, as DTE T23: a clear.
    pub clear: Duration,
    /// T26: an interrupt. (T16 is not in the standard.)
    pub interrupt: Duration,
    /// R20: restarts without an answer. 0 to 250, as the others.
    pub restarts: u8,
    /// R22: resets without an answer.
    pub resets: u8,
    /// R23: clears without an answer.
    pub clears: u8,
    /// The year of the recommendation that is kept: 1980, 1984 or 1988.
    pub year: u16,
}

impl PacketConf {
    /// Every range of channels, in the order in which the standard has them (Annex A).
    pub fn ranges(&self) -> [Option<Channels>; 4] {
        [self.permanent, self.incoming, self.two_way, self.outgoing]
    }

    /// How many logical channels there are.
    pub fn channels(&self) -> usize {
        let count = |(low, high): &Channels| usize::from(high - low) + 1;
        self.ranges().iter().flatten().map(count).sum()
    }
}

/// A record of `[x25routes]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Route {
    /// The digits that called addresses begin with; none: every address.
    pub prefix: String,
    /// The device that such calls leave by.
    pub device: String,
}

/// A circuit of an X.25 link, or all of a link without packet layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Channel {
    /// Which circuit.
    pub circuit: X25Circuit,
    /// Our address in calls; empty: none is given.
    pub calling: String,
    /// What calls are accepted beside those of the address in `circuit`.
    pub accept: X25Accept,
    /// How packets are wrapped.
    pub encapsulation: X25Encapsulation,
    /// The user data of calls, to 128 octets; `None`: what the encapsulation wants.
    pub user_data: Option<Vec<u8>>,
    /// The facilities of calls as they are in the packet, to 109 octets.
    pub facilities: Vec<u8>,
    /// The packet size that calls ask for.
    pub packet_size: Option<u16>,
    /// The window that calls ask for.
    pub window: Option<u8>,
    /// After how long without packets a call is cleared; zero: never.
    pub idle: Duration,
    /// How long no call is placed after one that failed.
    pub hold: Duration,
}

/// Which circuit an interface has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum X25Circuit {
    /// The permanent one on this logical channel.
    Permanent(u16),
    /// A switched one: the address that is called, and whose calls are accepted; empty: calls are
    /// only accepted, of anybody.
    Switched(String),
    /// None: LAPB alone.
    Link,
}

/// Patterns of calls, `*` being any number of characters; `None`: the rule of the circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct X25Accept {
    /// The called address.
    pub destination: Option<String>,
    /// The calling address.
    pub source: Option<String>,
    /// The user data, in hexadecimal digits.
    pub user_data: Option<String>,
}

/// How packets are wrapped (RFC 1356).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum X25Encapsulation {
    /// The call says IP by its one octet, and packets are bare.
    Ip,
    /// The call says IP in a SNAP header, and packets are bare.
    Snap,
    /// Each packet says what it is.
    Null,
}

#[cfg(test)]
mod tests;
