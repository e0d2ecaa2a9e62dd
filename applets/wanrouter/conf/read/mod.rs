//! From the text of a file to devices.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use wanbox_grammar::diagnostic::{Diagnostics, Severity};
use wanbox_grammar::line::{self, Line};
use wanbox_grammar::sections::{Record, Section, Sections};
use wanbox_grammar::value;

use super::Outcome;
use super::keys::{self, INTERFACE, LINK, Of};
use super::model::*;
use super::ppp::PppConf;
use super::settings::device_name;
use values::Values;

mod asynchronous;
mod channel;
mod check;
mod ppp;
mod values;
mod x25;

/// Link types that the original tools knew and this version does not drive.
const OTHER_TYPES: &[&str] = &[
    "WAN_BSC",
    "WAN_HDLC",
    "WAN_BITSTRM",
    "WAN_EDU_KIT",
    "WAN_SS7",
    "WAN_BSCSTRM",
    "WAN_ADSL",
    "WAN_ETH",
    "WAN_SDLC",
    "WAN_ATM",
    "WAN_POS",
    "WAN_AFT",
    "WAN_XILINX",
    "WAN_DEBUG",
    "WAN_ADCCP",
    "WAN_MLINK_PPP",
    "WAN_AFT_TE3",
    "WAN_AFT_TE1",
    "WAN_ASYHDLC",
    "WAN_LIP_ATM",
    "WAN_AFT_ANALOG",
    "WAN_LIP_KATM",
    "WAN_AFT_56K",
    "WAN_AFT_ISDN_BRI",
    "WAN_AFT_SERIAL",
    "WAN_USB_ANALOG",
    "WAN_AFT_GSM",
];

/// Sections that are neither a device's nor an interface's.
const SECTIONS: [&str; 3] = ["devices", "interfaces", x25::ROUTES];

/// A record of `[devices]`.
struct Declared {
    line: usize,
    name: String,
    /// `None`: not driven; that was said, and nothing more is.
    of: Option<Of>,
    /// A port of a multi-port card.
    multi_port: bool,
    description: String,
}

/// A record of `[interfaces]`.
struct Listed {
    line: usize,
    name: String,
    device: String,
    media: String,
    usage: Usage,
    description: String,
}

/// Reads the text of a configuration file; `file` is how the findings name it.
pub fn parse(file: &str, text: &str) -> Outcome {
    let mut diagnostics = Diagnostics::new(file);
    let sections = Sections::parse(text, &mut diagnostics);
    let mut outcome = build(&sections, diagnostics);
    outcome.diagnostics.sort();
    outcome
}

/// Makes devices of sections, wherever these came from.
pub fn build(sections: &Sections, mut diagnostics: Diagnostics) -> Outcome {
    let declared = read_devices(sections, &mut diagnostics);
    let listed = read_interfaces(sections, &declared, &mut diagnostics);
    let routes = x25::routes(sections, &declared, &mut diagnostics);
    remark_unused(sections, &declared, &listed, &mut diagnostics);
    let mut devices = Vec::new();
    for device in &declared {
        let Some(of) = device.of else { continue };
        let section = sections.get(&device.name);
        if section.is_none() {
            let allowed = format!("[{}] with at least LINE = ...", device.name);
            diagnostics.error(device.line, &device.name, "its section is missing", allowed);
            continue;
        }
        let values = Values::read(section, LINK, of, true, &mut diagnostics);
        let mut conf = read_device(device, of, &values, &mut diagnostics);
        if let Protocol::X25(conf) = &mut conf.protocol {
            conf.routes.clone_from(&routes);
        }
        for interface in listed.iter().filter(|l| l.device == device.name) {
            let section = sections.get(&interface.name);
            let channel = Values::read(section, INTERFACE, of, false, &mut diagnostics);
            let channel = channel::read(interface, &conf, &values, &channel, &mut diagnostics);
            conf.interfaces.push(channel);
        }
        let lines = listed
            .iter()
            .filter(|l| l.device == device.name)
            .map(|l| l.line)
            .collect::<Vec<_>>();
        check::device(&conf, device.line, &values, &lines, &mut diagnostics);
        if let Some(tty) = conf.tty
            && let Some(other) = devices
                .iter()
                .find(|d: &&DeviceConf| d.tty.is_some_and(|other| other.minor == tty.minor))
        {
            let what = format!("the terminal {} is that of {}", tty.minor, other.name);
            let line = values.line_of("TTY_MINOR").or(values.line_of("TTY"));
            diagnostics.error(line.unwrap_or(0), "TTY_MINOR", what, "each once");
        }
        devices.push(conf);
    }
    Outcome {
        devices,
        diagnostics,
    }
}

fn read_devices(sections: &Sections, diagnostics: &mut Diagnostics) -> Vec<Declared> {
    const FORM: &str = "DEVICE = LINK TYPE[, description]";
    let Some(section) = sections.get("devices") else {
        let what = "section [devices] is missing";
        diagnostics.error(0, "", what, format!("[devices] with {FORM}"));
        return Vec::new();
    };
    let mut declared: Vec<Declared> = Vec::new();
    for record in &section.records {
        let mut args = record.args();
        let Some(link_type) = args.next().filter(|t| !t.is_empty()) else {
            diagnostics.error(record.line, &record.key, "no link type", FORM);
            continue;
        };
        if let Err(why) = device_name(&record.key) {
            diagnostics.error(record.line, &record.key, why, "wanpipe1, wanpipe2, ...");
            continue;
        }
        if let Some(first) = declared.iter().find(|d| d.name == record.key) {
            let what = format!("declared twice; first on line {}", first.line);
            diagnostics.error(record.line, &record.key, what, "each device once");
            continue;
        }
        let upper = link_type.to_ascii_uppercase();
        let of = match keys::find_type(&upper) {
            Some(link_type) => Some(link_type.of),
            None => {
                let what = if OTHER_TYPES.contains(&upper.as_str()) {
                    format!("link type {upper} is not yet driven by this version")
                } else {
                    format!("unknown link type '{link_type}'")
                };
                diagnostics.error(record.line, &record.key, what, keys::type_words());
                None
            }
        };
        declared.push(Declared {
            line: record.line,
            name: record.key.clone(),
            of,
            multi_port: keys::MULTI_PORT.contains(&upper.as_str()),
            description: rest(args),
        });
    }
    if section.records.is_empty() {
        diagnostics.error(section.line, "[devices]", "no device", FORM);
    }
    declared
}

/// What is left of a record, which is its description: commas in it are part of it.
fn rest<'a>(args: impl Iterator<Item = &'a str>) -> String {
    args.collect::<Vec<_>>().join(", ")
}

fn read_interfaces(
    sections: &Sections,
    declared: &[Declared],
    diagnostics: &mut Diagnostics,
) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    for record in sections.get("interfaces").iter().flat_map(|s| &s.records) {
        let Some(interface) = read_interface(record, declared, diagnostics) else {
            continue;
        };
        if let Some(first) = listed.iter().find(|l| l.name == interface.name) {
            let what = format!("listed twice; first on line {}", first.line);
            diagnostics.error(record.line, &record.key, what, "each interface once");
            continue;
        }
        listed.push(interface);
    }
    listed
}

fn read_interface(
    record: &Record,
    declared: &[Declared],
    diagnostics: &mut Diagnostics,
) -> Option<Listed> {
    let mut wrong = |what: String, allowed: &str| {
        diagnostics.error(record.line, &record.key, what, allowed);
    };
    let args: Vec<&str> = record.args().collect();
    let (Some(device), Some(media), Some(mode)) = (args.first(), args.get(1), args.get(2)) else {
        let form = "INTERFACE = DEVICE, ADDRESS (may be empty), MODE[, description]";
        wrong("too few parts".to_owned(), form);
        return None;
    };
    let mut usable = true;
    if let Err(why) = value::interface_name(&record.key) {
        wrong(why, "1 to 15 letters, digits, '.', '_', '-'");
        usable = false;
    }
    let taken =
        SECTIONS.contains(&record.key.as_str()) || declared.iter().any(|d| d.name == record.key);
    if taken {
        let what = "the name of another section cannot be an interface's".to_owned();
        wrong(what, "a name of its own");
        usable = false;
    }
    if !declared.iter().any(|d| d.name == **device) {
        let names: Vec<&str> = declared.iter().map(|d| d.name.as_str()).collect();
        let what = format!("'{device}' is not in [devices]");
        wrong(what, &names.join(", "));
        usable = false;
    }
    const STACKED: &[&str] = &[
        "lapb",
        "x25",
        "dsp",
        "fr",
        "ppp",
        "chdlc",
        "lip_lapb",
        "lip_x25",
        "lip_xdlc",
        "tty",
        "lip_lapd",
        "lip_hdlc",
        "lip_xmtp2",
        "lip_atm",
        "lip_katm",
    ];
    if args.len() > 4 && args.get(3).is_some_and(|p| STACKED.contains(p)) {
        let what = "stacked interfaces are not yet driven by this version".to_owned();
        wrong(what, "INTERFACE = DEVICE, ADDRESS, MODE");
        usable = false;
    }
    let usage = match usage(mode) {
        Ok(usage) => usage,
        Err(why) => {
            wrong(why, "WANPIPE, BRIDGE, BRIDGE_NODE, API");
            usable = false;
            Usage::Wanpipe
        }
    };
    usable.then(|| Listed {
        line: record.line,
        name: record.key.clone(),
        device: (*device).to_owned(),
        media: (*media).to_owned(),
        usage,
        description: rest(args.iter().skip(3).copied()),
    })
}

fn usage(mode: &str) -> Result<Usage, String> {
    const OTHERS: &[&str] = &[
        "SWITCH",
        "PPPoE",
        "STACK",
        "TTY",
        "ANNEXG",
        "TDM_VOICE",
        "TDM_API",
        "DATA_API",
        "API_LEGACY",
        "TRUNK",
        "NETGRAPH",
        "XMTP2_API",
    ];
    if let Some(usage) = Usage::ALL.into_iter().find(|usage| usage.word() == mode) {
        return Ok(usage);
    }
    if OTHERS.contains(&mode) {
        return Err(format!("mode {mode} is not yet driven by this version"));
    }
    match Usage::ALL
        .iter()
        .find(|u| u.word().eq_ignore_ascii_case(mode))
    {
        Some(usage) => Err(format!("mode '{mode}' is written {}", usage.word())),
        None => Err(format!("unknown mode '{mode}'")),
    }
}

fn remark_unused(
    sections: &Sections,
    declared: &[Declared],
    listed: &[Listed],
    diagnostics: &mut Diagnostics,
) {
    let wrong_interfaces = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| d.key.clone())
        .collect::<Vec<_>>();
    for Section { name, line, .. } in sections.iter() {
        let known = SECTIONS.contains(&name.as_str())
            || declared.iter().any(|d| d.name == *name)
            || listed.iter().any(|l| l.name == *name)
            || wrong_interfaces.contains(name);
        if !known {
            let what = "ignored: neither a device nor an interface of this file";
            diagnostics.warning(*line, format!("[{name}]"), what);
        }
    }
}

fn read_device(
    device: &Declared,
    of: Of,
    values: &Values,
    diagnostics: &mut Diagnostics,
) -> DeviceConf {
    let card = Card::read(|key| values.text(key));
    let line = read_line(&device.name, &card, values, diagnostics);
    let clocking = match values.number::<u64>("CLOCKING") {
        0 => Clocking::External,
        1 => Clocking::Internal,
        _ => {
            let line = values.line_of("CLOCKING").unwrap_or(0);
            diagnostics.warning(line, "CLOCKING", "RECOVERY is EXTERNAL here");
            Clocking::External
        }
    };
    DeviceConf {
        name: device.name.clone(),
        description: device.description.clone(),
        line,
        card,
        connector: match values.number::<u64>("INTERFACE") {
            0 => Connector::Rs232,
            _ => Connector::V35,
        },
        clocking,
        baud_rate: values.number("BAUDRATE"),
        mtu: values.number("MTU"),
        udp_port: values.number("UDPPORT"),
        udp_source: read_source(values, diagnostics),
        udp_key_file: read_key_file(values, diagnostics),
        ttl: values.number("TTL"),
        backup: values.flag("BACKUP"),
        tty: read_tty(of, values, diagnostics),
        protocol: match of {
            Of::FrameRelay => Protocol::FrameRelay(read_frame_relay(values)),
            Of::Ppp => Protocol::Ppp(Box::new(read_ppp(device, values, diagnostics))),
            Of::X25 => Protocol::X25(Box::new(x25::link(device.line, values, diagnostics))),
            _ => Protocol::CiscoHdlc,
        },
        interfaces: Vec::new(),
    }
}

fn read_ppp(device: &Declared, values: &Values, diagnostics: &mut Diagnostics) -> PppConf {
    let mut conf = ppp::link(&device.name, values, diagnostics);
    conf.multi_port = device.multi_port;
    if conf.bundle.is_some() {
        // It has no interface that would say so.
        conf.auth = ppp::auth(device.line, &device.name, &conf, values, None, diagnostics);
    }
    conf
}

fn read_tty(of: Of, values: &Values, diagnostics: &mut Diagnostics) -> Option<TtyConf> {
    if !values.flag("TTY") {
        for key in ["TTY_MINOR", "TTY_MODE"] {
            if let Some(line) = values.line_of(key) {
                diagnostics.warning(line, key, "without effect but with TTY = YES");
            }
        }
        return None;
    }
    if !matches!(of, Of::CiscoHdlc) {
        let line = values.line_of("TTY").unwrap_or(0);
        let what = "terminals are of WAN_CHDLC alone";
        diagnostics.error(line, "TTY", what, "NO, or link type WAN_CHDLC");
    }
    Some(TtyConf {
        minor: values.number("TTY_MINOR"),
        mode: match values.number::<u64>("TTY_MODE") {
            0 => TtyMode::Sync,
            _ => TtyMode::Async,
        },
    })
}

fn read_source(values: &Values, diagnostics: &mut Diagnostics) -> Option<(Ipv4Addr, u8)> {
    let line = values.line_of("UDP_SOURCE")?;
    let text = values.text("UDP_SOURCE");
    let (address, bits) = text.split_once('/').unwrap_or((&text, "32"));
    match (address.parse(), bits.parse()) {
        (Ok(address), Ok(bits)) if bits <= 32 => Some((address, bits)),
        _ => {
            let what = format!("'{text}' is no IPv4 network");
            diagnostics.error(line, "UDP_SOURCE", what, "A.B.C.D/BITS, or one address");
            None
        }
    }
}

fn read_key_file(values: &Values, diagnostics: &mut Diagnostics) -> Option<PathBuf> {
    let line = values.line_of("UDP_KEY_FILE")?;
    let path = PathBuf::from(values.text("UDP_KEY_FILE"));
    if path.is_absolute() {
        return Some(path);
    }
    let what = format!("'{}' is not an absolute path", path.display());
    diagnostics.error(line, "UDP_KEY_FILE", what, "/FILE");
    None
}

fn read_line(
    device: &str,
    card: &Card,
    values: &Values,
    diagnostics: &mut Diagnostics,
) -> Option<Line> {
    let Some(at) = values.line_of("LINE") else {
        // A LINE that is there but empty was reported already.
        let named = card.named();
        let what = if named.is_empty() {
            format!("[{device}] does not say what the link runs on")
        } else {
            format!("[{device}] names a hardware card ({named}), and none is driven here")
        };
        let allowed = format!("LINE = cable:{device} or another of {}", line::ALLOWED);
        diagnostics.error(values.line, "LINE", what, allowed);
        return None;
    };
    values
        .text("LINE")
        .parse()
        .map_err(|why: String| diagnostics.error(at, "LINE", why, line::ALLOWED))
        .ok()
}

fn read_frame_relay(values: &Values) -> FrameRelayConf {
    FrameRelayConf {
        station: match values.number::<u64>("STATION") {
            0 => Station::Cpe,
            _ => Station::Node,
        },
        signalling: match values.number::<u64>("SIGNALLING") {
            0 => Signalling::None,
            2 => Signalling::Q933,
            3 => Signalling::Lmi,
            4 => Signalling::Auto,
            _ => Signalling::Ansi,
        },
        t391: values.time("T391"),
        t392: values.time("T392"),
        n391: values.number("N391"),
        n392: values.number("N392"),
        n393: values.number("N393"),
        full_status_at_start: values.flag("FR_ISSUE_FS"),
        number_of_dlci: values.number("NUMBER_OF_DLCI"),
    }
}

/// For fuzzing: any octets are read, and what has no error is within its ranges and survives
/// the way to the link daemon.
pub fn fuzz_parse(data: &[u8]) {
    let outcome = parse("fuzz", &String::from_utf8_lossy(data));
    let Ok((devices, _)) = outcome.accept() else {
        return;
    };
    assert!(!devices.is_empty());
    for device in devices {
        assert!(device.line.is_some());
        assert!((128..=4098).contains(&device.mtu) && device.ttl > 0);
        if let Protocol::FrameRelay(link) = &device.protocol {
            assert!(link.n392 <= link.n393 && (1..=10).contains(&link.n393));
        }
        let json = serde_json::to_string(&device).unwrap_or_default();
        assert_eq!(serde_json::from_str::<DeviceConf>(&json).ok(), Some(device));
    }
}
