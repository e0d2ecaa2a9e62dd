//! What the test daemon answers, and runs of the monitors against it.

use std::path::Path;

use wanbox_grammar::argv;
use wanbox_wire::pipemon::frame_relay::{LinkStatus, PvcStatus, pvc};
use wanbox_wire::pipemon::opcode::{chdlc, fr, ppp, x25};
use wanbox_wire::pipemon::ppp::{ConnectionInfo, IbaData, cause, phase};
use wanbox_wire::pipemon::{Message, code};

use crate::failure::Failure;
use crate::fake::{Fake, INTERFACE, three_frames};
use crate::monitor::Monitor;
use crate::options::Options;
use crate::request::Request;
use crate::session;

pub const FR: Monitor = Monitor::FrameRelay;
pub const CHDLC: Monitor = Monitor::CiscoHdlc;
pub const PPP: Monitor = Monitor::Ppp;
pub const MPPP: Monitor = Monitor::MultiPpp;
pub const X25: Monitor = Monitor::X25;

pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A run with this command line: what it printed, or how it failed.
pub fn attempt(monitor: Monitor, line: &str) -> Result<String, Failure> {
    let options: Options = argv::read(monitor.name(), &words(line)).unwrap();
    let request = Request::new(monitor, &options)?;
    let mut out = Vec::new();
    session::perform(&request, &options, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same by UDP.
pub fn by_udp(fake: &Fake, monitor: Monitor, line: &str) -> Result<String, Failure> {
    let port = fake.port;
    attempt(
        monitor,
        &format!("-i 127.0.0.1 -u {port} --timeout 50ms {line}"),
    )
}

/// The same by the interface's socket.
pub fn by_name(fake: &Fake, monitor: Monitor, line: &str) -> Result<String, Failure> {
    let root = fake.root();
    attempt(
        monitor,
        &format!("-i {INTERFACE} --root {root} --timeout 50ms {line}"),
    )
}

/// `length` octets of little-endian numbers of `size` octets, each `base` plus its offset.
pub fn ramp(base: usize, size: usize, length: usize) -> Vec<u8> {
    (0..length)
        .step_by(size)
        .flat_map(|offset| {
            let mut octets = (base + offset).to_le_bytes().to_vec();
            octets.truncate(size);
            octets
        })
        .collect()
}

pub const IP_FRAME: &[u8] = &[
    0x04, 0x01, 0x03, 0xCC, 0x45, 0x00, 0x00, 0x1C, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0xE6, 0xDA,
    0xC9, 0x01, 0x01, 0x01, 0xC9, 0x01, 0x01, 0x02, 0x08, 0x00, 0xE5, 0xCA, 0x12, 0x34, 0x00, 0x01,
];
pub const STATUS_FRAME: &[u8] = &[
    0x00, 0x01, 0x03, 0x08, 0x00, 0x7D, 0x95, 0x01, 0x01, 0x00, 0x03, 0x02, 0x07, 0x0D, 0x07, 0x03,
    0x01, 0x80, 0x82,
];
pub const KEEPALIVE_FRAME: &[u8] = &[
    0x8F, 0x00, 0x80, 0x35, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x04,
    0xFF, 0xFF, 0x00, 0x01, 0x86, 0xA0,
];

/// A Frame Relay link, CPE side.
pub fn cpe(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    let dlci = request.channel();
    if !matches!(dlci, 0 | 16) {
        return Some((code::DLCI_INVALID, Vec::new()));
    }
    let data = match request.opcode() {
        fr::READ_CONFIG => ramp(0, 2, 32),
        fr::READ_CODE_VERSION => b"test".to_vec(),
        fr::READ_MODEM_STATUS => vec![0x08],
        fr::READ_STATUS => {
            let mut data = Vec::new();
            let pvcs = [
                (16, pvc::REPORTED | pvc::ACTIVE),
                (17, pvc::REPORTED | pvc::NEW),
                (18, pvc::DELETED | pvc::ACTIVE),
                (19, pvc::WAITING),
                (991, pvc::REPORTED),
            ]
            .map(|(dlci, status)| PvcStatus { dlci, status });
            LinkStatus::encode(true, pvcs, 1000, &mut data);
            data
        }
        fr::READ_STATISTICS if dlci == 0 => ramp(1000, 2, 56),
        fr::READ_STATISTICS => ramp(2000, 4, 32),
        fr::READ_ADD_DLC_STATS => ramp(4000, 2, 4),
        fr::LIST_ACTIVE_DLCI => vec![16, 0, 0xDF, 0x03],
        fr::READ_ERROR_STATS => ramp(100, 1, 10),
        fr::ROUTER_UP_TIME => 7300_u32.to_le_bytes().to_vec(),
        fr::DRIVER_STAT_IFSEND => ramp(3000, 4, 72),
        fr::DRIVER_STAT_INTR => ramp(3000, 4, 88),
        fr::DRIVER_STAT_GEN => ramp(3000, 4, 112),
        fr::FLUSH_STATISTICS | fr::FLUSH_ERROR_STATS => Vec::new(),
        // As old drivers did: the code stays what the monitor put there.
        fr::FLUSH_DRIVER_STATS => return Some((code::UNANSWERED, Vec::new())),
        fr::ENABLE_TRACING | fr::DISABLE_TRACING => Vec::new(),
        fr::GET_TRACE_INFO => three_frames(request, IP_FRAME, STATUS_FRAME),
        _ => return Some((code::FR_INVALID_COMMAND, Vec::new())),
    };
    Some((code::OK, data))
}

/// The same, network side and down.
pub fn node(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    match request.opcode() {
        fr::READ_CONFIG => {
            let mut data = ramp(0, 2, 32);
            data[0] = 1;
            Some((code::OK, data))
        }
        fr::READ_STATUS => Some((code::OK, vec![0])),
        fr::LIST_ACTIVE_DLCI => Some((code::OK, Vec::new())),
        fr::ROUTER_UP_TIME => Some((code::OK, 59_u32.to_le_bytes().to_vec())),
        _ => cpe(request),
    }
}

/// A Cisco HDLC link, with a CSU/DSU.
pub fn cisco(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    let data = match request.opcode() {
        chdlc::READ_CONFIG => {
            let mut data = ramp(7000, 2, 48);
            data[..4].copy_from_slice(&64_000_u32.to_le_bytes());
            data[0x04..0x06].copy_from_slice(&[1, 0]);
            data[0x0C..0x0E].copy_from_slice(&[0x05, 0]);
            data[0x1C..0x24].copy_from_slice(&[1, 1, 1, 0xC9, 0, 0xFF, 0xFF, 0xFF]);
            data
        }
        chdlc::READ_CODE_VERSION => b"2.01\x1b[2J\0".to_vec(),
        chdlc::READ_MODEM_STATUS => vec![0x20],
        chdlc::READ_LINK_STATUS => vec![1, 3, 0, 2],
        chdlc::READ_GLOBAL_STATISTICS => vec![42, 0],
        chdlc::READ_COMMS_ERROR_STATS => ramp(1000, 2, 20),
        chdlc::READ_OPERATIONAL_STATS => {
            let mut data = ramp(5000, 4, 0x80);
            data.extend(ramp(5000 + 0x80, 2, 208 - 0x80));
            data
        }
        chdlc::ROUTER_UP_TIME => 125_u32.to_le_bytes().to_vec(),
        chdlc::FLUSH_GLOBAL_STATISTICS
        | chdlc::FLUSH_COMMS_ERROR_STATS
        | chdlc::FLUSH_OPERATIONAL_STATS
        | chdlc::DISABLE_COMMS
        | chdlc::ENABLE_COMMS
        | chdlc::RESET_CONTROLLER
        | chdlc::FT1_MONITOR_STATUS_CTRL
        | chdlc::SET_FT1_CONFIG
        | chdlc::ENABLE_TRACING
        | chdlc::DISABLE_TRACING => Vec::new(),
        chdlc::READ_FT1_CONFIG => [1_u16, 1, 5, 3, 1344, 1]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect(),
        // In service: no lamp of a test.
        chdlc::FT1_READ_STATUS => vec![0xFF, !0x20],
        chdlc::GET_TRACE_INFO => three_frames(request, KEEPALIVE_FRAME, KEEPALIVE_FRAME),
        _ => return Some((code::CHDLC_INVALID_COMMAND, Vec::new())),
    };
    Some((code::OK, data))
}

/// LCP Configure-Request: MRU 1500, CHAP with MD5, a magic number.
pub const CONFIGURE_FRAME: &[u8] = &[
    0xFF, 0x03, 0xC0, 0x21, 0x01, 0x07, 0x00, 0x13, 0x01, 0x04, 0x05, 0xDC, 0x03, 0x05, 0xC2, 0x23,
    0x05, 0x05, 0x06, 0x12, 0x34, 0x56, 0x78,
];
/// PAP Authenticate-Request of "office" with the password "geheim".
pub const PAP_FRAME: &[u8] = &[
    0xFF, 0x03, 0xC0, 0x23, 0x01, 0x01, 0x00, 0x12, 0x06, b'o', b'f', b'f', b'i', b'c', b'e', 0x06,
    b'g', b'e', b'h', b'e', b'i', b'm',
];

/// A PPP link on an S508.
pub fn ppp_link(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    let data = match request.opcode() {
        ppp::READ_CONFIG => ppp_config(),
        ppp::READ_CODE_VERSION => b"test".to_vec(),
        ppp::READ_STATISTICS => {
            let mut data = ramp(1000, 2, 6);
            data.extend(ramp(1006, 4, 16));
            data
        }
        ppp::READ_ERROR_STATS => ramp(100, 1, 10),
        ppp::READ_PACKET_STATS => ramp(2000, 2, 38),
        ppp::READ_LCP_STATS => ramp(3000, 2, 56),
        ppp::READ_LPBK_STATS => ramp(4000, 2, 18),
        ppp::READ_IPCP_STATS => ramp(5000, 2, 40),
        ppp::READ_IPXCP_STATS => ramp(6000, 2, 40),
        ppp::READ_PAP_STATS => ramp(7000, 2, 22),
        ppp::READ_CHAP_STATS => ramp(8000, 2, 30),
        ppp::GET_IBA_DATA => IbaData {
            modem: 0x28,
            lcp_state: 9,
            phase: phase::NETWORK,
            ipcp_state: 8,
            ipxcp_state: 1,
            pap_state: 4,
            chap_state: 3,
            cause: cause::MODEM_FAILURE | cause::IPCP_OPTIONS | cause::REMOTE_TERMINATION,
        }
        .encode()
        .to_vec(),
        ppp::GET_CONNECTION_INFO => {
            let info = ConnectionInfo {
                remote_mru: 1500,
                ip: 0x85,
                ip_local: [201, 1, 1, 1],
                ip_remote: [201, 1, 1, 2],
                ipx_network: [0, 0, 0xAB, 0xCD],
                ipx_remote_node: [1, 2, 3, 4, 5, 6],
                authentication: 3,
                ..ConnectionInfo::default()
            };
            let mut data = Vec::new();
            info.encode_with(b"off\x1b[2Jice", &mut data);
            data
        }
        ppp::ROUTER_UP_TIME => 7300_u32.to_le_bytes().to_vec(),
        ppp::DRIVER_STAT_IFSEND => ramp(9000, 4, 72),
        ppp::DRIVER_STAT_INTR => ramp(9000, 4, 88),
        ppp::DRIVER_STAT_GEN => ramp(9000, 4, 112),
        ppp::FLUSH_STATISTICS
        | ppp::FLUSH_ERROR_STATS
        | ppp::FLUSH_PACKET_STATS
        | ppp::FLUSH_LCP_STATS
        | ppp::FLUSH_LPBK_STATS
        | ppp::FLUSH_IPCP_STATS
        | ppp::FLUSH_IPXCP_STATS
        | ppp::FLUSH_PAP_STATS
        | ppp::FLUSH_CHAP_STATS
        | ppp::FLUSH_DRIVER_STATS
        | ppp::ENABLE_TRACING
        | ppp::DISABLE_TRACING => Vec::new(),
        ppp::GET_TRACE_INFO => three_frames(request, CONFIGURE_FRAME, PAP_FRAME),
        _ => return Some((code::INVALID_COMMAND, Vec::new())),
    };
    Some((code::OK, data))
}

fn ppp_config() -> Vec<u8> {
    let mut data = ramp(500, 2, 0x73);
    data.truncate(0x73);
    data[..4].copy_from_slice(&64_000_u32.to_le_bytes());
    // RS-232, statistics of received data.
    data[0x06..0x08].copy_from_slice(&[0x24, 0x02]);
    data[0x20..0x2B].copy_from_slice(&[0x83, 0x85, 201, 1, 1, 1, 201, 1, 1, 2, 0x98]);
    data[0x2B..0x3B].copy_from_slice(&[
        0, 0, 0xAB, 0xCD, 1, 2, 3, 4, 5, 6, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF,
    ]);
    data[0x3B..0x6B].fill(0);
    data[0x3B..0x41].copy_from_slice(b"router");
    data
}

/// The same on an S502, whose link is down.
pub fn ppp_old_board(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    match request.opcode() {
        ppp::READ_CONFIG => {
            let mut data = ppp_config().split_off(3);
            data[0] = 9;
            data[3] = 0x03;
            data[0x1D] = 0x01;
            Some((code::OK, data))
        }
        ppp::GET_IBA_DATA => Some((code::OK, vec![0, 0, 0, 0, 0, 1, 9, 0, 0])),
        ppp::ROUTER_UP_TIME => Some((code::OK, 59_u32.to_le_bytes().to_vec())),
        _ => ppp_link(request),
    }
}

/// A call on circuit 1.
pub const CALL_FRAME: &[u8] = &[
    0x01, 0x00, 0x10, 0x01, 0x0B, 0x44, 0x11, 0x11, 0x22, 0x22, 0x03, 0x42, 0x07, 0x0A, 0xCC,
];

/// An X.25 link, DTE.
pub fn x25_link(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    let lcn = request.channel();
    let data = match request.opcode() {
        x25::READ_CONFIG => {
            let mut data = ramp(1, 1, 55);
            data[0x0A..0x0C].copy_from_slice(&[0x80, 1]);
            // No outgoing circuits.
            data[0x1D..0x21].fill(0);
            data
        }
        x25::READ_CODE_VERSION => b"test".to_vec(),
        x25::READ_MODEM_STATUS => vec![0x08],
        x25::HDLC_LINK_STATUS => return Some((code::X25_CONNECTED, vec![3, 4, 1, 0, 99])),
        x25::HDLC_READ_COMM_ERR => ramp(100, 1, 10),
        x25::HDLC_READ_STATS => ramp(1000, 2, 34),
        x25::READ_STATISTICS => ramp(2000, 2, 64),
        x25::GET_ACTIVE_CHANNELS => vec![1, 0, 16, 0, 17, 0],
        x25::READ_CHANNEL_CONFIG if matches!(lcn, 1 | 16) => {
            let mut data = ramp(3000, 4, 64);
            data[..8].copy_from_slice(&[4, 0x30, 10, 7, 2, 3, 1, 0]);
            data[32..].fill(0);
            data[32..39].copy_from_slice(b"wp1_ip0");
            if lcn == 1 {
                data[0] |= 0x80 | 0x20;
            } else {
                data[48..52].copy_from_slice(b"26\x1b5");
            }
            data
        }
        x25::READ_CHANNEL_CONFIG => return Some((code::X25_BAD_LCN, Vec::new())),
        x25::ROUTER_UP_TIME => 7300_u32.to_le_bytes().to_vec(),
        x25::DRIVER_STAT_IFSEND => ramp(4000, 4, 72),
        x25::DRIVER_STAT_INTR => ramp(4000, 4, 88),
        x25::DRIVER_STAT_GEN => ramp(4000, 4, 112),
        x25::HDLC_FLUSH_COMM_ERR
        | x25::HDLC_FLUSH_STATS
        | x25::FLUSH_STATISTICS
        | x25::TRACE_CONFIGURE => Vec::new(),
        // As old drivers did: the code stays what the monitor put there.
        x25::FLUSH_DRIVER_STATS => return Some((code::UNANSWERED, Vec::new())),
        x25::GET_TRACE_INFO => x25_frame(CALL_FRAME),
        _ => return Some((code::X25_INVALID_COMMAND, Vec::new())),
    };
    Some((code::OK, data))
}

/// A trace reply with this frame, sent.
pub fn x25_frame(frame: &[u8]) -> Vec<u8> {
    let mut data = vec![frame.len() as u8, 0, 1, 2];
    data.extend([0x11, 0x22, 0x59, 0x58, 0x23, 0xe7, 0x03]);
    data.extend(frame);
    data
}

/// The same, down.
pub fn x25_disconnected(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
    match request.opcode() {
        x25::HDLC_LINK_STATUS => Some((code::OK, vec![0, 0, 2, 0, 0])),
        x25::GET_ACTIVE_CHANNELS => Some((code::OK, Vec::new())),
        _ => x25_link(request),
    }
}

/// Compares with a golden file, or writes it when asked to.
pub fn golden(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(file);
    if std::env::var_os("WANBOX_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    for (number, (is, should)) in text.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(is, should, "{file}, line {}", number + 1);
    }
    assert_eq!(text.lines().count(), wanted.lines().count(), "{file}");
}
