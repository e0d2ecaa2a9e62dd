//! The commands of PPP links.

use std::time::{Duration, Instant};

use wanbox_link::ppp::auth::{Method, State as Proof};
use wanbox_link::ppp::{ControlStats, LinkStats, Profile};
use wanbox_wanrouter_engine::ppp::Ppp;
use wanbox_wire::pipemon::opcode::ppp as op;
use wanbox_wire::pipemon::ppp::{
    ChapStatistics, Config, ConnectionInfo, IbaData, LcpStatistics, LineErrors, LoopbackStatistics,
    NcpStatistics, PacketStatistics, PapStatistics, Statistics, authentication,
    authentication_status, chap_state, flag, ip, pap_state,
};
use wanbox_wire::pipemon::{Control, Message, code, trace};
use wanbox_wire::ppp::{Code, Protocol};

use super::{Desk, Facts, version};
use crate::wanpiped::link::Link;

/// Share of the buffers for sending that is reported, percent: the originals'.
const TX_BUFFER_PERCENT: u16 = 60;

impl Desk<'_> {
    pub(super) fn ppp(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        control: &mut Control,
        data: &mut Vec<u8>,
    ) -> u8 {
        let [modem] = self.modem.encode();
        let Link::Ppp(engine) = &mut *self.link else {
            return code::INVALID_COMMAND;
        };
        match request.opcode() {
            op::READ_CONFIG => {
                let config = config(engine.link().profile(), self.facts);
                data.extend_from_slice(&config.encode());
            }
            op::READ_CODE_VERSION => version(data),
            op::GET_IBA_DATA => data.extend_from_slice(&iba(engine, modem).encode()),
            op::GET_CONNECTION_INFO => connection(engine, data),
            op::READ_STATISTICS => {
                let (tx, rx) = (self.sending.user(), self.receiving.user());
                let statistics = Statistics {
                    rx_bad_length: self.line.rx_too_long as u16,
                    tx_frames: tx.packets as u32,
                    tx_octets: tx.octets as u32,
                    rx_frames: rx.packets as u32,
                    rx_octets: rx.octets as u32,
                    ..Default::default()
                };
                data.extend_from_slice(&statistics.encode());
            }
            op::FLUSH_STATISTICS => {
                self.sending.flush_user(now);
                self.receiving.flush_user();
                self.line.rx_too_long = 0;
            }
            op::READ_ERROR_STATS => {
                let errors = LineErrors {
                    tx_aborts: self.line.tx_lost as u8,
                    dcd_changes: self.line.carrier_drops as u8,
                    ..Default::default()
                };
                data.extend_from_slice(&errors.encode());
            }
            op::FLUSH_ERROR_STATS => {
                self.line.tx_lost = 0;
                self.line.carrier_drops = 0;
            }
            op::READ_PACKET_STATS => data.extend_from_slice(&packets(engine).encode()),
            op::READ_LCP_STATS => data.extend_from_slice(&lcp(&engine.link_stats()).encode()),
            op::READ_LPBK_STATS => {
                data.extend_from_slice(&loopback(&engine.link_stats()).encode());
            }
            op::READ_IPCP_STATS => {
                data.extend_from_slice(&ncp(&engine.network_stats().ipcp).encode());
            }
            // Nobody here speaks IPXCP: its packets are rejected, and counted with the others.
            op::READ_IPXCP_STATS => data.extend_from_slice(&NcpStatistics::default().encode()),
            op::READ_PAP_STATS => data.extend_from_slice(&pap(&engine.link_stats()).encode()),
            op::READ_CHAP_STATS => data.extend_from_slice(&chap(&engine.link_stats()).encode()),
            op::FLUSH_PACKET_STATS
            | op::FLUSH_LCP_STATS
            | op::FLUSH_LPBK_STATS
            | op::FLUSH_IPCP_STATS
            | op::FLUSH_IPXCP_STATS
            | op::FLUSH_PAP_STATS
            | op::FLUSH_CHAP_STATS => flush(engine, request.opcode()),
            op::ENABLE_TRACING => {
                let wanted = request.data().first().copied().unwrap_or(trace::ppp::ALL);
                let flags = match wanted & trace::ppp::ALL {
                    0 => trace::ppp::ALL,
                    flags => flags,
                };
                self.watch.start_trace(now, flags);
            }
            op::DISABLE_TRACING => self.watch.stop_trace(),
            op::GET_TRACE_INFO => match self.watch.take_trace(now, request, data) {
                Some(answer) => *control = answer,
                None => return code::TRACE_STATE,
            },
            op::DRIVER_STAT_IFSEND => data.extend_from_slice(&self.send_statistics().encode()),
            op::DRIVER_STAT_INTR => self.interrupt_statistics().encode(data),
            op::DRIVER_STAT_GEN => self.general_statistics().encode(data),
            op::FLUSH_DRIVER_STATS => self.flush_driver(),
            op::ROUTER_UP_TIME => self.up_time(now, data),
            // There is no such unit.
            op::FT1_MONITOR_STATUS_CTRL | op::FT1_READ_STATUS | op::SET_FT1_MODE => {
                return code::FAILED;
            }
            _ => return code::INVALID_COMMAND,
        }
        code::OK
    }
}

/// Clears what the command of the same group shows.
fn flush(engine: &mut Ppp, opcode: u8) {
    match opcode {
        op::FLUSH_PACKET_STATS => {
            engine.clear_link(|stats| {
                stats.bad_header = 0;
                stats.unknown_protocol = 0;
                stats.quality_frames = 0;
                stats.lcp_frames = Default::default();
                stats.pap_frames = Default::default();
                stats.chap_frames = Default::default();
            });
            engine.clear_network(|stats| {
                stats.ipcp_frames = Default::default();
                stats.ipv4 = Default::default();
                stats.ipx_received = 0;
            });
        }
        op::FLUSH_LCP_STATS => engine.clear_link(|stats| {
            stats.lcp = Default::default();
            stats.protocol_reject = Default::default();
            stats.echo_request = Default::default();
            stats.echo_reply = Default::default();
            stats.discard_request = Default::default();
        }),
        op::FLUSH_LPBK_STATS => engine.clear_link(|stats| stats.loopback = Default::default()),
        op::FLUSH_IPCP_STATS => engine.clear_network(|stats| stats.ipcp = Default::default()),
        op::FLUSH_PAP_STATS => engine.clear_link(|stats| stats.auth.pap = Default::default()),
        op::FLUSH_CHAP_STATS => engine.clear_link(|stats| stats.auth.chap = Default::default()),
        // IPXCP's, which never count.
        _ => {}
    }
}

/// In the unit of the protocol, tenths of a second; what does not fit is the longest there is.
fn tenths(time: Duration) -> u16 {
    u16::try_from(time.as_millis() / 100).unwrap_or(u16::MAX)
}

fn config(profile: &Profile, facts: Facts) -> Config {
    let flag = |on: bool, bit: u16| if on { bit } else { 0 };
    let pap = |ways: &[Method]| ways.contains(&Method::Pap);
    let chap = |ways: &[Method]| ways.iter().any(|&way| way != Method::Pap);
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    let (demand, provide) = (&profile.demand, &profile.provide);
    let mut answer = Config {
        baud_rate: facts.baud_rate,
        tx_buffer_percent: TX_BUFFER_PERCENT,
        flags: flag::TX_STATISTICS
            | flag::RX_STATISTICS
            | flag(facts.rs232, flag::RS232)
            | flag(profile.hold_down.is_some(), flag::AUTO_RECOVERY),
        local_mru: profile.lcp.mru,
        remote_mru: profile.lcp.min_peer_mru,
        restart: tenths(profile.limits.restart),
        authentication_restart: tenths(profile.authentication.restart),
        authentication_wait: tenths(profile.authentication.wait),
        dtr_drop: profile.hold_down.map_or(0, tenths),
        connect_timeout: profile.connect_timeout.map_or(0, tenths),
        max_configure: profile.limits.max_configure.into(),
        max_terminate: profile.limits.max_terminate.into(),
        max_failure: profile.limits.max_failure.into(),
        max_authenticate: profile.authentication.max_tries.into(),
        authentication: bit(pap(demand) || pap(provide), authentication::PAP)
            | bit(chap(demand) || chap(provide), authentication::CHAP)
            | bit(!demand.is_empty(), authentication::INBOUND),
        ..Default::default()
    };
    if let Some(ipv4) = profile.ipv4 {
        let (local, remote) = (!ipv4.local.is_unspecified(), !ipv4.peer.is_unspecified());
        answer.ip = ip::ENABLED
            | bit(local, ip::LOCAL_ADDRESS)
            | bit(ipv4.accept_local || !local, ip::ASK_FOR_ADDRESS)
            | bit(remote, ip::GIVE_ADDRESS)
            | bit(!remote, ip::REQUIRE_ADDRESS);
        answer.ip_local = ipv4.local.octets();
        answer.ip_remote = ipv4.peer.octets();
    }
    answer
}

fn iba(engine: &Ppp, modem: u8) -> IbaData {
    let view = engine.view();
    // What we have to prove tells more than what the peer has to: it ends the link as well.
    let of = |protocol: Protocol| {
        [view.giving, view.demanding]
            .into_iter()
            .flatten()
            .find(|role| role.method.protocol() == protocol)
    };
    IbaData {
        modem,
        lcp_state: view.lcp as u8,
        phase: view.phase as u8,
        ipcp_state: engine.network().ipcp_state() as u8,
        ipxcp_state: 0,
        pap_state: of(Protocol::PAP).map_or(pap_state::INITIAL, |role| match role.state {
            Proof::Initial => pap_state::INITIAL,
            Proof::Failed => pap_state::FAILED,
            Proof::Sent | Proof::ResponseSent => pap_state::REQUEST_SENT,
            Proof::Waiting => pap_state::WAITING,
            Proof::Opened => pap_state::OPENED,
        }),
        chap_state: of(Protocol::CHAP).map_or(chap_state::INITIAL, |role| match role.state {
            Proof::Initial => chap_state::INITIAL,
            Proof::Failed => chap_state::FAILED,
            Proof::Sent => chap_state::CHALLENGE_SENT,
            Proof::Waiting => chap_state::WAITING,
            Proof::ResponseSent => chap_state::RESPONSE_SENT,
            Proof::Opened => chap_state::OPENED,
        }),
        cause: view.cause_bits,
    }
}

fn connection(engine: &Ppp, data: &mut Vec<u8>) {
    let view = engine.view();
    let auth = engine.link_stats().auth;
    let mut info = ConnectionInfo {
        remote_mru: view.peer.mru,
        authentication: match view.demanding {
            Some(role) => match role.state {
                Proof::Opened => authentication_status::OK,
                Proof::Failed if auth.pap.bad_peer + auth.chap.bad_peer > 0 => {
                    authentication_status::BAD_PEER
                }
                Proof::Failed => authentication_status::BAD_PASSWORD,
                _ => authentication_status::NONE,
            },
            None => authentication_status::NONE,
        },
        ..Default::default()
    };
    if let Some(ipv4) = engine.network().ipv4() {
        info.ip = ip::ENABLED;
        info.ip_local = ipv4.local.octets();
        info.ip_remote = ipv4.peer.octets();
    }
    info.encode_with(engine.link().peer_name().unwrap_or_default(), data);
}

fn packets(engine: &Ppp) -> PacketStatistics {
    let (link, network) = (engine.link_stats(), engine.network_stats());
    PacketStatistics {
        rx_bad_header: link.bad_header as u16,
        rx_unknown: link.unknown_protocol as u16,
        // A Protocol-Reject is cut to what the peer takes.
        rx_unknown_long: 0,
        rx_lcp: link.lcp_frames.received as u16,
        tx_lcp: link.lcp_frames.sent as u16,
        rx_ipcp: network.ipcp_frames.received as u16,
        tx_ipcp: network.ipcp_frames.sent as u16,
        rx_ipxcp: network.ipx_received as u16,
        rx_pap: link.pap_frames.received as u16,
        tx_pap: link.pap_frames.sent as u16,
        rx_chap: link.chap_frames.received as u16,
        tx_chap: link.chap_frames.sent as u16,
        rx_lqr: link.quality_frames as u16,
        rx_ip: network.ipv4.received as u16,
        tx_ip: network.ipv4.sent as u16,
        ..Default::default()
    }
}

fn pap(stats: &LinkStats) -> PapStatistics {
    let pap = &stats.auth.pap;
    PapStatistics {
        rx_unknown_code: pap.rx_unknown,
        rx_request: pap.rx_request,
        rx_ack: pap.rx_ack,
        rx_nak: pap.rx_nak,
        tx_request: pap.tx_request,
        tx_ack: pap.tx_ack,
        tx_nak: pap.tx_nak,
        rx_too_large: pap.too_large,
        rx_bad_peer_id: pap.bad_peer,
        rx_bad_password: pap.bad_password,
    }
}

fn chap(stats: &LinkStats) -> ChapStatistics {
    let chap = &stats.auth.chap;
    ChapStatistics {
        rx_unknown_code: chap.rx_unknown,
        rx_challenge: chap.rx_challenge,
        rx_response: chap.rx_response,
        rx_success: chap.rx_success,
        rx_failure: chap.rx_failure,
        tx_challenge: chap.tx_challenge,
        tx_response: chap.tx_response,
        tx_success: chap.tx_success,
        tx_failure: chap.tx_failure,
        rx_too_large: chap.too_large,
        rx_bad_peer_id: chap.bad_peer,
        rx_bad_secret: chap.bad_secret,
        rx_bad_digest: chap.bad_md5,
        rx_bad_response: chap.bad_response,
    }
}

fn lcp(stats: &LinkStats) -> LcpStatistics {
    let control = &stats.lcp;
    let rx = |code| control.packets_received(code) as u16;
    let tx = |code| control.packets_sent(code) as u16;
    LcpStatistics {
        rx_unknown_code: rx(Code::Other(0)),
        rx_configure_request: rx(Code::ConfigureRequest),
        rx_configure_ack: rx(Code::ConfigureAck),
        rx_configure_nak: rx(Code::ConfigureNak),
        rx_configure_reject: rx(Code::ConfigureReject),
        rx_terminate_request: rx(Code::TerminateRequest),
        rx_terminate_ack: rx(Code::TerminateAck),
        rx_code_reject: rx(Code::CodeReject),
        rx_protocol_reject: stats.protocol_reject.received as u16,
        rx_echo_request: stats.echo_request.received as u16,
        rx_echo_reply: stats.echo_reply.received as u16,
        rx_discard_request: stats.discard_request.received as u16,
        tx_configure_request: tx(Code::ConfigureRequest),
        tx_configure_ack: tx(Code::ConfigureAck),
        tx_configure_nak: tx(Code::ConfigureNak),
        tx_configure_reject: tx(Code::ConfigureReject),
        tx_terminate_request: tx(Code::TerminateRequest),
        tx_terminate_ack: tx(Code::TerminateAck),
        tx_code_reject: tx(Code::CodeReject),
        tx_protocol_reject: stats.protocol_reject.sent as u16,
        tx_echo_request: stats.echo_request.sent as u16,
        tx_echo_reply: stats.echo_reply.sent as u16,
        tx_discard_request: stats.discard_request.sent as u16,
        rx_too_large: 0,
        rx_bad_ack: control.bad_ack as u16,
        rx_bad_nak: control.bad_nak as u16,
        rx_bad_identifier: control.bad_identifier as u16,
    }
}

fn ncp(control: &ControlStats) -> NcpStatistics {
    let rx = |code| control.packets_received(code) as u16;
    let tx = |code| control.packets_sent(code) as u16;
    NcpStatistics {
        rx_unknown_code: rx(Code::Other(0)),
        rx_configure_request: rx(Code::ConfigureRequest),
        rx_configure_ack: rx(Code::ConfigureAck),
        rx_configure_nak: rx(Code::ConfigureNak),
        rx_configure_reject: rx(Code::ConfigureReject),
        rx_terminate_request: rx(Code::TerminateRequest),
        rx_terminate_ack: rx(Code::TerminateAck),
        rx_code_reject: rx(Code::CodeReject),
        tx_configure_request: tx(Code::ConfigureRequest),
        tx_configure_ack: tx(Code::ConfigureAck),
        tx_configure_nak: tx(Code::ConfigureNak),
        tx_configure_reject: tx(Code::ConfigureReject),
        tx_terminate_request: tx(Code::TerminateRequest),
        tx_terminate_ack: tx(Code::TerminateAck),
        tx_code_reject: tx(Code::CodeReject),
        rx_too_large: 0,
        rx_bad_ack: control.bad_ack as u16,
        rx_bad_nak: control.bad_nak as u16,
        rx_bad_identifier: control.bad_identifier as u16,
    }
}

fn loopback(stats: &LinkStats) -> LoopbackStatistics {
    let loopback = &stats.loopback;
    LoopbackStatistics {
        configure: loopback.configure_request as u16,
        echo_request_local: loopback.echo_request as u16,
        echo_request_remote: loopback.echo_request_foreign as u16,
        echo_reply_local: loopback.echo_reply as u16,
        echo_reply_remote: loopback.echo_reply_foreign as u16,
        discard_request_local: loopback.discard_request as u16,
        discard_request_remote: loopback.discard_request_foreign as u16,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use wanbox_link::ppp::ipcp;
    use wanbox_wanrouter_engine::{Engine, ppp};
    use wanbox_wire::pipemon::ppp::{cause, phase};

    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn end(now: Instant, local: Ipv4Addr, peer: Ipv4Addr, seed: u128) -> Ppp {
        let profile = Profile {
            ipv4: Some(ipcp::Config::fixed(local, peer)),
            ..Default::default()
        };
        let config = ppp::Config {
            role: ppp::Role::Alone,
            profile: Arc::new(profile),
            mtu: 1500,
        };
        let mut end = Ppp::new(config, now, seed).unwrap();
        end.carrier(now, true);
        end
    }

    /// Control frames pass until there are no more.
    fn talk(now: Instant, a: &mut Ppp, b: &mut Ppp) {
        let mut frame = Vec::new();
        loop {
            let mut silent = true;
            while a.poll_transmit(&mut frame) {
                b.receive(now, &frame);
                silent = false;
            }
            while b.poll_transmit(&mut frame) {
                a.receive(now, &frame);
                silent = false;
            }
            if silent {
                return;
            }
        }
    }

    #[test]
    fn a_link_that_comes_up_and_goes() {
        let now = Instant::now();
        let (mut a, mut b) = (end(now, HERE, THERE, 1), end(now, THERE, HERE, 2));
        let before = iba(&a, 0x28);
        assert_eq!((before.phase, before.ipcp_state), (phase::ESTABLISH, 0));
        talk(now, &mut a, &mut b);
        let up = iba(&a, 0x28);
        assert_eq!(
            (up.modem, up.lcp_state, up.phase),
            (0x28, 9, phase::NETWORK)
        );
        assert_eq!((up.ipcp_state, up.ipxcp_state, up.pap_state), (9, 0, 0));

        let mut data = Vec::new();
        connection(&a, &mut data);
        let info = ConnectionInfo::decode(&data).unwrap();
        assert_eq!((info.remote_mru, info.ip), (1500, ip::ENABLED));
        assert_eq!(info.ip_local, HERE.octets());
        assert_eq!(info.ip_remote, THERE.octets());
        assert_eq!(ConnectionInfo::peer_id(&data), b"");

        let (ours, theirs) = (lcp(&a.link_stats()), lcp(&b.link_stats()));
        assert!(ours.tx_configure_request > 0);
        assert_eq!(ours.tx_configure_request, theirs.rx_configure_request);
        assert_eq!(ours.rx_configure_ack, theirs.tx_configure_ack);
        let (ours, theirs) = (packets(&a), packets(&b));
        assert_eq!((ours.tx_lcp, ours.rx_lcp), (theirs.rx_lcp, theirs.tx_lcp));
        assert_eq!(ours.tx_ipcp, theirs.rx_ipcp);
        assert!(ours.tx_ipcp > 0);

        flush(&mut a, op::FLUSH_LCP_STATS);
        assert_eq!(lcp(&a.link_stats()), LcpStatistics::default());
        assert!(ncp(&a.network_stats().ipcp).tx_configure_request > 0);
        flush(&mut a, op::FLUSH_IPCP_STATS);
        assert_eq!(ncp(&a.network_stats().ipcp), NcpStatistics::default());
        assert_eq!(packets(&a), ours);
        flush(&mut a, op::FLUSH_PACKET_STATS);
        assert_eq!(packets(&a), PacketStatistics::default());

        b.close(now);
        talk(now, &mut a, &mut b);
        assert_eq!(iba(&a, 0).cause, cause::REMOTE_TERMINATION);
        assert_eq!(iba(&b, 0).cause, cause::DISABLED);
        a.carrier(now, false);
        assert_eq!(iba(&a, 0).phase, phase::DEAD);
    }

    #[test]
    fn the_configuration_in_its_units() {
        let facts = Facts {
            protocol: wanbox_wire::pipemon::Protocol::Ppp,
            baud_rate: 64_000,
            internal_clock: false,
            rs232: true,
            mtu: 1500,
        };
        let profile = Profile {
            demand: vec![Method::ChapMd5],
            provide: vec![Method::Pap],
            ipv4: Some(ipcp::Config::of_peer()),
            ..Default::default()
        };
        let told = config(&profile, facts);
        assert_eq!((told.baud_rate, told.local_mru), (64_000, 1500));
        assert_eq!(told.flags & flag::RS232, flag::RS232);
        // As the originals' driver set them.
        assert_eq!((told.restart, told.authentication_wait), (30, 300));
        assert_eq!((told.connect_timeout, told.max_configure), (900, 10));
        assert_eq!((told.max_failure, told.max_authenticate), (5, 10));
        assert_eq!(
            told.authentication,
            authentication::PAP | authentication::CHAP | authentication::INBOUND
        );
        assert_eq!(
            told.ip,
            ip::ENABLED | ip::ASK_FOR_ADDRESS | ip::REQUIRE_ADDRESS
        );
        let silent = Profile {
            connect_timeout: None,
            ipv4: None,
            ..Default::default()
        };
        let told = config(&silent, facts);
        assert_eq!(
            (told.connect_timeout, told.ip, told.authentication),
            (0, 0, 0)
        );
        assert_eq!(tenths(Duration::from_secs(36_000)), u16::MAX);
    }
}
