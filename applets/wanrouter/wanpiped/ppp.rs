//! PPP in the daemon: from the configuration to a profile, what IPCP and IPV6CP mean for the host,
//! and what commands see of it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use log::Level;
use wanbox_link::ppp::automaton::Limits;
use wanbox_link::ppp::{Profile, auth, ipcp, ipv6cp, lcp};
use wanbox_runtime::files;
use wanbox_runtime::netlink::Address;
use wanbox_wanrouter_engine::ppp::{Config, Ppp, Role, Sharing};

use super::bundle::Side;
use super::device::Device;
use super::host;
use super::link::Link;
use super::secrets::Secrets;
use crate::conf::{DeviceConf, IpConf, IpMode, PppConf};
use crate::control::{Negotiated, PppStatus};

/// The engine's configuration of a device.
pub fn config(conf: &DeviceConf, link: &PppConf, bundle: &Side, secrets: &Secrets) -> Config {
    let ip = conf.interfaces.first().and_then(|i| i.ip.as_ref());
    let mut profile = profile(link, ip, secrets);
    let stuffs = conf.line.as_ref().is_some_and(|line| line.kind.is_stream());
    profile.lcp.accm = stuffs.then_some(link.asyncmap);
    let role = match (bundle, link.multilink) {
        (Side::First(first), Some(multilink)) => {
            profile.lcp.multilink = Some(lcp::Multilink {
                mrru: multilink.mrru,
                short_sequence: multilink.short_sequence,
                endpoint: first.endpoint(),
                on_request: false,
            });
            Role::First(Sharing {
                rate_bps: conf.baud_rate.into(),
                min_fragment: multilink.min_fragment.into(),
                patience: multilink.patience,
            })
        }
        (Side::Member(member), _) => {
            profile.lcp.multilink = member.multilink().cloned();
            profile.ipv4 = None;
            profile.ipv6 = None;
            Role::Member
        }
        _ => Role::Alone,
    };
    Config {
        profile: Arc::new(profile),
        mtu: conf.mtu,
        role,
    }
}

fn profile(conf: &PppConf, ip: Option<&IpConf>, secrets: &Secrets) -> Profile {
    let some = |time: std::time::Duration| (!time.is_zero()).then_some(time);
    Profile {
        limits: Limits {
            restart: conf.restart,
            max_configure: conf.max_configure,
            max_terminate: conf.max_terminate,
            max_failure: conf.max_failure,
            // The link is tried again after the hold-down, for ever.
            never_give_up: false,
        },
        lcp: lcp::Config {
            mru: conf.mru,
            magic: conf.magic,
            pfc: conf.pfc,
            acfc: conf.acfc,
            echo_interval: some(conf.echo_interval),
            echo_failures: conf.echo_failures,
            ..Default::default()
        },
        demand: secrets.demand(),
        provide: secrets.provide(),
        name: secrets.name().as_bytes().into(),
        credentials: secrets.credentials(),
        authentication: auth::Config {
            restart: conf.auth_restart,
            wait: conf.auth_wait,
            max_tries: conf.auth_retry,
            rechallenge: some(conf.rechallenge),
        },
        ipv4: ipv4(conf, ip),
        ipv6: conf.ipv6cp.then(ipv6cp::Config::default),
        connect_timeout: some(conf.connect_timeout),
        hold_down: Some(conf.hold_down),
        statistics: true,
    }
}

/// What IPCP is told for these addresses.
pub fn ipv4(conf: &PppConf, ip: Option<&IpConf>) -> Option<ipcp::Config> {
    let conf = conf.ipcp.as_ref()?;
    let none = Ipv4Addr::UNSPECIFIED;
    let local = ip.and_then(|ip| ip.address).unwrap_or(none);
    let peer = ip.and_then(|ip| ip.peer).unwrap_or(none);
    let addresses = match conf.mode {
        IpMode::Peer => ipcp::Config::of_peer(),
        IpMode::Host => ipcp::Config::host(local, peer),
        IpMode::Static if local.is_unspecified() => ipcp::Config::of_peer(),
        IpMode::Static => ipcp::Config::fixed(local, peer),
    };
    let van_jacobson = conf.van_jacobson.map(|slots| ipcp::Slots {
        max_slot: (slots - 1).min(255) as u8,
        compress_slot: true,
    });
    Some(ipcp::Config {
        van_jacobson,
        dns: conf.dns.map(|server| server.unwrap_or(none)),
        ask_dns: conf.use_peer_dns,
        ..addresses
    })
}

impl Device {
    /// IPCP agreed on addresses.
    pub fn ppp_addresses(&mut self, now: Instant, channel: u16, local: Ipv4Addr, peer: Ipv4Addr) {
        if !peer.is_unspecified() {
            self.peer_address(now, channel, peer);
        }
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        let configured = interface.conf.ip.as_ref().and_then(|ip| ip.address);
        if local.is_unspecified() || configured == Some(local) {
            return;
        }
        let address = host::learned(
            local,
            Ipv4Addr::BROADCAST,
            (!peer.is_unspecified()).then_some(peer),
        );
        let learned = interface.learn(&mut self.netlink, address);
        let name = interface.conf.name.clone();
        match learned {
            Ok(()) => self.note(
                now,
                Level::Info,
                format_args!("{name}: our address is {local}"),
            ),
            Err(error) => self.note(now, Level::Error, format_args!("{name}: {error}")),
        }
    }

    /// IPV6CP agreed on interface identifiers: ours makes our link-local address
    /// (RFC 5072 section 5).
    pub fn ppp_identifiers(&mut self, now: Instant, channel: u16, local: u64, peer: u64) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        if local == 0 {
            return;
        }
        let address = Address {
            local: link_local(local).into(),
            peer: None,
            prefix_len: 64,
            broadcast: None,
        };
        let learned = interface.learn_link_local(&mut self.netlink, address);
        let name = interface.conf.name.clone();
        match learned {
            Ok(()) => self.note(
                now,
                Level::Info,
                format_args!(
                    "{name}: our link-local address is {}, the peer's {}",
                    link_local(local),
                    link_local(peer)
                ),
            ),
            Err(error) => self.note(now, Level::Error, format_args!("{name}: {error}")),
        }
    }

    /// The peer told name servers: they are written where scripts find them.
    pub fn ppp_name_servers(&mut self, now: Instant, channel: u16, servers: [Ipv4Addr; 2]) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        interface.name_servers = servers
            .into_iter()
            .filter(|s| !s.is_unspecified())
            .collect();
        let mut text = String::new();
        for server in &interface.name_servers {
            text.push_str(&format!("nameserver {server}\n"));
        }
        let name = interface.conf.name.clone();
        let path = self.root.run_dir().join(format!("{name}.resolv"));
        match files::write_atomic(&path, text.as_bytes(), 0o644) {
            Ok(()) => self.note(
                now,
                Level::Info,
                format_args!("{name}: name servers in {}", path.display()),
            ),
            Err(error) => self.note(now, Level::Error, format_args!("{error}")),
        }
    }

    /// The longest packet that the peer takes.
    pub fn ppp_mtu(&mut self, now: Instant, channel: u16, mtu: u16) {
        let slot = self.interfaces.get_mut(usize::from(channel));
        let Some(interface) = slot.and_then(Option::as_mut) else {
            return;
        };
        if interface.mtu == u32::from(mtu) {
            return;
        }
        let set = interface.set_mtu(&mut self.netlink, mtu.into());
        let name = interface.conf.name.clone();
        match set {
            Ok(()) => self.note(now, Level::Info, format_args!("{name}: MTU {mtu}")),
            Err(error) => self.note(now, Level::Error, format_args!("{name}: {error}")),
        }
    }

    /// What commands show of PPP; `None` for other protocols.
    pub fn ppp_status(&self) -> Option<PppStatus> {
        let Link::Ppp(engine) = &self.link else {
            return None;
        };
        let interface = self.interfaces.first().and_then(Option::as_ref);
        let servers = interface.map_or(&[][..], |interface| &interface.name_servers);
        let mut status = status(engine, servers);
        status.bundle = match &self.bundle {
            Side::Alone => None,
            Side::First(first) => Some(first.status(engine)),
            Side::Member(member) => Some(member.status()),
        };
        Some(status)
    }
}

fn status(engine: &Ppp, name_servers: &[Ipv4Addr]) -> PppStatus {
    let view = engine.view();
    let side = |side: &lcp::Negotiated| Negotiated {
        mru: side.mru,
        accm: side.accm,
        magic: side.magic,
        pfc: side.pfc,
        acfc: side.acfc,
        mrru: side.mrru,
        short_sequence: side.short_sequence,
        authentication: side.authentication.map(|protocol| protocol.to_string()),
    };
    let ipv4 = engine.network().ipv4();
    let ipv6 = engine.network().ipv6();
    let known = |address: Ipv4Addr| (!address.is_unspecified()).then_some(address);
    PppStatus {
        phase: format!("{:?}", view.phase).to_lowercase(),
        lcp: view.lcp.to_string(),
        ipcp: engine.network().ipcp_state().to_string(),
        ipv6cp: engine.network().ipv6cp_state().to_string(),
        last_cause: view.last_cause.map(|cause| cause.to_string()),
        local: side(&view.local),
        peer: side(&view.peer),
        local_address: ipv4.and_then(|ipv4| known(ipv4.local)),
        peer_address: ipv4.and_then(|ipv4| known(ipv4.peer)),
        van_jacobson: ipv4.is_some_and(|ipv4| ipv4.send.is_some() || ipv4.receive.is_some()),
        name_servers: name_servers.to_vec(),
        peer_name: engine
            .link()
            .peer_name()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        demanded: view.demanding.map(proof),
        given: view.giving.map(proof),
        bundle: None,
        local_link_local: ipv6
            .filter(|ipv6| ipv6.local != 0)
            .map(|ipv6| link_local(ipv6.local)),
        peer_link_local: ipv6
            .filter(|ipv6| ipv6.peer != 0)
            .map(|ipv6| link_local(ipv6.peer)),
    }
}

/// How a role of authentication went.
fn proof(role: wanbox_link::ppp::Role) -> String {
    format!("{}: {:?}", role.method, role.state).to_lowercase()
}

/// The link-local address of an interface identifier (RFC 5072 section 5).
fn link_local(identifier: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(identifier))
}

/// Every counter of the engine, by name.
pub fn counters(engine: &Ppp) -> Vec<(&'static str, u64)> {
    let (link, network) = (engine.link_stats(), engine.network_stats());
    let counters = [
        ("lcp_frames_rx", link.lcp_frames.received),
        ("lcp_frames_tx", link.lcp_frames.sent),
        ("pap_frames_rx", link.pap_frames.received),
        ("pap_frames_tx", link.pap_frames.sent),
        ("chap_frames_rx", link.chap_frames.received),
        ("chap_frames_tx", link.chap_frames.sent),
        ("ipcp_frames_rx", network.ipcp_frames.received),
        ("ipcp_frames_tx", network.ipcp_frames.sent),
        ("ipv6cp_frames_rx", network.ipv6cp_frames.received),
        ("ipv6cp_frames_tx", network.ipv6cp_frames.sent),
        ("ipv4_rx", network.ipv4.received),
        ("ipv4_tx", network.ipv4.sent),
        ("ipv6_rx", network.ipv6.received),
        ("ipv6_tx", network.ipv6.sent),
        ("ups", link.ups),
        ("echo_requests_tx", link.echo_request.sent),
        ("echo_requests_rx", link.echo_request.received),
        ("echo_replies_tx", link.echo_reply.sent),
        ("echo_replies_rx", link.echo_reply.received),
        ("protocol_rejects_tx", link.protocol_reject.sent),
        ("protocol_rejects_rx", link.protocol_reject.received),
        ("discard_requests_rx", link.discard_request.received),
        ("identifications_rx", link.identification),
        ("quality_reports_rx", link.quality_frames),
        ("looped_configure_requests", link.loopback.configure_request),
        ("looped_echo_requests", link.loopback.echo_request),
        ("looped_echo_replies", link.loopback.echo_reply),
        ("bad_header", link.bad_header),
        ("rx_while_down", link.while_down),
        ("rx_out_of_phase", link.out_of_phase),
        ("rx_unknown_protocol", link.unknown_protocol),
        ("lcp_malformed", link.lcp.malformed),
        ("lcp_bad_ack", link.lcp.bad_ack),
        ("lcp_bad_nak", link.lcp.bad_nak),
        ("lcp_bad_identifier", link.lcp.bad_identifier),
        ("ipcp_malformed", network.ipcp.malformed),
        ("ipcp_bad_identifier", network.ipcp.bad_identifier),
        ("ipv6cp_malformed", network.ipv6cp.malformed),
        ("ipv6cp_bad_identifier", network.ipv6cp.bad_identifier),
        ("ipx_rx", network.ipx_received),
        ("rx_not_open", network.not_open),
        ("rx_malformed", network.malformed),
        ("tx_link_down", link.refused_down),
        ("tx_too_long", link.refused_long + network.refused_long),
        ("tx_not_open", network.refused_down),
    ];
    counters.map(|(name, value)| (name, value.into())).to_vec()
}

/// The counters of a bundle, by name.
pub fn bundle_counters(engine: &Ppp, lost: u64, malformed: u64) -> Vec<(&'static str, u64)> {
    let mut all = vec![
        ("lost_between_devices", lost),
        ("malformed_between_devices", malformed),
        ("malformed", engine.malformed_in_bundle()),
    ];
    if let Some(s) = engine.bundle().map(|bundle| bundle.stats()) {
        all.extend([
            ("tx_packets", s.tx_packets),
            ("tx_fragments", s.tx_fragments),
            ("tx_no_member", s.tx_no_member),
            ("tx_too_long", s.tx_too_long),
            ("rx_fragments", s.rx_fragments),
            ("rx_packets", s.rx_packets),
            ("rx_malformed", s.rx_malformed),
            ("rx_null", s.rx_null),
            ("rx_too_long", s.rx_too_long),
            ("rx_duplicates", s.duplicates),
            ("rx_late", s.late),
            ("rx_orphans", s.orphans),
            ("rx_discarded", s.discarded),
            ("rx_lost", s.lost),
            ("rx_timeouts", s.timeouts),
            ("rx_overflows", s.overflows),
            ("peer_restarts", s.restarts),
        ]);
    }
    all
}

/// The counters of header compression, by name.
pub fn vj_counters(engine: &Ppp) -> [(&'static str, u64); 7] {
    let (tx, rx) = engine.vj_stats();
    [
        ("vj_tx_ip", tx.ip),
        ("vj_tx_uncompressed", tx.uncompressed),
        ("vj_tx_compressed", tx.compressed),
        ("vj_rx_uncompressed", rx.uncompressed),
        ("vj_rx_compressed", rx.compressed),
        ("vj_rx_tossed", rx.tossed),
        ("vj_rx_errors", rx.errors),
    ]
}

/// The word for the state of a PPP link that is not up.
pub fn reason(engine: &Ppp) -> String {
    use wanbox_link::ppp::Phase;
    let view = engine.view();
    match (view.last_cause, view.phase) {
        (Some(cause), _) => cause.to_string(),
        (None, Phase::Establish) => "LCP negotiates".into(),
        (None, Phase::Authenticate) => "authentication is under way".into(),
        (None, _) => "no answer from the other side yet".into(),
    }
}
