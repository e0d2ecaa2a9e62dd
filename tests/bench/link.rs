//! A link over `udp:` between two network namespaces.

use std::path::Path;
use std::time::Duration;

use wanbox_rig::{Result, Router, netns, until};

/// Addresses of the two ends on the network between them.
pub const OUTER: [&str; 2] = ["10.9.0.1", "10.9.0.2"];

/// Addresses of the two ends of the link.
pub const INNER: [&str; 2] = ["10.0.16.1", "10.0.16.2"];

/// What a link speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    FrameRelay,
    Ppp,
    /// X.25 with this packet size and window; an interface that calls, and applications.
    X25 {
        size: u16,
        window: u8,
    },
}

impl Protocol {
    /// The name of the link's one interface.
    const fn interface(self) -> &'static str {
        match self {
            Self::FrameRelay => "wp1_fr16",
            Self::Ppp => "wp1ppp",
            Self::X25 { .. } => "wp1svc1",
        }
    }

    /// The device's file of end `n`; the line is given.
    fn configuration(self, n: usize, line: &str) -> String {
        match self {
            Self::FrameRelay => {
                let station = ["NODE", "CPE"][n];
                format!(
                    "[devices]\nwanpipe1 = WAN_FR\n\
                     [interfaces]\nwp1_fr16 = wanpipe1, 16, WANPIPE\n\
                     [wanpipe1]\nLINE = {line}\n\
                     STATION = {station}\nSIGNALLING = ANSI\nT391 = 10\nT392 = 15\n\
                     NUMBER_OF_DLCI = 1\nFR_ISSUE_FS = YES\nMTU = 1500\nUDPPORT = 9000\n\
                     [wp1_fr16]\n"
                )
            }
            Self::Ppp => format!(
                "[devices]\nwanpipe1 = WAN_PPP\n\
                 [interfaces]\nwp1ppp = wanpipe1, , WANPIPE\n\
                 [wanpipe1]\nLINE = {line}\nMTU = 1500\nUDPPORT = 9000\n\
                 [wp1ppp]\n"
            ),
            Self::X25 { size, window } => {
                let station = ["DTE", "DCE"][n];
                let modulo = if window > 7 { 128 } else { 8 };
                format!(
                    "[devices]\nwanpipe1 = WAN_X25\n\
                     [interfaces]\nwp1svc1 = wanpipe1, @{}, WANPIPE\n\
                     [wanpipe1]\nLINE = {line}\nSTATION = {station}\n\
                     LOWESTSVC = 1\nHIGHESTSVC = 100\nX25_MODE = {modulo}\n\
                     LAPB_MODE = {modulo}\nPACKETWINDOW = {window}\nHDLCWINDOW = {window}\n\
                     DEF_PKT_SIZE = {size}\nMAX_PKT_SIZE = 4096\nMTU = 1500\nUDPPORT = 9000\n\
                     [wp1svc1]\nX25_SRC_ADDR = {}\n",
                    2 - n,
                    n + 1
                )
            }
        }
    }
}

/// Both routers, the link up.
pub struct Link {
    pub ends: [Router; 2],
}

impl Link {
    /// Makes the network and the link.
    ///
    /// # Errors
    /// Something is missing, or the link does not come up.
    pub fn new(wanbox: &Path, protocol: Protocol) -> Result<Self> {
        let ends = [Router::new(wanbox)?, Router::new(wanbox)?];
        netns::veth(&ends[0].netns, "eth0", &ends[1].netns, "eth0")?;
        for (n, router) in ends.iter().enumerate() {
            let (here, there) = (OUTER[n], OUTER[1 - n]);
            // Room for a tunnelled packet of 1500 octets, or X.25's of 4096: neither tunnel is to be
            // measured by fragments.
            let mtu = match protocol {
                Protocol::X25 { .. } => 4200,
                Protocol::FrameRelay | Protocol::Ppp => 1600,
            };
            router.netns.ip(&format!("link set eth0 mtu {mtu}"))?;
            router.netns.ip(&format!("addr add {here}/24 dev eth0"))?;
            let line = format!("udp:{here}:7000,{there}:7000");
            router.write("/etc/wanpipe/wanrouter.rc", "WAN_DEVICES=\"wanpipe1\"\n")?;
            router.write(
                "/etc/wanpipe/wanpipe1.conf",
                &protocol.configuration(n, &line),
            )?;
            router.write(
                &format!("/etc/wanpipe/interfaces/{}", protocol.interface()),
                &format!(
                    "IPADDR={}\nNETMASK=255.255.255.255\nPOINTOPOINT={}\n",
                    INNER[n],
                    INNER[1 - n]
                ),
            )?;
            router.ok("wanrouter start")?;
        }
        let link = Self { ends };
        until("the link", Duration::from_secs(40), || {
            Ok(link.ends.iter().all(|end| match protocol {
                // The circuit is there when it is needed.
                Protocol::X25 { .. } => end.is_connected("wanpipe1"),
                _ => end.is_channel_up("wanpipe1", protocol.interface()),
            }))
        })?;
        Ok(link)
    }
}
