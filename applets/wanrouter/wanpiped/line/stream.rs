//! Frames, or characters, on a stream of octets: a serial port, a pseudo-terminal, a TCP
//! connection.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use wanbox_grammar::line::{Flow, Kind as KindSpec};
use wanbox_link::framing::{Decoder, Encoder};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::stream::{
    FlowControl, ListenSettings, ModemLines, SerialSettings, Stream, StreamEvent, TcpSettings,
};

use super::raw::{Raw, port_settings};
use super::{Content, Pacing, address};

/// Octets gathered for one write.
const WRITE: usize = 64 * 1024;
/// Frames of at least so many octets are taken, however short the packets are: status messages of
/// many channels, and whatever the other side was not told not to send.
const LONGEST: usize = 2048;
/// The control characters that a port with XON and XOFF takes for itself.
const XON_XOFF: u32 = 1 << 0x11 | 1 << 0x13;
/// Where other programs look for the locks of serial ports.
const LOCKS: &str = "/var/lock";

/// What is lost, or to be known, beside frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The carrier was away, be it back already.
    pub lost: bool,
    /// There is room again.
    pub room: bool,
}

/// An open line.
pub struct StreamLine {
    stream: Stream,
    encoder: Encoder,
    decoder: Decoder,
    /// Characters pass as they are: no frames.
    raw: Option<Raw>,
    /// The control characters that are escaped until something else was negotiated.
    accm: u32,
    /// Those that are escaped whatever is negotiated.
    always: u32,
    /// Encoded frames that the line has not taken yet, and how much of them it has.
    out: Vec<u8>,
    taken: usize,
}

impl StreamLine {
    /// Opens the line that the configuration names; `None` when it is no stream.
    ///
    /// # Errors
    /// What could not be opened and why, for people.
    pub fn open(kind: &KindSpec, root: &Root, pacing: &Pacing) -> Result<Option<Self>, String> {
        let stream = match kind {
            KindSpec::Cable(_)
            | KindSpec::Udp { .. }
            | KindSpec::Packet(_)
            | KindSpec::Lapbether(_)
            | KindSpec::Xot(_) => return Ok(None),
            KindSpec::Tty {
                device,
                flow,
                ignore_dcd,
            } => {
                let settings = match &pacing.content {
                    Content::Asynchronous(conf) => {
                        port_settings(conf, pacing.baud_rate, *ignore_dcd)
                    }
                    Content::Frames | Content::Octets => SerialSettings {
                        flow: match flow {
                            Flow::None => FlowControl::NONE,
                            Flow::RtsCts => FlowControl::RTS_CTS,
                            Flow::XonXoff => FlowControl::XON_XOFF,
                        },
                        ignore_dcd: *ignore_dcd,
                        ..SerialSettings::new(pacing.baud_rate)
                    },
                };
                let locks = root.path(LOCKS);
                files::make_dir(&locks).map_err(|error| error.to_string())?;
                Stream::serial(Path::new(device), settings, Some(&locks))?
            }
            KindSpec::Pty(link) => {
                let link = root.path(link);
                if let Some(directory) = link.parent() {
                    files::make_dir(directory).map_err(|error| error.to_string())?;
                }
                Stream::pty(&link)?
            }
            KindSpec::Tcp(remote) => Stream::call(TcpSettings {
                remote: address(remote)?,
            })?,
            KindSpec::TcpListen { local, source } => Stream::listen(ListenSettings {
                local: address(local)?,
                source: *source,
            })?,
        };
        let always = match kind {
            KindSpec::Tty {
                flow: Flow::XonXoff,
                ..
            } => XON_XOFF,
            _ => 0,
        };
        let accm = pacing.accm | always;
        Ok(Some(Self {
            stream,
            encoder: Encoder::new(accm),
            decoder: Decoder::new(pacing.max_frame.max(LONGEST), accm),
            raw: match &pacing.content {
                Content::Frames => None,
                Content::Octets => Some(Raw::octets(pacing.max_frame)),
                Content::Asynchronous(conf) => {
                    let port = matches!(kind, KindSpec::Tty { .. });
                    Some(Raw::characters(pacing.max_frame, conf, port))
                }
            },
            accm,
            always,
            out: Vec::with_capacity(WRITE.min(Encoder::longest(pacing.max_frame) * 2)),
            taken: 0,
        }))
    }

    /// The other end is there.
    pub fn carrier(&self) -> bool {
        self.stream.carrier()
    }

    /// Why it is not, for people.
    pub fn trouble(&self) -> Option<&str> {
        self.stream.trouble()
    }

    /// The lines of a serial port.
    pub fn modem_lines(&self) -> Option<ModemLines> {
        self.stream.modem_lines()
    }

    /// Unplugs the line, or plugs it in.
    pub fn set_cut(&mut self, cut: bool) {
        if cut {
            self.stream.cut();
        } else {
            self.stream.join();
        }
    }

    /// Forgets what waits: the carrier is gone, and what was negotiated with it.
    pub fn forget(&mut self) {
        self.out.clear();
        self.taken = 0;
        self.decoder.reset();
        if let Some(raw) = &mut self.raw {
            raw.reset();
        }
        self.set_accm(self.accm, self.accm);
    }

    /// The control characters that the other side wants escaped, and those that it escapes.
    pub fn set_accm(&mut self, transmit: u32, receive: u32) {
        self.encoder = Encoder::new(transmit | self.always);
        self.decoder.set_accm(receive | self.always);
    }

    /// Reads what happened beside frames.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn on_ready(&mut self) -> io::Result<()> {
        self.stream.on_ready()
    }

    /// What changed since this was asked last.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn changes(&mut self) -> io::Result<Changes> {
        let mut changes = Changes::default();
        while let Some(event) = self.stream.poll_event() {
            match event {
                StreamEvent::Carrier(carrier) => {
                    changes.lost |= !carrier;
                    // Half a frame of before is no beginning of what comes now.
                    self.forget();
                    changes.room = true;
                }
                StreamEvent::Writable => {
                    self.flush()?;
                    changes.room |= !self.is_full();
                }
            }
        }
        Ok(changes)
    }

    /// Reads once and gives every frame to `each`, or characters, none being a break. `false`:
    /// nothing was there.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn receive(&mut self, buffer: &mut [u8], each: impl FnMut(&[u8])) -> io::Result<bool> {
        let longest = self.raw.as_ref().map_or(usize::MAX, Raw::longest);
        let room = longest.min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let received = self.stream.receive(buffer)?;
        if let Some(octets) = received.and_then(|count| buffer.get_mut(..count)) {
            match &mut self.raw {
                Some(raw) => raw.receive(octets, each),
                None => self.decoder.decode(octets, each),
            }
        }
        Ok(received.is_some())
    }

    /// Frames wait that the line has not taken.
    pub fn is_full(&self) -> bool {
        !self.out.is_empty() || self.stream.is_breaking()
    }

    /// The line is a serial port that sends breaks.
    pub fn can_break(&self) -> bool {
        self.stream.can_break()
    }

    /// Gathers a frame, or characters, none being a break; `false`: enough was gathered, flush
    /// first.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        if self.taken > 0 || self.out.len() >= WRITE || self.stream.is_breaking() {
            return false;
        }
        match &self.raw {
            // It begins behind what was written.
            Some(_) if frame.is_empty() && !self.out.is_empty() => return false,
            Some(raw) if frame.is_empty() => self.stream.begin_break(raw.break_time()),
            Some(raw) => raw.send(frame, &mut self.out),
            None => {
                self.encoder
                    .encode(frame, self.out.is_empty(), &mut self.out);
            }
        }
        true
    }

    /// Writes what was gathered, as far as the line takes it.
    ///
    /// # Errors
    /// Only what no later call can mend.
    pub fn flush(&mut self) -> io::Result<()> {
        let waiting = self.out.get(self.taken..).unwrap_or_default();
        self.taken += self.stream.send(waiting)?;
        if self.taken >= self.out.len() {
            self.out.clear();
            self.taken = 0;
        }
        Ok(())
    }

    /// Counters of the line's own, by name.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let stream = self.stream.stats();
        let framing = self.decoder.stats();
        let mut all = vec![
            ("stream_connects", stream.connects),
            ("stream_failures", stream.failures),
            ("stream_turned_away", stream.turned_away),
            ("framing_crc", framing.crc),
            ("framing_aborts", framing.aborts),
            ("framing_too_short", framing.too_short),
            ("framing_too_long", framing.too_long),
            ("framing_stray_characters", framing.stray),
        ];
        if let Some(raw) = &self.raw {
            let (damaged, malformed) = raw.damaged();
            all.extend([
                ("characters_damaged", damaged),
                ("characters_bad_marks", malformed),
            ]);
        }
        if let Some(port) = self.stream.port_counts() {
            all.extend([
                ("port_overruns", port.overruns.into()),
                ("port_parity", port.parity.into()),
                ("port_framing", port.framing.into()),
                ("port_breaks", port.breaks.into()),
                ("port_buffer_overruns", port.buffer_overruns.into()),
            ]);
        }
        all
    }
}

impl AsFd for StreamLine {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
