//! The lines of headers.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use wanbox_wire::arp::{Operation, Packet};
use wanbox_wire::ip::{Icmp, Ipv4, Sum, Tcp, TcpFlags, Udp, protocol};
use wanbox_wire::rip::{self, Command, FAMILY_IPV4};
use wanbox_wire::vj;

use crate::icmp::{code_name, kind, type_name};
use crate::interface::{Hardware, LinkAddress};
use crate::ip::{IPIP, IPIP_OLD};
use crate::show::Names;

/// How many datagrams in datagrams are shown.
const DEEPEST: u8 = 4;

/// Writes the lines of a datagram; what is behind the headers.
pub fn ip<'p>(text: &mut String, octets: &'p [u8], names: Names<'_>) -> &'p [u8] {
    datagram(text, octets, names, DEEPEST, false)
}

/// `quoted`: the datagram may be cut, as ICMP quotes them.
fn datagram<'p>(
    text: &mut String,
    octets: &'p [u8],
    names: Names<'_>,
    deep: u8,
    quoted: bool,
) -> &'p [u8] {
    let header_len = usize::from(octets.first().copied().unwrap_or_default() & 15) * 4;
    let header = octets
        .get(..header_len)
        .filter(|_| header_len >= Ipv4::MIN_HEADER);
    let Some(header) = header.filter(|header| header.first().is_some_and(|first| first >> 4 == 4))
    else {
        *text += "IP: bad header\n";
        return octets;
    };
    let u16_at = |at: usize| {
        let field = header.get(at..).and_then(|rest| rest.first_chunk::<2>());
        u16::from_be_bytes(field.copied().unwrap_or_default())
    };
    let address = |at: usize| {
        let field = header.get(at..).and_then(|rest| rest.first_chunk::<4>());
        Ipv4Addr::from(field.copied().unwrap_or_default())
    };
    let octet = |at: usize| header.get(at).copied().unwrap_or_default();
    let sum = Sum::new().octets(header);
    if !sum.is_valid() {
        let _ = write!(text, "IP: CHECKSUM ERROR ({})", sum.checksum());
    }
    let total = usize::from(u16_at(2));
    let (src, dst) = (names(address(12)), names(address(16)));
    let _ = write!(
        text,
        "IP: len {total} {src}->{dst} ihl {header_len} ttl {}",
        octet(8)
    );
    if octet(1) != 0 {
        let _ = write!(text, " tos {}", octet(1));
    }
    let word = u16_at(6);
    let (offset, more) = (usize::from(word & 0x1fff) * 8, word & 0x2000 != 0);
    if offset > 0 || more {
        let _ = write!(text, " id {} offs {offset}", u16_at(4));
    }
    for (bit, name) in [(0x4000, " DF"), (0x2000, " MF"), (0x8000, " CE")] {
        if word & bit != 0 {
            *text += name;
        }
    }
    let end = total.clamp(header_len, octets.len().max(header_len));
    let payload = octets.get(header_len..end).unwrap_or_default();
    if offset > 0 {
        text.push('\n');
        return payload;
    }
    let number = octet(9);
    match number {
        protocol::TCP => *text += " prot TCP\n",
        protocol::UDP => *text += " prot UDP\n",
        protocol::ICMP => *text += " prot ICMP\n",
        IPIP | IPIP_OLD => *text += " prot IP\n",
        other => {
            let _ = writeln!(text, " prot {other}");
        }
    }
    // The checksum of a part of a datagram says nothing.
    let whole = !more && !quoted && payload.len() + header_len == total;
    let pseudo = whole.then(|| {
        Sum::new()
            .octets(header.get(12..20).unwrap_or_default())
            .u16(number.into())
            .u16(payload.len() as u16)
    });
    match number {
        protocol::TCP => tcp(text, payload, pseudo),
        protocol::UDP => udp(text, payload, pseudo, names),
        protocol::ICMP => icmp(text, payload, whole, names, deep),
        IPIP | IPIP_OLD if deep > 0 => datagram(text, payload, names, deep - 1, quoted),
        _ => payload,
    }
}

fn checksum_error(text: &mut String, sum: Option<Sum>) {
    if let Some(sum) = sum.filter(|sum| !sum.is_valid()) {
        let _ = write!(text, " CHECKSUM ERROR ({})", sum.checksum());
    }
}

fn tcp<'p>(text: &mut String, octets: &'p [u8], pseudo: Option<Sum>) -> &'p [u8] {
    let Ok(segment) = Tcp::parse(octets) else {
        if let Some([a, b, c, d, e, f, g, h]) = octets.first_chunk::<8>().copied() {
            let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let _ = writeln!(
                text,
                "TCP: {from}->{to} Seq x{:x}",
                u32::from_be_bytes([e, f, g, h])
            );
        } else {
            *text += "TCP: bad header\n";
        }
        return octets;
    };
    let _ = write!(
        text,
        "TCP: {}->{} Seq x{:x}",
        segment.src_port(),
        segment.dst_port(),
        segment.seq()
    );
    let flags = segment.flags();
    if flags.contains(TcpFlags::ACK) {
        let _ = write!(text, " Ack x{:x}", segment.ack());
    }
    for (flag, name) in [
        (TcpFlags::ECE, " CE"),
        (TcpFlags::URG, " URG"),
        (TcpFlags::ACK, " ACK"),
        (TcpFlags::PSH, " PSH"),
        (TcpFlags::RST, " RST"),
        (TcpFlags::SYN, " SYN"),
        (TcpFlags::FIN, " FIN"),
    ] {
        if flags.contains(flag) {
            *text += name;
        }
    }
    let _ = write!(text, " Wnd {}", segment.window());
    if flags.contains(TcpFlags::URG) {
        let _ = write!(text, " UP x{:x}", segment.urgent());
    }
    let mut options = segment.options();
    while let Some(&code) = options.first() {
        let length = match code {
            0 => break,
            1 => 1,
            _ => usize::from(options.get(1).copied().unwrap_or_default()).max(2),
        };
        let (Some(option), Some(rest)) = (options.get(..length), options.get(length..)) else {
            break;
        };
        options = rest;
        let _ = match *option {
            [2, 4, high, low] => write!(text, " MSS {}", u16::from_be_bytes([high, low])),
            [3, 3, shift] => write!(text, " WSCALE {shift}"),
            [8, 10, a, b, c, d, e, f, g, h] => {
                let (value, echo) = (
                    u32::from_be_bytes([a, b, c, d]),
                    u32::from_be_bytes([e, f, g, h]),
                );
                write!(text, " TSTAMP {value} TSECHO {echo}")
            }
            _ => Ok(()),
        };
    }
    let data = segment.payload();
    if !data.is_empty() {
        let _ = write!(text, " Data {}", data.len());
    }
    checksum_error(text, pseudo.map(|pseudo| pseudo.octets(octets)));
    text.push('\n');
    data
}

fn udp<'p>(text: &mut String, octets: &'p [u8], pseudo: Option<Sum>, names: Names<'_>) -> &'p [u8] {
    let Some([a, b, c, d, e, f, g, h]) = octets.first_chunk::<{ Udp::HEADER }>().copied() else {
        *text += "UDP: bad header\n";
        return octets;
    };
    let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let len = u16::from_be_bytes([e, f]);
    let data = octets.get(Udp::HEADER..).unwrap_or_default();
    let _ = write!(text, "UDP: len {len} {from}->{to}");
    if usize::from(len) > Udp::HEADER {
        let _ = write!(text, " Data {}", usize::from(len) - Udp::HEADER);
    }
    if (g, h) != (0, 0) {
        checksum_error(text, pseudo.map(|pseudo| pseudo.octets(octets)));
    }
    text.push('\n');
    if to == rip::PORT {
        return rip_message(text, data, names);
    }
    data
}

fn rip_message<'p>(text: &mut String, octets: &'p [u8], names: Names<'_>) -> &'p [u8] {
    let Ok(message) = rip::Message::parse(octets) else {
        *text += "RIP: bad message\n";
        return octets;
    };
    *text += "RIP: ";
    match message.command() {
        Command::Request => *text += "REQUEST",
        Command::Response => *text += "RESPONSE",
        Command::Unknown(code) => {
            let _ = write!(text, " cmd {code}");
        }
    }
    let entries: Vec<_> = message.entries().collect();
    let _ = writeln!(
        text,
        " vers {} entries {}:",
        message.version(),
        entries.len()
    );
    let shown: Vec<_> = entries
        .iter()
        .filter(|entry| entry.family == FAMILY_IPV4)
        .collect();
    for line in shown.chunks(3) {
        for entry in line {
            let _ = write!(text, "{:<16}{:<3} ", names(entry.address), entry.metric);
        }
        text.push('\n');
    }
    &[]
}

fn icmp<'p>(
    text: &mut String,
    octets: &'p [u8],
    whole: bool,
    names: Names<'_>,
    deep: u8,
) -> &'p [u8] {
    let Ok(message) = Icmp::parse(octets) else {
        *text += "ICMP: bad header\n";
        return octets;
    };
    let (number, code) = (message.kind(), message.code());
    let name = type_name(number).map_or_else(|| number.to_string(), str::to_owned);
    let _ = write!(text, "ICMP: type {name}");
    let [a, b, c, d] = message.rest_of_header();
    let is_error = matches!(
        number,
        kind::UNREACHABLE
            | kind::SOURCE_QUENCH
            | kind::REDIRECT
            | kind::TIME_EXCEEDED
            | kind::PARAMETER_PROBLEM
    );
    match number {
        kind::UNREACHABLE | kind::TIME_EXCEEDED | kind::REDIRECT => {
            let name = code_name(number, code).map_or_else(|| code.to_string(), str::to_owned);
            let _ = write!(text, " code {name}");
        }
        _ if code != 0 => {
            let _ = write!(text, " code {code}");
        }
        _ => {}
    }
    match number {
        kind::REDIRECT => {
            let _ = write!(text, " new gateway {}", names(Ipv4Addr::new(a, b, c, d)));
        }
        kind::PARAMETER_PROBLEM => {
            let _ = write!(text, " pointer {a}");
        }
        kind::ECHO | kind::ECHO_REPLY | kind::TIMESTAMP..=kind::MASK_REPLY => {
            let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let _ = write!(text, " id {id} seq {seq}");
        }
        _ => {}
    }
    checksum_error(text, whole.then(|| Sum::new().octets(octets)));
    text.push('\n');
    let payload = message.payload();
    if is_error && !payload.is_empty() && deep > 0 {
        *text += "Returned ";
        return datagram(text, payload, names, deep - 1, true);
    }
    payload
}

/// Writes the lines of an ARP packet; what is behind it.
pub fn arp<'p>(text: &mut String, octets: &'p [u8], names: Names<'_>) -> &'p [u8] {
    let Ok(packet) = Packet::new_checked(octets) else {
        let _ = writeln!(text, "ARP: len {} bad packet", octets.len());
        return octets;
    };
    let hardware = packet.hardware_type();
    let known = Hardware::from_number(hardware);
    let _ = write!(text, "ARP: len {} hwtype ", octets.len());
    match known {
        Some(known) => *text += known.name(),
        None => {
            let _ = write!(text, "{hardware} hwlen {}", packet.hardware_len());
        }
    }
    let is_ip = known.is_some_and(|known| known.protocol() == packet.protocol_type());
    if is_ip {
        *text += " prot IP";
    } else {
        let _ = write!(
            text,
            " prot 0x{:x} prlen {}",
            packet.protocol_type(),
            packet.protocol_len()
        );
    }
    *text += " op ";
    match packet.operation() {
        Operation::Request => *text += "REQUEST",
        Operation::Reply => *text += "REPLY",
        Operation::ReverseRequest => *text += "REVERSE REQUEST",
        Operation::ReverseReply => *text += "REVERSE REPLY",
        other => {
            let _ = write!(text, "{}", u16::from(other));
        }
    }
    text.push('\n');
    for (who, link, address) in [
        ("sender", packet.sender_hardware(), packet.sender_protocol()),
        ("target", packet.target_hardware(), packet.target_protocol()),
    ] {
        *text += who;
        if let (true, Ok(address)) = (is_ip, <[u8; 4]>::try_from(address)) {
            let _ = write!(text, " IPaddr {}", names(address.into()));
        }
        *text += " hwaddr ";
        match LinkAddress::new(link) {
            Some(link) if known.is_some_and(|known| known.address_len() == link.octets().len()) => {
                let _ = write!(text, "{link}");
            }
            _ => {
                for octet in link {
                    let _ = write!(text, "{octet:02x}");
                }
            }
        }
        text.push('\n');
    }
    octets
        .get(8 + 2 * usize::from(packet.hardware_len()) + 2 * usize::from(packet.protocol_len())..)
        .unwrap_or_default()
}

/// Writes the lines of a packet of a serial line, whose header may be compressed (RFC 1144); what is behind
/// the headers.
pub fn serial<'p>(text: &mut String, octets: &'p [u8], names: Names<'_>) -> &'p [u8] {
    let len = octets.len();
    match octets.first() {
        Some(first) if *first & 0x80 != 0 => {
            let _ = writeln!(text, "serial line VJ Compressed TCP: len {len:3}");
            compressed(text, octets);
            vj::Header::parse(octets).map_or(&[], |(_, data)| data)
        }
        Some(first) if *first >= 0x70 => {
            let slot = octets.get(9).copied().unwrap_or_default();
            let _ = writeln!(
                text,
                "serial line VJ Uncompressed TCP: len {len:3}\n\tconnection ID = {slot}"
            );
            let mut datagram = octets.to_vec();
            for (at, octet) in [(0, *first & 0x0f | 0x40), (9, protocol::TCP)] {
                if let Some(place) = datagram.get_mut(at) {
                    *place = octet;
                }
            }
            let data = ip(text, &datagram, names).len();
            octets.get(len - data.min(len)..).unwrap_or_default()
        }
        _ => {
            let _ = writeln!(text, "serial line IP: len: {len:3}");
            ip(text, octets, names)
        }
    }
}

/// Writes what a compressed header says.
fn compressed(text: &mut String, octets: &[u8]) {
    let mut rest = octets.iter().copied();
    let changes = rest.next().unwrap_or_default();
    let _ = write!(text, "\tchanges: 0x{changes:02x}");
    if changes & 0x40 != 0 {
        let _ = write!(
            text,
            "   connection: 0x{:02x}",
            rest.next().unwrap_or_default()
        );
    }
    let checksum = u16::from_be_bytes([
        rest.next().unwrap_or_default(),
        rest.next().unwrap_or_default(),
    ]);
    let _ = write!(text, "   TCP checksum: 0x{checksum:04x}");
    *text += if changes & 0x10 != 0 {
        "   PUSH\n"
    } else {
        "\n"
    };
    let mut delta = || match rest.next() {
        Some(0) => u16::from_be_bytes([
            rest.next().unwrap_or_default(),
            rest.next().unwrap_or_default(),
        ]),
        other => other.unwrap_or_default().into(),
    };
    match changes & 0x0f {
        0x0b => *text += "\tdelta ACK and delta SEQ implied by length of data\n",
        0x0f => *text += "\tdelta SEQ implied by length of data\n",
        bits => {
            for (bit, name) in [
                (1, "Urgent pointer"),
                (2, "delta WINDOW"),
                (4, "delta ACK"),
                (8, "delta SEQ"),
            ] {
                if bits & bit != 0 {
                    let _ = write!(text, "\t{name}: 0x{:02x}", delta());
                }
            }
            if bits != 0 {
                text.push('\n');
            }
        }
    }
    if changes & 0x20 != 0 {
        let _ = writeln!(text, "\tdelta ID: 0x{:02x}", delta());
    } else {
        *text += "\tincrement ID\n";
    }
}
