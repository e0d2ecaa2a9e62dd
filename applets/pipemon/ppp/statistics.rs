//! The `s` commands of `ppipemon`, and the `f` commands that clear what they show.

use wanbox_wire::pipemon::opcode::ppp as op;
use wanbox_wire::pipemon::ppp::{
    Board, ChapStatistics, LcpStatistics, LineErrors, LoopbackStatistics, NcpStatistics,
    PacketStatistics, PapStatistics, Statistics,
};

use super::{ask, config};
use crate::client::{Client, malformed};
use crate::failure::Failure;
use crate::report::{Form, Report};

const COLUMNS: &str = "\n\t\t\tReceived\tTransmitted\n";

/// Reads what a command shows; flush commands clear it first.
pub fn report(client: &mut Client, letters: &str) -> Result<Report, Failure> {
    let flush = match letters {
        "fg" => Some(op::FLUSH_STATISTICS),
        "fc" => Some(op::FLUSH_ERROR_STATS),
        "fp" => Some(op::FLUSH_PACKET_STATS),
        "flcp" => Some(op::FLUSH_LCP_STATS),
        "flo" => Some(op::FLUSH_LPBK_STATS),
        "fipc" => Some(op::FLUSH_IPCP_STATS),
        "fipxc" => Some(op::FLUSH_IPXCP_STATS),
        "fpap" => Some(op::FLUSH_PAP_STATS),
        "fchp" => Some(op::FLUSH_CHAP_STATS),
        _ => None,
    };
    if let Some(flush) = flush {
        ask(client, flush)?;
    }
    match letters {
        "sg" | "fg" => general_report(client),
        "sc" | "fc" => line_error_report(client),
        "sp" | "fp" => packet_report(client),
        "slpc" | "flcp" => lcp(client),
        "slo" | "flo" => loopback(client),
        "sipc" | "fipc" => ncp(client, op::READ_IPCP_STATS, "IPCP"),
        "sxpc" | "fipxc" => ncp(client, op::READ_IPXCP_STATS, "IPXCP"),
        "spap" | "fpap" => pap(client),
        "schp" | "fchp" => chap(client),
        other => Err(Failure::failed(format!("Error: no command '{other}'"))),
    }
}

/// What the link carried.
pub fn general(client: &mut Client) -> Result<Statistics, Failure> {
    let answer = ask(client, op::READ_STATISTICS)?;
    Statistics::decode(answer.data()).map_err(malformed)
}

fn general_report(client: &mut Client) -> Result<Report, Failure> {
    let (board, _) = config(client)?;
    let s = general(client)?;
    let mut report = Report::new(
        "GENERAL STATISTICS",
        "General Statistics",
        Form::Plain("", 1),
    );
    match board {
        Board::S508 => report.row(
            "rx_bad_length",
            "Number of received frames discarded due to bad length",
            s.rx_bad_length,
        ),
        Board::S502 => {
            report.row(
                "rx_lost_interrupt",
                "Number of received frames discarded at the interrupt level",
                s.rx_lost_interrupt,
            );
            report.row(
                "rx_lost_application",
                "Number of received frames discarded at the application level",
                s.rx_bad_length,
            );
            report.row(
                "tx_retransmitted",
                "Number of received retransmitted due to aborts",
                s.tx_retransmitted,
            );
        }
    }
    for (key, what, value) in [
        ("tx_frames", "frames transmitted", s.tx_frames),
        ("tx_octets", "bytes transmitted", s.tx_octets),
        ("rx_frames", "frames received", s.rx_frames),
        ("rx_octets", "bytes received", s.rx_octets),
    ] {
        report.row(key, format!("Number of user {what}"), value);
    }
    Ok(report)
}

/// The errors of the line.
pub fn line_errors(client: &mut Client) -> Result<LineErrors, Failure> {
    let answer = ask(client, op::READ_ERROR_STATS)?;
    LineErrors::decode(answer.data()).map_err(malformed)
}

fn line_error_report(client: &mut Client) -> Result<Report, Failure> {
    let (board, _) = config(client)?;
    let e = line_errors(client)?;
    let mut report = Report::new(
        "COMMUNICATION ERROR STATISTICS",
        "Communication Error Statistics",
        Form::Plain("", 1),
    );
    match board {
        Board::S508 => report.row(
            "rx_halted",
            "Number of times receiver was halted due to full buffers",
            e.rx_halted,
        ),
        Board::S502 => {
            report.row(
                "rx_too_long",
                "Number of frames discarded at the interrupt level due to frame being too long",
                e.rx_halted,
            );
            report.row(
                "tx_underruns",
                "Number of transmit underruns",
                e.tx_underruns,
            );
        }
    }
    for (key, what, value) in [
        ("rx_overruns", "receiver overrun errors", e.rx_overruns),
        ("rx_crc_errors", "receiver CRC errors", e.rx_crc),
        ("rx_aborts", "abort frames received", e.rx_aborts),
        ("tx_aborts", "abort frames transmitted", e.tx_aborts),
        (
            "tx_underruns_missed",
            "missed transmit underrun interrupts",
            e.tx_underruns_missed,
        ),
        ("interrupt_timeouts", "IRQ timeouts", e.interrupt_timeouts),
        ("dcd_changes", "times DCD changed state", e.dcd_changes),
        ("cts_changes", "times CTS changed state", e.cts_changes),
    ] {
        report.row(key, format!("Number of {what}"), value);
    }
    Ok(report)
}

/// Packets by their protocol.
pub fn packets(client: &mut Client) -> Result<PacketStatistics, Failure> {
    let answer = ask(client, op::READ_PACKET_STATS)?;
    PacketStatistics::decode(answer.data()).map_err(malformed)
}

fn packet_report(client: &mut Client) -> Result<Report, Failure> {
    let s = packets(client)?;
    let mut report = Report::new("PACKET STATISTICS", "Packet Statistics", Form::Plain("", 1));
    for (key, label, value) in [
        (
            "rx_bad_header",
            "Number discards( bad header )",
            s.rx_bad_header,
        ),
        (
            "rx_unknown",
            "Number discards( unknown/unsupported protocol )",
            s.rx_unknown,
        ),
        (
            "rx_unknown_long",
            "Number discards(unknown/unsupported protocol+too large for Protocol-Reject)",
            s.rx_unknown_long,
        ),
    ] {
        report.row(key, label, value);
    }
    report.text(COLUMNS);
    for (keys, name, values) in [
        (["rx_lcp", "tx_lcp"], "LCP", [s.rx_lcp, s.tx_lcp]),
        (["rx_ipcp", "tx_ipcp"], "IPCP", [s.rx_ipcp, s.tx_ipcp]),
        (["rx_ipxcp", "tx_ipxcp"], "IPXCP", [s.rx_ipxcp, s.tx_ipxcp]),
        (["rx_pap", "tx_pap"], "PAP", [s.rx_pap, s.tx_pap]),
        (["rx_chap", "tx_chap"], "CHAP", [s.rx_chap, s.tx_chap]),
        (["rx_lqr", "tx_lqr"], "LQR", [s.rx_lqr, s.tx_lqr]),
        (["rx_ip", "tx_ip"], "IP", [s.rx_ip, s.tx_ip]),
        (["rx_ipx", "tx_ipx"], "IPX", [s.rx_ipx, s.tx_ipx]),
    ] {
        report.columns(keys, &format!("Number of {name} packets"), "\t\t", values);
    }
    Ok(report)
}

/// What the automaton of LCP and those of the network protocols refuse alike.
fn refusals(report: &mut Report, name: &str, of: [u16; 5]) {
    let [unknown_code, too_large, bad_ack, bad_nak, bad_identifier] = of;
    report.row(
        "rx_unknown_code",
        format!("Packets discarded (unknown {name} code)"),
        unknown_code,
    );
    report.row(
        "rx_too_large",
        format!("Received {name} packets too large"),
        too_large,
    );
    report.row(
        "rx_bad_ack",
        "Received packets invalid or out-of-sequence Configure-Acks",
        bad_ack,
    );
    report.row(
        "rx_bad_nak",
        "Received packets invalid Configure-Naks or Configure-Rejects",
        bad_nak,
    );
    report.row(
        "rx_bad_identifier",
        "Configure-Naks or Configure-Rejects with bad Identifier",
        bad_identifier,
    );
}

/// The labels of the packets that LCP and the network protocols have alike, as wide as the
/// originals had them.
const CODES: [([&str; 2], &str); 7] = [
    (
        ["rx_configure_request", "tx_configure_request"],
        "Config-Request pkts",
    ),
    (
        ["rx_configure_ack", "tx_configure_ack"],
        "Config-Ack packets ",
    ),
    (
        ["rx_configure_nak", "tx_configure_nak"],
        "Config-Nack packets",
    ),
    (
        ["rx_configure_reject", "tx_configure_reject"],
        "Config-Reject packets",
    ),
    (
        ["rx_terminate_request", "tx_terminate_request"],
        "Term-Reqst packets ",
    ),
    (
        ["rx_terminate_ack", "tx_terminate_ack"],
        "Terminate-Ack packets",
    ),
    (["rx_code_reject", "tx_code_reject"], "Code-Reject packets"),
];

fn codes(
    report: &mut Report,
    labels: impl IntoIterator<Item = ([&'static str; 2], &'static str)>,
    values: impl IntoIterator<Item = [u16; 2]>,
) {
    for ((keys, what), values) in labels.into_iter().zip(values) {
        report.columns(keys, &format!("Number of {what}"), "\t", values);
    }
}

fn lcp(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_LCP_STATS)?;
    let s = LcpStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("LCP STATISTICS", "LCP Statistics", Form::Plain("", 1));
    refusals(
        &mut report,
        "LCP",
        [
            s.rx_unknown_code,
            s.rx_too_large,
            s.rx_bad_ack,
            s.rx_bad_nak,
            s.rx_bad_identifier,
        ],
    );
    report.text(COLUMNS);
    codes(
        &mut report,
        CODES,
        [
            [s.rx_configure_request, s.tx_configure_request],
            [s.rx_configure_ack, s.tx_configure_ack],
            [s.rx_configure_nak, s.tx_configure_nak],
            [s.rx_configure_reject, s.tx_configure_reject],
            [s.rx_terminate_request, s.tx_terminate_request],
            [s.rx_terminate_ack, s.tx_terminate_ack],
            [s.rx_code_reject, s.tx_code_reject],
        ],
    );
    codes(
        &mut report,
        [
            (
                ["rx_protocol_reject", "tx_protocol_reject"],
                "Protocol-Rej packets",
            ),
            (
                ["rx_echo_request", "tx_echo_request"],
                "Echo-Request packets",
            ),
            (["rx_echo_reply", "tx_echo_reply"], "Echo-Reply packets "),
            (
                ["rx_discard_request", "tx_discard_request"],
                "Discard-Request packets",
            ),
        ],
        [
            [s.rx_protocol_reject, s.tx_protocol_reject],
            [s.rx_echo_request, s.tx_echo_request],
            [s.rx_echo_reply, s.tx_echo_reply],
            [s.rx_discard_request, s.tx_discard_request],
        ],
    );
    Ok(report)
}

fn loopback(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_LPBK_STATS)?;
    let s = LoopbackStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "LOOPBACK STATISTICS",
        "Loopback Statistics",
        Form::Plain("", 1),
    );
    for (key, label, value) in [
        (
            "configure",
            "Looped-back link possible given Config-Req/Nak/Rej",
            s.configure,
        ),
        (
            "echo_request_local",
            "Looped-back link detected with Echo-Request",
            s.echo_request_local,
        ),
        (
            "echo_request_remote",
            "Echo-Request received from bad source",
            s.echo_request_remote,
        ),
        (
            "echo_reply_local",
            "Looped-back link detected with Echo-Reply",
            s.echo_reply_local,
        ),
        (
            "echo_reply_remote",
            "Echo-Reply received from bad source",
            s.echo_reply_remote,
        ),
        (
            "discard_request_local",
            "Looped-back link detected with Discard-Request",
            s.discard_request_local,
        ),
        (
            "discard_request_remote",
            "Discard-Request received from bad source",
            s.discard_request_remote,
        ),
        (
            "echo_tx_collisions",
            "Echo-Reply discarded( transmit collision )",
            s.echo_tx_collisions,
        ),
        (
            "echo_rx_collisions",
            "Echo-Reply discarded( receive collision )",
            s.echo_rx_collisions,
        ),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

fn ncp(client: &mut Client, opcode: u8, name: &'static str) -> Result<Report, Failure> {
    let answer = ask(client, opcode)?;
    let s = NcpStatistics::decode(answer.data()).map_err(malformed)?;
    let (title, xml_title) = match name {
        "IPCP" => ("IPCP STATISTICS", "IPCP Statistics"),
        _ => ("IPXCP STATISTICS", "IPXCP Statistics"),
    };
    let mut report = Report::new(title, xml_title, Form::Plain("", 1));
    refusals(
        &mut report,
        name,
        [
            s.rx_unknown_code,
            s.rx_too_large,
            s.rx_bad_ack,
            s.rx_bad_nak,
            s.rx_bad_identifier,
        ],
    );
    report.text(COLUMNS);
    codes(
        &mut report,
        CODES,
        [
            [s.rx_configure_request, s.tx_configure_request],
            [s.rx_configure_ack, s.tx_configure_ack],
            [s.rx_configure_nak, s.tx_configure_nak],
            [s.rx_configure_reject, s.tx_configure_reject],
            [s.rx_terminate_request, s.tx_terminate_request],
            [s.rx_terminate_ack, s.tx_terminate_ack],
            [s.rx_code_reject, s.tx_code_reject],
        ],
    );
    Ok(report)
}

fn pap(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_PAP_STATS)?;
    let s = PapStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("PAP STATISTICS", "PAP Statistics", Form::Plain("", 1));
    for (key, label, value) in [
        (
            "rx_unknown_code",
            "Packets discarded (unknown PAP code)",
            s.rx_unknown_code,
        ),
        (
            "rx_too_large",
            "Received PAP packets too large",
            s.rx_too_large,
        ),
        (
            "rx_bad_peer_id",
            "Received packets invalid inbound PeerID",
            s.rx_bad_peer_id,
        ),
        (
            "rx_bad_password",
            "Received packets invalid inbound Password",
            s.rx_bad_password,
        ),
    ] {
        report.row(key, label, value);
    }
    report.text(COLUMNS);
    codes(
        &mut report,
        [
            (["rx_request", "tx_request"], "Authent-Request pkts"),
            (["rx_ack", "tx_ack"], "Authent-Ack packets "),
            (["rx_nak", "tx_nak"], "Authent-Nack packets"),
        ],
        [
            [s.rx_request, s.tx_request],
            [s.rx_ack, s.tx_ack],
            [s.rx_nak, s.tx_nak],
        ],
    );
    Ok(report)
}

fn chap(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_CHAP_STATS)?;
    let s = ChapStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("CHAP STATISTICS", "CHAP Statistics", Form::Plain("", 1));
    for (key, label, value) in [
        (
            "rx_unknown_code",
            "Packets discarded (unknown CHAP code)",
            s.rx_unknown_code,
        ),
        (
            "rx_too_large",
            "Received CHAP packets too large",
            s.rx_too_large,
        ),
        (
            "rx_bad_peer_id",
            "Received packets invalid inbound PeerID",
            s.rx_bad_peer_id,
        ),
        (
            "rx_bad_secret",
            "Received packets invalid inbound Password/Secret",
            s.rx_bad_secret,
        ),
        (
            "rx_bad_digest",
            "Received packets invalid inbound MD5 message digest format",
            s.rx_bad_digest,
        ),
        (
            "rx_bad_response",
            "Invalid inbound ID or out-of-order or unelicited responses",
            s.rx_bad_response,
        ),
    ] {
        report.row(key, label, value);
    }
    report.text(COLUMNS);
    codes(
        &mut report,
        [
            (["rx_challenge", "tx_challenge"], "Challenge packets  "),
            (["rx_response", "tx_response"], "Response packets   "),
            (["rx_success", "tx_success"], "Success packets    "),
            (["rx_failure", "tx_failure"], "Failure packets    "),
        ],
        [
            [s.rx_challenge, s.tx_challenge],
            [s.rx_response, s.tx_response],
            [s.rx_success, s.tx_success],
            [s.rx_failure, s.tx_failure],
        ],
    );
    Ok(report)
}
