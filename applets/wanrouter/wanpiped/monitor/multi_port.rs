//! What monitors are told of PPP on a multi-port card: in the structures of Cisco HDLC, whose
//! keepalives stand for PPP's echoes.

use std::time::Instant;

use wanbox_wanrouter_engine::ppp::Ppp;
use wanbox_wire::pipemon::cisco_hdlc::{Config, LINE_RS232, Operational, option};

use super::Facts;
use crate::wanpiped::counters::{Receiving, Sending};

/// READ_CONFIG.
pub(super) fn config(engine: &Ppp, facts: Facts) -> Config {
    let profile = engine.link().profile();
    let echo_ms = profile.lcp.echo_interval.map_or(0, |interval| {
        u16::try_from(interval.as_millis()).unwrap_or(u16::MAX)
    });
    let keepalive = if echo_ms == 0 {
        option::IGNORE_KEEPALIVE
    } else {
        0
    };
    let mut answer = Config {
        baud_rate: facts.baud_rate,
        line_options: if facts.rs232 { LINE_RS232 } else { 0 },
        protocol_options: keepalive,
        tx_buffer_percent: 50,
        max_data: profile.lcp.mru,
        keepalive_tx_ms: echo_ms,
        keepalive_rx_ms: echo_ms,
        keepalive_tolerance: profile.lcp.echo_failures.into(),
        ..Default::default()
    };
    if let Some(ipv4) = engine.network().ipv4() {
        answer.set_address(ipv4.local, std::net::Ipv4Addr::BROADCAST);
    }
    answer
}

/// READ_OPERATIONAL_STATS. The link's own counters wrap like those of the originals.
pub(super) fn operational(
    now: Instant,
    opened: Instant,
    engine: &Ppp,
    sending: &Sending,
    receiving: &Receiving,
) -> Operational {
    let (link, network) = (engine.link_stats(), engine.network_stats());
    let (tx, rx) = (sending.user(), receiving.user());
    let since = sending.flushed_at.unwrap_or(opened);
    let elapsed = now.saturating_duration_since(since).as_millis();
    let throughput = |octets: u64| (u128::from(octets) * 8 * 1000 / elapsed.max(1)) as u32;
    Operational {
        tx_frames: tx.packets as u32,
        tx_octets: tx.octets as u32,
        tx_throughput: throughput(tx.octets),
        tx_ms: elapsed as u32,
        tx_length_discards: link.refused_long + network.refused_long,
        rx_frames: rx.packets as u32,
        rx_octets: rx.octets as u32,
        rx_throughput: throughput(rx.octets),
        rx_ms: elapsed as u32,
        rx_inactive: link.while_down + link.out_of_phase + network.not_open,
        keepalives_tx: link.echo_request.sent,
        keepalives_rx: link.echo_reply.received,
        rx_incomplete_header: link.bad_header as u16,
        rx_bad_type: link.unknown_protocol as u16,
        link_active: link.ups as u16,
        link_looped: (link.loopback.configure_request + link.loopback.echo_request) as u16,
        ..Default::default()
    }
}

/// FLUSH_OPERATIONAL_STATS.
pub(super) fn flush(
    now: Instant,
    engine: &mut Ppp,
    sending: &mut Sending,
    receiving: &mut Receiving,
) {
    engine.flush();
    sending.flush_user(now);
    receiving.flush_user();
}

#[cfg(test)]
mod tests {
    use crate::conf::{Outcome, Protocol, parse};

    fn read(link_type: &str, interface: &str) -> Outcome {
        parse(
            "x",
            &format!(
                "[devices]\nwanpipe1 = {link_type}\n[interfaces]\nwp1mp = wanpipe1, , WANPIPE\n\
                 [wanpipe1]\nLINE = cable:x\n[wp1mp]\n{interface}"
            ),
        )
    }

    #[test]
    fn the_link_types_of_multi_port_cards_are_ppp_monitored_apart() {
        for (link_type, interface, multi_port) in [
            ("WAN_PPP", "", false),
            ("WAN_MULTPPP", "", true),
            ("WAN_MULTPROT", "MPPP_PROT = MP_PPP\n", true),
            ("WAN_MULTPPP", "PROTOCOL = ppp\n", true),
        ] {
            let (devices, _) = read(link_type, interface).accept().unwrap();
            let [device] = devices.as_slice() else {
                panic!("{devices:?}");
            };
            let Protocol::Ppp(ppp) = &device.protocol else {
                panic!("{:?}", device.protocol);
            };
            assert_eq!(ppp.multi_port, multi_port, "{link_type}");
            let words = (device.protocol.link_type(), device.protocol.word());
            let wanted = if multi_port {
                ("WAN_MULTPPP", "S51X")
            } else {
                ("WAN_PPP", "PPP")
            };
            assert_eq!(words, wanted);
        }
        let wrong = read("WAN_MULTPPP", "MPPP_PROT = MP_FR\n")
            .accept()
            .unwrap_err();
        let text: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert!(
            text.iter().any(|line| line.contains(
                "MPPP_PROT: protocol MP_FR is not driven on a multi-port card; allowed: MP_PPP"
            )),
            "{text:?}"
        );
    }
}
