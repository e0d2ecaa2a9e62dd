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
     tty:DEVICE, pty:LINK, tcp:HOST:PORT, tcp-listen:ADDRESS:PORT; then loss=N% delay=TIME queue=FRAMES, \
     with tty also flow=none|rtscts|xonxoff dcd=watch|ignore, with tcp-listen also \
     source=ADDRESS/BITS";

/// Kinds that are known but not driven yet.
const LATER: &[&str] = &["xot"];

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
            _ if LATER.contains(&kind) => Err(format!(
                "lines of kind {kind} are not yet driven by this version"
            )),
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
            Self::Cable(_) | Self::Udp { .. } | Self::Packet(_) | Self::Lapbether(_) => false,
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Line {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn the_kinds() {
        assert_eq!(read("cable:demo").kind, Kind::Cable("demo".to_owned()));
        assert_eq!(read("packet:hdlc0").kind, Kind::Packet("hdlc0".to_owned()));
        assert_eq!(
            read("lapbether:eth0").kind,
            Kind::Lapbether("eth0".to_owned())
        );
        let line = read("cable:demo loss=1% delay=20ms queue=64");
        assert_eq!(line.loss, 10_000);
        assert_eq!(line.delay, Duration::from_millis(20));
        assert_eq!(line.queue, Some(64));
        let Kind::Udp { local, remote } = read("udp:[::]:5001,[fd00::2]:5002").kind else {
            panic!("udp");
        };
        assert_eq!(local.host, Host::Address("::".parse().unwrap()));
        assert_eq!((local.port, remote.port), (5001, 5002));
        let Kind::Udp { remote, .. } = read("udp:0.0.0.0:1,far.example.org:65535").kind else {
            panic!("udp");
        };
        assert_eq!(remote.host, Host::Name("far.example.org".to_owned()));
    }

    #[test]
    fn the_kinds_that_are_streams() {
        let line = read("tty:/dev/ttyUSB0 flow=rtscts dcd=ignore queue=8");
        assert_eq!(line.queue, Some(8));
        assert_eq!(
            line.kind,
            Kind::Tty {
                device: "/dev/ttyUSB0".into(),
                flow: Flow::RtsCts,
                ignore_dcd: true,
            }
        );
        assert_eq!(read("pty:/run/line").kind, Kind::Pty("/run/line".into()));
        let Kind::Tcp(remote) = read("tcp:terminal-server:2001").kind else {
            panic!("tcp");
        };
        assert_eq!(remote.to_string(), "terminal-server:2001");
        let text = "tcp-listen:[::]:2001 source=fd00::/16";
        assert_eq!(read(text).to_string(), text);
        for stream in ["tty:/dev/x", "pty:/x", "tcp:h:1", "tcp-listen:h:1"] {
            assert!(read(stream).kind.is_stream(), "{stream}");
        }
        assert!(!read("cable:x").kind.is_stream());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "no line"),
            ("demo", "KIND:PLACE"),
            ("wire:x", "unknown kind of line 'wire'"),
            ("tty:ttyS0", "absolute path"),
            ("pty:/run/", "absolute path"),
            ("tty:/dev/ttyS0 flow=x", "none, rtscts, xonxoff"),
            ("tty:/dev/ttyS0 dcd=no", "watch, ignore"),
            ("pty:/run/line dcd=ignore", "unknown line option 'dcd'"),
            ("tcp:1.2.3.4", "HOST:PORT"),
            ("tcp:0.0.0.0:1", "one host"),
            ("tcp-listen::1", "neither an address nor"),
            ("tcp-listen:0.0.0.0:1 source=1.2.3.4/33", "prefix"),
            ("xot:host", "not yet"),
            ("cable:", "cable's name"),
            ("cable:../x", "cable's name"),
            ("cable:a/b", "cable's name"),
            ("packet:too-long-a-name-x", "interface name"),
            ("udp:1.2.3.4:5", "LOCAL:PORT,REMOTE:PORT"),
            ("udp:1.2.3.4:0,1.2.3.5:1", "port"),
            ("udp:1.2.3.4:1,0.0.0.0:1", "one host"),
            ("udp:1.2.3.4:1,[fd00::1]:1", "one IP version"),
            ("udp:1.2.3.4:1,fd00::1:1", "brackets"),
            ("udp:1.2.3.4:1,[fd00::1:1", "']'"),
            ("udp:1.2.3.4:1,1.2.3:1", "neither an address nor"),
            ("cable:a loss", "OPTION=VALUE"),
            ("cable:a loss=2", "percentage"),
            ("cable:a delay=20", "delay"),
            ("cable:a delay=61s", "delay"),
            ("cable:a queue=0", "queue"),
            ("cable:a speed=1", "unknown line option 'speed'"),
            ("cable:a loss=1% loss=2%", "twice"),
        ] {
            let why = text.parse::<Line>().unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }

    fn endpoints() -> impl Strategy<Value = Kind> {
        let v4 = (any::<[u8; 4]>(), "[a-z]{1,8}(\\.[a-z]{2,4})?", 1..=u16::MAX).prop_map(
            |(address, name, port)| Kind::Udp {
                local: Endpoint {
                    host: Host::Address(address.into()),
                    port,
                },
                remote: Endpoint {
                    host: Host::Name(name),
                    port,
                },
            },
        );
        let v6 = (any::<[u8; 16]>(), 1..=u16::MAX)
            .prop_map(|(address, port)| Endpoint {
                host: Host::Address(address.into()),
                port,
            })
            .prop_filter("one host", |e| match e.host {
                Host::Address(a) => !a.is_unspecified() && !a.is_multicast(),
                Host::Name(_) => false,
            })
            .prop_map(|remote| Kind::Udp {
                local: remote.clone(),
                remote,
            });
        let path = || "/[a-zA-Z0-9/._-]{0,30}[a-z]";
        let flow = prop_oneof![Just(Flow::None), Just(Flow::RtsCts), Just(Flow::XonXoff)];
        let tty = (path(), flow, any::<bool>()).prop_map(|(device, flow, ignore_dcd)| Kind::Tty {
            device,
            flow,
            ignore_dcd,
        });
        let endpoint = ("[a-z]{1,8}", 1..=u16::MAX).prop_map(|(name, port)| Endpoint {
            host: Host::Name(name),
            port,
        });
        let source = proptest::option::of(
            (any::<[u8; 4]>(), 0..=32u8).prop_map(|(host, bits)| (host.into(), bits)),
        );
        prop_oneof![
            v4,
            v6,
            tty,
            path().prop_map(Kind::Pty),
            endpoint.clone().prop_map(Kind::Tcp),
            (endpoint, source).prop_map(|(local, source)| Kind::TcpListen { local, source }),
            "[a-zA-Z0-9_-]{1,32}".prop_map(Kind::Cable),
            "[a-z][a-z0-9.]{0,14}".prop_map(Kind::Packet),
            "[a-z][a-z0-9.]{0,14}".prop_map(Kind::Lapbether),
        ]
    }

    proptest! {
        #[test]
        fn lines_read_back(
            kind in endpoints(),
            loss in 0..=1_000_000u32,
            delay in 0..=60_000u64,
            queue in proptest::option::of(1..=100_000u32),
        ) {
            let line = Line { kind, loss, delay: Duration::from_millis(delay), queue };
            prop_assert_eq!(line.to_string().parse(), Ok(line.clone()));
            let json = serde_json::to_string(&line).unwrap();
            prop_assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
        }

        #[test]
        fn nothing_panics(text in "(cable:|udp:|packet:|lapbether:|tty:|pty:|tcp:|tcp-listen:)?([a-z0-9:,.= %\\[\\]]|\\PC){0,30}") {
            fuzz_line(text.as_bytes());
        }
    }
}
