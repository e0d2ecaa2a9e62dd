//! Where traces go that no console shows: files of text, and captures.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use wanbox_net_desk::Desk;
use wanbox_net_engine::InterfaceId;

use crate::devices::{Capture, Devices};
use crate::journal::{append, present};

/// What is written at once, octets.
const PIECE: usize = 64 << 10;

struct Writer {
    file: File,
    /// The packets themselves.
    capture: Option<Capture>,
    /// What is to be written at the end of the turn.
    waiting: Vec<u8>,
}

impl Writer {
    fn write(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.waiting);
        self.waiting.clear();
        written
    }
}

/// The files, by interface.
#[derive(Default)]
pub struct Traces {
    files: HashMap<InterfaceId, Writer>,
}

impl Traces {
    /// Traces of an interface go to the end of a file from now on, or (again) to a console. A file whose name ends
    /// in `.pcap` is a capture of this kind, which begins with a header where there was nothing.
    ///
    /// # Errors
    /// The file cannot be written; then nothing is changed.
    pub fn set(&mut self, id: InterfaceId, path: Option<&Path>, kind: Capture) -> io::Result<()> {
        let Some(path) = path else {
            self.files.remove(&id);
            return Ok(());
        };
        let mut file = append(path)?;
        let capture = path.extension().is_some_and(|end| end == "pcap");
        let capture = capture.then_some(kind);
        if let (Some(capture), 0) = (capture, file.metadata()?.len()) {
            file.write_all(&capture.header().encode())?;
        }
        let writer = Writer {
            file,
            capture,
            waiting: Vec::new(),
        };
        self.files.insert(id, writer);
        Ok(())
    }

    /// Everything that is to be shown goes where it belongs. A file that cannot be written any more (a full disk) is
    /// given up.
    pub fn take(&mut self, devices: &mut Devices, desk: &mut Desk, now: std::time::Instant) {
        let mut time = None;
        while let Some(trace) = devices.poll_trace() {
            let id = trace.interface;
            let mut writer = self.files.get_mut(&id);
            if let Some(writer) = writer.as_deref_mut()
                && let Some(capture) = writer.capture
            {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                trace.capture(capture, since.unwrap_or_default(), &mut writer.waiting);
            } else {
                let time = time.get_or_insert_with(present);
                let station = &desk.station;
                let names = |address| station.resolver.shown(now, address);
                let text = trace.text(station, time, &names);
                match writer {
                    Some(writer) => writer.waiting.extend_from_slice(text.as_bytes()),
                    None => desk.trace(id, &text),
                }
            }
            self.write(PIECE);
        }
        self.write(1);
    }

    fn write(&mut self, least: usize) {
        self.files
            .retain(|_, writer| writer.waiting.len() < least || writer.write().is_ok());
    }
}
