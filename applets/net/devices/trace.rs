//! Packets that are to be shown: they wait here, as octets, until the program makes text of them.

use std::collections::VecDeque;
use std::time::Duration;

use wanbox_net_engine::interface::TraceFlags;
use wanbox_net_engine::show::Names;
use wanbox_net_engine::trace::{self, Link, Way};
use wanbox_net_engine::{InterfaceId, Station};
use wanbox_wire::ax25::Header;
use wanbox_wire::pcap::{FileHeader, LinkType};

/// The most octets of packets that wait to be shown.
const MOST: usize = 1 << 20;

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A packet, by its headers.
    Packet(Link),
    /// A packet of a serial line, whose header may be compressed; and the datagram that it stands for.
    Serial(Vec<u8>),
    /// What is on the line, without interpretation.
    Raw,
}

/// A packet to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Whose it is.
    pub interface: InterfaceId,
    /// Which way it went.
    pub way: Way,
    /// What was asked for.
    pub flags: TraceFlags,
    /// How it is shown.
    pub form: Form,
    /// The packet.
    pub octets: Vec<u8>,
}

impl Trace {
    /// As text. `time` is the present as people read it.
    #[must_use]
    pub fn text(&self, station: &Station, time: &str, names: Names<'_>) -> String {
        let interface = station.interfaces.get(self.interface);
        let name = interface.map_or("?", |interface| interface.name());
        let octets = &self.octets;
        let modulo = || {
            let (header, _) = Header::parse(octets).ok()?;
            station.ax25.modulo(self.interface.port(), &header)
        };
        let link = match self.form {
            Form::Packet(Link::Ax25(_)) => Link::Ax25(modulo()),
            Form::Packet(Link::Kiss(check, _)) => Link::Kiss(check, modulo()),
            Form::Packet(link) => link,
            Form::Serial(_) => Link::Serial,
            Form::Raw => return trace::raw(self.way, octets),
        };
        trace::packet(name, self.way, self.flags, time, link, octets, names)
    }

    /// Appends the record of a capture, `time` after 1970. What is none of its kind of packets is left out.
    pub fn capture(&self, capture: Capture, time: Duration, buffer: &mut Vec<u8>) {
        let packet = match (capture, &self.form) {
            (Capture::Datagrams, Form::Packet(Link::Ip))
            | (Capture::Ax25, Form::Packet(Link::Ax25(_) | Link::Kiss(..))) => &self.octets,
            (Capture::Datagrams, Form::Serial(datagram)) => datagram,
            _ => return,
        };
        capture.header().append(time, packet, buffer);
    }
}

/// What is in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Datagrams without anything before them (LINKTYPE_RAW).
    Datagrams,
    /// Frames of AX.25 without FCS (LINKTYPE_AX25).
    Ax25,
}

impl Capture {
    /// The header of its file.
    #[must_use]
    pub const fn header(self) -> FileHeader {
        FileHeader::new(LinkType::Other(match self {
            Self::Datagrams => 101,
            Self::Ax25 => 3,
        }))
    }
}

/// What waits to be shown.
#[derive(Debug, Default)]
pub struct Traces {
    waiting: VecDeque<Trace>,
    octets: usize,
    lost: u64,
}

impl Traces {
    /// Notes a packet if the flags ask for packets of this way.
    pub fn packet(
        &mut self,
        interface: InterfaceId,
        way: Way,
        flags: TraceFlags,
        link: Link,
        octets: &[u8],
    ) {
        if way.is_traced(flags) {
            self.note(interface, way, flags, Form::Packet(link), octets);
        }
    }

    /// Notes what is on the line, if the flags ask for that.
    pub fn raw(&mut self, interface: InterfaceId, way: Way, flags: TraceFlags, octets: &[u8]) {
        let any = TraceFlags(flags.0 & (TraceFlags::INPUT | TraceFlags::OUTPUT)).0 == 0;
        if flags.has(TraceFlags::RAW) && (any || way.is_traced(flags)) {
            self.note(interface, way, flags, Form::Raw, octets);
        }
    }

    /// Notes what is sent on a serial line in place of a datagram.
    pub fn serial(&mut self, id: InterfaceId, flags: TraceFlags, line: &[u8], datagram: &[u8]) {
        if Way::Sent.is_traced(flags) {
            self.note(id, Way::Sent, flags, Form::Serial(datagram.to_vec()), line);
        }
    }

    fn note(
        &mut self,
        interface: InterfaceId,
        way: Way,
        flags: TraceFlags,
        form: Form,
        octets: &[u8],
    ) {
        if self.octets + octets.len() > MOST {
            self.lost += 1;
            return;
        }
        self.octets += octets.len();
        self.waiting.push_back(Trace {
            interface,
            way,
            flags,
            form,
            octets: octets.to_vec(),
        });
    }

    /// The next one.
    pub fn poll(&mut self) -> Option<Trace> {
        let next = self.waiting.pop_front()?;
        self.octets -= next.octets.len();
        Some(next)
    }

    /// Packets that were not noted because too many waited.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}
