//! What can be asked for.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use argh::FromArgs;
use wanbox_link::ppp::auth::Method;

use crate::traffic::Direction;

/// Brings up PPP sessions over L2TP as a LAC and its subscribers do, holds them, sends traffic through
/// them and takes them down. Works with any LNS.
#[derive(FromArgs, Clone, Debug)]
pub struct Options {
    /// the LNS: ADDRESS or ADDRESS:PORT (1701)
    #[argh(option, from_str_fn(address))]
    pub lns: SocketAddr,
    /// sessions (100)
    #[argh(option, default = "100")]
    pub sessions: u32,
    /// tunnels, each from a port of its own: 1 to 255 (4)
    #[argh(option, default = "4")]
    pub tunnels: u8,
    /// our address; any
    #[argh(option)]
    pub source: Option<IpAddr>,
    /// the first source port (any)
    #[argh(option, default = "0")]
    pub source_port: u16,
    /// what we call ourselves (l2tp-load)
    #[argh(option, default = "String::from(\"l2tp-load\")")]
    pub host_name: String,
    /// the tunnel secret
    #[argh(option)]
    pub secret: Option<String>,
    /// do not demand that the LNS proves that it knows the secret
    #[argh(switch)]
    pub trusting: bool,
    /// the name of each subscriber; % is its number (user%)
    #[argh(option, default = "String::from(\"user%\")")]
    pub user: String,
    /// the password of each (password)
    #[argh(option, default = "String::from(\"password\")")]
    pub password: String,
    /// how they prove themselves: pap, chap, or any of MS-CHAPv2, CHAP and PAP (any)
    #[argh(option, default = "Proof::Any")]
    pub auth: Proof,
    /// sessions that are being set up at the same time (200)
    #[argh(option, default = "200")]
    pub outstanding: u32,
    /// seconds for which they are held (0)
    #[argh(option, default = "0")]
    pub hold: u64,
    /// seconds after which a session counts as failed (30)
    #[argh(option, default = "30")]
    pub patience: u64,
    /// seconds of each measurement of traffic; 0: none (0)
    #[argh(option, default = "0.0")]
    pub traffic: f64,
    /// lengths of packets, octets, IPv4 header included (64,512,1400)
    #[argh(option, default = "List(vec![64, 512, 1400])")]
    pub sizes: List,
    /// how many sessions a measurement sends through (1,1000)
    #[argh(option, default = "List(vec![1, 1000])")]
    pub flows: List,
    /// only up, from subscribers, or only down, to them (both)
    #[argh(option)]
    pub direction: Option<Direction>,
    /// packets a second that are offered; without it, the highest rate is sought at which at most one
    /// in a thousand is lost
    #[argh(option)]
    pub rate: Option<f64>,
    /// seconds of each measurement of TCP; 0: none (0)
    #[argh(option, default = "0.0")]
    pub tcp: f64,
    /// through how many sessions at the same time TCP goes (1,4)
    #[argh(option, default = "List(vec![1, 4])")]
    pub streams: List,
    /// the congestion control of TCP (cubic)
    #[argh(option, default = "String::from(\"cubic\")")]
    pub congestion: String,
    /// seconds of each measurement of round trips; 0: none (0)
    #[argh(option, default = "0.0")]
    pub latency: f64,
    /// packets of 1400 octets a second beside the round trips (50000)
    #[argh(option, default = "50000.0")]
    pub bulk: f64,
    /// the end of the traffic beyond the LNS: our own ADDRESS:PORT in the network of --far-netns
    #[argh(option)]
    pub far: Option<SocketAddr>,
    /// the network namespace beyond the LNS, as a path (this one)
    #[argh(option)]
    pub far_netns: Option<PathBuf>,
    /// accept everybody as a RADIUS server at ADDRESS:PORT, in the network of --radius-netns
    #[argh(option)]
    pub radius: Option<SocketAddr>,
    /// the network namespace of the RADIUS server, as a path (this one)
    #[argh(option)]
    pub radius_netns: Option<PathBuf>,
    /// the secret of that server (radsec)
    #[argh(option, default = "String::from(\"radsec\")")]
    pub radius_secret: String,
    /// the process of the LNS on this machine: its memory and time are told
    #[argh(option)]
    pub pid: Option<u32>,
    /// print a JSON object
    #[argh(switch)]
    pub json: bool,
}

impl Options {
    /// Checks what belongs together.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if self.tunnels == 0 {
            return Err("--tunnels 0: 1 to 255".into());
        }
        if u64::from(self.sessions) > u64::from(self.tunnels) * 65_535 {
            return Err(format!(
                "--sessions {}: a tunnel holds 65535, {} of them hold {}",
                self.sessions,
                self.tunnels,
                u32::from(self.tunnels) * 65_535
            ));
        }
        if self.outstanding == 0 {
            return Err("--outstanding 0: at least 1".into());
        }
        for (what, seconds) in [
            ("--traffic", self.traffic),
            ("--tcp", self.tcp),
            ("--latency", self.latency),
        ] {
            if !(0.0..=86_400.0).contains(&seconds) {
                return Err(format!("{what} {seconds}: 0 to 86400 seconds"));
            }
            if seconds > 0.0 && self.far.is_none() {
                return Err(format!("{what} needs --far ADDRESS:PORT, where it ends"));
            }
        }
        if (self.tcp > 0.0 || self.latency > 0.0) && !self.far.is_some_and(|far| far.is_ipv4()) {
            return Err("--tcp and --latency need --far of IPv4".into());
        }
        if self.bulk <= 0.0 || self.rate.is_some_and(|rate| rate <= 0.0) {
            return Err("--bulk and --rate: more than 0 packets a second".into());
        }
        if let Some(streams) = self.streams.0.iter().find(|n| !(1..=64).contains(*n)) {
            return Err(format!("--streams {streams}: 1 to 64"));
        }
        if let Some(size) = self
            .sizes
            .0
            .iter()
            .find(|size| !(28..=1500).contains(*size))
        {
            return Err(format!("--sizes {size}: 28 to 1500 octets"));
        }
        if self.flows.0.contains(&0) {
            return Err("--flows 0: at least 1".into());
        }
        Ok(())
    }

    /// After so long a session counts as failed.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

/// How subscribers prove themselves.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    Pap,
    Chap,
    Any,
}

impl Proof {
    pub fn methods(self) -> Vec<Method> {
        match self {
            Self::Pap => vec![Method::Pap],
            Self::Chap => vec![Method::ChapMd5],
            Self::Any => vec![Method::MsChapV2, Method::ChapMd5, Method::Pap],
        }
    }
}

impl std::str::FromStr for Proof {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pap" => Ok(Self::Pap),
            "chap" => Ok(Self::Chap),
            "any" => Ok(Self::Any),
            _ => Err(format!("'{text}': pap, chap or any")),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .or_else(|_| {
            text.parse()
                .map(|ip: IpAddr| SocketAddr::new(ip, wanbox_wire::l2tp::PORT))
        })
        .map_err(|_| format!("'{text}': ADDRESS or ADDRESS:PORT"))
}

/// Numbers with commas between them.
#[derive(Clone, Debug)]
pub struct List(pub Vec<usize>);

impl std::str::FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |word: &str| word.parse().map_err(|_| format!("'{word}' is no number"));
        text.split(',')
            .map(number)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
