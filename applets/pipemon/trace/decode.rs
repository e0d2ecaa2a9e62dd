//! What a captured frame says, for people. Total: any octets decode to something.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::ops::Range;

use wanbox_wire::arp;
use wanbox_wire::cisco_hdlc::{
    Frame as CiscoFrame, Protocol as CiscoType, Slarp, SlarpMessage, SlarpRepr,
};
use wanbox_wire::frame_relay::{Address, Frame, Payload, Protocol as FrType, Style};
use wanbox_wire::ip::{Icmp, IcmpEcho, Ip, Tcp, TcpFlags, Udp, protocol};
use wanbox_wire::lapb::Modulo;
use wanbox_wire::lmi::{Dialect, Message, MessageType, ReportType};

use crate::monitor::Monitor;

/// A frame taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded<'f> {
    /// The lines of the originals' interpreted trace, with their newlines.
    pub detail: String,
    /// The same in one line.
    pub summary: String,
    /// The DLCI of a Frame Relay frame.
    pub dlci: Option<u16>,
    /// The logical channel of an X.25 packet.
    pub lcn: Option<u16>,
    /// It is a data packet of X.25.
    pub data: bool,
    /// What a packet of X.25 carries from one user to the other: the end of the frame.
    pub user: Option<&'f [u8]>,
    /// The protocol of a PPP frame.
    pub ppp: Option<u16>,
    /// Where in the frame there are octets that interpreted traces do not show.
    pub secret: Range<usize>,
    /// The IP packet in it.
    pub ip: Option<&'f [u8]>,
    /// The Ethernet frame in it.
    pub ethernet: Option<&'f [u8]>,
}

/// Takes a frame (without its FCS) of this monitor's links apart. LAPB frames are of this modulo.
pub fn decode(monitor: Monitor, modulo: Modulo, frame: &[u8]) -> Decoded<'_> {
    let mut decoded = Decoded::default();
    match monitor {
        Monitor::FrameRelay => frame_relay(frame, &mut decoded),
        Monitor::CiscoHdlc => cisco_hdlc(frame, &mut decoded),
        Monitor::Ppp | Monitor::MultiPpp => super::ppp::decode(frame, &mut decoded),
        Monitor::X25 => super::x25::decode(modulo, frame, &mut decoded),
    }
    decoded
}

impl<'f> Decoded<'f> {
    /// Adds a line of the interpreted trace.
    pub fn line(&mut self, line: &str) {
        self.detail.push_str(line);
        self.detail.push('\n');
    }

    /// Says that the frame carries this IP packet.
    pub fn carries(&mut self, packet: &'f [u8]) {
        self.ip = Some(packet);
        self.summary.push_str(&ip_summary(packet));
    }
}

fn bit(set: bool) -> u8 {
    set.into()
}

fn frame_relay<'f>(octets: &'f [u8], decoded: &mut Decoded<'f>) {
    let frame = match Frame::parse(octets) {
        Ok(frame) => frame,
        Err(error) => {
            decoded.line(&format!("FR decode\t{error}"));
            decoded.summary = format!("FR {error}");
            return;
        }
    };
    let Address {
        dlci,
        command_response,
        fecn,
        becn,
        discard_eligible,
    } = frame.address;
    decoded.dlci = Some(dlci);
    decoded.line(&format!(
        "FR decode\tDLCI={dlci} C/R={} EA=0 FECN={} BECN={} DE={} EA=1",
        bit(command_response),
        bit(fecn),
        bit(becn),
        bit(discard_eligible),
    ));
    decoded.summary = format!("FR {} ", frame.address);
    match dlci {
        0 | 1023 => signalling(&frame, decoded),
        _ => information(&frame, decoded),
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::AnnexD => "ANSI",
        Dialect::AnnexA => "Q.933",
        Dialect::GangOfFour => "LMI",
    }
}

fn signalling(frame: &Frame<'_>, decoded: &mut Decoded<'_>) {
    let message = match Message::parse(frame) {
        Ok(message) => message,
        Err(error) => {
            decoded.line(&format!("\t\tSignalling {error}"));
            let _ = write!(decoded.summary, "signalling: {error}");
            return;
        }
    };
    let repr = message.repr;
    let name = dialect_name(repr.dialect);
    let report = match repr.report {
        ReportType::FullStatus => "Full Status",
        ReportType::LinkIntegrity => "Link Verification",
        ReportType::SinglePvc => "Single PVC Status",
        ReportType::FullStatusContinued => "Full Status Continued",
    };
    let way = match repr.message_type {
        MessageType::StatusEnquiry => "Req",
        MessageType::Status => "Reply",
    };
    decoded.line(&format!("\t\tSignalling {name}"));
    let mut line = format!("\t\t{report} {way}");
    let _ = write!(decoded.summary, "{name} {report} {way}");
    if let Some(keepalive) = repr.keepalive {
        let (send, receive) = (keepalive.send, keepalive.receive);
        let _ = write!(line, "\tSx=0x{send:02X}  Rx=0x{receive:02X}  ");
        let _ = write!(decoded.summary, ", Sx {send} Rx {receive}");
    }
    decoded.line(&line);
    for pvc in message.pvcs() {
        let age = if pvc.new { "New" } else { "Present" };
        let state = match (pvc.deleted, pvc.active) {
            (true, _) => "Deleted",
            (false, true) => "Active",
            (false, false) => "Inactive",
        };
        decoded.line(&format!("\t\tDLCI={} {age}, {state} ", pvc.dlci));
        let _ = write!(decoded.summary, ", DLCI {} {age} {state}", pvc.dlci);
    }
    if message.bad_elements() != 0 {
        let note = format!("{} malformed elements", message.bad_elements());
        decoded.line(&format!("\t\t{note}"));
        let _ = write!(decoded.summary, ", {note}");
    }
}

fn information<'f>(frame: &Frame<'f>, decoded: &mut Decoded<'f>) {
    let dlci = frame.address.dlci;
    let payload = match Payload::parse(frame.information) {
        Ok(payload) => payload,
        Err(error) => {
            decoded.line(&format!("\t\tUnknown frame type on on DLCI {dlci}"));
            let _ = write!(decoded.summary, "{error}");
            return;
        }
    };
    match payload.protocol {
        FrType::Arp => address_resolution(dlci, payload.data, decoded),
        _ => decoded.line(match payload.style {
            Style::Ietf => "\t\tIETF encapsulated data packet.",
            Style::Cisco => "\t\tCisco encapsulated data packet.",
        }),
    }
    match payload.protocol {
        FrType::Arp => {}
        FrType::Ipv4 | FrType::Ipv6 => decoded.carries(payload.data),
        FrType::Ethernet | FrType::EthernetWithFcs => {
            decoded.ethernet = Some(payload.data);
            decoded.summary.push_str(&ethernet_summary(payload.data));
        }
    }
}

fn address_resolution(dlci: u16, octets: &[u8], decoded: &mut Decoded<'_>) {
    let repr = match arp::Packet::new_checked(octets).and_then(|p| arp::Repr::parse(&p)) {
        Ok(repr) => repr,
        Err(error) => {
            decoded.line(&format!("\t\tARP on DLCI {dlci}: {error}"));
            let _ = write!(decoded.summary, "ARP: {error}");
            return;
        }
    };
    let name = match repr.operation {
        arp::Operation::InverseRequest => "Inverse Arp Request",
        arp::Operation::InverseReply => "Inverse Arp Reply",
        arp::Operation::Request => "Arp Request",
        arp::Operation::Reply => "Arp Reply",
        arp::Operation::ReverseRequest
        | arp::Operation::ReverseReply
        | arp::Operation::Unknown(_) => "Arp of an unknown operation",
    };
    decoded.line(&format!("\t\t{name} on DLCI {dlci}"));
    let _ = write!(decoded.summary, "{name}, sender {}", repr.sender);
    if repr.target != Ipv4Addr::UNSPECIFIED {
        let _ = write!(decoded.summary, ", target {}", repr.target);
    }
}

fn cisco_hdlc<'f>(octets: &'f [u8], decoded: &mut Decoded<'f>) {
    let frame = match CiscoFrame::parse(octets) {
        Ok(frame) => frame,
        Err(error) => {
            decoded.line(&format!("CHDLC decode\t{error}"));
            decoded.summary = format!("CHDLC {error}");
            return;
        }
    };
    decoded.summary = String::from("CHDLC ");
    match frame.protocol() {
        CiscoType::Ipv4 => {
            decoded.line("CHDLC decode\tCISCO Packet IP-v4");
            decoded.carries(frame.payload());
        }
        CiscoType::Ipv6 => {
            decoded.line("CHDLC decode\tCISCO Packet IP-v6");
            decoded.carries(frame.payload());
        }
        CiscoType::Slarp => slarp(frame.payload(), decoded),
        CiscoType::Cdp => {
            decoded.line("CHDLC decode\tCisco Discover Protocol packet");
            decoded.summary.push_str("Cisco Discovery Protocol");
        }
        other => {
            decoded.line("CHDLC decode\tUnknown Cisco packet");
            let _ = write!(decoded.summary, "{other}");
        }
    }
}

fn slarp(octets: &[u8], decoded: &mut Decoded<'_>) {
    let repr = match Slarp::parse(octets).and_then(|s| SlarpRepr::parse(&s)) {
        Ok(repr) => repr,
        Err(error) => {
            decoded.line(&format!("CHDLC decode\t{error}"));
            let _ = write!(decoded.summary, "{error}");
            return;
        }
    };
    let _ = write!(decoded.summary, "{repr}");
    match repr.message {
        SlarpMessage::Request { .. } => decoded.line("CHDLC decode\tSLARP Request packet"),
        SlarpMessage::Reply { address, mask } => {
            decoded.line("CHDLC decode\tSLARP Reply packet");
            decoded.line(&format!("\t\tIP Address: {address}"));
            decoded.line(&format!("\t\tNetmask: {mask}"));
        }
        SlarpMessage::Keepalive {
            sequence,
            last_received,
        } => {
            decoded.line("CHDLC decode\tSLARP Keepalive packet");
            decoded.line(&format!(
                "\t\tLocal Seq: {sequence}\tRemote Seq: {last_received}\tReliability: \
                 0x{:04X}\tTime Alive: {} ms",
                repr.reliability, repr.uptime_ms
            ));
        }
    }
}

fn ethernet_summary(octets: &[u8]) -> String {
    let Some((&[a, b, c, d, e, f, g, h, i, j, k, l, t1, t2], _)) = octets.split_first_chunk()
    else {
        return format!("Ethernet cut to {} octets", octets.len());
    };
    format!(
        "Ethernet {g:02x}:{h:02x}:{i:02x}:{j:02x}:{k:02x}:{l:02x} > \
         {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x} type {t1:02x}{t2:02x}"
    )
}

/// Addresses, transport protocol, ports or type of an IP packet, in a line.
fn ip_summary(octets: &[u8]) -> String {
    let ip = match Ip::parse(octets) {
        Ok(ip) => ip,
        Err(error) => return format!("IP: {error}"),
    };
    let (mut text, next) = match ip {
        Ip::V4(ip) => (format!("IPv4 {} > {}", ip.src(), ip.dst()), ip.protocol()),
        Ip::V6(ip) => (
            format!("IPv6 {} > {}", ip.src(), ip.dst()),
            ip.next_header(),
        ),
    };
    match ip.transport() {
        Some((number, payload)) => {
            text.push(' ');
            text.push_str(&transport_summary(number, payload));
        }
        None => {
            let _ = write!(text, " protocol {next}, fragment");
        }
    }
    let _ = write!(text, ", {} octets", ip.octets().len());
    text
}

fn transport_summary(number: u8, payload: &[u8]) -> String {
    match number {
        protocol::ICMP | protocol::ICMPV6 => {
            let name = if number == protocol::ICMP {
                "ICMP"
            } else {
                "ICMPv6"
            };
            match Icmp::parse(payload) {
                Ok(icmp) => match IcmpEcho::parse(&icmp) {
                    Ok(echo) => {
                        let way = if matches!(echo.kind, 8 | 128) {
                            "request"
                        } else {
                            "reply"
                        };
                        format!("{name} echo {way} id {} seq {}", echo.ident, echo.sequence)
                    }
                    Err(_) => format!("{name} type {} code {}", icmp.kind(), icmp.code()),
                },
                Err(error) => format!("{name}: {error}"),
            }
        }
        protocol::TCP => match Tcp::parse(payload) {
            Ok(tcp) => {
                let flags: String = [
                    (TcpFlags::SYN, 'S'),
                    (TcpFlags::FIN, 'F'),
                    (TcpFlags::RST, 'R'),
                    (TcpFlags::PSH, 'P'),
                    (TcpFlags::ACK, 'A'),
                ]
                .into_iter()
                .filter(|&(flag, _)| tcp.flags().contains(flag))
                .map(|(_, letter)| letter)
                .collect();
                format!(
                    "TCP {} > {} [{flags}] seq {} ack {}",
                    tcp.src_port(),
                    tcp.dst_port(),
                    tcp.seq(),
                    tcp.ack()
                )
            }
            Err(error) => format!("TCP: {error}"),
        },
        protocol::UDP => match Udp::parse(payload) {
            Ok(udp) => format!("UDP {} > {}", udp.src_port(), udp.dst_port()),
            Err(error) => format!("UDP: {error}"),
        },
        other => format!("protocol {other}"),
    }
}

/// The lines that `ti4` adds for an IP packet; none for what is no IP packet.
pub fn ip_detail(octets: &[u8]) -> String {
    let Ok(Ip::V4(ip)) = Ip::parse(octets) else {
        return match Ip::parse(octets) {
            Ok(_) => format!("IP-v6 decode\t{}\n", ip_summary(octets)),
            Err(error) => format!("IP decode\t{error}\n"),
        };
    };
    let header = if ip.checksum_is_valid() { "ok" } else { "BAD" };
    let mut text = format!(
        "IP-v4 decode\tSrc={} Dst={} TTL={} TOS=0x{:02X} Id={} Len={} Checksum={header}\n",
        ip.src(),
        ip.dst(),
        ip.ttl(),
        ip.tos(),
        ip.ident(),
        ip.octets().len(),
    );
    if ip.is_fragment() {
        let _ = writeln!(
            text,
            "\t\tFragment Offset={} More={}",
            ip.fragment_offset(),
            bit(ip.more_fragments())
        );
    }
    if let Some((number, payload)) = Ip::V4(ip).transport() {
        let _ = writeln!(text, "\t\t{}", transport_summary(number, payload));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wanbox_sim::hex;

    fn fr(text: &str) -> (String, String) {
        let octets = hex(text);
        let decoded = decode(Monitor::FrameRelay, Modulo::Eight, &octets);
        (decoded.detail, decoded.summary)
    }

    #[test]
    fn signalling_of_every_dialect() {
        let (detail, summary) = fr("00 01 03 08 00 75 95 01 01 01 03 02 08 01");
        assert_eq!(
            detail,
            "FR decode\tDLCI=0 C/R=0 EA=0 FECN=0 BECN=0 DE=0 EA=1\n\
             \t\tSignalling ANSI\n\t\tLink Verification Req\tSx=0x08  Rx=0x01  \n"
        );
        assert_eq!(summary, "FR DLCI 0 ANSI Link Verification Req, Sx 8 Rx 1");
        let (detail, summary) =
            fr("00 01 03 08 00 7D 51 01 00 53 02 01 01 57 03 01 80 82 57 03 01 88 88");
        assert!(detail.ends_with(
            "\t\tSignalling Q.933\n\t\tFull Status Reply\tSx=0x01  Rx=0x01  \n\
             \t\tDLCI=16 Present, Active \n\t\tDLCI=17 New, Inactive \n"
        ));
        assert!(summary.ends_with("DLCI 16 Present Active, DLCI 17 New Inactive"));
        let (detail, _) = fr(
            "FC F1 03 09 00 7D 01 01 00 03 02 07 07 07 06 00 10 02 00 00 00 07 06 00 12 02 00 00 00",
        );
        assert!(detail.contains("DLCI=1023"));
        assert!(detail.contains("Signalling LMI\n\t\tFull Status Reply\tSx=0x07  Rx=0x07  \n"));
        assert!(detail.ends_with("DLCI=18 Present, Active \n"));
    }

    #[test]
    fn data_frames() {
        let (detail, summary) = fr(
            "04 01 03 CC 45 00 00 1C 00 01 00 00 40 01 E6 DA C9 01 01 01 C9 01 01 02 \
             08 00 E5 CA 12 34 00 01",
        );
        assert!(detail.ends_with("\t\tIETF encapsulated data packet.\n"));
        assert_eq!(
            summary,
            "FR DLCI 16 IPv4 201.1.1.1 > 201.1.1.2 ICMP echo request id 4660 seq 1, 28 octets"
        );
        let (detail, summary) = fr(
            "04 01 03 00 80 00 00 00 08 06 00 0F 08 00 02 04 00 08 00 00 C9 01 01 01 \
             00 00 00 00 00 00",
        );
        assert!(detail.ends_with("\t\tInverse Arp Request on DLCI 16\n"));
        assert_eq!(summary, "FR DLCI 16 Inverse Arp Request, sender 201.1.1.1");
        let (detail, _) = fr("04 0F 08 00 45 00");
        assert!(detail.starts_with(
            "FR decode\tDLCI=16 C/R=0 EA=0 FECN=1 BECN=1 DE=1 EA=1\n\t\tCisco encapsulated"
        ));
        let (detail, summary) = fr("04 01 03 42");
        assert!(detail.ends_with("\t\tUnknown frame type on on DLCI 16\n"));
        assert!(summary.contains("NLPID 0x42"));
    }

    #[test]
    fn cisco_frames() {
        let of = |text: &str| {
            let octets = hex(text);
            let decoded = decode(Monitor::CiscoHdlc, Modulo::Eight, &octets);
            (decoded.detail, decoded.summary)
        };
        let (detail, summary) =
            of("8F 00 80 35 00 00 00 02 00 00 00 05 00 00 00 04 FF FF 00 01 86 A0");
        assert_eq!(
            detail,
            "CHDLC decode\tSLARP Keepalive packet\n\t\tLocal Seq: 5\tRemote Seq: 4\t\
             Reliability: 0xFFFF\tTime Alive: 100000 ms\n"
        );
        assert_eq!(
            summary,
            "CHDLC SLARP keepalive, sequence 5, last received 4, up 100000 ms"
        );
        let (detail, _) = of("8F 00 80 35 00 00 00 01 C9 01 01 01 FF FF FF 00 FF FF 00 00 03 E8");
        assert!(detail.contains("IP Address: 201.1.1.1\n\t\tNetmask: 255.255.255.0\n"));
        assert!(of("0F 00 20 00 01 B4").0.contains("Discover"));
        assert!(of("0F 00 12 34 01 B4").0.contains("Unknown Cisco packet"));
        assert!(of("0F").1.starts_with("CHDLC "));
    }
}
