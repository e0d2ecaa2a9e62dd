//! How PPP is to be, as configured: what all sessions share.

use std::sync::Arc;
use std::time::Duration;

use wanbox_link::ppp::auth::{self, Method};
use wanbox_link::ppp::automaton::Limits;
use wanbox_link::ppp::{Profile, lcp};
use wanbox_wire::ppp::multilink::Discriminator;

use crate::config::{AuthType, Config};

/// The shortest time between Echo-Requests.
const LEAST_ECHO: Duration = Duration::from_secs(1);

/// The longest packet that is put together, octets.
const MRRU: u16 = 1614;

/// The profiles of a configuration.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// Of sessions whose subscriber is not known yet.
    pub login: Arc<Profile>,
    /// Of those whose is: one that negotiates anew need not prove itself again.
    pub known: Arc<Profile>,
}

impl Profiles {
    /// Those of this configuration; `name` is what challenges say.
    #[must_use]
    pub fn new(config: &Config, name: &[u8]) -> Self {
        let demand = config.radius_authtypes.iter().map(|way| match way {
            AuthType::Pap => Method::Pap,
            AuthType::Chap => Method::ChapMd5,
            AuthType::MsChapV2 => Method::MsChapV2,
        });
        let echo = config.echo_timeout.max(LEAST_ECHO);
        // The last one has its interval to be answered too.
        let echoes = config.idle_echo_timeout.as_secs().div_ceil(echo.as_secs());
        let login = Profile {
            limits: Limits {
                restart: config.ppp_restart_time,
                max_configure: octet(config.ppp_max_configure),
                max_failure: octet(config.ppp_max_failure),
                ..Limits::default()
            },
            lcp: lcp::Config {
                mru: config.mru(),
                min_peer_mru: 576,
                echo_interval: Some(echo),
                echo_failures: echoes.saturating_sub(1).clamp(1, 255) as u8,
                multilink: config.multilink.then(|| lcp::Multilink {
                    mrru: MRRU,
                    short_sequence: false,
                    endpoint: endpoint(config),
                    on_request: true,
                }),
                ..lcp::Config::default()
            },
            demand: demand.collect(),
            name: name.get(..255).unwrap_or(name).into(),
            authentication: auth::Config {
                restart: config.ppp_restart_time,
                ..auth::Config::default()
            },
            ipv4: None,
            ipv6: None,
            // RADIUS may take its time; the concentrator has a timer of its own.
            connect_timeout: None,
            hold_down: None,
            statistics: false,
            ..Profile::default()
        };
        let known = Profile {
            demand: Vec::new(),
            ..login.clone()
        };
        Self {
            login: Arc::new(login),
            known: Arc::new(known),
        }
    }
}

/// Who we are at the end of a link (RFC 1990 section 5.1.3).
fn endpoint(config: &Config) -> Box<[u8]> {
    let mut endpoint = vec![Discriminator::IPV4];
    endpoint.extend(config.tun_address().octets());
    endpoint.into()
}

fn octet(value: u32) -> u8 {
    value.clamp(1, 255) as u8
}
