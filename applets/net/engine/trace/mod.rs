//! Packets as text: headers protocol by protocol, then dumps.
//!
//! | to change | open |
//! |---|---|
//! | the line of a header | `decode.rs`; of packet radio `radio.rs` |
//! | what surrounds it, dumps | this file |

mod decode;
mod radio;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write as _;

use wanbox_link::offload::complete;
use wanbox_wire::ip::VirtioHeader;
use wanbox_wire::kiss::Check;
use wanbox_wire::lapb::Modulo;

use crate::interface::TraceFlags;
use crate::show::Names;

pub use decode::{arp, ip, serial};
pub use radio::{ax25, command, flexnet, kiss, likely_modulo, netrom};

/// A packet as it is shown: with the checksum that its sender left to the device.
#[must_use]
pub fn finished<'p>(offload: &VirtioHeader, packet: &'p [u8]) -> Cow<'p, [u8]> {
    if !offload.needs_checksum() {
        return Cow::Borrowed(packet);
    }
    let mut copy = packet.to_vec();
    match complete(offload, &mut copy) {
        Ok(()) => Cow::Owned(copy),
        Err(_) => Cow::Borrowed(packet),
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Out.
    Sent,
    /// In.
    Received,
}

impl Way {
    /// Whether the flags ask for packets of this way.
    #[must_use]
    pub fn is_traced(self, flags: TraceFlags) -> bool {
        flags.has(match self {
            Self::Sent => TraceFlags::OUTPUT,
            Self::Received => TraceFlags::INPUT,
        })
    }
}

/// What a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A datagram.
    Ip,
    /// An ARP packet.
    Arp,
    /// A packet of a serial line, whose header may be compressed (RFC 1144).
    Serial,
    /// A frame of AX.25 without FCS, and how its connection is counted, if that is known.
    Ax25(Option<Modulo>),
    /// The same in a data frame of KISS, with this check sequence.
    Kiss(Check, Option<Modulo>),
    /// A command of KISS, from its type on.
    Command,
}

/// A packet as it is traced: a title with the time, lines of its headers, and the dump that the flags ask for.
/// `time` is the present as people read it.
#[must_use]
pub fn packet(
    interface: &str,
    way: Way,
    flags: TraceFlags,
    time: &str,
    link: Link,
    octets: &[u8],
    names: Names<'_>,
) -> String {
    let verb = match way {
        Way::Sent => "sent",
        Way::Received => "recv",
    };
    let mut text = format!("\n{time} - {interface} {verb}:\n");
    if octets.is_empty() {
        return text + "empty packet!!\n";
    }
    let rest = match link {
        Link::Ip => ip(&mut text, octets, names),
        Link::Arp => arp(&mut text, octets, names),
        Link::Serial => serial(&mut text, octets, names),
        Link::Ax25(modulo) => ax25(&mut text, modulo, octets, names),
        Link::Kiss(check, modulo) => kiss(&mut text, check, modulo, octets, names),
        Link::Command => command(&mut text, octets),
    };
    if flags.has(TraceFlags::HEX) {
        text += &hex_dump(octets);
    } else if flags.has(TraceFlags::ASCII) {
        text += &ascii_dump(rest);
    }
    text
}

/// A packet without interpretation.
#[must_use]
pub fn raw(way: Way, octets: &[u8]) -> String {
    let word = match way {
        Way::Sent => "send",
        Way::Received => "recv",
    };
    format!(
        "\n******* raw packet dump ({word})\n{}*******\n",
        hex_dump(octets)
    )
}

/// An octet as a character: what is not printable is a dot, so that nothing that came over a line reaches
/// the terminal as a command.
fn printable(octet: u8) -> char {
    if octet.is_ascii_graphic() || octet == b' ' {
        octet.into()
    } else {
        '.'
    }
}

/// Octets as text, 64 in a line.
#[must_use]
pub fn ascii_dump(octets: &[u8]) -> String {
    let mut text = String::new();
    for (at, line) in octets.chunks(64).enumerate() {
        let _ = write!(text, "{:04x}  ", at * 64);
        text.extend(line.iter().copied().map(printable));
        text.push('\n');
    }
    text
}

/// Octets in hexadecimal and as text, 16 in a line.
#[must_use]
pub fn hex_dump(octets: &[u8]) -> String {
    let mut text = String::new();
    for (at, line) in octets.chunks(16).enumerate() {
        let mut shown = format!("{:04x}  ", at * 16);
        for octet in line {
            let _ = write!(shown, "{octet:02x} ");
        }
        let _ = write!(text, "{shown:<54}");
        text.extend(line.iter().copied().map(printable));
        text.push('\n');
    }
    text
}

/// Any octets as any packet: the text is bounded and has no control characters but the ends of lines. For fuzzing.
pub fn fuzz_packet_text(octets: &[u8]) {
    let flags = TraceFlags(TraceFlags::HEX);
    for link in [
        Link::Ip,
        Link::Arp,
        Link::Serial,
        Link::Ax25(None),
        Link::Ax25(Some(Modulo::OneTwentyEight)),
        Link::Kiss(Check::Smack, Some(Modulo::Eight)),
        Link::Command,
    ] {
        let text = packet(
            "tnc0",
            Way::Received,
            flags,
            "now",
            link,
            octets,
            &crate::show::plain,
        );
        assert!(
            text.chars()
                .all(|char| matches!(char, '\n' | '\t') || !char.is_control())
        );
        assert!(text.len() <= 4096 + octets.len() * 16);
    }
}
