//! The state and the counters of a device, for commands and texts.

use std::time::Instant;

use super::bundle::Side;
use super::device::Device;
use super::interface::{HostEnd, Interface};
use super::link::Link;
use super::tty::Tty;
use crate::conf::{Clocking, Connector, Protocol, Station};
use crate::control::{
    ApiStatus, Counters, DeviceStatus, InterfaceStatus, LinkState, ModemStatus, Traffic, api_socket,
};

/// Counters of one group: names and values.
pub type Group = [(&'static str, u64)];

impl Device {
    /// The state of the device.
    pub fn status(&self, now: Instant) -> DeviceStatus {
        let conf = &self.conf;
        let seconds = |since: Instant| now.saturating_duration_since(since).as_secs();
        DeviceStatus {
            device: conf.name.clone(),
            pid: std::process::id(),
            file: self.file.clone(),
            protocol: conf.protocol.word().into(),
            station: match &conf.protocol {
                Protocol::FrameRelay(link) => match link.station {
                    Station::Cpe => "CPE",
                    Station::Node => "Node",
                },
                Protocol::X25(link) => link.station.word(),
                Protocol::CiscoHdlc | Protocol::Ppp(_) => "N/A",
            }
            .into(),
            line: conf
                .line
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            carrier: self.has_carrier(),
            cut: self.cut,
            modem: self.line.as_ref().and_then(|line| {
                let lines = line.modem_lines()?;
                Some(ModemStatus {
                    dcd: lines.dcd,
                    cts: lines.cts,
                    dsr: lines.dsr,
                    ri: lines.ri,
                })
            }),
            electrical: match conf.connector {
                Connector::V35 => "V.35",
                Connector::Rs232 => "RS-232",
            }
            .into(),
            clocking: match conf.clocking {
                Clocking::Internal => "internal",
                Clocking::External => "external",
            }
            .into(),
            baud_rate: conf.baud_rate,
            mtu: conf.mtu.into(),
            state: if self.link.is_up() {
                LinkState::Connected
            } else if self.has_carrier() && self.last_cause.is_none() {
                LinkState::Connecting
            } else {
                LinkState::Disconnected
            },
            reason: self.reason(),
            state_seconds: seconds(self.state_since),
            uptime_seconds: seconds(self.born),
            link_ups: self.link_ups,
            signalling: match &self.link {
                Link::FrameRelay(engine) => engine.dialect().map(|dialect| dialect.to_string()),
                Link::CiscoHdlc(_) | Link::Ppp(_) | Link::X25(_) => None,
            },
            ppp: self.ppp_status(),
            x25: self.x25_status(),
            tty: self.tty.as_ref().map(Tty::status),
            characters: self.characters.as_ref().map(|c| c.status()),
            udp_port: conf.udp_port,
            capture: self.watch.capture().map(Into::into),
            interfaces: self
                .in_order()
                .map(|i| self.interface_status(now, i))
                .collect(),
            traffic: self.traffic(),
        }
    }

    /// The interfaces with their channels, in the order of the configuration.
    fn in_order(&self) -> impl Iterator<Item = (u16, &Interface)> {
        self.conf.interfaces.iter().filter_map(|conf| {
            let channel = self.channel_named(&conf.name)?;
            let interface = self.interfaces.get(usize::from(channel))?.as_ref()?;
            Some((channel, interface))
        })
    }

    fn interface_status(
        &self,
        now: Instant,
        (channel, interface): (u16, &Interface),
    ) -> InterfaceStatus {
        let id = wanbox_wanrouter_engine::ChannelId(channel);
        let ip = interface.conf.ip.as_ref();
        InterfaceStatus {
            name: interface.conf.name.clone(),
            dlci: match &self.link {
                Link::FrameRelay(engine) => Some(engine.channel_dlci(id).unwrap_or(0)),
                Link::CiscoHdlc(_) | Link::Ppp(_) | Link::X25(_) => None,
            },
            circuit: match &self.link {
                Link::X25(engine) => engine.port(id).map(|p| super::x25::circuit_status(p, now)),
                _ => None,
            },
            usage: interface.conf.usage.word().into(),
            connected: interface.connected,
            up: interface.up,
            address: ip.and_then(|ip| ip.address).or(interface.learned_local()),
            peer: interface.peer(),
            mtu: interface.mtu,
            traffic: Traffic {
                rx_packets: interface.receiving.packets,
                tx_packets: interface.sending.packets,
                rx_octets: interface.receiving.octets,
                tx_octets: interface.sending.octets,
                rx_errors: 0,
                tx_errors: interface.sending.malformed + interface.sending.refused,
                rx_dropped: interface.receiving.dropped(),
                tx_dropped: interface.sending.dropped(),
                multicast: interface.receiving.multicast,
                rx_length_errors: 0,
                rx_frame_errors: 0,
            },
            api: match &interface.end {
                HostEnd::Tun { .. } => None,
                HostEnd::Api(api) => Some(ApiStatus {
                    socket: api_socket(&self.root.run_dir(), &interface.conf.name),
                    process: api.process(),
                    waiting_octets: api.waiting_octets() as u64,
                }),
            },
        }
    }

    fn traffic(&self) -> Traffic {
        let interfaces = || self.interfaces.iter().flatten();
        let (length, format) = match &self.link {
            Link::FrameRelay(engine) => {
                let stats = engine.link_stats();
                let format = stats.rx_format_error + stats.rx_bad_address + stats.bad_signalling;
                (stats.rx_too_long + stats.rx_too_short, format)
            }
            Link::CiscoHdlc(engine) => {
                let stats = engine.stats();
                let format = stats.bad_address + stats.bad_control + stats.bad_type;
                (stats.rx_short + stats.rx_long, format)
            }
            Link::Ppp(engine) => {
                let (link, network) = (engine.link_stats(), engine.network_stats());
                let format = link.bad_header + link.lcp.malformed + network.malformed;
                (0, format.into())
            }
            Link::X25(engine) => super::x25::errors(engine),
        };
        Traffic {
            rx_packets: self.counters.rx_frames,
            tx_packets: self.counters.tx_frames,
            rx_octets: self.counters.rx_octets,
            tx_octets: self.counters.tx_octets,
            rx_errors: length + format,
            tx_errors: self.counters.tx_lost,
            rx_dropped: interfaces().map(|i| i.receiving.dropped()).sum(),
            tx_dropped: interfaces().map(|i| i.sending.dropped()).sum(),
            multicast: interfaces().map(|i| i.receiving.multicast).sum(),
            rx_length_errors: length,
            rx_frame_errors: format,
        }
    }

    /// Every counter.
    pub fn all_counters(&self) -> Counters {
        let mut all = Counters::new();
        let mut group = |name: &str, counters: &[(&str, u64)]| {
            let group = all.entry(name.to_owned()).or_default();
            group.extend(
                counters
                    .iter()
                    .map(|&(name, value)| (name.to_owned(), value)),
            );
        };
        self.device_counters(&mut group);
        for (channel, interface) in self.in_order() {
            let (tx, rx) = (&interface.sending, &interface.receiving);
            group(
                &interface.conf.name,
                &[
                    ("tx_packets", tx.packets),
                    ("tx_octets", tx.octets),
                    ("tx_empty", tx.empty),
                    ("tx_malformed", tx.malformed),
                    ("tx_broadcast_source", tx.broadcast),
                    ("tx_multicast_source", tx.multicast),
                    ("tx_management", tx.management),
                    ("tx_link_down", tx.link_down),
                    ("tx_channel_down", tx.channel_down),
                    ("tx_refused", tx.refused),
                    ("tx_held", tx.held),
                    ("rx_packets", rx.packets),
                    ("rx_octets", rx.octets),
                    ("rx_multicast", rx.multicast),
                    ("rx_management", rx.management),
                    ("rx_interface_down", rx.not_started),
                    ("rx_not_taken", rx.not_taken),
                    ("rx_bad_source", rx.bad_source),
                ],
            );
            if let HostEnd::Api(api) = &interface.end {
                let c = &api.counters;
                group(
                    &interface.conf.name,
                    &[
                        ("api_clients", c.clients),
                        ("api_busy", c.busy),
                        ("api_rx_no_client", c.no_client),
                        ("api_rx_lost", c.lost),
                        ("api_rx_unread", c.unread),
                        ("api_tx_refused", c.refused),
                        ("api_tx_acknowledged", c.acknowledged),
                        ("api_line_paused", c.line_paused),
                    ],
                );
            }
            let id = wanbox_wanrouter_engine::ChannelId(channel);
            if let Link::X25(engine) = &self.link
                && let Some(port) = engine.port(id)
            {
                group(&interface.conf.name, &super::x25::circuit_counters(port));
            }
            if let Link::FrameRelay(engine) = &self.link
                && let Some(s) = engine.channel_stats(id)
            {
                group(
                    &interface.conf.name,
                    &[
                        ("fr_rx_dropped", s.rx_dropped),
                        ("fr_rx_inactive", s.rx_inactive),
                        ("fr_rx_over_cir", s.rx_over_cir),
                        ("fr_rx_de", s.rx_discard_eligible),
                        ("fr_rx_fecn", s.rx_fecn),
                        ("fr_rx_becn", s.rx_becn),
                        ("fr_tx_de", s.tx_discard_eligible),
                        ("fr_tx_held", s.tx_held),
                        ("fr_tx_throttled", s.tx_throttled),
                        ("fr_arp_rx", s.arp_rx),
                        ("fr_arp_refused", s.arp_refused),
                        ("fr_inarp_requests", s.inarp_requests),
                        ("fr_arp_replies", s.arp_replies),
                    ],
                );
            }
        }
        all
    }

    /// Gives every counter but the interfaces' to `group`: of a group, names and values.
    pub fn device_counters(&self, group: &mut dyn FnMut(&str, &Group)) {
        let line = &self.counters;
        group(
            "line",
            &[
                ("rx_frames", line.rx_frames),
                ("rx_octets", line.rx_octets),
                ("tx_frames", line.tx_frames),
                ("tx_octets", line.tx_octets),
                ("tx_blocked", line.tx_blocked),
                ("tx_lost", line.tx_lost),
                ("rx_cut", line.rx_cut),
                ("rx_no_interface", line.rx_no_interface),
                ("rx_too_long", line.rx_too_long),
                ("carrier_drops", line.carrier_drops),
                ("turns", line.turns),
                ("timers", line.timers),
                ("trace_lost", self.watch.trace_lost()),
            ],
        );
        if let Some(line) = &self.line {
            group("line", &line.own_counters());
        }
        if let Some(tty) = &self.tty {
            tty.counters(group);
        }
        if let Some(characters) = &self.characters {
            characters.counters(group);
        }
        let management = &self.management;
        group(
            "management",
            &[
                ("served", management.served),
                ("refused_from_network", management.direction),
                ("filtered", management.filtered),
                ("unauthenticated", management.unauthenticated),
                ("malformed", management.malformed),
                ("unknown", management.unknown),
                ("replies_to_host", management.to_host),
                ("replies_to_host_failed", management.to_host_failed),
                ("replies_to_line", management.to_line),
                ("replies_to_line_failed", management.to_line_failed),
                ("local_requests", management.local),
            ],
        );
        match &self.link {
            Link::FrameRelay(engine) => {
                let s = engine.link_stats();
                group(
                    "frame_relay",
                    &[
                        ("rx_too_long", s.rx_too_long),
                        ("rx_too_short", s.rx_too_short),
                        ("rx_without_carrier", s.rx_without_carrier),
                        ("rx_unknown_dlci", s.rx_unknown_dlci),
                        ("rx_format_error", s.rx_format_error),
                        ("rx_bad_address", s.rx_bad_address),
                        ("bad_signalling", s.bad_signalling),
                        ("wrong_dialect", s.wrong_dialect),
                        ("unsolicited", s.unsolicited),
                        ("bad_send_sequence", s.bad_send_sequence),
                        ("bad_receive_sequence", s.bad_receive_sequence),
                        ("t391_timeouts", s.t391_timeouts),
                        ("t392_timeouts", s.t392_timeouts),
                        ("n392_reached", s.n392_reached),
                        ("initializations", s.initializations),
                        ("looped", s.looped),
                        ("enquiries_as_user", s.enquiries_as_user),
                        ("reports_as_node", s.reports_as_node),
                        ("unexpected_signalling", s.unexpected_signalling),
                        ("single_pvc_rx", s.single_pvc_rx),
                        ("single_pvc_tx", s.single_pvc_tx),
                        ("reserved_dlci", s.reserved_dlci),
                        ("tx_link_down", s.tx_link_down),
                        ("tx_unknown_channel", s.tx_unknown_channel),
                        ("control_overflow", s.control_overflow),
                        ("user_tx_full", s.user_tx_full),
                        ("user_tx_integrity", s.user_tx_integrity),
                        ("user_rx_full", s.user_rx_full),
                        ("user_rx_integrity", s.user_rx_integrity),
                        ("node_rx_full", s.node_rx_full),
                        ("node_rx_integrity", s.node_rx_integrity),
                        ("node_tx_full", s.node_tx_full),
                        ("node_tx_integrity", s.node_tx_integrity),
                        ("ups", s.ups),
                        ("downs", s.downs),
                    ],
                );
            }
            Link::Ppp(engine) => {
                group("ppp", &super::ppp::counters(engine));
                group("ppp", &super::ppp::vj_counters(engine));
                if !matches!(self.bundle, Side::Alone) {
                    let (lost, malformed) = (self.bundle.lost(), line.bundle_malformed);
                    let counters = super::ppp::bundle_counters(engine, lost, malformed);
                    group("bundle", &counters);
                }
            }
            Link::X25(engine) => {
                super::x25::counters(engine, group);
                if let Some(api) = &self.x25api {
                    group("x25_api", &api.counters.by_name());
                }
            }
            Link::CiscoHdlc(engine) => {
                let s = engine.stats();
                group(
                    "cisco_hdlc",
                    &[
                        ("rx_short", s.rx_short),
                        ("rx_long", s.rx_long),
                        ("rx_inactive", s.rx_inactive),
                        ("bad_header", s.bad_header),
                        ("bad_address", s.bad_address),
                        ("bad_control", s.bad_control),
                        ("bad_type", s.bad_type),
                        ("bad_payload", s.bad_payload),
                        ("bad_slarp_length", s.bad_slarp_length),
                        ("bad_slarp_code", s.bad_slarp_code),
                        ("reply_bad_address", s.reply_bad_address),
                        ("reply_bad_mask", s.reply_bad_mask),
                        ("reply_unsolicited", s.reply_unsolicited),
                        ("requests_unanswered", s.requests_unanswered),
                        ("keepalives_tx", s.keepalives_tx),
                        ("keepalives_rx", s.keepalives_rx),
                        ("keepalive_timeouts", s.keepalive_timeouts),
                        ("request_timeouts", s.request_timeouts),
                        ("link_up", s.link_up),
                        ("down_carrier", s.down_carrier),
                        ("down_keepalive", s.down_keepalive),
                        ("looped", s.looped),
                        ("peer_restarts", s.peer_restarts),
                        ("cdp_rx", s.cdp_rx),
                        ("ipx_rx", s.ipx_rx),
                        ("tx_link_down", s.tx_link_down),
                        ("tx_too_long", s.tx_too_long),
                        ("tx_unsupported", s.tx_unsupported),
                        ("events_lost", s.events_lost),
                    ],
                );
            }
        }
    }
}
