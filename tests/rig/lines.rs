//! Two routers with several lines between them, each paced to a bit rate of its own.

use std::path::Path;
use std::time::Duration;

use crate::{Result, Router, TempDir, until};

/// The longest the lines may take to come up.
const UP: Duration = Duration::from_secs(60);

/// The routers. Line `n`, from 1 on, is the device `wanpipe{n}` with the interface `wp{n}` at each
/// end: Cisco HDLC over a software cable, so that a frame takes 7 octets beside its packet.
#[derive(Debug)]
pub struct Lines {
    /// One end.
    pub a: Router,
    /// The other.
    pub b: Router,
    /// The rates of the lines, bit/s.
    pub rates: Vec<u64>,
    _cables: TempDir,
}

impl Lines {
    /// What a frame takes on a line beside its packet, octets.
    pub const FRAMING: u64 = 7;

    /// Lines of these rates, bit/s, and this MTU, all up.
    ///
    /// # Errors
    /// They do not come up.
    pub fn up(wanbox: &Path, rates: &[u64], mtu: u32) -> Result<Self> {
        let lines = Self {
            a: Router::new(wanbox)?,
            b: Router::new(wanbox)?,
            rates: rates.to_vec(),
            _cables: TempDir::new()?,
        };
        for (end, router) in [&lines.a, &lines.b].into_iter().enumerate() {
            router.plug(lines._cables.path())?;
            router.netns.ip("link set lo up")?;
            let mut devices = String::new();
            for (n, rate) in (1..).zip(rates) {
                devices += &format!(" wanpipe{n}");
                lines.configure(router, end, n, *rate, mtu)?;
            }
            router.write(
                "/etc/wanpipe/wanrouter.rc",
                &format!("WAN_DEVICES=\"{}\"\n", devices.trim()),
            )?;
            router.ok("wanrouter start")?;
        }
        until("the lines", UP, || {
            Ok([&lines.a, &lines.b].iter().all(|router| {
                (1..=rates.len())
                    .all(|n| router.is_channel_up(&format!("wanpipe{n}"), &format!("wp{n}")))
            }))
        })?;
        Ok(lines)
    }

    fn configure(&self, router: &Router, end: usize, n: usize, rate: u64, mtu: u32) -> Result {
        router.write(
            &format!("/etc/wanpipe/wanpipe{n}.conf"),
            &format!(
                "[devices]\nwanpipe{n} = WAN_CHDLC\n[interfaces]\nwp{n} = wanpipe{n}, , WANPIPE\n\
                 [wanpipe{n}]\nLINE = cable:c{n}\nCLOCKING = INTERNAL\nBAUDRATE = {rate}\n\
                 MTU = {mtu}\nUDPPORT = 0\n[wp{n}]\nKEEPALIVE_TX_TIMER = 1000\n\
                 KEEPALIVE_RX_TIMER = 1100\nKEEPALIVE_ERR_MARGIN = 3\n"
            ),
        )?;
        router.write(
            &format!("/etc/wanpipe/interfaces/wp{n}"),
            &format!(
                "IPADDR=10.0.{n}.{}\nNETMASK=255.255.255.255\nPOINTOPOINT=10.0.{n}.{}\n",
                end + 1,
                2 - end
            ),
        )
    }
}
