//! What the test daemon answers, and runs of the monitors against it.

use std::path::Path;

use wanbox_grammar::argv;
use wanbox_wire::pipemon::frame_relay::{LinkStatus, PvcStatus, pvc};
use wanbox_wire::pipemon::opcode::{chdlc, fr};
use wanbox_wire::pipemon::{Message, Protocol, code};

use crate::failure::Failure;
use crate::fake::{Fake, INTERFACE, three_frames};
use crate::options::Options;
use crate::request::Request;
use crate::session;

pub const FR: Protocol = Protocol::FrameRelay;
pub const CHDLC: Protocol = Protocol::CiscoHdlc;

pub fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::FrameRelay => "fpipemon",
        Protocol::CiscoHdlc => "cpipemon",
    }
}

pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A run with this command line: what it printed, or how it failed.
pub fn attempt(protocol: Protocol, line: &str) -> Result<String, Failure> {
    let name = name(protocol);
    let options: Options = argv::read(name, &words(line)).unwrap();
    let request = Request::new(name, protocol, &options)?;
    let mut out = Vec::new();
    session::perform(&request, &options, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same by UDP.
pub fn by_udp(fake: &Fake, protocol: Protocol, line: &str) -> Result<String, Failure> {
    let port = fake.port;
    attempt(
        protocol,
        &format!("-i 127.0.0.1 -u {port} --timeout 50ms {line}"),
    )
}

/// The same by the interface's socket.
pub fn by_name(fake: &Fake, protocol: Protocol, line: &str) -> Result<String, Failure> {
    let root = fake.root();
    attempt(
        protocol,
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
    let dlci = request.dlci();
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
