//! What a captured PPP frame says. Passwords and answers to challenges are not shown: what could
//! be used to log in, or to guess with, is told by its place only.

use std::fmt::Write;
use std::ops::Range;

use wanbox_wire::ppp::chap::Chap;
use wanbox_wire::ppp::ipcp::IpcpOption;
use wanbox_wire::ppp::ipv6cp::Ipv6cpOption;
use wanbox_wire::ppp::lcp::LcpOption;
use wanbox_wire::ppp::multilink::{Format, Fragment};
use wanbox_wire::ppp::pap::Pap;
use wanbox_wire::ppp::{Code, Frame, HEADER, Options, Packet, Protocol, RawOption};

use super::decode::Decoded;
use crate::report::printable;

/// Packets within packets that are taken apart: multilink within PPP.
const DEPTH: u32 = 2;

/// Takes a frame (without its FCS) apart.
pub fn decode<'f>(octets: &'f [u8], decoded: &mut Decoded<'f>) {
    let frame = match Frame::parse(octets) {
        Ok(frame) => frame,
        Err(error) => {
            decoded.line(&format!("PPP decode\t{error}"));
            decoded.summary = format!("PPP {error}");
            return;
        }
    };
    decoded.ppp = Some(frame.protocol.0);
    decoded.summary = String::from("PPP ");
    let mut view = View {
        octets,
        decoded,
        depth: DEPTH,
    };
    view.packet(frame.protocol, frame.information, "PPP decode\t");
}

/// A frame and what was found out about it.
struct View<'v, 'f> {
    octets: &'f [u8],
    decoded: &'v mut Decoded<'f>,
    depth: u32,
}

impl<'f> View<'_, 'f> {
    fn say(&mut self, head: &str, text: &str) {
        self.decoded.line(&format!("{head}{text}"));
        self.decoded.summary.push_str(text);
    }

    fn more(&mut self, text: &str) {
        self.decoded.line(&format!("\t\t{text}"));
        let _ = write!(self.decoded.summary, ", {text}");
    }

    /// The octets of `part`, which lies at the end of the frame but for `behind` octets, are not
    /// to be shown.
    fn hide(&mut self, part: &[u8], behind: usize) {
        let end = self.octets.len().saturating_sub(behind);
        let start = end.saturating_sub(part.len());
        self.decoded.secret = Range { start, end };
    }

    fn packet(&mut self, protocol: Protocol, information: &'f [u8], head: &str) {
        match protocol {
            Protocol::IPV4 | Protocol::IPV6 => {
                let name = if protocol == Protocol::IPV4 {
                    "IP-v4"
                } else {
                    "IP-v6"
                };
                self.decoded.line(&format!("{head}{name} data packet"));
                self.decoded.carries(information);
            }
            Protocol::LCP | Protocol::IPCP | Protocol::IPXCP | Protocol::IPV6CP | Protocol::CCP => {
                self.control(protocol, information, head)
            }
            Protocol::PAP => self.pap(information, head),
            Protocol::CHAP => self.chap(information, head),
            Protocol::MULTILINK => self.multilink(information, head),
            Protocol::VJ_UNCOMPRESSED => {
                // The connection's number stands in the place of the protocol (RFC 1144).
                let text = match information.get(9) {
                    Some(slot) => format!("VJ uncompressed TCP/IP, connection {slot}"),
                    None => "VJ uncompressed TCP/IP, truncated".to_owned(),
                };
                self.say(head, &text);
            }
            Protocol::EAP => {
                // Whatever method: an answer may hold a password.
                self.hide(information.get(5..).unwrap_or_default(), 0);
                self.say(head, &format!("EAP, {} octets", information.len()));
            }
            other => self.say(head, &format!("{other}, {} octets", information.len())),
        }
    }

    /// LCP and the network control protocols.
    fn control(&mut self, protocol: Protocol, information: &'f [u8], head: &str) {
        let packet = match Packet::parse(information) {
            Ok(packet) => packet,
            Err(error) => return self.say(head, &format!("{protocol}: {error}")),
        };
        let code = Code::from(packet.code);
        let is_lcp = protocol == Protocol::LCP;
        let name = match code {
            _ if !is_lcp && packet.code > 7 && protocol != Protocol::CCP => None,
            code => code_name(code),
        };
        let name = name.map_or_else(|| format!("code {}", packet.code), str::to_owned);
        self.say(head, &format!("{protocol} {name} Id={}", packet.identifier));
        match code {
            Code::ConfigureRequest
            | Code::ConfigureAck
            | Code::ConfigureNak
            | Code::ConfigureReject => {
                for option in Options::new(packet.data) {
                    match option {
                        Ok(option) => self.more(&option_text(protocol, option)),
                        Err(error) => self.more(&error.to_string()),
                    }
                }
            }
            Code::EchoRequest | Code::EchoReply | Code::DiscardRequest if is_lcp => {
                match packet.data.split_first_chunk() {
                    Some((magic, rest)) => {
                        let magic = u32::from_be_bytes(*magic);
                        self.more(&format!("Magic=0x{magic:08X} Data={} octets", rest.len()));
                    }
                    None => self.more("no magic number"),
                }
            }
            Code::ProtocolReject if is_lcp => match packet.data.split_first_chunk() {
                Some((number, rest)) => {
                    let rejected = Protocol(u16::from_be_bytes(*number));
                    // A peer may send back a password that it did not ask for.
                    self.hide(
                        rest,
                        information.len().saturating_sub(HEADER + packet.data.len()),
                    );
                    self.more(&format!("Rejected={rejected}"));
                }
                None => self.more("no protocol"),
            },
            Code::CodeReject => {
                if let Some(rejected) = packet.data.first() {
                    self.more(&format!("Rejected code={rejected}"));
                }
            }
            Code::TerminateRequest | Code::TerminateAck | Code::Identification => {
                let text = match code {
                    Code::Identification => packet.data.get(4..).unwrap_or_default(),
                    _ => packet.data,
                };
                let text = printable(text);
                if !text.is_empty() {
                    self.more(&format!("\"{text}\""));
                }
            }
            _ => {}
        }
    }

    /// A packet of an authentication protocol. Of one that cannot be read nothing is shown: some
    /// of what is to be hidden may be there all the same.
    fn proof(&mut self, name: &str, information: &'f [u8], head: &str) -> Option<Packet<'f>> {
        let packet = Packet::parse(information);
        if let Err(error) = packet {
            self.hide(information.get(HEADER..).unwrap_or_default(), 0);
            self.say(head, &format!("{name}: {error}"));
        }
        packet.ok()
    }

    fn pap(&mut self, information: &'f [u8], head: &str) {
        let Some(packet) = self.proof("PAP", information, head) else {
            return;
        };
        let padding = information.len().saturating_sub(HEADER + packet.data.len());
        let id = packet.identifier;
        let (name, more) = match Pap::parse(&packet) {
            Ok(Pap::Request { peer, .. }) => {
                // The password's length too.
                let from = 1 + peer.len();
                self.hide(packet.data.get(from..).unwrap_or_default(), padding);
                let peer = printable(peer);
                (
                    "Authenticate-Request",
                    format!("Peer-ID=\"{peer}\" Password=********"),
                )
            }
            Ok(Pap::Ack { message }) => ("Authenticate-Ack", quoted(message)),
            Ok(Pap::Nak { message }) => ("Authenticate-Nak", quoted(message)),
            Err(error) => {
                self.hide(packet.data, padding);
                ("packet", error.to_string())
            }
        };
        self.say(head, &format!("PAP {name} Id={id}"));
        if !more.is_empty() {
            self.more(&more);
        }
    }

    fn chap(&mut self, information: &'f [u8], head: &str) {
        let Some(packet) = self.proof("CHAP", information, head) else {
            return;
        };
        let padding = information.len().saturating_sub(HEADER + packet.data.len());
        let id = packet.identifier;
        let (name, more) = match Chap::parse(&packet) {
            Ok(Chap::Challenge { value, name }) => {
                let (octets, name) = (value.len(), printable(name));
                (
                    "Challenge",
                    format!("Value={octets} octets Name=\"{name}\""),
                )
            }
            Ok(Chap::Response { value, name }) => {
                self.hide(value, padding + name.len());
                let name = printable(name);
                ("Response", format!("Value=******** Name=\"{name}\""))
            }
            Ok(Chap::Success { message }) => ("Success", quoted(message)),
            Ok(Chap::Failure { message }) => ("Failure", quoted(message)),
            Err(error) => {
                self.hide(packet.data, padding);
                ("packet", error.to_string())
            }
        };
        self.say(head, &format!("CHAP {name} Id={id}"));
        if !more.is_empty() {
            self.more(&more);
        }
    }

    /// Multilink (RFC 1990 section 3.1). Which of the two headers it is was agreed on when the
    /// link came up and is not in the frame: the long one, unless its reserved bits are set or
    /// only the short one leads to a protocol.
    fn multilink(&mut self, information: &'f [u8], head: &str) {
        let reserved = information.first().is_some_and(|flags| flags & 0x3F != 0);
        let read = |format| Fragment::parse(format, information).ok();
        let long = read(Format::Long).filter(|_| !reserved);
        let short = read(Format::Short);
        let is_told = |fragment: &Fragment<'_>| {
            !fragment.header.begin
                || Frame::parse(fragment.data).is_ok_and(|f| is_known(f.protocol))
        };
        let fragment = match (long, short) {
            (Some(long), Some(short)) if !is_told(&long) && is_told(&short) => short,
            (Some(fragment), _) | (None, Some(fragment)) => fragment,
            (None, None) => return self.say(head, "MP, truncated"),
        };
        let Fragment { header, data } = fragment;
        self.say(
            head,
            &format!(
                "MP B={} E={} Seq={}, {} octets",
                u8::from(header.begin),
                u8::from(header.end),
                header.sequence,
                data.len()
            ),
        );
        let Some(inner) = Frame::parse(data).ok().filter(|_| header.begin) else {
            return;
        };
        if header.end && self.depth > 0 {
            self.depth -= 1;
            self.decoded.summary.push_str(": ");
            self.packet(inner.protocol, inner.information, "\t\t");
        } else if is_known(inner.protocol) {
            self.more(&inner.protocol.to_string());
            // The beginning of a packet may hold what whole ones do not show.
            if matches!(
                inner.protocol,
                Protocol::PAP | Protocol::CHAP | Protocol::EAP
            ) {
                self.hide(inner.information, 0);
            }
        }
    }
}

fn quoted(message: &[u8]) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!("\"{}\"", printable(message))
    }
}

/// Whether a protocol is one that links carry.
fn is_known(protocol: Protocol) -> bool {
    protocol.to_string() != format!("protocol {:04x}", protocol.0)
}

fn code_name(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::ConfigureRequest => "Configure-Request",
        Code::ConfigureAck => "Configure-Ack",
        Code::ConfigureNak => "Configure-Nak",
        Code::ConfigureReject => "Configure-Reject",
        Code::TerminateRequest => "Terminate-Request",
        Code::TerminateAck => "Terminate-Ack",
        Code::CodeReject => "Code-Reject",
        Code::ProtocolReject => "Protocol-Reject",
        Code::EchoRequest => "Echo-Request",
        Code::EchoReply => "Echo-Reply",
        Code::DiscardRequest => "Discard-Request",
        Code::Identification => "Identification",
        Code::TimeRemaining => "Time-Remaining",
        Code::Other(_) => return None,
    })
}

/// An option in words.
fn option_text(protocol: Protocol, option: RawOption<'_>) -> String {
    let text = match protocol {
        Protocol::LCP => LcpOption::parse(option).map(lcp_option),
        Protocol::IPCP => IpcpOption::parse(option).map(ipcp_option),
        Protocol::IPV6CP => Ipv6cpOption::parse(option).map(|option| match option {
            Ipv6cpOption::InterfaceIdentifier(id) => format!("Interface-ID={id:016X}"),
            Ipv6cpOption::Other(option) => other_option(option),
        }),
        _ => Ok(other_option(option)),
    };
    text.unwrap_or_else(|error| error.to_string())
}

fn other_option(option: RawOption<'_>) -> String {
    format!("Option {}={}", option.kind, hexadecimal(option.data))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

fn lcp_option(option: LcpOption<'_>) -> String {
    match option {
        LcpOption::Mru(octets) => format!("MRU={octets}"),
        LcpOption::Accm(map) => format!("ACCM=0x{map:08X}"),
        LcpOption::Authentication(protocol) => format!("Authentication={protocol}"),
        LcpOption::Magic(number) => format!("Magic=0x{number:08X}"),
        LcpOption::Pfc => "PFC".to_owned(),
        LcpOption::Acfc => "ACFC".to_owned(),
        LcpOption::Mrru(octets) => format!("MRRU={octets}"),
        LcpOption::ShortSequence => "Short sequence numbers".to_owned(),
        LcpOption::Endpoint { class, address } => {
            format!("Endpoint class={class} {}", hexadecimal(address))
        }
        LcpOption::Other(option) => other_option(option),
    }
}

fn ipcp_option(option: IpcpOption<'_>) -> String {
    match option {
        IpcpOption::VanJacobson {
            max_slot,
            compress_slot,
        } => format!(
            "VJ compression Max-Slot={max_slot} Comp-Slot={}",
            u8::from(compress_slot)
        ),
        IpcpOption::Address(address) => format!("Address={address}"),
        IpcpOption::DnsPrimary(address) => format!("Primary-DNS={address}"),
        IpcpOption::DnsSecondary(address) => format!("Secondary-DNS={address}"),
        IpcpOption::Other(option) => other_option(option),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Monitor;
    use crate::trace::decode::decode;
    use wanbox_sim::hex;
    use wanbox_wire::lapb::Modulo;

    /// Detail, summary and what is hidden.
    fn of(text: &str) -> (String, String, Range<usize>) {
        let octets = hex(text);
        let decoded = decode(Monitor::Ppp, Modulo::Eight, &octets);
        (decoded.detail, decoded.summary, decoded.secret)
    }

    #[test]
    fn control_packets() {
        let (detail, summary, _) = of(
            "FF 03 C0 21 01 07 00 1C 01 04 05 DC 02 06 00 00 00 00 03 05 C2 23 05 05 06 12 34 56 78 07 02",
        );
        assert!(
            summary.starts_with("PPP LCP: control packet length"),
            "{summary}"
        );
        assert!(detail.starts_with("PPP decode\tLCP: "));
        let (detail, summary, _) = of(
            "FF 03 C0 21 01 07 00 1B 01 04 05 DC 02 06 00 0A 00 00 03 05 C2 23 05 05 06 12 34 56 78 07 02",
        );
        assert_eq!(
            detail,
            "PPP decode\tLCP Configure-Request Id=7\n\t\tMRU=1500\n\t\tACCM=0x000A0000\n\
             \t\tAuthentication=CHAP\n\t\tMagic=0x12345678\n\t\tPFC\n"
        );
        assert_eq!(
            summary,
            "PPP LCP Configure-Request Id=7, MRU=1500, ACCM=0x000A0000, Authentication=CHAP, \
             Magic=0x12345678, PFC"
        );
        // Without address and control, as both may agree on.
        let (_, summary, _) = of("80 21 03 02 00 0A 03 06 C9 01 01 02");
        assert_eq!(summary, "PPP IPCP Configure-Nak Id=2, Address=201.1.1.2");
        let (_, summary, _) = of("80 57 01 01 00 0E 01 0A 00 00 00 00 00 00 00 01");
        assert_eq!(
            summary,
            "PPP IPV6CP Configure-Request Id=1, Interface-ID=0000000000000001"
        );
        let (_, summary, _) = of("FF 03 C0 21 09 01 00 08 12 34 56 78");
        assert_eq!(
            summary,
            "PPP LCP Echo-Request Id=1, Magic=0x12345678 Data=0 octets"
        );
        let (_, summary, _) = of("FF 03 C0 21 05 01 00 07 62 79 65");
        assert_eq!(summary, "PPP LCP Terminate-Request Id=1, \"bye\"");
        let (_, summary, _) = of("FF 03 C0 21 02 01 00 07 01 04 05");
        assert!(
            summary.contains("Configure-Ack Id=1, option length"),
            "{summary}"
        );
        let (_, summary, _) = of("FF 03 80 21 09 01 00 04");
        assert_eq!(summary, "PPP IPCP code 9 Id=1");
    }

    #[test]
    fn what_could_be_used_to_log_in_is_hidden() {
        // Name "ab", password "xyz", two octets of padding.
        let (detail, summary, secret) = of("FF 03 C0 23 01 01 00 0B 02 61 62 03 78 79 7A 00 00");
        assert_eq!(secret, 11..15);
        assert_eq!(
            summary,
            "PPP PAP Authenticate-Request Id=1, Peer-ID=\"ab\" Password=********"
        );
        assert!(!detail.contains("xyz"));
        let (_, summary, secret) = of("FF 03 C0 23 03 01 00 07 02 6E 6F");
        assert_eq!(
            (summary.as_str(), secret),
            ("PPP PAP Authenticate-Nak Id=1, \"no\"", 0..0)
        );
        // Wrong lengths hide more, not less.
        let (_, _, secret) = of("FF 03 C0 23 01 01 00 0B 09 61 62 03 78 79 7A");
        assert_eq!(secret, 8..15);
        let (_, _, secret) = of("FF 03 C0 23 01 01 00 FF 02 61 62 03 78 79 7A");
        assert_eq!(secret, 8..15);

        let (_, summary, secret) = of("FF 03 C2 23 02 01 00 0B 04 11 22 33 44 6D 65");
        assert_eq!(secret, 9..13);
        assert_eq!(
            summary,
            "PPP CHAP Response Id=1, Value=******** Name=\"me\""
        );
        let (_, summary, secret) = of("FF 03 C2 23 01 01 00 0B 04 11 22 33 44 6D 65");
        assert_eq!(secret, 0..0);
        assert_eq!(
            summary,
            "PPP CHAP Challenge Id=1, Value=4 octets Name=\"me\""
        );
        let (_, summary, _) = of("FF 03 C2 23 03 01 00 06 6F 6B");
        assert_eq!(summary, "PPP CHAP Success Id=1, \"ok\"");

        // A request that comes back because nobody here speaks PAP.
        let (_, summary, secret) =
            of("FF 03 C0 21 08 05 00 11 C0 23 01 01 00 0B 02 61 62 03 78 79 7A");
        assert_eq!(
            (summary.as_str(), secret),
            ("PPP LCP Protocol-Reject Id=5, Rejected=PAP", 10..21)
        );
        // The same within a multilink packet.
        let (_, summary, secret) =
            of("FF 03 00 3D C0 00 00 07 C0 23 01 01 00 0B 02 61 62 03 78 79 7A");
        assert!(summary.ends_with("Password=********"), "{summary}");
        assert_eq!(secret, 17..21);
    }

    #[test]
    fn data_packets() {
        const IP: &str = "45 00 00 1C 00 01 00 00 40 01 E6 DA C9 01 01 01 C9 01 01 02 \
                          08 00 E5 CA 12 34 00 01";
        const SAYS: &str = "IPv4 201.1.1.1 > 201.1.1.2 ICMP echo request id 4660 seq 1, 28 octets";
        let (detail, summary, _) = of(&format!("FF 03 00 21 {IP}"));
        assert_eq!(detail, "PPP decode\tIP-v4 data packet\n");
        assert_eq!(summary, format!("PPP {SAYS}"));
        // Both fields compressed.
        assert_eq!(of(&format!("21 {IP}")).1, format!("PPP {SAYS}"));
        // A whole packet in multilink, with the long header and with the short one.
        let (detail, summary, _) = of(&format!("FF 03 00 3D C0 00 01 02 00 21 {IP}"));
        assert_eq!(
            summary,
            format!("PPP MP B=1 E=1 Seq=258, 34 octets: {SAYS}").replace("34", "30")
        );
        assert_eq!(
            detail,
            "PPP decode\tMP B=1 E=1 Seq=258, 30 octets\n\t\tIP-v4 data packet\n"
        );
        let (_, summary, _) = of(&format!("FF 03 00 3D C1 02 21 {IP}"));
        assert_eq!(
            summary,
            format!("PPP MP B=1 E=1 Seq=258, 29 octets: {SAYS}")
        );
        let (_, summary, _) = of("3D 80 00 00 03 21 45 00");
        assert_eq!(summary, "PPP MP B=1 E=0 Seq=3, 3 octets, IPv4");
        let (_, summary, _) = of("3D 00 00 00 04 01 02");
        assert_eq!(summary, "PPP MP B=0 E=0 Seq=4, 2 octets");
        let (_, summary, _) = of("2F 45 00 00 28 00 00 00 00 40 07 00 00");
        assert_eq!(summary, "PPP VJ uncompressed TCP/IP, connection 7");
        assert_eq!(of("2D 01 02").1, "PPP VJ compressed TCP/IP, 2 octets");
        assert_eq!(of("FF 03 12 35 01").1, "PPP protocol 1235, 1 octets");
        assert!(of("FF").1.starts_with("PPP "));
    }
}
