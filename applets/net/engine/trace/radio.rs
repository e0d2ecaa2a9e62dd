//! The lines of packet radio: KISS, AX.25, NET/ROM, FlexNet.

use std::fmt::Write as _;

use wanbox_wire::ax25::{Class, Control, Header, Segment, Unnumbered, Xid, pid, xid};
use wanbox_wire::flexnet::{self, NOT_MEASURED, Query};
use wanbox_wire::kiss::{Check, Kiss, RETURN};
use wanbox_wire::lapb::{FrmrCause, FrmrRepr, Modulo, Unnumbered as Basic};
use wanbox_wire::netrom::{Circuit, Flags, Message, Network, Nodes};

use super::{arp, ip};
use crate::show::Names;

/// What comes before the second and further lines of NET/ROM.
const INDENT: &str = "         ";

/// Writes the lines of a data frame of KISS and of the frame of AX.25 in it; what is behind the headers.
pub fn kiss<'p>(
    text: &mut String,
    check: Check,
    modulo: Option<Modulo>,
    octets: &'p [u8],
    names: Names<'_>,
) -> &'p [u8] {
    *text += match check {
        Check::None => "KISS: Data\n",
        Check::Smack => "KISS: crc-16 Data\n",
        Check::Rmnc => "KISS: crc-rmnc Data\n",
    };
    ax25(text, modulo, octets, names)
}

/// Writes the line of a command of KISS, from its type on; its value.
pub fn command<'p>(text: &mut String, octets: &'p [u8]) -> &'p [u8] {
    *text += "KISS: ";
    let Ok(frame) = Kiss::parse(octets, false) else {
        *text += "bad frame\n";
        return octets;
    };
    let port = frame.kind >> 4;
    if port > 0 && frame.kind != RETURN {
        let _ = write!(text, "port {port} ");
    }
    let value = frame.data.first().copied().unwrap_or_default();
    let tens = u32::from(value) * 10;
    let switch = if value == 0 { "off" } else { "on" };
    let _ = match (frame.kind, frame.command()) {
        (RETURN, _) => writeln!(text, "Return"),
        (_, 0) => writeln!(text, "Data"),
        (_, 1) => writeln!(text, "TX Delay: {tens} ms"),
        (_, 2) => writeln!(text, "Persistence: {}/256", u32::from(value) + 1),
        (_, 3) => writeln!(text, "Slot Time: {tens} ms"),
        (_, 4) => writeln!(text, "TX Tail: {tens} ms"),
        (_, 5) => writeln!(text, "Full Duplex: {switch}"),
        (_, 6) => writeln!(text, "Hardware: {value}"),
        (_, other) => writeln!(text, "Command {other}: {value}"),
    };
    frame.data
}

/// Writes the lines of a frame of AX.25 without FCS, which is counted so as far as that is known; what is behind the
/// headers.
pub fn ax25<'p>(
    text: &mut String,
    modulo: Option<Modulo>,
    octets: &'p [u8],
    names: Names<'_>,
) -> &'p [u8] {
    let Ok((header, rest)) = Header::parse(octets) else {
        *text += "AX25: bad header\n";
        return octets;
    };
    let _ = write!(text, "AX25: {}->{}", header.source, header.destination);
    for (at, digi) in header.digis.iter().enumerate() {
        let before = if at == 0 { " v " } else { " " };
        let after = if digi.repeated { "*" } else { "" };
        let _ = write!(text, "{before}{}{after}", digi.call);
    }
    let modulo = modulo.unwrap_or_else(|| likely_modulo(rest));
    let Ok((control, rest)) = Control::parse(modulo, rest) else {
        let octet = rest.first().copied().unwrap_or_default();
        let _ = writeln!(text, " 0x{octet:02x}[invalid]");
        return rest;
    };
    let _ = write!(text, " {}", control.name());
    if control.poll_final() {
        *text += match header.class {
            Class::Command => "(P)",
            Class::Response => "(F)",
            Class::Unknown => "(P/F)",
        };
    }
    if let Some(nr) = control.nr() {
        let _ = write!(text, " NR={nr}");
    }
    if let Some(ns) = control.ns() {
        let _ = write!(text, " NS={ns}");
    }
    match control {
        _ if control.has_pid() => return information(text, rest, names),
        Control::Lapb(wanbox_wire::lapb::Control::Unnumbered {
            kind: Basic::Frmr, ..
        }) => frmr(text, rest),
        Control::Unnumbered {
            kind: Unnumbered::Xid,
            ..
        } => parameters(text, rest),
        _ => {}
    }
    text.push('\n');
    rest
}

/// How far a frame seems to be counted, by what follows its addresses: supervisory frames have no information, and most
/// PIDs are known.
#[must_use]
pub fn likely_modulo(rest: &[u8]) -> Modulo {
    let usual = |pid: &u8| matches!(*pid, pid::IP..=pid::NETROM | pid::TEXT | pid::SEGMENT);
    let extended = match rest {
        [first, _] if first & 3 == 1 => true,
        [first, second, third, ..] if first & 1 == 0 => {
            usual(third) && (!usual(second) || *second == pid::SEGMENT)
        }
        _ => false,
    };
    if extended {
        Modulo::OneTwentyEight
    } else {
        Modulo::Eight
    }
}

/// PID and what follows it.
fn information<'p>(text: &mut String, rest: &'p [u8], names: Names<'_>) -> &'p [u8] {
    let Some((&number, data)) = rest.split_first() else {
        *text += " no pid\n";
        return rest;
    };
    if number == pid::SEGMENT
        && let Ok((segment, data)) = Segment::parse(data)
    {
        *text += if segment.first { " First seg;" } else { "" };
        let _ = write!(text, " remain {}", segment.remaining);
        return match data.split_first() {
            Some((&number, data)) if segment.first => {
                name(text, number);
                text.push('\n');
                // A header at most: the rest is in the segments that follow.
                if number == pid::IP {
                    ip(text, data, names);
                }
                data
            }
            _ => {
                text.push('\n');
                data
            }
        };
    }
    name(text, number);
    text.push('\n');
    match number {
        pid::IP => ip(text, data, names),
        pid::ARP => arp(text, data, names),
        pid::NETROM => netrom(text, data, names),
        pid::FLEXNET => {
            flexnet(text, data);
            &[]
        }
        _ => data,
    }
}

fn name(text: &mut String, number: u8) {
    let _ = match pid::name(number) {
        Some(name) => write!(text, " pid={name}"),
        None => write!(text, " pid=0x{number:x}"),
    };
}

fn frmr(text: &mut String, rest: &[u8]) {
    let modulo = if rest.len() == FrmrRepr::len(Modulo::OneTwentyEight) {
        Modulo::OneTwentyEight
    } else {
        Modulo::Eight
    };
    let Ok(frmr) = FrmrRepr::parse(modulo, rest) else {
        return;
    };
    let _ = write!(text, ": {:02x}", frmr.control[0]);
    if modulo == Modulo::OneTwentyEight {
        let _ = write!(text, "{:02x}", frmr.control[1]);
    }
    let _ = write!(text, " VR={} VS={}", frmr.vr, frmr.vs);
    let FrmrCause {
        undefined,
        information,
        too_long,
        invalid_nr,
    } = frmr.cause;
    for (is, what) in [
        (undefined, " Invalid control field"),
        (information, " Information not allowed"),
        (too_long, " Information too long"),
        (invalid_nr, " Invalid NR"),
    ] {
        if is {
            *text += what;
        }
    }
}

fn parameters(text: &mut String, rest: &[u8]) {
    let Ok(parameters) = Xid::parse(rest) else {
        return;
    };
    let classes = parameters.classes.unwrap_or_default();
    let functions = parameters.functions.unwrap_or_default();
    for (is, what) in [
        (classes & xid::classes::HALF_DUPLEX != 0, " half-duplex"),
        (classes & xid::classes::FULL_DUPLEX != 0, " full-duplex"),
        (functions & xid::functions::REJ != 0, " REJ"),
        (functions & xid::functions::SREJ != 0, " SREJ"),
        (functions & xid::functions::MODULO_8 != 0, " modulo-8"),
        (functions & xid::functions::MODULO_128 != 0, " modulo-128"),
        (functions & xid::functions::SEGMENTS != 0, " segments"),
    ] {
        if is {
            *text += what;
        }
    }
    for (value, what) in [
        (parameters.n1_bits.map(|bits| bits / 8), "paclen"),
        (parameters.window.map(u32::from), "window"),
        (parameters.t1, "t1"),
        (parameters.n2.map(u32::from), "retry"),
    ] {
        if let Some(value) = value {
            let _ = write!(text, " {what} {value}");
        }
    }
}

/// Writes the lines of NET/ROM; what is behind its headers.
pub fn netrom<'p>(text: &mut String, octets: &'p [u8], names: Names<'_>) -> &'p [u8] {
    if let Ok(nodes) = Nodes::parse(octets) {
        let _ = writeln!(text, "NET/ROM Routing: {}", nodes.ident);
        for entry in nodes {
            let _ = writeln!(
                text,
                "{INDENT}{:<9}  {:<6}  {:<9}  {:3}",
                entry.destination, entry.ident, entry.neighbour, entry.quality
            );
        }
        return &[];
    }
    let Ok((network, rest)) = Network::parse(octets) else {
        *text += "NET/ROM: bad header\n";
        return octets;
    };
    let _ = write!(
        text,
        "NET/ROM: {}->{} ttl {}\n{INDENT}",
        network.origin, network.destination, network.ttl
    );
    let Ok(message) = Message::parse(rest) else {
        *text += "bad header\n";
        return rest;
    };
    let ckt = |circuit: Circuit| format!("ckt {}/{}", circuit.index, circuit.id);
    let flagged = |flags: Flags| {
        let flags = [
            (flags.choke, " CHOKE"),
            (flags.nak, " NAK"),
            (flags.more, " MORE"),
        ];
        flags.map(|(is, name)| if is { name } else { "" }).concat()
    };
    let _ = match message {
        Message::Ip(datagram) => {
            *text += "protocol IP\n";
            return ip(text, datagram, names);
        }
        Message::ConnectRequest {
            mine,
            window,
            user,
            node,
            ..
        } => writeln!(text, "conn rqst: {} wnd {window} {user}@{node}", ckt(mine)),
        Message::ConnectAcknowledge {
            yours,
            mine,
            window,
        } => writeln!(
            text,
            "conn ack: ur {} my {} wnd {window}",
            ckt(yours),
            ckt(mine)
        ),
        Message::ConnectRefuse { yours } => writeln!(text, "conn nak: {}", ckt(yours)),
        Message::DisconnectRequest { yours } => writeln!(text, "disc: {}", ckt(yours)),
        Message::DisconnectAcknowledge { yours } => writeln!(text, "disc ack: {}", ckt(yours)),
        Message::Information {
            yours,
            tx,
            rx,
            flags,
            data,
        } => {
            let (ckt, flags) = (ckt(yours), flagged(flags));
            let _ = writeln!(text, "info: {ckt} txseq {tx} rxseq {rx}{flags}");
            return data;
        }
        Message::InformationAcknowledge {
            yours, rx, flags, ..
        } => writeln!(
            text,
            "info ack: {} rxseq {rx}{}",
            ckt(yours),
            flagged(flags)
        ),
    };
    &[]
}

/// Writes the line of a packet of FlexNet.
pub fn flexnet(text: &mut String, octets: &[u8]) {
    use flexnet::Packet;
    let _ = write!(text, "FLEXNET: len {}", octets.len());
    let Ok(packet) = Packet::parse(octets) else {
        *text += " bad packet\n";
        return;
    };
    let way = |text: &mut String, query: Query<'_>| {
        let _ = write!(text, " - hopcnt: {} qso: {}", query.hops, query.number);
        for name in query.names() {
            let _ = write!(text, " {name}");
        }
    };
    let _ = match packet {
        Packet::Init { max_ssid } => write!(text, " Link setup - Max SSID: {max_ssid}"),
        Packet::Report {
            delay: NOT_MEASURED,
        } => write!(text, " Poll response - Delay: none yet"),
        Packet::Report { delay } => write!(text, " Poll response - Delay: {delay}"),
        Packet::Poll => write!(text, " Poll"),
        Packet::Routing(routing) => {
            *text += " Routing:";
            for route in routing {
                let (call, max) = (route.call, route.max_ssid);
                let _ = write!(text, " {call}");
                if max > call.ssid() {
                    let before = if call.ssid() == 0 { "-0" } else { "" };
                    let _ = write!(text, "{before}-{max}");
                }
                let _ = match route.delay {
                    Some(delay) => write!(text, " ({delay})"),
                    None => write!(text, " (-)"),
                };
            }
            match routing.mark() {
                Some(flexnet::Mark::Request) => *text += " Request token",
                Some(flexnet::Mark::Release) => *text += " Release token",
                None => {}
            }
            Ok(())
        }
        Packet::Query(query) => {
            *text += " Route query";
            way(text, query);
            Ok(())
        }
        Packet::QueryResult(query) => {
            *text += " Query response";
            way(text, query);
            Ok(())
        }
        Packet::Other(kind) => write!(text, " Type 0x{kind:02x}"),
    };
    text.push('\n');
}
