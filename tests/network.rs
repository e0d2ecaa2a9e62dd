//! Two routers and what may be between them.

use std::path::PathBuf;
use std::time::Duration;

use wanbox_rig::{Netns, Result, Router, TempDir, netns, until};

/// The longest a link may take that has nothing wrong with it: it is polled each 5 s,
/// two good exchanges bring it up, and the machine may be very busy.
pub const UP: Duration = Duration::from_secs(90);

/// The longest until somebody notices that the other end is silent: N392 (3) polls of 5 s, or
/// three keepalives missed, and the machine may be very busy.
pub const DOWN: Duration = Duration::from_secs(90);

/// The device every test uses.
pub const DEVICE: &str = "wanpipe1";

/// What the line runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The software cable.
    Cable,
    /// UDP between two namespaces.
    Udp,
    /// Raw frames on an interface of the kernel: a veth pair stands for the serial card.
    Packet,
    /// The same frames among those of an Ethernet.
    Lapbether,
}

/// One interface of a device.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// The DLCI; `None` but for Frame Relay.
    pub dlci: Option<u16>,
    /// The channel of a PPP link.
    pub ppp: bool,
    /// The circuit of an X.25 link as it is addressed, and the number in its name and addresses.
    pub circuit: Option<(String, u16)>,
    /// The usage mode; empty: `WANPIPE`.
    pub usage: &'static str,
    /// Lines of its section.
    pub keys: String,
    /// The interface file; empty: addresses by the DLCI (10.0.DLCI.1 and .2, fd00:DLCI::1 and ::2).
    pub ip: String,
}

impl Channel {
    /// An ordinary PVC.
    pub fn dlci(dlci: u16) -> Self {
        Self {
            dlci: Some(dlci),
            ..Self::default()
        }
    }

    /// The name of the kernel's interface.
    pub fn name(&self) -> String {
        match (self.dlci, &self.circuit) {
            (_, Some((_, number))) => format!("wp1_x25{number}"),
            (Some(dlci), None) => format!("wp1_fr{dlci}"),
            (None, None) if self.ppp => "wp1_ppp".to_owned(),
            (None, None) => "wp1_chdlc".to_owned(),
        }
    }

    /// Its address on the link.
    fn address(&self) -> String {
        match &self.circuit {
            Some((address, _)) => address.clone(),
            None => self.dlci.map(|d| d.to_string()).unwrap_or_default(),
        }
    }
}

/// One end of a line.
#[derive(Clone, Debug)]
pub struct End {
    /// `WAN_FR`, `WAN_CHDLC`, `WAN_PPP` or `WAN_X25`.
    pub kind: &'static str,
    /// The port of the management protocol.
    pub udp_port: u16,
    /// Lines of the device's section.
    pub keys: String,
    /// Its interfaces.
    pub channels: Vec<Channel>,
}

impl End {
    /// A Frame Relay end with these PVCs and quick timers.
    pub fn frame_relay(station: &str, signalling: &str, dlcis: &[u16]) -> Self {
        let timers = match station {
            "NODE" => format!("T392 = 10\nNUMBER_OF_DLCI = {}\n", dlcis.len()),
            _ => "T391 = 5\nN391 = 2\nFR_ISSUE_FS = YES\n".to_owned(),
        };
        Self {
            kind: "WAN_FR",
            udp_port: 9000,
            keys: format!(
                "STATION = {station}\nSIGNALLING = {signalling}\nN392 = 3\nN393 = 4\n{timers}"
            ),
            channels: dlcis.iter().copied().map(Channel::dlci).collect(),
        }
    }

    /// A Cisco HDLC end with quick timers.
    pub fn cisco_hdlc() -> Self {
        Self {
            kind: "WAN_CHDLC",
            udp_port: 9000,
            keys: String::new(),
            channels: vec![Channel {
                keys: "KEEPALIVE_TX_TIMER = 1000\nKEEPALIVE_RX_TIMER = 1100\n\
                       KEEPALIVE_ERR_MARGIN = 3\n"
                    .to_owned(),
                ..Channel::default()
            }],
        }
    }

    /// An X.25 end with quick timers, these lines for its device, and these circuits: addressed so,
    /// with these lines of their sections, and numbered from 1.
    pub fn x25(station: &str, keys: &str, circuits: &[(&str, &str)]) -> Self {
        let channels = circuits
            .iter()
            .zip(1..)
            .map(|(&(address, keys), number)| Channel {
                circuit: Some((address.to_owned(), number)),
                keys: keys.to_owned(),
                ..Channel::default()
            });
        Self {
            kind: "WAN_X25",
            udp_port: 9000,
            keys: format!("STATION = {station}\nCALL_SETUP_LOG = YES\n{keys}"),
            channels: channels.collect(),
        }
    }

    /// A PPP end with quick timers, and these lines for its device and its interface.
    pub fn ppp(keys: &str, interface: &str) -> Self {
        Self {
            kind: "WAN_PPP",
            udp_port: 9000,
            keys: format!("RESTARTTIMER = 1\nHOLD_DOWN = 1\nECHO_INTERVAL = 1\n{keys}"),
            channels: vec![Channel {
                ppp: true,
                keys: interface.to_owned(),
                ..Channel::default()
            }],
        }
    }

    /// The device's file.
    pub fn configuration(&self, line: &str) -> String {
        let mut text = format!("[devices]\n{DEVICE} = {}\n\n[interfaces]\n", self.kind);
        for channel in &self.channels {
            let address = channel.address();
            let usage = match channel.usage {
                "" => "WANPIPE",
                usage => usage,
            };
            text += &format!("{} = {DEVICE}, {address}, {usage}\n", channel.name());
        }
        text += &format!(
            "\n[{DEVICE}]\nLINE = {line}\nMTU = 1500\nUDPPORT = {}\nTTL = 255\n{}",
            self.udp_port, self.keys
        );
        for channel in &self.channels {
            text += &format!("\n[{}]\n{}", channel.name(), channel.keys);
        }
        text
    }

    /// The interface file of a channel at end `n` (0 or 1).
    pub fn interface_file(channel: &Channel, n: usize) -> String {
        if !channel.ip.is_empty() {
            return channel.ip.clone();
        }
        let number = channel.circuit.as_ref().map(|(_, number)| *number);
        let net = number.or(channel.dlci).unwrap_or(1);
        let (here, there) = (n + 1, 2 - n);
        format!(
            "IPADDR=10.0.{net}.{here}\nNETMASK=255.255.255.255\n\
             POINTOPOINT=10.0.{net}.{there}\nIPV6ADDR=fd00:{net}::{here}/64\n"
        )
    }
}

/// Two routers with a line between them.
pub struct Pair {
    pub a: Router,
    pub b: Router,
    cables: TempDir,
}

impl Pair {
    /// Makes the routers, their network and their files. Nothing is started.
    pub fn new(over: Over, a: &End, b: &End) -> Result<Self> {
        let pair = Self {
            a: Router::new(&crate::wanbox())?,
            b: Router::new(&crate::wanbox())?,
            cables: TempDir::new()?,
        };
        for router in [&pair.a, &pair.b] {
            router.plug(pair.cables.path())?;
            router.netns.ip("link set lo up")?;
        }
        match over {
            Over::Cable => {}
            Over::Udp => {
                netns::veth(&pair.a.netns, "eth0", &pair.b.netns, "eth0")?;
                for (n, router) in [&pair.a, &pair.b].into_iter().enumerate() {
                    router
                        .netns
                        .ip(&format!("addr add 192.0.2.{}/24 dev eth0", n + 1))?;
                }
            }
            Over::Packet | Over::Lapbether => {
                netns::veth(&pair.a.netns, "hdlc0", &pair.b.netns, "hdlc0")?;
                for router in [&pair.a, &pair.b] {
                    // Frames with a tunnelled packet are longer than an Ethernet's.
                    router.netns.ip("link set hdlc0 mtu 2000")?;
                }
            }
        }
        for (n, (router, end)) in [(&pair.a, a), (&pair.b, b)].into_iter().enumerate() {
            let line = match over {
                Over::Cable => "cable:test".to_owned(),
                Over::Udp => format!("udp:192.0.2.{}:7000,192.0.2.{}:7000", n + 1, 2 - n),
                Over::Packet => "packet:hdlc0".to_owned(),
                Over::Lapbether => "lapbether:hdlc0".to_owned(),
            };
            install(router, end, &line, n)?;
        }
        Ok(pair)
    }

    /// Makes both and starts both.
    pub fn started(over: Over, a: &End, b: &End) -> Result<Self> {
        let pair = Self::new(over, a, b)?;
        pair.a.ok("wanrouter start")?;
        pair.b.ok("wanrouter start")?;
        Ok(pair)
    }

    /// Makes both, starts both and waits until these interfaces carry data at both ends.
    pub fn up(over: Over, a: &End, b: &End) -> Result<Self> {
        let pair = Self::started(over, a, b)?;
        pair.wait_up(&a.channels)?;
        Ok(pair)
    }

    /// Waits until these interfaces carry data at both ends.
    pub fn wait_up(&self, channels: &[Channel]) -> Result<Duration> {
        until("the link to come up", UP, || {
            Ok([&self.a, &self.b].iter().all(|router| {
                channels
                    .iter()
                    .all(|channel| router.is_channel_up(DEVICE, &channel.name()))
            }))
        })
        .map_err(|error| self.explain(error))
    }

    /// Waits until the link is down at an end.
    pub fn wait_down(&self, router: &Router) -> Result<Duration> {
        until("the link to go down", DOWN, || {
            Ok(!router.is_connected(DEVICE))
        })
        .map_err(|error| self.explain(error))
    }

    /// Adds what both daemons say to an error.
    pub fn explain(&self, error: wanbox_rig::Error) -> wanbox_rig::Error {
        let mut text = error.to_string();
        for (name, router) in [("a", &self.a), ("b", &self.b)] {
            match router.status(DEVICE) {
                Ok(status) => text += &format!("\n{name}: {status:#}"),
                Err(error) => text += &format!("\n{name}: {error}"),
            }
            text += &format!("\n{}", router.logs());
        }
        wanbox_rig::Error::new(text)
    }

    /// A file of this name that goes with the pair.
    pub fn file(&self, name: &str) -> PathBuf {
        self.cables.path().join(name)
    }

    /// Captures the line at an end into a file, until it is stopped.
    pub fn capture(&self, router: &Router, name: &str) -> Result<PathBuf> {
        let file = self.cables.path().join(name);
        router.ok(&format!(
            "wanconfig card {DEVICE} capture {}",
            file.display()
        ))?;
        Ok(file)
    }

    /// Ends the capture of an end.
    pub fn end_capture(&self, router: &Router) -> Result {
        router.ok(&format!("wanconfig card {DEVICE} capture off"))?;
        Ok(())
    }
}

/// Writes all files of an end.
pub fn install(router: &Router, end: &End, line: &str, n: usize) -> Result {
    router.write(
        "/etc/wanpipe/wanrouter.rc",
        &format!("WAN_DEVICES=\"{DEVICE}\"\n"),
    )?;
    router.write(
        &format!("/etc/wanpipe/{DEVICE}.conf"),
        &end.configuration(line),
    )?;
    for channel in &end.channels {
        router.write(
            &format!("/etc/wanpipe/interfaces/{}", channel.name()),
            &End::interface_file(channel, n),
        )?;
    }
    Ok(())
}

/// Whether the kernel has an interface administratively up.
pub fn is_up(netns: &Netns, interface: &str) -> Result<bool> {
    let links = netns.ip_json("link show")?;
    Ok(links.as_array().into_iter().flatten().any(|link| {
        link["ifname"] == interface
            && link["flags"]
                .as_array()
                .is_some_and(|flags| flags.iter().any(|flag| flag == "UP"))
    }))
}
