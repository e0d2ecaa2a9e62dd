//! The commands of `xpipemon`.

use serde_json::json;
use wanbox_wire::pipemon::driver::{self, Modem};
use wanbox_wire::pipemon::opcode::{self, x25 as op};
use wanbox_wire::pipemon::x25::{
    CHANNEL_PEER_BUSY, CHANNEL_PERMANENT, CHANNEL_RESETTING, Channel, Config, LINE_V35, LineErrors,
    LinkStatistics, LinkStatus, PacketStatistics, STATION_DTE, channels, of_pair,
};
use wanbox_wire::pipemon::{Protocol, code};

use crate::client::{Answer, Client, malformed};
use crate::driver_statistics::{self, Driver};
use crate::failure::Failure;
use crate::frame_relay::up_time_report;
use crate::report::{Form, Report, Value, printable};

/// What differs from Frame Relay in the driver's statistics.
const DRIVER: Driver = Driver {
    sends: op::DRIVER_STAT_IFSEND,
    interrupts: op::DRIVER_STAT_INTR,
    general: op::DRIVER_STAT_GEN,
    flush: op::FLUSH_DRIVER_STATS,
    titles: [
        "X25:  DRIVER IF_SEND STATISTICS",
        "X25: DRIVER INTERRUPT STATISTICS",
        "X25:  DRIVER GENERAL STATISTICS",
    ],
    tool: "XPIPE",
    failure,
};

/// What the monitor says to a return code.
fn failure(opcode: u8, code: u8) -> Failure {
    Failure::failed(match code {
        code::X25_BAD_LCN => "Error: There is no such logical channel, or no call on it".into(),
        code::X25_INVALID_COMMAND => "Error: The X.25 command is invalid".into(),
        code::NOT_RUNNING => "Error: The link is not running".into(),
        code::NOT_FROM_NETWORK => "Error: This command is not allowed from the far end".into(),
        _ => {
            let name = opcode::name(Protocol::X25, opcode).unwrap_or("command");
            format!("Error: {name}: return code 0x{code:02X}")
        }
    })
}

/// A command that must succeed.
pub fn ask(client: &mut Client, opcode: u8, lcn: u16) -> Result<Answer, Failure> {
    let answer = client.call(opcode, lcn, &[])?;
    // The state of the link is said by its return code.
    let state = opcode == op::HDLC_LINK_STATUS && answer.code == code::X25_CONNECTED;
    if answer.code == code::OK || state {
        Ok(answer)
    } else {
        Err(failure(opcode, answer.code))
    }
}

/// Reads what a command shows; flush commands clear it first.
pub fn report(client: &mut Client, letters: &str, lcn: u16) -> Result<Report, Failure> {
    let flush = |client: &mut Client, opcode| ask(client, opcode, 0).map(drop);
    match letters {
        "xm" => modem(client),
        "xl" => link(client),
        "xcv" => version(client),
        "xru" => {
            let answer = ask(client, op::ROUTER_UP_TIME, 0)?;
            let seconds = driver::up_time(answer.data()).map_err(malformed)?;
            Ok(up_time_report(seconds)?.titled("X25: ROUTER/API UP TIME"))
        }
        "cg" => config(client),
        "cl" => active(client),
        "cc" => one(client, lcn),
        "sc" => line_errors(client),
        "sh" => link_statistics(client),
        "sx" => packets(client),
        "ds" => driver_statistics::sends(client, &DRIVER),
        "di" => driver_statistics::interrupts(client, &DRIVER),
        "dg" => driver_statistics::general(client, &DRIVER),
        "fc" => {
            flush(client, op::HDLC_FLUSH_COMM_ERR)?;
            Ok(line_errors(client)?.after("Comm Error Statistics have been Cleared\n"))
        }
        "fh" => {
            flush(client, op::HDLC_FLUSH_STATS)?;
            Ok(link_statistics(client)?.after("\n\tHDLC Statistics have been cleared \n"))
        }
        "fx" => {
            flush(client, op::FLUSH_STATISTICS)?;
            packets(client)
        }
        "fd" => driver_statistics::flush(client, &DRIVER),
        other => Err(Failure::failed(format!("Error: no command '{other}'"))),
    }
}

fn modem(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_MODEM_STATUS, 0)?;
    let lines = Modem::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("MODEM STATUS", "Modem Status", Form::Plain("", 1));
    report.row("dcd", "DCD", Value::either(lines.dcd, "HIGH", "LOW"));
    report.row("cts", "CTS", Value::either(lines.cts, "HIGH", "LOW"));
    Ok(report)
}

/// The state of the link, and whether it is set up.
pub fn link_status(client: &mut Client) -> Result<(bool, LinkStatus), Failure> {
    let answer = ask(client, op::HDLC_LINK_STATUS, 0)?;
    let status = LinkStatus::decode(answer.data()).map_err(malformed)?;
    Ok((answer.code == code::X25_CONNECTED, status))
}

fn link(client: &mut Client) -> Result<Report, Failure> {
    let (connected, status) = link_status(client)?;
    let mut report = Report::new("LINK STATUS", "Link Status", Form::Plain("\t", 1));
    let state = if connected {
        " Asynchronously Balanced Mode (ABM)"
    } else {
        "    Link is in a disconnected mode "
    };
    report.row(
        "connected",
        state,
        Value::either(connected, "Connected", "Disconnected"),
    );
    let tx = "Number of Inf. Frames queued for tx";
    report.row("tx_queued", tx, status.tx_queued);
    let rx = "Number of Inf. Frames queued for rx";
    report.row("rx_queued", rx, status.rx_queued);
    report.row(
        "station",
        format!("{:>35}", "Link Configured as"),
        station(status.station),
    );
    report.row(
        "supervisory_frames",
        format!("{:>35}", "Supervisory frame count"),
        status.supervisory,
    );
    Ok(report)
}

fn station(station: u8) -> Value {
    if station == STATION_DTE { "DTE" } else { "DCE" }.into()
}

fn version(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_CODE_VERSION, 0)?;
    let text = printable(answer.data());
    let mut report = Report::new("CODE VERSION", "Code Version", Form::Plain("", 1));
    report.row("version", "X25 Code version", text.as_str());
    Ok(report)
}

fn config(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_CONFIG, 0)?;
    let c = Config::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "X25: CONFIGURATION",
        "X25 Configuration",
        Form::Aligned(42, 1),
    );
    report.row("station", "Station", station(c.station));
    let line = if c.line_options & LINE_V35 == 0 {
        "RS-232"
    } else {
        "V.35"
    };
    report.row("line", "Line configuration", line);
    let circuits = |low: u16, high: u16| {
        let text = match high {
            0 => "none".to_owned(),
            _ => format!("{low} to {high}"),
        };
        Value::both(text, json!([low, high]))
    };
    for (key, label, value) in [
        ("t1_s", "LAPB T1 (s)", Value::from(c.t1)),
        ("t2_s", "LAPB T2 (s)", c.t2.into()),
        ("t4_t1", "LAPB T4 (times T1)", c.t4.into()),
        ("n2", "LAPB N2", c.n2.into()),
        ("window", "LAPB window (frames)", c.window.into()),
        ("mtu", "LAPB information field (octets)", c.mtu.into()),
        ("packet_window", "Packet window", c.packet_window.into()),
        (
            "default_packet",
            "Default packet size (octets)",
            c.default_packet.into(),
        ),
        (
            "max_packet",
            "Maximum packet size (octets)",
            c.max_packet.into(),
        ),
        ("pvc", "PVC channels", circuits(c.pvc_low, c.pvc_high)),
        (
            "incoming",
            "Incoming SVC channels",
            circuits(c.incoming_low, c.incoming_high),
        ),
        (
            "two_way",
            "Two-way SVC channels",
            circuits(c.two_way_low, c.two_way_high),
        ),
        (
            "outgoing",
            "Outgoing SVC channels",
            circuits(c.outgoing_low, c.outgoing_high),
        ),
        ("level", "CCITT level", c.level.into()),
        ("t10_s", "T10/T20, restart (s)", c.t10.into()),
        ("t11_s", "T11/T21, call (s)", c.t11.into()),
        ("t12_s", "T12/T22, reset (s)", c.t12.into()),
        ("t13_s", "T13/T23, clear (s)", c.t13.into()),
        ("t16_s", "T16/T26, interrupt (s)", c.t16.into()),
        ("t28_s", "T28, registration (s)", c.t28.into()),
        ("r10", "R10/R20, restarts", c.r10.into()),
        ("r12", "R12/R22, resets", c.r12.into()),
        ("r13", "R13/R23, clears", c.r13.into()),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

/// The channels with calls, or that are permanent.
pub fn read_channels(client: &mut Client) -> Result<Vec<(u16, Channel)>, Failure> {
    let mut numbers: Vec<u16> = Vec::new();
    loop {
        // A reply does not hold all that there can be: on with those behind the last.
        let (last, known) = (numbers.last().copied().unwrap_or(0), numbers.len());
        let answer = ask(client, op::GET_ACTIVE_CHANNELS, last)?;
        numbers.extend(channels(answer.data()).filter(|&lcn| lcn > last));
        let full = answer.data().len() + 1 >= Protocol::X25.max_reply_data();
        if !full || numbers.len() == known {
            break;
        }
    }
    let mut found = Vec::new();
    for lcn in numbers {
        match client.call(op::READ_CHANNEL_CONFIG, lcn, &[])? {
            answer if answer.code == code::OK => {
                found.push((lcn, Channel::decode(answer.data()).map_err(malformed)?));
            }
            // Cleared since.
            answer if answer.code == code::X25_BAD_LCN => {}
            answer => return Err(failure(op::READ_CHANNEL_CONFIG, answer.code)),
        }
    }
    Ok(found)
}

/// What a circuit is doing, in a word.
pub fn channel_state(state: u8) -> &'static str {
    match state & 7 {
        4 if state & CHANNEL_RESETTING != 0 => "Resetting",
        4 if state & CHANNEL_PEER_BUSY != 0 => "Peer busy",
        4 => "Data",
        1 => "Ready",
        2 => "DTE waiting",
        3 => "DCE waiting",
        5 => "Call collision",
        6 => "DTE clearing",
        7 => "DCE clearing",
        _ => "Unknown",
    }
}

fn kind(state: u8) -> &'static str {
    if state & CHANNEL_PERMANENT == 0 {
        "SVC"
    } else {
        "PVC"
    }
}

/// A packet size by its logarithm, octets.
fn size(log2: u8) -> u32 {
    1_u32.checked_shl(log2.into()).unwrap_or_default()
}

fn active(client: &mut Client) -> Result<Report, Failure> {
    let found = read_channels(client)?;
    let mut report = Report::new(
        "X25: ACTIVE CHANNELS",
        "X25 Active Channels",
        Form::Plain("", 1),
    );
    if found.is_empty() {
        report.text("There are NO ACTIVE CHANNELS\n");
    } else {
        report.text(format!(
            " LCN  TYPE  {:<14}  {:<15}  {:>9}  {:>7}  {:>10}  {:>10}  {}\n",
            "STATE", "PEER", "SIZE", "WINDOW", "SENT", "RECEIVED", "OWNER"
        ));
    }
    report.set_form(Form::Silent);
    let mut list = Vec::new();
    for (lcn, c) in found {
        let (peer, owner) = (printable(c.peer.octets()), printable(c.owner.octets()));
        let (state, kind) = (channel_state(c.state), kind(c.state));
        let sizes = format!("{}/{}", size(c.tx_size), size(c.rx_size));
        let windows = format!("{}/{}", c.tx_window, c.rx_window);
        report.text(format!(
            "{lcn:>4}  {kind:<4}  {state:<14}  {peer:<15}  {sizes:>9}  {windows:>7}  {:>10}  {:>10}  {owner}\n",
            c.tx_packets, c.rx_packets
        ));
        report.row("", format!("LCN {lcn}"), state);
        list.push(json!({
            "lcn": lcn,
            "permanent": c.state & CHANNEL_PERMANENT != 0,
            "state": state.to_ascii_lowercase(),
            "peer": peer,
            "owner": owner,
            "tx_packets": c.tx_packets,
            "rx_packets": c.rx_packets,
        }));
    }
    report.list("channels", list);
    Ok(report)
}

fn one(client: &mut Client, lcn: u16) -> Result<Report, Failure> {
    let answer = ask(client, op::READ_CHANNEL_CONFIG, lcn)?;
    let c = Channel::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("X25: CHANNEL", "X25 Channel", Form::Aligned(36, 1));
    let (peer, owner) = (printable(c.peer.octets()), printable(c.owner.octets()));
    for (key, label, value) in [
        ("lcn", "Logical channel", Value::from(lcn)),
        ("type", "Type", kind(c.state).into()),
        ("state", "State", channel_state(c.state).into()),
        ("peer", "Address of the other end", peer.as_str().into()),
        ("owner", "Owner", owner.as_str().into()),
        ("tx_size", "Packet size sent", size(c.tx_size).into()),
        ("rx_size", "Packet size received", size(c.rx_size).into()),
        ("tx_window", "Window sent", c.tx_window.into()),
        ("rx_window", "Window received", c.rx_window.into()),
        ("tx_packets", "Data packets sent", c.tx_packets.into()),
        ("tx_octets", "Data octets sent", c.tx_octets.into()),
        ("rx_packets", "Data packets received", c.rx_packets.into()),
        ("rx_octets", "Data octets received", c.rx_octets.into()),
        (
            "outstanding",
            "Packets not acknowledged",
            c.outstanding.into(),
        ),
        ("waiting", "Octets waiting", c.waiting.into()),
        ("resets", "Resets", c.resets.into()),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

/// The errors of the line.
pub fn read_line_errors(client: &mut Client) -> Result<LineErrors, Failure> {
    let answer = ask(client, op::HDLC_READ_COMM_ERR, 0)?;
    LineErrors::decode(answer.data()).map_err(malformed)
}

fn line_errors(client: &mut Client) -> Result<Report, Failure> {
    let e = read_line_errors(client)?;
    let mut report = Report::new(
        "X25: COMMUNICATION ERROR STATISTICS",
        "X25 Communication Error Statistics",
        Form::Aligned(48, 1),
    );
    for (key, what, value) in [
        ("rx_overruns", "receiver overrun errors", e.rx_overruns),
        ("rx_crc_errors", "receiver CRC errors", e.rx_crc),
        ("rx_aborts", "abort frames received", e.rx_aborts),
        (
            "rx_disabled",
            "times receiver disabled (buffers full)",
            e.rx_halted,
        ),
        ("tx_aborts", "abort frames transmitted", e.tx_aborts),
        ("tx_underruns", "transmit underruns", e.tx_underruns),
        (
            "tx_underruns_missed",
            "transmit underrun interrupts missed",
            e.tx_underruns_missed,
        ),
        ("dcd_drops", "times DCD dropped unexpectedly", e.dcd_changes),
        ("cts_drops", "times CTS dropped unexpectedly", e.cts_changes),
    ] {
        report.row(key, format!("Number of {what}"), value);
    }
    Ok(report)
}

/// What LAPB counts.
pub fn read_link_statistics(client: &mut Client) -> Result<LinkStatistics, Failure> {
    let answer = ask(client, op::HDLC_READ_STATS, 0)?;
    LinkStatistics::decode(answer.data()).map_err(malformed)
}

fn link_statistics(client: &mut Client) -> Result<Report, Failure> {
    let s = read_link_statistics(client)?;
    let mut report = Report::new(
        "X25:  HDLC STATISTICS",
        "X25 HDLC Statistics",
        Form::Aligned(40, 1),
    );
    for (key, label, value) in [
        ("rx_ok", "Inf. frames received", s.rx_ok),
        (
            "rx_out_of_sequence",
            "Inf. frames received out of sequence",
            s.rx_out_of_sequence,
        ),
        (
            "rx_no_data",
            "Inf. frames received without data",
            s.rx_no_data,
        ),
        ("rx_discarded", "Received frames discarded", s.rx_discarded),
        ("rx_too_long", "Received frames too long", s.rx_too_long),
        (
            "rx_bad_address",
            "Received frames with invalid address",
            s.rx_bad_address,
        ),
        (
            "tx_acknowledged",
            "Inf. frames sent and acknowledged",
            s.tx_acknowledged,
        ),
        ("tx_repeated", "Inf. frames retransmitted", s.tx_repeated),
        ("t1_timeouts", "T1 timeouts", s.t1_timeouts),
        ("rx_sabm", "SABM frames received", s.rx_sabm),
        ("rx_disc", "DISC frames received", s.rx_disc),
        ("rx_dm", "DM frames received", s.rx_dm),
        ("rx_frmr", "FRMR frames received", s.rx_frmr),
        ("tx_sabm", "SABM frames transmitted", s.tx_sabm),
        ("tx_disc", "DISC frames transmitted", s.tx_disc),
        ("tx_dm", "DM frames transmitted", s.tx_dm),
        ("tx_frmr", "FRMR frames transmitted", s.tx_frmr),
    ] {
        // A blank, then the colon.
        report.row(key, format!("{label} "), value);
    }
    Ok(report)
}

/// What the packet layer counts.
pub fn read_packets(client: &mut Client) -> Result<PacketStatistics, Failure> {
    let answer = ask(client, op::READ_STATISTICS, 0)?;
    PacketStatistics::decode(answer.data()).map_err(malformed)
}

fn packets(client: &mut Client) -> Result<Report, Failure> {
    let s = read_packets(client)?;
    let mut report = Report::new(
        "X25: X25 STATISTICS",
        "X25 Statistics",
        Form::Aligned(32, 1),
    );
    for (keys, name, pair) in [
        (["tx_restart", "rx_restart"], "Restart Request", s.restart),
        (
            ["tx_restart_confirm", "rx_restart_confirm"],
            "Restart Confirmation",
            s.restart_confirmation,
        ),
        (["tx_reset", "rx_reset"], "Reset Request", s.reset),
        (
            ["tx_reset_confirm", "rx_reset_confirm"],
            "Reset Confirmation",
            s.reset_confirmation,
        ),
        (["tx_call", "rx_call"], "Call Request", s.call),
        (["tx_accepted", "rx_accepted"], "Call Accept", s.accepted),
        (["tx_clear", "rx_clear"], "Clear Request", s.clear),
        (
            ["tx_clear_confirm", "rx_clear_confirm"],
            "Clear Confirmation",
            s.clear_confirmation,
        ),
        (
            ["tx_diagnostic", "rx_diagnostic"],
            "Diagnostic",
            s.diagnostic,
        ),
        (
            ["tx_registration", "rx_registration"],
            "Registration Request",
            s.registration,
        ),
        (
            ["tx_registration_confirm", "rx_registration_confirm"],
            "Registration Confirmation",
            s.registration_confirmation,
        ),
        (["tx_interrupt", "rx_interrupt"], "Interrupt", s.interrupt),
        (
            ["tx_interrupt_confirm", "rx_interrupt_confirm"],
            "Interrupt Confirmation",
            s.interrupt_confirmation,
        ),
        (["tx_data", "rx_data"], "Data", s.data),
        (["tx_rr", "rx_rr"], "RR", s.rr),
        (["tx_rnr", "rx_rnr"], "RNR", s.rnr),
    ] {
        let [tx, rx] = keys;
        let (sent, received) = of_pair(pair);
        report.row(tx, format!("{name} Tx "), sent);
        report.row(rx, format!("{name} Rx "), received);
    }
    Ok(report)
}
