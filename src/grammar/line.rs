//! The `LINE` of a device: what its WAN link runs on.
//!
//! `KIND:PLACE [OPTION=VALUE ...]`, for example `cable:demo loss=1% delay=20ms` or
//! `udp:0.0.0.0:5001,router.example:5002`.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::value;

/// A line and how it is to behave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Frames lost on purpose, in millionths. 0 to 1,000,000.
    pub loss: u32,
    /// How long each frame is held on purpose. At most [`Line::MAX_DELAY`].
    pub delay: Duration,
    /// How many frames may wait to be sent; `None`: the link daemon's own limit.
    /// 1 to [`Line::MAX_QUEUE`].
    pub queue: Option<u32>,
}

/// The kinds of line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The software cable of this name: two devices of one machine that name it are joined.
    Cable(String),
    /// One frame a UDP datagram.
    Udp {
        /// Where datagrams are taken.
        local: Endpoint,
        /// Where they are sent, and the only source they are taken from.
        remote: Endpoint,
    },
    /// The frames of a kernel interface.
    Packet(String),
    /// LAPB's frames in frames of this Ethernet, as Linux's lapbether has them.
    Lapbether(String),
    /// A serial port; octet-stuffed frames (RFC 1662), as on the three that follow.
    Tty {
        /// Its device, an absolute path.
        device: String,
        /// Flow control.
        flow: Flow,
        /// The line is there whether or not DCD is.
        ignore_dcd: bool,
    },
    /// A pseudo-terminal whose slave is found at this absolute path.
    Pty(String),
    /// A TCP connection made from here.
    Tcp(Endpoint),
    /// A TCP connection made by the other end.
    TcpListen {
        /// Where it is taken.
        local: Endpoint,
        /// The only network that it is taken from, with its prefix length.
        source: Option<(IpAddr, u8)>,
    },
    /// X.25 over TCP (RFC 1613): a connection a circuit.
    Xot(Box<Xot>),
}

/// The ends of X.25 over TCP. One of the two addresses at least.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Xot {
    /// Where calls go.
    pub remote: Option<Endpoint>,
    /// Where calls of others are taken.
    pub local: Option<Endpoint>,
    /// The only network that they are taken from.
    pub source: Option<(IpAddr, u8)>,
    /// The interface at the other end that has our permanent circuits.
    pub interface: Option<String>,
}

impl Xot {
    /// The port that RFC 1613 has for both.
    pub const PORT: u16 = 1998;
    /// The longest name of an interface, octets.
    const INTERFACE: usize = 64;
}

/// Flow control of a serial port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// None.
    #[default]
    None,
    /// By RTS and CTS.
    RtsCts,
    /// By XON and XOFF.
    XonXoff,
}

impl Flow {
    const WORDS: [(Self, &str); 3] = [
        (Self::None, "none"),
        (Self::RtsCts, "rtscts"),
        (Self::XonXoff, "xonxoff"),
    ];
}

/// One end of a UDP or TCP line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port, not 0.
    pub port: u16,
}

/// A host by address or by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, to be resolved.
    Name(String),
}

/// The kinds this version drives, for people who wrote something else.
pub const ALLOWED: &str = "cable:NAME, udp:LOCAL:PORT,REMOTE:PORT, packet:IFNAME, lapbether:IFNAME, \
     tty:DEVICE, pty:LINK, tcp:HOST:PORT, tcp-listen:ADDRESS:PORT, xot:HOST[:PORT], \
     xot-listen:ADDRESS[:PORT]; then loss=N% delay=TIME queue=FRAMES, \
     with tty also flow=none|rtscts|xonxoff dcd=watch|ignore, with tcp-listen and xot also \
     source=ADDRESS/BITS, with xot also listen=ADDRESS[:PORT] interface=NAME";

/// The longest path of a device or a link, octets.
const PATH: usize = 255;

/// The longest name of a cable: it becomes part of a socket's path, which has 107 octets.
const CABLE_NAME: usize = 32;

impl Line {
    /// The longest delay.
    pub const MAX_DELAY: Duration = Duration::from_secs(60);
    /// The longest queue, frames.
    pub const MAX_QUEUE: u32 = 100_000;
}

impl From<Kind> for Line {
    /// A line that loses and delays nothing.
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            loss: 0,
            delay: Duration::ZERO,
            queue: None,
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let mut line = Self::from(words.next().ok_or("no line is named")?.parse::<Kind>()?);
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            let (option, value) = word
                .split_once('=')
                .ok_or_else(|| format!("'{word}' is not OPTION=VALUE"))?;
            if seen.contains(&option) {
                return Err(format!("{option} is given twice"));
            }
            match option {
                "loss" => line.loss = value::percentage(value)?,
                "delay" => line.delay = delay(value)?,
                "queue" => line.queue = Some(queue(value)?),
                _ if line.kind.set(option, value)? => {}
                _ => return Err(format!("unknown line option '{option}'")),
            }
            seen.push(option);
        }
        if matches!(line.kind, Kind::Xot(_)) && line.loss > 0 {
            return Err("loss: X.25 over TCP has nobody to send packets again".to_owned());
        }
        Ok(line)
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    // A bare number could be meant in seconds or in milliseconds: it needs its unit.
    humantime::parse_duration(text)
        .ok()
        .filter(|delay| *delay <= Line::MAX_DELAY)
        .ok_or_else(|| format!("'{text}' is not a delay of at most 60s (as 20ms)"))
}

fn queue(text: &str) -> Result<u32, String> {
    value::number(text)
        .ok()
        .and_then(|n| u32::try_from(n.value).ok())
        .filter(|frames| (1..=Line::MAX_QUEUE).contains(frames))
        .ok_or_else(|| format!("'{text}' is not a queue of 1 to {} frames", Line::MAX_QUEUE))
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, place) = text
            .split_once(':')
            .ok_or_else(|| format!("'{text}' is not KIND:PLACE"))?;
        match kind {
            "cable" => {
                let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
                if (1..=CABLE_NAME).contains(&place.len())
                    && !place.starts_with('.')
                    && place.bytes().all(legal)
                {
                    Ok(Self::Cable(place.to_owned()))
                } else {
                    Err(format!(
                        "'{place}' is not a cable's name (1 to {CABLE_NAME} letters, digits, '_', '-', '.')"
                    ))
                }
            }
            "udp" => {
                let (local, remote) = place
                    .split_once(',')
                    .ok_or_else(|| format!("'{place}' is not LOCAL:PORT,REMOTE:PORT"))?;
                Self::udp(local.parse()?, remote.parse()?)
            }
            "packet" => Ok(Self::Packet(value::interface_name(place)?.to_owned())),
            "lapbether" => Ok(Self::Lapbether(value::interface_name(place)?.to_owned())),
            "tty" => Ok(Self::Tty {
                device: path(place)?,
                flow: Flow::None,
                ignore_dcd: false,
            }),
            "pty" => Ok(Self::Pty(path(place)?)),
            "tcp" => {
                let remote: Endpoint = place.parse()?;
                one_host(&remote)?;
                Ok(Self::Tcp(remote))
            }
            "tcp-listen" => Ok(Self::TcpListen {
                local: place.parse()?,
                source: None,
            }),
            "xot" => {
                let remote = Endpoint::parse(place, Xot::PORT)?;
                one_host(&remote)?;
                Ok(Self::Xot(Box::new(Xot {
                    remote: Some(remote),
                    local: None,
                    source: None,
                    interface: None,
                })))
            }
            "xot-listen" => Ok(Self::Xot(Box::new(Xot {
                remote: None,
                local: Some(Endpoint::parse(place, Xot::PORT)?),
                source: None,
                interface: None,
            }))),
            _ => Err(format!("unknown kind of line '{kind}'")),
        }
    }
}

fn path(text: &str) -> Result<String, String> {
    // Blanks end it where it stands, and other control characters are no help to anybody.
    let legal = text.bytes().all(|b| b.is_ascii_graphic() || b >= 0x80);
    if !text.starts_with('/') || text.ends_with('/') || text.len() > PATH || !legal {
        return Err(format!(
            "'{text}' is not an absolute path of at most {PATH} octets without blanks"
        ));
    }
    Ok(text.to_owned())
}

fn one_host(remote: &Endpoint) -> Result<(), String> {
    match &remote.host {
        Host::Address(address) if address.is_unspecified() || address.is_multicast() => {
            Err(format!("'{remote}' is not the address of one host"))
        }
        _ => Ok(()),
    }
}

impl Kind {
    /// Frames are octet-stuffed into a stream, so that control characters may matter.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Cable(_)
            | Self::Udp { .. }
            | Self::Packet(_)
            | Self::Lapbether(_)
            | Self::Xot(_) => false,
            Self::Tty { .. } | Self::Pty(_) | Self::Tcp(_) | Self::TcpListen { .. } => true,
        }
    }

    /// Sets an option that only some kinds have; `false`: this one has it not.
    fn set(&mut self, option: &str, text: &str) -> Result<bool, String> {
        match (self, option) {
            (Self::Tty { flow, .. }, "flow") => {
                let word = Flow::WORDS.iter().find(|(_, word)| *word == text);
                let wrong = || format!("'{text}' is not one of none, rtscts, xonxoff");
                *flow = word.ok_or_else(wrong)?.0;
            }
            (Self::Tty { ignore_dcd, .. }, "dcd") => {
                *ignore_dcd = match text {
                    "ignore" => true,
                    "watch" => false,
                    _ => return Err(format!("'{text}' is not one of watch, ignore")),
                };
            }
            (Self::TcpListen { source, .. }, "source") => *source = Some(value::prefix(text)?),
            (Self::Xot(xot), "source") => {
                if xot.local.is_none() {
                    return Err("source is of those who call, behind listen=ADDRESS".to_owned());
                }
                xot.source = Some(value::prefix(text)?);
            }
            (Self::Xot(xot), "listen") if xot.remote.is_some() => {
                xot.local = Some(Endpoint::parse(text, Xot::PORT)?);
            }
            (Self::Xot(xot), "interface") if xot.remote.is_some() => {
                let legal = text.bytes().all(|b| b.is_ascii_graphic());
                if !legal || !(1..=Xot::INTERFACE).contains(&text.len()) {
                    return Err(format!("'{text}' is not the name of an interface"));
                }
                xot.interface = Some(text.to_owned());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn udp(local: Endpoint, remote: Endpoint) -> Result<Self, String> {
        one_host(&remote)?;
        if let (Host::Address(ours), Host::Address(theirs)) = (&local.host, &remote.host)
            && ours.is_ipv4() != theirs.is_ipv4()
        {
            return Err(format!(
                "'{local}' and '{remote}' are not of one IP version"
            ));
        }
        Ok(Self::Udp { local, remote })
    }
}

impl Endpoint {
    /// As [`FromStr`], with a port that may be left out.
    fn parse(text: &str, port: u16) -> Result<Self, String> {
        let bare = text.parse::<Ipv6Addr>().is_ok();
        if text.ends_with(']') || !text.contains(':') || bare {
            format!("{text}:{port}").parse()
        } else {
            text.parse()
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("'{text}' is not HOST:PORT"))?;
        let host = if let Some(inner) = host.strip_prefix('[') {
            let inner = inner
                .strip_suffix(']')
                .ok_or_else(|| format!("'{host}' lacks its ']'"))?;
            Host::Address(IpAddr::V6(value::ipv6(inner)?))
        } else if host.parse::<Ipv6Addr>().is_ok() {
            return Err(format!("'{host}' needs brackets: [{host}]:{port}"));
        } else if let Ok(address) = value::ipv4(host) {
            Host::Address(IpAddr::V4(address))
        } else {
            Host::Name(value::hostname(host)?.to_owned())
        };
        Ok(Self {
            host,
            port: value::port(port)?,
        })
    }
}

impl Display for Line {
    /// In the form that is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if self.loss > 0 {
            let (whole, part) = (self.loss / 10_000, self.loss % 10_000);
            let part = format!(".{part:04}");
            write!(
                f,
                " loss={whole}{}%",
                part.trim_end_matches('0').trim_end_matches('.')
            )?;
        }
        if !self.delay.is_zero() {
            let delay = humantime::format_duration(self.delay).to_string();
            write!(f, " delay={}", delay.replace(' ', ""))?;
        }
        match self.queue {
            Some(queue) => write!(f, " queue={queue}"),
            None => Ok(()),
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cable(name) => write!(f, "cable:{name}"),
            Self::Udp { local, remote } => write!(f, "udp:{local},{remote}"),
            Self::Packet(interface) => write!(f, "packet:{interface}"),
            Self::Lapbether(interface) => write!(f, "lapbether:{interface}"),
            Self::Tty {
                device,
                flow,
                ignore_dcd,
            } => {
                write!(f, "tty:{device}")?;
                let word = Flow::WORDS.iter().find(|(kind, _)| kind == flow);
                if let Some((_, word)) = word.filter(|_| *flow != Flow::None) {
                    write!(f, " flow={word}")?;
                }
                f.write_str(if *ignore_dcd { " dcd=ignore" } else { "" })
            }
            Self::Pty(link) => write!(f, "pty:{link}"),
            Self::Tcp(remote) => write!(f, "tcp:{remote}"),
            Self::TcpListen { local, source } => {
                write!(f, "tcp-listen:{local}")?;
                match source {
                    Some((network, bits)) => write!(f, " source={network}/{bits}"),
                    None => Ok(()),
                }
            }
            Self::Xot(xot) => {
                if let Some(remote) = &xot.remote {
                    write!(f, "xot:{remote}")?;
                }
                if let Some(local) = &xot.local {
                    let word = match xot.remote {
                        Some(_) => " listen=",
                        None => "xot-listen:",
                    };
                    write!(f, "{word}{local}")?;
                }
                if let Some((network, bits)) = xot.source {
                    write!(f, " source={network}/{bits}")?;
                }
                match &xot.interface {
                    Some(name) => write!(f, " interface={name}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// For fuzzing: what is read is written in a form that is read as the same.
pub fn fuzz_line(data: &[u8]) {
    if let Ok(line) = String::from_utf8_lossy(data).parse::<Line>() {
        assert_eq!(line.to_string().parse(), Ok(line));
    }
}

#[cfg(test)]
mod tests;
