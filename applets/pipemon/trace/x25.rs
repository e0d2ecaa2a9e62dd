//! Frames of LAPB and packets of X.25, for people.

use std::fmt::Write;

use wanbox_wire::lapb::{Control, Frame, Modulo, Supervisory, Unnumbered, is_bare_packet};
use wanbox_wire::x25::facility::{Facility, FastSelect, RawFacility, Section};
use wanbox_wire::x25::protocol::Protocol;
use wanbox_wire::x25::xot::PvcSetup;
use wanbox_wire::x25::{
    Body, CallFields, Facilities, Flow, Lci, Packet, PacketRepr, cause, diagnostic,
};

use super::decode::Decoded;

/// The modulo of LAPB that a frame shows, where it does: the set-ups, the length of supervisory
/// frames, and where in an information frame there is a packet.
pub fn modulo_of(frame: &[u8]) -> Option<Modulo> {
    let &[_, control, ref rest @ ..] = frame else {
        return None;
    };
    if is_bare_packet(frame) {
        return None;
    }
    match (control & 3, control & 0xef) {
        (3, 0x2f) => Some(Modulo::Eight),
        (3, 0x6f) => Some(Modulo::OneTwentyEight),
        (3, _) => None,
        (1, _) => match rest.len() {
            0 => Some(Modulo::Eight),
            1 => Some(Modulo::OneTwentyEight),
            _ => None,
        },
        _ => {
            let basic = packet(rest).is_some();
            let extended = packet(rest.get(1..)?).is_some();
            match (basic, extended) {
                (true, false) => Some(Modulo::Eight),
                (false, true) => Some(Modulo::OneTwentyEight),
                _ => None,
            }
        }
    }
}

/// A packet of either modulo, if it is one.
fn packet(octets: &[u8]) -> Option<(Modulo, PacketRepr<'_>)> {
    let modulo = Packet::modulo_of(octets)?;
    let packet = Packet::parse(modulo, octets).ok()?;
    Some((modulo, PacketRepr::parse(&packet).ok()?))
}

/// Takes a frame apart, or a packet that came without LAPB.
pub fn decode<'f>(modulo: Modulo, octets: &'f [u8], decoded: &mut Decoded<'f>) {
    if is_bare_packet(octets) {
        return packet_level(octets, decoded);
    }
    let frame = match Frame::parse(modulo, octets) {
        Ok(frame) => frame,
        Err(error) => {
            decoded.line(&format!("\tLAPB : {error}"));
            decoded.summary = format!("LAPB {error}");
            return;
        }
    };
    let (address, field) = (frame.address(), frame.control());
    let bit = u8::from(field.poll_final());
    let control = match Control::parse(field) {
        Ok(control) => control,
        Err(error) => {
            decoded.line(&format!("\tLAPB : {address:02X} | {error}"));
            decoded.summary = format!("LAPB {address:02X} {error}");
            return;
        }
    };
    decoded.summary = format!("LAPB {address:02X} {control}");
    let text = match control {
        Control::Information { ns, nr, .. } => format!("INF Ns={ns} Nr={nr} P={bit}"),
        Control::Supervisory { kind, nr, .. } => {
            let name = match kind {
                Supervisory::Rr => "RR ",
                Supervisory::Rnr => "RNR",
                Supervisory::Rej => "REJ",
                Supervisory::Srej => "SREJ",
            };
            format!("{name} Nr={nr} PF={bit}")
        }
        Control::Unnumbered { kind, .. } => {
            let name = match kind {
                Unnumbered::Sabm => "SBM",
                Unnumbered::Sabme => "SBME",
                Unnumbered::Disc => "DSC",
                Unnumbered::Dm => "DM",
                Unnumbered::Ua => "UA",
                Unnumbered::Frmr => "FMR",
            };
            format!("{name} PF={bit}")
        }
    };
    decoded.line(&format!("\tLAPB : {address:02X} | {text}"));
    if bit == 1 {
        decoded.summary.push_str(" P/F");
    }
    if matches!(control, Control::Information { .. }) {
        decoded.summary.push_str(", ");
        packet_level(frame.information(), decoded);
    }
}

fn packet_level<'f>(octets: &'f [u8], decoded: &mut Decoded<'f>) {
    decoded.lcn = Lci::of(octets).map(Lci::get);
    if PvcSetup::is(octets)
        && let Ok(setup) = PvcSetup::parse(octets)
    {
        decoded.line(&format!(
            "\tX25  : LCN={} : PVC set-up, {}",
            setup.lci, setup.status
        ));
        let _ = write!(
            decoded.summary,
            "X.25 {} PVC set-up, {}",
            setup.lci, setup.status
        );
        return;
    }
    let modulo = Packet::modulo_of(octets).unwrap_or_default();
    let repr = Packet::parse(modulo, octets)
        .and_then(|packet| PacketRepr::parse(&packet).map(|repr| (packet, repr)));
    let (packet, repr) = match repr {
        Ok(both) => both,
        Err(fault) => {
            decoded.line(&format!("\tX25  : {}", fault.error));
            let _ = write!(decoded.summary, "{}", fault.error);
            return;
        }
    };
    let _ = write!(decoded.summary, "{repr}");
    let [first, ..] = packet.head();
    let mut line = format!(
        "\tX25  : LCN={} Q={} D={} Modulo={} : {}",
        repr.lci,
        first >> 7,
        first >> 6 & 1,
        u16::from(modulo.highest()) + 1,
        name(&repr.body),
    );
    match repr.body {
        Body::Data { marks, ps, pr, .. } => {
            let _ = write!(line, " Ps={ps} Pr={pr} M={}", u8::from(marks.m));
        }
        Body::Flow { pr, .. } => {
            let _ = write!(line, " Pr={pr}");
        }
        Body::Diagnostic { code, .. } => {
            let text = diagnostic::known(code).unwrap_or("unknown");
            let _ = write!(line, " Diag=(0x{code:02X}){text}");
        }
        body => {
            if let Some((of, cause, code)) = body.reason() {
                let (why, text) = (cause::known(of, cause), diagnostic::known(code));
                let _ = write!(
                    line,
                    " Code=(0x{cause:02X}){} : Diag=(0x{code:02X}){}",
                    why.unwrap_or("unknown"),
                    text.unwrap_or("unknown")
                );
            }
        }
    }
    decoded.line(&line);
    match repr.body {
        Body::CallRequest { fields, .. }
        | Body::CallAccepted { fields, .. }
        | Body::ClearRequest { fields, .. }
        | Body::ClearConfirmation { fields } => call(&fields, decoded),
        Body::Data { marks, data, .. } => {
            decoded.data = true;
            decoded.user = Some(data);
            // Behind an identifier where the circuit carries several protocols.
            let packet = [
                Some(data),
                data.strip_prefix(&[0xcc]),
                data.strip_prefix(&[0x8e]),
            ];
            if let Some(packet) = packet.into_iter().flatten().find(|packet| is_ip(packet))
                && !marks.q
            {
                decoded.summary.push_str(", ");
                decoded.carries(packet);
            }
        }
        Body::Interrupt(data) => decoded.user = Some(data),
        _ => {}
    }
}

/// Whether it is a whole IP packet, and nothing behind it.
fn is_ip(octets: &[u8]) -> bool {
    let length = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    match *octets {
        [0x45..=0x4f, _, high, low, ..] => octets.len() >= 20 && length(high, low) == octets.len(),
        [0x60..=0x6f, _, _, _, high, low, ..] => 40 + length(high, low) == octets.len(),
        _ => false,
    }
}

/// The name of a packet, as the originals show it in both directions.
fn name(body: &Body<'_>) -> &'static str {
    match body {
        Body::Data { .. } => "Data",
        Body::Flow { flow, .. } => match flow {
            Flow::Ready => "Rx Ready",
            Flow::NotReady => "Rx Not Ready",
            Flow::Reject => "Reject",
        },
        Body::CallRequest { .. } => "Call Request",
        Body::CallAccepted { .. } => "Call Accept",
        Body::ClearRequest { .. } => "Clear Request",
        Body::ClearConfirmation { .. } => "Clear Confirm",
        Body::Interrupt(_) => "Interrupt",
        Body::InterruptConfirmation => "Interrupt Confirm",
        Body::ResetRequest { .. } => "Reset Request",
        Body::ResetConfirmation => "Reset Confirm",
        Body::RestartRequest { .. } => "Restart Request",
        Body::RestartConfirmation => "Restart Confirm",
        Body::Diagnostic { .. } => "Diagnostic",
        Body::RegistrationRequest(_) => "Registration Request",
        Body::RegistrationConfirmation(_) => "Registration Confirm",
    }
}

fn call(fields: &CallFields<'_>, decoded: &mut Decoded<'_>) {
    let CallFields {
        called,
        calling,
        facilities,
        user_data,
    } = fields;
    if !called.is_empty() || !calling.is_empty() {
        decoded.line(&format!("\t       Called={called} Calling={calling}"));
    }
    let said = self::facilities(*facilities);
    if !said.is_empty() {
        decoded.line(&format!("\t       Facilities: {said}"));
        let _ = write!(decoded.summary, ", {said}");
    }
    if !user_data.is_empty() {
        let octets: String = user_data
            .iter()
            .map(|octet| format!("{octet:02X}"))
            .collect();
        let protocol = match Protocol::parse(user_data) {
            Ok((Protocol::Ipv4, _)) => " IP",
            Ok((Protocol::Ipv6, _)) => " IPv6",
            Ok((Protocol::Multiplexed, _)) => " several protocols",
            Ok((Protocol::IPX, _)) => " IPX",
            _ => "",
        };
        decoded.line(&format!("\t       User data={octets}{protocol}"));
        let _ = write!(decoded.summary, ", user data {octets}{protocol}");
    }
}

fn facilities(facilities: Facilities<'_>) -> String {
    let mut text = String::new();
    for raw in facilities.iter() {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&facility(&raw));
    }
    text
}

/// A facility; what is for both directions has the called DTE's first.
fn facility(raw: &RawFacility<'_>) -> String {
    match raw.value() {
        Err(fault) => fault.error.to_string(),
        Ok(Facility::Marker(section)) => match section {
            Section::DTE => "for DTEs:".into(),
            Section::CALLING_NETWORK => "of the calling network:".into(),
            Section::CALLED_NETWORK => "of the called network:".into(),
            Section(other) => format!("marker {other:02X}:"),
        },
        Ok(Facility::Charging {
            reverse,
            fast_select,
        }) => {
            let reverse = if reverse { "reverse charging" } else { "" };
            let fast = match fast_select {
                FastSelect::No => "",
                FastSelect::Unrestricted => "fast select",
                FastSelect::Restricted => "fast select restricted",
            };
            match (reverse, fast) {
                ("", "") => "no reverse charging".into(),
                ("", one) | (one, "") => one.into(),
                (reverse, fast) => format!("{reverse} {fast}"),
            }
        }
        Ok(Facility::Throughput(both)) => {
            format!("throughput {}/{}", both.called.rate(), both.calling.rate())
        }
        Ok(Facility::ClosedUserGroup(group)) => format!("closed user group {group}"),
        Ok(Facility::PacketSize(both)) => {
            let (called, calling) = (both.called.octets(), both.calling.octets());
            format!("packet size {called}/{calling}")
        }
        Ok(Facility::WindowSize(both)) => format!("window {}/{}", both.called, both.calling),
        Ok(Facility::CalledExtension(extension)) => format!("called extension {extension}"),
        Ok(Facility::CallingExtension(extension)) => format!("calling extension {extension}"),
        Ok(Facility::Unknown { code, parameter }) => {
            let octets: String = parameter
                .iter()
                .map(|octet| format!("{octet:02X}"))
                .collect();
            format!("facility {code:02X}={octets}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::{Decoded, decode as decode_for};
    use super::*;
    use crate::monitor::Monitor;
    use wanbox_sim::hex;

    fn decoded(modulo: Modulo, octets: &[u8]) -> Decoded<'_> {
        decode_for(Monitor::X25, modulo, octets)
    }

    #[test]
    fn frames_of_the_sheet() {
        use Modulo::{Eight, OneTwentyEight};
        for (octets, modulo, detail, summary) in [
            (
                "01 3f",
                Eight,
                "\tLAPB : 01 | SBM PF=1\n",
                "LAPB 01 SABM P/F",
            ),
            ("01 73", Eight, "\tLAPB : 01 | UA PF=1\n", "LAPB 01 UA P/F"),
            (
                "03 65",
                Eight,
                "\tLAPB : 03 | RNR Nr=3 PF=0\n",
                "LAPB 03 RNR N(R)=3",
            ),
            (
                "03 01 09",
                OneTwentyEight,
                "\tLAPB : 03 | RR  Nr=4 PF=1\n",
                "LAPB 03 RR N(R)=4 P/F",
            ),
            (
                "01 00 10 01 0b 44 11 11 22 22 06 42 07 0a c6 01 61 cc",
                Eight,
                "\tLAPB : 01 | INF Ns=0 Nr=0 P=0\n\
                 \tX25  : LCN=1 Q=0 D=0 Modulo=8 : Call Request\n\
                 \t       Called=1111 Calling=2222\n\
                 \t       Facilities: packet size 128/1024, facility C6=61\n\
                 \t       User data=CC IP\n",
                "LAPB 01 I N(S)=0 N(R)=0, X.25 1 call request to 1111 from 2222, \
                 packet size 128/1024, facility C6=61, user data CC IP",
            ),
            (
                "01 02 02 10 01 13 00 f9",
                OneTwentyEight,
                "\tLAPB : 01 | INF Ns=1 Nr=1 P=0\n\
                 \tX25  : LCN=1 Q=0 D=0 Modulo=8 : Clear Request \
                 Code=(0x00)DTE originated : Diag=(0xF9)unrecognizable protocol identifier in user data\n",
                "LAPB 01 I N(S)=1 N(R)=1, X.25 1 clear request, cause 0x00 (DTE originated), \
                 diagnostic 249 (unrecognizable protocol identifier in user data)",
            ),
            (
                "20 05 06 03 61",
                Eight,
                "\tX25  : LCN=5 Q=0 D=0 Modulo=128 : Data Ps=3 Pr=1 M=1\n",
                "X.25 5 data M P(S)=3 P(R)=1 1 octets",
            ),
            (
                "01 00 10 00 fb 07 7f",
                Eight,
                "\tLAPB : 01 | INF Ns=0 Nr=0 P=0\n\
                 \tX25  : LCN=0 Q=0 D=0 Modulo=8 : Restart Request \
                 Code=(0x07)network operational : Diag=(0x7F)unknown\n",
                "LAPB 01 I N(S)=0 N(R)=0, X.25 0 restart request, \
                 cause 0x07 (network operational), diagnostic 127",
            ),
            (
                "01 00 10 00 fb",
                Eight,
                "\tLAPB : 01 | INF Ns=0 Nr=0 P=0\n\
                 \tX25  : X.25 cause: 0 octets where 1 are needed\n",
                "LAPB 01 I N(S)=0 N(R)=0, X.25 cause: 0 octets where 1 are needed",
            ),
        ] {
            let octets = hex(octets);
            let decoded = decoded(modulo, &octets);
            assert_eq!(decoded.detail, detail);
            assert_eq!(decoded.summary, summary);
        }
    }

    #[test]
    fn the_modulo_of_the_link_is_seen() {
        for (octets, modulo) in [
            ("01 3f", Some(Modulo::Eight)),
            ("01 7f", Some(Modulo::OneTwentyEight)),
            ("01 73", None),
            ("01 21", Some(Modulo::Eight)),
            ("01 01 20", Some(Modulo::OneTwentyEight)),
            ("01 00 10 01 0f", Some(Modulo::Eight)),
            ("01 00 00 10 01 0f", Some(Modulo::OneTwentyEight)),
            ("10 01 0f", None),
            ("01", None),
        ] {
            assert_eq!(modulo_of(&hex(octets)), modulo, "{octets}");
        }
    }

    #[test]
    fn ip_in_data_packets_is_found() {
        let mut octets = hex("01 00 10 01 00 45 00 00 15 00 01 00 00 40 11 00 00 0a 00 00 01");
        octets.extend(hex("0a 00 00 02 61"));
        let whole = decoded(Modulo::Eight, &octets);
        assert_eq!(whole.ip, Some(&octets[5..]));
        assert!(whole.data && whole.lcn == Some(1));
        // A part of one, and qualified data.
        assert_eq!(decoded(Modulo::Eight, &octets[..25]).ip, None);
        let mut qualified = octets.clone();
        qualified[2] |= 0x80;
        assert_eq!(decoded(Modulo::Eight, &qualified).ip, None);
        octets.insert(5, 0xcc);
        assert_eq!(decoded(Modulo::Eight, &octets).ip, Some(&octets[6..]));
    }
}
