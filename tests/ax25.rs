//! Frames of AX.25 that came over a line of `net`, as tshark finds them in the capture of its trace.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_link::slip;
use wanbox_rig::{Error, Need, Netns, Result, capture, ensure, until};
use wanbox_wire::ax25::{Call, Class, Control, Digis, Header, Unnumbered, pid};
use wanbox_wire::kiss::{Check, Kiss};
use wanbox_wire::lapb::{Control as Lapb, Modulo, Supervisory, Unnumbered as Basic};
use wanbox_wire::netrom::{self, Circuit, Entry, Flags, Message, Network, Nodes};
use wanbox_wire::pcap::Reader;

use crate::net_devices::Station;
use crate::test;

const LIMIT: Duration = Duration::from_secs(30);

pub fn tests() -> Vec<Trial> {
    vec![test(
        "ax25::tshark_knows_every_frame",
        &[Need::Namespaces, Need::Tool("ip"), Need::Tool("tshark")],
        every_frame,
    )]
}

fn call(word: &str) -> Result<Call> {
    Call::parse(word).map_err(|error| Error::new(error.to_string()))
}

/// Octets as tshark shows those of addresses.
fn octets(octets: &[u8]) -> String {
    let shown: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    shown.join(":")
}

/// A frame and what tshark is to say about it.
#[derive(Default)]
struct Sent {
    frame: Vec<u8>,
    fields: Vec<(&'static str, String)>,
}

impl Sent {
    /// One with this control field. tshark tells commands from responses by the destination alone.
    fn new(header: &Header, control: Control) -> Self {
        let mut sent = Self::default();
        header.append(&mut sent.frame);
        let names = [
            "ax25.dst",
            "ax25.src",
            "ax25.via1",
            "ax25.via2",
            "ax25.via3",
            "ax25.via4",
            "ax25.via5",
            "ax25.via6",
            "ax25.via7",
            "ax25.via8",
        ];
        // All bits, as they are on the air.
        let addresses: Vec<String> = sent.frame.chunks_exact(7).map(octets).collect();
        for (name, address) in names.into_iter().zip(addresses) {
            sent.says(name, address);
        }
        control.append(Modulo::Eight, &mut sent.frame);
        if control.poll_final() {
            sent.says(
                match header.class {
                    Class::Response => "ax25.ctl.f",
                    _ => "ax25.ctl.p",
                },
                1,
            );
        }
        if let Some(nr) = control.nr() {
            sent.says("ax25.ctl.n_r", nr);
        }
        if let Some(ns) = control.ns() {
            sent.says("ax25.ctl.n_s", ns);
        }
        sent
    }

    fn says(&mut self, field: &'static str, value: impl ToString) {
        self.fields.push((field, value.to_string()));
    }

    /// With a PID and this behind it.
    fn with(mut self, pid: u8, rest: &[u8]) -> Self {
        self.frame.push(pid);
        self.frame.extend_from_slice(rest);
        self.says("ax25.pid", format!("{pid:#04x}"));
        self
    }

    /// With a packet of NET/ROM.
    fn with_netrom(self, message: Message<'_>) -> Result<Self> {
        let network = Network {
            origin: call("DB0SAO")?,
            destination: call("DK0HU-2")?,
            ttl: 16,
        };
        let mut packet = Vec::new();
        network.append(&mut packet);
        message.append(&mut packet);
        let mut sent = self.with(pid::NETROM, &packet);
        sent.says("netrom.src", octets(network.origin.octets()));
        sent.says("netrom.dst", octets(network.destination.octets()));
        sent.says("netrom.ttl", format!("{:#04x}", network.ttl));
        Ok(sent)
    }
}

/// Every kind of frame, from no digipeaters to eight.
fn frames() -> Result<Vec<Sent>> {
    let command = |digis: usize| -> Result<Header> {
        let mut header = Header::new(call("DB0XYZ-15")?, call("N0PRA-3")?, Class::Command);
        let calls = (0..digis).map(|at| Call::named(*b"DB0ID ").with_ssid(at as u8));
        header.digis = Digis::new(&calls.collect::<Vec<_>>()).unwrap_or_default();
        if let Some(first) = header.digis.first_mut() {
            first.repeated = true;
        }
        Ok(header)
    };
    let response = |digis| {
        command(digis).map(|header| Header {
            class: Class::Response,
            ..header
        })
    };
    let unnumbered = |kind, poll_final| Control::Lapb(Lapb::Unnumbered { kind, poll_final });
    let supervisory = |kind, nr, poll_final| {
        Control::Lapb(Lapb::Supervisory {
            kind,
            nr,
            poll_final,
        })
    };
    let information = |ns, nr, poll| Control::Lapb(Lapb::Information { ns, nr, poll });
    let mut all = Vec::new();
    for (control, number) in [
        (unnumbered(Basic::Sabm, true), "0x0b"),
        (unnumbered(Basic::Sabme, true), "0x1b"),
        (unnumbered(Basic::Disc, true), "0x10"),
        (Control::UI, "0x00"),
    ] {
        for digis in [0, 1, 8] {
            let mut sent = Sent::new(&command(digis)?, control);
            sent.says("ax25.ctl.u_cmd", number);
            if control.has_pid() {
                sent = sent.with(pid::TEXT, b"hello");
            }
            all.push(sent);
        }
    }
    for (control, number) in [
        (unnumbered(Basic::Ua, true), "0x18"),
        (unnumbered(Basic::Dm, true), "0x03"),
        (unnumbered(Basic::Dm, false), "0x03"),
        (unnumbered(Basic::Frmr, false), "0x21"),
    ] {
        let mut sent = Sent::new(&response(2)?, control);
        sent.says("ax25.ctl.u_resp", number);
        if number == "0x21" {
            sent.frame.extend_from_slice(&[0x3f, 0x54, 0x01]);
        }
        all.push(sent);
    }
    for (kind, number) in [
        (Supervisory::Rr, "0x00"),
        (Supervisory::Rnr, "0x01"),
        (Supervisory::Rej, "0x02"),
    ] {
        for nr in [0, 5, 7] {
            for header in [command(1)?, response(1)?] {
                let mut sent = Sent::new(&header, supervisory(kind, nr, nr != 5));
                sent.says("ax25.ctl.ftype_s", number);
                all.push(sent);
            }
        }
    }
    for (ns, nr) in [(0, 0), (3, 6), (7, 7)] {
        let control = information(ns, nr, ns == 3);
        all.push(Sent::new(&command(1)?, control).with(pid::TEXT, b"hello\r"));
    }
    // Frames whose kind tshark has no name for still have their addresses.
    for kind in [Unnumbered::Xid, Unnumbered::Test] {
        let control = Control::Unnumbered {
            kind,
            poll_final: true,
        };
        all.push(Sent::new(&command(0)?, control));
    }
    netrom_frames(&mut all, &|| {
        command(1).map(|header| Sent::new(&header, information(1, 2, false)))
    })?;
    let mut nodes = Vec::new();
    Nodes::append_head(netrom::ident("GAERT"), &mut nodes);
    for name in ["DB0ID", "DK0HU-2"] {
        let entry = Entry {
            destination: call(name)?,
            ident: netrom::ident("STGT"),
            neighbour: call("DB0ID")?,
            quality: 192,
        };
        entry.append(&mut nodes);
    }
    let mut header = command(0)?;
    header.destination = Call::NODES;
    let mut sent = Sent::new(&header, Control::UI).with(pid::NETROM, &nodes);
    sent.says("netrom.name", "GAERT ");
    all.push(sent);
    Ok(all)
}

fn netrom_frames(all: &mut Vec<Sent>, i: &dyn Fn() -> Result<Sent>) -> Result {
    let (ours, theirs) = (Circuit { index: 1, id: 2 }, Circuit { index: 3, id: 4 });
    let flags = Flags {
        choke: true,
        nak: true,
        more: false,
    };
    let mut sent = i()?.with_netrom(Message::ConnectRequest {
        mine: ours,
        window: 8,
        user: call("N0PRA")?,
        node: call("DB0SAO")?,
        timeout: None,
    })?;
    sent.says("netrom.op", "0x01");
    sent.says("netrom.my.cct.index", "0x01");
    sent.says("netrom.my.cct.id", "0x02");
    sent.says("netrom.pwindow", "8");
    sent.says("netrom.user", octets(call("N0PRA")?.octets()));
    sent.says("netrom.node", octets(call("DB0SAO")?.octets()));
    all.push(sent);
    let mut sent = i()?.with_netrom(Message::ConnectAcknowledge {
        yours: ours,
        mine: theirs,
        window: 4,
    })?;
    sent.says("netrom.op", "0x02");
    sent.says("netrom.your.cct.index", "0x01");
    sent.says("netrom.your.cct.id", "0x02");
    sent.says("netrom.my.cct.index", "0x03");
    sent.says("netrom.my.cct.id", "0x04");
    sent.says("netrom.awindow", "4");
    all.push(sent);
    for (message, operation) in [
        (Message::DisconnectRequest { yours: ours }, "0x03"),
        (Message::DisconnectAcknowledge { yours: ours }, "0x04"),
    ] {
        let mut sent = i()?.with_netrom(message)?;
        sent.says("netrom.op", operation);
        sent.says("netrom.your.cct.index", "0x01");
        sent.says("netrom.your.cct.id", "0x02");
        all.push(sent);
    }
    let mut sent = i()?.with_netrom(Message::Information {
        yours: ours,
        tx: 17,
        rx: 200,
        flags: Flags::default(),
        data: b"hello\r",
    })?;
    sent.says("netrom.op", "0x05");
    sent.says("netrom.n_s", "17");
    sent.says("netrom.n_r", "200");
    all.push(sent);
    let mut sent = i()?.with_netrom(Message::InformationAcknowledge {
        yours: ours,
        tx: 0,
        rx: 201,
        flags,
    })?;
    sent.says("netrom.op", "0x06");
    sent.says("netrom.n_r", "201");
    sent.says("netrom.flag.choke", "1");
    sent.says("netrom.flag.nak", "1");
    sent.says("netrom.flag.more", "0");
    all.push(sent);
    Ok(())
}

fn every_frame() -> Result {
    let netns = Netns::new()?;
    netns.ip("link set lo up")?;
    let listener = netns.inside(|| Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?))?;
    let port = listener.local_addr()?.port();
    let station = Station::start(
        &netns,
        &format!(
            "ax25 mycall DB0AAA\nattach asy 7f000001 {port} kissui tnc0 0 256 9600\n\
             ifconfig tnc0 crc off\ntrace tnc0 11 /air.pcap\n"
        ),
    )?;
    let (mut controller, _) = listener.accept()?;
    let all = frames()?;
    for sent in &all {
        let (mut unframed, mut framed) = (Vec::new(), Vec::new());
        Kiss::data(Check::None, &sent.frame).append(&mut unframed);
        slip::encode(&unframed, &mut framed);
        controller.write_all(&framed)?;
    }
    let file = station.path("air.pcap");
    until("the frames in the capture", LIMIT, || {
        let octets = std::fs::read(&file)?;
        let reader = Reader::new(&octets).map_err(|error| Error::new(error.to_string()))?;
        Ok(reader.filter(|record| record.is_ok()).count() >= all.len())
    })?;
    ensure!(capture::link_type(&file)? == 3, "the link type");
    let mut names: Vec<_> = all
        .iter()
        .flat_map(|sent| &sent.fields)
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let rows = capture::fields(&file, "", &names)?;
    ensure!(
        rows.len() == all.len(),
        "{} frames of {}",
        rows.len(),
        all.len()
    );
    let mut wrong = Vec::new();
    for (at, (sent, row)) in all.iter().zip(&rows).enumerate() {
        for (field, expected) in &sent.fields {
            let found = names
                .iter()
                .position(|name| name == field)
                .and_then(|at| row.get(at));
            if found != Some(expected) {
                wrong.push(format!("{at}: {field}: sent {expected}, found {found:?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let bad = capture::faults(&file, "frame")?;
    ensure!(bad.is_empty(), "tshark: {bad:?}");
    Ok(())
}
