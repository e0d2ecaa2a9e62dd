//! `attach`: the words of every kind of interface, as a [`Device`].

use std::net::{Ipv4Addr, SocketAddrV4};

use wanbox_net_console::table::Entry;
use wanbox_net_console::words::Word;
use wanbox_net_engine::interface::LEAST_MTU;
use wanbox_net_engine::{Encapsulation, address};

use crate::context::{Context, Done, Stop, Then};
use crate::host::{AsyPort, Device, Outer};
use crate::values::{Command, failed, number, subcommand, text_at, word_at};

/// The encapsulations of asynchronous lines.
const MODES: [Encapsulation; 7] = [
    Encapsulation::Slip,
    Encapsulation::VjSlip,
    Encapsulation::Ax25Ui,
    Encapsulation::Ax25I,
    Encapsulation::KissUi,
    Encapsulation::KissI,
    Encapsulation::Nrs,
];
/// IP in IP, and AX.25 in IP (RFC 1226): the numbers of their protocols, and of their ports.
const IPIP: u8 = 4;
const AXIP: u8 = 93;
/// The netmask of `attach ni` unless told otherwise.
const CLASS_A: u32 = 0xff00_0000;

/// `attach`.
pub(crate) fn attach(context: &mut Context<'_>, words: &[Word]) -> Done {
    const ATTACH: [Entry<Command>; 9] = [
        Entry::with(
            "asy",
            asy,
            8,
            "attach asy <address> <vector> slip|vjslip|ax25ui|ax25i|kissui|kissi|nrs <label> <buffers> <mtu> <speed> [ip_addr]",
        ),
        Entry::with(
            "netrom",
            |context, _| open(context, "netrom", &Device::NetRom, None),
            1,
            "attach netrom [ip_addr]",
        ),
        Entry::with(
            "axip",
            |context, words| tunnel(context, words, "axip", AXIP, Device::AxIp),
            1,
            "attach axip [<label> [ip|udp [protocol|port]]]",
        ),
        Entry::with(
            "ipip",
            |context, words| tunnel(context, words, "ipip", IPIP, Device::IpIp),
            1,
            "attach ipip [<label> [ip|udp [protocol|port]]]",
        ),
        Entry::with("ni", ni, 3, "attach ni <label> <dest> [mask]"),
        Entry::with("tun", tun, 2, "attach tun <label> <mtu>"),
        Entry::with("kernel", kernel, 2, "attach kernel <iface> [nopromisc]"),
        Entry::with(
            "kissport",
            kiss_port,
            4,
            "attach kissport <label> <iface> <port> [<mtu>]",
        ),
        Entry::with("ethertap", ethertap, 2, "attach ethertap <label>"),
    ];
    subcommand(context, "attach", &ATTACH, words)
}

fn open(context: &mut Context<'_>, name: &str, device: &Device, mtu: Option<u16>) -> Done {
    let (now, station) = (context.now, &mut *context.station);
    match context.host.attach(now, station, name, device, mtu) {
        Ok(_) => Ok(Then::Nothing),
        Err(error) => failed(error),
    }
}

fn mtu(word: &str) -> Result<u16, Stop> {
    number(word, "mtu", LEAST_MTU.into(), u16::MAX.into()).map(|mtu| mtu as u16)
}

fn asy(context: &mut Context<'_>, words: &[Word]) -> Done {
    let name = word_at(words, 4);
    if context.station.interfaces.by_name(&name).is_some() {
        return failed(format_args!("Interface {name} already exists"));
    }
    let mode = word_at(words, 3);
    let same = |known: &Encapsulation| known.name().eq_ignore_ascii_case(&mode);
    let Some(mode) = MODES.into_iter().find(same) else {
        return failed(if Encapsulation::ALL.iter().any(same) {
            format!("Mode {mode} unknown for interface {name}")
        } else {
            format!("Unknown encapsulation {mode}")
        });
    };
    let port = asy_port(&word_at(words, 1), &word_at(words, 2), &name)?;
    let mtu = mtu(&word_at(words, 6))?;
    let speed = number(&word_at(words, 7), "speed", 0, u32::MAX.into())? as u32;
    let mut auto = false;
    for option in words.get(8..).unwrap_or_default() {
        let option = option.text();
        // The original reads an address, `c` and `r` here and makes nothing of them.
        let known = address::is_numeric(&option) || matches!(&*option, "c" | "r" | "cr" | "rc");
        if option == "auto" {
            auto = true;
        } else if !known {
            return failed(format_args!("Unknown option {option}"));
        }
    }
    let device = Device::Asy {
        port,
        mode,
        speed,
        auto,
    };
    open(context, &name, &device, Some(mtu))
}

/// What an asynchronous line goes through: a TCP connection to a host, whose address is eight hexadecimal digits
/// or dotted; a path; or with zeros the device of the interface's name.
fn asy_port(host: &str, port: &str, name: &str) -> Result<AsyPort, Stop> {
    if host.starts_with('/') {
        return Ok(AsyPort::Serial(host.to_owned()));
    }
    let digits = host.strip_prefix("0x").unwrap_or(host);
    let host = match address::parse(host).filter(|_| host.contains('.')) {
        Some(address) => address,
        None => match u32::from_str_radix(digits, 16).or_else(|_| digits.parse()) {
            Ok(bits) => Ipv4Addr::from_bits(bits),
            Err(_) => {
                return failed(format_args!(
                    "Address {host}: 0, or hexadecimal or dotted digits are expected"
                ));
            }
        },
    };
    let port = number(port, "port", 0, u16::MAX.into())? as u16;
    Ok(if host.is_unspecified() || port == 0 {
        AsyPort::Serial(format!("/dev/{name}"))
    } else {
        AsyPort::Tcp(SocketAddrV4::new(host, port))
    })
}

fn tunnel(
    context: &mut Context<'_>,
    words: &[Word],
    name: &str,
    usual: u8,
    device: fn(Outer) -> Device,
) -> Done {
    let name = text_at(words, 1).unwrap_or_else(|| name.to_owned());
    let what = text_at(words, 3);
    let value = |label, high| match &what {
        Some(word) => number(word, label, 1, high),
        None => Ok(usual.into()),
    };
    let outer = match text_at(words, 2) {
        Some(word) if word.starts_with('u') => Outer::Udp(value("port", u16::MAX.into())? as u16),
        Some(word) if !word.starts_with('i') => return failed("Type must be IP or UDP"),
        _ => Outer::Ip(value("protocol", u8::MAX.into())? as u8),
    };
    open(context, &name, &device(outer), None)
}

fn kiss_port(context: &mut Context<'_>, words: &[Word]) -> Done {
    let line = context.interface(&word_at(words, 2))?;
    let port = number(&word_at(words, 3), "port", 1, 15)? as u8;
    let mtu = match text_at(words, 4) {
        Some(word) => Some(mtu(&word)?),
        None => None,
    };
    let device = Device::KissPort { line, port };
    open(context, &word_at(words, 1), &device, mtu)
}

fn ni(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mask = match text_at(words, 3) {
        Some(word) => match address::parse_netmask(&word) {
            Some(mask) => mask,
            None => return failed(format_args!("Invalid netmask {word}")),
        },
        None => CLASS_A,
    };
    let host = context.address(&word_at(words, 2))?;
    open(
        context,
        &word_at(words, 1),
        &Device::Ni { host, mask },
        None,
    )
}

fn tun(context: &mut Context<'_>, words: &[Word]) -> Done {
    let mtu = match text_at(words, 2) {
        Some(word) => Some(mtu(&word)?),
        None => None,
    };
    let device = Device::Tun { ethernet: false };
    open(context, &word_at(words, 1), &device, mtu)
}

fn ethertap(context: &mut Context<'_>, words: &[Word]) -> Done {
    let device = Device::Tun { ethernet: true };
    open(context, &word_at(words, 1), &device, None)
}

fn kernel(context: &mut Context<'_>, words: &[Word]) -> Done {
    let promiscuous = match text_at(words, 2).as_deref() {
        None => true,
        Some("nopromisc") => false,
        Some(_) => return Err(Stop::Usage("attach kernel <iface> [nopromisc]")),
    };
    let device = Device::Kernel { promiscuous };
    open(context, &word_at(words, 1), &device, None)
}
