//! The `d` commands of `fpipemon`: what the driver counts itself. Those of `ppipemon` are in
//! [`ppp`].

use wanbox_wire::pipemon::code;
use wanbox_wire::pipemon::driver;
use wanbox_wire::pipemon::opcode::fr;

use crate::client::{Client, malformed};
use crate::failure::Failure;
use crate::frame_relay::{ask, failure};
use crate::report::{Form, Report, Value};

pub mod ppp;

/// DRIVER_STAT_IFSEND.
pub fn sends(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::DRIVER_STAT_IFSEND, 0, &[])?;
    let s = driver::SendStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(
        "DRIVER IF_SEND STATISTICS",
        "Driver If_Send Statistics",
        Form::Aligned(64, 2),
    );
    report.row("entries", "Total Number of Send entries", s.entries);
    for (key, what, value) in [
        ("null", "SKB = NULL", s.null),
        (
            "broadcast",
            "broadcast addressed packet discarded",
            s.broadcast,
        ),
        (
            "multicast",
            "multicast addressed packet discarded",
            s.multicast,
        ),
        ("critical_isr", "CRITICAL_RX_INTR set", s.critical_isr),
        (
            "critical_other",
            "Critical set and packet discarded",
            s.critical_other,
        ),
        ("busy", "Device Busy set", s.busy),
        ("busy_timeout", "Device Busy Timeout", s.busy_timeout),
        (
            "management_requests",
            "FPIPE MONITOR Request",
            s.management_requests,
        ),
        ("link_down", "WAN Disconnected", s.link_down),
        ("dlci_down", "DLCI Disconnected", s.dlci_down),
        ("no_buffers", "check for Buffers failed", s.no_buffers),
        ("queue_full", "Send failed", s.queue_full),
        ("passed", "Send passed", s.passed),
    ] {
        report.row(key, format!("Number of Send entries with {what}"), value);
    }
    report.row(
        "consecutive_failures",
        "Number of Consecutive send failures for a packet",
        s.consecutive_failures,
    );
    Ok(report)
}

/// DRIVER_STAT_INTR.
pub fn interrupts(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::DRIVER_STAT_INTR, 0, &[])?;
    let s = driver::InterruptStatistics::decode(answer.data()).map_err(malformed)?;
    let (g, r) = (s.global, s.receive);
    let mut report = Report::new(
        "DRIVER INTERRUPT STATISTICS",
        "Driver Interrupt Statistics",
        Form::Aligned(56, 4),
    );
    for (key, label, value) in [
        ("entries", "Number of ISR entries", g.entries),
        (
            "already_critical",
            "Number of ISR entries with Critical Set",
            g.already_critical,
        ),
        ("receive", "Number of Receive Interrupt", g.receive),
        ("transmit", "Number of Transmit Interrupt", g.transmit),
        (
            "test",
            "Number of ISR entries for Interrupt Testing",
            g.test,
        ),
        ("spurious", "Number of Spurious Interrupt", g.spurious),
        (
            "tx_enabled",
            "Number of Times Transmit Interrupts Enabled in ISR",
            g.tx_enabled,
        ),
        (
            "tx_not_started",
            "Number of Transmit Interrupts with Device Not Started",
            g.tx_not_started,
        ),
    ] {
        report.row(key, label, value);
    }
    for (key, what, value) in [
        ("rx_corrupt", "with Corrupt Buffer", g.rx_corrupt),
        ("rx_orphaned_dlci", "with orphaned DLCI", g.rx_orphaned_dlci),
        ("rx_no_socket", "with No socket", r.no_socket),
        ("rx_not_started", "with Device Not Started", r.not_started),
        (
            "rx_management_requests",
            "for FPIPE MONITOR Request",
            r.management_requests,
        ),
        ("rx_not_passed", "with Buffer discarded", r.not_passed),
        ("rx_passed", "with Buffer Passed to Stack", r.passed),
    ] {
        report.row(key, format!("Number of Receive Interrupts {what}"), value);
    }
    Ok(report)
}

/// DRIVER_STAT_GEN.
pub fn general(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, fr::DRIVER_STAT_GEN, 0, &[])?;
    let s = driver::GeneralStatistics::decode(answer.data()).map_err(malformed)?;
    let (m, g) = (s.management, s.global);
    let mut report = Report::new(
        "GENERAL DRIVER STATISTICS",
        "General Driver Statistics",
        Form::Aligned(59, 2),
    );
    for (key, what, value) in [
        ("no_memory", "kmalloc error", m.no_memory),
        ("adapter_errors", "Adapter Type error", m.adapter_errors),
        ("direction_errors", "Direction Error", m.direction_errors),
        (
            "command_timeouts",
            "Adapter Command Timeout",
            m.command_timeouts,
        ),
        ("commands_ok", "Adapter Command OK", m.commands_ok),
        ("send_passed", "Adapter Send passed", m.send_passed),
        ("send_failed", "Adapter Send failed", m.send_failed),
        ("no_socket", "no socket", m.no_socket),
        ("not_passed", "pkt not passed to stack", m.not_passed),
        ("passed", "pkt passed to stack", m.passed),
    ] {
        report.row(
            key,
            format!("Number of FPIPE Monitor call with {what}"),
            value,
        );
    }
    for (key, label, value) in [
        ("poll_entries", "Number of Poll Entries", g.poll_entries),
        (
            "poll_already_critical",
            "Number of Poll Entries with Critical set",
            g.poll_already_critical,
        ),
        (
            "poll_processed",
            "Number of Poll Entries Processed",
            g.poll_processed,
        ),
        (
            "poll_host_disabled",
            "Number of times host irq left disabled in Poll",
            g.poll_host_disabled,
        ),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

/// FLUSH_DRIVER_STATS.
pub fn flush(client: &mut Client) -> Result<Report, Failure> {
    let answer = client.call(fr::FLUSH_DRIVER_STATS, 0, &[])?;
    if !matches!(answer.code, code::OK | code::UNANSWERED) {
        return Err(failure(fr::FLUSH_DRIVER_STATS, answer.code));
    }
    let mut report = Report::new("DRIVER STATISTICS", "Driver Statistics", Form::Silent);
    report.text("All Driver Statistics are Flushed.\n");
    report.row("flushed", "Flushed", Value::either(true, "yes", "no"));
    Ok(report)
}
