//! The `d` commands of `ppipemon`. The originals show them without a banner.

use wanbox_wire::pipemon::driver;
use wanbox_wire::pipemon::opcode::ppp as op;

use crate::client::{Client, malformed};
use crate::failure::Failure;
use crate::ppp::ask;
use crate::report::{Form, Report, Value};

/// DRIVER_STAT_IFSEND.
pub fn sends(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::DRIVER_STAT_IFSEND)?;
    let s = driver::SendStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "DRIVER IF_SEND STATISTICS",
        "Driver If_Send Statistics",
        Form::Aligned(61, 2),
    )
    .without_banner();
    report.row("entries", "Total number of Send entries", s.entries);
    for (key, what, value) in [
        ("null", "SKB = NULL", s.null),
        (
            "broadcast",
            "broadcast addressed pkt discarded",
            s.broadcast,
        ),
        (
            "multicast",
            "multicast addressed pkt discarded",
            s.multicast,
        ),
        ("critical_isr", "CRITICAL_RX_INTR set", s.critical_isr),
        (
            "critical_other",
            "Critical set and pkt discarded",
            s.critical_other,
        ),
        ("busy", "Device Busy set", s.busy),
        ("busy_timeout", "Device Busy Timeout", s.busy_timeout),
        (
            "management_requests",
            "PTPIPE MONITOR Request",
            s.management_requests,
        ),
        ("link_down", "WAN Disconnected", s.link_down),
        ("protocol_errors", "Protocol Error", s.protocol_errors),
        (
            "tx_interrupts_enabled",
            "Transmit Interrupt Enabled",
            s.tx_interrupts_enabled,
        ),
        ("not_passed", "Adapter Send Failed", s.not_passed),
        ("passed", "Adapter Send passed", s.passed),
    ] {
        report.row(key, format!("Number of Send entries with {what}"), value);
    }
    Ok(report)
}

/// DRIVER_STAT_INTR.
pub fn interrupts(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::DRIVER_STAT_INTR)?;
    let s = driver::InterruptStatistics::decode(answer.data()).map_err(malformed)?;
    let (g, r) = (s.global, s.receive);
    let mut report = Report::new(
        "DRIVER INTERRUPT STATISTICS",
        "Driver Interrupt Statistics",
        Form::Aligned(57, 3),
    )
    .without_banner();
    for (key, label, value) in [
        ("entries", "ISR entries", g.entries),
        (
            "already_critical",
            "ISR entries with Critical Set",
            g.already_critical,
        ),
        ("receive", "Receive Interrupt", g.receive),
        ("transmit", "Transmit Interrupt", g.transmit),
        ("test", "ISR entries for Interrupt Testing", g.test),
        ("spurious", "Spurious Interrupt", g.spurious),
        (
            "tx_enabled",
            "times Transmit Interrupts Enabled in ISR",
            g.tx_enabled,
        ),
        (
            "rx_corrupt",
            "Receive Interrupts with Corrupt Buffer",
            g.rx_corrupt,
        ),
        (
            "rx_no_socket",
            "Receive Interrupts with No socket",
            r.no_socket,
        ),
        (
            "rx_management_requests",
            "Receive Interrupts for PTPIPE MONITOR Request",
            r.management_requests,
        ),
        (
            "rx_passed",
            "Receive Interrupts with Buffer Passed to Stack",
            r.passed,
        ),
        (
            "rx_not_passed",
            "Receive Inter. with Buffer NOT Passed to Stack",
            r.not_passed,
        ),
        (
            "rx_not_started",
            "Receive Interrupts with Device not started",
            g.rx_not_started,
        ),
        (
            "tx_not_started",
            "Transmit Interrupts with Device not started",
            g.tx_not_started,
        ),
    ] {
        report.row(key, format!("Number of {label}"), value);
    }
    Ok(report)
}

/// DRIVER_STAT_GEN.
pub fn general(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::DRIVER_STAT_GEN)?;
    let s = driver::GeneralStatistics::decode(answer.data()).map_err(malformed)?;
    let (m, g) = (s.management, s.global);
    let mut report = Report::new(
        "GENERAL DRIVER STATISTICS",
        "General Driver Statistics",
        Form::Aligned(59, 2),
    )
    .without_banner();
    for (key, what, value) in [
        ("no_memory", "Kmalloc error", m.no_memory),
        ("adapter_errors", "Adapter Type error", m.adapter_errors),
        ("direction_errors", "Direction Error", m.direction_errors),
        (
            "command_timeouts",
            "Adapter Command Timeout",
            m.command_timeouts,
        ),
        ("commands_ok", "Adapter Command OK", m.commands_ok),
        (
            "passed_to_adapter",
            "pkt passed to Adapter",
            m.passed_to_adapter,
        ),
        ("passed", "pkt passed to Stack", m.passed),
        ("no_socket", "no socket", m.no_socket),
    ] {
        report.row(
            key,
            format!("Number of PTPIPE Monitor call with {what}"),
            value,
        );
    }
    for (key, label, value) in [
        ("poll_entries", "Poll Entries", g.poll_entries),
        (
            "poll_already_critical",
            "Poll Entries with Critical set",
            g.poll_already_critical,
        ),
        ("poll_processed", "Poll Entries Processed", g.poll_processed),
        (
            "poll_host_disabled",
            "times host irq left disabled in Poll",
            g.poll_host_disabled,
        ),
    ] {
        report.row(key, format!("Number of {label}"), value);
    }
    Ok(report)
}

/// FLUSH_DRIVER_STATS.
pub fn flush(client: &mut Client) -> Result<Report, Failure> {
    ask(client, op::FLUSH_DRIVER_STATS)?;
    let mut report =
        Report::new("DRIVER STATISTICS", "Driver Statistics", Form::Silent).without_banner();
    report.text("All Driver Statistics are Flushed.\n");
    report.row("flushed", "Flushed", Value::either(true, "yes", "no"));
    Ok(report)
}
