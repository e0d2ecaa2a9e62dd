//! For fuzzing, and for tests: a process that has no devices, keeps its files in memory, and writes down what it is
//! asked for; and whatever is typed at a console of its station.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use wanbox_net_commands::{Asy, Device, Host, Parameter};
use wanbox_net_engine::{Encapsulation, Frame, FrameKind, Interface, InterfaceId, Sink, Station};
use wanbox_net_services::Services;

use crate::console::{MOST_CONSOLES, MOST_TYPED};
use crate::{ConsoleId, Desk, Kind};

/// Packets that left.
#[derive(Debug, Default)]
pub(crate) struct Left(pub Vec<(InterfaceId, Vec<u8>)>);

impl Sink for Left {
    fn queued(&self, _line: InterfaceId) -> usize {
        0
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        if frame.kind == FrameKind::Ip {
            self.0.push((frame.line, frame.packet.to_vec()));
        }
    }
}

/// Files by their paths.
pub(crate) type Files = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// The process.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub left: Left,
    pub files: Files,
    pub log: Vec<String>,
    pub log_path: Option<String>,
    pub shells: Vec<(u32, String)>,
    pub traces: Vec<(u32, InterfaceId, Option<String>)>,
    pub exits: bool,
}

/// The end of a file.
struct End(Files, String);

impl Write for End {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut files = self.0.borrow_mut();
        files
            .entry(self.1.clone())
            .or_default()
            .extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Process {
    fn missing<T>() -> io::Result<T> {
        Err(io::Error::from_raw_os_error(2))
    }

    /// Names that end in a slash are nobody's.
    fn place(path: &str) -> io::Result<()> {
        match path.is_empty() || path.ends_with('/') {
            true => Self::missing(),
            false => Ok(()),
        }
    }
}

impl Host for Process {
    fn sink(&mut self) -> &mut dyn Sink {
        &mut self.left
    }

    fn attach(
        &mut self,
        _now: Instant,
        station: &mut Station,
        name: &str,
        _device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String> {
        let interface = Interface::new(name, Encapsulation::None, mtu.unwrap_or(576));
        let attached = station.interfaces.attach(interface);
        attached.map_err(|error| error.to_string())
    }

    fn parameter(
        &mut self,
        _now: Instant,
        _station: &mut Station,
        _id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        Ok(value.or(Some(parameter.0.into())))
    }

    fn asy(&mut self, _id: InterfaceId) -> Option<Asy> {
        None
    }

    fn device_lines(&self, _id: InterfaceId) -> String {
        String::new()
    }

    fn trace(&mut self, console: u32, id: InterfaceId, file: Option<&str>) -> io::Result<()> {
        self.traces.push((console, id, file.map(str::to_owned)));
        Ok(())
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let files = self.files.borrow();
        files.get(path).cloned().map_or_else(Self::missing, Ok)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }

    fn append(&mut self, path: &str) -> io::Result<Box<dyn Write>> {
        Self::place(path)?;
        Ok(Box::new(End(Rc::clone(&self.files), path.to_owned())))
    }

    fn delete(&mut self, path: &str) -> io::Result<()> {
        let gone = self.files.borrow_mut().remove(path);
        gone.map_or_else(Self::missing, |_| Ok(()))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        Self::place(to)?;
        let mut files = self.files.borrow_mut();
        let file = files.remove(from).map_or_else(Self::missing, Ok)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        Self::place(path)
    }

    fn remove_directory(&mut self, path: &str) -> io::Result<()> {
        Self::place(path)
    }

    fn shell(&mut self, console: u32, command: &str) -> io::Result<()> {
        if command == "none" {
            return Self::missing();
        }
        self.shells.push((console, command.to_owned()));
        Ok(())
    }

    fn log(&mut self, text: &str) {
        self.log.push(text.to_owned());
    }

    fn set_log(&mut self, path: Option<&str>) -> io::Result<()> {
        if let Some(path) = path {
            Self::place(path)?;
        }
        self.log_path = path.map(str::to_owned);
        Ok(())
    }

    fn log_path(&self) -> Option<&str> {
        self.log_path.as_deref()
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(90_061)
    }

    fn memory(&self) -> [u64; 3] {
        [4 << 20, 1 << 20, 1 << 16]
    }

    fn exit(&mut self) {
        self.exits = true;
    }
}

/// A desk with a station whose numbers are the same each time.
pub(crate) fn desk(now: Instant) -> Desk {
    let mut number = 1u64;
    let entropy = move || {
        number = number
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        number
    };
    let station = Station::new(now, 1_000_000_000_000, Box::new(entropy));
    Desk::new(station, Services::default())
}

/// The most that waits to be shown after a few lines typed.
const MOST_OUTPUT: usize = 4 << 20;

/// Octets typed at a terminal that was told `start echo`, in pieces between which time passes; the first octet says
/// how long they are. Nothing panics, and what is kept is bounded.
pub fn fuzz_desk(now: Instant, octets: &[u8]) {
    let mut process = Process::default();
    let file = b"hostname fuzz\nsource f\nfkey 1 \"telnet 127.0.0.1 7\\r\"\n".to_vec();
    process.files.borrow_mut().insert("f".to_owned(), file);
    let mut desk = desk(now);
    let Ok(id) = desk.open(Kind::Terminal) else {
        return;
    };
    desk.startup(
        now,
        &mut process,
        id,
        "start echo\nip address 44.0.0.1\n",
        false,
    );
    let (size, octets) = octets.split_first().unwrap_or((&1, octets));
    let mut now = now;
    for piece in octets.chunks(usize::from(*size).max(1)) {
        desk.input(now, &mut process, id, piece);
        desk.after(now, &mut process);
        for _ in 0..4 {
            let Some(due) = desk.poll_timeout() else {
                break;
            };
            now = now.max(due.min(now + Duration::from_secs(5)));
            desk.handle_timeout(now, &mut process);
            desk.after(now, &mut process);
        }
        let waits = desk.output(id).len();
        assert!(waits <= MOST_OUTPUT, "what waits to be shown is bounded");
        assert!(
            desk.console(id)
                .is_none_or(|console| console.typed.len() <= MOST_TYPED)
        );
        assert!(desk.consoles().count() <= MOST_CONSOLES);
        desk.written(id, waits);
        process.left.0.clear();
        for (console, _) in std::mem::take(&mut process.shells) {
            desk.shell_output(ConsoleId(console), b"\x1b[1mdone\n");
            desk.shell_done(now, &mut process, ConsoleId(console), 0);
        }
    }
    desk.close(now, id);
    desk.after(now, &mut process);
}
