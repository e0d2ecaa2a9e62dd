//! Where traces go that no console shows: files of text, and captures.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use wanbox_net_desk::Desk;
use wanbox_net_engine::InterfaceId;

use crate::devices::{Capture, Devices};
use crate::growing::{self, Growing};
use crate::journal::present;

/// What is written at once, octets.
const PIECE: usize = 64 << 10;

struct Writer {
    file: Growing,
    /// The packets themselves.
    capture: Option<Capture>,
    /// What is to be written at the end of the turn, and of how many packets it is.
    waiting: Vec<u8>,
    packets: u64,
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
        let mut file = growing::open(path)?;
        let capture = path.extension().is_some_and(|end| end == "pcap");
        let capture = capture.then_some(kind);
        if let (Some(capture), 0) = (capture, file.metadata()?.len()) {
            growing::whole(&mut file, &capture.header().encode())?;
        }
        let name = path.display().to_string();
        let writer = Writer {
            file: Growing::new(name, file, "packets", capture.is_none()),
            capture,
            waiting: Vec::new(),
            packets: 0,
        };
        self.files.insert(id, writer);
        Ok(())
    }

    /// Everything that is to be shown goes where it belongs. What people are to be told of the files is returned.
    pub fn take(
        &mut self,
        devices: &mut Devices,
        desk: &mut Desk,
        now: std::time::Instant,
    ) -> Vec<String> {
        let (mut time, mut told) = (None, Vec::new());
        while let Some(trace) = devices.poll_trace() {
            let id = trace.interface;
            let mut writer = self.files.get_mut(&id);
            if let Some(writer) = writer.as_deref_mut() {
                writer.packets += 1;
            }
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
            self.write(now, PIECE, &mut told);
        }
        self.write(now, 1, &mut told);
        told
    }

    fn write(&mut self, now: std::time::Instant, least: usize, told: &mut Vec<String>) {
        for writer in self.files.values_mut() {
            if writer.waiting.len() >= least {
                let packets = std::mem::take(&mut writer.packets);
                told.extend(writer.file.take(now, &writer.waiting, packets));
                writer.waiting.clear();
            }
        }
    }
}
