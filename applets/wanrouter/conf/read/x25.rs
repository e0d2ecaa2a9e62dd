//! X.25: what its keys say, and how circuits and routes go together.

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::line::Xot;
use wanbox_grammar::sections::Sections;
use wanbox_wire::x25::{Address, Facilities, MAX_FACILITIES, MAX_FAST_USER_DATA};

use super::values::Values;
use super::{Declared, Listed};
use crate::conf::keys::Of;
use crate::conf::model::*;
use crate::conf::settings::device_name;
use crate::conf::x25::*;

/// The section of routes.
pub const ROUTES: &str = "x25routes";
/// What a route looks like.
const ROUTE: &str = "PREFIX = DEVICE; * for every address";

/// The keys of the four ranges, in the order of the standard.
const RANGES: [(&str, &str); 4] = [
    ("LOWESTPVC", "HIGHESTPVC"),
    ("LOWESTINCOMING", "HIGHESTINCOMING"),
    ("LOWESTSVC", "HIGHESTSVC"),
    ("LOWESTOUTGOING", "HIGHESTOUTGOING"),
];

/// Reads the keys of a device.
pub fn link(declared: usize, values: &Values, diagnostics: &mut Diagnostics) -> X25Conf {
    let alone = values.flag("LAPB_HDLC_ONLY");
    let lapb = lapb(values, diagnostics);
    if alone {
        let ranges = RANGES.iter().flat_map(|(low, high)| [*low, *high]);
        for key in ranges.chain(["PACKETWINDOW", "X25_MODE", "DEF_PKT_SIZE", "MAX_PKT_SIZE"]) {
            if let Some(line) = values
                .line_of(key)
                .filter(|_| values.number::<u64>(key) != 0)
            {
                let what = "without effect: LAPB_HDLC_ONLY = YES leaves the packet layer out";
                diagnostics.warning(line, key, what);
            }
        }
    }
    X25Conf {
        station: match values.number::<u64>("STATION") {
            0 => X25Station::Dte,
            _ => X25Station::Dce,
        },
        lapb,
        packets: (!alone).then(|| packets(declared, values, diagnostics)),
        log_calls: values.flag("CALL_SETUP_LOG"),
        routes: Vec::new(),
    }
}

fn lapb(values: &Values, diagnostics: &mut Diagnostics) -> LapbConf {
    let conf = LapbConf {
        extended: values.number::<u64>("LAPB_MODE") == 128,
        window: values.number("HDLCWINDOW"),
        t1: values.time("T1"),
        t2: values.time("T2"),
        t4: values.number("T4"),
        n2: values.number("N2"),
    };
    if conf.t2 >= conf.t1 {
        let line = values.line_of("T2").or_else(|| values.line_of("T1"));
        let what = "an acknowledgement that waits as long as T1 comes too late";
        diagnostics.error(line.unwrap_or(0), "T2", what, "less than T1");
    }
    window(
        values,
        "HDLCWINDOW",
        "LAPB_MODE",
        conf.extended,
        diagnostics,
    );
    conf
}

/// A window that its sequence numbers cannot tell apart.
fn window(values: &Values, key: &str, mode: &str, extended: bool, diagnostics: &mut Diagnostics) {
    if !extended && values.number::<u64>(key) > 7 {
        let line = values.line_of(key).or_else(|| values.line_of(mode));
        let what = "sequence numbers modulo 8 cannot tell so many apart";
        let allowed = format!("1 to 7, or {mode} = 128");
        diagnostics.error(line.unwrap_or(0), key, what, allowed);
    }
}

fn packets(declared: usize, values: &Values, diagnostics: &mut Diagnostics) -> PacketConf {
    let mut before = 0;
    let [permanent, incoming, two_way, outgoing] = RANGES.map(|(low, high)| {
        let range = range(values, low, high, diagnostics);
        if let Some((first, last)) = range {
            if first <= before {
                let line = values.line_of(low).unwrap_or(0);
                let what = format!("channel {first} is not above those before it, to {before}");
                let allowed = "permanent, incoming, two-way, outgoing channels in rising order";
                diagnostics.error(line, low, what, allowed);
            }
            before = before.max(last);
        }
        range
    });
    if before == 0 {
        let line = if values.line == 0 {
            declared
        } else {
            values.line
        };
        let what = "a packet layer without logical channels";
        let allowed = "LOWESTSVC and HIGHESTSVC, or another range; or LAPB_HDLC_ONLY = YES";
        diagnostics.error(line, "HIGHESTSVC", what, allowed);
    }
    let extended = values.number::<u64>("X25_MODE") == 128;
    window(values, "PACKETWINDOW", "X25_MODE", extended, diagnostics);
    let size = values.given_number("DEF_PKT_SIZE").unwrap_or_else(|| {
        // As the cards did.
        let mtu = values.number::<u64>("MTU").clamp(64, 1024);
        1 << mtu.ilog2()
    });
    let max_size = values
        .given_number("MAX_PKT_SIZE")
        .unwrap_or_else(|| size.max(1024));
    if max_size < size {
        let line = values.line_of("MAX_PKT_SIZE").unwrap_or(0);
        let what = format!("less than the packet size of {size}");
        diagnostics.error(line, "MAX_PKT_SIZE", what, "at least DEF_PKT_SIZE");
    }
    PacketConf {
        extended,
        permanent,
        incoming,
        two_way,
        outgoing,
        window: values.number("PACKETWINDOW"),
        size: size as u16,
        max_size: max_size as u16,
        restart: values.time("T10_T20"),
        call: values.time("T11_T21"),
        reset: values.time("T12_T22"),
        clear: values.time("T13_T23"),
        interrupt: values.time("T16_T26"),
        restarts: values.number("R10_R20"),
        resets: values.number("R12_R22"),
        clears: values.number("R13_R23"),
        year: values.number("CCITTCOMPAT"),
    }
}

fn range(
    values: &Values,
    low: &str,
    high: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Channels> {
    let (first, last) = (values.number::<u16>(low), values.number::<u16>(high));
    match (first, last) {
        (0, 0) => None,
        (0, _) => {
            let what = format!("{high} is {last}, so there is a lowest one");
            let line = values.line_of(low).or_else(|| values.line_of(high));
            diagnostics.error(line.unwrap_or(0), low, what, format!("1 to {last}"));
            None
        }
        _ if last < first => {
            let what = format!("lower than {low} = {first}");
            let line = values.line_of(high).or_else(|| values.line_of(low));
            diagnostics.error(line.unwrap_or(0), high, what, format!("{first} to 4095"));
            None
        }
        range => Some(range),
    }
}

/// Reads the circuit of an interface.
pub fn channel(
    listed: &Listed,
    conf: &X25Conf,
    own: &Values,
    diagnostics: &mut Diagnostics,
) -> X25Channel {
    if listed.usage.is_bridged() {
        let what = format!("mode {} needs Frame Relay", listed.usage.word());
        diagnostics.error(listed.line, &listed.name, what, "WANPIPE, API");
    }
    let mut circuit = circuit(listed, conf, diagnostics);
    let string = CallString::read(own, diagnostics);
    if let (X25Circuit::Switched(called), Some(other)) = (&mut circuit, &string.called) {
        if !called.is_empty() && called != other {
            let line = own.line_of(CALL_STRING).unwrap_or(0);
            let what = format!("-d{other} calls another address than {}", listed.media);
            diagnostics.error(line, CALL_STRING, what, format!("-d{called}, or neither"));
        }
        called.clone_from(other);
    }
    let calling = match own.line_of("X25_SRC_ADDR") {
        Some(line) => {
            let text = own.text("X25_SRC_ADDR");
            if let Err(what) = digits(&text) {
                diagnostics.error(line, "X25_SRC_ADDR", what, "1 to 15 digits");
            }
            text
        }
        None => string.calling.unwrap_or_default(),
    };
    if own.flag("DYN_INTR_CFG")
        && matches!(&circuit, X25Circuit::Switched(called) if !called.is_empty())
    {
        let line = own.line_of("DYN_INTR_CFG").unwrap_or(0);
        let what = "its first packet places the call, and an interface that is down has none";
        diagnostics.error(line, "DYN_INTR_CFG", what, "NO");
    }
    if !matches!(circuit, X25Circuit::Switched(_)) {
        for key in CALLS {
            if let Some(line) = own.line_of(key) {
                let what = "without effect: a circuit without calls";
                diagnostics.warning(line, key, what);
            }
        }
    }
    let encapsulation = match own.number::<u64>("X25_ENCAPSULATION") {
        0 => X25Encapsulation::Ip,
        1 => X25Encapsulation::Snap,
        _ => X25Encapsulation::Null,
    };
    if let Some(line) = own.line_of("X25_ENCAPSULATION")
        && (listed.usage == Usage::Api || circuit == X25Circuit::Link)
    {
        let what = "without effect: packets go as they are";
        diagnostics.warning(line, "X25_ENCAPSULATION", what);
    }
    let window: Option<u8> = own.given_number("X25_WINDOW").map(|window| window as u8);
    let extended = conf
        .packets
        .as_ref()
        .is_some_and(|packets| packets.extended);
    if window.is_some_and(|window| window > 7) && !extended {
        let line = own.line_of("X25_WINDOW").unwrap_or(0);
        let what = "sequence numbers modulo 8 cannot tell so many apart";
        diagnostics.error(line, "X25_WINDOW", what, "1 to 7, or X25_MODE = 128");
    }
    X25Channel {
        circuit,
        calling,
        accept: X25Accept {
            destination: pattern(own, "X25_ACCEPT_DST_ADDR", false, diagnostics),
            source: pattern(own, "X25_ACCEPT_SRC_ADDR", false, diagnostics),
            user_data: pattern(own, "X25_ACCEPT_USR_DATA", true, diagnostics),
        },
        encapsulation,
        user_data: string.user_data,
        facilities: string.facilities,
        packet_size: own.given_number("X25_PKT_SIZE").map(|size| size as u16),
        window,
        idle: own.time("IDLETIMEOUT"),
        hold: own.time("HOLDTIMEOUT"),
    }
}

/// Keys that say something of calls.
const CALLS: [&str; 9] = [
    "IDLETIMEOUT",
    "HOLDTIMEOUT",
    "X25_SRC_ADDR",
    "X25_ACCEPT_DST_ADDR",
    "X25_ACCEPT_SRC_ADDR",
    "X25_ACCEPT_USR_DATA",
    "X25_PKT_SIZE",
    "X25_WINDOW",
    CALL_STRING,
];

fn circuit(listed: &Listed, conf: &X25Conf, diagnostics: &mut Diagnostics) -> X25Circuit {
    let media = listed.media.as_str();
    let Some(packets) = &conf.packets else {
        if !media.is_empty() {
            let what = format!("address '{media}' ignored: LAPB_HDLC_ONLY has no circuits");
            diagnostics.warning(listed.line, &listed.name, what);
        }
        return X25Circuit::Link;
    };
    const FORM: &str = "@ADDRESS, @ to accept calls alone, or the channel of a permanent circuit";
    let mut wrong = |what: String, allowed: &str| {
        diagnostics.error(listed.line, &listed.name, what, allowed);
    };
    if let Some(called) = media.strip_prefix('@') {
        if let Err(what) =
            digits(called).or_else(|why| if called.is_empty() { Ok(()) } else { Err(why) })
        {
            wrong(what, "@ and up to 15 digits");
        }
        if packets.ranges().iter().skip(1).all(Option::is_none) {
            let what = format!("'{media}' is called, and there are no channels for calls");
            wrong(what, "LOWESTSVC and HIGHESTSVC in the device's section");
        }
        return X25Circuit::Switched(called.to_owned());
    }
    let channel = match media.parse::<u16>() {
        Ok(channel) if media.bytes().all(|b| b.is_ascii_digit()) => channel,
        _ if media.is_empty() => {
            wrong("no address".to_owned(), FORM);
            0
        }
        _ => {
            wrong(format!("'{media}' is not an address"), FORM);
            0
        }
    };
    match packets.permanent {
        _ if channel == 0 && media.parse() != Ok(0_u16) => {}
        Some((low, high)) if !(low..=high).contains(&channel) => {
            let what = format!("channel {channel} is not a permanent circuit");
            wrong(what, &format!("LOWESTPVC {low} to HIGHESTPVC {high}"));
        }
        None => {
            let what = format!("there is no permanent circuit {channel}");
            wrong(what, "LOWESTPVC and HIGHESTPVC in the device's section");
        }
        Some(_) => {}
    }
    X25Circuit::Permanent(channel)
}

/// Whether a text is an address.
fn digits(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("no address".to_owned());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "'{text}' is not an address: it has others than digits"
        ));
    }
    if text.len() > Address::MAX {
        return Err(format!("an address of {} digits is too long", text.len()));
    }
    Ok(())
}

/// A pattern of digits, hexadecimal or not, and `*`; `*` alone is none.
fn pattern(
    own: &Values,
    key: &str,
    hexadecimal: bool,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let line = own.line_of(key)?;
    let text = own.text(key).to_ascii_uppercase();
    let legal = |b: u8| b == b'*' || b.is_ascii_digit() || hexadecimal && b.is_ascii_hexdigit();
    if text.bytes().all(legal) {
        return Some(text);
    }
    let what = format!("'{text}' has others than digits and *");
    let allowed = if hexadecimal {
        "hexadecimal digits, * for any number of them"
    } else {
        "digits, * for any number of them"
    };
    diagnostics.error(line, key, what, allowed);
    None
}

const CALL_STRING: &str = "X25_CALL_STRING";

/// What a call says, in one value: `-d1234 -s5678 -uCC -f420707`.
#[derive(Default)]
struct CallString {
    called: Option<String>,
    calling: Option<String>,
    user_data: Option<Vec<u8>>,
    facilities: Vec<u8>,
}

impl CallString {
    fn read(own: &Values, diagnostics: &mut Diagnostics) -> Self {
        let mut all = Self::default();
        let Some(line) = own.line_of(CALL_STRING) else {
            return all;
        };
        for word in own.text(CALL_STRING).split_whitespace() {
            if let Err(what) = all.add(word) {
                let allowed = "-dADDRESS -sADDRESS -uDATA -fFACILITIES, the last two hexadecimal";
                diagnostics.error(line, CALL_STRING, what, allowed);
            }
        }
        all
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        let address = |text: &str| digits(text).map(|()| Some(text.to_owned()));
        match (word.get(..2), word.get(2..)) {
            (Some("-d"), Some(text)) => self.called = address(text)?,
            (Some("-s"), Some(text)) => self.calling = address(text)?,
            (Some("-u"), Some(text)) => self.user_data = Some(octets(text, MAX_FAST_USER_DATA)?),
            (Some("-f"), Some(text)) => {
                let octets = octets(text, MAX_FACILITIES)?;
                let wrong = |error: &dyn std::fmt::Display| format!("facilities {text}: {error}");
                let facilities = Facilities::parse(&octets).map_err(|error| wrong(&error))?;
                for facility in facilities.iter() {
                    facility.value().map_err(|error| wrong(&error))?;
                }
                self.facilities = octets;
            }
            _ => return Err(format!("'{word}' is not a part of a call")),
        }
        Ok(())
    }
}

/// Hexadecimal digits as octets.
fn octets(text: &str, most: usize) -> Result<Vec<u8>, String> {
    if text.is_empty()
        || !text.len().is_multiple_of(2)
        || !text.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Err(format!("'{text}' is not pairs of hexadecimal digits"));
    }
    if text.len() / 2 > most {
        return Err(format!("{} octets are more than {most}", text.len() / 2));
    }
    let pairs = (0..text.len())
        .step_by(2)
        .filter_map(|at| text.get(at..at + 2));
    Ok(pairs
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect())
}

/// The timers of procedures that are repeated with a request that looks like the one before.
const TIMERS: [&str; 4] = ["T10_T20", "T11_T21", "T12_T22", "T13_T23"];

/// Says which timers of the packet layer are shorter than LAPB may take to deliver a packet.
pub fn check_timers(conf: &X25Conf, values: &Values, diagnostics: &mut Diagnostics) {
    let lapb = conf.lapb.t1 * u32::from(conf.lapb.n2);
    let short = |key: &&str| conf.packets.is_some() && values.time(key) < lapb;
    for key in TIMERS.into_iter().filter(short) {
        let lines = [key, "T1", "N2"].map(|key| values.line_of(key));
        let what = format!(
            "{} is shorter than N2 x T1 = {}, for which LAPB may hold an answer: that of a request \
             that was given up could be taken for the next one's",
            humantime::format_duration(values.time(key)),
            humantime::format_duration(lapb),
        );
        let line = lines.into_iter().flatten().next();
        diagnostics.warning(line.unwrap_or(0), key, what);
    }
}

/// Checks how the interfaces of a device go together.
pub fn check_device(
    device: &DeviceConf,
    conf: &X25Conf,
    listed: &[usize],
    diagnostics: &mut Diagnostics,
) {
    if conf.packets.is_none() {
        for (extra, line) in device.interfaces.iter().zip(listed).skip(1) {
            let what = "LAPB_HDLC_ONLY has one interface, and there is one already";
            diagnostics.error(*line, &extra.name, what, "one interface");
        }
    }
    let mut seen: Vec<(u16, &str)> = Vec::new();
    for (interface, line) in device.interfaces.iter().zip(listed) {
        let Channel::X25(channel) = &interface.channel else {
            continue;
        };
        let X25Circuit::Permanent(number) = channel.circuit else {
            continue;
        };
        match seen.iter().find(|(other, _)| *other == number) {
            // What is no channel was reported where it was read.
            _ if number == 0 => {}
            Some((_, other)) => {
                let what = format!("permanent circuit {number} is that of {other}");
                diagnostics.error(*line, &interface.name, what, "each circuit once");
            }
            None => seen.push((number, &interface.name)),
        }
    }
}

/// Checks a device whose line is X.25 over TCP.
pub fn check_over_tcp(
    device: &DeviceConf,
    ends: &Xot,
    values: &Values,
    diagnostics: &mut Diagnostics,
) {
    let line = values.line_of("LINE").unwrap_or(0);
    let packets = match &device.protocol {
        Protocol::X25(conf) => conf.packets.as_ref(),
        _ => None,
    };
    let Some(packets) = packets else {
        let what = "X.25 over TCP carries the packets of X.25 and nothing else";
        let allowed = "WAN_X25 without LAPB_HDLC_ONLY = YES, or another line";
        diagnostics.error(line, "LINE", what, allowed);
        return;
    };
    if packets.permanent.is_some() && ends.remote.is_some() && ends.interface.is_none() {
        let what = "permanent circuits are on an interface of the other end, which has a name";
        diagnostics.error(line, "LINE", what, "interface=NAME behind xot:HOST");
    }
    let lapb = ["LAPB_MODE", "HDLCWINDOW", "T1", "T2", "T4", "N2", "STATION"];
    for (key, line) in lapb
        .iter()
        .filter_map(|key| Some((*key, values.line_of(key)?)))
    {
        diagnostics.warning(line, key, "without effect: X.25 over TCP has no LAPB");
    }
}

/// Reads `[x25routes]`, which every X.25 device of the file has. Longest prefixes come first.
pub(super) fn routes(
    sections: &Sections,
    declared: &[Declared],
    diagnostics: &mut Diagnostics,
) -> Vec<X25Route> {
    let Some(section) = sections.get(ROUTES) else {
        return Vec::new();
    };
    if !declared.iter().any(|device| device.of == Some(Of::X25)) {
        let what = "ignored: no device of this file is WAN_X25";
        diagnostics.warning(section.line, format!("[{ROUTES}]"), what);
    }
    let mut routes: Vec<X25Route> = Vec::new();
    for record in &section.records {
        let mut wrong = |what: String, allowed: &str| {
            diagnostics.error(record.line, &record.key, what, allowed);
        };
        let prefix = if record.key == "*" {
            ""
        } else {
            record.key.trim_end_matches('*')
        };
        if let Err(what) = digits(prefix)
            && record.key != "*"
        {
            wrong(what, ROUTE);
            continue;
        }
        let device = record.args().next().unwrap_or_default();
        if let Err(what) = device_name(device) {
            wrong(what, ROUTE);
            continue;
        }
        let of = declared.iter().find(|d| d.name == device).map(|d| d.of);
        if of.is_some_and(|of| of != Some(Of::X25)) {
            wrong(format!("{device} is not WAN_X25"), "a device of WAN_X25");
            continue;
        }
        if let Some(first) = routes.iter().find(|route| route.prefix == prefix) {
            wrong(
                format!("a route to {} is there already", first.device),
                "each prefix once",
            );
            continue;
        }
        routes.push(X25Route {
            prefix: prefix.to_owned(),
            device: device.to_owned(),
        });
    }
    routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
    routes
}
