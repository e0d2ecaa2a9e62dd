//! The commands of `fpipemon`.

use serde_json::json;
use wanbox_wire::pipemon::Protocol;
use wanbox_wire::pipemon::driver::{self, Modem};
use wanbox_wire::pipemon::frame_relay::{
    DlciStatistics, LineErrors, LinkConfig, LinkStatistics, LinkStatus, Notifications,
    active_dlcis, pvc,
};
use wanbox_wire::pipemon::{code, opcode, opcode::fr};

use crate::client::{Answer, Client, malformed};
use crate::driver_statistics::{self, FRAME_RELAY};
use crate::failure::Failure;
use crate::report::{Form, Report, Value};

/// What the monitor says to a return code.
pub fn failure(opcode: u8, code: u8) -> Failure {
    let text = match (code, opcode) {
        (code::DLCI_INVALID, _) => "Error: An invalid DLCI was selected",
        (code::MODEM_FAILURE, _) => {
            "Error: A modem failure occurred - DCD and/or CTS were found to be unexpectedly low"
        }
        (code::CHANNEL_DOWN, _) => "Error: The Channel moved from Operative to being Inoperative",
        (code::CHANNEL_UP, _) => "Error: The Channel moved from Inoperative to being Operative",
        (code::DLCI_CHANGE, _) => "Error: The status of a DLCI changed",
        (code::DLCI_MISMATCH, _) => "Error: The DLCIs of the switch and the configured ones differ",
        (code::FR_INVALID_COMMAND, _) => "Error: The frame relay command is invalid",
        (code::NOT_RUNNING, _) => "Error: The link is not running",
        (code::NOT_FROM_NETWORK, _) => "Error: This command is not allowed from the far end",
        _ => {
            let name = opcode::name(Protocol::FrameRelay, opcode).unwrap_or("command");
            return Failure::failed(format!("Error: {name}: return code 0x{code:02X}"));
        }
    };
    Failure::failed(text)
}

/// A command that must succeed.
pub fn ask(client: &mut Client, opcode: u8, dlci: u16, data: &[u8]) -> Result<Answer, Failure> {
    let answer = client.call(opcode, dlci, data)?;
    if answer.code == code::OK {
        Ok(answer)
    } else {
        Err(failure(opcode, answer.code))
    }
}

/// Reads what a command shows; flush commands clear it first.
pub fn report(client: &mut Client, letters: &str, dlci: u16) -> Result<Report, Failure> {
    match letters {
        "xm" => modem(client),
        "xl" => link(client),
        "xru" => up_time(client),
        "cl" => active(client),
        "clr" => switch(client),
        "sg" => global(client),
        "sc" => line_errors(client),
        "se" => errors(client),
        "sd" => of_dlci(client, dlci),
        "ds" => driver_statistics::sends(client, &FRAME_RELAY),
        "di" => driver_statistics::interrupts(client, &FRAME_RELAY),
        "dg" => driver_statistics::general(client, &FRAME_RELAY),
        "fg" | "fe" => {
            flush(client, 0, &[1], "Error: Global Statistics not flushed")?;
            if letters == "fg" {
                global(client)
            } else {
                errors(client)
            }
        }
        "fi" => {
            flush(client, dlci, &[], "Error: DLCI Statistics are not flushed")?;
            of_dlci(client, dlci)
        }
        "fc" => {
            ask(client, fr::FLUSH_ERROR_STATS, 0, &[])?;
            line_errors(client)
        }
        "fd" => driver_statistics::flush(client, &FRAME_RELAY),
        other => Err(Failure::failed(format!("Error: no command '{other}'"))),
    }
}

fn flush(client: &mut Client, dlci: u16, data: &[u8], not: &str) -> Result<(), Failure> {
    let answer = client.call(fr::FLUSH_STATISTICS, dlci, data)?;
    match answer.code {
        code::OK => Ok(()),
        code::NOT_FLUSHED => Err(Failure::failed(not)),
        other => Err(failure(fr::FLUSH_STATISTICS, other)),
    }
}

fn modem(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::READ_MODEM_STATUS, 0, &[])?;
    let lines = Modem::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("MODEM STATUS", "Modem Status", Form::Plain("", 1));
    report.row("dcd", "DCD", Value::either(lines.dcd, "HIGH", "LOW"));
    report.row("cts", "CTS", Value::either(lines.cts, "HIGH", "LOW"));
    Ok(report)
}

fn link(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::READ_STATUS, 0, &[])?;
    let status = LinkStatus::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "PHYSICAL LINK STATUS",
        "Physical Link Status",
        Form::Plain("", 1),
    );
    report.row("channel_operative", "Channel status", operative(&status));
    Ok(report)
}

fn operative(status: &LinkStatus<'_>) -> Value {
    Value::either(status.operative(), "OPERATIVE", "INOPERATIVE")
}

fn up_time(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::ROUTER_UP_TIME, 0, &[])?;
    up_time_report(driver::up_time(answer.data()).map_err(malformed)?)
}

/// How long the router is up, in the coarsest unit that it has reached.
pub fn up_time_report(seconds: u32) -> Result<Report, Failure> {
    let text = match seconds {
        0..60 => format!("{seconds} seconds"),
        60..3600 => format!("{} minute(s)", seconds / 60),
        _ => format!("{} hour(s)", seconds / 3600),
    };
    let mut report = Report::new("ROUTER UP TIME", "Router Up Time", Form::Plain("    ", 2));
    report.row("up_time_s", "Router UP Time", Value::both(text, seconds));
    Ok(report)
}

fn active(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::LIST_ACTIVE_DLCI, 0, &[])?;
    let mut report = Report::new(
        "LIST OF ACTIVE DLCIs",
        "List of Active DLCIs",
        Form::Plain("", 1),
    );
    let dlcis: Vec<u16> = active_dlcis(answer.data()).collect();
    if dlcis.is_empty() {
        report.text("There are NO ACTIVE DLCIs\n");
    } else {
        report.text("ACTIVE DLCIs\n");
    }
    for &dlci in &dlcis {
        report.row("", "DLCI", dlci);
    }
    report.list("active_dlcis", dlcis.into_iter().map(Into::into).collect());
    Ok(report)
}

/// The state of a PVC in a word.
pub fn pvc_state(status: u8) -> &'static str {
    [
        (pvc::DELETED, "Deleted"),
        (pvc::ACTIVE, "Active"),
        (pvc::WAITING, "Waiting"),
        (pvc::NEW, "New"),
    ]
    .into_iter()
    .find(|(bit, _)| status & bit != 0)
    .map_or("Inactive", |(_, name)| name)
}

fn switch(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::READ_STATUS, 0, &[])?;
    let status = LinkStatus::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "GLOBAL DLCI STATUS",
        "Global DLCI Status",
        Form::Plain("  ", 1),
    );
    report.row("channel_operative", "Channel Status", operative(&status));
    report.set_form(Form::Silent);
    let mut list = Vec::new();
    let mut lines = String::from("\n  DLCI\t\tSTATUS\n");
    for pvc in status.pvcs() {
        let reported = pvc.status & pvc::REPORTED != 0;
        let place = if reported { "Included" } else { "Excluded" };
        let state = pvc_state(pvc.status);
        lines.push_str(&format!("   {}\t\t{place}, {state}\n", pvc.dlci));
        let shown = format!("{place}, {state}");
        report.row("", pvc.dlci.to_string(), Value::from(shown.as_str()));
        list.push(json!({
            "dlci": pvc.dlci,
            "reported": reported,
            "deleted": pvc.status & pvc::DELETED != 0,
            "active": pvc.status & pvc::ACTIVE != 0,
            "waiting": pvc.status & pvc::WAITING != 0,
            "new": pvc.status & pvc::NEW != 0,
        }));
    }
    if list.is_empty() {
        lines = String::from("\n  No DLCIs reported by switch!\n");
    }
    report.text(lines);
    report.list("dlcis", list);
    Ok(report)
}

/// Whether the link is the network's side.
fn is_node(client: &mut Client) -> Result<bool, Failure> {
    let answer = ask(client, fr::READ_CONFIG, 0, &[])?;
    // Old drivers may send less than the whole structure; the station is all that is needed.
    Ok(match LinkConfig::decode(answer.data()) {
        Ok(config) => config.station != 0,
        Err(_) => answer.data().first().is_some_and(|&octet| octet != 0),
    })
}

/// The statistics of the link.
pub fn statistics(client: &mut Client) -> Result<LinkStatistics, Failure> {
    let answer = ask(client, fr::READ_STATISTICS, 0, &[0])?;
    LinkStatistics::decode(answer.data()).map_err(malformed)
}

fn global(client: &mut Client) -> Result<Report, Failure> {
    let node = is_node(client)?;
    let s = statistics(client)?;
    let (title, xml_title) = if node {
        ("GLOBAL STATISTICS: NODE", "Global Statistics: Node")
    } else {
        ("GLOBAL STATISTICS: CPE", "Global Statistics: CPE")
    };
    let mut report = Report::new(title, xml_title, Form::Aligned(56, 1));
    let rows: [(&str, &str, u16); 4] = if node {
        [
            (
                "full_status_enquiries_received",
                "Full Status Enquiry messages received",
                s.node_rx_full_status,
            ),
            (
                "link_verification_enquiries_received",
                "Link Integrity Verification Status Enquiry mesg received",
                s.node_rx_link_verification,
            ),
            (
                "full_status_sent",
                "Full Status Reply messages sent",
                s.node_tx_full_status,
            ),
            (
                "link_verification_sent",
                "Link Integrity Verification Status messages sent",
                s.node_tx_link_verification,
            ),
        ]
    } else {
        [
            (
                "full_status_enquiries_sent",
                "Full Status Enquiry messages sent",
                s.cpe_tx_full_status,
            ),
            (
                "link_verification_enquiries_sent",
                "Link Integrity Verification Status Enquiry messages sent",
                s.cpe_tx_link_verification,
            ),
            (
                "full_status_received",
                "Full Status messages received",
                s.cpe_rx_full_status,
            ),
            (
                "link_verification_received",
                "Link Integrity Verification Status messages received",
                s.cpe_rx_link_verification,
            ),
        ]
    };
    for (key, label, value) in rows {
        report.row(key, label, value);
    }
    report.row(
        "cpe_initializations",
        "CPE initializations",
        s.cpe_initializations,
    );
    report.row(
        "send_sequence",
        "Current Send Sequence Number",
        s.current_send_sequence,
    );
    report.row(
        "receive_sequence",
        "Current Receive Sequence Number",
        s.current_receive_sequence,
    );
    report.row("n392_count", "Current N392 count", s.current_n392);
    report.row("n393_count", "Current N393 count", s.current_n393);
    Ok(report)
}

/// The errors of the line.
pub fn read_line_errors(client: &mut Client) -> Result<LineErrors, Failure> {
    let answer = ask(client, fr::READ_ERROR_STATS, 0, &[])?;
    LineErrors::decode(answer.data()).map_err(malformed)
}

fn line_errors(client: &mut Client) -> Result<Report, Failure> {
    let e = read_line_errors(client)?;
    let mut report = Report::new(
        "COMMUNICATION ERROR STATISTICS",
        "Communication Error Statistics",
        Form::Aligned(48, 1),
    );
    for (key, label, value) in [
        (
            "rx_overruns",
            "Number of receiver overrun errors",
            e.rx_overruns,
        ),
        ("rx_crc_errors", "Number of receiver CRC errors", e.rx_crc),
        ("rx_aborts", "Number of abort frames received", e.rx_aborts),
        (
            "rx_disabled",
            "Number of times receiver disabled (buffers full)",
            e.rx_disabled,
        ),
        (
            "tx_aborts",
            "Number of abort frames transmitted",
            e.tx_aborts_copy,
        ),
        (
            "tx_underruns_missed",
            "Number of transmit underrun interrupts missed",
            e.tx_underruns_missed,
        ),
        (
            "dcd_drops",
            "Number of times DCD dropped unexpectedly",
            e.dcd_drops,
        ),
        (
            "cts_drops",
            "Number of times CTS dropped unexpectedly",
            e.cts_drops,
        ),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

fn errors(client: &mut Client) -> Result<Report, Failure> {
    let node = is_node(client)?;
    let s = statistics(client)?;
    let mut report = Report::new("ERROR STATISTICS", "Error Statistics", Form::Aligned(72, 1));
    for (key, label, value) in [
        (
            "tx_too_long",
            "I-frames not transmitted after a tx. int. due to exessive frame length",
            s.tx_too_long,
        ),
        (
            "tx_throughput_exceeded",
            "I-frames not transmitted after a tx. int. due to excessive throughput",
            s.tx_throughput_exceeded,
        ),
        (
            "rx_bad_length",
            "Received frames discarded as they were either too short or too long",
            s.rx_bad_length,
        ),
        (
            "rx_unconfigured_dlci",
            "discarded I-frames with unconfigured DLCI",
            s.rx_unconfigured_dlci,
        ),
        (
            "rx_format_errors",
            "discarded I-frames due to a format error",
            s.rx_format_errors,
        ),
        (
            "application_timeouts",
            "App. didn't respond to the triggered IRQ within the given timeout period",
            s.application_timeouts,
        ),
        (
            "signalling_format_errors",
            "discarded In-channel Signalling frames due to a format error",
            s.signalling_format_errors,
        ),
        (
            "bad_send_sequence",
            "In-channel frames received with an invalid Send Seq. Numbers received",
            s.bad_send_sequence,
        ),
        (
            "bad_receive_sequence",
            "In-channel frames received with an invalid Receive Seq. Numbers received",
            s.bad_receive_sequence,
        ),
    ] {
        report.row(key, label, value);
    }
    if node {
        report.row(
            "t392_timeouts",
            "timeouts on the T392 timer",
            s.t392_timeouts,
        );
        report.row(
            "consecutive_t392_timeouts",
            "consecutive timeouts on the T392 timer",
            s.current_t392_timeouts,
        );
    } else {
        report.row(
            "unsolicited_responses",
            "Number of unsolicited responses from the Access Node",
            s.unsolicited_responses,
        );
        report.row(
            "t391_timeouts",
            "timeouts on the T391 timer",
            s.t391_timeouts,
        );
        report.row(
            "consecutive_t391_timeouts",
            "consecutive timeouts on the T391 timer",
            s.current_t391_timeouts,
        );
    }
    report.row(
        "n392_reached",
        "times that N392 error threshold was reached during N393 monitored events",
        s.n392_reached,
    );
    Ok(report)
}

/// The statistics of a DLCI and the congestion that it heard of.
pub fn dlci_statistics(
    client: &mut Client,
    dlci: u16,
) -> Result<(DlciStatistics, Notifications), Failure> {
    let answer = ask(client, fr::READ_STATISTICS, dlci, &[0])?;
    let statistics = DlciStatistics::decode_any(answer.data()).map_err(malformed)?;
    let answer = ask(client, fr::READ_ADD_DLC_STATS, dlci, &[])?;
    let notifications = Notifications::decode(answer.data()).map_err(malformed)?;
    Ok((statistics, notifications))
}

fn of_dlci(client: &mut Client, dlci: u16) -> Result<Report, Failure> {
    let (s, n) = dlci_statistics(client, dlci)?;
    let mut report = Report::new(
        "STATISTICS FOR DLCI",
        "Statistics for DLCI",
        Form::Aligned(62, 1),
    );
    report.row("tx_frames", "Information frames transmitted", s.tx_frames);
    report.row("tx_octets", "Information bytes transmitted", s.tx_octets);
    report.row("rx_frames", "Information frames received", s.rx_frames);
    report.row("rx_octets", "Information bytes received", s.rx_octets);
    report.row(
        "rx_inactive",
        "Received I-frames discarded due to inactive DLCI",
        s.rx_inactive,
    );
    report.row(
        "rx_discard_eligible",
        "I-frames received with Discard Eligibility (DE) indicator set",
        s.rx_discard_eligible,
    );
    report.row("rx_fecn", "I-frames received with the FECN bit set", n.fecn);
    report.row("rx_becn", "I-frames received with the BECN bit set", n.becn);
    report.set_form(Form::Silent);
    report.row("dlci", "DLCI", dlci);
    Ok(report)
}
