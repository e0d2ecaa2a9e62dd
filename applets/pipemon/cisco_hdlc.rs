//! The commands of `cpipemon`.

use wanbox_wire::pipemon::cisco_hdlc::{
    Config, GlobalStatistics, LINE_RS232, LineErrors, LinkStatus, Operational, RECEIVER_DISABLED,
    option,
};
use wanbox_wire::pipemon::code;
use wanbox_wire::pipemon::driver::{self, Modem};
use wanbox_wire::pipemon::opcode::chdlc;

use crate::client::{Answer, Client, malformed};
use crate::failure::Failure;
use crate::frame_relay::up_time_report;
use crate::report::{Form, Report, Value, printable};

/// A command that must succeed.
pub fn ask(client: &mut Client, opcode: u8) -> Result<Answer, Failure> {
    let answer = client.call(opcode, 0, &[])?;
    match answer.code {
        code::OK => Ok(answer),
        code::NOT_FROM_NETWORK => Err(Failure::failed(
            "Error: Command failed! It is not allowed from the far end.",
        )),
        _ => Err(Failure::failed("Error: Command failed!")),
    }
}

/// Reads what a command shows; flush commands clear it first.
pub fn report(client: &mut Client, letters: &str) -> Result<Report, Failure> {
    match letters {
        "xm" => modem(client),
        "xl" => link(client),
        "xcv" => version(client),
        "xru" => {
            let answer = ask(client, chdlc::ROUTER_UP_TIME)?;
            up_time_report(driver::up_time(answer.data()).map_err(malformed)?)
        }
        "crc" => config(client),
        "creset" => reset(client),
        "sg" => global(client),
        "sc" => line_errors(client),
        "so" => operational(client),
        "ss" => slarp(client),
        "fg" => {
            ask(client, chdlc::FLUSH_GLOBAL_STATISTICS)?;
            global(client)
        }
        "fc" => {
            ask(client, chdlc::FLUSH_COMMS_ERROR_STATS)?;
            line_errors(client)
        }
        "fo" => {
            ask(client, chdlc::FLUSH_OPERATIONAL_STATS)?;
            operational(client)
        }
        "fs" => {
            ask(client, chdlc::FLUSH_OPERATIONAL_STATS)?;
            slarp(client)
        }
        other => Err(Failure::failed(format!("Error: no command '{other}'"))),
    }
}

fn modem(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, chdlc::READ_MODEM_STATUS)?;
    let lines = Modem::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("MODEM STATUS", "Modem Status", Form::Plain("", 1));
    report.row("dcd", "DCD", Value::either(lines.dcd, "High", "Low"));
    report.row("cts", "CTS", Value::either(lines.cts, "High", "Low"));
    Ok(report)
}

/// The state of the link.
pub fn link_status(client: &mut Client) -> Result<LinkStatus, Failure> {
    let answer = ask(client, chdlc::READ_LINK_STATUS)?;
    LinkStatus::decode(answer.data()).map_err(malformed)
}

fn link(client: &mut Client) -> Result<Report, Failure> {
    let status = link_status(client)?;
    let mut report = Report::new("LINK STATUS", "Link Status", Form::Aligned(37, 2));
    report.row(
        "active",
        "Link status",
        Value::either(status.active != 0, "Active", "Inactive"),
    );
    report.row(
        "frames_waiting",
        "Available data frames for application",
        status.frames_waiting,
    );
    report.row(
        "receiver_enabled",
        "Receiver status",
        Value::either(
            status.receiver & RECEIVER_DISABLED == 0,
            "Enabled",
            "Disabled due to flow control restrictions",
        ),
    );
    report.set_form(Form::Silent);
    report.row("slarp_state", "SLARP state", status.slarp_state);
    Ok(report)
}

fn version(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, chdlc::READ_CODE_VERSION)?;
    let text = printable(answer.data());
    let mut report = Report::new("CODE VERSION", "Code Version", Form::Plain("", 1));
    report.row("version", "Cisco HDLC Code version", text.as_str());
    Ok(report)
}

fn config(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, chdlc::READ_CONFIG)?;
    let c = Config::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "CHDLC CONFIGURATION",
        "CHDLC Configuration",
        Form::Plain("", 1),
    );
    report.row("baud_rate", "Baud rate", c.baud_rate);
    let line = if c.line_options & LINE_RS232 == 0 {
        "V.35"
    } else {
        "RS-232"
    };
    report.row("line", "Line configuration", line);
    report.text("Link State depends on:\n");
    report.set_form(Form::Plain("\t\t", 1));
    for (key, label, bit) in [
        ("depends_on_dcd", "DCD", option::IGNORE_DCD),
        ("depends_on_cts", "CTS", option::IGNORE_CTS),
        (
            "depends_on_keepalive",
            "Keepalive Reception",
            option::IGNORE_KEEPALIVE,
        ),
    ] {
        let matters = c.protocol_options & bit == 0;
        report.row(key, label, Value::either(matters, "YES", "NO"));
    }
    report.set_form(Form::Aligned(42, 1));
    for (key, label, value) in [
        ("max_data", "Maximum data field length", c.max_data),
        (
            "keepalive_tx_ms",
            "Keepalive transmit interval (ms)",
            c.keepalive_tx_ms,
        ),
        (
            "keepalive_rx_ms",
            "Expected keepalive reception interval (ms)",
            c.keepalive_rx_ms,
        ),
        (
            "keepalive_tolerance",
            "Keepalive reception error tolerance",
            c.keepalive_tolerance,
        ),
        (
            "slarp_request_ms",
            "SLARP request transmit interval (ms)",
            c.slarp_request_ms,
        ),
    ] {
        report.row(key, label, value);
    }
    report.set_form(Form::Silent);
    let (address, mask) = c.address();
    report.row("ip_address", "IP address", address.to_string().as_str());
    report.row("ip_netmask", "IP netmask", mask.to_string().as_str());
    Ok(report)
}

fn reset(client: &mut Client) -> Result<Report, Failure> {
    ask(client, chdlc::DISABLE_COMMS)?;
    ask(client, chdlc::RESET_CONTROLLER)?;
    ask(client, chdlc::ENABLE_COMMS)?;
    let mut report = Report::new("COMM RESET", "Comm Reset", Form::Silent);
    report.text("Comm reset successful\n");
    report.row("reset", "Reset", Value::either(true, "yes", "no"));
    Ok(report)
}

fn global(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, chdlc::READ_GLOBAL_STATISTICS)?;
    let s = GlobalStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("GLOBAL STATISTICS", "Global Statistics", Form::Plain("", 1));
    report.row(
        "application_timeouts",
        "Times application did not respond to IRQ",
        s.application_timeouts,
    );
    Ok(report)
}

/// The errors of the line.
pub fn read_line_errors(client: &mut Client) -> Result<LineErrors, Failure> {
    let answer = ask(client, chdlc::READ_COMMS_ERROR_STATS)?;
    LineErrors::decode(answer.data()).map_err(malformed)
}

fn line_errors(client: &mut Client) -> Result<Report, Failure> {
    let e = read_line_errors(client)?;
    let mut report = Report::new(
        "COMMUNICATION ERROR STATISTICS",
        "Communication Error Statistics",
        Form::Aligned(57, 2),
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
            "Number of times receiver disabled",
            e.rx_disabled,
        ),
        (
            "tx_aborts_missed_interrupt",
            "Number of transmitted abort frames (missed Tx interrupt)",
            e.tx_aborts_missed_interrupt,
        ),
        (
            "tx_underruns",
            "Number of transmit underruns",
            e.tx_underruns,
        ),
        (
            "tx_aborts",
            "Number of abort frames transmitted",
            e.tx_aborts,
        ),
        (
            "dcd_changes",
            "Number of times DCD changed state",
            e.dcd_changes,
        ),
        (
            "cts_changes",
            "Number of times CTS changed state",
            e.cts_changes,
        ),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

/// The operational statistics.
pub fn read_operational(client: &mut Client) -> Result<Operational, Failure> {
    let answer = ask(client, chdlc::READ_OPERATIONAL_STATS)?;
    Operational::decode(answer.data()).map_err(malformed)
}

fn operational(client: &mut Client) -> Result<Report, Failure> {
    let s = read_operational(client)?;
    let mut report = Report::new(
        "OPERATIONAL STATISTICS",
        "Operational Statistics",
        Form::Aligned(41, 3),
    );
    report.row("tx_frames", "Number of frames transmitted", s.tx_frames);
    report.row("tx_octets", "Number of bytes transmitted", s.tx_octets);
    report.row("tx_throughput", "Transmit Throughput", s.tx_throughput);
    report.row(
        "tx_length_discards",
        "Transmit frames discarded (length error)",
        s.tx_length_discards,
    );
    report.text("\n");
    report.row("rx_frames", "Number of frames received", s.rx_frames);
    report.row("rx_octets", "Number of bytes received", s.rx_octets);
    report.row("rx_throughput", "Receive Throughput", s.rx_throughput);
    for (key, why, value) in [
        ("rx_short", "too short", s.rx_short),
        ("rx_long", "too long", s.rx_long),
        ("rx_inactive", "link inactive", s.rx_inactive),
    ] {
        report.row(key, format!("Received frames discarded ({why})"), value);
    }
    report.text("\nIncoming frames with format errors\n");
    for (key, label, value) in [
        ("rx_too_long", "Frames of excessive length", s.rx_too_long),
        (
            "rx_incomplete_header",
            "Incomplete Cisco Header",
            s.rx_incomplete_header,
        ),
        (
            "rx_bad_address",
            "Invalid Cisco HDLC link address",
            s.rx_bad_address,
        ),
        (
            "rx_bad_control",
            "Invalid Cisco HDLC control",
            s.rx_bad_control,
        ),
        (
            "rx_bad_type",
            "Invalid Cisco HDLC frame type",
            s.rx_bad_type,
        ),
    ] {
        report.row(key, label, value);
    }
    report.text("\nCisco HDLC link active/inactive and loopback statistics\n");
    report.set_form(Form::Aligned(58, 3));
    for (key, label, value) in [
        (
            "link_active",
            "Times that the link went active",
            s.link_active,
        ),
        (
            "link_inactive_modem",
            "Times that the link went inactive (modem failure)",
            s.link_inactive_modem,
        ),
        (
            "link_inactive_keepalive",
            "Times that the link went inactive (keepalive failure)",
            s.link_inactive_keepalive,
        ),
        ("link_looped", "link looped count", s.link_looped),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

fn slarp(client: &mut Client) -> Result<Report, Failure> {
    let s = read_operational(client)?;
    let mut report = Report::new("SLARP STATISTICS", "SLARP Statistics", Form::Aligned(40, 1));
    report.text(" SLARP frame transmission/reception statistics\n");
    for (key, label, value) in [
        (
            "slarp_requests_tx",
            "SLARP request packets transmitted",
            s.slarp_requests_tx,
        ),
        (
            "slarp_requests_rx",
            "SLARP request packets received",
            s.slarp_requests_rx,
        ),
        (
            "slarp_replies_tx",
            "SLARP Reply packets transmitted",
            s.slarp_replies_tx,
        ),
        (
            "slarp_replies_rx",
            "SLARP Reply packets received",
            s.slarp_replies_rx,
        ),
        (
            "keepalives_tx",
            "SLARP keepalive packets transmitted",
            s.keepalives_tx,
        ),
        (
            "keepalives_rx",
            "SLARP keepalive packets received",
            s.keepalives_rx,
        ),
    ] {
        report.row(key, label, value);
    }
    report.text("\nIncoming SLARP Packets with format errors\n");
    report.row("slarp_bad_code", "Invalid SLARP Code", s.slarp_bad_code);
    report.row(
        "slarp_bad_address",
        "Replies with bad IP addr",
        s.slarp_bad_address,
    );
    report.row(
        "slarp_bad_netmask",
        "Replies with bad netmask",
        s.slarp_bad_netmask,
    );
    report.text("\nSLARP timeout/retry statistics\n");
    report.row(
        "slarp_request_timeouts",
        "SLARP Request timeouts",
        s.slarp_request_timeouts,
    );
    report.row(
        "keepalive_timeouts",
        "keepalive reception timeouts",
        s.keepalive_timeouts,
    );
    report.text("\nCisco Discovery Protocol frames\n");
    report.row("cdp_tx", "Transmitted", s.cdp_tx);
    report.row("cdp_rx", "Received", s.cdp_rx);
    Ok(report)
}
