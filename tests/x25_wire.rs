//! X.25 packets as tshark sees them: on a LAPB link, and over TCP.

use std::fs;
use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::{Error, Need, Result, TempDir, capture, ensure};
use wanbox_wire::lapb::{Control, Direction, FrameRepr, Role};
use wanbox_wire::pcap::{FileHeader, LinkType};
use wanbox_wire::x25::facility::{
    Directions, Extension, Facility, FastSelect, PacketSize, Section, ThroughputClass,
};
use wanbox_wire::x25::xot::{self, End, PvcSetup, Status};
use wanbox_wire::x25::{
    Address, Body, CallFields, Facilities, FacilityList, Flow, Lci, Marks, Modulo, PacketRepr,
    cause, diagnostic,
};

use crate::test;

const NEEDS: &[Need] = &[Need::Tool("tshark")];
/// Ethernet with the type of lapbether.
const ETHERNET: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x60, 0x00];
/// User data of no protocol that tshark looks into.
const TEXT: &[u8] = b"\xf0 user data";

pub fn tests() -> Vec<Trial> {
    vec![
        test("x25_wire::tshark_knows_every_packet", NEEDS, every_packet),
        test("x25_wire::tshark_knows_xot", NEEDS, over_tcp),
    ]
}

fn facilities() -> Result<FacilityList> {
    let class = ThroughputClass::new(10).ok_or_else(|| Error::new("throughput class"))?;
    let size = PacketSize::from_octets(1024).ok_or_else(|| Error::new("packet size"))?;
    let nsap = [0x47, 0x00, 0x05, 0x80];
    let extension = Extension {
        kind: 0,
        digits: 8,
        octets: &nsap,
    };
    let mut list = FacilityList::new();
    for facility in [
        Facility::Charging {
            reverse: true,
            fast_select: FastSelect::Unrestricted,
        },
        Facility::Throughput(Directions {
            called: class,
            calling: class,
        }),
        Facility::ClosedUserGroup(42),
        Facility::ClosedUserGroup(1234),
        Facility::PacketSize(Directions {
            called: size,
            calling: PacketSize::MAX,
        }),
        Facility::WindowSize(Directions {
            called: 2,
            calling: 7,
        }),
        Facility::Unknown {
            code: 0xc6,
            parameter: b"user",
        },
        Facility::Marker(Section::DTE),
        Facility::CalledExtension(extension),
        Facility::CallingExtension(extension),
    ] {
        list.push(&facility)?;
    }
    Ok(list)
}

/// Every type, in an order that a circuit could have; with the value of tshark's `x25.type`.
fn packets(facilities: Facilities<'_>) -> Result<Vec<(PacketRepr<'_>, u8)>> {
    let called: Address = "26245400012345".parse()?;
    let calling: Address = "123".parse()?;
    let full = CallFields {
        called,
        calling,
        facilities,
        user_data: TEXT,
    };
    let none = CallFields::default();
    let data = |marks, ps| Body::Data {
        marks,
        ps,
        pr: 0,
        data: TEXT,
    };
    let marks = |q, d, m| Marks { q, d, m };
    let flow = |flow| Body::Flow { flow, pr: 3 };
    let (zero, one) = (Lci::ZERO, Lci::new(1).ok_or_else(|| Error::new("channel"))?);
    let reset = Body::ResetRequest {
        cause: cause::reset::NETWORK_CONGESTION,
        diagnostic: diagnostic::INVALID_PR,
    };
    let restart = Body::RestartRequest {
        cause: cause::restart::NETWORK_OPERATIONAL,
        diagnostic: 0,
    };
    let clear = |fields| Body::ClearRequest {
        cause: cause::clear::DTE_ORIGINATED,
        diagnostic: diagnostic::UNKNOWN_PROTOCOL,
        fields,
    };
    let unassigned = Body::Diagnostic {
        code: diagnostic::UNASSIGNED_CHANNEL,
        explanation: &[0x10, 9, 0],
    };
    let request = |delivery, fields| Body::CallRequest { delivery, fields };
    let accepted = |delivery, fields| Body::CallAccepted { delivery, fields };
    Ok([
        (zero, restart, 0xfb),
        (zero, Body::RestartConfirmation, 0xff),
        (one, request(true, full), 0x0b),
        (one, accepted(true, full), 0x0f),
        (one, data(marks(false, false, false), 0), 0),
        (one, data(marks(true, true, false), 1), 0),
        (one, data(marks(true, true, true), 2), 0),
        (one, flow(Flow::Ready), 0x01),
        (one, flow(Flow::NotReady), 0x05),
        (one, flow(Flow::Reject), 0x09),
        (one, Body::Interrupt(&[1, 2, 3]), 0x23),
        (one, Body::InterruptConfirmation, 0x27),
        (one, reset, 0x1b),
        (one, Body::ResetConfirmation, 0x1f),
        (one, clear(full), 0x13),
        (one, Body::ClearConfirmation { fields: none }, 0x17),
        (one, request(false, CallFields { called, ..none }), 0x0b),
        (one, accepted(false, none), 0x0f),
        (one, clear(none), 0x13),
        (one, Body::ClearConfirmation { fields: none }, 0x17),
        (zero, unassigned, 0xf1),
        (zero, Body::RegistrationRequest(&[0, 0]), 0xf3),
        (
            zero,
            Body::RegistrationConfirmation(&[0x7f, 0xa7, 0, 0]),
            0xf7,
        ),
    ]
    .map(|(lci, body, kind)| (PacketRepr { lci, body }, kind))
    .to_vec())
}

/// A file of such records, a millisecond apart.
fn write(file: &Path, link_type: LinkType, records: &[Vec<u8>]) -> Result {
    let header = FileHeader::new(link_type);
    let mut octets = header.encode().to_vec();
    for (at, record) in (0..).map(Duration::from_millis).zip(records) {
        header.append(at, record, &mut octets);
    }
    Ok(fs::write(file, octets)?)
}

/// tshark finds as many packets of each kind and modulo as there are.
fn check(file: &Path, modulo: Modulo, packets: &[(PacketRepr<'_>, u8)]) -> Result {
    capture::clean(file)?;
    let gfi = match modulo {
        Modulo::Eight => 1,
        Modulo::OneTwentyEight => 2,
    };
    let is = |kind, packet: &PacketRepr<'_>| match packet.body {
        Body::Data { .. } => kind == 0,
        _ => kind != 0,
    };
    let mut kinds: Vec<u8> = packets.iter().map(|(_, kind)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let sent = packets.iter().filter(|(packet, of)| {
            assert!(is(*of, packet));
            *of == kind
        });
        let sent = sent.count();
        let filter = format!("x25.type == {kind} && x25.mod == {gfi}");
        let found = capture::count(file, &filter)?;
        ensure!(found == sent, "{filter}: {found} packets, {sent} were sent");
    }
    Ok(())
}

fn every_packet() -> Result {
    let facilities = facilities()?;
    let packets = packets(facilities.get())?;
    let files = TempDir::new()?;
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let mut records = Vec::new();
        for (number, (packet, _)) in (0_u8..).zip(&packets) {
            let frame = FrameRepr {
                sender: Role::Dte,
                direction: Direction::Command,
                control: Control::Information {
                    ns: number & 7,
                    nr: 0,
                    poll: false,
                },
            };
            let mut octets = vec![0; frame.len(Modulo::Eight)];
            frame.emit(Modulo::Eight, &mut octets)?;
            packet.append(modulo, &mut octets);
            let mut record = ETHERNET.to_vec();
            record.extend_from_slice(&u16::try_from(octets.len())?.to_le_bytes());
            record.extend(octets);
            records.push(record);
        }
        let file = files.path().join("x25.pcap");
        write(&file, LinkType::Other(1), &records)?;
        check(&file, modulo, &packets)?;
        // Modulo 128, tshark takes P(S) and P(R) of data the one for the other: X.25's figure has
        // P(S) first, and Linux too. Of a clear it reads no more than cause and diagnostic.
        let numbered = match modulo {
            Modulo::Eight => "x25.p_s == 2 && x25.p_r == 0 && x25.m == 1",
            Modulo::OneTwentyEight => "x25.p_r == 2 && x25.p_s == 0 && x25.m == 1",
        };
        for (filter, expected) in [
            (numbered, 1),
            ("x25.q == 1 && x25.d == 1 && x25.p_s", 2),
            ("x25.p_r == 3", 3),
            ("x25.called_address_length == 14", 3),
            ("x25.facility.packet_size.called_dte == 10", 2),
            ("x25.window_size.calling_dte == 7", 2),
            ("x25.facility.called_addr_ext_num_semi_octets == 8", 2),
            ("x25.lcn == 1", packets.len() - 5),
        ] {
            let found = capture::count(&file, filter)?;
            ensure!(found == expected, "{filter}: {found}, expected {expected}");
        }
    }
    Ok(())
}

/// IPv4 and TCP from port 1234 to that of XOT, checksums left at 0, before `octets`.
fn segment(sequence: u32, octets: &[u8]) -> Result<Vec<u8>> {
    let [high, low] = u16::try_from(40 + octets.len())?.to_be_bytes();
    let mut packet = vec![0x45, 0, high, low, 0, 1, 0, 0, 64, 6, 0, 0];
    packet.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0x04, 0xd2]);
    packet.extend_from_slice(&xot::PORT.to_be_bytes());
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend_from_slice(octets);
    Ok(packet)
}

fn over_tcp() -> Result {
    let facilities = facilities()?;
    // Packets of the interface as a whole do not go over TCP.
    let mut packets = packets(facilities.get())?;
    packets.retain(|(packet, _)| packet.lci != Lci::ZERO);
    let files = TempDir::new()?;
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let mut records = Vec::new();
        let mut sequence = 1;
        let mut send = |packet: &[u8]| -> Result {
            let mut octets = xot::header(u16::try_from(packet.len())?).to_vec();
            octets.extend_from_slice(packet);
            records.push(segment(sequence, &octets)?);
            sequence += u32::try_from(octets.len())?;
            Ok(())
        };
        let one = Lci::new(1).ok_or_else(|| Error::new("channel"))?;
        let end = |interface| End {
            interface,
            lci: one,
        };
        let setup = PvcSetup {
            lci: one,
            status: Status::FLOW_MISMATCH,
            initiator: end(b"Serial0"),
            responder: end(b"wan0"),
            incoming_window: 2,
            outgoing_window: 7,
            incoming_size: PacketSize::STANDARD,
            outgoing_size: PacketSize::MAX,
        };
        let mut octets = Vec::new();
        setup.append(&mut octets);
        send(&octets)?;
        for (packet, _) in &packets {
            octets.clear();
            packet.append(modulo, &mut octets);
            send(&octets)?;
        }
        let file = files.path().join("xot.pcap");
        write(&file, LinkType::Other(101), &records)?;
        check(&file, modulo, &packets)?;
        for (filter, expected) in [
            ("xot.version == 0", packets.len() + 1),
            (
                "xot.pvc.status == 0x18 && xot.pvc.init_itf_name == \"Serial0\"",
                1,
            ),
            (
                "xot.pvc.resp_itf_name == \"wan0\" && xot.pvc.send_out_pkt_size == 12",
                1,
            ),
        ] {
            let found = capture::count(&file, filter)?;
            ensure!(found == expected, "{filter}: {found}, expected {expected}");
        }
    }
    Ok(())
}
