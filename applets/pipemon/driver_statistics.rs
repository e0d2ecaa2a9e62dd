//! The `d` commands of `fpipemon` and `xpipemon`: what the driver counts itself. Those of `ppipemon` are in
//! [`ppp`].

use wanbox_wire::pipemon::code;
use wanbox_wire::pipemon::driver as counted;
use wanbox_wire::pipemon::opcode::fr;

use crate::client::{Answer, Client, malformed};
use crate::failure::Failure;
use crate::frame_relay;
use crate::report::{Form, Report, Value};

pub mod ppp;

/// What differs between the drivers.
pub struct Driver {
    /// The command for what happened to packets of the host.
    pub sends: u8,
    /// The one for what woke the driver.
    pub interrupts: u8,
    /// The one for requests of monitors.
    pub general: u8,
    /// The one that clears all of these.
    pub flush: u8,
    /// The titles of the three reports.
    pub titles: [&'static str; 3],
    /// What the labels call the monitor.
    pub tool: &'static str,
    /// What is said to a return code.
    pub failure: fn(u8, u8) -> Failure,
}

/// Frame Relay's.
pub const FRAME_RELAY: Driver = Driver {
    sends: fr::DRIVER_STAT_IFSEND,
    interrupts: fr::DRIVER_STAT_INTR,
    general: fr::DRIVER_STAT_GEN,
    flush: fr::FLUSH_DRIVER_STATS,
    titles: [
        "DRIVER IF_SEND STATISTICS",
        "DRIVER INTERRUPT STATISTICS",
        "GENERAL DRIVER STATISTICS",
    ],
    tool: "FPIPE",
    failure: frame_relay::failure,
};

fn ask(client: &mut Client, driver: &Driver, opcode: u8) -> Result<Answer, Failure> {
    let answer = client.call(opcode, 0, &[])?;
    match answer.code {
        code::OK => Ok(answer),
        code => Err((driver.failure)(opcode, code)),
    }
}

/// DRIVER_STAT_IFSEND.
pub fn sends(client: &mut Client, driver: &Driver) -> Result<Report, Failure> {
    let answer = ask(client, driver, driver.sends)?;
    let (title, request) = (driver.titles[0], format!("{} MONITOR Request", driver.tool));
    let s = counted::SendStatistics::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new(title, "Driver If_Send Statistics", Form::Aligned(64, 2));
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
        ("management_requests", &request, s.management_requests),
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
pub fn interrupts(client: &mut Client, driver: &Driver) -> Result<Report, Failure> {
    let answer = ask(client, driver, driver.interrupts)?;
    let (title, request) = (
        driver.titles[1],
        format!("for {} MONITOR Request", driver.tool),
    );
    let s = counted::InterruptStatistics::decode(answer.data()).map_err(malformed)?;
    let (g, r) = (s.global, s.receive);
    let mut report = Report::new(title, "Driver Interrupt Statistics", Form::Aligned(56, 4));
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
        ("rx_management_requests", &request, r.management_requests),
        ("rx_not_passed", "with Buffer discarded", r.not_passed),
        ("rx_passed", "with Buffer Passed to Stack", r.passed),
    ] {
        report.row(key, format!("Number of Receive Interrupts {what}"), value);
    }
    Ok(report)
}

/// DRIVER_STAT_GEN.
pub fn general(client: &mut Client, driver: &Driver) -> Result<Report, Failure> {
    let answer = ask(client, driver, driver.general)?;
    let (title, tool) = (driver.titles[2], driver.tool);
    let s = counted::GeneralStatistics::decode(answer.data()).map_err(malformed)?;
    let (m, g) = (s.management, s.global);
    let mut report = Report::new(title, "General Driver Statistics", Form::Aligned(59, 2));
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
            format!("Number of {tool} Monitor call with {what}"),
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
pub fn flush(client: &mut Client, driver: &Driver) -> Result<Report, Failure> {
    let answer = client.call(driver.flush, 0, &[])?;
    if !matches!(answer.code, code::OK | code::UNANSWERED) {
        return Err((driver.failure)(driver.flush, answer.code));
    }
    let mut report = Report::new("DRIVER STATISTICS", "Driver Statistics", Form::Silent);
    report.text("All Driver Statistics are Flushed.\n");
    report.row("flushed", "Flushed", Value::either(true, "yes", "no"));
    Ok(report)
}
