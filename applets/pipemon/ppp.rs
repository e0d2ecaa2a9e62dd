//! The commands of `ppipemon` that show the state and the configuration of a link.

use std::net::Ipv4Addr;

use wanbox_wire::pipemon::driver::{self, Modem};
use wanbox_wire::pipemon::opcode::ppp as op;
use wanbox_wire::pipemon::ppp::{
    Board, Config, ConnectionInfo, IbaData, authentication, cause, flag, ip, ipx,
};

use crate::client::{Client, malformed};
use crate::driver_statistics;
use crate::failure::Failure;
use crate::frame_relay::up_time_report;
use crate::report::{Form, Report, Value, printable};

mod names;
mod statistics;

pub use names::{authentication_status, chap_state, pap_state, phase, state};
pub use statistics::{general as read_general, line_errors as read_line_errors, packets};

/// A command that must succeed.
pub use crate::cisco_hdlc::ask;

/// Reads what a command shows; flush commands clear it first.
pub fn report(client: &mut Client, letters: &str) -> Result<Report, Failure> {
    match letters {
        "xm" => modem(client),
        "xn" => negotiations(client),
        "xru" => {
            let answer = ask(client, op::ROUTER_UP_TIME)?;
            up_time_report(driver::up_time(answer.data()).map_err(malformed)?)
                .map(Report::without_banner)
        }
        "xu" => timers(client),
        "xs" => link_state(client),
        "xc" => last_cause(client),
        "cg" => general(client),
        "ca" => authentication_config(client),
        "ci" => ip_config(client),
        "cx" => ipx_config(client),
        "ds" => driver_statistics::ppp::sends(client),
        "di" => driver_statistics::ppp::interrupts(client),
        "dg" => driver_statistics::ppp::general(client),
        "fd" => driver_statistics::ppp::flush(client),
        other => statistics::report(client, other),
    }
}

fn yes(report: &mut Report, key: &'static str, label: &str, holds: bool) {
    report.row(key, label, Value::either(holds, "Yes", "No"));
}

/// The states of the link.
pub fn iba(client: &mut Client) -> Result<IbaData, Failure> {
    let answer = ask(client, op::GET_IBA_DATA)?;
    IbaData::decode(answer.data()).map_err(malformed)
}

fn config(client: &mut Client) -> Result<(Board, Config), Failure> {
    let answer = ask(client, op::READ_CONFIG)?;
    Config::decode_any(answer.data()).map_err(malformed)
}

fn modem(client: &mut Client) -> Result<Report, Failure> {
    let lines = Modem::decode(&[iba(client)?.modem]).map_err(malformed)?;
    let mut report = Report::new("MODEM STATUS", "Modem Status", Form::Plain("", 1));
    report.row("dcd", "DCD", Value::either(lines.dcd, "High", "Low"));
    report.row("cts", "CTS", Value::either(lines.cts, "High", "Low"));
    Ok(report)
}

fn link_state(client: &mut Client) -> Result<Report, Failure> {
    let iba = iba(client)?;
    let mut report = Report::new("PPP LINK STATE", "PPP Link State", Form::Plain("", 1));
    report.row("phase", "PPP Phase", phase(iba.phase));
    report.row("lcp_state", "LCP State", state(iba.lcp_state));
    report.row("ipcp_state", "IPCP State", state(iba.ipcp_state));
    report.row("ipxcp_state", "IPXCP State", state(iba.ipxcp_state));
    report.row("pap_state", "PAP State", pap_state(iba.pap_state));
    report.row("chap_state", "CHAP State", chap_state(iba.chap_state));
    Ok(report)
}

fn last_cause(client: &mut Client) -> Result<Report, Failure> {
    let causes = iba(client)?.cause;
    let mut report = Report::new(
        "LAST CAUSE OF LINK FAILURE",
        "Last Cause of Link Failure",
        Form::Plain("", 1),
    );
    for (key, label, bit) in [
        (
            "local_termination",
            "Local request by termination phase",
            cause::LOCAL_TERMINATION,
        ),
        (
            "modem_failure",
            "DCD and/or CTS dropped",
            cause::MODEM_FAILURE,
        ),
        (
            "disabled",
            "Disabled communications locally",
            cause::DISABLED,
        ),
        (
            "authentication_failed",
            "Inbound/Outbound authentication failed",
            cause::AUTHENTICATION_FAILED,
        ),
        (
            "authentication_refused",
            "Failed to negotiate inbound auth. protocol with peer",
            cause::AUTHENTICATION_REFUSED,
        ),
        (
            "authentication_rejected",
            "Rejected peers request for authentication",
            cause::AUTHENTICATION_REJECTED,
        ),
        (
            "mru_rejected",
            "Peer rejected MRU option of config-request",
            cause::MRU_REJECTED,
        ),
        (
            "mru_too_small",
            "MRU of peer was below required minumum",
            cause::MRU_TOO_SMALL,
        ),
        (
            "lcp_options",
            "Rejected peers LCP option(s) too many times",
            cause::LCP_OPTIONS,
        ),
        (
            "ipcp_options",
            "Rejected peers IPCP option(s) too many times",
            cause::IPCP_OPTIONS,
        ),
        (
            "ipxcp_options",
            "Rejected peers IPXCP option(s) too many times",
            cause::IPXCP_OPTIONS,
        ),
        // The originals had no line for it.
        (
            "remote_termination",
            "Remote request by termination phase",
            cause::REMOTE_TERMINATION,
        ),
    ] {
        yes(&mut report, key, label, causes & bit != 0);
    }
    Ok(report)
}

fn options(octet: u8, enabled: bool, name: &str) -> Value {
    let word = if enabled { "Enabled" } else { "Disabled" };
    Value::both(format!("{octet:02X}( {name} {word} )"), octet)
}

fn address(octets: [u8; 4]) -> Value {
    Value::from(Ipv4Addr::from(octets).to_string().as_str())
}

fn hexadecimal(octets: &[u8]) -> Value {
    let parts: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    Value::both(parts.join(" "), parts.concat())
}

fn negotiations(client: &mut Client) -> Result<Report, Failure> {
    let answer = ask(client, op::GET_CONNECTION_INFO)?;
    let info = ConnectionInfo::decode(answer.data()).map_err(malformed)?;
    let mut report = Report::new("PPP NEGOTIATIONS", "PPP Negotiations", Form::Plain("", 1));
    report.row("remote_mru", "Remote Maximum Receive Unit", info.remote_mru);
    report.row(
        "ip_options",
        "Negotiated IP options",
        options(info.ip, info.ip & ip::ENABLED != 0, "IP"),
    );
    report.row("ip_local", "Local IP address", address(info.ip_local));
    report.row("ip_remote", "Remote IP address", address(info.ip_remote));
    report.row(
        "ipx_options",
        "Negotiated IPX options",
        options(info.ipx, info.ipx & ipx::ENABLED != 0, "IPX"),
    );
    report.row(
        "ipx_network",
        "IPX network number",
        hexadecimal(&info.ipx_network),
    );
    report.row(
        "ipx_local_node",
        "Local IPX node number",
        hexadecimal(&info.ipx_local_node),
    );
    report.row(
        "ipx_remote_node",
        "Remote IPX node number",
        hexadecimal(&info.ipx_remote_node),
    );
    report.row(
        "ipx_router_name",
        "Remote IPX router name",
        printable(info.ipx_router_name.octets()).as_str(),
    );
    report.row(
        "authentication_status",
        "Authentication status",
        authentication_status(info.authentication),
    );
    report.row(
        "peer_id",
        "Inbound PeerID",
        printable(ConnectionInfo::peer_id(answer.data())).as_str(),
    );
    Ok(report)
}

fn timers(client: &mut Client) -> Result<Report, Failure> {
    let (_, c) = config(client)?;
    let mut report = Report::new("PPP TIMERS", "PPP Timers", Form::Plain("", 1));
    for (key, label, value) in [
        ("restart", "Restart timer", c.restart),
        (
            "authentication_restart",
            "Authentication restart timer",
            c.authentication_restart,
        ),
        (
            "authentication_wait",
            "Authentication wait timer",
            c.authentication_wait,
        ),
        (
            "modem_failure",
            "DCD/CTS failure detection timer",
            c.modem_failure,
        ),
        ("dtr_drop", "Drop DTR duration timer", c.dtr_drop),
        (
            "connect_timeout",
            "Connection attempt timeout",
            c.connect_timeout,
        ),
        ("max_configure", "Max-Configure counter", c.max_configure),
        ("max_terminate", "Max-Terminate counter", c.max_terminate),
        ("max_failure", "Max-Failure counter", c.max_failure),
        (
            "max_authenticate",
            "Max-Authenticate counter",
            c.max_authenticate,
        ),
    ] {
        report.row(key, label, value);
    }
    Ok(report)
}

fn general(client: &mut Client) -> Result<Report, Failure> {
    let (board, c) = config(client)?;
    let title = match board {
        Board::S502 => "GENERAL CONFIGURATION 502 Board",
        Board::S508 => "GENERAL CONFIGURATION 508 Board",
    };
    let mut report = Report::new(title, "General Configuration", Form::Plain("", 1));
    let is = |bit: u16| c.flags & bit != 0;
    match board {
        Board::S508 => {
            report.row(
                "tx_buffer_percent",
                "Transmit buffer allocation in percent",
                c.tx_buffer_percent,
            );
            yes(
                &mut report,
                "alternate_clock",
                "Use alternate adapter frequency",
                is(flag::ALTERNATE_CLOCK),
            );
            yes(
                &mut report,
                "rs232",
                "Set interface type to RS-232",
                is(flag::RS232),
            );
        }
        Board::S502 => yes(
            &mut report,
            "no_retransmit",
            "Discard transmit-aborted frames",
            is(flag::NO_RETRANSMIT),
        ),
    }
    report.row("baud_rate", "Baud rate in bps", c.baud_rate);
    for (key, label, bit) in [
        (
            "tx_statistics",
            "Update transmit statistics( user data )",
            flag::TX_STATISTICS,
        ),
        (
            "rx_statistics",
            "Update receive statistics( user data )",
            flag::RX_STATISTICS,
        ),
        ("timestamps", "Timestamp received packets", flag::TIMESTAMPS),
    ] {
        yes(&mut report, key, label, is(bit));
    }
    report.row(
        "local_mru",
        "Maximum Receive/Transmit Unit(MRU/MTU)",
        c.local_mru,
    );
    report.row(
        "remote_mru",
        "Minimum remote MRU required on connection",
        c.remote_mru,
    );
    Ok(report)
}

fn authentication_config(client: &mut Client) -> Result<Report, Failure> {
    let (_, c) = config(client)?;
    let inbound = c.authentication & authentication::INBOUND != 0;
    let mut report = Report::new(
        "PPP AUTHENTICATION",
        "PPP Authentication",
        Form::Plain("", 1),
    );
    for (key, name, bit) in [
        ("pap", "PAP", authentication::PAP),
        ("chap", "CHAP", authentication::CHAP),
    ] {
        let allowed = c.authentication & bit != 0;
        let label = format!("Allow the use of {name} for inbound/outbound");
        yes(&mut report, key, &label, allowed);
        if allowed {
            let way = if inbound { "inbound" } else { "outbound" };
            report.text(format!("Using {way} authentication.\n"));
        }
    }
    report.set_form(Form::Silent);
    yes(&mut report, "inbound", "Inbound authentication", inbound);
    Ok(report)
}

fn ip_config(client: &mut Client) -> Result<Report, Failure> {
    let (_, c) = config(client)?;
    let is = |bit: u8| c.ip & bit != 0;
    let mut report = Report::new(
        "PPP IP CONFIGURATION",
        "PPP IP Configuration",
        Form::Plain("", 1),
    );
    yes(
        &mut report,
        "enabled",
        "Enable the use of IP",
        is(ip::ENABLED),
    );
    yes(
        &mut report,
        "local_address",
        "Notify remote of locally-configure address",
        is(ip::LOCAL_ADDRESS),
    );
    report.row(
        "ip_local",
        "Local IP address( 0.0.0.0 = request )",
        address(c.ip_local),
    );
    yes(
        &mut report,
        "ask_for_address",
        "Request remote to provide local address",
        is(ip::ASK_FOR_ADDRESS),
    );
    yes(
        &mut report,
        "give_address",
        "Provide remote with pre-configured address",
        is(ip::GIVE_ADDRESS),
    );
    report.row("ip_remote", "Remote IP address", address(c.ip_remote));
    yes(
        &mut report,
        "require_address",
        "Require that remote provide an address",
        is(ip::REQUIRE_ADDRESS),
    );
    Ok(report)
}

fn ipx_config(client: &mut Client) -> Result<Report, Failure> {
    let (_, c) = config(client)?;
    let is = |bit: u8| c.ipx & bit != 0;
    let mut report = Report::new(
        "PPP IPX CONFIGURATION",
        "PPP IPX Configuration",
        Form::Plain("", 1),
    );
    yes(
        &mut report,
        "enabled",
        "Enable the use of IPX",
        is(ipx::ENABLED),
    );
    yes(
        &mut report,
        "network",
        "Include network number in Config-Request",
        is(ipx::NETWORK),
    );
    report.row(
        "ipx_network",
        "Network number( 00000000 = request )",
        hexadecimal(&c.ipx_network),
    );
    yes(
        &mut report,
        "local_node",
        "Include local node # in Config-Request",
        is(ipx::LOCAL_NODE),
    );
    report.row(
        "ipx_local_node",
        "Local node number( 000000000000 = request )",
        hexadecimal(&c.ipx_local_node),
    );
    yes(
        &mut report,
        "remote_node",
        "Force remote to accept remote node number",
        is(ipx::REMOTE_NODE),
    );
    report.row(
        "ipx_remote_node",
        "Remote node number",
        hexadecimal(&c.ipx_remote_node),
    );
    yes(
        &mut report,
        "config_complete",
        "Include config-complete in Config-Request",
        is(ipx::CONFIG_COMPLETE),
    );
    let routing = match (is(ipx::DEFAULT_ROUTING), is(ipx::RIP_SAP), is(ipx::NLSP)) {
        (true, _, _) => "Request default( normally RIP/SAP )",
        (false, true, true) => "Use either RIP/SAP or NLSP",
        (false, true, false) => "Use RIP/SAP only",
        (false, false, true) => "Use NLSP only",
        (false, false, false) => "No routing protocol",
    };
    report.row("routing", "Routing protocol", routing);
    report.row(
        "ipx_router_name",
        "Local router name( max. 47 characters )",
        printable(c.ipx_router_name.octets()).as_str(),
    );
    Ok(report)
}
