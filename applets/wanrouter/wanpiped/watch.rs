//! What looks at the frames of a line: the trace that monitors read, and the capture file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use wanbox_wire::pcap::{FileHeader, LinkType};
use wanbox_wire::pipemon::trace::{self, Element, Packer};
use wanbox_wire::pipemon::{Control, Date, Message, Protocol};
use wanbox_wire::{cisco_hdlc, fcs, frame_relay, lapb, ppp};

use super::map::StatusMap;
use super::monitor::Flushed;

/// Frames that a trace keeps for a slow monitor; older ones give way and are counted.
const RING: usize = 256;
/// A trace that nobody asked for in this time ends by itself.
const DEACTIVATION: Duration = Duration::from_secs(4);
/// Octets of captured frames that are gathered before they are written at once.
const CAPTURE_BUFFER: usize = 64 * 1024;

/// A frame in the ring.
#[derive(Default)]
struct Traced {
    outgoing: bool,
    /// Since the daemon began.
    at: Duration,
    fcs: [u8; 2],
    octets: Vec<u8>,
}

/// The trace of a device.
struct Trace {
    /// What is traced (flags of [`trace::fr`], [`trace::chdlc`], [`trace::ppp`] or [`trace::x25`]); 0:
    /// nothing.
    flags: u8,
    asked: Instant,
    ring: VecDeque<Traced>,
    /// Buffers to use again.
    spare: Vec<Traced>,
    lost: u64,
    /// What the monitor knows of these.
    told: u64,
}

/// A capture file.
struct Capture {
    path: PathBuf,
    file: File,
    header: FileHeader,
    buffer: Vec<u8>,
    /// The same moment on both clocks.
    start: (Instant, Duration),
}

/// What the frames of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frame Relay.
    FrameRelay,
    /// Cisco HDLC.
    CiscoHdlc,
    /// PPP.
    Ppp,
    /// LAPB.
    Lapb,
    /// X.25's packets without LAPB.
    Packets,
    /// No frames: characters, in whatever pieces.
    Characters,
}

impl Framing {
    /// Their number in capture files.
    const fn link_type(self) -> LinkType {
        match self {
            Self::FrameRelay => LinkType::FrameRelay,
            Self::CiscoHdlc => LinkType::CiscoHdlc,
            Self::Ppp => LinkType::PppHdlc,
            Self::Lapb | Self::Packets => LinkType::Lapb,
            // The first of those that are the user's own.
            Self::Characters => LinkType::Other(147),
        }
    }
}

/// Everything that looks at frames.
pub struct Watch {
    protocol: Protocol,
    framing: Framing,
    born: Instant,
    trace: Trace,
    capture: Option<Capture>,
    /// The file that readers find the newest frames in.
    pub map: Option<StatusMap>,
    /// What monitors of X.25 flushed.
    pub flushed: Flushed,
}

impl Watch {
    /// Looks at nothing yet. `protocol` is what monitors ask in, `framing` what they see.
    pub fn new(protocol: Protocol, framing: Framing, now: Instant) -> Self {
        Self {
            protocol,
            framing,
            born: now,
            trace: Trace {
                flags: 0,
                asked: now,
                ring: VecDeque::new(),
                spare: Vec::new(),
                lost: 0,
                told: 0,
            },
            capture: None,
            map: None,
            flushed: Flushed::default(),
        }
    }

    /// A frame, without FCS, passed the line.
    pub fn frame(&mut self, now: Instant, outgoing: bool, frame: &[u8]) {
        if let Some(capture) = &mut self.capture {
            let time = capture.start.1 + now.saturating_duration_since(capture.start.0);
            let head: &[u8] = match self.framing {
                Framing::Lapb | Framing::Packets => lapb::capture_head(outgoing, frame),
                _ => &[],
            };
            let Capture { header, buffer, .. } = capture;
            header.append_cut(time, head, frame, frame.len(), buffer);
        }
        if self.trace.flags != 0 {
            self.trace_frame(now, outgoing, frame);
        }
        if let Some(map) = &mut self.map {
            map.frame(now, outgoing, frame);
        }
    }

    fn trace_frame(&mut self, now: Instant, outgoing: bool, frame: &[u8]) {
        self.end_stale_trace(now);
        if self.trace.flags & self.kind_of(frame) == 0 {
            return;
        }
        let mut traced = if self.trace.ring.len() >= RING {
            self.trace.lost += 1;
            self.trace.ring.pop_front().unwrap_or_default()
        } else {
            self.trace.spare.pop().unwrap_or_default()
        };
        traced.outgoing = outgoing;
        traced.at = now.saturating_duration_since(self.born);
        traced.fcs = if outgoing {
            trace::OUTGOING_FCS
        } else {
            fcs::fcs16_octets(frame)
        };
        traced.octets.clear();
        traced.octets.extend_from_slice(frame);
        self.trace.ring.push_back(traced);
    }

    /// The trace flag that a frame falls under.
    fn kind_of(&self, frame: &[u8]) -> u8 {
        match (self.protocol, kind_of(self.framing, frame)) {
            (Protocol::FrameRelay, Kind::Data) => trace::fr::INFORMATION,
            (Protocol::FrameRelay, _) => trace::fr::SIGNALLING,
            (Protocol::CiscoHdlc, Kind::Data) => trace::chdlc::DATA,
            (Protocol::CiscoHdlc, Kind::Signalling) => trace::chdlc::SLARP,
            (Protocol::CiscoHdlc, Kind::Discovery) => trace::chdlc::CDP,
            (Protocol::Ppp, Kind::Data) => trace::ppp::DATA,
            (Protocol::Ppp, _) => trace::ppp::SIGNALLING,
            (Protocol::X25, Kind::Data) => trace::x25::EVERY | trace::x25::DATA,
            (Protocol::X25, Kind::Signalling) => trace::x25::EVERY | trace::x25::SUPERVISORY,
            (Protocol::X25, Kind::Discovery) => trace::x25::EVERY | trace::x25::UNNUMBERED,
        }
    }

    /// A trace that nobody asks for any more ends, with a frame or without.
    fn end_stale_trace(&mut self, now: Instant) {
        if now.saturating_duration_since(self.trace.asked) > DEACTIVATION {
            self.stop_trace();
        }
    }

    /// Starts the trace of frames of these kinds; `true` when it already ran.
    pub fn start_trace(&mut self, now: Instant, flags: u8) -> bool {
        self.end_stale_trace(now);
        let running = self.trace.flags != 0;
        self.trace.flags = flags;
        self.trace.asked = now;
        running
    }

    /// Ends the trace.
    pub fn stop_trace(&mut self) {
        self.trace.flags = 0;
        self.trace.ring.clear();
        self.trace.spare.clear();
    }

    /// Frames that a slow monitor missed.
    pub fn trace_lost(&self) -> u64 {
        self.trace.lost
    }

    /// The next traced frame, in the form of X.25, in `data`; that stays empty when there is none.
    /// `false` when no trace runs.
    pub fn take_x25(&mut self, now: Instant, data: &mut Vec<u8>) -> bool {
        self.end_stale_trace(now);
        let trace = &mut self.trace;
        if trace.flags == 0 {
            return false;
        }
        trace.asked = now;
        let Some(traced) = trace.ring.pop_front() else {
            return true;
        };
        let age = now.saturating_duration_since(self.born + traced.at);
        let time = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_sub(age);
        let element = Element {
            status: if traced.outgoing { trace::OUTGOING } else { 0 },
            real_length: u16::try_from(traced.octets.len()).unwrap_or(u16::MAX),
            timestamp: time.subsec_millis() as u16,
            octets: &traced.octets,
            fcs: 0,
            lost: u8::try_from(trace.lost - trace.told).unwrap_or(u8::MAX),
            date: None,
        };
        trace::x25::encode(&element, Date::of(time.as_secs()), data);
        trace.told = trace.lost;
        trace.spare.push(traced);
        true
    }

    /// Packs traced frames into `data` as the answer to a request; `None` when no trace runs.
    pub fn take_trace(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        data: &mut Vec<u8>,
    ) -> Option<Control> {
        self.end_stale_trace(now);
        if self.trace.flags == 0 {
            return None;
        }
        self.trace.asked = now;
        let mut packer = Packer::new(self.protocol, data);
        while let Some(traced) = self.trace.ring.front() {
            let status = if traced.outgoing { trace::OUTGOING } else { 0 };
            let milliseconds = traced.at.as_millis() as u16;
            if !packer.push(status, milliseconds, &traced.octets, traced.fcs) {
                break;
            }
            self.trace.spare.extend(self.trace.ring.pop_front());
        }
        Some(packer.finish(request, !self.trace.ring.is_empty()))
    }

    /// Starts a capture into this file, which is overwritten.
    ///
    /// # Errors
    /// Those of creating and writing the file.
    pub fn start_capture(&mut self, now: Instant, path: &Path) -> io::Result<()> {
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            // A FIFO that nobody reads would hold up the link.
            let what = "there is something else than a file of this name";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        let mut file = File::create(path)?;
        let header = FileHeader::new(self.framing.link_type());
        file.write_all(&header.encode())?;
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.capture = Some(Capture {
            path: path.to_owned(),
            file,
            header,
            buffer: Vec::with_capacity(CAPTURE_BUFFER),
            start: (now, since_1970),
        });
        Ok(())
    }

    /// Ends the capture.
    ///
    /// # Errors
    /// Those of writing what was gathered last.
    pub fn stop_capture(&mut self) -> io::Result<()> {
        let written = self.write_capture();
        self.capture = None;
        written
    }

    /// The file of a running capture.
    pub fn capture(&self) -> Option<&Path> {
        self.capture.as_ref().map(|capture| capture.path.as_path())
    }

    /// Writes what was gathered. Once a turn of the loop.
    ///
    /// # Errors
    /// Those of writing; the capture has then ended.
    pub fn write_capture(&mut self) -> io::Result<()> {
        let Some(capture) = self.capture.as_mut().filter(|c| !c.buffer.is_empty()) else {
            return Ok(());
        };
        let written = capture.file.write_all(&capture.buffer);
        capture.buffer.clear();
        if written.is_err() {
            self.capture = None;
        }
        written
    }
}

/// What a frame is to a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signalling,
    Discovery,
    Data,
}

fn kind_of(framing: Framing, frame: &[u8]) -> Kind {
    match framing {
        Framing::FrameRelay => match frame_relay::Address::parse(frame) {
            Ok(address) if !matches!(address.dlci, 0 | frame_relay::Address::MAX_DLCI) => {
                Kind::Data
            }
            _ => Kind::Signalling,
        },
        Framing::CiscoHdlc => match cisco_hdlc::Frame::parse(frame).map(|f| f.protocol()) {
            Ok(cisco_hdlc::Protocol::Slarp) => Kind::Signalling,
            Ok(cisco_hdlc::Protocol::Cdp) => Kind::Discovery,
            _ => Kind::Data,
        },
        Framing::Ppp => match ppp::Frame::parse(frame) {
            Ok(frame) if !frame.protocol.is_network() => Kind::Signalling,
            Ok(frame) if frame.protocol.is_network_control() => Kind::Signalling,
            Ok(_) => Kind::Data,
            Err(_) => Kind::Signalling,
        },
        Framing::Lapb | Framing::Packets => match frame.get(1) {
            Some(_) if lapb::is_bare_packet(frame) => Kind::Data,
            Some(control) if control & 1 == 0 => Kind::Data,
            Some(control) if control & 2 == 0 => Kind::Signalling,
            _ => Kind::Discovery,
        },
        Framing::Characters => Kind::Data,
    }
}

#[cfg(test)]
mod tests {
    use wanbox_wire::pipemon::Repr;
    use wanbox_wire::pipemon::opcode::fr;

    use super::*;

    const ENQUIRY: &[u8] = &[0, 1, 3, 8, 0, 0x75, 0x51, 1, 0, 0x53, 2, 1, 0];
    const DATA: &[u8] = &[0x18, 0x41, 3, 0xcc, 0x45];

    /// The frames of one answer to a request for the trace; `None`: no trace runs.
    fn taken(watch: &mut Watch, now: Instant) -> Option<usize> {
        let request = Repr::request(Control::dlci(0), 1, fr::GET_TRACE_INFO, &[]);
        let mut octets = vec![0; request.wire_len()];
        request.emit(&mut octets).unwrap();
        let request = Message::new_checked(&octets).unwrap();
        let mut data = Vec::new();
        watch.take_trace(now, &request, &mut data)?;
        Some(data.len())
    }

    #[test]
    fn a_trace_ends_when_nobody_asks_with_frames_or_without() {
        let now = Instant::now();
        let mut watch = Watch::new(Protocol::FrameRelay, Framing::FrameRelay, now);
        assert_eq!(taken(&mut watch, now), None);
        assert!(!watch.start_trace(now, trace::fr::ALL));
        assert!(watch.start_trace(now, trace::fr::ALL), "it runs already");
        watch.frame(now, true, DATA);
        assert!(taken(&mut watch, now + DEACTIVATION).is_some_and(|octets| octets > DATA.len()));
        let late = now + 2 * DEACTIVATION + Duration::from_millis(1);
        assert_eq!(taken(&mut watch, late), None);
        assert!(!watch.start_trace(late, trace::fr::ALL), "it had ended");
    }

    #[test]
    fn a_trace_has_the_kinds_asked_for_and_the_newest_frames() {
        let now = Instant::now();
        let mut watch = Watch::new(Protocol::FrameRelay, Framing::FrameRelay, now);
        watch.start_trace(now, trace::fr::SIGNALLING);
        watch.frame(now, false, DATA);
        assert_eq!(watch.trace.ring.len(), 0);
        for _ in 0..RING + 3 {
            watch.frame(now, false, ENQUIRY);
        }
        assert_eq!((watch.trace.ring.len(), watch.trace_lost()), (RING, 3));
    }

    #[test]
    fn ppp_control_packets_are_told_from_data() {
        const ECHO: &[u8] = &[0xff, 3, 0xc0, 0x21, 9, 1, 0, 4];
        const IPCP: &[u8] = &[0x80, 0x21, 1, 1, 0, 4];
        const IP: &[u8] = &[0x21, 0x45];
        const FRAGMENT: &[u8] = &[0xff, 3, 0, 0x3d, 0xc0, 0];
        let now = Instant::now();
        for (protocol, signalling, data) in [
            (Protocol::Ppp, trace::ppp::SIGNALLING, trace::ppp::DATA),
            // A multi-port card's.
            (Protocol::CiscoHdlc, trace::chdlc::SLARP, trace::chdlc::DATA),
        ] {
            for (flags, taken) in [(signalling, 3), (data, 2), (signalling | data, 5)] {
                let mut watch = Watch::new(protocol, Framing::Ppp, now);
                watch.start_trace(now, flags);
                for frame in [ECHO, IPCP, IP, FRAGMENT, &[0xff, 7]] {
                    watch.frame(now, false, frame);
                }
                assert_eq!(watch.trace.ring.len(), taken, "{protocol:?} {flags}");
            }
        }
    }

    #[test]
    fn frames_of_x25_are_taken_one_by_one() {
        let now = Instant::now();
        let mut watch = Watch::new(Protocol::X25, Framing::Lapb, now);
        let mut data = Vec::new();
        assert!(!watch.take_x25(now, &mut data));
        let frames: [&[u8]; 4] = [
            &[1, 0x3f],
            &[3, 0x21],
            &[1, 0, 0x10, 1, 0x0f],
            &[0x10, 1, 0],
        ];
        use trace::x25::{DATA, EVERY, SUPERVISORY, UNNUMBERED};
        for (flags, taken) in [(EVERY, 4), (DATA, 2), (SUPERVISORY, 1), (UNNUMBERED, 1)] {
            watch.start_trace(now, flags);
            for frame in frames {
                watch.frame(now, true, frame);
            }
            assert_eq!(watch.trace.ring.len(), taken, "{flags:02x}");
            assert!(watch.take_x25(now, &mut data));
            let element = trace::x25::decode(&data).unwrap();
            assert!(element.outgoing() && element.date.is_some());
            assert!(frames.contains(&element.octets));
            watch.stop_trace();
        }
        watch.start_trace(now, EVERY);
        for _ in 0..RING + 3 {
            watch.frame(now, false, frames[1]);
        }
        for lost in [3, 0] {
            assert!(watch.take_x25(now, &mut data));
            assert_eq!(trace::x25::decode(&data).unwrap().lost, lost);
        }
        for _ in 2..RING {
            assert!(watch.take_x25(now, &mut data));
        }
        data.clear();
        assert!(watch.take_x25(now, &mut data) && data.is_empty());
    }

    #[test]
    fn a_capture_goes_into_a_file_only() {
        let now = Instant::now();
        let mut watch = Watch::new(Protocol::FrameRelay, Framing::FrameRelay, now);
        for other in ["/dev/null", "/"] {
            let error = watch.start_capture(now, Path::new(other)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{other}");
        }
        assert_eq!(watch.capture(), None);
    }
}
