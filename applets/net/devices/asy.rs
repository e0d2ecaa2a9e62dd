//! Asynchronous lines: framing, header compression, and what waits to be written.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use wanbox_link::vj::{Compressor, CompressorStats, Decompressor, DecompressorStats, Kind};
use wanbox_link::{nrs, slip};
use wanbox_net_commands::{Asy, AsyPort, Nrs};
use wanbox_net_engine::Encapsulation;
use wanbox_net_engine::interface::Crc;
use wanbox_runtime::stream::{SerialSettings, Stream, TcpSettings};
use wanbox_wire::ip::protocol;

use super::pending::Pending;

/// The most octets that wait for a line.
const MOST_WAITING: usize = 256 * 1024;
/// Packets of at least so many octets are taken, however short ours are.
const LONGEST: usize = 4096;
/// The last of the 16 slots of compression, each way.
const MAX_SLOT: u8 = 15;
/// The rates of terminals that speeds are rounded up to, bits a second; higher ones are taken as they are.
const RATES: [u32; 22] = [
    50, 75, 110, 134, 150, 200, 300, 600, 900, 1200, 1800, 2400, 3600, 4800, 7200, 9600, 19200,
    38400, 57600, 115_200, 230_400, 460_800,
];

/// The rate of a terminal for a speed, bits a second.
pub fn rate(speed: u32) -> u32 {
    let rates = RATES.into_iter();
    rates
        .min_by_key(|rate| rate.checked_sub(speed).unwrap_or(u32::MAX))
        .filter(|rate| *rate >= speed)
        .unwrap_or(speed)
}

/// Begins to open a port.
///
/// # Errors
/// For people.
pub fn open(port: &AsyPort, speed: u32, locks: Option<&Path>) -> Result<Stream, String> {
    match port {
        AsyPort::Serial(path) => {
            let mut settings = SerialSettings::new(rate(speed));
            settings.ignore_dcd = true;
            Stream::serial(Path::new(path), settings, locks)
        }
        AsyPort::Tcp(remote) => Stream::call(TcpSettings {
            remote: SocketAddr::V4(*remote),
        }),
    }
}

/// What is written when the line takes it.
#[derive(Debug, Default)]
struct Waiting {
    octets: VecDeque<u8>,
    /// Octets of each packet that are still there.
    packets: VecDeque<usize>,
}

impl Waiting {
    fn push(&mut self, framed: &[u8]) {
        self.octets.extend(framed);
        self.packets.push_back(framed.len());
    }

    /// The first octets were written.
    fn written(&mut self, mut octets: usize) {
        self.octets.drain(..octets.min(self.octets.len()));
        while let Some(first) = self.packets.front_mut() {
            if octets < *first {
                *first -= octets;
                return;
            }
            octets -= *first;
            self.packets.pop_front();
        }
    }
}

/// What reads packets out of octets.
enum Decoder {
    Slip(slip::Decoder),
    Nrs(nrs::Decoder),
}

/// What is received: apart, so that it can be with its owner while the station works on a packet of it.
pub struct Receiver {
    decoder: Decoder,
    decompressor: Option<Decompressor>,
    /// A packet whose header was restored.
    restored: Vec<u8>,
}

/// Something that was received.
pub enum Received<'p> {
    /// A packet or frame.
    Packet(&'p mut [u8]),
    /// A damaged one.
    BadFrame,
    /// One whose header cannot be restored.
    BadHeader,
}

impl Receiver {
    fn new(mode: Encapsulation, mtu: u16) -> Self {
        let longest = LONGEST.max(mtu.into());
        let decoder = if mode == Encapsulation::Nrs {
            Decoder::Nrs(nrs::Decoder::new(longest))
        } else {
            Decoder::Slip(slip::Decoder::new(longest))
        };
        let compresses = mode == Encapsulation::VjSlip;
        Self {
            decoder,
            decompressor: compresses.then(|| Decompressor::new(MAX_SLOT)),
            restored: Vec::new(),
        }
    }

    /// Reads octets and gives everything in them to `each`.
    pub fn decode(&mut self, octets: &[u8], each: &mut dyn FnMut(Received<'_>)) {
        let (decompressor, restored) = (&mut self.decompressor, &mut self.restored);
        let each = &mut |packet: Option<&mut [u8]>| match (packet, &mut *decompressor) {
            (None, decompressor) => {
                if let Some(decompressor) = decompressor {
                    decompressor.line_error();
                }
                each(Received::BadFrame);
            }
            (Some(packet), Some(decompressor)) => each(restore(decompressor, packet, restored)),
            (Some(packet), None) => each(Received::Packet(packet)),
        };
        match &mut self.decoder {
            Decoder::Slip(decoder) => decoder.decode(octets, each),
            Decoder::Nrs(decoder) => decoder.decode(octets, each),
        }
    }
}

/// Restores a packet whose header may be compressed; its first octet says so (RFC 1144 section 3.2.4).
fn restore<'p>(
    decompressor: &mut Decompressor,
    packet: &'p mut [u8],
    restored: &'p mut Vec<u8>,
) -> Received<'p> {
    let kind = match packet.first_mut() {
        Some(first) if *first & 0x80 != 0 => Kind::Compressed,
        Some(first) if *first >= 0x70 => {
            *first = *first & 0x0f | 0x40;
            Kind::Uncompressed
        }
        _ => return Received::Packet(packet),
    };
    restored.clear();
    match decompressor.decompress(kind, packet, restored) {
        Ok(data) => {
            restored.extend_from_slice(packet.get(data).unwrap_or_default());
            Received::Packet(restored)
        }
        Err(_) => Received::BadHeader,
    }
}

/// An asynchronous line.
pub struct AsyLine {
    mode: Encapsulation,
    mtu: u16,
    speed: u32,
    /// With its owner while a packet of it is worked on.
    pub receiver: Option<Box<Receiver>>,
    compressor: Option<Box<Compressor>>,
    /// Datagrams of other protocols than TCP that were sent.
    not_tcp: u64,
    /// Frames of AX.25 that wait before anything else; `None` on lines without any.
    pub radio: Option<Box<Pending>>,
    /// What it has sent is as fast on its way as its speed says.
    is_serial: bool,
    /// Counters of compression on the connections before this one.
    before: (CompressorStats, DecompressorStats),
    nrs_before: Nrs,
    waiting: Waiting,
    /// The line takes nothing until it says so.
    blocked: bool,
    /// A packet as it is sent, and as it is on the line.
    packet: Vec<u8>,
    framed: Vec<u8>,
    counts: Asy,
}

impl AsyLine {
    /// A line whose controller takes `speed` bits a second when it is a serial one.
    pub fn new(mode: Encapsulation, mtu: u16, speed: u32, is_serial: bool) -> Self {
        let paced = if is_serial { rate(speed) } else { 0 };
        let is_slip = matches!(mode, Encapsulation::Slip | Encapsulation::VjSlip);
        let mut line = Self {
            mode,
            mtu,
            speed,
            receiver: None,
            compressor: None,
            not_tcp: 0,
            radio: (!is_slip).then(|| Box::new(Pending::new(paced))),
            is_serial,
            before: Default::default(),
            nrs_before: Nrs::default(),
            waiting: Waiting::default(),
            blocked: false,
            packet: Vec::new(),
            framed: Vec::new(),
            counts: Asy::default(),
        };
        line.begin();
        line
    }

    /// The line is opened: neither end remembers anything.
    pub fn begin(&mut self) {
        self.before = self.compression();
        self.nrs_before = self.nrs().unwrap_or_default();
        self.receiver = Some(Box::new(Receiver::new(self.mode, self.mtu)));
        let compresses = self.mode == Encapsulation::VjSlip;
        self.compressor = compresses.then(|| Box::new(Compressor::new(MAX_SLOT, true)));
        self.blocked = false;
    }

    /// Its framing, and what that carries.
    pub const fn mode(&self) -> Encapsulation {
        self.mode
    }

    /// KISS: the far end is a controller that takes commands.
    pub const fn is_kiss(&self) -> bool {
        matches!(self.mode, Encapsulation::KissUi | Encapsulation::KissI)
    }

    /// Bits a second.
    pub const fn speed(&self) -> u32 {
        self.speed
    }

    /// Sets the bits a second, for the next time it is opened.
    pub fn set_speed(&mut self, speed: u32) {
        self.speed = speed;
        if let Some(radio) = self.radio.as_mut().filter(|_| self.is_serial) {
            radio.set_speed(rate(speed));
        }
    }

    /// Packets that wait.
    pub fn queued(&self) -> usize {
        let frames = self.radio.as_ref().map_or(0, |radio| radio.len());
        self.waiting.packets.len() + frames
    }

    /// When a frame that waits for its turn may be written; `None` when it waits for something else.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let idle = self.waiting.octets.is_empty();
        let radio = self.radio.as_ref().filter(|_| idle && !self.blocked)?;
        radio.due(now)
    }

    /// So much waits that nothing more is taken.
    pub fn is_full(&self) -> bool {
        self.waiting.octets.len() >= MOST_WAITING
    }

    /// Puts a datagram behind what waits. Returns it with its compressed header, where headers may be.
    pub fn send(&mut self, datagram: &[u8]) -> Option<&[u8]> {
        let Some(compressor) = &mut self.compressor else {
            self.send_frame(datagram);
            return None;
        };
        let mut packet = std::mem::take(&mut self.packet);
        packet.clear();
        let head = compressor.compress(datagram, &mut packet);
        packet.extend_from_slice(datagram.get(head.replaces..).unwrap_or_default());
        if let Some(first) = packet.first_mut() {
            *first |= match head.kind {
                Kind::Ip => 0,
                Kind::Uncompressed => 0x70,
                Kind::Compressed => 0x80,
            };
        }
        if datagram.get(9) != Some(&protocol::TCP) {
            self.not_tcp += 1;
        }
        self.send_frame(&packet);
        self.packet = packet;
        Some(&self.packet)
    }

    /// Puts a frame behind what is written.
    fn send_frame(&mut self, frame: &[u8]) {
        self.framed.clear();
        match self.mode {
            Encapsulation::Nrs => nrs::encode(frame, &mut self.framed),
            _ => slip::encode(frame, &mut self.framed),
        }
        self.waiting.push(&self.framed);
    }

    /// The last frame as it is on the line.
    pub fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// The line takes octets again.
    pub const fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Writes what waits, as far as the line takes it. `check` is how frames are checked; `shown` sees those that
    /// are written now.
    pub fn write(
        &mut self,
        now: Instant,
        stream: &mut Stream,
        check: &mut Crc,
        shown: &mut dyn FnMut(&[u8]),
    ) {
        while !self.blocked && stream.carrier() {
            let (first, _) = self.waiting.octets.as_slices();
            if first.is_empty() {
                if self.next_frame(now, check) {
                    shown(&self.framed);
                    continue;
                }
                return;
            }
            let wanted = first.len();
            // An error is one of the line, which is seen when it is asked for its carrier.
            let written = stream.send(first).unwrap_or_default();
            if !stream.carrier() {
                return;
            }
            self.blocked = written < wanted;
            self.counts.interrupts[1] += u64::from(written > 0);
            self.counts.octets[1] += written as u64;
            self.waiting.written(written);
        }
    }

    /// Frames what may be sent now.
    fn next_frame(&mut self, now: Instant, check: &mut Crc) -> bool {
        let kiss = self.is_kiss();
        let Some(radio) = &mut self.radio else {
            return false;
        };
        let mut packet = std::mem::take(&mut self.packet);
        let is_there = radio.next(now, check, kiss, &mut packet);
        if is_there {
            self.send_frame(&packet);
            if let Some(radio) = &mut self.radio {
                radio.written(now, self.framed.len());
            }
        }
        self.packet = packet;
        is_there
    }

    /// Octets were read.
    pub fn was_read(&mut self, octets: usize) {
        let octets = octets as u64;
        self.counts.interrupts[0] += 1;
        self.counts.octets[0] += octets;
        self.counts.high_water = self.counts.high_water.max(octets);
    }

    /// Throws away what waits: so many packets.
    pub fn discard(&mut self) -> usize {
        let packets = self.waiting.packets.len();
        self.waiting = Waiting::default();
        packets + self.radio.as_mut().map_or(0, |radio| radio.discard())
    }

    /// As `asystat` shows it; the high-water mark begins anew.
    pub fn show(&mut self, up: bool) -> Asy {
        let shown = Asy {
            up,
            speed: self.speed,
            busy: self.queued() > 0,
            ..self.counts
        };
        self.counts.high_water = 0;
        shown
    }

    fn compression(&self) -> (CompressorStats, DecompressorStats) {
        let (mut sent, mut received) = self.before;
        if let Some(compressor) = &self.compressor {
            let now = compressor.stats();
            sent.ip += now.ip;
            sent.uncompressed += now.uncompressed;
            sent.compressed += now.compressed;
            sent.new_connections += now.new_connections;
            sent.searches += now.searches;
        }
        let decompressor = self.receiver.as_ref();
        if let Some(decompressor) = decompressor.and_then(|it| it.decompressor.as_ref()) {
            let now = decompressor.stats();
            received.uncompressed += now.uncompressed;
            received.compressed += now.compressed;
            received.tossed += now.tossed;
            received.errors += now.errors;
        }
        (sent, received)
    }

    /// The lines of `ifconfig IF` about compression.
    pub fn compression_lines(&self) -> String {
        let (sent, received) = self.compression();
        format!(
            "\t{:10} Cmp, {:10} Uncmp, {:10} Bad,  {:10} Tossed\n\
             \t{:10} Cmp, {:10} Uncmp, {:10} AsIs, {:10} NotTCP\n\
             \t{:10} Searches, {:10} Misses\n",
            received.compressed,
            received.uncompressed,
            received.errors,
            received.tossed,
            sent.compressed,
            sent.uncompressed,
            sent.ip.saturating_sub(self.not_tcp),
            self.not_tcp,
            sent.searches,
            sent.new_connections,
        )
    }

    /// What came of NRS frames.
    pub fn nrs(&self) -> Option<Nrs> {
        match &self.receiver.as_ref()?.decoder {
            Decoder::Nrs(decoder) => {
                let stats = decoder.stats();
                Some(Nrs {
                    buffered: decoder.buffered() as u64,
                    received: self.nrs_before.received + stats.frames,
                    checksum_errors: self.nrs_before.checksum_errors + stats.checksum,
                })
            }
            Decoder::Slip(_) => None,
        }
    }
}
