//! What a configuration says of PPP.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The link parameters of PPP (RFC 1661 and what belongs to it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PppConf {
    /// A port of a multi-port card (`WAN_MULTPPP`): monitored as those were.
    pub multi_port: bool,
    /// How long an answer to a request is waited for. 100 ms to 1 h.
    pub restart: Duration,
    /// Configure-Requests without an answer that make a try: Max-Configure. 1 to 255.
    pub max_configure: u8,
    /// Terminate-Requests without an answer: Max-Terminate. 1 to 255.
    pub max_terminate: u8,
    /// Configure-Naks before options are rejected: Max-Failure. 1 to 255.
    pub max_failure: u8,
    /// The time that a link may take to come up; zero: any.
    pub connect_timeout: Duration,
    /// How long a link that ended is silent.
    pub hold_down: Duration,
    /// How long an answer of authentication is waited for.
    pub auth_restart: Duration,
    /// How long the whole of authentication may take.
    pub auth_wait: Duration,
    /// Tries of authentication. 1 to 255.
    pub auth_retry: u8,
    /// Every so often the peer has to prove who it is again; zero: once.
    pub rechallenge: Duration,
    /// We ask the peer who it is.
    pub authenticator: bool,
    /// The longest information field that we take, octets. 64 to 65535.
    pub mru: u16,
    /// Ask for a magic number.
    pub magic: bool,
    /// Protocol-Field-Compression.
    pub pfc: bool,
    /// Address-and-Control-Field-Compression.
    pub acfc: bool,
    /// The control characters to be escaped on lines that stuff octets.
    pub asyncmap: u32,
    /// The time between echoes on an open link; zero: none.
    pub echo_interval: Duration,
    /// Echoes without an answer that take the link down. 1 to 255.
    pub echo_failures: u8,
    /// IPv4, and where addresses come from; `None`: not carried.
    pub ipcp: Option<IpcpConf>,
    /// IPv6 is carried.
    pub ipv6cp: bool,
    /// Multilink: this link is the first of a bundle.
    pub multilink: Option<MultilinkConf>,
    /// The device whose bundle this link joins.
    pub bundle: Option<String>,
    /// Authentication, for a link without an interface of its own.
    pub auth: PppAuth,
}

/// What IPCP negotiates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpcpConf {
    /// Where addresses come from.
    pub mode: IpMode,
    /// The slots of Van Jacobson's header compression, 2 to 256; `None`: without it.
    pub van_jacobson: Option<u16>,
    /// Name servers for the peer.
    pub dns: [Option<Ipv4Addr>; 2],
    /// Ask the peer for name servers.
    pub use_peer_dns: bool,
}

/// Where addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpMode {
    /// Both ends know theirs.
    Static,
    /// This end gives both.
    Host,
    /// The peer gives both.
    Peer,
}

/// The first link of a bundle (RFC 1990).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultilinkConf {
    /// The longest packet that we put together, octets. 64 to 65535.
    pub mrru: u16,
    /// Ask for short sequence numbers.
    pub short_sequence: bool,
    /// No fragment is shorter, octets. 16 to 4098.
    pub min_fragment: u16,
    /// How long a fragment waits for one before it. 1 ms to 60 s.
    pub patience: Duration,
}

/// The one channel of a PPP link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PppChannel {
    /// Its packets may be compressed, or cut into fragments.
    pub rewritten: bool,
    /// Its address comes from the peer, or it has none.
    pub learns_address: bool,
    /// Authentication.
    pub auth: PppAuth,
}

/// Who we are, who the peer may be, and how that is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PppAuth {
    /// PAP may be used (RFC 1334).
    pub pap: bool,
    /// CHAP with MD5 may be used (RFC 1994).
    pub chap: bool,
    /// MS-CHAPv2 may be used (RFC 2759).
    pub ms_chap_v2: bool,
    /// Names with their secrets: the peers', when they are asked; else ours.
    pub users: Vec<(String, Secret)>,
    /// Our name as an authenticator.
    pub system_name: String,
    /// More names and secrets, as pppd's files have them.
    pub secrets_file: Option<PathBuf>,
}

impl PppAuth {
    /// Whether any way is allowed.
    pub fn is_wanted(&self) -> bool {
        self.pap || self.chap || self.ms_chap_v2
    }

    /// The name under which this end speaks.
    pub fn own_name(&self, authenticator: bool) -> &str {
        match self.users.first() {
            Some((user, _)) if !authenticator => user,
            _ => &self.system_name,
        }
    }
}

/// A secret: it goes where it must, and is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
